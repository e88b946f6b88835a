"""The page of a result: the claim, the verdict, the figures, the tables, and what it was measured on.

The first thing to change: the order of the sections.
"""

from glassworks.core.page import Page
from glassworks.labs.drawing import drawn
from glassworks.labs.lab import Outcome, Result

TONES: dict[Outcome, str] = {"holds": "good", "does not hold": "bad", "not shown": "warn"}
PLOTS = "<style>.plot { max-width: 560px; margin: .4rem 0 1rem; }</style>"


def page_of(result: Result) -> Page:
    """A self-contained page; nothing in it is fetched from elsewhere."""
    page = Page(result.claim, f"Lab {result.name}, {result.date}")
    page.section("Verdict").html(PLOTS)
    page.text(f"The claim {told(result)}.", TONES[result.outcome])
    page.text(result.verdict).text(f"Interval: {result.interval}.")
    if result.quick:
        page.text("This was a quick run: it shows that the lab works, and decides little.", "warn")
    page.section("Figures").html("".join(drawn(chart) for chart in result.charts))
    for table in result.tables:
        page.section(table.title).table(table.head, table.rows)
    page.section("How it was decided").text(result.rule)
    for note in result.notes:
        page.text(note, "note")
    page.section("What was run").code(result.command)
    seeds = f"{len(result.seeds)} seeds" if len(result.seeds) != 1 else "one seed"
    page.text(f"{seeds} in {result.minutes} on {result.machine.words}.", "note")
    return page


def told(result: Result) -> str:
    """The outcome as the end of a sentence."""
    return "is not shown here" if result.outcome == "not shown" else f"{result.outcome} here"
