"""The chapter "Pictures and words": its numbers are true, and its figures show what the text says."""

import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glassworks import labs
from glassworks.data.samples import NUMBER_WORDS, SAMPLES
from glassworks.data.tokens import FIRST_JOIN
from glassworks.judging.intervals import wilson
from glassworks.labs import temperature_of_pairs
from glassworks.models.vision.clip import FIRST_SCALE, MOST_SCALE, CLIPConfig, contrastive_loss
from glassworks.reader.exercises.image.pictures_and_words import GUESSING, LOSS, SCALE, SHARES, lowest
from glassworks.reader.figures import (
    cosines_to_shares,
    joins_step_by_step,
    one_space,
    pairs_learn,
    search_digits,
    small_clip,
    table_of_pairs,
    written_labels,
)
from tests.reader.chapters import ladder

SLUG = "image/pictures_and_words"


def drawn(figure: type, **values) -> str:
    made = figure()
    made.set(**values)
    return ladder.words(made.wait() if hasattr(made, "wait") else made.drawn)


# ---- cosines and shares


def test_shares_of_the_three_cosines_are_those_of_the_plan():
    text = ladder.prose(SLUG)
    for scale, wanted in ((100, (0.993262, 0.006693, 0.000045)), (1, (0.350132, 0.333056, 0.316812))):  # T39
        for cosines in ((0.25, 0.20, 0.15), (0.85, 0.80, 0.75)):
            assert cosines_to_shares.shares(cosines, scale).tolist() == pytest.approx(wanted, abs=5e-7)
        assert all(f"{share:.6f}" in text for share in wanted)
    assert "0.993262" in drawn(cosines_to_shares.CosinesToShares)
    assert "0.350132" in drawn(cosines_to_shares.CosinesToShares, scale=1)


def test_a_longer_arrow_changes_products_and_no_cosine():
    short, long = one_space.compared(30, 0.5), one_space.compared(30, 2.0)
    assert torch.allclose(long[0], 4 * short[0]) and torch.allclose(short[1], long[1])
    assert long[1].tolist() == pytest.approx([math.cos(math.radians(turn)) for turn in (10, 25, 130)])
    assert '"a red flower"' in drawn(one_space.OneSpace) and '"a fire engine"' in drawn(
        one_space.OneSpace, turn=160
    )


# ---- the loss


def test_the_loss_of_a_guess_and_of_a_match_are_those_of_the_plan():
    text = ladder.prose(SLUG)
    for pairs, wanted in ((2, 0.693147), (4, 1.386294), (8, 2.079442)):  # T40
        scores = 100 * table_of_pairs.cosines(pairs, 0.3, 0.3)
        assert float(contrastive_loss(scores)) == pytest.approx(wanted, abs=5e-7)
        assert f"{wanted:.6f}" in text
        assert float(contrastive_loss(100 * table_of_pairs.cosines(pairs, 1, 0))) == pytest.approx(
            0, abs=1e-30
        )
    assert "1.386294" in drawn(table_of_pairs.TableOfPairs)


def test_the_scale_starts_and_ends_where_the_text_says():
    text = ladder.prose(SLUG)
    assert f"{FIRST_SCALE:.6f}" == "2.659260" and f"{MOST_SCALE:.6f}" == "4.605170"  # T40
    assert r"\ln(1/0.07) = 2.659260" in text and r"\ln 100 = 4.605170" in text
    assert round(math.exp(FIRST_SCALE), 1) == 14.3
    assert lowest(8, 1.0) == pytest.approx(math.log(1 + 7 / math.e)) and round(lowest(8, 1.0), 3) == 1.274


def test_the_loss_does_not_care_how_high_the_cosines_are():
    for pairs in (2, 8):
        low, high = (100 * table_of_pairs.cosines(pairs, 0.3 + lift, 0.1 + lift) for lift in (0.0, 0.7))
        assert float(contrastive_loss(low)) == pytest.approx(float(contrastive_loss(high)), abs=1e-12)
        assert float(contrastive_loss(low)) < 0.0001  # "below 0.0001, and nothing pulls any further"
    same = drawn(table_of_pairs.TableOfPairs, fit=0.3, rest=0.1)
    assert "stands out by +0.20" in same


