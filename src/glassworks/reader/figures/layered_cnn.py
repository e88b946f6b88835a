"""The four-layer CNN that the figures look into: trained on digits of 32 x 32 pixels once a process.

Beside it stands the same network with its random start. Each caller gets a copy, because whoever looks in
listens to it. Not a figure itself.
First thing to change: `STEPS`, how long it learns.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.keyed import permutation
from glassworks.core.rows import PictureInput
from glassworks.data.samples import sample_table
from glassworks.insight.record import recording
from glassworks.labs.cnn_against_vit import learn
from glassworks.labs.digits import Part
from glassworks.models.vision.cnn import VARIANTS, CNNConfig, build
from glassworks.reader.figures.random_start import started

SIDE, TEST, STEPS, RATE = 32, 400, 120, 3e-3
STAGES = len(VARIANTS["four-layer"]["widths"])


@lru_cache(maxsize=1)
def parts() -> tuple[Part, Part, float, float]:
    """Pictures to learn from and to test with, (rows, 1, 32, 32), scaled; mean and std of 0 … 1."""
    table = sample_table("digits")
    pixels = np.stack([np.asarray(picture, np.float32) for picture in table.sources]) / 255
    order = torch.from_numpy(permutation(len(pixels), 0, "layered cnn"))
    learned = order[TEST:]
    all_pictures = torch.from_numpy(pixels)[:, None]
    mean, std = float(all_pictures[learned].mean()), float(all_pictures[learned].std())
    everything = Part((all_pictures - mean) / std, torch.from_numpy(np.asarray(table.targets)))
    return everything.take(learned), everything.take(order[:TEST]), mean, std


def how() -> PictureInput:
    """What the network is shown: grey pictures of 32 x 32, scaled."""
    *_, mean, std = parts()
    return PictureInput(SIDE, SIDE, 1, (mean,), (std,))


def fresh() -> nn.Module:
    """The network with its random start."""
    shape = VARIANTS["four-layer"] | {"dropout": 0.0}  # its masks come from dice that all readers share
    config = CNNConfig(height=SIDE, width=SIDE, channels=1, **shape)
    return started(build(config), "layered cnn").eval()


@lru_cache(maxsize=1)
def learned() -> dict[str, Tensor]:
    """The trained numbers; some seconds on one core the first time."""
    with torch.inference_mode(False), torch.enable_grad():
        return learn(fresh(), parts()[0], 0, steps=STEPS, rate=RATE).state_dict()


def network(trained: bool) -> nn.Module:
    """A copy for this caller alone, in evaluation mode."""
    model = fresh()
    if trained:
        model.load_state_dict(learned())
    return model.eval()


@lru_cache(maxsize=2)
def answers(trained: bool) -> tuple[Tensor, ...]:
    """What each channel of each stage answers to the test pictures, a mean over places: (rows, channels)."""
    model = network(trained)
    names = [f"stages.{number}" for number in range(STAGES)]
    with torch.inference_mode(), recording(model, names) as seen:
        model(parts()[1].pictures)
    return tuple(seen[name].mean((2, 3)).clone() for name in names)


def ink(pictures: Tensor) -> np.ndarray:
    """Scaled pictures (rows, 1, 32, 32) as bytes, uint8 (rows, 32, 32)."""
    *_, mean, std = parts()
    return ((pictures[:, 0] * std + mean).clamp(0, 1) * 255).to(torch.uint8).numpy()
