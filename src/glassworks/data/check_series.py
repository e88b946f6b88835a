"""The data doctor for series: what is in them, what is wrong with them, and how to mend it.

Every value is looked at once; nothing is changed. What misleads a forecast most is told first: values that
are missing, times that are not where they should be, a channel that never changes, an end that stands still
because nothing was measured any more, single values far from their neighbours.

The first thing to change: `FAR`, how far from its neighbours a value counts as an outlier.
"""

import csv
import io
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from glassworks.core.charts import line_chart
from glassworks.core.files import write_text
from glassworks.core.page import Page
from glassworks.core.series_rows import SeriesTable
from glassworks.data.check_report import LEVELS, Finding, Level
from glassworks.data.times import step_of
from glassworks.data.windows import FILLED, filled, season_of

FAR = 4.0  # times that a value lies farther from both neighbours than 95 % of the changes are large
FLAT = 6  # equal values at the end of a series from which it looks as if nothing was measured
DRAWN, MOST_POINTS = 6, 600
NAMED = 3


@dataclass(frozen=True)
class SeriesReport:
    """All that `check` says about series. facts: (what, value); suggestion: "command" and others in words."""

    table: SeriesTable
    findings: tuple[Finding, ...]
    facts: tuple[tuple[str, str], ...]
    suggestion: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether training may start: nothing of level "stop" was found."""
        return not self.of_level("stop")

    def of_level(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == level]

    def as_json(self) -> dict:
        table = self.table
        return {
            "schema": 1, "command": "check", "ok": self.ok, "where": table.where, "sees": "series",
            "kind": table.kind, "series": len(table), "channels": list(table.channels),
            "classes": list(table.classes), "facts": dict(self.facts),
            "damaged": [asdict(damage) for damage in table.damaged],
            "findings": [{**asdict(finding), "names": list(finding.names)} for finding in self.findings],
            "suggestion": self.suggestion,
        }  # fmt: skip

    def as_text(self) -> str:
        lines = [f"{name}: {value}" for name, value in self.facts]
        for finding in self.findings:
            lines.append(f"{finding.level}: {finding.sentence}")
            if finding.names:
                left = len(finding.names) - NAMED
                lines.append(
                    f"      {', '.join(finding.names[:NAMED])}{f' and {left} more' if left > 0 else ''}"
                )
            if finding.mend:
                lines.append(f"      to mend: {finding.mend}")
        return "\n".join([*lines, *(f"suggested {name}: {said}" for name, said in self.suggestion.items())])

    def write_fixes(self, path: str | Path) -> Path:
        """Write a CSV of (place, problem, suggested action) to review; nothing else is touched."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["place", "problem", "suggested action"])
        writer.writerows([damage.name, f"{damage.reason}: {damage.detail}", "mend or remove"]
                         for damage in self.table.damaged)  # fmt: skip
        writer.writerows(
            [name, finding.code, finding.mend] for finding in self.findings for name in finding.names
        )
        write_text(path, buffer.getvalue())
        return Path(path)

    def page(self) -> Page:
        """The report as a page: facts, findings, and the series drawn."""
        page = Page("Data check", self.table.where)
        page.section("At a glance").table(["", ""], [list(row) for row in self.facts])
        page.text(
            "Nothing here stops training."
            if self.ok
            else "Training would stop; the findings say how to mend it.",
            "good" if self.ok else "bad",
        )
        for name, said in self.suggestion.items():
            page.code(said) if name == "command" else page.text(f"{name}: {said}")
        page.section("Findings")
        tones = {"stop": "bad", "warn": "warn", "info": "note"}
        for finding in self.findings:
            named = f" ({', '.join(finding.names[:NAMED])})" if finding.names else ""
            page.text(f"{finding.sentence}{named}. {finding.mend}".strip(), tones[finding.level])
        if not self.findings:
            page.text("None.")
        page.section("The series")
        for row in range(min(DRAWN, len(self.table))):
            page.heading(self.table.names[row]).html(_drawn(self.table, row))
        return page.text("This page holds your own series: share it accordingly.", "note")


