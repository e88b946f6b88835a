"""Exercises of the chapter on what a model looked at: the map, rollout, and whether it can be believed."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.insight.attention import ITSELF, through
from glassworks.reader.draw import line_chart, note
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


def attention_like(dice: np.random.Generator, *shape: int, sharp: float = 1.5) -> Tensor:
    """Random weights whose rows sum to 1, float32 (…, queries, keys)."""
    scores = torch.from_numpy(dice.normal(0, sharp, shape).astype(np.float32))
    return scores.softmax(-1)


# ---- the place of a patch

PLACE = NumberExercise(
    id="what_it_looked_at.place",
    question=(
        "A ViT cuts 224 x 224 pixels into 14 rows and 14 columns of patches, row by row, and puts a class "
        "token before them: 197 tokens, numbered from 0. Which number has the patch in row 5 and column 3, "
        "both counted from 0?"
    ),
    target=74,
    tolerance=0,
    mistakes=(
        Mistake(
            73, "That is its place among the patches. The class token stands before them and is token 0."
        ),
        Mistake(48, "Rows and columns are swapped: that is the patch in row 3 and column 5."),
        Mistake(47, "Rows and columns are swapped, and the class token is forgotten."),
        Mistake(75, "One too many: with everything counted from 0 the class token adds one, not two."),
        Mistake(59, "That is row 4, column 2: you counted rows and columns from 1."),
        Mistake(15, "A row has 14 patches, so five rows are 70 tokens, not 5 times 2 or 3."),
    ),
    hints=(
        "How many patches stand in the rows before row 5?",
        "Add the patches to its left in its own row, and then what stands before all patches.",
    ),
    why=(
        "1 + 5 · 14 + 3 = 74. The patches are tokens 1 to 196: 196 of them. Token 0 is the class token. "
        "Two rows of a map that are off by one token give a picture that is shifted by a patch, and it "
        "still looks fine."
    ),
    further=(
        "A DeiT has two tokens before the patches, so there it is 75. The workbench asks the model: "
        "`prefix` in `LayerAttention`."
    ),
    solution="1 (class token) + 5 · 14 (rows before) + 3 (to its left) = 74.",
)

# ---- the map

MAP_START = '''\
import torch

def class_map(weights, rows, columns):
    """weights: (heads, tokens, tokens) of one picture; returns (rows, columns)."""
    mean = ...
    # your lines
'''
MAP_SOLUTION = """\
import torch

def class_map(weights, rows, columns):
    mean = weights.mean(dim=0)             # (tokens, tokens)
    drawn = mean[0, 1:]                    # (rows * columns,)
    return drawn.reshape(rows, columns)
