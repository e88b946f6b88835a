"""The names that torchvision, timm and transformers give to the parts of a Swin Transformer.

Every tensor is the same there and here. They differ in where merging stands: torchvision counts it as a
layer of its own, timm begins a stage with it, as we do, and transformers ends one. transformers keeps query,
key and value apart; the files that its authors published before version 5 have longer names
(`transformers-4`). The table of places is fixed by the window, so we compute it and do not store it.
"""

from torch import Tensor

from glassworks.weights.names.maps import NameMap

STAGES = range(4)
_BLOCK = "stages.*.blocks.*."


def _rows(theirs: str, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Rows of the parts of each block, whose names begin with `theirs` there."""
    return tuple((theirs + part, _BLOCK + ours) for part, ours in pairs)


def _torchvision() -> NameMap:
    rows = [("features.0.0", "patches.projection"), ("features.0.2", "patch_norm"), ("norm", "norm"),
            ("head", "head")]  # fmt: skip
    for stage in STAGES:  # features 1, 3, 5, 7 are stages, 2, 4, 6 the merging before them
        block, ours = f"features.{2 * stage + 1}.*.", f"stages.{stage}.blocks.*."
        rows += [
            (block + "norm1", ours + "norm1"),
            (block + "attn.qkv", ours + "attention.query_key_value"),
            (block + "attn.relative_position_bias_table", ours + "attention.relative.table"),
            (block + "attn.proj", ours + "attention.projection"),
            (block + "norm2", ours + "norm2"),
            (block + "mlp.0", ours + "mlp.widen"),
            (block + "mlp.3", ours + "mlp.narrow"),
        ]
        if stage:
            rows += [(f"features.{2 * stage}.{part}", f"stages.{stage}.merging.{part}")
                     for part in ("norm", "reduction")]  # fmt: skip
    return NameMap(pairs=tuple(rows), unused=("features.*.*.attn.relative_position_index",))


def _timm() -> NameMap:
    block = "layers.*.blocks.*."
    merging = [
        (f"layers.{stage}.downsample.{part}", f"stages.{stage}.merging.{part}")
        for stage in STAGES[1:]
        for part in ("norm", "reduction")
    ]
    return NameMap(
        pairs=(
            ("patch_embed.proj", "patches.projection"),
            ("patch_embed.norm", "patch_norm"),
            *_rows(block, (
                ("norm1", "norm1"),
                ("attn.qkv", "attention.query_key_value"),
                ("attn.relative_position_bias_table", "attention.relative.table"),
                ("attn.proj", "attention.projection"),
                ("norm2", "norm2"),
                ("mlp.fc1", "mlp.widen"),
                ("mlp.fc2", "mlp.narrow"),
            )),
            *merging,
            ("norm", "norm"),
            ("head.fc", "head"),
        ),
        unused=(block + "attn.relative_position_index", block + "attn_mask"),
    )  # fmt: skip


def _transformers(attention: str, parts: tuple[tuple[str, str], ...], unused: str, *three: str) -> NameMap:
    """transformers' names; those of a block's parts moved between its versions."""
    block = "swin.encoder.layers.*.blocks.*."
    merging = [
        (f"swin.encoder.layers.{stage - 1}.downsample.{part}", f"stages.{stage}.merging.{part}")
        for stage in STAGES[1:]
        for part in ("norm", "reduction")
    ]
    first, second, third = (block + attention + part for part in three)
    return NameMap(
        pairs=(
            ("swin.embeddings.patch_embeddings.projection", "patches.projection"),
            ("swin.embeddings.norm", "patch_norm"),
            *_rows(block, (("layernorm_before", "norm1"), ("layernorm_after", "norm2"), *parts)),
            *merging,
            ("swin.layernorm", "norm"),
            ("classifier", "head"),
        ),
        joined=(((first, second, third), _BLOCK + "attention.query_key_value"),),
        unused=(block + attention + unused,),
    )


FAMILIES = {
    "torchvision": _torchvision(),
    "timm": _timm(),
    "transformers": _transformers(
        "attention.",
        (
            ("attention.relative_position_bias.relative_position_bias_table", "attention.relative.table"),
            ("attention.o_proj", "attention.projection"),
            ("mlp.fc1", "mlp.widen"),
            ("mlp.fc2", "mlp.narrow"),
        ),
        "relative_position_bias.relative_position_index", "q_proj", "k_proj", "v_proj",
    ),
    "transformers-4": _transformers(
        "attention.self.",
        (
            ("attention.self.relative_position_bias_table", "attention.relative.table"),
            ("attention.output.dense", "attention.projection"),
            ("intermediate.dense", "mlp.widen"),
            ("output.dense", "mlp.narrow"),
        ),
        "relative_position_index", "query", "key", "value",
    ),
}  # fmt: skip


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError where no family has all of the names."""
    return _family_of(tensors).to_ours(tensors)


def to_theirs(tensors: dict[str, Tensor], family: str = "torchvision") -> dict[str, Tensor]:
    """Tensors by the names of a library, without its table of places. Raises KeyError for an unknown name."""
    return FAMILIES[family].to_theirs(tensors)


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of one of the families."""
    return any(names.is_theirs(tensors) for names in FAMILIES.values())


def _family_of(tensors: dict[str, Tensor]) -> NameMap:
    for names in FAMILIES.values():
        if names.is_theirs(tensors):
            return names
    raise KeyError(next(iter(tensors), "no tensor at all"))
