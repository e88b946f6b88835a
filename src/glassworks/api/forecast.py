"""From a table of series to what a forecaster trains on: windows, parts of time, scales, the task."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import torch
from torch import nn

from glassworks.api.sequence_learner import outputs_of_sequences
from glassworks.core.errors import PersonError
from glassworks.core.series_rows import SeriesTable
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.splits import data_digest
from glassworks.data.windows import Scaled, Windows, measured, recorded_cuts, season_of, windows_of
from glassworks.models.sequence.forecaster import ForecasterConfig
from glassworks.recipes.base import Recipe, SeriesFacts, SeriesPart, config_of
from glassworks.tasks.forecasting import Forecasting
from glassworks.training.runtime import Runtime

WIDEST = 3.0  # intervals are widened by at most this much


class OriginNames(Sequence):
    """ "NAME @ TIME" of each window, made when asked for."""

    def __init__(self, windows: Windows):
        self.windows = windows

    def __len__(self) -> int:
        return len(self.windows.series)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row):
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        return f"{self.windows.table.names[self.windows.series[row]]} @ {self.when(row)}"

    def when(self, row: int) -> str:
        """The time of the last step that window `row` sees."""
        number, origin = int(self.windows.series[row]), int(self.windows.origins[row]) - 1
        times = self.windows.table.times
        return str(origin) if times is None else time_words(times[number][origin])


def time_words(time: Any) -> str:
    """A time as a person writes it: without a clock where it is midnight."""
    return str(time).removesuffix("T00:00:00").replace("T", " ")


@dataclass(frozen=True)
class PreparedSeries:
    """Series cut into windows, with what measured them. Rows are windows."""

    windows: Windows
    how: SeriesPart
    task: Forecasting
    model: dict[str, Any]

    @property
    def table(self) -> SeriesTable:
        return self.windows.table

    @property
    def splits(self) -> Windows:
        return self.windows

    @property
    def digest(self) -> str:
        return data_digest(self.table)

    @property
    def names(self) -> OriginNames:
        return OriginNames(self.windows)

    @property
    def notes(self) -> tuple[str, ...]:
        season = f"a season of {self.how.period} steps" if self.how.period else "no season was found"
        return (f"{season}; windows of {self.how.history} steps, {self.how.horizon} ahead",)

    @property
    def settled(self) -> dict[str, Any]:
        """What of the recipe follows from the data and from what the person asked for."""
        shortcut = min(int(self.model.get("shortcut", 0)), self.how.history)
        return {"input.mean": self.how.mean, "input.std": self.how.std, "model.shortcut": shortcut}

    def part(self, name: str) -> np.ndarray:
        return getattr(self.windows, name)

    def batches(self, name: str, *, seed: int = 0, device: Any = "cpu", batch: int = 32) -> SequenceBatches:
        """Windows of a part in the scale that the model sees; targets (rows, horizon, wanted), NaN if
        unknown.
        """
        return self.some(self.part(name), until=name, seed=seed, device=device, batch=batch)

    def some(self, rows: np.ndarray, *, until: str = "test", **options: Any) -> SequenceBatches:
        """Batches of any windows whose targets end with the part `until`."""
        targets = np.full((len(self.names), *self._ahead), np.nan, dtype=np.float32)
        targets[rows] = self.scaled(self.windows.following(rows, until="end" if until == "test" else until))
        return SequenceBatches(self._scaled, targets, rows, **options)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Values of the wanted channels (…, wanted) in the scale that the model sees."""
        mean, std = self._measures
        return (values - mean) / std

    def unscaled(self, said: np.ndarray) -> np.ndarray:
        """What the model says (rows, horizon, wanted, quantiles) in the series' own units."""
        mean, std = self._measures
        return said * std[:, None] + mean[:, None]

    @property
    def _ahead(self) -> tuple[int, int]:
        return self.task.horizon, self.task.wanted

    @property
    def _measures(self) -> tuple[np.ndarray, np.ndarray]:
        wanted = self.task.wanted
        return np.array(self.how.mean)[:wanted], np.array(self.how.std)[:wanted]

    @cached_property
    def _scaled(self) -> Scaled:
        return Scaled(self.windows, self.how.mean, self.how.std)


