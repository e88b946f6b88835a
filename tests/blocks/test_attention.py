"""Attention: both paths give the same, torch's layers agree, masks hide, and who listens sees the maps."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassworks.blocks import attention
from glassworks.blocks.attention import (
    Maps,
    SelfAttention,
    attend,
    join_heads,
    split_heads,
    written_is_faster,
)
from glassworks.blocks.dropout import Dropout
from glassworks.insight.record import recording

WIDTH, HEADS, TOKENS = 24, 3, 7


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def layer(**settings):
    """A layer in float64 with numbers large enough that its weights are far from even."""
    made = SelfAttention(WIDTH, HEADS, **settings).double()
    for place, parameter in enumerate(made.parameters()):
        parameter.data = drawn(*parameter.shape, seed=10 + place) * 0.5
    return made


def of_torch(ours, **settings):
    """torch's own layer with the same numbers."""
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **settings).double()
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = (
        ours.query_key_value.weight.data,
        ours.query_key_value.bias.data,
    )
    theirs.out_proj.load_state_dict(ours.projection.state_dict())
    return theirs


@pytest.fixture(params=["fused", "written"])
def path(request, monkeypatch):
    monkeypatch.setattr(attention, "written_is_faster", lambda *_: request.param == "written")
    return request.param


def same(ours, theirs, bound=1e-10):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=bound)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias_shape", [None, (TOKENS, TOKENS), (HEADS, TOKENS, TOKENS), (2, 1, 1, TOKENS)])
def test_each_path_gives_what_the_formula_gives_and_its_gradients(path, bias_shape, causal):
    parts = [drawn(2, HEADS, TOKENS, 8, seed=place).requires_grad_() for place in range(3)]
    bias = None if bias_shape is None else drawn(*bias_shape, seed=4).requires_grad_()
    learned = parts + ([] if bias is None else [bias])
    scores = parts[0] @ parts[1].mT / 8**0.5 + (0 if bias is None else bias)
    future = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
    theirs = (scores.masked_fill(future, float("-inf")) if causal else scores).softmax(-1) @ parts[2]
    ours = attend(*parts, bias=bias, causal=causal)
    same(ours, theirs)
    signal = drawn(*ours.shape, seed=5)
    for mine, other in zip(
        torch.autograd.grad(ours, learned, signal), torch.autograd.grad(theirs, learned, signal), strict=True
    ):
        same(mine, other)


def test_causal_hides_the_future_on_each_path(path):
    query, key, value = (drawn(2, HEADS, TOKENS, 8, seed=place) for place in range(3))
    ours = attend(query, key, value, causal=True)
    same(ours, F.scaled_dot_product_attention(query, key, value, is_causal=True))
    key[:, :, 4:], value[:, :, 4:] = 9.0, 9.0
    same(attend(query, key, value, causal=True)[:, :, :4], ours[:, :, :4])
    assert not torch.allclose(attend(query, key, value, causal=True)[:, :, 4:], ours[:, :, 4:])


def test_a_bias_of_minus_infinity_hides_a_key(path):
    query, key, value = (drawn(2, HEADS, TOKENS, 8, seed=place) for place in range(3))
    bias = torch.zeros(TOKENS, dtype=torch.float64)
    bias[5:] = float("-inf")
    hidden = attend(query, key, value, bias=bias.expand(TOKENS, -1))
    same(hidden, attend(query, key[:, :, :5], value[:, :, :5]))


def test_other_tokens_may_be_asked_than_ask(path):
    """Cross-attention: 3 queries, 7 keys."""
    query, key, value = drawn(2, HEADS, 3, 8), drawn(2, HEADS, 7, 8, seed=1), drawn(2, HEADS, 7, 8, seed=2)
    same(attend(query, key, value), (query @ key.mT / 8**0.5).softmax(-1) @ value)


