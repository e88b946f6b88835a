"""Arrays: IDX and .npz are read as numbers; what lies, lacks or could run code is refused."""

import gzip
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from glassworks.core.errors import PersonError
from glassworks.data.arrays import read_idx, read_idx_pairs, read_npz, refuse_pickle


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    return np.rint(found.images * 15).astype(np.uint8)[:200], found.target[:200]


def idx(array, path, *, packed=False):
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    body = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(body) if packed else body)
    return path


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def code_of(call, *args, **named):
    with pytest.raises(PersonError) as caught:
        call(*args, **named)
    return caught.value.code


@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_folder_and_a_pair_are_read(tmp_path, digits, packed):
    pictures, labels = digits
    end = ".gz" if packed else ""
    for part, rows in (("train", slice(0, 150)), ("t10k", slice(150, 200))):
        idx(pictures[rows], tmp_path / f"{part}-images-idx3-ubyte{end}", packed=packed)
        idx(labels[rows], tmp_path / f"{part}-labels-idx1-ubyte{end}", packed=packed)
    table = read_idx_pairs(tmp_path)
    assert table.parts.count("train") == 150 and table.parts.count("test") == 50
    assert np.array_equal(np.stack(table.sources), pictures) and np.array_equal(table.targets, labels)
    assert table.classes == tuple("0123456789") and table.names[150] == "test/00000"
    pair = read_idx_pairs(tmp_path / f"train-images-idx3-ubyte{end}")
    assert len(pair) == 150 and set(pair.parts) == {""}


def test_an_idx_file_that_lies_about_its_size_is_refused(tmp_path, digits):
    good = idx(digits[0], tmp_path / "a-images-idx3-ubyte").read_bytes()
    claims = {
        "short": good[:-100],
        "long": good + b"x",
        "magic": b"\0\1" + good[2:],
        "kind": good[:2] + b"\x07" + good[3:],
        "huge": good[:4] + struct.pack(">III", 2**31, 2**31, 4) + good[16:],
        "gzip": gzip.compress(good)[:-500],
        "empty": b"",
    }
    for name, content in claims.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert code_of(read_idx, path) == "damaged-idx", name


KEYS = {
    "plain": ("images", "labels"),
    "short": ("x", "y"),
    "keras": ("x_train", "y_train", "x_test", "y_test"),
    "medical": ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
}


@pytest.mark.parametrize("style", KEYS)
def test_the_usual_names_in_an_npz_are_known(tmp_path, digits, style):
    pictures, labels = digits
    names = KEYS[style]
    arrays = {}
    for number in range(0, len(names), 2):
        arrays[names[number]], arrays[names[number + 1]] = pictures, labels[:, None]
    table = read_npz(npz(tmp_path / "d.npz", **arrays))
    assert len(table) == 200 * len(names) // 2 and np.array_equal(table.targets[:200], labels)
    expected = {2: {""}, 4: {"train", "test"}, 6: {"train", "val", "test"}}[len(names)]
    assert set(table.parts) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.astype(np.float32) / 255,
        lambda p: p.astype(np.float64),
        lambda p: p.astype(np.uint16) * 257,
        lambda p: p.astype(np.int64),
        lambda p: p[..., None],
        lambda p: p[:, None],
    ],
    ids=["fractions", "0-255", "16-bit", "int64", "channel-last", "channel-first"],
)
def test_values_and_axes_of_any_usual_form_give_the_same_pictures(tmp_path, digits, change):
    pictures, labels = digits
    table = read_npz(npz(tmp_path / "d.npz", images=change(pictures), labels=labels))
    assert np.array_equal(np.stack(table.sources).reshape(pictures.shape), pictures)


def test_colour_pictures_with_channels_first_are_turned(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 255, (9, 3, 5, 7), dtype=np.uint8)
    table = read_npz(npz(tmp_path / "d.npz", images=pictures, labels=np.arange(9) % 3))
    assert table.sources[4].shape == (5, 7, 3) and table.sources[4][2, 6, 1] == pictures[4, 1, 2, 6]


