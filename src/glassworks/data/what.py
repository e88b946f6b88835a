"""What a person's data are: pictures, texts or series. `check` asks here; training knows it from the system.

A named column decides (--file, --text, --time). Otherwise the files of a folder or archive do, and of a table
its columns: a file of a picture, a text of several words, or a time beside numbers. What could be two of
these is not guessed: the person is asked.

The first thing to change: `SURELY_TEXT`, from how many words a cell is a text whatever stands beside it.
"""

import re
import statistics
import tarfile
import zipfile
from collections import Counter
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage
from glassworks.data.archives import is_archive_name
from glassworks.data.decode import is_picture_name
from glassworks.data.folders import missing_path
from glassworks.data.samples import SAMPLES
from glassworks.data.series import TIME_NAMES
from glassworks.data.tables import FILE_COLUMNS
from glassworks.data.tables_kind import NUMBER
from glassworks.data.tables_records import ENDINGS, records_of
from glassworks.data.text_columns import TARGET_NAMES, TEXT_NAMES, text_columns
from glassworks.data.text_folders import ABOUT, TEXT_FILES

Sees = Literal["pictures", "texts", "series"]
SURELY_TEXT = 6.0  # mean words of a cell
PEEK = 200  # rows of a table that are looked at
MOST_FILES = 20_000  # names of a folder that are looked at
DATE = re.compile(r"\d{4}-\d{1,2}(-\d{1,2})?([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}( .*)?")


def kind_of(
    where: str | Path, *, file: str | None = None, text: str | None = None, time: str | None = None
) -> Sees:
    """What the data are. file, text, time: columns that a person named, of which one decides.

    Raises PersonError: "no-such-path", "which-data" where it could be more than one or none of them.
    """
    for column, sees in ((file, "pictures"), (text, "texts"), (time, "series")):
        if column is not None:
            return sees  # type: ignore[return-value]
    said = str(where)
    kind, _, name = said.partition(":")
    if kind == "sample" and name in SAMPLES:
        return SAMPLES[name].sees
    if kind in ("sample", "torchvision", "hf"):
        return "pictures"
    path = Path(where).expanduser()
    if not path.exists():
        raise missing_path(path)
    if path.is_dir():
        return _of_names(path, [str(found) for found in islice(_files(path), MOST_FILES)])
    if path.suffix.lower() in ENDINGS:
        return _of_table(path)
    if is_archive_name(path):
        return _of_names(path, _inside(path))
    return _by_ending(path.name) or "pictures"


def _by_ending(name: str) -> Sees | None:
    ending = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if is_picture_name(Path(name)):
        return "pictures"
    return "texts" if ending in TEXT_FILES else "series" if ending == ".ts" else None


def _files(folder: Path):
    return (file for file in folder.rglob("*") if not file.name.startswith(".") and file.is_file())


def _of_names(path: Path, names: list[str]) -> Sees:
    """Of a folder or archive: pictures with texts beside them are pictures; a table decides for itself."""
    plain = [name for name in names if PurePosixPath(name).stem.casefold() not in ABOUT]
    count = Counter(_by_ending(name) for name in plain)
    if count["pictures"]:
        return "pictures"
    tables = [Path(name) for name in names if Path(name).suffix.lower() in ENDINGS and Path(name).is_file()]
    if count["texts"] > len(tables):
        return "texts"
    if count["series"]:
        return "series"
    return _of_table(sorted(tables)[0]) if tables else "pictures"


def _inside(path: Path) -> list[str]:
    """The names in an archive; [] for what cannot be read, which its reader tells better."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as packed:
                return packed.namelist()[:MOST_FILES]
        with tarfile.open(path) as archive:
            return [member.name for member in islice(archive, MOST_FILES)]
    except (OSError, tarfile.TarError, zipfile.BadZipFile):
        return []


def _of_table(path: Path) -> Sees:
    records = records_of(path)
    header = next(records)[1]
    rows = [record for _, record in islice(records, PEEK) if not isinstance(record, Damage)]
    names = {name.casefold().replace(" ", "_") for name in header}
    cells = {name: [row.get(name) for row in rows] for name in header}
    if names & set(FILE_COLUMNS) or any(_are_pictures(column) for column in cells.values()):
        return "pictures"
    times = [name for name in header if _is_time(name, cells[name])]
    texts = [name for name in text_columns(header, rows) if name not in times]  # 2024-01-31 has three words
    numbers = [name for name in header if name not in times and _are_numbers(cells[name])]
    if any(_words(cells[name]) >= SURELY_TEXT for name in texts):
        return "texts"
    if texts and not (times and numbers):
        return "texts"
    if times and numbers and not texts:
        return "series"
    if not times and names & set(TEXT_NAMES) and names & set(TARGET_NAMES):
        return "texts"
    could = f"; texts: {', '.join(texts)}" if texts else ""
    could += f"; times: {', '.join(times)}" if times else ""
    raise PersonError(
        "which-data", expected=f"a table of pictures, texts or series in {path}",
        got=f"the columns {', '.join(header)}{could}",
        fix="say which it is by naming its column: --text COLUMN, --time COLUMN or --file COLUMN",
    )  # fmt: skip


def _are_pictures(cells: list[Any]) -> bool:
    words = [cell for cell in cells if isinstance(cell, str) and cell]
    return bool(words) and sum(is_picture_name(Path(word)) for word in words) > len(words) / 2


def _is_time(name: str, cells: list[Any]) -> bool:
    if name.casefold() in TIME_NAMES:
        return True
    words = [str(cell).strip() for cell in cells if cell not in (None, "")]
    return bool(words) and sum(DATE.fullmatch(word) is not None for word in words) > 0.9 * len(words)


def _are_numbers(cells: list[Any]) -> bool:
    words = [str(cell).strip() for cell in cells if cell not in (None, "")]
    return bool(words) and sum(NUMBER.fullmatch(word) is not None for word in words) > 0.9 * len(words)


def _words(cells: list[Any]) -> float:
    words = [len(cell.split()) for cell in cells if isinstance(cell, str) and cell]
    return statistics.fmean(words) if words else 0.0
