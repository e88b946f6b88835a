"""Exercises of the chapter on word vectors: pairs, the loss, noise, neighbours, PMI, analogies, and bias."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.reader.exercises.chance import normal
from glassworks.reader.exercises.compare import same
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

_normal = partial(normal, "words-as-vectors")


# ---- pairs

PAIRS = NumberExercise(
    id="words_as_vectors.pairs",
    question=(
        "A sentence of 7 words, a window of 2 words to each side. How many pairs of a word and a neighbour "
        "does it give? (cat, sat) and (sat, cat) are two pairs."
    ),
    target=22,
    tolerance=0,
    unit="pairs",
    mistakes=(
        Mistake(28, "The words at the ends have fewer neighbours: 2, 3, 4, 4, 4, 3, 2."),
        Mistake(11, "Each two words give two pairs: either asks for the other."),
        Mistake(12, "Those are the pairs side by side. A window of 2 reaches one word further."),
        Mistake(42, "Those are all pairs of the sentence. The window ends after two words."),
        Mistake(20, "The third word has four neighbours: two on each side."),
    ),
    hints=(
        "Count the neighbours of each word, from the first to the last.",
        "2 + 3 + 4 + 4 + 4 + 3 + 2.",
    ),
    why=(
        "6 places side by side and 5 with one word between, each in both directions: 22. A text of a million "
        "words with a window of 5 gives ten million pairs, and nobody had to label one."
    ),
    further="With the weights of the figure, 1 and 0.5, they count as much as 17 pairs.",
    solution="2 · (6 + 5) = 22.",
    minutes=3,
)

# ---- the loss

LOSS_START = """\
import torch
import torch.nn.functional as F

def loss(words, neighbours, noise):
    # words, neighbours (pairs, width); noise (pairs, k, width)
    # score = product of the two vectors, number by number, summed
    # - log sigmoid(score) of the true neighbour,
    # - log sigmoid(-score) of each noise word;
    # summed for a pair, the mean over the pairs
    # your lines
"""
LOSS_SOLUTION = """\
import torch
import torch.nn.functional as F

def loss(words, neighbours, noise):
    true = (words * neighbours).sum(1)
    false = (words[:, None] * noise).sum(2)
    each = F.softplus(-true) + F.softplus(false).sum(1)
    return each.mean()
"""


def slow_loss(words: Tensor, neighbours: Tensor, noise: Tensor) -> Tensor:
    """The same with loops, a pair and a noise word at a time."""
    total = words.new_zeros(())
    for pair in range(len(words)):
        total = total - torch.sigmoid(words[pair] @ neighbours[pair]).log()
        for one in noise[pair]:
            total = total - torch.sigmoid(-(words[pair] @ one)).log()
    return total / len(words)


def library_loss(words: Tensor, neighbours: Tensor, noise: Tensor) -> Tensor:
    """The same by the library, for two words that are each other's neighbours: rows of passages."""
    from glassworks.models.sequence.word2vec import noise_contrast

    true = (words * neighbours).sum(1)
    false = (words[:, None] * noise).sum(2)  # (2, k)
    scores = torch.cat([torch.diag(true).flip(1), false], 1)[None]  # (1, 2, 2 + k)
    right = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    return noise_contrast(scores, right, noise.shape[1])


def check_loss(loss: Callable) -> list[Row]:
    """Against loops, against the library, and where a sigmoid rounds to 0."""
    rows = []
    for name, pairs, k, width in (
        ("one pair, one noise word", 1, 1, 4),
        ("five pairs, three noise words each", 5, 3, 6),
        ("as the library's, two words", 2, 4, 3),
    ):
        words, neighbours = _normal((pairs, width), name, "w"), _normal((pairs, width), name, "n")
        noise = _normal((pairs, k, width), name, "noise")
        wanted = (library_loss if name.startswith("as") else slow_loss)(words, neighbours, noise)
        got = loss(words.clone(), neighbours.clone(), noise.clone())
        rows.append(same(name, got, wanted, usual=_slips(words, neighbours, noise)))
    far = torch.full((1, 2), 10.0)
    got = loss(far, -far, far[:, None])
    usual = [
        (
            torch.tensor(float("inf")),
            "A sigmoid of -200 is 0 in float32, and log 0 is infinite. Take softplus.",
        )
    ]
    rows.append(same("scores of -200 and 200", got, torch.tensor(400.0), usual=usual))
    return rows


