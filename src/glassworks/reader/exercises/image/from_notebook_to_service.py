"""Exercises of the chapter on services: reports, whole numbers, refusals, folding, queues, strangers."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.utils.fusion import fuse_conv_bn_weights

from glassworks.core.keyed import seed_for
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

# ---- a report that can be believed

HONEST = ChoiceExercise(
    id="from_notebook_to_service.honest",
    question=(
        "Four people report on the same task, in which the most frequent class makes up 90 % of the "
        "pictures. Whose report tells you most about what will happen in use?"
    ),
    choices=(
        Choice(
            '"99 % on 4,000 pictures, the ones it was trained with, so that nothing is lost."',
            False,
            "That is memory. It says nothing about a new picture.",
        ),
        Choice(
            '"96 % on the test part, the best of 30 variants that we tried on it."',
            False,
            "Thirty looks at the test part: the best of them owes some of its figure to luck.",
        ),
        Choice(
            '"91 %, 95 % interval 87 to 94, on 300 pictures that were looked at once; always saying the '
            "most "
            'frequent class gives 90 %."',
            True,
            "Yes. One look, an interval, and a baseline beside it. It also says that the model is hardly "
            "worth its name.",
        ),
        Choice(
            '"92 % on the validation part, which also chose the epoch and the learning rate."',
            False,
            "The validation part chose, so it flatters, and no baseline is told: 90 % is free here.",
        ),
    ),
    hints=(
        "Ask of each: which pictures was it judged on, and how often were they looked at?",
        "Then ask what an answer without any model would reach.",
    ),
    why=(
        "The lowest figure is the best report. It was measured once on pictures that chose nothing, with an "
        "interval and a baseline. The card of a model holds these, and counts the looks at the test part."
    ),
    further="`glassworks report runs/photos` writes the page; `card.md` beside it is the short form.",
    minutes=3,
)

# ---- whole numbers

SCALE = NumberExercise(
    id="from_notebook_to_service.scale",
    question=(
        "The values of a map lie between −1.0 and 3.0. They become whole numbers from 0 to 255, so that −1.0 "
        "is 0 and 3.0 is 255. Which whole number stands for the value 0?"
    ),
    target=64,
    tolerance=0,
    mistakes=(
        Mistake(63, "The scale is 4 / 255, and 1 / scale is 63.75. Round to the nearest, do not cut off."),
        Mistake(128, "That is the middle of the steps. The middle of the values is 1.0, not 0."),
        Mistake(0, "0 stands for the smallest value, which is −1.0."),
        Mistake(85, "That is 255 · 1 / 3. The range is 4 wide, from −1 to 3, so a quarter lies below 0."),
    ),
    hints=(
        "How high is one step, if 255 of them cover the range?",
        "Then count how many steps lie between −1.0 and 0, and round.",
    ),
    why=(
        "The scale is 4 / 255 = 0.0157, so 0 lies 63.75 steps above the smallest value, and becomes 64. The "
        "value 0 must have a step of its own, because maps are full of zeros: of ReLU, and of the rim."
    ),
    solution="`scale = (3 − (−1)) / 255 = 0.015686`; `zero point = round(1 / 0.015686) = round(63.75) = 64`.",
    minutes=3,
    further="Values behind a ReLU start at 0, so their zero point is 0 and no step is lost below it.",
)

QUANTISE_START = '''\
import torch

def quantise(values, scale, zero_point):
    """Whole numbers from 0 to 255 (uint8) for values: the nearest step, counted from zero_point.

    scale: height of a step; what lies beyond the ends becomes the end."""
    # your lines
'''
QUANTISE_SOLUTION = """\
import torch

def quantise(values, scale, zero_point):
    whole = (values / scale).round() + zero_point
    return whole.clamp(0, 255).to(torch.uint8)
"""


def whole_numbers(values: Tensor, scale: float, zero: int) -> Tensor:
    """What torch says: its rounding there and back, on the scale of whole numbers."""
    back = torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, 255)
    return (back / scale).round() + zero


def check_quantise(quantise: Callable) -> Iterator[Row]:
    """Against torch's own rounding, inside the range, beyond it, and for another shape."""
    dice = torch.Generator().manual_seed(seed_for("exercise", "quantise"))
    inside = torch.randn(12, generator=dice).clamp(-2, 2)
    for name, values, scale, zero in (
        ("values inside the range", inside, 0.05, 100),
        ("values beyond the ends", torch.tensor([-40.0, 0.0, 0.1, 40.0]), 0.05, 100),
        ("a matrix, and another zero", torch.rand(3, 4, generator=dice) * 9, 0.31, 7),
        ("0 falls on the zero point", torch.zeros(3), 0.2, 31),
    ):
        steps = values / scale
        usual = [
            (steps.floor() + zero, "The steps were cut off, not rounded: that makes every value smaller."),
            (steps.trunc() + zero, "The steps were cut off towards 0, not rounded."),
            (steps.round() - zero, "The zero point is added: it is the step on which 0 stands."),
            ((values * scale).round() + zero, "Divide by the scale: it is the height of one step."),
            ((steps.round() + zero) % 256, "What lies beyond an end went round and came out at the other. "
                                           "Clamp before the type is changed."),
            (steps.round().clamp(0, 255) + zero, "Clamp after the zero point was added, not before."),
            (steps.round() + zero, "What lies beyond the ends must become 0 or 255."),
        ]  # fmt: skip
        got = quantise(values, scale, zero)
        got = got.double() if isinstance(got, Tensor) else got
        yield same(name, got, whole_numbers(values, scale, zero).double(), usual=usual)


