"""Analogies: king - man + woman, with the three words allowed as an answer and without them.

Word vectors are learned from six novels, a newspaper corpus and the King James Bible, and asked some
thousand analogies of everyday words. For each the nearest word is taken once among all words, once without
the three of the question, and once without looking at the step at all: the nearest word to the third one.

Source: Mikolov et al. 2013, arXiv 1301.3781; Linzen 2016, "Issues in evaluating semantic spaces using word
analogies", arXiv 1606.07736, who asked this of large published vectors.
Change first: `PAIRS` in judging/word_questions.py, or the data (`SAMPLE` in api/words.py).
Command: glassworks lab analogies

Axes: questions a : b = c : ?, in categories; seeds.
"""

import tempfile
from pathlib import Path

import numpy as np

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.api.words import SAMPLE
from glassworks.api.words_answers import space_of_run
from glassworks.core.keyed import generator
from glassworks.judging.word_questions import PAIRS, questions
from glassworks.judging.words import Analogies, Space, answered
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_vit import words

SEEDS, QUICK_SEEDS = (0, 1, 2), (0, 1)
PRECISION = "float32"
WAYS = ("without the three", "all words", "nearest to the third")
OWN = "a word of the question"
QUICK_CATEGORIES, QUICK_SENTENCES = ("plural", "man and woman"), 1500
MOSTLY = 50.0  # points of 100
RULE = (
    "Right = share of the questions whose very answer is the nearest word to b - a + c, in points of 100. "
    'The claim "holds" when, seed by seed, the interval of the mean drop from leaving the three words of the '
    f"question out to allowing them lies above 0, and so does that of the share right without them below "
    f"{MOSTLY:.0f} (95 %, both at once): the exclusion is needed, and it does not make analogies a rule. It "
    '"does not hold" when the drop lies below 0 or that share above, and is "not shown" otherwise. Beside '
    "it, without deciding: how often the nearest of all words is one of the question's own, and what the "
    "third word's nearest neighbour answers alone."
)


def made_up(seed: int, sentences: int = QUICK_SENTENCES) -> str:
    """Sentences with planted relations, to see that the lab runs: each pair shares two words of its own, and
    each side of a category two signs."""
    dice, lines = generator(seed, "made-up sentences"), []
    pairs = [(name, *pair) for name in QUICK_CATEGORIES for pair in PAIRS[name]]
    for _ in range(sentences):
        place = int(dice.integers(len(pairs)))
        name, *pair = pairs[place]
        side = int(dice.integers(2))
        sign = f"{name.replace(' ', '')}{side}"
        topic = [f"topic{place}x{number}" for number in dice.integers(2, size=2)]
        lines.append(" ".join([*topic, pair[side], f"{sign}x", pair[side], f"{sign}y"]))
    return ".\n".join(lines) + ".\n"


def space_of(seed: int, *, quick: bool) -> Space:
    """Vectors of one run, with its own parts and start; about a minute of one core."""
    with tempfile.TemporaryDirectory() as place:
        data = SAMPLE
        if quick:
            data = str(Path(place) / "texts.txt")
            Path(data).write_text(made_up(seed), encoding="utf-8")
        run = train_request(
            TrainRequest(
                system="word2vec", data=data, size="tiny" if quick else "small", seed=seed, quiet=True,
                out=str(Path(place) / "run"), epochs=3 if quick else None, device="cpu", workers=0,
            )
        )  # fmt: skip
        return space_of_run(run)


def shares(found: Analogies) -> dict[str, float]:
    """Points of 100: right in each way, and how often the nearest of all words is one of the question's."""
    columns = dict(zip(WAYS, (found.said, found.free, found.third)))
    right = {way: 100 * float((said == found.right).mean()) for way, said in columns.items()}
    # The nearest of all differs from the nearest of the others only where it is one of the three.
    return right | {OWN: 100 * float((found.free != found.said).mean())}


def experiment(bench: Bench) -> Findings:
    """Train and ask, seed by seed."""
    names = (*WAYS, OWN)
    numbers: Numbers = {f"share: {name}": [] for name in names}
    by_category: dict[str, list[dict[str, float]]] = {}
    for seed in bench.seeds:
        bench.go_on()
        space = space_of(seed, quick=bench.quick)
        asked = questions(space.numbers)
        found = answered(space, asked)
        for name, share in shares(found).items():
            numbers[f"share: {name}"].append(share)
        numbers.setdefault("questions", []).append(float(len(asked)))
        category = np.array([question.category for question in asked])
        for one in dict.fromkeys(category.tolist()):
            by_category.setdefault(one, []).append(shares(_some(found, category == one)))
        told = ", ".join(f"{name} {numbers[f'share: {name}'][-1]:.1f} %" for name in names)
        bench.say(f"seed {seed}, {len(asked):,} questions: {told}")
    return Findings(numbers, [_table(numbers), _categories(by_category)], [_chart(numbers)], NOTES)


def _some(found: Analogies, chosen: np.ndarray) -> Analogies:
    asked = tuple(question for question, here in zip(found.asked, chosen) if here)
    columns = (found.said, found.cosine, found.free, found.third, found.right)
    return Analogies(asked, *(column[chosen] for column in columns))


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    right, free, third = (numbers[f"share: {way}"] for way in WAYS)
    drop, share = difference(right, free, comparisons=2), mean_interval(right, comparisons=2)
    own, step = mean_interval(numbers[f"share: {OWN}"]), difference(right, third)
    outcome: Outcome = "not shown"
    if drop.low is not None and share.high is not None and drop.low > 0 and share.high < MOSTLY:
        outcome = "holds"
    if (drop.high is not None and drop.high < 0) or (share.low is not None and share.low > MOSTLY):
        outcome = "does not hold"
    return Verdict(
        outcome=outcome,
        sentence=f"Without the three words {_plain(share)} % of the questions come out right, with them "
        f"{_plain(mean_interval(free))} %: the nearest of all words is one of the question's own in "
        f"{_plain(own)} % of cases. The step is worth {words(step)} points more than the nearest neighbour "
        "of the third word alone.",
        interval=f"drop {words(drop)} points, right {_plain(share)} %; n = {drop.n} seeds, 95 % for both at "
        "once",
    )


def _plain(one) -> str:
    return words(one).replace("+", "")


def _table(numbers: Numbers) -> Table:
    rows = [(name, _plain(mean_interval(numbers[f"share: {name}"]))) for name in (*WAYS, OWN)]
    title = f"About {np.mean(numbers['questions']):,.0f} questions"
    return Table(title=title, head=("nearest word taken from", "right, % (95 %)"), rows=tuple(rows))


def _categories(by_category: dict[str, list[dict[str, float]]]) -> Table:
    rows = [
        (name, *(f"{np.mean([one[way] for one in found]):.1f}" for way in (*WAYS, OWN)))
        for name, found in by_category.items()
    ]
    head = ("category", *(f"{way}, %" for way in (*WAYS, OWN)))
    return Table(title="By category, mean of the seeds", head=head, rows=tuple(rows))


def _chart(numbers: Numbers) -> Chart:
    spans = []
    for way in WAYS:
        one = mean_interval(numbers[f"share: {way}"])
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=way, low=low, value=one.value, high=high))
    return Chart(title="Questions answered rightly", across="points of 100", spans=tuple(spans))


NOTES = (
    "Vectors of 100 numbers from 2.3 million words of training text; published vectors were learned from a "
    "thousand times as much, and answer more.",
    "The intervals are over seeds, which change the parts of the text, the start and the order of learning, "
    "not the questions.",
    "The quick form learns from made-up sentences with planted relations, so that it needs no sample.",
)
