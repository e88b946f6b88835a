"""What models are trained to do: losses, answers and metrics that many systems share."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Loss:
    """What is minimised, and its named parts for the log. Each is a scalar tensor."""

    total: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)


def asked(model: nn.Module, batch: Any) -> Tensor:
    """What a model says of a batch: pictures go in alone, sequences with their lengths."""
    given = getattr(batch, "given", None)
    return model(batch.inputs) if given is None else model(*given)
