"""Exercises of the chapter on transfer: heads, growth, frozen norms, adapters, and which route to take."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.blocks.low_rank import LowRank
from glassworks.core.errors import PersonError
from glassworks.models.vision import resnet
from glassworks.reader.draw import note, table
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
from glassworks.transfer.freeze import freeze, training_mode

# ---- a new head

HEAD_SIZE = NumberExercise(
    id="standing_on_shoulders.head_size",
    question=(
        "A ResNet-50 makes 2,048 features of a picture. Its 25.6 million numbers are frozen, and a new "
        "dense layer for 10 classes takes the place of the old head. How many numbers learn?"
    ),
    target=20490,
    tolerance=0,
    unit="numbers",
    mistakes=(
        Mistake(20480, "Those are the weights. A dense layer has an offset for each class as well."),
        Mistake(5130, "That is the head of a ResNet-18, which makes 512 features."),
        Mistake(2058, "Each class has a weight for every feature: multiply, then add the offsets."),
        Mistake(22528, "2,048 × 11: the offset belongs to a class, not to a feature."),
        Mistake(25557032, "That is the whole network with its old head. All but the new head is frozen."),
    ),
    hints=(
        "How many weights does one class need to turn 2,048 features into one score?",
        "Each class also has one offset.",
    ),
    why=(
        "2,048 · 10 + 10 = 20,490: less than a thousandth of the network. That is why a head can be fitted "
        "on few pictures. It is also all that it can do: weigh the features that are there."
    ),
    further="For five classes on a ResNet-18 it is 512 · 5 + 5 = 2,565, on EfficientNet-Lite0 1,280 · 5 + 5 "
    "= 6,405.",
    solution="Weights 2,048 · 10 = 20,480, offsets 10; together 20,490.",
    minutes=3,
)

# ---- growth

WORK = NumberExercise(
    id="standing_on_shoulders.work",
    question=(
        "A network becomes 1.2 times as deep, 1.1 times as wide, and its pictures 1.15 times as large on a "
        "side. By what factor does its work grow? Two decimals."
    ),
    target=1.92,
    tolerance=0.005,
    mistakes=(
        Mistake(1.518, "That multiplies the three factors once each. Two of them count twice."),
        Mistake(2.0, "Two is what the rule aims at. Multiply the factors: it comes out a little less."),
        Mistake(
            1.67, "Width was counted once. A filter reads all maps before it and makes all maps after it."
        ),
        Mistake(1.746, "The side was counted once. A picture has two sides."),
        Mistake(2.304, "Depth was squared as well. Twice the layers are twice the work, not four times."),
        Mistake(3.45, "That is the sum of the factors. Growth multiplies."),
    ),
    hints=(
        "The work of a filter layer: maps in × maps out × filter × places of the map. Which of these does "
        "each factor change?",
        "Depth counts once. Width and side count twice each.",
    ),
    why=(
        "1.2 · 1.1² · 1.15² = 1.92. Width is in every layer twice, as maps in and as maps out, and the side "
        "twice, as height and as width. So a little of each of the three doubles the work."
    ),
    further=(
        "In EfficientNet the filters of 3 × 3 and 5 × 5 look at one map each, so their work grows with the "
        "width once. The calculator counts it: × 2.23 from B0 to phi = 1, because blocks and maps are "
        "rounded up as well."
    ),
    solution="1.2 · 1.1 · 1.1 · 1.15 · 1.15 = 1.92.",
    minutes=4,
)

# ---- what moves


def _moved() -> str:
    from glassworks.reader.figures.norm_on_the_move import PASSES, played

    try:
        found, kept = played(("digits", False)), played(("digits", True))
    except PersonError:
        found = kept = None
    if found is None or kept is None:
        return note("The weights are not installed here; the lab further down has recorded the same.")
    rows: list[list[Any]] = [
        ["weights that changed", "0", "0"],
        ["running means moved by, median", f"{found.apart[-1]:.3f} sd", f"{kept.apart[-1]:.3f} sd"],
        ["answer to a photograph before", found.answers[0][0], kept.answers[0][0]],
        [f"after {PASSES} batches of digits", (found.answers[-1][0], "bad"), kept.answers[-1][0]],
    ]
    return table(["", "model.train()", "evaluation mode"], rows)


WHAT_MOVES = PredictExercise(
    id="standing_on_shoulders.what_moves",
    question=(
        "All weights of a pretrained network are frozen (`requires_grad = False`), then `model.train()` is "
        "called and twelve batches of digits go through it. No optimiser exists, no gradient is computed. "
        "Afterwards it is asked about a photograph in evaluation mode. What has changed?"
    ),
    choices=(
        Choice(
            "Nothing: what has no gradient and no optimiser cannot change.",
            False,
            "That is true of weights. Running means and variances are no weights: the forward pass itself "
            "writes them.",
        ),
        Choice(
            "Nothing that matters: running figures move, but evaluation mode does not use them.",
            False,
            "It is the other way round. Evaluation mode is the mode that divides by the running figures.",
        ),
        Choice(
            "The running figures of every batch norm, and with them the answer.",
            True,
            "Yes. Each pass in training mode moves them a tenth of the way to the batch's own.",
        ),
        Choice(
            "The weights of the batch norms, since they learn in every forward pass.",
            False,
            "Scale and shift of a batch norm are weights: they are frozen like all others and stay as they "
            "were.",
        ),
    ),
    reveal=_moved,
    hints=(
        "A batch norm holds four vectors. Which two of them are learned by gradients?",
        "When are the other two written, and when are they read?",
    ),
    why=(
        "Freezing has two halves: no gradients, and evaluation mode for what is frozen. With the first "
        "alone the network becomes another one while nobody trains it."
    ),
    further="In `state_dict()` they are called `running_mean`, `running_var` and `num_batches_tracked`.",
    minutes=4,
)

# ---- freeze as code

FREEZE_START = '''\
def ready(model):
    """Called before every step: only model.head may learn."""
    for parameter in model.parameters():
        ...
    # your lines
'''
FREEZE_SOLUTION = """\
def ready(model):
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for parameter in model.head.parameters():
        parameter.requires_grad_(True)
    model.eval()
    model.head.train()
