"""Looking inside, put together: the drawings for one picture, and those of the model alone.

Each drawing carries a caption that says what it shows and what it does not, because an explanation that
promises too much is worse than none. The verb `explain`, the report and the server show what is made here.

Sources: those of the methods (`grad_cam`, `occlusion`, `attention`, `activations`, `filters`, `maximise`).
First thing to change: `METHODS`, to let another way of looking in.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from glassworks.core import keyed
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.rows import PictureInput
from glassworks.insight import attention_gallery
from glassworks.insight.activations import activation_maps
from glassworks.insight.attention import attention_of
from glassworks.insight.drawing import tiles, unit
from glassworks.insight.drawings import Asked, Drawing, checked, on_picture
from glassworks.insight.filters import filter_layers, filter_pictures
from glassworks.insight.grad_cam import grad_cam
from glassworks.insight.maximise import OUTPUT, maximise
from glassworks.insight.occlusion import occlusion, usual_patch
from glassworks.insight.record import (
    answers_of,
    device_of,
    evaluating,
    last_maps,
    recording,
    targets_for,
)
from glassworks.insight.tokens import as_maps, attends, picture_encoder

FAINT = 0.02  # a largest fall of the probability below this is called none
MOST_CLASSES = 10  # that the model draws in its own gallery
SHEET = 8  # tiles in a row


def look_inside(
    model: nn.Module,
    picture_full: UInt8[np.ndarray, "height width planes"],
    pixels: UInt8[np.ndarray, "h w c"],
    how: PictureInput,
    *,
    target: int | None = None,
    methods: Sequence[str] = (),
    layer: str | None = None,
    classes: Sequence[str] = (),
    kind: str = "label",
    seed: int = 0,
    check: bool = False,
) -> list[Drawing]:
    """Drawings of what the model made of one picture, one a method, in the order asked for.

    picture_full: as the person has it, (height, width, 1 or 3) or (height, width); pixels: as the model sees
    it, before scaling; how: the scaling between. target: the class to explain, None for the answer given.
    methods: empty for those that suit the model (`usual_methods`). layer: None for the last maps or the last
    attention (of "filters" the first convolution); rollout goes up to it. classes: their names, for captions.
    kind: "label", "labels" or "number"; of any other the model has no answer, and what needs none is drawn of
    the part that sees the picture. check: also cover what the heat calls important, and say what became
    of the answer. Raises PersonError: "unknown-method", "unknown-layer", "no-maps", "no-attention",
    "no-rollout", "no-windows", "no-filters", "no-such-class", "no-answer".
    """
    check_methods(methods)
    full = picture_full[..., None] if picture_full.ndim == 2 else picture_full
    inputs = as_input(pixels, how).to(device_of(model))
    if kind not in ANSWERS:
        return _without_answer(picture_encoder(model), full, pixels, inputs, how, methods, layer, seed)
    with evaluating(model), torch.inference_mode():
        outputs = model(inputs)
        column = int(targets_for(outputs, target)[0])
        answer = float(answers_of(outputs, kind)[0, column])
    if outputs.shape[1] == 1 and kind == "label":
        kind = "number"
    label = classes[column] if column < len(classes) else f"class {column}"
    asked = Asked(model, full, pixels, inputs, how, column, label, answer, kind, layer, seed)
    drawings = [METHODS[method](asked) for method in methods or usual_methods(model, how)]
    return [checked(drawing, asked) for drawing in drawings] if check else drawings


def _without_answer(
    model: nn.Module,
    full: np.ndarray,
    pixels: np.ndarray,
    inputs: Tensor,
    how: PictureInput,
    methods: Sequence[str],
    layer: str | None,
    seed: int,
) -> list[Drawing]:
    """What can be drawn where nothing is answered: no slope of an answer, no fall of one."""
    possible = [way for way in METHODS if way not in OF_ANSWERS]
    ways = [way for way in usual_methods(model, how) if way in possible]
    for method in methods:
        if method in OF_ANSWERS:
            raise PersonError(
                "no-answer",
                expected=f"ways of looking that need no answer ({', '.join(possible)})",
                got=f'"{method}", of a model that gives a picture no class and no number',
                fix=f"ask for {' or '.join(ways)}",
            )
    asked = Asked(model, full, pixels, inputs, how, 0, "", float("nan"), "none", layer, seed)
    return [METHODS[method](asked) for method in methods or ways]


def usual_methods(model: nn.Module, how: PictureInput) -> tuple[str, ...]:
    """What is drawn where no method is asked for: of a Transformer its attention beside Grad-CAM."""
    ways = _ways_of_attention(model, how)
    if "rollout" in ways:
        return "attention", "rollout", "grad-cam"
    if ways:
        return ("windows", "attention", "grad-cam") if "windows" in ways else ("attention", "grad-cam")
    return "grad-cam", "occlusion", "activations"


def methods_for(model: nn.Module, how: PictureInput) -> tuple[str, ...]:
    """All methods that have something to draw of this model. how: the size of its pictures."""
    ways = _ways_of_attention(model, how)
    return tuple(method for method in METHODS if method not in OF_ATTENTION or method in ways)


def _ways_of_attention(model: nn.Module, how: PictureInput) -> tuple[str, ...]:
    """Which of the drawings of attention a model has."""
    if not attends(model):
        return ()
    layers = attention_of(model, torch.zeros(1, how.channels, how.height, how.width))
    if layers[-1].windows is not None:
        return "windows", "attention", "heads"
    shapes = {tuple(layer.weights.shape[-2:]) for layer in layers}
    same = len(shapes) == 1 and all(queries == keys for queries, keys in shapes)
    return ("attention", "heads", "rollout") if same else ("attention", "heads")


def as_input(pixels: UInt8[np.ndarray, "h w c"], how: PictureInput) -> Tensor:
    """Pixels as the model takes them, float32 (1, channels, height, width)."""
    if pixels.shape != (how.height, how.width, how.channels):
        raise ValueError(f"expected pixels {(how.height, how.width, how.channels)}, got {pixels.shape}")
    mean, std = np.array(how.mean, dtype=np.float32), np.array(how.std, dtype=np.float32)
    values = (pixels.astype(np.float32) / 255 - mean) / std
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def check_methods(methods: Sequence[str]) -> None:
    """Raises PersonError("unknown-method") with the nearest name."""
    for method in methods:
        if method not in METHODS:
            raise PersonError(
                "unknown-method",
                expected=f"ways of looking inside ({', '.join(METHODS)})",
                got=f'"{method}"',
                fix=did_you_mean(method, METHODS),
            )


# ---- one picture


def _grad_cam(asked: Asked) -> Drawing:
    layer = asked.layer or last_maps(asked.model, asked.inputs)
    heat = grad_cam(asked.model, asked.inputs, asked.column, layer, curve="bicubic")[0]
    caption = (
        f"Grad-CAM: the places whose features in {layer} spoke for {asked.about}; brightest is most. It "
        "shows where, not what was seen there, is drawn from a coarse map, and proves no cause."
    )
    if not heat.any():
        caption = f"Grad-CAM: no place in {layer} spoke for {asked.about}, so there is nothing to colour."
    return Drawing("grad-cam", caption, on_picture(heat, asked), layer, heat=heat)


def _occlusion(asked: Asked) -> Drawing:
    patch = usual_patch(asked.how.height, asked.how.width)
    fall = occlusion(asked.model, asked.inputs, asked.column, kind=asked.kind)[0]
    most, least = float(fall.max()), float(fall.min())
    what = "the number" if asked.number else f'the probability of "{asked.label}"'
    start = (
        f"Occlusion: how far {what} ({asked.answer:.3g}) falls when a square of {patch} of the model's "
        f"{asked.how.height} x {asked.how.width} pixels is covered"
    )
    caption = f"{start}; at the brightest place by {most:.2g}. An experiment: it finds what one square hides."
    if not asked.number and most < FAINT:
        caption = (
            f"{start}: nowhere by more than {max(most, 0):.2g}. No single square decides; "
            "what is coloured is faint."
        )
    if not asked.number and least < -FAINT:
        caption += f" Covering other places raises it, by up to {-least:.2g}; they are left without colour."
    # A fall of nearly nothing must not be blown up to full colour.
    heat = unit(fall) * (1.0 if asked.number else min(1.0, max(most, 0) / FAINT))
    return Drawing("occlusion", caption, on_picture(heat, asked), heat=heat)


def _activations(asked: Asked) -> Drawing:
    found = activation_maps(asked.model, asked.inputs, asked.layer)
    sheet = tiles([np.abs(values) for values in found.maps], SHEET)
    channels = ", ".join(map(str, found.channels[:4]))
    caption = (
        f"Activation maps: the {len(found.channels)} strongest of {found.total} channels of {found.layer} "
        f"for this picture, strongest first ({channels}, …), each by its own brightest place. They show "
        "where a channel answered, not whether the answer mattered."
    )
    return Drawing("activations", caption, sheet, found.layer)


# ---- the model alone


def _filters(asked: Asked) -> Drawing:
    return filters_of(asked.model, asked.layer)


def _maximise(asked: Asked) -> Drawing:
    picture = maximise(asked.model, OUTPUT, asked.column, asked.how, seed=asked.seed)
    caption = (
        f"Activation maximisation: a picture drawn from noise to raise {asked.about}. A caricature of what "
        "the model looks for; no training picture, and not what it saw here."
    )
    return Drawing("maximise", caption, picture)


def filters_of(model: nn.Module, layer: str | None = None, most: int = 64) -> Drawing:
    """The filters of a convolution on one sheet. Raises PersonError: "unknown-layer", "no-filters"."""
    pictures = filter_pictures(model, layer, most)
    layer = layer or filter_layers(model)[0]
    planes = "in colour" if pictures[0].shape[2] == 3 else "the plane with the largest weights of each"
    caption = (
        f"Filters: {len(pictures)} of {layer}, {planes}; middle grey is zero, each by its own largest "
        "weight. The first layer's look like what they find; deeper ones look at maps and cannot be read so."
    )
    return Drawing("filters", caption, tiles(pictures, SHEET), layer)


def model_gallery(
    model: nn.Module,
    how: PictureInput,
    *,
    layer: str | None = None,
    classes: Sequence[str] = (),
    most: int = SHEET,
    steps: int = 64,
    seed: int = 0,
) -> list[Drawing]:
    """Drawings of the model alone: its filters, what channels of a layer like, what its classes look like.

    layer: whose channels draw; None for the last maps. classes: names; the first 10 are drawn. most: channels
    that are drawn, those that answer strongest to noise. Raises PersonError("no-filters") without filters.
    """
    layer = layer or last_maps(model)
    drawings = [filters_of(model)]
    channels = _lively(model, layer, how, most, seed)
    sheet = tiles([maximise(model, layer, channel, how, steps, seed) for channel in channels], SHEET)
    drawings.append(
        Drawing(
            "maximise",
            f"Activation maximisation: pictures drawn from noise to excite channels "
            f"{', '.join(map(str, channels))} of {layer}. Caricatures of what each looks for, not training "
            "pictures; one drawing of many that would do.",
            sheet,
            layer,
        )
    )
    named = list(classes[:MOST_CLASSES])
    if len(named) > 1:
        drawn = [maximise(model, OUTPUT, column, how, steps, seed) for column in range(len(named))]
        caption = (
            f"Activation maximisation: pictures drawn from noise to raise each class: {', '.join(named)}. "
            "Caricatures: what raises the answer, which is not always what the thing looks like."
        )
        drawings.append(Drawing("maximise", caption, tiles(drawn, SHEET)))
    return drawings


def _lively(model: nn.Module, layer: str, how: PictureInput, most: int, seed: int) -> list[int]:
    """Channels that answer to noise at all: one that is silent everywhere has no slope to climb."""
    noise = keyed.generator(seed, "lively").normal(0, 1, (4, how.channels, how.height, how.width))
    with evaluating(model), torch.inference_mode(), recording(model, [layer]) as seen:
        model(torch.from_numpy(noise.astype(np.float32)).to(device_of(model)))
    maps = as_maps(model, layer, seen[layer], (4, how.channels, how.height, how.width))
    strengths = (seen[layer] if maps is None else maps).float().abs().transpose(0, 1).flatten(1).mean(1)
    return [int(channel) for channel in strengths.argsort(descending=True, stable=True)[:most]]


ANSWERS = ("label", "labels", "number")  # kinds of answers that can be explained
OF_ANSWERS = ("grad-cam", "occlusion", "maximise")
OF_ATTENTION = ("attention", "heads", "rollout", "windows")
METHODS: dict[str, Callable[[Asked], Drawing]] = {
    "grad-cam": _grad_cam,
    "occlusion": _occlusion,
    "attention": attention_gallery.attention,
    "heads": attention_gallery.each_head,
    "rollout": attention_gallery.all_layers,
    "windows": attention_gallery.windows,
    "activations": _activations,
    "filters": _filters,
    "maximise": _maximise,
}