QUANTISE = CodeExercise(
    id="from_notebook_to_service.quantise",
    question=(
        "Write `quantise(values, scale, zero_point)`: the nearest step for each value, as whole numbers from "
        "0 to 255. Torch's own rounding is the judge."
    ),
    start=QUANTISE_START,
    name="quantise",
    check=check_quantise,
    solution=QUANTISE_SOLUTION,
    wrong=(
        Wrong(QUANTISE_SOLUTION.replace(".round()", ".floor()"), "values inside the range"),
        Wrong(QUANTISE_SOLUTION.replace("+ zero_point", "- zero_point"), "values inside the range"),
        Wrong(QUANTISE_SOLUTION.replace("values / scale", "values * scale"), "values inside the range"),
        Wrong(QUANTISE_SOLUTION.replace("whole.clamp(0, 255).to(torch.uint8)", "whole % 256"),
              "values beyond the ends"),
    ),
    hints=(
        "How many steps is a value away from 0? That number is rounded, and then counted from `zero_point`.",
        "`round`, then add, then `clamp(0, 255)`, then `.to(torch.uint8)`: a type of eight bits cannot "
        "hold 300.",
    ),
    why=(
        "Inside the range the error is at most half a step. Beyond it the error has no bound, and that is "
        "the trade of calibration: a wide range has high steps, a narrow one cuts off the rare large values."
    ),
    further=(
        "The way back is `(whole - zero_point) * scale`. Products are then sums of whole numbers, and the "
        "two scales are multiplied once at the end."
    ),
    minutes=7,
)  # fmt: skip

# ---- a file that is refused

REFUSAL = ChoiceExercise(
    id="from_notebook_to_service.refusal",
    question=(
        "A network in eight bits is twice as fast. On 94 held-out photographs it decides 92 times as the "
        "live model does. The rule allows a fall of one point of accuracy. The export refuses the file. Why?"
    ),
    choices=(
        Choice(
            "Because 92 of 94 is 97.9 %, so the accuracy has fallen by 2.1 points.",
            False,
            "Two decisions changed. Either of them may have been wrong before. Decisions are not accuracy.",
        ),
        Choice(
            "Because with 94 pictures a fall of more than one point cannot be excluded, and two changed "
            "decisions leave that open.",
            True,
            "Yes. It is not shown to be harmful. It is not shown to be harmless, and that is the rule.",
        ),
        Choice(
            "Because eight bits are never safe for a network with residual connections.",
            False,
            "ResNet-18 in eight bits passed on this machine. It depends on the network and must be measured.",
        ),
        Choice(
            "Because the calibration pictures were not the held-out ones.",
            False,
            "They must be others: scales are chosen with calibration pictures, and the held-out ones only "
            "judge.",
        ),
    ),
    hints=(
        "What would 1,000 pictures tell that 94 cannot?",
        "A paired interval: how large could the fall be, given two changed decisions of 94?",
    ),
    why=(
        "A refusal is about what was shown. With 1,000 pictures or more the measured fall decides; with "
        "fewer the whole interval must lie below a point, or every single decision be the same; under 20 "
        "pictures show nothing. There is no switch to ship it all the same."
    ),
    further="`glassworks export runs/photos --quantise int8 --data more` judges on more held-out pictures.",
    minutes=3,
)

# ---- folding

FOLD_START = '''\
import torch

def fold(weight, bias, gain, offset, mean, variance, eps):
    """Weight and bias of one filter layer that does what filter and norm did.

    weight: (filters, maps, 3, 3); all others: one number for each filter.
    The norm gives (x - mean) / sqrt(variance + eps) * gain + offset."""
    # your lines
'''
FOLD_SOLUTION = """\
import torch

def fold(weight, bias, gain, offset, mean, variance, eps):
    factor = gain / torch.sqrt(variance + eps)
    return weight * factor[:, None, None, None], (bias - mean) * factor + offset
"""


