"""Judging word vectors on held-out passages, and what the report shows of them.

The model, the counts and frequency alone answer the same: of the same true neighbours and the same noise,
drawn once for the part, which one belongs there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.api.words import PreparedWords, space_of
from glassworks.insight.word_map import by_pca, by_tsne, drawn
from glassworks.judging.count_vectors import count_vectors
from glassworks.judging.judgement import Judgement
from glassworks.judging.report import Section
from glassworks.judging.word_questions import PAIRS, grouped
from glassworks.judging.words import Analogies, Space, Told, judge_words
from glassworks.models.sequence.word2vec import Word2Vec, build, noise_contrast, right_answers
from glassworks.tasks.word_embedding import Passages
from glassworks.training.runtime import Runtime

Scores = Callable[[Tensor, Tensor, Tensor], Tensor]  # words, lengths, others -> (batch, length, others)
SIZE = 64  # passages that are judged at once
SHOWN = 16  # words whose neighbours the report lists
NEIGHBOURS = 8
COMMON = 60  # the most frequent words are small ones, whose neighbours say little
DRAWN_PAIRS = ("man and woman", "comparative", "country and people")


@dataclass(frozen=True)
class Judged:
    """judgement; the spaces and answers of the model and of the counts."""

    judgement: Judgement
    space: Space
    ours: Analogies
    theirs: Analogies
    counted: Space


def judged_words(
    model: Word2Vec, own: PreparedWords, passages: list[np.ndarray], rows: np.ndarray, runtime: Runtime
) -> Judged:
    """Judge a model on some passages; `own`, the run's data, makes the baselines."""
    batches = own.batches_of(passages, rows, device=runtime.device)
    space = space_of(model, own.tokenizer)
    counting = counting_model(own, seed=0)
    counted = space_of(counting, own.tokenizer)
    counts = torch.from_numpy(own.counts).float()
    told = [
        told_apart(scores, own, where)[0]
        for scores, where in (
            (_answering(model), batches),
            (_answering(counting), own.batches_of(passages, rows)),
            (lambda words, lengths, others: _spread(counts[others], words), own.batches_of(passages, rows)),
        )
    ]
    judgement, ours, theirs = judge_words(space, told[0], counted, told[1], told[2])
    return Judged(judgement, space, ours, theirs, counted)


def counting_model(own: PreparedWords, seed: int) -> Word2Vec:
    """A model of the same shape whose vectors are counted and not learned, from the training part."""
    config = own.task.config
    train = [own.passages[row] for row in own.splits.train]
    mine, theirs = count_vectors(
        train, config.vocabulary, window=config.window, width=config.width, seed=seed
    )
    model = build(replace(config, width=mine.shape[1]))
    with torch.no_grad():
        model.vectors.weight.copy_(torch.from_numpy(mine))
        model.head.weight.copy_(torch.from_numpy(theirs))
    return model


def told_apart(scores: Scores, own: PreparedWords, batches: Passages) -> tuple[Told, float]:
    """How often true neighbours score above noise, passage by passage; and the loss, nats a right answer."""
    won, of, losses, weights = [], [], [], []
    chance = torch.Generator().manual_seed(0)
    for batch in batches.plain(SIZE):
        words, lengths = batch.given
        noise = own.task.noise(len(batch), chance).to(words.device)
        with torch.inference_mode():
            found = scores(words, lengths, torch.cat([words, noise], 1)).float()
            right = right_answers(words, lengths, own.task.config)
            losses.append(float(noise_contrast(found, right, own.task.config.negatives)))
            weights.append(float(right.sum()))
            passage, place, other = right.nonzero(as_tuple=True)
            true = found[passage, place, other][:, None]  # (pairs, 1)
            wrong = found[passage, place, words.shape[1] :]  # (pairs, noise)
            share = ((true > wrong).float() + 0.5 * (true == wrong)).mean(1)
            weight = right[passage, place, other].double().cpu().numpy()
        where = passage.cpu().numpy()
        won.append(np.bincount(where, weight * share.double().cpu().numpy(), len(batch)))
        of.append(np.bincount(where, weight, len(batch)))
    told = Told(np.concatenate([*won, np.empty(0)]), np.concatenate([*of, np.empty(0)]))
    whole = sum(weights)
    loss = sum(a * b for a, b in zip(losses, weights)) / whole if whole else float("inf")
    return told, loss


def quick_figures(model: nn.Module, own: PreparedWords, batches: Passages) -> dict[str, float]:
    """While training: the loss on the validation part, and how often a neighbour is told from noise."""
    was_training = model.training
    model.eval()
    try:
        told, loss = told_apart(_answering(model), own, batches)
    finally:
        model.train(was_training)
    return {"loss": loss, "neighbours_told": float(told.won.sum() / max(told.of.sum(), 1e-12))}


def _answering(model: nn.Module) -> Scores:
    return lambda words, lengths, others: model(words, lengths, others)


def _spread(scores: Tensor, words: Tensor) -> Tensor:
    """The same scores at every place: (batch, others) -> (batch, length, others)."""
    return scores[:, None].expand(-1, words.shape[1], -1)


