"""One answer: compiled, run, and what it defined handed to the check of its exercise, row by row.

This is the only place of the book that runs text as code, and it does so in a child process (`child`); only
the proof of an exercise that stands in no chapter yet calls it directly.
"""

import linecache
import sys
import types
from collections.abc import Iterator

from glassworks.reader.checking import words
from glassworks.reader.exercises.kinds import CodeExercise, Row

READS = "the code can be read"  # rows that any answer can get, before those of the check
RUNS = "the code runs"
MODULE = "answer"


def rows_of(exercise: CodeExercise, answer: str) -> list[Row]:
    """All rows of `judged`."""
    return list(judged(exercise, answer))


def judged(exercise: CodeExercise, answer: str) -> Iterator[Row]:
    """Rows as they come; a row READS or RUNS when the answer cannot be read or stops on the way.

    Raises TypeError when the check gives something else than rows: that is the book's fault.
    """
    try:
        code = compile(answer, words.FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        yield Row(READS, False, words.syntax(error, answer))
        return
    linecache.cache[words.FILE] = (len(answer), None, answer.splitlines(keepends=True), words.FILE)
    module = types.ModuleType(MODULE)
    before = sys.modules.get(MODULE)
    sys.modules[MODULE] = module  # dataclasses look up the module that they stand in
    try:
        exec(code, module.__dict__)  # noqa: S102 (the reader's own code is the point)
        if exercise.name not in module.__dict__:
            yield _missing(exercise, module.__dict__)
        elif not callable(thing := module.__dict__[exercise.name]):
            yield Row(
                RUNS, False, f"`{exercise.name}` is of type `{type(thing).__name__}`; a function is expected."
            )
        else:
            yield from map(_a_row, exercise.check(thing))
    except NotARow:
        raise
    except GeneratorExit:
        raise
    except BaseException as error:  # exit() and worse are answers too
        yield Row(RUNS, False, words.failure(error, answer))
    finally:
        linecache.cache.pop(words.FILE, None)
        sys.modules.pop(MODULE, None)
        if before is not None:
            sys.modules[MODULE] = before


class NotARow(TypeError):
    """The check of an exercise gave something else than a row."""


def _a_row(row: object) -> Row:
    if not isinstance(row, Row) or not row.reason.strip():
        raise NotARow(f"the check gave {row!r:.200}, which is no row with a reason")
    return row


def _missing(exercise: CodeExercise, defined: dict) -> Row:
    names = [name for name in defined if not name.startswith("__")]
    near = next((name for name in names if name.lower() == exercise.name.lower()), None)
    told = f" There is `{near}`: the letters must be the same." if near else ""
    return Row(RUNS, False, f"`{exercise.name}` is not defined by your code.{told}")
