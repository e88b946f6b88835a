"""What a text costs as it grows: the matrices with its length, the maps with its square; and writing.

Multiply-adds of one block, as the installed system computes them. Reading is an encoder block. Writing is a
decoder block that says as many tokens as the source has, one after the other: with keys and values kept, or
with everything computed anew for each token.
The first thing to change: `LENGTHS`.
"""

from typing import Any

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider

LENGTHS = tuple(2**power for power in range(4, 15))
WIDTHS = {"512, the base model": 512, "64": 64, "1,024, the big one": 1024}


def reading(tokens: int, width: int) -> tuple[int, int]:
    """Multiply-adds of an encoder block: (its matrices, the two products with its maps)."""
    return 12 * tokens * width**2, 2 * tokens**2 * width


def writing(tokens: int, width: int, kept: bool) -> int:
    """Of a decoder block that writes `tokens` tokens beside a source of as many.

    A token asks itself and those before it (4 matrices), then the source (2 matrices; its keys and values
    are 2 more a source token, once for the whole answer or at every step), and goes through 8 in the MLP.
    """
    own = 4 * width**2 + 2 * width**2 + 8 * width**2 + 2 * tokens * width  # of one token, but for its map
    source = 2 * tokens * width**2
    if kept:
        maps = sum(2 * so_far * width for so_far in range(1, tokens + 1))
        return source + tokens * own + maps
    return sum(source + so_far * own + 2 * so_far**2 * width for so_far in range(1, tokens + 1))


class CostOfLength(Figure):
    title = "What length costs"
    says = (
        "The matrices cost so many products a token, however long the text. The maps cost more for every "
        "token the longer it is. They are half of the work where a text has six times as many tokens as a "
        "token has numbers."
    )
    controls = (
        Choose("what", "one block", {"reads": "reading", "writes, token by token": "writing"}),
        Choose("width", "numbers a token", WIDTHS),
        Slider("power", "tokens, as a power of 2", 4, 14, step=1, value=9),
    )

    def draw(self, what: str, width: int, power: int, **_: Any) -> str:
        tokens = 2 ** int(power)
        if what == "writing":
            return _writing(tokens, width)
        curves = {
            "matrices": [(n, reading(n, width)[0] / n / 1e6) for n in LENGTHS],
            "maps": [(n, reading(n, width)[1] / n / 1e6) for n in LENGTHS],
        }
        matrices, maps = reading(tokens, width)
        rows = [
            ["matrices, 12 n d²", readable(matrices)],
            ["maps, 2 n² d", readable(maps)],
            ["share of the maps", f"{100 * maps / (maps + matrices):.1f} %"],
            ["one map of one head holds", f"{tokens**2:,} weights"],
        ]
        told = f"Maps and matrices cost the same at 6 · {width:,} = {6 * width:,} tokens."
        marks = [(tokens, "here")]
        return _side_by_side(curves, marks, "products a token, million", tokens, rows) + note(told)


def _writing(tokens: int, width: int) -> str:
    curves = {
        "keys and values kept": [(n, writing(n, width, True) / n / 1e6) for n in LENGTHS if n <= 4096],
        "all anew": [(n, writing(n, width, False) / n / 1e6) for n in LENGTHS if n <= 4096],
    }
    kept, anew = writing(tokens, width, True), writing(tokens, width, False)
    rows = [
        ["keys and values kept", readable(kept)],
        ["all computed anew for each token", readable(anew)],
        ["so many times as much", f"{anew / kept:,.1f}"],
        ["numbers kept, of both attentions", f"{4 * tokens * width:,}"],
    ]
    shown = min(tokens, 4096)
    told = "Both say the same. What is kept takes memory: two vectors for each token, block and attention."
    return _side_by_side(curves, [(shown, "here")], "products a token, million", tokens, rows) + note(told)


def _side_by_side(curves: dict, marks: list, up: str, tokens: int, rows: list) -> str:
    chart = line_chart(
        curves, across="tokens", up=up, logarithmic="xy", marks=marks, width=380, height=240,
    )  # fmt: skip
    return columns(chart, table([f"{tokens:,} tokens", "products"], rows))


def readable(count: int) -> str:
    """Products as people read them."""
    for unit, name in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if count >= unit:
            return f"{count / unit:,.3g} {name}"
    return f"{count:,}"
