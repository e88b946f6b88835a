"""Pictures decoded once: all pixels of a table at the working size in one uint8 array.

Decoding JPEGs costs far more than training a small model on them, so it is done once, by several processes
where wanted, and kept in the cache under a digest of the files and the size. Small sets are loaded into
memory, large ones are mapped from the disk. Pictures that are arrays of the right size are never decoded.

The first thing to change: `NOTICEABLE`, the time from which the result is worth keeping.
"""

import contextlib
import hashlib
import io
import itertools
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError
from glassworks.core.files import PARTIAL, require_space, sync_folder
from glassworks.core.rows import Damage, PictureTable
from glassworks.data.classes import shortened
from glassworks.data.damage import NoPicture
from glassworks.data.decode import Fit, Resample, read_picture
from glassworks.data.splits import data_digest

NOTICEABLE = 0.5  # seconds of decoding from which pixels are kept in the cache
BATCH = 32  # pictures that a process decodes at a time
LEFT_OVER = 3600.0  # seconds after which an unfinished folder is nobody's any more
FORMAT = "1"  # part of the key: raise it when decoding changes

Shape = tuple[int, int, int]  # height, width, channels


class How(NamedTuple):
    """How pictures are brought to the size; the words are those of `decode.read_picture`."""

    fit: Fit
    resample: Resample
    crop: float


Gathered = tuple[np.ndarray, list[bytes], list[Damage | None]]  # good rows; of each row its hash and damage
Decoded = tuple[np.ndarray | None, bytes, Damage | None]  # pixels, SHA-256 of the file, or what is wrong


@dataclass(frozen=True)
class PictureStore:
    """pixels[i] is the picture of row i of `table`.

    pixels:  uint8 (rows, height, width, channels), an array or a read-only memory map
    digest:  SHA-256 over names, contents and targets, 64 hexadecimal digits
    table:   the rows that could be decoded (all of them, unless bad="skip" left some out)
    damaged: what was left out, besides what the reader had left out already
    """

    pixels: np.ndarray
    digest: str
    table: PictureTable
    damaged: tuple[Damage, ...] = ()


def open_store(
    table: PictureTable,
    *,
    height: int,
    width: int,
    channels: int,
    fit: Fit = "stretch",
    resample: Resample = "bilinear",
    crop: float = 1.0,
    workers: int = 0,
    limit_mb: float = 1024,
    bad: str = "stop",
) -> PictureStore:
    """Decode a table's pictures, or find them in the cache.

    fit, resample, crop: as in `decode.read_picture`
    workers: processes that decode; 0 decodes here, and every number gives the same bytes
    limit_mb: larger pixel arrays are mapped from the disk instead of loaded
    bad: "stop" raises PersonError("damaged-picture") with all that is damaged; "skip" leaves it out
    """
    if bad not in ("stop", "skip"):
        raise ValueError(f'bad is "stop" or "skip", not {bad!r}')
    how = How(fit, resample, crop if fit == "crop" else 1.0)
    plain = _stacked(table.sources, height, width, channels) if how.crop == 1 else None
    if plain is not None:
        return PictureStore(
            plain, _digest(table, [_sha256(np.asarray(source)) for source in table.sources]), table
        )
    shape = (height, width, channels)
    mapped = len(table) * height * width * channels > limit_mb * 1e6
    entry = cache_folder() / "pictures" / _key(table, shape, how)
    if (entry / "facts.json").is_file():
        try:
            pixels, hashes, damaged = _read_entry(entry, table, mapped)
        except (OSError, ValueError, KeyError, TypeError):  # someone changed the cache: make it again
            shutil.rmtree(entry)
        else:
            touch(entry)
            return _judged(table, pixels, hashes, damaged, bad)
    _sweep(entry.parent)
    decode = _decoded(table, shape, how, workers)
    if mapped:
        _write_entry(entry, table, shape, decode)
        return _judged(table, *_read_entry(entry, table, mapped), bad)
    begun = time.monotonic()
    pixels, hashes, damaged = _gather(len(table), shape, decode)
    if time.monotonic() - begun > NOTICEABLE:
        try:
            _write_entry(entry, table, shape, zip(_rows_with_gaps(pixels, damaged), hashes, damaged))
        except (OSError, PersonError) as error:  # the pixels are here all the same
            note = f"decoded pictures were not kept in the cache: {error}"
            table = replace(table, notes=(*table.notes, note))
    return _judged(table, pixels, hashes, damaged, bad)


