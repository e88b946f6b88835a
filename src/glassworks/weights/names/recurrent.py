"""The names that torch.nn.RNN, LSTM and GRU give to their weights, and ours for the same tensors.

`weight_ih_l1_reverse` is what the second layer's backward reader makes of its input; here it is
`back_cells.1.from_input.weight`. Nothing is turned or joined: each tensor is the same there and here.
"""

from torch import Tensor

from glassworks.weights.names.maps import NameMap

_PARTS = (("weight_ih", "from_input.weight"), ("weight_hh", "from_state.weight"),
          ("bias_ih", "from_input.bias"), ("bias_hh", "from_state.bias"))  # fmt: skip
LAYER = NameMap(
    pairs=tuple(
        (f"{theirs}_l*{suffix}", f"{cells}.*.{ours}")
        for suffix, cells in (("_reverse", "back_cells"), ("", "cells"))
        for theirs, ours in _PARTS
    )
)
# A classifier: the layer under torch's name for it in a module of its own, and a linear head.
CLASSIFIER = NameMap(
    pairs=(
        *((f"{kind}.{theirs}", f"layer.{ours}") for kind in ("rnn", "lstm", "gru")
          for theirs, ours in LAYER.pairs),
        *((name, "head") for name in ("head", "fc", "linear")),
    )
)  # fmt: skip


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a layer, or of a classifier with one, by our names. Raises KeyError for unknown names."""
    return _map_of(tensors).to_ours(tensors)


def to_theirs(tensors: dict[str, Tensor], kind: str = "") -> dict[str, Tensor]:
    """The names of torch's layer; with a kind ("rnn", "lstm", "gru"), of a classifier that holds it so."""
    if not kind:
        return LAYER.to_theirs(tensors)
    layer = {name.removeprefix("layer."): tensor for name, tensor in tensors.items() if "head" not in name}
    found = {f"{kind}.{name}": tensor for name, tensor in LAYER.to_theirs(layer).items()}
    return found | {name: tensor for name, tensor in tensors.items() if name.startswith("head.")}


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are torch's."""
    return LAYER.is_theirs(tensors) or (
        CLASSIFIER.is_theirs(tensors) and not any(name.startswith("layer.") for name in tensors)
    )


def _map_of(tensors: dict[str, Tensor]) -> NameMap:
    return LAYER if LAYER.is_theirs(tensors) else CLASSIFIER
