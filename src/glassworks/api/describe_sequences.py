"""One page on a system that reads texts or series: its settings, and what a typical input costs.

A picture's size is chosen freely; what a text or a series costs depends on the recipe, which fits the model
to the data. So each variant is counted as its `small` recipe makes it for data of a usual size.

The first thing to change: `TEXTS` and `SERIES`, the data that the recipe is asked about.
"""

import dataclasses
import inspect
from typing import Any

from glassworks.insight.sequence_cost import sequence_costs
from glassworks.recipes.base import (
    InputPart,
    Known,
    Recipe,
    SeriesFacts,
    SeriesPart,
    TextFacts,
    config_class,
    config_of,
    default_recipe,
    require_system,
    system_module,
)

TEXTS = {"examples": 2_000, "words": 20, "longest": 60, "letters": 400_000}
SERIES = {"examples": 500, "channels": 1, "length": 128, "period": 12}
# task of the catalogue's row -> kind of its data
KINDS = {
    "text-classification": "label",
    "text-generation": "text",
    "translation": "pairs",
    "word-embedding": "words",
    "fill-mask": "none",
    "time-series-classification": "label",
    "time-series-forecasting": "forecast",
}


def reads_sequences(system: str) -> bool:
    """Whether a system reads texts or series: its config knows no height."""
    return "height" not in {field.name for field in dataclasses.fields(config_class(system_module(system)))}


def sequence_variant(system: str, variant: str, classes: int) -> dict:
    """{"name", "parameters", "multiply_adds", "stages", "of"} of one architecture, "of" in words."""
    import torch

    recipe = default_recipe(system, "small", variant, _facts(system, classes))
    module, config = system_module(system), config_of(recipe)
    with torch.device("meta"):
        model = module.build(config)
        given = module.example(config) if hasattr(module, "example") else _example(model, recipe)
        stages = sequence_costs(model, *given)
    assert not isinstance(recipe.input, InputPart)
    seen = recipe.input.in_words.replace("texts of up to", "a text of").replace(
        "series of up to", "a series of"
    )
    answers = f", {recipe.model['classes']} classes" if recipe.model.get("classes", 1) > 1 else ""
    return {
        "name": variant,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "multiply_adds": sum(stage.multiply_adds for stage in stages),
        "stages": [dataclasses.asdict(stage) | {"receptive_field": None} for stage in stages],
        "of": seen + answers,
        "settings": recipe.model,
    }


def _facts(system: str, classes: int) -> Known:
    task = require_system(system).task
    kind = KINDS[task]
    outputs = classes if kind == "label" else 1
    if task.startswith("time-series"):
        return SeriesFacts(kind=kind, outputs=outputs, **SERIES)
    return TextFacts(kind=kind, outputs=outputs if kind == "label" else 0, **TEXTS)


def _example(model: Any, recipe: Recipe) -> tuple[Any, ...]:
    """What the model is called with for one typical input: a sequence in each place that must be filled."""
    import torch

    seen = recipe.input
    if isinstance(seen, SeriesPart):
        one = torch.zeros(1, seen.history, seen.channels)
    else:
        one = torch.zeros(1, seen.context, dtype=torch.int64)  # type: ignore[union-attr]
    places = inspect.signature(model.forward).parameters.values()
    return tuple(None if place.name == "lengths" else one for place in places if place.default is place.empty)
