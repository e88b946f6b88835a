"""Texts as packages keep them: R's vectors, packed windows, catalogues of messages, tagged words."""

import bz2
import struct
import zlib

import pytest

from glassworks.data.packed_texts import messages, r_vectors, unsqueezed, untagged, window_text


def r_value(strings, version=3) -> bytes:
    """A character vector as R writes it."""
    raw = b"X\n" + struct.pack(">iii", version, 0x40100, 0x30500)
    raw += struct.pack(">i", 5) + b"UTF-8" if version == 3 else b""
    raw += struct.pack(">ii", 16, len(strings))
    for string in strings:
        data = b"" if string is None else string.encode()
        raw += struct.pack(">ii", 0x40009, -1 if string is None else len(data)) + data
    return raw


def test_r_vectors_are_read_from_both_packings():
    first, second = r_value(["Emma", None, "naïve"]), r_value(["", "x"], version=2)
    number = b"X\n" + struct.pack(">iii", 2, 0, 0) + struct.pack(">ii", 14, 1) + b"\0" * 8
    packed = b"".join(
        struct.pack(">I", len(raw)) + (b"2" + bz2.compress(raw) if pack else zlib.compress(raw))
        for raw, pack in ((first, True), (number, False), (second, False))
    )
    assert r_vectors(packed) == [["Emma", "", "naïve"], ["", "x"]]


def squeezed(data: bytes, clear_at: int = 0) -> bytes:
    """A plain LZW packer after Welch: codes of 9 to 16 bits in groups of eight, 256 to begin anew."""
    out, group, bits, known = bytearray(), [], 9, 257
    table = {bytes([value]): value for value in range(256)}

    def write():
        nonlocal group
        if group:  # eight codes of so many bits are so many bytes; a group that is not full ends in zeros
            out.extend(sum(code << bits * place for place, code in enumerate(group)).to_bytes(bits, "little"))
        group = []

    before = b""
    for place, value in enumerate([*data, None]):
        word = before + bytes([value]) if value is not None else b""
        if word in table:
            before = word
            continue
        if known > (1 << bits) - 1 and bits < 16:
            write()
            bits += 1
        group.append(table[before])
        if len(group) == 8:
            write()
        if known > 257 or len(table) > 256:
            known += 1
        table[word] = len(table) + 1
        before = word[-1:]
        if 0 < clear_at <= place:
            clear_at = 0
            group.append(256)
            write()
            bits, known, table = 9, 257, {bytes([value]): value for value in range(256)}
    write()
    return bytes(out)


TEXT = b"".join(b"%d in the beginning was the word, and the word was %d; " % (n, n * n) for n in range(400))


@pytest.mark.parametrize("clear_at", [0, 7000])
def test_what_was_squeezed_comes_back(clear_at):
    assert unsqueezed(squeezed(TEXT, clear_at=clear_at)).rstrip(b"\0") == TEXT
    assert unsqueezed(squeezed(b"aaaaaaaaaaaaaaaa")).rstrip(b"\0") == b"a" * 16


def test_windows_are_joined_and_other_files_refused():
    parts = [squeezed(TEXT[:9000]), squeezed(TEXT[9000:])]
    head = b"EC02Compressed Data File".ljust(84, b"\0") + struct.pack(">I", 0)
    begins = (len(head) + 12, len(head) + 12 + len(parts[0]))
    data = head + struct.pack(">III", 2, *begins) + b"".join(parts)
    assert window_text(data).replace("\0", "") == TEXT.decode()
    with pytest.raises(ValueError):
        window_text(b"something else")


def test_messages_without_what_is_old_or_uncertain():
    catalogue = r"""
msgid ""
msgstr "Language: de\n"

#: file.py:3
msgid "Yes"
msgstr "Ja"

#, fuzzy
msgid "No"
msgstr "Nie"

#, python-format
msgid ""
"%(n)d day "
"ago"
msgid_plural "%(n)d days ago"
msgstr[0] "vor %(n)d \"Tag\""
msgstr[1] "vor %(n)d Tagen"

#~ msgid "old"
#~ msgstr "alt"

msgid "empty"
msgstr ""
"""
    assert list(messages(catalogue)) == [("Yes", "Ja"), ("%(n)d day ago", 'vor %(n)d "Tag"')]


def test_tagged_words_become_readable():
    first = "The/at ``/`` jury/nn ''/'' said/vbd (/( twice/rb )/) :/: yes/rb ./."
    tagged = f"\n\n\t{first}\nIt/pps won/vbd ./.\n\n\n\tNo/rb ./.\n"
    assert untagged(tagged) == "The “jury” said (twice): yes.\nIt won.\n\nNo.\n"
