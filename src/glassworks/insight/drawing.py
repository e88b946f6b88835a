"""Heat on pictures: from a small map of numbers to something a person can read at full size.

A model saw a smaller picture, perhaps only its middle, perhaps with black bars. `place` takes the heat back
to where it belongs in the photograph; what the model never saw stays without heat and is dimmed. The colours
grow evenly brighter, so that twice the heat does not look like ten times as much.

Source: the anchors follow the map "inferno" (S. van der Walt, N. Smith 2015, dedicated to the public domain).
First thing to change: `STRENGTH` and `GREY`: how much of the photograph shows through.

Axes: height, width of the full picture; h, w of the heat.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from glassworks.core.rows import PictureInput

ANCHORS = ((0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21),
           (250, 193, 39), (252, 255, 164))  # fmt: skip
STRENGTH = 0.72  # how far the colour covers the photograph where the heat is 1
ROWS = 256  # of a picture that are drawn at a time
GREY = 0.6  # how far the photograph loses its own colours, so that those of the heat stand out
UNSEEN = 0.35  # brightness of what the model did not see
LEVELS = 256
LINE, FRAME = (235, 235, 235), (90, 220, 255)  # colours that the heat does not have
_STOPS = np.linspace(0, 1, len(ANCHORS))
PALETTE = np.stack(
    [np.interp(np.linspace(0, 1, LEVELS), _STOPS, channel) for channel in zip(*ANCHORS)], axis=1
)  # (levels, 3), 0 … 255


def colour(heat: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """Heat 0 … 1 in colours, from black over violet and orange to light yellow; NaN is black."""
    return PALETTE.round().astype(np.uint8)[_levels(heat)]


def unit(heat: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Heat cut below zero and divided by its largest value; all 0 where nothing is above zero."""
    warm = np.maximum(heat, 0)
    largest = float(np.nanmax(warm, initial=0))
    return warm / largest if largest > 0 else warm


def seen_box(how: PictureInput, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The part of a picture that the model saw: left, top, right, bottom in pixels. size: height, width."""
    height, width = size
    if how.fit != "crop":
        return 0.0, 0.0, float(width), float(height)
    scale = min(width / how.width, height / how.height) * how.crop
    across, down = how.width * scale, how.height * scale
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down


def place(
    heat: Float[np.ndarray, "h w"], how: PictureInput, size: tuple[int, int]
) -> Float[np.ndarray, "height width"]:
    """Heat at the model's size, moved to its place in the full picture; NaN where the model saw nothing.

    size: (height, width) of the full picture.
    """
    height, width = size
    if how.fit == "pad":
        scale = min(how.width / width, how.height / height)
        inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (how.width - inner_width) // 2, (how.height - inner_height) // 2
        return _resized(heat[top : top + inner_height, left : left + inner_width], height, width)
    left, top, right, bottom = (round(edge) for edge in seen_box(how, size))
    full = np.full((height, width), np.nan, dtype=np.float32)
    full[top:bottom, left:right] = _resized(heat, bottom - top, right - left)
    return full


def overlay(
    picture: UInt8[np.ndarray, "height width planes"], heat: Float[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with heat 0 … 1 on it; where the heat is 0 only the picture shows, where NaN it is dimmed.

    picture: (height, width, 1 or 3). Heat of another size is stretched over the whole picture, smoothly.
    """
    height, width = picture.shape[:2]
    if heat.shape != (height, width):
        heat = _resized(heat, height, width)
    drawn = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, ROWS):  # a photograph of a phone would need a gigabyte at once
        rows = slice(top, top + ROWS)
        drawn[rows] = _covered(picture[rows], heat[rows])
    return drawn


