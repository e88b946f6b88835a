"""From notebook to service: the page says what is installed, simulated and measured in the benchmarks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.core.errors import PersonError
from glassworks.deploy import verify as judged
from glassworks.deploy.verify import Apart
from glassworks.insight.unfamiliar import QUANTILE
from glassworks.judging.intervals import Interval
from glassworks.labs import eight_bits
from glassworks.models.vision.cnn import CNNConfig, build
from glassworks.reader.exercises.image import from_notebook_to_service as answers
from glassworks.reader.figures import drift_seen, fold_seen, none_of_these, queue_seen, sent_wrongly
from glassworks.reader.figures.lite0 import classifier
from glassworks.reader.figures.step_and_scale import rounded, scale_and_zero, there_and_back
from tests.reader.chapters.ladder import prose, words

SLUG = "image/from_notebook_to_service"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def lite0():
    try:
        return classifier()
    except PersonError as missing:
        pytest.skip(missing.code)


def test_two_pictures_of_another_size_are_an_error():
    """B8; T13, the eight rows that plain reshaping gives instead, is the example of the text."""
    with pytest.raises(ValueError, match="expected pictures of shape"):
        build(CNNConfig()).eval()(torch.zeros(2, 3, 64, 64))


# ---- eight bits


def test_a_staircase_is_torchs_and_zero_has_a_step():
    scale, zero = scale_and_zero(-1.0, 3.0, 8)
    assert (round(scale, 4), zero) == (0.0157, answers.SCALE.target)
    assert scale_and_zero(0.5, 2.0, 8)[1] == 0 and scale_and_zero(-3.0, -1.0, 4)[1] == 15
    values = torch.randn(50, generator=torch.Generator().manual_seed(1))
    low, high = float(values.min()), float(values.max())
    scale, zero = scale_and_zero(low, high, 6)
    wanted = torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, 63)
    torch.testing.assert_close(there_and_back(values, 6, False), wanted)
    inside = (there_and_back(values, 6, False) - values).abs().max()
    assert float(inside) <= scale / 2 + scale  # both ends may move by the rounding of the zero point
    rows = torch.stack([values, 100 * values])
    near, far = (float((there_and_back(rows, 8, each) - rows)[0].abs().max()) for each in (True, False))
    assert near < 0.05 * far


def test_bits_cost_what_the_figure_says():
    whole = rounded(8, False)
    assert whole.agrees > 99 and whole.apart < 0.1
    assert rounded(3, True).accuracy > rounded(3, False).accuracy + 5
    assert rounded(2, False).accuracy < 50


def test_the_rule_of_refusal_is_that_of_the_text():
    """92 equal decisions of 94 are refused, 94 pass; under 20 show nothing; of 1,000 the fall decides."""

    def passed(n: int, fall: float, half: float, agrees: float) -> bool:
        drop = Interval(fall, fall - half, fall + half, n)
        return judged._harmless("accuracy", drop, Apart(0, 0, 0, 0, 0, agrees), n)[0]

    assert f"{100 * 92 / 94:.1f}" == "97.9" and not passed(94, 0.0, 0.03, 92 / 94)
    assert passed(94, 0.0, 0.03, 1.0) and not passed(19, 0.0, 0.0, 1.0)
    assert passed(1000, 0.009, 0.02, 0.98) and not passed(1000, 0.011, 0.001, 0.98)
    assert (judged.MANY, judged.FEWEST, judged.POINT, judged.ROUNDING) == (1000, 20, 0.01, 1e-5)


# ---- folding, engines, the server


def test_folding_leaves_the_answers_and_takes_parts_away():
    found = fold_seen.folded()
    assert (found.before, found.after) == (10, 6) and "Of ten parts that compute, six" in prose(SLUG)
    assert found.apart < 1e-4 * found.largest
    before, numbers, after, offset = fold_seen.one_filter(2, 5)
    gain, spread = numbers["gain"], (numbers["variance"] + 1e-5) ** 0.5
    assert np.allclose(after, before * gain / spread, atol=1e-5)
    assert np.isfinite(offset)


def test_what_was_measured_stands_in_the_benchmarks():
    text = prose(SLUG)
    tables = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for name, cells in (("CNN, four stages, 32×32", ("0.634", "0.233", "0.0756", "0.0437")),
                        ("ResNet-18, 224×224", ("50.1", "22.6", "16.1", "7.98")),
                        ("EfficientNet-Lite0, 224×224", ("29", "12.6", "5.12", "(2.43)"))):  # fmt: skip
        row = next(line for line in tables.splitlines() if line.startswith(f"| {name} | 1 | 1 |"))
        told = [cell.strip() for cell in row.split("|")]
        assert (told[4], told[5], told[8], told[9]) == cells
        assert " | ".join(cells) in text
    for shown in ("| 32 x 32 | ours | 3.42e+03", "| 32 x 32 | async def | 1.56e+03", "| 32 x 32 | def | 707"):
        assert shown in tables
    assert "69 % of its capacity" in tables and "97 % of its capacity" in tables
    assert "a wrong fixed choice costs 3 to 14 times" in tables and "3 to 14 times" in text
    trust = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    assert "180 s: 0.23 MB a minute" in trust and "0.23 MB a minute" in text


def test_a_queue_without_a_limit_serves_nobody_in_time():
    free, short = (queue_seen.simulated(1.5, room, 2.0, False) for room in (0, 64))
    assert free.in_time(2.0) == pytest.approx(250, abs=40)  # "About 250"
    assert short.in_time(2.0) > 1_480 and short.refused / short.asked == pytest.approx(1 / 3, abs=0.05)
    assert short.waited[:, 1].max() <= 65 * queue_seen.EACH + 1e-9 <= 1.301
    dropped = queue_seen.simulated(1.5, 0, 2.0, True)
    assert dropped.wasted == 0 and dropped.gone > 0 and dropped.waited[:, 1].max() <= 2
    assert queue_seen.simulated(0.5, 64, 2.0, False).refused == 0
    for one in (free, short, dropped):
        assert len(one.waited) + one.refused + one.gone == one.asked


def test_the_queue_agrees_with_a_slow_walk_through_time():
    found = queue_seen.simulated(2.0, 4, 2.0, False)
    ends: list[float] = []
    for arrival, waited in found.waited:
        begin = max(arrival, ends[-1] if ends else 0.0)
        assert waited == pytest.approx(begin + queue_seen.EACH - arrival)
        assert sum(end - queue_seen.EACH > arrival for end in ends[-10:]) < 4
        ends.append(begin + queue_seen.EACH)


# ---- the wild


def test_unscaled_bytes_make_a_pillow_of_the_cat_and_the_rest_stays_a_cat(lite0):
    found = {way: sent_wrongly.said("a cat", "", way) for way in sent_wrongly.WAYS}
    first = {way: one[1][0][0] for way, one in found.items() if one is not None}
    assert first.pop("bytes that were not scaled") == "pillow"
    assert all("cat" in name or name == "tabby" for name in first.values())
    plain = found["as it should be"]
    assert plain is not None and plain[1] == lite0.top(
        lite0.shares(lite0.prepared(lite0.view(sent_wrongly.photograph("a cat")))), 3
    )


def test_a_cup_is_a_nine_and_lies_beyond_the_limit():
    rows = {row[0]: row for row in none_of_these.told("")}
    cup = rows["a cup of coffee"]
    assert cup[2] == 9 and cup[3] > 0.9 and cup[4] > 1
    digits = list(rows.values())[: none_of_these.DIGITS]
    assert all(str(row[2]) in row[0] and row[4] < 1 for row in digits)
    assert QUANTILE == 0.97


def test_dark_pictures_are_answered_wrongly_and_surely():
    found = drift_seen.weeks("the lamp gets weaker")
    assert found[-1].accuracy < 15 and found[-1].share > min(week.share for week in found) + 20
    for way in ("the lamp gets weaker", "the sensor gets noisy"):
        weeks = drift_seen.weeks(way)
        alarm = next(n for n, week in enumerate(weeks) if week.beyond > 20)
        fallen = next(n for n, week in enumerate(weeks) if week.accuracy < weeks[0].accuracy - 5)
        assert alarm <= fallen, way
    assert "unfamiliar" in words(drift_seen.DriftSeen().wait())


def test_the_lab_of_the_text_found_what_the_text_says():
    found, text = labs.recorded("eight-bits"), prose(SLUG)
    assert found is not None and found.outcome == "not shown"
    lost = {name: np.mean(found.numbers["float"]) - np.mean(found.numbers[name]) for name in eight_bits.ARMS}
    assert abs(lost["8 bits"]) < 0.1 and abs(lost["8 bits, measured on 2 pictures"]) < 0.1
    assert f"cost {lost['8 bits, measured on negatives']:.1f} points" in text
    assert f"lose {lost['3 bits']:.1f} points" in text
