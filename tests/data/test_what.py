"""Pictures, texts or series: told from the columns and files, asked for where two readings are possible."""

import zipfile

import pytest

from glassworks.core.errors import PersonError
from glassworks.data.what import kind_of


def table(path, head, *rows):
    """Each row twelve times; texts of several words with another number at the end of each."""
    cells = [[f"{cell} {n}" if len(str(cell).split()) > 2 else str(cell) for cell in row]
             for n in range(12) for row in rows]  # fmt: skip
    lines = [",".join(head), *(",".join(row) for row in cells)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("sees", "head", "row"),
    [
        ("pictures", ("file", "label"), ("a.png", "x")),
        ("pictures", ("photo", "mood"), ("holiday/a.jpg", "x")),
        ("texts", ("text", "label"), ("this was a good film", "x")),
        ("texts", ("word", "language"), ("haus", "German")),
        ("texts", ("date", "review", "stars"), ("2024-01-02", "this was a very good film indeed", 5)),
        ("series", ("date", "sales"), ("2024-01-02", 3.5)),
        ("series", ("when", "a", "b"), ("02.01.2024", 3.5, 4)),
        ("series", ("year", "value"), (1990, 7)),
    ],
)
def test_columns_tell(tmp_path, sees, head, row):
    assert kind_of(table(tmp_path / "t.csv", head, row)) == sees


@pytest.mark.parametrize(
    ("head", "row"),
    [
        (("date", "note", "sales"), ("2024-01-02", "rain all day", 3.5)),
        (("a", "b", "c"), (1, 2, 3)),
    ],
)
def test_what_could_be_two_things_is_asked(tmp_path, head, row):
    path = tmp_path / "t.csv"
    with pytest.raises(PersonError, match=r"--text COLUMN, --time COLUMN or --file COLUMN") as caught:
        kind_of(table(path, head, row))
    assert caught.value.code == "which-data"
    assert kind_of(path, text="note") == "texts" and kind_of(path, time="date") == "series"
    assert kind_of(path, file="a") == "pictures"


def test_files_tell(tmp_path):
    for name, inside, sees in (
        ("p", ("a/1.png", "a/1.txt"), "pictures"), ("t", ("a/1.txt", "b/2.txt"), "texts"),
        ("s", ("X_TRAIN.ts", "X_TEST.ts", "README.md"), "series"),
    ):  # fmt: skip
        for file in inside:
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text("x", encoding="utf-8")
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as packed:
            for file in inside:
                packed.write(tmp_path / name / file, file)
        assert kind_of(tmp_path / name) == sees and kind_of(tmp_path / f"{name}.zip") == sees
    table(tmp_path / "s" / "train.csv", ("text", "label"), ("this was a good film", "x"))
    assert kind_of(tmp_path / "s" / "train.csv") == "texts"
    with pytest.raises(PersonError):
        kind_of(tmp_path / "nothing")


def test_samples_say_what_they_are():
    assert kind_of("sample") == kind_of("sample:digits") == "pictures"
    assert kind_of("sample:movie-reviews") == "texts" and kind_of("torchvision:MNIST") == "pictures"
