"""Activation maximisation: let the network draw what one of its channels, or one class, likes most.

Start from faint noise and change the pixels, step by step, along the slope of the channel's answer. Without
restraint that ends in noise that only a network sees; so the picture is shifted a little before each step,
fine waves of the slope are held back, and colours fade. What comes out is a caricature, not a memory of the
training pictures.

Papers: Erhan et al. 2009; Simonyan et al. 2013, arXiv 1312.6034; Yosinski et al. 2015, arXiv 1506.06579;
Olah et al. 2017, "Feature visualization", Distill.
First thing to change: `SMOOTH`: at 0 the answer is just as strong and the picture is noise.

Axes: batch, channels, height, width.
"""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from glassworks.core import keyed
from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.insight.record import device_of, evaluating, layer_named, recording
from glassworks.insight.tokens import as_maps

OUTPUT = ""  # the name of the model itself: a channel of it is a class
RATE = 0.03  # how far the pixels move in a step, in 0 … 1 of brightness, root mean square
NOISE = 0.05  # spread of the noise at the start, in the same unit
JITTER = 16  # the picture is shifted by up to this part of its side
SMOOTH = 1.0  # power of the frequency by which fine waves of the slope are held back; 0 for none
FADE = 0.01  # share by which a step draws the picture back to its grey


def response(
    model: nn.Module, pictures: Float[Tensor, "batch channels height width"], layer: str, channel: int
) -> Float[Tensor, " batch"]:
    """What a channel answers, averaged over places. layer: "" for the model's outputs. Keeps the graph.

    Raises PersonError: "unknown-layer", "no-such-channel".
    """
    if layer == OUTPUT:
        outputs = model(pictures)
    else:
        with recording(model, [layer], with_gradient=True) as seen:
            model(pictures)
        maps = as_maps(model, layer, seen[layer], tuple(pictures.shape))
        outputs = seen[layer] if maps is None else maps
    if not 0 <= channel < outputs.shape[1]:
        raise PersonError(
            "no-such-channel",
            expected=f"a channel from 0 to {outputs.shape[1] - 1} of {layer or 'the outputs'}",
            got=str(channel),
            fix="choose another channel",
        )
    return outputs[:, channel].float().flatten(1).mean(1) if outputs.ndim > 2 else outputs[:, channel].float()


def maximise(
    model: nn.Module,
    layer: str,
    channel: int,
    how: PictureInput,
    steps: int = 64,
    seed: int = 0,
    smooth: float = SMOOTH,
) -> UInt8[np.ndarray, "height width channels"]:
    """The picture that excites a channel; the same for the same seed.

    layer: a name, or "" for a class of the model's outputs. how: size, channels and scaling of the input;
    the picture never leaves what pixels allow. smooth: how far fine waves are held back, see `SMOOTH`.
    Raises PersonError: "unknown-layer", "no-such-channel".
    """
    if layer != OUTPUT:
        layer_named(model, layer)
    random = keyed.generator(seed, "maximise", "jitter")
    reach = (max(1, how.height // JITTER), max(1, how.width // JITTER))
    # Slopes are needed even inside a server's inference mode.
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        device = device_of(model)
        mean, std = (
            torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
            for values in (how.mean, how.std)
        )
        value = noise_picture(how, seed).to(device)  # 0 … 1
        for _ in range(steps):
            shift = tuple(int(random.integers(-far, far + 1)) for far in reach)
            shifted = value.roll(shift, (2, 3)).requires_grad_()
            answer = response(model, (shifted - mean) / std, layer, channel).sum()
            (slope,) = torch.autograd.grad(answer, shifted)
            slope = _smoothed(slope.roll((-shift[0], -shift[1]), (2, 3)), smooth)
            spread = slope.square().mean().sqrt()
            value = value.detach() + RATE * slope / spread.clamp_min(1e-12)
            value = (0.5 + (value - 0.5) * (1 - FADE)).clamp(0, 1)
    return np.rint(value[0].permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8)


def noise_picture(how: PictureInput, seed: int) -> Float[Tensor, "one channels height width"]:
    """The faint grey noise from which `maximise` starts, in 0 … 1."""
    noise = keyed.generator(seed, "maximise", "start").normal(
        0.5, NOISE, (1, how.channels, how.height, how.width)
    )
    return torch.from_numpy(noise.clip(0, 1).astype(np.float32))


def _smoothed(slope: Tensor, power: float) -> Tensor:
    """The slope with each wave divided by a power of its frequency; 1 as the waves of photographs are."""
    height, width = slope.shape[2:]
    down = torch.fft.fftfreq(height, device=slope.device)[:, None]
    across = torch.fft.rfftfreq(width, device=slope.device)
    frequency = (down.square() + across.square()).sqrt().clamp_min(1 / max(height, width))
    return torch.fft.irfft2(torch.fft.rfft2(slope) / frequency**power, s=(height, width))
