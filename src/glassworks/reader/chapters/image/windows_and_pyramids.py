# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Windows and pyramids")

with app.setup:
    import marimo as mo

    from glassworks.blocks.positions import RelativePositions, offsets
    from glassworks.models.vision.pvt import ReducedAttention
    from glassworks.models.vision.swin import Merging, WindowAttention, Windows
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.cost_over_pixels import CostOverPixels
    from glassworks.reader.figures.fewer_keys import FewerKeys
    from glassworks.reader.figures.offset_of_pair import OffsetOfPair
    from glassworks.reader.figures.own_window import OwnWindow
    from glassworks.reader.figures.reach_of_one import ReachOfOne
    from glassworks.reader.figures.stages_of_a_pyramid import StagesOfAPyramid
    from glassworks.reader.figures.turned_map import TurnedMap


@app.cell(hide_code=True)
def header():
    book.header("image/windows_and_pyramids")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## What a larger picture costs

    In *attention* each *token* looks at all others. A picture with twice the side has four times the
    patches, and so sixteen times the pairs. From this follows a saying: *twice the resolution costs a
    Vision Transformer sixteen times as much*. It is half true, and the wrong half matters.

    A block does two kinds of work. Its layers (queries, keys and values, the projection, the MLP) work on
    each token alone and take $12 N D^2$ *multiply-adds* for $N$ tokens of $D$ numbers. Its attention maps
    compare all pairs and average by them, which takes $2 N^2 D$. Here is one block of ViT-B/16 at 224 and
    at 448 pixels:

    | | 197 tokens | 785 tokens | times |
    |:---|---:|---:|---:|
    | layers | 1,394,343,936 | 5,556,142,080 | 3.98 |
    | attention maps | 59,610,624 | 946,521,600 | 15.88 |
    | the whole block | 1,453,954,560 | 6,502,663,680 | 4.47 |

    The maps do grow sixteenfold, or 15.88 times because the class token does not multiply. But at 224
    pixels they are 4 % of the block. The whole grows 4.47 times for four times the pixels. Only for much
    larger pictures do the maps take over: they equal the layers at $N = 6 D$.

    The figure counts three networks of about the same size. Swin and PVT are the subject of this chapter.
    """)
    return


@app.cell(hide_code=True)
def figure_cost():
    CostOverPixels()
    return


@app.cell(hide_code=True)
def exercise_double():
    book.exercise("windows_and_pyramids.double")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Memory is another matter

    Time and memory are often told in one breath: *a plain ViT would crash on a picture of 800 pixels*. It
    does not. 800 × 800 pixels are 2,500 patches of 16, and the network runs; the lab below runs one.

    What about 4K, 3840 × 2160 pixels? These are $240 \cdot 135 = 32{,}400$ patches. Written down in half
    precision, the maps of one layer with 12 heads take

    $$12 \cdot 32{,}400^2 \cdot 2 \text{ bytes} = 25.2 \cdot 10^9 \text{ bytes}.$$

    That is too much for many machines, and training keeps the maps of every layer. But nobody has to write
    them down. A *fused kernel* computes the softmax piece by piece and keeps one number for each row
    instead of a whole row (Dao and others 2022). Its memory grows with $N$, its work still with $N^2$. So a
    plain ViT on 4K is slow, and it is possible. Choose *memory of the maps* in the figure above, written
    down and fused.

    What remains is time. The lab counts and measures it from 224 to 800 pixels.
    """)
    return


@app.cell(hide_code=True)
def lab_cost():
    book.lab("cost-of-attention")
    return


@app.cell(hide_code=True)
def text_windows():
    mo.md(r"""
    ## Look only at your neighbours

    Most of what a patch needs to know stands beside it. Swin (Liu and others 2021) takes this literally:
    the map of tokens is cut into *windows* of 7 × 7, and a token looks at the 49 tokens of its own window.
    With windows of side $M$ the maps of a block cost

    $$2 N^2 D \quad\longrightarrow\quad 2 N M^2 D.$$

    $M$ stays 7 whatever the picture, so this grows with the number of tokens and no faster. That makes
    smaller patches affordable: Swin's have 4 × 4 pixels, sixteen for each patch of ViT-B/16. At 800 pixels
    its first stage has 200 × 200 = 40,000 tokens of 96 numbers. The maps of one block take 307.2 billion
    multiply-adds when all look at all, and 376 million in windows: 816 times less.

    200 is not a multiple of 7. The map is then filled up with zeros to 203 × 203, which makes 841 windows
    and 388 million multiply-adds: 792 times less. The zeros take part like tokens, as they did when the
    published weights were trained.

    Swin is often called a mixture of Transformer and convolution. It shares a taste with convolutions: near
    things first, small maps later. But apart from the cutting of patches there is no convolution in it. Its
    weights between two tokens are computed from what they hold, not fixed by where they stand.
    """)
    return


@app.cell(hide_code=True)
def figure_windows():
    OwnWindow()
    return


@app.cell(hide_code=True)
def exercise_windows():
    book.exercise("windows_and_pyramids.windows")
    return


