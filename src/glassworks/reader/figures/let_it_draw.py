"""Activation maximisation with its check: what a channel draws, beside what really excites it.

A drawing alone proves nothing: a network that has never learned draws too. So beside it stand the answers
to real pictures, and the digits among the twenty that excite the channel most.
First thing to change: `STRONGEST`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from glassworks.insight.maximise import maximise, noise_picture, response
from glassworks.reader import draw
from glassworks.reader.figure import Choose, Slider, Toggle
from glassworks.reader.figures.layered_cnn import STAGES, answers, how, ink, network, parts
from glassworks.reader.figures.measured import Measured

STRONGEST, SHOWN, STEPS, CHANNELS = 20, 6, 48, 16
SMOOTH = {"not at all": 0.0, "as in the workbench": 1.0, "strongly": 2.0}

Run = tuple[int, int, bool, float]


class Drawn(NamedTuple):
    """pixels: what the channel drew, uint8 (32, 32, 1); own: its answer to that; noise: to the start."""

    pixels: np.ndarray
    own: float
    noise: float


@lru_cache(maxsize=256)
def drawn_by(stage: int, channel: int, trained: bool, smooth: float) -> Drawn:
    """Let a channel draw; less than half a second on one core."""
    model, given = network(trained), how()
    with torch.inference_mode(False):
        pixels = maximise(model, f"stages.{stage - 1}", channel, given, steps=STEPS, smooth=smooth)
    (mean,), (std,) = given.mean, given.std
    both = torch.cat([torch.from_numpy(pixels)[None, None, ..., 0].float() / 255, noise_picture(given, 0)])
    with torch.inference_mode():
        own, noise = response(model, (both - mean) / std, f"stages.{stage - 1}", channel).tolist()
    return Drawn(pixels, own, noise)


def strongest(stage: int, channel: int, trained: bool) -> list[int]:
    """Numbers of the test pictures that excite the channel most."""
    return answers(trained)[stage - 1][:, channel].argsort(descending=True)[:STRONGEST].tolist()


def most_of_one_class(stage: int, channel: int, trained: bool) -> tuple[int, int]:
    """The digit that is most frequent among the strongest pictures, and how many of them are that digit."""
    counts = torch.bincount(parts()[1].targets[strongest(stage, channel, trained)], minlength=10)
    return int(counts.argmax()), int(counts.max())


class LetItDraw(Measured):
    title = "What one channel draws, and what really excites it"
    says = (
        "A channel can be made to draw what it likes most. The drawing is a caricature. What the channel "
        "stands for is decided by real pictures: are the twenty that excite it most of one kind?"
    )
    controls = (
        Slider("stage", "stage", 1, STAGES, step=1, value=4),
        Slider("channel", "channel", 0, CHANNELS - 1, step=1, value=3),
        Choose("smooth", "fine waves are held back", SMOOTH, value="strongly"),
        Toggle("fresh", "the same network before it has learned anything"),
    )

    def runs(self, stage: int, channel: int, smooth: float, fresh: bool) -> tuple[Run, ...]:
        return ((int(stage), int(channel), not fresh, smooth),)

    def measure(self, run: Run) -> Drawn:
        answers(run[2])
        return drawn_by(*run)

    def show(self, known: Mapping, stage: int, channel: int, smooth: float, fresh: bool) -> str:
        run = (int(stage), int(channel), not fresh, smooth)
        if run not in known:
            return draw.note("A small network learns digits first. That takes some seconds, once.")
        found, real = known[run], answers(run[2])[run[0] - 1][:, run[1]]
        chosen = strongest(*run[:3])[:SHOWN]
        digit, count = most_of_one_class(*run[:3])
        rows = [
            ["what it drew", f"{found.own:.2f}"],
            ["the strongest real picture", f"{float(real.max()):.2f}"],
            ["a real picture, on average", f"{float(real.mean()):.2f}"],
            ["faint noise", f"{found.noise:.2f}"],
        ]
        pictures = [(found.pixels[..., 0], "what the channel drew")]
        pictures += [
            (one, f"a {int(parts()[1].targets[number])}, answer {float(real[number]):.2f}")
            for one, number in zip(ink(parts()[1].pictures[chosen]), chosen)
        ]
        told = (
            f"Of the {STRONGEST} test pictures that excite this channel most, {count} are a {digit}. "
            "Drawn at random, two of twenty would be. "
            + ("All of one kind, or nearly." if count >= 16 else "So it does not stand for one digit.")
        )
        if found.own <= 0:
            told += " Noise does not move this channel at all, so there was no slope and it drew nothing."
        return draw.columns(
            draw.pictures(pictures, width=96), draw.table(["answer of the channel to", ""], rows)
        ) + draw.text(told)
