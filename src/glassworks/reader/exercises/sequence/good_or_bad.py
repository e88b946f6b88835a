"""Exercises of the chapter on sentiment: words to numbers, counts, padding, what to beat, and which words."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.reader.exercises.compare import difference, same
from glassworks.reader.exercises.kinds import (
    Choice,
    ChoiceExercise,
    CodeExercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
    Wrong,
)

# ---- words to numbers

VOCABULARY_START = """\
def vocabulary(texts, least):
    # texts: the training texts, each a list of words
    # return {word: number}, numbers from 2 on: 0 is padding,
    # 1 is unknown. The most frequent word first, equally frequent
    # ones by letters; none that occurs fewer than `least` times.
    # your lines
"""
VOCABULARY_SOLUTION = """\
def vocabulary(texts, least):
    counts = {}
    for text in texts:
        for word in text:
            counts[word] = counts.get(word, 0) + 1
    kept = [word for word in counts if counts[word] >= least]
    ranked = sorted(kept, key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(ranked, start=2)}
"""


def _texts(seed: int, words: str, count: int, length: int) -> list[list[str]]:
    """Random texts in which the first words are the most frequent."""
    dice, known = generator("good-or-bad", seed), words.split()
    share = [1 / (place + 1) for place in range(len(known))]
    share = [one / sum(share) for one in share]
    return [[str(word) for word in dice.choice(known, size=length, p=share)] for _ in range(count)]


def _counted(texts: Sequence[Sequence[str]], once: bool = False) -> dict[str, int]:
    counts: dict[str, int] = {}
    for text in texts:
        for word in dict.fromkeys(text) if once else text:
            counts[word] = counts.get(word, 0) + 1
    return counts


def _numbered(words: Sequence[str], start: int = 2) -> dict[str, int]:
    return {word: number for number, word in enumerate(words, start=start)}


def check_vocabulary(vocabulary: Callable) -> list[Row]:
    """Against the library's own vocabulary where a word must occur twice; another limit counted here."""
    from glassworks.data.vocabulary import SPECIAL, Vocabulary, learn

    rows = []
    cases = (
        ("words that occur twice or more", _texts(0, "the film a is dull good plot cast not slow", 6, 5), 2),
        ("five times or more", _texts(1, "we saw it and they left early for tea", 20, 4), 5),
        ("equally frequent words", [["zoo", "ape"], ["ape", "zoo"], ["bee"]], 1),
    )
    for name, texts, least in cases:
        counts = _counted(texts)
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        if least == 2:
            learned = learn([" ".join(text) for text in texts])
            assert isinstance(learned, Vocabulary)
            wanted = {word: number - len(SPECIAL) + 2 for word, number in learned.numbers.items()}
        else:
            wanted = _numbered([word for word in ranked if counts[word] >= least])
        got = vocabulary([list(text) for text in texts], least)
        rows.append(Row(name, True, f"{len(wanted)} words.") if got == wanted
                    else Row(name, False, _slip(got, texts, least, ranked, wanted)))  # fmt: skip
    return rows


def _slip(got: object, texts: Sequence[Sequence[str]], least: int, ranked: list[str], wanted: dict) -> str:
    """Which usual mistake gives this answer."""
    counts, order = _counted(texts), list(wanted)
    often, appeared = _counted(texts, once=True), [word for word in counts if counts[word] >= least]
    usual = [
        (_numbered(order, 0), "The numbers 0 and 1 are taken: 0 is padding, 1 is unknown. Begin with 2."),
        (_numbered(order, 1), "The number 1 is taken: it is unknown. Begin with 2."),
        (_numbered(ranked), "Rare words were kept. Then no training text ever shows the number 1."),
        (
            _numbered([word for word in ranked if counts[word] > least]),
            f"A word that occurs exactly {least} times stays: compare with >=.",
        ),
        (_numbered(sorted(order)), "These are the right words, sorted by letters alone."),
        (
            _numbered(sorted(appeared, key=lambda word: -counts[word])),
            "Equally frequent words stand as they came. Then shuffled texts give other numbers: sort "
            "them by letters.",
        ),
        (_numbered(appeared), "The words stand as they came. The most frequent one comes first."),
        (
            _numbered(sorted(order, key=lambda word: (counts[word], word))),
            "The rarest word came first.",
        ),
        (
            _numbered([word for word in sorted(often, key=lambda word: (-often[word], word))
                       if often[word] >= least]),
            "That counts the texts that hold a word. Count every time it occurs.",
        ),
    ]  # fmt: skip
    for value, reason in usual:
        if got == value:
            return reason
    if not isinstance(got, dict):
        return difference(got, wanted)
    lacking = ", ".join(word for word in wanted if word not in got)
    extra = ", ".join(str(word) for word in got if word not in wanted)
    if lacking or extra:
        return f"Missing: {lacking or 'none'}; too many: {extra or 'none'}."
    word = next(word for word in wanted if got[word] != wanted[word])
    return f"The words are right; the number of `{word}` is {wanted[word]}, not {got[word]}."


