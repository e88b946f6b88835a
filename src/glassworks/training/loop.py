"""The training loop: one plain loop for every system, read from top to bottom.

Batches come in an order keyed by (seed, epoch) and are asked for by position, so a run may stop after any
step and continue as if nothing had happened. An own kind of step (adversarial, reinforcement) goes through
the same `fit`, and shares its schedule, log, validation, stopping and checkpoints.
"""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from glassworks.core.errors import PersonError
from glassworks.training.run_folder import RunFolder
from glassworks.training.runtime import Runtime
from glassworks.training.schedule import rate_at
from glassworks.training.state import TrainingState
from glassworks.training.step import MOST_SKIPPED, NotFinite
from glassworks.training.stopping import StopRequest

Step = Callable[[TrainingState, Any, int], dict[str, float]]


class Examples(Protocol):
    """What the loop asks of the data."""

    def __len__(self) -> int: ...

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> Any: ...


class Progress(Protocol):
    """Who is told about the run while it goes on."""

    def step(self, facts: dict) -> None: ...

    def evaluated(self, facts: dict) -> None: ...


@dataclass(frozen=True)
class Plan:
    """How long and how fast.

    epochs:         passes over the training examples
    batch:          examples a step, over all processes
    learning_rate:  at the peak; warmup: share of the run that rises to it; schedule: how it falls
    evaluate_every: epochs between two looks at the validation part
    patience:       evaluations without improvement after which the run ends, 0 for never
    save_seconds, save_steps: a checkpoint when so much time, or so many steps (0: none), have passed
    on_nan:         "stop" or "skip" a batch whose loss is not finite
    primary, larger_is_better: the validation figure that decides what is best
    judge_start:    whether the model as it starts may be the best one; a pretrained one may
    """

    epochs: int
    batch: int
    learning_rate: float
    warmup: float
    schedule: str
    evaluate_every: int
    patience: int
    save_seconds: float
    save_steps: int
    on_nan: str
    primary: str
    larger_is_better: bool
    judge_start: bool = False


def fit(
    step: Step,
    state: TrainingState,
    plan: Plan,
    *,
    examples: Examples,
    validate: Callable[[Any], dict[str, float]],
    folder: RunFolder,
    runtime: Runtime,
    progress: Progress,
    stop: StopRequest,
) -> None:
    """Train from where `state` stands to the end of the plan, or until asked to stop.

    Raises Stopped after saving when the person or the system asked for it; PersonError for a loss that is
    not finite.
    """
    count = len(examples)
    total = plan.epochs * count
    saved_at = began = time.monotonic()
    began_at = state.seen
    if plan.judge_start and state.step == 0:
        figures = runtime.share(validate(state.judged) if runtime.main else None)
        state.best, state.best_loss = figures[plan.primary], _finite(figures.get("loss", 0.0))
        state.keep_best()
    while state.seen < total and not state.stopped_early:
        epoch, position = divmod(state.seen, count)
        end = next_boundary(position, count, plan.batch)
        rate = plan.learning_rate * rate_at(
            (state.seen + (end - position) / 2) / total, warmup=plan.warmup, shape=plan.schedule
        )
        for group in state.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)  # parts of a pretrained model may learn slower
        batch = examples.training(epoch, position, end, runtime.rank, runtime.world)
        parts = _take_step(step, state, batch, end - position, plan, folder, runtime)
        names = sorted(parts)
        *sums, asked = runtime.total(*(parts[name] for name in names), float(stop.requested))
        for name, value in zip([*names, "examples"], [*sums, end - position if parts else 0]):
            state.sums[name] = state.sums.get(name, 0.0) + value
        state.step += 1
        state.seen += end - position
        seconds = time.monotonic() - began
        progress.step(_facts(state, plan, count, rate, seconds, state.seen - began_at))
        if state.seen % count == 0 and ((epoch + 1) % plan.evaluate_every == 0 or state.seen == total):
            figures = runtime.share(validate(state.judged) if runtime.main else None)
            _evaluated(state, plan, figures, count, rate, folder, runtime, progress, seconds)
        due = time.monotonic() - saved_at > plan.save_seconds
        due = due or bool(plan.save_steps and state.step % plan.save_steps == 0)
        if runtime.main and (due or asked or state.seen == total or state.stopped_early):
            folder.save(state)
            saved_at = time.monotonic()
        if asked and state.seen < total:
            stop.finish(state.step)


