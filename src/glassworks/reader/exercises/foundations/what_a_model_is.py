"""Exercises of "What a model is": percentages, shapes, normalising, parameters, softmax, devices, batches."""

import html
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from glassworks.reader.exercises.compare import Usual, same, unchanged
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

# ---- code: normalise

SQUARE = "pictures as wide as they have channels"
BATCH = "two pictures of 4 by 5 pixels"
TWO = "three pictures with two channels"
LEFT = "the pictures are left as they are"


def check_normalise(normalise: Callable[[Tensor, Tensor, Tensor], Tensor]) -> list[Row]:
    """Compare with the formula on three random shapes; in the first a wrong axis raises no error."""
    generator = torch.Generator().manual_seed(20)
    rows = []
    for name, shape in ((SQUARE, (3, 3, 3, 3)), (BATCH, (2, 3, 4, 5)), (TWO, (3, 2, 6, 4))):
        pictures = torch.rand(shape, generator=generator)
        mean = torch.rand(shape[1], generator=generator) * 0.5 + 0.2
        std = torch.rand(shape[1], generator=generator) * 0.2 + 0.1
        middle, spread = mean[:, None, None], std[:, None, None]
        wanted = (pictures - middle) / spread
        usual: list[Usual] = [
            ((pictures - middle) / spread**2, "This divides by the variance, the square of `std`."),
            ((pictures - middle) * spread, "This multiplies by `std`; divide by it."),
            (pictures - middle, "The mean is taken away, but `std` is not used."),
            (pictures / spread, "This divides by `std`, but the mean is not taken away."),
            (pictures - middle / spread, "Only the mean was divided by `std`. Brackets are missing."),
        ]
        if shape[1] == shape[3]:
            usual.append(
                ((pictures - mean) / std, "`mean` was matched with the last axis, the columns: "
                "pixels of the left "
                 "column were treated as red. Here no error warns you. Give `mean` and `std` the shape "
                 "`(channel, 1, 1)`.")
            )  # fmt: skip
        if shape[0] == shape[1]:
            by_batch = (pictures - mean[:, None, None, None]) / std[:, None, None, None]
            usual.append((by_batch, "`mean` was matched with the first axis, the batch: each "
            "picture got a mean of "
                          "its own instead of each channel."))  # fmt: skip
        rows.append(tried(name, partial(normalise, pictures.clone(), mean, std), wanted, usual))
    pictures = torch.rand(2, 3, 4, 5, generator=generator)
    if rows[1].passed:
        rows.append(unchanged(LEFT, normalise, pictures, torch.full((3,), 0.5), torch.full((3,), 0.5)))
    return rows


def tried(name: str, call: Callable[[], object], wanted: Tensor, usual: Sequence[Usual]) -> Row:
    """The row of `same`, or one that explains why two shapes did not fit."""
    try:
        return same(name, call(), wanted, usual=usual)
    except RuntimeError as error:
        return Row(
            name, False,
            f"PyTorch says: {error}. Shapes are matched from the last axis backwards, so the "
            f"channels must stand "
            "third from the end: `mean[:, None, None]` has the shape `(channel, 1, 1)`.",
        )  # fmt: skip


NORMALISE = CodeExercise(
    id="what_a_model_is.normalise",
    question=(
        "Write `normalise(pictures, mean, std)`: take the mean of each channel away and divide by its "
        "std.\n\n"
        "`pictures` is a float tensor of shape `(batch, channel, height, width)`; `mean` and `std` have the "
        "shape `(channel,)`. Return a new tensor of the shape of `pictures`."
    ),
    name="normalise",
    start=(
        "import torch\n\n\ndef normalise(pictures, mean, std):\n"
        '    """(batch, channel, height, width) -> the same shape."""\n'
        "    return pictures\n"
    ),
    solution=(
        "import torch\n\n\ndef normalise(pictures, mean, std):\n"
        "    mean = mean[:, None, None]  # (channel, 1, 1): fits (batch, channel, height, width) "
        "from the right\n"
        "    std = std[:, None, None]\n"
        "    return (pictures - mean) / std\n"
    ),
    check=check_normalise,
    wrong=(
        Wrong("def normalise(pictures, mean, std):\n    return (pictures - mean) / std\n", SQUARE),
        Wrong(
            "def normalise(pictures, mean, std):\n"
            "    return (pictures - mean[:, None, None]) / std[:, None, None] ** 2\n",
            BATCH,
        ),
        Wrong(
            "def normalise(pictures, mean, std):\n"
            "    pictures -= mean[:, None, None]\n"
            "    pictures /= std[:, None, None]\n"
            "    return pictures\n",
            LEFT,
        ),
        Wrong(
            "def normalise(pictures, mean, std):\n"
            "    return (pictures - mean[:, None, None, None]) / std[:, None, None, None]\n",
            SQUARE,
        ),
    ),
    hints=(
        "Broadcasting matches shapes from the last axis backwards. Which shape must three numbers have so "
        "that they meet the channel axis, third from the end?",
        "`x[:, None]` gives a tensor of shape `(3,)` the shape `(3, 1)`. Each further `None` adds an axis of "
        "length 1.",
    ),
    why=(
        "The axes of length 1 are stretched over height and width, the missing batch axis over the pictures. "
        "A wrong axis is an error only if the lengths differ: a picture that is 3 pixels wide would be "
        "ruined in silence."
    ),
    further=(
        "Feed `normalise` one picture without a batch axis, `(channel, height, width)`. Does it "
        "still work? Why?"
    ),
    minutes=6,
)

