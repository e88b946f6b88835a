"""The chapter "Bigger pictures": its numbers are true, and its figures show what the text says."""

import json
import math
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch

from glassworks.blocks.encoder_block import BlockConfig
from glassworks.blocks.positions import resize_positions, sine_cosine
from glassworks.models.vision import vit
from glassworks.models.vision.vit import ViTConfig
from glassworks.reader.figures import (
    apparent_size,
    between_the_places,
    price_of_pixels,
    stretched_table,
    table_and_grid,
    there_and_back,
    waves_go_on,
)
from tests.reader.chapters import ladder

SLUG = "image/bigger_pictures"
LAB = json.loads(files("glassworks.labs").joinpath("recorded/bigger-pictures.json").read_text("utf-8"))


def drawn(figure: type, **values) -> str:
    return ladder.words(figure().set(**values))


# ---- the table


def test_the_example_of_the_text_is_what_the_workbench_does():
    names: dict = {}
    exec(ladder.fences(SLUG)[0], names)  # noqa: S102
    wanted = resize_positions(names["table"], (14, 14), (24, 24), prefix=1)
    assert torch.equal(names["new"], wanted) and wanted.shape == (1, 577, 768)  # T34


def test_resizing_a_table_keeps_the_facts_of_the_plan():
    places = torch.randn(1, 196, 768)
    assert resize_positions(places, (14, 14), (24, 24)).shape == (1, 576, 768)  # T34
    assert resize_positions(places, (14, 14), (14, 14)) is places
    even = resize_positions(torch.full((1, 197, 8), 0.7), (14, 14), (24, 24), prefix=1)
    assert float((even - 0.7).abs().max()) < 3e-6


def test_a_table_that_does_not_fit_stops_with_the_message_that_is_shown():
    shown = drawn(table_and_grid.TableAndGrid)
    assert "577" in shown and "197" in shown
    assert "The size of tensor a (577) must match the size of tensor b (197)" in shown
    model = vit.build(_tiny(32, "learned"))
    larger = model.patches(torch.zeros(1, 3, 64, 64))
    with pytest.raises(RuntimeError, match=r"\(64\).*\(17\)"):
        larger + model.positions
    assert "The table fits" in drawn(table_and_grid.TableAndGrid, side=224)
    refused = drawn(table_and_grid.TableAndGrid, side=232)
    assert "a picture of 232x232 cannot be cut into patches of 16x16" in refused and "left over" in refused


def test_a_strided_convolution_drops_the_rest_without_a_word():
    cut = torch.nn.Conv2d(3, 4, 16, stride=16)
    picture = torch.randn(1, 3, 230, 230)
    assert torch.equal(cut(picture), cut(picture[:, :, :224, :224]))  # "six columns and six rows are gone"


def test_bicubic_goes_beyond_and_the_others_do_not():
    one = stretched_table.numbers("one")
    found = {
        mode: resize_positions(one, (14, 14), (24, 24), mode=mode)
        for mode in ("bicubic", "bilinear", "nearest")
    }
    assert float(found["bicubic"].min()) < -0.05
    assert float(found["bilinear"].min()) == 0 and set(found["nearest"].flatten().tolist()) == {0.0, 1.0}
    assert "beyond the old numbers" in drawn(stretched_table.StretchedTable, kind="one place stands out")
    assert "bit for bit" in drawn(stretched_table.StretchedTable, side=14)


def test_the_new_places_lie_where_the_figure_says():
    """A table that counts its own places gives back where a new place lies."""
    for aligned in (False, True):
        for count in (3, 6, 11):
            table = torch.arange(6.0)[None, :, None]
            new = resize_positions(table, (1, 6), (1, count), mode="bilinear", align_corners=aligned)
            inside = np.clip(between_the_places.places(count, aligned), 0, 5)
            assert np.allclose(new.flatten().numpy(), inside, atol=1e-5), (count, aligned)


# ---- what is kept


def test_slow_waves_survive_and_fast_ones_do_not():
    shares = dict(there_and_back.lost_by_wave(24, "bicubic", False))
    assert shares[1.0] < 1 and shares[6.5] > 5 and shares[1.0] < shares[4.0] < shares[6.5]
    assert max(share for _, share in there_and_back.lost_by_wave(14, "bicubic", False)) == 0
    assert (
        max(share for _, share in there_and_back.lost_by_wave(28, "nearest", False)) == 0
    )  # as `further` says
    assert "comes back exactly" in drawn(there_and_back.ThereAndBack, side=14)


def test_the_numbers_of_the_exercise_on_the_way_back():
    smooth = sine_cosine((14, 14), 768)[None]
    rough = torch.randn(1, 196, 768, generator=torch.Generator().manual_seed(0))

    def lost(table: torch.Tensor, side: int) -> float:
        return round(100 * there_and_back.lost(table, there_and_back.back_again(table, side, "bicubic")), 1)

    assert (lost(smooth, 24), lost(rough, 24)) == (0.8, 6.2)
    assert 91.5 < lost(rough, 7) < 92.5


