"""Write the recorded results into README.md beside this file, so that no figure is copied by hand.

python benchmarks/tables.py [--check]
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
NOT_MEASURED = ("common", "peers", "ours", "tables")  # scripts that record no result
START, END = "<!-- results: written by `python benchmarks/tables.py` -->", "<!-- /results -->"


def table(path: Path) -> str:
    """One result as Markdown: the command, when and on what, the table."""
    result = json.loads(path.read_text(encoding="utf-8"))
    machine, versions = result["machine"], result["versions"]
    head, rows = result["table"]["head"], result["table"]["rows"]
    lines = [
        f"### {result['benchmark']}",
        "",
        f"`{result['command']}` · {result['date'][:10]} · commit {result['commit'][:9]} · "
        f"{machine['processor']}, {machine['cores']} cores · torch {versions['torch']}",
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return "\n".join(lines)


def section(name: str) -> str:
    """The table of a benchmark; one line where it has not recorded a result."""
    path = FOLDER / "results" / f"{name}.json"
    return table(path) if path.is_file() else f"### {name}\n\nNot run yet: `python benchmarks/{name}.py`"


def names() -> list[str]:
    """All benchmarks, also those whose result or script is missing."""
    scripts = {path.stem for path in FOLDER.glob("[a-z]*.py")} - set(NOT_MEASURED)
    return sorted(scripts | {path.stem for path in (FOLDER / "results").glob("*.json")})


def rendered(text: str) -> str:
    """The README with all results between its marks."""
    head, rest = text.split(START)
    _, tail = rest.split(END)
    tables = "\n\n".join(section(name) for name in names())
    return f"{head}{START}\n\n{tables}\n\n{END}{tail}"


if __name__ == "__main__":
    readme = FOLDER / "README.md"
    before = readme.read_text(encoding="utf-8")
    after = rendered(before)
    if "--check" in sys.argv:
        sys.exit(0 if before == after else "benchmarks/README.md is old; run python benchmarks/tables.py")
    readme.write_text(after, encoding="utf-8")
