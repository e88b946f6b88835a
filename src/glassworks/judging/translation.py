"""How good written answers are: the very answer, overlap in characters (chrF) and in words (BLEU).

There is more than one good translation, so overlap with the known one is counted. chrF compares runs of 1 to
6 characters and needs no words, which suits short texts and rich endings; BLEU compares runs of 1 to 4 words,
and punishes answers that are too short. Both are figures of all rows together, not means of rows; their
intervals come from resampling the rows and adding up their counts again.

Papers: Papineni et al. 2002 (BLEU); Popović 2015 (chrF), with recall counting twice; Post 2018, arXiv
1804.08771 (why the words must be cut in one way: here words, numbers and single signs, as they are written).
Where this differs: a run of words that never fits counts as half of the one before it (the "exp" smoothing of
sacreBLEU), so that one missing run does not make everything 0.
First thing to change: `BETA`, 1 for precision and recall alike.

Axes: n rows; counts of a row for each order: runs said, runs known, runs that are both.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from glassworks.core.keyed import generator
from glassworks.judging.intervals import Interval, paired_proportions, wilson
from glassworks.judging.judgement import SMALL, WORST, Against, Judgement, Mistake

CHARACTERS, WORDS, BETA = 6, 4, 2.0
MAIN, RESAMPLES, ENDS = "chrf", 1000, (2.5, 97.5)
COPY, FREQUENT, NEAREST = "copy of the source", "most frequent answer", "answer of the nearest source"
BASELINES = (
    "Baselines need no training: the source as it is, the most frequent answer of the training part, and the "
    "answer of the training source that shares most runs of characters. chrF: overlap in runs of 1 to 6 "
    "characters, recall counting twice; BLEU: overlap in runs of 1 to 4 words; both from 0 to 1, of all rows "
    "together. They compare with one known answer: another good one scores low."
)
SIGNS = re.compile(r"\w+|[^\w\s]")


# ---- counts of one row


def words_of(text: str) -> list[str]:
    """Words and numbers, and every other sign alone.

    >>> words_of("It's 3.5 m.")
    ['It', "'", 's', '3', '.', '5', 'm', '.']
    """
    return SIGNS.findall(text)


def overlaps(said: Sequence, known: Sequence, orders: int) -> np.ndarray:
    """(3 * orders,): of each order the runs said, the runs known, and those that are both."""
    found = []
    for order in range(1, orders + 1):
        ours = Counter(tuple(said[place : place + order]) for place in range(len(said) - order + 1))
        theirs = Counter(tuple(known[place : place + order]) for place in range(len(known) - order + 1))
        found += [ours.total(), theirs.total(), (ours & theirs).total()]
    return np.array(found, np.float64)


def character_counts(said: str, known: str) -> np.ndarray:
    """The counts of chrF: runs of characters, spaces left out.

    What is said counts only in orders that the known answer is long enough for, as in sacreBLEU.
    """
    counts = overlaps("".join(said.split()), "".join(known.split()), CHARACTERS)
    counts[0::3] *= counts[1::3] > 0
    return counts


def word_counts(said: str, known: str) -> np.ndarray:
    """The counts of BLEU, and the two lengths in words: (3 * 4 + 2,)."""
    ours, theirs = words_of(said), words_of(known)
    return np.append(overlaps(ours, theirs, WORDS), [len(ours), len(theirs)])


# ---- figures of all rows


def chrf_of(counts: np.ndarray) -> np.ndarray:
    """chrF of summed counts (…, 3 * 6) -> (…), 0 to 1; orders that one side is too short for are left out."""
    said, known, both = (counts[..., part::3] for part in range(3))
    usable = (said > 0) & (known > 0)
    orders = np.maximum(usable.sum(-1), 1)
    precision = np.where(usable, both / np.maximum(said, 1), 0.0).sum(-1) / orders
    recall = np.where(usable, both / np.maximum(known, 1), 0.0).sum(-1) / orders
    below = BETA**2 * precision + recall
    return np.where(below > 0, (1 + BETA**2) * precision * recall / np.where(below > 0, below, 1), 0.0)


def bleu_of(counts: np.ndarray) -> np.ndarray:
    """BLEU of summed counts (…, 3 * 4 + 2) -> (…), 0 to 1."""
    said, both = counts[..., 0 : 3 * WORDS : 3], counts[..., 2 : 3 * WORDS : 3]
    ours, theirs = counts[..., -2], counts[..., -1]
    halvings = np.cumsum((both == 0) & (said > 0), axis=-1)  # 1 for the first order that never fits, then 2
    smooth = 0.5**halvings / np.maximum(said, 1)
    precision = np.where(both > 0, both / np.maximum(said, 1), smooth)
    orders = np.maximum((said > 0).sum(-1), 1)
    mean = np.where(said > 0, np.log(np.maximum(precision, 1e-300)), 0.0).sum(-1) / orders
    short = np.where(ours < theirs, 1 - theirs / np.maximum(ours, 1), 0.0)
    return np.where((both[..., 0] > 0) & (ours > 0), np.exp(mean + short), 0.0)


FIGURES: dict[str, tuple[Callable[[str, str], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "chrf": (character_counts, chrf_of),
    "bleu": (word_counts, bleu_of),
    "exact_match": (
        lambda said, known: np.array([said == known, 1.0]),
        lambda counts: counts[..., 0] / counts[..., 1],
    ),
}


def figures(said: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """All figures of answers and known answers, without intervals."""
    return {
        name: float(figure(np.sum([count(*pair) for pair in zip(said, known, strict=True)], axis=0)))
        for name, (count, figure) in FIGURES.items()
    }


# ---- baselines


def baseline_answers(
    sources: Sequence[str], train: Sequence[str], answers: Sequence[str]
) -> dict[str, list[str]]:
    """What needs no training says to each source, by name. train, answers: pairs of the training part."""
    frequent = min(Counter(answers).items(), key=lambda item: (-item[1], item[0]))[0]
    return {
        COPY: list(sources),
        FREQUENT: [frequent] * len(sources),
        NEAREST: [answers[row] for row in nearest_sources(train, sources)],
    }


def nearest_sources(train: Sequence[str], asked: Sequence[str]) -> np.ndarray:
    """Of each text the training text that shares most runs of 1 to 4 characters, rare ones weighing more."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True)
    known = counter.fit_transform(train)
    found = [
        np.asarray((counter.transform(asked[start : start + 500]) @ known.T).argmax(axis=1)).ravel()
        for start in range(0, len(asked), 500)
    ]
    return np.concatenate(found)


