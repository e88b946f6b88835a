"""The chapter "The Transformer": its numbers are true, and its figures show what they say."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from glassworks import labs
from glassworks.catalogue import CATALOGUE
from glassworks.insight.sequence_cost import sequence_costs
from glassworks.models.sequence.transformer import VARIANTS, TransformerConfig, build, hidden_after, waves
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import CodeExercise, NumberExercise
from glassworks.reader.figures import (
    all_at_once,
    cost_of_length,
    shifted_by_one,
    stream_by_block,
    three_masks,
)
from glassworks.reader.figures.all_at_once import AllAtOnce
from glassworks.reader.figures.cost_of_length import CostOfLength, reading, writing
from glassworks.reader.figures.paper_schedule import PaperSchedule, rate
from glassworks.reader.figures.shifted_by_one import ShiftedByOne
from glassworks.reader.figures.stream_by_block import StreamByBlock, stream
from glassworks.reader.figures.three_masks import ThreeMasks
from glassworks.reader.figures.waves_of_places import WavesOfPlaces, by_distance
from glassworks.recipes import transformer as recipes
from glassworks.recipes.base import TextFacts
from glassworks.tasks.translation import token_loss
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/the_transformer"


def exercise(word: str) -> NumberExercise:
    found = exercises.find(f"the_transformer.{word}")
    assert isinstance(found, NumberExercise)
    return found


def solution(word: str) -> dict:
    """The names that an exercise's reference answer defines."""
    found, names = exercises.find(f"the_transformer.{word}"), {}
    assert isinstance(found, CodeExercise)
    exec(found.solution, names)  # noqa: S102
    return names


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


@pytest.fixture(scope="module")
def base():
    with torch.device("meta"):
        return build(TransformerConfig(**VARIANTS["base"]))


# ---- what waits


def test_rounds_are_counted_as_the_text_says():
    for kind in ("transformer", "recurrent"):
        for writing_now in (False, True):
            for tokens in (1, 2, 7):
                found = all_at_once.rounds(kind, writing_now, tokens).max()
                assert found == all_at_once.waits(kind, writing_now, tokens)
    assert all_at_once.waits("recurrent", False, 1000) == 1002
    figure = AllAtOnce()
    assert "rounds for 1,000 tokens 3 " in words(figure.drawn)
    assert "rounds for 1,000 tokens 3,000" in words(figure.set(writing="writing: it is not"))


# ---- positions


def test_the_waves_of_the_text_are_those_of_the_model():
    """P45: exact values of the sine positions."""
    table = waves(60, 512).double()
    assert waves(2, 4)[1].tolist() == pytest.approx([0.8415, 0.5403, 0.0100, 0.9999], abs=6e-5)
    assert waves(2, 4)[0].tolist() == [0, 1, 0, 1]
    for place in (0, 10, 50):
        assert float(table[place] @ table[place]) == pytest.approx(256, abs=1e-3)
        assert float(table[place] @ table[place + 3]) == pytest.approx(211.749, abs=2e-3)
        assert by_distance(512, 3) == pytest.approx(211.749, abs=1e-3)
    assert float(table.square().mean().sqrt()) == pytest.approx(0.707, abs=1e-3)
    assert math.sqrt(512) == pytest.approx(22.6, abs=0.05)
    assert pytest.approx(9_647, abs=1) == 10_000 ** (510 / 512)  # "nearly 10,000 times"
    assert "any place with the one 3 on 211.749" in words(WavesOfPlaces().drawn)
    assert torch.allclose(solution("waves")["waves"](30, 64), waves(30, 64), atol=1e-5)


