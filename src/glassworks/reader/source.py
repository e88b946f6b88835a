"""The code that a chapter shows is the code that is installed: read when the page is made, never a copy.

`source(obj)` takes a function, class or module and shows its text with module, line and version, coloured,
with a link to the whole file. Where only a few lines matter, `start` and `stop` name the first and the last
of them by a piece of their text; if the code changes so that they are gone, the chapter fails its test.

Source: Python's `inspect`; Pygments for the colours.
The first thing to change: `LONG`, from how many lines on the code is folded.
"""

import html
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import glassworks

LONG = 45  # lines
PACKAGE = Path(glassworks.__file__).parent

# Colours by Pygments' short class names, as (on light, on dark).
COLOURS = {
    ".k, .kn, .kc, .ow": ("#7a3b9e", "#c79be6"),
    ".s, .s1, .s2, .sa, .si": ("#2a6b3c", "#8fd0a0"),
    ".sd, .c1, .c": ("#5b6875", "#9aa6b2"),
    ".mi, .mf, .mh": ("#96510a", "#e6b06a"),
    ".nf, .nc, .fm, .nd": ("#0b5f8a", "#74bfe6"),
}
STYLE = "\n".join(
    f".source {' .source '.join(names.split(' '))} {{ color: light-dark({light}, {dark}); }}"
    for names, (light, dark) in COLOURS.items()
)


@dataclass(frozen=True)
class Source:
    """Code with where it stands. text: the lines as they are in the file, from `line` on."""

    name: str
    file: Path
    line: int
    text: str
    folded: bool

    @property
    def address(self) -> str:
        """The page of the book that shows the whole file."""
        return f"/source/{self.file.relative_to(PACKAGE).as_posix()}"

    def _repr_html_(self) -> str:
        last = self.line + self.text.rstrip("\n").count("\n")
        place = f"{self.name}, lines {self.line} to {last}, version {glassworks.__version__}"
        code = coloured(textwrap.dedent(self.text))
        link = f'<a href="{self.address}#L{self.line}">the whole file</a>'
        head = f"<code>{html.escape(place)}</code>"
        body = f'<pre tabindex="0" aria-label="{html.escape(self.name)}">{code}</pre>'
        style = f"<style>{STYLE}</style>"
        if self.folded:
            inside = f"<details><summary>{head}</summary>{body}</details><p>{link}</p>"
        else:
            inside = f"<p>{head} · {link}</p>{body}"
        return f'<div class="source">{style}{inside}</div>'


def source(obj: Any, *, start: str = "", stop: str = "", fold: bool | None = None) -> Source:
    """The installed code of a function, class or module of Glassworks.

    start, stop: text in the first and in the last line to show; fold: None folds what is long
    Raises ValueError for what is not of this package, or when those lines are gone.
    """
    found = inspect.getsourcefile(obj)
    if found is None or not Path(found).is_relative_to(PACKAGE):
        raise ValueError(f"source: expected something of glassworks; got {obj!r}")
    lines, first = inspect.getsourcelines(obj)
    first = max(1, first)
    if start:
        skipped = _where(lines, start, 0, obj)
        lines, first = lines[skipped:], first + skipped
    if stop:
        lines = lines[: _where(lines, stop, 0, obj) + 1]
    text = "".join(lines)
    name = obj.__name__ if isinstance(obj, ModuleType) else f"{obj.__module__}.{obj.__qualname__}"
    folded = len(lines) > LONG if fold is None else fold
    return Source(name, Path(found), first, text, folded)


def coloured(code: str) -> str:
    """Python code as HTML with Pygments' classes."""
    return highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))


def _where(lines: list[str], wanted: str, after: int, obj: Any) -> int:
    for number, line in enumerate(lines):
        if number >= after and wanted in line:
            return number
    raise ValueError(f'source: expected a line with "{wanted}" in {obj.__name__}; there is none any more')
