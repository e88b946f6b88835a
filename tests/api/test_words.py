"""Word vectors by the verbs: own texts in; neighbours, analogies, files and pages out; what is refused."""

import csv
import json

import numpy as np
import pytest

from glassworks.api.families import require
from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.api.words import SAMPLE, facts_of, open_data, passages_of, prepare_words
from glassworks.api.words_answers import parsed
from glassworks.core.errors import PersonError
from glassworks.data.texts import open_texts
from glassworks.recipes.base import DataPart, default_recipe
from tests.topics import TOPICS, sentences, write_texts


def train(data, out, **options):
    settings = {"size": "tiny", "threads": 1, "quiet": True, "epochs": 4} | options
    return train_request(TrainRequest(system="word2vec", data=str(data), out=str(out), **settings))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    return train(write_texts(folder / "texts", 1200), folder / "run")


def prepared(texts, **changes):
    recipe = default_recipe("word2vec", "tiny", None, facts_of(texts)).with_values(changes)
    return prepare_words(recipe, texts)


def test_texts_become_passages_that_reach_into_no_other_text(tmp_path):
    table = open_texts(write_texts(tmp_path, 100, files=2), wanted="none")
    cut = passages_of(table, 50)
    assert cut.kind == "words" and len(set(cut.names)) == len(cut)
    assert cut.names[0] == f"{table.names[0]}, words 1 to 50"
    for name, text in zip(table.names, table.texts):
        own = [one for label, one in zip(cut.names, cut.texts) if label.startswith(name)]
        assert " ".join(own).split() == text.split()
        assert all(len(one.split()) == 50 for one in own[:-1])
    assert passages_of(table, 10_000).names == table.names


def test_the_vocabulary_is_that_of_the_training_part_and_all_else_is_counted(tmp_path):
    folder = write_texts(tmp_path, 600, files=1)
    with (folder / "part-0.txt").open("a", encoding="utf-8") as file:
        file.write("Hapax-legomenon! -- ; 17")
    own = prepared(open_texts(folder, wanted="none"))
    words = own.tokenizer.tokens[5:]
    assert "the" in words and "The" not in words and not {".", "--", "hapax-legomenon"} & set(words)
    said = [
        word for row in own.splits.train for word in own.table.texts[row].lower().replace(".", "").split()
    ]
    assert own.counts[own.tokenizer.numbers["water"]] == said.count("water")
    assert sum(len(own.passages[row]) for row in own.splits.train) == own.counts.sum()
    assert own.settled == {"model.vocabulary": own.tokenizer.size}
    assert own.notes[0].startswith(f"{len(words):,} words get a vector")
    assert own.notes[1].startswith("train: ") and "without a vector" in own.notes[3]


def test_copies_of_a_text_stay_in_one_part(tmp_path):
    lines = [[line] for line in sentences(300)] * 2
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *lines])
    own = prepared(open_texts(tmp_path / "t.csv", wanted="none", text="text"))
    part = {row: name for name in ("train", "val", "test") for row in own.part(name)}
    assert all(part[row] == part[row + 300] for row in range(300))


def test_a_run_is_whole_and_its_report_shows_neighbours(run):
    assert run.card["kind"] == "words" and run.recipe.model["vocabulary"] == run.model.config.vocabulary
    assert "gives words places in a space" in (run.path / "card.md").read_text(encoding="utf-8")
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Nearest words" in page and "too few to judge" in page  # too few of the lists' English words
    found = run.evaluate()
    assert found.looks == 1 and found.judgement.metrics["neighbours_told"].low > 0.5
    again = run.evaluate(part="test")
    assert again.judgement.metrics == found.judgement.metrics and again.looks == 2


def test_other_texts_are_judged_in_the_runs_own_words(run, tmp_path):
    found = run.evaluate(data=str(write_texts(tmp_path / "other", 200)))
    assert found.judgement.metrics["neighbours_told"].value > 0.5
    with pytest.raises(PersonError, match="two known words"):
        (tmp_path / "strange.txt").write_text("völlig andere worte " * 50, encoding="utf-8")
        run.evaluate(data=str(tmp_path / "strange.txt"))


def test_nearest_words_and_sums_never_name_what_was_asked(run):
    near, total, unknown = run.predict("Water", "room - door + ship", "watter", top=10)
    assert len(near["words"]) == 10 and near["words"][0]["word"] in TOPICS["sea"].split()
    assert near["answer"].startswith(near["words"][0]["word"])
    assert {row["word"] for row in near["words"]}.isdisjoint({"water"})
    assert {row["word"] for row in total["words"]}.isdisjoint({"room", "door", "ship"})
    vectors = run.model.vectors.weight.detach().numpy().astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = json.loads((run.path / "tokenizer.json").read_text(encoding="utf-8"))["tokens"]
    place = {word: number for number, word in enumerate(numbers, start=5)}
    direction = vectors[place["room"]] - vectors[place["door"]] + vectors[place["ship"]]
    cosine = vectors[place[total["words"][0]["word"]]] @ direction / np.linalg.norm(direction)
    assert total["words"][0]["cosine"] == pytest.approx(cosine, abs=1e-4)
    assert unknown["error"]["got"] == '"watter"' and "water" in unknown["error"]["fix"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [("king", [(1, "king")]), ("king - man + woman", [(1, "king"), (-1, "man"), (1, "woman")]),
     ("king-man+woman", [(1, "king"), (-1, "man"), (1, "woman")]), ("well-known", [(1, "well-known")]),
     ("well-known - known", [(1, "well-known"), (-1, "known")]), ("- man + king", [(-1, "man"), (1, "king")]),
     ("", []), (" + ", [])],
)  # fmt: skip
def test_sums_of_words_are_read_as_written(text, terms):
    assert parsed(text, {"king", "man", "woman", "known", "well-known"}) == terms


