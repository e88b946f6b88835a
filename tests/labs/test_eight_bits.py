"""Rounding to whole numbers: exact where it must be, a model that stays as it was, a rule that can say no."""

import pytest
import torch

from glassworks.labs import eight_bits as lab


def test_weights_are_multiples_of_a_scale_and_the_largest_stays():
    weight = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    for bits, each in ((8, True), (8, False), (3, True)):
        found = lab.rounded_weight(weight, bits, each)
        most = 2 ** (bits - 1) - 1
        for row, own in zip(found, weight, strict=True):
            scale = float((own if each else weight).abs().max()) / most
            whole = row / scale
            torch.testing.assert_close(whole, whole.round(), atol=1e-4, rtol=0)
            assert float((row - own).abs().max()) <= scale / 2 + 1e-6
    assert len(lab.rounded_weight(weight, 3, True)[0].unique()) <= 7


def test_inputs_are_cut_off_at_the_measured_ends_and_zero_stays_zero():
    values = torch.tensor([-5.0, -1.0, 0.0, 0.26, 1.0, 9.0])
    found = lab.rounded_input(values, -1.0, 1.0, 8)
    assert found[2] == 0 and abs(float(found[3]) - 0.26) < 1 / 255
    assert float(found[0]) == pytest.approx(-1, abs=0.01) and float(found[5]) == pytest.approx(1, abs=0.01)


def test_only_filters_and_dense_layers_change_and_the_model_stays_as_it_was():
    given = lab.parts(0)
    model = lab.teach(given["labelled"], 60, 0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pictures = given["labelled"].pictures[:50]
    rounded = lab.rounded(model, pictures, lab.Arm())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    changed = {name for name, tensor in rounded.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed and all(name.endswith("weight") and "norm" not in name for name in changed)
    many = lab.rounded(model, pictures, lab.Arm(bits=16))  # fine enough to change nothing
    with torch.no_grad():
        torch.testing.assert_close(many(pictures), model(pictures), atol=0.01, rtol=0.01)


HIGH, LOW, SPREAD = (90.0, 90.1, 89.9), (60.0, 61.0, 59.0), (90.0, 80.0, 95.0)


@pytest.mark.parametrize(
    ("eight", "three", "outcome"),
    [
        (HIGH, LOW, "holds"),
        ((80.0, 80.1, 79.9), LOW, "does not hold"),
        (HIGH, HIGH, "not shown"),
        (SPREAD, LOW, "not shown"),
    ],
)
def test_the_rule_can_say_each_of_its_words(eight, three, outcome):
    numbers = {name: [90.0, 90.0, 90.0] for name in ("float", *lab.ARMS)}
    numbers |= {"8 bits": list(eight), "3 bits": list(three)}
    assert lab.judge(numbers).outcome == outcome
