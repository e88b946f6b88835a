"""Is an explanation faithful? Hide what it calls important and see whether the answer falls sooner.

Squares of the picture are covered one after another, those with the most heat first, and the answer is asked
for again and again (deletion); then an empty picture is filled in that order (insertion). If the heat marks
what the answer hangs on, the answer falls and rises faster than along the same heat laid elsewhere at random.

Papers: Samek et al. 2015, arXiv 1509.06321; Petsiuk et al. 2018, arXiv 1806.07421. Where this differs:
squares instead of pixels, and beside the same heat shifted and mirrored at random instead of a random order,
because scattered holes ruin a picture whatever they hide, and lumps do not.
First thing to change: `GRID`. Smaller squares judge the details of a map.

Axes: batch; height, width of the picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.core import keyed
from glassworks.insight.record import Target, answers_of, device_of, evaluating, targets_for

GRID = 14  # squares along a side
RANDOM_PLACES = 6
VISIBLE = 0.01  # a smaller difference cannot be read off the two figures that are printed


@dataclass(frozen=True)
class Faithfulness:
    """Mean answer while squares are covered (0 … 1 for probabilities), averaged over the pictures.

    area_deletion:         the hottest places are covered first: lower than `area_random` is better
    area_random:           the same with the heat laid elsewhere
    area_insertion:        the hottest places are shown first: higher than `area_random_insertion` is better
    area_random_insertion: the same with the heat laid elsewhere
    words:                 one sentence for a person
    """

    area_deletion: float
    area_random: float
    area_insertion: float
    area_random_insertion: float
    words: str


def faithfulness(
    model: nn.Module,
    pictures: Float[Tensor, "batch channels height width"],
    heat: Float[np.ndarray, "batch height width"],
    target: Target = None,
    *,
    fill: float = 0.0,
    steps: int = 10,
    seed: int = 0,
    kind: str = "label",
) -> Faithfulness:
    """Deletion and insertion along `heat`, beside the same heat laid elsewhere.

    target: as in `grad_cam`. fill: what covers a square, in the numbers that the model sees. steps: how many
    times the answer is asked between the whole and the empty picture.
    """
    pictures = pictures.to(device_of(model))
    if heat.shape != (len(pictures), *pictures.shape[2:]):
        raise ValueError(f"expected heat of shape {(len(pictures), *pictures.shape[2:])}, got {heat.shape}")

    def ask(batch: Tensor) -> Tensor:
        return answers_of(model(batch), kind)

    areas = []
    with evaluating(model), torch.inference_mode():
        columns = targets_for(ask(pictures), target)
        for row, picture in enumerate(pictures):
            random = keyed.generator(seed, "faithfulness", row)
            heats = [heat[row], *(_elsewhere(heat[row], random) for _ in range(RANDOM_PLACES))]
            # The whole and the empty picture are the same for all heats.
            ends = ask(torch.stack([picture, torch.full_like(picture, fill)]))[:, int(columns[row])]
            found = [_areas(ask, picture, warm, int(columns[row]), fill, steps, ends) for warm in heats]
            areas.append((*found[0], *np.mean(found[1:], axis=0)))
    deletion, insertion, random_deletion, random_insertion = (float(np.mean(c)) for c in zip(*areas))
    words = _words(deletion, random_deletion, insertion, random_insertion)
    return Faithfulness(deletion, random_deletion, insertion, random_insertion, words)


def _elsewhere(heat: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The same heat, shifted round the edges and perhaps mirrored: as lumpy, in other places."""
    shift = [int(random.integers(side)) for side in heat.shape]
    mirrored = heat[:: 1 - 2 * int(random.integers(2)), :: 1 - 2 * int(random.integers(2))]
    return np.roll(mirrored, shift, (0, 1))


def _cells(height: int, width: int) -> tuple[np.ndarray, int]:
    """The number of each pixel's square, (height, width), and how many squares there are."""
    side = max(1, min(height, width) // GRID)
    down, across = np.arange(height) // side, np.arange(width) // side
    cells = down[:, None] * (across[-1] + 1) + across
    return cells, int(cells.max()) + 1


def _areas(
    ask: Callable[[Tensor], Tensor],
    picture: Float[Tensor, "channels height width"],
    heat: Float[np.ndarray, "height width"],
    column: int,
    fill: float,
    steps: int,
    ends: Float[Tensor, "two"],
) -> tuple[float, float]:
    """Areas under the answer when the hottest squares go first, and when they come first; trapezoids.

    ends: the answers to the whole and to the empty picture
    """
    cells, count = _cells(*heat.shape)
    means = np.bincount(cells.ravel(), heat.ravel(), count) / np.bincount(cells.ravel())
    turns = np.empty(count, dtype=np.int64)
    turns[np.argsort(-means, kind="stable")] = np.arange(count)
    turn = torch.from_numpy(turns[cells]).to(picture.device)  # (height, width): the hottest square is 0
    stops = np.linspace(0, count, steps + 1).round()
    whole, empty = ends.double().tolist()
    first, second = [whole, empty], [empty, whole]
    if steps > 1:
        without = [picture.masked_fill(turn < int(stop), fill) for stop in stops[1:-1]]
        only = [picture.masked_fill(turn >= int(stop), fill) for stop in stops[1:-1]]
        answers = ask(torch.stack(without + only))[:, column].double().tolist()
        first = [whole, *answers[: len(without)], empty]
        second = [empty, *answers[len(without) :], whole]
    return float(np.trapezoid(first, stops / count)), float(np.trapezoid(second, stops / count))


def _words(deletion: float, random: float, insertion: float, random_insertion: float) -> str:
    better = (random - deletion >= VISIBLE) + (insertion - random_insertion >= VISIBLE)
    verdict = (
        "the heat does not mark what the answer hangs on",
        "the heat is faithful in one of the two tests only",
        "the heat marks what the answer hangs on",
    )[better]
    return (
        f"covering the hottest places first leaves {deletion:.2f} of the answer on average, the same heat "
        f"laid elsewhere {random:.2f}; showing them first gives {insertion:.2f}, elsewhere "
        f"{random_insertion:.2f}: {verdict}"
    )
