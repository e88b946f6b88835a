"""Exercises on how a network sees: one number, the loops, sizes, parameters, shifts and fields."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks import labs
from glassworks.core.keyed import seed_for
from glassworks.labs import shift_tolerance as lab
from glassworks.reader.draw import line_chart, note
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

# ---- one number of the map

STEP_EDGE = NumberExercise(
    id="how_a_network_sees.step_edge",
    question=(
        "A picture has 5 rows and 6 columns. Columns 0 to 2 are dark (0), columns 3 to 5 are bright (1). "
        "Each row of the kernel is `1, 0, -1`. It stands with its left edge on column 1 and its top on "
        "row 0. Which number comes out?"
    ),
    target=-3,
    tolerance=0,
    mistakes=(
        Mistake(3, "The size is right. Bright pixels lie below the weight -1 here, dark ones below the 1."),
        Mistake(-1, "That is one row of the kernel. Its three rows are added."),
        Mistake(0, "That comes out where all nine pixels are alike. Columns 1, 2 and 3 are not."),
        Mistake(-6, "Only one column of the kernel lies on bright pixels: column 3."),
    ),
    hints=(
        "Which three columns does the kernel cover, and which weight lies over each?",
        "One row gives 1 · 0 + 0 · 0 + (-1) · 1. There are three such rows.",
    ),
    why=(
        "The kernel covers the columns 1, 2 and 3, that is 0, 0, 1 in every row. 3 · (0 + 0 - 1) = -3. "
        "The whole row of the map is 0, -3, -3, 0: nothing where all is alike, and minus for dark to "
        "bright."
    ),
    further=(
        "What does the kernel say about the same picture upside down, and mirrored? Reckon before you look."
    ),
    solution="Three rows, each 1 · 0 + 0 · 0 - 1 · 1 = -1: together -3.",
)

# ---- a kernel turned round

TURNED = ChoiceExercise(
    id="how_a_network_sees.turned",
    question=(
        "Somebody writes a library that turns every kernel by half a circle before it slides, as "
        "mathematics does. You train the same network there, from the same pictures. What is different "
        "when it has learned?"
    ),
    choices=(
        Choice(
            "Its kernels come out turned by half a circle, and its answers are as good.",
            True,
            "Yes. Nobody gave the network its kernels. It learns whatever, slid in that way, lowers the "
            "loss.",
        ),
        Choice(
            "It finds edges in the wrong direction and answers worse.",
            False,
            "That would happen if you copied finished kernels over. A network that learns there learns "
            "them turned.",
        ),
        Choice(
            "Its feature maps are mirrored, so later layers must learn more.",
            False,
            "The map keeps its places: only the weights below the pixels are another way round.",
        ),
        Choice(
            "Nothing at all, not even the kernels.",
            False,
            "It holds for kernels that are themselves when turned. Most learned kernels are not.",
        ),
    ),
    hints=(
        "Who decides about the nine numbers?",
        "Compare a network with kernel k that turns with one with kernel k turned that does not.",
    ),
    why=(
        "What all frameworks call convolution is cross-correlation: no turning. For learned kernels it "
        "is a matter of names. It matters when you copy kernels from a book on signal processing, or "
        "weights from a library that turns."
    ),
    further=(
        "`scipy.signal.convolve2d` turns the kernel, `correlate2d` does not. `F.conv2d` equals the second."
    ),
)

# ---- the loops

LOOPS_START = '''\
import torch

def conv2d(picture, weights, bias):
    """picture: (channels, height, width)
    weights: (maps, channels, k, k); bias: (maps,)
    returns (maps, height - k + 1, width - k + 1)"""
    maps, channels, k, _ = weights.shape
    height, width = picture.shape[1:]
    out = ...
    # your loops
    return out
'''
LOOPS_SOLUTION = """\
import torch

