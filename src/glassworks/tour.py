"""The tour: everything once, on real data that packages ship, offline, in about two minutes.

Handwritten digits show training and judging; faces, written out as class folders and read back, show a
person's own pictures. It ends with one page, tour.html, and with what to try next.
"""

import shutil
import time
from pathlib import Path

import numpy as np
from PIL import Image

from glassworks.api.examine import check
from glassworks.api.judge import Evaluation, compare, evaluate
from glassworks.api.predict import predict
from glassworks.api.run import Run
from glassworks.api.train import train
from glassworks.core.errors import PersonError
from glassworks.core.page import Page, line_chart
from glassworks.core.rows import PictureTable
from glassworks.data.decode import open_picture
from glassworks.data.samples import sample_table, write_folders
from glassworks.judging.metrics import READABLE
from glassworks.training.progress import readable_time

MARK = "glassworks-tour.txt"  # a folder without it is not the tour's, and is left alone
SHOWN = 8  # pictures that are predicted one by one


def tour(out: str = "tour") -> dict:
    """Walk through all verbs into the folder `out`; returns {"page", "seconds", "stations": […]}."""
    began = time.monotonic()
    folder = _fresh_folder(Path(out))
    page = Page(
        "A tour of Glassworks",
        "From pictures to a trained, judged model that answers. Everything on this page was computed on this "
        "machine a moment ago, from real data, without a network.",
    )
    stations = [
        _digits(folder, page),
        _faces(folder, page),
        _one_dial(folder, page),
    ]
    _next(page, folder)
    seconds = time.monotonic() - began
    page.text(f"The tour took {readable_time(seconds)}.", "note")
    path = page.save(folder / "tour.html")
    print(f"\nThe tour took {readable_time(seconds)}. Open {path} in a browser.")
    return {"schema": 1, "command": "tour", "page": str(path), "seconds": seconds, "stations": stations}


def _fresh_folder(folder: Path) -> Path:
    """The tour's own folder, emptied; a folder that holds anything else is refused."""
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise PersonError(
            "not-the-tours",
            expected="a new folder, or one of an earlier tour",
            got=f"{folder}, which holds something else",
            fix="choose another place: glassworks tour --out my-tour",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).write_text("Made by `glassworks tour`; it may be deleted.\n", encoding="utf-8")
    return folder


def _say(title: str) -> None:
    print(f"\n== {title}")


def _digits(folder: Path, page: Page) -> dict:
    """Check, train, judge and use a CNN on scikit-learn's digits."""
    _say("1. Handwritten digits: check the data")
    table = sample_table("digits")
    report = check("sample", workers=0)
    page.section("1. Check the data").code("glassworks check sample")
    page.text(
        f"{len(table):,} handwritten digits that scikit-learn ships (8x8 pixels, brought to 32x32). Before "
        f"any training Glassworks looks at every picture: {_found(report)}"
    )
    page.pictures([(_array(table, row), f"a {table.classes[table.targets[row]]}") for row in range(10)])
    _say("2. Train a convolutional network from scratch")
    run = train("cnn", data="sample", size="tiny", out=str(folder / "digits"), precision="auto")
    page.section("2. Train from scratch").code("glassworks train cnn --size tiny")
    page.text(
        f"A network of {run.card['parameters']:,} numbers, all random at first. After each pass over the "
        "training pictures it is measured on pictures that it does not learn from."
    )
    for sentence in run.card["choices"]:
        page.text(sentence, "note")
    _curves(page, run)
    _say("3. Judge it on pictures that it has never seen")
    result = evaluate(run.path)
    _judged(page, "3. Judge it on pictures it has never seen", result, run)
    _say("4. Ask it about single files")
    _single_files(folder, page, run, table)
    return _station("digits", run, result)


def _faces(folder: Path, page: Page) -> dict:
    """The same on class folders, as a person's own pictures would lie there."""
    _say("5. Your own pictures: two folders of files")
    photos = write_folders("faces", folder / "photos")
    report = check(str(photos), workers=0)
    report.page().save(folder / "check.html")
    page.section("5. Your own pictures").code(
        f"glassworks samples write faces --to {photos}\nglassworks check {photos}\n"
        f"glassworks train cnn --data {photos} --side 24"
    )
    page.text(
        "Faces and other cut-outs of photographs (scikit-image ships them), written as two folders of PNG "
        f"files: the shape in which your own pictures would come. The check says: {_found(report)}"
    )
    page.html('<p><a href="check.html">The whole check, with thumbnails</a></p>')
    table = sample_table("faces")
    page.pictures(
        [(_array(table, row), table.classes[table.targets[row]]) for row in (0, 1, 2, 3, 100, 101, 102, 103)]
    )
    run = train(
        "cnn", data=str(photos), size="tiny", out=str(folder / "faces"), precision="auto", side=24, epochs=30
    )  # fmt: skip
    result = evaluate(run.path)
    _judged(page, "6. How good is it, honestly?", result, run)
    page.text(
        f"Only {result.judgement.n} pictures were left to judge on, so the intervals are wide. More "
        "pictures, or starting from a model that has seen many, would narrow them.",
        "note",
    )
    return _station("faces", run, result)


