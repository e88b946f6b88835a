"""The gain of pretraining: disjoint parts, nested labels, a probe in the features' units, an honest rule."""

import pytest
import torch

from glassworks.labs import mae_gain as lab
from glassworks.models.vision import mae


def test_no_test_picture_is_pretrained_on_and_fewer_labels_are_a_part_of_more():
    rows, test = lab.parts(0)
    assert (
        len(rows) == lab.UNLABELLED and len(test) == lab.TEST and not set(rows.tolist()) & set(test.tolist())
    )
    few, many = (set(lab.labelled(rows, count).tolist()) for count in (2, 5))
    assert len(few) == 20 and few < many <= set(rows.tolist())


def test_the_probe_sits_on_the_features_as_they_are():
    torch.manual_seed(0)
    body, rows = mae.build(lab.SHAPE), lab.labelled(lab.parts(0)[0], 3)
    seen, targets = lab.scaled(rows, rows), lab._digits()[1][rows]
    head = lab.probe(body, seen, targets)
    model = lab.classifier(0, body)
    model.head.load_state_dict(head.state_dict())
    assert (
        lab.accuracy(model, seen, targets) == lab.accuracy(head, body.features(seen).detach(), targets) > 90
    )


@pytest.mark.parametrize(
    ("gains", "outcome"),
    [([5.0, 6.0, 5.5], "holds"), ([-5.0, -6.0, -5.5], "does not hold"), ([5.0, -6.0, 1.0], "not shown"),
     ([5.0], "not shown")],
)  # fmt: skip
def test_the_rule_decides_by_the_interval(gains, outcome):
    clock = {f"faster at 75 % hidden: {part}": [3.0] for part in ("encoder", "whole")}
    verdict = lab.judge({lab.GAIN: gains, lab.PROBE: gains} | clock)
    assert verdict.outcome == outcome and "3.0 times as fast" in verdict.sentence