def conv2d(picture, weights, bias):
    maps, channels, k, _ = weights.shape
    height, width = picture.shape[1:]
    out = torch.zeros(maps, height - k + 1, width - k + 1)
    for m in range(maps):
        for y in range(height - k + 1):
            for x in range(width - k + 1):
                window = picture[:, y:y + k, x:x + k]
                out[m, y, x] = (window * weights[m]).sum() + bias[m]
    return out
"""


def _case(channels: int, height: int, width: int, maps: int, k: int) -> tuple[Tensor, Tensor, Tensor]:
    dice = torch.Generator().manual_seed(seed_for("conv2d by loops", channels, height, width))
    shapes = ((channels, height, width), (maps, channels, k, k), (maps,))
    first, second, third = (torch.randn(shape, generator=dice) for shape in shapes)
    return first, second, third


def check_loops(conv2d: Callable) -> list[Row]:
    """Random blocks on pictures that are no squares, against `F.conv2d`."""
    cases = (_case(1, 5, 7, 1, 3), _case(3, 6, 5, 2, 3), _case(2, 7, 8, 3, 2))
    found = [_loops_row(conv2d, *case) for case in cases]
    worst = next((row for row in found if not row.passed), found[0])
    return [worst, unchanged("picture and weights are left as they were", conv2d, *cases[1])]


def _loops_row(conv2d: Callable, picture: Tensor, weights: Tensor, bias: Tensor) -> Row:
    right = F.conv2d(picture[None], weights, bias)[0]
    plain = right - bias[:, None, None]
    alone = F.conv2d(picture[None, :1], weights[:, :1])[0] + bias[:, None, None]
    usual = [
        (plain, "The bias is missing: one number for each map, added at every place."),
        (
            F.conv2d(picture[None], weights.flip(2, 3), bias)[0],
            "The kernel was turned by half a circle. That is convolution as in mathematics; networks "
            "slide it as it is.",
        ),
        (
            F.conv2d(picture[None], weights.transpose(2, 3), bias)[0],
            "Rows and columns of the kernel are exchanged.",
        ),
        (alone, "Only the first channel was read. The products of all channels are added."),
        (
            plain + bias.sum(),
            "Every map got the sum of all biases. Map m has its own `bias[m]`.",
        ),
        (
            plain + weights[0, :, 0, 0].numel() * bias[:, None, None],
            "The bias was added once for each channel. It belongs to the map: once.",
        ),
        (
            right / weights[0].numel() + (bias - bias / weights[0].numel())[:, None, None],
            "The products were averaged. A kernel adds them; a mean is a kernel of its own.",
        ),
        (right[:, :-1, :-1], "The last row and column of the map are missing: the kernel fits there too."),
    ]
    return same("the maps", conv2d(picture, weights, bias), right, usual=usual)


CONV2D = CodeExercise(
    id="how_a_network_sees.conv2d",
    question=(
        "Write `conv2d(picture, weights, bias)` with loops: for every map and every place, multiply the "
        "window with the kernel's block, add all products over all channels, and add the map's bias. No "
        "padding, stride 1. It is compared with `torch.nn.functional.conv2d`."
    ),
    start=LOOPS_START,
    name="conv2d",
    check=check_loops,
    solution=LOOPS_SOLUTION,
    wrong=(
        Wrong(LOOPS_SOLUTION.replace(" + bias[m]", ""), "the maps"),
        Wrong(LOOPS_SOLUTION.replace("weights[m])", "weights[m].flip(1, 2))"), "the maps"),
        Wrong(LOOPS_SOLUTION.replace("weights[m])", "weights[m].transpose(1, 2))"), "the maps"),
        Wrong(
            LOOPS_SOLUTION.replace("(window * weights[m]).sum()", "(window * weights[m])[0].sum()"),
            "the maps",
        ),
        Wrong(LOOPS_SOLUTION.replace(".sum() + bias[m]", ".mean() + bias[m]"), "the maps"),
        Wrong(LOOPS_SOLUTION.replace(" - k + 1", " - k"), "the maps"),
        Wrong(LOOPS_SOLUTION.replace("+ bias[m]", "+ channels * bias[m]"), "the maps"),
    ),
    hints=(
        "Three loops: over the maps, the rows and the columns of the output. Begin with a tensor of zeros.",
        "A slice of the picture with all its channels has the same shape as the block of one map.",
    ),
    why=(
        "Every number of a map is one sum of products, and the same block is used at every place. That "
        "is all a convolution does; libraries only order the sums so that a processor likes them."
    ),
    minutes=8,
    further="Take a stride: `range(0, height - k + 1, stride)`. What changes in the shape of the output?",
)

# ---- the size of the output

SIZE_START = '''\
def output_size(size, kernel, padding, stride):
    """Places of the kernel along one side, a whole number."""
    return ...
'''
SIZE_SOLUTION = """\
def output_size(size, kernel, padding, stride):
    return (size + 2 * padding - kernel) // stride + 1
