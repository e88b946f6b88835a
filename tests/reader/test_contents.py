"""The order of the book: one source of truth that cannot contradict itself."""

import subprocess
import sys
import time

import pytest

from glassworks import catalogue, labs
from glassworks.core.errors import PersonError
from glassworks.reader import contents as order
from tests.reader.pages_help import doctored

BOOK = order.contents()
DOMAINS = ("image", "language", "audio", "video", "reasoning", "coding", "security", "biology")


def test_about_sixty_chapters_each_with_a_sentence_and_a_time():
    assert 58 <= len(BOOK.chapters) <= 70
    for chapter in BOOK.chapters:
        assert chapter.about.endswith(".") and len(chapter.about) < 130, chapter.slug
        assert 20 <= chapter.minutes <= 40, chapter.slug
        assert chapter.works, chapter.slug


def test_what_a_chapter_needs_comes_before_it():
    seen: set[str] = set()
    for chapter in BOOK.chapters:
        assert set(chapter.needs) <= seen, chapter.slug
        seen.add(chapter.slug)


def test_only_the_first_chapter_needs_nothing():
    assert [chapter.slug for chapter in BOOK.chapters if not chapter.needs] == ["foundations/what_a_model_is"]


def test_every_part_is_on_the_path_and_has_chapters():
    on_path = [name for step in BOOK.steps for name in (*step.parts, *step.beside)]
    assert sorted(on_path) == sorted(part.name for part in BOOK.parts)
    assert all(BOOK.of_part(part.name) for part in BOOK.parts)


def test_the_path_is_the_one_that_was_promised():
    titles = [step.title.lower() for step in BOOK.steps]
    assert titles == [
        "foundations",
        "image",
        "sequence and language",
        "audio",
        "video",
        "reasoning and coding",
        "cyber security and biology",
    ]
    beside = {step.title: step.beside for step in BOOK.steps if step.beside}
    assert beside == {"Image": ("generative",), "Video": ("robotics",)}


def test_every_domain_of_the_catalogue_has_a_part():
    assert set(catalogue.DOMAINS) | set(DOMAINS) <= {part.domain for part in BOOK.parts}


def test_systems_and_labs_of_chapters_exist():
    systems = {entry.name for entry in catalogue.CATALOGUE}
    for chapter in BOOK.chapters:
        assert set(chapter.systems) <= systems, chapter.slug
        assert set(chapter.labs) <= set(labs.names()), chapter.slug


def test_chapters_that_the_catalogue_names_exist():
    named = {entry.chapter for entry in catalogue.CATALOGUE if entry.chapter}
    assert named <= set(BOOK.by_slug)


def test_every_chapter_file_is_in_the_contents():
    files = order.HERE.joinpath("chapters").glob("*/*.py")
    found = {f"{file.parent.name}/{file.stem}" for file in files if not file.stem.startswith("_")}
    assert found == {chapter.slug for chapter in BOOK.ready}


def test_a_ready_chapter_has_objectives_that_its_exercises_check():
    for chapter in BOOK.ready:
        assert len(chapter.objectives) >= 3, chapter.slug
        assert chapter.terms and chapter.checked, chapter.slug


def test_the_landmarks_of_the_timeline_are_there():
    years = {
        "rumelhart1986": 1986,
        "lecun1998": 1998,
        "krizhevsky2012": 2012,
        "goodfellow2014": 2014,
        "he2015": 2015,
        "dosovitskiy2020": 2020,
        "radford2021": 2021,
        "rombach2021": 2022,
        "kirillov2023": 2023,
        "brooks2024": 2024,
        "black2025": 2025,
        "omnimodal2026": 2026,
    }
    assert {key: BOOK.works[key].year for key in years} == years
    assert BOOK.works["omnimodal2026"].link == "", "there is no citation for a trend"


def test_works_have_facts_that_can_be_followed():
    links = [work.link for work in BOOK.works.values() if work.link]
    assert len(links) == len(set(links))
    assert all(link.startswith("https://") for link in links)
    assert {work.domain for work in BOOK.works.values()} == set(order.DOMAINS)
    for work in BOOK.works.values():
        assert 1950 <= work.year <= 2026 and work.authors and work.brought.endswith("."), work.key
        if work.link.startswith("https://arxiv.org/abs/"):
            number = work.link.rpartition("/")[2]
            submitted = 2000 + int(number[:2])
            assert number[4] == "." and submitted - 1 <= work.year <= submitted + 3, work.key


def test_terms_are_explained_in_a_sentence_or_two_and_lead_on():
    assert len(BOOK.terms) >= 90
    for term in BOOK.terms.values():
        assert term.meaning.endswith((".", "?")) and 30 < len(term.meaning) < 330, term.key
        assert term.key not in term.also and term.chapter, term.key


def test_a_chapter_that_does_not_exist_is_answered_with_the_nearest():
    with pytest.raises(PersonError, match='did you mean "foundations/learning_by_hand"'):
        order.chapter("foundations/learning_by_hnad")


def test_ready_is_whether_the_file_is_there(tmp_path):
    book = doctored(tmp_path, ready=("foundations/the_training_loop", "foundations/what_a_model_is"))
    assert [chapter.name for chapter in book.ready] == ["what_a_model_is", "the_training_loop"]
    before, after = book.neighbours("foundations/the_training_loop")
    assert (before and before.name, after) == ("what_a_model_is", None)


FAULTS = {
    "a need that comes later": ('needs = ["image/how_deep"]', 'needs = ["biology/medical_pictures"]'),
    "a need that does not exist": ('needs = ["image/how_deep"]', 'needs = ["image/how_deap"]'),
    "a slug used twice": ('slug = "video/time_as_an_axis"', 'slug = "image/how_deep"'),
    "a file name used twice": ('slug = "video/time_as_an_axis"', 'slug = "video/how_deep"'),
    "a slug with a hyphen": ('slug = "video/time_as_an_axis"', 'slug = "video/time-as-an-axis"'),
    "a work that does not exist": ('"gong2021"', '"gong2012"'),
    "a part without a step": ('parts = ["audio"]', "parts = []"),
    "a field that is misspelt": ('domain = "audio"', 'domane = "audio"'),
    "a domain that does not exist": ('domain = "audio"', 'domain = "sound"'),
    "no TOML": ("[[step]]", "[[step"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_contents_that_contradict_themselves_are_refused(tmp_path, fault):
    with pytest.raises(PersonError) as told:
        doctored(tmp_path, contents=dict([FAULTS[fault]]))
    assert told.value.code == "bad-contents"


def test_an_exercise_of_another_chapter_is_refused(tmp_path):
    name = next(chapter for chapter in BOOK.chapters if chapter.exercises).exercises[0]
    stem = name.partition(".")[0]
    with pytest.raises(PersonError, match=r"beginning of exercise ids|exercise of an objective"):
        doctored(tmp_path, contents={f'"{name}"': f'"not_{stem}.x"'})


def test_reading_takes_less_than_30_ms_and_no_torch():
    took = []
    for _ in range(5):
        begun = time.process_time()
        order.load(order.HERE)
        took.append(time.process_time() - begun)
    assert min(took) < 0.030
    code = "import sys, glassworks.reader.contents as c; c.contents(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
