"""Masked texts: what to learn from texts without labels, and how a guess is fairly asked for.

Of the tokens of a text 15 percent are chosen. Of these 80 percent are replaced by a mark that hides them, 10
percent by any other token, and 10 percent stay: so the model cannot tell which tokens it will be asked for,
and has to know every one. While training, others are chosen at every step; for judging, the choice is a
function of the text, so that every model, today and tomorrow, is asked the same.

Paper: Devlin et al. 2018, arXiv 1810.04805, appendix A.1. Where this differs: start and end of a text are
never chosen, and of every text at least one token is.
The first thing to change: `SHARE`, how much is asked for.

Axes: batch, length = tokens of the longest text; guesses = chosen tokens of the whole batch.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassworks.core import keyed
from glassworks.tasks import Loss

SHARE = 0.15  # of the tokens that are asked for
HIDDEN, REPLACED = 0.8, 0.1  # of these; the rest stays as it is


class Asked(NamedTuple):
    """tokens: as the model sees them; chosen: True where it is asked; answers: what stood there, in order."""

    tokens: Int[Tensor, "batch length"]
    chosen: Bool[Tensor, "batch length"]
    answers: Int[Tensor, " guesses"]


@dataclass(frozen=True)
class MaskedTexts:
    """Guess the chosen tokens: cross-entropy on them alone.

    mask:       the token number that hides; vocabulary: token numbers in all
    untouched:  numbers that are never chosen, and never put in another's place: marks, and what fills up
    """

    mask: int
    vocabulary: int
    untouched: tuple[int, ...]

    name = "fill-mask"
    primary = "loss"
    larger_is_better = False

    @cached_property
    def others(self) -> Int[Tensor, " words"]:
        """Numbers that may stand in another's place."""
        return torch.tensor([one for one in range(self.vocabulary) if one not in self.untouched])

    def loss(self, model: nn.Module, batch: Any, generator: torch.Generator | None = None) -> Loss:
        """The generator decides what is hidden; it lives on the CPU, so that every device hides the same."""
        noise = torch.rand(*batch.inputs.shape, 3, generator=generator)
        asked = self.ask(batch.inputs, batch.lengths, noise)
        scores = model(asked.tokens, batch.lengths, asked.chosen)  # (guesses, vocabulary)
        return Loss(F.cross_entropy(scores.float(), asked.answers))

    def ask(
        self,
        tokens: Int[Tensor, "batch length"],
        lengths: Int[Tensor, " batch"],
        noise: Float[Tensor, "batch length 3"],
    ) -> Asked:
        """Choose and hide. noise: even numbers from 0 to below 1, for what is chosen, what is done, and with
        what it is replaced."""
        which, how, other = noise.to(tokens.device).unbind(-1)
        here = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        ordinary = here & ~torch.isin(tokens, torch.tensor(self.untouched, device=tokens.device))
        order = which.masked_fill(~ordinary, 2.0)
        chosen = (order < SHARE) | ((order == order.min(1, keepdim=True).values) & ordinary)
        others = self.others.to(tokens.device)
        random = others[(other * len(others)).long().clamp(max=len(others) - 1)]
        seen = torch.where(chosen & (how < HIDDEN), self.mask, tokens)
        replaced = chosen & (how >= HIDDEN) & (how < HIDDEN + REPLACED)
        return Asked(torch.where(replaced, random, seen), chosen, tokens[chosen])


def fixed_noise(sequences: Sequence[np.ndarray], length: int) -> Float[Tensor, "rows length 3"]:
    """The noise by which texts are judged, a function of each one's own tokens."""
    digests = np.array(
        [zlib.crc32(np.ascontiguousarray(row, "<i8").tobytes()) for row in sequences], np.uint64
    )
    values = keyed.uniform(digests, 3 * length, "masked texts")
    return torch.from_numpy(values).reshape(len(sequences), length, 3)
