"""An exercise on a page: the question, a field for the answer, the rows of the check with their reasons.

Python judges and remembers; the script shows `plan` (what never changes) and `state` (what does), and sends
what the reader did. Hints and solutions leave Python only when they are due. Code is checked in a thread, so
the page stays alive; what was typed is kept and comes back after a reload.

The first thing to change: `HONEST`, after how many different tries the solution may be seen.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

import traitlets

from glassworks.core.errors import PersonError
from glassworks.reader.checking import Checked, check, warm
from glassworks.reader.checking.limits import not_limited
from glassworks.reader.exercises.kinds import (
    KINDS,
    ChoiceExercise,
    CodeExercise,
    Exercise,
    NumberExercise,
    PredictExercise,
    judge,
)
from glassworks.reader.exercises.numbers import read_number
from glassworks.reader.exercises.text import code_block, inline, markup
from glassworks.reader.progress import Item, Progress
from glassworks.reader.widget import Widget, text_of

log = logging.getLogger("glassworks.book")
HONEST = 3  # different wrong answers after which the solution may be seen
REFUSED = (
    "Code is not run at this address, because others can reach it. "
    "Start the book on your own machine to check this exercise."
)
Check = Callable[[str, Any, threading.Event], Checked]


class ExerciseWidget(Widget):
    """One exercise, as `exercises.find` gives it.

    progress: where tries and drafts are kept; None keeps them in this widget alone
    allowed:  whether code may be run here; the other kinds are always checked
    checker:  what judges code: (id, answer, stop) -> Checked
    """

    script = text_of("exercises/editor.js") + text_of("exercises/exercise.js")
    style = text_of("exercises/exercise.css")

    plan = traitlets.Dict().tag(sync=True)  # kind, question, choices, start: never changes
    state = traitlets.Dict().tag(sync=True)  # result, hints, solution: whatever Python has to say

    def __init__(
        self,
        exercise: Exercise,
        progress: Progress | None = None,
        allowed: bool = True,
        checker: Check = check,
    ):
        self.exercise, self.progress, self.checker = exercise, progress, checker
        self.allowed = allowed or not isinstance(exercise, CodeExercise)
        self.alone = Item()  # stands in for progress where there is none
        self.wrong: set[str] = set()
        self.guard = threading.RLock()
        self.stop: threading.Event | None = None  # set while a check runs
        item = self.item
        super().__init__(plan=self._plan(item), state=self._restored(item))

    @property
    def item(self) -> Item:
        """What is known of this exercise."""
        return self.progress.of(self.exercise.id) if self.progress else self.alone

    def on_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """{"check": answer}, {"draft": text}, or {"stop": true}; hint, solution, reveal and warm go alike."""
        match content:
            case {"check": str() | int() as answer}:
                self.check(answer)
            case {"stop": True}:
                if self.stop is not None:
                    self.stop.set()
            case {"hint": True}:
                self.hint()
            case {"solution": True}:
                if self._may_see(self.item):
                    self._show(solution=self._solution())
            case {"reveal": True} if self.state["predicted"] and not self.state["reveal"]:
                self._aside(lambda: self._show(reveal=self._reveal()))
            case {"draft": str(text)}:
                self._keep(lambda progress: progress.draft(self.exercise.id, text))
            case {"warm": True} if self.allowed and isinstance(self.exercise, CodeExercise):
                if self.checker is check:
                    warm()

    def check(self, answer: str | int) -> None:
        """Judge an answer and show the result; what takes long in a thread, of which there is one."""
        with self.guard:
            if self.stop is not None or not self.allowed:
                return
            stop = self.stop = threading.Event()
            self._show(busy=True)
        self._keep(lambda progress: progress.draft(self.exercise.id, str(answer)))
        if isinstance(self.exercise, CodeExercise | PredictExercise):
            self._aside(lambda: self._check(answer, stop))
        else:
            self._check(answer, stop)

    def hint(self) -> None:
        """Give one hint more."""
        count = min(len(self.state["hints"]) + 1, len(self.exercise.hints))
        self._keep(lambda progress: progress.hinted(self.exercise.id, count))
        self._show(hints=self._hints(count))

    def _check(self, answer: str | int, stop: threading.Event) -> None:
        try:
            checked = self._judge(answer, stop)
        except PersonError as error:
            checked = Checked((), False, stopped=f"Expected {error.expected}; got {error.got}: {error.fix}.")
        except Exception as error:  # the page goes on, and says that it was not the reader
            log.exception("the check of %s failed", self.exercise.id)
            checked = Checked((), False, stopped=f"The check itself failed, which is not your fault: {error}")
        item = self._count(checked, answer) if self._is_try(checked, answer, stop) else self.item
        result = self._result(checked, item)
        if result["predicted"] and not self.state["reveal"]:
            result["reveal"] = self._reveal()
        self.stop = None
        self._show(**result)

    def _is_try(self, checked: Checked, answer: str | int, stop: threading.Event) -> bool:
        """Whether it counts: not what was stopped by hand, nor what is no answer yet."""
        if isinstance(self.exercise, NumberExercise):
            return not read_number(str(answer), self.exercise.unit)[1]
        return bool(checked.rows) or not stop.is_set()

    def _judge(self, answer: str | int, stop: threading.Event) -> Checked:
        if isinstance(self.exercise, CodeExercise):
            return self.checker(self.exercise.id, answer, stop)
        rows = tuple(judge(self.exercise, answer))
        return Checked(rows, all(row.passed for row in rows))

    def _count(self, checked: Checked, answer: str | int) -> Item:
        share = sum(row.passed for row in checked.rows) / max(1, len(checked.rows))
        if not self._keep(lambda progress: progress.tried(self.exercise.id, checked.passed, answer, share)):
            before = self.alone
            if not checked.passed:
                self.wrong.add("".join(str(answer).split()))
            passed = before.first_pass or ("now" if checked.passed else "")
            self.alone = Item(
                passed, max(before.best, share), before.tries + 1, len(self.wrong), before.hints
            )
        return self.item

    def _keep(self, do: Callable[[Progress], Any]) -> bool:
        """Do something with the progress, if there is one; a page without it goes on."""
        if self.progress is not None:
            do(self.progress)
        return self.progress is not None

    def _aside(self, do: Callable[[], None]) -> None:
        threading.Thread(target=do, daemon=True, name="exercise").start()

    def _show(self, **changes: Any) -> None:
        with self.guard:
            self.state = {**self.state, **changes}

    def _plan(self, item: Item) -> dict[str, Any]:
        exercise = self.exercise
        plan: dict[str, Any] = {
            "id": exercise.id,
            "kind": KINDS[type(exercise)],
            "minutes": exercise.minutes,
            "question": markup(exercise.question),
            "hints": len(exercise.hints),
            "honest": HONEST,
            "draft": item.draft,
            "refused": "" if self.allowed else REFUSED,
        }
        if isinstance(exercise, ChoiceExercise | PredictExercise):
            plan["choices"] = [inline(choice.text) for choice in exercise.choices]
        elif isinstance(exercise, NumberExercise):
            plan["unit"] = exercise.unit
        else:
            plan |= {"start": exercise.start, "name": exercise.name, "limits": not_limited()}
        return plan

    def _restored(self, item: Item) -> dict[str, Any]:
        """The state of a page that was just opened: what was reached before, without rows."""
        return {
            "busy": False,
            "judged": 0,  # counts results, so that an equal one is noticed
            "rows": [],
            "stopped": "",
            "printed": "",
            "seconds": 0.0,
            "hints": self._hints(item.hints),
            "solution": "",
            "reveal": "",  # asked for by a page that is alive: it may take a second to make
            "passed": False,
            **self._reached(item),
        }

    def _result(self, checked: Checked, item: Item) -> dict[str, Any]:
        rows = [{"name": r.name, "passed": r.passed, "reason": markup(r.reason)} for r in checked.rows]
        return {
            "busy": False,
            "judged": self.state["judged"] + 1,
            "rows": rows,
            "stopped": inline(checked.stopped or ""),
            "printed": checked.printed,
            "seconds": round(checked.seconds, 2),
            "passed": checked.passed,
            **self._reached(item),
        }

    def _reached(self, item: Item) -> dict[str, Any]:
        """What may be seen by now. A prediction reveals what happens once it was made."""
        return {
            "ever": item.passed,
            "tries": item.tries,
            "honest": item.honest,
            "open": self._may_see(item),
            "predicted": isinstance(self.exercise, PredictExercise) and item.tries > 0,
            "why": markup(self.exercise.why) if item.passed else "",
            "further": markup(self.exercise.further) if item.passed else "",
            "trouble": self.progress.trouble if self.progress else "",
        }

    def _reveal(self) -> str:
        assert isinstance(self.exercise, PredictExercise)
        try:
            return self.exercise.reveal()
        except Exception as error:  # a page with one broken figure is still a page
            log.exception("the reveal of %s failed", self.exercise.id)
            return markup(f"What happens cannot be shown: {error}")

    def _may_see(self, item: Item) -> bool:
        return item.passed or item.honest >= HONEST

    def _hints(self, count: int) -> list[str]:
        return [markup(hint) for hint in self.exercise.hints[:count]]

    def _solution(self) -> str:
        if isinstance(self.exercise, CodeExercise):
            return code_block(self.exercise.solution.strip("\n"))
        if isinstance(self.exercise, NumberExercise):
            return markup(self.exercise.solution)
        right = next(choice for choice in self.exercise.choices if choice.right)
        return f"<p><strong>{inline(right.text)}</strong></p>{markup(right.reason)}"
