"""The program beside an exported model, run with nothing of Glassworks in sight."""

import json
import os
import subprocess
import sys

PACKAGES = os.pathsep.join(path for path in sys.path if "site-packages" in path)


def run_alone(folder, *words):
    """What `python predict.py WORDS` in the folder of a bundle gave: a finished process, its text decoded."""
    return subprocess.run(
        [sys.executable, "-S", "predict.py", *words], cwd=folder, capture_output=True, text=True,
        encoding="utf-8", check=False, env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": PACKAGES},
    )  # fmt: skip


def alone(folder, *words):
    """The rows that it prints."""
    assert "glassworks" not in (folder / "predict.py").read_text(encoding="utf-8")
    found = run_alone(folder, *words)
    assert found.returncode == 0, found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]
