"""The names that torch.nn.Transformer gives to the parts of a Transformer, in both directions.

Theirs is a body without words: it has neither vectors for tokens nor scores. A layer that asks another text
keeps query, key and value in one matrix there; here the query is apart, since it is asked of other tokens.
"""

import re

import torch
from torch import Tensor

from glassworks.weights.names.maps import NameMap

_CROSS = re.compile(r"(decoder\.layers\.\d+\.multihead_attn)\.in_proj_(weight|bias)")
_SHARED = (
    ("self_attn.out_proj", "attention.projection"),
    ("linear1", "mlp.widen"),
    ("linear2", "mlp.narrow"),
)


def _stack(side: str, norms: int) -> list[tuple[str, str]]:
    pairs = [(f"{side}.layers.*.{theirs}", f"{side}.blocks.*.{ours}") for theirs, ours in _SHARED]
    pairs += [(f"{side}.layers.*.norm{n}", f"{side}.blocks.*.norm{n}") for n in range(1, norms + 1)]
    pairs += [
        (f"{side}.layers.*.self_attn.in_proj_{part}", f"{side}.blocks.*.attention.query_key_value.{part}")
        for part in ("weight", "bias")
    ]
    return [*pairs, (f"{side}.norm", f"{side}.norm")]


NAMES = NameMap(
    pairs=(
        *_stack("encoder", 2),
        *_stack("decoder", 3),
        ("decoder.layers.*.multihead_attn.query", "decoder.blocks.*.cross.query"),
        ("decoder.layers.*.multihead_attn.key_value", "decoder.blocks.*.cross.key_value"),
        ("decoder.layers.*.multihead_attn.out_proj", "decoder.blocks.*.cross.projection"),
    )
)


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of torch.nn.Transformer."""
    return any(_CROSS.fullmatch(name) for name in tensors) and NAMES.is_theirs(_apart(tensors))


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError for a name that is not of torch.nn.Transformer."""
    return NAMES.to_ours(_apart(tensors))


def to_theirs(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The body's tensors by their names; vectors of tokens and the head have none there."""
    body = {name: tensor for name, tensor in tensors.items() if name.startswith(("encoder.", "decoder."))}
    found = NAMES.to_theirs(body)
    for name in [name for name in found if ".multihead_attn.query." in name]:
        place, _, part = name.rpartition(".query.")
        both = [found.pop(f"{place}.{side}.{part}") for side in ("query", "key_value")]
        found[f"{place}.in_proj_{part}"] = torch.cat(both)
    return found


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Their tensors with the query of a text that asks another one apart."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if one := _CROSS.fullmatch(name):
            width = len(tensor) // 3
            found[f"{one[1]}.query.{one[2]}"] = tensor[:width]
            found[f"{one[1]}.key_value.{one[2]}"] = tensor[width:]
        else:
            found[name] = tensor
    return found
