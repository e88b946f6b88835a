"""Archives: what could do harm is refused before a byte is written."""

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from glassworks.core.errors import PersonError
from glassworks.data import archives
from glassworks.data.archives import unpack


def member(name, content=b"x", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link_in_zip(path):
    info = zipfile.ZipInfo("a/link")
    info.external_attr = 0o120777 << 16
    return zipped(path, [("a/1.txt", b"1"), (info, "/etc/passwd")])


def bomb_in_zip(path):
    return zipped(path, [("a/1.txt", b"1"), ("bomb", bytes(30_000_000))])


def lying_bomb(path):
    """A zip whose list says 10 bytes for an entry of 30 MB."""
    bomb_in_zip(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 30_000_000), struct.pack("<I", 10)))
    return path


def many_in_tar(path):
    header = tarfile.TarInfo("a").tobuf()
    with gzip.open(path, "wb", 1) as file:
        file.write(header * 2001)
    return path


def million_in_zip(path):
    """Only the end record claims a million entries (zip64); it must be refused from there."""
    wide = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1_000_000, 1_000_000, 60_000_000, 0)
    locator = struct.pack("<IIQI", 0x07064B50, 0, 0, 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(wide + locator + end)
    return path


def bomb_in_tar(path):
    with gzip.open(path, "wb") as file:
        info, _ = member("bomb", size=2 * 1024**3)
        file.write(info.tobuf())
        for _ in range(120):
            file.write(bytes(1_000_000))
    return path


def headers_in_tar(path):
    """Small members, each under a comment of 900 KB: the members' sizes say nothing."""
    fields = {"pax_headers": {"comment": "x" * 900_000}}
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for number in range(40):
            archive.addfile(member(f"{number}", b"", **fields)[0])
    return path


def broken_in_tar(path):
    """The header of the second member is overwritten, where tarfile alone would end quietly."""
    tar(path, GOOD, member("2.txt"), member("3.txt"), mode="w")
    content = bytearray(path.read_bytes())
    content[1024:1324] = bytes(range(1, 101)) * 3
    path.write_bytes(content)
    return path


GOOD = member("a/1.txt")
HARMFUL = {
    "zip-traversal": ("z", lambda p: zipped(p, [("a.txt", b"1"), ("../../e.txt", b"x")]), "unsafe-archive"),
    "zip-backslash": ("z", lambda p: zipped(p, [("a\\..\\..\\evil.txt", b"x")]), "unsafe-archive"),
    "zip-absolute": ("z", lambda p: zipped(p, [("/tmp/evil.txt", b"x")]), "unsafe-archive"),
    "zip-drive": ("z", lambda p: zipped(p, [("C:\\evil.txt", b"x")]), "unsafe-archive"),
    "zip-link": ("z", link_in_zip, "unsafe-archive"),
    "zip-ratio": ("z", bomb_in_zip, "archive-too-large"),
    "zip-lies": ("z", lying_bomb, "damaged-archive"),
    "zip-million": ("z", million_in_zip, "archive-too-large"),
    "tar-traversal": ("t", lambda p: tar(p, GOOD, member("../evil.txt")), "unsafe-archive"),
    "tar-absolute": ("t", lambda p: tar(p, GOOD, member("/tmp/evil.txt")), "unsafe-archive"),
    "tar-symlink": ("t", lambda p: tar(p, GOOD, member("l", b"", type=tarfile.SYMTYPE, linkname="/etc")),
                    "unsafe-archive"),
    "tar-hardlink": ("t", lambda p: tar(p, GOOD, member("l", b"", type=tarfile.LNKTYPE, linkname="../x")),
                     "unsafe-archive"),
    "tar-device": ("t", lambda p: tar(p, GOOD, member("d", b"", type=tarfile.CHRTYPE)), "unsafe-archive"),
    "tar-pipe": ("t", lambda p: tar(p, GOOD, member("d", b"", type=tarfile.FIFOTYPE)), "unsafe-archive"),
    "tar-ratio": ("t", bomb_in_tar, "archive-too-large"),
    "tar-headers": ("t", headers_in_tar, "archive-too-large"),
    "tar-broken": ("t", broken_in_tar, "damaged-archive"),
    "tar-many": ("t", many_in_tar, "archive-too-large"),
    "tar-twice": ("t", lambda p: tar(p, GOOD, member("a/1.txt")), "unsafe-archive"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMFUL)
def test_harmful_archives_are_refused_and_nothing_is_written(tmp_path, monkeypatch, kind):
    """Archives: traversal, absolute paths, links, devices, bombs, a million entries: all refused."""
    ending, build, code = HARMFUL[kind]
    if kind == "tar-many":  # a tar has no list: each header is read, so the test counts to 2,000 only
        monkeypatch.setattr(archives, "MOST_ENTRIES", 2_000)
    path = build(tmp_path / ("evil.zip" if ending == "z" else "evil.tar.gz"))
    with pytest.raises(PersonError) as caught:
        unpack(path, tmp_path / "deep" / "into")
    assert caught.value.code == code and str(path) in caught.value.got
    assert not (tmp_path / "deep" / "into").exists()
    assert not [entry for entry in tmp_path.rglob("*") if entry.is_file() and entry != path]


def test_the_judgement_comes_before_the_first_byte(tmp_path, monkeypatch):
    """Archives: refused before any byte is written, also when the harm is the last entry."""
    path = tar(tmp_path / "a.tar", *(member(f"{n}.txt") for n in range(50)), member("../evil"), mode="w")
    monkeypatch.setattr(archives, "_write", lambda *a: pytest.fail("wrote before all was judged"))
    with pytest.raises(PersonError, match="leads outside"):
        unpack(path, tmp_path / "into")


def test_the_limits_are_those_that_were_promised():
    assert (archives.MOST_ENTRIES, archives.MOST_BYTES, archives.MOST_RATIO) == (100_000, 4 * 1024**3, 200)


def test_four_gigabytes_are_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 10_000)
    path = zipped(
        tmp_path / "a.zip", [(f"{n}", bytes(range(256)) * 10) for n in range(5)], zipfile.ZIP_STORED
    )
    with pytest.raises(PersonError) as caught:
        unpack(path, tmp_path / "into")
    assert caught.value.code == "archive-too-large"


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_good_archives_are_unpacked_whole(tmp_path, ending):
    content = {"a/1.txt": b"one", "a/b/2.txt": bytes(3000), "ü/3.txt": b""}
    path = tmp_path / f"good.{ending}"
    if ending == "zip":
        zipped(path, [*content.items(), ("empty/", b"")])
    else:
        folder = member("empty", b"", type=tarfile.DIRTYPE)
        mode = "w" if ending == "tar" else f"w:{ending[4:]}"
        tar(path, *(member(name, body) for name, body in content.items()), folder, mode=mode)
    into = unpack(path, tmp_path / "into")
    assert {name: (into / name).read_bytes() for name in content} == content and (into / "empty").is_dir()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name, "into"]


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.xz"])
def test_an_archive_that_was_cut_short_is_told(tmp_path, ending):
    path = tmp_path / f"cut.{ending}"
    body = bytes(range(256)) * 400
    if ending == "zip":
        zipped(path, [("1.bin", body)])
    else:
        tar(path, member("1.bin", body), mode="w" if ending == "tar" else f"w:{ending[4:]}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PersonError) as caught:
        unpack(path, tmp_path / "into")
    assert caught.value.code == "damaged-archive" and not (tmp_path / "into").exists()


def test_a_folder_with_files_is_never_unpacked_into(tmp_path):
    path = zipped(tmp_path / "a.zip", [("1", b"1")])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years", encoding="utf-8")
    with pytest.raises(PersonError, match="choose another folder"):
        unpack(path, tmp_path / "mine")
