"""Heat on what the answer hangs on is called faithful; heat elsewhere is not."""

import numpy as np
import pytest
import torch

from glassworks.insight.grad_cam import grad_cam
from glassworks.insight.occlusion import occlusion
from glassworks.insight.perturbation import faithfulness
from tests.insight.test_occlusion import Corner


def heat_at(*place):
    heat = np.zeros((1, 16, 16), np.float32)
    heat[(0, *place)] = 1
    return heat


def test_heat_on_the_right_corner_is_faithful_and_on_another_is_not():
    picture = torch.ones(1, 3, 16, 16)
    right = faithfulness(Corner(), picture, heat_at(slice(0, 8), slice(0, 8)), 0)
    assert right.area_deletion < right.area_random - 0.05
    assert right.area_insertion > right.area_random_insertion + 0.05
    assert "marks what the answer hangs on" in right.words
    wrong = faithfulness(Corner(), picture, heat_at(slice(8, 16), slice(8, 16)), 0)
    assert wrong.area_deletion > wrong.area_random and wrong.area_insertion < wrong.area_random_insertion
    assert "does not mark" in wrong.words


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_areas_are_those_of_a_slow_loop(steps):
    """Square by square, each picture asked for alone."""
    model, picture = Corner(), torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    heat = np.random.default_rng(0).random((1, 16, 16)).astype(np.float32)  # a square is one pixel here
    order = np.argsort(-heat[0].ravel(), kind="stable")
    falling, rising = [], []
    for stop in np.linspace(0, 256, steps + 1).round().astype(int):
        for hidden, answers in ((order[:stop], falling), (order[stop:], rising)):
            covered = picture.clone().flatten(2)
            covered[..., torch.from_numpy(hidden.copy())] = 0
            with torch.no_grad():
                answers.append(float(model(covered.reshape(1, 3, 16, 16)).softmax(1)[0, 0]))
    shares = np.linspace(0, 256, steps + 1).round() / 256
    found = faithfulness(model, picture, heat, 0, steps=steps)
    assert found.area_deletion == pytest.approx(np.trapezoid(falling, shares), abs=1e-6)
    assert found.area_insertion == pytest.approx(np.trapezoid(rising, shares), abs=1e-6)


def test_a_difference_that_cannot_be_read_is_not_called_faithful():
    picture = torch.ones(1, 3, 16, 16)
    even = faithfulness(Corner(), picture, np.ones((1, 16, 16), np.float32), 0)
    assert even.area_deletion == pytest.approx(even.area_random) and "does not mark" in even.words


def test_occlusion_of_a_trained_model_is_faithful_and_noise_is_not(reader):
    pictures, targets = reader.part("test", 16)
    found = faithfulness(reader.model, pictures, occlusion(reader.model, pictures, targets), targets)
    assert found.area_deletion < 0.6 * found.area_random
    assert found.area_insertion > 1.3 * found.area_random_insertion
    noise = np.random.default_rng(0).random((16, 32, 32))
    blind = faithfulness(reader.model, pictures, noise, targets)
    assert abs(blind.area_deletion - blind.area_random) < 0.1


def test_grad_cam_of_a_photograph_is_faithful(seeing):
    data = pytest.importorskip("skimage.data")
    _, inputs = seeing.look(data.coffee())
    found = faithfulness(seeing.model, inputs, grad_cam(seeing.model, inputs), steps=5)
    assert found.area_deletion < found.area_random and found.area_insertion > found.area_random_insertion


def test_figures_repeat_and_wrong_sizes_are_refused(reader):
    pictures, _ = reader.part("test", 2)
    heat = grad_cam(reader.model, pictures)
    assert faithfulness(reader.model, pictures, heat) == faithfulness(reader.model, pictures, heat)
    with pytest.raises(ValueError, match="expected heat of shape"):
        faithfulness(reader.model, pictures, heat[:1])
