"""Times as people write them, and the regular step between them.

A column of times is judged whole: one form must fit all its cells, because a single 03/04/2020 cannot say
which number is the month. The step is then found from the times themselves: a whole number of months, of
working days, of seconds, or of plain numbers. Months have no fixed number of seconds, so they are counted as
months; a series of working days has no gaps at its weekends.

The first thing to change: `FORMS`, to read dates that are written otherwise.

Axes: length = rows of one series.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

# Tried in this order, day first and month first decided by the whole column.
FORMS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y-%m", "%Y/%m", "%Y %m", "%d.%m.%Y", "%d.%m.%y",
    "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%y", "%d/%m/%y", "%b %d %Y", "%b-%d-%Y",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%B %d %Y", "%d %B %Y", "%b %Y", "%b-%Y", "%b-%y", "%B %Y",
    "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
BOTH_WAYS = {"%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d/%m/%y": "%m/%d/%y"}
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")
ZONE = re.compile(r"(Z|UTC|[+-]\d{2}:?\d{2})$")
QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])|Q([1-4])[- ](\d{4})", re.IGNORECASE)
WEEK = re.compile(r"(\d{4})-?W(\d{2})")
FIRST_SECOND, LAST_SECOND = 100_000_000, 10_000_000_000  # seconds since 1970 that look like a clock's
DAY = 86_400
REGULAR = 0.8  # share of the gaps between times that are of one size, below which there is no step
NAMES = {1: "seconds", 60: "minutes", 3600: "hours", DAY: "days", 7 * DAY: "weeks"}


@dataclass(frozen=True)
class Step:
    """What lies between two times: `size` months, working days, seconds, or plain numbers."""

    unit: Literal["months", "working days", "seconds", "numbers"]
    size: int

    @property
    def in_words(self) -> str:
        if self.unit == "months" and self.size in (1, 3, 12):
            return {1: "months", 3: "quarters", 12: "years"}[self.size]
        if self.unit == "seconds":
            for seconds in sorted(NAMES, reverse=True):
                if self.size % seconds == 0:
                    count = self.size // seconds
                    return NAMES[seconds] if count == 1 else f"steps of {count} {NAMES[seconds]}"
        return self.unit if self.size == 1 else f"steps of {self.size} {self.unit}"

    @property
    def season(self) -> int:
        """Steps of the season that a calendar suggests: 12 for months, 7 for days; 0 where none is usual."""
        if self.unit == "months":
            return 12 // self.size if 12 % self.size == 0 and self.size < 12 else 0
        if self.unit == "working days":
            return 5
        if self.unit == "numbers":
            return 0
        for long in (DAY, 7 * DAY, 364 * DAY):  # a day of hours, a week of days, a year of weeks
            if long % self.size == 0 and 4 <= long // self.size <= 400:
                return long // self.size
        return 0

    def places(self, times: np.ndarray) -> np.ndarray:
        """How many steps each time lies after 1970 (or after 0), int64 (length,); for months by the month."""
        if self.unit == "numbers":
            return times.astype(np.int64) // self.size
        if self.unit == "months":
            return times.astype("datetime64[M]").astype(np.int64) // self.size
        if self.unit == "working days":
            return np.busday_count("1970-01-01", times.astype("datetime64[D]")).astype(np.int64)
        return (times.astype("datetime64[s]").astype(np.int64) + self.size // 2) // self.size

    def after(self, last: Any, count: int) -> np.ndarray:
        """The next `count` times after the last one."""
        ahead = np.arange(1, count + 1)
        if self.unit == "numbers":
            return int(last) + ahead * self.size
        if self.unit == "seconds":
            return np.datetime64(last, "s") + ahead * self.size
        if self.unit == "working days":
            days = np.busday_offset(np.datetime64(last, "D"), ahead, roll="backward")
            return days.astype("datetime64[s]")
        month = np.datetime64(last, "M")
        within = np.datetime64(last, "s") - month.astype("datetime64[s]")  # the day and clock in its month
        return (month + ahead * self.size).astype("datetime64[s]") + within


def step_of(times: np.ndarray) -> Step | None:
    """The step between rising times (length,); None where fewer than 80 % of them follow one."""
    if len(times) < 3:
        return None
    if times.dtype.kind != "M":
        size = _common(np.diff(times.astype(np.int64)))
        return Step("numbers", size) if size else None
    days = (times.astype("datetime64[D]") - times.astype("datetime64[M]")).astype(np.int64)
    months = np.diff(times.astype("datetime64[M]").astype(np.int64))
    if months.min() >= 1 and (np.ptp(days) == 0 or _ends(times)):
        size = _common(months)
        return Step("months", size) if size else None
    gaps = np.diff(times.astype("datetime64[s]").astype(np.int64))
    size = _common(gaps)
    if _working_days(times, gaps):
        return Step("working days", 1)
    return Step("seconds", size) if size else None


def _common(gaps: np.ndarray) -> int | None:
    """The size of most gaps; the others must be multiples of it, which are holes."""
    size, count = Counter(gaps.tolist()).most_common(1)[0]
    whole = np.mean(gaps % size == 0) if size > 0 else 0.0
    return int(size) if size > 0 and count >= REGULAR / 2 * len(gaps) and whole >= REGULAR else None


def _ends(times: np.ndarray) -> bool:
    """Whether all are last days of a month."""
    return bool(np.all((times.astype("datetime64[D]") + 1).astype("datetime64[M]") > times))


def _working_days(times: np.ndarray, gaps: np.ndarray) -> bool:
    days = times.astype("datetime64[D]")
    short = np.isin(gaps, (DAY, 3 * DAY)).mean() >= REGULAR
    return bool(short and (gaps == 3 * DAY).mean() > 0.1 and np.is_busday(days).all())


# ---- words to times


@dataclass(frozen=True)
class Parsed:
    """times: datetime64[s] or int64 (length,); NaT or the least number where a cell is none. notes: choices
    that were made; bad: rows whose cell is no time."""

    times: np.ndarray
    notes: tuple[str, ...]
    bad: tuple[int, ...]


def parse_times(cells: Sequence[str]) -> Parsed | None:
    """Times from the cells of a column; None where no form fits nine cells of ten."""
    words, notes = [" ".join(cell.replace(",", " ").split()) for cell in cells], []
    zones = Counter(match[1] if (match := ZONE.search(word)) and ":" in word else "" for word in words)
    if set(zones) - {""}:
        words, said = _to_utc(words, zones)
        notes.append(said)
    for read in (_iso, _quarters, _weeks, _numbers):
        if (times := read(words)) is not None:
            return Parsed(times, tuple(notes), _bad(times))
    found = _by_form(words)
    if found is None:
        return None
    times, form, other = found
    if other:
        notes.append(f"dates were read as {_in_letters(form)}; {_in_letters(other)} would fit as well")
    return Parsed(times, tuple(notes), _bad(times))


def _bad(times: np.ndarray) -> tuple[int, ...]:
    wrong = np.isnat(times) if times.dtype.kind == "M" else times == np.iinfo(np.int64).min
    return tuple(int(row) for row in np.flatnonzero(wrong))


def _iso(words: Sequence[str]) -> np.ndarray | None:
    fits = [ISO.fullmatch(word) is not None for word in words]
    if sum(fits) < 0.9 * len(words):
        return None
    times = np.full(len(words), np.datetime64("NaT"), "datetime64[s]")
    for row, (word, good) in enumerate(zip(words, fits, strict=True)):
        if good:
            try:
                times[row] = np.datetime64(word)
            except ValueError:  # such as 31 February
                continue
    return times


def _quarters(words: Sequence[str]) -> np.ndarray | None:
    found = [QUARTER.fullmatch(word) for word in words]
    if not all(found):
        return None
    pairs = [(one[1] or one[4], one[2] or one[3]) for one in found if one]
    return np.array([f"{year}-{3 * int(quarter) - 2:02d}-01" for year, quarter in pairs], "datetime64[s]")


def _weeks(words: Sequence[str]) -> np.ndarray | None:
    found = [WEEK.fullmatch(word) for word in words]
    if not all(found):
        return None
    days = [datetime.fromisocalendar(int(one[1]), int(one[2]), 1) for one in found if one]
    return np.array([day.date().isoformat() for day in days], "datetime64[s]")


def _numbers(words: Sequence[str]) -> np.ndarray | None:
    """Years, days as 20240131, seconds of a clock, or plain whole numbers."""
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        return None
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        return None
    numbers = values.astype(np.int64)
    if all(len(word) == 8 and word.isdigit() for word in words):
        try:
            return np.array([f"{word[:4]}-{word[4:6]}-{word[6:]}" for word in words], "datetime64[s]")
        except ValueError:
            return numbers
    if all(len(word) == 4 for word in words) and 1000 <= numbers.min() <= numbers.max() < 3000:
        return np.array(words, "datetime64[Y]").astype("datetime64[s]")
    if numbers.min() >= FIRST_SECOND and numbers.max() < LAST_SECOND:
        return numbers.astype("datetime64[s]")
    if numbers.min() >= FIRST_SECOND * 1000 and numbers.max() < LAST_SECOND * 1000:
        return (numbers // 1000).astype("datetime64[s]")
    return numbers


def _by_form(words: Sequence[str]) -> tuple[np.ndarray, str, str] | None:
    """(times, form, the other form that fits as well or "")."""
    some = [words[row] for row in np.linspace(0, len(words) - 1, min(50, len(words))).astype(int)]
    for form in (day + clock for day in FORMS for clock in CLOCKS if not clock or "%H" not in day):
        if sum(_one(word, form) is not None for word in some) < 0.9 * len(some):
            continue
        times = _all(words, form)
        other = next((form.replace(a, b) for a, b in BOTH_WAYS.items() if form.startswith(a)), "")
        if other:
            swapped = _all(words, other)
            lost = (int(np.isnat(times).sum()), int(np.isnat(swapped).sum()))
            if lost[1] < lost[0]:
                return swapped, other, ""
            if lost[1] > lost[0]:
                return times, form, ""
            if step_of(np.unique(swapped)) and not step_of(np.unique(times)):
                return swapped, other, ""
            if step_of(np.unique(times)) and not step_of(np.unique(swapped)):
                return times, form, ""
        if np.isnat(times).mean() <= 0.1:
            return times, form, other
    return None


def _one(word: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(word, form)
    except ValueError:
        return None


def _all(words: Sequence[str], form: str) -> np.ndarray:
    found = (_one(word, form) for word in words)
    return np.array([np.datetime64("NaT") if one is None else one for one in found], "datetime64[s]")


def _to_utc(words: list[str], zones: Counter[str]) -> tuple[list[str], str]:
    """Clock times without their zone: as they stand where all share it, else all in UTC."""
    if len(zones) == 1:
        return [
            ZONE.sub("", word).strip() for word in words
        ], f"all times are of the zone {next(iter(zones))}"
    moved = []
    for word in words:
        zone = ZONE.search(word)
        plain = ZONE.sub("", word).strip().replace("T", " ")
        offset = zone[1] if zone and zone[1] not in ("Z", "UTC") else "+00:00"
        try:
            local = datetime.fromisoformat(f"{plain}{offset}")
            moved.append(local.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
        except ValueError:
            moved.append(word)
    return moved, f"times of {len(zones)} time zones were brought to UTC"


def _in_letters(form: str) -> str:
    letters = {"%d": "day", "%m": "month", "%Y": "year", "%y": "year"}
    return "/".join(letters[code] for code in re.findall("%[dmYy]", form))
