"""A recipe holds values: no code, no references, no unknown key, nothing that contradicts itself."""

import time

import pytest

from glassworks.catalogue import CATALOGUE
from glassworks.core.errors import PersonError
from glassworks.recipes.base import (
    SIZES,
    Facts,
    SeriesFacts,
    TextFacts,
    build_model,
    config_of,
    default_recipe,
    parse,
    plain_yaml,
    read,
    require_system,
)

FACTS = Facts(kind="label", outputs=3, channels=3, side=32, examples=100)


@pytest.fixture
def recipe():
    return default_recipe("cnn", "tiny", None, FACTS)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("system", "variant"), [(e.name, v) for e in CATALOGUE for v in e.variants])
def test_every_recipe_is_valid_and_reads_back_as_itself(tmp_path, system, variant, size):
    for facts in facts_for(system):
        made = default_recipe(system, size, variant, facts)
        (tmp_path / "recipe.yaml").write_text(made.as_yaml(), encoding="utf-8")
        again = read(tmp_path / "recipe.yaml")
        assert again.as_yaml() == made.as_yaml() and config_of(again) == config_of(made)
    assert build_model(made) is not None


def facts_for(system):
    """Three kinds of data that a system may be asked to learn from."""
    task = require_system(system).task
    if "image" in task:
        return FACTS, Facts("number", 1, 1, 20, 10), Facts("labels", 40, 3, 500, 100_000, True)
    if task == "time-series-forecasting":
        return SeriesFacts("forecast", 1, 100, 1, 150, 12), SeriesFacts("forecast", 3, 9000, 5, 9000, 0)
    if task == "time-series-classification":
        return SeriesFacts("label", 2, 60, 1, 24), SeriesFacts("label", 9, 270, 12, 29)
    kind = {"translation": "pairs", "text-classification": "label", "fill-mask": "none"}.get(task, "none")
    outputs = 2 if kind == "label" else 0
    return TextFacts(kind, outputs, 100, 8, 30, 5000), TextFacts(kind, outputs, 9000, 200, 900, 4_000_000)


def bomb():
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


CODE = {
    "object": "!!python/object/apply:os.system ['touch MARK']",
    "new": "!!python/object/new:os.system ['touch MARK']",
    "name": "!!python/name:os.system",
    "module": "!!python/module:os",
    "tuple": "!!python/tuple [1]",
    "own-tag": "!Recipe {a: 1}",
    "bomb": bomb(),
    "self-reference": "a: &a [*a]",
    "merge": "base: &b {seed: 1}\n<<: *b",
    "not-yaml": "{[",
    "a-word": "glassworks",
    "a-list": "[1, 2]",
    "nothing": "",
    "deep": "[" * 20_000,
    "control-letters": "a: \x00\x01",
}


@pytest.mark.parametrize("kind", CODE)
def test_no_tag_or_reference_of_yaml_is_followed(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(CODE[kind], encoding="utf-8")
    begun = time.process_time()
    with pytest.raises(PersonError) as told:
        read(tmp_path / "recipe.yaml")
    assert told.value.code == "bad-recipe" and time.process_time() - begun < 2
    assert not (tmp_path / "MARK").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("system", "os.system"),
        ("system", "../../evil"),
        ("system", "glassworks.models.vision.cnn"),
        ("model.hidden", "__import__('os').system('touch MARK')"),
        ("model.widths", "${oc.env:HOME}"),
        ("training.batch", "2 ** 30"),
        ("data.val", "0.1 + 0.1"),
        ("model.dropout", "!!python/name:os.system"),
    ],
)
def test_class_paths_and_expressions_are_words_and_refused(tmp_path, monkeypatch, recipe, key, value):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PersonError):
        build_model(recipe.with_values({key: value}))
    assert not (tmp_path / "MARK").exists()


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "recipe.yaml"
    with path.open("wb") as file:
        file.truncate(10**10)
    begun = time.process_time()
    with pytest.raises(PersonError, match="far more than a recipe"):
        read(path)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("trainings", "training"),
        ("training.epoch", "epochs"),
        ("augment.rotation", "rotate"),
        ("seeed", "seed"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(recipe, key, nearest):
    content = recipe.model_dump(by_alias=True)
    place = content
    *parts, last = key.split(".")
    for part in parts:
        place = place[part]
    place[last] = 1
    with pytest.raises(PersonError) as told:
        parse(content, "a file")
    assert told.value.code == "unknown-key" and nearest in told.value.fix


def test_an_unknown_key_of_the_model_is_refused_with_the_nearest(recipe):
    with pytest.raises(PersonError, match='did you mean "hidden"'):
        build_model(recipe.with_values({"model.hiden": 3}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"training.batch": 0}, "training.batch: Input should be greater"),
        ({"training.batch": -4}, "training.batch"),
        ({"training.learning_rate": -1.0}, "training.learning_rate"),
        ({"training.learning_rate": float("nan")}, "finite"),
        ({"training.learning_rate": float("inf")}, "finite"),
        ({"training.epochs": 0}, "training.epochs"),
        ({"hardware.threads": 100_000}, "hardware.threads"),
        ({"data.val": 0.6, "data.test": 0.6}, "leave nothing to train on"),
        ({"input.mean": (0.5,)}, "3 numbers each"),
        ({"input.mean": (0.5,) * 3, "input.std": (0.0,) * 3}, "above 0"),
        ({"seed": -1}, "seed"),
        ({"input.height": 40}, "model.height is 32 and input.height is 40"),
        ({"model.channels": 1}, "model.channels is 1 and input.channels is 3"),
        ({"model.height": 1, "input.height": 1, "model.width": 1, "input.width": 1}, "too small"),
    ],
)
def test_values_that_cannot_be_are_refused_before_anything_starts(recipe, changes, words):
    with pytest.raises(PersonError) as told:
        build_model(recipe.with_values(changes))
    assert words in f"{told.value.expected} {told.value.got}"
    assert "constrained" not in told.value.expected and "Value error" not in told.value.expected


def test_plain_yaml_reads_plain_values():
    assert plain_yaml("{a: [1, 2.5, true, null, x]}") == {"a": [1, 2.5, True, None, "x"]}
