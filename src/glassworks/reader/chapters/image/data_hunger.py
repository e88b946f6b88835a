# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Data hunger")

with app.setup:
    import marimo as mo

    from glassworks.blocks.patches import Patches
    from glassworks.insight.cost import stage_costs
    from glassworks.labs.cnn_against_vit import built, learn
    from glassworks.labs.shuffled_pixels import shuffled
    from glassworks.models.vision import cnn
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.field_of_view import FieldOfView
    from glassworks.reader.figures.hunger_curves import HungerCurves
    from glassworks.reader.figures.layers_as_matrices import LayersAsMatrices
    from glassworks.reader.figures.moved_picture import MovedPicture
    from glassworks.reader.figures.shuffled_squares import ShuffledSquares


@app.cell(hide_code=True)
def header():
    book.header("image/data_hunger")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## What a model knows before the first picture

    Show somebody ten pictures of a bird they never saw, and they know it again. Ten pictures alone could
    not teach that. They knew before that things have edges, that a bird stays a bird when it moves to the
    left, and that pixels side by side mostly belong to one thing.

    A network has such knowledge too, before its first picture. It lies in how its layers are built. The
    name for it is *inductive bias*: all that makes a learner prefer one answer over another beyond the
    examples it was given (Mitchell 1980). The word sounds like a fault. It is none: a learner without any
    such preference could say nothing about a picture that it has not seen. The question is only whether the
    preference is right, and how many examples it saves.

    ### A convolution is a dense layer with most of it decided

    The figure writes four layers as what they are: a table that says how much each input counts for each
    output. In a *dense* layer all entries are free, and must be learned. In a *convolution* two things have
    been decided:

    - **Neighbours belong together.** What is not near is fixed at zero.
    - **Every place is alike.** The same few weights stand on every row.

    A ViT has its share as well. It cuts the picture into *patches* and reads all of them with the same
    weights. That is neighbourhood and sameness, in one coarse step. Within a patch every weight is free,
    and *attention* between patches is full: nothing is fixed at zero, and nothing in it says which patches
    touch.
    """)
    return


@app.cell(hide_code=True)
def figure_layers_as_matrices():
    LayersAsMatrices()
    return


@app.cell(hide_code=True)
def exercise_matrix():
    book.exercise("data_hunger.matrix")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Every place alike: what it means, and how to test it

    Let $T$ be the act of moving a picture by some pixels, and $f$ a layer. If every place is treated alike,
    it does not matter whether one moves first or asks first:

    $$ f(T x) = T f(x) $$

    A layer for which this holds is *equivariant*: its answer moves along. For a convolution with steps of
    one pixel it holds exactly, away from the border, for *every* move. An edge that is found on the left
    need not be learned again on the right.

    With a *stride* of $s$ pixels the answer can only move by whole steps. So the rule holds where the move
    is a multiple of $s$, and else it does not. A pooling of 2 × 2 has the stride 2. CNNs pool several
    times, and their answers do change when a picture moves by one pixel (Zhang 2019). The patches of a ViT
    are a convolution whose stride is the whole patch. What follows for them?
    """)
    return


@app.cell(hide_code=True)
def code_patches():
    mo.vstack([book.source(Patches), book.source(cnn.Stage)])
    return


@app.cell(hide_code=True)
def exercise_moved():
    book.exercise("data_hunger.moved")
    return


@app.cell(hide_code=True)
def figure_moved_picture():
    MovedPicture()
    return


@app.cell(hide_code=True)
def text_patches():
    mo.md(r"""
    ### The same in a few lines

    ```python
    import torch

    torch.manual_seed(0)
    picture = torch.randn(1, 3, 32, 32)
    patches = torch.nn.Conv2d(3, 64, kernel_size=8, stride=8)
    before = patches(picture)                               # (1, 64, 4, 4)
    for shift, steps in ((8, 1), (3, 0)):
        after = patches(torch.roll(picture, shift, dims=3))
        along = torch.roll(before, steps, dims=3)
        print(torch.allclose(after, along, atol=1e-5))
    # -> True
    # -> False
    ```

    So a ViT is *not* without this knowledge. It has it for moves by whole patches, 1 in 64 of all moves
    with patches of 8. Then it gives it up: *positions* are added so that places can be told apart, and
    learned positions begin as random vectors, in which nothing says who is whose neighbour.
    """)
    return


@app.cell(hide_code=True)
def exercise_moves():
    book.exercise("data_hunger.moves")
    return


