"""Mistakes of the person, told in three parts: what was expected, what came, what to do.

Everything a person can get wrong raises `PersonError`; the command line prints it as one message and
exits with 2. Any other exception is our fault and exits with 1.
"""

import difflib
from collections.abc import Iterable


class PersonError(Exception):
    """A mistake that the person can mend.

    code: short stable name for programs, such as "run-exists"
    expected, got, fix: one sentence each; `fix` names the command or the change that helps
    """

    def __init__(self, code: str, *, expected: str, got: str, fix: str):
        super().__init__(f"expected {expected}; got {got}; {fix}")
        self.code, self.expected, self.got, self.fix = code, expected, got, fix

    def __reduce__(self):
        # Errors cross process borders (decoding workers), where the default would call __init__ wrongly.
        return _rebuild, (type(self), self.code, self.expected, self.got, self.fix)

    def as_json(self) -> dict:
        """The form that `--json` prints: {"error": {code, expected, got, fix}}."""
        return {"error": {"code": self.code, "expected": self.expected, "got": self.got, "fix": self.fix}}

    def as_text(self) -> str:
        """The form that a terminal shows, three aligned lines."""
        return f"expected: {self.expected}\n     got: {self.got}\n  to fix: {self.fix}"


def _rebuild(kind, code, expected, got, fix):
    return kind(code, expected=expected, got=got, fix=fix)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """'did you mean "train"?' when a choice is close, otherwise the list of choices.

    >>> did_you_mean("trian", ["train", "test"])
    'did you mean "train"?'
    """
    choices = list(choices)
    lowered = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{lowered[near[0]]}"?'
    return "choose one of: " + ", ".join(choices)
