"""Everything that changes while a model trains, and how it goes to disk and back.

If a thing influences a later step it is here; if it is not here it is a function of (seed, position).
"""

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from glassworks.training.checkpoint import Checkpoint
from glassworks.weights.store import load_into

SCALARS = (
    "step",
    "seen",
    "sums",
    "best",
    "best_loss",
    "best_step",
    "waited",
    "stopped_early",
    "micro",
    "skipped",
    "lines",
)


@dataclass
class TrainingState:
    """model:    the bare model (not wrapped for several processes)
    optimizer:   its AdamW
    average:     exponential moving average of the model, or None
    step, seen:  optimiser steps and examples so far
    sums:        loss parts summed over examples since the last evaluation, "examples" counts them
    best, best_loss, best_step: the primary metric and loss of the best model, and its step
    waited: evaluations since the primary metric improved
    stopped_early: the run ended before its last epoch because nothing improved
    micro:       examples a forward pass takes at once; 0 means the whole batch
    skipped:     batches in a row that were left out because their loss was not finite
    lines:       lines of metrics.jsonl that belong to this state
    best_model:  tensors of the best model so far
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: nn.Module | None = None
    step: int = 0
    seen: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_loss: float = 0.0
    best_step: int = 0
    waited: int = 0
    stopped_early: bool = False
    micro: int = 0
    skipped: int = 0
    lines: int = 0
    best_model: dict[str, Tensor] | None = None

    @property
    def judged(self) -> nn.Module:
        """The model that is validated and kept: the average where there is one."""
        return self.average if self.average is not None else self.model

    def update_average(self, decay: float) -> None:
        """Move the average towards the model; buffers (batch norm's statistics) are copied."""
        if self.average is None:
            return
        decay = min(decay, (1 + self.step) / (10 + self.step))  # the first steps are forgotten sooner
        with torch.no_grad():
            mean: list[Tensor] = list(self.average.parameters())
            now: list[Tensor] = list(self.model.parameters())
            torch._foreach_lerp_(mean, now, 1 - decay)
            for kept, fresh in zip(self.average.buffers(), self.model.buffers()):
                kept.copy_(fresh)

    def keep_best(self) -> None:
        self.best_model = {n: t.detach().clone() for n, t in self.judged.state_dict().items()}

    def to_checkpoint(self) -> Checkpoint:
        """All of it, as tensors and plain values. The optimiser's tensors go by parameter name."""
        tensors = {"model": self.model.state_dict(), "optimizer": self._optimizer_tensors()}
        if self.average is not None:
            tensors["average"] = self.average.state_dict()
        if self.best_model is not None:
            tensors["best"] = self.best_model
        return Checkpoint(self.step, tensors, {"schema": 1} | {name: getattr(self, name) for name in SCALARS})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint. Raises PersonError when the tensors are another model's."""
        source = f"checkpoint of step {checkpoint.step}"
        load_into(self.model, checkpoint.tensors["model"], source=source)
        if self.average is not None:
            load_into(self.average, checkpoint.tensors["average"], source=source)
        self._restore_optimizer(checkpoint.tensors["optimizer"])
        for name in SCALARS:
            setattr(self, name, checkpoint.state[name])
        device = next(self.model.parameters()).device
        best = checkpoint.tensors.get("best")
        self.best_model = None if best is None else {n: t.to(device) for n, t in best.items()}

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        names: dict[Tensor, str] = {p: name for name, p in self.model.named_parameters()}
        return {
            f"{names[parameter]}.{key}": value
            for parameter, values in self.optimizer.state.items()
            for key, value in values.items()
        }

    def _restore_optimizer(self, tensors: dict[str, Tensor]) -> None:
        """AdamW keeps a step count and two tensors a parameter.

        Those two must lie in memory as their parameter does (channels last, say): the fused step walks
        through all of them side by side, and would otherwise mix up numbers without an error.
        """
        parameters = dict(self.model.named_parameters())
        for full, value in tensors.items():
            name, key = full.rsplit(".", 1)
            parameter = parameters[name]
            like = (
                torch.empty_like(parameter) if value.shape == parameter.shape else value.to(parameter.device)
            )
            self.optimizer.state[parameter][key] = like.copy_(value)


def new_state(
    model: nn.Module, optimizer: torch.optim.Optimizer, *, averaged: bool, micro: int
) -> TrainingState:
    """The state before the first step."""
    average = copy.deepcopy(model).requires_grad_(False) if averaged else None
    return TrainingState(model, optimizer, average, micro=micro)
