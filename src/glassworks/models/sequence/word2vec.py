"""Word2vec: a word gets its place in a space from the words that stand near it in text.

Every word has two rows of numbers: one for itself and one as a neighbour. The product of the two says how
well a word stands near another; learning makes it large for words that are found together and small for
words drawn at random. Nobody says what a word means, yet words of like use end up side by side.

Papers: Mikolov et al. 2013, "Efficient estimation of word representations in vector space", arXiv 1301.3781;
"Distributed representations of words and phrases and their compositionality", arXiv 1310.4546.
Where this differs: the authors draw the reach of each window and a few noise words for every pair. Here a
neighbour at distance d counts (window - d + 1) / window, which is that draw's mean, and the places of a
passage share their noise words, so that all pairs of a passage are one product of matrices. A noise word may
by chance be a true neighbour; theirs may not.
First thing to change: `window`; small ones find words that can stand for each other, large ones a topic.
Command: glassworks train word2vec

Axes: batch (passages), length (words of a passage), noise (words drawn for one), width = numbers a word.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


@dataclass(frozen=True)
class Word2VecConfig:
    """The shape of a word2vec model, and how it looks at text.

    vocabulary: different words, those for padding and the like included
    width:      numbers a word
    window:     words to each side that count as near
    reads:      "skip-gram" asks a word for its neighbours, "cbow" asks the neighbours for their word
    negatives:  noise words that weigh as much as one true neighbour, together (the papers' k)
    shared:     noise words that are drawn for a passage
    power:      noise is drawn in proportion to a word's count to this power
    subsample:  share of all words above which a word is left out now and then; 0 for never
    least:      times that a word must occur in the training part to get a place
    """

    vocabulary: int = 10_000
    width: int = 100
    window: int = 5
    reads: Literal["skip-gram", "cbow"] = "skip-gram"
    negatives: float = 5.0
    shared: int = 64
    power: float = 0.75
    subsample: float = 1e-3
    least: int = 5

    def __post_init__(self):
        if min(self.vocabulary, self.width, self.window, self.shared, self.least) < 1:
            raise ValueError("vocabulary, width, window, shared and least are at least 1")
        if self.reads not in ("skip-gram", "cbow"):
            raise ValueError(f'reads is "skip-gram" or "cbow", got "{self.reads}"')
        if self.negatives <= 0 or self.power < 0 or not 0 <= self.subsample < 1:
            raise ValueError("negatives is above 0, power at least 0, subsample from 0 to below 1")


VARIANTS: dict[str, dict[str, str]] = {"skip-gram": {"reads": "skip-gram"}, "cbow": {"reads": "cbow"}}


class Word2Vec(nn.Module):
    """vectors: of each word for itself, what is kept in the end; head: of each word as a neighbour."""

    def __init__(self, config: Word2VecConfig):
        super().__init__()
        self.config = config
        self.vectors = nn.Embedding(config.vocabulary, config.width)
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)
        nn.init.uniform_(self.vectors.weight, -0.5 / config.width, 0.5 / config.width)
        nn.init.zeros_(self.head.weight)

    def features(
        self, words: Int[Tensor, "batch length"], lengths: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch length width"]:
        """What is known at each place: the word's own vector, or with "cbow" the mean of those near it."""
        self._check(words)
        known = self.vectors(words)
        if self.config.reads == "skip-gram":
            return known
        around = near(words, lengths, self.config.window, known.dtype)
        return around @ known / around.sum(2, keepdim=True).clamp(min=1e-6)

    def forward(
        self,
        words: Int[Tensor, "batch length"],
        lengths: Int[Tensor, " batch"] | None = None,
        others: Int[Tensor, "batch others"] | None = None,
    ) -> Float[Tensor, "batch length others"]:
        """How well other words would stand near each place ("cbow": at it); not bounded.

        others: the words that are asked about; left out: the whole vocabulary
        """
        known = self.features(words, lengths)
        if others is None:
            return self.head(known)
        return known @ F.embedding(others, self.head.weight).transpose(1, 2)

    def _check(self, words: Tensor) -> None:
        if words.ndim != 2 or words.is_floating_point():
            raise ValueError(
                f"expected numbers of words (batch, length), whole numbers; got {tuple(words.shape)} of "
                f"{str(words.dtype).removeprefix('torch.')}"
            )


def near(
    words: Int[Tensor, "batch length"],
    lengths: Int[Tensor, " batch"] | None,
    window: int,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "batch length length"]:
    """How much each word of a passage counts as a neighbour of each other: 1 beside it, 1 / window at the
    edge of the window, 0 beyond, for the word itself and for padding."""
    place = torch.arange(words.shape[1], device=words.device)
    distance = (place[:, None] - place).abs()
    reach = (window + 1 - distance).clamp(min=0) * (distance > 0)
    weight = reach.to(dtype) / window  # (length, length)
    if lengths is None:
        return weight.expand(len(words), -1, -1)
    real = (place < lengths[:, None]).to(weight.dtype)  # (batch, length)
    return weight * real[:, :, None] * real[:, None, :]


def right_answers(
    words: Int[Tensor, "batch length"],
    lengths: Int[Tensor, " batch"] | None,
    config: Word2VecConfig,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "batch length length"]:
    """How much each word of a passage counts as a right answer at each place.

    With "skip-gram" its neighbours do; with "cbow" only the word that stands there, if it has a neighbour.
    """
    around = near(words, lengths, config.window, dtype)
    if config.reads == "skip-gram":
        return around
    return torch.diag_embed((around.sum(2) > 0).to(around.dtype))


def noise_contrast(
    scores: Float[Tensor, "batch length others"],
    right: Float[Tensor, "batch length length"],
    negatives: float,
) -> Float[Tensor, ""]:
    """The mean loss of a right answer with its share of noise, in nats.

    scores: of the passage's own words, then of its noise; right: as `right_answers` gives it
    -log sigmoid(score) of a right answer, and -log sigmoid(-score) of noise, which together weighs as much as
    `negatives` words for each right one.
    """
    length = right.shape[1]
    true, noise = scores[..., :length], scores[..., length:]
    each = right.sum(2)  # (batch, length)
    kept = (F.softplus(-true) * right).sum()
    told = (F.softplus(noise).mean(2) * each).sum() * negatives
    return (kept + told) / each.sum().clamp(min=1e-6)


def build(config: Word2VecConfig) -> Word2Vec:
    """A model with a random start."""
    return Word2Vec(config)
