# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Standing on shoulders")

with app.setup:
    import marimo as mo

    from glassworks.blocks.low_rank import LowRank
    from glassworks.models.vision import efficientnet, resnet
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.another_size import AnotherSize
    from glassworks.reader.figures.growing_together import GrowingTogether
    from glassworks.reader.figures.near_in_features import NearInFeatures
    from glassworks.reader.figures.norm_on_the_move import NormOnTheMove
    from glassworks.reader.figures.parts_that_learn import PartsThatLearn
    from glassworks.reader.figures.shoulders_curves import ShouldersCurves
    from glassworks.reader.figures.with_a_shortcut import WithAShortcut
    from glassworks.transfer.freeze import training_mode
    from glassworks.transfer.head_start import start_head


@app.cell(hide_code=True)
def header():
    book.header("image/standing_on_shoulders")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## Somebody has looked already

    A network that starts from random numbers has to learn from your pictures what an edge is, what fur looks
    like, and at last what you want to know. With five pictures a class that is much to ask. But others have
    shown a network 1.28 million photographs of a thousand classes (Deng 2009), and given the weights away. To
    begin with them is *transfer learning*. What was learned before is *pretraining*.

    What is taken over is the *backbone*: all layers that turn a picture into *features*, here 1,280 numbers.
    What is thrown away is the *head*, the last layer, which knows the old classes.

    Are such features worth anything for pictures the network has never seen? The figure cuts four pieces from
    each of some photographs. By their pixels, 12 of 28 pieces have one of the same photograph as their
    nearest. By their features all 28 have. Nothing was trained for it.

    This chapter takes apart what is taken over, then says how to take it over, and measures what that is
    worth: for some pictures very much, for others less than nothing.
    """)
    return


@app.cell(hide_code=True)
def figure_near_in_features():
    NearInFeatures()
    return


@app.cell(hide_code=True)
def exercise_head_size():
    book.exercise("standing_on_shoulders.head_size")
    return


@app.cell(hide_code=True)
def text_residual():
    mo.md(r"""
    ## The shoulders, one: adding a correction

    Which networks are stood upon? Until 2015 a limit was in the way: stacked deeper, networks became worse,
    and not only on new pictures. On CIFAR-10, 56 plain layers had a larger error on the *training* pictures
    than 20 (He 2015). That is no overfitting. A deeper stack could copy what the shallow one does and hand it
    on. It does not find that out.

    So it was built in. A block computes a change $F$ and adds it to what came in:

    $$y = \operatorname{ReLU}(F(x) + x)$$

    This is the *residual connection*. A block that has nothing to say learns $F = 0$ and is out of the way,
    and the gradient has a straight way back through the sum. Where the map changes its size or its number, a
    filter of 1 × 1 brings $x$ to the new shape.

    The figure trains the blocks below on digits, with the sum and without. Both have batch norm, so this is
    not only the old story of a vanishing gradient. Then try fewer blocks.
    """)
    return


@app.cell(hide_code=True)
def figure_with_a_shortcut():
    WithAShortcut()
    return


@app.cell(hide_code=True)
def code_block():
    mo.vstack(
        [book.source(resnet.BasicBlock, start="def forward", fold=False), book.source(resnet.shortcut_for)]
    )
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    *ResNet-18 and ResNet-50* stand in every library. The first has 11,689,512 numbers and makes 512 features,
    the second 25,557,032 and 2,048. The larger one narrows the maps before its 3 × 3 filter and widens them
    after it.

    ## The shoulders, two: growing together

    *EfficientNet* (Tan 2019) turned to two other questions. The first: must every filter see all maps? A
    filter of 3 × 3 over $C$ maps that makes $C$ maps costs $9 C^2$ at every place. A *depthwise convolution*
    filters each map alone, $9 C$, and a 1 × 1 filter mixes them, $C^2$. With 96 maps that is 10,080 in place
    of 82,944.

    The second: how should a network grow? Deeper, wider, or with larger pictures? Each alone soon gains
    little. The rule is *compound scaling*: choose one number $\phi$, and let

    $$\text{depth} = \alpha^\phi, \quad \text{width} = \beta^\phi, \quad \text{side} = \gamma^\phi,$$

    with $\alpha \beta^2 \gamma^2 \approx 2$, so that the work doubles with each step of $\phi$. A small
    search gave $\alpha = 1.2$, $\beta = 1.1$, $\gamma = 1.15$. The paper's largest, B7, reached 84.3 % on
    ImageNet.

    The calculator grows the B0 of the workbench and counts what comes out. The *multiply-adds* grow faster
    than the rule says, because blocks and maps come in whole numbers and are rounded up.
    """)
    return


