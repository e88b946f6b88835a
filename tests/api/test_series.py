"""Labelled series from a person's own files to answers: trained, judged, asked, explained, refused."""

import json

import numpy as np
import pytest

import glassworks as gw
from glassworks.api.requests import TrainRequest
from glassworks.api.series import filled, measured, scaled
from glassworks.api.train import train_request
from glassworks.core.errors import PersonError
from glassworks.data.unlabelled_series import open_unlabelled_series
from glassworks.deploy.sequences import session_of
from glassworks.recipes.base import SeriesPart
from glassworks.training.run_folder import read_json
from tests.api.served import said
from tests.models.sequence.readers import write_orders


def trained(folder, data, **options):
    settings = {"size": "tiny", "threads": 1, "quiet": True, "epochs": 2, "out": str(folder / "run")}
    return train_request(TrainRequest(system="gru", data=str(data), **settings | options))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A GRU that told two orders apart, and its folder."""
    folder = tmp_path_factory.mktemp("series")
    data = write_orders(folder / "orders.csv")
    return trained(folder, data, epochs=14)


def write_long(path, *, channels=2, gap=False):
    rows = ["recording,time,kind," + ",".join(f"c{number}" for number in range(channels))]
    numbers = np.random.default_rng(4)
    for name in range(30):
        for step in range(8 + name % 3):
            cells = [f"{value:.3f}" for value in numbers.normal(name % 2, 1, channels)]
            cells[0] = "" if gap and step == 3 else cells[0]
            rows.append(f"r{name},{step},{'ab'[name % 2]}," + ",".join(cells))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_own_data_are_judged_beside_two_baselines(run):
    found = run.evaluate()
    assert found.part == "test" and found.looks == 1
    assert found.judgement.metrics["accuracy"].low > 0.6
    assert set(found.judgement.baselines) == {"majority class", "nearest neighbour"}
    page = found.report.read_text(encoding="utf-8")
    assert "The series" in page and "stretched first" in page and "small pixels" not in page
    assert (run.path / "answers.npz").is_file()
    assert run.card["channels"] == ["value"] and run.card["input"]["history"] == 16


def test_a_table_of_series_is_answered(run, tmp_path):
    """A row a series; with --out a column a class."""
    data = write_orders(tmp_path / "more.csv", rows=6, seed=9)
    rows = gw.predict(run, data, out=str(tmp_path / "answers.csv"), top=1)
    assert len(rows) == 6 and all(len(row["answers"]) == 1 and row["unfamiliar"] >= 0 for row in rows)
    lines = (tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "file,answer,down first,up first,unfamiliar,error" and len(lines) == 7


def test_a_longer_series_is_answered_by_its_last_steps_and_says_so(run, tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("value\n" + "\n".join(str(step % 5) for step in range(40)) + "\n", encoding="utf-8")
    (row,) = gw.predict(run, path)
    assert row["cut"] == 24 and "last steps" in row["note"]


def test_a_file_that_cannot_be_read_stops_no_other(run, tmp_path):
    good = write_orders(tmp_path / "good.csv", rows=2)
    bad = tmp_path / "bad.csv"
    bad.write_text("value\n1\nx\n", encoding="utf-8")
    rows = gw.predict(run, bad, good)
    assert [("error" in row) for row in rows] == [False, False, True]
    with pytest.raises(PersonError, match="does not exist"):
        gw.predict(run, tmp_path / "none.csv")


def test_explain_draws_moments_gates_and_reach(run, tmp_path):
    data = write_orders(tmp_path / "one.csv", rows=1)
    (row,) = gw.explain(run, str(data), out=str(tmp_path / "inside"))
    assert {drawing["name"] for drawing in row["drawings"]} == {"moments", "update"}
    assert all((tmp_path / "inside" / name).is_file() for name in ("explain.html",))
    assert {fact["gate"] for fact in row["gates"]} == {"reset", "update", "candidate"}
    assert len(row["lag"]) == 16 and all(norm >= 0 for norm in row["lag"])
    assert len(row["moments"]["heat"]) == 16 and row["moments"]["fell"] >= row["moments"]["elsewhere"] - 0.05
    json.dumps(row)
    with pytest.raises(PersonError, match="moments, gates, lag or all"):
        gw.explain(run, str(data), methods=("grad-cam",), out=str(tmp_path / "inside"))


def test_an_exported_run_answers_alone(run, tmp_path):
    """onnxruntime and the card beside the file give the answers of `predict`, in the person's own units."""
    facts = gw.export(run, out=str(tmp_path / "out"))
    folder = tmp_path / "out" / "onnx"
    assert facts["formats"]["onnx"]["verified"]["largest_difference"] < 1e-4
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    data = write_orders(tmp_path / "more.csv", rows=3, seed=9)
    rows = gw.predict(run, data)
    series = np.stack([values for _, values in open_unlabelled_series(data, ("value",))]).astype(np.float32)
    given = {"series": series, "lengths": np.full(3, 16)}
    answers, _ = session_of(folder / "model.onnx").run(None, given)
    assert [card["classes"][place] for place in answers.argmax(1)] == [row["answer"] for row in rows]
    with pytest.raises(PersonError, match="exists"):
        gw.export(run, out=str(tmp_path / "out"))
    with pytest.raises(PersonError, match="pt2"):
        gw.export(run, to="pt2", out=str(tmp_path / "other"))


