"""Class names, fixed by the training part: the same word always means the same index.

Validation and test may lack a class, but never bring a new one; names that differ only by case are almost
always a slip, and some disks cannot tell them apart. All readers ask here, so a folder, a table and an array
give the same messages.

The first thing to change: `PART_NAMES`, the words by which people call the three parts.
"""

import unicodedata
from collections.abc import Iterable, Mapping

from glassworks.core.errors import PersonError, did_you_mean

PART_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def part_of(word: str) -> str | None:
    """The part that a word names ("Validation" -> "val"), or None."""
    return PART_NAMES.get(word.strip().casefold())


def plain_name(word: str) -> str:
    """A name in one Unicode form (NFC): some disks store the letter é as two signs, others as one."""
    return unicodedata.normalize("NFC", word)


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names in the order of their indices: whole numbers by size, words by code point.

    >>> sorted_names(["10", "9"]), sorted_names(["b", "B", "a"])
    (('9', '10'), ('B', 'a', 'b'))
    """
    names = list(names)
    if all(name.lstrip("-").isdecimal() and name.isascii() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def shortened(names: Iterable[str], most: int = 4) -> str:
    """'cat, dog and 7 more'."""
    names = list(names)
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def class_problems(names: Mapping[str, Iterable[str]], where: str) -> list[PersonError]:
    """What is wrong with the classes of a training set.

    names: part ("" where no parts are given) -> class names that have at least one picture there
    """
    found = {part: sorted_names(set(words)) for part, words in names.items()}
    training = found.get("train", found.get("", ()))
    problems = _by_case(found, where)
    alike = {word.casefold() for word in training}
    for part in ("val", "test"):
        strange = [word for word in found.get(part, ()) if word not in training]
        # A name that differs only by case has its own message above.
        strange = [word for word in strange if word.casefold() not in alike]
        if strange and training:
            problems.append(_not_in_training(part, strange, training, where))
    if len(alike) == 1:
        problems.append(
            PersonError(
                "single-class",
                expected=f"at least two classes in {where}",
                got=f'one class, "{training[0]}"',
                fix="add pictures of what it is not as a second class; if the classes stand one folder "
                "deeper, name that folder",
            )
        )
    return problems


def _by_case(found: Mapping[str, Iterable[str]], where: str) -> list[PersonError]:
    together: dict[str, set[str]] = {}
    for words in found.values():
        for word in words:
            together.setdefault(word.casefold(), set()).add(word)
    return [
        PersonError(
            "class-names-differ-by-case",
            expected=f"one spelling for each class in {where}",
            got=" and ".join(f'"{word}"' for word in sorted(words)),
            fix=f'if they are one class, spell it "{min(words)}" everywhere; otherwise give them '
            "different names",
        )
        for words in together.values()
        if len(words) > 1
    ]


def _not_in_training(part: str, strange: list[str], training: tuple[str, ...], where: str) -> PersonError:
    return PersonError(
        "class-not-in-training",
        expected=f"every class of the {part} part to have training pictures in {where}",
        got=f'"{strange[0]}"' + (f" and {len(strange) - 1} more" if strange[1:] else "") + f" only in {part}",
        fix=f'{did_you_mean(strange[0], training)}; or move some pictures of "{strange[0]}" into train, '
        f"or take the class out of {part}",
    )
