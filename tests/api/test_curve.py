"""The learning curve: sizes as asked, the same judges for all, validation out of the budget."""

import json

import numpy as np
import pytest

import glassworks as gw
from glassworks.core.errors import PersonError
from tests.api import pictures

QUICK = {"quiet": True, "threads": 1, "set": ("training.epochs=1",)}


@pytest.fixture(scope="module")
def curve(base, five, tmp_path_factory):
    out = tmp_path_factory.mktemp("kurve") / "out"
    return gw.learning_curve(
        "cnn", str(five), start_from=str(base.path), sizes=(3, 5, 8, 50), seeds=2, out=str(out), **QUICK
    )


def splits(curve, start, count, seed):
    file = curve.folder / f"{start}-{count}-{seed}" / "splits.json"
    return json.loads(file.read_text(encoding="utf-8"))


def test_sizes_count_pictures_a_class_and_validation_is_among_them(curve):
    assert [(p["examples"], len(p["figures"])) for p in curve.points] == [(3, 2), (5, 2), (8, 2)] * 2
    for count in (3, 5, 8):
        for seed in (0, 1):
            parts = splits(curve, "transfer", count, seed)
            for colour in pictures.COLOURS:
                used = [name for part in ("train", "val") for name in parts[part] if name.startswith(colour)]
                assert len(used) == count
                assert sum(name.startswith(colour) for name in parts["val"]) == max(1, round(0.2 * count))
            everything = [name for part in ("train", "val", "test", "unused") for name in parts.get(part, [])]
            assert len(everything) == len(set(everything)) == 60


def test_the_same_rows_judge_all_of_a_repetition_and_more_pictures_hold_the_fewer(curve):
    for seed in (0, 1):
        every = [
            splits(curve, start, count, seed) for start in ("scratch", "transfer") for count in (3, 5, 8)
        ]
        assert len({tuple(parts["test"]) for parts in every}) == 1
        few, more = (
            {*splits(curve, "scratch", n, seed)["train"], *splits(curve, "scratch", n, seed)["val"]}
            for n in (3, 8)
        )
        assert few < more
        assert splits(curve, "scratch", 5, seed) == splits(curve, "transfer", 5, seed)
    assert splits(curve, "scratch", 3, 0)["test"] != splits(curve, "scratch", 3, 1)["test"]


def test_transfer_starts_from_the_weights_and_scratch_does_not(curve, base):
    scratch, transfer = (gw.load(curve.folder / f"{start}-8-1") for start in ("scratch", "transfer"))
    assert scratch.recipe.start_from is None and transfer.recipe.start_from == str(base.path)
    assert transfer.recipe.tune.method == "head" and scratch.recipe.seed == transfer.recipe.seed == 1


def test_page_json_and_table_say_the_same(curve):
    kept = json.loads((curve.folder / "learning-curve.json").read_text(encoding="utf-8"))
    assert kept["schema"] == 1 and kept["command"] == "learning-curve" and kept["points"] == curve.points
    page = curve.page.read_text(encoding="utf-8")
    head, rows = curve.as_table()
    assert len(rows) == 6 and rows[0][0] == rows[1][0] == "3"
    for point in curve.points:
        mean = f"{np.mean(point['figures']):.3f}"
        assert any(row[2] == mean and row[1] == point["start"] for row in rows) and mean in page
    assert curve.verdict[1:] in page and "<svg" in page and len(head) == 5
    assert "with 8 pictures a class" in curve.verdict


def test_another_system_may_start_from_scratch(base, five, tmp_path):
    found = gw.learning_curve(
        "cnn", str(five), start_from=str(base.path), against="lenet", sizes=("2",), seeds=1,
        out=str(tmp_path / "o"), **QUICK,
    )  # fmt: skip
    assert [point["start"] for point in found.points] == ["lenet from scratch", f"cnn from {base.path}"]


def test_two_pictures_of_two_classes_are_enough(run, tmp_path):
    data = pictures.class_folders(tmp_path / "d", count=6)
    found = gw.learning_curve(
        "cnn", str(data), start_from=str(run.path), sizes=("2",), seeds=1, out=str(tmp_path / "o"), **QUICK
    )
    assert len(found.points) == 2 and 0 <= found.points[0]["figures"][0] <= 1


MISTAKES = {
    "one picture": ("bad-value", {"sizes": ("1",)}),
    "a word": ("bad-value", {"sizes": ("many",)}),
    "too fine": ("bad-value", {"sizes": (5, 2.5)}),
    "all for the test": ("bad-value", {"test": 1.0}),
    "none for the test": ("bad-value", {"test": 0.0}),
    "no repetition": ("bad-value", {"seeds": 0}),
    "more than there are": ("too-few-examples", {"sizes": ("1000",)}),
    "a tuning that is none": ("bad-tuning", {"tune": "x"}),
    "no such rival": ("unknown-system", {"against": "nope"}),
    "no weights": ("no-weights", {"start_from": None}),
    "no such weights": ("no-such-path", {"start_from": "nowhere"}),
    "no data": ("no-such-path", {"data": "nowhere"}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(base, five, refused, mistake):
    code, options = MISTAKES[mistake]
    options = {"data": str(five), "start_from": str(base.path), **QUICK} | options
    refused(code, lambda: gw.learning_curve("cnn", **options))


def test_weights_that_do_not_fit_leave_no_folder(base, five, tmp_path, refused):
    (tmp_path / "w.safetensors").write_bytes((base.path / "model.safetensors").read_bytes())
    options = {"start_from": str(tmp_path / "w.safetensors"), "out": str(tmp_path / "o")}
    both = QUICK | {"sizes": ("3",), "seeds": 1}
    data = str(five)
    # The first run, from scratch, is fine and stays; the mistake of the second is told.
    refused(
        "weights-do-not-fit", lambda: gw.cross_validate("cnn", data, folds=2, size="tiny", **options, **QUICK)
    )
    with pytest.raises(PersonError, match="tensors of this model"):
        gw.learning_curve("cnn", data, **options, **both)


def test_numbers_have_no_pictures_a_class(base, tmp_path, refused):
    data = pictures.table(tmp_path / "n", "number", count=30)
    refused("other-kind", lambda: gw.learning_curve("cnn", str(data), start_from=str(base.path), **QUICK))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x", encoding="utf-8")
    taken = {"start_from": str(base.path), "out": str(tmp_path / "full"), "overwrite": True, **QUICK}
    refused("folder-not-empty", lambda: gw.learning_curve("cnn", str(data), **taken))
