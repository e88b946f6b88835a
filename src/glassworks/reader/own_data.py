"""A chapter's "train it on your own pictures": drop files, see what was understood, train, judge, take along.

What all own data have in common is in `own_panel`; here is what pictures add: classes with names, and strips
of small pictures.

The first thing to change: the chapter's request, which says what is trained.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets

from glassworks.api.predict import predict
from glassworks.api.run import Run
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size
from glassworks.reader import own_report
from glassworks.reader.desk import Desk
from glassworks.reader.handover import LINES
from glassworks.reader.own_folder import MOST_FILES, OwnClass, OwnPictures, require_picture
from glassworks.reader.own_model import checked, judged
from glassworks.reader.own_names import LONGEST_NAME
from glassworks.reader.own_panel import PIECE, OwnPanel
from glassworks.reader.own_set import MODEL, MOST_ALL, MOST_FILE, PLACE, OwnSet
from glassworks.reader.widget import text_of

SAYS = (
    "Drop pictures of two or more classes. A model learns to tell them apart, is judged on pictures that it "
    "never saw, and is yours to take along."
)


class OwnData(OwnPanel):
    """Trains `request` on the reader's own pictures; see `OwnPanel`."""

    script = text_of("own_panel.js") + text_of("own_data.js")
    style = text_of("training_panel.css") + text_of("own_data.css")
    kind = OwnPictures

    classes: traitlets.List[Any] = traitlets.List().tag(sync=True)  # key, name, files, size, thumbs

    def __init__(self, desk: Desk, chapter: str, job: str, request: Mapping[str, Any]):
        self._thumbnails: dict[Path, dict[str, str]] = {}
        super().__init__(desk, chapter, job, request, _plan(desk))
        self._show_contents()

    @property
    def _doing(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        own = {"name": self._name, "add": self._add, "remove": self._remove, "class": self._class}
        return super()._doing | own

    def _begun(self) -> OwnPictures:
        return OwnPictures.begin(self.desk.folder, self.chapter)

    def _take_in(self, key: str, file: Path, name: str) -> None:
        self._set().take_in(key, file, name)

    def _asked(self) -> dict[str, Any]:
        return {"data": str(self._set().pictures)}

    # ---- classes

    def _class(self, said: dict[str, Any]) -> None:
        """{"name"}: the class that a folder is to go into; answers {"class": name, "key"}."""
        name = str(said.get("name", ""))
        try:
            self._require_quiet()
            key = self._set().class_for(name)
        except PersonError:
            self.send({"class": name, "key": ""})
            raise
        self.send({"class": name, "key": key})

    def _name(self, said: dict[str, Any]) -> None:
        """{"key", "name"}: give a class another name; answers {"named": key, "name": as it is now}."""
        own, key, asked = self._set(), str(said.get("key", "")), str(said.get("name", ""))
        try:
            self._require_quiet()
            own.rename_class(key, asked)
        finally:
            self.send({"named": key, "name": own.of(key).name})
        self._look(said)

    def _add(self, said: dict[str, Any]) -> None:
        """One more class."""
        self._require_quiet()
        self._set().add_class()
        self._look(said)

    def _remove(self, said: dict[str, Any]) -> None:
        """{"key"} removes a class, {"key", "file"} one picture of it."""
        self._require_quiet()
        if said.get("file"):
            self._set().remove_picture(str(said.get("key")), str(said["file"]))
        else:
            self._set().remove_class(str(said.get("key")))
        self._look(said)

    # ---- what is shown

    def _judged(self, own: OwnSet, id: str) -> dict[str, Any]:
        assert isinstance(own, OwnPictures)
        return judged(own, id, self._folder(id))

    def _shown(self, kept: dict[str, Any]) -> dict[str, Any]:
        size = (self._set().folder / MODEL).stat().st_size
        return {"words": own_report.handed(size, kept["asked"]), "lines": LINES}

    def _tried(self, run: Run, file: Path, name: str) -> tuple[str, str]:
        require_picture(file)
        row = predict(run, file, top=len(run.classes))[0]
        return own_report.answered(row, file, name)

    def _understand(self, turn: int) -> None:
        own = self._own
        classes = own.classes() if isinstance(own, OwnPictures) else []
        self._draw_thumbnails(classes)
        if turn == self._turn:
            self._show_contents()
        needed, drawn = own_report.missing(classes), ""
        if isinstance(own, OwnPictures) and not needed:
            needed, drawn = checked(own, self.seed)
        if turn == self._turn:
            with self.hold_sync():
                self.missing, self.understood = needed, drawn
                if any(one.files for one in classes) or self.refused:
                    self.spoken = own_report.counts(classes, len(self.refused), needed)

    def _draw_thumbnails(self, classes: Sequence[OwnClass]) -> None:
        """Those of the rows that were not drawn before."""
        files = [file for one in classes for file in one.files[: own_report.SHOWN]]
        for file in (file for file in files if file not in self._thumbnails):
            if (drawn := own_report.thumbnail(file)) is not None:
                self._thumbnails[file] = drawn

    def _show_contents(self) -> None:
        own = self._own
        if not isinstance(own, OwnPictures):
            self.set_id, self.missing = "", own_report.missing([])
            self.classes = [_row(str(n), f"class {n}") for n in (1, 2)]
            return
        self.set_id = own.id
        self.classes = [
            _row(one.key, one.name, [file.name for file in one.files], readable_size(one.size))
            | {"thumbs": [self._thumbnails[file] for file in one.files if file in self._thumbnails]}
            for one in own.classes()
        ]

    def _turn_to(self, own: OwnSet | None) -> None:
        self._thumbnails = {}
        super()._turn_to(own)


def _plan(desk: Desk) -> dict[str, Any]:
    each, all_of_them = (f"{limit // 1024**2} MB" for limit in (MOST_FILE, MOST_ALL))
    return {
        "title": "Train it on your own pictures",
        "says": SAYS,
        "private": "Nothing leaves this machine. Copies of what you drop are kept in",
        "where": str(desk.folder / PLACE),
        "limits": f"At most {MOST_FILES} pictures, {each} each, {all_of_them} in all.",
        "piece": PIECE,
        "most_file": MOST_FILE,
        "longest": LONGEST_NAME,
    }


def _row(key: str, name: str, files: Sequence[str] = (), size: str = "") -> dict[str, Any]:
    return {"key": key, "name": name, "files": list(files), "size": size, "thumbs": []}
