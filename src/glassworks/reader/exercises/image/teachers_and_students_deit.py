"""Exercises of the chapter on DeiT: the soft loss, the hard one, tokens, two heads, a frozen teacher."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.models.vision.deit import TwoHeads, distillation_loss
from glassworks.reader.draw import columns, heading, note
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

# ---- the soft term

SOFT_TERM = NumberExercise(
    id="teachers_and_students_deit.soft_term",
    question=(
        "Three classes. The student scores 2, 1, 0, the teacher 3, 0, 0. What is the soft loss at "
        "temperature 3, that is T² times the sum of p (ln p − ln q), with p the teacher's shares? Four "
        "decimals."
    ),
    target=0.34733,
    tolerance=1e-4,
    mistakes=(
        Mistake(0.038592, "That is the sum without the factor. At temperature 3 it is multiplied by 9."),
        Mistake(0.115777, "That is three times the sum. The factor is T squared."),
        Mistake(0.176848, "That is the loss at temperature 1: all scores are to be divided by 3 first."),
        Mistake(
            0.363839,
            "The roles are turned: p, the shares that the terms are weighted with, are the teacher's.",
        ),
        Mistake(
            1.591636, "That multiplies the loss at temperature 1 by 9. The shares must be softened as well."
        ),
        Mistake(
            9.125280,
            "That is 9 times the cross-entropy −Σ p ln q. The teacher's own −Σ p ln p is to be taken off.",
        ),
    ),
    hints=(
        "Divide all six scores by 3, take two softmaxes, and only then the logarithms.",
        "At this temperature the shares are 0.576, 0.212, 0.212 for the teacher and 0.448, 0.321, 0.230 for "
        "the student. The sum is about 0.0386.",
    ),
    why=(
        "At temperature 1 the loss is 0.1768, at 3 the bare sum is 0.0386, and with the factor 0.3473. The "
        "factor keeps the teacher's voice from fading while the temperature brings up the small shares."
    ),
    further=(
        "The sum is the Kullback-Leibler divergence, never below 0 and 0 only where both lists agree. DeiT's "
        "authors use temperature 3 and give this term a tenth of the loss."
    ),
    solution="p = softmax(1, 0, 0), q = softmax(2/3, 1/3, 0). Σ p (ln p − ln q) = 0.038592; × 9 = 0.34733.",
    minutes=5,
)

# ---- the soft loss as code

LOSS_START = '''\
import torch
import torch.nn.functional as F

def soft_loss(label_scores, teacher_scores, targets, said, weight, temperature):
    """(1 - weight) * cross-entropy of label_scores + weight * soft loss of teacher_scores.

    label_scores, teacher_scores: what the student's two heads say, (batch, classes)
    said: the teacher's scores, (batch, classes); it must get no gradient
    """
    hard = F.cross_entropy(label_scores, targets)
    # your lines
    return hard
'''
LOSS_SOLUTION = """\
import torch
import torch.nn.functional as F

def soft_loss(label_scores, teacher_scores, targets, said, weight, temperature):
    hard = F.cross_entropy(label_scores, targets)
    theirs = (said.detach() / temperature).log_softmax(dim=1)
    ours = (teacher_scores / temperature).log_softmax(dim=1)
    soft = (theirs.exp() * (theirs - ours)).sum(dim=1).mean()
    return (1 - weight) * hard + weight * temperature ** 2 * soft
