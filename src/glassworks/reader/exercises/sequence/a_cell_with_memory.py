"""Exercises of the chapter on the recurrent cell: by hand, counted, in code, over time, and back again."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from glassworks.reader.exercises.chance import normal
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

_normal = partial(normal, "a-cell-with-memory")


# ---- one step by hand

STEP = NumberExercise(
    id="a_cell_with_memory.step",
    question=(
        "A cell has the weights w = 0.5 for its input and u = -1 for its state, and 0.25 as the sum of its "
        "two biases. The state is 0.5, and 1.5 comes in. What is the new state? Give three decimals. (tanh "
        "0.25 = 0.245, tanh 0.5 = 0.462, tanh 1 = 0.762, tanh 1.5 = 0.905.)"
    ),
    target=0.4621,
    tolerance=0.002,
    mistakes=(
        Mistake(0.5, "That is the sum. The new state is tanh of it."),
        Mistake(0.905, "There the state came in with +1. Its weight is -1."),
        Mistake(0.762, "There the state before was left out: 0.75 + 0.25."),
        Mistake(0.245, "There the biases were left out: 0.75 - 0.5."),
        Mistake(
            0.962,
            "That adds the old state of 0.5 at the end. Nothing of it stays but what went into the sum.",
        ),
        Mistake(0.848, "There the input was not multiplied by its weight 0.5."),
    ),
    hints=(
        "Three numbers are added before tanh is taken.",
        "0.5 · 1.5 = 0.75 from the input, -1 · 0.5 = -0.5 from the state, 0.25 from the biases.",
    ),
    why="0.75 - 0.5 + 0.25 = 0.5, and tanh 0.5 = 0.4621.",
    further="Feed in 1.5 again. The state is 0.4621 now: where does it go?",
    solution="tanh(0.5 · 1.5 + (-1) · 0.5 + 0.25) = tanh 0.5 = 0.4621.",
    minutes=3,
)

# ---- counted

COUNT = NumberExercise(
    id="a_cell_with_memory.count",
    question=(
        "A cell as in torch reads vectors of 128 numbers and holds a state of 256. It reads texts of 50 "
        "words. How many parameters does it have?"
    ),
    target=98816,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(98560, "One bias is missing: torch adds one to each of the two products."),
        Mistake(98304, "Those are the two matrices. Two biases come on top."),
        Mistake(33280, "The state's own matrix, 256 · 256, is missing."),
        Mistake(4940800, "The 50 words share one set of weights; the length does not count."),
        Mistake(66048, "The matrix for the input, 128 · 256, is missing."),
        Mistake(
            49664, "The state's matrix is 256 · 256: each number of the new state sees all of the old one."
        ),
    ),
    hints=(
        "Two matrices: one from the input to the state, one from the state to the state.",
        "256 · 128, 256 · 256, and two biases of 256.",
    ),
    why=(
        "32,768 + 65,536 + 256 + 256 = 98,816, for five words or for five thousand. The state's matrix grows "
        "with the square of the width: in a wide cell it is most of it."
    ),
    further="Two biases that are added are as good as one. Keras has one; torch keeps two, as cuDNN does.",
    solution="256 · 128 + 256 · 256 + 2 · 256 = 98,816.",
    minutes=3,
)

# ---- the cell

CELL_START = """\
import torch

def rnn_cell(x, h, W, U, b, c):
    # x (batch, inputs); h (batch, width); W (width, inputs); U (width, width); b, c (width,)
    # your line
"""
CELL_SOLUTION = """\
import torch

def rnn_cell(x, h, W, U, b, c):
    return torch.tanh(x @ W.T + b + h @ U.T + c)