# ---- code: softmax

ONE = "one row of three logits"
ROWS = "four rows of seven logits"
LARGE = "logits around 1000"
APART = "two rows whose logits lie far apart"
TOO_LARGE = (
    "`exp(1000)` does not fit into float32: it is `inf`, and `inf / inf` is not a number. Take the largest "
    "logit of each row away first; no share changes."
)
TOO_SMALL = (
    "Every power of the second row became 0, and 0 / 0 is not a number. Take away the largest logit of each "
    "row, not of the whole batch."
)


def check_softmax(softmax: Callable[[Tensor], Tensor]) -> list[Row]:
    """Compare with torch.softmax on random shapes, on large logits, and on rows far from each other."""
    generator = torch.Generator().manual_seed(30)
    cases = (
        (ONE, torch.tensor([[2.0, 1.0, -1.0]])),
        (ROWS, torch.randn(4, 7, generator=generator) * 2),
        (LARGE, torch.tensor([[1000.0, 1001.0, 1002.0], [999.0, 1001.0, 998.0]])),
        (APART, torch.tensor([[0.0, 1.0, 2.0], [-500.0, -499.0, -498.0]])),
    )
    return [tried_softmax(name, softmax, logits) for name, logits in cases]


def tried_softmax(name: str, softmax: Callable[[Tensor], Tensor], logits: Tensor) -> Row:
    """One row: right, or the usual mistake."""
    powers = logits.exp()
    rows = powers / powers.sum(1, keepdim=True)
    one_largest = (logits - logits.max()).exp()
    usual: list[Usual] = [
        (powers, "These are only powers of e: each row must be divided by its own sum."),
        (
            logits / logits.sum(1, keepdim=True),
            "The logits were divided by their sum; take e to their power.",
        ),
        (logits.softmax(0), "This sums down the batch, axis 0. The classes of a picture lie along axis 1."),
        (powers / powers.sum(), "This divides by the sum of the whole batch: each row must sum to 1."),
    ]
    if name == LARGE:
        usual.insert(0, (rows, TOO_LARGE))
    if name == APART:
        usual += [(rows, TOO_SMALL), (one_largest / one_largest.sum(1, keepdim=True), TOO_SMALL)]
    try:
        return same(name, softmax(logits.clone()), logits.softmax(1), usual=usual)
    except RuntimeError as error:
        return Row(name, False, f"PyTorch says: {error}. `keepdim=True` keeps the axis: shapes fit again.")


SOFTMAX = CodeExercise(
    id="what_a_model_is.softmax",
    question=(
        "Write `softmax(logits)` yourself, from `exp`, a sum and a division: logits of shape `(batch, "
        "class)` become shares of the same shape, and each row sums to 1. It must also work for logits "
        "around 1000."
    ),
    name="softmax",
    start=(
        "import torch\n\n\ndef softmax(logits):\n"
        '    """(batch, class) -> shares of the same shape; each row sums to 1."""\n'
        "    return logits\n"
    ),
    solution=(
        "import torch\n\n\ndef softmax(logits):\n"
        "    largest = logits.max(dim=1, keepdim=True).values  # (batch, 1)\n"
        "    powers = (logits - largest).exp()  # at most 1: nothing overflows\n"
        "    return powers / powers.sum(dim=1, keepdim=True)\n"
    ),
    check=check_softmax,
    wrong=(
        Wrong(
            "def softmax(logits):\n    powers = logits.exp()\n    return powers / powers.sum(dim=1, "
            "keepdim=True)\n",
            LARGE,
        ),
        Wrong("def softmax(logits):\n    powers = logits.exp()\n    return powers / powers.sum()\n", ROWS),
        Wrong("import torch\n\ndef softmax(logits):\n    return torch.softmax(logits, dim=0)\n", ROWS),
        Wrong("def softmax(logits):\n    return logits.exp()\n", ONE),
        Wrong(
            "def softmax(logits):\n    powers = (logits - logits.max()).exp()\n"
            "    return powers / powers.sum(dim=1, keepdim=True)\n",
            APART,
        ),
        Wrong(
            "def softmax(logits):\n    powers = (logits - logits.max()).exp()\n    return powers / "
            "powers.sum(dim=1)\n",
            ROWS,
        ),
    ),
    hints=(
        "The classes lie along axis 1. `x.sum(dim=1, keepdim=True)` has the shape `(batch, 1)` and divides "
        "each row by its own sum.",
        "Nothing changes when the same number is taken away from all logits of a row. Which number makes "
        "sure that no power is larger than 1?",
    ),
    why=(
        "e^(a − m) / sum of e^(b − m) is the same as e^a / sum of e^b: the factor e^(−m) cancels. So the "
        "largest logit can go first, and float32 never overflows. `torch.softmax` does the same."
    ),
    further="Write the logarithm of the shares without computing a share first, and compare with "
    "`log_softmax`.",
    minutes=6,
)

