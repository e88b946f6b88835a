"""Depth against data: the networks, their training, and a rule that can say each of the three."""

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.insight.cost import stage_costs
from glassworks.labs import depth_against_data as lab


def test_depth_is_the_number_of_filter_layers_and_skips_add_no_parameters():
    for depth in lab.DEPTHS:
        plain, skipped = lab.built(depth, 0), lab.built(depth, 0, skips=True)
        assert len(plain.filters) == depth
        assert lab.counted(depth) == sum(p.numel() for p in skipped.parameters())
        assert plain(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert lab.counted(1) == 16 * 9 + 2 * 16 + 256 * 10 + 10 == 2746
    assert stage_costs(lab.built(4, 0).eval(), torch.zeros(1, 1, 8, 8))


def test_a_skip_hands_on_what_came_in_where_its_layers_answer_nothing():
    pictures = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    one, many, plain = (lab.built(*given).eval() for given in ((1, 0), (9, 0, True), (9, 0)))
    for model in (many, plain):
        model.head = one.head
        model.filters[0], model.norms[0] = one.filters[0], one.norms[0]
        for layer in model.filters[1:]:
            torch.nn.init.zeros_(layer.get_parameter("weight"))
    with torch.no_grad():
        torch.testing.assert_close(many(pictures), one(pictures))
        assert not torch.allclose(plain(pictures), one(pictures))


def test_the_same_seed_gives_the_same_run_and_leaves_the_shared_dice_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = lab.trained(4, 50, 1, steps=3)
    assert torch.equal(torch.rand(3), expected)
    assert first == lab.trained(4, 50, 1, steps=3) != lab.trained(4, 50, 2, steps=3)


def test_a_short_run_learns():
    assert lab.trained(2, 200, 0, steps=60).test > 80


def numbers(few=-6.0, many=0.0, wiggle=0.5):
    """Accuracies of four seeds with these gains of the deep network."""
    found = {}
    for place, count in enumerate(lab.SIZES):
        gain = few if place < 2 else many
        for depth in lab.DEPTHS:
            test = [80.0 + place + 0.1 * seed for seed in range(4)]
            if depth == lab.DEEP:
                shaken = (0.3, -0.2, 0.1, -0.2) if place < 2 else (0, 0, 0, 0)
                test = [one + gain + wiggle * change for one, change in zip(test, shaken)]
            found[lab.key("test", depth, count)] = test
            found[lab.key("training", depth, count)] = [99.0] * 4
            found[lab.key("loss", depth, count)] = [0.01] * 4
    for skips in (False, True):
        for what in ("training", "test", "loss"):
            found[lab.key(what, lab.VERY, lab.SIZES[-1], skips)] = [0.5 if skips else 1.5] * 4
    return found


def test_the_rule_can_say_each_of_the_three():
    assert lab.judge(numbers()).outcome == "holds"
    assert lab.judge(numbers(few=3, many=-3)).outcome == "does not hold"
    assert lab.judge(numbers(few=0.02)).outcome == "not shown"
    assert lab.judge(numbers(wiggle=100)).outcome == "not shown"


def test_few_and_many_are_the_halves_of_the_sizes():
    found = numbers(few=-6, many=2, wiggle=0)
    assert lab.sizes_of(found) == list(lab.SIZES) and lab.depths_of(found) == list(lab.DEPTHS)
    assert lab.gains(found, lab.SIZES[:2]) == pytest.approx([-6] * 4)
    assert lab.gains(found, lab.SIZES[-2:]) == pytest.approx([2] * 4)
    assert lab.gap(found, 1, 50) == pytest.approx([19.0, 18.9, 18.8, 18.7])
    assert "1.500 without skips and 0.500 with them" in lab.judge(found).sentence


def test_a_quick_run_gives_what_the_rule_and_the_tables_read(monkeypatch):
    monkeypatch.setattr(lab, "QUICK_STEPS", 2)
    said: list[str] = []
    bench = labs.lab.Bench((0, 1), True, said.append, lambda: None)
    found = lab.experiment(bench)
    assert lab.judge(found.numbers).outcome in ("holds", "does not hold", "not shown")
    assert len(found.tables[0].rows) == 4 and len(found.tables[1].rows) == 4
    assert len(said) == 8 and all(np.isfinite(one).all() for one in found.numbers.values())
