"""Another picture size through every verb: resized positions, the run's own files, wrong sizes told."""

import dataclasses
import json

import pytest
import torch

import glassworks as gw
from glassworks.api import requests
from glassworks.api.run import load
from glassworks.api.sizes import at_side
from glassworks.blocks.positions import resize_positions
from glassworks.cli import main
from glassworks.cli.flags import parse
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.deploy import timing, verify
from glassworks.weights.store import read_tensors, write_tensors
from tests.models import ladder

SHORT = {"size": "tiny", "epochs": 2, "threads": 1, "quiet": True}
SMALL = ("model.dimension=32", "model.depth=1", "model.patch=8")


@pytest.fixture(scope="session")
def small_vit(five, tmp_path_factory):
    """A ViT of 32 pixels in patches of 8 that knows five colours."""
    out = tmp_path_factory.mktemp("größen") / "klein"
    return gw.train("vit", data=str(five), out=str(out), set=SMALL, learning_rate=0.005, **SHORT)


@pytest.fixture
def brief(monkeypatch):
    """Times are not what these tests are about."""
    monkeypatch.setattr(timing, "SECONDS", 0.02)
    monkeypatch.setattr(verify, "TIMED", (1,))


def files(folder):
    return {p.relative_to(folder): sha256_of(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def a_picture(five):
    return str(next(five.rglob("*.png")))


# ---- without adaptation


def test_the_run_at_another_size_is_the_same_weights_with_resized_positions(small_vit):
    larger = at_side(load(small_vit.path), 48)
    assert (larger.input.height, larger.input.width) == (48, 48) and larger.own is not None
    assert larger.card["model"]["height"] == larger.card["input"]["width"] == 48
    assert larger.card["metrics"] == {} and larger.familiar is None  # measured at 32 pixels, so unknown here
    expected = resize_positions(small_vit.model.positions, (4, 4), (6, 6), prefix=1)
    assert torch.equal(larger.model.positions, expected)
    own = small_vit.model.state_dict()
    others = {name: tensor for name, tensor in larger.model.state_dict().items() if name != "positions"}
    assert all(torch.equal(tensor, own[name]) for name, tensor in others.items())
    assert larger.card["parameters"] == small_vit.card["parameters"] + 20 * 32


def test_its_own_size_changes_nothing_and_a_second_size_starts_from_the_first(small_vit):
    run = load(small_vit.path)
    assert at_side(run, None) is run and at_side(run, 32) is run
    larger = at_side(run, 64)
    assert at_side(larger, 32) is run and at_side(larger, 64) is larger
    again, direct = at_side(larger, 48), at_side(run, 48)
    assert torch.equal(again.model.positions, direct.model.positions)
    nearest = at_side(run, 48, mode="nearest")
    assert not torch.equal(nearest.model.positions, direct.model.positions)


def test_evaluate_judges_the_other_size_in_a_report_of_its_own_and_counts_the_look(small_vit):
    first = small_vit.evaluate()
    before, card = files(small_vit.path), json.loads((small_vit.path / "card.json").read_text("utf-8"))
    other = small_vit.evaluate(side=48)
    assert other.report == small_vit.path / "report-48x48.html" and other.judgement.n == first.judgement.n
    assert other.looks == first.looks + 1  # a look at the test part is a look, at any size
    after = files(small_vit.path)
    changed = {str(name) for name in after if after[name] != before.get(name)}
    assert changed == {"card.json", "card.md", "report-48x48.html"}
    now = json.loads((small_vit.path / "card.json").read_text("utf-8"))
    assert now == card | {"test_looks": card["test_looks"] + 1}
    page = other.report.read_text("utf-8")
    assert "learned at 32x32 pixels and fitted to 48x48" in page
    part = at_side(load(small_vit.path), 48).evaluate(part="val")
    assert part.report.name == "report-val-48x48.html"


def test_predict_and_explain_take_the_other_size(small_vit, five):
    picture = a_picture(five)
    plain, larger = (small_vit.predict(picture, side=side)[0] for side in (None, 64))
    assert plain["answers"] != larger["answers"] and "unfamiliar" not in larger
    assert plain == small_vit.predict(picture, side=32)[0]
    rows = small_vit.explain(picture, side=48, methods=("occlusion",))
    assert (small_vit.path / "explain-48x48" / "explain.html").is_file()
    assert "explain-48x48" in rows[0]["drawings"][0]["picture"]


def test_an_export_of_the_other_size_stands_alone_and_can_be_begun_with(small_vit, five, tmp_path, brief):
    pytest.importorskip("onnxruntime")
    facts = gw.export(small_vit, side=48)
    assert facts["folder"] == str(small_vit.path / "export-48x48")
    assert all(form["verified"]["passed"] for form in facts["formats"].values())
    folder = small_vit.path / "export-48x48" / "safetensors"
    told = json.loads((folder / "model.json").read_text("utf-8"))
    assert told["input"]["height"] == told["card"]["model"]["width"] == 48 and told["card"]["metrics"] == {}
    weights = folder / "model.safetensors"
    run = gw.finetune("vit", data=str(five), start_from=str(weights), out=str(tmp_path / "r"), **SHORT)
    assert run.input.height == 48
    assert torch.equal(run.model.positions, read_tensors(weights)["positions"])  # only the head has learned


# ---- with adaptation


def test_finetune_adapts_at_the_other_size_from_resized_positions(small_vit, five, tmp_path):
    start = {"start_from": str(small_vit.path), "side": 64, "data": str(five)} | SHORT
    head = gw.finetune("vit", out=str(tmp_path / "head"), **start)
    for part in (head.recipe.input.model_dump(), head.recipe.model):
        assert (part["height"], part["width"]) == (64, 64)
    resized = at_side(load(small_vit.path), 64).model
    assert torch.equal(head.model.positions, resized.positions)  # frozen, so still as they began
    full = gw.finetune("vit", out=str(tmp_path / "full"), tune="full", **start)
    assert full.model.positions.shape == resized.positions.shape
    assert not torch.equal(full.model.positions, resized.positions)
    assert full.evaluate().report.name == "report.html"  # a run of its own size like any other


def test_foreign_weights_keep_their_size_or_are_resized_where_another_is_asked_for(five, tmp_path):
    models = pytest.importorskip("torchvision").models
    theirs = ladder.seeded(lambda: models.VisionTransformer(64, 16, 1, 3, 192, 768, num_classes=7))
    torch.nn.init.normal_(theirs.encoder.pos_embedding, std=0.1)
    write_tensors(tmp_path / "theirs.safetensors", theirs.state_dict())
    start = {"start_from": str(tmp_path / "theirs.safetensors"), "set": ("model.depth=1",)}
    start |= {"data": str(five)} | SHORT
    same = gw.finetune("vit", out=str(tmp_path / "same"), **start)
    assert same.input.height == 64 and torch.equal(same.model.positions, theirs.encoder.pos_embedding)
    larger = gw.finetune("vit", out=str(tmp_path / "larger"), side=96, **start)
    expected = resize_positions(theirs.encoder.pos_embedding, (4, 4), (6, 6), prefix=1)
    assert larger.input.height == 96 and torch.equal(larger.model.positions, expected)


# ---- at the door


def test_side_and_image_size_are_one_option():
    verbs = {
        requests.TrainRequest: ["vit"], requests.FinetuneRequest: ["vit"], requests.EvaluateRequest: ["r"],
        requests.PredictRequest: ["r", "p"], requests.ExplainRequest: ["r"], requests.ExportRequest: ["r"],
        requests.InfoRequest: ["vit"], requests.PlanRequest: ["vit"],
    }  # fmt: skip
    for request, places in verbs.items():
        short, long = (parse(request, "x", "", [*places, flag, "48"]) for flag in ("--side", "--image-size"))
        assert short == long and short.side == 48
    asked = [r for r in vars(requests).values() if dataclasses.is_dataclass(r) and hasattr(r, "side")]
    assert set(verbs) <= set(asked)


def test_the_command_line_takes_the_other_size(small_vit, capsys):
    assert main(["evaluate", str(small_vit.path), "--part", "val", "--image-size", "48", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["report"].endswith("report-val-48x48.html")


def test_a_size_that_cannot_be_is_refused_with_those_that_can(small_vit, base, five):
    before = files(small_vit.path), files(base.path)
    for run, side, words in ((small_vit, 50, "48x48 can"), (small_vit, 0, "one pixel"), (base, 64, "20x20")):
        for ask in (run.evaluate, lambda run=run, **o: run.predict(a_picture(five), **o)):
            with pytest.raises(PersonError) as told:
                ask(side=side)
            assert told.value.code == "picture-size" and words in str(told.value)
    assert (files(small_vit.path), files(base.path)) == before


def test_a_start_that_cannot_be_resized_is_refused_before_training(base, five, tmp_path):
    start = {"start_from": str(base.path), "side": 64, "out": str(tmp_path / "r")}
    with pytest.raises(PersonError, match="20x20") as told:
        gw.finetune("cnn", data=str(five), **start, **SHORT)
    assert told.value.code == "picture-size" and not (tmp_path / "r").exists()


def test_a_network_of_filters_is_judged_at_any_size(five, tmp_path):
    run = gw.train(
        "resnet", data=str(five), out=str(tmp_path / "r"), set=("model.widths=[4,8,8,8]",), side=32, **SHORT
    )
    larger = run.evaluate(side=64)
    assert larger.report.name == "report-64x64.html" and larger.judgement.n == run.evaluate().judgement.n
