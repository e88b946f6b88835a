"""The small Vision Transformer of three labs: built, trained and judged on the digits in a few seconds.

The labs on norms, activations and DropPath change one field of its blocks and leave everything else: 16
patches of 2 x 2 squares, 32 numbers a token, the same pictures in the same order. A run is a function of its
seed and of what it was given; it draws from dice of its own, and the shared ones stand afterwards as before.

Source: Dosovitskiy et al. 2020, arXiv 2010.11929; AdamW, Loshchilov & Hutter 2017, arXiv 1711.05101.
The first thing to change: `SHAPE`.

Axes: pictures (rows, 1, 8, 8); classes the ten digits.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from glassworks.blocks.encoder_block import BlockConfig
from glassworks.core.keyed import seed_for
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, SIDE, Part, batches, deal
from glassworks.models.vision.vit import ViT, ViTConfig, build
from glassworks.training.optimizer import adamw

SHAPE: dict[str, Any] = {"patch": 2, "dimension": 32, "pooling": "mean"}
BLOCK: dict[str, Any] = {"heads": 4, "ratio": 4.0}
BATCH, RATE, DECAY = 64, 3e-3, 0.05  # the rate is that of the workbench's `tiny` recipe
SLOW = 0.2  # share of the steps in which a slow start raises the rate


@dataclass(frozen=True)
class Judged:
    """After training. learned, accuracy: shares of right answers on the training and on the test part.

    learned_loss, loss: nats, on the same two parts
    """

    learned: float
    learned_loss: float
    accuracy: float
    loss: float

    @property
    def gap(self) -> float:
        """Training minus test accuracy, in points of 100."""
        return 100 * (self.learned - self.accuracy)


def parts_of(seed: int, count: int | None = None) -> tuple[Part, Part]:
    """Training and test part of this seed, scaled by the first; `count` takes so many training pictures."""
    training, _, test = deal(seed)
    if count is not None:
        training = training.take(slice(0, count))
    mean, std = training.pictures.mean(), training.pictures.std()

    def scaled(part: Part) -> Part:
        return Part(((part.pictures - mean) / std)[:, None], part.targets)  # (rows, 1, 8, 8)

    return scaled(training), scaled(test)


def model_of(depth: int, seed: int, **block: Any) -> ViT:
    """The model with blocks changed by `block` (fields of BlockConfig), and the start of this seed."""
    config = ViTConfig(
        height=SIDE, width=SIDE, channels=1, classes=CLASSES, depth=depth,
        block=BlockConfig(**(BLOCK | block)), **SHAPE,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "small-vit", depth))
        return build(config)


def learn(
    model: ViT, part: Part, seed: int, steps: int, *, slow: bool = True, until: int | None = None
) -> None:
    """AdamW for so many steps; the rate falls along a cosine, after a slow start or at once.

    until: ends after so many of the steps. DropPath draws from torch's own dice, which are put back.
    """
    optimizer = adamw(model.train(), learning_rate=RATE, weight_decay=DECAY)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "small-vit paths"))
        order = torch.Generator().manual_seed(seed_for(seed, "small-vit order"))
        for step, chosen in zip(
            range(steps if until is None else until), batches(len(part.targets), BATCH, order)
        ):
            for group in optimizer.param_groups:
                group["lr"] = RATE * rate_at((step + 1) / steps, slow)
            loss = F.cross_entropy(model(part.pictures[chosen]), part.targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def rate_at(share: float, slow: bool) -> float:
    """The share of the full rate, when this share of the steps is done."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * share)
    return min(share / SLOW, 1.0) * cosine if slow else cosine


@torch.no_grad()
def judged(model: ViT, training: Part, test: Part) -> Judged:
    """What a trained model makes of both parts, in evaluation mode."""
    model.eval()
    return Judged(*_look(model, training), *_look(model, test))


def words(one: Interval, decimals: int = 1) -> str:
    """ "+0.4 (-0.2 to +1.0)", or the value alone with one seed."""
    if one.low is None or one.high is None:
        return f"{one.value:+.{decimals}f} (one seed, no interval)"
    return f"{one.value:+.{decimals}f} ({one.low:+.{decimals}f} to {one.high:+.{decimals}f})"


def _look(model: ViT, part: Part) -> tuple[float, float]:
    """Accuracy and mean loss on a part."""
    scores = torch.cat([model(rows) for rows in part.pictures.split(256)])
    right = int((scores.argmax(1) == part.targets).sum())
    return right / len(part.targets), F.cross_entropy(scores, part.targets).item()
