"""Judging word vectors: do they know which words stand together, and do directions mean something.

Three figures. *Neighbours told from noise*: of a word that stands near another in text that was not learned
from and a word drawn at random, how often the true one scores higher; it needs no list, so it holds for any
language. *Same group*: of some common words, how often the nearest of them is of the same kind. *Analogies*:
a : b = c : ?, the nearest word to b - a + c. The three words of the question are no answers: without that
rule the answer is mostly one of them (Linzen 2016, arXiv 1606.07736). What remains may be owed to c alone, so
the nearest word to c stands beside it as a baseline.

Intervals resample passages, groups of questions that share an answer, and words. They take these as
independent. The first thing to change: `RESAMPLES`.

Axes: vocabulary, width; questions; passages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.judging.intervals import Interval
from glassworks.judging.judgement import SMALL, WORST, Against, Judgement, Mistake
from glassworks.judging.word_questions import Question, grouped, questions

TOLD, SAME, ANALOGIES = "neighbours_told", "same_group", "analogies"
FIGURES = (TOLD, SAME, ANALOGIES)
COUNTED, FREQUENT, THIRD, CHANCE = "counts (PPMI, SVD)", "frequency", "nearest to the third word", "chance"
MODEL = "this model"
RESAMPLES = 1000
ENDS = (2.5, 97.5)  # percentiles between which 95 % of the resamples lie
FEWEST = 20  # questions, and words in groups, below which a figure is left out
BLOCK = 500  # questions that are compared with the vocabulary at a time
UNJUDGED = (
    "groups and analogies are lists of common English words, of which this vocabulary has too few to judge "
    "them all"
)
BASELINES = (
    "The counts are vectors made from the same training text without learning: which words stand near each "
    "other, how much more often than by chance (PPMI), and the largest directions of that. Frequency prefers "
    "the more frequent word. For an analogy the nearest word to the third one answers without looking at the "
    "other two. Chance is a blind guess."
)


class Space:
    """Word vectors with their words.

    words:   (vocabulary,), "" where a row is no word
    vectors: (vocabulary, width), made to length 1 here
    numbers: of each word its row
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray):
        if len(words) != len(vectors):
            raise ValueError(f"{len(words)} words and {len(vectors)} vectors")
        self.words = tuple(words)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self.vectors = np.asarray(vectors, np.float64) / np.maximum(lengths, 1e-12)
        self.numbers = {word: row for row, word in enumerate(self.words) if word}
        self._nameless = np.array([not word for word in self.words])

    def nearest(
        self, directions: np.ndarray, besides: np.ndarray | None = None, most: int = 10
    ) -> tuple[np.ndarray, np.ndarray]:
        """The words whose vectors point most in some directions: numbers and cosines, (asked, most) each.

        directions: (asked, width); besides: numbers that are no answers, (asked, any)
        """
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        cosines = (directions / np.maximum(lengths, 1e-12)) @ self.vectors.T
        cosines[:, self._nameless] = -np.inf
        if besides is not None:
            np.put_along_axis(cosines, besides, -np.inf, axis=1)
        most = min(most, cosines.shape[1])
        best = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
        order = np.argsort(-np.take_along_axis(cosines, best, 1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, 1)
        return best, np.take_along_axis(cosines, best, 1)


@dataclass(frozen=True)
class Analogies:
    """Answers to questions, each as the number of a word (questions,).

    said: the nearest to b - a + c that is none of the three; cosine: its cosine; free: the nearest of all;
    third: the nearest to c alone; right: the true answer
    """

    asked: tuple[Question, ...]
    said: np.ndarray
    cosine: np.ndarray
    free: np.ndarray
    third: np.ndarray
    right: np.ndarray

    def __len__(self) -> int:
        return len(self.asked)


def answered(space: Space, asked: Sequence[Question]) -> Analogies:
    """The answers of some vectors, by the sum of directions (3CosAdd of Levy & Goldberg 2014)."""
    numbers = np.array(
        [[space.numbers[w] for w in (q.first, q.second, q.third, q.answer)] for q in asked], np.int64
    ).reshape(-1, 4)
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for start in range(0, len(numbers), BLOCK):
        a, b, c = (numbers[start : start + BLOCK, place] for place in range(3))
        direction = space.vectors[b] - space.vectors[a] + space.vectors[c]
        own = np.stack([a, b, c], 1)
        said, cosine = space.nearest(direction, own, 1)
        columns[0].append(said[:, 0])
        columns[1].append(cosine[:, 0])
        columns[2].append(space.nearest(direction, None, 1)[0][:, 0])
        columns[3].append(space.nearest(space.vectors[c], own, 1)[0][:, 0])
    said, cosine, free, third = (np.concatenate([*column, np.empty(0)]) for column in columns)
    whole = (said.astype(np.int64), cosine, free.astype(np.int64), third.astype(np.int64))
    return Analogies(tuple(asked), *whole, numbers[:, 3])


def same_group(space: Space) -> tuple[np.ndarray, float, list[str]]:
    """Of each listed word whether the nearest other listed word is of its group; chance; the words."""
    words, names = grouped(space.numbers)
    if len(words) < 2:
        return np.empty(0, bool), 0.0, []
    rows = space.vectors[[space.numbers[word] for word in words]]
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    group = np.array(names)
    mates = np.array([(group == name).sum() - 1 for name in names])
    return group[cosines.argmax(1)] == group, float((mates / (len(words) - 1)).mean()), words


@dataclass(frozen=True)
class Told:
    """A share as sums over units that are resampled: how much was won, of how much, (units,) each.

    Of neighbours told from noise a unit is a passage, of groups a word, of analogies a pair of words.
    """

    won: np.ndarray
    of: np.ndarray


def judge_words(
    space: Space, told: Told, counted: Space, counted_told: Told, frequent_told: Told, *, seed: int = 0
) -> tuple[Judgement, Analogies, Analogies]:
    """The judgement of some vectors beside those of counts, and the analogies of both.

    told, counted_told, frequent_told: on the same held-out passages
    Raises PersonError where no passage has two known words.
    """
    if told.of.sum() == 0:
        raise PersonError(
            "nothing-to-judge", expected="held-out text with words that the training part has as well",
            got=f"{len(told.of)} passages without two known words", fix="add text, or judge another part",
        )  # fmt: skip
    asked = questions(space.numbers)
    ours, theirs = answered(space, asked), answered(counted, asked)
    columns = {
        TOLD: {MODEL: told, COUNTED: counted_told, FREQUENT: frequent_told},
        SAME: _groups(space, counted),
        ANALOGIES: _analogies(ours, theirs),
    }
    sums = {figure: column for figure, column in columns.items() if column}
    rows = {TOLD: len(told.of), SAME: len(grouped(space.numbers)[0]), ANALOGIES: len(asked)}
    found: dict[str, dict[str, Interval]] = {}
    for figure, column in sums.items():
        for who, one in column.items():
            found.setdefault(who, {})[figure] = _share(one, rows[figure], seed)
    found[CHANCE] = {TOLD: _fixed(0.5, rows[TOLD])}
    if SAME in sums:
        found[CHANCE][SAME] = _fixed(same_group(space)[1], rows[SAME])
    best = max((COUNTED, FREQUENT), key=lambda who: found[who][TOLD].value)
    apart = {
        figure: _less(column[MODEL], column[best if figure == TOLD else COUNTED], rows[figure], seed)
        for figure, column in sums.items()
    }
    mine, against = found.pop(MODEL), Against(best, apart)
    judgement = Judgement(
        kind="words", classes=(), n=rows[TOLD], units=rows[TOLD], main=TOLD, metrics=mine, baselines=found,
        against=against, per_class=(), confusion=None, calibration=(), worst=_wrong(ours, space),
        threshold=None, verdict=_verdict(mine, against), notes=() if len(sums) == 3 else (UNJUDGED,),
    )  # fmt: skip
    return judgement, ours, theirs


def _groups(space: Space, counted: Space) -> dict[str, Told]:
    """Hits of both in the nearest word of the same group, word by word; empty for too few words."""
    both = {MODEL: same_group(space)[0], COUNTED: same_group(counted)[0]}
    if len(both[MODEL]) < FEWEST:
        return {}
    return {who: Told(hits.astype(np.float64), np.ones(len(hits))) for who, hits in both.items()}


def _analogies(ours: Analogies, theirs: Analogies) -> dict[str, Told]:
    """Right answers, by pairs of the third word and the answer: those questions stand or fall together."""
    if len(ours) < FEWEST:
        return {}
    hits = {MODEL: ours.said, COUNTED: theirs.said, THIRD: ours.third}
    pairs = np.array([f"{q.category}:{q.third}:{q.answer}" for q in ours.asked])
    _, place = np.unique(pairs, return_inverse=True)
    size = np.bincount(place).astype(np.float64)
    return {who: Told(np.bincount(place, said == ours.right), size) for who, said in hits.items()}


# ---- intervals: passages, words, or pairs of words are resampled whole


def _share(one: Told, rows: int, seed: int) -> Interval:
    """won / of with its interval; rows: that are told as its n."""
    return _resampled(one.won, one.of, rows, seed)


def _less(one: Told, other: Told, rows: int, seed: int) -> Interval:
    """The share of one less that of the other, each resample drawn for both."""
    return _resampled(one.won - other.won, one.of, rows, seed)


def _resampled(won: np.ndarray, of: np.ndarray, rows: int, seed: int) -> Interval:
    value, units = float(won.sum() / of.sum()), len(of)
    if units < 2:
        return Interval(value, None, None, rows)
    chance = generator(seed, "bootstrap", units)
    drawn = chance.multinomial(units, np.full(units, 1 / units), RESAMPLES).astype(np.float64)
    low, high = np.percentile(drawn @ won / np.maximum(drawn @ of, 1e-12), ENDS)
    return Interval(value, float(min(low, value)), float(max(high, value)), rows)


def _fixed(value: float, rows: int) -> Interval:
    """A figure that is known exactly."""
    return Interval(value, value, value, rows)


def _wrong(found: Analogies, space: Space) -> tuple[Mistake, ...]:
    """The wrong answers to analogies that were nearest to where the answer should be; each answer once."""
    rows, seen = [], set[tuple[str, int]]()
    for row in np.argsort(-found.cosine, kind="stable"):
        question, said = found.asked[row], int(found.said[row])
        if said != found.right[row] and (question.answer, said) not in seen:
            seen.add((question.answer, said))
            rows.append(Mistake(int(row), str(question), question.answer, space.words[said], None))
        if len(rows) == WORST:
            break
    return tuple(rows)


def _verdict(mine: dict[str, Interval], against: Against) -> str:
    apart = against.difference[TOLD]
    side = "better" if apart.value > 0 else "worse"
    shown = f"{side} than" if apart.excludes_zero else "not shown to be apart from"
    words = f"tells a true neighbour from a random word in {mine[TOLD].words(TOLD)} of cases, {shown} "
    words += f"{against.name} ({apart.words(TOLD, signed=True).replace(' %', ' points', 1)})"
    if ANALOGIES in mine:
        words += f"; analogies right: {mine[ANALOGIES].words(ANALOGIES)}"
        other = against.difference[ANALOGIES]
        if not other.excludes_zero:
            words += ", not shown to be apart from counts"
        else:
            words += f", {'more' if other.value > 0 else 'fewer'} than counts"
    return words + (f"; only {mine[TOLD].n} passages" if mine[TOLD].n < SMALL else "")
