"""Search: what is meant is found first, spelling and accents do not matter, and nothing is told kindly."""

import time

import pytest

from glassworks.core.keyed import generator
from glassworks.reader import contents as order
from glassworks.reader import pages
from glassworks.reader.pages.index import Entry, Index, excerpt, folded
from glassworks.reader.pages.search import entries
from glassworks.reader.plain import Passage
from tests.reader.pages_help import Reading, doctored

READY = ("foundations/learning_by_hand",)
TEXT = [
    Passage(
        "Learning by hand",
        "One weight, one step. Which slope does the loss have? Exercise: compute the gradient.",
    ),
    Passage(
        "The chain rule, *twice*", "Slopes multiply. The `backward` pass walks the tape. Naïve façade. " * 3
    ),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    book = doctored(tmp_path_factory.mktemp("book"), ready=READY)
    return Index(entries(book, lambda slug: TEXT))


def titles(index, query):
    return [entry.title for entry in index.find(query).entries]


def test_the_term_stands_before_texts_that_only_use_it(index):
    assert titles(index, "chain rule")[0] == "chain rule"
    assert titles(index, "loss")[0] == "loss"
    assert titles(index, "dropout")[0] == "dropout"


def test_a_chapter_is_found_by_its_title_and_by_its_text(index):
    assert titles(index, "how deep")[0] == "How deep?"
    found = index.find("naive facade").entries
    assert [entry.address for entry in found] == [
        "/book/foundations/learning_by_hand/?at=the-chain-rule-twice"
    ]


def test_questions_of_exercises_are_found(index):
    assert "/book/foundations/learning_by_hand/" in index.find("exercise slope loss").entries[0].address


def test_works_are_found_by_author_without_accents(index):
    assert any("long-term dependencies" in title for title in titles(index, "BENGIO 1994"))
    assert any(entry.kind == "Work" for entry in index.find("gunes baydin").entries)


def test_all_words_must_be_there_and_the_beginning_of_a_word_is_enough(index):
    assert "convolution" in titles(index, "convol")
    for entry in index.find("gradient learning").entries:
        words = folded(f"{entry.title} {entry.heading} {entry.text}")
        assert "gradient" in words and "learning" in words


HYPHENS = {
    "backpropagation": "back-propagation",
    "backprop": "back-propagation",
    "finetuning": "fine-tuning",
    "fine-tuning": "fine-tuning",
    "optimizer": "optimiser",
}


@pytest.mark.parametrize("query", HYPHENS)
def test_hyphens_and_american_spelling_do_not_matter(index, query):
    assert HYPHENS[query] in titles(index, query)[:4]


SLIPS = {
    "gradeint": "gradient",
    "chian rule": "chain rule",
    "convolutoin": "convolution",
    "overfiting": "overfitting",
}


@pytest.mark.parametrize("query", SLIPS)
def test_a_slip_is_answered_with_the_nearest_spelling(index, query):
    found = index.find(query)
    assert found.nearest == SLIPS[query]
    assert "Did you mean" in pages.search(query, found=found)


def test_a_word_that_is_not_in_the_book_is_answered_kindly(index):
    found = index.find("Kettenregel")
    page = Reading(pages.search("Kettenregel", found=found))
    assert not found.entries and not found.nearest
    assert "Nothing in the book holds “Kettenregel”" in page.text and "The book is in English" in page.text


def test_when_no_entry_has_all_words_those_with_some_are_shown_as_such(index):
    found = index.find("dropout zebra")
    assert not found.whole and found.entries[0].title == "dropout"
    assert "some of them" in Reading(pages.search("dropout zebra", found=found)).text


def test_common_words_do_not_stand_in_the_way(index):
    assert titles(index, "what is the chain rule")[0] == "chain rule"


@pytest.mark.parametrize("query", ["", "   ", "???", "“", "a" * 200, "(", "\\", "the of"])
def test_any_query_is_answered_with_a_whole_page(index, query):
    assert Reading(pages.search(query, found=index.find(query))).faults == []


def test_matches_are_marked_where_they_stand():
    text = "Filler words come first, " * 20 + "then the Gradients of a <loss> appear."
    pieces = excerpt(text, ("gradient",))
    assert [piece for piece, hit in pieces if hit] == ["Gradients"]
    assert len("".join(piece for piece, _ in pieces)) < 220
    entry = Entry("Term", "t", "", text, "/glossary#t")
    page = pages.search("gradient", found=Index([entry]).find("gradient"))
    assert "<mark>Gradients</mark>" in page and "&lt;loss&gt;" in page


def test_excerpts_of_one_long_word_and_of_nothing_end():
    assert "".join(piece for piece, _ in excerpt("x" * 1000, ("x",)))
    assert excerpt("", ("x",)) == []


def test_a_query_over_sixty_whole_chapters_takes_less_than_20_ms():
    source = generator(0, "search")
    words = [f"{a}{b}" for a in ("grad", "conv", "loss", "train", "net") for b in range(900)]
    texts = (" ".join(words[int(one)] for one in source.integers(0, 4500, 260)) for _ in range(60 * 14))
    rows = [Entry("Chapter", "title", "heading", text, f"/{number}/") for number, text in enumerate(texts)]
    index = Index([*rows, *entries(order.contents(), lambda slug: [])])
    for query in ("gradient", "grad1 conv2", "the loss", "gradeint", "t"):
        took = []
        for _ in range(5):
            begun = time.process_time()
            pages.search(query, found=index.find(query))
            took.append(time.process_time() - begun)
        assert min(took) < 0.020, (query, min(took))
