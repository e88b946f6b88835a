"""Exercises of the chapter on attention: weights by hand, the root, five lines, heads, the block, "
"DropPath."""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.reader.draw import note
from glassworks.reader.exercises.chance import normal
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

_normal = partial(normal, "inside-attention")


# ---- weights by hand

WEIGHTS = NumberExercise(
    id="inside_attention.weights",
    question=(
        "The keys are those of the figure: A (1, 0), B (0, 1), C (1, 1). The query is (2, 2). Which weight "
        "does C get? Give three decimals. (e to the power 1.414 is 4.113, e to the power 2.828 is 16.92.)"
    ),
    target=0.673,
    tolerance=0.002,
    mistakes=(
        Mistake(0.787, "That is softmax of 2, 2 and 4. Divide the products by √2 first."),
        Mistake(
            0.5, "That is C's share of the products themselves, 4 of 8. Softmax takes the exponential first."
        ),
        Mistake(0.576, "There the products were divided by 2, the numbers a key. It is the root of it."),
        Mistake(0.164, "That is the weight of A, and of B."),
    ),
    hints=(
        "Three products, each divided by √2: two of them are equal.",
        "The weight of C is its exponential divided by the sum of all three exponentials.",
    ),
    why=(
        "The products are 2, 2 and 4, the scores 1.414, 1.414 and 2.828. The exponentials are 4.113, 4.113 "
        "and 16.92, together 25.15; 16.92 / 25.15 = 0.673. Turn the figure's query to 45° and a length of "
        "2.75, which is close."
    ),
    further="With a query of (4, 4) it becomes 0.894. Which length would give C a weight of 0.99?",
    solution="exp(2.828) / (2 exp(1.414) + exp(2.828)) = 16.92 / 25.15 = 0.673.",
)

# ---- the root

ROOT = NumberExercise(
    id="inside_attention.root",
    question=(
        "ViT-B/16 has 768 numbers a token and 12 heads. By which number is each product of a query with a "
        "key divided before softmax?"
    ),
    target=8,
    tolerance=0.02,
    mistakes=(
        Mistake(
            27.71, "That is the root of 768. Each head multiplies its own numbers alone: 768 / 12 of them."
        ),
        Mistake(64, "These are the numbers a head. The spread of a sum grows with the root of its length."),
        Mistake(768, "The width is shared among 12 heads, and a root is taken."),
        Mistake(3.464, "That is the root of the number of heads, which are not summed over."),
        Mistake(
            14.04, "That is the root of 197 tokens. The sum inside a product runs over numbers, not tokens."
        ),
        Mistake(12, "That is the number of heads. How long is the sum in one product?"),
    ),
    hints=(
        "How many numbers does a query of one head have?",
        "Take the root of the numbers a head.",
    ),
    why=(
        "768 / 12 = 64 numbers a head. A sum of 64 products of independent numbers with spread 1 has the "
        "spread √64 = 8. Divided by it, the scores start with the spread 1."
    ),
    further="ViT-S/16 has 384 numbers and 6 heads, ViT-Ti/16 192 and 3. What do they have in common?",
    solution="√(768 / 12) = √64 = 8.",
)

# ---- five lines

ATTENTION_START = """\
def attention(query, key, value):
    # query (..., queries, depth); key, value (..., keys, depth)
    # your lines
"""
ATTENTION_SOLUTION = """\
def attention(query, key, value):
    scores = query @ key.transpose(-2, -1)
    scores = scores / query.shape[-1] ** 0.5
    weights = scores.softmax(dim=-1)
    return weights @ value
"""
WRONG_AXIS = (
    "The softmax runs over the queries. Each query must share out its own weight: the sum over the *keys*, "
    "the last axis, is 1."
)
NO_ROOT = "The products were not divided by the root of the depth."
BY_DEPTH = "The products were divided by the depth itself; it is the root of it."
BY_KEYS = "The products were divided by the root of the number of keys; it is the root of the depth."
NO_SOFTMAX = "The scores were used as they are: softmax is missing, and the weights do not sum to 1."


def _wrong_ways(query: Tensor, key: Tensor, value: Tensor) -> list[tuple[Tensor, str]]:
    """What the usual mistakes give."""
    products, depth = query @ key.transpose(-2, -1), query.shape[-1]
    scores = products / math.sqrt(depth)
    return [
        (scores.softmax(-2) @ value, WRONG_AXIS),
        (products.softmax(-1) @ value, NO_ROOT),
        ((products / depth).softmax(-1) @ value, BY_DEPTH),
        ((products / math.sqrt(key.shape[-2])).softmax(-1) @ value, BY_KEYS),
        (scores @ value, NO_SOFTMAX),
    ]