VOCABULARY = CodeExercise(
    id="good_or_bad.vocabulary",
    question=(
        "Write the vocabulary of some training texts. It must give what the library's gives, apart from "
        "where the numbers begin."
    ),
    start=VOCABULARY_START,
    name="vocabulary",
    check=check_vocabulary,
    solution=VOCABULARY_SOLUTION,
    wrong=(
        Wrong(VOCABULARY_SOLUTION.replace("start=2", "start=0"), "words that occur twice or more"),
        Wrong(VOCABULARY_SOLUTION.replace(" if counts[word] >= least", ""), "five times or more"),
        Wrong(VOCABULARY_SOLUTION.replace("(-counts[word], word)", "-counts[word]"), "equally frequent "
            "words"),
        Wrong(VOCABULARY_SOLUTION.replace("(-counts[word], word)", "word"), "words that occur twice or more"),
        Wrong(VOCABULARY_SOLUTION.replace("(-counts[word], word)", "(counts[word], word)"),
              "words that occur twice or more"),
    ),
    hints=(
        "Count every word of every text first, in a dictionary.",
        "`sorted(words, key=lambda word: (-counts[word], word))` sorts by count, then by letters. "
        "`enumerate(ranked, start=2)` numbers them.",
    ),
    why=(
        "The order is fixed, so the same texts in another order give the same numbers. Rare words are left "
        "out, so that unknown words occur while learning and their row of the table means something."
    ),
    further="Which words of your own mails occur once? Names and misspellings mostly, and every second "
        "word of all.",
    minutes=7,
)  # fmt: skip

# ---- counted

COUNT = NumberExercise(
    id="good_or_bad.count",
    question=(
        "A vocabulary of 5,000, 50 numbers a word, one LSTM of 32 numbers in each direction (two biases a "
        "gate, as in torch), and a linear layer on where both end, with one score. How many parameters?"
    ),
    target=271_569,
    tolerance=0,
    unit="parameters",
    mistakes=(
        Mistake(21_569, "The table is missing: 5,000 words with 50 numbers each."),
        Mistake(260_817, "There are two LSTMs, one for each direction, with weights of their own."),
        Mistake(260_785, "That is a reader in one direction only."),
        Mistake(271_313, "One bias a gate is missing: torch keeps two."),
        Mistake(271_537, "The head sees both ends: 64 numbers and a bias."),
        Mistake(255_441, "An LSTM has four sets of these weights: three gates and the candidate."),
        Mistake(271_568, "The bias of the head is missing."),
    ),
    hints=(
        "Three parts: the table, two LSTMs, the head. An LSTM has four times a matrix for the input, a "
        "matrix for the state, and two biases.",
        "One LSTM: 4 · (32 · 50 + 32 · 32 + 2 · 32) = 10,752. The head: 64 + 1.",
    ),
    why=(
        "250,000 + 2 · 10,752 + 65 = 271,569. Nine in ten of them are the table, and each text moves only "
        "the rows of its own words. A word that was seen twice has learned from two texts."
    ),
    further="In the chapter's first system, 1,000,000 of 1,085,121 parameters are the table.",
    solution="5,000 · 50 + 2 · 4 · (32 · 50 + 32 · 32 + 2 · 32) + 64 + 1 = 271,569.",
    minutes=4,
)

# ---- padding

