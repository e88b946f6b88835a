# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="How a network sees")

with app.setup:
    import marimo as mo

    from glassworks.insight.cost import stage_costs
    from glassworks.labs.shift_tolerance import Blur, halving
    from glassworks.models.vision.cnn import Stage
    from glassworks.reader import book
    from glassworks.reader.figure import Slider
    from glassworks.reader.figures.channels_summed import ChannelsSummed
    from glassworks.reader.figures.field_on_picture import FieldOnPicture
    from glassworks.reader.figures.kernel_under_pointer import KernelUnderPointer
    from glassworks.reader.figures.moved_digit import MovedDigit
    from glassworks.reader.figures.named_kernels import NamedKernels
    from glassworks.reader.figures.places_of_a_kernel import PlacesOfAKernel
    from glassworks.reader.figures.turned_kernel import TurnedKernel


@app.cell(hide_code=True)
def header():
    book.header("image/how_a_network_sees")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## Nine numbers that slide

    To a computer a grey picture is a table of numbers: one for each pixel, 0 for black, 255 for white. A
    colour picture is three such tables, its *channels*. No number knows what it belongs to. A bright pixel
    may be snow, a tooth or the letter A.

    What makes a picture are differences between neighbours. So a network looks at a few pixels at a time.
    It holds a small table of weights over the picture, the *kernel* or filter, multiplies each pixel with
    the weight above it, and adds everything up. Then it moves on by one pixel and does the same again. The
    sums, in the order of their places, are a new picture, the *feature map*. This sliding is called
    *convolution*. Networks of this kind read handwriting on cheques more than twenty-five years ago (LeCun
    1998).

    Press on the photograph below, or take one of your own: it is made small in your browser and stays on
    this machine. With the kernel *upright edges* the left column counts plus and the right column minus.
    Over sky both cancel. Over the rim of an ear they do not.
    """)
    return


@app.cell(hide_code=True)
def figure_kernel_under_pointer():
    KernelUnderPointer()
    return


@app.cell(hide_code=True)
def exercise_step_edge():
    book.exercise("how_a_network_sees.step_edge")
    return


@app.cell(hide_code=True)
def text_kernels():
    mo.md(r"""
    ## What a kernel finds

    A kernel answers strongly where the picture looks like the kernel: plus where it is bright, minus where
    it is dark. Nine numbers are enough for a good deal. A kernel whose weights sum to 0 is silent wherever
    all pixels are alike, and finds edges. One whose weights are all positive takes a mean, and blurs.

    A map of edges has both signs. In most networks *ReLU* follows, which turns negative numbers to 0 (Nair
    2010). It keeps the edges from bright to dark and drops those from dark to bright; a second kernel with
    the signs exchanged finds those. Why cut at all? Two convolutions in a row without anything between them
    are again one convolution. The cut makes the second layer worth having.

    People designed such kernels for decades. In a network nobody writes them down: they start as random
    numbers and are learned, like all weights, from the loss at the far end. That edges turn up among the
    learned ones is something people have seen again and again in first layers. Nothing forces a network to
    learn them.
    """)
    return


@app.cell(hide_code=True)
def figure_named_kernels():
    NamedKernels()
    return


@app.cell(hide_code=True)
def text_turned():
    mo.md(r"""
    ## A word on the word

    In mathematics, a convolution turns the kernel by half a circle before it slides. No network library
    does that. What they call convolution is *cross-correlation*:

    $$M_{y,x} = \sum_{i=0}^{k-1} \sum_{j=0}^{k-1} P_{y+i,\,x+j}\, K_{i,j}$$

    for a map $M$, a picture $P$ and a kernel $K$ of $k$ rows and columns.

    ```python
    import torch
    import torch.nn.functional as F

    picture = torch.zeros(1, 1, 5, 6)
    picture[..., 3:] = 1  # dark, and bright from column 3
    kernel = torch.tensor([1.0, 0.0, -1.0]).repeat(3, 1)[None, None]
    F.conv2d(picture, kernel)[0, 0, 0].tolist()  # -> [0.0, -3.0, -3.0, 0.0]
    F.conv2d(picture, kernel.flip(2, 3))[0, 0, 0].tolist()  # -> [0.0, 3.0, 3.0, 0.0]
    ```

    The first line of numbers is what a network computes, the second is the convolution of mathematics. The
    figure shows both. Its second picture, a single bright pixel, shows best what happens.
    """)
    return


@app.cell(hide_code=True)
def figure_turned_kernel():
    TurnedKernel()
    return


@app.cell(hide_code=True)
def exercise_turned():
    book.exercise("how_a_network_sees.turned")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Padding, stride, and the size of the map

    A kernel of 3 × 3 fits on a picture of 6 × 6 at 4 × 4 places. So the map is smaller than the picture.
    Two numbers change that:

    - *Padding* puts $p$ rows and columns of zeros around the picture. With $k = 3$ and $p = 1$ the map is
      as large as the picture. Zeros are no part of the scene, so numbers at the border mean something
      slightly different.
    - *Stride* $s$ is how far the kernel moves from one place to the next. With $s = 2$ the map has half the
      height and width, for a quarter of the work.

    Along one side, $n$ pixels give (Dumoulin 2016)

    $$\left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1$$

    numbers. The brackets round down: a place counts only where the whole kernel lies on the padded picture.
    """)
    return


