"""Listening to a network while it works: the outputs of any of its parts, by name.

Every part of a PyTorch model has a name, such as `stages.0.convolution`, and calls back when it has answered.
All explanations in this folder stand on that: they note what a part said, and sometimes ask how the answer
would change with it.

Source: PyTorch's `Module.register_forward_hook`.
First thing to change: `POOLS`, the kinds of parts after which a map has lost its detail.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.insight.tokens import as_maps, attends

POOLS = (
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.LPPool2d,
    nn.FractionalMaxPool2d,
)
NEVER_CALLED = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
CHANGE_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout2d)


def layers_of(model: nn.Module) -> list[str]:
    """Names of the parts that can be watched, in the order in which the model holds them."""
    return list(layer_kinds(model))


def layer_kinds(model: nn.Module) -> dict[str, str]:
    """Name of each part that can be watched -> its kind: {"stages.0.convolution": "Conv2d", …}."""
    return {
        name: type(module).__name__
        for name, module in model.named_modules()
        if name and not isinstance(module, NEVER_CALLED)
    }


def layer_named(model: nn.Module, name: str) -> nn.Module:
    """The part of that name. Raises PersonError("unknown-layer") with the nearest name."""
    known = layer_kinds(model)
    if name not in known:
        near = did_you_mean(name, known) if len(known) <= 12 else _nearest(name, list(known))
        raise PersonError(
            "unknown-layer",
            expected=f"the name of one of the model's {len(known)} layers",
            got=f'"{name}"',
            fix=near,
        )
    return model.get_submodule(name)


def _nearest(name: str, known: list[str]) -> str:
    """One close name, or a dozen to choose from: a deep network has hundreds."""
    text = did_you_mean(name, known)
    if text.startswith("did you mean"):
        return text
    outer = [layer for layer in known if layer.count(".") <= 1]
    return "choose one of: " + ", ".join(outer[:12]) + (", …" if len(outer) > 12 else "")


@contextlib.contextmanager
def recording(
    model: nn.Module, names: Sequence[str], *, with_gradient: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Note what the named parts answer while the block runs: {"stages.1": (batch, channels, h, w), …}.

    Filled by each forward pass, in the order in which the parts finish; of a part that is called twice the
    last answer stands. Without `with_gradient` the tensors are copies that nothing later can change; with it
    they are part of the graph, for `torch.autograd.grad`. Raises PersonError("unknown-layer").
    """
    found = {name: layer_named(model, name) for name in names}
    seen: dict[str, Tensor] = {}

    def note(name: str):
        def hook(module: nn.Module, inputs: Any, output: Any) -> Any:
            if not isinstance(output, Tensor):
                return None
            seen.pop(name, None)
            # The next part may write into its input (ReLU in place); it gets a copy, we keep what was said.
            seen[name] = output if with_gradient else output.detach().clone()
            return output.clone() if with_gradient else None

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in found.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Dropout off and batch statistics still while the block runs; every part's own mode is put back."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def last_maps(model: nn.Module, pictures: Tensor | None = None) -> str:
    """Name of the last part that answers with maps (batch, channels, h, w) larger than one pixel.

    Layers that only pool are passed over: the part before them has the same features in more detail. Of a
    Transformer it is the last layer norm from whose patches the answer is still made: after it, where the
    answer is read from a class token, the patches say nothing more. Found by one forward pass, of zeros in
    the size of `model.config` or of the first of `pictures`. Raises PersonError("no-maps") for a model
    without maps.
    """
    if attends(model):
        return _last_tokens(model, one_picture(model) if pictures is None else pictures[:1])
    names = [
        name
        for name, module in model.named_modules()
        if name and not isinstance(module, (*NEVER_CALLED, *CHANGE_NOTHING, *POOLS))
    ]
    with evaluating(model), torch.no_grad(), recording(model, names) as seen:
        model(one_picture(model) if pictures is None else pictures[:1])
    maps = [name for name, output in seen.items() if output.ndim == 4 and min(output.shape[2:]) > 1]
    if not maps:
        raise _no_maps(model)
    return maps[-1]


def _last_tokens(model: nn.Module, picture: Tensor) -> str:
    """Name of the last layer norm whose patches still move the answer."""
    norms = [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        inputs = picture.to(device_of(model)).detach().clone().requires_grad_()
        with recording(model, norms, with_gradient=True) as seen:
            outputs = model(inputs).float()
        # Unequal weights: the sum of all outputs may be a constant, after a softmax or a norm.
        answer = (outputs * torch.arange(1.0, outputs.numel() + 1).view_as(outputs).to(outputs)).sum()
        slopes = torch.autograd.grad(answer, list(seen.values()), allow_unused=True)
    shape = tuple(picture.shape)
    tokens, moved = [], []
    for (name, output), slope in zip(seen.items(), slopes):
        if as_maps(model, name, output, shape) is None:
            continue
        tokens.append(name)
        maps = None if slope is None else as_maps(model, name, slope, shape)
        if maps is not None and bool(maps.any()):
            moved.append(name)
    if not tokens:
        raise _no_maps(model)
    return (moved or tokens)[-1]  # a head of zeros moves nothing


def _no_maps(model: nn.Module) -> PersonError:
    return PersonError(
        "no-maps",
        expected="a model with maps (batch, channels, height, width) inside, or with tokens on a grid",
        got=f"{type(model).__name__}, whose parts answer without places",
        fix="use occlusion, which needs nothing but the answers",
    )


def one_picture(model: nn.Module) -> Tensor:
    """Zeros in the size that the model takes, (1, channels, height, width), where its parameters are."""
    config: Any = model.config
    return torch.zeros(1, config.channels, config.height, config.width, device=device_of(model))


def device_of(model: nn.Module) -> torch.device:
    """Where the model computes."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


# ---- which answer is explained

Target = int | Sequence[int] | np.ndarray | Tensor | None


def targets_for(outputs: Tensor, target: Target) -> Tensor:
    """The column to explain for each picture, int64 (batch,).

    outputs: (batch, classes). target: a class for all, one a picture, or None for the answer given (the
    largest output; of a single output that one). Raises PersonError("no-such-class").
    """
    if target is None:
        return outputs.detach().argmax(1)
    wanted = torch.as_tensor(np.asarray(target), device=outputs.device).long()
    wanted = wanted.expand(len(outputs)) if wanted.ndim == 0 else wanted
    count = outputs.shape[1]
    if wanted.shape != (len(outputs),) or int(wanted.min()) < 0 or int(wanted.max()) >= count:
        raise PersonError(
            "no-such-class",
            expected=f"a class from 0 to {count - 1}, one for all pictures or one for each",
            got=str(target),
            fix="leave the target out to explain the answer given",
        )
    return wanted


def answers_of(outputs: Tensor, kind: str = "label") -> Tensor:
    """Raw outputs (batch, classes) as what a person reads off them.

    kind: "label" probabilities that sum to 1, "labels" a probability for each class, "number" or a single
    output: the number as it is.
    """
    if kind == "number" or (kind == "label" and outputs.shape[1] == 1):
        return outputs.float()
    return outputs.float().softmax(1) if kind == "label" else outputs.float().sigmoid()