@app.cell(hide_code=True)
def code_windows():
    mo.vstack([book.source(Windows.cut), book.source(WindowAttention.forward)])
    return


@app.cell(hide_code=True)
def text_shift():
    mo.md(r"""
    ## They never meet, so the windows move

    Windows have a price. As long as the map stays as it is, two tokens on both sides of a border never see
    each other, however many blocks follow: after ten blocks a token still knows 49 tokens. An object that a
    border cuts is seen in two halves, each without the other.

    Swin's answer is the *shifted window*. Every second block moves the borders by half a window, rounded
    down to 3 tokens, to the right and down. What a border parted in one block lies inside a window in the
    next. Step through the blocks, with the shift and without.
    """)
    return


@app.cell(hide_code=True)
def figure_reach():
    ReachOfOne()
    return


@app.cell(hide_code=True)
def exercise_known():
    book.exercise("windows_and_pyramids.known")
    return


@app.cell(hide_code=True)
def text_lab():
    mo.md(r"""
    ### Is it worth anything?

    A wider reach is an argument, not a result. The paper measures it: Swin-T reaches 80.2 % on ImageNet
    with windows in place and 81.3 % with windows that move. The lab asks the same of a network that trains
    in seconds, on enlarged digits, once in a pyramid that ends with four windows and once in one that ends
    with a single window. Its rule was written before the numbers. Read the verdict as it stands: it speaks
    about digits, and a lab this small often cannot tell a difference of one point from chance.
    """)
    return


@app.cell(hide_code=True)
def lab_windows():
    book.lab("windows-that-move")
    return


@app.cell(hide_code=True)
def text_mask():
    mo.md(r"""
    ## A turn and a mask

    Moved borders make a mess at the edges. Over a map of 14 × 14 tokens, windows of 7 moved by 3 are nine
    pieces of different sizes instead of four equal windows. Uneven pieces are slow; filling all up to 7 × 7
    would more than double the work here.

    The way out is the *cyclic shift*. Turn the whole map by 3: its first rows go to the end, its first
    columns to the right. Now cut it into 7 × 7 as always. There are as many windows as before, all of one
    size. After the attention the map is turned back.

    One thing must not be forgotten. In the last windows lie rows that were brought there from the other end
    of the picture. They stand side by side, but **turned rows are not neighbours**. So each window at the
    seam gets an *attention mask*: a table of 49 × 49 that is added to the comparisons before softmax, 0
    where two tokens belong to the same piece, −1000 where they do not. Softmax takes $e^{-1000}$, which is 0
    to a computer: a weight of 0.

    Leave the mask out, and no error tells you; on the digits of the lab above not even the accuracy does.
    Their edges are nearly empty, which may be why. The figure shows what a token then looks at: switch
    *with the mask* off.
    """)
    return


@app.cell(hide_code=True)
def figure_turned():
    TurnedMap()
    return


@app.cell(hide_code=True)
def code_mask():
    mo.vstack([book.source(Windows.placed), book.source(Windows.mask)])
    return


@app.cell(hide_code=True)
def exercise_mask():
    book.exercise("windows_and_pyramids.mask")
    return


@app.cell(hide_code=True)
def text_bias():
    mo.md(r"""
    ## Where is the other token?

    Attention cannot tell where a token stands. A ViT adds a position to each token at the start. Swin adds
    none. Inside a window only the offset matters: three rows further down, one column to the left. For each
    offset each head learns one number, the *relative position bias*, which is added to the comparison:

    $$\text{softmax}\!\left(\frac{q k^\top}{\sqrt{d}} + B\right) v$$

    Rows differ by $-6$ to $+6$, columns too: $13 \cdot 13 = 169$ entries a head serve all $49 \cdot 49 =
    2{,}401$ pairs. The same table serves every window of the map. That is why a trained Swin takes larger
    pictures without a new table, as long as the windows stay 7 × 7.
    """)
    return


@app.cell(hide_code=True)
def figure_bias():
    OffsetOfPair()
    return


@app.cell(hide_code=True)
def code_bias():
    mo.vstack([book.source(offsets), book.source(RelativePositions)])
    return


@app.cell(hide_code=True)
def exercise_entries():
    book.exercise("windows_and_pyramids.entries")
    return


@app.cell(hide_code=True)
def text_merging():
    mo.md(r"""
    ## Four tokens become one

    A ViT has 14 × 14 tokens in its first block and in its last. Convolutional networks do it otherwise:
    fine maps with few channels first, coarse maps with many later. Such a pyramid is what detectors and
    segmenters are built on, since small things need a fine map and large ones a coarse one.

    Swin climbs by *patch merging*. Each 2 × 2 tokens are laid side by side, $4 D$ numbers, normalised, and
    brought to $2 D$ by a layer. The map has half the side and each token twice the width:

    | Swin-T | stage 1 | stage 2 | stage 3 | stage 4 |
    |:---|---:|---:|---:|---:|
    | numbers a token | 96 | 192 | 384 | 768 |
    | side at 224 pixels | 56 | 28 | 14 | 7 |
    | side at 800 pixels | 200 | 100 | 50 | 25 |

    At 224 pixels 7 divides every map, and the last one is a single window: there all look at all. At 800 no
    map is a multiple of 7, and each is filled up. A side that is odd gets a row or column of zeros before
    merging.
    """)
    return


