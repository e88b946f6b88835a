"""What is worth a sentence: each function looks at one side of the data and says what it found.

All of it follows from the looks of `scan` and from the table; no file is opened here. A finding carries a
level, a stable code, the mend, and the names it is about.

The first thing to change: the limits below, each of which decides when a finding is worth a sentence.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS, Damage, PictureTable
from glassworks.data.check_report import LEVELS, Finding, Level, Sizes, by, counted
from glassworks.data.duplicates import NEAR_LIMIT, exact_duplicates, near_duplicates
from glassworks.data.scan import Look

FEW = 10  # pictures below which a class cannot be learned and judged
UNEVEN = 3.0  # largest class over smallest, from which accuracy misleads
SIZES_APART = 8.0  # longest side over the shortest of another picture
SAME_CAPTION = 0.05  # share of the pictures from which one and the same caption is worth a sentence
SHAPES_APART = 2.0  # widest shape (width / height) over the narrowest


class Facts:
    """A table, the looks at its good rows (`good[i]` is the row of `looks[i]`), and their counts."""

    def __init__(self, table: PictureTable, good: list[int], looks: list[Look], damaged: tuple[Damage, ...]):
        self.table, self.good, self.looks, self.damaged = table, good, looks, damaged
        self.parts = tuple(part for part in ("", *PARTS) if part in table.parts) or ("",)
        self.sides = np.array([(look.facts.width, look.facts.height) for look in looks]).reshape(-1, 2)
        self.exact = self._rows(exact_duplicates([look.hash for look in looks]))
        self.near: list[list[int]] = []
        if 1 < len(looks) <= NEAR_LIMIT:
            groups = near_duplicates(np.stack([look.small for look in looks]), self.sides)
            self.near = self._rows([g for g in groups if len({looks[place].hash for place in g}) > 1])
        self.counts = {
            name: {part: int(members[rows].sum()) for part, rows in self._rows_of_parts().items()}
            for name, members in self.members()
        }

    def members(self) -> Iterator[tuple[str, np.ndarray]]:
        """(class, bool for each row) for tables with classes."""
        if self.table.kind == "captions":  # classes that are known beside the texts are no targets
            return
        for index, name in enumerate(self.table.classes):
            targets = self.table.targets
            yield name, targets[:, index] if self.table.kind == "labels" else targets == index

    def conflicts(self) -> list[list[int]]:
        """Groups of equal pixels whose targets differ."""
        targets = self.table.targets
        if self.table.kind in ("none", "captions"):
            return []
        return [group for group in self.exact if any((targets[r] != targets[group[0]]).any() for r in group)]

    def split(self, groups: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
        """The groups that lie in more than one part, and the others."""
        across: list[list[int]] = []
        within: list[list[int]] = []
        for group in groups:
            (across if len({self.table.parts[row] for row in group}) > 1 else within).append(group)
        return across, within

    def named(self, groups: list[list[int]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(self.table.names[row] for row in group) for group in groups)

    def names(self, rows) -> tuple[str, ...]:
        return tuple(self.table.names[int(row)] for row in rows)

    def sizes(self) -> Sizes:
        if not len(self.sides):
            return Sizes()
        order = np.argsort(self.sides.prod(axis=1), kind="stable")
        low, middle, high = (tuple(int(n) for n in self.sides[order[p]]) for p in (0, len(order) // 2, -1))
        return Sizes(low, middle, high)  # type: ignore[arg-type]

    def _rows(self, groups: list[list[int]]) -> list[list[int]]:
        return [[self.good[place] for place in group] for group in groups]

    def _rows_of_parts(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {part: [] for part in self.parts}
        for row, part in enumerate(self.table.parts):
            found[part].append(row)
        return found


class _Findings:
    """Collects findings."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    def say(self, level: Level, code: str, sentence: str, mend: str = "", names: Iterable[str] = ()) -> None:
        self.all.append(Finding(level, code, sentence, mend, tuple(names)))


