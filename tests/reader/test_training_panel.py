"""The panel in a chapter: starts, follows, stops, survives a reload, and ends in a verdict."""

import itertools
import threading
import time

import pytest

from glassworks.core.errors import PersonError
from glassworks.reader import training_panel
from glassworks.reader.figure import Choose, Slider, Toggle
from glassworks.reader.training_panel import TrainingPanel
from glassworks.reader.training_story import POINTS, Story
from glassworks.runs.manager import Runs
from tests.runs.conftest import ROOT
from tests.runs.test_manager import until

REQUEST = {"system": "cnn", "size": "tiny"}
SETTINGS = (
    Choose("learning_rate", "learning rate", {"small": 0.001, "large": 0.1}),
    Slider("epochs", "epochs", 1, 30, value=12),
    Slider("model.hidden", "hidden units", 8, 128, step=8, value=32),
    Toggle("quiet", "quiet"),
)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A manager whose worker tells a training of twelve epochs without training."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    opened = Runs(tmp_path / "runs", "tests.reader.toy_training")
    yield opened
    opened.close(patience=5)
    until(lambda: not followers())


def made(runs, **options):
    return TrainingPanel(runs, "part/one", "train", REQUEST, settings=SETTINGS, **options)


def send(panel, do, **more):
    panel.on_message({"do": do, **more}, [])


def followers():
    return [thread for thread in threading.enumerate() if thread.name == "training panel"]


def test_nothing_is_started_or_opened_before_a_page_shows_the_panel():
    def never():
        raise AssertionError("the runs were asked for")

    panel = TrainingPanel(never, "part/one", "train", REQUEST, settings=SETTINGS)
    assert panel.state == "idle" and panel.drawn == "" and not followers()
    assert panel.plan["command"] == (
        "glassworks train cnn --size tiny --epochs 12 --learning-rate 0.001 --set model.hidden=32"
    )


def test_trained_from_the_button_to_the_verdict(runs):
    told = []
    panel = made(runs, started=told.append)
    send(panel, "here")
    assert panel.state == "idle" and runs.ids() == [] and not followers()
    send(panel, "start", values={"learning_rate": "large", "epochs": 9, "model.hidden": 64, "other": 1})
    send(panel, "start")  # a second press starts no second run
    assert runs.ids() == told == [runs.latest("part/one")]
    asked = runs.facts(told[0])["request"]
    assert asked == REQUEST | {"learning_rate": 0.1, "epochs": 9, "quiet": False, "set": ["model.hidden=64"]}
    until(lambda: panel.state == "done")
    until(lambda: not followers())
    for words in (
        "Done:", "learning rate large, epochs 9, hidden units 64, quiet: no", 'role="img"',
        "Better than the best baseline", "this model", "90.0 % (85.0 to 94.0)", "majority class",
        "glassworks evaluate", "report.html", "validation accuracy",
    ):  # fmt: skip
        assert words in panel.drawn, words
    assert "&lt;b&gt; is a class" in panel.drawn and "<b> is a class" not in panel.drawn
    assert panel.said == "cnn with <b>bold</b> words" and "bold" not in panel.drawn
    assert panel.spoken == "done, epoch 12 of 12, validation accuracy 92.0 %"


def test_values_outside_of_the_controls_are_not_asked_for(runs):
    panel = made(runs)
    send(panel, "start", values={"learning_rate": "<script>", "epochs": 1e9, "quiet": "yes"})
    asked = runs.facts(runs.latest("part/one"))["request"]
    assert asked["learning_rate"] == 0.001 and asked["epochs"] == 30 and asked["quiet"] is False
    assert panel.values["learning_rate"] == "small" and panel.values["epochs"] == 30


def test_the_end_is_shown_before_the_process_of_the_worker_is_gone(runs, monkeypatch):
    panel = made(runs)
    send(panel, "start")
    until(lambda: panel.state == "done" and not followers())
    facts = runs.facts
    monkeypatch.setattr(runs, "facts", lambda id: facts(id) | {"state": "running"})
    assert made(runs).state == "done" and made(runs).refresh()


