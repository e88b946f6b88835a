"""Captions through the door: three shapes of good data, broken rows in words, and what `check` says."""

import json

import numpy as np
import pytest
from PIL import Image

from glassworks.api.examine import check
from glassworks.core.errors import PersonError
from glassworks.data.captions import read_captions
from glassworks.data.doors import open_pictures
from glassworks.data.samples import is_here, sample_table
from glassworks.data.splits import Splits, data_digest, split


def picture(path, colour=(200, 30, 30), side=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(abs(hash(path.name)) % 1000).integers(0, 30, (side, side, 3))
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(path)


def lines(folder, *rows, name="metadata.jsonl"):
    for row in rows:
        file = row.get("file_name") or row.get("file")
        if isinstance(file, str) and file and not file.startswith("gone"):
            picture(folder / file)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return folder


GOOD = (
    {"file_name": "b.png", "text": "a blue boat"},
    {"file_name": "sub/a.png", "text": " an  apple "},
    {"file_name": "b.png", "text": "something at sea"},
)


def test_metadata_jsonl_of_an_imagefolder(tmp_path):
    table = open_pictures(lines(tmp_path / "d", *GOOD), labels="captions")
    assert table.kind == "captions" and table.names == ("b.png", "sub/a.png")
    assert table.texts == (("a blue boat", "something at sea"), ("an apple",))
    assert table.targets.tolist() == [-1, -1] and table.classes == ()
    assert table.select([1]).texts == (("an apple",),)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_a_table_with_a_file_and_a_text_column(tmp_path, ending):
    """Parts and classes are taken along where the table names them; captions need no --labels then."""
    for name in ("x.png", "y.png"):
        picture(tmp_path / name)
    columns = {"image": ["x.png", "y.png"], "caption": ["an x", "a y"], "split": ["train", "test"]}
    path = tmp_path / f"list{ending}"
    if ending == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.table(columns), path)
    else:
        rows = [dict(zip(columns, cells)) for cells in zip(*columns.values())]
        text = "\n".join(json.dumps(row) for row in rows)
        if ending == ".csv":
            text = "\n".join([",".join(columns), *(",".join(row.values()) for row in rows)])
        path.write_text(text + "\n", encoding="utf-8")
    for where in (path, tmp_path):
        table = open_pictures(where)
        assert table.kind == "captions" and table.texts == (("an x",), ("a y",))
        assert table.parts == ("train", "test")


def test_own_column_names_and_classes_beside_the_text(tmp_path):
    rows = [{"file": f"{n}.png", "said": f"the {n}", "label": "ab"[n % 2]} for n in range(4)]
    table = open_pictures(
        lines(tmp_path / "d", *rows, name="list.jsonl") / "list.jsonl", target="said", labels="captions"
    )
    assert table.texts is not None and table.texts[3] == ("the 3",)
    assert table.classes == ("a", "b") and table.targets.tolist() == [0, 1, 0, 1]


def test_a_text_file_beside_each_picture(tmp_path):
    for name, said in (("a", "a cat\n\na small cat\n"), ("deep/b", "\ufeffein Bär\n"), ("c", "a cat\n")):
        picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(said, encoding="utf-8")
    table = open_pictures(tmp_path)
    assert table.texts == (("a cat", "a small cat"), ("a cat",), ("ein Bär",))
    assert any("several captions" in note for note in table.notes)


BAD = (
    ({"file_name": "gone.png", "text": "lost"}, "missing-file"),
    ({"file_name": "e.png", "text": "  "}, "empty-caption"),
    ({"file_name": "n.png"}, "no-text"),
    ({"file_name": "t.png", "text": 7}, "no-text"),
    ({"file_name": "", "text": "x"}, "no-file"),
    ({"file_name": "b.png", "text": "again", "split": "middle"}, "no-part"),
)


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_a_broken_row_is_told_with_its_line_or_left_out(tmp_path, row, reason):
    folder = lines(tmp_path / "d", {"file_name": "b.png", "text": "fine", "split": "train"}, row)
    with pytest.raises(PersonError) as caught:
        open_pictures(folder, labels="captions")
    assert caught.value.code == "bad-row" and reason in caught.value.got and "line 2" in caught.value.got
    table = open_pictures(folder, labels="captions", bad="skip")
    assert [damage.reason for damage in table.damaged] == [reason] and len(table) == 1


