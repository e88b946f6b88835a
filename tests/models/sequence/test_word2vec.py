"""Word2vec climbs the ladder: shapes, parity with a loop over pairs, laws of its loss, learning, export.

There is no maintained layer to compare with: the reference is the papers' sum over pairs, written out slowly
here, and for the file of vectors the format that gensim reads.
"""

import math
from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
import torch
from torch.export import Dim

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.api.words_answers import write_vectors
from glassworks.deploy.formats import OPSET
from glassworks.models.sequence.word2vec import (
    VARIANTS,
    Word2VecConfig,
    build,
    near,
    noise_contrast,
    right_answers,
)
from glassworks.tasks.word_embedding import Passages, WordEmbedding, kept_shares, noise_ends
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised
from tests.models import ladder
from tests.topics import TOPICS, write_texts

# To change these on purpose: run `python -m tests.models.sequence.test_word2vec`, paste what it prints, and
# say in the commit why the losses moved.
FIRST_LOSSES = [
    4.619883,
    4.340839,
    4.138709,
    3.890390,
    3.857273,
    3.289510,
    2.945824,
    2.905388,
    2.875764,
    2.876900,
]
WORDS = 30
TINY = {"vocabulary": WORDS, "width": 12, "window": 3, "shared": 7, "subsample": 0.0}
LENGTHS = torch.tensor([9, 4, 1])


def tiny(**changes):
    """Both tables random: a fresh head is zero, and would hide what the words' own vectors do."""
    model = ladder.seeded(lambda: build(Word2VecConfig(**TINY | changes)))
    torch.nn.init.normal_(model.vectors.weight, std=0.5)
    torch.nn.init.normal_(model.head.weight, std=0.5)
    return model


def passages(seed=1):
    """Three passages of 9, 4 and 1 words, filled up with 0, and seven noise words for each."""
    dice = torch.Generator().manual_seed(seed)
    words = torch.randint(1, WORDS, (3, 9), generator=dice)
    words[torch.arange(9) >= LENGTHS[:, None]] = 0
    return words, torch.randint(1, WORDS, (3, 7), generator=dice)


def loss_of(model, words, noise, lengths=LENGTHS):
    scores = model(words, lengths, torch.cat([words, noise], 1))
    return noise_contrast(
        scores, right_answers(words, lengths, model.config, scores.dtype), model.config.negatives
    )


@pytest.mark.parametrize("reads", ["skip-gram", "cbow"])
def test_shape_and_gradient(reads):
    model, (words, noise) = tiny(reads=reads), passages()
    assert model.features(words, LENGTHS).shape == (3, 9, 12)
    assert model(words, LENGTHS).shape == (3, 9, WORDS)
    assert model(words, LENGTHS, noise).shape == (3, 9, 7)
    torch.testing.assert_close(
        model(words, LENGTHS, words)[1, 2, 3], model(words, LENGTHS)[1, 2, words[1, 3]]
    )
    loss_of(model, words, noise).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert [name for name, _ in model.named_children()][-1] == "head"


def slow_loss(model, words, noise):
    """The papers' sum, pair by pair: -log sigmoid of what is right, and of minus what is noise."""
    config, vectors, others = model.config, model.vectors.weight, model.head.weight
    total, weights = 0.0, 0.0
    for row, length in enumerate(LENGTHS.tolist()):
        for place in range(length):
            around = [
                (other, (config.window - abs(other - place) + 1) / config.window)
                for other in range(length)
                if 0 < abs(other - place) <= config.window
            ]
            if not around:
                continue
            known, right = vectors[words[row, place]], [(words[row, other], share) for other, share in around]
            if config.reads == "cbow":
                known = sum(share * vectors[words[row, other]] for other, share in around)
                known, right = known / sum(share for _, share in around), [(words[row, place], 1.0)]
            for word, share in right:
                total = total - share * torch.nn.functional.logsigmoid(known @ others[word])
                for wrong in noise[row]:
                    part = torch.nn.functional.logsigmoid(-(known @ others[wrong]))
                    total = total - share * config.negatives * part / len(noise[row])
                weights += share
    return total / weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("reads", ["skip-gram", "cbow"])
def test_parity_with_a_loop_over_pairs(reads, dtype):
    """Loss and both gradients equal those of the sum over pairs."""
    model, (words, noise) = tiny(reads=reads).to(dtype), passages()
    found, expected = loss_of(model, words, noise), slow_loss(model, words, noise)
    ladder.close(found.detach(), expected.detach())
    parameters = list(model.parameters())
    for one, other in zip(torch.autograd.grad(found, parameters), torch.autograd.grad(expected, parameters)):
        ladder.close(one, other)


