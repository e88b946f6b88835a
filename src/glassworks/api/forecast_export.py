"""A forecaster as files: one ONNX file from the last steps to the quantiles, checked, with what it needs to
know.
"""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassworks.api.forecast import shortest
from glassworks.core.errors import PersonError
from glassworks.core.files import write_json
from glassworks.deploy.forecast import (
    LENGTHS,
    QUANTILES,
    SERIES,
    ForecastAsShipped,
    forecast_predictor,
    forecast_to_onnx,
    live,
)
from glassworks.deploy.formats import NETWORK
from glassworks.recipes.base import SeriesPart

if TYPE_CHECKING:
    from glassworks.api.requests import ExportRequest
    from glassworks.api.run import Run

CARD = "forecast.json"
BOUND = 1e-4  # largest difference allowed, in spreads of the training part
MOST = 256  # windows that are compared


def export_forecaster(run: "Run", request: "ExportRequest") -> dict[str, Any]:
    """Write FOLDER/onnx/{model.onnx, forecast.json}; the facts are those of `api.export.export`.

    Raises PersonError("unknown-format") for other formats, ("file-exists"), ("export-refused") where the file
    does not say what the live model says.
    """
    asked = [form for form in request.to if form not in ("onnx", "safetensors")]
    asked += [f"--quantise {request.quantise}"] if request.quantise != "none" else []
    if asked:
        raise PersonError(
            "unknown-format", expected="--to onnx for a forecaster", got=", ".join(asked),
            fix="leave --quantise and other formats out",
        )  # fmt: skip
    folder = (Path(request.out) if request.out else run.path / "export") / "onnx"
    if folder.exists() and not (request.overwrite and (folder / CARD).is_file()):
        raise PersonError(
            "file-exists", expected="a place for the export that is free", got=f"{folder} exists",
            fix="add --overwrite, or choose another --out",
        )  # fmt: skip
    how, task = run.recipe.input, run.task
    assert isinstance(how, SeriesPart)
    model = copy.deepcopy(run.model).cpu().float().eval()
    shipped = ForecastAsShipped(model, how.mean, how.std, task.wanted)
    series, lengths = _windows(run, how)
    folder.mkdir(parents=True, exist_ok=True)
    path = forecast_to_onnx(shipped, how.history, folder / NETWORK)
    apart = np.abs(forecast_predictor(path)(series, lengths) - live(shipped)(series, lengths))
    most = float((apart / np.array(how.std)[: task.wanted, None]).max())
    if not most <= BOUND:
        path.unlink()
        raise PersonError(
            "export-refused", got=f"{most:.3g} spreads",
            expected=f"the live model's forecasts, within {BOUND:g} spreads of the training part",
            fix="report this with the recipe of the run",
        )  # fmt: skip
    reason = f"says what the live model says: at most {most:.2g} spreads apart on {len(series)} windows"
    checked = {"reason": reason, "largest_difference": most, "windows": len(series)}
    write_json(folder / CARD, _card(run, how, checked))
    table = [["", "windows", "largest difference"], ["onnx", f"{len(series)}", f"{most:.2g}"]]
    return {
        "schema": 1, "command": "export", "folder": str(folder.parent),
        "formats": {"onnx": {"folder": str(folder), "verified": checked}}, "tables": {"onnx": table},
    }  # fmt: skip


def _windows(run: "Run", how: SeriesPart) -> tuple[np.ndarray, np.ndarray]:
    """Windows of the validation part in their own units, some of them cut short, and their lengths."""
    own: Any = run.data()
    rows = own.part("val")[:MOST]
    series = np.zeros((len(rows), how.history, how.channels), np.float32)
    lengths = np.zeros(len(rows), np.int64)
    for place, row in enumerate(rows):
        seen = own.windows.seen(int(row))
        if place % 3 == 0:
            seen = seen[-shortest(how) :]
        series[place, : len(seen)], lengths[place] = seen, len(seen)
    return series, lengths


def _card(run: "Run", how: SeriesPart, checked: dict[str, Any]) -> dict[str, Any]:
    """What a program must know to use the file."""
    facts, task = run.card["series"], run.task
    return {
        "schema": 1, "system": run.recipe.system,
        "inputs": {SERIES: ["batch", how.history, how.channels], LENGTHS: ["batch"]},
        "output": {QUANTILES: ["batch", task.horizon, task.wanted, len(task.quantiles)]},
        "channels": facts["channels"], "step": facts["step"],
        "forecast": facts["channels"][: facts["wanted"]],
        "quantiles": list(task.quantiles), "shortest": shortest(how), "verified": checked,
        "missing": "take the value before a missing one, as in training",
    }  # fmt: skip
