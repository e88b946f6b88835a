"""Pairs of texts through every verb: good and bad tables, what is too long, answers, explanation."""

import csv
import json
import shutil

import numpy as np
import pytest

import glassworks as gw
from glassworks.api.requests import TrainRequest
from glassworks.api.train import train_request
from glassworks.core.errors import PersonError
from glassworks.core.files import sha256_of
from glassworks.training.run_folder import RunFolder
from tests.api.alone import alone, run_alone
from tests.api.served import said
from tests.models.sequence.pairs import reversed_words, write_pairs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    data = write_pairs(folder / "pairs.csv", reversed_words(300), columns=("english", "german"))
    return train_request(
        TrainRequest(
            system="seq2seq", data=str(data), text="english", target="german", size="tiny", epochs=8,
            threads=1, out=str(folder / "run"), quiet=True,
        )
    )  # fmt: skip


def test_a_run_holds_its_tokens_and_an_honest_card(run):
    assert (run.path / "tokenizer.json").is_file() and run.card["kind"] == "pairs"
    assert run.card["sees"].startswith("texts of up to") and run.card["test_looks"] == 0
    assert set(run.card["metrics"]) == {"chrf", "bleu", "exact_match"}
    assert len(run.card["baselines"]) == 3
    assert "writes another text" in (run.path / "card.md").read_text(encoding="utf-8")


def test_own_data_is_judged_on_the_test_part_and_the_report_shows_answers(run):
    found = run.evaluate()
    assert found.looks == 1 and found.judgement.n == 45
    page = found.report.read_text(encoding="utf-8")
    assert "Some of its answers" in page and "answer of the nearest source" in page
    assert "pictures of your own data" not in page


def test_other_data_is_judged_in_the_run_s_numbers(run, tmp_path):
    other = write_pairs(tmp_path / "other.csv", [("abc", "cba"), ("fedo", "odef"), ("bad", "dab")])
    found = run.evaluate(data=str(other))
    assert found.judgement.n == 3 and found.part == str(other)
    assert run.evaluate(part="val").judgement.n == 45


def test_resume_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch):
    """A copy that was taken in the middle ends in the very same bits."""
    data, save = write_pairs(tmp_path / "pairs.csv", reversed_words(120)), RunFolder.save

    def save_and_copy(self, state):
        save(self, state)
        if state.step == 4:
            shutil.copytree(self.path, tmp_path / "copy")

    monkeypatch.setattr(RunFolder, "save", save_and_copy)
    options = {"size": "tiny", "epochs": 2, "threads": 1, "quiet": True, "set": ("training.save_steps=1",)}
    whole = train_request(
        TrainRequest(system="seq2seq", data=str(data), out=str(tmp_path / "run"), **options)
    )
    monkeypatch.undo()
    again = train_request(TrainRequest(resume=str(tmp_path / "copy"), quiet=True))
    for file in ("model.safetensors", "metrics.jsonl"):
        assert sha256_of(again.path / file) == sha256_of(whole.path / file)


def test_a_run_goes_on_with_other_pairs_in_its_own_tokens(run, tmp_path):
    data = write_pairs(
        tmp_path / "more.csv", [(f"{word}g", f"g{answer}") for word, answer in reversed_words(60)]
    )
    options = {"size": "tiny", "epochs": 1, "threads": 1, "quiet": True, "out": str(tmp_path / "run")}
    more = train_request(TrainRequest(system="seq2seq", data=str(data), start_from=str(run.path), **options))
    tokens = [(one.path / "tokenizer.json").read_bytes() for one in (run, more)]
    assert tokens[0] == tokens[1] and more.card["started_from"]["name"]
    with pytest.raises(PersonError) as told:
        gw.train("seq2seq", data=str(data), start_from=str(run.path), tune="head", out=str(tmp_path / "no"))
    assert told.value.code == "contradiction"


def test_answers_for_texts_lines_and_tables(run, tmp_path):
    (tmp_path / "lines.txt").write_text("abc\n\nfed\n", encoding="utf-8")
    table = tmp_path / "table.csv"
    table.write_text("id,words\n1,abc\n2,zzz\n", encoding="utf-8")
    rows = run.predict(
        "abc", str(tmp_path / "lines.txt"), str(table), text="words", out=str(tmp_path / "out.csv")
    )
    assert [row["file"] for row in rows] == [
        "abc", "lines.txt line 1", "lines.txt line 3", "table.csv line 2", "table.csv line 3",
    ]  # fmt: skip
    assert len({row["answer"] for row in rows if row["text"] == "abc"}) == 1
    assert "3 tokens are unknown" in rows[-1]["note"]
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["answer"] for row in written] == [row["answer"] for row in rows]
    greedy = run.predict("abc", beams=1)[0]
    assert greedy["answer"] and greedy["score"] <= 0


