"""From texts without labels to passages that a model reads with some words hidden.

A text may be a line or a novel. So each is cut into blocks of some hundred words, at the ends of paragraphs;
blocks are divided among the parts, the training part's blocks make the vocabulary, and each block is cut into
passages as long as the model's context. Nothing is left out: a passage more is made of what is left over.

The first thing to change: `BLOCK`, how much text stays together in one part.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from glassworks.api.pretrained_texts import given_tokenizer
from glassworks.api.texts import LEARNED, same_texts, text_part
from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.text_rows import TextTable
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.splits import Splits, data_digest, split
from glassworks.data.vocabulary import Tokenizer, learn
from glassworks.recipes.base import Recipe, TextPart
from glassworks.tasks.masked_text import MaskedTexts

BLOCK = 500  # words, about: two pages of a novel
MANY = 30  # texts from which a text stays whole in one part


@dataclass(frozen=True)
class PreparedReading:
    """Everything about texts without labels that a run needs.

    table:    of blocks; splits: of them
    passages: numbers of each passage, int64 (length,), with the marks of start and end
    block_of: the block of each passage, int64 (passages,)
    """

    table: TextTable
    splits: Splits
    how: TextPart
    tokenizer: Tokenizer
    passages: list[np.ndarray]
    block_of: np.ndarray
    task: MaskedTexts
    notes: tuple[str, ...]
    batch: int = 32

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return data_digest(self.table)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of each passage that a batch counts in its `rows`: the name of its block."""
        return tuple(self.table.names[block] for block in self.block_of)

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data."""
        return {"model.vocabulary": self.tokenizer.size} if self.how.tokens in LEARNED else {}

    def part(self, name: str) -> np.ndarray:
        """Block numbers of "train", "val" or "test"."""
        return getattr(self.splits, name)

    def passages_of(self, name: str) -> np.ndarray:
        """Passage numbers of a part."""
        return np.flatnonzero(np.isin(self.block_of, self.part(name)))

    def batches(self, name: str, *, seed: int = 0, device: torch.device | str = "cpu") -> SequenceBatches:
        """Padded batches of a part's passages."""
        return SequenceBatches(
            self.passages, np.zeros(len(self.passages), np.int64), self.passages_of(name), batch=self.batch,
            seed=seed, padding=self.tokenizer.padding, device=device,
        )  # fmt: skip


def prepare_reading(
    recipe: Recipe, table: TextTable, *, splits: dict | None = None, tokenizer: Tokenizer | None = None
) -> PreparedReading:
    """Cut, divide, learn the vocabulary of the training part, and turn texts into numbers.

    splits:    as recorded in a run, or None to make them now
    tokenizer: left out: that of the weights to start from, or one that is learned here
    Raises PersonError where there is too little to learn from, or a tokenizer without a mark that hides.
    """
    how, blocks = text_part(recipe), in_blocks(table)
    parts = Splits.from_json(blocks, splits) if splits is not None else _divided(recipe, blocks)
    tokenizer = tokenizer or given_tokenizer(recipe.system, recipe.start_from)
    tokenizer = tokenizer or _learned(recipe, how, blocks, parts)
    if tokenizer.mask is None:
        raise PersonError(
            "no-mask", expected="a tokenizer with a token that hides others ([MASK])",
            got=f"one without, from {recipe.start_from}", fix="begin without --from: pieces are learned here",
        )  # fmt: skip
    passages, block_of = cut_into_passages(blocks.texts, tokenizer, how.context)
    marks = {tokenizer.padding, tokenizer.start, tokenizer.end, tokenizer.mask, tokenizer.unknown}
    numbers = sum(map(len, passages)) - 2 * len(passages)
    notes = (
        f"{len(table):,} text(s), {numbers:,} tokens of a vocabulary of {tokenizer.size:,}, in "
        f"{len(passages):,} passages of up to {how.context:,} tokens; nothing is left out",
    )
    return PreparedReading(
        blocks, parts, how, tokenizer, passages, block_of,
        MaskedTexts(tokenizer.mask, tokenizer.size, tuple(sorted(marks))), notes, int(recipe.training.batch),
    )  # fmt: skip


