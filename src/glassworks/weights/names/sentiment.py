"""The names that textbooks give to a reader of sentiment, and ours for the same tensors.

`embedding` is a torch.nn.Embedding, `lstm` a torch.nn.LSTM in both directions, `fc` the linear layer that
scores (also called `linear`, `classifier` or `head`). Each tensor is the same there and here.
"""

from torch import Tensor

from glassworks.weights.names.maps import NameMap
from glassworks.weights.names.recurrent import LAYER

MAP = NameMap(
    pairs=(
        ("embedding", "token_embedding"),
        *((f"lstm.{theirs}", f"reader.lstm.{ours}") for theirs, ours in LAYER.pairs),
        *((name, "head") for name in ("fc", "linear", "classifier", "head")),
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
