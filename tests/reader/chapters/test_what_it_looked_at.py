"""The chapter "What it looked at": its numbers are true, and its figures show what the text says."""

import numpy as np
import pytest
import torch

from glassworks import labs
from glassworks.insight.attention import ITSELF, attention_of, drawn_from, rollout, through
from glassworks.insight.drawings import EVEN
from glassworks.insight.gallery import METHODS, usual_methods
from glassworks.insight.perturbation import faithfulness
from glassworks.insight.record import last_maps, recording
from glassworks.insight.sanity import ALIKE, similarity
from glassworks.labs import can_the_map_be_believed as lab
from glassworks.models.vision.vit import VARIANTS, ViT, ViTConfig
from glassworks.reader import exercises
from glassworks.reader.exercises.image import what_it_looked_at as answers
from glassworks.reader.figures import cover_and_ask, map_in_steps, rollout_by_hand, small_vit
from glassworks.reader.figures.heads_of_a_digit import HeadsOfADigit
from glassworks.reader.figures.lite0 import classifier
from glassworks.reader.figures.one_class_at_a_time import RANKS, OneClassAtATime, explained
from glassworks.reader.figures.photographs import PLAIN, photograph
from glassworks.reader.figures.weights_shuffled import WeightsShuffled, two_maps
from glassworks.recipes.base import Facts
from glassworks.recipes.vit import recipe
from tests.reader.chapters.ladder import prose, words

SLUG = "image/what_it_looked_at"
COFFEE, CAT = "a cup of coffee", "a cat"


@pytest.fixture(scope="module")
def recorded() -> labs.Result:
    found = labs.recorded("can-the-map-be-believed")
    assert found is not None
    return found


# ---- the page


def test_the_text_corrects_what_is_often_said():
    """C36: patches are 1 to 196; C37: the grid is enlarged; C38: no black box, and no proof."""
    text = prose(SLUG)
    assert "the patches are tokens 1 to 196" in text
    assert "does not lie over a photograph by itself" in text
    assert "Both halves are wrong" in text


# ---- the map


def test_the_map_of_the_figure_has_the_stated_shapes():
    """T35: (1,12,197,197) to (1,197,197) to 196 to (14,14); rows sum to 1, the class token's at most to 1."""
    layer = map_in_steps.last_layer(COFFEE)
    assert layer.weights.shape == (1, 12, 197, 197) and layer.weights.numel() == 465_708  # "466,000"
    assert map_in_steps.config().tokens == ViTConfig(**VARIANTS["b16"]).tokens == 197
    mean = layer.weights.mean(1)
    torch.testing.assert_close(mean.sum(-1), torch.ones(1, 197))
    row = mean[0, 0, 1:]
    assert row.shape == (196,) and 0.9 < float(row.sum()) < 1
    torch.testing.assert_close(drawn_from(layer).mean(1)[0], row.reshape(14, 14))


def test_a_map_that_never_learned_is_nearly_even_and_follows_the_picture_all_the_same():
    shown = map_in_steps.MapInSteps()
    assert "between 0.87 and 1.3 times the mean" in words(shown.drawn)
    assert shown.drawn != shown.set(stretched=False)
    assert "Step 2: the class token's row, (1, 197)." in words(shown.set(step=2))
    for name, alike in ((COFFEE, 0.4), ("a temple", 0.7)):
        bright = map_in_steps.square(name).mean(2).reshape(14, 16, 14, 16).mean((1, 3))
        drawn = drawn_from(map_in_steps.last_layer(name)).mean(1)[0].numpy()
        assert abs(similarity(drawn, bright)) > alike


def test_the_place_of_the_exercise_is_that_of_the_library():
    weights = torch.zeros(1, 1, 197, 197)
    weights[..., 74] = 1
    layer = map_in_steps.last_layer(COFFEE)
    moved = type(layer)(layer.layer, weights, layer.grid, layer.prefix, layer.pooling)
    assert torch.nonzero(drawn_from(moved)[0, 0]).tolist() == [[5, 3]]
    assert exercises.find("what_it_looked_at.place").target == 74


