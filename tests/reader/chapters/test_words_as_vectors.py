"""The chapter "Words as vectors": its numbers are true, and its figures show what they say."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.judging.words import Space
from glassworks.models.sequence.word2vec import Word2Vec, Word2VecConfig, near
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import NumberExercise
from glassworks.reader.exercises.sequence.words_as_vectors import library_loss, slow_loss
from glassworks.reader.figures import manual_words, offset_of_words, score_finds_pmi
from glassworks.reader.figures.manual_words import manual, neighbours, space
from glassworks.reader.figures.map_of_words import MapOfWords, places
from glassworks.reader.figures.nearest_words import ASKED, NearestWords
from glassworks.reader.figures.offset_of_words import OffsetOfWords
from glassworks.reader.figures.pairs_of_a_window import SENTENCE, PairsOfAWindow, weights
from glassworks.reader.figures.score_finds_pmi import ScoreFindsPmi
from glassworks.reader.figures.who_is_drawn import WhoIsDrawn
from glassworks.recipes.word2vec import SHAPES
from glassworks.tasks.word_embedding import kept_shares, noise_ends
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/words_as_vectors"
LOG = Path(__file__).parents[3] / "docs" / "log.md"


def exercise(word: str) -> NumberExercise:
    found = exercises.find(f"words_as_vectors.{word}")
    assert isinstance(found, NumberExercise)
    return found


# ---- pairs and the loss


def test_a_window_gives_the_pairs_that_are_counted():
    assert int((near(torch.arange(7)[None], None, 2) > 0).sum()) == exercise("pairs").target == 22
    assert float(near(torch.arange(7)[None], None, 2).sum()) == 17
    for window in range(1, 6):
        found = weights(window)
        assert (found.diagonal() == 0).all() and float(found[2, 3]) == 1
        assert float(found[2, 2 + window]) == pytest.approx(1 / window)
    assert "38 pairs" in words(PairsOfAWindow().drawn) and len(SENTENCE) == 11


def test_the_loss_of_the_text_is_the_loops_and_the_librarys():
    def softplus(score: float) -> float:
        return math.log1p(math.exp(score))

    shares = [softplus(-2), softplus(-1), softplus(0)]
    assert [round(one, 4) for one in shares] == [0.1269, 0.3133, 0.6931] and round(sum(shares), 4) == 1.1333
    dice = torch.Generator().manual_seed(0)
    v, u, noise = (torch.randn(shape, generator=dice) for shape in ((2, 5), (2, 5), (2, 3, 5)))
    names: dict = {}
    exec(exercises.find("words_as_vectors.loss").solution, names)  # type: ignore[union-attr]  # noqa: S102
    for other in (slow_loss, library_loss):
        assert torch.allclose(names["loss"](v, u, noise), other(v, u, noise), atol=1e-6)


def test_only_the_words_of_the_question_move():
    model = Word2Vec(Word2VecConfig(vocabulary=50, width=4))
    torch.nn.init.normal_(model.head.weight)
    model(torch.tensor([[7]]), None, torch.tensor([[3, 9, 12]])).sum().backward()
    assert model.vectors.weight.grad is not None and model.head.weight.grad is not None
    assert model.vectors.weight.grad.abs().sum(1).nonzero()[:, 0].tolist() == [7]
    assert model.head.weight.grad.abs().sum(1).nonzero()[:, 0].tolist() == [3, 9, 12]


def test_widths_are_as_the_text_says():
    paper, small = SHAPES["paper"], SHAPES["small"]
    assert (paper["width"], small["width"], small["vocabulary"]) == (300, 100, 40_000)
    assert manual_words.WIDTH == 48


# ---- noise


def test_frequent_words_stay_less_and_are_noise_less_often():
    counts = np.array([40_000, 960_000])
    assert kept_shares(counts, 0.001)[0] == pytest.approx(math.sqrt(0.001 / 0.04), rel=1e-9)
    assert round(100 * math.sqrt(0.001 / 0.04)) == 16 and "16 of 100" in prose(SLUG)
    drawn = np.diff(noise_ends(np.array([10_000, 16]), 0.75).numpy(), prepend=0)
    assert drawn[0] / drawn[1] == pytest.approx(exercise("power").target) and exercise("power").target == 125
    told = words(WhoIsDrawn().drawn)
    ratios = [float(one) for one in re.findall(r"([\d.]+) ×", told)]
    assert ratios == sorted(ratios) and ratios[0] < 1 < ratios[-1]
    assert "1.00 ×" in words(WhoIsDrawn().set(power=1))
    assert manual().counts.max() / manual().counts.sum() > 0.04  # frequent, as in all of English
    assert manual().words[int(manual().counts.argmax())] == "the"


# ---- neighbours


def test_the_manual_is_as_large_as_the_text_says_and_its_neighbours_are_these():
    assert 40_000 < manual().counts.sum() < 120_000
    for way in ("counts", "skip-gram"):
        found = space(way)
        assert neighbours(found, "left")[0][0] == "right"
        assert neighbours(found, "true")[0][0] == "false"
        assert all(neighbours(found, word) for word in ASKED)
    assert max(cosine for _, cosine in neighbours(space("one-hot"), "left")) == 0
    assert neighbours(space("counts"), "zebra") == []
    figure = NearestWords()
    figure.set(word="true")
    assert "false" in words(figure.wait()) and "skip-gram" in words(figure.drawn)


def test_the_map_leaves_out_more_than_it_keeps():
    for way in ("counts", "skip-gram"):
        known, flat, kept = places(way)
        assert kept < 0.5 and flat.shape == (len(known), 2) and len(known) > 20
    figure = MapOfWords()
    figure.set(way="counts")
    assert "two directions keep" in words(figure.wait()).lower()


# ---- what the scores come to


def test_the_lowest_loss_is_at_the_shifted_pmi():
    for together in (0.5, 5, 20):
        for noise in (1, 5, 15):
            scores = np.linspace(-9, 6, 300_001)
            lowest = scores[score_finds_pmi.loss(scores, together, noise).argmin()]
            assert lowest == pytest.approx(score_finds_pmi.pmi(together) - math.log(noise), abs=1e-3)
    assert exercise("optimum").target == pytest.approx(
        math.log(8 * 1_000_000 / (2_000 * 500)) - math.log(4), abs=5e-5
    )
    assert "+0.693" in words(ScoreFindsPmi().drawn)


def test_the_recorded_figures_are_those_of_the_notebook():
    log, text = " ".join(LOG.read_text(encoding="utf-8").split()), prose(SLUG)
    assert "2.27 M words of Austen, Brown and the Bible, 45 s in all: analogies 31.9 % (27.3 to 37.0)" in log
    assert "counts (PPMI, SVD) 26.5 %, gensim 28.8 % in 40 s and 33.7 % in 149 s on its own cut" in log
    assert '"king - man + woman" gives vashti, then queen' in log
    for said in ("31.9 %", "(27.3 to 37.0)", "26.5 %", "28.8 %", "33.7 %", "2.27 million", "*vashti*"):
        assert said in text, said
    assert 149 / 45 > 3


# ---- analogies


def test_the_text_tells_what_the_lab_on_analogies_found():
    """E19: the exclusion makes the analogy; and it holds for the smaller part."""
    found = labs.recorded("analogies")
    assert found is not None and found.outcome == "holds"
    mean = {
        name.removeprefix("share: "): round(float(np.mean(row)), 1) for name, row in found.numbers.items()
    }
    assert mean["without the three"] == 32.5 and mean["all words"] == 3.5
    assert mean["nearest to the third"] == 14.6 and mean["a word of the question"] == 95.5
    assert set(found.numbers["questions"]) == {4114.0}
    row = {cells[0]: cells[1:] for cells in found.tables[1].rows}
    assert (
        row["past tense"][0] == "63.9" and row["past tense"][2] == "22.1" and row["past tense"][1] == "11.0"
    )
    assert row["man and woman"][0] == "39.2" and row["man and woman"][2] == "44.1"
    assert row["country and capital"][0] == "0.7"
    text = prose(SLUG)
    for said in (
        "32.5 %",
        "3.5 %",
        "95.5 %",
        "14.6 %",
        "17.9 points",
        "63.9 %",
        "22.1 %",
        "39.2 %",
        "44.1 %",
    ):
        assert said in text, said
    assert "+17.9" in found.verdict and "0.7 % of the capitals" in text


def test_own_parts_of_words_make_the_answer_a_word_of_the_question():
    assert offset_of_words.shares(0.0) == (1.0, 1.0)
    free, rest = offset_of_words.shares(1.5)
    assert free < 0.1 < rest < 0.7
    figure = OffsetOfWords()
    assert "It is a word of the question" in words(figure.drawn)
    assert "It is a word of the question" not in words(figure.set(excluded=True))


def test_the_answer_to_an_analogy_needs_vectors_of_one_length():
    names: dict = {}
    exec(exercises.find("words_as_vectors.analogy").solution, names)  # type: ignore[union-attr]  # noqa: S102
    vectors = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 1, 1.0], [9, 9, 9.0]])
    assert names["analogy"](vectors, 0, 1, 2) == 3
    assert isinstance(space("counts"), Space)
