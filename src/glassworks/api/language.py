"""From texts to one stream of tokens a part, for a model that learns to continue them.

Few texts (novels, say) are each cut in three by position, at ends of lines: the first stretch trains, the
next validates, the last is the test, so that a model is judged on what comes after all it has learned from.
Many texts (reviews, messages) stay whole, and copies of one stay in one part. The vocabulary is learned on
the training part alone. No window of training reaches into another part.

The first thing to change: `FEW`, up to how many texts are cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from glassworks.api.texts import LEARNED, TOKENIZER, same_texts, text_part, tokenizer_of
from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.text_rows import TextTable
from glassworks.data.splits import Splits, data_digest, split
from glassworks.data.vocabulary import Tokenizer, learn
from glassworks.recipes.base import Recipe, TextFacts, TextPart
from glassworks.tasks.text_generation import TextGeneration, Windows

FEW = 20  # texts up to which each is cut by position
NEAR = 2_000  # characters within which the end of a line is looked for


@dataclass(frozen=True)
class PreparedLanguage:
    """Everything about texts that a run needs. The rows of `table` are stretches of texts.

    ends:    of each row, whether its text ends with it: the model learns to end there
    streams: of each part its tokens, int64 (tokens,); every stretch begins with `tokenizer.start`
    notes:   one sentence each on what the person should know
    """

    table: TextTable
    splits: Splits
    ends: tuple[bool, ...]
    how: TextPart
    tokenizer: Tokenizer
    streams: dict[str, np.ndarray]
    notes: tuple[str, ...]

    task = TextGeneration()

    @property
    def digest(self) -> str:
        """SHA-256 of the data."""
        return data_digest(self.table)

    @property
    def names(self) -> tuple[str, ...]:
        """Of each window of training, for messages."""
        return tuple(f"tokens from {row * self.how.context:,}" for row in self.batches("train").rows)

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data: how many different tokens the training part has."""
        return {"model.vocabulary": self.tokenizer.size}

    @property
    def never(self) -> tuple[int, ...]:
        """Tokens that nobody has to guess."""
        return never_guessed(self.tokenizer)

    def part(self, name: str) -> np.ndarray:
        """Row numbers of "train", "val" or "test"."""
        return getattr(self.splits, name)

    def batches(self, name: str, *, seed: int = 0, device: torch.device | str = "cpu") -> Windows:
        """Windows of a part."""
        return Windows(self.streams[name], self.how.context, ignored=self.never, seed=seed, device=device)


def facts_of(table: TextTable) -> TextFacts:
    """What a recipe needs to know: above all how much text there is."""
    letters = sum(map(len, table.texts))
    return TextFacts(kind="text", outputs=0, examples=max(1, round(0.7 * letters)), letters=letters)


def prepare_language(recipe: Recipe, table: TextTable, *, splits: dict | None = None) -> PreparedLanguage:
    """Cut, divide, learn the vocabulary, and turn texts into streams.

    splits: as recorded in a run, or None to make them now. Raises PersonError for too little text.
    """
    how = text_part(recipe)
    table, ends, parts = divided(table, recipe.seed, recipe.data.val, recipe.data.test)
    if splits is not None:
        parts = Splits.from_json(table, splits)
    tokenizer = tokenizer_of(recipe.start_from) or _learned(recipe, table, parts)
    streams = {name: stream_of(table, getattr(parts, name), ends, tokenizer) for name in PARTS}
    _require_enough(streams, how.context)
    notes = tuple(_notes(table, parts, tokenizer, streams))
    return PreparedLanguage(table, parts, ends, how, tokenizer, streams, notes)


def divided(
    table: TextTable, seed: int, val: float, test: float
) -> tuple[TextTable, tuple[bool, ...], Splits]:
    """The table of stretches, whether a text ends with each, and their parts."""
    if len(table) > FEW:
        whole = replace(table, kind="text", targets=np.zeros(len(table), np.int64))
        parts = split(whole, seed=seed, val=val, test=test, same=same_texts(table.texts))
        return whole, (True,) * len(whole), parts
    given = set(table.parts)
    shares = {"val": 0.0 if "val" in given else val, "test": 0.0 if "test" in given else test}
    rows = [
        (f"{name}, characters {start + 1:,} to {stop:,}", text[start:stop], part or own, stop == len(text))
        for name, text, own in zip(table.names, table.texts, table.parts, strict=True)
        for part, start, stop in (stretches(text, **shares) if own in ("", "train") else [("", 0, len(text))])
    ]
    names, texts, parts_of, ends = zip(*rows) if rows else ((), (), (), ())
    cut = replace(
        table, names=names, texts=texts, kind="text", targets=np.zeros(len(names), np.int64), parts=parts_of,
        groups=None,
    )  # fmt: skip
    train, held, last = (np.flatnonzero(np.array(parts_of) == part) for part in PARTS)
    return cut, ends, Splits(train, held, last)


