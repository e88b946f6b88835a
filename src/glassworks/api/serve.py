"""A run over HTTP: the engine that is fastest here, the card's facts, and the server around them."""

import io
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glassworks.api.explain import drawings_for
from glassworks.api.export import calibration_of, stand_ins, subject_of
from glassworks.api.families import family_of, require
from glassworks.api.predict import in_words
from glassworks.api.requests import ServeRequest
from glassworks.api.run import Run, load
from glassworks.core.errors import PersonError
from glassworks.core.page import picture_uri
from glassworks.deploy.engines import Engine, candidates, choose
from glassworks.deploy.listen import bind, check_exposure
from glassworks.deploy.listen import serve as listen
from glassworks.deploy.server import Settings
from glassworks.deploy.service import Service, image_from_bytes, pixels_from_bytes
from glassworks.deploy.subject import Subject, need
from glassworks.insight import unfamiliar

KEY = "GLASSWORKS_KEY"  # environment variable: a secret on a command line can be read by others
SMALL = 4  # pictures up to which a batch counts as small
ENGINES = {"eager": "eager", "bf16": "eager bf16", "onnx": "onnxruntime"}
LARGEST = 1024  # pixels of the longer side of an overlay that is sent


def serve(run: str | Path, **options: Any) -> int:
    """Serve a run until the process is asked to stop.

    The keywords are the options of `glassworks serve --help`.
    Returns the exit code: 130 after Ctrl-C, 143 after SIGTERM, 1 after a failure.
    """
    return serve_request(ServeRequest(run=str(run), **options))


def serve_request(request: ServeRequest) -> int:
    """The same, from a whole request."""
    settings = settings_of(request)
    need("serve", "fastapi", "uvicorn")  # what can be told at once is told before anything is measured
    check_exposure(settings)
    bind(settings.host, settings.port).close()
    run = load(request.run, device="cpu")
    require("serve", run.recipe.system)
    with tempfile.TemporaryDirectory(prefix="glassworks-") as folder:
        print("measuring which engine is fastest here", flush=True)
        service = service_of(run, request, Path(folder))
        print(f"engine {service.about['engine']}", flush=True)
        return listen(service, settings)


def load_test_request(request: ServeRequest) -> dict[str, Any]:
    """Serve in a process of its own, and measure it: capacity, then ten times as much."""
    from glassworks.api.load_test import measured

    return measured(request)


def settings_of(request: ServeRequest) -> Settings:
    return Settings(
        host=request.host,
        port=request.port,
        key=request.key or os.environ.get(KEY) or None,
        queue=request.queue,
        most=request.batch,
        deadline=request.deadline,
        body_limit=round(request.body_limit * 1e6),
    )


def service_of(run: Run, request: ServeRequest, folder: Path) -> Service:
    """What the server knows of a run. folder: for the files of the engines, as long as they are used."""
    family = family_of(run.recipe.system)
    if (own := getattr(family, "service", None)) is not None:
        return own(run, request, folder)  # what sees no pictures has a way of its own
    return service_of_pictures(run, request, folder)


