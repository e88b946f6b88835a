"""Exercises of the chapter on windows and pyramids: costs, windows, a mask, offsets, merging, fewer keys."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.models.vision.swin import Merging, Windows
from glassworks.reader.draw import columns, note
from glassworks.reader.exercises.compare import same
from glassworks.reader.exercises.kinds import (
    Choice,
    ChoiceExercise,
    CodeExercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
    Wrong,
)

# ---- what twice the side costs a narrow block

SMALL, LARGE, WIDTH = 197, 785, 384  # tokens of 224 and 448 pixels; numbers a token of ViT-S


def _block(tokens: int, dimension: int) -> int:
    return 12 * tokens * dimension**2 + 2 * tokens**2 * dimension


DOUBLE = NumberExercise(
    id="windows_and_pyramids.double",
    question=(
        "A block of ViT-S/16 has tokens of 384 numbers, half as wide as those of ViT-B. From 224 to 448 "
        "pixels its tokens go from 197 to 785. By which factor does the whole block grow in multiply-adds, "
        "layers `12 N D²` and maps `2 N² D` together? Two decimals."
    ),
    target=_block(LARGE, WIDTH) / _block(SMALL, WIDTH),
    tolerance=0.02,
    mistakes=(
        Mistake(
            LARGE**2 / SMALL**2,
            "That is the growth of the attention maps alone. The layers are most of the block, and they grow "
            "only 3.98 times.",
        ),
        Mistake(
            LARGE / SMALL,
            "That is the growth of the tokens, and so of the layers alone. The maps grow with the square.",
        ),
        Mistake(16.0, "Sixteen is the growth of the maps without a class token. What about the layers?"),
        Mistake(
            _block(LARGE, 768) / _block(SMALL, 768),
            "That is the block of ViT-B, whose tokens have 768 numbers. Here they have 384.",
        ),
    ),
    hints=(
        "Write down layers plus maps once for 197 tokens and once for 785, then divide.",
        "Take out what both have in common: the block costs `N · D · (12 D + 2 N)`, and D cancels in front.",
    ),
    why=(
        "The narrower the tokens, the larger is the share of the maps: in `12 D + 2 N` the layers count for "
        "12 D. So a narrow network feels more tokens sooner than a wide one: 4.92 times here, 4.47 times "
        "with 768 numbers. Neither is 16."
    ),
    further=(
        "Both parts are equal where `2 N = 12 D`: with 384 numbers at 2,304 tokens, which is a picture of "
        "768 pixels. With 768 numbers the maps overtake at 4,608 tokens, about 1,086 pixels."
    ),
    solution=(
        "`785 · (12 · 384 + 2 · 785) / (197 · (12 · 384 + 2 · 197)) = 785 · 6178 / (197 · 5002) = 4.92`."
    ),
    minutes=4,
)

# ---- windows that do not divide

WINDOWS = NumberExercise(
    id="windows_and_pyramids.windows",
    question=(
        "A film frame has 720 rows and 1,280 columns of pixels. Swin cuts it into patches of 4 × 4, and the "
        "map into windows of 7 × 7 tokens. How many windows does the first stage compute?"
    ),
    target=Windows(180, 320, 7).count,
    tolerance=0,
    mistakes=(
        Mistake(
            25 * 45,
            "You left out the tokens at the lower and right edge that do not fill a window. The map is "
            "filled up, not cut off.",
        ),
        Mistake(26 * 45, "The rows are filled up, the columns are not: 320 is not a multiple of 7 either."),
        Mistake(25 * 46, "The columns are filled up, the rows are not: 180 is not a multiple of 7 either."),
        Mistake(
            round(180 * 320 / 49),
            "That is all tokens divided by 49. Windows come whole: round up along the rows and along the "
            "columns, then multiply.",
        ),
        Mistake(103 * 183, "Those are windows over pixels. A token is a patch of 4 × 4 pixels."),
    ),
    hints=(
        "First the tokens: how many patches of 4 pixels are there along each side?",
        "Then the windows along each side, rounded up: 180 / 7 and 320 / 7.",
    ),
    why=(
        "180 rows of tokens are filled up to 182, 320 columns to 322. The zeros are computed like tokens, "
        "which costs 1.7 % more here. At 800 × 800 pixels 200 tokens a side become 203: 841 windows, 3.0 % "
        "more."
    ),
    further=(
        "Square windows are a choice, not a law: 180 = 15 · 12 and 320 = 20 · 16. `Windows` in "
        "`models/vision/swin.py` fills up at the lower and right edge, as the published weights learned it."
    ),
    solution="180 / 7 is 25.7, so 26 windows; 320 / 7 is 45.7, so 46 windows; `26 · 46 = 1196`.",
    minutes=3,
)

# ---- how far a token is known


def _two_blocks() -> str:
    from glassworks.reader.figures.reach_of_one import reached  # not in the child that checks code
    from glassworks.reader.figures.token_grid import cells, drawing, ruled

    shown = []
    for blocks, away in ((1, 0), (2, 2)):
        found = reached(5, 5, blocks, True, 16, 4)
        know = int((found >= 0).sum())
        parts = cells(found > 0, 15, "fill:color-mix(in srgb, var(--accent) 45%, transparent)")
        parts += cells(found == 0, 15, "fill:var(--warn)") + ruled(16, 16, 4, 15, moved=away)
        told = f"{know} of 256 tokens know of token (5, 5) after block {blocks}"
        shown.append(drawing(parts, 240, 240, told) + note(f"After block {blocks}: {know} tokens."))
    return columns(*shown)


KNOWN = PredictExercise(
    id="windows_and_pyramids.known",
    question=(
        "A map of 16 × 16 tokens has windows of 4 × 4. The first block has its windows in place, in the "
        "second they are moved by 2. After both blocks, how many tokens can know of the token in row 5, "
        "column 5 (counted from 0)?"
    ),
    choices=(
        Choice(
            "16: a token is known inside its window only.",
            False,
            "That is so after the first block. In the second, each of these 16 tokens carries what it knows "
            "into its moved window.",
        ),
        Choice(
            "32: the old window and the new one.",
            False,
            "The token's own two windows overlap, and they are not all. The 16 tokens of the first window "
            "lie in four different moved windows.",
        ),
        Choice(
            "64: the four moved windows that its first window lies in.",
            True,
            "Yes. The window covers rows 4 to 7. Moved windows begin at rows 2, 6, 10 and so on, so rows 4 "
            "and 5 lie in one and rows 6 and 7 in the next. The same holds for columns: 2 × 2 windows of 16.",
        ),
        Choice(
            "256: two blocks are enough for the whole map.",
            False,
            "With global attention one block would be enough. With windows the known area grows by about a "
            "window's side with every block.",
        ),
    ),
    reveal=_two_blocks,
    hints=(
        "Which rows and columns does its window cover in the first block?",
        "Where do the moved windows begin? Count how many of them that first window touches.",
    ),
    why=(
        "A moved window touches four old ones. So the area that knows of a token doubles its side in the "
        "second block, and then grows by about a window with each further block: far slower than global "
        "attention, and far faster than a filter of 3 × 3."
    ),
    further=(
        "Merging speeds it up: after it, one token stands for 2 × 2, so a window covers twice as many "
        "pixels on a side. In Swin-T at 224 pixels the last stage is a single window over the whole picture."
    ),
    minutes=4,
)

# ---- the mask

MASK_START = '''\
import torch

def windows_of(places, side):
    """A map (rows, columns) cut into windows: (windows, side * side). Ready to use."""
    rows, columns = places.shape
    cut = places.reshape(rows // side, side, columns // side, side).transpose(1, 2)
    return cut.reshape(-1, side * side)

def shift_mask(rows, columns, side):
    """(windows, side * side, side * side): 0 where two tokens may look at each other, -inf where not."""
    moved = side // 2
    # row and column of each place of the turned map
    row = torch.arange(rows)[:, None].expand(rows, columns)
    column = torch.arange(columns)[None, :].expand(rows, columns)
    # your lines: number the pieces, cut them into windows, compare
'''
MASK_SOLUTION = """\
import torch

