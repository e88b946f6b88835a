"""A person's own data, from the first look to the answers: every kind, every verb, in Python."""

import json
import shutil
import zipfile

import numpy as np
import pytest

import glassworks as gw
from glassworks.core.errors import PersonError
from tests.api import pictures
from tests.api.conftest import SHORT


def test_class_folders_from_the_first_look_to_the_answers(folders, run, second):
    report = gw.check(str(folders), workers=0)
    assert report.ok and len(run.classes) == 2 and set(run.classes) == {"rot", "grün"}
    assert run.recipe.input.channels == 3
    judged = gw.evaluate(run.path)
    assert judged.looks == 1 and judged.part == "test"
    assert judged.judgement.metrics["accuracy"].value > 0.7
    assert run.evaluate().looks == 2
    gw.evaluate(second.path)
    compared = gw.compare(run.path, second.path)
    assert compared.verdict and len(compared.as_text()) == 3


def test_report_holds_verdict_baselines_and_worst_mistakes(run, folders, tmp_path):
    result = gw.evaluate(run.path)
    text = result.report.read_text(encoding="utf-8")
    for words in (result.judgement.verdict, "majority class", "nearest neighbour", "recipe"):
        assert words.lower() in text.lower(), words
    assert 'src="http' not in text and 'href="http' not in text and "<script" not in text
    for name, other in (("rot", "grün"), ("grün", "rot")):  # labels exchanged: every answer is a mistake
        shutil.copytree(folders / name, tmp_path / "falsch" / other)
    wrong = gw.evaluate(run.path, data=str(tmp_path / "falsch"), workers=0)
    text = wrong.report.read_text(encoding="utf-8")
    assert "most confident mistakes" in text and "embeds pictures of your own data" in text
    assert wrong.report != result.report and "most confident" not in wrong.judgement.verdict


