"""Numbers as people type them, and what a wrong one tells about the slip behind it.

Half is written "0.5", "0,5", "1/2", "5e-1", "50 %"; all of these are read. A number that is wrong and on
nobody's list of known mistakes is compared with the target by the slips that everybody makes: sign, factor
two, a power of ten, turned upside down, squared, off by one.
"""

import math
import re

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
FRACTION = re.compile(rf"({NUMBER})(?:/({NUMBER}))?")
POWER = re.compile(r"(?:(?<=[\d.])[*x×·])?10(?:\^|\*\*)\(?([+-]?\d+)\)?$")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")
LONGEST = 60  # characters
FORMS = "Write it in digits, such as `0.5`, `1/2` or `5e-1`."


def read_number(text: str, unit: str = "") -> tuple[tuple[float, ...], str]:
    """(readings, complaint): the numbers that `text` can mean, or why it is none, in words.

    "1,000" has two readings, a thousand and one; everything else has one. `unit` behind the number is fine.
    """
    shown = text.strip()
    if not shown:
        return (), "Write a number first."
    if len(shown) > LONGEST:
        return (), f"That is longer than a number needs to be. {FORMS}"
    plain = shown.replace("−", "-").replace("–", "-").lower()
    plain, percent, foreign = _without_unit(plain, unit)
    if foreign:
        wanted = f"in {unit}" if unit else "without a unit"
        return (), f"`{_quoted(shown)}` ends in a word. Give the number {wanted}. {FORMS}"
    plain = re.sub(r"(?<=\d)[\s_'](?=\d)", "", plain).replace(" ", "")
    readings = []
    for form in _forms(plain):
        value = _value(form)
        if value is not None:
            readings.append(value / 100 if percent else value)
    if not readings:
        return (), f"`{_quoted(shown)}` is not a number that can be read here. {FORMS}"
    if not all(math.isfinite(value) for value in readings):
        return (), "A number that is finite is expected; nothing can be divided by zero."
    return tuple(readings), ""


def known_number(value: float, target: float, tolerance: float) -> bool:
    """Whether `value` is `target` within the tolerance; a hair of rounding in binary is forgiven."""
    return abs(value - target) <= tolerance + 1e-12 * max(abs(target), abs(value))


def explain_number(value: float, target: float, tolerance: float) -> str:
    """What a wrong number tells: the slip if it is one of the usual ones, otherwise where to look."""

    def is_it(other: float) -> bool:
        return math.isfinite(other) and abs(value - other) <= max(tolerance, 1e-3 * abs(other))

    whole = target == round(target) and tolerance < 0.5
    if whole and abs(abs(value - target) - 1) < 1e-9:
        return "Off by one. Count again: are both ends counted, and is the bias or the first step in it?"
    if whole and value != round(value) and abs(value - target) < 1:
        return "Close, but the answer is a whole number."
    if target != 0:
        for other, reason in _slips(target):
            if is_it(other):
                return reason
        if abs(value - target) <= max(0.05 * abs(target), 10 * tolerance):
            return "Close, but outside of the tolerance. Keep all digits until the last step, then round."
        if value * target < 0:
            return "The sign is wrong, and the size too. Ask first which way it must point."
    where = "large" if abs(value) > abs(target) else "small"
    return f"Not this number: its size is too {where}. Write down each step and check the sizes on the way."


def _slips(target: float) -> list[tuple[float, str]]:
    """Numbers that a usual slip makes out of `target`, the likeliest first."""
    slips = [
        (-target, "The size is right, the sign is not. What is subtracted from what?"),
        (2 * target, "Twice too large: a factor 2 is there that should not be, or a half is missing."),
        (target / 2, "Half of it: a factor 2 is missing, for example from the derivative of a square."),
        (-2 * target, "The sign is wrong, and a factor 2 is too much."),
        (-target / 2, "The sign is wrong, and a factor 2 is missing."),
    ]
    for power in (1, 2, 3):
        size = 10**power
        also = " A share or a percentage?" if power == 2 else ""
        slips.append((target * size, f"{size:,} times too large: look at the decimal point.{also}"))
        slips.append((target / size, f"{size:,} times too small: look at the decimal point.{also}"))
    slips.append((1 / target, "Turned upside down: what is divided by what?"))
    slips.append((target * target, "That is the square of it: the root is missing, or it was squared twice."))
    if target > 0:
        slips.append((math.sqrt(target), "That is the square root of it."))
    return slips


def _without_unit(plain: str, unit: str) -> tuple[str, bool, bool]:
    """(number, whether a share was given as a percentage, whether another word stands behind it)."""
    wanted = unit.strip().lower()
    if wanted and plain.endswith(wanted):
        return plain[: -len(wanted)].strip(), False, False
    if wanted and plain.endswith(wanted.rstrip("s")):
        return plain[: -len(wanted.rstrip("s"))].strip(), False, False
    if wanted and plain.endswith(wanted + "s"):
        return plain[: -len(wanted) - 1].strip(), False, False
    if plain.endswith("%"):
        return plain[:-1].strip(), True, False
    return plain, False, bool(re.fullmatch(r"[+-]?[\d.,/ ]*\d\s*[^\W\d_]{1,20}", plain))


def _forms(plain: str) -> list[str]:
    """The ways to read commas: as marks of thousands, as the decimal sign, or both."""
    if "," not in plain:
        return [plain]
    forms = [plain.replace(",", "")] if THOUSANDS.fullmatch(plain) else []
    if plain.count(",") == 1 and "." not in plain:
        forms.append(plain.replace(",", "."))
    if "/" in plain and not forms:
        forms.append(plain.replace(",", "."))
    return forms


def _value(form: str) -> float | None:
    """The value of one form without blanks, None when it is not a number; a division by zero is infinite."""
    scale = 0
    power = POWER.search(form)
    if power and (form[: power.start()] == "" or form[power.start()] in "*x×·"):
        scale, form = int(power[1]), form[: power.start()] or "1"
    match = FRACTION.fullmatch(form)
    if match is None or abs(scale) > 300:
        return None
    above, below = float(match[1]), float(match[2] or 1)
    if below == 0:
        return math.inf
    return above / below * 10.0**scale


def _quoted(text: str) -> str:
    """Text that may stand between backticks."""
    return text.replace("`", "'")
