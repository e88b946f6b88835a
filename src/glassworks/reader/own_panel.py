"""What every panel for own data does: files arrive, are understood, and teach a model that is taken along.

The page sends files in pieces as messages, so the same widget works in the book and in a notebook elsewhere;
nothing leaves this machine. What lies on the disk is the only state (see `own_set`), and the training is
that of the chapter's panel, pointed at the reader's data. After it the held-out part is judged once, the
model is packed, and it can be asked about one more input.

The first thing to change: `PIECE`, how much of a file one message carries.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import traitlets

from glassworks.api.run import Run, load
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size
from glassworks.reader import draw, own_report
from glassworks.reader.arriving import Arriving
from glassworks.reader.desk import Desk
from glassworks.reader.own_model import JUDGED, changing
from glassworks.reader.own_set import MODEL, PLACE, OwnSet
from glassworks.reader.training_panel import LIVE, TrainingPanel
from glassworks.reader.training_story import Story
from glassworks.reader.widget import Widget
from glassworks.reader.worker import RUN

PIECE = 256 * 1024  # bytes a message: 20 MB a second; pieces of 1 MB are half as fast in marimo
ENDING = 60.0  # seconds that a run has to end when its data are to be deleted
log = logging.getLogger("glassworks.book")


class OwnPanel(Widget):
    """Trains `request` on data of the reader's own.

    desk:    the reader's workspace and runs; chapter: whose set of data this is
    job, request: "train" or "finetune", and the options of that verb by name, without data

    Raises PersonError for a request that does not exist.
    """

    kind: ClassVar[type[OwnSet]] = OwnSet

    plan = traitlets.Dict().tag(sync=True)  # words and limits that stay
    set_id = traitlets.Unicode().tag(sync=True)  # of the set of data, "" before the first
    refused: traitlets.List[Any] = traitlets.List().tag(sync=True)  # of the last drop: name, reason
    trouble = traitlets.Unicode().tag(sync=True)  # HTML: what could not be done, and what to do
    understood = traitlets.Unicode().tag(sync=True)  # HTML
    missing = traitlets.Unicode("…").tag(sync=True)  # what is needed before training, "" when nothing is
    state = traitlets.Unicode("idle").tag(sync=True)  # of the panel, or "judging"
    drawn = traitlets.Unicode().tag(sync=True)  # HTML: how training goes
    result = traitlets.Unicode().tag(sync=True)  # HTML: what the model is worth
    answer = traitlets.Unicode().tag(sync=True)  # HTML: to what was tried
    handed = traitlets.Dict().tag(sync=True)  # the model to take along: words, lines, path
    spoken = traitlets.Unicode().tag(sync=True)

    def __init__(self, desk: Desk, chapter: str, job: str, request: Mapping[str, Any], plan: dict[str, Any]):
        self.desk, self.chapter, self.seed = desk, chapter, int(request.get("seed") or 0)
        self._own = self.kind.newest(desk.folder, chapter)
        self._arriving, self._turn, self._awake = Arriving(), 0, False
        self._loaded: tuple[str, Run] | None = None
        self._panel = TrainingPanel(lambda: desk.runs, chapter, job, {**request, "data": PLACE}, key=PLACE)
        super().__init__(plan=plan)
        self._panel.observe(self._moved, ["state", "drawn", "spoken"])

    # ---- what each kind of data does in its own way

    def _begun(self) -> OwnSet:
        """A new set of this chapter."""
        raise NotImplementedError

    def _take_in(self, key: str, file: Path, name: str) -> None:
        """Give a file that has arrived its place. Raises PersonError with the reason when it has none."""
        raise NotImplementedError

    def _understand(self, turn: int) -> None:
        """Show what the checker finds, unless something has changed since it was asked."""
        raise NotImplementedError

    def _show_contents(self) -> None:
        """Show what is there."""
        raise NotImplementedError

    def _asked(self) -> dict[str, Any]:
        """What the request says of the data."""
        raise NotImplementedError

    def _judged(self, own: OwnSet, id: str) -> dict[str, Any]:
        """Judge a run once, pack it, and keep both; see `own_model.judged`."""
        raise NotImplementedError

    def _tried(self, run: Run, file: Path, name: str) -> tuple[str, str]:
        """(HTML, sentence): the model's answer to one more file."""
        raise NotImplementedError

    def _shown(self, kept: dict[str, Any]) -> dict[str, Any]:
        """What stands beside the model to take along: words and lines."""
        raise NotImplementedError

    # ---- what the page says

    @property
    def _doing(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return {
            "here": self._here, "begin": self._begin, "look": self._look, "train": self._train,
            "stop": lambda said: self._panel.stop(), "resume": lambda said: self._panel.resume(),
            "delete": self._delete,
        }  # fmt: skip

    def on_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """{"do": …}: see `_doing`. A mistake of the person becomes a sentence on the page."""
        try:
            if content.get("do") == "piece":
                self._piece(content, buffers)
                return
            if (do := self._doing.get(str(content.get("do")))) is not None:
                if content["do"] != "here":
                    self.trouble = ""
                do(content)
        except PersonError as error:
            self._tell(error)

    def _here(self, said: dict[str, Any]) -> None:
        """The page is there (said every 5 s): show what lies on the disk, and follow the run."""
        newest = self.kind.newest(self.desk.folder, self.chapter)
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
        """A piece of a file: {"token", "name", "size", "at", "key" of its place, "" to try it}.

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
                raise no_model()
            file = self._arriving.take(own, token, name, size, at, piece)
            if file is None:
                answer = {"token": token, "at": at + len(piece)}
            elif key:
                self._take_in(key, file, name)
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
        """A drop has ended: show what is there now, and what the checker finds as soon as it has looked."""
        self._show_contents()
        if self._own is not None:
            self.missing = f"The {self.kind.things} are being looked at."
        self._turn += 1
        turn = self._turn
        self._soon(lambda: self._understand(turn))

    # ---- training, and what comes after it

    def _train(self, said: dict[str, Any]) -> None:
        self._require_quiet()
        self._set()
        if self.missing:
            raise PersonError(
                "not-ready", expected=f"{self.kind.things} to learn from", got=self.missing,
                fix="after that, train",
            )  # fmt: skip
        self.result = self.answer = ""
        self.handed = {}
        self._panel.request |= self._asked()
        self._panel.start()

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
                    kept = self._judged(own, id)
            if kept:
                self._show_model(own, kept)
        finally:
            self.state = panel.state

    def _show_model(self, own: OwnSet, kept: dict[str, Any]) -> None:
        """What the model is worth, and the file to take along."""
        notes = "" if kept["contents"] == own.contents() else own_report.changed(self.kind.things)
        path = own.folder / MODEL
        with self.hold_sync():
            if self._panel.state == "done":
                story = Story()
                story.add(self.desk.runs.events(kept["run"]))
                self.drawn = story.charts()
            self.result = own_report.worth(kept["judgement"], self.kind.counted) + notes
            size = {"path": str(path), "size": readable_size(path.stat().st_size)}
            self.handed = self._shown(kept) | size
            told = kept["judgement"]["verdict"]
            self.spoken = f"The model was judged on held-out {self.kind.things}: {told}."

    def _run_of(self, own: OwnSet) -> Run:
        """The newest model of this set, loaded once. Raises PersonError where there is none."""
        id = str(own.kept(JUDGED).get("run") or "")
        if not id:
            raise no_model()
        if self._loaded is None or self._loaded[0] != id:
            self._loaded = id, load(self._folder(id))
        return self._loaded[1]

    def _try(self, file: Path, name: str) -> None:
        """Ask the model about one more file, of which no copy is kept."""
        try:
            self.answer, self.spoken = self._tried(self._run_of(self._set()), file, name)
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

    def _remove_all(self, own: OwnSet) -> None:
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
        self.spoken = f"Deleted: the copies of your {self.kind.things}, and the model that learned from them."

    # ---- helpers

    def _set(self) -> Any:
        """The set of this page, made when it is first needed."""
        if self._own is None or not self._own.exists():
            found = self.kind.newest(self.desk.folder, self.chapter)
            self._turn_to(found or self._begun())
        return self._own

    def _folder(self, id: str) -> Path:
        return Path(self.desk.runs.facts(id)["folder"]) / RUN

    def _require_quiet(self) -> None:
        if self.state in (*LIVE, "judging"):
            raise PersonError(
                "training", expected=f"{self.kind.things} that stay as they are while a model learns",
                got=f"the model is still learning from these {self.kind.things}",
                fix="wait until it is done, or press Stop",
            )  # fmt: skip

    def _turn_to(self, own: OwnSet | None) -> None:
        """Show another set, or none."""
        self._own, self._loaded, self._turn = own, None, self._turn + 1
        self._panel.chapter = f"{self.chapter}#{own.id if own is not None else PLACE}"
        self.refused, self.understood, self.result, self.answer, self.handed = [], "", "", "", {}
        self.state, self.drawn = "idle", ""
        self._show_contents()

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
                log.exception("own data: %s", error)
                self.trouble = own_report.refused(
                    f"A fault of the book, not of yours ({type(error).__name__})",
                    "Reload the page and try again",
                )

        threading.Thread(target=run, daemon=True, name="own data").start()

    def _tell(self, error: PersonError) -> None:
        self.trouble = own_report.refused(error.got, error.fix)
        self.spoken = f"{error.got}. {error.fix}"

    def close(self) -> None:
        """End the panel's thread with the widget."""
        if "_panel" in self.__dict__:  # not there when the request was refused
            self._panel.close()
        super().close()


def no_model() -> PersonError:
    return PersonError(
        "no-model",
        expected="a model that has learned from your data",
        got="there is no model yet",
        fix="train one first",
    )
