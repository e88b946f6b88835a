"""The run manager: one worker process a run, a folder for each, and a queue that everybody can see.

    ID/request.json   what was asked, for which chapter, when; never changed
    ID/state.json     waiting, running, done, stopped, failed or interrupted
    ID/events.jsonl   what the worker told, see `events`
    ID/worker.log     what it and its libraries printed
    ID/…              what the job made

The folder is the only state there is. When the book is killed its workers notice, save and end, and the next
manager of the folder finds these runs interrupted; `resume` goes on with them. A spare worker that has done
its imports waits for the next run, because importing torch takes longer than a reader likes to wait.

The first thing to change: `most`, the number of runs at once, on a machine with cores and memory to spare.
"""

import contextlib
import re
import threading
import time
from pathlib import Path
from typing import Any

from glassworks.core.errors import PersonError
from glassworks.core.files import only_one
from glassworks.runs.events import Event, EventLog
from glassworks.runs.process import Worker
from glassworks.runs.record import RESUMABLE, Record, State, create, load
from glassworks.runs.worker import LOCK

MANAGER_LOCK, SPARE_LOG = "manager.lock", "spare.log"
NAME = re.compile(r"\d{4,}-[a-z]+")


class Runs:
    """The runs of one folder. All methods may be called from any thread.

    worker: module that `python -m` starts, which calls `runs.worker.serve`; most: runs at once

    Raises PersonError("in-use") when another manager holds the folder.
    """

    def __init__(self, folder: str | Path, worker: str = "glassworks.reader.worker", most: int = 1):
        self.folder, self.module, self.most = Path(folder), worker, most
        self.folder.mkdir(parents=True, exist_ok=True)
        self._held = contextlib.ExitStack()
        self._held.enter_context(only_one(self.folder / MANAGER_LOCK, "a folder of runs"))
        self._changed = threading.Condition(threading.RLock())  # guards all that follows
        found = (load(path) for path in self.folder.iterdir() if NAME.fullmatch(path.name))
        self._records = {
            record.id: record for record in sorted(filter(None, found), key=lambda one: one.number)
        }
        self._queue: list[Record] = []
        self._spare: Worker | None = None
        self._keep_spare = self.closed = False

    # ---- what is asked for

    def start(self, job: str, request: dict[str, Any], *, chapter: str = "", label: str = "") -> str:
        """Run a job now, or as soon as it is its turn; returns the run's id.

        job, request: what the worker module understands; label: what people call this run
        """
        if not re.fullmatch("[a-z]+", job):
            raise ValueError(f'start: expected a job in small letters; got "{job}"')
        asked = {"job": job, "request": request, "chapter": chapter, "label": label, "when": time.time()}
        with self._changed:
            self._require_open()
            taken = [path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name)]
            number = 1 + max((int(name.partition("-")[0]) for name in taken), default=0)
            record = create(self.folder / f"{number:04d}-{job}", asked)
            self._records[record.id] = record
            self._queue.append(record)
            self._go_on()
            return record.id

    def stop(self, id: str) -> None:
        """Ask a run to stop: it finishes its step, saves and ends. One that waits is taken out of the queue.

        A run that has ended stays as it is.
        """
        with self._changed:
            record = self._find(id)
            if record.state == "waiting":
                self._queue.remove(record)
                self._end(record, "stopped", {"kind": "stopped", "step": None, "asked": True})
            elif record.worker is not None and not record.stop_asked:
                record.stop_asked = True
                record.worker.ask_to_stop()

    def resume(self, id: str) -> None:
        """Go on with a run that was stopped, interrupted or failed, as the same run.

        Raises PersonError("not-resumable") for another state, "in-use" while its last worker still saves.
        """
        with self._changed:
            self._require_open()
            record = self._find(id)
            if record.state not in RESUMABLE:
                raise PersonError(
                    "not-resumable", expected="a run that was stopped or interrupted, or that failed",
                    got=f"run {id}, which is {record.state}", fix="start a new run",
                )  # fmt: skip
            with only_one(record.folder / LOCK, "a run"):
                record.stop_asked = False
            record.turn("waiting")
            self._queue.append(record)
            self._go_on()

    def warm(self) -> None:
        """Have a spare worker ready from now on, while nothing runs; returns at once."""
        with self._changed:
            self._keep_spare = True
            idle = not self.running() and not self._queue
            if idle and not self.closed and not (self._spare and self._spare.alive):
                self._spare = Worker(self.module, self.folder / SPARE_LOG)

    def close(self, patience: float = 10.0) -> None:
        """End everything: running workers save and stop, and their runs can be resumed later.

        patience: seconds after which a worker that still works is killed
        """
        with self._changed:
            if self.closed:
                return
            self.closed = True
            for record in self._queue:
                self._end(record, "interrupted", {"kind": "stopped", "step": None, "asked": False})
            self._queue.clear()
            working = [record.worker for record in self._records.values() if record.worker is not None]
            for worker in [*working, *filter(None, [self._spare])]:
                worker.let_go()
            if not self._changed.wait_for(lambda: not self.running(), patience):
                for worker in working:
                    worker.kill()
                self._changed.wait_for(lambda: not self.running(), patience)
        if self._spare is not None:
            self._spare.kill()
            self._spare.wait()
        self._held.close()

    # ---- what is known

    def state(self, id: str) -> State:
        """waiting, running, done, stopped, failed or interrupted."""
        return self._find(id).state

    def events(self, id: str, after: int = 0) -> list[Event]:
        """The run's events with a number greater than `after`, oldest first."""
        return self._find(id).reader.after(after)

    def latest(self, chapter: str) -> str | None:
        """The newest run of a chapter."""
        with self._changed:
            return next((id for id in self.ids() if self._records[id].asked["chapter"] == chapter), None)

    def ids(self) -> list[str]:
        """All runs, newest first."""
        with self._changed:
            return list(reversed(self._records))

    def queue(self) -> list[str]:
        """The runs that wait, next first."""
        with self._changed:
            return [record.id for record in self._queue]

    def running(self) -> list[str]:
        """The runs that a worker works on now."""
        with self._changed:
            return [record.id for record in self._records.values() if record.state == "running"]

    def facts(self, id: str) -> dict[str, Any]:
        """{"id", "job", "request", "chapter", "label", "when" (seconds since 1970), "folder", "state",
        "place" (in the queue, from 1; None when it does not wait)}."""
        with self._changed:
            record = self._find(id)
            place = self._queue.index(record) + 1 if record in self._queue else None
            state = {"folder": str(record.folder), "state": record.state, "place": place}
            return {"id": id} | record.asked | state

    def wait(self, id: str, seconds: float | None = None) -> State:
        """Wait until a run has ended, at most so long; returns its state."""
        record = self._find(id)
        with self._changed:
            self._changed.wait_for(lambda: record.state not in ("waiting", "running"), seconds)
            return record.state

    # ---- how it goes on

    def _go_on(self) -> None:
        """Begin the next runs, as many as may run at once."""
        while self._queue and len(self.running()) < self.most:
            self._begin(self._queue.pop(0))

    def _begin(self, record: Record) -> None:
        """Have a worker take the run, and somebody watch it."""
        last = record.reader.last()
        record.begun = last["number"] if last else 0
        try:
            record.turn("running")
            record.worker = worker = self._worker_for(record)
        except (OSError, PersonError):  # no room on the disk, or for a process
            record.state = "failed"
            self._changed.notify_all()
            raise
        threading.Thread(target=self._watch, args=(record, worker), daemon=True, name=record.id).start()

    def _worker_for(self, record: Record) -> Worker:
        """The spare worker or a new one, with the run's job."""
        folder = str(record.folder.resolve())
        job = {"job": record.asked["job"], "request": record.asked["request"], "folder": folder}
        worker, self._spare = self._spare, None
        if worker is None or not worker.give(job):
            worker = Worker(self.module, self.folder / SPARE_LOG)
            worker.give(job)  # one that dies at once is noticed by whoever watches it
        return worker

    def _watch(self, record: Record, worker: Worker) -> None:
        """Wait for a worker's end, note how its run ended, and go on with the queue."""
        code = worker.wait()
        with self._changed:
            record.worker = None
            try:
                self._end(record, *record.ended(code, closing=self.closed))
            finally:  # also when the disk is too full to write it down
                if not self.closed:
                    self._go_on()
                    if self._keep_spare:
                        self.warm()

    def _end(self, record: Record, state: State, event: Event | None) -> None:
        """Turn a run to its end. event: what no worker is left to tell."""
        record.state = state
        self._changed.notify_all()
        if event is not None:
            log = EventLog(record.folder)
            log.append(event)
            log.close()
        record.turn(state)

    def _find(self, id: str) -> Record:
        with self._changed:
            if id in self._records:
                return self._records[id]
        raise PersonError(
            "no-such-run", expected="the id of a run of this book", got=f'"{id}"',
            fix="start a run, or choose one that is listed",
        )  # fmt: skip

    def _require_open(self) -> None:
        if self.closed:
            raise PersonError(
                "closed", expected="a book that is running", got="one that is being closed",
                fix="start it again",
            )  # fmt: skip