# ---- questions

REST = ChoiceExercise(
    id="what_a_model_is.rest",
    question=(
        "Choose the photograph *a temple* in the figure. The five percentages sum to clearly less than 100 "
        "%. Where is the rest?"
    ),
    choices=(
        Choice(
            "The other 995 names have it",
            True,
            "Yes. The model gives every one of its 1,000 names a share, and all shares together are 100 %.",
        ),
        Choice(
            "The model keeps it back, because it is not sure",
            False,
            "The model cannot keep anything back: its shares always sum to 100 %. Doubt shows as "
            "many small shares.",
        ),
        Choice(
            "It was lost in rounding",
            False,
            "Rounding to a tenth of a percent loses at most 0.05 % a name. The line under the bars "
            "tells where it is.",
        ),
    ),
    hints=(
        "Read the line below the five bars.",
        "The model knows 1,000 names. How many of them does the figure list?",
    ),
    why=(
        "A classifier shares 100 % among the names that it knows. A large share means that the other names "
        "fit worse, not that the name is right."
    ),
    further="For which photograph do the five names share least? What does that say about the model?",
    minutes=2,
)

SHAPE = ChoiceExercise(
    id="what_a_model_is.shape",
    question=(
        "32 colour photographs, each 224 pixels high and 160 pixels wide, go into a PyTorch model as one "
        "batch. Which shape has the tensor?"
    ),
    choices=(
        Choice("`(32, 3, 224, 160)`", True, "Yes: batch, channel, height, width."),
        Choice(
            "`(32, 224, 160, 3)`",
            False,
            "This is the order of picture files, with channels last. PyTorch's models want the channels as "
            "the second axis; `permute(0, 3, 1, 2)` brings them there.",
        ),
        Choice(
            "`(32, 3, 160, 224)`",
            False,
            "Height comes before width: an array counts rows first. Programs for pictures often say width "
            "first, which is why this slip is so common.",
        ),
        Choice(
            "`(3, 224, 160)`",
            False,
            "This is one photograph. A batch has an axis for the photographs, and it comes first.",
        ),
    ),
    hints=(
        "Say what each axis stands for before you fill in a number.",
        "The order is batch, channel, height, width.",
    ),
    why="The lengths are only numbers: what each axis stands for is an agreement that you must know "
    "and keep.",
    further="How many bytes does this batch take as `uint8`, and how many as `float32`?",
    minutes=2,
)

PARAMETERS = NumberExercise(
    id="what_a_model_is.parameters",
    question=(
        "The last layer of the classifier, `nn.Linear(1280, 1000)`, turns 1,280 features into 1,000 logits. "
        "How many parameters has it, biases included?"
    ),
    target=1_281_000,
    tolerance=0,
    mistakes=(
        Mistake(1_280_000, "These are the weights alone. Each of the 1,000 logits also has a bias."),
        Mistake(1_281_280, "A bias belongs to each logit that comes out, not to each feature that goes in."),
        Mistake(
            2_280, "Every logit is joined with every feature: multiply the two lengths, do not add them."
        ),
        Mistake(1_000, "These are the biases alone. Each logit also has a weight for every feature."),
    ),
    hints=(
        "Each logit is a weighted sum of all features, plus one number of its own.",
        "One weight for each pair of feature and logit, and one bias for each logit.",
    ),
    solution="1,280 · 1,000 weights + 1,000 biases = 1,281,000.",
    why=(
        "This one layer holds more than a quarter of the model's 4,652,008 parameters. Filters use the same "
        "few numbers at every place of a picture, so the layers before it are cheaper than they look."
    ),
    further="How many parameters has the head if the model is to tell 5 classes apart instead of 1,000?",
    minutes=3,
)


