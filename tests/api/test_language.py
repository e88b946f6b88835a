"""Texts that are continued, through the verbs: train, resume, evaluate, predict, explain; and bad data."""

import csv
import shutil

import numpy as np
import pytest

import glassworks as gw
from glassworks.api.language import divided, stretches
from glassworks.cli import main
from glassworks.core.errors import PersonError
from glassworks.core.text_rows import TextTable
from glassworks.data.splits import Splits
from glassworks.training.run_folder import CHECKPOINTS, MODEL, read_json
from tests.api.alone import alone
from tests.api.served import said
from tests.models.sequence.test_text_lstm import rhyme

QUICK = {"size": "tiny", "threads": 1, "quiet": True, "epochs": 2}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return rhyme(tmp_path_factory.mktemp("eigene Texte ü"), 260)


@pytest.fixture(scope="module")
def run(text, tmp_path_factory):
    return gw.train("text_lstm", data=str(text), out=str(tmp_path_factory.mktemp("runs") / "one"), **QUICK)


def table(*texts, parts=()):
    none = np.empty(0, np.int64)
    names = tuple(f"text {number}" for number in range(len(texts)))
    return TextTable("here", names, texts, "none", none, parts=parts)


def test_a_few_texts_are_cut_by_position_at_ends_of_lines():
    line = "one two three\n"
    cut, ends, parts = divided(table(line * 100, line * 10), 0, 0.15, 0.15)
    whole = ["".join(cut.texts[row] for row in range(len(cut)) if cut.names[row].startswith(f"text {n},"))
             for n in (0, 1)]  # fmt: skip
    assert whole == [line * 100, line * 10]  # nothing is lost and nothing comes twice
    assert all(text.endswith("\n") for text in cut.texts)
    assert [cut.parts[row] for row in range(3)] == ["train", "val", "test"]  # in the order of the text
    assert [len(rows) for rows in (parts.train, parts.val, parts.test)] == [2, 2, 2]
    assert list(np.flatnonzero(ends)) == [2, 5]
    assert Splits.from_json(cut, parts.to_json(cut)).val.tolist() == parts.val.tolist()


def test_parts_that_a_person_gave_are_kept():
    cut, _, parts = divided(table("a\n" * 50, "b\n" * 50, parts=("train", "test")), 0, 0.2, 0.2)
    assert {cut.texts[row][0] for row in parts.test} == {"b"}
    assert {cut.texts[row][0] for row in (*parts.train, *parts.val)} == {"a"}
    assert len(cut.texts[parts.test[0]]) == 100


def test_many_texts_stay_whole_and_copies_in_one_part():
    texts = [f"text {number} of many" for number in range(60)] + ["the same"] * 20
    cut, ends, parts = divided(table(*texts), 0, 0.2, 0.2)
    assert cut.texts == tuple(texts) or list(cut.texts) == texts
    assert all(ends)
    homes = {name for name in ("train", "val", "test") for row in getattr(parts, name) if row >= 60}
    assert len(homes) == 1


@pytest.mark.parametrize("text", ["", "one line without an end", "\n" * 30])
def test_stretches_of_odd_texts_cover_them(text):
    found = list(stretches(text, val=0.2, test=0.2))
    assert "".join(text[start:stop] for _, start, stop in found) == text


def test_trains_and_is_judged_beside_counting(run):
    card = run.card
    assert card["kind"] == "text" and card["classes"] == []
    assert next(iter(card["metrics"])) == "bits_per_character"
    assert {"all alike", "frequencies"} < set(card["baselines"])
    assert any(name.endswith("-grams") for name in card["baselines"])
    tokens = read_json(run.path / "tokenizer.json")["tokens"]
    assert run.recipe.model["vocabulary"] == len(tokens) + 5
    assert "continues a text, a token at a time" in (run.path / "card.md").read_text(encoding="utf-8")


def test_evaluate_writes_a_report_with_text_and_surprise(run, text):
    found = run.evaluate()
    assert found.looks == 1 and found.judgement.units > 10
    page = found.report.read_text(encoding="utf-8")
    for words in ("What it writes", "for comparison", "What surprised it", "bits per character", "1 in "):
        assert words in page
    other = run.evaluate(data=str(text))
    assert other.report != found.report and other.judgement.n > 4 * found.judgement.n


def test_resume_goes_on_as_if_it_had_not_stopped(text, tmp_path):
    often = {"data": str(text), "set": ("training.save_steps=7",)} | QUICK
    whole, twin = (gw.train("text_lstm", out=str(tmp_path / name), **often) for name in ("whole", "twin"))
    shutil.rmtree(sorted((twin.path / CHECKPOINTS).iterdir())[-1])  # back to the checkpoint before
    resumed = gw.train(resume=str(twin.path), quiet=True)
    assert (resumed.path / MODEL).read_bytes() == (whole.path / MODEL).read_bytes()


