"""The teacher and the students of the chapter on distillation: the lab's networks, in shorter runs.

Each run is a pure function of its key and is kept, so that every figure may ask for it.
The first thing to change: `STEPS`, to come nearer to the lab.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

from glassworks.labs import distillation_gain as lab
from glassworks.labs.digits import Part

STEPS, TEACHER_STEPS = 200, 200


@lru_cache(maxsize=8)
def given(seed: int) -> dict[str, Part]:
    """The lab's parts: "labelled", "more" and "test"."""
    return lab.parts(seed)


@lru_cache(maxsize=8)
def teacher(seed: int) -> nn.Module:
    """The larger CNN after 200 steps, frozen; about half a second."""
    return lab.teach(given(seed)["labelled"], TEACHER_STEPS, seed)


@lru_cache(maxsize=8)
def scores(seed: int, part: str) -> Tensor:
    """The teacher's scores for a part, (rows, 10)."""
    network = teacher(seed)
    with torch.no_grad():
        return network(given(seed)[part].pictures)


@lru_cache(maxsize=64)
def accuracy(arm: str, widths: tuple[int, ...], seed: int) -> float:
    """Test accuracy in points of 100 of a student, or of the teacher for the arm "teacher"."""
    parts = given(seed)
    if arm == "teacher":
        return lab.accuracy(teacher(seed), parts["test"])
    return lab.accuracy(lab.learn(arm, teacher(seed), parts, STEPS, seed, widths), parts["test"])
