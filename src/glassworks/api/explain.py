"""Looking inside a run: drawings for a person's pictures, or of the model alone, on one page."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glassworks.api.families import family_of, require
from glassworks.api.predict import answers_for, files_of
from glassworks.api.requests import ExplainRequest
from glassworks.api.run import Run, load
from glassworks.api.sizes import at_side, other_size
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import writing
from glassworks.core.page import Page
from glassworks.data.decode import open_picture, read_picture
from glassworks.insight.drawings import Drawing
from glassworks.insight.gallery import (
    ANSWERS,
    OF_ANSWERS,
    check_methods,
    look_inside,
    methods_for,
    model_gallery,
)
from glassworks.insight.tokens import picture_encoder
from glassworks.training.run_folder import slug

PAGE = "explain.html"
MOST = 100  # pictures that one call explains


def explain(run: str | Path | Run, *inputs: str | Path, **options: Any) -> list[dict]:
    """Draw what a model made of pictures; the keywords are the options of `glassworks explain --help`.

    Returns one dict a picture: {"file", "answer", "answers", "drawings": [{"name", "layer", "caption",
    "picture": path, and, of heat that was checked, "check": figures}]}, or {"file", "error"}. Without inputs:
    one dict about the model alone.
    """
    name = str(run.path) if isinstance(run, Run) else str(run)
    request = ExplainRequest(run=name, inputs=tuple(str(i) for i in inputs), **options)
    return explain_request(request, run if isinstance(run, Run) else None)


def explain_request(request: ExplainRequest, run: Run | None = None) -> list[dict]:
    """The same, from a whole request. Writes drawings and a page into the folder of `place_of`."""
    run = at_side(run or load(request.run, device=request.device), request.side)
    require("explain", run.recipe.system)
    return family_of(run.recipe.system).explain(run, request)


def explain_pictures(run: Run, request: ExplainRequest) -> list[dict]:
    """The same for a run that sees pictures: PNG files and a page."""
    if request.methods == ("all",):
        request = replace(request, methods=_all_methods(run))
    check_methods(request.methods)
    target = None if request.target is None else _target(run, request.target)
    folder = place_of(request, run)
    page = Page(
        f"Inside {run.recipe.system}",
        "What the model looks at. Each drawing says what it shows and what it does not.",
    )
    if not request.inputs:
        model = run.model if run.card["kind"] in ANSWERS else picture_encoder(run.model)
        drawings = model_gallery(model, run.input, layer=request.layer, classes=run.classes)
        rows = [
            {"model": str(run.path), "drawings": _written(drawings, folder, "model", page, "The model alone")}
        ]
        page.save(folder / PAGE)
        return rows
    files = files_of(request.inputs)
    if len(files) > MOST:
        raise PersonError(
            "too-many-pictures", expected=f"at most {MOST} pictures at a time", got=str(len(files)),
            fix="name the pictures that you want to understand",
        )  # fmt: skip
    page.text("This file embeds your own pictures: share it accordingly.", "note")
    rows = [_one(run, request, file, number, target, folder, page) for number, file in enumerate(files)]
    folder.mkdir(parents=True, exist_ok=True)  # also where no picture could be read
    page.save(folder / PAGE)
    return rows


def drawings_for(
    run: Run,
    full: np.ndarray,
    pixels: np.ndarray,
    *,
    methods: tuple[str, ...] = ("grad-cam",),
    target: int | None = None,
    layer: str | None = None,
    check: bool = False,
) -> list[Drawing]:
    """Drawings of one decoded picture: full (height, width, 1 or 3) and as the model sees it, both uint8."""
    return look_inside(
        run.model, full, pixels, run.input, target=target, methods=methods, layer=layer, classes=run.classes,
        kind=run.card["kind"], seed=run.recipe.seed, check=check,
    )  # fmt: skip


def place_of(request: ExplainRequest, run: Run) -> Path:
    """Where the drawings go: --out, or `explain` in the run, or beside you for published weights."""
    if request.out:
        folder = Path(request.out)
    else:
        place = Path(f"explain-{run.path.name}") if run.published else run.path / "explain"
        folder = place.with_name(place.name + other_size(run))
    if folder.is_file():
        raise PersonError(
            "not-a-folder", expected="a folder for the drawings", got=f"{folder} is a file",
            fix="choose another --out",
        )  # fmt: skip
    return folder


def _one(
    run: Run, request: ExplainRequest, file: Path, number: int, target: int | None, folder: Path, page: Page
) -> dict:
    """One picture: its answer, its drawings as files, and its section of the page."""
    how = run.input
    try:
        full = np.asarray(open_picture(file))
        pixels = read_picture(
            file, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
        )
    except PersonError as error:
        page.section(file.name).text(error.got, "bad")
        return {"file": str(file)} | error.as_json()
    answer = answers_for(run, np.stack([pixels]))[0] if run.card["kind"] in ANSWERS else {}
    drawings = drawings_for(
        run, full, pixels, methods=request.methods, target=target, layer=request.layer,
        check=request.check == "yes",
    )  # fmt: skip
    said = answer.get("answer", answer.get("value"))
    words = f": {said if not isinstance(said, list) else '; '.join(said) or 'none'}" if answer else ""
    title = f"{file.name}{words}"
    written = _written(drawings, folder, f"{number:03d}-{slug(file.stem)}", page, title, full)
    if "answers" in answer:
        answer["answers"] = answer["answers"][:5]
    return {"file": str(file)} | answer | {"drawings": written}


def _written(
    drawings: list[Drawing], folder: Path, name: str, page: Page, title: str, full: np.ndarray | None = None
) -> list[dict]:
    """Write drawings as PNG files and onto the page; returns their facts."""
    page.section(title)
    folder.mkdir(parents=True, exist_ok=True)
    shown = [] if full is None else [(full, "the picture")]
    rows = []
    for number, drawing in enumerate(drawings):
        path = folder / f"{name}-{drawing.name}{'' if full is not None else f'-{number}'}.png"
        image = _image(drawing.picture)
        with writing(path) as aside, aside.open("wb") as file:
            image.save(file, "PNG")
        shown.append((drawing.picture, drawing.caption))
        row = {"name": drawing.name, "layer": drawing.layer, "caption": drawing.caption, "picture": str(path)}
        rows.append(row | ({} if drawing.check is None else {"check": asdict(drawing.check)}))
    page.figures(shown)
    return rows


def _image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture)


def _all_methods(run: Run) -> tuple[str, ...]:
    """All ways of looking that this run has."""
    if run.card["kind"] in ANSWERS:
        return methods_for(run.model, run.input)
    ways = methods_for(picture_encoder(run.model), run.input)
    return tuple(way for way in ways if way not in OF_ANSWERS)


def _target(run: Run, name: str) -> int:
    """The number of a class that is named."""
    if name in run.classes:
        return run.classes.index(name)
    raise PersonError(
        "unknown-class",
        expected=f"a class that the model knows ({', '.join(run.classes[:12])})"
        if run.classes
        else "no --target",
        got=f'"{name}"',
        fix=did_you_mean(name, run.classes)
        if run.classes
        else "leave --target out: the model gives a number",
    )