"""
STEPS = 2


def small_network(seed: int) -> nn.Module:
    """A ResNet with few maps, as it comes from anywhere: in training mode, and everything may learn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = resnet.ResNetConfig(32, 32, classes=3, depths=(1, 1, 1, 1), widths=(4, 4, 6, 6), stem="small")
        return resnet.build(shape).train()


def taught(model: nn.Module, ready: Callable[[nn.Module], object], seed: int) -> nn.Module:
    """A few steps of an optimiser that holds every parameter; `ready` is called before each."""
    dice = torch.Generator().manual_seed(seed)
    rule = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(STEPS):
        ready(model)
        pictures = torch.randn(6, 3, 32, 32, generator=dice) + 0.5
        loss = F.cross_entropy(model(pictures), torch.randint(3, (6,), generator=dice))
        rule.zero_grad()
        if loss.requires_grad:
            loss.backward()
        rule.step()
    return model


def _library(model: nn.Module) -> None:
    freeze(model, ["head"])
    training_mode(model)


def check_freeze(ready: Callable) -> list[Row]:
    """Weights, running figures and the head after some steps, beside what the library's own freezing "
    "leaves."""
    start = {name: value.clone() for name, value in small_network(1).state_dict().items()}
    after = taught(small_network(1), ready, 5).state_dict()
    wanted = taught(small_network(1), _library, 5).state_dict()
    moved = [name for name, value in after.items() if not torch.equal(value, start[name])]
    running = [name for name in moved if "running" in name or "tracked" in name]
    body = [name for name in moved if not name.startswith("head.") and name not in running]
    learned = [name for name in moved if name.startswith("head.")]
    rows = [
        _row(
            "weights of the body stay", not body,
            "No weight before the head has moved.",
            f"`{body[0] if body else ''}` has moved. Without `requires_grad_(False)` it gets a gradient, in "
            "any mode.",
        ),
        _row(
            "running figures stay", not running,
            "Every running mean and variance is as it was.",
            f"`{running[0] if running else ''}` has moved. No gradient writes it: the forward pass in "
            "training mode does. What is frozen must be in evaluation mode.",
        ),
        _row(
            "the head learns", len(learned) == 2,
            "Weights and offsets of the head have moved.",
            "The head has not learned. Let its parameters learn again after freezing all.",
        ),
    ]  # fmt: skip
    got, expected = after["head.weight"], wanted["head.weight"]
    return [*rows, same("the same head as the library's", got, expected, tolerance=1e-5)]


