"""Tables: complaints name file, line and column; large files take little memory."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.data.tables import read_table

FILES = [f"{number}.png" for number in range(12)]


@pytest.fixture
def write(arrange):
    """write("file,label", "1.png,a", …) -> a table beside 12 pictures."""
    folder = arrange(*FILES)

    def lines(*rows, name="table.csv", encoding="utf-8"):
        (folder / name).write_text("\n".join(rows) + "\n", encoding=encoding)
        return folder / name

    return lines


def raises(path, **named):
    with pytest.raises(PersonError) as caught:
        read_table(path, **named)
    return caught.value


def test_a_plain_table_is_read_with_guessed_columns(write):
    table = read_table(write("Image,size,Class", "1.png,3,b", "0.png,4,a", "2.png,1,b"))
    assert table.names == ("1.png", "0.png", "2.png") and table.sources[2].is_file()
    assert table.classes == ("a", "b") and table.targets.tolist() == [1, 0, 1]
    assert "Image" in table.notes[0] and "Class" in table.notes[0]


def test_a_missing_column_gets_the_nearest_name(write):
    """CSV / JSONL: a missing column is told with the nearest column name."""
    path = write("file,species", "1.png,a", "2.png,b")
    error = raises(path, target="specie")
    assert (
        error.code == "no-such-column"
        and error.fix == 'did you mean "species"?'
        and str(path) in error.expected
    )
    error = raises(path)
    assert "file, species" in error.got and "--target" in error.fix


def test_stray_spaces_and_a_byte_order_mark_do_no_harm(write):
    """CSV / JSONL: stray spaces and a BOM are no mistake."""
    path = write(" file , label ", "1.png ,  cat", " 2.png,dog ", "3.png,cat", encoding="utf-8-sig")
    table = read_table(path, target="label ")
    assert table.classes == ("cat", "dog") and table.names == ("1.png", "2.png", "3.png")


BAD = {
    "wrong-cell-count": "3.png,a,b,c",
    "missing-file": "gone.png,a",
    "no-file": ",a",
    "no-target": "3.png,",
    "file-twice": "1.png,b",
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_row_in_the_middle_is_named_by_file_and_line_and_can_be_skipped(write, reason):
    """CSV / JSONL: a bad row names file, line and column; bad rows are counted."""
    path = write("file,label", "1.png,a", '2.png,"b"', BAD[reason], "4.png,b", "also-gone.png,a")
    error = raises(path)
    assert error.code == "bad-row" and f"{path}, line 4" in error.got and reason in error.got
    assert "2 bad rows in all" in error.got
    if reason in ("missing-file", "no-file"):
        assert 'column "file"' in error.got
    if reason in ("no-target", "file-twice"):
        assert 'column "label"' in error.got
    table = read_table(path, bad="skip")
    assert table.names == ("1.png", "2.png", "4.png") and table.targets.tolist() == [0, 1, 1]
    assert [damage.reason for damage in table.damaged] == [reason, "missing-file"]
    assert any("left out 2 bad row(s)" in note for note in table.notes)


def test_rows_that_repeat_an_earlier_one_are_left_out_with_a_note(write):
    table = read_table(write("file,label", "1.png,a", "2.png,b", "1.png,a"))
    assert table.names == ("1.png", "2.png")
    assert any("left out 1 row(s) that repeat" in note for note in table.notes)


def test_lines_are_counted_through_cells_that_span_lines(write):
    path = write("file,text,label", '1.png,"two\nlines",a', "2.png,x,b", "gone.png,x,a")
    assert "line 5" in raises(path).got


def test_an_open_quote_is_told_with_the_line_where_it_begins(write):
    error = raises(write("file,label", "1.png,a", '2.png,"b', "3.png,c"))
    assert "line 3" in error.got and "broken-quotes" in error.got


def test_mixed_types_name_line_and_column(write):
    """CSV / JSONL: a word among numbers is a bad row."""
    rows = [f"{number}.png,{number / 4}" for number in range(11)]
    error = raises(write("file,target", *rows, "11.png,n/a"))
    assert 'line 13, column "target"' in error.got and "not-a-number" in error.got
    rows[3] = "3.png,nan"
    assert 'line 5, column "target"' in raises(write("file,target", *rows)).got


def test_jsonl_rows_and_their_mistakes(write):
    good = [json.dumps({"file": f"{n}.png", "label": "ab"[n % 2]}) for n in range(4)]
    assert read_table(write(*good, name="t.jsonl")).targets.tolist() == [0, 1, 0, 1]
    path = write(*good[:2], '{"file": "2.png", "label":', good[3], name="t.jsonl")
    error = raises(path)
    assert f"{path}, line 3" in error.got and "broken-json" in error.got
    assert len(read_table(path, bad="skip")) == 3
    path = write(*good[:2], json.dumps({"file": "2.png", "label": {"x": 1}}), name="t.jsonl")
    assert 'line 3, column "label"' in raises(path).got


def test_another_encoding_is_told_and_not_guessed(write):
    path = write("file,label", "1.png,blé", "2.png,riz", encoding="latin-1")
    assert raises(path).code == "wrong-encoding" and "UTF-8" in raises(path).fix


@pytest.mark.parametrize(
    "cells", [["a;b", "b", "", "c"], ["a|b", "b", "", "c"], ['"[""a"", ""b""]"', "[b]", "", "c"]]
)
def test_several_labels_a_picture(write, cells):
    if cells[1] == "[b]":
        cells[1] = '"[""b""]"'
    table = read_table(write("file,labels", *(f"{n}.png,{cell}" for n, cell in enumerate(cells))))
    assert table.kind == "labels" and table.classes == ("a", "b", "c")
    assert table.targets.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_the_kind_of_target_is_found_and_can_be_set(write):
    whole = write("file,y", *(f"{n}.png,{n % 3}" for n in range(12)))
    assert read_table(whole).kind == "label" and read_table(whole).classes == ("0", "1", "2")
    assert any("labels=number" in note for note in read_table(whole).notes)
    assert read_table(whole, labels="number").targets.dtype == np.float64
    decimal = write("file,y", *(f"{n}.png,{n / 2}" for n in range(12)))
    assert read_table(decimal).kind == "number" and read_table(decimal).targets[3] == 1.5
    words = write("file,y", "1.png,a;b", "2.png,c")
    assert read_table(words, labels="label").classes == ("a;b", "c")


def test_parts_and_groups_are_honoured(write):
    path = write("file,label,split,patient", "1.png,a,train,p1", "2.png,b,Training,p2", "3.png,a,valid,p3")
    table = read_table(path, group="patient")
    assert table.parts == ("train", "train", "val") and table.groups == ("p1", "p2", "p3")
    assert read_table(path).groups is None
    assert raises(write("file,label,split", "1.png,a,train", "2.png,b,train", "3.png,c,test")).code == (
        "class-not-in-training"
    )
    assert 'column "split"' in raises(write("file,label,split", "1.png,a,train", "2.png,b,maybe")).got


def test_one_class_and_an_empty_table_are_told(write):
    assert raises(write("file,label", "1.png,a", "2.png,a")).code == "single-class"
    assert raises(write("file,label")).code == "empty-table"
    assert raises(write("file,label,label", "1.png,a,b")).code == "column-twice"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to measure the peak")
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("count", "most"), [(400, 100), pytest.param(5_000, 300, marks=pytest.mark.long)], ids=["40MB", "500MB"]
)
def test_a_large_table_takes_little_memory(arrange, ending, count, most):
    """CSV / JSONL: peak memory below 300 MB on a line-based file of 500 MB.

    Read in a process of its own, so that its peak is this reader's. (getrusage would not do: a new program
    inherits the peak of the process that started it.)
    """
    folder = arrange("0.png")
    for number in range(count):
        (folder / f"{number}.png").touch()
    filler = "lorem ipsum " * 8738  # 104,856 characters a row, below the longest cell of the csv module
    with (folder / f"big.{ending}").open("w", encoding="utf-8") as file:
        if ending == "csv":
            file.write("file,text,label\n")
        for number in range(count):
            label = "ab"[number % 2]
            row = {"file": f"{number}.png", "text": filler, "label": label}
            file.write(f"{number}.png,{filler},{label}\n" if ending == "csv" else json.dumps(row) + "\n")
    assert (folder / f"big.{ending}").stat().st_size > count * 100_000
    program = textwrap.dedent("""
        import re, sys
        from pathlib import Path
        from glassworks.data.tables import read_table
        table = read_table(sys.argv[1])
        status = Path("/proc/self/status").read_text()
        print(len(table), int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024)
    """)
    command = [sys.executable, "-c", program, str(folder / f"big.{ending}")]
    rows, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    (folder / f"big.{ending}").unlink()
    assert int(rows) == count and float(peak) < most
