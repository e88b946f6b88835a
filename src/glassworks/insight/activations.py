"""Activation maps: what each filter of a layer answered, place by place, to one picture.

A layer answers with one map a channel: bright where its filter found its pattern. Early maps show edges and
colours, late ones whole parts, ever coarser.

Source: Zeiler & Fergus 2013, arXiv 1311.2901; Yosinski et al. 2015, arXiv 1506.06579.
First thing to change: how a channel's strength is measured, for instance by its largest value.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.insight.grad_cam import no_maps
from glassworks.insight.record import device_of, evaluating, last_maps, recording
from glassworks.insight.tokens import as_maps


@dataclass(frozen=True)
class ActivationMaps:
    """The strongest channels of one layer for one picture.

    layer:     its name; total: how many channels it has
    channels:  numbers of the channels, the strongest first
    maps:      float32 (k, h, w), what they answered, unscaled
    strengths: float32 (k,), the mean distance of a map from zero
    """

    layer: str
    total: int
    channels: tuple[int, ...]
    maps: Float[np.ndarray, "k h w"]
    strengths: Float[np.ndarray, " k"]


def activation_maps(
    model: nn.Module,
    picture: Float[Tensor, "*one channels height width"],
    layer: str | None = None,
    most: int = 16,
) -> ActivationMaps:
    """The maps of the `most` strongest channels of a layer for one picture.

    picture: (channels, height, width) or a batch of one, as the model takes it. layer: None for the last
    maps. Raises PersonError: "unknown-layer", "no-maps".
    """
    pictures = (picture if picture.ndim == 4 else picture[None]).to(device_of(model))
    layer = layer or last_maps(model, pictures)
    with evaluating(model), torch.no_grad(), recording(model, [layer]) as seen:
        model(pictures[:1])
    output = seen.get(layer)
    found = None if output is None else as_maps(model, layer, output, (1, *pictures.shape[1:]))
    if found is None:
        raise no_maps(layer, output)
    maps = found[0].float().cpu().numpy()  # (channels, h, w)
    strengths = np.abs(maps).mean((1, 2))
    order = np.argsort(-strengths, kind="stable")[:most]
    return ActivationMaps(
        layer, len(maps), tuple(int(channel) for channel in order), maps[order], strengths[order]
    )