def test_law_a_weight_is_the_mean_of_the_windows_that_the_authors_draw():
    """They draw a reach of 1 to 5 for every word; a neighbour at distance d is inside in (5 - d + 1) / 5."""
    drawn = [near(torch.ones(1, 12, dtype=torch.long), None, reach) > 0 for reach in range(1, 6)]
    weight = near(torch.ones(1, 12, dtype=torch.long), None, 5)
    torch.testing.assert_close(weight, torch.stack(drawn).float().mean(0))
    assert weight[0, 5].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 0, 1, 0.8, 0.6, 0.4, 0.2, 0])


def test_law_padding_and_the_other_passages_play_no_part():
    model, (words, noise) = tiny(), passages()
    longer = torch.cat([words, torch.full((3, 5), 17)], 1)
    torch.testing.assert_close(loss_of(model, longer, noise), loss_of(model, words, noise))
    assert not torch.isclose(
        loss_of(model, words, noise, LENGTHS + torch.tensor([0, 2, 0])), loss_of(model, words, noise)
    )
    alone = loss_of(model, words[:1], noise[:1], LENGTHS[:1])
    weight = near(words, LENGTHS, 3).sum((1, 2))
    second = loss_of(model, words[1:2], noise[1:2], LENGTHS[1:2])
    torch.testing.assert_close(
        (weight[0] * alone + weight[1] * second) / weight.sum(), loss_of(model, words, noise)
    )


def test_law_the_best_scores_are_mutual_information_less_the_noise():
    """Levy & Goldberg 2014: log p(word, other) / (p(word) q(other)) - log k, where the gradient is zero."""
    words = torch.tensor([[1, 1, 2, 2, 3, 3, 1, 3, 2, 1]])
    config = Word2VecConfig(vocabulary=4, window=2, negatives=3.0)
    right = right_answers(words, None, config, torch.float64)
    noise = torch.tensor([[1, 2, 3]])  # each word once: q = 1/3
    counts = torch.zeros(4, 4, dtype=torch.float64)
    counts.index_put_((words[0][:, None].expand(10, 10), words[0].expand(10, 10)), right[0], accumulate=True)
    best = torch.log(counts[1:, 1:] / (counts[1:].sum(1, keepdim=True) / 3)) - math.log(3.0)
    for table, still in ((best, True), (best + 0.1, False), (best.flip(0), False)):
        table = table.clone().requires_grad_()
        scores = table[words[0] - 1][:, torch.cat([words, noise], 1)[0] - 1][None]
        (gradient,) = torch.autograd.grad(noise_contrast(scores, right, config.negatives), table)
        assert (float(gradient.abs().max()) < 1e-12) == still


def test_law_noise_is_drawn_by_counts_to_the_power_and_never_where_there_are_none():
    counts = np.array([0, 0, 1, 16, 81, 0, 256])
    task = WordEmbedding(Word2VecConfig(vocabulary=7, shared=50), noise_ends(counts, 0.75))
    drawn = task.noise(4000, torch.Generator().manual_seed(3))
    shares = np.bincount(drawn.flatten().numpy(), minlength=7) / drawn.numel()
    np.testing.assert_allclose(shares, counts**0.75 / (counts**0.75).sum(), atol=0.005)
    assert shares[[0, 1, 5]].sum() == 0
    again = task.noise(4000, torch.Generator().manual_seed(3))
    assert torch.equal(drawn, again)


def test_law_frequent_words_stay_as_often_as_the_paper_says():
    """sqrt(threshold / share): a word that is 1 % of a text stays in 31.6 % of its places at 1e-3."""
    counts = np.array([100, 9_899, 1])
    kept = kept_shares(counts, 1e-3)
    assert kept == pytest.approx([math.sqrt(1e-3 / 1e-2), math.sqrt(1e-3 / 0.9899), 1.0])
    assert kept_shares(counts, 0.0).tolist() == [1, 1, 1]
    stream = [np.zeros(50, np.int64)] * 400
    batches = Passages(stream, np.arange(400), np.array([0.316]), seed=2)
    assert float(batches.training(0, 0, 400).lengths.sum()) / 20_000 == pytest.approx(0.316, abs=0.01)


def test_a_batch_holds_what_a_plain_loop_would_keep():
    dice = np.random.default_rng(5)
    stream = [dice.integers(5, WORDS, size) for size in (6, 0, 11, 1, 8)]
    batches = Passages(stream, np.array([4, 0, 2, 1]), np.full(WORDS, 0.6), seed=9)
    whole = batches.load(np.array([4, 2, 1, 0]), epoch=3)
    for row, found, length in zip(whole.rows, whole.inputs, whole.lengths):
        alone = batches.load(np.array([row]), epoch=3)
        assert torch.equal(found[:length], alone.inputs[0, :length]) and not found[length:].any()
        left = iter(stream[row].tolist())
        assert all(word in left for word in found[:length].tolist())  # in the order of the text
    again = batches.load(np.array([4, 2, 1, 0]), epoch=4)
    assert not torch.equal(whole.lengths, again.lengths) or not torch.equal(whole.inputs, again.inputs)
    rows = np.concatenate([batches.training(1, a, b).rows for a, b in pairwise((0, 1, 3, 4))])
    assert sorted(rows.tolist()) == [0, 1, 2, 4] and rows.tolist() == batches.order(1).tolist()


