"""A model with a loop that halts by itself: a ball bounces until it hardly rises, and one weight is learned.

Each bounce lifts the ball to `bounce` times the height before; below 10 cm it counts as lying still. How many
times the loop runs depends on the drop and on the weight, so every run writes a tape of its own length.
From the distances that the balls travelled, gradient descent finds the factor they were made with.

Source: control flow under automatic differentiation, Baydin and others 2018 (arXiv 1502.05767), section 3.2.
Change first: `RATES`; 0.0015 is too much for the jumps that the loop makes.
"""

from dataclasses import dataclass
from functools import lru_cache

from glassworks.foundations.graph import svg
from glassworks.foundations.tape import Value, as_value, ordered
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider, Toggle
from glassworks.reader.figures.tape_backwards import framed

TRUE, START, STEPS = 0.7, 0.3, 50  # bounce factor: of the data, before learning; steps of learning
DROPS = (0.5, 1.0, 1.5, 2.0)  # metres
RATES = {"0.0005": 0.0005, "0.001": 0.001, "0.0015": 0.0015}
STILL = 0.1  # metres: a ball that rises less lies still
MOST = 60  # bounces, should a weight of 1 or more come up


def travelled(drop: float, bounce: Value) -> Value:
    """Metres that a ball travels, down and up, until it rises less than 10 cm."""
    height = distance = as_value(drop)
    bounces = 0
    while height.data > STILL and bounces < MOST:  # an ordinary loop: the value decides
        height = bounce * height
        distance = distance + 2 * height
        bounces += 1
    return distance


def learn(rate: float) -> list["Moment"]:
    """The bounce factor before each of 50 steps and after the last, fitted to four distances."""
    bounce = Value(START, name="bounce")
    seen = [travelled(drop, Value(TRUE)).data for drop in DROPS]
    moments = []
    for _ in range(STEPS + 1):
        bounce.grad = None
        errors = [(travelled(drop, bounce) - distance) ** 2 for drop, distance in zip(DROPS, seen)]
        loss = sum(errors[1:], errors[0]) / len(DROPS)
        moments.append(Moment(bounce.data.item(), loss.data.item()))
        loss.backward()
        assert bounce.grad is not None
        bounce.data = bounce.data - rate * bounce.grad
    return moments


@dataclass(frozen=True)
class Moment:
    """The weight and the loss (square metres) before one step."""

    bounce: float
    loss: float


@dataclass(frozen=True)
class Fall:
    """One ball: heights in metres from the drop on, values on the tape, d(distance)/d(bounce)."""

    heights: tuple[float, ...]
    distance: float
    values: int
    gradient: float


def watch(drop: float, bounce: float) -> Fall:
    """What happens to one ball, and how long its tape is."""
    weight = Value(bounce, name="bounce")
    distance = travelled(drop, weight)
    order = ordered(distance)
    # A height is the product of the weight and the height before it.
    made = [node.data.item() for node in order if any(parent is weight for parent, _ in node.edges)]
    if made:
        distance.backward()
    gradient = weight.grad.item() if weight.grad is not None else 0.0
    return Fall((drop, *made), distance.data.item(), len(order), gradient)


@lru_cache(maxsize=8)
def learned(rate: float) -> tuple[Moment, ...]:
    return tuple(learn(rate))


class BouncingBall(Figure):
    title = "A loop that decides for itself how often it runs"
    says = (
        "The higher drop bounces more often, so its tape is longer. One weight is learned through all these "
        "tapes: from 0.3 it comes to 0.7, the factor that made the data."
    )
    controls = (
        Slider("step", "training steps taken", 0, STEPS, value=10),
        Choose("rate", "learning rate", RATES, "0.001"),
        Choose("first", "first ball, metres", {"0.05": 0.05, "0.5": 0.5, "1": 1.0}, "0.5"),
        Choose("second", "second ball, metres", {"1.5": 1.5, "2": 2.0, "5": 5.0}, "2"),
        Toggle("tapes", "draw the first ball's tape"),
    )

    def draw(self, step: int, rate: float, first: float, second: float, tapes: bool) -> str:
        moments = learned(rate)
        bounce = moments[step].bounce
        balls = draw.columns(*(_ball(watch(drop, bounce), max(first, second)) for drop in (first, second)))
        tape = ""
        if tapes:
            tape = framed(svg(travelled(first, Value(bounce, name="bounce"))), fitting=False)
        return balls + tape + _curve(moments, step)


def _curve(moments: tuple[Moment, ...], step: int) -> str:
    now = moments[step]
    weights = [(number, moment.bounce) for number, moment in enumerate(moments)]
    chart = draw.line_chart(
        {"learned factor": weights, "factor of the data": [(0, TRUE), (len(moments) - 1, TRUE)]},
        points={"learned factor": [(step, now.bounce)]},
        across="training step", up="bounce factor", width=460, height=200,
    )  # fmt: skip
    told = f"After {step} steps: factor {now.bounce:.4f}, loss {now.loss:.3g} square metres."
    jumps = any(abs(a.bounce - TRUE) > 0.005 for a in moments[-10:])
    words = (
        "It does not settle: where one more bounce begins or ends, the loss jumps, and no gradient sees a "
        "jump."
        if jumps
        else f"In the end: {moments[-1].bounce:.4f}."
    )
    return chart + draw.text(f"{told} {words}", "warn" if jumps else "")


def _ball(fall: Fall, tallest: float) -> str:
    """The path of a ball as arcs, and what its tape holds."""
    width, height = 320, 120
    across = width / (len(fall.heights) + 0.2)

    def up(metres: float) -> float:
        return height - 8 - metres / tallest * (height - 16)

    top = up(fall.heights[0])
    path = f"M6 {top:.1f}Q{across * 0.45:.1f} {top:.1f} {across * 0.6:.1f} {up(0):.1f}"
    for number, metres in enumerate(fall.heights[1:]):
        start = across * (number + 0.6)
        path += f"Q{start + across / 2:.1f} {2 * up(metres) - up(0):.1f} {start + across:.1f} {up(0):.1f}"
    bounces = len(fall.heights) - 1
    label = f"a ball dropped from {fall.heights[0]:g} metres bounces {bounces} times"
    picture = (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{label}"><path d="M0 {up(0)}H{width}" stroke="var(--soft)"/>'
        f'<path d="{path}" fill="none" stroke="var(--accent)" stroke-width="2"/></svg>'
    )
    rows = [
        ("drop", f"{fall.heights[0]:g} m"), ("bounces, runs of the loop", str(bounces)),
        ("values on the tape", str(fall.values)), ("distance", f"{fall.distance:.4g} m"),
        ("d distance / d bounce", f"{fall.gradient:.4g} m"),
    ]  # fmt: skip
    return picture + draw.table(("one ball", ""), rows)
