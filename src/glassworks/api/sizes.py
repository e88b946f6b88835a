"""A run at another picture size than its own: the same weights, with the positions of another grid.

Nothing is learned for the new size, and what was measured at the old one is left out: the figures, and how
unlike the training pictures a picture may be. What is judged, drawn or written of such a run stands beside
what is the run's own. To learn for the new size too: `glassworks finetune SYSTEM --from RUN
--image-size N`.
The first thing to change: `at_side`.
"""

from dataclasses import replace
from typing import Any

from glassworks.api.run import Run
from glassworks.core.errors import PersonError
from glassworks.recipes.base import build_model, system_module
from glassworks.transfer.resize import fitted, in_words
from glassworks.weights.store import load_into


def at_side(run: Run, side: int | None, **how: Any) -> Run:
    """The run for pictures of `side` x `side` pixels; the same run where that is its own size, or None.

    how: `mode` and `align_corners` of `resize_positions`, for systems with positions.
    Raises PersonError("picture-size") for a size that the architecture does not take, or that these weights
    cannot be brought to.
    """
    if side is None:
        return run
    own = run.own or run  # never from a table that was resized once already
    before = own.input.height, own.input.width
    if (run.input.height, run.input.width) == (side, side):
        return run
    if before == (side, side):
        return own
    try:
        if side < 1:
            raise ValueError("a picture has at least one pixel")
        replace(own.model.config, height=side, width=side)  # type: ignore[type-var]
    except ValueError as error:
        raise PersonError(
            "picture-size", expected=f"a picture size that this {own.recipe.system} takes",
            got=f"--image-size {side}: {error}",
            fix=f"choose one that fits, or leave it out for the run's own {in_words(before)}",
        ) from error  # fmt: skip
    recipe = own.recipe.with_values(
        {f"{part}.{name}": side for part in ("input", "model") for name in ("height", "width")}
    )
    model = build_model(recipe)
    system, tensors = system_module(recipe.system), own.model.state_dict()
    tensors = fitted(system, tensors, model.state_dict(), model.config, before, **how)
    load_into(model, tensors, source=str(own.path))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return replace(
        own, recipe=recipe, card=_card(own, recipe.model, side, parameters), familiar=None, own=own,
        model=model.to(own.runtime.device).eval(),
    )  # fmt: skip


def other_size(run: Run) -> str:
    """ "-64x64" for the names of files about a run at another size than its own, else ""."""
    return "" if run.own is None else f"-{in_words((run.input.height, run.input.width))}"


def _card(own: Run, model: dict[str, Any], side: int, parameters: int) -> dict[str, Any]:
    """The card without the figures of the other size."""
    sizes = in_words((own.input.height, own.input.width)), in_words((side, side))
    said = f"learned at {sizes[0]} pixels and fitted to {sizes[1]}; nothing was learned for that size"
    return own.card | {
        "model": dict(model),
        "input": dict(own.card.get("input", {})) | {"height": side, "width": side},
        "parameters": parameters,
        "judged": None,
        "metrics": {},
        "baselines": {},
        "choices": [*own.card.get("choices", []), said],
    }