def test_other_data_are_judged_in_the_runs_classes(run, tmp_path):
    data = write_orders(tmp_path / "other.csv", rows=40, seed=11)
    assert run.evaluate(data=str(data)).judgement.n == 40
    strange = tmp_path / "strange.csv"
    strange.write_text("label,t0,t1\nsideways,1,2\nup first,1,3\n", encoding="utf-8")
    with pytest.raises(PersonError) as error:
        run.evaluate(data=str(strange))
    assert error.value.code == "unknown-class"


def test_several_channels_of_unequal_lengths_train_the_same_twice(tmp_path):
    """Batches by length are a function of the seed: the same run again, bit for bit."""
    data = write_long(tmp_path / "x.csv")
    first = trained(tmp_path, data, target="kind", group="recording", epochs=3)
    again = trained(tmp_path, data, target="kind", group="recording", epochs=3, out=str(tmp_path / "again"))
    assert (first.path / "model.safetensors").read_bytes() == (again.path / "model.safetensors").read_bytes()
    (row,) = [row for row in gw.predict(again, data) if row["file"].endswith(" r7")]
    assert row["answer"] in ("a", "b")


def test_what_is_missing_or_cut_is_counted_before_training(tmp_path):
    data = write_long(tmp_path / "x.csv", gap=True)
    run = trained(tmp_path, data, target="kind", group="recording", history=9)
    said = " ".join(run.card["choices"])
    assert "30 values of" in said and "the step before each stands in" in said
    assert "10 series" in said and "longer than 9 steps (the longest has 10)" in said


def test_the_scale_is_that_of_the_training_part_alone(tmp_path):
    """E8: a test part on another scale leaves no trace in the recipe."""
    rows = ["label,part,t0,t1,t2"]
    for row in range(40):
        part = "test" if row % 4 == 0 else "train"
        shift = 1000 if part == "test" else 0
        rows.append(f"{'ab'[row % 2]},{part},{row + shift},{row * 2 + shift},{shift}")
    path = tmp_path / "x.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    run = trained(tmp_path, path)
    assert run.recipe.input.mean[0] < 60 and run.recipe.input.std[0] < 60


def test_filled_takes_the_step_before_and_never_a_later_one():
    values = np.array([[np.nan, 1], [2, np.nan], [np.nan, np.nan], [5, 4]])
    assert filled(values).tolist() == [[2, 1], [2, 1], [2, 1], [5, 4]]  # only the beginning looks ahead
    mean, std = measured([np.array([[1.0, 7.0], [3.0, 7.0]])])
    assert (mean, std) == ((2.0, 7.0), (1.0, 1.0))
    how = SeriesPart(history=2, channels=2, mean=mean, std=std)
    assert scaled(np.array([[9.0, 9.0], [1, 7], [3, 8]]), how).tolist() == [[-1, 0], [1, 1]]


def test_a_number_is_predicted_in_its_own_units(tmp_path):
    rows = ["target,t0,t1,t2"]
    numbers = np.random.default_rng(1)
    for _ in range(60):
        values = numbers.normal(0, 1, 3)
        rows.append(",".join(f"{value:.3f}" for value in (100 + 5 * values.mean(), *values)))
    path = tmp_path / "x.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    run = trained(tmp_path, path, epochs=4)
    assert run.card["kind"] == "number" and "mae" in run.card["metrics"]
    row = gw.predict(run, path)[0]
    assert 80 < row["value"] < 120
    one = path.with_name("one.csv")
    one.write_text("\n".join(rows[:2]) + "\n", encoding="utf-8")
    (found,) = gw.explain(run, str(one), out=str(tmp_path / "inside"))
    assert found["value"] == row["value"] and len(found["moments"]["heat"]) == 3


@pytest.mark.parametrize("option", [{"batch": "auto"}, {"side": 32}, {"horizon": 4}])
def test_what_series_do_not_have_is_refused(tmp_path, option):
    with pytest.raises(PersonError) as error:
        trained(tmp_path, write_orders(tmp_path / "x.csv", rows=40), **option)
    assert error.value.code == "contradiction"


def test_every_series_is_judged_once_by_a_model_that_never_saw_it(tmp_path):
    data = write_orders(tmp_path / "orders.csv", rows=60)
    done = gw.cross_validate(
        "gru", str(data), folds=3, size="tiny", epochs=2, threads=1, quiet=True, out=str(tmp_path / "cv")
    )
    parts = [read_json(file) for file in sorted(done.folder.glob("fold-*/splits.json"))]
    judged = [name for part in parts for name in part["test"]]
    assert len(judged) == len(set(judged)) == done.judgement.n == 60 and done.things == "series"
    assert "nearest neighbour" in done.judgement.baselines
    assert "60 series" in (done.folder / "cross-validation.html").read_text(encoding="utf-8")


def test_a_server_gives_the_answers_of_predict(run, tmp_path):
    data = write_orders(tmp_path / "more.csv", rows=3, seed=9)
    series = [values.tolist() for _, values in open_unlabelled_series(data, ("value",))]
    for engine in ("eager", "onnx"):
        status, reply = said(run, {"series": series}, engine=engine)
        assert status == 200
        assert [row["answer"] for row in reply["predictions"]] == [
            row["answer"] for row in gw.predict(run, data)
        ]
    longer = [[0.0]] * (run.recipe.input.history + 2)
    assert said(run, {"values": longer})[1]["predictions"][0]["cut"] == 2
    status, reply = said(run, b"1,2\n3,4", "text/csv")
    assert status == 422 and reply["error"]["code"] == "damaged-series"
