"""Transformer: a sentence is read by words that look at each other, and written by words that look back.

The encoder lets every token of the source look at all others, block after block. The decoder writes the
answer a token at a time: a token looks at those before it, then at the whole source, and says which token
comes next. While training nothing waits for the token before: all places of the answer are computed at once,
and a causal mask keeps each from seeing what it is to say.

Paper: Vaswani et al. 2017, "Attention is all you need", arXiv 1706.03762. Where the norm stands: Xiong et
al. 2020, arXiv 2002.04745.
Where this differs: the norm may stand before the branches, as most do today, and then one more closes each
stack. Both languages share one vocabulary, as in the paper; whether they share its vectors is a setting.
First thing to change: `block`, with norm "pre" instead of "post", and a depth of 12.
Command: glassworks train transformer --data sample:django-de

Axes: batch, source (its tokens), said (tokens of the answer so far); width = numbers a token; vocabulary.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.blocks.attention import CrossAttention, Past, SelfAttention
from glassworks.blocks.beam_search import State
from glassworks.blocks.dropout import Dropout
from glassworks.blocks.encoder_block import MLP, BlockConfig, EncoderBlock

SLOWEST = 10_000.0  # the slowest wave of the positions is so many times slower than the fastest
HIDDEN = -10_000.0  # its exponential is 0; infinity could not be measured for int8
Look = Callable[[Tensor], Tensor]  # tokens -> what is added to them


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of a Transformer.

    vocabulary: token numbers of source and answer; 0 fills up short texts
    context:    most tokens of a source, and of an answer
    width:      numbers a token
    depth:      blocks of the encoder, and of the decoder
    shared:     source, answer and output use the same vectors for a token
    block:      how the blocks are made
    """

    vocabulary: int = 37_000
    context: int = 256
    width: int = 512
    depth: int = 6
    shared: bool = True
    block: BlockConfig = field(default_factory=lambda: BlockConfig(**PAPER))

    def __post_init__(self):
        if isinstance(self.block, dict):  # as recipes and VARIANTS write it
            object.__setattr__(self, "block", BlockConfig(**PAPER | self.block))
        if min(self.vocabulary, self.context, self.depth) < 1:
            raise ValueError("vocabulary, context and depth are at least 1")
        if self.width < 2 or self.width % 2 or self.width % self.block.heads:
            raise ValueError(
                f"{self.block.heads} heads cannot share {self.width} numbers; and waves need pairs"
            )


PAPER: dict[str, Any] = {
    "heads": 8, "norm": "post", "activation": "relu", "epsilon": 1e-5, "dropout": 0.1,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {"width": 512, "depth": 6, "block": PAPER},
    "big": {"width": 1024, "depth": 6, "block": PAPER | {"heads": 16, "dropout": 0.3}},
}


# ---- what encoder and decoder share


