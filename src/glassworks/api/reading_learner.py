"""What learns when a pretrained reader is taught a person's labels.

A new head begins where the features of the training texts lead it. Where only the head learns, every text
goes through the frozen rest once, and the head learns on what came out; that is kept in the cache.
"""

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.api.sequence_learner import SequenceLearner
from glassworks.api.texts import PreparedTexts
from glassworks.data.batches import Batch
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.recipes.base import Recipe, build_model
from glassworks.training.runtime import Runtime
from glassworks.transfer.feature_cache import FeatureBatches, kept_features, weights_digest
from glassworks.transfer.head_start import start_head
from glassworks.weights.store import load_into

SIZE = 64  # texts that a forward pass takes at once when nothing is learned


class StartedLearner(SequenceLearner):
    """A reader that begins with other weights, cut to its context and rid of layers that it does not use."""

    def _fitted(self, given: dict, own: dict, config: Any, model: dict) -> dict[str, Tensor]:
        """The tensors for fewer tokens and for what the head reads; changed in place, as others expect."""
        from glassworks.models.sequence.bert import fitted

        kept = fitted(given, config)
        for name in given.keys() - kept.keys():
            del given[name]
        given.update(kept)
        # A body that learned to guess words has made nothing of its first token: that layer begins here.
        given.update({name: own[name] for name in own.keys() - given.keys() if name.startswith("pooler.")})
        return given


class GuessingLearner(StartedLearner):
    """prepared: `PreparedReading`, of texts whose hidden words are guessed."""

    def __init__(self, recipe: Recipe, prepared: Any, runtime: Runtime, *, begun: bool, say: Any):
        super().__init__(recipe, prepared, runtime, begun=begun, say=say)
        if self.fresh_head:  # of zeros, which is right for one layer and would never move in several
            fresh = build_model(recipe).head.state_dict()
            load_into(self.model.head, fresh, source="a new head")


class ReadingLearner(StartedLearner):
    """prepared: `PreparedTexts`, of texts with labels."""

    prepared: PreparedTexts  # type: ignore[assignment]

    def __init__(self, recipe: Recipe, prepared: Any, runtime: Runtime, *, begun: bool, say: Any):
        super().__init__(recipe, prepared, runtime, begun=begun, say=say)
        if self.fresh_head:
            self._start_head()

    @property
    def on_features(self) -> bool:  # type: ignore[override]
        """Whether the head learns on features that are computed once."""
        return bool(self.recipe.start_from) and self.recipe.tune.method == "head"

    def asked(self, model: nn.Module) -> nn.Module:
        return model.head if self.on_features else model  # type: ignore[return-value]

    @property
    def pictures(self) -> Any:
        """Batches of texts, by which a precision is chosen and a run is measured."""
        return super()._batches("train")

    def _batches(self, part: str) -> Any:
        if not self.on_features:
            return super()._batches(part)
        every, rows = self._every_feature, self.prepared.part(part)
        return FeatureBatches(every.load(rows), every.targets, rows, seed=self.recipe.seed)

    @cached_property
    def _every_feature(self) -> FeatureBatches:
        """What the head sees of every text of the data, so that repeated runs compute it once; where the rest
        of the model will move, of the training texts alone, by which the head is started."""
        own = self.prepared
        rows = np.arange(len(own.table)) if self.on_features else own.splits.train
        batches = own.batches_of(rows, device=self.runtime.device)
        body = weights_digest(self.model, besides=("head.",))
        key = f"texts {digest_of(batches)} {body} {self.runtime.precision}"
        self.say.say(f"{len(rows):,} texts go through the pretrained part, each once")
        features, note = kept_features(
            key, len(rows), lambda: features_of_texts(self.model, batches, self.runtime), of="texts"
        )
        self.say.say(note)
        return FeatureBatches(features.to(self.runtime.device), batches.targets, rows, seed=self.recipe.seed)

    def _start_head(self) -> None:
        """Fit the new head on the features of the training texts, before anything else moves.

        The pull towards zero is that of vectors of length 1, which these are not: on 2,000 film reviews the
        validation part was right in 77.8 % of the cases with it, and in 75.9 % with that of pictures.
        """
        rows, head = self.prepared.splits.train, self.model.head
        features, every = self._every_feature.load(rows), self._every_feature.targets
        batch = Batch(features, every[rows].to(self.runtime.device), rows)
        before, after = start_head(
            head, lambda: self.task.loss(head, batch).total, len(rows),
            pull=float(features.square().sum(1).mean()),
        )  # fmt: skip
        self.notes.append(
            f"the new head was fitted on fixed features first: loss {before:.3g} to {after:.3g}"
        )


def features_of_texts(model: Any, batches: SequenceBatches, runtime: Runtime) -> Tensor:
    """What the head sees of each text (rows, width), float32 on the CPU; the model's mode is put back."""
    was_training = model.training
    model.eval()
    try:
        # Not inference mode: the head's gradient may not be taken through inference tensors.
        with torch.no_grad(), runtime.autocast():
            parts = [model.features(*batch.given).float().cpu() for batch in batches.plain(SIZE)]
    finally:
        model.train(was_training)
    return batches.in_order(torch.cat(parts)) if parts else torch.empty(0)


def digest_of(batches: SequenceBatches) -> str:
    """SHA-256 over the numbers of some sequences, in their order."""
    digest = hashlib.sha256()
    for row in batches.rows:
        numbers = np.ascontiguousarray(batches.sequences[int(row)], "<i8")
        digest.update(len(numbers).to_bytes(8, "little") + numbers.tobytes())
    return digest.hexdigest()
