"""The Transformer climbs the ladder: parity with torch.nn.Transformer, laws of masks, learning, export."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.blocks.encoder_block import BlockConfig
from glassworks.insight.record import recording
from glassworks.models.sequence.transformer import (
    PAPER,
    VARIANTS,
    Places,
    TransformerConfig,
    TransformerEncoder,
    build,
    mean_of,
    waves,
)
from glassworks.weights.names import by_our_names
from glassworks.weights.names import transformer as names
from glassworks.weights.store import load_into
from tests.models import ladder
from tests.models.sequence.pairs import (
    LENGTHS,
    WORDS,
    check_exports,
    check_gradient,
    first_losses,
    sentences,
    stepwise,
    train_on_pairs,
)

# To change these on purpose: run `python -m tests.models.sequence.test_transformer`, paste what it prints,
# and say in the commit why the losses moved.
FIRST_LOSSES = [
    4.401249, 3.742945, 3.293758, 2.997603, 2.859081, 2.502446, 2.453940, 2.292120, 2.207303, 2.130710
]  # fmt: skip
WIDTH, DEPTH = 32, 2


def tiny(norm="post", **changes):
    block = {"heads": 4, "norm": norm, "dropout": 0.0} | changes.pop("block", {})
    shape = {"vocabulary": WORDS, "context": 16, "width": WIDTH, "depth": DEPTH, "block": block} | changes
    return ladder.seeded(lambda: build(TransformerConfig(**shape)))


def reference(norm="post", seed=5):
    """torch.nn.Transformer with random weights; with post-norm without the last norms, as in the paper."""
    shared = {"d_model": WIDTH, "nhead": 4, "dim_feedforward": 4 * WIDTH, "dropout": 0.0, "batch_first": True}
    shared |= {"norm_first": norm == "pre"}

    def make():
        encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**shared), DEPTH, enable_nested_tensor=False,
            norm=nn.LayerNorm(WIDTH) if norm == "pre" else None,
        )  # fmt: skip
        decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(**shared), DEPTH, norm=nn.LayerNorm(WIDTH) if norm == "pre" else None
        )
        made = nn.Transformer(**shared, custom_encoder=encoder, custom_decoder=decoder)
        for parameter in made.parameters():
            nn.init.normal_(parameter, std=0.15)
        return made

    return ladder.seeded(make, seed)


def theirs_of(model, their, source, lengths, said):
    """The reference's answer to the vectors that ours makes of the tokens."""
    embed = lambda tokens: model.places(nn.functional.embedding(tokens, model.head.weight))  # noqa: E731
    hidden = torch.arange(source.shape[1]) >= lengths[:, None]
    future = torch.ones(said.shape[1], said.shape[1], dtype=torch.bool).triu(1)
    found = their(
        embed(source),
        embed(said),
        tgt_mask=future,
        src_key_padding_mask=hidden,
        memory_key_padding_mask=hidden,
    )
    return model.head(found)


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("shared", [True, False])
def test_shape_and_gradient(norm, shared):
    check_gradient(tiny(norm, shared=shared))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("norm", ["post", "pre"])
def test_parity(dtype, norm):
    """The same random weights give torch.nn.Transformer's answers, padded sources among them."""
    their, model = reference(norm).to(dtype).eval(), tiny(norm).to(dtype).eval()
    load_into(model, by_our_names("transformer", their.state_dict()), source="theirs", skip=("head.",))
    said = sentences(7, seed=2)
    expected = theirs_of(model, their, sentences(), LENGTHS, said)
    ladder.close(model(sentences(), LENGTHS, said), expected)  # written out: it is to learn
    with torch.no_grad():
        ladder.close(model(sentences(), LENGTHS, said), expected)
        ladder.close(stepwise(model, sentences(), LENGTHS, said), expected)  # and a token at a time
    assert float(expected.std()) > 0.1


def test_gradients_agree_with_torch():
    their, model = reference().double(), tiny().double()
    load_into(model, by_our_names("transformer", their.state_dict()), source="theirs", skip=("head.",))
    said = sentences(7, seed=2)
    theirs_of(model, their, sentences(), LENGTHS, said).square().mean().backward()
    model.zero_grad()
    model(sentences(), LENGTHS, said).square().mean().backward()
    ladder.close(model.encoder.blocks[0].mlp.widen.weight.grad, their.encoder.layers[0].linear1.weight.grad)
    both = their.decoder.layers[1].multihead_attn.in_proj_weight.grad
    ladder.close(model.decoder.blocks[1].cross.query.weight.grad, both[:WIDTH])
    ladder.close(model.decoder.blocks[1].cross.key_value.weight.grad, both[WIDTH:])


def test_waves_are_the_paper_s():
    """Section 3.5: sine in even, cosine in odd numbers, of place / 10000^(2i / width)."""
    table = waves(50, 16)
    for place, pair in ((0, 0), (7, 1), (49, 7)):
        angle = place / 10_000 ** (2 * pair / 16)
        assert table[place, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-6)
        assert table[place, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_law_no_place_sees_what_it_is_to_say():
    model, said = tiny().eval(), sentences(7, seed=2)
    changed = said.clone()
    changed[:, 4] = said[:, 4] % (WORDS - 1) + 1
    with torch.no_grad():
        before, after = model(sentences(), None, said), model(sentences(), None, changed)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-3)


