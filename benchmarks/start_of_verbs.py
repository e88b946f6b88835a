"""How long the command takes before it answers: help, version, lists and mistakes, and what training adds.

    python benchmarks/start_of_verbs.py [--quick]

Processor seconds (user and system) and wall seconds of fresh interpreters, in turn with a bare interpreter,
with numpy and with torch alone. The last column says whether torch was imported.
"""

import os
import subprocess
import sys
import time

import common

CALL = "import sys; from glassworks.cli import main; code = main({words!r}); "
TELL = "print('torch' in sys.modules, file=sys.stderr)"
COMMANDS = {
    "python alone": "import sys; ",
    "import numpy": "import sys, numpy; ",
    "glassworks --help": CALL.format(words=["--help"]),
    "glassworks --version": CALL.format(words=["--version"]),
    "glassworks list": CALL.format(words=["list"]),
    "glassworks train --help": CALL.format(words=["train", "--help"]),
    "glassworks train --epoch 3 (a mistake)": CALL.format(words=["train", "cnn", "--epoch", "3"]),
    "glassworks lsit (a mistake)": CALL.format(words=["lsit"]),
    "import torch": "import sys, torch; ",
    "all that training imports": "import sys, glassworks.api.train; ",
}


def start(code: str) -> tuple[float, float, bool]:
    """Processor seconds, wall seconds and whether torch was imported, of one fresh interpreter."""
    before, clock = os.times(), time.perf_counter()
    # An exit inside a verb must not hide the answer, so it is told in `finally`.
    whole = f"import sys\ntry:\n    {code}\nfinally:\n    {TELL}"
    done = subprocess.run(
        [sys.executable, "-c", whole], capture_output=True, text=True, encoding="utf-8", check=False
    )
    wall, after = time.perf_counter() - clock, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    if last not in ("True", "False") and "True" not in done.stderr and "False" not in done.stderr:
        raise RuntimeError(f"{code} failed:\n{done.stderr[-1500:]}")
    return processor, wall, "True" in done.stderr.splitlines()


def main() -> None:
    flags = common.arguments(__doc__)
    rounds = 2 if flags.quick else 9
    times: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in COMMANDS}
    for number in range(-1, rounds):  # the first round fills the disk's cache and the .pyc files
        for name, code in COMMANDS.items():
            figure = start(code)
            if number >= 0:
                times[name].append(figure)
    table = []
    for name, figures in times.items():
        processor = common.Spread.of([figure[0] for figure in figures])
        wall = common.Spread.of([figure[1] for figure in figures])
        table.append([name, str(processor), str(wall), "yes" if figures[0][2] else "no"])
    head = ["command", "processor s", "wall s", "torch"]
    common.report("start_of_verbs", head, table, {"seconds": times}, quick=flags.quick)


if __name__ == "__main__":
    main()
