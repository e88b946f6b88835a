"""Who may see whom in the three attentions of a Transformer, and a row in which nobody is left to be seen.

Queries and keys are random numbers of spread 1; the weights are those of the installed `attend`, with the
masks that the system uses. Hidden behind minus infinity, a row without keys is 0 divided by 0; behind a
large finite number it is an average that means nothing, and stays a number.
The first thing to change: `SOURCE` and `SAID`.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.attention import Maps, attend
from glassworks.core.keyed import generator
from glassworks.models.sequence.transformer import hidden_after
from glassworks.reader.draw import columns, note, number_grid, text
from glassworks.reader.figure import Choose, Figure, Slider

SOURCE = ("the", "dog", "is", "sleeping", "end")
SAID = ("start", "der", "Hund", "schläft")
DEPTH = 4
WHICH = {
    "the source looks at itself": "encoder",
    "the answer looks at itself": "decoder",
    "the answer looks at the source": "cross",
}
HOW = {"-10,000, as here": "finite", "minus infinity": "infinite", "nothing": "nothing"}


def comparing(which: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who asks, and who is asked."""
    return (SOURCE if which == "encoder" else SAID), (SAID if which == "decoder" else SOURCE)


@lru_cache(maxsize=64)
def weights(which: str, length: int, how: str) -> np.ndarray:
    """(who asks, who is asked): the weights of one head; not a number where a row has nothing to see."""
    asking, asked = comparing(which)
    dice = generator("three masks", which)
    query, key = (
        torch.from_numpy(dice.standard_normal((1, 1, len(words), DEPTH))).float() for words in (asking, asked)
    )
    seen: list[Tensor] = []
    maps = Maps()
    handle = maps.register_forward_hook(lambda module, given, out: seen.append(out))
    with torch.no_grad():
        causal = which == "decoder" and how != "nothing"
        attend(query, key, key, bias=_bias(which, length, how, key), causal=causal, maps=maps)
    handle.remove()
    return seen[0][0, 0].numpy()


def _bias(which: str, length: int, how: str, like: Tensor) -> Tensor | None:
    """What is added to the comparisons with the source: nothing, or one of the two ways to hide."""
    if which == "decoder" or how == "nothing":
        return None
    bias = hidden_after(torch.tensor([length]), len(SOURCE), like)
    assert bias is not None
    return bias if how == "finite" else bias.masked_fill(bias < 0, float("-inf"))


class ThreeMasks(Figure):
    title = "Three attentions and what they hide"
    says = (
        "The source sees all of itself but its filling. The answer sees itself up to here, and the source "
        "but for the filling. A row in which everything is hidden has no answer."
    )
    controls = (
        Choose("which", "attention", WHICH, value="the answer looks at the source"),
        Slider("length", "words of the source that are no filling", 0, len(SOURCE), step=1, value=3),
        Choose("how", "hidden by", HOW),
    )

    def draw(self, which: str, length: int, how: str, **_: Any) -> str:
        asking, asked = comparing(which)
        found = weights(which, int(length), how)
        names = [word if which == "decoder" or n < length else "filling" for n, word in enumerate(asked)]
        rows = [word if which != "encoder" or n < length else "filling" for n, word in enumerate(asking)]
        title = f"columns, who is asked: {', '.join(names)}. Rows, who asks: {', '.join(rows)}"
        if not np.isfinite(found).all():
            return text(
                "Every key is hidden, each weight is 0 divided by 0, and what comes out is not a number. "
                "From "
                "here it spreads through the whole batch.", "bad",
            )  # fmt: skip
        return columns(number_grid(found, title=title, most=1.0), _told(which, int(length), how, found))


def _told(which: str, length: int, how: str, found: np.ndarray) -> str:
    told = note(f"Each row sums to 1: the first to {found[0].sum():.2f}, the last to {found[-1].sum():.2f}.")
    if how == "nothing":
        return text("Nothing is hidden: filling and future take part.", "bad") + told
    if which == "decoder":
        told += note("The slider has no say here. An answer's filling stands at its end, where nobody looks.")
        return text("No word sees a later one. The first sees itself alone.", "good") + told
    if length == 0:
        return text(
            "Every key is hidden by the same number, and softmax does not mind what is added to all of them. "
            "The weights are as if nothing were hidden. They mean nothing, but they are numbers.", "warn",
        ) + told  # fmt: skip
    return text(f"The weight of the filling is {found[:, length:].sum():g} in every row.", "good") + told
