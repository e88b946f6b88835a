"""Exercises of the chapter on pictures as sentences: patches, their embedding, order, positions, cost."""

from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.blocks.positions import sine_cosine as reference_positions
from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, note, table
from glassworks.reader.exercises.compare import same
from glassworks.reader.exercises.kinds import (
    Choice,
    CodeExercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
    Wrong,
)

# ---- tokens of a large picture

TOKENS = NumberExercise(
    id="pictures_as_sentences.tokens",
    question=(
        "A photograph of a large screen has 3,840 × 2,160 pixels in colour (4K). How many patches of 16 × 16 "
        "pixels does it become, without any token besides?"
    ),
    target=32_400,
    tolerance=0,
    unit="patches",
    mistakes=(
        Mistake(518_400, "You divided the pixels by 16 once. A patch is 16 pixels wide *and* 16 high."),
        Mistake(375, "That is 240 + 135. The grid has 240 columns *and* 135 rows in each of them: multiply."),
        Mistake(
            97_200,
            "That counts each patch three times, once a colour. The three colours of a place belong to one "
            "patch: it has 16 · 16 · 3 numbers.",
        ),
        Mistake(32_401, "One too many: a class token belongs to no patch, and was not asked for."),
    ),
    hints=(
        "How many patches fit side by side, and how many one below the other?",
        "3,840 / 16 is 240. Do the same for the height, then multiply.",
    ),
    why=(
        "(3,840 / 16) · (2,160 / 16) = 240 · 135. The number of tokens grows with the *area* of the picture: "
        "twice the width and height is four times the tokens."
    ),
    solution="3,840 / 16 = 240 columns; 2,160 / 16 = 135 rows; 240 · 135 = 32,400 patches.",
    minutes=2,
    further=(
        "It is often said that a plain ViT cannot read such a picture. The attention maps of 12 heads would "
        "take 12 · 32,400² · 2 bytes = 25 GB a layer in 16-bit numbers, if they were written down. A fused "
        "kernel never does that, so it is slow and not impossible."
    ),
)

# ---- parameters of the patch embedding

FILTERS = NumberExercise(
    id="pictures_as_sentences.filters",
    question=(
        "ViT-B/16 reads pictures in colour and turns each patch of 16 × 16 pixels into a token of 768 "
        "numbers. How many numbers does this first layer learn, with its bias?"
    ),
    target=590_592,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(589_824, "Close: those are the weights. Each of the 768 outputs has a bias besides."),
        Mistake(197_376, "That is for a grey picture. In colour a patch has 16 · 16 · 3 numbers."),
        Mistake(196_608, "That is for a grey picture, and without a bias."),
        Mistake(
            115_756_032,
            "That would be a layer of its own for each of the 196 places. All patches share one and the "
            "same.",
        ),
        Mistake(
            115_605_504,
            "That is the number of products for a picture: 196 patches, each times all weights. The weights "
            "themselves are shared.",
        ),
    ),
    hints=(
        "How many numbers does a patch hold? How many numbers does a token hold?",
        "A linear layer from `a` to `b` numbers has `a · b` weights and `b` biases.",
    ),
    why=(
        "16 · 16 · 3 = 768 numbers go in and 768 come out, so the matrix has 768 · 768 = 589,824 weights, "
        "and 768 biases are added. That both are 768 is chance: a patch of 8 × 8 has 192 numbers."
    ),
    solution="16 · 16 · 3 = 768 in, 768 out: 768 · 768 + 768 = 590,592.",
    minutes=3,
    further=(
        "The size of the picture does not occur in it. The same layer cuts any picture whose sides are whole "
        "patches. What depends on the size comes later: the positions."
    ),
)

# ---- patch embedding in code

