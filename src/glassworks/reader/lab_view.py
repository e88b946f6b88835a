"""A lab on a page: the claim, the recorded verdict with its figures, and the reader's own run beside it.

What is shown first was measured on another machine and says which. The reader can run the same experiment in
a worker process; the page then shows both results side by side, so that a claim that does not hold here is
seen as well as one that does. Without a run manager (a static page, a script) it shows the recorded result
and the command to type.

The first thing to change: `_card`, what is shown of a result.
"""

import html
import threading
import time
from collections.abc import Callable
from typing import Any

import traitlets

from glassworks import labs
from glassworks.core.errors import PersonError
from glassworks.labs import Lab, Result
from glassworks.labs.drawing import NARROW, drawn
from glassworks.labs.lab import readable
from glassworks.labs.page import TONES, told
from glassworks.labs.running import command_of
from glassworks.reader import draw
from glassworks.reader.widget import Widget, text_of
from glassworks.runs import Runs

REDRAW = 0.3  # seconds between two looks at the run's events
LOOKED = 20.0  # seconds that a page's word "I am here" counts; it says so every 5
SENTENCES = 6  # of what the run says, the newest
LIVE = ("waiting", "running", "stopping")
WORDS = {
    "idle": "", "waiting": "Waiting: another run comes first.", "running": "Running.",
    "stopping": "Stopping.", "done": "Done.", "stopped": "Stopped; a lab begins anew.", "failed": "Failed.",
    "interrupted": "Interrupted: the book ended while it ran.",
}  # fmt: skip


