"""188 photographs in six classes: what each way to learn from them gives, in 5-fold cross-validation.

    python benchmarks/transfer_stamps.py [--quick] [--only head,full] [--folds 5]

EfficientNet-Lite0 with its ImageNet weights, tuned in each way, and two networks from scratch, through
`cross_validate` with the recipes as they come. All share the folds, so that differences are paired. Each way
is a process of its own with an empty cache: its seconds are by the wall clock, from the files on disk to the
last fold's answers, imports and the decoding of pictures included. What is done already at this commit stays;
`--only` does the named ones again. Quote the seconds from a quiet machine only.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import common

SAMPLE, SEED = "stamps", 0
LITE0 = {"system": "efficientnet", "start_from": "imagenet"}
METHODS: dict[str, dict[str, Any]] = {
    "head": LITE0 | {"tune": "head"},
    "full": LITE0 | {"tune": "full"},
    "lora": LITE0 | {"tune": "lora"},
    "last2": LITE0 | {"tune": "last:2"},
    "gradual": LITE0 | {"tune": "gradual"},
    "scratch-efficientnet": {"system": "efficientnet", "size": "tiny"},
    "scratch-cnn": {"system": "cnn", "size": "small"},
}
WORDS = {
    "head": "ImageNet, --tune head",
    "full": "ImageNet, --tune full",
    "lora": "ImageNet, --tune lora",
    "last2": "ImageNet, --tune last:2",
    "gradual": "ImageNet, --tune gradual",
    "scratch-efficientnet": "from scratch, efficientnet --size tiny",
    "scratch-cnn": "from scratch, cnn --size small",
}
FIGURES = ("accuracy", "macro_f1")


def place_of(method: str, quick: bool) -> Path:
    """Where the folds of a method, its answers and what it took are kept."""
    return common.QUICK / "transfer_stamps" / ("quick" if quick else "whole") / method


def run_side(method: str, out: str, folds: int, quick: bool) -> dict[str, Any]:
    """Cross-validate one method in this process."""
    from glassworks.api.crossval import cross_validate

    options = dict(METHODS[method])
    if quick:
        options["epochs"] = 1 if method != "head" else 20
    found = cross_validate(
        data=f"sample:{SAMPLE}", folds=folds, seed=SEED, out=out, overwrite=True, quiet=True, **options
    )
    return {"by_fold": found.by_fold, "training_seconds": found.seconds}


def done(place: Path, folds: int) -> dict[str, Any] | None:
    """What a method took, or None where it was not run with so many folds."""
    path = place / "measured.json"
    if not path.is_file():
        return None
    facts = json.loads(path.read_text(encoding="utf-8"))
    return facts if facts["folds"] == folds else None


def measure(method: str, folds: int, quick: bool) -> dict[str, Any]:
    """Run a method in its own process with an empty cache; its facts are kept beside its folds."""
    place = place_of(method, quick)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    flags = ["--side", method, "--out", os.fspath(place), "--folds", str(folds), *(["--quick"] * quick)]
    with tempfile.TemporaryDirectory() as cache:
        shutil.copytree(_sample(), Path(cache) / "samples" / SAMPLE)
        begun = time.perf_counter()
        facts = common.in_own_process("transfer_stamps.py", *flags, environment={"GLASSWORKS_CACHE": cache})
        seconds = time.perf_counter() - begun
    facts |= {"seconds": seconds, "folds": folds, "commit": common.commit(), "date": common.now(),
              "load_at_end": common.machine()["load_at_end"]}  # fmt: skip
    (place / "measured.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return facts


def _sample() -> Path:
    """The folder of the sample. Ends with how to get it where it is missing."""
    from glassworks.core.errors import PersonError
    from glassworks.data.samples import fetch, sample_table

    try:
        sample_table(SAMPLE)
        return fetch(SAMPLE)  # it is here: only its place is told
    except PersonError as error:
        sys.exit(error.as_text())


def answers_of(place: Path) -> Any:
    """The answers of all folds of a method."""
    import numpy as np

    from glassworks.core.rows import Answers

    with np.load(place / "answers.npz", allow_pickle=False) as kept:
        return Answers(
            names=tuple(kept["names"].tolist()),
            kind="label",
            targets=kept["targets"],
            scores=kept["scores"],
            classes=tuple(kept["classes"].tolist()),
        )


def compared(found: dict[str, dict[str, Any]], quick: bool) -> Any:
    """All methods against the first of them, on the same rows; None for a single one."""
    from glassworks.judging.compare import compare

    return compare({name: answers_of(place_of(name, quick)) for name in found}) if len(found) > 1 else None


def rows_of(found: dict[str, dict[str, Any]], quick: bool) -> tuple[list[list[str]], dict[str, Any]]:
    """The table and what lies behind it."""
    from glassworks.judging.intervals import intervals

    comparison, table, facts = compared(found, quick), [], {}
    for name, measured in found.items():
        figures = intervals(answers_of(place_of(name, quick)))
        against = comparison.differences.get(name, {}) if comparison else {}
        chance = comparison.p_values.get(name) if comparison else None
        table.append([
            WORDS[name],
            *(figures[figure].words(figure) for figure in FIGURES),
            against["accuracy"].words("accuracy", signed=True) if against else "–",
            "–" if chance is None else f"{chance:.2g}",
            f"{measured['seconds']:.0f}",
        ])  # fmt: skip
        facts[name] = measured | {
            "figures": {figure: figures[figure].as_json() for figure in figures},
            "difference": {figure: interval.as_json() for figure, interval in against.items()},
            "mcnemar_p": chance,
        }
    return table, facts


def main() -> None:
    flags = common.arguments(
        __doc__, only={"default": "", "help": "names, with commas: " + ", ".join(METHODS)},
        folds={"type": int, "default": 0}, side={"default": ""}, out={"default": ""},
    )  # fmt: skip
    folds = flags.folds or (2 if flags.quick else 5)
    if flags.side:
        print(json.dumps(run_side(flags.side, flags.out, folds, flags.quick)))
        return
    only = [name for name in flags.only.split(",") if name]
    if unknown := set(only) - set(METHODS):
        sys.exit(f"no such method: {', '.join(sorted(unknown))}; there are {', '.join(METHODS)}")
    for name in only or METHODS:
        before = done(place_of(name, flags.quick), folds)
        if only or before is None or before["commit"] != common.commit():
            took = measure(name, folds, flags.quick)["seconds"]
            print(f"{WORDS[name]}: {took:.0f} s", flush=True)
    measured = {name: done(place_of(name, flags.quick), folds) for name in METHODS}
    found = {name: facts for name, facts in measured.items() if facts}
    table, facts = rows_of(found, flags.quick)
    head = ["way", "accuracy (95 %)", "macro F1 (95 %)", f"accuracy − {next(iter(found))}", "McNemar's p",
            "wall s"]  # fmt: skip
    facts = {"folds": folds, "seed": SEED, "methods": facts}
    common.report("transfer_stamps", head, table, facts, quick=flags.quick)


if __name__ == "__main__":
    main()
