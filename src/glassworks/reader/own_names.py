"""Names that every disk takes: of a class, which is also a folder, and of a picture's file.

What separates folders, controls a terminal or turns the direction of a text is taken out, and the words that
Windows keeps for its devices are put aside. Letters of all scripts stay, in one form of Unicode.

Source: "Naming Files, Paths, and Namespaces" in Microsoft's documentation, the strictest of the systems.
The first thing to change: `LONGEST_NAME`.
"""

import re
import unicodedata
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.data.folders import JUNK

LONGEST_NAME = 60  # characters of a class's name
LONGEST_FILE = 120  # bytes of a file's name; disks take 255, and paths on Windows 260 in all
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # signs that turn the direction of a text


def safe_class_name(text: str) -> str:
    """A class's name as a folder can bear it: "cats/dogs" becomes "cats-dogs". Letters of all scripts stay.

    Raises PersonError("class-name") when nothing is left, or it is longer than 60 characters.
    """
    name = _safe(text)
    if not name:
        raise PersonError(
            "class-name", expected="a name for each class, with a letter or a number in it",
            got="the name is empty" if not text.strip() else f'"{text.strip()[:20]}" holds neither',
            fix="write what these pictures show",
        )  # fmt: skip
    if len(name) > LONGEST_NAME:
        raise PersonError(
            "class-name", expected=f"a class name of at most {LONGEST_NAME} characters",
            got=f"the name has {len(name)} characters, where a class may have {LONGEST_NAME}",
            fix="write a shorter one",
        )  # fmt: skip
    return f"class {name}" if name.partition(".")[0].upper() in RESERVED or name.casefold() in JUNK else name


def safe_file_name(text: str) -> str:
    """A file's name without folders, and with nothing in it that some disk refuses.

    >>> safe_file_name("../../été?.JPG")
    'été-.jpg'
    """
    name = Path(_safe(text.replace("\\", "/").rpartition("/")[2]) or "picture")
    stem, ending = name.stem, name.suffix.lower()
    if len(ending) > 10:
        stem, ending = name.name, ""
    while len((stem + ending).encode()) > LONGEST_FILE:
        stem = stem[:-1]
    reserved = stem.partition(".")[0].upper() in RESERVED or (stem + ending).casefold() in JUNK
    return f"{'picture ' if reserved else ''}{stem or 'picture'}{ending}"


def _safe(text: str) -> str:
    """Without control signs and what separates folders; in one form of Unicode; no dots or blanks outside."""
    kept = "".join(
        letter
        for letter in unicodedata.normalize("NFC", text)
        if (unicodedata.category(letter) not in ("Cc", "Cs", "Cn", "Co") or letter.isspace())
        and letter not in TURNING
    )
    name = " ".join(FORBIDDEN.sub("-", kept).split()).strip(" .")
    return name if any(unicodedata.category(letter)[0] in "LNSM" for letter in name) else ""
