"""Counted costs are the derived ones and a profiler's, and the rule can say no."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from glassworks.labs import cost_of_attention as lab
from glassworks.models.vision.swin import window_cost


def test_a_block_costs_what_was_derived():
    """Doubling the side: 4.47 times in all, 15.9 times in the maps alone; 16 without the class token."""
    before, after = lab.block_cost(197, 768), lab.block_cost(785, 768)
    assert before == (1_394_343_936, 59_610_624) and after == (5_556_142_080, 946_521_600)
    assert round(sum(after) / sum(before), 3) == 4.472 and round(after[1] / before[1], 3) == 15.878
    assert lab.block_cost(784, 768)[1] == 16 * lab.block_cost(196, 768)[1]


def test_growth_is_the_exponent():
    pixels = [1e4, 4e4, 9e4]
    assert lab.growth(pixels, [3 * one for one in pixels]) == pytest.approx(1)
    assert lab.growth(pixels, [one**2 for one in pixels]) == pytest.approx(2)


@pytest.mark.parametrize("kind", lab.KINDS)
@pytest.mark.parametrize("side", [224, 320])
def test_counted_costs_are_those_of_a_profiler(kind, side):
    """Every product of torch's own counter, once the written-out form of attention is taken."""
    shape = lab.SMALL[kind]
    cost = lab.cost_of(kind, side, shape)
    with torch.device("meta"):
        model = lab.model_of(kind, side, shape)
        for name, module in model.named_modules():
            if name.endswith("maps"):  # who listens gets the written-out form
                module.register_forward_hook(lambda *_: None)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(1, 3, side, side))
    assert cost.products == counter.get_total_flops() // 2


def test_the_maps_of_swin_at_800_pixels_are_counted_filled_up():
    """Two blocks of each stage of Swin-T, six of the third: 200, 100, 50, 25 tokens a side become 203, …"""
    cost = lab.cost_of("Swin", 800, lab.COUNTED["Swin"])
    sides, widths, depths = (200, 100, 50, 25), (96, 192, 384, 768), (2, 2, 6, 2)
    assert cost.in_maps == sum(
        depth * window_cost(side, side, width, 7) for side, width, depth in zip(sides, widths, depths)
    )
    assert window_cost(200, 200, 96, 7) == 387_694_272
    assert cost.map_numbers == 841 * 3 * 49 * 49
    assert lab.cost_of("ViT", 800, lab.COUNTED["ViT"]).map_numbers == 6 * 2501**2


NUMBERS = {
    "pixels": [1e4, 4e4, 16e4],
    "ViT: multiply-adds": [1.0, 5.0, 30.0],
    "ViT: multiply-adds in maps": [0.1, 1.6, 25.6],
    "Swin: multiply-adds": [1.0, 4.0, 16.0],
    "Swin: multiply-adds in maps": [0.1, 0.4, 1.6],
    "ViT: growth of seconds": [1.30, 1.31, 1.29],
    "Swin: growth of seconds": [1.00, 1.01, 0.99],
}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "holds"),
        ({"Swin: multiply-adds": [1.0, 5.0, 25.0]}, "does not hold"),
        ({"ViT: multiply-adds": [1.0, 4.1, 16.5]}, "does not hold"),
        ({"ViT: growth of seconds": [0.90, 0.91, 0.89]}, "does not hold"),
        ({"ViT: growth of seconds": [0.5, 2.5, 1.0]}, "not shown"),
        ({"Swin: growth of seconds": [1.20, 1.21, 1.19]}, "not shown"),
        ({"ViT: growth of seconds": [1.3], "Swin: growth of seconds": [1.0]}, "not shown"),
    ],
)
def test_the_rule_can_say_no(changes, outcome):
    assert lab.judge(NUMBERS | changes).outcome == outcome


def test_the_quick_lab_measures_both(quick):
    result = quick("cost-of-attention")
    assert all(len(result.numbers[f"{kind}: growth of seconds"]) == 2 for kind in lab.KINDS)
    assert any("4.47 times" in note for note in result.notes)
    assert any("25 GB" in note for note in result.notes)
