"""Training: from a request to a run folder, or from a run folder onwards."""

from pathlib import Path
from typing import Any

import torch
import yaml

from glassworks.api.prepare import Prepared, facts_of, open_data, prepare
from glassworks.api.requests import TrainRequest, command_of
from glassworks.api.run import Run, load, scores_of
from glassworks.core.errors import PersonError
from glassworks.core.processes import decoders
from glassworks.data.augment import Augment
from glassworks.data.folders import missing_path
from glassworks.recipes.base import (
    DataPart,
    Recipe,
    build_model,
    data_part,
    default_recipe,
    plain_yaml,
    read,
    require_system,
)
from glassworks.training import finders
from glassworks.training.loop import Plan, fit
from glassworks.training.optimizer import RULES
from glassworks.training.progress import Lines, Silent
from glassworks.training.run_folder import (
    MODEL,
    RECIPE,
    SPLITS,
    RunFolder,
    open_run,
    place_for,
    read_json,
    require_free,
)
from glassworks.training.runtime import Runtime, start
from glassworks.training.state import new_state
from glassworks.training.step import supervised
from glassworks.training.stopping import StopRequest
from glassworks.weights.names import textbook
from glassworks.weights.store import load_into, read_tensors

NAMED = ("sample", "torchvision", "hf")  # --data NAME:… that is no path


def train(system: str | None = None, data: str | None = None, **options: Any) -> Run:
    """Train a system; the keywords are the options of `glassworks train --help`.

        run = gw.train("cnn", data="photos/", size="small", out="runs/photos")

    Returns the loaded run. Raises PersonError for what the person can mend, and Stopped (after saving) when
    the process was asked to stop.
    """
    options.setdefault("workers", None if "resume" in options else 0)  # scripts may lack a __main__ guard
    return train_request(TrainRequest(system=system, data=data, **options))


def train_request(request: TrainRequest) -> Run:
    """The same, from a whole request."""
    say = Silent() if request.quiet else Lines()
    if request.resume:
        path, recipe = _resumed(request)
    else:
        recipe = None
        if not request.recipe:
            require_system(request.system or "")  # before a large archive is unpacked
        path = place_for(request.out, request.system or "run", request.data or "sample")
        require_free(path, request.overwrite)
    table = open_data(recipe.data if recipe else _data_part(request))
    if recipe is None:
        recipe = recipe_for(request, table)
        if not request.out:
            path = place_for(None, recipe.system, recipe.data.where)
    runtime = start(recipe.hardware.device, recipe.hardware.precision, recipe.hardware.threads)
    if not runtime.main:
        say = Silent()
    try:
        prepared = prepare(recipe, table, splits=read_json(path / SPLITS) if request.resume else None)
        path = _run(request, recipe, path, prepared, runtime, say)
        runtime.share(None)  # nobody reads the run before it is whole
    finally:
        runtime.close()
    return load(path, device=recipe.hardware.device)


def recipe_for(request: TrainRequest, table: Any) -> Recipe:
    """Size, then --recipe, then named options, then --set: the later wins."""
    if request.recipe:
        recipe = read(request.recipe)
        if request.system and request.system != recipe.system:
            raise PersonError(
                "contradiction", expected=f"the system of the recipe, {recipe.system}", got=request.system,
                fix="leave one of the two out",
            )  # fmt: skip
        # Measured on other data they would be wrong; measured on the same they come out the same.
        recipe = recipe.with_values({"input.mean": (), "input.std": ()})
        outputs = facts_of(table).outputs
        if recipe.model.get("classes", outputs) != outputs:
            recipe = recipe.with_values({"model.classes": outputs})
    else:
        recipe = default_recipe(
            str(request.system), request.size or "small", request.variant, facts_of(table)
        )
    changes: dict[str, Any] = {
        f"data.{k}": v for k, v in _data_part(request, recipe.data).model_dump().items()
    }
    named = (
        "epochs",
        "batch",
        "learning_rate",
        "class_weights",
        "average",
        "patience",
        "micro_batch",
        "on_nan",
        "threshold",
    )
    changes |= {f"training.{name}": getattr(request, name) for name in named}
    changes |= {
        f"hardware.{name}": getattr(request, name) for name in ("device", "precision", "threads", "workers")
    }
    changes |= {"seed": request.seed, "start_from": request.start_from}
    if request.workers is None and not request.recipe:
        changes["hardware.workers"] = decoders(len(table))
    changes["hardware.compile"] = request.compile or None
    for name in ("height", "width"):
        changes |= {f"input.{name}": request.side, f"model.{name}": request.side}
    changes["input.fit"] = request.fit
    changes = {key: value for key, value in changes.items() if value is not None}
    if request.augment:
        changes |= {f"augment.{key}": value for key, value in _augment_values(request.augment).items()}
    settings = dict(_setting(text) for text in request.set)
    return recipe.with_values(changes | {k: v for k, v in settings.items() if not k.startswith("data.")})


