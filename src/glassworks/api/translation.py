"""Pairs of texts on their way into a model: both sides become numbers of one vocabulary.

Source and answer share the tokens that are learned on the training part, so that names and numbers can be
copied. A source ends in the end token; an answer stands between start and end. What is too long is counted
by reason: pairs of the training part are left out, since half a sentence has no right translation; pairs that
judge stay, their source cut, and are judged against the whole answer.

The first thing to change: `ROOM`, how much longer than any known answer the model may write.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.api.run import Run
from glassworks.api.texts import same_texts, text_part, tokenizer_of
from glassworks.blocks.beam_search import Written, write
from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.text_rows import TextTable
from glassworks.data.sequence_batches import SequenceBatch, SequenceBatches
from glassworks.data.splits import Splits, data_digest, split
from glassworks.data.vocabulary import Tokenizer, learn
from glassworks.recipes.base import Recipe, TextFacts, TextPart
from glassworks.tasks.translation import Translation
from glassworks.training.runtime import Runtime

ROOM = 1.5  # an answer may be so many times as long as the longest of the training part
TOGETHER = 64  # texts that are translated side by side


@dataclass(frozen=True)
class PairBatch(SequenceBatch):
    """As `SequenceBatch`; targets int64 (batch, longest answer): start, tokens, end, filling."""

    @property
    def given(self) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Source, its lengths, and the answer without its last token: at each place the next is asked for."""
        return self.inputs, self.lengths, self.targets[:, :-1]

    def part(self, start: int, stop: int) -> "PairBatch":
        plain = super().part(start, stop)
        return PairBatch(plain.inputs, plain.lengths, plain.targets, plain.rows)


class PairBatches(SequenceBatches):
    """Batches of sources and answers, of like length together. answers: of every row, int64 (length,)."""

    def __init__(
        self, sources: Sequence[np.ndarray], answers: Sequence[np.ndarray], rows: np.ndarray, **options: Any
    ):
        super().__init__(sources, np.zeros(len(sources), np.int64), rows, **options)
        self.answers = answers
        self.lengths = np.array([len(sources[row]) + len(answers[row]) for row in self.rows], dtype=np.int64)

    def load(self, rows: np.ndarray) -> PairBatch:
        plain = super().load(rows)
        picked = [self.answers[int(row)] for row in rows]
        filled = np.full((len(picked), max(map(len, picked))), self.padding, dtype=np.int64)
        for place, answer in enumerate(picked):
            filled[place, : len(answer)] = answer
        return PairBatch(plain.inputs, plain.lengths, torch.from_numpy(filled).to(self.device), plain.rows)


@dataclass(frozen=True)
class PreparedTranslations:
    """Everything about pairs of texts that a run needs. The rows are those of `table`.

    sources: numbers of each text with an end, int64 (length,), at most `how.context` long
    answers: numbers of each other text with start and end, at most one more
    learned: rows of the training part that fit; most: tokens that the model may write
    """

    table: TextTable
    splits: Splits
    how: TextPart
    tokenizer: Tokenizer
    sources: list[np.ndarray]
    answers: list[np.ndarray]
    learned: np.ndarray
    most: int
    task: Translation
    notes: tuple[str, ...]
    batch: int = 32

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return data_digest(self.table)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each pair that a batch counts in its `rows`."""
        return self.table.names

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data: a vocabulary is as large as training made it."""
        return {"model.vocabulary": self.tokenizer.size}

    def part(self, name: str) -> np.ndarray:
        """Row numbers of "train", "val" or "test"."""
        return getattr(self.splits, name)

    def batches(self, name: str, *, seed: int = 0, device: torch.device | str = "cpu") -> PairBatches:
        """Padded batches of a part, by length; of the training part what fits."""
        return self.batches_of(self.learned if name == "train" else self.part(name), seed=seed, device=device)

    def batches_of(self, rows: np.ndarray, **options: Any) -> PairBatches:
        """Padded batches of some rows."""
        padding = self.tokenizer.padding
        return PairBatches(self.sources, self.answers, rows, batch=self.batch, padding=padding, **options)


