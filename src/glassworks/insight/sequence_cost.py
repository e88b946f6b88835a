"""What each part of a network for texts or series costs: parameters, and products for one typical input.

The products of matrices are counted as they are computed, whichever part asks for them, so attention counts
its maps. A recurrent layer's are asked for at once: as many as its loop would, and sooner. Sums, norms and
the functions of gates are not counted. Model and input may stand on the device "meta": then only shapes go
through.

Source: PyTorch's counter of operations (torch.utils.flop_counter), whose count is two for each product.
The first thing to change: `parts_of`, what is a part.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from glassworks.blocks.recurrent import Recurrent, State
from glassworks.insight.cost import StageCost


def sequence_costs(model: nn.Module, *inputs: Tensor | None) -> list[StageCost]:
    """The cost of each part, in the order in which parts answer. inputs: a batch of one."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, result: object) -> None:
        first = result[0] if isinstance(result, tuple) else result
        if isinstance(first, Tensor):
            shapes.pop(name, None)  # a part that is asked again stands where it answered last
            shapes[name] = tuple(first.shape[1:])

    parts = parts_of(model)
    handles = [
        part.register_forward_hook(lambda module, given, result, name=name: note(name, result))
        for name, part in parts.items()
    ]
    loops = [part for part in model.modules() if isinstance(part, Recurrent)]
    was_training = model.training
    try:
        model.eval()
        for part in loops:
            part.forward = partial(_products_of, part)  # type: ignore[method-assign]
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(*inputs)
    finally:
        model.train(was_training)
        for part in loops:
            del part.forward  # the class's own again
        for handle in handles:
            handle.remove()
    return _stages(model, parts, shapes, counter)


def _products_of(
    layer: Recurrent, steps: Tensor, lengths: Tensor | None = None, state: State | None = None
) -> tuple[Tensor, State]:
    """A recurrent layer's products for all steps at once in place of its loop, and outputs of its shape."""
    state = layer.begin(steps) if state is None else state
    for cells in layer.stacked():
        hidden = steps.new_zeros(*steps.shape[:2], layer.width)
        for cell in cells:
            cell.from_input(steps), cell.from_state(hidden)
        steps = torch.cat([hidden] * len(cells), -1)  # (batch, time, width * directions)
    return steps, state


def parts_of(model: nn.Module) -> dict[str, nn.Module]:
    """Direct children that hold numbers, and the entries of lists of them."""
    found: dict[str, nn.Module] = {}
    for name, child in model.named_children():
        listed = isinstance(child, nn.ModuleList | nn.Sequential)
        found |= {f"{name}.{n}": one for n, one in child.named_children()} if listed else {name: child}
    return {name: part for name, part in found.items() if any(True for _ in part.parameters())}


def _stages(
    model: nn.Module,
    parts: dict[str, nn.Module],
    shapes: dict[str, tuple[int, ...]],
    counter: FlopCounterMode,
) -> list[StageCost]:
    """One row a part; what no part asked for stands at the end."""
    counts = counter.get_flop_counts()
    whole = sum(counts.get("Global", {}).values()) // 2
    stages = []
    for name in [*shapes, *(name for name in parts if name not in shapes)]:
        products = sum(counts.get(f"{type(model).__name__}.{name}", {}).values()) // 2
        numbers = sum(parameter.numel() for parameter in parts[name].parameters())
        stages.append(StageCost(name, shapes.get(name, ()), numbers, products, 0, 0))
    if left := whole - sum(stage.multiply_adds for stage in stages):
        stages.append(StageCost("between parts", (), 0, left, 0, 0))
    return stages
