"""What a page says about own pictures: what was understood, what the model is worth, what it answers.

All of it comes from the library: the checker's findings, the split that training will make, the judgement of
the part that was held out, and the answer with its distance to the training pictures.

The first thing to change: SHOWN, how many pictures of a class are drawn.
"""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size
from glassworks.core.page import picture_uri
from glassworks.data.check_report import CheckReport, Finding, by, counted, shown
from glassworks.data.decode import read_picture
from glassworks.data.splits import Splits, split
from glassworks.judging.charts import confusion_table
from glassworks.judging.intervals import Interval
from glassworks.judging.metrics import MAIN, READABLE
from glassworks.reader import draw
from glassworks.reader.own_folder import OwnClass

SHOWN = 8  # pictures of a class
SIDE = 64  # pixels of a picture in a strip
WORDS = {"stop": ("stop", "bad"), "warn": ("warning", "warn"), "info": ("note", "note")}


def thumbnail(file: Path) -> dict[str, str] | None:
    """A picture cut square: {"src": data URI, "alt": file name}; None when it is there no more."""
    try:
        pixels = read_picture(file, SIDE, SIDE, 3, "crop")
    except PersonError:  # the checker says what is wrong with it
        return None
    return {"src": picture_uri(pixels, SIDE)[0], "alt": file.name}


def missing(classes: Sequence[OwnClass]) -> str:
    """What is still needed before there is anything to look at, "" when nothing is."""
    filled = [one.name for one in classes if one.files]
    if not filled:
        return "Drop pictures of at least two classes, ten or more of each."
    if len(filled) < 2:
        return (
            f'Only "{filled[0]}" has pictures. With one class there is nothing to tell apart: fill a second.'
        )
    empty = [one.name for one in classes if not one.files]
    if empty:
        return f'No pictures yet of "{empty[0]}". Drop some, or remove that class.'
    return ""


def divided(report: CheckReport, seed: int) -> Splits:
    """The parts that training will make of these pictures."""
    place = {name: row for row, name in enumerate(report.table.names)}
    same = [[place[name] for name in group] for group in report.exact]
    return split(report.table, seed=seed, same=same)


def too_few(parts: Splits) -> str:
    """Why these pictures cannot be divided into three parts, "" when they can."""
    for rows, use in (
        (parts.train, "to learn from"),
        (parts.val, "to choose with"),
        (parts.test, "to judge with"),
    ):
        if not len(rows):
            return f"Too few pictures: none would be left {use}. Ten or more of each class will do."
    return ""


def counts(classes: Sequence[OwnClass], refused: int, needed: str) -> str:
    """What a screen reader says after a drop."""
    pictures = sum(len(one.files) for one in classes)
    left_out = f"{refused} {'file was' if refused == 1 else 'files were'} refused. " if refused else ""
    return f"{left_out}{pictures} pictures in {len(classes)} classes. {needed or 'Ready to train.'}"


def understood(report: CheckReport, parts: Splits) -> str:
    """Classes, parts, sizes, and what the checker found."""
    table = report.table
    of_part = {"learn from": parts.train, "choose with": parts.val, "judge with": parts.test}
    rows = [
        [
            name,
            sum(report.counts[name].values()),
            *(int((table.targets[r] == index).sum()) for r in of_part.values()),
        ]
        for index, name in enumerate(table.classes)
    ]
    stops, warnings = len(report.of_level("stop")), len(report.of_level("warn"))
    verdict = ("Something stops training:", "bad") if stops else ("Ready, with a warning:", "warn")
    if not stops and not warnings:
        verdict = ("Nothing here stops training.", "good")
    sizes = f"{by(report.sizes.smallest)} to {by(report.sizes.largest)} pixels"
    findings = [finding for finding in report.findings if finding.code not in ("note",)]
    return "".join(
        [
            draw.heading("What was understood"),
            draw.table(["class", "pictures", *of_part], rows),
            draw.note(f"{counted(report.formats)}; {counted(report.channels)}; {sizes}."),
            draw.note(
                "The model learns from the first part. The second chooses its best moment. The third is not "
                "looked at before the end, so it tells how good the model is on pictures it never saw."
            ),
            draw.text(*verdict),
            _findings(findings),
        ]
    )


def found(report: Any) -> str:
    """What the checker found in texts or series: what it sees, and its findings."""
    stops, warnings = len(report.of_level("stop")), len(report.of_level("warn"))
    verdict = ("Something stops training:", "bad") if stops else ("Ready, with a warning:", "warn")
    if not stops and not warnings:
        verdict = ("Nothing here stops training.", "good")
    findings = [finding for finding in report.findings if finding.code not in ("note",)]
    sees = f"{len(report.table):,} rows, read as {type(report.table).__name__.removesuffix('Table').lower()}"
    classes = f"; classes: {', '.join(report.table.classes[:12])}" if report.table.classes else ""
    return "".join(
        [
            draw.heading("What was understood"),
            draw.note(f"{sees}{classes}."),
            draw.text(*verdict),
            _findings(findings),
        ]
    )


