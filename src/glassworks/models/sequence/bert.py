"""BERT: read a text in both directions at once, and learn language by guessing words that were hidden.

Every token looks at all others, before and after it, block after block. Nothing need be labelled to train it:
some tokens of a text are hidden, and what stood there is the answer. Afterwards the head that guesses words
is exchanged for one that tells classes apart, or left out: then a text is one vector, near to those of
texts that mean the same.

Papers: Devlin et al. 2018, "BERT", arXiv 1810.04805; smaller ones: Turc et al. 2019, arXiv 1908.08962 (tiny,
mini); Wang et al. 2020, "MiniLM", arXiv 2002.10957; one vector a text: Reimers & Gurevych 2019, arXiv
1908.10084.
Where this differs: attention weights are not dropped while training, only what comes out of attention; there
is no second task of telling whether two sentences follow each other (Liu et al. 2019, arXiv 1907.11692, found
it of no use); random numbers at the start grow with 1 / sqrt(width), 0.02 at the published 768.
First thing to change: `pooling`, what of a text the head reads.
Command: glassworks finetune bert --from minilm --data reviews.csv

Axes: batch; length = tokens of the longest text of the batch; width = numbers a token; guesses = hidden
tokens of the whole batch; vocabulary = token numbers.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.encoder_block import BlockConfig, EncoderBlock

EPSILON = 1e-12  # of all layer norms, as published
APART = -1000.0  # added to a comparison with padding: its exponential is 0, and int8 can still be measured
SPREAD = 0.02 * 768**0.5  # of random numbers at the start, by the root of the width


@dataclass(frozen=True)
class BERTConfig:
    """The shape of a BERT.

    vocabulary: token numbers
    context:    tokens of a text at most, start and end included
    segments:   kinds of text that a token may belong to: 2, for pairs of sentences
    width:      numbers a token
    depth:      blocks
    head:       "words" guesses hidden tokens, "classes" scores a text, "none" gives its vector
    classes:    scores that come out with head "classes" (1 for a number)
    pooling:    the vector of a text is made of its first token, by one more layer ("class"), or is the mean
                of all its tokens ("mean")
    dropout:    share of numbers that are silenced before the head while training, 0 to below 1
    block:      how the blocks are made; its dropout is also that of the embedding
    """

    vocabulary: int = 30_522
    context: int = 512
    segments: int = 2
    width: int = 768
    depth: int = 12
    head: Literal["words", "classes", "none"] = "words"
    classes: int = 2
    pooling: Literal["class", "mean"] = "class"
    dropout: float = 0.1
    block: BlockConfig = field(
        default_factory=lambda: BlockConfig(heads=12, norm="post", epsilon=EPSILON, dropout=0.1)
    )

    def __post_init__(self):
        if isinstance(self.block, dict):  # as recipes and VARIANTS write it
            object.__setattr__(self, "block", BlockConfig(**self.block))
        if min(self.segments, self.width, self.depth, self.classes) < 1:
            raise ValueError("segments, width, depth and classes are at least 1")
        if self.vocabulary < 4 or self.context < 3:
            raise ValueError("vocabulary is at least 4 and context at least 3: start, one word, end")
        if self.width % self.block.heads:
            raise ValueError(f"{self.block.heads} heads cannot share {self.width} numbers evenly")
        for name, known in (("head", ("words", "classes", "none")), ("pooling", ("class", "mean"))):
            if getattr(self, name) not in known:
                raise ValueError(f'{name} is one of {", ".join(known)}, got "{getattr(self, name)}"')
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")


def _shape(width: int, depth: int, heads: int, **more: Any) -> dict[str, Any]:
    block = {"heads": heads, "norm": "post", "epsilon": EPSILON, "dropout": 0.1}
    return {"width": width, "depth": depth, "block": block, **more}


# The paper's base, the small ones of Turc et al., and the shape of all-MiniLM-L6.
VARIANTS: dict[str, dict[str, Any]] = {
    "tiny": _shape(128, 2, 2),
    "mini": _shape(256, 4, 4),
    "minilm": _shape(384, 6, 12, pooling="mean"),
    "base": _shape(768, 12, 12),
}


class Embedding(nn.Module):
    """What each token is, where it stands, and in which of two texts.

    forward: tokens (batch, length) -> (batch, length, width)
    """

    def __init__(self, config: BERTConfig):
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.block.epsilon)
        self.dropout = Dropout(config.block.dropout)

    def forward(
        self, tokens: Int[Tensor, "batch length"], segments: Int[Tensor, "batch length"] | None = None
    ) -> Float[Tensor, "batch length width"]:
        """segments: left out, all tokens belong to the first text."""
        place = self.positions.weight[: tokens.shape[1]]  # (length, width)
        kind = self.segments.weight[0] if segments is None else self.segments(segments)
        return self.dropout(self.norm(self.tokens(tokens) + (place + kind)))


class WordHead(nn.Module):
    """Which token stands at a place: its numbers are turned once, and compared with every token's own.

    forward: hidden (..., width), table (vocabulary, width) -> scores before softmax (..., vocabulary)
    """

    def __init__(self, config: BERTConfig):
        super().__init__()
        self.turn = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.block.epsilon)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def forward(
        self, hidden: Float[Tensor, "... width"], table: Float[Tensor, "vocabulary width"]
    ) -> Float[Tensor, "... vocabulary"]:
        return F.linear(self.norm(F.gelu(self.turn(hidden))), table, self.bias)


def _block(config: BERTConfig) -> EncoderBlock:
    """A block that drops what its two branches give, and nothing inside its MLP, as published."""
    block = EncoderBlock(config.width, config.block)
    block.mlp.dropout = Dropout(0.0)
    return block


class BERT(nn.Module):
    """Tokens (batch, length) and lengths (batch,) -> what the head says of them; see `BERTConfig.head`."""

    def __init__(self, config: BERTConfig):
        super().__init__()
        self.config = config
        self.embedding = Embedding(config)
        self.blocks = nn.ModuleList(_block(config) for _ in range(config.depth))
        # A head that guesses words reads every token, so nothing is made of the first.
        made = config.pooling == "class" and config.head != "words"
        self.pooler = nn.Linear(config.width, config.width) if made else None
        self.dropout = Dropout(config.dropout)
        self.head: nn.Module = {
            "words": lambda: WordHead(config),
            "classes": lambda: nn.Linear(config.width, config.classes),
            "none": nn.Identity,
        }[config.head]()

    def encode(
        self,
        tokens: Int[Tensor, "batch length"],
        lengths: Int[Tensor, " batch"] | None = None,
        segments: Int[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length width"]:
        """Every token as it reads in its text. What lies beyond a text's length is seen by none."""
        self._check(tokens, lengths)
        hidden = self.embedding(tokens, segments)
        bias = None
        if lengths is not None:
            bias = (~present(lengths, hidden.shape[1]))[:, None, None] * APART  # (batch, 1, 1, length)
        for block in self.blocks:
            hidden = block(hidden, bias)
        return hidden

    def pooled(
        self, hidden: Float[Tensor, "batch length width"], lengths: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch width"]:
        """One vector a text."""
        if self.config.pooling == "class":
            first = hidden[:, 0]
            return first if self.pooler is None else torch.tanh(self.pooler(first))
        if lengths is None:
            return hidden.mean(1)
        here = present(lengths, hidden.shape[1])[..., None]  # (batch, length, 1)
        return (hidden * here).sum(1) / lengths[:, None].to(hidden.dtype)

    def features(
        self, tokens: Int[Tensor, "batch length"], lengths: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch width"]:
        """What the head sees of each text."""
        return self.pooled(self.encode(tokens, lengths), lengths)

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        lengths: Int[Tensor, " batch"] | None = None,
        chosen: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "..."]:
        """(batch, length, vocabulary), (batch, classes) or (batch, width), as `config.head` says.

        chosen: with head "words", places whose words alone are guessed: (guesses, vocabulary), row by row
        """
        if isinstance(self.head, WordHead):
            hidden = self.encode(tokens, lengths)
            if chosen is not None:
                hidden = hidden[
                    chosen
                ]  # (guesses, width): of 15 percent of the places, a seventh of the work
            return self.head(hidden, self.embedding.tokens.weight)
        return self.head(self.dropout(self.features(tokens, lengths)))

    def _check(self, tokens: Tensor, lengths: Tensor | None) -> None:
        """Refuse what is no text, in words. Contents are not looked at while a model is exported."""
        config = self.config
        if tokens.ndim != 2 or tokens.is_floating_point() or not 1 <= tokens.shape[1] <= config.context:
            raise ValueError(
                f"expected tokens as whole numbers (batch, up to {config.context}), "
                f"got {tuple(tokens.shape)} {tokens.dtype}"
            )
        if lengths is not None and lengths.shape != tokens.shape[:1]:
            raise ValueError(f"expected one length a text ({len(tokens)}), got {tuple(lengths.shape)}")
        if torch.compiler.is_compiling() or tokens.device.type != "cpu":
            return
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < config.vocabulary:
            raise ValueError(
                f"expected token numbers from 0 to {config.vocabulary - 1}, got {int(tokens.min())} to "
                f"{int(tokens.max())}: they are of another tokenizer"
            )
        if lengths is not None and not 1 <= int(lengths.min()) <= int(lengths.max()) <= tokens.shape[1]:
            raise ValueError(f"expected lengths from 1 to {tokens.shape[1]}, got {lengths.tolist()[:8]}")


def present(lengths: Int[Tensor, " batch"], length: int) -> Bool[Tensor, "batch length"]:
    """True where a text has a token, False where it is filled up."""
    return torch.arange(length, device=lengths.device) < lengths[:, None]


def fitted(tensors: dict[str, Tensor], config: BERTConfig) -> dict[str, Tensor]:
    """Tensors of a BERT for a config that sees fewer tokens, or that makes nothing of the first one.

    Raises ValueError for a config that sees more tokens than the weights have positions for.
    """
    places = "embedding.positions.weight"
    if len(tensors[places]) < config.context:
        raise ValueError(
            f"these weights know {len(tensors[places])} positions, so a context of {config.context} is too "
            "long"
        )
    unused = () if config.pooling == "class" and config.head != "words" else ("pooler.",)
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(unused)}
    return kept | {places: tensors[places][: config.context]}


def build(config: BERTConfig) -> BERT:
    """The model of a config with the paper's random start: small normal numbers, no offsets."""
    model = BERT(config)
    spread = SPREAD / config.width**0.5
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=spread)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    return model
