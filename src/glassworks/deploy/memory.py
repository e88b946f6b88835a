"""How much memory a model needs, before it is bought: plain arithmetic, no model and no torch.

To *answer*, a model needs its weights and, for transformers, a cache of keys and values that grows with
the text; to *learn*, also a gradient for each weight, AdamW's two running means, in mixed precision a full
copy of the weights, and the maps that the backward pass will ask for. The last are measured for pictures (see
`activations`) and estimated for transformers. A mixture of experts must hold all experts, though each token
uses few: memory follows the total, speed the active ones.

Sources: sizes of the states, Rajbhandari et al. 2020, "ZeRO" (1910.02054), section 3; maps of a transformer,
Korthikanti et al. 2022, "Reducing activation recomputation" (2205.05198), equation 2.
The first thing to change: OVERHEAD.
"""

import math
from dataclasses import dataclass
from typing import Any

from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import readable_size

BYTES = {"fp32": 4.0, "bf16": 2.0, "int8": 1.0, "int4": 0.5}
OVERHEAD = 1.1  # of what is counted: the device's own libraries, gaps between blocks
SCALES = {"int8": 2 / 64, "int4": 2 / 64}  # a bf16 scale for each group of 64 weights


@dataclass(frozen=True)
class Transformer:
    """The numbers of a transformer that its cache and maps depend on.

    layers, heads, width: as in its config; context: tokens of one text
    key_heads: heads of keys and values where they are shared (grouped queries), else the same as `heads`
    """

    layers: int
    heads: int
    width: int
    context: int
    key_heads: int | None = None

    def __post_init__(self):
        if min(self.layers, self.heads, self.width, self.context, self.key_heads or 1) < 1:
            raise ValueError("layers, heads, width, context and key_heads must be at least 1")
        if self.width % self.heads or self.heads % (self.key_heads or 1):
            raise ValueError("heads must divide the width, and key_heads the heads")


@dataclass(frozen=True)
class Need:
    """Bytes by what they are for. `total` adds the overhead of the device."""

    parts: dict[str, float]

    @property
    def total(self) -> float:
        return OVERHEAD * sum(self.parts.values())

    def devices(self, each: float) -> int:
        """Devices of `each` bytes that hold it, when it can be cut evenly."""
        return max(1, math.ceil(self.total / each))


@dataclass(frozen=True)
class Plan:
    """What a model needs to answer in each precision, and to learn, with what would make it fit.

    answering: {precision: need}; learning: {"fp32", "bf16", "head only": need}
    """

    params: float
    active: float
    device_bytes: float
    answering: dict[str, Need]
    learning: dict[str, Need]
    words: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        def told(needs: dict[str, Need]) -> dict[str, Any]:
            return {
                name: {"parts": need.parts, "total": need.total, "devices": need.devices(self.device_bytes)}
                for name, need in needs.items()
            }

        return {
            "parameters": self.params, "active_parameters": self.active, "device_bytes": self.device_bytes,
            "answering": told(self.answering), "learning": told(self.learning), "words": list(self.words),
        }  # fmt: skip

    def as_text(self) -> list[list[str]]:
        """A table, head first: what for, bytes in all, of which weights, devices."""
        device = readable_size(self.device_bytes)
        rows = [["to", "memory", "weights", "the rest", f"devices of {device}"]]
        for verb, needs in (("answer", self.answering), ("learn", self.learning)):
            for name, need in needs.items():
                weights = need.parts["weights"]
                rest = need.total - weights
                rows.append(
                    [f"{verb}, {name}", *(readable_size(size) for size in (need.total, weights, rest)),
                     str(need.devices(self.device_bytes))]
                )  # fmt: skip
        return rows


def plan(
    params: float,
    *,
    active: float | None = None,
    device_bytes: float = 16 * 1024**3,
    batch: int = 1,
    transformer: Transformer | None = None,
    activations: float = 0.0,
    head: float = 0.0,
) -> Plan:
    """The memory of a model with `params` numbers, such as plan(175e9).

    active:      numbers that one token or picture uses, where experts are chosen; memory counts all
    batch:       texts or pictures at a time
    transformer: for the cache of keys and values, and the maps of training
    activations: bytes that training keeps for one picture in fp32, as `activations.measured` gives
    head:        numbers of the last layer, for training it alone
    Raises PersonError("bad-value") for numbers that are not positive.
    """
    for name, value in (("parameters", params), ("memory of a device", device_bytes), ("batch", batch)):
        if not value > 0 or not math.isfinite(value):
            raise PersonError(
                "bad-value", expected=f"{name} above 0", got=f"{value:g}", fix="for example 175e9"
            )
    if active is not None and not 0 < active <= params:
        raise PersonError(
            "bad-value", expected=f"active parameters up to the {params:g} in all", got=f"{active:g}",
            fix="leave them out for a model without experts",
        )  # fmt: skip
    answering = {name: answering_need(params, name, batch, transformer) for name in BYTES}
    learning = {
        name: learning_need(params, name, batch, transformer, activations) for name in ("fp32", "bf16")
    }
    if head:
        learning["head only"] = Need(
            {"weights": 4 * params, "gradients": 4 * head, "AdamW's two means": 8 * head}
        )
    used = params if active is None else active
    return Plan(
        params,
        used,
        device_bytes,
        answering,
        learning,
        _words(params, used, device_bytes, answering, learning),
    )


