"""What can be known of a hidden word from its left, from its right, and from both sides.

Nothing is trained here: the made-up language is small enough to go through all of its sentences and to keep
those that fit. What then is left open no reader can know, however good.
The first thing to change: `ASKED`, the sentences and their gaps.
"""

import math
from typing import Any

from glassworks.reader.draw import note, table, text
from glassworks.reader.figure import Choose, Figure
from glassworks.reader.figures.small_language import GAP, LENGTH, possible

SHOWN = 8
ASKED = {  # as it is read: (the sentence, the place that is hidden)
    f"two {GAP} ate grass in the field .": ("two cows ate grass in the field .", 1),
    f"two {GAP} ate hay in the field .": ("two cows ate hay in the field .", 1),
    f"{GAP} cats wanted fish in the house .": ("two cats wanted fish in the house .", 0),
    f"a bird found {GAP} in the garden .": ("a bird found seeds in the garden .", 3),
    f"a dog ate meat in the {GAP} .": ("a dog ate meat in the house .", 6),
    f"the nurse said that {GAP} was late .": ("the nurse said that she was late .", 4),
}
SIDES = ("left", "right", "both")


def chances(asked: str, side: str) -> dict[str, float]:
    """The chance of each word in the gap, given the words on that side; the likeliest first."""
    sentence, place = ASKED[asked]
    seen = {"left": range(place), "right": range(place + 1, LENGTH)}
    both = [at for at in range(LENGTH) if at != place]
    return possible(sentence.split(), place, list(seen.get(side, both)))


def doubt(found: dict[str, float]) -> float:
    """What a perfect guess costs on average, in nats: the entropy."""
    return sum(one * math.log(1 / one) for one in found.values())


class BothSides(Figure):
    title = "One gap, seen from two sides"
    says = (
        "What stands before a gap says one thing, what stands after it another. Together they leave fewer "
        "words open. What both leave open no reader can know."
    )
    controls = (Choose("asked", "sentence", {one: one for one in ASKED}),)

    def draw(self, asked: str, **_: Any) -> str:
        found = {side: chances(asked, side) for side in SIDES}
        every = sorted(
            {word for one in found.values() for word in one},
            key=lambda word: [-found[side].get(word, 0.0) for side in reversed(SIDES)],
        )
        rows: list[list[Any]] = []
        for word in every[:SHOWN]:
            shares = [f"{one[word]:.2f}" if word in one else "no" for one in found.values()]
            fits = word in found["both"]
            rows.append([(word, "good") if fits else word, *shares[:2], (shares[2], "good" if fits else "")])
        head = ["word", "from its left", "from its right", "from both"]
        listed = f" {SHOWN} of {len(every)} words are shown." if len(every) > SHOWN else ""
        below = [
            ["words that fit", *(str(len(one)) for one in found.values())],
            ["a perfect guess costs, nats", *(f"{doubt(one):.2f}" for one in found.values())],
        ]
        told = "Numbers are chances. Where it says no, the word cannot stand there." + listed
        return text(asked) + table(head, rows) + table(["", "left", "right", "both"], below) + note(told)
