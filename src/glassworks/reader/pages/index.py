"""Search without a library: which entries hold all the words, and which of them are most about those words.

Every entry (a chapter, a passage of one, a term, a work) has a title, a heading and a text. A word counts
more where it is rare in the book (inverse document frequency) and where it stands in a title. Words match
by their beginning, without regard to case or accents; where nothing matches, the nearest spelling in the
book is proposed.

Source: Spärck Jones, A statistical interpretation of term specificity, Journal of Documentation 28 (1972).
The first thing to change: `WEIGHTS`.
"""

import difflib
import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WEIGHTS = {"title": 8.0, "heading": 4.0, "text": 1.0}
PREFIX = 0.5  # what a match of the beginning of a word is worth beside one of the whole word
SHORTEST_PREFIX = 2  # letters
MOST = 30  # results on a page
COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "do",
        "does",
        "for",
        "from",
        "how",
        "i",
        "in",
        "is",
        "it",
        "of",
        "on",
        "or",
        "that",
        "the",
        "to",
        "what",
        "when",
    ]
)  # words of a query that say nothing as long as there are others
SPELLINGS = ("is", "iz")  # optimise, optimize
WORD = re.compile(r"\w+")
JOINED = re.compile(r"\w+(?:-\w+)+")  # back-propagation is also found as backpropagation


@dataclass(frozen=True)
class Entry:
    """Something that can be found. kind: in words, such as "Term"; address: where it stands."""

    kind: str
    title: str
    heading: str
    text: str
    address: str


@dataclass(frozen=True)
class Found:
    """What a query found, best first. whole: every entry holds all words; nearest: a better spelling."""

    words: tuple[str, ...]
    entries: tuple[Entry, ...]
    whole: bool
    nearest: str


class Index:
    """An index over entries; it is built once and then only read, so threads may share it."""

    def __init__(self, entries: Iterable[Entry]):
        self.entries = tuple(entries)
        self.titles = [" ".join(wanted(entry.title)) for entry in self.entries]
        self.weights: dict[str, dict[int, float]] = defaultdict(dict)
        for number, entry in enumerate(self.entries):
            for word, weight in _weighed(entry).items():
                self.weights[word][number] = weight
        self.vocabulary = sorted(self.weights)

    def find(self, query: str) -> Found:
        """The entries that hold all words of the query; where there are none, those that hold some."""
        words = wanted(query)
        if not words:
            return Found((), (), True, "")
        scores = [self._scores(word) for word in words]
        ranked = self._ranked(scores, words)
        whole = bool(ranked)
        if not whole and len(words) > 1:
            ranked = self._ranked([score for score in scores if score], words, every=False)
        nearest = "" if whole else self._respelled(words)
        return Found(words, tuple(self.entries[number] for number in ranked[:MOST]), whole, nearest)

    def _scores(self, word: str) -> dict[int, float]:
        """Entry -> how much it is about one word of the query."""
        scores: dict[int, float] = {}
        for known in self._matching(word):
            share = 1.0 if known == word else PREFIX * len(word) / len(known)
            rarity = math.log(1 + len(self.entries) / len(self.weights[known]))
            for number, weight in self.weights[known].items():
                scores[number] = max(scores.get(number, 0.0), share * rarity * weight)
        return scores

    def _matching(self, word: str) -> list[str]:
        """The words of the book that begin with a word of the query, in either spelling."""
        return [known for spelling in spelt(word) for known in self._beginning_with(spelling)]

    def _beginning_with(self, word: str) -> Sequence[str]:
        if len(word) < SHORTEST_PREFIX:
            return [word] if word in self.weights else []
        start = bisect_left(self.vocabulary, word)
        return self.vocabulary[start : bisect_left(self.vocabulary, word + "\uffff")]

    def _ranked(
        self, scores: list[dict[int, float]], words: Sequence[str], *, every: bool = True
    ) -> list[int]:
        if not scores:
            return []
        join = set.intersection if every else set.union
        numbers = join(*(set(score) for score in scores))
        phrase = " ".join(words)

        def worth(number: int) -> float:
            total = sum(score.get(number, 0.0) for score in scores)
            title = self.titles[number]
            named = title == phrase or (not every and title in words)
            return total * (3.0 if named else 1.5 if len(words) > 1 and phrase in title else 1.0)

        return sorted(numbers, key=lambda number: (-worth(number), number))

    def _respelled(self, words: Sequence[str]) -> str:
        """The query with each unknown word in its nearest spelling, or "" where nothing is near."""
        better = [word if self._matching(word) else self._nearest(word) for word in words]
        return " ".join(better) if all(better) and tuple(better) != tuple(words) else ""

    def _nearest(self, word: str) -> str:
        alike = [
            known
            for known in self.vocabulary
            if abs(len(known) - len(word)) <= 2 and set(known[:2]) & set(word[:2])
        ]
        near = difflib.get_close_matches(word, alike, n=6, cutoff=0.75)
        return min(near, key=lambda known: (slips(known, word), -len(self.weights[known])), default="")


def slips(one: str, other: str) -> int:
    """How many letters must be put in, left out, changed, or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, sign in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != sign))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == sign:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]


def _weighed(entry: Entry) -> dict[str, float]:
    """Word -> its weight in an entry: the sum over fields, where a repeated word counts less each time."""
    weights: dict[str, float] = defaultdict(float)
    for field, weight in WEIGHTS.items():
        text = getattr(entry, field)
        joined = (folded(word).replace("-", "") for word in JOINED.findall(text))
        for word, times in Counter([*plain_words(text), *joined]).items():
            weights[word] += weight * (1 + math.log(times))
    return weights


def spelt(word: str) -> tuple[str, ...]:
    """A word in the British and the American spelling."""
    first, second = SPELLINGS
    return tuple(dict.fromkeys((word, word.replace(first, second), word.replace(second, first))))


def wanted(query: str) -> tuple[str, ...]:
    """The words of a query, without the common ones unless there are no others."""
    words = tuple(dict.fromkeys(plain_words(query)))
    return tuple(word for word in words if word not in COMMON) or words


def plain_words(text: str) -> list[str]:
    """The words of a text in lower case and without accents."""
    return WORD.findall(folded(text))


def folded(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def excerpt(text: str, words: Sequence[str], length: int = 190) -> list[tuple[str, bool]]:
    """The piece of a text around its first match, as (piece, whether it is a match)."""
    begins = tuple(spelling for word in words for spelling in spelt(word))
    hits = (hit for hit in WORD.finditer(text) if begins and folded(hit[0]).startswith(begins))
    hit = next(hits, None)
    start = max(0, hit.start() - length // 3) if hit else 0
    if start:
        start = text.find(" ", start) + 1
    end = len(text) if len(text) <= start + length else max(text.rfind(" ", start, start + length), start + 1)
    pieces, at = [("… " if start else "", False)], start
    while hit and hit.end() <= end:
        if hit.start() >= at:
            pieces += [(text[at : hit.start()], False), (hit[0], True)]
            at = hit.end()
        hit = next(hits, None)
    rest = text[at:end] + (" …" if end < len(text) else "")
    return [piece for piece in (*pieces, (rest, False)) if piece[0]]
