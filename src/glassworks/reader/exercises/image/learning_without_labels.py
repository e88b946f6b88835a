"""Exercises of the chapter on learning without labels: counting, masking, the decoder, the loss, the gain."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.models.vision.mae import EPSILON, errors, kept, statistics
from glassworks.models.vision.mae import random_masking as reference_masking
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

# ---- how many are left

KEPT = NumberExercise(
    id="learning_without_labels.kept",
    question=(
        "A picture of 384 × 384 pixels is cut into patches of 16 × 16, and 75 % of them are hidden. The "
        "encoder also has a class token, which is never hidden. How many tokens does the encoder read?"
    ),
    target=145,
    tolerance=0,
    unit="tokens",
    mistakes=(
        Mistake(144, "Those are the patches that are left. The class token comes on top."),
        Mistake(432, "That is how many patches are hidden. The encoder reads the others."),
        Mistake(433, "That is the hidden patches and a class token. The encoder reads the visible ones."),
        Mistake(50, "That is right for 224 × 224 pixels. Here the grid is 24 × 24."),
        Mistake(
            577, "That is everything: 576 patches and the class token. Three quarters of the patches go."
        ),
        Mistake(144.25, "A quarter of 577: the class token is not among what can be hidden."),
    ),
    hints=(
        "How many patches are there? How many of them are hidden?",
        "24 · 24 = 576 patches, 432 of them hidden. And one token is no patch.",
    ),
    why=(
        "576 - 432 = 144 patches are left, and the class token stands before them. In the decoder all 577 "
        "places are filled again."
    ),
    solution="(384 / 16)² = 576; 576 · 0.75 = 432 hidden; 576 - 432 = 144 left; 144 + 1 = 145.",
    minutes=2,
    further=(
        "Small pictures need small patches: of 32 × 32 pixels in patches of 16 one would be left of four. "
        "The `tiny` recipe of the workbench cuts such pictures into 64 patches and keeps 16."
    ),
)

# ---- a count that is cut off


CASES = ((196, 0.75), (64, 0.75), (100, 0.9), (100, 0.8), (10, 0.9), (5, 0.8), (10, 0.7))


def cut_off(tokens: int, hidden: float) -> int:
    """The count as it is often written."""
    return int(tokens * (1 - hidden))


def _counts() -> str:
    rows = []
    for tokens, hidden in CASES:
        before, right, wrong = tokens * (1 - hidden), kept(tokens, hidden), cut_off(tokens, hidden)
        tone = "good" if right == wrong else "bad"
        rows.append([f"{tokens} at {hidden}", f"{before!r}", (f"{wrong}", tone), f"{right}"])
    head = ["tokens", "tokens * (1 - hidden)", "int of it", "max(1, tokens - round(tokens * hidden))"]
    return table(head, rows) + note("Computed now, by Python and by the library's `kept`.")


TRUNCATED = PredictExercise(
    id="learning_without_labels.truncated",
    question=(
        "In much code the number of visible tokens is `int(tokens * (1 - hidden))`. What does Python give "
        "for 100 tokens and `hidden = 0.9`?"
    ),
    choices=(
        Choice(
            "10: that is 100 · 0.1.",
            False,
            "On paper. But neither 0.9 nor 1 - 0.9 can be written in binary digits without an error, and "
            "`int` does not round.",
        ),
        Choice(
            "9: the product is a little below 10, and `int` cuts off.",
            True,
            "Yes. `1 - 0.9` is 0.09999999999999998 for the machine, so the product is 9.999999999999998.",
        ),
        Choice(
            "11: the product is a little above 10, and `int` rounds up.",
            False,
            "`int` never rounds up a number above 0: it cuts off what stands behind the point.",
        ),
        Choice(
            "It depends on the machine.",
            False,
            "Floating-point numbers follow one standard on all usual machines: the result is the same "
            "everywhere, and wrong everywhere.",
        ),
    ),
    reveal=_counts,
    hints=(
        "What does Python print for `1 - 0.9`?",
        "`int(9.99)` is 9.",
    ),
    why=(
        "A patch too few is no disaster at 100. At 10 tokens and 0.9 it leaves none at all, and an encoder "
        "without tokens has nothing to say. So count the hidden ones, round, and keep at least one."
    ),
    further=(
        "Nor is every ratio wrong: at 0.75, which is exact in binary, both counts agree. That is why such a "
        "line of code can live for years."
    ),
    minutes=3,
)

# ---- random masking in code

MASKING_START = '''\
import torch

def random_masking(tokens, noise, hidden):
    """tokens: (batch, count, dimension); noise: (batch, count); hidden: a share
    returns visible (batch, kept, dimension), the tokens with the smallest noise first,
            mask (batch, count): 1 where a token is hidden, else 0, in the tokens' own order,
            restore (batch, count): the place of each token among the shuffled ones"""
    count, dimension = tokens.shape[1:]
    kept = max(1, count - round(count * hidden))
    # your lines
'''
MASKING_SOLUTION = """\
import torch

