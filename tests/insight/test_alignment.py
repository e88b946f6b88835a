"""What an answer looked at: the weights are the model's, the check is what leaving out does."""

import numpy as np
import pytest
import torch

from glassworks.insight.alignment import (
    alignments,
    falls_without,
    look_layers,
    matrix_svg,
    rank_correlation,
    small_svg,
)
from glassworks.models.sequence.seq2seq import Seq2SeqConfig
from glassworks.models.sequence.seq2seq import build as build_seq2seq
from glassworks.models.sequence.transformer import TransformerConfig
from glassworks.models.sequence.transformer import build as build_transformer

SOURCE, SAID = torch.tensor([5, 7, 9, 3]), torch.tensor([2, 8, 6, 3])


def transformer():
    torch.manual_seed(0)
    return build_transformer(
        TransformerConfig(vocabulary=20, context=12, width=16, depth=2, block={"heads": 2, "dropout": 0.3})
    )


def seq2seq(attention):
    torch.manual_seed(0)
    return build_seq2seq(Seq2SeqConfig(vocabulary=20, context=12, width=8, hidden=6, attention=attention))


def test_only_looks_at_the_source_are_taken():
    assert look_layers(transformer()) == ["decoder.blocks.0.cross.maps", "decoder.blocks.1.cross.maps"]
    assert look_layers(seq2seq("additive")) == ["attention.maps"]
    assert look_layers(seq2seq("none")) == []


@pytest.mark.parametrize("model", [transformer(), seq2seq("additive"), seq2seq("multiplicative")])
def test_every_token_of_the_answer_has_its_row(model):
    model.train()  # dropout would change the drawing
    found = alignments(model, SOURCE, SAID)
    assert found.mean.shape == (3, 4)
    np.testing.assert_allclose(found.mean.sum(1), 1.0, atol=1e-5)
    for weights in found.layers.values():
        assert weights.shape[1:] == (3, 4)
    again = alignments(model, SOURCE, SAID)
    assert np.array_equal(found.mean, again.mean) and model.training


def test_falls_are_what_leaving_a_token_out_does():
    model = transformer().eval()

    def total(source):
        with torch.no_grad():
            chances = model(source[None], None, SAID[None, :-1]).log_softmax(-1)[0]
        return float(sum(chances[place, token] for place, token in enumerate(SAID[1:])))

    falls = falls_without(model, SOURCE, SAID)
    for place in range(4):
        kept = torch.cat([SOURCE[:place], SOURCE[place + 1 :]])
        assert falls[place] == pytest.approx(total(SOURCE) - total(kept), abs=1e-4)
    assert falls_without(model, SOURCE[-1:], SAID).tolist() == [0.0]


def test_rank_correlation_is_spearman_s():
    from scipy.stats import spearmanr

    one, other = np.array([3.0, 1.0, 4.0, 1.0, 5.0]), np.array([9.0, 2.0, 6.0, 5.0, 3.0])
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-5)
    assert rank_correlation(one, np.ones(5)) == 0.0


def test_drawings_hold_every_word_escaped():
    weights = np.array([[0.9, 0.1], [0.004, 0.996]])
    drawn = matrix_svg(weights, ["<b>", "end"], ["a&b", "end"])
    assert "&lt;b&gt;" in drawn and "a&amp;b" in drawn and "<b>" not in drawn
    assert drawn.count("<rect") == 3 and 'fill-opacity="0.90"' in drawn  # what cannot be seen is not drawn
    assert "&lt;b&gt; from a&amp;b: 0.90" in drawn
    assert small_svg(weights, "block 1, head 2").count("<rect") == 3
