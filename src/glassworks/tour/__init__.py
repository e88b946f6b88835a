"""The tour: everything once, on real data that packages ship, offline, in at most three minutes.

Handwritten digits show training and judging; faces, written out as class folders and read back, show a
person's own pictures; a model that was trained on a million photographs shows transfer, looking inside and
shipping. It ends with one page, tour.html, and with what to try next.
"""

import shutil
import time
from pathlib import Path

from glassworks.core.errors import PersonError
from glassworks.core.page import Page
from glassworks.tour.shipping import inside, ship
from glassworks.tour.training import digits, faces, one_dial
from glassworks.tour.transfer import few_pictures, knows_already
from glassworks.training.progress import readable_time

MARK = "glassworks-tour.txt"  # a folder without it is not the tour's, and is left alone


def tour(out: str = "tour") -> dict:
    """Walk through all verbs into the folder `out`; returns {"page", "seconds", "stations": […]}."""
    began = time.monotonic()
    folder = _fresh_folder(Path(out))
    page = Page(
        "A tour of Glassworks",
        "From pictures to a trained, judged model that answers. Everything on this page was computed on this "
        "machine a moment ago, from real data, without a network.",
    )
    stations = [
        digits(folder, page),
        faces(folder, page),
        one_dial(folder, page),
        knows_already(folder, page),
        few_pictures(folder, page),
        inside(folder, page),
        ship(folder, page),
    ]
    _next(page, folder)
    seconds = time.monotonic() - began
    page.text(f"The tour took {readable_time(seconds)}.", "note")
    path = page.save(folder / "tour.html")
    print(f"\nThe tour took {readable_time(seconds)}. Open {path} in a browser.")
    print("To understand what it did, open the book:  glassworks book")
    return {"schema": 1, "command": "tour", "page": str(path), "seconds": seconds, "stations": stations}


def _fresh_folder(folder: Path) -> Path:
    """The tour's own folder, emptied; a folder that holds anything else is refused."""
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise PersonError(
            "not-the-tours",
            expected="a new folder, or one of an earlier tour",
            got=f"{folder}, which holds something else",
            fix="choose another place: glassworks tour --out my-tour",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).write_text("Made by `glassworks tour`; it may be deleted.\n", encoding="utf-8")
    return folder


def _next(page: Page, folder: Path) -> None:
    page.section("What to try next")
    page.code(
        "glassworks check YOUR-FOLDER            # a folder with one folder of pictures a class\n"
        "glassworks finetune efficientnet --data YOUR-FOLDER --out runs/mine\n"
        "glassworks evaluate runs/mine           # then open runs/mine/report.html\n"
        "glassworks explain runs/mine some.jpg   # what it looked at\n"
        "glassworks serve runs/mine              # a page to drop pictures on\n"
        "glassworks info cnn                     # what the network is, and what each part costs\n"
        "glassworks book                         # the interactive book: why all of this works"
    )
    page.text(
        "Change a line: open src/glassworks/models/vision/cnn.py, change `widths`, train again, and compare. "
        "The folders beside this page hold everything that was made."
    )
