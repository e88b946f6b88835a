"""Pretraining on a person's pictures without labels: every verb, a classifier that begins there, refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import glassworks as gw
from glassworks.api import families
from glassworks.catalogue import CATALOGUE
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.training import checkpoint
from glassworks.weights.store import read_tensors
from tests.api import pictures

QUICK = {"size": "tiny", "threads": 1, "quiet": True, "epochs": 2}


@pytest.fixture(scope="module")
def loose(tmp_path_factory):
    """Forty pictures in a folder, no class folders, names with spaces and letters beyond ASCII."""
    root = tmp_path_factory.mktemp("ohne Namen ü") / "bilder"
    for number in range(40):
        pictures.save(
            root / f"bild {number} ñ.png", pictures.picture(("rot", "blau")[number % 2], number, 24)
        )
    return root


@pytest.fixture(scope="module")
def run(loose, tmp_path_factory):
    return gw.train("mae", data=str(loose), out=str(tmp_path_factory.mktemp("läufe") / "mae 1"), **QUICK)


def test_every_task_of_the_catalogue_has_a_family_that_answers_everything():
    asked = [name for name in vars(families.Family) if not name.startswith("_")]
    for task in {entry.task for entry in CATALOGUE if entry.kind == "system"}:
        system = next(entry.name for entry in CATALOGUE if entry.task == task)
        family = families.family_of(system)
        assert all(callable(getattr(family, name)) for name in asked), task
        assert family.data and isinstance(dict(family.instead), dict)


def test_own_data_without_labels_from_the_first_look_to_the_answers(run, loose, tmp_path):
    report = gw.check(str(loose), workers=0)
    assert report.ok and "train mae" in report.suggestion["command"]
    assert any(f.level == "warn" and "train mae" in f.mend for f in report.findings)
    assert run.card["kind"] == "none" and run.classes == () and run.recipe.input.channels == 3
    judged = run.evaluate()
    assert judged.part == "test" and judged.looks == 1 and run.evaluate().looks == 2
    assert set(judged.judgement.baselines) == {
        "mean of the visible pixels",
        "nearest visible patch",
        "smooth fill",
    }
    again = run.evaluate(part="val").judgement.metrics["masked_error"]
    assert again.as_json() == run.card["metrics"]["masked_error"]  # masks are fixed, so the figure is
    page = judged.report.read_text(encoding="utf-8")
    for words in (
        "What it makes of hidden patches",
        "smooth surface",
        "taken from the true picture",
        "embeds pictures",
    ):
        assert words in page
    other = gw.evaluate(run.path, data=str(loose), workers=0)
    assert other.judgement.n == 40 and other.report != judged.report
    rows = run.predict(str(loose))
    assert len(rows) == 40 and all(row["masked_error"] > 0 for row in rows)
    alone = run.predict(rows[7]["file"], out=str(tmp_path / "gezeichnet"))[0]
    assert alone["masked_error"] == pytest.approx(rows[7]["masked_error"], abs=1e-5)
    assert Path(alone["picture"]).stat().st_size > 200
    (loose.parent / "kaputt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    bad = run.predict(str(loose.parent / "kaputt.png"), out=str(tmp_path / "a.csv"))
    assert "error" in bad[0] and (tmp_path / "a.csv").read_text(encoding="utf-8").startswith(
        "file,masked_error,error\n"
    )


def test_labels_change_nothing_but_are_mentioned(tmp_path):
    """Class folders are no labels here: that is said, and the parts are those that vit would make."""
    data = pictures.class_folders(tmp_path / "d", count=10)
    first = gw.train("mae", data=str(data), out=str(tmp_path / "a"), **QUICK)
    splits = json.loads((first.path / "splits.json").read_text(encoding="utf-8"))
    assert any("left aside" in sentence for sentence in first.card["choices"])
    labelled = gw.train("vit", data=str(data), out=str(tmp_path / "v"), **QUICK)
    assert json.loads((labelled.path / "splits.json").read_text(encoding="utf-8"))["test"] == splits["test"]


def bits(run):
    last = checkpoint.found(run / "checkpoints")[-1]
    files = [
        run / "model.safetensors",
        run / "metrics.jsonl",
        *sorted(last.glob("*.safetensors")),
        last / "state.json",
    ]
    return {file.name: sha256_of(file) for file in files}


def test_resume_gives_the_same_bits(loose, tmp_path, monkeypatch):
    """Masks are keyed by seed and step: a run that was stopped goes on as if it had not been."""
    from glassworks.training.stopping import Stopped, StopRequest

    options = QUICK | {"data": str(loose), "batch": 8}
    whole = gw.train("mae", out=str(tmp_path / "whole"), **options)
    asked = {"times": 0}

    def requested(self):
        asked["times"] += 1
        return asked["times"] == 3

    with monkeypatch.context() as patched:
        patched.setattr(
            StopRequest, "requested", property(requested, lambda self, value: None), raising=False
        )
        with pytest.raises(Stopped):
            gw.train("mae", out=str(tmp_path / "part"), **options)
    assert not (tmp_path / "part" / "card.json").exists()
    gw.train(resume=str(tmp_path / "part"), quiet=True)
    assert bits(tmp_path / "part") == bits(whole.path)


@pytest.mark.parametrize("tune", ["head", "full"])
def test_a_vit_begins_with_the_encoder(run, five, tmp_path, tune):
    options = {"data": str(five), "tune": tune, "out": str(tmp_path / "r")} | QUICK
    classifier = gw.finetune("vit", start_from=str(run.path), **options)
    model = classifier.recipe.model
    assert (model["positions"], model["pooling"], model["patch"]) == ("sine", "class", 4)
    assert classifier.card["started_from"]["name"].endswith("a run of mae") and len(classifier.classes) == 5
    assert classifier.recipe.input.mean == run.recipe.input.mean
    before, after = (read_tensors(one.path / "model.safetensors") for one in (run, classifier))
    same = {
        n for n, t in after.items() if not n.startswith("head.") and torch.equal(t, before[f"encoder.{n}"])
    }
    body = {n for n in after if not n.startswith("head.")}
    assert same == body if tune == "head" else not same & {"blocks.0.mlp.widen.weight"}
    file = tmp_path / "nur" / "gewichte.safetensors"
    file.parent.mkdir()
    shutil.copy(run.path / "model.safetensors", file)
    shape = ("model.block.heads=4",)
    again = gw.finetune(
        "vit", start_from=str(file), side=32, set=shape, **options | {"out": str(tmp_path / "f")}
    )
    assert again.recipe.model["positions"] == "sine" and again.recipe.model["depth"] == 4


def test_pretraining_goes_on_from_a_run(run, loose, tmp_path):
    again = gw.train("mae", data=str(loose), start_from=str(run.path), out=str(tmp_path / "r"), **QUICK)
    assert again.card["metrics"]["masked_error"]["value"] <= run.card["metrics"]["masked_error"]["value"]


def test_five_bad_folders_and_their_messages(refused, loose, tmp_path):
    def train(data):
        return lambda: gw.train("mae", data=str(data), out=str(tmp_path / "run"), **QUICK)

    refused("no-such-path", train(tmp_path / "nirgends"))
    (tmp_path / "leer").mkdir()
    refused("empty-folder", train(tmp_path / "leer"))
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("words", encoding="utf-8")
    refused("empty-folder", train(tmp_path / "text"))
    shutil.copytree(loose, tmp_path / "kaputt")
    next((tmp_path / "kaputt").glob("*.png")).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "--bad skip" in refused("damaged-picture", train(tmp_path / "kaputt")).fix
    pictures.save(tmp_path / "eins" / "1.png", pictures.picture("rot", 1))
    refused("too-few-pictures", train(tmp_path / "eins"))


def test_what_the_encoder_attends_to_is_drawn_without_labels(run, loose, tmp_path):
    """And a report at another picture size leaves the run's own figures as they were."""
    picture = next(loose.glob("*.png"))
    rows = gw.explain(run, str(picture), out=str(tmp_path / "inside"), check="no")
    assert [one["name"] for one in rows[0]["drawings"]] == ["attention", "rollout"]
    before = (run.path / "card.json").read_text(encoding="utf-8")
    larger = gw.evaluate(str(run.path), part="val", side=48)
    assert larger.report.name == "report-val-48x48.html"
    assert (run.path / "card.json").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("verb", ["export", "compare"])
