"""Training: from a request to a run folder, or from a run folder onwards."""

import contextlib
from pathlib import Path
from typing import Any

import torch

from glassworks.api.prepare import Prepared, open_data, prepare
from glassworks.api.requests import TrainRequest, command_of
from glassworks.api.resolve import data_part_of, recipe_for, resumed
from glassworks.api.run import Run, load, scores_of
from glassworks.core.errors import PersonError
from glassworks.core.files import only_one
from glassworks.data.augment import Augment
from glassworks.data.folders import missing_path
from glassworks.recipes.base import (
    Recipe,
    build_model,
    require_system,
)
from glassworks.training import finders
from glassworks.training.loop import Plan, fit
from glassworks.training.optimizer import RULES
from glassworks.training.progress import Lines, Silent
from glassworks.training.run_folder import (
    LOCK,
    MODEL,
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
        path, recipe = resumed(request)
    else:
        recipe = None
        if not request.recipe:
            require_system(request.system or "")  # before a large archive is unpacked
        path = place_for(request.out, request.system or "run", request.data or "sample")
        require_free(path, request.overwrite)
    table = open_data(recipe.data if recipe else data_part_of(request))
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
    validation = prepared.batches("val", device=runtime.device)

    def validate(judged: torch.nn.Module) -> dict[str, float]:
        scores = scores_of(judged, task, validation, runtime)
        return task.metrics(scores, prepared.table.targets[validation.rows])

    trained: Any = torch.compile(model) if recipe.hardware.compile else model
    wrapped = runtime.wrap(trained)
    lock = only_one(path / LOCK, "a run") if runtime.main else contextlib.nullcontext()
    with lock, StopRequest() as stop:
        if request.resume:
            for sentence in folder.restore(state, main=runtime.main):
                say.say(sentence)
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
        schedule=settings.schedule,
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
    return [*lines, *table.notes, *parts.notes]
