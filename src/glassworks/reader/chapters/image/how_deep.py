# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="How deep?")

with app.setup:
    import marimo as mo

    from glassworks.insight.cost import stage_costs
    from glassworks.insight.maximise import maximise
    from glassworks.labs.depth_against_data import Stack
    from glassworks.models.vision.cnn import CNN, Stage
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.answers_of_a_layer import AnswersOfALayer
    from glassworks.reader.figures.counted_stack import CountedStack
    from glassworks.reader.figures.let_it_draw import LetItDraw
    from glassworks.reader.figures.skips_or_not import SkipsOrNot
    from glassworks.reader.figures.told_by_stage import ToldByStage
    from glassworks.reader.figures.what_fits import WhatFits


@app.cell(hide_code=True)
def header():
    book.header("image/how_deep")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## Two stages, or four, or fifty?

    A convolutional network is a stack. Each stage looks for patterns in the maps of the stage before, keeps
    the strongest answers, and hands on a map of half the side. How many of them should there be?

    The usual reply is "deeper has more capacity, so deep for hard tasks and shallow for easy ones". There is
    something in it, and much that is wrong. Depth changes three figures at once, and they do not move
    together:

    - *parameters*: the numbers that are learned, and that must be stored;
    - *multiply-adds*: the work that one picture costs;
    - *receptive field*: how much of the picture one number of a map can see.

    Begin with a guess about the first.
    """)
    return


@app.cell(hide_code=True)
def exercise_larger():
    book.exercise("how_deep.larger")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Three bills

    A stage that reads $a$ maps and gives $b$ has filters of $3 \times 3$. Each filter has a weight for every
    place of its window in every map, and an offset:

    $$\text{parameters} = 9\,a\,b + b$$

    Each of them answers at every place. On maps of $h \times w$ places that takes

    $$\text{multiply-adds} = 9\,a\,b \cdot h\,w$$

    The first formula does not know the size of the picture. The second grows with its area. And the first
    dense layer turns it round: it reads every number of the last map, so its *parameters* grow with the area.

    The *receptive field* $f$ grows layer by layer, and with it the *stride* $s$, the distance in pixels
    between neighbours of the map:

    $$f \leftarrow f + (k - 1)\,s, \qquad s \leftarrow s \cdot t$$

    for a filter of side $k$ with step $t$ (Araujo 2019). A pooling counts as a filter with $k = t = 2$. Four
    stages see 4, 10, 22 and 46 pixels on a side, with strides 2, 4, 8 and 16.

    Build networks below. Take away a stage and watch the dense layer. Then make the picture larger, and
    watch all three.
    """)
    return


@app.cell(hide_code=True)
def figure_counted_stack():
    CountedStack()
    return


@app.cell(hide_code=True)
def exercise_dense():
    book.exercise("how_deep.dense")
    return


@app.cell(hide_code=True)
def code_count():
    mo.vstack(
        [book.source(Stage), book.source(CNN.features, fold=False), book.source(stage_costs, fold=True)]
    )
    return


@app.cell(hide_code=True)
def exercise_count():
    book.exercise("how_deep.count")
    return


@app.cell(hide_code=True)
def text_field():
    mo.md(r"""
    ## What one number can see

    If the thing that decides is wider than the field, no single number of the map has seen it whole. Then
    the dense layers must put it together from parts, or *global average pooling* mixes all places without
    order.

    With 3 × 3 filters alone the field grows by two pixels a layer. Pooling doubles every later gain. That is
    the quiet reason for depth in small networks: not capacity, but sight. A stack of small filters is also
    cheap: two of 3 × 3 see as much as one of 5 × 5, with 18 weights a pair of maps in the place of 25, and
    with a ReLU between them (Simonyan 2014).

    In [How a network sees](/book/image/how_a_network_sees/) you moved such a field over a picture. At
    stage 4 it has 46 pixels, more than a picture of 32 × 32; what lies beyond the rim is zeros. Now compute
    it for any stack.
    """)
    return


@app.cell(hide_code=True)
def exercise_field():
    book.exercise("how_deep.field")
    return


@app.cell(hide_code=True)
def text_respond():
    mo.md(r"""
    ## What layers respond to

    You will read that the first layer finds lines, the second corners, the third textures and the fourth
    whole objects. The root of it is a famous set of drawings (Zeiler 2013), made with one network of five
    layers of filters on a million photographs. As a tendency it is right. As a rule for every network it
    was never shown: nobody gives the layers tasks, and a network with four stages for pictures of 32 × 32
    need not have a layer of objects at all.

    There are two ways to look. The first is to send a picture through and look at the maps. Here that is done
    by EfficientNet-Lite0, which has learned from a million photographs. Give it a picture of your own. Below
    the maps stand the pieces that excite one channel most, as large as what its numbers see. Try to give
    the channel a name; then change the picture, and see whether the name still holds.
    """)
    return