@app.cell(hide_code=True)
def figure_pyramid():
    StagesOfAPyramid()
    return


@app.cell(hide_code=True)
def code_merging():
    book.source(Merging)
    return


@app.cell(hide_code=True)
def exercise_merge():
    book.exercise("windows_and_pyramids.merge")
    return


@app.cell(hide_code=True)
def text_pvt():
    mo.md(r"""
    ## The pyramid by another way

    PVT (Wang and others 2021) has the same four floors and no windows. All tokens keep their question, and
    each looks at the whole picture. What it looks at is made smaller: in the first stage keys and values
    come from a map that is 8 times smaller on each side, then 4, 2 and 1. This is *spatial-reduction
    attention*, and it costs

    $$2 N \cdot \frac{N}{R^2} \cdot D.$$

    With $R = 8$ the maps cost 64 times less. But $R$ is fixed: at twice the side both $N$ and $N/R^2$ are
    four times as large, so the maps still grow sixteenfold. The first figure shows it under *attention maps
    alone*.

    It is told that PVT works exactly like *pooling*. It does not, for two reasons. No token is lost inside
    a stage: as many come out as go in. And the smaller map is made by a convolution with a stride, whose
    weights are learned. A mean over squares is one of the things that it could learn:

    ```python
    import torch
    from torch import nn

    maps = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    reduction = nn.Conv2d(3, 3, 4, stride=4, bias=False)
    mean = torch.eye(3)[:, :, None, None] / 16  # each channel by itself, all 16 places alike
    same = nn.functional.conv2d(maps, mean.expand(3, 3, 4, 4), stride=4)
    torch.allclose(same, nn.functional.avg_pool2d(maps, 4))  # -> True
    reduction.weight.numel()  # -> 144
    ```

    Pooling has none of these 144 weights. What is smaller *between* the stages is made by patches of 2 × 2,
    a learned layer again.
    """)
    return


@app.cell(hide_code=True)
def figure_pvt():
    FewerKeys()
    return


@app.cell(hide_code=True)
def code_pvt():
    book.source(ReducedAttention, fold=False)
    return


@app.cell(hide_code=True)
def exercise_pooling():
    book.exercise("windows_and_pyramids.pooling")
    return


@app.cell(hide_code=True)
def text_which():
    mo.md(r"""
    ## Which one, when?

    - **Pictures of about 224 pixels, one label each**: a plain ViT does not cost more, is the simplest, and
      has the most published weights. Take the one whose pretraining is nearest to your pictures.
    - **Large pictures, small things in them, boxes or masks as answers**: a pyramid. Its fine maps are what
      such heads are built on. Swin's cost grows with the pixels.
    - **A network that shall see everything at once, on maps of middle size**: PVT is simple, and it is
      mostly remembered as a step on the way; its later versions changed the reduction.
    - **A very long ViT on large pictures** is not impossible: with a fused kernel its memory is no problem,
      and the price is time.

    No table of multiply-adds says which is more accurate on *your* pictures, or even which is faster.
    Cutting maps, turning them and filling them up moves memory and multiplies nothing. At 640 pixels the
    small Swin of the first lab needs 0.64 times the multiply-adds of the small ViT and takes as long; only
    at 800 is it ahead. Measure.

    A last warning. Random noise of 800 × 800 numbers shows that a network runs and what shape comes out,
    nothing else. Judge with real pictures, scaled as the weights were trained: by their size, mean and
    spread. The workbench keeps these with the weights.

    Below you can train a small Swin: digits of 32 by 32 pixels, patches of 4, windows of 4 × 4 that move in
    every second block, two stages. Then give it pictures of your own. They do not leave this machine.
    """)
    return


@app.cell(hide_code=True)
def exercise_which():
    book.exercise("windows_and_pyramids.which")
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/windows_and_pyramids",
        {"system": "swin", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("model.window", "window", {"4 × 4 (recipe)": 4, "2 × 2": 2, "8 × 8: all at once": 8}),
            Slider("epochs", "epochs", 1, 15, step=1, value=6),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/windows_and_pyramids", {"system": "swin", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A block costs $12 N D^2$ for its layers and $2 N^2 D$ for its maps; twice the side makes it 4.47 times
    as dear in ViT-B/16, not 16 times, and a fused kernel keeps memory in step with the tokens. Windows make
    the maps grow with the pixels. Windows that stay never meet, so every second block moves them; the map
    is turned, and a mask keeps apart what turning brought together. Offsets, not places, get a learned
    bias: 169 a head. Merging trades places for width and makes a pyramid. PVT climbs it with all queries
    and fewer keys, made by a learned filter. Which one is better on your pictures is a measurement.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/windows_and_pyramids")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/windows_and_pyramids")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/windows_and_pyramids")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/windows_and_pyramids")
    return


if __name__ == "__main__":
    app.run()
