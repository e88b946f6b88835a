"""What a page shows of a training run, made of its events alone: a line of words, two charts, the verdict.

Events come in any number at once, ten a second while the run goes on and all of them after a reload; the
story is the same. Where a run went on from a checkpoint, the part that was trained twice is shown once.

The first thing to change: POINTS, if your charts are wider.
"""

import html
from collections.abc import Iterable
from typing import Any

from glassworks.judging.intervals import Interval
from glassworks.judging.metrics import MAIN, READABLE, written
from glassworks.reader import draw
from glassworks.runs.events import Event
from glassworks.training.progress import readable_time

POINTS = 240  # of a curve, at most; more cannot be told apart
SENTENCES = 40  # of what the run says, the newest


class Story:
    """The events of one run, put in order.

    steps:     (step, epoch, training loss so far in this epoch), the newest last
    evaluated: rows of the log; now: the newest step's facts; final: the last event of the newest attempt
    said:      what the run says in words; saving: whether it was asked to stop and is saving
    """

    def __init__(self) -> None:
        self.number = 0
        self.steps: list[tuple[int, float, float]] = []
        self.evaluated: list[Event] = []
        self.said: list[str] = []
        self.now: Event = {}
        self.final: Event | None = None
        self.saving = False

    def add(self, events: Iterable[Event]) -> bool:
        """Take in events that follow those before; returns whether there were any."""
        before = self.number
        takers = {
            "begun": self._begun, "say": self._say, "step": self._step, "evaluated": self._evaluated,
            "saving": self._saving, "done": self._end, "stopped": self._end, "failed": self._end,
        }  # fmt: skip
        for event in events:
            self.number = event["number"]
            if event["kind"] in takers:
                takers[event["kind"]](event)
        return self.number > before

    def _begun(self, event: Event) -> None:
        self.final, self.saving = None, False

    def _say(self, event: Event) -> None:
        self.said = [*self.said, str(event["text"])][-SENTENCES:]

    def _step(self, event: Event) -> None:
        while self.steps and self.steps[-1][0] >= event["step"]:
            self.steps.pop()
        if event["loss"] is not None:
            self.steps.append((event["step"], event["epoch"], event["loss"]))
        self.now = event

    def _evaluated(self, event: Event) -> None:
        while self.evaluated and self.evaluated[-1]["step"] >= event["step"]:
            self.evaluated.pop()
        self.evaluated.append(event)

    def _saving(self, event: Event) -> None:
        self.saving = True

    def _end(self, event: Event) -> None:
        self.final, self.saving = event, False

    # ---- in words

    @property
    def figure(self) -> str:
        """Name of the figure that decides what is best, "" before the first evaluation."""
        return str(self.evaluated[-1]["primary"]).removeprefix("val_") if self.evaluated else ""

    def progress(self) -> str:
        """'epoch 3.2 of 12, 1,250 examples a second, 12 s left'."""
        if not self.now:
            return ""
        speed, left = self.now["examples_per_second"] or 0, self.now["seconds_left"]
        words = f"epoch {self.now['epoch']:.1f} of {self.now['epochs']}, {speed:,.0f} examples a second"
        return words if left is None else f"{words}, {readable_time(left)} left"

    def spoken(self) -> str:
        """What a screen reader says while the run goes on: 'epoch 3 of 12, validation accuracy 91.3 %'."""
        if not self.evaluated or not self.now:
            return ""
        row = self.evaluated[-1]
        name = self.figure
        value = "" if row[f"val_{name}"] is None else f", validation {_readable(name)} {_value(name, row)}"
        return f"epoch {row['epoch']} of {self.now['epochs']}{value}"

    # ---- as HTML

    def charts(self) -> str:
        """Loss, and the figure that decides what is best, over the epochs."""
        if not self.steps and not self.evaluated:
            return ""
        epochs = float(self.now.get("epochs") or self.evaluated[-1]["epoch"])
        training = [(epoch, loss) for _, epoch, loss in self.steps]
        curves = {"training loss": _thin(training), "validation loss": self._figures("loss")}
        loss = draw.line_chart(curves, across="epoch", up="loss", x=(0, epochs))
        if self.figure in ("", "loss"):
            return draw.columns(loss)
        name, found = _readable(self.figure), self._figures(self.figure)
        ends = (0.0, 1.0) if found and all(0 <= value <= 1 for _, value in found) else None
        chart = draw.line_chart({f"validation {name}": found}, across="epoch", up=name, x=(0, epochs), y=ends)
        return draw.columns(loss, chart)

    def _figures(self, name: str) -> list[tuple[float, float]]:
        """One of the figures on the validation part, over the epochs."""
        rows = [(float(row["epoch"]), row.get(f"val_{name}")) for row in self.evaluated]
        return _thin([(epoch, value) for epoch, value in rows if value is not None])

    def ending(self) -> str:
        """How it ended: the verdict beside the baselines, or what went wrong and what to do."""
        final = self.final or {}
        if final.get("kind") == "failed":
            return failed(final)
        if final.get("kind") != "done" or "metrics" not in final:
            return ""
        run, judged = str(final["run"]), final.get("judged") or {}
        parts = [draw.heading("The verdict")]
        if judged:
            parts.append(draw.text(f"{judged['verdict'][:1].upper()}{judged['verdict'][1:]}."))
        parts.append(_table(final))
        parts.append(draw.note(_part_in_words(judged)))
        command = html.escape(f'glassworks evaluate "{run}"')
        parts.append(f'<pre tabindex="0"><code>{command}</code></pre>')
        return "".join(parts)


def failed(told: Event) -> str:
    """A mistake in three parts: what was expected, what came, what to do."""
    rows = [("expected", told["expected"]), ("got", told["got"]), ("to fix", told["fix"])]
    lines = "".join(f"<dt>{name}</dt><dd>{html.escape(str(words))}</dd>" for name, words in rows)
    return f"{draw.text('The run could not go on.', 'bad')}<dl>{lines}</dl>"


def _table(final: Event) -> str:
    """This run's figures with their ranges, beside each baseline's."""
    main = next((name for name in MAIN.values() if name in final["metrics"]), None)
    names = [main] if main else []
    names += [name for name in final["metrics"] if name != main and name in READABLE][: 3 - len(names)]
    rows = [["this model", *(_cell(name, final["metrics"]) for name in names)]]
    for baseline, figures in final["baselines"].items():
        rows.append([baseline, *(_cell(name, figures) for name in names)])
    return draw.table(["", *map(_readable, names)], rows)


def _cell(name: str, figures: dict[str, Any]) -> str:
    return Interval(**figures[name]).words(name) if name in figures else "-"


def _part_in_words(judged: dict[str, Any]) -> str:
    """On which examples these figures rest, and how to get better ones."""
    if judged.get("part") == "test":
        return f"Measured on {judged['n']:,} test examples that the model had not seen. To judge it again:"
    where = f"the {judged['n']:,} validation examples" if judged else "the validation examples"
    return (
        f"Measured on {where}, which also chose the best epoch, so the figures are a little too good. "
        "The test examples are still unseen; this command judges on them and writes report.html:"
    )


def _readable(name: str) -> str:
    return READABLE.get(name, name.replace("_", " "))


def _value(name: str, row: Event) -> str:
    return written(name, row[f"val_{name}"])


def _thin(dots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most POINTS of the dots, evenly, the last one always."""
    stride = -(-len(dots) // POINTS)
    return dots if stride <= 1 else [*dots[:-1:stride], dots[-1]]