def waves(places: int, width: int) -> Float[Tensor, "places width"]:
    """Fixed positions: sine and cosine of each place by turns, from fast waves to slow ones (section 3.5)."""
    rates = SLOWEST ** -(torch.arange(0, width, 2).double() / width)  # (width / 2)
    angles = torch.arange(places).double()[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()


class Places(nn.Module):
    """Vectors of tokens (batch, tokens, width), made larger and told where they stand -> the same."""

    def __init__(self, context: int, width: int, dropout: float = 0.0):
        super().__init__()
        self.scale = math.sqrt(width)  # without it the waves would drown the vectors
        self.register_buffer("waves", waves(context, width), persistent=False)
        self.dropout = Dropout(dropout)

    def forward(self, vectors: Float[Tensor, "batch tokens width"], first: int = 0) -> Tensor:
        """first: place of the first token, for one that follows others."""
        own = self.waves[first : first + vectors.shape[1]]  # type: ignore[index]
        return self.dropout(vectors * self.scale + own)


def hidden_after(
    lengths: Int[Tensor, " batch"] | None, longest: int, like: Tensor
) -> Float[Tensor, "batch 1 1 longest"] | None:
    """What is added to comparisons, so that nothing is seen of a text from its length on. None: all is."""
    if lengths is None:
        return None
    beyond = torch.arange(longest, device=like.device) >= lengths[:, None]  # (batch, longest)
    return (beyond.to(like.dtype) * HIDDEN)[:, None, None]


def mean_of(
    vectors: Float[Tensor, "batch tokens width"], lengths: Tensor | None
) -> Float[Tensor, "batch width"]:
    """The mean of each text's own tokens: what a classifier reads."""
    if lengths is None:
        return vectors.mean(1)
    own = torch.arange(vectors.shape[1], device=vectors.device) < lengths[:, None]  # (batch, tokens)
    return (vectors * own[..., None]).sum(1) / lengths[:, None].to(vectors.dtype)


class TransformerEncoder(nn.Module):
    """Tokens that look at each other, block after block. (batch, tokens, width) -> the same.

    It knows nothing of words: give it vectors that have been told their places. What it answers from a
    text's length on means nothing.
    """

    def __init__(self, width: int, depth: int, block: BlockConfig):
        super().__init__()
        self.blocks = nn.ModuleList(EncoderBlock(width, block) for _ in range(depth))
        self.norm = last_norm(width, block)

    def forward(
        self, vectors: Float[Tensor, "batch tokens width"], lengths: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch tokens width"]:
        bias = hidden_after(lengths, vectors.shape[1], vectors)
        for block in self.blocks:
            vectors = block(vectors, bias)
        return self.norm(vectors)


def last_norm(width: int, block: BlockConfig) -> nn.Module:
    """Pre-norm hands on a sum that nothing has scaled yet; post-norm has done it in the last block."""
    return nn.LayerNorm(width, eps=block.epsilon) if block.norm == "pre" else nn.Identity()


# ---- the decoder


class DecoderBlock(nn.Module):
    """A token looks at those before it, then at the source, then thinks for itself. (batch, said, width)."""

    def __init__(self, width: int, config: BlockConfig):
        super().__init__()
        self.pre = config.norm == "pre"
        self.norm1 = nn.LayerNorm(width, eps=config.epsilon)
        self.attention = SelfAttention(width, config.heads, causal=True)
        self.norm2 = nn.LayerNorm(width, eps=config.epsilon)
        self.cross = CrossAttention(width, config.heads)
        self.norm3 = nn.LayerNorm(width, eps=config.epsilon)
        self.mlp = MLP(width, config)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        tokens: Float[Tensor, "batch said width"],
        memory: Float[Tensor, "batch source width"],
        bias: Tensor | None = None,
    ) -> Float[Tensor, "batch said width"]:
        """memory: the encoded source; bias: hides what fills it up."""
        return self._through(tokens, self.attention, lambda tokens: self.cross(tokens, memory, bias))

    def continued(
        self, tokens: Tensor, past: Past | None, asked: Past, bias: Tensor | None
    ) -> tuple[Tensor, Past]:
        """The same for tokens that follow others; `asked`: keys and values of the source."""
        kept: list[Past] = []

        def look(tokens: Tensor) -> Tensor:
            found, longer = self.attention.continued(tokens, past)
            kept.append(longer)
            return found

        return self._through(tokens, look, lambda tokens: self.cross.ask(tokens, asked, bias)), kept[0]

    def _through(self, tokens: Tensor, *looks: Look) -> Tensor:
        norms: list[Look] = [self.norm1, self.norm2, self.norm3]
        branches: list[Look] = [*looks, self.mlp]
        for norm, branch in zip(norms, branches, strict=True):
            if self.pre:
                tokens = tokens + self.dropout(branch(norm(tokens)))
            else:
                tokens = norm(tokens + self.dropout(branch(tokens)))
        return tokens


class TransformerDecoder(nn.Module):
    """The row of decoder blocks. (batch, said, width) and the encoded source -> (batch, said, width)."""

    def __init__(self, width: int, depth: int, block: BlockConfig):
        super().__init__()
        self.blocks = nn.ModuleList(DecoderBlock(width, block) for _ in range(depth))
        self.norm = last_norm(width, block)

    def forward(self, tokens: Tensor, memory: Tensor, bias: Tensor | None = None) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens, memory, bias)
        return self.norm(tokens)


# ---- the whole