def check_attention(attention: Callable) -> list[Row]:
    """One head, a batch of heads, other numbers of queries than keys, each against torch's own."""
    rows = []
    for name, before, after in (
        ("one head", (5, 4), (5, 4)),
        ("other keys than queries", (3, 6), (7, 6)),
        ("batch and heads", (2, 3, 5, 8), (2, 3, 5, 8)),
    ):
        query, key, value = _normal(before, name, 0), _normal(after, name, 1), _normal(after, name, 2)
        wanted = F.scaled_dot_product_attention(query, key, value)
        usual = _wrong_ways(query, key, value)
        if query.ndim == 4:
            over_heads = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(1) @ value
            usual.append(
                (over_heads, "The softmax runs over the heads. The keys are the *last* axis: `dim=-1`.")
            )
        rows.append(same(name, attention(query, key, value), wanted, usual=usual))
    return rows


ATTENTION = CodeExercise(
    id="inside_attention.attention",
    question=(
        "Write attention: compare, scale, softmax, average. It must give what "
        "`F.scaled_dot_product_attention(query, key, value)` gives, for one head of shape (tokens, depth) "
        "and for a whole batch of heads (batch, heads, tokens, depth)."
    ),
    start=ATTENTION_START,
    name="attention",
    check=check_attention,
    solution=ATTENTION_SOLUTION,
    wrong=(
        Wrong(ATTENTION_SOLUTION.replace("dim=-1", "dim=-2"), "one head"),
        Wrong(ATTENTION_SOLUTION.replace("    scores = scores / query.shape[-1] ** 0.5\n", ""), "one head"),
        Wrong(ATTENTION_SOLUTION.replace(" ** 0.5", ""), "one head"),
        Wrong(ATTENTION_SOLUTION.replace("query.shape[-1]", "key.shape[-2]"), "one head"),
        Wrong(ATTENTION_SOLUTION.replace("dim=-1", "dim=1"), "batch and heads"),
        Wrong(ATTENTION_SOLUTION.replace("scores.softmax(dim=-1)", "scores"), "one head"),
    ),
    hints=(
        "Every query with every key at once is one matrix product; the keys must be turned so that their "
        "depth comes first. Swap the last two axes only.",
        "Shapes: (…, queries, depth) times (…, depth, keys) gives (…, queries, keys). Which of its axes "
        "sums to 1?",
    ),
    why=(
        "Four steps: compare, scale, share out, average. Counting axes from the end (-1, -2) makes the same "
        "lines work for one head and for a batch of heads."
    ),
    minutes=7,
    further=(
        "`attend` in `blocks/attention.py`, shown further down, has these lines and a way to a fused kernel. "
        "Try `F.scaled_dot_product_attention(..., is_causal=True)` too: no token sees a later one."
    ),
)

# ---- heads and parameters

HEADS = NumberExercise(
    id="inside_attention.heads",
    question=(
        "Attention of width 768: one layer makes query, key and value (768 to 3 × 768, with bias), another "
        "projects the joined heads (768 to 768, with bias). It has 12 heads. How many parameters does it "
        "have with 24 heads?"
    ),
    target=2_362_368,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(4_724_736, "More heads are narrower heads: 24 of 32 numbers in the place of 12 of 64."),
        Mistake(1_771_776, "That is query, key and value. The projection behind the heads is missing."),
        Mistake(2_359_296, "These are the weights of all four matrices, without their biases: 4 × 768 more."),
        Mistake(2_363_904, "That has the layer norm before attention in it: 2 × 768 more."),
        Mistake(1_181_184, "Half the depth a head, but twice as many heads: nothing is saved."),
    ),
    hints=(
        "Does the shape of any of the two layers depend on the number of heads?",
        "Both layers together are four square matrices of 768 by 768, and as many biases as they have "
        "outputs.",
    ),
    why=(
        "4 × 768 × 768 weights and 4 × 768 biases are 2,362,368 numbers, for 1, 12 or 24 heads: heads only "
        "cut the width into pieces. With the norm before it, 2,363,904."
    ),
    further="What does grow with the heads: the maps. 24 heads have 24 maps of 197 × 197 instead of 12.",
    solution="(768 × 2,304 + 2,304) + (768 × 768 + 768) = 1,771,776 + 590,592 = 2,362,368.",
)

# ---- the block

