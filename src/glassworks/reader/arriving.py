"""A file that comes from a page in pieces, because a message of a notebook should stay small.

Each piece must begin where the one before ended. The file grows in a folder of its own and is nobody's
picture before it is whole.

The first thing to change: `LEFT_OVER`, how long half a file is kept.
"""

import os
import time
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.core.files import require_space
from glassworks.reader.own_names import safe_file_name
from glassworks.reader.own_set import INCOMING, OwnSet

LEFT_OVER = 3600.0  # seconds after which a part of a file is nobody's any more


class Arriving:
    """A file that comes in pieces: each must begin where the one before ended.

    One at a time for each page; the part that is there of a file that never ends is removed later.
    """

    def __init__(self) -> None:
        self.token, self.path = "", Path()

    def take(self, own: OwnSet, token: str, name: str, size: int, at: int, piece: bytes) -> Path | None:
        """Add a piece; returns the file when it is whole, None before that.

        Raises PersonError for a file that is too large, and for pieces out of order.
        """
        if at == 0:
            own.require_room(size)
            self._begin(own, token, name, size)
        there = self.path.stat().st_size if token == self.token and self.path.is_file() else -1
        if at < 0 or at != there or at + len(piece) > size:
            raise PersonError(
                "out-of-order", expected="the pieces of a file one after the other",
                got=f"byte {at:,} of {name} where {max(there, 0):,} was next", fix="drop the file again",
            )  # fmt: skip
        with self.path.open("ab") as file:
            file.write(piece)
        return self.path if at + len(piece) == size else None

    def _begin(self, own: OwnSet, token: str, name: str, size: int) -> None:
        if not own.exists():
            raise PersonError(
                "no-set",
                expected=f"a set of {own.things}",
                got=f"these {own.things} were deleted, perhaps on another page",
                fix="drop the files again",
            )
        folder = own.folder / INCOMING
        require_space(folder / "part", size)
        folder.mkdir(exist_ok=True)
        for left in folder.iterdir():
            if time.time() - left.stat().st_mtime > LEFT_OVER:
                left.unlink(missing_ok=True)
        ending = Path(safe_file_name(name)).suffix  # one format is known by its ending only
        self.token, self.path = token, folder / f"{os.urandom(8).hex()}{ending}"
        self.path.touch()
