"""The events of a run: one JSON object a line, numbered, only ever appended to.

The worker writes while it works and everybody else reads the file, so nothing is lost when the book, the page
or the worker goes away: whoever comes back asks for what follows the last number it saw. A worker that was
killed leaves at most one cut line; it is passed over, and the next writer begins on a line of its own.

The first thing to change: nothing, for a new kind of event; only its number and its kind are looked at here.
"""

import json
import math
import threading
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"
FINAL = ("done", "stopped", "failed")  # kinds after which a worker says nothing more

Event = dict[str, Any]


class EventReader:
    """Reads the events of one run, and each time only what was added since.

    events: all that were read so far, in the order of their numbers
    """

    def __init__(self, folder: Path):
        self.path = folder / EVENTS
        self.events: list[Event] = []
        self.position = 0  # bytes read so far, up to the end of a line
        self.lock = threading.Lock()

    def after(self, number: int) -> list[Event]:
        """The events with a greater number, oldest first."""
        with self.lock:
            self._read()
            # Numbers have no gaps but for damaged lines, so the place is near; from there it is exact.
            start = max(0, min(number, len(self.events)))
            while start > 0 and self.events[start - 1]["number"] > number:
                start -= 1
            return [event for event in self.events[start:] if event["number"] > number]

    def last(self) -> Event | None:
        """The newest event, None before the first."""
        with self.lock:
            self._read()
            return self.events[-1] if self.events else None

    def _read(self) -> None:
        """Take in the whole lines that were added; one that is still being written waits."""
        if not self.path.is_file() or self.path.stat().st_size <= self.position:
            return
        with self.path.open("rb") as file:
            file.seek(self.position)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self.position += len(whole)
        newest = self.events[-1]["number"] if self.events else 0
        for line in whole.splitlines():
            event = _event(line)
            if event is not None and event["number"] > newest:
                self.events.append(event)
                newest = event["number"]


class EventLog:
    """Appends events to the file of one run; all threads of the one process that works on it may.

    The running number goes on where an earlier process stopped.
    """

    def __init__(self, folder: Path):
        newest = EventReader(folder).last()
        self.number = newest["number"] if newest else 0
        self.lock = threading.Lock()
        self.file = (folder / EVENTS).open("ab")
        if _is_cut(folder / EVENTS):
            self.file.write(b"\n")

    def append(self, event: Event) -> None:
        """Write one event, which can be read when this returns. Infinity and NaN become null."""
        with self.lock:
            self.number += 1
            line = json.dumps({"number": self.number} | _plain(event), ensure_ascii=False, allow_nan=False)
            self.file.write(line.encode() + b"\n")
            self.file.flush()

    def close(self) -> None:
        self.file.close()


def _event(line: bytes) -> Event | None:
    """The event of a line, None for a line that is none: cut by a kill, or written by someone else."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or type(event.get("number")) is not int:
        return None
    return event if isinstance(event.get("kind"), str) else None


def _is_cut(path: Path) -> bool:
    """Whether the last line has no end."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def _plain(value: Any) -> Any:
    """The same value without numbers that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
