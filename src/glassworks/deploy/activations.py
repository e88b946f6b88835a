"""Maps that training keeps: counted while a real model takes a real batch.

The backward pass needs many results of the forward pass. PyTorch hands each one that it keeps to a hook, so
they can be counted exactly; one that several steps keep is counted once, and the weights, which are there
anyway, not at all. Source: docs.pytorch.org, torch.autograd.graph.saved_tensors_hooks.
The first thing to change: count by layer, from the names of the modules.
"""

from typing import Any

import torch
from torch import Tensor, nn


def measured(model: nn.Module, pictures: Tensor) -> float:
    """Bytes that training keeps for each picture of a batch.

    pictures: float (batch, channels, height, width). The model's mode, numbers and norms stay as they are.
    """
    kept: dict[int, int] = {}
    alive: list[Tensor] = []  # so that no two have the same place in memory one after the other
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    def give(tensor: Any) -> Any:
        return tensor

    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    was_training = model.training
    model.train()
    try:
        with (
            torch.random.fork_rng(devices=[]),
            torch.enable_grad(),
            torch.autograd.graph.saved_tensors_hooks(keep, give),
        ):
            model(pictures).sum()
    finally:
        model.train(was_training)
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(before[name])
    return sum(kept.values()) / len(pictures)
