"""Exercises of the chapter on the vanishing gradient: powers, products of matrices, clipping, and cuts."""

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

_normal = partial(normal, "the-vanishing-gradient")


# ---- one factor

REACH = NumberExercise(
    id="the_vanishing_gradient.reach",
    question=(
        "A state of one number stays near 0, where tanh has the slope 1, and its weight is u = 0.8. How many "
        "steps back is less than a hundredth of the gradient left for the first time? (0.8 to the power 10 "
        "is 0.107.)"
    ),
    target=21,
    tolerance=0,
    unit="steps",
    mistakes=(
        Mistake(20, "0.8 to the power 20 is 0.0115: that is still above a hundredth."),
        Mistake(5, "That takes 0.2 away at each step. Each step multiplies by 0.8: it never reaches 0."),
        Mistake(10, "After 10 steps a tenth is left, 0.107."),
        Mistake(44, "That is so for 0.9."),
        Mistake(7, "That is so for 0.5."),
        Mistake(22, "0.8 to the power 21 is 0.0092: it is under a hundredth one step earlier."),
    ),
    hints=(
        "After k steps 0.8 to the power k is left.",
        "Ten steps leave a tenth, so twenty leave about a hundredth: 0.107 · 0.107 = 0.0115. And one more?",
    ),
    why=(
        "log 0.01 / log 0.8 = 20.6, so 21 steps. Each further factor of a hundred takes 21 steps more: after "
        "63 steps a millionth is left."
    ),
    further="What factor leaves a hundredth after 1,000 steps? (0.0046 less than 1.)",
    solution="0.8^20 = 0.0115 and 0.8^21 = 0.0092, so 21.",
    minutes=3,
)

# ---- a matrix is not its eigenvalues


def _sheared() -> str:
    from glassworks.reader.figures.matrix_many_times import MatrixManyTimes  # not in the child of the check

    return MatrixManyTimes().drawn


HUMP = PredictExercise(
    id="the_vanishing_gradient.hump",
    question=(
        "Both eigenvalues of a 2 × 2 matrix are 0.9. Arrows of length 1 go through it 9 times. How long can "
        "the longest of them be then? (0.9 to the power 9 is 0.387.)"
    ),
    choices=(
        Choice(
            "Longer than 1, if the matrix is not a rotation: eigenvalues say what happens in the end.",
            True,
            "Yes. The shear with 0.9, 2 and 0, 0.9 makes an arrow 7.77 times as long in nine steps, and only "
            "after that is it on its way to 0.",
        ),
        Choice(
            "At most 0.387: each step multiplies by the largest eigenvalue.",
            False,
            "That holds for arrows along an eigenvector. This matrix has one such direction, and all others "
            "are mixtures.",
        ),
        Choice(
            "At most 1: with eigenvalues below 1 nothing can grow.",
            False,
            "Nothing grows *for ever*. On the way lengths may grow: what bounds a single step is the largest "
            "singular value, and that can be large.",
        ),
        Choice(
            "As long as you like, for ever: a shear has no bound.",
            False,
            "In the end the power 0.9 wins over the growth of the shear, which is only proportional to the "
            "steps.",
        ),
    ),
    reveal=_sheared,
    hints=(
        "What does one step of the matrix with the rows 0.9, 2 and 0, 0.9 make of the arrow (0, 1)?",
        "(0, 1) becomes (2, 0.9), which is already 2.19 long.",
    ),
    why=(
        "Two numbers describe two things. The largest singular value bounds every single step: below 1, all "
        "gradients vanish. The spectral radius says where it ends after many steps. Between the two, a "
        "gradient may first grow and then vanish."
    ),
    further="Look at it in the figure below: at which step is the longest arrow longest?",
    minutes=4,
)

# ---- the product of the steps

