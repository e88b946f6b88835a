"""A small Transformer that learns to write five symbols from behind, rightly and in two ways that cheat.

Given the answer itself instead of the answer moved by one place, or without the causal mask, it can copy
what it is asked for: the loss falls, and nothing of use is learned. Writing shows it, where the answer is not
there to be copied. The model is the installed one with one block a side.
The first thing to change: `STEPS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.core.keyed import seed_for
from glassworks.models.sequence.transformer import Transformer, TransformerConfig, build
from glassworks.reader.draw import line_chart, note, table
from glassworks.reader.figure import Button, Choose
from glassworks.reader.figures.measured import Measured

SYMBOLS, PLACES, START, FIRST = 8, 5, 1, 2
STEPS, BATCH, RATE, JUDGED = 150, 32, 5e-3, 200
WAYS = {
    "moved, masked": "right",
    "not moved": "not moved",
    "moved, no mask": "no mask",
}
LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Learned:
    """losses: nats, of every step; given, written: shares of right symbols, 0 to 1; example: three texts."""

    losses: tuple[float, ...]
    given: float
    written: float
    example: tuple[str, str, str]


def pairs(dice: torch.Generator, count: int, way: str) -> tuple[Tensor, Tensor, Tensor]:
    """Source, what the decoder gets, and the answer, (count, PLACES) each."""
    source = torch.randint(FIRST, FIRST + SYMBOLS, (count, PLACES), generator=dice)
    answer = source.flip(1)
    moved = F.pad(answer[:, :-1], (1, 0), value=START)
    return source, answer if way == "not moved" else moved, answer


@lru_cache(maxsize=32)
def learned(way: str, seed: int) -> Learned:
    """One run; half a second of one core."""
    model, dice = _start(way, seed), torch.Generator().manual_seed(seed_for(seed, "shifted by one"))
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=RATE), []
    with torch.enable_grad():
        for step in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = RATE * (1 - step / STEPS)
            source, said, answer = pairs(dice, BATCH, way)
            loss = F.cross_entropy(model(source, None, said).flatten(0, 1), answer.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return Learned(tuple(losses), *_judged(model.eval(), way))


def _start(way: str, seed: int) -> Transformer:
    """One block a side, with dice of its own; without the mask where the way says so."""
    block = {"heads": 4, "norm": "pre", "dropout": 0.0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "shifted by one", way))
        shape: dict[str, Any] = {"vocabulary": FIRST + SYMBOLS, "context": PLACES, "width": 32, "depth": 1}
        model = build(TransformerConfig(**shape, block=block))  # type: ignore[arg-type]
    blocks: Any = model.decoder.blocks
    blocks[0].attention.causal = way != "no mask"
    return model.train()


@torch.no_grad()
def _judged(model: Transformer, way: str) -> tuple[float, float, tuple[str, str, str]]:
    """Right symbols when the model is given what it was given while learning, and when it writes alone."""
    source, said, answer = pairs(torch.Generator().manual_seed(99), JUDGED, way)
    given = (model(source, None, said).argmax(-1) == answer).double().mean()
    written = write(model, source)
    example = (spelled(source[0]), spelled(answer[0]), spelled(written[0]))
    return float(given), float((written == answer).double().mean()), example


@torch.no_grad()
def write(model: Transformer, source: Tensor) -> Tensor:
    """The likeliest symbol, again and again: (rows, PLACES)."""
    state, tokens, said = model.begin(source), torch.full((len(source),), START), []
    for _ in range(PLACES):
        scores, state = model.step(tokens, state)
        tokens = scores.argmax(-1)
        said.append(tokens)
    return torch.stack(said, 1)


def spelled(tokens: Tensor) -> str:
    """Letters; a dot is the start symbol, which is no answer."""
    return "".join(LETTERS[one - FIRST] if one >= FIRST else "·" for one in tokens.tolist())


class ShiftedByOne(Measured):
    title = "A low loss, and nothing learned"
    says = (
        "Given the answer itself, the model reaches a low loss at once, and writes nonsense when it is "
        "alone. Allowed to look ahead, it learns to peek, which is of little use when it writes. Only the "
        "answer moved by one place, behind a causal mask, teaches it to write."
    )
    controls = (
        Choose("way", "the decoder gets the answer", WAYS),
        Button("again", "other random weights"),
    )

    def runs(self, way: str, again: int, **_: Any) -> list[tuple[str, int]]:
        return list(dict.fromkeys([(way, again), ("right", again)]))

    def measure(self, run: tuple[str, int]) -> Learned:
        return learned(*run)

    def show(self, known: Mapping[tuple[str, int], Learned], way: str, **_: Any) -> str:
        if not known:
            return note("The models are being trained.")
        return compared({used: one for (used, _), one in known.items()})


def compared(known: Mapping[str, Learned]) -> str:
    """Losses, right symbols and one example of each way that is known."""
    names = {used: name for name, used in WAYS.items()}
    curves = {
        names[used]: [(step, max(loss, 1e-3)) for step, loss in enumerate(one.losses, 1)]
        for used, one in known.items()
    }
    chart = line_chart(
        curves, across="step", up="loss while learning, nats", logarithmic="y", x=(0, STEPS), y=(1e-3, 10),
        width=400, height=240,
    )  # fmt: skip
    rows = [
        [names[used], f"{one.losses[-1]:.3f}", f"{100 * one.given:.0f} %", f"{100 * one.written:.0f} %"]
        for used, one in known.items()
    ]
    facts = table(["answer", "loss", "given", "alone"], rows)
    shown = [[names[used], one.example[0], one.example[2]] for used, one in known.items()]
    told = (
        "Given: symbols that are right when the model gets what it got while learning. Alone: when it gets "
        "what it said itself, one symbol after the other. Chance is 12.5 %. A dot is the "
        "start symbol, which is no answer."
    )
    return chart + facts + table(["answer", "source", "it writes"], shown) + note(told)
