"""Files that are whole or not there: written aside, synced with their folder, renamed.

A process killed at any moment leaves either the old file or the new one, never a part of one.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from glassworks.core.errors import PersonError

PARTIAL = ".partial"  # the ending of files that are still being written


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable. Windows cannot open folders, and needs no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; sync and rename it when the block ends without an error.

    Raises PersonError("disk-full") with the free space when the disk is full; the old file stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PARTIAL, dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.chmod(0o644)  # mkstemp makes it private; a run folder is meant to be shared
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(path) from error
        raise
    finally:
        aside.unlink(missing_ok=True)


def disk_full(path: Path, needed: int | None = None) -> PersonError:
    """The error for a full disk. `needed`: bytes that were to be written, where known."""
    free = shutil.disk_usage(path.parent).free
    wanted = f"{readable_size(needed)} of free space" if needed else "enough free space"
    return PersonError(
        "disk-full",
        expected=f"{wanted} to write {path}",
        got=f"{readable_size(free)} free on that disk; nothing was changed",
        fix="free some space, or choose another disk with --out, then continue with --resume",
    )


def require_space(path: Path, needed: int) -> None:
    """Raise PersonError("disk-full") when fewer than `needed` bytes are free where `path` will stand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < needed:
        raise disk_full(path, needed)


@contextlib.contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold `path` as a lock while the block runs; the system lets go of it when the process is killed.

    Raises PersonError("in-use") when another process holds it. `what`: what is being used, for the message.
    """
    with path.open("a+", encoding="utf-8") as file:
        try:
            if os.name == "nt":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PersonError(
                "in-use",
                expected=f"{what} that no other process is working on",
                got=f"another process holds {path}",
                fix="wait until it has ended, or stop it",
            ) from error
        yield


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` so that `path` holds the old bytes or the new ones, never a mixture."""
    with writing(path) as aside:
        aside.write_bytes(content)


def write_text(path: str | Path, content: str) -> None:
    """Like `write_bytes`, in UTF-8 with newlines as they are."""
    write_bytes(path, content.encode())


def write_json(path: str | Path, content) -> None:
    """Write `content` as readable JSON; NaN is refused because JSON has no word for it."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def readable_size(count: int | float) -> str:
    """Bytes as a person reads them: 1536 -> '1.5 KB' (powers of 1,024)."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
