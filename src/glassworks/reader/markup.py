"""Text on its way into HTML: whatever comes from a file or a person goes through here.

The first thing to change: nothing, without a test.
"""

import html
import re

OUTSIDE = 'rel="noopener noreferrer"'


def escaped(text: object) -> str:
    """Text for the inside of an element or of a quoted attribute."""
    return html.escape(str(text), quote=True)


def prose(text: str) -> str:
    """Escaped text in which `backticks` become code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped(text))


def outside(address: str, text: str) -> str:
    """A link that leaves the book when the reader clicks it; text is escaped here."""
    return f'<a href="{escaped(address)}" {OUTSIDE}>{escaped(text)}</a>'
