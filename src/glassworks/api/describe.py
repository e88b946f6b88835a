"""What there is: the catalogue, and one page on a system."""

import dataclasses
import importlib
from typing import Any

from glassworks import catalogue
from glassworks.core.errors import PersonError, did_you_mean


def list_systems(domain: str = "all") -> list[catalogue.Entry]:
    """The rows of the catalogue, of one domain or all."""
    if domain not in ("all", *catalogue.DOMAINS):
        raise PersonError(
            "unknown-domain",
            expected=f"a domain ({', '.join(catalogue.DOMAINS)}) or all",
            got=f'"{domain}"',
            fix=did_you_mean(domain, catalogue.DOMAINS),
        )
    return [entry for entry in catalogue.CATALOGUE if domain in ("all", entry.domain)]


def info(
    system: str,
    *,
    variant: str | None = None,
    side: int | None = None,
    patch: int | None = None,
    channels: int = 3,
    classes: int = 10,
) -> dict:
    """One system: its catalogue row, its settings, and each variant's cost at these shapes.

    side:  pixels; left out: 32, or the published size where pictures are cut into patches
    patch: pixels on a side of a patch; left out: the variant's own
    {"entry", "settings": [{"name", "default", "meaning"}], "variants": [{"name", "parameters",
    "multiply_adds", "stages": […]}]}; of a system with attention each variant has "attention" too, see
    `_attention`, and "published": the same at the published size.
    """
    from glassworks.api.describe_sequences import reads_sequences
    from glassworks.api.families import family_of
    from glassworks.recipes.base import TIMM, config_class, require_system

    entry = require_system(system)
    _require_variant(entry, variant)
    if not system.startswith(TIMM) and reads_sequences(system):
        return _sequence_info(entry, variant, side=side, patch=patch, classes=classes)
    module = importlib.import_module(entry.module)
    shape = _shape(system, _defaults(module), side, patch) | {"channels": channels, "classes": classes}
    if system.startswith(TIMM):
        shape |= {"name": system.removeprefix(TIMM)}
    return {
        "schema": 1,
        "command": "info",
        "entry": dataclasses.asdict(entry),
        "idea": (module.__doc__ or "").strip(),
        "shape": shape,
        "settings": _settings(config_class(module)),
        "variants": [_variant(module, name, shape) for name in ([variant] if variant else entry.variants)],
        "weights": list(entry.weights),
        "published": _published(system),
        "data": family_of(system).data,
        "start": f"glassworks {'finetune' if entry.weights else 'train'} {system} --data photos/",
    }


def _sequence_info(
    entry: catalogue.Entry, variant: str | None, *, side: int | None, patch: int | None, classes: int
) -> dict:
    """The same for a system that reads texts or series, each variant as its recipe makes it."""
    from glassworks.api.describe_sequences import sequence_variant
    from glassworks.api.families import family_of
    from glassworks.recipes.base import config_class

    if side is not None or patch is not None:
        raise PersonError(
            "contradiction", expected=f"options for {entry.name}, which sees no pictures",
            got="--side" if side is not None else "--patch", fix="leave it out",
        )  # fmt: skip
    module = importlib.import_module(entry.module)
    names = [variant] if variant else entry.variants
    variants = [sequence_variant(entry.name, name, classes) for name in names]
    settings = _settings(config_class(module))
    for row in settings:  # the recipe's values, which fit the model to the data
        row["default"] = variants[0]["settings"].get(row["name"], row["default"])
    return {
        "schema": 1,
        "command": "info",
        "entry": dataclasses.asdict(entry),
        "idea": (module.__doc__ or "").strip(),
        "shape": {"classes": classes},
        "settings": settings,
        "variants": variants,
        "weights": list(entry.weights),
        "published": _published(entry.name),
        "data": family_of(entry.name).data,
        "start": f"glassworks {'finetune' if entry.weights else 'train'} {entry.name} --data DATA",
    }


def _published(system: str) -> list[dict]:
    """The weights that --from knows for a system, and where they come from."""
    from glassworks.core.files import readable_size
    from glassworks.weights.published import REGISTRY

    return [
        {
            "name": row.name, "variant": row.variant, "licence": row.licence, "size": readable_size(row.size),
            "from": f"the package {row.package}, offline" if row.package else "fetched once while online",
        }
        for row in REGISTRY if row.system == system
    ]  # fmt: skip


def built(system: str, variant: str | None = None, *, side: int = 32, channels: int = 3, classes: int = 10):
    """A system's model with random numbers. Raises PersonError for unknown names and impossible sizes."""
    from glassworks.recipes.base import TIMM, require_system, system_module

    entry = require_system(system)
    _require_variant(entry, variant)
    shape: dict[str, Any] = {"height": side, "width": side, "channels": channels, "classes": classes}
    if system.startswith(TIMM):
        shape |= {"name": system.removeprefix(TIMM)}
    return _built(system_module(system), variant or entry.variants[0], shape)


