"""The workbench by its addresses: from dropped files to a model that predicts, and what it refuses."""

import asyncio
import io
import json
import shutil
import threading
import time
import zipfile

import httpx
import pytest
from starlette.applications import Starlette

import glassworks as gw
from glassworks.core.errors import PersonError
from glassworks.core.files import only_one
from glassworks.reader.desk import Desk
from glassworks.reader.studio.routes import routes
from glassworks.reader.studio.shelf import Shelf, id_of, main_figure
from glassworks.training.run_folder import CARD, LOCK
from tests.api.pictures import class_folders
from tests.runs.test_manager import until

WAIT = 180.0


class Client:
    """Requests to the workbench in this process."""

    def __init__(self, desk):
        imported = threading.Event()
        imported.set()
        self.desk, self.shelf = desk, Shelf(desk)
        self.app = Starlette(routes=routes(desk, imported))

    def __call__(self, method, path, **given):
        async def play():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", timeout=WAIT
            ) as client:
                return await client.request(method, f"/api/studio{path}", **given)

        return asyncio.run(play())

    def get(self, path):
        return self.told(self("GET", path))

    def post(self, path, said=None):
        return self.told(self("POST", path, json=said or {}))

    def told(self, reply):
        assert reply.status_code == 200, reply.text
        return reply.json()

    def refused(self, method, path, status=400, **given):
        reply = self(method, path, **given)
        assert reply.status_code == status, reply.text
        return reply.json()["code"] if status == 400 else reply.text

    def until(self, id, happened):
        end = time.monotonic() + WAIT
        while not happened(found := self.get(f"/runs/{id}")):
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("mein Ordner ü")


@pytest.fixture(scope="module")
def pictures(place):
    return class_folders(place / "bilder", count=14)


@pytest.fixture
def client(place, monkeypatch):
    monkeypatch.chdir(place)
    client = Client(Desk(place / "desk"))
    yield client
    client.desk.close()


def asked(data, **more):
    return {"data": str(data), "system": "cnn", "size": "tiny", "epochs": "2", "seed": "0"} | more


@pytest.fixture(scope="module")
def done(place, pictures):
    """A run of the command line."""
    out = place / "runs" / "von der Zeile"
    return gw.train("cnn", data=str(pictures), out=str(out), size="tiny", epochs=2, threads=1, quiet=True)


def test_from_dropped_files_to_a_model_that_predicts_elsewhere(client, pictures, tmp_path):
    id = client.told(client("POST", "/drops?name=bilder"))["id"]
    files = sorted(path for path in pictures.rglob("*.*"))
    for path in files:
        name = f"bilder/{path.relative_to(pictures).as_posix()}"
        assert (
            client("PUT", f"/drops/{id}", params={"name": name}, content=path.read_bytes()).status_code == 204
        )
    where = client.get(f"/drops/{id}")["where"]
    seen = client.post("/look", {"data": where})
    assert seen["ok"] and seen["sees"] == "pictures" and {"cnn", "vit"} <= set(seen["fits"])
    assert "grün" in seen["html"] and "lstm" not in seen["fits"]
    line = client.post("/command", asked(where))["command"]
    assert line.startswith("glassworks train cnn --data") and "--epochs 2" in line

    run = client.post("/train", asked(where, name="meine Farben"))["id"]
    found = client.until(run, lambda found: found["run"]["state"] == "done" and not found["live"])
    assert "<svg" in found["drawn"] and "validation examples" in found["worth"] and found["run"]["figure"]
    assert (client.shelf.root / "meine Farben" / CARD).is_file()
    assert any("glassworks serve" in line for line in found["commands"])

    client.post(f"/runs/{run}/judge")
    found = client.until(run, lambda found: found["report"] and not found["live"])
    assert "test examples" in found["worth"]
    report = client("GET", f"/runs/{run}/files/report.html")
    assert report.status_code == 200 and "<html" in report.text

    picture = files[0].read_bytes()
    answer = client.told(client("POST", f"/runs/{run}/ask", params={"name": files[0].name}, content=picture))
    assert "The model says" in answer["html"] and "The model says" in answer["spoken"]
    drawn = client.told(
        client("POST", f"/runs/{run}/inside", params={"name": files[0].name}, content=picture)
    )
    first = drawn["drawings"][0]["file"].removeprefix("/api/studio")
    assert client("GET", first).headers["content-type"] == "image/png"
    assert client("GET", drawn["page"].removeprefix("/api/studio")).status_code == 200

    packed = client("GET", f"/runs/{run}/model.zip")
    zipfile.ZipFile(io.BytesIO(packed.content)).extractall(tmp_path)
    row = gw.load(tmp_path / "my-model").predict(str(files[0]))[0]
    assert row["answer"] in ("rot", "grün") and row["answer"] in answer["spoken"]
    assert "desk" not in (tmp_path / "my-model" / "recipe.yaml").read_text(encoding="utf-8")

    assert client.refused("GET", f"/runs/{run}/export.zip") == "not-exported"
    client.post(f"/runs/{run}/export")
    client.until(run, lambda found: found["exported"] and not found["live"])
    files = zipfile.ZipFile(io.BytesIO(client("GET", f"/runs/{run}/export.zip").content)).namelist()
    assert "meine Farben/onnx/model.onnx" in files and "meine Farben/safetensors/model.safetensors" in files


