"""The report of a run: one HTML file that holds everything, from the verdict to the command that made it.

It shows what `judge` found and nothing else, in the order in which a reader asks: is it any good, against
what, where does it fail, can its probabilities be believed, are labels wrong, how was it made. It needs no
network and no script, and it embeds the person's own pictures, which it says at its head. The first thing
to change: the order of the sections in `write_report`.
"""

import html
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from glassworks.core.charts import line_chart
from glassworks.core.page import Page
from glassworks.judging.charts import calibration_diagram, confusion_table
from glassworks.judging.decisions import Threshold
from glassworks.judging.judgement import Judgement, Mistake
from glassworks.judging.metrics import LOWER_IS_BETTER, READABLE, written

MOST_CLASSES = 16  # above, the confusion matrix becomes a list of the most confused pairs
MOST_PAIRS = 24
MOST_PICTURES = 24
LONGEST_TEXT = 300  # characters of a text that are shown
SHOWN_FIRST = ("system", "variant", "size", "data", "rows", "parameters", "training time", "looks")
LONG_FACTS = ("recipe", "environment", "command", "parts")

BASELINES = (
    "A baseline needs no training: the most frequent answer of the training part, and the most similar "
    "training picture in small pixels. Differences are resampled on the same rows."
)

Section = tuple[str, str, Sequence[tuple[np.ndarray, str]] | str]
# name, given, suggested, score, and the picture or the text
Suspect = tuple[str, str, str, float, np.ndarray | str | None]


def write_report(
    path: str | Path,
    judgement: Judgement,
    *,
    run: dict,
    history: Sequence[dict] = (),
    pictures: Callable[[int], np.ndarray | None] | None = None,
    suspects: Sequence[Suspect] = (),
    findings: Sequence[tuple[str, str]] = (),
    looked: Sequence[tuple[np.ndarray, str]] = (),
    sections: Sequence[Section] = (),
    baselines: str = BASELINES,
    texts: Callable[[int], str] | None = None,
) -> Path:
    """Write the report to `path`, whole or not at all, and return the path.

    run:      facts by name: "system", "variant", "size", "data", "parameters", "training time", "looks" (how
              often the test part was judged), "recipe" (text), "environment" (dict), "command", "parts" (rows
              of transfer.tuning.table_of); others are listed as they are
    history:  rows of metrics.jsonl: step, epoch, train_loss, val_loss, val_accuracy, learning_rate
    pictures: row of the judged answers -> uint8 picture, or None where there is none
    texts:    row of the judged answers -> its text, where texts were judged
    suspects: (name, given label, suggested label, score, picture or text), most suspicious first
    looked:   (drawing, caption): what the model looked at in some of the judged pictures
    findings: (tone, sentence) of the data check; tone "good", "warn", "bad" or ""
    sections: (title, what it shows, pictures with captions or markup): what a kind of task shows beside that
    baselines: what they are, for people
    """
    system = str(run.get("system", "model"))
    page = Page(f"{system}: report", _lead(judgement, run))
    shown = [None if pictures is None else pictures(mistake.row) for mistake in judgement.worst]
    drawn = [picture for _, _, rows in sections if not isinstance(rows, str) for picture, _ in rows]
    if (
        any(picture is not None for picture in [*shown, *drawn, *(suspect[4] for suspect in suspects)])
        or texts
    ):
        held = "quotes texts" if texts else "embeds pictures"
        page.text(
            f"This file {held} of your own data. Whoever gets it sees them: share it accordingly.", "note"
        )
    _verdict(page, judgement, run)
    _against_baselines(page, judgement, baselines)
    for title, words, figures in sections:
        page.section(title).text(words)
        page.html(figures) if isinstance(figures, str) else page.figures(figures, side=320)
    _learning_curves(page, history)
    _confusion(page, judgement)
    _per_class(page, judgement)
    _calibration(page, judgement)
    _worst(page, judgement, shown, texts)
    _inside(page, looked)
    _suspects(page, suspects)
    if judgement.threshold is not None:
        _threshold(page, judgement.threshold)
    _findings(page, findings)
    _origin(page, run)
    return page.save(path)


def _lead(judgement: Judgement, run: dict) -> str:
    data = f" from {run['data']}" if run.get("data") else ""
    thing = "token" if judgement.kind == "text" else "row"
    rows = f"{judgement.n:,} {thing}{'' if judgement.n == 1 else 's'}"
    return f"Judged on {rows}{data} that it was not trained on. Ranges are 95 % intervals."


