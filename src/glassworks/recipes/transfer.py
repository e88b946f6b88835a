"""Recipes that start from pretrained weights: the system's own recipe with the settings that transfer wants.

Pretrained weights know most of it already, so they are changed little and slowly: fewer epochs, a lower rate,
and parts near the picture slower than those near the answer (Yosinski et al. 2014, arXiv 1411.1792; layer
rates: Howard & Ruder 2018, arXiv 1801.06146). A new head begins where fixed features lead it, so what follows
only refines; rates above these made 188 photographs worse than the head alone (docs/log.md).
The first thing to change: `SETTINGS`.
"""

from typing import Any

from glassworks.recipes.base import AugmentPart, Facts, InputPart, Recipe, TunePart
from glassworks.recipes.pictures import augmentation_for, batch_for, epochs_for

# peak rate, pictures to show in all, epochs at most, rate of a part by that of the part above it
SETTINGS: dict[str, tuple[float, int, int, float]] = {
    "head": (3e-4, 30_000, 40, 1.0),
    "last": (1e-4, 20_000, 15, 1.0),
    "gradual": (1e-4, 20_000, 15, 0.85),
    "full": (1e-4, 20_000, 15, 0.85),
    "lora": (3e-4, 20_000, 15, 1.0),
}
SHARE = {"tiny": 0.5, "small": 1.0, "paper": 2.0}  # of the pictures to show


def fine_tuned(
    recipe: Recipe, facts: Facts, tune: TunePart, *, model: dict[str, Any] | None, seen: InputPart | None
) -> Recipe:
    """A system's recipe for training from pretrained weights.

    tune:  what learns; a layer_decay of 1 is replaced by the method's own
    model: fields of the weights' architecture, of which the side may be missing
    seen:  how the weights saw pictures; None for both: unknown, stays
    """
    rate, budget, most, decay = SETTINGS[tune.method]
    content = recipe.model_dump(by_alias=True)
    if model is not None:
        side = {name: content["model"][name] for name in ("height", "width", "channels")}
        classes = {"classes": facts.outputs} if "classes" in content["model"] else {}
        content["model"] = side | model | classes
        for name in ("height", "width", "channels"):
            content["input"][name] = content["model"][name]
    if seen is not None:
        content["input"] = seen.model_dump()
    content["tune"] = tune.model_dump() | {
        "layer_decay": decay if tune.layer_decay == 1.0 else tune.layer_decay
    }
    # A head alone learns on features that are computed once, unless something random touches the picture.
    augment = AugmentPart() if tune.method == "head" else augmentation_for(facts)
    content["augment"] = augment.model_dump()
    content["training"] |= {
        "learning_rate": rate,
        "epochs": epochs_for(facts.examples, round(budget * SHARE[recipe.size]), most),
        "batch": min(32, batch_for(facts.examples)) if tune.method != "head" else batch_for(facts.examples),
        "warmup": 0.1,
        "optimizer": "adamw",
        "patience": 0,
        "smoothing": 0.05,
    }
    return Recipe.model_validate(content)
