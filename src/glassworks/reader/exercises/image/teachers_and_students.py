"""Exercises of the chapter on distillation between CNNs: sizes, the loss, the order of classes, what is "
"gained."""

import json
from collections.abc import Callable
from importlib.resources import files

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.reader.draw import note, table
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
from glassworks.transfer.distil import order_of, soft_loss

# ---- sizes

SMALLER = NumberExercise(
    id="teachers_and_students.smaller",
    question=(
        "The teacher's second filter layer makes 64 maps of 32 with filters of 3 × 3. The student's makes 8 "
        "of 4. How many times fewer weights has it? Leave the offsets out."
    ),
    target=64,
    tolerance=0,
    mistakes=(
        Mistake(8, "Both numbers of maps are divided by 8: those that go in and those that come out."),
        Mistake(16, "The two eighths multiply; they do not add up."),
        Mistake(512, "That is 8 three times. The filters stay 3 × 3."),
        Mistake(4096, "That is 64 squared. Weights are maps in × maps out × 9."),
        Mistake(288, "That is how many weights the student's layer has."),
    ),
    hints=(
        "Write both counts of weights down as maps in × maps out × filter.",
        "Divide the counts. Each of the two numbers of maps has become an eighth.",
    ),
    why=(
        "18,432 against 288. Weights and work of a layer grow with the square of its width, so a student of "
        "an eighth of the width is far cheaper than an eighth. That is what makes the trade worth thinking "
        "about."
    ),
    further="Over the whole networks of the lab it is 53,194 against 1,058 numbers, fifty times fewer.",
    solution="(32 · 64 · 9) / (4 · 8 · 9) = 18,432 / 288 = 64.",
    minutes=3,
)

# ---- the loss

LOSS_START = '''\
import torch
import torch.nn.functional as F

def distilled(student, teacher, targets, weight, temperature):
    """(1 - weight) * labels + weight * soft answers, a scalar.

    student, teacher: scores before softmax, (batch, classes)
    """
    labels = F.cross_entropy(student, targets)
    # your lines; F.kl_div may help
    return labels
'''
LOSS_SOLUTION = """\
import torch
import torch.nn.functional as F

def distilled(student, teacher, targets, weight, temperature):
    labels = F.cross_entropy(student, targets)
    ours = F.log_softmax(student / temperature, dim=1)
    theirs = F.log_softmax(teacher.detach() / temperature, dim=1)
    soft = F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    return (1 - weight) * labels + weight * temperature ** 2 * soft
"""
TURNED = (
    "The two are exchanged. In `F.kl_div` the student's log-shares come first, the teacher's second: the "
    "second weighs the terms."
)


def by_torch(student: Tensor, teacher: Tensor, temperature: float, reduction: str = "batchmean") -> Tensor:
    """Torch's divergence of the student's shares from the teacher's, at a temperature."""
    ours, theirs = ((one / temperature).log_softmax(1) for one in (student, teacher))
    return F.kl_div(ours, theirs, reduction=reduction, log_target=True)


def _usual(
    student: Tensor, teacher: Tensor, targets: Tensor, weight: float, temperature: float
) -> list[tuple[Tensor, str]]:
    """What the usual mistakes give."""
    labels, square = F.cross_entropy(student, targets), temperature**2

    def total(soft: Tensor) -> Tensor:
        return (1 - weight) * labels + weight * soft

    plain = by_torch(student, teacher, temperature)
    return [
        (total(plain), "T² is missing: at this temperature the teacher is hardly heard."),
        (total(temperature * plain), "The factor is T squared, not T."),
        (total(square * by_torch(teacher, student, temperature)), TURNED),
        (
            total(square * by_torch(student, teacher, temperature, "mean")),
            "`reduction='mean'` divides by the classes as well. `'batchmean'` is the mean over the batch.",
        ),
        (
            total(square * by_torch(student, teacher, temperature, "sum")),
            "That is the sum over the batch. `'batchmean'` is its mean.",
        ),
        (
            weight * labels + (1 - weight) * square * plain,
            "The weight stands on the wrong side: it is the teacher's.",
        ),
        (labels + weight * square * plain, "Both parts share 1: the labels get what the teacher leaves."),
        (total(square * by_torch(student, teacher, 1.0)), "The scores are not divided by the temperature."),
        (labels, "Only the labels are in it. Add the teacher's part."),
    ]


