"""Judging a model that writes another text for a text, beside answers that need no model, and the report.

While training, quick figures are taken of some validation rows, written without a second look (greedy). What
counts is judged on all rows, with several answers kept side by side (`BEAMS`).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from glassworks.api.translation import PreparedTranslations, in_words, translate
from glassworks.core.errors import PersonError
from glassworks.core.keyed import permutation
from glassworks.core.page import Page
from glassworks.judging.judgement import Judgement
from glassworks.judging.report import Section
from glassworks.judging.translation import baseline_answers, figures, judge_translation
from glassworks.tasks.translation import token_loss
from glassworks.training.runtime import Runtime

BEAMS, PENALTY = 4, 1.0
LOOKED_AT = 300  # validation rows that are written after an epoch
SHOWN = 12  # answers that the report shows beside the worst
BATCH = 128


@dataclass(frozen=True)
class Judged:
    """judgement; sources, known and said: of the judged rows, in their order."""

    judgement: Judgement
    sources: tuple[str, ...]
    known: tuple[str, ...]
    said: tuple[str, ...]


def quick_figures(model: nn.Module, own: PreparedTranslations, runtime: Runtime) -> dict[str, float]:
    """Loss of the validation part, and the figures of some of its rows, written greedily."""
    rows = own.part("val")
    drawn = np.sort(rows[permutation(len(rows), "looked at")[:LOOKED_AT]])
    written = translate(model, [own.sources[row] for row in drawn], own.tokenizer, runtime, most=own.most)
    known = [str(own.table.answers[row]) for row in drawn] if own.table.answers else []
    return {"loss": loss_of(model, own, rows, runtime)} | figures(in_words(written, own.tokenizer), known)


def loss_of(model: nn.Module, own: PreparedTranslations, rows: np.ndarray, runtime: Runtime) -> float:
    """Mean cross-entropy of a token, nats, where the right beginning is given."""
    was_training, total, tokens = model.training, 0.0, 0
    model.eval()
    try:
        with torch.inference_mode():
            for batch in own.batches_of(rows, device=runtime.device).plain(BATCH):
                with runtime.autocast():
                    scores = model(*batch.given)
                wanted = batch.targets[:, 1:]
                count = int((wanted != own.tokenizer.padding).sum())
                total += float(token_loss(scores, wanted, own.tokenizer.padding)) * count
                tokens += count
    finally:
        model.train(was_training)
    return total / max(1, tokens)


def judged_translations(
    model: nn.Module,
    own: PreparedTranslations,
    other: PreparedTranslations,
    rows: np.ndarray,
    runtime: Runtime,
) -> Judged:
    """Judge a model on rows of `other`, which is `own`, the run's data, or data beside it.

    own: its training part makes the baselines. Raises PersonError where there is nothing to judge.
    """
    if not len(rows):
        raise PersonError(
            "nothing-to-judge", expected="one pair or more", got="none", fix="judge another part or data"
        )
    sources, known = pairs_of(other, rows)
    written = translate(
        model, [other.sources[row] for row in rows], other.tokenizer, runtime, most=other.most, beams=BEAMS,
        penalty=PENALTY,
    )  # fmt: skip
    said = in_words(written, other.tokenizer)
    groups = None if other.table.groups is None else [other.table.groups[row] for row in rows]
    judgement = judge_translation(
        sources, known, said, baseline_answers(sources, *pairs_of(own, own.splits.train)), groups=groups,
        cut=sum(not one.ended for one in written),
    )  # fmt: skip
    return Judged(judgement, tuple(sources), tuple(known), tuple(said))


def pairs_of(own: PreparedTranslations, rows: np.ndarray) -> tuple[list[str], list[str]]:
    """Texts and their other texts."""
    answers = own.table.answers or ()
    return [own.table.texts[row] for row in rows], [answers[row] for row in rows]


def sections_of(found: Judged) -> list[Section]:
    """What the report shows: some answers, spread evenly over the judged rows."""
    some = np.linspace(0, len(found.said) - 1, min(SHOWN, len(found.said))).round().astype(int)
    rows = [
        [found.sources[row], (found.said[row], "good" if found.said[row] == found.known[row] else ""),
         found.known[row]]
        for row in np.unique(some)
    ]  # fmt: skip
    markup = Page("").table(["text", "its answer", "known answer"], rows).parts[-1]
    return [("Some of its answers", "Spread evenly over the judged rows; green: the very answer.", markup)]
