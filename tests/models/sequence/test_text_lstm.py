"""The writing LSTM climbs the ladder: shapes, parity with torch.nn, its memory, losses, learning, exports."""

import math

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.data.samples import fetch
from glassworks.models.sequence.text_lstm import VARIANTS, TextLSTM, TextLSTMConfig, build
from glassworks.tasks.text_generation import TextGeneration, Windows
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised
from glassworks.weights.names import by_our_names
from glassworks.weights.names import text_lstm as names
from glassworks.weights.store import load_into, read_tensors, write_tensors
from tests.models import ladder

# To change these on purpose: run `python -m tests.models.sequence.test_text_lstm`, paste what it prints, and
# say in the commit why the losses moved.
FIRST_LOSSES = [
    3.698904,
    3.632055,
    3.591458,
    3.554062,
    3.498661,
    3.461251,
    3.429049,
    3.413253,
    3.418639,
    3.395760,
]
WORDS = 40
TINY = {"vocabulary": WORDS, "embedding": 12, "width": 16, "layers": 2}


def tiny(**changes):
    return ladder.seeded(lambda: build(TextLSTMConfig(**TINY | changes)))


def texts(batch=3, time=9, seed=1):
    return torch.randint(0, WORDS, (batch, time), generator=torch.Generator().manual_seed(seed))


class Reference(nn.Module):
    """What PyTorch's example of a word language model holds."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Embedding(WORDS, 12)
        self.rnn = nn.LSTM(12, 16, 2, batch_first=True)
        self.decoder = nn.Linear(16, WORDS)

    def forward(self, tokens, state=None):
        seen, state = self.rnn(self.encoder(tokens), state)
        return self.decoder(seen), state


def reference():
    return ladder.seeded(Reference, 5)


def test_shape_and_gradient():
    model = tiny(dropout=0.1).train()
    logits, (hidden, memory) = model(texts())
    assert logits.shape == (3, 9, WORDS) and hidden.shape == memory.shape == (2, 3, 16)
    assert torch.isfinite(logits).all()
    nn.functional.cross_entropy(logits.flatten(0, 1), texts(seed=2).flatten()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_figures_of_the_word_model():
    """Three tokens in, 5,000 scores out after the last, memory twice (1, 1, 256), 2,320,264 numbers."""
    model = build(TextLSTMConfig(**VARIANTS["word"])).eval()
    with torch.no_grad():
        logits, (hidden, memory) = model.next(torch.tensor([[150, 82, 5]]))
    assert logits.shape == (1, 5000) and hidden.shape == memory.shape == (1, 1, 256)
    assert sum(parameter.numel() for parameter in model.parameters()) == 2_320_264


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parity(dtype):
    """The same random weights give torch.nn's scores and memory."""
    theirs, model = reference().to(dtype).eval(), tiny().to(dtype).eval()
    load_into(model, by_our_names("text_lstm", theirs.state_dict()), source="the reference")
    with torch.no_grad():
        (expected, after), (logits, state) = theirs(texts()), model(texts())
    ladder.close(logits, expected)
    for own, other in zip(state, after, strict=True):
        ladder.close(own, other)
    assert float(expected.std()) > 0.05


def test_law_memory_that_is_carried_on_equals_the_whole_text_at_once():
    model = tiny().double().eval()
    with torch.no_grad():
        whole, end = model(texts())
        state, parts = None, []
        for start, stop in ((0, 1), (1, 5), (5, 9)):
            logits, state = model(texts()[:, start:stop], state=state)
            parts.append(logits)
    ladder.close(torch.cat(parts, 1), whole)
    ladder.close(state[1], end[1])
    with torch.no_grad():
        forgotten, _ = model(texts()[:, 5:9])
        ladder.close(model.next(texts())[0], whole[:, -1])
    assert not torch.allclose(forgotten, whole[:, 5:9], atol=1e-3)


def test_law_the_future_does_not_change_the_past():
    model = tiny().eval()
    changed = texts()
    changed[:, 6] = (changed[:, 6] + 1) % WORDS
    with torch.no_grad():
        before, after = model(texts())[0], model(changed)[0]
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6:], after[:, 6:], atol=1e-4)


def test_law_padding_leaves_scores_and_memory_alone():
    model, lengths = tiny().eval(), torch.tensor([9, 4, 1])
    with torch.no_grad():
        padded, state = model(texts(), lengths)
        for row, length in enumerate(lengths.tolist()):
            alone, end = model(texts()[row : row + 1, :length])
            torch.testing.assert_close(padded[row, :length], alone[0], rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(state[1][:, row], end[1][:, 0], rtol=1e-5, atol=1e-6)


def test_deterministic_in_evaluation_with_dropout():
    model = tiny(dropout=0.5).eval()
    with torch.no_grad():
        first, second = model(texts())[0], model(texts())[0]
        assert torch.equal(first, second)
        assert not torch.equal(model.train()(texts())[0], first)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"vocabulary": 1}, "vocabulary"), ({"width": 0}, "width"), ({"layers": 0}, "layers"),
     ({"dropout": 1.0}, "dropout")],
)  # fmt: skip
def test_impossible_configs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TextLSTMConfig(**TINY | wrong)


