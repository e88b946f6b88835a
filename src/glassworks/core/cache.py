"""The cache: things that can be made again (decoded pictures, fetched samples), in one place with a limit.

Place: $GLASSWORKS_CACHE, or the folder that the system keeps for caches. Limit: $GLASSWORKS_CACHE_GB,
20 by default; the entries not used for longest go first.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size

DEFAULT_LIMIT_GB = 20.0


def cache_folder() -> Path:
    """The cache's folder; made on first use by whoever writes there."""
    chosen = os.environ.get("GLASSWORKS_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or _home()) / "glassworks" / "cache"
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "glassworks"
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "glassworks"


def _home() -> Path:
    """The person's folder. Raises PersonError where there is none, as in some containers."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise PersonError(
            "no-home", expected="a home folder for the cache", got="none: HOME is not set",
            fix="set GLASSWORKS_CACHE to a folder",
        ) from error  # fmt: skip


def entries() -> list[Path]:
    """Entries (<kind>/<name>) of the cache, the longest unused first."""
    found = [entry for kind in _folders(cache_folder()) for entry in kind.iterdir()]
    return sorted(found, key=lambda entry: entry.stat().st_mtime)


def touch(entry: Path) -> None:
    """Say that an entry was used now."""
    now = time.time()
    os.utime(entry, (now, now))


def size_of(path: Path) -> int:
    """Bytes of a file or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def keep_within_limit(*, besides: Path | None = None) -> list[Path]:
    """Remove the longest unused entries until the cache fits its limit; return what was removed.

    besides: an entry in use that must stay
    """
    limit = limit_gb() * 1024**3
    sizes = {entry: size_of(entry) for entry in entries()}
    total, removed = sum(sizes.values()), []
    for entry, size in sizes.items():
        if total <= limit:
            break
        if entry == besides:
            continue
        _remove(entry)
        total -= size
        removed.append(entry)
    return removed


def limit_gb() -> float:
    """The limit that the person or the default sets, in GB. Raises PersonError for what is no number."""
    said = os.environ.get("GLASSWORKS_CACHE_GB") or str(DEFAULT_LIMIT_GB)
    try:
        return float(said)
    except ValueError as error:
        raise PersonError(
            "bad-value", expected="GLASSWORKS_CACHE_GB as a number", got=f'"{said}"',
            fix=f"unset it, or set it to {DEFAULT_LIMIT_GB:g}",
        ) from error  # fmt: skip


def clear() -> str:
    """Remove every entry; return one sentence on what was freed."""
    found = entries()
    freed = sum(size_of(entry) for entry in found)
    for entry in found:
        _remove(entry)
    return f"removed {len(found)} entries, {readable_size(freed)}, from {cache_folder()}"


def _folders(folder: Path) -> list[Path]:
    return [kind for kind in folder.iterdir() if kind.is_dir()] if folder.is_dir() else []


def _remove(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
