"""Attention: each token asks all others and takes an average of what they hold, weighed by how they fit.

A token's query is compared with every key; softmax turns the comparisons into weights that sum to 1, and the
values are averaged by them. One function, `attend`, serves every system and takes the faster of two paths
that compute the same. The fused kernel never writes the map of weights down. The written-out form does;
somebody who listens to `maps` needs it, and on a CPU it is often the faster one (`written_is_faster`).

Paper: Vaswani et al. 2017, "Attention is all you need", arXiv 1706.03762.
Where this differs: nothing in the answers. `bias` is added to the comparisons (relative positions, masks).
The first thing to change: `WRITTEN_UP_TO`, tokens up to which the written-out form may be chosen.

Axes: batch, heads, queries and keys (tokens), depth = numbers a head; tokens, width = numbers a token.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout

# In tokens. For its backward a block keeps about 17 times the width for each token; with 64 numbers a head
# the maps of 1,024 tokens add as much again.
WRITTEN_UP_TO = 1_024

Past = tuple[Tensor, Tensor]  # keys and values (batch, heads, tokens, depth) that later tokens ask again


class Maps(nn.Identity):
    """The place where attention weights (batch, heads, queries, keys) pass by, for whoever listens.

    A forward hook on it gets them: `recording(model, ["blocks.0.attention.maps"])`. While nobody listens the
    fused kernel may be used, which never makes them. The values (batch, heads, keys, depth) that they will
    weigh come along for the hook alone, so that work can be counted.
    """

    @property
    def listened(self) -> bool:
        return bool(self._forward_hooks)

    def forward(self, input: Tensor, value: Tensor | None = None) -> Tensor:
        return input


def attend(
    query: Float[Tensor, "batch heads queries depth"],
    key: Float[Tensor, "batch heads keys depth"],
    value: Float[Tensor, "batch heads keys depth"],
    *,
    bias: Float[Tensor, "... queries keys"] | None = None,
    causal: bool = False,
    dropout: Dropout | None = None,
    maps: Maps | None = None,
) -> Float[Tensor, "batch heads queries depth"]:
    """softmax(query key^T / sqrt(depth) + bias) value.

    bias: added to the comparisons, broadcast over batch and heads; -inf hides a key
    causal: a token sees itself and those before it; where there are more keys than queries, the queries are
        the last of them; dropout: of the weights, while it is training
    """
    queries, keys = query.shape[-2], key.shape[-2]
    if causal and queries == 1:
        causal = False  # the last token sees all
    thinned = dropout is not None and dropout.training and dropout.share > 0
    listened = maps is not None and maps.listened
    if bias is not None:
        bias = bias.to(query.dtype)  # in bf16 the sum would be float32, and softmax slower
    if not (thinned or listened or written_is_faster(query, bias)):
        if causal and (bias is not None or queries != keys):  # the kernel takes one of both
            bias = query.new_zeros(queries, keys) if bias is None else bias
            bias, causal = _without_future(bias.expand(*bias.shape[:-2], queries, -1)), False
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias, is_causal=causal)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)  # (batch, heads, queries, keys)
    if bias is not None:
        scores = scores + bias
    if causal:
        scores = _without_future(scores)
    weights = scores.softmax(-1)
    if maps is not None:
        weights = maps(weights, value)
    if dropout is not None:
        weights = dropout(weights)
    return weights.to(value.dtype) @ value


def _without_future(scores: Float[Tensor, "... queries keys"]) -> Float[Tensor, "... queries keys"]:
    """Minus infinity where a key comes after its query; the last query stands where the last key does."""
    queries, keys = scores.shape[-2:]
    future = torch.ones(queries, keys, dtype=torch.bool, device=scores.device).triu(1 + keys - queries)
    return scores.masked_fill(future, float("-inf"))


def written_is_faster(query: Tensor, bias: Tensor | None = None) -> bool:
    """Whether the written-out form beats the fused kernel: on a CPU, in bf16 or with a bias, if the maps fit.

    Measured on one thread of an AMD EPYC (AVX-512 with bf16, no AMX; torch 2.15), 49 to 1,025 tokens, 16 to
    64 numbers a head; the fused kernel's time by that of the written-out form:
                   forward                     forward and backward
      bf16         1.2 to 2.4, causal 1.0-1.4  2.5 to 7.2, causal 1.3-5.6
      bf16, bias   1.8 to 3.6                  1.9 to 2.9
      fp32         0.5 to 1.0, causal 0.5-0.8  0.8 to 1.0, causal 0.6-0.9
      fp32, bias   1.1 to 2.0                  1.0 to 1.2
    From 2,049 tokens on the fused kernel wins in fp32 in every way, by up to 5 times.
    """
    if query.device.type != "cpu" or query.shape[-2] > WRITTEN_UP_TO:
        return False
    return query.dtype == torch.bfloat16 or bias is not None


def split_heads(tokens: Float[Tensor, "batch tokens width"], heads: int) -> Tensor:
    """(batch, tokens, width) -> (batch, heads, tokens, width / heads)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(answers: Float[Tensor, "batch heads tokens depth"]) -> Tensor:
    """(batch, heads, tokens, depth) -> (batch, tokens, heads * depth)."""
    return answers.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Tokens that look at each other with several heads. (batch, tokens, width) -> the same.

    heads: must divide the width; causal: no token sees a later one; dropout: of the attention weights
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0, causal: bool = False):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"a width of {width} cannot be divided among {heads} heads")
        self.heads, self.causal = heads, causal
        self.query_key_value = nn.Linear(width, 3 * width)
        self.maps = Maps()
        self.dropout = Dropout(dropout)
        self.projection = nn.Linear(width, width)

    def forward(
        self, tokens: Float[Tensor, "batch tokens width"], bias: Tensor | None = None
    ) -> Float[Tensor, "batch tokens width"]:
        return self._among(*self._parts(tokens), bias)

    def continued(
        self, tokens: Float[Tensor, "batch tokens width"], past: Past | None = None
    ) -> tuple[Float[Tensor, "batch tokens width"], Past]:
        """The same for tokens that follow others: what they see, and the past with theirs joined to it.

        past: keys and values of the tokens before, so that these are not computed again; None at the start
        """
        query, key, value = self._parts(tokens)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        return self._among(query, key, value, None), (key, value)

    def _parts(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, (batch, heads, tokens, depth) each."""
        query, key, value = self.query_key_value(tokens).chunk(3, dim=-1)
        return split_heads(query, self.heads), split_heads(key, self.heads), split_heads(value, self.heads)

    def _among(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        answers = attend(
            query, key, value, bias=bias, causal=self.causal, dropout=self.dropout, maps=self.maps
        )
        return self.projection(join_heads(answers))


class CrossAttention(nn.Module):
    """Tokens that look at others than themselves, such as a translation at what it translates.

    The queries come from the tokens, keys and values from the memory. (batch, tokens, width) -> the same.

    heads: must divide the width; dropout: of the attention weights
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"a width of {width} cannot be divided among {heads} heads")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.maps = Maps()
        self.dropout = Dropout(dropout)
        self.projection = nn.Linear(width, width)

    def keys_and_values(self, memory: Float[Tensor, "batch keys width"]) -> Past:
        """What is asked, (batch, heads, keys, depth) each: the same at every step of a translation."""
        key, value = self.key_value(memory).chunk(2, dim=-1)
        return split_heads(key, self.heads), split_heads(value, self.heads)

    def ask(self, tokens: Tensor, asked: Past, bias: Tensor | None = None) -> Tensor:
        """What the tokens find in keys and values that are known already."""
        query = split_heads(self.query(tokens), self.heads)  # (batch, heads, tokens, depth)
        answers = attend(query, *asked, bias=bias, dropout=self.dropout, maps=self.maps)
        return self.projection(join_heads(answers))

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens width"],
        memory: Float[Tensor, "batch keys width"],
        bias: Tensor | None = None,
    ) -> Float[Tensor, "batch tokens width"]:
        return self.ask(tokens, self.keys_and_values(memory), bias)