@pytest.mark.parametrize("causal", [False, True])
def test_the_layer_is_torchs_with_the_same_numbers(path, causal):
    ours = layer(causal=causal)
    theirs = of_torch(ours)
    tokens = drawn(2, TOKENS, WIDTH).requires_grad_()
    mask = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1) if causal else None
    expected, weights = theirs(tokens, tokens, tokens, attn_mask=mask, average_attn_weights=False)
    answers = ours(tokens)
    same(answers, expected)
    same(torch.autograd.grad(answers.sum(), tokens)[0], torch.autograd.grad(expected.sum(), tokens)[0])
    with recording(ours, ["maps"]) as seen:
        same(ours(tokens), expected)
    same(seen["maps"], weights.detach())


def test_who_listens_gets_the_maps_and_changes_no_answer():
    ours, tokens = layer(), drawn(2, TOKENS, WIDTH)
    quiet = ours(tokens)
    with recording(ours, ["maps"]) as seen:
        heard = ours(tokens)
    same(heard, quiet)
    assert seen["maps"].shape == (2, HEADS, TOKENS, TOKENS)
    same(seen["maps"].sum(-1), torch.ones(2, HEADS, TOKENS, dtype=torch.float64))
    assert not ours.maps.listened and not Maps().listened


def test_without_a_listener_the_fused_kernel_never_calls_the_place_of_the_maps(monkeypatch):
    ours, called = layer(), []
    monkeypatch.setattr(Maps, "forward", lambda self, weights, value=None: called.append(1) or weights)
    ours(drawn(2, TOKENS, WIDTH))
    assert not called
    with recording(ours, ["maps"]):
        ours(drawn(2, TOKENS, WIDTH))
    assert called


def test_law_permuting_tokens_permutes_answers(path):
    ours, tokens = layer(), drawn(2, TOKENS, WIDTH)
    order = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(3))
    same(ours(tokens[:, order]), ours(tokens)[:, order])
    single = SelfAttention(WIDTH, HEADS).eval()
    with torch.no_grad():
        few = tokens.float()
        same(single(few[:, order]), single(few)[:, order], 1e-5)


def test_dropout_of_weights_works_while_training_only():
    ours, tokens = layer(dropout=0.5), drawn(2, TOKENS, WIDTH)
    torch.manual_seed(0)
    assert not torch.equal(ours.train()(tokens), ours(tokens))
    same(ours.eval()(tokens), layer()(tokens))
    assert torch.equal(ours(tokens), ours(tokens))
    torch.manual_seed(0)
    query = drawn(64, 1, 8, 4)
    kept = attend(query, query, torch.ones_like(query), dropout=Dropout(0.25))
    assert float(kept.mean()) == pytest.approx(1.0, abs=0.05)  # weights are raised for those that fell


def test_heads_are_split_and_joined_without_loss():
    tokens = drawn(2, TOKENS, WIDTH)
    heads = split_heads(tokens, HEADS)
    assert heads.shape == (2, HEADS, TOKENS, 8)
    same(heads[1, 2, 3], tokens[1, 3, 16:24])
    assert torch.equal(join_heads(heads), tokens)


@pytest.mark.parametrize(
    ("dtype", "tokens", "with_bias", "written"),
    [
        (torch.float32, 197, False, False),
        (torch.float32, 197, True, True),
        (torch.bfloat16, 197, False, True),
        (torch.bfloat16, 49, True, True),
        (torch.bfloat16, 1_025, False, False),
        (torch.float32, 2_049, True, False),
    ],
)
def test_the_path_is_chosen_by_what_was_measured(dtype, tokens, with_bias, written):
    query = torch.zeros(1, 1, tokens, 4, dtype=dtype)
    assert written_is_faster(query, torch.zeros(1) if with_bias else None) is written
    assert not written_is_faster(query.to("meta"), None)  # another device has kernels of its own


def test_both_paths_agree_in_bf16_up_to_its_rounding():
    tokens = drawn(2, 50, WIDTH).float()
    exact = layer().float()(tokens).detach()
    with torch.autocast("cpu", torch.bfloat16):
        rounded = layer().float()(tokens)
    assert rounded.dtype == torch.bfloat16
    same(rounded.detach().float(), exact, 0.05 * float(exact.abs().max()))


@pytest.mark.parametrize("heads", [0, 5])
def test_heads_that_do_not_divide_the_width_are_refused(heads):
    with pytest.raises(ValueError, match="cannot be divided"):
        SelfAttention(WIDTH, heads)