# ---- decoding


def _stacked(sources: Sequence, height: int, width: int, channels: int) -> np.ndarray | None:
    """Sources that are uint8 arrays of the right size as one array, or None: no picture is decoded."""
    shapes = [(height, width), (height, width, channels)]
    if isinstance(sources, np.ndarray):
        sources = list(sources)
    grey = all(isinstance(item, np.ndarray) and item.dtype == np.uint8 for item in sources) and len(sources)
    if not grey or len({item.shape for item in sources}) != 1 or sources[0].shape not in shapes:
        return None
    pixels = np.stack(sources).reshape(len(sources), height, width, -1)
    # A grey picture in colour is the same value three times, which is what decoding would give.
    return pixels if pixels.shape[3] == channels else np.repeat(pixels, channels, axis=3)


def _decoded(table: PictureTable, shape: Shape, how: How, workers: int) -> Iterator[Decoded]:
    """Each row in order. Functions stay in this process: they may hold what cannot be sent to another."""
    rows = ((source, name) for source, name in zip(table.sources, table.names))
    if workers < 1 or any(callable(source) for source in table.sources):
        for source, name in rows:
            yield _decode(source, name, shape, how)
        return
    batches = iter(lambda: list(itertools.islice(rows, BATCH)), [])
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            for batch in _in_order(pool, partial(_decode_batch, shape=shape, how=how), batches, 4 * workers):
                yield from batch
        except BrokenProcessPool as error:
            raise PersonError(
                "decoding-stopped",
                expected=f"{workers} processes that decode pictures",
                got="one of them ended early (out of memory, or the script starts work when it is imported)",
                fix='use fewer with --workers, 0 for none; in a script, work under if __name__ == "__main__"',
            ) from error


