"""Bigger pictures: disjoint parts, honest sizes, only the table changes, and a rule that can say all."""

import pytest
import torch

from glassworks.labs import bigger_pictures as lab
from glassworks.labs.digits import Part
from glassworks.models.vision.vit import build


def test_parts_are_disjoint_and_the_same_for_the_same_seed():
    first, again, other = lab.deal(0, 300, 100), lab.deal(0, 300, 100), lab.deal(1, 300, 100)
    assert (len(first[0].targets), len(first[1].targets)) == (300, 100)
    assert all(torch.equal(a.pictures, b.pictures) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1].pictures, other[1].pictures)
    learned = {picture.numpy().tobytes() for picture in first[0].pictures}
    judged = [picture.numpy().tobytes() for picture in first[1].pictures]
    assert sum(picture in learned for picture in judged) <= 2  # the data may hold a picture twice


def test_another_size_keeps_what_is_seen():
    whole = Part(torch.arange(28 * 28).reshape(1, 28, 28).clamp(max=255).byte(), torch.zeros(1))
    for side in lab.SIDES:
        seen = lab.at_size(whole, side).pictures
        assert seen.shape == (1, 1, side, side) and side % lab.PATCH == 0
        assert abs(float(seen.mean()) - float(whole.pictures.float().mean()) / 255) < 0.01


def test_a_zoomed_picture_is_a_piece_of_it_and_a_share_of_one_is_the_whole(monkeypatch):
    pictures = torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    seen = lab.zoomed(pictures, torch.Generator().manual_seed(2))
    assert seen.shape == pictures.shape and not torch.allclose(seen, pictures)
    assert float(seen.max()) <= float(pictures.max()) + 1e-6
    monkeypatch.setattr(lab, "ZOOM", 1.0)
    assert torch.allclose(lab.zoomed(pictures, torch.Generator().manual_seed(2)), pictures, atol=1e-5)


def test_only_the_table_changes_with_the_size():
    model = build(lab.config_of(lab.SMALL)).eval()
    larger = lab.for_size(model, lab.LARGE, "bicubic")
    own, other = model.state_dict(), larger.state_dict()
    assert {name for name in own if not torch.equal(own[name], other[name])} == {"positions"}
    assert other["positions"].shape == (1, 1 + 49, 48)
    assert torch.equal(lab.for_size(model, lab.SMALL, "nearest").positions, model.positions)
    lost = lab.without_positions(model, lab.LARGE, 0)
    assert torch.equal(lost.positions[:, 0], model.positions[:, 0])
    assert abs(float((lost.positions.std() / larger.positions.std()).detach()) - 1) < 0.5


def test_the_same_seed_gives_the_same_run_whatever_else_draws():
    part, _ = lab.deal(0, 200, 50)
    small = lab.scaled(lab.at_size(part, lab.SMALL), lab.at_size(part, lab.SMALL))
    state = torch.random.get_rng_state()
    first = lab.trained(small, 3, 1).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)  # the shared dice stay where they are
    torch.rand(3)
    again, other = lab.trained(small, 3, 1).state_dict(), lab.trained(small, 4, 1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.fixture
def numbers():
    """What a run might have measured: four seeds."""
    made = {name: [80.0, 81.0, 79.0, 80.5] for name in lab._names()}
    return made | {lab.KEPT: [0.8, 0.82, 0.79, 0.81], lab.GAIN: [2.0, 2.1, 1.9, 2.0]}


def test_the_rule_can_say_each_of_the_three(numbers):
    assert lab.judge(numbers).outcome == "holds"
    assert lab.judge(numbers | {lab.GAIN: [-5.0, -5.1, -4.9, -5.0]}).outcome == "does not hold"
    assert lab.judge(numbers | {lab.KEPT: [0.3, 0.31, 0.29, 0.3]}).outcome == "does not hold"
    assert lab.judge(numbers | {lab.GAIN: [-5.0, 6.0, 3.0, -2.0]}).outcome == "not shown"
    assert lab.judge({name: values[:1] for name, values in numbers.items()}).outcome == "not shown"


def test_kept_is_counted_above_chance():
    row = {lab.BEFORE: 0.9, f"{lab.LARGE}: bicubic": 0.5}
    assert lab._kept(row) == pytest.approx(0.5)
    assert lab._kept(row | {f"{lab.LARGE}: bicubic": 0.1}) == pytest.approx(0.0)
