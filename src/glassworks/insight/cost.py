"""What each part of a network costs and sees: parameters, multiply-adds, output shape, receptive field.

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

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)  # layers that look at a neighbourhood


@dataclass(frozen=True)
class StageCost:
    """name: of the part; shape: of its output for one input, without the batch; parameters: learned
    numbers; multiply_adds: for one input; receptive_field: pixels an output sees of the input on a side,
    0 where it sees all; stride: pixels between neighbouring outputs."""

    name: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: int
    stride: int


@dataclass
class _Walk:
    """The forward pass as it is seen: each layer with its output's shape, and how far each map looks.

    reach: (receptive field, stride) of the maps that layers gave; a map that no layer gave (a sum, a cut)
    is taken to look as far as any before it
    """

    layers: list[tuple[str, nn.Module, tuple[int, ...], tuple[float, int]]] = field(default_factory=list)
    reach: WeakTensorKeyDictionary = field(default_factory=WeakTensorKeyDictionary)
    furthest: tuple[float, int] = (1, 1)

    def note(self, name: str, module: nn.Module, given: Tensor, result: Tensor) -> None:
        sees, stride = self.reach.setdefault(given, self.furthest)  # a branch begins where its sister began
        if isinstance(module, WINDOWS):
            sees += (_first(module.kernel_size) - 1) * stride
            stride *= _first(module.stride)
        elif isinstance(module, nn.Linear):
            sees = math.inf
        self.reach[result] = sees, stride
        self.furthest = max(self.furthest, (sees, stride))
        self.layers.append((name, module, tuple(result.shape), self.furthest))


def stage_costs(model: nn.Module, one_input: Tensor) -> list[StageCost]:
    """The cost of each part of a model, in the order of the forward pass.

    one_input: a batch of one. Parts are the entries of module lists, and all other direct children that
    do something.
    """
    walk = _Walk()
    handles = [
        module.register_forward_hook(
            lambda module, given, result, name=name: walk.note(name, module, given[0], result)
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
    stages: dict[str, list] = {}
    for name, module, after, (sees, stride) in walk.layers:
        parameters = sum(p.numel() for p in module.parameters())
        if not parameters and not isinstance(module, WINDOWS):
            continue  # dropout and the like cost nothing and change no shape
        top, _, rest = name.partition(".")
        listed = isinstance(model.get_submodule(top), (nn.ModuleList, nn.Sequential))
        key = f"{top}.{rest.partition('.')[0]}" if listed else top
        if not parameters and key not in stages and stages:
            key = next(reversed(stages))
        _, learned, products, *_ = stages.get(key, ((), 0, 0, 0, 0))
        products += _multiply_adds(module, after)
        stages[key] = [
            after[1:],
            learned + parameters,
            products,
            0 if sees == math.inf else int(sees),
            stride,
        ]
    return [StageCost(name, *row) for name, row in stages.items()]


def _first(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else size[0]


def _multiply_adds(module: nn.Module, after: tuple[int, ...]) -> int:
    """Products of one output times the number of outputs; norms and cuts are not counted."""
    if isinstance(module, nn.Conv2d):
        window = module.kernel_size[0] * module.kernel_size[1] * module.in_channels // module.groups
        return window * after[1] * after[2] * after[3]
    if isinstance(module, nn.Linear):
        return module.in_features * module.out_features
    return 0
