"""Write the recorded results into README.md beside this file, so that no figure is copied by hand.

python benchmarks/tables.py [--check]
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
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


def rendered(text: str) -> str:
    """The README with all results between its marks."""
    head, rest = text.split(START)
    _, tail = rest.split(END)
    tables = "\n\n".join(table(path) for path in sorted((FOLDER / "results").glob("*.json")))
    return f"{head}{START}\n\n{tables}\n\n{END}{tail}"


if __name__ == "__main__":
    readme = FOLDER / "README.md"
    before = readme.read_text(encoding="utf-8")
    after = rendered(before)
    if "--check" in sys.argv:
        sys.exit(0 if before == after else "benchmarks/README.md is old; run python benchmarks/tables.py")
    readme.write_text(after, encoding="utf-8")
