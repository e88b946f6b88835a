"""Recipes of the RNN that names the class of a series: `tiny` learns in seconds, `small` is for use."""

from glassworks.models.sequence.rnn import VARIANTS, RNNConfig
from glassworks.recipes.base import Recipe, SeriesFacts, Size
from glassworks.recipes.series import reader_recipe


def recipe(size: Size, variant: str, facts: SeriesFacts) -> Recipe:
    """The RNN for this data at a size."""
    return reader_recipe("rnn", RNNConfig, VARIANTS[variant], size, variant, facts)
