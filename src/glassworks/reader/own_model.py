"""What is worked out once for a set of own pictures, and kept beside it: the check and the model's judgement.

    own-data/ID/checked.json   what the checker found, as long as the pictures stay the same
    own-data/ID/judged.json    what the newest model is worth on the part that neither taught nor chose it
    own-data/ID/model.zip      that model, to take along

Looking twice at held-out pictures would flatter the model, so a page that is made anew reads this again.
The first thing to change: `ASKED_AGAIN`.
"""

import threading
from pathlib import Path
from typing import Any

from glassworks import __version__
from glassworks.api.examine import check
from glassworks.api.judge import evaluate
from glassworks.api.run import load
from glassworks.reader import own_report
from glassworks.reader.handover import hand_over
from glassworks.reader.own_folder import OwnPictures
from glassworks.reader.own_set import MODEL
from glassworks.training.run_folder import SPLITS, read_json

CHECKED, JUDGED = "checked.json", "judged.json"
ASKED_AGAIN = 8  # held-out pictures that the packed model must answer like the live one
changing = threading.Lock()  # held to judge or to delete: two pages may see the same run end


def checked(own: OwnPictures, seed: int) -> tuple[str, str]:
    """(what is still missing for training or "", HTML of what was understood)."""
    key = {"contents": own.contents(), "seed": seed, "version": __version__}
    kept = own.kept(CHECKED)
    if kept.get("key") != key:
        report = check(own.pictures)
        parts = own_report.divided(report, seed)
        needed = own_report.too_few(parts) or ("" if report.ok else "Something above stops training.")
        kept = {"key": key, "missing": needed, "html": own_report.understood(report, parts)}
        own.keep(CHECKED, kept)
    return kept["missing"], kept["html"]


def judged(own: OwnPictures, run: str, folder: Path) -> dict[str, Any]:
    """Judge the held-out part of a run and pack its model; the caller holds `changing`.

    run: the run's id; folder: where it stands
    Returns {"run", "judgement", "asked": pictures asked again after packing, "contents" of the set}.
    """
    judgement = evaluate(folder).judgement
    names = read_json(folder / SPLITS)["test"][:ASKED_AGAIN]
    handed = hand_over(load(folder), own.folder / MODEL, [own.pictures / name for name in names])
    kept = {"run": run, "judgement": judgement.as_json(), "asked": handed.asked, "contents": own.contents()}
    own.keep(JUDGED, kept)
    return kept
