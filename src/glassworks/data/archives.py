"""Archives from anywhere, unpacked without trust: every entry is judged before a byte is written.

Refused: names that lead outside, absolute names, links, devices, more than 100,000 entries, more than 4 GB,
more than 200 bytes out of each byte in. Lists may lie, so the limits are also counted while unpacking, and
all of it happens in a folder aside that is renamed only when everything went well.

The first thing to change: the limits below.
"""

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from glassworks.core.errors import PersonError
from glassworks.core.files import PARTIAL, disk_full, readable_size, require_space, sync_folder

MOST_ENTRIES = 100_000
MOST_BYTES = 4 * 1024**3
MOST_RATIO = 200
SMALL = 1024**2  # below this size no ratio is a danger
ZIP_LIST_BYTES = 32 * 1024**2  # a zip's own list of entries: about 300 bytes for each of the most entries
NAME_BYTES = 1024**2  # a tar header block that is longer than this is no name
CHUNK = 1024**2
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile,
          struct.error, NotImplementedError, ValueError)  # fmt: skip


# (safe relative name, bytes that the list claims, how to open the content; None for a folder)
Entry = tuple[PurePosixPath, int, Callable[[], Any] | None]


def is_archive_name(path: str | Path) -> bool:
    """Whether the name ends like an archive that `unpack` knows."""
    return str(path).lower().endswith(ENDINGS)


def unpack(path: str | Path, into: str | Path) -> Path:
    """Unpack a zip or tar archive so that `into` holds all of it, or does not exist.

    Raises PersonError: "unsafe-archive", "archive-too-large", "damaged-archive", "locked-archive",
    "folder-not-empty", "disk-full".
    """
    path, into = Path(path), Path(into)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise PersonError(
            "folder-not-empty", expected=f"an empty or new folder {into}", got="a folder with files in it",
            fix="choose another folder",
        )  # fmt: skip
    with _telling(path, into):
        entries = _zip_entries if zipfile.is_zipfile(path) else _tar_entries
        total = sum(size for _, size, _ in entries(path))  # the first pass judges every entry
        require_space(into, total)
        into.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{into.name}.", suffix=PARTIAL, dir=into.parent))
        try:
            budget = MOST_BYTES
            for name, _, opener in entries(path):
                budget -= _write(aside / name, opener, budget, path)
            if into.exists():
                into.rmdir()
            aside.chmod(0o755)
            aside.rename(into)
            sync_folder(into.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return into


def _write(target: Path, opener: Callable[[], Any] | None, budget: int, archive: Path) -> int:
    """Write one entry (a folder when opener is None); return its bytes."""
    if opener is None:
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opener() as content, target.open("xb") as file:
        while chunk := content.read(CHUNK):
            written += len(chunk)
            if written > budget:
                raise _too_large(
                    archive, f"more than {readable_size(MOST_BYTES)}, although its list says less"
                )
            file.write(chunk)
    return written


# ---- what an archive lists, judged entry by entry


def _zip_entries(path: Path) -> Iterator[Entry]:
    _refuse_long_zip_list(path)
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        _check_totals(path, len(infos), sum(info.file_size for info in infos))
        for info in infos:
            name, kind = _safe_name(info.filename, path), stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(path, info.filename, "a link or device")
            if info.flag_bits & 1:
                raise PersonError(
                    "locked-archive", expected="an archive without a password",
                    got=f'{path}: "{info.filename}" is encrypted', fix="unpack it and give the folder",
                )  # fmt: skip
            if info.file_size > SMALL and info.file_size > MOST_RATIO * max(info.compress_size, 1):
                raise _too_large(path, f'"{info.filename}" grows more than {MOST_RATIO} times')
            yield name, info.file_size, None if info.is_dir() else partial(archive.open, info)


def _refuse_long_zip_list(path: Path) -> None:
    """Read only the end record of a zip: a list of a million entries is refused before it is loaded."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 65_557 - 76))  # the longest comment, the record, and zip64's two records
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        return
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if wide >= 0 and (entries == 0xFFFF or length == 0xFFFFFFFF):
        entries = int.from_bytes(tail[wide + 32 : wide + 40], "little")
        length = int.from_bytes(tail[wide + 40 : wide + 48], "little")
    _check_totals(path, entries, 0)
    if length > ZIP_LIST_BYTES:
        raise _too_large(path, f"its list of entries alone has {readable_size(length)}")


def _tar_entries(path: Path) -> Iterator[Entry]:
    total = 0
    with _opened_tar(path) as plain, tarfile.open(fileobj=plain, mode="r:") as archive:  # type: ignore[call-overload]
        for count, member in enumerate(archive, start=1):
            archive.members.clear()  # tarfile remembers every header; we look at each once
            total += member.size
            _check_totals(path, count, total)
            name = _safe_name(member.name, path)
            if member.issparse() or not (member.isreg() or member.isdir()):
                raise _unsafe(path, member.name, "a link or device")
            yield name, member.size, None if member.isdir() else partial(archive.extractfile, member)
        if plain.last.strip(b"\0"):  # tarfile ends quietly at a broken header
            raise tarfile.ReadError(f"a broken header after {plain.place:,} bytes")


@contextlib.contextmanager
def _opened_tar(path: Path) -> Iterator["_Counted"]:
    with path.open("rb") as file:
        head = file.read(6)
    opener = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}.get(head[:2])
    with opener(path, "rb") if opener else path.open("rb") as stream:  # type: ignore[operator]
        yield _Counted(stream, path)


class _Counted:
    """The unpacked side of a tar, read forwards only, that stops at the limits whatever the headers say."""

    def __init__(self, stream: IO[bytes], path: Path):
        self.stream, self.path, self.place, self.last = stream, path, 0, b""
        packed = path.stat().st_size
        # A tar adds headers and padding to its files, so a little more than the limit may pass here.
        self.most = min(MOST_BYTES + MOST_ENTRIES * 1024, max(MOST_RATIO * packed, 16 * SMALL))

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > NAME_BYTES:
            raise tarfile.ReadError("a header that asks for too much memory")
        content = self.stream.read(size)
        self.place += len(content)
        self.last = content
        if self.place > self.most:
            raise _too_large(self.path, f"more than {readable_size(self.most)} come out of it")
        return content

    def tell(self) -> int:
        return self.place

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or place < self.place:
            raise tarfile.ReadError("an archive that does not read forwards")
        while self.place < place and self.read(min(SMALL, place - self.place)):
            pass
        return self.place


def _safe_name(name: str, archive: Path) -> PurePosixPath:
    """The entry's name as a relative path that stays inside, or PersonError("unsafe-archive")."""
    plain = name.replace("\\", "/")  # some tools on Windows write it so
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain):
        raise _unsafe(archive, name, "an absolute path")
    if ".." in parts:
        raise _unsafe(archive, name, "a path that leads outside")
    if "\0" in plain or any(len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts):
        raise _unsafe(archive, name, "a name that no disk can hold")
    return PurePosixPath(*parts)


