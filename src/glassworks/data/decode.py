"""Pictures, decoded safely: any file becomes a grey or colour picture, or a reason in one word.

The header is read first: a file that claims more pixels than the limit is refused before a byte of it is
unpacked, and only well-known formats are tried (never one that starts another program, such as PostScript).
What is unusual but good is put right: rotation written by a phone, palettes, print colours (CMYK), 16 bits,
transparency (laid on white), films (first frame). What is damaged raises `PersonError("damaged-picture")`.

Source: the Pillow handbook; JPEG's scaled decoding is described in libjpeg's documentation (`scale_denom`).
The first thing to change: `FORMATS`, to let another format in, or `DRAFT_ROOM`, sharpness against speed.
"""

import math
import struct
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage
from glassworks.data.damage import NoPicture, why_no_header

PIXEL_LIMIT = 50_000_000  # pixels a picture may have; the bombs of the wild start above 100 million
# A JPEG is unpacked at least this many times larger than wanted, then resized. 1 is a quarter faster than 2;
# its mean difference to a full decode is 1.08 instead of 0.84 of 255 (bilinear and bicubic differ by 1.56).
DRAFT_ROOM = 1
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000", "ICO", "MPO")
EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif", ".tiff",
              ".webp", ".avif", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".ico", ".tga")  # fmt: skip
ORIENTATION = 0x0112  # EXIF's tag: how the camera was held
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A broken note beside good pixels is no news; Pillow would print it without the file's name.
warnings.filterwarnings(
    "ignore", "Corrupt EXIF data|Tag data larger|Truncated File Read", UserWarning, r"PIL\."
)
Source = Path | np.ndarray | Callable[[], Any]
Fit = Literal["stretch", "crop", "pad"]
Resample = Literal["bilinear", "bicubic"]
RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_header_lock = threading.Lock()  # Pillow's own pixel limit is one global number; ours is checked instead


@dataclass(frozen=True)
class PictureFacts:
    """What a source was before it became grey or colour.

    format:        "JPEG", "PNG", …, or "array"
    mode:          Pillow's word for the pixels: "L", "RGB", "CMYK", "I;16", "P", …; a dtype for arrays
    width, height: pixels as a person sees the picture (after rotation)
    frames:        more than 1 for films, of which the first frame is used
    turned:        whether the camera's note about rotation was followed
    """

    format: str
    mode: str
    width: int
    height: int
    frames: int = 1
    turned: bool = False


def is_picture_name(path: str | Path) -> bool:
    """Whether the name ends like a picture's; the body is not looked at."""
    return Path(path).suffix.lower() in EXTENSIONS


def open_picture(source: Source, *, name: str = "", limit: int = PIXEL_LIMIT) -> Image.Image:
    """The decoded picture in mode "L" or "RGB", upright, first frame, transparency laid on white.

    name: how to call the source in an error, where it is no file. limit: pixels that are allowed.
    Raises PersonError("damaged-picture") with the name and the reason.
    """
    return open_with_facts(source, name=name, limit=limit)[0]


def open_with_facts(
    source: Source, *, name: str = "", limit: int = PIXEL_LIMIT
) -> tuple[Image.Image, PictureFacts]:
    """Like `open_picture`, with what the source was before; one decoding for both."""
    try:
        return _load(source, limit)
    except NoPicture as damaged:
        raise _as_error(source, name, damaged) from damaged


def damage_of(path: str | Path, *, limit: int = PIXEL_LIMIT) -> Damage | None:
    """None for a file that decodes to the end, otherwise the reason as a short stable word.

    Words: empty, text, web-page, truncated-header, truncated-body, zero-size, too-large, unreadable,
    no-permission, is-a-folder, missing.
    """
    try:
        _load(Path(path), limit)
    except NoPicture as damaged:
        return Damage(str(path), damaged.reason, damaged.detail)
    return None


def damage_from(source: Source, *, limit: int = PIXEL_LIMIT) -> tuple[Image.Image, PictureFacts] | Damage:
    """The picture and its facts, or its damage: for readers that go through many files and raise nothing."""
    try:
        return _load(source, limit)
    except NoPicture as damaged:
        return Damage(_name_of(source), damaged.reason, damaged.detail)


def picture_size(path: str | Path, *, limit: int = PIXEL_LIMIT) -> tuple[int, int]:
    """(width, height) as a person sees the picture, from the header alone: no pixel is unpacked."""
    try:
        with _opened(Path(path)) as file:
            image = _header(file, Path(path), limit)
            return _upright_size(image)
    except NoPicture as damaged:
        raise _as_error(Path(path), "", damaged) from damaged


