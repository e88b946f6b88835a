"""A small masked autoencoder, trained on digits when the reader asks for it, beside fills.

Digits of 8 x 8 squares in 16 patches of 2 x 2; 4 are left. Whoever chooses a model has it trained for three
seconds on one core. One guesses pixels; the other guesses patches without their mean and spread, and its
drawing gets these from the truth: beside it stands what that gift alone would draw.
First thing to change: `STEPS`.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.encoder_block import BlockConfig
from glassworks.blocks.patches import cut, joined
from glassworks.core.keyed import generator, seed_for
from glassworks.labs.digits import SIDE, deal
from glassworks.models.vision.mae import MAE, DecoderShape, MAEConfig, build, errors, statistics
from glassworks.reader import draw
from glassworks.reader.figure import Button, Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.tasks.masked import FILLS
from glassworks.training.optimizer import adamw

PATCH, STEPS, BATCH, RATE, DECAY = 2, 400, 64, 3e-3, 0.05
SLOW = 0.1  # share of the steps in which the rate rises
SHOWN = 24  # test pictures to choose from
TIMES = 18  # a square of a digit becomes so many pixels
TINT = (150, 170, 190)  # of a hidden patch
PIXELS, NORMALISED = "pixels", "normalised"
FOUND = {  # what the reader may choose -> a fill's name, or what a model learned to guess
    **{f"fill: {name}": name for name in FILLS},
    "a model that guesses pixels (trains 3 s)": PIXELS,
    "a model that guesses patches without mean and spread (trains 3 s)": NORMALISED,
}


def shape_of(kind: str) -> MAEConfig:
    """The model of the figure: 4 of 16 tokens in an encoder of two blocks, one block to draw with."""
    block = BlockConfig(heads=4)
    return MAEConfig(
        height=SIDE, width=SIDE, channels=1, patch=PATCH, dimension=32, depth=2, pooling="mean",
        normalised=kind == NORMALISED, block=block, decoder=DecoderShape(dimension=32, depth=1, block=block),
    )  # fmt: skip


class Pictures(NamedTuple):
    """training, test: (rows, 1, 8, 8), scaled by mean and spread of the training part."""

    training: Tensor
    test: Tensor
    mean: float
    spread: float


@lru_cache(maxsize=1)
def pictures() -> Pictures:
    training, _, test = deal(0)
    mean, spread = float(training.pictures.mean()), float(training.pictures.std())
    scaled = [((part.pictures - mean) / spread)[:, None] for part in (training, test)]
    return Pictures(scaled[0], scaled[1], mean, spread)


@lru_cache(maxsize=2)
def learned(kind: str) -> MAE:
    """The model after training, in evaluation mode; about three seconds on one core the first time."""
    with torch.inference_mode(False), torch.enable_grad():
        seen, shape = pictures().training, shape_of(kind)
        with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
            torch.manual_seed(seed_for(0, "small mae"))
            model = build(shape).train()
        dice = torch.Generator().manual_seed(seed_for(0, "small mae steps"))
        optimizer = adamw(model, learning_rate=RATE, weight_decay=DECAY)
        for step in range(STEPS):
            share = (step + 1) / STEPS
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(share / SLOW, 1.0) * (0.5 + 0.5 * math.cos(math.pi * share))
            chosen = torch.randint(len(seen), (BATCH,), generator=dice)
            loss = errors(*model(seen[chosen], torch.rand(BATCH, shape.tokens, generator=dice))).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


@lru_cache(maxsize=64)
def noise_of(pressed: int) -> Tensor:
    """What hides patches of every test picture after so many presses, (rows, 16)."""
    shape = (len(pictures().test), shape_of(PIXELS).tokens)
    return torch.from_numpy(generator(pressed, "small mae noise").random(shape).astype(np.float32))


class Drawn(NamedTuple):
    """Every test picture. seen, guessed, gift: (rows, 1, 8, 8); gift: has the true mean of each hidden patch;
    error: mean squared error of the drawings on hidden patches, in squared spreads of the training pictures.
    """

    seen: Tensor
    guessed: Tensor
    gift: Tensor
    error: float
    error_of_gift: float


@torch.no_grad()
def drawn(way: str, pressed: int) -> Drawn:
    """What a fill or a model makes of the test part; a model is trained first where it was not yet."""
    shape, truth = shape_of(way), pictures().test
    model = learned(way) if way in (PIXELS, NORMALISED) else MAE(shape).eval()
    mask = model.encode(truth, noise=noise_of(pressed))[1].mask
    seen, guessed = model.reconstruct(truth, noise=noise_of(pressed))
    patches, hidden = cut(truth, PATCH), mask[..., None] > 0
    if way in FILLS:
        filled = torch.where(hidden, FILLS[way](truth, mask, shape), patches)
        guessed = joined(filled, PATCH, shape.grid)
    means = torch.where(hidden, statistics(patches)[0].expand_as(patches), patches)
    gift = joined(means, PATCH, shape.grid)
    seen = torch.where(joined(hidden.expand_as(patches).float(), PATCH, shape.grid) > 0, torch.nan, seen)
    found = [float(errors(cut(one, PATCH), patches, mask).mean()) for one in (guessed, gift)]
    return Drawn(seen, guessed, gift, *found)


class SmallMAE(Measured):
    title = "Four patches of sixteen"
    says = (
        "From 4 of 16 patches a fill makes a smear. A model that has learned for three seconds to guess "
        "pixels of other digits puts ink where ink is likely: a blur, the mean of all that fits."
    )
    controls = (
        Choose("way", "draw with", FOUND),
        Slider("row", "picture of the test part", 0, SHOWN - 1, step=1, value=4),
        Button("pressed", "Hide others"),
    )

    def runs(self, way: str, pressed: int, **_: Any) -> Sequence[tuple[str, int]]:
        return [(way, int(pressed))] if way in (PIXELS, NORMALISED) else []

    def measure(self, run: tuple[str, int]) -> Drawn:
        return drawn(*run)

    def show(self, known: Mapping, way: str, row: int, pressed: int, **_: Any) -> str:
        truth = pictures().test[row]
        if way in (PIXELS, NORMALISED) and not known:
            return draw.picture(_pixels(truth), "the picture", width=144)
        found = known[way, int(pressed)] if known else drawn(way, int(pressed))
        shown = [
            (_pixels(truth), "the picture"),
            (_pixels(found.seen[row]), "4 patches are left"),
            (_pixels(found.guessed[row]), "drawn"),
        ]
        if way == NORMALISED:
            shown.append((_pixels(found.gift[row]), "the true means alone"))
        return draw.pictures(shown, width=144) + draw.note(_told(way, found))


def _told(way: str, found: Drawn) -> str:
    error = f"Error on hidden patches, mean of {len(found.seen)} test pictures: {found.error:.2f}"
    if way != NORMALISED:
        return f"{error}, where 1 is the spread of all training pixels, squared."
    return (
        f"{error}. It is not to be compared with the others: each hidden patch was drawn with its true mean "
        f"and spread. The true means alone, without any model, have {found.error_of_gift:.2f}."
    )


def _pixels(one: Tensor) -> np.ndarray:
    """(1, 8, 8) as the model sees it -> uint8 with dark ink on white; hidden (nan) is an even tint."""
    values = 1 - ((one[0] * pictures().spread + pictures().mean) / 255).clamp(0, 1)
    grey = (values.nan_to_num(0)[..., None] * 255).round().byte()
    colours = grey.expand(-1, -1, 3).numpy().copy()
    colours[values.isnan().numpy()] = TINT
    return colours.repeat(TIMES, 0).repeat(TIMES, 1)
