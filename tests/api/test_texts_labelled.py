"""Labelled texts behind the verbs: own data, what is counted before training, predict, evaluate, explain."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import glassworks as gw
from glassworks.api.compare import read_answers
from glassworks.api.families import family_of
from glassworks.api.requests import PredictRequest, TrainRequest
from glassworks.api.texts import TOKENIZER, prepare_texts, same_texts
from glassworks.api.texts_predict import answers_for, given_texts
from glassworks.api.train import train_request
from glassworks.core.errors import PersonError
from glassworks.core.text_rows import TextTable
from glassworks.data.texts import open_texts
from glassworks.data.vocabulary import learn, read_tokenizer
from glassworks.recipes.base import default_recipe
from glassworks.training.run_folder import read_json
from tests.api.alone import alone, run_alone
from tests.api.reviews import reviews
from tests.api.served import said, served

CLASSES = ("bad", "good")


def table_of(count=60, **changes):
    texts, labels = reviews(count)
    made = TextTable(
        "made", tuple(f"line {n}" for n in range(count)), texts, "label", np.array(labels), CLASSES
    )
    return replace(made, **changes)


def recipe_of(table, **changes):
    recipe = default_recipe("sentiment", "tiny", None, family_of("sentiment").facts(table))
    return recipe.with_values(changes)


def write_csv(path, texts, labels, head=("text", "label")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *zip(texts, labels, strict=True)])
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    texts, labels = reviews(300)
    return write_csv(tmp_path_factory.mktemp("texts") / "reviews.csv", texts, [CLASSES[n] for n in labels])


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return train_request(
        TrainRequest(system="sentiment", data=str(data), size="tiny", epochs=6, out=str(out), quiet=True)
    )


def found_names(run):
    """Names of the rows of the test part."""
    return tuple(json.loads((run.path / "splits.json").read_text(encoding="utf-8"))["test"])


def refused(code, call):
    with pytest.raises(PersonError) as error:
        call()
    assert error.value.code == code, str(error.value)
    return error.value


# ---- what is counted before training


def test_the_vocabulary_is_that_of_the_training_part_alone():
    table = table_of()
    own = prepare_texts(recipe_of(table), table)
    train = [table.texts[row] for row in own.splits.train]
    again = learn(train, tokens="word", size=2_000, lower=True)
    assert own.tokenizer.size == again.size < 2_000
    assert own.settled == {"model.vocabulary": again.size}
    rows = [own.sequences[row].tolist() for row in own.splits.test]
    assert rows == [again.encode(table.texts[row]) for row in own.splits.test]


def test_what_is_cut_is_counted_by_part_before_training():
    table = table_of()
    texts = list(table.texts)
    texts[7] = "word " * 40
    table = replace(table, texts=texts)
    own = prepare_texts(recipe_of(table, **{"input.context": 10, "model.context": 10}), table)
    part = next(name for name in ("train", "val", "test") if 7 in own.part(name))
    note = next(note for note in own.notes if "the longest has 40" in note)
    assert "only the first 10 are seen" in note and f"{part} " in note
    assert len(own.sequences[7]) == 10
    whole = prepare_texts(recipe_of(table), table)
    assert not any("are seen" in note for note in whole.notes) and len(whole.sequences[7]) == 40


def test_empty_texts_are_one_unknown_word_and_told():
    table = table_of()
    table = replace(table, texts=["  ", *table.texts[1:]])
    own = prepare_texts(recipe_of(table), table)
    assert own.sequences[0].tolist() == [own.tokenizer.unknown]
    assert any("1 text (" in note and "without any words" in note for note in own.notes)


def test_copies_of_a_text_stay_in_one_part():
    table = table_of(80)
    table = replace(table, texts=[*table.texts[:40], *(f" {text.upper()}" for text in table.texts[:40])])
    assert same_texts(table.texts)[0] == [0, 40]
    own = prepare_texts(recipe_of(table), table)
    part = {int(row): name for name in ("train", "val", "test") for row in own.part(name)}
    assert all(part[row] == part[row + 40] for row in range(40)) and len(set(part.values())) == 3
    assert any("40 texts occur more than once, 80 rows" in note for note in own.notes)
    given = replace(table, parts=("train",) * 40 + ("val",) * 20 + ("test",) * 20)
    notes = prepare_texts(recipe_of(table), given).notes
    assert any("40 of them stand in train and in a part that judges" in note for note in notes)


def test_the_same_parts_come_back_from_a_run_s_record():
    table = table_of()
    own = prepare_texts(recipe_of(table), table)
    again = prepare_texts(recipe_of(table), table, splits=own.splits.to_json(table))
    assert all((own.part(name) == again.part(name)).all() for name in ("train", "val", "test"))
    other = replace(table, texts=["changed", *table.texts[1:]])
    refused("data-changed", lambda: prepare_texts(recipe_of(table), other, splits=own.splits.to_json(table)))


def test_marks_of_a_given_tokenizer_stand_at_both_ends():
    table = table_of()
    tokenizer = learn(table.texts, tokens="word", size=500)
    recipe = recipe_of(table, **{"input.tokens": "given", "input.context": 6, "model.context": 6})
    own = prepare_texts(recipe, table, tokenizer=tokenizer)
    assert all(row[0] == tokenizer.start and row[-1] == tokenizer.end for row in own.sequences)
    assert max(map(len, own.sequences)) == 6 and own.settled == {}
    refused("no-tokenizer", lambda: prepare_texts(recipe, table))


@pytest.mark.parametrize(
    ("code", "changes"),
    [("contradiction", {"training.batch": "auto"}), ("contradiction", {"model.classes": 5}),
     ("unknown-threshold-rule", {"training.threshold": "best"})],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_learned(code, changes):
    table = table_of()
    refused(code, lambda: prepare_texts(recipe_of(table, **changes), table))


def test_too_few_texts_are_refused():
    table = table_of(2)
    refused("too-few-texts", lambda: prepare_texts(recipe_of(table), table))


# ---- a run on own data


def test_own_data_becomes_a_run_that_is_judged_and_told(run):
    card = json.loads((run.path / "card.json").read_text(encoding="utf-8"))
    assert card["kind"] == "label" and card["classes"] == list(CLASSES)
    assert list(card["baselines"]) == ["majority class", "TF-IDF with logistic regression"]
    assert any("vocabulary of" in note for note in card["choices"])
    assert run.recipe.model["vocabulary"] == read_tokenizer(run.path / TOKENIZER).size
    assert "texts" in (run.path / "card.md").read_text(encoding="utf-8")
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "quotes texts" in page and "<img" not in page


def test_evaluate_judges_the_test_part_and_counts_the_look(run):
    found = gw.evaluate(run.path)
    assert found.part == "test" and found.looks == 1 and found.judgement.n == 45
    assert "Labels that may be wrong" in found.report.read_text(encoding="utf-8")
    assert gw.evaluate(run.path, part="val").looks == 1
    assert read_answers(run.path).names == found_names(run)


def test_evaluate_on_other_texts_with_the_same_classes(run, tmp_path):
    texts, labels = reviews(40, seed=5)
    other = write_csv(tmp_path / "other.csv", texts, [CLASSES[n] for n in labels], ("review", "mood"))
    found = gw.evaluate(run.path, data=str(other), text="review", target="mood")
    assert found.judgement.n == 40 and found.report.name != "report.html"
    wrong = write_csv(tmp_path / "wrong.csv", texts, ["so-so" if n else "bad" for n in labels])
    refused("unknown-class", lambda: gw.evaluate(run.path, data=str(wrong)))


def test_predict_takes_texts_files_folders_and_tables(run, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("a", "b"):
        (tmp_path / "folder" / f"{name}.txt").write_text(f"the film is warm, {name}", encoding="utf-8")
    table = write_csv(tmp_path / "t.csv", ["dull and cold", "so lovely"], ["x", "y"], ("review", "id"))
    file = tmp_path / "folder" / "a.txt"
    rows = gw.predict(run.path, "this story feels clever", str(file), str(tmp_path / "folder"), str(table),
                      text="review")  # fmt: skip
    assert [row["text"] for row in rows] == [
        "this story feels clever", "the film is warm, a", "the film is warm, a", "the film is warm, b",
        "dull and cold", "so lovely",
    ]  # fmt: skip
    assert rows[0]["file"] == "this story feels clever" and rows[1]["file"] == str(file)
    assert all(row["answer"] == row["answers"][0]["class"] for row in rows)
    assert rows[1]["answers"] == rows[2]["answers"]  # padding beside longer texts changes nothing


def test_predict_writes_a_table_with_the_texts(run, tmp_path):
    out = tmp_path / "answers.csv"
    gw.predict(run.path, 'a "good", warm film', "dull", out=str(out))
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["text"] == 'a "good", warm film' and {"answer", "bad", "good", "error"} <= rows[0].keys()
    assert float(rows[1]["bad"]) + float(rows[1]["good"]) == pytest.approx(1, abs=1e-5)
    refused("bad-value", lambda: gw.predict(run.path, "dull", out=str(tmp_path / "folder")))


def test_what_is_meant_as_a_file_must_be_there():
    refused("no-such-path", lambda: given_texts(["missing.txt"]))
    refused("empty-text", lambda: given_texts(["  "]))
    assert given_texts(["see missing.txt"]) == [("see missing.txt", "see missing.txt")]
    long = "word " * 2_000
    assert given_texts([long])[0][1] == long and given_texts([long])[0][0].endswith("…")


def test_explain_draws_the_words_and_checks_them(run):
    rows = gw.explain(run.path, "the film is not warm, say 3", methods=("gradients",))
    (drawing,) = rows[0]["drawings"]
    assert [word for word, _ in drawing["words"]] == ["the", "film", "is", "not", "warm", ",", "say", "3"]
    strongest = max(drawing["words"], key=lambda pair: abs(pair[1]))[0]
    assert strongest in ("warm", "not") and drawing["check"]["count"] >= 1
    page = (run.path / "explain" / "explain.html").read_text(encoding="utf-8")
    assert "Integrated gradients" in page and "quotes your own texts" in page
    both = gw.explain(run.path, "dull", target="good", check="no")
    assert [one["name"] for one in both[0]["drawings"]] == ["gradients", "occlusion"]
    refused("unknown-class", lambda: gw.explain(run.path, "dull", target="fine"))
    refused("unknown-method", lambda: gw.explain(run.path, "dull", methods=("grad-cam",)))
    refused("nothing-to-explain", lambda: gw.explain(run.path))


def test_a_run_begins_with_another_one_s_words(run, tmp_path):
    texts, labels = reviews(80, seed=9)
    data = write_csv(tmp_path / "more.csv", texts, [CLASSES[n] for n in labels])
    more = train_request(
        TrainRequest(system="sentiment", data=str(data), size="tiny", epochs=1, start_from=str(run.path),
                     tune="full", out=str(tmp_path / "more"), quiet=True)
    )  # fmt: skip
    first, second = (read_tokenizer(folder / TOKENIZER) for folder in (run.path, more.path))
    assert first.encode(texts[0]) == second.encode(texts[0]) and first.size == second.size
    before, after = (one.model.token_embedding.weight.detach().flatten() for one in (run, more))
    assert float(torch.cosine_similarity(before, after, dim=0)) > 0.95  # what was learned came along
    assert not torch.equal(before, after)


def test_numbers_and_several_labels_are_learned_too(tmp_path):
    texts, labels = reviews(120)
    stars = write_csv(tmp_path / "stars.csv", texts, [2.5 * n + 1 for n in labels], ("text", "rating"))
    run = gw.train("sentiment", data=str(stars), size="tiny", epochs=2, labels="number",
                   out=str(tmp_path / "number"), quiet=True)  # fmt: skip
    assert run.card["kind"] == "number" and 0 < run.predict("dull")[0]["value"] < 5
    assert run.explain("the film is dull")[0]["drawings"][0]["words"]
    tags = write_csv(tmp_path / "tags.csv", texts, ["good;long" if n else "short" for n in labels])
    run = gw.train("sentiment", data=str(tags), size="tiny", epochs=2, labels="labels",
                   out=str(tmp_path / "tags"), quiet=True)  # fmt: skip
    assert run.card["kind"] == "labels" and isinstance(run.predict("dull")[0]["answer"], list)


def test_a_run_without_its_tokenizer_is_damaged(run, tmp_path):
    import shutil

    copy = shutil.copytree(run.path, tmp_path / "copy")
    (copy / TOKENIZER).unlink()
    refused("damaged-run", lambda: gw.predict(copy, "dull"))


def test_what_a_text_is_too_long_for_is_told_with_its_answer(run):
    room = run.recipe.input.context
    (row,) = gw.predict(run.path, "warm " * (room + 3))
    assert row["cut"] == 3 and f"the first {room}" in row["note"]
    assert "cut" not in gw.predict(run.path, "warm " * room)[0]


def test_an_exported_run_answers_alone(run, tmp_path):
    """onnxruntime, numpy and the tokenizer beside the file give the answers of `predict`."""
    facts = gw.export(run, out=str(tmp_path / "aus gabe"))
    folder = tmp_path / "aus gabe" / "onnx"
    assert set(facts["formats"]) == {"onnx", "safetensors"}
    assert all(one["verified"]["largest_difference"] < 1e-4 for one in facts["formats"].values())
    texts = ["the film is not warm, say 3", "dull", "", "é" * 20, "warm " * (run.recipe.input.context + 3)]
    rows = alone(folder, *texts)
    own = answers_for(run, texts)
    assert [row["answer"] for row in rows] == [row["answer"] for row in own]
    for row, expected in zip(rows, own, strict=True):
        assert row["answers"][0]["probability"] == pytest.approx(
            expected["answers"][0]["probability"], abs=1e-4
        )
    assert rows[-1]["cut"] == own[-1]["cut"] == 3
    (folder / "model.onnx").write_bytes(b"other")
    assert run_alone(folder, *texts).returncode == 2
    refused("file-exists", lambda: gw.export(run, out=str(tmp_path / "aus gabe")))
    gw.export(run, to="onnx", out=str(tmp_path / "aus gabe"), overwrite=True)
    refused("unknown-format", lambda: gw.export(run, to="pt2", out=str(tmp_path / "other")))
    refused("unknown-format", lambda: gw.export(run, quantise="int8", out=str(tmp_path / "other")))
    assert not (tmp_path / "other").exists()


def test_a_file_that_answers_otherwise_is_refused_and_leaves_nothing(run, tmp_path, monkeypatch):
    from glassworks.api import sequence_export

    monkeypatch.setattr(sequence_export, "BOUND", -1.0)
    refused("export-refused", lambda: gw.export(run, out=str(tmp_path / "out")))
    assert not list(tmp_path.rglob("model*"))


@pytest.mark.parametrize("engine", ["eager", "onnx", "auto"])
def test_a_server_gives_the_answers_of_predict(run, engine):
    texts = ["the film is not warm, say 3", "dull", "warm " * (run.recipe.input.context + 3)]
    status, reply = said(run, {"texts": texts}, engine=engine)
    assert status == 200
    for row, expected in zip(reply["predictions"], answers_for(run, texts), strict=True):
        assert row["answer"] == expected["answer"] and row["unlike"] == expected["unlike"]
        assert row["answers"][0]["probability"] == pytest.approx(
            expected["answers"][0]["probability"], abs=1e-4
        )
    assert reply["predictions"][2]["cut"] == 3


def test_a_server_of_texts_explains_describes_itself_and_refuses(run):
    async def scene(client):
        explained = await client.post("/predict?explain=1", json={"text": "A  film that is not warm"})
        page, about, document = [await client.get(path) for path in ("/", "/about", "/openapi.json")]
        wrong = await client.post("/predict", content=b"\xff", headers={"Content-Type": "text/plain"})
        return explained.json(), page, about.json(), document.json(), wrong

    explained, page, about, document, wrong = served(run, scene)
    (row,) = explained["predictions"]
    assert "".join(piece for piece, _ in row["words"]) == "A  film that is not warm"
    assert max(row["words"], key=lambda pair: abs(pair[1]))[0].strip() in ("not", "warm")
    assert "Type a text" in page.text and "{" not in page.text.split("<main>")[1].split("<script")[0][:300]
    assert about["input"] == {"tokens": run.recipe.input.context} and about["judged"] == "on validation texts"
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert "text/plain" in content and "image/*" not in content
    assert wrong.status_code == 422 and wrong.json()["error"]["code"] == "damaged-text"
    refused("engine-refused", lambda: said(run, {"text": "a"}, engine="int8"))


@pytest.mark.parametrize("tokens", ["word", "character", "piece"])
def test_resume_goes_on_as_if_nothing_had_happened(data, tmp_path, monkeypatch, tokens):
    """Stopped after some steps and continued: bit for bit the run that was never stopped."""
    from glassworks.training.stopping import Stopped, StopRequest

    options = {
        "data": str(data), "size": "tiny", "epochs": 2, "batch": 32, "quiet": True,
        "set": (f"input.tokens={tokens}", "model.embedding=8"),
    }  # fmt: skip
    whole = gw.train("sentiment", out=str(tmp_path / "whole"), **options)
    asked = {"times": 0}

    def requested(self):
        asked["times"] += 1
        return asked["times"] == 3

    with monkeypatch.context() as patched:
        patched.setattr(
            StopRequest, "requested", property(requested, lambda self, value: None), raising=False
        )
        with pytest.raises(Stopped):
            gw.train("sentiment", out=str(tmp_path / "part"), **options)
    assert not (tmp_path / "part" / "card.json").exists()
    again = gw.train(resume=str(tmp_path / "part"), quiet=True)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
    assert (whole.path / TOKENIZER).read_bytes() == (again.path / TOKENIZER).read_bytes()


def test_the_verb_reads_a_typed_text(run):
    from glassworks.api.predict import predict_request

    rows = predict_request(PredictRequest(run=str(run.path), inputs=("what a picture, it is lovely",)))
    assert rows[0]["answer"] in CLASSES


def test_a_recipe_hears_how_many_texts_it_learns_from():
    table = table_of(100)
    facts = family_of("sentiment").facts(table)
    assert (facts.kind, facts.outputs, facts.examples) == ("label", 2, 70)
    assert facts.longest == max(len(text.split()) for text in table.texts)
    given = replace(table, parts=("train",) * 20 + ("val",) * 30 + ("test",) * 50)
    assert family_of("sentiment").facts(given).examples == 20


# ---- little data


def test_every_text_is_judged_once_and_copies_stay_together(tmp_path):
    texts, labels = reviews(60)
    texts[7] = texts[9].upper()  # differs in nothing but case
    data = write_csv(tmp_path / "few.csv", texts, [CLASSES[n] for n in labels])
    done = gw.cross_validate(
        "sentiment", str(data), folds=3, size="tiny", epochs=2, quiet=True, out=str(tmp_path / "cv")
    )
    parts = [read_json(file) for file in sorted(done.folder.glob("fold-*/splits.json"))]
    judged = [name for part in parts for name in part["test"]]
    assert len(judged) == len(set(judged)) == done.judgement.n == 60 and done.things == "texts"
    names = open_texts(data, wanted="targets").names
    for part in parts:
        for rows in part["train"], part["val"], part["test"]:
            assert len({names[7], names[9]} & set(rows)) in (0, 2)
    assert any("TF-IDF" in name for name in done.judgement.baselines)


def test_the_curve_says_what_more_texts_bring(data, run, tmp_path):
    curve = gw.learning_curve(
        "sentiment", str(data), start_from=str(run.path), sizes=(5, 10), seeds=1, quiet=True,
        set=("training.epochs=2",), out=str(tmp_path / "curve"),
    )  # fmt: skip
    assert [point["examples"] for point in curve.points] == [5, 10, 5, 10]
    assert "5 texts a class" in curve.verdict and curve.as_json()["things"] == "texts"
    refused("contradiction", lambda: gw.learning_curve(
        "sentiment", str(data), start_from=str(run.path), against="gru", quiet=True,
        out=str(tmp_path / "other"),
    ))  # fmt: skip
