"""Writing an answer a token at a time: always the likeliest next one, or several answers side by side.

Greedy search takes the likeliest token and never looks back. Beam search keeps the best few beginnings: each
is continued in every way, and the best few of all continue. A sum of log probabilities falls with every
token, so that short answers would win; dividing by a power of the length makes up for it.

Papers: Sutskever et al. 2014, arXiv 1409.3215 (beams in translation); Wu et al. 2016, arXiv 1609.08144,
formula 14 (the length penalty).
Where this differs: no coverage penalty; an answer that does not end is cut at the limit and says so.
First thing to change: `penalty`, 0 for plain sums (short answers), 1 for nearly the mean of a token.

A model writes if it has two methods: `begin(source, lengths) -> State` and
`step(tokens (rows,), state) -> (scores (rows, vocabulary), State)`.

Axes: texts; beams = answers that are kept for a text; rows = texts x beams; vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class State:
    """What a model remembers between two tokens; the first axis of every tensor is that of the rows.

    fixed:  of the source, the same at every step; moving: of the answer so far
    """

    fixed: tuple[Tensor, ...]
    moving: tuple[Tensor, ...]

    def of(self, rows: Int[Tensor, " rows2"]) -> "State":
        """The state of some rows, each as often as it is named."""
        return State(tuple(one[rows] for one in self.fixed), tuple(one[rows] for one in self.moving))

    def moved(self, rows: Int[Tensor, " rows"]) -> "State":
        """The same where rows change places only within their text, whose source they share."""
        return State(self.fixed, tuple(one[rows] for one in self.moving))


@dataclass(frozen=True)
class Written:
    """An answer. tokens: without start and end; score: log probability, by the penalty; ended: or was cut."""

    tokens: tuple[int, ...]
    score: float
    ended: bool


def length_penalty(tokens: int, penalty: float) -> float:
    """What a sum of log probabilities of so many tokens, the end among them, is divided by.

    >>> length_penalty(1, 0.6), length_penalty(7, 1.0)
    (1.0, 2.0)
    """
    return ((5 + tokens) / 6) ** penalty


@torch.no_grad()
def write(
    model: Any,
    source: Int[Tensor, "texts source"],
    lengths: Int[Tensor, " texts"] | None,
    *,
    start: int,
    end: int,
    most: int,
    beams: int = 1,
    penalty: float = 0.6,
    never: tuple[int, ...] = (),
) -> list[Written]:
    """The best answer for each text.

    start, end: token numbers; most: tokens an answer may have, its end not counted; beams: 1 is greedy
    never: tokens that no answer holds, such as the filling
    """
    if beams < 1 or most < 1:
        raise ValueError(f"beams and most are at least 1, got {beams} and {most}")
    search = _greedy if beams == 1 else _beams
    given = {"start": start, "end": end, "most": most, "never": [start, *never]}
    return search(model, model.begin(source, lengths), len(source), source.device, given, beams, penalty)


def _scores(
    model: Any, tokens: Tensor, state: State, never: list[int]
) -> tuple[Float[Tensor, "rows vocabulary"], State]:
    """Log probabilities of the next token."""
    scores, state = model.step(tokens, state)
    chances = scores.float().log_softmax(-1)
    chances[:, never] = float("-inf")
    return chances, state


def _greedy(model, state, texts, device, given, beams, penalty) -> list[Written]:
    """The likeliest token, again and again; texts that have ended are not computed on."""
    end, rows = given["end"], torch.arange(texts, device=device)
    tokens = torch.full((texts,), given["start"], device=device)
    said: list[list[int]] = [[] for _ in range(texts)]
    sums, ended = torch.zeros(texts, device=device), [False] * texts
    for _ in range(given["most"] + 1):
        chances, state = _scores(model, tokens, state, given["never"])
        best, tokens = chances.max(-1)
        going = tokens != end
        sums[rows] += best
        for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
            if token == end:
                ended[row] = True
            else:
                said[row].append(token)
        if not bool(going.all()):
            keep = going.nonzero()[:, 0]
            if not len(keep):
                break
            state, tokens, rows = state.of(keep), tokens[keep], rows[keep]
    return [
        _cut(own, total, penalty, done, given["most"])
        for own, total, done in zip(said, sums.tolist(), ended, strict=True)
    ]


def _cut(said: list[int], total: float, penalty: float, ended: bool, most: int) -> Written:
    return Written(tuple(said[:most]), total / length_penalty(len(said) + ended, penalty), ended)


def _beams(model, state, texts, device, given, beams, penalty) -> list[Written]:
    """Beam search of all texts together: rows text * beams … text * beams + beams - 1 belong to a text."""
    end, most = given["end"], given["most"]
    state = state.of(torch.arange(texts, device=device).repeat_interleave(beams))
    tokens = torch.full((texts * beams,), given["start"], device=device)
    sums = torch.full((texts, beams), float("-inf"), device=device)
    sums[:, 0] = 0.0  # at the start all beams of a text are the same: one of them is continued
    said: list[list[int]] = [[] for _ in range(texts * beams)]
    best: list[Written | None] = [None] * texts
    first = (torch.arange(texts, device=device) * beams)[:, None]  # (texts, 1)
    for length in range(1, most + 2):
        chances, state = _scores(model, tokens, state, given["never"])
        totals = sums[..., None] + chances.unflatten(0, (texts, beams))  # (texts, beams, vocabulary)
        _note_ended(totals[..., end], said, best, length, penalty)
        totals[..., end] = float("-inf")
        sums, places = totals.flatten(1).topk(beams)  # (texts, beams)
        parents = (places // totals.shape[-1] + first).flatten()
        tokens = (places % totals.shape[-1]).flatten()
        if length > most or _decided(sums, best, most, penalty):
            break
        said = [
            [*said[parent], token] for parent, token in zip(parents.tolist(), tokens.tolist(), strict=True)
        ]
        state = state.moved(parents)
    return [
        own if own is not None else Written(tuple(said[row * beams]), float(sums[row, 0]), False)
        for row, own in enumerate(best)
    ]


def _note_ended(totals: Tensor, said: list[list[int]], best: list, length: int, penalty: float) -> None:
    """Every beam may end here: of each text the best answer that has ended so far is kept."""
    beams = totals.shape[1]
    for text, row in enumerate(totals.tolist()):
        for beam, total in enumerate(row):
            score = total / length_penalty(length, penalty)
            if total > float("-inf") and (best[text] is None or score > best[text].score):
                best[text] = Written(tuple(said[text * beams + beam]), score, True)


def _decided(sums: Tensor, best: list, most: int, penalty: float) -> bool:
    """Whether no beginning can still beat what has ended: its sum only falls, its divisor has a limit."""
    highest = length_penalty(most + 1, penalty)
    return all(
        own is not None and own.score >= top / highest
        for own, top in zip(best, sums[:, 0].tolist(), strict=True)
    )
