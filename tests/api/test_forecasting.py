"""A person's CSV becomes a forecaster that is judged, asked, looked into and shipped, by the same verbs."""

import csv
import json

import numpy as np
import pytest

import glassworks as gw
from glassworks.api.forecast import prepare_series
from glassworks.cli import main
from glassworks.core.errors import PersonError
from glassworks.data.series import open_series
from glassworks.deploy.sequences import session_of
from glassworks.recipes.base import read
from tests.api import series as made
from tests.api.served import said


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with a space and a letter beyond ASCII in its name."""
    return made.growing(tmp_path_factory.mktemp("meine Reihen ü") / "umsatz.csv")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return made.trained(data, tmp_path_factory.mktemp("läufe") / "lauf")


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Two channels that are forecast, one that is only seen, in two shops."""
    path = tmp_path_factory.mktemp("mehrere") / "shops.csv"
    lines = ["day,shop,sales,visits,rain"]
    for number, shop in enumerate(("north", "south")):
        sales = made.season(150, seed=number, growth=0.1)
        for step, day in enumerate(made.days(150)):
            lines.append(f"{day},{shop},{sales[step]:.3f},{2 * sales[step]:.3f},{step % 5}")
    path.write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path_factory.mktemp("runs") / "shops"
    return made.trained(path, out, target="sales,visits", epochs=2, horizon=6, history=24)


def refused(code, call):
    with pytest.raises(PersonError) as told:
        call()
    assert told.value.code == code, told.value
    return told.value


def test_own_data_train_and_evaluate(run):
    card = run.card
    assert card["kind"] == "forecast" and card["sees"].startswith("series of up to")
    assert card["series"]["step"] == "months" and run.recipe.input.period == 12
    names = {"last value", "last season", "growing season", "drift", "mean"}
    assert card["baselines"].keys() == names and card["test_looks"] == 0
    result = run.evaluate()
    assert result.looks == 1 and result.judgement.kind == "forecast"
    assert result.judgement.metrics["mase"].value < result.judgement.baselines["last season"]["mase"].value
    page = result.report.read_text(encoding="utf-8")
    for words in ("Forecasts and what came", "How far ahead", "How it goes on", "growing season", "band"):
        assert words in page
    assert "says how a series goes on" in (run.path / "card.md").read_text(encoding="utf-8")


def test_scales_come_from_the_training_part_alone(run, data):
    values = open_series(str(data)).values[0]
    train = prepare_series(run.recipe, open_series(str(data))).windows.cuts[0].train
    assert run.recipe.input.mean[0] == pytest.approx(values[:train].mean())
    assert run.recipe.input.std[0] == pytest.approx(values[:train].std())


def test_intervals_are_widened_on_the_validation_part_and_stay_so(run):
    """As trained they would be too sure of themselves; what is written holds what it promises there."""
    stretch = float(run.model.stretch)
    assert 1 <= stretch <= 3 and run.card["metrics"]["coverage"]["value"] >= 0.79
    assert (stretch > 1) == any("widened" in choice for choice in run.card["choices"])


def test_predict_continues_the_runs_own_series(run, tmp_path):
    out = tmp_path / "what comes.csv"
    rows = run.predict(out=str(out))
    assert len(rows) == 12 and rows[0]["time"] == "2035-01-01" and rows[-1]["time"] == "2035-12-01"
    assert all(row["low"] < row["median"] < row["high"] for row in rows)
    truth = made.season(252, noise=0.0)[240:]
    assert np.abs([row["median"] for row in rows] - truth).mean() < 4
    table = list(csv.DictReader(out.open(encoding="utf-8")))
    assert len(table) == 12 and float(table[0]["q50"]) == pytest.approx(rows[0]["median"], rel=1e-6)
    refused("file-exists", lambda: run.predict(out=str(out)))


def test_predict_continues_new_rows_and_says_what_does_not_fit(run, tmp_path):
    longer = made.growing(tmp_path / "new.csv", count=250)
    assert run.predict(str(longer))[0]["time"] == "2035-11-01"
    days = made.write(tmp_path / "days.csv", {"value": made.season()}, made.days(240))
    assert "months" in run.predict(str(days))[0]["error"]["expected"]
    other = made.write(tmp_path / "other.csv", {"amount": made.season()})
    assert "error" in run.predict(str(other))[0]


def test_a_run_goes_on_where_its_table_has_grown(tmp_path):
    path = made.growing(tmp_path / "a.csv", count=120)
    run = made.trained(path, tmp_path / "run", epochs=2)
    made.growing(path, count=126)
    assert run.predict()[0]["time"] == "2025-07-01"
    assert "predict" in refused("data-changed", run.evaluate).fix


def test_other_data_are_judged_only_after_what_the_run_learned(run, tmp_path):
    longer = made.growing(tmp_path / "new.csv", count=300)
    judged = run.evaluate(data=str(longer)).judgement
    own = prepare_series(run.recipe, open_series(run.recipe.data.where))
    assert judged.n == 300 - 12 - own.windows.cuts[0].val + 1
    assert run.evaluate().looks >= 1


def test_several_series_and_channels(several):
    assert several.recipe.model["wanted"] == 2 and several.recipe.model["channels"] == 3
    assert several.card["series"]["channels"] == ["sales", "visits", "rain"]
    rows = several.predict()
    assert {(row["series"], row["channel"]) for row in rows} == {
        (shop, channel) for shop in ("north", "south") for channel in ("sales", "visits")
    }
    assert len(rows) == 2 * 2 * 6 and several.evaluate().judgement.n > 0


