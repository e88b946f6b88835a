"""A machine that writes: from the text so far, say how likely each token is to come next, and again.

A token becomes a vector, an LSTM folds it into what it remembers of all tokens before, and a linear layer
scores every token of the vocabulary as the next one. A text of a thousand tokens is so a thousand lessons,
one a step. To write, draw a token from the scores, give it back as input together with the memory, and go
on: the memory stands for all that was read, so each new token costs one step, however long the text is.

Papers: Mikolov et al. 2010, "Recurrent neural network based language model"; with an LSTM: Sundermeyer et al.
2012; learning from random stretches of the text, dropout on what comes in and goes out: Zaremba et al. 2014,
arXiv 1409.2329.
Where this differs: scores leave at every step as logits, so that every token of a text is learned from, where
beginners' texts often score the last one alone; and the memory goes in and comes out, so that reading a text
at once and token by token is the same.
First thing to change: `width`; twice the width is four times the work and, on enough text, the better writer.
Command: glassworks train text_lstm --data sample:austen

Axes: batch; time = tokens of a text, padded at the end; embedding = numbers a token; width = numbers the LSTM
holds; vocabulary = different tokens.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.recurrent import State, last
from glassworks.models.sequence.lstm import LSTM


@dataclass(frozen=True)
class TextLSTMConfig:
    """The shape of a writer.

    vocabulary: different tokens, the special ones included
    embedding:  numbers a token
    width:      numbers that each layer holds, twice: what it shows and its memory
    layers:     LSTMs on top of each other
    dropout:    share of numbers silenced in training: of what comes in, between layers, and before the head
    """

    vocabulary: int = 5_000
    embedding: int = 128
    width: int = 256
    layers: int = 1
    dropout: float = 0.0

    def __post_init__(self):
        if self.vocabulary < 2:
            raise ValueError(f"a vocabulary has 2 tokens or more, got {self.vocabulary}")
        if min(self.embedding, self.width, self.layers) < 1:
            raise ValueError(
                f"embedding, width and layers are at least 1, got {self.embedding}, {self.width} and "
                f"{self.layers}"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")


# What a token is: a character, a piece of a word, or a word. The sizes of "word" are those of Mikolov's class
# of models; fewer and likelier tokens want narrower vectors and a wider memory.
VARIANTS: dict[str, dict[str, Any]] = {
    "character": {"vocabulary": 256, "embedding": 64, "width": 384},
    "piece": {"vocabulary": 2_000, "embedding": 128, "width": 384},
    "word": {"vocabulary": 5_000, "embedding": 128, "width": 256},
}


class TextLSTM(nn.Module):
    """Tokens (batch, time) -> logits of the token after each (batch, time, vocabulary), and the memory."""

    def __init__(self, config: TextLSTMConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary, config.embedding)
        self.dropout = Dropout(config.dropout)
        self.lstm = LSTM(config.embedding, config.width, config.layers, dropout=config.dropout)
        self.head = nn.Linear(config.width, config.vocabulary)

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        lengths: Int[Tensor, "batch"] | None = None,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "batch time vocabulary"], State]:
        """Logits after every token, and the memory after the last one.

        lengths: real tokens of each row; what follows is padding and leaves the memory alone. None: all
        state:   the memory to go on from, (layers, batch, width) twice, as this function gave it; None: none
        Raises ValueError for tokens of another shape or kind.
        """
        seen, state = self.read(tokens, lengths, state)
        return self.head(seen), state  # (batch, time, vocabulary)

    def next(
        self, tokens: Int[Tensor, "batch time"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch vocabulary"], State]:
        """The same after the last token alone: what writing needs, without the scores of all before."""
        seen, state = self.read(tokens, None, state)
        return self.head(seen[:, -1]), state  # (batch, vocabulary)

    def features(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, "batch"] | None = None
    ) -> Float[Tensor, "batch width"]:
        """What the head sees at the end of each text."""
        return last(self.read(tokens, lengths, None)[0], lengths)

    def read(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, "batch"] | None, state: State | None
    ) -> tuple[Float[Tensor, "batch time width"], State]:
        """What the head sees after each token, and the memory after the last."""
        if tokens.ndim != 2 or tokens.dtype != torch.int64:
            raise ValueError(
                f"expected tokens as int64 of shape (batch, time), got {tokens.dtype} of shape "
                f"{tuple(tokens.shape)}"
            )
        steps = self.dropout(self.token_embedding(tokens))  # (batch, time, embedding)
        seen, state = self.lstm(steps, lengths, state)  # (batch, time, width)
        return self.dropout(seen), state


def build(config: TextLSTMConfig) -> TextLSTM:
    """The model of a config with torch's random start."""
    return TextLSTM(config)