def windows_of(places, side):
    rows, columns = places.shape
    cut = places.reshape(rows // side, side, columns // side, side).transpose(1, 2)
    return cut.reshape(-1, side * side)

def shift_mask(rows, columns, side):
    moved = side // 2
    row = torch.arange(rows)[:, None].expand(rows, columns)
    column = torch.arange(columns)[None, :].expand(rows, columns)
    piece = 2 * (row >= rows - moved).int() + (column >= columns - moved).int()
    piece = windows_of(piece, side)
    apart = piece[:, :, None] != piece[:, None, :]
    return torch.zeros(apart.shape).masked_fill(apart, float("-inf"))
"""
MAPS = ((8, 12, 4), (14, 21, 7), (6, 9, 3))  # rows, columns, side: whole windows, more than one each way

FORGOTTEN = (
    "Everything is 0: turned rows count as neighbours. In this window the last rows of the picture stand "
    "above its first ones, which were brought there by turning."
)
ONE_WAY = (
    "One of the two directions is missing. Rows and columns are both turned, so the corner window holds four "
    "pieces."
)
SUM = (
    "Two pieces have the same number. If a piece is numbered by the *sum* of its two signs, upper right and "
    "lower left are both 1. Count one of the two signs twice."
)
BEGIN = (
    "Windows inside the map hide something. Turning brings the *first* rows to the *end*: the seam lies "
    "`moved` rows before the end of the turned map, not `moved` rows after its beginning."
)
TURNED = "0 and -inf are exchanged: what is added to a score must be 0 where looking is allowed."
ONES = "1 or True came back where looking is allowed. What is added to a score must be 0 there."
HUNDRED = (
    "-100 is what the first published code adds. After softmax a weight of e^-100 is 0 in single precision "
    "unless a score is very large. Here -inf is asked for, which is 0 in every case."
)


def check_shift_mask(shift_mask: Callable) -> list[Row]:
    """A window inside, the two seams, and the whole mask, for three maps; the worst of each."""
    found: list[list[Row]] = []
    for rows, columns_, side in MAPS:
        hidden = Windows(rows, columns_, side, shifted=True).mask() != 0
        wanted = torch.zeros(hidden.shape).masked_fill(hidden, float("-inf"))
        got = shift_mask(rows, columns_, side)
        if not isinstance(got, Tensor) or got.shape != wanted.shape:
            return [same("the whole mask", got, wanted)]
        across = columns_ // side
        last = wanted.shape[0] - 1
        found.append([
            _inside(got[0], wanted[0]),
            _seam("turned rows are apart", got[last - across + 1], wanted[last - across + 1]),
            _seam("turned columns are apart", got[across - 1], wanted[across - 1]),
            _whole(got, wanted),
        ])  # fmt: skip
    return [next((one for one in row if not one.passed), row[0]) for row in zip(*found, strict=True)]


def _inside(got: Tensor, wanted: Tensor) -> Row:
    """The first window, which holds one piece: 0 throughout."""
    name = "a window inside hides nothing"
    if bool((got == got[0, 0]).all()):
        return same(name, got, wanted, usual=[(torch.full_like(wanted, float("-inf")), TURNED),
                                              (torch.ones_like(wanted), ONES)])  # fmt: skip
    return Row(name, False, BEGIN)


def _seam(name: str, got: Tensor, wanted: Tensor) -> Row:
    hundred = torch.where(wanted == 0, wanted, torch.full_like(wanted, -100.0))
    return same(name, got, wanted, usual=[(torch.zeros_like(wanted), FORGOTTEN), (hundred, HUNDRED)])


def _whole(got: Tensor, wanted: Tensor) -> Row:
    pieces = len({tuple(row) for row in (got[-1] == 0).tolist()})
    if pieces == 2:
        return same("the whole mask", got, wanted, usual=[(got, ONE_WAY)])
    if pieces == 3:
        return same("the whole mask", got, wanted, usual=[(got, SUM)])
    return same("the whole mask", got, wanted)


MASK = CodeExercise(
    id="windows_and_pyramids.mask",
    question=(
        "Write `shift_mask(rows, columns, side)` for a map that was turned by `side // 2` rows and columns. "
        "In each window two tokens may look at each other if they come from the same piece of the picture. "
        "Give each place of the turned map the number of its piece; `windows_of` cuts them as the map is "
        "cut. Rows and columns are whole multiples of `side`, and there is more than one window each way."
    ),
    start=MASK_START,
    name="shift_mask",
    check=check_shift_mask,
    solution=MASK_SOLUTION,
    wrong=(
        Wrong(
            MASK_SOLUTION.replace(
                'torch.zeros(apart.shape).masked_fill(apart, float("-inf"))', "torch.zeros(apart.shape)"
            ),
            "turned rows are apart",
        ),
        Wrong(MASK_SOLUTION.replace(" + (column >= columns - moved).int()", ""), "turned columns are apart"),
        Wrong(MASK_SOLUTION.replace("2 * (row", "(row"), "the whole mask"),
        Wrong(
            MASK_SOLUTION.replace("row >= rows - moved", "row < moved").replace(
                "column >= columns - moved", "column < moved"
            ),
            "a window inside hides nothing",
        ),
        Wrong(
            MASK_SOLUTION.replace("!= piece[:, None, :]", "== piece[:, None, :]"),
            "a window inside hides nothing",
        ),
        Wrong(MASK_SOLUTION.replace('float("-inf")', "-100.0"), "turned rows are apart"),
    ),
    hints=(
        "A place belongs to the turned rows or not, and to the turned columns or not. That makes four "
        "pieces: number them 0 to 3.",
        "Turning brought the first `moved` rows to the end, so they are the places with `row >= rows - "
        "moved`. Compare the pieces of a window with each other by `[:, :, None]` and `[:, None, :]`.",
    ),
    why=(
        "The mask needs no picture and no weights, only coordinates. It is computed once when the model is "
        "made, and added to the comparisons before softmax. Minus infinity becomes a weight of exactly 0. So "
        "does the -1000 of the installed code, and a finite number can also be measured for int8."
    ),
    further=(
        "Only windows at the seam need a mask. Of the 64 windows of Swin-T's first stage at 224 pixels 49 "
        "hide nothing; the installed code adds the mask to all of them, because one addition is simpler "
        "than two paths."
    ),
    minutes=9,
)

# ---- how many entries

ENTRIES = NumberExercise(
    id="windows_and_pyramids.entries",
    question=(
        "A stage of a Swin for larger pictures has 6 heads and windows of 12 × 12 tokens. How many learned "
        "numbers does the table of relative positions of one of its blocks hold, over all heads?"
    ),
    target=23**2 * 6,
    tolerance=0,
    mistakes=(
        Mistake(23**2, "That is one head's table. Every head learns its own: there are 6."),
        Mistake(144**2 * 6, "That is one number for every pair. Pairs with the same offset share theirs."),
        Mistake(24**2 * 6, "Offsets go from -11 to +11, and 0 is one of them: 23 values, not 24."),
        Mistake(
            144 * 6, "That is one number for every token. An entry belongs to an offset between two tokens."
        ),
        Mistake(12**2 * 6 * 2, "Count the offsets along one side first: from -11 to +11."),
        Mistake(169 * 6, "169 entries belong to windows of 7 × 7."),
    ),
    hints=(
        "How many values can the difference of two rows have, when both are 0 to 11?",
        "Rows and columns differ independently: multiply the two counts. Each head has such a table.",
    ),
    why=(
        "23 · 23 offsets · 6 heads = 3,174 numbers, where one for every pair would be 124,416. A shared "
        "entry is learned from all pairs with that offset. For this an entry must mean the same everywhere, "
        "which is what *relative* says."
    ),
    further=(
        "A model trained with windows of 7 can be given windows of 12: its table of 13 × 13 is resized to "
        "23 × 23 like a picture. The authors did that for pictures of 384 pixels."
    ),
    solution="`(2 · 12 - 1)² · 6 = 23² · 6 = 529 · 6 = 3174`.",
    minutes=3,
)

# ---- merging

MERGE_START = '''\
import torch
import torch.nn.functional as F

def merge(maps):
    """(batch, rows, columns, numbers) -> (batch, rows / 2, columns / 2, 4 * numbers), odd sides up."""
    rows, columns = maps.shape[1:3]
    # your lines: fill up odd sides with zeros below and to the right, take four parts, join them
'''
MERGE_SOLUTION = """\
import torch
import torch.nn.functional as F

def merge(maps):
    rows, columns = maps.shape[1:3]
    maps = F.pad(maps, (0, 0, 0, columns % 2, 0, rows % 2))
    parts = [maps[:, down::2, right::2] for right in (0, 1) for down in (0, 1)]
    return torch.cat(parts, dim=-1)
"""


BARE = (
    "A bare `reshape` takes four tokens that follow each other in a *row*. Those below them lie a whole row "
    "further on in memory."
)
ROW_FIRST = (
    "The four are those of one square, but in another order: upper left, *lower left*, upper right, "
    "lower right is asked for. Published weights depend on it."
)


def check_merge(merge: Callable) -> list[Row]:
    """Even sides, the order of the four, and odd sides."""
    even, odd = _maps(2, 4, 6, 3), _maps(1, 5, 7, 2)
    rows = [_merged("2 x 2 tokens become one", merge, even)]
    rows.append(_merged("the order of the four", merge, _maps(1, 2, 2, 1)))
    return [*rows, _merged("odd sides are filled up", merge, odd)]


def _maps(*shape: int) -> Tensor:
    dice = torch.Generator().manual_seed(seed_for(3, "merge", *shape))
    return torch.randn(shape, generator=dice)


def _merged(name: str, merge: Callable, maps: Tensor) -> Row:
    wanted, got = _library(maps), merge(maps.clone())
    usual: list[tuple[Tensor, str]] = []
    if isinstance(got, Tensor) and got.shape == wanted.shape:
        row_first = wanted.unflatten(-1, (2, 2, -1)).transpose(-2, -3).flatten(-3)
        usual = [(maps.reshape(wanted.shape), BARE)] if maps.shape[1] % 2 == 0 else []
        if name == "the order of the four":
            usual = [(row_first, ROW_FIRST)]
        elif torch.allclose(got, row_first):
            return Row(name, True, "The right tokens are joined.")  # their order has a row of its own
    return same(name, got, wanted, usual=usual)


def _library(maps: Tensor) -> Tensor:
    """What the library's merging joins, before its norm and its layer."""
    merging = Merging(maps.shape[-1])
    merging.norm, merging.reduction = nn.Identity(), nn.Identity()  # type: ignore[assignment]
    return merging(maps)


MERGE = CodeExercise(
    id="windows_and_pyramids.merge",
    question=(
        "Write the first half of patch merging: `merge(maps)` joins each 2 × 2 tokens into one that is four "
        "times as wide, in the order upper left, lower left, upper right, lower right. Odd sides are filled "
        "up with zeros below and to the right. Norm and layer come afterwards and are not asked for."
    ),
    start=MERGE_START,
    name="merge",
    check=check_merge,
    solution=MERGE_SOLUTION,
    wrong=(
        Wrong(
            "import torch\n\ndef merge(maps):\n    batch, rows, columns, numbers = maps.shape\n    return "
            "maps.reshape(batch, -(-rows // 2), -(-columns // 2), 4 * numbers) if rows % 2 == 0 else "
            "maps.new_zeros(batch, -(-rows // 2), -(-columns // 2), 4 * numbers)\n",
            "2 x 2 tokens become one",
        ),
        Wrong(
            MERGE_SOLUTION.replace(
                "for right in (0, 1) for down in (0, 1)", "for down in (0, 1) for right in (0, 1)"
            ),
            "the order of the four",
        ),
        Wrong(
            MERGE_SOLUTION.replace("torch.cat(parts, dim=-1)", "torch.stack(parts).mean(0)"),
            "2 x 2 tokens become one",
        ),
        Wrong(
            MERGE_SOLUTION.replace(
                "F.pad(maps, (0, 0, 0, columns % 2, 0, rows % 2))",
                "maps[:, : rows // 2 * 2, : columns // 2 * 2]",
            ),
            "odd sides are filled up",
        ),
        Wrong(
            MERGE_SOLUTION.replace("0, columns % 2, 0, rows % 2", "columns % 2, 0, rows % 2, 0"),
            "odd sides are filled up",
        ),
    ),
    hints=(
        "`maps[:, 0::2, 0::2]` takes the upper left token of every square. What are the other three?",
        "`F.pad` counts from the last axis: (numbers left, right, columns left, right, rows above, below). "
        "Then `torch.cat(..., dim=-1)`.",
    ),
    why=(
        "Nothing is lost here: four tokens of D numbers become one of 4 D. The layer afterwards makes 2 D "
        "of them, so the map keeps half of its numbers, and it learns which half. Pooling would decide that "
        "in advance."
    ),
    further=(
        "A convolution with a filter of 2 × 2 and a stride of 2 does the same multiplication. What differs "
        "is the layer norm before it, over all four tokens at once. PVT uses such a convolution between its "
        "stages."
    ),
    minutes=7,
)

# ---- PVT and pooling

POOLING = ChoiceExercise(
    id="windows_and_pyramids.pooling",
    question=(
        "PVT's first stage has 56 × 56 tokens and a reduction of 8. Somebody says: this is pooling, 8 × 8 "
        "tokens become one. What is right?"
    ),
    choices=(
        Choice(
            "It is right: 49 tokens leave the attention.",
            False,
            "49 places are *asked*. Each of the 3,136 tokens asks, and each gets an answer of its own.",
        ),
        Choice(
            "Wrong: all 3,136 tokens come out again; only what they look at is made smaller, by a filter "
            "whose weights are learned.",
            True,
            "Yes. Queries keep the fine map, keys and values come from the coarse one. And the filter may "
            "become a mean, but nothing says that it must.",
        ),
        Choice(
            "Wrong: 49 tokens are chosen, and the others are thrown away.",
            False,
            "None is chosen. Each of the 49 places is a weighted sum of all numbers of its 64 tokens.",
        ),
        Choice(
            "It is right for keys and values: a convolution with stride 8 computes the mean of 8 × 8.",
            False,
            "Only with equal weights for each number by itself. This filter has 64 × 64 weights for each of "
            "its 64 places, and they are learned.",
        ),
    ),
    hints=(
        "Count what goes into the attention and what comes out, for queries and for keys.",
        "Look at `ReducedAttention.forward`: which of its three parts see the reduced map?",
    ),
    why=(
        "Pooling makes the *output* coarser. Here the output is as fine as the input, and only the looking "
        "is coarser. The pyramid comes from somewhere else: from the patches between the stages."
    ),
    further=(
        "Later work tried just that: PVT v2 has a variant that pools the keys to 7 × 7 places at any size of "
        "picture, so that the cost grows with the pixels."
    ),
    minutes=3,
)

# ---- which one

WHICH = ChoiceExercise(
    id="windows_and_pyramids.which",
    question=(
        "Scans of 800 × 800 pixels are to be classified. A colleague wants Swin-T, because a plain ViT-S/16 "
        "would crash on 2,500 patches. What do you answer?"
    ),
    choices=(
        Choice(
            "Right: maps of 2,501 × 2,501 do not fit into a usual graphics card.",
            False,
            "Written down, the 6 maps of one block are 75 MB in half precision, and a fused kernel does not "
            "write them down.",
        ),
        Choice(
            "Wrong reason: the ViT runs, at 1.86 times the multiply-adds of Swin-T. Measure both on our "
            "scans, time and accuracy.",
            True,
            "Yes. The choice may well be Swin, for its cost or its fine maps. But that is a comparison of "
            "numbers, and the first of them is accuracy on the scans.",
        ),
        Choice(
            "Right: the cost of a ViT grows with the square of the pixels.",
            False,
            "Only that of its maps. From 224 to 800 pixels, 12.8 times the pixels, ViT-S/16 grows 24 times, "
            "not 163 times. And cost is no crash.",
        ),
        Choice(
            "It does not matter: both cost the same.",
            False,
            "At 224 pixels they do, nearly. At 800 the ViT costs almost twice as much, and the gap goes on "
            "growing.",
        ),
    ),
    hints=(
        "Set the first figure to 800 pixels and read the table.",
        "Which numbers speak about memory, which about time, and which about being right?",
    ),
    why=(
        "*Impossible*, *slower* and *worse* are three claims. The first is false here, the second is a "
        "factor that can be computed, the third needs a measurement on the data in question."
    ),
    further=(
        "A third way is often the cheapest: smaller pictures. Judge a model at 448 and at 800 pixels before "
        "paying for the difference."
    ),
    minutes=3,
)

EXERCISES = (DOUBLE, WINDOWS, KNOWN, MASK, ENTRIES, MERGE, POOLING, WHICH)
