"""What single cells of a recurrent network remember while it reads: found by what they follow, then drawn.

A network of hundreds of cells holds a few that a person can read: one is on inside quotation marks, one
counts through the line. To find them, each cell's memory is compared with plain properties of the text; the
cell that follows a property best over the first half of the text is kept, and how well it follows it over the
second half, which had no say in the choice, is told. Below `LEAST` the property is left out.

Paper: Karpathy, Johnson & Fei-Fei 2015, "Visualizing and understanding recurrent networks", arXiv 1506.02078.
Where this differs: they were found by eye there; here by correlation, checked on text that did not choose.
The first thing to change: `properties`, what is looked for.

Axes: time = tokens of the text; cells = of one layer.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from glassworks.blocks.recurrent import Recurrent

LEAST = 0.3  # correlation on the second half below which a cell follows nothing worth showing
SHORTEST = 400  # tokens below which nothing can be told


@dataclass(frozen=True)
class Follower:
    """A cell and what it follows. layer, cell: counted from 1; found, held: correlation with the property on
    the half that chose it and on the other; values: its memory at each token, -1 … 1."""

    property: str
    layer: int
    cell: int
    found: float
    held: float
    values: np.ndarray


def memories(reader: Recurrent, steps: Float[Tensor, "1 time inputs"]) -> list[np.ndarray]:
    """The memory of every cell after each token, squeezed to -1 … 1: a (time, cells) array a layer.

    Of an LSTM its memory, of other networks the state itself. The reader must read ahead only.
    """
    found = []
    with torch.no_grad():
        for cells in reader.stacked():
            state = tuple(steps.new_zeros(1, reader.width) for _ in range(reader.cell.STATES))
            shown, kept = [], []
            for time in range(steps.shape[1]):
                state = cells[0](steps[:, time], state)
                shown.append(state[0])
                kept.append(state[-1].tanh()[0])
            steps = torch.stack(shown, 1)  # (1, time, width)
            found.append(torch.stack(kept).float().cpu().numpy())
    return found


def properties(pieces: Sequence[str]) -> dict[str, np.ndarray]:
    """What a cell may follow, a number a token: {in words: (time,)}."""
    quoted, line, sentence, word = (np.zeros(len(pieces)) for _ in range(4))
    inside, in_line, in_sentence, in_word = False, 0, 0, 0
    for place, piece in enumerate(pieces):
        for letter in piece:
            if letter == "\n" and in_line == 0:
                inside = False  # a blank line: marks that were never closed end here
            elif letter in '"“”':
                inside = letter == "“" or (letter == '"' and not inside)
            in_line = 0 if letter == "\n" else in_line + 1
            in_sentence = 0 if letter in ".!?" else in_sentence + 1
            in_word = in_word + 1 if letter.isalpha() else 0
        quoted[place], line[place], sentence[place], word[place] = inside, in_line, in_sentence, in_word
    return {
        "whether it is inside quotation marks": quoted,
        "how far the line has come": line,
        "how far the sentence has come": sentence,
        "how far the word has come": word,
    }


def followers(layers: Sequence[np.ndarray], wanted: dict[str, np.ndarray]) -> list[Follower]:
    """For each property the cell that follows it best, where it does so on text that did not choose it."""
    time = len(layers[0])
    if time < SHORTEST:
        return []
    half, found = time // 2, []
    for name, values in wanted.items():
        best = [_correlations(memory[:half], values[:half]) for memory in layers]
        layer = int(np.argmax([np.abs(one).max() for one in best]))
        cell = int(np.abs(best[layer]).argmax())
        chosen, held = best[layer][cell], _correlations(layers[layer][half:], values[half:])[cell]
        if abs(held) >= LEAST and chosen * held > 0:
            memory = layers[layer][:, cell]
            found.append(Follower(name, layer + 1, cell + 1, float(chosen), float(held), memory))
    return sorted(found, key=lambda one: -abs(one.held))


def coloured_memory(pieces: Sequence[str], follower: Follower, most: int) -> str:
    """The first tokens of a text in the colour of one cell's memory: one hue below 0, another above."""
    sign = 1.0 if follower.held > 0 else -1.0
    values = sign * follower.values[:most]
    values = (values - values.mean()) / max(float(np.abs(values - values.mean()).max()), 1e-6)
    parts = [
        f'<span style="background:{_paint(float(value))}">{html.escape(piece)}</span>'
        for piece, value in zip(pieces[:most], values)
    ]
    style = "white-space:pre-wrap;font-family:Georgia,serif;line-height:1.7"
    return f'<p style="{style}">{"".join(parts)}</p>'


def _paint(value: float) -> str:
    hue = "--accent" if value > 0 else "--warn"
    return f"color-mix(in srgb, var({hue}) {55 * abs(value):.0f}%, transparent)"


def _correlations(memory: Float[np.ndarray, "time cells"], values: np.ndarray) -> np.ndarray:
    """Of each cell with the property, (cells,); 0 where either stands still."""
    centred, own = memory - memory.mean(0), values - values.mean()
    spread = np.sqrt((centred**2).sum(0) * (own**2).sum())
    return np.divide(own @ centred, spread, out=np.zeros(memory.shape[1]), where=spread > 1e-9)