PRODUCT_START = """\
import torch

def through(U, states):
    # U: (width, width)
    # states: (time, width), the first to the last
    # return d last / d first: (width, width)
    # your lines
"""
PRODUCT_SOLUTION = """\
import torch

def through(U, states):
    product = torch.eye(U.shape[0])
    for state in states[1:]:
        step = (1 - state**2)[:, None] * U
        product = step @ product
    return product
"""


def _product(
    U: Tensor, states: Tensor, *, slopes: str = "rows", late: bool = True, first: int = 1, square: bool = True
) -> Tensor:
    """The product with one thing done in another way."""
    product = torch.eye(U.shape[0])
    for state in states[first:]:
        slope = 1 - (state**2 if square else state)
        step = {"rows": slope[:, None] * U, "columns": U * slope, "none": U}[slopes]
        product = step @ product if late else product @ step
    return product


def check_through(through: Callable) -> list[Row]:
    """Against autograd through a cell with random inputs, on three shapes."""
    rows = []
    for name, time, width in (
        ("four states of three numbers", 4, 3),
        ("two states: one step", 2, 5),
        ("twelve states", 12, 4),
    ):
        U, inputs = _normal((width, width), name, "U") * 0.6, _normal((time, width), name, "x")
        first = inputs[0].tanh()
        with torch.enable_grad():

            def run(state: Tensor, U: Tensor = U, inputs: Tensor = inputs) -> Tensor:
                for x in inputs[1:]:
                    state = (x + U @ state).tanh()
                return state

            wanted = torch.autograd.functional.jacobian(run, first)
        found = [first]
        for x in inputs[1:]:
            found.append((x + U @ found[-1]).tanh())
        states = torch.stack(found)
        usual = [
            (_product(U, states, slopes="none"), "The slopes of tanh are missing: that is a power of U."),
            (
                _product(U, states, late=False),
                "The steps stand in the wrong order. The last step comes last, so it stands on the left.",
            ),
            (
                _product(U, states, slopes="columns"),
                "The slopes belong to the state that comes out, so they multiply the rows of U: "
                "`slope[:, None] * U`.",
            ),
            (
                _product(U, states, first=0),
                "One step too many: the first state is given, no step leads to it.",
            ),
            (_product(U, states, square=False), "The slope of tanh is 1 - h², not 1 - h."),
            (_product(U, states).T, "It is transposed: a row for each number of the last state."),
            (
                _product(U, states[:-1]),
                "The last step is missing: its slopes are those of the last state.",
            ),
            (_product(U, states) @ torch.linalg.pinv(U), "One U is missing."),
        ]
        rows.append(same(name, through(U.clone(), states.clone()), wanted, usual=usual))
    rows.append(unchanged("what was given stays", through, U, states))
    return rows


PRODUCT = CodeExercise(
    id="the_vanishing_gradient.product",
    question=(
        "A cell did h ← tanh(W x + U h) for some steps, and all its states were kept. Write the derivative "
        "of the last state in the first one, as a matrix. It must equal what autograd finds."
    ),
    start=PRODUCT_START,
    name="through",
    check=check_through,
    solution=PRODUCT_SOLUTION,
    wrong=(
        Wrong(PRODUCT_SOLUTION.replace("(1 - state**2)[:, None] * U", "U"), "four states of three numbers"),
        Wrong(PRODUCT_SOLUTION.replace("step @ product", "product @ step"), "four states of three numbers"),
        Wrong(PRODUCT_SOLUTION.replace("[:, None] * U", " * U"), "two states: one step"),
        Wrong(PRODUCT_SOLUTION.replace("states[1:]", "states"), "two states: one step"),
        Wrong(PRODUCT_SOLUTION.replace("1 - state**2", "1 - state"), "twelve states"),
    ),
    hints=(
        "One step: the sum changes with h by U, and tanh multiplies each of its numbers by a slope of its "
        "own.",
        "The derivative of one step is `(1 - after**2)[:, None] * U`. Chain them: each new step is "
        "multiplied from the left.",
    ),
    why=(
        "Here is the whole matter in five lines: a product of as many matrices as there are steps, each with "
        "the same U. For a state of 16 numbers and 49 steps it is what the figure below draws."
    ),
    further="Take `torch.linalg.matrix_norm(product, 2)` after each step: how fast does it fall?",
    minutes=8,
)

