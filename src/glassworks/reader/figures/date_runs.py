"""Dates into one form: "12 March 1987" and "March 12, 1987" both become 1987-03-12.

The order changes on the way and the month becomes a number, so a translation of dates shows in small what one
of sentences has to do. Tokens are digits, signs and whole months. A small reader and writer learns it in a
few seconds, a hundred steps at a time; each hundred goes on from the one before, and is a pure function of
its key, so every tab may use the same ones. One day in ten is never learned from: on those the answers are
judged. The first thing to change: `HIDDEN`.

Axes: batch; source = tokens of a date; said = start, ten tokens, end.
"""

import copy
import datetime
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.beam_search import write
from glassworks.core.keyed import generator, seed_for
from glassworks.insight.alignment import alignments, look_layers
from glassworks.models.sequence.seq2seq import Seq2Seq, Seq2SeqConfig, build
from glassworks.tasks.translation import token_loss
from glassworks.training.optimizer import adamw

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
PADDING, START, END, FIRST = range(4)
TOKENS = (*"0123456789", "-", ",", *MONTHS)
SINCE, UNTIL = datetime.date(1900, 1, 1).toordinal(), datetime.date(2029, 12, 31).toordinal()
DAYS, HELD_OUT = 10, 2  # of ten days the third is judged on and never learned from
HIDDEN, WIDTH, BATCH, RATE, CLIP = 32, 32, 48, 8e-3, 1.0
HUNDREDS, JUDGED, MOST = 4, 200, 14
SHOWN = ("12 March 1987", "March 12, 1987", "8 May 2016", "October 31, 1954")  # of days that are held out


@dataclass(frozen=True)
class Looked:
    """What the model said to a date. weights: (said, source) or None without attention; falls: (source,)."""

    answer: str
    weights: np.ndarray | None
    falls: np.ndarray
    agreement: float


@dataclass(frozen=True)
class Learned:
    """The model after so many hundred steps. losses: of all steps so far; right: share of held-out dates."""

    model: Seq2Seq
    optimizer: torch.optim.Optimizer
    losses: tuple[float, ...]
    right: float
    looked: dict[str, Looked]


def tokens_of(text: str) -> list[str]:
    """Digits, signs and months, without the spaces."""
    return re.findall(r"[A-Z][a-z]+|[-,\d]", text)


def numbers(text: str) -> list[int]:
    """Token numbers of a text."""
    return [FIRST + TOKENS.index(token) for token in tokens_of(text)]


def said_of(found: tuple[int, ...]) -> str:
    """The text of token numbers that were written."""
    return "".join(TOKENS[number - FIRST] for number in found)


def pair(day: int, form: int) -> tuple[str, str]:
    """A date as people write it, in one of two forms, and as ISO 8601 has it."""
    date = datetime.date.fromordinal(day)
    month = MONTHS[date.month - 1]
    said = f"{date.day} {month} {date.year}" if form == 0 else f"{month} {date.day}, {date.year}"
    return said, date.isoformat()


def drawn(count: int, dice: np.random.Generator, *, held_out: bool = False) -> list[tuple[str, str]]:
    """Random dates, in random forms; held out ones or only others."""
    found: list[tuple[str, str]] = []
    while len(found) < count:
        day, form = int(dice.integers(SINCE, UNTIL + 1)), int(dice.integers(2))
        if (day % DAYS == HELD_OUT) == held_out:
            found.append(pair(day, form))
    return found


def batch_of(pairs: list[tuple[str, str]]) -> tuple[Tensor, Tensor, Tensor]:
    """source (batch, source), lengths (batch,), said (batch, said)."""
    lengths = torch.tensor([len(tokens_of(text)) for text, _ in pairs])
    source = torch.full((len(pairs), int(lengths.max())), PADDING)
    for row, (text, _) in enumerate(pairs):
        source[row, : lengths[row]] = torch.tensor(numbers(text))
    said = torch.tensor([[START, *numbers(answer), END] for _, answer in pairs])
    return source, lengths, said


def start(attention: str, seed: int) -> Seq2Seq:
    """The model before its training."""
    with torch.random.fork_rng(devices=[]):  # a layer's start draws from torch's own dice
        torch.manual_seed(seed_for(seed, "date runs"))
        config = Seq2SeqConfig(
            FIRST + len(TOKENS), 32, width=WIDTH, hidden=HIDDEN, attention=attention,  # type: ignore[arg-type]
        )  # fmt: skip
        return build(config)


@lru_cache(maxsize=32)
def learned(attention: str, seed: int, hundreds: int) -> Learned:
    """The model after so many hundred steps, about a second and a half each; not to be changed."""
    if hundreds == 0:
        model = start(attention, seed)
        return _judged(model, adamw(model, learning_rate=RATE, weight_decay=0.0), ())
    before = learned(attention, seed, hundreds - 1)
    model, optimizer = copy.deepcopy((before.model, before.optimizer))
    dice, losses = generator(seed, "date runs", hundreds), []
    with torch.enable_grad():
        for step in range(100 * (hundreds - 1), 100 * hundreds):
            for group in optimizer.param_groups:
                group["lr"] = RATE * (1 - step / (100 * HUNDREDS))
            source, lengths, said = batch_of(drawn(BATCH, dice))
            loss = token_loss(model.train()(source, lengths, said[:, :-1]), said[:, 1:], PADDING)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            losses.append(float(loss.detach()))
    return _judged(model, optimizer, before.losses + tuple(losses))


def _judged(model: Seq2Seq, optimizer: torch.optim.Optimizer, losses: tuple[float, ...]) -> Learned:
    pairs = drawn(JUDGED, generator("date runs judged"), held_out=True)
    said = answers(model, [text for text, _ in pairs])
    right = float(np.mean([one == wanted for one, (_, wanted) in zip(said, pairs, strict=True)]))
    return Learned(model, optimizer, losses, right, {text: looked(model, text) for text in SHOWN})


def answers(model: Seq2Seq, texts: list[str]) -> list[str]:
    """What the model says to each, the likeliest letter each time."""
    source, lengths, _ = batch_of([(text, "") for text in texts])
    written = write(model.eval(), source, lengths, start=START, end=END, most=MOST, never=(PADDING,))
    return [said_of(one.tokens) for one in written]


def looked(model: Seq2Seq, text: str) -> Looked:
    """What the model says to one, and where it looked."""
    answer = answers(model, [text])[0]
    if not look_layers(model):
        return Looked(answer, None, np.zeros(len(tokens_of(text))), 0.0)
    said = torch.tensor([START, *numbers(answer), END])
    found = alignments(model, torch.tensor(numbers(text)), said)
    return Looked(answer, found.mean, found.falls, found.agreement)