def find(facts: Facts, problems: Sequence[PersonError]) -> tuple[Finding, ...]:
    """All findings, those that stop training first. problems: what the reader refused."""
    found = _Findings()
    for problem in problems:
        level: Level = "stop"
        fix = problem.fix
        if problem.code == "no-class-folders" and facts.looks:  # a classifier refuses, not everything does
            level, fix = "warn", f"{fix}; without labels `glassworks train mae` can learn from them"
        found.say(level, problem.code, f"expected {problem.expected}; got {problem.got}", fix)
    for look_at in (_files, _targets, _captions, _parts, _copies, _looks):
        look_at(facts, found)
    for note in facts.table.notes:
        found.say("info", "note", note)
    return tuple(sorted(found.all, key=lambda finding: LEVELS.index(finding.level)))


def _files(facts: Facts, found: _Findings) -> None:
    """Damaged files, and good ones that needed putting right."""
    if facts.damaged:
        reasons = counted(Counter(damage.reason for damage in facts.damaged))
        mend = "replace or remove them, or leave them out with --bad skip"
        names = [damage.name for damage in facts.damaged]
        found.say("stop", "damaged-pictures", f"{len(names)} damaged: {reasons}", mend, names)
    rare = [row for row, look in zip(facts.good, facts.looks) if look.unusual]
    if rare:
        kinds = counted(Counter(kind for look in facts.looks for kind in look.unusual))
        found.say(
            "info", "unusual-pictures", f"{_are(len(rare))} unusual but good: {kinds}", "", facts.names(rare)
        )
    if not facts.looks:
        found.say("stop", "no-pictures", "no picture can be used", "name a folder or table that holds some")


def _targets(facts: Facts, found: _Findings) -> None:
    """Numbers that are none, classes that are few, small or uneven."""
    table = facts.table
    if table.kind == "number":
        bad = np.flatnonzero(~np.isfinite(table.targets))
        if len(bad):
            mend = "fill in the number or remove the row"
            found.say(
                "stop",
                "target-not-a-number",
                f"{_are(len(bad))} without a finite target",
                mend,
                facts.names(bad),
            )
        elif len(table) > 1 and np.ptp(table.targets) == 0:
            mend = "name another column with --target"
            found.say("stop", "constant-target", "every picture has the same target", mend)
    totals = {name: sum(of.values()) for name, of in facts.counts.items()}
    if not totals:
        return
    if len(totals) == 1 and table.kind == "label":
        mend = "add pictures of another class; with one there is nothing to tell apart"
        found.say("stop", "single-class", f'only one class, "{next(iter(totals))}"', mend)
    few = [name for name, count in totals.items() if count < FEW]
    if few:
        sentence = f"{_count(len(few), 'class', 'classes')} with fewer than {FEW} pictures"
        found.say(
            "warn", "few-pictures", sentence, "add pictures, merge these classes or leave them out", few
        )
    low, high = min(totals, key=totals.__getitem__), max(totals, key=totals.__getitem__)
    if totals[low] and totals[high] / totals[low] > UNEVEN:
        sentence = f'"{high}" has {totals[high]} pictures, "{low}" has {totals[low]}'
        mend = "add pictures of the small classes or weigh the classes, and judge by balanced accuracy"
        found.say("warn", "uneven-classes", sentence, mend, (high, low))
    if table.kind == "labels":
        bare = np.flatnonzero(~table.targets.any(axis=1))
        if len(bare):
            found.say("info", "no-label", f"{_are(len(bare))} without any label", "", facts.names(bare))


def _captions(facts: Facts, found: _Findings) -> None:
    """Captions that say the same of many pictures, or only what a label says."""
    table = facts.table
    if table.texts is None:
        return
    every = [text.casefold() for texts in table.texts for text in texts]
    same = Counter(every)
    said, often = max(same.items(), key=lambda item: (item[1], item[0]))
    words = sum(len(text.split()) for text in every) / len(every)
    sentence = f"{_count(len(every), 'caption', 'captions')}, {len(same)} different, {words:.1f} words each"
    found.say("info", "captions", sentence)
    if len(same) == 1 and len(table) > 1:
        found.say(
            "stop", "one-caption", f'every picture has the caption "{said}"', "say what tells them apart"
        )
    elif often > max(3, len(table) * SAME_CAPTION):
        mend = "say more of each: pictures with the same caption cannot be told apart by it"
        found.say("warn", "same-captions", f'{often} pictures have the caption "{said[:60]}"', mend)


