"""The names that a forecaster of torch's parts usually gives to its weights, and ours for the same tensors.

`self.lstm = nn.LSTM(...)` and `self.fc = nn.Linear(...)` (or `linear`, or `head`): the textbook's network,
which is our variant "plain". Each tensor is the same there and here.
"""

from torch import Tensor

from glassworks.weights.names.maps import NameMap
from glassworks.weights.names.recurrent import LAYER

MAP = NameMap(
    pairs=(
        *((f"lstm.{theirs}", f"lstm.{ours}") for theirs, ours in LAYER.pairs),
        *((name, "head") for name in ("fc", "linear", "head")),
    )
)


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by our names. Raises KeyError for unknown names."""
    return MAP.to_ours(tensors)


def to_theirs(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Ours by theirs."""
    return MAP.to_theirs(tensors)


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are theirs."""
    return MAP.is_theirs(tensors)
