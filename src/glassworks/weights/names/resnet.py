"""The names that torchvision and timm give to the parts of a ResNet: conv1, layer1.0.bn2, downsample.0, fc.

Both libraries share them. One table of pairs, used in both directions; every tensor is the same there and
here, batch norm's counter (num_batches_tracked) included. Their stages count from 1, ours from 0.
"""

import re

from torch import Tensor

FAMILIES = ("torchvision", "timm")
# (their name, our name) of a part of the whole network, and of a part of one block
NETWORK = (("conv1", "stem.convolution"), ("bn1", "stem.norm"), ("fc", "head"))
BLOCK = (
    ("conv1", "convolution1"),
    ("conv2", "convolution2"),
    ("conv3", "convolution3"),
    ("bn1", "norm1"),
    ("bn2", "norm2"),
    ("bn3", "norm3"),
    ("downsample.0", "shortcut.convolution"),
    ("downsample.1", "shortcut.norm"),
)


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError for a name that the table does not know."""
    return {_our_name(name): tensor for name, tensor in tensors.items()}


def to_theirs(tensors: dict[str, Tensor], family: str = "torchvision") -> dict[str, Tensor]:
    """Tensors by the names of torchvision and timm. Raises KeyError for an unknown name or family."""
    if family not in FAMILIES:
        raise KeyError(family)
    return {_their_name(name): tensor for name, tensor in tensors.items()}


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are theirs."""
    try:
        return bool(tensors) and all(_our_name(name) for name in tensors)
    except KeyError:
        return False


def _our_name(name: str) -> str:
    part, _, last = name.rpartition(".")
    if found := re.fullmatch(r"layer([1-4])\.(\d+)\.(.+)", part):
        return f"stages.{int(found[1]) - 1}.{found[2]}.{dict(BLOCK)[found[3]]}.{last}"
    return f"{dict(NETWORK)[part]}.{last}"


def _their_name(name: str) -> str:
    part, _, last = name.rpartition(".")
    if found := re.fullmatch(r"stages\.([0-3])\.(\d+)\.(.+)", part):
        theirs = {ours: theirs for theirs, ours in BLOCK}[found[3]]
        return f"layer{int(found[1]) + 1}.{found[2]}.{theirs}.{last}"
    theirs = {ours: theirs for theirs, ours in NETWORK}[part]
    return f"{theirs}.{last}"
