"""When can a teacher help? A small DeiT on 200 digits, some labels wrong, with two kinds of teachers.

A teacher that says what the labels say adds nothing as a second label. Where labels are wrong, or where the
teacher has seen more pictures, its answers are better than the labels. The network and the training are those
of the lab `deit-against-plain`, with one block and fewer steps, so that a run takes about a second.
The first thing to change: `STEPS`, to come nearer to the lab.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import nn

from glassworks.core.keyed import generator
from glassworks.labs import deit_against_plain as lab
from glassworks.labs.digits import CLASSES, Part
from glassworks.models.vision import deit, vit
from glassworks.reader.draw import bar_chart, note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured

COUNT, MORE = 200, 790  # pictures of the student, and of a teacher that saw more
STEPS, TEACHER_STEPS = 200, 120
Source = Literal["more", "same"]
Run = tuple[str, float, Source, int]  # arm or "teacher", share of wrong labels, what the teacher saw, seed
ARMS: tuple[lab.Arm, ...] = ("plain", "hard", "soft")


def student_part(wrong: float, seed: int) -> tuple[Part, Part]:
    """What the student learns from, with this share of its labels wrong, and the test part."""
    part, test = lab.parts(seed, COUNT)
    dice = generator(seed, "wrong-labels")
    flipped = torch.from_numpy(dice.random(COUNT)) < wrong
    other = (part.targets + torch.from_numpy(dice.integers(1, CLASSES, COUNT))) % CLASSES
    return Part(part.pictures, torch.where(flipped, other, part.targets)), test


@lru_cache(maxsize=16)
def teacher_of(wrong: float, source: Source, seed: int) -> nn.Module:
    """A frozen CNN that learned MORE pictures rightly labelled, or the student's with its labels."""
    part = lab.parts(seed, MORE)[0] if source == "more" else student_part(wrong, seed)[0]
    return lab.teach(part, TEACHER_STEPS, seed)


def student_of(arm: lab.Arm, wrong: float, source: Source, seed: int) -> nn.Module:
    """A Transformer of one block after STEPS steps: a plain ViT, or a DeiT with this kind of answers."""
    part, _ = student_part(wrong, seed)
    side = part.pictures.shape[-1]
    shape: dict[str, Any] = lab.STUDENT | {"depth": 1, "height": side, "width": side, "channels": 1}
    shape |= {"patch": max(2, side // 5), "classes": CLASSES}

    def build() -> nn.Module:
        return vit.build(vit.ViTConfig(**shape)) if arm == "plain" else deit.build(deit.DeiTConfig(**shape))

    teacher = teacher_of(wrong, source, seed)
    loss = lab.taught_loss(teacher, arm) if arm == "hard" or arm == "soft" else lab.plain_loss
    return lab.trained(lab.started(build, seed, "student"), loss, part, STEPS, seed)


@lru_cache(maxsize=128)
def measured(run: Run) -> tuple[float, float]:
    """(test accuracy, share of the student's training pictures where it does not say the label)."""
    name, wrong, source, seed = run
    part, test = student_part(wrong, seed)
    if name == "teacher":
        model = teacher_of(wrong, source, seed)
    else:
        model = student_of(name, wrong, source, seed)  # type: ignore[arg-type]
    right, same = (_share_right(model, one) for one in (test, part))
    return right, 1 - same


@torch.no_grad()
def _share_right(model: nn.Module, part: Part) -> float:
    return float((model(part.pictures).argmax(1) == part.targets).double().mean())


class WhenATeacherHelps(Measured):
    title = "When can a teacher help?"
    says = (
        "With 4 of 10 labels wrong, the labels pull the plain student here and there. The hard answers of a "
        "teacher that learned from right labels pull it one way, and it gets further in the same 200 steps. "
        "One short run each: a shape, not a size."
    )
    controls = (
        Choose("wrong", "labels of the student that are wrong", {"4 of 10": 0.4, "none": 0.0}),
        Choose("source", "the teacher saw", {"790 pictures, rightly labelled": "more",
                                             "the student's pictures and labels": "same"}),
        Slider("seed", "seed", 0, 3, step=1, value=0),
    )  # fmt: skip

    def runs(self, wrong: float, source: Source, seed: int, **_: Any) -> Sequence[Run]:
        plain: Run = ("plain", wrong, "more", int(seed))  # asks no teacher
        return [("teacher", wrong, source, int(seed)), plain,
                *((arm, wrong, source, int(seed)) for arm in ARMS[1:])]  # fmt: skip

    def measure(self, run: Run) -> tuple[float, float]:
        return measured(run)

    def show(self, known: Mapping[Run, tuple[float, float]], **values: Any) -> str:
        found = [(run[0], known[run]) for run in self.runs(**values) if run in known]
        if not found:
            return note("Nothing is trained yet.")
        names = {
            "teacher": "the teacher (CNN)",
            "plain": "plain ViT",
            "hard": "DeiT, hard",
            "soft": "DeiT, soft",
        }
        chart = bar_chart([(names[name], 100 * right) for name, (right, _) in found], width=480)
        rows = [[names[name], f"{right:.1%}", f"{differs:.1%}"] for name, (right, differs) in found]
        head = ["", "test accuracy", "differs from the student's labels"]
        return chart + table(head, rows)
