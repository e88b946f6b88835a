"""BERTs of a few thousand numbers that learn the small language by guessing hidden words, in about a second.

kind "both" is the library's BERT and rule; "left" is the same with a mask that hides what comes later; with
"all hidden" every chosen word is hidden and none replaced or left. A run is a pure function of its key.
The first thing to change: `STEPS`.
"""

import copy
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.blocks.attention import SelfAttention
from glassworks.blocks.encoder_block import BlockConfig
from glassworks.core.keyed import generator, seed_for
from glassworks.models.sequence.bert import BERT, BERTConfig
from glassworks.reader.figures.small_language import GAP, LENGTH, MARKS, drawn, numbers, words
from glassworks.reader.figures.what_is_hidden import task
from glassworks.tasks.masked_text import HIDDEN

KINDS = ("both", "left", "all hidden")
STEPS, BATCH, RATE, TEXTS = 400, 64, 5e-3, 4_000
STOPS = (0, 50, 100, 200, STEPS)
WIDTH, DEPTH = 32, 2


def start(kind: str, seed: int) -> tuple[BERT, torch.Generator]:
    """A BERT before its training, and the dice that choose its texts and what is hidden."""
    block = BlockConfig(heads=2, ratio=2.0, norm="post", epsilon=1e-12)
    config = BERTConfig(
        vocabulary=len(words()), context=LENGTH + 2, width=WIDTH, depth=DEPTH, dropout=0.0, block=block
    )
    model, dice = BERT(config), torch.Generator().manual_seed(seed_for(seed, "small bert", "start"))
    with torch.no_grad():  # from dice of its own: the page's other figures draw as well
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.1)
            elif name.endswith("bias"):
                parameter.zero_()
    for part in model.modules():
        if isinstance(part, SelfAttention):
            part.causal = kind == "left"
    return model, dice


@lru_cache(maxsize=24)
def trained(kind: str, seed: int) -> dict[int, BERT]:
    """The network after each of `STOPS`, in evaluation mode, not to be changed."""
    model, dice = start(kind, seed)
    texts = torch.from_numpy(drawn(TEXTS, generator("small bert", "texts", seed)))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    lengths, found = torch.full((BATCH,), texts.shape[1]), {0: copy.deepcopy(model).eval()}
    with torch.enable_grad():
        for step in range(1, STEPS + 1):
            rate = RATE * min(1.0, step / 30) * (1 - 0.9 * (step - 1) / STEPS)
            optimizer.param_groups[0]["lr"] = rate
            tokens = texts[torch.randint(TEXTS, (BATCH,), generator=dice)]
            noise = torch.rand(*tokens.shape, 3, generator=dice)
            if kind == "all hidden":
                noise[..., 1] *= HIDDEN  # what is done with a chosen word: always the first
            asked = task().ask(tokens, lengths, noise)
            loss = F.cross_entropy(model(asked.tokens, None, asked.chosen), asked.answers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step in STOPS:
                found[step] = copy.deepcopy(model).eval()
    return found


@torch.no_grad()
def guesses(model: BERT, sentence: Sequence[str]) -> Tensor:
    """The probability of each word at each place (LENGTH, vocabulary); a gap in the sentence is hidden."""
    return model(torch.tensor([numbers(sentence)]))[0, 1:-1].softmax(-1)


def best(chances: Tensor, count: int) -> list[tuple[str, float]]:
    """The likeliest words of one place."""
    top = chances.topk(count)
    return [(words()[number], chance) for number, chance in zip(top.indices.tolist(), top.values.tolist())]


@lru_cache(maxsize=1)
def questions() -> tuple[Tensor, Tensor, Tensor]:
    """(tokens with one word hidden (500, 10), the place, what stood there), the same for every model."""
    dice = generator("small bert", "questions")
    tokens = torch.from_numpy(drawn(500, dice))
    place = torch.from_numpy(dice.integers(1, LENGTH + 1, len(tokens)))
    rows = torch.arange(len(tokens))
    answers = tokens[rows, place]
    hidden = tokens.clone()
    hidden[rows, place] = MARKS.index("[MASK]")
    return hidden, place, answers


@torch.no_grad()
def skill(model: BERT) -> float:
    """The share of those hidden words that it guesses."""
    hidden, place, answers = questions()
    scores = model(hidden)[torch.arange(len(hidden)), place]
    return float((scores.argmax(1) == answers).double().mean())


@torch.no_grad()
def in_place(model: BERT) -> float:
    """The share of words that stand there to be read, of which it says the same word."""
    tokens = torch.from_numpy(drawn(500, generator("small bert", "in place")))
    said = model(tokens)[:, 1:-1].argmax(-1)
    return float((said == tokens[:, 1:-1]).double().mean())


def hidden_at(sentence: str, place: int) -> list[str]:
    """The words of a sentence with one of them hidden."""
    return [GAP if at == place else word for at, word in enumerate(sentence.split())]
