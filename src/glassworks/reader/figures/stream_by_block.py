"""How large the numbers of a token are after each block of an encoder, with norms before and after.

Before any learning: the installed encoder with a random start reads twelve random tokens. With pre-norm every
block adds to a sum that nothing scales; with post-norm every block brings the sum back to size 1.
The first thing to change: `WIDTH`.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from glassworks.blocks.encoder_block import BlockConfig
from glassworks.core.keyed import seed_for
from glassworks.models.sequence.transformer import PAPER, Places, TransformerEncoder
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Button, Choose, Figure

WIDTH, TOKENS = 64, 12
HERE: dict[str, Any] = {"heads": 4, "dropout": 0.0}
DEPTHS = {str(depth): depth for depth in (2, 6, 12, 24)}
NORMS = ("pre", "post")


class Stream(NamedTuple):
    """sizes: root mean square of a token's numbers before the first block and after each;
    kept: cosine of what goes into the first block and what leaves the last."""

    sizes: tuple[float, ...]
    kept: float


@lru_cache(maxsize=64)
def stream(norm: str, depth: int, seed: int) -> Stream:
    """One pass through a random encoder; some milliseconds."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed_for(seed, "stream by block", depth))
        encoder = TransformerEncoder(WIDTH, depth, BlockConfig(**PAPER | HERE | {"norm": norm})).eval()
        for module in encoder.modules():
            if isinstance(module, nn.Linear):  # as `build` starts a whole Transformer
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        vectors = torch.randn(1, TOKENS, WIDTH) * WIDTH**-0.5
        tokens = first = Places(TOKENS, WIDTH)(vectors)  # (1, TOKENS, WIDTH)
        sizes = [float(tokens.square().mean().sqrt())]
        for one in encoder.blocks:
            tokens = one(tokens)
            sizes.append(float(tokens.square().mean().sqrt()))
    return Stream(tuple(sizes), float(F.cosine_similarity(first, tokens, dim=-1).mean()))


class StreamByBlock(Figure):
    title = "The residual stream, block by block"
    says = (
        "With pre-norm the numbers of a token grow over the blocks, and much of what went in is still "
        "there at the end. With post-norm every block brings them back to size 1, and what went in is "
        "soon scaled away."
    )
    controls = (
        Choose("depth", "blocks", DEPTHS, value="12"),
        Button("again", "other random weights"),
    )

    def draw(self, depth: int, again: int, **_: Any) -> str:
        found = {f"{norm}-norm": stream(norm, depth, again) for norm in NORMS}
        chart = line_chart(
            {name: list(enumerate(one.sizes)) for name, one in found.items()},
            across="blocks so far", up="size of a token's numbers", x=(0, depth),
            y=(0, 1.05 * max(max(one.sizes) for one in found.values())), width=400, height=230,
        )  # fmt: skip
        rows = [
            [name, f"{one.sizes[0]:.2f}", f"{one.sizes[-1]:.2f}", f"{one.kept:.2f}"]
            for name, one in found.items()
        ]
        head = [f"{depth} blocks", "size at first", "at the end", "kept"]
        told = (
            "Size: root mean square. Kept: cosine of a token's vector at the beginning and at the end, 1 if "
            "only its length changed. Nothing has been learned yet."
        )
        return columns(chart, table(head, rows)) + note(told)