@app.cell(hide_code=True)
def figure_answers_of_a_layer():
    AnswersOfALayer()
    return


@app.cell(hide_code=True)
def text_draw():
    mo.md(r"""
    ### Let it draw

    The second way needs no photograph. Begin with faint noise, ask how each pixel would have to change so
    that a channel answers more loudly, change it a little, and repeat. This is *activation maximisation*
    (Olah 2017). It is training turned round: the weights stand still, and the picture learns.

    Such drawings are caricatures. They lie outside of all pictures the network has seen, and nearly every
    channel can be driven beyond its answer to any real picture, also in a network that has learned nothing.
    So a drawing gives an idea of a channel, and the idea wants a check:

    1. Which *real* pictures excite the channel most, and are they of one kind?
    2. What does the same channel do before the network has learned?

    The figure does both, for the network with four stages, trained on digits. It also shows how much of a
    drawing is due to its maker: hold fine waves back less, and the same channel draws noise that excites it
    as much or more.
    """)
    return


@app.cell(hide_code=True)
def exercise_drawing():
    book.exercise("how_deep.drawing")
    return


@app.cell(hide_code=True)
def figure_let_it_draw():
    LetItDraw()
    return


@app.cell(hide_code=True)
def code_maximise():
    book.source(maximise, start="with evaluating", stop="value = (0.5 +", fold=False)
    return


@app.cell(hide_code=True)
def text_stages():
    mo.md(r"""
    ### Is there a stage of objects?

    Look at all channels instead of one. The figure takes one number a channel, its mean over the map, and
    asks how well the digit can be told from them, stage by stage. And it counts the channels for which at
    least 16 of the 20 strongest pictures are the same digit. Both are done for the network before it learned,
    too.

    Three things come out. The digit is told better with every stage, without a step. In the last stage
    about 20 of 128 channels stand for one digit, in those before it 0, 2 and 3: so the tendency is there,
    and most channels stand for none. And the network that never learned tells 86 % of the digits from its
    last stage, by the nearest mean of a class. Depth with random filters is a description of the picture
    already. Whoever shows what a trained layer can do must show the untrained one beside it.

    Does a network need its channels that stand for one class? Not more than the others: when single units
    were silenced, those with a clear preference mattered no more (Morcos 2018).
    """)
    return


@app.cell(hide_code=True)
def figure_told_by_stage():
    ToldByStage()
    return


@app.cell(hide_code=True)
def text_data():
    mo.md(r"""
    ## Depth against data

    "A network of 100 layers on 500 pictures will memorise them." "It is proven that depth pays." Neither is
    a theorem that would tell you what to build. That large networks *can* learn any labels by heart, even
    labels that were drawn at random, is an experiment (Zhang 2016). How much harm that does must be measured
    as well. So let us do that. Predict first.
    """)
    return


@app.cell(hide_code=True)
def exercise_few():
    book.exercise("how_deep.few")
    return


@app.cell(hide_code=True)
def lab_depth_against_data():
    book.lab("depth-against-data")
    return


@app.cell(hide_code=True)
def text_measured():
    mo.md(r"""
    ### What came out

    | layers | 50 | 100 | 400 | 1,297 |
    |:---|---:|---:|---:|---:|
    | 1 | 82.8 | 91.5 | 96.8 | 97.7 |
    | 2 | 81.8 | 90.7 | 97.0 | 98.3 |
    | 4 | 79.6 | 90.6 | 97.0 | 98.5 |
    | 8 | 74.2 | 86.1 | 96.4 | 97.9 |
    | 16 | 64.6 | 82.7 | 95.0 | 97.2 |
    | 16, skips | 77.3 | 89.5 | 96.9 | 98.2 |

    Test accuracy in % by the number of pictures, mean of eight seeds, digits of 8 × 8 squares.

    - **The claim holds**: what 8 layers gain over 2 rises by 5.6 points from few to many pictures. But it
      rises from -6.1 to -0.5. With no number of pictures that was tried did 8 layers win.
    - **Memory is not a matter of depth.** With 50, 100 and 400 pictures *every* depth answers all of its
      training pictures rightly, one layer with 2,746 parameters included. The gap to the test widens with
      depth all the same: 17.2 points with one layer, 35.4 with sixteen.
    - **It is not the number of parameters alone.** The sixteen layers with skips have the same number of
      them, learn the 50 pictures as completely, and are 12.7 points better on the test.
    - **Not all of it is depth.** Near 100 % every difference shrinks: counted in errors, 8 layers make 1.4
      for each of 2 layers with 50 pictures, and 1.2 with 1,297. And all depths had one learning rate; on
      another deal of the digits a larger one took away about two points of what 8 layers lose.
    - These digits are easy, and 16 filters a layer are few. On photographs more depth paid, up to the 19
      layers of plain filters that were tried (Simonyan 2014).
    """)
    return