@app.cell(hide_code=True)
def exercise_work():
    book.exercise("standing_on_shoulders.work")
    return


@app.cell(hide_code=True)
def figure_growing_together():
    GrowingTogether()
    return


@app.cell(hide_code=True)
def code_compound():
    mo.vstack(
        [book.source(efficientnet.compound), book.source(efficientnet.Block, start="def forward", fold=False)]
    )
    return


@app.cell(hide_code=True)
def text_prepared():
    mo.md(r"""
    ## As the weights saw it

    Weights come with a way of preparing pictures, and it belongs to them like a key to a lock: size, cut,
    order of colours, mean and spread. EfficientNet-Lite0 wants values from −1 to 1. A ResNet wants ImageNet's
    mean and spread, so that black becomes −2.12, −2.04 and −1.80 in the three channels, and white 2.25, 2.43
    and 2.64.

    - **Scale.** Bytes where −1 … 1 is expected give nonsense without any error. A smaller mistake is worse:
      the answers are only a little off, and nobody notices. Try both below.
    - **Cut.** `Resize(224)` with one number keeps the shape, so a photograph that is not square stays so. Two
      such pictures do not stack into a batch. The newer weights of ResNet-50 in torchvision want 232 and then
      the middle 224. Resized to 224 and not cut, everything is seen a little smaller than it was learned.
    - **Size.** It is often said that a ResNet needs 224 × 224. It does not. Filters slide over any map, and
      the mean over the last map gives the same number of features. 224 is what was *learned*; other sizes go,
      and mostly a little less well. A small size is cheap: the work falls with its square.

    The workbench stores all this beside the weights and refuses what does not fit. One thing may be your
    choice. On 188 stamps, the middle of the picture alone gave 89.7 % with a new head, the whole picture
    stretched to a square 92.2 %. What you photographed may stand at the edge.
    """)
    return


@app.cell(hide_code=True)
def figure_another_size():
    AnotherSize()
    return


@app.cell(hide_code=True)
def exercise_resized():
    book.exercise("standing_on_shoulders.resized")
    return


@app.cell(hide_code=True)
def text_frozen():
    mo.md(r"""
    ## Freeze, and fit a head

    The simplest way to take over is *freezing* the whole backbone and fitting a new head: a *linear probe*.
    One dense layer on fixed features is a convex problem. It has one best solution, and no rate or number of
    epochs has to be guessed. The workbench solves it with L-BFGS in a tenth of a second, with a small pull
    towards zero.

    This matters more than it seems. On the stamps, 130 pictures and 1,280 features, a head that was trained
    from torch's random start reached 89.7 %, from zeros 91.0 %. The random numbers stay where the pictures
    say nothing. So every new head begins at the solution, whatever learns later. Else its first, blind
    gradients push good features about, and with few pictures they do not recover (Kumar 2022).

    And now the trap. What does it take to freeze a network with *batch normalisation*?
    """)
    return


@app.cell(hide_code=True)
def code_head():
    book.source(start_head)
    return


@app.cell(hide_code=True)
def exercise_what_moves():
    book.exercise("standing_on_shoulders.what_moves")
    return


@app.cell(hide_code=True)
def figure_norm_on_the_move():
    NormOnTheMove()
    return


