"""A run that was stopped anywhere ends in the very same bits as one that never was."""

import shutil

import pytest

from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.training import checkpoint


def bits(run):
    """Digests of all that must be equal: weights, log, last checkpoint."""
    last = checkpoint.found(run / "checkpoints")[-1]
    files = [
        run / "model.safetensors",
        run / "metrics.jsonl",
        *sorted(last.glob("*.safetensors")),
        last / "state.json",
    ]
    return {file.name: sha256_of(file) for file in files if file.exists()}


@pytest.fixture(scope="session")
def whole(tmp_path_factory, digits):
    """The uninterrupted run, with a copy of the folder kept after each of its 15 steps."""
    from glassworks.api.requests import TrainRequest
    from glassworks.api.train import train_request
    from glassworks.training.run_folder import RunFolder

    folder = tmp_path_factory.mktemp("whole")
    copies = folder / "copies"
    save = RunFolder.save

    def save_and_copy(self, state):
        save(self, state)
        shutil.copytree(self.path, copies / str(state.step), dirs_exist_ok=True)

    patch = pytest.MonkeyPatch()
    patch.setattr(RunFolder, "save", save_and_copy)
    settings = ("model.widths=[8,16]", "model.hidden=32", "training.save_steps=1")
    request = TrainRequest(
        system="cnn", data=str(digits), size="tiny", out=str(folder / "run"), epochs=3, batch=32, threads=1,
        average=0.99, side=16, augment="photo", seed=5, set=settings, quiet=True,
    )  # fmt: skip
    train_request(request)
    patch.undo()
    return folder / "run", copies


@pytest.mark.parametrize("step", [1, 4, 5, 9, 13])
def test_resume_at_any_step_gives_the_same_bits(whole, step, tmp_path, train):
    run, copies = whole
    stopped = tmp_path / "run"
    shutil.copytree(copies / str(step), stopped)
    assert bits(stopped) != bits(run)
    train(resume=str(stopped))
    assert bits(stopped) == bits(run)


def test_same_seed_same_bits_and_other_seed_other_bits(whole, train, tmp_path):
    run, _ = whole
    assert bits(train(tmp_path / "again").path) == bits(run)
    assert bits(train(tmp_path / "other", seed=6).path) != bits(run)


def test_workers_do_not_change_a_bit(whole, train, tmp_path):
    """Different worker counts: the decoded pixels, and so the weights, are the same."""
    run, _ = whole
    assert bits(train(tmp_path / "two", workers=2).path) == bits(run)


def test_resume_with_nothing_saved_yet_starts_from_the_first_step(whole, train, tmp_path):
    run, copies = whole
    stopped = tmp_path / "run"
    shutil.copytree(copies / "1", stopped)
    shutil.rmtree(stopped / "checkpoints")
    train(resume=str(stopped))
    assert bits(stopped) == bits(run)


def test_resume_of_a_finished_run_changes_nothing(whole, train, tmp_path):
    run, _ = whole
    finished = tmp_path / "run"
    shutil.copytree(run, finished)
    train(resume=str(finished))
    assert bits(finished) == bits(run)


def test_resume_refuses_options_that_change_the_run(whole, train):
    with pytest.raises(PersonError) as told:
        train(resume=str(whole[0]), epochs=9)
    assert told.value.code == "contradiction" and "--epochs" in told.value.got


def test_resume_names_a_damaged_checkpoint_and_uses_the_one_before(whole, train, tmp_path):
    run, copies = whole
    stopped = tmp_path / "run"
    shutil.copytree(copies / "9", stopped)
    newest = checkpoint.found(stopped / "checkpoints")[-1] / "model.safetensors"
    content = bytearray(newest.read_bytes())
    content[-7] ^= 4
    newest.write_bytes(content)
    train(resume=str(stopped))
    assert bits(stopped) == bits(run)
    assert "step-00000009" in (stopped / "notes.jsonl").read_text()


def test_resume_on_changed_data_is_refused(whole, train, tmp_path, digits):
    import numpy as np

    _, copies = whole
    stopped = tmp_path / "run"
    shutil.copytree(copies / "4", stopped)
    kept = np.load(digits)
    other = tmp_path / "digits.npz"
    np.savez(other, images=kept["images"][:150], labels=kept["labels"][:150])
    recipe = stopped / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(digits), str(other)))
    with pytest.raises(PersonError) as told:
        train(resume=str(stopped))
    assert told.value.code == "data-changed"


def test_resume_with_muon_gives_the_same_bits(train, tmp_path):
    """The other rule keeps other tensors; they too come back as they were."""
    from glassworks.training.run_folder import RunFolder

    whole = train(tmp_path / "whole", "training.optimizer=muon").path
    save, stopped = RunFolder.save, tmp_path / "stopped"

    def keep_the_seventh(self, state):
        save(self, state)
        if state.step == 7:
            shutil.copytree(self.path, stopped)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "save", keep_the_seventh)
        train(tmp_path / "again", "training.optimizer=muon")
    train(resume=str(stopped))
    assert bits(stopped) == bits(whole)
