"""Distillation: the losses against their formulas, and a teacher that sees and answers as it should."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.data.batches import Batch
from glassworks.tasks.image import ImageClassification, ImageRegression, ImageTagging
from glassworks.transfer.distil import (
    Distilled,
    as_seen_by,
    hard_loss,
    hard_tag_loss,
    order_of,
    soft_loss,
    soft_tag_loss,
    teacher_function,
)
from tests.transfer.models import small_cnn

COLOUR = PictureInput(16, 16, 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
GREY = PictureInput(12, 20, 1, (0.3,), (0.2,))


@pytest.fixture
def scores():
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(9, 5, generator=generator, dtype=torch.float64) for _ in range(2)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_soft_loss_is_the_divergence_that_torch_computes(scores, temperature):
    student, teacher = scores
    ours = F.log_softmax(student / temperature, 1)
    expected = F.kl_div(ours, F.softmax(teacher / temperature, 1), reduction="batchmean") * temperature**2
    torch.testing.assert_close(soft_loss(student, teacher, temperature), expected, atol=1e-10, rtol=1e-10)
    assert float(soft_loss(teacher, teacher, temperature)) == pytest.approx(0, abs=1e-12)


def test_at_high_temperature_scores_are_matched(scores):
    """Hinton et al. section 2.1: the loss becomes half the mean square of centred differences."""
    student, teacher = scores
    apart = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    matched = apart.square().sum(1).mean() / (2 * 5)
    torch.testing.assert_close(soft_loss(student, teacher, 1e4), matched, rtol=1e-3, atol=0)
    assert abs(float(soft_loss(student, teacher, 1.0) / matched) - 1) > 0.1


def test_the_size_of_the_gradient_does_not_fall_with_the_temperature(scores):
    sizes = []
    for temperature in (10.0, 100.0):
        student = scores[0].clone().requires_grad_()
        soft_loss(student, scores[1], temperature).backward()
        sizes.append(float(student.grad.norm()))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.2)


def test_tags_are_two_classes_each(scores):
    """One yes-or-no question with score s is a choice between scores s and 0."""
    student, teacher = scores
    pairs = [torch.stack([s.flatten(), torch.zeros(45, dtype=s.dtype)], 1) for s in scores]
    torch.testing.assert_close(soft_tag_loss(student, teacher, 3.0), soft_loss(*pairs, 3.0))
    wanted = (teacher > 0).double()
    expected = -(wanted * F.logsigmoid(student) + (1 - wanted) * F.logsigmoid(-student)).mean()
    torch.testing.assert_close(hard_tag_loss(student, teacher), expected)


def test_the_hard_loss_takes_the_teachers_best_answer_as_the_label(scores):
    student, teacher = scores
    best = teacher.numpy().argmax(1)
    expected = -student.log_softmax(1).numpy()[np.arange(9), best].mean()
    assert float(hard_loss(student, teacher)) == pytest.approx(expected)


# ---- as a task


def batch_of(targets):
    generator = torch.Generator().manual_seed(1)
    return Batch(torch.randn(8, 3, 16, 16, generator=generator), targets, np.arange(8))


LABELS = torch.arange(8) % 4
TAGS = (torch.arange(32).reshape(8, 4) % 3 == 0).float()
TASKS = [
    (ImageClassification(4, 0.1, (1.0, 2.0, 1.0, 0.5)), LABELS),
    (ImageTagging(4, 0.1, (1.0, 2.0, 1.0, 0.5)), TAGS),
]


@pytest.mark.parametrize(("task", "targets"), TASKS)
@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_the_loss_weighs_labels_and_teacher(task, targets, kind):
    student, teacher, batch = small_cnn().eval(), small_cnn().eval(), batch_of(targets)
    plain = task.loss(student, batch).total
    none = Distilled(task, teacher, kind, weight=0.0).loss(student, batch)
    assert torch.equal(none.total, plain) and torch.equal(none.parts["labels"], plain)
    some = Distilled(task, teacher, kind, weight=0.3).loss(student, batch)
    assert set(some.parts) == {"labels", "teacher"}
    torch.testing.assert_close(some.total, 0.7 * plain + 0.3 * some.parts["teacher"])
    whole = Distilled(task, teacher, kind, weight=1.0).loss(student, batch)
    torch.testing.assert_close(whole.total, some.parts["teacher"])


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_no_gradient_reaches_the_teacher_and_the_student_runs_once(kind):
    student, teacher, batch = small_cnn(), small_cnn().eval(), batch_of(LABELS)
    calls = []
    student.register_forward_hook(lambda *_: calls.append(1))
    Distilled(ImageClassification(4), teacher, kind).loss(student, batch).total.backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(parameter.grad is not None for parameter in student.parameters()) and calls == [1]


def test_a_student_comes_to_answer_like_its_teacher_without_any_label():
    torch.manual_seed(0)
    teacher = small_cnn(dropout=0.0).eval()
    with torch.no_grad():
        teacher.head.weight.mul_(8)
    student, inputs = small_cnn(dropout=0.0, batch_norm=False), torch.randn(64, 3, 16, 16)
    task = Distilled(ImageClassification(4), teacher, "soft", temperature=2.0, weight=1.0)
    batch = Batch(inputs, torch.zeros(64, dtype=torch.int64), np.arange(64))
    optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)

    def agreement():
        with torch.no_grad():
            return float((student(inputs).argmax(1) == teacher(inputs).argmax(1)).float().mean())

    before = agreement()
    for _ in range(60):
        optimizer.zero_grad()
        task.loss(student, batch).total.backward()
        optimizer.step()
    assert before < 0.7 and agreement() > 0.9


@pytest.mark.parametrize(("task", "targets"), TASKS)
def test_everything_else_is_the_tasks_own(task, targets):
    wrapped, outputs = Distilled(task, small_cnn()), torch.randn(8, 4)
    for what in ("name", "primary", "larger_is_better", "outputs"):
        assert getattr(wrapped, what) == getattr(task, what)
    assert np.array_equal(wrapped.answers(outputs), task.answers(outputs))
    scores = task.answers(outputs)
    assert wrapped.metrics(scores, targets.numpy()) == task.metrics(scores, targets.numpy())


def test_what_cannot_be_distilled_is_refused():
    teacher, task = small_cnn(), ImageClassification(4)
    for make in (
        lambda: Distilled(ImageRegression(0.0, 1.0), teacher),
        lambda: Distilled(task, teacher, "warm"),
        lambda: Distilled(task, teacher, temperature=0.0),
        lambda: Distilled(task, teacher, weight=1.5),
    ):
        with pytest.raises(PersonError) as caught:
            make()
        assert caught.value.code == "bad-distillation"


# ---- the teacher's view


class Watcher(nn.Module):
    """Answers with four fixed scores, and keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.norm = nn.BatchNorm2d(3)

    def forward(self, pictures):
        self.saw = pictures
        return torch.tensor([[10.0, 20.0, 30.0, 40.0]]).expand(len(pictures), 4) + self.weight


