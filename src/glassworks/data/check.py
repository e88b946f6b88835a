"""The data doctor: what is in a person's pictures, what is wrong with them, and how to mend it.

Every picture is decoded once; all findings follow from those looks and from the table of targets and parts.
Nothing is changed: the report says what to do, and `write_fixes` lists it for review. Most bad results on own
data come from what is told here: copies across parts, wrong labels, a class of five pictures.

The first thing to change: `MODEL_SIDES` for the suggestion; what is found stands in `findings.py`.
"""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage, PictureTable
from glassworks.data.check_report import CheckReport
from glassworks.data.decode import PIXEL_LIMIT
from glassworks.data.findings import Facts, find
from glassworks.data.scan import Look, scan

SMALL_SET = 200  # pictures below which one split says little
MODEL_SIDES = (16, 24, 28, 32, 48, 64, 96, 128, 224)  # sides that models of this house are used with
RECIPE_SIDE = 64  # the largest side that a recipe takes by itself
SHARES = "70 % to learn from, 15 % to choose with, 15 % to judge with"


def check(
    table: PictureTable,
    *,
    problems: Sequence[PersonError] = (),
    splits: Sequence[str] | None = None,
    workers: int = 0,
    target: str = "",
    limit: int = PIXEL_LIMIT,
) -> CheckReport:
    """Look at every picture of a table and report.

    problems: what the reader refused; each becomes a finding of level "stop"
    splits:   the part of each row, where it is not in the table; workers: processes that decode (0: this one)
    target:   the column that was read as target, for the suggested command; limit: pixels a picture may have
    """
    if splits is not None:
        table = replace(table, parts=tuple(splits))
    looks = scan(table.sources, workers=workers, limit=limit)
    known = {damage.name for damage in table.damaged}
    # A damaged file bears the name of its row here, not the machine's path to it.
    fresh = [replace(look, name=name) for name, look in zip(table.names, looks) if isinstance(look, Damage)]
    damaged = (*table.damaged, *(damage for damage in fresh if damage.name not in known))
    good = [row for row, look in enumerate(looks) if isinstance(look, Look)]
    facts = Facts(table, good, [look for look in looks if isinstance(look, Look)], damaged)
    findings = find(facts, problems)
    return CheckReport(
        table=table,
        findings=findings,
        counts=facts.counts,
        sizes=facts.sizes(),
        formats=dict(Counter(look.facts.format for look in facts.looks).most_common()),
        channels=dict(Counter("grey" if look.grey else "colour" for look in facts.looks).most_common()),
        damaged=damaged,
        exact=facts.named(facts.exact),
        near=facts.named(facts.near),
        conflicts=facts.named(facts.conflicts()),
        suggestion=_suggestion(facts, target),
        parts=facts.parts,
    )


def _suggestion(facts: Facts, target: str) -> dict[str, str]:
    """How to split, the size that a model should see, and the command to train with."""
    table = facts.table
    if facts.parts != ("",):
        split = "keep the parts that are given: " + ", ".join(
            f"{table.parts.count(part)} {part or 'without part'}" for part in facts.parts
        )
    elif table.groups is not None:
        split = f"{SHARES}, groups kept whole"
    else:
        split = f"{SHARES}, the same share of each class" if table.classes else SHARES
    if len(table) < SMALL_SET:
        split += f"; with {len(table)} pictures one split says little, so try several seeds"
    shorter = int(np.median(facts.sides.min(axis=1))) if len(facts.sides) else MODEL_SIDES[0]
    side = max([fits for fits in MODEL_SIDES if fits <= shorter] or [MODEL_SIDES[0]])
    channels = 3 if any(not look.grey for look in facts.looks) else 1
    system = {"captions": "clip", "none": "mae"}.get(table.kind, "cnn")
    command = ["glassworks", "train", system, "--data", table.where]
    command += ["--target", target] if target else []
    command += ["--bad", "skip"] if facts.damaged else []
    command += ["--side", str(side)] if side > RECIPE_SIDE else []
    size = f"{side} x {side} pixels, {channels} channel{'s' if channels > 1 else ''}"
    return {"split": split, "size": size, "command": shlex.join(command)}