# ---- what to say


def _check_totals(path: Path, entries: int, total: int) -> None:
    if entries > MOST_ENTRIES:
        raise _too_large(path, f"more than {MOST_ENTRIES:,} entries")
    if total > MOST_BYTES:
        raise _too_large(path, f"files of {readable_size(total)} together")
    if total > SMALL and total > MOST_RATIO * path.stat().st_size:
        raise _too_large(path, f"{readable_size(total)} come out of {readable_size(path.stat().st_size)}")


def _too_large(path: Path, got: str) -> PersonError:
    return PersonError(
        "archive-too-large",
        expected=f"at most {MOST_ENTRIES:,} entries, {readable_size(MOST_BYTES)}, "
        f"{MOST_RATIO} times the archive's size",
        got=f"{path}: {got}; nothing was unpacked",
        fix="if you trust the archive, unpack it yourself and give the folder",
    )


def _unsafe(path: Path, name: str, why: str) -> PersonError:
    shown = name if len(name) <= 80 else name[:79] + "…"
    return PersonError(
        "unsafe-archive",
        expected="an archive of plain files and folders",
        got=f"{path}: {shown!r} is {why}; nothing was unpacked",
        fix="do not trust this archive; if you made it yourself, pack plain files with relative names",
    )


@contextlib.contextmanager
def _telling(path: Path, into: Path) -> Iterator[None]:
    """Turn what the readers of archives raise into messages for the person."""
    try:
        yield
    except FileExistsError as error:
        raise _unsafe(path, Path(error.filename or "?").name, "a name that occurs twice") from error
    except BROKEN as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(into) from error
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> PersonError:
    return PersonError(
        "damaged-archive",
        expected="a whole zip or tar archive (.zip, .tar, .tar.gz, .tar.bz2, .tar.xz)",
        got=f"{path}: {error}",
        fix="fetch or pack it again",
    )
