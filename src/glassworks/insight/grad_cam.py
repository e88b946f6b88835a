"""Grad-CAM: which places of a picture spoke for an answer, read from the network's last maps.

The last maps of a convolutional network still know where things are. How much each map matters is the slope
of the answer with respect to it, averaged over the places; the weighted sum of the maps, cut below zero, is
bright where the network found what speaks for the answer. One forward and one short backward pass. Of a
Transformer the tokens, put back in their places, are the maps; those without a place are left out.

Paper: Selvaraju et al. 2017, arXiv 1610.02391. Where this differs: the heat of each picture is divided by its
largest value, so 1 is the brightest place of that picture and two pictures cannot be compared by colour.
First thing to change: `layer`. An earlier one gives a finer and less meaningful picture.

Axes: batch; channels, h, w of the maps; height, width of the picture.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.core.errors import PersonError
from glassworks.insight.record import (
    Target,
    device_of,
    evaluating,
    last_maps,
    layer_named,
    recording,
    targets_for,
)
from glassworks.insight.tokens import as_maps


def grad_cam(
    model: nn.Module,
    pictures: Float[Tensor, "batch channels height width"],
    target: Target = None,
    layer: str | None = None,
    *,
    curve: Literal["bilinear", "bicubic"] = "bilinear",
) -> Float[np.ndarray, "batch height width"]:
    """The heat of each picture, 0 … 1 (all 0 where nothing spoke for the answer), at the input's size.

    target: a class, one a picture, or None for the answer given; the only output of a model of numbers.
    layer: whose maps are read; None for the last (`last_maps`). curve: how the coarse heat is enlarged;
    "bicubic" is rounder to look at. Raises PersonError: "unknown-layer", "no-maps", "no-such-class".
    """
    layer = layer or last_maps(model, pictures)
    maps, slopes = _maps_and_slopes(model, pictures, target, layer)
    weights = slopes.mean((2, 3), keepdim=True)  # (batch, channels, 1, 1)
    heat = F.relu((weights * maps).sum(1, keepdim=True))  # (batch, 1, h, w)
    heat = F.interpolate(heat, tuple(pictures.shape[2:]), mode=curve)[:, 0].clamp_min(0)
    largest = heat.amax((1, 2), keepdim=True)
    heat = torch.where(largest > 0, heat / largest.clamp_min(torch.finfo(heat.dtype).tiny), 0.0)
    return heat.cpu().numpy()


def _maps_and_slopes(
    model: nn.Module, pictures: Tensor, target: Target, layer: str
) -> tuple[Float[Tensor, "batch channels h w"], Float[Tensor, "batch channels h w"]]:
    """The layer's answer to the pictures, and the slope of the explained output with respect to it."""
    layer_named(model, layer)
    # The slopes are needed even inside a server's inference mode, and with frozen weights.
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        inputs = pictures.to(device_of(model)).detach().clone().requires_grad_()
        with recording(model, [layer], with_gradient=True) as seen:
            outputs = model(inputs)
        answer, shape = seen.get(layer), tuple(inputs.shape)
        maps = None if answer is None else as_maps(model, layer, answer, shape)
        if answer is None or maps is None:
            raise no_maps(layer, answer)
        asked = outputs.gather(1, targets_for(outputs, target)[:, None])
        # Pictures do not meet in evaluation mode, so the slope of the sum is each picture's own.
        (found,) = torch.autograd.grad(asked.sum(), answer)
        slopes = as_maps(model, layer, found, shape)
    assert slopes is not None  # of the shape of the answer
    return maps.detach().float(), slopes.float()


def no_maps(layer: str, output: Tensor | None) -> PersonError:
    """The error for a layer that has no places."""
    return PersonError(
        "no-maps",
        expected="a layer of maps (batch, channels, height, width), or of tokens on a grid",
        got=f"{layer}, whose output is {'not a tensor' if output is None else tuple(output.shape)}",
        fix="leave the layer out, which takes the last maps of the network",
    )
