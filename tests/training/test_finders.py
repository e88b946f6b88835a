"""Choices are measured, and each says in one sentence what it chose and why."""

import pytest
import torch
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.tasks.image import ImageClassification
from glassworks.training import finders, runtime
from glassworks.training.runtime import Runtime, choose_device, choose_threads
from glassworks.training.step import supervised
from tests.training.test_step import batch

RUNTIME = Runtime(torch.device("cpu"), "fp32", 1)


class Data:
    """240 examples of a task that can be learned: the class is where the largest input stands."""

    def __len__(self):
        return 240

    def training(self, epoch, start, stop, rank=0, world=1):
        whole = batch(240)
        whole.targets[:] = whole.inputs.flatten(1)[:, :3].argmax(1)
        return whole.part(start, stop)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, pictures):
        return self.layers(pictures)


def make_step(model, where):
    return supervised(ImageClassification(3), model, where, seed=0, clip=1.0, average=0.0)


def test_learning_rate_is_where_the_loss_falls_and_the_model_is_untouched():
    model = Dense()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = finders.find_learning_rate(model, make_step, Data(), RUNTIME, batch=40, fallback=1e-3)
    assert 1e-4 < found.value < 0.3
    assert f"{found.value:g}" in found.reason and "--learning-rate" in found.reason and len(found.curve) > 10
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_loss_that_never_falls_leaves_the_recipes_rate():
    found = finders._steepest([(10.0**-k, float(10 - k)) for k in range(10, 0, -1)], 2e-3)
    assert found.value == 2e-3 and "no rate made the loss fall" in found.reason


def test_batch_is_the_smallest_within_a_tenth_of_the_best(monkeypatch):
    speed = {16: 100.0, 32: 180.0, 64: 200.0, 128: 205.0}
    monkeypatch.setattr(finders, "time_steps", lambda *a, batch, **k: batch / speed[batch])
    monkeypatch.setattr(Data, "__len__", lambda self: 2000)
    found = finders.find_batch(Dense(), make_step, Data(), RUNTIME, most=128)
    assert found.value == 64 and "batch 64" in found.reason and "128: 205/s" in found.reason


def test_batches_that_do_not_fit_into_memory_are_passed_over(monkeypatch):
    def timed(*_, batch, **__):
        if batch > 32:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return 1.0

    monkeypatch.setattr(finders, "time_steps", timed)
    monkeypatch.setattr(Data, "__len__", lambda self: 2000)
    assert finders.find_batch(Dense(), make_step, Data(), RUNTIME).value == 32


@pytest.mark.parametrize(("bf16", "chosen"), [(0.5, 1.0), (0.95, 0.0), (2.0, 0.0)])
def test_precision_is_bf16_where_it_is_faster(monkeypatch, bf16, chosen):
    monkeypatch.setattr(
        finders, "time_steps", lambda m, s, e, where, **k: bf16 if where.precision == "bf16" else 1.0
    )
    found = finders.choose_precision(Dense(), make_step, Data(), RUNTIME, batch=8)
    assert found.value == chosen and "here" in found.reason


def test_compiling_a_short_run_is_warned_of():
    assert "leave --compile out" in finders.warn_of_compiling(0.01, 100)
    assert finders.warn_of_compiling(1.0, 10_000) == ""


def test_threads_are_as_many_as_cores_are_free(monkeypatch):
    for busy, threads in ((0.0, 4), (1.1, 3), (3.4, 1), (9.0, 1)):
        monkeypatch.setattr(runtime, "busy_cores", lambda busy=busy: busy)
        chosen, reason = choose_threads(4)
        assert chosen == threads and f"threads {threads}" in reason


def test_a_device_that_is_not_there_is_refused_with_those_that_are():
    assert choose_device("cpu") == ("cpu", "device cpu: asked for")
    if not torch.cuda.is_available():
        with pytest.raises(PersonError) as told:
            choose_device("cuda")
        assert "cpu" in told.value.expected and "--device cuda" in told.value.got
