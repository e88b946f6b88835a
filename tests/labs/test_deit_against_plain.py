"""DeiT against plain training: fair arms, a frozen teacher, disjoint parts, and a rule that can say no."""

import pytest
import torch

from glassworks.labs import deit_against_plain as lab
from glassworks.models.vision import deit, vit


@pytest.fixture(scope="module")
def part():
    return lab.parts(0, 60)[0]


@pytest.fixture(scope="module")
def teacher(part):
    return lab.teach(part, 60, 0)


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_the_teacher_reads_digits_is_frozen_and_stays_as_it_was(part, teacher):
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    student = lab.learn("hard", teacher, part, 3, 0)
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    assert isinstance(student, deit.DeiT)
    assert lab.judged(teacher, teacher, part).accuracy > 0.9  # of what it learned from; chance is 0.1


def test_the_same_seed_gives_the_same_student_whatever_else_draws(part, teacher):
    first = lab.learn("soft", teacher, part, 3, 0)
    state = torch.get_rng_state()
    again = lab.learn("soft", teacher, part, 3, 0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    assert same(first, again) and same(first, lab.learn("soft", teacher, part, 3, 0))
    assert not same(first, lab.learn("soft", teacher, part, 3, 1))


def test_the_three_students_with_a_token_start_alike_and_learn_differently(part, teacher):
    students = [lab.learn(arm, teacher, part, 0, 0) for arm in lab.ARMS]
    assert [type(one) for one in students] == [vit.ViT, *[deit.DeiT] * 3]
    assert same(students[1], students[2]) and same(students[1], students[3])
    taught = [lab.learn(arm, teacher, part, 2, 0) for arm in lab.ARMS[1:]]
    assert not any(same(taught[a], taught[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_all_arms_see_the_same_pictures_and_they_only_move(part):
    first, second = (list(lab.batches(part, 3, 0)) for _ in range(2))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(first, second))
    other = next(lab.batches(part, 1, 1))
    assert not torch.equal(first[0][0], other[0])
    side = part.pictures.shape[-1]
    assert first[0][0].shape == (lab.BATCH, 1, side, side)
    low, high = float(part.pictures.min()), float(part.pictures.max())
    assert all(low <= float(seen.min()) and float(seen.max()) <= high for seen, _ in first)
    whole = {tuple(row) for row in part.pictures.flatten(1).tolist()}
    unmoved = [tuple(row) in whole for seen, _ in lab.batches(part, 4, 0) for row in seen.flatten(1).tolist()]
    assert 0 < sum(unmoved) < len(unmoved)


def test_no_picture_is_in_both_parts_and_fewer_are_a_part_of_more():
    def rows(part, count):  # undo the scaling: pictures are whole numbers of sixteenths
        everything = lab.pictures().pictures
        order = torch.from_numpy(lab.permutation(len(everything), 3, "deit"))
        chosen = everything[order[lab.TEST :][:count]]
        plain = part.pictures[:, 0] * chosen.std() + chosen.mean()
        return {tuple(row) for row in (plain * 16).flatten(1).round().int().tolist()}

    few, test = (rows(part, 20) for part in lab.parts(3, 20))
    many = rows(lab.parts(3, 80)[0], 80)
    assert len(few) == 20 and few < many and not many & test
    for count in (9, 10**6):
        with pytest.raises(ValueError, match="expected 10 to"):
            lab.parts(0, count)


def test_the_rate_rises_and_falls_to_nothing():
    shares = [lab.share_of_rate(step, 100) for step in range(101)]
    assert max(shares) == shares[14] == shares[15] == 1.0 and shares[0] < 0.1 and shares[-1] < 1e-6
    assert lab.share_of_rate(0, 1) == 1.0


@pytest.fixture
def numbers():
    plain = [70.0, 72.0, 71.0, 70.5]
    return {
        "teacher": [94.0, 95.0, 94.0, 95.0],
        "plain": plain,
        "token alone": [one + 0.1 * place for place, one in enumerate(plain)],
        "hard": [one + 5 + 0.1 * place for place, one in enumerate(plain)],
        "soft": [one + 3 + 0.1 * place for place, one in enumerate(plain)],
    }


def test_the_rule_can_say_each_of_the_three(numbers):
    assert lab.judge(numbers).outcome == "holds"
    none = [one + 0.1 * (place % 2) for place, one in enumerate(numbers["plain"])]
    harmful = [one - 4 - 0.1 * place for place, one in enumerate(numbers["plain"])]
    unsure = [one + change for one, change in zip(numbers["plain"], (9.0, -8.0, 7.0, -5.0))]
    for useless in (none, harmful):
        verdict = lab.judge(numbers | {"soft": useless})
        assert verdict.outcome == "does not hold" and "it does not help" in verdict.sentence
    verdict = lab.judge(numbers | {"hard": unsure})
    assert verdict.outcome == "not shown" and "not decided by so few seeds" in verdict.sentence


def test_small_but_sure_gains_count_and_the_interval_allows_for_two(numbers):
    small = [one + change for one, change in zip(numbers["plain"], (0.5, 0.6, 0.5, 0.6))]
    assert lab.judge(numbers | {"soft": small}).outcome == "holds"
    verdict = lab.judge(numbers)
    assert "hard +5.1 (" in verdict.interval and "n = 4 seeds" in verdict.interval
    assert "with hard answers by +5.1" in verdict.sentence and "95 % for both at once" in verdict.interval


def test_numbers_are_points_of_each_arm_seed_by_seed():
    def one(teacher, *accuracies):
        arms = {arm: lab.Trained(a, (a, a), 0.5) for arm, a in zip(lab.ARMS, accuracies)}
        return lab.Round(teacher, 0.0, arms)

    numbers = lab._numbers([one(0.9, 0.5, 0.51, 0.7, 0.6), one(0.8, 0.4, 0.39, 0.5, 0.45)])
    assert numbers["teacher"] == pytest.approx([90.0, 80.0])
    assert numbers["hard"] == pytest.approx([70.0, 50.0]) and numbers["plain"] == pytest.approx([50.0, 40.0])
    assert lab.judge(numbers).outcome == "not shown"  # two seeds


def test_the_table_tells_every_arm_and_both_heads(quick):
    rows = quick("deit-against-plain").tables[0].rows
    assert [row[0] for row in rows] == ["the teacher (CNN)", *lab.ARMS]
    assert rows[1][2:5] == ("", "", "") and all(row[3] and row[4] for row in rows[2:])
