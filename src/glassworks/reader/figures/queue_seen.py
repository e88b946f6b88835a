"""A queue under more requests than can be answered, without a limit and with one: who is served in time?

A small simulation: one worker, requests at random moments, each answered in the same time, the oldest first.
Whoever waits longer than the patience has gone, but a server without deadlines answers them all the same. The
limit refuses at once. First thing to change: `EACH`, seconds for an answer.
"""

import heapq
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from glassworks.core.keyed import generator
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider, Toggle

EACH, SECONDS = 0.02, 30.0  # of an answer; of the simulation
CAPACITY = 1 / EACH  # answers a second
ROOMS = {"no limit": 0, "64": 64, "16": 16, "4": 4}


class Served(NamedTuple):
    """waited: (arrival, seconds until the answer) of those that were answered; refused, wasted, gone: how
    many were refused at once, answered after they had gone, or dropped because they had gone."""

    waited: np.ndarray
    refused: int
    wasted: int
    gone: int
    asked: int

    def in_time(self, patience: float) -> int:
        return int((self.waited[:, 1] <= patience).sum())


@lru_cache(maxsize=128)
def simulated(load: float, room: int, patience: float, deadlines: bool) -> Served:
    """load: requests for each that can be answered; room: that may wait, 0 for any number; deadlines: those
    that have gone are dropped unanswered."""
    dice = generator(0, "queue", round(100 * load))
    arrivals = np.cumsum(dice.exponential(1 / (load * CAPACITY), int(2 * load * CAPACITY * SECONDS)))
    arrivals = arrivals[arrivals < SECONDS]
    free, refused, wasted, gone, waited = 0.0, 0, 0, 0, []
    started: list[float] = []  # when those that were taken begin to be answered, the earliest first
    for arrival in arrivals.tolist():
        while started and started[0] <= arrival:
            heapq.heappop(started)
        if room and len(started) >= room:
            refused += 1
            continue
        begin = max(free, arrival)
        if deadlines and begin + EACH - arrival > patience:
            gone += 1
            continue
        free = begin + EACH
        heapq.heappush(started, begin)
        waited.append((arrival, free - arrival))
        wasted += free - arrival > patience
    return Served(np.array(waited).reshape(-1, 2), refused, wasted, gone, len(arrivals))


class QueueSeen(Figure):
    title = "More requests than answers"
    says = (
        "With half as many requests again as can be answered, a queue without a limit grows until nobody is "
        "answered in time, while the server works without pause. A short queue refuses a third at once and "
        "answers the others quickly."
    )
    controls = (
        Slider("load", "requests for each that can be answered", 0.5, 3.0, step=0.1, value=1.5),
        Choose("room", "requests that may wait", ROOMS),
        Slider("patience", "seconds until a client has gone", 0.5, 5.0, step=0.5, value=2.0),
        Toggle("deadlines", "drop those that will be too late"),
    )

    def draw(self, load: float, room: int, patience: float, deadlines: bool) -> str:
        found = simulated(load, room, patience, deadlines)
        free = simulated(load, 0, patience, False)
        curves = {"this server": _thinned(found.waited), "no limit": _thinned(free.waited)}
        if not room and not deadlines:
            curves.pop("this server")
        chart = draw.line_chart(
            curves, across="second", up="seconds until the answer", x=(0, SECONDS), width=440, height=250,
        )  # fmt: skip
        good = found.in_time(patience)
        rows = [
            ["requests", f"{found.asked:,}"],
            ["answered in time", f"{good:,}"],
            ["of what was possible", f"{good / min(found.asked, SECONDS * CAPACITY):.0%}"],
            ["answered too late", f"{found.wasted:,}"],
            ["refused at once", f"{found.refused:,}"],
            ["dropped, too late", f"{found.gone:,}"],
            ["99 % answered within", f"{np.quantile(found.waited[:, 1], 0.99):.2f} s"],
        ]
        told = f"{CAPACITY:.0f} answers a second are possible, {load * CAPACITY:.0f} requests come."
        return draw.columns(chart, draw.table(["30 seconds", ""], rows)) + draw.note(told)


def _thinned(waited: np.ndarray) -> list[tuple[float, float]]:
    """At most 80 points of a curve: means of neighbours."""
    groups = np.array_split(waited, min(80, len(waited)))
    return [(float(part[:, 0].mean()), float(part[:, 1].mean())) for part in groups]
