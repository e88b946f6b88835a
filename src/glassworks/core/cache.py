"""The cache: things that can be made again (decoded pictures, fetched samples), in one place with a limit.

Place: $GLASSWORKS_CACHE, or the folder that the system keeps for caches. Limit: $GLASSWORKS_CACHE_GB,
20 by default; the entries not used for longest go first.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from glassworks.core.files import readable_size

DEFAULT_LIMIT_GB = 20.0


def cache_folder() -> Path:
    """The cache's folder; made on first use by whoever writes there."""
    chosen = os.environ.get("GLASSWORKS_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "glassworks" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "glassworks"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "glassworks"


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
    limit = float(os.environ.get("GLASSWORKS_CACHE_GB", DEFAULT_LIMIT_GB)) * 1024**3
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
