"""Adapters on a whole model: nothing at first, folded away at the end, and one file for us and for peft."""

import copy
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.transfer.lora import (
    CONFIG,
    TENSORS,
    adaptable,
    adapter_parameters,
    adapters_of,
    add_adapters,
    merge_adapters,
    read_peft,
    write_peft,
)
from glassworks.transfer.tuning import Tuning, begin, groups_of
from tests.transfer.models import (
    pictures_for,
    small_cnn,
    small_efficientnet,
    small_lenet,
    small_resnet,
    small_timm,
)

MODELS = [small_cnn, small_lenet, small_resnet, small_efficientnet, small_timm]


def learn(model):
    """Adapters and head as after training: none of them zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in adapter_parameters(model) or name.startswith("head."):
                parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


def answers(model):
    with torch.no_grad():
        return model.eval()(pictures_for(model))


def close(ours, theirs):
    assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("make", MODELS)
def test_a_model_answers_the_same_with_new_adapters_and_with_folded_ones(make):
    torch.manual_seed(0)
    model = make().eval()
    names, before = set(model.state_dict()), answers(model)
    add_adapters(model, 2, 4.0)
    assert torch.equal(answers(model), before)
    learned = answers(learn(model))
    assert float((learned - before).abs().max()) > 1e-3
    assert merge_adapters(model) is model
    close(answers(model), learned)
    assert set(model.state_dict()) == names and not adapters_of(model)


def test_grouped_convolutions_and_the_head_are_left_alone():
    model = small_efficientnet()
    assert all(".depthwise." not in name and not name.startswith("head") for name in adaptable(model))
    assert "stem.convolution" in adaptable(model) and "top.convolution" in adaptable(model)
    add_adapters(model, 2, 4.0)
    assert set(adapters_of(model)) and not adaptable(model), "an adapter takes no adapter"


def test_the_table_shows_few_numbers_that_learn():
    model = small_resnet(widths=(64, 64, 128, 128))
    begin(model, Tuning("lora", rank=2))
    groups = groups_of(model, Tuning("lora", rank=2))
    learning, count = (sum(getattr(g, what) for g in groups) for what in ("learning", "count"))
    assert 0 < learning < 0.06 * count


def test_the_start_of_an_adapter_follows_from_the_seed():
    first, same, other = (small_lenet() for _ in range(3))
    for model, seed in ((first, 1), (same, 1), (other, 2)):
        add_adapters(model, 2, 4.0, seed=seed)
    name = "dense1.down.weight"
    assert torch.equal(first.get_parameter(name), same.get_parameter(name))
    assert not torch.equal(first.get_parameter(name), other.get_parameter(name))


def test_a_model_with_nothing_to_adapt_says_so():
    model = nn.Module()
    model.norm, model.head = nn.BatchNorm2d(3), nn.Linear(3, 2)
    with pytest.raises(PersonError) as caught:
        add_adapters(model, 2, 4.0)
    assert caught.value.code == "nothing-to-adapt"


# ---- files, beside peft's


@pytest.fixture
def peft():
    return pytest.importorskip("peft")


def test_peft_reads_what_we_wrote(peft, tmp_path):
    plain = small_cnn().eval()
    ours = copy.deepcopy(plain)
    add_adapters(ours, 3, 6.0)
    learn(ours)
    write_peft(tmp_path / "adapter", ours, base="somewhere")
    theirs = peft.PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()
    close(answers(ours), theirs(pictures_for(ours)).detach())
    for name, adapter in adapters_of(ours).items():
        layer = theirs.base_model.model.get_submodule(name)
        assert torch.equal(layer.lora_A["default"].weight, adapter.down.weight)
        assert torch.equal(layer.lora_B["default"].weight, adapter.up.weight)


@pytest.mark.parametrize("head", ["adapted", "saved"])
def test_we_read_what_peft_wrote(peft, tmp_path, head):
    plain = small_cnn().eval()
    ours = copy.deepcopy(plain)
    targets = [
        "stages.0.convolution",
        "stages.1.convolution",
        "dense",
        *(["head"] if head == "adapted" else []),
    ]
    saved = ["head"] if head == "saved" else None
    config = peft.LoraConfig(r=3, lora_alpha=5, target_modules=targets, modules_to_save=saved)
    theirs = peft.get_peft_model(plain, config).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape))
    theirs.save_pretrained(tmp_path)
    assert sorted(read_peft(tmp_path, ours)) == sorted(targets)
    close(answers(ours), theirs(pictures_for(ours)).detach())
    write_peft(tmp_path / "again", ours)
    for file in (TENSORS, CONFIG):
        assert (tmp_path / "again" / file).exists()
    assert (tmp_path / "again" / TENSORS).stat().st_size == pytest.approx(
        (tmp_path / TENSORS).stat().st_size, abs=400
    )


def test_names_that_peft_would_mistake_are_written_as_one_pattern(peft, tmp_path):
    """To peft "dense" also means "block.dense", which here takes no adapter."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Conv2d(4, 4, 1)
            self.block = nn.Module()
            self.block.dense = nn.Conv2d(4, 4, 1, groups=4)
            self.head = nn.Linear(4, 2)

        def forward(self, pictures):
            return self.head(self.block.dense(self.dense(pictures)).mean((2, 3)))

    plain = Net().eval()
    ours = copy.deepcopy(plain)
    add_adapters(ours, 2, 4.0)
    learn(ours)
    write_peft(tmp_path, ours)
    assert json.loads((tmp_path / CONFIG).read_text())["target_modules"] == "dense"
    theirs = peft.PeftModel.from_pretrained(plain, tmp_path).eval()
    pictures = torch.randn(2, 4, 3, 3)
    close(ours(pictures).detach(), theirs(pictures).detach())


def test_an_adapter_of_another_kind_or_model_is_refused_and_leaves_the_model_alone(tmp_path):
    model = small_cnn()
    add_adapters(model, 2, 4.0)
    write_peft(tmp_path, model)
    config = json.loads((tmp_path / CONFIG).read_text())

    def refused(other, code, **changes):
        (tmp_path / CONFIG).write_text(json.dumps(config | changes))
        before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
        with pytest.raises(PersonError) as caught:
            read_peft(tmp_path, other)
        assert caught.value.code == code
        assert set(other.state_dict()) == set(before)
        assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())

    refused(small_cnn(), "bad-adapter", peft_type="IA3")
    refused(small_cnn(), "bad-adapter", use_dora=True)
    refused(small_cnn(), "bad-adapter", bias="all")
    refused(small_cnn(), "bad-adapter", r=0)
    refused(small_cnn(), "bad-adapter", r="2")
    refused(small_cnn(), "bad-adapter", lora_alpha=None)
    refused(small_cnn(classes=7), "weights-do-not-fit")
    refused(small_cnn(), "weights-do-not-fit", r=3)
    refused(small_cnn(), "weights-do-not-fit", r=10**12)
    refused(small_resnet(), "weights-do-not-fit")
    tensors = load_file(tmp_path / TENSORS)
    save_file({name: t for name, t in tensors.items() if "dense.lora_B" not in name}, tmp_path / TENSORS)
    refused(small_cnn(), "weights-do-not-fit")
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(PersonError, match="cannot be read"):
        read_peft(tmp_path, small_cnn())
