"""Times of many forms, and the step between them."""

import numpy as np
import pytest

from glassworks.data.times import Step, parse_times, step_of


def months(first, count):
    return (np.datetime64(first, "M") + np.arange(count)).astype("datetime64[s]")


@pytest.mark.parametrize(
    ("cells", "second"),
    [
        (["2020-01-31", "2020-02-29"], "2020-02-29"),
        (["2020-01-31T18:00", "2020-01-31 19:00:00"], "2020-01-31T19:00"),
        (["19580329", "19580405"], "1958-04-05"),
        (["1949-01", "1949-02"], "1949-02-01"),
        (["Jan-1-1995", "Feb-1-1995"], "1995-02-01"),
        (["Jan 1 2000", "Feb 1 2000"], "2000-02-01"),
        (["1 January 2000", "2 January 2000"], "2000-01-02"),
        (["31.01.2020", "01.02.2020"], "2020-02-01"),
        (["2012/01/01", "2012/01/02"], "2012-01-02"),
        (["2020Q1", "2020-Q2"], "2020-04-01"),
        (["2020-W01", "2020-W02"], "2020-01-06"),
        (["1700", "1701"], "1701-01-01"),
        (["1600000000", "1600003600"], "2020-09-13T13:26:40"),
        (["1/31/2020 1:00 PM", "1/31/2020 2:00 PM"], "2020-01-31T14:00"),
    ],
)
def test_dates_of_many_forms_are_read(cells, second):
    parsed = parse_times(cells)
    assert parsed is not None and parsed.times[1] == np.datetime64(second, "s")


def test_day_and_month_are_told_apart_by_the_whole_column():
    days = [f"{day:02d}/03/2020" for day in range(1, 31)]
    assert str(parse_times(days).times[1]) == "2020-03-02T00:00:00"
    american = [f"03/{day:02d}/2020" for day in range(1, 31)]
    assert str(parse_times(american).times[1]) == "2020-03-02T00:00:00"
    assert parse_times(["03/04/2020", "05/04/2020", "09/04/2020"]).notes  # both would fit: told


def test_words_and_decimals_are_no_times():
    assert parse_times(["red", "blue"]) is None
    assert parse_times(["1.5", "2.5"]) is None


def test_time_zones_are_dropped_where_equal_and_brought_to_utc_where_not():
    same = parse_times(["2020-01-01T00:00+02:00", "2020-01-01T01:00+02:00"])
    assert str(same.times[0]) == "2020-01-01T00:00:00" and "+02:00" in same.notes[0]
    mixed = parse_times(["2020-03-29T01:00:00+01:00", "2020-03-29T03:00:00+02:00"])
    assert np.diff(mixed.times)[0] == np.timedelta64(3600, "s") and "UTC" in mixed.notes[0]


@pytest.mark.parametrize(
    ("times", "step", "words", "season"),
    [
        (months("2020-01", 30), Step("months", 1), "months", 12),
        (months("2020-01", 30)[::3], Step("months", 3), "quarters", 4),
        (months("1700-01", 300)[::12], Step("months", 12), "years", 0),
        (np.arange(50).astype("datetime64[D]").astype("datetime64[s]"), Step("seconds", 86_400), "days", 7),
        (np.arange(50) * np.timedelta64(900, "s") + np.datetime64("2020-01-01"), Step("seconds", 900),
         "steps of 15 minutes", 96),
        (np.arange(50) * np.timedelta64(7, "D") + np.datetime64("2020-01-01", "s"), Step("seconds", 604_800),
         "weeks", 52),
        (np.arange(5, 105, 5), Step("numbers", 5), "steps of 5 numbers", 0),
    ],
)  # fmt: skip
def test_the_step_is_found_and_named(times, step, words, season):
    assert step_of(times) == step
    assert step.in_words == words and step.season == season
    places = step.places(times)
    assert (np.diff(places) == 1).all()
    assert step_of(np.concatenate([times, step.after(times[-1], 3)])) == step


def test_ends_of_months_and_working_days_are_regular():
    ends = (months("2020-02", 24).astype("datetime64[D]") - 1).astype("datetime64[s]")
    assert step_of(ends) == Step("months", 1)
    days = np.arange("2020-01-01", "2020-06-01", dtype="datetime64[D]")
    working = days[np.is_busday(days)].astype("datetime64[s]")
    step = step_of(working)
    assert step == Step("working days", 1) and (np.diff(step.places(working)) == 1).all()
    assert np.is_busday(step.after(working[-1], 7).astype("datetime64[D]")).all()


def test_holes_do_not_hide_the_step_and_chance_has_none():
    holed = np.delete(months("2020-01", 60), [5, 6, 30])
    assert (
        step_of(holed) == Step("months", 1)
        and step_of(holed).places(holed)[-1] - step_of(holed).places(holed)[0] == 59
    )
    late = np.arange(50).astype("datetime64[h]").astype("datetime64[s]")
    late[20] -= 2  # a clock that was two seconds early once
    assert (np.diff(step_of(late).places(late)) == 1).all()
    chance = np.cumsum(np.random.default_rng(0).integers(1, 100_000, 60)).astype("datetime64[s]")
    assert step_of(chance) is None
