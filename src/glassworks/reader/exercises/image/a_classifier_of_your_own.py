"""Exercises on a classifier: parameters, rows, pipelines, statistics, errors, the last batch, parts."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks import labs
from glassworks.core.keyed import generator
from glassworks.labs import ablation_table as lab
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
from glassworks.reader.figures.shapes_of_the_cnn import costs

# ---- deeper, and smaller


def _both() -> str:
    rows = []
    for name in ("two-layer", "two-layer-improved", "four-layer"):
        found = costs(name, 32, 3, 10)
        learned, work = sum(one.parameters for one in found), sum(one.multiply_adds for one in found)
        sees = max(one.receptive_field for one in found)
        rows.append([name, f"{learned:,}", f"{work / 1e6:.2f} M", f"{sees} × {sees}"])
    head = ["network", "learned numbers", "multiply-adds", "sees at most"]
    return table(head, rows) + note("Counted on the installed models, for pictures of 32 × 32 in colour.")


CAPACITY = PredictExercise(
    id="a_classifier_of_your_own.capacity",
    question=(
        "The two-layer network has two stages (16 and 32 maps) and a dense layer of 512. The four-layer "
        "network has four stages (16, 32, 64 and 128 maps) and a dense layer of 256. Pictures are 32 × "
        "32. Which of them learns more numbers?"
    ),
    choices=(
        Choice(
            "The four-layer one: more layers are more capacity.",
            False,
            "Its filters are more, but its last map has 2 × 2 places in the place of 8 × 8. The dense "
            "layer shrinks.",
        ),
        Choice(
            "The two-layer one, by more than four times.",
            True,
            "Yes: 1,059,306 against 231,818. Nearly all of the first are the weights between its last "
            "map and the dense layer.",
        ),
        Choice(
            "The two-layer one, by a little.",
            False,
            "The direction is right. Reckon the dense layers: 2,048 · 512 against 512 · 256.",
        ),
        Choice(
            "About equal: both see the same picture.",
            False,
            "What is learned depends on maps and dense layers. Reckon 2,048 · 512 against 512 · 256.",
        ),
    ),
    reveal=_both,
    hints=(
        "Where do most weights lie: in the filters, or behind them?",
        "How many numbers leave the last stage for one picture: 32 maps of 8 × 8, or 128 maps of 2 × 2?",
    ),
    why=(
        "Depth, parameters, work and what a number can see are four different things. The deeper network "
        "here has 4.6 times fewer parameters, does 1.5 times the work, and sees 46 pixels in the place "
        "of 10."
    ),
    further=(
        "At which size of picture do both have about the same number of parameters? The figure "
        "below has a slider."
    ),
)

# ---- a row for each picture

FLATTEN_START = '''\
import torch

def to_rows(maps):
    """maps: (batch, channels, height, width)"""
    return ...
'''
FLATTEN_SOLUTION = """\
import torch

def to_rows(maps):
    return maps.flatten(1)