def test_a_stopped_run_goes_on_from_the_command_line_and_from_here(client, pictures):
    """Begun on the page and stopped; the command line ends it, and the page sees that it is done."""
    run = client.post("/train", asked(pictures, epochs="4000", name="lang"))["id"]
    client.until(run, lambda found: found["progress"])
    assert client.get(f"/runs/{run}")["run"]["state"] == "running"
    client.post(f"/runs/{run}/stop")
    found = client.until(run, lambda found: found["run"]["state"] == "stopped")
    assert found["commands"][0].startswith("glassworks train --resume")
    client.post(f"/runs/{run}/resume")
    client.until(run, lambda found: found["run"]["state"] == "running" and found["progress"])
    client.post(f"/runs/{run}/stop")
    client.until(run, lambda found: found["run"]["state"] == "stopped")
    recipe = client.shelf.root / "lang" / "recipe.yaml"
    recipe.write_text(
        recipe.read_text(encoding="utf-8").replace("epochs: 4000", "epochs: 3"), encoding="utf-8"
    )
    for checkpoint in (client.shelf.root / "lang" / "checkpoints").iterdir():
        shutil.rmtree(checkpoint)  # it began with other epochs
    gw.train(resume=str(client.shelf.root / "lang"), quiet=True)
    assert client.get(f"/runs/{run}")["run"]["state"] == "done"


def test_runs_of_the_command_line_stand_on_the_shelf(client, done):
    (row,) = [row for row in client.get("/runs")["runs"] if row["name"] == "von der Zeile"]
    assert row["state"] == "done" and row["system"] == "cnn" and row["figure"].startswith("accuracy")
    found = client.get(f"/runs/{row['id']}")
    assert "<svg" in found["drawn"] and "nearest neighbour" in found["worth"]
    assert row["id"] in [one["id"] for one in client.get("/start")["runs"]]


def test_a_run_that_another_process_trains_can_be_watched_but_not_stopped(client, done, place):
    copy = shutil.copytree(done.path, place / "runs" / "anderswo")
    (copy / CARD).unlink()
    id = id_of(copy)
    with only_one(copy / LOCK, "a run"):
        assert client.get(f"/runs/{id}")["run"]["state"] == "elsewhere"
        assert client.refused("POST", f"/runs/{id}/stop") == "not-ours"
        assert client.refused("POST", f"/runs/{id}/resume") == "not-resumable"
    assert client.get(f"/runs/{id}")["run"]["state"] == "stopped"
    assert client.refused("POST", f"/runs/{id}/judge") == "not-done"
    assert client.refused("GET", f"/runs/{id}/model.zip") == "not-done"
    client.post(f"/runs/{id}/resume")
    client.until(id, lambda found: found["run"]["state"] == "done" and not found["live"])


def test_a_damaged_folder_hides_no_other_run(client, done, place):
    for name, text in (("kaputt", "{"), ("leer", ""), ("liste", "- a\n- b\n")):
        (place / "runs" / name).mkdir(exist_ok=True)
        (place / "runs" / name / "recipe.yaml").write_text(text, encoding="utf-8")
    names = [row["name"] for row in client.get("/runs")["runs"]]
    assert "von der Zeile" in names and not {"kaputt", "leer", "liste"} & set(names)


def test_texts_and_series_are_asked_in_their_own_way(client, place):
    from tests.api.reviews import reviews

    texts, labels = reviews(120)
    rows = [f"{text},{('bad', 'good')[label]}" for text, label in zip(texts, labels, strict=True)]
    table = place / "reviews.csv"
    table.write_text("text,label\n" + "\n".join(text.replace(",", " ", text.count(",") - 1) for text in rows))
    seen = client.post("/look", {"data": str(table)})
    assert seen["sees"] == "texts" and "sentiment" in seen["fits"]
    run = client.post("/train", asked(table, system="sentiment"))["id"]
    found = client.until(run, lambda found: found["run"]["state"] == "done" and not found["live"])
    assert found["sees"] == "texts"
    answer = client.told(client("POST", f"/runs/{run}/ask", content=b"the film is warm"))
    assert "→" in answer["html"] and answer["spoken"] in ("bad", "good")
    secret = client.told(client("POST", f"/runs/{run}/ask", content=str(table).encode()))
    assert "film" not in secret["html"]  # a typed path is a text, and no file is read
    drawn = client.told(client("POST", f"/runs/{run}/inside", content=b"the film is not warm"))
    assert "Integrated gradients" in client("GET", drawn["page"].removeprefix("/api/studio")).text


