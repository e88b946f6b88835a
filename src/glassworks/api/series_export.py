"""A reader of series as files: one ONNX file from numbers to answers, checked, with what it needs to know."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassworks.api.series import filled, series_part
from glassworks.core.errors import PersonError
from glassworks.core.files import write_json
from glassworks.deploy.formats import ANSWERS, FEATURES, NETWORK
from glassworks.deploy.series import LENGTHS, SERIES, SeriesSubject, live, series_predictor, series_to_onnx

if TYPE_CHECKING:
    from glassworks.api.requests import ExportRequest
    from glassworks.api.run import Run

CARD = "series.json"
BOUND = 1e-4  # largest difference allowed of a probability, or of a number in its spread
MOST = 256  # series that are compared


def export_series(run: "Run", request: "ExportRequest") -> dict[str, Any]:
    """Write FOLDER/onnx/{model.onnx, series.json}; the facts are those of `api.export.export`.

    Raises PersonError("unknown-format") for other formats, ("file-exists"), ("export-refused") where the file
    does not answer as the live model does.
    """
    asked = [form for form in request.to if form not in ("onnx", "safetensors")]
    asked += [f"--quantise {request.quantise}"] if request.quantise != "none" else []
    if asked:
        raise PersonError(
            "unknown-format", expected="--to onnx for a reader of series", got=", ".join(asked),
            fix="leave --quantise and other formats out",
        )  # fmt: skip
    folder = (Path(request.out) if request.out else run.path / "export") / "onnx"
    if folder.exists() and not (request.overwrite and (folder / CARD).is_file()):
        raise PersonError(
            "file-exists", expected="a place for the export that is free", got=f"{folder} exists",
            fix="add --overwrite, or choose another --out",
        )  # fmt: skip
    subject = _subject(run)
    series, lengths = _held_out(run)
    folder.mkdir(parents=True, exist_ok=True)
    path = series_to_onnx(subject, folder / NETWORK)
    spread = subject.number[1] if subject.number else 1.0
    most = float(np.abs(series_predictor(path)(series, lengths)[0] - live(subject)(series, lengths)[0]).max())
    if not most / spread <= BOUND:
        path.unlink()
        raise PersonError(
            "export-refused", expected=f"the live model's answers, within {BOUND:g}", got=f"{most:.3g}",
            fix="report this with the recipe of the run",
        )  # fmt: skip
    reason = f"answers as the live model does: at most {most:.2g} apart on {len(series)} series"
    checked = {"reason": reason, "largest_difference": most, "series": len(series)}
    write_json(folder / CARD, _card(run, checked))
    table = [["", "series", "largest difference"], ["onnx", f"{len(series)}", f"{most:.2g}"]]
    return {
        "schema": 1, "command": "export", "folder": str(folder.parent),
        "formats": {"onnx": {"folder": str(folder), "verified": checked}}, "tables": {"onnx": table},
    }  # fmt: skip


def _subject(run: "Run") -> SeriesSubject:
    """The run as it is shipped: on the processor, in float32; the run's own model stays as it is."""
    how, number = series_part(run.recipe), run.card.get("number")
    return SeriesSubject(
        copy.deepcopy(run.model).cpu().float().eval(), how.mean, how.std, run.card["kind"],
        (number["mean"], number["std"]) if number else None,
    )  # fmt: skip


def _held_out(run: "Run") -> tuple[np.ndarray, np.ndarray]:
    """Series of the validation part in their own units, padded with zeros, and their lengths."""
    own: Any = run.data()
    rows = [filled(own.table.values[row])[-own.how.history :] for row in own.part("val")[:MOST]]
    lengths = np.array([len(row) for row in rows], np.int64)
    series = np.zeros((len(rows), int(lengths.max()), own.how.channels), np.float32)
    for place, row in enumerate(rows):
        series[place, : len(row)] = row
    return series, lengths


def _card(run: "Run", checked: dict[str, Any]) -> dict[str, Any]:
    """What a program must know to use the file."""
    how = series_part(run.recipe)
    return {
        "schema": 1, "system": run.recipe.system, "kind": run.card["kind"], "classes": list(run.classes),
        "inputs": {SERIES: ["batch", "time", how.channels], LENGTHS: ["batch"]},
        "outputs": {ANSWERS: ["batch", max(1, len(run.classes))], FEATURES: ["batch", "width"]},
        "channels": run.card["channels"], "longest": how.history, "threshold": run.card.get("threshold"),
        "missing": "take the step before a missing one, as in training", "verified": checked,
    }  # fmt: skip