def facts_of(table: TextTable) -> TextFacts:
    """What a recipe needs to know of pairs: lengths are of the longer side."""
    both = [*table.texts, *(table.answers or ())]
    words = [len(text.split()) for text in both]
    return TextFacts(
        kind=table.kind, outputs=0, examples=max(1, round(0.7 * len(table))), words=int(np.median(words)),
        longest=max(words, default=0), letters=sum(map(len, both)),
    )  # fmt: skip


def prepare_translations(
    recipe: Recipe, table: TextTable, *, splits: dict | None = None, tokenizer: Tokenizer | None = None
) -> PreparedTranslations:
    """Divide, learn the vocabulary of the training part, and turn both sides into numbers.

    splits: as recorded in a run, or None to make them now
    Raises PersonError where the recipe asks for the impossible, or there is too little to learn from.
    """
    how, batch = text_part(recipe), recipe.training.batch
    if batch == "auto":
        raise PersonError(
            "contradiction", expected="a number for --batch: texts of like length are put together by it",
            got="--batch auto", fix="leave it out, or say --batch 64",
        )  # fmt: skip
    parts = Splits.from_json(table, splits) if splits is not None else _divided(recipe, table)
    tokenizer = tokenizer or tokenizer_of(recipe.start_from) or _learned(recipe, how, table, parts)
    return numbered(table, parts, how, tokenizer, recipe.training.smoothing, batch)


def numbered(
    table: TextTable, parts: Splits, how: TextPart, tokenizer: Tokenizer, smoothing: float, batch: int
) -> PreparedTranslations:
    """Both sides of a table as numbers, with notes on what did not fit.

    Raises PersonError("too-few-texts") where the training part has pairs and none of them fits.
    """
    own = tokenizer.encode_many(list(table.texts))
    said = tokenizer.encode_many(list(table.answers or ()))
    sources = [with_end(numbers, tokenizer, how.context) for numbers in own]
    answers = [
        np.array([tokenizer.start, *numbers[: how.context - 1], tokenizer.end], np.int64) for numbers in said
    ]
    long = np.array([len(numbers) > how.context - 1 for numbers in own], bool)
    long_answers = np.array([len(numbers) > how.context - 1 for numbers in said], bool)
    learned = parts.train[~(long | long_answers)[parts.train]] if len(parts.train) else parts.train
    if len(parts.train) and not len(learned):
        raise PersonError(
            "too-few-texts", expected=f"pairs of at most {how.context - 1} tokens",
            got="none in the training part", fix="allow longer ones: --context 512",
        )  # fmt: skip
    longest = max((len(said[row]) for row in learned), default=how.context)
    return PreparedTranslations(
        table=table, splits=parts, how=how, tokenizer=tokenizer, sources=sources, answers=answers,
        learned=learned, most=min(how.context - 1, round(ROOM * longest) + 1),
        task=Translation(smoothing, tokenizer.padding), batch=batch,
        notes=tuple(_notes(parts, tokenizer, how, own, long, long_answers)),
    )  # fmt: skip


def with_end(numbers: Sequence[int], tokenizer: Tokenizer, context: int) -> np.ndarray:
    """A source as the model reads it: its first tokens, and the end token."""
    return np.array([*numbers[: context - 1], tokenizer.end], np.int64)


def _divided(recipe: Recipe, table: TextTable) -> Splits:
    """New parts; pairs with the same source stay together, so that none is learned from and judged on."""
    parts = split(
        table, seed=recipe.seed, val=recipe.data.val, test=recipe.data.test, same=same_texts(table.texts)
    )
    for name in PARTS:
        if len(getattr(parts, name)) == 0:
            raise PersonError(
                "too-few-texts", expected="enough pairs for a training, a validation and a test part",
                got=f"{len(table)} pairs, none of them left for {name}", fix="add pairs",
            )  # fmt: skip
    return parts