def _findings(findings: Sequence[Finding]) -> str:
    rows = []
    for finding in findings:
        word, tone = WORDS[finding.level]
        names = f" <span class='note'>({html.escape(shown(finding.names))})</span>" if finding.names else ""
        mend = f" {html.escape(_sentence(finding.mend))}" if finding.mend else ""
        what = f"<b class='{tone}'>{word}</b> {html.escape(_sentence(finding.sentence))}"
        rows.append(f"<li>{what}{names}{mend}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def worth(judged: dict[str, Any], things: str = "pictures") -> str:
    """The judgement of the part that was held out, as `Judgement.as_json` gives it."""
    figures = judged["metrics"]
    main = next((name for name in MAIN.values() if name in figures), next(iter(figures)))
    rows = [["this model", Interval(**judged["metrics"][main]).words(main)]]
    rows += [
        [f"baseline: {name}", Interval(**of[main]).words(main)]
        for name, of in judged["baselines"].items()
        if main in of
    ]
    count = judged["n"]
    confusion = ""
    if judged["confusion"] is not None:
        told = f"{count} {things} that the model never saw, by the class that you gave and the one it said"
        drawn = confusion_table(np.array(judged["confusion"]), judged["classes"])
        confusion = f"<figure>{drawn}<figcaption>{told}</figcaption></figure>"
    return "".join(
        [
            draw.heading("What it is worth"),
            draw.text(f"{_sentence(judged['verdict'])}", "verdict"),
            draw.columns(draw.table([f"{count} held-out {things}", READABLE[main]], rows), confusion),
            draw.note("The range behind a figure holds the true one in 95 of 100 such judgements."),
            *(draw.note(_sentence(note)) for note in judged["notes"]),
        ]
    )


def answered(row: dict[str, Any], file: Path, name: str) -> tuple[str, str]:
    """(HTML, sentence) of a model's answer to one more picture, a row of `api.predict`."""
    sure = row["answers"][0]["probability"] if row["answers"][0]["class"] == row["answer"] else None
    share = f" with a probability of {sure:.0%}" if sure is not None else ""
    said = f"The model says {row['answer']}{share}."
    far = row.get("unfamiliar")
    if row.get("unlike"):
        tone, doubt = (
            "warn",
            (
                f"None of these? The picture is unlike those it learned from ({far:.1f} times the limit), "
                "so do not trust the answer: the model names one of its classes whatever it is shown."
            ),
        )
    elif far is not None:
        tone, doubt = "note", f"The picture is like those it learned from ({far:.1f} of the limit)."
    else:
        tone, doubt = "note", "Too few training pictures to tell whether this one is like them."
    bars = draw.bar_chart([(one["class"], one["probability"]) for one in row["answers"]], width=340)
    shown = draw.picture(read_picture(file, 128, 128, 3, "pad"), name, width=128)
    return draw.columns(
        shown, draw.text(said) + bars + draw.text(doubt, tone)
    ), f"{said} {doubt if row.get('unlike') else ''}"


def in_words(row: dict[str, Any], before: str) -> tuple[str, str]:
    """(HTML, sentence) of a row of `predict`: the answer with `before` in front of it, and how sure it is."""
    if "error" in row:
        told = f"{row['error']['got']}. {row['error']['fix']}."
        return draw.text(told, "bad"), told
    said = row.get("answer", row.get("value", ""))
    said = "; ".join(said) or "none" if isinstance(said, list) else str(said)
    words = [draw.text(f"{before}{said}")]
    if row.get("answers") and "probability" in row["answers"][0]:
        words.append(
            draw.bar_chart([(one["class"], one["probability"]) for one in row["answers"]], width=340)
        )
    if row.get("note"):
        words.append(draw.note(row["note"]))
    return "".join(words), said


def handed(size: int, asked: int) -> str:
    """The sentence beside the model to take along."""
    again = (
        f" It was unpacked and loaded again, and gave the same answers to {asked} held-out pictures."
        if asked
        else ""
    )
    return (
        f"One zip file of {readable_size(size)} with the weights, the recipe and the model's card, without "
        f"your pictures.{again} Unpack it anywhere; these ten lines load it and ask it:"
    )


def changed(things: str) -> str:
    """A note below a judgement that is older than the data."""
    return draw.text(
        f"Since then {things} were added, removed or renamed. Train again to learn from them too.", "warn"
    )


def reason(error: PersonError | OSError) -> str:
    """Why something could not be done with a file, and what to do."""
    if isinstance(error, PersonError):
        return _sentence(error.got) + " " + _sentence(error.fix)
    return f"The disk says: {error.strerror}. Look whether it is full, or whether a program holds the file."


def refused(got: str, fix: str) -> str:
    """A mistake in two sentences."""
    return draw.text(_sentence(got), "bad") + draw.text(_sentence(fix))


def _sentence(words: str) -> str:
    words = words.strip()
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith((".", "!", "?")) else ".")
