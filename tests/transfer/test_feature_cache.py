"""Features computed once: the same training as without, the same order, and a cache that cannot mislead."""

import numpy as np
import pytest
import torch
from torch import nn

from glassworks.core.cache import cache_folder
from glassworks.data.augment import Augment
from glassworks.data.batches import PictureBatches, measure_input
from glassworks.data.samples import sample_table
from glassworks.transfer import feature_cache
from glassworks.transfer.feature_cache import cached_features, weights_digest
from glassworks.transfer.freeze import freeze, training_mode
from tests.transfer.models import small_cnn, small_resnet

ROWS = np.arange(7, 207)[::-1].copy()  # a part of the data, not in the data's order


@pytest.fixture(scope="module")
def digits():
    table = sample_table("digits")
    pixels = np.repeat(np.stack(table.sources[:220]).reshape(220, 32, 32, 1), 3, axis=3)
    return pixels, table.targets[:220], measure_input(pixels, ROWS)


@pytest.fixture
def batches(digits):
    return PictureBatches(*digits[:2], ROWS, digits[2], seed=4)


@pytest.fixture
def eager(monkeypatch):
    """Keep everything in the cache, however fast it was made."""
    monkeypatch.setattr(feature_cache, "NOTICEABLE", 0.0)


def model_for(digits, make=small_cnn):
    torch.manual_seed(0)
    model = make(height=32, width=32, classes=10)
    freeze(model, ["head"])
    return model


