"""One step of AdamW, fused against torch's default, on the parameters of several networks.

    python benchmarks/fused_adamw.py [--quick]

`training/state.py` makes the fused one. Same start, same gradients; the largest difference of the weights
after the same number of steps is shown too.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import common

REPEATS = 20


def networks() -> dict:
    """Networks by name, built with random weights."""
    import torchvision

    from glassworks.models.vision import cnn, lenet

    return {
        "LeNet-5": lenet.build(lenet.LeNetConfig()),
        "CNN, two stages": cnn.build(cnn.CNNConfig(**cnn.VARIANTS["two-layer-improved"])),
        "CNN, four stages": cnn.build(cnn.CNNConfig(**cnn.VARIANTS["four-layer"])),
        "ResNet-18": torchvision.models.resnet18(),
        "ViT-B/16": torchvision.models.vit_b_16(),
    }


def milliseconds(step: Callable[[], Any], repeats: int) -> float:
    """Processor milliseconds of one call, over `repeats` of them."""
    return common.processor_seconds(lambda: [step() for _ in range(repeats)]) / repeats * 1e3


def main() -> None:
    flags = common.arguments(__doc__)
    common.one_thread()
    import copy

    import torch

    from glassworks.training.optimizer import adamw

    table, facts = [], {}
    chosen = dict(list(networks().items())[: 3 if flags.quick else None])
    for name, model in chosen.items():
        torch.manual_seed(0)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter) * 1e-3
        twin = copy.deepcopy(model)
        for parameter, other in zip(model.parameters(), twin.parameters(), strict=True):
            other.grad = parameter.grad.clone()
        sides = {
            "default": torch.optim.AdamW(twin.parameters(), lr=1e-3, weight_decay=0.05),
            "fused": adamw(model, learning_rate=1e-3, weight_decay=0.05),
        }
        repeats = max(1, REPEATS // (4 if name.startswith("ViT") else 1))
        timers = {side: partial(milliseconds, optimizer.step, repeats) for side, optimizer in sides.items()}
        times = common.in_turn(timers, 3 if flags.quick else 9)
        # Biases and norms are not decayed by ours, so only matrices can be compared.
        apart = max(
            float((a - b).abs().max()) for a, b in zip(model.parameters(), twin.parameters()) if a.ndim > 1
        )
        count = sum(parameter.numel() for parameter in model.parameters())
        ratio = common.ratios(times["default"], times["fused"])
        default, fused = common.Spread.of(times["default"]), common.Spread.of(times["fused"])
        table.append([name, f"{count:,}", str(default), str(fused), str(ratio), f"{apart:.1e}"])
        facts[name] = {"parameters": count, "milliseconds": times, "largest_difference": apart}
    head = ["network", "parameters", "default, ms", "fused, ms", "default / fused", "weights apart"]
    common.report("fused_adamw", head, table, facts, quick=flags.quick)


if __name__ == "__main__":
    main()
