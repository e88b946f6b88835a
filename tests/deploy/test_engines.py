"""The fastest engine that answers rightly is taken, by measuring, and the table says why not the others."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.core.rows import PictureInput
from glassworks.deploy import engines
from glassworks.deploy.engines import Engine, choose, fold_norms
from glassworks.deploy.subject import Subject, eager
from glassworks.deploy.verify import Apart
from glassworks.models.vision import cnn


@pytest.fixture(scope="module")
def made(digits, tmp_path_factory):
    return engines.candidates(digits.subject, tmp_path_factory.mktemp("engines"), digits.training[:64])


def slow(seconds: float, apart: Apart, exact: bool = False, name: str = "x") -> Engine:
    import time

    def predict(pixels):
        time.sleep(seconds)
        return np.zeros((len(pixels), 2), np.float32), np.zeros((len(pixels), 2), np.float32)

    return Engine(name, predict, exact, apart)


def apart(answers: float, agrees: float = 1.0, difference: float = 0.0) -> Apart:
    return Apart(difference, 1e-5, 0.0, 1e-5, answers, agrees)


PIXELS = np.zeros((4, 8, 8, 1), np.uint8)


def test_all_engines_are_made_and_those_in_float_agree_up_to_rounding(made):
    assert {"eager", "eager, folded, channels last", "eager bf16", "onnxruntime"} <= set(made)
    assert sum(name.startswith("onnxruntime int8") for name in made) == 3
    for engine in made.values():
        if engine.exact:
            assert engine.apart.by_rounding, engine.name
        else:
            assert engine.apart.answers > 0, engine.name


def test_an_engine_answers_what_its_name_says(made, digits):
    pixels = digits.held.pixels[:50]
    truth = eager(digits.subject)(pixels)[0].argmax(1)
    for engine in made.values():
        answers, features = engine(pixels)
        assert answers.dtype == features.dtype == np.float32
        assert (answers.argmax(1) == truth).mean() >= 0.95, engine.name


def test_the_fastest_that_is_right_is_chosen_and_the_reason_given(made, digits):
    chosen = choose(made, digits.held.pixels, 8, seconds=0.5)
    times = {row.name: row.latency.median for row in chosen.rows if not row.left_out}
    assert chosen.engine.name == min(times, key=times.get)
    assert chosen.threads == torch.get_num_threads() and "times as fast as eager" in chosen.reason
    table = chosen.as_text()
    assert len(table) == len(made) + 1 and table[0][1] == "batch of 8"


def test_a_faster_engine_with_a_larger_error_is_left_out_with_the_reason():
    table = {
        "eager": slow(0.004, apart(0.0), exact=True, name="eager"),
        "fast and wrong": slow(0.0, apart(0.2), name="fast and wrong"),
        "fast and undecided": slow(0.0, apart(0.01, agrees=0.9), name="fast and undecided"),
        "fast and rounded": slow(0.0, apart(0.0, difference=0.1), exact=True, name="fast and rounded"),
        "good": slow(0.001, apart(0.01), name="good"),
    }
    chosen = choose(table, PIXELS, 2, seconds=0.1)
    assert chosen.engine.name == "good"
    why = {row.name: row.left_out for row in chosen.rows}
    assert why["fast and wrong"] == "error 0.2, above 0.05"
    assert "90.0 % of decisions" in why["fast and undecided"]
    assert "more than rounding explains" in why["fast and rounded"]
    assert not why["good"] and not why["eager"]


def test_a_stricter_error_leaves_only_float():
    table = {
        "eager": slow(0.003, apart(0.0), exact=True, name="eager"),
        "int8": slow(0.0, apart(0.01), name="int8"),
    }
    assert choose(table, PIXELS, 1, seconds=0.1).engine.name == "int8"
    assert choose(table, PIXELS, 1, most_error=0.001, seconds=0.1).engine.name == "eager"


def test_without_onnxruntime_torch_alone_is_used(untrained, tmp_path, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "onnxruntime" else find(name, *a)
    )
    subject, pixels = untrained
    assert set(engines.candidates(subject, tmp_path, pixels)) == {
        "eager", "eager, folded, channels last", "eager bf16",
    }  # fmt: skip


@pytest.mark.parametrize(("pool_first", "left"), [(False, 0), (True, 2)])
def test_norms_are_folded_only_where_they_follow_a_filter(pool_first, left):
    torch.manual_seed(0)
    model = cnn.build(cnn.CNNConfig(16, 16, 3, 4, (8, 8), 16, batch_norm=True, pool_first=pool_first)).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -1, 1)
            nn.init.uniform_(module.weight, -2, 2)
    pictures = torch.randn(3, 3, 16, 16)
    folded = fold_norms(model, pictures)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in folded.modules()) == left
    assert (
        sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == 2
    )  # the model is untouched
    torch.testing.assert_close(folded(pictures), model(pictures), rtol=1e-5, atol=1e-5)


class TwiceUsed(nn.Module):
    """A filter whose output goes past the norm as well: folding would be wrong."""

    def __init__(self):
        super().__init__()
        self.filter, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)
        nn.init.constant_(self.norm.running_mean, 0.5)

    def features(self, pictures):
        maps = self.filter(pictures)
        return (maps + self.norm(maps)).mean((2, 3))

    def forward(self, pictures):
        return self.head(self.features(pictures))


def test_a_filter_that_is_used_twice_is_not_folded():
    model = TwiceUsed().eval()
    pictures = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(fold_norms(model, pictures)(pictures), model(pictures))


@pytest.mark.parametrize("system", ["resnet", pytest.param("efficientnet", marks=pytest.mark.long)])
def test_large_systems_fold_and_export(system, tmp_path):
    import importlib

    from glassworks.deploy.formats import onnx_predictor, to_onnx
    from glassworks.deploy.verify import how_far

    module = importlib.import_module(f"glassworks.models.vision.{system}")
    if system == "resnet":
        config = module.ResNetConfig(**module.VARIANTS["18"], height=64, width=64, classes=5)
    else:
        config = module.EfficientNetConfig(**module.VARIANTS["lite0"], classes=5)
    torch.manual_seed(0)
    model = module.build(config).eval()
    how = PictureInput(config.height, config.width, 3, (0.5,) * 3, (0.25,) * 3)
    subject = Subject(model, how, "label", tuple("abcde"))
    folded = fold_norms(model, torch.randn(1, 3, config.height, config.width))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    pixels = subject.example(2)
    network = onnx_predictor(to_onnx(subject, tmp_path / "model.onnx"))
    assert how_far(subject, eager(subject)(pixels), network(pixels)).by_rounding
