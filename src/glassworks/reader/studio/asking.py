"""After training: one more input for a run, a look inside, and a file to take along.

Models are loaded once and asked one at a time; what they were asked about is not kept.
The first thing to change: `LOADED`, models that stay in memory.
"""

import tempfile
import threading
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from glassworks.api.explain import PAGE, explain_request
from glassworks.api.predict import predict_request
from glassworks.api.requests import ExplainRequest, GenerateRequest, PredictRequest
from glassworks.api.run import Run, load
from glassworks.core.errors import PersonError
from glassworks.core.files import writing
from glassworks.reader import draw, own_report
from glassworks.reader.handover import lines_for, pack
from glassworks.reader.own_names import safe_file_name
from glassworks.reader.studio.shelf import OnShelf
from glassworks.training.run_folder import MODEL

LOADED = 2
WORDS = 120  # tokens that a writer adds to a beginning
_models: "OrderedDict[tuple[Path, float], Run]" = OrderedDict()
_asking = threading.Lock()


def loaded(run: OnShelf) -> Run:
    """The run's model. Raises PersonError for one that is not done."""
    if run.state != "done":
        raise PersonError(
            "not-done", expected="a run that is done", got=f"{run.name}, which is {run.state}",
            fix="wait until it is done, or let it go on",
        )  # fmt: skip
    key = (run.path, (run.path / MODEL).stat().st_mtime)
    if key not in _models:
        _models[key] = load(run.path, device="cpu")
        while len(_models) > LOADED:
            _models.popitem(last=False)
    _models.move_to_end(key)
    return _models[key]


def ask(run: OnShelf, body: bytes, name: str) -> dict[str, Any]:
    """The answer to a file, or to a text where `name` is empty: {"html", "spoken"}."""
    with _asking:
        model = loaded(run)
        if not name and hasattr(_family(run), "writes"):
            return _written(model, body.decode("utf-8", "replace"))
        with _given(body, name or _text_name(run)) as given:
            rows = predict_request(PredictRequest(run=str(run.path), inputs=(given,)), model)
            parts = [_answer(row, Path(given), name) for row in rows[:MOST_ROWS]]
    more = draw.note(f"The first {MOST_ROWS} of {len(rows)} answers.") if len(rows) > MOST_ROWS else ""
    return {"html": "".join(html for html, _ in parts) + more, "spoken": parts[0][1] if parts else ""}


MOST_ROWS = 24  # answers of a table that are shown


def inside(run: OnShelf, body: bytes, name: str) -> dict[str, Any]:
    """What the model looked at: {"page": name below the run, "drawings": [{"file", "caption"}]}."""
    with _asking:
        model = loaded(run)
        with _given(body, name or _text_name(run)) as given:
            inputs = (given,) if body else ()
            rows = explain_request(ExplainRequest(run=str(run.path), inputs=inputs), model)
    drawn = []
    for drawing in (one for row in rows for one in row.get("drawings", ())):
        path = Path(drawing["picture"])
        if path.suffix.lower() in (".png", ".svg"):
            drawn.append({"file": path.relative_to(run.path).as_posix(), "caption": drawing["caption"]})
    failed = [row["error"]["got"] for row in rows if "error" in row]
    if failed:
        raise PersonError(
            "damaged-input", expected="an input that can be read", got=failed[0], fix="try another"
        )
    return {"page": f"explain/{PAGE}", "drawings": drawn}


def packed(run: OnShelf, into: Path) -> Path:
    """The model as one zip file that `glassworks.load` opens after unpacking."""
    with _asking:
        model = loaded(run)
    example = {"texts": "a text of your own", "series": "series.csv"}.get(
        model.recipe.input.things, "picture.jpg"
    )
    into.parent.mkdir(parents=True, exist_ok=True)
    return pack(model, into, lines=lines_for(example))


def exported(run: OnShelf, into: Path) -> Path:
    """What `export` has written, as one zip file. Raises PersonError("not-exported")."""
    folder = run.path / "export"
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not files:
        raise PersonError("not-exported", expected="an export", got="none yet", fix="export it first")
    into.parent.mkdir(parents=True, exist_ok=True)
    with writing(into) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            archive.write(path, f"{run.name}/{path.relative_to(folder).as_posix()}")
    return into


def _family(run: OnShelf) -> Any:
    from glassworks.api.families import family_of

    return family_of(run.system)


def _text_name(run: OnShelf) -> str:
    """A typed text goes in as a file, so that none is taken for a path; single words go as they are."""
    return "" if run.system == "word2vec" else "text.txt"


class _given:
    """A file of what was sent, for as long as it is asked about; a text stays a text."""

    def __init__(self, body: bytes, name: str):
        self.body, self.name = body, name
        self.place: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> str:
        if not self.name:
            return self.body.decode("utf-8", "replace")
        self.place = tempfile.TemporaryDirectory(prefix="glassworks-")
        path = Path(self.place.name) / safe_file_name(self.name)
        path.write_bytes(self.body)
        return str(path)

    def __exit__(self, *error: object) -> None:
        if self.place is not None:
            self.place.cleanup()


def _answer(row: dict[str, Any], file: Path, name: str) -> tuple[str, str]:
    """(HTML, sentence) of a row of `predict`."""
    pictured = row.get("answers") and name and "text" not in row and "probability" in row["answers"][0]
    if pictured and not isinstance(row["answer"], list) and file.is_file() and _is_picture(file):
        return own_report.answered(row, file, name)
    return own_report.in_words(row, f"{row['text'][:200]} → " if row.get("text") else "")


def _is_picture(file: Path) -> bool:
    from glassworks.data.decode import is_picture_name

    return is_picture_name(file)


def _written(model: Run, beginning: str) -> dict[str, Any]:
    """What a writer adds to a beginning."""
    from glassworks.api.writing import generate_request

    asked = GenerateRequest(run=str(model.path), prompt=beginning, tokens=WORDS, temperature=0.8)
    row = generate_request(asked, model)[0]
    return {"html": draw.text(row["prompt"] + row["text"]), "spoken": row["text"]}
