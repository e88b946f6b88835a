"""Shipping a run as files: each format in a folder of its own, checked on pictures it did not learn from."""

import copy
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.api.families import family_of, require
from glassworks.api.labelled_judge import with_classes_of
from glassworks.api.prepare import decode, open_data
from glassworks.api.requests import ExportRequest
from glassworks.api.run import Run, load
from glassworks.api.sizes import at_side, other_size
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.data.decode import read_picture
from glassworks.data.samples import photographs
from glassworks.deploy import bundle
from glassworks.deploy.quantise import MOST_PICTURES
from glassworks.deploy.subject import Subject, eager, in_batches
from glassworks.deploy.verify import HeldOut, Verified
from glassworks.recipes.base import DataPart

CUTS = 16  # pieces of each photograph that stand in where a model brings no pictures along


def export(run: str | Path | Run, **options: Any) -> dict[str, Any]:
    """Write a model as files; the keywords are the options of `glassworks export --help`.

    Returns {"folder", "formats": {name: {"folder", "verified": figures of the check}}}. Raises
    PersonError("export-refused") with the figures when a file does not answer like the live model.
    """
    name = str(run.path) if isinstance(run, Run) else str(run)
    if isinstance(options.get("to"), str):
        options["to"] = (options["to"],)
    return export_request(ExportRequest(run=name, **options), run if isinstance(run, Run) else None)


def export_request(request: ExportRequest, run: Run | None = None) -> dict[str, Any]:
    """The same, from a whole request."""
    forms = _forms(request)
    run = at_side(run or load(request.run, device="cpu"), request.side)
    require("export", run.recipe.system)
    if (own := getattr(family_of(run.recipe.system), "export", None)) is not None:
        return own(run, request)  # what sees no pictures has a way of its own
    folder = Path(request.out) if request.out else _place(run)
    _require_free(folder, forms, request.overwrite)
    subject = subject_of(run)
    held, calibration = _pictures(request, run, subject)
    done: dict[str, Verified] = {}
    new = not folder.exists()
    try:
        for form in forms:
            done[form] = bundle.export(
                subject, form, folder / form, held, calibration, overwrite=request.overwrite
            )
    finally:
        if new and not done and folder.is_dir():
            folder.rmdir()  # the first file was refused
    return {
        "schema": 1,
        "command": "export",
        "folder": str(folder),
        "formats": {
            form: {"folder": str(folder / form), "verified": v.as_json()} for form, v in done.items()
        },
        "tables": {form: verified.as_text() for form, verified in done.items()},
    }


def subject_of(run: Run) -> Subject:
    """A run as `deploy` takes it: on the CPU, in float32; the run's own model stays where and as it is."""
    number = run.card.get("number")
    return Subject(
        model=copy.deepcopy(run.model).cpu().float().eval(),
        how=run.input,
        kind=run.card["kind"],
        classes=run.classes,
        number=(number["mean"], number["std"]) if number else None,
        card=run.card,
    )


def calibration_of(run: Run, subject: Subject) -> np.ndarray:
    """Training pixels to measure maps on; photographs of a package for published weights."""
    if run.published:
        return stand_ins(subject)
    own = run.data()
    return np.ascontiguousarray(own.store.pixels[own.splits.train[:MOST_PICTURES]])


def stand_ins(subject: Subject) -> np.ndarray:
    """Pieces of two photographs at the model's size, uint8 (n, height, width, channels)."""
    how = subject.how
    pieces = []
    for photograph in photographs():
        for number in range(CUTS):
            share = 1 - 0.04 * number  # from the whole to its middle
            height, width = (round(side * share) for side in photograph.shape[:2])
            top, left = (photograph.shape[0] - height) // 2, (photograph.shape[1] - width) // 2
            piece = photograph[top : top + height, left : left + width]
            pieces.append(
                read_picture(
                    piece, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
                )
            )
    return np.stack(pieces)


def _pictures(request: ExportRequest, run: Run, subject: Subject) -> tuple[HeldOut, np.ndarray]:
    """Held-out pictures with their truth, and training pictures for the scales of int8."""
    if request.data is not None:
        data = DataPart(
            where=request.data, target=request.target, file=request.file, group=request.group,
            labels=request.labels,
        )  # fmt: skip
        table = with_classes_of(run, open_data(data))
        store = decode(run.input, table, workers=0, bad="stop")
        table = store.table
        held = HeldOut(store.pixels, table.targets, table.names, table.groups)
        # Only the scales of int8 need the run's own pictures, which may be elsewhere.
        return held, calibration_of(run, subject) if request.quantise == "int8" else store.pixels[:0]
    if run.published:
        pixels = stand_ins(subject)  # their truth is what the live model says: only agreement is measured
        answers = in_batches(eager(subject), pixels)[0]
        return HeldOut(pixels, answers.argmax(1), tuple(map(str, range(len(pixels))))), pixels
    own = run.data()
    rows = np.concatenate([own.splits.val, own.splits.test])  # the weights have learned from neither
    table = own.table
    groups = None if table.groups is None else tuple(table.groups[row] for row in rows)
    held = HeldOut(
        own.store.pixels[rows], table.targets[rows], tuple(table.names[row] for row in rows), groups
    )
    return held, np.ascontiguousarray(own.store.pixels[own.splits.train[:MOST_PICTURES]])


def _forms(request: ExportRequest) -> list[bundle.Format]:
    """The formats that were asked for, each once; int8 last."""
    known: list[bundle.Format] = [form for form in bundle.FORMATS if form != "int8"]
    for form in request.to:
        if form not in known:
            raise PersonError(
                "unknown-format", expected=f"--to {', '.join(known)}", got=form,
                fix=did_you_mean(form, known) if form != "int8" else "--quantise int8",
            )  # fmt: skip
    asked = [form for form in known if form in request.to]
    return [*asked, "int8"] if request.quantise == "int8" else asked


def _place(run: Run) -> Path:
    place = Path(f"export-{run.path.name}") if run.published else run.path / "export"
    return place.with_name(place.name + other_size(run))


def _require_free(folder: Path, forms: list[bundle.Format], overwrite: bool) -> None:
    """Told before anything is measured: an export that is there already stays unless --overwrite."""
    there = [form for form in forms if (folder / form).exists()]
    ours = all((folder / form / bundle.CARD).is_file() for form in there)
    if not there or (overwrite and ours):
        return
    raise PersonError(
        "file-exists",
        expected="a place for the export that is free",
        got=", ".join(str(folder / form) for form in there) + (" exists" if len(there) == 1 else " exist"),
        fix="add --overwrite, or choose another --out" if ours else "choose another --out",
    )
