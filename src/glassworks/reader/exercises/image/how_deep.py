"""Exercises of the chapter on depth: the larger network, fields of view, counting, drawings, few pictures."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from glassworks.core.keyed import generator
from glassworks.reader.draw import heading, note, table
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

# ---- which of two networks is the larger one


def _both_counted() -> str:
    from glassworks.reader.figures.counted_stack import (  # not in the child that checks code
        parameters_of,
        products_of,
        shown_costs,
        variant_costs,
    )

    names = {"two stages": "two-layer-improved", "four stages": "four-layer"}
    found = {name: variant_costs(variant) for name, variant in names.items()}
    drawn = "".join(heading(name) + shown_costs(parts) for name, parts in found.items())
    two, four = found["two stages"], found["four stages"]
    times = parameters_of(two) / parameters_of(four)
    work = products_of(four) / products_of(two)
    return drawn + note(
        f"Two stages have {times:.1f} times the parameters, four stages {work:.1f} times the multiply-adds."
    )


LARGER = PredictExercise(
    id="how_deep.larger",
    question=(
        "Both networks read colour pictures of 32 × 32 pixels, and each stage is 3 × 3 filters, batch norm, "
        "ReLU and 2 × 2 pooling. One has two stages (16 and 32 filters) and a dense layer of 512; the other "
        "four stages (16, 32, 64, 128) and a dense layer of 256. Which has more *parameters*?"
    ),
    choices=(
        Choice(
            "Four stages: each new stage brings parameters, so deeper is larger.",
            False,
            "Each stage brings parameters, and also leaves a quarter of the places. What comes after it "
            "shrinks.",
        ),
        Choice(
            "Four stages, but only a little, because filters are small.",
            False,
            "Filters are small, that is right. Where, then, are most of the parameters of such a network?",
        ),
        Choice(
            "Two stages, by more than four times.",
            True,
            "Yes. Its first dense layer reads 8 · 8 · 32 = 2,048 numbers, that of the deep one 2 · 2 · "
            "128 = 512.",
        ),
        Choice(
            "About the same: what one has in filters the other has in the dense layers.",
            False,
            "It is not so balanced. Multiply out the first dense layer of both.",
        ),
    ),
    reveal=_both_counted,
    hints=(
        "How many numbers leave the last stage of each network? That many weights goes to each unit of the "
        "dense layer.",
        "Two stages: 8 × 8 places of 32 filters. Four stages: 2 × 2 places of 128.",
    ),
    why=(
        "1,059,402 parameters against 231,818: the shallow network has 4.6 times as many, and 99 % of them "
        "stand in one dense layer. The deep one does more work, 4.1 million multiply-adds against 2.7 "
        "million. "
        'So "more layers" and "more capacity" are not the same words.'
    ),
    further=(
        "Replace the first dense layer by the mean of each map, as ResNet does. Then depth does add "
        "parameters, and the size of the picture adds none."
    ),
    minutes=3,
)

# ---- a larger picture for the same network

DENSE = NumberExercise(
    id="how_deep.dense",
    question=(
        "Two stages with 16 and 32 filters, each with 2 × 2 pooling, then a dense layer of 512 with its "
        "offsets. For pictures of 32 × 32 pixels that dense layer has 1,049,088 parameters. How many has it "
        "for pictures of 64 × 64?"
    ),
    target=32 * 16 * 16 * 512 + 512,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(2 * 1_048_576 + 512, "Doubled with the side. There are twice as many rows *and* columns."),
        Mistake(32 * 16 * 16 * 512, "The 512 offsets are missing."),
        Mistake(4 * 1_049_088, "The weights grow four times. The 512 offsets do not."),
        Mistake(
            32 * 32 * 32 * 512 + 512,
            "That is one pooling too few: 64 halved twice leaves 16 rows and columns.",
        ),
        Mistake(1_049_088, "That is the layer for 32 × 32. Filters do not mind the size; this layer does."),
    ),
    hints=(
        "What is the side of the map behind two poolings by 2?",
        "64 → 32 → 16. So 16 · 16 places of 32 filters are laid out in a row.",
    ),
    why=(
        "Four times as many places, four times as many weights: 4,194,816. The filters have 448 and 4,640 "
        "parameters for every size of picture. At 224 × 224 the dense layer would have 51 million. That is "
        "why such a network must be built for one size, and why larger ones average their maps first."
    ),
    solution="`64 / 2 / 2 = 16`; `32 · 16 · 16 = 8,192` numbers a picture; `8,192 · 512 + 512 = 4,194,816`.",
    minutes=3,
    further="`glassworks info cnn --side 64` prints the whole bill for a size of picture.",
)

# ---- receptive field of a stack

FIELD_START = '''\
def receptive_field(layers):
    """Pixels on a side that one number sees, and pixels between neighbours.

    layers: pairs (side of the filter, stride), from the picture inwards.
    Returns (field, stride)."""
    field, stride = 1, 1
    # your lines
    return field, stride
'''
FIELD_SOLUTION = """\
def receptive_field(layers):
    field, stride = 1, 1
    for side, step in layers:
        field = field + (side - 1) * stride
        stride = stride * step
    return field, stride
