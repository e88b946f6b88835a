"""One step of supervised training: loss, gradients, clipping, AdamW, average.

A batch may be taken in parts (accumulation), and is halved by itself when memory does not suffice. A loss
or gradient that is not finite never reaches the weights.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from glassworks.core import keyed
from glassworks.core.errors import PersonError
from glassworks.training.runtime import Runtime, bare
from glassworks.training.state import TrainingState

MOST_SKIPPED = 3  # batches in a row


class NotFinite(Exception):
    """A loss or gradient of a step is infinite or not a number; layer: where that was first seen."""

    def __init__(self, loss: float, norm: float, layer: str):
        super().__init__(f"loss {loss}, gradient norm {norm}")
        self.loss, self.norm, self.layer = loss, norm, layer


def supervised(
    task: Any,
    model: nn.Module,
    runtime: Runtime,
    *,
    seed: int,
    clip: float,
    average: float,
    ready: Callable[[TrainingState], None] | None = None,
) -> Callable[[TrainingState, Any, int], dict[str, float]]:
    """The step function of a task that has a loss on a batch.

    model:   what a batch goes through, as wrapped by the runtime
    ready:   brings the model into the mode in which this step learns; left out: all of it learns
    clip:    largest norm of all gradients together, 0 for none
    average: decay of the moving average
    The function takes (state, batch, size of the whole batch over all processes) and returns the loss
    parts, summed over this process's examples.
    """

    def step(state: TrainingState, batch: Any, whole: int) -> dict[str, float]:
        if ready is None:
            model.train()
        else:
            ready(state)
        parts = _with_less_memory(state, batch, lambda micro: _gradients(state, batch, whole, micro))
        norm = _clipped(state.model.parameters(), clip)
        if not math.isfinite(norm) or not math.isfinite(sum(parts.values())):
            state.optimizer.zero_grad(set_to_none=True)
            raise NotFinite(parts["loss"] / max(1, len(batch)), norm, first_not_finite(bare(model), batch))
        state.optimizer.step()
        state.update_average(average)
        return parts

    def _gradients(state: TrainingState, batch: Any, whole: int, micro: int) -> dict[str, float]:
        state.optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(keyed.seed_for(seed, "dropout", state.step, runtime.rank))
        generator = torch.Generator().manual_seed(keyed.seed_for(seed, "loss", state.step, runtime.rank))
        sums: dict[str, float] = {"loss": 0.0}
        size = micro or len(batch)
        for start in range(0, len(batch), size):
            part = batch.part(start, start + size) if size < len(batch) else batch
            with runtime.autocast():
                loss = task.loss(model, part, generator)
            # Processes average their gradients, so each weighs its share of the whole batch.
            (loss.total * (len(part) * runtime.world / whole)).backward()
            sums["loss"] += float(loss.total.detach()) * len(part)
            for name, value in loss.parts.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) * len(part)
        return sums

    return step


def _clipped(parameters: Iterable[nn.Parameter], most: float) -> float:
    """The norm of all gradients together; above `most` (0: no limit) they are shortened to it."""
    learned = [parameter for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in learned if p.grad is not None])
    length = float(norm)
    if 0 < most < length:  # torch's own clip multiplies every gradient also where nothing is too long
        torch.nn.utils.clip_grads_with_norm_(learned, most, norm)
    return length


def _with_less_memory(state: TrainingState, batch: Any, attempt: Callable[[int], dict[str, float]]) -> dict:
    """Try a step; when memory runs out, halve what one forward pass takes and try again."""
    while True:
        try:
            return attempt(state.micro)
        except ValueError as error:
            if "more than 1 value per channel" in str(error):  # what torch's batch norm says
                raise _batch_too_small() from error
            raise
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            now = state.micro or len(batch)
            if now <= 1:
                raise PersonError(
                    "out-of-memory",
                    expected="memory for one picture at a time",
                    got="not even that fits",
                    fix="use smaller pictures (--side), a smaller variant, or another --device",
                ) from error
        state.optimizer.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        state.micro = (now + 1) // 2


def _batch_too_small() -> PersonError:
    return PersonError(
        "batch-too-small",
        expected="two pictures or more a forward pass, because this model normalises over the batch",
        got="a batch with a single one",
        fix="use a larger --batch or --micro-batch, add pictures, or --set model.batch_norm=false",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is an allocator's refusal; the CPU's is a plain RuntimeError known by its text."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def first_not_finite(model: nn.Module, batch: Any) -> str:
    """Name of the first layer whose output (or input picture) is not finite, for the error's message."""
    if not bool(torch.isfinite(batch.inputs).all()):
        return "the input itself"
    found: list[str] = []

    def watch(name: str):
        def hook(_module, _inputs, output):
            if not found and isinstance(output, torch.Tensor) and not bool(torch.isfinite(output).all()):
                found.append(name)

        return hook

    handles = [part.register_forward_hook(watch(name)) for name, part in model.named_modules() if name]
    try:
        with torch.no_grad():
            model(*getattr(batch, "given", (batch.inputs,)))
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else "the loss or its gradient"
