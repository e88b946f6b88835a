"""Print the catalogue's table of systems into README.md; `--check` only says whether it is up to date."""

import sys
from pathlib import Path

from glassworks.catalogue import table

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- systems: printed from the catalogue by `make readme` -->", "<!-- /systems -->"


def rendered(text: str) -> str:
    """The README with the table between its marks."""
    head, rest = text.split(START)
    _, tail = rest.split(END)
    return f"{head}{START}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    after = rendered(before)
    if "--check" in sys.argv:
        sys.exit(0 if before == after else "README.md: the table of systems is old; run `make readme`")
    README.write_text(after, encoding="utf-8")
