"""The rungs that every picture system climbs; each system's own test file names its models and figures."""

import numpy as np
import torch

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.core import keyed
from glassworks.core.rows import PictureInput
from glassworks.data.batches import Batch, PictureBatches, measure_input
from glassworks.data.samples import sample_table
from glassworks.deploy.formats import onnx_predictor, to_onnx
from glassworks.deploy.subject import Subject, eager
from glassworks.deploy.verify import how_far
from glassworks.tasks.image import ImageClassification
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.training.step import supervised


def check_shape_and_gradient(model, pictures, classes):
    """Output shape, nothing infinite, and a gradient for every number that is learned."""
    model.train()
    scores = model(pictures)
    assert scores.shape == (len(pictures), classes)
    assert torch.isfinite(scores).all()
    torch.nn.functional.cross_entropy(scores, torch.arange(len(pictures)) % classes).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def check_deterministic_in_evaluation(model, pictures):
    """Dropout and batch statistics play no part when answering; while training they may."""
    model.eval()
    with torch.no_grad():
        first, second = model(pictures), model(pictures)
        alone = torch.cat([model(pictures[i : i + 1]) for i in range(len(pictures))])
    assert torch.equal(first, second)
    torch.testing.assert_close(alone, first, rtol=1e-5, atol=1e-5)


def close(ours, theirs):
    """The contract's tolerance: 1e-5 x max(1, largest absolute value) in float32, 1e-10 in float64."""
    bound = (1e-10 if ours.dtype == torch.float64 else 1e-5) * max(1.0, float(theirs.abs().max()))
    difference = float((ours - theirs).abs().max())
    assert difference <= bound, f"differs by {difference}, allowed {bound}"


def check_exports(model, folder):
    """The ONNX file answers random pixels as the live model does, up to rounding, for one and for several."""
    config = model.config
    shape = (config.height, config.width, config.channels)
    half = (0.5,) * config.channels
    subject = Subject(
        model.eval(), PictureInput(*shape, half, half), "label", tuple(map(str, range(config.classes)))
    )
    predict = onnx_predictor(to_onnx(subject, folder / "model.onnx"))
    generator = torch.Generator().manual_seed(4)
    pixels = torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=generator).numpy()
    for block in (pixels, pixels[:1]):
        assert how_far(subject, eager(subject)(block), predict(block)).by_rounding


def first_losses(model, channels, steps=10, task=None):
    """Losses of the first steps on digits at a fixed seed, without augmentation.

    Plain gradient descent: AdamW's first steps have the size of the rate whatever the gradient's, so that
    a gradient of nearly nothing, whose sign is rounding, would move the losses by a percent. Float64 for
    the same reason: batch norm and pooling turn the rounding of float32 into half a percent in ten steps.
    """
    model = model.double()
    table = sample_table("digits")
    pixels = np.stack(table.sources[:256])
    pixels = np.repeat(pixels.reshape(256, 32, 32, 1), channels, axis=3)
    rows = np.arange(256)
    batches = PictureBatches(pixels, table.targets, rows, measure_input(pixels, rows), seed=3)
    state = TrainingState(model, torch.optim.SGD(model.parameters(), lr=0.05))
    runtime = Runtime(torch.device("cpu"), "fp32", 1)
    step = supervised(task or ImageClassification(10), model, runtime, seed=3, clip=1.0, average=0.0)
    losses = []
    for number in range(steps):
        batch = batches.training(number // 8, number % 8 * 32, number % 8 * 32 + 32)
        batch = Batch(batch.inputs.double(), batch.targets, batch.rows)
        losses.append(step(state, batch, 32)["loss"] / 32)
        state.step += 1
    return losses


def seeded(build, seed=11):
    """A model with a known random start."""
    torch.manual_seed(keyed.seed_for(seed, "test"))
    return build()


def random_statistics(build, seed=11):
    """A reference with random weights whose batch norms are random as well, as if it had been trained."""
    model = seeded(build, seed)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            module.num_batches_tracked.fill_(7)
    return model


def train_on_digits(system, out, **options):
    """The tiny recipe on scikit-learn's digits, on one thread."""
    settings = {"size": "tiny", "out": str(out), "threads": 1, "quiet": True} | options
    return train_request(TrainRequest(system=system, data="sample", **settings))
