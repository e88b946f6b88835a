"""Pictures without labels: any arrangement is taken, labels are left aside, parts are kept."""

import numpy as np
import pytest
from PIL import Image

from glassworks.core.errors import PersonError
from glassworks.data.unlabelled import open_unlabelled


@pytest.fixture
def arrange(tmp_path):
    def make(*names):
        for number, name in enumerate(names):
            path = tmp_path / "bilder ü" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(".png"):
                Image.fromarray(np.full((4, 4), number * 9, np.uint8)).save(path)
            else:
                path.write_text("words", encoding="utf-8")
        return tmp_path / "bilder ü"

    return make


@pytest.mark.parametrize(
    "names",
    [("1.png", "2.png"), ("cat/1.png", "2.png"), ("one/1.png", "one/2.png"), ("a/1.png", "b/x/2.png")],
)  # fmt: skip
def test_any_arrangement_of_pictures_is_taken(arrange, names):
    table = open_unlabelled(arrange(*names, "readme.txt"))
    assert table.kind == "none" and len(table.targets) == 0 and table.classes == ()
    assert len(table) == 2


def test_labels_are_left_aside_said_and_still_divide(arrange):
    table = open_unlabelled(arrange("cat/1.png", "dog/2.png"))
    assert any("classes are left aside" in note for note in table.notes)
    assert table.labelled is not None and table.labelled.classes == ("cat", "dog")
    some = table.select([1])
    assert some.names == ("dog/2.png",) and some.labelled is not None and len(some.labelled) == 1


def test_top_folders_that_name_parts_are_parts(arrange):
    table = open_unlabelled(arrange("train/1.png", "train/2.png", "test/3.png"))
    assert dict(zip(table.names, table.parts)) == {
        "train/1.png": "train",
        "train/2.png": "train",
        "test/3.png": "test",
    }


def test_what_holds_no_picture_is_refused(arrange, tmp_path):
    for path, code in ((tmp_path / "nowhere", "no-such-path"), (arrange("notes.txt"), "empty-folder")):
        with pytest.raises(PersonError) as told:
            open_unlabelled(path)
        assert told.value.code == code
