"""A judgement claims what the rows show: better, worse, or not shown; and names the worst mistakes."""

import json

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.core.rows import Answers
from glassworks.judging.baselines import baselines, small_pictures
from glassworks.judging.decisions import choose_threshold
from glassworks.judging.judgement import judge

from .conftest import one_number, several_labels, two_classes


def first_rows(answers: Answers, count: int) -> Answers:
    return Answers(
        answers.names[:count],
        answers.kind,
        answers.targets[:count],
        answers.scores[:count],
        answers.classes,
    )


def majority_alone(digits, answers: Answers) -> dict[str, Answers]:
    train = small_pictures(digits.pixels[digits.parts["train"]])
    test = small_pictures(digits.pixels[digits.parts["test"]])[: len(answers.names)]
    made = baselines(train, digits.targets[digits.parts["train"]], test, answers)
    return {"majority class": made["majority class"]}


def test_a_good_model_is_better_than_the_baseline_with_an_interval(digits):
    answers = digits.answers()
    judgement = judge(answers, baselines=majority_alone(digits, answers))
    assert judgement.verdict.startswith("better than the best baseline (majority class) by ")
    assert "points of accuracy (95 % interval" in judgement.verdict
    assert judgement.against.difference["accuracy"].low > 0.7


def test_the_best_baseline_is_the_one_compared_with(digits):
    answers, brief = digits.answers(), digits.answers(model="brief")
    others = {"majority class": majority_alone(digits, brief)["majority class"], "strong": answers}
    judgement = judge(brief, baselines=others)
    assert judgement.against.name == "strong"
    assert judgement.verdict.startswith("worse than the best baseline (strong) by ")
    assert "−" not in judgement.verdict  # "worse by 5", not "worse by minus 5"


def test_few_rows_and_a_small_difference_are_not_sold_as_better(digits):
    answers, brief = first_rows(digits.answers(), 30), first_rows(digits.answers(model="brief"), 30)
    scores = brief.scores.copy()
    scores[2:] = answers.scores[2:]
    judgement = judge(
        answers, baselines={"near": Answers(brief.names, "label", brief.targets, scores, brief.classes)}
    )
    assert judgement.verdict.startswith("not shown to be better than the best baseline (near)")
    assert judgement.verdict.endswith("n = 30 is small")


def test_with_a_frequent_class_the_verdict_tells_balanced_accuracy_too():
    """Saying the frequent class always is as accurate as a model that finds the rare one at a price."""
    targets = np.array([0] * 180 + [1] * 20)
    told = targets.copy()
    told[:30], told[180:184] = 1, 0
    names = tuple(str(row) for row in range(200))
    eye = np.eye(2) * 0.8 + 0.1
    model = Answers(names, "label", targets, eye[told], ("fine", "cracked"))
    always = Answers(names, "label", targets, eye[np.zeros(200, int)], ("fine", "cracked"))
    verdict = judge(model, baselines={"majority class": always}, resamples=300).verdict
    assert "worse than the best baseline" in verdict or "not shown to be better" in verdict
    assert "; better by" in verdict and verdict.index("points of balanced accuracy") > verdict.index(
        "; better"
    )


def test_every_kind_is_judged_and_is_json_without_nan(digits):
    whole = digits.answers()
    for answers in (whole, two_classes(whole, 8), several_labels(whole), one_number(whole)):
        reference = Answers(
            answers.names,
            answers.kind,
            answers.targets,
            np.repeat(answers.scores.mean(axis=0)[None], len(answers.names), axis=0),
            answers.classes,
        )
        judgement = judge(answers, baselines={"mean": reference}, resamples=200)
        told = json.loads(json.dumps(judgement.as_json(), allow_nan=False))
        main = told["metrics"][judgement.main]
        assert set(main) == {"value", "low", "high", "n"} and main["n"] == len(answers.names)
        assert judgement.verdict.startswith("better"), judgement.verdict
        assert (judgement.confusion is not None) == (answers.kind == "label")


def test_the_worst_mistakes_are_wrong_and_the_surest_come_first(digits):
    answers = digits.answers(model="brief")
    worst = judge(answers, baselines={}, resamples=50).worst
    assert 0 < len(worst) <= 24
    sure = [mistake.probability for mistake in worst]
    assert sure == sorted(sure, reverse=True)
    told, top = answers.scores.argmax(axis=1), answers.scores.max(axis=1)
    assert sure[0] == top[told != answers.targets].max()
    for mistake in worst:
        assert mistake.name == answers.names[mistake.row]
        assert mistake.given == str(answers.targets[mistake.row]) != mistake.said
    number = one_number(answers)
    largest = judge(number, baselines={}, resamples=50).worst[0].row
    assert largest == np.abs(number.scores[:, 0] - number.targets).argmax()


def test_the_threshold_decides_for_the_model(digits):
    validation = two_classes(digits.answers("val", "brief"), 8)
    answers = two_classes(digits.answers("test", "brief"), 8)
    threshold = choose_threshold(validation, "recall=0.95")
    without = judge(answers, baselines={}, resamples=50)
    with_it = judge(answers, baselines={}, resamples=50, threshold=threshold)
    assert with_it.per_class[1]["recall"] > without.per_class[1]["recall"]
    assert with_it.metrics["auroc"].value == without.metrics["auroc"].value
    assert with_it.as_json()["threshold"]["rule"] == "recall=0.95"
    with pytest.raises(PersonError, match="chosen for the classes"):
        judge(several_labels(digits.answers()), baselines={}, threshold=threshold)


def test_a_class_without_test_rows_is_named(digits):
    whole = digits.answers()
    rows = np.flatnonzero(whole.targets != 4)
    part = Answers(
        tuple(whole.names[row] for row in rows),
        "label",
        whole.targets[rows],
        whole.scores[rows],
        whole.classes,
    )
    assert any("not judged" in note and "4" in note for note in judge(part, baselines={}).notes)


def test_grouped_rows_are_counted_as_groups(digits):
    answers = first_rows(digits.answers(), 300)
    groups = tuple(str(row // 10) for row in range(300))
    judgement = judge(
        Answers(answers.names, "label", answers.targets, answers.scores, answers.classes, groups),
        baselines={},
        resamples=200,
    )
    assert judgement.units == 30 and judgement.verdict.endswith("n = 30 is small")
    assert "30 groups" in " ".join(judgement.notes)


def test_the_same_seed_gives_the_same_judgement(digits):
    answers = digits.answers(model="brief")
    first, again = (judge(answers, baselines=majority_alone(digits, answers)).as_json() for _ in range(2))
    assert first == again