"""


def check_cell(rnn_cell: Callable) -> list[Row]:
    """Against torch.nn.RNNCell on three shapes."""
    rows = []
    for name, batch, inputs, width in (
        ("one row, 10 in and 20 wide", 1, 10, 20),
        ("a batch", 5, 3, 4),
        ("a state wider than the batch", 2, 6, 3),
    ):
        x, h = _normal((batch, inputs), name, "x"), _normal((batch, width), name, "h")
        W, U = _normal((width, inputs), name, "W") * 0.4, _normal((width, width), name, "U") * 0.4
        b, c = _normal((width,), name, "b") * 0.3, _normal((width,), name, "c") * 0.3
        cell = nn.RNNCell(inputs, width)
        cell.load_state_dict({"weight_ih": W, "weight_hh": U, "bias_ih": b, "bias_hh": c})
        with torch.no_grad():
            wanted = cell(x, h)
        usual = [
            (x @ W.T + b + h @ U.T + c, "tanh is missing: that is the sum."),
            (
                (x @ W.T + b + h @ U + c).tanh(),
                "`h @ U` multiplies by the transposed matrix. torch keeps (out, in): `h @ U.T`.",
            ),
            ((x @ W.T + b).tanh(), "The state is not used: this cell has no memory."),
            ((x @ W.T + h @ U.T).tanh(), "The biases are missing."),
            ((x @ W.T + b + h @ U.T).tanh(), "The second bias is missing: torch has one for each product."),
            (
                (x @ W.T + b).tanh() + (h @ U.T + c).tanh(),
                "tanh was taken of each product. It is taken once, of the sum.",
            ),
            (
                (x @ W.T + b + h @ U.T + c).sigmoid(),
                "That is the sigmoid, 0 to 1. The plain cell takes tanh, -1 to 1.",
            ),
            (
                h + (x @ W.T + b + h @ U.T + c).tanh(),
                "The old state was added. In the plain cell only the sum sees it.",
            ),
        ]
        got = rnn_cell(x.clone(), h.clone(), W.clone(), U.clone(), b.clone(), c.clone())
        rows.append(same(name, got, wanted, usual=usual))
    return rows


CELL = CodeExercise(
    id="a_cell_with_memory.rnn_cell",
    question=(
        "Write one step of the cell, equal to `torch.nn.RNNCell`. A batch of rows comes in; the matrices are "
        "stored as torch stores them, a row for each number of the new state."
    ),
    start=CELL_START,
    name="rnn_cell",
    check=check_cell,
    solution=CELL_SOLUTION,
    wrong=(
        Wrong(CELL_SOLUTION.replace("torch.tanh", ""), "one row, 10 in and 20 wide"),
        Wrong(CELL_SOLUTION.replace("h @ U.T", "h @ U"), "one row, 10 in and 20 wide"),
        Wrong(CELL_SOLUTION.replace(" + h @ U.T + c", ""), "a batch"),
        Wrong(CELL_SOLUTION.replace(" + c)", ")"), "a batch"),
        Wrong(CELL_SOLUTION.replace("torch.tanh", "torch.sigmoid"), "a state wider than the batch"),
    ),
    hints=(
        "Two products of matrices, two biases, one tanh.",
        "A row x of shape (inputs,) and W of shape (width, inputs): `x @ W.T` has shape (width,).",
    ),
    why=(
        "One line is the whole cell. Its weights can be copied to torch's and back without a difference; the "
        "library's tests do that in float32 and in float64."
    ),
    further="Take `torch.relu` instead of tanh. What bounds the state then?",
    minutes=6,
)

# ---- the loop

READ_START = """\
import torch

def read(cell, steps, state):
    # cell(x, h) -> new h; steps (batch, time, inputs); state (batch, width)
    # return all states (batch, time, width), and the last one (batch, width)
    # your lines
"""
READ_SOLUTION = """\
import torch

def read(cell, steps, state):
    states = []
    for time in range(steps.shape[1]):
        state = cell(steps[:, time], state)
        states.append(state)
    return torch.stack(states, dim=1), state