def _parts(facts: Facts, found: _Findings) -> None:
    """Classes that a part lacks, and groups that a split tears apart."""
    table = facts.table
    for part in facts.parts:
        lacking = [name for name, of in facts.counts.items() if not of[part]]
        if lacking:
            where = f'part "{part}"' if part else "the data"
            sentence = f"{where} has no picture of {_count(len(lacking), 'class', 'classes')}"
            found.say(
                "warn",
                "class-without-pictures",
                sentence,
                "move some there, or leave the classes out",
                lacking,
            )
    if table.groups is None:
        return
    homes: dict[str, set[str]] = {}
    for group, part in zip(table.groups, table.parts):
        homes.setdefault(group, set()).add(part)
    torn = sorted(group for group, parts in homes.items() if len(parts) > 1)
    if torn:
        sentence = f"{_count(len(torn), 'group lies', 'groups lie')} in more than one part"
        mend = "split by group, so that a patient or a film is learned from or judged, never both"
        found.say("warn", "groups-divided", sentence, mend, torn)


def _copies(facts: Facts, found: _Findings) -> None:
    """Copies inside a part, across parts, and with labels that contradict each other."""

    def tell(level: Level, code: str, groups: list[list[int]], what: str, mend: str) -> None:
        if groups:
            names = [name for group in facts.named(groups) for name in group]
            sentence = f"{_count(len(groups), 'picture has', 'pictures have')} {what}"
            found.say(level, code, sentence, mend, names)

    look = "look at them on the page; keep copies in one part"
    tell(
        "warn", "same-picture-different-labels", facts.conflicts(),
        "copies under different labels", "decide on one label for each",
    )  # fmt: skip
    leak, inside = facts.split(facts.exact)
    tell(
        "warn", "copies-across-parts", leak,
        "copies in another part", "keep each in one part; a model that saw the answer is judged too well",
    )  # fmt: skip
    near_leak, near_inside = facts.split(facts.near)
    tell("warn", "near-copies-across-parts", near_leak, "copies in another part, nearly the same", look)
    tell(
        "warn", "copies", inside,
        "exact copies", "remove the copies, or they count double and may be split apart",
    )  # fmt: skip
    tell("info", "near-copies", near_inside, "copies that are nearly the same", look)
    if len(facts.looks) > NEAR_LIMIT:
        sentence = f"near copies are searched among at most {NEAR_LIMIT:,} pictures"
        found.say("info", "near-copies-not-searched", sentence, "check a part of the data to search it")


def _looks(facts: Facts, found: _Findings) -> None:
    """What the pixels say: nothing in them, sizes apart, grey among colour."""
    if not facts.looks:
        return
    blank = [row for row, look in zip(facts.good, facts.looks) if look.constant]
    if blank:
        mend = "look at them; remove those that show nothing"
        sentence = f"{_are(len(blank))} of one colour throughout"
        found.say("warn", "constant-pictures", sentence, mend, facts.names(blank))
    longest = facts.sides.max(axis=1)
    if longest.max() > SIZES_APART * longest.min():
        low, high = int(longest.argmin()), int(longest.argmax())
        sentence = f"very different sizes, {by(facts.sides[low])} to {by(facts.sides[high])} pixels"
        mend = "look whether the small ones belong"
        found.say("info", "sizes-apart", sentence, mend, facts.names([facts.good[low]]))
    shape = facts.sides[:, 0] / facts.sides[:, 1]
    if shape.max() > SHAPES_APART * shape.min():
        mend = "use fit crop or pad, so that nothing is stretched"
        found.say("info", "shapes-apart", "some pictures are wide and others high", mend)
    grey = [row for row, look in zip(facts.good, facts.looks) if look.grey]
    if 0 < len(grey) < len(facts.looks):
        mend = "fine where grey is spread over the classes; else a model learns that instead"
        sentence = f"{_are(len(grey))} grey among {len(facts.looks)}"
        found.say("info", "grey-among-colour", sentence, mend, facts.names(grey))


def _are(count: int) -> str:
    return _count(count, "picture is", "pictures are")


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
