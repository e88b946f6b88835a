"""Recipes of the GRU that names the class of a series: `tiny` learns in seconds, `small` is for use."""

from glassworks.models.sequence.gru import VARIANTS, GRUConfig
from glassworks.recipes.base import Recipe, SeriesFacts, Size
from glassworks.recipes.series import reader_recipe


def recipe(size: Size, variant: str, facts: SeriesFacts) -> Recipe:
    """The GRU for this data at a size."""
    return reader_recipe("gru", GRUConfig, VARIANTS[variant], size, variant, facts)
