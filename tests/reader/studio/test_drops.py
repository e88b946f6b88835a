"""Files that are dropped: they keep their folders, get harmless names, and are whole or not there."""

import asyncio

import pytest

from glassworks.core.errors import PersonError
from glassworks.reader.studio import drops as module
from glassworks.reader.studio.drops import Drops


@pytest.fixture
def drops(tmp_path):
    return Drops(tmp_path / "mein Platz ü")


def take(drops, id, name, body, size=None):
    async def parts():
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    return asyncio.run(drops.take(id, name, len(body) if size is None else size, parts()))


def refused(call):
    with pytest.raises(PersonError) as error:
        call()
    return error.value.code


def test_a_folder_keeps_its_classes_and_is_the_data(drops):
    id = drops.begin("Fotos")
    for name in ("Fotos/katze/1.PNG", "Fotos/hund/2 ñ.jpg", "Fotos\\hund\\3.jpg"):
        take(drops, id, name, b"picture " * 9)
    found = drops.find(id)
    assert found.files == 3 and found.size == 3 * 72 and found.where.name == "Fotos"
    assert sorted(path.relative_to(found.where).as_posix() for path in found.where.rglob("*.*")) == [
        "hund/2 ñ.jpg", "hund/3.jpg", "katze/1.png",
    ]  # fmt: skip
    assert [drop.id for drop in drops.all()] == [id] and drops.all()[0].name == "Fotos"


def test_one_file_alone_is_the_data_and_several_are_their_folder(drops):
    id = drops.begin("table")
    path = take(drops, id, "table.csv", b"text,label\n")
    assert drops.find(id).where == path and path.read_bytes() == b"text,label\n"
    take(drops, id, "more.csv", b"x\n")
    assert drops.find(id).where == path.parent
    take(drops, id, "table.csv", b"other\n")  # again: replaced, not doubled
    assert drops.find(id).files == 2 and path.read_bytes() == b"other\n"


@pytest.mark.parametrize("name", ["../out.png", "a/../../b.png", "", "/", "a/" * 9 + "b.png", "./.."])
def test_no_name_leads_out_of_the_drop(drops, name):
    id = drops.begin("x")
    assert refused(lambda: take(drops, id, name, b"1")) == "bad-name"
    assert not list(drops.folder.rglob("*.png"))


def test_names_that_a_disk_refuses_become_harmless(drops):
    path = take(drops, drops.begin("x"), "a:b/CON.png", b"1")
    assert path.parent.name == "a-b" and path.name == "picture CON.png"


@pytest.mark.parametrize(
    ("size", "code"), [(3, "cut-off"), (9, "cut-off"), (-1, "too-much"), (10**13, "too-much")]
)
def test_a_file_of_another_length_leaves_nothing(drops, size, code):
    id = drops.begin("x")
    assert refused(lambda: take(drops, id, "a.png", b"12345", size)) == code
    assert drops.find(id).files == 0 and not list(drops.folder.rglob("*.partial"))


def test_a_full_disk_is_told_before_anything_is_written(drops, monkeypatch):
    id = drops.begin("x")

    def full(path, size):
        raise PersonError("disk-full", expected="room", got="none", fix="make room")

    monkeypatch.setattr(module, "require_space", full)
    assert refused(lambda: take(drops, id, "a.png", b"12345")) == "disk-full"


def test_a_drop_that_was_deleted_is_told_and_no_other_folder_can_be_named(drops):
    id = drops.begin("x")
    take(drops, id, "a.png", b"1")
    drops.delete(id)
    for name in (id, "..", "../..", ""):
        assert refused(lambda name=name: drops.find(name)) == "no-drop"
        assert refused(lambda name=name: drops.delete(name)) == "no-drop"