PADDING = ChoiceExercise(
    id="good_or_bad.padding",
    question=(
        "A model keeps the row of the padding token at zero (`padding_idx=0`), and is not told any lengths. "
        "Two LSTMs read each padded text; the head sees where both end. What does padding change?"
    ),
    choices=(
        Choice(
            "Both ends: the one reader goes on through the padding, the other begins in it.",
            True,
            "Yes. A step with an input of zero is still a step: the state's own matrix and the biases act, "
            "so the memory moves on.",
        ),
        Choice(
            "Nothing: zeros add nothing to a sum.",
            False,
            "They add nothing to W x. The sum holds U h and two biases as well, and the gates move the "
            "memory.",
        ),
        Choice(
            "Only the reader from the start, since the padding stands at the end.",
            False,
            "The reader from the end reads the padding first: it reaches the first real word in a state that "
            "padding has made.",
        ),
        Choice(
            "Only the learning: gradients flow into the row of the padding token.",
            False,
            "That is the one thing that the padding index prevents: this row gets no gradient.",
        ),
    ),
    hints=(
        "What does an LSTM compute when x is zero?",
        "Where does the reader from the end begin?",
    ),
    why=(
        "A padding index belongs to the table, not to the readers. It keeps one row at zero. Only the "
        "lengths, or a mask made of them, tell a reader where a text ends."
    ),
    further="With the mean over all words in the head instead, what would padding change?",
    minutes=3,
)

# ---- what to beat

RECORDED = (
    ("learned from", "network", "its right answers", "counted words, same rows"),
    ("2,000 sentences", "two LSTMs, from nothing", "71.6 %", "72.1 %"),
    ("7,052 sentences", "two LSTMs, from nothing", "79.7 %", "78.5 %"),
    ("2,000 sentences", "MiniLM, fine-tuned, three seeds", "80.9, 83.0, 83.2 %", "72.9 %"),
)


def _recorded() -> str:
    from glassworks.reader.draw import note, table  # not in the child that checks code

    head, *rows = RECORDED
    told = (
        "From docs/log.md: three experiments, each with its own held-out rows, so compare along a line and "
        "not down a column. The held-out rows were seen more than once."
    )
    return table(head, rows) + note(told)


BASELINE = PredictExercise(
    id="good_or_bad.baseline",
    question=(
        "Real sentences of film reviews, 2,000 of them labelled. Two LSTMs learn from nothing, word vectors "
        "and all. Counted words with logistic regression learn from the same. Who is right more often on "
        "other sentences?"
    ),
    choices=(
        Choice(
            "Neither is clearly ahead: the network does not beat the counts.",
            True,
            "Yes: 71.6 % on average of three seeds, and 72.1 % for the counts.",
        ),
        Choice(
            "The network, by some ten points: it reads the words in their order.",
            False,
            "It could use the order, and has to learn a vector for each word first, from 2,000 sentences. "
            "What order would add it cannot yet read.",
        ),
        Choice(
            "The counts, by some ten points: networks need millions of texts.",
            False,
            "Not by ten: the difference is half a point. And with 7,052 rows the network is a point ahead.",
        ),
        Choice(
            "The network is at 50 %: so little text teaches it nothing.",
            False,
            "It learns a good deal: 71.6 %. The counts learn as much.",
        ),
    ),
    reveal=_recorded,
    hints=(
        "How many of the words does the network see often enough to place them?",
        "In the figure above, how did the networks do with 50 remarks?",
    ),
    why=(
        "Most sentences say what they think with a single word, and counting finds it. A network that begins "
        "from nothing must learn the language from the labels. One that has read before (MiniLM) brings it "
        "along, and is ahead by eight to ten points."
    ),
    further="The report of each run shows both on the same rows, with the interval of the difference.",
    minutes=3,
)

# ---- a rare class

IMBALANCE = NumberExercise(
    id="good_or_bad.imbalance",
    question=(
        "1,000 reviews, 80 of them negative. A model calls 152 reviews negative, and 60 of these are. What "
        "is its balanced accuracy, from 0 to 1?"
    ),
    target=0.825,
    tolerance=0.002,
    mistakes=(
        Mistake(0.888, "That is the plain accuracy: 60 + 828 of 1,000. Positive to everything gives 0.920."),
        Mistake(0.92, "That is the accuracy of an answer that is always positive."),
        Mistake(0.75, "That is the share of the negative ones that is found. Take the mean with the other "
            "class."),
        Mistake(0.9, "That is the share of the positive ones that pass. Take the mean with the other class."),
        Mistake(0.5172, "That is F1 of the negative class."),
        Mistake(0.3947, "That is how many of the alarms are true, the precision."),
        Mistake(0.5, "That is what an answer gets that never changes."),
    ),
    hints=(
        "Balanced accuracy is the mean over the classes of the share that is found of each.",
        "60 of 80 negative ones are found. Of 920 positive ones, 152 - 60 = 92 are called negative.",
    ),
    why=(
        "60/80 = 0.75 and 828/920 = 0.9, in the mean 0.825. By plain accuracy the model, 0.888, looks worse "
        "than no model, 0.920; yet it finds three of four complaints."
    ),
    further="Which of the two matters depends on what a missed complaint costs. Move the threshold, not "
        "the data.",
    solution="(60/80 + (920 - 92)/920) / 2 = (0.75 + 0.9) / 2 = 0.825.",
    minutes=3,
)  # fmt: skip