@app.cell(hide_code=True)
def figure_places_of_a_kernel():
    PlacesOfAKernel()
    return


@app.cell(hide_code=True)
def exercise_output_size():
    book.exercise("how_a_network_sees.output_size")
    return


@app.cell(hide_code=True)
def text_channels():
    mo.md(r"""
    ## Many channels in, many maps out

    A colour picture has three channels. A kernel then has a slice for each: 3 × 3 × 3 = 27 weights, 27
    products, **one** sum, and a bias. Its map has no colour. If a layer is to give 16 maps, it has 16 such
    blocks, and the 16 maps are the channels of what comes next. The kernels of the next layer have 16
    slices. So a layer learns

    $$\text{maps} \cdot (k \cdot k \cdot \text{channels} + 1)$$

    numbers, however large the picture is: 448 for 3 channels and 16 maps. The picture's size decides the
    work, not the weights.

    Because a kernel adds up over all channels, a later layer can ask for combinations: an upright edge
    *and* a level one at nearly the same place is a corner. That is the idea behind saying that networks see
    edges, then corners and textures, then parts. It is a good first picture of trained networks, and no
    law. What a layer responds to has to be looked at, network by network. The chapter after next does so.
    """)
    return


@app.cell(hide_code=True)
def figure_channels_summed():
    ChannelsSummed()
    return


@app.cell(hide_code=True)
def exercise_parameters():
    book.exercise("how_a_network_sees.parameters")
    return


@app.cell(hide_code=True)
def exercise_conv2d():
    book.exercise("how_a_network_sees.conv2d")
    return


@app.cell(hide_code=True)
def text_pooling():
    mo.md(r"""
    ## Pooling: more tolerant, not immune

    *Pooling* shrinks a map: of each square of 2 × 2 numbers it keeps one, the largest (max pooling) or the
    mean. Nothing is learned in it. Later layers then work on a quarter of the numbers, and see further.

    It is often written that pooling makes a network immune to small shifts. Look at one bright pixel:

    ```python
    import torch
    import torch.nn.functional as F

    picture = torch.zeros(3, 1, 4, 4)
    for column in (0, 1, 2):
        picture[column, 0, 0, column] = 1  # three pictures with one bright pixel
    pooled = F.max_pool2d(picture, 2).flatten(1)
    pooled[0].tolist()  # -> [1.0, 0.0, 0.0, 0.0]
    pooled[1].tolist()  # -> [1.0, 0.0, 0.0, 0.0]
    pooled[2].tolist()  # -> [0.0, 1.0, 0.0, 0.0]
    ```

    From column 0 to column 1 nothing changes. From column 1 to column 2 everything does. A step within a
    square is forgiven, a step across its edge is not, and the edges lie where they lie.
    """)
    return


@app.cell(hide_code=True)
def exercise_pooled():
    book.exercise("how_a_network_sees.pooled")
    return


@app.cell(hide_code=True)
def text_shifts():
    mo.md(r"""
    ### And whole networks?

    In a real picture many things cross edges at once, some in and some out, and the layers behind may or
    may not care. So it has to be measured. Predict first. Then move a digit yourself: the four networks of
    the figure learn while you read, which takes some seconds.
    """)
    return


@app.cell(hide_code=True)
def exercise_shift():
    book.exercise("how_a_network_sees.shift")
    return


@app.cell(hide_code=True)
def figure_moved_digit():
    MovedDigit()
    return


@app.cell(hide_code=True)
def lab_shift_tolerance():
    book.lab("shift-tolerance")
    return


