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
    ours = {_renamed(name, PAIRS[system], 0, 1, -1): tensor for name, tensor in tensors.items()}
    if system == "cnn":  # they lay the last map out channel by channel, we pixel by pixel
        weight, channels = ours["dense.weight"], _last_channels(ours)
        ours["dense.weight"] = weight.unflatten(1, (channels, -1)).transpose(1, 2).flatten(1)
    return ours


def to_theirs(system: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the textbook's names."""
    tensors = dict(tensors)
    if system == "cnn":
        weight, channels = tensors["dense.weight"], _last_channels(tensors)
        tensors["dense.weight"] = weight.unflatten(1, (-1, channels)).transpose(1, 2).flatten(1)
    return {_renamed(name, PAIRS[system], 1, 0, 1): tensor for name, tensor in tensors.items()}


def _last_channels(ours: dict[str, Tensor]) -> int:
    """Filters of a CNN's last stage."""
    names = [name for name in ours if name.endswith("convolution.weight")]
    return len(ours[max(names, key=lambda name: int(name.split(".")[1]))])


def is_theirs(system: str, tensors: dict[str, Tensor]) -> bool:
    """Whether all names are the textbook's."""
    try:
        return bool(tensors) and all(_renamed(name, PAIRS[system], 0, 1, -1) for name in tensors)
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
