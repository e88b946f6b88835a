"""The training loop of the book in one function, with a switch for each line that people forget.

`train_with` deals the digits into parts, trains a small network with plain SGD and judges it: about forty
lines that hold everything a loop needs. Each field of `LoopSettings` leaves one of them out or gets it wrong,
so that a chapter or a lab can show what the line was for. Everything random comes from one generator of the
call, so that runs beside each other in one process do not disturb each other.

Differs from the workbench's loop (`training/loop.py`): no checkpoint, no schedule, one small model.
Change first: `LoopSettings(rate=...)`.

Axes: rows are pictures of 8 x 8 squares with one channel; classes are the ten digits.
"""

import secrets
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.labs.digits import CLASSES, Part, deal


@dataclass(frozen=True)
class LoopSettings:
    """The loop as it should be; each switch is one line of it.

    zero_grad:       forget the gradient of the step before
    shuffle:         a new order every epoch; False: sorted by class, as files lie in folders
    evaluation_mode: switch dropout off and use batch norm's running figures while judging
    one_at_a_time:   judge the pictures one by one instead of all together
    scale_inputs:    subtract the training part's mean, divide by its standard deviation; False: 0 to 255
    batch_norm:      normalise each filter's answers over the batch
    logits:          give the loss the scores; False: probabilities, so that softmax is taken twice
    leak:            train on the validation part too
    rate:            the learning rate of plain SGD; dropout: the share that is silenced
    """

    zero_grad: bool = True
    shuffle: bool = True
    evaluation_mode: bool = True
    one_at_a_time: bool = False
    scale_inputs: bool = True
    batch_norm: bool = True
    logits: bool = True
    leak: bool = False
    rate: float = 0.1
    dropout: float = 0.25
    batch: int = 32
    epochs: int = 12


@dataclass(frozen=True)
class History:
    """What a run leaves behind.

    losses: of each step, in nats; validation: accuracy after each epoch; test: accuracy after the last
    seed:   also where none was given, so that the run can be repeated after all
    """

    settings: LoopSettings
    seed: int
    losses: tuple[float, ...]
    validation: tuple[float, ...]
    test: float

    @property
    def epoch_losses(self) -> tuple[float, ...]:
        """The mean loss of each epoch."""
        return tuple(float(part.mean()) for part in np.array_split(self.losses, self.settings.epochs))


class Reader(nn.Module):
    """Two stages of filters, then one dense layer: (rows, 8, 8) -> scores (rows, classes).

    dice: everything random (start, dropout) is drawn from it, so runs beside each other do not meet
    """

    def __init__(self, settings: LoopSettings, dice: torch.Generator):
        super().__init__()
        self.dice, self.share = dice, settings.dropout
        self.first = _drawn(nn.Conv2d, 1, 12, 3, dice=dice)
        self.second = _drawn(nn.Conv2d, 12, 24, 3, dice=dice)
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(filters) if settings.batch_norm else nn.Identity() for filters in (12, 24)
        )
        self.head = _drawn(nn.Linear, 24 * 2 * 2, CLASSES, dice=dice)

    def forward(self, pictures: Tensor) -> Tensor:
        maps = pictures[:, None]  # (rows, 1, 8, 8)
        maps = F.relu(self.norms[0](self.first(maps)))  # (rows, 12, 6, 6)
        maps = F.relu(self.norms[1](self.second(maps)))  # (rows, 24, 4, 4)
        return self.head(self._silenced(F.max_pool2d(maps, 2).flatten(1)))  # (rows, 96) -> (rows, classes)

    def _silenced(self, numbers: Tensor) -> Tensor:
        """Dropout whose mask comes from the model's own dice."""
        if not self.training or self.share == 0:
            return numbers
        kept = torch.rand(numbers.shape, generator=self.dice) >= self.share
        return numbers * kept / (1 - self.share)


def train_with(settings: LoopSettings, seed: int | None = 0, *, parts: int | None = None) -> History:
    """Train and judge once; about half a second on one core. The same seed gives the same numbers.

    seed:  of the start, the order and dropout; None draws one, as code without a seed does
    parts: seed of the deal into training, validation and test; left out: `seed`
    """
    seed = secrets.randbelow(2**31) if seed is None else seed
    training, validation, test = deal(seed if parts is None else parts)
    # region loop
    if settings.leak:
        training = Part(*(torch.cat(both) for both in zip(training, validation)))
    mean, std = training.pictures.mean(), training.pictures.std()
    if not settings.scale_inputs:
        mean, std = torch.tensor(0.0), torch.tensor(1.0)
    rows, targets = (training.pictures - mean) / std, training.targets
    dice = torch.Generator().manual_seed(seed_for(seed, "loop"))
    model = Reader(settings, dice)
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.rate)
    losses, accuracies = [], []
    for _ in range(settings.epochs):
        model.train()
        order = torch.randperm(len(rows), generator=dice) if settings.shuffle else targets.argsort()
        for chosen in order.split(settings.batch):
            if settings.zero_grad:
                optimizer.zero_grad()
            scores = model(rows[chosen])
            if not settings.logits:
                scores = scores.softmax(dim=1)
            loss = F.cross_entropy(scores, targets[chosen])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if settings.evaluation_mode:
            model.eval()
        accuracies.append(accuracy(model, (validation.pictures - mean) / std, validation.targets, settings))
    final = accuracy(model, (test.pictures - mean) / std, test.targets, settings)
    # end region
    return History(settings, seed, tuple(losses), tuple(accuracies), final)


@torch.no_grad()
def accuracy(model: nn.Module, rows: Tensor, targets: Tensor, settings: LoopSettings) -> float:
    """Share of rows whose highest score is the right class, in the mode that the model is in."""
    batches = rows.split(1 if settings.one_at_a_time else len(rows))
    said = torch.cat([model(batch).argmax(dim=1) for batch in batches])
    return int((said == targets).sum()) / len(targets)


def _drawn(kind: type[nn.Module], before: int, after: int, *shape: int, dice: torch.Generator) -> nn.Module:
    """A layer with He's start from these dice; torch's own start would draw from dice that all share."""
    layer = nn.utils.skip_init(kind, before, after, *shape)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=dice)
    nn.init.zeros_(layer.bias)
    return layer
