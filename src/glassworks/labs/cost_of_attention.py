"""What attention costs when pictures grow: a plain Vision Transformer beside Swin, computed and measured.

Twice the side is four times the pixels. What works on each token alone costs four times as much; comparing
all tokens with all costs sixteen times as much, and writing the maps down takes as much more memory. Swin
compares within windows, so that all of its parts grow with the pixels. How much this matters depends on how
large the maps' share is, so both are counted, part by part, and small models of both kinds are timed.

Sources: Dosovitskiy et al. 2020, arXiv 2010.11929; Liu et al. 2021, arXiv 2103.14030, section 3.2.
Change first: `SIDES`, or `COUNTED["ViT"]["patch"]`.
Command: glassworks lab cost-of-attention

Axes: pictures (1, 3, side, side); tokens; growth = the exponent p of cost ~ pixels ** p.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from glassworks.core.keyed import seed_for
from glassworks.insight.cost import stage_costs
from glassworks.judging.intervals import Interval
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision import swin, vit

SEEDS, QUICK_SEEDS = tuple(range(7)), (0, 1)
PRECISION = "float32"
SIDES = (224, 320, 448, 560, 640, 800)  # pixels; 224 and 448 are whole windows, at the others Swin fills up
TIMED = (224, 320, 448, 640, 800)
QUICK_TIMED = (224, 320)
# Of about the same size and cost at 224 pixels: 22 and 28 million numbers, 4.6 and 4.5 billion products.
COUNTED: dict[str, dict[str, Any]] = {"ViT": vit.VARIANTS["s16"], "Swin": swin.VARIANTS["t"]}
SMALL: dict[str, dict[str, Any]] = {
    "ViT": {"patch": 16, "dimension": 192, "depth": 6, "block": {"heads": 3}},
    "Swin": {"dimension": 48, "depths": (2, 2, 2, 2), "heads": (2, 4, 8, 16)},
}
LINEAR, APART, TIME = 1.05, 0.1, 1.15  # the bounds of the rule
RULE = (
    "Growth = the exponent p in cost ~ pixels to the power p, by least squares over the logarithms; 1 is in "
    "proportion to the pixels. Computed: multiply-adds of ViT-S/16 and Swin-T, attention maps and filling up "
    "to whole windows included. Measured: processor seconds of one forward pass of a small ViT and a small "
    f"Swin on one thread. The claim \"holds\" when Swin's computed growth is at most {LINEAR:g} and ViT's at "
    f"least {APART:g} more, the interval of Swin's measured growth lies below {TIME:g}, and that of the "
    'measured difference, ViT minus Swin, lies above 0. It "does not hold" when a computed bound is broken '
    'or the measured difference lies below 0, and is "not shown" otherwise.'
)
KINDS = ("ViT", "Swin")


@dataclass(frozen=True)
class Cost:
    """Of one picture forward: products, those in maps, and the numbers of the largest layer's maps."""

    products: int
    in_maps: int
    map_numbers: int


def model_of(kind: str, side: int, shape: dict[str, Any]) -> nn.Module:
    """A ViT or a Swin for pictures of this side."""
    if kind == "ViT":
        return vit.build(vit.ViTConfig(height=side, width=side, **shape))
    return swin.build(swin.SwinConfig(height=side, width=side, **shape))