def check_fold(fold: Callable) -> Iterator[Row]:
    """Against torch's folding, and against the two layers themselves."""
    dice = torch.Generator().manual_seed(seed_for("exercise", "fold"))

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=dice)

    for name, filters, maps in (("four filters on four maps", 4, 4), ("five filters on three maps", 5, 3)):
        weight, bias, gain, offset, mean = (
            drawn(filters, maps, 3, 3), drawn(filters), drawn(filters) + 2, drawn(filters), drawn(filters)
        )  # fmt: skip
        variance, eps = drawn(filters).square() + 0.1, 0.05
        given = (weight, bias, gain, offset, mean, variance, eps)
        wanted = fuse_conv_bn_weights(weight, bias, mean, variance, eps, gain, offset)
        got = fold(*given)
        if not isinstance(got, tuple) or len(got) != 2:
            yield Row(name, False, "Two things come back: the new weight and the new bias.")
            continue
        yield same(f"weight: {name}", got[0], wanted[0].detach(), usual=_wrong_weights(*given))
        yield same(f"bias: {name}", got[1], wanted[1].detach(), usual=_wrong_biases(*given))
    yield unchanged("nothing is changed in place", fold, *given)


def _wrong_weights(
    weight: Tensor, bias: Tensor, gain: Tensor, offset: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> list[tuple[Tensor, str]]:
    factor, column = gain / (variance + eps).sqrt(), (slice(None), None, None, None)
    found = [
        (weight * (gain / variance.sqrt())[column], "`eps` is missing under the root."),
        (weight * (gain / (variance + eps))[column], "Divide by the root of the variance: the spread."),
        (weight * gain[column], "The norm also divides by the spread."),
        (weight / (variance + eps).sqrt()[column], "The norm also multiplies by its gain."),
    ]
    if weight.shape[0] == weight.shape[1]:
        told = "The factor went along the maps that come in. It belongs to the filters: dimension 0."
        found += [(weight * factor[:, None, None], told)]
    return found


def _wrong_biases(
    weight: Tensor, bias: Tensor, gain: Tensor, offset: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> list[tuple[Tensor, str]]:
    factor = gain / (variance + eps).sqrt()
    return [
        (bias - mean * factor + offset, "The old bias goes through the norm as well: times the factor."),
        (bias * factor + offset, "The mean is missing: it is subtracted before the factor."),
        ((bias + mean) * factor + offset, "The mean is subtracted, not added."),
        ((bias - mean) * factor, "The norm's own offset is missing."),
        (bias, "The bias changes too: it goes through the norm."),
    ]


FOLD = CodeExercise(
    id="from_notebook_to_service.fold",
    question=(
        "Write `fold(...)`: the weight and bias of *one* filter layer that answers as a filter layer "
        "followed by a batch norm in evaluation mode. Torch's own folding is the judge."
    ),
    start=FOLD_START,
    name="fold",
    check=check_fold,
    solution=FOLD_SOLUTION,
    wrong=(
        Wrong(FOLD_SOLUTION.replace("variance + eps", "variance"), "weight: four filters on four maps"),
        Wrong(FOLD_SOLUTION.replace("(bias - mean) * factor", "bias - mean * factor"),
              "bias: four filters on four maps"),
        Wrong(FOLD_SOLUTION.replace("factor[:, None, None, None]", "factor[:, None, None]"),
              "weight: four filters on four maps"),
        Wrong(FOLD_SOLUTION.replace(" + offset", ""), "bias: four filters on four maps"),
    ),
    hints=(
        "Write down what comes out for one filter: the sum of its products plus bias, and then the norm.",
        "`factor = gain / sqrt(variance + eps)`. It multiplies the whole filter, and it multiplies `bias "
        "- mean`.",
    ),
    why=(
        "A norm in evaluation is a multiplication and an addition with fixed numbers. A filter can do both, "
        "so two passes over a map become one. While training this does not hold: there the mean and the "
        "spread come from the batch."
    ),
    further=(
        "It works for a norm that directly follows the filter, and only if nobody else reads the filter's "
        "output. `fold_norms` finds these pairs by sending pictures through, and compares the answers "
        "afterwards."
    ),
    minutes=7,
)  # fmt: skip

# ---- more requests than answers


def _overloaded() -> str:
    from glassworks.reader.figures.queue_seen import QueueSeen  # not in the child that checks code

    figure = QueueSeen()
    return figure.draw(1.5, 0, 2.0, False) + figure.draw(1.5, 64, 2.0, False)


OVERLOAD = PredictExercise(
    id="from_notebook_to_service.overload",
    question=(
        "A server can answer 50 requests a second. For 30 seconds 75 a second come, and a client waits for 2 "
        "seconds, then it has gone. The queue has no limit and answers the oldest first. Of the 1,500 "
        "answers that are possible, about how many come in time?"
    ),
    choices=(
        Choice(
            "All 1,500: it works without a pause, and a third of the requests stays over.",
            False,
            "It does work without a pause. But for whom? Look at how long the oldest in the queue has "
            "waited.",
        ),
        Choice(
            "About 1,000: two thirds, as many as its share of the load.",
            False,
            "That would be so if it took requests at random. It takes the oldest, and the queue grows by 25 "
            "a second.",
        ),
        Choice(
            "About 250: those of the first seconds. After that everybody has gone before the answer is "
            "there.",
            True,
            "Yes. After six seconds the oldest has waited for 2 seconds, and from then on every answer is "
            "for nobody.",
        ),
        Choice(
            "About 750: those of the first half.",
            False,
            "It does turn at some moment. When is the wait 2 seconds? The queue then holds 100 requests.",
        ),
    ),
    reveal=_overloaded,
    hints=(
        "By how many requests does the queue grow each second?",
        "With 100 in the queue a new request waits for 2 seconds. When are there 100?",
    ),
    why=(
        "The wait is the length of the queue times the time of an answer. With room for 64 it is never above "
        "1.3 seconds: a third is refused at once, with a hint when to come back, and all that the server "
        "does is done for somebody."
    ),
    further="With deadlines and no limit no work is wasted either, yet everybody waits the full 2 s.",
    minutes=3,
)

# ---- what strangers send

WILD = ChoiceExercise(
    id="from_notebook_to_service.wild",
    question=(
        "In all tests the model was right. In use, photographs that people take with an upright telephone "
        "are answered badly, those with a lying one well. There is no error message. What is the likeliest "
        "cause?"
    ),
    choices=(
        Choice(
            "Upright photographs are larger, and the network was built for one size.",
            False,
            "Both have the same number of pixels, and sizes are made equal before the network.",
        ),
        Choice(
            "The telephone writes the pixels lying down and notes how to turn them. The program does not "
            "read the note.",
            True,
            "Yes. The note is called EXIF orientation. Viewers obey it, so the pictures look right to "
            "people.",
        ),
        Choice(
            "The model has drifted since it was trained.",
            False,
            "Weights do not change in use. What changes is what is sent, and here it depends on the "
            "telephone.",
        ),
        Choice(
            "The training pictures were augmented by turning too little.",
            False,
            "Then upright *scenes* would be no trouble. More turning would hide the fault and cost accuracy.",
        ),
    ),
    hints=(
        "What differs between both kinds of photograph before the network sees them?",
        "Viewers show both upright. What does a viewer read that a decoder may ignore?",
    ),
    why=(
        "Pictures in tests were mostly saved again, which turns the pixels and removes the note. Those from "
        "telephones were not. So the decoder in use must be the decoder of training: here both are one "
        "function, and an export carries its own copy."
    ),
    further=(
        "The same holds for transparency, CMYK, 16 bits, grey pictures and animations. Each is decided once, "
        "in one place, and tested with files of that kind."
    ),
    minutes=3,
)

# ---- none of these


def _no_digits() -> str:
    from glassworks.reader.figures.none_of_these import NoneOfThese  # not in the child that checks code

    figure = NoneOfThese()
    return figure.show({"": figure.measure("")}, "", 1)


NONE = PredictExercise(
    id="from_notebook_to_service.none",
    question=(
        "A network that reads 99 % of test digits is shown a photograph of a cup, made grey and 32 × 32 "
        "pixels small. What are the shares of its ten answers?"
    ),
    choices=(
        Choice(
            "About 10 % each: it has never seen such a thing.",
            False,
            "That would need it to know what it has not seen. Nothing in its training asked for that.",
        ),
        Choice(
            "One digit with more than 90 %.",
            True,
            'Yes. It says 9, with 99.8 %. The shares answer "which digit?", never "is it a digit?".',
        ),
        Choice(
            "All near 0, because no class fits.",
            False,
            "Softmax makes shares that sum to 1, whatever the scores are.",
        ),
        Choice(
            "It refuses, because the picture is not from its data.",
            False,
            "A tensor of the right shape is answered. A refusal must be built beside the network.",
        ),
    ),
    reveal=_no_digits,
    hints=(
        "What must the shares of softmax sum to?",
        'While it was trained, was there ever a right answer "none of these"?',
    ),
    why=(
        "A classifier divides the whole space of pictures among its classes, and far away from the training "
        "pictures it is often surer than near them. So another question is asked beside it: how far are this "
        "picture's features from those of the training pictures?"
    ),
    further=(
        "The distance is no proof either. The limit lets 3 % of familiar pictures fall outside, and some "
        "strange ones inside: of clothes shown to a reader of digits only 28 % crossed it."
    ),
    minutes=3,
)

EXERCISES = (HONEST, SCALE, QUANTISE, REFUSAL, FOLD, OVERLOAD, WILD, NONE)
