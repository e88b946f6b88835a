"""Writing: greedy and beams against every answer there is, on a model whose chances are a table."""

import itertools

import pytest
import torch

from glassworks.blocks.attention import CrossAttention, SelfAttention, attend
from glassworks.blocks.beam_search import State, length_penalty, write

START, END, WORDS = 0, 1, 4  # tokens 2 and 3 are words
MOST = 4


class Table:
    """A model that knows of each text and each beginning the chances of the next token, drawn at random."""

    def __init__(self, seed=0, texts=3):
        generator = torch.Generator().manual_seed(seed)
        self.scores = {
            (text, before): 2 * torch.randn(WORDS, generator=generator)
            for text in range(texts)
            for length in range(MOST + 1)
            for before in itertools.product((2, 3), repeat=length)
        }

    def begin(self, source, lengths=None):
        return State((source[:, 0],), (torch.zeros(len(source), 0, dtype=torch.long),))

    def step(self, tokens, state):
        said = torch.cat([state.moving[0], tokens[:, None]], 1)
        scores = [
            self.scores.get(
                (text, tuple(row[1:])), torch.zeros(WORDS)
            )  # beams without a chance are asked too
            for text, row in zip(state.fixed[0].tolist(), said.tolist(), strict=True)
        ]
        return torch.stack(scores), State(state.fixed, (said,))

    def chances(self, text, answer):
        """Log probability of an answer with its end."""
        total = 0.0
        for place, token in enumerate([*answer, END]):
            scores = self.scores[text, tuple(answer[:place])].clone()
            total += float(scores.log_softmax(-1)[token])
        return total

    def best(self, text, penalty):
        """The best answer of all, by trying every one."""
        every = [a for length in range(MOST + 1) for a in itertools.product((2, 3), repeat=length)]
        return max(every, key=lambda a: self.chances(text, a) / length_penalty(len(a) + 1, penalty))


def texts(count=3):
    return torch.arange(count)[:, None]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
def test_as_many_beams_as_beginnings_find_the_best_of_all_answers(penalty):
    for seed in range(4):
        model = Table(seed)
        found = write(model, texts(), None, start=START, end=END, most=MOST, beams=16, penalty=penalty)
        for text, one in enumerate(found):
            assert one.tokens == model.best(text, penalty) and one.ended
            expected = model.chances(text, one.tokens) / length_penalty(len(one.tokens) + 1, penalty)
            assert one.score == pytest.approx(expected, abs=1e-5)


def test_greedy_takes_the_likeliest_token_and_beams_are_never_worse():
    better = 0
    for seed in range(12):
        model = Table(seed)
        greedy = write(model, texts(), None, start=START, end=END, most=MOST, penalty=0.0)
        wide = write(model, texts(), None, start=START, end=END, most=MOST, beams=16, penalty=0.0)
        for text, (one, other) in enumerate(zip(greedy, wide, strict=True)):
            said = []
            while len(said) < MOST:
                scores = model.scores[text, tuple(said)].clone()
                scores[START] = -torch.inf
                if (token := int(scores.argmax())) == END:
                    break
                said.append(token)
            assert one.tokens == tuple(said)
            if one.ended:
                assert other.score >= one.score - 1e-6
                better += other.score > one.score + 1e-6
    assert better > 3


def test_texts_do_not_disturb_each_other():
    model = Table(3)
    for beams in (1, 3):
        settings = {"start": START, "end": END, "most": MOST, "beams": beams}
        together = write(model, texts(), None, **settings)
        for text in range(3):
            alone = write(model, texts()[text : text + 1], None, **settings)[0]
            assert alone.tokens == together[text].tokens
            assert alone.score == pytest.approx(together[text].score, abs=1e-6)


def test_what_never_ends_is_cut_and_says_so():
    model = Table(1)
    for scores in model.scores.values():
        scores[END] = -1e9
    for beams in (1, 3):
        found = write(model, texts(), None, start=START, end=END, most=2, beams=beams)
        assert all(len(one.tokens) == 2 for one in found)
        assert not any(one.ended for one in found) or beams > 1


def test_tokens_that_are_never_said_are_not_said():
    found = write(Table(2), texts(), None, start=START, end=END, most=MOST, beams=4, never=(2,))
    assert not any(2 in one.tokens for one in found)


def test_a_longer_answer_is_not_punished_for_its_length():
    assert length_penalty(9, 0.0) == 1.0
    assert length_penalty(7, 1.0) == 2.0  # (5 + 7) / 6, formula 14 of Wu et al.


def test_nonsense_is_refused():
    for wrong in ({"beams": 0}, {"most": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            write(Table(), texts(), None, **{"start": START, "end": END, "most": 3} | wrong)


# ---- attention that remembers


def test_continued_attention_is_the_causal_one_in_pieces():
    torch.manual_seed(0)
    layer, tokens = SelfAttention(16, 4, causal=True).double().eval(), torch.randn(2, 7, 16).double()
    whole, past, parts = layer(tokens), None, []
    for piece in tokens.split([3, 1, 3], dim=1):  # also several tokens after a past
        found, past = layer.continued(piece, past)
        parts.append(found)
    torch.testing.assert_close(torch.cat(parts, 1), whole)
    assert past is not None and past[0].shape == (2, 4, 7, 4)


def test_both_paths_of_attention_hide_the_future_of_the_last_queries():
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 4, 3, 8), torch.randn(2, 4, 7, 8), torch.randn(2, 4, 7, 8)
    fused = attend(query, key, value, causal=True)
    written = attend(query, key, value, causal=True, bias=torch.zeros(3, 7))
    torch.testing.assert_close(fused, written, rtol=1e-5, atol=1e-5)
    other = value.clone()
    other[:, :, 5:] = 9.0  # places after that of the first query
    torch.testing.assert_close(attend(query, key, other, causal=True)[:, :, 0], fused[:, :, 0])


def test_cross_attention_is_torch_s():
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True).double()
    ours = CrossAttention(16, 4).double()
    with torch.no_grad():
        ours.query.weight.copy_(theirs.in_proj_weight[:16])
        ours.key_value.weight.copy_(theirs.in_proj_weight[16:])
        for one in (ours.query, ours.key_value, ours.projection, theirs.out_proj):
            one.bias.zero_()
        ours.projection.weight.copy_(theirs.out_proj.weight)
    tokens, memory = torch.randn(2, 3, 16).double(), torch.randn(2, 5, 16).double()
    torch.testing.assert_close(ours(tokens, memory), theirs(tokens, memory, memory)[0])
    with pytest.raises(ValueError, match="cannot be divided"):
        CrossAttention(15, 4)
