"""Is the engine that measuring chooses really the fastest, and what would a fixed choice cost?

    python benchmarks/export_engines.py [--quick] [--compiled]

Four networks, one picture and 32, one thread and two. The engine is chosen as `serve` chooses it; then all
engines are timed a second time, in turn, and the chosen one is held against the best of that second time. The
networks have random filters and a last layer that tells some pictures apart, so that errors mean something.
Wall time, because an engine's own threads count for a person who waits: it wants a quiet machine.
"""

import tempfile
from pathlib import Path

import numpy as np

import common

BATCHES = (1, 32)
CLASSES = 10
PICTURES = 40


def networks(quick: bool) -> dict:
    """{name: (model without weights to speak of, side)}; the ones for photographs are left out when quick."""
    from glassworks.models.vision import cnn, efficientnet, resnet

    four = cnn.VARIANTS["four-layer"]
    found = {
        "CNN, four stages, 32×32": cnn.build(cnn.CNNConfig(height=32, width=32, classes=CLASSES, **four)),
        "CNN, four stages, 64×64": cnn.build(cnn.CNNConfig(height=64, width=64, classes=CLASSES, **four)),
    }
    if not quick:
        found["ResNet-18, 224×224"] = resnet.build(
            resnet.ResNetConfig(**resnet.VARIANTS["18"], classes=CLASSES)
        )
        found["EfficientNet-Lite0, 224×224"] = efficientnet.build(
            efficientnet.EfficientNetConfig(**efficientnet.VARIANTS["lite0"], classes=CLASSES)
        )
    return found


def pixels_for(side: int) -> np.ndarray:
    """Smooth pictures, and the same with a little noise: uint8 (PICTURES, side, side, 3)."""
    dice = np.random.default_rng(0)
    coarse = dice.integers(0, 256, (CLASSES, 8, 8, 3)).astype(np.uint8)
    smooth = coarse.repeat(side // 8, axis=1).repeat(side // 8, axis=2).astype(np.int64)
    pictures = np.resize(smooth, (PICTURES, side, side, 3)) + dice.integers(
        -10, 11, (PICTURES, side, side, 3)
    )
    return np.clip(pictures, 0, 255).astype(np.uint8)


def subject_of(model, pixels: np.ndarray):
    """The network with a last layer that knows each of the first ten pictures by its features."""
    import torch

    from glassworks.core.rows import PictureInput
    from glassworks.deploy.subject import Subject, eager

    side = pixels.shape[1]
    how = PictureInput(side, side, 3, (0.5,) * 3, (0.25,) * 3)
    subject = Subject(model.eval(), how, "label", tuple(str(number) for number in range(CLASSES)))
    features = torch.from_numpy(eager(subject)(pixels[:CLASSES])[1]).clone()
    centred = features - features.mean(0)
    weight = centred / centred.square().sum(1, keepdim=True) * 4  # its own picture: about 4, others: below
    with torch.no_grad():
        model.head.weight.copy_(weight)
        model.head.bias.copy_(-weight @ features.mean(0))
    return subject


def measure(name: str, model, threads: int, compiled: bool, seconds: float) -> list[dict]:
    """Engines of one network with so many threads: chosen, then timed again."""
    import torch

    from glassworks.deploy.engines import EAGER, candidates, choose
    from glassworks.deploy.timing import latencies

    torch.set_num_threads(threads)
    pixels = pixels_for(model.config.height)
    subject = subject_of(model, pixels)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        engines = candidates(subject, Path(folder), pixels, compiled=compiled)
        for batch in BATCHES:
            chosen = choose(engines, pixels, batch, seconds=seconds)
            again = latencies(engines, np.resize(pixels, (batch, *pixels.shape[1:])), seconds)
            allowed = {row.name for row in chosen.rows if not row.left_out}
            best = min(again[engine].median for engine in allowed)
            found.append(
                {
                    "network": name,
                    "threads": threads,
                    "batch": batch,
                    "chosen": chosen.engine.name,
                    "of_best": best / again[chosen.engine.name].median,
                    "of_eager": again[EAGER].median / again[chosen.engine.name].median,
                    "error": chosen.engine.apart.answers,
                    "slowest_over_best": max(again[engine].median for engine in allowed) / best,
                    "engines": {
                        row.name: {
                            "first_ms": 1e3 * row.latency.median,
                            "again_ms": 1e3 * again[row.name].median,
                            "runs": again[row.name].runs,
                            "error": row.error,
                            "agrees": row.agrees,
                            "left_out": row.left_out,
                        }
                        for row in chosen.rows
                    },
                }
            )
        del engines  # the files are let go of before their folder is
    return found


def family(found: dict, start: str) -> str:
    """The best time of the engines whose name begins so, in ms; in brackets where all were left out."""
    rows = [row for name, row in found["engines"].items() if name.startswith(start)]
    if not rows:
        return "–"
    kept = [row["again_ms"] for row in rows if not row["left_out"]]
    return f"{min(kept):.3g}" if kept else f"({min(row['again_ms'] for row in rows):.3g})"


def main() -> None:
    flags = common.arguments(
        __doc__,
        compiled={"action": "store_true", "help": "torch.compile too: a minute more for each network"},
    )
    import torch

    torch.manual_seed(0)
    found = []
    for name, model in networks(flags.quick).items():
        for threads in (1,) if flags.quick else (1, 2):
            found += measure(name, model, threads, flags.compiled, 0.3 if flags.quick else 2.0)
    head = ["network", "threads", "batch", "eager, ms", "folded", "bf16", "compiled", "onnxruntime", "int8",
            "chosen", "error", "times eager", "of the best", "worst / best"]  # fmt: skip
    table = [
        [
            row["network"], row["threads"], row["batch"], f"{row['engines']['eager']['again_ms']:.3g}",
            *(family(row, start) for start in ("eager, folded", "eager bf16", "compiled")),
            f"{row['engines']['onnxruntime']['again_ms']:.3g}", family(row, "onnxruntime int8"),
            row["chosen"], f"{row['error']:.2g}", f"{row['of_eager']:.1f}", f"{row['of_best']:.2f}",
            f"{row['slowest_over_best']:.1f}",
        ]
        for row in found
    ]  # fmt: skip
    common.report("export_engines", head, table, {"rows": found}, quick=flags.quick)


if __name__ == "__main__":
    main()