def test_targets_may_be_words_one_hot_several_or_numbers(tmp_path, digits):
    pictures = digits[0][:6]
    path = tmp_path / "d.npz"
    table = read_npz(npz(path, images=pictures, labels=np.array(list("babacc"))))
    assert table.classes == ("a", "b", "c") and table.targets.tolist() == [1, 0, 1, 0, 2, 2]
    hot = read_npz(npz(path, images=pictures, labels=np.eye(3, dtype=int)[[0, 1, 2, 2, 1, 0]]))
    assert hot.kind == "label" and hot.targets.tolist() == [0, 1, 2, 2, 1, 0]
    several = read_npz(npz(path, images=pictures, labels=np.array([[0, 1], [1, 1], [0, 0]] * 2)))
    assert several.kind == "labels" and several.targets[1].tolist() == [True, True]
    assert read_npz(npz(path, images=pictures, labels=np.linspace(0, 1, 6))).kind == "number"
    named = read_npz(npz(path, images=pictures, labels=np.arange(6) % 2, classes=np.array(["no", "yes"])))
    assert named.classes == ("no", "yes")


def test_arrays_that_cannot_be_pictures_are_refused_with_what_was_found(tmp_path, digits):
    pictures, labels = digits
    path = tmp_path / "d.npz"
    nan = pictures.astype(np.float32)
    nan[3, 2, 2] = np.nan
    cases = [
        ({"images": nan, "labels": labels}, "bad-pictures"),
        ({"images": pictures.astype(np.float32) - 9, "labels": labels}, "bad-pictures"),
        ({"images": pictures[0], "labels": labels}, "bad-pictures"),
        ({"images": pictures, "labels": labels[:-1]}, "wrong-count"),
        ({"images": pictures, "labels": np.zeros(200, int)}, "single-class"),
        ({"images": pictures, "labels": np.full(200, np.nan)}, "bad-targets"),
        ({"images": pictures}, "no-such-array"),
        ({"matrix": pictures, "labels": labels}, "no-such-array"),
    ]
    for arrays, code in cases:
        assert code_of(read_npz, npz(path, **arrays)) == code
    with pytest.raises(PersonError, match="200 pictures and 199 targets"):
        read_npz(npz(path, images=pictures, labels=labels[:-1]))
    with pytest.raises(PersonError, match="in 1 picture"):
        read_npz(npz(path, images=nan, labels=labels))


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_pickles_in_any_wrapping_are_refused_and_never_run(tmp_path, digits):
    """Malicious pickle: no reader of pictures ever unpickles."""
    mark = tmp_path / "ran"
    body = pickle.dumps(Payload(mark))
    objects = tmp_path / "objects.npz"
    np.savez(objects, images=np.array([Payload(mark)] * 3, dtype=object), labels=np.arange(3))
    assert code_of(read_npz, objects) == "object-array"
    renamed = tmp_path / "renamed.npz"
    renamed.write_bytes(body)
    assert code_of(read_npz, renamed) == "damaged-npz"
    hidden = tmp_path / "hidden.npz"
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr("images.npy", body)
    assert code_of(read_npz, hidden) == "damaged-npz"
    np.save(tmp_path / "o.npy", np.array([Payload(mark)], dtype=object))
    for name, content in [
        ("a.pkl", body),
        ("a.pt", b"PK\3\4"),
        ("a.pth", b""),
        ("a.bin", body),
        ("o.npy", None),
    ]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        assert code_of(refuse_pickle, tmp_path / name) == "pickle-refused", name
    assert not mark.exists()


def test_an_npz_whose_header_claims_more_than_it_holds_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "d.npz"
    for shape in ("(1000000, 1000, 1000)", "(10, 100, 100)"):
        head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(
                "images.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(50)
            )
            archive.writestr(
                "labels.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(50)
            )
        assert code_of(read_npz, path) == "damaged-npz"
