# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What it looked at")

with app.setup:
    import marimo as mo

    from glassworks.blocks.attention import Maps
    from glassworks.insight.attention import attention_of, drawn_from, rollout, through
    from glassworks.insight.grad_cam import grad_cam
    from glassworks.insight.perturbation import faithfulness
    from glassworks.insight.sanity import sanity_check
    from glassworks.reader import book
    from glassworks.reader.figure import Slider
    from glassworks.reader.figures.cover_and_ask import CoverAndAsk
    from glassworks.reader.figures.heads_of_a_digit import HeadsOfADigit
    from glassworks.reader.figures.map_in_steps import MapInSteps
    from glassworks.reader.figures.one_class_at_a_time import OneClassAtATime
    from glassworks.reader.figures.rollout_by_hand import RolloutByHand
    from glassworks.reader.figures.weights_shuffled import WeightsShuffled


@app.cell(hide_code=True)
def header():
    book.header("image/what_it_looked_at")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A picture of where it drew from

    A network says "dog". Which places of the photograph made it say so? A *Vision Transformer (ViT)* seems
    to have the answer inside. In every block each *token* weighs all tokens by *attention*, itself
    included, and the weights sum to 1. The row of the class token says from which places it drew. Draw that
    row over the photograph, and you have an *attention map*.

    It takes five steps. The figure goes through them with the 197 tokens and the 12 heads of ViT-B/16: a
    class token, and one token for each *patch* of 16 × 16 pixels in a picture of 224 × 224.

    Go back step by step, then turn the switch. This ViT has **never learned anything**. Its weights are
    random, and its map is nearly even. Stretched from its smallest to its largest value it looks decided all
    the same, and it even follows the rim of the cup: patches that look alike are weighed alike, whatever the
    weights are. Keep that in mind. The map is easy to draw, and easy to believe. The second half of this
    chapter measures whether such drawings can be believed. The result is mixed.
    """)
    return


@app.cell(hide_code=True)
def figure_map_in_steps():
    MapInSteps()
    return


@app.cell(hide_code=True)
def exercise_place():
    book.exercise("what_it_looked_at.place")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## The steps, with their shapes

    Let $A^{(h)}$ be the weights of head $h$ in one block, 197 rows and 197 columns. Row $i$ says from where
    token $i$ drew; every row sums to 1. The class token is token 0, the patches are tokens 1 to 196.

    $$a_j = \frac{1}{12} \sum_{h=1}^{12} A^{(h)}_{0,j}, \qquad j = 1, \dots, 196$$

    ```python
    import torch

    weights = torch.randn(1, 12, 197, 197).softmax(-1)  # only the shapes are real
    mean = weights.mean(1)
    tuple(mean.shape)  # -> (1, 197, 197)
    row = mean[:, 0, 1:]
    tuple(row.shape)  # -> (1, 196)
    bool(row.sum() <= 1)  # -> True
    tuple(row.reshape(1, 14, 14).shape)  # -> (1, 14, 14)
    ```

    - The mean over the heads goes from $(1, 12, 197, 197)$ to $(1, 197, 197)$.
    - Row 0 is what the class token drew. It is a row, not a column: column 0 says who drew from the class
      token.
    - Column 0 of that row is the class token's weight for itself. It has no place in the picture and is left
      out. So the 196 numbers sum to at most 1, and the rest is what it kept.
    - The 196 numbers become 14 rows of 14, in the order in which the patches were cut.

    A grid of 14 × 14 does not lie over a photograph by itself. Each number stands for 16 × 16 pixels, so the
    grid is *enlarged* to the size of the picture, *scaled* to colours, and *blended* with the photograph. If
    the picture was cropped before the model saw it, the map belongs on the crop. Fine contours of such a map
    come from the enlarging: the model gave 196 numbers.
    """)
    return


@app.cell(hide_code=True)
def exercise_class_map():
    book.exercise("what_it_looked_at.class_map")
    return


