"""The ablation table: one part changes at a time, the same pictures for all, and a rule that can say no."""

from dataclasses import asdict

import pytest
import torch

from glassworks.data.augment import NOTHING
from glassworks.labs import ablation_table as lab
from glassworks.models.vision import cnn


def test_each_row_differs_from_its_base_in_one_thing():
    def apart(name, base):
        one, other = asdict(lab.ARMS[name]), asdict(base)
        return [field for field in one if one[field] != other[field]]

    for part in lab.PARTS:
        assert (
            apart(f"without {part}", lab.WHOLE)
            == apart(f"plain, and {part}", lab.PLAIN)
            == [lab.FIELDS[part]]
        )
    assert apart(lab.MIRRORED, lab.WHOLE) == ["mirror"]
    assert len(lab.ARMS) == 2 + 2 * len(lab.PARTS) + 1


def test_the_whole_and_the_plain_are_the_books_networks():
    whole, plain = lab.config(lab.WHOLE), lab.config(lab.PLAIN)
    four, two = cnn.VARIANTS["four-layer"], cnn.VARIANTS["two-layer"]
    assert (whole.widths, whole.hidden, whole.batch_norm, whole.dropout) == (
        four["widths"], four["hidden"], True, four["dropout"],
    )  # fmt: skip
    assert (plain.widths, plain.hidden, plain.batch_norm, plain.dropout) == (
        two["widths"], four["hidden"], False, 0.0,
    )  # fmt: skip
    assert lab.changes(lab.PLAIN) == NOTHING and lab.changes(lab.WHOLE).flip == "none"
    assert lab.changes(lab.ARMS[lab.MIRRORED]).flip == "random"
    assert set(lab.costs()) == {"whole", "plain"} and min(lab.costs().values()) > 100_000


def test_parts_are_disjoint_and_scaled_by_what_is_learned_from():
    training, validation, test = lab.parts(2)
    assert [len(part.targets) for part in (training, validation, test)] == [lab.COUNT, lab.CHOOSING, lab.TEST]
    assert abs(float(training.pictures.mean())) < 1e-4
    assert float(training.pictures.std()) == pytest.approx(1, abs=1e-3)
    rows = [
        {tuple(row) for row in part.pictures.flatten(1).tolist()} for part in (training, validation, test)
    ]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]


def test_the_same_seed_gives_the_same_network_and_leaves_other_dice_alone():
    training = lab.parts(0)[0]
    state = torch.get_rng_state()
    first = lab.learned(lab.WHOLE, training, 0, 3, 1e-2)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    again = lab.learned(lab.WHOLE, training, 0, 3, 1e-2)
    other = lab.learned(lab.WHOLE, training, 1, 3, 1e-2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters()))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters()))


def test_the_validation_part_chooses_the_rate(monkeypatch):
    made = []

    def learned(arm, training, seed, steps, rate):
        made.append(rate)
        return rate

    monkeypatch.setattr(lab, "learned", learned)
    validation = lab.parts(0)[1]

    def accuracy(rate, part):  # on the validation part the first rate is better, elsewhere the second
        better = lab.RATES[0] if torch.equal(part.targets, validation.targets) else lab.RATES[1]
        return 90.0 if rate == better else 80.0

    monkeypatch.setattr(lab, "accuracy", accuracy)
    assert lab.trained(lab.PLAIN, 0, 5) == (80.0, 80.0) and made == list(lab.RATES)


@pytest.fixture
def numbers():
    shift = (0.0, 0.4, -0.3, 0.2, 0.1)
    found = {name: [90 + one for one in shift] for name in lab.ARMS}
    found["whole"] = [95 + one + 0.1 * place for place, one in enumerate(shift)]
    return found


def test_the_rule_can_say_each_of_the_three(numbers):
    verdict = lab.judge(numbers)
    assert verdict.outcome == "holds" and "augmentation +5.2 (" in verdict.sentence
    useless = numbers | {"without depth": [one - 0.01 * place for place, one in enumerate(numbers["whole"])]}
    verdict = lab.judge(useless)
    assert verdict.outcome == "does not hold" and "does not earn its place" in verdict.sentence
    unsure = numbers | {"without dropout": [80.0, 99.0, 97.0, 88.0, 99.0]}
    assert lab.judge(unsure).outcome == "not shown"
    assert "n = 5 seeds, 95 % for all four at once" in verdict.interval


def test_one_seed_decides_nothing(numbers):
    single = {name: values[:1] for name, values in numbers.items()}
    assert lab.judge(single).outcome == "not shown" and "no interval" in lab.judge(single).sentence