def test_an_equal_caption_is_shared_or_called_wrong():
    scores = 100 * table_of_pairs.cosines(4, 1, 0, repeated=True)
    known = contrastive_loss(scores, table_of_pairs.belong(4, True))
    unknown = contrastive_loss(scores)
    assert float(known) == pytest.approx(math.log(2) / 2)  # ln 2 in two of four rows
    assert float(unknown) == pytest.approx(math.log(2) / 2)  # even the best answer is charged
    better = scores.clone()
    better[0, 1] = better[1, 0] = 0  # what the loss that does not know asks for: to tell equals apart
    fits = table_of_pairs.belong(4, True)
    assert float(contrastive_loss(better)) < 1e-6 and float(contrastive_loss(better, fits)) > 10
    assert "half each" in drawn(table_of_pairs.TableOfPairs, repeated=True)
    assert "tell apart what is equal" in drawn(table_of_pairs.TableOfPairs, repeated=True, knows=False)


def test_the_loss_of_ten_captions_ends_where_the_text_says():
    counts = np.random.default_rng(0).binomial(63, 0.1, 200_000)
    assert round(float(np.log1p(counts).mean()), 1) == 1.9 and "about 1.9" in ladder.prose(SLUG)
    assert f"{math.log(64):.6f}" == "4.158883" and "4.158883" in ladder.prose(SLUG)


def test_the_text_tells_what_the_lab_found():
    lab, text = labs.recorded("temperature-of-pairs"), ladder.prose(SLUG)
    assert lab is not None and lab.outcome == "holds" and "The claim **holds**" in text
    assert len(lab.seeds) == 8 and "200 steps" in text and temperature_of_pairs.STEPS == 200
    for name in ("learned from 14.3", "fixed at 14.3", "fixed at 1", "fixed at 100", "learned from 1"):
        assert f"{np.mean(lab.numbers[f'accuracy: {name}']):.1f} %" in text, name
    assert min(lab.numbers["accuracy: fixed at 100"]) < 15  # "some runs never leave the guess"
    assert f"reaches {np.mean(lab.numbers['scale: learned from 1']):.1f} in this time" in text
    assert temperature_of_pairs.MARGIN == 2 and "two points that was set beforehand" in text


# ---- tokens


def test_joins_make_fewer_pieces_and_nothing_is_unknown():
    most = joins_step_by_step.MOST
    assert len(joins_step_by_step.learned().merges) == most
    for sentence in joins_step_by_step.SENTENCES.values():
        counts = [len(joins_step_by_step.after(joins).encode(sentence)) for joins in range(most + 1)]
        assert counts == sorted(counts, reverse=True)
        words = joins_step_by_step.after(most).decode(joins_step_by_step.after(most).encode(sentence))
        assert words == sentence.lower()
    first = joins_step_by_step.after(0).encode("a red flower in the garden")
    assert len(first) - 2 == len("aredflowerinthegarden")
    assert len(joins_step_by_step.CAPTIONS) == 30


def test_the_pair_that_is_joined_next_is_the_one_that_was_learned():
    merges = joins_step_by_step.learned().merges
    for joins in range(len(merges)):
        pair = " + ".join(joins_step_by_step._plain(symbol) for symbol in merges[joins])
        counted = joins_step_by_step.next_pairs(joins)
        assert counted[0][0] == pair, joins


def test_the_numbers_of_clips_own_vocabulary():
    assert 49_408 - FIRST_JOIN - 2 == 48_894 and CLIPConfig().vocabulary == 49_408
    config = CLIPConfig()
    assert (config.picture.width, config.text.width, config.dimension) == (768, 512, 512)  # C43


# ---- the small model


def test_the_small_model_learns_and_its_pairs_do_not_become_equal():
    before, after = pairs_learn.facts(0), pairs_learn.facts(small_clip.STEPS)
    assert before["right"] < 0.25 and after["right"] > 0.8
    assert after["own"] > after["others"] + 0.3 and after["own"] < 0.95
    assert before["scale"] == pytest.approx(1 / 0.07) and 10 < after["scale"] < 100
    assert before["means"] < 0.3 and after["means"] > 0.5  # "the two middles come near each other"
    assert f"trains for {small_clip.STEPS} steps" in ladder.prose(SLUG)
    grid = pairs_learn.by_digit(small_clip.STEPS)
    assert (grid.argmax(axis=1) == np.arange(10)).all()
    torch.testing.assert_close(small_clip.picture_vectors().norm(dim=1), torch.ones(359))
    shown = drawn(pairs_learn.PairsLearn, step=str(small_clip.KEPT[1]))
    assert f"{pairs_learn.facts(small_clip.KEPT[1])['right']:.1%}" in shown


def test_whoever_asks_first_may_only_want_to_look():
    for cached in (small_clip.parts, small_clip.learned, small_clip.picture_vectors):
        cached.cache_clear()
    with torch.inference_mode():
        seen = small_clip.picture_vectors()
    assert seen.shape == (359, 16)


