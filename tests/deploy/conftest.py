"""One small network trained on real digits for a few seconds, and pictures that it has not seen."""

from dataclasses import dataclass

import numpy as np
import pytest

import glassworks as gw
from glassworks.core.rows import PictureInput
from glassworks.deploy import timing
from glassworks.deploy.subject import Subject
from glassworks.deploy.verify import HeldOut
from glassworks.models.vision import cnn


@dataclass(frozen=True)
class Trained:
    """A run, what is shipped of it, training pixels, and its held-out pictures."""

    run: object
    subject: Subject
    training: np.ndarray
    held: HeldOut


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    out = tmp_path_factory.mktemp("läufe mit leer") / "digits"
    run = gw.train("cnn", data="sample", out=str(out), size="tiny", epochs=5, threads=1, quiet=True)
    own = run.data()
    rest = np.concatenate([own.part("val"), own.part("test")])
    subject = Subject(run.model.eval(), run.input, "label", run.classes, None, run.card)
    pixels = np.asarray(own.store.pixels)
    held = HeldOut(pixels[rest], own.table.targets[rest], tuple(own.table.names[row] for row in rest))
    return Trained(run, subject, pixels[own.part("train")], held)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Times are not what these tests are about."""
    monkeypatch.setattr(timing, "SECONDS", 0.02)


@pytest.fixture(scope="session")
def untrained():
    """A network with norms, colour pictures and random numbers: (subject, pixels)."""
    import torch

    torch.manual_seed(0)
    model = cnn.build(
        cnn.CNNConfig(height=24, width=24, widths=(8, 16), hidden=32, batch_norm=True, classes=3)
    )
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # norms that do something
            torch.nn.init.uniform_(module.running_mean, -1, 1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.weight, -1, 1)
    how = PictureInput(24, 24, 3, (0.5, 0.4, 0.3), (0.2, 0.3, 0.25))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 24, 24, 3)).astype(np.uint8)
    return Subject(model.eval(), how, "label", ("a", "b", "c")), pixels