# ---- waves


def test_the_waves_of_the_text_are_those_of_the_workbench():
    table = sine_cosine((24, 24), 768)
    place, number = 17, 40
    angle = place * 10000 ** (-number / 192)
    assert waves_go_on.frequency(number) == pytest.approx(10000 ** (-number / 192))
    assert table[place, number].item() == pytest.approx(math.sin(angle), abs=1e-5)  # row 0, columns first
    assert table[place, 192 + number].item() == pytest.approx(math.cos(angle), abs=1e-5)
    assert table[24 * place, 384 + number].item() == pytest.approx(math.sin(angle), abs=1e-5)
    assert torch.equal(table.reshape(24, 24, -1)[:14, :14].reshape(196, -1), sine_cosine((14, 14), 768))
    assert 24**2 - 14**2 == 380
    assert waves_go_on.new_places(24, False).mean() == 11.5
    squeezed = waves_go_on.new_places(24, True)
    assert float(squeezed[1] - squeezed[0]) == pytest.approx(0.58, abs=0.005) and squeezed.mean() == 6.5
    assert squeezed.min() > -0.5 and squeezed.max() < 13.5


def test_a_model_of_waves_runs_at_any_size_and_relative_offsets_are_refused():
    small, large = (_tiny(side, "sine") for side in (16, 32))
    other = vit.build(large)
    other.load_state_dict(vit.resized(vit.build(small).state_dict(), small, large))
    assert other(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
    small, large = (_tiny(side, "relative") for side in (16, 32))
    with pytest.raises(ValueError, match="belong to one grid"):
        vit.resized(vit.build(small).state_dict(), small, large)


# ---- cost and size


def test_the_cost_of_a_block_is_that_of_the_plan():
    for tokens, linear, maps in (
        (197, 1_394_343_936, 59_610_624), (577, 4_083_941_376, 511_378_944),
        (785, 5_556_142_080, 946_521_600), (50, 353_894_400, 3_840_000),
    ):  # T43  # fmt: skip
        assert price_of_pixels.cost(tokens) == (linear, maps)
    assert price_of_pixels.tokens_of(224, 16) == 197 and price_of_pixels.tokens_of(384, 16) == 577
    ratio = sum(price_of_pixels.cost(577)) / sum(price_of_pixels.cost(197))
    assert round(ratio, 2) == 3.16 and round((384 / 224) ** 2, 2) == 2.94
    linear, maps = price_of_pixels.cost(577)
    assert round(linear / (linear + maps), 2) == 0.89
    linear, maps = price_of_pixels.cost(6 * 768)
    assert linear == maps and round(math.sqrt(6 * 768 - 1) * 16, -1) == 1090
    assert "4,595,320,320" in drawn(price_of_pixels.PriceOfPixels)


def test_things_are_smaller_in_the_test_by_the_share_that_is_told():
    dice = np.random.default_rng(0)
    shares = dice.uniform(apparent_size.SMALLEST, 1, 400_000)
    simulated = np.mean((224 / 0.875) / (224 / np.sqrt(shares)))
    assert apparent_size.size_in_test(224) == pytest.approx(simulated, abs=0.002)
    assert round(apparent_size.size_in_test(224), 2) == 0.81
    assert apparent_size.size_in_test(280) == pytest.approx(1, abs=0.02)
    first, second = (drawn(apparent_size.ApparentSize, again=press) for press in (0, 1))
    assert first != second


# ---- the lab


def test_the_text_tells_what_the_lab_found():
    assert LAB["outcome"] == "does not hold" and "**does not hold**" in ladder.prose(SLUG)
    rows = {row[0]: row[1].split()[0] for row in LAB["tables"][0]["rows"]}
    text = ladder.prose(SLUG) + str([c.reason for c in _adapt().choices]) + _adapt().question
    for name in ("16 pixels, as trained", "16 pixels, one more pass", "28: random positions", "28: nearest",
                 "28: bicubic", "28: bicubic, one more pass"):  # fmt: skip
        assert rows[name] in text, name
    assert "$0.69$" in text and "bicubic keeps 0.69" in LAB["verdict"]
    assert round(float(rows["16 pixels, as trained"]) - float(rows["28: random positions"]), 1) == 37.7
    assert round(float(rows["16 pixels, as trained"]) - float(rows["28: bicubic"]), 1) == 20.0
    assert "fashion-mnist" in LAB["notes"][0]  # "pictures of clothes"


def _adapt():
    from glassworks.reader import exercises

    return exercises.find("bigger_pictures.adapt")


def _tiny(side: int, positions: Any) -> ViTConfig:
    shape = {"patch": 8, "dimension": 8, "depth": 1, "classes": 2, "block": BlockConfig(heads=2)}
    return ViTConfig(side, side, positions=positions, **shape)  # type: ignore[arg-type]
