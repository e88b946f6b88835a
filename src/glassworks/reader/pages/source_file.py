"""A whole file of the installed package, with numbered lines that links from chapters lead to.

The first thing to change: nothing; what may be shown is decided in one line of `_inside`.
"""

from pathlib import Path

import glassworks
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.reader.markup import escaped
from glassworks.reader.pages.frame import frame

PACKAGE = Path(glassworks.__file__).resolve().parent


def source_file(path: str) -> str:
    """The page of a Python file; path: relative to the package, such as "foundations/tape.py".

    Raises PersonError("no-such-file") for anything else.
    """
    from glassworks.reader.source import STYLE, coloured

    file = _inside(path)
    text = file.read_text(encoding="utf-8")
    lines = coloured(text).rstrip("\n").split("\n")  # Pygments closes its spans at the end of each line
    rows = "".join(
        f'<span class="code-line" id="L{number}"><span class="line-number" aria-hidden="true">'
        f"{number}</span><span>{line}\n</span></span>"
        for number, line in enumerate(lines, start=1)
    )
    body = (
        f'<h1><code>{escaped(path)}</code></h1><p class="note">{len(lines)} lines of glassworks '
        f"{escaped(glassworks.__version__)}, as installed here.</p><style>{STYLE}</style>"
        f'<div class="source whole"><pre tabindex="0" aria-label="{escaped(path)}">{rows}</pre></div>'
    )
    return frame(path, body, wide=True)


def _inside(path: str) -> Path:
    file = (PACKAGE / path).resolve()
    if file.suffix == ".py" and file.is_relative_to(PACKAGE) and file.is_file():
        return file
    known = [one.relative_to(PACKAGE).as_posix() for one in PACKAGE.rglob(f"{Path(path).stem or '_'}*.py")]
    near = did_you_mean(path, known) if known else "follow a link of a chapter"
    raise PersonError("no-such-file", expected="a Python file of glassworks", got=f'"{path[:200]}"', fix=near)
