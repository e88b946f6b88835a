"""A real small CNN as a service, and a real server of it in a process of its own.

python -m tests.deploy.serving '{"port": 0, "engine": "slow"}'  ->  one line with the address
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from glassworks.deploy.listen import serve
from glassworks.deploy.server import Settings
from glassworks.deploy.service import Service, pixels_from_bytes
from glassworks.models.vision.cnn import VARIANTS, CNNConfig, build

ROOT = Path(__file__).parents[2]
PATHS = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
SIDE = 32
NAMES = [f"class {number}" for number in range(10)]
POISON = 251  # a picture whose first pixel is this bright makes the engine fail


def model(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return build(CNNConfig(height=SIDE, width=SIDE, channels=3, classes=10, **VARIANTS["four-layer"])).eval()


def service(kind: str = "plain", seconds: float = 0.05) -> Service:
    """kind: what the engine does besides computing: slow, hang, die, no-warm-up, nan."""
    network = model()
    calls = [0]

    @torch.inference_mode()
    def engine(pixels: np.ndarray) -> np.ndarray:
        calls[0] += 1
        marked = pixels[:, 0, 0, 0] == POISON
        if kind == "no-warm-up":
            raise RuntimeError("weights at /secret/place 0xdeadbeef")
        if kind == "slow":
            time.sleep(seconds)
        if marked.any() and kind == "hang":
            time.sleep(3600)
        if marked.any() and kind == "die":
            raise SystemExit("the thread ends")
        if marked.any() and kind == "crash":
            os._exit(139)
        if marked.any():
            raise RuntimeError("poison at /secret/place 0xdeadbeef")
        pictures = torch.tensor(pixels).permute(0, 3, 1, 2).float() / 255
        return network(pictures).softmax(1).numpy()

    def words(row: np.ndarray) -> dict:
        order = np.argsort(-row)
        answers = [{"class": NAMES[place], "probability": float(row[place])} for place in order]
        return {"answers": answers, "unlike": bool(row.max() < 0.05)}

    def explain(body: bytes) -> dict:
        return {"overlay": "data:image/png;base64,aGVhdA==", "caption": f"{len(body)} bytes looked at"}

    about = {"system": "cnn", "kind": "classes", "classes": NAMES, "input": f"{SIDE}x{SIDE} colour",
             "figures": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 200}}}  # fmt: skip
    made = Service("small cnn", about, decode, engine, words, explain)
    object.__setattr__(made, "calls", calls)
    return made


def decode(body: bytes) -> np.ndarray:
    return pixels_from_bytes(body, SIDE, SIDE, 3)


def picture(seed: int = 0, side: int = SIDE, kind: str = "JPEG", first: int | None = None) -> bytes:
    """A random picture's bytes; first: brightness of its first pixel (a format without loss)."""
    pixels = np.random.default_rng(seed).integers(0, 250, (side, side, 3), dtype=np.uint8)
    if first is not None:
        pixels[0, 0] = first
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def form(bodies: list[bytes], field: str = "file") -> tuple[bytes, str]:
    """A multipart body and its Content-Type."""
    parts = [
        f'--xyz\r\nContent-Disposition: form-data; name="{field}"; filename="p.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + body
        + b"\r\n"
        for body in bodies
    ]
    return b"".join(parts) + b"--xyz--\r\n", "multipart/form-data; boundary=xyz"


@contextlib.contextmanager
def running(kind: str = "plain", seconds: float = 0.05, **settings):
    """A server in its own process: yields (address, process); ended afterwards."""
    words = json.dumps({"kind": kind, "seconds": seconds, "settings": {"port": 0} | settings})
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": PATHS}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.deploy.serving", words], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        assert "http://" in line, process.stderr.read()
        yield next(word for word in line.split() if word.startswith("http://")), process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def stop(process: subprocess.Popen, number: int = signal.SIGTERM, within: float = 20.0) -> int:
    process.send_signal(number)
    return process.wait(within)


if __name__ == "__main__":
    torch.set_num_threads(1)
    given = json.loads(sys.argv[1])
    assert threading.current_thread() is threading.main_thread()
    sys.exit(serve(service(given["kind"], given["seconds"]), Settings(**given["settings"])))
