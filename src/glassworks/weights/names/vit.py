"""The names that torchvision, timm and transformers give to the parts of a Vision Transformer.

Every tensor is the same there and here. transformers keeps query, key and value apart; the files that its
authors published before version 5 have longer names for the same parts (`transformers-4`).
"""

from torch import Tensor

from glassworks.weights.names.maps import NameMap

FAMILIES = {
    "torchvision": NameMap(
        pairs=(
            ("class_token", "class_token"),
            ("encoder.pos_embedding", "positions"),
            ("conv_proj", "patches.projection"),
            ("encoder.layers.encoder_layer_*.ln_1", "blocks.*.norm1"),
            ("encoder.layers.encoder_layer_*.self_attention.in_proj_weight",
             "blocks.*.attention.query_key_value.weight"),
            ("encoder.layers.encoder_layer_*.self_attention.in_proj_bias",
             "blocks.*.attention.query_key_value.bias"),
            ("encoder.layers.encoder_layer_*.self_attention.out_proj", "blocks.*.attention.projection"),
            ("encoder.layers.encoder_layer_*.ln_2", "blocks.*.norm2"),
            ("encoder.layers.encoder_layer_*.mlp.0", "blocks.*.mlp.widen"),
            ("encoder.layers.encoder_layer_*.mlp.3", "blocks.*.mlp.narrow"),
            ("encoder.ln", "norm"),
            ("heads.head", "head"),
        )
    ),
    "timm": NameMap(
        pairs=(
            ("cls_token", "class_token"),
            ("pos_embed", "positions"),
            ("patch_embed.proj", "patches.projection"),
            ("blocks.*.norm1", "blocks.*.norm1"),
            ("blocks.*.attn.qkv", "blocks.*.attention.query_key_value"),
            ("blocks.*.attn.proj", "blocks.*.attention.projection"),
            ("blocks.*.norm2", "blocks.*.norm2"),
            ("blocks.*.mlp.fc1", "blocks.*.mlp.widen"),
            ("blocks.*.mlp.fc2", "blocks.*.mlp.narrow"),
            ("norm", "norm"),
            ("fc_norm", "norm"),
            ("head", "head"),
        )
    ),
    "transformers": NameMap(
        pairs=(
            ("vit.embeddings.cls_token", "class_token"),
            ("vit.embeddings.position_embeddings", "positions"),
            ("vit.embeddings.patch_embeddings.projection", "patches.projection"),
            ("vit.layers.*.attention.o_proj", "blocks.*.attention.projection"),
            ("vit.layers.*.layernorm_before", "blocks.*.norm1"),
            ("vit.layers.*.layernorm_after", "blocks.*.norm2"),
            ("vit.layers.*.mlp.fc1", "blocks.*.mlp.widen"),
            ("vit.layers.*.mlp.fc2", "blocks.*.mlp.narrow"),
            ("vit.layernorm", "norm"),
            ("classifier", "head"),
        ),
        joined=(
            (
                ("vit.layers.*.attention.q_proj", "vit.layers.*.attention.k_proj",
                 "vit.layers.*.attention.v_proj"),
                "blocks.*.attention.query_key_value",
            ),
        ),
    ),
    "transformers-4": NameMap(
        pairs=(
            ("vit.embeddings.cls_token", "class_token"),
            ("vit.embeddings.position_embeddings", "positions"),
            ("vit.embeddings.patch_embeddings.projection", "patches.projection"),
            ("vit.encoder.layer.*.attention.output.dense", "blocks.*.attention.projection"),
            ("vit.encoder.layer.*.layernorm_before", "blocks.*.norm1"),
            ("vit.encoder.layer.*.layernorm_after", "blocks.*.norm2"),
            ("vit.encoder.layer.*.intermediate.dense", "blocks.*.mlp.widen"),
            ("vit.encoder.layer.*.output.dense", "blocks.*.mlp.narrow"),
            ("vit.layernorm", "norm"),
            ("classifier", "head"),
        ),
        joined=(
            (
                ("vit.encoder.layer.*.attention.attention.query",
                 "vit.encoder.layer.*.attention.attention.key",
                 "vit.encoder.layer.*.attention.attention.value"),
                "blocks.*.attention.query_key_value",
            ),
        ),
    ),
}  # fmt: skip


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError where no family has all of the names."""
    return _family_of(tensors).to_ours(tensors)


def to_theirs(tensors: dict[str, Tensor], family: str = "torchvision") -> dict[str, Tensor]:
    """Tensors by the names of a library. Raises KeyError for an unknown name or family."""
    return FAMILIES[family].to_theirs(tensors)


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of one of the families."""
    return any(names.is_theirs(tensors) for names in FAMILIES.values())


def _family_of(tensors: dict[str, Tensor]) -> NameMap:
    for names in FAMILIES.values():
        if names.is_theirs(tensors):
            return names
    raise KeyError(next(iter(tensors), "no tensor at all"))
