"""Reader and writer climb the ladder: parity with torch's recurrent layers and attention written as loops."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.insight.record import recording
from glassworks.models.sequence.seq2seq import VARIANTS, Seq2SeqConfig, build
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

# To change these on purpose: run `python -m tests.models.sequence.test_seq2seq`, paste what it prints, and
# say in the commit why the losses moved.
FIRST_LOSSES = [
    3.696566, 3.671947, 3.651001, 3.632580, 3.607285, 3.578135, 3.548245, 3.524610, 3.514173, 3.472898
]  # fmt: skip
WIDTH, HIDDEN = 16, 12
KINDS = [
    (attention, cell) for attention in ("additive", "multiplicative", "none") for cell in ("gru", "lstm")
]


def tiny(attention="additive", cell="gru", **changes):
    shape = {"vocabulary": WORDS, "context": 16, "width": WIDTH, "hidden": HIDDEN, "attention": attention}
    return ladder.seeded(lambda: build(Seq2SeqConfig(**shape | {"cell": cell} | changes)))


def as_torch(layer, kind):
    """torch's own layer with the weights of ours."""
    made = {"gru": nn.GRU, "lstm": nn.LSTM}[kind](
        layer.inputs, layer.width, layer.layers, batch_first=True, bidirectional=layer.directions == 2
    ).to(layer.cells[0].from_input.weight.dtype)
    for number, cells in enumerate(layer.stacked()):
        for cell, ending in zip(cells, ("", "_reverse")):
            for name, value in zip(
                ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), cell.weights(), strict=True
            ):
                getattr(made, f"{name}_l{number}{ending}").data.copy_(value.data)
    return made


def scores_by_loops(model, kind, source, lengths, said):
    """The answer of torch's layers and of attention written out, a sentence and a token at a time."""
    reader, writer, config, rows = (
        as_torch(model.reader, kind),
        as_torch(model.writer, kind),
        model.config,
        [],
    )
    for row, length in enumerate(lengths.tolist()):
        memory, ends = reader(model.vectors(source[row : row + 1, :length]))
        state = []
        for bridge, end in zip(model.bridge, ends if kind == "lstm" else (ends,)):
            ahead, back = end.view(config.layers, 2, HIDDEN).unbind(1)
            state.append(bridge(torch.cat([ahead, back], -1)).tanh()[:, None])  # (layers, 1, hidden)
        scores, fed = [], torch.zeros(WIDTH).to(memory)
        for token in said[row]:
            given = model.vectors(token)[None, None]  # (1, 1, width)
            if config.attention == "additive":
                looked = look(model, state[0][-1, 0], memory[0])
                given = torch.cat([given, looked[None, None]], -1)
            if config.attention == "multiplicative":
                given = torch.cat([given, fed[None, None]], -1)
            output, state = writer(given, tuple(state) if kind == "lstm" else state[0])
            state = list(state) if kind == "lstm" else [state]
            found = output[0, 0]
            if config.attention == "multiplicative":
                looked = look(model, found, memory[0])
            if config.attention != "none":
                found = torch.cat([found, looked])
            fed = model.join(found).tanh()
            scores.append(model.head(fed))
        rows.append(torch.stack(scores))
    return torch.stack(rows)


def look(model, state, memory):
    """What a state finds in the memory (source, seen), place by place."""
    own = model.attention
    if model.config.attention == "additive":
        fits = [own.score((own.query(state) + own.keys(place)).tanh())[0] for place in memory]
    else:
        fits = [state @ own.keys(place) for place in memory]
    weights = torch.stack(fits).softmax(0)
    return sum(weight * place for weight, place in zip(weights, memory))


@pytest.mark.parametrize(("attention", "cell"), KINDS)
def test_shape_and_gradient(attention, cell):
    check_gradient(tiny(attention, cell, layers=2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("attention", "cell"), KINDS)
def test_parity(attention, cell, dtype):
    """The same weights give the answers of torch's layers, which see no filling at all."""
    model, said = tiny(attention, cell, layers=2).to(dtype).eval(), sentences(7, seed=2)
    with torch.no_grad():
        expected = scores_by_loops(model, cell, sentences(), LENGTHS, said)
        ladder.close(model(sentences(), LENGTHS, said), expected)
        ladder.close(stepwise(model, sentences(), LENGTHS, said), expected)
    assert float(expected.std()) > 0.01


def test_law_no_place_sees_what_it_is_to_say():
    for attention in ("additive", "multiplicative"):
        model, said = tiny(attention).eval(), sentences(7, seed=2)
        changed = said.clone()
        changed[:, 4] = said[:, 4] % (WORDS - 1) + 1
        with torch.no_grad():
            before, after = model(sentences(), None, said), model(sentences(), None, changed)
        assert torch.equal(before[:, :4], after[:, :4])
        assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-5)


