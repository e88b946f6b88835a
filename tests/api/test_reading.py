"""Reading from end to end: hidden words, labels, vectors and search, without a network."""

import csv
import json

import numpy as np
import pytest
import torch

import glassworks as gw
from glassworks.api.families import family_of
from glassworks.api.families.reading import FAMILY
from glassworks.api.pretrained import pretrained
from glassworks.api.reading import blocks_of, cut_into_passages, in_blocks
from glassworks.api.reading_predict import split_at_gaps
from glassworks.api.requests import FinetuneRequest, TrainRequest
from glassworks.api.train import finetune_request, train_request, with_start
from glassworks.api.vectors import passages_of
from glassworks.core.errors import PersonError
from glassworks.core.text_rows import TextTable
from glassworks.data.vocabulary import learn
from glassworks.models.sequence.bert import BERTConfig, build
from glassworks.recipes.base import DataPart
from glassworks.weights import published_texts
from glassworks.weights.names import bert as names
from glassworks.weights.store import write_tensors
from tests.api.reviews import reviews
from tests.models import ladder


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of made-up reviews with labels."""
    path = tmp_path_factory.mktemp("reviews") / "reviews.csv"
    texts, right = reviews(240)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [(text, ("bad", "good")[label]) for text, label in zip(texts, right, strict=True)]
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A folder as others publish a BERT: config.json, model.safetensors, tokenizer.json; random numbers."""
    folder = tmp_path_factory.mktemp("published")
    tokenizer = learn(reviews(240)[0], tokens="piece", size=400)
    tokenizer.write(folder / "tokenizer.json")
    block = {"heads": 2, "norm": "post", "epsilon": 1e-12, "dropout": 0.0}
    shape = {"vocabulary": tokenizer.size, "context": 40, "width": 32, "depth": 2, "block": block}
    model = ladder.seeded(lambda: build(BERTConfig(**shape, head="none")))
    write_tensors(folder / "model.safetensors", names.to_theirs(model.state_dict(), "body"))
    said = {"model_type": "bert", "num_attention_heads": 2, "intermediate_size": 128, "hidden_act": "gelu"}
    (folder / "config.json").write_text(json.dumps(said), encoding="utf-8")
    return folder, model.eval()