def next_boundary(position: int, count: int, batch: int) -> int:
    """Where the batch that begins at `position` ends.

    An epoch is cut into ceil(count / batch) parts of nearly equal size, so no last batch is left with one
    or two examples. After a resume with another batch size the next boundary of the new cut is used.

    >>> [next_boundary(p, 10, 4) for p in (0, 3, 6)]
    [3, 6, 10]
    """
    parts = math.ceil(count / batch)
    part = position * parts // count
    while part * count // parts <= position:
        part += 1
    return part * count // parts


def _take_step(
    step: Step, state: TrainingState, batch: Any, whole: int, plan: Plan, folder: RunFolder, runtime: Runtime
) -> dict[str, float]:
    """Do one step; a loss that is not finite stops the run or leaves the batch out, as the plan says."""
    try:
        parts = step(state, batch, whole)
    except NotFinite as error:
        state.skipped += 1
        if plan.on_nan == "skip" and state.skipped <= MOST_SKIPPED:
            folder.note(f"step {state.step}: batch left out, {error} (first in {error.layer})")
            return {}
        if runtime.main and state.step:
            folder.save(state)
        raise not_finite_error(state, error, folder.names_of(batch.rows)) from error
    state.skipped = 0
    return parts


def not_finite_error(state: TrainingState, error: NotFinite, names: list[str]) -> PersonError:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return PersonError(
        "loss-not-finite",
        expected="a finite loss at every step",
        got=f"{error} at step {state.step}, first seen in {error.layer}; the batch held {shown}; "
        "the weights are as before this step",
        fix="check these files with `glassworks check`, lower --learning-rate, or use --on-nan skip",
    )


def _evaluated(
    state: TrainingState,
    plan: Plan,
    figures: dict[str, float],
    count: int,
    rate: float,
    folder: RunFolder,
    runtime: Runtime,
    progress: Progress,
    seconds: float,
) -> None:
    """Log the figures, remember the best model, and end the run when patience is used up."""
    value = figures[plan.primary]
    sign = 1 if plan.larger_is_better else -1
    loss = _finite(figures.get("loss", 0.0))  # own loops may have no single loss
    improved = state.best is None or sign * value > sign * state.best
    # Small validation parts tie often; of two equally right models the surer one is kept.
    better = improved or (value == state.best and loss < state.best_loss)
    if better:
        state.best, state.best_loss, state.best_step = value, loss, state.step
        state.keep_best()
    state.waited = 0 if improved else state.waited + 1
    state.stopped_early = bool(plan.patience) and state.waited >= plan.patience
    trained = max(1.0, state.sums.pop("examples", 0.0))
    row = {"step": state.step, "epoch": state.seen // count, "examples": state.seen, "learning_rate": rate}
    row |= {f"train_{name}": total / trained for name, total in sorted(state.sums.items())}
    row |= {f"val_{name}": value for name, value in figures.items()}
    state.sums = {}
    state.lines += 1
    if runtime.main:
        folder.log(row, seconds)
        progress.evaluated(row | {"better": better, "primary": f"val_{plan.primary}"})


def _finite(loss: float) -> float:
    """A loss for state.json, which has no word for infinity."""
    return loss if math.isfinite(loss) else sys.float_info.max


def _facts(
    state: TrainingState, plan: Plan, count: int, rate: float, seconds: float, done: int
) -> dict[str, Any]:
    """What a person wants to see while it runs."""
    speed = done / seconds if seconds > 0 else 0.0
    left = (plan.epochs * count - state.seen) / speed if speed else math.inf
    trained = max(1.0, state.sums.get("examples", 0.0))
    return {
        "step": state.step,
        "epoch": state.seen / count,
        "epochs": plan.epochs,
        "loss": state.sums.get("loss", 0.0) / trained,
        "learning_rate": rate,
        "examples_per_second": speed,
        "seconds_left": left,
        "share": state.seen / (plan.epochs * count),
    }