"""


def _scores(seed: int, rows: int, classes: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dice = torch.Generator().manual_seed(seed)
    label, teacher, said = (2 * torch.randn(rows, classes, generator=dice) for _ in range(3))
    return label, teacher, torch.randint(classes, (rows,), generator=dice), said


TURNED = (
    "The divergence runs the other way: weigh with the teacher's shares, not with the student's. In "
    "`F.kl_div` the first argument is the student's log-softmax."
)
ALL_NUMBERS = (
    "That is the mean over all numbers, so it is divided by the classes as well. Sum over the classes, then "
    "the mean over the batch (`batchmean` in `F.kl_div`)."
)


def _usual(
    label: Tensor, teacher: Tensor, targets: Tensor, said: Tensor, weight: float, temperature: float
) -> list[tuple[float, str]]:
    """What the usual mistakes give."""
    hard = F.cross_entropy(label, targets)
    ours, theirs = ((scores / temperature).log_softmax(1) for scores in (teacher, said))
    forward, backward = theirs.exp() * (theirs - ours), ours.exp() * (ours - theirs)
    square, rows = temperature**2, len(targets)

    def total(soft: Tensor) -> float:
        return float((1 - weight) * hard + weight * soft)

    swapped = distillation_loss(teacher, label, targets, said, "soft", weight=weight, temperature=temperature)
    return [
        (total(forward.sum() / rows), "T² is missing: at this temperature the teacher is hardly heard."),
        (total(temperature * forward.sum() / rows), "The factor is T squared, not T."),
        (total(square * backward.sum() / rows), TURNED),
        (total(square * forward.mean()), ALL_NUMBERS),
        (
            total(square * forward.sum()),
            "That is the sum over the batch; the mean over its rows is expected.",
        ),
        (float(swapped), "The heads are swapped: the first learns the label, the second the teacher."),
        (
            float(hard + square * forward.sum() / rows),
            "Both parts have full weight. They share 1 between them.",
        ),
    ]


def check_soft_loss(soft_loss: Callable) -> list[Row]:
    """Two shapes and temperatures, the label alone, and where gradients go."""
    rows = []
    for number, (weight, temperature) in enumerate(((0.1, 3.0), (0.7, 2.0))):
        given = _scores(number, 4 + number, 5 - number)
        wanted = distillation_loss(*given, "soft", weight=weight, temperature=temperature)
        got = soft_loss(*given, weight, temperature)
        rows.append(same("the loss", got, wanted, usual=_usual(*given, weight, temperature)))
    rows = [next((row for row in rows if not row.passed), rows[0])]
    alone = _scores(5, 3, 4)
    rows.append(
        same(
            "with weight 0 only the label counts",
            soft_loss(*alone, 0.0, 3.0),
            F.cross_entropy(alone[0], alone[2]),
        )
    )
    return [*rows, _gradients(soft_loss)]


def _gradients(soft_loss: Callable) -> Row:
    name = "the teacher gets no gradient"
    label, teacher, targets, said = _scores(9, 3, 4)
    for scores in (label, teacher, said):
        scores.requires_grad_()
    loss = soft_loss(label, teacher, targets, said, 0.5, 3.0)
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        return Row(name, False, "No gradient goes anywhere: the loss must stay a tensor with its graph.")
    loss.backward()
    if teacher.grad is None or not bool(teacher.grad.any()):
        return Row(name, False, "The student's second head gets no gradient: only `said` is to be detached.")
    if said.grad is not None and bool(said.grad.any()):
        return Row(
            name,
            False,
            "A gradient goes to the teacher's scores. It would learn to agree with the student, which makes "
            "the loss small and teaches nothing. `said.detach()`.",
        )
    return Row(name, True, "Only the student learns.")


SOFT_LOSS = CodeExercise(
    id="teachers_and_students_deit.soft_loss",
    question=(
        "Write the loss of soft distillation for a student with two heads. The label's part is there; add "
        "the teacher's, at this temperature, with its factor, and weigh both."
    ),
    start=LOSS_START,
    name="soft_loss",
    check=check_soft_loss,
    solution=LOSS_SOLUTION,
    wrong=(
        Wrong(LOSS_SOLUTION.replace(" * temperature ** 2", ""), "the loss"),
        Wrong(
            LOSS_SOLUTION.replace("theirs.exp() * (theirs - ours)", "ours.exp() * (ours - theirs)"),
            "the loss",
        ),
        Wrong(LOSS_SOLUTION.replace("said.detach()", "said"), "the teacher gets no gradient"),
        Wrong(LOSS_SOLUTION.replace(".sum(dim=1).mean()", ".mean()"), "the loss"),
        Wrong(LOSS_SOLUTION.replace("(1 - weight) * hard", "hard"), "the loss"),
        Wrong(LOSS_SOLUTION.replace("(label_scores, targets)", "(teacher_scores, targets)"), "the loss"),
    ),
    hints=(
        "Two log-softmaxes of scores that are divided by the temperature: one of the teacher, one of the "
        "second head.",
        "For each row, sum over the classes the teacher's share times the difference of the logarithms; "
        "then the mean over the rows, and the factor.",
    ),
    why=(
        "The teacher's shares weigh the terms, because it is the teacher whose habits are to be matched. The "
        "factor keeps the gradient's size, and `detach` keeps the teacher as it is."
    ),
    further=(
        "The same in one line of torch: `F.kl_div(ours, theirs, reduction='batchmean', log_target=True)`. "
        "The published code of DeiT divides by the number of classes once more, so its weight of 0.1 weighs "
        "less than it seems."
    ),
    minutes=8,
)

# ---- hard, at the start

UNIFORM = NumberExercise(
    id="teachers_and_students_deit.uniform",
    question=(
        "An untrained DeiT gives all 1,000 classes equal scores, with both heads. The label is class 5, the "
        "teacher's best class is class 281. What is the hard distillation loss, with half of the weight "
        "each? Two decimals."
    ),
    target=math.log(1000),
    tolerance=0.006,
    unit="nats",
    mistakes=(
        Mistake(13.82, "That is the sum of both terms. Each has half of the weight."),
        Mistake(3.45, "That is half of one term. There are two halves."),
        Mistake(
            0.0, "Equal scores are a guess, not a right answer; both answers have a share of 1 in 1,000."
        ),
        Mistake(9.97, "That is the logarithm to base 2. Cross-entropy takes the natural one."),
        Mistake(3.0, "That is the logarithm to base 10. Cross-entropy takes the natural one."),
    ),
    hints=(
        "What share does each class have? And what is the cross-entropy of a class with this share?",
        "Does it matter for the first term that the two classes differ?",
    ),
    why=(
        "Each term is ln 1000 = 6.91, whatever its class, and so is every weighted mean of the two. A loss "
        "near ln C at the start is the first thing to check in any classifier, and in both heads of this "
        "one."
    ),
    further="With 10 classes it is 2.30. A start far above ln C means that the heads begin too sure.",
    solution="0.5 · ln 1000 + 0.5 · ln 1000 = ln 1000 = 6.9078.",
    minutes=2,
)

# ---- tokens

TOKENS = NumberExercise(
    id="teachers_and_students_deit.tokens",
    question=(
        "A DeiT-S with patches of 16 reads pictures of 384 × 384 pixels. How many tokens go through its "
        "blocks?"
    ),
    target=578,
    tolerance=0,
    unit="tokens",
    mistakes=(
        Mistake(577, "That is a ViT with a class token. DeiT has one token more."),
        Mistake(576, "Those are the patches. Two tokens stand before them."),
        Mistake(198, "That is the count for 224 pixels."),
        Mistake(579, "Two tokens stand before the patches, not three."),
    ),
    hints=(
        "How many patches lie in a row of 384 pixels?",
        "Which tokens belong to no patch in a DeiT? Count them on the picture above.",
    ),
    why="24 × 24 patches, the class token, the distillation token: 576 + 2. At 224 pixels: 196 + 2 = 198.",
    further=(
        "The table of positions has 578 rows too. When it is resized to another grid, the first two rows "
        "stay as they are: neither belongs to a place."
    ),
    solution="(384 / 16)² + 2 = 576 + 2 = 578.",
    minutes=2,
)

# ---- two heads

HEADS_START = '''\
import torch

def answer(tokens, label_head, teacher_head):
    """tokens (batch, 2 + patches, dimension) after the last norm -> scores (batch, classes).

    The class token stands first, the distillation token second. The heads are linear layers.
    """
    return label_head(tokens[:, 0])
'''
HEADS_SOLUTION = """\
import torch

