"""Exercises of the chapter on gates: a memory by hand, both cells in code, and what is said of them."""

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

_normal = partial(normal, "gates")


# ---- one step by hand

MEMORY = NumberExercise(
    id="gates.memory",
    question=(
        "An LSTM's memory is 1.5. Its forget gate is 0.8, its input gate 0.5, the candidate -0.4, the output "
        "gate 0.5. What is the new *state*? Give three decimals. (tanh 0.8 = 0.664, tanh 1 = 0.762, tanh 1.3 "
        "= 0.862, tanh 1.4 = 0.885.)"
    ),
    target=0.3808,
    tolerance=0.002,
    mistakes=(
        Mistake(1.0, "That is the new memory. The state is what the output gate shows of it."),
        Mistake(0.762, "The output gate, 0.5, is missing."),
        Mistake(0.5, "tanh is missing: the memory is squeezed before it is shown."),
        Mistake(0.4427, "The candidate is -0.4: what is written makes the memory smaller."),
        Mistake(0.431, "The forget gate is missing: 0.8 of the 1.5 stays."),
        Mistake(0.332, "The input gate is missing: half of -0.4 is written."),
    ),
    hints=(
        "First the memory: what stays of 1.5, plus what is written.",
        "0.8 · 1.5 = 1.2 stays, 0.5 · (-0.4) = -0.2 is written. Then tanh, then the output gate.",
    ),
    why="1.2 - 0.2 = 1.0 is the memory, and 0.5 · tanh 1.0 = 0.381 is shown of it.",
    further="The memory has no bound of its own: it may be 1.5. What bounds the state?",
    solution="c' = 0.8 · 1.5 + 0.5 · (-0.4) = 1.0; h' = 0.5 · tanh 1.0 = 0.381.",
    minutes=3,
)

# ---- the LSTM in code

LSTM_START = """\
import torch

def lstm_step(x, h, c, W, U, b, d):
    # x (batch, inputs); h, c (batch, width)
    # W, U: four blocks of rows, in torch's order:
    #   input, forget, candidate, output
    # b, d: their biases; return (new h, new c)
    # your lines
"""
LSTM_SOLUTION = """\
import torch

def lstm_step(x, h, c, W, U, b, d):
    sums = x @ W.T + b + h @ U.T + d
    i, f, g, o = sums.chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c
"""


def _lstm(x: Tensor, h: Tensor, c: Tensor, sums: Tensor, order: str = "ifgo") -> tuple[Tensor, Tensor]:
    """A step from the sums, with the blocks in some order."""
    parts = dict(zip(order, sums.chunk(4, -1)))
    memory = parts["f"].sigmoid() * c + parts["i"].sigmoid() * parts["g"].tanh()
    return parts["o"].sigmoid() * memory.tanh(), memory


@torch.no_grad()
def check_lstm(lstm_step: Callable) -> list[Row]:
    """Against torch.nn.LSTMCell on three shapes, memory and state."""
    rows = []
    given: tuple[Tensor, ...] = ()
    for name, batch, inputs, width in (
        ("one row", 1, 3, 4),
        ("a batch", 5, 2, 3),
        ("more inputs than state", 2, 6, 2),
    ):
        weights = [
            _normal((4 * width, size), name, size, place) * 0.6 for place, size in enumerate((inputs, width))
        ]
        biases = [_normal((4 * width,), name, place) * 0.4 for place in ("b", "d")]
        x, h = _normal((batch, inputs), name, "x"), _normal((batch, width), name, "h").tanh()
        c = _normal((batch, width), name, "c") * 1.5
        cell = nn.LSTMCell(inputs, width)
        for parameter, value in zip(cell.parameters(), (*weights, *biases)):
            parameter.copy_(value)
        state, memory = cell(x, (h, c))
        given = (x, h, c, *weights, *biases)
        got = lstm_step(*(one.clone() for one in given))
        if not (isinstance(got, tuple) and len(got) == 2):
            rows.append(Row(f"{name}: memory", False, "Two things come back, as a pair: new h, new c."))
            continue
        slips = _lstm_slips(x, h, c, *weights, *biases)
        rows.append(same(f"{name}: memory", got[1], memory, usual=[(m, why) for _, m, why in slips]))
        rows.append(
            same(f"{name}: state", got[0], state, usual=[(memory, "That is the memory; the pair is (h, c)."),
                                                         *((s, why) for s, _, why in slips)])
        )  # fmt: skip
    rows.append(unchanged("what was given stays", lstm_step, *given))
    return rows


