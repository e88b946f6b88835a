"""The learning curve: what would more examples bring, and does it pay to start from a pretrained model?

A share of the pictures, texts or series is put aside to judge. Of the rest, 5, 10, 20 … a class are used, a
fifth of them to choose the best weights, once from scratch and once from pretrained weights, each several
times with other examples. The curve that is still rising says: collect more. The distance between the two
says what transfer is worth on this data, which is known only by trying (Kornblith et al. 2018, arXiv
1805.08974).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.api.crossval import quick_figure, working_in
from glassworks.api.families import Divided, divided_by, require
from glassworks.api.requests import LearningCurveRequest, TrainRequest, command_of
from glassworks.api.resolve import data_part_of, recipe_for
from glassworks.api.train import train_request, with_start
from glassworks.core.charts import line_chart
from glassworks.core.errors import PersonError
from glassworks.core.files import write_json
from glassworks.core.keyed import permutation
from glassworks.core.page import Page
from glassworks.core.rows import Table
from glassworks.data.splits import Splits, split
from glassworks.training.progress import Lines, Silent
from glassworks.training.run_folder import place_for

RESULT, PAGE = "learning-curve.json", "learning-curve.html"
VAL = 0.2  # of the examples that may be used


@dataclass(frozen=True)
class Curve:
    """points: {"start", "examples", "figures": one a seed}; figure: the name of what is measured; things:
    what the examples are, "pictures"."""

    folder: Path
    figure: str
    points: list[dict[str, Any]]
    things: str

    @property
    def page(self) -> Path:
        return self.folder / PAGE

    @property
    def verdict(self) -> str:
        """What the curve says, at the fewest and at the most pictures."""
        counts = sorted({point["examples"] for point in self.points})
        sentences = [self._compared(count) for count in dict.fromkeys((counts[0], counts[-1]))]
        return "; ".join(sentences)

    def _compared(self, count: int) -> str:
        scratch, transfer = (point for point in self.points if point["examples"] == count)
        gain = np.array(transfer["figures"]) - np.array(scratch["figures"])
        return (
            f"with {count} {self.things} a class {transfer['start']} reaches "
            f"{np.mean(transfer['figures']):.3f} {self.figure} and {scratch['start']} "
            f"{np.mean(scratch['figures']):.3f}, transfer ahead in "
            f"{(gain > 0).sum()} of {len(gain)} repetitions"
        )

    def as_json(self) -> dict[str, Any]:
        facts = {"schema": 1, "command": "learning-curve", "folder": str(self.folder), "figure": self.figure}
        return facts | {"things": self.things, "points": self.points, "verdict": self.verdict}

    def as_table(self) -> tuple[list[str], list[list[str]]]:
        """(head, rows): mean and the lowest and highest of the seeds."""
        head = [f"{self.things} a class", "start", f"{self.figure}: mean", "lowest", "highest"]
        rows = [
            [str(p["examples"]), p["start"], *(f"{f(p['figures']):.3f}" for f in (np.mean, np.min, np.max))]
            for p in sorted(self.points, key=lambda p: p["examples"])
        ]
        return head, rows


def learning_curve(system: str, data: str | None = None, **options: Any) -> Curve:
    """Measure the curve; the keywords are the options of `glassworks learning-curve --help`."""
    if "sizes" in options:
        options["sizes"] = tuple(str(size) for size in options["sizes"])
    return learning_curve_request(LearningCurveRequest(system=system, data=data, **options))


def learning_curve_request(request: LearningCurveRequest) -> Curve:
    """The same, from a whole request. Raises PersonError where there is nothing to draw."""
    sizes = _sizes(request)
    for system in filter(None, (request.system, request.against)):
        require("learning-curve", system)
    say = Silent() if request.quiet else Lines()
    folder = _free(request)
    shared = {
        name: getattr(request, name)
        for name in (
            "data",
            "target",
            "text",
            "time",
            "file",
            "group",
            "labels",
            "size",
            "set",
            "device",
            "precision",
            "threads",
        )
    }
    scratch = TrainRequest(system=request.against or request.system, workers=0, **shared)
    transfer = with_start(
        TrainRequest(
            system=request.system, start_from=request.start_from, tune=request.tune, workers=0, **shared
        )
    )
    starts = {
        f"{scratch.system} from scratch": scratch,
        f"{transfer.system} from {transfer.start_from}": transfer,
    }
    family = divided_by(transfer.system or request.system)
    table = family.open_data(data_part_of(scratch))
    _require_same_data(scratch, family, table)
    _require_classes(table)
    recipe_for(scratch, table)  # told now, not after the first run
    recipe = recipe_for(transfer, table)
    things = recipe.input.things
    table, same = family.to_divide(recipe, table)
    points: dict[tuple[str, int], list[float]] = {}
    wholes = [split(table, seed=seed, val=0.0, test=request.test, same=same) for seed in range(request.seeds)]
    possible = [_possible(sizes, table, whole) for whole in wholes]
    with working_in(folder, "a learning curve"):
        for seed, whole in enumerate(wholes):
            for count in possible[seed]:
                parts = taken(table, whole, count, seed).to_json(table)
                for kind, (name, asked) in zip(("scratch", "transfer"), starts.items(), strict=True):
                    figure = _figure(family, asked, folder / f"{kind}-{count}-{seed}", seed, parts)
                    points.setdefault((name, count), []).append(figure)
                    say.say(f"{count} {things} a class, seed {seed}, {name}: {figure:.3f}")
        curve = Curve(folder, "accuracy", [
            {"start": name, "examples": count, "figures": points[name, count]}
            for name in starts for count in sizes if (name, count) in points
        ], things)  # fmt: skip
        write_json(folder / RESULT, curve.as_json() | {"asked": command_of("learning-curve", request)})
        page_of(curve, request).save(folder / PAGE)
    return curve


def taken(table: Table, whole: Splits, count: int, seed: int) -> Splits:
    """`count` examples a class of the training part, a fifth of them for validation; the rest is unused."""
    train, val = [], []
    for label in range(len(table.classes)):
        own = whole.train[table.targets[whole.train] == label]
        drawn = own[permutation(len(own), seed, "curve", label)[:count]]
        held = max(1, round(VAL * len(drawn)))
        val += list(drawn[:held])
        train += list(drawn[held:])
    used = {*train, *val, *(int(row) for row in whole.test)}
    unused = tuple(row for row in range(len(table)) if row not in used)
    kept, held_out = (np.array(sorted(map(int, part)), dtype=np.int64) for part in (train, val))
    return Splits(kept, held_out, whole.test, unused=unused)


def page_of(curve: Curve, request: LearningCurveRequest) -> Page:
    """The curve as a page."""
    often = f"{request.seeds} repetitions, each with other {curve.things}; judged on the same rows."
    page = Page("Learning curve", often)
    page.section("Verdict").text(f"{curve.verdict[:1].upper()}{curve.verdict[1:]}.")
    lines: dict[str, Sequence[tuple[float, float]]] = {}
    for point in curve.points:
        mean = float(np.mean(point["figures"]))
        lines[point["start"]] = [*lines.get(point["start"], ()), (point["examples"], mean)]
    page.section(f"{curve.figure} by {curve.things} a class").html(
        line_chart(lines, across=f"{curve.things} a class")
    )
    page.table(*curve.as_table())
    page.text(f"The lowest and highest are over the repetitions: other {curve.things}, other start.", "note")
    page.section("Command").code(command_of("learning-curve", request))
    return page


def _figure(family: Divided, asked: TrainRequest, out: Path, seed: int, parts: dict) -> float:
    """The accuracy of one run on the rows that were put aside."""
    request = TrainRequest(
        **(vars(asked) | {"out": str(out), "seed": seed, "quiet": True, "overwrite": True})
    )
    return quick_figure(family.judged_part(train_request(request, splits=parts), "test")[0])


def _sizes(request: LearningCurveRequest) -> list[int]:
    sizes = sorted({int(size) for size in request.sizes if size.isdecimal() and int(size) >= 2})
    if len(sizes) != len(set(request.sizes)) or not 0 < request.test < 1 or request.seeds < 1:
        raise PersonError(
            "bad-value",
            expected="--sizes as whole numbers from 2, --test between 0 and 1, --seeds from 1",
            got=f"--sizes {' '.join(request.sizes)} --test {request.test:g} --seeds {request.seeds}",
            fix="for example --sizes 5 10 20 --test 0.3 --seeds 3",
        )
    return sizes


def _possible(sizes: list[int], table: Table, whole: Splits) -> list[int]:
    """Sizes that the rarest class has, or that most classes have while it gives all it has."""
    counts = np.bincount(table.targets[whole.train], minlength=len(table.classes))
    possible = [size for size in sizes if size <= np.median(counts)]
    if possible:
        return possible
    raise PersonError(
        "too-few-examples",
        expected=f"at least {sizes[0]} examples a class besides those that judge",
        got=f"{int(np.median(counts))} in most classes",
        fix="ask for fewer with --sizes, or put fewer aside with --test",
    )


def _require_same_data(scratch: TrainRequest, family: Divided, table: Table) -> None:
    """A picture classifier cannot be compared with one of texts."""
    other = divided_by(str(scratch.system))
    try:
        alike = other is family or type(other.open_data(data_part_of(scratch))) is type(table)
    except PersonError:  # it finds nothing of its own kind there
        alike = False
    if not alike:
        raise PersonError(
            "contradiction", expected="two systems that learn from the same data",
            got=f"--against {scratch.system}", fix="choose one of the same domain: glassworks list",
        )  # fmt: skip


def _require_classes(table: Table) -> None:
    if table.kind != "label":
        raise PersonError(
            "other-kind", expected="examples with one class each", got=f'data of kind "{table.kind}"',
            fix="examples a class can only be counted where each has one class",
        )  # fmt: skip


def _free(request: LearningCurveRequest) -> Path:
    folder = place_for(request.out, f"curve-{request.system}", request.data or "sample")
    done = (folder / RESULT).is_file()
    if folder.exists() and any(folder.iterdir()) and not (request.overwrite and done):
        raise PersonError(
            "folder-not-empty", expected="a new or empty folder for the curve",
            got=f"{folder} holds something",
            fix="choose another --out" + (", or add --overwrite" if done else ""),
        )  # fmt: skip
    return folder
