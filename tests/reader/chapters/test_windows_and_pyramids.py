"""The chapter "Windows and pyramids": its figures ask the models themselves, and its numbers are true."""

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.insight.cost import stage_costs
from glassworks.labs import cost_of_attention
from glassworks.models.vision import swin
from glassworks.models.vision.pvt import VARIANTS as PVTS
from glassworks.models.vision.pvt import PVTConfig
from glassworks.models.vision.pvt import build as build_pvt
from glassworks.models.vision.swin import SwinConfig, Windows, window_cost
from glassworks.reader import exercises
from glassworks.reader.figures import cost_over_pixels as cost
from glassworks.reader.figures.cost_over_pixels import CostOverPixels
from glassworks.reader.figures.fewer_keys import FewerKeys, products
from glassworks.reader.figures.offset_of_pair import OffsetOfPair, table_of
from glassworks.reader.figures.own_window import OwnWindow
from glassworks.reader.figures.reach_of_one import ReachOfOne, neighbours, reached
from glassworks.reader.figures.stages_of_a_pyramid import StagesOfAPyramid, stages
from glassworks.reader.figures.turned_map import TurnedMap, allowed, homes
from tests.reader.chapters import ladder
from tests.reader.chapters.ladder import prose, words

SLUG = "image/windows_and_pyramids"


# ---- the page


