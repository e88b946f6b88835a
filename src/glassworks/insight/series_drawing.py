"""A series as a small picture: a line for each channel over time, for reports that show examples.

Channels share one scale, cut at the middle 99 % so that a single spike does not flatten the rest. Where heat
is given, the ground is as dark as the moment matters.

The first thing to change: `HEIGHT` and `WIDTH`.

Axes: length = time steps; channels; h, w = pixels of the picture.
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

HEIGHT, WIDTH = 200, 320
FINER = 2  # drawn larger and made smaller, so that lines are smooth
GROUND, AXIS, WARM = (251, 250, 247), (214, 217, 221), (250, 186, 110)
# Dark enough on light ground, and apart also for people who do not tell red from green.
PENS = ((11, 110, 127), (190, 85, 20), (92, 60, 150), (60, 125, 60), (170, 45, 90), (110, 110, 110))


def picture_of(
    values: Float[np.ndarray, "length channels"], heat: Float[np.ndarray, "length"] | None = None
) -> UInt8[np.ndarray, "h w 3"]:
    """values: NaN where missing, which leaves a gap; heat: 0 … 1 for each step"""
    high, wide = HEIGHT * FINER, WIDTH * FINER
    image = Image.new("RGB", (wide, high), GROUND)
    draw = ImageDraw.Draw(image)
    if heat is not None:
        _ground(draw, np.asarray(heat), wide, high)
    finite = values[np.isfinite(values)]
    low, top = np.percentile(finite, [0.5, 99.5]) if len(finite) else (0.0, 1.0)
    top = top if top > low else low + 1.0
    margin = 0.06 * high
    if low < 0 < top:
        level = margin + (top - 0) / (top - low) * (high - 2 * margin)
        draw.line([(0, level), (wide, level)], fill=AXIS, width=FINER)
    across = (np.arange(len(values)) + 0.5) / len(values) * wide
    down = margin + (top - np.clip(values, low, top)) / (top - low) * (high - 2 * margin)
    for channel in range(values.shape[1]):
        _line(draw, across, down[:, channel], PENS[channel % len(PENS)])
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def _line(draw: ImageDraw.ImageDraw, across: np.ndarray, down: np.ndarray, pen: tuple[int, int, int]) -> None:
    """One channel; a missing value ends a piece of the line, and a lone value is a dot."""
    ends = np.flatnonzero(~np.isfinite(down))
    for piece in np.split(np.arange(len(down)), ends):
        piece = piece[np.isfinite(down[piece])]
        points = [(float(across[step]), float(down[step])) for step in piece]
        if len(points) > 1:
            draw.line(points, fill=pen, width=2 * FINER, joint="curve")
        elif points:
            x, y = points[0]
            draw.ellipse([x - 2 * FINER, y - 2 * FINER, x + 2 * FINER, y + 2 * FINER], fill=pen)


def _ground(draw: ImageDraw.ImageDraw, heat: np.ndarray, wide: int, high: int) -> None:
    """A column for each step, from the ground's colour to the warm one."""
    ground, warm = np.array(GROUND, float), np.array(WARM, float)
    colours = ground + (warm - ground) * np.clip(heat, 0, 1)[:, None]  # (length, 3)
    edges = np.round(np.arange(len(heat) + 1) / len(heat) * wide).astype(int)
    for step, shade in enumerate(colours):
        draw.rectangle(
            [edges[step], 0, max(edges[step], edges[step + 1] - 1), high], fill=tuple(map(int, shade))
        )
