"""Word shares: they sum to the difference, equal what can be computed by hand, and are checked by removal."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.core.page import Page
from glassworks.insight import words
from glassworks.insight.words import gradient_shares, log_odds, logit, occlusion_shares, removal
from glassworks.insight.words_page import drawn_words, share_table
from glassworks.models.sequence.sentiment import SentimentConfig, build
from tests.models.ladder import seeded

WORDS, BLANK = 30, 1
TEXT = np.array([4, 9, 17, 9, 22, 5])


class Sum(nn.Module):
    """A linear model of the sum of word vectors, of which all shares are known."""

    class Config:
        vocabulary = WORDS

    def __init__(self):
        super().__init__()
        self.config = self.Config()
        self.places = nn.Embedding(7, 3)  # a table that is not of words
        self.token_embedding = nn.Embedding(WORDS, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, tokens, lengths):
        return self.head(self.token_embedding(tokens).sum(1))


def reader(**changes):
    small = {"vocabulary": WORDS, "classes": 3, "embedding": 8, "width": 6}
    model = seeded(lambda: build(SentimentConfig(**small | changes)))
    with torch.no_grad():
        model.token_embedding.weight[1:].mul_(20)  # far from linear
    return model


READERS = {"lstm": {}, "transformer": {"reader": "transformer", "pooling": "mean", "heads": 2}}


def test_a_linear_model_s_shares_are_its_weights():
    model = seeded(Sum)
    table, weight = model.token_embedding.weight.detach(), model.head.weight.detach()[1]
    expected = ((table[TEXT] - table[BLANK]) @ weight).double().numpy()
    for method in (gradient_shares, occlusion_shares):
        np.testing.assert_allclose(method(model, TEXT, logit(1), blank=BLANK).shares, expected, atol=1e-5)


@pytest.mark.parametrize("kind", READERS)
def test_integrated_gradients_sum_to_the_difference(kind):
    """Completeness, measured and reported; more steps are taken until it holds."""
    model = reader(**READERS[kind]).train()
    found = gradient_shares(model, TEXT, log_odds(2), blank=BLANK)
    with torch.no_grad():
        ends = torch.from_numpy(np.stack([TEXT, np.full(6, BLANK)]))
        scores = log_odds(2)(model.eval()(ends, torch.tensor([6, 6])))
    assert found.score == pytest.approx(float(scores[0]), abs=1e-5)
    assert found.blank == pytest.approx(float(scores[1]), abs=1e-5)
    assert abs(found.score - found.blank) > 0.05
    assert found.shares.sum() == pytest.approx(found.score - found.blank, abs=0.011)
    assert found.gap == pytest.approx(abs(found.shares.sum() - found.score + found.blank), abs=1e-5)


def test_steps_are_doubled_until_the_sum_is_close(monkeypatch):
    monkeypatch.setattr(words, "STEPS", 1)
    model = reader()
    found = gradient_shares(model, TEXT, log_odds(0), blank=BLANK)
    assert found.steps > 1 and found.gap <= 0.01 * max(1, abs(found.score - found.blank))
    monkeypatch.setattr(words, "MOST_STEPS", 1)
    rough = gradient_shares(model, TEXT, log_odds(0), blank=BLANK)
    assert rough.steps == 1 and rough.gap > found.gap  # said, not hidden


def test_the_model_is_left_as_it_was():
    model = reader().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradient_shares(model, TEXT, log_odds(0), blank=BLANK)
    occlusion_shares(model, TEXT, log_odds(0), blank=BLANK)
    assert model.training and not model.token_embedding._forward_hooks
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_occlusion_asks_what_is_lost_without_each_word():
    model = reader().eval()
    found = occlusion_shares(model, TEXT, log_odds(1), blank=BLANK)
    without = TEXT.copy()
    without[2] = BLANK
    with torch.no_grad():
        rows = torch.from_numpy(np.stack([TEXT, without]))
        first, second = log_odds(1)(model(rows, torch.tensor([6, 6])))
    assert found.shares[2] == pytest.approx(float(first - second), abs=1e-5) and found.gap is None


def test_kept_tokens_and_unknown_ones_have_no_share():
    kept = np.array([True, False, False, False, False, True])
    tokens = TEXT.copy()
    tokens[3] = BLANK
    for method in (gradient_shares, occlusion_shares):
        shares = method(reader(), tokens, log_odds(0), blank=BLANK, kept=kept).shares
        assert (shares[[0, 3, 5]] == 0).all() and (shares[[1, 2, 4]] != 0).all()


def test_log_odds_ignore_a_shift_of_all_logits():
    outputs = torch.tensor([[0.2, 1.5, -0.3]])
    score = log_odds(1)
    chance = outputs.softmax(1)[0, 1]
    assert float(score(outputs)) == pytest.approx(float((chance / (1 - chance)).log()), abs=1e-6)
    assert float(score(outputs + 7)) == pytest.approx(float(score(outputs)), abs=1e-5)


def test_taking_the_words_away_tells_true_shares_from_wrong_ones():
    model = seeded(Sum)
    shares = gradient_shares(model, TEXT, logit(1), blank=BLANK).shares
    true = removal(model, TEXT, shares, logit(1), blank=BLANK, share=0.34)
    wrong = removal(model, TEXT, -shares, logit(1), blank=BLANK, share=0.34)
    assert true.count == 2 and true.holds and not wrong.holds and wrong.without > true.without
    assert removal(model, TEXT[:1], shares[:1], logit(1), blank=BLANK) is None
    assert removal(model, np.full(4, BLANK), np.zeros(4), logit(1), blank=BLANK) is None


def test_a_model_without_words_is_refused():
    with pytest.raises(ValueError, match="no table"):
        gradient_shares(nn.Linear(3, 2), TEXT, logit(0), blank=BLANK)


def test_the_drawing_keeps_the_text_and_escapes_it():
    drawn = drawn_words("Not <b>bad</b>,\n  I say!", ["Not", "bad", ",", "I", "say", "!"], np.arange(-2, 3))
    assert "<b>" not in drawn and "&lt;b&gt;" in drawn and ",\n" not in drawn.split("Not")[0]
    assert "+2.000" in drawn and "underline" in drawn and 'title="not seen">!</span>' in drawn
    assert len(Page("words").html(drawn).render()) > 0


def test_the_table_names_the_strongest_words_of_both_sides():
    head, rows = share_table(["a", "b", "c", "d"], np.array([0.5, -2.0, 1.0, 0.0]), most=3)
    assert head[0] == "speaks for it" and rows == [["c", "+1.00", "b", "−2.00"], ["a", "+0.50", "", ""]]