def test_deterministic_in_evaluation_and_each_word_the_same_everywhere():
    model, (words, _) = tiny().eval(), passages()
    with torch.no_grad():
        assert torch.equal(model(words, LENGTHS), model(words, LENGTHS))
        torch.testing.assert_close(model(words[:1, 3:4]), model(words, LENGTHS)[:1, 3:4])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"window": 0}, "window"), ({"reads": "glove"}, "skip-gram"), ({"negatives": 0}, "negatives"),
     ({"subsample": 1.0}, "subsample"), ({"width": 0}, "width"), ({"least": 0}, "least")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Word2VecConfig(**TINY | wrong)


@pytest.mark.parametrize("words", [torch.zeros(3, dtype=torch.long), torch.zeros(2, 3)])
def test_what_are_no_numbers_of_words_is_refused(words):
    with pytest.raises(ValueError, match="numbers of words"):
        tiny()(words)


def losses():
    """Ten steps of plain gradient descent in float64 on made-up passages."""
    model = tiny(subsample=0.3).double()
    dice = np.random.default_rng(4)
    stream = [dice.integers(5, WORDS, dice.integers(2, 20)) for _ in range(80)]
    counts = np.bincount(np.concatenate(stream), minlength=WORDS)
    batches = Passages(stream, np.arange(80), kept_shares(counts, 0.03), seed=3)
    task = WordEmbedding(model.config, noise_ends(counts, 0.75))
    state = TrainingState(model, torch.optim.SGD(model.parameters(), lr=5.0))
    step = supervised(task, model, Runtime(torch.device("cpu"), "fp32", 1), seed=3, clip=0.0, average=0.0)
    found = []
    for number in range(10):
        found.append(step(state, batches.training(0, number * 8, number * 8 + 8), 8)["loss"] / 8)
        state.step += 1
    return found


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_learns_which_words_belong_together(tmp_path, variant):
    """The tiny recipe on texts of four topics: the nearest word of nearly every word is of its topic."""
    run = train_request(
        TrainRequest(
            system="word2vec",
            variant=variant,
            size="tiny",
            data=str(write_texts(tmp_path / "texts", 1500)),
            out=str(tmp_path / "run"),
            threads=1,
            quiet=True,
        )
    )
    figure = run.card["metrics"]["neighbours_told"]
    assert figure["low"] > 0.55 > 0.5 == run.card["baselines"]["chance"]["neighbours_told"]["value"]
    topic = {word: name for name, text in TOPICS.items() for word in text.split()}
    answers = run.predict(*topic)
    right = [topic.get(row["words"][0]["word"]) == topic[row["file"]] for row in answers]
    assert np.mean(right) > 0.9


def test_exports_and_the_file_answers_as_the_model(tmp_path):
    model, (words, _) = tiny(reads="cbow").eval(), passages()
    sizes = {0: Dim("batch"), 1: Dim("length")}
    program = torch.onnx.export(
        model, (words, LENGTHS), dynamo=True, opset_version=OPSET,
        dynamic_shapes=(sizes, {0: sizes[0]}),
        input_names=["words", "lengths"], output_names=["scores"], verbose=False,
    )  # fmt: skip
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for count, length in ((3, 9), (2, 5)):
        given = words[:count, :length], LENGTHS[:count].clamp(max=length)
        said = session.run(None, {"words": given[0].numpy(), "lengths": given[1].numpy()})[0]
        np.testing.assert_allclose(said, model(*given).detach().numpy(), atol=1e-5)


def test_foreign_weights_vectors_leave_in_the_format_of_word2vec_and_come_back(tmp_path):
    """A head line with both sizes, then a word and its numbers a line; gensim reads it where it is there."""
    vectors = np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32)
    words = ("king", "well-known", "ä", "it's")
    write_vectors(tmp_path / "v.txt", words, vectors)
    head, *lines = (tmp_path / "v.txt").read_text(encoding="utf-8").splitlines()
    assert head == "4 5" and [line.split(" ")[0] for line in lines] == list(words)
    np.testing.assert_allclose(
        [[float(x) for x in line.split(" ")[1:]] for line in lines], vectors, rtol=1e-5
    )
    write_vectors(tmp_path / "v.npz", words, vectors)
    with np.load(tmp_path / "v.npz", allow_pickle=False) as kept:
        assert kept["words"].tolist() == list(words) and np.array_equal(kept["vectors"], vectors)


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