"""


def check_flatten(to_rows: Callable) -> list[Row]:
    """Another size, another batch: the batch stays, and each row holds its own picture."""
    dice = torch.Generator().manual_seed(11)
    cases = {
        "8 × 8 maps, as in training": (4, 32, 8, 8),
        "pictures of 64 × 64": (2, 32, 16, 16),
        "a batch of one": (1, 32, 8, 8),
    }
    return [_flat_row(to_rows, name, torch.randn(shape, generator=dice)) for name, shape in cases.items()]


def _flat_row(to_rows: Callable, name: str, maps: Tensor) -> Row:
    batch, right = len(maps), maps.flatten(1)
    try:
        got = to_rows(maps)
    except RuntimeError as error:
        return Row(
            name, False, f"It stopped: {str(error)[:120]}. Is a size written in that holds for one case only?"
        )
    usual: list[tuple[object, str]] = [
        (maps.flatten(), "All pictures are in one row. Flatten from dimension 1 on, and leave the batch."),
        (
            maps.flatten(2),
            "The channels are still apart: `(batch, channels, places)`. Flatten from dimension 1.",
        ),
        (maps.flatten(1).T, "Rows and columns are exchanged: pictures are dimension 0."),
        (maps.mean((2, 3)), "That is the mean of each map. It keeps the batch, and loses the places."),
    ]
    if maps[0].numel() != 2048:
        told = (
            f"{maps.numel() // 2048} rows for {batch} pictures, and no error. The width 2,048 is written "
            "in, so pictures of another size become more pictures, and each row is a piece of one."
        )
        usual.insert(0, (maps.reshape(-1, 2048), told))
    if batch == 1:
        usual.insert(
            0, (maps.squeeze().flatten(), "A batch of one is a batch: the result must have one row.")
        )
    return same(name, got, right, usual=usual)


FLATTEN = CodeExercise(
    id="a_classifier_of_your_own.flatten",
    question=(
        "Write `to_rows(maps)`: maps `(batch, channels, height, width)` become one row of numbers for "
        "each picture. It must keep the batch for every size of map."
    ),
    start=FLATTEN_START,
    name="to_rows",
    check=check_flatten,
    solution=FLATTEN_SOLUTION,
    wrong=(
        Wrong(FLATTEN_SOLUTION.replace("flatten(1)", "view(-1, 2048)"), "pictures of 64 × 64"),
        Wrong(FLATTEN_SOLUTION.replace("flatten(1)", "flatten()"), "a batch of one"),
        Wrong(FLATTEN_SOLUTION.replace("flatten(1)", "flatten(2)"), "pictures of 64 × 64"),
        Wrong(FLATTEN_SOLUTION.replace("flatten(1)", "reshape(4, -1)"), "a batch of one"),
        Wrong(FLATTEN_SOLUTION.replace("flatten(1)", "squeeze().flatten(1)"), "a batch of one"),
    ),
    hints=(
        "Which dimension must never change? Name the first one that may.",
        "A number such as 2,048 in this function is true for one size of picture only.",
    ),
    why=(
        "`x.view(-1, 2048)` says: rows of 2,048, as many as it takes. With two pictures of 64 × 64 that "
        "gives 8 rows, and the network answers eight times without a word. Flattening from dimension 1 "
        "cannot do that; the dense layer then refuses the wrong width. The book's CNN refuses earlier, "
        "at the door, in words."
    ),
    minutes=4,
    further="`maps.reshape(len(maps), -1)` is right too. When do `view` and `reshape` differ?",
)

# ---- pipelines

PIPELINES = ChoiceExercise(
    id="a_classifier_of_your_own.pipelines",
    question=(
        "A script defines one pipeline: mirror at random, turn by up to 10 degrees, scale. It uses it "
        "for training and for testing. What is wrong with the test figure?"
    ),
    choices=(
        Choice(
            "It is drawn anew each time, and speaks of changed pictures. The test pipeline must only "
            "resize and scale.",
            True,
            "Yes. Two runs over the same test part give two figures, and neither is about the pictures "
            "as they are.",
        ),
        Choice(
            "Nothing: training and test must be treated alike, or the comparison is unfair.",
            False,
            "What must be alike is scaling and size. Augmentation is practice for the learner, not a "
            "property of the data.",
        ),
        Choice(
            "It is too good, because augmented test pictures resemble augmented training pictures.",
            False,
            "It is usually a little worse, since pictures are made harder. And it is not the figure that "
            "you wanted.",
        ),
        Choice(
            "The model has seen the test pictures, so it is leakage.",
            False,
            "No picture changed its part. The test pictures are just not the ones that were collected.",
        ),
    ),
    hints=(
        "Judge the same model twice in a row. Do the two figures agree?",
        "Which steps make a picture fit the network, and which make more pictures out of one?",
    ),
    why=(
        "Two pipelines: random for training; fixed for validation, test and use. They share size and "
        "scaling, which belong to the model, and travel with its weights."
    ),
    further=(
        "To average the answers over several changed copies of a test picture is a method (test-time "
        "augmentation). Then it is part of the model, and must be used everywhere."
    ),
)

# ---- statistics

STATISTICS = ChoiceExercise(
    id="a_classifier_of_your_own.statistics",
    question=(
        "A model was trained on pictures scaled by the mean and spread of its training part. Now it runs "
        "as a service and one photograph comes in, very dark. How is it scaled?"
    ),
    choices=(
        Choice(
            "By the stored mean and spread of the training part.",
            True,
            "Yes. The weights were learned for numbers made in this way. A dark picture gives low "
            "numbers, as it should.",
        ),
        Choice(
            "By its own mean and spread, so that it has mean 0 as in training.",
            False,
            "In training the data had mean 0, not each picture. Scaled by itself, night and day look alike.",
        ),
        Choice(
            "By 0.5 and 0.5, which is always right for pictures.",
            False,
            "It maps 0 to 1 onto -1 to 1, and is fine if the model was trained so. This one was not.",
        ),
        Choice(
            "By the mean and spread of all pictures the service has seen.",
            False,
            "Then the same picture gets another answer tomorrow than today, and the weights fit neither.",
        ),
    ),
    hints=(
        "What did the weights learn to expect?",
        "Which of these ways gives the same photograph the same numbers every time, and those of the "
        "training?",
    ),
    why=(
        "Mean and spread are measured once, on the training part, and are a part of the model. The "
        "workbench writes them into the recipe beside the weights; nobody has to remember them."
    ),
    further="Pretrained models come with figures of their own. Use those, not the ones of your data.",
    minutes=3,
)

# ---- precision

CONFUSION = NumberExercise(
    id="a_classifier_of_your_own.confusion",
    question=(
        "Of 500 test pictures, 50 show an 8. The classifier says 8 forty times, and 30 of these are "
        'eights. How many of 100 answers "8" can be believed?'
    ),
    target=75,
    tolerance=0.5,
    unit="%",
    mistakes=(
        Mistake(60, "That is the share of the eights that were found (recall). Asked was about the answers."),
        Mistake(80, "That is forty answers for fifty eights; which of them are right is not in it."),
        Mistake(
            94, "That counts all pictures that are not eights as right answers, too. They are 450 of 500."
        ),
        Mistake(6, "That is 30 of all 500 pictures."),
        Mistake(25, 'That is the share of the answers "8" that are wrong.'),
    ),
    hints=(
        "The question is about a column of the confusion matrix, not about a row.",
        'How many answers "8" are there in all, and how many of them are right?',
    ),
    why=(
        "30 of 40 answers are right: precision 75 %. 30 of 50 eights were found: recall 60 %. Which of "
        "the two matters depends on what a wrong answer costs. The accuracy over all pictures hides both."
    ),
    further="Can a classifier have a recall of 100 % for eights and still be useless? How?",
    solution="Precision: 30 right answers of 40 given, 0.75.",
)

# ---- the loop that judges

JUDGE_START = '''\
import torch
import torch.nn.functional as F

def judge(model, batches):
    """batches: pairs (pictures, targets)
    returns (mean loss, accuracy)"""
    # your lines
'''
JUDGE_SOLUTION = """\
import torch
import torch.nn.functional as F