def _covered(
    picture: UInt8[np.ndarray, "rows width planes"], heat: Float[np.ndarray, "rows width"]
) -> UInt8[np.ndarray, "rows width 3"]:
    """Some rows of an overlay."""
    grey = picture @ np.array([0.299, 0.587, 0.114]) if picture.shape[2] == 3 else picture[..., 0]
    calm = picture * (1 - GREY) + grey[..., None] * GREY if picture.shape[2] == 3 else grey[..., None]
    levels = _levels(heat)
    cover = (np.linspace(0, 1, LEVELS) ** 1.3 * STRENGTH)[levels][..., None]
    mixed = calm * (1 - cover) + PALETTE[levels] * cover
    mixed = np.where(np.isnan(heat)[..., None], calm * UNSEEN, mixed)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def ruled(
    picture: UInt8[np.ndarray, "height width 3"],
    how: PictureInput,
    rows: Sequence[float],
    columns: Sequence[float],
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with thin light lines across it. rows, columns: where, in pixels of what the model saw."""
    drawn, thick = picture.copy(), _thickness(picture)
    top, left, bottom, right = (round(edge) for edge in _in_full((0, 0, how.height, how.width), how, picture))
    for row in rows:
        start = round(_in_full((row, 0, row, 0), how, picture)[0]) - thick // 2
        drawn[max(0, start) : start + thick, max(0, left) : right] = LINE
    for column in columns:
        start = round(_in_full((0, column, 0, column), how, picture)[1]) - thick // 2
        drawn[max(0, top) : bottom, max(0, start) : start + thick] = LINE
    return drawn


def marked(
    picture: UInt8[np.ndarray, "height width 3"],
    how: PictureInput,
    box: tuple[float, float, float, float],
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with a frame. box: top, left, bottom, right, in pixels of what the model saw."""
    drawn, thick = picture.copy(), 2 * _thickness(picture)
    top, left, bottom, right = (max(0, round(edge)) for edge in _in_full(box, how, picture))
    for rows, columns in (
        (slice(top, top + thick), slice(left, right)),
        (slice(max(top, bottom - thick), bottom), slice(left, right)),
        (slice(top, bottom), slice(left, left + thick)),
        (slice(top, bottom), slice(max(left, right - thick), right)),
    ):
        drawn[rows, columns] = FRAME
    return drawn


def _thickness(picture: np.ndarray) -> int:
    return max(1, min(picture.shape[:2]) // 250)


def _in_full(
    box: tuple[float, float, float, float], how: PictureInput, picture: np.ndarray
) -> tuple[float, float, float, float]:
    """Top, left, bottom, right of what the model saw, in pixels of the full picture."""
    height, width = picture.shape[:2]
    if how.fit == "pad":  # the picture inside black bars
        scale = min(how.width / width, how.height / height)
        bars = (how.height - round(height * scale)) // 2, (how.width - round(width * scale)) // 2
        across, down, start_x, start_y = 1 / scale, 1 / scale, -bars[1] / scale, -bars[0] / scale
    else:
        start_x, start_y, end_x, end_y = seen_box(how, (height, width))
        across, down = (end_x - start_x) / how.width, (end_y - start_y) / how.height
    top, left, bottom, right = box
    return start_y + top * down, start_x + left * across, start_y + bottom * down, start_x + right * across


def tiles(
    pictures: Sequence[np.ndarray], columns: int = 8, *, side: int = 48, gap: int = 2
) -> UInt8[np.ndarray, "height width planes"]:
    """Small pictures side by side on one sheet, row after row, each enlarged to at least `side` pixels.

    pictures: uint8 (h, w, 1 or 3), or float (h, w), which are drawn as heat, each by its own largest value.
    All of one size; pixels stay squares. The space between them is dark grey.
    """
    if not pictures:
        raise ValueError("a sheet needs at least one picture")
    drawn = [colour(unit(p)) if p.dtype.kind == "f" else p for p in pictures]
    planes = max(p.shape[2] for p in drawn)
    times = max(1, -(-side // min(drawn[0].shape[:2])))
    drawn = [np.broadcast_to(p, (*p.shape[:2], planes)).repeat(times, 0).repeat(times, 1) for p in drawn]
    height, width = drawn[0].shape[:2]
    columns = min(columns, len(drawn))
    rows = -(-len(drawn) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, planes), 40, dtype=np.uint8)
    for number, picture in enumerate(drawn):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _levels(heat: np.ndarray) -> np.ndarray:
    """Heat 0 … 1 as whole numbers 0 … 255; NaN is 0."""
    return np.rint(np.nan_to_num(np.clip(heat, 0, 1)) * (LEVELS - 1)).astype(np.intp)


def _resized(heat: np.ndarray, height: int, width: int) -> np.ndarray:
    """Smoothly to another size; bicubic curves may overshoot, so the range is kept."""
    small = Image.fromarray(np.ascontiguousarray(heat, dtype=np.float32))
    large = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    return large.clip(float(heat.min()), float(heat.max()))
