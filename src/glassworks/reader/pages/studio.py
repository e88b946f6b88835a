"""The workbench's page: `studio/bench.html`, which is read before its script runs, in the frame of the book.

The first thing to change: `bench.html`.
"""

from glassworks.reader.pages.frame import frame

FOR_OTHERS = (
    "<h1>The workbench</h1><p>The workbench trains models on the machine that it runs on, so it opens for "
    "the one who started the book there, and not in a copy for others. Start one: "
    "<code>glassworks book</code>.</p>"
)


def studio(*, code: bool) -> str:
    """The page. code: whether this book may run anything for whoever opened it."""
    if not code:
        return frame("Workbench", FOR_OTHERS, active="studio")
    from glassworks.reader.widget import (
        stylesheet,
        text_of,
    )  # imports marimo: not for other pages to wait for

    body = f"<style>{stylesheet('')}</style>{text_of('studio/bench.html')}"
    return frame("Workbench", body, active="studio", wide=True)
