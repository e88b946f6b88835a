"""Costs: parts named as a person reads them, branches and counted work right, whatever the shape."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from glassworks.api.describe import info
from glassworks.blocks.encoder_block import BlockConfig, EncoderBlock
from glassworks.core.errors import PersonError
from glassworks.insight.cost import stage_costs
from glassworks.insight.record import recording
from glassworks.models.vision import efficientnet, resnet, vit


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


def block_cost(tokens, width=768, heads=12):
    """(multiply-adds of layers, of attention maps, numbers in the maps) of one block, by shapes alone."""
    with torch.device("meta"):
        block = EncoderBlock(width, BlockConfig(heads=heads))
        stages = stage_costs(block, torch.zeros(1, tokens, width))
    maps = sum(stage.in_maps for stage in stages)
    return (
        sum(stage.multiply_adds for stage in stages) - maps,
        maps,
        sum(stage.map_numbers for stage in stages),
    )


@pytest.mark.parametrize(
    ("tokens", "linear", "maps"),
    [
        (197, 1_394_343_936, 59_610_624),
        (785, 5_556_142_080, 946_521_600),
        (577, 4_083_941_376, 511_378_944),
        (50, 353_894_400, 3_840_000),
    ],
)
def test_a_block_of_width_768_costs_what_was_derived(tokens, linear, maps):
    """12 N D^2 and 2 N^2 D."""
    assert block_cost(tokens)[:2] == (linear, maps) == (12 * tokens * 768**2, 2 * tokens**2 * 768)


def test_twice_the_side_costs_16_times_in_the_maps_alone():
    """197 to 785 tokens: the maps 15.88 times, the whole block 4.47 times; patches of 32 save 4.06 times."""
    linear, maps, _ = block_cost(197)
    more_linear, more_maps, _ = block_cost(785)
    fewer = sum(block_cost(50)[:2])
    assert round(more_maps / maps, 3) == 15.878
    assert round((more_linear + more_maps) / (linear + maps), 3) == 4.472
    assert round((linear + maps) / fewer, 3) == 4.064


def test_the_maps_of_a_picture_of_4k_take_25_gigabytes_a_block_if_they_are_written_down():
    assert 2 * block_cost(32_400)[2] == 25_194_240_000  # fp16, 12 heads


def test_b16_costs_what_torchvision_publishes():
    found = info("vit", variant="b16", classes=1000)["variants"][0]
    assert round(found["multiply_adds"] / 1e9, 2) == 17.56
    assert found["parameters"] == 86_567_656
    assert found["attention"]["tokens"] == 197 and found["attention"]["maps"] == 12 * 59_610_624
    assert found["attention"] == found["published"]["attention"]


def test_info_shows_another_patch_beside_the_published_one():
    found = info("vit", variant="b16", side=384, patch=8)["variants"][0]
    here, published = found["attention"], found["published"]["attention"]
    assert (here["tokens"], published["tokens"]) == (2_305, 197)
    assert here["linear"] + here["maps"] == found["multiply_adds"]
    assert here["bytes"]["fp16"] == 12 * 12 * 2_305**2 * 2 == here["bytes"]["fp32"] // 2
    assert here["bytes"]["fused"] == 12 * 12 * 2_305 * 4
    with pytest.raises(PersonError, match="cuts pictures into patches"):
        info("cnn", patch=8)
    with pytest.raises(PersonError, match="cannot be cut"):
        info("vit", side=50, patch=16)


@pytest.mark.parametrize("positions", ["learned", "relative"])
@pytest.mark.parametrize("fused", [False, True])
def test_torchs_own_counter_finds_the_same(positions, fused):
    config = vit.ViTConfig(
        height=32,
        width=48,
        patch=8,
        dimension=32,
        depth=2,
        classes=7,
        positions=positions,
        block={"heads": 4},
    )
    model, picture = vit.build(config).eval(), torch.zeros(1, 3, 32, 48)
    ours = sum(stage.multiply_adds for stage in stage_costs(model, picture))
    names = [] if fused else ["blocks.0.attention.maps", "blocks.1.attention.maps"]
    with recording(model, names), FlopCounterMode(display=False) as counter:
        model(picture)
    assert counter.get_total_flops() == 2 * ours


def test_real_and_shapes_alone_give_the_same_costs():
    config = vit.ViTConfig(height=32, width=32, patch=8, dimension=32, depth=2, block={"heads": 4})
    with torch.device("meta"):
        shapes = stage_costs(vit.build(config), torch.zeros(1, 3, 32, 32))
    assert shapes == stage_costs(vit.build(config), torch.zeros(1, 3, 32, 32))


def test_windows_see_a_window_further_with_each_block_and_merging_doubles_the_step():
    """Swin-T at 896 pixels, by hand: 4; two blocks of 6 tokens of 4 pixels; a merged one of 4; two of 8, …"""
    stages = info("swin", variant="t", side=896)["variants"][0]["stages"]
    seen = [stage["receptive_field"] for stage in stages if stage["name"].startswith("stages")]
    first = 4 + 2 * 6 * 4
    second = first + 4 + 2 * 6 * 8
    third = second + 8 + 6 * 6 * 16
    assert seen[:3] == [first, second, third] and seen[3] == third + 16 + 2 * 6 * 32


def test_windows_cost_what_was_derived():
    """Swin's first stage at 800 pixels: 203 x 203 tokens after filling up, two blocks."""
    stage = info("swin", variant="t", side=800)["variants"][0]["stages"][2]
    assert stage["name"] == "stages.0" and stage["in_maps"] == 2 * 387_694_272
    everyone = 2 * 40_000**2 * 96
    assert round(everyone / 387_694_272, 1) == 792.4 and round(everyone / (2 * 40_000 * 49 * 96), 1) == 816.3
