"""From scratch against ImageNet: the same pictures for both, and a rule that can say no."""

import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.labs import scratch_against_transfer as lab
from glassworks.labs.digits import Part
from glassworks.labs.small_lite0 import dealt, lite0, pictures

FACES = lab.DATA[1]


@pytest.fixture(scope="module")
def weights():
    try:
        lite0(32)
    except PersonError:
        pytest.skip("the published weights are not installed")


def test_the_head_is_the_solution_of_a_convex_problem():
    dice = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(40, 6, generator=dice), torch.randint(3, (40,), generator=dice)
    head = lab.transferred(inputs, targets, 3)
    loss = torch.nn.functional.cross_entropy(head(inputs), targets)
    loss = loss + head.weight.square().sum() / (2 * len(targets))
    (gradient,) = torch.autograd.grad(loss, [head.weight])
    assert float(gradient.abs().max()) < 1e-3
    again = lab.transferred(inputs, targets, 3)
    assert torch.equal(head.weight, again.weight)  # it begins at zero: no seed is in it


def test_the_cnn_learns_and_the_seed_decides_alone():
    part = pictures("faces")
    learn, _ = dealt(part, 10, FACES.test, 0, "test")
    chosen = part.take(learn)
    scaled = Part((chosen.pictures - chosen.pictures.mean()) / chosen.pictures.std(), chosen.targets)
    first = lab.from_scratch(scaled, FACES, 2, 0, 25)
    state = torch.get_rng_state()
    again = lab.from_scratch(scaled, FACES, 2, 0, 25)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert lab.accuracy(first, scaled.pictures, scaled.targets) > 80


def test_many_pictures_get_more_steps():
    assert lab.steps_for(50) == lab.steps_for(1000) == lab.STEPS and lab.steps_for(5000) == 937


def numbers(digits, faces, many):
    made = {}
    for sort, each, ahead in (("digits", 5, digits), ("digits", 100, many), ("faces", 5, faces)):
        made[lab.key(sort, "scratch", each)] = [80.0] * 4
        made[lab.key(sort, "transfer", each)] = [80 + one for one in ahead]
    return made


def test_the_rule_can_say_each_of_the_three():
    sure, little, unsure = (9.0, 9.3, 9.1, 8.9), (1.0, 1.1, 0.9, 1.0), (20.0, -15.0, 18.0, -9.0)
    assert lab.judge(numbers(sure, sure, little)).outcome == "holds"
    behind = tuple(-one for one in sure)
    assert lab.judge(numbers(behind, sure, little)).outcome == "does not hold"
    assert lab.judge(numbers(sure, behind, little)).outcome == "does not hold"
    assert lab.judge(numbers(little, sure, sure)).outcome == "does not hold"  # the lead grows
    assert lab.judge(numbers(sure, unsure, little)).outcome == "not shown"


def test_the_quick_run_has_both_sorts_that_every_machine_has(quick, weights):
    rows = quick("scratch-against-transfer").tables[0].rows
    assert [row[:2] for row in rows] == [(sort, f"{n}") for sort in lab.DECIDES for n in lab.QUICK_SIZES]
