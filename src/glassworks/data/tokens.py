"""Text to numbers: byte-pair encoding, learned on the person's own captions.

A text is cut into words, a word into bytes, and the last byte of a word carries a mark. Learning joins, again
and again, the two neighbours that stand together most often, so frequent words become one token and rare ones
a few pieces. The 256 bytes are always there, so no letter of any language is unknown.

Paper: Sennrich, Haddow, Birch 2016, "Neural machine translation of rare words with subword units", arXiv
1508.07909; bytes instead of letters: Radford et al. 2019 (GPT-2). The layout is that of CLIP's own tokenizer:
256 bytes, 256 bytes that end a word, the joins in their order, start, end; `read_merges` reads its files.
Where this differs: Python's own idea of a letter, which counts a few rare numerals as letters.
The first thing to change: `WORDS`, what is a word.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.files import write_json

# English endings, runs of letters, single digits, runs of anything else that is no space.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")
END_OF_WORD = "</w>"
FIRST_JOIN = 512  # numbers below stand for bytes
FEWEST = 2  # times that a pair must be seen to be joined
START, END = "<start>", "<end>"
Pair = tuple[str, str]


def _alphabet() -> tuple[str, ...]:
    """A letter that can be printed for each of the 256 bytes, in the order of GPT-2's files: its own where
    the byte has one in Latin-1, otherwise the next letter from 256 on."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in own]
    letters = {byte: chr(byte) for byte in own} | {byte: chr(256 + n) for n, byte in enumerate(others)}
    return tuple(letters[byte] for byte in range(256))


ALPHABET = _alphabet()
BYTE_OF = {letter: byte for byte, letter in enumerate(ALPHABET)}


class Tokenizer:
    """merges: pairs in the order in which they are joined; size: token numbers in all, start and end last."""

    def __init__(self, merges: Sequence[Pair], size: int | None = None):
        self.merges = tuple(merges)
        self.size = size or FIRST_JOIN + len(self.merges) + 2
        if self.size < FIRST_JOIN + len(self.merges) + 2:
            raise ValueError(
                f"{len(self.merges)} joins and {FIRST_JOIN + 2} others are more than {self.size}"
            )
        order = sorted(ALPHABET, key=lambda letter: (ord(letter) >= 256, ord(letter)))  # as in their files
        symbols = [*order, *(letter + END_OF_WORD for letter in order), *map("".join, self.merges)]
        self.numbers = {symbol: number for number, symbol in reversed(list(enumerate(symbols)))}
        self.symbols = dict(enumerate(symbols))
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.start, self.end = self.size - 2, self.size - 1
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """The numbers of a text, start and end included."""
        words = (self._word(word) for word in words_of(text))
        return [self.start, *(number for word in words for number in word), self.end]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some numbers, in small letters with one space between words."""
        letters = "".join(self.symbols.get(int(number), "") for number in numbers)
        words = [bytes(BYTE_OF[letter] for letter in word) for word in letters.split(END_OF_WORD)]
        return b" ".join(words).decode("utf-8", errors="replace").strip()

    def pieces(self, text: str) -> list[str]:
        """The pieces that a text is cut into, for people; the end of a word shows as a space."""
        found = []
        for number in self.encode(text)[1:-1]:
            symbol = self.symbols[number]
            plain = bytes(BYTE_OF[letter] for letter in symbol.removesuffix(END_OF_WORD))
            found.append(plain.decode("utf-8", errors="replace") + " " * symbol.endswith(END_OF_WORD))
        return found

    def table(self, texts: Sequence[str], context: int) -> tuple[np.ndarray, list[int]]:
        """Texts as rows of equal length, int64 (texts, context), and which of them were too long.

        Rows are filled up with the end, which nothing reads a second time. Of a text that is too long the
        first tokens stay, and the end; whoever asks must tell the person how many there were.
        """
        rows = np.full((len(texts), context), self.end, dtype=np.int64)
        long = []
        for row, text in enumerate(texts):
            numbers = self.encode(text)
            if len(numbers) > context:
                long.append(row)
                numbers = [*numbers[: context - 1], self.end]
            rows[row, : len(numbers)] = numbers
        return rows, long

    def _word(self, word: str) -> list[int]:
        if word not in self._known:
            symbols = _spelled(word)
            while len(symbols) > 1:
                pairs = list(pairwise(symbols))
                first = min(pairs, key=lambda pair: self.ranks.get(pair, len(self.ranks)))
                if first not in self.ranks:
                    break
                symbols = _joined(symbols, first)
            self._known[word] = [self.numbers[symbol] for symbol in symbols]
        return self._known[word]

    # ---- in files

    def write(self, path: str | Path) -> None:
        """As JSON: the joins in their order."""
        merges = [" ".join(pair) for pair in self.merges]
        write_json(path, {"schema": 1, "kind": "byte-pair", "size": self.size, "merges": merges})

    @staticmethod
    def read(path: str | Path) -> "Tokenizer":
        """What `write` wrote. Raises PersonError("bad-tokenizer") for anything else."""
        path = Path(path)
        try:
            content: Any = json.loads(path.read_text(encoding="utf-8"))
            if content["kind"] != "byte-pair":
                raise ValueError(f"kind {content['kind']!r}")
            return Tokenizer([_pair(line) for line in content["merges"]], int(content["size"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _bad(path, error) from error


def learn(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most `size` numbers for some texts: the most frequent pairs are joined first.

    Of equally frequent pairs the first by letters is taken, so the order of the texts plays no part.
    """
    counts = Counter(word for text in texts for word in words_of(text))
    words = [(_spelled(word), count) for word, count in sorted(counts.items())]
    seen: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)  # pair -> words that hold it
    for number, (symbols, count) in enumerate(words):
        for pair in pairwise(symbols):
            seen[pair] += count
            where[pair].add(number)
    merges: list[Pair] = []
    while len(merges) < size - FIRST_JOIN - 2 and seen:
        best = min(seen, key=lambda pair: (-seen[pair], pair))
        if seen[best] < FEWEST:
            break
        merges.append(best)
        for number in sorted(where.pop(best)):
            symbols, count = words[number]
            after = _joined(symbols, best)
            for pair in pairwise(symbols):
                seen[pair] -= count
            for pair in pairwise(after):
                seen[pair] += count
                where[pair].add(number)
            words[number] = (after, count)
        seen = +seen  # pairs that are gone
    return Tokenizer(merges, size)