def facts_of(table: SeriesTable, val: float = 0.15, test: float = 0.15) -> SeriesFacts:
    """What a recipe needs to know; the season is looked for in the part that will train."""
    longest = max(len(values) for values in table.values)
    return SeriesFacts(
        kind="forecast",
        outputs=len(table.wanted),
        examples=max(1, round((1 - val - test) * sum(len(values) for values in table.values))),
        channels=len(table.channels),
        length=longest,
        period=season_of(table, 1 - val - test),
    )


def prepare_series(recipe: Recipe, table: SeriesTable, *, splits: dict | None = None) -> PreparedSeries:
    """Fill, cut, measure. Raises PersonError where the recipe asks for what the data does not have."""
    how = recipe.input
    assert isinstance(how, SeriesPart)
    _require_agreement(recipe, how, table)
    windows = windows_of(
        table, how.history, how.horizon, shortest(how), val=recipe.data.val, test=recipe.data.test,
        ends=None if splits is None else recorded_cuts(table, splits),
    )  # fmt: skip
    if not how.mean:
        mean, std = measured(windows)
        how = how.model_copy(update={"mean": mean, "std": std})
    quantiles = tuple(recipe.model.get("quantiles", (0.5,)))
    task = Forecasting(how.horizon, len(table.wanted), quantiles)
    return PreparedSeries(windows, how, task, recipe.model)


def shortest(how: SeriesPart) -> int:
    """Steps of the shortest window: two seasons, or half of the longest window."""
    return min(how.history, 2 * how.period if how.period else max(2, (how.history + 1) // 2))


def forecasts(model: nn.Module, own: PreparedSeries, rows: np.ndarray, runtime: Runtime) -> np.ndarray:
    """What a model says at some windows, float64 (rows, horizon, wanted, quantiles), in the series' units."""
    outputs = outputs_of_sequences(model, own.some(rows, device=runtime.device), runtime)
    return own.unscaled(own.task.answers(outputs))


def widened(model: nn.Module, own: PreparedSeries, runtime: Runtime) -> float:
    """Widen a model's intervals until they hold the share of the validation part that they promise.

    Returns by how much. A network that was trained on one series trusts itself too much. Intervals are never
    narrowed, and at most
    tripled: a validation part of a few horizons knows no better. Multiplies the buffer `stretch`.
    """
    quantiles, rows = own.task.quantiles, own.part("val")
    if len(quantiles) < 2:
        return 1.0
    said, truth = forecasts(model, own, rows, runtime), own.windows.following(rows)
    low, middle, high = said[..., 0], said[..., quantiles.index(0.5)], said[..., -1]
    needed = np.maximum((truth - middle) / (high - middle), (middle - truth) / (middle - low))
    known = needed[np.isfinite(needed)]
    if not len(known):
        return 1.0
    factor = float(np.clip(np.quantile(known, quantiles[-1] - quantiles[0]), 1.0, WIDEST))
    model.stretch.mul_(factor)  # type: ignore[operator]
    return factor


def continued(model: nn.Module, own: PreparedSeries, runtime: Runtime) -> np.ndarray:
    """How each series goes on after its last row, float64 (series, horizon, wanted, quantiles), its units."""
    history = own.how.history
    mean, std = np.array(own.how.mean), np.array(own.how.std)
    said = []
    for values in own.table.values:
        window = torch.from_numpy(((values[-history:] - mean) / std).astype(np.float32))[None]
        with torch.inference_mode(), runtime.autocast():
            said.append(model(window.to(runtime.device), None).float().cpu())
    return own.unscaled(own.task.answers(torch.cat(said)))


def config_in(recipe: Recipe) -> ForecasterConfig:
    config = config_of(recipe)
    assert isinstance(config, ForecasterConfig)
    return config


def _require_agreement(recipe: Recipe, how: SeriesPart, table: SeriesTable) -> None:
    if how.channels != len(table.channels) or recipe.model.get("wanted", 1) != len(table.wanted):
        wanted = recipe.model.get("wanted", 1)
        raise PersonError(
            "contradiction",
            expected=f"{how.channels} channels, {wanted} of them forecast, as in the recipe",
            got=f"{table.where}: {', '.join(table.channels)}, of which {len(table.wanted)} are forecast",
            fix="name the columns to forecast with --target",
        )  # fmt: skip
