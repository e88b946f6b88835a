"""Bigger pictures: what a Transformer that learned on small ones makes of large ones.

A small ViT learns on pictures of 16 x 16 pixels, a grid of 4 x 4 patches. Then it is asked about pictures of
28 x 28, a grid of 7 x 7, as far apart as the 224 and 384 pixels of the papers. Its table of positions is
resized in three ways, and nothing else is changed; then it learns for one more pass at the new size. What one
more pass brings by itself is measured beside it, at the old size, and so is a table that knows nothing.

Sources: Dosovitskiy et al. 2020, arXiv 2010.11929, section 3.2 (a larger size for fine-tuning, with resized
positions); Touvron et al. 2019, arXiv 1906.06423 (things look larger than those that were learned).
Change first: `SMALL` and `LARGE`, multiples of `PATCH`.
Command: glassworks lab bigger-pictures

Axes: rows are pictures, height and width pixels, tokens the patches and a class token before them.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import permutation, seed_for
from glassworks.data.samples import is_here, sample_table
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import Part
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import mean_interval
from glassworks.models.vision.vit import ViTConfig, build, resized

SEEDS, QUICK_SEEDS = (0, 1, 2), (0, 1)
PRECISION = "float32"
SMALL, LARGE, PATCH = 16, 28, 4  # pixels
SIDES = (12, 16, 20, 24, 28)  # that the trained model is asked at, without learning more
TRAIN, TEST, CLASSES = 5_000, 2_000, 10
EPOCHS, QUICK_EPOCHS = 10, 2
BATCH, RATE, ADAPTING = 64, 2e-3, 1e-3  # the peak rate of the training, and of the one more pass
ZOOM = 0.6  # the smallest part of a side that a training picture shows
MODES = ("nearest", "bilinear", "bicubic")
PREFERRED, ALWAYS = "fashion-mnist", "digits"  # where Debian's package is not there, scikit-learn's digits
BEFORE, UNKNOWN = f"{SMALL} pixels, as trained", f"{LARGE}: random positions"
MORE, ADAPTED = f"{SMALL} pixels, one more pass", f"{LARGE}: bicubic, one more pass"
KEPT, GAIN = "share kept", "gain by adapting"
RULE = (
    "Two numbers for each seed, both of test accuracy. Kept: what the model with bicubic positions has above "
    f"chance at {LARGE} pixels, as a share of what it has at {SMALL}, where it learned. Gain: accuracy after "
    f"one more pass at {LARGE} pixels minus accuracy after one more pass at {SMALL}, in points of 100. The "
    'claim "holds" when the interval of kept lies above 0.5 and that of the gain above 0 (95 % for both at '
    'once), "does not hold" when one lies below, and is "not shown" otherwise. Beside it, without deciding: '
    "the other ways to resize, and random positions."
)


@lru_cache(maxsize=1)
def everything() -> tuple[str, Part]:
    """The name of the data, and all pictures (rows, height, width) with values from 0 to 255."""
    name = PREFERRED if is_here(PREFERRED) else ALWAYS
    table = sample_table(name)
    pictures = torch.from_numpy(np.stack([np.asarray(source) for source in table.sources]))
    return name, Part(pictures, torch.from_numpy(np.asarray(table.targets)))


def deal(seed: int, train: int = TRAIN, test: int = TEST) -> tuple[Part, Part]:
    """Training and test part, disjoint, the same for the same seed; the test is never more than a quarter."""
    _, pictures = everything()
    order = torch.from_numpy(permutation(len(pictures.targets), seed, "bigger"))
    test = min(test, len(order) // 4)
    return pictures.take(order[test:][:train]), pictures.take(order[:test])


def at_size(part: Part, side: int) -> Part:
    """The pictures at another size (rows, 1, side, side), from 0 to 1; no pixel is skipped on the way."""
    pictures = part.pictures[:, None].float() / 255
    if pictures.shape[-1] != side:
        pictures = F.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
    return Part(pictures, part.targets)


def scaled(part: Part, by: Part) -> Part:
    """Pictures with mean 0 and spread 1, as measured on `by`."""
    return Part((part.pictures - by.pictures.mean()) / by.pictures.std(), part.targets)


def config_of(side: int) -> ViTConfig:
    return ViTConfig(
        side, side, 1, CLASSES, patch=PATCH, dimension=48, depth=4, block={"heads": 4},  # type: ignore[arg-type]
    )  # fmt: skip


def trained(
    part: Part, seed: int, epochs: int, *, model: nn.Module | None = None, rate: float = RATE
) -> nn.Module:
    """A model of the pictures' size that learned for some passes.

    model: one to go on with, changed in place; rate: the highest
    """
    dice = torch.Generator().manual_seed(seed_for(seed, "bigger", part.pictures.shape[-1], epochs))
    if model is None:
        with torch.random.fork_rng(devices=[]):  # torch's own start would use shared dice
            torch.manual_seed(seed_for(seed, "bigger", "start"))
            model = build(config_of(part.pictures.shape[-1]))
    batches = len(part.targets) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=max(2, epochs * batches), pct_start=0.15, cycle_momentum=False
    )
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(part.targets), generator=dice)
        for rows in order[: batches * BATCH].split(BATCH):
            loss = F.cross_entropy(model(zoomed(part.pictures[rows], dice)), part.targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def zoomed(pictures: Tensor, dice: torch.Generator) -> Tensor:
    """A random piece of each picture, at least ZOOM of it on a side, drawn out to the whole.

    Every paper on this trains so; without it a network meets things of one size only, and knows no other.
    """
    share = ZOOM + (1 - ZOOM) * torch.rand(len(pictures), generator=dice)
    shift = (1 - share)[:, None] * (2 * torch.rand(len(pictures), 2, generator=dice) - 1)
    scale = share[:, None, None] * torch.eye(2)  # (rows, 2, 2)
    grid = F.affine_grid(torch.cat([scale, shift[..., None]], 2), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def for_size(model: nn.Module, side: int, mode: str) -> nn.Module:
    """A copy of the model for pictures of another size, with its positions resized and nothing learned."""
    before: ViTConfig = model.config  # type: ignore[assignment]
    after = replace(before, height=side, width=side)
    other = build_quietly(after)
    other.load_state_dict(resized(model.state_dict(), before, after, mode=mode))
    return other.eval()


def without_positions(model: nn.Module, side: int, seed: int) -> nn.Module:
    """The same with random positions as large as its own: what the resized table knows is gone."""
    other = for_size(model, side, "nearest")
    table: Tensor = other.positions  # type: ignore[assignment]
    dice = torch.Generator().manual_seed(seed_for(seed, "bigger", "positions"))
    with torch.no_grad():
        places = table[:, 1:]
        places.copy_(torch.randn(places.shape, generator=dice) * places.std())
    return other


def build_quietly(config: ViTConfig) -> nn.Module:
    """A model whose random start nobody will see; the shared dice stay where they are."""
    with torch.random.fork_rng(devices=[]):
        return build(config)


@torch.no_grad()
def accuracy(model: nn.Module, part: Part) -> float:
    """Share of right answers."""
    said = [model(pictures).argmax(1) for pictures in part.pictures.split(250)]
    return float((torch.cat(said) == part.targets).float().mean())


def one_seed(seed: int, *, train: int = TRAIN, test: int = TEST, epochs: int = EPOCHS) -> dict[str, float]:
    """Accuracy of every row of the table, and of bicubic positions at every side, by name."""
    learning, judging = deal(seed, train, test)

    def parts(side: int) -> tuple[Part, Part]:
        """What is learned and what judges at a size, both scaled as the small training pictures are."""
        by = at_size(learning, SMALL)
        return scaled(at_size(learning, side), by), scaled(at_size(judging, side), by)

    small, small_test = parts(SMALL)
    large, large_test = parts(LARGE)
    model = trained(small, seed, epochs)
    found = {BEFORE: accuracy(model, small_test)}
    found |= {f"{LARGE}: {mode}": accuracy(for_size(model, LARGE, mode), large_test) for mode in MODES}
    found |= {UNKNOWN: accuracy(without_positions(model, LARGE, seed), large_test)}
    for side in SIDES:
        found |= {
            f"{mode} at {side}": accuracy(for_size(model, side, mode), parts(side)[1]) for mode in MODES
        }
    adapted = trained(large, seed, 1, model=for_size(model, LARGE, "bicubic"), rate=ADAPTING)
    found[ADAPTED] = accuracy(adapted, large_test)
    found[MORE] = accuracy(trained(small, seed, 1, model=model, rate=ADAPTING), small_test)
    return found


def experiment(bench: Bench) -> Findings:
    """Every seed: train small, ask larger, learn one more pass at either size."""
    name, pictures = everything()
    sizes = {"train": 600, "test": 300, "epochs": QUICK_EPOCHS} if bench.quick else {}
    rows = []
    for seed in bench.seeds:
        bench.go_on()
        rows.append(one_seed(seed, **sizes))
        bench.say(
            f"seed {seed}: {100 * rows[-1][BEFORE]:.1f} % at {SMALL} pixels, "
            f"{100 * rows[-1][f'{LARGE}: bicubic']:.1f} % at {LARGE}, {100 * rows[-1][ADAPTED]:.1f} % adapted"
        )
    numbers: Numbers = {name: [100 * row[name] for row in rows] for name in rows[0]}
    numbers[KEPT] = [_kept(row) for row in rows]
    numbers[GAIN] = [100 * (row[ADAPTED] - row[MORE]) for row in rows]
    used = min(sizes.get("train", TRAIN), len(pictures.targets) - min(TEST, len(pictures.targets) // 4))
    said = (
        f"The data are {name}, {len(pictures.targets):,} pictures of {pictures.pictures.shape[-1]} pixels; "
    )
    said += f"every seed draws at most {used:,} to learn from and others to judge."
    return Findings(numbers, [_table(numbers)], _charts(numbers), (said, *NOTES))


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    kept, gain = (mean_interval(numbers[name], comparisons=2) for name in (KEPT, GAIN))
    outcome: Outcome = "not shown"
    if _above(kept, 0.5) and _above(gain, 0.0):
        outcome = "holds"
    elif _below(kept, 0.5) or _below(gain, 0.0):
        outcome = "does not hold"
    means = {name: float(np.mean(values)) for name, values in numbers.items()}
    ways = ", ".join(f"{means[f'{LARGE}: {mode}']:.1f} % ({mode})" for mode in MODES)
    sentence = (
        f"It learned {SMALL} pixels ({means[BEFORE]:.1f} %). Of {LARGE} pixels, with its table resized, it "
        f"knows {ways}; with random positions {means[UNKNOWN]:.1f} %. Of what it had above chance, bicubic "
        f"keeps {_words(kept, 2)}. After one more pass it is at {means[ADAPTED]:.1f} % there, and at "
        f"{means[MORE]:.1f} % where the pass was at {SMALL}: {_words(gain)} points apart."
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"kept {_words(kept, 2)}, gain {_words(gain)} points; n = {gain.n} seeds, 95 % for both "
        "at once",
    )


def _kept(row: dict[str, float]) -> float:
    chance = 1 / CLASSES
    return (row[f"{LARGE}: bicubic"] - chance) / (row[BEFORE] - chance)


def _above(one: Interval, bound: float) -> bool:
    return one.low is not None and one.low > bound


def _below(one: Interval, bound: float) -> bool:
    return one.high is not None and one.high < bound


def _words(one: Interval, decimals: int = 1) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:.{decimals}f} (one seed, no interval)"
    return f"{one.value:.{decimals}f} ({one.low:.{decimals}f} to {one.high:.{decimals}f})"


def _names() -> tuple[str, ...]:
    return (BEFORE, MORE, UNKNOWN, *(f"{LARGE}: {mode}" for mode in MODES), ADAPTED)


def _table(numbers: Numbers) -> Table:
    rows = []
    for name in _names():
        change = mean_interval([a - b for a, b in zip(numbers[name], numbers[BEFORE], strict=True)])
        rows.append((name, _words(mean_interval(numbers[name])), _words(change) if name != BEFORE else ""))
    head = ("model", "test accuracy, %", f"minus that at {SMALL} pixels, points")
    return Table(title="The same test pictures at two sizes", head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    spans = []
    for name in _names():
        one = mean_interval(numbers[name])
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=name, low=low, value=one.value, high=high))
    curves = {
        mode: tuple((side, float(np.mean(numbers[f"{mode} at {side}"]))) for side in SIDES) for mode in MODES
    }
    return [
        Chart(title="Test accuracy with its 95 % interval", across="%", spans=tuple(spans)),
        Chart(
            title=f"A model of {SMALL} pixels, asked at other sizes, nothing learned for them",
            across="pixels on a side", up="accuracy, %", curves=curves,
        ),
    ]  # fmt: skip


NOTES = (
    "Larger pictures hold more detail, and the things on them cover more patches than the model ever saw "
    "them cover. Both change at once here; this lab does not tell them apart.",
    "One more pass changes all weights, at half of the peak rate, on the pictures that were learned "
    "before. The pass at the old size shows how much of the gain is just the pass.",
    "Few seeds make wide intervals; 2,000 test pictures know an accuracy to about a point and a half.",
)
