"""One look at every picture: decoded once, and what the doctor needs of it is kept in about 3 KB.

The pixels themselves are dropped at once, so a folder of any size fits in memory. Files may be looked at in
several processes, which are started fresh (spawn) on every system; arrays and functions stay in this one.

The first thing to change: `CHUNK`, files handed to a process at a time.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from glassworks.core.rows import Damage
from glassworks.data.decode import PIXEL_LIMIT, PictureFacts, Source, damage_from
from glassworks.data.duplicates import pixel_hash, thumbnail

CHUNK = 16
ENDINGS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "MPO": ("jpg", "jpeg", "mpo"),
    "PNG": ("png", "apng"),
    "TIFF": ("tif", "tiff"),
    "PPM": ("ppm", "pgm", "pbm", "pnm"),
    "JPEG2000": ("jp2", "j2k"),
    "BMP": ("bmp", "dib"),
    "DIB": ("bmp", "dib"),
}


@dataclass(frozen=True)
class Look:
    """What one picture is.

    facts:    format, mode, size in pixels, frames
    grey:     one channel, or three that are equal everywhere
    constant: every pixel has the same value
    hash:     equal for equal pixels (see `duplicates.pixel_hash`)
    small:    grey thumbnail, uint8 (SIDE, SIDE)
    unusual:  what was put right in decoding ("CMYK", "16-bit", "palette", …); empty for most
    """

    facts: PictureFacts
    grey: bool
    constant: bool
    hash: bytes
    small: np.ndarray
    unusual: tuple[str, ...]


def scan(sources: Sequence[Source], *, workers: int = 0, limit: int = PIXEL_LIMIT) -> list[Look | Damage]:
    """A look at each source, or its damage, in the order of the sources.

    workers: processes for the files among the sources; 0 looks in this process.
    """
    files = [row for row, source in enumerate(sources) if isinstance(source, Path)]
    if workers < 1 or len(files) < 2 * CHUNK:
        return [look_at(source, limit) for source in sources]
    looks: dict[int, Look | Damage] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        seen = pool.map(look_at, [sources[row] for row in files], [limit] * len(files), chunksize=CHUNK)
        looks.update(zip(files, seen))
    return [looks[row] if row in looks else look_at(source, limit) for row, source in enumerate(sources)]


def look_at(source: Source, limit: int = PIXEL_LIMIT) -> Look | Damage:
    """Decode one source and keep what the doctor needs."""
    found = damage_from(source, limit=limit)
    if isinstance(found, Damage):
        return found
    image, facts = found
    lowest, highest = np.reshape(image.getextrema(), (-1, 2)).T
    grey = is_grey(image)
    plain = image.getchannel(0) if grey and image.mode == "RGB" else image
    return Look(
        facts,
        grey,
        bool((lowest == highest).all()),
        pixel_hash(plain),
        thumbnail(plain),
        _unusual(source, facts),
    )


def is_grey(image: Image.Image) -> bool:
    """Whether a picture in mode "L" or "RGB" has no colour in any pixel."""
    if image.mode == "L":
        return True
    few = np.asarray(image.resize((8, 8), Image.Resampling.NEAREST))
    if (few.min(axis=2) != few.max(axis=2)).any():  # most colour pictures show it in any 64 pixels
        return False
    red, green, blue = (channel.tobytes() for channel in image.split())
    return red == green == blue


def _unusual(source: Source, facts: PictureFacts) -> tuple[str, ...]:
    found = []
    if facts.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        found.append(facts.mode)
    if facts.mode.startswith("I") or facts.mode == "F":
        found.append("more than 8 bits")
    if facts.mode in ("P", "PA") and facts.format != "GIF":
        found.append("palette")
    if facts.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        found.append("transparency")
    if facts.mode == "1":
        found.append("black and white only")
    if facts.frames > 1 and facts.format != "MPO":
        found.append("several frames")
    if facts.turned:
        found.append("turned by its EXIF note")
    ending = source.suffix.lower().lstrip(".") if isinstance(source, Path) else ""
    if ending and ending not in ENDINGS.get(facts.format, (facts.format.lower(),)):
        found.append(f"{facts.format} named .{ending}")
    return tuple(found)
