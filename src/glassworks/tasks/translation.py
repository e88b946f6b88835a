"""Another text for each text: the next token of the answer is learned at every place at once.

While training, the model is given the right beginning of an answer and says the next token (teacher forcing);
afterwards it writes on what it said itself. Cross-entropy over tokens is what both have in common, and what
is minimised; whether an answer is any good is judged on what the model writes (`judging/translation.py`).

Papers: Williams & Zipser 1989 (teacher forcing); Szegedy et al. 2015, arXiv 1512.00567 (smoothing).
First thing to change: `smoothing`, 0 for data with a single right answer.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.tasks import Loss


@dataclass(frozen=True)
class Translation:
    """Cross-entropy of the answer's tokens. smoothing: share of the truth that all other tokens get;
    padding: number of the token that fills up."""

    smoothing: float = 0.0
    padding: int = 0

    name = "translation"
    primary = "chrf"
    larger_is_better = True

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        """Mean over the tokens of all answers, their ends among them. batch: of `api.translation`."""
        return Loss(token_loss(model(*batch.given), batch.targets[:, 1:], self.padding, self.smoothing))


def token_loss(
    scores: Float[Tensor, "batch said vocabulary"],
    wanted: Int[Tensor, "batch said"],
    padding: int,
    smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats of the tokens that are no filling."""
    return F.cross_entropy(
        scores.flatten(0, 1).float(), wanted.flatten(), ignore_index=padding, label_smoothing=smoothing
    )
