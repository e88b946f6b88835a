"""The tape as a drawing that runs backwards, one visit a click.

Forward, every operation left a box with its value and arrows from what it was made of. Backward, the boxes
are visited in reverse order: each hands its inputs their shares of its own gradient, and a value that was
used twice adds up what it receives. The drawing and the words are those of `foundations/graph.py`.
Change first: `SCALARS` and `VECTORS`, the expressions to choose from.
"""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from glassworks.foundations.graph import Step, steps, svg
from glassworks.foundations.tape import Value
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Steps

Expression = Callable[[], Value]

# The drawing takes its colours from the page, shrinks to fit as far as it can be read, and then scrolls.
STYLE = (
    "<style>.backwards .tape { --paper: var(--card); --leaf: var(--accent); --constant: var(--soft);"
    " --result: var(--warn); color: var(--ink); max-width: none; height: auto; }"
    " .backwards .fitting .tape { max-width: max(100%, 40rem); }</style>"
)


def squared_error() -> Value:
    """The worked example: (w * x - y)² with x = 2, y = 10, w = 1."""
    weight, x, y = Value(1.0, name="w"), _fixed(2.0, "x"), _fixed(10.0, "y")
    error = _named(_named(weight * x, "prediction") - y, "error")
    return _named(error ** _fixed(2.0, "power"), "loss")


def used_twice() -> Value:
    """a * b + a: the value a is used twice, so its gradient has two shares."""
    a, b = Value(3.0, name="a"), Value(2.0, name="b")
    return _named(_named(a * b, "product") + a, "sum")


def square_plus_itself() -> Value:
    """a * a + a, of the exercise: three shares arrive at a."""
    a = Value(3.0, name="a")
    return _named(_named(a * a, "product") + a, "y")


def relu_unit(x: float) -> Value:
    """relu(w * x + b) with w = 2 and b = -3: open or shut, by the sign of the sum."""
    weight, bias = Value(2.0, name="w"), Value(-3.0, name="b")
    return _named(_named(_named(weight * _fixed(x, "x"), "product") + bias, "sum").relu(), "output")


def branch(x: float) -> Value:
    """An `if` of Python: x * up where x > 0, else x * down. Only the side that ran is on the tape."""
    up, down = Value(1.0, name="up"), Value(0.1, name="down")
    source = _fixed(x, "x")
    output = _named(source * up if x > 0 else source * down, "output")
    return _named(output ** _fixed(2.0, "power"), "squared")


def mean_of_squares(*numbers: float) -> Value:
    """The mean of x² + 5 over some numbers: the gradient is 2x / N."""
    squares = _named(Value(numbers, name="x") ** _fixed(2.0, "power"), "squares")
    output = _named(_named(squares + _fixed(5.0, "five"), "y").mean(), "output")
    for (value, _), name in zip(output.edges, ("sum", "N")):  # the two that `mean` made
        value.name = name
    return output


def shared_bias() -> Value:
    """One bias of shape (2,) added to each row of (3, 2): its gradient is summed over the rows."""
    rows = _fixed([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "rows")
    shifted = _named(rows + Value([0.5, 1.0], name="bias"), "shifted")
    return _named(_named(shifted ** _fixed(2.0, "power"), "squares").sum(), "total")


def layer() -> Value:
    """A layer of two ReLU units over three rows: relu(rows @ weights + bias), summed."""
    rows = _fixed([[1.0, 2.0], [3.0, -1.0], [0.5, 1.5]], "rows")
    weights, bias = Value([[0.5, -1.0], [1.0, 0.5]], name="weights"), Value([0.0, 0.5], name="bias")
    product = _named(rows @ weights, "product")
    return _named(_named(_named(product + bias, "scores").relu(), "active").sum(), "total")


SCALARS: Mapping[str, Expression] = {
    "loss = (w·x − y)²": squared_error,
    "a·b + a: a is used twice": used_twice,
    "ReLU unit, x = 2: open": lambda: relu_unit(2.0),
    "ReLU unit, x = 1: shut": lambda: relu_unit(1.0),
    "branch, x = 2: takes up": lambda: branch(2.0),
    "branch, x = −2: takes down": lambda: branch(-2.0),
}
VECTORS: Mapping[str, Expression] = {
    "mean of x² + 5, x = [2, 3]": lambda: mean_of_squares(2.0, 3.0),
    "mean of x² + 5, x = [2, 3, 4]": lambda: mean_of_squares(2.0, 3.0, 4.0),
    "one bias for three rows": shared_bias,
    "a layer of two units": layer,
}


class TapeBackwards(Figure):
    title = "The tape runs backwards"
    says = (
        "The gradient of the loss by itself is 1. Each visit multiplies it by the slopes of one operation "
        "and hands the shares on, until every leaf has its gradient."
    )
    controls = (Choose("expression", "expression", SCALARS), Steps("step", "visit", 0, 5))

    def draw(self, expression: Expression, step: int) -> str:
        return backwards(expression, step)


class TapeOfVectors(TapeBackwards):
    title = "The same tape with vectors and matrices"
    says = (
        "A gradient has the shape of its value. Where a value was repeated for every row, its shares are "
        "summed over the rows; a mean divides them by the number of values."
    )
    controls = (Choose("expression", "expression", VECTORS), Steps("step", "visit", 0, 6))


def backwards(expression: Expression, step: int) -> str:
    """The drawing after `step` visits of the backward pass (0: before it), with what each did in words."""
    value = expression()
    visits = _visits(expression)
    done = visits[:step]
    gradients = received(visits, step)
    visiting = visits[step - 1].value if 0 < step <= len(visits) else ""
    drawing = svg(value, gradients=gradients, visiting=visiting)
    words = [draw.text(f"{number}. {visit}.") for number, visit in enumerate(done, 1)]
    if step == 0:
        words = [
            draw.text(f"The forward pass is over: {visits[0].value} is {value.data.item():.6g}. Press Next.")
        ]
    elif step >= len(visits):
        words.append(draw.text(f"Done after {len(visits)} visits: every leaf has its gradient.", "good"))
    grids = _grids(done[-1]) if 0 < step <= len(visits) else ""
    return framed(drawing) + "".join(words) + grids


def framed(drawing: str, *, fitting: bool = True) -> str:
    """A drawing of the tape in the page's colours, in a box that scrolls; fitting: it may shrink a little."""
    style = "scroll fitting" if fitting else "scroll"
    return f'<div class="backwards">{STYLE}<div class="{style}" tabindex="0">{drawing}</div></div>'


def received(visits: tuple[Step, ...], count: int) -> dict[str, np.ndarray]:
    """What each value has received after `count` visits, by label; the last value starts with 1."""
    gradients = {visits[0].value: visits[0].gradient} if count else {}
    for visit in visits[:count]:
        for label, share in visit.shares:
            gradients[label] = gradients[label] + share if label in gradients else share
    return gradients


@cache
def _visits(expression: Expression) -> tuple[Step, ...]:
    return tuple(steps(expression()))


def _grids(visit: Step) -> str:
    """The gradient of a visit and its shares as numbers, where they are more than one number."""
    arrays = [
        (f"gradient of {visit.value}", visit.gradient),
        *((f"share of {a}", b) for a, b in visit.shares),
    ]
    shown = [
        draw.number_grid(array, title=f"{name}, shape {array.shape}") for name, array in arrays if array.ndim
    ]
    return draw.columns(*shown) if shown else ""


def _fixed(data: object, name: str) -> Value:
    return Value(data, name=name, constant=True)


def _named(value: Value, name: str) -> Value:
    value.name = name
    return value
