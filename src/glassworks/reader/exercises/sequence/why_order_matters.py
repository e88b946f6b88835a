"""Exercises of the chapter on order: bags, lengths, windows, masks, what is learned, and looks ahead."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.reader.draw import note
from glassworks.reader.exercises.chance import normal
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

_normal = partial(normal, "why-order-matters")


# ---- a bag

BAG = NumberExercise(
    id="why_order_matters.bag",
    question="A text has six words, all different. How many texts, itself included, have the same bag of "
    "words?",
    target=720,
    tolerance=0,
    mistakes=(
        Mistake(719, "Those are the others. The text itself is counted as well."),
        Mistake(
            36, "That would be six places with six words each for two of them. Every place takes a word."
        ),
        Mistake(46656, "That is 6⁶: there a word may come twice. A bag says that each comes once."),
        Mistake(64, "That is 2⁶, how many choices of words there are. Here all six are taken, in any order."),
        Mistake(
            15, "That is how many pairs of words can be swapped. There are more orders than one swap away."
        ),
        Mistake(120, "That is the number of orders of five words."),
        Mistake(6, "Six words can stand first. What of the places after it?"),
    ),
    hints=(
        "How many words can stand first? For each of them, how many can stand second?",
        "6 · 5 · 4 · 3 · 2 · 1.",
    ),
    why=(
        "6! = 720 orders, one vector, one answer. Few of them are sentences, but the network cannot know "
        "which: it gets the same numbers for all."
    ),
    further="Ten different words have 3,628,800 orders. How many has *the dog bites the man*, with `the` "
    "twice?",
    solution="6 · 5 · 4 · 3 · 2 · 1 = 720.",
    minutes=3,
)

# ---- any length

SIZES = ChoiceExercise(
    id="why_order_matters.sizes",
    question=(
        "A network was trained on texts of 3 words and gets one of 300. Nothing is cut. Which part of a "
        "network makes it refuse?"
    ),
    choices=(
        Choice(
            "A linear layer that has weights of its own for each place.",
            True,
            "Yes. It has columns for the places that it was built for and no others. Every part that uses "
            "the same weights at each place takes any number of places.",
        ),
        Choice(
            "Any layer of a network without memory: a fixed input is what feed-forward means.",
            False,
            "A convolution has no memory and slides over any length; a mean over the places then gives "
            "one vector. Feed-forward says that nothing goes round in a circle, not how long the input is.",
        ),
        Choice(
            "The embedding: it knows only the three words of the training.",
            False,
            "An embedding has a row for each word of the vocabulary, and is asked once a word. It takes "
            "any number of words.",
        ),
        Choice(
            "None. A network of any kind takes any length, only less well.",
            False,
            "Move the figure's slider to 9 words: the linear layer stops with an error.",
        ),
    ),
    hints=(
        "Where does the shape of a weight depend on the number of words?",
        "Look at the parameters in the figure: which of them would grow with the words?",
    ),
    why=(
        "Taking any length and using order are two things. A mean over words takes every length and knows no "
        "order; a linear layer over eight places knows order and takes one length."
    ),
    further=(
        "A picture network for 224 × 224 pixels often ends in a mean over all places, and takes 256 × 256 as "
        "well. One that ends in a linear layer over all places does not."
    ),
    minutes=3,
)

# ---- a window

WINDOW = NumberExercise(
    id="why_order_matters.window",
    question=(
        "Words are vectors of 50 numbers. A feed-forward network sees the last 4 words, laid end to end; its "
        "first layer has 32 units, each with a bias. How many parameters does this layer have?"
    ),
    target=6432,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(6400, "The 32 biases are missing."),
        Mistake(1632, "That is the layer over one word, 50 · 32 + 32. Each of the four places has its own."),
        Mistake(6528, "There each place brought its own biases. A unit has one bias."),
        Mistake(232, "That is 50 · 4 + 32. Every unit has a weight for every number."),
        Mistake(1728, "That is (50 + 4) · 32: the four words are laid end to end, 4 · 50 numbers."),
    ),
    hints=(
        "How many numbers does the layer get?",
        "4 · 50 = 200 numbers, and each of 32 units has a weight for each of them.",
    ),
    why=(
        "200 · 32 + 32 = 6,432. A window of 8 words needs 12,832: nearly twice as many, and what was learned "
        "about a word at one place is not known at the next."
    ),
    further="How wide must the window be for a text of 300 words, and how many parameters is that?",
    solution="4 · 50 · 32 + 32 = 6,432.",
    minutes=3,
)

# ---- the mean over what is real

MEAN_START = """\
import torch

