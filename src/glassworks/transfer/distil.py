"""Distillation: a student learns from a teacher's answers as well as from the labels.

A teacher that finds a cat "a little like a dog" tells more than the label does. Soft: match the teacher's
probabilities, flattened by a temperature T so that small ones count; the loss is multiplied by T² because its
gradient shrinks by as much. Hard: take the teacher's best answer as a second label. A student with two heads
(DeiT) learns the label with one and the teacher with the other; any other learns both with its only one.

Papers: Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network", arXiv 1503.02531 (soft);
Touvron et al. 2020, "Training data-efficient image transformers", arXiv 2012.12877 (hard).
First thing to change: `temperature`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.tasks import Loss
from glassworks.tasks.image import ImageClassification, ImageTagging, ImageTask

GREY = (0.299, 0.587, 0.114)  # of red, green, blue (ITU-R BT.601), as pictures are made grey when decoded

Teacher = Callable[[Tensor], Tensor]  # pictures as the student sees them -> scores before softmax


@dataclass(frozen=True)
class Distilled:
    """A task whose loss also asks a teacher. Everything else is the task's own.

    task:        ImageClassification or ImageTagging
    teacher:     function from the batch's inputs to (batch, classes) scores; no gradient goes there
    kind:        "soft" (probabilities at a temperature) or "hard" (its best answer as a label)
    temperature: of the soft kind, above 0; 1 leaves probabilities as they are
    weight:      of the teacher in the loss, 0 to 1; the labels have the rest
    """

    task: ImageTask
    teacher: Teacher
    kind: Literal["soft", "hard"] = "soft"
    temperature: float = 4.0
    weight: float = 0.5

    def __post_init__(self):
        if not isinstance(self.task, ImageClassification | ImageTagging):
            raise _refused("a task with classes", f"the task {self.task.name}", "train without --teacher")
        if self.kind not in ("soft", "hard"):
            raise _refused('"soft" or "hard"', f'"{self.kind}"', "change the kind of distillation")
        if not self.temperature > 0 or not 0 <= self.weight <= 1:
            got = f"temperature {self.temperature}, weight {self.weight}"
            raise _refused("a temperature above 0 and a weight from 0 to 1", got, "change these numbers")

    @property
    def name(self) -> str:
        return self.task.name

    @property
    def primary(self) -> str:
        return self.task.primary

    @property
    def larger_is_better(self) -> bool:
        return self.task.larger_is_better

    @property
    def outputs(self) -> int:
        return self.task.outputs

    def answers(self, outputs: Tensor) -> np.ndarray:
        return self.task.answers(outputs)

    def metrics(self, scores: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        return self.task.metrics(scores, targets)

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        """(1 - weight) x the task's loss + weight x the teacher's, with both as parts."""
        for_labels, for_teacher = answers_of(model, batch.inputs)
        given: Any = lambda _: for_labels  # noqa: E731  the task asks for a model; its answers are there already
        labels = self.task.loss(given, batch, generator).total
        with torch.no_grad():
            said = self.teacher(batch.inputs).float()
        taught = self._from_teacher(for_teacher.float(), said)
        total = (1 - self.weight) * labels + self.weight * taught
        return Loss(total, {"labels": labels, "teacher": taught})

    def _from_teacher(self, outputs: Tensor, said: Tensor) -> Tensor:
        tags = isinstance(self.task, ImageTagging)
        if self.kind == "hard":
            return hard_tag_loss(outputs, said) if tags else hard_loss(outputs, said)
        soft = soft_tag_loss if tags else soft_loss
        return soft(outputs, said, self.temperature)


def answers_of(model: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Scores that the labels judge and scores that the teacher judges, (batch, classes) each.

    The same scores twice, unless the model has two heads (DeiT's `two_answers`). What wraps a model for
    several processes, or compiles it, holds it among its modules and hands `apart` on.
    """
    if any(hasattr(part, "two_answers") for part in model.modules()):
        return model(inputs, apart=True)
    outputs = model(inputs)
    return outputs, outputs


def soft_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² x KL(teacher || student) of (batch, classes) scores at temperature T, mean over the batch."""
    theirs = (teacher / temperature).log_softmax(1)
    ours = (student / temperature).log_softmax(1)
    return temperature**2 * (theirs.exp() * (theirs - ours)).sum(1).mean()


def hard_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy with the teacher's best class, mean over the batch."""
    return F.cross_entropy(student, teacher.argmax(1))


def soft_tag_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """The soft loss for yes-or-no questions: mean over batch and classes, as the task's own loss is."""
    theirs, ours = teacher / temperature, student / temperature
    yes, no = theirs.sigmoid(), (-theirs).sigmoid()
    each = yes * (F.logsigmoid(theirs) - F.logsigmoid(ours))
    each = each + no * (F.logsigmoid(-theirs) - F.logsigmoid(-ours))
    return temperature**2 * each.mean()


def hard_tag_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy with the teacher's yes or no to each class."""
    return F.binary_cross_entropy_with_logits(student, (teacher > 0).to(student.dtype))


def order_of(student: Sequence[str], teacher: Sequence[str]) -> tuple[int, ...]:
    """For each class of the student its place among the teacher's.

    Raises PersonError("teacher-lacks-classes").

    >>> order_of(("cat", "dog"), ("dog", "cow", "cat"))
    (2, 0)
    """
    missing = [name for name in student if name not in teacher]
    if missing:
        raise PersonError(
            "teacher-lacks-classes",
            expected="a teacher that knows every class of this data",
            got=f"one that does not know {', '.join(missing[:5])}"
            + (f" and {len(missing) - 5} more" if len(missing) > 5 else ""),
            fix="train the teacher on data with these classes first",
        )
    return tuple(list(teacher).index(name) for name in student)


def teacher_function(
    model: nn.Module, teacher_input: PictureInput, student_input: PictureInput, class_order: Sequence[int]
) -> Teacher:
    """A teacher that looks at the student's pictures and answers in the student's order of classes.

    It sees the very picture that the student sees, augmented and cropped alike: only scaling, channels and
    size become its own. The model is put in evaluation mode and frozen. class_order: see `order_of`.
    """
    model.eval().requires_grad_(False)
    places = torch.as_tensor(tuple(class_order))

    def teacher(pictures: Tensor) -> Tensor:
        with torch.no_grad():
            return model(as_seen_by(pictures, student_input, teacher_input))[:, places.to(pictures.device)]

    return teacher


def as_seen_by(pictures: Tensor, now: PictureInput, wanted: PictureInput) -> Tensor:
    """Pictures prepared for one input as another wants them, (batch, channels, height, width) both ways."""
    pictures = pictures * _column(now.std, pictures) + _column(now.mean, pictures)  # 0 … 1 again
    if now.channels == 1 and wanted.channels == 3:
        pictures = pictures.expand(-1, 3, -1, -1)
    elif now.channels == 3 and wanted.channels == 1:
        pictures = (pictures * _column(GREY, pictures)).sum(1, keepdim=True)
    if pictures.shape[2:] != (wanted.height, wanted.width):
        pictures = F.interpolate(
            pictures, (wanted.height, wanted.width), mode="bilinear", align_corners=False, antialias=True
        )
    pictures = (pictures - _column(wanted.mean, pictures)) / _column(wanted.std, pictures)
    return pictures.contiguous(memory_format=torch.channels_last)


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    """One number a channel, (channels, 1, 1)."""
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]


def _refused(expected: str, got: str, fix: str) -> PersonError:
    return PersonError("bad-distillation", expected=expected, got=got, fix=fix)
