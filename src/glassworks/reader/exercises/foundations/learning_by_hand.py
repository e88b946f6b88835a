"""Exercises of the chapter "Learning by hand": one gradient, one step, the rate, and the tape run backwards.

The code exercises are compared with the library itself: a step with `by_hand.one_weight`, the rule of the
product with the tape, on numbers and shapes that are drawn anew from a fixed seed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from glassworks.foundations.by_hand import one_weight
from glassworks.foundations.tape import Value
from glassworks.reader import draw
from glassworks.reader.exercises.compare import difference, same, unchanged
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

GRADIENT = NumberExercise(
    id="learning_by_hand.gradient",
    question=(
        "Now with other numbers: `x = 3`, `y = 6`, `w = 1`. The prediction is `w·x`, the loss is "
        "`(prediction − y)²`. What is the gradient, the slope of the loss at this weight?"
    ),
    target=-18.0,
    tolerance=0.001,
    mistakes=(
        Mistake(18.0, "The size is right, the sign is not. The error is prediction − y, here 3 − 6."),
        Mistake(-9.0, "A factor 2 is missing: the slope of a square is twice what is squared."),
        Mistake(
            -6.0, "That is the slope by the prediction. One factor is missing: the prediction by the weight."
        ),
        Mistake(9.0, "That is the loss itself, (−3)². The gradient says how it changes with the weight."),
        Mistake(
            -3.0, "That is the error, prediction − y. Now the slope of its square, then the slope of w·x."
        ),
    ),
    hints=(
        "Write the chain first: the weight moves the prediction, the prediction moves the loss.",
        "Two slopes: of the loss by the prediction, 2·(prediction − y); of the prediction by the weight, x.",
    ),
    solution=(
        "The prediction is 1·3 = 3. The slope of the loss by the prediction is 2·(3 − 6) = −6. The slope of "
        "the prediction by the weight is 3. Their product is −18."
    ),
    why=(
        "The sign says that a larger weight makes the loss smaller; so the step goes up. The size says how "
        "much: near this weight, 0.01 more of it takes about 0.18 off the loss."
    ),
    further="Check it in the figure: set x to 3 and y to 6, and read the gradient.",
    minutes=3,
)


def _diverging() -> str:
    """Twenty steps at rate 0.3, beside twenty at 0.01."""
    far, near = (one_weight(2, 10, 1, rate, 21) for rate in (0.3, 0.01))
    chart = draw.line_chart(
        {
            "rate 0.3": [(number, step.loss) for number, step in enumerate(far)],
            "rate 0.01": [(number, step.loss) for number, step in enumerate(near)],
        },
        across="steps taken", up="loss", logarithmic="y", width=460,
    )  # fmt: skip
    rows = [(number, f"{step.weight:.6g}", f"{step.loss:.6g}") for number, step in enumerate(far[:5])]
    return draw.columns(draw.table(("steps taken", "weight", "loss"), rows), chart)


RATE = PredictExercise(
    id="learning_by_hand.rate",
    question=(
        "The worked example again: `x = 2`, `y = 10`, `w = 1`, best weight 5. The rate 0.01 was slow. "
        "What happens in twenty steps with the rate 0.3?"
    ),
    choices=(
        Choice(
            "It comes to 5 thirty times sooner", False,
            "That would hold if the slope stayed as it is. It changes on the way, and the step goes far "
            "past 5.",
        ),
        Choice(
            "It jumps to the other side of 5 and back, always as far away", False,
            "This happens at the border, where the factor is exactly −1: at the rate 0.25.",
        ),
        Choice(
            "The weight jumps past 5 and lands farther away each time", True,
            "Each step multiplies the distance from 5 by 1 − 2·0.3·4 = −1.4. The sign is the jump, 1.4 the "
            "growth.",
        ),
        Choice(
            "The first steps are too long, then they become shorter and it settles", False,
            "Steps shrink when the slope shrinks. Here each step ends where the slope is steeper than "
            "before.",
        ),
    ),
    reveal=_diverging,
    hints=(
        "Take the first step by hand: the gradient at w = 1 is −32.",
        "Where does the first step land, and is that nearer to 5 than 1 was?",
    ),
    why=(
        "For this loss the distance from the best weight is multiplied by 1 − 2·rate·x² at each step. It "
        "shrinks only while that factor lies between −1 and 1: for rates below 1/x², here 0.25."
    ),
    further="Find the rate that reaches 5 in a single step. The factor must be 0.",
    minutes=3,
)  # fmt: skip

Numbers = tuple[float, float, float, float]


def _check_step(step: Callable[..., Any]) -> list[Row]:
    """Compare with the library on the worked example, on random numbers, and at the best weight."""
    first = same("the worked example", step(2.0, 10.0, 1.0, 0.01), 1.32)
    generator = np.random.default_rng(5)
    trials: list[Numbers] = [
        (float(x), float(y), float(w), float(rate))
        for x, y, w, rate in generator.uniform([0.6, 3, -2, 0.01], [1.8, 9, 2, 0.2], (6, 4))
    ]

    def all_of(rule: Callable[[float, float, float, float], Any]) -> list[Any]:
        return [rule(*trial) for trial in trials]

    wanted = all_of(lambda x, y, w, rate: one_weight(x, y, w, rate, 1)[0].new_weight)
    usual = [
        (all_of(lambda x, y, w, rate: w - rate * (w * x - y) * x),
         "The factor 2 is missing: (…)² has the slope 2·(…)."),
        (all_of(lambda x, y, w, rate: w + rate * 2 * (w * x - y) * x),
         "It steps up the slope. Either the gradient was added, or the error was taken as y − prediction."),
        (all_of(lambda x, y, w, rate: w - rate * 2 * (w * x - y)),
         "The factor x is missing: the weight reaches the loss through w·x, whose slope is x."),
        (all_of(lambda x, y, w, rate: w - 2 * (w * x - y) * x),
         "The rate is missing: the step is the whole gradient."),
        (all_of(lambda x, y, w, rate: 2 * (w * x - y) * x),
         "That is the gradient. The new weight is asked for."),
        (all_of(lambda x, y, w, rate: -rate * 2 * (w * x - y) * x),
         "That is the step alone; add it to the weight."),
    ]  # fmt: skip
    got = all_of(step)
    second = (
        Row("random numbers", False, "Nothing came back (`None`). Is there a `return`?")
        if any(answer is None for answer in got)
        else same("random numbers", got, wanted, usual=usual)
    )
    return [first, second, same("the best weight stays", step(2.0, 10.0, 5.0, 0.1), 5.0)]


_STEP = "def step(x, y, weight, rate):\n"
STEP = CodeExercise(
    id="learning_by_hand.step",
    question=(
        "Write `step(x, y, weight, rate)`: one step of gradient descent for the prediction `weight * x` "
        "with the squared error. It returns the new weight."
    ),
    start=_STEP + "    prediction = weight * x\n    return weight\n",
    name="step",
    check=_check_step,
    solution=(
        _STEP + "    prediction = weight * x\n"
        "    gradient = 2 * (prediction - y) * x\n"
        "    return weight - rate * gradient\n"
    ),
    wrong=(
        Wrong(_STEP + "    return weight - rate * (weight * x - y) * x\n", "random numbers"),
        Wrong(_STEP + "    return weight + rate * 2 * (weight * x - y) * x\n", "random numbers"),
        Wrong(_STEP + "    return weight - rate * 2 * (weight * x - y)\n", "random numbers"),
        Wrong(_STEP + "    return weight - rate * 2 * (y - weight * x) * x\n", "the worked example"),
        Wrong(_STEP + "    return 2 * (weight * x - y) * x\n", "the best weight stays"),
        Wrong(_STEP + "    weight - rate * 2 * (weight * x - y) * x\n", "the worked example"),
    ),
    hints=(
        "Three lines: the prediction, the gradient by the chain rule, the weight minus the rate times it.",
        "The gradient has three factors: 2, the error (prediction minus y), and x.",
    ),
    why=(
        "This is the whole of learning for one weight. A network does the same for each of its weights; "
        "only the gradient comes from a longer chain."
    ),
    further="Call it in a loop of 100 steps and print the weight: how many steps until 4.99?",
    minutes=6,
)  # fmt: skip


def _used_twice() -> str:
    """The tape of a·a + a after its whole backward pass."""
    from glassworks.reader.figures.tape_backwards import backwards, square_plus_itself

    return backwards(square_plus_itself, 4)


TWICE = PredictExercise(
    id="learning_by_hand.twice",
    question=(
        "`a = Value(3.0)`, then `y = a * a + a`. The value `a` is used three times in all. "
        "What is the gradient of `a` after `y.backward()`?"
    ),
    choices=(
        Choice(
            "1",
            False,
            "That is the share of the sum alone. A later share is added to it, it does not replace it.",
        ),
        Choice(
            "4", False, "The product uses a twice, so it hands back a share for each side: 3 and 3, not 3."
        ),
        Choice("6", False, "That is what the product hands back, 3 + 3. The sum hands a share to a as well."),
        Choice("7", True, "Three shares arrive at a: 3 and 3 from the product, 1 from the sum. They add up."),
    ),
    reveal=_used_twice,
    hints=(
        "Nudge a by a little in your head: through how many places does y change?",
        "School gives the same answer: what is the slope of a² + a?",
    ),
    why=(
        "A value that is used in several places moves the result through all of them, and small changes "
        "add. So a tape adds shares, and never overwrites one. The same rule is why a framework adds to "
        "`.grad` from one pass to the next, until you clear it."
    ),
    further="Choose `a·b + a` in the figure and watch at which visit the second share arrives.",
    minutes=3,
)


def _check_backward(rule: Callable[..., Any]) -> list[Row]:
    """Compare with the tape on equal shapes, on a row used for every row, on one number; nothing in place."""
    generator = np.random.default_rng(8)
    shapes = {
        "equal shapes": ((4,), (4,)),
        "b is used for every row": ((5, 3), (3,)),
        "b is a single number": ((2, 3), ()),
    }
    rows = []
    for name, (left, right) in shapes.items():
        a, b, gradient = (
            generator.normal(size=left),
            generator.normal(size=right),
            generator.normal(size=left),
        )
        rows.append(_shares(name, rule(a, b, gradient), a, b, gradient))
    rows.append(unchanged("arguments stay as they are", rule, np.ones(3), np.ones(3), np.ones(3)))
    return rows


def _shares(name: str, got: Any, a: np.ndarray, b: np.ndarray, gradient: np.ndarray) -> Row:
    """One row for the pair of shares."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        told = "Two shares are expected, of a and of b, as `return share_a, share_b`."
        return Row(name, False, difference(got, (0.0, 0.0)) if got is None else told)
    left, right = Value(a), Value(b)
    (left * right * gradient).sum().backward()
    assert left.grad is not None and right.grad is not None
    whole = gradient * a
    usual_a = [
        (
            b + 0 * a,
            "The incoming gradient is missing: the slope alone is only right where the gradient is 1.",
        ),
        (gradient * a, "The shares are swapped: the slope of a·b by a is b."),
    ]
    first = same(name, got[0], left.grad, usual=usual_a)
    if not first.passed:
        return Row(name, False, f"Share of a: {first.reason}")
    usual_b = [(gradient * b, "The slope of a·b by b is a, not b.")]
    if whole.shape != b.shape:
        usual_b.append(
            (whole, "b was used for many places, so its share is the sum over them, in the shape of b.")
        )
        usual_b.append((whole.mean(tuple(range(whole.ndim - b.ndim))), "Shares add up: a sum, not a mean."))
    else:
        usual_b.append((a, "The incoming gradient is missing here."))
    second = same(name, got[1], right.grad, usual=usual_b)
    return Row(name, second.passed, second.reason if second.passed else f"Share of b: {second.reason}")