@pytest.mark.parametrize("wrong", [torch.zeros(3), torch.zeros(2, 3), torch.zeros(2, 3, 4, dtype=torch.long)])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(ValueError, match="expected tokens as int64"):
        tiny()(wrong)


def losses():
    """Ten steps of plain gradient descent in float64 on a text of words that follow each other by a rule."""
    model = tiny().double()
    stream = (np.arange(2_000) ** 2 // 7 % WORDS).astype(np.int64)
    windows = Windows(stream, 16, seed=3)
    state = TrainingState(model, torch.optim.SGD(model.parameters(), lr=2.0))
    runtime = Runtime(torch.device("cpu"), "fp32", 1)
    step = supervised(TextGeneration(), model, runtime, seed=3, clip=1.0, average=0.0)
    found = []
    for number in range(10):
        batch = windows.training(number // 5, number % 5 * 24, number % 5 * 24 + 24)
        found.append(step(state, batch, 24)["loss"] / 24)
        state.step += 1
    return found


def test_same_losses():
    """The first ten losses, to 1e-3: a change here is a change of the mathematics."""
    np.testing.assert_allclose(losses(), FIRST_LOSSES, rtol=1e-3)
    assert FIRST_LOSSES[0] == pytest.approx(math.log(WORDS), abs=0.1)


def rhyme(folder, times=300):
    """A text that follows rules of spelling and order, with a choice now and then."""
    dice = np.random.default_rng(7)
    who, does = ("the cat", "a dog", "my aunt"), ("sat down", "ran off", "fell asleep")
    lines = [
        f"{who[dice.integers(3)]} {does[dice.integers(3)]} and {does[dice.integers(3)]}."
        for _ in range(times)
    ]
    path = folder / "rhyme.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_learns(tmp_path):
    """In seconds far below the frequencies of letters, and near to what the text's own choices leave open."""
    run = train_request(
        TrainRequest(
            system="text_lstm", data=str(rhyme(tmp_path)), size="tiny", out=str(tmp_path / "run"), threads=1,
            quiet=True, epochs=4,
        )
    )  # fmt: skip
    found, frequent = run.card["metrics"], run.card["baselines"]["frequencies"]
    assert found["bits_per_character"]["high"] < 0.4 * frequent["bits_per_character"]["low"]
    assert found["next_token"]["value"] > 0.8


@pytest.mark.long
def test_tiny_recipe_reaches_its_floor(tmp_path):
    """Floor of the tiny recipe on novels."""
    fetch("austen")
    run = train_request(
        TrainRequest(system="text_lstm", data="sample:austen", size="tiny", out=str(tmp_path / "run"),
                     threads=1, quiet=True)
    )  # fmt: skip
    assert run.evaluate().judgement.metrics["bits_per_character"].high < 2.6


def test_exports_one_step_with_its_memory(tmp_path):
    """As ONNX, token by token with the memory in and out, it scores a text as the live model does at once."""

    class Step(nn.Module):
        def __init__(self, model: TextLSTM):
            super().__init__()
            self.model = model

        def forward(self, tokens, hidden, memory):
            logits, (hidden, memory) = self.model(tokens, state=(hidden, memory))
            return logits, hidden, memory

    model, zeros = tiny().eval(), torch.zeros(2, 1, 16)
    path = tmp_path / "step.onnx"
    torch.onnx.export(
        Step(model).eval(), (texts(1, 1), zeros, zeros.clone()), path, dynamo=True, verbose=False,
        input_names=["tokens", "hidden", "memory"], output_names=["logits", "hidden_after", "memory_after"],
    )  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    state, found = (zeros.numpy(), zeros.numpy()), []
    for token in texts(1, 7)[0].tolist():
        logits, *state = session.run(
            None, {"tokens": np.array([[token]]), "hidden": state[0], "memory": state[1]}
        )
        found.append(logits)
    with torch.no_grad():
        expected = model(texts(1, 7))[0].numpy()
    np.testing.assert_allclose(np.concatenate(found, 1), expected, rtol=1e-4, atol=1e-5)


def test_foreign_weights_load_and_go_back(tmp_path):
    """The tensors of PyTorch's example, from a file, through the name map, and back."""
    theirs = reference().state_dict()
    write_tensors(tmp_path / "theirs.safetensors", theirs)
    tensors = read_tensors(tmp_path / "theirs.safetensors")
    model = tiny().eval()
    assert names.is_theirs(tensors) and not names.is_theirs(model.state_dict())
    load_into(model, by_our_names("text_lstm", tensors), source="theirs")
    back = names.to_theirs(model.state_dict())
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[name], theirs[name]) for name in theirs)


if __name__ == "__main__":
    print("FIRST_LOSSES = [" + ", ".join(f"{loss:.6f}" for loss in losses()) + "]")
