"""Row 15: our server against a plain FastAPI handler, and our server under ten times its capacity.

The same four-layer CNN, the same JPEG, the same torch calls, one thread each. The plain handlers run the
model once a request: `async def` in the event loop, `def` in FastAPI's thread pool. Each server has its own
process and so has the load generator, which keeps 64 connections busy over bare sockets; all share the
machine's cores, and the table says how much of a core the generator took. Sides alternate.

python benchmarks/server.py [--quick] [--seconds 8] [--rounds 5] [--flood 30]
"""

import argparse
import contextlib
import importlib.util
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from common import ALONE, Spread, arguments, in_own_process, one_thread, ratios, report

SIDES = (32, 64)
WIDE = 64  # the flood's CNN: 64 to 512 filters on 64 pixels cost about as much as a ResNet-18 on 96
KINDS = ("ours", "async def", "def")
CLASSES = [f"class {number}" for number in range(10)]
CONNECTIONS, QUEUE, MOST = 64, 64, 32


def network(side: int, wide: bool) -> Any:
    import torch

    from glassworks.models.vision.cnn import VARIANTS, CNNConfig, build

    one_thread()
    torch.manual_seed(0)
    variant = VARIANTS["four-layer"] | ({"widths": (64, 128, 256, 512)} if wide else {})
    return build(CNNConfig(height=side, width=side, channels=3, classes=10, **variant)).eval()