_BACKWARD = "import numpy as np\n\ndef backward_of_multiply(a, b, gradient):\n"
BACKWARD = CodeExercise(
    id="learning_by_hand.backward",
    question=(
        "A tape needs one rule for each operation. Write the rule of `out = a * b` for NumPy arrays: "
        "`backward_of_multiply(a, b, gradient)` gets the gradient of `out` and returns `(share_a, share_b)`. "
        "`out` has the shape of `a`. `b` may have fewer axes: then it was used for every row of `a`, and its "
        "share must be summed over them."
    ),
    start=_BACKWARD + "    share_a = gradient\n    share_b = gradient\n    return share_a, share_b\n",
    name="backward_of_multiply",
    check=_check_backward,
    solution=(
        _BACKWARD
        + "    share_a = gradient * b\n"
        "    share_b = gradient * a\n"
        "    added = tuple(range(a.ndim - b.ndim))\n"
        "    return share_a, share_b.sum(axis=added)\n"
    ),
    wrong=(
        Wrong(_BACKWARD + "    return b, a\n", "equal shapes"),
        Wrong(_BACKWARD + "    return gradient * a, gradient * b\n", "equal shapes"),
        Wrong(_BACKWARD + "    return gradient * b, gradient * a\n", "b is used for every row"),
        Wrong(_BACKWARD + "    added = tuple(range(a.ndim - b.ndim))\n"
              "    return gradient * b, (gradient * a).mean(axis=added)\n", "b is used for every row"),
        Wrong(_BACKWARD + "    share = gradient * a\n"
              "    if a.ndim > b.ndim:\n        share = share.sum(axis=0)\n"
              "    return gradient * b, share\n", "b is a single number"),
        Wrong(_BACKWARD + "    share = (gradient * a).sum(axis=tuple(range(a.ndim - b.ndim)))\n"
              "    gradient *= 2\n    return gradient / 2 * b, share\n", "arguments stay as they are"),
    ),
    hints=(
        "The slope of a·b by a is b, and by b it is a. What arrives from above is multiplied by it.",
        "For the sum: the axes that b does not have are the first a.ndim − b.ndim ones; sum over these.",
    ),
    why=(
        "A rule is local: it needs its own inputs and the gradient from above, nothing else. That is why an "
        "operation can be added in three lines, and why a network of any form needs no new mathematics."
    ),
    further="Write the rule of `sin`: the slope is `cos` of the input, not of the output. Nudge to check it.",
    minutes=8,
)  # fmt: skip

