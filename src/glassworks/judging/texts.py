"""What a model of texts has to beat: the most frequent answer, and counted words with a linear model.

The second is the strongest simple thing there is: each text becomes the counts of its words and of its pairs
of words, rare ones weighing more (TF-IDF, Spärck Jones 1972), and a linear model learns a weight for each
(logistic regression; ridge regression for a number). It knows no order beyond two words and trains in
seconds. A network that does not beat it on the same rows is not worth its price, and the report says so.

The first thing to change: `PATTERN`, what counts as a word.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassworks.core.keyed import permutation
from glassworks.core.rows import Answers
from glassworks.judging.baselines import frequent_answers

COUNTED = {"label": "TF-IDF with logistic regression", "number": "TF-IDF with ridge regression"}
ABOUT = (
    "Baselines see the same training rows: the most frequent answer, and the counts of words and of pairs of "
    "words with a linear model, which knows no order. Differences are resampled on the same rows."
)
PATTERN = r"(?u)\b\w+\b"
STRENGTH = 4.0  # of the data against the prior that weights are small; 4 beats 1 by a point on short reviews
MOST_ROWS = 50_000  # of the training part that the words are counted in
FEW_WORDS = 2  # median words a text below which letters are counted: writing without spaces, single words


def text_baselines(
    train: Sequence[str], targets: np.ndarray, judged: Sequence[str], answers: Answers
) -> dict[str, Answers]:
    """The baselines' answers to the rows of `answers`, by readable name; fitted on the training part alone.

    train, targets: texts of the training part and what they are labelled, as `Answers.targets`
    judged:         texts of the rows of `answers`
    """
    found = frequent_answers(targets, answers)
    rows, name = np.arange(len(train)), COUNTED["number" if answers.kind == "number" else "label"]
    if len(rows) > MOST_ROWS:
        rows = np.sort(permutation(len(rows), "counted-words")[:MOST_ROWS])
        name += f", {MOST_ROWS:,} of {len(train):,} training rows"
    scores = counted_words([train[int(row)] for row in rows], targets[rows], judged, answers)
    if scores is not None:
        like = answers
        found[name] = Answers(like.names, like.kind, like.targets, scores, like.classes, like.groups)
    return found


def counted_words(
    train: Sequence[str], targets: np.ndarray, judged: Sequence[str], answers: Answers
) -> np.ndarray | None:
    """Scores of the linear model, float64 (rows, classes or 1); None where the texts hold no words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    letters = float(np.median([len(text.split()) for text in train])) < FEW_WORDS
    how: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (1, 4)} if letters else {
        "token_pattern": PATTERN, "ngram_range": (1, 2)
    }  # fmt: skip
    counter = TfidfVectorizer(sublinear_tf=True, **how)
    try:
        counts = counter.fit_transform(train)
    except ValueError:  # scikit-learn's word for texts without any word
        return None
    return _linear(counts, targets, counter.transform(judged), answers)


def _linear(counts: Any, targets: np.ndarray, asked: Any, answers: Answers) -> np.ndarray:
    """A linear model of sparse counts (texts, terms), asked for other texts."""
    from sklearn.linear_model import LogisticRegression, Ridge

    rows = asked.shape[0]
    if answers.kind == "number":
        ridge = Ridge(alpha=1.0).fit(counts, targets)
        return np.asarray(ridge.predict(asked), np.float64).reshape(rows, 1)

    def chances(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(the values that occur, their probabilities for each asked row)."""
        known = np.unique(labels)
        if len(known) == 1:
            return known, np.ones((rows, 1))
        model = LogisticRegression(C=STRENGTH, max_iter=1_000).fit(counts, labels)
        return model.classes_, model.predict_proba(asked)

    scores = np.zeros((rows, len(answers.classes)))
    if answers.kind == "label":
        known, found = chances(np.asarray(targets))
        scores[:, known] = found
        return scores
    for column in range(scores.shape[1]):
        known, found = chances(np.asarray(targets[:, column]).astype(np.int64))
        if 1 in known:
            scores[:, column] = found[:, list(known).index(1)]
    return scores
