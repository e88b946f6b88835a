"""The runs that the figures on the training loop share: the loop of the labs on the digits, each run kept by
its key.

Half of the lab's epochs, because a reader waits for them: about a quarter of a second on one core. Results
are pure functions of their keys, so every tab of the book may use the same ones.
The first thing to change: `EPOCHS`.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.core.keyed import seed_for
from glassworks.labs.digits import Part, deal
from glassworks.labs.loop import History, LoopSettings, Reader, train_with

EPOCHS = 6
RIGHT = LoopSettings(epochs=EPOCHS)


@lru_cache(maxsize=256)
def history(settings: LoopSettings, seed: int, parts: int | None = None) -> History:
    """What `labs.loop.train_with` leaves behind."""
    return train_with(settings, seed, parts=parts)


@lru_cache(maxsize=4)
def scaled(seed: int = 0) -> tuple[Part, Part, Part]:
    """Training, validation and test parts, scaled by the mean and spread of the training part."""
    training, validation, test = deal(seed)
    mean, std = training.pictures.mean(), training.pictures.std()
    parts = [Part((part.pictures - mean) / std, part.targets) for part in (training, validation, test)]
    return parts[0], parts[1], parts[2]


@lru_cache(maxsize=4)
def learned(seed: int = 0) -> dict[str, Tensor]:
    """The weights of a `Reader` after the loop as it should be; make a model of them with `reader`."""
    training = scaled(seed)[0]
    dice = torch.Generator().manual_seed(seed_for(seed, "loop"))
    model = Reader(RIGHT, dice)
    optimizer = torch.optim.SGD(model.parameters(), lr=RIGHT.rate)
    with torch.enable_grad():  # whoever asks first may only want to look
        for _ in range(RIGHT.epochs):
            for chosen in torch.randperm(len(training.targets), generator=dice).split(RIGHT.batch):
                optimizer.zero_grad()
                F.cross_entropy(model(training.pictures[chosen]), training.targets[chosen]).backward()
                optimizer.step()
    return {name: value.clone() for name, value in model.state_dict().items()}


def reader(seed: int = 0, dice: int = 0) -> Reader:
    """A trained reader of its own for each caller, in evaluation mode; `dice` seeds its dropout."""
    model = Reader(RIGHT, torch.Generator().manual_seed(seed_for(dice, "asked")))
    model.load_state_dict(learned(seed))
    return model.eval()
