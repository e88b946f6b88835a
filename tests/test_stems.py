"""One stem everywhere: what the catalogue names has its files and its ladder of tests, and the reverse."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import glassworks
from glassworks.catalogue import CATALOGUE
from glassworks.reader.contents import contents

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "glassworks"
SHARED = {"__init__", "base", "pictures", "series", "transfer", "foreign"}
LADDER = (
    "shape_and_gradient",
    "parity",
    "same_losses",
    "learns",
    "exports",
    "foreign_weights",
    "refused",
    "deterministic|law|shift",
)
ANYWHERE = ("resume", "own_data|class_folders")  # rungs that all systems climb in one test
SYSTEMS = [entry for entry in CATALOGUE if entry.kind == "system"]


def names(file):
    """Names of the tests in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("entry", SYSTEMS, ids=lambda entry: entry.name)
def test_every_system_has_its_files_and_its_ladder(entry):
    parts = entry.module.removeprefix("glassworks.").split(".")
    assert parts[-1] == entry.name and parts[0] == "models"
    assert SOURCE.joinpath(*parts).with_suffix(".py").is_file()
    assert (SOURCE / "recipes" / f"{entry.name}.py").is_file()
    tests = ROOT / "tests" / Path(*parts[:-1]) / f"test_{entry.name}.py"
    found = names(tests)
    for rung in LADDER:
        assert any(re.search(rung, name) for name in found), f"{tests.name} has no test of {rung}"


def test_rungs_that_all_systems_share_are_climbed():
    found = [name for file in (ROOT / "tests").rglob("test_*.py") for name in names(file)]
    for rung in ANYWHERE:
        assert any(re.search(rung, name) for name in found), rung


def test_every_file_of_a_system_has_its_row():
    known = {entry.name for entry in CATALOGUE}
    for folder in ("models/vision", "recipes"):
        for file in (SOURCE / folder).glob("*.py"):
            assert file.stem in known | SHARED, f"{folder}/{file.name} stands in no row of the catalogue"


def test_names_in_the_catalogue_are_unique_and_built_on_what_is_there():
    rows = [entry.name for entry in CATALOGUE]
    assert len(set(rows)) == len(rows)
    assert all(parent in rows for entry in CATALOGUE for parent in entry.built_on)


def test_the_version_is_the_packages():
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == glassworks.__version__


def test_core_dependencies_are_few_and_each_has_its_reason():
    with (ROOT / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    assert len(wanted) <= 12
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for line in wanted:
        name = re.split(r"[<>=!~;\[ ]", line)[0]
        assert f"`{name}`" in reasons, f"docs/dependencies.md gives no reason for {name}"


def test_every_chapter_has_its_exercises_and_its_test():
    chapters = SOURCE / "reader" / "chapters"
    files = {file.relative_to(chapters).with_suffix("").as_posix() for file in chapters.rglob("*.py")}
    assert files == {chapter.slug for chapter in contents().ready}
    for chapter in contents().ready:
        assert (SOURCE / "reader" / "exercises" / f"{chapter.slug}.py").is_file()
        assert (ROOT / "tests" / "reader" / "chapters" / f"test_{chapter.name}.py").is_file()


def test_catalogue_and_contents_name_the_same_chapters():
    slugs = {chapter.slug: chapter for chapter in contents().chapters}
    for entry in CATALOGUE:
        taught = {chapter.slug for chapter in contents().ready if entry.name in chapter.systems}
        assert not entry.chapter or entry.chapter in taught, f"{entry.name} names {entry.chapter}"
    for chapter in slugs.values():
        known = {entry.name for entry in CATALOGUE}
        assert not chapter.ready or set(chapter.systems) <= known, f"{chapter.slug} names unknown systems"