def mean_of_real(steps, lengths):
    # steps (batch, time, width); lengths (batch,): real steps of each, the rest is padding
    # your lines
"""
MEAN_SOLUTION = """\
import torch

def mean_of_real(steps, lengths):
    places = torch.arange(steps.shape[1])[None]
    real = places < lengths[:, None]
    total = (steps * real[:, :, None]).sum(1)
    return total / lengths[:, None]
"""
ALL_STEPS = "The padding was counted as steps: divide by each text's own length."
PADDING_SUMMED = "The divisor is right, but the padding was summed too. It need not be zero: mask it first."
ONE_MORE = "The mask lets one step too many pass. Steps 0 to length - 1 are real: `<`, not `<=`."
ONE_DIVISOR = "All texts were divided by the same length. Each has its own."


def check_mean(mean_of_real: Callable) -> list[Row]:
    """Whole texts, unequal lengths, padding that is not zero."""
    rows = []
    for name, shape, lengths, filler in (
        ("all steps are real", (2, 4, 3), (4, 4), 0.0),
        ("unequal lengths, zeros behind", (3, 6, 2), (6, 2, 1), 0.0),
        ("padding that is not zero", (3, 5, 4), (3, 5, 2), 7.0),
    ):
        steps, real = _normal(shape, name) + 1.0, torch.tensor(lengths)
        mask = torch.arange(shape[1])[None] < real[:, None]
        steps = torch.where(mask[:, :, None], steps, torch.tensor(filler))
        wanted = torch.stack([one[:length].mean(0) for one, length in zip(steps, lengths)])
        more = torch.arange(shape[1])[None] <= real[:, None]
        usual = [
            (steps.mean(1), ALL_STEPS),
            (steps.sum(1) / real[:, None], PADDING_SUMMED),
            ((steps * more[:, :, None]).sum(1) / real[:, None], ONE_MORE),
            ((steps * mask[:, :, None]).sum(1) / real.max(), ONE_DIVISOR),
            ((steps * mask[:, :, None]).mean(1), ALL_STEPS),
        ]
        rows.append(same(name, mean_of_real(steps.clone(), real.clone()), wanted, usual=usual))
    return rows


MEAN = CodeExercise(
    id="why_order_matters.mean_of_real",
    question=(
        "Write the mean over the real steps of each text in a batch. What stands behind a text's length "
        "must not count, whatever it is."
    ),
    start=MEAN_START,
    name="mean_of_real",
    check=check_mean,
    solution=MEAN_SOLUTION,
    wrong=(
        Wrong(MEAN_SOLUTION.replace("    return total / lengths[:, None]", "    return steps.mean(1)"),
              "unequal lengths, zeros behind"),
        Wrong(MEAN_SOLUTION.replace("(steps * real[:, :, None])", "steps"), "padding that is not zero"),
        Wrong(MEAN_SOLUTION.replace("places <", "places <="), "padding that is not zero"),
        Wrong(MEAN_SOLUTION.replace("lengths[:, None]\n", "lengths.max()\n").replace(
            "places < lengths.max()", "places < lengths[:, None]"), "unequal lengths, zeros behind"),
        Wrong(MEAN_SOLUTION.replace("[:, :, None]).sum(1)", "[:, :, None]).sum(2)"), "all steps are real"),
    ),
    hints=(
        "Make a table of yes and no first, (batch, time): is this place before the end of its text?",
        "`torch.arange(time)[None] < lengths[:, None]` is that table. It needs one more axis to meet "
        "`steps`.",
    ),
    why=(
        "The mask takes the padding out of the sum, the lengths take it out of the count. Each is needed: "
        "with zeros as padding the first seems to be needless, until a layer with a bias has made something "
        "of them."
    ),
    further="The library's `is_real` and `without_padding` do this; they stand below.",
    minutes=7,
)  # fmt: skip

# ---- what is learned


def _learned() -> str:
    from glassworks.reader.figures.order_decides import drawn  # not in the child that checks code
    from glassworks.reader.figures.order_runs import KINDS, run

    found = {kind: run("order", kind, 0) for kind in KINDS}
    return drawn(found) + note(
        "300 steps with 64 texts of 10 letters each, asked about 2,000 new texts. A coin is right in 50 %."
    )


ORDER = PredictExercise(
    id="why_order_matters.order",
    question=(
        "Texts of ten letters hold one A and one B. Which came first? A bag, a window over the last four "
        "letters, a layer with a weight for every place, and a recurrent layer learn it. What comes out?"
    ),
    choices=(
        Choice(
            "The bag guesses, the window is right in about five of six, the other two are always right.",
            True,
            "Yes. In two of three texts A or B or both are among the last four, and then the order is "
            "known. Of the rest it guesses half right.",
        ),
        Choice(
            "The bag guesses, the window is always right, since it sees order, and so are the other two.",
            False,
            "It sees the order of what it sees. In one text of three neither A nor B is among the last four.",
        ),
        Choice(
            "Only the recurrent layer learns it: the others have no memory.",
            False,
            "The layer with a weight for every place sees all ten letters at once; it needs no memory. What "
            "it cannot do is take an eleventh.",
        ),
        Choice(
            "All learn it, the bag more slowly than the rest.",
            False,
            "Both answers belong to the same bag. More training gives the same number for both.",
        ),
    ),
    reveal=_learned,
    hints=(
        "Which of them get different numbers for ABxxxxxxxx and BAxxxxxxxx?",
        "How often is neither A nor B among the last four of ten letters? (6 · 5) / (10 · 9).",
    ),
    why=(
        "Look at the other columns: for 20 and 40 letters one network refuses, and the recurrent layer "
        "answers but is no longer always right. It learned to remember over ten steps. Taking a length is "
        "not the same as remembering over it."
    ),
    further="Choose the other question in the figure below, and see who is best there.",
    minutes=4,
)

# ---- when the future may be seen

FUTURE = ChoiceExercise(
    id="why_order_matters.future",
    question="In which of these may a network read its input from both ends?",
    choices=(
        Choice(
            "It marks the names in a letter that has arrived.",
            True,
            "Yes. When it is asked, the whole letter is there. What follows a word may help to say what it "
            "is.",
        ),
        Choice(
            "It writes the next word of a text, and learns to by guessing each word of a novel.",
            False,
            "The reader from the end has seen the next word, so while learning it copies it. When it writes, "
            "there is nothing to copy.",
        ),
        Choice(
            "It shows subtitles while somebody is speaking.",
            False,
            "What will be said is not known yet. With a delay of two seconds it may look two seconds ahead.",
        ),
        Choice(
            "It says for each hour of a day what is used in the next one, and is trained and tested on "
            "whole days.",
            False,
            "At each hour the reader from the end has already met the next one, in training and in the test. "
            "Both look splendid, and tomorrow it is useless.",
        ),
    ),
    hints=(
        "At the moment when the answer is needed, what is there to be read?",
        "Whole days in a file make it easy to forget that at ten o'clock eleven had not happened.",
    ),
    why=(
        "The rule is not that forecasts read forwards. A forecast may read the days *before* now from both "
        "ends. Nothing from after the moment of the answer may be in it, neither by reading nor by scaling."
    ),
    further="Hide a word, and you may use both sides to guess it. A later chapter builds on that.",
    minutes=3,
)

# ---- does it look ahead

PEEKS_START = """\
import torch