def _slips(words: Tensor, neighbours: Tensor, noise: Tensor) -> list[tuple[Tensor, str]]:
    true, false = (words * neighbours).sum(1), (words[:, None] * noise).sum(2)
    kept, told = F.softplus(-true), F.softplus(false)
    return [
        (kept.mean(), "The noise is missing. Then all scores only grow."),
        (told.sum(1).mean(), "The true neighbours are missing."),
        (
            (F.softplus(true) + F.softplus(-false).sum(1)).mean(),
            "The signs are exchanged: noise is to score low.",
        ),
        (
            (kept + F.softplus(-false).sum(1)).mean(),
            "The noise is pulled near. Its score comes with a minus.",
        ),
        (
            (kept + told.mean(1)).mean(),
            "Sum over the noise words of a pair. Take the mean over the pairs only.",
        ),
        ((kept + told.sum(1)).sum(), "That is the sum over the pairs. Take their mean."),
        (kept.mean() + told.mean(), "Sum over the noise words of a pair. Take the mean over the pairs only."),
        (-(kept + told.sum(1)).mean(), "The sign is turned round: a loss is to be made small."),
    ]


LOSS = CodeExercise(
    id="words_as_vectors.loss",
    question="Write the loss of skip-gram with negative sampling, without a loop.",
    start=LOSS_START,
    name="loss",
    check=check_loss,
    solution=LOSS_SOLUTION,
    wrong=(
        Wrong(LOSS_SOLUTION.replace(" + F.softplus(false).sum(1)", ""), "one pair, one noise word"),
        Wrong(LOSS_SOLUTION.replace("F.softplus(false)", "F.softplus(-false)"), "one pair, one noise word"),
        Wrong(LOSS_SOLUTION.replace("F.softplus(false).sum(1)", "F.softplus(false).mean(1)"),
              "five pairs, three noise words each"),
        Wrong(LOSS_SOLUTION.replace("each.mean()", "each.sum()"), "as the library's, two words"),
        Wrong(LOSS_SOLUTION.replace("F.softplus(-true)", "-true.sigmoid().log()").replace(
            "F.softplus(false)", "-(-false).sigmoid().log()").replace("+ -", "- "), "scores of -200 and 200"),
    ),
    hints=(
        "`(words * neighbours).sum(1)` are the scores of the true pairs. For the noise, `words[:, None]` "
        "stands beside each of the k vectors.",
        "-log sigmoid(s) is `F.softplus(-s)`, and -log sigmoid(-s) is `F.softplus(s)`.",
    ),
    why=(
        "Each pair needs k + 1 products, whatever the size of the vocabulary. A softmax over 40,000 words "
        "would need 40,000."
    ),
    further="The library shares one set of noise words over a passage: then all scores are one product of "
        "matrices.",
    minutes=8,
)  # fmt: skip

# ---- noise

