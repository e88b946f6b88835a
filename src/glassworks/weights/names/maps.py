"""A table of names, used in both directions: what another library calls a part, and what we call it.

Transformers are stacks of equal blocks, so a row names a part of every block at once, with `*` for its
number. Some libraries keep query, key and value apart where we keep one matrix; such rows name three parts
of theirs.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

Three = tuple[str, str, str]


@dataclass(frozen=True)
class NameMap:
    """One family of names.

    pairs:  (theirs, ours) of a part or of a single tensor; `*` stands for a block's number
    joined: ((theirs, theirs, theirs), ours) where three of theirs, one after the other, are one of ours
    unused: theirs that hold nothing of ours (counters, fixed tables)
    """

    pairs: tuple[tuple[str, str], ...]
    joined: tuple[tuple[Three, str], ...] = field(default=())
    unused: tuple[str, ...] = field(default=())

    def to_ours(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by our names. Raises KeyError for a name that the table does not know."""
        found: dict[str, Tensor] = {}
        parts: dict[str, dict[int, Tensor]] = {}
        for name, tensor in tensors.items():
            ours, place = self._our_name(name)
            if place is None:
                found |= {ours: tensor} if ours else {}
                continue
            together = parts.setdefault(ours, {})
            together[place] = tensor
            if len(together) == 3:
                found[ours] = torch.cat([together[number] for number in range(3)])
        if missing := [name for name, together in parts.items() if len(together) < 3]:
            raise KeyError(missing[0])
        return found

    def to_theirs(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by their names. Raises KeyError for a name that the table does not know."""
        found: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            theirs = self._their_names(name)
            found |= dict(zip(theirs, tensor.chunk(len(theirs)) if len(theirs) > 1 else [tensor]))
        return found

    def is_theirs(self, tensors: dict[str, Tensor]) -> bool:
        """Whether all names are of this family."""
        try:
            return bool(tensors) and all(self._our_name(name) for name in tensors)
        except KeyError:
            return False

    @cached_property
    def _forward(self) -> list[tuple[re.Pattern, str, int | None]]:
        rows: list[tuple[str, str, int | None]] = [(theirs, ours, None) for theirs, ours in self.pairs]
        rows += [(name, ours, place) for three, ours in self.joined for place, name in enumerate(three)]
        return [(_pattern(theirs), ours, place) for theirs, ours, place in rows]

    @cached_property
    def _backward(self) -> list[tuple[re.Pattern, tuple[str, ...]]]:
        rows: list[tuple[str, tuple[str, ...]]] = [(ours, (theirs,)) for theirs, ours in self.pairs]
        rows += [(ours, three) for three, ours in self.joined]
        return [(_pattern(ours), theirs) for ours, theirs in rows]

    def _our_name(self, name: str) -> tuple[str, int | None]:
        if any(_pattern(one).fullmatch(name) for one in self.unused):
            return "", None
        for pattern, ours, place in self._forward:
            if found := pattern.fullmatch(name):
                return _filled(ours, found), place
        raise KeyError(name)

    def _their_names(self, name: str) -> tuple[str, ...]:
        for pattern, theirs in self._backward:
            if found := pattern.fullmatch(name):
                return tuple(_filled(one, found) for one in theirs)
        raise KeyError(name)


def _pattern(template: str) -> re.Pattern:
    """A part's name with its numbers and with the tensor's own last word, if it has one."""
    return re.compile(
        re.escape(template).replace(r"\*", r"(\d+)") + r"((?:\.(?:weight|bias))|_(?:weight|bias))?"
    )


def _filled(template: str, found: re.Match) -> str:
    *numbers, last = found.groups()
    for number in numbers:
        template = template.replace("*", number, 1)
    return template + (last or "")