def test_law_what_fills_up_a_source_is_never_seen():
    model, said = tiny("pre").eval(), sentences(7, seed=2)
    other = sentences()
    other[1, 5:], other[2, 1:] = 7, 9
    with torch.no_grad():
        scores = model(sentences(), LENGTHS, said)
        assert torch.equal(scores, model(other, LENGTHS, said))
        alone = model(sentences()[1:2, :5], None, said[1:2])
    torch.testing.assert_close(alone, scores[1:2], rtol=1e-5, atol=1e-5)


def test_law_without_positions_a_source_is_a_bag_of_words():
    """The encoder alone knows no order: permuted vectors come out permuted; the waves make the difference."""
    model, places = tiny().eval(), torch.tensor([3, 0, 4, 1, 2])
    vectors = torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        plain, moved = model.encoder(vectors), model.encoder(vectors[:, places])
        torch.testing.assert_close(plain[:, places], moved, rtol=1e-5, atol=1e-5)
        told = model.encoder(model.places(vectors))[:, places]
        assert not torch.allclose(told, model.encoder(model.places(vectors[:, places])), atol=1e-2)


def test_deterministic_in_evaluation():
    model = tiny(block={"dropout": 0.3}).eval()
    given = (sentences(), LENGTHS, sentences(7, seed=2))
    assert torch.equal(model(*given), model(*given))
    assert not torch.equal(model.train()(*given), model(*given))


def test_maps_of_every_head_can_be_recorded_and_hide_the_filling():
    model = tiny().eval()
    with (
        torch.no_grad(),
        recording(model, ["decoder.blocks.1.cross.maps", "encoder.blocks.0.attention.maps"]) as seen,
    ):
        model(sentences(), LENGTHS, sentences(7, seed=2))
    looks = seen["decoder.blocks.1.cross.maps"]
    assert looks.shape == (3, 4, 7, 9)
    torch.testing.assert_close(looks.sum(-1), torch.ones(3, 4, 7))
    assert float(looks[1, :, :, 5:].abs().max()) == 0.0


def test_encoder_as_a_classifier_reads_each_text_alone():
    """The twin of the sentiment system: places, encoder, mean over a text's own tokens."""
    block = BlockConfig(**PAPER | {"heads": 4, "dropout": 0.0})
    encoder, places = TransformerEncoder(WIDTH, 2, block).eval(), Places(16, WIDTH)
    vectors = torch.randn(3, 9, WIDTH, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        together = mean_of(encoder(places(vectors), LENGTHS), LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = encoder(places(vectors[row : row + 1, :length]))
            torch.testing.assert_close(mean_of(alone, None)[0], together[row], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("variant", "million"), [("base", 63), ("big", 214)])
def test_parameters_are_about_the_paper_s(variant, million):
    """Table 3 says 65 and 213 million, with vocabularies that it does not name exactly."""
    with torch.device("meta"):
        model = build(TransformerConfig(**VARIANTS[variant]))
    assert round(sum(p.numel() for p in model.parameters()) / 1e6) == million


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"width": 30}, "4 heads"), ({"depth": 0}, "at least 1"), ({"vocabulary": 0}, "at least 1"),
     ({"block": {"norm": "both"}}, "norm"), ({"block": {"dropout": 1.0}}, "dropout")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        tiny(**wrong)


def test_what_is_no_text_is_refused():
    model = tiny()
    for wrong in (sentences().float(), sentences()[0], sentences(17)):
        with pytest.raises(ValueError, match=r"whole numbers \(batch, up to 16\)"):
            model(wrong, None, sentences())
        with pytest.raises(ValueError, match="expected an answer"):
            model(sentences(), None, wrong)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(first_losses(tiny()), FIRST_LOSSES, rtol=1e-3)


def test_learns_to_write_words_from_behind(tmp_path):
    """A few passes of the tiny recipe: far more right answers than any baseline has."""
    run = train_on_pairs("transformer", tmp_path, epochs=14)
    best = max(figures["exact_match"]["value"] for figures in run.card["baselines"].values())
    assert run.card["metrics"]["exact_match"]["low"] > 0.3 > 0.1 > best


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe on words it has not seen."""
    found = train_on_pairs("transformer", tmp_path).evaluate().judgement
    assert found.metrics["exact_match"].low >= 0.9


def test_exports(tmp_path):
    check_exports(tiny(depth=1), tmp_path)


def test_foreign_weights_load_and_go_back():
    their, model = reference("pre").state_dict(), tiny("pre")
    assert names.is_theirs(their) and not names.is_theirs(model.state_dict())
    load_into(model, by_our_names("transformer", their), source="theirs", skip=("head.",))
    back = names.to_theirs(model.state_dict())
    assert back.keys() == their.keys()
    assert all(torch.equal(back[name], their[name]) for name in their)


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in first_losses(tiny())) + "]")
