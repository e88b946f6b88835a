"""The names of PyTorch's own example of a word language model, and ours for the same tensors.

https://github.com/pytorch/examples, word_language_model: `encoder` is the embedding, `rnn` a torch.nn.LSTM,
`decoder` the linear layer that scores the next word. Each tensor is the same there and here.
"""

from torch import Tensor

from glassworks.weights.names.maps import NameMap
from glassworks.weights.names.recurrent import LAYER

MAP = NameMap(
    pairs=(
        ("encoder", "token_embedding"),
        *((f"rnn.{theirs}", f"lstm.{ours}") for theirs, ours in LAYER.pairs),
        ("decoder", "head"),
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
