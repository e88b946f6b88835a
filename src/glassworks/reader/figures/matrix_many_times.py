"""A matrix, applied again and again to arrows of length 1: a circle becomes an ellipse, or a needle.

What the eigenvalues say holds in the end. On the way the lengths may do something else: a shear whose
eigenvalues all lie below 1 first stretches. The figure draws the circle after k steps, and the longest and
shortest arrow at every k.
The first thing to change: `MATRICES`.
"""

import math

import numpy as np

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Steps

MOST, ARROWS = 60, 73
REACH = 8.0  # of the drawing
ANGLE = 0.5  # of the rotations, in radians


def _turn(factor: float) -> np.ndarray:
    cos, sin = math.cos(ANGLE), math.sin(ANGLE)
    return factor * np.array([[cos, -sin], [sin, cos]])


MATRICES = {
    "a rotation": _turn(1.0),
    "0.9 times a rotation": _turn(0.9),
    "1.1 times a rotation": _turn(1.1),
    "longer one way, shorter the other": np.array([[1.05, 0.0], [0.0, 0.7]]),
    "a shear with eigenvalues 0.9": np.array([[0.9, 2.0], [0.0, 0.9]]),
}


def radius(matrix: np.ndarray) -> float:
    """The spectral radius: the size of the largest eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def lengths(matrix: np.ndarray, steps: int) -> tuple[float, float]:
    """The longest and the shortest that an arrow of length 1 is after so many steps: singular values."""
    found = np.linalg.svd(np.linalg.matrix_power(matrix, steps), compute_uv=False)
    return float(found[0]), float(found[-1])


class MatrixManyTimes(Figure):
    title = "A matrix, many times"
    says = (
        "A rotation keeps all lengths; 0.9 times a rotation shrinks all alike. A shear whose eigenvalues are "
        "0.9 makes some arrows almost eight times as long before it shrinks them."
    )
    controls = (
        Choose("matrix", "matrix", MATRICES, value="a shear with eigenvalues 0.9"),
        Steps("steps", "steps", 0, MOST, value=9),
    )

    def draw(self, matrix: np.ndarray, steps: int) -> str:
        power = np.linalg.matrix_power(matrix, steps)
        turns = np.linspace(0, 2 * math.pi, ARROWS)
        circle = np.stack([np.cos(turns), np.sin(turns)])  # (2, arrows)
        after = power @ circle
        shape = line_chart(
            {f"after {steps} steps": list(zip(*after.tolist())), "at first": list(zip(*circle.tolist()))},
            across="first number", up="second number", x=(-REACH, REACH), y=(-REACH, REACH),
            width=300, height=302,
        )  # fmt: skip
        grown = [lengths(matrix, step) for step in range(MOST + 1)]
        chart = line_chart(
            {
                "longest arrow": [(step, max(one, 1e-3)) for step, (one, _) in enumerate(grown)],
                "shortest arrow": [(step, max(one, 1e-3)) for step, (_, one) in enumerate(grown)],
            },
            across="steps", up="length", logarithmic="y", y=(1e-3, 1e3), marks=[(steps, "")],
            width=330, height=220,
        )  # fmt: skip
        rows = [
            ["longest arrow now", f"{grown[steps][0]:.4g}"],
            ["shortest arrow now", f"{grown[steps][1]:.4g}"],
            ["spectral radius", f"{radius(matrix):.4g}"],
            [f"spectral radius^{steps}", f"{radius(matrix) ** steps:.4g}"],
            ["longest arrow after one step", f"{grown[1][0]:.4g}"],
        ]
        told = "An ellipse that leaves the drawing is cut at its edge; the numbers go on."
        return columns(shape, chart + table(["", "value"], rows)) + note(told)