def judge(model, batches):
    model.eval()
    loss = right = rows = 0
    with torch.no_grad():
        for pictures, targets in batches:
            scores = model(pictures)
            loss += F.cross_entropy(scores, targets).item() * len(targets)
            right += (scores.argmax(dim=1) == targets).sum().item()
            rows += len(targets)
    return loss / rows, right / rows
"""


class _Scores(nn.Module):
    """Fixed scores, and dropout that would change them."""

    def __init__(self, weights: Tensor):
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.silenced = 0

    def forward(self, pictures: Tensor) -> Tensor:
        scores = pictures @ self.weights
        if self.training:
            self.silenced += 1
            scores = scores * 0.5
        return scores


def check_judge(judge: Callable) -> list[Row]:
    """Two full batches and a last one of three rows that are all wrong."""
    dice = generator(7, "judge")
    weights = torch.from_numpy(dice.normal(0, 1, (5, 4)).astype(np.float32))
    batches = []
    for count, hits in ((32, 31), (32, 29), (3, 0)):
        pictures = torch.from_numpy(dice.normal(0, 1, (count, 5)).astype(np.float32))
        said = (pictures @ weights).argmax(1)
        targets = torch.where(torch.arange(count) >= hits, (said + 1) % 4, said)
        batches.append((pictures, targets))
    every = [torch.cat(one) for one in zip(*batches)]
    loss = F.cross_entropy(every[0] @ weights, every[1]).item()
    losses = [F.cross_entropy(p @ weights, t).item() for p, t in batches]
    model = _Scores(weights).train()
    got = judge(model, batches)
    if not isinstance(got, tuple) or len(got) != 2:
        return [Row("loss and accuracy", False, "Return two numbers: `return loss, accuracy`.")]
    mode = "The model was asked in training mode: dropout was on. `model.eval()` comes first."
    usual = [
        (sum(losses) / 3, "That is the mean of the batch means: 3 rows of the last count as much as 32."),
        (sum(losses), "The batch losses were added and not divided."),
        (sum(losses) / 67, "Each batch loss is a mean already: multiply it by its rows before you add."),
    ]  # fmt: skip
    rates = [
        (
            (31 / 32 + 29 / 32 + 0) / 3,
            "That is the mean of the batch accuracies. Count right answers and rows.",
        ),
        (60, "That is the number of right answers; divide it by the rows."),
    ]
    evaluated = model.silenced == 0
    return [
        same("loss over all pictures", got[0], loss, usual=usual)
        if evaluated
        else Row("loss over all pictures", False, mode),
        same("accuracy over all pictures", got[1], 60 / 67, usual=rates),
        Row("evaluation mode", evaluated, "Dropout was off." if evaluated else mode),
    ]


JUDGE = CodeExercise(
    id="a_classifier_of_your_own.judge",
    question=(
        "Write `judge(model, batches)`: the mean cross-entropy and the accuracy over *all pictures*, in "
        "evaluation mode. The last batch is smaller than the others."
    ),
    start=JUDGE_START,
    name="judge",
    check=check_judge,
    solution=JUDGE_SOLUTION,
    wrong=(
        Wrong(
            JUDGE_SOLUTION.replace(" * len(targets)", "").replace("loss / rows", "loss / len(batches)"),
            "loss over all pictures",
        ),
        Wrong(JUDGE_SOLUTION.replace(" * len(targets)", ""), "loss over all pictures"),
        Wrong(JUDGE_SOLUTION.replace("    model.eval()\n", ""), "evaluation mode"),
        Wrong(JUDGE_SOLUTION.replace("right / rows", "right"), "accuracy over all pictures"),
        Wrong(
            JUDGE_SOLUTION.replace(".sum().item()", ".float().mean().item()").replace(
                "right / rows", "right / len(batches)"
            ),
            "accuracy over all pictures",
        ),
    ),
    hints=(
        "`F.cross_entropy` gives the mean over a batch. What must you do with a mean before you add "
        "means of unequal sizes?",
        "Three sums over all batches: loss times rows, right answers, rows. Divide at the end.",
    ),
    why=(
        "With 50,000 pictures and batches of 64 the last of the 782 batches has 16 rows. Its mean must "
        "not weigh as much as that of 64. With three rows the harm is easy to see; with sixteen it is "
        "small, and still wrong."
    ),
    minutes=6,
    further=(
        "Training loops often print the mean of the last 200 batches. Which of the 782 are then "
        "never reported?"
    ),
)

# ---- which part helps


def _parts() -> str:
    found = labs.recorded("ablation-table")
    assert found is not None
    rows = [
        [part, lab.words(lab.worth(found.numbers, part)), lab.words(lab.added(found.numbers, part))]
        for part in lab.PARTS
    ]
    head = ["part", "points lost without it, in the whole", "points gained by it alone, on the plain network"]
    return table(head, rows) + note(f"{len(found.seeds)} seeds; in brackets what they leave open (95 %).")


ABLATION = PredictExercise(
    id="a_classifier_of_your_own.ablation",
    question=(
        "A network with augmentation, batch norm, dropout and four stages learns 200 digits and reads 96 "
        "of 100 new ones. The plain one, with two stages and none of these, reads 93. Now each part is "
        "left out of the whole, one at a time, with five seeds. What will be seen?"
    ),
    choices=(
        Choice(
            "Each costs about a point, so that together they make up the difference of three.",
            False,
            "It would be so if parts added up. Each does some of what the others do as well.",
        ),
        Choice(
            "For none of them is the loss sure: without any single one the others stand in.",
            True,
            "Yes. The changes are of about a point, up or down, and five seeds leave more than that open.",
        ),
        Choice(
            "Depth costs most: it is the part that sees more of the picture.",
            False,
            "Without it the network did no worse here. On small digits two stages see enough.",
        ),
        Choice(
            "Dropout costs most, since 200 pictures are easily learned by heart.",
            False,
            "It changed least. All networks learn nearly all of the 200 by heart, and the others are held "
            "back by augmentation as well.",
        ),
    ),
    reveal=_parts,
    hints=(
        "If two parts cure the same illness, what is lost when one of them is left out?",
        "What a part brings depends on what stands beside it. And five seeds spread by a point or so.",
    ),
    why=(
        "Leaving out and adding ask two questions, and here they have two answers: added to the plain "
        "network, augmentation, batch norm and dropout each help. Left out of the whole, none is surely "
        "missed. A list of improvements is not a sum."
    ),
    minutes=4,
    further="With how many seeds would a difference of one point be sure? The lab takes `--seeds`.",
)

EXERCISES = (CAPACITY, FLATTEN, PIPELINES, STATISTICS, CONFUSION, JUDGE, ABLATION)