def _built(module, name: str, shape: dict):
    from glassworks.recipes.base import config_class

    known = {field.name for field in dataclasses.fields(config_class(module))}
    classes = shape.get("classes", 10)
    shape = {name: value for name, value in shape.items() if name in known}  # some have no classes
    try:
        made = module.build(config_class(module)(**getattr(module, "VARIANTS", {}).get(name, {}) | shape))
        return module.described(made, classes) if hasattr(module, "described") else made
    except (ValueError, RuntimeError) as error:  # torch says so when memory does not suffice
        raise PersonError(
            "bad-model",
            expected=f"a picture that {name} can take",
            got=str(error),
            fix="choose another --side",
        ) from error


def _require_variant(entry: catalogue.Entry, variant: str | None) -> None:
    if variant is not None and variant not in entry.variants:
        raise PersonError(
            "unknown-variant",
            expected=f"a variant of {entry.name} ({', '.join(entry.variants)})",
            got=f"--variant {variant}",
            fix=did_you_mean(variant, entry.variants),
        )


def _defaults(module) -> dict[str, Any]:
    """Fields of a system's config with their defaults: the published shape."""
    from glassworks.recipes.base import config_class

    return {field.name: field.default for field in dataclasses.fields(config_class(module))}


def _shape(system: str, defaults: dict[str, Any], side: int | None, patch: int | None) -> dict[str, Any]:
    """The picture and its patches. Raises PersonError("no-patches") where there are none to change."""
    if patch is None:
        side = side or (defaults["height"] if "patch" in defaults else 32)
        return {"height": side, "width": side}
    if "patch" not in defaults:
        raise PersonError(
            "no-patches",
            expected="a system that cuts pictures into patches of a size of your choice",
            got=f"--patch {patch} for {system}",
            fix="leave out --patch",
        )
    side = side or defaults["height"]
    return {"height": side, "width": side, "patch": patch}


def _variant(module, name: str, shape: dict) -> dict:
    """Parameters, multiply-adds and stages of one architecture; with attention also at its published size."""
    costs = _costs(module, name, shape)
    if "attention" not in costs or "name" in shape:
        return costs
    published = {key: value for key, value in shape.items() if key != "patch"}
    published |= {key: value for key, value in _defaults(module).items() if key in ("height", "width")}
    return costs | {"published": _costs(module, name, published)}


def _costs(module, name: str, shape: dict) -> dict:
    """One architecture at one shape. Only shapes go through it: a large picture takes no memory."""
    import torch

    from glassworks.insight.cost import stage_costs

    with torch.device("cpu" if "name" in shape else "meta"):  # another library's model may want numbers
        model = _built(module, name, shape)
        picture = torch.zeros(1, shape["channels"], shape["height"], shape["width"])
        stages = stage_costs(model, picture)
    costs = {
        "name": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "multiply_adds": sum(stage.multiply_adds for stage in stages),
        "stages": [dataclasses.asdict(stage) for stage in stages],
    }
    if any(stage.map_numbers for stage in stages):
        costs["attention"] = _attention(model.config, stages)
    return costs


def _attention(config: Any, stages: list) -> dict:
    """What attention costs, for one picture and all blocks together.

    patch, tokens: None where the config does not name them
    linear, maps:  multiply-adds of layers, and of attention's own products
    bytes:         of all maps if they are written down, "fp16" and "fp32"; and what a "fused" kernel keeps
                   for learning instead, one float32 number a row
    """
    numbers, rows = sum(stage.map_numbers for stage in stages), sum(stage.map_rows for stage in stages)
    maps = sum(stage.in_maps for stage in stages)
    return {
        "height": config.height,
        "width": config.width,
        "patch": getattr(config, "patch", None),
        "tokens": getattr(config, "tokens", None),
        "linear": sum(stage.multiply_adds for stage in stages) - maps,
        "maps": maps,
        "bytes": {"fp16": 2 * numbers, "fp32": 4 * numbers, "fused": 4 * rows},
    }


def _settings(config: Any, made: Any = None) -> list[dict]:
    """Fields of a config with their meanings, read from its docstring ("name: meaning", several a line).

    made: the config whose values stand as defaults; left out: those of the class
    """
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in _lines_of(config):
        head, colon, text = line.strip().partition(":")
        words = [word.strip() for word in head.split(",")]
        known = {field.name for field in dataclasses.fields(config)}
        if colon and set(words) <= known:
            names = words
            meanings |= {name: text.strip() for name in names}
        elif line.strip() and names:
            for name in names:
                meanings[name] += " " + line.strip()
    rows: list[dict] = []
    for field in dataclasses.fields(config):
        value = getattr(made, field.name) if made is not None else _default(field)
        inner = dataclasses.is_dataclass(value) and not isinstance(value, type)  # a config inside a config
        row = {"name": field.name, "default": "" if inner else value, "meaning": meanings.get(field.name, "")}
        rows.append(row)
        if inner:
            rows += [one | {"name": f"{field.name}.{one['name']}"} for one in _settings(type(value), value)]
    return rows


def _lines_of(config: Any) -> list[str]:
    """The docstrings of a config and of those it is made of, without their first lines."""
    made_of = [one for one in reversed(config.__mro__) if dataclasses.is_dataclass(one)]
    return [line for one in made_of for line in ["", *(one.__doc__ or "").splitlines()[1:]]]


def _default(field: dataclasses.Field) -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()