"""
NOT_THE_LAST = (
    "The last column was left out to make the number fit, and the class token's own column stayed: every "
    "patch shows the weight of the one before it."
)


def check_class_map(class_map: Callable) -> list[Row]:
    """Random weights on grids that are no squares, so that a transposed map is seen."""
    dice = generator(3, "class map")
    cases = []
    for heads, rows, columns in ((3, 2, 3), (4, 4, 3), (2, 3, 5)):
        tokens = 1 + rows * columns
        cases.append((attention_like(dice, heads, tokens, tokens), rows, columns))
    found = [_map_row(class_map, *case) for case in cases]
    worst = next((row for row in found if not row.passed), found[0])
    return [worst, unchanged("the weights are left as they were", class_map, *cases[0])]


def _map_row(class_map: Callable, weights: Tensor, rows: int, columns: int) -> Row:
    mean, shape = weights.mean(0), (rows, columns)
    right = mean[0, 1:].reshape(shape)
    usual = [
        (mean[0, :-1].reshape(shape), NOT_THE_LAST),
        (
            mean[1:, 0].reshape(shape),
            "That is the column of the class token: how much each patch draws from it. Its row is wanted: "
            "how much it draws from each patch.",
        ),
        (
            mean[0, 1:].reshape(columns, rows).T,
            "Places run down the columns. Patches are counted row by row: the right shape is `(rows, "
            "columns)` at once.",
        ),
        (weights[0, 0, 1:].reshape(shape), "That is the first head alone; take the mean over all heads."),
        (
            weights.mean(1)[0, 1:].reshape(shape),
            "The mean was taken over the queries and the first head was kept. Heads are axis 0 here.",
        ),
        (
            weights.sum(0)[0, 1:].reshape(shape),
            "That is the sum over the heads. With the mean the row stays a share of 1.",
        ),
        (
            right / right.sum(),
            "The map was scaled up to 1. What the class token gave itself is hidden that way; leave the "
            "sum below 1.",
        ),
    ]
    return same("the map of the class token", class_map(weights, rows, columns), right, usual=usual)


CLASS_MAP = CodeExercise(
    id="what_it_looked_at.class_map",
    question=(
        "Write `class_map(weights, rows, columns)`. `weights` holds the attention of one block to one "
        "picture, `(heads, tokens, tokens)`, with the class token first. Return from where the class token "
        "drew, the mean over the heads, as `(rows, columns)`. Do not scale it."
    ),
    start=MAP_START,
    name="class_map",
    check=check_class_map,
    solution=MAP_SOLUTION,
    wrong=(
        Wrong(MAP_SOLUTION.replace("mean[0, 1:] ", "mean[0]"), "the code runs"),
        Wrong(MAP_SOLUTION.replace("mean[0, 1:]", "mean[0, :-1]"), "the map of the class token"),
        Wrong(MAP_SOLUTION.replace("mean[0, 1:]", "mean[1:, 0]"), "the map of the class token"),
        Wrong(
            MAP_SOLUTION.replace("reshape(rows, columns)", "reshape(columns, rows).T"),
            "the map of the class token",
        ),
        Wrong(MAP_SOLUTION.replace("weights.mean(dim=0)", "weights[0]"), "the map of the class token"),
        Wrong(MAP_SOLUTION.replace("mean(dim=0)", "mean(dim=1)"), "the map of the class token"),
        Wrong(
            MAP_SOLUTION.replace("return drawn", "drawn = drawn / drawn.sum()\n    return drawn"),
            "the map of the class token",
        ),
    ),
    hints=(
        "Three steps, in this order: one axis away by a mean, one row, one column less.",
        "The number 197 has no factors, 196 is 14 times 14. Which of the 197 columns has no place in the "
        "picture?",
    ),
    why=(
        "The class token has no place, so its own column is not drawn, and the map sums to a little less "
        "than 1. The column that goes is the first. Leaving out the last one gives the right shape and a "
        "shifted picture."
    ),
    minutes=6,
    further=(
        "`drawn_from` in `insight/attention.py` does this for a whole batch, for each head, for one patch "
        "in place of the class token, and for models that have no class token."
    ),
)

# ---- without the way round

TOKENS, DEPTH = 17, 12


def spread_by_depth(itself: float) -> list[tuple[float, float]]:
    """(layers, largest difference between two rows) of products of random attention."""
    dice = generator(0, "spread by depth")
    whole, found = torch.eye(TOKENS), []
    for depth in range(1, DEPTH + 1):
        layer = attention_like(dice, TOKENS, TOKENS)
        whole = (itself * torch.eye(TOKENS) + (1 - itself) * layer) @ whole
        apart = (whole[:, None] - whole[None]).abs().amax()
        found.append((float(depth), float(apart)))
    return found


def _spreads() -> str:
    without, half = spread_by_depth(0.0), spread_by_depth(ITSELF)
    chart = line_chart(
        {"attention alone": without, "half of it goes round": half}, across="layers multiplied",
        up="largest difference of two rows", width=400, height=240, logarithmic="y",
    )  # fmt: skip
    return chart + note(
        f"After {DEPTH} layers two rows differ by at most {without[-1][1]:.5f} without the way round, and by "
        f"{half[-1][1]:.4f} with it: the way round slows the washing out, and does not end it."
    )


WITHOUT_ITSELF = PredictExercise(
    id="what_it_looked_at.without_itself",
    question=(
        "Take twelve layers of random attention over 17 tokens; all rows sum to 1. Multiply them as they "
        "are, without the identity. What do the rows of the product look like?"
    ),
    choices=(
        Choice(
            "All rows are nearly the same: every token seems to have drawn from the same places.",
            True,
            "Yes. Each layer takes a mean of what the layer before left, and means of means forget where "
            "they began.",
        ),
        Choice(
            "Each row is sharper than in any one layer, because large weights multiply.",
            False,
            "A row of a product is a mean of rows, weighed by numbers that sum to 1. A mean is never "
            "sharper than the sharpest of its parts.",
        ),
        Choice(
            "They look like the rows of the last layer, which has the last word.",
            False,
            "The last layer says from which tokens was drawn. What those tokens held by then came from "
            "everywhere.",
        ),
        Choice(
            "They sum to much less than 1, because numbers below 1 are multiplied.",
            False,
            "Rows that sum to 1 stay so when matrices are multiplied: the product still shares out one "
            "whole.",
        ),
    ),
    reveal=_spreads,
    hints=(
        "Think of a mean of means of means. What becomes of the differences?",
        "In the figure, set the share that goes round to 0 and compare the rows of the product with each "
        "other.",
    ),
    why=(
        "Products of matrices whose rows sum to 1 forget their start. A network of blocks does not, "
        "because every block adds to what was there: the residual path. The identity in rollout stands for "
        "that path."
    ),
    minutes=3,
    further=(
        "With half going round, the difference still halves with every layer of random attention. That is "
        "why rollout of a deep network tends to be smooth."
    ),
)

# ---- rollout

ROLLOUT_START = '''\
import torch

def rollout(layers):
    """layers: (depth, tokens, tokens), the first layer first; returns (tokens, tokens)."""
    itself = torch.eye(layers.shape[-1])
    whole = itself
    for layer in layers:
        ...  # your lines
    return whole
'''
ROLLOUT_SOLUTION = """\
import torch