def _verdict(page: Page, judgement: Judgement, run: dict) -> None:
    page.section("Verdict")
    against, main = judgement.against, judgement.main
    tone = "warn"
    if against is not None and against.difference[main].excludes_zero:
        tone = "good" if (against.difference[main].value > 0) != (main in LOWER_IS_BETTER) else "bad"
    sentence = f"{judgement.verdict[:1].upper()}{judgement.verdict[1:]}."
    page.html(f'<p class="{tone}"><strong>{html.escape(sentence)}</strong></p>')
    tiles = [_tile(READABLE[main], main, judgement.metrics[main])]
    if against is not None:
        best = judgement.baselines[against.name][main]
        tiles.append(_tile(f"{READABLE[main]} of the best baseline ({against.name})", main, best))
    for name in ("balanced_accuracy", "macro_f1", "auroc", "macro_auroc", "r2"):
        if name in judgement.metrics and len(tiles) < 4:
            tiles.append(_tile(READABLE[name], name, judgement.metrics[name]))
    if "looks" in run:
        looks = int(run["looks"])
        fair = "a fair judge so far" if looks <= 1 else "each further look makes it less fair a judge"
        tiles.append((str(looks), "looks at the test part" if looks != 1 else "look at the test part", fair))
    page.tiles(tiles)
    for note in judgement.notes:
        page.text(f"{note[:1].upper()}{note[1:]}.", "note")


def _tile(title: str, name: str, interval) -> tuple[str, str, str]:
    ends = interval.range_words(name)
    return written(name, interval.value), title, ends


def _against_baselines(page: Page, judgement: Judgement, about: str) -> None:
    page.section("Figures against baselines")
    against = judgement.against
    head = ["figure", "this model", *judgement.baselines]
    if against is not None:
        head.append("difference to the best")
    rows = []
    for name, interval in judgement.metrics.items():
        row: list = [READABLE[name] + (" (lower is better)" if name in LOWER_IS_BETTER else "")]
        row.append(_two_lines(interval.words(name)))
        for theirs in judgement.baselines.values():
            row.append(_two_lines(theirs[name].words(name)) if name in theirs else "–")
        if against is not None:
            row.append(_difference_cell(name, against.difference))
        rows.append(row)
    _grid(page, head, rows)
    page.text(about, "note")


def _difference_cell(name: str, difference: dict) -> str | tuple[str, str]:
    if name not in difference:
        return "–"
    interval = difference[name]
    text = _two_lines(interval.words(name, signed=True).replace(" %", " points", 1))
    if not interval.excludes_zero:
        return text
    return text, "good" if (interval.value > 0) != (name in LOWER_IS_BETTER) else "bad"


def _two_lines(words: str) -> str:
    """The range below its figure, so that five columns fit on a page."""
    return words.replace(" (", "\n(", 1)


def _learning_curves(page: Page, history: Sequence[dict]) -> None:
    if not history:
        return
    page.section("Learning curves")
    charts = (
        ("Loss", {"training": "train_loss", "validation": "val_loss"}),
        (
            "Validation",
            {"accuracy": "val_accuracy", "error on hidden patches": "val_masked_error", "chrF": "val_chrf"}
            | {"the very answer": "val_exact_match", "neighbours told from noise": "val_neighbours_told"},
        ),
        ("Learning rate", {"learning rate": "learning_rate"}),
    )
    cells = []
    for title, names in charts:
        curves: dict[str, Sequence[tuple[float, float]]] = {}
        for label, key in names.items():
            points = [(float(row["step"]), float(row[key])) for row in history if row.get(key) is not None]
            if len(points) > 1:
                curves[label] = points
        if curves:
            cells.append(f"<div><h3>{html.escape(title)}</h3>{_small_chart(curves)}</div>")
    if cells:
        columns = "repeat(auto-fit,minmax(min(100%,300px),1fr))"
        page.html(f'<div style="display:grid;gap:.4rem 1.4rem;grid-template-columns:{columns}">')
        page.html("".join(cells) + "</div>")
    else:
        page.text("Fewer than two rows were recorded, so there is no curve.", "note")


def _small_chart(curves: dict[str, Sequence[tuple[float, float]]]) -> str:
    return line_chart(curves, across="step", width=330, height=190)


def _confusion(page: Page, judgement: Judgement) -> None:
    if judgement.confusion is None:
        return
    page.section("What is taken for what")
    counts = judgement.confusion
    if len(judgement.classes) <= MOST_CLASSES:
        page.text(
            "Rows: the class given. Columns: the class said. Darker: a larger share of the row.", "note"
        )
        page.html(confusion_table(counts, judgement.classes))
        return
    off = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    places = np.argsort(-off, axis=None, kind="stable")[:MOST_PAIRS]
    rows = []
    for given, said in zip(*np.unravel_index(places, off.shape)):
        if off[given, said]:
            share = off[given, said] / counts[given].sum()
            rows.append(
                [judgement.classes[given], judgement.classes[said], int(off[given, said]), f"{share:.0%}"]
            )
    page.text(f"The most confused pairs of {len(counts)} classes.", "note")
    page.table(["given", "said", "times", "share of the class given"], rows)


