"""Positions: waves have the stated numbers, tables resize as pictures, a slow loop counts equal offsets."""

import pytest
import torch
import torch.nn.functional as F

from glassworks.blocks.positions import RelativePositions, offsets, resize_positions, sine_cosine


def test_waves_of_14_by_14_have_the_stated_numbers():
    waves = sine_cosine((14, 14), 768, first="row")
    assert waves.shape == (196, 768) and len(waves.unique(dim=0)) == 196
    assert waves.norm(dim=1).tolist() == pytest.approx([19.595918] * 196, abs=1e-5)  # sqrt(384)
    quarters = waves.view(196, 4, 192)  # row sines, row cosines, column sines, column cosines
    assert float(quarters[0, 0::2].abs().max()) == 0.0 and float(quarters[0, 1::2].min()) == 1.0
    assert float(waves[1, 0]) == 0.0 and float(waves[1, 384]) == pytest.approx(0.841471, abs=1e-6)
    assert float(waves[14, 0]) == pytest.approx(0.841471, abs=1e-6)
    assert float(waves[14, 192]) == pytest.approx(0.540302, abs=1e-6)
    # one row further the slowest wave has turned by its frequency
    assert float(waves[14, 191].asin()) == pytest.approx(1.04914e-4, rel=1e-5)


def test_columns_first_are_the_same_waves_with_swapped_halves():
    row, column = sine_cosine((3, 5), 16, first="row"), sine_cosine((3, 5), 16)
    assert torch.equal(row, column.roll(8, dims=1)) and not torch.equal(row, column)


def test_waves_in_one_dimension_are_those_of_the_paper():
    """sin(place / 10000^(i / quarter)), one grid row: the columns' half."""
    waves = sine_cosine((1, 6), 12)
    for place in range(6):
        for number in range(3):
            angle = torch.tensor(place / 10_000 ** (number / 3))
            assert float(waves[place, number]) == pytest.approx(float(angle.sin()), abs=1e-6)
            assert float(waves[place, 3 + number]) == pytest.approx(float(angle.cos()), abs=1e-6)


def test_the_prefix_has_no_place():
    waves = sine_cosine((2, 2), 8, prefix=2)
    assert waves.shape == (6, 8) and not waves[:2].any()
    assert torch.equal(waves[2:], sine_cosine((2, 2), 8))


@pytest.mark.parametrize("dimension", [6, 10, 770])
def test_a_dimension_that_four_does_not_divide_is_refused(dimension):
    with pytest.raises(ValueError, match="divisible by 4"):
        sine_cosine((2, 2), dimension)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear", "nearest"])
@pytest.mark.parametrize("prefix", [0, 1])
def test_a_table_is_resized_as_a_picture(prefix, mode):
    table = torch.randn(1, prefix + 196, 768, generator=torch.Generator().manual_seed(0))
    larger = resize_positions(table, (14, 14), (24, 24), prefix=prefix, mode=mode)
    assert larger.shape == (1, prefix + 576, 768)
    assert torch.equal(larger[:, :prefix], table[:, :prefix])
    picture = table[0, prefix:, :5].T.reshape(1, 5, 14, 14)
    expected = F.interpolate(picture, (24, 24), mode=mode)[0].flatten(1).T
    torch.testing.assert_close(larger[0, prefix:, :5], expected)


def test_the_same_grid_is_the_identity_and_an_even_table_stays_even():
    table = torch.randn(1, 197, 8)
    assert resize_positions(table, (14, 14), (14, 14), prefix=1) is table
    even = resize_positions(torch.full((1, 196, 8), 0.7), (14, 14), (24, 24))
    assert float((even - 0.7).abs().max()) <= 3e-6


def test_aligned_corners_stay_where_they_are():
    table = torch.randn(1, 12, 4)  # 3 rows of 4
    larger = resize_positions(table, (3, 4), (6, 9), align_corners=True, mode="bilinear")[0]
    torch.testing.assert_close(larger[[0, 8, 45, 53]], table[0, [0, 3, 8, 11]])


def test_rows_and_columns_are_not_swapped():
    rising = torch.arange(12.0).reshape(1, 12, 1)  # 3 rows of 4
    larger = resize_positions(rising, (3, 4), (3, 8), mode="nearest")[0, :, 0]
    assert torch.equal(larger.view(3, 8)[:, ::2].flatten(), rising.flatten())


@pytest.mark.parametrize("shape", [(1, 195, 8), (196, 8)])
def test_a_table_of_another_grid_is_refused(shape):
    with pytest.raises(ValueError, match="expected positions"):
        resize_positions(torch.zeros(shape), (14, 14), (24, 24))


@pytest.mark.parametrize("grid", [(2, 3), (3, 3), (1, 4)])
@pytest.mark.parametrize("prefix", [0, 1, 2])
def test_offsets_are_what_a_slow_loop_counts(grid, prefix):
    """Pairs that are equally far apart share an entry, others never do, and every entry is used."""
    rows, columns = grid
    places = [None] * prefix + [(row, column) for row in range(rows) for column in range(columns)]
    expected = {}
    found = offsets(grid, prefix=prefix)
    for one, mine in enumerate(places):
        for other, yours in enumerate(places):
            if mine is None or yours is None:
                away = ("prefix" if mine is None else "patch", "prefix" if yours is None else "patch")
            else:
                away = (mine[0] - yours[0], mine[1] - yours[1])
            entry = int(found[one, other])
            assert expected.setdefault(away, entry) == entry
    assert len(set(expected.values())) == len(expected)
    assert set(expected.values()) == set(range((2 * rows - 1) * (2 * columns - 1) + (3 if prefix else 0)))


def test_relative_positions_hand_each_head_its_liking_of_each_offset():
    relative = RelativePositions((2, 3), heads=4, prefix=1)
    assert relative.table.shape == (3 * 5 + 3, 4)
    bias, places = relative(), offsets((2, 3), prefix=1)
    assert bias.shape == (4, 7, 7)
    for head, one, other in ((0, 0, 0), (1, 0, 3), (2, 5, 0), (3, 6, 2)):
        assert bias[head, one, other] == relative.table[places[one, other], head]
    bias.sum().backward()
    assert (relative.table.grad > 0).all()
    assert list(relative.state_dict()) == ["table"]  # the places follow from the grid
