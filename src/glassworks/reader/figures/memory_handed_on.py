"""A writing LSTM reads a text in pieces: with its memory handed on it says the same as in one go.

The network is the library's `TextLSTM` with random weights, so nothing here depends on training. Without the
memory each piece is read as if the text began there.
The first thing to change: `TEXT`.
"""

from functools import lru_cache

import torch
from torch import Tensor

from glassworks.models.sequence.text_lstm import TextLSTM, TextLSTMConfig
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Toggle

TEXT = "It is a truth universally acknowledged, that a single man"
LETTERS = sorted(set(TEXT))
PIECES = {"1": 1, "8": 8, "16": 16}
WRITTEN = 1_000


@lru_cache(maxsize=1)
def network() -> TextLSTM:
    """Random weights from dice of its own, so large that the memory matters."""
    found = TextLSTM(TextLSTMConfig(vocabulary=len(LETTERS), embedding=16, width=32)).eval()
    dice = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in found.parameters():
            reach = 4.0 if parameter is found.head.weight else 0.8
            parameter.copy_((2 * torch.rand(parameter.shape, generator=dice) - 1) * reach)
    return found


@torch.no_grad()
def chances(piece: int, handed: bool) -> Tensor:
    """The chances after each character, float32 (characters, vocabulary), read `piece` at a time."""
    tokens = torch.tensor([[LETTERS.index(letter) for letter in TEXT]])
    state, found = None, []
    for start in range(0, tokens.shape[1], piece):
        logits, state = network()(tokens[:, start : start + piece], state=state if handed else None)
        found.append(logits[0])
    return torch.cat(found).softmax(-1)


def differences(piece: int, handed: bool) -> list[float]:
    """The largest difference of a chance from those of one go, at each character."""
    return (chances(piece, handed) - chances(len(TEXT), True)).abs().amax(-1).tolist()


class MemoryHandedOn(Figure):
    title = "In pieces, or in one go"
    says = (
        "With the memory handed on, reading in pieces gives the same chances as reading in one go. Without "
        "it, each piece is read as if the text began there."
    )
    controls = (
        Choose("piece", "characters of a piece", PIECES, value="16"),
        Toggle("handed", "the memory is handed on", False),
    )

    def draw(self, piece: int, handed: bool) -> str:
        found = differences(piece, handed)
        points = list(enumerate(found, 1))
        marks = [(at + 1, "") for at in range(piece, len(TEXT), piece)] if piece > 1 else []
        chart = line_chart(
            {"difference": points}, across="character", up="largest difference of a chance",
            x=(1, len(TEXT)), y=(0, 1), marks=marks, width=400, height=230,
        )  # fmt: skip
        all_again = WRITTEN * (WRITTEN + 1) // 2
        rows = [
            ["with the memory handed on", f"{WRITTEN:,}"],
            ["reading all again each time", f"{all_again:,}"],
        ]
        told = table([f"to write {WRITTEN:,} characters", "steps of the cell"], rows)
        return columns(chart, told) + note(f"Largest difference anywhere: {max(found):.2g}.")
