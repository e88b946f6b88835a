"""The card is plain JSON, counts looks at the test part, and reads as Markdown."""

import json

from glassworks.judging.card import card, card_text, with_judgement
from glassworks.judging.judgement import judge
from glassworks.recipes.base import InputPart


def made(digits, **more) -> dict:
    return card(
        system="cnn",
        variant="two-layer",
        model={"width": 32, "classes": 10},
        kind="label",
        classes=digits.answers().classes,
        seen=InputPart(height=8, width=8, channels=1, mean=(0.5,), std=(0.25,)).model_dump(),
        sees="pictures of 8x8x1",
        data={"source": "Bilder mit Lücke/", "digest": "ab" * 32, "rows": {"train": 900, "test": 597}},
        **more,
    )


def test_a_card_is_plain_json_with_every_field_of_its_schema(digits):
    from glassworks.judging import card as module

    first = made(digits, limits=["Scanned forms only."])
    assert json.loads(json.dumps(first, allow_nan=False)) == json.loads(json.dumps(first))
    assert first["schema"] == 1 and first["input"]["height"] == 8
    assert "Scanned forms only." in first["limits"] and len(first["limits"]) > 2
    for field in first:
        assert field in module.__doc__, field


def test_judging_the_test_part_is_counted_and_validation_is_not(digits):
    judgement = judge(digits.answers(), baselines={}, resamples=50)
    first = made(digits, judgement=judgement, part="val")
    assert first["test_looks"] == 0 and first["judged"]["part"] == "val"
    twice = with_judgement(with_judgement(first, judgement, part="test"), judgement, part="test")
    assert twice["test_looks"] == 2 and first["test_looks"] == 0
    assert twice["metrics"]["accuracy"] == judgement.metrics["accuracy"].as_json()


def test_the_text_holds_figures_baselines_data_limits_and_licence(digits):
    answers = digits.answers()
    judgement = judge(answers, baselines={"brief": digits.answers(model="brief")}, resamples=50)
    start = {"name": "imagenet", "licence": "Apache-2.0"}
    text = card_text(with_judgement(made(digits, licence="MIT", started_from=start), judgement, part="test"))
    for part in ("# cnn (two-layer)", "| accuracy |", "| brief |", "Bilder mit Lücke/", "## Limits", "MIT"):
        assert part in text, part
    assert judgement.verdict[1:] in text and "looked at 1 time." in text and "Apache-2.0" in text


def test_a_card_that_was_not_judged_says_so(digits):
    assert "Not judged yet" in card_text(made(digits))