# ---- what is left


def _left() -> str:
    from glassworks.reader.figures.gradient_of_starts import GradientOfStarts  # not in the child of the check

    return GradientOfStarts().drawn


LEFT = PredictExercise(
    id="the_vanishing_gradient.left",
    question=(
        "A layer of 16 numbers, as torch starts it, reads 50 random steps. How much of the gradient is left "
        "at the first of them, beside that at the last?"
    ),
    choices=(
        Choice(
            "About 10 to the power -16: as good as nothing.",
            True,
            "Yes: somewhat less than half is left after each step, and a half to the power 49 is 1.8e-15.",
        ),
        Choice(
            "About a fiftieth: it is spread over fifty steps.",
            False,
            "It is not spread, it is multiplied, once for each step.",
        ),
        Choice(
            "About a hundredth: torch's start is chosen so that gradients last.",
            False,
            "torch's start keeps the numbers small, no more. A hundredth is left after some seven steps.",
        ),
        Choice(
            "Exactly nothing: 50 steps are too many.",
            False,
            "Very little, and not nothing: it is no rule that a gradient vanishes. See the other two starts.",
        ),
    ),
    reveal=_left,
    hints=(
        "A number of U is at most 1/4 in size, 16 of them act on each number of the state.",
        "On average U makes an arrow 0.58 times as long, and tanh has slopes of about 0.8.",
    ),
    why=(
        "0.58 · 0.81 = 0.47 a step, to the power 49: about 1e-16. The same layer started as a rotation keeps "
        "about a millionth, and with 1.5 times a rotation a good part. Nothing about 50 steps is a law."
    ),
    further="Give it large inputs in the figure below: the slopes become small, and even a rotation fades "
    "fast.",
    minutes=3,
)

# ---- held and deaf

HELD = NumberExercise(
    id="the_vanishing_gradient.held",
    question=(
        "With u = 1.5 the step h ← tanh(u · h) leaves 0.8586 as it is. Near that value, what factor does one "
        "step put on the gradient? Give two decimals."
    ),
    target=0.3942,
    tolerance=0.006,
    mistakes=(
        Mistake(0.263, "That is the slope of tanh there. The weight u = 1.5 comes on top."),
        Mistake(1.5, "That is u alone. Where the state is 0.8586, tanh has a slope of its own."),
        Mistake(0.212, "The slope of tanh is 1 - h², not 1 - h."),
        Mistake(1.288, "That is u · h, the sum before tanh."),
        Mistake(1.0, "The *value* stays as it is. Its derivative is another matter."),
        Mistake(0.8586, "That is the value itself."),
    ),
    hints=(
        "The derivative of tanh(u h) in h is u times the slope of tanh there.",
        "The slope is 1 - 0.8586² = 0.2628.",
    ),
    why=(
        "1.5 · 0.2628 = 0.394. That the factor is below 1 is no accident: it is why neighbours come back to "
        "0.8586, and so why the value is held at all."
    ),
    further="Is there a u for which a value other than 0 is held and the factor is 1? Try to come near to "
    "it.",
    solution="u · (1 - h²) = 1.5 · (1 - 0.7372) = 0.394.",
    minutes=3,
)

# ---- shorten a long gradient

CLIP_START = """\
import torch

def clip(gradients, limit):
    # gradients: a list of tensors, one a parameter
    # return new ones, together no longer than limit
    # your lines
"""
CLIP_SOLUTION = """\
import torch

def clip(gradients, limit):
    length = sum((one**2).sum() for one in gradients).sqrt()
    factor = min(1.0, float(limit / (length + 1e-6)))
    return [one * factor for one in gradients]
"""


