"""Costs: parts named as a person reads them, branches and counted work right, whatever the shape."""

import pytest
import torch
from torch import nn

from glassworks.insight.cost import stage_costs
from glassworks.models.vision import efficientnet, resnet


class Branching(nn.Module):
    """Two branches from one map: two 3x3 filters, and a 1x1 with the same stride; then a sum and a filter."""

    def __init__(self, shortcut_first):
        super().__init__()
        self.shortcut_first = shortcut_first
        self.one, self.two = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.shortcut, self.last = nn.Conv2d(3, 4, 1, stride=2), nn.Conv2d(4, 5, 3, padding=1)

    def forward(self, x):
        x = x + 1  # no layer gave this map
        if self.shortcut_first:
            beside = self.shortcut(x)
            return self.last(torch.relu(self.two(self.one(x)) + beside))
        return self.last(torch.relu(self.two(self.one(x)) + self.shortcut(x)))


@pytest.mark.parametrize("shortcut_first", [True, False])
def test_a_branch_begins_where_its_sister_began(shortcut_first):
    """3, then 3 + 2 x 2 = 7 through two filters; the shortcut halves once, not twice; then 11."""
    stages = stage_costs(Branching(shortcut_first), torch.zeros(1, 3, 16, 16))
    assert stages[-1].name == "last" and (stages[-1].receptive_field, stages[-1].stride) == (11, 2)
    assert sum(stage.multiply_adds for stage in stages) == 64 * (27 * 4 + 36 * 4 + 12 + 36 * 5)


def test_the_field_is_what_an_output_of_a_small_resnet_really_sees():
    """The gradient of one output reaches exactly as many pixels as the table says."""
    config = resnet.ResNetConfig(
        height=128, width=128, depths=(1, 1, 1, 1), widths=(2, 2, 2, 2), stem="small"
    )
    model = resnet.build(config).eval().double()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.1)  # nothing is cut to zero on the way
    stages = stage_costs(model, torch.zeros(1, 3, 128, 128, dtype=torch.float64))
    picture = torch.rand(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    maps = model.stages[1](model.stages[0](model.stem(picture)))
    maps[0, 0, 32, 32].backward()
    seen = picture.grad[0].abs().sum(0).gt(0)
    assert int(seen.any(0).sum()) == int(seen.any(1).sum()) == stages[2].receptive_field
    assert stages[2].name == "stages.1" and stages[2].stride == 2


def test_squeeze_and_excitation_is_costed_on_one_pixel():
    config = efficientnet.EfficientNetConfig(height=32, width=32, lite=False)
    block = efficientnet.Block(16, efficientnet.STAGES[1], 1, 0.0, config)
    products = sum(stage.multiply_adds for stage in stage_costs(block, torch.zeros(1, 16, 8, 8)))
    assert products == 64 * (16 * 96 + 9 * 96 + 96 * 24) + 2 * 96 * 4
