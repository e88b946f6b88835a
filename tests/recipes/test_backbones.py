"""The recipes of ResNet and EfficientNet: every size and variant can be built, and input settings travel."""

import dataclasses

import pytest

from glassworks.api.prepare import as_picture_input
from glassworks.core.errors import PersonError
from glassworks.recipes.base import Facts, config_of, default_recipe, parse, require_system

PHOTOS = Facts("label", 6, 3, 115, 130)
DIGITS = Facts("label", 10, 1, 32, 1257)
EVERY = [(name, variant) for name in ("resnet", "efficientnet") for variant in require_system(name).variants]


@pytest.mark.parametrize("facts", [PHOTOS, DIGITS], ids=["photos", "digits"])
@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
@pytest.mark.parametrize(("system", "variant"), EVERY)
def test_every_size_is_a_recipe_whose_model_fits_its_input(system, variant, size, facts):
    recipe = default_recipe(system, size, variant, facts)
    config = config_of(recipe)
    assert (config.height, config.width, config.channels) == (
        recipe.input.height,
        recipe.input.width,
        recipe.input.channels,
    )
    assert config.classes == facts.outputs and recipe.input.channels == facts.channels
    if size == "paper":
        assert (config.height, recipe.input.fit, recipe.input.crop) == (224, "crop", 0.875)


def test_a_recipe_written_before_these_settings_existed_still_reads():
    content = default_recipe("resnet", "tiny", "18", DIGITS).model_dump(by_alias=True)
    for name in ("resample", "crop"):
        del content["input"][name]
    read = parse(content, "an old run")
    assert (read.input.resample, read.input.crop) == ("bilinear", 1.0)


def test_crop_and_resampling_reach_the_model_s_input():
    recipe = default_recipe("efficientnet", "paper", None, PHOTOS).with_values(
        {"input.resample": "bicubic", "input.mean": (0.5,) * 3, "input.std": (0.5,) * 3}
    )
    how = as_picture_input(recipe.input)
    assert dataclasses.asdict(how) == recipe.input.model_dump()
    assert (how.fit, how.crop, how.resample) == ("crop", 0.875, "bicubic")


@pytest.mark.parametrize("wrong", [{"crop": 0.0}, {"crop": 1.5}, {"resample": "nearest"}])
def test_wrong_crop_and_resampling_are_told(wrong):
    recipe = default_recipe("resnet", "tiny", None, DIGITS)
    with pytest.raises(PersonError) as error:
        recipe.with_values({f"input.{name}": value for name, value in wrong.items()})
    assert error.value.code == "bad-value" and next(iter(wrong)) in error.value.expected
