"""The first half of the tour: check, train from scratch, judge, ask, and compare."""

from pathlib import Path

from PIL import Image

from glassworks.api.compare import compare
from glassworks.api.examine import check
from glassworks.api.judge import evaluate
from glassworks.api.predict import predict
from glassworks.api.run import Run
from glassworks.api.train import train
from glassworks.core.page import Page
from glassworks.core.rows import PictureTable
from glassworks.data.samples import sample_table, write_folders
from glassworks.tour.parts import array, curves, found, judged, say, sentence, station

SHOWN = 8  # pictures that are predicted one by one


def digits(folder: Path, page: Page) -> dict:
    """Check, train, judge and use a CNN on scikit-learn's digits."""
    say("1. Handwritten digits: check the data")
    table = sample_table("digits")
    report = check("sample", workers=0)
    page.section("1. Check the data").code("glassworks check sample")
    page.text(
        f"{len(table):,} handwritten digits that scikit-learn ships (8x8 pixels, brought to 32x32). Before "
        f"any training Glassworks looks at every picture: {found(report)}"
    )
    page.pictures([(array(table, row), f"a {table.classes[table.targets[row]]}") for row in range(10)])
    say("2. Train a convolutional network from scratch")
    run = train("cnn", data="sample", size="tiny", out=str(folder / "digits"), precision="auto")
    page.section("2. Train from scratch").code("glassworks train cnn --size tiny")
    page.text(
        f"A network of {run.card['parameters']:,} numbers, all random at first. After each pass over the "
        "training pictures it is measured on pictures that it does not learn from."
    )
    for choice in run.card["choices"]:
        page.text(choice, "note")
    curves(page, run)
    say("3. Judge it on pictures that it has never seen")
    result = evaluate(run.path)
    judged(page, "3. Judge it on pictures it has never seen", result, run)
    say("4. Ask it about single files")
    _single_files(folder, page, run, table)
    return station("digits", run, result)


def faces(folder: Path, page: Page) -> dict:
    """The same on class folders, as a person's own pictures would lie there."""
    say("5. Your own pictures: two folders of files")
    photos = write_folders("faces", folder / "photos")
    report = check(str(photos), workers=0)
    report.page().save(folder / "check.html")
    page.section("5. Your own pictures").code(
        f"glassworks samples write faces --to {photos}\nglassworks check {photos}\n"
        f"glassworks train cnn --data {photos} --side 24"
    )
    page.text(
        "Faces and other cut-outs of photographs (scikit-image ships them), written as two folders of PNG "
        f"files: the shape in which your own pictures would come. The check says: {found(report)}"
    )
    page.html('<p><a href="check.html">The whole check, with thumbnails</a></p>')
    table = sample_table("faces")
    page.pictures(
        [(array(table, row), table.classes[table.targets[row]]) for row in (0, 1, 2, 3, 100, 101, 102, 103)]
    )
    run = train(
        "cnn", data=str(photos), size="tiny", out=str(folder / "faces"), precision="auto", side=24, epochs=30
    )  # fmt: skip
    result = evaluate(run.path)
    judged(page, "6. How good is it, honestly?", result, run)
    page.text(
        f"Only {result.judgement.n} pictures were left to judge on, so the intervals are wide. More "
        "pictures, or starting from a model that has seen many, would narrow them.",
        "note",
    )
    return station("faces", run, result)


def one_dial(folder: Path, page: Page) -> dict:
    """A second system on the same data, side by side with the first."""
    say("6. Another system, side by side")
    run = train("lenet", data="sample", size="tiny", out=str(folder / "lenet"), precision="auto", quiet=True)
    result = evaluate(run.path)
    comparison = compare(folder / "digits", folder / "lenet")
    page.section("7. Two systems side by side").code(
        f"glassworks train lenet --size tiny\nglassworks compare {folder / 'digits'} {folder / 'lenet'}"
    )
    page.text(sentence(comparison.verdict))
    head, *rows = comparison.as_text()
    names = {str(folder / "digits"): "cnn", str(folder / "lenet"): "lenet"}
    page.table([head[0], *head[1:3]], [[names.get(row[0], row[0]), *row[1:3]] for row in rows])
    print(comparison.verdict)
    return station("lenet", run, result)


def _single_files(folder: Path, page: Page, run: Run, table: PictureTable) -> None:
    """Write some held-out pictures as files and ask about them."""
    files = []
    chosen = run.data().splits.test[:SHOWN]
    (folder / "files").mkdir()
    for row in chosen:
        path = folder / "files" / f"digit-{row}.png"
        Image.fromarray(array(table, int(row))).save(path)
        files.append(path)
    answers = predict(run, *files)
    page.section("4. Ask it about single files").code(f"glassworks predict {run.path} {files[0]}")
    shown = []
    for row, answer in zip(chosen, answers):
        truth = table.classes[table.targets[int(row)]]
        said = f"says {answer['answer']} ({answer['answers'][0]['probability']:.0%})"
        verdict = "right" if answer["answer"] == truth else f"wrong: it is {truth}"
        shown.append((array(table, int(row)), f"{said}\n{verdict}"))
    page.pictures(shown)
    for answer in answers[:3]:
        print(f"{Path(answer['file']).name}: {answer['answer']} ({answer['answers'][0]['probability']:.0%})")
