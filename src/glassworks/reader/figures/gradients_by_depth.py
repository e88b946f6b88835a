"""How large the gradient of each block is before the first step and after twenty, with norms before or after.

The stacks are the installed Vision Transformer, started and trained on digits as the lab on norms does it,
and stopped after 20 steps. "Apart" is how much the features of 64 pictures differ from each other: where
they are equal, the head has nothing to tell pictures by.
The first thing to change: `DEPTHS`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from glassworks.labs.norm_by_depth import NORMS, WATCHED, Look, two_looks
from glassworks.reader.draw import columns, heading, line_chart, note, table
from glassworks.reader.figure import Button, Choose
from glassworks.reader.figures.measured import Measured

DEPTHS = (2, 4, 8, 16)
LOW, HIGH = 1e-8, 100.0
Run = tuple[str, int, bool, int]  # norm, depth, slow start, seed


@lru_cache(maxsize=64)
def looked(norm: str, depth: int, slow: bool, seed: int) -> tuple[Look, Look]:
    """Both looks at one stack; about a second of one core for 16 blocks."""
    return two_looks(norm, depth, seed, slow=slow)


class GradientsByDepth(Measured):
    title = "Gradients by depth, before and after twenty steps"
    says = (
        "Before the first step the gradients of both stacks are of a usable size in every block. After "
        "twenty steps at the full rate, a deep post-norm stack has often lost them: all pictures look alike "
        "to it."
    )
    controls = (
        Choose("depth", "blocks", {str(depth): depth for depth in DEPTHS}, value="16"),
        Choose("slow", "the rate", {"full from the first step": False, "slow start": True}),
        Button("again", "other random weights"),
    )

    def runs(self, depth: int, slow: bool, again: int, **_: Any) -> list[Run]:
        return [(norm, depth, slow, again) for norm in NORMS]

    def measure(self, run: Run) -> tuple[Look, Look]:
        return looked(*run)

    def show(self, known: Mapping, depth: int, **_: Any) -> str:
        if not known:
            return note("Nothing is measured yet.")
        found = {f"{norm}-norm": pair for (norm, *_rest), pair in known.items()}
        charts = []
        for place, said in enumerate(("before the first step", f"after {WATCHED} steps")):
            curves = {name: list(enumerate(pair[place].gradients, 1)) for name, pair in found.items()}
            charts.append(heading(said) + line_chart(
                _within(curves), across="block", up="gradient norm", logarithmic="y", y=(LOW, HIGH),
                x=(1, depth), width=350, height=230,
            ))  # fmt: skip
        rows = [
            [f"{name}, {when}", f"{look.gradients[0]:.2g}", f"{look.gradients[-1]:.2g}", f"{look.apart:.2g}"]
            for name, pair in found.items()
            for when, look in zip(("before", "after"), pair)
        ]
        head = [f"{depth} blocks", "first", "last", "apart"]
        told = (
            "First, last: gradient norms of these blocks. Apart: how much the features of 64 pictures differ."
        )
        return columns(*charts) + table(head, rows) + note(told)


def _within(curves: dict[str, list[tuple[int, float]]]) -> dict[str, list[tuple[float, float]]]:
    """Nothing below the axis: a gradient of 0 has no logarithm."""
    return {name: [(at, max(size, LOW)) for at, size in row] for name, row in curves.items()}
