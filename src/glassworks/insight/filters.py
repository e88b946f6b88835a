"""The filters themselves: what the first layer looks for can be seen, because it looks at pixels.

A filter of the first layer is a small picture; it answers loudest where the photograph looks like it. Deeper
filters look at maps, not at pixels, so only single planes of them can be drawn, and those say little: to see
what a deep filter likes, let it draw (`maximise`).

Source: Krizhevsky et al. 2012, figure 3; Zeiler & Fergus 2013, arXiv 1311.2901.
First thing to change: `picture_of`, for instance one scale for all filters, to see which are strong.
"""

import numpy as np
from jaxtyping import Float, UInt8
from torch import nn

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.insight.record import layer_named

MIDDLE = 128  # the grey of a weight of zero


def filter_layers(model: nn.Module) -> list[str]:
    """Names of the layers whose filters can be drawn, in the model's order."""
    return [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


def filter_pictures(
    model: nn.Module, layer: str | None = None, most: int = 64
) -> list[UInt8[np.ndarray, "height width planes"]]:
    """The filters of a convolution, at most `most`, each (height, width, 1 or 3), one pixel a weight.

    layer: None for the first. Filters on colour pictures are drawn in colour; of others the plane with the
    largest weights, in grey. Middle grey is zero; each is scaled by its own largest weight. Raises
    PersonError: "unknown-layer", "no-filters".
    """
    convolutions = filter_layers(model)
    if layer is None and convolutions:
        layer = convolutions[0]
    module = layer_named(model, layer) if layer is not None else None
    if not isinstance(module, nn.Conv2d):
        raise PersonError(
            "no-filters",
            expected="a layer of convolution filters",
            got=f"{layer}, a {type(module).__name__}" if layer else "a model without one",
            fix=did_you_mean(layer or "", convolutions[:12]) if convolutions else "look at another model",
        )
    weights = module.weight.detach().float().cpu().numpy()[:most]  # (filters, planes, height, width)
    colours = layer == convolutions[0] and weights.shape[1] == 3
    return [picture_of(filter_, colours) for filter_ in weights]


def picture_of(
    weights: Float[np.ndarray, "planes height width"], colours: bool
) -> UInt8[np.ndarray, "height width shown"]:
    """One filter: all three planes as colours, or its strongest plane as grey."""
    if not colours:
        weights = weights[[np.square(weights).sum((1, 2)).argmax()]]
    largest = np.abs(weights).max()
    scaled = weights / largest if largest > 0 else weights
    return np.rint(MIDDLE + scaled * 127).astype(np.uint8).transpose(1, 2, 0)