def test_the_teacher_answers_in_the_students_order_of_classes():
    student, teacher = ("cat", "dog", "cow"), ("dog", "hen", "cow", "cat")
    assert order_of(student, teacher) == (3, 0, 2)
    watcher = Watcher()
    function = teacher_function(watcher, COLOUR, COLOUR, order_of(student, teacher))
    said = function(torch.randn(2, 3, 16, 16))
    assert said.tolist() == [[40.0, 10.0, 30.0]] * 2 and not said.requires_grad
    assert not watcher.training and not watcher.norm.training and not watcher.weight.requires_grad
    with pytest.raises(PersonError, match="hamster"):
        order_of(("cat", "hamster"), teacher)


def test_the_teacher_sees_the_students_picture_in_its_own_scaling_size_and_colour():
    pixels = torch.rand(2, 3, 16, 16)
    column = lambda values: torch.tensor(values)[:, None, None]  # noqa: E731
    as_student = (pixels - column(COLOUR.mean)) / column(COLOUR.std)
    other = PictureInput(16, 16, 3, (0.5,) * 3, (0.5,) * 3)
    torch.testing.assert_close(as_seen_by(as_student, COLOUR, other), 2 * pixels - 1, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(as_seen_by(as_student, COLOUR, COLOUR), as_student, atol=1e-5, rtol=1e-5)
    grey = as_seen_by(as_student, COLOUR, PictureInput(16, 16, 1, (0.0,), (1.0,)))
    expected = 0.299 * pixels[:, :1] + 0.587 * pixels[:, 1:2] + 0.114 * pixels[:, 2:]
    torch.testing.assert_close(grey, expected, atol=1e-5, rtol=1e-5)
    small = as_seen_by(as_student, COLOUR, GREY)
    assert small.shape == (2, 1, 12, 20)
    back = as_seen_by(torch.zeros(2, 1, 12, 20), GREY, COLOUR)  # zero is the mean, 0.3 of white
    expected = (0.3 - column(COLOUR.mean)) / column(COLOUR.std)
    torch.testing.assert_close(back, expected.expand(2, 3, 16, 16), atol=1e-5, rtol=1e-5)
    watcher = Watcher()
    teacher_function(watcher, other, COLOUR, range(4))(as_student)
    torch.testing.assert_close(watcher.saw, 2 * pixels - 1, atol=1e-5, rtol=1e-5)
