"""The recipe: everything that decides a run, in one object that is written into the run as YAML.

A recipe holds values only. No class path, import or expression in it is ever followed; a key that is not
known is refused with the nearest one that is.
"""

import dataclasses
import importlib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from glassworks import catalogue
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.keyed import seed_for

Size = Literal["tiny", "small", "paper"]
SIZES = ("tiny", "small", "paper")
TIMM = "timm:"  # systems of another library, by their names there
MOST_BYTES = 1_000_000  # a recipe is a page of text
SHAPE = {"height", "width", "channels", "context", "history", "horizon"}  # as the input, so the model


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataPart(Part):
    """Where the examples come from and how they are divided."""

    where: str = "sample"
    target: str | None = None
    file: str | None = None
    text: str | None = None
    time: str | None = None
    group: str | None = None
    labels: Literal["auto", "label", "labels", "number", "captions", "none"] = "auto"
    bad: Literal["stop", "skip"] = "stop"
    val: float = Field(0.15, gt=0, lt=1)
    test: float = Field(0.15, gt=0, lt=1)

    @model_validator(mode="after")
    def _something_to_train_on(self) -> "DataPart":
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val:g} and test {self.test:g} leave nothing to train on")
        return self


class InputPart(Part):
    """What the model sees of a picture; the fields are explained in core/rows.py.

    mean and std are measured on the training part where they are not given.
    """

    things: ClassVar[str] = "pictures"

    height: int = Field(ge=1, le=4096)
    width: int = Field(ge=1, le=4096)
    channels: Literal[1, 3]
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    resample: Literal["bilinear", "bicubic"] = "bilinear"
    crop: float = Field(1.0, gt=0, le=1)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def in_words(self) -> str:
        return f"pictures of {self.height}x{self.width}x{self.channels}"

    @model_validator(mode="after")
    def _one_a_channel(self) -> "InputPart":
        if len(self.mean) not in (0, self.channels) or len(self.std) != len(self.mean):
            raise ValueError(f"mean and std have {self.channels} numbers each, or none to measure them")
        if any(value <= 0 for value in self.std):
            raise ValueError("std is above 0 for every channel")
        return self


class TextPart(Part):
    """How a text becomes numbers; the fields are explained in data/vocabulary.py.

    tokens:  what a text is cut into: words, characters, pieces of words (byte pairs), or what came with
             weights
    context: most tokens that the model sees of a text; texts that are longer are counted before training
    """

    things: ClassVar[str] = "texts"

    tokens: Literal["word", "character", "piece", "given"] = "word"
    context: int = Field(256, ge=2, le=131_072)
    lower: bool = True

    @property
    def in_words(self) -> str:
        names = {"word": "words", "character": "characters", "piece": "pieces of words", "given": "tokens"}
        return f"texts of up to {self.context:,} {names[self.tokens]}"


class SeriesPart(Part):
    """What the model sees of a series; the fields are explained in data/windows.py.

    history:  time steps that it sees; horizon: steps ahead that it answers, 0 where it names a class
    channels: numbers a step
    period:   steps of a season (12 for months), 0 where none is known
    mean, std: per channel, measured on the training part where they are not given
    """

    things: ClassVar[str] = "series"

    history: int = Field(ge=1)
    horizon: int = Field(0, ge=0)
    channels: int = Field(1, ge=1)
    period: int = Field(0, ge=0)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def in_words(self) -> str:
        numbers = f"{self.channels} number{'s' if self.channels > 1 else ''} a step"
        ahead = f", {self.horizon} ahead" if self.horizon else ""
        return f"series of up to {self.history:,} steps, {numbers}{ahead}"


class AugmentPart(Part):
    """Random changes of training pictures; the fields are explained in data/augment.py."""

    flip: Literal["none", "random", "alternate"] = "none"
    shift: float = Field(0.0, ge=0, le=0.5)
    rotate: float = Field(0.0, ge=0, le=180)
    zoom: float = Field(0.0, ge=0, le=0.9)
    brightness: float = Field(0.0, ge=0)
    contrast: float = Field(0.0, ge=0, le=1)
    erase: float = Field(0.0, ge=0, le=1)


