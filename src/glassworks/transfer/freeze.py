"""Freezing: which numbers learn, and that everything else truly stays as it was.

To switch gradients off is half of it. A batch norm in training mode normalises by the batch at hand and
moves its running mean and variance, so a "frozen" network drifts and sees other features in training than
when it answers (the running means of a ResNet-18 by 0.06 on average, after a single batch). So frozen
parts also stay in evaluation mode, dropout included.
First thing to change: `training_mode`, to see the drift for yourself (`model.train()` in its place).
"""

from collections.abc import Collection

from torch import nn

from glassworks.transfer.parts import HEAD, parts_of


def freeze(model: nn.Module, parts_to_learn: Collection[str]) -> None:
    """Let the parameters of these parts learn and no others. Raises ValueError for a name that is no part."""
    parts = parts_of(model)
    unknown = set(parts_to_learn) - {part.name for part in parts}
    if unknown:
        raise ValueError(f"no such part: {', '.join(sorted(unknown))}; {[part.name for part in parts]}")
    learn_only(model, {name for part in parts if part.name in parts_to_learn for name in part.parameters})


def learn_only(model: nn.Module, names: Collection[str]) -> None:
    """Let the parameters of these full names learn and no others; a frozen one keeps no old gradient."""
    wanted = set(names)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in wanted)
        if name not in wanted:
            parameter.grad = None


def learning_parts(model: nn.Module) -> list[str]:
    """Names of the parts in which at least one parameter learns."""
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    return [part.name for part in parts_of(model) if learning & set(part.parameters)]


def training_mode(model: nn.Module, *, fixed_norms: bool = False) -> None:
    """Like `model.train()`, but whatever is frozen stays in evaluation mode.

    A part none of whose parameters learn answers as if it were evaluated, whole. Inside a part that learns
    only in places (adapters) each frozen layer does. When the head alone learns, everything before it is in
    evaluation mode, also a dropout that the head shares with the layers before it.
    fixed_norms: every batch norm keeps its statistics, also where its scale and shift learn: few pictures
    give worse ones than the millions before.
    """
    learning = set(learning_parts(model))
    if learning <= {HEAD}:
        model.eval()
        model.get_submodule(HEAD).train(HEAD in learning)
        return
    model.train()
    for part in parts_of(model):
        for name in part.modules:
            module = model.get_submodule(name)
            _settle(module, whole=all(parameter.requires_grad for parameter in module.parameters()))
    for layer in model.modules() if fixed_norms else ():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()


def _settle(layer: nn.Module, *, whole: bool) -> bool | None:
    """Evaluation mode for each layer inside whose parameters are all frozen.

    A layer with statistics and no parameters follows those around it: it moves only where the whole part
    learns. Returns whether anything inside learns, None where there is nothing that could.
    """
    inside = [parameter.requires_grad for parameter in layer.parameters(recurse=False)]
    inside += [said for child in layer.children() if (said := _settle(child, whole=whole)) is not None]
    learns = any(inside) if inside else None
    bare_statistics = learns is None and any(True for _ in layer.buffers(recurse=False))
    if learns is False or (bare_statistics and not whole):
        layer.eval()
    return learns
