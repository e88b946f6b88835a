"""Checkpoints that are whole or not there, and that say so themselves.

A checkpoint is a folder `step-00000120` with tensors (safetensors), `state.json` for everything that is
not a tensor, and `manifest.json` with size and SHA-256 of each file and of itself. It is written beside its
place, synced and renamed, so a kill at any moment leaves the one before. The two newest are kept; a damaged
one is named, and the one before it is used.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from glassworks.core.errors import PersonError
from glassworks.core.files import PARTIAL, require_space, sha256_of, sync_folder, write_json, write_text
from glassworks.weights.store import read_tensors, write_tensors

KEEP = 2  # newest checkpoints that stay
MANIFEST, STATE = "manifest.json", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """tensors: by group ("model", "optimizer", …) and name; state: what is not a tensor."""

    step: int
    tensors: dict[str, dict[str, Tensor]]
    state: dict


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint below `folder` (a run's `checkpoints`); return its path.

    Raises PersonError("disk-full") before anything is changed when the space does not suffice.
    """
    final = folder / f"step-{checkpoint.step:08d}"
    if final.exists() and is_whole(final):  # a state is a function of its step: nothing new to write
        return final
    folder.mkdir(parents=True, exist_ok=True)
    needed = sum(
        t.numel() * t.element_size() for group in checkpoint.tensors.values() for t in group.values()
    )
    require_space(final, needed + (1 << 18))
    _sweep(folder)
    aside = folder / f".{final.name}{PARTIAL}"
    aside.mkdir()
    try:
        for group, tensors in checkpoint.tensors.items():
            write_tensors(aside / f"{group}.safetensors", tensors)
        write_json(aside / STATE, checkpoint.state)
        write_text(aside / MANIFEST, _manifest(aside))
        sync_folder(aside)
        if final.exists():  # damaged, as was just seen
            shutil.rmtree(final)
        aside.rename(final)
        sync_folder(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    for old in found(folder)[:-KEEP]:
        shutil.rmtree(old)
    return final


def found(folder: Path) -> list[Path]:
    """Checkpoints below `folder`, oldest first; whether they are whole is not known yet."""
    return sorted(folder.glob("step-[0-9]*")) if folder.is_dir() else []


def load(path: Path) -> Checkpoint:
    """Read one checkpoint after checking every file. Raises PersonError("damaged-checkpoint")."""
    verify(path)
    state = json.loads((path / STATE).read_text(encoding="utf-8"))
    tensors = {file.stem: read_tensors(file) for file in sorted(path.glob("*.safetensors"))}
    return Checkpoint(int(path.name.split("-")[1]), tensors, state)


def load_newest(folder: Path) -> tuple[Checkpoint, list[str]]:
    """The newest whole checkpoint, and one sentence for each damaged one that was passed over."""
    passed: list[str] = []
    for path in reversed(found(folder)):
        try:
            return load(path), passed
        except PersonError as error:
            passed.append(f"{error.got}; using the checkpoint before it")
    raise PersonError(
        "no-checkpoint",
        expected=f"a whole checkpoint in {folder}",
        got="; ".join(passed) or "none there",
        fix="start the run again with --overwrite, or restore the folder from a copy",
    )


def is_whole(path: Path) -> bool:
    """Whether a checkpoint agrees with its manifest."""
    try:
        verify(path)
    except PersonError:
        return False
    return True


def verify(path: Path) -> None:
    """Compare every file with the manifest, and the manifest with itself."""
    try:
        text = (path / MANIFEST).read_text(encoding="utf-8")
        files = json.loads(text)["files"]
        whole = text == _manifest_text(files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, MANIFEST, f"it cannot be read ({error})") from error
    if not whole:
        raise _damaged(path, MANIFEST, "it does not agree with its own digest")
    for name, (size, digest) in files.items():
        file = path / name
        if not file.is_file():
            raise _damaged(path, name, "it is missing")
        if file.stat().st_size != size or sha256_of(file) != digest:
            raise _damaged(path, name, "its content is not what was written")


def _manifest(folder: Path) -> str:
    files = {f.name: [f.stat().st_size, sha256_of(f)] for f in sorted(folder.iterdir()) if f.name != MANIFEST}
    return _manifest_text(files)


def _manifest_text(files: dict) -> str:
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return json.dumps({"schema": 1, "files": files, "digest": digest}, indent=1, sort_keys=True) + "\n"


def _damaged(path: Path, name: str, why: str) -> PersonError:
    return PersonError(
        "damaged-checkpoint",
        expected=f"the files of {path.name} as they were written",
        got=f"damaged: {path / name}: {why}",
        fix="continue with --resume, which uses the checkpoint before it",
    )


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for left in folder.glob(f".*{PARTIAL}"):
        shutil.rmtree(left, ignore_errors=True)
