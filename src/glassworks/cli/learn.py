"""The verbs of the book: `lab`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from glassworks.api.requests import LabRequest
from glassworks.cli.show import print_json, print_table
from glassworks.core.errors import PersonError
from glassworks.core.files import write_json

if TYPE_CHECKING:
    from glassworks.labs import Result

Say = Callable[[str], None]


def lab(request: LabRequest) -> int:
    """Print the labs there are, or run one and write its page and its result."""
    from glassworks import labs

    if request.name == "list":
        return _list_labs(request)
    row = labs.find(request.name)
    page, facts = _places(request, row.name)
    say = _say(request.json)
    say(row.claim)
    result = labs.run(
        request.name, quick=request.quick, seeds=request.seeds, say=say, threads=request.threads
    )
    from glassworks.labs.page import page_of

    write_json(facts, result.as_json())
    page_of(result).save(page)
    if request.json:
        print_json({"schema": 1, "command": "lab", "page": str(page), "result": result.as_json()})
        return 0
    _print_result(result)
    print(f"\npage: {page}\nresult: {facts}")
    return 0


def _places(request: LabRequest, name: str) -> tuple[Path, Path]:
    """Where the page and the result go; told before the lab runs, not after."""
    from glassworks import labs

    page = Path(request.out or f"labs/{name}.html")
    if page.suffix.lower() not in (".html", ".htm") or page.is_dir():
        raise PersonError(
            "bad-value", expected="--out as a page, such as my-lab.html", got=f"--out {request.out}",
            fix="end the name in .html; the result goes beside it as .json",
        )  # fmt: skip
    facts = page.with_suffix(".json")
    if facts.exists():
        try:
            labs.result_of(facts.read_bytes(), facts)
        except PersonError as error:
            raise PersonError(
                "not-a-result", expected=f"no other file at {facts}, where the result will stand",
                got="one that is not the result of a lab", fix="choose another --out",
            ) from error  # fmt: skip
    page.parent.mkdir(parents=True, exist_ok=True)
    return page, facts


def _say(as_json: bool) -> Say:
    """Progress goes beside the JSON, not into it."""
    return lambda sentence: print(sentence, file=sys.stderr if as_json else sys.stdout, flush=True)


def _list_labs(request: LabRequest) -> int:
    from glassworks import labs

    rows = []
    for name in labs.names():
        row, kept = labs.find(name), labs.recorded(name)
        rows.append({
            "name": name,
            "claim": row.claim,
            "minutes": row.minutes,
            "chapter": row.chapter,
            "outcome": kept.outcome if kept else None,
            "verdict": kept.verdict if kept else None,
        })  # fmt: skip
    if request.json:
        print_json({"schema": 1, "command": "lab", "labs": rows})
        return 0
    shown = [
        [
            str(cell)
            for cell in (r["name"], r["minutes"], r["chapter"], r["outcome"] or "not run yet", r["claim"])
        ]
        for r in rows
    ]
    print_table(["lab", "minutes", "chapter", "recorded", "claim"], shown)
    print("\nRun one: glassworks lab NAME, or with --quick to see that it works")
    return 0


def _print_result(result: "Result") -> None:
    from glassworks.labs.page import told

    for table in result.tables:
        print(f"\n{table.title}")
        print_table(list(table.head), [list(row) for row in table.rows])
    print(f"\nThe claim {told(result)}. {result.verdict}\ninterval: {result.interval}")
    print(f"rule: {result.rule}")
    print(f"{result.minutes} on {result.machine.words}")
