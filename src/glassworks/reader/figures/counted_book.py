"""What the figures on writing have read: the prose of twelve of this book's own chapters.

A text that is always there, that the reader knows, and that nobody else's rights are on. Runs of characters
in it are counted by the same code that the reports use as a baseline (`judging/ngrams.py`), which takes a
tenth of a second; the first chapters of the part on sequences are held back, and no count has seen them.
The first thing to change: `READ`, the chapters that are counted.
"""

import re
from functools import lru_cache

import numpy as np
import torch

from glassworks.blocks.sampling import Sampling, drawn
from glassworks.core.keyed import generator
from glassworks.data.vocabulary import Tokenizer, learn
from glassworks.judging.ngrams import NGrams
from glassworks.reader.plain import cells

READ = (
    "foundations/what_a_model_is", "foundations/learning_by_hand", "foundations/the_training_loop",
    "image/pictures_as_sentences", "image/inside_attention", "image/what_it_looked_at", "image/data_hunger",
    "image/windows_and_pyramids", "image/learning_without_labels", "image/teachers_and_students_deit",
    "image/bigger_pictures", "image/pictures_and_words",
)  # fmt: skip
HELD = ("sequence/why_order_matters", "sequence/a_cell_with_memory")
LONGEST = 12  # characters of a run, its last one included
SHORTEST = 40  # characters of a paragraph that counts as prose
PROMPT = "A network "


@lru_cache(maxsize=64)
def prose(slug: str) -> str:
    """A chapter's sentences, a paragraph a line, without mathematics, code and marks."""
    text = "\n\n".join(cell.text for cell in cells(slug) if cell.kind in ("text", "figure", "exercise"))
    text = re.sub(r"```.*?```|\$\$.*?\$\$|\$[^$]*\$", " ", text, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^\s*(#+|[-*]|\d+\.)\s", "", text, flags=re.MULTILINE)
    lines = [" ".join(piece.split()) for piece in re.split(r"\n\s*\n", re.sub(r"[*`]", "", text))]
    return "\n".join(line for line in lines if len(line) > SHORTEST and line[0].isalpha())


@lru_cache(maxsize=1)
def read() -> str:
    """All that is counted."""
    return "\n".join(prose(slug) for slug in READ)


def unread() -> str:
    """What is held back."""
    return "\n".join(prose(slug) for slug in HELD)


@lru_cache(maxsize=1)
def tokenizer() -> Tokenizer:
    """A number for each character of what was read."""
    return learn([read()], tokens="character", size=256, lower=False)


def stream(text: str) -> np.ndarray:
    """Numbers of a text behind a start, int64 (characters + 1,)."""
    return np.array([tokenizer().start, *tokenizer().encode(text)], np.int64)


def never() -> tuple[int, ...]:
    """Numbers that stand for no character of a text."""
    one = tokenizer()
    return tuple(mark for mark in (one.padding, one.start, one.mask) if mark is not None)


@lru_cache(maxsize=4)
def counts(share: float = 1.0) -> NGrams:
    """Runs of up to `LONGEST` characters in the first `share` of what was read."""
    text = read()
    return NGrams(stream(text[: round(share * len(text))]), tokenizer().size, LONGEST, never=never())


def chances(text: str, longest: int) -> torch.Tensor:
    """The chances of each character to follow a text, by runs of up to `longest`: float64 (vocabulary,)."""
    shares = counts().after(stream(text), longest)
    shares[[*never(), tokenizer().unknown, tokenizer().end]] = 0.0
    return torch.from_numpy(shares / shares.sum())


@lru_cache(maxsize=64)
def written(longest: int, how: Sampling, seed: int, length: int) -> str:
    """What the counts write after `PROMPT`: draw a character, read it, draw the next."""
    dice, text = generator(seed, "counted book"), PROMPT
    for _ in range(length):
        logits = chances(text[-LONGEST:], longest).log()[None]
        token = int(drawn(logits, how, torch.tensor([dice.random()], dtype=torch.float64)))
        text += tokenizer().decode([token])
    return text[len(PROMPT) :]


def named(character: str) -> str:
    """A character as it can be seen."""
    return {" ": "space", "\n": "new line"}.get(character, character)