def _one_dial(folder: Path, page: Page) -> dict:
    """A second system on the same data, side by side with the first."""
    _say("6. Another system, side by side")
    run = train("lenet", data="sample", size="tiny", out=str(folder / "lenet"), precision="auto", quiet=True)
    result = evaluate(run.path)
    comparison = compare(folder / "digits", folder / "lenet")
    page.section("7. Two systems side by side").code(
        f"glassworks train lenet --size tiny\nglassworks compare {folder / 'digits'} {folder / 'lenet'}"
    )
    page.text(_sentence(comparison.verdict))
    head, *rows = comparison.as_text()
    names = {str(folder / "digits"): "cnn", str(folder / "lenet"): "lenet"}
    page.table([head[0], *head[1:3]], [[names.get(row[0], row[0]), *row[1:3]] for row in rows])
    print(comparison.verdict)
    return _station("lenet", run, result)


def _next(page: Page, folder: Path) -> None:
    page.section("What to try next")
    page.code(
        "glassworks check YOUR-FOLDER            # a folder with one folder of pictures a class\n"
        "glassworks train cnn --data YOUR-FOLDER --out runs/mine\n"
        "glassworks evaluate runs/mine           # then open runs/mine/report.html\n"
        "glassworks predict runs/mine some.jpg\n"
        "glassworks info cnn                     # what the network is, and what each part costs"
    )
    page.text(
        "Change a line: open src/glassworks/models/vision/cnn.py, change `widths`, train again, and compare. "
        "The folders beside this page hold everything that was made."
    )


def _found(report) -> str:
    """What the check found, in a sentence."""
    stops, warns = report.of_level("stop"), report.of_level("warn")
    if not stops and not warns:
        return "nothing is damaged, doubled or missing."
    return "; ".join(finding.sentence for finding in (stops + warns)[:4]) + "."


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _curves(page: Page, run: Run) -> None:
    history = run.folder.history()
    curves = {
        "training loss": [(row["epoch"], row["train_loss"]) for row in history],
        "validation loss": [(row["epoch"], row["val_loss"]) for row in history],
    }
    page.html(line_chart(curves, across="epochs"))


def _judged(page: Page, title: str, result: Evaluation, run: Run) -> None:
    """Verdict, figures beside the baselines, and where the whole report is."""
    judged = result.judgement
    page.section(title).code(f"glassworks evaluate {run.path}")
    page.text(_sentence(judged.verdict))
    names = list(judged.metrics)[:3]
    rows = [["this model", *(judged.metrics[name].words(name) for name in names)]]
    for baseline, figures in judged.baselines.items():
        rows.append([baseline, *(figures[name].words(name) for name in names)])
    page.table(["", *(READABLE[name] for name in names)], rows)
    page.html(
        f'<p><a href="{run.path.name}/report.html">The whole report</a>: every class, the most confident '
        "mistakes, labels that may be wrong, and whether its probabilities can be believed.</p>"
    )
    print(judged.verdict)


def _single_files(folder: Path, page: Page, run: Run, table: PictureTable) -> None:
    """Write some held-out pictures as files and ask about them."""
    files = []
    chosen = run.data().splits.test[:SHOWN]
    (folder / "files").mkdir()
    for row in chosen:
        path = folder / "files" / f"digit-{row}.png"
        Image.fromarray(_array(table, int(row))).save(path)
        files.append(path)
    answers = predict(run, *files)
    page.section("4. Ask it about single files").code(f"glassworks predict {run.path} {files[0]}")
    shown = []
    for row, answer in zip(chosen, answers):
        truth = table.classes[table.targets[int(row)]]
        said = f"says {answer['answer']} ({answer['answers'][0]['probability']:.0%})"
        verdict = "right" if answer["answer"] == truth else f"wrong: it is {truth}"
        shown.append((_array(table, int(row)), f"{said}\n{verdict}"))
    page.pictures(shown)
    for answer in answers[:3]:
        print(f"{Path(answer['file']).name}: {answer['answer']} ({answer['answers'][0]['probability']:.0%})")


def _array(table: PictureTable, row: int) -> np.ndarray:
    return np.asarray(open_picture(table.sources[row]))


def _station(name: str, run: Run, result: Evaluation) -> dict:
    figures = result.judgement.as_json()
    return {
        "name": name,
        "run": str(run.path),
        "metrics": figures["metrics"],
        "verdict": result.judgement.verdict,
    }
