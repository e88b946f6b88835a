"""What a small BERT guesses for a hidden word, on its way and beside what could be known at best.

The second figure hides nothing and asks at every place all the same: a model that has only ever been asked
about hidden words never had a reason to know the others.
The first thing to change: `STEPS` in `small_bert.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from glassworks.reader.draw import columns, heading, note, table, text
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.both_sides import ASKED, chances
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_bert import STOPS, best, guesses, hidden_at, in_place, trained

READERS = {"reads both ways": "both", "reads from the left only": "left"}
RULES = {"80 / 10 / 10": "both", "all chosen words hidden": "all hidden"}
SHOWN = 4
SENTENCES = {
    one: one
    for one in (
        "the nurse said that she was late .",
        "two cows ate grass in the field .",
        "two cows ate bones in the field .",
        "a bird found seeds in the garden .",
        "two cat ate fish in the house .",
    )
}


class GuessesLearned(Measured):
    title = "What it guesses, step by step"
    says = (
        "Before training every word is as likely as any other. Then it learns which words are frequent, then "
        "which ones fit here. A model that sees only the left cannot come as far."
    )
    controls = (
        Choose("asked", "sentence", {one: one for one in ASKED}),
        Choose("reader", "the model", READERS),
        Choose("steps", "after training for", {f"{one} steps": one for one in STOPS}, f"{STOPS[-1]} steps"),
        Slider("seed", "seed", 0, 2, step=1, value=0),
    )

    def runs(self, reader: str, seed: int, **_: Any) -> Sequence[tuple[str, int]]:
        return [(reader, int(seed))]

    def measure(self, run: tuple[str, int]) -> dict:
        return trained(*run)

    def show(self, known: Mapping, asked: str, reader: str, steps: int, **_: Any) -> str:
        sentence, place = ASKED[asked]
        exact = chances(asked, "both" if reader == "both" else "left")
        seen = "both sides" if reader == "both" else "its left"
        at_best = table(
            [f"at best, from {seen}", "chance"],
            [[word, f"{chance:.2f}"] for word, chance in list(exact.items())[:SHOWN]],
        )
        if not known:
            return text(asked) + columns(note("The model is being trained."), at_best)
        model = next(iter(known.values()))[steps]
        found = best(guesses(model, hidden_at(sentence, place))[place], SHOWN)
        rows = [
            [(word, "good") if word in exact else word, f"{chance:.2f}", f"{exact.get(word, 0.0):.2f}"]
            for word, chance in found
        ]
        return text(asked) + columns(table(["the model guesses", "chance", "at best"], rows), at_best)


class WordsInPlace(Measured):
    title = "Nothing is hidden: what does it say at each place?"
    says = (
        "Trained by the rule 80 / 10 / 10, the model knows the words that stand there, and doubts one that "
        "does not fit. Trained on hidden words alone, it says little of use where nothing is hidden."
    )
    controls = (
        Choose("rule", "trained with", RULES),
        Choose("sentence", "sentence", SENTENCES),
        Slider("seed", "seed", 0, 2, step=1, value=0),
    )

    def runs(self, rule: str, seed: int, **_: Any) -> Sequence[tuple[str, int]]:
        return [(rule, int(seed))]

    def measure(self, run: tuple[str, int]) -> dict:
        return trained(*run)

    def show(self, known: Mapping, sentence: str, **_: Any) -> str:
        if not known:
            return note("The model is being trained.")
        model = next(iter(known.values()))[STOPS[-1]]
        rows = []
        for word, row in zip(sentence.split(), guesses(model, sentence.split())):
            said, chance = best(row, 1)[0]
            rows.append([word, (said, "good" if said == word else "bad"), f"{chance:.2f}"])
        told = text(
            f"Of 500 other sentences it says {100 * in_place(model):.0f} % of the words that stand there.",
            "note",
        )
        return heading(sentence) + table(["stands there", "it says", "chance"], rows) + told
