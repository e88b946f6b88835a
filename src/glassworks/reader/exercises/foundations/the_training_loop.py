"""Exercises of the chapter on the training loop: the five lines, batches, parts, two curves, evaluation."""

import copy
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import generator
from glassworks.reader.draw import columns, line_chart, note, table
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

# ---- left out: what becomes of the weight


def _two_walks() -> str:
    from glassworks.reader.figures.loop_circle import (
        CHARTED,
        LINES,
        walk,
    )  # not in the child that checks code

    curves = {
        name: list(enumerate(state.weight for state in walk(CHARTED * len(LINES), zero=zero)[:: len(LINES)]))
        for name, zero in (("with zero_grad", True), ("without", False))
    }
    chart = line_chart(curves, across="round", up="weight", y=(0, 10), width=400, height=230)
    highest = max(value for _, value in curves["without"])
    return chart + note(
        f"Without the line the weight runs up to {highest:.2f}, as far beyond 5 as it began below it, "
        "comes back to about 1, and starts again. The effective step is not one gradient, but the sum of "
        "all gradients so far."
    )


LEFT_OUT = PredictExercise(
    id="the_training_loop.left_out",
    question=(
        "One weight, `prediction = weight * 2`, wanted 10, from `weight = 1` with rate 0.01: with all five "
        "lines it creeps towards 5 and stays there. Now leave out `optimizer.zero_grad()`, so that "
        "`backward()` adds each gradient to those before. What does the weight do in 30 rounds?"
    ),
    choices=(
        Choice(
            "It reaches 5 sooner and stays there, because the steps are larger.",
            False,
            "It does reach 5 sooner. But there the sum of old gradients is still large, and the step uses "
            "the sum.",
        ),
        Choice(
            "It runs past 5, turns round, comes back, and so on.",
            True,
            "Yes. At 5 the new gradient is 0, but the sum of the old ones is at its largest. Only gradients "
            "from the other side can wear it down, so the weight swings like a ball in a bowl without "
            "friction.",
        ),
        Choice(
            "Nothing changes, because each step only uses the newest gradient.",
            False,
            "`step()` uses whatever stands in `.grad`. `backward()` adds to it and does not replace it.",
        ),
        Choice(
            "Python stops with an error, because the gradients were not cleared.",
            False,
            "Adding gradients is allowed, and sometimes wanted: large batches are taken in parts that way. "
            "There is no error and no warning.",
        ),
    ),
    reveal=_two_walks,
    hints=(
        "Walk the circle above with the switch off, and read the row of the gradient.",
        "What stands in the gradient at the moment when the weight is 5?",
    ),
    why=(
        "In frameworks a gradient is added to what stands there already. The line `zero_grad` makes a step "
        "depend on this batch alone. Leaving it out makes the effective step grow with every round, and "
        "raises no error."
    ),
    further=(
        "Keeping a *part* of the old gradients is a method: momentum. `torch.optim.SGD(..., momentum=0.9)` "
        "keeps nine tenths. Leaving out `zero_grad` is momentum 1: nothing is ever forgotten."
    ),
)

# ---- the five lines

TRAIN_START = '''\
import torch
import torch.nn.functional as F

def train_step(model, optimizer, pictures, targets):
    """One step; returns the loss as a float."""
    model.train()
    scores = model(pictures)
    # your lines
'''
TRAIN_SOLUTION = """\
import torch
import torch.nn.functional as F

def train_step(model, optimizer, pictures, targets):
    model.train()
    optimizer.zero_grad()
    scores = model(pictures)
    loss = F.cross_entropy(scores, targets)
    loss.backward()
    optimizer.step()
    return loss.item()
"""

TOO_EARLY = (
    "The gradient was found, but the weights did not move. `optimizer.step()` comes after `loss.backward()`: "
    "before it there is no gradient to follow."
)
WIPED = (
    "The weights did not move, and no gradient is left in them. Is `loss.backward()` there, and is the "
    "gradient still there when `optimizer.step()` runs?"
)
STILL_JUDGED = (
    "The model came in evaluation mode and stayed there: dropout and batch norm would be off while it "
    "learns. Call `model.train()` first."
)


