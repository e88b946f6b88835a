"""A photograph goes in, five names with shares come out: a trained classifier, asked anew at each move.

What is drawn is the very square that the model sees, so the reader can spoil it (dark, zoomed, cut) and look
at the answer. The line under the bars tells what the other 995 names share.
First thing to change: `SHOWN`, how many names are listed.
"""

import numpy as np

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.lite0 import classifier, or_how_to_get
from glassworks.reader.figures.photographs import available, photograph
from glassworks.reader.figures.shares import percent, share_bars

SHOWN = 5


class FiveNames(Figure):
    title = "A classifier at work"
    says = "A photograph goes in; five names come out, each with its share of the model's certainty."
    controls = (
        Choose("name", "photograph", {name: name for name in available()}),
        Slider("brightness", "brightness", 0, 200, step=5, value=100, unit="%"),
        Slider("zoom", "zoom", 1, 4, step=0.1, value=1, unit="×"),
        Slider("across", "window left or right", -100, 100, step=5, value=0),
    )

    @or_how_to_get
    def draw(self, name: str, brightness: float, zoom: float, across: float) -> str:
        lite = classifier()
        window = lite.view(photograph(name), zoom=zoom, across=across / 100)
        seen = np.clip(window * (brightness / 100) + 0.5, 0, 255).astype(np.uint8)
        rows = lite.top(lite.shares(lite.prepared(seen)), SHOWN)
        listed = min(1.0, sum(share for _, share in rows))
        words = (
            f"These {SHOWN} names share {percent(listed)}. "
            f"The other {len(lite.names) - SHOWN:,} names share {percent(1 - listed)}."
        )
        return draw.columns(
            draw.picture(seen, f"what the model sees of {name}: 224 × 224 pixels", width=224),
            share_bars(rows, f"what the model says to {name}") + draw.note(words),
        )
