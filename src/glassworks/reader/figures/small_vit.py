"""The small ViT that the figures look into: that of the lab, trained on digits once a process, and its maps.

Each caller gets a model of its own, because whoever looks in listens to it, and two who listen at once would
hear each other. Not a figure itself.
The first thing to change: `labs/can_the_map_be_believed.py`, where the network and its training stand.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.insight.drawing import overlay, unit
from glassworks.insight.sanity import randomised
from glassworks.labs.can_the_map_be_believed import map_of, start, trained
from glassworks.labs.digits import Part, deal
from glassworks.labs.positions_and_order import scaled

SHOWN, FIRST = 24, 7  # test pictures to choose from, and the one that is shown first
TIMES = 20  # a pixel of 8 x 8 becomes so many
WAYS = {
    "rollout": "rollout",
    "attention of the last block": "attention",
    "Grad-CAM": "grad-cam",
    "occlusion": "occlusion",
    "the ink alone (asks no network)": "ink",
    "noise (asks no network)": "noise",
}


@lru_cache(maxsize=1)
def learned() -> dict[str, Tensor]:
    """The trained numbers; three seconds on one core the first time."""
    with torch.inference_mode(False), torch.enable_grad():  # whoever asks first may only want to look
        return trained("ViT").state_dict()


@lru_cache(maxsize=1)
def test_part() -> Part:
    """Pictures that it has not learned from, scaled as it wants them: (rows, 1, 8, 8)."""
    return scaled(deal(0))[2]


def small_vit() -> nn.Module:
    """The trained network, in evaluation mode, for this caller alone."""
    model = start("ViT", 0)
    model.load_state_dict(learned())
    return model.eval()


def shuffled_vit(draw: int) -> nn.Module:
    """The same with its numbers in random order, tensor by tensor."""
    return randomised(small_vit(), draw)


def picture_of(number: int) -> Tensor:
    """One test picture, (1, 1, 8, 8)."""
    return test_part().pictures[number : number + 1]


def ink_of(pictures: Tensor) -> np.ndarray:
    """One scaled picture as people see it, uint8 (8, 8, 1): light ink on dark, so that heat stands out."""
    low, high = float(test_part().pictures.min()), float(test_part().pictures.max())
    share = ((pictures.reshape(8, 8) - low) / (high - low)).clamp(0, 1)
    return (25 + 160 * share).to(torch.uint8).numpy()[..., None]


def said_of(model: nn.Module, pictures: Tensor) -> tuple[int, float]:
    """The answer to one picture, and its probability."""
    with torch.inference_mode():
        share = model(pictures).softmax(1)[0]
    return int(share.argmax()), float(share.max())


def heat_of(model: nn.Module, number: int, way: str, said: int) -> np.ndarray:
    """What one way of looking calls important in a test picture, (8, 8)."""
    return map_of(model, picture_of(number), torch.tensor([said]), way)[0]


def over(number: int, heat: np.ndarray) -> np.ndarray:
    """Heat (h, w), from its smallest to its largest value, smoothly over a test picture."""
    warm = unit(heat - heat.min())
    return overlay(ink_of(picture_of(number)).repeat(TIMES, 0).repeat(TIMES, 1), warm)