POWER = NumberExercise(
    id="words_as_vectors.power",
    question=(
        "One word occurs 10,000 times, another 16 times. Noise is drawn in proportion to the counts to the "
        "power 3/4. How many times as often is the first one drawn?"
    ),
    target=125,
    tolerance=0.5,
    unit="times",
    mistakes=(
        Mistake(625, "That is the ratio of the counts, the power 1."),
        Mistake(25, "That is the power 1/2, the square root."),
        Mistake(1, "That is the power 0, where all words are drawn alike."),
        Mistake(468.75, "That is 3/4 of the ratio. The ratio is to be raised to the power 3/4."),
        Mistake(5, "That is the fourth root. Raise it to the third power."),
    ),
    hints=(
        "10,000 / 16 = 625, and the ratio of the powers is the power of the ratio.",
        "The fourth root of 625 is 5.",
    ),
    why=(
        "625 to the power 3/4 is 5³ = 125. The rare word is drawn five times as often as its count would "
        "ask for. The authors tried the powers and found this one best; it is no law."
    ),
    further="For a shop whose customers mostly buy the same ten things another power may serve better.",
    solution="(10,000 / 16)^(3/4) = 625^(3/4) = 5³ = 125.",
    minutes=3,
)

# ---- neighbours


def _near_left() -> str:
    from glassworks.reader.draw import note, table  # not in the child that checks code
    from glassworks.reader.figures.manual_words import neighbours, space

    rows = [[word, f"{cosine:.2f}"] for word, cosine in neighbours(space("counts"), "left", 5)]
    return table(["nearest to left", "cosine"], rows) + note("Vectors from counts of Python's manual.")


NEAREST = PredictExercise(
    id="words_as_vectors.nearest",
    question=(
        "Vectors are made from nothing but Python's own manual, some 60,000 words. Which word will be "
        "nearest to *left*?"
    ),
    choices=(
        Choice(
            "right",
            True,
            "Yes. Where the manual says left, it could mostly say right: the same words stand around them.",
        ),
        Choice(
            "gone, or another word of that meaning",
            False,
            "Of meanings the vectors know only neighbours. Is there a sentence in the manual where gone "
            "could stand in its place?",
        ),
        Choice(
            "leftmost, since it looks alike",
            False,
            "A word is a number here. Its letters are not seen.",
        ),
        Choice(
            "none in particular: 60,000 words are too few",
            False,
            "It is little, and enough for a word that occurs fifty times among much the same neighbours.",
        ),
    ),
    reveal=_near_left,
    hints=(
        "Near are words that have the same neighbours.",
        "Think of operands, justified text and shifted bits.",
    ),
    why=(
        "What is nearest can take the place of a word, and that is often its opposite. Good and bad are "
        "neighbours too: a trap for whoever judges reviews by such vectors."
    ),
    further="In which texts would left be near gone?",
    minutes=3,
)

# ---- what the scores are

OPTIMUM = NumberExercise(
    id="words_as_vectors.optimum",
    question=(
        "A text gives 1,000,000 pairs. A word is in 2,000 of them, a neighbour in 500, and they meet 8 "
        "times. There are 4 noise words for each true one, drawn by counts. Which score makes the loss of "
        "this pair smallest? (log 2 = 0.693)"
    ),
    target=0.6931,
    tolerance=0.004,
    mistakes=(
        Mistake(2.0794, "That is the PMI, log 8. The noise takes log 4 away."),
        Mistake(3.4657, "There log 4 was added. More noise pushes the score down."),
        Mistake(1, "That is with the logarithm of base 2. The loss is in nats: take the natural one."),
        Mistake(2, "That is 8 / 4. The score is its logarithm."),
        Mistake(8, "That is how much more often than by chance they meet. Take the logarithm, and the "
            "noise off."),
        Mistake(-1.3863, "That is -log 4 alone: the score of a pair that meets as often as by chance."),
    ),
    hints=(
        "By chance they would meet 2,000 · 500 / 1,000,000 times.",
        "PMI = log(8 / 1). The best score is PMI - log 4.",
    ),
    why=(
        "They meet 8 times where chance gives 1: PMI = log 8 = 2.079. Less log 4 = 1.386 that is 0.693. The "
        "text brings the pair 8 times, noise brings it 4 times: sigmoid(0.693) = 2/3 is just the share of "
        "the text."
    ),
    further="And a pair that never meets? Its best score is minus infinity, which vectors of limited width "
        "never reach.",
    solution="log(8 · 1,000,000 / (2,000 · 500)) - log 4 = log 8 - log 4 = log 2 = 0.693.",
    minutes=4,
)  # fmt: skip

