"""LeNet-5 climbs the ladder: shapes, parity, laws, learning, stored losses, foreign weights."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.insight.cost import stage_costs
from glassworks.models.vision.lenet import VARIANTS, LeNetConfig, build
from glassworks.weights.names import textbook
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.vision.test_lenet`, paste what it prints, and say
# in the commit why the losses moved.
FIRST_LOSSES = [
    2.304041,
    2.299250,
    2.325823,
    2.294374,
    2.291890,
    2.300558,
    2.293780,
    2.294520,
    2.310999,
    2.270854,
]


def textbook_network(variant):
    """LeNet-5 as tutorials write it, out of torch.nn alone."""
    cut, pool = (nn.ReLU(), nn.MaxPool2d(2)) if variant == "modern" else (nn.Tanh(), nn.AvgPool2d(2))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
            self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, x):
            x = pool(cut(self.conv2(pool(cut(self.conv1(x))))))
            return self.fc3(cut(self.fc2(cut(self.fc1(torch.flatten(x, 1))))))

    return Network()


def pictures(count=4, channels=1, height=32, width=32):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=list(VARIANTS))
def variant(request):
    return request.param


def test_shape_and_gradient(variant):
    model = ladder.seeded(lambda: build(LeNetConfig(**VARIANTS[variant])))
    ladder.check_shape_and_gradient(model, pictures(8), 10)
    ladder.check_deterministic_in_evaluation(model, pictures())


@pytest.mark.parametrize(
    ("height", "width", "channels", "classes"), [(28, 28, 3, 5), (16, 20, 1, 2), (64, 33, 3, 100)]
)
def test_any_picture_size_channels_and_classes(height, width, channels, classes):
    model = build(LeNetConfig(height=height, width=width, channels=channels, classes=classes))
    assert model(pictures(3, channels, height, width)).shape == (3, classes)


def test_parameters_and_stages():
    """61,706 numbers: 156 + 2,416 + 48,120 + 10,164 + 850."""
    model = build(LeNetConfig())
    assert sum(p.numel() for p in model.parameters()) == 61_706
    stages = stage_costs(model, pictures(1))
    assert [stage.parameters for stage in stages] == [156, 2_416, 48_120, 10_164, 850]
    assert [stage.shape for stage in stages] == [(6, 14, 14), (16, 5, 5), (120,), (84,), (10,)]
    assert [stage.receptive_field for stage in stages[:2]] == [6, 16]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity_with_torch_nn(variant, dtype):
    theirs = ladder.seeded(lambda: textbook_network(variant)).to(dtype).eval()
    ours = build(LeNetConfig(**VARIANTS[variant])).to(dtype).eval()
    load_into(ours, textbook.to_ours("lenet", theirs.state_dict()), source="the reference")
    with torch.no_grad():
        ladder.close(ours(pictures().to(dtype)), theirs(pictures().to(dtype)))


def test_shifting_the_picture_by_the_stride_shifts_the_maps():
    """The law of convolution: a picture moved by 4 pixels gives maps moved by 1, away from the border."""
    model = build(LeNetConfig(height=64, width=64)).eval()
    picture = pictures(1, 1, 64, 64)

    def maps(x):
        return model.pool(
            model.activate(model.convolution2(model.pool(model.activate(model.convolution1(x)))))
        )

    moved = maps(picture.roll(4, dims=3))
    torch.testing.assert_close(moved[..., 2:], maps(picture)[..., 1:-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "wrong", [{"height": 12}, {"activation": "gelu"}, {"pooling": "sum"}, {"classes": 0}]
)
def test_impossible_configs_are_refused(wrong):
    with pytest.raises(ValueError):
        LeNetConfig(**wrong)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match="expected pictures of shape"):
        build(LeNetConfig())(pictures(2, 1, 28, 28))


def losses():
    return ladder.first_losses(ladder.seeded(lambda: build(LeNetConfig(**VARIANTS["modern"]))), 1)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


def test_learns_digits(tmp_path):
    """Six passes of the tiny recipe: far above the chance of 10 %."""
    run = ladder.train_on_digits("lenet", tmp_path / "run", epochs=6)
    assert run.card["metrics"]["accuracy"]["low"] > 0.75


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe, on digits it has not seen: 93 % at the lower end of the interval."""
    run = ladder.train_on_digits("lenet", tmp_path / "run")
    assert run.evaluate().judgement.metrics["accuracy"].low >= 0.93


def test_exports(tmp_path):
    model = ladder.seeded(lambda: build(LeNetConfig(**VARIANTS["modern"])))
    ladder.check_exports(model, tmp_path)


def test_foreign_weights_load_and_go_back(tmp_path, variant):
    theirs = ladder.seeded(lambda: textbook_network(variant)).eval()
    write_tensors(tmp_path / "theirs.safetensors", theirs.state_dict())
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert textbook.is_theirs("lenet", tensors)
    ours = build(LeNetConfig(**VARIANTS[variant])).eval()
    load_into(ours, textbook.to_ours("lenet", tensors), source="theirs")
    ladder.close(ours(pictures()), theirs(pictures()))
    back = textbook_network(variant).eval()
    back.load_state_dict(textbook.to_theirs("lenet", ours.state_dict()))
    ladder.close(back(pictures()), theirs(pictures()))


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
