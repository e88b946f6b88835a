"""Choosing the next character: sharpened, cut off, drawn; and what a text becomes by it.

The chances come from counted runs, the choice from the same code as in `glassworks generate`
(`blocks/sampling.py`). The first thing to change: `RUN`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from glassworks.api.writing import repeated
from glassworks.blocks.sampling import Sampling
from glassworks.blocks.sampling import chances as sampled
from glassworks.reader.draw import columns, note, table, text
from glassworks.reader.figure import Button, Slider
from glassworks.reader.figures import counted_book as book
from glassworks.reader.figures.measured import Measured

RUN, WRITTEN, TOP = 7, 180, 6


class HowBold(Measured):
    title = "How boldly it picks"
    says = (
        "At temperature 0 it takes the likeliest character every time, and goes in circles. At 1 it draws "
        "from all it believes possible, and stumbles over the unlikely. Cutting off the tail helps at 1."
    )
    controls = (
        Slider("temperature", "temperature", 0, 2, step=0.1, value=0.8),
        Slider("top_k", "top-k (0: all)", 0, 20, step=1, value=0),
        Slider("top_p", "top-p", 0.1, 1.0, step=0.05, value=1.0),
        Button("seed", "Write another"),
    )

    def runs(self, **_: Any) -> Sequence[str]:
        return ["counts"]

    def measure(self, run: str) -> bool:
        return bool(book.counts())

    def show(self, known: Mapping, temperature: float, top_k: int, top_p: float, seed: int) -> str:
        if not known:
            return note("The runs of characters are being counted.")
        how = Sampling(float(temperature), int(top_k), float(top_p))
        before = book.chances(book.PROMPT, RUN)
        after = sampled(before.log()[None], how)[0]
        best = before.topk(TOP)
        rows = [
            [book.named(book.tokenizer().decode([number])), f"{share:.1%}", f"{float(after[number]):.1%}"]
            for number, share in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        rest = float(after.sum() - after[best.indices].sum())
        rows.append(["all others", f"{1 - float(best.values.sum()):.1%}", f"{max(0.0, rest):.1%}"])
        counted = table([f"after “{book.PROMPT.strip()}␣”", "believed", "drawn with"], rows)
        wrote = book.written(RUN, how, int(seed), WRITTEN)
        circles = repeated(book.tokenizer().encode(wrote))
        left = text(f"{book.PROMPT}{wrote}") + note(
            f"{int((after > 0).sum())} characters may be drawn here. {circles:.0%} of the runs of 8 "
            "characters in this text stood in it before."
        )
        return columns(left, counted)
