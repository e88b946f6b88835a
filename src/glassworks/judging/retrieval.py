"""How well pictures find their texts and texts their pictures: recall beside chance and a baseline.

Recall at k is the share of queries whose partner is among the first k answers. It depends on how many answers
there are, so the recall of blind guessing on the same queries stands beside it, worked out and not drawn. The
baseline needs no training: the training picture that looks most alike in small pixels lends its caption, and
texts are compared by the words they share. Where classes are known, labels written as texts are judged too.

Intervals: Wilson's of a proportion, and Agresti and Min's of a paired difference; see `intervals`. They take
the queries as independent, which pictures of one series are not.
The first thing to change: `lent_scores`, the baseline.

Axes: n pictures, m texts (each once); words of the training captions.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassworks.judging.baselines import nearest
from glassworks.judging.intervals import Interval, paired_proportions, wilson
from glassworks.judging.judgement import SMALL, WORST, Against, Judgement, Mistake
from glassworks.judging.metrics import READABLE
from glassworks.tasks.image_text import KS, ranks_of

CHANCE, NEAREST, ZERO_SHOT = "chance", "nearest picture", "zero_shot_accuracy"
BASELINES = (
    "Chance is what a blind ranking finds on average, and of the labels the most frequent one of the "
    "training part. The nearest picture is the training picture most alike in small pixels: it lends its "
    "caption, and texts are ranked by the words they share with that, or its class. Recall at k says how "
    "many find their partner among the first k; pictures that share a text are all right for it."
)
WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Ranking:
    """Who found whom. fits: bool (n, m); scores, lent: of the model and of the baseline, (n, m)."""

    fits: np.ndarray
    scores: np.ndarray
    lent: np.ndarray

    def __post_init__(self):
        if not self.scores.shape == self.lent.shape == self.fits.shape:
            raise ValueError(f"{self.scores.shape}, {self.lent.shape}, {self.fits.shape} are not of one size")
        if not (self.fits.any(0).all() and self.fits.any(1).all()):
            raise ValueError("every picture needs a text that fits, and every text a picture")
        if not np.isfinite(self.scores).all():
            raise ValueError("scores must be finite")


@dataclass(frozen=True)
class Labels:
    """Zero-shot answers for the pictures whose class is known: class numbers, (k,) each.

    given: the true one; said: the model's; lent: of the nearest training picture; frequent: the most frequent
    unread: labels with a word that no training caption has, so that nothing was learned of it
    """

    given: np.ndarray
    said: np.ndarray
    lent: np.ndarray
    frequent: int
    unread: tuple[str, ...] = ()


def judge_retrieval(
    ranking: Ranking, names: Sequence[str], texts: Sequence[str], labels: Labels | None = None
) -> Judgement:
    """The judgement of a ranking of texts by pictures and of pictures by texts.

    names: (n,) of the pictures; texts: (m,)
    Figures: "text_at_5", the share of pictures that find a text of theirs among the first 5, "picture_at_5"
    the reverse, and "zero_shot_accuracy".
    """
    hits, guesses = _hits(ranking)
    if labels is not None:
        right = tuple(said == labels.given for said in (labels.said, labels.lent))
        hits = dict(list(hits.items())[:2]) | {ZERO_SHOT: right} | dict(list(hits.items())[2:])
        guesses[ZERO_SHOT] = float((labels.given == labels.frequent).mean())
    metrics = {name: _share(mine) for name, (mine, _) in hits.items()}
    chance = {
        name: Interval(guesses[name], guesses[name], guesses[name], len(hits[name][0])) for name in hits
    }
    lent = {name: _share(theirs) for name, (_, theirs) in hits.items()}
    # The widest look at which guessing is mostly wrong.
    main = next((name for k in reversed(KS) if guesses[name := f"text_at_{k}"] < 0.5), "text_at_1")
    best = NEAREST if lent[main].value > guesses[main] else CHANCE
    difference = {name: _paired(*pair) for name, pair in hits.items()}
    if best == CHANCE:
        difference = {name: _less(metrics[name], guesses[name]) for name in hits}
    against = Against(best, difference)
    return Judgement(
        kind="captions", classes=(), n=len(ranking.fits), units=len(ranking.fits), main=main, metrics=metrics,
        baselines={CHANCE: chance, NEAREST: lent}, against=against, per_class=(), confusion=None,
        calibration=(), worst=_misses(ranking, names, texts), threshold=None,
        verdict=_verdict(metrics[main], main, guesses[main], against, len(ranking.fits)),
        notes=_notes(ranking, labels),
    )  # fmt: skip


def guessed(fits: np.ndarray, k: int) -> float:
    """Recall at k of a blind ranking, on average: with r right answers of m, 1 - C(m - r, k) / C(m, k)."""
    m = fits.shape[1]
    missed = [math.comb(m - int(right), k) / math.comb(m, k) if k <= m else 0.0 for right in fits.sum(1)]
    return 1.0 - float(np.mean(missed))


def lent_scores(
    train_small: np.ndarray, train_texts: Sequence[Sequence[str]], small: np.ndarray, texts: Sequence[str]
) -> np.ndarray:
    """The baseline's scores (n, m): words that a text shares with the captions of the most similar picture.

    train_small, small: pictures as `baselines.small_pictures` makes them. Rare words count more, as in
    Spärck Jones 1972 (inverse document frequency), and long texts are not preferred (cosine).
    """
    captions = [[word for text in said for word in words_of(text)] for said in train_texts]
    rarity = Counter(word for words in captions for word in set(words))
    weight = {word: math.log((1 + len(captions)) / count) for word, count in rarity.items()}
    places = {word: place for place, word in enumerate(weight)}
    known, asked = _bags(captions, places, weight), _bags([words_of(text) for text in texts], places, weight)
    return known[nearest(train_small, small)] @ asked.T


def words_of(text: str) -> list[str]:
    return WORDS.findall(text.lower())


def _bags(lists: Sequence[Sequence[str]], places: dict[str, int], weight: dict[str, float]) -> np.ndarray:
    """Weighted counts of words as vectors of length 1, (lists, words); without a known word zeros."""
    bags = np.zeros((len(lists), len(places)))
    for row, words in enumerate(lists):
        for word in words:
            if word in places:
                bags[row, places[word]] += weight[word]
    return bags / np.maximum(np.linalg.norm(bags, axis=1, keepdims=True), 1e-12)


def _hits(ranking: Ranking) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict[str, float]]:
    """Of each figure who was right, model and baseline, bool; and what guessing finds."""
    sides = {
        "text": (ranking.fits, ranking.scores, ranking.lent),
        "picture": (ranking.fits.T, ranking.scores.T, ranking.lent.T),
    }
    ranks = {way: (ranks_of(mine, fits), ranks_of(lent, fits)) for way, (fits, mine, lent) in sides.items()}
    hits, guesses = {}, {}
    for k in (10, 1, 5):  # in the order in which they are shown
        for way, (mine, lent) in ranks.items():
            hits[f"{way}_at_{k}"] = (mine < k, lent < k)
            guesses[f"{way}_at_{k}"] = guessed(sides[way][0], k)
    return hits, guesses


def _share(hits: np.ndarray) -> Interval:
    return Interval(float(hits.mean()), *wilson(int(hits.sum()), len(hits)), len(hits))


def _paired(mine: np.ndarray, theirs: np.ndarray) -> Interval:
    won, lost = int((mine & ~theirs).sum()), int((theirs & ~mine).sum())
    return Interval((won - lost) / len(mine), *paired_proportions(won, lost, len(mine)), len(mine))


def _less(figure: Interval, fixed: float) -> Interval:
    """A figure less a number that is known exactly."""
    assert figure.low is not None and figure.high is not None
    return Interval(figure.value - fixed, figure.low - fixed, figure.high - fixed, figure.n)


def _misses(ranking: Ranking, names: Sequence[str], texts: Sequence[str]) -> tuple[Mistake, ...]:
    """The pictures whose own text stands furthest back, with the text that stands first."""
    ranks = ranks_of(ranking.scores, ranking.fits)
    found = []
    for row in np.argsort(-ranks, kind="stable")[:WORST]:
        if ranks[row] >= 1:
            own = texts[int(np.flatnonzero(ranking.fits[row])[0])]
            first = texts[int(ranking.scores[row].argmax())]
            found.append(Mistake(int(row), names[row], f"{own} (place {int(ranks[row]) + 1})", first, None))
    return tuple(found)


def _notes(ranking: Ranking, labels: Labels | None) -> tuple[str, ...]:
    notes = [f"{ranking.fits.shape[1]:,} different texts were ranked for each picture"]
    if labels is not None and labels.unread:
        notes.append(
            f"no training caption holds the words of {len(labels.unread)} label(s) that were asked for "
            f"({', '.join(labels.unread[:6])}): zero-shot answers with them are guesses"
        )
    return tuple(notes)


def _verdict(figure: Interval, main: str, chance: float, against: Against, units: int) -> str:
    apart = against.difference[main]
    side = "better" if apart.value > 0 else "worse"
    shown = f"{side} than" if apart.excludes_zero else "not shown to be apart from"
    clear = "above" if (figure.low or 0.0) > chance else "not shown to be above"
    few = f"; only {units} pictures" if units < SMALL else ""
    words = f"{READABLE[main]} {figure.words(main)}, {clear} chance ({chance:.1%})"
    return words + (f", {shown} the {against.name}" if against.name != CHANCE else "") + few