def check_distilled(distilled: Callable) -> list[Row]:
    """Two shapes against torch's own divergence, the ends of the weight, and where gradients go."""
    rows = []
    for seed, (weight, temperature) in enumerate(((0.7, 4.0), (0.3, 2.0))):
        dice = torch.Generator().manual_seed(seed)
        student, teacher = (2 * torch.randn(4 + seed, 6 - seed, generator=dice) for _ in range(2))
        targets = torch.randint(6 - seed, (4 + seed,), generator=dice)
        labels = F.cross_entropy(student, targets)
        wanted = (1 - weight) * labels + weight * temperature**2 * by_torch(student, teacher, temperature)
        got = distilled(student, teacher, targets, weight, temperature)
        usual = _usual(student, teacher, targets, weight, temperature)
        rows.append(same("the loss, by torch's kl_div", got, wanted, usual=usual))
    rows = [next((row for row in rows if not row.passed), rows[0])]
    alone = distilled(student, teacher, targets, 1.0, 3.0)
    rows.append(same("the library's soft loss, with weight 1", alone, soft_loss(student, teacher, 3.0)))
    return [*rows, _gradients(distilled)]


def _gradients(distilled: Callable) -> Row:
    name = "only the student gets a gradient"
    dice = torch.Generator().manual_seed(9)
    student, teacher = (torch.randn(3, 4, generator=dice).requires_grad_() for _ in range(2))
    loss = distilled(student, teacher, torch.tensor([0, 1, 2]), 0.5, 3.0)
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        return Row(name, False, "No gradient goes anywhere: the loss must stay a tensor with its graph.")
    loss.backward()
    if teacher.grad is not None and bool(teacher.grad.any()):
        return Row(name, False, "A gradient goes to the teacher. It would learn to agree; detach it.")
    if student.grad is None or not bool(student.grad.any()):
        return Row(name, False, "The student gets no gradient. Only the teacher's scores are to be detached.")
    return Row(name, True, "The teacher stays as it is.")


LOSS = CodeExercise(
    id="teachers_and_students.loss",
    question=(
        "Write `distilled(student, teacher, targets, weight, temperature)` for a student with one head, "
        "which learns both from the labels and from the teacher's shares. It is compared with torch's "
        "`kl_div` and with the library."
    ),
    start=LOSS_START,
    name="distilled",
    check=check_distilled,
    solution=LOSS_SOLUTION,
    wrong=(
        Wrong(LOSS_SOLUTION.replace(" * temperature ** 2", ""), "the loss, by torch's kl_div"),
        Wrong(LOSS_SOLUTION.replace("(ours, theirs", "(theirs, ours"), "the loss, by torch's kl_div"),
        Wrong(LOSS_SOLUTION.replace('"batchmean"', '"mean"'), "the loss, by torch's kl_div"),
        Wrong(LOSS_SOLUTION.replace("(1 - weight) * labels", "labels"), "the loss, by torch's kl_div"),
        Wrong(LOSS_SOLUTION.replace("teacher.detach()", "teacher"), "only the student gets a gradient"),
    ),
    hints=(
        "Both log-softmaxes are taken of scores that are divided by the temperature.",
        "`F.kl_div` wants the student's log-shares first; with `log_target=True` the teacher's may be "
        "log-shares, too.",
    ),
    why=(
        "`kl_div` counts p (ln p − ln q) with p in the second place, and its default reduction divides by "
        "the classes as well. Both are known to be got wrong, and neither raises an error."
    ),
    further=(
        "Why T squared? The gradient shrinks by as much: the chapter on DeiT works it out. Its loss has two "
        "heads, this one has one."
    ),
    minutes=8,
)

# ---- the order of classes

ORDER_START = '''\
def in_our_order(scores, ours, theirs):
    """The teacher's scores (batch, its classes) as (batch, our classes).

    ours, theirs: lists of class names
    """
    return scores
'''
ORDER_SOLUTION = """\
def in_our_order(scores, ours, theirs):
    missing = [name for name in ours if name not in theirs]
    if missing:
        raise ValueError(f"the teacher does not know {missing}")
    places = [theirs.index(name) for name in ours]
    return scores[:, places]
"""


