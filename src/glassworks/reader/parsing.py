"""Python's text as a tree, also while another thread parses.

In Python 3.11 the counter that guards against too deep a nesting is shared by all threads, so that two that
parse at the same moment can both fail with a SystemError (marimo parses while the book builds its index).
The first thing to change: nothing; remove this file when Python 3.11 is no longer served.
"""

import ast
import threading
import time

TRIES = 20
_one = threading.Lock()


def parsed(text: str) -> ast.Module:
    """The tree of a module. Raises SyntaxError as `ast.parse` does."""
    for number in range(TRIES):
        try:
            with _one:
                return ast.parse(text)
        except SystemError:
            if number == TRIES - 1:
                raise
            time.sleep(0.01 * (number + 1))
    raise AssertionError
