"""JPEG files into a training loop: the textbook's ImageFolder and DataLoader against our store.

    python benchmarks/jpeg_input.py [--quick]

The files are pieces of real photographs that scikit-image ships, 500 × 375 pixels as is common in ImageNet,
saved at quality 90 in class folders; the model sees 64 × 64, as the CNN's recipe does. Counted are processor
seconds of one thread for one pass that yields scaled batches of 64, without a model. Our first pass decodes
(its cache is emptied before each round); every later pass finds the pixels in memory, where the textbook
decodes again.
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np

import common

WIDTH, HEIGHT = 500, 375  # of the files
SIDE, BATCH = 64, 64
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "retina", "immunohistochemistry")


def write_pictures(folder: Path, count: int) -> None:
    """`count` JPEG files in one class folder for each photograph, the same on every machine."""
    import skimage.data
    from PIL import Image

    generator = np.random.default_rng(0)
    photographs = {name: np.asarray(getattr(skimage.data, name)()) for name in PHOTOGRAPHS}
    for number in range(count):
        name = PHOTOGRAPHS[number % len(PHOTOGRAPHS)]
        picture = photographs[name]
        tall, wide = (min(size, limit) for size, limit in zip((HEIGHT, WIDTH), picture.shape[:2]))
        top = int(generator.integers(0, picture.shape[0] - tall + 1))
        left = int(generator.integers(0, picture.shape[1] - wide + 1))
        path = folder / name / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        piece = Image.fromarray(picture[top : top + tall, left : left + wide])
        piece.resize((WIDTH, HEIGHT)).save(path, quality=90)


def textbook_pass(folder: Path) -> float:
    """ImageFolder, Resize, ToTensor, Normalize, DataLoader: processor seconds of one pass."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    transform = transforms.Compose([
        transforms.Resize((SIDE, SIDE)),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])  # fmt: skip
    loader = DataLoader(datasets.ImageFolder(folder, transform), batch_size=BATCH, shuffle=True)
    return common.processor_seconds(lambda: [len(targets) for _, targets in loader])


def our_passes(folder: Path) -> tuple[float, float, float]:
    """Processor seconds of the first pass, of one from the disk's cache, and of one from memory."""
    from glassworks.core import cache
    from glassworks.data.batches import PictureBatches, measure_input
    from glassworks.data.folders import read_folder
    from glassworks.data.store import open_store

    cache.clear()
    batches: list[PictureBatches] = []

    def one_pass(epoch: int) -> None:
        count = len(batches[-1])
        for start in range(0, count, BATCH):
            batches[-1].training(epoch, start, min(count, start + BATCH))

    def open_and_pass() -> None:
        table = read_folder(folder)
        store = open_store(table, height=SIDE, width=SIDE, channels=3)
        rows = np.arange(len(store.table))
        how = measure_input(store.pixels, rows)
        batches.append(PictureBatches(store.pixels, store.table.targets, rows, how))
        one_pass(0)

    first = common.processor_seconds(open_and_pass)
    again = common.processor_seconds(open_and_pass)
    return first, again, common.processor_seconds(lambda: one_pass(1))


def run_side(side: str, folder: str) -> list[float]:
    common.one_thread()
    return [textbook_pass(Path(folder))] if side == "textbook" else list(our_passes(Path(folder)))


def main() -> None:
    flags = common.arguments(__doc__, side={"default": ""}, folder={"default": ""})
    if flags.side:
        print(json.dumps(run_side(flags.side, flags.folder)))
        return
    count, rounds = (240, 1) if flags.quick else (3000, 5)
    times: dict[str, list[float]] = {"textbook": [], "first": [], "cached": [], "memory": []}
    with tempfile.TemporaryDirectory() as folder:
        pictures, place = Path(folder) / "pictures", str(Path(folder) / "cache")
        write_pictures(pictures, count)
        for _ in range(rounds):
            environment = common.ALONE | {"GLASSWORKS_CACHE": place}
            for side, names in (("textbook", ["textbook"]), ("ours", ["first", "cached", "memory"])):
                flags_of_side = ("--side", side, "--folder", os.fspath(pictures))
                figures = common.in_own_process("jpeg_input.py", *flags_of_side, environment=environment)
                for name, seconds in zip(names, figures, strict=True):
                    times[name].append(seconds)
    words = {
        "textbook": "textbook, every pass",
        "first": "ours, first pass: from files",
        "cached": "ours, a second run: from the cache on disk",
        "memory": "ours, every later pass: from memory",
    }
    table = []
    for name, seconds in times.items():
        speed = common.Spread.of([count / s for s in seconds])
        table.append([words[name], str(speed), str(common.ratios(times["textbook"], seconds))])
    head = ["side", "pictures/s", "times the textbook"]
    common.report("jpeg_input", head, table, {"pictures": count, "seconds": times}, quick=flags.quick)


if __name__ == "__main__":
    main()
