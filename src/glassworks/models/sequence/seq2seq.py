"""Sequence to sequence: one recurrent network reads a sentence, another writes its translation.

What was read must reach the writer. In the first such systems all of it went through the reader's last state,
and long sentences were forgotten ("none"). Attention ends that: at each word the writer asks which states of
the reader fit, and gets their average. The question may be put by a small network to the state before the
step ("additive", Bahdanau) or by a product to the state after it ("multiplicative", Luong).

Papers: Sutskever et al. 2014, arXiv 1409.3215; Bahdanau et al. 2014, arXiv 1409.0473; Luong et al. 2015,
arXiv 1508.04025 (its "general" score).
Where this differs: both read in both directions; reader and writer share one vocabulary and its vectors; a
plain layer with tanh stands before the scores where Bahdanau has a maxout.
First thing to change: `attention`, "none" beside the others on sentences of 5 and of 30 words.
Command: glassworks train seq2seq --data sample:django-de

Axes: batch, source (its tokens), said (tokens of the answer so far); width = numbers a token; hidden =
numbers of a state; seen = 2 * hidden, what the reader gives out for a token; vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.blocks.attention import Maps
from glassworks.blocks.beam_search import State
from glassworks.blocks.dropout import Dropout
from glassworks.blocks.recurrent import Recurrent
from glassworks.models.sequence.gru import GRU
from glassworks.models.sequence.lstm import LSTM
from glassworks.models.sequence.transformer import check_tokens, hidden_after

Tensors = tuple[Tensor, ...]
CELLS: dict[str, type[Recurrent]] = {"gru": GRU, "lstm": LSTM}


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The shape of a reader and a writer.

    vocabulary: token numbers of source and answer; 0 fills up short texts
    context:    most tokens of a source, and of an answer
    width:      numbers a token
    hidden:     numbers of a state, of the reader in each direction
    layers:     recurrent layers of the reader, and of the writer
    cell:       "gru" or "lstm"
    attention:  "additive" (Bahdanau), "multiplicative" (Luong), or "none": the last state must do
    dropout:    share of a token's numbers, and of the features, that are silenced while training
    """

    vocabulary: int = 30_000
    context: int = 256
    width: int = 620
    hidden: int = 1000
    layers: int = 1
    cell: Literal["gru", "lstm"] = "gru"
    attention: Literal["additive", "multiplicative", "none"] = "additive"
    dropout: float = 0.0

    def __post_init__(self):
        if min(self.vocabulary, self.context, self.width, self.hidden, self.layers) < 1:
            raise ValueError("vocabulary, context, width, hidden and layers are at least 1")
        if self.cell not in CELLS:
            raise ValueError(f'cell is "gru" or "lstm", got "{self.cell}"')
        if self.attention not in (*WAYS, "none"):
            raise ValueError(f'attention is additive, multiplicative or none, got "{self.attention}"')
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")


VARIANTS: dict[str, dict[str, Any]] = {
    "additive": {"attention": "additive", "cell": "gru", "width": 620, "hidden": 1000, "layers": 1},
    "multiplicative": {
        "attention": "multiplicative",
        "cell": "lstm",
        "width": 1000,
        "hidden": 1000,
        "layers": 4,
    },
    "none": {"attention": "none", "cell": "lstm", "width": 1000, "hidden": 1000, "layers": 4},
}


# ---- how the writer asks


