"""A trained model to take along: one zip file that any machine with Glassworks can ask.

    my-model/recipe.yaml, model.safetensors, card.json, card.md     what `glassworks.load` needs
    my-model/familiar.safetensors                                   to say "none of these"
    my-model/README.txt                                             the ten lines that load and ask it

Pictures do not travel, nor their names, nor folders of this machine. The file is unpacked and asked again
before it takes its name: a model that answers otherwise is not handed over.

The first thing to change: LINES, what a reader is shown to begin with.
"""

import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassworks import __version__
from glassworks.api.predict import predict
from glassworks.api.run import Run, load
from glassworks.core.errors import PersonError
from glassworks.core.files import writing
from glassworks.deploy.bundle import public
from glassworks.judging.card import card_text
from glassworks.training.run_folder import CARD, FAMILIAR, RECIPE
from glassworks.training.run_folder import MODEL as WEIGHTS

FOLDER, README, TOKENIZER = "my-model", "README.txt", "tokenizer.json"
CLOSE = 1e-6  # probabilities may differ by that much after unpacking
LINES = """\
import glassworks as gw

run = gw.load("my-model")
for row in run.predict("picture.jpg"):
    if "error" in row:
        print(row["file"], row["error"]["got"])
    elif row.get("unlike"):
        print(row["file"], "none of these")
    else:
        print(row["file"], row["answer"], row["answers"])
"""


@dataclass(frozen=True)
class Handed:
    """path: the zip file; size: in bytes; asked: pictures that were asked again after unpacking it."""

    path: Path
    size: int
    asked: int


def hand_over(run: Run, into: Path, pictures: Sequence[Path]) -> Handed:
    """Write a run as a zip file that is whole, or not there.

    pictures: some to ask both the run and the unpacked file about
    Raises PersonError("handover-refused") when their answers differ by more than 1e-6.
    """
    with writing(into) as aside:
        _zipped(aside, _contents(run))
        _ask_again(run, aside, pictures)
    return Handed(into, into.stat().st_size, len(pictures))


def pack(run: Run, into: Path, *, lines: str) -> Path:
    """Write a run that sees no pictures as a zip file; `lines` are shown to whoever unpacks it."""
    about = f"A model made with Glassworks; card.md says what it does and how well.\n\n{lines}"
    with writing(into) as aside:
        _zipped(aside, [(README, about.encode()), *_contents(run)[1:]])
    return into


def lines_for(example: str) -> str:
    """The lines of code that load a model and ask it about an example."""
    return (
        "import glassworks as gw\n\n"
        'run = gw.load("my-model")\n'
        f"for row in run.predict({example!r}):\n"
        "    print(row)\n"
    )


def _zipped(path: Path, contents: Sequence[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents:
            # Weights look random and do not shrink; the date is fixed, so equal models make equal files.
            info = zipfile.ZipInfo(f"{FOLDER}/{name}")
            info.compress_type = zipfile.ZIP_STORED if name == WEIGHTS else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)


def _contents(run: Run) -> list[tuple[str, bytes]]:
    """(name, bytes) of all that travels; what tells of this machine's folders is taken out."""
    start = run.recipe.start_from
    recipe = run.recipe.with_values(
        {"data.where": Path(run.recipe.data.where).name, "start_from": Path(start).name if start else None}
    )
    card = public(run.card) | {"command": "made in the interactive book, with pictures of its reader"}
    files = [
        (README, read_me(run.classes).encode()),
        (RECIPE, recipe.as_yaml().encode()),
        (CARD, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()),
        ("card.md", card_text(card).encode()),
    ]
    kept = [name for name in (WEIGHTS, FAMILIAR, TOKENIZER) if (run.path / name).is_file()]
    return files + [(name, (run.path / name).read_bytes()) for name in kept]


def read_me(classes: Sequence[str]) -> str:
    """What README.txt says."""
    return (
        f"A model that tells {len(classes)} classes of pictures apart: {', '.join(classes)}.\n"
        "card.md says how well it does so and what it is not for.\n\n"
        f'Install once:  pip install "glassworks>={__version__}"\n'
        "Then, in Python, beside the folder my-model:\n\n"
        f"{LINES}\n"
        "Or in a terminal:  glassworks predict my-model picture.jpg\n"
    )


def _ask_again(run: Run, packed: Path, pictures: Sequence[Path]) -> None:
    """Unpack elsewhere, load, and compare the answers."""
    with tempfile.TemporaryDirectory(prefix="glassworks-") as place:
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(place)
        again = load(Path(place) / FOLDER, device="cpu")
        if not pictures:
            return
        names = [str(picture) for picture in pictures]
        ours, theirs = (_probabilities(one, names) for one in (load(run.path, device="cpu"), again))
    difference = float(np.abs(ours - theirs).max())
    if not difference <= CLOSE:
        raise PersonError(
            "handover-refused", expected=f"the same answers after unpacking, to {CLOSE:g}",
            got=f"probabilities that differ by {difference:.2g}", fix="train again; nothing was written",
        )  # fmt: skip


def _probabilities(run: Run, names: Sequence[str]) -> np.ndarray:
    """(pictures, classes), the classes in the order of their names."""
    rows = predict(run, *names, top=len(run.classes))
    return np.array(
        [[one["probability"] for one in sorted(row["answers"], key=lambda one: one["class"])] for row in rows]
    )