def cost_of(kind: str, side: int, shape: dict[str, Any]) -> Cost:
    """What a picture costs, counted from shapes alone."""
    with torch.device("meta"):
        model = model_of(kind, side, shape)
        parts = stage_costs(model, torch.zeros(1, 3, side, side))
        depths = model.config.depths if isinstance(model, swin.Swin) else ()
    stages = [part for part in parts if part.map_numbers]
    layers = depths or (1,) * len(stages)  # a part of ViT is one block, a part of Swin a stage of several
    return Cost(
        products=sum(part.multiply_adds for part in parts),
        in_maps=sum(part.in_maps for part in parts),
        map_numbers=max(part.map_numbers // layer for part, layer in zip(stages, layers, strict=True)),
    )


def block_cost(tokens: int, dimension: int) -> tuple[int, int]:
    """Multiply-adds of a block of ViT: its layers, 12 N D^2, and its attention maps, 2 N^2 D."""
    return 12 * tokens * dimension**2, 2 * tokens**2 * dimension


def growth(pixels: list[float], costs: list[float]) -> float:
    """The exponent p of cost ~ pixels ** p, by least squares over the logarithms."""
    return float(np.polyfit(np.log(pixels), np.log(costs), 1)[0])


@torch.no_grad()
def seconds_of(model: nn.Module, pictures: torch.Tensor, repeats: int) -> float:
    """Processor seconds of one forward pass: the least of several, which neighbours disturb least."""
    model(pictures)  # warm: memory and kernels are made in the first pass
    taken = []
    for _ in range(repeats):
        begun = time.process_time()
        model(pictures)
        taken.append(time.process_time() - begun)
    return min(taken)


def timed(kind: str, sides: tuple[int, ...], seed: int, go_on: Callable[[], None]) -> list[float]:
    """Processor seconds of the small model at each side, with random weights and pictures."""
    seconds = []
    for side in sides:
        go_on()
        with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
            torch.manual_seed(seed_for(seed, "cost-of-attention", kind))
            model, picture = model_of(kind, side, SMALL[kind]).eval(), torch.randn(1, 3, side, side)
        seconds.append(seconds_of(model, picture, repeats=3))
    return seconds


def experiment(bench: Bench) -> Findings:
    """Count at every side, then time at some, in turn."""
    counted = {kind: [cost_of(kind, side, COUNTED[kind]) for side in SIDES] for kind in KINDS}
    numbers: Numbers = {"pixels": [float(side**2) for side in SIDES]}
    for kind, costs in counted.items():
        numbers[f"{kind}: multiply-adds"] = [float(cost.products) for cost in costs]
        numbers[f"{kind}: multiply-adds in maps"] = [float(cost.in_maps) for cost in costs]
        power = growth(numbers["pixels"], numbers[f"{kind}: multiply-adds"])
        bench.say(f"{kind}: multiply-adds grow with the pixels to the power {power:.3f}")
    sides = QUICK_TIMED if bench.quick else TIMED
    pixels = [float(side**2) for side in sides]
    seconds: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for seed in bench.seeds:
        for kind in KINDS:
            seconds[kind].append(timed(kind, sides, seed, bench.go_on))
        runs = {kind: seconds[kind][-1] for kind in KINDS}
        ends = ", ".join(f"{kind} {run[0]:.3f} to {run[-1]:.2f} s" for kind, run in runs.items())
        bench.say(f"repetition {seed + 1}: {ends} from {sides[0]} to {sides[-1]} pixels")
    for kind in KINDS:
        numbers[f"{kind}: growth of seconds"] = [growth(pixels, run) for run in seconds[kind]]
    tables = [_cost_table(counted), _time_table(sides, seconds), _memory_table(counted)]
    return Findings(numbers, tables, _charts(numbers, sides, seconds), _notes())


def computed(numbers: Numbers, kind: str) -> float:
    """The growth of the multiply-adds."""
    return growth(numbers["pixels"], numbers[f"{kind}: multiply-adds"])


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    plain, windowed = (computed(numbers, kind) for kind in KINDS)
    vit_time, swin_time = (numbers[f"{kind}: growth of seconds"] for kind in KINDS)
    apart, own = difference(vit_time, swin_time), mean_interval(swin_time)
    outcome: Outcome = "not shown"
    if windowed > LINEAR or plain < windowed + APART or (apart.high is not None and apart.high < 0):
        outcome = "does not hold"
    elif apart.low is not None and own.high is not None and apart.low > 0 and own.high < TIME:
        outcome = "holds"
    grown = numbers["pixels"][-1] / numbers["pixels"][0]
    first, last = ([numbers[f"{kind}: multiply-adds"][place] / 1e9 for kind in KINDS] for place in (0, -1))
    share = numbers["ViT: multiply-adds in maps"][-1] / numbers["ViT: multiply-adds"][-1]
    sentence = (
        f"From {_side(numbers, 0)} to {_side(numbers, -1)} pixels a side, {grown:.1f} times the pixels, "
        f"ViT-S/16 goes from {first[0]:.1f} to {last[0]:.0f} billion multiply-adds ({last[0] / first[0]:.1f} "
        f"times) and Swin-T from {first[1]:.1f} to {last[1]:.0f} ({last[1] / first[1]:.1f} times): growth "
        f"{plain:.2f} and {windowed:.2f}. At the largest, {100 * share:.0f} % of ViT's are attention maps. "
        f"Processor time of the small models grows with {np.mean(vit_time):.2f} and {np.mean(swin_time):.2f}."
    )
    words = f"measured difference of the growths {_words(apart)}; Swin's own {_words(own)} (95 %, t)"
    return Verdict(outcome=outcome, sentence=sentence, interval=words)


def _side(numbers: Numbers, place: int) -> int:
    return round(numbers["pixels"][place] ** 0.5)


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:.2f} (one repetition has no interval)"
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _cost_table(counted: dict[str, list[Cost]]) -> Table:
    rows = []
    for place, side in enumerate(SIDES):
        cells = [f"{side} × {side}", f"{(side // 16) ** 2:,}"]
        for kind in KINDS:
            cost = counted[kind][place]
            cells += [f"{cost.products / 1e9:.2f}", f"{100 * cost.in_maps / cost.products:.1f}"]
        rows.append((*cells, f"{counted['ViT'][place].products / counted['Swin'][place].products:.2f}"))
    head = ("pixels", "patches of ViT", "ViT-S/16, billion", "in maps, %", "Swin-T, billion", "in maps, %",
            "ViT / Swin")  # fmt: skip
    return Table(title="Multiply-adds of one picture, computed", head=head, rows=tuple(rows))