class Additive(nn.Module):
    """How well states fit, by a small network: v . tanh(W state + U memory). See `Multiplicative`."""

    def __init__(self, hidden: int, seen: int):
        super().__init__()
        self.query = nn.Linear(hidden, hidden)
        self.keys = nn.Linear(seen, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.maps = Maps()

    def forward(
        self,
        states: Float[Tensor, "batch said hidden"],
        keys: Float[Tensor, "batch source hidden"],
        memory: Float[Tensor, "batch source seen"],
        bias: Float[Tensor, "batch 1 1 source"] | None,
    ) -> Float[Tensor, "batch said seen"]:
        both = self.query(states)[:, :, None] + keys[:, None]  # (batch, said, source, hidden)
        return looked_up(self.score(both.tanh())[..., 0], memory, bias, self.maps)


class Multiplicative(nn.Module):
    """How well states fit, by a product: state . W memory. keys: `self.keys(memory)`, once a source."""

    def __init__(self, hidden: int, seen: int):
        super().__init__()
        self.keys = nn.Linear(seen, hidden, bias=False)
        self.maps = Maps()

    def forward(
        self,
        states: Float[Tensor, "batch said hidden"],
        keys: Float[Tensor, "batch source hidden"],
        memory: Float[Tensor, "batch source seen"],
        bias: Float[Tensor, "batch 1 1 source"] | None,
    ) -> Float[Tensor, "batch said seen"]:
        return looked_up(states @ keys.transpose(1, 2), memory, bias, self.maps)


WAYS: dict[str, type[Additive] | type[Multiplicative]] = {
    "additive": Additive, "multiplicative": Multiplicative,
}  # fmt: skip


def looked_up(
    scores: Float[Tensor, "batch said source"], memory: Tensor, bias: Tensor | None, maps: Maps
) -> Float[Tensor, "batch said seen"]:
    """The average of the memory, by how well it fits; the weights pass by at `maps` as those of one head."""
    scores = scores if bias is None else scores + bias[:, 0]
    return maps(scores.softmax(-1)[:, None], memory[:, None])[:, 0] @ memory


# ---- the whole


class Seq2Seq(nn.Module):
    """Source (batch, source) and the answer so far (batch, said) -> scores of the next tokens
    (batch, said, vocabulary), each made of the source and of what stands before it."""

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        self.config = config
        width, hidden, seen = config.width, config.hidden, 2 * config.hidden
        layer, self.asks_first = CELLS[config.cell], config.attention == "additive"
        self.vectors = nn.Embedding(config.vocabulary, width)
        self.dropout = Dropout(config.dropout)
        self.reader = layer(width, hidden, config.layers, bidirectional=True, dropout=config.dropout)
        self.bridge = nn.ModuleList(nn.Linear(seen, hidden) for _ in range(layer.cell.STATES))
        given = width + {"additive": seen, "multiplicative": width, "none": 0}[config.attention]
        self.writer = layer(given, hidden, config.layers, dropout=config.dropout)
        self.attention = WAYS[config.attention](hidden, seen) if config.attention != "none" else None
        self.join = nn.Linear(hidden + (seen if self.attention is not None else 0), width)
        self.head = nn.Linear(width, config.vocabulary)

    def read(self, source: Int[Tensor, "batch source"], lengths: Tensor | None) -> State:
        """What the writer begins with.

        fixed: bias (batch, 1, 1, source), keys (batch, source, hidden) and memory (batch, source, seen); none
        of them without attention. moving: states (batch, layers, hidden), and where features are fed into the
        next step these (batch, 1, width)
        """
        check_tokens(source, self.config.context, "a source")
        memory, ends = self.reader(self.dropout(self.vectors(source)), lengths)
        moving = []
        for bridge, end in zip(self.bridge, ends, strict=True):
            both = end.unflatten(0, (self.config.layers, 2)).permute(2, 0, 1, 3).flatten(2)
            moving.append(bridge(both).tanh())  # (batch, layers, seen) -> (batch, layers, hidden)
        if self.attention is None:
            return State((), tuple(moving))
        whole = torch.full((source.shape[0],), source.shape[1], device=source.device)
        bias: Any = hidden_after(whole if lengths is None else lengths, source.shape[1], memory)
        if not self.asks_first:
            moving.append(memory.new_zeros(source.shape[0], 1, self.config.width))
        return State((bias, self.attention.keys(memory), memory), tuple(moving))

    def write(
        self, said: Int[Tensor, "batch said"], state: State
    ) -> tuple[Float[Tensor, "batch said width"], State]:
        """What the head sees after each token, and the state after the last."""
        vectors = self.dropout(self.vectors(said))
        if self.attention is None:
            outputs, inner = self.writer(
                vectors, None, _turned(state.moving)
            )  # all at once: nothing is asked
            return self.dropout(self.join(outputs).tanh()), State((), _turned(inner))
        features, moving = [], state.moving
        for vector in vectors.split(1, dim=1):  # (batch, 1, width)
            one, moving = self._write_one(vector, state.fixed, moving)
            features.append(one)
        return self.dropout(torch.cat(features, dim=1)), State(state.fixed, moving)

    def _write_one(
        self, vector: Float[Tensor, "batch 1 width"], fixed: Tensors, moving: Tensors
    ) -> tuple[Float[Tensor, "batch 1 width"], Tensors]:
        """One token. Additive: the state before it asks, and what that finds goes in with the token.
        Multiplicative: the state after it asks, and the features go in with the next token."""
        (bias, keys, memory), attention = fixed, self.attention
        assert attention is not None
        if self.asks_first:
            looked = attention(moving[0][:, -1:], keys, memory, bias)  # (batch, 1, seen)
            output, inner = self.writer(torch.cat([vector, looked], -1), None, _turned(moving))
        else:
            *states, fed = moving
            output, inner = self.writer(torch.cat([vector, fed], -1), None, _turned(states))
            looked = attention(output, keys, memory, bias)
        features = self.join(torch.cat([output, looked], -1)).tanh()
        return features, _turned(inner) if self.asks_first else (*_turned(inner), features)

    def features(
        self, source: Int[Tensor, "batch source"], lengths: Tensor | None, said: Int[Tensor, "batch said"]
    ) -> Float[Tensor, "batch said width"]:
        """What the head sees of each place of the answer."""
        check_tokens(said, self.config.context, "an answer")
        return self.write(said, self.read(source, lengths))[0]

    def forward(
        self, source: Int[Tensor, "batch source"], lengths: Tensor | None, said: Int[Tensor, "batch said"]
    ) -> Float[Tensor, "batch said vocabulary"]:
        return self.head(self.features(source, lengths, said))

    # ---- a token at a time; see blocks/beam_search.py

    def begin(self, source: Int[Tensor, "batch source"], lengths: Tensor | None = None) -> State:
        """The state before the first token."""
        return self.read(source, lengths)

    def step(self, tokens: Int[Tensor, " rows"], state: State) -> tuple[Tensor, State]:
        """Scores (rows, vocabulary) after one more token."""
        features, state = self.write(tokens[:, None], state)
        return self.head(features)[:, 0], state


def _turned(states: Sequence[Tensor]) -> Tensors:
    """(batch, layers, hidden) <-> (layers, batch, hidden): rows first for search, layers first for torch."""
    return tuple(one.transpose(0, 1).contiguous() for one in states)


def build(config: Seq2SeqConfig) -> Seq2Seq:
    """The model of a config with torch's random start; vectors are short, so that states are not full."""
    model = Seq2Seq(config)
    nn.init.normal_(model.vectors.weight, std=config.width**-0.5)
    return model
