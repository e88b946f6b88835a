"""The reader's desk: where progress and runs of this person are kept, and what this book may do.

One desk a process. The application opens it at the start; a script or a notebook elsewhere gets one on the
person's own folder when it first asks. Chapters reach it through `book`, never directly.
"""

import contextlib
import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.reader.copies import Copies
from glassworks.reader.progress import Progress, workspace
from glassworks.runs import Runs

_lock = threading.Lock()
_desks: list["Desk"] = []


@dataclass
class Desk:
    """folder: the person's workspace; code: whether answers with code may be run here."""

    folder: Path = field(default_factory=workspace)
    code: bool = True
    _runs: Runs | None = field(default=None, repr=False)
    _making: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @cached_property
    def progress(self) -> Progress:
        return Progress(self.folder)

    @property
    def runs(self) -> Runs:
        """Made when it is first asked for, once: no process is started before somebody trains.

        A second book on the same folder keeps its runs beside those of the first.
        """
        with self._making:
            if self._runs is None:
                self._runs = self._open_runs()
            return self._runs

    def _open_runs(self) -> Runs:
        for number in range(1, 10):
            with contextlib.suppress(PersonError):  # in use by another book
                return Runs(self.folder / ("runs" if number == 1 else f"runs-{number}"))
        return Runs(self.folder / "runs")

    @cached_property
    def copies(self) -> Copies:
        return Copies(self.folder / "my_book")

    def close(self) -> None:
        """End what was started. Runs that go on save themselves and can be resumed."""
        if self._runs is not None:
            self._runs.close()
        if "copies" in self.__dict__:
            self.copies.close()


def desk() -> Desk:
    """The desk of this process."""
    with _lock:
        if not _desks:
            _desks.append(Desk())
        return _desks[0]


def open_desk(new: Desk) -> Desk:
    """Use another desk from now on: the application's, or a test's. Returns it."""
    with _lock:
        _desks[:] = [new]
    return new