"""


def check_size(output_size: Callable) -> list[Row]:
    """Against `F.conv2d` over many shapes, those that the stride does not divide too."""
    cases = [(size, k, p, s) for size in (5, 8, 32) for k in (1, 3, 5) for p in (0, 1, 2) for s in (1, 2, 3)]
    names = {True: "strides that divide", False: "strides that do not divide"}
    rows: dict[str, Row] = {}
    for size, k, p, s in cases:
        name = names[(size + 2 * p - k) % s == 0]
        if name in rows and not rows[name].passed:
            continue
        rows[name] = _size_row(name, output_size(size, k, p, s), size, k, p, s)
    whole = all(type(output_size(*case)) is int for case in cases)
    told = "A whole number." if whole else "It is no whole number. `//` divides and rounds down in one step."
    return [*rows.values(), Row("a whole number", whole, told)]


def _size_row(name: str, got: object, size: int, k: int, p: int, s: int) -> Row:
    right = F.conv2d(torch.zeros(1, 1, size, size), torch.zeros(1, 1, k, k), padding=p, stride=s).shape[-1]
    room = size + 2 * p - k
    usual = [
        (room // s, "One place is missing: the first one, at 0. Add 1 after the division."),
        ((size + p - k) // s + 1, "Padding stands on both sides, so it counts twice."),
        (-(-room // s) + 1, "Rounded up. The last step would carry the kernel over the edge."),
        ((size - k) // s + 1, "The padding is missing."),
        (room + 1, "The stride is missing."),
        ((room + 1) // s, "The 1 comes after the division: the first place costs no step."),
        (room / s + 1, "Half a place is none: round the division down."),
    ]
    row = same(name, got, right, usual=usual)
    at = f" (size {size}, kernel {k}, padding {p}, stride {s})"
    return Row(name, row.passed, row.reason if row.passed else row.reason + at)


OUTPUT_SIZE = CodeExercise(
    id="how_a_network_sees.output_size",
    question=(
        "Write `output_size(size, kernel, padding, stride)`: how many numbers has the map along one "
        "side? It is compared with what `torch` gives for 81 combinations."
    ),
    start=SIZE_START,
    name="output_size",
    check=check_size,
    solution=SIZE_SOLUTION,
    wrong=(
        Wrong(SIZE_SOLUTION.replace(" + 1", ""), "strides that divide"),
        Wrong(SIZE_SOLUTION.replace("2 * padding", "padding"), "strides that divide"),
        Wrong(SIZE_SOLUTION.replace("//", "/"), "a whole number"),
        Wrong(
            "import math\n\ndef output_size(size, kernel, padding, stride):\n"
            "    return math.ceil((size + 2 * padding - kernel) / stride) + 1\n",
            "strides that do not divide",
        ),
        Wrong(
            "def output_size(size, kernel, padding, stride):\n    return (size + 2 * padding - kernel + "
            "1) // stride\n",
            "strides that divide",
        ),
    ),
    hints=(
        "How far can the left edge of the kernel travel from its first place to its last?",
        "The distance that it can travel, divided by the step, gives the number of steps. Places are one "
        "more.",
    ),
    why=(
        "Floor((32 + 2 · 1 - 3) / 1) + 1 = 32: a kernel of 3 with padding 1 keeps the size. With stride "
        "2 it is 16. Pooling of 2 × 2 follows the same formula, with kernel 2, stride 2 and no padding."
    ),
    minutes=5,
    further=(
        "Where the division has a rest, the last pixels are in no place. Which sizes of pictures avoid that?"
    ),
)

# ---- what is learned

PARAMETERS = NumberExercise(
    id="how_a_network_sees.parameters",
    question=(
        "A convolution with kernels of 3 × 3 and padding 1 takes 16 channels and gives 32. Each map has "
        "one bias. How many numbers does it learn?"
    ),
    target=4640,
    tolerance=0,
    mistakes=(
        Mistake(4608, "The weights are all there. Add the biases, one for each map."),
        Mistake(320, "A kernel has a slice for each of the 16 channels: 16 · 9 weights, not 9."),
        Mistake(288, "A kernel has a slice for each of the 16 channels; and each map has a bias."),
        Mistake(4624, "There is one bias for each map that comes out, not for each channel that goes in."),
        Mistake(5120, "One bias belongs to the whole block of 16 slices, not one to each slice."),
        Mistake(160, "That is one map with its bias for each channel; the layer gives 32 maps."),
    ),
    hints=(
        "How many numbers lie in the block of one map, over all channels that go in?",
        "Height times width times channels, one bias more, and that as often as there are maps.",
    ),
    why=(
        "32 · (3 · 3 · 16 + 1) = 4,640. The size of the picture does not occur: the same block is used "
        "at every place. A dense layer between the same maps of 16 × 16 would have over 33 million "
        "weights."
    ),
    further="The first layer of the CNN in the next chapter, from 3 channels to 16, has 448. Check it.",
    solution="32 · (3 · 3 · 16 + 1) = 32 · 145 = 4,640.",
)

# ---- pooling and one pixel

POOLED = NumberExercise(
    id="how_a_network_sees.pooled",
    question=(
        "A map is 0, but for a single 1 at a random place. It is max-pooled by 2 × 2 with stride 2, "
        "twice, one after the other. Now the 1 moves one pixel to the right (and stays on the map). In "
        "how many of 100 cases is the pooled map exactly the same as before?"
    ),
    target=75,
    tolerance=0.5,
    unit="%",
    mistakes=(
        Mistake(50, "That is one pooling. After two, a number stands for 4 × 4 pixels."),
        Mistake(25, "That is the share of cases in which it leaves its square and the map changes."),
        Mistake(100, "That would be immunity. At the edge of its square the 1 enters the next one."),
        Mistake(93.75, "Of 4 × 4 places only the column matters for a move to the right."),
        Mistake(0, "Within one square of the pooling the largest number does not care where it stands."),
    ),
    hints=(
        "How many columns of pixels does one number of the pooled map stand for?",
        "From which of these columns does one step to the right lead into the neighbour's square?",
    ),
    why=(
        "One number stands for four columns. From three of them a step stays in the square, from the "
        "last it leaves. So pooling tolerates some moves and not others, and which ones depends on where "
        "the thing stood. That is more tolerant, not immune."
    ),
    further="Move by two pixels: in how many cases is the map the same? And by four?",
    solution="Four columns to a number; one step stays inside from three of them: 3 of 4, or 75 %.",
)

# ---- shifts, measured


def _kept() -> str:
    found = labs.recorded("shift-tolerance")
    assert found is not None
    curves = {
        arm.name: [
            (float(d), sum(found.numbers[f"kept {d}: {arm.name}"]) / len(found.seeds)) for d in lab.DISTANCES
        ]
        for arm in (lab.BASE, lab.PLAIN)
    }
    chart = line_chart(curves, across="pixels moved", up="answers kept, %", y=(0, 100), width=400, height=240)
    one, far = (curves[lab.PLAIN.name][place][1] for place in (0, -1))
    return chart + note(
        f"With max pooling {one:.0f} % of the answers stay at one pixel and {far:.0f} % at four; "
        f"{len(found.seeds)} seeds, {lab.TEST} test digits each."
    )


SHIFT = PredictExercise(
    id="how_a_network_sees.shift",
    question=(
        "A network with two stages of filters and max pooling learns 1,297 digits that all stand in the "
        "middle. It reads 99 of 100 new ones. Now new digits, 16 pixels wide, are moved by 1 pixel, and "
        "by 4. How many of its answers stay as they were?"
    ),
    choices=(
        Choice(
            "Nearly all, at 1 pixel and at 4: two poolings make 4 pixels invisible.",
            False,
            "A number of the last map stands for 4 × 4 pixels, but a move by 4 carries all ink into the "
            "next number, and the dense layer behind it has learned places.",
        ),
        Choice(
            "About nine of ten at 1 pixel, and fewer than one in three at 4.",
            True,
            "Yes. Pooling takes the edge off small moves. It does not make a network that knows digits "
            "in one place know them in another.",
        ),
        Choice(
            "About half at 1 pixel, because every second pixel is left out.",
            False,
            "Max pooling does not leave out every second pixel, it keeps the largest of four. A stride "
            "alone keeps fewer.",
        ),
        Choice(
            "Nearly all at 1 pixel and at 4: a convolution moves along with the picture.",
            False,
            "The maps do move along. Here a dense layer reads them at fixed places, so moved maps mean "
            "other inputs.",
        ),
    ),
    reveal=_kept,
    hints=(
        "Which layer reads the pooled map, and does it know that neighbouring numbers belong together?",
        "How many numbers of the last map does a move by four pixels make: none, one, or four?",
    ),
    why=(
        "Filters move along, pooling forgives a little, and what reads the maps decides. A head that "
        "takes the mean of each map, blurred pooling, and digits that are moved while learning each do "
        "more. The lab measures all."
    ),
    minutes=4,
    further=(
        "At which distance would a head over means keep nearly all again, and why there? The lab's "
        "table shows it."
    ),
)

# ---- the receptive field

FIELD = NumberExercise(
    id="how_a_network_sees.field",
    question=(
        "Two stages, each a kernel of 5 × 5 without padding and then a pooling of 2 × 2 with stride 2: "
        "the convolutions of LeNet-5. How many pixels on a side does one number of the second stage see?"
    ),
    target=16,
    tolerance=0,
    unit="pixels",
    mistakes=(
        Mistake(9, "That is two kernels on each other without pooling: 1 + 4 + 4."),
        Mistake(14, "Nearly: the second pooling looks at two numbers that are 2 pixels apart, and adds 2."),
        Mistake(
            10, "The second kernel's steps are 2 pixels long, because the first pooling has halved the map."
        ),
        Mistake(13, "The steps are doubled from the first pooling on: the second kernel adds 4 · 2."),
        Mistake(
            11, "The steps are doubled from the first pooling on: kernel and pooling add 4 · 2 and 1 · 2."
        ),
        Mistake(
            20,
            "The steps double with the first pooling only; the second doubles those of what comes after it.",
        ),
        Mistake(6, "That is the first stage."),
    ),
    hints=(
        "Begin with 1. A layer adds its side minus 1, times the pixels between two neighbouring numbers "
        "before it.",
        "The distances are 1, 1, 2 and 2 for the kernel, the pooling, the kernel and the pooling.",
    ),
    why=(
        "1 + 4 · 1 + 1 · 1 = 6 after the first stage. Its numbers are 2 pixels apart, so 6 + 4 · 2 + 1 · "
        "2 = 16. Padding would change nothing: it adds places, not sight."
    ),
    further=(
        "`insight.cost.stage_costs` reckons this for any network, and the book's figures read it from there."
    ),
    solution="1 + 4 · 1 + 1 · 1 + 4 · 2 + 1 · 2 = 16.",
)

EXERCISES = (STEP_EDGE, TURNED, OUTPUT_SIZE, PARAMETERS, CONV2D, POOLED, SHIFT, FIELD)
