"""One weight on its parabola: where it stands, how steep the loss is there, and where the step lands.

The loss of `prediction = weight * x` with the squared error is a parabola over the weight, lowest where
weight * x = y. The tangent is the gradient; a step goes down it, `rate` times its slope far. The factor
1 - 2 * rate * x² says what share of the distance to the best weight is left after each step.
Change first: the start values of the controls, which are the worked example of the chapter.
"""

from glassworks.foundations.by_hand import HandStep, one_weight
from glassworks.reader import draw
from glassworks.reader.figure import Figure, Slider, Steps

MOST_ROWS = 5  # of the table of steps


class OneWeight(Figure):
    title = "One weight takes a step"
    says = (
        "The loss over the weight is a parabola. The gradient is its slope where the weight stands, "
        "and a step goes against it: here from 1 to 1.32, on the way to 5."
    )
    controls = (
        Slider("x", "input x", 0.5, 3.0, step=0.5, value=2.0),
        Slider("y", "right answer y", -10.0, 15.0, step=1.0, value=10.0),
        Slider("weight", "weight w at the start", -2.0, 12.0, step=0.5, value=1.0),
        Slider("rate", "learning rate", 0.005, 0.4, step=0.005, value=0.01),
        Steps("step", "steps taken before this one", 0, 20),
    )

    def draw(self, x: float, y: float, weight: float, rate: float, step: int) -> str:
        history = one_weight(x, y, weight, rate, step + 1)
        return draw.columns(
            _parabola(history, x, y), _working(history[-1], x, y, rate) + _steps_table(history)
        ) + (_distance(history[-1], x, y, rate))


def _parabola(history: list[HandStep], x: float, y: float) -> str:
    """The loss over the weight with the tangent, the step, and the weights so far."""
    best, now = y / x, history[-1]

    def loss(weight: float) -> float:
        return (weight * x - y) ** 2

    half = 1.12 * max(1.0, abs(now.new_weight - best), *(abs(step.weight - best) for step in history[-2:]))
    low, high, top = best - half, best + half, loss(best + half)
    across = [low + (high - low) * place / 60 for place in range(61)]
    tangent = [(w, now.loss + now.gradient * (w - now.weight)) for w in across]
    curves = {
        "loss": [(w, loss(w)) for w in across],
        "tangent": [(w, height) for w, height in tangent if 0 <= height <= top],
        "this step": [(now.weight, now.loss), (now.new_weight, loss(now.new_weight))],
    }
    seen = [(step.weight, step.loss) for step in history if low <= step.weight <= high]
    return draw.line_chart(
        curves,
        points={"this step": [(now.new_weight, loss(now.new_weight))], "weights so far": seen},
        across="weight w", up="loss", x=(low, high), y=(0.0, top), marks=[(best, f"best w {best:.4g}")],
        width=460, height=270,
    )  # fmt: skip


def _working(step: HandStep, x: float, y: float, rate: float) -> str:
    """The step with its numbers put in."""
    return draw.equation(
        f"prediction      = w · x              = {_n(step.weight)} · {_n(x)} = {_told(step.prediction)}",
        f"loss            = (prediction − y)²  = ({_n(step.prediction)} − {_n(y)})² = {_told(step.loss)}",
        f"dL/dprediction  = 2 (prediction − y) = {_told(step.loss_by_prediction)}",
        f"dprediction/dw  = x                  = {_told(step.prediction_by_weight)}",
        f"gradient        = {_n(step.loss_by_prediction)} · {_n(x)} = {_told(step.gradient)}",
        f"new w           = {_n(step.weight)} − {_n(rate)} · {_n(step.gradient)} = {_told(step.new_weight)}",
    )


def _steps_table(history: list[HandStep]) -> str:
    """The newest steps: weight and loss before each, and its gradient."""
    first = max(0, len(history) - MOST_ROWS)
    rows = [
        (number, _told(step.weight, 10), _told(step.loss, 10), _told(step.gradient, 10))
        for number, step in enumerate(history[first:], first + 1)
    ]
    return draw.table(("step", "weight", "loss", "gradient"), rows)


def _distance(step: HandStep, x: float, y: float, rate: float) -> str:
    """What the step did to the distance from the best weight, in words."""
    best, factor = y / x, 1 - 2 * rate * x * x
    before, after = abs(step.weight - best), abs(step.new_weight - best)
    told = f"Distance to the best weight: {before:.4g} before this step, {after:.4g} after it"
    told += f" (× {_told(factor, 4)})."
    if abs(factor) > 1 + 1e-9:
        return draw.text(
            f"{told} The weight jumps over the valley and lands farther away: it diverges.", "bad"
        )
    if abs(factor) > 1 - 1e-9:
        return draw.text(f"{told} It jumps from side to side and never gets closer.", "warn")
    if factor < -1e-9:
        return draw.text(f"{told} It jumps over the valley, but lands closer.")
    return draw.text(told)


def _n(value: float) -> str:
    """A number inside a formula; a negative one in brackets."""
    return f"({_told(value)})" if value < 0 else _told(value)


def _told(value: float, digits: int = 6) -> str:
    return f"{value:.{digits}g}".replace("-", "−")
