"""What the tests of the writers share: pairs with one right answer, sentences as numbers, the export."""

import csv
import itertools

import numpy as np
import torch
from torch.export import Dim

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.api.translation import PairBatches
from glassworks.core import keyed
from glassworks.deploy.formats import OPSET
from glassworks.tasks.translation import Translation
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised

WORDS = 40  # token numbers; 0 fills up
LENGTHS = torch.tensor([9, 5, 1])


def sentences(length=9, seed=1):
    return torch.randint(1, WORDS, (3, length), generator=torch.Generator().manual_seed(seed))


def reversed_words(count=500):
    """Words of 2 to 5 of the letters a to f, and the same from behind: (word, answer), ever the same ones."""
    words = ["".join(w) for size in range(2, 6) for w in itertools.product("abcdef", repeat=size)]
    picked = keyed.permutation(len(words), "reversed words")[:count]
    return [(words[place], words[place][::-1]) for place in picked]


def write_pairs(path, pairs, columns=("text", "target")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *pairs])
    return path


def train_on_pairs(system, folder, **options):
    """A tiny recipe on words from behind, on one thread."""
    data = write_pairs(folder / "pairs.csv", reversed_words())
    settings = {"size": "tiny", "out": str(folder / "run"), "threads": 1, "quiet": True} | options
    return train_request(TrainRequest(system=system, data=str(data), **settings))


def first_losses(model, steps=10):
    """Losses of the first steps of plain gradient descent in float64 on words from behind."""
    both = [
        [np.array([ord(letter) - 90 for letter in word]) for word in pair] for pair in reversed_words(256)
    ]
    sources = [np.append(word, 3) for word, _ in both]
    answers = [np.concatenate([[2], answer, [3]]) for _, answer in both]
    batches = PairBatches(sources, answers, np.arange(256), batch=32, seed=3)
    model = model.double()
    state = TrainingState(model, torch.optim.SGD(model.parameters(), lr=0.1))
    runtime = Runtime(torch.device("cpu"), "fp32", 1)
    step = supervised(Translation(), model, runtime, seed=3, clip=1.0, average=0.0)
    losses = []
    for number in range(steps):
        batch = batches.training(number // 8, number % 8 * 32, number % 8 * 32 + 32)
        losses.append(step(state, batch, 32)["loss"] / 32)
        state.step += 1
    return losses


def check_gradient(model):
    """Scores for every place of the answer, nothing infinite, and a gradient for every number learned."""
    said = sentences(7, seed=2)
    scores = model.train()(sentences(), LENGTHS, said[:, :-1])
    assert scores.shape == (3, 6, WORDS) and torch.isfinite(scores).all()
    torch.nn.functional.cross_entropy(scores.flatten(0, 1), said[:, 1:].flatten()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def stepwise(model, source, lengths, said):
    """Scores as they come when an answer is written a token at a time, (batch, said, vocabulary)."""
    state, found = model.begin(source, lengths), []
    for place in range(said.shape[1]):
        scores, state = model.step(said[:, place], state)
        found.append(scores)
    return torch.stack(found, 1)


def check_exports(model, folder, *, any_length=True):
    """The ONNX file answers as the live model does, for another batch and lengths than it was made with.

    any_length: False where a loop over time is written out, which fixes how many tokens there are
    """
    import onnxruntime

    source, said = Dim("source", min=2, max=16), Dim("said", min=2, max=16)
    batch = Dim("batch", min=1, max=64)
    inner = ({1: source}, {}, {1: said}) if any_length else ({}, {}, {})
    example = (sentences(4), torch.tensor([4, 3, 2]), sentences(3, seed=2))
    program = torch.onnx.export(
        model.eval(), example, dynamo=True, opset_version=OPSET, verbose=False,
        input_names=["source", "lengths", "said"], output_names=["scores"],
        dynamic_shapes=tuple({0: batch} | own for own in inner),
    )  # fmt: skip
    program.save(folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    others = [(sentences(4, 3)[:2], torch.tensor([1, 4]), sentences(3, seed=4)[:2])]
    others += [(sentences(), LENGTHS, sentences(7, seed=2))] if any_length else []
    for given in others:
        names = [one.name for one in session.get_inputs()]
        scores = session.run(None, {name: one.numpy() for name, one in zip(names, given, strict=True)})[0]
        with torch.no_grad():
            np.testing.assert_allclose(scores, model(*given).numpy(), atol=1e-5, rtol=1e-4)