def _augment_values(name: str) -> dict[str, Any]:
    from glassworks.recipes.base import AugmentPart
    from glassworks.recipes.pictures import LIGHT, PHOTO

    return {"none": AugmentPart(), "light": LIGHT, "photo": PHOTO}[name].model_dump()


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


def _data_part(request: TrainRequest, base: DataPart | None = None) -> DataPart:
    """The recipe's data with what the request names; without a recipe, the defaults."""
    if base is None and request.recipe:
        base = read(request.recipe).data
    asked = {
        "where": request.data, "target": request.target, "file": request.file, "group": request.group,
        "labels": None if request.labels == "auto" else request.labels, "bad": request.bad,
    }  # fmt: skip
    settings = dict(_setting(text) for text in request.set)
    asked |= {key.removeprefix("data."): value for key, value in settings.items() if key.startswith("data.")}
    where = asked["where"]
    if isinstance(where, str) and where != "sample" and where.partition(":")[0] not in NAMED:
        asked["where"] = str(Path(where).resolve())  # the run must find it from anywhere
    own = (base or DataPart()).model_dump()
    return data_part(own | {key: value for key, value in asked.items() if value is not None})


def _resumed(request: TrainRequest) -> tuple[Path, Recipe]:
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


def _run(
    request: TrainRequest, recipe: Recipe, path: Path, prepared: Prepared, runtime: Runtime, say: Any
) -> Path:
    """Build, choose, train, write the card and the report; returns the folder."""
    model = build_model(recipe).to(runtime.device, memory_format=torch.channels_last)
    if recipe.start_from and not request.resume:
        start_from(model, recipe.system, recipe.start_from, say)
    batches = prepared.batches(
        "train", seed=recipe.seed, augment=Augment(**recipe.augment.model_dump()), device=runtime.device
    )
    task, settings = prepared.task, recipe.training

    def make_step(trained: torch.nn.Module, where: Runtime):
        return supervised(
            task, trained, where, seed=recipe.seed, clip=settings.clip, average=settings.average
        )

    recipe, choices = _choose(recipe, prepared, model, make_step, batches, runtime)
    runtime.precision = recipe.hardware.precision
    if runtime.main and not request.resume:
        path = _create(request, recipe, path, prepared)
    path = runtime.share(path)
    folder = RunFolder(path, prepared.table.names)
    for sentence in [*_introduction(recipe, prepared, model, path), *runtime.reasons, *choices]:
        say.say(sentence)
    settings = recipe.training
    state = new_state(
        model,
        RULES[settings.optimizer](model, learning_rate=1.0, weight_decay=settings.weight_decay),
        averaged=settings.average > 0,
        micro=settings.micro_batch,
    )
    if request.resume:
        for sentence in folder.restore(state, main=runtime.main):
            say.say(sentence)
    validation = prepared.batches("val", device=runtime.device)

    def validate(judged: torch.nn.Module) -> dict[str, float]:
        scores = scores_of(judged, task, validation, runtime)
        return task.metrics(scores, prepared.table.targets[validation.rows])

    trained: Any = torch.compile(model) if recipe.hardware.compile else model
    wrapped = runtime.wrap(trained)
    with StopRequest() as stop:
        fit(
            make_step(wrapped, runtime), state, _plan(recipe, task), examples=batches, validate=validate,
            folder=folder, runtime=runtime, progress=say, stop=stop,
        )  # fmt: skip
    if runtime.main:
        from glassworks.api.judge import finish

        folder.save_best(state)  # a kill may have come between the last checkpoint and this file
        finish(folder, recipe, prepared, state, runtime, choices)
        say.say(f"run: {path}    next: glassworks evaluate {path}")
    return path


