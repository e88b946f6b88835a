"""Every test of this floor has a cache of its own, and small folders of real-looking pictures at hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, away from the person's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GLASSWORKS_CACHE", str(folder))
    return folder


@pytest.fixture
def arrange(tmp_path: Path) -> Callable[..., Path]:
    """arrange("cats/a.png", "dogs/b.png", "notes.txt") writes these files below a folder and returns it.

    Names of pictures get a small picture, each different; names that end in / an empty folder.
    """

    def write(*names: str, root: str = "set") -> Path:
        folder = tmp_path / root
        folder.mkdir(exist_ok=True)
        for number, name in enumerate(names):
            path = folder / name
            if name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp"):
                pixels = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path)
            else:
                path.write_text("no picture", encoding="utf-8")
        return folder

    return write
