"""Tables of series: columns found or asked for, steps made regular, windows that never see the future."""

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.data.check_series import check_series
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.series import open_series
from glassworks.data.windows import Scaled, cuts, filled, measured, recorded_cuts, season_of, windows_of
from tests.api import series as made


def refused(code, call):
    with pytest.raises(PersonError) as told:
        call()
    assert told.value.code == code, told.value
    return told.value


# ---- columns


def test_a_time_and_one_number_need_no_names(tmp_path):
    table = open_series(str(made.growing(tmp_path / "a.csv")))
    assert table.kind == "forecast" and table.channels == ("value",) and table.wanted == (0,)
    assert table.values[0].shape == (240, 1) and str(table.times[0][1]) == "2015-02-01T00:00:00"
    assert 'the time from column "date"' in " ".join(table.notes)


def test_several_numbers_are_asked_for_by_name(tmp_path):
    path = made.write(tmp_path / "a.csv", {"sales": made.season(), "visits": made.season(seed=1)})
    error = refused("which-column", lambda: open_series(str(path)))
    assert "sales and visits" in error.got and "--target" in error.fix
    table = open_series(str(path), target="visits")
    assert table.channels == ("visits", "sales") and table.wanted == (0,)
    both = open_series(str(path), target="sales, visits")
    assert both.wanted == (0, 1)
    assert "did you mean" in refused("no-such-column", lambda: open_series(str(path), target="sale")).fix


