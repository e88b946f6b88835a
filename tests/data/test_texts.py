"""The door to texts: every shape is read, every guess told, nothing cut, and mistakes name their line."""

import json
import zipfile

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.data.tables import read_table
from glassworks.data.texts import open_texts

REVIEWS = [(f"This is film number {row}, and it was quite nice", row % 5 + 1) for row in range(40)]


def csv(path, head, rows):
    import csv as writer

    with path.open("w", encoding="utf-8", newline="") as file:
        writer.writer(file).writerows([head, *rows])
    return path


def code(*words, **options) -> str:
    with pytest.raises(PersonError) as caught:
        open_texts(*words, **options)
    return caught.value.code


# ---- tables


def test_columns_are_guessed_from_their_names_and_told(tmp_path):
    rows = [(number, *review) for number, review in enumerate(REVIEWS)]
    table = open_texts(csv(tmp_path / "r.csv", ["id", "review", "stars"], rows))
    assert table.kind == "label" and table.classes == ("1", "2", "3", "4", "5") and len(table) == 40
    assert table.texts[3] == REVIEWS[3][0] and table.names[3] == "line 5" and table.where.endswith("r.csv")
    assert '"review"' in table.notes[0] and '"stars"' in table.notes[0] and "guessed" in table.notes[0]
    number = open_texts(tmp_path / "r.csv", labels="number")
    assert number.kind == "number" and number.targets[:3].tolist() == [1.0, 2.0, 3.0]


def test_columns_are_guessed_from_what_stands_in_them(tmp_path):
    rows = [(text, f"k{n % 2}", 1000 + place) for place, (text, n) in enumerate(REVIEWS)]
    table = open_texts(csv(tmp_path / "r.csv", ["what_he_wrote", "mood", "number"], rows))
    assert table.texts[0] == REVIEWS[0][0] and table.classes == ("k0", "k1")


def test_what_could_be_two_columns_is_asked(tmp_path):
    path = csv(tmp_path / "r.csv", ["one", "two"], [(text, text[::-1]) for text, _ in REVIEWS])
    assert code(path) == "which-column"
    with pytest.raises(PersonError, match=r"one and two.*--text"):
        open_texts(path)
    labels = csv(tmp_path / "l.csv", ["text", "a", "b"], [(text, n % 2, n % 3) for text, n in REVIEWS])
    with pytest.raises(PersonError, match=r"a and b.*--target"):
        open_texts(labels)
    assert open_texts(labels, target="b").classes == ("0", "1", "2")
    assert code(labels, text="tex") == "no-such-column"


def test_a_first_line_that_is_a_text_is_no_header(tmp_path):
    path = csv(tmp_path / "r.csv", ["A film that was really very long and dull", "0"], REVIEWS)
    assert code(path) == "no-header"


def test_pairs_keep_the_other_text(tmp_path):
    rows = [(f"hello wide world {n}", f"hallo weite Welt {n}") for n in range(9)]
    table = open_texts(csv(tmp_path / "p.csv", ["en", "de"], rows), wanted="pairs")
    assert table.kind == "pairs" and table.answers[2] == "hallo weite Welt 2" and table.texts[2] == rows[2][0]
    assert open_texts(tmp_path / "p.csv", wanted="pairs", text="de", target="en").texts[0] == rows[0][1]


