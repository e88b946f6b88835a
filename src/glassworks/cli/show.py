"""The verbs that show: `list` and `info`; and how tables look in a terminal."""

import itertools
import json
import shutil
import sys
import textwrap

from glassworks.api import describe
from glassworks.api.requests import InfoRequest, ListRequest
from glassworks.core.files import readable_size

LEAST = 24  # letters of a column that is wrapped, where the terminal is narrow


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
        patch=request.patch,
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
        pictures = "a picture of {height}x{width}x{channels}, {classes} classes"
        seen = variant.get("of") or pictures.format_map(shape)
        print(
            f"{variant['name']}: {variant['parameters']:,} parameters, "
            f"{variant['multiply_adds']:,} multiply-adds for {seen}"
        )
        _print_stages(variant)
        print()
    print("settings (--set model.NAME=VALUE):")
    print_table(
        ["name", "default", "meaning"],
        [[s["name"], str(s["default"]), s["meaning"]] for s in facts["settings"]],
    )
    print(f"\nstart: {facts['start']}")
    return 0


def _print_stages(variant: dict) -> None:
    """What each stage costs; of a system with attention, what its maps cost, beside the published size."""
    attends = "attention" in variant
    head = ["stage", "output", "parameters", "multiply-adds"]
    rows = []
    for stage in variant["stages"]:
        row = [
            stage["name"],
            "x".join(map(str, stage["shape"])),
            f"{stage['parameters']:,}",
            f"{stage['multiply_adds']:,}",
        ]
        written = readable_size(2 * stage["map_numbers"]) if stage["map_numbers"] else "-"
        maps = [f"{stage['in_maps']:,}", written] if attends else []
        sees = [] if "of" in variant else [str(stage["receptive_field"] or "all")]
        rows.append([*row, *maps, *sees])
    sees = [] if "of" in variant else ["sees (pixels)"]
    print_table([*head, *(["of these maps", "maps in fp16"] if attends else []), *sees], rows)
    if "published" in variant:
        print()
        _print_attention(variant, variant["published"])


def _print_attention(here: dict, published: dict) -> None:
    """One picture through all blocks: here, as published, and how many times more."""
    both = [here] if here["attention"] == published["attention"] else [here, published]
    counts = {
        "tokens": [one["attention"]["tokens"] for one in both],
        "parameters": [one["parameters"] for one in both],
        "multiply-adds": [one["multiply_adds"] for one in both],
        "  of layers": [one["attention"]["linear"] for one in both],
        "  of attention maps": [one["attention"]["maps"] for one in both],
    }
    sizes = {
        "maps written down, fp16": [one["attention"]["bytes"]["fp16"] for one in both],
        "maps written down, fp32": [one["attention"]["bytes"]["fp32"] for one in both],
        "kept by a fused kernel": [one["attention"]["bytes"]["fused"] for one in both],
    }
    rows = [
        [words, *map("{:,}".format if words in counts else readable_size, numbers), *_times(numbers)]
        for words, numbers in (counts | sizes).items()
        if None not in numbers
    ]
    heads = [_cut_as(here["attention"]), _cut_as(published["attention"]) + " (published)", "times"]
    print_table(["one picture, all blocks", *(heads if len(both) == 2 else heads[:1])], rows)


def _times(numbers: list[int]) -> list[str]:
    return [f"{numbers[0] / numbers[1]:.2f}"] if len(numbers) == 2 else []


def _cut_as(attention: dict) -> str:
    patch = f", patch {attention['patch']}" if attention["patch"] else ""
    return f"{attention['height']}x{attention['width']}{patch}"


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """A plain table: columns side by side, the last one wrapped to the width of the terminal.

    Where the others would fill it, the widest of them are wrapped between words as well.
    """
    columns = shutil.get_terminal_size((110, 24)).columns
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[c]) for row in cells) for c in range(len(head))]
    words = [max(len(word) for row in cells for word in row[c].split(" ")) for c in range(len(head))]
    spare = columns - 2 * len(widths) - min(LEAST, widths[-1])
    for c in sorted(range(len(widths) - 1), key=lambda c: -widths[c]):
        over = max(0, sum(widths[:-1]) - spare)
        widths[c] = min(widths[c], max(widths[c] - over, words[c], LEAST))
    widths[-1] = max(min(LEAST, widths[-1]), columns - sum(widths[:-1]) - 2 * len(widths))
    longest = [min(width, max(len(row[c]) for row in cells)) for c, width in enumerate(widths)]
    for row in [cells[0], ["-" * width for width in longest], *cells[1:]]:
        wrapped = [_lines(cell, width) for cell, width in zip(row, widths)]
        for lines in itertools.zip_longest(*wrapped, fillvalue=""):
            print("  ".join(line.ljust(width) for line, width in zip(lines, widths)).rstrip())


def _lines(cell: str, width: int) -> list[str]:
    return textwrap.wrap(cell, width) if len(cell) > width else [cell]


def print_json(content: dict) -> None:
    """Print JSON; where the terminal knows few letters, the others as \\u escapes."""
    plain = not (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    print(json.dumps(content, ensure_ascii=plain, indent=1, default=list))
