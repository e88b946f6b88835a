"""Published .pth files: the one place where PyTorch's own format is read, and only for files that are pinned.

A .pth file is a pickle, which can run code when it is read. Three walls stand before that: the file's
SHA-256 must be the one written in this repository, so that it is the very file that was looked at; the bytes
that were checked are the bytes that are read; and torch.load(weights_only=True) refuses everything but
tensors and plain containers. Any other .pt, .pth or .pkl is refused in weights/store.py, with the way to
convert it.
"""

import hashlib
import io
from pathlib import Path

import torch
from torch import Tensor

from glassworks.core.errors import PersonError


def read_pinned(path: str | Path, sha256: str) -> dict[str, Tensor]:
    """The tensors of a .pth file whose digest is known, by the names in the file.

    sha256: 64 hexadecimal digits. Raises PersonError: "weights-missing" for no file, "digest-differs" before
    anything is read as a pickle, "bad-weights" for a file that is not a flat table of tensors.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PersonError(
            "weights-missing", expected=f"the weights file {path}", got=error.strerror or str(error),
            fix="install or download it again",
        ) from error  # fmt: skip
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise PersonError(
            "digest-differs",
            expected=f"{path.name} with the SHA-256 {sha256}",
            got=f"{found}, so {path} is another file or a damaged one, and was not opened",
            fix="remove it, and install or download it again",
        )
    try:
        tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # the reader raises almost anything on other content; the reason is kept
        raise _not_flat(path, " ".join(str(error).split())[:200]) from error
    if not isinstance(tensors, dict) or not tensors:
        raise _not_flat(path, f"it holds {type(tensors).__name__}")
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise _not_flat(path, f"{name!r} is {type(tensor).__name__}")
    return {name: tensor.detach() for name, tensor in tensors.items()}


def _not_flat(path: Path, what: str) -> PersonError:
    return PersonError(
        "bad-weights",
        expected="a .pth file that is one flat table of named tensors",
        got=f"{path}: {what}",
        fix="use the file that the weights' publisher names",
    )
