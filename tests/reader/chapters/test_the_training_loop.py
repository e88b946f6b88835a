"""The chapter "The training loop": it runs, its figures hold at their corners, and its numbers are true."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glassworks.core.keyed import generator
from glassworks.judging.intervals import wilson
from glassworks.labs.digits import deal
from glassworks.labs.lines_of_the_loop import CHANGES
from glassworks.reader import exercises
from glassworks.reader.figure import Figure
from glassworks.reader.figures import batch_gradients, mean_of_batches, sure_and_wrong, what_to_beat
from glassworks.reader.figures.batch_gradients import BatchGradients
from glassworks.reader.figures.digit_runs import RIGHT, history, reader, scaled
from glassworks.reader.figures.learning_rates import LearningRates, found
from glassworks.reader.figures.lines_of_the_loop import LinesOfTheLoop
from glassworks.reader.figures.loop_circle import LINES, LoopCircle, walk
from glassworks.reader.figures.many_seeds import ManySeeds, with_rate
from glassworks.reader.figures.mean_of_batches import MeanOfBatches
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.sure_and_wrong import SureAndWrong
from glassworks.reader.figures.two_curves import TwoCurves, best_look, trained
from glassworks.reader.figures.two_modes import TwoModes, accuracy_alone_and_together, asked
from glassworks.reader.figures.what_to_beat import WhatToBeat
from glassworks.reader.figures.winners_curse import WinnersCurse, expected_best
from tests.reader.chapters.ladder import Balanced, ends, prose, texts, words

SLUG = "foundations/the_training_loop"
FIGURES = (
    LoopCircle, SureAndWrong, BatchGradients, MeanOfBatches, LinesOfTheLoop, LearningRates, WinnersCurse,
    WhatToBeat, TwoCurves, TwoModes, ManySeeds,
)  # fmt: skip
EXERCISES = exercises.of(SLUG)


@pytest.fixture(scope="module")
def made() -> dict[type, Figure]:
    """One of each figure for all tests: what they measured is not measured again."""
    return {kind: kind() for kind in FIGURES}


def few(values: list) -> list:
    """Of many choices, each of which trains, the first and those whose losses have no bound."""
    if len(values) < 7:
        return values
    return [values[0], *(name for name in values if "scaled" in name and "no batch norm" in name)]


# ---- the page


def test_the_five_lines_of_the_text_train_a_model():
    fence = re.search(r"```python\n(.*?)```", "\n".join(texts(SLUG)), re.DOTALL)[1]
    training, validation, _ = scaled(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = [(training.pictures[rows], training.targets[rows]) for rows in torch.arange(1168).split(32)]
    for _ in range(3):
        exec(fence, {"F": F, "model": model, "optimizer": optimizer, "batches": batches})  # noqa: S102
    said = model(validation.pictures).argmax(dim=1)
    assert float((said == validation.targets).float().mean()) > 0.8
    assert all(parameter.grad is None for parameter in model.parameters())
    assert len([line for line in fence.splitlines() if line.strip()]) == 1 + len(LINES)


def test_the_numbers_of_the_text_are_true():
    text, parts = prose(SLUG), deal(0)
    assert "1,168 to train, 270 to validate and 359 to test" in text
    assert [len(part.targets) for part in parts] == [1168, 270, 359] and sum(
        map(len, (p.targets for p in parts))
    ) == 1797
    assert rf"\ln 10 = {math.log(10):.6f}" in text and rf"\ln 1000 = {math.log(1000):.6f}" in text  # T6
    assert round(-math.log(0.99), 2) == 0.01 and round(-math.log(0.001), 1) == 6.9
    assert -math.log(0.001) == pytest.approx(3 * math.log(10))
    assert "the last 182" in text and math.ceil(50_000 / 64) == 782 and 782 % 200 == 182  # T14, B14
    assert "the true accuracy may still be 89 %" in text and round(wilson(30, 30)[0], 2) == 0.89
    assert "0.01, 0.03, 0.1, 0.3" in text
    for rate in (0.01, 0.03, 0.1, 0.3):  # "the range that works is wide"
        assert history(with_rate(rate), 0, 0).validation[-1] > 0.88


# ---- the figures


@pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.__name__)
def test_the_figure_holds_at_the_ends_of_its_controls(kind, made):
    figure = made[kind]
    start = {control.name: control.value for control in figure.controls}
    for control in figure.controls:
        for value in few(ends(control)):
            drawn = figure.set(**start | {control.name: value})
            drawn = figure.wait() if isinstance(figure, Measured) else drawn
            Balanced(drawn)
            assert not re.search(r"\b(nan|inf|failed|Training:)\b", words(drawn), re.IGNORECASE), (
                control.name,
                value,
            )
            assert ('role="img"' in drawn or kind is MeanOfBatches) and "<script" not in drawn
    figure.set(**start)


def test_the_circle_shows_the_steps_of_the_chapter_before(made):
    states = walk(20, zero=True)
    assert [state.weight for state in states[5::5]] == pytest.approx(
        [1.32, 1.6144, 1.885248, 2.13442816]
    )  # T2
    assert [state.loss for state in states[2::5]] == pytest.approx([64, 54.1696, 45.84914944, 38.80672008])
    assert states[3].gradient == -32 and states[5].gradient == 0
    shown = words(made[LoopCircle].set(line=3))
    assert "-32" in shown and "64" in shown and "loss.backward()" in shown


def test_without_zero_grad_the_weight_swings_and_never_settles():
    weights = [state.weight for state in walk(30 * 5, zero=False)[::5]]
    assert max(weights) > 8.9 and min(weights[15:]) < 1.2
    right = [state.weight for state in walk(30 * 5, zero=True)[::5]]
    assert right == sorted(right) and 4.6 < right[-1] < 5


def test_cross_entropy_of_equal_scores_is_the_logarithm_of_the_classes(made):
    for classes, wanted in ((2, 0.693147), (10, 2.302585), (1000, 6.907755)):  # T6
        assert sure_and_wrong.cross_entropy(0, classes) == pytest.approx(wanted, abs=5e-7)
        scores = torch.zeros(1, classes)
        scores[0, 0] = 1.5
        theirs = F.cross_entropy(scores, torch.tensor([0])).item()
        assert sure_and_wrong.cross_entropy(1.5, classes) == pytest.approx(theirs, rel=1e-5)
    assert "2.302585" in words(made[SureAndWrong].drawn)
    assert "6.907755" in words(made[SureAndWrong].set(classes="1,000"))


def test_the_mean_over_rows_is_not_the_mean_of_means(made):
    right, wrong = mean_of_batches.both_means([0.5, 0.5, 0.5, 4.5], [64, 64, 64, 2])
    assert right == pytest.approx(105 / 194) and wrong == 1.5
    shown = words(made[MeanOfBatches].set(rows=2, loss=4.5))
    assert "0.5412" in shown and "1.5000" in shown
    assert mean_of_batches.both_means([1, 3], [8, 8]) == (2, 2)


def test_the_workbench_cuts_an_epoch_into_batches_of_nearly_equal_size():
    sizes = mean_of_batches.even_cut(50_000, 64)
    assert len(sizes) == 782 and set(sizes) == {63, 64} and sum(sizes) == 50_000  # as an exercise says


def test_four_times_the_batch_halves_the_spread_and_sorted_rows_spoil_it():
    rests, means = [], batch_gradients.cosines(False, False, 0)
    for size in (1, 4, 16, 64):
        gradients = batch_gradients.batch_gradients(size, trained=False, ordered=False)
        rests.append(np.median(batch_gradients.against_full(gradients, trained=False)[1]))
    assert all(1.6 < large / small < 2.6 for large, small in itertools.pairwise(rests))
    assert list(means) == sorted(means)
    ordered, later = batch_gradients.cosines(False, True, 0), batch_gradients.cosines(True, False, 0)
    assert ordered[3] < 0.4 < means[3] and later[2] < means[2]


def test_the_gradient_of_all_rows_is_torchs():
    rows, truth = (torch.from_numpy(array) for array in batch_gradients.rows_and_targets())
    weights = torch.zeros(64, 10, requires_grad=True)
    F.cross_entropy(rows @ weights, truth.argmax(dim=1)).backward()
    mine = batch_gradients.batch_gradients(len(rows), trained=False, ordered=True)[0].reshape(64, 10)
    assert np.allclose(mine, weights.grad.numpy(), atol=1e-6)
    along, rest = batch_gradients.against_full(mine.reshape(1, -1), trained=False)
    assert along == pytest.approx([1], abs=1e-4) and rest < 1e-2


def test_the_winner_of_many_equal_models_looks_better_than_it_is():
    assert expected_best(1, 30, 0.8) == pytest.approx(0.8)
    best = [expected_best(models, 30, 0.8) for models in (1, 10, 50, 200)]
    assert best == sorted(best) and best[2] > 0.94
    drawn = generator(0, "test").binomial(30, 0.8, size=(4000, 50)).max(axis=1).mean() / 30
    assert best[2] == pytest.approx(drawn, abs=0.003)
    assert expected_best(50, 300, 0.8) < best[2]  # more pictures, less flattery


def test_baselines_stand_beside_the_figure(made):
    found_right = {
        q: {name: r.mean() for name, r in what_to_beat.right_answers(q).items()} for q in ("digit", "zero")
    }
    assert found_right["digit"]["majority class"] < 0.15 and found_right["zero"]["majority class"] > 0.85
    assert found_right["digit"]["nearest neighbour"] > 0.9
    shown = words(made[WhatToBeat].set(pictures=100))
    hits = int(what_to_beat.right_answers("digit")["nearest neighbour"][:100].sum())
    low, high = wilson(hits, 100)
    assert f"nearest neighbour {hits}.0% ({100 * low:.1f} to {100 * high:.1f})" in shown


def test_the_curves_part_where_pictures_are_few():
    few = trained(20, "large", 0)
    best = best_look(few)
    assert few.training[-1].loss < 0.1 * few.training[0].loss
    assert few.watched[-1].loss > few.watched[best].loss + 0.05 and best < len(few.steps) // 2
    assert few.watched[-1].accuracy >= few.watched[best].accuracy  # "the wrong ones become surer"
    many = trained(1000, "large", 0)
    assert many.watched[-1].loss - many.training[-1].loss < few.watched[-1].loss - few.training[-1].loss


def test_evaluation_mode_gives_one_answer_and_training_mode_many():
    assert np.ptp(asked(5, False, False, True), axis=0).max() == 0
    assert np.ptp(asked(5, False, False, False), axis=0).max() < 1e-5  # the company does not matter
    assert np.ptp(asked(5, True, False, True), axis=0).max() > 0.3
    assert np.ptp(asked(5, False, True, True), axis=0).max() == 0  # wrong, but always in the same way
    assert np.ptp(asked(5, False, True, False), axis=0).max() > 0.02
    alone, together = accuracy_alone_and_together(True, True)
    judged, _ = accuracy_alone_and_together(False, False)
    assert alone < together - 0.03 and judged > together  # what the exercise says


def test_asking_in_training_mode_leaves_the_model_as_it_was():
    before = {name: value.clone() for name, value in reader().state_dict().items()}
    asked(3, True, True, False)
    after = reader().state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_seeds_spread_and_a_high_rate_spreads_more(made):
    spread = {
        rate: np.std([history(with_rate(rate), seed, 0).test for seed in range(3)]) for rate in (0.1, 1.0)
    }
    assert 0 < spread[0.1] < 0.02 and spread[1.0] > 0
    made[ManySeeds].set(seeds=3, rate="rate 0.1")
    shown = made[ManySeeds].wait()
    assert shown.count("<circle") == 3 and "mean of 3" in words(shown)
    assert history(with_rate(0.1), 1, 0) == history.__wrapped__(with_rate(0.1), 1, 0)  # same seed, same bits


def test_each_change_of_the_lab_can_be_chosen_and_says_what_one_sees(made):
    figure = made[LinesOfTheLoop]
    assert list(figure.controls[0].options) == [change.name for change in CHANGES]
    shown = words(figure.set(change="softmax twice", seed=0))
    assert next(change for change in CHANGES if change.name == "softmax twice").sees in shown
    assert "logits=False" in shown
    figure.wait()


def test_too_small_and_too_large_a_rate_are_worse_and_the_finder_is_between():
    last = {rate: history(with_rate(rate), 0, 0).validation[-1] for rate in (0.001, 0.1, 3.0)}
    assert last[0.1] > 0.9 > last[0.001] and last[3.0] < 0.3
    assert 0.001 < found().value < 0.3
    assert RIGHT.rate == 0.1