class _Descent:
    """Plain descent with the two methods of an optimiser; torch's own takes a second to import more."""

    def __init__(self, model: nn.Module, rate: float = 0.5):
        self.parameters, self.rate = list(model.parameters()), rate

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.parameters:
            parameter.grad = None if set_to_none or parameter.grad is None else torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.sub_(self.rate * parameter.grad)


def _reference_step(
    model: nn.Module, optimizer: _Descent, rows: Tensor, targets: Tensor, *, forget: bool = True
) -> float:
    model.train()
    if forget:
        optimizer.zero_grad()
    loss = F.cross_entropy(model(rows), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


def _start_of(inputs: int, classes: int, rows: int, seed: int) -> tuple[nn.Module, Tensor, Tensor]:
    dice = generator(seed, "train-step")
    model = nn.Sequential(nn.Flatten(), nn.Linear(inputs, classes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(dice.normal(0, 0.5, tuple(parameter.shape))))
    pictures = torch.from_numpy(dice.normal(0, 1, (rows, 1, inputs)).astype(np.float32))
    return model, pictures, torch.from_numpy(dice.integers(0, classes, rows))


def _flat(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def check_train_step(train_step: Callable) -> list[Row]:
    """Weights after one and after two steps, the loss that comes back, and the mode."""
    first, second, returned = [], [], []
    for seed, (inputs, classes, rows) in enumerate(((6, 3, 5), (9, 4, 8))):
        model, pictures, targets = _start_of(inputs, classes, rows, seed)
        first.append(_after_one(train_step, model, pictures, targets))
        second.append(_after_two(train_step, model, pictures, targets))
        returned.append(_returned(train_step, model, pictures, targets))
    return [_worst(first), _worst(second), _worst(returned), _mode_after(train_step)]


def _worst(rows: list[Row]) -> Row:
    return next((row for row in rows if not row.passed), rows[0])


def _after_one(train_step: Callable, start: nn.Module, pictures: Tensor, targets: Tensor) -> Row:
    name = "one step moves the weights"
    model, reference = copy.deepcopy(start), copy.deepcopy(start)
    train_step(model, _Descent(model), pictures, targets)
    _reference_step(reference, _Descent(reference), pictures, targets)
    if torch.equal(_flat(model), _flat(start)):
        if any(parameter.grad is not None for parameter in model.parameters()):
            return Row(name, False, TOO_EARLY)
        return Row(name, False, WIPED)
    up = 2 * _flat(start) - _flat(reference)
    return same(
        name,
        _flat(model),
        _flat(reference),
        usual=[(up, "The weights moved up the slope: the sign is turned.")],
    )


def _after_two(train_step: Callable, start: nn.Module, pictures: Tensor, targets: Tensor) -> Row:
    name = "gradients do not pile up"
    model, reference, piled = (copy.deepcopy(start) for _ in range(3))
    optimizers = [_Descent(one) for one in (model, reference, piled)]
    for _ in range(2):
        train_step(model, optimizers[0], pictures, targets)
        _reference_step(reference, optimizers[1], pictures, targets)
        _reference_step(piled, optimizers[2], pictures, targets, forget=False)
    reason = (
        "After two steps the weights are where the sum of both gradients would bring them. The gradient of "
        "the step before must be forgotten: `optimizer.zero_grad()`."
    )
    row = same(name, _flat(model), _flat(reference), usual=[(_flat(piled), reason)])
    return Row(name, True, "The second step used its own gradient alone.") if row.passed else row


def _returned(train_step: Callable, start: nn.Module, pictures: Tensor, targets: Tensor) -> Row:
    name = "the loss comes back as a number"
    model = copy.deepcopy(start)
    got = train_step(model, _Descent(model), pictures, targets)
    if isinstance(got, Tensor):
        held = " It still holds the whole graph of the step, which fills memory." if got.requires_grad else ""
        return Row(name, False, f"A tensor came back.{held} `loss.item()` gives the number alone.")
    before = F.cross_entropy(start(pictures), targets).item()
    after = F.cross_entropy(model(pictures), targets).item()
    usual = [
        (before * len(targets), "That is the sum over the rows; cross-entropy's mean is expected."),
        (after, "That is the loss after the step; the loss that gave the gradient is expected."),
    ]
    return same(name, got, before, usual=usual)


def _mode_after(train_step: Callable) -> Row:
    model, pictures, targets = _start_of(6, 3, 5, 7)
    model.eval()
    train_step(model, _Descent(model), pictures, targets)
    told = "A model that came from an evaluation learns as it should." if model.training else STILL_JUDGED
    return Row("the model is in training mode", model.training, told)


ORDER = CodeExercise(
    id="the_training_loop.order",
    question=(
        "Write one step of training. `model` gives scores, `optimizer` holds the model's parameters; the "
        "loss is `F.cross_entropy`. The function returns the loss of this batch as a plain number."
    ),
    start=TRAIN_START,
    name="train_step",
    check=check_train_step,
    solution=TRAIN_SOLUTION,
    wrong=(
        Wrong(TRAIN_SOLUTION.replace("    optimizer.zero_grad()\n", ""), "gradients do not pile up"),
        Wrong(
            TRAIN_SOLUTION.replace(
                "    loss.backward()\n    optimizer.step()\n", "    optimizer.step()\n    loss.backward()\n"
            ),
            "one step moves the weights",
        ),
        Wrong(
            TRAIN_SOLUTION.replace("    optimizer.zero_grad()\n", "").replace(
                "    optimizer.step()\n", "    optimizer.zero_grad()\n    optimizer.step()\n"
            ),
            "one step moves the weights",
        ),
        Wrong(TRAIN_SOLUTION.replace("loss.item()", "loss"), "the loss comes back as a number"),
        Wrong(TRAIN_SOLUTION.replace("    model.train()\n", ""), "the model is in training mode"),
    ),
    hints=(
        "Walk once round the circle and write a line for each station. One of them may stand first or last.",
        "A gradient that is wiped between finding and using it is of no use. And what does a tensor "
        "remember that a float does not?",
    ),
    why=(
        "Predict, loss, backward, step, forget: the order follows from what each line needs. `item()` lets "
        "go of the graph, so that memory does not grow with every step you log."
    ),
    minutes=5,
    further=(
        "The workbench's own step (`training/step.py`, shown below) has the same lines, plus what a long run "
        "needs: a check that the loss is finite, a limit on the gradient, and a way on when memory runs out."
    ),
)

# ---- counting steps

STEPS = NumberExercise(
    id="the_training_loop.steps",
    question=(
        "A data set has 50,000 training pictures. A batch holds 64, and the last batch of an epoch takes "
        "what is left. How many steps are 10 epochs?"
    ),
    target=7820,
    tolerance=0,
    unit="steps",
    mistakes=(
        Mistake(
            7810,
            "That leaves out the last 16 pictures of every epoch: they are a smaller batch, and a step too.",
        ),
        Mistake(7813, "The 16 pictures left over are a step in *each* epoch, not once in ten."),
        Mistake(7812.5, "There is no half step: a batch with 16 pictures is a step as well."),
        Mistake(782, "That is one epoch."),
        Mistake(781, "That is one epoch, without its last, smaller batch."),
        Mistake(500000, "That counts pictures. One step takes a whole batch."),
    ),
    hints=(
        "Begin with one epoch: how many full batches are there, and is anything left over?",
        "Round up, and only then multiply by the number of epochs.",
    ),
    why=(
        "50,000 / 64 = 781.25, so an epoch has 781 full batches and one of 16 pictures: 782 steps, and 7,820 "
        "in ten epochs. With batches of 32 it would be 1,563 an epoch."
    ),
    further=(
        "Those 16 pictures are a batch of their own with a noisier gradient. The workbench cuts the epoch "
        "into 782 parts of 63 or 64 instead: see `next_boundary` in `training/loop.py`."
    ),
    solution="ceil(50,000 / 64) = 782 steps an epoch; 782 × 10 = 7,820.",
)

# ---- which part decides what

PARTS = ChoiceExercise(
    id="the_training_loop.parts",
    question=(
        "You trained 40 variants of a model, each with several epochs. What does the validation part decide, "
        "and what does the test part decide?"
    ),
    choices=(
        Choice(
            "Validation decides which variant and which epoch; the test part decides nothing and is read "
            "once, at the end.",
            True,
            "Yes. Whatever chooses is flattered by its own choice. The part that only reports is the one "
            "that you can believe.",
        ),
        Choice(
            "The test part decides which variant is best, because no variant was trained on it.",
            False,
            "Then the best of 40 is chosen by luck on the test part as well, and no part is left that tells "
            "how good it really is. That is the winner's curse of the figure.",
        ),
        Choice(
            "Both together decide: the variant with the best mean of the two figures is taken.",
            False,
            "Then both were used to choose, and both are too good afterwards.",
        ),
        Choice(
            "The training loss decides; the other two parts are only for the report.",
            False,
            "The training loss nearly always prefers the largest model and the last epoch. It does not see "
            "overfitting.",
        ),
    ),
    hints=(
        "Ask of each part: has anything been chosen because it looked good there?",
        "A figure is honest only where nothing was chosen by it.",
    ),
    why=(
        "Training fits the weights, validation chooses between trained models, the test part reports. Each "
        "look at the test part that leads to a change turns it into a second validation part; the workbench "
        "counts the looks on the card."
    ),
    further=(
        "Try it: in the figure on choosing, set the number of models to 1 and then to 200, and compare the "
        "best with what new pictures say."
    ),
)  # fmt: skip

# ---- a split that can be trusted

SPLIT_START = '''\
import random

def split(names, groups, seed):
    """names: file names; groups: the patient of each name.

    Returns two lists of names: training, held.
    """
    # your lines
'''
SPLIT_SOLUTION = """\
import random

def split(names, groups, seed):
    patients = sorted(set(groups))
    random.Random(seed).shuffle(patients)
    chosen = set(patients[: round(len(patients) / 5)])
    training = [name for name, group in zip(names, groups) if group not in chosen]
    held = [name for name, group in zip(names, groups) if group in chosen]
    return training, held
"""


def _patients(count: int) -> tuple[list[str], list[str]]:
    """Names and groups: three pictures of each patient, in the order of a folder."""
    pairs = [
        (f"scan-{3 * patient + turn:03}.png", f"patient-{patient:02}")
        for patient in range(count)
        for turn in range(3)
    ]
    return [name for name, _ in pairs], [group for _, group in pairs]


def check_split(split: Callable) -> list[Row]:
    """Whole, disjoint, about a fifth, reproducible, moved by the seed, groups together."""
    names, groups = _patients(20)
    got = split(list(names), list(groups), 3)
    if not (
        isinstance(got, tuple | list)
        and len(got) == 2
        and all(isinstance(part, list | tuple) for part in got)
    ):
        return [Row("two lists come back", False, f"Expected `training, held`; got `{type(got).__name__}`.")]
    training, held = (list(part) for part in got)
    rows = [Row("two lists come back", True, f"{len(training)} and {len(held)} names.")]
    rows.append(_each_once(names, training, held))
    share = len(held) / len(names)
    rows.append(
        Row("about a fifth is held out", 0.1 <= share <= 0.3, f"{share:.0%} of the pictures are held out.")
    )
    rows.append(_whole_groups(names, groups, training, held))
    rows.append(_same_seed(split, names, groups))
    others = [sorted(split(list(names), list(groups), seed)[1]) for seed in range(6)]
    moved = any(other != others[0] for other in others)
    told = (
        "Six seeds give different parts." if moved else "Six seeds give the very same part. Is `seed` used?"
    )
    return [*rows, Row("another seed gives other parts", moved, told)]


def _each_once(names: list[str], training: list[str], held: list[str]) -> Row:
    name = "each picture is in one part"
    both, lost = set(training) & set(held), set(names) - set(training) - set(held)
    if both:
        told = f"{len(both)} pictures are in both parts, such as `{min(both)}`: "
        return Row(name, False, f"{told}the model is judged on pictures that it has learned.")
    if lost or len(training) + len(held) != len(names):
        return Row(
            name,
            False,
            f"{len(lost)} pictures are in neither part; {len(training) + len(held)} of {len(names)} came "
            "back.",
        )
    return Row(name, True, "Nothing is lost, nothing is twice.")


def _whole_groups(names: list[str], groups: list[str], training: list[str], held: list[str]) -> Row:
    home = dict(zip(names, groups))
    torn = {home[name] for name in training if name in home} & {home[name] for name in held if name in home}
    if torn:
        told = f"{len(torn)} patients are in both parts, such as `{min(torn)}`. Draw patients, not pictures: "
        return Row("patients stay whole", False, f"{told}another scan of a known patient is no new case.")
    return Row("patients stay whole", True, "No patient is in both parts.")


def _same_seed(split: Callable, names: list[str], groups: list[str]) -> Row:
    found = []
    for disturb in range(3):  # what another part of the program draws must not matter
        torch.rand(disturb), np.random.default_rng().random()
        found.append(sorted(split(list(names), list(groups), 3)[1]))
    fine = found[0] == found[1] == found[2]
    told = "Three calls with one seed agree." if fine else (
        "The same seed gave different parts. Make dice of your own from the seed: `random.Random(...)`."
    )  # fmt: skip
    return Row("the same seed gives the same parts", fine, told)


SPLIT = CodeExercise(
    id="the_training_loop.split",
    question=(
        "Write `split(names, groups, seed)` for medical pictures: it returns `training, held`, two lists of "
        "names. Hold out a fifth of the *patients*, with all their pictures. The same seed gives the same "
        "parts, another seed others."
    ),
    start=SPLIT_START,
    name="split",
    check=check_split,
    solution=SPLIT_SOLUTION,
    wrong=(
        Wrong(
            "import random\n\ndef split(names, groups, seed):\n    order = list(names)\n    "
            "random.Random(seed).shuffle(order)\n    cut = len(order) // 5\n    return order[cut:], "
            "order[:cut]\n",
            "patients stay whole",
        ),
        Wrong(
            SPLIT_SOLUTION.replace("random.Random(seed).shuffle", "random.shuffle"),
            "the same seed gives the same parts",
        ),
        Wrong(SPLIT_SOLUTION.replace(" if group not in chosen", ""), "each picture is in one part"),
        Wrong(
            SPLIT_SOLUTION.replace("    random.Random(seed).shuffle(patients)\n", ""),
            "another seed gives other parts",
        ),
    ),
    hints=(
        "What must be drawn at random: pictures or patients? Make a list of those first, each once.",
        "`random.Random(7)` makes dice of its own that begin at 7; they have the method `shuffle`. Sort "
        "before you shuffle, so that the start is always the same.",
    ),
    why=(
        "A held-out figure says something about new cases only if the held-out cases are new. Ten scans of "
        "one patient look alike, so a torn group lets the model recognise the patient instead of the illness."
    ),
    minutes=7,
    further=(
        "The workbench draws by a hash of seed and name instead of shuffling a list (`data/splits.py`). So "
        "the order of the files does not matter, and a new file moves few of the others. Exact duplicates "
        "count as one group."
    ),
)

# ---- two curves

OVERFITTING = ChoiceExercise(
    id="the_training_loop.overfitting",
    question=(
        "After epochs 1 to 5 the training loss is 1.10, 0.60, 0.30, 0.10, 0.02 and the validation loss is "
        "1.20, 0.80, 0.70, 0.90, 1.30. Which weights do you keep, and what do the curves say?"
    ),
    choices=(
        Choice(
            "Those of epoch 5: its training loss is the lowest, so it has learned the most.",
            False,
            "It has learned the training pictures best. On others it is nearly twice as bad as two epochs "
            "before.",
        ),
        Choice(
            "Those of epoch 3: there the validation loss is lowest, and after it the model overfits.",
            True,
            "Yes. From epoch 3 on the training loss falls and the validation loss rises: what is learned "
            "there holds for the training pictures alone.",
        ),
        Choice(
            "Those of epoch 1: the two losses are closest there, so it overfits least.",
            False,
            "A small gap is no aim in itself. At epoch 1 both losses are high: the model has not learned "
            "enough yet.",
        ),
        Choice(
            "None: train on until the validation loss comes down again.",
            False,
            "It may happen with very long training, but nothing here promises it. Keep the best weights "
            "meanwhile; that costs one file.",
        ),
    ),
    hints=(
        "Which of the two losses speaks about pictures that the model has not seen?",
        "Look for the smallest number in the second row.",
    ),
    why=(
        "Overfitting is the stretch where training improves and validation gets worse. Early stopping keeps "
        "the weights from its beginning. The cure is more data, or less freedom: fewer parameters, weight "
        "decay, dropout, augmentation."
    ),
    further=(
        "A rising validation *loss* with a steady validation *accuracy* is common: the answers stay, but the "
        "wrong ones become surer. Look for it in the figure."
    ),
)

# ---- training mode in a service


def _alone() -> str:
    from glassworks.reader.figures.two_modes import (
        accuracy_alone_and_together,
    )  # not in the child that checks code

    rows = []
    for name, mode in (("evaluation mode", (False, False)), ("left in training mode", (True, True))):
        alone, together = accuracy_alone_and_together(*mode)
        rows.append([name, f"{together:.1%}", f"{alone:.1%}"])
    shown = table(["the same weights", "all in one batch", "one picture at a time"], rows)
    return columns(shown) + note("Measured now, on the 359 test pictures, with the model of the figure.")


ALONE = PredictExercise(
    id="the_training_loop.alone",
    question=(
        "A model with batch norm and dropout was left in training mode. In your tests, where all pictures "
        "went through in one batch, its accuracy looked a little low. Now it runs in a service that asks "
        "about one picture at a time. What happens to the accuracy?"
    ),
    choices=(
        Choice(
            "It stays as it was: the weights are the same.",
            False,
            "The weights are the same, the arithmetic is not: in training mode batch norm uses the mean and "
            "spread of the batch at hand.",
        ),
        Choice(
            "It falls clearly, because each picture is now normalised by itself.",
            True,
            "Yes. With one picture the batch statistics are those of that picture, which the model has "
            "never learned with. Dropout adds its chance to it.",
        ),
        Choice(
            "It rises, because no other picture disturbs the answer.",
            False,
            "Nothing disturbs it any more, but the layer was trained with figures over many pictures. Those "
            "are missing.",
        ),
        Choice(
            "It does not matter: batch norm refuses a batch of one.",
            False,
            "It refuses only where a single value per channel is left. Maps of several pixels pass without "
            "a word, and those are the usual case.",
        ),
    ),
    reveal=_alone,
    hints=(
        "What does batch norm subtract and divide by in training mode?",
        "Set the figure above to batch norm as in training, with the picture alone, and look at the "
        "accuracy.",
    ),
    why=(
        "`model.eval()` is one line: dropout passes everything on, batch norm uses the figures that it "
        "gathered while training. Left out, nothing fails; the answers only get worse, and change with the "
        "company."
    ),
    further=(
        "The same trap stands in transfer learning: a frozen part that stays in training mode goes on moving "
        "its running figures. The workbench keeps frozen parts in evaluation mode (`transfer/freeze.py`)."
    ),
)

# ---- evaluate

EVALUATE_START = '''\
import torch

def evaluate(model, batches):
    """batches: a list of (pictures, targets)."""
    right = rows = 0
    for pictures, targets in batches:
        scores = model(pictures)
        # your lines
'''
EVALUATE_SOLUTION = """\
import torch

def evaluate(model, batches):
    before = model.training
    model.eval()
    right = rows = 0
    with torch.no_grad():
        for pictures, targets in batches:
            right += int((model(pictures).argmax(dim=1) == targets).sum())
            rows += len(targets)
    model.train(before)
    return right / rows
"""
MEAN_OF_MEANS = (
    "That is the mean of the batch accuracies: the 3 rows of the last batch count as much as 32. Count "
    "right answers and rows, and divide once."
)


class _Watched(nn.Module):
    """Scores rows by a fixed matrix, and remembers in which mode it was asked."""

    def __init__(self, weights: Tensor):
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.modes: list[bool] = []
        self.graphs: list[bool] = []

    def forward(self, pictures: Tensor) -> Tensor:
        self.modes.append(self.training)
        scores = pictures @ self.weights
        self.graphs.append(scores.requires_grad)
        return scores


def check_evaluate(evaluate: Callable) -> list[Row]:
    """Every row once, evaluation mode, no graph, and the mode as it was."""
    dice = generator(5, "evaluate")
    weights = torch.from_numpy(dice.normal(0, 1, (6, 4)).astype(np.float32))
    batches = []
    for count, hits in ((32, 30), (32, 28), (3, 0)):  # the last batch is small, and all wrong
        pictures = torch.from_numpy(dice.normal(0, 1, (count, 6)).astype(np.float32))
        said = (pictures @ weights).argmax(dim=1)
        wrong = torch.arange(count) >= hits
        batches.append((pictures, torch.where(wrong, (said + 1) % 4, said)))
    model = _Watched(weights).train()
    got = evaluate(model, batches)
    mean_of_means = (30 / 32 + 28 / 32 + 0) / 3
    usual = [
        (mean_of_means, MEAN_OF_MEANS),
        (58, "That is the number of right answers; divide it by the number of rows."),
        (0.0, "No answer counted as right. `argmax` over the classes is `dim=1`."),
    ]  # fmt: skip
    rows = [same("every row counts once", got, 58 / 67, usual=usual)]
    fine = bool(model.modes) and not any(model.modes)
    told = (
        "Asked in evaluation mode."
        if fine
        else "The model was asked in training mode. `model.eval()` comes first."
    )
    rows.append(Row("evaluation mode", fine, told))
    lean = bool(model.graphs) and not any(model.graphs)
    told = "No graph was built." if lean else (
        "Each answer kept the graph for a backward pass that never comes: memory and time. Use "
        "`torch.no_grad()`."
    )  # fmt: skip
    rows.append(Row("no graph is built", lean, told))
    return [*rows, _mode_put_back(evaluate, weights, batches)]


def _mode_put_back(evaluate: Callable, weights: Tensor, batches: list) -> Row:
    for training in (True, False):
        model = _Watched(weights.clone()).train(training)
        evaluate(model, batches)
        if model.training != training:
            came, left = ("training", "evaluation") if training else ("evaluation", "training")
            told = f"The model came in {came} mode and was left in {left} mode. "
            told += "Remember `model.training` before, and give it back with `model.train(...)`."
            return Row("the mode is put back", False, told)
    return Row("the mode is put back", True, "Whoever called finds the model as it was.")


EVALUATE = CodeExercise(
    id="the_training_loop.evaluate",
    question=(
        "Write `evaluate(model, batches)`: the share of right answers over *all rows*, in evaluation mode "
        "and without a graph. Leave the model in the mode in which it came."
    ),
    start=EVALUATE_START,
    name="evaluate",
    check=check_evaluate,
    solution=EVALUATE_SOLUTION,
    wrong=(
        Wrong(EVALUATE_SOLUTION.replace("    model.eval()\n", ""), "evaluation mode"),
        Wrong(
            "import torch\n\ndef evaluate(model, batches):\n    before = model.training\n    model.eval()\n"
            "    with torch.no_grad():\n"
            "        shares = [(model(p).argmax(dim=1) == t).float().mean().item() for p, t in batches]\n"
            "    model.train(before)\n    return sum(shares) / len(shares)\n",
            "every row counts once",
        ),
        Wrong(EVALUATE_SOLUTION.replace("    model.train(before)\n", ""), "the mode is put back"),
        Wrong(EVALUATE_SOLUTION.replace("model.train(before)", "model.train()"), "the mode is put back"),
        Wrong(EVALUATE_SOLUTION.replace("with torch.no_grad():", "if True:"), "no graph is built"),
    ),
    hints=(
        "Four things: the mode, the graph, two counters, and the mode again.",
        "Count with two whole numbers over all batches; the division comes once, after the loop.",
    ),
    why=(
        "An evaluation must not depend on chance, on the company in a batch, or on how the rows were cut "
        "into batches; and it must leave no trace. These are the four lines that see to it."
    ),
    minutes=5,
    further=(
        "If the model raises an error, the last line never runs. `try` and `finally` put the mode back in "
        "any case; `torch.inference_mode()` is a stricter and slightly faster `no_grad`."
    ),
)

EXERCISES = (LEFT_OUT, ORDER, STEPS, PARTS, SPLIT, OVERFITTING, ALONE, EVALUATE)