def service_of_pictures(run: Run, request: ServeRequest, folder: Path) -> Service:
    """The same, for a run that sees pictures."""
    subject = subject_of(run)
    how = run.input
    small, large, why = engines_for(run, subject, request.engine, request.batch, folder)
    explaining = threading.Lock()  # hooks on a model serve one picture at a time

    def engine(pixels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        answers, features = (small if len(pixels) <= SMALL else large)(pixels)
        return list(zip(answers, features, strict=True))

    def words(row: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
        answers, features = row
        far = unfamiliar.score(run.familiar, features[None])[0] if run.familiar else None
        return in_words(run, answers.astype(np.float64), far)

    def explain(body: bytes) -> dict[str, Any]:
        image = image_from_bytes(body)
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.BICUBIC)
        with explaining:
            drawing = drawings_for(run, np.asarray(image), decoded(body))[0]
        return {"overlay": picture_uri(drawing.picture, LARGEST)[0], "caption": drawing.caption}

    def decoded(body: bytes) -> np.ndarray:
        return pixels_from_bytes(
            body, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
        )

    return Service(
        name=f"{run.recipe.system} {run.recipe.variant}",
        about=about(run, why),
        decode=decoded,
        engine=engine,
        words=words,
        explain=explain if has_maps(run) else None,
    )


def engines_for(
    run: Run, subject: Subject, wanted: str, most: int, folder: Path
) -> tuple[Callable, Callable, str]:
    """(engine for small batches, for large ones, why) on this machine."""
    calibration = calibration_of(run, subject) if wanted == "int8" else pictures_for(run, subject)
    found = candidates(subject, folder, calibration, int8=wanted == "int8")
    if wanted in ENGINES:
        if ENGINES[wanted] not in found:
            need("export", "onnx", "onnxscript", "onnxruntime")
        chosen: Engine = found[ENGINES[wanted]]
        return chosen, chosen, f"{chosen.name}: asked for"
    if wanted == "int8":
        need("export", "onnx", "onnxscript", "onnxruntime")
        found = _eight_bits(found)
    one, many = (choose(found, calibration, batch, seconds=1.0) for batch in (1, most))
    if one.engine.name == many.engine.name:
        return one.engine, many.engine, one.reason
    return one.engine, many.engine, f"single pictures: {one.reason}; batches: {many.reason}"


def pictures_for(run: Run, subject: Subject) -> np.ndarray:
    """Pixels to time the engines with. A run may be served far from the pictures that it learned from."""
    try:
        return calibration_of(run, subject)
    except PersonError:
        return stand_ins(subject)


def _eight_bits(found: dict[str, Engine]) -> dict[str, Engine]:
    """The engines in eight bits that answer rightly. Raises PersonError when none does."""
    eight = {name: engine for name, engine in found.items() if "int8" in name}
    good = {name: engine for name, engine in eight.items() if not engine.left_out()}
    if good:
        return good | {"eager": found["eager"]}
    reasons = "; ".join(f"{name}: {engine.left_out()}" for name, engine in eight.items())
    raise PersonError(
        "engine-refused", expected="int8 that answers like the live model", got=reasons or "none was made",
        fix="leave --engine out: it takes the fastest that agrees",
    )  # fmt: skip


def about(run: Run, why: str) -> dict[str, Any]:
    """Public facts of a run that sees pictures."""
    how = run.input
    return facts_of(run, why) | {
        "input": {"height": how.height, "width": how.width, "channels": how.channels}
    }


def facts_of(run: Run, why: str) -> dict[str, Any]:
    """Public facts of any run: no path, no command, nothing of the data but its classes."""
    card, seen = run.card, run.recipe.input.things
    judged = card.get("judged", {}).get("part")
    origin = card.get("started_from") or {}
    facts = {
        "system": run.recipe.system,
        "variant": run.recipe.variant,
        "parameters": card["parameters"],
        "kind": card["kind"],
        "classes": list(run.classes),
        "figures": card["metrics"],
        "judged": {"val": f"on validation {seen}", "test": f"on test {seen}"}.get(str(judged), ""),
        "engine": why,
    }
    return facts | ({"started_from": origin["model"]} if "model" in origin else {})


def has_maps(run: Run) -> bool:
    """Whether there is something to colour: a model without maps has no Grad-CAM."""
    from glassworks.insight.record import last_maps

    try:
        return bool(last_maps(run.model))
    except PersonError:
        return False


def sample_of(run: Run) -> tuple[bytes, str]:
    """A body for a load test and its Content-Type."""
    if getattr(family_of(run.recipe.system), "service", None) is None:
        return _sample_picture(run), "image/jpeg"
    request = ServeRequest(run=str(run.path), engine="eager")
    with tempfile.TemporaryDirectory(prefix="glassworks-") as folder:
        door = service_of(run, request, Path(folder)).door
    return door.sample(), door.kind


def _sample_picture(run: Run) -> bytes:
    """A JPEG of the model's size."""
    pixels = pictures_for(run, subject_of(run))[0]
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
