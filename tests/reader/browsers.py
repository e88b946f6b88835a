"""Which browser the tests can drive. `python -m tests.reader.browsers` says it before the tests."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium: the book is not read in a browser (apt-get install chromium, or GLASSWORKS_CHROMIUM)"


def chromium() -> str | None:
    """The program of a browser that can be driven, or None."""
    chosen = os.environ.get("GLASSWORKS_CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, NAMES)), None)


if __name__ == "__main__":
    print(f"tests in a browser: {chromium() or MISSING}")
