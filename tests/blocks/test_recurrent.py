"""Recurrent layers: equal to torch's, written out or fused, in all forms, and exact over padding."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from glassworks.blocks.recurrent import last, turned
from glassworks.models.sequence.gru import GRU, GRUCell
from glassworks.models.sequence.lstm import LSTM, LSTMCell
from glassworks.models.sequence.rnn import RNN, RNNCell
from glassworks.weights.names import recurrent as names
from tests.models import ladder

KINDS = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
FORMS = [(1, False), (2, False), (1, True), (3, True)]
LENGTHS = torch.tensor([4, 7, 1, 5])


def pair(kind, layers=1, bidirectional=False, dtype=torch.float64, inputs=3, width=5):
    """Our layer and torch's with the same random weights."""
    theirs = ladder.seeded(
        lambda: KINDS[kind](inputs, width, layers, batch_first=True, bidirectional=bidirectional)
    ).to(dtype)
    ours = kind(inputs, width, layers, bidirectional).to(dtype)
    ours.load_state_dict(names.to_ours(theirs.state_dict()))
    return ours, theirs


def sequences(dtype=torch.float64, batch=4, time=7, inputs=3):
    return torch.randn(batch, time, inputs, dtype=dtype, generator=torch.Generator().manual_seed(1))


def as_state(theirs):
    return theirs if isinstance(theirs, tuple) else (theirs,)


@kinds
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("layers", "bidirectional"), FORMS)
@pytest.mark.parametrize("fused", [True, False])
def test_parity_with_torch(kind, dtype, layers, bidirectional, fused):
    ours, theirs = pair(kind, layers, bidirectional, dtype)
    ours.fused = fused
    steps = sequences(dtype)
    outputs, state = ours(steps)
    expected, ends = theirs(steps)
    ladder.close(outputs.detach(), expected.detach())
    for one, other in zip(state, as_state(ends), strict=True):
        ladder.close(one.detach(), other.detach())
    assert float(expected.detach().std()) > 0.1