def _lstm_slips(
    x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor, d: Tensor
) -> list[tuple[Tensor, Tensor, str]]:
    """(state, memory, reason) of the usual mistakes."""
    sums = x @ W.T + b + h @ U.T + d
    i, f, g, o = sums.chunk(4, -1)
    memory = f.sigmoid() * c + i.sigmoid() * g.tanh()
    found = [
        (
            *_lstm(x, h, c, sums, order),
            "The blocks are taken in another order: input, forget, candidate, output.",
        )
        for order in ("figo", "ifog", "iofg", "gifo")
    ]
    soft = f.sigmoid() * c + i.sigmoid() * g.sigmoid()
    found.append((o.sigmoid() * soft.tanh(), soft, "The candidate takes tanh: it must be able to say minus."))
    bare = f.sigmoid() * c + i.sigmoid() * g
    found.append((o.sigmoid() * bare.tanh(), bare, "The candidate goes through tanh before it is written."))
    found.append((*_lstm(x, h, c, sums - d), "The second bias is missing: torch has one for each product."))
    found.append((*_lstm(x, h, c, sums - b - d), "The biases are missing."))
    found.append(
        (o.sigmoid() * memory, memory, "tanh is missing: the memory is squeezed before it is shown.")
    )
    tied = (1 - i.sigmoid()) * c + i.sigmoid() * g.tanh()
    found.append((o.sigmoid() * tied.tanh(), tied, "The forget gate is a block of its own, not 1 - input."))
    return found


LSTM = CodeExercise(
    id="gates.lstm_step",
    question=(
        "Write one step of an LSTM, equal to `torch.nn.LSTMCell`. As in torch, the four blocks of weights "
        "lie below each other in one matrix: input gate, forget gate, candidate, output gate."
    ),
    start=LSTM_START,
    name="lstm_step",
    check=check_lstm,
    solution=LSTM_SOLUTION,
    wrong=(
        Wrong(LSTM_SOLUTION.replace("i, f, g, o", "f, i, g, o"), "one row: memory"),
        Wrong(LSTM_SOLUTION.replace("g.tanh()", "g.sigmoid()"), "one row: memory"),
        Wrong(LSTM_SOLUTION.replace("* c.tanh(), c", "* c, c"), "one row: state"),
        Wrong(LSTM_SOLUTION.replace(" + d", ""), "a batch: memory"),
        Wrong(LSTM_SOLUTION.replace("return o.sigmoid() * c.tanh(), c", "return c, o.sigmoid() * c.tanh()"),
              "more inputs than state: state"),
        Wrong(LSTM_SOLUTION.replace("    c = f.sigmoid() * c +", "    c = c.mul_(f.sigmoid()) +"),
              "what was given stays"),
    ),
    hints=(
        "One sum serves all four blocks; `sums.chunk(4, dim=-1)` takes it apart.",
        "Three of the four go through a sigmoid. Memory: f · c + i · g. State: o · tanh of the new memory.",
    ),
    why=(
        "Four blocks, one of them no gate. With torch's weights your step gives torch's numbers, so it is "
        "the same cell; the library's, above, differs from it only in names."
    ),
    further="Put the bias of the forget gate to 1 before the first step. Which rows of b are these?",
    minutes=8,
)  # fmt: skip

# ---- how open