def _per_class(page: Page, judgement: Judgement) -> None:
    if not judgement.per_class:
        return
    page.section("Class by class")
    rows = sorted(judgement.per_class, key=lambda row: 2.0 if row["f1"] is None else row["f1"])
    cells = [
        [row["name"], *(_share_cell(row[key]) for key in ("precision", "recall", "f1")), row["support"]]
        for row in rows
    ]
    _grid(page, ["class, weakest first", "precision", "recall", "F1", "rows"], cells, numbers=True)
    page.text(
        "Precision: how often it is right when it says the class. Recall: how many of the class it finds. "
        "A dash: not known here, because the class does not occur in these rows or was never said.",
        "note",
    )


def _share_cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _calibration(page: Page, judgement: Judgement) -> None:
    if not judgement.calibration:
        return
    page.section("Can its probabilities be believed?")
    if "calibration_error" in judgement.metrics:
        error = judgement.metrics["calibration_error"]
        page.text(
            f"Among the answers given with 80 % confidence, 80 % should be right. On average the share is "
            f"{error.words('calibration_error')} away from what was said."
        )
    page.html(calibration_diagram(judgement.calibration))
    page.text(
        "Bars: share of right answers in each of 15 ranges of confidence, fainter where fewer rows stand. "
        "Dashed: a model that means what it says.",
        "note",
    )


def _worst(
    page: Page,
    judgement: Judgement,
    shown: Sequence[np.ndarray | None],
    texts: Callable[[int], str] | None = None,
) -> None:
    if judgement.kind == "text":
        page.section("The largest surprises")
        page.table(["after", "came", "chance"], [[m.name, m.given, m.said] for m in judgement.worst])
        return
    large = judgement.kind in ("number", "none", "pairs", "forecast")
    page.section("The largest errors" if large else "The most confident mistakes")
    if not judgement.worst:
        page.text("None on these rows. That is no promise: see the interval of the figures above.")
        return
    if texts is not None:
        rows = [
            [m.given, m.said, _probability(m) or "–", excerpt(texts(m.row)), _row_name(m.name)]
            for m in judgement.worst
        ]
        page.table(["given", "said", "probability", "text", "row"], rows)
        return
    pairs = list(zip(judgement.worst, shown))
    page.pictures((picture, _mistake_words(mistake)) for mistake, picture in pairs if picture is not None)
    without = [mistake for mistake, picture in pairs if picture is None]
    if without:
        sure = any(mistake.probability is not None for mistake in without)
        rows = [[m.name, m.given, m.said] + [_probability(m) or "–"] * sure for m in without]
        page.table(["row", "given", "said"] + ["probability"] * sure, rows)


