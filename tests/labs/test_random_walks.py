"""Random walks: three models beside the last value, four figures, and a rule that can say each of three."""

import numpy as np
import pytest

from glassworks.labs import random_walks as lab
from glassworks.labs.small_series import Windows, cut, walk


def test_the_last_value_is_the_unit_of_everything():
    test, said = lab.forecasts(lab.LAST, walk(0, lab.LENGTH), 0)
    found = lab.figures(test, said)
    assert len(said) == lab.LENGTH - lab.TRAIN
    assert found["ratio"] == 1 and found["r2"] > 0.8 and abs(found["r2 of changes"]) < 0.05


def test_the_linear_map_learns_from_the_training_part_alone():
    values = walk(1, lab.LENGTH)
    training, test = cut(values, lab.TRAIN, lab.HISTORY, 1)
    assert training.following.max() <= values[: lab.TRAIN].max() and len(test.seen) == 200
    line = np.arange(60.0)
    training, test = cut(line, 40, 3, 1)
    assert np.allclose(lab._line(training, test), test.following)


def test_a_forecast_that_knows_the_direction_is_seen():
    seen, following = np.zeros((4, 3)), np.array([[1.0], [-1.0], [2.0], [-2.0]])
    found = lab.figures(Windows(seen, following), following * 0.5)
    assert found["direction"] == 100 and found["ratio"] == 0.5 and found["r2 of changes"] == 0.75


def test_ratios_are_averaged_through_their_logarithms():
    assert lab.ratio([2.0, 0.5]).value == pytest.approx(1.0)
    one = lab.ratio([1.1, 1.2, 1.3])
    assert one.low is not None and one.high is not None and one.low < one.value < one.high


def numbers_of(walks, seasons, look):
    found = {}
    for name in (*lab.MODELS, lab.LAST):
        for series, ratio in ((lab.WALK, walks), (lab.SEASON, seasons)):
            found[f"{series}, {name}: ratio"] = [ratio - 0.001, ratio, ratio + 0.001]
            found[f"{series}, {name}: r2"] = [look - 0.001, look, look + 0.001]
            for figure in lab.FIGURES[2:]:
                found[f"{series}, {name}: {figure}"] = [0.0, 0.0, 0.0]
    return found


@pytest.mark.parametrize(
    ("walks", "seasons", "look", "outcome"),
    [(1.02, 0.5, 0.95, "holds"), (0.9, 0.5, 0.95, "does not hold"), (1.02, 1.2, 0.95, "does not hold"),
     (1.02, 0.5, 0.5, "does not hold"), (0.981, 0.5, 0.95, "not shown")],
)  # fmt: skip
def test_the_rule_can_say_each_of_the_three(walks, seasons, look, outcome):
    assert lab.judge(numbers_of(walks, seasons, look)).outcome == outcome
