"""The forecaster climbs the ladder: figures of the textbook, parity with torch, laws, learning, export."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.data.sequence_batches import SequenceBatches
from glassworks.deploy.sequences import shipped_forecaster
from glassworks.models.sequence.forecaster import DECILES, ForecasterConfig, build, normal_gaps
from glassworks.tasks.forecasting import Forecasting
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised
from glassworks.weights.names import by_our_names
from glassworks.weights.names import forecaster as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.api import series as made
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.sequence.test_forecaster`, paste what it prints, and
# say in the commit why the losses moved.
FIRST_LOSSES = [
    0.121358, 0.111692, 0.117595, 0.107311, 0.115831, 0.104314, 0.113827, 0.114340, 0.118218, 0.118657,
]  # fmt: skip
ANCHORED = {
    "history": 24, "channels": 3, "wanted": 2, "horizon": 8, "quantiles": DECILES, "width": 8,
    "anchor": "season", "period": 6, "shortcut": 12,
}  # fmt: skip
LENGTHS = torch.tensor([24, 13, 20, 24])
PRICES = (150.0, 151.2, 152.1, 149.8, 150.5, 153.0, 155.1)


def make(seed=11, **changes):
    """A forecaster whose head is no longer zero, so that what it adds can be seen."""
    model = ladder.seeded(lambda: build(ForecasterConfig(**changes)), seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return model


def windows(batch=4, time=24, channels=3, dtype=torch.float32):
    return torch.randn(batch, time, channels, generator=torch.Generator().manual_seed(1)).to(dtype)


class Textbook(nn.Module):
    """The network of torch's own parts: an LSTM of two layers, and a line from its last state."""

    def __init__(self, channels=1, outputs=1):
        super().__init__()
        self.lstm = nn.LSTM(channels, 64, num_layers=2, batch_first=True)
        self.fc = nn.Linear(64, outputs)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


def test_the_textbooks_figures():
    """T47: 50,497 numbers, 50,432 of them the LSTM's; one window or 32 of them give one number each."""
    model = build(ForecasterConfig())
    assert sum(p.numel() for p in model.parameters()) == 50_497
    assert sum(p.numel() for p in model.lstm.parameters()) == 50_432
    assert sum(p.numel() for p in model.head.parameters()) == 65
    assert model(torch.randn(1, 7, 1)).shape == (1, 1) and model(torch.randn(32, 7, 1)).shape == (32, 1)


def test_raw_prices_saturate_what_scaled_ones_do_not():
    """T48, E8: the gates of the first layer hardly answer to raw prices; scaled they do."""
    prices = torch.tensor(PRICES, dtype=torch.float64)
    assert float(prices.mean()) == pytest.approx(151.671432, abs=1e-3)
    assert float(prices.std()) == pytest.approx(1.897117, abs=1e-3)
    model = ladder.seeded(lambda: build(ForecasterConfig())).double()
    scaled = ((prices - prices.mean()) / prices.std())[None, :, None]

    def answers(window):
        window = window.clone().requires_grad_(True)
        state, _ = model.lstm(window)
        (gradient,) = torch.autograd.grad(state[:, -1].sum(), window)
        return float(gradient.abs().mean())

    assert answers(prices[None, :, None]) < 0.02 * answers(scaled)


@pytest.mark.parametrize("changes", [{}, ANCHORED, ANCHORED | {"anchor": "last", "period": 0}])
def test_shape_and_gradient(changes):
    config = ForecasterConfig(**changes)
    model = make(**changes).train()
    said = model(windows(time=config.history, channels=config.channels), None if not changes else LENGTHS)
    assert said.shape == (4, config.outputs) and torch.isfinite(said).all()
    said.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert [name for name, _ in model.named_children()][-1] == "head"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity(dtype):
    """The same weights in torch's parts say the same."""
    theirs = ladder.seeded(Textbook, 5).to(dtype)
    model = make().to(dtype)
    load_into(model, by_our_names("forecaster", theirs.state_dict()), source="the reference")
    given = windows(time=7, channels=1, dtype=dtype)
    with torch.no_grad():
        ladder.close(model(given), theirs(given))


def test_foreign_weights_load_and_go_back(tmp_path):
    theirs = ladder.seeded(Textbook, 5)
    write_tensors(tmp_path / "theirs.safetensors", theirs.state_dict())
    model = make()
    tensors = by_our_names("forecaster", read_tensors(tmp_path / "theirs.safetensors"))
    load_into(model, tensors, source="the reference")
    back = names.to_theirs(model.state_dict())
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in theirs.state_dict().items())


def test_law_twice_the_series_gives_twice_the_forecast():
    """A window is measured against itself: another unit or another zero changes the answer by just that."""
    for anchor in ("season", "last"):
        model = make(**ANCHORED | {"anchor": anchor}).double().eval()
        given = windows(dtype=torch.float64)
        with torch.no_grad():
            ladder.close(model(3.0 * given - 7.0, LENGTHS), 3.0 * model(given, LENGTHS) - 7.0)


