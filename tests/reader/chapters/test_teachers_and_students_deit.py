"""The chapter on DeiT: its numbers are true, and its figures show what the text says."""

import json
import math
from importlib.resources import files

import pytest
import torch
import torch.nn.functional as F

from glassworks.blocks.encoder_block import BlockConfig
from glassworks.models.vision import deit
from glassworks.models.vision.deit import DeiTConfig, distillation_loss
from glassworks.reader import exercises
from glassworks.reader.figures import (
    lite0,
    soft_by_hand,
    the_same_piece,
    two_heads_one_answer,
    what_a_teacher_says,
    when_a_teacher_helps,
    why_t_squared,
)
from tests.reader.chapters import ladder

SLUG = "image/teachers_and_students_deit"
LAB = json.loads(files("glassworks.labs").joinpath("recorded/deit-against-plain.json").read_text("utf-8"))
STUDENT, TEACHER = (torch.tensor([row], dtype=torch.float64) for row in ((2.0, 1.0, 0.0), (3.0, 0.0, 0.0)))


def soft(temperature: float) -> float:
    target = torch.zeros(1, dtype=torch.long)
    return float(
        distillation_loss(STUDENT, STUDENT, target, TEACHER, "soft", weight=1.0, temperature=temperature)
    )


def has_weights() -> bool:
    try:
        lite0.classifier()
    except lite0.PersonError:
        return False
    return True


# ---- soft and hard


def test_the_numbers_of_the_example_are_those_of_the_plan():
    assert float(F.cross_entropy(STUDENT, torch.zeros(1, dtype=torch.long))) == pytest.approx(
        0.407606, abs=1e-6
    )
    assert soft(1) == pytest.approx(0.176848, abs=1e-6)
    assert soft(3) == pytest.approx(0.347331, abs=2e-6)  # T38
    assert soft(3) / 9 == pytest.approx(0.038592, abs=1e-6)
    text = ladder.prose(SLUG)
    for temperature, told in ((1, "0.909, 0.045, 0.045 and 0.665, 0.245, 0.090"),
                              (3, "0.576, 0.212, 0.212 and 0.448, 0.321, 0.230")):  # fmt: skip
        shares = [
            ", ".join(f"{share:.3f}" for share in (scores / temperature).softmax(1)[0].tolist())
            for scores in (TEACHER, STUDENT)
        ]
        assert " and ".join(shares) == told and told in text
    turned = STUDENT.softmax(1) * (STUDENT.log_softmax(1) - TEACHER.log_softmax(1))
    assert f"{float(turned.sum()):.4f}" == "0.2668" and "0.2668 instead of 0.1768" in text


def test_the_known_mistakes_of_the_soft_term_come_from_these_mistakes():
    told = {mistake.value for mistake in _soft_term().mistakes}
    p, q = ((scores / 3).softmax(1) for scores in (TEACHER, STUDENT))
    bare, turned = float((p * (p / q).log()).sum()), float((q * (q / p).log()).sum())
    made = {bare, 3 * bare, soft(1), 9 * turned, 9 * soft(1), float(-9 * (p * q.log()).sum())}
    assert sorted(told) == pytest.approx(sorted(made), abs=1e-5)


def test_hard_distillation_of_a_student_that_knows_nothing_is_the_logarithm_of_the_classes():
    even, said = torch.zeros(1, 1000), F.one_hot(torch.tensor([281]), 1000).float()
    for weight in (0.0, 0.3, 0.5, 1.0):  # T37
        loss = distillation_loss(even, even, torch.tensor([5]), said, "hard", weight=weight)
        assert float(loss) == pytest.approx(math.log(1000), abs=1e-5)


def test_the_papers_weights_are_those_of_the_text():
    assert deit.WEIGHT == {"hard": 0.5, "soft": 0.1} and deit.TEMPERATURE == 3.0  # C30


def test_the_figure_shows_the_sum_and_its_multiple():
    shown = ladder.words(soft_by_hand.SoftByHand().drawn)
    assert "0.038592" in shown and "0.34733" in shown
    agreed = ladder.words(soft_by_hand.SoftByHand().set(cat=3, dog=0, car=0))
    assert "sum of the terms = 0.000000" in agreed


def test_the_gradient_falls_with_the_square_of_the_temperature_and_the_factor_gives_it_back():
    """The formula of the text, and the words of the figure."""
    for temperature in (1.0, 3.0, 10.0):
        p, q = ((scores / temperature).softmax(1) for scores in (TEACHER, STUDENT))
        told = float(((q - p) / temperature).norm())
        assert why_t_squared.gradient(temperature) / temperature**2 == pytest.approx(told, rel=1e-9)
    pulls = [why_t_squared.gradient(t) for t in why_t_squared.TEMPERATURES]
    assert max(pulls) / min(pulls) < 1.6  # "hardly changes" over a range of 1 to 20