class TrainingPart(Part):
    """How long and how fast; the fields are explained in training/loop.py and training/step.py."""

    epochs: int = Field(ge=1)
    batch: Annotated[int, Field(ge=1)] | Literal["auto"] = 64
    micro_batch: int = Field(0, ge=0)
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = 2e-3
    warmup: float = Field(0.1, ge=0, lt=1)
    schedule: Literal["cosine", "linear"] = "cosine"
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = Field(0.05, ge=0)
    clip: float = Field(1.0, ge=0)
    smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    threshold: str | None = None
    average: float = Field(0.0, ge=0, lt=1)
    evaluate_every: int = Field(1, ge=1)
    patience: int = Field(0, ge=0)
    on_nan: Literal["stop", "skip"] = "stop"
    save_seconds: float = Field(30.0, ge=0)
    save_steps: int = Field(0, ge=0)


class TunePart(Part):
    """How much of a pretrained model learns, and how fast; explained in transfer/tuning.py."""

    method: Literal["full", "head", "last", "gradual", "lora"] = "full"
    last: int = Field(1, ge=1)
    layer_decay: float = Field(1.0, gt=0, le=1)
    norms: Literal["fixed", "moving"] = "fixed"
    rank: int = Field(8, ge=1)
    alpha: float = Field(16.0, gt=0)


class TeacherPart(Part):
    """A run whose answers this one learns to give; explained in transfer/distil.py."""

    run: str | None = None
    kind: Literal["soft", "hard"] = "soft"
    temperature: float = Field(4.0, gt=0)
    weight: float = Field(0.7, ge=0, le=1)


class HardwarePart(Part):
    """The machine; "auto" values are replaced by what was chosen, so that a resume repeats them."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    threads: int = Field(0, ge=0, le=1024)
    workers: int = Field(0, ge=0, le=256)
    compile: bool = False


class Recipe(Part):
    """One run. `model` holds the fields of the system's own config."""

    schema_: Literal[1] = Field(1, alias="schema")
    system: str
    variant: str
    size: Size = "small"
    seed: int = Field(0, ge=0)
    start_from: str | None = None
    tune: TunePart = TunePart()
    teacher: TeacherPart = TeacherPart()
    data: DataPart = DataPart()
    input: InputPart | TextPart | SeriesPart
    model: dict[str, Any] = {}
    augment: AugmentPart = AugmentPart()
    training: TrainingPart
    hardware: HardwarePart = HardwarePart()

    @property
    def pictures(self) -> InputPart:
        """How pictures go in. Raises PersonError where the system sees none."""
        if not isinstance(self.input, InputPart):
            raise PersonError(
                "other-input",
                expected="a system that sees pictures",
                got=f"{self.system}, which sees {self.input.in_words}",
                fix="see `glassworks list image` for systems that see pictures",
            )
        return self.input

    def as_yaml(self) -> str:
        content = self.model_dump(by_alias=True, mode="json")
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)

    def with_values(self, changes: dict[str, Any]) -> "Recipe":
        """A copy with dotted keys replaced: {"training.epochs": 5}. Raises PersonError for unknown keys."""
        content = self.model_dump(by_alias=True)
        for key, value in changes.items():
            *parts, last = key.split(".")
            place = content
            for part in parts:
                inner = place.get(part)
                place = inner if isinstance(inner, dict) else {}
            if last not in place and parts != ["model"]:
                known = [f"{a}.{b}" for a, inner in content.items() if isinstance(inner, dict) for b in inner]
                raise PersonError(
                    "unknown-key",
                    expected="a key of the recipe",
                    got=f'"{key}"',
                    fix=did_you_mean(key, [*known, "seed"]),
                )
            place[last] = value
        return parse(content, "the changed recipe")


