"""What the tests of all chapters share: a chapter's text, its run, and what every drawing keeps to."""

import ast
import base64
import contextlib
import html
import html.parser
import importlib.util
import inspect
import io
import itertools
import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glassworks.reader.desk import Desk, open_desk
from glassworks.reader.figure import JPEG, Button, Choose, Control, Figure, OwnPicture, Toggle
from glassworks.reader.plain import path_of

VOID = {"img", "br", "path", "circle", "rect", "polyline"}


def texts(slug: str) -> list[str]:
    """The Markdown of the chapter's cells."""
    tree = ast.parse(path_of(slug).read_text(encoding="utf-8"))
    calls = [
        call for call in ast.walk(tree) if isinstance(call, ast.Call) and ast.unparse(call.func) == "mo.md"
    ]
    return [inspect.cleandoc(ast.literal_eval(call.args[0])) for call in calls]


def prose(slug: str) -> str:
    """All text in one line, so that a sentence may break anywhere."""
    return " ".join(" ".join(texts(slug)).split())


def fences(slug: str) -> list[str]:
    """The examples of Python in the text."""
    return re.findall(r"```python\n(.*?)```", "\n".join(texts(slug)), re.DOTALL)


def examples(slug: str) -> Iterator[tuple[str, str, set[str]]]:
    """(line, what its comments say, what it gives) of all lines of examples that have a "# -> ..." behind or
    below them.

    What a line gives is its value, as text or as Python writes it, or what it prints. Each example runs by
    itself, from its first line.
    """
    for fence in map(textwrap.dedent, fences(slug)):
        if "# -> " not in fence:
            continue
        names: dict[str, Any] = {}
        for statement in ast.parse(fence).body:
            code = ast.get_source_segment(fence, statement) or ""
            line, *below = fence.splitlines()[(statement.end_lineno or 1) - 1 :]
            below = list(itertools.takewhile(lambda one: one.startswith("# -> "), below))
            said = "\n".join(one.partition("# -> ")[2] for one in (line, *below)).strip()
            printed, value = io.StringIO(), None
            with contextlib.redirect_stdout(printed):
                if said and isinstance(statement, ast.Expr):
                    value = eval(code, names)  # noqa: S307 (the chapter's own example)
                else:
                    exec(code, names)  # noqa: S102
            if said:
                yield line, said, {repr(value), str(value), printed.getvalue().strip()}


def words(drawn: str) -> str:
    """What a drawing says, without its markup."""
    return " ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", drawn, flags=re.DOTALL)).split())


def run(slug: str, folder: Path) -> list[Any]:
    """What the cells of a chapter show when it runs as a script; nothing is trained."""
    open_desk(Desk(folder))
    spec = importlib.util.spec_from_file_location("chapter", path_of(slug))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    outputs, _ = module.app.run()
    return list(outputs)


@lru_cache
def figures(slug: str) -> tuple[type[Figure], ...]:
    """The classes of figures that a chapter imports, in the order of its page."""
    found = []
    for node in ast.walk(ast.parse(path_of(slug).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("glassworks.reader.figures."):
            module = importlib.import_module(str(node.module))
            found += [getattr(module, alias.name) for alias in node.names]
    return tuple(kind for kind in found if isinstance(kind, type) and issubclass(kind, Figure))


def moves(figure: Figure) -> Iterator[dict[str, Any]]:
    """Values of the controls: each at its ends and in the middle while the others stand at their start."""
    for control in figure.controls:
        for value in ends(control):
            yield {**figure.values, control.name: value}


def ends(control: Control) -> list[Any]:
    """The values of a control that are most likely to break a drawing."""
    if isinstance(control, Choose):
        return list(control.options)
    if isinstance(control, Toggle):
        return [False, True]
    if isinstance(control, Button):
        return [0, 1]
    if isinstance(control, OwnPicture):
        return ["", own_picture(np.full((5, 9, 3), 200, np.uint8)), JPEG + "AAAA", "nonsense"]
    low, high = control.low, control.high  # type: ignore[attr-defined]
    return [low, control.clean((low + high) / 2), high]


def own_picture(pixels: np.ndarray) -> str:
    """Pixels (height, width, 3) as a browser sends a reader's picture."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95)
    return JPEG + base64.b64encode(stream.getvalue()).decode()


class Balanced(html.parser.HTMLParser):
    """Fails for a tag that is closed without being open, or left open: text that was not escaped."""

    def __init__(self, markup: str):
        super().__init__()
        self.open: list[str] = []
        self.feed(markup)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open.pop() == tag, tag


def sound(drawn: str) -> None:
    """What every drawing keeps to."""
    Balanced(drawn)
    assert "This figure failed" not in drawn
    assert not re.search(r"\bnan\b", words(drawn), re.IGNORECASE), words(drawn)
    assert not re.search(r'(src|href)="(https?:)?//', drawn)
