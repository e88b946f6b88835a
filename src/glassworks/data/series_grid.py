"""One series on its regular step: sorted, each time once, holes as missing values.

A forecast counts in steps, so a series needs a step that can be counted in. Where times are missing, rows of
NaN stand in their place; nothing is filled here.

The first thing to change: `MOST_HOLES`, how full of holes a series may be.

Axes: length = steps of a series; channels = numbers a step.
"""

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.data.times import Step, step_of

FEWEST = 20  # steps of a series; fewer teach nothing
MOST_HOLES = 0.5  # share of a series' steps that may be missing


def regular(
    times: np.ndarray, values: np.ndarray, where: str, *, grouped: bool = True, lenient: bool = False
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """One series sorted and on its step: times (length,), values (length, channels), what was done.

    lenient: of times that stand there twice the first counts, and without a regular step each row is one
    Raises PersonError: "too-few-steps"; where not lenient "times-twice" and "irregular-times".
    """
    notes = []
    order = np.argsort(times, kind="stable")
    if (np.diff(order) < 0).any():
        notes.append("the rows were not in the order of time: sorted")
    times, values = times[order], values[order]
    twice = np.flatnonzero(times[1:] == times[:-1])
    if len(twice):
        same = all(np.array_equal(values[row], values[row + 1], equal_nan=True) for row in twice)
        if not same and not lenient:
            raise PersonError(
                "times-twice", expected=f"each time once in {where}",
                got=f"{times[twice[0]]} stands there with two values ({len(twice)} such rows)",
                fix="mend the rows" + ("" if grouped else ", or name the column of the series with --group"),
            )  # fmt: skip
        keep = np.append(True, times[1:] != times[:-1])
        times, values = times[keep], values[keep]
        kind = "repeat another" if same else "repeat a time with other values"
        notes.append(f"{len(twice)} row(s) that {kind} were left out")
    if len(times) < FEWEST:
        raise PersonError(
            "too-few-steps", expected=f"at least {FEWEST} steps in {where}", got=str(len(times)),
            fix="bring more of its past",
        )  # fmt: skip
    step = step_of(times)
    if step is None and lenient:
        return times, values, [*notes, "the times follow no regular step: each row is taken as one"]
    if step is None:
        raise PersonError(
            "irregular-times", expected=f"times at a regular step in {where}",
            got=f"gaps from {np.diff(times).min()} to {np.diff(times).max()}",
            fix="bring the rows to one step first (a mean a day, say), or name another --time",
        )  # fmt: skip
    return *_on_grid(times, values, step, where, notes), notes


def _on_grid(
    times: np.ndarray, values: np.ndarray, step: Step, where: str, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    places = step.places(times)
    places -= places[0]
    length = int(places[-1]) + 1
    if len(np.unique(places)) < len(places) or length - len(times) > MOST_HOLES * length:
        raise PersonError(
            "irregular-times", expected=f"times at a regular step in {where} ({step.in_words})",
            got=f"{len(times)} times on {length} steps, some of them twice or most of them missing",
            fix="bring the rows to one step first (a mean a day, say), or name another --time",
        )  # fmt: skip
    if length == len(times):
        return times, values
    whole = np.full((length, values.shape[1]), np.nan)
    whole[places] = values
    clock = np.concatenate([times[:1], step.after(times[0], length - 1)])
    clock[places] = times
    notes.append(f"{length - len(times)} step(s) of {length:,} are not there: read as missing")
    return clock.astype(times.dtype), whole
