"""Sentiment: words become vectors, two readers go through the text, and what they remember names its class.

Each word of the vocabulary has a vector of its own, learned with everything else. One LSTM reads the vectors
from the first word to the last, another from the last to the first, and a linear layer scores the classes by
what both hold at their ends. The twin reads with attention instead: a Transformer's encoder and the mean over
its words.

Papers: both directions: Schuster & Paliwal 1997; the task: Maas et al. 2011, "Learning word vectors for
sentiment analysis"; the twin: Vaswani et al. 2017, arXiv 1706.03762; words hidden in training: Iyyer et al.
2015, "Deep unordered composition rivals syntactic methods".
Where this differs from what beginners' texts show: padding is never read, so a score does not depend on what
else is in the batch; scores leave the model as logits, so that the loss can be computed where a sigmoid would
have rounded to 0 or 1; and some words are hidden while training, so that the one number of all unknown words
means something.
First thing to change: `hidden`. At 0 a small vocabulary is soon learned by heart.
Command: glassworks train sentiment --data sample:movie-reviews

Axes: batch; words = tokens of a text, padded at the end; embedding = numbers a word; width = numbers a reader
holds; classes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.encoder_block import BlockConfig
from glassworks.blocks.recurrent import is_real
from glassworks.models.sequence.lstm import LSTM
from glassworks.models.sequence.transformer import Places, TransformerEncoder

PADDING, UNKNOWN = 0, 1  # as in every vocabulary of the house (data/vocabulary.py)
# Spread of a word's numbers at the start. With torch's 1 a word that was seen twice keeps its random vector,
# which then speaks louder than what was learned: 60 instead of 72 % on 2,000 sentences of reviews.
START = 0.1


@dataclass(frozen=True)
class SentimentConfig:
    """The shape of a reader of texts.

    vocabulary: different tokens, the special ones included
    context:    most words of a text
    classes:    scores that come out (1 for a number, or for yes and no by one score)
    embedding:  numbers a word
    reader:     "lstm", a reader in each direction, or "transformer"
    width:      numbers that each LSTM reader holds; of a Transformer, the width is `embedding`
    layers:     of the reader
    heads:      of the Transformer's attention
    pooling:    the head sees the "last" states of the readers, or the "mean" or "max" over the words
    dropout:    share of numbers silenced after the embedding, between layers and before the head in training
    hidden:     share of words that are shown as unknown while training, 0 to below 1
    """

    vocabulary: int = 10_000
    context: int = 512
    classes: int = 1
    embedding: int = 100
    reader: Literal["lstm", "transformer"] = "lstm"
    width: int = 64
    layers: int = 1
    heads: int = 4
    pooling: Literal["last", "mean", "max"] = "last"
    dropout: float = 0.0
    hidden: float = 0.0

    def __post_init__(self):
        if self.vocabulary <= UNKNOWN + 1:
            raise ValueError(f"a vocabulary holds more than padding and unknown, got {self.vocabulary}")
        sizes = (self.context, self.classes, self.embedding, self.width, self.layers, self.heads)
        if min(sizes) < 1:
            raise ValueError("context, classes, embedding, width, layers and heads are at least 1")
        if self.reader not in ("lstm", "transformer"):
            raise ValueError(f'reader is "lstm" or "transformer", got "{self.reader}"')
        if self.pooling not in ("last", "mean", "max"):
            raise ValueError(f'pooling is "last", "mean" or "max", got "{self.pooling}"')
        if self.reader == "transformer" and self.pooling == "last":
            raise ValueError('a Transformer has no last state: pooling is "mean" or "max"')
        if self.reader == "transformer" and (self.embedding % self.heads or self.embedding % 2):
            raise ValueError(
                f"{self.heads} heads cannot share {self.embedding} numbers; and waves need pairs"
            )
        for name in ("dropout", "hidden"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} is a share from 0 to below 1, got {getattr(self, name)}")


VARIANTS: dict[str, dict[str, Any]] = {
    "lstm": {"reader": "lstm"},
    "transformer": {"reader": "transformer", "embedding": 64, "pooling": "mean"},
}


class LSTMReader(nn.Module):
    """Two LSTMs, one from each end. (batch, words, embedding) -> (batch, features), features = 2 * width."""

    def __init__(self, config: SentimentConfig):
        super().__init__()
        self.pooling = config.pooling
        self.features = 2 * config.width
        self.lstm = LSTM(
            config.embedding, config.width, config.layers, bidirectional=True, dropout=config.dropout
        )

    def forward(
        self, words: Float[Tensor, "batch words embedding"], lengths: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch features"]:
        outputs, (hidden, _) = self.lstm(words, lengths)  # (batch, words, 2 * width)
        if self.pooling == "last":
            return torch.cat([hidden[-2], hidden[-1]], -1)  # where each reader of the top layer ended
        return pooled(outputs, lengths, self.pooling)


class AttentiveReader(nn.Module):
    """A Transformer's encoder. (batch, words, embedding) -> (batch, features), features = embedding."""

    def __init__(self, config: SentimentConfig):
        super().__init__()
        self.pooling = config.pooling
        self.features = config.embedding
        block = BlockConfig(heads=config.heads, norm="pre", epsilon=1e-5, dropout=config.dropout)
        self.places = Places(config.context, config.embedding)
        self.encoder = TransformerEncoder(config.embedding, config.layers, block)

    def forward(
        self, words: Float[Tensor, "batch words embedding"], lengths: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch features"]:
        return pooled(self.encoder(self.places(words), lengths), lengths, self.pooling)


class SentimentReader(nn.Module):
    """Token numbers (batch, words) and their lengths -> scores before softmax or sigmoid (batch, classes)."""

    def __init__(self, config: SentimentConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary, config.embedding, padding_idx=PADDING)
        self.thinned = Dropout(config.dropout)
        self.reader = (LSTMReader if config.reader == "lstm" else AttentiveReader)(config)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(self.reader.features, config.classes)

    def features(
        self, tokens: Int[Tensor, "batch words"], lengths: Int[Tensor, "batch"] | None = None
    ) -> Float[Tensor, "batch features"]:
        """What the head sees; what stands beyond a text's length changes nothing. lengths None: all are real.

        Raises ValueError for what is no batch of texts.
        """
        check_tokens(tokens, self.config.vocabulary)
        if lengths is None:
            lengths = tokens.new_full(tokens.shape[:1], tokens.shape[1])
        if self.training and self.config.hidden > 0:
            tokens = hide(tokens, self.config.hidden)
        words = self.thinned(self.token_embedding(tokens))  # (batch, words, embedding)
        return self.reader(words, lengths)

    def forward(
        self, tokens: Int[Tensor, "batch words"], lengths: Int[Tensor, "batch"] | None = None
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(tokens, lengths)))