def test_predict_says_what_comes_next_and_how_surprising_the_text_was(run, tmp_path, capsys):
    likely, odd = run.predict("the cat sat dow", "qzx the")
    assert likely["answer"] == "n" and likely["answers"][0]["probability"] > 0.5
    assert likely["bits_per_character"] < odd["bits_per_character"]
    out = tmp_path / "said.csv"
    assert main(["predict", str(run.path), "a dog ran of", "--out", str(out)]) == 0
    assert "f 0." in capsys.readouterr().out
    assert [row["next"] for row in csv.DictReader(out.open(encoding="utf-8"))] == ["f"]


def test_explain_draws_surprise_and_cells(run, text, tmp_path):
    rows = run.explain(str(text), out=str(tmp_path / "page"))
    assert "bits per character" in rows[0]["answer"]
    follows = {cell["follows"] for cell in rows[0]["cells"]}
    assert follows & {"how far the line has come", "how far the word has come"}
    page = (tmp_path / "page" / "explain.html").read_text(encoding="utf-8")
    assert "What surprised it" in page and "Cells that follow something" in page and "expected" in page
    assert "cells" not in run.explain("the cat", methods=("surprise",), out=str(tmp_path / "short"))[0]


def test_words_and_pieces_are_tokens_too(text, tmp_path):
    for variant in ("word", "piece"):
        made = gw.train("text_lstm", variant=variant, data=str(text), out=str(tmp_path / variant), **QUICK)
        assert made.recipe.input.tokens == variant
        assert 0 < made.card["metrics"]["bits_per_character"]["value"] < 5
        written = gw.generate(made, "the cat", tokens=12)[0]
        assert written["text"].startswith(" ") and written["tokens"] <= 12
    notes = " ".join(gw.load(tmp_path / "word").card["choices"])
    assert "do not keep case or spaces" in notes


def test_goes_on_learning_from_a_run_with_its_tokens(run, text, tmp_path):
    more = gw.train(
        "text_lstm", data=str(text), start_from=str(run.path), out=str(tmp_path / "more"), **QUICK
    )
    assert (more.path / "tokenizer.json").read_bytes() == (run.path / "tokenizer.json").read_bytes()
    assert more.card["metrics"]["token_loss"]["value"] < run.card["metrics"]["token_loss"]["value"]


@pytest.mark.parametrize(
    ("code", "options"),
    [("too-little-text", {}), ("contradiction", {"threshold": "f1"}), ("contradiction", {"side": 32}),
     ("unknown-variant", {"variant": "letters"})],
)  # fmt: skip
def test_own_data_that_is_too_little_or_asked_for_wrongly_is_refused(refused, tmp_path, code, options):
    (tmp_path / "short.txt").write_text("too short\n", encoding="utf-8")
    refused(code, lambda: gw.train("text_lstm", data=str(tmp_path / "short.txt"), out="r", **QUICK | options))


def test_verbs_without_a_meaning_say_what_to_do(run, refused):
    told = refused("other-task", lambda: gw.compare(str(run.path), str(run.path)))
    assert "bits per character" in told.fix


def test_a_server_writes_on(run):
    status, reply = said(run, {"texts": ["one ", "one "]})
    first, second = reply["predictions"]
    assert status == 200 and first == second and first["tokens"] >= 1 and first["text"]
    with pytest.raises(PersonError, match="step by step"):
        said(run, {"text": "one"}, engine="onnx")


# ---- as files


@pytest.mark.parametrize("variant", ["word", "character", "piece"])
def test_an_exported_writer_writes_alone_what_generate_writes(variant, text, tmp_path):
    run = gw.train(
        "text_lstm", data=str(text), variant=variant, out=str(tmp_path / "run"), **QUICK | {"epochs": 1}
    )
    facts = gw.export(run, out=str(tmp_path / "aus gabe"))
    assert set(facts["formats"]) == {"onnx", "safetensors"}
    assert all(one["verified"]["largest_difference"] < 1e-4 for one in facts["formats"].values())
    folder = tmp_path / "aus gabe" / "onnx"
    beginnings = ["the cat ", "", "Zebra «quux» the"]
    likeliest = alone(folder, *beginnings, "--temperature", "0", "--tokens", "30")
    for row, beginning in zip(likeliest, beginnings, strict=True):
        (own,) = gw.generate(run, beginning, temperature=0.0, tokens=30)
        assert (row["text"], row["tokens"], row["ended"]) == (own["text"], own["tokens"], own["ended"])
    bold = [alone(folder, "the", "--seed", seed, "--top-k", "20", "--top-p", "0.9")[0] for seed in "112"]
    assert bold[0] == bold[1] and bold[0]["text"] != bold[2]["text"]


def test_a_writer_whose_memory_is_lost_is_refused(run, tmp_path, monkeypatch, refused):
    """A file that does not hand its memory on answers the second half of a text as if it were the whole."""
    from glassworks.deploy import writers

    forward = writers.WriterAsShipped.forward
    monkeypatch.setattr(
        writers.WriterAsShipped, "forward",
        lambda self, tokens, hidden, cell: forward(self, tokens, hidden * 0, cell * 0),
    )  # fmt: skip
    told = refused("export-refused", lambda: gw.export(run, to="onnx", out=str(tmp_path / "out")))
    assert "nothing was written" in told.got and not list(tmp_path.rglob("model*"))