# ---- analogies


def _lab_of_analogies() -> str:
    from glassworks import labs  # not in the child that checks code
    from glassworks.reader.draw import note, table

    found = labs.recorded("analogies")
    assert found is not None
    first = found.tables[0]
    return table(list(first.head), [list(row) for row in first.rows]) + note(
        "From the lab below, three seeds."
    )


EXCLUDED = PredictExercise(
    id="words_as_vectors.excluded",
    question=(
        "4,114 questions like *day is to days as man is to ?*, answered by vectors of six novels, a "
        "newspaper corpus and the Bible. The answer is the nearest of *all* words to days - day + man. How "
        "often is it the right one, men in this case?"
    ),
    choices=(
        Choice(
            "In 3 or 4 of 100",
            True,
            "Yes: 3.5 %. In 95.5 % of cases the nearest word is one of the question's own.",
        ),
        Choice(
            "In 30 or 40 of 100",
            False,
            "That is with the three words of the question struck off the list, which is how such figures are "
            "usually told.",
        ),
        Choice(
            "In 70 or 80 of 100",
            False,
            "So it may sound. The best published vectors come near it on lists of their own, with the three "
            "words struck off.",
        ),
        Choice(
            "Never",
            False,
            "Now and then the step is large enough, for the past tense in 11 of 100.",
        ),
    ),
    reveal=_lab_of_analogies,
    hints=(
        "The three words of the question are words as well. How near are they to the sum?",
        "The sum holds man whole. The step from day to days is short.",
    ),
    why=(
        "The step between two forms of a word is short beside the words, so the sum stays near where it "
        "began. The usual rule strikes off the three words, and so picks the nearest neighbour of what "
        "remains."
    ),
    further="With the rule it is 32.5 %. The nearest neighbour of the third word alone gets 14.6 %.",
    minutes=3,
)

ANALOGY_START = """\
import torch

def analogy(vectors, a, b, c):
    # vectors (words, width), of any length; a, b, c numbers of words
    # make all vectors 1 long, look for the word whose vector points
    # most in the direction b - a + c, and is none of the three;
    # return its number
    # your lines
"""
ANALOGY_SOLUTION = """\
import torch

def analogy(vectors, a, b, c):
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    cosines = unit @ (unit[b] - unit[a] + unit[c])
    cosines[[a, b, c]] = -torch.inf
    return int(cosines.argmax())
"""


def _answer(vectors: Tensor, a: int, b: int, c: int, *, besides: tuple[int, ...], unit: bool = True) -> int:
    rows = F.normalize(vectors, dim=1) if unit else vectors
    cosines = rows @ (rows[b] - rows[a] + rows[c])
    cosines[list(besides)] = -torch.inf
    return int(cosines.argmax())


def _tricky(name: str, seed: int) -> tuple[Tensor, int, int, int]:
    """Vectors of unequal length for which every usual mistake gives another answer."""
    for trial in range(500):
        vectors = _normal((30, 5), name, seed, trial) * (1 + 3 * torch.rand(
            (30, 1), generator=torch.Generator().manual_seed(trial)))  # fmt: skip
        a, b, c = 3, 11, 19
        right = _answer(vectors, a, b, c, besides=(a, b, c))
        others = {
            _answer(vectors, a, b, c, besides=()),
            _answer(vectors, a, b, c, besides=(c,)),
            _answer(vectors, b, a, c, besides=(a, b, c)),
            _answer(vectors, a, b, c, besides=(a, b, c), unit=False),
        }
        if right not in others:
            return vectors, a, b, c
    raise AssertionError("no such vectors")


