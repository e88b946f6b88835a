"""The names that transformers gives to the parts of a Pyramid Vision Transformer.

Every tensor is the same there and here, but that transformers keeps key and value apart; here they are one
matrix, key first, as in the authors' own code.
"""

import torch
from torch import Tensor

from glassworks.weights.names.maps import NameMap

_THEIRS, _OURS = "pvt.encoder.block.*.*", "stages.*.blocks.*"
NAMES = NameMap(
    pairs=(
        ("pvt.encoder.patch_embeddings.*.cls_token", "stages.*.class_token"),
        ("pvt.encoder.patch_embeddings.*.position_embeddings", "stages.*.positions"),
        ("pvt.encoder.patch_embeddings.*.projection", "stages.*.patches.projection"),
        ("pvt.encoder.patch_embeddings.*.layer_norm", "stages.*.norm"),
        (f"{_THEIRS}.layer_norm_1", f"{_OURS}.norm1"),
        (f"{_THEIRS}.attention.self.query", f"{_OURS}.attention.query"),
        (f"{_THEIRS}.attention.self.key", f"{_OURS}.attention.key"),
        (f"{_THEIRS}.attention.self.value", f"{_OURS}.attention.value"),
        (f"{_THEIRS}.attention.self.sequence_reduction", f"{_OURS}.attention.reduction"),
        (f"{_THEIRS}.attention.self.layer_norm", f"{_OURS}.attention.norm"),
        (f"{_THEIRS}.attention.output.dense", f"{_OURS}.attention.projection"),
        (f"{_THEIRS}.layer_norm_2", f"{_OURS}.norm2"),
        (f"{_THEIRS}.mlp.dense1", f"{_OURS}.mlp.widen"),
        (f"{_THEIRS}.mlp.dense2", f"{_OURS}.mlp.narrow"),
        ("pvt.encoder.layer_norm", "norm"),
        ("classifier", "head"),
    )
)


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError for a name that the table does not know."""
    found = NAMES.to_ours(tensors)
    for name in [name for name in found if ".attention.key." in name]:
        key, value = found.pop(name), found.pop(name.replace(".key.", ".value."))
        found[name.replace(".key.", ".key_value.")] = torch.cat([key, value])
    return found


def to_theirs(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the names of transformers. Raises KeyError for a name that the table does not know."""
    apart: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if ".key_value." in name:
            key, value = tensor.chunk(2)
            apart |= {name.replace("key_value", "key"): key, name.replace("key_value", "value"): value}
        else:
            apart[name] = tensor
    return NAMES.to_theirs(apart)


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of transformers."""
    return NAMES.is_theirs(tensors)