@app.cell(hide_code=True)
def text_field():
    mo.md(r"""
    ## How far one number sees

    "A filter of 3 × 3 sees only nine pixels" is said often, and confuses two things. The *kernel* has nine
    places. What a number further in depends on is its *receptive field*, and that grows with every layer,
    because each layer looks at numbers that have looked before. A layer of side $k$ adds $(k - 1)$ times
    the product of all strides before it (Araujo 2019):

    $$ r_{\text{after}} = r + (k - 1) \cdot s $$

    $$ s_{\text{after}} = s \cdot \text{stride} $$

    With small strides the field grows slowly, with pooling it grows quickly. ResNet-50 comes to 427 pixels
    on a side, nearly twice as wide as its pictures of 224. So a CNN needs not many layers to see
    everything, but some. And within the field the middle counts most.

    In a ViT the first attention already reaches every patch: after one block each token depends on every
    pixel. The figure measures both, by the slope of one number by every pixel.

    Does a ViT then look everywhere at once? It can. Raghu and others looked into trained ones (Raghu 2021):
    in the first layers some heads look far and others stay near their own patch, much as a filter does. The
    larger the collection it was trained on, the more of this nearness there was; models that were trained
    on ImageNet alone hardly had it, and were worse. That heads *can* become filters is proved: with enough
    heads and relative positions attention can be any convolution (Cordonnier 2019). What a CNN is given, a
    ViT can learn. Learning it takes pictures.
    """)
    return


@app.cell(hide_code=True)
def figure_field_of_view():
    FieldOfView()
    return


@app.cell(hide_code=True)
def code_field():
    book.source(stage_costs, fold=True)
    return


@app.cell(hide_code=True)
def exercise_field():
    book.exercise("data_hunger.field")
    return


@app.cell(hide_code=True)
def text_shuffled():
    mo.md(r"""
    ## A test for built-in knowledge: shuffle the pixels

    Here is a way to see what a network was given, without any theory. Draw one order of the pixels, once,
    and shuffle *all* pictures in it: those to learn from, and those of the test. Nothing is lost, for the
    order could be undone. Only neighbours are no neighbours any more.

    A network of dense layers (MLP) reads a picture as a list. Its first layer has a column for each pixel,
    and if the columns are shuffled like the pixels, every answer is the same number as before. Random
    columns have no order to begin with. So an MLP cannot mind. What the other networks lose is what they
    had known.
    """)
    return


@app.cell(hide_code=True)
def figure_shuffled_squares():
    ShuffledSquares()
    return


@app.cell(hide_code=True)
def code_shuffled():
    book.source(shuffled)
    return


@app.cell(hide_code=True)
def exercise_shuffled():
    book.exercise("data_hunger.shuffled")
    return


@app.cell(hide_code=True)
def lab_shuffled_pixels():
    book.lab("shuffled-pixels")
    return


@app.cell(hide_code=True)
def text_lost():
    mo.md(r"""
    With 100 digits to learn from, the MLP lost nothing. The CNN lost 3.8 points and its whole lead: on
    shuffled digits it answers 90 %, as the MLP does. It had counted on neighbours.

    Of the ViT we had claimed that it loses as well, and the lab did not show it. It stood at 74 % in order
    and at 76 % shuffled, a difference that may be chance. So what a ViT is given did not help it here: on
    pictures of 8 × 8 squares a patch of four squares says little. It lost clearly less than the CNN, which
    had more to lose. Little is built into it, and this is what that looks like.
    """)
    return


@app.cell(hide_code=True)
def exercise_given():
    book.exercise("data_hunger.given")
    return


@app.cell(hide_code=True)
def text_hunger():
    mo.md(r"""
    ## What it costs to know less

    "On 10,000 pictures a ResNet destroys a ViT": such sentences go round, mostly without a measurement. So
    we measure, small enough that you can repeat it in minutes. A CNN and a ViT, each with about 643,000
    *multiply-adds* a picture, learn from 50 to 1,297 handwritten digits of 8 × 8 squares (Alpaydin and
    Kaynak 1998), and from 100 to 10,000 pieces of clothing (Xiao and others 2017), reduced to the same
    size. Both see the same pictures in the same order, for the same number of steps. For each the same four
    learning rates were tried, and the best was kept.

    Before you look: what do you expect of the gap?
    """)
    return


@app.cell(hide_code=True)
def code_learn():
    mo.vstack([book.source(built), book.source(learn)])
    return


@app.cell(hide_code=True)
def exercise_gap():
    book.exercise("data_hunger.gap")
    return


@app.cell(hide_code=True)
def figure_hunger_curves():
    HungerCurves()
    return