# ---- what the report shows


def sections_of(found: Judged, own: PreparedWords) -> list[Section]:
    """Neighbours, analogies by category, and a map of the groups."""
    sections: list[Section] = [(
        "Nearest words",
        "By the cosine of two vectors, for some words of middling frequency. Near means used alike, not of "
        "like meaning: opposites stand in the same places.",
        neighbour_table(found.space, _some_words(own)),
    )]  # fmt: skip
    if len(found.ours):
        sections.append((
            "Analogies by category",
            "Share of questions a : b = c : ? that are answered with the very word. The three words of the "
            "question are never taken as its answer; the last column says how often the nearest word of all "
            "would have been one of them.",
            _categories(found),
        ))  # fmt: skip
    words, groups = grouped(found.space.numbers)
    if len(words) >= 8:
        rows = found.space.vectors[[found.space.numbers[word] for word in words]]
        sections.append((
            "A map of common words",
            "Words of some groups, which the model was not told, flattened by t-SNE: it keeps neighbours "
            "together; distances between clumps say nothing. Point at a dot for its group.",
            drawn(words, by_tsne(rows), groups=groups),
        ))  # fmt: skip
    pairs = [
        (*pair, name)
        for name in DRAWN_PAIRS
        for pair in PAIRS[name]
        if set(pair) <= found.space.numbers.keys()
    ]
    if len(pairs) >= 4:
        sections.append((
            "Are the steps parallel?",
            "Pairs of words, joined, in the two directions in which they differ most (PCA). Where a relation "
            "is a direction, its lines run the same way; an analogy is one of these steps taken elsewhere.",
            pair_map(found.space, pairs),
        ))  # fmt: skip
    return sections


def neighbour_table(space: Space, words: Sequence[str]) -> str:
    """Words with their nearest ones and the cosines, as a table."""
    if not words:
        return ""
    rows = np.array([space.numbers[word] for word in words])
    near, cosines = space.nearest(space.vectors[rows], rows[:, None], NEIGHBOURS)
    lines = []
    for word, numbers, values in zip(words, near, cosines):
        told = ", ".join(
            f'{escape(space.words[number])} <span class="note">{value:.2f}</span>'
            for number, value in zip(numbers, values)
            if np.isfinite(value)
        )
        lines.append(f"<tr><td><strong>{escape(word)}</strong></td><td>{told}</td></tr>")
    return f'<div class="scroll"><table><tbody>{"".join(lines)}</tbody></table></div>'


def pair_map(space: Space, pairs: Sequence[tuple[str, str, str]]) -> str:
    """Pairs of words joined by lines, by PCA; the third of each is the relation that decides its colour."""
    group = {word: name for *pair, name in reversed(pairs) for word in pair}
    words = list(group)
    place = {word: number for number, word in enumerate(words)}
    rows = space.vectors[[space.numbers[word] for word in words]]
    lines = [(place[a], place[b]) for a, b, _ in pairs]
    return drawn(words, by_pca(rows), groups=list(group.values()), lines=lines)


def by_category(found: Analogies) -> dict[str, dict[str, Any]]:
    """{category: {"n", "right", "third", "own"}}: shares of the questions that are answered rightly, rightly
    by the nearest word to c alone, and with a word of the question where that is allowed."""
    category = np.array([question.category for question in found.asked])
    rows: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(category.tolist()):
        chosen = category == name
        rows[name] = {
            "n": int(chosen.sum()),
            "right": float((found.said == found.right)[chosen].mean()),
            "third": float((found.third == found.right)[chosen].mean()),
            "own": float((found.free != found.said)[chosen].mean()),
        }
    return rows


def _categories(found: Judged) -> str:
    mine, theirs = by_category(found.ours), by_category(found.theirs)
    head = [
        "category",
        "questions",
        "this model",
        "counts",
        "nearest to the third word",
        "a word of the question",
    ]
    lines = [
        f"<tr><td>{escape(name)}</td>"
        + f'<td class="number">{row["n"]:,}</td>'
        + "".join(
            f'<td class="number">{share:.1%}</td>'
            for share in (row["right"], theirs[name]["right"], row["third"], row["own"])
        )
        + "</tr>"
        for name, row in mine.items()
    ]
    top = "".join(f"<th{' class=number' if at else ''}>{escape(name)}</th>" for at, name in enumerate(head))
    body = f"<thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table>{body}</table></div>'


def _some_words(own: PreparedWords) -> list[str]:
    """Words from frequent to rare, evenly by the logarithm of their rank, small words left out."""
    first = own.tokenizer.size - np.count_nonzero(own.counts)  # after the special numbers
    ranks = np.unique(np.geomspace(COMMON, max(COMMON + 1, 0.3 * own.tokenizer.size), 4 * SHOWN).astype(int))
    words = [own.tokenizer.tokens[first + rank] for rank in ranks if first + rank < own.tokenizer.size]
    longer = [word for word in words if len(word) > 3 and word.isalpha()]
    return longer[:: max(1, len(longer) // SHOWN)][:SHOWN]