def stretches(text: str, *, val: float, test: float) -> Iterator[tuple[str, int, int]]:
    """(part, start, stop) of the stretches of one text, in their order; empty ones are left out.

    >>> list(stretches("one\\ntwo\\nthree\\nfour\\n", val=0.25, test=0.25))
    [('train', 0, 14), ('val', 14, 19)]
    """
    ends = [round(len(text) * (1 - val - test)), round(len(text) * (1 - test)), len(text)]
    start = 0
    for part, end in zip(PARTS, ends):
        stop = end if end == len(text) else _end_of_line(text, end)
        if stop > start:
            yield part, start, stop
        start = max(start, stop)


def _end_of_line(text: str, near: int) -> int:
    """The first end of a line from a place on, else of a word, else that place."""
    for mark in ("\n", " "):
        found = text.find(mark, near, near + NEAR)
        if found >= 0:
            return found + 1
    return near


def stream_of(table: TextTable, rows: np.ndarray, ends: tuple[bool, ...], tokenizer: Tokenizer) -> np.ndarray:
    """The tokens of some rows one after another: a start, the text, and an end where the text ends."""
    encoded = tokenizer.encode_many([table.texts[row] for row in rows])
    parts = [
        np.array([tokenizer.start, *numbers, *([tokenizer.end] if ends[row] else [])], np.int64)
        for row, numbers in zip(rows, encoded, strict=True)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def never_guessed(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Tokens that stand in no text, and the start, which is given."""
    # A tokenizer of other people's may use one number for several purposes.
    marks = {tokenizer.padding, tokenizer.start, tokenizer.mask} - {None, tokenizer.end, tokenizer.unknown}
    return tuple(sorted(mark for mark in marks if mark is not None))


def _learned(recipe: Recipe, table: TextTable, parts: Splits) -> Tokenizer:
    how = text_part(recipe)
    if how.tokens not in LEARNED:
        raise PersonError(
            "no-tokenizer", expected=f"weights that bring their own tokens ({TOKENIZER} beside them)",
            got=f"input.tokens = {how.tokens}", fix="begin with --from, or leave input.tokens out",
        )  # fmt: skip
    texts = [table.texts[row] for row in parts.train]
    return learn(texts, tokens=how.tokens, size=int(recipe.model["vocabulary"]), lower=how.lower)  # type: ignore[arg-type]


def _require_enough(streams: dict[str, np.ndarray], context: int) -> None:
    lacking = {"train": len(streams["train"]) <= context, "val": len(streams["val"]) < 2}
    lacking["test"] = len(streams["test"]) < 2
    if any(lacking.values()):
        part = next(name for name, wrong in lacking.items() if wrong)
        raise PersonError(
            "too-little-text",
            expected=f"more than {context} tokens to train on, and some to validate and to test",
            got=f"{len(streams[part]):,} token(s) for {part}",
            fix="add text (50,000 characters give a first idea), or read less at once: --context 32",
        )


def _notes(
    table: TextTable, parts: Splits, tokenizer: Tokenizer, streams: dict[str, np.ndarray]
) -> Iterator[str]:
    things = {"word": "words and signs", "character": "characters"}.get(tokenizer.kind, "pieces of words")
    sizes = ", ".join(f"{len(streams[name]):,} {name}" for name in PARTS)
    letters = sum(len(table.texts[row]) for row in parts.val)
    yield (
        f"{tokenizer.size:,} different {things}; tokens: {sizes}; {letters / len(streams['val']):.2f} "
        "characters a token"
    )
    for name in ("val", "test"):
        unknown = int((streams[name] == tokenizer.unknown).sum())
        if unknown:
            yield (
                f"{unknown / len(streams[name]):.1%} of the tokens of {name} are not in the vocabulary: to "
                "the model they are all one, and bits per character count how they would be spelled"
            )
    if loses(tokenizer, [table.texts[row] for row in parts.val]):
        yield (
            "these tokens do not keep case or spaces, so bits per character flatter this model beside one of "
            "characters or pieces"
        )


def loses(tokenizer: Tokenizer, texts: list[str], most: int = 20_000) -> bool:
    """Whether texts come back from their tokens other than they went in."""
    return any(tokenizer.decode(tokenizer.encode(text[:most])) != text[:most] for text in texts[:20])
