"""Distillation between CNNs: fair arms, disjoint parts, a frozen teacher, and a rule that can say no."""

import pytest
import torch

from glassworks.labs import distillation_gain as lab


@pytest.fixture(scope="module")
def given():
    return lab.parts(0)


@pytest.fixture(scope="module")
def teacher(given):
    return lab.teach(given["labelled"], 80, 0)


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_no_picture_is_in_two_parts(given):
    rows = {name: {tuple(row) for row in part.pictures.flatten(1).tolist()} for name, part in given.items()}
    assert [len(given[name].targets) for name in ("labelled", "more", "test")] == [200, 600, 900]
    assert not rows["labelled"] & rows["test"] and not rows["more"] & (rows["test"] | rows["labelled"])


def test_the_teacher_is_frozen_and_stays_as_it_was(given, teacher):
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    for arm in lab.ARMS:
        lab.learn(arm, teacher, given, 2, 0)
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    assert lab.accuracy(teacher, given["test"]) > 80


def test_all_students_start_alike_and_the_seed_decides_alone(given, teacher):
    students = [lab.learn(arm, teacher, given, 0, 0) for arm in lab.ARMS]
    assert all(same(students[0], other) for other in students[1:])
    first = lab.learn("soft", teacher, given, 3, 0)
    state = torch.get_rng_state()
    assert same(first, lab.learn("soft", teacher, given, 3, 0))
    assert torch.equal(torch.get_rng_state(), state)
    assert not same(first, lab.learn("soft", teacher, given, 3, 1))


def test_hard_answers_that_equal_the_labels_change_nothing_and_others_do(given):
    class Knows(torch.nn.Module):  # answers with the label, whatever the picture
        def __init__(self, targets):
            super().__init__()
            self.targets = targets

        def forward(self, seen):
            return torch.nn.functional.one_hot(self.targets.pop(0), 10).float()

    batches = [targets for _, targets in lab.moved(given["labelled"], 5, 0, "batches")]
    plain = lab.learn("plain", None, given, 5, 0)
    hard = lab.learn("hard", Knows(list(batches)), given, 5, 0)
    seen = given["test"].pictures  # an offset before a batch norm has no gradient but rounding, and no effect
    with torch.no_grad():
        torch.testing.assert_close(plain(seen), hard(seen), atol=2e-2, rtol=0)
    other = lab.learn("hard", Knows([(one + 1) % 10 for one in batches]), given, 5, 0)
    with torch.no_grad():
        assert float((plain(seen) - other(seen)).abs().max()) > 0.5


@pytest.fixture
def numbers():
    plain = [80.0, 82.0, 81.0, 80.5]
    return dict.fromkeys(lab.ARMS, plain) | {"teacher": [95.0] * 4, "contradicts": [0.0] * 4}


def test_the_rule_can_say_each_of_the_three(numbers):
    def judged(*gains):
        return lab.judge(numbers | {"soft": [a + b for a, b in zip(numbers["plain"], gains)]}).outcome

    assert judged(3.0, 3.2, 2.9, 3.1) == "holds"
    assert judged(0.5, 0.6, 0.5, 0.6) == "holds"  # small and sure
    assert judged(0.1, -0.1, 0.0, 0.1) == "does not hold"
    assert judged(-3.0, -3.2, -2.9, -3.1) == "does not hold"
    assert judged(9.0, -8.0, 7.0, -5.0) == "not shown"


def test_the_quick_run_tells_every_arm(quick):
    rows = quick("distillation-gain").tables[0].rows
    assert [row[0].partition(":")[0] for row in rows] == ["the teacher", *lab.ARMS]
