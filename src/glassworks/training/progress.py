"""What a person sees while a model trains: a live line on a terminal, a line an evaluation elsewhere."""

import sys
import time
from typing import Any, TextIO


class Silent:
    """Says nothing; for the other processes and for programs."""

    def step(self, facts: dict) -> None: ...

    def evaluated(self, facts: dict) -> None: ...

    def say(self, sentence: str) -> None: ...


class Lines:
    """Plain lines, with a live line rewritten in place when the stream is a terminal."""

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.shown = self.told = 0.0
        self.width = 0

    def say(self, sentence: str) -> None:
        self._clear()
        print(sentence, file=self.stream, flush=True)

    def step(self, facts: dict[str, Any]) -> None:
        """Redraw the live line, at most ten times a second."""
        now = time.monotonic()
        self.facts = facts
        if not self.live or now - self.shown < 0.1:
            return
        self.shown = now
        filled = int(facts["share"] * 20)
        line = (
            f"[{'=' * filled}{' ' * (20 - filled)}] epoch {facts['epoch']:.1f}/{facts['epochs']}  "
            f"loss {facts['loss']:.3f}  {facts['examples_per_second']:,.0f}/s  "
            f"{readable_time(facts['seconds_left'])} left"
        )
        self.stream.write("\r" + line.ljust(self.width))
        self.stream.flush()
        self.width = len(line)

    def evaluated(self, row: dict[str, Any]) -> None:
        """A line for an evaluation; of those that come faster than one can read, the better and the last."""
        now, last = time.monotonic(), row["epoch"] >= self.facts["epochs"]
        if not (row["better"] or last or now - self.told >= 1.0):
            return
        self.told = now
        primary = row["primary"]
        mark = "  best so far" if row["better"] else ""
        name = primary.removeprefix("val_").replace("_", " ")
        speed, left = self.facts["examples_per_second"], readable_time(self.facts["seconds_left"])
        self.say(
            f"epoch {row['epoch']:>3}  step {row['step']:>6}  loss {row.get('train_loss', float('nan')):.4f}"
            f"  {name} {row[primary]:.4f}  {speed:,.0f}/s  {left} left{mark}"
        )

    def _clear(self) -> None:
        if self.live and self.width:
            self.stream.write("\r" + " " * self.width + "\r")
            self.width = 0


def readable_time(seconds: float) -> str:
    """75 -> '1 min 15 s'."""
    if seconds != seconds or seconds == float("inf"):
        return "?"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