@app.cell(hide_code=True)
def text_weights():
    mo.md(r"""
    ## How to get the weights at all

    In much code they cannot simply be had. The fused kernel `scaled_dot_product_attention` never writes the
    map of weights down, which saves memory and often time. Torchvision's ViT asks its attention for no
    weights, so a hook on that module gets `None` in their place. Drawings that use random numbers instead
    look just as pretty, and show nothing.

    Here the weights pass by a place of their own, `Maps`. If somebody listens there, the block computes
    attention in the written-out form, with the same answers up to rounding. `attention_of` listens to all
    blocks during one forward pass, checks that every row sums to 1, and takes its ears away again.
    `drawn_from` is your exercise for a whole batch and every head.
    """)
    return


@app.cell(hide_code=True)
def code_attention_of():
    mo.vstack([book.source(Maps), book.source(attention_of, fold=True), book.source(drawn_from)])
    return


@app.cell(hide_code=True)
def text_heads():
    mo.md(r"""
    ## Head by head

    From here on the network has learned something. It is small, so that it can be trained while you read:
    digits of 8 × 8 squares, cut into 16 patches of 2 × 2, three blocks of four heads. The first figure that
    needs it trains it, which takes some seconds.

    Look at the heads of one block. They differ, and their mean looks like none of them. A mean can also
    hide a head that does something by itself. In a ViT that was pretrained on very many photographs without
    labels, heads of the last block were found to follow the outlines of objects (Caron 2021). That was one
    way of training; with labels the same maps were less clear. Expect no such thing of every model.

    Then compare the blocks, and read the table. The colours of two maps cannot be compared, because each is
    stretched to its own range.
    """)
    return


@app.cell(hide_code=True)
def figure_heads_of_a_digit():
    HeadsOfADigit()
    return


@app.cell(hide_code=True)
def text_rollout():
    mo.md(r"""
    ## Why the last block is not the story

    In block 1, token 74 holds its patch and its place. By block 12 it has drawn from all others eleven times,
    and kept what it got. To say "the class token drew from token 74" in the last block says little about
    *patch* 74.

    *Rollout* follows the ways back (Abnar 2020). It takes the mean over the heads of each block,
    $\bar A_1, \dots, \bar A_L$, and multiplies from the first block to the last. One thing must be added. A
    block does not replace a token, it adds to it: the *residual connection* leads around. So half of the
    identity is mixed into every block:

    $$R = \left(\tfrac12 I + \tfrac12 \bar A_L\right) \cdots \left(\tfrac12 I + \tfrac12 \bar A_2\right)
    \left(\tfrac12 I + \tfrac12 \bar A_1\right)$$

    The later block stands on the left, because it draws from what the earlier one left behind. Rows still sum
    to 1. The row of the class token, without its own column, is drawn as before.

    The figure has three tokens and two layers. In layer 2 alone, the class token draws 0.8 from the left
    patch. But what the left token holds came to 0.9 from the right one. At a share of 0, rollout gives
    0.843 to the right. At one half it gives 0.319 to the right and 0.314 to the left. So the half decides a
    good deal. It is a convention: nobody measured it in the network.
    """)
    return


@app.cell(hide_code=True)
def figure_rollout_by_hand():
    RolloutByHand()
    return


@app.cell(hide_code=True)
def exercise_without_itself():
    book.exercise("what_it_looked_at.without_itself")
    return


@app.cell(hide_code=True)
def exercise_rollout():
    book.exercise("what_it_looked_at.rollout")
    return


@app.cell(hide_code=True)
def code_rollout():
    mo.vstack([book.source(through), book.source(rollout, fold=True)])
    return