def test_law_quantiles_never_cross():
    said = make(**ANCHORED).forecast(10 * windows(), LENGTHS)
    assert said.shape == (4, 8, 2, 9) and (said.diff(dim=-1) > 0).all()


def test_law_padding_and_neighbours_do_not_matter():
    model = make(**ANCHORED).eval()
    given = windows()
    with torch.no_grad():
        together = model(given, LENGTHS)
        spoiled = given.clone()
        spoiled[1, 13:] = 1e6
        assert torch.allclose(model(spoiled, LENGTHS), together, atol=1e-5)
        alone = torch.cat([model(given[n : n + 1, : LENGTHS[n]]) for n in range(4)])
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-5)


def test_it_starts_as_the_last_season_with_a_textbook_interval():
    """Before it has learned, the middle is the last season, and 0.1 to 0.9 are 1.2816 of its usual misses."""
    model = build(ForecasterConfig(**ANCHORED))
    given = windows(dtype=torch.float64)[:1]
    with torch.no_grad():
        said = model.double().forecast(given)
    season = given[:, -6:, :2]
    torch.testing.assert_close(said[..., 4], season[:, torch.arange(8) % 6])
    miss = (given[:, 6:] - given[:, :-6])[..., :2].square().mean(1).sqrt()  # (1, wanted)
    for step, lags in ((0, 1.0), (5, 1.0), (6, 2.0)):
        reach = said[:, step, :, 8] - said[:, step, :, 4]
        torch.testing.assert_close(reach, 1.2815516 * miss * lags**0.5, rtol=1e-5, atol=1e-6)
    assert float(nn.functional.softplus(normal_gaps(DECILES))[5:].sum()) == pytest.approx(1.2815516)


def test_deterministic_in_evaluation_though_dropout_is_on():
    model = make(**ANCHORED | {"dropout": 0.5})
    with torch.no_grad():
        assert torch.equal(model.eval()(windows()), model(windows()))
        assert not torch.equal(model.train()(windows()), model.eval()(windows()))


def first_losses(steps=10):
    """Losses of the first steps on sine waves, in float64 by plain gradient descent."""
    config = ForecasterConfig(**ANCHORED | {"channels": 1, "wanted": 1})
    model = ladder.seeded(lambda: build(config)).double()
    values = np.sin(np.arange(400) * 2 * np.pi / 6) + 0.3 * np.sin(np.arange(400) * 0.31)
    sequences = [values[n : n + 24, None].astype(np.float32) for n in range(320)]
    targets = np.stack([values[n + 24 : n + 32, None] for n in range(320)])
    batches = SequenceBatches(sequences, targets, np.arange(320), seed=3)
    state = TrainingState(model, torch.optim.SGD(model.parameters(), lr=0.05))
    task = Forecasting(8, 1, DECILES)
    step = supervised(task, model, Runtime(torch.device("cpu"), "fp32", 1), seed=3, clip=1.0, average=0.0)
    losses = []
    for number in range(steps):
        batch = batches.training(0, number * 32, number * 32 + 32)
        batch = type(batch)(batch.inputs.double(), batch.lengths, batch.targets.double(), batch.rows)
        losses.append(step(state, batch, 32)["loss"] / 32)
        state.step += 1
    return losses


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(first_losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_what_the_last_season_does_not_say(tmp_path):
    """A season that grows: the last season again is behind by a year's growth, and the model is not."""
    run = made.trained(made.growing(tmp_path / "growing.csv"), tmp_path / "run")
    figures, baselines = run.card["metrics"], run.card["baselines"]
    assert figures["mase"]["value"] < 0.7 * baselines["last season"]["mase"]["value"]


def test_exports(tmp_path):
    model = make(**ANCHORED).eval()
    shipped = shipped_forecaster(model, 24, (10.0, 0.0, 1.0), (2.0, 1.0, 3.0), 2)
    predict = shipped.predictor(shipped.to_onnx(tmp_path / "model.onnx"))
    given, lengths = windows().numpy(), LENGTHS.numpy()
    for rows in (slice(None), slice(0, 1)):
        (expected,) = shipped.live()(given[rows], lengths[rows])
        (found,) = predict(given[rows], lengths[rows])
        assert expected.shape[1:] == (8, 2, 9)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"horizon": 0}, "at least 1"),
        ({"wanted": 2}, "2 channels are wanted of 1"),
        ({"quantiles": (0.1, 0.9)}, r"0\.5 among them"),
        ({"quantiles": (0.9, 0.5)}, "quantiles rise"),
        ({"quantiles": (0.0, 0.5)}, "from above 0"),
        ({"anchor": "season"}, "a season of 0 steps"),
        ({"anchor": "season", "period": 8}, "not seen in a history of 7"),
        ({"shortcut": 8}, "0 to 7 steps"),
        ({"dropout": 1.0}, "a share from 0"),
    ],
)
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        ForecasterConfig(**wrong)


def test_windows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(batch, time, 1\), got \(4, 7, 3\)"):
        make()(windows(time=7))
    with pytest.raises(ValueError, match="at most 7 steps, got 9"):
        make()(windows(time=9, channels=1))


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in first_losses()) + "]")
