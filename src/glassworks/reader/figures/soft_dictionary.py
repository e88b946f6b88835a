"""A dictionary that answers every question: all entries answer, each by how well its key fits.

A hard dictionary knows its keys and nothing between them. A soft one compares the question with every key,
turns the comparisons into shares by softmax, and gives the average of the values. Statistics has had this
since 1964 as kernel regression. The first thing to change: `ENTRIES`.
"""

import torch
from torch import Tensor

from glassworks.reader.draw import columns, heading, line_chart, note
from glassworks.reader.figure import Figure, Slider, Toggle
from glassworks.reader.figures.shares import share_bars

ENTRIES = {6: 4.0, 9: 9.0, 12: 15.0, 15: 17.0, 18: 12.0}  # hour -> degrees
BROKEN = 15  # the entry that can be masked
LOW, HIGH = 5.0, 19.0


def asked(hour: float, sharpness: float, masked: bool) -> tuple[Tensor, float]:
    """The shares of the entries, (entries,), and the soft answer."""
    keys = torch.tensor(list(ENTRIES), dtype=torch.float64)
    values = torch.tensor(list(ENTRIES.values()), dtype=torch.float64)
    scores = -sharpness * (keys - hour) ** 2
    if masked:
        scores = scores.masked_fill(keys == BROKEN, float("-inf"))
    shares = scores.softmax(0)
    return shares, float(shares @ values)


class SoftDictionary(Figure):
    title = "A soft dictionary"
    says = (
        "Asked for 10:30, a dictionary with the keys 6, 9, 12, 15 and 18 has no answer. A soft one lets all "
        "entries answer by how near their key is: 11.8 degrees, most of it from 9 and 12 o'clock."
    )
    controls = (
        Slider("hour", "the question: what hour?", LOW, HIGH, step=0.5, value=10.5),
        Slider("sharpness", "sharpness", 0, 1, step=0.05, value=0.1),
        Toggle("masked", "mask the entry of 15 o'clock"),
    )

    def draw(self, hour: float, sharpness: float, masked: bool) -> str:
        shares, answer = asked(hour, sharpness, masked)
        hours = [LOW + step / 4 for step in range(int(4 * (HIGH - LOW)) + 1)]
        chart = line_chart(
            {"soft answer": [(at, asked(at, sharpness, masked)[1]) for at in hours]},
            points={"entries": [(float(key), value) for key, value in ENTRIES.items()],
                    "this question": [(hour, answer)]},
            across="hour", up="degrees", x=(LOW, HIGH), y=(0, 20), width=380, height=230,
            pens={"entries": "e", "this question": "d"},
        )  # fmt: skip
        hard = f"{ENTRIES[int(hour)]:g}" if hour in ENTRIES else f"KeyError: {hour:g}"
        bars = share_bars(
            [(f"{key}\u00a0h,\u00a0{value:g}°", share) for (key, value), share in
             zip(ENTRIES.items(), shares.tolist(), strict=True)], "shares of the entries"
        )  # fmt: skip
        told = f"The hard dictionary says {hard}. The soft one says {answer:.2f} degrees."
        return columns(chart, heading("what each entry contributes") + bars) + note(told)
