"""Memory by arithmetic agrees with the published figures, and with what a real model keeps."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.deploy import activations, memory
from glassworks.deploy.memory import Transformer, plan
from glassworks.models.vision import cnn

GIB = 1024**3
# Llama 2, arXiv 2307.09288, and its config: 70 B with 8 key heads
LLAMA_70B = Transformer(layers=80, heads=64, width=8192, context=4096, key_heads=8)


def test_training_takes_sixteen_bytes_a_parameter_as_zero_says():
    for precision in ("fp32", "bf16"):
        assert sum(memory.learning_need(7.5e9, precision).parts.values()) == 16 * 7.5e9  # 120 GB in the paper


def test_answering_takes_the_bytes_of_the_precision():
    weights = {name: need.parts["weights"] for name, need in plan(175e9).answering.items()}
    assert weights["fp32"] == 700e9 and weights["bf16"] == 350e9
    assert 175e9 < weights["int8"] < 182e9 and 87.5e9 < weights["int4"] < 94e9


def test_the_cache_of_keys_and_values_follows_the_shared_heads():
    assert memory.cache_bytes(LLAMA_70B) == pytest.approx(1.25 * GIB)
    all_heads = Transformer(80, 64, 8192, 4096)
    assert memory.cache_bytes(all_heads) == 8 * memory.cache_bytes(LLAMA_70B)


def test_devices_are_counted_up_and_include_the_overhead():
    need = memory.answering_need(70e9, "bf16", batch=1, transformer=LLAMA_70B)
    assert need.total == pytest.approx(1.1 * (140e9 + 1.25 * GIB))
    assert need.devices(80 * GIB) == 2 and need.devices(24 * GIB) == 7 and need.devices(1e15) == 1


def test_the_words_say_what_makes_it_fit():
    words = " ".join(plan(7e9, device_bytes=24 * GIB).words)
    assert "answers on one device of 24.0 GB in bf16" in words and "bf16 instead of fp32" in words
    assert "tuning the head or LoRA" in words
    assert "Even in int4 it needs" in plan(1.8e12, device_bytes=24 * GIB).words[0]
    small = plan(4e6, device_bytes=24 * GIB, head=1280 * 10)
    assert small.words[0].endswith("in fp32.") and "learns on one device" in small.words[-1]
    assert small.learning["head only"].total < small.learning["fp32"].total


def test_experts_are_held_by_total_and_counted_by_active():
    mixture = plan(46.7e9, active=12.9e9)
    assert mixture.answering["bf16"].parts["weights"] == 2 * 46.7e9
    assert "1.29e+10 are active" in mixture.words[-1]


def test_a_long_context_is_told_when_its_cache_outgrows_the_weights():
    long = Transformer(layers=32, heads=32, width=4096, context=131072)
    assert any("cache is larger than the weights" in word for word in plan(7e9, transformer=long).words)


@pytest.mark.parametrize(
    "bad",
    [{"params": 0}, {"params": 1e9, "active": 2e9}, {"params": float("nan")}, {"params": 1, "batch": 0}],
)
def test_nonsense_is_refused_in_words(bad):
    with pytest.raises(PersonError) as refused:
        plan(**bad)
    assert refused.value.code == "bad-value"


def test_the_arithmetic_needs_no_torch():
    code = (
        "import sys, glassworks.deploy.memory as m; m.plan(175e9).as_text(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_json_and_table_say_the_same():
    told = plan(1e9, head=1e4)
    table = told.as_text()
    assert len(table) == 1 + len(told.answering) + len(told.learning)
    assert told.as_json()["answering"]["bf16"]["total"] == told.answering["bf16"].total


def test_measured_maps_are_those_that_the_backward_pass_keeps():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(64, 128, bias=False), nn.Linear(128, 8, bias=False)

        def forward(self, rows):
            return self.second(torch.sigmoid(self.first(rows)))

    # Kept: the rows (64), the sigmoid's output (128, kept twice, counted once). In fp32, for one row:
    assert activations.measured(Two(), torch.randn(16, 64)) == 4 * (64 + 128)


def test_measuring_changes_nothing_and_grows_with_the_picture():
    sizes = []
    for side in (16, 32):
        model = cnn.build(cnn.CNNConfig(side, side, 3, 10, (8, 16), 32, batch_norm=True)).eval()
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        state = torch.get_rng_state()
        sizes.append(activations.measured(model, torch.randn(4, 3, side, side, generator=torch.Generator())))
        assert torch.equal(state, torch.get_rng_state()) and not model.training
        assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert 3.5 < sizes[1] / sizes[0] < 4.5