EMBED_START = '''\
import torch
import torch.nn.functional as F

def embed(pictures, weight, bias):
    """pictures: (batch, channels, height, width)
    weight: (dimension, channels, patch, patch), bias: (dimension,)
    returns tokens (batch, patches, dimension), row by row"""
    patch = weight.shape[-1]
    cut = F.unfold(pictures, patch, stride=patch)  # (batch, channels * patch * patch, patches)
    # your lines
'''
EMBED_SOLUTION = """\
import torch
import torch.nn.functional as F

def embed(pictures, weight, bias):
    patch = weight.shape[-1]
    cut = F.unfold(pictures, patch, stride=patch)
    return cut.transpose(1, 2) @ weight.flatten(1).T + bias
"""
NO_BIAS = "The bias is missing: every token lacks the same vector. Add `bias` at the end."
COLUMN_BY_COLUMN = "The tokens are right, and stand in another order: column by column. Go row by row."
RESHAPED = (
    "The pixels were only counted off, not cut: `reshape` takes numbers as they lie in memory, and those "
    "of a square do not lie beside each other."
)
TURNED = (
    "The tokens stand in the last axis. A sentence is (batch, patches, dimension): swap the last two axes."
)
OVERLAPPING = "Patches overlap: the cut moved on by one pixel. `stride=patch` moves on by a whole patch."
CHANNELS_LAST = (
    "The numbers of a patch stand in another order than those of the filter. `weight.flatten(1)` is channel, "
    "then row, then column."
)


@contextmanager
def _watched_convolution():
    """Whether conv2d was called meanwhile, as a list that is then not empty."""
    calls: list[bool] = []
    kept = F.conv2d, torch.conv2d

    def watching(*given, **named):
        calls.append(True)
        return kept[0](*given, **named)

    F.conv2d = torch.conv2d = watching
    try:
        yield calls
    finally:
        F.conv2d, torch.conv2d = kept


def check_embed(embed: Callable) -> list[Row]:
    """Random shapes against the convolution, and no convolution in the answer."""
    rows = []
    cases = (
        ("a square picture", (2, 3, 12, 12), 4, 5),
        ("a picture that is not square", (3, 3, 8, 20), 4, 6),
        ("a grey picture in patches of 5", (1, 1, 15, 10), 5, 3),
    )
    called = []
    for place, (name, shape, patch, dimension) in enumerate(cases):
        row, calls = _one_embedding(embed, name, shape, patch, dimension, place)
        rows.append(row)
        called += calls
    told = "Cut and matrix product, nothing else." if not called else (
        "A convolution was called. It does the same, but here you write out what it does: cut, then multiply."
    )  # fmt: skip
    return [*rows, Row("without a convolution", not called, told)]


