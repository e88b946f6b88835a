# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Bigger pictures")

with app.setup:
    import marimo as mo

    from glassworks.blocks.patches import grid_of
    from glassworks.blocks.positions import resize_positions
    from glassworks.models.vision import vit
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.apparent_size import ApparentSize
    from glassworks.reader.figures.between_the_places import BetweenThePlaces
    from glassworks.reader.figures.price_of_pixels import PriceOfPixels
    from glassworks.reader.figures.stretched_table import StretchedTable
    from glassworks.reader.figures.table_and_grid import TableAndGrid
    from glassworks.reader.figures.there_and_back import ThereAndBack
    from glassworks.reader.figures.waves_go_on import WavesGoOn
    from glassworks.transfer.resize import fitted


@app.cell(hide_code=True)
def header():
    book.header("image/bigger_pictures")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A trained model and a larger picture

    A *Vision Transformer* was trained on pictures of 224 by 224 pixels. Yours have 384, and what you look for
    is small. May the model see them at full size?

    Go through its parts. The map from a *patch* to a vector sees one patch at a time; more patches are only
    more work. *Attention* compares any number of *tokens*. Norms and the small networks of the blocks work on
    each token alone. None of these counts the tokens.

    One part does: the table of *positions*. It holds a learned vector for each place, and the model adds it
    to the tokens. With patches of 16 pixels the old picture has $14 \times 14 = 196$ patches, and the new
    one $24 \times 24 = 576$. The *class token* stands before them and has a row too. So the table has 197
    rows, and 577 tokens come. They cannot be added.

    In the figure, change the size and read what happens. Try 232 pixels as well: a size that patches of 16 do
    not divide.
    """)
    return


@app.cell(hide_code=True)
def figure_table_and_grid():
    TableAndGrid()
    return


@app.cell(hide_code=True)
def exercise_rows():
    book.exercise("bigger_pictures.rows")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## The table is a stack of small pictures

    The way out was given with the first Vision Transformer (Dosovitskiy 2020): resize the table. It looks
    like a list of 197 rows, but only one of them is special.

    1. **Split.** The class token belongs to no place. Its row is taken off and stays as it is.
    2. **See the grid.** The other 196 rows are counted row by row over a grid of 14 by 14. So each of the
       768 numbers of a position is a small picture of 14 by 14, and the whole table is a picture with 768
       channels.
    3. **Resize** that picture to 24 by 24, as any picture is resized. This is *interpolation*: a new place
       gets a mixture of the old places around it.
    4. **Join.** Written as a list again, with the class token's row in front: $1 + 576 = 577$.

    In plain torch:

    ```python
    import torch
    import torch.nn.functional as F

    table = torch.randn(1, 197, 768)              # as it was learned
    kept, places = table[:, :1], table[:, 1:]     # the class token's row, and the places
    picture = places.transpose(1, 2).reshape(1, 768, 14, 14)
    picture = F.interpolate(picture, (24, 24), mode="bicubic", align_corners=False)
    new = torch.cat([kept, picture.flatten(2).transpose(1, 2)], dim=1)
    tuple(new.shape)  # -> (1, 577, 768)
    ```

    The transpose is not decoration. The list has the places first and the 768 numbers last; a picture has its
    channels first. Reshape without turning, and the numbers of one place are spread over the grid, without
    any error.

    The figure shows one of the 768 pictures, for four kinds of tables.
    """)
    return


@app.cell(hide_code=True)
def figure_stretched_table():
    StretchedTable()
    return


@app.cell(hide_code=True)
def text_modes():
    mo.md(r"""
    ## Which mixture? And where do the new places lie?

    Three mixtures are common. *Nearest* copies an old number. *Bilinear* draws straight lines between
    neighbours. *Bicubic* lays a smooth curve through four neighbours on each axis, and may swing a little
    beyond them.

    A second choice is easily overlooked. With *corners aligned* the first and the last place keep their
    numbers, and the others are spread between. Without, both grids cover the same picture from edge to edge,
    and each new place is the middle of its patch. Then the first new place lies left of the first old one.

    There is no expert's answer to either choice. The authors of the first Vision Transformer used a linear
    zoom, torchvision's helper takes bicubic with aligned corners, and DeiT and MAE bicubic without. What
    counts is to do what the weights were made with, and to say which it was. The workbench takes bicubic
    without aligned corners, and lets you name another.
    """)
    return