@pytest.mark.parametrize(
    ("path", "said", "code"),
    [
        ("/look", {}, "no-data"),
        ("/train", {"data": "nowhere"}, "no-system"),
        ("/train", {"data": "x", "system": "cnn", "epochs": "many"}, "bad-value"),
        ("/train", {"data": {"a": 1}, "system": 3}, "unknown-system"),
        ("/train", {"data": "x", "system": "cnn", "name": "/.."}, "class-name"),
        ("/train", {"data": "x", "system": "cnn", "name": "von der Zeile"}, "run-exists"),
    ],
)
def test_mistakes_are_told_with_what_to_do(client, done, path, said, code):
    assert client.refused("POST", path, json=said) == code


def test_a_run_that_cannot_begin_says_why_and_stays_on_the_shelf(client):
    run = client.post("/train", asked("nirgends", name="vergebens"))["id"]
    found = client.until(run, lambda found: found["run"]["state"] == "failed")
    assert "nirgends" in found["ending"] and found["run"]["name"] == "vergebens"


def test_only_a_page_s_own_files_of_a_run_are_shown(client, done):
    id = id_of(done.path)
    for name in (
        "model.safetensors",
        "../../desk/progress.json",
        "explain/../model.safetensors",
        "explain/%2e%2e/model.safetensors",
        "%2e%2e/%2e%2e/desk/progress.json",
        "",
    ):
        assert client("GET", f"/runs/{id}/files/{name}").status_code == 404, name
    assert client("GET", f"/runs/{id}/files/card.md").headers["content-type"].startswith("text/plain")
    assert client.refused("GET", "/runs/0000000000000000") == "no-such-run"
    assert client.refused("GET", "/folders?path=/nowhere/at/all") == "no-such-folder"


def test_folders_show_what_could_be_data(client, place, pictures):
    found = client.get(f"/folders?path={place}")
    kinds = {row["name"]: row["kind"] for row in found["entries"]}
    assert kinds["bilder"] == "folder" and found["parent"] == str(place.parent)
    assert "progress.json" not in kinds and client.get("/folders")["path"] == str(place)


def test_a_book_that_was_opened_for_others_trains_nothing(place, monkeypatch):
    monkeypatch.chdir(place)
    closed = Client(Desk(place / "other desk", code=False))
    for method, path in (("GET", "/start"), ("GET", "/folders"), ("POST", "/drops"), ("PUT", "/drops/x"),
                         ("POST", "/train"), ("POST", "/runs/x/ask"), ("GET", "/runs/x/files/report.html"),
                         ("GET", "/runs/x/model.zip")):  # fmt: skip
        assert closed.refused(method, path, status=403)
    assert not (place / "other desk").exists()


def test_a_body_that_is_no_json_or_too_large_is_refused(client):
    assert client("POST", "/look", content=b"{").status_code == 400
    assert client("POST", "/look", content=b"[1]").status_code == 400
    big = client("POST", "/runs/x/ask", content=b"1", headers={"content-length": str(10**9)})
    assert big.status_code == 413


def test_two_trainings_wait_in_one_queue(client, pictures):
    first, second = (client.post("/train", asked(pictures, epochs="4000", name=name))["id"] for name in "ab")
    client.until(first, lambda found: found["run"]["state"] == "running")
    found = client.get(f"/runs/{second}")
    assert found["run"]["state"] == "waiting" and found["place"] == 1
    client.post(f"/runs/{second}/stop")
    client.post(f"/runs/{first}/stop")
    client.until(first, lambda found: found["run"]["state"] == "stopped")
    assert until(lambda: not client.desk.runs.running()) and json.dumps(found)


def test_a_run_is_told_by_the_figure_that_decides():
    found = {"value": 0.5, "low": None, "high": None, "n": 9}
    cases = (
        ("label", ("auroc", "accuracy"), "accuracy 50.0 %"),
        ("number", ("rmse", "mae"), "error"),
        ("forecast", ("mase", "mae"), "MASE"),
        ("label", (), ""),
    )
    for kind, names, told in cases:
        said = main_figure({"kind": kind, "metrics": dict.fromkeys(names, found)})
        assert (told in said) if told else said == ""


def test_a_name_of_a_run_is_one_folder_below_the_runs(client, done):
    from glassworks.reader.studio.looking import request_of

    for name, expected in (("a/b", "a-b"), ("x" * 60, "x" * 60)):
        _, request = request_of(asked("sample:digits", name=name), client.shelf)
        assert request.out == str(client.shelf.root / expected)
    with pytest.raises(PersonError):
        request_of(asked("sample:digits", name="y" * 61), client.shelf)
    verb, request = request_of(asked("sample:digits", system="efficientnet", pretrained=True), client.shelf)
    assert verb == "finetune" and request.out.endswith("efficientnet-sample-digits-1")
