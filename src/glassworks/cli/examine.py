"""The verbs that look before training: `check`, `samples`, `doctor`, `cache`."""

from pathlib import Path

from glassworks.api import examine
from glassworks.api.requests import CacheRequest, CheckRequest, DoctorRequest, SamplesRequest
from glassworks.cli.show import print_json, print_table
from glassworks.core import cache as kept
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size


def check(request: CheckRequest) -> int:
    """Print what is in the data; exit 2 when training would refuse it."""
    report = examine.check_request(request)
    if request.json:
        print_json(report.as_json())
        return 0 if report.ok else 2
    print(report.as_text())
    for path in (request.page, request.fixes):
        if path:
            print(f"written: {path}")
    return 0 if report.ok else 2


def samples(request: SamplesRequest) -> int:
    """Print, fetch or write out the samples."""
    from glassworks.data import samples as known

    if request.action == "list":
        rows = examine.samples()
        if request.json:
            print_json({"schema": 1, "command": "samples", "samples": rows})
            return 0
        for sees in dict.fromkeys(row["sees"] for row in rows):
            shown = [
                [r["name"], "here" if r["here"] else "-", r["size"], r["licence"], r["what"]]
                for r in rows
                if r["sees"] == sees
            ]
            print_table([sees, "", "size", "licence", "what"], shown)
            print()
        print("Train on one: glassworks train cnn --data sample:NAME (`glassworks list` names the systems)")
        for how in dict.fromkeys(_how(row, rows) for row in rows if not row["here"]):
            print(how)
        return 0
    if request.name is None or (request.action == "write" and request.to is None):
        raise PersonError(
            "bad-arguments",
            expected="`samples fetch NAME` or `samples write NAME --to FOLDER`",
            got=f"samples {request.action}" + (f" {request.name}" if request.name else ""),
            fix="see `glassworks samples` for the names",
        )
    path = known.fetch(request.name)
    if request.action == "write":
        path = known.write_folders(request.name, Path(str(request.to)))
    if request.json:
        print_json({"schema": 1, "command": "samples", "name": request.name, "path": str(path)})
    else:
        print(f"{request.name}: {path}")
    return 0


def _how(row: dict, rows: list[dict]) -> str:
    """How to get a sample, in one line for all that are missing of the same package."""
    names = [other["name"] for other in rows if other["package"] == row["package"] and not other["here"]]
    first = next(other for other in rows if other["name"] == names[0])
    return f"Get {', '.join(names)}: {first['how']}"


def doctor(request: DoctorRequest) -> int:
    """Print what this machine has."""
    facts = examine.doctor()
    if request.json:
        print_json(facts)
        return 0
    rows = [
        [
            "ok" if r["level"] == "good" else "!!",
            r["what"],
            r["found"] + (f"  ({r['mend']})" if r["mend"] else ""),
        ]
        if r["level"] != "good" or r["what"].startswith("extra")
        else ["ok", r["what"], r["found"]]
        for r in facts["rows"]
    ]
    print_table(["", "what", "found"], rows)
    return 0


def cache(request: CacheRequest) -> int:
    """Show or clear the cache."""
    if request.action == "clear":
        sentence = kept.clear()
    else:
        found = kept.entries()
        size = readable_size(sum(map(kept.size_of, found)))
        sentence = f"{len(found)} entries, {size}, in {kept.cache_folder()}"
    if request.json:
        print_json({"schema": 1, "command": "cache", "answer": sentence})
    else:
        print(sentence)
    return 0
