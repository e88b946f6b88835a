"""The same step three times: written out by hand, by the tape of this book, and by torch.

Three short functions take the same numbers and give prediction, loss, gradient and new weight. They agree to
the precision of their numbers, which is why they are compared with a tolerance and never with `==`.
Change first: the tolerances in `TOLERANCE`.
"""

import inspect
from collections.abc import Callable

import numpy as np
import torch

from glassworks.foundations.tape import Value
from glassworks.reader import draw
from glassworks.reader.figure import Figure, Slider
from glassworks.reader.source import STYLE, coloured

Answer = tuple[float, float, float, float]
NAMES = ("prediction", "loss", "gradient", "new weight")
# By kind of number, relative to the largest number of the step: some roundings of 1.1e-16 or of 6e-8 each.
TOLERANCE = {torch.float64: 1e-14, torch.float32: 1e-5}


def numbers(*results: np.ndarray | torch.Tensor) -> Answer:
    """Arrays and tensors of one number each as numbers of Python."""
    prediction, loss, gradient, weight = (result.item() for result in results)
    return prediction, loss, gradient, weight


def by_hand(x: float, y: float, w: float, rate: float) -> Answer:
    prediction = w * x
    loss = (prediction - y) ** 2
    gradient = 2 * (prediction - y) * x
    return prediction, loss, gradient, w - rate * gradient


def by_tape(x: float, y: float, w: float, rate: float) -> Answer:
    weight = Value(w)
    prediction = weight * x
    loss = (prediction - y) ** 2
    loss.backward()
    assert weight.grad is not None
    new = weight.data - rate * weight.grad
    return numbers(prediction.data, loss.data, weight.grad, new)


def by_torch(x: float, y: float, w: float, rate: float, dtype: torch.dtype) -> Answer:
    weight = torch.tensor(w, dtype=dtype, requires_grad=True)
    prediction = weight * x
    loss = (prediction - y) ** 2
    loss.backward()
    assert weight.grad is not None
    new = weight.detach() - rate * weight.grad
    return numbers(prediction, loss, weight.grad, new)


def close(a: Answer, b: Answer, dtype: torch.dtype) -> bool:
    """Equal within the tolerance of the kind of number, relative to the largest number of the step."""
    size = max(1.0, *(abs(number) for number in a))
    return all(abs(one - other) <= TOLERANCE[dtype] * size for one, other in zip(a, b))


class ThreeWays(Figure):
    title = "The same step by hand, by the tape, by torch"
    says = (
        "Three programs, one answer. In 64-bit numbers all give 1.32. In 32-bit numbers, which keep about "
        "seven digits, torch gives 1.3199999332. So compare with a tolerance, not with ==."
    )
    style = STYLE
    controls = (
        Slider("x", "input x", 0.5, 3.0, step=0.1, value=2.0),
        Slider("y", "right answer y", -10.0, 15.0, step=0.5, value=10.0),
        Slider("w", "weight w", -2.0, 12.0, step=0.1, value=1.0),
        Slider("rate", "learning rate", 0.01, 0.3, step=0.01, value=0.01),
    )

    def draw(self, x: float, y: float, w: float, rate: float) -> str:
        hand = by_hand(x, y, w, rate)
        columns = (
            hand,
            by_tape(x, y, w, rate),
            by_torch(x, y, w, rate, torch.float64),
            by_torch(x, y, w, rate, torch.float32),
        )
        head = ("", "by hand", "our tape", "torch, float64", "torch, float32")
        rows = [(name, *(f"{column[row]:.11g}" for column in columns)) for row, name in enumerate(NAMES)]
        rows.append(("same by ==", *("yes" if column == hand else "no" for column in columns)))
        kinds = (torch.float64, torch.float64, torch.float64, torch.float32)
        near = [close(hand, column, kind) for column, kind in zip(columns, kinds)]
        rows.append(("same within tolerance", *("yes" if good else "no" for good in near)))
        return draw.table(head, rows) + _programs()


def _programs() -> str:
    shown: tuple[Callable[..., Answer], ...] = (by_hand, by_tape, by_torch)
    return draw.columns(
        *(f'<pre class="source" tabindex="0">{_program(function)}</pre>' for function in shown)
    )


def _program(function: Callable[..., Answer]) -> str:
    """The code of one of the three, without what only the type checker reads."""
    lines = [line for line in inspect.getsource(function).splitlines() if "assert" not in line]
    name = function.__name__
    arguments = ", ".join(inspect.signature(function).parameters)
    return coloured("\n".join([f"def {name}({arguments}):", *lines[1:]]))
