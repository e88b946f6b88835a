"""How packages keep their texts: R's character vectors, the Bible program's windows, gettext, tagged words.

Each reader takes the bytes or text of a file and gives back plain text. Nothing is run, nothing is unpickled:
of R's format only character vectors are read.

Sources: "R Internals" 1.8 (serialisation); the program `compress` (Welch 1984, "A technique for
high-performance data compression"); GNU gettext manual, "The format of PO files"; manual of the Brown corpus.
The first thing to change: `SIGNS`, how tagged words become readable text again.
"""

import bz2
import struct
import zlib
from collections.abc import Iterator

STRINGS, STRING, MISSING = 16, 9, -1  # R's marks of a character vector, of one string, of NA
WINDOW_BITS = 16
SIGNS = {"``": "“", "''": "”"}


# ---- R: the file NAME.rdb of a package's data


def r_vectors(data: bytes) -> list[list[str]]:
    """The character vectors of an .rdb file, in their order; NA reads as an empty string.

    The file is a row of packed values: 4 bytes with the length, then a zlib or ("2") bzip2 stream.
    """
    vectors, place = [], 0
    while place < len(data):
        packed = data[place:]
        unpacker = bz2.BZ2Decompressor() if packed[4:5] == b"2" else zlib.decompressobj()
        begin = 5 if packed[4:5] == b"2" else 4
        raw = unpacker.decompress(packed[begin:])
        place += len(packed) - len(unpacker.unused_data)
        if raw[:2] == b"X\n":
            vectors.append(_r_strings(raw))
    return [vector for vector in vectors if vector]


def _r_strings(raw: bytes) -> list[str]:
    """One value, serialised as big-endian XDR; [] where it is no character vector."""
    (version,) = struct.unpack_from(">i", raw, 2)
    place = 14
    if version == 3:  # the name of the encoding stands here
        place += 4 + struct.unpack_from(">i", raw, place)[0]
    flags, count = struct.unpack_from(">ii", raw, place)
    if flags & 0xFF != STRINGS:
        return []
    place, found = place + 8, []
    for _ in range(count):
        flags, length = struct.unpack_from(">ii", raw, place)
        if flags & 0xFF != STRING:
            raise ValueError(f"mark {flags & 0xFF} in a character vector")
        place += 8
        kept = 0 if length == MISSING else length
        found.append(raw[place : place + kept].decode("utf-8"))
        place += kept
    return found


# ---- the Bible program: windows of 64 KiB, each packed as `compress` does


def window_text(data: bytes) -> str:
    """The text of a file "EC02Compressed Data File"."""
    if not data.startswith(b"EC02Compressed Data File"):
        raise ValueError("not a file of packed windows")
    (count,) = struct.unpack_from(">I", data, 88)
    begins = struct.unpack_from(f">{count}I", data, 92)
    ends = (*begins[1:], len(data))
    return "".join(
        unsqueezed(data[begin:end]).decode("ascii") for begin, end in zip(begins, ends, strict=True)
    )


def unsqueezed(data: bytes) -> bytes:
    """Bytes packed by LZW with codes of 9 to 16 bits, the lowest bit first, 256 to begin anew."""
    clear = 256
    out, table, bits = bytearray(), _bytes(), 9
    before: bytes | None = None
    place = group = 0  # in bits; codes of one width come in groups of eight
    while True:
        if len(table) > (1 << bits) - 1 and bits < WINDOW_BITS:
            place = group = _next_group(place, group, bits)
            bits += 1
        if place + bits > 8 * len(data):
            return bytes(out)
        at, shift = divmod(place, 8)
        code = int.from_bytes(data[at : at + 4], "little") >> shift & ((1 << bits) - 1)
        place += bits
        if code == clear:
            place = group = _next_group(place, group, bits)
            table, bits, before = _bytes(), 9, None
            continue
        if before is not None and len(table) < 1 << WINDOW_BITS:
            table.append(before + (table[code] if code < len(table) else before)[:1])
        if code >= len(table):
            raise ValueError(f"code {code} before it was known")
        out += table[code]
        before = table[code]


def _bytes() -> list[bytes]:
    return [*(bytes([value]) for value in range(256)), b""]


def _next_group(place: int, group: int, bits: int) -> int:
    return group + -(-(place - group) // (8 * bits)) * 8 * bits


# ---- gettext: a catalogue of messages and their translations


def messages(text: str) -> Iterator[tuple[str, str]]:
    """(message, translation) of a .po file; what is uncertain, old or untranslated is passed over."""
    for block in text.replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.splitlines() if line]
        if any(line.startswith("#~") or (line.startswith("#,") and "fuzzy" in line) for line in lines):
            continue
        parts: dict[str, str] = {}
        part = ""
        for line in lines:
            if line.startswith("#"):
                continue
            if not line.startswith('"'):
                part, _, line = line.partition(" ")
                parts[part] = ""
            parts[part] += _unquoted(line)
        source, answer = parts.get("msgid", ""), parts.get("msgstr") or parts.get("msgstr[0]", "")
        if source.strip() and answer.strip():
            yield source, answer


def _unquoted(line: str) -> str:
    inner = line.strip()[1:-1]
    for sign, meaning in (("\\n", "\n"), ("\\t", "\t"), ('\\"', '"'), ("\\\\", "\\")):
        inner = inner.replace(sign, meaning)
    return inner


# ---- words with their tags: "The/at Fulton/np-tl jury/nn"


def untagged(text: str) -> str:
    """Tagged words as readable text: a sentence a line, a blank line between paragraphs."""
    paragraphs: list[list[str]] = []
    empty = 2
    for line in text.splitlines():
        words = [SIGNS.get(word, word) for word in (cell.rpartition("/")[0] for cell in line.split())]
        if not words:
            empty += 1
            continue
        if empty >= 2:
            paragraphs.append([])
        paragraphs[-1].append(_sentence(words))
        empty = 0
    return "\n\n".join("\n".join(sentences) for sentences in paragraphs) + "\n"


def _sentence(words: list[str]) -> str:
    line = ""
    for word in words:
        glued = word in (".", ",", ";", ":", "?", "!", ")", "”", "'") or not line or line[-1] in "(“"
        line += word if glued else f" {word}"
    return line