def test_jsonl_tsv_and_parquet_say_the_same_as_csv(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    rows = [{"text": text, "label": f"k{n}"} for text, n in REVIEWS]
    csv(tmp_path / "a.csv", ["text", "label"], [list(row.values()) for row in rows])
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    lines = ["text\tlabel", *("\t".join(row.values()) for row in rows)]
    (tmp_path / "a.tsv").write_text("\n".join(lines), encoding="utf-8")
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    tables = [open_texts(tmp_path / f"a.{ending}") for ending in ("csv", "jsonl", "tsv", "parquet")]
    for table in tables:
        assert list(table.texts) == [row["text"] for row in rows]
        assert table.classes == tables[0].classes and np.array_equal(table.targets, tables[0].targets)


def test_pictures_tables_are_read_from_parquet_too(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow
    from PIL import Image

    for name in "ab":
        Image.new("L", (4, 4)).save(tmp_path / f"{name}.png")
    rows = [{"file": "a.png", "label": "x"}, {"file": "b.png", "label": "y"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").classes == ("x", "y")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(PersonError) as caught:
        read_table(tmp_path / "broken.parquet")
    assert caught.value.code == "bad-parquet"


def test_parquet_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(PersonError) as caught:
        open_texts(tmp_path / "t.parquet")
    assert caught.value.code == "needs-parquet" and "pip install pyarrow" in caught.value.fix


def test_bad_rows_stop_with_their_line_or_are_counted(tmp_path):
    rows = [*REVIEWS, ("", 3), ("one more text of words", "")]
    path = csv(tmp_path / "r.csv", ["text", "label"], rows)
    with pytest.raises(PersonError, match=r'line 42, column "text": empty-text.*\(2 bad rows in all\)'):
        open_texts(path)
    table = open_texts(path, bad="skip")
    assert len(table) == 40 and [damage.reason for damage in table.damaged] == ["empty-text", "no-target"]
    assert any("empty-text 1, no-target 1" in note for note in table.notes)


def test_a_text_longer_than_pythons_own_limit_is_kept_whole(tmp_path):
    long = "word " * 60_000
    table = open_texts(csv(tmp_path / "r.csv", ["text", "label"], [(long, "a"), ("short one here", "b")]))
    assert table.texts[0] == long.strip()


def test_parts_and_groups_are_read(tmp_path):
    rows = [(text, n % 2, "train" if place % 4 else "Test", f"g{place % 3}")
            for place, (text, n) in enumerate(REVIEWS)]  # fmt: skip
    table = open_texts(csv(tmp_path / "r.csv", ["text", "label", "split", "who"], rows), group="who")
    assert table.parts[:2] == ("test", "train") and table.groups[:3] == ("g0", "g1", "g2")


def test_tables_named_train_and_test_are_parts(tmp_path):
    for name in ("train", "test"):
        csv(tmp_path / f"{name}.csv", ["text", "label"], REVIEWS[:10])
    table = open_texts(tmp_path)
    assert table.parts.count("train") == table.parts.count("test") == 10
    assert table.names[0] == "test.csv line 2" and len(set(table.names)) == 20
    csv(tmp_path / "other.csv", ["text", "label"], REVIEWS)
    assert code(tmp_path) == "several-tables"


# ---- files


@pytest.fixture
def folder(tmp_path):
    for part in ("train", "test"):
        for label in ("good", "bad"):
            (tmp_path / "f" / part / label).mkdir(parents=True)
            for number in range(3):
                text = f"\ufeff{label} text {number} of {part}\r\nsecond line"
                (tmp_path / "f" / part / label / f"{number}.txt").write_bytes(text.encode())
    (tmp_path / "f" / "README.md").write_text("about the folder", encoding="utf-8")
    return tmp_path / "f"


def test_folders_are_classes_and_parts(folder):
    table = open_texts(folder)
    assert table.classes == ("bad", "good") and table.names[0] == "test/bad/0.txt" and len(table) == 12
    assert table.parts[0] == "test" and table.texts[0] == "bad text 0 of test\nsecond line"
    plain = open_texts(folder, wanted="none")
    assert plain.kind == "none" and len(plain) == 12 and plain.parts == table.parts


def test_one_file_is_one_text_without_a_label(folder):
    table = open_texts(folder / "train" / "good" / "0.txt", wanted="none")
    assert table.names == ("0.txt",) and len(table) == 1
    assert code(folder / "train" / "good" / "0.txt") == "no-texts"


def test_a_text_outside_class_folders_is_named(folder):
    (folder / "train" / "stray.txt").write_text("a stray text", encoding="utf-8")
    with pytest.raises(PersonError, match=r"train/stray\.txt"):
        open_texts(folder)


def test_a_file_in_another_encoding_stops_or_is_counted(folder):
    (folder / "train" / "good" / "0.txt").write_bytes("très bon".encode("latin-1"))
    with pytest.raises(PersonError, match=r"train/good/0\.txt.*not-utf8"):
        open_texts(folder)
    table = open_texts(folder, bad="skip")
    assert len(table) == 11 and table.damaged[0].reason == "not-utf8"


def test_an_archive_reads_as_its_folder(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as packed:
        for file in folder.rglob("*.txt"):
            packed.write(file, "outer" / file.relative_to(folder))
    table = open_texts(tmp_path / "f.zip")
    assert len(table) == 12 and table.names == open_texts(folder).names


def test_what_holds_no_texts_is_refused_with_the_reason(folder, tmp_path):
    assert code(tmp_path / "missing") == "no-such-path"
    assert code("hf:org/name") == "no-texts" and code("sample:digits") == "no-texts"
    assert code(folder, target="label") == "no-columns" and code(folder, labels="number") == "no-texts"
    assert code(folder, labels="captions") == "bad-value"
    (tmp_path / "empty").mkdir()
    assert code(tmp_path / "empty") == "no-texts"
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    assert code(tmp_path / "x.xlsx") == "unknown-shape"


def test_one_class_is_no_task(tmp_path):
    with pytest.raises(PersonError, match="add texts") as caught:
        open_texts(csv(tmp_path / "r.csv", ["text", "label"], [(text, "same") for text, _ in REVIEWS]))
    assert caught.value.code == "single-class"
