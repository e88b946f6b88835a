"""A figure whose numbers are measured while one looks: small networks that train in a fraction of a second.

A drawing may take 50 ms, a training run ten times as long. So such a figure names the runs that it needs,
draws at once what it knows, and measures the rest in one thread that draws again after each run. Only the
newest values are worked for, and of two figures the one that was moved last. Where the first state is all
that will be seen (an export, a saved notebook), it is measured before the figure is shown; in the book the
page comes first; a script, which shows nothing, measures nothing. Runs are kept by their keys: a state that
was seen once comes back at once.

The first thing to change: write a subclass with `runs`, `measure` and `show` (see `many_seeds.py`).
"""

import html
import logging
import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import marimo

from glassworks.reader.draw import note
from glassworks.reader.figure import Figure

log = logging.getLogger("glassworks.book")
FAILED = '<p class="bad">This run failed: {}</p>'


class Turns:
    """One run at a time in a process; of those that wait, the one with the highest rank goes first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[float] = []
        self._busy = False

    @contextmanager
    def take(self, rank: float) -> Iterator[None]:
        with self._changed:
            self._waiting.append(rank)
            self._changed.wait_for(lambda: not self._busy and rank == max(self._waiting))
            self._waiting.remove(rank)
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()


TURNS = Turns()


class Measured(Figure):
    """A subclass gives `runs`, `measure` and `show` instead of `draw`. doing: what a run does, in a word."""

    doing: str = "Training"

    def __init__(self, key: str = ""):
        self._lock = threading.Lock()
        self._known: dict[Hashable, Any] = {}
        self._wanted: dict[str, Any] | None = None  # the newest values that still lack runs
        self._worker: threading.Thread | None = None
        self._rank = -time.monotonic()  # first states from the top of the page down, after all that was moved
        first = self.arguments({control.name: control.value for control in self.controls})
        mode = marimo.app_meta().mode  # "run" in the book; marimo's exports run in mode "edit"
        if mode not in ("run", "script"):
            for run in self.runs(**first):
                self._known[run] = self.measure(run)
        super().__init__(key)
        if mode == "run":
            self._complete(first)

    def runs(self, *_: Any, **values: Any) -> Sequence[Hashable]:
        """The runs that the drawing for these values needs, the most important first."""
        raise NotImplementedError

    def measure(self, run: Any) -> Any:
        """One run, at most about a second; a pure function of its key, so it may be cached."""
        raise NotImplementedError

    def show(self, *known: Any, **values: Any) -> str:
        """`show(known, **values)`: HTML from the runs that are known, by key; some may be missing."""
        raise NotImplementedError

    def draw(self, **values: Any) -> str:
        """What is known of these values; what is missing follows when a control was moved to them."""
        return self._shown(values)[0]

    def wait(self, seconds: float = 30.0) -> str:
        """What is drawn when everything that was asked for is measured, for tests and scripts."""
        worker = self._worker
        if worker is not None:
            worker.join(seconds)
        return self.drawn

    def _shown(self, values: dict[str, Any]) -> tuple[str, list[Hashable]]:
        needed = tuple(self.runs(**values))
        known = {run: self._known[run] for run in needed if run in self._known}
        missing = [run for run in needed if run not in known]
        drawn = self.show(known, **values)
        if missing:
            drawn += note(f"{self.doing}: {len(known)} of {len(needed)} runs are done.")
        return drawn, missing

    def _moved(self, change: Any) -> None:
        with self._lock:
            self._wanted = None  # what was asked for before must not be drawn over what follows
            self._rank = time.monotonic()
        super()._moved(change)
        self._complete(self.arguments(change["new"]))

    def _complete(self, values: dict[str, Any]) -> None:
        """Have a thread measure what these values lack, if anything."""
        if all(run in self._known for run in self.runs(**values)):
            return
        with self._lock:
            self._wanted = values
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name=f"figure {type(self).__name__}")
                self._worker.start()

    def _work(self) -> None:
        while (values := self._newest()) is not None:
            try:
                drawn, missing = self._shown(values)
                if missing:
                    with TURNS.take(self._rank):
                        self._known[missing[0]] = self.measure(missing[0])
                    drawn, missing = self._shown(values)
            except Exception as error:  # a page with one broken figure is still a page
                log.exception("a run of the figure %s failed", type(self).__name__)
                drawn, missing = FAILED.format(html.escape(str(error))[:300]), []
            self._finish(values, drawn, done=not missing)

    def _newest(self) -> dict[str, Any] | None:
        """The values to work for; with none the thread ends, which is decided inside the lock."""
        with self._lock:
            if self._wanted is None:
                self._worker = None
            return self._wanted

    def _finish(self, values: dict[str, Any], drawn: str, *, done: bool) -> None:
        """Draw what came, unless the reader moved on meanwhile."""
        with self._lock:
            if self._wanted is not values:
                return
            if done:
                self._wanted = None
            self.drawn = drawn