class Known(Protocol):
    """What every recipe may know of the data: its kind, outputs of the model, rows of the training part."""

    @property
    def kind(self) -> str: ...

    @property
    def outputs(self) -> int: ...

    @property
    def examples(self) -> int: ...


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a recipe may know of pictures.

    kind:     as in core.rows.PictureTable; outputs: numbers the model gives for a picture
    channels: 1 when every picture is grey, else 3
    side:     median of the pictures' shorter sides, pixels
    examples: rows of the training part
    mirrored: whether a mirrored picture is still of its class, where the data's maker says so
    """

    kind: str
    outputs: int
    channels: int
    side: int
    examples: int
    mirrored: bool | None = None


@dataclasses.dataclass(frozen=True)
class TextFacts:
    """What a recipe may know of texts.

    kind:     as in core.text_rows.TextTable; outputs: classes, or 1 for a number, or 0
    examples: rows of the training part
    words:    median of the texts' lengths in words; longest: of the longest text
    letters:  characters in all
    """

    kind: str
    outputs: int
    examples: int
    words: int = 0
    longest: int = 0
    letters: int = 0


@dataclasses.dataclass(frozen=True)
class SeriesFacts:
    """What a recipe may know of series.

    kind:     "label" (a class a series) or "forecast"; outputs: classes, or numbers that are forecast a step
    examples: series of the training part, or time steps of it where they are forecast
    channels: numbers a step; length: steps of the longest series; period: of a season, 0 where none is known
    """

    kind: str
    outputs: int
    examples: int
    channels: int = 1
    length: int = 0
    period: int = 0


def default_recipe(system: str, size: Size, variant: str | None, facts: Known) -> Recipe:
    """The recipe of a system at a size, for this data. Raises PersonError for unknown names."""
    entry = require_system(system)
    variant = variant or entry.variants[0]
    if variant not in entry.variants:
        raise PersonError(
            "unknown-variant",
            expected=f"a variant of {system} ({', '.join(entry.variants)})",
            got=f"--variant {variant}",
            fix=did_you_mean(variant, entry.variants),
        )
    if size not in SIZES:
        raise PersonError(
            "unknown-size",
            expected="--size tiny, small or paper",
            got=f"--size {size}",
            fix=did_you_mean(size, SIZES),
        )
    if system.startswith(TIMM):
        return recipe_module(system).recipe(size, system, facts)
    return recipe_module(system).recipe(size, variant, facts)


def recipe_module(system: str) -> Any:
    """The module that holds a system's recipes."""
    return importlib.import_module(f"glassworks.recipes.{'foreign' if system.startswith(TIMM) else system}")


def require_system(name: str) -> catalogue.Entry:
    """The catalogue's row of a system; `timm:NAME` gets one of its own."""
    if name.startswith(TIMM):
        from glassworks.transfer.timm_models import known

        return catalogue.foreign(known(name.removeprefix(TIMM)))
    entry = catalogue.find(name)
    if entry is None or entry.kind != "system":
        raise PersonError(
            "unknown-system",
            expected=f"a system ({', '.join(catalogue.SYSTEMS)})",
            got=f'"{name}"',
            fix=did_you_mean(name, catalogue.SYSTEMS) + " (see `glassworks list`)",
        )
    return entry


def system_module(name: str) -> Any:
    """The module of a system: its config, VARIANTS and `build`."""
    return importlib.import_module(require_system(name).module)


def config_of(recipe: Recipe) -> Any:
    """The system's own frozen dataclass, checked field by field."""
    module = system_module(recipe.system)
    config = config_class(module)
    known = [field.name for field in dataclasses.fields(config)]
    for key in recipe.model:
        if key not in known:
            raise PersonError(
                "unknown-key",
                expected=f"a field of {recipe.system}'s model ({', '.join(known)})",
                got=f'"model.{key}"',
                fix=did_you_mean(key, known),
            )
    try:
        return TypeAdapter(config).validate_python(recipe.model)
    except ValidationError as error:
        raise _as_person_error(error, "the recipe's model", known) from error


