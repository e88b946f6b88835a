"""Exercises of the chapter on bigger pictures: rows, resizing, what it loses, waves, padding, cost."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.blocks.positions import resize_positions
from glassworks.reader.draw import line_chart, note, table
from glassworks.reader.exercises.compare import same, unchanged
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

# ---- rows of a table

ROWS = NumberExercise(
    id="bigger_pictures.rows",
    question=(
        "A ViT-B/32 with a class token was trained on 224 × 224 pixels: patches of 32, so its table of "
        "positions has 50 rows. How many rows does it need for 384 × 384 pixels?"
    ),
    target=145,
    tolerance=0,
    unit="rows",
    mistakes=(
        Mistake(144, "Those are the patches, 12 × 12. The class token has a row of its own."),
        Mistake(577, "That is the count for patches of 16. Here they are 32."),
        Mistake(13, "That is one side of the grid and one more. The grid has two sides."),
        Mistake(85, "Rows do not grow with the side of the picture; patches grow with its area."),
        Mistake(147, "The class token's row does not grow. Take it off, let the patches grow, add it again."),
    ),
    hints=(
        "How many patches lie side by side in 384 pixels?",
        "A grid has rows times columns of patches, and one more row of the table stands for no patch at all.",
    ),
    why=(
        "384 / 32 = 12, so 12 × 12 = 144 patches, and with the class token 145 rows against 50. Adding the "
        "old table to the new tokens stops with an error; nothing is quietly wrong."
    ),
    further="With patches of 16 it is 577 against 197: the pair of numbers in many error reports about ViTs.",
    solution="(384 / 32)² + 1 = 12² + 1 = 145.",
    minutes=2,
)

# ---- resize a table

RESIZE_START = '''\
import torch
import torch.nn.functional as F

def resize_table(table, before, after):
    """table (1, 1 + rows * columns, dimension): the class token's row, then the patches, row by row.

    before, after: (rows, columns) of the old and of the new grid. Bicubic, corners not aligned.
    """
    # your lines
    return table
'''
RESIZE_SOLUTION = """\
import torch
import torch.nn.functional as F

def resize_table(table, before, after):
    kept, places = table[:, :1], table[:, 1:]
    picture = places.transpose(1, 2).unflatten(2, before)
    picture = F.interpolate(picture, after, mode="bicubic", align_corners=False)
    return torch.cat([kept, picture.flatten(2).transpose(1, 2)], dim=1)
"""
LINE_ONLY = """\
import torch.nn.functional as F

def resize_table(table, before, after):
    rows = 1 + after[0] * after[1]
    return F.interpolate(table.transpose(1, 2), rows, mode="linear").transpose(1, 2)
