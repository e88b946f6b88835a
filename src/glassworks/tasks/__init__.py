"""What models are trained to do: losses, answers and metrics that many systems share."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """What is minimised, and its named parts for the log. Each is a scalar tensor."""

    total: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)