def test_torchvisions_attention_is_asked_for_no_weights():
    torchvision = pytest.importorskip("torchvision")
    model = torchvision.models.VisionTransformer(32, 16, 1, 2, 8, 16, num_classes=3).eval()
    seen = []
    model.encoder.layers[0].self_attention.register_forward_hook(lambda *given: seen.append(given[2]))
    model(torch.zeros(1, 3, 32, 32))
    assert seen and seen[0][1] is None


# ---- heads and rollout


def test_the_small_network_has_learned_and_is_the_one_of_the_text():
    model, test = small_vit.small_vit(), small_vit.test_part()
    said = model(test.pictures).argmax(1)
    assert float((said == test.targets).double().mean()) > 0.9
    config = model.config
    assert (config.grid, config.depth, config.block.heads, config.tokens) == ((4, 4), 3, 4, 17)


def test_heads_differ_and_the_table_says_by_how_much():
    figure = HeadsOfADigit()
    shown = words(figure.wait())
    assert all(f"head {n}" in shown for n in (1, 2, 3, 4)) and "times the mean" in shown
    layers = attention_of(small_vit.small_vit(), small_vit.test_part().pictures[: small_vit.SHOWN])
    drawn = drawn_from(layers[-1]).flatten(2)  # (pictures, heads, patches)
    assert float((drawn[:, :, None] - drawn[:, None]).abs().amax((1, 2, 3)).min()) > 0.2
    last, rolled = drawn.mean(1), rollout(layers).flatten(1)
    assert bool((rolled.std(1) / rolled.mean(1) < last.std(1) / last.mean(1)).all())  # "is smoother"


def test_rollout_by_hand_is_the_librarys_and_gives_the_numbers_of_the_text():
    two = torch.from_numpy(np.stack([rollout_by_hand.FIRST, rollout_by_hand.SECOND]))[:, None]
    assert np.allclose(rollout_by_hand.rolled(ITSELF), through(two)[0].numpy())
    assert rollout_by_hand.SECOND[0, 1] == 0.8 and rollout_by_hand.FIRST[1, 2] == 0.9
    assert round(rollout_by_hand.rolled(0.0)[0, 2], 3) == 0.843
    assert [round(value, 3) for value in rollout_by_hand.rolled(0.5)[0, 1:]] == [0.314, 0.319]
    assert not np.allclose(rollout_by_hand.rolled(0.5, turned=True), rollout_by_hand.rolled(0.5))


def test_rollout_equals_the_slow_loop():
    layers = answers.attention_like(np.random.default_rng(4), 3, 6, 6)
    torch.testing.assert_close(through(layers[:, None])[0], answers.slow_rollout(layers), atol=1e-6, rtol=0)


def test_products_without_the_way_round_forget_where_they_began():
    without, half = answers.spread_by_depth(0.0), answers.spread_by_depth(ITSELF)
    assert without[-1][1] < 1e-4 < 1e-3 < half[-1][1] < 0.01
    assert 0.4 < (half[-1][1] / half[3][1]) ** (1 / 8) < 0.65  # "still halves with every layer"


# ---- Grad-CAM


def test_another_answer_gets_another_map_and_attention_has_one():
    first, second, _, last = (explained(COFFEE, rank) for rank in RANKS.values())
    assert first is not None and second is not None and last is not None
    assert first[0] == "espresso" and np.abs(first[2] - second[2]).max() > 0.2
    assert last[1] < 1e-6 and last[2].max() > 0.9  # nobody would name it, and a place is bright
    model = classifier().model
    inputs = classifier().prepared(classifier().view(photograph(COFFEE)))
    name = last_maps(model, inputs)
    with recording(model, [name]) as seen:
        model(inputs)
    assert seen[name].shape[-2:] == (7, 7)  # as the figure says


def test_where_nothing_speaks_for_a_class_nothing_is_coloured():
    assert not explained(CAT, 999)[2].any()
    figure = OneClassAtATime()
    assert PLAIN not in figure.controls[0].options
    figure.set(name=CAT, rank="the last of 1,000")
    assert "No place spoke for this answer" in words(figure.wait())


# ---- believing it


