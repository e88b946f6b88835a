"""From what was asked to one recipe: size, then --recipe, then named options, then --set; the later wins."""

from pathlib import Path
from typing import Any

import yaml

from glassworks.api.families import family_of
from glassworks.api.pretrained import pretrained
from glassworks.api.requests import TrainRequest
from glassworks.core.errors import PersonError
from glassworks.core.processes import decoders
from glassworks.core.rows import Table
from glassworks.recipes.base import (
    AugmentPart,
    DataPart,
    InputPart,
    Known,
    Recipe,
    SeriesPart,
    TextPart,
    TunePart,
    data_part,
    default_recipe,
    plain_yaml,
    read,
    recipe_module,
    require_system,
)
from glassworks.recipes.pictures import LIGHT, PHOTO
from glassworks.recipes.transfer import fine_tuned
from glassworks.training.run_folder import RECIPE, open_run
from glassworks.transfer.tuning import tuning_of

NAMED = ("sample", "torchvision", "hf")  # --data NAME:… that is no path
AUGMENTS = {"none": AugmentPart(), "light": LIGHT, "photo": PHOTO}
TRAINING = ("epochs", "batch", "learning_rate", "class_weights", "average", "patience", "micro_batch",
            "on_nan", "threshold")  # fmt: skip
HARDWARE = ("device", "precision", "threads", "workers")


def recipe_for(request: TrainRequest, table: Table) -> Recipe:
    """The recipe of a new run on this data. Raises PersonError for contradictions and unknown keys."""
    recipe = _begun(request, table)
    _refuse_other_inputs(request, recipe)
    changes: dict[str, Any] = {f"training.{name}": getattr(request, name) for name in TRAINING}
    changes |= {f"hardware.{name}": getattr(request, name) for name in HARDWARE}
    if request.workers is None and not request.recipe:
        changes["hardware.workers"] = decoders(len(table))
    changes |= {"hardware.compile": request.compile or None, "input.fit": request.fit}
    changes |= {"seed": request.seed, "tune.layer_decay": request.layer_decay}
    if request.distil:
        changes |= _taught(recipe, request.distil)
    if request.recipe and request.start_from:
        changes |= {"start_from": pretrained(recipe.system, request.start_from, recipe.variant).source}
    if request.recipe and request.tune:
        changes |= {
            f"tune.{k}": v for k, v in tune_part(request.tune).model_dump().items() if k != "layer_decay"
        }
    if request.teacher:
        changes |= {"teacher.run": str(open_run(request.teacher).resolve())}
    asked = {"height": request.side, "width": request.side}
    asked |= {name: getattr(request, name) for name in ("context", "history", "horizon")}
    for name, value in asked.items():
        changes |= {f"input.{name}": value} | ({f"model.{name}": value} if name in recipe.model else {})
    if request.augment:
        changes |= {f"augment.{k}": v for k, v in AUGMENTS[request.augment].model_dump().items()}
    changes = {key: value for key, value in changes.items() if value is not None}
    changes |= {f"data.{k}": v for k, v in data_part_of(request, recipe.data).model_dump().items()}
    settings = dict(_setting(text) for text in request.set)
    made = recipe.with_values(changes | {k: v for k, v in settings.items() if not k.startswith("data.")})
    _require_whole(request, made)
    return made


def _refuse_other_inputs(request: TrainRequest, recipe: Recipe) -> None:
    """What is said of pictures, texts or series needs a system that sees them."""
    of = {"side": InputPart, "fit": InputPart, "augment": InputPart, "context": TextPart,
          "history": SeriesPart, "horizon": SeriesPart}  # fmt: skip
    wrong = [
        name for name, part in of.items() if getattr(request, name) and not isinstance(recipe.input, part)
    ]
    if wrong:
        raise PersonError(
            "contradiction", expected=f"options for {recipe.system}, which sees {recipe.input.in_words}",
            got=", ".join(f"--{name}" for name in wrong), fix="leave them out: they speak of other inputs",
        )  # fmt: skip


def _taught(recipe: Recipe, kind: str) -> dict[str, Any]:
    """What --distil changes: the kind, and the teacher's weight where the system's paper has one for it."""
    changes: dict[str, Any] = {"teacher.kind": kind}
    own = getattr(recipe_module(recipe.system), "teaching", None)
    if own is not None and kind != recipe.teacher.kind:
        changes |= {f"teacher.{name}": value for name, value in own(kind).items()}
    return changes


def _require_whole(request: TrainRequest, recipe: Recipe) -> None:
    """What is said of pretrained weights or of a teacher needs them; told before anything is decoded."""
    if (request.tune or request.layer_decay or recipe.tune.method != "full") and not recipe.start_from:
        raise PersonError(
            "contradiction",
            expected="--tune and --layer-decay with --from: they say what of pretrained weights learns",
            got="no --from",
            fix="add --from imagenet (see `glassworks info SYSTEM`), or leave them out",
        )
    if recipe.start_from and recipe.training.optimizer != "adamw":
        raise PersonError(
            "contradiction",
            expected="adamw for a model that starts from other weights: its parts have rates of their own",
            got=f"training.optimizer={recipe.training.optimizer}",
            fix="leave training.optimizer out",
        )
    if request.distil and not recipe.teacher.run:
        raise PersonError(
            "contradiction",
            expected="--distil with --teacher: it says what of a teacher's answers is learned",
            got="no --teacher",
            fix="add --teacher RUN, or leave --distil out",
        )


