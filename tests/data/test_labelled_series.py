"""Labelled series: four ways to keep them, the same table; and what is wrong told by line."""

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.data.labelled_series import open_labelled_series
from glassworks.data.ts_files import read_ts
from glassworks.data.unlabelled_series import open_unlabelled_series

HEAD = (
    "# made for a test\n@problemName Hands\n@timeStamps false\n@univariate false\n"
    "@classLabel true up down\n@data\n"
)


def code(error):
    return error.value.code


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def long_table(path, order="1 2 3"):
    rows = ["name,when,kind,left,right"]
    for name, kind, shift in (("a", "up", 0), ("b", "down", 10)):
        rows += [f"{name},2026-01-0{step},{kind},{int(step) + shift},{-int(step)}" for step in order.split()]
    return write(path, "\n".join(rows) + "\n")


def test_the_archives_files_come_with_their_parts(tmp_path):
    write(tmp_path / "Hands_TRAIN.ts", HEAD + "1,2,3:4,5,?:up\n7,8:9,10:down\n")
    write(tmp_path / "Hands_TEST.ts", HEAD + "1,1:2,2:down\n")
    table = open_labelled_series(tmp_path)
    assert table.parts == ("train", "train", "test") and table.classes == ("down", "up")
    assert table.targets.tolist() == [1, 0, 0] and table.channels == ("channel 1", "channel 2")
    np.testing.assert_array_equal(table.values[0], [[1, 4], [2, 5], [3, np.nan]])
    assert [len(values) for values in table.values] == [3, 2, 2]
    assert len(set(table.names)) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2:3,4:up\n", "line 1"),
        (HEAD + "1,2:3:up\n", "channels of 1 and of 2 values"),
        (HEAD + "1,x:3,4:up\n", "line 7"),
        (HEAD + "1,2:3,4:left\n", '"left"'),
        (HEAD + "1,2:3,4:up\n1,2:up\n", "line 8: 1 channels where others have 2"),
        (HEAD, "no series"),
        (HEAD.replace("false", "true", 1), "time stamps"),
    ],
)
def test_a_damaged_ts_file_is_told_by_line(tmp_path, text, message):
    with pytest.raises(PersonError, match=message) as error:
        read_ts(write(tmp_path / "x.ts", text))
    assert code(error) == "bad-ts"


def test_a_row_a_moment_is_put_in_the_order_of_time(tmp_path):
    """Rows of a series need not stand in order, nor together."""
    table = open_labelled_series(
        long_table(tmp_path / "x.csv", "3 1 2"), target="kind", time="when", group="name"
    )
    assert table.names == ("a", "b") and table.channels == ("left", "right")
    assert table.values[1].tolist() == [[11, -1], [12, -2], [13, -3]]
    assert table.classes == ("down", "up") and table.targets.tolist() == [1, 0]


def test_times_of_a_tenth_of_a_second_stay_apart(tmp_path):
    rows = [f"a,up,2026-01-01 00:00:00.{step},{step}\nb,down,2026-01-01 00:00:00.{step},0" for step in (2, 1)]
    path = write(tmp_path / "x.csv", "series,label,time,value\n" + "\n".join(rows) + "\n")
    assert open_labelled_series(path).values[0].tolist() == [[1], [2]]


def test_a_row_a_series_may_end_early_and_miss_values(tmp_path):
    path = write(tmp_path / "x.csv", "label,t0,t1,t2,t3\nup,1,,3,4\ndown,5,6,,\n")
    table = open_labelled_series(path)
    assert [len(values) for values in table.values] == [4, 2] and np.isnan(table.values[0][1, 0])
    assert table.channels == ("value",)


def test_older_files_of_the_archive_have_no_column_names(tmp_path):
    path = write(tmp_path / "Old_TRAIN.tsv", "1\t0.5\t0.6\n2\t-1\t3\n1\t2\t2\n")
    table = open_labelled_series(path)
    assert table.classes == ("1", "2") and table.values[2].tolist() == [[2], [2]]


