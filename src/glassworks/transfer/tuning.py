"""Tuning: which parts of a pretrained model learn, how fast, and from when. One table says it all.

"full" lets everything learn, "head" only the answers, "last" some parts before them too, "gradual" thaws one
part after another from the head down (Howard & Ruder 2018, arXiv 1801.06146), "lora" learns small additions
to frozen layers and the head. With a layer decay below 1 each part learns more slowly than the one after it,
since early layers serve every picture already.
First thing to change: `THAWED_BY`, the share of a run after which everything learns.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.transfer.freeze import learn_only
from glassworks.transfer.lora import adapter_parameters, add_adapters
from glassworks.transfer.parts import HEAD, Part, parts_of

THAWED_BY = 0.6  # share of a gradual run in which the parts thaw; the first part thaws at its end
METHODS = ("full", "head", "last", "gradual", "lora")
Method = Literal["full", "head", "last", "gradual", "lora"]


@dataclass(frozen=True)
class Tuning:
    """How a pretrained model learns.

    method:      "full", "head", "last", "gradual" or "lora"
    last:        parts before the head that learn with it; used by "last"
    layer_decay: each part's rate by that of the part after it, above 0 to 1; 1 for equal rates
    rank, alpha: width of LoRA's additions, and their strength (alpha / rank); used by "lora"
    """

    method: Method = "full"
    last: int = 1
    layer_decay: float = 1.0
    rank: int = 8
    alpha: float = 16.0

    def __post_init__(self):
        if self.method not in METHODS:
            raise _refused("--tune", "full, head, last:N, gradual or lora", self.method, METHODS)
        if self.last < 1:
            raise _refused("--tune last:N", "a number of parts of at least 1", self.last)
        if not 0 < self.layer_decay <= 1:
            raise _refused("--layer-decay", "a factor above 0 to 1", self.layer_decay)
        if self.rank < 1 or not (self.alpha > 0 and math.isfinite(self.alpha)):
            raise _refused("lora", "a rank of at least 1 and an alpha above 0", (self.rank, self.alpha))


def tuning_of(text: str, *, layer_decay: float = 1.0, rank: int = 8, alpha: float = 16.0) -> Tuning:
    """The tuning that a person names: "full", "head", "last:2", "gradual", "lora" or "lora:4" (its rank).

    Raises PersonError("bad-tuning").
    """
    found = re.fullmatch(r"(last|lora):(\d{1,6})", text)
    if found is None:
        return Tuning(text, layer_decay=layer_decay, rank=rank, alpha=alpha)  # type: ignore[arg-type]
    if found[1] == "last":
        return Tuning("last", last=int(found[2]), layer_decay=layer_decay, rank=rank, alpha=alpha)
    return Tuning("lora", layer_decay=layer_decay, rank=int(found[2]), alpha=alpha)


@dataclass(frozen=True)
class Group:
    """One part of the model and how it learns.

    part:        its name
    names, parameters: what learns of it at any time in the run; empty for a part that stays frozen
    count:       numbers in the whole part, frozen ones too
    scale:       its learning rate by that of the head
    learns_from: share of the run at which it begins to learn, 0 for the start
    """

    part: str
    names: tuple[str, ...]
    parameters: tuple[nn.Parameter, ...]
    count: int
    scale: float
    learns_from: float

    @property
    def learning(self) -> int:
        """Numbers of the part that learn at some time."""
        return sum(parameter.numel() for parameter in self.parameters)


def groups_of(model: nn.Module, tuning: Tuning) -> list[Group]:
    """A group for each part, from input to head. For "lora" the adapters must be there already (`begin`)."""
    parts, adapters = parts_of(model), adapter_parameters(model)
    groups = []
    for place, part in enumerate(parts):
        distance = len(parts) - 1 - place
        names = _learned_of(part, distance, tuning, adapters)
        start = THAWED_BY * distance / (len(parts) - 1) if tuning.method == "gradual" else 0.0
        parameters = tuple(model.get_parameter(name) for name in names)
        count = sum(model.get_parameter(name).numel() for name in part.parameters)
        groups.append(Group(part.name, names, parameters, count, tuning.layer_decay**distance, start))
    return groups


def begin(model: nn.Module, tuning: Tuning, *, seed: int = 0) -> list[Group]:
    """Make a model ready to learn as `tuning` says: adapters in place, gradients as at the run's start."""
    if tuning.method == "lora":
        add_adapters(model, tuning.rank, tuning.alpha, seed=seed)
    groups = groups_of(model, tuning)
    thaw(model, groups, 0.0)
    return groups


def learns_at(groups: Sequence[Group], share: float) -> set[str]:
    """Parts that learn at a share (0 to 1) of the run: a pure function, so a resumed run thaws alike."""
    return {group.part for group in groups if group.parameters and group.learns_from <= share}


def thaw(model: nn.Module, groups: Sequence[Group], share: float) -> set[str]:
    """Let learn what learns at this share of the run and nothing else; returns the names of these parts."""
    learning = learns_at(groups, share)
    learn_only(model, {name for group in groups if group.part in learning for name in group.names})
    return learning


def table_of(groups: Sequence[Group], learning_rate: float) -> list[dict[str, Any]]:
    """Rows for printing: part, parameters, learning (numbers of them), rate (0: frozen), from (share)."""
    return [
        {
            "part": group.part,
            "parameters": group.count,
            "learning": group.learning,
            "rate": learning_rate * group.scale if group.parameters else 0.0,
            "from": group.learns_from if group.parameters else None,
        }
        for group in groups
    ]


def optimizer_groups(groups: Sequence[Group], weight_decay: float) -> list[dict[str, Any]]:
    """torch's parameter groups: params, weight_decay (0 for biases and norms), scale and part.

    The loop sets each group's rate to the schedule's times `scale`. A part that still waits has no gradient,
    so AdamW passes over it.
    """
    made = []
    for group in groups:
        matrices = [parameter for parameter in group.parameters if parameter.ndim > 1]
        vectors = [parameter for parameter in group.parameters if parameter.ndim <= 1]
        for parameters, decay in ((matrices, weight_decay), (vectors, 0.0)):
            if parameters:
                facts = {"scale": group.scale, "part": group.part}
                made.append({"params": parameters, "weight_decay": decay, **facts})
    return made


def _learned_of(part: Part, distance: int, tuning: Tuning, adapters: set[str]) -> tuple[str, ...]:
    """Names of the parameters of a part, `distance` parts before the head, that ever learn."""
    if tuning.method == "lora" and (part.name != HEAD or adapters & set(part.parameters)):
        return tuple(name for name in part.parameters if name in adapters)
    reach = {"head": 0, "last": tuning.last}.get(tuning.method)
    return part.parameters if reach is None or distance <= reach else ()


def _refused(what: str, expected: str, got: object, choices: Sequence[str] = ()) -> PersonError:
    fix = did_you_mean(str(got), choices) if choices else f"change {what}"
    return PersonError("bad-tuning", expected=f"{what} as {expected}", got=f"{got}", fix=fix)
