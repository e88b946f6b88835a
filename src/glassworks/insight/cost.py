"""What each part of a network costs and sees: parameters, multiply-adds, output shape, receptive field.

One picture is sent through and every layer's shapes are noted. The receptive field grows by
(filter - 1) x stride so far with each filter, and the stride multiplies (Araujo et al. 2019, Distill,
"Computing receptive fields of convolutional neural networks").
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

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


def stage_costs(model: nn.Module, one_input: Tensor) -> list[StageCost]:
    """The cost of each part of a model, in the order of the forward pass.

    one_input: a batch of one. Parts are the entries of module lists, and all other direct children that
    do something.
    """
    seen: list[tuple[str, nn.Module, tuple[int, ...], tuple[int, ...]]] = []
    handles = []

    def note(name: str):
        def hook(module, inputs, output):
            seen.append((name, module, tuple(inputs[0].shape), tuple(output.shape)))

        return hook

    for name, module in model.named_modules():
        if not list(module.children()) and name:
            handles.append(module.register_forward_hook(note(name)))
    was_training = model.training
    try:
        model.eval()
        with torch.no_grad():
            model(one_input)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return _grouped(seen)


def _grouped(seen) -> list[StageCost]:
    """Layers joined into the parts that a person reads: `stages.0.convolution` belongs to `stages.0`.

    A pooling layer without a part of its own is counted with the part before it.
    """
    stages: dict[str, list] = {}
    field, stride = 1, 1
    for name, module, _, after in seen:
        key = ".".join(name.split(".")[:2])
        parameters = sum(p.numel() for p in module.parameters())
        if isinstance(module, WINDOWS):
            window, step = _first(module.kernel_size), _first(module.stride)
            field += (window - 1) * stride
            stride *= step
        elif isinstance(module, nn.Linear):
            field = 0
        elif not parameters:
            continue  # dropout and the like cost nothing and change no shape
        if not parameters and key not in stages and stages:
            key = next(reversed(stages))
        _, learned, products, *_ = stages.get(key, ((), 0, 0, 0, 0))
        products += _multiply_adds(module, after)
        stages[key] = [after[1:], learned + parameters, products, field, stride]
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
