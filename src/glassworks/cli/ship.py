"""The verbs that look inside and ship: `explain`, `export`, `serve`, `plan`."""

import sys

from glassworks.api.requests import ExplainRequest, ExportRequest, PlanRequest, ServeRequest
from glassworks.cli.show import print_json, print_table


def explain(request: ExplainRequest) -> int:
    """Write the drawings and say where they are; exit 2 when a picture could not be read."""
    from glassworks.api.explain import PAGE, explain_request, place_of
    from glassworks.api.run import load
    from glassworks.api.sizes import at_side

    run = at_side(load(request.run, device=request.device), request.side)
    rows = explain_request(request, run)
    failed = [row for row in rows if "error" in row]
    page = place_of(request, run) / PAGE
    if request.json:
        print_json({"schema": 1, "command": "explain", "page": str(page), "pictures": rows})
        return 2 if failed else 0
    for row in rows:
        if "error" in row:
            print(f"{row['file']}: {row['error']['got']}", file=sys.stderr)
            continue
        said = row.get("answer", row.get("value", ""))
        print(f"{row.get('file', 'the model alone')}{f': {said}' if said != '' else ''}")
        for drawing in row.get("drawings", ()):
            print(f"  {drawing['picture']}\n    {drawing['caption']}")
    print(f"\npage: {page}")
    return 2 if failed else 0


def export(request: ExportRequest) -> int:
    """Print the check of each file."""
    from glassworks.api.export import export_request

    facts = export_request(request)
    tables = facts.pop("tables")
    if request.json:
        print_json(facts)
        return 0
    for form, done in facts["formats"].items():
        print(f"{form}: {done['folder']}\n{done['verified']['reason']}")
        head, *rows = tables[form]
        print_table(head, rows)
        print()
    return 0


def serve(request: ServeRequest) -> int:
    """Serve until stopped, or measure a server under load."""
    from glassworks.api import serve as serving

    if request.load_test <= 0:
        return serving.serve_request(request)
    facts = serving.load_test_request(request)
    if request.json:
        print_json({"schema": 1, "command": "serve"} | facts)
        return 0
    flood = facts["overload"]
    rows = [
        ["answers a second at capacity", f"{facts['capacity']['served_per_second']:.0f}"],
        ["answers a second under ten times as much", f"{flood['served_per_second']:.0f}"],
        ["of the capacity", f"{facts['served_share']:.0%}"],
        ["answered (200), refused (429)", _counted(flood["statuses"])],
        ["afterwards", _counted(facts["afterwards"]["statuses"])],
    ]
    print_table(["", ""], rows)
    return 0


def _counted(statuses: dict[str, int]) -> str:
    """ "2,348 with 200, 2,839 with 429" """
    return ", ".join(f"{count:,} with {status}" for status, count in statuses.items())


def plan(request: PlanRequest) -> int:
    """Print the memory that a model needs."""
    from glassworks.api.plan import plan_request

    found = plan_request(request)
    if request.json:
        print_json({"schema": 1, "command": "plan"} | found.as_json())
        return 0
    head, *rows = found.as_text()
    print(f"{found.params:,.0f} parameters\n")
    print_table(head, rows)
    for sentence in found.words:
        print(f"\n{sentence}")
    return 0
