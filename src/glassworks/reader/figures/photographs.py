"""The photographs of the first chapters: files that installed packages bring along, decoded once each.

Two come with scikit-learn (temple and flower, CC BY 2.0, danielbuechele and vultilion), the others with
scikit-image (public domain or CC0). What is not installed is not offered.
First thing to change: `FILES`, to add one.
"""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from glassworks.data.decode import open_picture

FILES = {
    "a cup of coffee": ("skimage", "data/coffee.png"),
    "a cat": ("skimage", "data/chelsea.png"),
    "a rocket": ("skimage", "data/rocket.jpg"),
    "a temple": ("sklearn", "datasets/images/china.jpg"),
    "a flower": ("sklearn", "datasets/images/flower.jpg"),
    "an astronaut": ("skimage", "data/astronaut.png"),
    "the inside of an eye": ("skimage", "data/retina.jpg"),
}
PLAIN = "plain grey"


@cache
def available() -> tuple[str, ...]:
    """Names of the photographs of this machine, and a plain grey square."""
    return (*(name for name in FILES if _path(name) is not None), PLAIN)


@cache
def photograph(name: str) -> np.ndarray:
    """The pixels, uint8 (height, width, 3). Raises KeyError for a name that is not `available`."""
    path = None if name == PLAIN else _path(name)
    if name != PLAIN and path is None:
        raise KeyError(name)
    pixels = (
        np.full((256, 256, 3), 128, np.uint8)
        if path is None
        else np.asarray(open_picture(path).convert("RGB"))
    )
    pixels.flags.writeable = False  # everybody gets the same array
    return pixels


def _path(name: str) -> Path | None:
    package, file = FILES[name]
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (path := Path(folder) / file).is_file():
            return path
    return None
