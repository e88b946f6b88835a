"""Exercises of the chapter on the Transformer: what waits, where, who sees whom, and what it costs."""

from collections.abc import Callable

import torch
from torch import Tensor

from glassworks.blocks.attention import Maps, attend
from glassworks.models.sequence.transformer import hidden_after, waves
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

# ---- what waits

PARALLEL = ChoiceExercise(
    id="the_transformer.parallel",
    question=(
        "A decoder of 6 layers learns from an answer of 20 tokens, and later writes an answer of 20 tokens. "
        "In how many rounds, one after the other, is each done?"
    ),
    choices=(
        Choice(
            "6 rounds while learning, 120 while writing.",
            True,
            "Yes. While learning all tokens are known, so a layer is computed for all of them at once. While "
            "writing, a token is known only when all 6 layers have been computed for the one before it.",
        ),
        Choice(
            "6 rounds in both: there is no recurrence.",
            False,
            "There is none inside the network. But what it says at place 7 goes in at place 8, and nobody "
            "knows it before. That loop is outside, and it cannot be avoided by the network's form.",
        ),
        Choice(
            "120 rounds in both: a token needs those before it.",
            False,
            "While learning it needs the *true* tokens before it, and those are all there. It does not need "
            "what the network would have said.",
        ),
        Choice(
            "20 rounds while learning, 6 while writing.",
            False,
            "The other way round, nearly: layers wait for layers always, and tokens wait for tokens only "
            "while writing.",
        ),
    ),
    hints=(
        "What must be known before layer 1 can read token 8 of the answer? Is it known?",
        "Within a layer no token waits for another. Between layers all do.",
    ),
    why=(
        "Learning is where the Transformer won time. Writing is as sequential as with a recurrent network, "
        "and a good part of the work on fast language models is about that loop."
    ),
    further="A recurrent decoder of 6 layers: 25 rounds while learning, and 120 while writing. Why 25?",
    minutes=3,
)

# ---- positions

WAVES_START = """\
import torch

def waves(places, width):
    # width is even; return a tensor (places, width)
    # your lines
"""
WAVES_SOLUTION = """\
import torch

def waves(places, width):
    rates = 10_000 ** -(torch.arange(0, width, 2) / width)
    angles = torch.arange(places)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
"""


