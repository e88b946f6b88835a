"""The small CLIP that figures look into: that of the lab on temperatures, trained on digits once a process.

It is the system of the workbench with one block in each encoder and 16 numbers where pictures and texts meet.
A digit can be left out, pictures and caption both: then its word was never read. Not a figure itself.
The first thing to change: `labs/temperature_of_pairs.py`, where the network and its training stand.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from glassworks.data.samples import NUMBER_WORDS
from glassworks.labs.digits import Part, deal
from glassworks.labs.positions_and_order import scaled
from glassworks.labs.temperature_of_pairs import CAPTION, begin, tokenizer, tokens, training
from glassworks.models.vision.clip import CLIP

STEPS = 160
KEPT = (0, 40, 80, 120, 160)  # steps whose vectors are kept
CAPTIONS = tuple(CAPTION.format(word) for word in NUMBER_WORDS)

__all__ = [
    "CAPTIONS",
    "KEPT",
    "STEPS",
    "cosines",
    "learned",
    "picture_vectors",
    "small_clip",
    "test_part",
    "text_vectors",
    "tokenizer",
]


@lru_cache(maxsize=1)
def parts() -> tuple[Part, ...]:
    """Training, validation and test part, pictures (rows, 1, 8, 8)."""
    with torch.inference_mode(False):  # whoever asks first may only want to look
        return scaled(deal(0))


def test_part() -> Part:
    """359 pictures that it has not learned from."""
    return parts()[2]


@lru_cache(maxsize=11)
def learned(left: int | None = None) -> dict[int, dict[str, Tensor]]:
    """Tensors of the model after the steps of `KEPT`; about a second on one core."""
    found = {}
    with torch.inference_mode(False), torch.enable_grad():
        model = begin(0)
        for step in training(model, parts()[0], 0, STEPS, left=left):
            if step in KEPT:
                found[step] = {name: value.detach().clone() for name, value in model.state_dict().items()}
    return found


def small_clip(left: int | None = None, step: int = STEPS) -> CLIP:
    """The model after a step, in evaluation mode, for this caller alone."""
    model = begin(0)
    model.load_state_dict(learned(left)[step])
    return model.eval()


@lru_cache(maxsize=64)
def picture_vectors(left: int | None = None, step: int = STEPS) -> Tensor:
    """Of the test pictures, (359, 16), length 1."""
    with torch.inference_mode():
        return small_clip(left, step).picture_features(test_part().pictures)


@lru_cache(maxsize=256)
def text_vectors(texts: tuple[str, ...], left: int | None = None, step: int = STEPS) -> Tensor:
    """(texts, 16), length 1."""
    with torch.inference_mode():
        return small_clip(left, step).text_features(tokens(list(texts), left))


def cosines(texts: tuple[str, ...], left: int | None = None, step: int = STEPS) -> np.ndarray:
    """Of all test pictures with some texts, (359, texts)."""
    return (picture_vectors(left, step) @ text_vectors(texts, left, step).T).numpy()
