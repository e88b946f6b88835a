"""Recipes of the LSTM that names the class of a series: `tiny` learns in seconds, `small` is for use."""

from glassworks.models.sequence.lstm import VARIANTS, LSTMConfig
from glassworks.recipes.base import Recipe, SeriesFacts, Size
from glassworks.recipes.series import reader_recipe


def recipe(size: Size, variant: str, facts: SeriesFacts) -> Recipe:
    """The LSTM for this data at a size."""
    return reader_recipe("lstm", LSTMConfig, VARIANTS[variant], size, variant, facts)
