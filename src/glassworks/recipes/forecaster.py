"""Recipes of the forecaster: `tiny` learns in seconds, `small` is for use, `paper` is wider and longer.

Anchor, shortcut and width were chosen by the error on the validation parts of five series (co2, elnino,
equipment, airline, sunspots): the last season and the linear shortcut gave the least of it.
"""

from dataclasses import asdict

from glassworks.models.sequence.forecaster import VARIANTS, ForecasterConfig
from glassworks.recipes.base import Recipe, SeriesFacts, SeriesPart, Size, TrainingPart

STEPS = {"tiny": 120, "small": 400, "paper": 2000}  # of the optimiser
SHORT, LONG = 26, 400  # seasons up to so many steps are seen three times and said twice; longer ones are cut
BATCH = 32


def recipe(size: Size, variant: str, facts: SeriesFacts) -> Recipe:
    """The forecaster for this series at a size."""
    history, horizon = reach(facts)
    plain = variant == "plain"
    anchor = "none" if plain else "season" if facts.period else "last"
    config = ForecasterConfig(
        history=history,
        channels=facts.channels,
        wanted=facts.outputs,
        horizon=horizon,
        width={"tiny": 32, "small": 64, "paper": 128}[size],
        layers=1 if size == "tiny" else 2,
        anchor=anchor,  # type: ignore[arg-type]
        period=0 if plain else facts.period,
        shortcut=0 if plain else min(2 * facts.period, history),
        **VARIANTS[variant],
    )
    return Recipe(
        system="forecaster",
        variant=variant,
        size=size,
        input=SeriesPart(history=history, horizon=horizon, channels=facts.channels, period=facts.period),
        model=asdict(config),
        training=_training(size, facts),
    )


def reach(facts: SeriesFacts) -> tuple[int, int]:
    """Steps that are seen and steps that are said: whole seasons where there are any."""
    past = max(4, facts.examples // 3)
    if facts.period:
        seen = 3 if facts.period <= SHORT else 2
        said = 2 if facts.period <= SHORT else 1
        history = max(facts.period, min(seen * facts.period, past))
        return history, max(1, min(said * facts.period, facts.length // 6))
    return max(4, min(48, past)), max(1, min(12, facts.length // 10))


def _training(size: Size, facts: SeriesFacts) -> TrainingPart:
    """A number of steps, whatever the length of the series: short ones are seen more often."""
    batches = max(1, -(-facts.examples // BATCH))
    epochs = max(2, round(STEPS[size] / batches))
    return TrainingPart(
        epochs=epochs,
        batch=BATCH,
        learning_rate=3e-3,
        warmup=0.1,
        weight_decay=0.01,
        evaluate_every=max(1, epochs // 30),
    )