@kinds
@pytest.mark.parametrize(("layers", "bidirectional"), FORMS)
@pytest.mark.parametrize("fused", [True, False])
def test_parity_with_packed_sequences(kind, layers, bidirectional, fused):
    """Outputs, states and gradients over padding are those of torch's packed form."""
    ours, theirs = pair(kind, layers, bidirectional)
    ours.fused = fused
    steps = sequences().requires_grad_()
    outputs, state = ours(steps, LENGTHS)
    packed, ends = theirs(pack_padded_sequence(steps, LENGTHS, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    ladder.close(outputs.detach(), expected.detach())
    for one, other in zip(state, as_state(ends), strict=True):
        ladder.close(one.detach(), other.detach())
    mine, reference = (
        torch.autograd.grad(
            (out * weights(out)).sum() + sum((part * weights(part)).sum() for part in parts),
            [steps, *model.parameters()],
        )
        for out, parts, model in ((outputs, state, ours), (expected, as_state(ends), theirs))
    )
    ladder.close(mine[0], reference[0])
    given = dict(zip([name for name, _ in ours.named_parameters()], mine[1:], strict=True))
    for (name, _), gradient in zip(theirs.named_parameters(), reference[1:], strict=True):
        ladder.close(given[next(iter(names.to_ours({name: gradient})))], gradient)


def weights(tensor):
    return torch.randn(tensor.shape, dtype=tensor.dtype, generator=torch.Generator().manual_seed(2))


@kinds
def test_a_cell_is_torchs_cell_and_its_size_is_the_stated_one(kind):
    """Input 10, state 20: one step of batch 1, difference 0; 640 parameters for the plain one (T45)."""
    ours = kind.cell(10, 20)
    theirs = getattr(nn, kind.cell.__name__)(10, 20)
    theirs.load_state_dict(
        {"weight_ih": ours.from_input.weight, "weight_hh": ours.from_state.weight,
         "bias_ih": ours.from_input.bias, "bias_hh": ours.from_state.bias}
    )  # fmt: skip
    step = torch.randn(1, 10, generator=torch.Generator().manual_seed(3))
    state = tuple(
        torch.randn(1, 20, generator=torch.Generator().manual_seed(4)).tanh() for _ in range(ours.STATES)
    )
    expected = as_state(theirs(step, state if len(state) > 1 else state[0]))
    for one, other in zip(ours(step, state), expected, strict=True):
        assert one.shape == (1, 20)
        torch.testing.assert_close(one, other, rtol=0, atol=0 if kind is RNN else 2e-7)
    assert sum(p.numel() for p in ours.parameters()) == 640 * len(ours.GATES)
    assert ours(step, state)[0].abs().max() <= 1


def test_parameters_are_the_stated_ones():
    """GRU and LSTM of T51 (ratio .75 exactly), the LSTM of the forecaster (T47)."""

    def count(layer):
        return sum(p.numel() for p in layer.parameters())

    assert (count(GRU(1, 64, 2)), count(LSTM(1, 64, 2))) == (37_824, 50_432)
    assert (count(GRU(128, 256)), count(LSTM(128, 256))) == (296_448, 395_264)
    assert count(GRU(1, 64, 2)) / count(LSTM(1, 64, 2)) == 0.75


def test_gradient_of_an_enlarged_identity_explodes():
    """Fifty steps near zero through 1.5 times the identity: 1.5^50 = 6.376e8 (T46)."""
    layer = RNN(1, 4).double()
    cell = layer.cells[0]
    with torch.no_grad():
        cell.from_state.weight.copy_(1.5 * torch.eye(4))
        for part in (cell.from_input.weight, cell.from_input.bias, cell.from_state.bias):
            part.zero_()
    start = torch.full((1, 1, 4), 1e-15, dtype=torch.float64, requires_grad=True)
    layer.fused = False
    _, (end,) = layer(torch.zeros(1, 50, 1, dtype=torch.float64), state=(start,))
    (gradient,) = torch.autograd.grad(end[0, 0, 0], start)
    assert float(gradient[0, 0, 0]) == pytest.approx(6.376e8, rel=1e-3)
    assert float(gradient.norm()) == pytest.approx(1.5**50, rel=1e-6)


@kinds
def test_law_padding_changes_nothing(kind):
    """A sequence answers alone as it does in a batch, whatever stands in the padding."""
    ours, _ = pair(kind, 2, True)
    steps = sequences()
    filled = steps.clone()
    for row, length in enumerate(LENGTHS):
        filled[row, length:] = 1e6
    outputs, state = ours(steps, LENGTHS)
    other, same = ours(filled, LENGTHS)
    assert torch.equal(outputs, other) and all(torch.equal(a, b) for a, b in zip(state, same, strict=True))
    for row, length in enumerate(LENGTHS):
        alone, end = ours(steps[row : row + 1, :length])
        ladder.close(outputs[row : row + 1, :length].detach(), alone.detach())
        assert not outputs[row, length:].any()
        for one, whole in zip(end, state, strict=True):
            ladder.close(whole[:, row : row + 1].detach(), one.detach())
    torch.testing.assert_close(
        last(outputs, LENGTHS), torch.stack([o[n - 1] for o, n in zip(outputs, LENGTHS, strict=True)])
    )


@kinds
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_law_a_carried_state_equals_the_full_pass(kind, dtype):
    """Step by step with the state carried, and in two halves with lengths, as all at once."""
    ours = ladder.seeded(lambda: kind(3, 5, 2)).to(dtype)
    steps = sequences(dtype)
    whole, end = ours(steps)
    state, outputs = None, []
    for time in range(steps.shape[1]):
        out, state = ours(steps[:, time : time + 1], state=state)
        outputs.append(out)
    bound = 1e-6 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(torch.cat(outputs, 1), whole, rtol=0, atol=bound)
    for one, other in zip(state, end, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=bound)
    firsts = torch.tensor([3, 3, 1, 2])
    _, state = ours(steps[:, :3], firsts)
    rest = torch.stack([torch.cat([row[n : n + 4]]) for row, n in zip(steps, firsts, strict=True)])
    again, _ = ours(rest, state=state)
    expected = torch.stack([row[n : n + 4] for row, n in zip(whole, firsts, strict=True)])
    torch.testing.assert_close(again, expected, rtol=0, atol=bound)


@kinds
def test_both_paths_draw_the_same_dropout(kind):
    """The mask falls between the layers in either path, so that training does not depend on the path."""
    layer = ladder.seeded(lambda: kind(3, 5, 3, True, dropout=0.5)).double()
    found = []
    for layer.fused in (True, False):
        torch.manual_seed(7)
        found.append(layer(sequences(), LENGTHS)[0])
    ladder.close(found[0].detach(), found[1].detach())
    assert not torch.equal(found[0], layer(sequences(), LENGTHS)[0])
    layer.eval()
    assert torch.equal(layer(sequences())[0], layer(sequences())[0])


@kinds
def test_who_listens_to_a_cell_hears_every_step(kind):
    """The fused kernel is left where a cell is listened to, replaced in part, or told not to be used."""
    layer = kind(3, 5, 2)
    assert layer.fused_fits()
    heard = []
    with torch.no_grad():
        handle = layer.cells[1].register_forward_hook(lambda *given: heard.append(given[2]))
        layer(sequences(torch.float32))
        handle.remove()
    assert len(heard) == 7 and layer.fused_fits()
    layer.cells[0].from_state = nn.Sequential(nn.Linear(5, layer.cells[0].from_state.out_features))
    assert not layer.fused_fits()


def test_turned_reverses_each_sequence_within_its_length():
    steps = torch.arange(1.0, 9.0).reshape(2, 4, 1)
    assert turned(steps, torch.tensor([2, 4]))[:, :, 0].tolist() == [[2, 1, 3, 4], [8, 7, 6, 5]]
    assert torch.equal(turned(steps, None), steps.flip(1))


@kinds
@pytest.mark.parametrize(
    ("steps", "lengths", "message"),
    [
        (torch.zeros(2, 4), None, r"shape \(batch, time, 3\), got \(2, 4\)"),
        (torch.zeros(2, 4, 5), None, r"got \(2, 4, 5\)"),
        (torch.zeros(2, 0, 3), None, r"got \(2, 0, 3\)"),
        (torch.zeros(2, 4, 3), torch.tensor([4]), "expected 2 lengths"),
        (torch.zeros(2, 4, 3), torch.tensor([0, 4]), "lengths are 1 to 4, got 0 to 4"),
        (torch.zeros(2, 4, 3), torch.tensor([2, 5]), "got 2 to 5"),
    ],
)
def test_other_shapes_are_refused(kind, steps, lengths, message):
    with pytest.raises(ValueError, match=message):
        kind(3, 5)(steps, lengths)


@kinds
@pytest.mark.parametrize(("wrong", "message"), [({"layers": 0}, "1 layer"), ({"width": 0}, "got 3 and 0"),
                                                ({"dropout": 1.0}, "dropout")])  # fmt: skip
def test_impossible_layers_are_refused(kind, wrong, message):
    with pytest.raises(ValueError, match=message):
        kind(**{"inputs": 3, "width": 5} | wrong)


@kinds
@pytest.mark.parametrize(("layers", "bidirectional"), FORMS)
def test_names_go_to_torch_and_back(kind, layers, bidirectional):
    ours, theirs = pair(kind, layers, bidirectional)
    assert names.is_theirs(theirs.state_dict()) and not names.is_theirs(ours.state_dict())
    back = names.to_theirs(ours.state_dict())
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in theirs.state_dict().items())


def test_cells_stand_alone():
    for cell in (RNNCell, LSTMCell, GRUCell):
        assert len(cell(2, 3).gates(torch.zeros(1, 2), (torch.zeros(1, 3),) * cell.STATES)) == len(cell.GATES)
