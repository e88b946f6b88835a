"""Which parts learn, how fast and from when: the table, the optimiser's groups, the thawing."""

import pytest
import torch

from glassworks.core.errors import PersonError
from glassworks.transfer.tuning import (
    THAWED_BY,
    Tuning,
    begin,
    groups_of,
    learns_at,
    optimizer_groups,
    table_of,
    thaw,
    tuning_of,
)
from tests.transfer.models import pictures_for, small_cnn, small_resnet

PARTS = ["stages.0", "stages.1", "dense", "head"]


def learning(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_each_method_lets_learn_what_it_says():
    model = small_cnn()
    every = {name for name, _ in model.named_parameters()}
    begin(model, Tuning("full"))
    assert learning(model) == every
    for tuning in (Tuning("head"), Tuning("gradual")):
        begin(model, tuning)
        assert learning(model) == {"head.weight", "head.bias"}
    begin(model, Tuning("last", last=1))
    assert learning(model) == {"head.weight", "head.bias", "dense.weight", "dense.bias"}
    begin(model, Tuning("last", last=99))
    assert learning(model) == every
    begin(model, Tuning("lora", rank=2))
    names = learning(model)
    assert {"head.weight", "head.bias", "stages.0.convolution.up.weight", "dense.down.weight"} <= names
    assert not any(".base." in name or "norm" in name for name in names)


def test_the_table_counts_every_number_and_lists_frozen_parts_with_rate_0():
    model = small_cnn()
    table = table_of(groups_of(model, Tuning("last", last=1, layer_decay=0.5)), 0.01)
    assert [row["part"] for row in table] == PARTS
    assert sum(row["parameters"] for row in table) == sum(p.numel() for p in model.parameters())
    assert [row["rate"] for row in table] == [0.0, 0.0, 0.005, 0.01]
    assert [row["learning"] > 0 for row in table] == [False, False, True, True]
    assert [row["from"] for row in table] == [None, None, 0.0, 0.0]


def test_rates_fall_by_the_layer_decay_from_the_head_down():
    scales = [group.scale for group in groups_of(small_cnn(), Tuning("full", layer_decay=0.7))]
    assert scales == pytest.approx([0.343, 0.49, 0.7, 1.0])


def test_parts_thaw_from_the_head_down_and_a_share_decides_alone():
    model = small_resnet()
    groups = begin(model, Tuning("gradual"))
    names = [group.part for group in groups]
    shares = [place / 100 for place in range(101)]
    counts = [len(learns_at(groups, share)) for share in shares]
    assert counts == sorted(counts) and counts[0] == 1 and set(counts) == set(range(1, len(names) + 1))
    for share, count in zip(shares, counts):
        assert learns_at(groups, share) == set(names[-count:])
    assert len(learns_at(groups, THAWED_BY - 0.01)) == len(names) - 1
    assert len(learns_at(groups, THAWED_BY)) == len(names)
    begin(model, Tuning("gradual"))
    thaw(model, groups, 0.5)  # a run that goes on from the middle
    half = learning(model)
    for share in (0.0, 0.1, 0.3, 0.5):
        thaw(model, groups, share)
    assert learning(model) == half


def test_the_optimizer_gets_each_learning_number_once_and_decays_no_vector():
    model = small_cnn()
    groups = begin(model, Tuning("gradual", layer_decay=0.5))
    made = optimizer_groups(groups, 0.05)
    given = [parameter for group in made for parameter in group["params"]]
    assert len(given) == len({id(p) for p in given}) == len(list(model.parameters()))
    for group in made:
        assert {parameter.ndim > 1 for parameter in group["params"]} == {group["weight_decay"] > 0}
        assert group["scale"] == 0.5 ** (3 - PARTS.index(group["part"]))
    assert sum(
        p.numel() for g in optimizer_groups(begin(model, Tuning("head")), 0.1) for p in g["params"]
    ) == (24 * 4 + 4)


def test_a_part_that_waits_is_not_moved_by_the_optimizer():
    model = small_cnn()
    groups = begin(model, Tuning("gradual"))
    optimizer = torch.optim.AdamW(optimizer_groups(groups, 0.1), lr=0.1, fused=True)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}

    def step():
        optimizer.zero_grad(set_to_none=True)
        model(pictures_for(model)).square().sum().backward()
        optimizer.step()
        return {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}

    assert step() == {"head.weight", "head.bias"}
    thaw(model, groups, 0.2)
    assert step() == {"head.weight", "head.bias", "dense.weight", "dense.bias"}


def test_tunings_by_name():
    assert tuning_of("full") == Tuning("full")
    assert tuning_of("last:3", layer_decay=0.8) == Tuning("last", last=3, layer_decay=0.8)
    assert tuning_of("lora:4", alpha=8) == Tuning("lora", rank=4, alpha=8)
    with pytest.raises(PersonError, match="did you mean"):
        tuning_of("gradul")
    for bad in ("last:0", "last:", "last:-1", "lora:0", "heads:2", ""):
        with pytest.raises(PersonError) as caught:
            tuning_of(bad)
        assert caught.value.code == "bad-tuning"
    for decay in (0.0, 1.5, float("nan")):
        with pytest.raises(PersonError, match="layer-decay"):
            tuning_of("full", layer_decay=decay)