"""
Layers = Sequence[tuple[int, int]]
FOUR: Layers = [(3, 1), (2, 2)] * 4
STEM: Layers = [(7, 2), (3, 2)]


def field_of(layers: Layers) -> tuple[int, int]:
    """The right answer; the tests of the chapter compare it with slopes."""
    field, stride = 1, 1
    for side, step in layers:
        field, stride = field + (side - 1) * stride, stride * step
    return field, stride


def _wrong_fields(layers: Layers) -> list[tuple[tuple[int, int], str]]:
    """What the usual mistakes give."""
    plain, late, whole, zero, stride = 1, 1, 1, 0, 1
    for side, step in layers:
        plain, whole, zero = plain + side - 1, whole + side * stride, zero + (side - 1) * stride
        stride *= step
        late += (side - 1) * stride
    return [
        ((plain, stride), "The strides so far are missing: behind a pooling one place is two pixels."),
        ((late, stride), "The stride was multiplied before its filter was counted. A filter looks at the map "
                         "*before* its own step."),
        ((whole, stride), "A filter of side 3 adds two neighbours, not three: its middle was seen already."),
        ((zero, stride), "Begin with 1: without any layer a number sees its own pixel."),
        ((field_of(layers)[0], 1), "The field is right. The stride is the product of all strides."),
        ((field_of(layers)[0], sum(step for _, step in layers)), "Strides multiply, they are not added."),
    ]  # fmt: skip


def check_field(receptive_field: Callable) -> Iterator[Row]:
    """The network of the chapter, ResNet's first layers, no layer, and a stack that is drawn."""
    dice = generator(7, "how deep", "field")
    drawn = [(int(dice.integers(1, 8)), int(dice.integers(1, 4))) for _ in range(5)]
    for name, layers in (
        ("no layer at all", []),
        ("a filter of 3 × 3", [(3, 1)]),
        ("four stages", FOUR),
        ("the first two layers of ResNet", STEM),
        ("a stack that was drawn", drawn),
    ):
        yield same(name, receptive_field(list(layers)), field_of(layers), usual=_wrong_fields(layers))


FIELD = CodeExercise(
    id="how_deep.field",
    question=(
        "Write `receptive_field(layers)`. Each layer is a pair (side of the filter, stride); a pooling is a "
        "filter too. A layer adds (side − 1) times the stride *so far*, then multiplies the stride by its "
        "own."
    ),
    start=FIELD_START,
    name="receptive_field",
    check=check_field,
    solution=FIELD_SOLUTION,
    wrong=(
        Wrong(FIELD_SOLUTION.replace("(side - 1) * stride", "(side - 1)"), "four stages"),
        Wrong(FIELD_SOLUTION.replace("(side - 1)", "side"), "a filter of 3 × 3"),
        Wrong(FIELD_SOLUTION.replace("field, stride = 1, 1", "field, stride = 0, 1"), "no layer at all"),
        Wrong(FIELD_SOLUTION.replace("stride * step", "stride + step - 1"), "four stages"),
        Wrong(
            "def receptive_field(layers):\n    field, stride = 1, 1\n    for side, step in layers:\n"
            "        stride = stride * step\n        field = field + (side - 1) * stride\n"
            "    return field, stride\n",
            "four stages",
        ),
    ),
    hints=(
        "Go through the layers in order and keep two numbers: how much is seen, and how far apart neighbours "
        "are in pixels.",
        "First `field += (side - 1) * stride`, then `stride *= step`. The order of these two matters.",
    ),
    why=(
        "With filters of 3 × 3 alone the field grows by 2 a layer: 46 pixels would take 23 layers. Pooling "
        "doubles what each later filter adds: 4, 10, 22, 46 after four stages. The field says what *can* be "
        "seen. What is seen in fact weighs the middle most."
    ),
    further=(
        "Give one filter holes (a dilation of d): then it adds d · (side − 1) · stride. Nothing else changes."
    ),
    minutes=8,
)

