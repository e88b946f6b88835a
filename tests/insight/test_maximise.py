"""A drawn picture excites its channel far more than noise, or than what it started from, does."""

import numpy as np
import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.insight.maximise import OUTPUT, maximise, noise_picture, response


@pytest.mark.parametrize(
    "layer, channel", [(OUTPUT, 3), (OUTPUT, 0), ("stages.1", 4), ("stages.0", 2), ("dense", 7)]
)
def test_the_answer_rises_above_noise_and_above_the_data(reader, layer, channel):
    drawn = maximise(reader.model, layer, channel, reader.how, seed=1)
    noise = np.random.default_rng(0).integers(0, 256, (50, 32, 32)).astype(np.uint8)
    inputs = torch.cat([reader.inputs([drawn]), reader.inputs(noise)])
    start = (noise_picture(reader.how, 1) - reader.how.mean[0]) / reader.how.std[0]
    with torch.inference_mode():
        answers = response(reader.model, inputs, layer, channel)
        before = float(response(reader.model, start, layer, channel)[0])
        data = float(response(reader.model, reader.part("test")[0], layer, channel).max())
    assert answers[0] > 1.5 * answers[1:].max() and answers[0] > 1.5 * data
    assert answers[0] - before > 1.0
    assert drawn.dtype == np.uint8 and drawn.shape == (32, 32, 1)


def test_the_class_that_was_drawn_is_the_answer(reader):
    for digit in range(10):
        drawn = maximise(reader.model, OUTPUT, digit, reader.how)
        with torch.inference_mode():
            assert int(reader.model(reader.inputs([drawn])).argmax()) == digit


def test_the_same_seed_draws_the_same_picture_and_another_another(reader):
    first, again, other = (maximise(reader.model, "stages.1", 4, reader.how, 8, seed) for seed in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    with torch.inference_mode():  # as a server calls it
        assert np.array_equal(maximise(reader.model, "stages.1", 4, reader.how, 8, 5), first)


def test_unknown_layers_and_channels_are_refused(reader):
    with pytest.raises(PersonError, match="did you mean"):
        maximise(reader.model, "stage.1", 0, reader.how)
    with pytest.raises(PersonError, match="a channel from 0 to 9 of the outputs"):
        maximise(reader.model, OUTPUT, 10, reader.how)