def test_all_vectors_or_all_answers_go_into_a_file(run, tmp_path):
    run.predict("water", "room", "nonsense", out=str(tmp_path / "a.csv"), top=8)
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 17 and rows[0]["asked"] == "water" and rows[-1]["error"]
    run.predict(out=str(tmp_path / "v.txt"))
    head, first, *_ = (tmp_path / "v.txt").read_text(encoding="utf-8").splitlines()
    words = run.model.config.vocabulary - 5
    assert head == f"{words} 48" and len(first.split(" ")) == 49
    run.predict(out=str(tmp_path / "v.npz"))
    with np.load(tmp_path / "v.npz", allow_pickle=False) as kept:
        np.testing.assert_array_equal(kept["vectors"], run.model.vectors.weight.detach().numpy()[5:])
        assert kept["words"][0] == first.split(" ")[0]
    with pytest.raises(PersonError, match=r"\.txt or \.npz"):
        run.predict()


def test_explain_draws_maps_of_the_model_and_of_named_words(run, tmp_path):
    (row,) = run.explain(out=str(tmp_path / "a"))
    page = (tmp_path / "a" / "explain.html").read_text(encoding="utf-8")
    assert row["words"] > 20 and page.count("<svg") == 2 and ">water</text>" in page
    rows = run.explain("water", "ship:room", "sail:door", "nope", out=str(tmp_path / "b"))
    page = (tmp_path / "b" / "explain.html").read_text(encoding="utf-8")
    assert rows[0]["answer"] and "error" in rows[3] and page.count("<svg") == 2 and "Steps" in page
    with pytest.raises(PersonError, match="nothing"):
        run.explain("water", methods=("occlusion",))


def test_a_resumed_run_equals_one_that_was_not_interrupted(tmp_path):
    from glassworks.training.stopping import Stopped

    texts = write_texts(tmp_path / "texts", 300)
    whole = train(texts, tmp_path / "whole", epochs=2)

    class StopSoon:
        def say(self, _):
            pass

        def step(self, facts):
            if facts["step"] == 3:
                import os
                import signal

                os.kill(os.getpid(), signal.SIGTERM)

        def evaluated(self, _):
            pass

    request = TrainRequest(
        system="word2vec", data=str(texts), out=str(tmp_path / "cut"), size="tiny", threads=1, epochs=2
    )
    with pytest.raises(Stopped):
        train_request(request, progress=StopSoon())
    resumed = train_request(TrainRequest(resume=str(tmp_path / "cut"), quiet=True))
    assert all(
        np.array_equal(a.detach(), b.detach())
        for a, b in zip(whole.model.parameters(), resumed.model.parameters())
    )


@pytest.mark.parametrize(
    ("options", "code"),
    [({"threshold": "f1"}, "contradiction"), ({"class_weights": "balanced"}, "contradiction"),
     ({"set": ("input.tokens=piece",)}, "contradiction"), ({"set": ("model.least=9999",)}, "too-little-text"),
     ({"side": 32}, "contradiction")],
)  # fmt: skip
def test_what_means_nothing_here_is_refused(tmp_path, options, code):
    with pytest.raises(PersonError) as refused:
        train(write_texts(tmp_path / "texts", 200), tmp_path / "run", **options)
    assert refused.value.code == code


def test_too_little_text_is_refused_before_training(tmp_path):
    (tmp_path / "one.txt").write_text("a few words only", encoding="utf-8")
    with pytest.raises(PersonError) as refused:
        train(tmp_path / "one.txt", tmp_path / "run")
    assert refused.value.code == "too-little-text"


@pytest.mark.parametrize("verb", ["export", "serve", "compare", "cross-validate", "learning-curve"])
def test_verbs_without_meaning_say_what_to_do_instead(verb):
    with pytest.raises(PersonError, match="glassworks"):
        require(verb, "word2vec")


def test_several_samples_are_read_as_one(monkeypatch, tmp_path):
    """Each row's name says which sample it is from."""
    kept = open_texts(write_texts(tmp_path, 60, files=2), wanted="none")
    monkeypatch.setattr("glassworks.api.words.open_texts", lambda where, **_: kept)
    both = open_data(DataPart(where="sample:austen+brown"))
    assert len(both) == 4 and both.names[0] == f"austen/{kept.names[0]}" and both.texts[2] == kept.texts[0]
    assert open_data(DataPart(where=str(tmp_path))) is kept
    assert len(open_data(DataPart())) == 2 * len(SAMPLE.partition(":")[2].split("+"))