# ---- copies

COPIES = ChoiceExercise(
    id="good_or_bad.copies",
    question=(
        "10,000 letters of customers were split row by row. 3,000 of them are form letters that occur "
        "several times. The model is right in 94 % of the test part. What does the figure need?"
    ),
    choices=(
        Choice(
            "A new split in which all copies of a letter stand in one part, a new training, and a new test.",
            True,
            "Yes. Then a test letter is one that was never learned from, as a letter of tomorrow would be.",
        ),
        Choice(
            "A larger test part, since 94 % may be luck.",
            False,
            "More rows make the interval narrow around a number that is wrong: the copies are in them as "
            "well.",
        ),
        Choice(
            "The mean over several random splits by row.",
            False,
            "Each of them has copies on both sides. The mean of ten leaks is a leak.",
        ),
        Choice(
            "Nothing: form letters will come tomorrow, too.",
            False,
            "They may. Then count them apart: how good is it on letters that are new? This figure cannot "
            "tell.",
        ),
    ),
    hints=(
        "What does a model need in order to answer a letter that it has learned by heart?",
        "The fault is in which rows stand where, not in how many there are.",
    ),
    why=(
        "Copies across the parts are leakage. `glassworks train` keeps texts that differ only in case and "
        "spaces in one part, and says how many there are."
    ),
    further="Nearly equal texts leak too, such as two letters that differ in a name. Who wrote them can be "
        "a group to keep together.",
    minutes=3,
)  # fmt: skip

# ---- integrated gradients

INTEGRATED_START = """\
import torch

def integrated(score, x, blank, steps):
    # score(points (steps, n)) -> (steps,); x, blank (n,)
    # The path goes from blank to x, in `steps` equal pieces.
    # Take the slopes of the score at their middles, the mean of
    # these, and multiply by how far each number moves.
    # slopes: torch.autograd.grad(score(points).sum(), points)[0]
    # your lines
"""
INTEGRATED_SOLUTION = """\
import torch

def integrated(score, x, blank, steps):
    parts = (torch.arange(steps) + 0.5) / steps
    points = blank + parts[:, None] * (x - blank)
    points = points.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(score(points).sum(), points)
    return slopes.mean(0) * (x - blank)
"""


def _path(score: Callable[[Tensor], Tensor], x: Tensor, blank: Tensor, steps: int, shift: float) -> Tensor:
    """The mean slope on the path, with points at `shift` within each piece, (numbers,)."""
    parts = (torch.arange(steps) + shift) / steps
    points = (blank + parts[:, None] * (x - blank)).detach().requires_grad_()
    return torch.autograd.grad(score(points).sum(), points)[0].mean(0)


def check_integrated(integrated: Callable) -> list[Row]:
    """Against what can be worked out by hand, and against the sum that must come out."""
    dice = torch.Generator().manual_seed(3)
    weights = torch.randn(4, generator=dice)
    x, blank = torch.randn(4, generator=dice), torch.randn(4, generator=dice)
    zero = torch.zeros(2)
    cases: tuple[tuple[str, Callable, Tensor, Tensor, Tensor, int], ...] = (
        ("squares, from a blank that is not zero", lambda p: (p**2) @ weights, x, blank,
         weights * (x**2 - blank**2), 4),
        ("a product is shared evenly", lambda p: 6 * p[:, 0] * p[:, 1], torch.ones(2), zero,
         torch.tensor([3.0, 3.0]), 2),
    )  # fmt: skip
    rows = []
    for name, score, there, gone, wanted, steps in cases:
        way = there - gone
        middle = _path(score, there, gone, steps, 0.5)
        begins, ends = (_path(score, there, gone, steps, shift) for shift in (0.0, 1.0))
        from_zero = _path(score, there, torch.zeros_like(gone), steps, 0.5) * there
        usual = [
            (
                _path(score, there, gone, 1, 1.0) * way,
                "That is the slope at the text itself. Take the mean along the path.",
            ),
            (middle, "The mean slope must be multiplied by x - blank."),
            (middle * there, "Multiply by x - blank: the blank is where the path begins."),
            (begins * way, "Those are the beginnings of the pieces. Take their middles, (k + 0.5) / steps."),
            (ends * way, "Those are the ends of the pieces. Take their middles, (k + 0.5) / steps."),
            (middle * way * steps, "Take the mean of the slopes, not their sum."),
            (from_zero, "The path begins at the blank, not at zero."),
        ]
        rows.append(same(name, integrated(score, there.clone(), gone.clone(), steps), wanted, usual=usual))
    bent = lambda p: torch.tanh(2 * p @ weights) + p[:, 0] * p[:, 1]  # noqa: E731
    with torch.no_grad():
        gain = bent(x[None])[0] - bent(blank[None])[0]
    got = integrated(bent, x.clone(), blank.clone(), 400)
    total = got.sum() if isinstance(got, Tensor) else got
    rows.append(same("the sum is what the score gains", total, gain, tolerance=1e-3))
    return rows


