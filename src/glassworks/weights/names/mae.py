"""The names that transformers and the paper's authors give to a masked autoencoder, and the way to a ViT.

Query, key and value stand apart in transformers; the files published before its version 5 have longer names
for the same parts (`transformers-4`), and the authors' own files others (`authors`). All of them carry two
tables of positions that we compute. They are compared with ours, because a table with rows before columns
has the same numbers in another order, and a model with the wrong one loses its places without an error.
"""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from glassworks.blocks.positions import sine_cosine
from glassworks.core.errors import PersonError
from glassworks.models.vision import vit
from glassworks.models.vision.mae import ENCODER
from glassworks.weights.names.maps import NameMap, Three

TABLES = (  # of the encoder's positions, and of the decoder's
    ("vit.embeddings.position_embeddings", "decoder.decoder_pos_embed"),
    ("pos_embed", "decoder_pos_embed"),
)
TOLERANCE = 1e-4  # of a table: published ones were computed in float32


def _blocks(theirs: str, ours: str, parts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Rows for the parts of a block, for each block of a stack."""
    return tuple((f"{theirs}.*.{part}", f"{ours}.*.{own}") for part, own in parts.items())


def _apart(theirs: str, ours: str, parts: Three) -> tuple[Three, str]:
    """The row for query, key and value of a stack that keeps them apart."""
    query, key, value = (f"{theirs}.*.{part}" for part in parts)
    return (query, key, value), f"{ours}.*.attention.query_key_value"


NEW = {
    "attention.o_proj": "attention.projection",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "mlp.fc1": "mlp.widen",
    "mlp.fc2": "mlp.narrow",
}
OLD = {
    "attention.output.dense": "attention.projection",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "intermediate.dense": "mlp.widen",
    "output.dense": "mlp.narrow",
}
AUTHORS = {
    "norm1": "norm1",
    "attn.qkv": "attention.query_key_value",
    "attn.proj": "attention.projection",
    "norm2": "norm2",
    "mlp.fc1": "mlp.widen",
    "mlp.fc2": "mlp.narrow",
}
NEW_THREE: Three = ("attention.q_proj", "attention.k_proj", "attention.v_proj")
OLD_THREE: Three = ("attention.attention.query", "attention.attention.key", "attention.attention.value")
OUTSIDE = (  # of the blocks, in both versions of transformers
    ("vit.embeddings.cls_token", "encoder.class_token"),
    ("vit.embeddings.patch_embeddings.projection", "encoder.patches.projection"),
    ("vit.layernorm", "encoder.norm"),
    ("decoder.mask_token", "decoder.mask_token"),
    ("decoder.decoder_embed", "decoder.embedding"),
    ("decoder.decoder_norm", "decoder.norm"),
    ("decoder.decoder_pred", "head"),
)
ENCODERS, DECODERS = "encoder.blocks", "decoder.blocks"

FAMILIES = {
    "transformers": NameMap(
        pairs=OUTSIDE
        + _blocks("vit.layers", ENCODERS, NEW)
        + _blocks("decoder.decoder_layers", DECODERS, NEW),
        joined=(
            _apart("vit.layers", ENCODERS, NEW_THREE),
            _apart("decoder.decoder_layers", DECODERS, NEW_THREE),
        ),
        unused=TABLES[0],
    ),
    "transformers-4": NameMap(
        pairs=OUTSIDE
        + _blocks("vit.encoder.layer", ENCODERS, OLD)
        + _blocks("decoder.decoder_layers", DECODERS, OLD),
        joined=(
            _apart("vit.encoder.layer", ENCODERS, OLD_THREE),
            _apart("decoder.decoder_layers", DECODERS, OLD_THREE),
        ),
        unused=TABLES[0],
    ),
    "authors": NameMap(
        pairs=(
            ("cls_token", "encoder.class_token"),
            ("patch_embed.proj", "encoder.patches.projection"),
            ("norm", "encoder.norm"),
            ("mask_token", "decoder.mask_token"),
            ("decoder_embed", "decoder.embedding"),
            ("decoder_norm", "decoder.norm"),
            ("decoder_pred", "head"),
            *_blocks("blocks", ENCODERS, AUTHORS),
            *_blocks("decoder_blocks", DECODERS, AUTHORS),
        ),
        unused=TABLES[1],
    ),
}


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError where no family has all of the names.

    Raises PersonError("other-positions") where a table of positions is not MAE's.
    """
    for names in FAMILIES.values():
        if names.is_theirs(tensors):
            for name in names.unused:
                if name in tensors:
                    _require_our_order(name, tensors[name])
            return names.to_ours(tensors)
    raise KeyError(next(iter(tensors), "no tensor at all"))


def to_theirs(
    tensors: dict[str, Tensor], family: str = "transformers", *, grid: tuple[int, int]
) -> dict[str, Tensor]:
    """Tensors by the names of others, with the tables of positions that they keep for a grid of patches.

    Raises KeyError for an unknown name or family, and for positions that were learned.
    """
    names = FAMILIES[family]
    found = names.to_theirs(tensors)
    ours = ("encoder.class_token", "decoder.mask_token")
    for table, like in zip(names.unused, ours, strict=True):
        token = tensors[like]  # (1, 1, dimension)
        found[table] = sine_cosine(grid, token.shape[-1], prefix=1)[None].to(token)
    return found


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of one of the families."""
    return any(names.is_theirs(tensors) for names in FAMILIES.values())


def _require_our_order(name: str, table: Tensor) -> None:
    side = math.isqrt(table.shape[1] - 1)
    ours = sine_cosine((side, side), table.shape[2], prefix=1)[None] if table.shape[2] % 4 == 0 else None
    if ours is None or ours.shape != table.shape or float((ours - table.float()).abs().max()) > TOLERANCE:
        raise PersonError(
            "other-positions",
            expected=f"in {name} sine and cosine of column, then row, of a square grid after a row of zeros",
            got=f"another table, {tuple(table.shape)}",
            fix="use the weights as their authors published them",
        )


# ---- the encoder as the body of a Vision Transformer


def is_body(tensors: dict[str, Tensor]) -> bool:
    """Whether these are an autoencoder's tensors, by our names or by those of others."""
    ours = bool(tensors) and all(name.startswith((ENCODER, "decoder.", "head.")) for name in tensors)
    return (ours and any(name.startswith(ENCODER) for name in tensors)) or is_theirs(tensors)


def to_vit(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder by a ViT's names; decoder and pixel head are left out, and there is no head for classes."""
    ours = to_ours(tensors) if is_theirs(tensors) else tensors
    return {name.removeprefix(ENCODER): t for name, t in ours.items() if name.startswith(ENCODER)}


def vit_fields(model: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a ViT's config that a MAE's config decides."""
    names = ("height", "width", "channels", "patch", "dimension", "depth", "pooling", "positions", "block")
    return {name: model[name] for name in names if name in model}


def fields_of(tensors: dict[str, Tensor]) -> tuple[str | None, dict[str, Any]]:
    """(variant, fields of a ViT's config) as far as the tensors of an autoencoder tell them.

    The number of heads leaves no trace in them; it is that of the variant with the same shape, and otherwise
    taken to be one for every 64 numbers, as in all of the variants.
    """
    body = to_vit(tensors)
    dimension, channels, patch, _ = body["patches.projection.weight"].shape
    depth = len({name.split(".")[1] for name in body if name.startswith("blocks.")})
    shape = {"patch": patch, "dimension": dimension, "depth": depth}
    found = {
        "channels": channels,
        "pooling": "class" if "class_token" in body else "mean",
        "positions": "learned" if "positions" in body else "sine",
    }
    for variant, known in vit.VARIANTS.items():
        if all(known[name] == value for name, value in shape.items()):
            return variant, known | found
    return None, shape | found | {"block": {"heads": max(1, dimension // 64)}}
