"""Which words speak for an answer: integrated gradients, and leaving words out.

*Integrated gradients* walk from a text in which every word is unknown to the text itself, in small steps, and
add up how much each word's vector changes the score on the way. The shares of all words sum to the difference
of the two scores (completeness), which is checked, and more steps are taken until it holds. *Occlusion* asks
the plain question: how much lower is the score when this word alone is unknown? The two may disagree where
words work together ("not bad"): leaving out either one changes much, and their shares need not.

The score is the log-odds of the class, its logit less the logarithm of the other classes' summed exponents:
0 is undecided, and a shift of all logits changes nothing.

Papers: Sundararajan, Taly & Yan 2017, arXiv 1703.01365; occlusion of words: Li, Monroe & Jurafsky 2016, arXiv
1612.08220; taking away what is called important to see whether it is: DeYoung et al. 2019, arXiv 1911.03429.
The first thing to change: `blank`, the token that means nothing. It decides what "absent" is.

Axes: words = tokens of one text; steps = points of the path, a batch; embedding = numbers a word.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.keyed import permutation

STEPS, MOST_STEPS = 32, 512  # points of the path, doubled until the shares sum to the difference
CLOSE = 0.01  # the largest gap of the sum, by the difference (or by 1 where that is smaller)
BATCH = 64  # copies of a text that go through the model at once
DRAWS = 20  # random choices of words that the check compares with
LEAST_COST = 0.05  # of a score in log odds: about a hundredth of a probability around a half

Score = Callable[[Tensor], Tensor]
"""Raw outputs (batch, outputs) -> one number each, (batch,): what is explained."""


@dataclass(frozen=True)
class WordShares:
    """How much each token of a text speaks for an answer; below 0: against it.

    method: "gradients" or "occlusion"
    shares: float64 (words,), in units of the score
    score, blank: of the text, and of the text with every word unknown
    gap:    by how much the shares miss their difference; None for occlusion, which promises no sum
    steps:  points of the path; 0 for occlusion
    """

    method: str
    shares: np.ndarray
    score: float
    blank: float
    gap: float | None = None
    steps: int = 0


@dataclass(frozen=True)
class Removal:
    """What became of a score when words were taken away, by their number.

    score: of the whole text; without: of the text without the words that were called most important;
    random: without as many others, the mean of DRAWS choices; count: how many words
    """

    count: int
    score: float
    without: float
    random: float

    @property
    def holds(self) -> bool:
        """Whether taking them away costs clearly more than taking others: `LEAST_COST` of the score more."""
        return self.random - self.without > LEAST_COST


def log_odds(target: int) -> Score:
    """The score of a class among several."""

    def score(outputs: Tensor) -> Tensor:
        others = torch.cat([outputs[:, :target], outputs[:, target + 1 :]], 1)
        return outputs[:, target] - others.logsumexp(1) if others.shape[1] else outputs[:, target]

    return score


def logit(target: int) -> Score:
    """The score of one label of several, or of a number (target 0)."""
    return lambda outputs: outputs[:, target]


def gradient_shares(
    model: nn.Module, tokens: np.ndarray, score: Score, *, blank: int, kept: np.ndarray | None = None
) -> WordShares:
    """Integrated gradients of one text.

    model:  called with tokens (batch, words) and lengths; it holds a table of token vectors
    tokens: int64 (words,); blank: the token of a word that is not there
    kept:   bool (words,) tokens that stay on the whole path, such as marks at both ends
    """
    device = next(model.parameters()).device
    ids, gone = _ids(tokens, blank, kept, device)
    table = token_embedding(model)
    with torch.no_grad():
        there, absent = table(ids), table(gone)  # (words, embedding)
        first = _scores(model, torch.stack([ids, gone]), score)
    difference = float(first[0] - first[1])
    steps = STEPS
    while True:
        shares = _path(model, ids, absent, there, score, steps)
        gap = abs(float(shares.sum()) - difference)
        if gap <= CLOSE * max(1.0, abs(difference)) or steps >= MOST_STEPS:
            return WordShares("gradients", shares, float(first[0]), float(first[1]), gap, steps)
        steps *= 2


def occlusion_shares(
    model: nn.Module, tokens: np.ndarray, score: Score, *, blank: int, kept: np.ndarray | None = None
) -> WordShares:
    """How much lower the score is without each word; see `gradient_shares`."""
    ids, gone = _ids(tokens, blank, kept, next(model.parameters()).device)
    variants = ids.repeat(len(ids), 1)
    variants.fill_diagonal_(blank)
    held = ids == gone
    variants[held] = ids  # what is kept, or is blank already, costs nothing
    found = _scores(model, torch.cat([torch.stack([ids, gone]), variants]), score)
    shares = (found[0] - found[2:]).double().cpu().numpy()
    return WordShares("occlusion", shares, float(found[0]), float(found[1]))


def removal(
    model: nn.Module,
    tokens: np.ndarray,
    shares: np.ndarray,
    score: Score,
    *,
    blank: int,
    kept: np.ndarray | None = None,
    share: float = 0.2,
) -> Removal | None:
    """Take away the words of the largest shares, a fifth of them, and as many others at random.

    None where fewer than two words could be taken.
    """
    ids, gone = _ids(tokens, blank, kept, next(model.parameters()).device)
    free = np.flatnonzero((ids != gone).cpu().numpy())
    if len(free) < 2:
        return None
    count = max(1, min(len(free) - 1, round(share * len(free))))
    largest = free[np.argsort(-shares[free], kind="stable")[:count]]
    rest = np.setdiff1d(free, largest)
    draws = [largest] + [rest[permutation(len(rest), "removal", draw)[:count]] for draw in range(DRAWS)]
    variants = ids.repeat(1 + len(draws), 1)
    for row, places in enumerate(draws, start=1):
        variants[row, torch.from_numpy(places).to(ids.device)] = blank
    found = _scores(model, variants, score)
    return Removal(count, float(found[0]), float(found[1]), float(found[2:].mean()))


def token_embedding(model: nn.Module) -> nn.Embedding:
    """The table of token vectors: the first with a row for each token of the model's vocabulary.

    Raises ValueError for a model without one.
    """
    vocabulary = getattr(getattr(model, "config", None), "vocabulary", None)
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings == vocabulary:
            return module
    raise ValueError(f"{type(model).__name__} has no table of token vectors")


def _path(
    model: nn.Module, ids: Tensor, absent: Tensor, there: Tensor, score: Score, steps: int
) -> np.ndarray:
    """Shares (words,), float64, by the midpoints of `steps` equal pieces of the path."""
    points = (torch.arange(steps, device=ids.device) + 0.5) / steps  # (steps,)
    total = torch.zeros_like(there, dtype=torch.float64)
    for start in range(0, steps, BATCH):
        part = points[start : start + BATCH, None, None]
        vectors = (absent + part * (there - absent)).detach().requires_grad_()  # (part, words, embedding)
        with _given(token_embedding(model), vectors), _answering(model), torch.enable_grad():
            (slope,) = torch.autograd.grad(
                score(_asked(model, ids.repeat(len(part), 1)).float()).sum(), vectors
            )
        total += slope.double().sum(0)
    shares = (total / steps * (there - absent).double()).sum(1)  # (words,)
    return shares.cpu().numpy()


def _scores(model: nn.Module, tokens: Tensor, score: Score) -> Tensor:
    """Scores (rows,) of several token rows of one length."""
    with torch.inference_mode(), _answering(model):
        parts = [score(_asked(model, part).float()) for part in tokens.split(BATCH)]
    return torch.cat(parts)


def _asked(model: nn.Module, tokens: Tensor) -> Tensor:
    lengths = torch.full((len(tokens),), tokens.shape[1], device=tokens.device)
    return model(tokens, lengths)


def _ids(
    tokens: np.ndarray, blank: int, kept: np.ndarray | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """The text's tokens (words,), and those of the text of which nothing is left."""
    ids = torch.from_numpy(np.asarray(tokens, np.int64)).to(device)
    gone = torch.full_like(ids, blank)
    if kept is not None:
        gone = torch.where(torch.from_numpy(np.asarray(kept, bool)).to(device), ids, gone)
    return ids, gone


@contextmanager
def _given(table: nn.Embedding, vectors: Tensor) -> Iterator[None]:
    """Let the table answer with these vectors, whatever it is asked."""

    def answer(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        return vectors.to(output.dtype)

    hook = table.register_forward_hook(answer)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _answering(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, put back afterwards."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
