"""What to beat when a machine writes: n-grams, which count what followed the last few tokens.

The chance of a token is read from how often it followed the last n - 1 tokens in training. Most contexts of a
new text were seen rarely or never, so something is taken off every count (the discount) and given to the
chances after one token less, down to all tokens alike. For those shorter contexts a token counts by how many
different tokens it followed, not by how often: "Francisco" is frequent and yet follows "San" alone.

Paper: Kneser & Ney 1995; interpolated and with three discounts as in Chen & Goodman 1998, "An empirical study
of smoothing techniques for language modeling". For decades this was the best language model there was.
The first thing to change: `MOST`, the longest context that is tried.

Axes: tokens = of a stream; grams = different runs of n tokens that occur in training.
"""

from dataclasses import dataclass

import numpy as np

MOST = {"character": 8, "piece": 4, "word": 4, "given": 4}  # tokens of a run, its last one included
USUAL = 0.75  # the discount where there is too little to count one from


@dataclass(frozen=True)
class Level:
    """Runs of one length. codes: (grams,) sorted, context number x base + token; counts: how often each
    occurs; kinds: by how many different tokens each is preceded; totals and lent, one a context: sums of the
    counts, and what the discounts take off (of both sorts of count: for `counts`, then for `kinds`)."""

    codes: np.ndarray
    counts: tuple[np.ndarray, np.ndarray]
    discounts: tuple[np.ndarray, np.ndarray]
    totals: tuple[np.ndarray, np.ndarray]
    lent: tuple[np.ndarray, np.ndarray]

    def found(self, codes: np.ndarray) -> np.ndarray:
        """The number of each run among those of training, -1 where it is none."""
        places = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[places] == codes, places, -1)


class NGrams:
    """Counts of a training stream.

    stream: int64 (tokens,); vocabulary: different tokens; never: tokens that nobody has to guess
    most:   longest run that is counted
    """

    def __init__(self, stream: np.ndarray, vocabulary: int, most: int, *, never: tuple[int, ...] = ()):
        self.base, self.most = vocabulary + 1, most
        alike = np.ones(vocabulary)
        alike[list(never)] = 0.0
        self.alike = alike / alike.sum()
        tokens = self._padded(stream)
        self.levels: list[Level] = []
        contexts = np.zeros(len(tokens), np.int64)  # the number of the run of n - 1 tokens that ends here
        below: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # codes, number of each place, counts
        for _ in range(most):
            codes = np.concatenate([[-1], contexts[:-1] * self.base]) + tokens
            codes[0] = -1  # nothing stands before the first token
            different, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
            below.append((different, places, counts))
            contexts = places
        for level, (codes, _, counts) in enumerate(below):
            kinds = counts
            if level + 1 < most:  # a run one longer, whichever, tells of one token before this run
                longer = np.unique(below[level + 1][1], return_index=True)[1]
                kinds = np.bincount(below[level][1][longer], minlength=len(codes))
            self.levels.append(_level(codes, counts, kinds, self.base))

    def _padded(self, stream: np.ndarray) -> np.ndarray:
        """A stream behind tokens that are none, so that its first tokens have contexts as well."""
        return np.concatenate([np.full(self.most, self.base - 1, np.int64), stream])

    def nats(self, stream: np.ndarray) -> dict[int, np.ndarray]:
        """Surprise at tokens 1, 2, … of a stream, by the longest run n that is used: {n: (tokens - 1,)}."""
        tokens = self._padded(stream)
        shares = self.alike[np.minimum(tokens, self.base - 2)]  # the chance by shorter and shorter runs
        contexts, surprise = np.zeros(len(tokens), np.int64), {}
        for number, level in enumerate(self.levels, start=1):
            before = np.concatenate([[-1], contexts[:-1]])
            runs = np.where(before >= 0, level.found(before * self.base + tokens), -1)
            chance = _mixed(level, 0, before, runs, shares)[self.most + 1 :]
            with np.errstate(divide="ignore"):  # what nobody has to guess has no chance
                surprise[number] = -np.log(chance)
            shares = _mixed(level, 1, before, runs, shares)
            contexts = runs
        return surprise

    def after(self, text: np.ndarray, longest: int) -> np.ndarray:
        """The chances of every token to follow a text, by runs of up to `longest` tokens: (vocabulary,)."""
        shares, context = self.alike, 0
        tail = self._padded(text)[-longest + 1 :] if longest > 1 else np.empty(0, np.int64)
        for number in range(1, longest + 1):
            context = self._number(tail[len(tail) - number + 1 :])
            level, sort = self.levels[number - 1], 0 if number == longest else 1
            if context < 0 or not level.totals[sort][context]:
                break
            first, last = np.searchsorted(level.codes, [context * self.base, (context + 1) * self.base - 1])
            own = np.zeros(len(shares))
            kept = level.counts[sort][first:last] - level.discounts[sort][first:last]
            own[level.codes[first:last] % self.base] = kept
            shares = (own + level.lent[sort][context] * shares) / level.totals[sort][context]
        return shares / shares.sum()

    def _number(self, tokens: np.ndarray) -> int:
        """The number of a run, -1 where training has none."""
        number = 0
        for level, token in zip(self.levels, tokens):
            number = int(level.found(np.array([number * self.base + token]))[0])
            if number < 0:
                break
        return number


def _level(codes: np.ndarray, counts: np.ndarray, kinds: np.ndarray, base: int) -> Level:
    """Discounts, and their sums for each context."""
    real = (codes >= 0) & (codes % base != base - 1)  # no token that is none is ever guessed
    contexts = np.maximum(codes, 0) // base
    size = int(contexts.max(initial=0)) + 1
    sorts, taken = [np.where(real, count, 0) for count in (counts, kinds)], []
    for sort in sorts:
        taken.append(discounts(sort)[np.minimum(sort, 3)])
    totals = [np.bincount(contexts, sort, size) for sort in sorts]
    lent = [np.bincount(contexts, off, size) for off in taken]
    return Level(codes, tuple(sorts), tuple(taken), tuple(totals), tuple(lent))  # type: ignore[arg-type]


def discounts(counts: np.ndarray) -> np.ndarray:
    """What is taken off a count of 0, 1, 2, and 3 or more, float64 (4,): Chen & Goodman's estimates."""
    once, twice, thrice, four = (int((counts == number).sum()) for number in (1, 2, 3, 4))
    if not (once and twice and thrice and four):
        return np.array([0.0, USUAL, USUAL, USUAL])
    share = once / (once + 2 * twice)
    found = np.array(
        [0.0, 1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * four / thrice]
    )
    return np.clip(found, 0.0, [0.0, 1.0, 2.0, 3.0])


def _mixed(
    level: Level, sort: int, contexts: np.ndarray, runs: np.ndarray, shorter: np.ndarray
) -> np.ndarray:
    """Chances by runs of one length, mixed with those by shorter ones; those alone where a context is new."""
    totals = level.totals[sort]
    known = (contexts >= 0) & (contexts < len(totals))
    total = np.where(known, totals[np.minimum(np.maximum(contexts, 0), len(totals) - 1)], 0.0)
    lent = level.lent[sort][np.minimum(np.maximum(contexts, 0), len(totals) - 1)]
    kept = np.where(runs >= 0, (level.counts[sort] - level.discounts[sort])[np.maximum(runs, 0)], 0.0)
    return np.where(total > 0, (kept + lent * shorter) / np.maximum(total, 1e-12), shorter)
