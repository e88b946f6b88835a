"""Surprise over a text and cells that follow it: nothing of the text is lost, and a planted cell is found."""

import html
import re

import numpy as np
import pytest
import torch

from glassworks.insight.cells import coloured_memory, followers, memories, properties
from glassworks.insight.surprise import chance_words, coloured
from glassworks.models.sequence.gru import GRU
from glassworks.models.sequence.lstm import LSTM

TEXT = 'She <said> "no & never".\n\nThen "yes".'


def plain(markup):
    return html.unescape(re.sub(r"<[^>]+>", "", markup.partition('<p class="note"')[0]))


def test_the_text_comes_back_whole_and_escaped():
    pieces = re.findall(r"\w+|[^\w\s]", TEXT)  # spaces belong to no token
    markup = coloured(pieces, np.linspace(0, 9, len(pieces)), TEXT, ["<b>"] * len(pieces))
    assert plain(markup) == TEXT.rstrip()
    assert "<said>" not in markup and "chance 100 %; &lt;b&gt;" in markup
    assert "1 in 8,103" in markup


@pytest.mark.parametrize(("nats", "words"), [(0.0, "100 %"), (2.0, "14 %"), (4.0, "1.8 %"), (1e9, "1 in ")])
def test_chances_in_words(nats, words):
    assert chance_words(nats).startswith(words)


def test_darker_means_rarer():
    shades = re.findall(r"warn\) (\d+)%", coloured(list("abcde"), np.array([0.1, 1, 3, 6, 9]), "abcde"))[:5]
    assert [int(shade) for shade in shades] == sorted(int(shade) for shade in shades)
    assert len(set(shades)) == 5


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_memories_are_those_of_the_layer(kind):
    torch.manual_seed(1)
    layer, steps = kind(4, 6, 2).eval(), torch.randn(1, 11, 4)
    found = memories(layer, steps)
    with torch.no_grad():
        _, state = layer(steps)
    assert [memory.shape for memory in found] == [(11, 6), (11, 6)]
    for number, memory in enumerate(found):
        np.testing.assert_allclose(memory[-1], state[-1][number, 0].tanh().numpy(), atol=1e-5)


def test_properties_of_a_text():
    found = properties(list(TEXT))
    quoted = "".join(
        letter for letter, inside in zip(TEXT, found["whether it is inside quotation marks"]) if inside
    )
    assert quoted == '"no & never"yes'
    assert found["how far the line has come"][TEXT.index("T")] == 1
    assert found["how far the word has come"][TEXT.index("d>")] == 4


def test_a_cell_that_follows_the_line_is_found_and_chance_is_not():
    dice = np.random.default_rng(2)
    pieces = list(("x" * 30 + "\n") * 40)
    noise = dice.normal(size=(len(pieces), 50))
    assert followers([noise], properties(pieces)) == []
    noise[:, 17] = -properties(pieces)["how far the line has come"] + dice.normal(size=len(pieces))
    first = followers([dice.normal(size=noise.shape), noise], properties(pieces))[0]
    assert (first.layer, first.cell) == (2, 18) and first.held < -0.9
    assert plain(coloured_memory(pieces, first, 100)) == "".join(pieces[:100])
    assert followers([noise[:300]], {k: v[:300] for k, v in properties(pieces).items()}) == []  # too short