MEAN = NumberExercise(
    id="learning_by_hand.mean",
    question=(
        "`x = [2, 3, 4]`, `y = x² + 5`, and the output is the mean of `y`. What is the gradient of the third "
        "element, the 4?"
    ),
    target=8 / 3,
    tolerance=0.01,
    mistakes=(
        Mistake(
            4.0, "Gradient and input are equal only when there are two numbers: 2x/2. Here there are three."
        ),
        Mistake(
            8.0, "That is the slope of x² at 4. The mean hands each element only its part of the gradient."
        ),
        Mistake(4 / 3, "The factor 2 of the slope of x² is missing."),
        Mistake(
            7.0, "That is a third of y = 21, a value. The 5 has no slope, and 16 is not the slope of x²."
        ),
    ),
    hints=(
        "Two operations have slopes other than 1: the square and the mean.",
        "A mean of N numbers is their sum divided by N. So each gets 1/N of the gradient.",
    ),
    solution=(
        "The mean hands back 1/3. The sum y = x² + 5 hands it on unchanged. The square multiplies by 2·4 = "
        "8: 8/3."
    ),
    why=(
        "In general 2x/N. That the gradient of [2, 3] is [2, 3] is an accident of N = 2; one example is not "
        "a proof."
    ),
    further="Choose x = [2, 3, 4] in the figure above and read the gradients at each visit.",
    minutes=3,
)

