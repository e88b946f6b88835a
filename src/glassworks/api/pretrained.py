"""From the word after `--from` to weights and what travels with them: architecture, input, origin.

A model that starts from other weights must see pictures as those weights saw them: the same size unless the
person says otherwise, the same scaling and the same way to cut. So a source of weights is more than tensors.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from glassworks import catalogue
from glassworks.api import pretrained_texts
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import sha256_of
from glassworks.data.folders import missing_path
from glassworks.deploy.bundle import CARD as EXPORTED
from glassworks.recipes.base import TIMM, InputPart, config_class, read, require_system, system_module
from glassworks.training.run_folder import CARD, MODEL, RECIPE, open_run, read_json
from glassworks.transfer import timm_models
from glassworks.transfer.resize import size_of
from glassworks.weights import published, published_texts
from glassworks.weights.names import BODIES, SYSTEMS, body_for, by_our_names
from glassworks.weights.store import read_tensors, refuse_pickle

# (system, name): the variant that has a body of another system, its child, that system and its variant
TOWERS = {("clip", "imagenet"): ("lite0", "picture", "efficientnet", "lite0")}


@dataclass(frozen=True)
class Pretrained:
    """Weights to begin with.

    source:  what the person typed, a path made absolute
    variant: the architecture they belong to, None where the file does not say
    model:   fields of the system's config, None where the file does not say
    input:   how the weights saw pictures, texts or series: a part of a recipe, None where nothing says so
    classes: what its head tells apart, None where the file does not say; another head starts fresh
    origin:  where they come from, for the card
    tensors: reads them by our names, for a config of the system
    """

    source: str
    variant: str | None
    model: dict[str, Any] | None
    input: Any
    classes: tuple[str, ...] | None
    origin: dict[str, Any]
    tensors: Callable[[Any], dict[str, Tensor]]


def pretrained(system: str, source: str, variant: str | None = None) -> Pretrained:
    """The weights that `--from SOURCE` names for a system.

    Raises PersonError for a name or path that is not there, for another system's run, and for a --variant
    that the weights do not have.
    """
    entry = require_system(system)
    if source in entry.weights:
        return _published(system, variant, source)
    if (system, source) in TOWERS:
        return _tower(system, variant, source)
    path = pretrained_texts.weights_in(Path(source))
    if not path.exists():
        raise _unknown(entry, source)
    found = _run(system, path) if path.is_dir() else _file(system, variant, path)
    if variant and found.variant and variant != found.variant:
        raise PersonError(
            "contradiction",
            expected=f"the variant of the weights, {found.variant}",
            got=f"--variant {variant}",
            fix="leave --variant out: --from fixes it",
        )
    return found


def _published(system: str, variant: str | None, name: str) -> Pretrained:
    if system.startswith(TIMM):
        return _timm(system, name)
    if (text := published_texts.find(system, variant, name)) is not None:
        return _published_text(text)
    row = published.find(system, variant, name)
    module = system_module(system)
    side = {"height": row.side, "width": row.side, "channels": len(row.mean)}
    return Pretrained(
        source=name,
        variant=row.variant,
        model=module.VARIANTS[row.variant] | side | {"classes": row.classes},
        input=InputPart(
            **side, fit="crop", crop=row.crop, resample=row.resample, mean=row.mean, std=row.std
        ),
        classes=published.imagenet_classes(),
        origin={"name": name, "model": row.source, "licence": row.licence, "sha256": row.sha256},
        tensors=lambda _: published.tensors_of(row),
    )  # fmt: skip


def _published_text(row: published_texts.PublishedText) -> Pretrained:
    """Weights that read texts; their tokenizer comes with them (`pretrained_texts.given_tokenizer`)."""
    return Pretrained(
        source=row.name,
        variant=row.variant,
        model=pretrained_texts.fields_of(row),
        input=pretrained_texts.input_of(row),
        classes=None,
        origin={
            "name": row.name, "model": row.source, "licence": row.licence, "sha256": row.weights[1],
        },
        tensors=lambda config: pretrained_texts.tensors_of(row, config),
    )  # fmt: skip


def _tower(system: str, variant: str | None, name: str) -> Pretrained:
    """The picture encoder of a system with two: a published body without its head."""
    own, child, body, body_variant = TOWERS[system, name]
    if variant not in (None, own):
        raise PersonError(
            "unknown-weights", expected=f'a variant of {system} with weights "{name}" ({own})',
            got=f"--variant {variant}", fix=f"choose --variant {own}, or leave --variant out",
        )  # fmt: skip
    found = _published(body, body_variant, name)

    def tensors(config: Any) -> dict[str, Tensor]:
        kept = found.tensors(config).items()
        return {f"{child}.{part}": tensor for part, tensor in kept if not part.startswith("head.")}

    # The whole of a person's picture, not its middle: a caption speaks of all of it.
    assert found.input is not None
    seen = found.input.model_copy(update={"fit": "stretch", "crop": 1.0})
    return replace(found, variant=own, model={"channels": 3}, input=seen, classes=None, tensors=tensors)


def _timm(system: str, name: str) -> Pretrained:
    """Weights that timm names, kept as safetensors on the Hugging Face hub."""
    model = system.removeprefix(TIMM)
    seen = timm_models.timm_input(model)
    shape = {"height": seen.side, "width": seen.side, "channels": 3}
    resample = "bilinear" if seen.resample == "bilinear" else "bicubic"
    return Pretrained(
        source=name,
        variant="timm",
        model=shape | {"name": model},
        input=InputPart(
            **shape, fit="crop", crop=seen.crop, resample=resample, mean=seen.mean, std=seen.std
        ),
        classes=published.imagenet_classes(),
        origin={"name": name, "model": f"timm {model}", "licence": "see the model's card on the hub"},
        tensors=timm_models.pretrained_tensors,
    )  # fmt: skip


def _run(system: str, folder: Path) -> Pretrained:
    """A run of the same system, or of one whose body this one can begin with; its recipe says everything."""
    folder = open_run(folder)
    recipe = read(folder / RECIPE)
    body = BODIES.get((recipe.system, system))
    if recipe.system != system and body is None:
        raise PersonError(
            "other-system",
            expected=f"weights of {system}",
            got=f"{folder}, a run of {recipe.system}",
            fix=f"train {recipe.system} --from {folder}, or learn from its answers: --teacher {folder}",
        )

    def tensors(_: Any) -> dict[str, Tensor]:
        from glassworks.api.run import load_model

        return by_our_names(system, load_model(folder, recipe).state_dict())

    found = Pretrained(
        source=str(folder.resolve()),
        variant=recipe.variant,
        model=dict(recipe.model),
        input=recipe.input,
        classes=tuple(read_json(folder / CARD).get("classes", ())),
        origin={"name": str(folder), "sha256": sha256_of(folder / MODEL)},
        tensors=tensors,
    )
    if body is None:
        return found
    known = recipe.variant if recipe.variant in require_system(system).variants else None
    origin = found.origin | {"name": f"the body of {folder}, a run of {recipe.system}"}
    return replace(found, variant=known, model=body.vit_fields(recipe.model), classes=None, origin=origin)


def _file(system: str, variant: str | None, file: Path) -> Pretrained:
    """A file of tensors; what stands beside it, or the family of its names, tells the rest."""
    if file.name == MODEL and (file.parent / RECIPE).is_file():
        return _run(system, file.parent)
    plain = Pretrained(
        source=str(file.resolve()),
        variant=None,
        model=None,
        input=None,
        classes=None,
        origin={"name": str(file), "sha256": sha256_of(file)},
        tensors=lambda config: _read(system, file, config),
    )
    refuse_pickle(file)
    if (file.parent / EXPORTED).is_file():
        return _exported(system, file, plain)
    tensors = read_tensors(file)
    if (body := body_for(system, tensors)) is not None:
        known, shape = body.fields_of(tensors)
        return replace(plain, variant=known, model=shape)
    if system in pretrained_texts.READERS:
        model, seen = pretrained_texts.described(system, file, tensors)
        return replace(plain, model=model, input=seen)
    if system in SYSTEMS and SYSTEMS[system].is_theirs(tensors):
        entry = require_system(system)
        shape = system_module(system).VARIANTS.get(variant or entry.variants[0], {})
        return replace(plain, model=shape | {"channels": 3} | _side_of(system, shape, tensors))
    return plain


def _side_of(system: str, shape: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, int]:
    """Height and width of the pictures that a foreign file was made for, where its positions tell them."""
    config = config_class(system_module(system))(**shape)
    size = size_of(by_our_names(system, tensors), config)
    return {} if size is None else {"height": size[0], "width": size[1]}


def _exported(system: str, file: Path, plain: Pretrained) -> Pretrained:
    """A file of `glassworks export`: model.json beside it says what a run's recipe says of its weights."""
    facts = read_json(file.parent / EXPORTED)
    try:
        card, seen = facts["card"], facts["input"]
        if facts["sha256"] != plain.origin["sha256"] or card["system"] != system:
            return plain  # of another file, or another system, whose names will not fit
        return replace(
            plain,
            variant=str(card["variant"]),
            model=dict(card["model"]),
            input=InputPart.model_validate({name: seen[name] for name in InputPart.model_fields}),
            classes=tuple(map(str, facts["classes"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PersonError(
            "damaged-export", expected=f"{EXPORTED} as `glassworks export` wrote it",
            got=f"{file.parent / EXPORTED}: {error!r}", fix=f"export again, or copy {file.name} elsewhere",
        ) from error  # fmt: skip


def _read(system: str, file: Path, config: Any) -> dict[str, Tensor]:
    tensors = read_tensors(file)
    if system.startswith(TIMM) and not all(name.startswith(("body.", "head.")) for name in tensors):
        return timm_models.tensors_from(file, config)
    return by_our_names(system, tensors)


def _unknown(entry: catalogue.Entry, source: str) -> PersonError:
    if "/" in source or "\\" in source or source.endswith(".safetensors") or not entry.weights:
        return missing_path(Path(source))
    return PersonError(
        "unknown-weights",
        expected=f"weights of {entry.name}: {', '.join(entry.weights)}, a run, or a .safetensors file",
        got=f'--from "{source}"',
        fix=did_you_mean(source, entry.weights),
    )
