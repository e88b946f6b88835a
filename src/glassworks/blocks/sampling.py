"""Choosing the next token from a model's scores: how bold, from how many, and until when.

The likeliest token every time makes a text that circles: what is likely once is likely again. A token drawn
from all of them makes one that stumbles: thousands of unlikely tokens together are drawn often. So the scores
are sharpened (temperature), and the tail is cut off before drawing: all but the `top_k` likeliest, or all but
the fewest tokens that hold a share `top_p` of the probability.

Papers: top-k, Fan et al. 2018, arXiv 1805.04833; top-p (nucleus), Holtzman et al. 2019, "The curious case of
neural text degeneration", arXiv 1904.09751.
Where this differs: which token is drawn depends on the scores and one uniform number alone, so that a seed
writes the same text on every device up to rounding.
The first thing to change: `Sampling.temperature`.

Axes: batch; vocabulary = different tokens.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen.

    temperature: what scores are divided by; below 1 the likely become likelier, 0 takes the likeliest
    top_k: tokens that may be drawn, 0 for all; top_p: least share of the probability that may be drawn from
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self):
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature is 0 or more, got {self.temperature}")
        if self.top_k < 0 or not 0.0 < self.top_p <= 1.0:
            raise ValueError(
                f"top_k is 0 or more and top_p above 0 and up to 1, got {self.top_k} and {self.top_p}"
            )


def chances(logits: Float[Tensor, "batch vocabulary"], how: Sampling) -> Float[Tensor, "batch vocabulary"]:
    """The probabilities that a token is drawn with: sharpened, cut off, and summing to 1 again."""
    if how.temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)
    # The largest becomes 0 first: a temperature near 0 would make infinities of the others' distance.
    logits = (logits - logits.amax(-1, keepdim=True)) / how.temperature
    if 0 < how.top_k < logits.shape[-1]:
        least = logits.topk(how.top_k, -1).values[..., -1:]  # (batch, 1)
        logits = logits.masked_fill(logits < least, -math.inf)
    shares = logits.softmax(-1)
    if how.top_p < 1:
        ordered, places = torch.sort(shares, dim=-1, descending=True, stable=True)
        above = ordered.cumsum(-1) - ordered  # what the likelier ones hold together
        ordered = ordered.masked_fill(above >= how.top_p, 0.0)  # the likeliest always stays
        shares = torch.zeros_like(shares).scatter(-1, places, ordered)
    return shares / shares.sum(-1, keepdim=True)


def drawn(
    logits: Float[Tensor, "batch vocabulary"], how: Sampling, numbers: Float[Tensor, "batch"]
) -> Int[Tensor, "batch"]:
    """A token a row: the one on whose share of the line the row's number in [0, 1) falls."""
    if how.temperature == 0:
        return logits.argmax(-1)
    ends = chances(logits.double(), how).cumsum(-1)  # (batch, vocabulary)
    whole = ends[..., -1:]  # (batch, 1)
    # Rounding may lift a number to the end of the line, beyond which nothing has a chance.
    wanted = torch.minimum(numbers.double()[..., None] * whole, whole.nextafter(torch.zeros_like(whole)))
    return torch.searchsorted(ends, wanted, right=True)[..., 0]
