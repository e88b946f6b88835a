"""The chapter on distillation between CNNs: its numbers are true, and its figures show what the text says."""

import base64
import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from glassworks import labs
from glassworks.labs import distillation_gain as lab
from glassworks.labs.lab import Result
from glassworks.reader import exercises
from glassworks.reader.figures import (
    beyond_the_label,
    four_targets,
    pull_of_two,
    silent_mistakes,
    students_of_sizes,
    taught_digits,
    teacher_on_yours,
)
from glassworks.recipes.base import TeacherPart
from glassworks.transfer.distil import soft_loss
from tests.reader.chapters import ladder

SLUG = "image/teachers_and_students"


@pytest.fixture(scope="module")
def recorded() -> Result:
    found = labs.recorded("distillation-gain")
    assert found is not None
    return found


def test_the_student_is_as_small_as_the_text_says():
    counts = [students_of_sizes.numbers_of(widths) for widths in (lab.TEACHER, lab.STUDENT)]
    assert counts == [53_194, 1_058]
    assert "53,194 against 1,058" in exercises.find("teachers_and_students.smaller").further
    layers = [lab.built(widths, 0, "count").get_parameter("stages.1.convolution.weight").numel()
              for widths in (lab.TEACHER, lab.STUDENT)]  # fmt: skip
    assert layers == [18_432, 288]
    assert exercises.find("teachers_and_students.smaller").target == layers[0] / layers[1]


def test_the_workbenchs_own_values_are_those_of_the_text_and_of_the_lab():
    assert (TeacherPart().temperature, TeacherPart().weight) == (lab.TEMPERATURE, lab.WEIGHT) == (4.0, 0.7)
    assert "$T = 4$ and $w = 0.7$" in ladder.prose(SLUG)


def test_at_a_high_temperature_the_students_scores_are_pulled_towards_the_teachers():
    """The gradient of the text, w = 1, one picture."""
    dice = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(1, 5, generator=dice, dtype=torch.float64) for _ in range(2))
    student.requires_grad_()
    soft_loss(student, teacher, 1000.0).backward()
    wanted = ((student - student.mean()) - (teacher - teacher.mean())) / 5
    torch.testing.assert_close(student.grad, wanted.detach(), atol=1e-3, rtol=1e-2)


def test_the_librarys_loss_is_torchs_divergence():
    dice = torch.Generator().manual_seed(1)
    student, teacher = (torch.randn(6, 4, generator=dice) for _ in range(2))
    ours, theirs = ((one / 3).log_softmax(1) for one in (student, teacher))
    wanted = 9 * F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    torch.testing.assert_close(soft_loss(student, teacher, 3.0), wanted)


def test_a_teacher_says_of_an_eight_that_it_is_like_a_three():
    scores = taught_digits.scores(0, "test")
    shares = beyond_the_label.thought_of(8, 4.0, scores)
    assert shares.argsort(descending=True)[:2].tolist() == [8, 3] and shares[3] > 0.05
    cold = beyond_the_label.thought_of(8, 1.0, scores)
    assert cold[8] > shares[8]
    assert taught_digits.accuracy("teacher", lab.TEACHER, 0) > 95


def test_the_four_targets_are_what_they_are_called():
    scores = taught_digits.scores(0, "test")
    label, softened, hard, soft = four_targets.targets(14, 4.0, scores).values()
    assert all(float(one.sum()) == pytest.approx(1) for one in (label, softened, hard, soft))
    assert torch.equal(label, hard) and float(softened.max()) == pytest.approx(0.91)
    others = softened[label == 0]
    assert float(others.min()) == float(others.max()) and float(soft[label == 0].max()) > 0.1


def test_the_text_tells_what_the_lab_found(recorded):
    text = ladder.prose(SLUG)
    assert recorded.outcome == "not shown" and "**The claim is not shown.**" in text
    rows = {row[0].partition(":")[0]: row for row in recorded.tables[0].rows}
    for arm, gain in (("smoothed", "+2.1 (+1.4 to +2.8)"), ("soft", "+2.2 (−1.2 to +5.6)"),
                      ("soft, more pictures", "+5.4 (+2.7 to +8.1)")):  # fmt: skip
        assert rows[arm][2] == gain.replace("−", "-") and f"| {rows[arm][1]} % | {gain} |" in text
    assert rows["the teacher"][1] == "96.5" and rows["plain"][1] == "87.2"
    gains = np.subtract(recorded.numbers["soft"], recorded.numbers["plain"])
    assert f"{gains.max():.1f}" == "10.4" and sorted(gains.round(1))[:2] == [-2.1, -2.1]
    assert recorded.numbers["hard"] == recorded.numbers["plain"] and max(recorded.numbers["contradicts"]) == 0
    plain, taught, top = (np.mean(recorded.numbers[k]) for k in ("plain", "soft, more pictures", "teacher"))
    assert (taught - plain) / (top - plain) > 0.5  # "more than half of the gap"


def test_the_questions_quote_the_lab(recorded):
    question = exercises.find("teachers_and_students.control").question
    for number in ("2.2 points", "−1.2 to +5.6", "2.1", "+1.4 to +2.8"):
        assert number in question
    assert "5.4" in exercises.find("teachers_and_students.when").choices[0].reason
    assert "96.5 %" in exercises.find("teachers_and_students.hard").question


def test_the_label_pulls_one_score_and_the_teacher_what_looks_alike():
    label, teacher = pull_of_two.pulls(0.7, 4.0)
    others = [score for digit, score in enumerate(label.tolist()) if digit != pull_of_two.LABEL]
    assert label[4] > 0 and max(others) - min(others) < 1e-12 and max(others) < 0
    assert teacher[9] > 0 > teacher[3] and abs(float(teacher.sum())) < 1e-9
    assert (
        float(pull_of_two.pulls(0.0, 4.0)[1].abs().max())
        == 0
        == float(pull_of_two.pulls(1.0, 4.0)[0].abs().max())
    )
    assert "higher than the 3" in pull_of_two.PullOfTwo().draw(weight=0.7, temperature=4)
    assert "0.000 higher" in pull_of_two.PullOfTwo().draw(weight=0, temperature=4)


def test_each_silent_mistake_still_gives_shares_and_only_a_count_tells():
    found = {name: silent_mistakes.right(name) for name in silent_mistakes.MISTAKES}
    assert (
        found["none"] > 90
        and found["order"] < 20
        and max(found["preparation"], found["mode"]) < found["none"]
    )
    for name in silent_mistakes.MISTAKES:
        torch.testing.assert_close(silent_mistakes.answers(name).sum(1), torch.ones(900))


def test_a_large_teacher_answers_about_the_readers_own_picture_too():
    figure = teacher_on_yours.TeacherOnYours()
    own = "data:image/jpeg;base64," + base64.b64encode(_jpeg()).decode()
    shown = {name: figure.draw(name="a cat", own=given, temperature=3.0) for name, given in
             (("cat", ""), ("own", own), ("damaged", own[:60]))}  # fmt: skip
    assert "your picture" in shown["own"] and shown["own"] != shown["cat"] and "tiger cat" in shown["cat"]
    assert "tiger cat" in shown["damaged"]  # what cannot be decoded is answered with the photograph
    soft, hard = (figure.draw(name="a cat", own="", temperature=t) for t in (10.0, 1.0))
    assert soft.index("Entropy") and float(soft.split("Entropy ")[1].split()[0]) > float(
        hard.split("Entropy ")[1].split()[0]
    )


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, "JPEG")
    return file.getvalue()