def test_rows_that_contradict_or_repeat_each_other(tmp_path):
    same, other = (
        {"file_name": "b.png", "text": "one"},
        {"file_name": "b.png", "text": "two", "split": "test"},
    )
    table = read_captions(lines(tmp_path / "d", same, same))
    assert table.texts == (("one",),) and any("left out 1 row" in note for note in table.notes)
    with pytest.raises(PersonError, match="rows-differ"):
        read_captions(lines(tmp_path / "e", same | {"split": "train"}, other))


def test_files_that_are_not_utf_8_are_named(tmp_path):
    for name in "ab":
        picture(tmp_path / "d" / f"{name}.png")
        (tmp_path / "d" / f"{name}.txt").write_bytes(b"fine" if name == "b" else b"caf\xe9")
    with pytest.raises(PersonError, match=r"not-utf8, a\.txt is not UTF-8: byte 0xe9"):
        open_pictures(tmp_path / "d")
    assert len(open_pictures(tmp_path / "d", bad="skip")) == 1
    folder = lines(tmp_path / "e", *GOOD)
    (folder / "metadata.jsonl").write_bytes(b'{"file_name": "b.png", "text": "caf\xe9"}\n')
    with pytest.raises(PersonError) as caught:
        open_pictures(folder, labels="captions")
    assert caught.value.code in ("wrong-encoding", "no-captions")


def test_a_folder_without_captions_says_what_is_looked_for(tmp_path):
    picture(tmp_path / "cat" / "a.png")
    picture(tmp_path / "dog" / "a.png")
    with pytest.raises(PersonError, match=r"metadata.jsonl"):
        open_pictures(tmp_path, labels="captions")
    with pytest.raises(PersonError, match=r"metadata.jsonl"):
        open_pictures("sample", labels="captions")
    assert open_pictures(tmp_path).kind == "label"  # class folders stay what they are


def test_captions_stay_with_their_picture_and_their_words_are_part_of_the_digest(tmp_path):
    rows = [{"file_name": f"{n:02}.png", "text": text} for n in range(20) for text in (f"a {n}", f"the {n}")]
    table = open_pictures(lines(tmp_path / "d", *rows), labels="captions")
    parts = split(table, seed=1)
    assert len(table) == 20 and sorted([*parts.train, *parts.val, *parts.test]) == list(range(20))
    rows[5]["text"] = "something else"
    changed = open_pictures(lines(tmp_path / "d", *rows), labels="captions")
    assert data_digest(changed) != data_digest(table)
    with pytest.raises(PersonError):
        Splits.from_json(changed, parts.to_json(table))


def test_check_sees_captions(tmp_path):
    rows = [{"file_name": f"{n}.png", "text": "a cat" if n < 8 else f"number {n}"} for n in range(12)]
    report = check(lines(tmp_path / "d", *rows))
    codes = {finding.code: finding for finding in report.findings}
    assert report.what == "captions for each picture" and report.ok
    assert "12 captions, 5 different" in codes["captions"].sentence
    assert "8 pictures" in codes["same-captions"].sentence and "train clip" in report.suggestion["command"]
    page = tmp_path / "page.html"
    report.page().save(page)
    assert "number 9" in page.read_text(encoding="utf-8")
    alike = check(lines(tmp_path / "e", *({"file_name": f"{n}.png", "text": "x"} for n in range(3))))
    assert not alike.ok


def test_check_lists_broken_rows(tmp_path):
    report = check(lines(tmp_path / "d", *GOOD, {"file_name": "gone.png", "text": "lost"}))
    assert not report.ok and any("missing-file" in finding.sentence for finding in report.findings)


def test_the_samples_say_what_their_captions_are():
    digits = sample_table("digits-captions")
    assert digits.texts is not None and digits.texts[3] == ("a handwritten three",)
    assert "made from labels" in digits.notes[0]
    if is_here("stamps-captions"):
        stamps = sample_table("stamps-captions")
        said = dict(zip(stamps.names, stamps.texts or ()))
        assert said["animals/amphibians/frog.png"] == ("A frog.",) and len(stamps) > 600
        assert not any("cartoon" in name for name in stamps.names)
