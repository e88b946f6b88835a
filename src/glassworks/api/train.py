"""Training: from a request to a run folder, or from a run folder onwards."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from glassworks import catalogue
from glassworks.api.families import family_of
from glassworks.api.learner import Learner
from glassworks.api.prepare import Prepared
from glassworks.api.requests import FinetuneRequest, TrainRequest, command_of
from glassworks.api.resolve import data_part_of, recipe_for, resumed, system_of
from glassworks.api.run import Run, load
from glassworks.core.errors import PersonError
from glassworks.core.files import only_one
from glassworks.recipes.base import Recipe, recipe_module, require_system
from glassworks.training import checkpoint, finders
from glassworks.training.loop import Plan, fit
from glassworks.training.progress import Lines, Silent
from glassworks.training.run_folder import (
    CHECKPOINTS,
    LOCK,
    SPLITS,
    RunFolder,
    place_for,
    read_json,
    require_free,
)
from glassworks.training.runtime import Runtime, start
from glassworks.training.state import new_state
from glassworks.training.stopping import StopRequest


def train(system: str | None = None, data: str | None = None, **options: Any) -> Run:
    """Train a system; the keywords are the options of `glassworks train --help`.

        run = gw.train("cnn", data="photos/", size="small", out="runs/photos")

    Returns the loaded run. Raises PersonError for what the person can mend, and Stopped (after saving) when
    the process was asked to stop.
    """
    options.setdefault("workers", None if "resume" in options else 0)  # scripts may lack a __main__ guard
    return train_request(TrainRequest(system=system, data=data, **options))


def finetune(system: str, data: str | None = None, **options: Any) -> Run:
    """Start from a pretrained model and teach it other pictures; the keywords are those of `train`.

        run = gw.finetune("efficientnet", data="photos/", out="runs/photos")

    Left out, `start_from` is the system's own published weights, and `tune` is "head", or what the recipe of
    the system says ("full" for bert).
    """
    options.setdefault("workers", 0)
    return finetune_request(FinetuneRequest(system=system, data=data, **options))


def finetune_request(request: FinetuneRequest, *, progress: Any = None) -> Run:
    """The same, from a whole request. Raises PersonError for a system without published weights."""
    if request.resume or request.recipe:
        raise PersonError(
            "contradiction", expected="`finetune` for a new run", got="--resume or --recipe",
            fix="use `glassworks train`: a run's recipe says already what it starts from",
        )  # fmt: skip
    return train_request(with_start(request), progress=progress)


def with_start(request: TrainRequest) -> TrainRequest:
    """The request with what `finetune` adds: where it starts, and what of it learns."""
    entry = require_system(request.system or "")
    if request.start_from is None and len(entry.weights) != 1:
        known = [row.name for row in catalogue.CATALOGUE if row.weights]
        raise PersonError(
            "no-weights",
            expected=f"weights for {entry.name} to start from",
            got="no --from"
            + (f"; it knows {', '.join(entry.weights)}" if entry.weights else ", and none are published"),
            fix=f"--from RUN or FILE.safetensors, or a system with published weights: {', '.join(known)}",
        )
    start = request.start_from or entry.weights[0]
    usual = getattr(recipe_module(entry.name), "TUNE", "head")
    return replace(request, start_from=start, tune=request.tune or usual)


def train_request(request: TrainRequest, *, splits: dict | None = None, progress: Any = None) -> Run:
    """The same, from a whole request.

    splits: the parts as splits.json names them, where they are decided
    progress: hears `say`, `step` and `evaluated` as `training.progress.Lines` does; left out: the terminal
    """
    say = progress or (Silent() if request.quiet else Lines())
    if request.resume:
        path, recipe = resumed(request)
        family = family_of(recipe.system)
    else:
        recipe, family = None, family_of(system_of(request))  # before a large archive is unpacked
        path = place_for(request.out, request.system or "run", request.data or "sample")
        require_free(path, request.overwrite)
    table = family.open_data(recipe.data if recipe else data_part_of(request))
    if recipe is None:
        recipe = recipe_for(request, table)
        if not request.out:
            path = place_for(None, recipe.system, recipe.data.where)
        _keep_sources(recipe, path)
    runtime = start(recipe.hardware.device, recipe.hardware.precision, recipe.hardware.threads)
    if not runtime.main:
        say = Silent()
    try:
        given = read_json(path / SPLITS) if request.resume else splits
        prepared = family.prepare(recipe, table, splits=given)
        recipe = recipe.with_values(prepared.settled)
        path = _run(request, recipe, path, prepared, runtime, say)
        runtime.share(None)  # nobody reads the run before it is whole
    finally:
        runtime.close()
    return load(path, device=recipe.hardware.device)


def _run(
    request: TrainRequest, recipe: Recipe, path: Path, prepared: Prepared, runtime: Runtime, say: Any
) -> Path:
    """Build, choose, train, write the card and the report; returns the folder."""
    begun = bool(request.resume) and bool(checkpoint.found(path / CHECKPOINTS))
    family = family_of(recipe.system)
    learner = family.learner(recipe, prepared, runtime, begun=begun, say=say)
    choices: list[str] = []
    if not request.resume:
        recipe, choices = _choose(recipe, learner)
        learner.recipe = recipe
    runtime.precision = recipe.hardware.precision
    if runtime.main and not request.resume:
        path = _create(request, recipe, path, prepared)
    path = runtime.share(path)
    folder = RunFolder(path, prepared.names)
    for sentence in [*_introduction(learner, path), *runtime.reasons, *choices]:
        say.say(sentence)
    settings = recipe.training
    state = new_state(
        learner.model,
        learner.optimizer(learner.model),
        averaged=settings.average > 0,
        micro=settings.micro_batch,
    )
    step = learner.make_step(learner.wrapped(learner.model), runtime)
    lock = only_one(path / LOCK, "a run") if runtime.main else contextlib.nullcontext()
    with lock, StopRequest() as stop:
        if request.resume:
            for sentence in folder.restore(state, main=runtime.main):
                say.say(sentence)
        fit(
            step, state, _plan(recipe, learner.task), examples=learner.train,
            validate=lambda judged: family.validate(learner, judged), folder=folder, runtime=runtime,
            progress=say, stop=stop,
        )  # fmt: skip
        if runtime.main:
            folder.save_best(state)  # a kill may have come between the last checkpoint and this file
            family.finish(folder, learner, state, choices)
            say.say(f"run: {path}    next: glassworks evaluate {path}")
    return path


def _keep_sources(recipe: Recipe, path: Path) -> None:
    """A run may not replace the run that it starts from or learns from."""
    for source in filter(None, (recipe.start_from, recipe.teacher.run)):
        if path.resolve() in (Path(source).resolve(), *Path(source).resolve().parents):
            raise PersonError(
                "contradiction", expected="another place for the new run than that of its start or teacher",
                got=f"--out {path}", fix="choose another --out",
            )  # fmt: skip


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


def _choose(recipe: Recipe, learner: Learner) -> tuple[Recipe, list[str]]:
    """Freeze into the recipe what is measured or follows from the data, with a sentence for each choice."""
    runtime, model, settings = learner.runtime, learner.model, recipe.training
    values: dict[str, Any] = {"hardware.threads": runtime.threads, "hardware.device": runtime.device.type}
    sentences = []

    def note(found: finders.Choice) -> float:
        sentences.append(found.reason)
        return found.value

    def precision(batch: int) -> None:
        """Measured on pictures: they take the time, also where only a head learns on their features."""
        faster = note(
            finders.choose_precision(model, learner.make_step, learner.pictures, runtime, batch=batch)
        )
        runtime.precision = values["hardware.precision"] = "bf16" if faster else "fp32"

    automatic = recipe.hardware.precision == "auto"
    if automatic and learner.on_features:
        precision(min(32, len(learner.pictures)))
    if settings.batch == "auto":
        runtime.precision = "fp32" if runtime.precision == "auto" else runtime.precision
        batch = int(note(finders.find_batch(model, _asking(learner), learner.train, runtime)))
    else:
        batch = settings.batch
    batch = min(batch, len(learner.train))
    values["training.batch"] = batch
    if automatic and not learner.on_features:
        precision(batch)
    if settings.learning_rate == "auto":
        plain = Runtime(runtime.device, "fp32", runtime.threads)
        values["training.learning_rate"] = note(
            finders.find_learning_rate(
                model, _asking(learner), learner.train, plain, batch=batch, fallback=2e-3,
                optimizer=learner.optimizer if learner.groups else None,
            )
        )  # fmt: skip
    if recipe.hardware.compile:
        seconds = finders.time_steps(model, _asking(learner), learner.train, runtime, batch=batch)
        steps = settings.epochs * -(-len(learner.train) // batch)
        sentences += [warning] if (warning := finders.warn_of_compiling(seconds, steps)) else []
    values, sentences = runtime.share((values, sentences))
    return recipe.with_values(values), sentences


def _asking(learner: Learner) -> finders.MakeStep:
    """Steps for the finders' copies of the model."""
    return lambda trial, where: learner.make_step(learner.asked(trial), where)


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
        judge_start=bool(recipe.start_from),
    )


def _introduction(learner: Learner, path: Path) -> list[str]:
    """What a person should read before the first epoch."""
    recipe, table, parts = learner.recipe, learner.prepared.table, learner.prepared.splits
    what = family_of(recipe.system).in_words(table)
    numbers = sum(parameter.numel() for parameter in learner.model.parameters())
    lines = [
        f"{recipe.system} ({recipe.variant}, {recipe.size}): {numbers:,} parameters, {recipe.input.in_words}",
        f"data {recipe.data.where}: {what}, {len(parts.train):,} to train, {len(parts.val):,} to validate, "
        f"{len(parts.test):,} to test",
        *learner.notes,
        f"into {path}: {recipe.training.epochs} epochs of batches of {recipe.training.batch}, "
        f"learning rate {recipe.training.learning_rate:g}, seed {recipe.seed}",
    ]
    if learner.groups:
        lines += learner.rates_in_words()
    return [*lines, *table.notes, *parts.notes]
