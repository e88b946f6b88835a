"""One file a foreign family: a map of names, used in both directions. `by_our_names` picks the file."""

from torch import Tensor

from glassworks.weights.names import efficientnet, resnet, textbook

SYSTEMS = {"resnet": resnet, "efficientnet": efficientnet}


def by_our_names(system: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A system's tensors by our names: renamed where all are of a family that we know, else as they are."""
    if system in textbook.PAIRS:
        return textbook.to_ours(system, tensors) if textbook.is_theirs(system, tensors) else tensors
    foreign = SYSTEMS.get(system)
    return foreign.to_ours(tensors) if foreign is not None and foreign.is_theirs(tensors) else tensors
