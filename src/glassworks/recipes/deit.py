"""Recipes of DeiT: those of the Vision Transformer, and the paper's weights of a teacher, hard or soft."""

from dataclasses import asdict
from typing import Any

from glassworks.models.vision.deit import TEMPERATURE, WEIGHT, DeiTConfig, Kind
from glassworks.recipes import vit
from glassworks.recipes.base import Facts, Recipe, Size, TeacherPart


def recipe(size: Size, variant: str, facts: Facts) -> Recipe:
    """The DeiT for this data at a size. Without `--teacher` both of its heads learn the label."""
    plain = vit.recipe(size, variant, facts)
    model = asdict(DeiTConfig(**plain.model))
    teacher = TeacherPart(kind="hard", **teaching("hard"))
    return plain.model_copy(update={"system": "deit", "model": model, "teacher": teacher})


def teaching(kind: Kind) -> dict[str, Any]:
    """Weight and temperature of the teacher for `--distil KIND`, as in the paper."""
    return {"weight": WEIGHT[kind], "temperature": TEMPERATURE}