def _one_embedding(
    embed: Callable, name: str, shape: tuple[int, ...], patch: int, dimension: int, seed: int
) -> tuple[Row, list[bool]]:
    """One random case: how the answer compares, and whether a convolution was called."""
    dice = generator(seed, "embed")

    def drawn(*size: int) -> Tensor:
        return torch.from_numpy(dice.normal(0, 1, size).astype(np.float32))

    pictures, weight, bias = drawn(*shape), drawn(dimension, shape[1], patch, patch), drawn(dimension)
    right = _tokens(pictures, weight, bias)
    columns_first = right.unflatten(1, (shape[2] // patch, -1)).transpose(1, 2).flatten(1, 2)
    counted_off = pictures.reshape(len(pictures), -1, weight[0].numel()) @ weight.flatten(1).T + bias
    last = F.unfold(pictures, patch, stride=patch).unflatten(1, (shape[1], -1)).transpose(1, 2).flatten(1, 2)
    usual = [
        (right - bias, NO_BIAS),
        (columns_first, COLUMN_BY_COLUMN),
        (counted_off, RESHAPED),
        (right.transpose(1, 2), TURNED),
        (last.transpose(1, 2) @ weight.flatten(1).T + bias, CHANNELS_LAST),
    ]
    overlapping = F.unfold(pictures, patch).transpose(1, 2) @ weight.flatten(1).T + bias
    with _watched_convolution() as calls:
        got = embed(pictures.clone(), weight.clone(), bias.clone())
    return same(name, got, right, usual=[*usual, (overlapping, OVERLAPPING)]), calls


def _tokens(pictures: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What the strided convolution gives, as (batch, patches, dimension)."""
    return F.conv2d(pictures, weight, bias, stride=weight.shape[-1]).flatten(2).transpose(1, 2)


EMBED = CodeExercise(
    id="pictures_as_sentences.embed",
    question=(
        "Write the patch embedding as a cut and *one matrix product*, so that it equals the convolution "
        "with a step of one patch. `F.unfold` does the cut; it gives one *column* for each patch."
    ),
    start=EMBED_START,
    name="embed",
    check=check_embed,
    solution=EMBED_SOLUTION,
    wrong=(
        Wrong(EMBED_SOLUTION.replace(" + bias", ""), "a square picture"),
        Wrong(
            EMBED_SOLUTION.replace(
                "cut.transpose(1, 2) @ weight.flatten(1).T + bias",
                "weight.flatten(1) @ cut + bias[:, None]",
            ),
            "a square picture",
        ),
        Wrong(EMBED_SOLUTION.replace(", stride=patch", ""), "a square picture"),
        Wrong(
            EMBED_SOLUTION.replace(
                "cut = F.unfold(pictures, patch, stride=patch)",
                "cut = pictures.reshape(len(pictures), -1, weight[0].numel()).transpose(1, 2)",
            ),
            "a picture that is not square",
        ),
        Wrong(
            "import torch.nn.functional as F\n\ndef embed(pictures, weight, bias):\n"
            "    maps = F.conv2d(pictures, weight, bias, stride=weight.shape[-1])\n"
            "    return maps.flatten(2).transpose(1, 2)\n",
            "without a convolution",
        ),
    ),
    hints=(
        "The matrix is the filters, each laid out in one row: `weight.flatten(1)` is (dimension, numbers "
        "of a patch).",
        "Turn the columns of the cut into rows with `transpose(1, 2)`; then `@` multiplies each patch by the "
        "matrix that is turned as well.",
    ),
    why=(
        "A convolution whose step is as long as its filter never looks at a pixel twice. So it is a cut into "
        "squares and one linear layer for all of them, and its filters are the rows of that layer's matrix."
    ),
    minutes=7,
    further=(
        "The workbench's own `cut` (`blocks/patches.py`) orders the numbers of a patch row, column, "
        "channel, as the masked autoencoder does. Which order is chosen does not matter, if the filters "
        "have it too."
    ),
)

# ---- what attention does with order


def _order_shown() -> str:
    from glassworks.reader.figures.shuffled_sentence import (  # not in the child that checks code
        both,
        order_of,
    )

    order, rows = order_of(3), []
    for kind in ("none", "learned"):
        tokens, scores, mixed, mixed_scores = both(kind, order)
        back = mixed[order.argsort()]
        differences = ((tokens - mixed), (tokens - back), (scores - mixed_scores))
        rows.append([kind, *(f"{one.abs().max().item():.1e}" for one in differences)])
    head = ["positions", "tokens, place by place", "tokens, each beside its own patch", "scores"]
    return columns(table(head, rows)) + note(
        "Largest differences between the outputs for the picture and for the shuffled one, computed now "
        "by the model of the figure. What is below 0.00001 is rounding: sums are taken in another order."
    )


ORDER = PredictExercise(
    id="pictures_as_sentences.order",
    question=(
        "A ViT *without positions* reads the patches of a picture, then the same patches shuffled. The "
        "scores come from the mean of its output tokens. What is the difference between its two outputs?"
    ),
    choices=(
        Choice(
            "None at all: attention is invariant, so place by place the same tokens come out.",
            False,
            "The word is often used, and it is not right for the tokens. What stands at place 0 now began as "
            "another patch, and comes out as that patch's token.",
        ),
        Choice(
            "The tokens are the same vectors, moved with their patches; the scores are the same.",
            True,
            "Yes. Each token asks all others, and a sum does not know the order of its terms. So the vectors "
            "move along (equivariance), and their mean stays (invariance).",
        ),
        Choice(
            "The tokens become other vectors, because each one has other neighbours now.",
            False,
            "For attention nobody is a neighbour: every token sees all tokens, and the same ones are still "
            "there. Neighbours matter to a convolution.",
        ),
        Choice(
            "The tokens are the same vectors, moved; but the scores change, since the head reads them in "
            "order.",
            False,
            "The head reads their mean, or a class token. Neither depends on the order of the patches.",
        ),
    ),
    reveal=_order_shown,
    hints=(
        "Follow one patch: which tokens does it ask before the shuffle, and which after it?",
        "And the mean of three numbers: does it depend on which of them is named first?",
    ),
    why=(
        "Nothing in a block asks where a token stands: attention sums over all tokens, norms and the MLP "
        "work on each alone. The output is shuffled as the input was. The exact word is permutation "
        "*equivariant*; what is read from the mean or from a class token is *invariant*."
    ),
    further=(
        "A language model that is told no positions can still use the order of words, because there no token "
        "sees the later ones: that mask breaks the symmetry. A ViT has no such mask."
    ),
)

# ---- what is learned before the first block

TABLE = NumberExercise(
    id="pictures_as_sentences.table",
    question=(
        "ViT-B/16 reads pictures of 224 × 224 pixels. Between the patch embedding and the first block it "
        "has a class token and a table of learned positions, each entry of 768 numbers. How many numbers "
        "are learned there, token and table together?"
    ),
    target=152_064,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(
            151_296,
            "768 are missing. That is the table of 197 places alone, or 196 places and the token: the class "
            "token is learned, *and* it has a row in the table.",
        ),
        Mistake(150_528, "That is 196 · 768, the places of the patches. The class token and its place lack."),
        Mistake(
            742_656,
            "That includes the 590,592 of the patch embedding. Only what comes after it was asked for.",
        ),
        Mistake(197, "That is the number of places. Each is a vector of 768 numbers."),
        Mistake(198, "198 vectors are right. Each has 768 numbers."),
    ),
    hints=(
        "How many patches are there, how many tokens, and how many vectors are learned?",
        "14 · 14 patches, one class token, and a place for each of the tokens.",
    ),
    why=(
        "14 · 14 = 196 patches and the class token are 197 tokens, so the table has 197 rows; the class "
        "token itself is one more vector: 198 · 768. That is little beside the 85 million of the blocks."
    ),
    solution="Table: (196 + 1) · 768 = 151,296. Class token: 768. Together 152,064.",
    minutes=2,
    further=(
        "At 384 × 384 pixels there are 576 patches and the table needs 577 rows. Weights from 224 pixels "
        "have 197, so the table must be resized; the chapter on bigger pictures does that."
    ),
)

# ---- sine and cosine in two dimensions

SINE_START = '''\
import torch

def sine_cosine(rows, columns, dimension):
    """Positions (rows * columns, dimension), row by row.

    A quarter of the numbers each: sine of the column, cosine of the column,
    sine of the row, cosine of the row. Frequency k is 10000 ** (-k / quarter)."""
    quarter = dimension // 4
    frequencies = 10_000 ** (-torch.arange(quarter) / quarter)
    # your lines
'''
SINE_SOLUTION = """\
import torch

def sine_cosine(rows, columns, dimension):
    if dimension % 4:
        raise ValueError(f"the dimension must be divisible by 4, got {dimension}")
    quarter = dimension // 4
    frequencies = 10_000 ** (-torch.arange(quarter) / quarter)
    places = torch.arange(rows * columns)
    across = (places % columns)[:, None] * frequencies
    down = (places // columns)[:, None] * frequencies
    return torch.cat([across.sin(), across.cos(), down.sin(), down.cos()], dim=1)
"""
ROWS_FIRST = (
    "The halves are swapped: the row stands first. Both orders work, but not with weights that were "
    "learned with the other one. Here the column comes first, as in MAE's published weights."
)
ADDED = (
    "The waves of the column and of the row were added. Then (2, 5) and (5, 2) are the same vector. They "
    "stand side by side: half of the numbers each."
)
INTERLEAVED = (
    "Sines and cosines take turns. So it is in the paper of 2017, for sentences; here they stand in "
    "blocks: all sines of an axis, then all its cosines."
)
RUNNING = "That is one running number for all places. Split it: the column is the rest, the row the quotient."
TURNED_GRID = "Rows and columns of the grid are mixed up. In row by row order the column runs fastest."
WRONG_LENGTH = "A row is `columns` places long, not `rows`: that is what to divide by."
TOO_FAST = "The frequencies fall as over the whole dimension. Each axis has a quarter of it: `-k / quarter`."


def _waves(places: Tensor, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    angles = places[:, None].double() * frequencies
    return angles.sin(), angles.cos()


def _mistaken(rows: int, columns: int, dimension: int) -> list[tuple[Tensor, str]]:
    """What the usual mistakes give for this grid."""
    quarter, places = dimension // 4, torch.arange(rows * columns)
    steps = torch.arange(quarter).double()
    frequencies = 10_000.0 ** (-steps / quarter)
    across, down = _waves(places % columns, frequencies), _waves(places // columns, frequencies)
    turned = _waves(places // rows, frequencies), _waves(places % rows, frequencies)
    rest = _waves(places % rows, frequencies), _waves(places // rows, frequencies)
    slow = 10_000.0 ** (-steps / dimension)
    late = _waves(places % columns, slow), _waves(places // columns, slow)
    half = dimension // 2
    running = _waves(places, 10_000.0 ** (-torch.arange(half).double() / half))
    mixed = [torch.stack(pair, dim=2).flatten(1) for pair in (across, down)]
    return [
        (torch.cat([*down, *across], 1), ROWS_FIRST),
        (torch.cat(across, 1) + torch.cat(down, 1), ADDED),
        (torch.cat(mixed, 1), INTERLEAVED),
        (torch.cat(running, 1), RUNNING),
        (torch.cat([*turned[0], *turned[1]], 1), TURNED_GRID),
        (torch.cat([*rest[0], *rest[1]], 1), WRONG_LENGTH),
        (torch.cat([*late[0], *late[1]], 1), TOO_FAST),
    ]


def check_sine(sine_cosine: Callable) -> list[Row]:
    """Two grids against the library, and the dimensions that do not divide."""
    rows = []
    for name, (down, across), dimension in (
        ("a grid of 4 × 4", (4, 4), 16),
        ("a grid of 3 × 5", (3, 5), 24),
    ):
        wanted = reference_positions((down, across), dimension)
        usual = _mistaken(down, across, dimension)
        rows.append(same(name, sine_cosine(down, across, dimension), wanted, usual=usual))
    return [*rows, _refuses(sine_cosine)]


def _refuses(sine_cosine: Callable) -> Row:
    name = "a dimension that 4 does not divide is refused"
    for dimension in (6, 10, 770):
        try:
            got = sine_cosine(2, 2, dimension)
        except ValueError:
            continue
        width = got.shape[-1] if isinstance(got, Tensor) and got.ndim else "no"
        told = (
            f"A dimension of {dimension} came back with {width} numbers a place, and no complaint. The "
            "mistake would show much later, as a length that does not fit. Raise a `ValueError`."
        )
        return Row(name, False, told)
    return Row(name, True, "6, 10 and 770 are refused at the door.")


SINE = CodeExercise(
    id="pictures_as_sentences.sine",
    question=(
        "Write two-dimensional sine-cosine positions, columns first. The frequencies are given; a "
        "dimension that is not divisible by 4 raises a `ValueError`."
    ),
    start=SINE_START,
    name="sine_cosine",
    check=check_sine,
    solution=SINE_SOLUTION,
    wrong=(
        Wrong(
            SINE_SOLUTION.replace(
                "[across.sin(), across.cos(), down.sin(), down.cos()]",
                "[down.sin(), down.cos(), across.sin(), across.cos()]",
            ),
            "a grid of 4 × 4",
        ),
        Wrong(
            SINE_SOLUTION.replace(
                "torch.cat([across.sin(), across.cos(), down.sin(), down.cos()], dim=1)",
                "torch.cat([across.sin(), across.cos()], dim=1) + torch.cat([down.sin(), down.cos()], dim=1)",
            ),
            "a grid of 4 × 4",
        ),
        Wrong(
            SINE_SOLUTION.replace("places % columns", "places % rows").replace(
                "places // columns", "places // rows"
            ),
            "a grid of 3 × 5",
        ),
        Wrong(
            SINE_SOLUTION.replace(
                "    if dimension % 4:\n"
                '        raise ValueError(f"the dimension must be divisible by 4, got {dimension}")\n',
                "",
            ),
            "a dimension that 4 does not divide is refused",
        ),
        Wrong(SINE_SOLUTION.replace("/ quarter)", "/ dimension)"), "a grid of 4 × 4"),
    ),
    hints=(
        "Number the places from 0. With `columns` places in a row, `%` gives the column of a place and "
        "`//` its row.",
        "A column vector of places times a row vector of frequencies gives all angles at once: "
        "`places[:, None] * frequencies`.",
    ),
    why=(
        "Each axis has half of the numbers, so the halves stand side by side and neither can be mistaken "
        "for the other. What is *added* is the finished position to the token. Whoever loads weights from "
        "elsewhere must know which axis came first there: the numbers are the same, only swapped."
    ),
    minutes=8,
    further=(
        "A class token has no place. Where there is one, the table gets a first row of zeros, as in "
        "`blocks/positions.py`."
    ),
)

# ---- what more tokens cost

COST = NumberExercise(
    id="pictures_as_sentences.cost",
    question=(
        "ViT-B/16 shall read pictures of 384 × 384 instead of 224 × 224 pixels: 577 tokens instead of "
        "197. A block of width D with N tokens takes 12 N D² products in its layers and 2 N² D for its "
        "attention maps, D = 768. How many times as many products does a whole block take? Two decimals "
        "are enough."
    ),
    target=3.161,
    tolerance=0.02,
    unit="times",
    mistakes=(
        Mistake(2.93, "So the tokens and the layers grow. The maps grow faster: add both parts up first."),
        Mistake(
            8.58, "So the maps grow. They are only 4 % of the block at 197 tokens; the rest grows by 2.93."
        ),
        Mistake(1.71, "That is the side of the picture. Tokens grow with its area."),
        Mistake(
            5.75,
            "That is the plain mean of both factors. They must be weighed by what each part costs before.",
        ),
    ),
    hints=(
        "Compute four numbers: layers and maps, before and after. Then add before you divide.",
        "Before: 12 · 197 · 768² is 1,394 million and 2 · 197² · 768 is 60 million.",
    ),
    why=(
        "1,454 million products become 4,595 million. Attention is called quadratic, and its maps are: "
        "8.58 times as much. But in a block of this width and with so few tokens the layers are nearly "
        "all of the work, and they grow with the tokens, 2.93 times."
    ),
    solution=(
        "197 tokens: 1,394,343,936 + 59,610,624 = 1,453,954,560. 577 tokens: 4,083,941,376 + 511,378,944 = "
        "4,595,320,320. The quotient is 3.161."
    ),
    minutes=4,
    further=(
        "The maps overtake the layers when 2 N² D exceeds 12 N D², so at N = 6 D: 4,608 tokens for ViT-B. "
        "With patches of 16 that is a picture of 1,086 pixels on a side."
    ),
)

# ---- all pictures in one and the same shuffle


def _fixed_shuffle() -> str:
    from glassworks import labs  # not in the child that checks code
    from glassworks.labs.drawing import drawn

    result = labs.recorded("positions-and-order")
    if result is None:
        return note("This lab is not recorded yet: glassworks lab positions-and-order")
    shown = result.tables[0]
    kept = [place for place, name in enumerate(shown.head) if "own" not in name and "changed" not in name]
    rows = [[row[place] for place in kept] for row in shown.rows]
    head = [shown.head[place] for place in kept]
    return (
        table(head, rows)
        + drawn(result.charts[0])
        + note(
            f"Recorded: {result.command}, mean of {len(result.seeds)} seeds, digits of 8 × 8 squares in 16 "
            "patches."
        )
    )


SHUFFLE = PredictExercise(
    id="pictures_as_sentences.shuffle",
    question=(
        "Put the patches of *all* pictures, for training and for the test, into one and the same other "
        "order, and train a ViT with *learned* positions on them from the start. To your eye the pictures "
        "are rubble. What becomes of its test accuracy, beside that on the whole pictures?"
    ),
    choices=(
        Choice(
            "It falls to that of a ViT without positions: the order is destroyed.",
            False,
            "The order is another one, and always the same. Place 3 still means the same part of every "
            "picture.",
        ),
        Choice(
            "It falls by much: neighbours are torn apart, and the model relies on neighbours.",
            False,
            "That is how a convolution would suffer. This model was never told that places 3 and 4 are "
            "neighbours.",
        ),
        Choice(
            "It stays about where it was: it learns what each place holds, whichever order that is.",
            True,
            "Yes. Every row of the table begins as random numbers, so no order of places is more natural "
            "to it than another.",
        ),
        Choice(
            "It rises: shuffling is a kind of augmentation.",
            False,
            "Augmentation shows a picture in many ways. Here each picture is shown in one way only.",
        ),
    ),
    reveal=_fixed_shuffle,
    hints=(
        "At the start, what does the table know about places 0 and 1 that it does not know about 0 and 9?",
        "Think of the sentence with each place renamed. Which part of the model would notice?",
    ),
    why=(
        "The table knows places, and no neighbourhood. That is meant when people say that a ViT assumes "
        "little about pictures. It does not assume nothing: inside a patch the pixels stay together, and "
        "one filter serves all patches. Sine-cosine and relative positions do know rows and columns; "
        "whether that shows in the accuracy is in the table."
    ),
    further=(
        "Shuffle single pixels instead of patches and train a convolutional network on them: it loses "
        "what its filters were built for. The chapter on data hunger compares the two kinds of model."
    ),
)

EXERCISES = (TOKENS, FILTERS, EMBED, TABLE, ORDER, SINE, SHUFFLE, COST)
