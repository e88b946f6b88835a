"""Which of several models is better: on the same rows, with paired intervals and McNemar's exact test.

Two models that answer the same rows share the luck of the draw, so their difference is known better than
either figure: it is resampled together, and for accuracy tested on the rows where just one of them is right
(McNemar 1947; exact, from the binomial distribution). With many runs, one difference in twenty looks real
by chance; the verdict says so. The first thing to change: the run that is listed first, which all others
are compared with.
"""

import math
from dataclasses import dataclass

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.judging.intervals import (
    Interval,
    aligned,
    differences_from,
    distributions,
    intervals_from,
    right_rows,
)
from glassworks.judging.metrics import LOWER_IS_BETTER, MAIN, READABLE, written


@dataclass(frozen=True)
class Comparison:
    """Runs on the same `n` rows.

    metrics:     {run: {figure: interval}}
    differences: {run: {figure: run - first}}, without the first
    p_values:    {run: McNemar's p against the first}; empty where a row is not simply right or wrong
    """

    n: int
    main: str
    metrics: dict[str, dict[str, Interval]]
    differences: dict[str, dict[str, Interval]]
    p_values: dict[str, float]
    verdict: str

    @property
    def first(self) -> str:
        return next(iter(self.metrics))

    def as_json(self) -> dict:
        """{"n", "first", "verdict", "runs": {run: {"metrics", "difference", "mcnemar_p"}}}."""
        runs = {}
        for name, rows in self.metrics.items():
            runs[name] = {
                "metrics": {figure: interval.as_json() for figure, interval in rows.items()},
                "difference": {
                    figure: interval.as_json() for figure, interval in self.differences.get(name, {}).items()
                },
                "mcnemar_p": self.p_values.get(name),
            }
        return {"n": self.n, "first": self.first, "verdict": self.verdict, "runs": runs}

    def as_text(self) -> list[list[str]]:
        """Rows of a table, head first: run, a column for each figure, the difference to the first, p."""
        names = list(self.metrics[self.first])
        head = ["run", *(READABLE[name] for name in names), f"{READABLE[self.main]} − {self.first}", "p"]
        rows = [head]
        for run, figures in self.metrics.items():
            difference = self.differences.get(run, {}).get(self.main)
            told = difference.words(self.main, signed=True) if difference else "–"
            p = f"{self.p_values[run]:.2g}" if run in self.p_values else "–"
            cells = [figures[name].words(name) if name in figures else "–" for name in names]
            rows.append([run, *cells, told, p])
        return rows


def compare(runs: dict[str, Answers], *, seed: int = 0, resamples: int = 1000) -> Comparison:
    """Compare runs on the same rows with the first of them.

    Raises PersonError for fewer than two runs, other rows ("different-rows", with how many are shared),
    other classes or other labels.
    """
    if len(runs) < 2:
        raise PersonError(
            "one-run",
            expected="two runs or more to compare",
            got=f"{len(runs)}",
            fix="glassworks compare RUN RUN",
        )
    first_name, first = next(iter(runs.items()))
    same = {name: aligned(answers, first) for name, answers in runs.items()}
    drawn = {name: distributions(answers, seed=seed, resamples=resamples) for name, answers in same.items()}
    metrics = {name: intervals_from(answers, drawn[name]) for name, answers in same.items()}
    others = [name for name in same if name != first_name]
    differences = {
        name: differences_from(same[name], first, drawn[name], drawn[first_name]) for name in others
    }
    p_values = {}
    if first.kind != "number":
        p_values = {name: mcnemar_of(same[name], first) for name in others}
    main = MAIN[first.kind] if MAIN[first.kind] in metrics[first_name] else next(iter(metrics[first_name]))
    verdict = _verdict(first_name, main, metrics, differences)
    return Comparison(len(first.names), main, metrics, differences, p_values, verdict)


def mcnemar_of(one: Answers, other: Answers) -> float:
    """McNemar's exact p for two sets of answers to the same rows in the same order."""
    right_one, right_other = right_rows(one), right_rows(other)
    return mcnemar(int((right_one & ~right_other).sum()), int((right_other & ~right_one).sum()))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p that two models are equally often right, from the rows where just one of them is.

    >>> mcnemar(0, 6)
    0.03125
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    logarithms = (
        math.lgamma(total + 1) - math.lgamma(hits + 1) - math.lgamma(total - hits + 1) - total * math.log(2)
        for hits in range(fewer + 1)
    )
    return min(1.0, 2 * math.fsum(math.exp(value) for value in logarithms))


def _verdict(
    first: str,
    main: str,
    metrics: dict[str, dict[str, Interval]],
    differences: dict[str, dict[str, Interval]],
) -> str:
    better, worse, open_ = [], [], []
    for name, rows in differences.items():
        difference = rows[main]
        if not difference.excludes_zero:
            open_.append(name)
        elif (difference.value > 0) != (main in LOWER_IS_BETTER):
            better.append(name)
        else:
            worse.append(name)
    what = READABLE[main]
    parts = [
        f"{word} than {first} in {what}: "
        + ", ".join(_with_amount(n, differences[n][main], main) for n in some)
        for word, some in (("better", better), ("worse", worse))
        if some
    ]
    if open_:
        told = ", ".join(_with_amount(name, differences[name][main], main) for name in open_)
        parts.append(f"no difference to {first} in {what} is shown for {told}")
    if len(differences) > 4:
        parts.append("with so many runs, one difference in twenty looks real by chance")
    return "; ".join(parts)


def _with_amount(name: str, difference: Interval, main: str) -> str:
    amount = written(main, difference.value, signed=True)
    return f"{name} ({amount}, 95 % interval {difference.range_words(main)})"
