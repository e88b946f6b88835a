"""Choices that are measured on the person's own data and machine, each told in one sentence.

Learning rate: Smith 2015, arXiv 1506.01186: raise the rate step by step and watch where the loss falls
fastest. Batch size and precision: time a few real steps of each.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from glassworks.training.loop import Examples, next_boundary
from glassworks.training.optimizer import adamw
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import NotFinite, is_out_of_memory

LOWEST, HIGHEST, SWEEP = 1e-5, 0.3, 60  # rates tried, and steps of the sweep
COMPILING = (
    30.0  # seconds that torch.compile takes for a small model on a CPU; see benchmarks/compile_opt_in.py
)
WORTH_COMPILING = 20  # a run should be so many times longer than compiling
MakeStep = Callable[[nn.Module, Runtime], Callable]


@dataclass(frozen=True)
class Choice:
    """value: what was chosen; reason: one sentence; curve: what was measured, (tried, figure) pairs."""

    value: float
    reason: str
    curve: list[tuple[float, float]] = field(default_factory=list)


def find_learning_rate(
    model: nn.Module,
    make_step: MakeStep,
    examples: Examples,
    runtime: Runtime,
    *,
    batch: int,
    fallback: float,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer] | None = None,
) -> Choice:
    """The rate at which the smoothed loss falls fastest, on a copy of the model.

    optimizer: makes the run's own rule for the copy, where parts learn at rates of their own
    """
    trial = copy.deepcopy(model)
    plain = adamw(trial, learning_rate=LOWEST, weight_decay=0.0)
    state = TrainingState(trial, optimizer(trial) if optimizer else plain)
    step = make_step(trial, runtime)
    growth = (HIGHEST / LOWEST) ** (1 / (SWEEP - 1))
    curve: list[tuple[float, float]] = []
    smooth, position, epoch = 0.0, 0, 0
    for number in range(SWEEP):
        rate = LOWEST * growth**number
        for group in state.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        end = next_boundary(position, len(examples), batch)
        try:
            taken = examples.training(epoch, position, end)
            loss = step(state, taken, end - position)["loss"] / (end - position)
        except NotFinite:
            break
        state.step += 1
        position, epoch = (0, epoch + 1) if end == len(examples) else (end, epoch)
        smooth = 0.8 * smooth + 0.2 * loss
        curve.append((rate, smooth / (1 - 0.8 ** (number + 1))))
        if number > 10 and curve[-1][1] > 3 * min(value for _, value in curve):
            break
    return _steepest(curve, fallback)


def _steepest(curve: list[tuple[float, float]], fallback: float) -> Choice:
    """Slope over five neighbouring rates; the first rates only warm the average up."""
    slopes = [(curve[i + 2][1] - curve[i - 2][1], curve[i][0]) for i in range(5, len(curve) - 2)]
    if not slopes or min(slopes)[0] >= 0:
        return Choice(
            fallback, f"learning rate {fallback:g}: no rate made the loss fall, so the recipe's", curve
        )
    fall, rate = min(slopes)
    rate = float(f"{rate:.2g}")
    return Choice(
        rate,
        f"learning rate {rate:g}: the loss fell fastest there, by {-fall:.2g} over five steps "
        f"of a sweep from {LOWEST:g} to {curve[-1][0]:.2g}; --learning-rate overrides",
        curve,
    )


def find_batch(
    model: nn.Module, make_step: MakeStep, examples: Examples, runtime: Runtime, *, most: int = 512
) -> Choice:
    """The smallest batch within a tenth of the best speed; larger ones only take fewer steps."""
    largest = min(most, max(8, len(examples) // 10))
    sizes = [size for size in (16, 32, 64, 128, 256, 512, 1024) if size <= largest] or [largest]
    curve: list[tuple[float, float]] = []
    for size in sizes:
        try:
            seconds = time_steps(model, make_step, examples, runtime, batch=size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            break
        curve.append((size, size / seconds))
    if not curve:
        return Choice(1, "batch 1: nothing larger fits into memory", curve)
    best = max(speed for _, speed in curve)
    chosen = next(size for size, speed in curve if speed >= 0.9 * best)
    tried = ", ".join(f"{int(s)}: {v:,.0f}/s" for s, v in curve)
    return Choice(
        int(chosen),
        f"batch {int(chosen)}: the smallest within a tenth of the best speed ({tried}); --batch overrides",
        curve,
    )


def choose_precision(
    model: nn.Module, make_step: MakeStep, examples: Examples, runtime: Runtime, *, batch: int
) -> Choice:
    """bf16 where it is at least 1.1 times faster on this model and machine, otherwise fp32."""
    seconds = {}
    for precision in ("fp32", "bf16"):
        trial = Runtime(runtime.device, precision, runtime.threads)
        seconds[precision] = time_steps(model, make_step, examples, trial, batch=batch)
    ratio = seconds["fp32"] / seconds["bf16"]
    if ratio >= 1.1:
        return Choice(1.0, f"precision bf16: {ratio:.1f} times faster than fp32 here; --precision overrides")
    return Choice(0.0, f"precision fp32: bf16 is only {ratio:.2f} times as fast here")


def warn_of_compiling(seconds_a_step: float, steps: int) -> str:
    """A warning where the run is too short for torch.compile to pay, or ""."""
    took = seconds_a_step * steps
    if took >= WORTH_COMPILING * COMPILING:
        return ""
    worth = WORTH_COMPILING * COMPILING / 60
    return (
        f"compile: this run takes about {took:.0f} s, and compiling alone {COMPILING:.0f} s or more for a "
        f"few percent; it pays in runs above {worth:.0f} minutes: leave --compile out"
    )


def time_steps(
    model: nn.Module, make_step: MakeStep, examples: Examples, runtime: Runtime, *, batch: int, steps: int = 3
) -> float:
    """Median seconds of a step on a copy of the model, after one that is not counted."""
    trial = copy.deepcopy(model)
    state = TrainingState(trial, adamw(trial, learning_rate=1e-4, weight_decay=0.0))
    step = make_step(trial, runtime)
    end = min(batch, len(examples))
    times = []
    for _ in range(steps + 1):
        began = time.perf_counter()
        step(state, examples.training(0, 0, end), end)
        if runtime.device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
        state.step += 1
    median = sorted(times[1:])[len(times[1:]) // 2]
    return median if math.isfinite(median) else math.inf
