"""A step: accumulation, memory that does not suffice, losses that are not finite, processes that share."""

import pytest
import torch
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.data.batches import Batch
from glassworks.tasks.image import ImageClassification
from glassworks.training.optimizer import adamw, muon, orthogonal
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import NotFinite, first_not_finite, supervised

RUNTIME = Runtime(torch.device("cpu"), "fp32", 1)


class Small(nn.Module):
    """Two dense layers; its forward can be told to run out of memory above some batch size."""

    def __init__(self, limit=None):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.head = nn.Linear(12, 16), nn.Linear(16, 3)
        self.limit = limit
        self.sizes = []

    def forward(self, pictures):
        self.sizes.append(len(pictures))
        if self.limit and len(pictures) > self.limit:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return self.head(torch.relu(self.first(pictures.flatten(1))))


def batch(count=24, poison=None):
    generator = torch.Generator().manual_seed(4)
    inputs = torch.randn(count, 3, 2, 2, generator=generator)
    if poison is not None:
        inputs[poison] = float("nan")
    import numpy as np

    return Batch(inputs, torch.randint(3, (count,), generator=generator), np.arange(count))


def trained(model, steps=4, micro=0, data=None):
    state = TrainingState(model, adamw(model, learning_rate=1e-2, weight_decay=0.01), micro=micro)
    step = supervised(ImageClassification(3), model, RUNTIME, seed=0, clip=1.0, average=0.0)
    losses = []
    for _ in range(steps):
        losses.append(step(state, data or batch(), 24)["loss"] / 24)
        state.step += 1
    return state, losses


def test_accumulation_gives_the_same_losses():
    _, whole = trained(Small())
    _, parts = trained(Small(), micro=7)
    assert parts == pytest.approx(whole, rel=1e-5)


def test_out_of_memory_halves_the_forward_pass_and_keeps_the_step():
    """The effective batch stays 24: losses within 1e-5 of a run that had memory enough."""
    _, whole = trained(Small())
    model = Small(limit=7)
    state, losses = trained(model)
    assert losses == pytest.approx(whole, rel=1e-5)
    assert state.micro == 6 and model.sizes[:3] == [24, 12, 6]
    assert state.to_checkpoint().state["micro"] == 6  # stored, so that a resume does not search again


def test_not_even_one_picture_fits():
    with pytest.raises(PersonError) as told:
        trained(Small(limit=0.5))
    assert told.value.code == "out-of-memory"


def test_other_runtime_errors_are_not_taken_for_lack_of_memory():
    class Broken(Small):
        def forward(self, pictures):
            raise RuntimeError("a real fault")

    with pytest.raises(RuntimeError, match="a real fault"):
        trained(Broken())


def test_a_loss_that_is_not_finite_never_reaches_the_weights():
    model = Small()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(NotFinite):
        trained(model, data=batch(poison=5))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_the_first_layer_that_is_not_finite_is_named():
    model = Small()
    assert first_not_finite(model, batch(poison=2)) == "the input itself"
    with torch.no_grad():
        model.head.weight[0, 0] = float("inf")
    assert first_not_finite(model, batch()) == "head"


def test_muon_turns_all_directions_equally():
    """The step's matrix is nearly orthogonal, whatever the sizes of the gradients' directions."""
    matrix = torch.randn(24, 40, generator=torch.Generator().manual_seed(0)) * torch.logspace(-2, 1, 40)
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() > 0.5 and values.max() < 1.35
    assert torch.linalg.svdvals(matrix).max() > 20 * torch.linalg.svdvals(matrix).min()


def test_muon_leaves_first_last_and_vectors_to_adamw():
    class Three(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 2))

    model = Three()
    rule = muon(model, learning_rate=0.01, weight_decay=0.0)
    model(torch.randn(5, 4)).square().mean().backward()
    rule.step()
    kinds = {name: set(rule.state[p]) for name, p in model.named_parameters()}
    assert kinds["1.weight"] == {"step", "momentum"}
    assert all("exp_avg" in kinds[name] for name in kinds if name != "1.weight")
