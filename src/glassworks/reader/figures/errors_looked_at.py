"""A small classifier is judged: one number, one a class, who is taken for whom, and the errors seen.

It is the plain or the whole network of the lab `ablation-table`, trained on 200 digits while you look.
The first thing to change: `STEPS`, how long it learns.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from glassworks.judging.intervals import wilson
from glassworks.labs import ablation_table as lab
from glassworks.reader.draw import columns, heading, note, pictures, table
from glassworks.reader.figure import Choose
from glassworks.reader.figures.measured import Measured

STEPS, RATE, MOST = 120, 1e-2, 8
NETWORKS = {"plain": "plain", "whole": "whole"}
CLASSES = {"all": -1} | {f"{digit}": digit for digit in range(10)}


@lru_cache(maxsize=2)
def shares(name: str) -> Tensor:
    """Shares of the ten classes for each test digit, (500, 10)."""
    training, _, test = lab.parts(0)
    model = lab.learned(lab.ARMS[name], training, 0, STEPS, RATE)
    with torch.no_grad():
        return model(test.pictures).softmax(1)


def counts(name: str) -> np.ndarray:
    """How often class i was said to be class j, (10, 10)."""
    truth, said = lab.parts(0)[2].targets, shares(name).argmax(1)
    return torch.bincount(truth * 10 + said, minlength=100).reshape(10, 10).numpy()


class ErrorsLookedAt(Measured):
    title = "Where does it fail?"
    says = (
        "One accuracy hides that classes differ. A row of the table is what a digit was, a column what "
        "was said. Below it stand errors, the surest first: look at them before you change the network."
    )
    controls = (Choose("network", "network", NETWORKS), Choose("digit", "errors with the digit", CLASSES))

    def runs(self, network: str, **_: object) -> tuple[str, ...]:
        return (network,)

    def measure(self, run: str) -> Tensor:
        return shares(run)

    def show(self, known: Mapping[str, Tensor], network: str, digit: int) -> str:
        if network not in known:
            return ""
        found = counts(network)
        right, many = int(found.trace()), int(found.sum())
        span = wilson(right, many)
        told = (
            f"{right} of {many} test digits are right: {right / many:.1%}, and from {span[0]:.1%} to "
            f"{span[1]:.1%} would be no surprise."
        )
        rows = []
        for one in range(10):
            given, said, hit = int(found[one].sum()), int(found[:, one].sum()), int(found[one, one])
            rows.append([f"{one}", f"{hit} of {given}", f"{hit} of {said}"])
        per_class = table(["digit", "found", "right"], rows)
        meant = note("Found: of those that are there (recall). Right: of the answers (precision).")
        judged = columns(_grid(found), per_class + meant)
        return note(told) + judged + heading("Errors") + _errors(known[network], digit)


def _errors(said: Tensor, digit: int) -> str:
    test = lab.parts(0)[2]
    sure, answer = said.max(1)
    wrong = answer != test.targets
    if digit >= 0:
        wrong &= (answer == digit) | (test.targets == digit)
    rows = wrong.nonzero()[:, 0]
    rows = rows[sure[rows].argsort(descending=True)]
    if not len(rows):
        return note("None.")
    shown = []
    for row in rows[:MOST].tolist():
        ink = test.pictures[row, 0]
        share = (ink - ink.min()) / (ink.max() - ink.min())
        paper = (255 - 255 * share).to(torch.uint8).numpy()
        shown.append(
            (paper, f"a {int(test.targets[row])}, said {int(answer[row])}, sure to {float(sure[row]):.0%}")
        )
    return pictures(shown, width=84) + note(f"{len(rows)} errors; {len(shown)} are shown.")


def _grid(found: np.ndarray) -> str:
    """Counts as a square drawing that shrinks with the page."""
    cell, parts = 30, []
    for row in range(10):
        middle = (row + 1.5) * cell
        parts.append(f'<text x="{cell / 2}" y="{middle + 5}" text-anchor="middle">{row}</text>')
        parts.append(f'<text x="{middle}" y="{cell / 2 + 5}" text-anchor="middle">{row}</text>')
        for column in range(10):
            count = int(found[row, column])
            share = round(100 * min(1.0, count / max(1, int(found[row].sum())) * (1 if row == column else 6)))
            colour = "--good" if row == column else "--bad"
            fill = f"color-mix(in srgb, var({colour}) {min(45, share)}%, transparent)"
            x, y = (column + 1) * cell, (row + 1) * cell
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" rx="4" style="fill:{fill}"/>'
            )
            if count:
                parts.append(f'<text x="{x + 14}" y="{y + 19}" text-anchor="middle">{count}</text>')
    side = 11 * cell
    return (
        f'<svg viewBox="0 0 {side} {side}" role="img" aria-label="confusion matrix: rows are what it was, '
        'columns what was said" '
        f'style="width:{side}px;max-width:100%;height:auto;font-size:13px;fill:var(--ink)">{"".join(parts)}</svg>'
    )