def answer(tokens, label_head, teacher_head):
    return (label_head(tokens[:, 0]) + teacher_head(tokens[:, 1])) / 2
"""


SUM = "That is the sum. The order of the classes is right, but softmax of a sum is sharper than of a mean."
SHARES = (
    "That is the mean of the shares, as the paper has it. Here scores are expected, as in the published "
    "code; see the figure above for the difference."
)


def check_answer(answer: Callable) -> list[Row]:
    """The mean of both heads' scores, each from its own token."""
    rows = []
    for seed, (batch, patches, dimension, classes) in enumerate(((3, 5, 8, 4), (2, 9, 6, 3))):
        dice = torch.Generator().manual_seed(seed)
        tokens = torch.randn(batch, 2 + patches, dimension, generator=dice)
        heads = TwoHeads(dimension, classes)
        with torch.no_grad():
            for parameter in heads.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=dice))
            rows.append(_judged(answer, tokens, heads))
    return [next((row for row in rows if not row.passed), rows[0])]


def _judged(answer: Callable, tokens: Tensor, heads: TwoHeads) -> Row:
    first, second = heads.label, heads.teacher
    label, teacher = first(tokens[:, 0]), second(tokens[:, 1])
    swapped = (first(tokens[:, 1]) + second(tokens[:, 0])) / 2
    pooled = (first(tokens.mean(1)) + second(tokens.mean(1))) / 2
    usual = [
        (label, "Only the label's head was asked. Both answer."),
        (teacher, "Only the teacher's head was asked. Both answer."),
        (label + teacher, SUM),
        (
            (label + second(tokens[:, 0])) / 2,
            "Both heads read the class token. The second has one of its own.",
        ),
        (swapped, "The tokens are swapped: the class token stands first."),
        ((label.softmax(1) + teacher.softmax(1)) / 2, SHARES),
        (pooled, "The mean of all tokens is another way to read a ViT. Here two tokens answer."),
    ]
    wanted = heads(tokens[:, :2].flatten(1))
    return same("the mean of both heads", answer(tokens, first, second), wanted, usual=usual)


