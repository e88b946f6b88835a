"""What another patch costs: the layers grow with the tokens, the attention maps with their square.

A Transformer's block of width D multiplies 12 N D^2 times in its layers for N tokens and 2 N^2 D times for
its attention maps. Which of the two counts depends on N and D: the maps overtake the layers at N = 6 D.
Checked against the counter of the workbench (`insight/cost.py`), which counts the real model.
First thing to change: `PATCHES`.
"""

from glassworks.reader.draw import columns, heading, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

PATCHES = (32, 16, 8)
WIDTHS = {"192 (ViT-Ti)": 192, "384 (ViT-S)": 384, "768 (ViT-B)": 768, "1,024 (ViT-L)": 1024}
DEPTH_OF_HEAD = 64  # numbers a head, in all of these sizes
FROM, UP_TO = 16, 20_000  # tokens on the chart


def block_cost(tokens: int, width: int) -> tuple[int, int]:
    """Products of one block for one picture: (of its layers, of its attention maps)."""
    return 12 * tokens * width**2, 2 * tokens**2 * width


def tokens_of(side: int, patch: int) -> int:
    """Of a square picture, with a class token."""
    return 1 + (side // patch) ** 2


class PatchCost(Figure):
    title = "What half the patch costs"
    says = (
        "From patches of 16 to patches of 8, at 224 pixels, the attention maps of ViT-B cost 15.9 times as "
        "much, the layers 4.0 times, and the block as a whole 4.5 times."
    )
    controls = (
        Slider("side", "picture, pixels on a side", 224, 1024, step=32, value=224),
        Choose("width", "numbers a token", WIDTHS, "768 (ViT-B)"),
    )

    def draw(self, side: int, width: int) -> str:
        costs = {patch: block_cost(tokens_of(side, patch), width) for patch in PATCHES}
        base_layers, base_maps = costs[16]
        rows, times = [], []
        for patch, (layers, maps) in costs.items():
            tokens = tokens_of(side, patch)
            written = width // DEPTH_OF_HEAD * tokens**2 * 2 / 1e6
            rows.append([
                f"{patch} × {patch}", f"{tokens:,}", f"{layers / 1e6:,.1f}", f"{maps / 1e6:,.1f}",
                f"{maps / (layers + maps):.1%}", f"{written:,.1f}",
            ])  # fmt: skip
            times.append([
                f"{patch} × {patch}", f"{layers / base_layers:.2f}", f"{maps / base_maps:.2f}",
                f"{(layers + maps) / (base_layers + base_maps):.3f}",
            ])  # fmt: skip
        head = ["patch", "tokens", "layers", "maps", "share of maps", "maps, MB"]
        sums = heading("Products of one block, million") + table(head, rows)
        factors = heading("Times that of 16 × 16") + table(["patch", "layers", "maps", "block"], times)
        told = note(
            f"The maps overtake the layers at {6 * width:,} tokens. The last column is what the maps of all "
            "heads take in 16-bit numbers, if they are ever written down; a fused kernel keeps only a small "
            "piece of them at a time."
        )
        return columns(_chart(side, width), factors) + sums + told


def _chart(side: int, width: int) -> str:
    """Both parts over the number of tokens, with this picture's three patches as dots."""
    ends = [round(FROM * (UP_TO / FROM) ** (place / 24)) for place in range(25)]
    layers = [(tokens, block_cost(tokens, width)[0] / 1e6) for tokens in ends]
    maps = [(tokens, block_cost(tokens, width)[1] / 1e6) for tokens in ends]
    dots = {"layers": [], "attention maps": []}  # type: dict[str, list[tuple[float, float]]]
    for patch in PATCHES:
        tokens = tokens_of(side, patch)
        for name, cost in zip(dots, block_cost(tokens, width)):
            dots[name].append((tokens, cost / 1e6))
    marks = [(float(tokens_of(side, patch)), f"/{patch}") for patch in PATCHES]
    return line_chart(
        {"layers": layers, "attention maps": maps}, points=dots, across="tokens",
        up="products, million", logarithmic="xy", marks=marks, x=(FROM, UP_TO), width=360, height=260,
    )  # fmt: skip