def check_analogy(analogy: Callable) -> list[Row]:
    """Against the library's answers on random vectors of unequal length."""
    from glassworks.judging.word_questions import Question
    from glassworks.judging.words import Space, answered

    rows = []
    for seed, name in enumerate(("thirty words", "thirty others")):
        vectors, a, b, c = _tricky(name, seed)
        space = Space([str(number) for number in range(len(vectors))], vectors.numpy())
        wanted = int(answered(space, [Question("", str(a), str(b), str(c), "0")]).said[0])
        usual = [
            (_answer(vectors, a, b, c, besides=()), "That is a word of the question: strike all three off."),
            (_answer(vectors, a, b, c, besides=(c,)), "Strike off all three words, not the third alone."),
            (_answer(vectors, b, a, c, besides=(a, b, c)), "The step goes from a to b: b - a + c."),
            (
                _answer(vectors, a, b, c, besides=(a, b, c), unit=False),
                "Long vectors win there. Make every vector 1 long first.",
            ),
        ]
        rows.append(same(name, analogy(vectors.clone(), a, b, c), wanted, usual=usual))
    return rows


ANALOGY = CodeExercise(
    id="words_as_vectors.analogy",
    question="Write the usual answer to a : b = c : ?, with the words of the question struck off.",
    start=ANALOGY_START,
    name="analogy",
    check=check_analogy,
    solution=ANALOGY_SOLUTION,
    wrong=(
        Wrong(ANALOGY_SOLUTION.replace("    cosines[[a, b, c]] = -torch.inf\n", ""), "thirty words"),
        Wrong(ANALOGY_SOLUTION.replace("[[a, b, c]]", "[c]"), "thirty words"),
        Wrong(ANALOGY_SOLUTION.replace("unit[b] - unit[a]", "unit[a] - unit[b]"), "thirty others"),
        Wrong(ANALOGY_SOLUTION.replace(" / vectors.norm(dim=1, keepdim=True)", " * 1"), "thirty others"),
    ),
    hints=(
        "A row divided by its length: `vectors / vectors.norm(dim=1, keepdim=True)`.",
        "`unit @ direction` gives a number for each word, the larger the nearer. Set three of them to "
        "minus infinity.",
    ),
    why=(
        "The direction need not be made 1 long: that changes all numbers alike. The line with minus "
        "infinity is the one that makes analogies look as they do in books."
    ),
    further="Leave the line out, and ask your own vectors: how often is the answer c?",
    minutes=6,
)  # fmt: skip

# ---- what is read into them

BIAS = ChoiceExercise(
    id="words_as_vectors.bias",
    question=(
        "A program answers: man is to doctor as woman is to nurse. It strikes the words of the question off "
        "its list, as usual. What follows?"
    ),
    choices=(
        Choice(
            "Little, yet: doctor was not allowed as an answer. Look at the cosines of all words first.",
            True,
            "Yes. Without the rule the answer may well be doctor (Nissim 2019). Whether the vectors are "
            "biased is to be measured otherwise.",
        ),
        Choice(
            "The vectors hold that a woman cannot be a doctor.",
            False,
            "The program could not say doctor, whatever the vectors hold.",
        ),
        Choice(
            "The vectors are free of bias: a program has no opinions.",
            False,
            "It learns from what people wrote. Measured with whole lists of words, such vectors do show "
            "prejudices (Caliskan 2017).",
        ),
        Choice(
            "The text says so somewhere.",
            False,
            "No sentence is needed for it. Nearness comes from all neighbours together.",
        ),
    ),
    hints=(
        "Which words was the program not allowed to say?",
        "What would a fair test have to allow?",
    ),
    why=(
        "Two things are true. Vectors take over what the text says by its habits, prejudices with it. And a "
        "single striking analogy, with words struck off, is no measurement of that."
    ),
    further="Compare lists: do the names of one group lie nearer to words of work, those of another to "
        "words of home?",
    minutes=3,
)  # fmt: skip

EXERCISES = (PAIRS, LOSS, POWER, NEAREST, OPTIMUM, EXCLUDED, ANALOGY, BIAS)
