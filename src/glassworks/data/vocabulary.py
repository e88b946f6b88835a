"""Words or characters to numbers: a list of what the training texts hold, the most frequent first.

A text is cut into words and signs, or into single characters; each has a number of its own, and whatever was
not in the training texts shares one, `unknown`. Words that occur only once in training are left out as well,
because otherwise no training text would ever show the model an unknown word.
Pieces of words, for which nothing is unknown, stand in `pieces.py`; both kinds answer to `Tokenizer`.

Numbers 0 … 4 are the same everywhere: padding, unknown, start, end, mask.
The first thing to change: `WORDS`, what is a word.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from glassworks.core.errors import PersonError
from glassworks.core.files import write_json

Tokens = Literal["word", "character", "piece"]
SPECIAL = ("<padding>", "<unknown>", "<start>", "<end>", "<mask>")
PADDING, UNKNOWN, START, END, MASK = range(5)
FILE = "tokenizer.json"  # its name in a run

# A blank line; a word with the apostrophes and hyphens inside it; a number; one of any other sign.
WORDS = re.compile(r"\n[^\S\n]*\n\s*|[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+(?:[.,]\d+)*|[^\w\s]|_")
PARAGRAPH = "\n\n"
CLOSING = set(".,;:!?)]}%…”’")  # no space before these
OPENING = set("([{“‘$£€#@")  # nor after these
FEWEST = {"word": 2, "character": 1}  # times that a token must occur in the training texts


@runtime_checkable
class Tokenizer(Protocol):
    """What a text is turned into numbers with.

    kind: "word", "character", "piece" or "given"; size: how many different numbers there are
    mask: the number that hides a token in masked pretraining; None where a given tokenizer has none
    """

    kind: str
    lower: bool
    size: int
    padding: int
    unknown: int
    start: int
    end: int
    mask: int | None

    def encode(self, text: str) -> list[int]: ...
    def encode_many(self, texts: Sequence[str]) -> list[list[int]]: ...
    def decode(self, numbers: Iterable[int]) -> str: ...
    def pieces(self, text: str) -> list[str]: ...
    def write(self, path: str | Path) -> None: ...


class Vocabulary:
    """Words or characters, each with a number.

    tokens: in the order of their numbers, from 5 on; the first five are `SPECIAL`
    """

    padding, unknown, start, end = PADDING, UNKNOWN, START, END
    mask: int | None = MASK

    def __init__(self, kind: Literal["word", "character"], tokens: Sequence[str], *, lower: bool = True):
        self.kind: str = kind
        self.lower = lower
        self.tokens = (*SPECIAL, *tokens)
        self.numbers = {token: number for number, token in enumerate(tokens, start=len(SPECIAL))}
        if len(self.numbers) != len(tokens):
            raise ValueError("a token stands twice in the vocabulary")
        self.size = len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text, without start and end; `unknown` for what is not in the vocabulary."""
        return [self.numbers.get(token, UNKNOWN) for token in cut(text, self.kind, self.lower)]

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of many texts."""
        return [self.encode(text) for text in texts]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some numbers: unknown tokens show as "<unknown>", padding, start and end not at all."""
        tokens = [self.tokens[int(number)] for number in numbers if int(number) not in (PADDING, START, END)]
        return "".join(tokens) if self.kind == "character" else _joined(tokens)

    def pieces(self, text: str) -> list[str]:
        """What each number of `encode(text)` stands for, as it is written in the text, also where unknown."""
        return cut(text, self.kind, False)

    def write(self, path: str | Path) -> None:
        """As JSON: the tokens in the order of their numbers."""
        tokens = self.tokens[len(SPECIAL) :]
        write_json(path, {"schema": 1, "kind": self.kind, "lower": self.lower, "tokens": tokens})


def cut(text: str, kind: str, lower: bool) -> list[str]:
    """The words and signs of a text, or its characters, in Unicode's composed form (NFC)."""
    text = unicodedata.normalize("NFC", text)
    # Letter by letter for characters: a small letter can take two signs, and pieces must stay in step.
    if kind == "character":
        return [_small(letter) for letter in text] if lower else list(text)
    words = [PARAGRAPH if word[0] == "\n" else word for word in WORDS.findall(text)]
    return [word.lower() for word in words] if lower else words


def _small(letter: str) -> str:
    small = letter.lower()
    return small if len(small) == 1 else letter


def learn(
    texts: Iterable[str], *, tokens: Tokens = "word", size: int = 10_000, lower: bool = True
) -> Tokenizer:
    """The tokenizer of some training texts, with at most `size` numbers, the five special ones included.

    Of equally frequent tokens the first by letters is taken, so the order of the texts plays no part.
    Raises PersonError("nothing-to-learn") where the texts hold no token that is frequent enough.
    """
    if tokens == "piece":
        from glassworks.data.pieces import learn_pieces

        return learn_pieces(texts, size=size, lower=lower)
    if size <= len(SPECIAL):
        raise ValueError(f"size is above {len(SPECIAL)}, the special numbers, not {size}")
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(cut(text, tokens, lower))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    enough = [token for token in ranked if counts[token] >= FEWEST[tokens]] or ranked
    if not enough:
        raise nothing_to_learn()
    return Vocabulary(tokens, enough[: size - len(SPECIAL)], lower=lower)


def read_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a run or of given weights: a file that `write` wrote, or a tokenizer.json of Hugging
    Face's library. Raises PersonError("bad-tokenizer") for anything else."""
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if "model" in content:
            from glassworks.data.pieces import read_pieces

            return read_pieces(path)
        if content["kind"] not in ("word", "character"):
            raise ValueError(f"kind {content['kind']!r}")
        tokens = content["tokens"]
        if not all(isinstance(token, str) and token for token in tokens):
            raise ValueError("its tokens are not all words")
        return Vocabulary(content["kind"], tokens, lower=bool(content["lower"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise bad_tokenizer(path, error) from error


def known_share(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """The share of the texts' tokens that have a number of their own, 0 … 1; 1 for texts without tokens."""
    numbers = [number for row in tokenizer.encode_many(texts) for number in row]
    unknown = sum(number == tokenizer.unknown for number in numbers)
    return 1 - unknown / len(numbers) if numbers else 1.0


def _joined(tokens: list[str]) -> str:
    """Words with the spaces that English puts between them and signs."""
    text, quoted = "", False
    for token in tokens:
        opens = token in OPENING or (token in ('"', "'") and not quoted)
        glued = token in CLOSING or token == PARAGRAPH or (token in ('"', "'") and quoted)
        if token in ('"', "'"):
            quoted = not quoted
        if text and not glued and not text.endswith(("\0", PARAGRAPH)):
            text += " "
        text = text.removesuffix("\0") + token + ("\0" if opens else "")
    return text.removesuffix("\0").strip()


def nothing_to_learn() -> PersonError:
    return PersonError(
        "nothing-to-learn", expected="texts with words in the training part", got="none at all",
        fix="look at the texts: glassworks check DATA",
    )  # fmt: skip


def bad_tokenizer(path: Path, error: Exception) -> PersonError:
    return PersonError(
        "bad-tokenizer", expected="a tokenizer: tokenizer.json of a run or of given weights",
        got=f"{path}: {' '.join(str(error).split())[:200] or type(error).__name__}",
        fix="restore the file from a copy",
    )  # fmt: skip