@app.cell(hide_code=True)
def text_drift():
    mo.md(r"""
    ## What frozen means

    A batch norm has two numbers a channel that learn, scale and shift, and two that do not: a running mean
    and a running variance. In training mode it divides by the figures of the batch (Ioffe 2015), and the
    forward pass writes the running ones. `requires_grad = False` does not concern them. So the network
    drifts, and the head learns on other features than it will see: in training those of the batch, later
    those of the drifted figures.

    The remedy is *evaluation mode* for whatever is frozen, in every epoch, after `model.train()` was called.
    Then all weights and all figures stay bit for bit as they were, after any number of steps.

    The lab gives Lite0 a head for digits, both ways. Kept in evaluation mode, it answers 86.6 % of new
    digits. With the batch norms left in training mode, 66.6 %, and with batches of 4 still less. The old
    head, asked about pieces of photographs, gives all of them another answer than before.

    Told fairly, there is another side. Figures of the new pictures can also help, when a network shall be
    used on another sort of pictures without labels (Li 2016). Then it is done on purpose, with enough
    pictures, and *before* the head is fitted.
    """)
    return


@app.cell(hide_code=True)
def lab_frozen_norm_drifts():
    book.lab("frozen-norm-drifts")
    return


@app.cell(hide_code=True)
def exercise_freeze():
    book.exercise("standing_on_shoulders.freeze")
    return


@app.cell(hide_code=True)
def text_caching():
    mo.md(r"""
    ## Ask the body once

    A frozen body says the same of a picture in every epoch. Small pictures make it worse: digits of 32 × 32,
    enlarged to 224 × 224, are 49 times the pixels, and each epoch asks about all of them anew. So ask once,
    keep the features, and let the head learn from them. With 20 epochs the body does a twentieth of the work.

    One condition: nothing random may touch the pictures. With *augmentation* each epoch shows another
    picture, and there is nothing to keep. The lab finds the same answers 18 times as fast; but at a rate so
    large that the head never settles, even the rounding of a millionth grows into other answers. `glassworks
    finetune --tune head` switches augmentation off and caches; the other ways of tuning do neither.
    """)
    return


@app.cell(hide_code=True)
def lab_caching_features():
    book.lab("caching-features")
    return


@app.cell(hide_code=True)
def text_more():
    mo.md(r"""
    ## More than a head

    Where your pictures differ from ImageNet's, its features may lack what you need. Then more has to learn.
    That is *fine-tuning*, and there are four ways, all in one table below:

    - **last:N** lets some parts before the head learn, too. Early layers are general, late ones belong to the
      old task (Yosinski 2014).
    - **gradual** thaws one part after another, from the head down (Howard 2018).
    - **full** lets everything learn, and gives each part a smaller rate than the one above it.
    - **lora** leaves every layer as it is and learns a thin addition beside it (Hu 2021).

    Gently, in each case. On the stamps, cross-validated in three parts, the head alone had 88.3 %. Everything
    learning at a rate of 0.001 made it 83.0 %; from a fitted head at 0.0001 it was 89.9 %. More that learns
    is not more that is known.

    *LoRA* writes the change of a weight matrix as a product of two thin ones:

    $$W' = W + \frac{\alpha}{r}\, B A$$

    $A$ has $r$ rows, one of all inputs each, and $B$ has $r$ columns.     $B$ starts at zero, so at first
    nothing changes. At rank $r = 8$ a layer of 320 × 1,280 learns $8 \cdot (320 + 1280) = 12{,}800$ numbers
    in place of 409,600. Afterwards the product is added to $W$, and it costs nothing.
    """)
    return


@app.cell(hide_code=True)
def figure_parts_that_learn():
    PartsThatLearn()
    return


@app.cell(hide_code=True)
def code_transfer():
    mo.vstack(
        [
            book.source(LowRank, start="def forward", stop="return plain", fold=False),
            book.source(training_mode),
        ]
    )
    return


@app.cell(hide_code=True)
def exercise_merge():
    book.exercise("standing_on_shoulders.merge")
    return


