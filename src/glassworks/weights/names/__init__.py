"""One file a foreign family: a map of names, used in both directions. `by_our_names` picks the file."""

from types import ModuleType

from torch import Tensor

from glassworks.weights.names import (
    bert,
    clip,
    deit,
    efficientnet,
    forecaster,
    mae,
    pvt,
    recurrent,
    resnet,
    sentiment,
    swin,
    text_lstm,
    textbook,
    transformer,
    vit,
)

SYSTEMS = {
    "bert": bert,
    "clip": clip,
    "forecaster": forecaster,
    "resnet": resnet,
    "efficientnet": efficientnet,
    "vit": vit,
    "deit": deit,
    "pvt": pvt,
    "mae": mae,
    "sentiment": sentiment,
    "swin": swin,
    "rnn": recurrent,
    "lstm": recurrent,
    "gru": recurrent,
    "text_lstm": text_lstm,
    "transformer": transformer,
}
# (system, another) -> the file that knows how the other begins with its body
BODIES = {("mae", "vit"): mae}


def by_our_names(system: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A system's tensors by our names: renamed where all are of a family that we know, else as they are."""
    if system in textbook.PAIRS:
        return textbook.to_ours(system, tensors) if textbook.is_theirs(system, tensors) else tensors
    if (body := body_for(system, tensors)) is not None:
        return body.to_vit(tensors)
    foreign = SYSTEMS.get(system)
    return foreign.to_ours(tensors) if foreign is not None and foreign.is_theirs(tensors) else tensors


def body_for(system: str, tensors: dict[str, Tensor]) -> ModuleType | None:
    """The file that turns tensors of another system into this one's body, where there is one."""
    return next((own for (_, into), own in BODIES.items() if into == system and own.is_body(tensors)), None)