def _row(name: str, passed: bool, right: str, wrong: str) -> Row:
    return Row(name, passed, right if passed else wrong)


FREEZE = CodeExercise(
    id="standing_on_shoulders.freeze",
    question=(
        "Write `ready(model)`. A training loop calls it before every step, on a network with batch norms "
        "that may be in any mode. Only `model.head` may learn. Everything else must stay bit for bit as it "
        "is, running figures included. The loop's optimiser holds all parameters."
    ),
    start=FREEZE_START,
    name="ready",
    check=check_freeze,
    solution=FREEZE_SOLUTION,
    wrong=(
        Wrong(FREEZE_SOLUTION.replace("    model.eval()\n", "    model.train()\n"), "running figures stay"),
        Wrong("def ready(model):\n    model.eval()\n    model.head.train()\n", "weights of the body stay"),
        Wrong(
            FREEZE_SOLUTION.replace(
                "    for parameter in model.head.parameters():\n        parameter.requires_grad_(True)\n", ""
            ),
            "the head learns",
        ),
        Wrong(
            FREEZE_SOLUTION.replace("model.eval()\n    model.head.train()", "model.stem.eval()"),
            "running figures stay",
        ),
    ),
    hints=(
        "Two things are needed, one for the weights and one for the running figures. Neither does the "
        "other's work.",
        "`requires_grad_(False)` for all, `True` for the head; then the mode of the whole, and the head's.",
    ),
    why=(
        "A program that calls `model.train()` at the beginning of each epoch undoes half of it. So it "
        "belongs into the loop, after that call, and not once before it."
    ),
    further=(
        "`training_mode` of the library, shown below, does the same for any set of frozen parts, also for "
        "adapters inside a frozen layer."
    ),
    minutes=8,
)

# ---- LoRA

MERGE_START = '''\
def merged(weight, down, up, alpha):
    """The weight of one plain layer that answers as the adapted one does.

    dense: weight (out, in), down (rank, in), up (out, rank)
    convolution: weight (out, in, h, w), down (rank, in, h, w),
    up (out, rank, 1, 1)
    """
    rank = down.shape[0]
    return weight
'''
MERGE_SOLUTION = """\
def merged(weight, down, up, alpha):
    rank = down.shape[0]
    addition = up.flatten(1) @ down.flatten(1)
    return weight + alpha / rank * addition.view(weight.shape)
"""


def halves_of(adapter: LowRank) -> tuple[Tensor, Tensor, Tensor]:
    """Weight, down and up, apart from any graph."""
    names = ("base.weight", "down.weight", "up.weight")
    weight, down, up = (adapter.get_parameter(name).detach() for name in names)
    return weight, down, up


def adapted(layer: nn.Module, rank: int, alpha: float, seed: int) -> LowRank:
    """A layer with an adapter that has learned something: at the start its second half is zero."""
    dice = torch.Generator().manual_seed(seed)
    adapter = LowRank(layer, rank, alpha, dice)
    with torch.no_grad():
        adapter.up.weight.normal_(generator=dice)
    return adapter


def check_merged(merged: Callable) -> list[Row]:
    """Dense layers and a convolution of random shapes, against what the adapted layer answers."""
    rows = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(2)
        dense, wide = adapted(nn.Linear(7, 5), 3, 6.0, 1), adapted(nn.Linear(4, 9), 2, 16.0, 2)
        filters = adapted(nn.Conv2d(3, 6, 3, stride=2, padding=1), 2, 8.0, 3)
        for name, adapter in (("a dense layer", dense), ("another shape", wide), ("a convolution", filters)):
            given = halves_of(adapter)
            wanted = adapter.merge().get_parameter("weight")
            got = merged(*given, adapter.alpha)
            rows.append(same(name, got, wanted, usual=_usual_merges(*given, adapter.alpha)))
        rows.append(_answers_alike(merged, filters))
        rows.append(unchanged("the weights are left as they were", merged, *halves_of(dense), dense.alpha))
    return rows