@app.cell(hide_code=True)
def figure_between_the_places():
    BetweenThePlaces()
    return


@app.cell(hide_code=True)
def code_resize():
    mo.vstack([book.source(resize_positions), book.source(vit.resized), book.source(fitted, fold=True)])
    return


@app.cell(hide_code=True)
def exercise_resize():
    book.exercise("bigger_pictures.resize")
    return


@app.cell(hide_code=True)
def text_approximate():
    mo.md(r"""
    ## What is kept, and what is not

    One often reads that interpolation *perfectly preserves* what was learned about places. It does so in one
    case: when the grid stays. Then the workbench hands back the very same table, bit for bit.

    In every other case the new table is an approximation. How good it is depends on how smooth the table was.
    Where neighbouring places have similar vectors, a mixture of two tells well what lies between them. Where
    they have not, it is a guess.

    A fair test is the way there and back: from 14 by 14 to another grid, and back to 14 by 14. Every table
    is a sum of waves, so the figure asks wave by wave. Tables of large models that saw many pictures are
    fairly smooth; in the figures of the first paper, near places have similar vectors. Nothing forces a
    small model that saw few pictures to end there.
    """)
    return


@app.cell(hide_code=True)
def figure_there_and_back():
    ThereAndBack()
    return


@app.cell(hide_code=True)
def exercise_there_and_back():
    book.exercise("bigger_pictures.there_and_back")
    return


@app.cell(hide_code=True)
def text_waves():
    mo.md(r"""
    ## Positions that need no table

    Sine and cosine positions are a formula (Vaswani 2017). Half of the 768 numbers follow the column and half
    the row; each half holds waves from fast to slow:

    $$\sin(\text{place} \cdot 10000^{-k/192}), \quad \cos(\text{place} \cdot 10000^{-k/192}), \qquad
    k = 0, \dots, 191$$

    For a larger grid the formula is simply asked for more places. There is nothing to resize and nothing that
    stops. But the weights that read these vectors were trained on the places 0 to 13. What changes?

    - **Count on.** The vectors of the old places stay, and neighbours differ as before. The places 14 to 23
      are new, and the middle of the picture is now at 11.5.
    - **Squeeze.** Give the new places numbers between the old ones, about $0.58$ apart. All lie within the
      edges of the old grid, and neighbours differ less than ever before. A resized table does nearly this.

    Neither is what the network learned with. The waves save the resizing, not the test whether it works. The
    workbench counts on; an offset table of *relative* positions it refuses to resize, with the reason.
    """)
    return


@app.cell(hide_code=True)
def figure_waves_go_on():
    WavesGoOn()
    return


@app.cell(hide_code=True)
def exercise_waves():
    book.exercise("bigger_pictures.waves")
    return


@app.cell(hide_code=True)
def text_divide():
    mo.md(r"""
    ## Sizes that do not divide

    Cutting into patches is done by a *convolution* whose *stride* equals its width. It takes the patches that
    fit, and what is left at the right and below is never looked at:

    ```python
    import torch

    cut = torch.nn.Conv2d(3, 768, kernel_size=16, stride=16)
    tuple(cut(torch.zeros(1, 3, 230, 230)).shape)  # -> (1, 768, 14, 14)
    ```

    With 230 pixels that is the same grid as with 224: six columns and six rows of pixels are gone, and
    nobody said so. A program has two honest answers. It can *refuse* the size and name one that goes, as
    this workbench does for a Vision Transformer. Or it can add a margin, *padding*, until whole patches
    fit. Resizing the picture beforehand is the usual third.
    """)
    return


@app.cell(hide_code=True)
def code_grid():
    book.source(grid_of)
    return


@app.cell(hide_code=True)
def exercise_padded():
    book.exercise("bigger_pictures.padded")
    return


@app.cell(hide_code=True)
def text_cost():
    mo.md(r"""
    ## What it costs

    A picture of 384 pixels has $2.94$ times the area of one of 224. The tokens follow: 577 against 197. The
    work of a block with $N$ tokens of width $D$ has two parts, counted in *multiply-adds*:

    $$\underbrace{12\,N D^2}_{\text{linear maps}} \; + \; \underbrace{2\,N^2 D}_{\text{attention}}$$

    The first grows with the area. The second grows with the square of the area, the fourth power of the
    side. At usual sizes the first is much larger, so the warning that attention is quadratic says less than
    it seems to: look at both numbers. For pictures of a thousand pixels and more it is true in earnest. The
    chapter on windows and pyramids is about that.
    """)
    return


