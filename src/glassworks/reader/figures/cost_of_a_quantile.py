"""What it costs to say a number, where too little and too much are not equally bad.

Twenty days of sales are judged by the quantile loss. For every share asked, the cheapest number to say is the
one with that share of the days below it; the loss never has to be told what a quantile is.
The first thing to change: `SALES`.
"""

from typing import Any

import torch

from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Figure, Slider
from glassworks.tasks.forecasting import pinball

SALES = (12, 15, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 29, 31, 33, 36, 40, 46, 55, 70)


def cost(said: float, share: float) -> float:
    """The mean quantile loss of one number over all days."""
    truth = torch.tensor(SALES, dtype=torch.float64)[:, None, None]
    return float(pinball(torch.full((len(SALES), 1, 1, 1), said, dtype=torch.float64), truth, (share,)))


def cheapest(share: float) -> int:
    """The least whole number of the lowest cost."""
    return min(range(SALES[0], SALES[-1] + 1), key=lambda said: (round(cost(said, share), 9), said))


class CostOfAQuantile(Figure):
    title = "The cost of saying too much or too little"
    says = (
        "At a share of 0.5 the cheapest number is the middle of the days, at 0.9 one that nine of ten days "
        "stay below: too little then costs nine times as much as too much."
    )
    controls = (
        Slider("share", "share asked", 0.05, 0.95, step=0.05, value=0.9),
        Slider("said", "number said", 10, 70, step=1, value=26),
    )

    def draw(self, share: float, said: float, **_: Any) -> str:
        best = cheapest(share)
        curve = [(float(one), cost(float(one), share)) for one in range(10, 71, 2)]
        here = cost(said, share)
        chart = line_chart(
            {"cost": curve}, points={"cost": [(said, here)]}, across="number said", up="mean cost a day",
            marks=[(float(best), "cheapest")], x=(10, 70), width=400, height=240,
        )  # fmt: skip
        below = sum(one < said for one in SALES) / len(SALES)
        rows = [
            ["a unit too little costs", f"{share:.2f}"],
            ["a unit too much costs", f"{1 - share:.2f}"],
            ["days below the number said", f"{below:.0%}"],
            ["mean cost of it", f"{here:.2f}"],
            ["cheapest number, and its cost", f"{best}, {cost(best, share):.2f}"],
        ]
        days = ", ".join(map(str, SALES))
        return columns(chart, table(["", ""], rows)) + note(f"Sales of twenty days, sorted: {days}.")