def check_order(in_our_order: Callable) -> list[Row]:
    """Names in another order, more of them, and one that the teacher does not know."""
    rows = []
    cases = (
        ("the same names in another order", ["cat", "dog", "owl"], ["dog", "owl", "cat"]),
        ("a teacher that knows more", ["pear", "apple"], ["apple", "fig", "kiwi", "pear"]),
    )
    for name, ours, theirs in cases:
        scores = torch.randn(4, len(theirs), generator=torch.Generator().manual_seed(len(theirs)))
        places = list(order_of(ours, theirs))
        inverse = [ours.index(one) for one in theirs if one in ours]
        by_name = [sorted(theirs).index(one) for one in ours]
        usual = [
            (scores, "The columns are still in the teacher's order: a cat is learned as a dog."),
            (scores[:, : len(ours)], "The first columns were taken, whatever they stand for."),
            (
                scores[:, inverse],
                "That is the order turned round: for each of *our* classes look up its place among theirs.",
            ),
            (
                scores[:, by_name],
                "The names were sorted. Scores are in the order of `theirs` as given.",
            ),
            (
                scores.softmax(1)[:, places],
                "The order is right, but these are shares. Scores before softmax are expected.",
            ),
        ]
        got = in_our_order(scores.clone(), list(ours), list(theirs))
        rows.append(same(name, got, scores[:, places], usual=usual))
    return [*rows, _refused(in_our_order)]


def _refused(in_our_order: Callable) -> Row:
    name = "a class that the teacher does not know"
    try:
        in_our_order(torch.zeros(2, 2), ["cat", "newt"], ["cat", "dog"])
    except (ValueError, KeyError):
        return Row(name, True, "It is refused.")
    return Row(name, False, "A student would learn of `newt` what nobody said. Raise a ValueError.")


ORDER = CodeExercise(
    id="teachers_and_students.order",
    question=(
        "The teacher was trained on another folder: its classes stand in another order, and it may know "
        "more. Write `in_our_order(scores, ours, theirs)`, which picks and orders the columns of its scores "
        "for the student. A class that it does not know is an error."
    ),
    start=ORDER_START,
    name="in_our_order",
    check=check_order,
    solution=ORDER_SOLUTION,
    wrong=(
        Wrong("def in_our_order(scores, ours, theirs):\n    return scores[:, : len(ours)]\n",
              "the same names in another order"),
        Wrong(
            "def in_our_order(scores, ours, theirs):\n"
            "    places = [ours.index(name) for name in theirs if name in ours]\n"
            "    return scores[:, places]\n",
            "the same names in another order",
        ),
        Wrong(
            ORDER_SOLUTION.replace("scores[:, places]", "scores.softmax(1)[:, places]"),
            "the same names in another order",
        ),
        Wrong(
            "def in_our_order(scores, ours, theirs):\n"
            "    places = [theirs.index(name) if name in theirs else 0 for name in ours]\n"
            "    return scores[:, places]\n",
            "a class that the teacher does not know",
        ),
    ),
    hints=(
        "For every class of the student, one question: which column of the teacher is it?",
        "A list of column numbers may stand where a slice does: `scores[:, [2, 0]]`.",
    ),
    why=(
        "Nothing fails when columns are exchanged: the loss falls, and the student learns confusions as "
        "well as it would have learned the truth. Names decide, not places."
    ),
    further="`order_of` in `transfer/distil.py` does this, and `glassworks train --teacher` refuses with "
    "its message.",
    minutes=6,
)  # fmt: skip

# ---- hard answers


def _by_seed() -> str:
    lab = json.loads(files("glassworks.labs").joinpath("recorded/distillation-gain.json").read_text("utf-8"))
    numbers = lab["numbers"]
    rows = [
        [f"{seed}", f"{plain:.1f} %", f"{hard:.1f} %", f"{differs:.1f} %"]
        for seed, (plain, hard, differs) in enumerate(
            zip(numbers["plain"], numbers["hard"], numbers["contradicts"], strict=True)
        )
    ]
    told = "Recorded runs of the lab below; eight seeds."
    return table(["seed", "labels alone", "with hard answers", "teacher ≠ label"], rows) + note(told)