def test_the_area_of_the_figure_is_that_of_the_check():
    picture, model = small_vit.picture_of(7), small_vit.small_vit()
    said, _ = small_vit.said_of(model, picture)
    for shown in (False, True):
        heat, along, _ = cover_and_ask.both(7, "rollout", shown)
        check = faithfulness(model, picture, heat[None], said, steps=16)
        expected = check.area_insertion if shown else check.area_deletion
        assert cover_and_ask.area(along) == pytest.approx(expected, abs=1e-5)


def test_on_the_first_picture_rollout_is_better_than_elsewhere():
    assert small_vit.FIRST == 7
    for shown, sign in ((False, -1), (True, 1)):
        _, along, elsewhere = cover_and_ask.both(7, "rollout", shown)
        assert sign * (cover_and_ask.area(along) - cover_and_ask.area(elsewhere)) > 0.05
    whole = cover_and_ask.covered(small_vit.picture_of(7), np.arange(64.0).reshape(8, 8), 0, False)
    assert torch.equal(whole, small_vit.picture_of(7))


def test_the_table_of_the_text_is_the_recorded_lab(recorded):
    rows = {
        "attention of the last block": "ViT attention", "rollout": "ViT rollout",
        "Grad-CAM on the ViT": "ViT grad-cam", "Grad-CAM on the convolutional network": "CNN grad-cam",
        "occlusion on the ViT": "ViT occlusion",
        "the ink, which asks no network": "ViT ink", "noise, which asks no network": "ViT noise",
    }  # fmt: skip
    text, numbers = prose(SLUG), recorded.numbers
    for told, name in rows.items():
        gains = [np.mean(numbers[f"{test}: {name}"]) for test in lab.TESTS]
        assert f"| {told} | {gains[0]:+.1f} | {gains[1]:+.1f} |" in text, told
    assert len(recorded.seeds) == 5 and lab.PICTURES == 100 and recorded.outcome == "not shown"


def test_what_the_text_says_of_the_lab_is_what_was_measured(recorded):
    numbers = recorded.numbers
    for test in lab.TESTS:
        attention = lab.mean_interval(numbers[f"{test}: ViT attention"])
        assert attention.low < 0 < attention.high
        assert min(numbers[f"{test}: ViT rollout"]) > 5  # "clearly, and in every seed"
        assert min(numbers[f"{test}: ViT occlusion"]) > max(numbers[f"{test}: ViT rollout"])
    assert not lab.above_ink(numbers, "deletion").excludes_zero
    assert lab.above_ink(numbers, "insertion").low > 0
    assert lab.mean_interval(numbers["deletion: ViT ink"]).low > 0
    alike = {way: numbers[f"alike: ViT {way}"] for way in lab.WAYS["ViT"]}
    means = {way: round(float(np.mean(values)), 2) for way, values in alike.items()}
    assert (means["ink"], means["grad-cam"], means["attention"], means["rollout"]) == (1.0, 0.02, 0.14, 0.29)
    assert round(max(alike["rollout"]), 2) == 0.52 and sorted(alike["rollout"])[-2] < ALIKE


def test_a_map_of_the_ink_does_not_notice_and_that_of_occlusion_does():
    one, other, sure, unsure = two_maps(7, "ink", 0)
    assert np.array_equal(one, other) and sure > 0.9 > unsure
    assert abs(similarity(*two_maps(7, "occlusion", 0)[:2])) < ALIKE
    figure = WeightsShuffled()
    figure.wait()
    assert "+1.00" in words(figure.set(way="the ink alone (asks no network)"))


# ---- a model of one's own


def test_what_the_text_says_of_explain_is_so():
    made = recipe("tiny", "s16", Facts("label", outputs=10, channels=1, side=32, examples=1168))
    model = ViT(ViTConfig(**made.model))
    assert last_maps(model) == f"blocks.{len(model.blocks) - 1}.norm1"
    assert usual_methods(model, made.input) == ("attention", "rollout", "grad-cam")
    assert {"heads", "rollout", "occlusion"} <= set(METHODS) and 0 < EVEN < 0.1
    assert rollout([map_in_steps.last_layer(COFFEE)]).shape == (1, 14, 14)
