"""The Transformer's block: torch's own layer agrees before and after the norm; GELU has its exact figures."""

import pytest
import torch
from torch import nn

from glassworks.blocks.drop_path import shares
from glassworks.blocks.encoder_block import ACTIVATIONS, MLP, BlockConfig, EncoderBlock

WIDTH, HEADS, TOKENS = 24, 3, 7
NAMES = {  # ours -> torch's
    "attention.query_key_value.weight": "self_attn.in_proj_weight",
    "attention.query_key_value.bias": "self_attn.in_proj_bias",
    "attention.projection": "self_attn.out_proj",
    "mlp.widen": "linear1",
    "mlp.narrow": "linear2",
}


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pair(norm, activation="gelu", causal=False):
    """Our block and torch's layer with the same numbers, in float64."""
    config = BlockConfig(heads=HEADS, ratio=2.0, norm=norm, activation=activation, epsilon=1e-5)
    ours = EncoderBlock(WIDTH, config, causal=causal).double()
    theirs = nn.TransformerEncoderLayer(
        WIDTH,
        HEADS,
        2 * WIDTH,
        dropout=0.0,
        activation=activation,
        batch_first=True,
        norm_first=norm == "pre",
    ).double()
    renamed = {}
    for place, (name, parameter) in enumerate(ours.named_parameters()):
        parameter.data = drawn(*parameter.shape, seed=place) * 0.5
        for mine, other in NAMES.items():
            name = name.replace(mine, other)
        renamed[name] = parameter.data
    theirs.load_state_dict(renamed)
    return ours, theirs


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_it_is_torchs_layer_with_the_same_numbers(norm, activation, causal):
    ours, theirs = pair(norm, activation, causal)
    tokens = drawn(2, TOKENS, WIDTH).requires_grad_()
    mask = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1) if causal else None
    mine, other = ours(tokens), theirs(tokens, src_mask=mask)
    torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)
    signal = drawn(*mine.shape, seed=99)
    grads = [torch.autograd.grad(answer, tokens, signal, retain_graph=True)[0] for answer in (mine, other)]
    torch.testing.assert_close(*grads, rtol=0, atol=1e-9)
    mine.backward(signal)
    other.backward(signal)
    by_theirs = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        for mine_name, other_name in NAMES.items():
            name = name.replace(mine_name, other_name)
        torch.testing.assert_close(parameter.grad, by_theirs[name].grad, rtol=0, atol=1e-9)


def test_pre_hands_the_sum_on_untouched_and_post_rescales_it():
    for norm in ("pre", "post"):
        ours, _ = pair(norm)
        for branch in (ours.attention.projection, ours.mlp.narrow):
            nn.init.zeros_(branch.weight)
            nn.init.zeros_(branch.bias)
        tokens = drawn(2, TOKENS, WIDTH)
        assert torch.equal(ours(tokens), tokens) is (norm == "pre")


def test_a_bias_reaches_attention():
    ours, _ = pair("pre")
    tokens, bias = drawn(2, TOKENS, WIDTH), torch.zeros(TOKENS, TOKENS, dtype=torch.float64)
    bias[:, 1:] = float("-inf")
    only_first = ours(tokens, bias)
    changed = tokens.clone()
    changed[:, 3] += 1
    moved = (ours(changed, bias) - only_first).abs().amax((0, 2))
    assert (moved > 0).tolist() == [place == 3 for place in range(TOKENS)]


def test_dropout_and_drop_path_are_silent_in_evaluation():
    config = BlockConfig(heads=HEADS, ratio=2.0, dropout=0.5)
    block = EncoderBlock(WIDTH, config, drop_path=0.5).double()
    tokens = drawn(8, TOKENS, WIDTH)
    torch.manual_seed(0)
    assert not torch.equal(block.train()(tokens), block(tokens))
    assert torch.equal(block.eval()(tokens), block(tokens))
    plain = EncoderBlock(WIDTH, BlockConfig(heads=HEADS, ratio=2.0)).double().train()
    plain.load_state_dict(block.state_dict())
    torch.testing.assert_close(block(tokens), plain(tokens))


def test_gelu_has_its_exact_figures():
    points = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], dtype=torch.float64)
    figures = ACTIVATIONS["gelu"](points).tolist()
    assert figures == pytest.approx([-0.004050, -0.158655, 0.0, 0.841345, 2.995950], abs=1e-6)
    assert float(ACTIVATIONS["gelu-tanh"](points[1])) == pytest.approx(-0.158808, abs=1e-6)
    line = torch.linspace(-1.0, -0.5, 500_001, dtype=torch.float64)
    bent = ACTIVATIONS["gelu"](line)
    assert float(bent.min()) == pytest.approx(-0.169971, abs=1e-6)
    assert float(line[bent.argmin()]) == pytest.approx(-0.751790, abs=3e-6)
    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert float(torch.autograd.grad(ACTIVATIONS["gelu"](zero), zero)[0]) == pytest.approx(0.5, abs=1e-12)
    short = ACTIVATIONS["quick-gelu"](points)
    torch.testing.assert_close(short, points / (1 + (-1.702 * points).exp()))


def test_the_mlp_works_on_each_token_alone():
    mlp = MLP(WIDTH, BlockConfig(heads=HEADS, ratio=4.0)).double()
    assert mlp.widen.out_features == 96
    tokens = drawn(2, TOKENS, WIDTH)
    torch.testing.assert_close(mlp(tokens)[:, 2:3], mlp(tokens[:, 2:3]))


def test_shares_rise_evenly_from_none_to_the_most():
    assert shares(0.1, 12) == pytest.approx([0.1 * place / 11 for place in range(12)])
    assert shares(0.3, 4) == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert shares(0.3, 1) == [0.0] and shares(0.0, 3) == [0.0] * 3


@pytest.mark.parametrize(
    "wrong",
    [{"heads": 0}, {"ratio": 0.0}, {"epsilon": 0.0}, {"norm": "mid"}, {"activation": "swish"},
     {"dropout": 1.0}, {"drop_path": -0.1}],
)  # fmt: skip
def test_impossible_blocks_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BlockConfig(**wrong)