def looks_ahead(layer, steps):
    # layer: a function from steps (batch, time, width) to outputs (batch, time, something)
    # True where an output changes when a later step is changed
    # your lines
"""
PEEKS_SOLUTION = """\
import torch

def looks_ahead(layer, steps):
    before = layer(steps)
    for time in range(1, steps.shape[1]):
        changed = steps.clone()
        changed[:, time:] += 1.0
        after = layer(changed)
        if not torch.allclose(after[:, :time], before[:, :time], atol=1e-6):
            return True
    return False
"""
TOO_MUCH = "It does not look ahead: an output may change with its own step and with earlier ones."
NOT_FOUND = "It looks ahead, and that was not found."


def _layers() -> list[tuple[str, Callable[[Tensor], Tensor], bool]]:
    """(row, layer, whether it looks ahead)."""
    kernel = _normal((3, 3, 3), "kernel")

    def convolved(before: int, after: int) -> Callable[[Tensor], Tensor]:
        return lambda steps: F.conv1d(F.pad(steps.mT, (before, after)), kernel).mT

    def early_only(steps: Tensor) -> Tensor:
        outputs = steps.cumsum(1).clone()
        outputs[:, 1] += steps[:, 2]
        return outputs

    def late_only(steps: Tensor) -> Tensor:
        outputs = steps.cumsum(1).clone()
        outputs[:, -2] += 0.5 * steps[:, -1]
        return outputs

    return [
        ("reads from the start", lambda steps: steps.cumsum(1).tanh(), False),
        ("sees itself and the two steps before", convolved(2, 0), False),
        ("reads from both ends", lambda steps: steps.cumsum(1) + steps.flip(1).cumsum(1).flip(1), True),
        ("sees one step ahead", convolved(1, 1), True),
        ("looks ahead at the second step only", early_only, True),
        ("looks ahead at the last step but one only", late_only, True),
    ]


def check_peeks(looks_ahead: Callable) -> list[Row]:
    """Layers that look ahead and that do not; the steps stay as they are."""
    steps, rows = _normal((2, 6, 3), "steps"), []
    for name, layer, ahead in _layers():
        got = looks_ahead(layer, steps.clone())
        got = bool(got) if isinstance(got, Tensor) and got.numel() == 1 else got
        rows.append(same(name, got, ahead, usual=[(not ahead, NOT_FOUND if ahead else TOO_MUCH)]))
    return [*rows, unchanged("the steps stay as they were", looks_ahead, lambda one: one.cumsum(1), steps)]


PEEKS = CodeExercise(
    id="why_order_matters.looks_ahead",
    question=(
        "Write the test that finds a look into the future. It gets a layer, as a function, and steps to try "
        "it with, and says `True` where an output changes when a *later* step is changed."
    ),
    start=PEEKS_START,
    name="looks_ahead",
    check=check_peeks,
    solution=PEEKS_SOLUTION,
    wrong=(
        Wrong(PEEKS_SOLUTION.replace("after[:, :time], before[:, :time]", "after, before"),
              "reads from the start"),
        Wrong(PEEKS_SOLUTION.replace("after[:, :time], before[:, :time]", "after[:, :1], before[:, :1]"),
              "looks ahead at the second step only"),
        Wrong(PEEKS_SOLUTION.replace("range(1, steps.shape[1])", "range(steps.shape[1] - 1, steps.shape[1])"),
              "looks ahead at the second step only"),
        Wrong(PEEKS_SOLUTION.replace("steps.clone()", "steps"), "the steps stay as they were"),
        Wrong(PEEKS_SOLUTION.replace("after[:, :time], before[:, :time]",
                                     "after[:, :time + 1], before[:, :time + 1]"), "reads from the start"),
        Wrong(PEEKS_SOLUTION.replace("range(1, steps.shape[1])", "range(1, steps.shape[1] - 1)").replace(
            "[:, time:]", "[:, time]"), "looks ahead at the last step but one only"),
    ),
    hints=(
        "Change everything from some moment on. Which outputs must stay as they were?",
        "Outputs before the moment `time` are `[:, :time]`. Try every moment from 1 on, each on a copy.",
    ),
    why=(
        "Only outputs before the change count; that the later ones move is as it should be. And every moment "
        "is tried, since a leak may sit at one place. The library tests its own models in this way."
    ),
    further="The figure above asks the gradient instead. What would it miss that this test finds?",
    minutes=8,
)  # fmt: skip

EXERCISES = (BAG, SIZES, WINDOW, MEAN, ORDER, FUTURE, PEEKS)
