"""A chapter as a notebook for a hosted service: the same cells, the same figures, one cell more at the top.

The first cell installs exactly this version (unless it is there) and says what the machine has. Figures and
exercises are anywidgets and work as they are; text becomes Markdown. Nothing is rewritten by hand, so a
notebook cannot drift from its chapter.

The first thing to change: `EXTRAS`, when chapters need another extra.
"""

import ast
import importlib.metadata
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glassworks import __version__
from glassworks.core.files import write_text
from glassworks.reader.contents import CHAPTERS, Chapter, contents
from glassworks.reader.parsing import parsed

EXTRAS = "book,samples,weights"
FIRST = """\
# Installs this version of Glassworks, and says what this machine has.
import importlib.metadata
import subprocess
import sys

try:
    found = importlib.metadata.version("glassworks")
except importlib.metadata.PackageNotFoundError:
    found = None
if found != "{version}":
    install = [sys.executable, "-m", "pip", "install", "-q", "glassworks[{extras}]=={version}"]
    subprocess.run(install, check=True)

import torch

device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: the CPU is enough"
print("Glassworks {version};", device)
"""


def notebook(slug: str) -> dict[str, Any]:
    """A chapter in the notebook format (version 4.5)."""
    text = (CHAPTERS / f"{slug}.py").read_text(encoding="utf-8")
    cells = [_code("install", FIRST.format(version=__version__, extras=EXTRAS)), *_cells(text)]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "title": contents().chapter(slug).title,
        },
        "cells": cells,
    }


def write(folder: Path) -> Iterator[str]:
    """Write every chapter that is ready below `folder`; yields a line for each."""
    for chapter in contents().ready:
        path = folder / f"{chapter.slug}.ipynb"
        write_text(path, as_text(chapter.slug))
        yield f"{path}"


def as_text(slug: str) -> str:
    return json.dumps(notebook(slug), indent=1, ensure_ascii=False) + "\n"


def address(chapter: Chapter) -> str:
    """Where a hosted service opens this chapter: the tag of this version; "" without a public repository.

    The repository is the one that the package's own metadata name.
    """
    urls = importlib.metadata.metadata("glassworks").get_all("Project-URL") or []
    named = dict(url.split(", ", 1) for url in urls)
    place = named.get("Repository", "").removesuffix(".git").rstrip("/")
    if not place.startswith("https://github.com/"):
        return ""
    repository = place.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{repository}/blob/v{__version__}/colab/{chapter.slug}.ipynb"


def _cells(text: str) -> Iterator[dict[str, Any]]:
    """The setup block and the cells of a chapter, in order."""
    for node in parsed(text).body:
        if isinstance(node, ast.With):
            yield _code("setup", _body(text, node.body))
        elif isinstance(node, ast.FunctionDef) and node.decorator_list:
            said = _markdown(node)
            if said is not None:
                yield _cell("markdown", node.name, said)
            else:
                kept = [part for part in node.body if not isinstance(part, ast.Return)]
                yield _code(node.name, _body(text, kept))


def _markdown(cell: ast.FunctionDef) -> str | None:
    """The text of a cell that is nothing but text."""
    kept = [part for part in cell.body if not isinstance(part, ast.Return)]
    if len(kept) != 1 or not isinstance(kept[0], ast.Expr) or not isinstance(kept[0].value, ast.Call):
        return None
    call = kept[0].value
    if ast.unparse(call.func) != "mo.md" or not isinstance(call.args[0], ast.Constant):
        return None
    return textwrap.dedent(str(call.args[0].value)).strip()


def _body(text: str, nodes: list[ast.stmt]) -> str:
    lines = text.splitlines()[nodes[0].lineno - 1 : nodes[-1].end_lineno]
    return textwrap.dedent("\n".join(lines))


def _code(name: str, source: str) -> dict[str, Any]:
    return {**_cell("code", name, source), "execution_count": None, "outputs": []}


def _cell(kind: str, name: str, source: str) -> dict[str, Any]:
    lines = source.strip().splitlines(keepends=True)
    return {"cell_type": kind, "id": name.replace("_", "-")[:64], "metadata": {}, "source": lines}
