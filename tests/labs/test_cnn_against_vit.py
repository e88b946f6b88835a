"""CNN against ViT: equal costs, the same pictures for both, and a rule that can say each of the three."""

import numpy as np
import pytest
import torch

from glassworks.core.rows import PictureTable
from glassworks.labs import cnn_against_vit as lab


def test_both_networks_cost_about_as_much():
    (cnn, cnn_numbers), (vit, vit_numbers) = (lab.cost_of(kind) for kind in lab.KINDS)
    assert abs(cnn - vit) / vit < 0.01
    assert 0.5 < vit_numbers / cnn_numbers < 2


def test_no_picture_is_in_both_parts_and_fewer_are_a_part_of_more():
    few, test = lab.parts("digits", 50, 500, 3)
    many, again = lab.parts("digits", 200, 500, 3)
    assert few.pictures.shape == (50, 1, 8, 8) and len(test.targets) == 500
    assert torch.equal(few.targets, many.targets[:50]) and torch.equal(test.targets, again.targets)
    everything = lab.everything("digits")
    order = torch.from_numpy(lab.permutation(len(everything.targets), 3, "cnn against vit"))
    assert not set(order[:500].tolist()) & set(order[500:700].tolist())
    assert torch.equal(everything.targets[order[:500]], test.targets)
    for count in (9, 1298):
        with pytest.raises(ValueError, match="expected 10 to 1,297 pictures of digits"):
            lab.parts("digits", count, 500, 0)


def test_clothes_are_averaged_to_the_size_of_the_digits(monkeypatch):
    pictures = [np.random.default_rng(row).integers(0, 256, (28, 28), np.uint8) for row in range(3)]
    table = PictureTable("here", ("a", "b", "c"), pictures, "label", targets=np.array([3, 1, 2]))
    monkeypatch.setattr(lab, "sample_table", lambda name: table)
    lab.everything.cache_clear()
    try:
        small, targets = lab.everything("clothes")
    finally:
        lab.everything.cache_clear()
    assert small.shape == (3, 8, 8) and targets.tolist() == [3, 1, 2]
    assert small[0].sum().item() * 16 == pytest.approx(pictures[0].sum())
    assert small[0, 1, 1].item() == pytest.approx(pictures[0][2:6, 2:6].mean())


def test_every_network_sees_the_same_batches_and_augmentation_changes_pictures_alone():
    part, _ = lab.parts("digits", 50, 500, 0)
    plain, again = (list(lab.batches(part, 0, 5)) for _ in range(2))
    assert all(torch.equal(a, b) and torch.equal(c, d) for (a, c), (b, d) in zip(plain, again))
    changed = list(lab.batches(part, 0, 5, lab.AUGMENT))
    assert all(torch.equal(a[1], b[1]) for a, b in zip(plain, changed))
    assert not any(torch.equal(a[0], b[0]) for a, b in zip(plain, changed))
    seen = torch.cat([pictures for pictures, _ in plain])[:50].flatten(1)
    assert sorted(map(tuple, seen.tolist())) == sorted(
        map(tuple, part.pictures.flatten(1).tolist())
    )  # a pass


def test_the_same_seed_gives_the_same_run_and_leaves_the_shared_dice_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    arm = lab.ARMS[0]
    first = lab.trained(arm, "vit", 50, 1, 4)
    assert torch.equal(torch.rand(3), expected)
    assert first == lab.trained(arm, "vit", 50, 1, 4)
    part, _ = lab.parts("digits", 50, 500, 1)
    runs = [lab.learn(lab.built("vit", seed), part, seed, steps=2, rate=1e-2) for seed in (1, 1, 2)]
    same, other = (
        [torch.equal(a, b) for a, b in zip(runs[0].parameters(), run.parameters())] for run in runs[1:]
    )
    assert all(same) and not all(other)


def test_a_short_run_learns():
    assert lab.trained(lab.ARMS[0], "cnn", 200, 0, 60) > 80


def numbers(few=30.0, many=5.0, wiggle=1.0):
    """Accuracies of four seeds with these gaps."""
    found = {}
    for place, n in enumerate(lab.SIZES):
        gap = few if place < 2 else many
        cnn = [90.0 + place + 0.1 * seed for seed in range(4)]
        found[lab.key("digits", "cnn", n)] = cnn
        found[lab.key("digits", "vit", n)] = [
            one - gap - wiggle * change for one, change in zip(cnn, (0.3, -0.2, 0.1, -0.2))
        ]
    return found


def test_the_rule_can_say_each_of_the_three():
    assert lab.judge(numbers()).outcome == "holds"
    assert lab.judge(numbers(few=-5, many=-9)).outcome == "does not hold"  # the ViT is ahead with few
    assert lab.judge(numbers(few=5, many=30)).outcome == "does not hold"  # the gap grows
    assert lab.judge(numbers(wiggle=100)).outcome == "not shown"
    assert lab.judge(numbers(few=20, many=20)).outcome == "not shown"  # ahead, but nothing shrinks


def test_a_crossing_is_told_only_where_it_is_measured():
    assert "No crossing is seen." in lab.judge(numbers()).sentence
    assert "No crossing is seen." in lab.judge(numbers(many=-0.1)).sentence
    assert "the ViT has overtaken it" in lab.judge(numbers(many=-6)).sentence


def test_errors_are_counted_beside_points():
    found = {lab.key("digits", kind, n): [value] * 2 for kind, n, value in
             (("cnn", 50, 80.0), ("vit", 50, 50.0), ("cnn", 800, 99.0), ("vit", 800, 94.0))}  # fmt: skip
    assert lab.errors(found, "digits", [50]) == pytest.approx(2.5)
    assert lab.errors(found, "digits", [800]) == pytest.approx(6)
    assert lab.gaps(found, "digits", [50, 800]) == pytest.approx([17.5, 17.5])
    assert lab.sizes_of(found, "digits") == [50, 800] and lab.sizes_of(found, "digits, augmented") == []


def test_arms_that_were_not_measured_are_left_out():
    sentence = lab.judge(numbers()).sentence
    assert "lothes" not in sentence and "ugmented" not in sentence
    beside = {lab.key("clothes", kind, n): [80.0, 81.0] for kind in lab.KINDS for n in (100, 10_000)}
    assert "Clothes: the gap is +0.0 (+0.0 to +0.0) with 100 and" in lab.judge(numbers() | beside).sentence