def test_verbs_that_need_a_classifier_say_what_to_do(run, verb):
    with pytest.raises(PersonError) as told:
        getattr(gw, verb)(*[str(run.path)] * (2 if verb == "compare" else 1))
    assert told.value.code == "other-task" and "vit" in told.value.fix


@pytest.mark.parametrize(
    "options",
    [{"threshold": "f1"}, {"class_weights": "balanced"},
     {"set": ("tune.method=head",), "start_from": "RUN"}],
    ids=["threshold", "weights", "tune"],
)  # fmt: skip
def test_settings_that_need_labels_are_refused(refused, run, loose, tmp_path, options):
    options = options | ({"start_from": str(run.path)} if "start_from" in options else {})
    out = str(tmp_path / "x")
    told = refused("contradiction", lambda: gw.train("mae", data=str(loose), out=out, **QUICK | options))
    assert "without labels" in told.expected


def test_several_runs_over_labels_are_refused_before_anything_is_opened(refused):
    refused("other-task", lambda: gw.cross_validate("mae", data="nowhere"))
    refused("other-task", lambda: gw.learning_curve("mae", data="nowhere"))


def test_info_names_the_settings_without_classes():
    facts = gw.info("mae", variant="ti16")
    names = [row["name"] for row in facts["settings"]]
    assert "hidden" in names and "decoder.depth" in names and "classes" not in names
    assert "without labels" in facts["data"] and json.dumps(facts, default=list)
    assert np.isfinite(facts["variants"][0]["multiply_adds"])
