"""What is worth a sentence in texts: each function looks at one side of the data and says what it found.

A finding carries a level, a stable code, the mend, and the names of the texts it is about.
The first thing to change: the limits below, each of which decides when a finding is worth a sentence.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.core.rows import PARTS
from glassworks.core.text_rows import TextTable
from glassworks.data.check_report import LEVELS, Finding, Level, counted
from glassworks.data.check_texts_report import LIMITS
from glassworks.data.encodings import LOST, OddLine, wrongly_read

FEW = 10  # texts below which a class cannot be learned and judged
UNEVEN = 3.0  # largest class over smallest, from which accuracy misleads
MIXED = 0.002  # share of the texts in another script or language that is worth a sentence
MARKUP = 0.01  # share with markup from which it misleads
WORD = re.compile(r"\w+(?:['’-]\w+)*")
HTML = re.compile(r"</?(?:p|br|div|span|a|b|i|em|strong|ul|ol|li|h[1-6]|table|tr|td|img|font)\b[^<>]*>"
                  r"|&(?:amp|lt|gt|quot|nbsp|apos|#\d{2,5}|#x[0-9a-fA-F]{2,5});", re.IGNORECASE)  # fmt: skip
LINK = re.compile(r"https?://\S+|\bwww\.\S+", re.IGNORECASE)
MAIL = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b")
HIDDEN = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
# Words so frequent that a few of them tell a language; none stands in two of these lists.
COMMON = {
    "English": "the and of is that it was for with this but not you have are be they from",
    "German": "der die und das ist nicht ein ich mit auch sich auf dem eine wird sind oder",
    "French": "le les et est une dans pour pas que qui au sur plus avec ce il nous vous",
    "Spanish": "el los y es las por una para no del se lo como pero muy está todo",
    "Italian": "il di che è per non della sono gli questo anche più alla molto ma degli",
    "Dutch": "het een en van niet dat zijn op voor maar ook deze wordt naar bij",
}


class Facts:
    """A table and what was counted in it.

    words: int64 (rows,), words of each text; parts: those that occur, ("",) where none are given
    exact, near, bare, conflicts: groups of row numbers: the same text; different texts that are the same but
        for case, spaces and punctuation; all of both; those of them whose labels differ
    """

    def __init__(self, table: TextTable):
        self.table, self.texts = table, list(table.texts)
        self.words = np.array([len(WORD.findall(text)) for text in self.texts], dtype=np.int64)
        self.parts = tuple(part for part in ("", *PARTS) if part in table.parts) or ("",)
        self.exact = _alike(self.texts)
        self.bare = _alike([_bare(text) for text in self.texts])
        self.near = [_different(group, self.texts) for group in self.bare]
        self.near = [group for group in self.near if len(group) > 1]
        self.conflicts = _conflicts(table, self.bare)

    def named(self, groups: list[list[int]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(self.table.names[row] for row in group) for group in groups)

    def names(self, rows: Iterable[int]) -> tuple[str, ...]:
        return tuple(self.table.names[int(row)] for row in rows)


class _Findings:
    """Collects findings."""

    def __init__(self, facts: Facts):
        self.facts = facts
        self.all: list[Finding] = []

    def say(self, level: Level, code: str, sentence: str, mend: str = "", names: Iterable[str] = ()) -> None:
        self.all.append(Finding(level, code, sentence, mend, tuple(names)))


def find(facts: Facts, problems: Sequence[PersonError], odd: dict[str, list[OddLine]]) -> tuple[Finding, ...]:
    """All findings, those that stop training first.

    problems: what the reader refused; odd: file -> lines that are not UTF-8
    """
    found = _Findings(facts)
    for problem in problems:
        found.say("stop", problem.code, f"expected {problem.expected}; got {problem.got}", problem.fix)
    _encodings(found, odd)
    for look in (_damaged, _letters, _classes, _copies, _across, _lengths, _markup, _languages):
        look(found)
    for note in facts.table.notes:
        found.say("info", "note", note)
    return tuple(sorted(found.all, key=lambda finding: LEVELS.index(finding.level)))


# ---- what is looked at


def _encodings(found: _Findings, odd: dict[str, list[OddLine]]) -> None:
    for file, lines in odd.items():
        kinds = counted(Counter(line.encoding for line in lines))
        several = "one line is" if len(lines) == 1 else f"{len(lines)} lines are"
        found.say(
            "stop", "wrong-encoding", f"{several} not UTF-8 in {file}: by their bytes {kinds}",
            "save it again as UTF-8 (in Excel: CSV UTF-8); mixed lines mostly come from joined files",
            (f"line {line.number}: {line.text[:60]}" for line in lines),
        )  # fmt: skip


def _damaged(found: _Findings) -> None:
    damaged = found.facts.table.damaged
    if damaged:
        reasons = counted(Counter(damage.reason for damage in damaged))
        mend = "mend or remove them, or leave them out with --bad skip"
        names = [damage.name for damage in damaged]
        found.say("stop", "damaged-texts", f"{_are(len(names))} unusable: {reasons}", mend, names)
    if not len(found.facts.table):
        found.say("stop", "no-texts", "no text can be used", "name a table or folder that holds some")


def _letters(found: _Findings) -> None:
    """Letters that were lost, or read in a wrong encoding once; signs that nobody sees."""
    facts = found.facts
    wrong = [row for row, text in enumerate(facts.texts) if wrongly_read(text)]
    if wrong:
        found.say(
            "warn", "wrongly-read", f"{_hold(len(wrong))} letters like Ã© or â€™: read wrongly once",
            "export the data again as UTF-8 from where it came", facts.names(wrong),
        )  # fmt: skip
    lost = [row for row, text in enumerate(facts.texts) if LOST in text]
    if lost:
        found.say("warn", "lost-letters", f"{_hold(len(lost))} the sign {LOST}, where a letter was lost",
                  "export the data again as UTF-8 from where it came", facts.names(lost))  # fmt: skip
    hidden = [row for row, text in enumerate(facts.texts) if HIDDEN.search(text)]
    if hidden:
        found.say("info", "hidden-signs", f"{_hold(len(hidden))} signs without a shape (control, zero width)",
                  "remove them if they mean nothing", facts.names(hidden))  # fmt: skip


def _classes(found: _Findings) -> None:
    table = found.facts.table
    if table.kind not in ("label", "labels"):
        return
    whole = table.targets.sum(0) if table.kind == "labels" else np.bincount(
        table.targets, minlength=len(table.classes)
    )  # fmt: skip
    few = [f"{name} ({count})" for name, count in zip(table.classes, whole, strict=True) if count < FEW]
    if few:
        found.say("warn", "few-texts", f"{len(few)} classes have fewer than {FEW} texts",
                  "add texts, or join such classes", few)  # fmt: skip
    if whole.min() and whole.max() / whole.min() >= UNEVEN:
        high, low = table.classes[int(whole.argmax())], table.classes[int(whole.argmin())]
        found.say(
            "warn", "uneven-classes",
            f'"{high}" has {whole.max() / whole.min():.1f} times as many texts as "{low}": always answering '
            f'"{high}" is right for {whole.max() / whole.sum():.0%}',
            "judge by macro F1; --class-weights balanced gives rare classes more weight",
        )  # fmt: skip


def _copies(found: _Findings) -> None:
    facts = found.facts
    if facts.conflicts:
        rows = [row for group in facts.conflicts for row in group]
        found.say(
            "warn", "same-text-other-label",
            f"{_many(len(facts.conflicts), 'text stands', 'texts stand')} there with different labels, "
            f"{len(rows)} rows in all",
            "decide on one label for each; no model can learn both", facts.names(rows),
        )  # fmt: skip
    for groups, code, what in (
        (facts.exact, "exact-copies", "the same text"),
        (facts.near, "near-copies", "the same text but for case, spaces and punctuation"),
    ):
        extra = sum(len(group) - 1 for group in groups)
        if extra:
            found.say(
                "info", code, f"{_many(extra, 'row repeats', 'rows repeat')} {what}",
                "remove them, or leave them: copies stay in one part of the split",
                facts.names(row for group in groups for row in group),
            )  # fmt: skip


def _across(found: _Findings) -> None:
    """Copies on both sides of given parts: the test part would be known by heart."""
    facts = found.facts
    place = facts.table.parts
    groups = [group for group in facts.bare if len({place[row] for row in group}) > 1]
    if groups:
        judged = sum(place[row] in ("val", "test") for group in groups for row in group)
        found.say(
            "warn", "copies-across-parts",
            f"{_many(judged, 'text', 'texts')} of val and test also in another part",
            "remove them from one part: what was learned by heart is no test",
            facts.names(row for group in groups for row in group),
        )  # fmt: skip


def _lengths(found: _Findings) -> None:
    facts = found.facts
    if not len(facts.words) or facts.table.kind == "none":
        return  # texts alone are read as one stream
    bare = np.flatnonzero(facts.words == 0)
    if len(bare):
        found.say("info", "no-words", f"{_hold(len(bare))} no word, only signs", "look at them",
                  facts.names(bare))  # fmt: skip
    for limit in reversed(LIMITS):
        longer = np.flatnonzero(facts.words > limit)
        if len(longer):
            found.say(
                "info", "long-texts",
                f"{len(longer):,} of {len(facts.words):,} are longer than {limit} words",
                "a model sees their beginning only; see the context below", facts.names(longer),
            )  # fmt: skip
            return


def _markup(found: _Findings) -> None:
    facts = found.facts
    marked = [row for row, text in enumerate(facts.texts) if HTML.search(text)]
    if marked:
        match = HTML.search(facts.texts[marked[0]])
        found.say(
            "warn" if len(marked) > MARKUP * len(facts.texts) else "info", "markup",
            f"{_hold(len(marked))} HTML, such as {match[0][:30] if match else ''}",
            "take it out before training, or the model learns it as words", facts.names(marked),
        )  # fmt: skip
    for pattern, code, what in (
        (LINK, "links", "web addresses"),
        (MAIL, "mail-addresses", "e-mail addresses"),
    ):
        rows = [row for row, text in enumerate(facts.texts) if pattern.search(text)]
        if rows:
            found.say("info", code, f"{_hold(len(rows))} {what}",
                      "think whether a model should learn them", facts.names(rows))  # fmt: skip


def _languages(found: _Findings) -> None:
    facts = found.facts
    for find, code, what in (
        (script_of, "mixed-scripts", "script"),
        (language_of, "mixed-languages", "language"),
    ):
        names = [find(text) for text in facts.texts]
        seen = Counter(name for name in names if name).most_common()
        others = [(name, count) for name, count in seen[1:] if count >= max(1, MIXED * len(names))]
        if others:
            told = ", ".join(f"{count} {name}" for name, count in others)
            rows = [row for row, name in enumerate(names) if name in dict(others)]
            found.say(
                "warn" if code == "mixed-scripts" else "info", code,
                f"most texts look {seen[0][0]} by {what} ({seen[0][1]}), but {told}",
                "keep them if that is meant; otherwise take them out", facts.names(rows),
            )  # fmt: skip


# ---- small answers


def script_of(text: str) -> str:
    """The script that most letters of a text are of, "Latin" or "Cyrillic"; "" where it has no letters."""
    letters = [letter for letter in text[:400] if letter.isalpha()]
    if all(letter < "\u0250" for letter in letters):
        return "Latin" if letters else ""
    names = Counter(unicodedata.name(letter, "").split(" ")[0] for letter in letters)
    return names.most_common(1)[0][0].title() if names else ""


def language_of(text: str) -> str:
    """The language of six that a text's most frequent words are of; "" where there are too few to say."""
    words = Counter(word.lower() for word in WORD.findall(text[:2000]))
    told = {name: sum(words[word] for word in common.split()) for name, common in COMMON.items()}
    first, second = sorted(told, key=lambda name: -told[name])[:2]
    return first if told[first] >= 3 and told[first] >= 2 * told[second] else ""


def _alike(keys: list[str]) -> list[list[int]]:
    """Groups of two rows or more with the same key; "" is no key."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key:
            rows[key].append(row)
    return [group for group in rows.values() if len(group) > 1]


def _different(group: list[int], texts: list[str]) -> list[int]:
    """The first row of each different text of a group."""
    return list({texts[row]: row for row in reversed(group)}.values())[::-1]


def _bare(text: str) -> str:
    """A text without case, spaces and punctuation."""
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _conflicts(table: TextTable, groups: list[list[int]]) -> list[list[int]]:
    """Groups of the same text whose labels differ."""
    if table.kind not in ("label", "labels"):
        return []
    found = []
    for group in groups:
        first = table.targets[group[0]]
        if any(np.any(table.targets[row] != first) for row in group) and group not in found:
            found.append(group)
    return found


def _many(count: int, one: str, more: str) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {more}"


def _are(count: int) -> str:
    return _many(count, "text is", "texts are")


def _hold(count: int) -> str:
    return _many(count, "text holds", "texts hold")