"""
SCRAMBLED = (
    "The numbers were cut up anew instead of being turned: the table has the places first and the dimension "
    "last, a picture has them the other way round. `transpose(1, 2)` before giving it two sides, and after."
)
SWAPPED = (
    "Rows and columns are swapped. The patches are counted row by row, so the grid is (rows, columns) in "
    "this order. On a square grid nobody notices."
)


def _table(grid: tuple[int, int], dimension: int, seed: int) -> Tensor:
    dice = torch.Generator().manual_seed(seed)
    return torch.randn(1, 1 + grid[0] * grid[1], dimension, generator=dice)


def _as_picture(start: Tensor, before: tuple[int, int], after: tuple[int, int], **how: bool) -> Tensor:
    picture = start[:, 1:].transpose(1, 2).unflatten(2, before)
    new = F.interpolate(picture, after, mode="bicubic", align_corners=how.get("aligned", False))
    return new.flatten(2).transpose(1, 2)


def _usual(start: Tensor, before: tuple[int, int], after: tuple[int, int]) -> list[tuple[Tensor, str]]:
    """What the usual mistakes give for the places of this table."""
    cut_up = start[:, 1:].reshape(1, -1, *before)
    cut_up = F.interpolate(cut_up, after, mode="bicubic", align_corners=False)
    turned = start[:, 1:].transpose(1, 2).unflatten(2, before[::-1])
    turned = F.interpolate(turned, after[::-1], mode="bicubic", align_corners=False)
    return [
        (cut_up.flatten(2).transpose(1, 2), SCRAMBLED),
        (cut_up.reshape(1, -1, start.shape[2]), SCRAMBLED),
        (turned.flatten(2).transpose(1, 2), SWAPPED),
        (_as_picture(start, before, after, aligned=True), "Those are the numbers with aligned corners."),
    ]


def check_resize(resize_table: Callable) -> list[Row]:
    """The class row, a square grid, one that is not, the same grid, and the table that came."""
    rows = []
    start = _table((4, 4), 6, 0)
    wanted = resize_positions(start, (4, 4), (7, 7), prefix=1)
    got = resize_table(start.clone(), (4, 4), (7, 7))
    rows.append(_class_row(got, start, wanted))
    rows.append(same("a square grid", _places(got), wanted[:, 1:], usual=_usual(start, (4, 4), (7, 7))))
    long, before, after = _table((3, 5), 4, 1), (3, 5), (6, 4)
    try:
        got = _places(resize_table(long.clone(), before, after))
    except RuntimeError as error:
        rows.append(Row("rows and columns", False, f"On a grid of 3 rows and 5 columns torch stops: {error}"))
    else:
        there = resize_positions(long, before, after, prefix=1)[:, 1:]
        rows.append(same("rows and columns", got, there, usual=_usual(long, before, after)))
    rows.append(
        same("the same grid gives the same table", resize_table(start.clone(), (4, 4), (4, 4)), start)
    )
    rows.append(unchanged("the table that came is left as it was", resize_table, start, (4, 4), (7, 7)))
    return rows


def _class_row(got: object, start: Tensor, wanted: Tensor) -> Row:
    name = "the class token keeps its row"
    if not isinstance(got, Tensor):
        return same(name, got, wanted)
    if got.shape == wanted[:, 1:].shape:
        return Row(
            name, False, "49 rows came back: the class token's row was lost. Join it on again, in front."
        )
    if got.shape != wanted.shape:
        return same(name, got, wanted)
    if torch.allclose(got[:, -1:], start[:, :1]):
        return Row(name, False, "The class token's row stands at the end. It belongs in front, as it came.")
    return same(name, got[:, :1], start[:, :1])


def _places(got: object) -> object:
    return got[:, 1:] if isinstance(got, Tensor) and got.ndim == 3 else got


RESIZE = CodeExercise(
    id="bigger_pictures.resize",
    question=(
        "Write `resize_table`: keep the row of the class token, turn the other rows into a picture with "
        "`dimension` channels, resize it, and turn it back into rows."
    ),
    start=RESIZE_START,
    name="resize_table",
    check=check_resize,
    solution=RESIZE_SOLUTION,
    wrong=(
        Wrong(LINE_ONLY, "a square grid"),
        Wrong(
            RESIZE_SOLUTION.replace(
                "places.transpose(1, 2).unflatten(2, before)", "places.reshape(1, -1, *before)"
            ),
            "a square grid",
        ),
        Wrong(
            RESIZE_SOLUTION.replace("unflatten(2, before)", "unflatten(2, before[::-1])").replace(
                "picture, after, mode", "picture, after[::-1], mode"
            ),
            "rows and columns",
        ),
        Wrong(RESIZE_SOLUTION.replace("align_corners=False", "align_corners=True"), "a square grid"),
        Wrong(
            RESIZE_SOLUTION.replace(
                "torch.cat([kept, picture.flatten(2).transpose(1, 2)], dim=1)",
                "picture.flatten(2).transpose(1, 2)",
            ),
            "the class token keeps its row",
        ),
        Wrong(
            RESIZE_SOLUTION.replace(
                "[kept, picture.flatten(2).transpose(1, 2)]", "[picture.flatten(2).transpose(1, 2), kept]"
            ),
            "the class token keeps its row",
        ),
    ),
    hints=(
        "Four moves: split, make a picture (1, dimension, rows, columns), `F.interpolate`, and back.",
        "The dimension plays the part of the channels, so it must stand second before the places get two "
        "sides.",
    ),
    why=(
        "The class token belongs to no patch, so it has no neighbours to be averaged with. All other rows "
        "have two sides of neighbours, which a table written as one long list hides."
    ),
    further=(
        "DeiT has two rows in front, the class token's and the distillation token's. `resize_positions` "
        "takes their number as `prefix`."
    ),
    minutes=7,
)

# ---- there and back


def _two_tables() -> str:
    from glassworks.blocks.positions import sine_cosine
    from glassworks.reader.figures.there_and_back import GRID, back_again, lost, lost_by_wave

    smooth = sine_cosine((GRID, GRID), 768)[None]
    rough = torch.randn(1, GRID * GRID, 768, generator=torch.Generator().manual_seed(0))
    rows = []
    for name, start in (("sine and cosine", smooth), ("no order", rough)):
        shares = (lost(start, back_again(start, side, "bicubic")) for side in (GRID, 24, 7))
        rows.append([name, *(f"{100 * share:.1f} %" for share in shares)])
    found = table(["table", "14 to 14", "to 24 and back", "to 7 and back"], rows)
    curve = {"14 to 24 and back": lost_by_wave(24, "bicubic", False)}
    chart = line_chart(
        curve, across="waves along the 14 places", up="lost, %", y=(0, 12), width=400, height=210
    )
    return found + chart + note("Lost: spread of the difference, by the table's own spread.")


BACK = PredictExercise(
    id="bigger_pictures.there_and_back",
    question=(
        "Two tables of 14 × 14 places are resized to 24 × 24 and back, bicubic, corners not aligned. One is "
        "made of sine and cosine waves, most of them slow. The other is random: no place is like its "
        "neighbour. How much of each is changed when it comes back?"
    ),
    choices=(
        Choice(
            "Nothing: the larger grid has room for everything, so both come back exactly.",
            False,
            "There is room, but the 576 new numbers are mixtures, and none of the old ones need be among "
            "them. The way back mixes the mixtures.",
        ),
        Choice(
            "Less than 1 % of the smooth one, several percent of the random one.",
            True,
            "Yes: 0.8 % and 6.2 %. What lies between two places can be told well where neighbours are alike.",
        ),
        Choice(
            "Both lose the same, since the same mixing is applied to both.",
            False,
            "The same mixing does different harm: averaging neighbours changes little where they are alike "
            "anyway.",
        ),
        Choice(
            "Both are useless afterwards: interpolation forgets what was learned.",
            False,
            "It loses something, not everything: more than nine tenths of both tables come back.",
        ),
    ),
    reveal=_two_tables,
    hints=(
        "In the figure above, compare the left end of the curve with the right end.",
        "What does a mixture of two numbers say about them when they are nearly equal?",
    ),
    why=(
        "Interpolation is approximate. It is exact where the grid stays, and there the workbench does not "
        "even compute it. Elsewhere a table survives as far as it is smooth."
    ),
    further=(
        "The way over 7 × 7 loses far more of the random table: 92 %. Half the places cannot hold its "
        "numbers. And *nearest* over 28 × 28 loses nothing at all: each number is copied twice, and one "
        "copy is taken back."
    ),
    minutes=3,
)

# ---- waves

WAVES = ChoiceExercise(
    id="bigger_pictures.waves",
    question=(
        "A ViT with sine-cosine positions was trained on a grid of 14 × 14. Pictures of 24 × 24 patches are "
        "to be classified. The waves are computed anew for 24 rows and columns, counted on from 14 to 23. "
        "What is true?"
    ),
    choices=(
        Choice(
            "All is as before: waves are a formula and know every place.",
            False,
            "The formula knows every place. The weights that read the vectors were trained on the places 0 "
            "to 13 alone.",
        ),
        Choice(
            "Nothing has to be resized, but 380 of the 576 patches stand at places that training never "
            "showed.",
            True,
            "Yes: 24² − 14² = 380 vectors are new, and the middle of the picture has moved from 6.5 to 11.5. "
            "It runs without an error, so only a measurement tells.",
        ),
        Choice(
            "It stops with an error, because the table has 196 rows and not 576.",
            False,
            "That happens to a table that was learned. These positions are computed for the grid at hand.",
        ),
        Choice(
            "It cannot be used: sine-cosine positions have to be trained again for each size.",
            False,
            "There is nothing in them to train. The other weights may want a few steps at the new size.",
        ),
    ),
    hints=(
        "Ask two questions: does it run, and did the network see these vectors before?",
        "Count the patches whose row and column are both below 14.",
    ),
    why=(
        "A formula spares the resizing, not the adapting. Squeezing the places into the old range is the "
        "other way: every vector is then near a known one, and neighbours differ less than in training."
    ),
    further=(
        "Relative positions have the problem in another form: offsets up to 13 were learned, and a grid of "
        "24 has offsets up to 23. The workbench refuses to resize those, and says so."
    ),
    minutes=3,
)

# ---- sizes that do not divide

PAD_START = '''\
import torch
import torch.nn.functional as F

def padded(pictures, patch):
    """pictures (batch, channels, height, width) -> the same with zeros on the right and below.

    Afterwards height and width are the next whole multiples of the patch.
    """
    # your lines
    return pictures
'''
PAD_SOLUTION = """\
import torch
import torch.nn.functional as F