def picture(side: int) -> bytes:
    """A JPEG of soft noise, of a photograph's size in bytes."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def functions(side: int, wide: bool = False) -> tuple[Any, Any, Any]:
    """(decode, engine, words), the same for all servers."""
    import torch

    from glassworks.deploy.service import pixels_from_bytes

    model = network(side, wide)

    @torch.inference_mode()
    def engine(pixels: np.ndarray) -> np.ndarray:
        pictures = torch.tensor(pixels).permute(0, 3, 1, 2).float() / 255
        return model(pictures).softmax(1).numpy()

    def words(row: np.ndarray) -> dict[str, Any]:
        order = np.argsort(-row)
        return {"answers": [{"class": CLASSES[place], "probability": float(row[place])} for place in order]}

    return lambda body: pixels_from_bytes(body, side, side, 3), engine, words


def serve_ours(side: int, wide: bool) -> None:
    from glassworks.deploy.listen import serve
    from glassworks.deploy.server import Settings
    from glassworks.deploy.service import Service

    decode, engine, words = functions(side, wide)
    settings = Settings(port=0, queue=QUEUE, most=MOST)
    sys.exit(serve(Service("four-layer CNN", {}, decode, engine, words), settings))


def serve_plain(side: int, kind: str) -> None:
    """What a tutorial writes: decode, forward, answer, one request at a time."""
    import uvicorn
    from fastapi import Body, FastAPI, Request

    decode, engine, words = functions(side)
    app = FastAPI()

    def answer(body: bytes) -> dict[str, Any]:
        return words(engine(decode(body)[None])[0])

    if kind == "async def":

        @app.post("/predict")
        async def predict(request: Request) -> dict[str, Any]:
            return answer(await request.body())

    else:

        @app.post("/predict")
        def predict_in_pool(body: bytes = Body(media_type="image/jpeg")) -> dict[str, Any]:
            return answer(body)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "live"}

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    print(f"at http://127.0.0.1:{port}", flush=True)
    uvicorn.run(app, port=port, log_level="critical", access_log=False)


@contextlib.contextmanager
def server(kind: str, side: int, wide: bool = False) -> Iterator[tuple[str, int]]:
    """A server in its own process: (address, process id)."""
    flags = ["--serve", kind, "--side", str(side), *(["--wide"] if wide else [])]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, *flags],
        stdout=subprocess.PIPE, text=True, env=os.environ | ALONE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http"))
        for _ in range(200):
            with contextlib.suppress(OSError), urllib.request.urlopen(url + "/health", timeout=5):
                break
            time.sleep(0.05)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


def processor(pid: int) -> float:
    """Processor seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Resident memory in MB (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def generate(what: str, url: str, side: int, seconds: float, **more: float) -> dict[str, Any]:
    """The load generator in its own process; what: "load" or "overload"."""
    flags = [word for name, value in more.items() for word in (f"--{name}", str(value))]
    return in_own_process("server.py", "--generate", what, "--url", url, "--side", str(side),
                          "--seconds", str(seconds), *flags, environment=ALONE)  # fmt: skip


def compare(side: int, seconds: float, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """All servers up at once, loaded in turn."""
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    with contextlib.ExitStack() as stack:
        running = {kind: stack.enter_context(server(kind, side)) for kind in KINDS}
        for url, _ in running.values():
            generate("load", url, side, 1.0)
        for _ in range(rounds):
            for kind, (url, pid) in running.items():
                before = processor(pid)
                one = generate("load", url, side, seconds)
                one["processor_ms"] = 1000 * (processor(pid) - before) / max(1, one["served"])
                found[kind].append(one)
        found["quiet"] = [quiet_p99(running["ours"][0], side, seconds)]
    return found


def _meters(url: str) -> dict[str, float]:
    text = urllib.request.urlopen(url + "/metrics").read().decode()
    lines = [line.split() for line in text.splitlines() if line.startswith("glassworks_batch")]
    return {name: float(value) for name, value in lines}


def _batch_facts(url: str, before: dict[str, float]) -> dict[str, float]:
    """Pictures and seconds of a batch since the meters were read before."""
    meters = {name: value - before.get(name, 0.0) for name, value in _meters(url).items()}
    batches = max(1.0, meters["glassworks_batch_items_count"])
    return {"items_a_batch": meters["glassworks_batch_items_sum"] / batches,
            "seconds_a_batch": meters["glassworks_batch_seconds_sum"] / batches}  # fmt: skip


def quiet_p99(url: str, side: int, seconds: float) -> dict[str, float]:
    """p99 with as many clients as a batch holds: each waits for the batch that runs, then for its own."""
    before = _meters(url)
    one = generate("load", url, side, seconds, connections=MOST)
    told = _batch_facts(url, before)
    return told | {"p99": one["p99"], "p99_in_batch_times": one["p99"] / told["seconds_a_batch"]}


def flood(side: int, seconds: float, wide: bool) -> dict[str, Any]:
    """Ten times the capacity, with the memory before and after."""
    with server("ours", side, wide) as (url, pid):
        generate("load", url, side, 2.0)
        memory, before = resident(pid), _meters(url)
        told = generate("overload", url, side, seconds)
        return told | {"memory_growth_mb": resident(pid) - memory} | _batch_facts(url, before)


def flood_row(name: str, side: int, told: dict[str, Any]) -> list[str]:
    over = told["overload"]
    return [f"{side} x {side}", f"{name}, {over['sent_per_second']:.0f} requests/s offered",
            f"{over['served_per_second']:.0f}", f"{100 * told['served_share']:.0f} % of its capacity",
            f"{1000 * (over['p99'] or 0):.0f}; 429 {1000 * (over['refused_p99'] or 0):.0f}; "
            f"/health {1000 * (over['health_p99'] or 0):.0f}",
            f"memory {told['memory_growth_mb']:+.1f} MB",
            f"{over['generator_processor_seconds'] / over['seconds']:.2f}"]  # fmt: skip


def main(given: argparse.Namespace) -> None:
    seconds, rounds = (1.5, 1) if given.quick else (given.seconds, given.rounds)
    rows: list[list[str]] = []
    facts: dict[str, Any] = {"connections": CONNECTIONS, "queue": QUEUE, "most": MOST,
                       "httptools": importlib.util.find_spec("httptools") is not None}  # fmt: skip
    for side in SIDES:
        found = compare(side, seconds, rounds)
        rate = {kind: [one["served_per_second"] for one in found[kind]] for kind in KINDS}
        for kind in KINDS:
            runs = found[kind]
            generator = [one["generator_processor_seconds"] / one["seconds"] for one in runs]
            rows.append([
                f"{side} x {side}", kind, str(Spread.of(rate[kind])), str(ratios(rate["ours"], rate[kind])),
                f"{1000 * Spread.of([one['p99'] for one in runs]).median:.0f}",
                f"{Spread.of([one['processor_ms'] for one in runs]).median:.2f}",
                f"{Spread.of(generator).median:.2f}",
            ])  # fmt: skip
        facts[f"{side}"] = found
        quiet = found["quiet"][0]
        times, batch = quiet["p99_in_batch_times"], 1000 * quiet["seconds_a_batch"]
        print(f"{side}, {MOST} clients: p99 is {times:.1f} batch times of {batch:.1f} ms")
    for name, side, wide in (("ours", SIDES[0], False), ("ours, wide CNN", WIDE, True)):
        told = facts[f"flood, {name}"] = flood(side, 6.0 if given.quick else given.flood, wide)
        rows.append(flood_row(name, side, told))
    head = [
        "picture",
        "server",
        "requests/s",
        "ours against it",
        "p99 ms",
        "processor ms a request",
        "generator, cores",
    ]
    report("server", head, rows, facts, quick=given.quick)


if __name__ == "__main__":
    flags: dict[str, dict[str, Any]] = {
        "seconds": {"type": float, "default": 8.0}, "rounds": {"type": int, "default": 5},
        "flood": {"type": float, "default": 30.0}, "side": {"type": int, "default": 32},
        "serve": {"choices": KINDS}, "generate": {"choices": ("load", "overload")}, "url": {},
        "wide": {"action": "store_true"},
        "connections": {"type": float, "default": CONNECTIONS},
    }  # fmt: skip
    given = arguments(__doc__ or "", **flags)
    if given.serve == "ours":
        serve_ours(given.side, given.wide)
    elif given.serve:
        serve_plain(given.side, given.serve)
    elif given.generate:
        from glassworks.deploy import loadtest

        how = {"connections": int(given.connections)} if given.generate == "load" else {}
        told = getattr(loadtest, given.generate)(given.url, given.seconds, picture(given.side), **how)
        print(json.dumps(told))
    else:
        main(given)