def test_vectors_begin_as_the_text_says():
    """Spread 1 after the factor, 1 / root of the width in the last layer: first scores of spread 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(TransformerConfig(vocabulary=4000, width=256, depth=1)).eval()
    spread = float(model.head.weight.detach().std())
    assert spread == pytest.approx(256**-0.5, rel=0.01) and spread * model.places.scale == pytest.approx(
        1, rel=0.01
    )
    source = torch.arange(1, 30)[None]
    with torch.no_grad():
        assert float(model(source, None, source).std()) == pytest.approx(1, abs=0.1)


# ---- masks


def test_a_row_without_keys_is_no_number_behind_infinity_and_one_behind_a_large_number():
    assert np.isnan(three_masks.weights("cross", 0, "infinite")).all()
    finite = three_masks.weights("cross", 0, "finite")
    assert np.allclose(finite, three_masks.weights("cross", 5, "nothing"), atol=1e-3)
    for which, length in (("encoder", 3), ("cross", 1)):
        one, other = (three_masks.weights(which, length, how) for how in ("finite", "infinite"))
        assert (one[:, length:] == 0).all() and np.allclose(one, other, atol=1e-3)
        assert np.allclose(one.sum(1), 1, atol=1e-6)
    assert (np.triu(three_masks.weights("decoder", 3, "finite"), 1) == 0).all()
    figure = ThreeMasks()
    figure.set(which="the answer looks at the source", length=0)
    assert "not a number" in words(figure.set(how="minus infinity"))
    assert "as if nothing were hidden" in words(figure.set(how="-10,000, as here"))
    assert "future take part" in words(figure.set(how="nothing"))


def test_the_filling_of_an_answer_is_hidden_by_the_causal_mask_already():
    lengths = torch.tensor([5, 2, 1])
    both = solution("mask")["may_look"](lengths, 5)
    causal = solution("mask")["may_look"](torch.tensor([5, 5, 5]), 5)
    for row, length in enumerate(lengths.tolist()):
        assert torch.equal(both[row, :length], causal[row, :length])
    assert bool(both.any(-1).all()) and not torch.equal(both, causal)
    hidden = hidden_after(lengths, 5, torch.zeros(()))
    assert hidden is not None and torch.equal(hidden[:, 0] == 0, both[:, -1:])


# ---- moved by one


def test_a_decoder_that_gets_its_answer_learns_nothing():
    for seed in (0, 1):
        cheated, right = (shifted_by_one.learned(way, seed) for way in ("not moved", "right"))
        assert cheated.losses[-1] < 0.01 < right.losses[-1] and cheated.losses[40] < 0.05 < right.losses[40]
        assert cheated.given > 0.99 and cheated.written < 0.05 and right.written > 0.9
        peeked = shifted_by_one.learned("no mask", seed)
        assert peeked.given > 0.9 and peeked.written < right.written - 0.05
    figure = ShiftedByOne()
    figure.set(way="not moved")
    assert "0 %" in words(figure.wait()) and "·····" in words(figure.drawn)


def test_the_least_loss_with_smoothing_is_the_entropy_of_its_target():
    size, share = 37_000, 0.1
    right, other = 1 - share + share / size, share / size
    least = -(right * math.log(right) + (size - 1) * other * math.log(other))
    assert least == pytest.approx(1.377, abs=5e-4)
    best = torch.full((1, 1, size), other).log()
    best[..., 7] = math.log(right)
    assert float(token_loss(best, torch.tensor([[7]]), 0, share)) == pytest.approx(least, rel=1e-4)


# ---- counted


def test_the_table_of_parameters_is_the_base_models(base):
    own, other = base.encoder.blocks[0], base.decoder.blocks[0]
    assert count(own.attention) == count(other.cross) == 1_050_624 == 4 * (512 * 512 + 512)
    assert count(own.mlp) == 2_099_712 and count(own.norm1) == 1_024
    assert count(own) == 3_152_384 and count(other) == 4_204_032
    assert count(base.head) == 18_944_000 == 37_000 * 512
    assert count(base) == 63_082_496 == 6 * (3_152_384 + 4_204_032) + 18_944_000
    with torch.device("meta"):
        apart = build(TransformerConfig(**VARIANTS["base"], shared=False))
    assert count(apart) == 100_970_496
    small = {"width": 256, "depth": 1, "vocabulary": 9, "context": 4}
    with torch.device("meta"):
        block = build(TransformerConfig(**small)).decoder.blocks[0]
    assert count(block) == exercise("count").target


def test_the_multiply_adds_of_the_text_are_those_of_the_model(base):
    source = torch.zeros(1, 25, dtype=torch.long)
    costs = {one.name: one.multiply_adds for one in sequence_costs(base, source, None, source)}
    assert costs == {"encoder": 475_699_200, "decoder": 636_825_600, "head": 473_600_000}
    matrices, maps = reading(25, 512)
    assert 6 * (matrices + maps) == costs["encoder"]
    assert 100 * maps / (matrices + maps) == pytest.approx(0.8, abs=0.05)
    matrices, maps = reading(6 * 512, 512)
    assert matrices == maps
    assert sum(reading(3000, 500)) / sum(reading(1000, 500)) == exercise("cost").target


def test_writing_with_a_cache_costs_what_the_figure_says():
    """Counted on the installed decoder, one step after the other."""
    width, tokens = 32, 6
    shape = {"vocabulary": 9, "context": 8, "width": width, "depth": 1, "block": {"heads": 4, "dropout": 0.0}}
    model = build(TransformerConfig(**shape)).eval()
    source, said = torch.ones(1, tokens, dtype=torch.long), torch.ones(1, tokens, dtype=torch.long)

    def products(work) -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            work()
        return counter.get_total_flops() // 2

    def stepwise() -> None:
        state = model.begin(source)
        for place in range(tokens):
            _, state = model.step(said[:, place], state)

    read = products(lambda: model.encode(source))
    head = tokens * 9 * width
    assert products(stepwise) - read - head == writing(tokens, width, True)
    anew = sum(
        products(lambda so_far=so_far: model(source, None, said[:, :so_far])) - read - so_far * 9 * width
        for so_far in range(1, tokens + 1)
    )
    assert anew == writing(tokens, width, False)
    assert "6 · 512 = 3,072" in words(CostOfLength().drawn)
    assert cost_of_length.readable(1_500_000) == "1.5 million"


# ---- norms and the schedule


def test_the_stream_grows_with_pre_norm_and_not_with_post_norm():
    for seed in range(4):
        pre, post = (stream(norm, 12, seed) for norm in stream_by_block.NORMS)
        assert all(size == pytest.approx(1, abs=1e-3) for size in post.sizes[1:])
        assert pre.sizes[0] * 1.2 < pre.sizes[6] and pre.sizes[6] * 1.2 < pre.sizes[-1]
        assert 1.8 < pre.sizes[-1] / pre.sizes[0] < 3.5
        assert pre.kept > 0.3 > 0.2 > post.kept
    assert "Nothing has been learned yet" in words(StreamByBlock().drawn)


def test_the_schedule_peaks_at_the_end_of_the_warm_up():
    steps = np.arange(1, 20_000)
    found = [rate(int(step), 512, 4_000) for step in steps]
    assert steps[int(np.argmax(found))] == 4_000
    assert max(found) == pytest.approx((512 * 4_000) ** -0.5) == pytest.approx(0.000699, abs=5e-7)
    assert rate(16_000, 512, 4_000) == pytest.approx(max(found) / 2)
    assert rate(6_400, 256, 1_600) == pytest.approx(exercise("rate").target)
    assert "0.000699" in words(PaperSchedule().drawn) and "0.000699" in prose(SLUG)
    facts = TextFacts(kind="pairs", outputs=0, examples=4_500_000, words=25, longest=200, letters=10**9)
    ours = recipes.training_for("paper", facts)
    assert (ours.learning_rate, ours.warmup, ours.schedule, ours.smoothing) == (7e-4, 0.04, "cosine", 0.1)


FOUND = (
    ("post", 6, "full rate at once", 55), ("post", 6, "warm-up", 87), ("pre", 6, "full rate at once", 99),
    ("pre", 6, "warm-up", 99), ("post", 12, "full rate at once", 8), ("post", 12, "warm-up", 28),
    ("pre", 12, "full rate at once", 97), ("pre", 12, "warm-up", 97),
)  # fmt: skip


def test_the_text_tells_what_the_lab_found():
    result = labs.recorded("norm-in-a-transformer")
    assert result is not None and not result.quick and result.seeds == (0, 1, 2)
    mean = {name: float(np.mean(row)) for name, row in result.numbers.items()}
    text = prose(SLUG)
    for norm, depth, start, said in FOUND:
        assert mean[f"accuracy: {norm}, {depth} blocks, {start}"] == pytest.approx(said, abs=0.5), (
            norm,
            depth,
        )
        assert f"{said} %" in text
    assert min(mean[name] for name in mean if name.startswith("accuracy") and " 2 blocks" in name) > 99
    assert result.outcome == "holds" and "the usual claim (Xiong 2020) holds here" in text
    assert mean["accuracy: pre, 12 blocks, warm-up"] - mean["accuracy: post, 12 blocks, warm-up"] > 50


# ---- the rest


def test_the_system_names_this_chapter():
    assert next(one for one in CATALOGUE if one.name == "transformer").chapter == SLUG


def test_smoothing_and_filling_are_left_out_where_the_text_says():
    scores = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    wanted = torch.tensor([[1, 2, 0], [3, 0, 0]])
    real = F.cross_entropy(torch.stack([scores[0, 0], scores[0, 1], scores[1, 0]]), torch.tensor([1, 2, 3]))
    torch.testing.assert_close(token_loss(scores, wanted, 0), real)
