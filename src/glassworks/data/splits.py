"""Train, validation and test rows, drawn by name.

A row's place is decided by a hash of the seed and its name, class by class, so the split does not depend on
the order of files, on the machine, or on how many workers read them. Rows of a group (one patient, one film)
and exact duplicates stay together. Parts that the person gave are kept; a part that is missing is cut from
train — also the test part when only train and val were given, because the validation part chooses the best
weights and would flatter them. Say val=0 or test=0 to do without one.

The first thing to change: the shares `val` and `test` of `split`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS, Table
from glassworks.data.classes import shortened

BINS = 10  # a number to predict is spread over the parts in as many equal steps
SCHEMA = 1


@dataclass(frozen=True)
class Splits:
    """Rows of each part, int64, sorted.

    notes: what the split did that a person should know; unused: rows that stand in no part, on purpose
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()
    unused: tuple[int, ...] = ()

    def to_json(self, table: Table) -> dict[str, Any]:
        """The split by row names, with a digest of names and targets: what `splits.json` holds."""
        names = {part: [table.names[row] for row in getattr(self, part)] for part in PARTS}
        unused = {"unused": [table.names[row] for row in self.unused]} if self.unused else {}
        return {"schema": SCHEMA, "digest": data_digest(table), **names, **unused}

    @staticmethod
    def from_json(table: Table, content: dict[str, Any]) -> "Splits":
        """The same rows in a table that was read again, in whatever order it is now.

        Raises PersonError("data-changed") that names rows which are gone, new, or have another target.
        """
        place = {name: row for row, name in enumerate(table.names)}
        try:
            left_out = [str(name) for name in content.get("unused", [])]
            known = [str(name) for part in PARTS for name in content[part]] + left_out
        except (KeyError, TypeError) as error:
            raise PersonError(
                "damaged-run",
                expected="splits.json as Glassworks wrote it, with train, val and test",
                got=f"something else ({error!r})",
                fix="restore the file from a copy, or train again",
            ) from error
        gone, new = [n for n in known if n not in place], sorted(place.keys() - set(known))
        if gone or new or content.get("digest") != data_digest(table):
            raise _data_changed(table, gone, new)
        train, val, test = (_rows(place[name] for name in content[part]) for part in PARTS)
        return Splits(train, val, test, unused=tuple(sorted(place[name] for name in left_out)))


def data_digest(table: Table) -> str:
    """SHA-256 over row names with their targets, independent of the rows' order."""
    digest = hashlib.sha256()
    for name, word in sorted(zip(table.names, table.target_words())):
        digest.update(f"{name}\0{word}\n".encode())
    return digest.hexdigest()