def test_wording_counts_and_a_word_that_was_never_read_fails():
    captions = written_labels.right("a handwritten {}").mean()
    assert captions > 0.8 and written_labels.right("a photo of a {}").mean() < captions - 0.1
    targets = small_clip.test_part().targets.numpy()
    for left in (3, 7):
        hits = written_labels.right("a handwritten {}", left)
        assert hits[targets == left].mean() < 0.25 and hits[targets != left].mean() > 0.7
    tokens = small_clip.tokenizer(3)
    assert len(tokens.pieces("three")) > 1 and len(small_clip.tokenizer(None).pieces("three")) == 1


def test_there_is_always_an_answer():
    order, found = search_digits.nearest("a cat on a chair")
    assert len(order) == search_digits.TOP and found[0] >= found[-1]
    order, _ = search_digits.nearest("a handwritten three")
    assert (small_clip.test_part().targets[order] == 3).float().mean() > 0.7
    order, _ = search_digits.nearest("not a three")
    assert (small_clip.test_part().targets[order] == 3).all()  # "ten threes come"
    order, _ = search_digits.nearest("a handwritten three")
    seen, _ = search_digits.nearest("a handwritten three", words=False)
    assert seen[0] == order[0]
    shown = drawn(written_labels.WrittenLabels, labels="cat, dog, car")
    assert "a handwritten cat" in shown and "%" in shown


def test_the_figures_train_in_the_background_and_say_so():
    figure = pairs_learn.PairsLearn()
    figure._known.clear()
    assert "Training: 0 of 1" in ladder.words(figure.draw(step=0))
    figure.set(step="0")
    assert "after 0 steps" in ladder.words(figure.wait())


# ---- what was measured on the sample of stamps


def test_the_measured_shares_fit_their_counts_and_intervals():
    """Runs of `glassworks train clip --data sample:stamps-captions`; the text tells of 102 and 40 or 24."""
    text = ladder.prose(SLUG)
    for hits in (34, 52, 62):
        low, high = wilson(hits, 102)
        assert f"{100 * hits / 102:.1f} % ({100 * low:.1f} to {100 * high:.1f})" in text
    for hits, rows in ((16, 40), (11, 40), (10, 24)):
        assert f"{100 * hits / rows:.1f} % of {rows}" in text
    for hits, rows in ((24, 102), (23, 102), (27, 102), (17, 40), (13, 24), (10, 40), (7, 24)):
        assert f"| {100 * hits / rows:.1f} % |" in text
    assert "677 pictures" in SAMPLES["stamps-captions"].size and "677 pictures" in text
    assert "473" in text and 473 + 102 + 102 == 677
    assert wilson(11, 40)[0] < 0.25 and wilson(10, 24)[0] < 0.292  # "not shown to be better"
    assert wilson(34, 102)[0] > 0.1 and wilson(34, 102)[0] < 0.235 + 0.1


# ---- the exercises


def test_the_numbers_of_the_exercises():
    assert GUESSING.target == pytest.approx(math.log(64), abs=1e-6)
    assert SHARES.target == pytest.approx(1 / (1 + math.exp(-5) + math.exp(-10)), abs=1e-6)
    assert pytest.approx(0.354167, abs=1e-6) == 0.85 / 2.40
    assert math.log(0.97 / 0.03) / 100 == pytest.approx(0.0348, abs=5e-5)
    for mistake, wanted in ((1.806180, math.log10(64)), (4.143135, math.log(63)), (6, math.log2(64))):
        assert mistake == pytest.approx(wanted, abs=1e-6)
    assert round(math.log(32_768), 1) == 10.4
    shown = ladder.words(SCALE.reveal())
    assert "1.273" in shown or "1.274" in shown


def test_the_reference_loss_is_the_loss_of_the_workbench():
    names: dict = {}
    exec(LOSS.solution, names)  # noqa: S102
    dice = torch.Generator().manual_seed(3)
    pictures, texts = torch.randn(5, 7, generator=dice), torch.randn(5, 7, generator=dice)
    scores = 9 * F.normalize(pictures, dim=-1) @ F.normalize(texts, dim=-1).T
    assert float(names["clip_loss"](pictures, texts, 9.0)) == pytest.approx(float(contrastive_loss(scores)))


def test_no_word_of_the_text_claims_fusion_or_equal_vectors():
    text = ladder.prose(SLUG)
    assert "It does not. There are models that do" in text  # C39
    assert "the *same* vector. It does not." in text  # C40
    assert len(NUMBER_WORDS) == 10 and not re.search(r"\bforces? .{0,40}identical", text)
