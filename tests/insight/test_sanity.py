"""Explanations of a trained model change when its weights are ruined; what only finds edges does not."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from glassworks.insight.grad_cam import grad_cam
from glassworks.insight.occlusion import occlusion
from glassworks.insight.sanity import ALIKE, randomised, sanity_check, similarity
from tests.insight.models import model_of, pictures_for


def edges(model, pictures):
    """An 'explanation' that never asks the model."""
    return np.stack([np.hypot(*np.gradient(picture.mean(0).numpy())) for picture in pictures])


def test_grad_cam_and_occlusion_explain_the_model_and_an_edge_detector_does_not(reader):
    pictures, targets = reader.part("test", 16)
    for explain in (
        lambda model, asked: grad_cam(model, asked, targets),
        lambda model, asked: occlusion(model, asked, targets),
    ):
        found = sanity_check(reader.model, pictures, explain)
        assert found.passed and abs(found.similarity) < 0.3, found
    found = sanity_check(reader.model, pictures, edges)
    assert not found.passed and found.similarity > 0.99 and "does not explain the model" in found.words


def test_grad_cam_explains_a_network_that_knows_photographs(seeing):
    data = pytest.importorskip("skimage.data")
    pictures = torch.cat([seeing.look(picture)[1] for picture in (data.cat(), data.coffee(), data.rocket())])
    with torch.inference_mode():
        targets = seeing.model(pictures).argmax(1)
    found = sanity_check(
        seeing.model, pictures, lambda model, asked: grad_cam(model, asked, targets), draws=2
    )
    assert found.passed, found
    assert not sanity_check(seeing.model, pictures, edges, draws=1).passed


@pytest.mark.parametrize("name", ["cnn-four", "lenet", "resnet", "efficientnet"])
def test_a_ruined_copy_has_the_same_numbers_in_other_places_and_still_answers(name):
    model, pictures = model_of(name), pictures_for(model_of(name), 4)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for given in (None, pictures):
        ruined = randomised(model, 0, pictures=given)
        own = dict(model.named_parameters())
        for key, parameter in ruined.named_parameters():
            if parameter.numel() > 50_000:
                continue  # sorting millions of numbers proves no more
            assert torch.equal(parameter.flatten().sort().values, own[key].flatten().sort().values)
            assert parameter.unique().numel() < 9 or not torch.equal(parameter, own[key])
        with torch.no_grad():
            answers = ruined(pictures)
        assert torch.isfinite(answers).all() and answers.std(0).min() > 1e-6  # signals still pass through
        assert not any(module.training for module in ruined.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_running_statistics_are_measured_again_on_the_pictures():
    model = model_of("cnn-four")
    pictures = pictures_for(model, 8)
    ruined = randomised(model, 0, pictures=pictures)
    first = ruined.stages[0]
    with torch.no_grad():
        maps = first.convolution(pictures)
    torch.testing.assert_close(first.norm.running_mean, maps.mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(first.norm.running_var, maps.var((0, 2, 3)), atol=1e-5, rtol=1e-4)
    assert first.norm.momentum == model.stages[0].norm.momentum


def test_the_cascade_begins_at_the_head_and_seeds_are_kept():
    model = model_of("lenet")
    head = randomised(model, 1, share=0.2)
    assert not torch.equal(head.head.weight, model.head.weight)
    assert torch.equal(head.dense2.weight, model.dense2.weight)
    again, other = randomised(model, 1), randomised(model, 2)
    assert torch.equal(again.head.weight, head.head.weight)
    assert not torch.equal(other.head.weight, head.head.weight)
    assert torch.equal(randomised(model, 1, share=0).head.weight, model.head.weight)


def test_similarity_is_spearmans_rank_correlation():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 5, (9, 9)), random.normal(size=(9, 9))
    for a, b in ((first, second), (second, second**3), (first, -first)):
        assert similarity(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    flat = np.zeros((9, 9))
    assert similarity(flat, flat) == 1 and similarity(flat, second) == 0 and 0 < ALIKE < 1
