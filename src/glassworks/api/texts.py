"""From a table of texts to sequences of numbers that a model can train on: parts, vocabulary, numbers, task.

What a text becomes is decided by the training part alone: its words make the vocabulary, and words that only
the other parts have are unknown to the model, as a stranger's words will be. Nothing of a text goes missing
in silence: what is too long, empty or unknown is counted, part by part, before anything is trained.

The first thing to change: `same_texts`, which decides what counts as a copy of another text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassworks.api.prepare import require_agreement, task_of
from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.text_rows import TextTable
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.splits import Splits, data_digest, split
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import Tokenizer, learn, read_tokenizer
from glassworks.recipes.base import Recipe, TextFacts, TextPart

LEARNED = ("word", "character", "piece")  # kinds of tokens whose vocabulary is learned from the data


@dataclass(frozen=True)
class PreparedTexts:
    """Everything about texts that a run needs. The rows are those of `table`.

    sequences: numbers of each text, int64 (length,), at least 1 and at most `how.context` long
    task:      what is learned of them; notes: one sentence each on what was cut, empty or unknown
    batch:     rows of a training batch: texts of like length go together
    """

    table: TextTable
    splits: Splits
    how: TextPart
    tokenizer: Tokenizer
    sequences: list[np.ndarray]
    task: Any
    notes: tuple[str, ...]
    batch: int = 32

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return data_digest(self.table)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each text that a batch counts in its `rows`."""
        return self.table.names

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data: the training part decides how large a vocabulary is."""
        return {"model.vocabulary": self.tokenizer.size} if self.how.tokens in LEARNED else {}

    def part(self, name: str) -> np.ndarray:
        """Row numbers of "train", "val" or "test"."""
        return getattr(self.splits, name)

    def batches(self, name: str, *, seed: int = 0, device: torch.device | str = "cpu") -> SequenceBatches:
        """Padded batches of a part, by length."""
        return self.batches_of(self.part(name), seed=seed, device=device)

    def batches_of(
        self, rows: np.ndarray, *, seed: int = 0, device: torch.device | str = "cpu"
    ) -> SequenceBatches:
        """Padded batches of some rows."""
        targets = self.table.targets
        if self.table.kind in ("none", "pairs"):  # the texts themselves are what is learned
            targets = np.zeros(len(self.table), np.int64)
        return SequenceBatches(
            self.sequences, targets, rows, batch=self.batch, seed=seed, padding=self.tokenizer.padding,
            device=device,
        )  # fmt: skip


def facts_of(table: TextTable) -> TextFacts:
    """What a recipe needs to know of texts."""
    lengths = [len(text.split()) for text in table.texts]
    return TextFacts(
        kind=table.kind,
        outputs=1 if table.kind == "number" else len(table.classes),
        examples=table.parts.count("train") or max(1, round(0.7 * len(table))),
        words=int(np.median(lengths)) if lengths else 0,
        longest=max(lengths, default=0),
        letters=sum(map(len, table.texts)),
    )


def prepare_texts(
    recipe: Recipe,
    table: TextTable,
    *,
    splits: dict | None = None,
    tokenizer: Tokenizer | None = None,
    task: Any = None,
) -> PreparedTexts:
    """Divide, learn the vocabulary of the training part, and turn texts into numbers.

    splits:    as recorded in a run, or None to make them now
    tokenizer: left out: that of the run that the recipe starts from, or one learned here
    task:      left out: the one that the table's targets ask for
    Raises PersonError where the recipe asks for the impossible, or there is too little to learn from.
    """
    how = text_part(recipe)
    if task is None:
        require_agreement(recipe, table)
    parts = Splits.from_json(table, splits) if splits is not None else _divided(recipe, table)
    tokenizer = tokenizer or tokenizer_of(recipe.start_from) or _learned(recipe, table, parts)
    sequences, lengths = numbers_of(table.texts, tokenizer, how)
    batch = recipe.training.batch
    if batch == "auto":
        raise PersonError(
            "contradiction", expected="a number for --batch: texts of like length are put together by it",
            got="--batch auto", fix="leave it out, or say --batch 64",
        )  # fmt: skip
    return PreparedTexts(
        table=table,
        splits=parts,
        how=how,
        tokenizer=tokenizer,
        sequences=sequences,
        task=task or task_of(recipe, table, parts),
        notes=tuple(_notes(table, parts, tokenizer, how, sequences, lengths)),
        batch=batch,
    )


def text_part(recipe: Recipe) -> TextPart:
    """How texts go in. Raises PersonError for a system that sees none."""
    if not isinstance(recipe.input, TextPart):
        raise PersonError(
            "other-input", expected="a system that sees texts",
            got=f"{recipe.system}, which sees {recipe.input.in_words}",
            fix="see `glassworks list language` for systems that see texts",
        )  # fmt: skip
    return recipe.input


def tokenizer_of(start_from: str | None) -> Tokenizer | None:
    """The tokenizer that came with the weights a run starts from: numbers mean what they meant there."""
    if not start_from:
        return None
    place = Path(start_from)
    file = (place if place.is_dir() else place.parent) / TOKENIZER
    return read_tokenizer(file) if place.exists() and file.is_file() else None


def numbers_of(
    texts: Sequence[str], tokenizer: Tokenizer, how: TextPart
) -> tuple[list[np.ndarray], np.ndarray]:
    """Each text as int64 (length,), and how many tokens each had before it was cut to `how.context`.

    What came with weights expects its own marks at both ends. A text without tokens is one unknown token.
    """
    marks = ([tokenizer.start], [tokenizer.end]) if how.tokens == "given" else ([], [])
    room = how.context - len(marks[0]) - len(marks[1])
    sequences, lengths = [], np.empty(len(texts), np.int64)
    for row, numbers in enumerate(tokenizer.encode_many(texts)):
        lengths[row] = len(numbers)
        kept = numbers[:room] or [tokenizer.unknown]
        sequences.append(np.array([*marks[0], *kept, *marks[1]], np.int64))
    return sequences, lengths


def same_texts(texts: Sequence[str]) -> list[list[int]]:
    """Groups of rows whose texts differ in nothing but case and space."""
    found: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        found.setdefault(" ".join(text.casefold().split()), []).append(row)
    return [rows for rows in found.values() if len(rows) > 1]


def _divided(recipe: Recipe, table: TextTable) -> Splits:
    """New parts; copies of a text stay together, so that none is learned from and judged on."""
    parts = split(
        table, seed=recipe.seed, val=recipe.data.val, test=recipe.data.test, same=same_texts(table.texts)
    )
    for name in PARTS:
        if len(getattr(parts, name)) == 0:
            raise PersonError(
                "too-few-texts",
                expected="enough texts for a training, a validation and a test part (10 a class or more)",
                got=f"{len(table)} texts, none of them left for {name}",
                fix="add texts, or see `glassworks check` for what it sees",
            )
    return parts


def _learned(recipe: Recipe, table: TextTable, parts: Splits) -> Tokenizer:
    """A vocabulary of the training part's tokens, at most as large as the model's."""
    how = text_part(recipe)
    if how.tokens == "given":
        raise PersonError(
            "no-tokenizer", expected=f"weights that bring their own tokens ({TOKENIZER} beside them)",
            got="input.tokens = given, and no such file",
            fix="begin with --from, or learn tokens: --set input.tokens=word",
        )  # fmt: skip
    return learn(
        [table.texts[row] for row in parts.train],
        tokens=how.tokens,
        size=int(recipe.model["vocabulary"]),
        lower=how.lower,
    )


def _notes(
    table: TextTable,
    parts: Splits,
    tokenizer: Tokenizer,
    how: TextPart,
    sequences: list[np.ndarray],
    lengths: np.ndarray,
) -> list[str]:
    """What a person should know before training: what is cut, empty, unknown, and there twice."""
    things = {"word": "words", "character": "characters"}.get(how.tokens, "tokens")
    unknown = _unknown(parts, tokenizer, sequences, things)
    notes = [f"vocabulary of {tokenizer.size:,} {things}{unknown}"]
    room = how.context - (2 if how.tokens == "given" else 0)
    if (long := lengths > room).any():
        notes.append(
            f"{_counted(long, parts)} with more than {room:,} {things} (the longest has {lengths.max():,}): "
            f"only the first {room:,} are seen; --context sees more"
        )
    if (empty := lengths == 0).any():
        notes.append(f"{_counted(empty, parts)} without any {things}: one unknown token stands for each")
    copies = same_texts(table.texts)
    if copies:
        across = _across(copies, parts)
        warned = f"; {across:,} of them stand in train and in a part that judges" if across else ""
        notes.append(
            f"{len(copies):,} texts occur more than once, {sum(map(len, copies)):,} rows in all"
            + (warned or "; copies stay in one part")
        )
    return notes


def _unknown(parts: Splits, tokenizer: Tokenizer, sequences: list[np.ndarray], things: str) -> str:
    """The share of tokens that the vocabulary lacks, in words; "" where none is."""
    shares = {}
    for name in ("train", "val"):
        rows = getattr(parts, name)
        count = sum(len(sequences[row]) for row in rows)
        lacking = sum(int((sequences[row] == tokenizer.unknown).sum()) for row in rows)
        shares[name] = lacking / max(1, count)
    if not any(shares.values()):
        return ""
    return (
        f"; unknown: {shares['train']:.1%} of the {things} of the training part, {shares['val']:.1%} of the "
        "validation part"
    )


def _counted(which: np.ndarray, parts: Splits) -> str:
    """ "12 texts (train 9, val 1, test 2)"."""
    by_part = ", ".join(f"{name} {int(which[getattr(parts, name)].sum()):,}" for name in PARTS)
    count = int(which.sum())
    return f"{count:,} text{'' if count == 1 else 's'} ({by_part})"


def _across(copies: list[list[int]], parts: Splits) -> int:
    """How many texts stand in train and in another part too, where the data came divided."""
    train, judged = set(parts.train.tolist()), {*parts.val.tolist(), *parts.test.tolist()}
    return sum(not train.isdisjoint(rows) and not judged.isdisjoint(rows) for rows in copies)
