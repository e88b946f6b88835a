"""What hiding saves: products of the encoder and of the whole masked autoencoder, by the share hidden.

Counted for the published shapes, for one picture of 224 x 224 pixels. All patches are embedded before any is
hidden, and the decoder always sees all places; so the whole saves less than the encoder. Beside the count
stands what the lab measured with a clock. Checked against the counter of the workbench (`insight/cost.py`).
First thing to change: `SHARES`, the points of the chart.
"""

from functools import cache
from typing import NamedTuple

from glassworks import labs
from glassworks.models.vision.mae import VARIANTS, MAEConfig, kept
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider
from glassworks.reader.figures.patch_cost import block_cost

SHARES = range(0, 100, 5)  # per cent
NAMES = {"ViT-B/16": "b16", "ViT-L/16": "l16", "ViT-S/16": "s16", "ViT-Ti/16": "ti16"}
LAB = "mae-gain"


class Work(NamedTuple):
    """Products for one picture. encoder: embedding and blocks; decoder: all behind it, to the pixels."""

    encoder: int
    decoder: int

    @property
    def whole(self) -> int:
        return self.encoder + self.decoder


@cache
def shape_of(name: str) -> MAEConfig:
    return MAEConfig(**VARIANTS[name])


def work(name: str, hidden: float) -> Work:
    """What a forward pass of a variant multiplies; hidden 0 is an encoder that sees all patches."""
    shape = shape_of(name)
    every = shape.prefix + shape.tokens
    seen = shape.prefix + (kept(shape.tokens, hidden) if hidden else shape.tokens)
    small = shape.decoder
    encoder = shape.tokens * shape.numbers * shape.dimension  # each patch is embedded, hidden or not
    encoder += shape.depth * sum(block_cost(seen, shape.dimension))
    decoder = seen * shape.dimension * small.dimension
    decoder += small.depth * sum(block_cost(every, small.dimension))
    decoder += shape.tokens * small.dimension * shape.numbers
    return Work(encoder, decoder)


class WorkSaved(Figure):
    title = "What hiding saves"
    says = (
        "With three quarters hidden the encoder of ViT-B/16 has 4.0 times less to compute. The decoder still "
        "works on all places, so the whole has 2.4 times less."
    )
    controls = (
        Slider("hidden", "hidden, %", 5, 95, step=5, value=75),
        Choose("name", "encoder", NAMES),
    )

    def draw(self, hidden: int, name: str) -> str:
        shape, every, now = shape_of(name), work(name, 0), work(name, hidden / 100)
        left = kept(shape.tokens, hidden / 100)
        rows = [
            ["tokens in the encoder", f"{shape.prefix + shape.tokens}", f"{shape.prefix + left}", ""],
            *(
                [part, f"{before / 1e6:,.0f}", f"{after / 1e6:,.0f}", f"{before / after:.2f}"]
                for part, before, after in zip(("encoder", "decoder"), every, now)
            ),
            [
                "whole",
                f"{every.whole / 1e6:,.0f}",
                f"{now.whole / 1e6:,.0f}",
                f"{every.whole / now.whole:.2f}",
            ],
        ]
        head = ["million products, one picture", "none hidden", f"{hidden} % hidden", "times less"]
        curves = {"encoder": [], "whole, with decoder": []}  # type: dict[str, list[tuple[float, float]]]
        for share in SHARES:
            then = work(name, share / 100)
            curves["encoder"].append((share, every.encoder / then.encoder))
            curves["whole, with decoder"].append((share, every.whole / then.whole))
        chart = line_chart(
            curves, points=_measured(name), across="hidden, %", up="times less", logarithmic="y",
            marks=[(float(hidden), f"{hidden} %")], x=(0, 100), width=340, height=240,
        )  # fmt: skip
        return columns(chart, table(head, rows) + note(_told(name)))


def _measured(name: str) -> dict[str, list[tuple[float, float]]]:
    """What the lab's clock said of this encoder, for the same two parts."""
    result = labs.recorded(LAB)
    if result is None or name != "ti16":
        return {}
    found: dict[str, list[tuple[float, float]]] = {"encoder": [], "whole, with decoder": []}
    for key, values in result.numbers.items():
        if key.startswith("faster at "):
            share, part = float(key.split()[2]), key.rsplit(": ", 1)[1]
            found["encoder" if part == "encoder" else "whole, with decoder"].append((share, values[0]))
    return found


def _told(name: str) -> str:
    if name == "ti16":
        return "The dots are measured: the lab's clock, forward and backward, on one thread."
    return "Counted, not measured. Choose ViT-Ti/16 to see the lab's clock beside the count."
