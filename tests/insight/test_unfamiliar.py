"""What is unlike the training data scores above 1; what is like it does not."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from glassworks.core.errors import PersonError
from glassworks.insight.unfamiliar import learn, read, score, write
from glassworks.weights.store import write_tensors


@pytest.fixture(scope="module")
def familiar(reader):
    return learn(reader.features(reader.part("train")[0]), reader.features(reader.part("val")[0]))


def test_held_out_digits_are_familiar(reader, familiar):
    known = score(familiar, reader.features(reader.part("test")[0]))
    assert (known > 1).mean() <= 0.05 and known.min() > 0


@pytest.mark.parametrize("what", ["photographs", "noise", "letters", "empty", "upside down"])
def test_other_pictures_are_not(reader, familiar, photographs, what):
    known = score(familiar, reader.features(reader.part("test")[0]))
    random = np.random.default_rng(0)
    pictures = {
        "photographs": photographs,
        "noise": random.integers(0, 256, (60, 32, 32)),
        "letters": letters(),
        "empty": [np.full((32, 32), value) for value in (0, 60, 128, 255)],
        "upside down": [255 - picture for picture in digits(reader)],
    }[what]
    strange = score(familiar, reader.features(reader.inputs([np.asarray(p, np.uint8) for p in pictures])))
    truth = np.r_[np.zeros(len(known)), np.ones(len(strange))]
    assert roc_auc_score(truth, np.r_[known, strange]) >= 0.9
    assert (strange > 1).mean() > 0.5


def letters():
    """Letters that look like no digit, drawn as large as the digits are."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = []
    for letter in "MWKXHNREAFVTYPUL":
        picture = Image.new("L", (32, 32))
        ImageDraw.Draw(picture).text((16, 16), letter, 255, ImageFont.load_default(30), anchor="mm")
        drawn.append(np.asarray(picture))
    return drawn


def digits(reader):
    return reader.data.store.pixels[reader.data.part("test")][:60, :, :, 0]


def random_rows(count, seed=0, width=16):
    return np.random.default_rng(seed).random((count, width)).astype(np.float32)


def test_the_threshold_is_the_quantile_of_the_rows_held_out():
    train, held_out = random_rows(800), random_rows(400, 1)
    found = learn(train, held_out, quantile=0.9)
    assert (score(found, held_out) > 1).mean() == pytest.approx(0.1, abs=0.005)
    assert found.held_out == 400 and "(400)" in found.words


def test_with_few_rows_held_out_the_training_rows_own_distances_count():
    train = np.concatenate([random_rows(100), np.eye(16, dtype=np.float32)])  # some lie far out
    few = learn(train, train[:2], k=1)
    assert few.threshold > 0.1 and "only 2" in few.words
    assert learn(train, train[:0]).threshold > 0
    assert (score(few, train) <= 1).all()


def test_distances_are_those_of_a_slow_loop():
    train, asked = random_rows(50), random_rows(7, 3)
    found = learn(train, asked, k=3)
    rows = [np.sqrt(row) / np.linalg.norm(np.sqrt(row)) for row in train]
    for row, ours in zip(asked, score(found, asked) * found.threshold):
        mine = np.sqrt(row) / np.linalg.norm(np.sqrt(row))
        assert ours == pytest.approx(sorted(np.linalg.norm(mine - other) for other in rows)[2], abs=2e-3)


def test_rows_are_limited_and_chosen_by_the_seed():
    train = random_rows(300)
    first, again, other = (learn(train, train[:9], most=100, seed=seed) for seed in (0, 0, 1))
    assert first.rows.shape == (100, 16) and first.rows.dtype == np.float16
    assert np.array_equal(first.rows, again.rows) and not np.array_equal(first.rows, other.rows)


def test_what_is_written_is_read_back(tmp_path, familiar, reader):
    path = tmp_path / "nähe" / "familiar.safetensors"
    write(path, familiar)
    back = read(path)
    features = reader.features(reader.part("test", 20)[0])
    assert np.array_equal(score(back, features), score(familiar, features))
    assert (back.k, back.threshold, back.quantile, back.held_out, back.words) == (
        familiar.k, familiar.threshold, familiar.quantile, familiar.held_out, familiar.words
    )  # fmt: skip


def test_other_files_and_wrong_features_are_refused(tmp_path, familiar):
    write_tensors(tmp_path / "other.safetensors", {"rows": torch.zeros(3, 2)})
    with pytest.raises(PersonError, match="features of training pictures"):
        read(tmp_path / "other.safetensors")
    with pytest.raises(PersonError, match="no such file"):
        read(tmp_path / "none.safetensors")
    with pytest.raises(ValueError, match="expected features"):
        score(familiar, np.zeros((2, 3), np.float32))
    with pytest.raises(PersonError, match="three training pictures"):
        learn(random_rows(2), random_rows(2))