def read_picture(
    source: Source,
    height: int,
    width: int,
    channels: int,
    fit: Fit = "stretch",
    *,
    resample: Resample = "bilinear",
    crop: float = 1.0,
    name: str = "",
    limit: int = PIXEL_LIMIT,
) -> np.ndarray:
    """A model's view of a picture: uint8 (height, width, channels), channels 1 (grey) or 3.

    fit: "stretch" to the size; "crop" the middle after scaling the short side; "pad" the rest with black.
    crop: share of the shorter side that fit="crop" keeps; the other two keep all. resample: as in Pillow.
    A picture of that size already keeps its pixels. Raises PersonError("damaged-picture").
    """
    if channels not in (1, 3) or height < 1 or width < 1 or fit not in ("stretch", "crop", "pad"):
        raise ValueError(f"no picture of {height} x {width} x {channels}, fit {fit!r}")
    if not 0 < crop <= 1 or resample not in RESAMPLING:
        raise ValueError(f"crop is a share above 0, resample bilinear or bicubic; got {crop}, {resample!r}")
    crop = crop if fit == "crop" else 1.0
    if crop == 1 and isinstance(source, np.ndarray) and source.dtype == np.uint8:
        plain = source[..., None] if source.ndim == 2 else source
        if plain.shape == (height, width, channels):
            return plain
    try:
        wanted = ("L" if channels == 1 else "RGB", math.ceil(width / crop), math.ceil(height / crop))
        image = _load(source, limit, wanted)[0]
    except NoPicture as damaged:
        raise _as_error(source, name, damaged) from damaged
    image = _fitted(image.convert(wanted[0]), width, height, fit, RESAMPLING[resample], crop)
    return np.asarray(image).reshape(height, width, channels)


# ---- from a source to an upright grey or colour picture


def _load(
    source: Any, limit: int, wanted: tuple[str, int, int] | None = None
) -> tuple[Image.Image, PictureFacts]:
    """wanted: (mode, width, height) of a smaller picture that a JPEG may be unpacked near to."""
    if isinstance(source, (str, Path)):
        with _opened(Path(source)) as file:
            image = _header(file, Path(source), limit)
            return _upright(image, wanted)
    if isinstance(source, np.ndarray):
        image = _from_array(source, limit)
        return image, PictureFacts("array", str(source.dtype), *image.size)
    if isinstance(source, Image.Image):
        _check_size(source.size, limit)
        return _upright(source, wanted)
    if callable(source):
        try:
            made = source()
        except (OSError, ValueError, SyntaxError) as error:  # as decoders say that bytes are broken
            raise NoPicture("unreadable", f"its source cannot make it: {error}") from error
        return _load(made, limit, wanted)
    raise TypeError(f"a picture comes from a path, an array or a function, not from {type(source).__name__}")


def _upright(image: Image.Image, wanted: tuple[str, int, int] | None) -> tuple[Image.Image, PictureFacts]:
    """Unpack the pixels, make them grey or colour, and turn them as the camera was held."""
    mode = image.mode
    if wanted is not None and hasattr(image, "draft"):
        across = wanted[1:] if _orientation(image, loaded=False) < 5 else wanted[:0:-1]
        colours = wanted[0] if mode in ("RGB", "L") else None
        image.draft(colours, (across[0] * DRAFT_ROOM, across[1] * DRAFT_ROOM))
    try:
        frames = getattr(image, "n_frames", 1)  # counting them reads the file
        image.load()
    except Exception as error:  # decoders raise almost anything on broken bytes; the reason is kept
        raise NoPicture("truncated-body", f"the pixels end early or are broken: {error}") from error
    turn = TURNS.get(_orientation(image, loaded=True))
    plain = _plain(image) if turn is None else _plain(image).transpose(turn)
    return plain, PictureFacts(image.format or "image", mode, *plain.size, frames, turn is not None)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    if image.format == "TIFF":  # newer Pillow has turned this size already, older has not: ask the file
        tags = image.tag_v2  # type: ignore[attr-defined]
        width, height = tags[TIFF_WIDTH], tags[TIFF_HEIGHT]
    return (height, width) if _orientation(image, loaded=False) >= 5 else (width, height)