HEADS = CodeExercise(
    id="teachers_and_students_deit.two_heads",
    question=(
        "After training the teacher is gone. Write the `answer` of a DeiT: each head reads its own token, "
        "and the scores are averaged."
    ),
    start=HEADS_START,
    name="answer",
    check=check_answer,
    solution=HEADS_SOLUTION,
    wrong=(
        Wrong(HEADS_SOLUTION.replace(" / 2", ""), "the mean of both heads"),
        Wrong(HEADS_SOLUTION.replace("teacher_head(tokens[:, 1])", "teacher_head(tokens[:, 0])"),
              "the mean of both heads"),
        Wrong(HEADS_SOLUTION.replace("label_head(tokens[:, 0])", "label_head(tokens[:, 1])"),
              "the mean of both heads"),
        Wrong(
            "def answer(tokens, label_head, teacher_head):\n"
            "    return (label_head(tokens[:, 0]).softmax(1) + teacher_head(tokens[:, 1]).softmax(1)) / 2\n",
            "the mean of both heads",
        ),
    ),
    hints=(
        "Which token belongs to which head, and at which place of the sequence does it stand?",
        "Two vectors of `dimension` numbers a picture, two lists of scores, and one list that lies between "
        "them.",
    ),
    why=(
        "The second head was not a crutch for the training alone. Both heads learned something of their "
        "own, and their mean is usually a little better than either."
    ),
    further=(
        "In the lab below the heads alone reach 77.1 and 76.5 % with hard answers, and together 77.8 %; with "
        "soft ones 79.3 and 77.9, together 78.9 %. *Usually* is not always."
    ),
    minutes=4,
)  # fmt: skip

# ---- scores or shares


def _both_ways() -> str:
    from glassworks.reader.figures.shares import share_bars
    from glassworks.reader.figures.two_heads_one_answer import LABEL, NAMES, TEACHER, answers

    joined = answers(torch.tensor(LABEL), torch.tensor(TEACHER))
    shown = [
        heading(title) + share_bars(list(zip(NAMES, shares.tolist())), title)
        for title, shares in zip(("softmax of the mean of scores", "mean of the two softmaxes"), joined)
    ]
    return columns(*shown) + note(
        "Mean of scores: 0, 1.25 and 0.5. The dog wins; the vote of shares goes to the car."
    )


COMPROMISE = PredictExercise(
    id="teachers_and_students_deit.compromise",
    question=(
        "The label's head scores cat 3, dog 2.5, car −4. The teacher's head scores cat −3, dog 0, car 5. "
        "Which class wins when the *scores* are averaged, and which when the *shares* after softmax are?"
    ),
    choices=(
        Choice(
            "The car both times: 5 is the largest score of all.",
            False,
            "In the mean of scores the car's 5 meets the −4 of the other head: 0.5 is left.",
        ),
        Choice(
            "The dog for scores, the car for shares.",
            True,
            "Yes. The dog is the second choice of both and has the best mean score. In shares the teacher's "
            "head is nearly sure of the car, and carries the vote.",
        ),
        Choice(
            "The cat for scores, the car for shares.",
            False,
            "The cat's mean score is 0: what one head gives, the other takes.",
        ),
        Choice(
            "The same class both times, since softmax keeps the order.",
            False,
            "Softmax keeps the order within one head. The mean of two heads depends on how far apart the "
            "scores are, and softmax changes that.",
        ),
    ),
    reveal=_both_ways,
    hints=(
        "Average the three pairs of scores first.",
        "How large is the share of the car in the teacher's head? And how large is the cat's in the other?",
    ),
    why=(
        "The mean of scores is the geometric mean of the shares: a class that one head rules out has no "
        "chance. The mean of shares lets a sure head win. The paper describes the second, its published "
        "code does the first."
    ),
    further="For heads that mostly agree, as those of a trained DeiT do, the two ways seldom differ.",
    minutes=3,
)

