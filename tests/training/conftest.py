"""A small, real data set (scikit-learn's digits as IDX files) and a recipe with everything random on."""

import numpy as np
import pytest

from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.data.samples import sample_table


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """200 digits in an .npz: dropout, batch norm and augmentation have something to do."""
    table = sample_table("digits")
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, images=np.stack(table.sources[:200]), labels=table.targets[:200])
    return path


@pytest.fixture
def train(digits):
    """Train a CNN with augmentation, dropout, batch norm and a moving average; returns the run."""

    def start(out=None, *settings: str, **options):
        if "resume" not in options:
            options = {
                "system": "cnn", "data": str(digits), "size": "tiny", "out": str(out), "epochs": 3,
                "batch": 32, "threads": 1, "average": 0.99, "side": 16, "augment": "photo", "seed": 5,
                "set": ("model.widths=[8,16]", "model.hidden=32", "training.save_steps=1", *settings),
            } | options  # fmt: skip
        return train_request(TrainRequest(quiet=True, **options))

    return start
