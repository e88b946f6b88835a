"""What a server knows of a model: a few functions and a card, and nothing of frameworks, files or runs.

An input arrives as bytes, is decoded, goes through an engine together with others, and each row that comes
out is put into words. What kinds of inputs there are is told by the doors (`doors.py`). Whoever wires a model
(eager torch, ONNX, int8) fills in the functions; the batcher and the server treat the rows as opaque, so a
change of engine changes nothing here.

The first thing to change: `words`, to answer something else than classes.
"""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from glassworks.core.errors import PersonError
from glassworks.data.damage import NoPicture, why_no_header
from glassworks.data.decode import FORMATS, PIXEL_LIMIT, Fit, Resample, open_picture, read_picture
from glassworks.deploy.doors import PICTURES, Door

PICTURE_SENT = "the picture that was sent"


@dataclass(frozen=True)
class Service:
    """A model as the server sees it.

    name:    how the model is called in answers and on the page
    about:   public facts for /about and the page: system, kind, classes, input, engine and why, figures
             {name: {"value", "low", "high", "n"}}; nothing in it may be secret
    decode:  bytes of one input -> what the engine takes, such as uint8 (height, width, channels);
             PersonError for what is none. It opens no file and follows no address
    engine:  what `join` makes of n of them -> n rows of any kind; runs in the one model thread
    words:   a row -> the answer as JSON: {"answers": [{"class", "probability"}, …] best first,
             optionally "unlike": true when the input is unlike the training data, and more}
    explain: bytes of one input -> more of its answer as JSON, such as {"overlay": data URI at the picture's
             size, "caption": str}; None: there is nothing to tell
    door:    how inputs come in: pictures, texts or series
    join:    n decoded inputs -> the batch; left out: pictures of one size, stacked
    """

    name: str
    about: dict[str, Any]
    decode: Callable[[bytes], Any]
    engine: Callable[[Any], Sequence[Any]]
    words: Callable[[Any], dict[str, Any]]
    explain: Callable[[bytes], dict[str, Any]] | None = None
    door: Door = PICTURES
    join: Callable[[list[Any]], Any] = np.stack


def pixels_from_bytes(
    body: bytes,
    height: int,
    width: int,
    channels: int,
    fit: Fit = "stretch",
    *,
    resample: Resample = "bilinear",
    crop: float = 1.0,
    limit: int = PIXEL_LIMIT,
) -> np.ndarray:
    """The bytes of a picture as a model's view of it: uint8 (height, width, channels).

    limit: pixels the picture may have. Raises PersonError("damaged-picture") with the reason.
    """
    with _told():
        return read_picture(
            lambda: _header(body, limit), height, width, channels, fit, resample=resample, crop=crop,
            name=PICTURE_SENT, limit=limit,
        )  # fmt: skip


def image_from_bytes(body: bytes, *, limit: int = PIXEL_LIMIT) -> Image.Image:
    """The bytes of a picture at its own size, "L" or "RGB", upright: what an overlay is laid on."""
    with _told():
        return open_picture(lambda: _header(body, limit), name=PICTURE_SENT, limit=limit)


def _header(body: bytes, limit: int) -> Image.Image:
    """Pillow's lazy image; its size is checked by the reader before a pixel is unpacked."""
    Image.init()
    file = io.BytesIO(body)
    try:
        return Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise NoPicture("too-large", f"it claims far more than {limit / 1e6:g} million pixels") from error
    except Exception as error:  # decoders raise almost anything on broken bytes; the reason is found below
        raise why_no_header(file) from error


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Whatever broken bytes make a decoder raise is the sender's damaged picture, never our failure."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        got = error.got if isinstance(error, PersonError) else f"{PICTURE_SENT}: unreadable"
        raise PersonError(
            "damaged-picture",
            expected="a picture that decodes to its end (JPEG, PNG, WebP, GIF, BMP, TIFF, …)",
            got=got,
            fix="send a file that opens in a picture viewer",
        ) from error
