"""Three families of names for the parts of an EfficientNet, each in both directions.

"torchvision" numbers a block's layers (features.2.0.block.1.0), "timm" names them (blocks.1.0.conv_dw), and
"flat" counts the blocks through all stages (_blocks.5._depthwise_conv), as the first port to PyTorch did,
whose names the published Lite weights carry. Every tensor is the same everywhere, batch norm's counter
included; a block that does not widen (all of the first stage) has its own names in each family.
"""

import re
from collections.abc import Iterator

from torch import Tensor

# (our part of a block, its name there in a block that does not widen, its name in one that does)
TORCHVISION = (
    ("expand.convolution", None, "block.0.0"),
    ("expand.norm", None, "block.0.1"),
    ("depthwise.convolution", "block.0.0", "block.1.0"),
    ("depthwise.norm", "block.0.1", "block.1.1"),
    ("squeeze.reduce", "block.1.fc1", "block.2.fc1"),
    ("squeeze.expand", "block.1.fc2", "block.2.fc2"),
    ("project.convolution", "block.2.0", "block.3.0"),
    ("project.norm", "block.2.1", "block.3.1"),
)
TIMM = (
    ("expand.convolution", None, "conv_pw"),
    ("expand.norm", None, "bn1"),
    ("depthwise.convolution", "conv_dw", "conv_dw"),
    ("depthwise.norm", "bn1", "bn2"),
    ("squeeze.reduce", "se.conv_reduce", "se.conv_reduce"),
    ("squeeze.expand", "se.conv_expand", "se.conv_expand"),
    ("project.convolution", "conv_pw", "conv_pwl"),
    ("project.norm", "bn2", "bn3"),
)
FLAT = (
    ("expand.convolution", None, "_expand_conv"),
    ("expand.norm", None, "_bn0"),
    ("depthwise.convolution", "_depthwise_conv", "_depthwise_conv"),
    ("depthwise.norm", "_bn1", "_bn1"),
    ("squeeze.reduce", "_se_reduce", "_se_reduce"),
    ("squeeze.expand", "_se_expand", "_se_expand"),
    ("project.convolution", "_project_conv", "_project_conv"),
    ("project.norm", "_bn2", "_bn2"),
)
# family: the parts of a block, then the names of the stem, the top and the head
FAMILIES = {
    "torchvision": (
        TORCHVISION, ("features.0.0", "features.0.1", "features.8.0", "features.8.1", "classifier.1"),
    ),
    "timm": (TIMM, ("conv_stem", "bn1", "conv_head", "bn2", "classifier")),
    "flat": (FLAT, ("_conv_stem", "_bn0", "_conv_head", "_bn1", "_fc")),
}  # fmt: skip
OUTSIDE = ("stem.convolution", "stem.norm", "top.convolution", "top.norm", "head")
Depths = tuple[int, ...]  # blocks of each of the seven stages


def to_ours(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by our names; the family is told by the names. Raises KeyError for a name of no family."""
    family = family_of(tensors)
    if family is None:
        raise KeyError(next(iter(tensors), "no tensors"))
    depths = _depths_of_flat(tensors) if family == "flat" else _depths(tensors, family)
    ours = {theirs: mine for mine, theirs in _pairs(family, depths)}
    return {_renamed(name, ours): tensor for name, tensor in tensors.items()}


def to_theirs(tensors: dict[str, Tensor], family: str = "torchvision") -> dict[str, Tensor]:
    """Tensors by a family's names. Raises KeyError for an unknown name or family."""
    theirs = dict(_pairs(family, _depths(tensors, "ours")))
    return {_renamed(name, theirs): tensor for name, tensor in tensors.items()}


def is_theirs(tensors: dict[str, Tensor]) -> bool:
    """Whether all names are those of one of the families."""
    try:
        return bool(to_ours(tensors))
    except (KeyError, IndexError, TypeError):  # a name, or the shape of a filter, that no family has
        return False


def family_of(tensors: dict[str, Tensor]) -> str | None:
    """ "torchvision", "timm", "flat", or None: told by the name of the first filter."""
    return next((name for name, (_, outside) in FAMILIES.items() if f"{outside[0]}.weight" in tensors), None)


def _pairs(family: str, depths: Depths) -> Iterator[tuple[str, str]]:
    """(our name, their name) of every part of a network with these depths."""
    parts, outside = FAMILIES[family]
    yield from zip(OUTSIDE, outside, strict=True)
    flat = 0
    for stage, depth in enumerate(depths):
        for place in range(depth):
            block = {
                "torchvision": f"features.{stage + 1}.{place}",
                "timm": f"blocks.{stage}.{place}",
                "flat": f"_blocks.{flat}",
            }[family]
            for mine, plain, widening in parts:
                theirs = plain if stage == 0 else widening
                if theirs is not None:
                    yield f"stages.{stage}.{place}.{mine}", f"{block}.{theirs}"
            flat += 1


def _renamed(name: str, names: dict[str, str]) -> str:
    part, _, last = name.rpartition(".")
    return f"{names[part]}.{last}"


def _depths(tensors: dict[str, Tensor], family: str) -> Depths:
    """Blocks of each stage, counted in the names."""
    pattern, first = {
        "ours": (r"stages\.(\d+)\.(\d+)\.", 0),
        "timm": (r"blocks\.(\d+)\.(\d+)\.", 0),
        "torchvision": (r"features\.(\d+)\.(\d+)\.block\.", 1),
    }[family]
    found = [match for name in tensors if (match := re.match(pattern, name))]
    counts: dict[int, int] = {}
    for match in found:
        stage = int(match[1]) - first
        counts[stage] = max(counts.get(stage, 0), int(match[2]) + 1)
    return tuple(counts[stage] for stage in sorted(counts))


def _depths_of_flat(tensors: dict[str, Tensor]) -> Depths:
    """Blocks of each stage where they are counted through: within a stage, filter size and maps out agree."""
    stages: list[tuple] = []
    depths: list[int] = []
    while f"_blocks.{(block := sum(depths))}._project_conv.weight" in tensors:
        prefix = f"_blocks.{block}."
        out = len(tensors[f"{prefix}_project_conv.weight"])
        filter_side = tensors[f"{prefix}_depthwise_conv.weight"].shape[-1]
        kind = (f"{prefix}_expand_conv.weight" in tensors, filter_side, out)
        if not stages or stages[-1] != kind:
            stages.append(kind)
            depths.append(0)
        depths[-1] += 1
    return tuple(depths)
