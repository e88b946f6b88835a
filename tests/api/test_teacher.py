"""Learning from another run's answers: every kind of teacher, and those that cannot teach this data."""

import pytest

import glassworks as gw
from glassworks.training.run_folder import RunFolder
from tests.api import pictures

QUICK = {"size": "tiny", "epochs": 2, "threads": 1, "quiet": True}


@pytest.mark.parametrize("distil", ["soft", "hard"])
def test_a_student_of_another_system_and_size_learns_from_a_run(base, five, tmp_path, distil):
    run = gw.train(
        "lenet", str(five), teacher=str(base.path), distil=distil, out=str(tmp_path / "r"), **QUICK
    )
    assert run.recipe.teacher.run == str(base.path.resolve()) and run.recipe.teacher.kind == distil
    row = RunFolder(run.path).history()[-1]
    assert row["train_teacher"] > 0 and row["train_labels"] > 0
    share = run.recipe.teacher.weight
    assert row["train_loss"] == pytest.approx(
        share * row["train_teacher"] + (1 - share) * row["train_labels"], rel=1e-4
    )
    assert run.evaluate().judgement.n > 0 and run.card["classes"] == base.card["classes"]


def test_a_teacher_and_pretrained_weights_go_together(base, five, tmp_path):
    """With a teacher the head learns on pictures, since the teacher must see them."""
    run = gw.finetune(
        "cnn", str(five), start_from=str(base.path), teacher=str(base.path), out=str(tmp_path / "r"), **QUICK
    )
    assert run.recipe.tune.method == "head" and "train_teacher" in RunFolder(run.path).history()[0]


def test_a_recipe_with_a_teacher_can_change_its_kind(base, five, tmp_path):
    first = gw.train("lenet", str(five), teacher=str(base.path), out=str(tmp_path / "a"), **QUICK)
    again = gw.train(
        recipe=str(first.path / "recipe.yaml"), distil="hard", out=str(tmp_path / "b"), quiet=True
    )
    assert again.recipe.teacher.kind == "hard" and again.recipe.teacher.run == str(base.path.resolve())


def test_several_labels_are_taught_too(tmp_path):
    data = pictures.table(tmp_path, "labels", count=36)
    teacher = gw.train("cnn", str(data), out=str(tmp_path / "t"), **QUICK)
    run = gw.train("lenet", str(data), teacher=str(teacher.path), out=str(tmp_path / "r"), **QUICK)
    assert run.card["kind"] == "labels" and "train_teacher" in RunFolder(run.path).history()[0]


def test_teachers_that_cannot_teach_this_data_are_told(base, run, five, tmp_path, refused):
    def learn(teacher, data=five):
        return lambda: gw.train("lenet", str(data), teacher=str(teacher), out="r", **QUICK)

    assert "rot" in refused("other-classes", learn(run.path)).got
    refused("no-run", learn(tmp_path / "nowhere"))
    refused("no-run", learn("efficientnet:imagenet"))
    numbers = pictures.table(tmp_path / "n", "number", count=30)
    measured = gw.train("cnn", str(numbers), out=str(tmp_path / "t"), **QUICK)
    assert "a number" in refused("other-classes", learn(measured.path)).got
    refused("other-classes", learn(measured.path, numbers))
    refused("other-classes", learn(base.path, pictures.table(tmp_path / "l", "labels", count=36)))
    refused("contradiction", lambda: gw.train("lenet", str(five), distil="soft", out="r", **QUICK))


def test_a_finished_student_answers_without_its_teacher(base, five, tmp_path):
    import shutil

    teacher = shutil.copytree(base.path, tmp_path / "t")
    run = gw.train("lenet", str(five), teacher=str(teacher), out=str(tmp_path / "r"), **QUICK)
    shutil.rmtree(teacher)
    assert gw.load(run.path).evaluate().judgement.n > 0
    assert gw.predict(run.path, str(next((five / "rot").iterdir())))[0]["answer"] in run.classes
