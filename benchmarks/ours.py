"""Our side of the benchmarks: the library's own batches, network, task, step and loop, one run after another.

The recipes below were chosen on 55,000 pictures of Fashion-MNIST's training part, judged on its other 5,000;
the test part was looked at afterwards.
"""

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

Part = tuple[np.ndarray, np.ndarray]  # uint8 (rows, height, width), int64 (rows,)
Look = tuple[float, float]  # processor seconds of training so far, accuracy on the test part


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run needs, in the words of a recipe."""

    epochs: int
    widths: tuple[int, ...] = (16, 32)
    hidden: int = 128
    dropout: float = 0.0
    batch_norm: bool = True
    pool_first: bool = True
    batch: int = 256
    optimizer: str = "muon"
    learning_rate: float = 6e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    warmup: float = 0.15
    schedule: str = "linear"
    flip: str = "none"
    precision: str = "bf16"
    threads: int = 1


# Test accuracy goal -> the recipe that reaches it soonest.
FASHION = {
    0.90: Settings(epochs=1),
    0.92: Settings(epochs=2, widths=(24, 32), learning_rate=4e-3),
    0.93: Settings(epochs=5, widths=(24, 32), flip="alternate"),
}


def same_network(epochs: int) -> Settings:
    """The textbook's network in our loop."""
    return Settings(
        epochs=epochs,
        hidden=512,
        dropout=0.25,
        pool_first=False,
        batch=256,
        optimizer="adamw",
        learning_rate=8e-3,
        schedule="cosine",
    )


def train(training: Part, test: Part, settings: Settings, *, seed: int) -> list[Look]:
    """Train, and look after each epoch; the looks are not counted, scaling and augmentation are."""
    import torch

    from glassworks.data.augment import Augment
    from glassworks.data.batches import PictureBatches, measure_input
    from glassworks.models.vision.cnn import CNNConfig, build
    from glassworks.tasks.image import ImageClassification
    from glassworks.training import runtime as runtimes
    from glassworks.training.loop import Plan, fit
    from glassworks.training.optimizer import RULES
    from glassworks.training.progress import Silent
    from glassworks.training.run_folder import RunFolder
    from glassworks.training.state import new_state
    from glassworks.training.step import supervised
    from glassworks.training.stopping import StopRequest

    runtime = runtimes.start("cpu", settings.precision, settings.threads)
    looks: list[Look] = []
    not_counted = 0.0
    start = time.process_time()
    torch.manual_seed(seed)
    pixels, targets = training[0][..., None], training[1]
    rows = np.arange(len(pixels))
    how = measure_input(pixels, rows)
    examples = PictureBatches(pixels, targets, rows, how, seed=seed, augment=Augment(flip=settings.flip))
    held = PictureBatches(test[0][..., None], test[1], np.arange(len(test[0])), how)
    config = CNNConfig(
        height=how.height, width=how.width, channels=1, classes=10, widths=settings.widths,
        hidden=settings.hidden, batch_norm=settings.batch_norm, dropout=settings.dropout,
        pool_first=settings.pool_first,
    )  # fmt: skip
    model = build(config).to(memory_format=torch.channels_last)
    task = ImageClassification(10, smoothing=settings.smoothing)
    rule = RULES[settings.optimizer]
    optimizer = rule(model, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay)

    def look(judged: Any) -> dict[str, float]:
        nonlocal not_counted
        paused = time.process_time()
        judged.eval()
        right = 0
        with torch.no_grad(), runtime.autocast():
            for batch in held.plain(500):
                right += int((judged(batch.inputs).argmax(1) == batch.targets).sum())
        looks.append((paused - start - not_counted, right / len(held)))
        not_counted += time.process_time() - paused
        return {"accuracy": right / len(held)}

    with tempfile.TemporaryDirectory() as folder:
        fit(
            supervised(task, model, runtime, seed=seed, clip=0.0, average=0.0),
            new_state(model, optimizer, averaged=False, micro=0),
            Plan(
                epochs=settings.epochs, batch=settings.batch, learning_rate=settings.learning_rate,
                warmup=settings.warmup, schedule=settings.schedule, evaluate_every=1, patience=0,
                save_seconds=1e9, save_steps=0,
                on_nan="stop", primary="accuracy", larger_is_better=True,
            ),
            examples=examples, validate=look, folder=RunFolder(Path(folder)), runtime=runtime,
            progress=Silent(), stop=StopRequest(),
        )  # fmt: skip
    return looks
