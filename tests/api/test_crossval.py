"""Cross-validation: each row judged once by a model that never saw it, with the baselines beside."""

import json
import shutil

import numpy as np
import pytest

import glassworks as gw
from tests.api import pictures

QUICK = {"size": "tiny", "epochs": 2, "threads": 1, "quiet": True}


def parts_of(folder):
    """splits.json of each fold, in order."""
    files = sorted(folder.glob("fold-*/splits.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


@pytest.fixture(scope="module")
def result(base, five, tmp_path_factory):
    data = shutil.copytree(five, tmp_path_factory.mktemp("kreuz") / "d")
    shutil.copy(data / "rot" / "bild 0 ñ.png", data / "rot" / "gleich.png")
    shutil.copy(data / "rot" / "bild 0 ñ.png", data / "rot" / "noch einmal.png")
    out = data.parent / "out"
    return gw.cross_validate(
        "cnn", str(data), start_from=str(base.path), tune="head", folds=4, out=str(out), **QUICK
    )


def test_every_row_is_judged_exactly_once_by_a_model_that_never_saw_it(result):
    parts = parts_of(result.folder)
    judged = [name for part in parts for name in part["test"]]
    assert len(judged) == len(set(judged)) == result.judgement.n == 62
    for part in parts:
        assert not set(part["test"]) & {*part["train"], *part["val"]}
        assert len({*part["test"], *part["train"], *part["val"]}) == 62 and part["val"]
    with np.load(result.folder / "answers.npz") as kept:
        assert sorted(kept["names"].tolist()) == sorted(judged)


def test_classes_are_spread_evenly_and_identical_pictures_stay_together(result):
    parts = parts_of(result.folder)
    counts = [
        [sum(name.startswith(colour) for name in part["test"]) for colour in pictures.COLOURS]
        for part in parts
    ]
    for column in np.array(counts).T:
        assert column.max() - column.min() <= 2  # the three identical ones go together
    same = {"rot/bild 0 ñ.png", "rot/gleich.png", "rot/noch einmal.png"}
    for part in parts:
        for rows in (part["test"], part["val"], part["train"]):
            assert len(same & set(rows)) in (0, 3)


def test_figures_stand_beside_baselines_on_page_and_in_json(result):
    judged = result.judgement
    assert set(judged.baselines) >= {"majority class", "nearest neighbour"}
    low, high = judged.metrics["accuracy"].low, judged.metrics["accuracy"].high
    assert low < judged.metrics["accuracy"].value <= high and judged.metrics["accuracy"].n == 62
    assert len(result.by_fold) == 4 and all(0 <= value <= 1 for value in result.by_fold)
    shares = [len(part["test"]) / 62 for part in parts_of(result.folder)]
    assert np.dot(shares, result.by_fold) == pytest.approx(judged.metrics["accuracy"].value)
    kept = json.loads((result.folder / "cross-validation.json").read_text(encoding="utf-8"))
    assert kept["schema"] == 1 and kept["command"] == "cross-validate" and kept["by_fold"] == result.by_fold
    page = (result.folder / "cross-validation.html").read_text(encoding="utf-8")
    assert "cnn: 4-fold" in page and "nearest neighbour" in page and "glassworks cross-validate cnn" in page


def test_groups_stay_together(tmp_path):
    data = pictures.table(tmp_path, "label", group=True, count=36)
    done = gw.cross_validate("lenet", str(data), group="patient", folds=3, out=str(tmp_path / "o"), **QUICK)
    for part in parts_of(done.folder):
        groups = [
            {int(name.rsplit("/")[-1].split(".")[0]) // 3 for name in part[p]}
            for p in ("train", "val", "test")
        ]
        assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert done.judgement.n == 36


@pytest.mark.parametrize(("kind", "figure"), [("labels", "macro_f1"), ("number", "mae")])
def test_several_labels_and_numbers(tmp_path, kind, figure):
    data = pictures.table(tmp_path, kind, count=36)
    done = gw.cross_validate("lenet", str(data), folds=2, out=str(tmp_path / "o"), **QUICK)
    assert done.judgement.n == 36 and figure in done.judgement.metrics
    assert done.judgement.baselines and len(done.by_fold) == 2
    json.dumps(done.as_json())


def test_the_persons_own_parts_are_set_aside(tmp_path):
    for part, count in (("train", 6), ("test", 3)):
        pictures.class_folders(tmp_path / "d", count=count, part=part)
    done = gw.cross_validate("lenet", str(tmp_path / "d"), folds=3, out=str(tmp_path / "o"), **QUICK)
    assert done.judgement.n == 18  # every row takes its turn
    judged = [name for part in parts_of(done.folder) for name in part["test"]]
    assert len(judged) == len(set(judged)) == 18


def test_damaged_pictures_are_left_out_where_that_was_asked_for(tmp_path):
    data = pictures.class_folders(tmp_path / "d", count=8)
    (data / "rot" / "kaputt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = gw.cross_validate("lenet", str(data), folds=2, bad="skip", out=str(tmp_path / "o"), **QUICK)
    assert done.judgement.n == 16


def test_a_recipe_can_be_cross_validated(base, tmp_path):
    recipe = str(base.path / "recipe.yaml")
    done = gw.cross_validate(None, recipe=recipe, epochs=1, folds=2, out=str(tmp_path / "o"), quiet=True)
    assert done.judgement.n == 60
    assert "cnn: 2-fold" in (tmp_path / "o" / "cross-validation.html").read_text(encoding="utf-8")


def test_overwrite_replaces_folds_and_nothing_else(tmp_path, refused):
    data = pictures.class_folders(tmp_path / "d", count=6)
    options = {"folds": 2, "out": str(tmp_path / "o"), **QUICK}
    gw.cross_validate("lenet", str(data), **options)
    assert (
        "--overwrite"
        in refused("folder-not-empty", lambda: gw.cross_validate("lenet", str(data), **options)).fix
    )
    gw.cross_validate("lenet", str(data), overwrite=True, **options)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "thesis.txt").write_text("ten years", encoding="utf-8")
    wrong = options | {"out": str(tmp_path / "p"), "overwrite": True}
    refused("folder-not-empty", lambda: gw.cross_validate("lenet", str(data), **wrong))


MISTAKES = {
    "one fold": ("too-few-examples", {"folds": 1}),
    "more folds than a class has pictures": ("too-few-examples", {"folds": 13}),
    "no system": ("unknown-system", {"system": "cnnn"}),
    "published weights, which have no data": ("unknown-system", {"system": "efficientnet:imagenet"}),
    "no data": ("no-such-path", {"data": "nowhere"}),
    "resume": ("contradiction", {"resume": "run"}),
    "a threshold a fold": ("contradiction", {"threshold": "f1", "data": "two"}),
    "tune without from": ("contradiction", {"tune": "head"}),
    "no such weights": ("no-such-path", {"start_from": "nowhere"}),
    "no such teacher": ("no-run", {"teacher": "nowhere"}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(five, folders, refused, mistake):
    code, options = MISTAKES[mistake]
    options = {"system": "cnn", "data": str(five), **QUICK} | options
    options["data"] = str(folders) if options["data"] == "two" else options["data"]
    refused(code, lambda: gw.cross_validate(**options))


def test_folds_without_anything_to_choose_by_are_told(tmp_path, refused):
    data = pictures.class_folders(tmp_path / "d", count=2)
    assert (
        "val"
        in refused("too-few-examples", lambda: gw.cross_validate("lenet", str(data), folds=2, **QUICK)).got
    )