HALF = NumberExercise(
    id="gates.half",
    question=(
        "Nothing is written, and the forget gate stands at the same f at each step. How large must f be so "
        "that half of the memory, and of its gradient, is left after 100 steps? Give four decimals."
    ),
    target=0.9931,
    tolerance=0.0002,
    mistakes=(
        Mistake(0.5, "Then half is left after *one* step, and after 100 nothing."),
        Mistake(0.995, "That takes away a hundredth of a half at each step. Each step multiplies: "
        "0.995^100 = "
                       "0.61."),
        Mistake(0.99, "0.99 to the power 100 is 0.37."),
        Mistake(0.9, "0.9 to the power 100 is 0.000027."),
        Mistake(0.7071, "That is the root of a half: half is left after two steps."),
        Mistake(0.999, "0.999 to the power 100 is 0.90."),
    ),
    hints=(
        "After 100 steps f to the power 100 is left.",
        "f is the hundredth root of a half: `0.5 ** (1 / 100)`.",
    ),
    why=(
        "0.5 to the power 1/100 is 0.99309. The sigmoid reaches it at 4.97: a bias of about 5 remembers for "
        "a hundred steps before anything is learned, and a bias of 0, a gate half open, for one."
    ),
    further="How large must the bias be for a thousand steps? (7.27: each factor of ten adds 2.3.)",
    solution="0.5^(1/100) = exp(-0.6931 / 100) = 0.99309.",
    minutes=3,
)  # fmt: skip

# ---- gates at work


def _gates() -> str:
    from glassworks.reader.figures.gates_over_time import GatesOverTime, learned  # not in the check's child

    return GatesOverTime().show({("LSTM", 1, 0): learned("LSTM", 1, 0)}, kind="LSTM")


WORK = PredictExercise(
    id="gates.work",
    question=(
        "An LSTM with a memory of one number has learned: keep the last number that came with a mark, ignore "
        "all others. What do its gates do at a step *without* a mark?"
    ),
    choices=(
        Choice(
            "Forget gate nearly open, input gate nearly shut.",
            True,
            "Yes: 0.99 of the memory stays, and 0.02 of the candidate is written. The forget gate is named "
            "after what it does when it is *shut*.",
        ),
        Choice(
            "Forget gate nearly shut, so that nothing is forgotten.",
            False,
            "The name misleads: the gate says how much *stays*. Shut means forget.",
        ),
        Choice(
            "Both half open, and the head sorts it out.",
            False,
            "Half of the memory would be gone after one step. No head brings it back.",
        ),
        Choice(
            "The output gate is shut, so that the noise does not come in.",
            False,
            "The output gate decides what is shown, not what comes in; and the number is asked at every "
            "step.",
        ),
    ),
    reveal=_gates,
    hints=(
        "The memory shall be the same after the step as before it.",
        "c' = f · c + i · g. For which f and i is c' = c, whatever g says?",
    ),
    why=(
        "Keep: f near 1 and i near 0. Write: i opens, and f goes down. Nobody told the cell; the loss did. A "
        "plain cell of one number does not learn this task at all: its error stays at 0.29, where 0.33 is "
        "what saying 0 costs."
    ),
    further="At a mark the forget gate goes down to 0.35, not to 0. What removes the rest of the old number?",
    minutes=3,
)

# ---- the GRU in code

GRU_START = """\
import torch

def gru_step(x, h, W, U, b, d):
    # x (batch, inputs); h (batch, width)
    # W, U: three blocks of rows, in torch's order:
    #   reset, update, candidate
    # b, d: biases of x @ W.T and of h @ U.T
    # return the new h
    # your lines
"""
GRU_SOLUTION = """\
import torch

def gru_step(x, h, W, U, b, d):
    xr, xz, xn = (x @ W.T + b).chunk(3, dim=-1)
    hr, hz, hn = (h @ U.T + d).chunk(3, dim=-1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = (xn + r * hn).tanh()
    return z * h + (1 - z) * n
"""


