"""Looking inside a run that reads series: which moments decide, what the gates do, how far memory reaches."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from glassworks.api.explain import PAGE, place_of
from glassworks.api.requests import ExplainRequest
from glassworks.api.run import Run
from glassworks.api.series import scaled, series_part
from glassworks.api.series_predict import answers_for, named_series
from glassworks.core.charts import line_chart
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import writing
from glassworks.core.page import Page
from glassworks.data.unlabelled_series import files_of_series
from glassworks.insight.drawing import colour
from glassworks.insight.recurrent import Moments, Reading, gradient_by_lag, moments, readings, saturation
from glassworks.insight.series_drawing import picture_of
from glassworks.training.run_folder import slug

MOST = 20  # series that one call explains
WAYS = ("moments", "gates", "lag")
LARGE = (480, 240)  # pixels of a map of gates
ABOUT = {
    "moments": "The warmer the ground, the more the answer fell when that stretch was put to its mean.",
    "gates": "A row is a cell, time goes from left to right; dark is 0, light is 1. Cells are sorted by "
    "their mean.",
    "lag": "How much the state at the last step changes with the input so many steps before: the norm of the "
    "derivative. Where the line falls to nothing, nothing can be learned from so far back.",
}


def explain_series(run: Run, request: ExplainRequest) -> list[dict]:
    """{"file", "answer", "drawings": [{"name", "caption", "picture"}], "gates", "lag", "moments"} a series,
    or {"file", "error"}; writes drawings and a page."""
    ways = _ways(request.methods)
    if not request.inputs:
        raise PersonError(
            "no-series", expected="files of series to explain", got="none",
            fix="glassworks explain RUN SERIES.csv",
        )  # fmt: skip
    folder = place_of(request, run)
    folder.mkdir(parents=True, exist_ok=True)
    page = Page(
        f"Inside {run.recipe.system}",
        "What the network does while it reads. Each drawing says what it shows and what it does not.",
    )
    page.text("This file embeds your own data: share it accordingly.", "note")
    rows: list[dict] = []
    for file in (file for given in request.inputs for file in files_of_series(given)):
        try:
            named = named_series(run, str(file))
        except PersonError as error:
            page.section(file.name).text(error.got, "bad")
            rows.append({"file": str(file)} | error.as_json())
            continue
        if len(rows) + len(named) > MOST:
            raise PersonError(
                "too-many-series", expected=f"at most {MOST} series at a time", got=f"{file}: {len(named)}",
                fix="name the series that you want to understand, one file each",
            )  # fmt: skip
        rows += [_one(run, request, name, values, ways, folder, page) for name, values in named]
    page.save(folder / PAGE)
    return rows


def _one(
    run: Run, request: ExplainRequest, name: str, values: np.ndarray, ways: tuple[str, ...], folder: Path,
    page: Page,
) -> dict:  # fmt: skip
    """One series: its answer, its drawings as files, and its section of the page."""
    answer = answers_for(run, [values])[0]
    said = answer.get("answer", answer.get("value"))
    page.section(f"{Path(name).name}: {said if isinstance(said, str) else f'{said:.4g}'}")
    row: dict[str, Any] = {"file": name, **answer, "drawings": []}
    series = scaled(values, series_part(run.recipe))
    seen = values[-len(series) :]
    stem = slug(Path(name).name)
    if "moments" in ways:
        found = _moments(run, series, request.target, said)
        drawing = picture_of(seen, found.heat / (found.heat.max() or 1.0))
        caption = f"{ABOUT['moments']} Check: {found.words}."
        _keep(row, page, folder / f"{stem}-moments.png", "moments", drawing, caption)
        row["moments"] = {"heat": found.heat.round(4).tolist(), "fell": found.fell,
                          "elsewhere": found.elsewhere}  # fmt: skip
    if {"gates", "lag"} & set(ways):
        model: Any = run.model
        steps, _ = model.patches(torch.from_numpy(series[None]).to(run.runtime.device), None)
    if "gates" in ways:
        row["gates"] = _gates(readings(model.layer, steps), row, page, folder, stem)
    if "lag" in ways:
        row["lag"] = _lag(run, steps, page)
    return row


def _moments(run: Run, series: np.ndarray, target: str | None, said: Any) -> Moments:
    """Of the class that was said, or of --target; of a number, how far it moves."""
    model, task = run.model, run.task

    def asked(rows: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), run.runtime.autocast():
            return task.answers(model(torch.from_numpy(rows).to(run.runtime.device)).float())

    if run.card["kind"] == "number":
        whole = asked(series[None])[0, 0]
        spread = run.card["number"]["std"] or 1.0
        return moments(lambda rows: -np.abs(asked(rows)[:, 0] - whole) / spread, series)
    name = target or said
    if name not in run.classes:
        raise PersonError(
            "unknown-class", expected=f"a class that the model knows ({', '.join(run.classes[:12])})",
            got=f'"{name}"', fix=did_you_mean(str(name), run.classes),
        )  # fmt: skip
    place = run.classes.index(name)
    return moments(lambda rows: asked(rows)[:, place], series)


def _gates(found: list[Reading], row: dict, page: Page, folder: Path, stem: str) -> list[dict]:
    """Curves and maps of the gates, layer by layer, and how often they are open or shut."""
    facts = []
    for number, reading in enumerate(found):
        length = next(iter(reading.gates.values())).shape[1]
        curves, ends = {}, saturation(reading, length)
        for name, values in reading.gates.items():
            means = values[0].mean(-1).cpu().numpy()
            curves[name] = [(step, float(mean)) for step, mean in enumerate(means)]
            low, high = ends[name]
            facts.append({"cell": reading.name, "gate": name, "mean": float(means.mean()), "shut": low,
                          "open": high})  # fmt: skip
        page.heading(f"Gates, {reading.name}").html(line_chart(curves, across="step", up="mean over cells"))
        own = [fact for fact in facts if fact["cell"] == reading.name]
        page.table(
            ["gate", "mean", "shut", "open"],
            [[fact["gate"], fact["mean"], f"{fact['shut']:.0%}", f"{fact['open']:.0%}"] for fact in own],
        )
        shown = next((gate for gate in ("forget", "update", "candidate") if gate in reading.gates), "")
        picture = _map(reading.gates[shown][0].cpu().numpy(), signed=shown == "candidate")
        path = folder / f"{stem}-{shown}-{number}.png"
        _keep(row, page, path, shown, picture, f"{shown}, {reading.name}. {ABOUT['gates']}")
    page.text(
        "Shut: below 0.1; open: above 0.9. Of a candidate: below -0.97 and above 0.97, where tanh is flat.",
        "note",
    )
    return facts


def _lag(run: Run, steps: torch.Tensor, page: Page) -> list[float]:
    model: Any = run.model
    norms = gradient_by_lag(model.layer, steps, seed=run.recipe.seed)
    points = [(lag, float(norm)) for lag, norm in enumerate(norms)]
    page.heading("How far its memory reaches").text(ABOUT["lag"])
    page.html(line_chart({"gradient": points}, across="steps before the last", logarithmic="y"))
    if model.config.patch > 1:
        page.text(f"A step here is {model.config.patch} steps of the series, read at once.", "note")
    return [float(f"{norm:.4g}") for norm in norms]


def _map(gate: np.ndarray, *, signed: bool) -> np.ndarray:
    """A gate (time, width) as a picture, a row a cell; of a candidate -1 … 1 is shown as 0 … 1."""
    shown = (gate.T + 1) / 2 if signed else gate.T
    shown = shown[np.argsort(-shown.mean(1), kind="stable")]
    image = Image.fromarray(colour(shown)).resize(LARGE, Image.Resampling.NEAREST)
    return np.asarray(image)


def _keep(row: dict, page: Page, path: Path, name: str, picture: np.ndarray, caption: str) -> None:
    """Write a drawing as a PNG file and onto the page."""
    with writing(path) as aside, aside.open("wb") as file:
        Image.fromarray(picture).save(file, "PNG")
    row["drawings"].append({"name": name, "layer": "", "caption": caption, "picture": str(path)})
    page.figures([(picture, caption)])


def _ways(methods: tuple[str, ...]) -> tuple[str, ...]:
    """What was asked for; all of it where nothing was."""
    if not methods or methods == ("all",):
        return WAYS
    for method in methods:
        if method not in WAYS:
            raise PersonError(
                "unknown-method", expected=f"{', '.join(WAYS)} or all", got=f'"{method}"',
                fix=did_you_mean(method, WAYS),
            )  # fmt: skip
    return methods
