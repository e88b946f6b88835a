"""What every drawing of a picture is made from, and what it is: shared by all ways of looking in.

A method gets the model, the picture as a person has it and as the model sees it, and the answer that is to be
explained; it gives back a picture with a caption. Where the drawing is heat on places, the heat itself goes
with it, so that it can be checked by covering what it calls important.

First thing to change: `EVEN`, from which unevenness on attention is drawn in full colour.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from glassworks.core.rows import PictureInput
from glassworks.insight.drawing import overlay, place
from glassworks.insight.perturbation import Faithfulness, faithfulness

CHECK_STEPS = 5  # times that a check asks between the whole and the empty picture
EVEN = 0.05  # attention that varies by less than this part of its mean is drawn faintly


@dataclass(frozen=True)
class Drawing:
    """One drawing. name: of the method; caption: what it shows and what it does not; picture: uint8
    (height, width, 1 or 3); layer: which it is about, "" for the whole model; heat: float32 (h, w) at the
    model's size, None where the drawing is not heat on places; check: whether that heat is faithful, where
    it was asked."""

    name: str
    caption: str
    picture: UInt8[np.ndarray, "height width planes"]
    layer: str = ""
    heat: Float[np.ndarray, "h w"] | None = None
    check: Faithfulness | None = None


@dataclass(frozen=True)
class Asked:
    """What the drawings of one picture share.

    full: the picture as the person has it; pixels: as the model sees it; inputs: the same as numbers, (1,
    channels, h, w); how: the scaling between; column, label, answer: what is explained, and its value; kind:
    "label", "labels" or "number"; layer: None for the usual one
    """

    model: nn.Module
    full: UInt8[np.ndarray, "height width planes"]
    pixels: UInt8[np.ndarray, "h w c"]
    inputs: Tensor
    how: PictureInput
    column: int
    label: str
    answer: float
    kind: str
    layer: str | None
    seed: int

    @property
    def number(self) -> bool:
        return self.kind == "number"

    @property
    def about(self) -> str:
        return "the number" if self.number else f'"{self.label}"'


def on_picture(heat: Float[np.ndarray, "h w"], asked: Asked) -> UInt8[np.ndarray, "height width 3"]:
    """Heat 0 … 1 at the model's size, laid over the person's picture."""
    size = asked.full.shape[:2]
    return overlay(asked.full, place(heat, asked.how, (size[0], size[1])))


def enlarged(
    values: Float[Tensor, "rows columns"], how: PictureInput, *, smooth: bool = True
) -> Float[np.ndarray, "h w"]:
    """Numbers of a grid at the model's size; smoothly, or each patch in one colour."""
    mode = "bicubic" if smooth else "nearest"
    large = F.interpolate(values[None, None].float(), (how.height, how.width), mode=mode)[0, 0]
    return large.clamp(float(values.min()), float(values.max())).cpu().numpy()


def contrast(share: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Attention in units of its mean as heat 0 … 1: from its smallest to its largest value.

    A map that hardly varies must not be blown up to full colour, and stays faint.
    """
    least, most = float(share.min()), float(share.max())
    strength = min(1.0, (most - least) / EVEN)
    return (share - least) / (most - least) * strength if most > least else np.zeros_like(share)


def checked(drawing: Drawing, asked: Asked) -> Drawing:
    """The drawing with what became of the answer when its hottest places were covered, in the caption too.

    As it is where there is no heat to check, or the answer is a number, which no empty picture brings to 0.
    """
    if drawing.heat is None or asked.number or not np.ptp(drawing.heat):
        return drawing
    with torch.inference_mode():
        found = faithfulness(
            asked.model, asked.inputs, drawing.heat[None], asked.column, steps=CHECK_STEPS, seed=asked.seed,
            kind=asked.kind,
        )  # fmt: skip
    return replace(drawing, caption=f"{drawing.caption} Checked: {found.words}.", check=found)
