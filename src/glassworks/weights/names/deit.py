"""The names that timm and transformers give to the parts of a DeiT with a distillation token.

They are the names of the Vision Transformer with another word before them, one token and one head more, so
the rows are made from those of `vit`. `transformers-4` are the files of the time before its version 5.
"""

from torch import Tensor

from glassworks.weights.names import vit
from glassworks.weights.names.maps import NameMap


def _from_vit(family: str, more: dict[str, str]) -> NameMap:
    """The ViT's rows of a family without its head, with "deit" for "vit", and these rows as well."""

    def named(theirs: str) -> str:
        return f"deit.{theirs.removeprefix('vit.')}" if theirs.startswith("vit.") else theirs

    names = vit.FAMILIES[family]
    return NameMap(
        pairs=(
            *((named(theirs), ours) for theirs, ours in names.pairs if ours != "head"),
            *more.items(),
        ),
        joined=tuple(((named(q), named(k), named(v)), ours) for (q, k, v), ours in names.joined),
        unused=names.unused,
    )


_TRANSFORMERS = {
    "deit.embeddings.distillation_token": "distillation_token",
    "cls_classifier": "head.label",
    "distillation_classifier": "head.teacher",
}
FAMILIES = {
    "timm": _from_vit(
        "timm", {"dist_token": "distillation_token", "head": "head.label", "head_dist": "head.teacher"}
    ),
    "transformers": _from_vit("transformers", _TRANSFORMERS),
    "transformers-4": _from_vit("transformers-4", _TRANSFORMERS),
}


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError where no family has all of the names."""
    for names in FAMILIES.values():
        if names.is_theirs(tensors):
            return names.to_ours(tensors)
    raise KeyError(next(iter(tensors), "no tensor at all"))


def to_theirs(tensors: dict[str, Tensor], family: str = "timm") -> dict[str, Tensor]:
    """Tensors by the names of a library. Raises KeyError for an unknown name or family."""
    return FAMILIES[family].to_theirs(tensors)


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of one of the families."""
    return any(names.is_theirs(tensors) for names in FAMILIES.values())