def _learned(recipe: Recipe, how: TextPart, table: TextTable, parts: Splits) -> Tokenizer:
    """One vocabulary for both sides of the training part, at most as large as the model's."""
    if how.tokens == "given":
        raise PersonError(
            "no-tokenizer", expected="weights that bring their own tokens",
            got="input.tokens = given, and no tokenizer beside the weights",
            fix="begin with --from, or learn tokens: --set input.tokens=piece",
        )  # fmt: skip
    sides = [side[row] for side in (table.texts, table.answers or ()) for row in parts.train]
    return learn(sides, tokens=how.tokens, size=int(recipe.model["vocabulary"]), lower=how.lower)


def _notes(
    parts: Splits, tokenizer: Tokenizer, how: TextPart, own: list, long: np.ndarray, long_answers: np.ndarray
) -> list[str]:
    """What a person should know before training: the vocabulary, what is too long, what is unknown."""
    notes = [f"one vocabulary of {tokenizer.size:,} tokens ({how.tokens}s) for both sides"]
    most = how.context - 1
    for which, what in ((long, "a text"), (long_answers, "an answer")):
        count = {name: int(which[getattr(parts, name)].sum()) for name in PARTS}
        if any(count.values()):
            judged = "is read up to there" if which is long else "cannot be written whole"
            notes.append(
                f"pairs with {what} of more than {most} tokens: {count['train']} of train are left out; of "
                f"val {count['val']} and of test {count['test']} stay, and {what} {judged}; --context allows "
                "longer ones"
            )
    for name in ("val", "test"):
        rows = getattr(parts, name)
        total = sum(len(own[row]) for row in rows)
        unknown = sum(own[row].count(tokenizer.unknown) for row in rows)
        if unknown:
            notes.append(
                f"{unknown / max(1, total):.1%} of the tokens of {name} are unknown to the vocabulary"
            )
    return notes


# ---- writing


def never_written(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Tokens that no answer holds."""
    return tokenizer.padding, tokenizer.unknown, *([tokenizer.mask] if tokenizer.mask is not None else [])


def translate(
    model: nn.Module,
    sources: Sequence[np.ndarray],
    tokenizer: Tokenizer,
    runtime: Runtime,
    *,
    most: int,
    beams: int = 1,
    penalty: float = 1.0,
) -> list[Written]:
    """The model's answer to each source, in their order; those of like length are written side by side."""
    order = np.argsort([len(source) for source in sources], kind="stable")
    found: list[Written | None] = [None] * len(sources)
    never = never_written(tokenizer)
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(order), TOGETHER):
            rows = order[start : start + TOGETHER]
            batches = SequenceBatches(
                sources, np.zeros(len(sources), np.int64), rows, padding=tokenizer.padding,
                device=runtime.device,
            )  # fmt: skip
            batch = batches.load(rows)
            with runtime.autocast():
                written = write(
                    model, batch.inputs, batch.lengths, start=tokenizer.start, end=tokenizer.end, most=most,
                    beams=beams, penalty=penalty, never=never,
                )  # fmt: skip
            for row, one in zip(rows, written, strict=True):
                found[int(row)] = one
    finally:
        model.train(was_training)
    return [one for one in found if one is not None]


def in_words(written: Sequence[Written], tokenizer: Tokenizer) -> list[str]:
    """Answers as texts."""
    return [tokenizer.decode(one.tokens).strip() for one in written]


def other_pairs(run: Run, table: TextTable, tokenizer: Tokenizer) -> PreparedTranslations:
    """Other data than a run's own, all of it to be judged, in the run's numbers."""
    none = np.empty(0, np.int64)
    parts = Splits(none, none, np.arange(len(table)))
    made = numbered(table, parts, text_part(run.recipe), tokenizer, 0.0, 32)
    return replace(made, most=int(run.card["longest_answer"]))