def test_law_what_fills_up_a_source_is_never_seen():
    other = sentences()
    other[1, 5:], other[2, 1:] = 7, 9
    for attention, cell in KINDS:
        model, said = tiny(attention, cell).eval(), sentences(7, seed=2)
        with torch.no_grad():
            scores, filled = model(sentences(), LENGTHS, said), model(other, LENGTHS, said)
        torch.testing.assert_close(scores, filled, rtol=1e-6, atol=1e-7)


def test_law_without_attention_the_source_is_two_states():
    """What the writer of "none" gets is as large for a long source as for a short one."""
    states = tiny("none", "lstm").begin(sentences(), LENGTHS)
    assert states.fixed == () and [one.shape for one in states.moving] == [(3, 1, HIDDEN)] * 2
    memory = tiny("multiplicative", "lstm").begin(sentences(), LENGTHS).fixed[2]
    assert memory.shape == (3, 9, 2 * HIDDEN)


def test_deterministic_in_evaluation():
    model = tiny(dropout=0.4).eval()
    given = (sentences(), LENGTHS, sentences(7, seed=2))
    assert torch.equal(model(*given), model(*given))
    assert not torch.equal(model.train()(*given), model(*given))


def test_maps_can_be_recorded_and_hide_the_filling():
    for attention in ("additive", "multiplicative"):
        model = tiny(attention).eval()
        with torch.no_grad(), recording(model, ["attention.maps"]) as seen:
            model(sentences(), LENGTHS, sentences(7, seed=2)[:, :1])
        looks = seen["attention.maps"]
        torch.testing.assert_close(looks.sum(-1), torch.ones(3, 1, 1))
        assert looks.shape == (3, 1, 1, 9) and float(looks[1, :, :, 5:].abs().max()) == 0.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"hidden": 0}, "at least 1"), ({"cell": "rnn"}, "cell"), ({"attention": "dot"}, "attention"),
     ({"dropout": 1.0}, "dropout")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Seq2SeqConfig(**wrong)
    assert all(Seq2SeqConfig(**shape).attention == name for name, shape in VARIANTS.items())


def test_what_is_no_text_is_refused():
    for wrong in (sentences().float(), sentences()[0], sentences(17)):
        with pytest.raises(ValueError, match=r"expected a source as whole numbers \(batch, up to 16\)"):
            tiny()(wrong, None, sentences())
        with pytest.raises(ValueError, match="expected an answer"):
            tiny()(sentences(), None, wrong)


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(first_losses(tiny()), FIRST_LOSSES, rtol=1e-3)


def test_learns_to_write_words_from_behind(tmp_path):
    """A few passes of the tiny recipe: far more right answers than any baseline has."""
    run = train_on_pairs("seq2seq", tmp_path, epochs=14, variant="multiplicative")
    best = max(figures["exact_match"]["value"] for figures in run.card["baselines"].values())
    assert run.card["metrics"]["exact_match"]["low"] > 0.3 > 0.1 > best


@pytest.mark.long
@pytest.mark.parametrize("variant", ["additive", "multiplicative"])
def test_tiny_recipe_reaches_its_floor(tmp_path, variant):
    """Floor of the tiny recipe on words it has not seen."""
    found = train_on_pairs("seq2seq", tmp_path, variant=variant).evaluate().judgement
    assert found.metrics["exact_match"].low >= 0.85


def test_exports(tmp_path):
    """For any batch; the loop over time is written out, so the lengths are those it was made with."""
    check_exports(tiny("additive"), tmp_path, any_length=False)


def test_foreign_weights_of_torch_s_layers_load_and_go_back():
    """A layer's weights by torch's names are ours in order: there, and back again."""
    model = tiny(cell="lstm", layers=2)
    their = as_torch(model.reader, "lstm").state_dict()
    ours = [weight for cells in model.reader.stacked() for cell in cells for weight in cell.weights()]
    assert len(ours) == len(their)
    assert all(torch.equal(one, other) for one, other in zip(ours, their.values(), strict=True))


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in first_losses(tiny())) + "]")
