"""The row above a chapter: what a reader can do with it besides reading.

The first thing to change: `tools`, to offer another way on.
"""

from glassworks.reader.contents import Chapter
from glassworks.reader.markup import escaped, outside


def tools(chapter: Chapter, *, hosted: str = "", code: bool = True) -> str:
    """Show all code, open a copy to edit, take it along as a notebook.

    hosted: address at a hosted service, "" for none; code: whether this book may run code of the reader
    """
    copy = (
        f'<button type="button" class="copy" data-slug="{escaped(chapter.slug)}">Open a copy to edit</button>'
        if code
        else ""
    )
    service = outside(hosted, "Open in a hosted notebook") if hosted else ""
    return (
        '<nav class="tools" aria-label="This chapter">'
        '<a class="show-code" href="?show-code=true">Show all code</a>'
        f'{copy}<a href="/api/notebook/{escaped(chapter.slug)}.ipynb" download>'
        f"Download as a notebook</a>{service}"
        '<span class="said" role="status"></span></nav>'
    )