"""


def _loop(cell: Callable, steps: Tensor, state: Tensor, carried: bool, order: list[int]) -> Tensor:
    """All states of a loop that may be wrong."""
    found, now = [], state
    for time in order:
        after = cell(steps[:, time], now)
        found.append(after)
        now = after if carried else state
    return torch.stack(found, 1)


@torch.no_grad()
def check_read(read: Callable) -> list[Row]:
    """Against torch.nn.RNN: all states, the last one, another start; nothing changes in place."""
    rows = []
    for name, batch, time, inputs, width, begun in (
        ("one text from zeros", 1, 5, 3, 4, False),
        ("a batch that goes on from a state", 3, 4, 2, 6, True),
    ):
        layer, cell = nn.RNN(inputs, width, batch_first=True), nn.RNNCell(inputs, width)
        weights = [
            _normal(tuple(one.shape), name, place) * 0.5 for place, one in enumerate(layer.parameters())
        ]
        for mine, theirs, value in zip(cell.parameters(), layer.parameters(), weights):
            mine.copy_(value)
            theirs.copy_(value)
        steps = _normal((batch, time, inputs), name, "steps")
        state = _normal((batch, width), name, "state").tanh() if begun else torch.zeros(batch, width)
        wanted, end = layer(steps, state[None])
        got = read(cell, steps.clone(), state.clone())
        rows += _judged(name, got, wanted, end[0], cell, steps, state)
    rows.append(unchanged("the given state stays", lambda one, two: read(cell, one, two), steps, state))
    return rows


def _judged(
    name: str, got: object, wanted: Tensor, end: Tensor, cell: Callable, steps: Tensor, state: Tensor
) -> list[Row]:
    """The rows of one case."""
    if not (isinstance(got, tuple) and len(got) == 2):
        told = "Two things come back, as a pair: all states, and the last one."
        return [Row(f"{name}: all states", False, told)]
    ahead = list(range(steps.shape[1]))
    usual = [
        (
            _loop(cell, steps, state, False, ahead),
            "Every step began from the first state: hand the new one on.",
        ),
        (_loop(cell, steps, state, True, ahead[::-1]), "The text was read from its end."),
        (wanted.transpose(0, 1), "Time stands first. Stack along dimension 1, behind the batch."),
        (
            torch.cat([state[:, None], wanted[:, :-1]], 1),
            "Each state was kept before its step, not after it.",
        ),
    ]
    last = [
        (state, "The state from before the first step came back."),
        (wanted[:, 0], "That is the first new state."),
    ]
    return [same(f"{name}: all states", got[0], wanted, usual=usual),
            same(f"{name}: the last state", got[1], end, usual=last)]  # fmt: skip


READ = CodeExercise(
    id="a_cell_with_memory.read",
    question=(
        "A cell is one step. Write the loop over time that makes a layer of it: all states, and the last "
        "one. It must equal `torch.nn.RNN`."
    ),
    start=READ_START,
    name="read",
    check=check_read,
    solution=READ_SOLUTION,
    wrong=(
        Wrong(READ_SOLUTION.replace("state = cell(steps[:, time], state)", "new = cell(steps[:, time], "
        "state)").replace(
            "states.append(state)", "states.append(new)"), "one text from zeros: all states"),
        Wrong(READ_SOLUTION.replace("dim=1", "dim=0"), "one text from zeros: all states"),
        Wrong(READ_SOLUTION.replace("states = []", "states, state = [], torch.zeros_like(state)"),
              "a batch that goes on from a state: all states"),
        Wrong(READ_SOLUTION.replace("dim=1), state", "dim=1), states[0]"), "one text from zeros: the last "
        "state"),
        Wrong(READ_SOLUTION.replace("range(steps.shape[1])", "reversed(range(steps.shape[1]))"),
              "one text from zeros: all states"),
        Wrong(READ_SOLUTION.replace("torch.stack(states, dim=1), state", "torch.stack(states, dim=1)"),
              "one text from zeros: all states"),
    ),
    hints=(
        "`steps[:, time]` is what comes in at one moment, (batch, inputs).",
        "Give the name `state` to what the cell returns, and keep it in a list. `torch.stack(list, dim=1)` "
        "puts the steps behind the batch.",
    ),
    why=(
        "Everything recurrent is this loop around a cell. It cannot be run for all steps at once: step 7 "
        "needs the state of step 6. That is the price of it, and what later chapters do without."
    ),
    further="The library's own loop is `written_out`, below. What does it do with texts of unequal length?",
    minutes=7,
)  # fmt: skip

# ---- a number that remembers

MEMORY = ChoiceExercise(
    id="a_cell_with_memory.memory",
    question=(
        "Between two brackets nothing comes in, so the state follows h ← tanh(u · h). With u = 0.9 the state "
        "fades, with u = 2 it stays at 0.958. Why?"
    ),
    choices=(
        Choice(
            "For u above 1 there is a value apart from 0 that one step leaves as it is; for u up to 1 "
            "there is only 0.",
            True,
            "Yes. 0.958 = tanh(2 · 0.958). Near 0 a step multiplies by u, so above 1 small states grow until "
            "tanh's bend holds them; below 1 all shrink.",
        ),
        Choice(
            "Because tanh(x) is larger than x for large x.",
            False,
            "tanh(x) is never larger than x for x above 0. It is the weight in front of h that makes up "
            "for it.",
        ),
        Choice(
            "With u = 2 the state is doubled at each step, so it cannot fade.",
            False,
            "Doubled, then squeezed by tanh. If it were only doubled it would grow without end; it stays "
            "at 0.958.",
        ),
        Choice(
            "0.9 forgets because it is not a whole number of steps.",
            False,
            "Try u = 1.1 in the figure: it holds, at 0.503.",
        ),
    ),
    hints=(
        "Which h are left as they are by h ← tanh(u · h)?",
        "Draw tanh(u · h) and h over h. Near 0 the first has the slope u.",
    ),
    why=(
        "A value that a step leaves as it is, and to which neighbours return, is what such a cell can store. "
        "It holds one of a few values for as long as you like. It cannot hold *any* number for long: small "
        "differences are lost on the way back to that value."
    ),
    further="What happens at u = 1, exactly between the two? Look how slowly it fades.",
    minutes=3,
)

# ---- back through time

THROUGH = NumberExercise(
    id="a_cell_with_memory.through_time",
    question=(
        "A cell without tanh: h ← u · h + x, from h = 0. The inputs are 1, 2, 1 and u = 3, so the states are "
        "1, 5 and 16. What is the derivative of the last state in u?"
    ),
    target=8,
    tolerance=0,
    mistakes=(
        Mistake(5, "That is the share of the last step alone, the state before it. u was used earlier, too."),
        Mistake(3, "That is the share of the second step, u · 1. The last step has one as well."),
        Mistake(6, "The shares are 5 from the last step and 3 · 1 from the one before it."),
        Mistake(16, "That is the last state itself."),
        Mistake(9, "That is u², how much the last state changes with the first input."),
        Mistake(
            20, "The share of an earlier step reaches the end through u, not through the states: 5 + 3 · 1."
        ),
    ),
    hints=(
        "u is used at each step. Each use has a share: how it moves its own state, times how that state "
        "moves the last.",
        "Last step: the state before it, 5. Second step: the state before it, 1, passed on through one "
        "more step, times u.",
    ),
    why=(
        "5 from the last step, 3 · 1 from the second, 9 · 0 from the first: 8. Check it: the last state is "
        "u² + 2u + 1, and its derivative 2u + 2 = 8."
    ),
    further="With tanh each share is also multiplied by the slopes on its way, each of them at most 1.",
    solution="h₂ + u · h₁ + u² · h₀ = 5 + 3 · 1 + 9 · 0 = 8.",
    minutes=4,
)

# ---- what tanh bounds


def _bounded() -> str:
    from glassworks.reader.figures.bounded_state import BoundedState  # not in the child that checks code

    return BoundedState().drawn


BOUND = PredictExercise(
    id="a_cell_with_memory.bound",
    question=(
        "tanh keeps every number of the state between -1 and 1, for texts of any length. The states stay "
        "near 0, the state's matrix multiplies lengths by 1.5. What of the gradient, 50 steps back?"
    ),
    choices=(
        Choice(
            "It is about 640 million times as large as at the last step: tanh does not bound it.",
            True,
            "Yes: near 0 tanh has the slope 1, so each step back multiplies by 1.5, and 1.5⁵⁰ = 637,621,500.",
        ),
        Choice(
            "It is at most 1, since every state is at most 1.",
            False,
            "The value of a function says nothing about its slope. sin(1000 x) is at most 1 as well.",
        ),
        Choice(
            "It is exactly 0, since tanh is flat.",
            False,
            "tanh is flat far out. Near 0 its slope is 1.",
        ),
        Choice(
            "It is 75 times as large: 1.5 for each of 50 steps.",
            False,
            "Each step multiplies; the factors do not add.",
        ),
    ),
    reveal=_bounded,
    hints=(
        "What is the slope of tanh at 0?",
        "A chain of 50 steps, each with the factor 1.5.",
    ),
    why=(
        "Bounded numbers do not make a bounded gradient. Where inputs are ordinary the states sit far out, "
        "slopes are small, and the same matrix gives a gradient that *fades*: choose it in the figure below."
    ),
    further="A rotation keeps lengths: its factor is 1. What stays of the gradient with ordinary inputs "
    "even so?",
    minutes=4,
)

EXERCISES = (STEP, COUNT, CELL, READ, MEMORY, THROUGH, BOUND)