def random_masking(tokens, noise, hidden):
    count, dimension = tokens.shape[1:]
    kept = max(1, count - round(count * hidden))
    shuffled = noise.argsort(dim=1)
    restore = shuffled.argsort(dim=1)
    visible = tokens.gather(1, shuffled[:, :kept, None].expand(-1, -1, dimension))
    mask = (restore >= kept).float()
    return visible, mask, restore
"""
LARGEST = "These are the tokens with the *largest* noise. Which ones stay is a convention; here the smallest."
BY_RESTORE = (
    "The tokens were taken by the second sort. `restore` says where each token went; `shuffled` says which "
    "token stands at a place, and that is asked for here."
)
IN_ORDER = "The right tokens, in the order of the picture. Here they come in the order of their noise."
MASK_SHUFFLED = (
    "The mask is in shuffled order: first the visible places, then the hidden ones. The loss would look at "
    "the wrong patches. Bring it back with `restore`."
)
MASK_TURNED = "0 and 1 are swapped: 1 marks what is hidden, because that is what the loss counts."
MASK_BY_ORDER = (
    "`shuffled >= kept` compares the *numbers* of tokens. Compare the places where they went: `restore`."
)
NOT_INVERTED = (
    "That is the shuffle itself, not the way back. Sort it once more: the inverse of a permutation is its "
    "`argsort`."
)
NONE_LEFT = "No token is left. Count the hidden ones, round them, and keep at least one."


def check_masking(random_masking: Callable) -> list[Row]:
    """Three random shapes against the library, part by part, and the way back."""
    rows: list[Row] = []
    cases = (
        ("nine patches", (2, 9, 4), 0.65),
        ("16 patches", (3, 16, 5), 0.75),
        ("ten patches", (2, 10, 3), 0.9),
    )
    for seed, (name, shape, hidden) in enumerate(cases):
        dice = generator(seed, "masking exercise")
        tokens = torch.from_numpy(dice.normal(0, 1, shape).astype(np.float32))
        noise = torch.from_numpy(dice.random(shape[:2]).astype(np.float32))
        given = random_masking(tokens.clone(), noise.clone(), hidden)
        if not isinstance(given, (tuple, list)) or len(given) != 3:
            told = "Expected three things: `return visible, mask, restore`."
            return [*rows, Row(f"{name}: visible", False, told)]
        rows += _three(name, tokens, noise, hidden, tuple(given))
    return rows


def _three(name: str, tokens: Tensor, noise: Tensor, hidden: float, given: tuple) -> list[Row]:
    """How visible tokens, mask and way back of one case compare."""
    right = reference_masking(tokens, hidden, noise=noise)
    shuffled, stay = noise.argsort(1), right.visible.shape[1]

    def taken(places: Tensor) -> Tensor:
        return tokens.gather(1, places[:, :, None].expand(-1, -1, tokens.shape[2]))

    visible = [
        (taken(noise.argsort(1, descending=True)[:, :stay]), LARGEST),
        (taken(right.restore[:, :stay]), BY_RESTORE),
        (taken(shuffled[:, :stay].sort(1).values), IN_ORDER),
        (tokens[:, :0], NONE_LEFT),
    ]
    in_a_row = (torch.arange(tokens.shape[1]) >= stay).float().expand_as(noise)
    mask = [
        (in_a_row, MASK_SHUFFLED),
        (1 - right.mask, MASK_TURNED),
        ((shuffled >= stay).float(), MASK_BY_ORDER),
    ]
    return [
        same(f"{name}: visible", given[0], right.visible, usual=visible),
        same(f"{name}: mask", given[1], right.mask, usual=mask),
        same(f"{name}: restore", given[2], right.restore, usual=[(shuffled, NOT_INVERTED)]),
    ]


MASKING = CodeExercise(
    id="learning_without_labels.masking",
    question=(
        "Write random masking for a batch: from tokens and noise to the visible tokens, the mask and the way "
        "back. Two sorts do it. How many stay is counted already."
    ),
    start=MASKING_START,
    name="random_masking",
    check=check_masking,
    solution=MASKING_SOLUTION,
    wrong=(
        Wrong(
            MASKING_SOLUTION.replace(
                "mask = (restore >= kept).float()",
                "mask = (torch.arange(count) >= kept).float().expand_as(noise)",
            ),
            "nine patches: mask",
        ),
        Wrong(
            MASKING_SOLUTION.replace("restore = shuffled.argsort(dim=1)", "restore = shuffled"),
            "nine patches: restore",
        ),
        Wrong(
            MASKING_SOLUTION.replace("noise.argsort(dim=1)", "noise.argsort(dim=1, descending=True)"),
            "nine patches: visible",
        ),
        Wrong(MASKING_SOLUTION.replace("restore >= kept", "restore < kept"), "16 patches: mask"),
        Wrong(
            MASKING_SOLUTION.replace("shuffled[:, :kept, None]", "restore[:, :kept, None]"),
            "16 patches: visible",
        ),
        Wrong(
            MASKING_SOLUTION.replace(
                "max(1, count - round(count * hidden))", "int(count * (1 - hidden))"
            ),
            "ten patches: visible",
        ),
    ),
    hints=(
        "`argsort` of the noise says which token stands at each shuffled place. Its own `argsort` is its "
        "inverse.",
        "`gather` takes tokens by number: `tokens.gather(1, shuffled[:, :kept, None].expand(-1, -1, "
        "dimension))`. A token is hidden when its place is `kept` or more.",
    ),
    why=(
        "All three are needed. Without `mask` the loss cannot tell hidden patches, without `restore` the "
        "decoder cannot put anything back. Code that returns the visible tokens alone cannot be trained."
    ),
    minutes=8,
    further=(
        "Each row of noise hides other patches, so every picture of a batch is cut in its own way, without "
        "a loop. Noise is drawn on the device of the tokens, or from a generator, which repeats it anywhere."
    ),
)  # fmt: skip

# ---- what a step gains

SPEED = NumberExercise(
    id="learning_without_labels.speed",
    question=(
        "A step of training takes 100 ms while the encoder sees all patches: 70 ms in the encoder, 30 ms in "
        "the decoder. Now three quarters are hidden; the encoder is 4 times as fast, the decoder still works "
        "on all places. How many times as fast is the whole step? Two decimals are enough."
    ),
    target=2.105,
    tolerance=0.01,
    unit="times",
    mistakes=(
        Mistake(4.0, "That is the encoder alone. The 30 ms of the decoder have not become less."),
        Mistake(2.8, "That is 0.7 · 4. Add up times, not speeds: 70 / 4 ms are left of the encoder."),
        Mistake(
            3.1, "That is the mean of both factors, weighed by their times before. Add the times *after*."
        ),
        Mistake(0.475, "That is the share of the time that is left. Its inverse was asked for."),
        Mistake(5.71, "That is 100 / 17.5: the decoder was forgotten."),
    ),
    hints=(
        "How many milliseconds does the encoder take now? And the decoder?",
        "17.5 + 30 = 47.5 ms. Before it was 100 ms.",
    ),
    why=(
        "What is not made faster sets the limit: even an encoder that took no time at all would leave 30 ms, "
        "3.33 times. That is why the decoder is kept small, and why a claim of speed must say of what."
    ),
    solution="70 / 4 + 30 = 47.5 ms; 100 / 47.5 = 2.105.",
    minutes=3,
    further="This is known as Amdahl's law. It holds for every part of a program that is made faster.",
)

# ---- the decoder without places


def _guesses(places: bool) -> Tensor:
    """What a small MAE with random numbers guesses of the 12 hidden patches of a digit, (12, 4)."""
    from glassworks.core.keyed import seed_for
    from glassworks.models.vision.mae import build
    from glassworks.reader.figures.small_mae import NORMALISED, noise_of, pictures, shape_of

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed_for(0, "places exercise"))
        model = build(shape_of(NORMALISED)).eval()
        if not places:
            model.decoder.positions.zero_()
        guess = model(pictures().test[:1], noise_of(0)[:1])
    return guess.prediction[0][guess.mask[0] > 0]


def _places_shown() -> str:
    rows = []
    for name, places in (("with places", True), ("without places", False)):
        guesses = _guesses(places)
        apart = (guesses - guesses[0]).abs().max().item()
        shown = [", ".join(f"{value:+.3f}" for value in guess.tolist()) for guess in guesses[:3]]
        rows.append([name, *shown, (f"{apart:.2g}", "warn" if apart < 1e-5 else "good")])
    head = ["decoder", "hidden patch 1", "hidden patch 2", "hidden patch 3", "largest difference of 12"]
    return table(head, rows) + note(
        "The four pixels that a small model with random numbers guesses of a digit's hidden patches, "
        "computed now. What is below 0.00001 is rounding."
    )


PLACES = PredictExercise(
    id="learning_without_labels.places",
    question=(
        "Every patch is told its place before the encoder. Take the *second* addition of places away, the "
        "one in the decoder, and leave all else. What are the guesses for the hidden patches of one picture?"
    ),
    choices=(
        Choice(
            "As before: the encoder has told all tokens their places.",
            False,
            "It told the visible ones. Hidden patches never were in the encoder; a mask token stands for "
            "them.",
        ),
        Choice(
            "Every hidden patch gets one and the same guess.",
            True,
            "Yes. All mask tokens are the same vector, and a block that knows no order gives equal tokens "
            "equal answers.",
        ),
        Choice(
            "Each hidden patch becomes a copy of the visible patch that is nearest.",
            False,
            "What is near can only be known from places, and the mask tokens have none.",
        ),
        Choice(
            "The right patches, in a random order.",
            False,
            "Nothing is random in the decoder, and nothing tells one mask token from another.",
        ),
    ),
    reveal=_places_shown,
    hints=(
        "In what do two mask tokens of a picture differ, before places are added?",
        "Attention without positions is equivariant: swap two tokens, and their answers swap. Now let the "
        "two be equal.",
    ),
    why=(
        "The mask token is one learned vector for all hidden patches. Only its place makes it a question: "
        "what was *here*? The visible tokens get a place again as well, since the decoder need not trust "
        "that the encoder kept it."
    ),
    further=(
        "That is also why places are added *before* the masking in the encoder: after it, nobody knows where "
        "the tokens that are left have stood."
    ),
    minutes=4,
)

# ---- the loss in code

LOSS_START = '''\
import torch

def masked_errors(prediction, patches, mask):
    """prediction: (batch, tokens, numbers), what was guessed of each patch
    patches: (batch, tokens, numbers), its true pixels
    mask: (batch, tokens), 1 where a patch was hidden
    returns (batch,): mean squared error over the hidden patches of each picture,
    against patches whose own mean and spread are taken out.
    Spread: the root of (variance + 1e-6); the variance divides by numbers - 1, as torch's var does."""
    # your lines