def test_after_a_reload_the_panel_shows_all_points_and_goes_on(runs):
    panel = made(runs)
    send(panel, "start", values={"epochs": 30})
    until(lambda: len(panel._story.evaluated) >= 2)
    panel.close()
    again = made(runs)
    assert again.state == "running" and len(again._story.evaluated) >= 2 and not again._follower
    send(again, "here")
    until(lambda: again.state == "done")
    events = runs.events(runs.latest("part/one"))
    assert [row["epoch"] for row in again._story.evaluated] == list(range(1, 13))
    assert len(again._story.steps) == sum(event["kind"] == "step" for event in events)
    assert again._story.number == events[-1]["number"]


def test_stopped_and_resumed_from_the_page(runs):
    panel = made(runs)
    send(panel, "start")
    until(lambda: panel._story.evaluated)
    send(panel, "stop")
    assert panel.state in ("stopping", "stopped")
    until(lambda: panel.state == "stopped")
    assert "it can go on from there" in panel.drawn and panel.spoken.startswith("stopped, epoch")
    send(panel, "resume")
    until(lambda: panel.state == "done")
    assert [row["epoch"] for row in panel._story.evaluated] == list(range(1, 13))


def test_a_second_chapter_waits_and_says_its_place(runs):
    first, second = made(runs), TrainingPanel(runs, "part/two", "train", REQUEST)
    send(first, "start", values={"epochs": 30})
    send(second, "start")
    assert second.state == "waiting" and "Place 1 in the queue" in second.drawn
    send(second, "stop")
    assert second.state == "stopped" and first.state == "running"


def test_an_interrupted_run_can_be_resumed_by_the_next_book(runs):
    panel = made(runs)
    send(panel, "start")
    until(lambda: panel._story.evaluated)
    runs.close()
    book = Runs(runs.folder, runs.module)
    again = made(book)
    assert again.state == "interrupted" and "Interrupted" in again.drawn
    send(again, "resume")
    until(lambda: again.state == "done")
    book.close()


def test_a_failing_run_says_what_to_do(runs):
    panel = TrainingPanel(runs, "part/one", "train", REQUEST | {"data": "nowhere"})
    send(panel, "start")
    until(lambda: panel.state == "failed")
    assert "no such &lt;data&gt;" in panel.drawn and "bring some" in panel.drawn


def test_a_mistake_while_asking_is_shown_in_the_panel_and_stays(runs):
    def held():
        raise PersonError("in-use", expected="a free folder", got="one in use", fix="close the other book")

    panel = TrainingPanel(held, "part/one", "train", REQUEST)
    for do in ("here", "start", "near", "here"):
        send(panel, do)
        assert panel.state == "failed" and "close the other book" in panel.drawn
    closed = made(runs)
    runs.close()
    send(closed, "start")
    send(closed, "here")
    assert closed.state == "failed" and "being closed" in closed.drawn


def test_messages_that_mean_nothing_do_nothing(runs):
    panel = made(runs)
    for content in ({}, {"do": "explode"}, {"do": None}, {"do": "stop"}, {"do": "resume"}, {"do": ["start"]}):
        panel.on_message(content, [])
    assert panel.state == "idle" and runs.ids() == []
    send(panel, "start", values="none")
    assert runs.ids()


def test_the_reader_coming_near_warms_a_worker(runs):
    panel = made(runs)
    assert runs._spare is None
    send(panel, "near")
    assert runs._spare is not None and runs.ids() == []


def test_nobody_draws_while_nobody_looks(runs, monkeypatch):
    """The one thread ends when the page has been silent, and comes back with it."""
    monkeypatch.setattr(training_panel, "LOOKED", 0.25)
    panel = made(runs)
    send(panel, "start", values={"epochs": 30})
    assert len(followers()) == 1
    for _ in range(3):
        send(panel, "here")
    assert len(followers()) == 1
    until(lambda: not followers())
    assert panel.state == "running" and runs.running()
    send(panel, "here")
    assert len(followers()) == 1
    panel.close()
    until(lambda: not followers())


