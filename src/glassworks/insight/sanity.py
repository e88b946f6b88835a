"""Does an explanation explain the model? Ruin the model and see whether the explanation notices.

Some methods draw handsome pictures that hardly depend on what was learned: they find edges. So the weights
are drawn anew and the explanation is asked again; if it stays the same, it explained the photograph, not the
model.

Paper: Adebayo et al. 2018, "Sanity checks for saliency maps", arXiv 1810.03292. Where this differs: weights
are drawn anew by shuffling each tensor, which keeps their sizes, and the running statistics of norms are
measured again, so that a deep network still hands signals on instead of going silent.
First thing to change: `share`, to ruin the head first and deeper layers one by one (the paper's cascade).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from glassworks.core import keyed
from glassworks.insight.record import device_of, evaluating, one_picture

ALIKE = 0.5  # rank correlation from which on two maps tell the same story
NOISE_PICTURES = 8  # that stand in where too few pictures are given to measure running statistics

Explain = Callable[[nn.Module, Tensor], np.ndarray]


@dataclass(frozen=True)
class Sanity:
    """similarity: mean rank correlation of explanations by the trained and by the ruined models, -1 … 1;
    passed: whether it is below `ALIKE`; words: one sentence for a person."""

    similarity: float
    passed: bool
    words: str


def randomised(
    model: nn.Module, seed: int, *, share: float = 1.0, pictures: Tensor | None = None
) -> nn.Module:
    """A copy whose layers are drawn anew, from the head downwards.

    share: of the layers that hold numbers, 0 … 1; 1 for all. pictures: on which the running statistics of
    the norms among them are measured again; noise where none are given. The model itself is left alone.
    """
    ruined = copy.deepcopy(model)
    layers = [
        (name, module) for name, module in ruined.named_modules() if list(module.parameters(recurse=False))
    ]
    chosen = layers[len(layers) - round(len(layers) * share) :]
    with torch.no_grad():
        for name, module in chosen:
            for part, parameter in module.named_parameters(recurse=False):
                order = keyed.permutation(parameter.numel(), seed, "sanity", f"{name}.{part}")
                flat = parameter.detach().flatten()[torch.from_numpy(order).to(parameter.device)]
                parameter.copy_(flat.view_as(parameter))
    norms = [module for _, module in chosen if isinstance(module, _BatchNorm) and module.track_running_stats]
    if norms:
        _measure_again(ruined, norms, seed, pictures)
    return ruined


def _measure_again(model: nn.Module, norms: list[_BatchNorm], seed: int, pictures: Tensor | None) -> None:
    """One forward pass in which only these norms learn, and only their running mean and variance."""
    start = one_picture(model) if pictures is None else pictures[:1].detach()
    count = NOISE_PICTURES if pictures is None else max(0, NOISE_PICTURES - len(pictures))
    noise = keyed.generator(seed, "sanity", "noise").normal(0, 1, (count, *start.shape[1:]))
    batch = torch.from_numpy(noise.astype(np.float32)).to(device_of(model))
    if pictures is not None:
        batch = torch.cat([pictures.detach().to(batch), batch])
    with evaluating(model), torch.no_grad():
        before = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum, norm.training = None, True  # None: the plain mean of what is seen
        model(batch)
        for norm, momentum in zip(norms, before):
            norm.momentum, norm.training = momentum, False


def similarity(first: Float[np.ndarray, "*shape"], second: Float[np.ndarray, "*shape"]) -> float:
    """Spearman's rank correlation of two maps, -1 … 1; equal values share their mean rank.

    A map without any difference in it says nothing: 1 beside another such map, 0 beside any other.
    """
    ranks = [_ranks(np.asarray(values).ravel()) for values in (first, second)]
    spreads = [float(rank.std()) for rank in ranks]
    if min(spreads) == 0:
        return float(max(spreads) == 0)
    return float(np.mean(ranks[0] * ranks[1]) / (spreads[0] * spreads[1]))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks around their mean, (n,) -> (n,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((2 * ends - counts - 1) / 2 - (len(values) - 1) / 2)[inverse]


def sanity_check(
    model: nn.Module,
    pictures: Float[Tensor, "batch channels height width"],
    explain: Explain,
    *,
    seed: int = 0,
    draws: int = 3,
) -> Sanity:
    """Compare the explanations of the model with those of `draws` ruined copies.

    explain: (model, pictures) -> maps (batch, height, width); it should explain the same classes for all
    models, so give it the targets: `lambda model, pictures: grad_cam(model, pictures, targets, layer)`.
    """
    ours = np.asarray(explain(model, pictures))
    found = []
    for draw in range(draws):
        theirs = np.asarray(
            explain(randomised(model, keyed.seed_for(seed, draw), pictures=pictures), pictures)
        )
        found += [similarity(a, b) for a, b in zip(ours, theirs)]
    mean = float(np.mean(found))
    passed = abs(mean) < ALIKE
    words = (
        "it depends on what the model has learned"
        if passed
        else "it hardly depends on what the model has learned, so it does not explain the model"
    )
    return Sanity(
        mean,
        passed,
        f"with random weights the explanation agrees to {mean:.2f} (1: the same, 0: unrelated): {words}",
    )
