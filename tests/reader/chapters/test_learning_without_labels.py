"""The chapter "Learning without labels": its numbers are true, and its figures show what the text says."""

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.blocks.patches import cut
from glassworks.insight.cost import stage_costs
from glassworks.labs import mae_gain
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision.mae import MAE, VARIANTS, MAEConfig, errors, kept, random_masking, statistics
from glassworks.reader import exercises
from glassworks.reader.exercises.image import learning_without_labels as answers
from glassworks.reader.figures import hidden_patches, patch_targets, small_mae, two_sorts, work_saved
from glassworks.reader.figures.hidden_patches import HiddenPatches
from glassworks.reader.figures.patch_targets import PatchTargets
from glassworks.reader.figures.small_mae import NORMALISED, PIXELS, SmallMAE
from glassworks.reader.figures.two_sorts import TwoSorts
from glassworks.reader.figures.work_saved import WorkSaved
from glassworks.recipes.base import Facts
from glassworks.recipes.mae import recipe
from glassworks.tasks.masked import FILLS
from tests.models import ladder as models
from tests.reader.chapters.ladder import prose, words

SLUG = "image/learning_without_labels"


def target(word: str) -> float:
    return exercises.find(f"learning_without_labels.{word}").target


def mistakes(exercise) -> set[float]:
    return {mistake.value for mistake in exercise.mistakes}


@pytest.fixture(scope="module")
def result():
    found = labs.recorded("mae-gain")
    assert found is not None
    return found


# ---- the page


def test_it_is_credited_to_meta_and_not_to_google():
    assert "The work was done at Meta" in prose(SLUG)  # C12
    assert "sometimes credited to Google" in prose(SLUG)


# ---- how many are left


def test_counts_of_the_text_and_the_exercises():
    assert kept(196, 0.75) == 49 and "Of 196 patches 75 % are 147. That leaves 49" in prose(SLUG)  # T28
    assert target("kept") == kept(576, 0.75) + 1 == 145
    assert mistakes(answers.KEPT) == {144, 432, 433, kept(196, 0.75) + 1, 577, 577 / 4}
    assert {(100, 0.9), (100, 0.8), (10, 0.9), (5, 0.8), (10, 0.7), (64, 0.75)} <= set(answers.CASES)
    counts = [kept(tokens, hidden) for tokens, hidden in answers.CASES]
    assert counts == [49, 16, 10, 20, 1, 1, 3]  # T29
    cut_off = [answers.cut_off(tokens, hidden) for tokens, hidden in answers.CASES]
    assert cut_off == [49, 16, 9, 19, 0, 0, 3]  # C14
    shown = words(answers.TRUNCATED.reveal())
    assert "9.999999999999998" in shown and repr(1 - 0.9) == "0.09999999999999998"
    assert repr(1 - 0.9) in answers.TRUNCATED.choices[1].reason


def test_the_figure_hides_exactly_so_many_and_a_larger_share_hides_more_of_the_same():
    before = torch.zeros(1, 196)
    for percent in range(5, 100, 5):
        mask = hidden_patches.mask_of(percent / 100, 3)
        assert mask.sum() == 196 - kept(196, percent / 100)
        assert (mask >= before).all()
        before = mask
    assert not torch.equal(hidden_patches.mask_of(0.75, 0), hidden_patches.mask_of(0.75, 1))
    assert "49 patches are left" in words(HiddenPatches().drawn)


def test_a_fill_of_the_figure_leaves_visible_patches_alone_and_is_wrong_in_the_others():
    name = HiddenPatches().arguments({})["name"]
    truth, mask = hidden_patches.as_tensor(name), hidden_patches.mask_of(0.75, 0)
    for fill in FILLS:
        picture, error = hidden_patches.filled(name, mask, fill)
        apart = (picture - truth).square().flatten(1)
        patches = (cut(picture, 16) - cut(truth, 16)).abs().sum(-1)
        assert (patches[mask == 0] == 0).all() and error > 100
        assert error == pytest.approx(float(apart.mean()) * 196 / 147 * 255**2, rel=1e-4)


# ---- shuffle, keep, restore


def test_shuffling_and_restoring_gives_the_original_order():  # T30
    dice = torch.Generator().manual_seed(0)
    tokens, noise = torch.randn(3, 9, 4, generator=dice), torch.rand(3, 9, generator=dice)
    masked = random_masking(tokens, 0.65, noise=noise)
    shuffled = tokens.gather(1, noise.argsort(1)[..., None].expand_as(tokens))
    assert torch.equal(shuffled.gather(1, masked.restore[..., None].expand_as(tokens)), tokens)


