"""Public names: read from files placed as if they had been fetched; nothing here needs a network."""

import functools
import gzip
import hashlib
import http.server
import io
import struct
import tarfile
import threading

import numpy as np
import pytest
from PIL import Image

from glassworks.core.errors import PersonError
from glassworks.data import names
from glassworks.data.doors import open_pictures
from glassworks.data.names import downloads, fetch_file


@pytest.fixture
def unplugged(monkeypatch):
    def refuse(*arguments, **named):
        raise OSError("network is unreachable")

    monkeypatch.setattr(names.urllib.request, "urlopen", refuse)


@pytest.fixture
def serve(tmp_path):
    """serve("name", content) -> address on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *arguments: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def put(name, content):
        (folder / name).write_bytes(content)
        return f"http://127.0.0.1:{server.server_port}/{name}"

    yield put
    server.shutdown()
    server.server_close()


def cifar_archive(count=20, labels=1):
    """An archive of CIFAR's form with `count` records in each file; picture k of a file is filled with k."""
    form = names.CIFAR["CIFAR10" if labels == 1 else "CIFAR100"]
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        records = b"".join(
            bytes([7] * (labels - 1)) + bytes([k % 10]) + bytes([k]) * 1024 + bytes([k + 1]) * 1024
            + bytes([k + 2]) * 1024 for k in range(count)
        )  # fmt: skip
        words = "\n".join(f"word{number}" for number in range(10)) + "\n\n"
        files = dict.fromkeys((*form.train, *form.test), records) | {form.names: words.encode()}
        for name, content in files.items():
            info = tarfile.TarInfo(f"{form.folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return body.getvalue()


@pytest.mark.parametrize(("name", "labels", "train"), [("CIFAR10", 1, 100), ("CIFAR100", 2, 20)])
def test_cifar_is_read_from_its_binary_form_placed_by_hand(unplugged, name, labels, train):
    folder = downloads(name)
    folder.mkdir(parents=True)
    (folder / names.CIFAR[name].url.rsplit("/")[-1]).write_bytes(cifar_archive(labels=labels))
    for _ in range(2):  # the second time from what was unpacked
        table = open_pictures(f"torchvision:{name}")
        assert table.where == f"torchvision:{name}" and table.classes[3] == "word3"
        assert (table.parts.count("train"), table.parts.count("test")) == (train, 20)
        assert table.sources[5].shape == (32, 32, 3) and table.sources[5][9, 9].tolist() == [5, 6, 7]
        assert table.targets[:12].tolist() == [*range(10), 0, 1]


def test_cifar_is_fetched_checked_and_kept(serve, monkeypatch, cache):
    content = cifar_archive()
    url = serve("cifar-10-binary.tar.gz", content)
    form = names.CIFAR["CIFAR10"]
    good = names.Cifar(
        url, hashlib.md5(content).hexdigest(), form.folder, form.names, 1, form.train, form.test
    )
    monkeypatch.setitem(names.CIFAR, "CIFAR10", good)
    assert len(open_pictures("torchvision:CIFAR10")) == 120
    monkeypatch.setattr(names, "fetch_file", lambda *a, **k: pytest.fail("fetched twice"))
    assert len(open_pictures("torchvision:CIFAR10")) == 120
    assert not list(cache.rglob("*.partial"))


def test_a_file_that_is_not_the_published_one_is_not_kept(serve, monkeypatch, tmp_path):
    url = serve("a.gz", b"tampered")
    with pytest.raises(PersonError) as caught:
        fetch_file([url], tmp_path / "in" / "a.gz", "0" * 32, by_hand="it there")
    assert caught.value.code == "digest-differs" and not list((tmp_path / "in").iterdir())


@pytest.mark.parametrize("name", ["CIFAR10", "MNIST"])
def test_without_a_network_the_message_says_how_to_place_the_files(unplugged, name, cache):
    with pytest.raises(PersonError) as caught:
        open_pictures(f"torchvision:{name}")
    assert caught.value.code == "offline" and str(downloads(name)) in caught.value.fix
    assert "sample" in caught.value.fix
    assert not downloads(name).exists() and not list(cache.rglob("*.partial"))


def test_mnist_is_read_from_its_own_files_and_never_through_torch(unplugged):
    folder = downloads("FashionMNIST")
    folder.mkdir(parents=True)
    pictures = np.random.default_rng(0).integers(0, 255, (20, 28, 28), dtype=np.uint8)
    for stem in ("train", "t10k"):
        for kind, array in (("images-idx3", pictures), ("labels-idx1", np.arange(20) % 10)):
            head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
            path = folder / f"{stem}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))
    table = open_pictures("torchvision:FashionMNIST")
    assert len(table) == 40 and table.classes[0] == "T-shirt/top"
    assert np.array_equal(table.sources[3], pictures[3])


def test_a_folder_that_holds_something_else_is_not_overwritten(unplugged):
    folder = downloads("CIFAR10")
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(PersonError) as caught:
        open_pictures("torchvision:CIFAR10")
    assert caught.value.code == "incomplete-download" and (folder / "mine.txt").exists()


def test_sets_that_torchvision_reads_are_read_from_placed_files():
    folder = downloads("EuroSAT") / "eurosat" / "2750"
    for label in ("Forest", "River"):
        (folder / label).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / label / f"{label}_{number}.jpg")
    table = open_pictures("torchvision:EuroSAT")
    assert (
        len(table) == 6
        and table.classes == ("Forest", "River")
        and table.targets.tolist() == [0] * 3 + [1] * 3
    )
    assert table.sources[0].name == "Forest_0.jpg"


def test_names_that_would_be_unpickled_or_are_unknown_are_refused():
    with pytest.raises(PersonError) as caught:
        open_pictures("torchvision:CIFAR1O")
    assert caught.value.code == "no-such-name" and "CIFAR10" in caught.value.fix
    for pickled in ("LSUN", "PhotoTour", "ImageNet"):
        with pytest.raises(PersonError):
            open_pictures(f"torchvision:{pickled}")


def test_every_allowed_name_exists_in_torchvision():
    datasets = pytest.importorskip("torchvision.datasets")
    assert all(hasattr(datasets, name) for name in names.KNOWN)
