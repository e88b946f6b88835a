"""A folder to hand over: the file, what it means, how it was checked, and a way to use it.

    model.onnx (or model.safetensors, model.pt2)   the model
    model.json                                     classes, input, threshold, digest, figures of the check
    predict.py                                     ONNX only: predicts with numpy, Pillow and onnxruntime

The folder is made aside, checked there on held-out pictures, and takes its name only when the check has
passed; a refused file leaves nothing behind. The first thing to change: what else model.json should say.
"""

import importlib.metadata
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import PARTIAL, sha256_of, sync_folder, write_json, write_text
from glassworks.deploy import formats, quantise
from glassworks.deploy.standalone import script
from glassworks.deploy.subject import Predict, Subject, eager, in_batches, need
from glassworks.deploy.verify import HeldOut, Verified, refused, verify

Format = Literal["safetensors", "onnx", "pt2", "int8"]
FORMATS: tuple[Format, ...] = ("safetensors", "onnx", "pt2", "int8")
SCHEMA = 1
CARD = "model.json"
SCRIPT = "predict.py"
PACKAGES = ("glassworks", "torch", "onnx", "onnxscript", "onnxruntime", "safetensors")


def export(
    subject: Subject,
    form: Format,
    folder: str | Path,
    held: HeldOut,
    calibration: np.ndarray | None = None,
    *,
    overwrite: bool = False,
) -> Verified:
    """Write a model as a checked bundle into a new folder; returns the figures of the check.

    form:        "safetensors", "onnx", "pt2", or "int8" (ONNX in eight bits)
    held:        pictures the model was not trained on; the file must answer them like the live model
    calibration: training pixels for "int8"; up to 200 are used
    overwrite:   replace an earlier export in that folder, once the new one has passed
    Raises PersonError: "export-refused" with the figures, "file-exists", "missing-extra", "bad-value".
    """
    if form not in FORMATS:
        raise PersonError(
            "bad-value", expected="a format to export to", got=str(form), fix=did_you_mean(str(form), FORMATS)
        )
    if form == "int8":
        need("export", "onnx", "onnxscript", "onnxruntime")
        if calibration is None or not len(calibration):
            raise ValueError("int8 needs training pixels to measure its scales on")
    with new_folder(Path(folder), overwrite) as aside:
        if form == "int8":
            path, verified, way = _int8(subject, aside, held, np.asarray(calibration))
        else:
            path, predict = _written(subject, form, aside)
            verified, way = verify(subject, predict, held, size_bytes=path.stat().st_size, exact=True), None
            if not verified.passed:
                raise refused(f"a file as {form}", verified.reason, verified, exact=True)
        write_json(aside / CARD, described(subject, form, path, verified, way))
        if path.suffix == ".onnx":
            write_text(aside / SCRIPT, script("pictures"))
    return verified


def described(
    subject: Subject, form: Format, path: Path, verified: Verified, way: str | None
) -> dict[str, Any]:
    """What model.json says: all that is needed to use the file, and how it was checked."""
    inside = form != "safetensors"
    outputs = {
        formats.ANSWERS: {"label": "probabilities that sum to 1", "labels": "a probability a label"}.get(
            subject.kind, "the number in its own units"
        ),
        formats.FEATURES: "what the last layer sees",
    }
    return {
        "schema": SCHEMA,
        "format": form,
        "file": path.name,
        "sha256": sha256_of(path),
        "kind": subject.kind,
        "classes": list(subject.classes),
        "threshold": subject.card.get("threshold"),
        "number": subject.number,
        "input": {
            **asdict(subject.how),
            "layout": "uint8 (batch, height, width, channels)" if inside
            else "float32 (batch, channels, height, width), (value / 255 - mean) / std",
        },
        "outputs": outputs if inside else {"scores": "before softmax, sigmoid or the number's scale"},
        "quantised": way,
        "verified": verified.as_json(),
        "versions": versions(),
        "card": public(subject.card),
    }  # fmt: skip


def public(card: dict) -> dict:
    """The card without what tells of the person's disk: folders of the data, and the typed command."""
    told = {key: value for key, value in card.items() if key != "command"}
    data = told.get("data")
    if isinstance(data, dict) and isinstance(data.get("source"), str):
        told["data"] = data | {"source": _last(data["source"])}
    start = told.get("started_from")
    if isinstance(start, dict) and isinstance(start.get("name"), str):
        told["started_from"] = start | {"name": _last(start["name"])}
    return told


def _last(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name


def _written(subject: Subject, form: Format, folder: Path) -> tuple[Path, Predict]:
    """Write a file in float and read it back as a function."""
    if form == "safetensors":
        path = formats.to_safetensors(subject, folder)
        return path, formats.read_own_safetensors(subject, path)
    if form == "pt2":
        path = formats.to_program(subject, folder / formats.PROGRAM)
        return path, formats.read_own_program(path)
    path = formats.to_onnx(subject, folder / formats.NETWORK)
    return path, formats.onnx_predictor(path)


def _int8(
    subject: Subject, folder: Path, held: HeldOut, calibration: np.ndarray
) -> tuple[Path, Verified, str]:
    """The fastest int8 file that passes, as FOLDER/model.onnx; the error tells of each that did not."""
    failed: list[tuple[str, Verified]] = []
    told = in_batches(eager(subject), held.pixels)
    with tempfile.TemporaryDirectory(prefix="glassworks-") as name:
        network = formats.to_onnx(subject, Path(name) / formats.NETWORK)
        for candidate in quantise.candidates(subject, network, name, calibration):
            predict = formats.onnx_predictor(candidate.path)
            size = candidate.path.stat().st_size
            verified = verify(subject, predict, held, size_bytes=size, exact=False, told=told)
            if verified.passed:
                shutil.copyfile(candidate.path, folder / formats.NETWORK)
                return folder / formats.NETWORK, verified, str(candidate.way)
            failed.append((str(candidate.way), verified))
    way, nearest = min(failed, key=lambda row: row[1].drop.value)
    raise refused(f"an int8 file (best of {len(failed)} ways: {way})", nearest.reason, nearest)


@contextmanager
def new_folder(folder: Path, overwrite: bool = False) -> Iterator[Path]:
    """A folder made aside, which takes its name when the block ends without an error."""
    ours = overwrite and (folder / CARD).is_file()
    if folder.exists() and not ours and (not folder.is_dir() or any(folder.iterdir())):
        raise PersonError(
            "file-exists", expected="a new folder for the export", got=f"{folder} exists",
            fix="choose another --out, or remove it",
        )  # fmt: skip
    missing = [above for above in folder.parents if not above.exists()]  # the nearest first
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=PARTIAL, dir=folder.parent))
    try:
        yield aside
        aside.chmod(0o755)
        if folder.exists():  # empty, or an earlier export: Windows renames onto nothing only
            shutil.rmtree(folder)
        aside.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):  # what was made for the folder goes with it, if nothing is in there
            for above in missing:
                above.rmdir()


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
