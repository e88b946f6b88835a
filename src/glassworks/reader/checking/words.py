"""Failures of an answer in plain words: which line of the answer, what happened, what to look at.

A traceback through our own files helps nobody who is learning; only the deepest line of the answer is told.
The first thing to change: `MEANINGS`, what the usual complaints of the parser mean.
"""

import builtins
import difflib
import traceback

FILE = "<answer>"  # the name under which an answer is compiled
LONGEST = 600  # characters of a message that are kept

MEANINGS = (
    ("expected ':'", "A `:` is missing at the end of the line that opens a block."),
    ("was never closed", "A bracket is opened and never closed."),
    ("unmatched", "A bracket is closed that was never opened."),
    ("does not match opening", "A bracket is closed by one of another kind."),
    ("expected an indented block", "The line below one that ends in `:` must be indented."),
    ("unindent does not match", "This line starts at a depth that no line above it has."),
    ("unexpected indent", "This line is indented deeper than the one above it, without a reason for it."),
    ("inconsistent use of tabs", "Tabs and blanks are mixed at the start of lines. Use four blanks."),
    ("unterminated string", "A text is opened with a quote and never closed on the same line."),
    ("unterminated triple-quoted", "A text is opened with three quotes and never closed."),
    ("Maybe you meant '=='", "One `=` gives a name to a value; `==` compares."),
    ("'return' outside function", "`return` stands outside of the function. Is it indented?"),
    ("cannot assign to", "Only a name can stand on the left of `=`."),
)


def syntax(error: Exception, answer: str) -> str:
    """Why the text is not Python: line, caret and meaning, in Markdown.

    error: what `compile` raised, mostly a SyntaxError; a few texts are too deep or hold null characters
    """
    if not isinstance(error, SyntaxError) or not error.lineno:
        return f"This text cannot be read as Python: {message_of(error)}"
    complaint = error.msg or "invalid syntax"
    meaning = next((told for sign, told in MEANINGS if sign in complaint), "")
    quoted = complaint.replace("`", "'")
    told = f"Line {error.lineno}: {meaning or 'This is not Python.'} Python says: `{quoted}`."
    lines = answer.splitlines()
    if not 1 <= error.lineno <= len(lines):
        return told
    line = lines[error.lineno - 1].expandtabs(4).rstrip()
    caret = min(max((error.offset or 1) - 1, 0), len(line))
    start = max(0, caret - 60)  # a long line is shown around the place
    shown = line[start : start + 100]
    return f"{told}\n\n```\n{shown}\n{' ' * (caret - start)}^\n```"


def failure(error: BaseException, answer: str) -> str:
    """Why the answer stopped while it ran: its deepest line and the message, in Markdown."""
    number = line_of(error)
    lines = answer.splitlines()
    code = lines[number - 1].strip() if number and number <= len(lines) else ""
    where = f"Line {number}, `{code.replace('`', chr(39))[:160]}`," if code else "The answer"
    if isinstance(error, SystemExit):
        return f"{where} ends the program. Leave it out: the check still has to look at the result."
    if isinstance(error, RecursionError):
        return f"{where} calls itself without end. Which call is the one that stops?"
    if out_of_memory(error):
        return f"{where} asks for more memory than an answer may use. How large is what it makes?"
    if isinstance(error, EOFError):
        return f"{where} waits for input, and nobody can type here. Put the value into the code."
    if code:
        return f"{where} stopped with: {message_of(error)}{_nearest(error)}"
    return (
        f"The check could not use what came back: {message_of(error)}. "
        "Look at what your code returns: its type, its shape, and whether there is a `return`."
    )


def line_of(error: BaseException) -> int:
    """The deepest line of the answer in the traceback, 0 when the failure did not pass through it."""
    frames = [
        line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILE
    ]
    return frames[-1] if frames else 0


def _nearest(error: BaseException) -> str:
    """For a name that is not defined, the nearest one that is; Python says it by itself from 3.12 on."""
    if not isinstance(error, NameError) or not error.name or "Did you mean" in message_of(error):
        return ""
    frames = [
        frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILE
    ]
    known = {*frames[-1].f_locals, *frames[-1].f_globals, *dir(builtins)} if frames else set()
    near = difflib.get_close_matches(error.name, sorted(known), n=1)
    return f". Did you mean: '{near[0]}'?" if near else ""


def out_of_memory(error: BaseException) -> bool:
    """Python's and NumPy's MemoryError, and what torch raises in its place."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and any(sign in _text(error) for sign in ("allocate memory", "bad_alloc"))
    )


def message_of(error: BaseException) -> str:
    """`Kind: message` as Python prints it, with its "Did you mean", in backticks and cut."""
    try:
        text = "".join(traceback.format_exception_only(error)).strip().splitlines()
        told = " ".join(text).removeprefix("answer.")
    except Exception:  # the answer's own exception may fail to describe itself
        told = type(error).__name__
    return f"`{told.replace('`', chr(39))[:LONGEST]}`"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # as above
        return ""
