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
    system: str, *, variant: str | None = None, side: int = 32, channels: int = 3, classes: int = 10
) -> dict:
    """One system: its catalogue row, its settings, and each variant's cost at these shapes.

    {"entry", "settings": [{"name", "default", "meaning"}], "variants": [{"name", "parameters",
    "multiply_adds", "stages": […]}]}
    """
    from glassworks.recipes.base import TIMM, config_class, require_system

    entry = require_system(system)
    _require_variant(entry, variant)
    module = importlib.import_module(entry.module)
    shape: dict[str, Any] = {"height": side, "width": side, "channels": channels, "classes": classes}
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
        "data": "pictures: class folders, CSV or JSONL, IDX, .npz, archives, torchvision:NAME, hf:org/name",
        "start": f"glassworks {'finetune' if entry.weights else 'train'} {system} --data photos/",
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

    try:
        return module.build(config_class(module)(**shape, **getattr(module, "VARIANTS", {}).get(name, {})))
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


def _variant(module, name: str, shape: dict) -> dict:
    """Parameters, multiply-adds and stages of one architecture."""
    import torch

    from glassworks.insight.cost import stage_costs

    model = _built(module, name, shape)
    picture = torch.zeros(1, shape["channels"], shape["height"], shape["width"])
    stages = [dataclasses.asdict(stage) for stage in stage_costs(model, picture)]
    return {
        "name": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "multiply_adds": sum(stage["multiply_adds"] for stage in stages),
        "stages": stages,
    }


def _settings(config: Any) -> list[dict]:
    """Fields of a config with their meanings, read from its docstring ("name: meaning", several a line)."""
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in (config.__doc__ or "").splitlines()[1:]:
        head, colon, text = line.strip().partition(":")
        words = [word.strip() for word in head.split(",")]
        known = {field.name for field in dataclasses.fields(config)}
        if colon and set(words) <= known:
            names = words
            meanings |= {name: text.strip() for name in names}
        elif line.strip() and names:
            for name in names:
                meanings[name] += " " + line.strip()
    return [
        {"name": field.name, "default": field.default, "meaning": meanings.get(field.name, "")}
        for field in dataclasses.fields(config)
    ]