def _gru_slips(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor, d: Tensor) -> list[tuple[Tensor, str]]:
    """What the usual mistakes give."""
    xr, xz, xn = (x @ W.T + b).chunk(3, -1)
    hr, hz, hn = (h @ U.T + d).chunk(3, -1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    n = (xn + r * hn).tanh()
    third = U.chunk(3)[2]
    before = (xn + (r * h) @ third.T + d.chunk(3)[2]).tanh()
    outside = (xn + r * (h @ third.T) + d.chunk(3)[2]).tanh()
    swapped = (xn + z * hn).tanh()
    return [
        (n * z + (1 - z) * h, "The update gate is the wrong way round: in torch, z = 1 keeps the old state."),
        (
            z * h + (1 - z) * before,
            "The reset gate acts before the matrix, as in the later version of the paper. torch resets what "
            "comes out of it: `r * (U h + d)`.",
        ),
        (z * h + (1 - z) * outside, "The second bias of the candidate belongs inside: `r * (U h + d)`."),
        (
            r * h + (1 - r) * swapped,
            "Reset and update are swapped: torch's order is reset, update, candidate.",
        ),
        (z * h + (1 - z) * (r * (xn + hn)).tanh(), "The reset gate acts on what the state gives, not on x."),
        (z * h + (1 - z) * (xn + hn).tanh(), "The reset gate is not used."),
        (z * h + n, "The candidate is mixed in with the share 1 - z."),
    ]


@torch.no_grad()
def check_gru(gru_step: Callable) -> list[Row]:
    """Against torch.nn.GRUCell on three shapes."""
    rows = []
    given: tuple[Tensor, ...] = ()
    for name, batch, inputs, width in (
        ("one row", 1, 3, 4),
        ("a batch", 5, 2, 3),
        ("more inputs than state", 2, 6, 2),
    ):
        weights = [
            _normal((3 * width, size), name, size, place) for place, size in enumerate((inputs, width))
        ]
        biases = [_normal((3 * width,), name, place) for place in ("b", "d")]
        x, h = _normal((batch, inputs), name, "x"), _normal((batch, width), name, "h").tanh()
        cell = nn.GRUCell(inputs, width)
        for parameter, value in zip(cell.parameters(), (*weights, *biases)):
            parameter.copy_(value)
        given = (x, h, *weights, *biases)
        got = gru_step(*(one.clone() for one in given))
        rows.append(same(name, got, cell(x, h), usual=_gru_slips(*given)))
    rows.append(unchanged("what was given stays", gru_step, *given))
    return rows


GRU = CodeExercise(
    id="gates.gru_step",
    question=(
        "Write one step of a GRU, equal to `torch.nn.GRUCell`. Mind the two places where GRUs differ: what "
        "the update gate does, and where the reset gate acts."
    ),
    start=GRU_START,
    name="gru_step",
    check=check_gru,
    solution=GRU_SOLUTION,
    wrong=(
        Wrong(GRU_SOLUTION.replace("z * h + (1 - z) * n", "(1 - z) * h + z * n"), "one row"),
        Wrong(GRU_SOLUTION.replace("r * hn", "(r * h) @ U.chunk(3)[2].T + d.chunk(3)[2]"), "one row"),
        Wrong(GRU_SOLUTION.replace("r * hn", "r * (h @ U.chunk(3)[2].T) + d.chunk(3)[2]"), "a batch"),
        Wrong(GRU_SOLUTION.replace("xn + r * hn", "xn + hn"), "a batch"),
        Wrong(GRU_SOLUTION.replace("r, z =", "z, r ="), "more inputs than state"),
    ),
    hints=(
        "Take the two products apart with `chunk(3, dim=-1)` before you add them: the candidate needs its "
        "two parts apart.",
        "n = tanh(xn + r · hn), where hn holds its bias; h' = z · h + (1 - z) · n.",
    ),
    why=(
        "Because the reset gate acts behind the matrix, one product `h @ U.T` serves all three blocks. "
        "Before the matrix, the candidate would need a product of its own that waits for the reset gate."
    ),
    further="Which of your five lines would change for the other convention? Does it need more products?",
    minutes=8,
)

# ---- two conventions

SAME = ChoiceExercise(
    id="gates.same",
    question=(
        "A GRU was trained in a library that resets the state *before* the matrix. Its weights are loaded "
        "into a torch GRU, which resets *behind* it; shapes fit, nothing complains. The weights are not "
        "special. When are the answers the same?"
    ),
    choices=(
        Choice(
            "Where all reset gates are 1; otherwise they differ.",
            True,
            "Yes: then nothing is reset in either. Otherwise the matrix mixes numbers that were reset with "
            "different gates.",
        ),
        Choice(
            "Always: a factor can be moved past a matrix.",
            False,
            "One factor for all numbers can. Here each number of the state has a gate of its own, and the "
            "matrix mixes the numbers.",
        ),
        Choice(
            "When the biases are 0.",
            False,
            "That removes one difference, that of the second bias. The matrix still mixes. (With a state of "
            "a single number it would be enough.)",
        ),
        Choice(
            "On short sequences: the difference builds up with time.",
            False,
            "From a state of zeros the first step can already differ, by the bias behind the matrix; the "
            "second does in any case.",
        ),
    ),
    hints=(
        "Write both for a state of two numbers: U (r ⊙ h) and r ⊙ (U h).",
        "In the first, r₁ goes with column 1 of U; in the second, with row 1.",
    ),
    why=(
        "Weights that load without complaint and answer wrongly are the worst kind of error. Keras has both "
        "and calls the switch `reset_after`; a converter must look at it."
    ),
    further="Open the reset gates in the figure: the difference is 0.",
    minutes=3,
)

# ---- counted

COUNT = NumberExercise(
    id="gates.count",
    question=(
        "A forecaster has two LSTM layers with states of 64 numbers and reads one number a step: 50,432 "
        "parameters. How many would two GRU layers of the same sizes have?"
    ),
    target=37824,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(33621, "Two gates to three gates are not the blocks: both cells have a candidate as well, so "
                       "three blocks to four."),
        Mistake(25216, "That is half. A GRU has three blocks where an LSTM has four."),
        Mistake(12608, "That is one block: a plain cell."),
        Mistake(50432, "That is the LSTM itself."),
        Mistake(37889, "That has the 65 of a head in it. Asked are the layers."),
        Mistake(37056, "The biases count too, two for each block."),
    ),
    hints=(
        "An LSTM has four blocks of equal size. And a GRU?",
        "50,432 / 4 · 3.",
    ),
    why=(
        "Three blocks to four: three quarters, for every size. \"Two gates instead of three\" suggests two "
        "thirds; but the candidate is a block too. The state's own blocks are 64 · 64 numbers; in the second "
        "layer both matrices are."
    ),
    further="Two gates in a GRU and three in an LSTM are not what makes it small. What would a cell with one "
    "gate and a candidate have?",
    solution="50,432 · 3 / 4 = 37,824.",
    minutes=3,
)  # fmt: skip

