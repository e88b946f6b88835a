"""Splits: stratified, whole groups, the same by name on every machine, and told when the data changed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureTable
from glassworks.data.splits import split


def table_of(targets, *, parts=(), groups=None, kind="label", names=None):
    targets = np.asarray(targets)
    classes = tuple(f"c{index}" for index in range(int(targets.max()) + 1)) if kind == "label" else ()
    names = names or tuple(f"{row:04d}.png" for row in range(len(targets)))
    sources = [np.zeros((2, 2), np.uint8)] * len(targets)
    return PictureTable("test", tuple(names), sources, kind, targets, classes, tuple(parts), groups)


def names_of(table, rows):
    return {table.names[row] for row in rows}


def whole(splits, table):
    rows = np.concatenate([splits.train, splits.val, splits.test])
    return sorted(rows.tolist()) == list(range(len(table)))


def test_each_class_is_spread_by_its_share():
    table = table_of(np.repeat([0, 1, 2], [1000, 200, 40]))
    splits = split(table)
    assert whole(splits, table) and splits.train.dtype == np.int64
    assert np.bincount(table.targets[splits.val]).tolist() == [150, 30, 6]
    assert np.bincount(table.targets[splits.test]).tolist() == [150, 30, 6]


def test_the_draw_depends_on_names_and_seed_not_on_the_order_of_files():
    table = table_of(np.arange(300) % 3)
    order = np.random.default_rng(1).permutation(300)
    mixed = table.select(order)
    for part in ("train", "val", "test"):
        assert names_of(table, getattr(split(table), part)) == names_of(mixed, getattr(split(mixed), part))
    assert split(table, seed=1).val.tolist() != split(table, seed=2).val.tolist()


@pytest.mark.parametrize("counts", [(1, 1), (2, 1), (2, 2), (3, 1), (3, 3), (4, 2, 1), (5, 1, 1)])
def test_every_class_keeps_a_row_in_train_however_small(counts):
    table = table_of(np.repeat(range(len(counts)), counts))
    splits = split(table)
    assert whole(splits, table) and set(table.targets[splits.train]) == set(range(len(counts)))
    if min(counts) < 3:
        assert any("too few pictures" in note for note in splits.notes)
    if max(counts) >= 3:
        assert len(splits.val) and len(splits.test)


@pytest.mark.parametrize("seed", range(8))
def test_rows_of_a_group_are_never_divided(seed):
    number = np.random.default_rng(seed)
    groups = tuple(f"patient {group}" for group in number.integers(0, 25, 240))
    table = table_of(number.integers(0, 3, 240), groups=groups)
    splits = split(table, seed=seed)
    homes = {}
    for part in ("train", "val", "test"):
        for row in getattr(splits, part):
            assert homes.setdefault(groups[row], part) == part
    assert whole(splits, table) and 15 <= len(splits.val) <= 60 and 15 <= len(splits.test) <= 60


def test_identical_pictures_stay_together():
    same = [[row, row + 100] for row in range(100)]
    table = table_of(np.arange(200) % 2)
    splits = split(table, same=same)
    for part in (splits.train, splits.val, splits.test):
        assert {(row + 100) % 200 for row in part.tolist()} == set(part.tolist())
    assert len(splits.val) == len(splits.test) == 32  # 15 of each class, rounded up to whole pairs


def test_parts_of_the_person_are_kept_and_missing_ones_cut_from_train():
    table = table_of(np.arange(100) % 2, parts=["train"] * 80 + ["test"] * 20)
    splits = split(table)
    assert splits.test.tolist() == list(range(80, 100)) and len(splits.val) == 12
    assert "no val part" in splits.notes[0]
    table = table_of(np.arange(100) % 2, parts=["train"] * 80 + ["val"] * 20)
    splits = split(table)
    assert splits.val.tolist() == list(range(80, 100)) and len(splits.test) == 12
    assert len(split(table, test=0).test) == 0
    table = table_of(np.arange(90) % 2, parts=["train"] * 30 + ["val"] * 30 + ["test"] * 30)
    assert [len(part) for part in (split(table).train, split(table).val, split(table).test)] == [30, 30, 30]
    assert split(table).notes == ()


def test_a_group_that_the_person_divided_is_told():
    table = table_of([0, 1, 0, 1], parts=["train", "train", "test", "test"], groups=("a", "b", "a", "c"))
    with pytest.raises(PersonError) as caught:
        split(table)
    assert caught.value.code == "group-divided" and '"a"' in caught.value.got


def test_numbers_several_labels_and_no_targets_are_divided_too():
    numbers = table_of(np.linspace(0, 1, 200) ** 3, kind="number")
    splits = split(numbers)
    assert whole(splits, numbers) and abs(np.median(numbers.targets[splits.test]) - 0.125) < 0.05
    several = table_of(np.arange(120), kind="number")
    hot = np.random.default_rng(0).random((120, 4)) < [0.5, 0.3, 0.1, 0.02]
    several = replace(several, kind="labels", targets=hot, classes=tuple("abcd"))
    splits = split(several)
    assert whole(splits, several) and (hot[splits.train].any(0) == hot.any(0)).all()
    assert 10 <= len(splits.val) <= 26
    none = replace(numbers, kind="none", targets=np.empty(0))
    assert whole(split(none), none) and len(split(none).val) == 30


def test_a_resumed_run_finds_the_same_rows_in_whatever_order_they_come():
    table = table_of(np.arange(60) % 3)
    splits = split(table)
    content = json.loads(json.dumps(splits.to_json(table)))
    mixed = table.select(np.random.default_rng(0).permutation(60))
    again = splits.from_json(mixed, content)
    for part in ("train", "val", "test"):
        assert names_of(table, getattr(splits, part)) == names_of(mixed, getattr(again, part))


def test_changed_data_is_told_by_name():
    table = table_of(np.arange(60) % 3)
    splits = split(table)
    content = splits.to_json(table)

    def said(changed):
        with pytest.raises(PersonError) as caught:
            splits.from_json(changed, content)
        assert caught.value.code == "data-changed"
        return caught.value.got

    assert "1 row(s) are gone (0007.png)" in said(table.select([row for row in range(60) if row != 7]))
    renamed = replace(table, names=("new.png", *table.names[1:]))
    assert "gone (0000.png)" in said(renamed) and "new (new.png)" in said(renamed)
    assert "other targets" in said(replace(table, targets=np.roll(table.targets, 1)))