LEAF = ChoiceExercise(
    id="learning_by_hand.leaf",
    question=(
        "On a machine with a GPU: `x = torch.tensor([2.0, 3.0], requires_grad=True)`, then `x = "
        "x.to(\"cuda\")`, then `(x**2 + 5).mean().backward()`. What is `x.grad`?"
    ),
    choices=(
        Choice(
            "tensor([2., 3.]) on the GPU", False,
            "The copy is a result, not a leaf. Gradients flow through it and are kept only in the leaf.",
        ),
        Choice(
            "None, and torch warns", True,
            "x now names the copy, a result of `to`. The gradient went to the leaf, which has no name any "
            "more.",
        ),
        Choice(
            "tensor([2., 3.]) on the CPU", False,
            "This gradient exists, in the leaf on the CPU. But the name x was given away to the copy.",
        ),
        Choice(
            "An error, because a gradient cannot cross devices", False,
            "It can: `to` is on the tape like any operation, and its rule moves the gradient back.",
        ),
    ),
    hints=(
        "Is the tensor behind the name x, at the moment of `backward`, one that you made or a result?",
        "In the figure, a move of dtype on the CPU does the same. Compare the first two programs.",
    ),
    why=(
        "Only leaves keep a gradient, because only they can be learned. Create the tensor on the device, as "
        "in `torch.tensor(..., device=device, requires_grad=True)`, or keep a name for the leaf. On a "
        "machine without a GPU the move does nothing, so the mistake hides until it matters."
    ),
    further=(
        "`x.retain_grad()` before the backward pass asks a result to keep its gradient too: useful to look "
        "inside."
    ),
    minutes=3,
)  # fmt: skip

EXERCISES = (GRADIENT, RATE, STEP, TWICE, BACKWARD, MEAN, LEAF)
