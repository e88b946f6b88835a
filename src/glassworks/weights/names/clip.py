"""The names that others give to the parts of a CLIP, and the shapes in which they keep them.

`transformers` is what that library has in its files, before and since version 5; `openai` is what the authors
and open_clip have. Both keep a class token without the axes of a batch, the authors' projections lie on their
side, and transformers keeps query, key and value apart.
"""

from torch import Tensor

from glassworks.weights.names.maps import NameMap

SIDES = (("vision_model", "picture"), ("text_model", "text"))
OPENAI_SIDES = (("visual.transformer", "picture"), ("transformer", "text"))


def _transformers_blocks() -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"{theirs}.encoder.layers.*.{part}", f"{ours}.blocks.*.{own}")
        for theirs, ours in SIDES
        for part, own in (
            ("layer_norm1", "norm1"), ("self_attn.out_proj", "attention.projection"),
            ("layer_norm2", "norm2"), ("mlp.fc1", "mlp.widen"), ("mlp.fc2", "mlp.narrow"),
        )
    )  # fmt: skip


def _openai_blocks() -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"{theirs}.resblocks.*.{part}", f"{ours}.blocks.*.{own}")
        for theirs, ours in OPENAI_SIDES
        for part, own in (
            ("ln_1", "norm1"), ("attn.in_proj_weight", "attention.query_key_value.weight"),
            ("attn.in_proj_bias", "attention.query_key_value.bias"),
            ("attn.out_proj", "attention.projection"), ("ln_2", "norm2"),
            ("mlp.c_fc", "mlp.widen"), ("mlp.c_proj", "mlp.narrow"),
        )
    )  # fmt: skip


FAMILIES = {
    "transformers": NameMap(
        pairs=(
            ("logit_scale", "log_scale"),
            ("vision_model.embeddings.class_embedding", "picture.class_token"),
            ("vision_model.embeddings.position_embedding.weight", "picture.positions"),
            ("vision_model.embeddings.patch_embedding", "picture.patches.projection"),
            ("vision_model.pre_layrnorm", "picture.first_norm"),
            ("vision_model.post_layernorm", "picture.norm"),
            ("text_model.embeddings.token_embedding", "text.token_embedding"),
            ("text_model.embeddings.position_embedding.weight", "text.positions"),
            ("text_model.final_layer_norm", "text.norm"),
            ("visual_projection", "picture_projection"),
            ("text_projection", "text_projection"),
            *_transformers_blocks(),
        ),
        joined=tuple(
            (
                (f"{theirs}.encoder.layers.*.self_attn.q_proj", f"{theirs}.encoder.layers.*.self_attn.k_proj",
                 f"{theirs}.encoder.layers.*.self_attn.v_proj"),
                f"{ours}.blocks.*.attention.query_key_value",
            )
            for theirs, ours in SIDES
        ),
        unused=("vision_model.embeddings.position_ids", "text_model.embeddings.position_ids"),
    ),
    "openai": NameMap(
        pairs=(
            ("logit_scale", "log_scale"),
            ("visual.class_embedding", "picture.class_token"),
            ("visual.positional_embedding", "picture.positions"),
            ("visual.conv1", "picture.patches.projection"),
            ("visual.ln_pre", "picture.first_norm"),
            ("visual.ln_post", "picture.norm"),
            ("visual.proj", "picture_projection.weight"),
            ("token_embedding", "text.token_embedding"),
            ("positional_embedding", "text.positions"),
            ("ln_final", "text.norm"),
            ("text_projection", "text_projection.weight"),
            *_openai_blocks(),
        ),
        unused=("input_resolution", "context_length", "vocab_size", "attn_mask"),
    ),
}  # fmt: skip

TURNED = ("picture_projection.weight", "text_projection.weight")  # the authors multiply from the other side


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names and in our shapes. Raises KeyError where no family has all of the names."""
    family = _family_of(tensors)
    found = FAMILIES[family].to_ours(tensors)
    width = found["picture.class_token"].shape[-1]
    found["picture.class_token"] = found["picture.class_token"].reshape(1, 1, width)
    found["picture.positions"] = found["picture.positions"].reshape(1, -1, width)
    return _turned(found) if family == "openai" else found


def to_theirs(tensors: dict[str, Tensor], family: str = "transformers") -> dict[str, Tensor]:
    """Tensors by the names of a family, in its shapes. Raises KeyError for an unknown name or family."""
    flat = tensors | {
        "picture.class_token": tensors["picture.class_token"].flatten(),
        "picture.positions": tensors["picture.positions"][0],
    }
    return FAMILIES[family].to_theirs(_turned(flat) if family == "openai" else flat)


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of one of the families."""
    return any(names.is_theirs(tensors) for names in FAMILIES.values())


def _turned(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return tensors | {name: tensors[name].T.contiguous() for name in TURNED}


def _family_of(tensors: dict[str, Tensor]) -> str:
    for family, names in FAMILIES.items():
        if names.is_theirs(tensors):
            return family
    raise KeyError(next(iter(tensors), "no tensor at all"))
