"""The names that textbooks and tutorials give to the parts of small networks: conv1, bn1, fc1.

One table of pairs a system, used in both directions, so that a file of such a network can be loaded here
and a file from here can be loaded there. `{n}` counts from 1 there and from 0 here.
"""

import re

from torch import Tensor

# (their name, our name) of the part; what follows the part (weight, bias, …) is the same
PAIRS = {
    "cnn": (
        ("conv{n}", "stages.{n}.convolution"),
        ("bn{n}", "stages.{n}.norm"),
        ("fc1", "dense"),
        ("fc2", "head"),
    ),
    "lenet": (
        ("conv1", "convolution1"),
        ("conv2", "convolution2"),
        ("fc1", "dense1"),
        ("fc2", "dense2"),
        ("fc3", "head"),
    ),
}


def to_ours(system: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError for a name that the table does not know."""
    return {_renamed(name, PAIRS[system], 0, 1, -1): tensor for name, tensor in tensors.items()}


def to_theirs(system: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the textbook's names."""
    return {_renamed(name, PAIRS[system], 1, 0, 1): tensor for name, tensor in tensors.items()}


def is_theirs(system: str, tensors: dict[str, Tensor]) -> bool:
    """Whether all names are the textbook's."""
    try:
        return bool(tensors) and bool(to_ours(system, tensors))
    except KeyError:
        return False


def _renamed(name: str, pairs, source: int, target: int, shift: int) -> str:
    part, _, rest = name.rpartition(".")
    for pair in pairs:
        pattern = re.escape(pair[source]).replace(r"\{n\}", r"(\d+)")
        found = re.fullmatch(pattern, part)
        if found:
            number = int(found[1]) + shift if found.groups() else 0
            return f"{pair[target].format(n=number)}.{rest}"
    raise KeyError(name)
