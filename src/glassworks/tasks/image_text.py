"""Pictures and texts that belong together: the loss of a batch of pairs, and how well each finds the other.

In a batch every other pair serves as a wrong answer. Two rows may hold the same caption, or the same picture,
and then neither is wrong for the other: they share the answer. Afterwards each picture ranks all texts and
each text all pictures, and recall at k is the share whose partner is among the first k.

Sources: van den Oord et al. 2018, arXiv 1807.03748 (the loss, in one direction); Radford et al. 2021, arXiv
2103.00020 (in both). Axes: n pictures, m texts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.models.vision.clip import contrastive_loss
from glassworks.tasks import Loss

KS = (1, 5, 10)


@dataclass(frozen=True)
class ImageTextMatching:
    """Contrastive loss over a batch's pairs; judged by how often a partner is found among the first."""

    name = "image-text-matching"
    primary = "recall"
    larger_is_better = True

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        """batch: inputs (n, …), tokens (n, context), and the numbers of its pictures and texts, (n,) each."""
        scores = model(batch.inputs, batch.tokens).float()
        return Loss(contrastive_loss(scores, fits_in_batch(batch.pictures, batch.texts).to(scores.device)))

    def metrics(self, scores: np.ndarray, fits: np.ndarray) -> dict[str, float]:
        """Quick figures for the log. scores: (n, m), scaled; fits: bool (n, m). recall: the mean of all."""
        loss = contrastive_loss(torch.from_numpy(scores), torch.from_numpy(fits))
        found = {
            f"{way}_at_{k}": float((ranks < k).mean())
            for way, ranks in (("text", ranks_of(scores, fits)), ("picture", ranks_of(scores.T, fits.T)))
            for k in KS
        }
        return {"loss": float(loss), "recall": float(np.mean(list(found.values()))), **found}


def fits_in_batch(pictures: Tensor, texts: Tensor) -> Tensor:
    """Which pictures of a batch fit which texts, bool (n, n): those of its pairs, and of pairs that repeat.

    pictures, texts: int64 (n,) numbers that are equal where the picture, or the text, is the same
    """
    return (pictures[:, None] == pictures) | (texts[:, None] == texts)


def ranks_of(scores: np.ndarray, fits: np.ndarray) -> np.ndarray:
    """For each row the answers that stand before the best right one, float64 (n,); 0 is found at once.

    Of equal scores half stand before it, so that one who gives all the same score finds nothing by luck.
    """
    best = np.where(fits, scores, -np.inf).max(axis=1, keepdims=True)
    wrong = ~fits
    before = (wrong & (scores > best)).sum(axis=1)
    level = (wrong & (scores == best)).sum(axis=1)
    return before + level / 2