# ---- the judgement


def judge_translation(
    names: Sequence[str],
    known: Sequence[str],
    said: Sequence[str],
    baselines: Mapping[str, Sequence[str]],
    *,
    groups: Sequence[str] | None = None,
    cut: int = 0,
    seed: int = 0,
) -> Judgement:
    """The judgement of answers `said` against the known ones, beside those of baselines.

    names: of the rows, or their sources; cut: answers that did not end by themselves
    """
    draws = _draws(len(known), groups, seed)
    ours = _drawn(said, known, draws)
    theirs = {name: _drawn(other, known, draws) for name, other in baselines.items()}
    best = max(theirs, key=lambda name: theirs[name][MAIN][0])
    hits, best_hits = (np.array([a == b for a, b in zip(one, known)]) for one in (said, baselines[best]))
    alone = groups is None
    difference = {
        name: _interval(value - theirs[best][name][0], drawn - theirs[best][name][1], len(known))
        for name, (value, drawn) in ours.items()
    }
    if alone:
        won, lost = int((hits & ~best_hits).sum()), int((best_hits & ~hits).sum())
        ends = paired_proportions(won, lost, len(known))
        difference["exact_match"] = Interval((won - lost) / len(known), *ends, len(known))
    against = Against(best, difference)
    metrics = _intervals(ours, len(known), alone)
    units = len(known) if groups is None else len(set(groups))
    return Judgement(
        kind="pairs", classes=(), n=len(known), units=units, main=MAIN, metrics=metrics,
        baselines={name: _intervals(own, len(known), alone) for name, own in theirs.items()},
        against=against, per_class=(), confusion=None, calibration=(), worst=_worst(names, known, said),
        threshold=None, verdict=_verdict(metrics[MAIN], metrics["exact_match"], against, units),
        notes=(f"{cut} answers did not end by themselves and were cut",) if cut else (),
    )  # fmt: skip


def _draws(rows: int, groups: Sequence[str] | None, seed: int) -> np.ndarray:
    """How often each row stands in each resample, (resamples, rows); groups are drawn whole."""
    _, places = np.unique(np.arange(rows) if groups is None else np.array(groups), return_inverse=True)
    units, chance = int(places.max()) + 1, generator(seed, "bootstrap")
    drawn = [np.bincount(chance.integers(0, units, units), minlength=units) for _ in range(RESAMPLES)]
    return np.stack(drawn)[:, places].astype(np.float64)


def _drawn(
    said: Sequence[str], known: Sequence[str], draws: np.ndarray
) -> dict[str, tuple[float, np.ndarray]]:
    """Each figure on all rows, and on each resample."""
    found = {}
    for name, (count, figure) in FIGURES.items():
        counts = np.stack([count(*pair) for pair in zip(said, known, strict=True)])  # (rows, counts)
        found[name] = float(figure(counts.sum(0))), figure(draws @ counts)
    return found


def _interval(value: float, drawn: np.ndarray, rows: int) -> Interval:
    if np.ptp(drawn) == 0 and rows < 2:
        return Interval(value, None, None, rows)
    low, high = np.percentile(drawn, ENDS)
    return Interval(value, min(float(low), value), max(float(high), value), rows)


def _intervals(drawn: dict[str, tuple[float, np.ndarray]], rows: int, alone: bool) -> dict[str, Interval]:
    found = {name: _interval(*pair, rows) for name, pair in drawn.items()}
    if alone:  # a share of independent rows: right for small counts too
        share = drawn["exact_match"][0]
        found["exact_match"] = Interval(share, *wilson(round(share * rows), rows), rows)
    return found


def _worst(names: Sequence[str], known: Sequence[str], said: Sequence[str]) -> tuple[Mistake, ...]:
    """The answers that share least with the known ones, worst first."""
    each = chrf_of(np.stack([character_counts(*pair) for pair in zip(said, known, strict=True)]))
    order = [row for row in np.argsort(each, kind="stable")[:WORST] if said[row] != known[row]]
    return tuple(Mistake(int(row), names[row], known[row], said[row], None) for row in order)


def _verdict(figure: Interval, exact: Interval, against: Against, units: int) -> str:
    apart = against.difference[MAIN]
    side = "better" if apart.value > 0 else "worse"
    shown = f"{side} than" if apart.excludes_zero else "not shown to be better than"
    few = f"; only {units} independent rows" if units < SMALL else ""
    return (
        f"chrF {figure.words(MAIN)}, {shown} the best baseline ({against.name}); "
        f"{exact.words('exact_match')} of the answers are the known ones{few}"
    )