def test_the_steps_of_the_figure_are_those_of_the_library():
    for pressed in range(4):
        for hidden in (0.1, 0.65, 0.9):
            lines = dict(two_sorts.lines_of(pressed, hidden))
            stay = kept(9, hidden)
            noise, order, seen, restore, mask, back = lines.values()
            assert [int(one) for one in order] == np.argsort([float(one) for one in noise]).tolist()
            assert seen[:stay] == [two_sorts.NAMES[int(one)] for one in order[:stay]]
            assert [order[int(one)] for one in restore] == [str(one) for one in range(9)]
            for place, name in enumerate(two_sorts.NAMES):
                assert back[place] == (name if mask[place] == "0" else "m")
            assert mask.count("0") == stay
    assert words(TwoSorts().drawn).count("m ") >= 6 and "restore" not in words(TwoSorts().set(step=1))


def test_a_mask_in_shuffled_order_is_told_by_its_name():
    wrong = next(one for one in answers.MASKING.wrong if "arange" in one.answer)
    names: dict = {}
    exec(wrong.answer, names)  # noqa: S102 (an answer of the book)
    rows = {row.name: row for row in answers.check_masking(names["random_masking"])}
    assert not rows[wrong.row].passed and rows[wrong.row].reason == answers.MASK_SHUFFLED
    assert rows["nine patches: visible"].passed and rows["nine patches: restore"].passed


# ---- what hiding saves


@pytest.mark.parametrize("name", sorted(set(work_saved.NAMES.values())))
def test_the_products_of_the_figure_are_those_the_workbench_counts(name):
    with torch.device("meta"):
        stages = stage_costs(MAE(MAEConfig(**VARIANTS[name])), torch.zeros(1, 3, 224, 224))
    found = {stage.name: stage.multiply_adds for stage in stages}
    now = work_saved.work(name, 0.75)
    assert now == (found["encoder"], found["decoder"] + found["head"])


def test_what_is_said_of_speed():
    every, now = work_saved.work("b16", 0), work_saved.work("b16", 0.75)
    assert f"{every.encoder / now.encoder:.1f} times less to compute" in WorkSaved.says  # C13: both
    assert f"the whole has {every.whole / now.whole:.1f} times less" in WorkSaved.says
    assert round(every.encoder / 1e6) == 17_563 and "17,563" in words(
        WorkSaved().drawn
    )  # T25's 17.56 billion
    assert kept(196, 0.75) + 1 == 50 and "50 tokens instead of 197" in prose(SLUG)
    assert target("speed") == pytest.approx(100 / (70 / 4 + 30), abs=5e-4)
    given = {4.0, 0.7 * 4, 0.7 * 4 + 0.3, 0.475, round(100 / 17.5, 2)}
    assert sorted(mistakes(answers.SPEED)) == pytest.approx(sorted(given))
    assert round(100 / 30, 2) == 3.33 and "3.33 times" in answers.SPEED.why


def test_the_clock_of_the_lab_is_told_as_recorded(result):
    encoder, whole = (result.numbers[f"faster at 75 % hidden: {part}"][0] for part in ("encoder", "whole"))
    said = (
        f"the encoder was {encoder:.1f} times as fast, and the whole step with its decoder {whole:.1f} times"
    )
    assert said in prose(SLUG)
    dots = work_saved._measured("ti16")
    assert dots["encoder"][1] == (75.0, encoder) and dots["whole, with decoder"][1] == (75.0, whole)
    assert mae_gain.CLOCKED == "ti16"
    assert VARIANTS["ti16"]["decoder"]["depth"] == 2 and "a decoder of two blocks" in prose(SLUG)


# ---- the decoder and the loss


def test_without_places_all_hidden_patches_get_one_guess():
    without, given = answers._guesses(False), answers._guesses(True)
    assert without.shape == (12, 4)
    assert (without - without[0]).abs().max() < 1e-5 < 1e-2 < (given - given[0]).abs().max()


def test_the_target_of_the_figure_does_not_move_with_contrast_and_brightness():
    name = patch_targets.FIRST or pytest.skip("scikit-image's photograph of a rocket is not here")
    before = patch_targets.normalised(name, 16, 1.0, 0.0)
    after = patch_targets.normalised(name, 16, 0.5, 0.2)
    assert (before - after).abs().max() < 0.05
    plain = cut(patch_targets.as_tensor(name), 16)
    assert patch_targets.heaviest(plain) > 0.4 and patch_targets.heaviest(before) == pytest.approx(
        0.1, abs=0.01
    )
    shown = words(PatchTargets().drawn)
    assert f"{patch_targets.heaviest(plain):.0%}" in shown
    assert float(patch_targets.weights(plain).sum()) == pytest.approx(1)


