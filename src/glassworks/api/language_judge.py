"""Judging a model that continues texts, and what its report shows: text it wrote, and what surprised it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from glassworks.api.language import PreparedLanguage, divided, never_guessed, stream_of
from glassworks.api.writing import Request, repeated, write
from glassworks.blocks.sampling import Sampling
from glassworks.core.keyed import generator
from glassworks.core.text_rows import TextTable
from glassworks.data.vocabulary import Tokenizer
from glassworks.insight.surprise import coloured
from glassworks.judging.judgement import WORST, Judgement, Mistake
from glassworks.judging.language import Guessed, judge_language, spelled
from glassworks.judging.ngrams import MOST, NGrams
from glassworks.judging.report import Section
from glassworks.tasks.text_generation import surprise
from glassworks.training.runtime import Runtime

ALIKE, FREQUENT = "all alike", "frequencies"
WARM = 256  # tokens that are read before the first one is judged, where a stream is read side by side
PROMPT, WRITTEN = 80, 320  # characters of a prompt, and written after it, in the report
EXCERPT = 1_200  # characters of the text in colours
SAMPLES = (
    ("the likeliest token every time", Sampling(temperature=0)),
    ("temperature 0.7", Sampling(temperature=0.7)),
    ("temperature 1, of the likeliest that hold 95 %", Sampling(top_p=0.95)),
)


@dataclass(frozen=True)
class Judged:
    """judgement; table: what was judged, row by row; ngrams, longest: the counts and the run that did best;
    nats: at each token of `stream` from the second on."""

    judgement: Judgement
    table: TextTable
    stream: np.ndarray
    nats: np.ndarray
    ngrams: NGrams
    longest: int


def judged(
    model: nn.Module, own: PreparedLanguage, part: str, runtime: Runtime, other: TextTable | None = None
) -> Judged:
    """Judge a model on a part of its own texts, or on all of `other`.

    own: its training part makes the baselines. Raises PersonError where there is nothing to judge.
    """
    tokenizer = own.tokenizer
    if other is None:
        table, ends, rows = own.table, own.ends, own.part(part)
    else:
        table, ends, _ = divided(other, 0, 0.0, 0.0)
        rows = np.arange(len(table))
    stream = stream_of(table, rows, ends, tokenizer)
    characters, spelling = _letters(table, rows, ends, tokenizer, own)
    nats, right = surprises(model, stream, runtime)
    counted = NGrams(own.streams["train"], tokenizer.size, _most(own), never=own.never)
    by_length = {
        n: _mean(found, own.streams["val"], own.never)
        for n, found in counted.nats(own.streams["val"]).items()
    }
    longest = min(by_length, key=by_length.__getitem__)
    theirs = counted.nats(stream)
    guessed = ~np.isin(stream[1:], own.never)
    alike = np.full(len(nats), np.log(tokenizer.size - len(own.never)))
    found = Guessed(nats[guessed], right[guessed], characters[1:][guessed], spelling[1:][guessed])
    baselines = {ALIKE: alike, FREQUENT: theirs[1], f"{longest}-grams": theirs[longest]}
    judgement = judge_language(
        found, {name: column[guessed] for name, column in baselines.items()},
        worst=_worst(stream, np.where(guessed, nats, 0.0), tokenizer),
    )  # fmt: skip
    return Judged(judgement, table.select(rows), stream, nats, counted, longest)


def surprises(model: nn.Module, stream: np.ndarray, runtime: Runtime) -> tuple[np.ndarray, np.ndarray]:
    """Nats at each token of a stream from the second on, and whether it was the likeliest."""
    held: Any = model
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), runtime.autocast():
            return surprise(
                lambda tokens, state: held(tokens, state=state), stream,
                vocabulary=held.config.vocabulary, context=WARM, device=runtime.device,
            )  # fmt: skip
    finally:
        model.train(was_training)


def quick_figures(model: nn.Module, own: PreparedLanguage, runtime: Runtime) -> dict[str, float]:
    """While training: the loss on the validation part, and bits per character."""
    stream = own.streams["val"]
    nats, right = surprises(model, stream, runtime)
    guessed = ~np.isin(stream[1:], own.never)
    letters = sum(len(own.table.texts[row]) for row in own.splits.val)
    loss = float(nats[guessed].mean())
    return {
        "loss": loss,
        "perplexity": float(np.exp(loss)),
        "bits_per_character": float(nats[guessed].sum() / letters / np.log(2)),
        "next_token": float(right[guessed].mean()),
    }


def sections_of(model: nn.Module, found: Judged, own: PreparedLanguage, runtime: Runtime) -> list[Section]:
    """What the report shows beside the figures."""
    prompt = _prompt(found.table)
    length = max(20, round(WRITTEN * len(found.stream) / max(1, sum(map(len, found.table.texts)))))
    rows = []
    for name, how in SAMPLES:
        asked = Request(prompt, tokens=length, how=how)
        numbers, text = write(model, own.tokenizer, asked, runtime)
        rows.append((name, text, repeated(numbers)))
    numbers, text = _counted_text(found, own.tokenizer, prompt, length)
    rows.append((f"{found.longest}-grams, which only count, for comparison", text, repeated(numbers)))
    start = found.table.texts[0][:EXCERPT]
    tokens = [own.tokenizer.start, *own.tokenizer.encode(start)]
    nats = found.nats[: len(tokens) - 1]
    return [
        ("What it writes", "Each goes on from the same words of the judged part, which it has not seen.",
         _samples(prompt, rows)),
        ("What surprised it", "The first lines of the judged part. The darker a token, the less likely the "
         "model held it, having read all before it; point at one for its chance.",
         coloured(own.tokenizer.pieces(start), nats, start)),
    ]  # fmt: skip


def _most(own: PreparedLanguage) -> int:
    return MOST[own.tokenizer.kind]


def _mean(nats: np.ndarray, stream: np.ndarray, never: tuple[int, ...]) -> float:
    return float(nats[~np.isin(stream[1:], never)].mean())


def _letters(
    table: TextTable, rows: np.ndarray, ends: tuple[bool, ...], tokenizer: Tokenizer, own: PreparedLanguage
) -> tuple[np.ndarray, np.ndarray]:
    """Of each token of a stream the letters it stands for, and the nats to spell it where it is unknown."""
    letters, strange, words = [], [], []
    for row in rows:
        text = table.texts[row]
        pieces = tokenizer.pieces(text)
        sizes = np.array([len(piece) for piece in pieces], np.float64)
        sizes *= len(text) / max(1.0, sizes.sum())  # what lies between words is shared out among them
        unknown = np.array(tokenizer.encode(text), np.int64) == tokenizer.unknown
        words += [piece for piece, new in zip(pieces, unknown, strict=True) if new]
        end = [0.0] if ends[row] else []
        letters.append(np.concatenate([[0.0], sizes, end]))
        strange.append(np.concatenate([[False], unknown, np.zeros(len(end), bool)]))
    where = np.concatenate(strange).astype(bool)
    spelling = np.zeros(len(where))
    if words:
        spelling[where] = spelled(words, [own.table.texts[row] for row in own.splits.train])
    return np.concatenate(letters), spelling


def _worst(stream: np.ndarray, nats: np.ndarray, tokenizer: Tokenizer) -> list[Mistake]:
    """The largest surprises with the words before them."""
    rows = []
    for place in np.argsort(-nats, kind="stable")[:WORST]:
        before = tokenizer.decode(stream[max(0, place - 40) : place + 1])[-40:]
        token = tokenizer.decode(stream[place + 1 : place + 2]) or "the end"
        chance = f"1 in {np.exp(min(nats[place], 100.0)):,.0f}"
        rows.append(Mistake(int(place), f"… {' '.join(before.split())} ‸", repr(token)[1:-1], chance, None))
    return rows


def _prompt(table: TextTable) -> str:
    """The first words of what was judged."""
    text = next((text for text in table.texts if text.strip()), "")
    return text[:PROMPT].rsplit(None, 1)[0] if len(text) > PROMPT else text[: len(text) // 2]


def _counted_text(found: Judged, tokenizer: Tokenizer, prompt: str, tokens: int) -> tuple[list[int], str]:
    """What the n-grams write."""
    begun = [tokenizer.start, *tokenizer.encode(prompt)]
    numbers, chance = list(begun), generator("n-grams", tokens)
    unwanted = [*never_guessed(tokenizer), tokenizer.unknown, tokenizer.end]
    for _ in range(tokens):
        shares = found.ngrams.after(np.array(numbers), found.longest)
        shares[unwanted] = 0.0
        numbers.append(int(chance.choice(len(shares), p=shares / shares.sum())))
    return numbers[len(begun) :], tokenizer.decode(numbers)[len(tokenizer.decode(begun)) :]


def _samples(prompt: str, rows: Sequence[tuple[str, str, float]]) -> str:
    parts = []
    for name, text, share in rows:
        told = (
            f"{share:.0%} of its runs of tokens occurred before in it" if share else "no run of tokens twice"
        )
        parts.append(
            f"<h3>{html.escape(name)}</h3><p style='white-space:pre-wrap;font-family:Georgia,serif'>"
            f"<span style='color:var(--soft)'>{html.escape(prompt)}</span>{html.escape(text)}</p>"
            f"<p class='note'>{told}</p>"
        )
    return "".join(parts)