# ---- the token


def test_a_deit_reads_198_tokens_and_578_at_384_pixels():
    shape = {"dimension": 8, "depth": 1, "classes": 3, "block": BlockConfig(heads=2)}
    assert DeiTConfig(224, 224, **shape).tokens == 198  # type: ignore[arg-type]
    assert DeiTConfig(384, 384, **shape).tokens == 578  # type: ignore[arg-type]
    model = deit.build(DeiTConfig(32, 32, patch=8, **shape)).eval()  # type: ignore[arg-type]
    pictures = torch.randn(2, 3, 32, 32)
    assert model.embed(pictures).shape == (2, 18, 8)
    label, teacher = model(pictures, apart=True)
    assert torch.allclose(model(pictures), (label + teacher) / 2)


def test_the_mean_of_scores_and_the_mean_of_shares_can_differ():
    scores, shares = two_heads_one_answer.answers(
        torch.tensor(two_heads_one_answer.LABEL), torch.tensor(two_heads_one_answer.TEACHER)
    )
    names = two_heads_one_answer.NAMES
    assert names[int(scores.argmax())] == "dog" and names[int(shares.argmax())] == "car"
    assert "Both answer" in ladder.words(two_heads_one_answer.TwoHeadsOneAnswer().set(agree=1))
    geometric = (
        torch.tensor(two_heads_one_answer.LABEL).softmax(0)
        * torch.tensor(two_heads_one_answer.TEACHER).softmax(0)
    ).sqrt()
    assert torch.allclose(geometric / geometric.sum(), scores)


# ---- the teacher


@pytest.mark.skipif(not has_weights(), reason="the published weights are not installed")
def test_the_teacher_says_what_the_figures_say():
    for name, label in what_a_teacher_says.LABELS.items():
        if name in what_a_teacher_says.available():
            said = what_a_teacher_says.scores(name)
            assert lite0.classifier().names[int(said.argmax())] == label
            soft_order = what_a_teacher_says.softened(said, 5).argsort(descending=True)[:6]
            assert torch.equal(soft_order, said.argsort(descending=True)[:6])
    cats = [name for name, _ in lite0.classifier().top(what_a_teacher_says.scores("a cat").softmax(0), 4)]
    assert cats == ["tiger cat", "Egyptian cat", "tabby", "lynx"]  # "other cats, not cars"
    assert the_same_piece.hard_answer(1.0, 0.0) == "espresso" != the_same_piece.hard_answer(3.0, 1.0)


LATER = [pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2, 3)]


@pytest.mark.parametrize("seed", [0, *LATER])
def test_a_teacher_with_right_labels_helps_where_labels_are_wrong(seed):
    plain, _ = when_a_teacher_helps.measured(("plain", 0.4, "more", seed))
    hard, _ = when_a_teacher_helps.measured(("hard", 0.4, "more", seed))
    teacher, differs = when_a_teacher_helps.measured(("teacher", 0.4, "more", seed))
    assert hard > plain + 0.1 and teacher > 0.9
    assert 0.3 < differs < 0.5  # it contradicts the labels that are wrong
    part, _ = when_a_teacher_helps.student_part(0.0, seed)
    wrong, _ = when_a_teacher_helps.student_part(0.4, seed)
    assert torch.equal(part.pictures, wrong.pictures)
    assert 0.3 < float((part.targets != wrong.targets).float().mean()) < 0.5


# ---- the lab


def test_the_text_tells_what_the_lab_found():
    assert LAB["outcome"] == "not shown" and "**not shown**" in ladder.prose(SLUG)
    rows = {row[0]: row for row in LAB["tables"][0]["rows"]}
    text = ladder.prose(SLUG)
    for name in ("the teacher (CNN)", "plain", "token alone", "hard", "soft"):
        assert rows[name][1] in text, name
    further = exercises.find("teachers_and_students_deit.two_heads").further
    for number in (*rows["hard"][3:5], rows["hard"][1], *rows["soft"][3:5], rows["soft"][1]):
        assert number in further
    question = exercises.find("teachers_and_students_deit.when").question
    assert "hard +0.1 (-4.1 to +4.3)" in LAB["interval"] and "−4.1 to +4.3" in question
    assert "soft +1.2 (-2.6 to +5.1)" in LAB["interval"]
    assert "in 0.0 % of cases" in LAB["notes"][1]


def _soft_term() -> exercises.NumberExercise:
    found = exercises.find("teachers_and_students_deit.soft_term")
    assert isinstance(found, exercises.NumberExercise)
    return found
