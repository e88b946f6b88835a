"""The doctor's report as one page: findings first, then samples of each class, damage, copies side by side.

The page holds small versions of the person's own pictures, and says so. The first thing to change: the
limits, which keep the page below a few megabytes for any folder.
"""

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from glassworks.core.charts import bar_chart
from glassworks.core.errors import PersonError
from glassworks.core.page import Page
from glassworks.data.decode import open_picture

if TYPE_CHECKING:  # the report makes this page, so it may not be imported at run time
    from glassworks.data.check_report import CheckReport

CLASSES = 30  # classes shown with samples and a bar
SAMPLES = 6  # pictures of each class
GROUPS = 12  # groups of copies of each kind
COPIES = 4  # pictures of each group
ROWS = 200  # rows of a table of names
SIDE = 144  # pixels of a picture on the page
WORDS = {"stop": ("stop", "bad"), "warn": ("warning", "warn"), "info": ("note", "")}


def check_page(report: "CheckReport") -> Page:
    """The page of a report; pictures are read again, only those that are shown."""
    page = Page("Data check", report.table.where)
    _summary(page, report)
    _findings(page, report)
    _classes(page, report)
    if report.damaged:
        page.section("Damaged files")
        rows = [(damage.name, (damage.reason, "bad"), damage.detail) for damage in report.damaged[:ROWS]]
        _more(page.table(["file", "reason", "detail"], rows), len(report.damaged), ROWS)
    _copies(page, report, "Same picture, different labels", report.conflicts)
    _copies(page, report, "Exact copies", [group for group in report.exact if group not in report.conflicts])
    _copies(page, report, "Nearly the same", report.near)
    return page


def _summary(page: Page, report: "CheckReport") -> None:
    sizes, table = report.sizes, report.table
    stops, warnings = len(report.of_level("stop")), len(report.of_level("warn"))
    page.section("At a glance").tiles(
        [
            (f"{len(table):,}", "pictures", f"{len(report.damaged)} damaged"),
            (str(len(table.classes)) if table.classes else "–", "classes", report.what),
            (f"{sizes.median[0]}\u202f×\u202f{sizes.median[1]}", "median size", "width × height in pixels"),
            (str(stops + warnings), "to mend", f"{stops} stop training, {warnings} warnings"),
        ]
    )
    if report.ok:
        page.text("Nothing here stops training.", "good")
    else:
        page.text("Training would stop; the findings below say how to mend it.", "bad")
    facts = report.tables()[0][2]
    page.table(["", ""], [fact for fact in facts if fact[0] in ("sizes", "formats", "channels")])
    page.heading("Suggested").text(f"Split: {report.suggestion['split']}.")
    page.text(f"Size: {report.suggestion['size']}.").code(report.suggestion["command"])
    page.text(
        "This page holds small versions of these pictures; share it only where they may be shared.", "note"
    )


def _findings(page: Page, report: "CheckReport") -> None:
    from glassworks.data.check_report import shown

    page.section("What was found")
    if not report.findings:
        page.text("Nothing to mend.", "good")
        return
    for finding in report.findings:  # lines, not a table: four columns are unreadable on a phone
        word, tone = WORDS[finding.level]
        lines = [f'<b class="{tone}">{word}</b> {html.escape(finding.sentence)}']
        if finding.mend:
            lines.append(f"<b>To mend:</b> {html.escape(finding.mend)}.")
        if finding.names:
            lines.append(f'<span class="note">{html.escape(shown(finding.names))}</span>')
        page.html(f"<p>{'<br>'.join(lines)}</p>")


def _classes(page: Page, report: "CheckReport") -> None:
    table = report.table
    bad = {damage.name for damage in report.damaged}
    good = [row for row, name in enumerate(table.names) if name not in bad]
    if not report.counts:
        page.section("Samples").pictures(_shown(report, _spread(good, 2 * SAMPLES)), side=SIDE)
        return
    page.section("Classes")
    if len(report.counts) <= CLASSES:
        page.html(bar_chart([(name, sum(of.values())) for name, of in report.counts.items()]))
    heads = ["class", *(part or "pictures" for part in report.parts)]
    rows = [[name, *(of[part] for part in report.parts)] for name, of in report.counts.items()]
    _more(page.table(heads, rows[:ROWS]), len(rows), ROWS)
    for index, name in enumerate(table.classes[:CLASSES]):
        of_class = table.targets[:, index] if table.kind == "labels" else table.targets == index
        page.heading(name).pictures(
            _shown(report, _spread([row for row in good if of_class[row]], SAMPLES)), side=SIDE
        )
    _more(page, len(table.classes), CLASSES)


def _copies(page: Page, report: "CheckReport", title: str, groups: Iterable[tuple[str, ...]]) -> None:
    groups = list(groups)
    if not groups:
        return
    page.section(title)
    row_of = {name: row for row, name in enumerate(report.table.names)}
    for number, group in enumerate(groups[:GROUPS], 1):
        page.heading(f"{number}. {len(group)} pictures")
        page.pictures(_shown(report, [row_of[name] for name in group[:COPIES]], full=True), side=SIDE)
    _more(page, len(groups), GROUPS)


def _shown(report: "CheckReport", rows: list[int], *, full: bool = False):
    """(picture, caption) of rows; with `full`, the caption tells the whole name, class and part."""
    table = report.table
    for row in rows:
        try:
            picture = open_picture(table.sources[row], name=table.names[row])
        except PersonError:  # it was good a moment ago: the person removed or changed it meanwhile
            continue
        caption = table.names[row].rsplit("/", 1)[-1]  # the heading already names the class
        if table.texts is not None:
            caption = table.texts[row][0]
        if full:
            told = [word for word in (_label(report, row), table.parts[row]) if word]
            caption = " · ".join(
                [table.names[row], *(w for w in told if w not in table.names[row].split("/"))]
            )
        yield picture, caption


def _label(report: "CheckReport", row: int) -> str:
    table = report.table
    if table.texts is not None:
        return " / ".join(table.texts[row])
    if table.kind == "label":
        return table.classes[int(table.targets[row])]
    if table.kind == "labels":
        return ", ".join(np.array(table.classes, dtype=object)[table.targets[row]])
    return f"{table.targets[row]:g}" if table.kind == "number" else ""


def _spread(rows: list[int], count: int) -> list[int]:
    """At most `count` of the rows, evenly spread, so that samples do not all come from one film."""
    step = max(1, len(rows) // count)
    return rows[::step][:count]


def _more(page: Page, total: int, limit: int) -> None:
    if total > limit:
        page.text(f"and {total - limit} more, listed by --json and in the list of fixes", "note")
