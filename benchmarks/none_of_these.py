"""None of these: does a model of six classes of photographs notice that a picture shows something else?

    python benchmarks/none_of_these.py [--quick]

The models are those of `transfer_stamps.py --only head`, one a fold (made where this commit has none). Each
scores the photographs of its own fold, which it never saw, and strangers: photographs that scikit-image ships
and that show none of the classes (a person, coffee, coins, bricks, a retina …), two that do (a cat, a rocket)
on a line of their own, clothing, digits, and noise. AUROC: how often a stranger scores above a held-out
photograph. A score above 1 is what is told to a person: a false alarm for what was held out.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

import common
import transfer_stamps

# What scikit-image brings along; "ihc" is stained tissue.
OTHERS = ("astronaut.png", "brick.png", "camera.png", "cell.png", "clock_motion.png", "coffee.png",
          "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "page.png",
          "retina.jpg", "text.png")  # fmt: skip
RELATED = ("chelsea.png", "rocket.jpg")  # a mammal, and a vehicle of a kind that the stamps do not show
MANY = 200
WORDS = {
    "others": "photographs of other things",
    "related": "a cat and a rocket, which are near",
    "fashion-mnist": "clothing (Fashion-MNIST)",
    "digits": "written digits",
    "noise": "noise",
}


def strangers() -> dict[str, list[Any]]:
    """Pictures that the model was not trained for, as files or arrays, by kind."""
    import importlib.util

    from glassworks.data.samples import is_here, sample_table

    found = importlib.util.find_spec("skimage")
    folder = Path(found.submodule_search_locations[0]) / "data"  # type: ignore[union-attr, index]
    dice = np.random.default_rng(0)
    kinds: dict[str, list[Any]] = {
        "others": [folder / name for name in OTHERS],
        "related": [folder / name for name in RELATED],
    }
    for name in ("fashion-mnist", "digits"):
        if is_here(name):
            sources = sample_table(name).sources
            kinds[name] = [sources[row] for row in dice.permutation(len(sources))[:MANY]]
    kinds["noise"] = list(dice.integers(0, 256, (MANY, 64, 64, 3)).astype(np.uint8))
    return kinds


def scores_of_fold(path: Path, kinds: dict[str, list[Any]]) -> dict[str, list[float]]:
    """The score of each picture held out from a fold, and of each stranger."""
    from glassworks.api.run import features_of, load
    from glassworks.data.batches import PictureBatches
    from glassworks.data.decode import read_picture
    from glassworks.insight import unfamiliar

    run = load(path)
    own, how = run.data(), run.input

    def scores(pixels: np.ndarray) -> list[float]:
        rows = np.arange(len(pixels))
        seen = features_of(run.model, PictureBatches(pixels, np.zeros(len(pixels)), rows, how), run.runtime)
        return unfamiliar.score(run.familiar, seen.numpy()).tolist()  # type: ignore[arg-type]

    def read(source: Any) -> np.ndarray:
        return read_picture(source, how.height, how.width, how.channels, how.fit, resample=how.resample)

    found = {"held out": scores(np.asarray(own.store.pixels)[own.part("test")])}
    return found | {kind: scores(np.stack([read(source) for source in sources]))
                    for kind, sources in kinds.items()}  # fmt: skip


def auroc(strange: list[float], held_out: list[float]) -> float:
    """Chance that a stranger scores above a held-out picture, ties counting half."""
    from glassworks.judging import metrics

    scores = np.array([*strange, *held_out])
    positive = np.arange(len(scores)) < len(strange)
    return float(metrics.auroc(scores, positive, np.ones((len(scores), 1)))[0])


def share(scores: list[float]) -> str:
    """What is called unlike the training data, as words."""
    return f"{sum(score > 1 for score in scores) / len(scores):.1%}"


def main() -> None:
    flags = common.arguments(__doc__, side={"default": ""})
    if flags.side:
        print(json.dumps(scores_of_fold(Path(flags.side), strangers())))
        return
    folds = 2 if flags.quick else 5
    place = transfer_stamps.place_of("head", flags.quick)
    trained = transfer_stamps.done(place, folds)
    if trained is None or trained["commit"] != common.commit():
        trained = transfer_stamps.measure("head", folds, flags.quick)
    found = [
        common.in_own_process("none_of_these.py", "--side", os.fspath(place / f"fold-{number}"))
        for number in range(1, folds + 1)
    ]
    held = [fold["held out"] for fold in found]
    pooled = [score for fold in held for score in fold]
    alarms = common.Spread.of([sum(score > 1 for score in fold) / len(fold) for fold in held])
    table = [["held-out photographs", len(pooled), "–", share(pooled), f"{alarms.low:.1%}–{alarms.high:.1%}"]]
    for kind in found[0]:
        if kind == "held out":
            continue
        strange = [score for fold in found for score in fold[kind]]
        by_fold = [auroc(fold[kind], fold["held out"]) for fold in found]
        spread = f"{min(by_fold):.3f}–{max(by_fold):.3f}"
        area = f"{sum(by_fold) / len(by_fold):.3f} ({spread})"
        told = [sum(score > 1 for score in fold[kind]) / len(fold[kind]) for fold in found]
        count = len(found[0][kind])
        table.append([WORDS[kind], count, area, share(strange), f"{min(told):.1%}–{max(told):.1%}"])
    head = ["pictures", "number", "AUROC, mean of the folds", "told as unlike", "by fold"]
    common.report("none_of_these", head, table, {"models": trained, "folds": found}, quick=flags.quick)


if __name__ == "__main__":
    main()
