"""Stopping on request: SIGTERM and Ctrl-C finish the step, save, and end with 143 and 130."""

import signal
import threading
from types import FrameType


class Stopped(Exception):
    """The run was asked to stop and has saved its state. `code` is the exit code, 128 + signal."""

    def __init__(self, number: int, step: int):
        super().__init__(f"stopped after step {step}")
        self.code, self.step = 128 + number, step


class StopRequest:
    """Listens for a request while the `with` block runs; a second Ctrl-C is not caught any more."""

    def __init__(self):
        self.number = 0
        self.before: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        return self.number != 0

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():  # signals reach the main thread only
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        signal.signal(number, self.before[number])  # type: ignore[arg-type]

    def finish(self, step: int) -> None:
        """End the run after it was saved. In a group of processes any one of them may have been asked."""
        raise Stopped(self.number or signal.SIGTERM, step)
