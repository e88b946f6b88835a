"""Code that a reader wrote, run and judged in a process of its own, with limits: `check(id, answer)`.

    checked = check("learning_by_hand.gradient", "def gradient(x, y, w): ...")
    checked.passed, checked.rows, checked.printed, checked.stopped

**This protects against accidents, not against attackers.** The answer has the rights of the person who
started the book: it can read their files and reach their network. An endless loop, a huge array or an
`exit()` ends the answer and leaves the book alive; who must not run code here must not reach the page at all.

The pieces: `answer` (compile, run, judge), `words` (failures in plain words), `limits`, `child` (the process
that does it), `forking` and `fresh` (where that process comes from), `server` (queue, time and result).
"""

from glassworks.reader.checking.limits import Limits
from glassworks.reader.checking.server import Checked, Checker, check, close, warm

__all__ = ["Checked", "Checker", "Limits", "check", "close", "warm"]
