"""What learns in a run: the model with its start, the parts of it that move, the task, and its batches.

From scratch all of a model learns and pictures go in. From pretrained weights a part of it learns; and where
only the head does and nothing random touches a picture, each picture goes through the frozen rest once, and
the head learns on the features that came out (they are kept in the cache).
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from glassworks.api.prepare import Prepared
from glassworks.api.pretrained import pretrained
from glassworks.api.run import features_of, load
from glassworks.core.errors import PersonError
from glassworks.data.augment import NOTHING, Augment
from glassworks.data.batches import Batch, PictureBatches
from glassworks.recipes.base import Recipe, TunePart, build_model, system_module
from glassworks.training.optimizer import BETAS, RULES
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised
from glassworks.transfer.distil import Distilled, order_of, teacher_function
from glassworks.transfer.feature_cache import FeatureBatches, cached_features, weights_digest
from glassworks.transfer.freeze import training_mode
from glassworks.transfer.head_start import start_head
from glassworks.transfer.resize import fitted
from glassworks.transfer.tuning import Group, Tuning, begin, groups_of, optimizer_groups, table_of, thaw
from glassworks.weights.store import load_into


class Learner:
    """recipe, prepared, runtime: of the run; begun: whether checkpoints exist, which hold the start already;
    say: hears of what takes long.

    model:  the whole model, with the weights it starts from
    groups: its parts with their rates, empty where nothing was pretrained
    notes:  what to tell the person about the start
    """

    def __init__(self, recipe: Recipe, prepared: Prepared, runtime: Runtime, *, begun: bool, say: Any):
        self.recipe, self.prepared, self.runtime, self.say = recipe, prepared, runtime, say
        self.notes: list[str] = []
        self.fresh_head = False
        self.origin = self._origin()
        model = build_model(recipe)
        if recipe.start_from and not begun:
            self._start(model)
        self.groups: list[Group] = (
            begin(model, as_tuning(recipe.tune), seed=recipe.seed) if recipe.start_from else []
        )
        self.model = model.to(runtime.device, memory_format=torch.channels_last)
        self.task: Any = prepared.task
        if self.fresh_head:
            self._start_head()
        self.task = self._with_teacher(prepared.task)

    # ---- what a batch goes through

    @property
    def on_features(self) -> bool:
        """Whether the head learns on features that are computed once."""
        recipe = self.recipe
        random = Augment(**recipe.augment.model_dump()) != NOTHING
        return (
            bool(recipe.start_from) and recipe.tune.method == "head" and not random and not recipe.teacher.run
        )

    def asked(self, model: nn.Module) -> nn.Module:
        """The module that a batch goes through: the model, or its head where batches are features."""
        return model.head if self.on_features else model  # type: ignore[return-value]

    @cached_property
    def train(self) -> PictureBatches | FeatureBatches:
        return self._batches("train")

    @cached_property
    def val(self) -> PictureBatches | FeatureBatches:
        return self._batches("val")

    @cached_property
    def pictures(self) -> PictureBatches:
        """Training batches of pictures, augmented."""
        augment = Augment(**self.recipe.augment.model_dump())
        return self.prepared.batches(
            "train", seed=self.recipe.seed, augment=augment, device=self.runtime.device
        )

    def _batches(self, part: str) -> PictureBatches | FeatureBatches:
        pictures = (
            self.pictures if part == "train" else self.prepared.batches(part, device=self.runtime.device)
        )
        if not self.on_features:
            return pictures
        features, rows = self._every_feature, pictures.rows
        return FeatureBatches(features.load(rows), features.targets, rows, seed=pictures.seed)

    @cached_property
    def _every_feature(self) -> FeatureBatches:
        """Features of every picture of the data, so that folds and repeated runs compute them once."""
        own, how = self.prepared, self.prepared.how
        every = PictureBatches(
            own.store.pixels, own.table.targets, np.arange(len(own.table)), how, device=self.runtime.device
        )
        body = weights_digest(self.model, besides=("head.",))
        key = f"{own.store.digest} {body} {how} {self.runtime.precision}"
        self.say.say(f"{len(every):,} pictures go through the pretrained part, each once")
        found = cached_features(every, self.model.features, key=key, autocast=self.runtime.autocast)
        self.say.say(found.note)
        return found

    def features(self, model: nn.Module, rows: np.ndarray) -> torch.Tensor:
        """What the head of a model in training sees of some rows (rows, width), float32 on the CPU."""
        if self.on_features:
            return self._every_feature.load(rows).cpu()
        own = self.prepared
        device = self.runtime.device
        batches = PictureBatches(own.store.pixels, own.table.targets, rows, own.how, device=device)
        return features_of(model, batches, self.runtime)

    # ---- how it learns

    def wrapped(self, model: nn.Module) -> nn.Module:
        """What a batch goes through, ready for several processes and compiled where that was asked for."""
        asked: Any = self.asked(model)
        if self.staged:
            thaw(model, self.groups, 1.0)  # processes agree at the start on all that will ever learn
        if self.recipe.hardware.compile:
            asked = torch.compile(asked)
        return self.runtime.wrap(asked, some_unused=self.staged)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """The rule of the recipe over the parts that learn, each with its own rate."""
        settings = self.recipe.training
        if not self.groups:
            return RULES[settings.optimizer](model, learning_rate=1.0, weight_decay=settings.weight_decay)
        own = groups_of(model, as_tuning(self.recipe.tune))
        return torch.optim.AdamW(
            optimizer_groups(own, settings.weight_decay), lr=1.0, betas=BETAS, fused=True
        )

    def make_step(self, trained: nn.Module, where: Runtime) -> Callable:
        settings = self.recipe.training
        return supervised(
            self.task, trained, where, seed=self.recipe.seed, clip=settings.clip, average=settings.average,
            ready=self._ready if self.groups else None,
        )  # fmt: skip

    @property
    def staged(self) -> bool:
        """Whether some parts begin to learn later than others."""
        return any(group.learns_from > 0 for group in self.groups if group.parameters)

    def _ready(self, state: TrainingState) -> None:
        """Before each step: which parts learn now, and all others as they answer, not as they learn."""
        if self.staged:
            whole = self.recipe.training.epochs * len(self.pictures)
            thaw(state.model, self.groups, state.seen / whole)
        training_mode(state.model, fixed_norms=self.recipe.tune.norms == "fixed")

    def parts(self) -> list[dict[str, Any]]:
        """What learns, how fast, from when; empty where nothing was pretrained."""
        return table_of(self.groups, float(self.recipe.training.learning_rate))

    def rates_in_words(self) -> list[str]:
        """The same as lines of a table."""
        lines = [f"{'part':<14}{'parameters':>12}{'learning':>12}  rate"]
        for row in self.parts():
            rate = f"{row['rate']:.2g}" if row["learning"] else "frozen"
            later = f", from {row['from']:.0%} of the run" if row["from"] else ""
            lines.append(f"{row['part']:<14}{row['parameters']:>12,}{row['learning']:>12,}  {rate}{later}")
        return lines

    # ---- where it starts, and from whom it learns

    def _start(self, model: nn.Module) -> None:
        """Begin with other weights. A head for other classes starts fresh, and says so."""
        source = str(self.recipe.start_from)
        weights = pretrained(self.recipe.system, source, self.recipe.variant)
        given, own = weights.tensors(model.config), model.state_dict()
        tensors = self._fitted(given, own, model.config, weights.model or {})
        other = weights.classes is not None and weights.classes != self.prepared.table.classes
        fresh = other or any(  # a body without a head begins with a new one
            name not in tensors or tensors[name].shape != own[name].shape
            for name in own
            if name.startswith("head.")
        )
        load_into(model, tensors, source=source, skip=("head.",) if fresh else ())
        self.fresh_head = fresh
        if fresh:
            # Random numbers would stay where few pictures say nothing: 2 points of accuracy on 188 of them.
            for parameter in model.head.parameters():  # type: ignore[union-attr]
                torch.nn.init.zeros_(parameter)
        named = weights.origin.get("model", weights.origin["name"])
        licence = f" ({weights.origin['licence']})" if "licence" in weights.origin else ""
        self.notes.append(
            f"started from {named}{licence}" + (", with a new head for these classes" if fresh else "")
        )
        if tensors is not given:
            how = self.recipe.pictures
            self.notes.append(f"its positions were resized for pictures of {how.height}x{how.width}")

    def _fitted(self, given: dict, own: dict, config: Any, model: dict) -> dict[str, torch.Tensor]:
        """The tensors for the pictures of this run, which may be larger or smaller than those they saw."""
        before = (model["height"], model["width"]) if {"height", "width"} <= model.keys() else None
        return fitted(system_module(self.recipe.system), given, own, config, before)

    def _start_head(self) -> None:
        """Fit the new head on the features of the training pictures, before anything else moves."""
        rows = self.prepared.splits.train
        head: Any = self.model.head
        batch = Batch(
            self._every_feature.load(rows), self._every_feature.targets[rows].to(self.runtime.device), rows
        )
        before, after = start_head(head, lambda: self.task.loss(head, batch).total, len(rows))
        self.notes.append(
            f"the new head was fitted on fixed features first: loss {before:.3g} to {after:.3g}"
        )

    def _origin(self) -> dict[str, Any] | None:
        """Where the start comes from, for the card; a run that goes on may have outlived it."""
        if not self.recipe.start_from:
            return None
        try:
            return pretrained(self.recipe.system, self.recipe.start_from, self.recipe.variant).origin
        except PersonError:
            return {"name": self.recipe.start_from}

    def _with_teacher(self, task: Any) -> Any:
        part = self.recipe.teacher
        if not part.run:
            return task
        run = load(part.run, device=self.recipe.hardware.device)
        classes = self.prepared.table.classes
        if run.card["kind"] != self.prepared.table.kind or set(run.classes) != set(classes) or not classes:
            raise PersonError(
                "other-classes",
                expected=f"a teacher of the same classes ({', '.join(classes[:8]) or 'none: a number'})",
                got=f"{part.run}: {', '.join(run.classes[:8]) or 'a number'}",
                fix="train the teacher on the same data",
            )
        order = order_of(classes, run.classes)
        self.notes.append(f"learns from {run.path} ({run.recipe.system} {run.recipe.variant}), {part.kind}")
        return Distilled(
            task, teacher_function(run.model, run.input, self.prepared.how, order),
            kind=part.kind, temperature=part.temperature, weight=part.weight,
        )  # fmt: skip


def as_tuning(part: TunePart) -> Tuning:
    return Tuning(part.method, part.last, part.layer_decay, part.rank, part.alpha)
