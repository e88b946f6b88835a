"""The bottleneck: texts and their answers, runs that repeat, and a rule that can say each of the three."""

import pytest
import torch

from glassworks.labs import bottleneck as lab


def test_an_answer_is_its_text_from_behind_between_start_and_end():
    source, lengths, said = lab.texts(50, torch.Generator().manual_seed(0))
    assert int(lengths.min()) >= lab.LEAST and int(lengths.max()) <= lab.MOST
    for row, length in enumerate(lengths.tolist()):
        letters = source[row, :length].tolist()
        assert min(letters) >= lab.FIRST and not source[row, length:].any()
        assert said[row, : length + 2].tolist() == [lab.START, *letters[::-1], lab.END]
        assert not said[row, length + 2 :].any()


def test_short_texts_are_learned_in_a_few_steps_and_runs_repeat(monkeypatch):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    monkeypatch.setattr(lab, "MOST", 3)
    assert lab.share_right(lab.train_with("attention", 0, steps=120), 3, 0) > 60
    assert torch.equal(torch.rand(3), expected)
    first, second = (lab.train_with("none", 1, steps=2).head.weight for _ in range(2))
    assert torch.equal(first, second)


def numbers_of(short, long, attention):
    found = {
        f"accuracy: {way}, {size}": [90.0] * 3 for way in lab.WAYS for size in (*lab.LENGTHS, lab.BEYOND)
    }
    found["accuracy: none, 4"] = [short - 1, short, short + 1]
    found["accuracy: none, 16"] = [long, long + 1, long - 1]
    found["accuracy: attention, 16"] = [attention + 1, attention, attention - 1]
    return found


@pytest.mark.parametrize(
    ("short", "long", "attention", "outcome"),
    [(95.0, 5.0, 95.0, "holds"), (95.0, 60.0, 20.0, "does not hold"), (20.0, 5.0, 95.0, "not shown"),
     (95.0, 40.0, 60.0, "not shown")],
)  # fmt: skip
def test_the_rule_can_say_each_of_the_three(short, long, attention, outcome):
    assert lab.judge(numbers_of(short, long, attention)).outcome == outcome
