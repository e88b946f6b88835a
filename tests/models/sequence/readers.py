"""The rungs that RNN, LSTM and GRU climb as readers of labelled series; each one's file names its figures."""

import csv

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.deploy.sequences import shipped_series
from glassworks.tasks.image import ImageClassification
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised
from glassworks.weights.names import by_our_names
from glassworks.weights.names import recurrent as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

LENGTHS = torch.tensor([5, 12, 1, 9])


def series(dtype=torch.float32, batch=4, time=12, channels=3):
    return torch.randn(batch, time, channels, generator=torch.Generator().manual_seed(1)).to(dtype)


class Theirs(nn.Module):
    """The same network of torch.nn's parts: packed sequences, the last states, a linear head."""

    def __init__(self, kind, layers=2):
        super().__init__()
        layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind]
        setattr(self, kind, layer(3, 8, layers, batch_first=True, bidirectional=True))
        self.kind, self.head = kind, nn.Linear(16, 4)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.4)

    def forward(self, given, lengths):
        packed = pack_padded_sequence(given, lengths, batch_first=True, enforce_sorted=False)
        _, state = getattr(self, self.kind)(packed)
        hidden = state[0] if isinstance(state, tuple) else state
        return self.head(torch.cat([hidden[-2], hidden[-1]], -1))


def shape_and_gradient(make, **changes):
    model = make(channels=3, classes=4, width=8, layers=2, **changes).train()
    scores = model(series(), LENGTHS)
    assert scores.shape == (4, 4) and torch.isfinite(scores).all()
    nn.functional.cross_entropy(scores, torch.arange(4)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert [name for name, _ in model.named_children()][-1] == "head"


def deterministic(make, pooling):
    """Dropout plays no part in evaluation, and neither do the series that share a batch, nor padding."""
    model = make(channels=3, classes=4, width=8, layers=2, dropout=0.5, pooling=pooling, patch=2)
    given = series()
    for row, length in enumerate(LENGTHS):
        given[row, length:] = 0.0  # as batches are padded
    model.eval()
    with torch.no_grad():
        first = model(given, LENGTHS)
        assert torch.equal(first, model(given, LENGTHS))
        alone = [model(given[row : row + 1, :n]) for row, n in enumerate(LENGTHS.tolist())]
        longer = model(nn.functional.pad(given, (0, 0, 0, 5)), LENGTHS)
    torch.testing.assert_close(torch.cat(alone), first, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(longer, first, rtol=1e-5, atol=1e-5)
    model.train()
    assert not torch.equal(model(given, LENGTHS), model(given, LENGTHS))


def parity(kind, make, dtype):
    theirs = ladder.seeded(lambda: Theirs(kind)).to(dtype)
    model = make(channels=3, classes=4, width=8, layers=2, pooling="last").to(dtype)
    load_into(model, by_our_names(kind, theirs.state_dict()), source="the reference")
    with torch.no_grad():
        expected = theirs(series(dtype), LENGTHS)
        ladder.close(model(series(dtype), LENGTHS), expected)
        model.layer.fused = False
        ladder.close(model(series(dtype), LENGTHS), expected)
    assert float(expected.std()) > 0.1


def foreign_weights(kind, make, folder):
    theirs = ladder.seeded(lambda: Theirs(kind)).state_dict()
    write_tensors(folder / "theirs.safetensors", theirs)
    tensors = read_tensors(folder / "theirs.safetensors")
    model = make(channels=3, classes=4, width=8, layers=2, pooling="last")
    load_into(model, by_our_names(kind, tensors), source="theirs")
    back = names.to_theirs(model.state_dict(), kind)
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)
    ours = model.state_dict()
    assert by_our_names(kind, ours).keys() == ours.keys()  # ours stay ours


def exports(make, folder, layers=1, **changes):
    """The ONNX file answers as the live model, also for another batch and lengths than it was made of."""
    model = make(channels=3, classes=4, width=8, layers=layers, **changes).eval()
    subject = shipped_series(model, "label", (1.0, 0.0, -2.0), (2.0, 1.0, 0.5))
    answer, ask = subject.predictor(subject.to_onnx(folder / "model.onnx")), subject.live()
    for lengths in ([3, 20, 1], [8]):
        given = series(batch=len(lengths), time=max(lengths)).numpy()
        found, expected = (one(given, np.array(lengths)) for one in (answer, ask))
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
        assert expected[0].std() > 0.001
    text = (folder / "model.onnx").read_bytes()
    assert b"site-packages" not in text and b"glassworks/" not in text


def first_losses(make, steps=10):
    """Losses of the first steps at a fixed seed: plain gradient descent in float64, as for pictures."""
    model = ladder.seeded(lambda: make(channels=2, classes=3, width=12)).double()
    numbers = np.random.default_rng(5)
    rows = [numbers.normal(size=(int(n), 2)).astype(np.float32) for n in numbers.integers(4, 16, 96)]
    targets = np.array([int(np.abs(row).sum()) % 3 for row in rows])
    batches = SequenceBatches(rows, targets, np.arange(96), batch=24, seed=3)
    state = TrainingState(model, torch.optim.SGD(model.parameters(), lr=0.5))
    runtime = Runtime(torch.device("cpu"), "fp32", 1)
    step = supervised(ImageClassification(3), model, runtime, seed=3, clip=1.0, average=0.0)
    losses = []
    for number in range(steps):
        batch = batches.training(number // 4, number % 4 * 24, number % 4 * 24 + 24)
        batch = type(batch)(batch.inputs.double(), batch.lengths, batch.targets, batch.rows)
        losses.append(step(state, batch, 24)["loss"] / 24)
        state.step += 1
    return losses


def write_orders(path, rows=160, steps=16, seed=2):
    """A table of series whose class is the order of two bumps: their values alone say nothing."""
    numbers = np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["label", *(f"t{step}" for step in range(steps))])
        for row in range(rows):
            values = numbers.normal(0, 0.2, steps)
            first, second = numbers.integers(0, steps // 2 - 1), numbers.integers(steps // 2, steps - 1)
            up = row % 2
            values[first : first + 2] += 2 if up else -2
            values[second : second + 2] += -2 if up else 2
            writer.writerow(["up first" if up else "down first", *(f"{value:.4f}" for value in values)])
    return path


def learns(system, folder, **options):
    """A few passes of the tiny recipe over series whose order decides: far above the chance of one half."""
    data = write_orders(folder / "orders.csv")
    settings = {"size": "tiny", "threads": 1, "quiet": True, "out": str(folder / "run"), "epochs": 12}
    return train_request(TrainRequest(system=system, data=str(data), **settings | options))


REFUSED = pytest.mark.parametrize(
    ("wrong", "message"),
    [({"width": 0}, "at least 1"), ({"patch": 0}, "at least 1"), ({"pooling": "middle"}, "pooling"),
     ({"dropout": 1.0}, "dropout")],
)  # fmt: skip