class Transformer(nn.Module):
    """Source (batch, source) and the answer so far (batch, said) -> scores of the next tokens
    (batch, said, vocabulary), each made of the source and of what stands before it."""

    def __init__(self, config: TransformerConfig):
        super().__init__()
        self.config = config
        width, block = config.width, config.block
        if not config.shared:
            self.source_vectors = nn.Embedding(config.vocabulary, width)
            self.answer_vectors = nn.Embedding(config.vocabulary, width)
        self.places = Places(config.context, width, block.dropout)
        self.encoder = TransformerEncoder(width, config.depth, block)
        self.decoder = TransformerDecoder(width, config.depth, block)
        self.head = nn.Linear(width, config.vocabulary, bias=False)  # shared: a row is a token's vector

    def encode(
        self, source: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch source width"]:
        """What the decoder looks at."""
        check_tokens(source, self.config.context, "a source")
        table = self.head.weight if self.config.shared else self.source_vectors.weight
        return self.encoder(self.places(F.embedding(source, table)), lengths)

    def features(
        self, source: Int[Tensor, "batch source"], lengths: Tensor | None, said: Int[Tensor, "batch said"]
    ) -> Float[Tensor, "batch said width"]:
        """What the head sees of each place of the answer."""
        memory = self.encode(source, lengths)
        check_tokens(said, self.config.context, "an answer")
        return self.decode(said, memory, hidden_after(lengths, source.shape[1], memory))

    def decode(
        self, said: Int[Tensor, "batch said"], memory: Tensor, bias: Tensor | None
    ) -> Float[Tensor, "batch said width"]:
        """The same from an encoded source; bias: hides what fills it up."""
        return self.decoder(self._answer(said), memory, bias)

    def forward(
        self, source: Int[Tensor, "batch source"], lengths: Tensor | None, said: Int[Tensor, "batch said"]
    ) -> Float[Tensor, "batch said vocabulary"]:
        return self.head(self.features(source, lengths, said))

    def _answer(self, said: Tensor, first: int = 0) -> Tensor:
        table = self.head.weight if self.config.shared else self.answer_vectors.weight
        return self.places(F.embedding(said, table), first)

    # ---- a token at a time; see blocks/beam_search.py

    def begin(self, source: Int[Tensor, "batch source"], lengths: Tensor | None = None) -> State:
        """The state before the first token: keys and values of the source, once for the whole answer."""
        whole = torch.full((source.shape[0],), source.shape[1], device=source.device)
        memory = self.encode(source, lengths)
        bias: Any = hidden_after(whole if lengths is None else lengths, source.shape[1], memory)
        blocks: Any = self.decoder.blocks
        asked = [tensor for block in blocks for tensor in block.cross.keys_and_values(memory)]
        return State(fixed=(bias, *asked), moving=())

    def step(self, tokens: Int[Tensor, " rows"], state: State) -> tuple[Tensor, State]:
        """Scores (rows, vocabulary) after one more token; keys and values of those before it are kept."""
        blocks: Any = self.decoder.blocks
        bias, *asked = state.fixed
        first = state.moving[0].shape[2] if state.moving else 0  # tokens that were said before
        vectors, kept = self._answer(tokens[:, None], first), []  # (rows, 1, width)
        for number, block in enumerate(blocks):
            own = slice(2 * number, 2 * number + 2)
            past: Any = state.moving[own] or None
            vectors, longer = block.continued(vectors, past, asked[own], bias)
            kept += longer
        return self.head(self.decoder.norm(vectors))[:, 0], State(state.fixed, tuple(kept))


def check_tokens(tokens: Tensor, context: int, what: str) -> None:
    """Refuse what is no text, in words."""
    if tokens.ndim != 2 or tokens.is_floating_point() or not 1 <= tokens.shape[1] <= context:
        raise ValueError(
            f"expected {what} as whole numbers (batch, up to {context}), "
            f"got {tuple(tokens.shape)} {tokens.dtype}"
        )


def build(config: TransformerConfig) -> Transformer:
    """The model of a config with a random start: maps that keep the spread (Xavier), vectors of length 1."""
    model = Transformer(config)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.children():
        if isinstance(module, nn.Embedding | nn.Linear):  # the head is a table of vectors as well
            nn.init.normal_(module.weight, std=config.width**-0.5)
    return model