BLOCK_START = """\
def block(tokens, norm1, attention, norm2, mlp):
    # all four parts are functions from tokens to tokens
    # your lines
"""
BLOCK_SOLUTION = """\
def block(tokens, norm1, attention, norm2, mlp):
    tokens = tokens + attention(norm1(tokens))
    return tokens + mlp(norm2(tokens))
"""
POST = (
    "The sum itself went through a norm. In a pre-norm block the norm stands inside the branch, and the sum "
    "passes untouched."
)
PARALLEL = (
    "The MLP read the tokens from before attention. It comes second: it reads the sum, with attention's "
    "correction in it."
)
NORMED = "What went round was normed as well. Keep `tokens` as they are, and norm a copy for the branch."
NO_SECOND = "The MLP's answer replaced the tokens. It is a correction too: it is added."
NORM_TWICE = "The MLP's branch was normed by `norm1`; it has a norm of its own, `norm2`."
NO_NORM = "A branch was given the tokens as they are. In front of each stands its norm."


def _block_ways(tokens: Tensor, norm1: Callable, attention: Callable, norm2: Callable, mlp: Callable) -> list:
    """What the usual mistakes give."""
    right = tokens + attention(norm1(tokens))
    after = norm1(tokens + attention(tokens))
    normed = norm1(tokens)
    first = normed + attention(normed)
    second = norm2(first)
    bare = tokens + attention(tokens)
    return [
        (norm2(after + mlp(after)), POST),
        (right + mlp(norm2(tokens)), PARALLEL),
        (second + mlp(second), NORMED),
        (mlp(norm2(right)), NO_SECOND),
        (right + mlp(norm1(right)), NORM_TWICE),
        (bare + mlp(bare), NO_NORM),
    ]


def check_block(block: Callable) -> list[Row]:
    """The way round, attention alone, and all of it beside torch's own layer."""
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    with torch.no_grad():
        for place, parameter in enumerate(layer.parameters()):
            parameter.copy_(_normal(tuple(parameter.shape), "block", place) * 0.5)

    def attention(tokens: Tensor) -> Tensor:
        return layer.self_attn(tokens, tokens, tokens, need_weights=False)[0]

    def mlp(tokens: Tensor) -> Tensor:
        return layer.linear2(F.gelu(layer.linear1(tokens)))

    rows = []
    with torch.no_grad():
        for name, first, second in (
            ("what goes round", torch.zeros_like, torch.zeros_like),
            ("attention's half", attention, torch.zeros_like),
            ("equal to torch's block", attention, mlp),
        ):
            tokens = _normal((2, 5, 8), "block tokens", name)
            parts = (layer.norm1, first, layer.norm2, second)
            wanted = layer(tokens) if second is mlp else tokens + first(layer.norm1(tokens))
            got = block(tokens.clone(), *parts)
            rows.append(same(name, got, wanted, usual=_block_ways(tokens, *parts)))
    return rows


BLOCK = CodeExercise(
    id="inside_attention.block",
    question=(
        "Put the parts of a pre-norm block together. `norm1` and `attention` make the first half, `norm2` "
        "and `mlp` the second; each half adds a correction to the tokens."
    ),
    start=BLOCK_START,
    name="block",
    check=check_block,
    solution=BLOCK_SOLUTION,
    wrong=(
        Wrong(
            "def block(tokens, norm1, attention, norm2, mlp):\n"
            "    tokens = norm1(tokens + attention(tokens))\n"
            "    return norm2(tokens + mlp(tokens))\n",
            "what goes round",
        ),
        Wrong(
            "def block(tokens, norm1, attention, norm2, mlp):\n"
            "    return tokens + attention(norm1(tokens)) + mlp(norm2(tokens))\n",
            "equal to torch's block",
        ),
        Wrong(
            "def block(tokens, norm1, attention, norm2, mlp):\n"
            "    tokens = norm1(tokens)\n    tokens = tokens + attention(tokens)\n"
            "    tokens = norm2(tokens)\n    return tokens + mlp(tokens)\n",
            "what goes round",
        ),
        Wrong(BLOCK_SOLUTION.replace("return tokens + mlp", "return mlp"), "what goes round"),
        Wrong(BLOCK_SOLUTION.replace("norm2(tokens)", "norm1(tokens)"), "equal to torch's block"),
        Wrong(
            "def block(tokens, norm1, attention, norm2, mlp):\n    return tokens + "
            "attention(norm1(tokens))\n",
            "equal to torch's block",
        ),
    ),
    hints=(
        "If both branches answered zeros, what should come out?",
        "Two lines. Each has a plus; to its left stand the tokens as they are.",
    ),
    why=(
        "What goes round a branch is touched by nothing but sums, from the first block to the last. The "
        "order counts: the MLP works on what attention has gathered."
    ),
    minutes=6,
    further=(
        "Some later models let both branches read the same normed tokens and add both at once. That can be "
        "computed in parallel, and is another model: its weights do not fit this one."
    ),
)

