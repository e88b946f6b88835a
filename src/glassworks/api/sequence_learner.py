"""What learns in a run whose examples are sequences: texts or series.

As `api.learner.Learner`, without what only pictures have: augmentation, positions of another picture size,
and features that are computed once. A family whose task asks for more makes a kind of its own of this one.
"""

from typing import Any

import torch
from torch import Tensor, nn

from glassworks.api.learner import Learner, as_tuning
from glassworks.recipes.base import Recipe, build_model
from glassworks.training.runtime import Runtime
from glassworks.transfer.tuning import Group, begin

BATCH = 256  # sequences a forward pass takes at most when nothing is learned


class SequenceLearner(Learner):
    """prepared: of a family of texts or series; its `batches` give what `training.loop.Examples` asks for."""

    on_features = False

    def __init__(self, recipe: Recipe, prepared: Any, runtime: Runtime, *, begun: bool, say: Any):
        self.recipe, self.prepared, self.runtime, self.say = recipe, prepared, runtime, say
        self.notes = list(getattr(prepared, "notes", ()))
        self.fresh_head, self.task = False, prepared.task
        self.origin = self._origin()
        model = build_model(recipe)
        if recipe.start_from and not begun:
            self._start(model)
        self.groups: list[Group] = (
            begin(model, as_tuning(recipe.tune), seed=recipe.seed) if recipe.start_from else []
        )
        self.model = model.to(runtime.device)

    @property
    def pictures(self) -> Any:
        """The examples by which a precision is chosen: there are no others."""
        return self.train

    def asked(self, model: nn.Module) -> nn.Module:
        return model

    def _batches(self, part: str) -> Any:
        seed = self.recipe.seed if part == "train" else 0
        return self.prepared.batches(part, seed=seed, device=self.runtime.device)

    def _fitted(self, given: dict, own: dict, config: Any, model: dict) -> dict[str, Tensor]:
        return given


def outputs_of_sequences(model: nn.Module, batches: Any, runtime: Runtime) -> Tensor:
    """Raw outputs (rows, outputs) in the order of the part's rows, float32 on the CPU; the model's mode is
    put back. batches: `data.sequence_batches.SequenceBatches`"""
    return _asked(model, model, batches, runtime)


def features_of_sequences(model: nn.Module, batches: Any, runtime: Runtime) -> Tensor:
    """What the model's head sees of the same, (rows, width)."""
    return _asked(model, model.features, batches, runtime)


def _asked(model: nn.Module, ask: Any, batches: Any, runtime: Runtime) -> Tensor:
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), runtime.autocast():
            parts = [ask(*batch.given).float().cpu() for batch in batches.plain(BATCH)]
    finally:
        model.train(was_training)
    return batches.in_order(torch.cat(parts)) if parts else torch.empty(0)
