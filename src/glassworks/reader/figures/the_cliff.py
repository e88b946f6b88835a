"""A cliff in a loss, and a descent that meets it: with long gradients shortened, and without.

The state h <- tanh(1.2 h + b) runs 20 steps from 0; the loss is the squared distance of its end from 0.3. For
b below 0 the state ends below, for b above 0 above, and in between 20 factors of 1.2 multiply up: a slope of
hundreds. Pascanu et al. 2012 draw such a wall and clip the gradient's norm against it.
The first thing to change: `RATE`.
"""

import math
from functools import lru_cache

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider, Toggle

WEIGHT, STEPS, TARGET = 1.2, 20, 0.3
RATE, LIMIT, UPDATES = 0.05, 0.5, 40
REACH = 0.3  # of the drawing


def loss(b: float) -> tuple[float, float]:
    """(loss, its derivative in b), the derivative summed over all steps on the way."""
    state, moved = 0.0, 0.0
    for _ in range(STEPS):
        state = math.tanh(WEIGHT * state + b)
        moved = (1 - state * state) * (1 + WEIGHT * moved)
    return (state - TARGET) ** 2, 2 * (state - TARGET) * moved


def descent(b: float, clipped: bool) -> list[tuple[float, float, float]]:
    """(b, loss, gradient) before each update and after the last."""
    found = []
    for _ in range(UPDATES + 1):
        value, gradient = loss(b)
        found.append((b, value, gradient))
        size = abs(gradient)
        b -= RATE * gradient * (min(1.0, LIMIT / size) if clipped and size else 1.0)
    return found


@lru_cache(maxsize=1)
def curve() -> list[tuple[float, float]]:
    """The loss over b, finely drawn where it is steep."""
    near = [number / 4000 for number in range(-160, 161)]
    far = [number / 100 for number in range(-30, 31)]
    return [(b, loss(b)[0]) for b in sorted({*near, *far})]


class TheCliff(Figure):
    title = "A cliff, and a short step"
    says = (
        "Twenty steps make a wall of the loss. A descent that meets it is thrown out of the picture, to "
        "where no slope leads back. With the gradient shortened to 0.5 it stays at the wall, and in the "
        "picture."
    )
    controls = (
        Slider("b", "start at b", -0.3, 0.3, step=0.03, value=-0.21),
        Toggle("clipped", "shorten gradients above 0.5"),
    )

    def draw(self, b: float, clipped: bool) -> str:
        path = descent(b, clipped)
        inside = [(place, value) for place, value, _ in path if abs(place) <= REACH]
        chart = line_chart(
            {"loss": curve()}, points={"loss": inside[:1], "the descent": inside[1:]},
            across="b", up="loss", x=(-REACH, REACH), y=(0, 1.6), width=400, height=260,
        )  # fmt: skip
        out = next((number for number, (place, *_) in enumerate(path) if abs(place) > REACH), None)
        steepest = max(abs(gradient) for *_, gradient in path)
        end, value, gradient = path[-1]
        rows = [
            ["steepest gradient met", f"{steepest:.4g}"],
            ["longest step taken", f"{max(abs(path[n + 1][0] - path[n][0]) for n in range(UPDATES)):.3g}"],
            [f"b after {UPDATES} updates", f"{end:.4g}"],
            ["loss there", f"{value:.4f}"],
            ["gradient there", f"{gradient:.2g}"],
        ]
        told = (
            f"Update {out} threw b out of the picture."
            if out is not None
            else "All of the descent is in the picture."
        )
        return columns(chart, table(["", "value"], rows)) + note(told)
