"""Readers of texts and series, forecasters, writers, translators as files: checked on what was held out.

    onnx/model.onnx          the whole computation, from numbers to answers
    onnx/reader.onnx         translators only: reads the source, once
    onnx/tokenizer.json      texts only: what turns them into numbers
    onnx/predict.py          texts only: answers or writes with numpy and onnxruntime (tokenizers, for pieces)
    safetensors/model.safetensors   the numbers alone, in float32
    model.json, in both      classes, units, digest, and the figures of the check

The first thing to change: BOUND.
"""

import copy
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import sha256_of, write_json, write_text
from glassworks.deploy import bundle
from glassworks.deploy.formats import NETWORK, WEIGHTS
from glassworks.deploy.sequences import Ask, Shipped
from glassworks.deploy.standalone import script
from glassworks.deploy.translators import READER, ShippedTranslator
from glassworks.deploy.writers import ShippedWriter
from glassworks.weights.store import load_into, read_tensors, write_tensors

if TYPE_CHECKING:
    from glassworks.api.requests import ExportRequest
    from glassworks.api.run import Run

FORMS = ("onnx", "safetensors")
BOUND = 1e-4  # largest difference allowed of a probability, or of a number in its spread


@dataclass(frozen=True)
class Shipment:
    """What a family ships of a run.

    shipped: with a model of its own, on the processor and in float32
    inputs, lengths: held-out ones, as the file takes them; things: what they are called
    spread:  what the first output is measured in, so that the bound means the same for all
    card:    what model.json says besides; tokenizer: a file that goes along; script: of
             `deploy.standalone`, the program beside an ONNX file
    """

    shipped: Shipped | ShippedWriter | ShippedTranslator
    inputs: np.ndarray
    lengths: np.ndarray
    things: str
    spread: Any
    card: dict[str, Any]
    tokenizer: Path | None = None
    script: str = ""


def export_sequences(run: "Run", request: "ExportRequest", shipment: Shipment) -> dict[str, Any]:
    """Write FOLDER/FORMAT/… ; the facts are those of `api.export.export`.

    Raises PersonError("unknown-format") for other formats, ("file-exists"), ("export-refused") where a file
    does not answer as the live model does; then nothing is left behind.
    """
    forms = _forms(run, request)
    folder = Path(request.out) if request.out else run.path / "export"
    for form in forms:
        _require_free(folder / form, request.overwrite)
    facts: dict[str, Any] = {}
    tables = {}
    for form in forms:
        with bundle.new_folder(folder / form, request.overwrite) as aside:
            path, ask = _written(form, shipment, aside)
            most = _apart(shipment, ask)
            size = path.stat().st_size
            count = len(shipment.lengths)
            reason = f"answers as the live model does: at most {most:.2g} apart on {count} {shipment.things}"
            checked = {"reason": reason, "largest_difference": most, shipment.things: count, "bytes": size}
            card = _card(run, form, path, shipment, checked)
            if (reader := aside / READER).is_file():
                card["reader"] = {"file": READER, "sha256": sha256_of(reader)}
            write_json(aside / bundle.CARD, card)
        facts[form] = {"folder": str(folder / form), "verified": checked}
        head = ["", shipment.things, "largest difference", "megabytes"]
        tables[form] = [head, [form, f"{count}", f"{most:.2g}", f"{size / 1e6:.1f}"]]
    return {"schema": 1, "command": "export", "folder": str(folder), "formats": facts, "tables": tables}


def shipped_model(run: "Run") -> torch.nn.Module:
    """The run's model as it is shipped: a copy on the processor, in float32."""
    return copy.deepcopy(run.model).cpu().float().eval()


def _forms(run: "Run", request: "ExportRequest") -> list[str]:
    asked = [form for form in request.to if form not in FORMS]
    if asked:
        raise PersonError(
            "unknown-format", expected=f"--to {' or '.join(FORMS)} for {run.recipe.system}",
            got=", ".join(asked), fix=did_you_mean(asked[0], FORMS),
        )  # fmt: skip
    if request.quantise != "none":
        raise PersonError(
            "unknown-format", expected=f"{run.recipe.system} in floating point",
            got=f"--quantise {request.quantise}", fix="leave --quantise out: eight bits are for pictures",
        )  # fmt: skip
    if request.data is not None or request.side is not None:
        raise PersonError(
            "contradiction", expected="an export that is checked on the run's own held-out part",
            got="--data or --image-size", fix="leave it out",
        )  # fmt: skip
    return [form for form in FORMS if form in request.to]


def _require_free(folder: Path, overwrite: bool) -> None:
    ours = (folder / bundle.CARD).is_file()
    if folder.exists() and not (overwrite and ours):
        raise PersonError(
            "file-exists", expected="a place for the export that is free", got=f"{folder} exists",
            fix="add --overwrite, or choose another --out" if ours else "choose another --out",
        )  # fmt: skip


def _written(form: str, shipment: Shipment, folder: Path) -> tuple[Path, Ask]:
    """Write one file, and read it back as a function."""
    if shipment.tokenizer is not None:
        shutil.copyfile(shipment.tokenizer, folder / shipment.tokenizer.name)
    if form == "onnx":
        path = shipment.shipped.to_onnx(folder / NETWORK)
        if shipment.script:
            write_text(folder / bundle.SCRIPT, script(shipment.script))
        return path, shipment.shipped.predictor(path)
    module: Any = copy.deepcopy(shipment.shipped.module)
    path = folder / WEIGHTS
    write_tensors(path, module.model.state_dict())
    with torch.no_grad():
        for tensor in module.model.state_dict().values():
            tensor.zero_()  # so that a number the file lacks cannot hide
    load_into(module.model, read_tensors(path), source=path.name)
    return path, replace(shipment.shipped, module=module).live()


def _apart(shipment: Shipment, ask: Ask) -> float:
    """The largest difference of an answer. Raises PersonError("export-refused") where it is above BOUND."""
    expected = shipment.shipped.live()(shipment.inputs, shipment.lengths)[0]
    found = ask(shipment.inputs, shipment.lengths)[0]
    most = float((np.abs(found.astype(np.float64) - expected) / shipment.spread).max())
    if not most <= BOUND:  # also what is not finite
        raise PersonError(
            "export-refused", expected=f"the live model's answers, within {BOUND:g}",
            got=f"{most:.3g}; nothing was written", fix="report this with the recipe of the run",
        )  # fmt: skip
    return most


def _card(run: "Run", form: str, path: Path, shipment: Shipment, checked: dict[str, Any]) -> dict[str, Any]:
    """What a program must know to use the file."""
    return {
        "schema": bundle.SCHEMA, "format": form, "file": path.name, "sha256": sha256_of(path),
        "system": run.recipe.system, "kind": run.card["kind"], "classes": list(run.classes),
        "threshold": run.card.get("threshold"), **shipment.card, "verified": checked,
        "versions": bundle.versions(), "card": bundle.public(run.card),
    }  # fmt: skip