def test_rows_without_a_time_are_steps_in_their_order(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("amount\n" + "\n".join(str(n) for n in range(30)), encoding="utf-8")
    table = open_series(str(path))
    assert table.times[0].tolist() == list(range(30)) and "no time" in " ".join(table.notes)


def test_semicolons_decimal_commas_and_words_for_missing_are_read(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{day};{n},5" if n != 7 else f"{day};NA" for n, day in enumerate(made.days(30))]
    path.write_text("Datum;Wert\n" + "\n".join(rows), encoding="utf-8")
    table = open_series(str(path))
    assert table.values[0][3, 0] == 3.5 and np.isnan(table.values[0][7, 0])


def test_jsonl_is_read_as_well(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        "\n".join(f'{{"ds": "{day}", "y": {n}}}' for n, day in enumerate(made.days(30))), encoding="utf-8"
    )
    assert open_series(str(path)).values[0][:, 0].tolist() == list(range(30))


def test_several_series_are_told_apart_by_their_column(tmp_path):
    path, days = tmp_path / "a.csv", made.days(40)
    rows = [
        f"{day},{shop},{n + len(shop) % 2}" for shop in ("north", "southern") for n, day in enumerate(days)
    ]
    path.write_text("date,store,sold\n" + "\n".join(rows), encoding="utf-8")
    table = open_series(str(path))  # times stand twice, and "store" tells them apart
    assert table.names == ("north", "southern") and len(table.values[0]) == 40
    path.write_text("date,place,sold\n" + "\n".join(rows), encoding="utf-8")
    assert "--group" in refused("times-twice", lambda: open_series(str(path))).fix
    assert open_series(str(path), group="place").names == ("north", "southern")


# ---- steps


def test_rows_are_sorted_holes_become_missing_and_repeats_are_told(tmp_path):
    days = made.days(40)
    rows = [(day, str(n)) for n, day in enumerate(days)]
    del rows[10:12]
    rows = [*rows[20:], *rows[:20], rows[5]]
    path = made.write(tmp_path / "a.csv", {"value": [cell for _, cell in rows]}, [day for day, _ in rows])
    table = open_series(str(path))
    assert len(table.values[0]) == 40 and np.isnan(table.values[0][10:12]).all()
    said = " ".join(table.notes)
    assert "sorted" in said and "2 step(s) of 40" in said and "repeat another" in said


def test_a_time_with_two_values_and_irregular_times_are_refused_or_told(tmp_path):
    days = made.days(30)
    twice = made.write(tmp_path / "a.csv", {"value": np.arange(31.0)}, [*days, days[4]])
    assert "stands there with two values" in refused("times-twice", lambda: open_series(str(twice))).got
    assert "other values" in " ".join(open_series(str(twice), bad="skip").notes)
    chance = np.cumsum(np.random.default_rng(0).integers(1, 100_000, 60)).astype("datetime64[s]")
    odd = made.write(tmp_path / "b.csv", {"value": np.arange(60.0)}, chance)
    refused("irregular-times", lambda: open_series(str(odd)))
    assert "no regular step" in " ".join(open_series(str(odd), bad="skip").notes)


def test_bad_cells_stop_or_are_counted(tmp_path):
    cells = [str(n) for n in range(40)]
    cells[6] = "forty"
    path = made.write(tmp_path / "a.csv", {"value": cells}, made.days(40))
    error = refused("bad-row", lambda: open_series(str(path)))
    assert "line 8" in error.got and "forty" in error.got
    table = open_series(str(path), bad="skip")
    assert len(table.damaged) == 1 and np.isnan(table.values[0][6, 0])


def test_what_is_no_series_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("date,colour\n2020-01-01,red\n2020-01-02,blue\n", encoding="utf-8")
    refused("no-numbers", lambda: open_series(str(path)))
    path.write_text("date,value\n2020-01-01,1\n2020-01-02,2\n", encoding="utf-8")
    refused("too-few-steps", lambda: open_series(str(path)))
    refused("no-table", lambda: open_series(str(tmp_path)))
    refused("no-times", lambda: open_series(str(made.growing(path)), time="value"))


# ---- the season


def test_a_season_is_found_by_calendar_or_by_ear_and_not_in_a_walk(tmp_path):
    assert season_of(open_series(str(made.growing(tmp_path / "a.csv")))) == 12
    values = made.season()
    path = tmp_path / "b.csv"
    path.write_text("value\n" + "\n".join(f"{v:.4f}" for v in values), encoding="utf-8")
    assert season_of(open_series(str(path))) == 12
    for seed in range(3):
        assert season_of(open_series(str(made.walk(tmp_path / "c.csv", seed=seed)))) == 0


# ---- nothing of the future


def test_missing_values_take_the_one_before_never_the_one_after():
    values = np.array([[np.nan], [1.0], [np.nan], [np.nan], [4.0], [np.nan]])
    assert filled(values)[1:, 0].tolist() == [1.0, 1.0, 1.0, 4.0, 4.0] and np.isnan(filled(values)[0, 0])


def test_no_training_window_knows_anything_of_the_later_parts(tmp_path):
    """Every number after the training part is replaced: nothing that training uses may change."""
    path = made.growing(tmp_path / "a.csv")
    before = open_series(str(path))
    own = windows_of(before, 36, 12, 24, val=0.15, test=0.15)
    cut = own.cuts[0]
    assert 0 < cut.train < cut.val < cut.end == 240
    spoiled = before.values[0].copy()
    spoiled[cut.train :] = 1e9
    after = type(before)(**{**before.__dict__, "values": [spoiled]})
    other = windows_of(after, 36, 12, 24, val=0.15, test=0.15)
    assert measured(own) == measured(other)
    for row in own.train:
        np.testing.assert_array_equal(own.seen(int(row)), other.seen(int(row)))
    np.testing.assert_array_equal(
        own.following(own.train, until="train"), other.following(other.train, until="train")
    )
    truth = own.following(own.train, until="train")
    assert np.isnan(truth[-1, -1]).all() and np.isfinite(truth[0]).all()  # the last windows look at the edge


def test_parts_follow_one_another_and_judge_whole_horizons(tmp_path):
    own = windows_of(open_series(str(made.growing(tmp_path / "a.csv"))), 36, 12, 24, val=0.15, test=0.15)
    assert own.origins[own.train].max() < own.origins[own.val].min() <= own.cuts[0].train + 12
    assert own.origins[own.val].max() + 12 <= own.origins[own.test].min() == own.cuts[0].val
    for part in ("val", "test"):
        assert np.isfinite(own.following(getattr(own, part))).all()


def test_series_that_begin_at_other_times_are_cut_at_the_same_moment(tmp_path):
    path, long, short = tmp_path / "a.csv", made.days(200), made.days(200)[120:]
    rows = [f"{d},a,{n}" for n, d in enumerate(long)] + [f"{d},b,{n}" for n, d in enumerate(short)]
    path.write_text("date,id,value\n" + "\n".join(rows), encoding="utf-8")
    table = open_series(str(path))
    first, second = cuts(table, 5, 0.15, 0.15)
    assert table.times[0][first.train] == table.times[1][second.train]
    assert table.times[0][first.val] == table.times[1][second.val]


def test_missing_truth_is_not_judged_and_too_much_of_it_refused(tmp_path):
    values = made.season()
    values[[200, 201, 215]] = np.nan
    cells = ["" if np.isnan(v) else f"{v:.3f}" for v in values]
    table = open_series(str(made.write(tmp_path / "a.csv", {"value": cells})))
    own = windows_of(table, 36, 12, 24, val=0.15, test=0.15)
    assert "3 of 240 steps are missing" in " ".join(own.notes)
    assert np.isnan(own.following(own.test)).any() and np.isfinite(own.table.values[0]).all()
    cells[50:120] = [""] * 70
    worse = open_series(str(made.write(tmp_path / "b.csv", {"value": cells})))
    refused("too-many-missing", lambda: windows_of(worse, 36, 12, 24, val=0.15, test=0.15))


def test_a_horizon_that_leaves_nothing_to_learn_from_is_refused(tmp_path):
    table = open_series(str(made.growing(tmp_path / "a.csv")))
    assert (
        "--horizon"
        in refused("too-few-steps", lambda: windows_of(table, 36, 80, 24, val=0.15, test=0.15)).fix
    )


def test_a_run_is_cut_as_it_was_and_changed_data_refused(tmp_path):
    table = open_series(str(made.growing(tmp_path / "a.csv")))
    own = windows_of(table, 36, 12, 24, val=0.15, test=0.15)
    assert recorded_cuts(table, own.to_json(table)) == list(own.cuts)
    other = open_series(str(made.growing(tmp_path / "a.csv", seed=1)))
    refused("data-changed", lambda: recorded_cuts(other, own.to_json(table)))


def test_windows_go_into_batches_scaled_and_short_at_the_beginning(tmp_path):
    own = windows_of(open_series(str(made.growing(tmp_path / "a.csv"))), 36, 12, 24, val=0.15, test=0.15)
    mean, std = measured(own)
    scaled = Scaled(own, mean, std)
    targets = np.zeros((len(scaled), 12, 1), np.float32)
    batch = SequenceBatches(scaled, targets, own.train).load(own.train[:20])
    assert batch.lengths[0] == 24 and batch.inputs.shape == (20, 36, 1)
    expected = (own.seen(int(own.train[0])) - mean) / std
    np.testing.assert_allclose(batch.inputs[0, :24], expected, rtol=1e-5, atol=1e-5)


# ---- the doctor


def test_check_finds_what_misleads(tmp_path):
    values = made.season(noise=1.0)
    values[100] += 60
    values[-12:] = values[-12]
    cells = ["" if row in (5, 6) else f"{v:.3f}" for row, v in enumerate(values)]
    path = made.write(tmp_path / "a.csv", {"value": cells, "nothing": np.full(240, 3.0)})
    report = check_series(open_series(str(path), target="value", bad="skip"))
    found = {finding.code: finding for finding in report.findings}
    assert {"missing", "constant", "flat-end", "outliers"} <= found.keys() and report.ok
    assert "2023-05-01" in found["outliers"].names[0] and len(found["outliers"].names) == 1
    assert "12 values" in found["flat-end"].names[0]
    assert "value" in report.as_text() and report.as_json()["sees"] == "series"
    page = report.page().save(tmp_path / "check.html").read_text(encoding="utf-8")
    assert "<svg" in page and "never change" in page
    assert "outliers" in report.write_fixes(tmp_path / "fixes.csv").read_text(encoding="utf-8")


def test_check_of_sound_series_finds_nothing(tmp_path):
    report = check_series(open_series(str(made.growing(tmp_path / "a.csv"))))
    assert [finding.code for finding in report.findings] in ([], ["as-read"]) and report.ok
    assert ("season", "12 steps") in report.facts
    assert "train forecaster" in report.suggestion["command"]
