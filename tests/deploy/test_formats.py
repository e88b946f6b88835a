"""Every format gives the live model's answers, holds no pickle and no path, and predicts on its own."""

import dataclasses
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput
from glassworks.data.decode import read_picture
from glassworks.deploy import bundle, formats
from glassworks.deploy.subject import AsShipped, Subject, eager
from glassworks.deploy.verify import how_far
from glassworks.models.vision import cnn
from glassworks.weights.store import load_into, read_tensors

# Runs a script with sockets closed, and with glassworks and torch as if they were not installed.
ALONE = """
import runpy, socket, sys
def closed(*_, **__): raise OSError("no network here")
socket.socket = socket.create_connection = socket.getaddrinfo = closed
class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("glassworks", "torch", "torchvision", "onnx"): raise ImportError(name)
sys.meta_path.insert(0, Absent())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def onnx_bundle(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("aus fuhr ü") / "zahlen"
    verified = bundle.export(digits.subject, "onnx", folder, digits.held)
    return folder, verified


@pytest.fixture
def pictures(digits, tmp_path):
    """Held-out digits as files, larger than the model's input, in several forms."""
    files = []
    for row in range(6):
        image = Image.fromarray(digits.held.pixels[row, :, :, 0]).resize((90, 70), Image.Resampling.BICUBIC)
        path = tmp_path / f"ziffer {row}.{'jpg' if row % 2 else 'png'}"
        image.save(path)
        files.append(path)
    return files


def alone(folder, *names):
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(folder / "predict.py"), *(str(name) for name in names)],
        capture_output=True, text=True, encoding="utf-8", env={"PYTHONUTF8": "1"}, check=False,
    )  # fmt: skip
    return done, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def written(untrained, tmp_path_factory):
    """Every format of the untrained network: (folder, {name: the file as a function})."""
    subject, _ = untrained
    folder = tmp_path_factory.mktemp("formats")
    formats.to_safetensors(subject, folder)
    formats.to_onnx(subject, folder / formats.NETWORK)
    formats.to_program(subject, folder / formats.PROGRAM)
    return folder, {
        "safetensors": formats.read_own_safetensors(subject, folder / formats.WEIGHTS),
        "onnx": formats.onnx_predictor(folder / formats.NETWORK),
        "pt2": formats.read_own_program(folder / formats.PROGRAM),
    }


def test_every_format_answers_any_batch_like_the_live_model(untrained, written):
    subject, pixels = untrained
    live = eager(subject)
    for name, predict in written[1].items():
        for size in (1, 3, 33):
            answers, features = predict(pixels[:size])
            assert answers.shape == (size, 3) and features.shape == (size, 32), name
            assert answers.dtype == features.dtype == np.float32
            assert how_far(subject, live(pixels[:size]), (answers, features)).by_rounding, name