def split(
    table: Table,
    *,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    same: Sequence[Sequence[int]] = (),
) -> Splits:
    """Divide a table's rows into train, val and test.

    val, test: shares of the rows that are still to be divided. same: rows with identical pixels.
    Every class keeps at least one row in train; tiny classes are told in the notes.
    Raises PersonError("group-divided") when the person's own parts tear a group apart.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise ValueError(f"shares of {val} and {test} leave nothing to train on")
    given = {part: [row for row, own in enumerate(table.parts) if own == part] for part in PARTS}
    _refuse_divided_groups(table, given)
    free = [row for row, own in enumerate(table.parts) if own in ("", "train")]
    shares = {part: share for part, share in (("test", test), ("val", val)) if not given[part]}
    notes = []
    if given["train"] and any(shares.values()):
        cut = " and ".join(part for part in PARTS if shares.get(part))
        notes.append(f"the data has no {cut} part: cut from train")
    strata = _strata(table, free)
    units = _units(table, free, same, seed)
    chosen = _draw(units, strata, shares)
    notes += _tiny_classes(table, free, chosen)
    taken = {row for part in chosen for row in chosen[part]}
    parts = {part: [*given[part], *chosen.get(part, ())] for part in ("val", "test")}
    return Splits(
        train=_rows(row for row in free if row not in taken),
        val=_rows(parts["val"]),
        test=_rows(parts["test"]),
        notes=tuple(notes),
    )


def folds(
    table: Table, count: int, *, seed: int = 0, val: float = 0.15, same: Sequence[Sequence[int]] = ()
) -> list[Splits]:
    """Cut all rows into `count` test parts of about equal size, so that each row is judged just once.

    Groups and identical examples stay together, and each class is spread evenly. Of the rows that a fold does
    not judge, a share `val` chooses the best weights. The person's own parts are put aside: every row takes
    its turn. Raises PersonError("too-few-examples") where a class has fewer than folds.
    """
    free = list(range(len(table)))
    _refuse_few(table, count)
    strata = _strata(table, free)
    units = _units(table, free, same, seed)
    dealt: list[list[int]] = [[] for _ in range(count)]
    seen: dict[tuple[int, ...], int] = {}
    for unit in units:  # like cards, stratum by stratum: the units stand in an order drawn from their names
        stratum = strata[unit[0]]
        turn = seen.get(stratum, _first_turn(stratum, count))
        dealt[turn % count] += unit
        seen[stratum] = turn + 1
    parts = []
    for judged in dealt:
        taken = set(judged)
        rest = [unit for unit in units if unit[0] not in taken]
        left = {row: strata[row] for unit in rest for row in unit}
        chosen = set(_draw(rest, left, {"val": val})["val"])
        parts.append(Splits(_rows(row for row in left if row not in chosen), _rows(chosen), _rows(judged)))
    return parts


def _first_turn(stratum: tuple[int, ...], count: int) -> int:
    """Where the dealing of a stratum begins, so that small classes do not all fill the first fold."""
    return sum(stratum) % count


def _refuse_few(table: Table, count: int) -> None:
    counts = (
        np.bincount(table.targets, minlength=len(table.classes)) if table.kind == "label" else [len(table)]
    )
    least = int(np.argmin(counts))
    if count < 2 or counts[least] < count:
        which = (
            f'"{table.classes[least]}" has {counts[least]}'
            if table.kind == "label"
            else f"{len(table)} examples"
        )
        raise PersonError(
            "too-few-examples",
            expected="two folds or more, and in every class an example for each fold",
            got=f"{count} folds; {which}",
            fix="use fewer --folds, or add examples",
        )


# ---- units: rows that go together, in an order drawn from their names


def _units(table: Table, free: list[int], same: Sequence[Sequence[int]], seed: int) -> list[list[int]]:
    """Free rows in sets that must not be divided, ordered by the hash of their first name."""
    leader = {row: row for row in free}

    def find(row: int) -> int:
        while leader[row] != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    together: dict[str, list[int]] = {}
    for row in free if table.groups is not None else ():
        together.setdefault(table.groups[row], []).append(row)  # type: ignore[index]
    for rows in [*together.values(), *same]:
        members = [int(row) for row in rows if int(row) in leader]
        for row in members[1:]:
            leader[find(row)] = find(members[0])
    units: dict[int, list[int]] = {}
    for row in free:
        units.setdefault(find(row), []).append(row)

    def key(unit: list[int]) -> tuple[bytes, str]:
        name = min(table.names[row] for row in unit)
        return hashlib.sha256(f"{seed}\0{name}".encode()).digest(), name

    return sorted(units.values(), key=key)


def _strata(table: Table, free: list[int]) -> dict[int, tuple[int, ...]]:
    """What each free row must be spread by: its class, its classes, or its step of the number."""
    if table.kind == "label":
        return {row: (int(table.targets[row]),) for row in free}
    if table.kind == "labels":
        none = (len(table.classes),)
        return {row: tuple(map(int, table.targets[row].nonzero()[0])) or none for row in free}
    if table.kind == "number" and len(free) >= 3 * BINS:
        order = sorted(free, key=lambda row: (table.targets[row], table.names[row]))
        return {row: (place * BINS // len(order),) for place, row in enumerate(order)}
    return dict.fromkeys(free, (0,))


# ---- the draw


def _draw(
    units: list[list[int]], strata: dict[int, tuple[int, ...]], shares: dict[str, float]
) -> dict[str, list[int]]:
    """Rows of the parts to be cut; what is not drawn trains."""
    left = _count(strata, strata)  # rows of each stratum that would still train
    wanted = {
        part: {stratum: _wanted(count, share) for stratum, count in left.items()}
        for part, share in shares.items()
        if share
    }
    chosen: dict[str, list[int]] = {part: [] for part in wanted}
    used: set[int] = set()
    for generous in (False, True):
        for part, needs in wanted.items():
            if generous and (chosen[part] or len(strata) < 3):
                continue
            # In the generous round the smallest unit goes first: groups may all be larger than the need.
            order = sorted(range(len(units)), key=lambda at: len(units[at]) if generous else 0)
            for at in order:
                if at in used:
                    continue
                counts = _count(units[at], strata)
                if any(left[stratum] - count < 1 for stratum, count in counts.items()):
                    continue
                helps = sum(min(needs[stratum], count) for stratum, count in counts.items())
                if generous or (helps and 2 * helps >= sum(counts.values())):
                    used.add(at)
                    chosen[part] += units[at]
                    for stratum, count in counts.items():
                        needs[stratum] = max(0, needs[stratum] - count)
                        left[stratum] -= count
                    if generous:
                        break
    return chosen


def _count(rows: Iterable[int], strata: dict[int, tuple[int, ...]]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for row in rows:
        for stratum in strata[row]:
            counts[stratum] = counts.get(stratum, 0) + 1
    return counts


def _wanted(count: int, share: float) -> int:
    """Rows of a stratum for one part: its share, at least one when three rows or more can be divided."""
    return max(int(count * share + 0.5), 1 if count >= 3 else 0)


def _rows(rows: Iterable[int]) -> np.ndarray:
    return np.array(sorted(rows), dtype=np.int64)


# ---- what to say


def _tiny_classes(table: Table, free: list[int], chosen: dict[str, list[int]]) -> list[str]:
    if table.kind not in ("label", "labels") or not chosen:
        return []
    hot = np.eye(len(table.classes), dtype=bool)[table.targets] if table.kind == "label" else table.targets
    notes = []
    for part, rows in sorted(chosen.items()):
        lacking = np.flatnonzero(hot[free].any(0) & ~hot[rows].any(0))
        if len(lacking):
            names = shortened(table.classes[index] for index in lacking)
            notes.append(f"too few pictures for the {part} part, so nothing is judged there of: {names}")
    return notes


def _refuse_divided_groups(table: Table, given: dict[str, list[int]]) -> None:
    if table.groups is None:
        return
    home: dict[str, tuple[str, int]] = {}
    for part, rows in given.items():
        for row in rows:
            first, other = home.setdefault(table.groups[row], (part, row))
            if first != part:
                raise PersonError(
                    "group-divided",
                    expected="all rows of a group in one part",
                    got=f'group "{table.groups[row]}" in {first} ({table.names[other]}) and in {part} '
                    f"({table.names[row]})",
                    fix="move the group's rows into one part, or leave the group column away",
                )


def _data_changed(table: Table, gone: list[str], new: list[str]) -> PersonError:
    said = [f"{len(gone)} row(s) are gone ({shortened(gone, 3)})"] if gone else []
    said += [f"{len(new)} row(s) are new ({shortened(new, 3)})"] if new else []
    return PersonError(
        "data-changed",
        expected=f"the data of {table.where} as it was when the run began",
        got=" and ".join(said) or "the same names, but other targets for some of them",
        fix="put the data back as it was, or start a new run from this one's weights with --from RUN",
    )