# ---- how fast


def _times() -> str:
    from glassworks import labs  # not in the child that checks code
    from glassworks.reader.draw import note, table

    found = labs.recorded("gru-against-lstm")
    assert found is not None
    return table(found.tables[0].head, found.tables[0].rows) + note(found.verdict)


SPEED = PredictExercise(
    id="gates.speed",
    question=(
        "A GRU has three quarters of the numbers of an LSTM, and three quarters of its products. A training "
        "step of both was timed on a CPU, with torch's kernels, a state of 64 numbers and 32 steps. How long "
        "does the GRU take, beside the LSTM?"
    ),
    choices=(
        Choice(
            "About twice as long.",
            True,
            "Yes: 2.12 times. For an LSTM torch has one kernel here that does all steps in one call; for a "
            "GRU it takes each step by itself.",
        ),
        Choice(
            "Three quarters of the time: products are what costs.",
            False,
            "With large states they are most of it. Here the kernel decides. Through the written-out loop of "
            "both it was 0.93, not 0.75 either.",
        ),
        Choice(
            "As long: the steps cannot be done at the same time anyway.",
            False,
            "They cannot, in both. What differs is how each is carried out.",
        ),
        Choice(
            "A quarter more, since the reset gate needs a product of its own.",
            False,
            "Behind the matrix it needs none: that is torch's convention.",
        ),
    ),
    reveal=_times,
    hints=(
        "A count of numbers is one thing, a clock another.",
        "What if one of the two has a faster program written for it?",
    ),
    why=(
        "A cell is as fast as the program that somebody wrote for it. On a GPU both have a kernel for all "
        "steps; we have not timed it there. Measure where you work."
    ),
    further="Run the lab on your machine: the button is below.",
    minutes=3,
)

EXERCISES = (MEMORY, LSTM, HALF, WORK, GRU, SAME, COUNT, SPEED)