@app.cell(hide_code=True)
def text_who_wins():
    mo.md(r"""
    ## What it is worth

    "A few hundred pictures and a pretrained network make an expert." It is said often, and as a rule it is
    wrong. It depends on three things: how far your pictures are from those of the pretraining, how hard the
    task is, and how many pictures you have. Predict one case before you look.
    """)
    return


@app.cell(hide_code=True)
def exercise_who_wins():
    book.exercise("standing_on_shoulders.who_wins")
    return


@app.cell(hide_code=True)
def figure_shoulders_curves():
    ShouldersCurves()
    return


@app.cell(hide_code=True)
def lab_scratch_against_transfer():
    book.lab("scratch-against-transfer")
    return


@app.cell(hide_code=True)
def text_distance():
    mo.md(r"""
    ## When does which way win?

    The recorded run, four seeds; test accuracy in percent.

    | pictures | from scratch | ImageNet |
    |:---|---:|---:|
    | digits, 5 a class | 93.8 | 80.1 |
    | digits, 100 | 99.5 | 95.1 |
    | faces, 5 | 89.4 | 98.8 |
    | faces, 50 | 97.5 | 98.8 |
    | clothes, 5 | 65.8 | 69.1 |
    | clothes, 500 | 87.1 | 85.1 |
    | stamps, 5 | 43.2 | 67.2 |
    | stamps, 10 | 55.2 | 78.1 |

    The claim of the lab **does not hold**. It had said that ImageNet wins with five pictures a class, and on
    digits the small network from scratch is 13.7 points ahead. More pictures narrow that from the other side.
    On stamps the rule of thumb is right by 24 points. On faces ImageNet leads by 9.4, but four seeds do not
    decide it beside the two other parts of the claim. Clothes change sides on the way. In a run with
    full-sized pictures, 188 stamps judged once each, the head alone had 91.5 %, everything tuned 93.6 %, a
    network from scratch 66.0 %.

    - **Distance.** Features for fur and wheels tell little about strokes of a pen. What is near and what is
      far cannot be read off a name. A network that knows some 120 breeds of dogs among its 1,000 classes, as
      ImageNet's does, is near to a task of other breeds. (No list has 1,000 breeds of dogs to learn: about
      350 to 400 are recognised.) Tissue under a microscope is far.
    - **The task.** Better networks on ImageNet are mostly better after transfer; but on two sets of fine
      distinctions, models of cars and of aircraft, pretraining brought little (Kornblith 2018).
    - **How many.** With more pictures the lead shrinks, or turns. From scratch wins where pictures are many,
      far from photographs, or so simple that a small network is enough. It is also cheaper: this one takes
      a twenty-fifth of Lite0's multiply-adds at 96 pixels.

    So do not ask whether transfer is better. Draw both curves: `glassworks learning-curve` does.
    """)
    return


@app.cell(hide_code=True)
def exercise_route():
    book.exercise("standing_on_shoulders.route")
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/standing_on_shoulders",
        {"system": "efficientnet", "data": "sample:faces", "start_from": "imagenet", "side": 64},
        settings=(
            Choose(
                "tune",
                "what learns",
                {"the head": "head", "two parts before it too": "last:2", "all": "full"},
            ),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
        job="finetune",
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data(
        "image/standing_on_shoulders", {"system": "efficientnet", "start_from": "imagenet"}, job="finetune"
    )
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Residual blocks add a correction, and so can be stacked deep; EfficientNet filters cheaply and grows in
    three ways at once. Of such a network you take the backbone, prepare pictures as its weights want them,
    freeze it, and fit a head on features that are computed once. Frozen means no gradient *and* evaluation
    mode. More may learn: gently, slower towards the picture, or as LoRA's thin additions. What it brings
    depends on the distance between ImageNet and your pictures. Draw the curve with both ways before you
    believe either.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/standing_on_shoulders")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/standing_on_shoulders")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/standing_on_shoulders")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/standing_on_shoulders")
    return


if __name__ == "__main__":
    app.run()