INTEGRATED = CodeExercise(
    id="good_or_bad.integrated",
    question=(
        "Write integrated gradients for a score of a few numbers. The shares must sum to the score of `x` "
        "minus the score of `blank`."
    ),
    start=INTEGRATED_START,
    name="integrated",
    check=check_integrated,
    solution=INTEGRATED_SOLUTION,
    wrong=(
        Wrong(INTEGRATED_SOLUTION.replace("slopes.mean(0)", "slopes[-1]"), "a product is shared evenly"),
        Wrong(INTEGRATED_SOLUTION.replace("slopes.mean(0) * (x - blank)", "slopes.mean(0)"),
              "squares, from a blank that is not zero"),
        Wrong(INTEGRATED_SOLUTION.replace("slopes.mean(0) * (x - blank)", "slopes.mean(0) * x"),
              "squares, from a blank that is not zero"),
        Wrong(INTEGRATED_SOLUTION.replace(" + 0.5", ""), "a product is shared evenly"),
        Wrong(INTEGRATED_SOLUTION.replace("mean(0)", "sum(0)"), "the sum is what the score gains"),
    ),
    hints=(
        "The places on the path are (k + 0.5) / steps, 0 at the blank and 1 at x. A point is the blank plus "
        "its place times `x - blank`; `[:, None]` makes a column of the places.",
        "Give the points `requires_grad_()`, ask for the slopes of the sum of all scores, take their mean "
        "over the points, and multiply by `x - blank`.",
    ),
    why=(
        "Along the path, slope times step adds up to the gain: that is the fundamental theorem of calculus, "
        "number by number. Each point has its own row of scores, so one backward pass gives all slopes."
    ),
    further="Take another blank. The shares change, and their sum with them: they are shares of a "
        "difference.",
    minutes=8,
)  # fmt: skip

# ---- two words that work together

SHARES = NumberExercise(
    id="good_or_bad.shares",
    question=(
        "A score is 6 · a · b, where a and b are 1 when a word is there and 0 when it is not. Both are "
        "there. Leave out one word at a time, and add up what each costs. What is the sum?"
    ),
    target=12,
    tolerance=0,
    mistakes=(
        Mistake(6, "That is the score, and the sum of integrated gradients, 3 each. Leaving out is asked "
            "twice."),
        Mistake(3, "That is the share of one word by integrated gradients."),
        Mistake(0, "Without either word the score is 0, so each costs all of the 6."),
        Mistake(1, "The score is 6 with both words."),
    ),
    hints=(
        "What is the score with a = 0 and b = 1?",
        "From 6 to 0, for the one word as for the other.",
    ),
    why=(
        "Each word alone costs 6, in sum 12, twice what there is. Integrated gradients share the 6 and give "
        "3 to each. Neither is wrong: one asks what is lost without a word, the other shares out a whole."
    ),
    further="And for max(a, b), two words that say the same? Leaving out either costs nothing.",
    solution="6 · 1 · 1 - 6 · 0 · 1 = 6, and 6 · 1 · 1 - 6 · 1 · 0 = 6. Together 12.",
    minutes=3,
)  # fmt: skip

EXERCISES = (VOCABULARY, COUNT, PADDING, BASELINE, IMBALANCE, COPIES, INTEGRATED, SHARES)