HARD = PredictExercise(
    id="teachers_and_students.hard",
    question=(
        "A teacher with 96.5 % on new digits has learned 200 digits by heart: on these it always says the "
        "label. A student learns the same 200, from 0.3 of the label's loss and 0.7 of the loss against the "
        "teacher's best class. How does it compare with the same student on labels alone, seed by seed?"
    ),
    choices=(
        Choice(
            "Clearly better: the teacher is far better than the student, and its answers count most.",
            False,
            "It is better on new pictures. On those that are learned from, its best class is the label, and "
            "nothing else is handed on.",
        ),
        Choice(
            "The same, to the last test picture.",
            True,
            "Yes. Both losses are the cross-entropy with the same class, and 0.3 + 0.7 is 1.",
        ),
        Choice(
            "A little worse, because the label has only 0.3 of the loss.",
            False,
            "The other 0.7 name the same class. Together they are the label's loss.",
        ),
        Choice(
            "Better with some seeds and worse with others.",
            False,
            "That is what soft answers do in this lab. For hard ones, write down the two losses for one "
            "picture.",
        ),
    ),
    reveal=_by_seed,
    hints=(
        "Write the loss down for a 4 of which the teacher says 4.",
        "0.3 · CE(4) + 0.7 · CE(4).",
    ),
    why=(
        "A hard answer is one class. It is news only where it is not the label: where labels are wrong, "
        "where a crop shows something else, or where there is no label at all."
    ),
    further="Two of these three were used to great effect; the second is the case of DeiT's photographs.",
    minutes=3,
)

# ---- the control

CONTROL = ChoiceExercise(
    id="teachers_and_students.control",
    question=(
        "In the lab soft answers gain 2.2 points over labels alone, from −1.2 to +5.6. Labels softened by "
        "0.1, without any teacher, gain 2.1, from +1.4 to +2.8. What may be said?"
    ),
    choices=(
        Choice(
            "Distillation works: 2.2 points were gained.",
            False,
            "Its interval reaches below 0: with other seeds it might have been a loss. It is not shown.",
        ),
        Choice(
            "That the teacher's knowledge brings anything beyond softness is not shown here; softness by "
            "itself helps.",
            True,
            "Yes. The control gains as much, more surely, and knows nothing of the pictures.",
        ),
        Choice(
            "The teacher is useless: softened labels are proved to be better.",
            False,
            "2.1 and 2.2 are not different, and the interval of soft answers leaves room for 5 points. "
            "Nothing of the kind is proved.",
        ),
        Choice(
            "Both gains add up: softened labels with soft answers would gain 4.3 points.",
            False,
            "Nobody measured that. Two remedies for the same trouble, being too sure, seldom add up.",
        ),
    ),
    hints=(
        "Which of the two intervals lies wholly above 0?",
        "What do soft answers and softened labels have in common, and what has only one of them?",
    ),
    why=(
        "A comparison with *nothing* cannot tell what it was in the treatment that helped. The control has "
        "the softness and not the knowledge. Yuan and others (2019) found on larger data that much of "
        "distillation's gain is of this kind."
    ),
    further="A teacher that is badly trained makes another control: if it helps as much, it was not its "
    "knowledge.",
    minutes=4,
)

# ---- when

WHEN = ChoiceExercise(
    id="teachers_and_students.when",
    question=(
        "You have a good network for 12 classes that is too slow for a phone. From which of these may you "
        "expect most of a teacher?"
    ),
    choices=(
        Choice(
            "300 labelled pictures, and 20,000 from the same cameras that nobody has labelled.",
            True,
            "Yes. On the 20,000 the teacher says what no label does. In the lab this was the one gain that "
            "was clear: 5.4 points.",
        ),
        Choice(
            "The 300 labelled pictures that the teacher was trained on, for more epochs.",
            False,
            "There it says the labels again. What is left are its small shares, whose gain was not shown in "
            "the lab.",
        ),
        Choice(
            "A still larger teacher, with half a percent more on the test part.",
            False,
            "The student has to be able to follow. Larger and better teachers have been found to make worse "
            "students (Cho 2019).",
        ),
        Choice(
            "20,000 pictures of other things from the web, since the teacher labels anything.",
            False,
            "It answers anything with one of its 12 classes. About pictures unlike its own its answers are "
            "not to be trusted, though some gain has been measured from them. Not the most to be expected.",
        ),
    ),
    hints=(
        "Ask of each: on how many pictures does the teacher say something that the student could not read "
        "off a label?",
        "And of these: on how many is the teacher likely to be right?",
    ),
    why=(
        "A teacher is worth what it says beyond the labels, and as far as it is right. Pictures without "
        "labels are often cheap. A teacher makes them into examples."
    ),
    further=(
        "On 300 million pictures without labels, a student as large as its teacher overtook it (Xie 2019), "
        "helped by noise on the student's side."
    ),
    minutes=3,
)

EXERCISES = (SMALLER, LOSS, HARD, CONTROL, ORDER, WHEN)
