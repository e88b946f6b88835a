"""What the doctor found in texts: lines for a terminal, JSON for programs, a page, a list of fixes.

The first thing to change: `_fixes`, what is suggested for each finding.
"""

import csv
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.charts import bar_chart
from glassworks.core.files import write_text
from glassworks.core.page import Page
from glassworks.core.text_rows import TextTable
from glassworks.data.check_report import Finding, Level, shown
from glassworks.data.encodings import OddLine

KINDS = {
    "label": "one class a text", "labels": "several labels a text", "number": "a number a text",
    "pairs": "another text for each", "none": "texts alone",
}  # fmt: skip
LIMITS = (128, 256, 512)  # words; texts longer than these are counted
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384, 65536)  # edges of the drawn lengths
CLASSES, EXAMPLES, GROUPS, LETTERS = 20, 3, 12, 300  # shown on the page
WORDS = {"stop": ("stop", "bad"), "warn": ("warning", "warn"), "info": ("note", "")}


@dataclass(frozen=True)
class TextReport:
    """All that `check` says about a table of texts.

    counts:    class -> part -> texts; part "" where no split is made yet
    words:     int64 (rows,), words of each text
    exact:     groups of names with the same text; near: the same but for case, spaces and punctuation
    conflicts: groups of the same text with different labels
    odd:       file -> its lines that are not UTF-8
    suggestion: "split", "context" and "command"
    """

    table: TextTable = field(repr=False)
    findings: tuple[Finding, ...]
    counts: dict[str, dict[str, int]]
    words: np.ndarray = field(repr=False)
    exact: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]
    odd: dict[str, tuple[OddLine, ...]]
    suggestion: dict[str, str]
    parts: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether training may start: nothing of level "stop" was found."""
        return not self.of_level("stop")

    def of_level(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == level]

    @property
    def lengths(self) -> dict[str, float]:
        """Words of the texts: median and longest, and the share that is longer than each limit."""
        if not len(self.words):
            return {}
        longer = {f"over {limit}": float((self.words > limit).mean()) for limit in LIMITS}
        return {"median": float(np.median(self.words)), "longest": float(self.words.max()), **longer}

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs: schema 1, command "check"."""
        return {
            "schema": 1,
            "command": "check",
            "ok": self.ok,
            "where": self.table.where,
            "sees": "texts",
            "kind": self.table.kind,
            "texts": len(self.table),
            "classes": list(self.table.classes),
            "counts": self.counts,
            "words": self.lengths,
            "damaged": [asdict(damage) for damage in self.table.damaged],
            "not_utf8": {name: [asdict(line) for line in lines] for name, lines in self.odd.items()},
            "duplicates": {"exact": [list(g) for g in self.exact], "near": [list(g) for g in self.near]},
            "conflicts": [list(group) for group in self.conflicts],
            "findings": [{**asdict(finding), "names": list(finding.names)} for finding in self.findings],
            "suggestion": self.suggestion,
        }

    def facts(self) -> list[list[str]]:
        """(what, value) of the whole."""
        table = self.table
        rows = [["looked at", table.where], ["kind", KINDS[table.kind]]]
        rows.append(["texts", f"{len(table):,}, {len(table.damaged)} unusable"])
        if table.classes:
            rows.append(["classes", str(len(table.classes))])
        if table.kind == "number" and len(table):
            low, middle, high = np.quantile(table.targets, (0, 0.5, 1))
            rows.append(["numbers", f"{low:g} to {high:g}, median {middle:g}"])
        lengths = self.lengths
        if lengths:
            over = ", ".join(f"{lengths[f'over {limit}']:.1%} over {limit}" for limit in LIMITS)
            rows.append(
                ["words", f"median {lengths['median']:.0f}, longest {lengths['longest']:,.0f}; {over}"]
            )
        return rows

    def as_text(self) -> str:
        """The report as plain lines."""
        lines = [f"{name}: {value}" for name, value in self.facts()]
        for name, of in self.counts.items():
            each = ", ".join(f"{part + ' ' if part else ''}{of.get(part, 0)}" for part in self.parts)
            lines.append(f"  {name}: {each}")
        for finding in self.findings:
            lines.append(f"{finding.level}: {finding.sentence}")
            if finding.names:
                lines.append(f"      {shown(finding.names)}")
            if finding.mend:
                lines.append(f"      to mend: {finding.mend}")
        lines += [f"suggested {name}: {sentence}" for name, sentence in self.suggestion.items()]
        return "\n".join(lines)

    def write_fixes(self, path: str | Path) -> Path:
        """Write a CSV of (row, problem, suggested action, text) to review; nothing else is touched."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["row", "problem", "suggested action", "text"])
        writer.writerows(_fixes(self))
        write_text(path, buffer.getvalue())
        return Path(path)

    def page(self) -> Page:
        """The report as a page: findings, lengths, some texts of each class, copies."""
        page = Page("Data check", self.table.where)
        _summary(page, self)
        _findings(page, self)
        _lengths(page, self)
        _classes(page, self)
        _copies(page, self, "Same text, different labels", self.conflicts)
        torn = {name for group in self.conflicts for name in group}
        near = [group for group in self.near if not torn.issuperset(group)]
        _copies(page, self, "Nearly the same", near)
        return page


def _fixes(report: TextReport) -> Iterable[tuple[str, str, str, str]]:
    table = report.table
    place = {name: row for row, name in enumerate(table.names)}
    for file, lines in report.odd.items():
        for line in lines:
            problem = f"not UTF-8, looks like {line.encoding}"
            yield f"{file} line {line.number}", problem, "save as UTF-8", line.text[:LETTERS]
    for damage in table.damaged:
        yield damage.name, f"{damage.reason}: {damage.detail}", "mend or remove", ""
    torn = {name for group in report.conflicts for name in group}
    for group in report.conflicts:
        for name in group:
            others = ", ".join(other for other in group if other != name)
            yield (
                name,
                f"same text as {others}, other label",
                "decide on one label",
                table.texts[place[name]][:LETTERS],
            )
    for groups, what in ((report.exact, "same text as"), (report.near, "nearly the same text as")):
        for group in groups:
            # What is judged stays: of copies across parts, the one in training is the one to go.
            keep = min(group, key=lambda name: {"test": 0, "val": 1}.get(table.parts[place[name]], 2))
            for name in group:
                if name != keep and name not in torn:
                    yield name, f"{what} {keep}", "remove", table.texts[place[name]][:LETTERS]


# ---- the page


def _summary(page: Page, report: TextReport) -> None:
    table, lengths = report.table, report.lengths
    stops, warnings = len(report.of_level("stop")), len(report.of_level("warn"))
    page.section("At a glance").tiles(
        [
            (f"{len(table):,}", "texts", f"{len(table.damaged)} unusable"),
            (str(len(table.classes)) if table.classes else "–", "classes", KINDS[table.kind]),
            (f"{lengths.get('median', 0):.0f}", "words", f"median; longest {lengths.get('longest', 0):,.0f}"),
            (str(stops + warnings), "to mend", f"{stops} stop training, {warnings} warnings"),
        ]
    )
    if report.ok:
        page.text("Nothing here stops training.", "good")
    else:
        page.text("Training would stop; the findings below say how to mend it.", "bad")
    page.heading("Suggested").text(f"Split: {report.suggestion['split']}.")
    if "context" in report.suggestion:
        page.text(f"Context: {report.suggestion['context']}.")
    page.code(report.suggestion["command"])
    page.text("This page holds some of these texts; share it only where they may be shared.", "note")


def _findings(page: Page, report: TextReport) -> None:
    page.section("What was found")
    if not report.findings:
        page.text("Nothing to mend.", "good")
    for finding in report.findings:  # lines, not a table: four columns are unreadable on a phone
        word, tone = WORDS[finding.level]
        lines = [f'<b class="{tone}">{word}</b> {html.escape(finding.sentence)}']
        lines += [f"<b>To mend:</b> {html.escape(finding.mend)}."] if finding.mend else []
        lines += [f'<span class="note">{html.escape(shown(finding.names))}</span>'] if finding.names else []
        page.html(f"<p>{'<br>'.join(lines)}</p>")


def _lengths(page: Page, report: TextReport) -> None:
    if not len(report.words):
        return
    page.section("Lengths in words")
    edges = np.array(STEPS)
    inside = np.searchsorted(edges, report.words, side="right")
    counts = np.bincount(inside, minlength=len(edges) + 1)
    names = [
        "0",
        *(f"{low} to {high - 1}" if high - low > 1 else f"{low}" for low, high in pairwise(edges)),
    ]
    names.append(f"{edges[-1]} and more")
    used = np.flatnonzero(counts)
    rows = [(names[step], float(counts[step])) for step in range(used[0], used[-1] + 1)]
    page.html(bar_chart(rows))
    page.text(" · ".join(f"{report.lengths[f'over {limit}']:.1%} over {limit}" for limit in LIMITS), "note")


def _classes(page: Page, report: TextReport) -> None:
    table = report.table
    if not report.counts:
        page.section("Some texts")
        _texts(page, report, range(0, len(table), max(1, len(table) // 6)), 6)
        return
    page.section("Classes")
    page.html(
        bar_chart([(name, float(sum(of.values()))) for name, of in list(report.counts.items())[:CLASSES]])
    )
    if report.parts != ("",):
        heads = ["class", *(part or "no part" for part in report.parts)]
        page.table(
            heads, [[name, *(of[part] for part in report.parts)] for name, of in report.counts.items()]
        )
    for index, name in enumerate(table.classes[:CLASSES]):
        of = table.targets[:, index] if table.kind == "labels" else table.targets == index
        rows = np.flatnonzero(of)
        page.heading(f"{name} ({len(rows):,})")
        _texts(page, report, rows[:: max(1, len(rows) // EXAMPLES)], EXAMPLES)
    if len(table.classes) > CLASSES:
        page.text(f"and {len(table.classes) - CLASSES} more classes", "note")


def _copies(page: Page, report: TextReport, title: str, groups: Sequence[tuple[str, ...]]) -> None:
    if not groups:
        return
    page.section(title)
    place = {name: row for row, name in enumerate(report.table.names)}
    for group in groups[:GROUPS]:
        page.heading(f"{len(group)} rows")
        _texts(page, report, [place[name] for name in group], EXAMPLES)
    if len(groups) > GROUPS:
        page.text(f"and {len(groups) - GROUPS} more, listed by --json and in the list of fixes", "note")


def _texts(page: Page, report: TextReport, rows: Iterable[int], most: int) -> None:
    """Some texts, each with its name and what belongs to it."""
    table = report.table
    for row in list(rows)[:most]:
        text = table.texts[int(row)]
        cut = text[:LETTERS] + (" …" if len(text) > LETTERS else "")
        about = [table.names[int(row)]]
        if table.kind == "label":
            about.append(table.classes[table.targets[row]])
        elif table.kind == "number":
            about.append(f"{table.targets[row]:g}")
        elif table.kind == "pairs" and table.answers:
            about.append(table.answers[int(row)][:LETTERS])
        about += [table.parts[int(row)]] if table.parts[int(row)] else []
        note = f'<span class="note">{html.escape(" · ".join(about))}</span>'
        page.html(f'<p dir="auto">{html.escape(cut)}<br>{note}</p>')