def test_answers_for_files_folders_and_damaged_pictures(run, tmp_path):
    folder = tmp_path / "neue Bilder"
    pictures.save(folder / "ä 1.png", pictures.picture("rot", 500))
    pictures.save(folder / "2.jpg", pictures.picture("grün", 501))
    (folder / "kaputt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "leer.jpg").write_bytes(b"")
    rows = run.predict(str(folder), out=str(tmp_path / "antworten.csv"), top=1)
    said = {row["file"].rsplit("/", 1)[-1]: row for row in rows}
    assert said["ä 1.png"]["answer"] == "rot" and said["2.jpg"]["answer"] == "grün"
    assert len(said["2.jpg"]["answers"]) == 1
    assert "error" in said["kaputt.png"] and "empty" in said["leer.jpg"]["error"]["got"]
    lines = (tmp_path / "antworten.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5 and lines[0].startswith("file,answer,")
    with pytest.raises(PersonError, match="exists"):
        run.predict(str(folder), out=str(tmp_path / "antworten.csv"))


def test_a_pictures_answer_is_the_same_alone_and_among_others(run, folders):
    alone = gw.predict(run, str(folders / "rot" / "bild 0 ñ.png"))[0]
    among = next(row for row in gw.predict(run, str(folders)) if row["file"] == alone["file"])
    assert alone["answer"] == among["answer"]
    assert alone["answers"][0]["probability"] == pytest.approx(among["answers"][0]["probability"], abs=1e-5)


def test_parts_that_the_person_made_are_kept(tmp_path):
    for part, count in (("train", 10), ("val", 4), ("test", 4)):
        pictures.class_folders(tmp_path / "d", count=count, part=part)
    run = gw.train("lenet", data=str(tmp_path / "d"), out=str(tmp_path / "r"), **SHORT)
    splits = json.loads((run.path / "splits.json").read_text(encoding="utf-8"))
    for part, count in (("train", 20), ("val", 8), ("test", 8)):
        assert len(splits[part]) == count and all(name.startswith(part + "/") for name in splits[part])


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_table_with_groups_and_class_weights(tmp_path, ending):
    path = pictures.table(tmp_path, "label", ending=ending, group=True)
    run = gw.train(
        "lenet", data=str(path), group="patient", class_weights="balanced", threshold="f1",
        out=str(tmp_path / "r"), **SHORT,
    )  # fmt: skip
    splits = json.loads((run.path / "splits.json").read_text(encoding="utf-8"))
    of = {
        name: int(name.rsplit("/")[-1].split(".")[0]) // 3
        for part in ("train", "val", "test")
        for name in splits[part]
    }
    groups = [{of[name] for name in splits[part]} for part in ("train", "val", "test")]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    threshold = run.card["threshold"]
    if threshold is None:
        assert any("no threshold" in choice for choice in run.card["choices"])
    row = run.predict(str(tmp_path / "bilder" / "0.png"))[0]
    second = next(a["probability"] for a in row["answers"] if a["class"] == run.classes[1])
    assert row["answer"] == run.classes[int(second >= (threshold["value"] if threshold else 0.5))]
    assert gw.evaluate(run.path).judgement.n == len(splits["test"])


def test_several_labels_a_picture(tmp_path):
    path = pictures.table(tmp_path, "labels", count=36)
    run = gw.train(
        "cnn", data=str(path), class_weights="balanced", threshold="f1", out=str(tmp_path / "r"), **SHORT
    )
    assert set(run.classes) == {"rot", "grün", "hell"} and run.card["kind"] == "labels"
    assert len(run.card["threshold"]["value"]) == 3
    assert isinstance(run.predict(str(tmp_path / "bilder" / "0.png"))[0]["answer"], list)
    assert "macro_f1" in gw.evaluate(run.path).judgement.metrics


def test_a_number_a_picture(tmp_path):
    path = pictures.table(tmp_path, "number", count=40)
    run = gw.train("cnn", data=str(path), augment="none", out=str(tmp_path / "r"), **(SHORT | {"epochs": 25}))
    assert run.card["kind"] == "number"
    judged = gw.evaluate(run.path).judgement
    assert judged.metrics["mae"].value < judged.baselines[next(iter(judged.baselines))]["mae"].value
    low, high = (run.predict(str(tmp_path / "bilder" / f"{n}.png"))[0]["value"] for n in (1, 38))
    assert low < high


@pytest.mark.parametrize("shape", ["idx", "npz", "zip"])
def test_arrays_and_archives(tmp_path, shape):
    pixels, labels = pictures.arrays()
    if shape == "idx":
        data = pictures.idx(tmp_path / "idx")
    elif shape == "npz":
        data = tmp_path / "d.npz"
        np.savez(data, images=pixels, labels=labels)
    else:
        pictures.class_folders(tmp_path / "inner" / "d", count=10)
        data = tmp_path / "d ü.zip"
        with zipfile.ZipFile(data, "w") as archive:
            for file in sorted((tmp_path / "inner").rglob("*.*")):
                archive.write(file, file.relative_to(tmp_path / "inner"))
        shutil.rmtree(tmp_path / "inner")
    run = gw.train("lenet", data=str(data), out=str(tmp_path / "r"), **SHORT)
    assert run.recipe.input.channels == (3 if shape == "zip" else 1)
    assert gw.evaluate(run.path).judgement.metrics["accuracy"].value >= 0.5


def test_weights_of_a_run_with_other_classes_begin_another(run, tmp_path):
    data = pictures.class_folders(tmp_path / "d", names=("rot", "grün", "blau"), count=8)
    other = gw.train(
        "cnn",
        data=str(data),
        start_from=str(run.path),
        side=run.input.height,
        out=str(tmp_path / "r"),
        **SHORT,
    )
    assert len(other.classes) == 3 and other.card["started_from"]["name"] == str(run.path)
    wrong = SHORT | {"side": run.input.height, "data": str(data), "start_from": str(run.path)}
    with pytest.raises(PersonError) as told:
        gw.train("lenet", out=str(tmp_path / "x"), **wrong)
    assert told.value.code == "other-system" and not (tmp_path / "x").exists()


def test_rate_and_batch_that_are_found_are_frozen_with_their_reason(folders, tmp_path):
    options = SHORT | {"learning_rate": "auto", "batch": "auto", "epochs": 2}
    run = gw.train("lenet", data=str(folders), out=str(tmp_path / "r"), **options)
    assert isinstance(run.recipe.training.batch, int) and 0 < float(run.recipe.training.learning_rate) < 0.5
    assert len([choice for choice in run.card["choices"] if "batch" in choice or "rate" in choice]) >= 2


def test_other_data_is_judged_in_the_runs_own_classes(run, tmp_path):
    data = pictures.class_folders(tmp_path / "d", count=5)
    result = gw.evaluate(run.path, data=str(data), workers=0)
    assert result.part == str(data) and result.judgement.n == 10
    stranger = pictures.class_folders(tmp_path / "e", count=3, names=("rot", "blau"))
    with pytest.raises(PersonError, match="blau"):
        gw.evaluate(run.path, data=str(stranger), workers=0)


def test_damaged_files_stop_training_or_are_left_out_counted_and_never_seen(folders, tmp_path, capsys):
    """With bad="skip" no damaged file is in any part, and their number is told once."""
    own = tmp_path / "own"
    shutil.copytree(folders, own)
    broken = sorted(own.rglob("*.png"))[:2]
    broken[0].write_bytes(broken[0].read_bytes()[:100])
    broken[1].write_bytes(b"")
    options = {"size": "tiny", "epochs": 1, "threads": 1, "side": 16, "out": str(tmp_path / "run")}
    with pytest.raises(PersonError) as told:
        gw.train("cnn", str(own), **options)
    assert "--bad skip" in told.value.fix and all(path.name in told.value.got for path in broken)
    run = gw.train("cnn", str(own), bad="skip", **options)
    assert capsys.readouterr().err.count("left out 2 damaged") == 1
    splits = (run.path / "splits.json").read_text(encoding="utf-8")
    named = {path.relative_to(own).as_posix() in splits for path in own.rglob("*.png") if path not in broken}
    assert named == {True} and not any(path.relative_to(own).as_posix() in splits for path in broken)