def pooled(
    outputs: Float[Tensor, "batch words width"], lengths: Int[Tensor, "batch"], how: str
) -> Float[Tensor, "batch width"]:
    """The mean, or the largest value of each number, over the real words."""
    real = is_real(lengths, outputs.shape[1])[:, :, None]  # (batch, words, 1)
    if how == "max":
        return outputs.masked_fill(~real, float("-inf")).amax(1)
    return outputs.masked_fill(~real, 0.0).sum(1) / lengths[:, None].to(outputs.dtype)


def hide(tokens: Int[Tensor, "batch words"], share: float) -> Int[Tensor, "batch words"]:
    """Some words as unknown; padding stays padding."""
    chosen = torch.rand(tokens.shape, device=tokens.device) < share
    return tokens.masked_fill(chosen & (tokens != PADDING), UNKNOWN)


def check_tokens(tokens: Tensor, vocabulary: int) -> None:
    """Raises ValueError unless these are numbers of words, (batch, words) with at least one word."""
    if tokens.ndim != 2 or tokens.shape[1] < 1 or tokens.is_floating_point():
        raise ValueError(
            f"expected whole numbers of shape (batch, words), got {tokens.dtype} {tuple(tokens.shape)}"
        )
    if tokens.device.type == "cpu" and not torch.compiler.is_exporting() and tokens.numel():
        least, most = int(tokens.min()), int(tokens.max())
        if least < 0 or most >= vocabulary:
            raise ValueError(f"tokens are 0 to {vocabulary - 1}, got {least} to {most}")


def build(config: SentimentConfig) -> SentimentReader:
    """The model of a config with its random start."""
    model = SentimentReader(config)
    nn.init.normal_(model.token_embedding.weight, std=START)
    with torch.no_grad():
        model.token_embedding.weight[PADDING].zero_()
    return model
