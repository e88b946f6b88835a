"""One step of an LSTM with a memory of one number: three gates, a candidate, a sum, and what is shown.

Each gate is moved by hand here; in the network each is a sigmoid of what comes in and of the state before.
Over the old memory the new one is a straight line: its slope is the forget gate.
The first thing to change: the start of the sliders.
"""

import math

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider

REACH = 2.0


def stepped(
    memory: float, forget: float, input: float, candidate: float, output: float
) -> tuple[float, float]:
    """(the new memory, the new state).

    >>> stepped(0.5, 1.0, 0.0, 0.7, 1.0)[0]
    0.5
    """
    after = forget * memory + input * candidate
    return after, output * math.tanh(after)


class OneLSTMStep(Figure):
    title = "Three gates, moved by hand"
    says = (
        "The forget gate says how much of the memory stays, the input gate how much of the candidate is "
        "added, the output gate how much of the memory is shown. The memory itself never goes through a "
        "matrix."
    )
    controls = (
        Slider("memory", "memory before c", -REACH, REACH, step=0.1, value=1.5),
        Slider("forget", "forget gate f", 0, 1, step=0.05, value=0.9),
        Slider("input", "input gate i", 0, 1, step=0.05, value=0.3),
        Slider("candidate", "candidate g", -1, 1, step=0.1, value=-0.6),
        Slider("output", "output gate o", 0, 1, step=0.05, value=0.5),
    )

    def draw(self, memory: float, forget: float, input: float, candidate: float, output: float) -> str:
        after, state = stepped(memory, forget, input, candidate, output)
        rows = [
            ["kept", "f · c", f"{forget * memory:+.4f}"],
            ["written", "i · g", f"{input * candidate:+.4f}"],
            ["new memory", "their sum", f"{after:+.4f}"],
            ["squeezed", "tanh", f"{math.tanh(after):+.4f}"],
            ["new state", "o · tanh", f"{state:+.4f}"],
            ["slope of c'", "f", f"{forget:.2f}"],
            ["slope of h'", "o · (1 - tanh²) · f", f"{output * (1 - math.tanh(after) ** 2) * forget:.4f}"],
        ]
        ends = [REACH * (place / 20 - 1) for place in range(41)]
        found = [(one, stepped(one, forget, input, candidate, output)) for one in ends]
        chart = line_chart(
            {"memory c'": [(c, new) for c, (new, _) in found], "state h'": [(c, h) for c, (_, h) in found]},
            points={"memory c'": [(memory, after)], "state h'": [(memory, state)]},
            across="memory before", y=(-3, 3), width=330, height=250,
        )  # fmt: skip
        told = (
            "The memory passes untouched."
            if forget == 1 and input * candidate == 0
            else "The old memory is gone; only what is written now counts."
            if forget == 0
            else "A part of the old memory stays, and a part of the candidate comes to it."
        )
        return columns(table(["one step", "", ""], rows), chart) + note(told)
