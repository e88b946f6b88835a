"""From texts to passages of numbers, for a model that gives words their vectors.

Texts of any length are cut into passages of so many words; nothing near each other is pulled apart but at
their ends, and nothing stands near a word of another text. Passages are divided by their names, and copies of
one stay together. Only words count: signs are passed over, and so are words that the training part holds too
rarely. Both are counted before anything is trained.

The first thing to change: `is_word`, what gets a vector.

Axes: passages; vocabulary.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import torch

from glassworks.api.texts import same_texts, text_part
from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.text_rows import TextTable
from glassworks.data.splits import Splits, data_digest, split
from glassworks.data.texts import open_texts
from glassworks.data.vocabulary import SPECIAL, Vocabulary, cut
from glassworks.judging.words import Space
from glassworks.models.sequence.word2vec import Word2Vec, Word2VecConfig
from glassworks.recipes.base import DataPart, Recipe, TextFacts, config_of
from glassworks.tasks.word_embedding import Passages, WordEmbedding, kept_shares, noise_ends

SAMPLE = "sample:austen+brown+bible"  # what `--data sample` is here
TOGETHER = "+"  # between the names of samples that are read as one


@dataclass(frozen=True)
class PreparedWords:
    """Everything about texts that a run needs. The rows of `table` are passages.

    passages: of each row the numbers of its words that are in the vocabulary, int64 (length,)
    counts:   how often each word occurs in the training part, int64 (vocabulary,)
    notes:    one sentence each on what the person should know
    """

    table: TextTable
    splits: Splits
    tokenizer: Vocabulary
    passages: list[np.ndarray]
    counts: np.ndarray
    task: WordEmbedding
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return data_digest(self.table)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each passage that a batch counts in its `rows`."""
        return self.table.names

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data: how many words are frequent enough."""
        return {"model.vocabulary": self.tokenizer.size}

    def part(self, name: str) -> np.ndarray:
        """Row numbers of "train", "val" or "test"."""
        return getattr(self.splits, name)

    def batches(self, name: str, *, seed: int = 0, device: torch.device | str = "cpu") -> Passages:
        """Batches of a part."""
        return self.batches_of(self.passages, self.part(name), seed=seed, device=device)

    def batches_of(
        self,
        passages: list[np.ndarray],
        rows: np.ndarray,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> Passages:
        """Batches of some passages, with words left out as in training."""
        kept = kept_shares(self.counts, self.task.config.subsample)
        return Passages(passages, rows, kept, seed=seed, device=device)


def open_data(data: DataPart) -> TextTable:
    """The texts of a recipe; several samples are read as one: sample:austen+brown."""
    where = SAMPLE if data.where == "sample" else data.where
    kind, _, names = where.partition(":")
    wheres = [f"sample:{name}" for name in names.split(TOGETHER)] if kind == "sample" else [where]
    tables = [
        open_texts(one, wanted="none", text=data.text, group=data.group, bad=data.bad) for one in wheres
    ]
    if len(tables) == 1:
        return tables[0]
    return TextTable(
        where=where,
        names=tuple(
            f"{name}/{row}" for name, table in zip(names.split(TOGETHER), tables) for row in table.names
        ),
        texts=[text for table in tables for text in table.texts],
        kind="none",
        targets=np.empty(0, np.int64),
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def facts_of(table: TextTable) -> TextFacts:
    """What a recipe needs to know: above all how many words there are; `examples` is the number of words."""
    lengths = [len(text.split()) for text in table.texts]
    return TextFacts(
        kind="words",
        outputs=0,
        examples=sum(lengths),
        words=int(np.median(lengths)) if lengths else 0,
        longest=max(lengths, default=0),
        letters=sum(map(len, table.texts)),
    )


def passages_of(table: TextTable, most: int) -> TextTable:
    """A table of passages of at most `most` words, by white space; short texts stay as they are."""
    names, texts, rows = [], [], []
    for row, (name, text) in enumerate(zip(table.names, table.texts, strict=True)):
        words = text.split()
        for start in range(0, len(words), most):
            stop = min(len(words), start + most)
            whole = start == 0 and stop == len(words)
            names.append(name if whole else f"{name}, words {start + 1:,} to {stop:,}")
            texts.append(" ".join(words[start:stop]))
            rows.append(row)
    return replace(
        table,
        names=tuple(names),
        texts=texts,
        kind="words",
        targets=np.zeros(len(names), np.int64),
        parts=tuple(table.parts[row] for row in rows),
        groups=None if table.groups is None else tuple(table.groups[row] for row in rows),
    )


def prepare_words(recipe: Recipe, table: TextTable, *, splits: dict | None = None) -> PreparedWords:
    """Cut, divide, count the words of the training part, and turn passages into numbers.

    splits: as recorded in a run, or None to make them now. Raises PersonError for too little text.
    """
    how, config = text_part(recipe), config_of(recipe)
    if how.tokens != "word":
        raise PersonError(
            "contradiction", expected="whole words: each gets a vector", got=f"input.tokens={how.tokens}",
            fix="leave it out",
        )  # fmt: skip
    table = passages_of(table, how.context)
    parts = Splits.from_json(table, splits) if splits is not None else _divided(recipe, table)
    said = [[word for word in cut(text, "word", how.lower) if is_word(word)] for text in table.texts]
    counted = Counter(chain.from_iterable(said[row] for row in parts.train))
    ranked = sorted(counted, key=lambda word: (-counted[word], word))
    words = [word for word in ranked if counted[word] >= config.least][: config.vocabulary - len(SPECIAL)]
    if len(words) < 2:
        raise PersonError(
            "too-little-text",
            expected=f"words that occur {config.least} times or more in the training part",
            got=f"{sum(counted.values()):,} words, {len(words)} of them so often",
            fix="add text (a million words give a first idea), or lower it: --set model.least=1",
        )
    tokenizer = Vocabulary("word", words, lower=how.lower)
    passages = [numbers_of(one, tokenizer) for one in said]
    counts = np.array([0] * len(SPECIAL) + [counted[word] for word in words], np.int64)
    task = WordEmbedding(replace(config, vocabulary=tokenizer.size), noise_ends(counts, config.power))
    notes = tuple(_notes(config, parts, said, passages, len(counted), tokenizer))
    return PreparedWords(table, parts, tokenizer, passages, counts, task, notes)


def is_word(token: str) -> bool:
    """Whether a token has a letter or a digit."""
    return any(letter.isalnum() for letter in token)


def numbers_of(words: Iterable[str], tokenizer: Vocabulary) -> np.ndarray:
    """The numbers of those words that have one, int64 (length,); the others are passed over."""
    known = tokenizer.numbers
    return np.array([known[word] for word in words if word in known], np.int64)


def space_of(model: Word2Vec, tokenizer: Vocabulary) -> Space:
    """The vectors of a model with their words; special tokens have no name there."""
    names = ("",) * len(SPECIAL) + tuple(tokenizer.tokens[len(SPECIAL) :])
    return Space(names, model.vectors.weight.detach().float().cpu().numpy())


def _divided(recipe: Recipe, table: TextTable) -> Splits:
    """New parts; copies of a passage stay together."""
    parts = split(
        table, seed=recipe.seed, val=recipe.data.val, test=recipe.data.test, same=same_texts(table.texts)
    )
    for name in PARTS:
        if len(getattr(parts, name)) == 0:
            raise PersonError(
                "too-little-text",
                expected="enough text for a training, a validation and a test part",
                got=f"{len(table)} passages, none of them left for {name}",
                fix="add text: a million words give a first idea",
            )
    return parts


def _notes(
    config: Word2VecConfig,
    parts: Splits,
    said: list[list[str]],
    passages: list[np.ndarray],
    different: int,
    tokenizer: Vocabulary,
) -> Iterator[str]:
    words = tokenizer.size - len(SPECIAL)
    yield (
        f"{words:,} words get a vector: those that occur {config.least} times or more, of {different:,} "
        "different ones in the training part; case and signs are passed over"
        if tokenizer.lower
        else f"{words:,} words get a vector: those that occur {config.least} times or more, of {different:,} "
        "different ones in the training part; signs are passed over"
    )
    for name in PARTS:
        rows = getattr(parts, name)
        whole = sum(len(said[row]) for row in rows)
        missing = whole - sum(len(passages[row]) for row in rows)
        yield f"{name}: {whole:,} words, {missing / max(1, whole):.1%} of them without a vector, passed over"