@app.cell(hide_code=True)
def text_grad_cam():
    mo.md(r"""
    ## Grad-CAM: the same question, put to any network

    It is often written that a convolutional network is a black box, while attention shows exactly what a
    model looked at. Both halves are wrong. The second is tested below. As to the first, convolutional
    networks could be looked into years before.

    *Grad-CAM* takes the last *feature maps* $F_k$ of a network (Selvaraju 2016). It asks how the score
    $s_c$ of one class would change with each map, averages that slope over the places, and adds the maps up
    with these weights:

    $$w_k = \text{mean over places of } \frac{\partial s_c}{\partial F_k}$$

    $$\text{heat} = \operatorname{ReLU}\Big(\sum_k w_k F_k\Big)$$

    For a ViT the tokens that enter the last block's attention are the maps, put back in rows and columns.
    After it the answer is read from the class token alone. *Occlusion* needs even less (Zeiler 2013): cover a
    square, ask again, and colour by how far the probability falls.

    Mind the difference. Attention says from where was drawn, and there is one map for the picture. Grad-CAM
    and occlusion are asked about a class, and answer for that class. The figure has a convolutional network
    with published weights. Ask it about its second answer, or about its last of 1,000. There too you
    often see a brightest place.
    """)
    return


@app.cell(hide_code=True)
def figure_one_class_at_a_time():
    OneClassAtATime()
    return


@app.cell(hide_code=True)
def exercise_which_class():
    book.exercise("what_it_looked_at.which_class")
    return


@app.cell(hide_code=True)
def code_grad_cam():
    book.source(grad_cam)
    return


@app.cell(hide_code=True)
def text_believe():
    mo.md(r"""
    ## Can it be believed? Cover and ask

    A map claims that some places mattered. That can be tested. Cover the hottest places first, a few pixels
    more each time, and ask the network again (Samek 2015). If the map is right, its answer falls early.
    This is *deletion*. Insertion is the reverse: begin with an empty picture and show the hottest places
    first. The figure for each is the area under the curve (Petsiuk 2018): low is good for deletion, high for
    insertion.

    But low compared with what? Any picture with holes is harder to read. The fair comparison is *the same
    heat laid elsewhere*: shifted round the edges and perhaps mirrored. It hides as much, in lumps as large,
    and knows nothing. Random single pixels would be an easier opponent, since scattered holes ruin a
    picture differently.

    Two warnings. A covered picture is one that the network has never seen, and grey squares may mean
    something to it. And one picture proves nothing: look at a few of them below, with different maps.
    """)
    return


@app.cell(hide_code=True)
def figure_cover_and_ask():
    CoverAndAsk()
    return


@app.cell(hide_code=True)
def exercise_covering():
    book.exercise("what_it_looked_at.covering")
    return


@app.cell(hide_code=True)
def lab_can_the_map_be_believed():
    book.lab("can-the-map-be-believed")
    return


@app.cell(hide_code=True)
def text_measured():
    mo.md(r"""
    ### What came out

    The recorded run took 100 test pictures for each of five seeds. All figures are points of probability
    over the same heat elsewhere, on this small ViT and these digits.

    | map | deletion | insertion |
    |:---|---:|---:|
    | attention of the last block | +1.6 | +0.5 |
    | rollout | +11.4 | +14.5 |
    | Grad-CAM on the ViT | +1.3 | +0.4 |
    | Grad-CAM on the convolutional network | +8.0 | +7.7 |
    | occlusion on the ViT | +30.3 | +28.2 |
    | the ink, which asks no network | +10.7 | +5.3 |
    | noise, which asks no network | +0.9 | +0.5 |

    - **The attention of the last block did no better than noise.** The intervals of its gains reach to both
      sides of zero. So the claim, which was made for both maps, is *not shown*. It fits what was said above:
      by the last block, tokens no longer stand for their patches.
    - **Rollout did mark places that the answer hangs on**, clearly, and in every seed.
    - **Occlusion is far ahead.** It is an experiment with the network's answers, and close to the test that
      judges it. It costs one question a square.
    - **The ink did as well as rollout in deletion.** A map of the ink is the picture itself. On digits it is
      no secret where the matter lies. In insertion rollout was ahead of it.

    The last point spoils the test a little. To pass it does not mean that a map explains the network. A
    second test is needed.
    """)
    return