def check_series(table: SeriesTable) -> SeriesReport:
    """Look at every value of a table of series, with a class each or to be continued, and report."""
    findings = [
        finding
        for look in (_read, _missing, _constant, _flat_ends, _outliers, _steps, _lengths, _classes)
        for finding in look(table)
    ]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    return SeriesReport(table, tuple(findings), tuple(_facts(table)), _suggestion(table))


def _facts(table: SeriesTable) -> list[tuple[str, str]]:
    lengths = [len(values) for values in table.values]
    rows = [
        ("looked at", table.where),
        ("series", f"{len(table):,}"),
        ("channels", ", ".join(table.channels)),
    ]
    rows.append(
        ("steps", f"{min(lengths):,} to {max(lengths):,}" if len(set(lengths)) > 1 else f"{lengths[0]:,}")
    )
    if table.classes:
        rows.append(("classes", ", ".join(table.classes[:12])))
    if table.kind == "forecast":
        rows.append(("forecast", ", ".join(table.channels[place] for place in table.wanted)))
        step = None if table.times is None else step_of(table.times[0])
        if step is not None and table.times is not None:
            rows.append(("time", f"{table.times[0][0]} to {table.times[0][-1]}, in {step.in_words}"))
        period = season_of(table)
        rows.append(("season", f"{period} steps" if period else "none shows in the first 70 %"))
    return rows


def _suggestion(table: SeriesTable) -> dict[str, str]:
    system = "forecaster" if table.kind == "forecast" else "lstm"
    named = ",".join(table.channels[place] for place in table.wanted)
    target = ["--target", named] if table.kind == "forecast" and not table.where.startswith("sample") else []
    return {"command": shlex.join(["glassworks", "train", system, "--data", table.where, *target])}


# ---- what is looked for; each gives findings


def _read(table: SeriesTable) -> list[Finding]:
    """What the reader had to do: rows left out, sorting, holes, time zones."""
    found = []
    if table.damaged:
        names = tuple(f"{damage.name}: {damage.reason}" for damage in table.damaged)
        found.append(Finding(
            "warn", "bad-rows", f"{len(table.damaged)} row(s) cannot be used",
            "mend them, or train with --bad skip", names,
        ))  # fmt: skip
    doubtful = ("not in the order", "repeat", "not there", "time zones", "would fit as well", "regular step")
    return found + [
        Finding("warn" if any(word in note for word in doubtful) else "info", "as-read", note)
        for note in table.notes
    ]


def _missing(table: SeriesTable) -> list[Finding]:
    found, few = [], []
    for name, channel, values in _channels(table):
        share = float(np.mean(~np.isfinite(values)))
        if share > FILLED:
            found.append(Finding(
                "stop", "too-many-missing", f"{name}, {channel}: {share:.0%} of the values are missing",
                "leave the channel out, or bring the rows to a longer step first",
            ))  # fmt: skip
        elif share:
            few.append(f"{name}, {channel}: {int((~np.isfinite(values)).sum())} of {len(values)}")
    if few:
        mend = "nothing needs doing: a missing value takes the one before it, and is not judged"
        found.append(
            Finding("warn", "missing", f"values are missing in {len(few)} channel(s)", mend, tuple(few))
        )
    return found


def _constant(table: SeriesTable) -> list[Finding]:
    names = [f"{name}, {channel}" for name, channel, values in _channels(table)
             if len(known := values[np.isfinite(values)]) and np.ptp(known) == 0]  # fmt: skip
    if not names:
        return []
    return [
        Finding("warn", "constant", f"{len(names)} channel(s) never change", "leave them out", tuple(names))
    ]


def _flat_ends(table: SeriesTable) -> list[Finding]:
    names = []
    for name, channel, values in _channels(table):
        known = values[np.isfinite(values)]
        if len(known) < 3 * FLAT or np.ptp(known) == 0:
            continue
        same = int((known[::-1] == known[-1]).argmin())  # how many equal values stand at the end
        usual = float(np.mean(known[1:] == known[:-1]))
        if same >= FLAT and usual**same < 1e-4:
            names.append(f"{name}, {channel}: the last {same} values are {known[-1]:g}")
    if not names:
        return []
    mend = "cut the rows after the last measurement: a model would learn and continue the standstill"
    return [
        Finding("warn", "flat-end", f"{len(names)} channel(s) stand still at their end", mend, tuple(names))
    ]


