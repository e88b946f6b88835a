"""The temperature of CLIP: what is fixed stays, what is learned moves, and the rule has three answers."""

import math

import pytest
import torch

from glassworks.labs import temperature_of_pairs as lab
from glassworks.labs.digits import deal
from glassworks.labs.positions_and_order import scaled


def test_a_fixed_scale_stays_and_a_learned_one_moves():
    for name in ("fixed at 1", "fixed at 100"):
        accuracy, scale = lab.train_with(lab.WAYS[name], 0, steps=3)
        assert scale == pytest.approx(lab.WAYS[name].start, rel=1e-5) and 0 <= accuracy <= 1
    _, scale = lab.train_with(lab.WAYS["learned from 14.3"], 0, steps=3)
    assert scale != pytest.approx(lab.WAYS["learned from 14.3"].start, rel=1e-5)
    _, scale = lab.train_with(lab.Way(100.0, True), 0, steps=3)
    assert scale <= 100.0 + 1e-3


def test_all_ways_begin_alike_and_the_shared_dice_stay():
    before = torch.random.get_rng_state()
    first, second = lab.begin(3).state_dict(), lab.begin(3).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not torch.equal(first["text.positions"], lab.begin(4).state_dict()["text.positions"])


def test_what_is_left_out_is_never_seen():
    part = scaled(deal(0))[0]
    model, seen = lab.begin(0), []
    model.picture.register_forward_hook(lambda module, given, out: seen.append(given[0]))
    for _ in lab.training(model, part, 0, 4, left=3):
        pass
    threes = part.pictures[part.targets == 3].flatten(1)
    assert len(seen) == 4
    for batch in seen:
        assert float(torch.cdist(batch.flatten(1), threes).min()) > 0
    assert lab.tokenizer(3).decode(lab.tokenizer(3).encode("three")) == "three"
    assert len(lab.tokenizer(3).pieces("three")) > 1


def test_the_rate_warms_up_and_falls():
    rates = [lab.rate_at(step, 200) for step in range(200)]
    assert rates.index(max(rates)) in range(15, 40) and rates[0] < max(rates) / 10 > rates[-1]


@pytest.mark.parametrize(("gain", "outcome"), [(0.0, "holds"), (-6.0, "does not hold"), (-2.0, "not shown")])
def test_the_rule_can_say_each_of_the_three(gain, outcome):
    wiggle = (-0.4, 0.0, 0.4)
    numbers = {}
    for name in lab.WAYS:
        mean = {lab.LEARNED: 90.0 + gain, "fixed at 14.3": 90.0}.get(name, 80.0)
        numbers[f"accuracy: {name}"] = [mean + small * (name == lab.LEARNED) for small in wiggle]
        numbers[f"scale: {name}"] = [lab.WAYS[name].start] * 3
    verdict = lab.judge(numbers)
    assert verdict.outcome == outcome
    assert "fixed at 14.3" in verdict.sentence and f"{math.exp(lab.FIRST_SCALE):.1f}" in verdict.sentence