def excerpt(text: str, most: int = LONGEST_TEXT) -> str:
    """A text in one line, its middle left out where it is long: reviews often judge at their end."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    return f"{text[: most * 2 // 3].rstrip()} … {text[-(most // 3) :].lstrip()}"


def _row_name(name: str) -> str:
    """ "line 17" in one line beside a text."""
    return name.replace(" ", "\u00a0") if len(name) < 16 else name


def _mistake_words(mistake: Mistake) -> str:
    if not mistake.given:
        return f"{mistake.said}\n{_tail(mistake.name)}"
    sure = f" ({_probability(mistake)})" if mistake.probability is not None else ""
    return f"said {mistake.said}{sure}\ngiven {mistake.given}\n{_tail(mistake.name)}"


def _tail(name: str, most: int = 17) -> str:
    """The last folders and the file of a long name, as much as fits under a picture."""
    if len(name) <= most:
        return name
    end = name[-most:]
    return end.partition("/")[2] or end


def _probability(mistake: Mistake) -> str:
    if mistake.probability is None:
        return ""
    return "over 99 %" if mistake.probability > 0.99 else f"{100 * mistake.probability:.0f} %"


def _inside(page: Page, looked: Sequence[tuple[np.ndarray, str]]) -> None:
    if not looked:
        return
    page.section("What it looked at")
    page.text(
        "Grad-CAM: where the last maps of the network speak for its answer, brightest most. It shows where, "
        "not what was seen there, and proves no cause. Of a network of attention also where the answer could "
        "draw from (rollout, attention), each by its own range; that is no proof either. "
        "`glassworks explain` shows more, occlusion among it, and checks the heat."
    )
    page.figures(looked, side=320)


def _suspects(page: Page, suspects: Sequence[Suspect]) -> None:
    if not suspects:
        return
    page.section("Labels that may be wrong")
    page.text(
        "Their neighbours, and the model where it had not been trained on them, point to another class. "
        "Look before you change anything: some are right and merely rare. In brackets the doubt, at most 1.",
    )
    pictured = [suspect for suspect in suspects[:MOST_PICTURES] if suspect[4] is not None]
    quoted = [
        [given, suggested, f"{score:.2f}", excerpt(text), _row_name(name)]
        for name, given, suggested, score, text in pictured
        if isinstance(text, str)
    ]
    if quoted:
        page.table(["given", "perhaps", "doubt", "text", "row"], quoted)
    else:
        page.pictures(
            (picture, f"given {given}\nperhaps {suggested} ({score:.2f})\n{_tail(name)}")
            for name, given, suggested, score, picture in pictured
            if isinstance(picture, np.ndarray)
        )
    rest = [suspect for suspect in suspects if suspect[4] is None][:MOST_PICTURES]
    if rest:
        rows = [[name, given, suggested, f"{score:.2f}"] for name, given, suggested, score, _ in rest]
        page.table(["row", "given", "perhaps", "doubt"], rows)
    left = len(suspects) - len(pictured) - len(rest)
    if left > 0:
        page.text(f"{left:,} more are not shown.", "note")


def _threshold(page: Page, threshold: Threshold) -> None:
    page.section("Decision threshold")
    page.text(f'Chosen on the validation part by the rule "{threshold.rule}".')
    values = [threshold.value] if isinstance(threshold.value, float) else threshold.value
    rows = [
        [name, *(f"{value:.3f}" for value in row)]
        for name, *row in zip(threshold.classes, values, threshold.precision, threshold.recall, threshold.f1)
    ]
    _grid(page, ["class", "said from", "precision", "recall", "F1"], rows, numbers=True)
    if threshold.curve:
        curves: dict[str, Sequence[tuple[float, float]]] = {
            name: [(point[0], point[place]) for point in threshold.curve]
            for place, name in ((1, "precision"), (2, "recall"), (3, "F1"))
        }
        page.html(line_chart(curves, across="threshold"))
    for note in threshold.notes:
        page.text(note, "note")


def _findings(page: Page, findings: Sequence[tuple[str, str]]) -> None:
    if findings:
        page.section("What was chosen and noted")
        for tone, sentence in findings:
            page.text(sentence, tone)


def _origin(page: Page, run: dict) -> None:
    page.section("How it was made")
    known = [name for name in SHOWN_FIRST if name in run]
    others = [name for name in run if name not in (*SHOWN_FIRST, *LONG_FACTS)]
    _grid(page, ["fact", "value"], [[name, _fact(run[name])] for name in (*known, *others)])
    if run.get("parts"):
        page.heading("What learned of the pretrained model, and how fast")
        _grid(page, ["part", "numbers", "that learn", "peak rate"], [_part(row) for row in run["parts"]])
    if run.get("command"):
        page.heading("Command").code(str(run["command"]))
    if run.get("recipe"):
        page.heading("Recipe").code(str(run["recipe"]))
    if run.get("environment"):
        page.heading("Environment")
        _grid(page, ["part", "version"], [[key, _fact(value)] for key, value in run["environment"].items()])


def _part(row: dict) -> list[str]:
    """One part of a model: frozen, or its rate and from when it learns."""
    later = f", from {row['from']:.0%} of the run" if row["from"] else ""
    rate = f"{row['rate']:.2g}{later}" if row["learning"] else "frozen"
    return [row["part"], f"{row['parameters']:,}", f"{row['learning']:,}", rate]


def _fact(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_fact(inner)}" for key, inner in value.items())
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _grid(page: Page, head: Sequence[str], rows: Sequence[Sequence], *, numbers: bool = False) -> None:
    """A table whose alignment is chosen here: names left, and figures right where `numbers`."""
    # Figures keep their line and the table scrolls, rather than a range that breaks in three on a phone.
    other = ' class="number"' if numbers else ' style="white-space:nowrap"' if len(head) > 2 else ""
    mark = ["", *[other] * (len(head) - 1)]
    lines = []
    for row in rows:
        cells = []
        for place, cell in enumerate(row):
            text, tone = cell if isinstance(cell, tuple) else (cell, "")
            words = html.escape(str(text)).replace("\n", "<br>")
            cells.append(f"<td{mark[place]}>{f'<span class={tone!r}>{words}</span>' if tone else words}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    top = "".join(f"<th{mark[place]}>{html.escape(name)}</th>" for place, name in enumerate(head))
    body = f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody>"
    page.html(f'<div class="scroll"><table>{body}</table></div>')