def test_a_guess_of_zero_costs_what_the_text_says():
    dice = torch.Generator().manual_seed(0)
    patches, mask = torch.randn(2, 16, 16, generator=dice), torch.ones(2, 16)
    mean, spread = statistics(patches)
    found = errors(torch.zeros_like(patches), (patches - mean) / spread, mask)
    torch.testing.assert_close(found, torch.full((2,), 15 / 16), atol=1e-4, rtol=0)


# ---- the model that draws


def test_the_drawings_of_the_figure_are_what_the_text_says(monkeypatch):
    assert small_mae.shape_of(PIXELS).tokens == 16 and kept(16, 0.75) == 4
    assert "in 16 patches; 4 are left" in prose(SLUG)
    fills = [small_mae.drawn(name, 0).error for name in FILLS]
    pixels, told = small_mae.drawn(PIXELS, 0), small_mae.drawn(NORMALISED, 0)
    assert pixels.error < 0.5 * min(fills)
    assert told.error < pixels.error  # and yet
    assert told.error_of_gift < pixels.error  # the gift alone draws better than a model without it
    seen = pixels.seen[0].isnan()
    assert seen.sum() == 48 and torch.equal(pixels.guessed[0][~seen], small_mae.pictures().test[0][~seen])
    figure = SmallMAE()
    name = next(name for name, way in small_mae.FOUND.items() if way == NORMALISED)
    figure.set(way=name)
    shown = words(figure.wait())
    assert "the true means alone" in shown and f"have {told.error_of_gift:.2f}" in shown


def test_a_figure_trains_nothing_before_it_is_asked_to(monkeypatch):
    monkeypatch.setattr(small_mae, "learned", lambda kind: pytest.fail("a model was trained"))
    figure = SmallMAE()
    for row in (0, 5, 23):
        figure.set(row=row, pressed=row)
    assert "Error on hidden patches" in words(figure.wait())


def test_training_leaves_the_shared_dice_as_they_were(monkeypatch):
    monkeypatch.setattr(small_mae, "STEPS", 2)
    torch.manual_seed(5)
    before = torch.rand(3)
    torch.manual_seed(5)
    small_mae.learned.__wrapped__(PIXELS)
    assert torch.equal(torch.rand(3), before)


# ---- the panel and the lab


def test_the_panel_trains_what_the_text_says():
    facts = Facts(kind="label", outputs=10, channels=1, side=32, examples=1259)
    model = recipe("tiny", "b16", facts).model
    config = MAEConfig(**model)
    assert (config.height, config.patch, config.tokens, kept(config.tokens, config.hidden)) == (32, 4, 64, 16)
    assert "in 64 patches of 4 × 4 and is shown 16 of them" in prose(SLUG)


@pytest.mark.long
def test_a_run_comes_to_what_the_text_says(tmp_path):
    judged = models.train_on_digits("mae", tmp_path / "run").evaluate().judgement
    best = min(row["masked_error"].value for row in judged.baselines.values())
    assert best == pytest.approx(0.78, abs=0.01) and "the best one comes to 0.78" in prose(SLUG)
    assert judged.metrics["masked_error"].value == pytest.approx(0.33, abs=0.03)
    assert "the model came to 0.33" in prose(SLUG)


def test_the_gain_is_told_as_it_was_measured(result):
    text = prose(SLUG)
    assert result.outcome == "not shown" and "Our claim is *not shown*" in text and len(result.seeds) == 3
    gain = mean_interval(result.numbers["gain: tuned as a whole"])
    assert (round(gain.value, 1), round(gain.low, 1), round(gain.high, 1)) == (4.5, -1.1, 10.1)
    assert "the mean gain was 4.5 points, and its interval, from -1.1 to 10.1, holds 0" in text
    by_labels = {
        count: difference(
            result.numbers[f"tuned as a whole, {count} labels a class"],
            result.numbers[f"from scratch, {count} labels a class"],
        )
        for count in mae_gain.LABELS
    }
    assert [f"{one.value:+.1f}" for one in by_labels.values()] == ["+12.3", "+2.9", "-1.7"]
    for said in ("(+12.3 points)", "(+2.9)", "(-1.7)"):
        assert said in text
    reasons = " ".join(choice.reason for choice in answers.GAIN.choices)
    assert f"begins at {by_labels[2].low:.1f}" in reasons.replace("that ", "")
    assert f"from {by_labels[20].low:.1f} to {by_labels[20].high:.1f}" in reasons
    assert mae_gain.UNLABELLED == 1000 and "pretrained on 1,000 digits and gave 2, 5 or 20 labels" in text
