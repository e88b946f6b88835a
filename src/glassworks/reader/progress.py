"""What a reader has done: one progress.json in their own folder, nothing sent anywhere, no account.

Every change reads the file, changes it and writes it anew under a lock, so that two books open on the same
folder add to each other. What is merged only grows: a pass is never taken back, the most tries and hints and
the newest draft stay. A damaged file is put aside under a new name; keys of newer versions are kept.

The first thing to change: `Item`, what is remembered of an exercise.
"""

import contextlib
import copy
import hashlib
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glassworks.core.errors import PersonError
from glassworks.core.files import only_one, write_json

log = logging.getLogger("glassworks.book")
State = dict[str, Any]
NAME = "progress.json"
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,119}")
PATIENCE = 5.0  # seconds to wait for another book that is writing
LONGEST_DRAFT, LONGEST_ANCHOR, LARGEST_FILE = 50_000, 200, 20_000_000
MOST_RUNS, MOST_DIGESTS = 50, 100


def workspace() -> Path:
    """The reader's folder: $GLASSWORKS_BOOK, or a place among what the system keeps for a person.

    Raises PersonError("no-home") where the person has no folder, as in some containers.
    """
    chosen = os.environ.get("GLASSWORKS_BOOK")
    if chosen:
        return Path(chosen).expanduser()
    try:
        home = Path.home()
    except RuntimeError as error:
        raise PersonError(
            "no-home",
            expected="a home folder for what you do in the book",
            got="none: HOME is not set",
            fix="set GLASSWORKS_BOOK to a folder",
        ) from error
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home) / "glassworks" / "book"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "glassworks" / "book"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "glassworks" / "book"


@dataclass(frozen=True)
class Item:
    """What is known of one exercise.

    first_pass: time of the first pass in UTC, "" before it; best: largest share of rows that passed, 0 to 1
    tries: all checks; honest: wrong answers that differ from each other; hints: how many were given
    """

    first_pass: str = ""
    best: float = 0.0
    tries: int = 0
    honest: int = 0
    hints: int = 0
    draft: str = ""

    @property
    def passed(self) -> bool:
        return bool(self.first_pass)