def test_explanation_draws_looks_and_checks_them(run, tmp_path):
    rows = run.explain("abcd", "fa", out=str(tmp_path / "inside"))
    page = (tmp_path / "inside" / "explain.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2 and "It is no proof of a cause" in page and "Checked" in page
    for row in rows:
        assert [one["said"] for one in row["alignment"]] == [*row["answer"], "end"]
        assert -1 <= row["check"]["agreement"] <= 1
    json.dumps(rows)


@pytest.mark.parametrize(
    ("inputs", "options", "code"),
    [(("nothing.csv",), {}, "no-such-path"), (("",), {}, "no-text"), (("abc",), {"beams": 0}, "bad-value")],
)
def test_bad_inputs_are_told(run, inputs, options, code):
    with pytest.raises(PersonError) as told:
        run.predict(*inputs, **options)
    assert told.value.code == code, told.value.code


def test_what_means_nothing_for_texts_says_what_to_do(run):
    calls = {
        "no-text": lambda: run.explain(),
        "contradiction": lambda: run.explain("abc", methods=("grad-cam",)),
    }
    for code, call in calls.items():
        with pytest.raises(PersonError) as told:
            call()
        assert told.value.code == code


@pytest.mark.parametrize(
    "table",
    ["text\nabc\nabd\n", "", "a,b\n,x\ny,\n", "text,target\nabc,cba\n"],
    ids=["one column", "empty", "empty cells", "one pair"],
)
def test_bad_tables_are_told(tmp_path, table):
    path = tmp_path / "bad.csv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(PersonError):
        gw.train("seq2seq", data=str(path), out=str(tmp_path / "run"), size="tiny", quiet=True)
    assert not (tmp_path / "run").exists()


def test_settings_for_classes_are_refused(tmp_path):
    data = write_pairs(tmp_path / "pairs.csv", reversed_words(60))
    for options in ({"class_weights": "balanced"}, {"batch": "auto"}, {"threshold": "f1"}):
        with pytest.raises(PersonError) as told:
            gw.train("seq2seq", data=str(data), out=str(tmp_path / "run"), size="tiny", **options)
        assert told.value.code == "contradiction"


def test_what_is_too_long_is_counted_and_never_cut_in_training(tmp_path):
    """Long pairs leave the training part; those that judge stay, against their whole answer."""
    from glassworks.api.families.translation import FAMILY
    from glassworks.api.resolve import recipe_for
    from glassworks.recipes.base import DataPart

    pairs = [*reversed_words(60), *((f"ab{number} " * 30, "a") for number in range(20))]
    pairs += [(f"fc{number}", "a" * 200) for number in range(20)]
    path = write_pairs(tmp_path / "pairs.csv", pairs)
    table = FAMILY.open_data(DataPart(where=str(path)))
    letters = ("input.tokens=character",)
    request = TrainRequest(system="seq2seq", data=str(path), size="tiny", context=40, set=letters)
    own = FAMILY.prepare(recipe_for(request, table), table)
    long = {row for row, pair in enumerate(zip(table.texts, table.answers)) if max(map(len, pair)) > 39}
    assert len(long) == 40 and not long & set(own.learned.tolist())
    assert len(own.learned) == len(own.splits.train) - len(long & set(own.splits.train.tolist()))
    assert long & set(own.splits.val.tolist()) and len(own.part("val")) == 15
    assert sum("are left out" in note for note in own.notes) == 2
    assert all(len(source) <= 40 and source[-1] == own.tokenizer.end for source in own.sources)
    batch = next(own.batches("train").plain(8))
    assert (batch.targets[:, 0] == own.tokenizer.start).all()
    assert np.array_equal(batch.given[2].numpy(), batch.targets[:, :-1].numpy())


def test_a_server_gives_the_answers_of_predict(run):
    texts = ["abc", "fed cab"]
    status, reply = said(run, {"texts": texts})
    assert status == 200
    assert [row["text"] for row in reply["predictions"]] == [row["answer"] for row in run.predict(*texts)]


# ---- as files

NETWORKS = {
    "additive": ("seq2seq", ()), "multiplicative": ("seq2seq", ("model.attention=multiplicative",)),
    "none": ("seq2seq", ("model.attention=none",)), "transformer": ("transformer", ()),
}  # fmt: skip


@pytest.mark.parametrize("kind", NETWORKS)
def test_an_exported_translator_answers_alone_what_predict_answers(kind, tmp_path):
    """Two networks, the tokenizer and beams in numpy give the answers and scores of the live model."""
    (system, settings), data = NETWORKS[kind], write_pairs(tmp_path / "pairs.csv", reversed_words(200))
    run = gw.train(system, data=str(data), size="tiny", epochs=3, threads=1, quiet=True, set=settings,
                   out=str(tmp_path / "run"))  # fmt: skip
    facts = gw.export(run, out=str(tmp_path / "aus gabe"))
    assert all(one["verified"]["largest_difference"] < 1e-4 for one in facts["formats"].values())
    folder = tmp_path / "aus gabe" / "onnx"
    long = "abc" * run.recipe.model["context"]
    (tmp_path / "lines.txt").write_text("abc\n\nfed\n", encoding="utf-8")
    rows = alone(folder, "abc", "fade", "ü", long, str(tmp_path / "lines.txt"))
    own = gw.predict(run, "abc", "fade", "ü", long, "abc", "fed")
    assert [row["answer"] for row in rows] == [row["answer"] for row in own]
    assert [row["score"] for row in rows] == pytest.approx([row["score"] for row in own], abs=1e-3)
    assert rows[3]["cut"] == len(long) - run.recipe.model["context"] + 1 and "cut" not in rows[0]
    (folder / "reader.onnx").write_bytes(b"other")
    damaged = run_alone(folder, "abc")
    assert damaged.returncode == 2 and "reader.onnx is damaged" in damaged.stderr
