"""The page of labs: claims of the book, what a recorded run decided, and the command that runs each again.

The first thing to change: `labs/table.py`, the table that this page shows.
"""

from glassworks import labs as experiments
from glassworks.core.errors import PersonError
from glassworks.reader.contents import Contents, contents
from glassworks.reader.markup import escaped
from glassworks.reader.pages.frame import chapter_links, frame

TONES = {"holds": "good", "does not hold": "bad", "not shown": "warn"}


def labs(*, book: Contents | None = None) -> str:
    """The page of all labs; each has its name as id."""
    book = book or contents()
    rows = "".join(_row(name, book) for name in experiments.names())
    body = (
        '<h1>Labs</h1><p class="lead">A lab tests one claim of the book as an experiment. The rule that'
        " decides is written down before the numbers are there, and a claim that fails is told as plainly"
        " as one that holds.</p>"
        "<p>Run one in its chapter, or in a terminal; <code>--quick</code> shows in less time that it"
        " runs.</p><ul"
        f' class="labs">{rows}</ul>'
    )
    return frame("Labs", body, active="labs")


def _row(name: str, book: Contents) -> str:
    lab = experiments.find(name)
    chapter = book.by_slug.get(lab.chapter)
    where = f'<p class="note">In the chapter {chapter_links([chapter])}</p>' if chapter else ""
    return (
        f'<li id="{escaped(name)}"><h2>{escaped(lab.claim)}</h2>{_verdict(name)}{where}'
        f"<pre><code>glassworks lab {escaped(name)}</code></pre></li>"
    )


def _verdict(name: str) -> str:
    """What the recorded run decided, and on what."""
    try:
        result = experiments.recorded(name)
    except PersonError as error:  # one damaged file must not take the others' page away
        return f'<p class="bad">{escaped(error)}</p>'
    if result is None:
        return '<p class="note">No recorded result yet.</p>'
    return (
        f'<p><strong class="{TONES[result.outcome]}">{escaped(result.outcome.capitalize())}.</strong> '
        f'{escaped(result.verdict)}</p><p class="note">{escaped(result.interval)}. Recorded on '
        f"{escaped(result.date)}: {escaped(result.minutes)} on {escaped(result.machine.cpu)}.</p>"
    )