def test_class_folders_of_tables(tmp_path):
    for part in ("train", "test"):
        for kind in ("run", "walk"):
            write(tmp_path / part / kind / "1.csv", "time,x,y\n2,3,4\n1,1,2\n")
    table = open_labelled_series(tmp_path)
    assert table.classes == ("run", "walk") and sorted(set(table.parts)) == ["test", "train"]
    assert table.values[0].tolist() == [[1, 2], [3, 4]] and table.channels == ("x", "y")


def test_decimals_are_numbers_to_predict(tmp_path):
    path = write(tmp_path / "x.csv", "target,t0,t1\n0.5,1,2\n1.25,3,4\n")
    table = open_labelled_series(path)
    assert table.kind == "number" and table.targets.tolist() == [0.5, 1.25]


@pytest.mark.parametrize(
    ("text", "asked", "wanted", "message"),
    [
        ("t0,t1\n1,2\n", {}, "which-column", "the column of each series"),
        ("label,t0,t1\nup,1,2\n", {"target": "lable"}, "no-such-column", "lable"),
        ("label,t0\nup,1\n", {}, "which-column", "two or more columns"),
        ("label,t0,t1\nup,1,two\ndown,1,2\n", {}, "bad-row", "not-a-number"),
        ("label,t0,t1\nup,,\ndown,1,2\n", {}, "bad-row", "no-values"),
        ("series,label,x\na,up,1\na,down,2\n", {}, "bad-row", "two-targets"),
        ("series,label,time,x\na,up,1,1\na,up,1,2\n", {}, "bad-row", "same-time"),
        ("series,label,time,x\na,up,soon,1\nb,up,1,2\n", {}, "bad-time", "soon"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, text, asked, wanted, message):
    with pytest.raises(PersonError, match=message) as error:
        open_labelled_series(write(tmp_path / "x.csv", text), **asked)
    assert code(error) == wanted


def test_bad_rows_are_left_out_on_request_and_counted(tmp_path):
    path = write(tmp_path / "x.csv", "label,t0,t1\nup,1,two\ndown,1,2\nup,3,4\n,1,2\n")
    table = open_labelled_series(path, bad="skip")
    assert len(table) == 2 and [damage.reason for damage in table.damaged] == ["not-a-number", "no-target"]
    assert "left out 2: not-a-number 1, no-target 1" in table.notes


def test_a_missing_path_and_a_folder_without_classes(tmp_path):
    with pytest.raises(PersonError) as error:
        open_labelled_series(tmp_path / "none.csv")
    assert code(error) == "no-such-path"
    write(tmp_path / "deep" / "er" / "est" / "1.csv", "x\n1\n")
    with pytest.raises(PersonError, match="not in a folder of its class"):
        open_labelled_series(tmp_path)


def test_series_to_answer_are_found_in_the_same_files(tmp_path):
    """A table with the training columns is one series, with a column of names several; no class is read."""
    path = long_table(tmp_path / "x.csv")
    found = open_unlabelled_series(path, ("left", "right"), time="when", group="name")
    assert [name.split()[-1] for name, _ in found] == ["a", "b"] and found[1][1].shape == (3, 2)
    one = write(tmp_path / "one.csv", "right,left\n1,2\n3,4\n")
    assert open_unlabelled_series(one, ("left", "right"))[0][1].tolist() == [[2, 1], [4, 3]]
    wide = write(tmp_path / "wide.csv", "label,t0,t1\nup,1,2\ndown,3,4\n")
    assert [values.tolist() for _, values in open_unlabelled_series(wide, ("value",))] == [
        [[1], [2]],
        [[3], [4]],
    ]
    with pytest.raises(PersonError, match="left, right") as error:
        open_unlabelled_series(write(tmp_path / "y.csv", "a,b,c\n1,2,3\n"), ("left", "right"))
    assert code(error) == "other-channels"
