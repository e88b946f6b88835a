"""The names that transformers and the paper's authors give to the parts of a BERT.

"bert" is a whole model with its heads; "body" the encoder alone, as MiniLM is published. Both keep query, key
and value apart. Guessing words, they write the table of tokens down twice, because it also compares; we keep
it once. Older files say gamma and beta where today's say weight and bias.
"""

import re

from torch import Tensor

from glassworks.weights.names.maps import NameMap


def _map(prefix: str) -> NameMap:
    layer = f"{prefix}encoder.layer.*"
    return NameMap(
        pairs=(
            (f"{prefix}embeddings.word_embeddings", "embedding.tokens"),
            (f"{prefix}embeddings.position_embeddings", "embedding.positions"),
            (f"{prefix}embeddings.token_type_embeddings", "embedding.segments"),
            (f"{prefix}embeddings.LayerNorm", "embedding.norm"),
            (f"{layer}.attention.output.dense", "blocks.*.attention.projection"),
            (f"{layer}.attention.output.LayerNorm", "blocks.*.norm1"),
            (f"{layer}.intermediate.dense", "blocks.*.mlp.widen"),
            (f"{layer}.output.dense", "blocks.*.mlp.narrow"),
            (f"{layer}.output.LayerNorm", "blocks.*.norm2"),
            (f"{prefix}pooler.dense", "pooler"),
            ("cls.predictions.transform.dense", "head.turn"),
            ("cls.predictions.transform.LayerNorm", "head.norm"),
            ("cls.predictions.bias", "head.bias"),
            ("classifier", "head"),
        ),
        joined=(
            (
                (f"{layer}.attention.self.query", f"{layer}.attention.self.key",
                 f"{layer}.attention.self.value"),
                "blocks.*.attention.query_key_value",
            ),
        ),
        unused=(f"{prefix}embeddings.position_ids", "cls.predictions.decoder", "cls.seq_relationship"),
    )  # fmt: skip


FAMILIES = {"bert": _map("bert."), "body": _map("")}
OLD = {"gamma": "weight", "beta": "bias"}  # of the first releases


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names. Raises KeyError where no family has all of the names."""
    tensors = _today(tensors)
    for names in FAMILIES.values():
        if names.is_theirs(tensors):
            return names.to_ours(tensors)
    raise KeyError(next(iter(tensors), "no tensor at all"))


def to_theirs(tensors: dict[str, Tensor], family: str = "bert") -> dict[str, Tensor]:
    """Tensors by the names of a family; a head that guesses words gets its second table of tokens back.

    Raises KeyError for an unknown name or family.
    """
    found = FAMILIES[family].to_theirs(tensors)
    if "head.weight" in tensors:  # of classes: its offsets are called as those of the words' head are
        found["classifier.bias"] = found.pop("cls.predictions.bias")
    if "head.turn.weight" in tensors:
        found["cls.predictions.decoder.weight"] = tensors["embedding.tokens.weight"]
        found["cls.predictions.decoder.bias"] = tensors["head.bias"]
    return found


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are of one of the families."""
    return any(names.is_theirs(_today(tensors)) for names in FAMILIES.values())


def fields_of(tensors: dict[str, Tensor]) -> dict[str, int]:
    """Fields of the config that tensors by our names tell: sizes, not the number of heads of attention."""
    depth = 1 + max(int(found[1]) for name in tensors if (found := re.match(r"blocks\.(\d+)\.", name)))
    vocabulary, width = tensors["embedding.tokens.weight"].shape
    return {
        "vocabulary": vocabulary,
        "width": width,
        "depth": depth,
        "context": len(tensors["embedding.positions.weight"]),
        "segments": len(tensors["embedding.segments.weight"]),
    }


def _today(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    def named(name: str) -> str:
        before, _, last = name.rpartition(".")
        return f"{before}.{OLD[last]}" if last in OLD else name

    return {named(name): tensor for name, tensor in tensors.items()}