def _plain(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as "L" or "RGB"."""
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return Image.fromarray(_deep_to_bytes(np.asarray(image)))
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        return _on_white(image)
    if mode in ("L", "RGB"):
        return image
    try:
        return image.convert("L" if mode == "1" else "RGB")
    except ValueError as error:
        raise NoPicture("unreadable", f"colours of kind {mode} are not supported") from error


def _on_white(image: Image.Image) -> Image.Image:
    grey = image.mode in ("L", "LA", "La", "1")
    clear = image.convert("RGBA")  # from "La" and "PA" there is no shorter way
    alpha = clear.getchannel("A")
    colours = clear.convert("RGB")
    if alpha.getextrema() != (255, 255):
        white = Image.new("RGB", image.size, "white")
        white.paste(colours, mask=alpha)
        colours = white
    return colours.convert("L") if grey else colours


def _deep_to_bytes(values: np.ndarray) -> np.ndarray:
    """Pixels of more than 8 bits as uint8: 16 bits by 257, so that 65,535 is 255; fractions 0 … 1 by 255.

    Values that fit neither (32-bit measurements) are stretched from their lowest to their highest.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise NoPicture("unreadable", "it holds values that are not numbers (NaN or infinity)")
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint16 or (values.dtype.kind in "iu" and low >= 0 and high <= 65535):
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return (values * 255 + 0.5).astype(np.uint8)
    if values.dtype.kind == "f" and low >= 0 and high <= 255:
        return (values + 0.5).astype(np.uint8)
    return ((values - low) * (255 / max(high - low, 1e-12)) + 0.5).astype(np.uint8)


def _from_array(array: np.ndarray, limit: int) -> Image.Image:
    """An array of (height, width), or with 1, 3 or 4 channels last, as a picture."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise NoPicture("unreadable", f"an array of shape {array.shape} is not (height, width[, 1, 3 or 4])")
    _check_size((array.shape[1], array.shape[0]), limit)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype != np.uint8 and array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8) if array.dtype != np.uint16 else _deep_to_bytes(array)
    elif array.dtype != np.uint8:
        if array.dtype.kind not in "iuf":
            raise NoPicture("unreadable", f"an array of {array.dtype} holds no pixels")
        array = _deep_to_bytes(array)
    return _plain(Image.fromarray(np.ascontiguousarray(array)))


def _orientation(image: Image.Image, *, loaded: bool) -> int:
    """EXIF's orientation, 1 … 8. A note that cannot be read is no reason to refuse good pixels."""
    if not loaded and image.format == "PNG" and "exif" not in image.info:
        return 1  # asking would unpack the whole file
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except (ValueError, SyntaxError, LookupError, TypeError, OSError, struct.error):
        return 1
    return value if value in TURNS else 1


def _fitted(
    image: Image.Image, width: int, height: int, fit: Fit, resample: Image.Resampling, crop: float
) -> Image.Image:
    if image.size == (width, height) and crop == 1:
        return image
    if fit == "stretch":
        return image.resize((width, height), resample, reducing_gap=2.0)
    if fit == "crop":
        box = _middle(image, width, height, crop)
        return image.resize((width, height), resample, box=box, reducing_gap=2.0)
    scale = min(width / image.width, height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new(image.mode, (width, height))
    smaller = image.resize(inner, resample, reducing_gap=2.0)
    canvas.paste(smaller, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


def _middle(image: Image.Image, width: int, height: int, crop: float) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the middle part with the wanted proportions, `crop` of the largest.

    Scaling to width / crop and cutting the middle out, in one step and to a fraction of a pixel. torchvision
    rounds both sizes on the way, which moves the picture by up to half a pixel.
    """
    scale = crop * min(image.width / width, image.height / height)
    left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
    return (max(left, 0.0), max(top, 0.0), min(left + width * scale, image.width),
            min(top + height * scale, image.height))  # fmt: skip


# ---- from a file to its header, or to the reason why there is none


def _opened(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise NoPicture("is-a-folder", "a folder stands where a picture was expected")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NoPicture("missing", "there is no such file") from error
    except PermissionError as error:
        raise NoPicture("no-permission", "this account may not read the file") from error
    except OSError as error:
        raise NoPicture("unreadable", f"the disk says: {error.strerror}") from error
    return file


def _header(file: BinaryIO, path: Path, limit: int) -> Image.Image:
    """Pillow's lazy image: size and mode are known, no pixel is unpacked yet."""
    Image.init()
    # Targa has no signature and would take other files for its own, so only a name that says so gets it.
    formats = [*FORMATS, *(["TGA"] if path.suffix.lower() == ".tga" else [])]
    try:
        with _header_lock:
            theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                image = Image.open(file, formats=[name for name in formats if name in Image.OPEN])
            finally:
                Image.MAX_IMAGE_PIXELS = theirs
    except Exception as error:  # decoders raise almost anything on broken bytes; the reason is found below
        raise why_no_header(file) from error
    _check_size(image.size, limit)
    return image


def _check_size(size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise NoPicture("zero-size", f"{width} x {height} pixels")
    if width * height > limit:
        raise NoPicture(
            "too-large",
            f"{width} x {height} pixels are {width * height / 1e6:.0f} million, over {limit / 1e6:g}",
        )


# ---- errors


def _name_of(source: Any) -> str:
    return str(source) if isinstance(source, (str, Path)) else "a picture"


def _as_error(source: Any, name: str, damaged: NoPicture) -> PersonError:
    return PersonError(
        "damaged-picture",
        expected="a picture that decodes to its end",
        got=f"{name or _name_of(source)}: {damaged.reason} ({damaged.detail})",
        fix="replace or remove the file, or leave damaged ones out with --bad skip",
    )
