"""Class folders: every common mistake has its own message, and a class's index never moves."""

import pytest

from glassworks.core.errors import PersonError
from glassworks.data.folders import folder_problems, read_folder, unlabelled_folder


def codes(path):
    return [problem.code for problem in folder_problems(path)]


def test_class_folders_become_rows_sorted_by_name_with_sorted_classes(arrange):
    table = read_folder(arrange("dog/b.png", "cat/a.png", "cat/deep/er/c.jpg"))
    assert table.classes == ("cat", "dog")
    assert table.names == ("cat/a.png", "cat/deep/er/c.jpg", "dog/b.png")
    assert table.targets.tolist() == [0, 0, 1]
    assert table.kind == "label" and set(table.parts) == {""} and table.notes == ()


@pytest.mark.parametrize("words", [("train", "val", "test"), ("Training", "validation", "testing")])
def test_parts_are_kept_under_any_of_their_common_names(arrange, words):
    table = read_folder(arrange(*(f"{word}/{label}/1.png" for word in words for label in ("a", "b"))))
    assert sorted(set(table.parts)) == ["test", "train", "val"] and len(table) == 6


def test_a_class_may_be_called_train_when_its_neighbours_are_classes(arrange):
    assert read_folder(arrange("train/1.png", "train/steam/2.png", "bus/1.png")).classes == ("bus", "train")


def test_class_indices_are_those_of_training_even_when_other_parts_lack_classes(arrange):
    """Folder shapes: class indices never shift between splits."""
    folder = arrange("train/a/1.png", "train/b/1.png", "train/c/1.png", "val/c/9.png", "test/b/9.png")
    table = read_folder(folder)
    index = {name: int(target) for name, target in zip(table.names, table.targets)}
    assert table.classes == ("a", "b", "c")
    assert index["val/c/9.png"] == index["train/c/1.png"] == 2
    assert index["test/b/9.png"] == index["train/b/1.png"] == 1


def test_hidden_files_and_other_files_are_passed_over_with_one_note(arrange):
    """Folder shapes: hidden files are no pictures and no classes."""
    junk = [
        "a/.DS_Store",
        "b/Thumbs.db",
        "a/read.txt",
        ".git/x.png",
        "a/._1.png",
        "__MACOSX/a/1.png",
        "list.txt",
    ]
    folder = arrange("a/1.png", "b/1.png", *junk)
    table = read_folder(folder)
    assert table.names == ("a/1.png", "b/1.png")
    assert (
        len(table.notes) == 1
        and table.notes[0].startswith("passed over 7 entries")
        and ".txt 2" in table.notes[0]
    )


PROBLEMS = {
    "empty-folder": ["a/", "b/"],
    "no-class-folders": ["1.png", "2.png"],
    "empty-class": ["a/1.png", "b/1.png", "c/readme.txt"],
    "single-class": ["a/1.png", "a/deep/2.png"],
    "class-not-in-training": ["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/bb/2.png"],
    "class-names-differ-by-case": ["train/Cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/2.png"],
    "no-training-part": ["val/a/1.png", "val/b/1.png", "test/a/1.png"],
    "part-twice": ["train/a/1.png", "train/b/1.png", "val/a/1.png", "validation/a/1.png"],
}


@pytest.mark.parametrize("code", PROBLEMS)
def test_each_mistake_in_a_folder_has_its_own_message_with_the_mend(arrange, code):
    """Folder shapes: each mistake gives its own message with a suggested fix."""
    folder = arrange(*PROBLEMS[code])
    assert codes(folder) == [code]
    with pytest.raises(PersonError) as caught:
        read_folder(folder)
    assert caught.value.code == code and len(caught.value.fix) > 20
    assert str(folder) in caught.value.expected + caught.value.got + caught.value.fix


def test_all_problems_are_listed_with_the_cause_first(arrange):
    assert codes(arrange("a/1.png", "b/", "c/")) == ["empty-class", "empty-class", "single-class"]


def test_a_strange_class_gets_the_nearest_name(arrange):
    folder = arrange("train/daisy/1.png", "train/rose/1.png", "test/dasiy/1.png")
    assert 'did you mean "daisy"?' in folder_problems(folder)[0].fix


def test_a_missing_path_gets_the_nearest_name(arrange):
    folder = arrange("flowers/a/1.png")
    error = folder_problems(folder / "flwers")[0]
    assert error.code == "no-such-path" and error.fix == 'did you mean "flowers"?'


def test_a_link_that_leads_back_up_does_not_loop(arrange):
    folder = arrange("a/1.png", "b/1.png")
    try:
        (folder / "a" / "loop").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert "a/1.png" in read_folder(folder).names and len(read_folder(folder)) < 10


def test_spaces_and_letters_of_any_language_work(arrange):
    table = read_folder(arrange("été à la mer/photo 1.png", "日本/写真.png"))
    assert table.classes == ("été à la mer", "日本") and all(source.is_file() for source in table.sources)


def test_an_unlabelled_folder_has_rows_without_targets(arrange):
    table = unlabelled_folder(arrange("1.png", "deep/2.png", "notes.txt"))
    assert table.kind == "none" and table.names == ("1.png", "deep/2.png") and len(table.targets) == 0
    assert len(unlabelled_folder(table.sources[0])) == 1
    with pytest.raises(PersonError, match="put pictures there"):
        unlabelled_folder(arrange("x/readme.txt", root="none"))
