"""What is written about a run beside its events: what was asked, once, and each state it comes to.

A state on the disk may be older than the truth, because managers are killed too; the last event then says how
the run ended. The first thing to change: `died`, what people are told when a worker ends without a word.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from glassworks.core.errors import PersonError
from glassworks.core.files import write_json
from glassworks.runs.events import Event, EventReader
from glassworks.runs.process import Worker
from glassworks.runs.worker import LOG

REQUEST, STATE = "request.json", "state.json"
State = Literal["waiting", "running", "done", "stopped", "failed", "interrupted"]
ENDS = ("done", "stopped", "failed", "interrupted")
RESUMABLE = ("stopped", "interrupted", "failed")


@dataclass
class Record:
    """One run as its manager holds it.

    asked:  {"job", "request", "chapter", "label", "when"}, the content of request.json
    worker: the process that works on it now; begun: number of the last event before that
    stop_asked: whether the person asked that worker to stop
    """

    folder: Path
    asked: dict[str, Any]
    state: State
    reader: EventReader
    worker: Worker | None = None
    begun: int = 0
    stop_asked: bool = False

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def number(self) -> int:
        return int(self.id.partition("-")[0])

    def turn(self, state: State) -> None:
        """Change the state, here and on the disk."""
        self.state = state
        write_json(self.folder / STATE, {"state": state})

    def ended(self, code: int, *, closing: bool) -> tuple[State, Event | None]:
        """The state after the worker has ended with `code`, and the final event if it could not tell it.

        closing: whether the manager ends too, and had it stop
        """
        last = self.reader.last()
        if last is not None and last["number"] > self.begun and (state := state_after(last)) is not None:
            return state, None
        if self.stop_asked or closing:
            stopped = {"kind": "stopped", "step": None, "asked": self.stop_asked}
            return ("stopped" if self.stop_asked else "interrupted"), stopped
        return "failed", {"kind": "failed"} | died(self.folder, code).as_json()["error"]


def create(folder: Path, asked: dict[str, Any]) -> Record:
    """A new run, waiting. Raises FileExistsError when the folder is there already."""
    folder.mkdir()
    write_json(folder / REQUEST, asked)
    record = Record(folder, asked, "waiting", EventReader(folder))
    record.turn("waiting")
    return record


def load(folder: Path) -> Record | None:
    """A run that an earlier manager left; None when its request cannot be read, so that nobody can run it.

    One that was running or waiting then is interrupted now, unless its worker told how it ended.
    """
    asked, known = _table(folder / REQUEST), _table(folder / STATE)
    if asked is None or not {"job", "request", "chapter", "label", "when"} <= asked.keys():
        return None
    record = Record(folder, asked, "interrupted", EventReader(folder))
    state = (known or {}).get("state")
    if state in ENDS:
        record.state = state
        return record
    last = record.reader.last()
    record.turn((state_after(last) if last else None) or "interrupted")
    return record


def state_after(event: Event) -> State | None:
    """The state that a final event stands for, None for any other event."""
    if event["kind"] == "stopped":
        return "stopped" if event.get("asked") else "interrupted"
    ends: dict[str, State] = {"done": "done", "failed": "failed"}
    return ends.get(event["kind"])


def died(folder: Path, code: int) -> PersonError:
    """What to tell when a worker ended without a word."""
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    memory = "; the system ends a process so when memory runs out" if code == -9 else ""
    return PersonError(
        "worker-died",
        expected="a worker that tells how its run ended",
        got=f"it ended without a word ({how}{memory})",
        fix=f"resume the run, with a smaller batch or other programs closed if it happens again; "
        f"{folder / LOG} holds what it printed",
    )


def _table(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
