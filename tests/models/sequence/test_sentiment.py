"""The reader of texts climbs the ladder: figures, parity with torch.nn on packed texts, padding, exports."""

import csv

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.export import Dim

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.data import vocabulary
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.models.sequence import sentiment
from glassworks.models.sequence.sentiment import PADDING, UNKNOWN, VARIANTS, SentimentConfig, build
from glassworks.tasks.image import ImageClassification
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised
from glassworks.weights.names import by_our_names
from glassworks.weights.names import sentiment as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.api.reviews import reviews
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.sequence.test_sentiment`, paste what it prints, and
# say in the commit why the losses moved.
FIRST_LOSSES = [
    0.609649,
    0.722095,
    0.727384,
    0.752856,
    0.692996,
    0.707540,
    0.671367,
    0.762579,
    0.695562,
    0.701597,
]
WORDS = 60
TINY = {"vocabulary": WORDS, "context": 16, "classes": 3, "embedding": 12, "width": 8}
TWIN = TINY | {"reader": "transformer", "pooling": "mean", "layers": 2}
LENGTHS = torch.tensor([9, 4, 1, 6])
READERS = {
    "lstm": TINY, "mean": TINY | {"pooling": "mean"}, "max": TINY | {"pooling": "max"}, "transformer": TWIN,
}  # fmt: skip


def tiny(reader="lstm", **changes):
    return ladder.seeded(lambda: build(SentimentConfig(**READERS[reader] | changes)))


def texts(batch=4, words=9, seed=1):
    """Token numbers, padded beyond LENGTHS."""
    tokens = torch.randint(2, WORDS, (batch, words), generator=torch.Generator().manual_seed(seed))
    return tokens.masked_fill(torch.arange(words)[None] >= LENGTHS[:batch, None], PADDING)


class Reference(nn.Module):
    """What a textbook writes: embedding, an LSTM in both directions over packed texts, a linear layer."""

    def __init__(self, layers=1):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 12, padding_idx=0)
        self.lstm = nn.LSTM(12, 8, layers, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(16, 3)

    def forward(self, tokens, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.lstm(packed)
        return self.fc(torch.cat([hidden[-2], hidden[-1]], -1))


def reference(layers=1):
    return ladder.seeded(lambda: Reference(layers), 5)


@pytest.mark.parametrize("reader", READERS)
def test_shape_and_gradient(reader):
    model = tiny(reader, dropout=0.1, hidden=0.1).train()
    scores = model(texts(), LENGTHS)
    assert scores.shape == (4, 3) and torch.isfinite(scores).all()
    nn.functional.cross_entropy(scores, torch.arange(4) % 3).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_figures_of_the_outline():
    """T49: five words in, one score in 0 … 1 out, 128 joined features, 1,085,121 numbers."""
    model = build(SentimentConfig()).eval()
    tokens = torch.tensor([[4, 892, 12, 405, 77]])
    with torch.no_grad():
        score, features = model(tokens), model.features(tokens)
        padded = model(torch.cat([tokens, torch.zeros(1, 7, dtype=torch.long)], 1), torch.tensor([5]))
    assert score.shape == (1, 1) and 0 < float(score.sigmoid()) < 1 and features.shape == (1, 128)
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_085_121
    torch.testing.assert_close(padded, score, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layers", [1, 2])
def test_parity(dtype, layers):
    """The same weights give the scores of torch.nn's LSTM over packed texts, and the same gradients."""
    theirs, model = reference(layers).to(dtype), tiny(layers=layers).to(dtype)
    load_into(model, by_our_names("sentiment", theirs.state_dict()), source="the reference")
    expected, scores = theirs(texts(), LENGTHS), model(texts(), LENGTHS)
    ladder.close(scores, expected)
    assert float(expected.detach().std()) > 0.05
    expected.square().sum().backward()
    scores.square().sum().backward()
    found = names.to_theirs({name: parameter.grad for name, parameter in model.named_parameters()})
    for name, parameter in theirs.named_parameters():
        ladder.close(found[name], parameter.grad)


@pytest.mark.parametrize("reader", READERS)
def test_law_padding_changes_nothing(reader):
    """A text scores alone as it does among longer ones, whatever stands in the padding."""
    model = tiny(reader).double().eval()
    with torch.no_grad():
        together = model(texts(), LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            ladder.close(model(texts()[row : row + 1, :length])[0], together[row])
        noise = torch.randint(2, WORDS, (4, 9), generator=torch.Generator().manual_seed(8))
        noise = torch.where(torch.arange(9)[None] < LENGTHS[:, None], texts(), noise)
        ladder.close(model(noise, LENGTHS), together)


def test_law_order_matters_to_both_readers():
    for reader in ("lstm", "transformer"):
        model = tiny(reader).eval()
        with torch.no_grad():
            assert not torch.allclose(model(texts()[:1]), model(texts()[:1].flip(1)), atol=1e-5)


def test_law_a_hidden_word_is_an_unknown_one_and_padding_stays():
    tokens = sentiment.hide(texts(), 0.5)
    changed = tokens != texts()
    assert (tokens[changed] == UNKNOWN).all() and not (changed & (texts() == PADDING)).any()
    assert 0.2 < float(changed.sum()) / float((texts() != PADDING).sum()) < 0.8
    assert (PADDING, UNKNOWN) == (vocabulary.PADDING, vocabulary.UNKNOWN)


@pytest.mark.parametrize("reader", READERS)
def test_deterministic_in_evaluation_with_dropout(reader):
    model = tiny(reader, dropout=0.5, hidden=0.5).eval()
    with torch.no_grad():
        first, second = model(texts(), LENGTHS), model(texts(), LENGTHS)
        assert torch.equal(first, second)
        assert not torch.equal(model.train()(texts(), LENGTHS), first)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"vocabulary": 2}, "vocabulary"), ({"classes": 0}, "at least 1"), ({"reader": "gru"}, "reader"),
     ({"pooling": "first"}, "pooling"), ({"hidden": 1.0}, "hidden"), ({"dropout": -0.1}, "dropout"),
     ({"reader": "transformer", "pooling": "last"}, "no last state"),
     ({"reader": "transformer", "pooling": "mean", "heads": 5}, "5 heads")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        SentimentConfig(**TINY | wrong)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(torch.zeros(2, 4), "whole numbers"), (torch.zeros(4, dtype=torch.long), "batch, words"),
     (torch.full((1, 3), WORDS), f"0 to {WORDS - 1}")],
)  # fmt: skip
def test_what_is_no_text_is_refused(tokens, message):
    with pytest.raises(ValueError, match=message):
        tiny()(tokens)


def losses():
    """Ten steps of plain gradient descent in float64 on made-up reviews."""
    said, right = reviews(320)
    tokenizer = vocabulary.learn(said, tokens="word", size=WORDS)
    sequences = [np.array(tokenizer.encode(text)) for text in said]
    model = tiny(vocabulary=tokenizer.size, classes=2).double()
    batches = SequenceBatches(sequences, np.array(right), np.arange(len(said)), seed=3)
    state = TrainingState(model, torch.optim.SGD(model.parameters(), lr=0.3))
    step = supervised(
        ImageClassification(2), model, Runtime(torch.device("cpu"), "fp32", 1), seed=3, clip=0.0, average=0.0
    )
    found = []
    for number in range(10):
        batch = batches.training(0, number * 32, number * 32 + 32)
        found.append(step(state, batch, len(batch))["loss"] / len(batch))
        state.step += 1
    return found


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_learns_to_tell_good_from_bad(tmp_path, variant):
    """A few passes of the tiny recipe on made-up reviews, far above the chance of a half."""
    texts, right = reviews(400)
    with (tmp_path / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        rows = zip(texts, ("bad" if label == 0 else "good" for label in right), strict=True)
        csv.writer(file).writerows([("text", "label"), *rows])
    run = train_request(
        TrainRequest(
            system="sentiment", data=str(tmp_path / "reviews.csv"), size="tiny", variant=variant, epochs=10,
            out=str(tmp_path / "run"), quiet=True,
        )
    )  # fmt: skip
    assert run.card["metrics"]["accuracy"]["low"] > 0.7
    assert run.card["baselines"]["majority class"]["accuracy"]["value"] < 0.65


@pytest.mark.parametrize("reader", ["lstm", pytest.param("transformer", marks=pytest.mark.long)])
def test_exports(tmp_path, reader):
    """The ONNX file takes other batches and other lengths than it was made with, and says the same."""
    model, batch = tiny(reader).eval(), Dim("batch", min=1, max=64)
    program = torch.onnx.export(
        model, (texts(), LENGTHS), dynamo=True, opset_version=20, verbose=False,
        input_names=["tokens", "lengths"], output_names=["scores"],
        dynamic_shapes=({0: batch, 1: Dim("words", min=2, max=16)}, {0: batch}),
    )  # fmt: skip
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for tokens, lengths in (
        (texts(), LENGTHS),
        (texts()[:2, :7], torch.tensor([7, 3])),
        (texts(1, 3), LENGTHS[1:2] - 1),
    ):
        found = session.run(None, {"tokens": tokens.numpy(), "lengths": lengths.numpy()})[0]
        with torch.no_grad():
            ladder.close(torch.from_numpy(found), model(tokens, lengths))


def test_foreign_weights_load_and_go_back(tmp_path):
    """A file of the textbook's network, by its names, and back."""
    theirs = reference(2)
    write_tensors(tmp_path / "theirs.safetensors", theirs.state_dict())
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    assert names.is_theirs(tensors)
    model = tiny(layers=2).eval()
    assert not names.is_theirs(model.state_dict())
    load_into(model, by_our_names("sentiment", tensors), source="theirs")
    with torch.no_grad():
        ladder.close(model(texts(), LENGTHS), theirs(texts(), LENGTHS))
    back = names.to_theirs(model.state_dict())
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], tensors[name]) for name in tensors)


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