'''
LOSS_SOLUTION = """\
import torch

def masked_errors(prediction, patches, mask):
    mean = patches.mean(-1, keepdim=True)
    spread = (patches.var(-1, keepdim=True) + 1e-6).sqrt()
    target = (patches - mean) / spread
    each = ((prediction - target) ** 2).mean(-1)
    return (each * mask).sum(1) / mask.sum(1)
"""
ALL_PATCHES = (
    "Visible patches count as well. The model has seen them: to copy is an easy task that teaches little."
)
ZEROS_COUNT = (
    "The errors of visible patches became 0, and then the mean was taken over all patches, zeros included. "
    "Divide by the number of hidden ones."
)
VISIBLE_ONLY = "That is the error over the visible patches: the mask is 1 where a patch was *hidden*."
RAW_PIXELS = "The target are the pixels themselves. Take each patch's own mean and spread out first."
WHOLE_PICTURE = (
    "Mean and spread of the whole picture were taken out. Each patch has its own: the last axis only."
)
MEAN_ONLY = "The mean is taken out, the spread is not: divide by it."
POPULATION = "The variance was divided by `numbers`. `patches.var(-1)` divides by `numbers - 1`."
ONE_NUMBER = (
    "One number for the batch came back. Each picture has its own error: take means over tokens only."
)


def _case(shape: tuple[int, int, int], hidden: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    dice = generator(seed, "loss exercise")
    prediction, pixels = (torch.from_numpy(dice.normal(0, 1, shape).astype(np.float32)) for _ in range(2))
    level = torch.from_numpy(dice.uniform(0.5, 3, (*shape[:2], 1)).astype(np.float32))
    noise = torch.from_numpy(dice.random(shape[:2]).astype(np.float32))
    mask = reference_masking(prediction, hidden, noise=noise).mask
    return prediction, pixels * level + level, mask


def _target(patches: Tensor) -> Tensor:
    mean, spread = statistics(patches)
    return (patches - mean) / spread


def check_loss(masked_errors: Callable) -> list[Row]:
    """Two random shapes against the library, and a patch without any texture."""
    rows = []
    cases = (("a batch of two", (2, 9, 12), 0.65), ("a batch of three", (3, 16, 4), 0.75))
    for seed, (name, shape, hidden) in enumerate(cases):
        prediction, patches, mask = _case(shape, hidden, seed)
        got = masked_errors(prediction.clone(), patches.clone(), mask.clone())
        right = errors(prediction, _target(patches), mask)
        rows.append(same(name, got, right, usual=_usual(prediction, patches, mask)))
    prediction, patches, mask = _case((1, 4, 9), 0.5, 5)
    patches = torch.ones_like(patches) * 0.25
    got = masked_errors(prediction.clone(), patches.clone(), mask.clone())
    rows.append(same("flat patches", got, errors(prediction, _target(patches), mask)))
    return rows


def _usual(prediction: Tensor, patches: Tensor, mask: Tensor) -> list[tuple[Tensor, str]]:
    """What the usual mistakes give."""
    each = (prediction - _target(patches)).square().mean(-1)
    mean, _ = statistics(patches)
    population = (patches.var(-1, keepdim=True, correction=0) + EPSILON).sqrt()
    whole = (patches - patches.mean((1, 2), keepdim=True)) / patches.std((1, 2), keepdim=True)
    return [
        (each.mean(1), ALL_PATCHES),
        ((each * mask).mean(1), ZEROS_COUNT),
        (errors(prediction, _target(patches), 1 - mask), VISIBLE_ONLY),
        (errors(prediction, patches, mask), RAW_PIXELS),
        (errors(prediction, whole, mask), WHOLE_PICTURE),
        (errors(prediction, patches - mean, mask), MEAN_ONLY),
        (errors(prediction, (patches - mean) / population, mask), POPULATION),
        (errors(prediction, _target(patches), mask).mean(), ONE_NUMBER),
    ]


LOSS = CodeExercise(
    id="learning_without_labels.loss",
    question="Write the loss of a masked autoencoder: the target first, then the error over hidden patches.",
    start=LOSS_START,
    name="masked_errors",
    check=check_loss,
    solution=LOSS_SOLUTION,
    wrong=(
        Wrong(LOSS_SOLUTION.replace("(each * mask).sum(1) / mask.sum(1)", "each.mean(1)"), "a batch of two"),
        Wrong(
            LOSS_SOLUTION.replace("(each * mask).sum(1) / mask.sum(1)", "(each * mask).mean(1)"),
            "a batch of three",
        ),
        Wrong(LOSS_SOLUTION.replace("(patches - mean) / spread", "patches"), "a batch of two"),
        Wrong(LOSS_SOLUTION.replace("patches.var(-1, keepdim=True) + 1e-6", "patches.var(-1, keepdim=True)"),
              "flat patches"),
        Wrong(LOSS_SOLUTION.replace("-1, keepdim=True", "(1, 2), keepdim=True"), "a batch of two"),
        Wrong(LOSS_SOLUTION.replace("sum(1) / mask.sum(1)", "sum() / mask.sum()"), "a batch of three"),
    ),
    hints=(
        "`keepdim=True` keeps an axis of length 1, so that mean and spread of a patch fit beside its pixels.",
        "First one error for each patch, (batch, tokens). Then multiply by the mask, add up over tokens, and "
        "divide by how many are hidden.",
    ),
    why=(
        "Only hidden patches are a question. And with mean and spread taken out, a patch of sky or shadow "
        "asks as much as one full of edges: the loss is about structure, not about how bright or how rich in "
        "contrast a patch is."
    ),
    minutes=7,
    further=(
        "A guess of 0 everywhere has an error of nearly 1 on a patch with texture: exactly (numbers - 1) / "
        "numbers. Whoever trains such a model should see it fall below that."
    ),
)  # fmt: skip

# ---- what a drawing proves

GIFT = ChoiceExercise(
    id="learning_without_labels.gift",
    question=(
        "A model was trained on patches without their mean and spread. Its drawings of hidden patches have "
        "the right brightness everywhere. What does that show?"
    ),
    choices=(
        Choice(
            "That it has learned how light falls in pictures.",
            False,
            "It was never asked for brightness: that was taken out of its target.",
        ),
        Choice(
            "Nothing about the model: to draw, mean and spread of the true hidden patch are put back in.",
            True,
            "Yes. The model gives the pattern; brightness and contrast come from the picture that was "
            "hidden.",
        ),
        Choice(
            "That the decoder has looked at the hidden patches.",
            False,
            "It gets mask tokens in their places. The truth comes in after the model, in the drawing.",
        ),
        Choice(
            "That it is overfitted to these pictures.",
            False,
            "It would be so with pictures that it never saw as well.",
        ),
    ),
    hints=(
        "What does the model put out for a patch, and what is missing to make pixels of it?",
        "Choose the second model in the figure above, and look at the fourth picture.",
    ),
    why=(
        "Pixels are pattern · spread + mean. The model guesses the pattern only. So such a drawing says what "
        "was understood of shape, and is no proof of the rest. A model that guesses pixels gets no such gift."
    ),
    minutes=2,
    further=(
        "The same care is due with pictures in papers and talks: ask which part of a drawing came from the "
        "model. The workbench says so in its report."
    ),
)

# ---- reading the lab

GAIN = ChoiceExercise(
    id="learning_without_labels.gain",
    question=("Read the lab above: its rule, its verdict and its table. Which sentence does it support?"),
    choices=(
        Choice(
            "Pretraining without labels brings 4.5 points where labels are few.",
            False,
            "4.5 is the mean, and its interval reaches from -1.1 to 10.1. No gain at all lies in it.",
        ),
        Choice(
            "With 2 labels a class the gain is shown: its interval lies above 0.",
            False,
            "The rule was written before, and it speaks of the mean over the three numbers of labels. Who "
            "looks at three rows and reports the best one finds something too often. Three seeds, and an "
            "interval that begins at 0.5, do not carry it.",
        ),
        Choice(
            "A gain is not shown here. The row with the fewest labels is a reason to test that case anew, "
            "with more seeds.",
            True,
            "Yes. That is how a surprise in one row is used: as a new question, with its own rule, before "
            "new numbers.",
        ),
        Choice(
            "Pretraining harms as soon as there are 20 labels a class.",
            False,
            "The mean there is -1.7, and its interval from -7.5 to 4.0 holds gains as well as losses.",
        ),
    ),
    hints=(
        "What does the rule say decides?",
        "Where does the interval of that number begin and end?",
    ),
    why=(
        '"Not shown" is not "shown that not". With three seeds the interval is wide. Here a thousand small '
        "digits and a tiny network were used; He (2021) worked with 1.28 million photographs."
    ),
    minutes=3,
    further=(
        "Press *Run again* if you have the time, or raise `SEEDS` in the lab's file: with more seeds the "
        "interval shrinks with the root of their number."
    ),
)

EXERCISES = (KEPT, TRUNCATED, MASKING, SPEED, PLACES, LOSS, GIFT, GAIN)
