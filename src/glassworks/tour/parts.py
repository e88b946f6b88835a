"""What the stations of the tour share: how they speak, and how they put results onto the page."""

import numpy as np

from glassworks.api.judge import Evaluation
from glassworks.api.run import Run
from glassworks.core.charts import line_chart
from glassworks.core.page import Page
from glassworks.core.rows import PictureTable
from glassworks.data.decode import open_picture
from glassworks.judging.metrics import READABLE


def say(title: str) -> None:
    print(f"\n== {title}")


def found(report) -> str:
    """What the check found, in a sentence."""
    stops, warns = report.of_level("stop"), report.of_level("warn")
    if not stops and not warns:
        return "nothing is damaged, doubled or missing."
    return "; ".join(finding.sentence for finding in (stops + warns)[:4]) + "."


def sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def curves(page: Page, run: Run) -> None:
    history = run.folder.history()
    curves = {
        "training loss": [(row["epoch"], row["train_loss"]) for row in history],
        "validation loss": [(row["epoch"], row["val_loss"]) for row in history],
    }
    page.html(line_chart(curves, across="epochs"))


def judged(page: Page, title: str, result: Evaluation, run: Run, *, command: str = "") -> None:
    """Verdict, figures beside the baselines, and where the whole report is. command: what came before."""
    shown = result.judgement
    page.section(title).code(f"{command}glassworks evaluate {run.path}")
    page.text(sentence(shown.verdict))
    names = list(shown.metrics)[:3]
    rows = [["this model", *(shown.metrics[name].words(name) for name in names)]]
    for baseline, figures in shown.baselines.items():
        rows.append([baseline, *(figures[name].words(name) for name in names)])
    page.table(["", *(READABLE[name] for name in names)], rows)
    page.html(
        f'<p><a href="{run.path.name}/report.html">The whole report</a>: every class, the most confident '
        "mistakes, labels that may be wrong, and whether its probabilities can be believed.</p>"
    )
    print(shown.verdict)


def array(table: PictureTable, row: int) -> np.ndarray:
    return np.asarray(open_picture(table.sources[row]))


def station(name: str, run: Run, result: Evaluation) -> dict:
    figures = result.judgement.as_json()
    return {
        "name": name,
        "run": str(run.path),
        "metrics": figures["metrics"],
        "verdict": result.judgement.verdict,
    }
