"""Figures of written answers: against counts by hand and sacreBLEU's own numbers; baselines; intervals."""

import numpy as np
import pytest

from glassworks.judging.translation import (
    COPY,
    FREQUENT,
    NEAREST,
    baseline_answers,
    character_counts,
    chrf_of,
    figures,
    judge_translation,
    nearest_sources,
    overlaps,
    words_of,
)

DOG = (
    ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."],
    ["The dog bit the man.", "It was not unexpected.", "The man bit him first."],
)
# Of sacreBLEU 2.5.1 with tokenize="none" on words cut as here, effective_order=True; 0 to 100 there.
PUBLISHED = [
    (*DOG, 0.38452466, 0.50043064),
    (["the the the the the the the"], ["the cat is on the mat"], 0.07809850, 0.14232427),
    (["a"], ["a b c d"], 0.04978707, 0.29411765),
    (["x y z"], ["a b c"], 0.0, 0.0),
    (["Die Datei %(name)s wurde gelöscht.", "Ja", "Nein, danke"],
     ["Die Datei %(name)s ist gelöscht.", "Ja", "Danke, nein"], 0.63119691, 0.67401778),
    ([""], ["a b"], 0.0, 0.0),
    (["ja bitte", "guten Abend"], ["ja", "guten Morgen"], 0.35355339, 0.31978371),
]  # fmt: skip


@pytest.mark.parametrize(("said", "known", "bleu", "chrf"), PUBLISHED)
def test_figures_are_those_of_sacrebleu(said, known, bleu, chrf):
    found = figures(said, known)
    assert found["bleu"] == pytest.approx(bleu, abs=1e-7)
    assert found["chrf"] == pytest.approx(chrf, abs=1e-7)


def test_bleu_clips_a_word_that_is_said_too_often():
    """Papineni's example: seven times "the", of which the known answer has two: 2 of 7."""
    said, known, both = overlaps(["the"] * 7, ["the", "cat", "is", "on", "the", "mat"], 1)
    assert (said, known, both) == (7, 6, 2)


def test_chrf_by_hand():
    """ "abc" for "abd": of 3, 2, 1 runs fit 2, 1, 0, on both sides."""
    counts = character_counts("abc", "abd")
    assert counts.tolist() == [3, 3, 2, 2, 2, 1, 1, 1, 0] + [0] * 9
    share = (2 / 3 + 1 / 2 + 0) / 3
    assert float(chrf_of(counts)) == pytest.approx(share)  # precision and recall are the same
    known_longer = float(chrf_of(character_counts("ab", "abab")))
    assert known_longer < float(chrf_of(character_counts("abab", "ab")))  # recall counts twice


def test_words_are_words_and_single_signs():
    assert words_of("Können Sie %(name)s löschen?") == [
        "Können",
        "Sie",
        "%",
        "(",
        "name",
        ")",
        "s",
        "löschen",
        "?",
    ]


def test_baselines_know_the_training_part_alone():
    found = baseline_answers(["red house", "no"], ["red mouse", "yes", "yes!"], ["rote Maus", "ja", "ja"])
    assert found[COPY] == ["red house", "no"]
    assert found[FREQUENT] == ["ja", "ja"]
    assert found[NEAREST][0] == "rote Maus"
    assert nearest_sources(["abc", "xyz"], ["xy", "ab"]).tolist() == [1, 0]


def judged(said, known, **others):
    names = [f"row {row}" for row in range(len(known))]
    baselines = {COPY: ["nothing"] * len(known)} | others
    return judge_translation(names, known, said, baselines)


def test_a_judgement_compares_with_the_best_baseline_and_knows_its_intervals():
    known = [f"word {number} and more" for number in range(120)]
    said = [text if row % 4 else text[::-1] for row, text in enumerate(known)]
    found = judged(said, known, other=["word 1 and more"] * 120)
    assert found.main == "chrf" and found.against.name == "other"
    exact = found.metrics["exact_match"]
    assert exact.value == pytest.approx(0.75) and 0.65 < exact.low < 0.75 < exact.high < 0.83
    for name, interval in found.metrics.items():
        assert interval.low <= interval.value <= interval.high, name
    assert found.metrics["chrf"].high - found.metrics["chrf"].low > 0.02
    assert len(found.worst) == 24 and all(one.given != one.said for one in found.worst)
    assert "of the answers are the known ones" in found.verdict
    assert judged(said, known).as_json() == judged(said, known).as_json()  # the same seed, the same intervals


def test_a_model_that_loses_is_told_so():
    known = [f"word {number}" for number in range(60)]
    found = judged(["quite another"] * 60, known, good=known)
    assert "worse than the best baseline (good)" in found.verdict and "60 independent rows" in found.verdict
    assert found.against.difference["exact_match"].value == -1.0
    same = judged(known, known, good=known)
    assert "not shown to be better" in same.verdict


def test_groups_are_drawn_whole():
    known = [f"word {number // 10}" for number in range(100)]
    said = [text if int(text[5:]) % 2 else "x" for text in known]
    names = [str(row) for row in range(100)]
    alone = judge_translation(names, known, said, {COPY: ["x"] * 100})
    groups = judge_translation(names, known, said, {COPY: ["x"] * 100}, groups=known)
    width = lambda one: one.metrics["exact_match"].high - one.metrics["exact_match"].low  # noqa: E731
    assert groups.units == 10 and width(groups) > 1.5 * width(alone)
    assert np.isfinite(groups.metrics["chrf"].low)
