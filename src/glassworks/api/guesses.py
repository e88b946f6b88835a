"""What a masked autoencoder makes of hidden patches: its error picture by picture, and drawings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.rows import PictureInput, PictureTable
from glassworks.data.batches import PictureBatches
from glassworks.judging.judgement import Judgement
from glassworks.judging.masked import judge_guesses
from glassworks.models.vision.mae import MAE, errors
from glassworks.tasks.masked import FILLS, as_pixels, fill_errors, fixed_noise
from glassworks.training.runtime import Runtime

FORWARD = 256  # pictures a forward pass takes at most
ENLARGED = 128  # pixels: smaller pictures are drawn by whole factors up to about this side


def errors_of(
    model: nn.Module, how: PictureInput, pixels: np.ndarray, rows: np.ndarray, runtime: Runtime
) -> np.ndarray:
    """The error of each row on its hidden patches, float64 (rows,); the model's mode is put back."""
    return _asked(model, how, pixels, rows, runtime)[0]


def judged(
    model: nn.Module,
    how: PictureInput,
    pixels: np.ndarray,
    table: PictureTable,
    rows: np.ndarray,
    runtime: Runtime,
) -> Judgement:
    """The judgement of a model on some rows, beside fills that need no training."""
    own, fills = _asked(model, how, pixels, rows, runtime, fills=True)
    groups = None if table.groups is None else [table.groups[row] for row in rows]
    return judge_guesses([table.names[row] for row in rows], own, fills, groups=groups)


def _asked(
    model: nn.Module,
    how: PictureInput,
    pixels: np.ndarray,
    rows: np.ndarray,
    runtime: Runtime,
    *,
    fills: bool = False,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Errors of the model, and of each fill where they are wanted, float64 (rows,)."""
    batches = PictureBatches(pixels, np.zeros(len(pixels)), rows, how, device=runtime.device)
    config: Any = model.config
    was_training = model.training
    model.eval()
    found: list[Tensor] = []
    others: dict[str, list[Tensor]] = {name: [] for name in FILLS} if fills else {}
    try:
        with torch.inference_mode():
            for batch in batches.plain(FORWARD):
                with runtime.autocast():
                    guess = model(batch.inputs, fixed_noise(pixels[batch.rows], config.tokens))
                found.append(errors(*guess))
                for name, error in fill_errors(batch.inputs, guess.mask, config).items() if fills else ():
                    others[name].append(error)
    finally:
        model.train(was_training)
    return _joined(found), {name: _joined(parts) for name, parts in others.items()}


def _joined(parts: Sequence[Tensor]) -> np.ndarray:
    return torch.cat(list(parts)).double().cpu().numpy() if parts else np.empty(0)


def drawn(model: nn.Module, how: PictureInput, pixels: np.ndarray, runtime: Runtime) -> list[np.ndarray]:
    """The picture, what the encoder saw, and the guess, side by side: one uint8 picture for each."""
    if not len(pixels):
        return []
    rows = np.arange(len(pixels))
    batches = PictureBatches(pixels, np.zeros(len(pixels)), rows, how, device=runtime.device)
    net: MAE = model  # type: ignore[assignment]
    model.eval()
    with torch.inference_mode():
        noise = fixed_noise(pixels, net.config.tokens)
        seen, guessed = net.reconstruct(batches.load(rows), noise=noise)
    three = [pixels, *(as_pixels(one, how.mean, how.std) for one in (seen, guessed))]
    gap = np.full((len(pixels), how.height, max(1, how.width // 16), how.channels), 255, np.uint8)
    wide = np.concatenate([three[0], gap, three[1], gap, three[2]], axis=2)
    factor = max(1, ENLARGED // max(how.height, how.width))
    return list(wide.repeat(factor, 1).repeat(factor, 2))