@app.cell(hide_code=True)
def text_measured():
    mo.md(r"""
    ### What came out

    Share of answers that stay when test digits are moved, in the recorded run of six seeds; the last column
    is the accuracy on digits in the middle. A digit is 16 pixels wide.

    | halved by | 1 px | 2 px | 3 px | 4 px | in the middle |
    |:---|---:|---:|---:|---:|---:|
    | stride | 85.2 | 53.5 | 23.4 | 12.8 | 98.3 |
    | mean pooling | 93.9 | 64.0 | 29.8 | 16.6 | 98.2 |
    | max pooling | 94.6 | 68.2 | 33.3 | 19.5 | 98.7 |
    | max pooling, blurred | 97.1 | 84.9 | 52.4 | 29.3 | 98.7 |
    | max pooling, head over means | 68.8 | 89.7 | 69.1 | 99.0 | 81.3 |
    | blurred, head over means | 98.2 | 99.1 | 97.8 | 98.3 | 80.8 |
    | max pooling, moved while learning | 97.6 | 97.1 | 95.3 | 92.8 | 96.1 |

    - **Pooling keeps more answers than a stride, and is far from immune.** At four pixels, a quarter of the
      digit, four of five answers change.
    - **A blur before numbers are left out helps at every distance.** To take every second number of a fine
      pattern is what makes wheels turn backwards in films: *aliasing*. A blur removes what the coarser map
      cannot hold (Zhang 2019).
    - **A head over the mean of each map asks only what is there, not where.** With plain max pooling it is
      safe at 4 pixels, the product of the two strides, and not at 1. With the blur it is safe nearly
      everywhere. Its price here is 17 points of accuracy: in so small a network a digit is also *where* its
      strokes are.
    - **Digits that are moved while learning** teach the same to a head that reads places: it keeps 93 to 98
      %. After equally many steps it is 2.6 points less accurate in the middle. That is augmentation, and
      the next chapter measures it too.
    """)
    return


@app.cell(hide_code=True)
def code_pooling():
    mo.vstack([book.source(Stage), book.source(halving), book.source(Blur)])
    return


@app.cell(hide_code=True)
def text_field():
    mo.md(r"""
    ## The receptive field: what a number can know

    A number of the first map depends on 3 × 3 pixels. A number of the second map depends on 3 × 3 numbers
    of the first, and through them on more pixels. The part of the picture that can change a number is its
    *receptive field*. It is reckoned from the front:

    $$r \leftarrow r + (k - 1) \cdot d, \qquad d \leftarrow d \cdot s$$

    Here $k$ is the side of the kernel or of the pooling, $s$ its stride, and $d$ the distance in pixels
    between neighbouring numbers so far. Both start at 1. A stage of a kernel of 3 and a pooling of 2 gives
    $1 + 2 + 1 = 4$ pixels and $d = 2$. Four stages give 4, 10, 22 and 46 pixels, at distances of 2, 4, 8
    and 16.

    On pictures of 32 × 32 the last field is larger than the picture. That tells you where depth stops
    bringing sight. It does not tell you that the last layer "sees whole objects": a field is what a number
    *can* depend on, not what it has learned to look at.
    """)
    return


@app.cell(hide_code=True)
def figure_field_on_picture():
    FieldOnPicture()
    return


@app.cell(hide_code=True)
def exercise_field():
    book.exercise("how_a_network_sees.field")
    return


@app.cell(hide_code=True)
def code_field():
    book.source(stage_costs)
    return


@app.cell(hide_code=True)
def text_own():
    mo.md(r"""
    ## Look at kernels that were learned

    Train a small network on digits below. Then have its kernels drawn, and what they make of one picture:

    ```sh
    glassworks train cnn --data sample:digits --out runs/digits
    glassworks explain runs/digits digit.png --methods filters activations
    ```

    The kernels of the first layer are drawn as they are, and the maps that answer most strongly beside
    them. Look for edges, and do not be surprised by kernels that resemble nothing.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/how_a_network_sees",
        {"system": "cnn", "data": "sample:digits", "size": "tiny"},
        settings=(
            Slider("epochs", "epochs", 1, 20, step=1, value=8),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/how_a_network_sees", {"system": "cnn", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A convolution slides one small block of weights over a picture; each number of its map is a sum of
    products over all channels. The same few weights serve every place, so a layer has few parameters, and
    its map moves along with the picture. Padding adds places, a stride leaves some out. Pooling forgives
    some small moves and not others. How far a number can see follows from kernels and strides; what it
    looks at has to be found out.

    Next: all of it together, as a classifier that you train, test and doubt.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/how_a_network_sees")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/how_a_network_sees")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/how_a_network_sees")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/how_a_network_sees")
    return


if __name__ == "__main__":
    app.run()
