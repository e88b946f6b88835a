"""The plain pages of the book: strings of HTML that Python makes, readable without a script."""

from glassworks.reader.pages.frame import bar, frame, not_found, sorry, waiting
from glassworks.reader.pages.glossary import glossary
from glassworks.reader.pages.home import home
from glassworks.reader.pages.how_to_run import how_to_run
from glassworks.reader.pages.labs import labs
from glassworks.reader.pages.references import references
from glassworks.reader.pages.search import index, search
from glassworks.reader.pages.source_file import source_file
from glassworks.reader.pages.studio import studio
from glassworks.reader.pages.timeline import timeline
from glassworks.reader.pages.tools import tools

__all__ = [
    "bar",
    "frame",
    "glossary",
    "home",
    "how_to_run",
    "index",
    "labs",
    "not_found",
    "references",
    "search",
    "sorry",
    "source_file",
    "studio",
    "timeline",
    "tools",
    "waiting",
]
