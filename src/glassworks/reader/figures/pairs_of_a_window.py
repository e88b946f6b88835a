"""A window slides over a sentence: which words count as neighbours of the one in its middle, and how much.

The weights are those of the installed model: 1 beside the word, less with each step away.
The first thing to change: `SENTENCE`.
"""

import torch

from glassworks.models.sequence.word2vec import near
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Figure, Slider, Steps

SENTENCE = ("the", "cat", "sat", "on", "the", "warm", "mat", "by", "the", "old", "stove")


def weights(window: int) -> torch.Tensor:
    """How much each word counts for each other, (words, words)."""
    return near(torch.arange(len(SENTENCE))[None], None, window)[0]


class PairsOfAWindow(Figure):
    title = "A word and its neighbours"
    says = (
        "Each word is asked for the words near it. A neighbour counts the less the further away it stands; a "
        "wider window gives more pairs, and looser ones."
    )
    controls = (
        Steps("place", "word", 1, len(SENTENCE), value=3),
        Slider("window", "window, words to each side", 1, 5, step=1, value=2),
    )

    def draw(self, place: int, window: float) -> str:
        found = weights(int(window))
        middle = int(place) - 1
        spans = []
        for number, word in enumerate(SENTENCE):
            share = float(found[middle, number])
            style = f"background: color-mix(in srgb, var(--accent) {round(38 * share)}%, transparent)"
            if number == middle:
                style = "border: 2px solid var(--accent); font-weight: 650"
            spans.append(f'<span style="{style}; padding: .1em .3em; border-radius: 5px">{word}</span>')
        line = f'<p style="line-height: 2.3">{" ".join(spans)}</p>'
        rows = [
            [f"{SENTENCE[middle]} → {SENTENCE[number]}", f"{float(found[middle, number]):.2f}"]
            for number in range(len(SENTENCE))
            if found[middle, number] > 0
        ]
        pairs = int((found > 0).sum())
        told = f"In all {pairs} pairs of a word and a neighbour; they weigh {float(found.sum()):.1f} in sum."
        return line + columns(table(["pair", "weight"], rows)) + note(told)
