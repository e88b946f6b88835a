"""BERT's rule for hiding words, on one sentence and counted over many: the task that the library trains on.

Words are chosen with a chance of 15 percent; each chosen one is hidden, replaced or left, and what stood
there is asked. The counts over many tokens come near the shares of the rule and never stay on them.
The first thing to change: `SENTENCE`.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from glassworks.core.keyed import seed_for
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Button, Figure, Slider
from glassworks.reader.figures.small_language import MARKS, numbers, words
from glassworks.tasks.masked_text import MaskedTexts

SENTENCE = ["the", "pilot", "said", "that", "he", "was", "tired", "."]
SENTENCES = {0: 1, 1: 10, 2: 100, 3: 1_000, 4: 10_000}
MASK = MARKS.index("[MASK]")


@lru_cache(maxsize=1)
def task() -> MaskedTexts:
    """The library's task, on the small language."""
    return MaskedTexts(MASK, len(words()), tuple(range(len(MARKS))))


@lru_cache(maxsize=64)
def drawn(turn: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """(tokens, as the model sees them, chosen), each (count, 10): the sentence `count` times."""
    dice = torch.Generator().manual_seed(seed_for(0, "what is hidden", turn))
    tokens = torch.tensor([numbers(SENTENCE)]).repeat(count, 1)
    lengths = torch.full((count,), tokens.shape[1])
    asked = task().ask(tokens, lengths, torch.rand(*tokens.shape, 3, generator=dice))
    return tokens, asked.tokens, asked.chosen


def counts(turn: int, count: int) -> dict[str, int]:
    """How many words were chosen, and what was done with them."""
    tokens, seen, chosen = drawn(turn, count)
    hidden = chosen & (seen == MASK)
    same = chosen & (seen == tokens)
    return {"chosen": int(chosen.sum()), "hidden": int(hidden.sum()),
            "replaced": int((chosen & ~hidden & ~same).sum()), "as it was": int(same.sum())}  # fmt: skip


class WhatIsHidden(Figure):
    title = "What is chosen, and what the model sees"
    says = (
        "About 15 % of the words are chosen. Of these most are hidden, a few replaced by another word, a few "
        "left as they were. The loss asks for all the chosen ones and for no other."
    )
    controls = (
        Button("turn", "choose again"),
        Slider("many", "sentences counted: 10 to the power", 0, 4, step=1, value=3),
    )

    def draw(self, turn: int, many: float, **_: Any) -> str:
        tokens, seen, chosen = (row[0].tolist() for row in drawn(int(turn), 1))
        order = words()
        rows: list[list[Any]] = []
        for token, shown, asked in zip(tokens, seen, chosen):
            mark = token < len(MARKS)
            done = (
                "hidden" if shown == MASK else "left" if shown == token else "replaced"
            ) if asked else ""  # fmt: skip
            told = "never chosen" if mark else (f"{done}, asked", "warn") if asked else "not asked"
            rows.append([order[token], (order[shown], "warn") if asked else order[shown], told])
        count = SENTENCES[int(many)]
        found = counts(int(turn), count)
        whole = count * len(SENTENCE)
        shares = {"chosen": 15, "hidden": 12, "replaced": 1.5, "as it was": 1.5}
        right = [
            [name, f"{one:,}", f"{100 * one / whole:.2f} %", f"{shares[name]:g} %"]
            for name, one in found.items()
        ]
        again = note(
            f"Counted over {count:,} sentence{'' if count == 1 else 's'} of {len(SENTENCE)} words: "
            f"{whole:,} words. In a text where "
            "chance chose none, one is taken all the same; with texts this short it comes to 18.4 %, not 15."
        )  # fmt: skip
        return columns(
            table(["text", "the model sees", ""], rows),
            table(["words", "number", "share", "rule"], right) + again,
        )
