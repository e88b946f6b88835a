"""The training loop by hand: one weight with pencil-and-paper calculus, then a small network on the tape.

A model predicts, a loss says how wrong it was, the chain rule says how each weight moved the loss, and each
weight takes a small step the other way. That is all of training; what follows here is the same loop twice,
once for `prediction = weight * x` and once for two layers that read handwritten digits.

Source: Rumelhart, Hinton, Williams 1986, "Learning representations by back-propagating errors".
Differs from a framework: NumPy alone, plain SGD, no batches in parallel.
Change first: `hidden` and `rate` in `train`.

Axes: rows are examples; inputs, hidden and classes are the widths of the layers.
"""

from dataclasses import dataclass

import numpy as np

from glassworks.foundations.tape import Value, cross_entropy


@dataclass(frozen=True)
class HandStep:
    """One step of training one weight, every factor of the chain rule by itself."""

    weight: float
    prediction: float
    loss: float
    loss_by_prediction: float
    prediction_by_weight: float
    gradient: float
    new_weight: float


def one_weight(x: float, y: float, weight: float, rate: float, steps: int) -> list[HandStep]:
    """Train prediction = weight * x towards y with the squared error, all derivatives written out."""
    history = []
    for _ in range(steps):
        prediction = weight * x
        loss = (prediction - y) ** 2
        loss_by_prediction = 2 * (prediction - y)
        prediction_by_weight = x
        gradient = loss_by_prediction * prediction_by_weight  # the chain rule
        new_weight = weight - rate * gradient
        history.append(
            HandStep(weight, prediction, loss, loss_by_prediction, prediction_by_weight, gradient, new_weight)
        )
        weight = new_weight
    return history


class TwoLayers:
    """inputs -> hidden (ReLU) -> classes, with He's initial weights (variance 2 / inputs) and zero biases."""

    def __init__(self, inputs: int, hidden: int, classes: int, generator: np.random.Generator):
        def weights(rows: int, columns: int, name: str) -> Value:
            return Value(generator.normal(0.0, np.sqrt(2.0 / rows), (rows, columns)), name=name)

        self.first, self.first_bias = (
            weights(inputs, hidden, "first"),
            Value(np.zeros(hidden), name="first bias"),
        )
        self.second, self.second_bias = (
            weights(hidden, classes, "second"),
            Value(np.zeros(classes), name="second bias"),
        )

    def __call__(self, rows: np.ndarray) -> Value:
        """Scores before softmax, (rows, inputs) -> (rows, classes)."""
        hidden = (rows @ self.first + self.first_bias).relu()  # (rows, hidden)
        return hidden @ self.second + self.second_bias

    def parameters(self) -> list[Value]:
        return [self.first, self.first_bias, self.second, self.second_bias]


@dataclass(frozen=True)
class Epoch:
    """loss: mean over all training rows, in nats; accuracy: share of validation rows answered rightly."""

    number: int
    loss: float
    accuracy: float


def split(
    count: int, generator: np.random.Generator, validation: float = 0.15, test: float = 0.15
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers of the training, validation and test parts: disjoint, and together all of them."""
    if not (validation > 0 and test > 0 and validation + test < 1):
        raise ValueError(
            f"split: expected shares above 0 that leave some for training; got {validation:g} and {test:g}"
        )
    order = generator.permutation(count)
    first, second = round(count * validation), round(count * (validation + test))
    return order[second:], order[:first], order[first:second]


def standardise(pictures: np.ndarray, mean: np.ndarray | float, std: np.ndarray | float) -> np.ndarray:
    """(value - mean) / std, with the training part's figures for every part: (…, channels) or any shape."""
    if (np.asarray(std) <= 0).any():
        raise ValueError(f"standardise: expected a positive standard deviation; got {std}")
    return (pictures - mean) / std


def accuracy(model: TwoLayers, rows: np.ndarray, targets: np.ndarray) -> float:
    """Share of rows whose highest score is the right class."""
    return float((model(rows).data.argmax(axis=1) == targets).mean())


def train(
    rows: np.ndarray,
    targets: np.ndarray,
    held_rows: np.ndarray,
    held_targets: np.ndarray,
    generator: np.random.Generator,
    *,
    hidden: int = 32,
    rate: float = 0.2,
    batch: int = 32,
    epochs: int = 15,
) -> tuple[TwoLayers, list[Epoch]]:
    """Plain SGD on (rows, inputs) and whole-number targets (rows,); judged on held-out rows after each epoch.

    The test part is not an argument: it is for one look at the end, with `accuracy`.
    """
    if len(rows) != len(targets) or len(held_rows) != len(held_targets):
        raise ValueError(
            "train: expected one target for each row; "
            f"got {len(rows)} rows with {len(targets)}, {len(held_rows)} with {len(held_targets)} held out"
        )
    model = TwoLayers(rows.shape[1], hidden, int(targets.max()) + 1, generator)
    history = []
    for number in range(1, epochs + 1):
        order, total = generator.permutation(len(rows)), 0.0
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            for parameter in model.parameters():
                parameter.grad = None
            loss = cross_entropy(model(rows[chosen]), targets[chosen])
            loss.backward()
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.data -= rate * parameter.grad
            total += loss.data.item() * len(chosen)  # the last batch may be smaller, so weigh by rows
        history.append(Epoch(number, total / len(rows), accuracy(model, held_rows, held_targets)))
    return model, history
