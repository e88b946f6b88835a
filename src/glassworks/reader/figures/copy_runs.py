"""A symbol, a silence, and the question which symbol it was: small networks that learn it, or do not.

The task and the network are those of the lab "copy-task". The figure adds a cut: only the last steps get a
gradient. Then the weights that carry the symbol learn nothing of it, though the symbol may still be read from
what the untrained weights happen to carry.
The first thing to change: `GAPS`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F

from glassworks.labs.copy_task import CHANCE, INPUTS, JUDGED, SYMBOLS, WAYS, WIDTH, sequences
from glassworks.labs.small_recurrent import CLIP, RATE, reader_of, share_right
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.training.optimizer import adamw

STEPS, SEEDS, EVERY = 400, (0, 1, 2), 10
STARTS = {"as torch starts": "RNN", "a rotation": "RNN, a rotation"}
BACK = {"all the way": 0, "4 steps": 4, "1 step": 1}

Run = tuple[str, int, int, int]  # start, gap, steps back (0: all), seed


@lru_cache(maxsize=256)
def run(start: str, gap: int, back: int, seed: int) -> tuple[tuple[float, ...], float]:
    """(losses, mean of every ten steps; share of right answers in points of 100); under a second."""
    kind, begin = WAYS[STARTS[start]]
    model = begin(reader_of(kind, INPUTS, WIDTH, SYMBOLS, seed), seed)
    optimizer, losses = adamw(model.train(), learning_rate=RATE, weight_decay=0.0), []
    with torch.enable_grad():
        for step, batch in zip(range(STEPS), sequences(gap, seed)):
            for group in optimizer.param_groups:
                group["lr"] = RATE * (1 - step / STEPS)
            loss = F.cross_entropy(model.head(_last(model.layer, batch.steps, back)), batch.targets)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            losses.append(float(loss.detach()))
    right = 100 * share_right(model, next(sequences(gap, seed + 1000, JUDGED)))
    means = torch.tensor(losses).reshape(-1, EVERY).mean(1)
    return tuple(means.tolist()), right


def _last(layer: torch.nn.Module, steps: torch.Tensor, back: int) -> torch.Tensor:
    """The last state (batch, width), whose gradient goes `back` steps; 0: all the way."""
    cut = steps.shape[1] - back if back else 0
    state = None
    if cut > 0:
        with torch.no_grad():
            _, state = layer(steps[:, :cut])
    return layer(steps[:, max(cut, 0) :], None, state)[0][:, -1]


class CopyRuns(Measured):
    title = "When learning begins"
    says = (
        "Over 5 blank steps a plain cell learns to carry a symbol in all three runs. Over 40, as torch "
        "starts it, the loss stays where guessing is; started as a rotation, one of three learns it."
    )
    controls = (
        Slider("gap", "blank steps", 5, 40, step=5, value=5),
        Choose("start", "start", {name: name for name in STARTS}),
        Choose("back", "the gradient goes back", BACK),
    )

    def runs(self, gap: float, start: str, back: int) -> Sequence[Run]:
        return [(start, int(gap), back, seed) for seed in SEEDS]

    def measure(self, key: Run) -> tuple[tuple[float, ...], float]:
        return run(*key)

    def show(self, known: Mapping[Run, tuple[tuple[float, ...], float]], **_: Any) -> str:
        if not known:
            return note("The networks are being trained.")
        curves = {
            f"seed {key[-1]}": [(EVERY * (place + 1), value) for place, value in enumerate(losses)]
            for key, (losses, _) in known.items()
        }
        chart = line_chart(
            curves, across="training steps", up="loss", x=(0, STEPS), y=(0, 2.5), width=400, height=240
        )
        rows = [[f"seed {key[-1]}", f"{right:.0f} %"] for key, (_, right) in known.items()]
        rows.append(["guessing", f"{CHANCE:.1f} %"])
        return columns(chart, table(["run", "symbols named"], rows))
