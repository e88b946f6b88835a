"""The parts of a model, from its input to its head: what transfer freezes, thaws and gives a rate of its own.

Early parts of a network see edges and colours, which serve every picture; late parts see what the first task
asked for (Yosinski et al. 2014, arXiv 1411.1792). So every technique here speaks of parts in order. A part is
a child of the model; a row of blocks (`stages`, `blocks`) counts as one part an entry; a layer that only
scales and shifts, such as a batch norm, belongs to the part before it.
First thing to change: `is_row`, which children are taken apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

HEAD = "head"  # the child that answers; always the last part
BODY = "body"  # the child that holds a whole model of another library; its children are the parts


@dataclass(frozen=True)
class Part:
    """Some layers that freeze and thaw together.

    name:       of the first module in it, such as "stages.0", "body.layer1" or "head"
    parameters: full names of its parameters, in the model's order
    modules:    full names of the modules it is made of
    """

    name: str
    parameters: tuple[str, ...]
    modules: tuple[str, ...]


def parts_of(model: nn.Module) -> list[Part]:
    """A model's parts in the order of the forward pass, the head last.

    Raises ValueError for a model without a child called "head", or with nothing before it.
    """
    if not isinstance(getattr(model, HEAD, None), nn.Module):
        raise ValueError(f'{type(model).__name__} has no child called "{HEAD}", so it cannot be transferred')
    found: list[Part] = []
    for part, joins in _pieces(model, ""):
        if found and joins:
            before = found.pop()
            part = Part(before.name, before.parameters + part.parameters, before.modules + part.modules)
        found.append(part)
    if not found:
        raise ValueError(f"{type(model).__name__} has nothing but a head")
    names = tuple(f"{HEAD}.{name}" for name, _ in model.get_submodule(HEAD).named_parameters())
    return [*found, Part(HEAD, names, (HEAD,))]


def is_row(name: str, child: nn.Module) -> bool:
    """Whether a child is a row of parts. `layer1` beside `layer2` is itself one of a row, and stays whole."""
    return isinstance(child, nn.ModuleList | nn.Sequential) and not re.search(r"\d$", name)


def _pieces(module: nn.Module, prefix: str) -> Iterator[tuple[Part, bool]]:
    """(part, whether it joins the one before it) for everything but the head."""
    own = tuple(prefix + name for name, _ in module.named_parameters(recurse=False))
    if own:  # such as a class token: used at the input, so it comes first
        yield Part(prefix.rstrip(".") or "model", own, ()), False
    for name, child in module.named_children():
        full = prefix + name
        if full == HEAD:
            continue
        if full == BODY:
            yield from _pieces(child, full + ".")
            continue
        entries = list(child.named_children()) if is_row(name, child) else []
        for piece, inner in [(f"{full}.{n}", c) for n, c in entries] or [(full, child)]:
            parameters = dict(inner.named_parameters())
            if parameters or any(True for _ in inner.buffers()):
                names = tuple(f"{piece}.{n}" for n in parameters)
                yield Part(piece, names, (piece,)), all(p.ndim <= 1 for p in parameters.values())
