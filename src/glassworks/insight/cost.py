"""What each part of a network costs and sees: parameters, multiply-adds, output shape, receptive field.

Two kinds of products are counted: of layers, inputs x weights, and of attention, which has no weights of its
own: queries x keys, and weights x values. In a Transformer's block of width D the first are 12 N D^2 for N
tokens and the second 2 N^2 D; only they, and the map of weights that lies between them, grow with the square.
A model and an input on the device "meta" have shapes but no numbers, and cost no time.

One picture is sent through and every layer's shapes are noted. The receptive field grows by
(filter - 1) x stride so far with each filter, and the stride multiplies (Araujo et al. 2019, Distill,
"Computing receptive fields of convolutional neural networks"). Where branches meet, the one that sees most
counts. Weights that a branch computes from the whole map (squeeze and excitation) are costed, but say nothing
about where an output looks, and are not part of its field.
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from glassworks.blocks.attention import Maps

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)  # layers that look at a neighbourhood


@dataclass(frozen=True)
class StageCost:
    """name: of the part; shape: of its output for one input, without the batch; parameters: learned
    numbers; multiply_adds: for one input; receptive_field: pixels an output sees of the input on a side,
    0 where it sees all; stride: pixels between neighbouring outputs.

    in_maps:     those of the multiply-adds that make and use attention maps
    map_numbers: numbers in the attention maps of one input, if they are written down
    map_rows:    rows in them (queries x heads); a fused kernel keeps one number a row instead
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: int
    stride: int
    in_maps: int = 0
    map_numbers: int = 0
    map_rows: int = 0


@dataclass(frozen=True)
class _Layer:
    """What a layer did with one input; `maps` is (products, numbers, rows) of attention."""

    name: str
    module: nn.Module
    after: tuple[int, ...]
    reach: tuple[float, int]
    maps: tuple[int, int, int]


@dataclass
class _Walk:
    """The forward pass as it is seen: each layer with its output's shape, and how far each map looks.

    reach: (receptive field, stride) of the maps that layers gave; a map that no layer gave (a sum, a cut)
    is taken to look as far as any before it. pixels: height of the input
    """

    layers: list[_Layer] = field(default_factory=list)
    reach: WeakTensorKeyDictionary = field(default_factory=WeakTensorKeyDictionary)
    furthest: tuple[float, int] = (1, 1)
    pixels: int = 0

    def note(self, name: str, module: nn.Module, inputs: tuple[Tensor, ...], result: Tensor) -> None:
        # A branch begins where its sister began; a part that is given nothing looks at nothing new.
        sees, stride = self.reach.setdefault(inputs[0], self.furthest) if inputs else self.furthest
        if isinstance(module, WINDOWS):
            sees += (_first(module.kernel_size) - 1) * stride
            stride *= _first(module.stride)
        elif isinstance(module, Maps):
            sees += (self._looked_over(result) - 1) * stride
        elif isinstance(module, nn.Linear) and result.ndim == 2:  # of a flattened map
            sees = math.inf
        elif isinstance(module, nn.Linear) and result.ndim == 4:  # its places may be merged
            merged = max(1, round(self.pixels / result.shape[1] / stride))
            sees, stride = sees + (merged - 1) * stride, stride * merged
        self.reach[result] = sees, stride
        self.furthest = max(self.furthest, (sees, stride))
        maps = (0, 0, 0)
        if isinstance(module, Maps):
            value = inputs[1]
            maps = (2 * result.numel() * value.shape[-1], result.numel(), result.numel() // result.shape[-1])
        self.layers.append(_Layer(name, module, tuple(result.shape), self.furthest, maps))

    def _looked_over(self, weights: Tensor) -> float:
        """Tokens on a side that attention looks over: a window where it asks fewer than there are, or all."""
        maps = [one.after for one in self.layers if isinstance(one.module, nn.Linear) and len(one.after) > 2]
        asked, tokens = weights.shape[-2], math.prod(maps[-1][1:-1]) if maps else 0
        return math.isqrt(asked) if asked < tokens else math.inf


def stage_costs(model: nn.Module, one_input: Tensor) -> list[StageCost]:
    """The cost of each part of a model, in the order of the forward pass.

    one_input: a batch of one. Parts are the entries of module lists, and all other direct children that
    do something.
    """
    walk = _Walk(pixels=one_input.shape[-2])
    handles = [
        module.register_forward_hook(
            lambda module, given, result, name=name: walk.note(name, module, given, result)
        )
        for name, module in model.named_modules()
        if name and not list(module.children())
    ]
    was_training = model.training
    try:
        model.eval()
        with torch.no_grad():
            walk.reach[one_input] = 1, 1
            model(one_input)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return _grouped(model, walk)


def _grouped(model: nn.Module, walk: _Walk) -> list[StageCost]:
    """Layers joined into the parts that a person reads: `stages.0.convolution` belongs to `stages.0`.

    A pooling layer without a part of its own is counted with the part before it.
    """
    stages: dict[str, StageCost] = {}
    for layer in walk.layers:
        parameters = sum(p.numel() for p in layer.module.parameters())
        if not parameters and not isinstance(layer.module, (*WINDOWS, Maps)):
            continue  # dropout and the like cost nothing and change no shape
        top, _, rest = layer.name.partition(".")
        listed = isinstance(model.get_submodule(top), (nn.ModuleList, nn.Sequential))
        key = f"{top}.{rest.partition('.')[0]}" if listed else top
        if not parameters and key not in stages and stages:
            key = next(reversed(stages))
        so_far = stages.get(key, StageCost(key, (), 0, 0, 0, 0))
        sees, stride = layer.reach
        products, numbers, rows = layer.maps
        stages[key] = StageCost(
            name=key,
            shape=so_far.shape if products else layer.after[1:],
            parameters=so_far.parameters + parameters,
            multiply_adds=so_far.multiply_adds + _multiply_adds(layer.module, layer.after) + products,
            receptive_field=0 if sees == math.inf else int(sees),
            stride=stride,
            in_maps=so_far.in_maps + products,
            map_numbers=so_far.map_numbers + numbers,
            map_rows=so_far.map_rows + rows,
        )
    return list(stages.values())


def _first(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]


def _multiply_adds(module: nn.Module, after: tuple[int, ...]) -> int:
    """Products of one output times the number of outputs; norms and cuts are not counted."""
    if isinstance(module, nn.Conv2d):
        window = module.kernel_size[0] * module.kernel_size[1] * module.in_channels // module.groups
        return window * math.prod(after)
    if isinstance(module, nn.Linear):
        return module.in_features * math.prod(after)
    return 0