def rollout(layers):
    itself = torch.eye(layers.shape[-1])
    whole = itself
    for layer in layers:
        mixed = 0.5 * itself + 0.5 * layer
        whole = mixed @ whole
    return whole
"""


AROUND = (
    "The order is turned round. The later layer draws from what the earlier one left: it stands on the left, "
    "`mixed @ whole`."
)


def slow_rollout(layers: Tensor) -> Tensor:
    """Rollout with three loops and no matrix product: the sum over all ways from token to token."""
    tokens = layers.shape[-1]
    whole = [[float(row == column) for column in range(tokens)] for row in range(tokens)]
    for layer in layers.tolist():
        new = [[0.0] * tokens for _ in range(tokens)]
        for row in range(tokens):
            for column in range(tokens):
                for between in range(tokens):
                    share = ITSELF * (row == between) + (1 - ITSELF) * layer[row][between]
                    new[row][column] += share * whole[between][column]
        whole = new
    return torch.tensor(whole)


def check_rollout(rollout: Callable) -> list[Row]:
    """One layer, several in their order, rows that sum to 1, and the weights left alone."""
    dice = generator(7, "rollout")
    rows = []
    for name, depth, tokens in (("one layer", 1, 4), ("three layers in their order", 3, 6)):
        layers = attention_like(dice, depth, tokens, tokens)
        wanted = through(layers[:, None])[0]
        rows.append(same(name, rollout(layers.clone()), wanted, usual=_usual_rollouts(layers)))
    many = attention_like(dice, 8, 10, 10)
    got = rollout(many.clone())
    fine = isinstance(got, Tensor) and got.shape == (10, 10)
    sums = got.sum(-1) if fine else got
    twice = [(torch.full((10,), 2.0**8), "The rows doubled with every layer: give each half a share of 0.5.")]
    rows.append(same("rows sum to 1 after eight layers", sums, torch.ones(10), usual=twice))
    return [*rows, unchanged("the weights are left as they were", rollout, many)]


def _usual_rollouts(layers: Tensor) -> list[tuple[Tensor, str]]:
    """What the usual mistakes give, with their reasons."""
    itself = torch.eye(layers.shape[-1])
    mixed = ITSELF * itself + (1 - ITSELF) * layers
    plain, added, turned, places = itself, itself, itself, torch.ones_like(itself)
    for layer, one in zip(layers, mixed):
        plain, added, turned, places = layer @ plain, (itself + layer) @ added, turned @ one, places * one
    return [
        (plain, "The attention alone was multiplied. Half of each token goes round the layer: mix it in."),
        (added, "Identity and attention were added with full weight, so the rows double with every layer."),
        (turned, AROUND),
        (places, "That multiplies number by number. A way through two layers is a sum over tokens: `@`."),
        (mixed[-1], "That is the last layer alone; each layer must be multiplied onto what was there."),
        (mixed.mean(0), "That is the mean of the layers. Layers follow each other, so they are multiplied."),
    ]


ROLLOUT = CodeExercise(
    id="what_it_looked_at.rollout",
    question=(
        "Write `rollout(layers)`. `layers` holds the attention of each block, the mean over the heads, "
        "first block first. Mix half of the identity into each, and multiply, so that the result says from "
        "which tokens of the input each token after the last block could have drawn. It is compared with "
        "`through` of the workbench."
    ),
    start=ROLLOUT_START,
    name="rollout",
    check=check_rollout,
    solution=ROLLOUT_SOLUTION,
    wrong=(
        Wrong(ROLLOUT_SOLUTION.replace("0.5 * itself + 0.5 * layer", "layer"), "one layer"),
        Wrong(ROLLOUT_SOLUTION.replace("0.5 * itself + 0.5 * layer", "itself + layer"), "one layer"),
        Wrong(ROLLOUT_SOLUTION.replace("mixed @ whole", "whole @ mixed"), "three layers in their order"),
        Wrong(
            ROLLOUT_SOLUTION.replace("whole = mixed @ whole", "whole = mixed"), "three layers in their order"
        ),
        Wrong(
            ROLLOUT_SOLUTION.replace(
                "mixed = 0.5 * itself + 0.5 * layer", "mixed = layer.mul_(0.5).add_(0.5 * itself)"
            ),
            "the weights are left as they were",
        ),
    ),
    hints=(
        "Two lines: one that mixes, one that multiplies.",
        "The token after the last block draws from tokens before it, which drew from those before them. "
        "Whose rows are asked for? That matrix stands on the left.",
    ),
    why=(
        "Entry (i, j) of the product adds up all ways from token j of the input to token i at the end, "
        "each way weighed by the product of its shares. The values and the MLPs are left out: it says what "
        "could flow."
    ),
    minutes=6,
    further=(
        "With `ITSELF` at 0.9 the map hardly moves from layer to layer, at 0 it washes out. The half is a "
        "convention of the paper, not something that was measured in your network."
    ),
)

# ---- which question

WHICH_CLASS = ChoiceExercise(
    id="what_it_looked_at.which_class",
    question=(
        'A photograph shows a dog and a cat. A ViT answers "dog". Which drawing can show the places that '
        'speak for "cat"?'
    ),
    choices=(
        Choice(
            "The attention of the last block, because the cat is in the picture and was looked at too.",
            False,
            "Attention is computed before any class is asked for. There is one map, and it is the same for "
            "dog and for cat.",
        ),
        Choice(
            "Rollout, because it goes through all blocks.",
            False,
            "It multiplies the weights of all blocks, and none of these knows of a class. The answer is "
            "made after them.",
        ),
        Choice(
            'Grad-CAM with "cat" as the answer that is explained.',
            True,
            "Yes. The slope of the score of cat is another one than that of dog, so the map is another one. "
            "Occlusion could be asked as well: cover a square, and see how far the probability of cat falls.",
        ),
        Choice(
            "The head whose map lies on the cat.",
            False,
            "A head may well lie on the cat. You chose it because you knew where the cat is; and what it "
            "gathered may have spoken for the dog, against it, or for nothing.",
        ),
    ),
    hints=(
        "At which moment in the forward pass are classes told apart for the first time?",
        "Which of the drawings changes when you ask for another answer? Try it in the figure above.",
    ),
    why=(
        "Attention says from where was drawn. It does not say for what. A drawing that belongs to a class "
        "must use the class's score: by its slope, or by an experiment."
    ),
    minutes=2,
    further="`glassworks explain RUN PICTURE --methods grad-cam occlusion --target cat` names the class.",
)

# ---- covering

COVERING = ChoiceExercise(
    id="what_it_looked_at.covering",
    question=(
        "The check below a map says: covering the hottest places first leaves 0.36 of the answer, the same "
        "heat laid elsewhere 0.36; showing them first gives 0.40, elsewhere 0.41. What may you say?"
    ),
    choices=(
        Choice(
            "The map is good: only 0.36 of the answer is left when its hottest places are covered.",
            False,
            "Any covering ruins a picture. Heat laid elsewhere, which knows nothing, leaves 0.36 as well.",
        ),
        Choice(
            "By this check, the map does no better than the same heat in other places.",
            True,
            "Yes. Both figures must be read beside those of the heat elsewhere, and neither is better.",
        ),
        Choice(
            "The network does not use this picture at all.",
            False,
            "Its answer falls when the picture is covered, so it uses it. The map does not say what it uses.",
        ),
        Choice(
            "Insertion is higher than deletion, 0.40 against 0.36, so the map is faithful.",
            False,
            "The two start from different pictures, a whole and an empty one. Each is compared with its "
            "own heat elsewhere.",
        ),
    ),
    hints=(
        "A number alone says nothing. Which number stands beside it, and why?",
        "Lower is better when the hottest go first, higher when they come first. Lower and higher than what?",
    ),
    why=(
        "Covering always costs something, so the fall alone proves nothing. The same heat in other places "
        "is as lumpy and hides as much; only what is better than that was marked."
    ),
    minutes=3,
    further=(
        "`glassworks explain` prints this check below each map. It is one picture with six copies "
        "elsewhere; for a verdict on a way of looking take many pictures, as the lab does."
    ),
)

# ---- shuffled weights

SHUFFLED = ChoiceExercise(
    id="what_it_looked_at.shuffled",
    question=(
        "A new way of looking draws crisp outlines of the object, and its maps pass the test of covering. "
        "Then the weights of the network are shuffled, and the maps stay the same. What did they explain?"
    ),
    choices=(
        Choice(
            "The network, because the test of covering is passed.",
            False,
            "A map of the ink does well there too, and never asks the network. In many pictures it is easy "
            "to guess what matters.",
        ),
        Choice(
            "The picture: such a map finds what stands out in it, with any network.",
            True,
            "Yes. What does not depend on the weights cannot tell you what the weights have learned.",
        ),
        Choice(
            "Nothing, so the outlines must be a fault of the program.",
            False,
            "The outlines are real. They are those of the photograph, as an edge detector would find them.",
        ),
        Choice(
            "The network's structure, which is the part that matters.",
            False,
            "It is true that a structure alone can favour edges. But you asked what this trained network "
            "looked at, and an untrained one gives the same map.",
        ),
    ),
    hints=(
        "What changed between the two drawings, and what did not?",
        'Choose "the ink alone" in the figure above, and shuffle.',
    ),
    why=(
        "An explanation of a network must change when the network does. This test is necessary and not "
        "sufficient: a map that changes may still be wrong. So one needs both, covering and shuffling."
    ),
    minutes=3,
    further="`sanity_check` in `insight/sanity.py` does this with three shuffled copies of any model.",
)

EXERCISES = (PLACE, CLASS_MAP, WITHOUT_ITSELF, ROLLOUT, WHICH_CLASS, COVERING, SHUFFLED)
