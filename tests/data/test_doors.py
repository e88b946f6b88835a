"""The door: whatever a person has is recognised, or told with what was seen and what is known."""

import shutil
import tarfile

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.data.doors import open_pictures


def code_of(where, **named):
    with pytest.raises(PersonError) as caught:
        open_pictures(where, **named)
    return caught.value


def test_the_default_sample_works_offline_and_keeps_its_name():
    table = open_pictures("sample")
    assert len(table) == 1797 and table.where == "sample"
    assert len(open_pictures("sample:faces")) == 200


@pytest.mark.parametrize("ending", ["zip", "gztar"])
def test_a_folder_and_its_archives_give_the_same_rows(arrange, tmp_path, ending, cache):
    folder = arrange("flowers/daisy/1.png", "flowers/daisy/2.png", "flowers/rose/1.png", "flowers/notes.txt")
    plain = open_pictures(folder / "flowers")
    packed = shutil.make_archive(str(tmp_path / "packed"), ending, folder)
    for _ in range(2):  # the second time from the cache
        table = open_pictures(packed)
        assert table.classes == plain.classes == ("daisy", "rose") and table.names == plain.names
        assert table.where == packed and str(table.sources[0]).startswith(str(cache))
    assert len(list((cache / "unpacked").iterdir())) == 1


def test_a_table_an_npz_and_idx_files_are_recognised(arrange, tmp_path):
    folder = arrange("pictures/1.png", "pictures/2.png")
    (folder / "list.csv").write_text("file,label\npictures/1.png,a\npictures/2.png,b\n", encoding="utf-8")
    assert len(open_pictures(folder / "list.csv")) == 2
    inside = open_pictures(folder)  # one class folder, but a table that explains it
    assert inside.classes == ("a", "b") and "list.csv" in inside.notes[0]
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 5, 6), np.uint8), y=[0, 1, 0, 1])
    assert len(open_pictures(str(tmp_path / "d.npz"))) == 4
    mnist = tmp_path / "mnist"
    mnist.mkdir()
    for stem, head in (
        ("images-idx3", b"\0\0\x08\x03\0\0\0\2\0\0\0\3\0\0\0\3"),
        ("labels-idx1", b"\0\0\x08\x01\0\0\0\2"),
    ):
        (mnist / f"train-{stem}-ubyte").write_bytes(head + (bytes(18) if "3" in stem else b"\0\1"))
    assert len(open_pictures(mnist)) == 2
    assert len(open_pictures(mnist / "train-images-idx3-ubyte")) == 2


def test_class_folders_win_over_a_table_unless_a_column_is_named(arrange):
    folder = arrange("a/1.png", "b/1.png")
    (folder / "list.csv").write_text("file,colour\na/1.png,red\nb/1.png,blue\n", encoding="utf-8")
    assert open_pictures(folder).classes == ("a", "b")
    assert open_pictures(folder, target="colour").classes == ("blue", "red")


def test_what_is_not_known_is_told_with_what_was_seen_and_the_known_shapes(tmp_path, arrange):
    strange = tmp_path / "data.xyz"
    strange.write_bytes(b"HELLO THERE")
    error = code_of(strange)
    assert error.code == "unknown-shape" and "48 45 4c 4c 4f" in error.got
    for shape in ("folder", ".csv", ".npz", "IDX", ".zip", "sample"):
        assert shape in error.expected
    assert "above its class folder" in code_of(arrange("a/1.png") / "a" / "1.png").fix
    assert code_of(str(tmp_path / "dta.xyz")).fix == 'did you mean "data.xyz"?'
    assert code_of("https://example.org/set.zip").code == "not-a-path"


def test_pickles_are_refused_at_the_door_under_any_name(tmp_path):
    """Malicious pickle: no public loader of data ever opens one."""
    for name in ("d.pkl", "d.pt", "d.pth", "d.joblib", "d.dat", "d.csv", "d.npz", "d.zip", "d.jsonl", "d"):
        (tmp_path / name).write_bytes(
            b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94."
        )
        assert code_of(tmp_path / name).code in ("pickle-refused", "damaged-npz", "damaged-archive"), name


def test_harmful_archives_are_refused_at_the_door(tmp_path, cache):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../evil"))
    assert code_of(tmp_path / "a.tar.gz").code == "unsafe-archive"
    assert not [entry for entry in cache.rglob("*") if entry.is_file()]


def test_columns_are_only_for_what_has_columns(arrange):
    folder = arrange("a/1.png", "b/1.png")
    assert code_of(folder, target="species").code == "no-columns"
    assert code_of("sample", target="species").code == "no-columns"
    assert code_of(folder, labels="number").code == "no-columns"


def test_bad_rows_are_skipped_when_asked(arrange):
    folder = arrange("1.png", "2.png")
    (folder / "t.csv").write_text("file,label\n1.png,a\n2.png,b\n3.png,b\n", encoding="utf-8")
    assert code_of(folder / "t.csv").code == "bad-row"
    assert len(open_pictures(folder / "t.csv", bad="skip").damaged) == 1
