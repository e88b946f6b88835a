"""A low-rank addition: nothing at first, of the rank it says, and free once it is folded in."""

import pytest
import torch
from torch import nn

from glassworks.blocks.low_rank import LowRank, can_adapt
from glassworks.models.vision.efficientnet import Convolution

LAYERS = {
    "dense": (lambda: nn.Linear(12, 7), (5, 12)),
    "dense on many axes": (lambda: nn.Linear(12, 7, bias=False), (2, 3, 12)),
    "3x3": (lambda: nn.Conv2d(4, 6, 3, padding=1), (2, 4, 9, 8)),
    "stride and dilation": (lambda: nn.Conv2d(4, 6, 3, stride=2, padding=2, dilation=2), (2, 4, 9, 8)),
    "5x3, circular": (
        lambda: nn.Conv2d(4, 6, (5, 3), padding=(2, 1), padding_mode="circular", bias=False),
        (2, 4, 9, 8),
    ),
    "1x1": (lambda: nn.Conv2d(4, 6, 1), (2, 4, 5, 5)),
    "padded unevenly": (lambda: Convolution(4, 6, 3, 2, 1, same_padding=True), (2, 4, 8, 8)),
}


@pytest.fixture(params=LAYERS, ids=list(LAYERS))
def layer_and_inputs(request):
    torch.manual_seed(0)
    make, shape = LAYERS[request.param]
    return make(), torch.randn(shape)


def learned(layer, rank=3, alpha=6.0):
    adapted = LowRank(layer, rank, alpha, torch.Generator().manual_seed(1))
    nn.init.normal_(adapted.up.weight)
    return adapted


def test_it_starts_as_the_layer_itself(layer_and_inputs):
    layer, inputs = layer_and_inputs
    before = layer(inputs)
    assert torch.equal(LowRank(layer, 3, 6.0)(inputs), before)


def test_folded_in_it_answers_the_same(layer_and_inputs):
    layer, inputs = layer_and_inputs
    before = layer(inputs).detach()
    adapted = learned(layer)
    said, plain = adapted(inputs).detach(), adapted.merge()
    assert type(plain) is type(layer) and set(plain.state_dict()) == set(layer.state_dict())
    bound = 1e-5 * max(1.0, float(said.abs().max()))
    assert float((plain(inputs).detach() - said).abs().max()) <= bound
    assert float((said - before).abs().max()) > 0.1
    assert torch.equal(layer(inputs), before), "the layer itself stays as it was"


def test_the_addition_has_the_rank_and_strength_it_says():
    layer = nn.Linear(12, 7)
    twice = learned(layer, rank=3, alpha=6.0)
    added = twice.merge().weight - layer.weight
    assert torch.linalg.matrix_rank(added.detach(), atol=1e-4) == 3
    torch.testing.assert_close(added, 2.0 * twice.up.weight @ twice.down.weight, atol=1e-5, rtol=1e-5)


def test_only_the_addition_learns_and_at_first_only_its_second_half():
    adapted = LowRank(nn.Conv2d(4, 6, 3), 2, 2.0)
    adapted(torch.randn(2, 4, 5, 5)).square().sum().backward()
    learning = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    assert learning == {"down.weight", "up.weight"}
    assert adapted.base.weight.grad is None
    assert adapted.up.weight.grad.abs().sum() > 0 and adapted.down.weight.grad.abs().sum() == 0


def test_its_start_comes_from_the_generator_alone():
    def start(seed):
        torch.manual_seed(seed)
        return LowRank(nn.Linear(4, 4), 2, 2.0, torch.Generator().manual_seed(5)).down.weight

    assert torch.equal(start(0), start(1))


def test_layers_that_no_product_equals_are_left_alone():
    class Standardised(nn.Conv2d):
        def forward(self, maps):
            weight = (self.weight - self.weight.mean()) / self.weight.std()
            return nn.functional.conv2d(maps, weight, self.bias)

    assert can_adapt(nn.Linear(2, 2)) and can_adapt(nn.Conv2d(2, 2, 3, dilation=2))
    for layer in (nn.Conv2d(4, 4, 3, groups=4), Standardised(4, 4, 3), nn.BatchNorm2d(2), nn.Embedding(2, 2)):
        assert not can_adapt(layer)
        with pytest.raises(ValueError, match="low-rank"):
            LowRank(layer, 2, 2.0)
    with pytest.raises(ValueError, match="rank"):
        LowRank(nn.Linear(2, 2), 0, 2.0)