def _answers_alike(merged: Callable, adapter: LowRank) -> Row:
    """The plain layer with the merged weight, on pictures."""
    weight, down, up = halves_of(adapter)
    pictures = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(4))
    got = merged(weight, down, up, adapter.alpha)
    if not isinstance(got, Tensor) or got.shape != weight.shape:
        return Row("answers of the convolution", False, "Its weight must have the shape of the layer's.")
    answer = F.conv2d(pictures, got, adapter.get_parameter("base.bias"), stride=2, padding=1)
    return same("answers of the convolution", answer, adapter(pictures), tolerance=1e-4)


def _usual_merges(weight: Tensor, down: Tensor, up: Tensor, alpha: float) -> list[tuple[Tensor, str]]:
    rank = down.shape[0]
    addition = (up.flatten(1) @ down.flatten(1)).view(weight.shape)
    return [
        (weight, "Nothing was added: that is the frozen layer."),
        (addition * alpha / rank, "That is the addition alone. The frozen weight answers too."),
        (weight + addition, "The strength is missing: the addition is multiplied by alpha / rank."),
        (
            weight + alpha * addition,
            "The strength is alpha / rank, not alpha: it shall not depend on the rank.",
        ),
        (weight + rank / alpha * addition, "The strength is upside down: alpha / rank."),
        (weight - alpha / rank * addition, "The addition is added, not taken off."),
    ]


MERGE = CodeExercise(
    id="standing_on_shoulders.merge",
    question=(
        "Write `merged(weight, down, up, alpha)`: the weight of one plain layer that gives the same answers "
        "as the frozen layer with its LoRA addition, for a dense layer and for a convolution. It is "
        "compared with `LowRank.merge`, and with what the adapted layer answers."
    ),
    start=MERGE_START,
    name="merged",
    check=check_merged,
    solution=MERGE_SOLUTION,
    wrong=(
        Wrong(MERGE_SOLUTION.replace("alpha / rank * ", ""), "a dense layer"),
        Wrong(MERGE_SOLUTION.replace("alpha / rank", "alpha"), "a dense layer"),
        Wrong(MERGE_SOLUTION.replace("weight + ", ""), "a dense layer"),
        Wrong(
            "def merged(weight, down, up, alpha):\n    return weight + alpha / down.shape[0] * (up @ down)\n",
            "the code runs",
        ),
        Wrong(
            MERGE_SOLUTION.replace("return weight +", "return weight.add_(").replace(
                "addition.view(weight.shape)", "addition.view(weight.shape))"
            ),
            "the weights are left as they were",
        ),
    ),
    hints=(
        "For a dense layer the addition is B A, of the shape of the weight, times alpha / rank.",
        "A filter of a convolution is a long row: `down.flatten(1)` has shape (rank, in · height · width). "
        "Multiply, then give the product the weight's shape.",
    ),
    why=(
        "Two linear layers in a row are one. So an adapter costs nothing once it is folded in, and a layer "
        "can be had with it and without it."
    ),
    further="Fold in only to ship. While several adapters share one frozen network, keep them apart and "
    "swap them.",
    minutes=8,
)

# ---- sizes

RESIZED = NumberExercise(
    id="standing_on_shoulders.resized",
    question=(
        "A photograph is 40 pixels wide and 30 high. `Resize(224)` with a single number makes the shorter "
        "side 224 and keeps the shape, cutting off fractions. How wide is the result?"
    ),
    target=298,
    tolerance=0,
    unit="pixels",
    mistakes=(
        Mistake(224, "That is the height: the shorter side becomes 224, the longer one stays longer."),
        Mistake(299, "40 / 30 · 224 = 298.67. The fraction is cut off, not rounded."),
        Mistake(168, "That would make the longer side 224. A single number is for the shorter one."),
        Mistake(232, "232 is the size before the crop in another recipe."),
    ),
    hints=(
        "Which side is the shorter one, and by what is it multiplied?",
        "224 / 30 · 40, without its fraction.",
    ),
    why=(
        "298 × 224: not square, and of another width for the next picture. Such pictures cannot be stacked "
        "into a batch. So a crop follows, or both numbers are given, which stretches."
    ),
    further=(
        "The newer weights of ResNet-50 in torchvision are meant for `Resize(232)` and the middle 224 × "
        "224. To resize to 224 and cut nothing shows the network things at another size than it learned."
    ),
    solution="40 · 224 / 30 = 298.67, so 298.",
    minutes=3,
)

