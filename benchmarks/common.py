"""What all benchmarks share: fair timing, honest figures, one table and one JSON file each.

Sides are run in turn (A B A B), so that a change of the machine's mood meets both. What is compared is
processor seconds of one thread, because wall time beside a busy neighbour was off by up to twenty times;
medians are printed with their spread, and ratios are taken pair by pair. Two runs of the same side differ
by 2 to 5 %.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
QUICK = ROOT / "runs" / "benchmarks"  # where git does not look
ALONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # one thread everywhere
PACKAGES = ("torch", "torchvision", "numpy", "pillow", "onnxruntime", "fastapi", "uvicorn", "fastai",
            "glassworks")  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of several runs of the same thing."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Spread":
        return cls(statistics.median(numbers), min(numbers), max(numbers), len(numbers))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g}–{self.high:.3g})"


def arguments(description: str, **more: dict[str, Any]) -> argparse.Namespace:
    """The flags that every benchmark has, and its own: name=dict(…) as in argparse."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small part of it, to see that it works")
    for name, settings in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **settings)
    return parser.parse_args()


def one_thread() -> None:
    """One thread for torch and the libraries under it; call before any work."""
    import torch

    torch.set_num_threads(1)


def processor_seconds(work: Callable[[], Any]) -> float:
    """Processor seconds (user and system, all threads of this process) that a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turn(
    sides: dict[str, Callable[[], float]], rounds: int, *, warm: bool = True
) -> dict[str, list[float]]:
    """Run the sides A B A B … and collect what each returns; warm: one uncounted round before."""
    figures: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-1 if warm else 0, rounds):
        for name, side in sides.items():
            figure = side()
            if number >= 0:
                figures[name].append(figure)
    return figures


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Pair by pair, so that what slowed both in one round cancels."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])


def in_own_process(script: str, *arguments: str, environment: dict[str, str] | None = None) -> Any:
    """Run a benchmark file with arguments in a fresh interpreter; its last printed line is JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "benchmarks" / script), *arguments],
        capture_output=True, text=True, encoding="utf-8", env=os.environ | (environment or {}), check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(
            f"{script} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def has_fastai() -> bool:
    """Whether the peer fastai is installed; says in one line how to get it when it is not."""
    try:
        importlib.metadata.version("fastai")
    except importlib.metadata.PackageNotFoundError:
        print('fastai is left out; to compare with it: pip install "glassworks[bench]"')
        return False
    return True


def fashion_mnist() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Training and test part of Fashion-MNIST: uint8 (rows, 28, 28) and int64 (rows,) each."""
    from glassworks.core.errors import PersonError
    from glassworks.data.samples import sample_table

    try:
        table = sample_table("fashion-mnist")
    except PersonError as error:
        sys.exit(error.as_text())
    pictures, part = np.stack(list(table.sources)), np.array(table.parts)
    training, test = ((pictures[part == name], table.targets[part == name]) for name in ("train", "test"))
    return training, test


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system, as far as this system tells."""
    model = platform.processor() or platform.machine()
    memory = None
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(
            (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model
        )
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1)
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "system": platform.platform(),
        "load_at_end": load,
        "wait_policy": os.environ.get("OMP_WAIT_POLICY", "default"),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit that was measured, with "+changes" when files differ from it."""
    try:
        name = _git("rev-parse", "HEAD")
        return name + ("+changes" if _git("status", "--porcelain", "--", "src", "benchmarks/*.py") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def report(
    name: str, head: Sequence[str], rows: Sequence[Sequence[Any]], facts: dict[str, Any], *, quick: bool
) -> Path:
    """Print a table and write benchmarks/results/NAME.json; a quick run writes below runs/.

    facts: every single figure behind the table, and the settings
    """
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    content = {
        "schema": 1,
        "benchmark": name,
        "date": now(),
        "commit": commit(),
        "command": " ".join(["python", f"benchmarks/{name}.py", *sys.argv[1:]]),
        "machine": machine(),
        "versions": versions(),
        "table": {"head": list(head), "rows": cells[1:]},
        "facts": facts,
    }
    path = (QUICK if quick else RESULTS) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {path.relative_to(ROOT).as_posix()}")
    return path


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
