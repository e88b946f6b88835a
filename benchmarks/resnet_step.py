"""One training step of ResNet-18: the common script, torchvision at our settings, and ours.

    python benchmarks/resnet_step.py [--quick]

The common script is torchvision's network in fp32, channels first, with AdamW as it comes. "Equal settings"
is the same network with channels last, fused AdamW and the precision of ours. Ours is a step of `train` as
it is, clipping and its guard against losses that are not finite included. All begin with the same weights
and see the same batch; how far the first losses lie apart is shown.
"""

import copy
from collections.abc import Callable

import common

SIZES = {"64×64, batch 32": (64, 32), "224×224, batch 8": (224, 8)}
RATE, DECAY, CLIP = 1e-3, 0.05, 1.0
STEPS = 3  # of one measurement

Step = Callable[[], float]  # takes one step and returns its loss


def of_torchvision(network, batch, precision: str, *, plain: bool) -> Step:
    """The loop of the textbook; plain: fp32, channels first, AdamW as it comes."""
    import torch

    layout = torch.contiguous_format if plain else torch.channels_last
    model = copy.deepcopy(network).to(memory_format=layout).train()
    inputs = batch.inputs.contiguous(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=not plain or None)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = torch.nn.functional.cross_entropy(model(inputs), batch.targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def of_ours(network, batch, precision: str) -> Step:
    """The step of `train`, with the same weights by our names."""
    import torch

    from glassworks.models.vision import resnet
    from glassworks.tasks.image import ImageClassification
    from glassworks.training.optimizer import adamw
    from glassworks.training.runtime import Runtime
    from glassworks.training.state import new_state
    from glassworks.training.step import supervised
    from glassworks.weights.names.resnet import to_ours

    side = batch.inputs.shape[-1]
    model = resnet.build(resnet.ResNetConfig(height=side, width=side, **resnet.VARIANTS["18"]))
    model.load_state_dict(to_ours(network.state_dict()))
    model = model.to(memory_format=torch.channels_last)
    state = new_state(model, adamw(model, learning_rate=RATE, weight_decay=DECAY), averaged=False, micro=0)
    runtime = Runtime(torch.device("cpu"), precision, 1)
    take = supervised(ImageClassification(1000), model, runtime, seed=0, clip=CLIP, average=0.0)

    def step() -> float:
        loss = take(state, batch, len(batch))["loss"] / len(batch)
        state.step += 1
        return loss

    return step


def sides(side: int, size: int) -> dict[str, Step]:
    """Every way to take the step, by name; all on one batch, channels last in memory as ours comes."""
    import numpy as np
    import torch
    import torchvision

    from glassworks.data.batches import Batch

    torch.manual_seed(0)
    network = torchvision.models.resnet18()
    inputs = torch.randn(size, 3, side, side).contiguous(memory_format=torch.channels_last)
    batch = Batch(inputs, torch.randint(0, 1000, (size,)), np.arange(size))
    return {
        "common script": of_torchvision(network, batch, "fp32", plain=True),
        "torchvision, equal, fp32": of_torchvision(network, batch, "fp32", plain=False),
        "ours, fp32": of_ours(network, batch, "fp32"),
        "torchvision, equal, bf16": of_torchvision(network, batch, "bf16", plain=False),
        "ours, bf16": of_ours(network, batch, "bf16"),
    }


def measure(side: int, size: int, rounds: int, steps: int) -> tuple[dict, dict]:
    """(processor seconds of a step by side, first loss by side)."""
    chosen = sides(side, size)
    losses = {name: step() for name, step in chosen.items()}  # on fresh weights; it also warms up
    timers = {
        name: lambda step=step: common.processor_seconds(lambda: [step() for _ in range(steps)]) / steps
        for name, step in chosen.items()
    }
    return common.in_turn(timers, rounds), losses


def main() -> None:
    flags = common.arguments(__doc__)
    common.one_thread()
    rounds, steps = (1, 1) if flags.quick else (9, STEPS)
    table, facts = [], {"steps": steps, "clip": CLIP}
    for words, (side, size) in SIZES.items():
        seconds, losses = measure(side, size, rounds, steps)
        for name, times in seconds.items():
            precision = name[-4:]
            equal = f"torchvision, equal, {precision}"
            table.append([
                words, name, str(common.Spread.of([1e3 * t for t in times])),
                str(common.ratios(seconds["common script"], times)),
                str(common.ratios(seconds[equal], times)) if name.startswith("ours") else "–",
                f"{abs(losses[name] - losses['common script']):.1e}",
            ])  # fmt: skip
        facts[words] = {"seconds": seconds, "first_losses": losses}
    head = ["pictures", "step", "ms", "times the common script", "times torchvision at equal settings",
            "first loss apart"]  # fmt: skip
    common.report("resnet_step", head, table, facts, quick=flags.quick)


if __name__ == "__main__":
    main()
