"""Runs on disk: never overwritten unasked, continued only as they began, refused in words when damaged."""

import json
import shutil

import pytest

from glassworks.recipes.base import read
from glassworks.training.run_folder import RunFolder
from tests.cli.conftest import SHORT


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the run that a test may break."""
    return shutil.copytree(run, tmp_path / "copy")


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_that_exists_stays_untouched(ask, data, copy):
    before = content(copy)
    code, _, complaint = ask("train", "cnn", "--data", data, "--out", copy, *SHORT)
    assert code == 2 and "run-exists" in complaint and "--resume" in complaint and "--overwrite" in complaint
    assert content(copy) == before


def test_overwrite_replaces_a_run_and_keeps_what_is_not_its_own(ask, data, copy):
    (copy / "my notes.txt").write_text("mine", encoding="utf-8")
    shutil.copytree(data, copy / "photos")
    (copy / "answers.npz").write_bytes(b"old")
    code, _, _ = ask("train", "lenet", "--data", data, "--out", copy, "--overwrite", *SHORT)
    assert code == 0 and read(copy / "recipe.yaml").system == "lenet"
    assert (copy / "my notes.txt").read_text(encoding="utf-8") == "mine"
    assert content(copy / "photos") == content(data) and not (copy / "answers.npz").exists()


def test_overwrite_never_touches_a_folder_that_is_no_run(ask, data, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("ten years", encoding="utf-8")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for place in (precious, tmp_path / "file", data):
        code, _, complaint = ask("train", "cnn", "--data", data, "--out", place, "--overwrite", *SHORT)
        assert code == 2 and "not a run folder" in complaint
    assert (precious / "thesis.txt").read_text(encoding="utf-8") == "ten years"


def test_a_mistake_leaves_the_run_that_was_to_be_overwritten(ask, data, copy):
    before = content(copy)
    for wrong in (
        ["--epochs", "0"],
        ["--set", "model.widths=[]"],
        ["--from", "nowhere"],
        ["--threshold", "x"],
    ):
        assert ask("train", "cnn", "--data", data, "--out", copy, "--overwrite", *SHORT, *wrong)[0] == 2
    assert content(copy) == before


def test_an_empty_folder_may_become_a_run(ask, data, tmp_path):
    (tmp_path / "new").mkdir()
    assert ask("train", "lenet", "--data", data, "--out", tmp_path / "new", *SHORT)[0] == 0


def test_of_two_that_begin_at_once_only_one_gets_the_place(ask, data, tmp_path, monkeypatch):
    """Both saw that the place was free; the other one writes first."""
    create, others = RunFolder.create, []

    def later(self, *args):
        if not others:
            others.append(RunFolder(self.path))
            create(others[0], *args)
        create(self, *args)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RunFolder, "create", later)
    code, _, complaint = ask("train", "lenet", "--data", data, "--out", "same", *SHORT)
    assert code == 2 and "run-exists" in complaint and not (tmp_path / "same" / "model.safetensors").exists()
    others.clear()
    assert ask("train", "lenet", "--data", data, *SHORT)[0] == 0  # without --out the next number is taken
    assert (tmp_path / "runs" / "lenet-d-2" / "model.safetensors").exists()


@pytest.mark.parametrize(
    "words",
    [["--epochs", "5"], ["--seed", "0"], ["--patience", "0"], ["--labels", "number"], ["--out", "x"],
     ["--overwrite"], ["--set", "seed=1"], ["--compile"], ["--recipe", "r.yaml"], ["--from", "x"],
     ["--data", "x"], ["--size", "tiny"], ["--threshold", "f1"]],
)  # fmt: skip
def test_resume_refuses_what_would_change_the_run(ask, run, words):
    code, _, complaint = ask("train", "--resume", run, *words)
    assert code == 2 and "contradiction" in complaint and f"got: {words[0]}" in complaint


def test_resume_refuses_another_system_and_takes_its_own(ask, run):
    assert ask("train", "lenet", "--resume", run)[0] == 2
    assert ask("train", "cnn", "--resume", run, "--quiet", "--device", "cpu", "--workers", "0")[0] == 0


def test_resume_of_a_finished_run_brings_back_a_model_that_is_missing(ask, copy):
    """A kill between the last checkpoint and the model's own file must not lose the model."""
    model = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").unlink()
    assert ask("train", "--resume", copy, "--quiet")[0] == 0
    assert (copy / "model.safetensors").read_bytes() == model


def test_the_threshold_is_part_of_the_run(ask, data, tmp_path):
    """Chosen at the end, also after a resume; a rule that cannot be is refused before the training."""
    out = tmp_path / "r"
    assert ask("train", "cnn", "--data", data, "--out", out, "--threshold", "f1", *SHORT)[0] == 0
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    (out / "card.json").unlink()
    assert ask("train", "--resume", out, "--quiet")[0] == 0
    assert (
        json.loads((out / "card.json").read_text(encoding="utf-8"))["threshold"]
        == card["threshold"]
        is not None
    )


