"""Real answers for the tests of judging: a small network trained on scikit-learn's digits."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from glassworks.core.rows import Answers

DIGITS = tuple(str(digit) for digit in range(10))


@dataclass(frozen=True)
class Trained:
    """Digits in three parts, and what two models (one trained briefly, one longer) say about them."""

    pixels: np.ndarray
    targets: np.ndarray
    parts: dict[str, np.ndarray]
    brief: MLPClassifier
    longer: MLPClassifier

    def answers(self, part: str = "test", model: str = "longer") -> Answers:
        rows = self.parts[part]
        scores = getattr(self, model).predict_proba(self.pixels[rows].reshape(len(rows), -1) / 255)
        return Answers(tuple(f"digit/{row}" for row in rows), "label", self.targets[rows], scores, DIGITS)


@pytest.fixture(scope="session")
def digits() -> Trained:
    data = load_digits()
    pixels = np.minimum(data.images * 16, 255).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(pixels))
    parts = {"train": order[:900], "val": order[900:1200], "test": order[1200:]}
    rows = parts["train"]
    models = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for epochs in (6, 60):
            model = MLPClassifier((32,), max_iter=epochs, learning_rate_init=0.003, random_state=0)
            models.append(model.fit(pixels[rows].reshape(len(rows), -1) / 255, data.target[rows]))
    return Trained(pixels, data.target, parts, *models)


def two_classes(answers: Answers, digit: int) -> Answers:
    """The same rows as a question with two answers: is it this digit?"""
    yes = answers.scores[:, digit]
    scores = np.stack([1 - yes, yes], axis=1)
    return Answers(
        answers.names, "label", (answers.targets == digit).astype(np.int64), scores, ("other", "yes")
    )


def several_labels(answers: Answers) -> Answers:
    """The same rows with three labels each: even, large, round."""
    kinds = np.array([[d % 2 == 0, d >= 5, d in (0, 6, 8, 9)] for d in range(10)])
    scores = answers.scores @ kinds
    return Answers(
        answers.names, "labels", kinds[answers.targets], np.clip(scores, 0, 1), ("even", "large", "round")
    )


def one_number(answers: Answers) -> Answers:
    """The same rows with the digit itself as a number to be estimated."""
    told = answers.scores @ np.arange(10.0)
    return Answers(answers.names, "number", answers.targets.astype(np.float64), told[:, None], ())
