"""What holds for every chapter that is ready: a new one is tested by being there."""

import re

import pytest

from glassworks.reader import exercises, lint
from glassworks.reader.contents import contents
from glassworks.reader.figure import Figure
from glassworks.runs import Runs
from tests.reader.chapters import ladder

SLUGS = [chapter.slug for chapter in contents().ready]
FIGURES = [(slug, kind) for slug in SLUGS for kind in ladder.figures(slug)]
EXERCISES = [exercise for slug in SLUGS for exercise in exercises.of(slug)]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_page_runs_as_a_script_and_trains_nothing_by_itself(slug, tmp_path, monkeypatch):
    monkeypatch.setattr(Runs, "start", lambda *words, **more: pytest.fail("a run was started"))
    shown = [output for output in ladder.run(slug, tmp_path) if isinstance(output, Figure)]
    assert len(shown) == len(ladder.figures(slug))
    assert all(any(isinstance(one, kind) for one in shown) for kind in ladder.figures(slug))


@pytest.mark.parametrize("slug", SLUGS)
def test_it_keeps_the_rules_of_chapters(slug):
    assert lint.complaints(slug) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_every_objective_is_checked_by_an_exercise_and_there_is_time_for_all(slug):
    chapter = contents().chapter(slug)
    found = exercises.of(slug)
    assert list(chapter.exercises) == [exercise.id for exercise in found]
    assert {objective.exercise_id for objective in chapter.objectives} <= set(chapter.exercises)
    assert 4 <= len(chapter.objectives) <= 6 and 5 <= len(found) <= 8
    assert any(isinstance(exercise, exercises.CodeExercise) for exercise in found)
    assert sum(exercise.minutes for exercise in found) <= chapter.minutes <= 40
    assert chapter.checked is not None


@pytest.mark.parametrize("slug", SLUGS)
def test_every_paper_that_the_text_names_is_among_its_works(slug):
    book, text = contents(), ladder.prose(slug)
    known = {(book.works[key].authors.split(",")[0].split()[-1], str(book.works[key].year))
             for key in contents().chapter(slug).works}  # fmt: skip
    cited = re.findall(r"\(([A-Z][\w'-]+)(?: and [\w ]+?)? ((?:19|20)\d\d)\)", text)
    assert set(cited) <= known


@pytest.mark.parametrize("slug", SLUGS)
def test_every_work_and_term_that_is_listed_is_in_the_text(slug):
    book, about, text = contents(), contents().chapter(slug), ladder.prose(slug)
    for key in about.works:
        work = book.works[key]
        first = work.authors.split(",")[0].split()[-1]
        assert re.search(rf"{re.escape(first)}[^()]* \(?{work.year}\)", text), key
    asked = " ".join(f"{one.question} {one.hints} {one.why}" for one in exercises.of(slug))
    for key in about.terms:
        term = re.sub(r" \(.*\)$| function$|^learning-rate ", "", book.terms[key].term)
        assert re.search(rf"\b{re.escape(term)}(s|es)?\b", f"{text} {asked}", re.IGNORECASE), key


@pytest.mark.parametrize("slug", SLUGS)
def test_the_examples_of_the_text_give_what_their_comments_say(slug):
    told = 0
    for line, said, given in ladder.examples(slug):
        assert said in given, line
        told += len(said.splitlines())
    assert told == sum(fence.count("# -> ") for fence in ladder.fences(slug))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_an_exercise_passes_its_answer_and_fails_every_wrong_one_on_its_row(exercise):
    assert exercises.prove(exercise) == []


@pytest.mark.parametrize(("slug", "kind"), FIGURES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_figure_holds_at_the_ends_of_its_controls(slug, kind):
    figure = kind()
    assert figure.title and figure.says
    ladder.sound(figure.drawn)
    for values in ladder.moves(figure):
        ladder.sound(figure.draw(**figure.arguments(values)))
