"""A training step of ViT and Swin against timm's and torchvision's, its peak memory, and answering.

    python benchmarks/vision_transformers.py [--quick] [--only vit-224,vit-32,swin,memory,answers]

All sides begin with the same weights, see the same batch and take fused AdamW; theirs are the plain loop with
the library's default attention, ours is a step of `train` as it is, clipping and its guard against losses
that are not finite included. bf16 is autocast, as `--precision bf16` does it; weights stay fp32 on all sides.
Peak memory is what a fresh process grows by in its steps. Answering is the engine that `serve` would choose
for 32 pictures on one thread, against PyTorch as it is in fp32. The machine that this was written on has bf16
but no matrix unit (AMX); on one that has, ratios in bf16 differ.
"""

import copy
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import common

RATE, DECAY, CLIP = 1e-4, 0.05, 1.0
STEPS = 2  # of one measurement
CLASSES = 1000
PARTS = ("vit-224", "vit-32", "swin", "memory", "answers")
CASES: dict[str, tuple[str, int, int]] = {  # words in the table: (system, side, batch)
    "ViT-Ti/16 at 224, batch 8": ("vit-224", 224, 8),
    "ViT-Ti/4 at 32, batch 64": ("vit-32", 32, 64),
    "Swin-T at 224, batch 4": ("swin", 224, 4),
}
PRECISIONS = ("fp32", "bf16")
HEAD = ("network", "side", "what", "median", "timm / ours", "torchvision / ours",
        "first loss apart, or against eager")  # fmt: skip

Step = Callable[[], float]  # takes one step and returns its loss


def their_networks(part: str) -> dict[str, Any]:
    """The same network by each library; torchvision's with the numbers of timm's."""
    import timm
    import torch
    import torchvision

    torch.manual_seed(0)
    if part == "swin":
        theirs = timm.create_model("swin_tiny_patch4_window7_224", num_classes=CLASSES, drop_path_rate=0.0)
        vision = torchvision.models.swin_transformer.SwinTransformer(
            [4, 4], 96, [2, 2, 6, 2], [3, 6, 12, 24], [7, 7], stochastic_depth_prob=0.0
        )
    else:
        side, patch = (224, 16) if part == "vit-224" else (32, 4)
        theirs = timm.models.VisionTransformer(
            img_size=side, patch_size=patch, embed_dim=192, depth=12, num_heads=3, num_classes=CLASSES
        )
        vision = torchvision.models.VisionTransformer(side, patch, 12, 3, 192, 768, num_classes=CLASSES)
    names = their_names(part)
    # torchvision's Swin keeps its table of places among its tensors; it follows from the shape.
    tensors = names.to_theirs(names.to_ours(theirs.state_dict()), "torchvision")
    vision.load_state_dict(tensors, strict=part != "swin")
    return {"timm": theirs, "torchvision": vision}


def their_names(part: str):
    """The name map of a system."""
    from glassworks.weights.names import swin, vit

    return swin if part == "swin" else vit


def our_network(part: str, tensors: dict):
    """Ours with the numbers of timm's."""
    from glassworks.models.vision import swin, vit
    from glassworks.weights.store import load_into

    if part == "swin":
        model = swin.build(swin.SwinConfig(classes=CLASSES, **swin.VARIANTS["t"]))
    else:
        shape = {"height": 32, "width": 32, "patch": 4} if part == "vit-32" else {}
        model = vit.build(vit.ViTConfig(classes=CLASSES, **vit.VARIANTS["ti16"] | shape))
    load_into(model, their_names(part).to_ours(tensors), source="timm")
    return model