# ---- frozen

FROZEN = ChoiceExercise(
    id="teachers_and_students_deit.frozen",
    question=(
        "Somebody starts with an untrained CNN and an untrained DeiT, and trains both in the same loop: in "
        "every step the CNN learns the label, and the DeiT learns the label and the CNN's answer. What is "
        "this?"
    ),
    choices=(
        Choice(
            "Distillation as in the paper: the CNN is the teacher, and in the end both are trained.",
            False,
            "The teacher of the paper is trained beforehand and then frozen. A teacher that knows nothing "
            "yet gives the student noise to learn.",
        ),
        Choice(
            "Another method: at first the student is taught by guesses. DeiT's teacher is trained before, "
            "frozen, and in evaluation mode.",
            True,
            "Yes. Training side by side has its own name and papers (mutual or online distillation). It is "
            "not what was measured in DeiT.",
        ),
        Choice(
            "The same, as long as no gradient goes from the DeiT's loss to the CNN.",
            False,
            "That is needed, and not enough. The CNN still changes in every step, by its own loss, and its "
            "first answers are guesses.",
        ),
        Choice(
            "The same, but slower, because two networks are trained instead of one.",
            False,
            "The time is not the point. The student is given other answers than those of a trained teacher.",
        ),
    ),
    hints=(
        "What does the CNN answer in the first step?",
        "Think of batch normalisation too: which of its two modes gives the same answer for the same "
        "picture?",
    ),
    why=(
        "Frozen means three things: no gradient, no change of weights, evaluation mode. Without the last, "
        "batch normalisation would answer by the company in the batch, and move its running figures with "
        "every look."
    ),
    further="`teacher_function`, shown above, begins with `model.eval().requires_grad_(False)`.",
    minutes=3,
)

# ---- when a teacher helps

WHEN = ChoiceExercise(
    id="teachers_and_students_deit.when",
    question=(
        "In the lab the teacher answers every training picture exactly as its label says, and reaches 95.7 "
        "% on new ones. Hard distillation gains 0.1 points over plain training, with an interval from −4.1 "
        "to +4.3. What is the best explanation and conclusion?"
    ),
    choices=(
        Choice(
            "Distillation does not work for small networks.",
            False,
            "The interval holds a gain of 4 points as well as a loss of 4. The lab did not decide it, for "
            "this network or any other.",
        ),
        Choice(
            "Its hard answers are the labels again, so as targets they add nothing. A gain was not shown, "
            "and would have to come from somewhere else.",
            True,
            "Yes. A second label that equals the first is no news. Soft answers could still add something; "
            "+1.2 (−2.6 to +5.1) does not decide that either.",
        ),
        Choice(
            "The teacher is too weak: with 99 % on new pictures the student would have gained.",
            False,
            "On the pictures that the student learns from it cannot say anything better: it says the label "
            "already. A still better teacher would say the same there.",
        ),
        Choice(
            "0.1 points are a gain, so the claim of the paper is confirmed.",
            False,
            "With these seeds 0.1 is luck as likely as not. A gain is shown when the whole interval lies "
            "above 0.",
        ),
    ),
    hints=(
        "Write down the targets of both heads for one training picture.",
        "What does an interval from −4.1 to +4.3 allow, and what does it exclude?",
    ),
    why=(
        "A teacher can help where it says something that the label does not: where labels are wrong or "
        "belong to another piece of the picture, where pictures have no label, or by its shares. Few "
        "pictures learned by heart leave only the last."
    ),
    further=(
        "In the last figure the labels of the student are wrong on purpose. Set the teacher to the "
        "student's own pictures and labels: even that one helps there, because a small CNN does not learn "
        "so many errors by heart."
    ),
    minutes=3,
)

EXERCISES = (SOFT_TERM, SOFT_LOSS, UNIFORM, TOKENS, COMPROMISE, HEADS, FROZEN, WHEN)
