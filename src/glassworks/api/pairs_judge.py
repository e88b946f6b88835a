"""Judging pictures and texts that look for each other, and what the report shows of it.

The candidates are the texts of the judged part, each once, so recall depends on how large that part is;
chance and the baseline stand beside it on the same ones. Where the data names classes beside the captions,
these are written as texts and judged as well.
"""

from dataclasses import dataclass

import numpy as np

from glassworks.api.pairs import (
    PreparedPairs,
    captions_of,
    features_of_pictures,
    features_of_tokens,
    scores_of,
)
from glassworks.core.errors import PersonError
from glassworks.judging.baselines import nearest, small_pictures
from glassworks.judging.judgement import Judgement
from glassworks.judging.report import Section
from glassworks.judging.retrieval import Labels, Ranking, judge_retrieval, lent_scores, words_of
from glassworks.models.vision.clip import CLIP
from glassworks.tasks.image_text import ranks_of
from glassworks.training.runtime import Runtime

TEMPLATE = "a {}"  # how a label is written as a text
SHOWN = 12  # pictures with their first texts
ASKED, FOUND = 4, 4  # texts, and pictures shown for each


@dataclass(frozen=True)
class Judged:
    """judgement; what was ranked; pixels of the judged pictures; texts: the candidates."""

    judgement: Judgement
    ranking: Ranking
    pixels: np.ndarray
    texts: tuple[str, ...]


def judged_pairs(
    model: CLIP, own: PreparedPairs, other: PreparedPairs, rows: np.ndarray, runtime: Runtime
) -> Judged:
    """Judge a model on rows of `other`, which is `own`, the run's data, or data beside it.

    own: its training part makes the baseline. Raises PersonError where there is nothing to rank.
    """
    texts, fits = other.fits(rows) if len(rows) else (np.empty(0, np.int64), np.zeros((0, 0), bool))
    if len(texts) < 2:
        raise PersonError(
            "nothing-to-judge", expected="two pictures with different captions, or more",
            got=f"{len(rows)} picture(s) with {len(texts)} caption(s)", fix="judge another part or data",
        )  # fmt: skip
    pictures = features_of_pictures(model, other.pictures(rows, device=runtime.device), runtime)
    said = features_of_tokens(model, other.tokens[texts], runtime)
    train, words = own.splits.train, tuple(other.texts[int(text)] for text in texts)
    small = small_pictures(own.store.pixels[train]), small_pictures(other.store.pixels[rows])
    learned = captions_of(own.table)
    lent = lent_scores(small[0], [learned[row] for row in train], small[1], words)
    ranking = Ranking(fits, scores_of(model, pictures, said), lent)
    labels = None
    if other.table.classes and other.table.classes == own.table.classes:
        labels = _labels(model, own, other, rows, pictures.numpy(), small, runtime)
    names = [other.table.names[row] for row in rows]
    return Judged(judge_retrieval(ranking, names, words, labels), ranking, other.store.pixels[rows], words)


def _labels(
    model: CLIP,
    own: PreparedPairs,
    other: PreparedPairs,
    rows: np.ndarray,
    pictures: np.ndarray,
    small: tuple[np.ndarray, np.ndarray],
    runtime: Runtime,
) -> Labels | None:
    """The classes that the data knows, asked for as texts; None where no judged picture has one."""
    known, learned = other.table.targets[rows] >= 0, own.table.targets[own.splits.train] >= 0
    if not known.any() or not learned.any():
        return None
    prompts = [TEMPLATE.format(name) for name in own.table.classes]
    tokens, _ = own.tokenizer.table(prompts, own.tokens.shape[1])
    said = features_of_tokens(model, tokens, runtime).numpy()
    targets = own.table.targets[own.splits.train][learned]
    read = {
        word for row in own.splits.train for text in captions_of(own.table)[row] for word in words_of(text)
    }
    return Labels(
        given=other.table.targets[rows][known],
        said=(pictures[known] @ said.T).argmax(1),
        lent=targets[nearest(small[0][learned], small[1][known])],
        frequent=int(np.bincount(targets).argmax()),
        unread=tuple(name for name in own.table.classes if not read.issuperset(words_of(name))),
    )


def sections_of(found: Judged) -> list[Section]:
    """What the report shows: pictures with the texts that came first, and texts with their first pictures."""
    ranking, texts = found.ranking, found.texts
    ranks = ranks_of(ranking.scores, ranking.fits)
    drawn = np.linspace(0, len(ranks) - 1, min(SHOWN, len(ranks))).round().astype(int)
    rows = []
    for row in drawn:
        order = np.argsort(-ranking.scores[row], kind="stable")
        own = texts[int(order[ranking.fits[row][order]][0])]
        first = ", ".join(f"“{texts[text]}”" for text in order[:3])
        right = "right" if ranks[row] < 1 else f"its own, “{own}”, comes at place {int(ranks[row]) + 1}"
        rows.append((found.pixels[row], f"{first}\n{right}"))
    asked = np.linspace(0, len(texts) - 1, min(ASKED, len(texts))).round().astype(int)
    answers = []
    for text in asked:
        order = np.argsort(-ranking.scores[:, text], kind="stable")[:FOUND]
        for place, row in enumerate(order, start=1):
            right = "right" if ranking.fits[row, text] else "wrong"
            answers.append((found.pixels[row], f"“{texts[text]}”\nplace {place}, {right}"))
    return [
        ("Matches and misses", "Of some judged pictures the three texts that fit best, by the model.", rows),
        ("Texts and their pictures", "Of some texts the pictures that fit best, by the model.", answers),
    ]
