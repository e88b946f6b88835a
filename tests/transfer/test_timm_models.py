"""timm's models by name: the same answers as timm's own, safetensors alone, and words for every mistake."""

import pytest
import torch
from safetensors.torch import save_file

from glassworks.core.errors import PersonError
from glassworks.transfer import timm_models
from glassworks.transfer.timm_models import (
    TimmConfig,
    build,
    known,
    pretrained_tensors,
    tensors_from,
    timm_input,
)
from glassworks.weights.store import load_into

timm = pytest.importorskip("timm")

SMALL = [  # name, side, what timm calls its head
    ("resnet18", 32, "fc"),
    ("mobilenetv3_small_050", 32, "classifier"),
    ("vit_tiny_patch16_224", 32, "head"),
    ("tf_efficientnet_lite0", 32, "classifier"),
    ("convnext_atto", 32, "head.fc"),
]


@pytest.mark.parametrize(("name", "side", "head"), SMALL)
def test_answers_are_timms_own_given_the_same_tensors(name, side, head, tmp_path):
    torch.manual_seed(0)
    size = {"img_size": side} if name.startswith("vit") else {}
    theirs = timm.create_model(name, in_chans=1, **size)  # its own 1,000 classes
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    theirs.eval()
    config = TimmConfig(name, side, side, 1, 1000)
    ours = build(config)
    assert ours.training
    tensors = {f"body.{n}": t for n, t in theirs.state_dict().items() if not n.startswith(f"{head}.")}
    tensors |= {f"head.{kind}": theirs.get_submodule(head).get_parameter(kind) for kind in ("weight", "bias")}
    load_into(ours, tensors, source="timm")
    ours.eval()
    pictures = torch.randn(2, 1, side, side)
    with torch.no_grad():
        expected, before = (
            theirs(pictures),
            theirs.forward_head(theirs.forward_features(pictures), pre_logits=True),
        )
        said, features = ours(pictures), ours.features(pictures)
        alone = ours.head(features)
    bound = 1e-5 * max(1.0, float(expected.abs().max()))
    assert float((said - expected).abs().max()) <= bound
    assert float((features - before).abs().max()) <= 1e-5 * max(1.0, float(before.abs().max()))
    assert torch.equal(alone, said) and features.shape == (2, ours.head.in_features)


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_a_published_file_is_fitted_to_the_size_and_channels(name, tmp_path):
    theirs = timm.create_model(name).eval()
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    own = TimmConfig(name, 224, 224, 3, 1000)
    tensors = tensors_from(tmp_path / "model.safetensors", own)
    ours = build(own).eval()
    load_into(ours, tensors, source="file")
    pictures = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(pictures), theirs(pictures), atol=1e-5, rtol=1e-5)
    other = TimmConfig(name, 64, 48, 1, 4)
    model = build(other)
    load_into(model, tensors_from(tmp_path / "model.safetensors", other), source="file", skip=("head.",))
    first = "body.conv1.weight" if name == "resnet18" else "body.patch_embed.proj.weight"
    grey = tensors[first].sum(1, keepdim=True)  # a grey picture is the same three times
    torch.testing.assert_close(model.state_dict()[first], grey, atol=1e-5, rtol=1e-5)


def test_the_input_of_published_weights():
    lite = timm_input("tf_efficientnet_lite0")
    assert (lite.side, lite.mean, lite.crop, lite.resample) == (224, (0.5, 0.5, 0.5), 0.875, "bicubic")
    assert timm_input("resnet18.a1_in1k").mean == (0.485, 0.456, 0.406)


def test_unknown_names_come_with_the_nearest_one():
    assert known("resnet18") == "resnet18" and known("resnet18.a1_in1k") == "resnet18.a1_in1k"
    for wrong, near in (("resnt18", "resnet18"), ("resnet18.a1_in1", "resnet18.a1_in1k")):
        with pytest.raises(PersonError, match=f'did you mean "{near}"') as caught:
            known(wrong)
        assert caught.value.code == "no-such-model"


@pytest.mark.parametrize("size", [(30, 32), (32, 30), (8, 8)])
def test_a_size_that_does_not_fit_is_told_with_the_models_own(size):
    with pytest.raises(PersonError, match="--side 224") as caught:
        build(TimmConfig("vit_tiny_patch16_224", *size))
    assert caught.value.code == "bad-picture-size"


def test_pictures_of_another_shape_are_refused_at_the_door():
    model = build(TimmConfig("resnet18", 32, 32))
    with pytest.raises(ValueError, match=r"\(batch, 3, 32, 32\)"):
        model(torch.zeros(1, 3, 64, 64))


def test_weights_that_cannot_be_had_say_why(monkeypatch, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def fails(error):
        def download(repository, file):
            asked.append((repository, file))
            raise error

        monkeypatch.setattr(hub, "hf_hub_download", download)

    for error in (hub.errors.LocalEntryNotFoundError("no connection"), OSError("disk"), ValueError("odd")):
        fails(error)
        with pytest.raises(PersonError) as caught:
            pretrained_tensors(TimmConfig("resnet18"))
        assert caught.value.code == "weights-missing"
    assert set(asked) == {("timm/resnet18.a1_in1k", "model.safetensors")}
    with pytest.raises(PersonError, match="no published weights"):
        pretrained_tensors(TimmConfig("botnet50ts_256"))


def test_a_pickle_is_never_asked_for():
    assert timm_models._safe_name("pytorch_model.bin") == "model.safetensors"
    assert timm_models._safe_name("open_clip_pytorch_model.bin") == "open_clip_model.safetensors"
    assert timm_models._safe_name("a/other.pth") == "a/other.safetensors"
    assert timm_models._safe_name("a/x.safetensors") == "a/x.safetensors"


def test_without_timm_the_message_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(PersonError, match=r"glassworks\[timm\]") as caught:
        known("resnet18")
    assert caught.value.code == "missing-extra"
