"""The CNN climbs the ladder: shapes, parity, laws, learning, stored losses, own data, foreign weights."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.foundations.convolution import cross_correlate
from glassworks.insight.cost import stage_costs
from glassworks.models.vision.cnn import VARIANTS, CNNConfig, build
from glassworks.weights.names import textbook
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_cnn`, paste what it prints, and say
# in the commit why the losses moved.
FIRST_LOSSES = [
    2.336427,
    2.375180,
    2.318899,
    2.226832,
    2.235912,
    2.113884,
    2.176175,
    2.149781,
    2.068277,
    2.057349,
]


def textbook_network(improved):
    """The same network as a book writes it, out of torch.nn alone."""

    def norm(width):
        return nn.BatchNorm2d(width) if improved else nn.Identity()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1), norm(16)
            self.conv2, self.bn2 = nn.Conv2d(16, 32, 3, padding=1), norm(32)
            self.pool, self.drop = nn.MaxPool2d(2, 2), nn.Dropout(0.25 if improved else 0.0)
            self.fc1, self.fc2 = nn.Linear(32 * 8 * 8, 512), nn.Linear(512, 10)

        def forward(self, x):
            x = self.pool(torch.relu(self.bn1(self.conv1(x))))
            x = self.pool(torch.relu(self.bn2(self.conv2(x))))
            x = self.drop(torch.flatten(x, 1))
            return self.fc2(self.drop(torch.relu(self.fc1(x))))

    return Network()


@pytest.fixture(params=list(VARIANTS))
def model(request):
    return ladder.seeded(lambda: build(CNNConfig(**VARIANTS[request.param])))


def pictures(count=4, channels=3, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


def test_shape_and_gradient(model):
    ladder.check_shape_and_gradient(model, pictures(8), 10)


@pytest.mark.parametrize(
    ("height", "width", "channels", "classes"),
    [(28, 28, 1, 10), (33, 47, 3, 2), (64, 40, 1, 7), (16, 16, 3, 1)],
)
def test_any_picture_size_channels_and_classes(height, width, channels, classes):
    config = CNNConfig(
        height=height, width=width, channels=channels, classes=classes, **VARIANTS["four-layer"]
    )
    assert build(config)(pictures(4, channels, height, width)).shape == (4, classes)


def test_parameters_are_those_of_the_outline():
    """1,059,306 plain; 1,059,402 with batch norm and 98 buffer values; 231,818 with four layers."""
    plain = build(CNNConfig(**VARIANTS["two-layer"]))
    by_part = {
        "stages.0": 448,
        "stages.1": 4_640,
        "dense": 1_049_088,
        "head": 5_130,
    }
    for name, count in by_part.items():
        assert sum(p.numel() for p in plain.get_submodule(name).parameters()) == count
    assert sum(p.numel() for p in plain.parameters()) == 1_059_306
    improved = build(CNNConfig(**VARIANTS["two-layer-improved"]))
    assert sum(p.numel() for p in improved.parameters()) == 1_059_402
    assert sum(b.numel() for b in improved.buffers()) == 98
    assert sum(p.numel() for p in build(CNNConfig(**VARIANTS["four-layer"])).parameters()) == 231_818


def test_stages_and_receptive_field_of_four_layers():
    model = build(CNNConfig(**VARIANTS["four-layer"]))
    stages = stage_costs(model, pictures(1))[:4]
    assert [stage.shape for stage in stages] == [(16, 16, 16), (32, 8, 8), (64, 4, 4), (128, 2, 2)]
    assert [stage.receptive_field for stage in stages] == [4, 10, 22, 46]
    assert [stage.stride for stage in stages] == [2, 4, 8, 16]
    assert CNNConfig(**VARIANTS["four-layer"]).features == 512


def test_receptive_field_is_what_an_output_really_sees():
    """Gradients of the middle of the last map reach exactly as many pixels as the table says."""
    model = build(CNNConfig(height=128, width=128, **VARIANTS["four-layer"])).eval()
    for stage in model.stages:
        nn.init.constant_(stage.convolution.weight, 0.01)
        stage.pool = nn.AvgPool2d(2)  # a maximum passes the gradient of one pixel only
    picture = torch.rand(1, 3, 128, 128, requires_grad=True)
    maps = picture
    for stage in model.stages:
        maps = stage(maps)
    maps[0, 0, 4, 4].backward()
    seen = picture.grad[0].abs().sum(0).gt(0)
    assert (int(seen.any(0).sum()), int(seen.any(1).sum())) == (46, 46)


@pytest.mark.parametrize("improved", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity_with_torch_nn(improved, dtype):
    theirs = ladder.seeded(lambda: textbook_network(improved)).to(dtype).eval()
    ours = build(CNNConfig(**VARIANTS["two-layer-improved" if improved else "two-layer"])).to(dtype).eval()
    load_into(ours, textbook.to_ours("cnn", theirs.state_dict()), source="the reference")
    with torch.no_grad():
        ladder.close(ours(pictures().to(dtype)), theirs(pictures().to(dtype)))


def test_first_convolution_equals_loops():
    """Cross-correlation written out as loops: the filter slides, and is not mirrored."""
    model = build(CNNConfig(height=8, width=8, channels=1, widths=(2,))).double()
    picture = pictures(1, 1, 8, 8).double()
    layer = model.stages[0].convolution
    padded = np.pad(picture[0, 0].numpy(), 1)
    for filter_ in range(2):
        by_loops = cross_correlate(padded, layer.weight[filter_, 0].detach().numpy()) + float(
            layer.bias[filter_].detach()
        )
        np.testing.assert_allclose(layer(picture)[0, filter_].detach().numpy(), by_loops, atol=1e-12)


def test_pooling_first_is_the_same_network_where_the_norm_rises():
    """Max-pooling and a rising function may change places: same answers for a quarter of the work."""
    late = ladder.seeded(lambda: build(CNNConfig(**VARIANTS["four-layer"]))).eval()
    early = build(CNNConfig(**VARIANTS["four-layer"], pool_first=True)).eval()
    load_into(early, late.state_dict(), source="the other")
    torch.testing.assert_close(early(pictures()), late(pictures()), rtol=1e-5, atol=1e-6)


def test_deterministic_in_evaluation(model):
    ladder.check_deterministic_in_evaluation(model, pictures())


def test_a_picture_of_another_size_is_refused_not_reshaped():
    """Two pictures of 64x64 must not come out as eight rows of answers."""
    with pytest.raises(
        ValueError, match=r"expected pictures of shape \(batch, 3, 32, 32\), got \(2, 3, 64, 64\)"
    ):
        build(CNNConfig())(pictures(2, 3, 64, 64))
    with pytest.raises(ValueError, match="expected float pictures"):
        build(CNNConfig())(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))


@pytest.mark.parametrize(
    "wrong",
    [{"height": 3}, {"dropout": 1.0}, {"widths": ()}, {"classes": 0}, {"widths": (8, 0)}, {"hidden": 0}],
)
def test_impossible_configs_are_refused(wrong):
    with pytest.raises(ValueError):
        CNNConfig(**wrong)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def losses():
    return ladder.first_losses(ladder.seeded(lambda: build(CNNConfig(**VARIANTS["four-layer"]))), 3)


def test_learns_digits(tmp_path):
    """Four passes of the tiny recipe: far above the chance of 10 %."""
    run = ladder.train_on_digits("cnn", tmp_path / "run", epochs=4)
    assert run.card["metrics"]["accuracy"]["low"] > 0.8


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 95 % at the lower end of the interval."""
    run = ladder.train_on_digits("cnn", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.95


def test_exports(tmp_path):
    model = ladder.seeded(lambda: build(CNNConfig(**VARIANTS["four-layer"])))
    ladder.check_exports(model, tmp_path)


def test_foreign_weights_load_and_go_back(tmp_path):
    """A textbook's network, saved by its own names, loads here; ours, saved by theirs, loads there."""
    theirs = ladder.seeded(lambda: textbook_network(True)).eval()
    write_tensors(tmp_path / "theirs.safetensors", theirs.state_dict())
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert textbook.is_theirs("cnn", tensors)
    ours = build(CNNConfig(**VARIANTS["two-layer-improved"])).eval()
    load_into(ours, textbook.to_ours("cnn", tensors), source="theirs")
    ladder.close(ours(pictures()), theirs(pictures()))
    back = textbook_network(True).eval()
    back.load_state_dict(textbook.to_theirs("cnn", ours.state_dict()))
    ladder.close(back(pictures()), theirs(pictures()))


def test_weights_of_another_shape_are_named(tmp_path):
    other = build(CNNConfig(classes=3, **VARIANTS["two-layer"]))
    with pytest.raises(PersonError) as told:
        load_into(build(CNNConfig(**VARIANTS["two-layer"])), other.state_dict(), source="that file")
    assert "head.bias is (3,), not (10,)" in told.value.got


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