def test_size_then_recipe_then_option_then_set(ask, data, run, tmp_path):
    """The later wins: the size's epochs < the recipe's < the named option's < --set's."""
    content = (
        (run / "recipe.yaml")
        .read_text(encoding="utf-8")
        .replace("learning_rate: 0.003", "learning_rate: 0.004")
    )
    (tmp_path / "r.yaml").write_text(content, encoding="utf-8")
    base = ["train", "--recipe", tmp_path / "r.yaml", "--quiet"]
    assert ask(*base, "--out", tmp_path / "a")[0] == 0
    made = read(tmp_path / "a" / "recipe.yaml")
    assert (made.training.learning_rate, made.training.epochs) == (0.004, 2)
    words = ["--learning-rate", "0.005", "--epochs", "3", "--seed", "4", "--set", "training.epochs=4"]
    assert ask(*base, *words, "--out", tmp_path / "b")[0] == 0
    made = read(tmp_path / "b" / "recipe.yaml")
    assert (made.training.learning_rate, made.training.epochs, made.seed) == (0.005, 4, 4)
    assert made.model == read(run / "recipe.yaml").model


def test_set_reaches_the_data_before_it_is_opened(ask, data, tmp_path):
    code, _, complaint = ask("train", "cnn", "--data", data, "--set", "data.where=/nowhere", *SHORT)
    assert code == 2 and "nowhere" in complaint
    words = ["--set", "data.val=0.3", "data.test=0.3", "--out", tmp_path / "r"]
    assert ask("train", "lenet", "--data", data, *words, *SHORT)[0] == 0
    splits = json.loads((tmp_path / "r" / "splits.json").read_text(encoding="utf-8"))
    assert len(splits["val"]) == len(splits["test"]) == 6


@pytest.mark.parametrize(
    "words",
    [["--batch", "0"], ["--batch", "-4"], ["--batch", "1"], ["--learning-rate", "1e9"],
     ["--learning-rate", "-1"], ["--learning-rate", "nan"], ["--threads", "100000"], ["--side", "1"],
     ["--side", "0"], ["--side", "100000"], ["--seed", "-1"], ["--epochs", "0"], ["--average", "1"],
     ["--workers", "-1"], ["--set", "input.height=40"], ["--set", "model.classes=7"],
     ["--set", "model.channels=1"], ["--set", "input.channels=1"], ["--set", "data.val=0.9", "data.test=0.9"],
     ["--set", "input.mean=[1,2]"], ["--set", "model={a: &x [1], b: *x}"], ["--threshold", "best"],
     ["--threshold", "recall=2"], ["--out", "x" * 300]],
)  # fmt: skip
def test_impossible_wishes_end_with_one_message(ask, data, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    out = [] if "--out" in words else ["--out", "r"]
    code, _, complaint = ask("train", "cnn", "--data", data, *SHORT, *out, *words)
    assert code == 2 and complaint.count("to fix:") == 1 and "Traceback" not in complaint


@pytest.mark.parametrize("seed", [2**63, 2**64 - 1, 10**30])
def test_huge_seeds_work(ask, data, tmp_path, seed):
    assert ask("train", "lenet", "--data", data, "--out", tmp_path / "r", "--seed", seed, *SHORT)[0] == 0


def change(name, **values):
    def do(run):
        card = json.loads((run / name).read_text(encoding="utf-8")) | values
        (run / name).write_text(json.dumps({k: v for k, v in card.items() if v is not ...}), encoding="utf-8")

    return do


def cut(name):
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:-100])


DAMAGE = {
    "model-cut": cut("model.safetensors"), "card-cut": cut("card.json"), "splits-cut": cut("splits.json"),
    "model-gone": lambda run: (run / "model.safetensors").unlink(),
    "card-gone": lambda run: (run / "card.json").unlink(),
    "recipe-gone": lambda run: (run / "recipe.yaml").unlink(),
    "recipe-of-bytes": lambda run: (run / "recipe.yaml").write_bytes(b"\xff\xfe\x00"),
    "card-of-a-list": lambda run: (run / "card.json").write_text("[]"),
    "no-classes": change("card.json", classes=...), "other-classes": change("card.json", classes=["a"]),
    "no-kind": change("card.json", kind=...), "other-kind": change("card.json", kind="labels"),
    "strange-kind": change("card.json", kind="x"), "number": change("card.json", kind="number"),
    "looks": change("card.json", test_looks="x"), "threshold": change("card.json", threshold={"value": 0.3}),
    "no-data": change("card.json", data=...), "choices": change("card.json", choices=5),
    "no-train": change("splits.json", train=...), "train-of-a-number": change("splits.json", train=5),
    "other-names": change("splits.json", val=["x"]),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_is_told_and_never_a_traceback(ask, copy, damage):
    DAMAGE[damage](copy)
    code, _, complaint = ask("evaluate", copy)
    assert code == 2 and "to fix:" in complaint and "Traceback" not in complaint


def test_logs_that_were_edited_do_not_stop_anything(ask, copy):
    for name in ("metrics.jsonl", "timings.jsonl", "notes.jsonl"):
        (copy / name).write_text('{}\n5\n"x"\n', encoding="utf-8")
    assert ask("evaluate", copy)[0] == 0


def test_a_run_that_moved_works_and_data_that_is_gone_is_told(ask, data, tmp_path):
    own = shutil.copytree(data, tmp_path / "d")
    assert ask("train", "lenet", "--data", own, "--out", tmp_path / "r", *SHORT)[0] == 0
    moved = shutil.move(tmp_path / "r", tmp_path / "elsewhere")
    assert ask("evaluate", moved)[0] == 0
    picture = own.rename(tmp_path / "other") / "rot"
    code, _, complaint = ask("evaluate", moved)
    assert code == 2 and "no-such-path" in complaint
    assert ask("predict", moved, picture)[0] == 0
    code, _, complaint = ask("predict", moved, picture, "--top", "0")
    assert code == 2
