"""What holds for every lab: its result is whole, goes through JSON, and is decided by its rule alone."""

import importlib
import json
import tomllib

import pytest

from glassworks import labs
from glassworks.core.errors import PersonError
from glassworks.labs.drawing import drawn
from glassworks.labs.page import page_of
from tests.runs.conftest import ROOT


def module_of(name):
    return importlib.import_module(f"glassworks.labs.{labs.find(name).module}")


@pytest.mark.parametrize("name", labs.names())
def test_a_quick_run_gives_a_whole_result(name, quick):
    result = quick(name)
    assert (result.name, result.quick, result.seeds) == (name, True, (0, 1))
    assert result.claim == labs.find(name).claim and result.rule == module_of(name).RULE
    assert result.seconds > 0 and result.machine.cpu and result.machine.torch
    assert result.tables and result.charts and all(chart.curves or chart.spans for chart in result.charts)
    assert result.command == f"glassworks lab {name} --quick --seeds 2"


@pytest.mark.parametrize("name", labs.names())
def test_a_result_goes_through_json_unchanged(name, quick):
    result = quick(name)
    text = json.dumps(result.as_json(), allow_nan=False)
    assert json.loads(text)["schema"] == 1 and labs.result_of(text, "here") == result


@pytest.mark.parametrize("name", labs.names())
def test_the_recorded_result_is_what_this_code_would_say_of_its_numbers(name):
    """Renew it as labs/table.py says after changing a claim, a rule or the words of a verdict."""
    kept, module = labs.recorded(name), module_of(name)
    assert kept is not None, "record it, see labs/table.py"
    assert not kept.quick and kept.seeds == module.SEEDS
    assert (kept.claim, kept.rule) == (labs.find(name).claim, module.RULE)
    verdict = module.judge(kept.numbers)
    assert (kept.outcome, kept.verdict, kept.interval) == (
        verdict.outcome, verdict.sentence, verdict.interval,
    )  # fmt: skip
    assert kept.work <= 60 * labs.find(name).minutes


def test_every_lab_has_its_file_its_recorded_result_and_nothing_is_left_over():
    folder = ROOT / "src" / "glassworks" / "labs" / "recorded"
    assert sorted(path.stem for path in folder.iterdir()) == sorted(labs.names())
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    assert "labs/recorded/*.json" in packed["glassworks"]


@pytest.mark.parametrize("name", labs.names())
def test_the_page_shows_verdict_figures_tables_and_machine_and_asks_nobody(name, quick):
    result = quick(name)
    page = page_of(result).render()
    for words in (result.claim, result.machine.cpu, result.command, "quick run"):
        assert words in page
    assert page.count("<svg") == len(result.charts) == page.count('role="img" aria-label=')
    assert page.count("<table") == len(result.tables)
    assert "http" not in page and "<script" not in page


def test_text_from_a_result_is_escaped_in_its_figures():
    span = {"name": "<b>", "low": 0, "value": 1, "high": 2}
    chart = labs.Chart(title="<i>", across="<u>", spans=(span,))
    curve = labs.Chart(title="<i>", across="<u>", curves={"<b>": ((1, 1), (2, 3))})
    for shown in (drawn(chart), drawn(curve)):
        assert not any(mark in shown for mark in ("<b>", "<i>", "<u>"))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2}, {"schema": None}, {"outcome": "proved"}, {"more": 1}, {"seconds": float("nan")},
        {"seeds": "many"}, {"tables": [{"title": "t", "head": ["a", "b"], "rows": [["one"]]}]},
    ],
)  # fmt: skip
def test_what_is_not_a_result_is_not_believed(change, quick):
    facts = quick("manual-equals-tape").as_json() | change
    with pytest.raises(PersonError, match="run the lab again"):
        labs.result_from(facts, "here")


@pytest.mark.parametrize("text", ["", "[]", "{", '"schema"', '{"schema": 1}'])
def test_what_is_not_even_json_is_told_too(text):
    with pytest.raises(PersonError, match="result of a lab"):
        labs.result_of(text, "here")


def test_an_unknown_lab_and_too_few_seeds_are_told():
    for call in (labs.find, labs.recorded, labs.run):
        with pytest.raises(PersonError, match='did you mean "lines-of-the-loop"'):
            call("lines-of-loop")
    with pytest.raises(PersonError, match="--seeds from 1"):
        labs.run("manual-equals-tape", seeds=0)


def test_a_lab_stops_between_two_runs_when_it_is_asked():
    said = []
    with pytest.raises(labs.Stopped):
        labs.run("lines-of-the-loop", quick=True, seeds=1, say=said.append, stop=lambda: len(said) > 0)
    assert len(said) == 1


def test_one_seed_decides_nothing_that_needs_an_interval():
    result = labs.run("overfitting-against-data", quick=True, seeds=1, say=lambda sentence: None)
    assert result.outcome == "not shown" and "no interval" in result.interval
