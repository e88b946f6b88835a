"""Automatic differentiation from nothing: arithmetic that remembers, and the chain rule walked backwards.

Every operation on a `Value` computes its result at once and notes two things on it: which values it came
from, and for each of them a rule that turns the gradient of the result into that value's share. These
notes are the tape. Because it is written while Python runs, branches and loops need no special support;
`backward()` then visits the results in reverse order and adds up the shares.

Source: Baydin, Pearlmutter, Radul, Siskind 2018, "Automatic differentiation in machine learning: a survey"
(arXiv 1502.05767). Differs from torch: float64 only, no devices, inner values keep their gradient too.
Change first: add an operation (`sin`, say) in three lines, and let `tests/foundations` compare it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray
Rule = Callable[
    [Array], Array
]  # gradient of the result -> gradient of one input, before broadcasting is undone
Edge = tuple["Value", Rule]
Axis = int | tuple[int, ...] | None


class Value:
    """A float64 array of any shape that remembers how it was made.

    data:      the numbers
    grad:      d(final scalar)/d(this), of the same shape, or None before `backward()`
    operation: what made it: "+", "@", "relu", …; "leaf" if you did, "constant" if it is not learned
    edges:     the tape: (input, rule) for each input
    name:      shown in drawings
    """

    __array_ufunc__ = None  # lets `array + value` reach Value.__radd__ instead of making an array of objects
    __slots__ = ("data", "edges", "freed", "grad", "name", "operation")

    def __init__(self, data: Any, *, name: str = "", constant: bool = False):
        if isinstance(data, Value):
            raise TypeError("expected numbers; got a Value; use it as it is, or .data for its numbers")
        self.data: Array = np.array(data, dtype=np.float64)
        self.grad: Array | None = None
        self.operation = "constant" if constant else "leaf"
        self.edges: tuple[Edge, ...] = ()
        self.name = name
        self.freed = False

    # What is added, subtracted, multiplied, divided or raised may be broadcast; `backward` undoes it.

    def __add__(self, other: Any) -> "Value":
        other = _together(self, other, "+")
        return _result(self.data + other.data, "+", (self, lambda g: g), (other, lambda g: g))

    def __mul__(self, other: Any) -> "Value":
        other = _together(self, other, "*")
        return _result(
            self.data * other.data, "*", (self, lambda g: g * other.data), (other, lambda g: g * self.data)
        )

    def __truediv__(self, other: Any) -> "Value":
        other = _together(self, other, "/")
        out = self.data / other.data
        return _result(out, "/", (self, lambda g: g / other.data), (other, lambda g: -g * out / other.data))

    def __pow__(self, exponent: Any) -> "Value":
        exponent = _together(self, exponent, "**")
        base, power = self.data, exponent.data
        out = base**power
        return _result(
            out,
            "**",
            (self, lambda g: g * power * base ** (power - 1)),
            (exponent, lambda g: g * out * np.log(base)),
        )

    def __neg__(self) -> "Value":
        return self * -1.0

    def __sub__(self, other: Any) -> "Value":
        other = _together(self, other, "-")
        return _result(self.data - other.data, "-", (self, lambda g: g), (other, lambda g: -g))

    def __radd__(self, other: Any) -> "Value":
        return as_value(other) + self

    def __rsub__(self, other: Any) -> "Value":
        return as_value(other) - self

    def __rmul__(self, other: Any) -> "Value":
        return as_value(other) * self

    def __rtruediv__(self, other: Any) -> "Value":
        return as_value(other) / self

    def __rpow__(self, other: Any) -> "Value":
        return as_value(other) ** self

    def __matmul__(self, other: Any) -> "Value":
        """Matrix product, (…, rows, inner) @ (…, inner, columns); vectors as in NumPy."""
        other = as_value(other)
        _check_product(self.shape, other.shape)
        if self.data.ndim == 1:
            product = self.reshape(1, -1) @ other
            return (
                product.reshape(*product.shape[:-2], *product.shape[-1:])
                if other.data.ndim > 1
                else product[0]
            )
        if other.data.ndim == 1:
            return (self @ other.reshape(-1, 1)).reshape(*self.shape[:-1])
        a, b = self.data, other.data
        return _result(
            a @ b, "@", (self, lambda g: g @ b.swapaxes(-1, -2)), (other, lambda g: a.swapaxes(-1, -2) @ g)
        )

    def __rmatmul__(self, other: Any) -> "Value":
        return as_value(other) @ self

    def exp(self) -> "Value":
        out = np.exp(self.data)
        return _result(out, "exp", (self, lambda g: g * out))

    def log(self) -> "Value":
        """Natural logarithm; ValueError where a number is not positive."""
        if (self.data <= 0).any():
            raise ValueError(f"log: expected positive numbers; got {self.data.min():g} as the smallest")
        return _result(np.log(self.data), "log", (self, lambda g: g / self.data))

    def relu(self) -> "Value":
        """max(x, 0); the slope at exactly 0 is taken as 0."""
        return _result(np.maximum(self.data, 0.0), "relu", (self, lambda g: g * (self.data > 0)))

    def tanh(self) -> "Value":
        out = np.tanh(self.data)
        return _result(out, "tanh", (self, lambda g: g * (1.0 - out**2)))

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Value":
        rule: Rule = lambda g: np.broadcast_to(_with_axes(g, axis, keepdims, self.shape), self.shape)  # noqa: E731
        return _result(self.data.sum(axis=axis, keepdims=keepdims), "sum", (self, rule))

    def mean(self, axis: Axis = None, keepdims: bool = False) -> "Value":
        total = self.sum(axis, keepdims)
        return total / (self.data.size / max(total.data.size, 1))

    def max(self, axis: Axis = None, keepdims: bool = False) -> "Value":
        """Largest value along `axis`; equals that share the first place share the gradient."""
        winners = self.data == self.data.max(axis=axis, keepdims=True)
        share = winners / winners.sum(axis=axis, keepdims=True)
        rule: Rule = lambda g: share * _with_axes(g, axis, keepdims, self.shape)  # noqa: E731
        return _result(self.data.max(axis=axis, keepdims=keepdims), "max", (self, rule))

    def reshape(self, *shape: int) -> "Value":
        try:
            out = self.data.reshape(shape)
        except ValueError as error:
            raise ValueError(
                f"reshape: expected a shape of {self.data.size} numbers, as in {self.shape}; got {shape}"
            ) from error
        return _result(out, "reshape", (self, lambda g: g.reshape(self.shape)))

    def transpose(self, *axes: int) -> "Value":
        """The axes in the order given, reversed without arguments."""
        order = axes or tuple(reversed(range(self.data.ndim)))
        back = tuple(int(place) for place in np.argsort([axis % self.data.ndim for axis in order]))
        return _result(self.data.transpose(order), "transpose", (self, lambda g: g.transpose(back)))

    def __getitem__(self, index: Any) -> "Value":
        def rule(g: Array) -> Array:
            whole = np.zeros(self.shape)
            np.add.at(whole, index, g)  # an element picked twice receives both gradients
            return whole

        return _result(self.data[index], "index", (self, rule))

    def backward(self, *, keep_graph: bool = False) -> None:
        """Add d(self)/d(leaf) to every leaf's `grad`, and store it on the values between.

        keep_graph: keep the tape, for a second pass or a drawing; otherwise its memory is released
        Raises ValueError if this is not a single number, RuntimeError if the tape was released before.
        """
        order = ordered(self)
        for node, incoming, _ in pass_back(self, order):
            # Leaves add up over several passes, so that a batch may be fed in parts.
            old = node.grad if node.operation == "leaf" else None
            node.grad = incoming.copy() if old is None else old + incoming
        if not keep_graph:
            for node in order:
                if node.edges:
                    node.edges, node.freed = (), True

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"Value({np.array2string(self.data, precision=4, threshold=8)}, {self.name or self.operation})"


def cross_entropy(logits: Value, targets: Array) -> Value:
    """Mean negative log-probability of the right classes: (rows, classes), int (rows,) -> scalar, in nats.

    Built from the parts above. log(sum(exp(z))) is taken after the largest logit was subtracted, and that
    logit added again: the value is the same, and exp() can no longer overflow.
    """
    targets = np.asarray(targets)
    if logits.data.ndim != 2 or targets.shape != logits.shape[:1] or targets.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy: expected logits (rows, classes) and whole-number targets (rows,); "
            f"got {logits.shape} and {targets.dtype} {targets.shape}"
        )
    if len(targets) and not 0 <= targets.min() <= targets.max() < logits.shape[1]:
        raise ValueError(
            f"cross_entropy: expected targets from 0 to {logits.shape[1] - 1}; "
            f"got {targets.min()} to {targets.max()}"
        )
    largest = logits.data.max(axis=1, keepdims=True)  # plain numbers: it cancels, so it needs no gradient
    log_sum = (logits - largest).exp().sum(axis=1).log() + largest[:, 0]
    return (log_sum - logits[np.arange(len(targets)), targets]).mean()


def as_value(number: Any) -> Value:
    """A Value as it is; anything else as a constant, which receives no gradient."""
    return number if isinstance(number, Value) else Value(number, constant=True)


def ordered(value: Value) -> list[Value]:
    """Every value that `value` was computed from, inputs before results, itself last (no recursion)."""
    order: list[Value] = []
    seen: set[int] = set()
    waiting = [(value, False)]
    while waiting:
        node, inputs_done = waiting.pop()
        if inputs_done:
            order.append(node)
        elif id(node) not in seen:
            if node.freed:
                raise RuntimeError(
                    f'the tape behind "{node.name or node.operation}" was released by an earlier backward(); '
                    "compute it again, or call the earlier one as backward(keep_graph=True)"
                )
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((parent, False) for parent, _ in reversed(node.edges))
    return order


def pass_back(value: Value, order: list[Value]) -> Iterator[tuple[Value, Array, list[tuple[Value, Array]]]]:
    """The backward pass, one value at a time: (value, its whole gradient, its inputs' shares).

    When a value's turn comes, everything that used it has been visited, so its gradient is complete.
    """
    if value.data.size != 1:
        raise ValueError(
            f"backward: expected a single number to differentiate; got shape {value.shape}; "
            "reduce it first, with .sum() or .mean()"
        )
    if value.operation == "constant":
        raise ValueError("backward: expected a result of at least one leaf; got constants alone")
    gradients = {id(value): np.ones(value.shape)}
    for node in reversed(order):
        if node.operation == "constant" or id(node) not in gradients:
            continue
        incoming = gradients.pop(id(node))
        shares = [
            (parent, _undo_broadcast(rule(incoming), parent.shape))
            for parent, rule in node.edges
            if parent.operation != "constant"
        ]
        for parent, share in shares:
            gradients[id(parent)] = gradients[id(parent)] + share if id(parent) in gradients else share
        yield node, incoming, shares


def _result(data: Array, operation: str, *edges: Edge) -> Value:
    """The value of an operation, with its part of the tape."""
    learned = any(parent.operation != "constant" for parent, _ in edges)
    value = Value(data, constant=not learned)
    if learned:
        value.operation, value.edges = operation, edges
    return value


def _undo_broadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which its value was repeated: the chain rule for broadcasting."""
    added = gradient.ndim - len(shape)
    repeated = [added + axis for axis, size in enumerate(shape) if size == 1]
    stretched = tuple(axis for axis in repeated if gradient.shape[axis] != 1)
    return gradient.sum(axis=(*range(added), *stretched)).reshape(shape)


def _with_axes(gradient: Array, axis: Axis, keepdims: bool, shape: tuple[int, ...]) -> Array:
    """Give a reduced gradient its missing axes back, with size 1."""
    if keepdims:
        return gradient
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis) % len(shape)
    return gradient.reshape([1 if place in axes else size for place, size in enumerate(shape)])


def _together(a: Value, b: Any, sign: str) -> Value:
    """`b` as a Value, if its shape fits that of `a`."""
    b = as_value(b)
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError as error:
        raise ValueError(
            f"{sign}: expected shapes whose axes, from the last, are equal or 1; got {a.shape} and {b.shape}"
        ) from error
    return b


def _check_product(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if not a or not b:
        raise ValueError(f"@: expected matrices or vectors; got {a} and {b}; multiply single numbers with *")
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] != inner:
        raise ValueError(
            f"@: expected as many columns on the left as rows on the right; got {a[-1]}, {inner} in {a} @ {b}"
        )
