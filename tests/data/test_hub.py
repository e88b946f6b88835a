"""The hub's door: columns found by kind, no code of a data set trusted, a missing package told."""

import io
import sys
import types
import typing

import pytest
from PIL import Image

from glassworks.core.errors import PersonError
from glassworks.data.doors import open_pictures
from glassworks.data.store import open_store


def test_the_hub_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(PersonError) as caught:
        open_pictures("hf:org/name")
    assert caught.value.code == "needs-hub" and caught.value.fix == "pip install 'glassworks[hub]'"


class ClassLabel:
    names = ("cat", "dog")


class Rows:
    """What the package datasets gives for one split, as far as it is used."""

    features: typing.ClassVar[dict] = {}
    _fingerprint = "abc"

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, key):
        if key == "animal":
            return [row % 2 for row in range(self.count)]
        if key == 4:
            return {"picture": {"bytes": b"<html>gone</html>", "path": None}}
        content = io.BytesIO()
        Image.new("L", (4, 4), key).save(content, "PNG")
        return {"picture": {"bytes": content.getvalue(), "path": None}}

    def cast_column(self, name, kind):
        assert name == "picture"
        return self


def test_the_hubs_picture_and_class_columns_are_found_and_no_code_is_trusted(monkeypatch):
    asked = {}

    class Image_:
        def __init__(self, decode=True):
            self.decode = decode

    Image_.__name__ = "Image"
    Rows.features = {"picture": Image_(), "animal": ClassLabel()}

    def load_dataset(name, **named):
        asked.update(named, name=name)
        return {"train": Rows(6), "validation": Rows(2)}

    monkeypatch.setitem(
        sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset, Image=Image_)
    )
    table = open_pictures("hf:org/animals")
    assert asked == {"name": "org/animals", "split": None}
    assert table.classes == ("cat", "dog") and table.parts == ("train",) * 6 + ("val",) * 2
    assert table.sources[3]().getpixel((0, 0)) == 3
    opened = open_store(table, height=4, width=4, channels=1, bad="skip")
    assert [(damage.name, damage.reason) for damage in opened.damaged] == [("train/000004", "web-page")]
    assert opened.pixels[:4, 0, 0, 0].tolist() == [0, 1, 2, 3]
