"""Judging a writer: how surprised it is by texts it has not seen, beside counting.

Surprise at a token is -ln of the chance that it was given. Its mean is the loss, e to that the perplexity (as
uncertain as between so many equally likely tokens), and the sum in bits over the characters of the text the
*bits per character*: the size that the text could be packed to with this model, which is comparable between
models of characters, of pieces and of words. A token that the vocabulary lacks costs what it takes to spell
it as well, or else a model that knows few words would look good.

Neighbouring tokens are not independent, so intervals come from resampling blocks of text. Beside the model
stand all tokens alike, how often each occurs, and n-grams (`judging/ngrams.py`) of the same tokens of the
same training part, at the length that does best on the validation part.
The first thing to change: `BLOCKS`.

Axes: tokens = guesses on the judged text, in its order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.keyed import generator
from glassworks.judging.intervals import Interval
from glassworks.judging.judgement import Against, Judgement, Mistake

FIGURE = "bits_per_character"
RESAMPLES = 1000
BLOCKS = 200  # stretches of text that are resampled, at most
SHORTEST = 50  # tokens of a block
FEW = 20  # blocks below which the verdict says so
ENDS = (2.5, 97.5)
BASELINES = (
    "A baseline only counts in the training part. All alike: every token has the same chance. Frequencies: "
    "how often each occurs. n-grams: what followed the last n - 1 tokens, and fewer where these were rare "
    "(with Kneser and Ney's discounts, at the n that did best on the validation part). All guess the same "
    "tokens; differences are resampled on the same blocks of text."
)


@dataclass(frozen=True)
class Guessed:
    """What was guessed of a text, token by token, each (tokens,).

    nats:       surprise at the token; right: whether it was the likeliest
    characters: letters that the token stands for; spelling: nats to spell it where the vocabulary lacks it
    """

    nats: np.ndarray
    right: np.ndarray
    characters: np.ndarray
    spelling: np.ndarray


def judge_language(
    found: Guessed, baselines: dict[str, np.ndarray], *, worst: Sequence[Mistake] = (), seed: int = 0
) -> Judgement:
    """The judgement of a model's guesses beside those of baselines at the same tokens.

    baselines: {name: nats (tokens,)}; worst: the largest surprises, for the report
    Raises PersonError when there is nothing to judge, or a surprise is not finite.
    """
    if not len(found.nats) or not np.isfinite(found.nats).all() or not found.characters.sum():
        raise PersonError(
            "nothing-to-judge", expected="text, and a finite surprise at each of its tokens",
            got=f"{len(found.nats)} tokens", fix="choose another --part or --data, or train again",
        )  # fmt: skip
    counts = _resampled(len(found.nats), seed)
    sums = _sums(found, found.nats, counts.shape[1])
    ours = _intervals(sums, counts)
    theirs, differences = {}, {}
    for name, nats in baselines.items():
        others = _sums(found, nats, counts.shape[1])
        others.pop("right")
        theirs[name] = _intervals(others, counts)
        differences[name] = _differences(sums, others, counts)
    best = min(theirs, key=lambda name: theirs[name][FIGURE].value)
    against = Against(best, differences[best])
    return Judgement(
        kind="text",
        classes=(),
        n=len(found.nats),
        units=counts.shape[1],
        main=FIGURE,
        metrics=ours,
        baselines=theirs,
        against=against,
        per_class=(),
        confusion=None,
        calibration=(),
        worst=tuple(worst),
        threshold=None,
        verdict=_verdict(against, theirs[best][FIGURE].value, counts.shape[1]),
        notes=(),
    )


def spelled(words: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """Nats to spell each word, its end included, with characters as frequent as in some texts: (words,)."""
    joined = "".join(texts)
    letters, counts = np.unique(np.array(list(joined), dtype="U1"), return_counts=True)
    # An end after every word; and one share for all characters that these texts do not have.
    ends = 1 + sum(text.count(" ") + text.count("\n") for text in texts)
    total = len(joined) + ends + 1
    costs = dict(zip(letters.tolist(), -np.log(counts / total)))
    strange = math.log(total) + math.log(0x110000)
    return np.array(
        [sum(costs.get(letter, strange) for letter in word) + math.log(total / ends) for word in words]
    )


def _resampled(tokens: int, seed: int) -> np.ndarray:
    """How often each block stands in each resample, float64 (resamples, blocks)."""
    blocks = max(1, min(BLOCKS, tokens // SHORTEST))
    chance = generator(seed, "bootstrap", blocks)
    return np.stack(
        [np.bincount(chance.integers(0, blocks, blocks), minlength=blocks) for _ in range(RESAMPLES)]
    ).astype(np.float64)


def _sums(found: Guessed, nats: np.ndarray, blocks: int) -> dict[str, np.ndarray]:
    """What the figures are made of, summed over each block of text: {name: (blocks,)}."""
    block = np.arange(len(nats)) * blocks // len(nats)
    columns = {
        "tokens": np.ones(len(nats)), "nats": nats, "right": found.right.astype(np.float64),
        "characters": found.characters, "all_nats": nats + found.spelling,
    }  # fmt: skip
    return {name: np.bincount(block, column, blocks) for name, column in columns.items()}


def _figures(sums: dict[str, np.ndarray], counts: np.ndarray) -> dict[str, np.ndarray]:
    """Every figure of every resample: {name: (resamples,)}."""
    total = {name: counts @ column for name, column in sums.items()}
    loss = total["nats"] / total["tokens"]
    figures = {
        FIGURE: total["all_nats"] / np.maximum(total["characters"], 1e-9) / math.log(2),
        "token_loss": loss,
        "perplexity": np.exp(loss),
    }
    return figures | ({"next_token": total["right"] / total["tokens"]} if "right" in total else {})


def _intervals(sums: dict[str, np.ndarray], counts: np.ndarray) -> dict[str, Interval]:
    whole = _figures(sums, np.ones((1, counts.shape[1])))
    drawn, n = _figures(sums, counts), int(sums["tokens"].sum())
    return {name: _interval(float(value[0]), drawn[name], counts, n) for name, value in whole.items()}


def _differences(
    ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], counts: np.ndarray
) -> dict[str, Interval]:
    """Model minus baseline for each figure that both have, on the same blocks."""
    whole = np.ones((1, counts.shape[1]))
    values = [_figures(sums, whole) for sums in (ours, theirs)]
    drawn = [_figures(sums, counts) for sums in (ours, theirs)]
    n = int(ours["tokens"].sum())
    found = {}
    for name in values[1]:
        value = float(values[0][name][0] - values[1][name][0])
        found[name] = _interval(value, drawn[0][name] - drawn[1][name], counts, n)
    return found


def _interval(value: float, drawn: np.ndarray, counts: np.ndarray, n: int) -> Interval:
    if counts.shape[1] < 2:
        return Interval(value, None, None, n)
    low, high = np.percentile(drawn, ENDS)
    return Interval(value, min(float(low), value), max(float(high), value), n)


def _verdict(against: Against, theirs: float, blocks: int) -> str:
    difference = against.difference[FIGURE]
    few = f"; only {blocks} block{'s' if blocks > 1 else ''} of text" if blocks < FEW else ""
    if not difference.excludes_zero:
        return f"not shown to guess text better than counting ({against.name}){few}"
    word = "fewer" if difference.value < 0 else "more"
    share = abs(difference.value) / theirs
    return f"needs {share:.1%} {word} bits a character than counting ({against.name}){few}"
