"""A chapter's "train it here": a button, live charts, and the verdict beside the baselines.

The panel holds nothing that matters: the run is a process of its own, its events stand in a file, and a panel
that is made anew after a reload finds the chapter's latest run and shows all of it. Nothing is started before
the reader says so; without a reader (a script, a test, a static page) it is a box that says what it would do.

The first thing to change: `settings`, the controls that a chapter gives its reader.
"""

import html
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import traitlets

from glassworks.api.requests import command_of
from glassworks.core.errors import PersonError
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Control
from glassworks.reader.training_story import Story, failed
from glassworks.reader.widget import Widget, text_of
from glassworks.reader.worker import REQUESTS, as_request
from glassworks.runs import Runs
from glassworks.runs.worker import find

REDRAW = 0.1  # seconds between two redrawings
SPEAK = 5.0  # seconds between two sentences for a screen reader
LOOKED = 20.0  # seconds that a page's word "I am here" counts; it says so every 5
LIVE = ("waiting", "running", "stopping")


class TrainingPanel(Widget):
    """Trains `request` for a chapter when the reader presses the button.

    runs:     the manager, or a function that gives it, called when a page shows the panel
    chapter:  whose latest run is shown after a reload; key: tells two panels of one chapter apart
    job, request: "train" or "finetune", and the options of that verb by name
    settings: controls whose values are added to the request; a name with a dot is a key of the recipe
    started:  told the id of each run that was started

    Raises PersonError for a request or setting that does not exist.
    """

    script = text_of("training_panel.js")
    style = text_of("training_panel.css")

    plan = traitlets.Dict().tag(sync=True)  # title, says, command and the controls, for the script
    values = traitlets.Dict().tag(sync=True)  # what the reader chose, by name
    state = traitlets.Unicode("idle").tag(sync=True)  # idle, a state of a run, or "stopping"
    drawn = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)  # what the run says about itself, line by line
    spoken = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        runs: Runs | Callable[[], Runs],
        chapter: str,
        job: str,
        request: Mapping[str, Any],
        *,
        settings: Sequence[Control] = (),
        title: str = "Train it here",
        says: str = "",
        key: str = "",
        started: Callable[[str], None] = lambda id: None,
    ):
        self._find_runs, self.job, self.request, self.settings = runs, job, dict(request), tuple(settings)
        self.chapter, self._started = f"{chapter}#{key}" if key else chapter, started
        self._guard = threading.RLock()  # the page's messages and the follower change the same things
        self._follower: threading.Thread | None = None
        self._gone = threading.Event()
        self._story, self._run, self._looked, self._spoke = Story(), "", 0.0, 0.0
        start = {control.name: control.value for control in self.settings}
        controls = [{"name": c.name, "label": c.label, **c.as_json()} for c in self.settings]
        plan = {"title": title, "says": says, "controls": controls, "command": self._command(start)}
        super().__init__(plan=plan, values=start)
        if isinstance(runs, Runs):
            self.attach()

    # ---- what the page says

    def on_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """{"do": "here" (said every 5 s while the page shows it), "near", "start", "stop" or "resume"}."""
        doing = {"here": self.look, "near": self._warm, "stop": self.stop, "resume": self.resume}
        asked, values = str(content.get("do")), content.get("values")
        try:
            if asked == "start":
                self.start(**(values if isinstance(values, dict) else {}))
            elif asked in doing:
                doing[asked]()
        except PersonError as error:
            self._show("failed", failed(error.as_json()["error"]))

    def start(self, **values: Any) -> str:
        """Start a run with these settings, or with those that were chosen before; returns its id."""
        with self._guard:
            if self.state in LIVE:
                return self._run
            known = {control.name: control for control in self.settings}
            chosen = {**self.values, **{name: v for name, v in values.items() if name in known}}
            self.values = {name: known[name].clean(value) for name, value in chosen.items()}
            request, words = self.asked(self.values), self._label()
            self._run = self.runs.start(self.job, request, chapter=self.chapter, label=words)
            self._story = Story()
            self._started(self._run)
            self._follow()
            return self._run

    def stop(self) -> None:
        """Ask the run to finish its step, save and end."""
        with self._guard:
            if self._run:
                self.runs.stop(self._run)
                self.refresh()
                if self.state == "running":
                    self.state = "stopping"

    def resume(self) -> None:
        """Go on with a run that was stopped or interrupted."""
        with self._guard:
            if self._run:
                self.runs.resume(self._run)
                self._follow()

    def look(self) -> None:
        """Somebody looks at the page: show the chapter's latest run, and follow it while it goes on."""
        with self._guard:
            self._looked = time.monotonic()
            if self.state not in LIVE and (self.runs.latest(self.chapter) or "") != self._run:
                self.attach()  # after a reload, or when another tab has started one
            if self.state in LIVE:
                self._follow()

    def attach(self) -> None:
        """Show the chapter's latest run, with all of its events."""
        with self._guard:
            self._run = self.runs.latest(self.chapter) or ""
            self._story = Story()
            self.refresh()

    def _warm(self) -> None:
        """The reader is near: have a worker ready, so that the first point comes within two seconds."""
        self.runs.warm()

    @property
    def runs(self) -> Runs:
        return self._find_runs if isinstance(self._find_runs, Runs) else self._find_runs()

    # ---- what is asked for

    def asked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The request with the settings: {"learning_rate": 0.01}; "model.hidden" goes into `set`."""
        request = dict(self.request)
        for control in self.settings:
            value = control.clean(values.get(control.name))
            value = control.options[value] if isinstance(control, Choose) else value
            if "." in control.name:
                request["set"] = [*request.get("set", ()), f"{control.name}={value}"]
            else:
                request[control.name] = value
        return request

    def _label(self) -> str:
        """The settings in words: 'learning rate 0.01, epochs 12, mirrored: no'."""
        told = {True: ": yes", False: ": no"}
        words = ((c.label, self.values[c.name]) for c in self.settings)
        return ", ".join(f"{label}{told[v] if isinstance(v, bool) else f' {v}'}" for label, v in words)

    def _command(self, values: Mapping[str, Any]) -> str:
        """The command line that asks for the same, which also checks that the request can be asked for."""
        request = as_request(find(REQUESTS, self.job), self.asked(values), Path())
        return command_of(self.job, replace(request, out=None))

    # ---- what is shown

    def refresh(self) -> bool:
        """Take in what is new and show it; returns whether the run still goes on."""
        with self._guard:
            if not self._run:
                self._show("idle", "")
                return False
            facts = self.runs.facts(self._run)  # before the events: an end that is known has told its last
            new = self._story.add(self.runs.events(self._run, self._story.number))
            shown = self._shown(facts["state"])
            if new or shown != self.state or shown == "waiting":
                self._show(shown, self._html(shown, facts))
            return facts["state"] in LIVE

    def _shown(self, state: str) -> str:
        """The state for the page, which need not wait until the worker's process is gone."""
        if state != "running":
            return state
        if self._story.final is not None:
            kind = self._story.final["kind"]
            return "stopping" if kind == "stopped" else kind
        return "stopping" if self._story.saving or self.state == "stopping" else state

    def _show(self, state: str, drawn: str) -> None:
        now = time.monotonic()
        with self._guard, self.hold_sync():
            words = self._story.spoken()
            if state != self.state or (state == "running" and words and now - self._spoke >= SPEAK):
                self._spoke = now
                name = {"idle": "", "running": "training"}.get(state, state)
                self.spoken = ", ".join(filter(None, [name, words]))
            self.state, self.drawn, self.said = state, drawn, "\n".join(self._story.said)

    def _html(self, state: str, facts: Mapping[str, Any]) -> str:
        story = self._story
        more = html.escape(self._more(state, facts))
        parts = [f'<p class="state {_TONE.get(state, "")}"><b>{_WORDS[state]}</b> {more}</p>']
        if state in ("running", "stopping"):
            share = float(story.now.get("share") or 0)
            parts.append(f'<progress max="1" value="{share:.4f}" aria-label="share of the run"></progress>')
        if facts["label"]:
            parts.append(draw.note(f"With {facts['label']}."))
        return "".join([*parts, story.charts(), story.ending()])

    def _more(self, state: str, facts: Mapping[str, Any]) -> str:
        """What follows the state in its line."""
        if state == "waiting":
            return f"Place {facts['place'] or 1} in the queue: another run comes first."
        if state == "running":
            return self._story.progress() or "The worker reads the data."
        if state in ("stopped", "interrupted"):
            kept = "what was learned is saved, and it can go on from there."
            told = [self._story.spoken(), kept] if self._story.now else ["it had not begun to learn."]
            return ": ".join(filter(None, told))
        return self._story.spoken() if state == "done" else ""

    # ---- the thread that follows a run

    def _follow(self) -> None:
        """Redraw until the run has ended, or nobody has looked for a while. One thread at most."""
        with self._guard:
            self._looked = max(self._looked, time.monotonic())
            self.refresh()
            if self._follower is None or not self._follower.is_alive():
                self._follower = threading.Thread(target=self._redraw, daemon=True, name="training panel")
                self._follower.start()

    def _redraw(self) -> None:
        while not self._gone.wait(REDRAW) and time.monotonic() - self._looked < LOOKED:
            with self._guard:
                if not self.refresh():
                    self._follower = None  # so that a run that begins right now gets a follower of its own
                    return

    def close(self) -> None:
        """End the thread with the widget."""
        self._gone.set()
        super().close()


_WORDS = {
    "waiting": "Waiting.", "running": "Training:", "stopping": "Stopping: saving what was learned.",
    "done": "Done:", "stopped": "Stopped:", "failed": "Failed.",
    "interrupted": "Interrupted, because the book ended:",
}  # fmt: skip
_TONE = {"done": "good", "failed": "bad", "stopped": "warn", "interrupted": "warn"}