@pytest.mark.parametrize("kind", ["labels", "number"])
def test_labels_and_numbers_leave_in_their_own_units(untrained, tmp_path, kind):
    subject, pixels = untrained
    if kind == "labels":
        subject = dataclasses.replace(subject, kind="labels")
        wanted = lambda scores: scores.sigmoid()  # noqa: E731
    else:
        model = cnn.build(cnn.CNNConfig(height=24, width=24, widths=(8,), hidden=32, classes=1)).eval()
        subject = Subject(model, subject.how, "number", (), (30.0, 5.0))
        wanted = lambda scores: scores * 5 + 30  # noqa: E731
    mean, std = (torch.tensor(numbers) for numbers in (subject.how.mean, subject.how.std))
    pictures = ((torch.from_numpy(pixels).float() / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        told = wanted(subject.model(pictures)).numpy()
    network = formats.onnx_predictor(formats.to_onnx(subject, tmp_path / "model.onnx"))
    for predict in (eager(subject), network):
        np.testing.assert_allclose(predict(pixels)[0], told, rtol=1e-5, atol=1e-5)


def test_what_is_shipped_equals_the_verb_predict(digits, pictures):
    how = digits.subject.how
    pixels = np.stack([read_picture(path, how.height, how.width, how.channels, how.fit) for path in pictures])
    answers, _ = eager(digits.subject)(pixels)
    for told, row in zip(digits.run.predict(*map(str, pictures), top=10), answers):
        for entry in told["answers"]:
            assert row[digits.subject.classes.index(entry["class"])] == pytest.approx(
                entry["probability"], abs=2e-6
            )


def test_a_safetensors_bundle_loads_through_the_store_and_predicts_equal(digits, tmp_path):
    folder = tmp_path / "export"
    bundle.export(digits.subject, "safetensors", folder, digits.held)
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in facts["card"]["model"].items()}
    model = cnn.build(cnn.CNNConfig(**config)).eval()
    load_into(model, read_tensors(folder / facts["file"]), source="bundle")
    given = dataclasses.replace(digits.subject, model=model)
    for ours, theirs in zip(
        eager(given)(digits.held.pixels[:9]), eager(digits.subject)(digits.held.pixels[:9])
    ):
        assert np.array_equal(ours, theirs)


def test_no_file_names_this_machine_and_the_program_holds_no_pickle(written):
    folder, _ = written
    here = (str(folder).encode(), __file__.encode(), formats.__file__.encode(), b"site-packages")
    contents = [(folder / formats.NETWORK).read_bytes()]
    with zipfile.ZipFile(folder / formats.PROGRAM) as archive:
        contents += [archive.read(name) for name in archive.namelist()]
    for content in contents:
        assert not any(place in content for place in here)
        assert not content.startswith((b"\x80\x02", b"\x80\x04", b"PK"))


def test_a_program_with_a_pickle_inside_is_refused(untrained, tmp_path):
    subject, _ = untrained
    program = torch.export.export(AsShipped(subject).eval(), (torch.from_numpy(subject.example()),))
    torch.export.save(program, tmp_path / "theirs.pt2")  # as PyTorch does it: with its example inputs
    with pytest.raises(ValueError, match="is a pickle"):
        formats.read_own_program(tmp_path / "theirs.pt2")


def test_the_exporter_says_nothing(untrained, tmp_path, capfd):
    formats.to_onnx(untrained[0], tmp_path / "model.onnx")
    formats.to_program(untrained[0], tmp_path / "model.pt2")
    assert capfd.readouterr() == ("", "")


def test_the_bundle_says_how_it_was_checked(digits, onnx_bundle):
    folder, verified = onnx_bundle
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.onnx", "predict.py"]
    assert facts["classes"] == list(digits.subject.classes)
    assert facts["verified"]["n"] == len(digits.held.names)
    assert facts["verified"]["apart"]["difference"] <= facts["verified"]["apart"]["allowed"]
    assert facts["verified"]["passed"] and verified.apart.agrees == 1
    assert facts["versions"]["onnx"] and facts["input"]["fit"] == digits.subject.how.fit


def test_the_bundle_predicts_alone_without_glassworks_torch_or_network(digits, onnx_bundle, pictures):
    done, told = alone(onnx_bundle[0], *pictures)
    assert done.returncode == 0, done.stderr
    expected = digits.run.predict(*map(str, pictures), top=10)
    for ours, theirs in zip(expected, told, strict=True):
        assert theirs["file"] == ours["file"] and theirs["answer"] == ours["answer"]
        ours_by_class = {entry["class"]: entry["probability"] for entry in ours["answers"]}
        for entry in theirs["answers"]:
            assert entry["probability"] == pytest.approx(ours_by_class[entry["class"]], abs=1e-5)


def test_a_bad_picture_stops_no_other_and_is_told(onnx_bundle, pictures, tmp_path):
    (tmp_path / "leer.png").write_bytes(b"")
    done, told = alone(onnx_bundle[0], tmp_path / "leer.png", tmp_path / "fehlt.png", pictures[0])
    assert done.returncode == 1 and not done.stderr
    assert ["error" in row for row in told] == [True, True, False]


def test_a_damaged_bundle_is_refused_in_one_line(onnx_bundle, tmp_path, pictures):
    folder = Path(shutil.copytree(onnx_bundle[0], tmp_path / "bundle"))
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    done, told = alone(folder, pictures[0])
    assert done.returncode == 2 and told == []
    assert len(done.stderr.splitlines()) == 1 and "model.onnx is damaged" in done.stderr


def test_the_script_reads_pictures_as_glassworks_does(tmp_path):
    """Upright, on white, in colour, 16 bits, print colours: pixel by pixel the same."""
    from sklearn.datasets import load_sample_images

    from glassworks.deploy.standalone import pictures as standalone

    photo = Image.fromarray(load_sample_images().images[0])
    exif = Image.Exif()
    exif[0x0112] = 6
    clear = photo.convert("RGBA")
    clear.putalpha(photo.convert("L"))
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 251 + 190)
    photo.save(tmp_path / "turned.jpg", exif=exif)
    photo.convert("CMYK").save(tmp_path / "print.jpg")
    photo.quantize(16).save(tmp_path / "palette.png")
    clear.save(tmp_path / "clear.png")
    deep.save(tmp_path / "deep.png")
    for path in sorted(tmp_path.iterdir()):
        for how in (
            PictureInput(40, 56, 1, (0.5,), (0.5,), "crop"),
            PictureInput(40, 40, 3, (0.5,) * 3, (0.5,) * 3, "crop", "bicubic", 0.875),
            PictureInput(40, 56, 3, (0.5,) * 3, (0.5,) * 3, "stretch"),
            PictureInput(40, 56, 3, (0.5,) * 3, (0.5,) * 3, "pad", "bicubic"),
        ):
            ours = read_picture(
                path, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
            )
            theirs = standalone.pixels_of(path, {"input": dataclasses.asdict(how)})
            assert np.array_equal(theirs, ours), (path.name, how)


def test_a_bundle_does_not_tell_where_the_data_were(digits, tmp_path):
    card = digits.subject.card | {
        "command": "glassworks train cnn --data /home/ada/geheim/katzen",
        "data": digits.subject.card["data"] | {"source": "/home/ada/geheim/katzen"},
    }
    bundle.export(
        dataclasses.replace(digits.subject, card=card), "safetensors", tmp_path / "out", digits.held
    )
    text = (tmp_path / "out" / "model.json").read_text(encoding="utf-8")
    assert "ada" not in text and '"source": "katzen"' in text


def test_a_folder_that_holds_something_is_not_overwritten(digits, onnx_bundle):
    with pytest.raises(PersonError) as refused:
        bundle.export(digits.subject, "onnx", onnx_bundle[0], digits.held)
    assert refused.value.code == "file-exists"


def test_an_unknown_format_is_answered_with_a_guess(digits, tmp_path):
    with pytest.raises(PersonError, match='did you mean "onnx"') as refused:
        bundle.export(digits.subject, "onx", tmp_path / "x", digits.held)
    assert refused.value.code == "bad-value"


def test_without_the_packages_the_command_to_install_is_told(untrained, tmp_path, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "onnxscript" else find(name, *a)
    )
    with pytest.raises(PersonError, match=r"glassworks\[export\]") as refused:
        formats.to_onnx(untrained[0], tmp_path / "model.onnx")
    assert refused.value.code == "missing-extra"
