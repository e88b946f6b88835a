"""The loop of the book: what its switches do, that it shares no dice, and how its changes are judged."""

import threading

import pytest
import torch

from glassworks.labs import lines_of_the_loop as lab
from glassworks.labs.digits import deal, digits
from glassworks.labs.loop import LoopSettings, train_with

SHORT = {"epochs": 2}


def test_the_right_loop_learns_to_read_digits():
    run = train_with(LoopSettings(epochs=6), 3)
    assert run.test > 0.93 and run.validation[-1] > 0.93
    assert run.epoch_losses[-1] < 0.3 * run.epoch_losses[0]
    assert len(run.losses) == 6 * 37 and len(run.validation) == 6  # 1,168 pictures in batches of 32


def test_the_same_seed_gives_the_same_run_and_none_gives_another():
    settings = LoopSettings(**SHORT)
    assert train_with(settings, 5) == train_with(settings, 5) != train_with(settings, 6)
    free = train_with(settings, None, parts=0)
    assert free == train_with(settings, free.seed, parts=0) != train_with(settings, None, parts=0)


def test_runs_in_other_threads_and_torchs_own_dice_do_not_disturb_a_run():
    settings, found = LoopSettings(**SHORT), []
    alone = train_with(settings, 1)
    before = torch.get_rng_state()
    threads = [threading.Thread(target=lambda: found.append(train_with(settings, 1))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 3 and torch.equal(before, torch.get_rng_state())


def test_parts_are_disjoint_and_all():
    parts = deal(4)
    assert [len(part.targets) for part in parts] == [1168, 270, 359]
    whole = sorted(float(picture.double().square().sum()) for part in parts for picture in part.pictures)
    assert whole == sorted(float(picture.double().square().sum()) for picture in digits().pictures)


@pytest.mark.parametrize(
    "change",
    [
        {"zero_grad": False}, {"shuffle": False}, {"evaluation_mode": False}, {"scale_inputs": False},
        {"batch_norm": False}, {"logits": False}, {"leak": True}, {"rate": 0.01}, {"dropout": 0.0},
        {"evaluation_mode": False, "one_at_a_time": True},
    ],
)  # fmt: skip
def test_every_switch_changes_the_run(change):
    right, changed = (train_with(LoopSettings(epochs=1, **more), 0) for more in ({}, change))
    assert (right.losses, right.validation) != (changed.losses, changed.validation)


def test_judging_one_by_one_is_the_same_in_evaluation_mode():
    together, single = (train_with(LoopSettings(epochs=1, one_at_a_time=one), 0) for one in (False, True))
    assert together.test == single.test


def test_the_usual_mistakes_do_what_the_table_says():
    right = train_with(LoopSettings(), 0)
    assert train_with(LoopSettings(zero_grad=False), 0).test < 0.3
    assert min(train_with(LoopSettings(logits=False), 0).losses) > 1.46
    assert train_with(LoopSettings(evaluation_mode=False, one_at_a_time=True), 0).test < right.test - 0.03


def lost(mean, spread=0.1):
    return [mean - spread, mean, mean + spread, mean]


@pytest.fixture
def numbers():
    """Every change does harm: ten points."""
    found = {change.name: lost(10.0) for change in lab.CHANGES}
    found["no seed: test accuracy"] = [97.0, 98.0, 97.5, 97.0]
    found["same seed again: largest difference of a loss"] = [0.0] * 4
    return found


def test_the_claim_holds_only_when_every_change_does_harm(numbers):
    assert lab.judge(numbers).outcome == "holds"
    assert lab.judge(numbers | {"softmax twice": lost(0.2, 0.01)}).outcome == "holds"  # small, but sure
    harmless = lab.judge(numbers | {"softmax twice": lost(0.0)})
    assert harmless.outcome == "does not hold" and "point): softmax twice" in harmless.sentence
    unsure = lab.judge(numbers | {"softmax twice": lost(5.0, 9.0)})
    assert unsure.outcome == "not shown" and "Not decided by so few seeds: softmax twice" in unsure.sentence


def test_a_seed_matters_only_when_it_repeats_and_its_absence_does_not(numbers):
    for name, values in (
        ("no seed: test accuracy", [97.0] * 4),
        ("same seed again: largest difference of a loss", [0.0, 0.0, 1e-7, 0.0]),
    ):
        assert "point): no seed" in lab.judge(numbers | {name: values}).sentence


def test_the_table_tells_every_change(quick):
    names = [row[0] for row in quick("lines-of-the-loop").tables[0].rows]
    assert names == ["as it should be", *(change.name for change in lab.CHANGES), "no seed"]
