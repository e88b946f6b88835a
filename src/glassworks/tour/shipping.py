"""The tour's last part: look inside the model, write it as a file that runs elsewhere, ask it over HTTP."""

import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

from glassworks.api.explain import explain
from glassworks.api.export import export
from glassworks.core.page import Page
from glassworks.tour.parts import say
from glassworks.tour.transfer import NAMES, PRETRAINED

PATIENCE = 90.0  # seconds until the server is given up


def inside(folder: Path, page: Page) -> dict:
    """Three explanations of what the published model made of a photograph."""
    say("10. What did it look at?")
    path = folder / f"{NAMES[0]}.jpg"
    row = explain(
        PRETRAINED, path, methods=("grad-cam", "occlusion", "activations"), out=str(folder / "inside")
    )[0]
    page.section("11. What did it look at?").code(f"glassworks explain {PRETRAINED} {path}")
    page.text("Three ways to look inside. None of them is proof; together they tell when to be suspicious.")
    page.figures(
        [(np.asarray(Image.open(d["picture"])), d["caption"]) for d in row["drawings"]], side=480
    )  # fmt: skip
    for drawing in row["drawings"]:
        print(drawing["caption"].split(":")[0])
    return {"name": "explanations", "drawings": [drawing["name"] for drawing in row["drawings"]]}


def ship(folder: Path, page: Page) -> dict:
    """ONNX with its check, and one question over HTTP."""
    say("11. A file that runs without Glassworks")
    run = folder / "tuned"
    done = export(run, to="onnx")
    checked = done["formats"]["onnx"]["verified"]
    page.section("12. A file that runs without Glassworks").code(f"glassworks export {run} --to onnx")
    page.text(
        "The ONNX file takes pixels and gives probabilities; onnxruntime alone runs it. It was compared with "
        f"the live model on {checked['n']} pictures that neither has learned from: {checked['reason']}."
    )
    head, *rows = done["tables"]["onnx"]
    page.table(head, rows)
    print(checked["reason"])
    say("12. One question over HTTP")
    picture = sorted((folder / "photos").rglob("*.png"))[0]
    answer = asked_over_http(run, picture)
    page.section("13. One question over HTTP").code(
        f"glassworks serve {run}\ncurl -F file=@{picture} http://127.0.0.1:8000/predict"
    )
    page.text(
        "The server measures which engine is fastest here, waits until a real picture went through, answers "
        "programs at /predict and people on a page where they drop a picture, and refuses early what is too "
        "much."
    )
    page.code(json.dumps(answer, indent=1, ensure_ascii=False))
    said = answer["predictions"][0]
    print(f"{picture.name}: {said['answer']} ({said['answers'][0]['probability']:.0%})")
    return {"name": "shipped", "difference": checked["apart"]["difference"], "answer": said["answer"]}


def asked_over_http(run: Path, picture: Path) -> dict:
    """Start a server of a run on a free port, ask it about one picture, and stop it."""
    server = subprocess.Popen(
        [sys.executable, "-m", "glassworks", "serve", str(run), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    watch = threading.Timer(PATIENCE, server.kill)  # reading a line below would otherwise wait for ever
    watch.start()
    try:
        assert server.stdout is not None
        address = next(line.split(" at ")[1].split()[0] for line in server.stdout if " at http" in line)
        request = urllib.request.Request(
            f"{address}/predict", data=picture.read_bytes(), headers={"Content-Type": "image/png"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)
    finally:
        watch.cancel()
        server.terminate()
        server.wait()
