"""The verbs that show: `list` and `info`; and how tables look in a terminal."""

import json
import shutil
import sys
import textwrap

from glassworks.api import describe
from glassworks.api.requests import InfoRequest, ListRequest


def list_(request: ListRequest) -> int:
    """Print the catalogue."""
    found = describe.list_systems(request.domain)
    if request.json:
        print_json({"schema": 1, "command": "list", "systems": [vars(entry) for entry in found]})
        return 0
    rows = [[entry.name, entry.domain, ", ".join(entry.variants), entry.idea] for entry in found]
    print_table(["system", "domain", "variants", "idea"], rows)
    print("\nMore on one: glassworks info cnn")
    return 0


def info(request: InfoRequest) -> int:
    """Print one page on a system."""
    facts = describe.info(
        request.system,
        variant=request.variant,
        side=request.side,
        channels=request.channels,
        classes=request.classes,
    )
    if request.json:
        print_json(facts)
        return 0
    entry = facts["entry"]
    print(f"{entry['name']}: {facts['idea']}\n")
    print(f"task      {entry['task']}\npaper     {entry['paper']}\nlicence   {entry['licence']}")
    if entry["chapter"]:
        print(f"in the book: glassworks book {entry['chapter'].partition('/')[2]}")
    print(f"data      {facts['data']}")
    weights = [f"{w['name']} ({w['variant']}): {w['size']}, {w['from']}" for w in facts["published"]]
    print("weights   " + "\n          ".join(weights or facts["weights"] or ["none registered"]) + "\n")
    for variant in facts["variants"]:
        shape = facts["shape"]
        print(
            f"{variant['name']}: {variant['parameters']:,} parameters, "
            f"{variant['multiply_adds']:,} multiply-adds for a picture of "
            f"{shape['height']}x{shape['width']}x{shape['channels']}, {shape['classes']} classes"
        )
        rows = [
            [
                stage["name"],
                "x".join(map(str, stage["shape"])),
                f"{stage['parameters']:,}",
                f"{stage['multiply_adds']:,}",
                str(stage["receptive_field"] or "all"),
            ]
            for stage in variant["stages"]
        ]
        print_table(["stage", "output", "parameters", "multiply-adds", "sees (pixels)"], rows)
        print()
    print("settings (--set model.NAME=VALUE):")
    print_table(
        ["name", "default", "meaning"],
        [[s["name"], str(s["default"]), s["meaning"]] for s in facts["settings"]],
    )
    print(f"\nstart: {facts['start']}")
    return 0


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """A plain table: columns side by side, the last one wrapped to the width of the terminal."""
    widths = [max(len(str(row[c])) for row in [head, *rows]) for c in range(len(head))]
    room = max(24, shutil.get_terminal_size((110, 24)).columns - sum(widths[:-1]) - 2 * len(widths))
    for row in [head, ["-" * min(width, room) for width in widths], *rows]:
        first = "  ".join(str(cell).ljust(width) for cell, width in zip(row[:-1], widths))
        lines = textwrap.wrap(str(row[-1]), room) or [""]
        for place, line in enumerate(lines):
            start = first if place == 0 else " " * len(first)
            print(f"{start}  {line}".rstrip())


def print_json(content: dict) -> None:
    """Print JSON; where the terminal knows few letters, the others as \\u escapes."""
    plain = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    print(json.dumps(content, ensure_ascii=plain, indent=1, default=list))
