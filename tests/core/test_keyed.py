"""Keyed numbers: as good as drawn ones, and a function of their key alone."""

import numpy as np

from glassworks.core import keyed

ROWS = np.arange(20_000)


def test_uniform_has_the_mean_and_variance_of_a_uniform():
    draws = keyed.uniform(ROWS, 4, 1, "test")
    assert draws.dtype == np.float32 and draws.shape == (20_000, 4)
    assert draws.min() >= 0 and draws.max() < 1
    # 4 standard errors of 80,000 numbers
    assert abs(draws.mean() - 0.5) < 4 * (1 / 12 / draws.size) ** 0.5
    assert abs(draws.var() - 1 / 12) < 0.001
    counts = np.histogram(draws, bins=16, range=(0, 1))[0]
    expected = draws.size / 16
    assert ((counts - expected) ** 2 / expected).sum() < 40  # chi-squared, 15 degrees: 1 in 2,000


def test_neighbouring_rows_epochs_seeds_and_draws_are_independent():
    one = keyed.uniform(ROWS, 2, 7, "augment", 0)
    keys = [(7, "augment", 1), (8, "augment", 0), (7, "erase", 0)]
    others = [one[1:, 0], one[:, 1], *(keyed.uniform(ROWS, 2, *key)[:, 0] for key in keys)]
    for other in others:
        size = len(other)
        assert abs(np.corrcoef(one[:size, 0], other)[0, 1]) < 4 / size**0.5


def test_numbers_do_not_depend_on_what_stands_beside():
    alone = keyed.uniform(np.array([17]), 3, 5)
    among = keyed.uniform(np.array([99, 17, 3]), 3, 5)
    assert (alone[0] == among[1]).all()


def test_permutations_are_permutations_and_differ_between_epochs():
    orders = [keyed.permutation(1000, 0, "order", epoch) for epoch in range(3)]
    for order in orders:
        assert (np.sort(order) == np.arange(1000)).all()
    assert (orders[0] != orders[1]).mean() > 0.9 and (orders[1] != orders[2]).mean() > 0.9


def test_numbers_are_the_same_on_every_machine_and_day():
    assert keyed.seed_for(0, "dropout", 12) == GOLDEN["seed"]
    assert keyed.permutation(8, 3, "order", 1).tolist() == GOLDEN["permutation"]
    assert np.allclose(keyed.uniform(np.arange(2), 2, 3, "augment", 1), GOLDEN["uniform"], atol=1e-6)


def test_any_whole_number_is_a_seed():
    seeds = {keyed.seed_for(number) for number in (0, 1, 2**63, 2**64 - 1, 10**30, -1)}
    assert len(seeds) >= 5 and all(0 <= seed < 2**63 for seed in seeds)
    assert keyed.seed_for(1, 2) != keyed.seed_for(2, 1)


GOLDEN: dict = {
    "seed": 7307256248301798103,
    "permutation": [7, 1, 4, 5, 2, 0, 3, 6],
    "uniform": [[0.639977, 0.593887], [0.272647, 0.462919]],
}
