"""Why a file is no picture: its first bytes tell a web page from a broken download.

Pillow only says "cannot identify image file"; a person with 50 bad files wants to know which were never
fetched, which were cut short and which are something else. The words are stable: programs may rely on them.

Source: each format's own specification (PNG, GIF89a, JPEG T.81 for its segments).
The first thing to change: `MAGIC`, when a format is added to `decode.FORMATS`.
"""

import re
import struct
from typing import BinaryIO

MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"RIFF",
         b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"P1", b"P2", b"P3",
         b"P4", b"P5", b"P6")  # fmt: skip
HEAD = 4096  # bytes that are looked at


class NoPicture(Exception):
    """A file or array that holds no usable picture: a stable word and a sentence for the person."""

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def why_no_header(file: BinaryIO) -> NoPicture:
    """The reason why no format knows this file, as an exception to raise."""
    file.seek(0)
    head = file.read(HEAD)
    if not head:
        return NoPicture("empty", "0 bytes")
    text = _as_text(head)
    if text is not None and not re.match(r"P[1-6]\s|GIF8|RIFF|BM.{0,10}\Z", text):
        return _why_text(text)
    if _claims_zero_size(head):
        return NoPicture("zero-size", "its header claims a width or height of 0 pixels")
    if head[4:8] == b"ftyp":
        return _why_boxed(head)
    if not head.strip(b"\0"):
        return NoPicture("unreadable", "nothing but zero bytes, as a broken download leaves them")
    if head.startswith(b"RIFF") and head[8:15] == b"WEBPVP8" and len(head) >= 30:  # Pillow wants all of it
        return NoPicture("truncated-body", "the pixels end early or are broken")
    if any(head.startswith(magic) or magic.startswith(head) for magic in MAGIC):
        end = "but its header is broken" if len(head) == HEAD else f"and ends after {len(head)} bytes"
        return NoPicture("truncated-header", f"it begins like a picture, {end}")
    return NoPicture("unreadable", f"no picture format begins with the bytes {head[:8].hex(' ')}")


def _why_boxed(head: bytes) -> NoPicture:
    """Files made of MPEG's boxes: AVIF is read, HEIC (telephones) and films are not."""
    brand = head[8:12]
    if brand in (b"avif", b"avis"):
        return NoPicture("truncated-body", "an AVIF picture that ends early or is broken")
    if brand in (b"heic", b"heix", b"mif1", b"hevc"):
        return NoPicture("unreadable", "a HEIC picture; convert it to JPEG or PNG first")
    return NoPicture(
        "unreadable", f"a film or sound of kind {brand.decode('ascii', 'replace')!r}, no picture"
    )


def _as_text(head: bytes) -> str | None:
    """The first bytes as text, or None when they are not text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "replace")
    else:
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if error.start < len(head) - 4:  # not merely a letter that the 4,096 bytes cut in two
                return None
            text = head[: error.start].decode("utf-8-sig")
    controls = sum(letter < " " and letter not in "\t\n\r\f" for letter in text)
    return text if text and not controls else None


def _why_text(text: str) -> NoPicture:
    lowered = text.lstrip().lower()
    if lowered.startswith(("<!doctype html", "<html", "<head", "<body")) or "<html" in lowered:
        return NoPicture("web-page", "a web page saved under a picture's name, often a failed download")
    if lowered.startswith("version https://git-lfs"):
        return NoPicture("text", "a Git LFS pointer; fetch the picture with: git lfs pull")
    if "<svg" in lowered:
        return NoPicture("text", "an SVG drawing, which has no pixels; export it as PNG")
    return NoPicture("text", f"text that begins {text.strip()[:40]!r}")


def _claims_zero_size(head: bytes) -> bool:
    if head.startswith(b"\x89PNG") and head[12:16] == b"IHDR" and len(head) >= 24:
        return 0 in struct.unpack(">II", head[16:24])
    if head.startswith(b"GIF8") and len(head) >= 10:
        return 0 in struct.unpack("<HH", head[6:10])
    if head.startswith(b"BM") and len(head) >= 26:
        return 0 in struct.unpack("<ii", head[18:26])
    if head[:1] == b"P" and (found := re.match(rb"P[1-6]\s+(\d+)\s+(\d+)", head)):
        return 0 in (int(found[1]), int(found[2]))
    return head.startswith(b"\xff\xd8") and _jpeg_claims_zero(head)


def _jpeg_claims_zero(head: bytes) -> bool:
    """Walk JPEG's segments to the one that holds the size (SOF: C0 … CF, but not C4, C8, CC)."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return 0 in struct.unpack(">HH", head[at + 5 : at + 9])
        at += 2 + length
    return False