@app.cell(hide_code=True)
def figure_price_of_pixels():
    PriceOfPixels()
    return


@app.cell(hide_code=True)
def exercise_cost():
    book.exercise("bigger_pictures.cost")
    return


@app.cell(hide_code=True)
def text_apparent():
    mo.md(r"""
    ## The size of things changes too

    A larger picture brings more than more places. A cat that covered five patches now covers fifteen. The
    network has never seen a cat of that size.

    Something like it happens even without a change of pixels (Touvron 2019). In training, a random piece of
    the picture is often drawn out to the full size, as *augmentation*. In the test the whole picture is
    shown. So things look larger in training than in the test. A network that was trained at 224 pixels may
    therefore be *better* at 280 than at 224, because there things have the size it knows. The same authors
    mended the rest by tuning the last layers briefly at the test size.

    This is called the train-test resolution effect. For a Vision Transformer it comes on top of the
    positions.
    """)
    return


@app.cell(hide_code=True)
def figure_apparent_size():
    ApparentSize()
    return


@app.cell(hide_code=True)
def text_lab():
    mo.md(r"""
    ## Does it work? A claim that did not hold

    The recipe of the papers is: train small, resize the positions, adapt for a while at the large size. The
    claim of our lab was that a resized model keeps more than half of what it knows above chance, and that
    one more pass over the data at the large size brings it above the small one. It was tried with a small
    model on pictures of clothes, 16 against 28 pixels, a grid of 4 by 4 against one of 7 by 7.

    The first half came true: bicubic positions keep $0.69$ of what was above chance. The second half did
    not: after one more pass the model is at 69.0 % at 28 pixels, against 75.5 % at the trained size, and
    74.6 % when the extra pass was spent at the old size. The claim needs both, so it **does not hold**
    here.

    Look at the smaller numbers as well. Random positions leave 37.8 %, so the resized table carries much. The
    way of resizing decides little: 53.7 to 55.5 %. And this table has 16 places in all, from few pictures.
    """)
    return


@app.cell(hide_code=True)
def lab_bigger_pictures():
    book.lab("bigger-pictures")
    return


@app.cell(hide_code=True)
def exercise_adapt():
    book.exercise("bigger_pictures.adapt")
    return


@app.cell(hide_code=True)
def text_try():
    mo.md(r"""
    ## Try it

    With a run of yours, the first command judges it at another size and learns nothing. The second adapts
    it, all weights of it; without `--tune full` only the head learns, which is less than the lab did:

    ```sh
    glassworks evaluate RUN --image-size 64
    glassworks finetune vit --from RUN --image-size 64 --tune full
    ```

    Below you can train a small Vision Transformer from the start, at three sizes. Its patches have 8
    pixels, so 32, 48 and 64 pixels are grids of 4, 6 and 8. Think before you press the button: these digits
    were scanned as 8 by 8 squares. What can 64 pixels show that 32 do not? Watch the time as well as the
    accuracy.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/bigger_pictures",
        {"system": "vit", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("side", "picture, pixels on a side", {"32 (recipe)": 32, "48": 48, "64": 64}),
            Choose(
                "model.positions",
                "positions",
                {"learned": "learned", "sine and cosine": "sine", "none": "none"},
            ),
            Slider("epochs", "epochs", 1, 20, step=1, value=10),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("image/bigger_pictures", {"system": "vit", "size": "tiny", "side": 64})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A learned table of positions belongs to one grid. To use it on another, keep the class token's row, see
    the rest as a picture and resize it, in the way that the weights expect. The same grid gives the same
    table; any other an approximation, good where the table is smooth. Formulas need no resizing, but their
    new places are as unknown to the network. Refuse or pad what does not divide. A picture of 384 instead
    of 224 pixels costs a block 3.16 times the work. And because things change their size with the picture,
    a resized model is a start for *fine-tuning*, to be measured before it is believed.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/bigger_pictures")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/bigger_pictures")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/bigger_pictures")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/bigger_pictures")
    return


if __name__ == "__main__":
    app.run()