def build_model(recipe: Recipe) -> Any:
    """The recipe's model with a random start that depends on the seed alone."""
    module = system_module(recipe.system)
    import torch  # here, so that a recipe can be read and checked without it

    torch.manual_seed(seed_for(recipe.seed, "start"))
    config = config_of(recipe)
    for name in recipe.input.__class__.model_fields.keys() & SHAPE:
        wanted, given = getattr(config, name, None), getattr(recipe.input, name)
        if wanted is not None and wanted != given:
            raise _bad_model(recipe, f"model.{name} is {wanted} and input.{name} is {given}")
    try:
        return module.build(config)
    except ValueError as error:
        raise _bad_model(recipe, str(error)) from error


def config_class(module: Any) -> type:
    """The config dataclass of a system's module: the one whose name ends in Config."""
    return next(
        thing
        for name, thing in vars(module).items()
        if name.endswith("Config") and dataclasses.is_dataclass(thing) and thing.__module__ == module.__name__
    )  # type: ignore[return-value]


def read(path: str | Path) -> Recipe:
    """A recipe from a YAML file. Raises PersonError for anything but plain, known, valid values."""
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes, far more than a recipe has")
        content = plain_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise PersonError(
            "bad-recipe",
            expected="a recipe in YAML, plain values only",
            got=f"{path}: {' '.join(str(error).split())[:300]}",
            fix="start from the recipe.yaml of a run",
        ) from error
    return parse(content, str(path))


class _PlainLoader(yaml.SafeLoader):
    """Plain values only. References too are refused: nine lines of them can stand for a billion values."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references (*name) are not allowed: write the value out")
        return super().compose_node(parent, index)


def plain_yaml(text: str) -> Any:
    """YAML's plain values. Raises yaml.YAMLError for tags, references and text that is not YAML."""
    return yaml.load(text, Loader=_PlainLoader)


def parse(content: Any, source: str) -> Recipe:
    """A recipe from plain values; `source` names them in a message."""
    if not isinstance(content, dict):
        raise PersonError(
            "bad-recipe", expected="a recipe: a table of keys", got=f"{source}: {type(content).__name__}",
            fix="start from the recipe.yaml of a run",
        )  # fmt: skip
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        raise _as_person_error(error, source, _all_keys()) from error
    require_system(recipe.system)
    return recipe


def data_part(content: dict[str, Any]) -> DataPart:
    """The `data` of a recipe from plain values, checked."""
    try:
        return DataPart.model_validate(content)
    except ValidationError as error:
        raise _as_person_error(error, "the recipe's data", list(DataPart.model_fields)) from error


def _bad_model(recipe: Recipe, why: str) -> PersonError:
    return PersonError(
        "bad-model",
        expected=f"a model that {recipe.system} can be",
        got=why,
        fix=f"change the recipe's model, or --side; see `glassworks info {recipe.system}`",
    )


def _all_keys() -> list[str]:
    keys = [name for name in Recipe.model_fields if name != "schema_"]
    for part in (
        TunePart,
        TeacherPart,
        DataPart,
        InputPart,
        TextPart,
        SeriesPart,
        AugmentPart,
        TrainingPart,
        HardwarePart,
    ):
        keys += list(part.model_fields)
    return keys


def _as_person_error(error: ValidationError, source: str, known: list[str]) -> PersonError:
    """The first complaint of pydantic, in the house's three parts."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return PersonError(
            "unknown-key",
            expected="keys that a recipe has",
            got=f'"{key}" in {source}',
            fix=did_you_mean(str(first["loc"][-1]), known),
        )
    # Between two kinds of value (a number or "auto") pydantic adds the kind's name to the place.
    key = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in known)
    value = first.get("input")
    shown = f" ({value!r})" if isinstance(value, (str, int, float, bool, type(None))) else ""
    return PersonError(
        "bad-value",
        expected=f"for {key or 'the model'}: {first['msg'].removeprefix('Value error, ')}",
        got=f"{source}{shown}",
        fix="change that value; recipe.yaml of a run shows valid ones",
    )
