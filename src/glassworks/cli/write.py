"""The verb that writes: `generate`. What is written appears as it comes."""

import sys

from glassworks.api.requests import GenerateRequest
from glassworks.cli.show import print_json


def generate(request: GenerateRequest) -> int:
    """Print texts, each token as soon as it is certain."""
    from glassworks.api.writing import generate_request

    if request.json:
        print_json({"schema": 1, "command": "generate", "texts": generate_request(request)})
        return 0
    heard: list[int] = []

    def hear(number: int, text: str) -> None:
        if number not in heard:
            print("\n\n---\n" if heard else "", end="")
            print(request.prompt or "", end="")
            heard.append(number)
        print(text, end="", flush=True)

    rows = generate_request(request, hear=hear)
    print()
    for note in dict.fromkeys(row["note"] for row in rows if "note" in row):
        print(f"\n{note}", file=sys.stderr)
    if request.out:
        print(f"written: {request.out}", file=sys.stderr)
    return 0