def test_another_tab_is_followed(runs):
    here, there = made(runs), made(runs)
    send(there, "start")
    send(here, "here")
    assert here.state == "running"
    until(lambda: here.state == there.state == "done")


def test_two_panels_of_one_chapter_are_told_apart_by_their_key(runs):
    own = made(runs, key="own")
    send(own, "start")
    assert made(runs).state == "idle" and made(runs, key="own").state == "running"


def test_a_chapter_cannot_ask_for_what_there_is_not():
    with pytest.raises(PersonError) as told:
        TrainingPanel(lambda: None, "a/b", "train", {"system": "cnn", "epoch": 3})
    assert told.value.code == "unknown-setting" and "epochs" in told.value.fix
    with pytest.raises(PersonError):
        TrainingPanel(lambda: None, "a/b", "paint", REQUEST)


def test_it_is_redrawn_ten_times_a_second_at_most_and_speaks_rarely(runs, monkeypatch):
    monkeypatch.setattr(training_panel, "SPEAK", 0.5)
    panel = made(runs)
    drawn, spoken = [], []
    panel.observe(lambda change: drawn.append(time.monotonic()), "drawn")
    panel.observe(lambda change: spoken.append((time.monotonic(), change["new"])), "spoken")
    send(panel, "start")
    until(lambda: panel.state == "done")
    seconds = drawn[-1] - drawn[0]
    assert 5 <= len(drawn) <= seconds * 10 + 3
    running = [when for when, words in spoken if words.startswith("training, epoch")]
    assert running and all(b - a >= 0.45 for a, b in itertools.pairwise(running))


# ---- the story alone


def step(number, step, epoch, loss=1.0, **more):
    facts = {"epochs": 4, "examples_per_second": 100.0, "seconds_left": 75.0, "share": epoch / 4}
    return {"number": number, "kind": "step", "step": step, "epoch": epoch, "loss": loss} | facts | more


def evaluated(number, step, epoch, **figures):
    return {
        "number": number,
        "kind": "evaluated",
        "step": step,
        "epoch": epoch,
        "primary": "val_mae",
    } | figures


def test_what_was_trained_twice_is_shown_once():
    story = Story()
    story.add([step(1, 1, 0.5), step(2, 2, 1.0), evaluated(3, 2, 1, val_mae=3.0), step(4, 3, 1.5)])
    story.add([{"number": 5, "kind": "begun"}, step(6, 2, 1.0, loss=7.0), evaluated(7, 2, 1, val_mae=2.0)])
    assert story.steps == [(1, 0.5, 1.0), (2, 1.0, 7.0)] and [r["number"] for r in story.evaluated] == [7]
    assert story.figure == "mae" and story.spoken() == "epoch 1 of 4, validation mean absolute error 2"


def test_a_loss_that_is_not_finite_and_kinds_of_later_versions_do_no_harm():
    story = Story()
    new = story.add([
        step(1, 1, 0.5, loss=None, seconds_left=None), {"number": 2, "kind": "figures"},
        {"number": 3, "kind": "end"}, evaluated(4, 1, 1, val_mae=None, val_loss=None),
    ])  # fmt: skip
    assert new and story.number == 4 and not story.add([])
    assert story.progress() == "epoch 0.5 of 4, 100 examples a second"
    assert story.spoken() == "epoch 1 of 4" and "nothing was recorded" in story.charts()


def test_long_curves_are_thinned_and_keep_their_last_point():
    story = Story()
    story.add([step(n, n, n / 2500, loss=1.0 + (n == 10_000)) for n in range(1, 10_001)])
    drawn = story.charts()
    assert drawn.count(",") < POINTS + 60 and "from 1 to 2" in drawn