def _time_table(sides: tuple[int, ...], seconds: dict[str, list[list[float]]]) -> Table:
    rows = []
    for place, side in enumerate(sides):
        runs = {kind: [1e3 * run[place] for run in seconds[kind]] for kind in KINDS}
        cells = [f"{np.median(ms):.0f} ({min(ms):.0f} to {max(ms):.0f})" for ms in runs.values()]
        rows.append((f"{side} × {side}", *cells))
    head = ("pixels", "small ViT, ms", "small Swin, ms")
    return Table(title="One forward pass, processor time, median and range", head=head, rows=tuple(rows))


def _memory_table(counted: dict[str, list[Cost]]) -> Table:
    rows = []
    for place, side in enumerate(SIDES):
        cells = [f"{4 * counted[kind][place].map_numbers / 2**20:.1f}" for kind in KINDS]
        rows.append((f"{side} × {side}", *cells))
    head = ("pixels", "ViT-S/16, MiB", "Swin-T, MiB")
    return Table(title="Attention maps of the largest layer, if written down in float32", head=head,
                 rows=tuple(rows))  # fmt: skip


def _charts(numbers: Numbers, sides: tuple[int, ...], seconds: dict[str, list[list[float]]]) -> list[Chart]:
    pixels = numbers["pixels"]
    lines = {kind: [cost / 1e9 for cost in numbers[f"{kind}: multiply-adds"]] for kind in KINDS}
    lines["ViT's maps"] = [cost / 1e9 for cost in numbers["ViT: multiply-adds in maps"]]
    lines["in proportion to the pixels"] = [lines["Swin"][0] * one / pixels[0] for one in pixels]
    median = {kind: np.median(seconds[kind], axis=0) for kind in KINDS}
    return [
        Chart(title="Multiply-adds of one picture", across="pixels", up="billion", logarithmic="xy",
              curves={name: tuple(zip(pixels, line)) for name, line in lines.items()}),
        Chart(title="Processor time of one forward pass, small models", across="pixels", up="seconds",
              logarithmic="xy", curves={kind: tuple((float(side**2), float(one))
                                                    for side, one in zip(sides, median[kind]))
                                        for kind in KINDS}),
    ]  # fmt: skip


def _notes() -> list[str]:
    before, after = block_cost(197, 768), block_cost(785, 768)
    total = sum(after) / sum(before)
    patches = (3840 // 16) * (2160 // 16)
    return [
        "Doubling the side does not cost a ViT sixteen times as much: of a block of ViT-B/16, from 224 to "
        f"448 pixels, the maps grow {after[1] / before[1]:.1f} times, the layers {after[0] / before[0]:.2f} "
        f"times, and both together {total:.2f} times, because the layers are the larger part.",
        f"A 4K picture is {patches:,} patches of 16 pixels. Written down, the maps of one layer of 12 heads "
        f"would be {12 * patches**2 * 2 / 1e9:.0f} GB in half precision. A fused kernel keeps one number a "
        "row instead, so memory grows with the tokens; the work stays.",
        "800 × 800 pixels are 2,500 patches: a plain ViT does not fail there, it takes longer.",
        "Swin fills its maps up to whole windows at sizes that 7 does not divide; these products are "
        "counted. The least of three passes is taken, after one that is not counted.",
    ]