def test_the_costs_of_the_text_are_those_of_the_formulas():  # T43, C7
    text = prose(SLUG)
    before, after = cost.block_cost(197, 768), cost.block_cost(785, 768)
    assert before == (1_394_343_936, 59_610_624) and after == (5_556_142_080, 946_521_600)
    for row, ratio in zip(((before[0], after[0]), (before[1], after[1]), (sum(before), sum(after))),
                          ("3.98", "15.88", "4.47"), strict=True):  # fmt: skip
        assert f"{row[0]:,} | {row[1]:,} | {ratio} |" in text and f"{row[1] / row[0]:.2f}" == ratio
    assert "they are 4 % of the block" in text and round(100 * before[1] / sum(before)) == 4
    layers, maps = cost.block_cost(6 * 768, 768)
    assert layers == maps and "equal the layers at $N = 6 D$" in text
    patches = (3840 // 16) * (2160 // 16)  # T23, C8
    assert patches == 32_400 and f"{12 * patches**2 * 2 / 1e9:.1f}" == "25.2" and "25.2 \\cdot 10^9" in text
    assert (800 // 16) ** 2 == 2_500 and "2,500 patches of 16" in text  # C9


def test_the_costs_of_windows_are_those_of_the_model():  # T42, C11
    text = prose(SLUG)
    everywhere = window_cost(200, 200, 96, 0)
    plain, filled = window_cost(200, 200, 96, 7, padded=False), window_cost(200, 200, 96, 7)
    assert (everywhere, plain, filled) == (307_200_000_000, 376_320_000, 387_694_272)
    assert f"{everywhere / plain:.0f} times less" in text and f"{everywhere / filled:.0f} times less" in text
    assert Windows(200, 200, 7).padded == (203, 203) and Windows(200, 200, 7).count == 841
    assert "203 × 203, which makes 841 windows" in text
    assert "376 million in windows" in text and "388 million" in text and "307.2 billion" in text
    uneven = {3, 7, 4}  # pieces of 14 tokens in windows of 7 that are moved by 3
    assert sum(uneven) == 14 and len(uneven) ** 2 == 9 and 9 / 4 > 2


def test_the_shapes_of_the_text_are_those_of_the_configs():  # T41
    text = prose(SLUG)
    for side in (224, 800):
        grids = [rows for rows, _ in SwinConfig(height=side, width=side).grids]
        assert f"side at {side} pixels | {' | '.join(str(rows) for rows in grids)} |" in text
    assert f"numbers a token | {' | '.join(str(n) for n in SwinConfig().widths)} |" in text
    assert all(rows % 7 == 0 for rows, _ in SwinConfig().grids)
    assert all(rows % 7 for rows, _ in SwinConfig(height=800, width=800).grids)
    assert PVTConfig().reductions == (8, 4, 2, 1) and "8 times smaller on each side, then 4, 2 and 1" in text
    assert 13 * 13 == 169 == len(np.unique(table_of(7))) and table_of(7).size == 2401
    larger = swin.build(SwinConfig(height=28, width=28, patch=1, dimension=8, depths=(1,), heads=(2,)))
    smaller = swin.build(SwinConfig(height=14, width=14, patch=1, dimension=8, depths=(1,), heads=(2,)))
    larger.load_state_dict(smaller.state_dict())  # "without a new table"


def test_there_is_no_convolution_in_swin_but_the_cutting_of_patches():  # C6
    with torch.device("meta"):
        model = swin.build(SwinConfig())
    found = [name for name, one in model.named_modules() if isinstance(one, torch.nn.Conv2d)]
    assert len(found) <= 1 and all(name.startswith("patches") for name in found)


def test_what_the_text_says_of_speed_is_in_the_recorded_lab():
    kept = labs.recorded("cost-of-attention")
    work = {kind: cost_of_attention.cost_of(kind, 640, cost_of_attention.SMALL[kind]).products
            for kind in cost_of_attention.KINDS}  # fmt: skip
    assert f"{work['Swin'] / work['ViT']:.2f}" == "0.64" and "0.64 times the multiply-adds" in prose(SLUG)
    times = {row[0].split()[0]: [float(cell.split()[0]) for cell in row[1:]] for row in kept.tables[1].rows}
    assert times["640"][1] == pytest.approx(times["640"][0], rel=0.1)  # "takes as long"
    assert times["800"][1] < 0.9 * times["800"][0] and times["448"][1] > times["448"][0]


def test_what_the_text_says_of_the_mask_is_in_the_recorded_lab():
    kept = labs.recorded("windows-that-move")
    assert "not even the accuracy does" in prose(SLUG)
    for shape in ("two stages", "three stages"):
        moved, unmasked = (np.mean(kept.numbers[f"{shape}: {way}"]) for way in ("moved", "moved, no mask"))
        assert unmasked > moved - 1
    assert kept.outcome == "not shown"  # "often cannot tell a difference of one point from chance"


# ---- the figures


@pytest.mark.parametrize("kind", ["ViT", "Swin"])
def test_the_formulas_of_the_figure_count_what_the_models_do(kind):
    name = {"ViT": "ViT-S/16", "Swin": "Swin-T"}[kind]
    for side in (224, 800):
        counted = cost_of_attention.cost_of(kind, side, cost_of_attention.COUNTED[kind])
        mine = cost.MODELS[name](side)
        assert (mine.total, mine.maps, mine.numbers) == (
            counted.products,
            counted.in_maps,
            counted.map_numbers,
        )


def test_the_formulas_of_pvt_count_what_it_does():
    for side in (224, 448):
        with torch.device("meta"):
            config = PVTConfig(height=side, width=side, **PVTS["s"])
            parts = stage_costs(build_pvt(config), torch.zeros(1, 3, side, side))
        mine = cost.pvt(side)
        assert mine.total == sum(part.multiply_adds for part in parts)
        assert mine.maps == sum(part.in_maps for part in parts)
    small, large = cost.pvt(224).maps, cost.pvt(448).maps
    assert 15.5 < large / small <= 16  # "the maps still grow sixteenfold"


def test_the_figure_of_costs_says_what_its_sentence_says():
    first = [model(224).total for model in cost.MODELS.values()]
    assert max(first) / min(first) < 1.3
    vit, swins = cost.vit(800), cost.swin(800)
    assert f"{vit.total / swins.total:.2f}" == "1.86" and 0.5 < vit.maps / vit.total < 0.55
    shown = words(CostOverPixels().drawn)
    assert "2,500 patches" in shown and "12.8 times" in shown and "75.1 MB" in shown


def test_a_token_in_its_window_sees_49_of_3136_for_a_64th_of_the_cost():
    shown = words(OwnWindow().drawn)
    assert "49" in shown and "3,136" in shown and "64.0" in shown
    assert "filled up with zeros to 60 × 60" in words(OwnWindow().set(side=12))


@pytest.mark.parametrize("moved", [False, True])
def test_the_reach_that_is_drawn_is_that_of_the_real_blocks(moved):
    """A gradient flows from a token to another exactly where the figure says that it is known."""
    torch.manual_seed(0)
    config = SwinConfig(height=8, width=8, channels=1, classes=2, patch=1, dimension=4, depths=(4,),
                        heads=(2,), window=4)  # fmt: skip
    stage = swin.build(config).double().stages[0]
    if not moved:
        stage.mask = None
        for block in stage.blocks:
            block.attention.windows = Windows(8, 8, 4)
    for blocks in (1, 2, 3):
        maps = torch.randn(1, 8, 8, 4, dtype=torch.float64)

        def answers(at, count=blocks):
            for place, block in enumerate(stage.blocks[:count]):
                at = block(at, stage.mask if place % 2 else None)
            return at

        changed = maps.clone()
        changed[0, 2, 5] += torch.tensor([1.0, -2.0, 0.5, 1.5], dtype=torch.float64)
        known = (answers(changed) != answers(maps)).any(-1)[0].detach().numpy()
        np.testing.assert_array_equal(known, reached(2, 5, blocks, moved, 8, 4) >= 0)


def test_windows_that_stay_know_49_and_windows_that_move_the_whole_map():
    counts = [
        [int((reached(9, 9, blocks, moved) >= 0).sum()) for blocks in (1, 2, 5, 6)] for moved in (False, True)
    ]
    assert counts[0] == [49] * 4
    assert counts[1][:2] == [49, 196] and counts[1][2:] == [784, 784]
    assert int((reached(9, 9, 4, True) >= 0).sum()) < 784
    assert int((reached(9, 9, 10, False) >= 0).sum()) == 49  # "after ten blocks"
    assert neighbours(28, 28, 7, True).sum(1).min() < 49 and (neighbours(28, 28, 7, False).sum(1) == 49).all()
    assert "196 of 784 tokens know" in words(ReachOfOne().drawn)


def test_the_turned_map_holds_every_token_once_and_its_corner_625_pairs():
    assert sorted(homes().flatten().tolist()) == list(range(196))
    assert [int(window.sum()) for window in allowed()] == [2401, 1225, 1225, 625]
    corner = homes()[3].tolist()
    assert {0, 13, 182, 195} <= set(corner)  # the corners of the picture
    for window, tokens in enumerate(homes()):  # who may see whom are those in one piece of the moved windows
        rows, columns = tokens // 14, tokens % 14
        pieces = (rows + 4) // 7 * 3 + (columns + 4) // 7
        np.testing.assert_array_equal(allowed()[window], pieces[:, None] == pieces)
    figure = TurnedMap()
    assert "sees the 16 of its own piece" in words(figure.drawn)
    assert "sees all 49" in words(figure.set(masked=False))


def test_the_entry_of_a_pair_is_where_the_figure_writes_it():
    shown = words(OffsetOfPair().drawn)  # (1, 2) asks (4, 5)
    assert f"= {table_of(7)[1 * 7 + 2, 4 * 7 + 5]}" in shown and "(-3 + 6) × 13 + (-3 + 6) = 42" in shown
    assert "serves 16 of the 2,401 pairs" in shown  # 4 x 4 places to begin
    assert "23 × 23 = 529 entries" in words(OffsetOfPair().set(side="12 × 12"))


def test_the_stages_of_the_figure_are_those_of_the_models():
    assert [(one.side, one.width) for one in stages("swin", 800)] == [
        (200, 96),
        (100, 192),
        (50, 384),
        (25, 768),
    ]
    assert [one.side for one in stages("pvt", 224)] == [56, 28, 14, 7] and stages("vit", 224)[0].side == 14
    assert stages("swin", 224)[3].attention == "49 with 49 in 1 window"
    assert "in 841 windows, filled up to 203" in stages("swin", 800)[0].attention
    assert stages("pvt", 224)[0].attention == "3,136 with 49"
    assert "200 × 200 tokens of 96 numbers" in words(StagesOfAPyramid().set(side=800))


def test_fewer_keys_are_64_times_cheaper_and_grow_sixteenfold_all_the_same():
    assert products(224, 0, 8) == (3136, 49, 2 * 3136 * 49 * 64)
    assert products(224, 0, 1)[2] / products(224, 0, 8)[2] == 64
    assert products(448, 0, 8)[2] / products(224, 0, 8)[2] == 16
    shown = words(FewerKeys().drawn)
    assert "3,136" in shown and "64.0" in shown and "16.0" in shown


def test_a_drawing_takes_less_than_50_ms_and_says_what_it_is():
    for kind in ladder.figures(SLUG):
        figure = kind()
        for values in ladder.moves(figure):
            assert ladder.words(figure.draw(**figure.arguments(values)))


# ---- the exercises


def test_the_numbers_of_the_exercises_are_those_of_the_library():
    by_id = {one.id.partition(".")[2]: one for one in exercises.of(SLUG)}
    assert f"{by_id['double'].target:.2f}" == "4.92"
    assert by_id["windows"].target == 1196 and by_id["entries"].target == 3174
    assert int((reached(5, 5, 2, True, 16, 4) >= 0).sum()) == 64  # the right choice of `known`
    assert "After block 2: 64 tokens" in words(by_id["known"].reveal())
    assert f"{182 * 322 / (180 * 320) - 1:.1%}" == "1.7%" and f"{203**2 / 200**2 - 1:.1%}" == "3.0%"
    assert (
        f"{2 * 6 * 2501**2 / 1e6:.0f}" == "75" and f"{cost.vit(800).total / cost.vit(224).total:.0f}" == "24"
    )
    mask = Windows(56, 56, 7, shifted=True).mask()
    assert len(mask) == 64 and int((mask == 0).flatten(1).all(1).sum()) == 49  # "of the 64 windows … 49"