def in_blocks(table: TextTable) -> TextTable:
    """A table of blocks of about `BLOCK` words: the texts, of which long ones are cut between paragraphs.

    Blocks of a text keep to one part only where there are many texts; of six novels each part has some.
    """
    names, texts, parts, groups = [], [], [], []
    for row, text in enumerate(table.texts):
        pieces = blocks_of(text)
        for number, piece in enumerate(pieces, start=1):
            names.append(table.names[row] if len(pieces) == 1 else f"{table.names[row]}, block {number}")
            texts.append(piece)
            parts.append(table.parts[row])
            groups.append(table.groups[row] if table.groups is not None else table.names[row])
    together = table.groups is not None or len(table) >= MANY
    return replace(
        table, names=tuple(names), texts=texts, kind="none", targets=np.empty(0, np.int64), classes=(),
        answers=None, parts=tuple(parts), groups=tuple(groups) if together else None,
    )  # fmt: skip


def blocks_of(text: str, words: int = BLOCK) -> list[str]:
    """A text in pieces of at least `words` words that end where paragraphs end; the last may be shorter.

    Text without paragraphs is cut at ends of lines, and a line that is far too long between words.
    """
    found, kept, count = [], [], 0
    for piece in _paragraphs(text, 2 * words):
        kept.append(piece)
        count += len(piece.split())
        if count >= words:
            found.append("".join(kept))
            kept, count = [], 0
    if kept:
        found.append("".join(kept))
    return [piece for piece in found if piece.strip()] or [text]


def _paragraphs(text: str, most: int) -> list[str]:
    """Paragraphs with the blank lines after them; longer ones by lines, and these by words."""
    pieces = [text]
    for pattern in (r"(?<=\n)\s*\n", r"(?<=\n)", r"(?<=\s)(?=\S)"):
        if all(len(piece.split()) <= most for piece in pieces):
            break
        pieces = [part for piece in pieces for part in _apart(piece, pattern, most)]
    return pieces


def _apart(piece: str, pattern: str, most: int) -> list[str]:
    """A piece cut after each match, where it is too long; joined again they are the piece."""
    if len(piece.split()) <= most:
        return [piece]
    ends = [match.end() for match in re.finditer(pattern, piece)]
    places = [0, *(end for end in ends if 0 < end < len(piece)), len(piece)]
    return [piece[start:stop] for start, stop in pairwise(places) if start < stop]


def cut_into_passages(
    texts: Sequence[str], tokenizer: Tokenizer, context: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Passages of at most `context` numbers, marks included, and the text of each; no number is left out.

    The passages of one text are of nearly equal length. Ends of lines are read as spaces.
    """
    passages, source = [], []
    room = context - 2
    for row, numbers in enumerate(tokenizer.encode_many([" ".join(text.split()) for text in texts])):
        count = max(1, -(-len(numbers) // room))
        for part in np.array_split(np.array(numbers or [tokenizer.unknown], np.int64), count):
            passages.append(np.concatenate([[tokenizer.start], part, [tokenizer.end]]).astype(np.int64))
            source.append(row)
    return passages, np.array(source, np.int64)


def _divided(recipe: Recipe, blocks: TextTable) -> Splits:
    parts = split(
        blocks, seed=recipe.seed, val=recipe.data.val, test=recipe.data.test, same=same_texts(blocks.texts)
    )
    for name in PARTS:
        if not len(getattr(parts, name)):
            raise PersonError(
                "too-few-texts", expected="enough text for a training, a validation and a test part",
                got=f"{len(blocks)} blocks of up to {BLOCK} words, none of them left for {name}",
                fix="add texts: some ten thousand words at the least",
            )  # fmt: skip
    return parts


def _learned(recipe: Recipe, how: TextPart, blocks: TextTable, parts: Splits) -> Tokenizer:
    if how.tokens not in LEARNED:
        raise PersonError(
            "no-tokenizer", expected="weights that bring their own tokens",
            got="input.tokens = given, no --from",
            fix="begin with --from, or learn tokens: --set input.tokens=piece",
        )  # fmt: skip
    return learn(
        [" ".join(blocks.texts[row].split()) for row in parts.train], tokens=how.tokens,  # type: ignore[arg-type]
        size=int(recipe.model["vocabulary"]), lower=how.lower,
    )  # fmt: skip