def check_clip(clip: Callable) -> list[Row]:
    """Against torch.nn.utils.clip_grad_norm_: long, short, a single one, and nothing at all."""
    rows = []
    for name, shapes, size, limit in (
        ("long gradients of three parameters", ((3, 4), (4,), (2, 3)), 5.0, 1.0),
        ("short ones stay as they are", ((2, 2), (3,)), 0.01, 1.0),
        ("one parameter, limit 0.5", ((6,),), 2.0, 0.5),
        ("all of them 0", ((2, 2), (2,)), 0.0, 1.0),
    ):
        given = [_normal(shape, name, place) * size for place, shape in enumerate(shapes)]
        wanted = _clipped(given, limit)
        got = clip([one.clone() for one in given], limit)
        if not (isinstance(got, (list, tuple)) and len(got) == len(given)):
            rows.append(Row(name, False, f"A list of {len(given)} tensors comes back, one for each given."))
            continue
        if any(getattr(one, "shape", None) != two.shape for one, two in zip(got, given)):
            rows.append(Row(name, False, "Each tensor keeps its shape."))
            continue
        rows.append(
            same(
                name, _flat(list(got)), _flat(wanted), usual=[(_flat(a), b) for a, b in _slips(given, limit)]
            )
        )
    long = [_normal((2, 3), "long"), _normal((4,), "long")]
    rows.append(unchanged("what was given stays", lambda *ones: clip(list(ones), 1e-3), *long))
    return rows


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([one.reshape(-1) for one in tensors])