@app.cell(hide_code=True)
def text_sanity():
    mo.md(r"""
    ## Ruin the network, and see whether the map notices

    The *sanity check* is simple (Adebayo 2018): take away what the network has learned, and draw the map
    again. Here the weights of each tensor are shuffled. A map that stays the same came from the picture or
    from the structure of the network, not from what was learned. Some handsome methods fail: they find
    edges.

    In the recorded lab, the ink agrees with itself to 1.00, as it must. Grad-CAM on the ViT agrees to 0.02,
    the last block's attention to 0.14, rollout to 0.29 on average and to 0.52 in one of the five seeds. So
    a part of a rollout comes from the picture, with any weights; you saw it around the cup. Rollout passes
    the first test and, with that reservation, the second. The ink passes deletion and fails here. Grad-CAM
    on this ViT passes here and fails there.
    """)
    return


@app.cell(hide_code=True)
def figure_weights_shuffled():
    WeightsShuffled()
    return


@app.cell(hide_code=True)
def exercise_shuffled():
    book.exercise("what_it_looked_at.shuffled")
    return


@app.cell(hide_code=True)
def code_tests():
    mo.vstack([book.source(faithfulness, fold=True), book.source(sanity_check, fold=True)])
    return


@app.cell(hide_code=True)
def text_cannot():
    mo.md(r"""
    ## What such pictures cannot say

    - **Why.** A map shows places. "It looked at the ears" is your sentence: the network may have used the
      grass that lies in the same patches.
    - **What was made of it.** A weight says how much of a token's value was taken. The value may be nearly
      zero, or speak against the answer. MLPs and values are in no attention map.
    - **Cause.** In recurrent networks that read text, quite other weights were found that lead to nearly the
      same answer (Jain 2019). What then counts as an explanation is still debated. Cover and ask: that is an
      experiment.
    - **That bright means important.** In large pretrained ViTs, some patches of plain background draw most of
      the attention. The network uses them as scratch paper (Darcet 2023).
    - **How sure.** A stretched map of a guess looks like that of a certainty. Read the range in the caption.
    - **That the model is right.** A map on the object is no proof of a good model, and one beside it is a
      reason to look further, not a verdict.

    What they are good for: finding a model that looks at the watermark, the ruler or the edge of the scan.
    A map raises the suspicion, covering tests it, other pictures decide.
    """)
    return


@app.cell(hide_code=True)
def text_own():
    mo.md(r"""
    ## Look into a model of your own

    Train a ViT below, first on digits of 32 × 32 pixels, then on pictures of your own. Then ask what it
    looked at, in a terminal:

    ```sh
    glassworks train vit --data photos --out runs/photos
    glassworks explain runs/photos cat.jpg
    glassworks explain runs/photos cat.jpg --methods heads rollout
    glassworks explain runs/photos cat.jpg --methods occlusion --target cat
    ```

    Without `--methods` a ViT gets its last block's attention, rollout and Grad-CAM. The drawings are saved
    as PNG files beside a page, `runs/photos/explain/explain.html`. Each caption says whose row is drawn, in
    which range, and what became of the answer when the hottest places were covered. For a convolutional
    network the same verb draws Grad-CAM, occlusion and its strongest maps. A map that hardly varies is
    drawn faintly, and not stretched.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/what_it_looked_at",
        {"system": "vit", "data": "sample:digits", "size": "tiny"},
        settings=(
            Slider("epochs", "epochs", 1, 20, step=1, value=8),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/what_it_looked_at", {"system": "vit", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    An attention map is a row of weights: mean over the heads, the class token's row without its first
    column, back into rows and columns, enlarged. One block alone says little, because tokens mix; rollout
    multiplies the blocks, with half of the identity for the path around. Attention has one map for a
    picture; Grad-CAM and occlusion are asked about a class. Believe none of them unasked: cover the hottest
    places beside the same heat elsewhere, and shuffle the weights. Here rollout passed, the last block's
    attention did not pass the first test, and a map of the ink passed half of it without asking any
    network.

    Next: what a ViT costs in data, beside a convolutional network.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/what_it_looked_at")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/what_it_looked_at")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/what_it_looked_at")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/what_it_looked_at")
    return


if __name__ == "__main__":
    app.run()