@app.cell(hide_code=True)
def text_measured():
    mo.md(r"""
    ### What the lab saw

    With 50 digits the CNN is 31 points ahead, with 1,297 it is 5 ahead. What was known beforehand is worth
    most where there is least to learn from. Read across: for what the CNN does with 50 digits, the ViT
    needs a little more than 200, four times as many. No curve crosses another within what was measured.

    Has the gap then closed? Count errors instead. For one error of the CNN the ViT makes 3 with 50 digits,
    and 6 with 1,297. Both came near 100 %, and near 100 % points are small. A gap in points alone does not
    tell whether two models have come together.

    Three more things, each on 100 digits or more, that one might not guess:

    - **More steps helped the ViT alone.** With four times as many the ViT went from 71 to 78 %, the CNN
      from 94 to 92 %.
    - **Augmentation needs time.** In the long training it brought the ViT to 85 %: the gap fell from 23
      points to 10. In the short training it did harm: with 1,297 digits the ViT fell from 94 to 73 %. The
      likely reason: there was more to learn, and no more time for it.
    - **On clothes** the gap fell from 13 points with 100 pictures to 7 with 1,000, and there it stayed.
      With 10,000 the CNN answers 82 %, the ViT 76 %: ahead, and nothing is destroyed. Each of the 10,000
      was seen only 1.6 times; a longer training was not tried.
    """)
    return


@app.cell(hide_code=True)
def lab_cnn_against_vit():
    book.lab("cnn-against-vit")
    return


@app.cell(hide_code=True)
def text_large():
    mo.md(r"""
    ## And with a million, or 300 million?

    No lab of ours reaches there. What is known comes from those who could:

    - **Few assumptions win late.** Trained on ImageNet's 1.3 million pictures without much regularisation,
      ViTs came out some percent below ResNets of like size. With 14 million the two were about level, and
      with the 300 million of JFT the ViTs were ahead (Dosovitskiy 2020).
    - **300 million are not needed.** DeiT trained the same ViT-B/16 on ImageNet alone, with strong
      *augmentation*: 81.8 %, without a teacher. With *distillation* it was better still (Touvron 2020).
    - **Augmentation stands in for pictures.** With augmentation, regularisation and enough compute, models
      trained on ImageNet-21k did as well as those trained on about ten times as many pictures (Steiner
      2021).
    - **Nothing was killed.** ResNets that were given the training and the proportions of a Transformer kept
      up with Swin (Liu 2022), and convolutional networks trained on JFT with as much compute as large ViTs
      ended at like accuracy (Smith 2023). At scale the gap is small, and which side leads depends on the
      recipe.

    A weight file has such a history too, and it matters which. The default ViT-B/16 of torchvision was
    trained from scratch on ImageNet's 1,000 classes, with a recipe after DeiT: 81.07 %. It has not seen
    JFT. Another one in the same place began with billions of pictures from the web. Read where weights come
    from before you compare them.

    ## Which one for your pictures?

    For a few hundred pictures the answer is neither of the two from nothing. It is *transfer learning*: a
    network that has had its *pretraining* on many pictures, with *fine-tuning* on yours. The hunger for
    data has then been fed by somebody else. Whether that network is a CNN or a ViT matters less than what
    it was trained on; let your validation part decide.
    """)
    return


@app.cell(hide_code=True)
def exercise_three_hundred():
    book.exercise("data_hunger.three_hundred")
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## The same data, two systems

    Train both here, on the digits enlarged to 32 × 32 pixels. Begin with the CNN, then choose the ViT, and
    compare. Then give the ViT more time, and see whether it still gains when the CNN has long stopped. In a
    terminal, `glassworks learning-curve` draws such curves for any system and your own pictures.

    Below, a ViT learns from pictures of your own, which stay on this machine. With few of them do not
    expect much: that is what this chapter is about.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/data_hunger",
        {"data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("system", "system", {"CNN": "cnn", "ViT": "vit"}),
            Choose("augment", "augmentation", {"none": "none", "light: move and turn": "light"}),
            Slider("epochs", "epochs", 1, 40, step=1, value=8),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/data_hunger", {"system": "vit", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Layers differ in what has been decided before the first picture. A convolution fixes most weights at
    zero and makes the others equal: neighbours belong together, and every place is alike. A ViT is given
    much less, not nothing: patches, all read alike. What is given need not be learned, so it saves
    pictures. With enough pictures, or with augmentation, long training and a teacher, it can be learned
    after all. With few, use a network that has learned it elsewhere.

    The next chapter gives some of it back: windows and pyramids, attention that stays near.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/data_hunger")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/data_hunger")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/data_hunger")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/data_hunger")
    return


if __name__ == "__main__":
    app.run()