def _clipped(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """As torch does it."""
    holders = [nn.Parameter(torch.zeros_like(one)) for one in gradients]
    for holder, one in zip(holders, gradients):
        holder.grad = one.clone()
    nn.utils.clip_grad_norm_(holders, limit)
    return [holder.grad for holder in holders if holder.grad is not None]


def _slips(gradients: list[Tensor], limit: float) -> list[tuple[list[Tensor], str]]:
    """What the usual mistakes give."""
    length = float(_flat(gradients).norm()) or 1.0
    total = float(sum(one.norm() for one in gradients)) or 1.0
    return [
        (gradients, "Nothing was shortened."),
        (
            [one * (limit / length) for one in gradients],
            "Short gradients were made longer. The factor is at most 1.",
        ),
        (
            [piece for one in gradients for piece in _clipped([one], limit)],
            "Each parameter was shortened by itself, which turns the step into another direction. There is "
            "one length, of all of them together.",
        ),
        (
            [one.clamp(-limit, limit) for one in gradients],
            "Each number was cut off at the limit, which turns the step into another direction.",
        ),
        (
            [one * min(1.0, limit / length**2) for one in gradients],
            "The root is missing: the length is the root of the sum of squares.",
        ),
        (
            [one * min(1.0, limit / total) for one in gradients],
            "Lengths do not add up. Add up the squares of all numbers, then take one root.",
        ),
    ]


CLIP = CodeExercise(
    id="the_vanishing_gradient.clip",
    question=(
        "Write gradient clipping by norm, equal to `torch.nn.utils.clip_grad_norm_`, but without changing "
        "what is given: the gradients of all parameters together are one long arrow, and where it is longer "
        "than the limit it is shortened to it."
    ),
    start=CLIP_START,
    name="clip",
    check=check_clip,
    solution=CLIP_SOLUTION,
    wrong=(
        Wrong(
            CLIP_SOLUTION.replace("min(1.0, float(limit / (length + 1e-6)))", "limit / (length + 1e-6)"),
            "short ones stay as they are",
        ),
        Wrong(
            "import torch\n\ndef clip(gradients, limit):\n"
            "    return [one * min(1.0, float(limit / (one.norm() + 1e-6))) for one in gradients]\n",
            "long gradients of three parameters",
        ),
        Wrong(
            "import torch\n\ndef clip(gradients, limit):\n"
            "    return [one.clamp(-limit, limit) for one in gradients]\n",
            "long gradients of three parameters",
        ),
        Wrong(CLIP_SOLUTION.replace(".sqrt()", ""), "one parameter, limit 0.5"),
        Wrong(CLIP_SOLUTION.replace("one * factor for", "one.mul_(factor) for"), "what was given stays"),
        Wrong(
            CLIP_SOLUTION.replace(" + 1e-6", " * 1.0").replace("min(1.0, float(", "(float("), "all of them 0"
        ),
    ),
    hints=(
        "The length is the root of the sum of all squares, over all tensors.",
        "One factor for all: `min(1, limit / length)`. Add 1e-6 to the length, as torch does, so that 0 "
        "divides nothing.",
    ),
    why=(
        "One factor for all numbers keeps the direction of the step and bounds its length. Cutting each "
        "number off, or each tensor by itself, bounds the length as well, but walks another way."
    ),
    further="What does your function make of a gradient that holds an infinite number? Look at torch's "
    "`error_if_nonfinite`.",
    minutes=7,
)

# ---- what clipping mends

MENDS = ChoiceExercise(
    id="the_vanishing_gradient.mends",
    question=(
        "A recurrent network shall learn a connection over 40 steps. Its gradient at lag 40 is a billionth "
        "of that at lag 0. What does clipping the norm at 1 change about that?"
    ),
    choices=(
        Choice(
            "Nothing: it shortens all of the gradient by one factor, so a billionth stays a billionth.",
            True,
            "Yes. Clipping limits how far a step goes. What of the gradient comes from where, it leaves "
            "alone.",
        ),
        Choice(
            "It lifts small gradients to the limit.",
            False,
            "Clipping only shortens. A short gradient stays as it is.",
        ),
        Choice(
            "It removes the large share of the near steps, so the far ones count for more.",
            False,
            "That would need a factor of their own for each lag. There is one for all.",
        ),
        Choice(
            "It makes the product of the Jacobians equal to 1.",
            False,
            "The product is made of the weights and the states. Clipping comes after it.",
        ),
    ),
    hints=(
        "By what is the gradient of lag 0 multiplied, and by what that of lag 40?",
        "Does clipping look at lags at all?",
    ),
    why=(
        "Clipping is the remedy for explosions: one wild step would ruin what was learned. Against vanishing "
        "one needs other factors (a start, gates) or fewer of them (a shorter way)."
    ),
    further="And a larger learning rate? It makes the near shares a billion times too large along with the "
    "far.",
    minutes=3,
)

# ---- cut through time

CUT = NumberExercise(
    id="the_vanishing_gradient.cut",
    question=(
        "A long text is trained in pieces of 40 letters, with a loss at each letter; the state is handed on "
        "over the cuts, the gradient is not. What share of the letters can learn from a letter that stood 10 "
        "places before them? In per cent."
    ),
    target=75,
    tolerance=0.5,
    unit="%",
    mistakes=(
        Mistake(100, "The first ten letters of a piece have their tenth letter before in the piece before."),
        Mistake(25, "That is the share that cannot."),
        Mistake(0, "Only lags of 40 and more are lost altogether."),
        Mistake(77.5, "The letters 0 to 9 of a piece cannot: ten of them, not nine."),
        Mistake(72.5, "Letter 10 of a piece can: letter 0 is in it."),
        Mistake(97.5, "That is so for a lag of 1."),
    ),
    hints=(
        "Number the letters of a piece from 0 to 39. Which of them have the letter ten places before in the "
        "same piece?",
        "Letters 10 to 39.",
    ),
    why=(
        "30 of 40. In general 1 - lag / piece: the cut does not only end at 40, it already thins out what "
        "comes before. Pieces should be clearly longer than the lags that matter."
    ),
    further="Where do the cuts lie if the pieces begin at another letter in each pass? Who hears then?",
    solution="(40 - 10) / 40 = 0.75.",
    minutes=3,
)

EXERCISES = (REACH, HUMP, PRODUCT, LEFT, HELD, CLIP, MENDS, CUT)