@pytest.fixture(scope="module")
def tuned(table, published, tmp_path_factory):
    """A head taught on features of the random body."""
    out = tmp_path_factory.mktemp("runs") / "tuned"
    return finetune_request(
        FinetuneRequest(
            system="bert", data=str(table), start_from=str(published[0]), tune="head", size="tiny",
            out=str(out), threads=1, quiet=True,
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def guessing(table, tmp_path_factory):
    """A run that guesses words of the reviews."""
    out = tmp_path_factory.mktemp("runs") / "guessing"
    return train_request(
        TrainRequest(
            system="bert", data=str(table), labels="none", size="tiny", epochs=2, out=str(out), threads=1,
            quiet=True, set=("model.vocabulary=400", "input.context=24", "model.context=24"),
        )
    )  # fmt: skip


def test_labels_decide_what_is_learned(table, tmp_path):
    (tmp_path / "plain.txt").write_text("one text without labels\n", encoding="utf-8")
    assert FAMILY.open_data(DataPart(where=str(table))).kind == "label"
    assert FAMILY.open_data(DataPart(where=str(table), labels="none")).kind == "none"
    plain = FAMILY.open_data(DataPart(where=str(tmp_path / "plain.txt")))
    assert plain.kind == "none" and any("hidden" in note for note in plain.notes)
    assert family_of("bert") is FAMILY


def test_blocks_hold_every_word_and_end_at_paragraphs():
    text = "\n\n".join(f"Paragraph {n} " + "word " * 60 for n in range(40))
    found = blocks_of(text, 200)
    assert "".join(found) == text and len(found) > 5
    assert all(piece.startswith("Paragraph") for piece in found)
    line = "word " * 3_000
    assert "".join(blocks_of(line, 200)) == line and len(blocks_of(line, 200)) > 5
    assert blocks_of("short") == ["short"]


def test_of_few_long_texts_every_part_gets_some_and_of_many_each_stays_whole():
    long = "\n\n".join("word " * 100 for _ in range(30))
    few = TextTable("x", ("a", "b"), (long, long), "none", np.empty(0))
    many = TextTable("x", tuple(map(str, range(40))), ("a text",) * 40, "none", np.empty(0))
    assert in_blocks(few).groups is None and len(in_blocks(few)) > 8
    assert in_blocks(many).groups == many.names


def test_passages_lose_nothing():
    texts = ["one two three four five six seven", "eight"]
    tokenizer = learn(texts * 2, tokens="word")
    passages, source = cut_into_passages(texts, tokenizer, 5)
    assert source.tolist() == [0, 0, 0, 1] and max(map(len, passages)) <= 5
    inside = [number for passage in passages[:3] for number in passage[1:-1]]
    assert tokenizer.decode(inside) == texts[0]


def test_hidden_words_are_learned_judged_and_asked_for(guessing):
    assert guessing.card["kind"] == "none" and set(guessing.card["metrics"]) == {
        "masked_loss", "masked_accuracy",
    }  # fmt: skip
    result = guessing.evaluate()
    assert result.looks == 1 and "hidden" in result.report.read_text(encoding="utf-8")
    assert set(result.judgement.baselines) == {"most frequent token", "counts of both neighbours"}
    rows = guessing.predict("the film is ___ and ___", top=2)
    assert len(rows[0]["guesses"]) == 2 and all(len(gap) == 2 for gap in rows[0]["guesses"])
    assert 0 < rows[0]["guesses"][0][0][1] <= 1
    with pytest.raises(PersonError, match="gap"):
        guessing.predict("the film is warm")
    with pytest.raises(PersonError, match="at most 22"):
        guessing.predict("the film " * 20 + "___")


def test_gaps_are_found_however_they_are_written():
    assert split_at_gaps("a ___ day, a [MASK] night") == ["a", " day, a", " night"]
    assert split_at_gaps("no gap") == ["no gap"]


def test_explains_where_it_looked_and_how_sure_it_was(guessing, tmp_path):
    (row,) = guessing.explain("the film is warm", out=str(tmp_path / "out"))
    kinds = {drawing["name"]: drawing for drawing in row["drawings"]}
    assert set(kinds) == {"attention", "surprise"} and len(kinds["surprise"]["nats"]) >= 4
    page = (tmp_path / "out" / "explain.html").read_text(encoding="utf-8")
    assert "<svg" in page and "why an answer was given" in page


def test_settings_for_classes_are_refused_without_labels(table):
    for wrong in ({"class_weights": "balanced"}, {"threshold": "f1"}):
        with pytest.raises(PersonError, match="without labels"):
            train_request(TrainRequest(system="bert", data=str(table), labels="none", quiet=True, **wrong))


def test_own_data_with_published_weights_in_another_s_folder(tuned, published):
    """The folder's architecture and tokenizer are taken, only a new head learns, and answers come."""
    assert tuned.recipe.input.tokens == "given" and tuned.recipe.model["width"] == 32
    assert tuned.recipe.model["block"]["heads"] == 2
    body = published[1].state_dict()
    for name, tensor in tuned.model.state_dict().items():
        if not name.startswith("head."):
            assert torch.equal(tensor, body[name]), name
    assert tuned.card["metrics"]["accuracy"]["value"] > 0.5
    (row,) = tuned.predict("the film is warm")
    assert row["answer"] in ("good", "bad")
    (shown,) = tuned.explain("the film is warm", methods=("attention",))
    assert shown["drawings"][0]["name"] == "attention"


def test_features_for_a_head_are_computed_once(table, published, tmp_path, monkeypatch):
    from glassworks.transfer import feature_cache

    monkeypatch.setattr(feature_cache, "NOTICEABLE", 0.0)
    heard = []

    class Listens:
        def say(self, sentence):
            heard.append(sentence)

        def step(self, facts): ...

        def evaluated(self, row): ...

    for number in range(2):
        finetune_request(
            FinetuneRequest(
                system="bert", data=str(table), start_from=str(published[0]), tune="head",
                size="tiny", out=str(tmp_path / str(number)), threads=1,
            ),
            progress=Listens(),
        )  # fmt: skip
    said = [sentence for sentence in heard if "features of 240 texts" in sentence]
    assert len(said) == 2 and "computed" in said[0] and "read from the cache" in said[1]


def test_all_of_it_may_learn_with_slower_first_parts(table, published, tmp_path):
    run = train_request(
        TrainRequest(
            system="bert", data=str(table), start_from=str(published[0]), size="tiny", epochs=1,
            out=str(tmp_path / "run"), threads=1, quiet=True, context=24,
        )
    )  # fmt: skip
    rates = {row["part"]: row["rate"] for row in run.card["parts"]}
    assert rates["embedding"] < rates["blocks.0"] < rates["blocks.1"] < rates["head"]
    assert len(run.model.embedding.positions.weight) == 24


def test_words_that_were_guessed_begin_a_classifier(guessing, table, tmp_path):
    run = finetune_request(
        FinetuneRequest(
            system="bert", data=str(table), start_from=str(guessing.path), tune="head", size="tiny", epochs=1,
            out=str(tmp_path / "run"), threads=1, quiet=True,
        )
    )  # fmt: skip
    assert run.card["kind"] == "label" and run.recipe.model["head"] == "classes"
    body = guessing.model.state_dict()
    assert torch.equal(run.model.state_dict()["blocks.0.mlp.widen.weight"], body["blocks.0.mlp.widen.weight"])


def test_a_body_without_a_head_for_words_gets_one_that_learns(table, published, tmp_path):
    run = train_request(
        TrainRequest(
            system="bert", data=str(table), labels="none", start_from=str(published[0]),
            size="tiny", epochs=2, learning_rate=1e-3, out=str(tmp_path / "run"), threads=1, quiet=True,
        )
    )  # fmt: skip
    head = run.model.state_dict()
    assert float(head["head.norm.weight"].abs().mean()) > 0.5 and float(head["head.turn.weight"].std()) > 0.01
    assert run.card["metrics"]["masked_loss"]["value"] < np.log(run.model.config.vocabulary)


def test_vectors_have_length_one_and_long_texts_are_read_whole(tuned, tmp_path):
    texts = ["the film is warm", "this story feels dull " * 30]
    found = passages_of(tuned, texts)
    assert found.source.tolist()[0] == 0 and list(found.source).count(1) > 1
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1.0, atol=1e-5)
    made = gw.embed(tuned, *texts, out=str(tmp_path / "v.npz"))
    kept = np.load(tmp_path / "v.npz", allow_pickle=False)
    assert kept["vectors"].shape == (2, 32) and made.passages == len(found.texts)
    np.testing.assert_allclose(kept["vectors"], found.whole(), atol=1e-6)
    for ending in ("csv", "jsonl"):
        gw.embed(tuned, *texts, out=str(tmp_path / f"v.{ending}"))
        lines = (tmp_path / f"v.{ending}").read_text(encoding="utf-8").splitlines()
        assert len(lines) == (3 if ending == "csv" else 2)
    with pytest.raises(PersonError, match="endings"):
        gw.embed(tuned, *texts, out="vectors.pt")


def test_search_finds_the_text_itself_first(tuned, table, tmp_path):
    texts = [row["text"] for row in csv.DictReader(table.open(encoding="utf-8"))]
    found = gw.search(tuned, table, text=texts[17], top=3, page=str(tmp_path / "found.html"))
    assert found.rows[0]["text"] == texts[17] and found.rows[0]["cosine"] == pytest.approx(1.0, abs=1e-4)
    assert found.searched == 240 and len(found.rows) == 3
    assert "ranks" in (tmp_path / "found.html").read_text(encoding="utf-8")
    with pytest.raises(PersonError, match="--text"):
        gw.search(tuned, table, picture="cat.jpg")


def test_other_weights_are_told_apart(published, tmp_path):
    folder, _ = published
    found = pretrained("bert", str(folder))
    assert found.model["head"] == "none" and found.model["block"]["heads"] == 2
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}', encoding="utf-8")
    with pytest.raises(PersonError, match="model_type bert"):
        pretrained("bert", str(tmp_path))