def test_a_random_walk_is_not_called_predictable(tmp_path):
    """E8: prices walk; nothing beats the last price, and the verdict does not claim it."""
    run = made.trained(made.walk(tmp_path / "walk.csv"), tmp_path / "run", size="small", epochs=6)
    assert run.recipe.model["anchor"] == "last" and run.recipe.input.period == 0
    verdict = run.evaluate().judgement.verdict
    assert "better" not in verdict.replace("not shown to forecast better", "")
    assert set(run.card["baselines"]) == {"last value", "drift", "mean"}  # no season, so none of a season


def test_explain_draws_components_parts_and_importance(run, several, tmp_path):
    rows = run.explain(out=str(tmp_path / "explain"))
    assert rows[0]["file"] == run.recipe.data.where and "after 12 steps" in rows[0]["answer"]
    named = [drawing["name"] for row in rows for drawing in row["drawings"]]
    assert {"forecast", "components", "parts", "gradient", "occlusion"} <= set(named)
    page = (tmp_path / "explain" / "explain.html").read_text(encoding="utf-8")
    assert "last season again" in page and "trend" in page
    svg = (tmp_path / "explain" / "000-value-parts.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg") and 'xmlns="http://www.w3.org/2000/svg"' in svg
    both = several.explain(out=str(tmp_path / "both"), methods=("occlusion",))
    assert [drawing["name"] for drawing in both[-1]["drawings"]] == ["occlusion", "occlusion of channels"]
    refused("unknown-method", lambda: run.explain(methods=("grad-cam",)))


def test_export_writes_a_checked_file(run, tmp_path):
    facts = gw.export(run, to="onnx", out=str(tmp_path / "out"))
    folder = tmp_path / "out" / "onnx"
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert card["channels"] == ["value"] and card["step"] == "months" and card["quantiles"][4] == 0.5
    assert facts["formats"]["onnx"]["verified"]["largest_difference"] < 1e-4
    values = open_series(run.recipe.data.where).values[0][-run.recipe.input.history :].astype(np.float32)
    given = {"series": values[None], "lengths": np.array([len(values)])}
    (said,) = session_of(folder / "model.onnx").run(None, given)
    np.testing.assert_allclose(said[0, :, 0, 4], [row["median"] for row in run.predict()], rtol=1e-4)
    refused("file-exists", lambda: gw.export(run, to="onnx", out=str(tmp_path / "out")))
    refused("unknown-format", lambda: gw.export(run, to="pt2", out=str(tmp_path / "more")))


def test_a_server_continues_a_series(run, several):
    values = open_series(run.recipe.data.where).values[0].tolist()
    status, reply = said(run, {"values": values}, engine="onnx")
    assert status == 200
    rows = reply["predictions"][0]["forecast"]
    np.testing.assert_allclose(
        [row["median"] for row in rows], [row["median"] for row in run.predict()], rtol=1e-4
    )
    assert [row["ahead"] for row in rows] == list(range(1, 13)) and set(rows[0]["quantiles"]) >= {
        "0.1",
        "0.9",
    }
    status, reply = said(run, {"values": values[-2:]})
    assert status == 422 and "more of the past" in reply["error"]["fix"]
    table = "rain,visits,sales\n" + "\n".join(f"{step % 5},{2 * step},{step}" for step in range(60))
    status, reply = said(several, table.encode(), "text/csv")
    assert {row["channel"] for row in reply["predictions"][0]["forecast"]} == {"sales", "visits"}


def test_resume_continues_exactly(data, tmp_path):
    """Stopped after half of its steps and continued, a run ends bit for bit where an unbroken one does."""
    whole = made.trained(data, tmp_path / "whole", epochs=4, set=("training.save_steps=1",))
    folder = tmp_path / "whole"
    steps = sorted((folder / "checkpoints").iterdir())
    assert len(steps) > 1
    before = (folder / "model.safetensors").read_bytes()
    for newest in steps[-1:]:
        for file in newest.iterdir():
            file.unlink()
        newest.rmdir()
    again = gw.train(resume=str(folder), quiet=True)
    assert (folder / "model.safetensors").read_bytes() == before and again.card["metrics"] == whole.card[
        "metrics"
    ]


def test_what_a_person_gets_wrong(run, data, tmp_path):
    out = str(tmp_path / "x")
    refused("contradiction", lambda: gw.train("forecaster", data=str(data), out=out, side=32))
    refused(
        "contradiction", lambda: gw.train("forecaster", data=str(data), out=out, class_weights="balanced")
    )
    refused("too-few-steps", lambda: gw.train("forecaster", data=str(data), out=out, horizon=90, quiet=True))
    refused("other-task", lambda: gw.compare(run.path, run.path))
    several = made.write(tmp_path / "b.csv", {"a": made.season(), "b": made.season()})
    recipe = read(run.path / "recipe.yaml")
    (tmp_path / "recipe.yaml").write_text(recipe.as_yaml(), encoding="utf-8")
    asked = {"recipe": str(tmp_path / "recipe.yaml"), "target": "a", "out": out, "quiet": True}
    refused("contradiction", lambda: gw.train(data=str(several), **asked))


def test_the_command_line(run, data, capsys):
    assert main(["predict", str(run.path)]) == 0
    assert "2035-01-01" in capsys.readouterr().out
    assert main(["evaluate", str(run.path), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["metrics"].keys() >= {"mase", "mae", "rmse", "smape", "coverage", "quantile_loss"}
    assert main(["check", str(data)]) == 0
    assert "season: 12 steps" in capsys.readouterr().out