def shuffled_answers() -> str:
    """What the trained numbers and the shuffled ones say to three photographs, as HTML."""
    from glassworks.core.errors import PersonError
    from glassworks.insight.sanity import randomised
    from glassworks.reader import draw
    from glassworks.reader.figures.lite0 import HOW_TO_GET, classifier
    from glassworks.reader.figures.photographs import PLAIN, available, photograph
    from glassworks.reader.figures.shares import percent

    try:
        lite = classifier()
    except PersonError as missing:
        return draw.text(f"To see it live: {HOW_TO_GET} ({html.escape(missing.got)}).", "warn")
    ruined = randomised(lite.model, 0)
    rows = []
    for name in [name for name in available() if name != PLAIN][:4]:
        inputs = lite.prepared(lite.view(photograph(name)))
        cells = [lite.top(lite.shares(inputs, model), 1)[0] for model in (lite.model, ruined)]
        rows.append([name, *(f"{word}, {percent(share)}" for word, share in cells)])
    return draw.table(("photograph", "trained numbers", "the same numbers, shuffled"), rows) + draw.note(
        "Same code, same shapes, same numbers in other places (and the running means of its norms measured "
        "anew, so that signals still pass). Equal shares would be 0.1 % each; instead it answers at random, "
        "sometimes with a large share."
    )


SHUFFLED = PredictExercise(
    id="what_a_model_is.shuffled",
    question=(
        "Take the classifier and shuffle the numbers inside each of its tensors. The code, the shapes and "
        "the numbers themselves stay the same; only their places change. What will it say to the photographs?"
    ),
    choices=(
        Choice(
            "Much the same names, with smaller shares",
            False,
            "What was learned lies in which number stands where. Nothing of it is left.",
        ),
        Choice(
            "It stops with an error",
            False,
            "Every shape still fits, so every operation runs. A model cannot notice that it knows nothing.",
        ),
        Choice(
            "Names that have nothing to do with the photographs",
            True,
            "Yes. It runs without complaint and answers at random, now and then with a large share.",
        ),
    ),
    reveal=shuffled_answers,
    hints=(
        "Which part of the model could raise an error? Have the shapes changed?",
        "Think of a cake's recipe in which the amounts were swapped.",
    ),
    why=(
        "A model is shapes plus numbers. The shapes let it run; the numbers at their places are all that it "
        "knows. And a share is no proof of knowledge: numbers without any meaning give large shares too."
    ),
    further="Shuffle the head alone: `randomised(model, 0, share=0.01)` in `insight/sanity.py`. "
    "What is left?",
    minutes=3,
)

DEVICE = ChoiceExercise(
    id="what_a_model_is.device",
    question=(
        "`device` is the GPU on which a model's parameters lie. `batch` was just read from files and lies in "
        "main memory, so `model(batch)` stops with an error. Which line before it helps?"
    ),
    choices=(
        Choice(
            "`batch = batch.to(device)`",
            True,
            "Yes: a copy on the model's own device, under the old name. The line is the same on "
            "every machine.",
        ),
        Choice(
            "`batch.to(device)`",
            False,
            "For a tensor `.to` returns a copy and leaves the tensor where it is. This copy gets no "
            "name: lost.",
        ),
        Choice(
            "`batch = batch.float()`",
            False,
            "This changes the type of the numbers, not the place where they lie.",
        ),
        Choice(
            "None: PyTorch copies the batch over by itself",
            False,
            "It does not move a batch between devices unasked, since that is slow. It raises an "
            "error instead.",
        ),
    ),
    hints=(
        "Everything that takes part in one operation must lie on one device.",
        "What does `.to` give back, and what happens to the tensor that it was called on?",
    ),
    why=(
        "Moving is explicit. A module moves itself: `model.to(device)` changes the model. A tensor is "
        "copied, so it needs the assignment."
    ),
    further="Make the tensor where it is needed and save the copy: `torch.zeros(8, 3, 32, 32, "
    "device=device)`.",
    minutes=2,
)

BATCHES = NumberExercise(
    id="what_a_model_is.batches",
    question=(
        "A data set has 50,000 training pictures. In batches of 64, the last one smaller, how many batches "
        "are one epoch?"
    ),
    target=782,
    tolerance=0,
    mistakes=(
        Mistake(781, "781 batches of 64 are 49,984 pictures. The last 16 would never be seen."),
        Mistake(781.25, "A quarter of a batch is still a batch: the last one holds 16 pictures."),
        Mistake(783, "782 · 64 is 50,048 already, more than there are."),
        Mistake(3_200_000, "This multiplies. Each batch uses up 64 of the pictures."),
    ),
    hints=("How many pictures are left over after 781 full batches?", "Divide and round up."),
    solution="50,000 / 64 = 781.25, so 781 full batches and one of 16 pictures: 782.",
    why="The last batch is smaller, so the mean of the batches' losses is not quite the mean over "
    "all pictures.",
    further="For which batch sizes between 1 and 100 does 50,000 leave no rest?",
    minutes=2,
)

EXERCISES = (REST, SHAPE, NORMALISE, PARAMETERS, SOFTMAX, SHUFFLED, DEVICE, BATCHES)
