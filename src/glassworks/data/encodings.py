"""Lines of a file that are not UTF-8, and what they look like instead; letters that were read wrongly once.

A table that was put together from two programs often has lines in two encodings; a reader that expects UTF-8
stops at the first, and one that expects another puts "Ã©" where "é" was. Here every line is looked at by
itself. What a line looks like is a guess from its bytes, and is told as one.

The first thing to change: `GUESSES`, the encodings that are tried.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
NAMES = {"utf-8": "UTF-8", "cp1252": "Windows-1252", "cp1251": "Windows-1251", "latin-1": "Latin-1",
         "shift_jis": "Shift JIS", "gb18030": "GB 18030", "utf-16": "UTF-16"}  # fmt: skip
GUESSES = ("shift_jis", "gb18030")  # tried where two bytes make a letter
QUOTES = re.compile(rb"[\x80-\x9f]")  # signs of Windows-1252 that Latin-1 does not have
LONG_RUN = re.compile(rb"[\x80-\xff]{4,}")  # words without a single ASCII letter
CYRILLIC = re.compile(rb"[\xc0-\xff]{4,}")
# What UTF-8 looks like after it was read as Windows-1252 and saved again.
WRONGLY_READ = re.compile("Ã[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]|â€[™œ\u009d“”¦˜š]|Â[\u00a0-\u00bf]")
LOST = "\ufffd"  # stands where a letter could not be read


@dataclass(frozen=True)
class OddLine:
    """A line that is not UTF-8: its number from 1, the encoding it looks like, and its bytes as that."""

    number: int
    encoding: str
    text: str


def odd_lines(path: Path) -> Iterator[OddLine]:
    """The lines of a file that are not UTF-8."""
    with path.open("rb") as file:
        start = file.read(2)
        if start in MARKS:  # all of it is, and line ends take two bytes
            yield OddLine(1, MARKS[start], "")
            return
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                name = looks_like(line)
                yield OddLine(number, NAMES[name], line.decode(name, errors="replace").strip())


def looks_like(data: bytes) -> str:
    """Python's name of the encoding that bytes which are not UTF-8 look like."""
    if data.count(b"\0") > len(data) // 4:
        return "utf-16"
    if LONG_RUN.search(data):
        for name in GUESSES if not _mostly(CYRILLIC, data) else ():
            try:
                data.decode(name)
                return name
            except UnicodeDecodeError:
                continue
        return "cp1251"
    return "cp1252" if QUOTES.search(data) else "latin-1"


def as_utf8(path: Path, into: Path) -> None:
    """Write a copy in UTF-8, each line read as what it is or looks like: to look at, not to train on."""
    start = path.read_bytes()[:2]
    if start in MARKS:
        into.write_text(path.read_text(encoding="utf-16"), encoding="utf-8", newline="")
        return
    with path.open("rb") as file, into.open("wb") as copy:
        for line in file:
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                line = line.decode(looks_like(line), errors="replace").encode("utf-8")
            copy.write(line)


def wrongly_read(text: str) -> bool:
    """Whether a text holds "Ã©" and the like: UTF-8 that was read as Windows-1252 and saved again."""
    return WRONGLY_READ.search(text) is not None


def _mostly(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Whether a pattern covers most of the bytes above ASCII."""
    high = sum(byte >= 0x80 for byte in data)
    return sum(len(found) for found in pattern.findall(data)) > high / 2
