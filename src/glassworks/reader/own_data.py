"""A chapter's "train it on your own pictures": drop files, see what was understood, train, judge, take along.

The page sends files in pieces as messages, so the same widget works in the book and in a notebook elsewhere;
nothing leaves this machine. What lies on the disk is the only state (see `own_folder`), and the training is
that of the chapter's panel, pointed at the reader's folder. After it the held-out part is judged once, the
model is packed, and one more picture can be asked about.

The first thing to change: the chapter's request, which says what is trained.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets

from glassworks.api.predict import predict
from glassworks.api.run import Run, load
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size
from glassworks.reader import draw, own_report
from glassworks.reader.arriving import Arriving
from glassworks.reader.desk import Desk
from glassworks.reader.handover import LINES
from glassworks.reader.own_folder import (
    MODEL,
    MOST_ALL,
    MOST_FILE,
    MOST_FILES,
    PLACE,
    OwnClass,
    OwnPictures,
    require_picture,
)
from glassworks.reader.own_model import JUDGED, changing, checked, judged
from glassworks.reader.own_names import LONGEST_NAME
from glassworks.reader.training_panel import LIVE, TrainingPanel
from glassworks.reader.training_story import Story
from glassworks.reader.widget import Widget, text_of
from glassworks.reader.worker import RUN

PIECE = 256 * 1024  # bytes a message: 20 MB a second; pieces of 1 MB are half as fast in marimo
ENDING = 60.0  # seconds that a run has to end when its pictures are to be deleted
SAYS = (
    "Drop pictures of two or more classes. A model learns to tell them apart, is judged on pictures that it "
    "never saw, and is yours to take along."
)
log = logging.getLogger("glassworks.book")


class OwnData(Widget):
    """Trains `request` on the reader's own pictures.

    desk:    the reader's workspace and runs; chapter: whose set of pictures this is
    job, request: "train" or "finetune", and the options of that verb by name, without data

    Raises PersonError for a request that does not exist.
    """

    script = text_of("own_data.js")
    style = text_of("training_panel.css") + text_of("own_data.css")

    plan = traitlets.Dict().tag(sync=True)  # words and limits that stay
    set_id = traitlets.Unicode().tag(sync=True)  # of the set of pictures, "" before the first
    classes: traitlets.List[Any] = traitlets.List().tag(sync=True)  # key, name, files, size, thumbs
    refused: traitlets.List[Any] = traitlets.List().tag(sync=True)  # of the last drop: name, reason
    trouble = traitlets.Unicode().tag(sync=True)  # HTML: what could not be done, and what to do
    understood = traitlets.Unicode().tag(sync=True)  # HTML
    missing = traitlets.Unicode("…").tag(sync=True)  # what is needed before training, "" when nothing is
    state = traitlets.Unicode("idle").tag(sync=True)  # of the panel, or "judging"
    drawn = traitlets.Unicode().tag(sync=True)  # HTML: how training goes
    result = traitlets.Unicode().tag(sync=True)  # HTML: what the model is worth
    answer = traitlets.Unicode().tag(sync=True)  # HTML: of the picture that was tried
    handed = traitlets.Dict().tag(sync=True)  # the model to take along: words, lines, path
    spoken = traitlets.Unicode().tag(sync=True)

    def __init__(self, desk: Desk, chapter: str, job: str, request: Mapping[str, Any]):
        self.desk, self.chapter, self.seed = desk, chapter, int(request.get("seed") or 0)
        self._own = OwnPictures.newest(desk.folder, chapter)
        self._arriving, self._turn, self._awake = Arriving(), 0, False
        self._loaded: tuple[str, Run] | None = None
        self._thumbnails: dict[Path, dict[str, str]] = {}
        self._panel = TrainingPanel(lambda: desk.runs, chapter, job, {**request, "data": PLACE}, key=PLACE)
        super().__init__(plan=_plan(desk))
        self._panel.observe(self._moved, ["state", "drawn", "spoken"])
        self._show_classes()

    # ---- what the page says

    def on_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """{"do": …}: see the methods below. A mistake of the person becomes a sentence on the page."""
        try:
            if content.get("do") == "piece":
                self._piece(content, buffers)
                return
            doing: dict[str, Callable[[dict[str, Any]], None]] = {
                "here": self._here, "begin": self._begin, "look": self._look, "name": self._name,
                "add": self._add, "remove": self._remove, "class": self._class, "train": self._train,
                "stop": lambda said: self._panel.stop(), "resume": self._resume, "delete": self._delete,
            }  # fmt: skip
            if (do := doing.get(str(content.get("do")))) is not None:
                if content["do"] != "here":
                    self.trouble = ""
                do(content)
        except PersonError as error:
            self._tell(error)

    def _here(self, said: dict[str, Any]) -> None:
        """The page is there (said every 5 s): show what lies on the disk, and follow the run."""
        newest = OwnPictures.newest(self.desk.folder, self.chapter)
        if not self._awake or (newest.id if newest else "") != (self._own.id if self._own else ""):
            self._awake = True  # or another tab has begun a set, or deleted this one
            self._turn_to(newest)
            self._look(said)
        if newest is not None:
            self._panel.look()

    def _begin(self, said: dict[str, Any]) -> None:
        """A drop begins: what was refused before is forgotten, and a worker gets ready for training."""
        self.refused = []
        self._panel.on_message({"do": "near"}, [])

    def _piece(self, said: dict[str, Any], buffers: list[bytes]) -> None:
        """A piece of a file: {"token", "name", "size", "at", "key" of the class, "" to try it}.

        Answers {"token", "at"}, or {"token", "done", "refused": reason or ""}.
        """
        token, name, key = (str(said.get(word, "")) for word in ("token", "name", "key"))
        size, at = (said[word] if isinstance(said.get(word), int) else -1 for word in ("size", "at"))
        answer: dict[str, Any] = {"token": token, "done": True, "refused": ""}
        try:
            own, piece = self._set(), bytes(buffers[0]) if buffers else b""
            if key:
                self._require_quiet()
            elif not own.kept(JUDGED):
                raise _no_model()
            file = self._arriving.take(own, token, name, size, at, piece)
            if file is None:
                answer = {"token": token, "at": at + len(piece)}
            elif key:
                own.take_in(key, file, name)
            else:
                self._soon(lambda: self._try(file, name))
        except (PersonError, OSError) as error:
            answer["refused"] = own_report.reason(error)
            if key:
                self.refused = [*self.refused, {"name": name, "reason": answer["refused"]}]
            else:
                self._not_tried(error)
        self.send(answer)

    def _look(self, said: dict[str, Any]) -> None:
        """A drop has ended: show the rows now, and what the checker finds as soon as it has looked."""
        self._show_classes()
        if self._own is not None:
            self.missing = "The pictures are being looked at."
        self._turn += 1
        turn = self._turn
        self._soon(lambda: self._understand(turn))

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

    # ---- training, and what comes after it

    def _train(self, said: dict[str, Any]) -> None:
        self._require_quiet()
        own = self._set()
        if self.missing:
            raise PersonError(
                "not-ready", expected="pictures to learn from", got=self.missing, fix="after that, train"
            )
        self.result = self.answer = ""
        self.handed = {}
        self._panel.request["data"] = str(own.pictures)
        self._panel.start()

    def _resume(self, said: dict[str, Any]) -> None:
        self._panel.resume()

    def _moved(self, change: Any) -> None:
        """The panel shows something new; when the run is done, its held-out part is judged."""
        if change["name"] != "state":
            if self._panel.state != "done":  # then what follows is told here
                setattr(self, change["name"], change["new"])
            return
        self.state = "judging" if change["new"] == "done" else change["new"]
        if change["new"] not in (*LIVE, "idle"):
            self._soon(self._judge)

    def _judge(self) -> None:
        """Judge the held-out part of a run that is done, pack the model, and show both; once for each run.

        After a run that was stopped or failed, the model of the one before it is shown.
        """
        own, panel = self._own, self._panel
        try:
            if own is None or not own.exists():
                return
            with changing:
                kept, id = own.kept(JUDGED), self.desk.runs.latest(panel.chapter)
                if panel.state == "done" and id and kept.get("run") != id:
                    kept = judged(own, id, self._folder(id))
            if kept:
                self._show_model(own, kept)
        finally:
            self.state = panel.state

    def _show_model(self, own: OwnPictures, kept: dict[str, Any]) -> None:
        """What the model is worth, and the file to take along."""
        notes = "" if kept["contents"] == own.contents() else own_report.changed()
        path = own.folder / MODEL
        size = path.stat().st_size
        words = own_report.handed(size, kept["asked"])
        with self.hold_sync():
            if self._panel.state == "done":
                story = Story()
                story.add(self.desk.runs.events(kept["run"]))
                self.drawn = story.charts()
            self.result = own_report.worth(kept["judgement"]) + notes
            self.handed = {"words": words, "lines": LINES, "path": str(path), "size": readable_size(size)}
            self.spoken = f"The model was judged on held-out pictures: {kept['judgement']['verdict']}."

    def _try(self, file: Path, name: str) -> None:
        """Ask the model about one more picture, of which no copy is kept."""
        try:
            require_picture(file)
            id = str(self._set().kept(JUDGED).get("run"))
            if self._loaded is None or self._loaded[0] != id:
                self._loaded = id, load(self._folder(id))
            run = self._loaded[1]
            row = predict(run, file, top=len(run.classes))[0]
            self.answer, self.spoken = own_report.answered(row, file, name)
        except PersonError as error:
            self._not_tried(error)
        finally:
            file.unlink(missing_ok=True)

    def _not_tried(self, error: PersonError | OSError) -> None:
        self.spoken = own_report.reason(error)
        self.answer = draw.text(self.spoken, "bad")

    def _delete(self, said: dict[str, Any]) -> None:
        """Remove the copies, the models that learned from them, and their reports."""
        if self._own is not None:
            if self.state in LIVE:
                self._panel.stop()
            self._soon(lambda: self._remove_all(self._set()))

    def _remove_all(self, own: OwnPictures) -> None:
        runs = self.desk.runs
        ids = [id for id in runs.ids() if runs.facts(id)["chapter"] == f"{self.chapter}#{own.id}"]
        with changing:
            for id in ids:
                if runs.wait(id, ENDING) in LIVE:
                    raise PersonError(
                        "still-saving", expected="a run that has stopped", got="a run is still saving",
                        fix="delete again in a minute; nothing was deleted yet",
                    )  # fmt: skip
            self._loaded = None  # Windows deletes no file that is open
            for folder in filter(Path.is_dir, map(self._folder, ids)):
                shutil.rmtree(folder)
            own.delete()
        self._turn_to(None)
        self.spoken = "Deleted: the copies of your pictures, and the model that learned from them."

    # ---- helpers

    def _set(self) -> OwnPictures:
        """The set of this page, made when it is first needed."""
        if self._own is None or not self._own.exists():
            found = OwnPictures.newest(self.desk.folder, self.chapter)
            self._turn_to(found or OwnPictures.begin(self.desk.folder, self.chapter))
        assert self._own is not None
        return self._own

    def _folder(self, id: str) -> Path:
        return Path(self.desk.runs.facts(id)["folder"]) / RUN

    def _require_quiet(self) -> None:
        if self.state in (*LIVE, "judging"):
            raise PersonError(
                "training", expected="pictures that stay as they are while a model learns from them",
                got="the model is still learning from these pictures",
                fix="wait until it is done, or press Stop",
            )  # fmt: skip

    def _understand(self, turn: int) -> None:
        """Show what the checker finds, unless something has changed since it was asked."""
        own = self._own
        classes = own.classes() if own is not None else []
        self._draw_thumbnails(classes)
        if turn == self._turn:
            self._show_classes()
        needed, drawn = own_report.missing(classes), ""
        if own is not None and not needed:
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

    def _show_classes(self) -> None:
        if self._own is None:
            self.set_id, self.missing = "", own_report.missing([])
            self.classes = [_row(str(n), f"class {n}") for n in (1, 2)]
            return
        self.set_id = self._own.id
        self.classes = [
            _row(one.key, one.name, [file.name for file in one.files], readable_size(one.size))
            | {"thumbs": [self._thumbnails[file] for file in one.files if file in self._thumbnails]}
            for one in self._own.classes()
        ]

    def _turn_to(self, own: OwnPictures | None) -> None:
        """Show another set, or none."""
        self._own, self._loaded, self._turn = own, None, self._turn + 1
        self._thumbnails = {}
        self._panel.chapter = f"{self.chapter}#{own.id if own is not None else PLACE}"
        self.refused, self.understood, self.result, self.answer, self.handed = [], "", "", "", {}
        self.state, self.drawn = "idle", ""
        self._show_classes()

    def _soon(self, work: Callable[[], None]) -> None:
        """Do what takes longer than a reader waits in a thread of its own; a failure is told on the page."""

        def run() -> None:
            try:
                work()
            except PersonError as error:
                self._tell(error)
            except OSError as error:
                self.trouble = self.spoken = own_report.reason(error)
            except Exception as error:
                log.exception("own pictures: %s", error)
                self.trouble = own_report.refused(
                    f"A fault of the book, not of yours ({type(error).__name__})",
                    "Reload the page and try again",
                )

        threading.Thread(target=run, daemon=True, name="own pictures").start()

    def _tell(self, error: PersonError) -> None:
        self.trouble = own_report.refused(error.got, error.fix)
        self.spoken = f"{error.got}. {error.fix}"

    def close(self) -> None:
        """End the panel's thread with the widget."""
        if "_panel" in self.__dict__:  # not there when the request was refused
            self._panel.close()
        super().close()


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


def _no_model() -> PersonError:
    return PersonError(
        "no-model",
        expected="a model that has learned from your pictures",
        got="there is no model yet",
        fix="train one first",
    )