class Progress:
    """Progress in `folder`; safe for many threads and several processes.

    trouble: a sentence for the page when something is not as it should be (read-only folder, damaged file)
    """

    def __init__(self, folder: str | Path):
        self.path = Path(folder) / NAME
        self.trouble = ""
        self.lock = threading.RLock()
        self.state = _empty()  # what was last read or written, and all there is in a read-only folder
        self.seen: tuple[int, ...] = ()  # which file that was
        self.unsaved = False

    def tried(self, exercise_id: str, passed: bool, answer: Any, share: float | None = None) -> Item:
        """Count a check. share: of rows that passed, where an answer can be right in part."""
        digest = hashlib.sha256(" ".join(str(answer).split()).encode("utf-8", "replace")).hexdigest()[:16]

        def change(state: State) -> None:
            item = state["items"].setdefault(_key(exercise_id), {})
            item["tries"] = _whole(item.get("tries")) + 1
            item["best"] = max(_share(item.get("best")), 1.0 if passed else _share(share))
            if passed:
                item["first_pass"] = _text(item.get("first_pass")) or _now()
            elif digest not in (wrong := _texts(item.get("wrong"))):
                item["wrong"] = [*wrong, digest][-MOST_DIGESTS:]

        self._change(change)
        return self.of(exercise_id)

    def draft(self, exercise_id: str, text: str) -> None:
        """Keep what stands in the field of an exercise."""
        text = _plain(text)[:LONGEST_DRAFT]

        def change(state: State) -> None:
            state["items"].setdefault(_key(exercise_id), {}).update(draft=text, draft_at=_now())

        if self.of(exercise_id).draft != text:
            self._change(change)

    def hinted(self, exercise_id: str, count: int) -> None:
        """Remember that `count` hints have been given."""

        def change(state: State) -> None:
            item = state["items"].setdefault(_key(exercise_id), {})
            item["hints"] = max(_whole(item.get("hints")), count)

        if self.of(exercise_id).hints < count:
            self._change(change)

    def position(self, slug: str, anchor: str) -> None:
        """Remember where in chapter "part/slug" the reader is; `last` finds it again."""

        def change(state: State) -> None:
            place = {"anchor": _plain(anchor)[:LONGEST_ANCHOR], "at": _now(fine=True)}
            state["chapters"].setdefault(_key(slug), {}).update(place)

        self._change(change)

    def run(self, slug: str, run_id: str) -> None:
        """Remember that a run was started in a chapter."""

        def change(state: State) -> None:
            chapter = state["chapters"].setdefault(_key(slug), {})
            kept = [one for one in _texts(chapter.get("runs")) if one != run_id]
            chapter["runs"] = [*kept, _plain(run_id)][-MOST_RUNS:]

        self._change(change)

    def of(self, exercise_id: str) -> Item:
        """What is known of an exercise; an empty Item for one that was never tried."""
        kept = self._read()["items"].get(exercise_id, {})
        return Item(
            first_pass=_text(kept.get("first_pass")),
            best=_share(kept.get("best")),
            tries=_whole(kept.get("tries")),
            honest=len(_texts(kept.get("wrong"))),
            hints=_whole(kept.get("hints")),
            draft=_text(kept.get("draft")),
        )

    def passed(self, exercise_id: str) -> bool:
        """Whether the exercise was ever passed."""
        return self.of(exercise_id).passed

    def chapter(self, slug: str) -> float:
        """Share of a chapter's exercises that were passed, 0 to 1. Raises PersonError for an unknown one."""
        from glassworks.reader.contents import chapter

        ids = chapter(slug).exercises
        return sum(map(self.passed, ids)) / len(ids) if ids else 0.0

    def runs(self, slug: str) -> tuple[str, ...]:
        """Runs that were started in a chapter, the newest last."""
        return tuple(_texts(self._read()["chapters"].get(slug, {}).get("runs")))

    def place(self, slug: str) -> str:
        """The anchor in a chapter where the reader was last, "" when never there."""
        return _text(self._read()["chapters"].get(slug, {}).get("anchor"))

    def last(self) -> tuple[str, str] | None:
        """(chapter, anchor) where the reader was last, None before the first page."""
        places = {slug: _text(kept.get("at")) for slug, kept in self._read()["chapters"].items()}
        visited = [slug for slug in places if places[slug]]
        if not visited:
            return None
        slug = max(visited, key=places.__getitem__)
        return slug, self.place(slug)

    def export(self) -> bytes:
        """All of it as one file to take along."""
        return (json.dumps(self._read(), indent=2, ensure_ascii=False) + "\n").encode()

    def merge(self, content: bytes) -> None:
        """Add what another export holds; nothing that stands here is lost.

        Raises PersonError("not-progress") and changes nothing when it is no such file.
        """
        try:
            other = _parsed(content)
        except ValueError as error:
            raise PersonError(
                "not-progress",
                expected="a progress file that this book has exported",
                got=str(error),
                fix="choose the file that was saved with 'export progress'",
            ) from error
        self._change(lambda state: _merge(state, other))

    def _change(self, change: Callable[[State], None]) -> None:
        """Apply `change` to what the file holds now, and write it. In memory alone when that cannot be."""
        with self.lock:
            known = self._read()
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with _alone(self.path.with_suffix(".lock")):
                    state = copy.deepcopy(self._load(mend=True))
                    if self.unsaved:
                        _merge(state, known)
                    change(state)
                    write_json(self.path, state)
                    self.state, self.seen, self.unsaved = state, _stamp(self.path), False
            except (OSError, PersonError) as error:
                if isinstance(error, PersonError) and error.code == "bad-key":
                    raise
                state = copy.deepcopy(known)
                change(state)
                self.state, self.unsaved = state, True
                why = f"Progress cannot be saved in {self.path.parent} ({_short(error)})"
                self._tell(f"{why}; it is kept until the book is closed.")

    def _read(self) -> State:
        """The newest state; the file's when it has changed since."""
        with self.lock:
            if not self.unsaved:
                with contextlib.suppress(OSError):  # unreadable now: what was read before still holds
                    self.state = self._load()
            return self.state

    def _load(self, mend: bool = False) -> State:
        """The file's state; for a damaged one what this process knows.

        mend: put a damaged file aside; only for who holds the lock, or a whole one could be taken for it
        """
        stamp = _stamp(self.path)
        if not stamp:
            return self.state if not self.seen else _empty()
        if stamp == self.seen:
            return self.state
        try:
            state = _parsed(self.path.read_bytes())
        except ValueError as error:
            if mend:
                kept = self._put_aside()
                self._tell(
                    f"The progress file was damaged ({error}). It is kept as {kept}; a new one was begun."
                )
            return self.state
        self.seen, self.state = stamp, state
        return state

    def _put_aside(self) -> str:
        number = 1
        while (aside := self.path.with_name(f"progress.damaged-{number}.json")).exists():
            number += 1
        self.path.rename(aside)
        self.seen = ()
        return aside.name

    def _tell(self, sentence: str) -> None:
        if sentence != self.trouble:
            self.trouble = sentence
            log.warning(sentence)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of the folder; wait a while for another process. Raises PersonError("in-use")."""
    until = time.monotonic() + PATIENCE
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(only_one(path, "progress"))
                break
            except PersonError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        yield


def _merge(into: State, other: State) -> None:
    """Add `other` to `into`: per key the earlier pass, the larger number, the newer text, all runs."""
    for part in ("items", "chapters"):
        for key, theirs in other[part].items():
            ours = into[part].setdefault(key, {})
            for newer, texts in (("draft_at", ("draft", "draft_at")), ("at", ("anchor", "at"))):
                if _text(theirs.get(newer)) > _text(ours.get(newer)):
                    ours.update({name: theirs[name] for name in texts if name in theirs})
            passes = [when for kept in (ours, theirs) if (when := _text(kept.get("first_pass")))]
            if passes:
                ours["first_pass"] = min(passes)
            for name in ("tries", "hints", "best"):
                if name in theirs:
                    number = _share if name == "best" else _whole
                    ours[name] = max(number(ours.get(name)), number(theirs[name]))
            for name in ("runs", "wrong"):
                if name in theirs:
                    ours[name] = list(dict.fromkeys([*_texts(ours.get(name)), *_texts(theirs[name])]))
            for name, value in theirs.items():  # of a newer version of the book
                ours.setdefault(name, value)
    for name, value in other.items():
        into.setdefault(name, value)


def _parsed(content: bytes) -> State:
    """The state in a file. Raises ValueError that says what is wrong with it."""
    if len(content) > LARGEST_FILE:
        raise ValueError("larger than any progress file")
    try:
        state = json.loads(content, parse_constant=_refused)
        json.dumps(state, ensure_ascii=False).encode()  # halves of characters can be read, but not written
    except (ValueError, RecursionError) as error:
        raise ValueError("not readable as JSON") from error
    if not isinstance(state, dict):
        raise ValueError("JSON without the parts of a progress file")
    for part in ("items", "chapters"):
        kept = state.setdefault(part, {})
        if not isinstance(kept, dict) or not all(isinstance(one, dict) for one in kept.values()):
            raise ValueError(f"JSON whose `{part}` are not of the form of a progress file")
    if "version" not in state:
        raise ValueError("JSON without the version of a progress file")
    return state


def _refused(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _empty() -> State:
    return {"version": 1, "items": {}, "chapters": {}}


def _stamp(path: Path) -> tuple[int, ...]:
    """Tells one version of a file from the next; () when there is none. Each write makes a new file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _key(word: str) -> str:
    if not isinstance(word, str) or not KEY.fullmatch(word):
        raise PersonError(
            "bad-key",
            expected="an id such as learning_by_hand.gradient or foundations/learning_by_hand",
            got=f"{word!r:.80}",
            fix="use the id that the book shows",
        )
    return word


def _now(fine: bool = False) -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds" if fine else "seconds")


def _plain(text: str) -> str:
    """Text that can be written as UTF-8: halves of characters become question marks."""
    return text.encode("utf-8", "replace").decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _share(value: Any) -> float:
    return min(1.0, max(0.0, float(value))) if isinstance(value, (int, float)) and value == value else 0.0


def _short(error: Exception) -> str:
    return error.got if isinstance(error, PersonError) else (getattr(error, "strerror", None) or str(error))