def read_merges(path: str | Path) -> Tokenizer:
    """The tokenizer of published weights: their merges.txt, checked against vocab.json beside it.

    Raises PersonError("bad-tokenizer") where a line is no pair, or where the two files disagree.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = Tokenizer([_pair(line) for line in lines if line and not line.startswith("#version")])
        beside = path.with_name("vocab.json")
        if beside.is_file():
            given = json.loads(beside.read_text(encoding="utf-8"))
            wrong = [symbol for symbol, number in found.numbers.items() if given.get(symbol) != number]
            if wrong or len(given) != found.size:
                raise ValueError(f"vocab.json has {len(given)} entries and other numbers for {wrong[:3]}")
    except (OSError, ValueError, AttributeError) as error:
        raise _bad(path, error) from error
    return found


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters; letters that can be written in two ways are written in one."""
    return WORDS.findall(unicodedata.normalize("NFC", text).lower())


def _spelled(word: str) -> list[str]:
    """A word as letters for its bytes, the last with the mark."""
    letters = [ALPHABET[byte] for byte in word.encode("utf-8", errors="surrogatepass")]
    return [*letters[:-1], letters[-1] + END_OF_WORD]


def _joined(symbols: list[str], pair: Pair) -> list[str]:
    """Symbols with every occurrence of a pair made one, from left to right."""
    found: list[str] = []
    for symbol in symbols:
        if found and (found[-1], symbol) == pair:
            found[-1] += symbol
        else:
            found.append(symbol)
    return found


def _pair(line: str) -> Pair:
    first, second = line.split(" ")
    if not all(letter in BYTE_OF for letter in (first + second).replace(END_OF_WORD, "")):
        raise ValueError(f"{line!r} is no pair of tokens")
    return first, second


def _bad(path: Path, error: Exception) -> PersonError:
    return PersonError(
        "bad-tokenizer", expected="a tokenizer: tokenizer.json of a run, or merges.txt of published weights",
        got=f"{path}: {' '.join(str(error).split())[:200] or type(error).__name__}",
        fix="restore the file from a copy",
    )  # fmt: skip
