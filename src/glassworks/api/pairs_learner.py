"""What learns of a model of pictures and texts: all of it, or with `--tune head` all but the picture encoder.

An encoder that has learned elsewhere and rests is asked once for each picture; batches then hold what it saw
(LiT, Zhai et al. 2021, arXiv 2111.07991: a resting encoder is often better than one that moves). Where it
does move (`--tune full`), it moves at a tenth of the rate of the rest.
First thing to change: `TOWER_RATE`.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.api.learner import Learner
from glassworks.api.pairs import (
    PairBatches,
    PreparedPairs,
    answering,
    features_of_pictures,
    features_of_tokens,
)
from glassworks.api.pretrained import pretrained
from glassworks.data.augment import NOTHING, Augment
from glassworks.models.vision.clip import CLIP
from glassworks.recipes.base import Recipe, build_model
from glassworks.training.optimizer import BETAS, RULES
from glassworks.training.runtime import Runtime, bare
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised
from glassworks.transfer.feature_cache import FeatureBatches, cached_features, weights_digest
from glassworks.transfer.tuning import Group
from glassworks.weights.store import load_into

TOWER_RATE = 0.1  # rate of a picture encoder that has learned already, by that of the rest


class Resting(nn.Module):
    """A CLIP whose picture encoder rests: scores for what it saw (batch, width) and tokens."""

    def __init__(self, model: CLIP):
        super().__init__()
        self.model = model

    def forward(
        self, seen: Float[Tensor, "pictures width"], tokens: Int[Tensor, "texts context"]
    ) -> Float[Tensor, "pictures texts"]:
        return self.model.scores(self.model.projected(seen), self.model.text_features(tokens))


class PairLearner(Learner):
    """As `Learner`, for pairs: all of it learns, or with `--tune head` all but the picture encoder."""

    prepared: PreparedPairs  # type: ignore[assignment]

    def __init__(self, recipe: Recipe, prepared: PreparedPairs, runtime: Runtime, *, begun: bool, say: Any):
        self.recipe, self.prepared, self.runtime, self.say = recipe, prepared, runtime, say
        self.fresh_head, self.groups, self.task = False, list[Group](), prepared.task
        self.notes = list(prepared.notes)
        self.origin = self._origin()
        model = build_model(recipe)
        if recipe.start_from and not begun:
            self._start(model)
        if recipe.tune.method == "head":
            model.picture.requires_grad_(False)
        self.model = model.to(runtime.device, memory_format=torch.channels_last)

    @property
    def rests(self) -> bool:
        """Whether the picture encoder stays as it is."""
        return bool(self.recipe.start_from) and self.recipe.tune.method == "head"

    @property
    def on_features(self) -> bool:
        return self.rests and Augment(**self.recipe.augment.model_dump()) == NOTHING

    def asked(self, model: nn.Module) -> nn.Module:
        return Resting(model) if self.on_features else model  # type: ignore[arg-type]

    def _batches(self, part: str) -> PairBatches:  # type: ignore[override]
        if not self.on_features:
            train: Any = self.pictures
            return train if part == "train" else self.prepared.batches(part, device=self.runtime.device)
        seed = self.recipe.seed if part == "train" else 0
        rows, every = self.prepared.part(part), self._every_feature
        return self.prepared.beside(FeatureBatches(every.load(rows), every.targets, rows, seed=seed))

    @cached_property
    def _every_feature(self) -> FeatureBatches:
        own, tower = self.prepared, self.model.picture
        every = own.pictures(np.arange(len(own.table)), device=self.runtime.device)
        key = f"{own.store.digest} {weights_digest(tower)} {own.how} {self.runtime.precision}"
        self.say.say(f"{len(every):,} pictures go through the picture encoder, each once")
        found = cached_features(every, tower, key=key, autocast=self.runtime.autocast)
        self.say.say(found.note)
        return found

    def picture_features(self, model: CLIP, rows: np.ndarray) -> Tensor:
        """Vectors of length 1 of some rows' pictures (rows, dimension), float32 on the CPU."""
        if self.on_features:
            with answering(model, self.runtime):
                return model.projected(self._every_feature.load(rows)).float().cpu()
        pictures = self.prepared.pictures(rows, device=self.runtime.device)
        return features_of_pictures(model, pictures, self.runtime)

    def text_features(self, model: CLIP, texts: np.ndarray) -> Tensor:
        """The same of some texts, by their numbers."""
        return features_of_tokens(model, self.prepared.tokens[texts], self.runtime)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        settings = self.recipe.training
        if not self.recipe.start_from or self.rests:
            return RULES[settings.optimizer](model, learning_rate=1.0, weight_decay=settings.weight_decay)
        groups = []
        for tower in (True, False):
            for matrix in (True, False):
                chosen = [
                    parameter for name, parameter in model.named_parameters()
                    if name.startswith("picture.") == tower and (parameter.ndim > 1) == matrix
                ]  # fmt: skip
                decay = settings.weight_decay if matrix else 0.0
                groups.append(
                    {"params": chosen, "weight_decay": decay, "scale": TOWER_RATE if tower else 1.0}
                )
        return torch.optim.AdamW([group for group in groups if group["params"]], lr=1.0, betas=BETAS)

    def make_step(self, trained: nn.Module, where: Runtime) -> Callable:
        settings = self.recipe.training
        return supervised(
            self.task, trained, where, seed=self.recipe.seed, clip=settings.clip, average=settings.average,
            ready=self._ready,
        )  # fmt: skip

    def _ready(self, state: TrainingState) -> None:
        """Before each step: a learned scale within its bounds, and a started encoder as it answers."""
        model: CLIP = bare(state.model)  # type: ignore[assignment]
        model.train()
        if self.recipe.start_from:  # its batch norms and dropout would see what they were not made for
            model.picture.eval()
        model.hold_scale()

    def _start(self, model: nn.Module) -> None:
        source = str(self.recipe.start_from)
        weights = pretrained(self.recipe.system, source, self.recipe.variant)
        tensors = weights.tensors(model.config)
        others = () if any(not name.startswith("picture.") for name in tensors) else (
            "text.", "picture_projection.", "text_projection.", "log_scale"
        )  # fmt: skip
        load_into(model, tensors, source=source, skip=others)
        named = weights.origin.get("model", weights.origin["name"])
        licence = f" ({weights.origin['licence']})" if "licence" in weights.origin else ""
        rest = "which stays as it is" if self.rests else "which learns on, slower"
        self.notes.append(
            f"started from {named}{licence}" + (f": the picture encoder, {rest}" * bool(others))
        )

    def parts(self) -> list[dict[str, Any]]:
        return []