def test_the_published_row_is_pinned_and_says_whose_it_is():
    (row,) = published_texts.REGISTRY
    assert (row.system, row.variant, row.name, row.licence) == ("bert", "minilm", "minilm", "Apache-2.0")
    for digest in (row.wheel_sha256, row.weights[1], row.tokenizer[1]):
        assert len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    with pytest.raises(PersonError, match="variant"):
        published_texts.find("bert", "base", "minilm")
    assert published_texts.find("sentiment", None, "minilm") is None


def test_a_file_with_another_digest_is_not_read(tmp_path):
    (row,) = published_texts.REGISTRY
    (tmp_path / "model").mkdir()
    (tmp_path / row.tokenizer[0]).write_text("{}", encoding="utf-8")
    with pytest.raises(PersonError, match="SHA-256"):
        published_texts.tokenizer_of(row, tmp_path)


@pytest.mark.long
def test_minilm_gives_like_vectors_to_like_sentences():
    """The figures of DATA.md, through our own network and tokenizer."""
    try:
        run = gw.load("bert:minilm")
    except PersonError as error:
        pytest.skip(error.got)
    said = ["A man is eating food.", "A man eats something.", "How do I reset my password?",
            "I forgot my login credentials."]  # fmt: skip
    vectors = passages_of(run, said).whole()
    cosines = vectors @ vectors.T
    assert cosines[0, 1] == pytest.approx(0.8749, abs=1e-3)
    assert cosines[2, 3] == pytest.approx(0.6368, abs=1e-3)
    assert np.abs(cosines[:2, 2:]).max() < 0.2


def test_finetuning_teaches_the_whole_of_bert_and_the_head_of_others():
    assert with_start(FinetuneRequest(system="bert", data="x.csv")).tune == "full"
    assert with_start(FinetuneRequest(system="bert", data="x.csv", tune="head")).tune == "head"
    assert with_start(FinetuneRequest(system="resnet", data="x")).tune == "head"
