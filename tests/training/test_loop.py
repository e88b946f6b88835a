"""The loop: batches that cover every example, NaN that stops or is skipped, early stopping, schedule."""

import math

import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.data.batches import PictureBatches
from glassworks.data.doors import open_pictures
from glassworks.training import checkpoint
from glassworks.training.loop import next_boundary
from glassworks.training.schedule import rate_at


@pytest.mark.parametrize(("count", "batch"), [(50_000, 64), (10, 4), (7, 7), (7, 100), (1, 1), (33, 32)])
def test_an_epoch_is_covered_in_nearly_equal_batches(count, batch):
    ends, position = [], 0
    while position < count:
        position = next_boundary(position, count, batch)
        ends.append(position)
    sizes = [b - a for a, b in zip([0, *ends], ends)]
    assert ends[-1] == count and len(sizes) == math.ceil(count / batch)
    assert max(sizes) <= batch and max(sizes) - min(sizes) <= 1


def test_batches_of_cifar10():
    """50,000 pictures: 782 batches of 64, 1,563 of 32."""
    for batch, expected in ((64, 782), (32, 1_563)):
        position = steps = 0
        while position < 50_000:
            position, steps = next_boundary(position, 50_000, batch), steps + 1
        assert steps == expected


def test_a_changed_batch_size_continues_at_the_next_boundary():
    assert next_boundary(33, 100, 10) == 40
    assert next_boundary(40, 100, 50) == 50


def test_schedule_rises_then_falls():
    rates = [rate_at(place / 100, warmup=0.1) for place in range(101)]
    assert rates[0] == 0 and rates[10] == 1 and rates[100] == pytest.approx(0, abs=1e-12)
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rate_at(0.0, warmup=0.0) == 1
    line = [rate_at(place / 100, warmup=0.1, shape="linear") for place in range(101)]
    assert line[:11] == pytest.approx(rates[:11]) and line[55] == pytest.approx(0.5) and line[100] == 0


def poison(monkeypatch, at):
    """Make the batches of the given steps hold a picture that is not a number."""
    load, taken = PictureBatches.training, []

    def training(self, *args, **options):
        batch = load(self, *args, **options)
        if len(taken) in at:
            batch.inputs[1] = float("nan")
        taken.append(batch.rows)
        return batch

    monkeypatch.setattr(PictureBatches, "training", training)
    return taken


def test_nan_stops_in_the_same_step_and_names_the_pictures(train, digits, tmp_path, monkeypatch):
    taken = poison(monkeypatch, {7})
    with pytest.raises(PersonError) as told:
        train(tmp_path / "run")
    assert told.value.code == "loss-not-finite"
    assert "at step 7" in told.value.got and "the input itself" in told.value.got
    assert len(taken) == 8
    assert open_pictures(digits).names[taken[7][0]] in told.value.got
    last, _ = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert last.step == 7
    assert all(torch.isfinite(t).all() for group in last.tensors.values() for t in group.values())


def test_nan_is_skipped_where_asked_and_told(train, tmp_path, monkeypatch):
    poison(monkeypatch, {2, 3, 4})
    run = train(tmp_path / "run", on_nan="skip")
    assert len([note for note in run.folder.notes() if "left out" in note]) == 3


def test_more_than_three_nan_in_a_row_stop_the_run(train, tmp_path, monkeypatch):
    poison(monkeypatch, {2, 3, 4, 5})
    with pytest.raises(PersonError, match="at step 5"):
        train(tmp_path / "run", on_nan="skip")


def test_early_stopping_keeps_the_best_model(train, tmp_path):
    run = train(tmp_path / "run", "training.learning_rate=1e-9", "augment.shift=0", epochs=40, patience=2)
    history = run.folder.history()
    assert len(history) < 40
    best = max(row["val_accuracy"] for row in history)
    assert run.card["metrics"]["accuracy"]["value"] == pytest.approx(best)


def test_log_holds_no_clocks(train, tmp_path):
    run = train(tmp_path / "run")
    assert set(run.folder.history()[0]) == {
        "step", "epoch", "examples", "learning_rate", "train_loss", "val_loss", "val_accuracy"
    }  # fmt: skip
    assert run.folder.seconds() > 0


def test_of_equally_right_models_the_surer_one_is_kept(train, tmp_path):
    """The kept model has the best figure, and among those the lowest validation loss."""
    run = train(tmp_path / "run", epochs=12)
    history = run.folder.history()
    top = max(row["val_accuracy"] for row in history)
    surest = min(row["val_loss"] for row in history if row["val_accuracy"] == top)
    assert run.card["metrics"]["log_loss"]["value"] == pytest.approx(surest, rel=1e-6)