# ---- where the norm stands


def _measured() -> str:
    from glassworks import labs  # not in the child that checks code
    from glassworks.labs.drawing import drawn

    result = labs.recorded("norm-by-depth")
    assert result is not None
    return drawn(result.charts[0]) + note(
        "The lab's middle seed, 16 blocks, before the first step and after 20. The scale is logarithmic: "
        "each line up is many times the one below."
    )


NORMS = PredictExercise(
    id="inside_attention.norms",
    question=(
        "A stack of 16 post-norm blocks learns digits, with AdamW at the full rate of 0.003 from the first "
        "step. What happens to the gradient of its *first* block?"
    ),
    choices=(
        Choice(
            "Before the first step it is as large as with pre-norm. Within 20 steps it falls to nearly "
            "nothing.",
            True,
            "Yes. Nothing is wrong at the start. Then a few large steps push the stack to where all "
            "pictures give equal features, and from there no gradient leads back.",
        ),
        Choice(
            "It explodes: before the first step it is many times as large as with pre-norm.",
            False,
            "That is the saying. Measured, the first block's gradient is of the same size in both.",
        ),
        Choice(
            "It has vanished before the first step, because each of 32 norms makes it smaller.",
            False,
            "A norm brings its tokens to spread 1; it does not shrink the gradient without end. Before "
            "the first step there is enough of it in every block.",
        ),
        Choice(
            "Nothing worth telling: it learns as pre-norm does, only later.",
            False,
            "With 4 blocks that is nearly so. With 16, at this rate, it never begins.",
        ),
    ),
    reveal=_measured,
    hints=(
        "What the paper says of the moment before the first step concerns the blocks near the output.",
        "A warm-up helps post-norm. Against what can a slow beginning help: against what is wrong before "
        "the first step, or against what the first steps do?",
    ),
    why=(
        "Gradients before the first step say little about what trains: AdamW divides them by their own "
        "size anyway. What decides here is what the first full steps do to a stack in which every block "
        "rescales the sum."
    ),
    further="In the figure below, choose the slow start, then other random weights. Is it always saved?",
)

# ---- silent units

SILENT = ChoiceExercise(
    id="inside_attention.silent",
    question="A unit with ReLU can fall silent for good while it learns. What keeps it silent?",
    choices=(
        Choice(
            "Its sum is negative for every training input, and there ReLU is flat: no gradient reaches its "
            "weights.",
            True,
            "Yes. It takes the whole negative side, for all inputs. As long as one input still lifts the sum "
            "above 0, the unit learns from that one.",
        ),
        Choice(
            "The corner at 0: a function without a slope there cannot be trained.",
            False,
            "A sum is hardly ever exactly 0, and frameworks then take the slope 0. The corner is one point; "
            "the flat half is what silences.",
        ),
        Choice(
            "Its answers are negative, and the next layer cannot use negative numbers.",
            False,
            "ReLU's answers are never negative, and the next layer could use negative ones well.",
        ),
        Choice(
            "Its output is 0, so the next layer sets its own weight to 0 as well.",
            False,
            "The next layer's weight for it gets no gradient and stays as it is. What matters is the silent "
            "unit's own gradient.",
        ),
    ),
    hints=(
        "Which of the two, the value or the slope, carries a gradient back?",
        "Move x to -3 in the figure, and read ReLU's row. Then think of all training inputs at once.",
    ),
    why=(
        "A slope of 0 lets nothing through. GELU has a slope nearly everywhere, though a tiny one far out: "
        "at -4 it is -0.0005. So GELU makes lasting silence rarer, and cannot rule out that a unit hardly "
        "learns."
    ),
    further="The lab below counts silent units after training, for both activations.",
)

# ---- DropPath

DROP_START = """\
import torch

def drop_path(branch, share, training, dice):
    # branch (batch, tokens, width); dice: a torch.Generator
    # your lines
"""
DROP_SOLUTION = """\
import torch

def drop_path(branch, share, training, dice):
    if not training or share == 0:
        return branch
    kept = torch.rand(len(branch), 1, 1, generator=dice) >= share
    return branch * kept / (1 - share)
"""
PICTURES = 4000