def trained(head, model, examples, epochs=2, batch=32):
    """Losses of a short training of the head, `model` being what answers."""
    optimizer = torch.optim.AdamW(head.parameters(), lr=0.01)
    losses = []
    for epoch in range(epochs):
        for start in range(0, len(examples), batch):
            training_mode(model) if hasattr(model, "head") else model.train()
            part = examples.training(epoch, start, start + batch)
            loss = nn.functional.cross_entropy(model(part.inputs), part.targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("make", [small_cnn, small_resnet])
def test_training_the_head_on_cached_features_equals_training_it_on_pictures(digits, batches, make):
    """Order, rows and targets are exact; features may differ by rounding, as the body sees other batches."""
    model, again = model_for(digits, make), model_for(digits, make)
    features = cached_features(batches, again.features, key=make.__name__)
    whole, head = trained(model.head, model, batches), trained(again.head, again.head, features)
    assert whole == pytest.approx(head, rel=1e-6, abs=1e-6)
    assert sum(head[-7:]) < sum(head[:7])
    for ours, theirs in zip(again.head.parameters(), model.head.parameters()):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_training_is_bit_equal_where_the_body_sees_the_same_batches(digits, batches, monkeypatch):
    monkeypatch.setattr(feature_cache, "SIZE", 1)
    model, again = model_for(digits), model_for(digits)
    features = cached_features(batches, again.features, key="one at a time")
    assert trained(model.head, model, batches, 1, batch=1) == trained(again.head, again.head, features, 1, 1)


def test_batches_have_the_rows_targets_and_order_of_the_pictures(digits, batches):
    features = cached_features(batches, model_for(digits).features, key="order")
    assert len(features) == len(batches)
    for epoch in (0, 3):
        assert np.array_equal(features.order(epoch), batches.order(epoch))
        for ask in ((0, 32), (190, 260)):
            for rank, world in ((0, 1), (1, 2)):
                ours, theirs = (part.training(epoch, *ask, rank, world) for part in (features, batches))
                assert np.array_equal(ours.rows, theirs.rows) and torch.equal(ours.targets, theirs.targets)
    for ours, theirs in zip(features.plain(64), batches.plain(64), strict=True):
        assert np.array_equal(ours.rows, theirs.rows) and torch.equal(ours.targets, theirs.targets)
        assert ours.inputs.shape == (len(ours), 24) and ours.inputs.dtype == torch.float32
    part = features.training(0, 0, 10).part(2, 5)
    assert np.array_equal(part.rows, features.order(0)[2:5])


def test_each_feature_is_that_of_its_own_picture(digits, batches):
    model = model_for(digits).eval()
    features = cached_features(batches, model.features, key="own")
    batch = batches.training(1, 20, 40)
    with torch.no_grad():
        expected = model.features(batch.inputs)
    torch.testing.assert_close(features.training(1, 20, 40).inputs, expected, atol=1e-5, rtol=1e-5)


def test_the_body_runs_in_evaluation_mode_and_is_left_as_it_was(digits, batches):
    model = model_for(digits).train()
    model.stages[0].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [layer.training for layer in model.modules()]
    once, twice = (cached_features(batches, model.features, key=key) for key in ("a", "b"))
    assert torch.equal(once.features, twice.features), "dropout would differ"
    assert [layer.training for layer in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_second_run_reads_the_cache_and_another_key_or_part_does_not(digits, batches, eager):
    asked = []

    def body(pictures):
        asked.append(len(pictures))
        return pictures.mean((2, 3))

    first = cached_features(batches, body, key="k")
    assert sum(asked) == len(ROWS) and "kept" in first.note
    second = cached_features(batches, body, key="k")
    assert sum(asked) == len(ROWS) and "read from the cache" in second.note
    assert torch.equal(first.features, second.features)
    cached_features(batches, body, key="k2")
    assert sum(asked) == 2 * len(ROWS)
    other = cached_features(PictureBatches(*digits[:2], ROWS - 3, digits[2]), body, key="k")
    assert sum(asked) == 3 * len(ROWS) and not torch.equal(other.features, first.features)


@pytest.mark.parametrize("place", [20, 0.5, -1])
def test_a_damaged_entry_is_computed_again(batches, eager, place):
    def body(pictures):
        return pictures.mean((2, 3))

    folder = cache_folder() / "features"
    before = set(folder.iterdir()) if folder.exists() else set()
    good = cached_features(batches, body, key=f"damaged {place}").features
    (entry,) = set(folder.iterdir()) - before
    raw = bytearray(entry.read_bytes())
    raw[int(len(raw) * place) if isinstance(place, float) else place] ^= 1
    for spoiled in (bytes(raw), bytes(raw[:-9]), b""):
        entry.write_bytes(spoiled)
        again = cached_features(batches, body, key=f"damaged {place}")
        assert "computed" in again.note and torch.equal(again.features, good)
    assert "read" in cached_features(batches, body, key=f"damaged {place}").note


def test_features_of_half_precision_are_close_and_kept_as_float32(digits, batches):
    model = model_for(digits)
    exact = cached_features(batches, model.features, key="fp32").features
    half = cached_features(
        batches, model.features, key="bf16", autocast=lambda: torch.autocast("cpu", torch.bfloat16)
    ).features
    assert half.dtype == torch.float32 and not torch.equal(half, exact)
    assert float((half - exact).abs().max()) < 0.05 * float(exact.abs().max())


def test_nothing_random_may_touch_the_pictures(digits):
    moved = PictureBatches(*digits[:2], ROWS, digits[2], augment=Augment(flip="random"))
    with pytest.raises(ValueError, match="random"):
        cached_features(moved, lambda pictures: pictures.mean((2, 3)), key="k")


def test_the_digest_of_weights_sees_every_number_and_leaves_out_the_head():
    model = small_cnn()
    before, body = weights_digest(model), weights_digest(model, besides=("head.",))
    with torch.no_grad():
        model.head.bias[0] += 1e-6
    assert weights_digest(model) != before and weights_digest(model, besides=("head.",)) == body
    model.to(memory_format=torch.channels_last)
    assert weights_digest(model, besides=("head.",)) == body
    model.stages[1].norm.running_var[3] += 1e-6
    assert weights_digest(model, besides=("head.",)) != body