class LabView(Widget):
    """Shows a lab and lets the reader run it again.

    lab:  a row of the table of labs, or its name
    runs: the manager, or a function that gives it (called when the reader's page is there); None where
        nothing can be run

    Raises PersonError for a name that does not exist.
    """

    script = text_of("lab_view.js")
    style = text_of("lab_view.css")

    plan = traitlets.Dict().tag(sync=True)  # claim, name, commands, whether it can run, how long it takes
    state = traitlets.Unicode("idle").tag(sync=True)  # idle, a state of a run, or "stopping"
    status = traitlets.Unicode().tag(sync=True)  # what the run says, line by line
    drawn = traitlets.Unicode().tag(sync=True)  # the results as HTML
    spoken = traitlets.Unicode().tag(sync=True)

    def __init__(self, lab: Lab | str, runs: Runs | Callable[[], Runs] | None = None):
        self._gone = threading.Event()  # first of all: `close` is called also for one that was never finished
        self.lab = labs.find(lab) if isinstance(lab, str) else lab
        self.recorded = labs.recorded(self.lab.name)
        self.yours: Result | None = None
        self.place = f"{self.lab.chapter}#lab-{self.lab.name}"
        self._find_runs = runs
        self._guard = threading.RLock()  # the page's messages and the follower change the same things
        self._follower: threading.Thread | None = None
        self._run, self._number, self._said, self._looked = "", 0, list[str](), 0.0
        self._error: dict[str, str] | None = None
        super().__init__(plan=self._plan(), drawn=self._html())

    # ---- what the page says

    def on_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """{"do": "here" (said every 5 s while the page is seen), "start", "quick" or "stop"}."""
        doing: dict[str, Callable[[], object]] = {
            "here": self.look, "stop": self.stop,
            "start": self.start, "quick": lambda: self.start(quick=True),
        }  # fmt: skip
        try:
            if self._find_runs is not None and content.get("do") in doing:
                doing[content["do"]]()
        except PersonError as error:
            with self._guard, self.hold_sync():
                self._error = error.as_json()["error"]
                self.state, self.drawn = "failed", self._html()

    def start(self, *, quick: bool = False) -> str:
        """Run the lab in a worker process; returns the run's id, that of the present one while it goes on."""
        with self._guard:
            if self.state in LIVE:
                return self._run
            request = {"name": self.lab.name, "quick": quick}
            label = f"lab {self.lab.name}{', quick' if quick else ''}"
            self._begin(self.runs.start("lab", request, chapter=self.place, label=label))
            self._follow()
            return self._run

    def stop(self) -> None:
        """Ask the run to end; a lab that was stopped has no result."""
        with self._guard:
            if self._run and self.state in LIVE:
                self.runs.stop(self._run)
                self.refresh()
                if self.state == "running":
                    self.state = "stopping"

    def look(self) -> None:
        """Somebody looks at the page: show the latest run of this lab, and follow it while it goes on."""
        with self._guard:
            self._looked = time.monotonic()
            latest = self.runs.latest(self.place) or ""
            if self.state not in LIVE and latest != self._run:
                self._begin(latest)  # after a reload, or when another tab has started one
                self.refresh()
            if self.state in LIVE:
                self._follow()

    @property
    def runs(self) -> Runs:
        assert self._find_runs is not None
        return self._find_runs if isinstance(self._find_runs, Runs) else self._find_runs()

    # ---- what is shown

    def refresh(self) -> bool:
        """Take in what the run has said since; returns whether it still goes on."""
        with self._guard:
            if not self._run:
                return False
            state: str = self.runs.state(self._run)  # before the events: one that has ended has told all
            for event in self.runs.events(self._run, self._number):
                self._number = event["number"]
                self._take(event)
            if state == "running" and self.state == "stopping":
                state = "stopping"
            with self.hold_sync():
                self.status = "\n".join(self._said[-SENTENCES:])
                if state != self.state:
                    self.state, self.spoken, self.drawn = state, WORDS[state], self._html()
            return state in LIVE

    def _begin(self, run: str) -> None:
        self._run, self._number, self._said, self._error = run, 0, [], None

    def _take(self, event: dict[str, Any]) -> None:
        if event["kind"] == "begun":
            self._said, self._error = [], None
        elif event["kind"] == "say":
            self._said.append(str(event["text"]))
        elif event["kind"] == "failed":
            self._error = {name: str(event[name]) for name in ("expected", "got", "fix")}
        elif event["kind"] == "done":
            self.yours = labs.result_from(event["result"], f"run {self._run}")

    def _plan(self) -> dict[str, Any]:
        return {
            "name": self.lab.name,
            "claim": self.lab.claim,
            "command": command_of(self.lab.name),
            "runs": self._find_runs is not None,
            "takes": readable(self.recorded.work) if self.recorded else f"{self.lab.minutes:g} minutes",
            "words": WORDS,
        }

    def _html(self) -> str:
        """The mistake if there is one, then the results, side by side where there are two."""
        parts = []
        if self._error:
            rows = (("expected", "expected"), ("got", "got"), ("to fix", "fix"))
            lines = "".join(f"<dt>{name}</dt><dd>{html.escape(self._error[key])}</dd>" for name, key in rows)
            parts.append(f"{draw.text('The lab could not be run.', 'bad')}<dl>{lines}</dl>")
        cards = []
        if self.recorded:
            cards.append(_card(self.recorded, "Recorded"))
        if self.yours:
            cards.append(_card(self.yours, "Yours, quick" if self.yours.quick else "Yours"))
        return "".join(parts) + (draw.columns(*cards) if cards else draw.note("No result is recorded yet."))

    # ---- the thread that follows a run

    def _follow(self) -> None:
        """Look at the run until it has ended, or nobody has looked at the page for a while."""
        with self._guard:
            self._looked = max(self._looked, time.monotonic())
            self.refresh()
            if self._follower is None or not self._follower.is_alive():
                self._follower = threading.Thread(target=self._watch, daemon=True, name="lab view")
                self._follower.start()

    def _watch(self) -> None:
        while not self._gone.wait(REDRAW) and time.monotonic() - self._looked < LOOKED:
            with self._guard:
                try:
                    if self.refresh():
                        continue
                except PersonError as error:  # a result that cannot be read, after an update perhaps
                    self._error = error.as_json()["error"]
                    self.state, self.drawn = "failed", self._html()
                self._follower = None  # so that a run that begins right now gets a follower of its own
                return

    def close(self) -> None:
        """End the thread with the widget."""
        self._gone.set()
        super().close()


def _card(result: Result, whose: str) -> str:
    """One result: verdict and first figure in sight, the rest to unfold."""
    verdict = draw.text(f"The claim {told(result)}.", TONES[result.outcome]) + draw.text(result.verdict)
    first, *others = (drawn(chart, width=NARROW) for chart in result.charts)
    tables = "".join(draw.heading(one.title) + draw.table(one.head, one.rows) for one in result.tables)
    rule = draw.heading("How it was decided") + draw.text(result.rule)
    notes = "".join(draw.note(sentence) for sentence in result.notes)
    seeds = f"{len(result.seeds)} seeds" if len(result.seeds) != 1 else "one seed"
    machine = draw.note(f"{result.date}: {seeds} in {result.minutes} on {result.machine.words}.")
    return (
        f'<div class="result">{draw.heading(whose)}{verdict}{first}'
        f"<details><summary>All figures and tables</summary>{''.join(others)}{tables}</details>"
        f"<details><summary>The rule, written before the numbers</summary>{rule}"
        f"{draw.note(f'Interval: {result.interval}.')}{notes}</details>{machine}</div>"
    )