def _begun(request: TrainRequest, table: Table) -> Recipe:
    """What named options then change: the file that --recipe names, or the system's own at a size."""
    facts = family_of(system_of(request)).facts(table)
    if not request.recipe:
        return _by_name(request, facts)
    recipe = read(request.recipe)
    if not recipe.start_from and not isinstance(recipe.input, TextPart):
        # Measured on other data they would be wrong; measured on the same they come out the same.
        recipe = recipe.with_values({"input.mean": (), "input.std": ()})
    if recipe.model.get("classes", facts.outputs) != facts.outputs:
        recipe = recipe.with_values({"model.classes": facts.outputs})
    return recipe


def system_of(request: TrainRequest) -> str:
    """The system that is asked for. Raises PersonError where it is unknown, or not that of --recipe."""
    if not request.recipe:
        return require_system(request.system or "").name
    system = read(request.recipe).system
    if request.system and request.system != system:
        raise PersonError(
            "contradiction",
            expected=f"the system of the recipe, {system}",
            got=request.system,
            fix="leave one of the two out",
        )
    return system


def _by_name(request: TrainRequest, facts: Known) -> Recipe:
    """The system's own recipe; with --from the one for transfer, at the input of the weights."""
    system, variant = str(request.system), request.variant
    if not request.start_from:
        return default_recipe(system, request.size or "small", variant, facts)
    weights = pretrained(system, request.start_from, variant)
    recipe = default_recipe(system, request.size or "small", weights.variant or variant, facts)
    seen = weights.input
    if isinstance(seen, InputPart) and request.start_from in require_system(system).weights:
        # The whole of a person's picture, not its middle: 92.2 instead of 89.7 % on 188 photographs.
        seen = seen.model_copy(update={"fit": "stretch", "crop": 1.0})
    begin: Any = getattr(recipe_module(system), "started", fine_tuned)  # some systems have a way of their own
    tuned = begin(recipe, facts, tune_part(request.tune), model=weights.model, seen=seen)
    return tuned.with_values({"start_from": weights.source})


def tune_part(words: str | None) -> TunePart:
    """What --tune says: head, last:N, gradual, full (also when left out), lora or lora:RANK."""
    tuning = tuning_of(words or "full")
    return TunePart(method=tuning.method, last=tuning.last, rank=tuning.rank)


def _setting(text: str) -> tuple[str, Any]:
    """key=value, the value read as YAML: --set model.widths=[8,16]."""
    key, equals, value = text.partition("=")
    try:
        if equals:
            return key.strip(), plain_yaml(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        pass
    raise PersonError(
        "bad-setting",
        expected="--set KEY=VALUE",
        got=f"--set {text}",
        fix="for example --set training.clip=0.5",
    )


def data_part_of(request: TrainRequest, base: DataPart | None = None) -> DataPart:
    """The recipe's data with what the request names; without a recipe, the defaults."""
    if base is None and request.recipe:
        base = read(request.recipe).data
    asked = {
        "where": request.data, "target": request.target, "file": request.file, "group": request.group,
        "text": request.text, "time": request.time,
        "labels": None if request.labels == "auto" else request.labels, "bad": request.bad,
    }  # fmt: skip
    settings = dict(_setting(text) for text in request.set)
    asked |= {key.removeprefix("data."): value for key, value in settings.items() if key.startswith("data.")}
    where = asked["where"]
    if isinstance(where, str) and where != "sample" and where.partition(":")[0] not in NAMED:
        asked["where"] = str(Path(where).resolve())  # the run must find it from anywhere
    own = (base or DataPart()).model_dump()
    return data_part(own | {key: value for key, value in asked.items() if value is not None})


def resumed(request: TrainRequest) -> tuple[Path, Recipe]:
    """The folder and recipe of a run to continue; options that would change it are refused."""
    path = open_run(str(request.resume))
    recipe = read(path / RECIPE)
    free = {"resume", "quiet", "json", "workers", "device"}
    free |= {"labels"} if request.labels == "auto" else set()
    free |= {"system"} if request.system == recipe.system else set()
    # By identity: 0 is a value that was asked for.
    changing = [
        name for name, value in vars(request).items()
        if name not in free and value is not None and value is not False and value != ()
    ]  # fmt: skip
    if changing:
        raise PersonError(
            "contradiction",
            expected="--resume alone: the run goes on as its recipe says",
            got=", ".join("--" + name.removeprefix("start_").replace("_", "-") for name in changing),
            fix=f"leave them out, or begin a new run with --from {path}",
        )
    # Where a run goes on may be another machine, without the device it began on.
    moved = {"hardware.workers": request.workers, "hardware.device": request.device}
    return path, recipe.with_values({key: value for key, value in moved.items() if value is not None})