def _outliers(table: SeriesTable) -> list[Finding]:
    """Single values far from both neighbours, which agree with each other."""
    names = []
    for row, values in enumerate(table.values):
        whole = filled(values)
        for place, channel in enumerate(table.channels):
            known = whole[:, place]
            changes = np.diff(known)
            usual = float(np.nanquantile(np.abs(changes), 0.95)) if np.isfinite(changes).any() else 0.0
            if not usual:
                continue
            alone = (np.abs(changes[:-1]) > FAR * usual) & (np.abs(changes[1:]) > FAR * usual)
            alone &= changes[:-1] * changes[1:] < 0
            for step in np.flatnonzero(alone) + 1:
                when = step if table.times is None else table.times[row][step]
                names.append(f"{table.names[row]}, {channel}, {when}: {known[step]:g}")
    if not names:
        return []
    mend = "look whether they were measured: a wrong one spoils every window that sees it"
    return [
        Finding("warn", "outliers", f"{len(names)} value(s) lie far from both neighbours", mend, tuple(names))
    ]


def _steps(table: SeriesTable) -> list[Finding]:
    """Series of one table at different steps."""
    if table.times is None or table.kind != "forecast":
        return []
    steps = {name: step_of(times) for name, times in zip(table.names, table.times, strict=True)}
    words = {step.in_words if step else "no regular step" for step in steps.values()}
    if len(words) < 2:
        return []
    mend = "train one run a step: a model counts in steps, not in hours"
    return [
        Finding("warn", "mixed-steps", f"the series go at different steps: {', '.join(sorted(words))}", mend)
    ]


def _lengths(table: SeriesTable) -> list[Finding]:
    short = [f"{name}: {len(values)}" for name, values in zip(table.names, table.values, strict=True)
             if len(values) < 60]  # fmt: skip
    if table.kind != "forecast" or not short:
        return []
    mend = "bring more of their past, or expect wide intervals"
    return [Finding("info", "short", f"{len(short)} series have fewer than 60 steps", mend, tuple(short))]


def _classes(table: SeriesTable) -> list[Finding]:
    """Classes of unequal size, and a series that carries two labels."""
    if table.kind != "label":
        return []
    found, counts = [], np.bincount(table.targets, minlength=len(table.classes))
    if len(counts) and counts.max() > 5 * max(1, counts.min()):
        few, many = table.classes[int(counts.argmin())], table.classes[int(counts.argmax())]
        found.append(Finding(
            "warn", "imbalance", f'"{many}" has {counts.max():,} series, "{few}" {counts.min():,}',
            "train with --class-weights balanced, and read balanced accuracy",
        ))  # fmt: skip
    first: dict[bytes, int] = {}
    twice: list[str] = []
    torn: list[str] = []
    for row, values in enumerate(table.values):
        other = first.setdefault(values.tobytes(), row)
        if other != row:
            same = table.targets[other] == table.targets[row]
            (twice if same else torn).append(f"{table.names[other]} = {table.names[row]}")
    if torn:
        said = f"{len(torn)} series stand there twice with different classes"
        found.append(Finding("warn", "two-labels", said, "decide on one class", tuple(torn)))
    if twice:
        found.append(
            Finding("info", "twice", f"{len(twice)} series stand there twice", "remove one", tuple(twice))
        )
    return found


def _channels(table: SeriesTable) -> list[tuple[str, str, np.ndarray]]:
    """(series, channel, values) of all; of many labelled series all values of a channel together."""
    if table.kind != "forecast":
        every = np.concatenate(list(table.values))
        return [("all series", channel, every[:, place]) for place, channel in enumerate(table.channels)]
    return [
        (name, channel, values[:, place])
        for name, values in zip(table.names, table.values, strict=True)
        for place, channel in enumerate(table.channels)
    ]


def _drawn(table: SeriesTable, row: int) -> str:
    """All channels of a series over its steps; long ones at every n-th step."""
    values = table.values[row]
    every = max(1, len(values) // MOST_POINTS)
    curves: dict[str, Sequence[tuple[float, float]]] = {
        channel: [(float(step), float(values[step, place])) for step in range(0, len(values), every)
                  if np.isfinite(values[step, place])]
        for place, channel in enumerate(table.channels[:6])
    }  # fmt: skip
    return line_chart(curves, across="step", width=560)
