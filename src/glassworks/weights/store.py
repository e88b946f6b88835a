"""Tensors in files: safetensors, checked before a byte of it is believed.

A safetensors file is 8 bytes of header length, a JSON header with type, shape and offsets of every tensor,
and the numbers. The library checks most of it; what it lets pass (duplicate names, for one) is refused here.
Nothing is unpickled: a .pt or .pth file is refused with the way to convert it.
"""

import json
import os
import re
import struct
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from glassworks.core.errors import PersonError
from glassworks.core.files import require_space, writing

MOST_HEADER = 100 * 1024**2  # bytes; the format's own limit
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")
CONVERT = (
    "convert it once where you trust it: torch.load(FILE, weights_only=True), then "
    "safetensors.torch.save_file(tensors, 'weights.safetensors')"
)


def write_tensors(path: str | Path, tensors: dict[str, Tensor]) -> None:
    """Write named tensors so that `path` is whole or untouched. Raises PersonError("disk-full")."""
    path = Path(path)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    require_space(path, sum(t.numel() * t.element_size() for t in plain.values()) + (1 << 16))
    with writing(path) as aside:
        try:
            save_file(plain, aside)
        except SafetensorError as error:  # it hides the system's error: a full disk, a quota
            number = re.search(r"os error (\d+)", str(error))
            if number is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Read every tensor of a safetensors file. Raises PersonError("bad-weights") for anything else."""
    path = Path(path)
    refuse_pickle(path)
    if not path.is_file():
        raise _bad(path, "no such file")
    check_header(path)
    try:
        return load_file(path)
    except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise _bad(path, f"its tensors cannot be read ({error})") from error


def refuse_pickle(path: Path) -> None:
    """Files that could run code when read are never opened."""
    if path.suffix.lower() in PICKLES:
        raise PersonError(
            "pickle-refused",
            expected="weights as a .safetensors file, which holds numbers only",
            got=f"{path.name}, a format that can run code when it is read",
            fix=CONVERT,
        )


def check_header(path: Path) -> dict:
    """Read and check a safetensors header without reading the numbers; returns it as a dict."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise _bad(path, f"only {size} bytes, too short to be one")
        (length,) = struct.unpack("<Q", start)
        if length > min(MOST_HEADER, size - 8):
            raise _bad(path, f"its header claims {length} bytes of a file of {size}")
        raw = file.read(length)
    try:
        header = json.loads(raw.decode(), object_pairs_hook=_no_duplicates)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise _bad(path, f"its header is not readable ({error})") from error
    if not isinstance(header, dict):
        raise _bad(path, "its header is not a table of tensors")
    _check_offsets(path, header, size - 8 - length)
    return header


def _check_offsets(path: Path, header: dict, numbers: int) -> None:
    """Every tensor's bytes must lie end to end and fill the file exactly."""
    spans = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            begin, end = (int(place) for place in entry["data_offsets"])
        except (TypeError, KeyError, ValueError) as error:
            raise _bad(path, f'the entry of "{name}" is not complete') from error
        spans.append((begin, end, name))
    at = 0
    for begin, end, name in sorted(spans):
        if begin != at or end < begin:
            raise _bad(path, f'the numbers of "{name}" overlap others or leave a gap')
        at = end
    if at != numbers:
        raise _bad(path, f"it should hold {at} bytes of numbers and holds {numbers}")


def load_into(
    model: nn.Module, tensors: dict[str, Tensor], *, source: str, skip: tuple[str, ...] = ()
) -> None:
    """Copy tensors into a model by name; every name and shape must agree, `skip` prefixes excepted.

    source: how to call the tensors in a message. Raises PersonError("weights-do-not-fit").
    """
    own = model.state_dict()
    wanted = {name for name in own if not name.startswith(skip)} if skip else set(own)
    given = {name for name in tensors if not name.startswith(skip)} if skip else set(tensors)
    problems = [f"missing {name}" for name in sorted(wanted - given)]
    problems += [f"unknown {name}" for name in sorted(given - wanted)]
    problems += [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
        for name in sorted(wanted & given)
        if tensors[name].shape != own[name].shape
    ]
    problems += [
        f"{name} holds {tensors[name].dtype}, not {own[name].dtype}"
        for name in sorted(wanted & given)
        if tensors[name].is_floating_point() != own[name].is_floating_point()
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise PersonError(
            "weights-do-not-fit",
            expected=f"the {len(wanted)} tensors of this model",
            got=f"{source}: {'; '.join(problems[:3])}{more}",
            fix="use the system, variant and picture size of the weights (see their card.json)",
        )
    with torch.no_grad():
        for name in wanted:
            own[name].copy_(tensors[name])


def _no_duplicates(pairs: list) -> dict:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _bad(path: Path, what: str) -> PersonError:
    return PersonError(
        "bad-weights",
        expected="a whole .safetensors file",
        got=f"{path}: {what}",
        fix="copy or download the file again, or use another checkpoint of the run",
    )