def check_drop_path(drop_path: Callable) -> list[Row]:
    """Evaluation, whole pictures, each for itself, how often, and the mean."""
    branch = _normal((PICTURES, 3, 2), "drop").abs() + 0.5  # no zeros of its own
    dice = torch.Generator().manual_seed(5)
    scaled = [(branch * 0.75, "While answering nothing is skipped and nothing is scaled.")]
    answered = drop_path(branch.clone(), 0.25, False, dice)
    rows = [same("answering changes nothing", answered, branch, usual=scaled)]
    got = drop_path(branch.clone(), 0.25, True, dice)
    shaped = same(
        "the shape stays", tuple(got.shape) if isinstance(got, Tensor) else got, tuple(branch.shape)
    )
    if not shaped.passed:
        return [*rows, shaped]
    silent = got == 0
    return [*rows, _whole(silent), _how_often(silent, drop_path, branch, dice), _mean_kept(got, branch)]


def _whole(silent: Tensor) -> Row:
    name, each = "a picture is skipped whole", silent.flatten(1)
    if bool((each.any(1) != each.all(1)).any()):
        told = (
            "Single numbers were silenced, as dropout does. Draw one number a picture: shape (batch, 1, 1)."
        )
        return Row(name, False, told)
    return Row(name, True, "Each picture's branch is there, or not at all.")


def _how_often(silent: Tensor, drop_path: Callable, branch: Tensor, dice: torch.Generator) -> Row:
    name, share = "as often as asked", float(silent.double().mean())
    if abs(share - 0.25) < 0.04:
        return Row(name, True, f"{share:.1%} were skipped; 25 % were asked for.")
    if abs(share - 0.75) < 0.04:
        return Row(name, False, "75 % were skipped instead of 25 %: the comparison is the wrong way round.")
    if share in (0.0, 1.0):
        again = {float((drop_path(branch, 0.25, True, dice) == 0).double().mean()) for _ in range(12)}
        if again | {share} == {0.0, 1.0}:
            return Row(
                name, False, "The whole batch is skipped or not. Each picture draws a number of its own."
            )
    return Row(name, False, f"{share:.1%} were skipped; 25 % were asked for.")


def _mean_kept(got: Tensor, branch: Tensor) -> Row:
    name, factor = "the mean is kept", float(got.sum() / branch.sum())
    if abs(factor - 1) < 0.05:
        return Row(
            name, True, f"The mean is {factor:.2f} times that of the branch; 1 is expected, up to chance."
        )
    if abs(factor - 0.75) < 0.05:
        return Row(
            name, False, "The mean fell to three quarters. What stays must be raised: divide by 1 - share."
        )
    return Row(
        name, False, f"The mean is {factor:.2f} times that of the branch. What stays is divided by 1 - share."
    )


DROP_PATH = CodeExercise(
    id="inside_attention.drop_path",
    question=(
        "Write DropPath for one branch: while training, each picture loses the branch with probability "
        "`share`, and what stays is scaled so that the mean is kept. While answering the branch is handed on "
        "as it is."
    ),
    start=DROP_START,
    name="drop_path",
    check=check_drop_path,
    solution=DROP_SOLUTION,
    wrong=(
        Wrong(DROP_SOLUTION.replace(" / (1 - share)", ""), "the mean is kept"),
        Wrong(DROP_SOLUTION.replace("len(branch), 1, 1,", "branch.shape,"), "a picture is skipped whole"),
        Wrong(DROP_SOLUTION.replace("len(branch), 1, 1,", "1, 1, 1,"), "as often as asked"),
        Wrong(DROP_SOLUTION.replace(">= share", "< share"), "as often as asked"),
        Wrong(DROP_SOLUTION.replace("not training or share == 0", "share == 0"), "answering changes nothing"),
        Wrong(DROP_SOLUTION.replace("/ (1 - share)", "/ share"), "the mean is kept"),
    ),
    hints=(
        "`torch.rand` gives numbers between 0 and 1; a quarter of them is below 0.25. How many must be "
        "drawn?",
        "Of four pictures three keep the branch. By what must theirs be multiplied, so that the sum of "
        "four is right?",
    ),
    why=(
        "The branch is there in a share of 1 - share of the pictures, so it is divided by that: the mean "
        "stays, and answering needs no change. One draw a picture, not one a number (dropout) and not one a "
        "batch."
    ),
    minutes=6,
    further=(
        "The module that the models use is `blocks/drop_path.py`; its `shares` gives each block its own "
        "share, from 0 at the first to the most at the last."
    ),
)

EXERCISES = (WEIGHTS, ROOT, ATTENTION, HEADS, BLOCK, NORMS, SILENT, DROP_PATH)