def plain(network, batch, precision: str) -> Step:
    """The loop of a peer: nothing but the step."""
    import torch

    model = copy.deepcopy(network).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = torch.nn.functional.cross_entropy(model(batch.inputs).float(), batch.targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def of_ours(model, batch, precision: str) -> Step:
    """The step of `train`."""
    import torch

    from glassworks.tasks.image import ImageClassification
    from glassworks.training.optimizer import adamw
    from glassworks.training.runtime import Runtime
    from glassworks.training.state import new_state
    from glassworks.training.step import supervised

    model = copy.deepcopy(model)
    state = new_state(model, adamw(model, learning_rate=RATE, weight_decay=DECAY), averaged=False, micro=0)
    runtime = Runtime(torch.device("cpu"), precision, 1)
    take = supervised(ImageClassification(CLASSES), model, runtime, seed=0, clip=CLIP, average=0.0)

    def step() -> float:
        loss = take(state, batch, len(batch))["loss"] / len(batch)
        state.step += 1
        return loss

    return step


def batch_of(side: int, size: int):
    import torch

    from glassworks.data.batches import Batch

    dice = torch.Generator().manual_seed(1)
    inputs = torch.randn(size, 3, side, side, generator=dice)
    return Batch(inputs, torch.randint(0, CLASSES, (size,), generator=dice), np.arange(size))


def sides(part: str, side: int, size: int) -> dict[str, Step]:
    """Every library in every precision, by "library, precision"; ours begins with timm's numbers."""
    batch, networks = batch_of(side, size), their_networks(part)
    ours = our_network(part, networks["timm"].state_dict())
    return {
        f"{name}, {precision}": (of_ours if name == "ours" else plain)(network, batch, precision)
        for precision in PRECISIONS
        for name, network in (networks | {"ours": ours}).items()
    }


def steps_of(words: str, rounds: int, steps: int) -> tuple[list[list[str]], dict]:
    """Rows of the table, and the figures behind them, of one case."""
    chosen = sides(*CASES[words])
    losses = {name: step() for name, step in chosen.items()}  # on fresh weights; it also warms up
    timers = {
        name: lambda step=step: common.processor_seconds(lambda: [step() for _ in range(steps)]) / steps
        for name, step in chosen.items()
    }
    seconds = common.in_turn(timers, rounds)
    rows = []
    for name, times in seconds.items():
        library, precision = name.split(", ")
        rows.append([
            words, name, "step, ms", str(common.Spread.of([1e3 * t for t in times])),
            *(str(common.ratios(seconds[f"{peer}, {precision}"], times)) if library == "ours" else "–"
              for peer in ("timm", "torchvision")),
            f"{abs(losses[name] - losses['timm, fp32']):.1e}",
        ])  # fmt: skip
    return rows, {"seconds": seconds, "first_losses": losses}


# ---- peak memory: each side in a process of its own, which calls this file with "--peak"


def peak_of(words: str, name: str) -> float:
    """Most MB that a few steps need above what was there before the first one (network and batch)."""
    step = sides_of_one(words, name)
    before = resident()
    most, done = [before], threading.Event()

    def watch() -> None:
        while not done.is_set():
            most[0] = max(most[0], resident())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(3):
        step()
    done.set()
    watcher.join()
    return (most[0] - before) / 1e6


def sides_of_one(words: str, name: str) -> Step:
    """One side alone, so that nothing else is in memory."""
    part, side, size = CASES[words]
    library, precision = name.split(", ")
    networks, batch = their_networks(part), batch_of(side, size)
    if library == "ours":
        return of_ours(our_network(part, networks["timm"].state_dict()), batch, precision)
    return plain(networks[library], batch, precision)


def resident() -> int:
    """Bytes of this process in memory now (Linux)."""
    import os

    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory_of(words: str, rounds: int) -> tuple[list[list[str]], dict]:
    """Peak memory of a step on each side, in turn."""
    names = [f"{name}, {precision}" for precision in PRECISIONS for name in ("timm", "torchvision", "ours")]
    timers = {
        name: lambda name=name: common.in_own_process(
            "vision_transformers.py", "--peak", words, name, environment=common.ALONE
        )
        for name in names
    }
    peaks = common.in_turn(timers, rounds, warm=False)
    rows = []
    for name, found in peaks.items():
        library, precision = name.split(", ")
        rows.append([
            words, name, "peak, MB", str(common.Spread.of(found)),
            *(str(common.ratios(peaks[f"{peer}, {precision}"], found)) if library == "ours" else "–"
              for peer in ("timm", "torchvision")),
            "–",
        ])  # fmt: skip
    return rows, {"peak_mb": peaks}


# ---- answering


def answers_of(words: str, seconds: float, rounds: int) -> tuple[list[list[str]], dict]:
    """The engine that `serve` would choose for 32 pictures, timed against eager fp32 by processor seconds."""
    from glassworks.deploy.engines import EAGER, candidates, choose

    part, side, _ = CASES[words]
    model = our_network(part, their_networks(part)["timm"].state_dict())
    subject, pixels = told_apart(model, side)
    with tempfile.TemporaryDirectory() as folder:
        engines = candidates(subject, Path(folder), pixels)
        chosen = choose(engines, pixels, 32, seconds=seconds)
        timers = {
            name: lambda engine=engines[name]: common.processor_seconds(lambda: engine(pixels[:32]))
            for name in dict.fromkeys((EAGER, chosen.engine.name, *engines))
        }
        found = common.in_turn(timers, rounds)
        left_out = {name: engine.left_out() for name, engine in engines.items()}
        error = chosen.engine.apart.answers
        del engines
    rows = [
        [
            words, f"{name}{' (chosen)' if name == chosen.engine.name else ''}", "answer 32, ms",
            str(common.Spread.of([1e3 * t for t in times])), "–", "–",
            f"{common.ratios(found[EAGER], times)} times eager"
            + (f"; left out: {left_out[name]}" if left_out[name] else ""),
        ]
        for name, times in found.items()
    ]  # fmt: skip
    return rows, {"seconds": found, "chosen": chosen.engine.name, "error": error, "left_out": left_out}


def told_apart(model, side: int):
    """The network with a last layer that tells ten smooth pictures apart, so that errors mean something."""
    import torch

    import export_engines

    pixels = export_engines.pixels_for(side)
    model.head = torch.nn.Linear(model.head.in_features, export_engines.CLASSES)
    return export_engines.subject_of(model, pixels), pixels


def main() -> None:
    if "--peak" in sys.argv:
        common.one_thread()
        print(json.dumps(peak_of(*sys.argv[-2:])))
        return
    flags = common.arguments(__doc__, only={"default": ",".join(PARTS), "help": "parts, with commas between"})
    common.one_thread()
    rounds, steps = (2, 1) if flags.quick else (9, STEPS)
    only = flags.only.split(",")
    table: list[list[str]] = []
    facts: dict[str, Any] = {"steps": steps, "clip": CLIP, "amx": has_amx()}
    for words, (part, *_) in CASES.items():
        work: dict[str, Callable[[], tuple[list[list[str]], dict]]] = {}
        if part in only:
            work["steps"] = lambda words=words: steps_of(words, rounds, steps)
        if "memory" in only and part != "vit-32" and Path("/proc/self/statm").is_file():
            work["memory"] = lambda words=words: memory_of(words, 1 if flags.quick else 3)
        if "answers" in only:
            work["answers"] = lambda words=words: answers_of(words, 0.5 if flags.quick else 2.0, rounds)
        for what, measure in work.items():
            print(f"measuring {words}: {what}", flush=True)
            rows, facts[f"{words}: {what}"] = measure()
            table += rows
        if work:  # a long run that is stopped keeps the networks that it has measured
            common.report("vision_transformers", HEAD, table, facts, quick=flags.quick)


def has_amx() -> bool | None:
    """Whether the processor has the matrix unit AMX; None where the system does not say."""
    path = Path("/proc/cpuinfo")
    return "amx_bf16" in path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    main()
