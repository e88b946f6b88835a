"""A head that begins where the features lead it, before anything else of a pretrained model moves.

A new head knows nothing, and its first gradients would push good features about blindly; with few pictures
they never recover (Kumar et al. 2022, "Fine-tuning can distort pretrained features", arXiv 2202.10054). To
fit one layer on fixed features is a convex problem, so it is solved at once: full batches, L-BFGS, a small
pull towards zero. Only then does the rest begin to learn.
First thing to change: `PULL`, how far the head may go for single pictures.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

PULL = 1.0  # of the squared weights, by the number of pictures: logistic regression's usual strength (C = 1)
ITERATIONS = 100


def start_head(
    head: nn.Module, loss: Callable[[], Tensor], pictures: int, *, pull: float = PULL
) -> tuple[float, float]:
    """Fit a head, a dense layer or several side by side, in place, from zero; the loss before and after.

    loss: the mean loss of all pictures with the head as it is now; pictures: how many they are
    pull: as `PULL`, for features of another size than those of pictures
    """
    learned = [parameter.requires_grad for parameter in head.parameters()]
    for parameter in head.parameters():
        parameter.requires_grad_(True)
        nn.init.zeros_(parameter)
    weights = [parameter for parameter in head.parameters() if parameter.ndim > 1]  # not the offsets
    rule = torch.optim.LBFGS(head.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe")
    seen: list[float] = []

    def closure() -> Tensor:
        rule.zero_grad()
        mean = loss()
        seen.append(float(mean.detach()))
        whole = mean + pull / (2 * pictures) * sum(weight.square().sum() for weight in weights)
        whole.backward()
        return whole

    rule.step(closure)
    for parameter, learns in zip(head.parameters(), learned, strict=True):
        parameter.requires_grad_(learns)
        parameter.grad = None
    with torch.no_grad():
        return seen[0], float(loss())