# ---- who wins


def _measured() -> str:
    from glassworks.reader.figures.shoulders_curves import DATA, WAYS, key, measured, sizes_of

    numbers = measured()
    rows = []
    for sort in DATA:
        for each in sizes_of(numbers, sort.name)[:1]:
            means = [
                sum(numbers[key(sort.name, w, each)]) / len(numbers[key(sort.name, w, each)]) for w in WAYS
            ]
            rows.append([sort.name, f"{each}", *(f"{mean:.1f} %" for mean in means)])
    return table(["pictures", "a class", "from scratch", "ImageNet"], rows)


WHO_WINS = PredictExercise(
    id="standing_on_shoulders.who_wins",
    question=(
        "Handwritten digits, five pictures of each class, fifty in all. One learner is a small CNN from "
        "scratch, with its pictures moved and turned at random. The other is a new head on the frozen "
        "features of a network that learned from 1.28 million photographs. Who answers more new digits "
        "rightly?"
    ),
    choices=(
        Choice(
            "The head on ImageNet's features, by far: fifty pictures are far too few for a network from "
            "scratch.",
            False,
            "That is the rule of thumb, and for photographs it is right. It forgets to ask what the million "
            "pictures show. None of them shows a drawn digit on black.",
        ),
        Choice(
            "The small CNN from scratch.",
            True,
            "Yes. Digits are a simple task, the pictures are tiny, and moving and turning makes many of "
            "few. What ImageNet taught about fur and wheels helps little here.",
        ),
        Choice(
            "Neither: with five pictures a class both guess.",
            False,
            "Guessing is 10 %. Digits of a class are much alike, and both are far above it.",
        ),
    ),
    reveal=_measured,
    hints=(
        "What do the pictures of ImageNet show, and what do features for them have to tell apart?",
        "How different are two handwritten fives, and how different are two photographs of birds?",
    ),
    why=(
        "How much transfer brings depends on the distance between the two kinds of pictures, and on how "
        "hard the task is by itself. The number of pictures alone decides nothing."
    ),
    further="`glassworks learning-curve efficientnet --from imagenet --data FOLDER` draws both curves for "
    "your own.",
    minutes=4,
)

# ---- the route

ROUTE = ChoiceExercise(
    id="standing_on_shoulders.route",
    question=(
        "You have 300 pictures of tissue under a microscope, three classes, from 12 patients. Somebody "
        "says: a few hundred pictures and a pretrained network make an expert. What do you do?"
    ),
    choices=(
        Choice(
            "Freeze the body, fit a head, and report its accuracy on a random fifth of the pictures.",
            False,
            "Pictures of one patient are alike and would stand on both sides of a random split. And without "
            "a second route beside it you do not know what the pretraining brought.",
        ),
        Choice(
            "Train from scratch at once, because tissue is not in ImageNet.",
            False,
            "Far away is no proof of useless: edges and textures may serve. It has to be measured, and 300 "
            "pictures are few for a network from scratch.",
        ),
        Choice(
            "Hold out whole patients, and draw the curves over the number of pictures from scratch, with a "
            "head, and with more of the network thawed.",
            True,
            "Yes. The distance of the domain decides, nobody knows it beforehand, and a curve also says "
            "whether more pictures would help.",
        ),
        Choice(
            "Fine-tune all of it at the rate of the original training, since the domain is so far away.",
            False,
            "At a high rate few pictures destroy what was there. Where the domain is far more should learn, "
            "but gently.",
        ),
    ),
    hints=(
        "Which of the two claims can be checked with the 300 pictures you have?",
        "What would a curve that is still rising at 300 tell you?",
    ),
    why=(
        "A few hundred pictures were enough for the stamps, whose subjects ImageNet knows: 91.5 % with a "
        "head. On digits the same features lose to a small network. Between the two lies your own data, and "
        "only a measurement says where."
    ),
    further=(
        "ImageNet has about 120 breeds among its 1,000 classes. A network that knows these is near to a "
        "task about dogs, and far from one about tissue."
    ),
    minutes=4,
)

EXERCISES = (HEAD_SIZE, WORK, RESIZED, WHAT_MOVES, FREEZE, MERGE, WHO_WINS, ROUTE)