def padded(pictures, patch):
    height, width = pictures.shape[2:]
    below, right = -height % patch, -width % patch
    return F.pad(pictures, (0, right, 0, below))
"""


def _reference_padded(pictures: Tensor, patch: int) -> Tensor:
    height, width = pictures.shape[2:]
    rows, columns = -(-height // patch) * patch, -(-width // patch) * patch
    whole = pictures.new_zeros((*pictures.shape[:2], rows, columns))
    whole[:, :, :height, :width] = pictures
    return whole


def check_padded(padded: Callable) -> list[Row]:
    """A size that does not divide, one that does, and where the zeros stand."""
    dice = torch.Generator().manual_seed(2)
    odd, even = (torch.randn(shape, generator=dice) for shape in ((2, 3, 21, 30), (1, 1, 16, 24)))
    wanted = _reference_padded(odd, 8)
    swapped = F.pad(odd, (0, -21 % 8, 0, -30 % 8))
    usual = [
        (F.pad(odd, (8 - 30 % 8, 0, 8 - 21 % 8, 0)), "The zeros stand on the left and above."),
        (odd[:, :, :16, :24], "The picture was cut. What is cut off is never seen; add zeros instead."),
    ]
    got = padded(odd.clone(), 8)
    if isinstance(got, Tensor) and got.shape == swapped.shape:
        reason = "Height and width are swapped: `F.pad` begins with the last axis, the width."
        rows = [Row("a size that does not divide", False, reason)]
    else:
        rows = [same("a size that does not divide", got, wanted, usual=usual)]
    more = [
        (F.pad(even, (0, 8, 0, 8)), "A picture that fits got a whole patch more, of nothing but zeros."),
    ]
    rows.append(same("a size that divides stays", padded(even.clone(), 8), even, usual=more))
    rows.append(unchanged("the pictures that came are left as they were", padded, odd, 8))
    return rows


PAD = CodeExercise(
    id="bigger_pictures.padded",
    question=(
        "Write `padded(pictures, patch)`: it adds zeros on the right and below until whole patches fit, and "
        "changes nothing where they do already."
    ),
    start=PAD_START,
    name="padded",
    check=check_padded,
    solution=PAD_SOLUTION,
    wrong=(
        Wrong(
            PAD_SOLUTION.replace(
                "-height % patch, -width % patch", "patch - height % patch, patch - width % patch"
            ),
            "a size that divides stays",
        ),
        Wrong(
            PAD_SOLUTION.replace("(0, right, 0, below)", "(0, below, 0, right)"),
            "a size that does not divide",
        ),
        Wrong(
            "def padded(pictures, patch):\n    height, width = pictures.shape[2:]\n"
            "    return pictures[:, :, :height // patch * patch, :width // patch * patch]\n",
            "a size that does not divide",
        ),
        Wrong(
            PAD_SOLUTION.replace("(0, right, 0, below)", "(right, 0, below, 0)"),
            "a size that does not divide",
        ),
    ),
    hints=(
        "How many pixels are missing when 5 are left over of a patch of 8? And when none are?",
        "In Python the remainder of a negative number is not negative: try `-21 % 8`.",
    ),
    why=(
        "A strided convolution drops what does not fill a patch, without a word. A program should refuse the "
        "size or pad the picture; both can be seen, the quiet crop cannot."
    ),
    further=(
        "Zeros are a colour too: after scaling, 0 is the mean of the training pictures. Swin pads its maps "
        "inside the network and lets nothing look at the padding; here a mask would have to do that."
    ),
    minutes=4,
)

# ---- cost

COST = NumberExercise(
    id="bigger_pictures.cost",
    question=(
        "With N tokens of width D one block takes 12·N·D² multiply-adds in its linear maps and 2·N²·D in "
        "attention. D is 768. From 224 to 384 pixels with patches of 16 and a class token: how many times as "
        "many multiply-adds does a block take? Two decimals."
    ),
    target=3.16,
    tolerance=0.006,
    unit="times",
    mistakes=(
        Mistake(2.93, "That is the linear maps alone, 577 / 197. Attention grows with the square of N."),
        Mistake(8.58, "That is attention alone, (577 / 197)². At these sizes it is a small part of a block."),
        Mistake(
            2.94, "That is the growth in pixels, (384 / 224)². Tokens nearly follow it, attention does not."
        ),
        Mistake(1.71, "That is the growth of one side. Patches fill an area."),
    ),
    hints=(
        "First the tokens: 14 × 14 and 24 × 24 patches, and one more each.",
        "Add the two parts for each size before you divide; both have 2·N·D in common.",
    ),
    why=(
        "197 tokens: 1,394,343,936 + 59,610,624. 577 tokens: 4,083,941,376 + 511,378,944. The linear maps "
        "are 89 % of the larger block, so the total grows by 3.16 and not by 8.58."
    ),
    further=(
        "The divided form is N₂(6D + N₂) / N₁(6D + N₁). Attention is half of a block when N = 6D: 4,608 "
        "tokens at this width, a picture of about 1,090 pixels."
    ),
    solution="577 · (4,608 + 577) / (197 · (4,608 + 197)) = 2,991,745 / 946,585 = 3.16.",
    minutes=3,
)

# ---- what the lab says

ADAPT = ChoiceExercise(
    id="bigger_pictures.adapt",
    question=(
        "The lab above found 75.5 % at 16 pixels; at 28 pixels 55.5 % with resized positions, 37.8 % with "
        "random ones, and 69.0 % after one more pass at 28. What does this show?"
    ),
    choices=(
        Choice(
            "Resizing positions does not work: a fifth of the answers is lost.",
            False,
            "It is not the resizing alone. Random positions lose 37.7 points; the resized ones 20.0. And "
            "things cover more patches at 28 pixels, which changes what every other weight sees.",
        ),
        Choice(
            "The resized table carries real knowledge, but the rest of the network wants to adapt, and here "
            "one pass was not enough.",
            True,
            "Yes. That is what was measured, on one data set with a small model. It says nothing about how "
            "many passes would be enough.",
        ),
        Choice(
            "Larger pictures make a ViT worse; one should train and test as small as possible.",
            False,
            "This model learned on small ones and was asked about large ones. A model that learns at 28 "
            "pixels from the start is not in this table.",
        ),
        Choice(
            "The papers are wrong: fine-tuning at a higher resolution never helps.",
            False,
            "They fine-tune large models for many steps on photographs, which gain detail at 384 pixels. One "
            "small experiment that goes otherwise is a limit to their claim, no refutation.",
        ),
    ),
    hints=(
        "Compare the three numbers at 28 pixels with each other before you compare them with 75.5 %.",
        "What differs between the two runs at 28 pixels that learned nothing? And between the last two?",
    ),
    why=(
        "A negative result is read like a positive one: what was compared, what else changed, how far does "
        "it reach? Here two things change at once, the positions and the size of things, and the lab says "
        "so."
    ),
    further=(
        "Run the lab with more passes: in `labs/bigger_pictures.py` the last training gets one. The rule for "
        "its verdict was written before the numbers, so it stays a failed claim until another lab is written."
    ),
    minutes=3,
)

EXERCISES = (ROWS, RESIZE, BACK, WAVES, PAD, COST, ADAPT)
