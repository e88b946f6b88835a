"""Running a lab, and remembering one: the table's row, its module, the clock and the machine around it.

The first thing to change: nothing; see `labs/table.py` for adding a lab.
"""

import datetime
import importlib
import importlib.metadata
import importlib.resources
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from glassworks import __version__
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.processes import cores
from glassworks.labs.lab import Bench, Lab, Machine, Result, Stopped, result_of
from glassworks.labs.table import LABS

CPU_FACTS = Path("/proc/cpuinfo")  # Linux only


def names() -> list[str]:
    """The labs there are, in the order of the book."""
    return list(LABS)


def find(name: str) -> Lab:
    """One row of the table. Raises PersonError("unknown-lab") with the nearest name."""
    if name not in LABS:
        raise PersonError(
            "unknown-lab", expected="a lab of `glassworks lab list`", got=f'"{name}"',
            fix=did_you_mean(name, LABS),
        )  # fmt: skip
    return LABS[name]


def run(
    name: str,
    *,
    quick: bool = False,
    seeds: int | None = None,
    say: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
    threads: int | None = None,
) -> Result:
    """Run a lab here and now, in this process.

    quick: fewer seeds and sizes; seeds: how often it is repeated, left out: as the lab says
    say:   told a line after each part; stop: asked between runs, True ends the lab
    threads: of torch in the whole process, left out: as they are. The networks are so small that one is best:
        beside a busy program two were measured to take ten times as long
    Raises PersonError for a name or number that does not fit, `Stopped` when `stop` said so.
    """
    row = find(name)
    if seeds is not None and seeds < 1:
        raise PersonError(
            "bad-value", expected="--seeds from 1", got=f"--seeds {seeds}",
            fix="leave it out, or give at least 2, so that there is an interval",
        )  # fmt: skip
    module = importlib.import_module(f"glassworks.labs.{row.module}")
    if threads is not None:
        use_threads(threads)
    planned = tuple(module.QUICK_SEEDS if quick else module.SEEDS)
    chosen = planned if seeds is None else tuple(range(seeds))

    def go_on() -> None:
        if stop():
            raise Stopped(f"{name} was stopped")

    begun, work = time.monotonic(), time.process_time()
    findings = module.experiment(Bench(chosen, quick, say, go_on))
    verdict = module.judge(findings.numbers)
    return Result(
        name=name,
        claim=row.claim,
        rule=module.RULE,
        outcome=verdict.outcome,
        verdict=verdict.sentence,
        interval=verdict.interval,
        tables=tuple(findings.tables),
        charts=tuple(findings.charts),
        notes=tuple(findings.notes),
        numbers=findings.numbers,
        seeds=chosen,
        quick=quick,
        seconds=round(time.monotonic() - begun, 1),
        work=round(time.process_time() - work, 1),
        machine=machine(module.PRECISION),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        command=command_of(name, quick, seeds),
    )


def use_threads(count: int) -> None:
    """Have torch compute with so many threads from now on. Raises PersonError for fewer than one."""
    import torch

    if count < 1:
        raise PersonError(
            "bad-value", expected="--threads from 1", got=f"--threads {count}",
            fix="leave it out: one is the fastest for networks as small as these",
        )  # fmt: skip
    torch.set_num_threads(count)


def recorded(name: str) -> Result | None:
    """The result that the package brings along, or None where there is none yet."""
    find(name)
    file = importlib.resources.files("glassworks.labs") / "recorded" / f"{name}.json"
    return result_of(file.read_bytes(), f"recorded/{name}.json") if file.is_file() else None


def command_of(name: str, quick: bool = False, seeds: int | None = None) -> str:
    """The command line that runs the same."""
    return f"glassworks lab {name}{' --quick' if quick else ''}{f' --seeds {seeds}' if seeds else ''}"


def machine(precision: str) -> Machine:
    """This machine and the versions that compute."""
    import torch

    return Machine(
        cpu=cpu_name(),
        cores=cores(),
        threads=torch.get_num_threads(),
        system=f"{platform.system()} {platform.machine()}",
        precision=precision,
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=importlib.metadata.version("numpy"),
        glassworks=__version__,
    )


def cpu_name() -> str:
    """The processor as its maker calls it, or the kind of machine where the system does not say."""
    if CPU_FACTS.is_file():
        lines = CPU_FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return named[0] if named else platform.machine()
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False)
        return told.stdout.strip() or platform.machine()
    return platform.processor() or platform.machine()
