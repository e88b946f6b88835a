"""Leave parts of a classifier out, one or several, and train it three times with each choice.

The networks and the digits are those of the lab `ablation-table`, trained for fewer steps. Three seeds beside
each other show how much of a difference is luck: the same choice spreads by a point or more.
The first thing to change: `STEPS` and `SEEDS`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from glassworks.labs import ablation_table as lab
from glassworks.labs.cnn_against_vit import accuracy
from glassworks.reader.draw import line_chart, note, table
from glassworks.reader.figure import Toggle
from glassworks.reader.figures.measured import Measured

STEPS, RATE, SEEDS = 120, 1e-2, (0, 1, 2)
Run = tuple[lab.Arm, int]


@lru_cache(maxsize=128)
def points(arm: lab.Arm, seed: int) -> float:
    """Test accuracy after a short training, in points of 100."""
    training, _, test = lab.parts(seed)
    return accuracy(lab.learned(arm, training, seed, STEPS, RATE), test)


class PartsByToggle(Measured):
    title = "Take parts out and see"
    says = (
        "Three seeds for the plain network and three for your choice. Where the dots of both overlap, "
        "three runs do not decide which is better."
    )
    controls = (
        Toggle("augmentation", "augmentation", value=True),
        Toggle("norm", "batch norm"),
        Toggle("dropout", "dropout"),
        Toggle("depth", "four stages instead of two"),
    )

    def runs(self, **choice: Any) -> tuple[Run, ...]:
        arms = dict.fromkeys((lab.Arm(**choice), lab.PLAIN))
        return tuple((arm, seed) for arm in arms for seed in SEEDS)

    def measure(self, run: Run) -> float:
        return points(*run)

    def show(self, known: Mapping[Run, float], **choice: Any) -> str:
        chosen = lab.Arm(**choice)
        rows, dots = [], {}
        for place, (name, arm) in enumerate({"plain": lab.PLAIN, "your choice": chosen}.items(), 1):
            found = [known[arm, seed] for seed in SEEDS if (arm, seed) in known]
            if found:
                dots[name] = [(float(place), value) for value in found]
                each = ", ".join(f"{value:.1f}" for value in found)
                rows.append([name, each, f"{sum(found) / len(found):.1f}"])
        if not rows:
            return ""
        every = [value for row in dots.values() for _, value in row]
        chart = line_chart(
            {}, points=dots, across="1: plain, 2: your choice", up="test accuracy, %", x=(0.5, 2.5),
            y=(min(85.0, min(every)), 100), width=360, height=240,
        )  # fmt: skip
        said = f"Trained for {STEPS} steps on {lab.COUNT} digits at one rate; judged on {lab.TEST}."
        return chart + table(["network", "three seeds, %", "mean, %"], rows) + note(said)
