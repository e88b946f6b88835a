"""Helpers for the checks of code exercises: compare with what is right, and name the usual mistake.

A check calls the answer's function, compares what came back with the library, and says which usual mistake
would have given it: transposed, off by one, a wrong axis, changed in place. Each helper gives one row; what a
helper cannot use (nothing came back, a wrong shape, not a number) is told in words before any comparison.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from glassworks.reader.exercises.kinds import Row

Usual = tuple[Any, str]  # (what the mistake gives, the reason to tell)


def same(name: str, got: Any, wanted: Any, *, tolerance: float = 1e-5, usual: Sequence[Usual] = ()) -> Row:
    """Row `name`: `got` equals `wanted` within tolerance * (1 + size); otherwise the reason why not.

    got: what the answer gave; wanted: number, array, tensor, nested list, text, bool or None
    usual: pairs (value, reason); the first value that `got` equals gives its reason
    """
    if _equal(got, wanted, tolerance):
        return Row(name, True, f"As expected: {show(wanted)}.")
    for value, reason in usual:
        if _equal(got, value, tolerance):
            return Row(name, False, reason)
    return Row(name, False, difference(got, wanted))


def unchanged(name: str, call: Callable[..., Any], *arguments: Any) -> Row:
    """Row `name`: calling `call(*arguments)` leaves its arrays and tensors as they were."""
    before = [_copied(argument) for argument in arguments]
    call(*arguments)
    for place, (old, new) in enumerate(zip(before, arguments), 1):
        if not _equal(new, old, 0.0):
            return Row(
                name, False, f"Argument {place} was changed in place. Work on a copy, or make a new one."
            )
    return Row(name, True, "The arguments are as they were.")


def difference(got: Any, wanted: Any) -> str:
    """One or two sentences on how `got` differs from `wanted`."""
    if got is None and wanted is not None:
        return "Nothing came back (`None`). Is there a `return`?"
    if callable(got) and not callable(wanted):
        return "A function came back, not its result. Is it called, with brackets?"
    left, right = _array(got), _array(wanted)
    if right is None:
        return f"Expected {show(wanted)}; got {show(got)}."
    if left is None:
        return f"Expected {_kind(wanted)}; got {show(got)}, of type `{type(got).__name__}`."
    if left.shape != right.shape:
        return _shapes(left, right)
    if not np.isfinite(left).all() and np.isfinite(right).all():
        word = "not a number (nan)" if np.isnan(left).any() else "infinite"
        return f"Some values are {word}. Was something divided by zero, or the logarithm of zero taken?"
    if left.ndim == 0:
        return f"Expected {show(wanted)}; got {show(got)}."
    off = ~np.isclose(left, right, rtol=1e-5, atol=1e-5)
    place = tuple(int(i) for i in np.argwhere(off)[0]) if off.any() else (0,) * left.ndim
    at = ", ".join(str(i) for i in place)
    return (
        f"The shape is right, {int(off.sum())} of {off.size} values are not: "
        f"at [{at}] expected {right[place]:.6g}; got {left[place]:.6g}."
    )


def show(value: Any) -> str:
    """A value as a reason shows it: short, in backticks, arrays by shape when they are large."""
    array = None if isinstance(value, (str, bool, dict, set)) else _array(value)
    if array is not None and array.ndim == 0:
        return f"`{array.item():.6g}`"
    if array is not None and array.size > 8:
        return f"values of shape `{tuple(array.shape)}`"
    if array is not None:
        value = np.vectorize(lambda x: float(f"{x:.5g}"), otypes=[float])(array).tolist()
    text = repr(value).replace("`", "'")
    return f"`{text if len(text) <= 120 else text[:117] + '…'}`"


def _equal(got: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(wanted, bool):
        return isinstance(got, (bool, np.bool_)) and bool(got) == wanted
    if wanted is None or isinstance(wanted, str):
        return type(got) is type(wanted) and got == wanted
    left, right = _array(got), _array(wanted)
    if right is None:
        return bool(type(got) is type(wanted) and got == wanted)
    if left is None or left.shape != right.shape:
        return False
    return bool(np.allclose(left, right, rtol=tolerance, atol=tolerance, equal_nan=True))


def _array(value: Any) -> np.ndarray | None:
    """Numbers as a float64 array, None when they are none."""
    if isinstance(value, torch.Tensor):
        value = value.detach().to("cpu", torch.float64).numpy()
    if value is None or isinstance(value, (str, bytes, dict, set)) or callable(value):
        return None
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return value.copy() if hasattr(value, "copy") else value


def _shapes(left: np.ndarray, right: np.ndarray) -> str:
    text = f"Expected shape `{right.shape}`; got `{left.shape}`."
    if left.shape == right.shape[::-1]:
        return f"{text} It is transposed: rows and columns are swapped."
    if left.ndim == right.ndim and sum(a != b for a, b in zip(left.shape, right.shape)) == 1:
        axis = next(i for i, (a, b) in enumerate(zip(left.shape, right.shape)) if a != b)
        if abs(left.shape[axis] - right.shape[axis]) == 1:
            return f"{text} Axis {axis} is off by one."
    if sorted(left.shape) == sorted(right.shape):
        return f"{text} The axes are in another order."
    if left.size == right.size:
        return f"{text} All values are there, in another shape."
    return text


def _kind(wanted: Any) -> str:
    array = _array(wanted)
    assert array is not None
    return "a number" if array.ndim == 0 else f"numbers of shape `{array.shape}`"