def _create(request: TrainRequest, recipe: Recipe, path: Path, prepared: Prepared) -> Path:
    """Make the run's folder. Of two runs that begin at once without --out the later takes the next number."""
    splits, command = prepared.splits.to_json(prepared.table), command_of("train", request)
    if path.exists() and request.overwrite:
        require_free(path, True)  # again: much may have happened while the pictures were decoded
        RunFolder(path).clear()
    while True:
        try:
            RunFolder(path).create(recipe.as_yaml(), splits, command)
        except PersonError as error:
            if error.code != "run-exists" or request.out:
                raise
            path = place_for(None, recipe.system, recipe.data.where)
        else:
            return path


def _choose(recipe, prepared, model, make_step, batches, runtime) -> tuple[Recipe, list[str]]:
    """Freeze into the recipe what is measured or follows from the data, with a sentence for each choice."""
    values: dict[str, Any] = {"input.mean": prepared.how.mean, "input.std": prepared.how.std}
    values |= {"hardware.threads": runtime.threads, "hardware.device": runtime.device.type}
    sentences = []
    settings = recipe.training
    batch = settings.batch
    if batch == "auto":
        found = finders.find_batch(model, make_step, batches, runtime)
        batch = int(found.value)
        sentences.append(found.reason)
    batch = min(batch, len(batches))
    values["training.batch"] = batch
    if recipe.hardware.precision == "auto":
        found = finders.choose_precision(model, make_step, batches, runtime, batch=batch)
        values["hardware.precision"] = "bf16" if found.value else "fp32"
        sentences.append(found.reason)
    if settings.learning_rate == "auto":
        found = finders.find_learning_rate(
            model,
            make_step,
            batches,
            Runtime(runtime.device, "fp32", runtime.threads),
            batch=batch,
            fallback=2e-3,
        )
        values["training.learning_rate"] = found.value
        sentences.append(found.reason)
    if recipe.hardware.compile:
        seconds = finders.time_steps(model, make_step, batches, runtime, batch=batch)
        steps = settings.epochs * -(-len(batches) // batch)
        sentences += [warning] if (warning := finders.warn_of_compiling(seconds, steps)) else []
    values, sentences = runtime.share((values, sentences))
    return recipe.with_values(values), sentences


def start_from(model: torch.nn.Module, system: str, source: str, say: Any) -> None:
    """Begin with other weights: a run's or a file's. A head for other classes starts fresh, and says so."""
    path = Path(source)
    if not path.exists():
        raise missing_path(path)
    file = open_run(path) / MODEL if path.is_dir() else path
    tensors = read_tensors(file)
    if textbook.is_theirs(system, tensors):
        tensors = textbook.to_ours(system, tensors)
    own = model.state_dict()
    fresh = [n for n in own if n.startswith("head.") and n in tensors and tensors[n].shape != own[n].shape]
    load_into(model, tensors, source=str(file), skip=("head.",) if fresh else ())
    say.say(f"started from {file}" + (", with a new head for these classes" if fresh else ""))


def _plan(recipe: Recipe, task: Any) -> Plan:
    settings = recipe.training
    return Plan(
        epochs=settings.epochs,
        batch=int(settings.batch),
        learning_rate=float(settings.learning_rate),
        warmup=settings.warmup,
        evaluate_every=settings.evaluate_every,
        patience=settings.patience,
        save_seconds=settings.save_seconds,
        save_steps=settings.save_steps,
        on_nan=settings.on_nan,
        primary=task.primary,
        larger_is_better=task.larger_is_better,
    )


def _introduction(recipe: Recipe, prepared: Prepared, model: torch.nn.Module, path: Path) -> list[str]:
    """What a person should read before the first epoch."""
    table, parts = prepared.table, prepared.splits
    what = f"{len(table.classes)} classes" if table.kind != "number" else "a number"
    lines = [
        f"{recipe.system} ({recipe.variant}, {recipe.size}): {sum(p.numel() for p in model.parameters()):,} "
        f"parameters, pictures of {recipe.input.height}x{recipe.input.width}x{recipe.input.channels}",
        f"data {recipe.data.where}: {what}, {len(parts.train):,} to train, {len(parts.val):,} to validate, "
        f"{len(parts.test):,} to test",
        f"into {path}: {recipe.training.epochs} epochs of batches of {recipe.training.batch}, "
        f"learning rate {recipe.training.learning_rate:g}, seed {recipe.seed}",
    ]
    left_out = len(table.damaged) + len(prepared.store.damaged)
    if left_out:
        lines.append(f"{left_out} damaged files were left out; `glassworks check` names them")
    return [*lines, *table.notes, *parts.notes]
