"""Hide, and know the way back: the two sorts of random masking on nine patches, one step at a time.

Random numbers are sorted; the patches with the smallest stay. Sorting the order once more gives its inverse:
where each patch went. With it the mask is read off, and after the encoder everything is put back.
First thing to change: `ROWS`, the side of the grid.
"""

import torch
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.models.vision.mae import kept, random_masking
from glassworks.reader import draw
from glassworks.reader.figure import Button, Figure, Slider, Steps

ROWS = 3
COUNT = ROWS**2
NAMES = "ABCDEFGHI"
LEFT_OUT = "·"
LAST = 5


def noise_of(pressed: int) -> Tensor:
    """Nine numbers from 0.00 to 0.99 that differ, (1, 9)."""
    dice = generator(pressed, "two sorts")
    return torch.from_numpy(dice.choice(100, COUNT, replace=False) / 100.0)[None]


def lines_of(pressed: int, hidden: float) -> list[tuple[str, list[str]]]:
    """What each step of the figure adds, as (name, nine cells)."""
    noise, stay = noise_of(pressed), kept(COUNT, hidden)
    tokens = torch.arange(COUNT)[None, :, None].double()
    masked = random_masking(tokens, hidden, noise=noise)
    order, restore = noise.argsort(dim=1)[0].tolist(), masked.restore[0].tolist()
    left = [NAMES[int(one)] for one in masked.visible[0, :, 0]]
    row = left + ["m"] * (COUNT - stay)  # what the decoder gets first: shuffled
    return [
        ("noise, one number a patch", [f"{one:.2f}" for one in noise[0].tolist()]),
        ("first sort: shuffled = noise.argsort()", [str(one) for one in order]),
        ("the encoder gets the first of them", left + [LEFT_OUT] * (COUNT - stay)),
        ("second sort: restore = shuffled.argsort()", [str(one) for one in restore]),
        (f"mask = restore >= {stay}", [f"{one:.0f}" for one in masked.mask[0].tolist()]),
        ("back in place: shuffled row, read by restore", [row[place] for place in restore]),
    ]


TOLD = (
    "Nine patches, A to I, with their numbers 0 to 8. Each gets a random number; nothing else decides.",
    "Sort the numbers. Where the smallest stood comes first: which patch stands at each shuffled place.",
    "The first ones stay, in the order of their noise. The others do not enter the encoder at all.",
    "Sort the order itself. Now it says for each patch at which shuffled place it went.",
    "A patch whose place is among the first ones is visible, 0; all others are hidden, 1.",
    "Behind the encoder come mask tokens, m, for the hidden. Read by restore, all stand in their places.",
)


class TwoSorts(Figure):
    title = "Shuffle, keep, restore"
    says = (
        "Two sorts are enough: the first says which patches stay, the second is its inverse and says where "
        "each patch went. The mask is read from the second."
    )
    controls = (
        Steps("step", "step", 0, LAST, value=LAST),
        Slider("hidden", "hidden, %", 10, 90, step=5, value=65),
        Button("pressed", "Draw other noise"),
    )

    def draw(self, step: int, hidden: int, pressed: int) -> str:
        lines = lines_of(pressed, hidden / 100)[: step + 1]
        rows = [[name, *_marked(name, cells, hidden / 100)] for name, cells in lines]
        head = ["place", *(f"{place} ({NAMES[place]})" for place in range(COUNT))]
        left = kept(COUNT, hidden / 100)
        return (
            draw.table(head, rows)
            + draw.note(TOLD[step])
            + draw.note(
                f"{hidden} % of 9 is {COUNT * hidden / 100:.2f}, rounded {COUNT - left} hidden: {left} left."
            )
        )


def _marked(name: str, cells: list[str], hidden: float) -> list[str | tuple[str, str]]:
    """Cells, with those of visible patches in another tone where the row is in the patches' own order."""
    if name.startswith(("mask", "back")):
        return [(cell, "warn" if cell in ("1", "m") else "good") for cell in cells]
    return list(cells)
