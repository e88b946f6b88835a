"""What families without classes answer to settings that speak of classes."""

from collections.abc import Mapping, Sequence

from glassworks.core.errors import PersonError
from glassworks.recipes.base import Recipe


def refuse_what_needs_labels(
    recipe: Recipe,
    *,
    expected: str,
    fix: str = "leave them out",
    tune: Sequence[str] = ("full",),
    also: Mapping[str, bool] | None = None,
) -> None:
    """Raise PersonError("contradiction") for settings that mean nothing here, before anything is read.

    expected: what settings may speak of; tune: the ways of `--tune` that there are; also: further flags, and
    whether they were given
    """
    settings = recipe.training
    asked = {
        "--threshold": settings.threshold is not None,
        "--class-weights": settings.class_weights != "none",
        "--teacher": recipe.teacher.run is not None,
        f"--tune {recipe.tune.method}": recipe.tune.method not in tune,
        **(also or {}),
    }
    if wrong := [flag for flag, given in asked.items() if given]:
        raise PersonError("contradiction", expected=expected, got=", ".join(wrong), fix=fix)