def _in_order(pool: ProcessPoolExecutor, work: Callable, items: Iterable, ahead: int) -> Iterator:
    """Results in order with at most `ahead` pieces of work waiting, so that memory stays bounded."""
    items = iter(items)
    waiting = [pool.submit(work, item) for item in itertools.islice(items, ahead)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [pool.submit(work, item) for item in itertools.islice(items, 1)]


def _decode_batch(rows: list[tuple[Any, str]], shape: Shape, how: How) -> list[Decoded]:
    return [_decode(source, name, shape, how) for source, name in rows]


def _decode(source: Any, name: str, shape: Shape, how: How) -> Decoded:
    contents = _sha256(source) if isinstance(source, np.ndarray) else b""
    height, width, channels = shape
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                contents = hashlib.file_digest(file, "sha256").digest()
        pixels = read_picture(
            source, height, width, channels, how.fit, resample=how.resample, crop=how.crop, name=name
        )
    except OSError as error:
        return None, contents, Damage(name, "unreadable", str(error.strerror or error))
    except PersonError as error:
        cause = error.__cause__
        if not isinstance(cause, NoPicture):
            raise
        return None, contents, Damage(name, cause.reason, cause.detail)
    return pixels, contents or _sha256(pixels), None


# ---- the entry in the cache: pixels.npy of the good rows, facts.json


def _key(table: PictureTable, shape: Shape, how: How) -> str:
    """Names the entry: files by path, size and time of change, so that a second start reads no file."""
    digest = hashlib.sha256(f"{FORMAT} {shape} {how.fit} {how.resample} {how.crop:g}".encode())
    for name, source in zip(table.names, table.sources):
        digest.update(f"\n{name}\0".encode())
        if isinstance(source, Path):
            digest.update(_fingerprint(source))
        elif isinstance(source, np.ndarray):
            digest.update(f"{source.shape} {source.dtype}".encode() + np.ascontiguousarray(source).tobytes())
        else:
            digest.update(repr(getattr(source, "key", (table.where, name))).encode())
    return digest.hexdigest()[:40]


def _fingerprint(path: Path) -> bytes:
    try:
        facts = path.stat()
    except OSError:
        return f"{path} missing".encode()
    return f"{path.absolute()} {facts.st_size} {facts.st_mtime_ns}".encode()


def _write_entry(entry: Path, table: PictureTable, shape: Shape, decoded: Iterable[Decoded]) -> None:
    """Write pixels and facts aside, then rename the folder: an entry is whole or not there."""
    require_space(entry, len(table) * int(np.prod(shape)))
    entry.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", suffix=PARTIAL, dir=entry.parent))
    try:
        hashes, damaged = [], []
        with (aside / "pixels.npy").open("wb") as body:
            body.write(_header((len(table), *shape)))
            for pixels, contents, damage in decoded:
                hashes.append(contents)
                damaged.append(damage)
                if pixels is not None:
                    body.write(np.ascontiguousarray(pixels).data)
            body.seek(0)
            body.write(_header((sum(damage is None for damage in damaged), *shape)))
        facts = {
            "hashes": [contents.hex() for contents in hashes],
            "damaged": [None if d is None else [d.reason, d.detail] for d in damaged],
        }
        (aside / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        for name in ("pixels.npy", "facts.json"):
            with (aside / name).open("rb+") as file:
                os.fsync(file.fileno())
        if not entry.exists():  # another process may have been faster; both made the same
            aside.rename(entry)
            sync_folder(entry.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    keep_within_limit(besides=entry)


def _header(shape: tuple[int, ...]) -> bytes:
    """The head of an .npy file. NumPy leaves room for the first axis, so its length does not depend on it."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return head.getvalue()


def _read_entry(entry: Path, table: PictureTable, mapped: bool) -> Gathered:
    facts = json.loads((entry / "facts.json").read_text(encoding="utf-8"))
    hashes = [bytes.fromhex(digest) for digest in facts["hashes"]]
    damaged = [None if d is None else Damage(name, *d) for name, d in zip(table.names, facts["damaged"])]
    pixels = np.load(entry / "pixels.npy", mmap_mode="r" if mapped else None, allow_pickle=False)
    if len(pixels) != sum(damage is None for damage in damaged) or len(hashes) != len(table):
        raise ValueError(f"{entry} does not fit its facts")
    return pixels, hashes, damaged


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for aside in folder.glob(f".*{PARTIAL}"):
        with contextlib.suppress(FileNotFoundError):  # another process may be sweeping as well
            if time.time() - aside.stat().st_mtime > LEFT_OVER:
                shutil.rmtree(aside, ignore_errors=True)


# ---- pixels, digest and damage together


def _gather(count: int, shape: Shape, decoded: Iterable[Decoded]) -> Gathered:
    """Decode into memory. pixels hold the good rows only."""
    pixels = np.empty((count, *shape), dtype=np.uint8)
    hashes, damaged, good = [], [], 0
    for picture, contents, damage in decoded:
        if picture is not None:
            pixels[good] = picture
            good += 1
        hashes.append(contents)
        damaged.append(damage)
    return pixels[:good], hashes, damaged


def _rows_with_gaps(pixels: np.ndarray, damaged: list[Damage | None]) -> Iterator[np.ndarray | None]:
    good = iter(pixels)
    return (next(good) if damage is None else None for damage in damaged)


def _judged(
    table: PictureTable, pixels: np.ndarray, hashes: list[bytes], damaged: list[Damage | None], bad: str
) -> PictureStore:
    lost = tuple(damage for damage in damaged if damage is not None)
    if lost and (bad == "stop" or len(lost) == len(table)):
        raise _damaged_pictures(table, lost)
    if lost:
        keep = [row for row, damage in enumerate(damaged) if damage is None]
        hashes = [hashes[row] for row in keep]
        note = f"left out {len(lost)} damaged picture(s); `glassworks check` names them"
        whole = table.select(keep)
        table = replace(whole, damaged=(*whole.damaged, *lost), notes=(*whole.notes, note))
    return PictureStore(pixels, _digest(table, hashes), table, lost)


def _digest(table: PictureTable, hashes: list[bytes]) -> str:
    digest = hashlib.sha256(data_digest(table).encode())
    for name, contents in sorted(zip(table.names, hashes)):
        digest.update(name.encode() + b"\0" + contents)
    return digest.hexdigest()


def _sha256(pixels: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()


def _damaged_pictures(table: PictureTable, lost: tuple[Damage, ...]) -> PersonError:
    shown = shortened((f"{damage.name} ({damage.reason}: {damage.detail})" for damage in lost), 3)
    return PersonError(
        "damaged-picture",
        expected=f"{len(table)} pictures in {table.where} that decode to their end",
        got=f"{len(lost)} damaged: {shown}",
        fix="replace or remove them, or leave damaged ones out with --bad skip",
    )