@app.cell(hide_code=True)
def text_skips():
    mo.md(r"""
    ## Beyond twenty layers

    Then plain stacks stop getting better, and get worse. In the lab's second table 32 layers without skips
    reach 77.6 % on the test with all pictures. That looks like overfitting, until one reads the *training*
    accuracy: 80.7 %. The network cannot even fit what it is shown.

    The same was seen with 20 and 56 layers on CIFAR-10 (He 2015). The deeper network was worse in training
    too, although it could copy the shallower one and hand its maps on in the layers that are left. Gradient
    descent does not find that. A *residual connection*, or skip, gives it for free: the input goes around two
    layers and is added to what they give,

    $$y = \operatorname{ReLU}(x + F(x))$$

    so the layers learn only what to change. With skips the 32 layers reach 99.9 % in training and 97.9 %
    on the test. Skips are the reason why networks of 50 and 150 layers train. They do not make depth
    free: with 1,202 layers the paper's network fitted its training pictures and was worse on the test
    than with 110.

    What else skips are good for, and how ResNet builds on them, is the subject of the next chapter,
    [Standing on shoulders](/book/image/standing_on_shoulders/).
    """)
    return


@app.cell(hide_code=True)
def exercise_training():
    book.exercise("how_deep.training")
    return


@app.cell(hide_code=True)
def figure_skips_or_not():
    SkipsOrNot()
    return


@app.cell(hide_code=True)
def code_stack():
    book.source(Stack.forward, fold=False)
    return


@app.cell(hide_code=True)
def text_choose():
    mo.md(r"""
    ## Choosing a depth

    - **How wide is what decides, in pixels?** Compare it with the receptive field. Add stages until it is
      seen, or make the pictures smaller.
    - **How fine are the differences?** Look at examples that people mix up. Ten digits need little. The 120
      breeds of dogs in ImageNet need a deep network that was pretrained.
    - **How many pictures are there?** Draw the training and validation curves of two depths. With few,
      borrow layers first, then stay shallow.
    - **What may an answer cost?** Count multiply-adds, then measure the time on the machine that will
      answer. A smaller picture often saves more than a layer less.
    - **Is training worse when it is deeper?** Read the *training* loss. Then the cure is skips and norms, not
      more pictures.

    Start with a pretrained network where your pictures are photographs. Else start with two stages, add one
    at a time, and keep what the validation part rewards by more than the spread of its seeds. No formula
    gives the depth; an afternoon of runs does.

    The figure counts what fits a budget. Look at the network with two stages at 224 × 224 pixels: its dense
    layer alone has 51 million parameters, while ResNet-18 has 11 million in all.
    """)
    return


@app.cell(hide_code=True)
def figure_what_fits():
    WhatFits()
    return


@app.cell(hide_code=True)
def exercise_choose():
    book.exercise("how_deep.choose")
    return


@app.cell(hide_code=True)
def text_own():
    mo.md(r"""
    ## Two depths on your own pictures

    Train both networks below, with the same seed, and compare: first on digits, then on pictures of your
    own. On the command line it is

    ```sh
    glassworks info cnn --side 64
    glassworks train cnn --variant two-layer-improved --data photos --out runs/two
    glassworks train cnn --variant four-layer --data photos --out runs/four
    glassworks evaluate runs/two
    glassworks evaluate runs/four
    glassworks compare runs/two runs/four
    glassworks explain runs/four cat.jpg --methods activations filters maximise
    ```

    `evaluate` judges on the test part, and counts the look. `compare` says whether the difference is
    larger than chance would make it. `explain` draws the maps, filters and caricatures of your own network
    for a picture of yours.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/how_deep",
        {"system": "cnn", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("variant", "network", {"four stages": "four-layer", "two stages": "two-layer-improved"}),
            Slider("epochs", "epochs", 1, 20, step=1, value=6),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/how_deep", {"system": "cnn", "variant": "four-layer", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Depth is three figures: parameters, multiply-adds and field of view, and they can move in different
    directions. The network with two stages has 4.6 times the parameters of the one with four, because its
    dense layer reads a larger map. Stages add sight: 4, 10, 22, 46 pixels. No layer has a task of its own;
    a drawing of a channel is an idea that real pictures must confirm, with the untrained network beside it.
    Few pictures make deep networks worse by degrees, and every depth can learn them by heart. Where a deeper
    network is worse in *training*, it needs skips.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/how_deep")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/how_deep")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/how_deep")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/how_deep")
    return


if __name__ == "__main__":
    app.run()
