"""A lab: one claim of the book, run as an experiment that ends in a figure, a table and a verdict.

The claim and the rule that decides about it are written down before the numbers are there. The experiment
gives numbers, the rule turns them into one of three outcomes, so a claim that fails is told as plainly as one
that holds. A `Result` carries all of it as JSON, with the machine it was measured on.

The first thing to change: nothing here; write a lab (see `labs/table.py`).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from glassworks.core.errors import PersonError

Outcome = Literal["holds", "does not hold", "not shown"]
Numbers = dict[str, list[float]]  # what the experiment measured and the rule reads


class Stopped(Exception):
    """The lab was asked to stop; nothing was written."""


class Facts(BaseModel):
    """Checked on creation, unchangeable, without names that are not known; no NaN, so that it fits JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Table(Facts):
    """A small table for people: every row as long as the head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def model_post_init(self, _: Any) -> None:
        if any(len(row) != len(self.head) for row in self.rows):
            raise ValueError(f"expected rows of {len(self.head)} cells in the table {self.title!r}")


class Span(Facts):
    """A measured value between the ends of its interval."""

    name: str
    low: float
    value: float
    high: float


class Chart(Facts):
    """The data of a figure, not its drawing: curves over two axes, or named values with their intervals.

    curves:      points (x, y) by name; empty where `spans` are drawn
    logarithmic: the axes that are: "", "x", "y" or "xy"
    """

    title: str
    across: str
    up: str = ""
    curves: dict[str, tuple[tuple[float, float], ...]] = {}
    spans: tuple[Span, ...] = ()
    logarithmic: Literal["", "x", "y", "xy"] = ""


class Verdict(Facts):
    """What the rule says: the outcome, the sentence, and the interval it rests on, in words."""

    outcome: Outcome
    sentence: str
    interval: str


class Machine(Facts):
    """Where the numbers come from: elsewhere the last digits may differ, and the seconds will."""

    cpu: str
    cores: int
    threads: int
    system: str
    precision: str
    python: str
    torch: str
    numpy: str
    glassworks: str

    @property
    def words(self) -> str:
        return (
            f"{self.cpu}, {self.cores} cores, {self.threads} thread{'s' if self.threads != 1 else ''}, "
            f"{self.system}; {self.precision}; Python {self.python}, torch {self.torch}, numpy {self.numpy}, "
            f"glassworks {self.glassworks}"
        )


class Result(Facts):
    """One run of a lab.

    claim, rule: what was asked, and how it is decided; both from the code that ran
    numbers:     what was measured, as the rule read it
    seeds:       each repeats the whole experiment with other parts of the data and another start
    quick:       fewer seeds and sizes: to see that it runs, not to decide
    seconds:     by the clock; work: of the processor, which is what it takes where nothing else runs
    """

    schema_: Literal[1] = 1
    name: str
    claim: str
    rule: str
    outcome: Outcome
    verdict: str
    interval: str
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]
    notes: tuple[str, ...]
    numbers: Numbers
    seeds: tuple[int, ...]
    quick: bool
    seconds: float
    work: float
    machine: Machine
    date: str
    command: str

    def as_json(self) -> dict[str, Any]:
        """The result as plain JSON, with its schema first."""
        facts = self.model_dump(mode="json")
        return {"schema": facts.pop("schema_"), **facts}

    @property
    def minutes(self) -> str:
        """How long it took, and the work in it where the machine was busy with something else too."""
        if self.seconds < 1.3 * self.work:
            return readable(self.seconds)
        return f"{readable(self.seconds)} ({readable(self.work)} of work on a machine that was not idle)"


@dataclass(frozen=True)
class Lab:
    """One row of the table of labs.

    minutes: that a whole run may take on two cores; chapter: the page that makes the claim
    """

    name: str
    claim: str
    minutes: float
    chapter: str

    @property
    def module(self) -> str:
        """The stem of its file: the name with underscores."""
        return self.name.replace("-", "_")


@dataclass(frozen=True)
class Bench:
    """What an experiment is given: how much to do, where to speak, and whether to stop.

    go_on: call it between runs; raises Stopped when the person asked for that
    """

    seeds: tuple[int, ...]
    quick: bool
    say: Callable[[str], None]
    go_on: Callable[[], None]


@dataclass(frozen=True)
class Findings:
    """What an experiment hands back: the numbers for the rule, and what people look at."""

    numbers: Numbers
    tables: Sequence[Table]
    charts: Sequence[Chart]
    notes: Sequence[str] = ()


def readable(seconds: float) -> str:
    """ "40 seconds" or "2.1 minutes" """
    if seconds >= 90:
        return f"{seconds / 60:.1f} minutes"
    whole = max(1, round(seconds))
    return f"{whole} second{'s' if whole > 1 else ''}"


def result_of(content: str | bytes, where: str | Path) -> Result:
    """A result from its JSON text. Raises PersonError("damaged-result"): nothing else is believed."""
    try:
        facts = json.loads(content)
    except ValueError as error:
        raise _damaged(error, where) from error
    return result_from(facts, where)


def result_from(facts: Any, where: str | Path) -> Result:
    """A result from its JSON, already read. Raises PersonError("damaged-result")."""
    try:
        if not isinstance(facts, dict) or facts.get("schema") != 1:
            raise ValueError("it is not a result of schema 1")
        return Result(schema_=1, **{name: value for name, value in facts.items() if name != "schema"})
    except (ValueError, TypeError) as error:  # pydantic's own error is a ValueError
        raise _damaged(error, where) from error


def _damaged(error: Exception, where: str | Path) -> PersonError:
    return PersonError(
        "damaged-result",
        expected="the result of a lab, as `glassworks lab` writes it",
        got=f"{where}: {str(error).splitlines()[0]}",
        fix="run the lab again",
    )