def answering_need(
    params: float, precision: str, batch: int = 1, transformer: Transformer | None = None
) -> Need:
    """Bytes to answer: weights with their scales, and the cache of keys and values in two bytes a number."""
    parts = {"weights": params * (bytes_of(precision) + SCALES.get(precision, 0.0))}
    if transformer is not None:
        parts["cache of keys and values"] = batch * cache_bytes(transformer)
    return Need(parts)


def learning_need(
    params: float,
    precision: str,
    batch: int = 1,
    transformer: Transformer | None = None,
    activations: float = 0.0,
) -> Need:
    """Bytes to learn with AdamW. bf16 means bf16 weights and gradients beside a master copy in fp32."""
    each = bytes_of(precision)
    parts = {"weights": each * params, "gradients": each * params, "AdamW's two means": 8 * params}
    if precision == "bf16":
        parts["master copy in fp32"] = 4 * params
    kept = batch * activations * each / 4
    if transformer is not None:
        kept += batch * activation_bytes(transformer) * each / 2
    if kept:
        parts["maps for the backward pass"] = kept
    return Need(parts)


def cache_bytes(transformer: Transformer, each: float = 2.0) -> float:
    """Keys and values of one text: 2 x layers x context x key heads x width of a head x bytes."""
    head = transformer.width // transformer.heads
    heads = transformer.key_heads or transformer.heads
    return 2.0 * transformer.layers * transformer.context * heads * head * each


def activation_bytes(transformer: Transformer) -> float:
    """Maps that training keeps for one text in bf16, with attention that does not keep its square map.

    34 x context x width a layer (the first term of Korthikanti's equation 2); the second, which grows with
    the square of the context, is recomputed by fused attention.
    """
    return 34.0 * transformer.layers * transformer.context * transformer.width


def bytes_of(precision: str) -> float:
    """Bytes of one number. Raises PersonError for an unknown precision."""
    if precision not in BYTES:
        raise PersonError(
            "bad-value", expected="a precision", got=precision, fix=did_you_mean(precision, BYTES)
        )
    return BYTES[precision]


def _words(
    params: float, active: float, device: float, answering: dict[str, Need], learning: dict[str, Need]
) -> tuple[str, ...]:
    """What fits and what makes it fit, a sentence each."""
    size, told = readable_size(device), []
    fits = [name for name, need in answering.items() if need.total <= device]
    if fits:
        told.append(f"It answers on one device of {size} in {fits[0]}.")
    else:
        smallest = answering["int4"]
        told.append(
            f"Even in int4 it needs {readable_size(smallest.total)}: {smallest.devices(device)} devices of "
            f"{size}, with its layers spread over them."
        )
    if fits and fits[0] != "fp32":
        told.append(
            f"What makes it fit: {fits[0]} instead of fp32, {_times(answering, fits[0])} times smaller."
        )
    cache = answering["bf16"].parts.get("cache of keys and values", 0.0)
    if cache > answering["bf16"].parts["weights"]:
        told.append(
            "The cache is larger than the weights: a smaller batch, a shorter context or shared key heads."
        )
    full = learning["bf16"] if learning["bf16"].total < learning["fp32"].total else learning["fp32"]
    if full.total <= device:
        told.append(f"It learns on one device of {size}.")
    else:
        told.append(
            f"To learn in full it needs {readable_size(full.total)}: {full.devices(device)} devices of "
            f"{size} with weights, gradients and means divided among them; tuning the head or LoRA needs "
            "little more than answering."
        )
    if active < params:
        told.append(
            f"Of {params:.3g} parameters {active:.3g} are active: it computes like the smaller number, "
            "and must hold the larger."
        )
    return tuple(told)


def _times(answering: dict[str, Need], name: str) -> str:
    return f"{answering['fp32'].total / answering[name].total:.1f}"
