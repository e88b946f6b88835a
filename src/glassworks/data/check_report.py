"""What the doctor found: sentences with a level, the names they are about and the mend.

The same report is a table in a terminal, JSON for programs, a page with pictures, and a list of fixes that a
person reviews. Nothing here changes a file of the person.

The first thing to change: `_fixes`, what is suggested for each finding.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from glassworks.core.files import write_text
from glassworks.core.page import Page
from glassworks.core.rows import Damage, PictureTable

Level = Literal["stop", "warn", "info"]
LEVELS: tuple[Level, ...] = ("stop", "warn", "info")  # in the order that a person should read them
KINDS = {
    "label": "one class a picture",
    "labels": "several labels a picture",
    "number": "a number a picture",
    "captions": "captions for each picture",
    "none": "pictures without targets",
}
NAMED = 3  # names that a text shows of a finding; JSON and the list of fixes hold all


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing.

    level:    "stop" training would refuse, "warn" results would mislead, "info" good to know
    code:     short stable name for programs
    sentence: what is so; mend: what to do, empty where nothing needs doing
    names:    the pictures or classes it is about
    """

    level: Level
    code: str
    sentence: str
    mend: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """Widths and heights in pixels of the good pictures: smallest, middle and largest by area."""

    smallest: tuple[int, int] = (0, 0)
    median: tuple[int, int] = (0, 0)
    largest: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class CheckReport:
    """All that `check` says about a table of pictures.

    counts:     class -> part -> good and damaged pictures together; part "" where no split is made yet
    formats:    format -> pictures ("array" for those without a file); channels: "grey", "colour" -> pictures
    exact:      groups of names with equal pixels; near: groups that look the same after small changes
    conflicts:  groups of equal pixels with different labels
    suggestion: "split", "size" and "command", one sentence each
    """

    table: PictureTable = field(repr=False)
    findings: tuple[Finding, ...]
    counts: dict[str, dict[str, int]]
    sizes: Sizes
    formats: dict[str, int]
    channels: dict[str, int]
    damaged: tuple[Damage, ...]
    exact: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]
    suggestion: dict[str, str]
    parts: tuple[str, ...]

    @property
    def what(self) -> str:
        """The kind of target in words."""
        return KINDS[self.table.kind]

    @property
    def ok(self) -> bool:
        """Whether training may start: nothing of level "stop" was found."""
        return not self.of_level("stop")

    def of_level(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == level]

    def as_json(self) -> dict:
        """Everything, for programs: schema 1, command "check"."""
        return {
            "schema": 1,
            "command": "check",
            "ok": self.ok,
            "where": self.table.where,
            "kind": self.table.kind,
            "pictures": len(self.table),
            "classes": list(self.table.classes),
            "counts": self.counts,
            "sizes": {name: list(size) for name, size in asdict(self.sizes).items()},
            "formats": self.formats,
            "channels": self.channels,
            "damaged": [asdict(damage) for damage in self.damaged],
            "duplicates": {"exact": _lists(self.exact), "near": _lists(self.near)},
            "conflicts": _lists(self.conflicts),
            "findings": [{**asdict(finding), "names": list(finding.names)} for finding in self.findings],
            "suggestion": self.suggestion,
        }

    def tables(self) -> list[tuple[str, list[str], list[list]]]:
        """(title, heads, rows) of what a terminal shows as tables."""
        result: list[tuple[str, list[str], list[list]]] = [("What is there", ["", ""], self._facts())]
        if self.counts:
            heads = ["class", *(part or "pictures" for part in self.parts)]
            rows = [[name, *(of.get(part, 0) for part in self.parts)] for name, of in self.counts.items()]
            result.append(("Pictures per class", heads, rows))
        found = [[f.level, f.sentence, f.mend, shown(f.names)] for f in self.findings]
        result.append(("What was found", ["level", "finding", "mend", "names"], found))
        if self.damaged:
            bad = [[damage.name, damage.reason, damage.detail] for damage in self.damaged]
            result.append(("Damaged files", ["file", "reason", "detail"], bad))
        return result

    def as_text(self) -> str:
        """The report as plain lines."""
        lines = [f"{name}: {value}" for name, value in self._facts()]
        for name, of in self.counts.items():
            each = ", ".join(f"{part + ' ' if part else ''}{of.get(part, 0)}" for part in self.parts)
            lines.append(f"  {name}: {each}")
        for finding in self.findings:
            lines.append(f"{finding.level}: {finding.sentence}")
            if finding.names:
                lines.append(f"      {shown(finding.names)}")
            if finding.mend:
                lines.append(f"      to mend: {finding.mend}")
        lines += [f"  damaged {bad.name}: {bad.reason} ({bad.detail})" for bad in self.damaged]
        lines += [f"suggested {name}: {sentence}" for name, sentence in self.suggestion.items()]
        return "\n".join(lines)

    def page(self) -> Page:
        """The report as a page with samples of each class and duplicates side by side."""
        from glassworks.data.check_page import check_page  # the page needs this module's types

        return check_page(self)

    def write_fixes(self, path: str | Path) -> Path:
        """Write a CSV of (file, problem, suggested action) to review; no picture is touched."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["file", "problem", "suggested action"])
        writer.writerows(_fixes(self))
        write_text(path, buffer.getvalue())
        return Path(path)

    def _facts(self) -> list[list]:
        facts = [["looked at", self.table.where], ["kind", self.what]]
        facts.append(["pictures", f"{len(self.table)}, {len(self.damaged)} damaged"])
        if self.table.classes:
            facts.append(["classes", str(len(self.table.classes))])
        if self.formats:
            sizes = self.sizes
            facts.append(["sizes", f"{by(sizes.smallest)} to {by(sizes.largest)}, median {by(sizes.median)}"])
            facts.append(["formats", counted(self.formats)])
            facts.append(["channels", counted(self.channels)])
        return facts


def by(size: Sequence[int] | np.ndarray) -> str:
    return f"{size[0]} x {size[1]}"


def counted(counts: dict[str, int]) -> str:
    """{"JPEG": 9, "PNG": 1} as "9 JPEG, 1 PNG", the most frequent first."""
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common())


def shown(names: tuple[str, ...]) -> str:
    """The first few names and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _lists(groups: tuple[tuple[str, ...], ...]) -> list[list[str]]:
    return [list(group) for group in groups]


def _fixes(report: CheckReport) -> Iterable[tuple[str, str, str]]:
    for damage in report.damaged:
        yield damage.name, f"damaged: {damage.reason} ({damage.detail})", "replace or remove"
    place = dict(zip(report.table.names, report.table.parts))
    torn = {name for group in report.conflicts for name in group}
    for group in report.conflicts:
        for name in group:
            others = ", ".join(other for other in group if other != name)
            yield name, f"same pixels as {others}, other label", "decide on one label"
    for groups, what, action in (
        (report.exact, "same pixels as", "remove"),
        (report.near, "looks like", "look"),
    ):
        for group in groups:
            # What is judged stays: of copies across parts, the one in training is the one to go.
            keep = min(group, key=lambda name: {"test": 0, "val": 1}.get(place.get(name, ""), 2))
            for name in group:
                if name == keep or name in torn:
                    continue
                apart = place.get(name) != place.get(keep)
                where = f" in part {place.get(keep)}" if apart else ""
                act = "remove or move to the same part" if apart else action
                yield name, f"{what} {keep}{where}", act
    for finding in report.findings:
        if finding.code == "constant-pictures":
            yield from (
                (name, "every pixel has the same value", "look, then remove") for name in finding.names
            )