# ---- parameters of a stack

COUNT_START = '''\
def parameters(widths, side, channels, hidden, classes):
    """Learned numbers of a CNN without batch norm, offsets included.

    widths: filters of each stage (3 x 3, padding 1, then 2 x 2 pooling).
    Behind the stages: a dense layer of `hidden`, and one of `classes`."""
    # your lines
'''
COUNT_SOLUTION = """\
def parameters(widths, side, channels, hidden, classes):
    total, before = 0, channels
    for after in widths:
        total += before * after * 9 + after
        before, side = after, side // 2
    features = before * side * side
    return total + features * hidden + hidden + hidden * classes + classes
"""


def counted(widths: Sequence[int], side: int, channels: int, hidden: int, classes: int, *, offsets: int = 1,
            window: int = 9, halved: bool = True, places: bool = True) -> int:  # fmt: skip
    """Learned numbers; the words behind the star make the usual mistakes."""
    filters = sum(
        before * after * window + offsets * after for before, after in pairwise((channels, *widths))
    )
    end = side // 2 ** len(widths) if halved else side
    features = widths[-1] * (end * end if places else 1)
    return filters + features * hidden + offsets * hidden + hidden * classes + offsets * classes


def check_count(parameters: Callable) -> Iterator[Row]:
    """Against the installed network, whose parameters are counted, and a size that does not divide."""
    from glassworks.models.vision.cnn import CNNConfig, build

    for name, widths, side, channels, hidden, classes in (
        ("two stages, 32 × 32", (16, 32), 32, 3, 512, 10),
        ("four stages, grey pictures", (8, 16, 32, 64), 48, 1, 32, 7),
        ("a side that does not divide", (4, 6), 30, 3, 20, 3),
        ("one stage", (5,), 16, 3, 12, 4),
    ):
        shape = (widths, side, channels, hidden, classes)
        model = build(CNNConfig(side, side, channels, classes, widths, hidden))
        wanted = sum(p.numel() for p in model.parameters())
        rounded = side / 2 ** len(widths)
        usual = [
            (counted(*shape, offsets=0), "The offsets are missing: one for each filter and each unit."),
            (counted(*shape, halved=False), "Each stage halves the map. The dense layer reads what is left."),
            (counted(*shape, places=False), "Every place of the last map is laid out, not one a filter."),
            (counted(*shape, window=3), "A filter of 3 × 3 has nine weights for each map that it reads."),
            (counted(*shape, window=1), "The nine weights of each 3 × 3 window are missing."),
            (wanted + (rounded**2 - (side // 2 ** len(widths)) ** 2) * widths[-1] * hidden,
             "Pooling rounds down: 15 places become 7, not 7.5. Use `//`."),
        ]  # fmt: skip
        yield same(name, parameters(*shape), wanted, usual=usual)


COUNT = CodeExercise(
    id="how_deep.count",
    question=(
        "Write `parameters(widths, side, channels, hidden, classes)`: all learned numbers of a CNN whose "
        "stages are 3 × 3 filters with offsets and 2 × 2 pooling, followed by two dense layers. Your "
        "function is compared with the installed network."
    ),
    start=COUNT_START,
    name="parameters",
    check=check_count,
    solution=COUNT_SOLUTION,
    wrong=(
        Wrong(COUNT_SOLUTION.replace(" * 9 + after", " * 9"), "one stage"),
        Wrong(COUNT_SOLUTION.replace("before * side * side", "before"), "two stages, 32 × 32"),
        Wrong(COUNT_SOLUTION.replace("side // 2", "side / 2"), "a side that does not divide"),
        Wrong(
            COUNT_SOLUTION.replace("before, side = after, side // 2", "before = after"), "two stages, 32 × 32"
        ),
    ),
    hints=(
        "One filter has 9 weights for *each* map that it reads, and one offset. A stage has `after` of them.",
        "Keep two numbers while you go through the stages: how many maps there are, and the side of the map.",
    ),
    why=(
        "A stage costs `before · after · 9 + after`, whatever the size of the picture. The first dense layer "
        "costs `places · filters · hidden`. Among small networks that is usually the larger part; depth "
        "shrinks it."
    ),
    further="Batch norm adds two learned numbers for each filter, and two that are gathered, not learned.",
    minutes=6,
)

# ---- what a drawing shows

DRAWING = ChoiceExercise(
    id="how_deep.drawing",
    question=(
        "Somebody lets channel 3 of the last stage draw what it likes most. With some good will the drawing "
        "looks like a 0. What would show best that this channel stands for zeros?"
    ),
    choices=(
        Choice(
            "The drawing, if it excites the channel more than any real picture does.",
            False,
            "Drawings nearly always do, also those of a network that has learned nothing. They are made "
            "for it.",
        ),
        Choice(
            "That the drawing comes out alike from several starts.",
            False,
            "Then it is a property of the channel and no accident. What the channel answers to real pictures "
            "is still open.",
        ),
        Choice(
            "That of all test pictures, those that excite it most are zeros, and zeros do excite it.",
            True,
            "Yes. A claim about pictures is tested with pictures, and with the network before it learned "
            "beside it.",
        ),
        Choice(
            "That the channel belongs to the last stage, where whole objects are found.",
            False,
            "That is the claim that was to be tested. Most channels of the last stage stand for no single "
            "class.",
        ),
    ),
    hints=(
        "Which of the four could come out differently if the claim were false?",
        "A network with random weights can draw as well. What can it not do?",
    ),
    why=(
        "Activation maximisation gives an idea, not a proof. Here 19 of the 20 pictures that excite this "
        "channel most are zeros; chance would give 2. Its neighbour draws as handsomely, and its twenty are "
        "a mixture."
    ),
    further=(
        "Even then: a channel that answers to zeros alone need not be one that the network relies on. "
        "Silence it and count the errors."
    ),
    minutes=3,
)

# ---- depth with few pictures


def _few_pictures() -> str:
    from glassworks import labs  # not in the child that checks code
    from glassworks.labs.drawing import drawn

    result = labs.recorded("depth-against-data")
    if result is None:
        return note("This lab is not recorded yet: glassworks lab depth-against-data")
    rows = [row for row in result.tables[0].rows if row[0] == "50"]
    told = note(f"Recorded: {result.command}, mean of {len(result.seeds)} seeds, digits of 8 × 8 squares.")
    return table(result.tables[0].head, rows) + drawn(result.charts[0]) + told


FEW = PredictExercise(
    id="how_deep.few",
    question=(
        "50 digits to learn from, five of each kind. Networks with 1, 2, 4, 8 and 16 layers of filters are "
        "trained with the same number of steps. Who answers all 50 *training* pictures rightly in the end, "
        "and who is best on the test?"
    ),
    choices=(
        Choice(
            "Only the deep ones learn all 50 by heart; the shallow ones are best on the test.",
            False,
            "The second half is right. But is it depth that is needed to learn 50 pictures by heart? The "
            "layer with one filter stage has 2,746 parameters.",
        ),
        Choice(
            "All of them learn all 50; the shallow ones are best on the test.",
            True,
            "Yes. To learn by heart takes parameters, not depth. What differs is what is made of new "
            "pictures.",
        ),
        Choice(
            "All of them learn all 50; the deepest is best on the test.",
            False,
            "Depth pays where there is something to build from many examples. Here each digit is shown five "
            "times.",
        ),
        Choice(
            "None learns all 50: the number of steps is too small.",
            False,
            "200 steps of 32 pictures show each of the 50 more than a hundred times.",
        ),
    ),
    reveal=_few_pictures,
    hints=(
        "How many parameters has the smallest of them, beside 50 pictures of 64 squares?",
        "Which gap between training and test do you expect, and for whom is it widest?",
    ),
    why=(
        "Every depth reaches 100 % on the training pictures. The test falls from 82.8 % with one layer to "
        "64.6 % with sixteen. That is measured on these digits and no theorem: how deep is too deep depends "
        "on the pictures, the widths, the norms and the training."
    ),
    further=(
        "With skip connections the sixteen layers reach 77.3 %. So a good part of the fall is not the number "
        "of parameters, which is the same, but how such a stack learns."
    ),
    minutes=3,
)

# ---- deeper and worse in training

TRAINING = ChoiceExercise(
    id="how_deep.training",
    question=(
        "A plain network of 32 layers answers 78 % of the test pictures rightly, one of 8 layers 98 %. On "
        "its own training pictures the deep one reaches 81 %. What should be tried first?"
    ),
    choices=(
        Choice(
            "More pictures: the deep network overfits.",
            False,
            "Overfitting is good on the training pictures and bad on others. This network is bad on both.",
        ),
        Choice(
            "Dropout and weight decay, to take freedom from it.",
            False,
            "It does not even use the freedom that it has: it cannot fit what it is shown.",
        ),
        Choice(
            "Skip connections, or fewer layers: it is hard to train, not too free.",
            True,
            "Yes. The same layers with skips reach 99.9 % in training and 97.9 % on the test.",
        ),
        Choice(
            "More filters in each layer, because it lacks capacity.",
            False,
            "It holds all that the network of 8 layers holds, and 24 layers more. If those handed on what "
            "they get, it would be as good.",
        ),
    ),
    hints=(
        "Look at the training accuracy first. Is it high or low?",
        "The deep network could copy the shallow one and hand its maps on. Why does training not find that?",
    ),
    why=(
        "A deeper plain network could do at least what a shallower one does, if its further layers handed "
        "their input on. Gradient descent does not find that by itself. A skip connection hands it on for "
        "free, and the layers learn only what to change."
    ),
    further="The paper on residual networks shows the same with 20 and 56 layers (He 2015, figure 1).",
    minutes=3,
)

# ---- choosing

CHOOSE = ChoiceExercise(
    id="how_deep.choose",
    question=(
        "You have 600 colour photographs of 12 kinds of screws, 50 of each, and the answer shall come from a "
        "small computer without a graphics card. What is a sensible order of work?"
    ),
    choices=(
        Choice(
            "Build 50 layers with skips, because skips make depth safe, and train until the loss is zero.",
            False,
            "Skips make it trainable. They do not bring pictures, and the small computer pays for every "
            "layer.",
        ),
        Choice(
            "A pretrained network with a new head beside a small CNN; compare on held-out pictures and "
            "measure the time on that computer.",
            True,
            "Yes. With few photographs borrowed layers are the first thing to try, and a comparison costs "
            "little.",
        ),
        Choice(
            "One stage of filters, because 600 pictures prove that more would overfit.",
            False,
            "Nothing proves that. Whether one more stage helps is seen on the validation part in minutes.",
        ),
        Choice(
            "Count parameters: the network with the fewest is the fastest and overfits least.",
            False,
            "Parameters are not work: the network with four stages has fewer and does more. And which one "
            "overfits must be measured.",
        ),
    ),
    hints=(
        "Which of the three questions, task, data and compute, does each answer leave out?",
        "What can be had from people who had a million photographs?",
    ),
    why=(
        "Task: what must one number see, and how fine are the differences? Data: with few pictures borrow "
        "layers. Compute: count multiply-adds at the size of your pictures, then measure. And each step is "
        "decided on the validation part."
    ),
    further="The next chapter takes a network that has seen a million photographs and measures its worth.",
    minutes=3,
)

EXERCISES = (LARGER, DENSE, COUNT, FIELD, DRAWING, FEW, TRAINING, CHOOSE)
