"""Chapters as notebooks: the same cells, this exact version, and they run from top to bottom."""

import ast
import json
import subprocess
import sys
import textwrap

import nbclient
import nbformat
import pytest

from glassworks import __version__
from glassworks.reader import hosted
from glassworks.reader.contents import contents
from glassworks.reader.plain import path_of

READY = [chapter.slug for chapter in contents().ready]
SLOW = READY[1:]  # each takes the time of its imports; one is enough to see that the way is open
WIDGET = "application/vnd.jupyter.widget-view+json"
NO_INSTALL = (
    "import subprocess\ndef _refuse(*words, **settings):\n"
    "    raise AssertionError(f'an install was tried: {words}')\nsubprocess.run = _refuse"
)


def cells_of(slug: str) -> list[tuple[str, list[str]]]:
    """(name, lines without indentation) of the setup and of each cell, read from the chapter's file."""
    text = path_of(slug).read_text(encoding="utf-8")
    lines, found = text.splitlines(), []
    for node in ast.parse(text).body:
        if isinstance(node, ast.With) or (isinstance(node, ast.FunctionDef) and node.decorator_list):
            body = [part for part in node.body if not isinstance(part, ast.Return)]
            kept = textwrap.dedent("\n".join(lines[body[0].lineno - 1 : body[-1].end_lineno])).splitlines()
            found.append((getattr(node, "name", "setup"), kept))
    return found


@pytest.mark.parametrize("slug", READY)
def test_a_notebook_holds_the_cells_of_its_chapter_and_one_more(slug):
    notebook = nbformat.reads(hosted.as_text(slug), as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    wanted = cells_of(slug)
    assert [cell.id for cell in notebook.cells] == [
        "install",
        *(name.replace("_", "-") for name, _ in wanted),
    ]
    for cell, (name, lines) in zip(notebook.cells[1:], wanted, strict=True):
        if cell.cell_type == "markdown":
            said = ast.literal_eval(ast.parse("\n".join(lines)).body[0].value.args[0])
            assert cell.source == textwrap.dedent(said).strip(), name
        else:
            assert cell.source.splitlines() == lines, name
    kinds = {cell.cell_type for cell in notebook.cells}
    assert kinds == {"code", "markdown"}


@pytest.mark.parametrize("slug", [READY[0], *(pytest.param(slug, marks=pytest.mark.long) for slug in SLOW)])
def test_a_notebook_runs_with_its_figures_as_widgets(slug, tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSWORKS_BOOK", str(tmp_path))
    notebook = nbformat.reads(hosted.as_text(slug), as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(NO_INSTALL))
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    first = "".join(output.get("text", "") for output in notebook.cells[1].outputs)
    assert f"Glassworks {__version__};" in first
    for cell in notebook.cells[2:]:
        if cell.cell_type == "code" and cell.id.startswith(
            ("figure-", "exercise-", "lab-", "train", "own-data")
        ):
            shown = [output for output in cell.outputs if WIDGET in output.get("data", {})]
            assert shown, f"{cell.id} shows no widget"
        assert not [one for one in cell.get("outputs", ()) if one.output_type == "error"]
    header = next(cell for cell in notebook.cells if cell.id == "header")
    assert contents().chapter(slug).title in header.outputs[0].data["text/html"]


@pytest.mark.parametrize(("found", "installs"), [(__version__, False), ("0.0.1", True), (None, True)])
def test_the_first_cell_installs_this_version_unless_it_is_there(found, installs):
    """Run with an installer that only says what it was asked for."""
    first = hosted.notebook(READY[0])["cells"][0]
    script = f"""
import importlib.metadata, subprocess
def version(name, real=importlib.metadata.version):
    if name != "glassworks":
        return real(name)
    if {found!r} is None:
        raise importlib.metadata.PackageNotFoundError(name)
    return {found!r}
importlib.metadata.version = version
subprocess.run = lambda words, check: print("asked for", words[1:], check)
{"".join(first["source"])}"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    wanted = f"asked for ['-m', 'pip', 'install', '-q', 'glassworks[{hosted.EXTRAS}]=={__version__}'] True"
    assert (wanted in done.stdout) == installs
    assert f"Glassworks {__version__};" in done.stdout


def test_extras_of_the_first_cell_exist():
    from importlib.metadata import metadata

    assert set(hosted.EXTRAS.split(",")) <= set(metadata("glassworks").get_all("Provides-Extra"))


def test_all_notebooks_are_written_below_a_folder(tmp_path):
    lines = list(hosted.write(tmp_path))
    assert len(lines) == len(READY)
    for slug in READY:
        text = (tmp_path / f"{slug}.ipynb").read_text(encoding="utf-8")
        assert json.loads(text) == hosted.notebook(slug)
        assert str(path_of(slug).parents[4]) not in text and "/root" not in text


def test_the_link_to_a_hosted_service_is_that_of_the_tag(monkeypatch):
    class Metadata:
        def __init__(self, url):
            self.url = url

        def get_all(self, name):
            return [f"Repository, {self.url}"] if self.url else None

    chapter = contents().ready[0]
    for url in ("https://github.com/somebody/glassworks", "https://github.com/somebody/glassworks.git"):
        monkeypatch.setattr(hosted.importlib.metadata, "metadata", lambda name, url=url: Metadata(url))
        address = hosted.address(chapter)
        assert f"/github/somebody/glassworks/blob/v{__version__}/colab/{chapter.slug}.ipynb" in address
    for url in ("", "https://example.org/glassworks"):
        monkeypatch.setattr(hosted.importlib.metadata, "metadata", lambda name, url=url: Metadata(url))
        assert hosted.address(chapter) == ""