def _angles(places: int, width: int, exponent: float = 2.0, first: int = 0) -> Tensor:
    """(places, width / 2): the angle of each wave at each place; exponent 2 and first 0 are the paper's."""
    rates = 10_000.0 ** -(exponent * torch.arange(width // 2).double() / width)
    return torch.arange(first, places + first).double()[:, None] * rates


def _by_turns(angles: Tensor) -> Tensor:
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def check_waves(answer: Callable) -> list[Row]:
    """Against the installed function on three shapes."""
    rows = []
    for name, places, width in (
        ("8 places of 4 numbers", 8, 4),
        ("more numbers than places", 5, 16),
        ("the base model's 512", 30, 512),
    ):
        angles = _angles(places, width)
        usual = [
            (
                torch.cat([angles.sin(), angles.cos()], 1),
                "All sines stand first, then all cosines. The paper, and this library, write them by turns: "
                "sin, cos, sin, cos. Other libraries do it as you did; weights fit only their own order.",
            ),
            (
                _by_turns(_angles(places, width, 1.0)),
                "Your waves slow down half as fast: wave i has the rate 10000^(-2i / width), and you took i.",
            ),
            (
                torch.stack([angles.cos(), angles.sin()], -1).flatten(1),
                "Sine and cosine have changed places: the sine comes first.",
            ),
            (_by_turns(_angles(places, width, first=1)), "The first place is 0, not 1."),
            (
                _by_turns(torch.arange(places).double()[:, None] * 10_000.0 ** (
                    2 * torch.arange(width // 2).double() / width)),
                "The waves get faster. The exponent is negative.",
            ),
            (
                _mixed(places, width),
                "Sine and cosine of a pair have one rate; yours go on from one to the next.",
            ),
        ]  # fmt: skip
        rows.append(same(name, answer(places, width), waves(places, width), tolerance=1e-4, usual=usual))
    return rows


def _mixed(places: int, width: int) -> Tensor:
    """A rate of its own for every number: the exponent runs over all of them."""
    angles = torch.arange(places).double()[:, None] * 10_000.0 ** -(torch.arange(width).double() / width)
    odd = torch.arange(width) % 2 == 1
    return torch.where(odd, angles.cos(), angles.sin())


WAVES = CodeExercise(
    id="the_transformer.waves",
    question=(
        "Write the positions of 2017: a row for each place from 0 on. In the numbers 2i and 2i + 1 of a row "
        "stand the sine and the cosine of place · 10000^(-2i / width)."
    ),
    start=WAVES_START,
    name="waves",
    check=check_waves,
    solution=WAVES_SOLUTION,
    wrong=(
        Wrong(
            WAVES_SOLUTION.replace("torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)",
                                   "torch.cat([angles.sin(), angles.cos()], dim=1)"),
            "8 places of 4 numbers",
        ),
        Wrong(WAVES_SOLUTION.replace("/ width)", "/ width / 2)"), "8 places of 4 numbers"),
        Wrong(WAVES_SOLUTION.replace("arange(places)", "arange(1, places + 1)"), "more numbers than places"),
        Wrong(WAVES_SOLUTION.replace("** -(", "** (")  , "the base model's 512"),
    ),
    hints=(
        "Two axes: `torch.arange(places)[:, None]` is a column, the rates are a row, their product is a "
        "table.",
        "`torch.stack([sines, cosines], dim=-1)` has the shape (places, width / 2, 2). What does "
        "`.flatten(1)` make of it?",
    ),
    why=(
        "Nothing in it is learned, so it needs no parameter and goes on for as many places as you like. "
        "Whether the rest of the network can make use of places that it never met is another question."
    ),
    further="Multiply row 10 by row 13, then row 40 by row 43. Why is it the same number?",
    minutes=7,
)  # fmt: skip

# ---- masks

MASK_START = """\
import torch

def may_look(lengths, longest):
    # lengths (batch,): real tokens of each answer; filling at the end
    # return bool (batch, longest, longest): True where the token
    # of the row may look at the token of the column
    # your lines
"""
MASK_SOLUTION = """\
import torch

def may_look(lengths, longest):
    places = torch.arange(longest)
    before = places[None, :] <= places[:, None]
    real = places < lengths[:, None]
    return before & real[:, None, :]
"""


@torch.no_grad()
def _installed(lengths: Tensor, longest: int) -> Tensor:
    """Where the installed attention gives a weight, with its own two masks."""
    seen: list[Tensor] = []
    maps = Maps()
    handle = maps.register_forward_hook(lambda module, given, out: seen.append(out))
    same_for_all = torch.zeros(len(lengths), 1, longest, 2)
    bias = hidden_after(lengths, longest, same_for_all)
    attend(same_for_all, same_for_all, same_for_all, bias=bias, causal=True, maps=maps)
    handle.remove()
    return seen[0][:, 0] > 0


def check_mask(answer: Callable) -> list[Row]:
    """Against the installed attention; then whether a row is empty."""
    rows = []
    for name, lengths, longest in (
        ("one answer without filling", [4], 4),
        ("three answers of other lengths", [5, 2, 3], 5),
        ("a batch whose filling is long", [1, 6], 7),
    ):
        given = torch.tensor(lengths)
        places = torch.arange(longest)
        before, real = places <= places[:, None], places < given[:, None]
        both = before & real[:, None]
        shape = (len(lengths), longest, longest)
        usual = [
            (before.expand(shape).double(), "The filling may be looked at: use the lengths as well."),
            (real[:, None].expand(shape).double(), "Nothing hides the future: a token sees those after it."),
            (
                (before.T & real[:, None]).double(),
                "The past is hidden and the future open. Rows ask, columns are asked.",
            ),
            (
                ((places < places[:, None]) & real[:, None]).double(),
                "A token may look at itself. Now the first has nothing to see at all.",
            ),
            (
                (before & real[:, :, None]).double(),
                "That hides the *rows* of the filling: without any key, 0 divided by 0. Hide the columns.",
            ),
            (
                (both & real[:, :, None]).double(),
                "The rows of the filling are empty as well: 0 divided by 0. Hide columns only; what filling "
                "sees is thrown away.",
            ),
            (
                (before & (places <= given[:, None])[:, None]).double(),
                "One token too many: the places of a text of length n are 0 to n - 1.",
            ),
            (
                (~both).double(),
                "The other way round: True is where it may look. (torch's own layers differ in this; look it "
                "up each time.)",
            ),
        ]  # fmt: skip
        got = answer(given.clone(), longest)
        found = got.double() if isinstance(got, Tensor) and got.dtype == torch.bool else got
        if isinstance(got, Tensor) and got.dtype != torch.bool:
            rows.append(Row(name, False, f"Expected bool; got {str(got.dtype).removeprefix('torch.')}."))
            continue
        wanted = _installed(given, longest).double()
        rows.append(same(name, found, wanted, usual=usual))
    return rows


MASK = CodeExercise(
    id="the_transformer.mask",
    question=(
        "Write the mask of a decoder that hides both: what comes later, and what only fills up. It must "
        "agree with where the installed attention puts its weights."
    ),
    start=MASK_START,
    name="may_look",
    check=check_mask,
    solution=MASK_SOLUTION,
    wrong=(
        Wrong(MASK_SOLUTION.replace("before & real[:, None, :]", "before.expand(len(lengths), -1, -1)"),
              "three answers of other lengths"),
        Wrong(MASK_SOLUTION.replace("<= places[:, None]", "< places[:, None]"), "one answer without filling"),
        Wrong(MASK_SOLUTION.replace("] <= places", "] >= places"), "one answer without filling"),
        Wrong(MASK_SOLUTION.replace("real[:, None, :]", "real[:, :, None]"),
              "three answers of other lengths"),
        Wrong(MASK_SOLUTION.replace("places < lengths[:, None]", "places <= lengths[:, None]"),
              "a batch whose filling is long"),
        Wrong(MASK_SOLUTION.replace("real[:, None, :]", "real[:, None, :] & real[:, :, None]"),
              "three answers of other lengths"),
    ),
    hints=(
        "Two tables of yes and no, joined by `&`. One is the same for all texts, the other for all rows.",
        "`places[None, :] <= places[:, None]` is (longest, longest). `(places < lengths[:, None])[:, None, "
        ":]` is (batch, 1, longest).",
    ),
    why=(
        "Look at the rows of real tokens: the second condition changes nothing in them. The filling stands "
        "at the end, so it lies in their future, and the causal mask hides it already. That is why this "
        "library's decoder hides the filling of the source alone, and only leaves the filling out of the "
        "loss."
    ),
    further="Put the filling at the beginning, as is usual when many texts are written side by side. What "
    "does the row of the first place see then?",
    minutes=6,
)  # fmt: skip

# ---- moved by one


def _cheated() -> str:
    from glassworks.reader.figures.shifted_by_one import compared, learned  # not in the child of code

    return compared({way: learned(way, 0) for way in ("not moved", "right")})


SHIFT = PredictExercise(
    id="the_transformer.shift",
    question=(
        "Somebody forgets to move the answer: at each place the decoder gets the symbol that it has to say "
        "*there*. The causal mask is in place. Small Transformers learn for 150 steps to write five symbols "
        "from behind. What happens?"
    ),
    choices=(
        Choice(
            "The loss falls to nearly 0 within some steps. Alone, it gets no symbol right.",
            True,
            "Yes. The mask lets a token see itself, and itself is the answer. Nothing else had to be "
            "learned.",
        ),
        Choice(
            "The loss falls as it should, only to a place too early: the answer comes out moved.",
            False,
            "It would have to have learned something for that. Copying is enough, and it is much easier.",
        ),
        Choice(
            "The causal mask hides the answer, so nothing changes.",
            False,
            "The mask hides what comes *later*. A token sees itself, and here it is itself what is asked.",
        ),
        Choice(
            "The loss stays high, since two different things are asked of it.",
            False,
            "The opposite: there has never been an easier task than to say what one is told.",
        ),
    ),
    reveal=_cheated,
    hints=(
        "What does the token at place 3 see, behind a causal mask?",
        "Which is easier: to copy what stands at your own place, or to look it up in the source?",
    ),
    why=(
        "A loss that is too good is a symptom. The test that finds this fault in a second: change a token of "
        "the answer, and see at which places the scores change. At its own place, what it has to say, "
        "nothing may change. The library's tests do that."
    ),
    further="In the figure below take the mask away instead. The cheat is harder then, and takes longer. "
    "Why?",
    minutes=4,
)

# ---- counted

COUNT = NumberExercise(
    id="the_transformer.count",
    question=(
        "A decoder block has 256 numbers a token and 1,024 inside its feed-forward network. All layers have "
        "biases, a norm has two numbers for each number of a token. How many parameters does the block have?"
    ),
    target=1_053_440,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(
            789_760, "That is an encoder block. A decoder block has a second attention and a third norm."
        ),
        Mistake(1_051_904, "The three norms are missing: 3 · 2 · 256."),
        Mistake(1_052_928, "A decoder block has three norms, one for each branch."),
        Mistake(1_048_576, "Those are the matrices. Biases and norms are missing."),
        Mistake(1_052_672, "Count the norms again: each has a factor and a summand for each number."),
        Mistake(1_050_112, "The biases of the matrices are missing."),
        Mistake(527_872, "The feed-forward network is missing."),
        Mistake(
            3_158_528,
            "Heads cost nothing: 8 heads of 32 numbers share the same matrices of 256 · 256.",
        ),
    ),
    hints=(
        "An attention has four matrices: query, key, value, and the one that joins the heads.",
        "2 attentions of 4 · (256² + 256), a network of 2 · 256 · 1,024 + 1,024 + 256, 3 norms of 512.",
    ),
    why=(
        "526,336 in both attentions, 525,568 in the feed-forward network, 1,536 in the norms. A decoder "
        "block is a third larger than an encoder block, 16 width² to 12 width², and neither number knows how "
        "many heads there are or how long the text is."
    ),
    further="For the base model, 512 and 2,048: 4,204,032 a decoder block and 3,152,384 an encoder block.",
    solution="2 · 4 · (65,536 + 256) + 524,288 + 1,280 + 1,536 = 1,053,440.",
    minutes=4,
)

# ---- where the norm stands


def _streams() -> str:
    from glassworks.reader.figures.stream_by_block import StreamByBlock  # not in the child that checks code

    return StreamByBlock(key="revealed").drawn


NORMS = PredictExercise(
    id="the_transformer.norms",
    question=(
        "An encoder of 12 blocks with random weights reads some tokens, once with each order of the norm. "
        "How large are the numbers of a token after each block?"
    ),
    choices=(
        Choice(
            "With post-norm about 1 after every block. With pre-norm they grow slowly, to two or three times "
            "what they were.",
            True,
            "Yes. The last thing in a post-norm block is a norm. In a pre-norm block it is a plus.",
        ),
        Choice(
            "About 1 after every block in both: both have norms.",
            False,
            "The norm of a pre-norm block stands inside the branch. The sum itself is never normed.",
        ),
        Choice(
            "With pre-norm they double at each block: 4,096 times after 12.",
            False,
            "Each branch is normed at its beginning, so what it adds has one size, whatever the sum is. "
            "Sizes of things that point in unrelated directions add by their squares.",
        ),
        Choice(
            "With post-norm they fade from block to block, as each norm divides.",
            False,
            "A norm divides by the size that it finds, so the size afterwards is always 1.",
        ),
    ),
    reveal=_streams,
    hints=(
        "What is the last operation of each kind of block?",
        "Every pre-norm branch sees normed numbers and adds something of about one size.",
    ),
    why=(
        "Pre-norm adds 24 corrections of about equal size, so each new one is a smaller part of the whole, "
        "and a good part of what went in is there at the end. That is also why it needs one more norm behind "
        "the last block: the head should not have to live with whatever size came out."
    ),
    further="Choose 24 blocks below. How much of what went in is left with either order?",
    minutes=4,
)

# ---- the schedule

RATE = NumberExercise(
    id="the_transformer.rate",
    question=(
        "A model has 256 numbers a token and learns with the schedule of 2017, with 1,600 steps of warm-up. "
        "What is the learning rate at step 6,400? Give five decimals."
    ),
    target=0.00078125,
    tolerance=0.00001,
    mistakes=(
        Mistake(0.0015625, "That is the peak, at step 1,600. Since then it has fallen."),
        Mistake(
            0.00625, "That follows the straight line on. After the warm-up the other expression is smaller."
        ),
        Mistake(0.000390625, "It falls with the root of the steps: four times the steps, half the rate."),
        Mistake(0.0125, "That leaves out the width: 256 to the power -0.5 is 1/16."),
        Mistake(0.2, "The rate falls with the width: multiply by 1/16, do not multiply by 16."),
        Mistake(
            0.003125, "Was the warm-up of 1,600 steps taken twice? Compare both expressions at step 6,400."
        ),
    ),
    hints=(
        "At step 6,400 the warm-up is over, so the first of the two expressions is the smaller one.",
        "1/16 for the width; 6,400 to the power -0.5 is 1/80.",
    ),
    why=(
        "1/16 · 1/80 = 1/1,280. At the peak it was 1/16 · 1/40 = 1/640, twice as much, a quarter of the "
        "steps earlier."
    ),
    further="Halve the warm-up, to 800 steps. Which rates change, and which stay?",
    solution="256^(-0.5) · min(6400^(-0.5), 6400 · 1600^(-1.5)) = 1/16 · min(1/80, 1/10) = 1/1,280 = "
    "0.00078125.",
    minutes=4,
)

# ---- cost

COST = NumberExercise(
    id="the_transformer.cost",
    question=(
        "An encoder block with 500 numbers a token reads a text of 1,000 tokens, then one of 3,000. Its "
        "matrices cost 12 n d² multiply-adds, its maps 2 n² d. How many times as much does the longer text "
        "cost?"
    ),
    target=4.5,
    tolerance=0.01,
    unit="times",
    mistakes=(
        Mistake(3, "That holds for the matrices alone. The maps grow with the square of the tokens."),
        Mistake(9, "That holds for the maps alone, and they are a quarter of the work at 1,000 tokens."),
        Mistake(
            6, "That is the mean of 3 and 9. Weigh them by their shares: three quarters and one quarter."
        ),
        Mistake(1.5, "That is the cost of a *token*. There are three times as many of them."),
        Mistake(27, "The cube of the tokens appears nowhere."),
    ),
    hints=(
        "Both costs have 2 n d in them: what is left is 6 d + n.",
        "1,000 · (3,000 + 1,000) against 3,000 · (3,000 + 3,000).",
    ),
    why=(
        '"Attention is quadratic" is true of its maps. A block as a whole grows with n (6 d + n): nearly in '
        "proportion while texts are shorter than some thousand tokens, and with the square far beyond."
    ),
    further="At how many tokens are the maps half of the work? And with 12,288 numbers a token?",
    solution="3,000 · (6 · 500 + 3,000) / (1,000 · (6 · 500 + 1,000)) = 18,000,000 / 4,000,000 = 4.5.",
    minutes=4,
)

EXERCISES = (PARALLEL, WAVES, MASK, SHIFT, COUNT, NORMS, RATE, COST)
