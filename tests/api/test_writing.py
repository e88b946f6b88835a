"""Writing with a run: seeds, stops, streams, circles told, and what cannot be."""

import json

import pytest

import glassworks as gw
from glassworks.api.writing import Said, repeated
from glassworks.cli import main
from glassworks.data.vocabulary import learn
from tests.models.sequence.test_text_lstm import rhyme


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    quick = {"size": "tiny", "threads": 1, "quiet": True, "epochs": 2}
    return gw.train("text_lstm", data=str(rhyme(folder, 260)), out=str(folder / "one"), **quick)


def test_a_seed_writes_the_same_text_and_each_of_several_is_another(run):
    first, second = gw.generate(run, "the cat", tokens=60, count=2)
    assert [first, second] == gw.generate(run, "the cat", tokens=60, count=2)
    assert first["text"] != second["text"]
    assert first["text"] != gw.generate(run, "the cat", tokens=60, seed=1)[0]["text"]
    assert first["tokens"] == 60 and first["ended"] == "length"


def test_the_likeliest_token_every_time_and_its_circles_are_told(run):
    row = gw.generate(run, "the cat", tokens=300, temperature=0)[0]
    assert row["text"] == gw.generate(run, "the cat", tokens=300, temperature=0, seed=9)[0]["text"]
    assert row["repeated"] > 0.5 and "goes in circles" in row["note"]


def test_it_stops_before_a_text_and_says_so(run):
    row = gw.generate(run, "the cat", tokens=300, temperature=0, stop=(".", "\n"))[0]
    assert row["ended"] == "stop" and "." not in row["text"] and len(row["text"]) > 3


def test_what_streams_is_what_is_written(run, capsys, tmp_path):
    options = ["--tokens", "80", "--stop", "aunt", "--out", str(tmp_path / "t.txt")]
    words = ["generate", str(run.path), "the cat", *options]
    assert main(words) == 0
    shown = capsys.readouterr().out
    row = gw.generate(run, "the cat", tokens=80, stop=("aunt",))[0]
    assert shown == f"the cat{row['text']}\n" == (tmp_path / "t.txt").read_text(encoding="utf-8")
    assert main(["generate", str(run.path), "--tokens", "5", "--json"]) == 0
    texts = json.loads(capsys.readouterr().out)["texts"]
    assert texts[0]["prompt"] == "" and len(texts[0]["text"]) > 0


@pytest.mark.parametrize("kind", ["character", "piece", "word"])
def test_text_streams_as_soon_as_no_later_token_can_change_it(kind):
    text = 'He said "yes", and then: naïve – 日本 🙂.\nNot so.'
    size = 300 if kind == "piece" else 99
    tokenizer = learn([text], tokens=kind, size=size, lower=False)
    numbers = tokenizer.encode(text)
    said = Said(tokenizer, [])
    parts = [said.add(number) for number in numbers]
    parts.append(said.rest())
    assert "".join(parts) == said.text == tokenizer.decode(numbers)
    assert "\ufffd" not in "".join(parts)
    assert said.add(tokenizer.end) == "" and said.ended == "end"


def test_a_stop_is_held_back_until_it_is_sure():
    tokenizer = learn(["abcd"], tokens="character", size=99)
    said = Said(tokenizer, [], ("cd",))
    assert [said.add(number) for number in tokenizer.encode("abcab")] == ["", "a", "b", "c", "a"]
    assert said.add(tokenizer.encode("c")[0]) == "b" and said.add(tokenizer.encode("d")[0]) == ""
    assert said.text == "abcab" and said.ended == "stop"


def test_a_prompt_goes_on_as_its_words_are_joined():
    tokenizer = learn(["the cat sat. the cat ran."] * 2, tokens="word", size=99)
    said = Said(tokenizer, tokenizer.encode("the cat"))
    for number in tokenizer.encode("sat. the"):
        said.add(number)
    assert said.text == " sat. the"


def test_repetitions_are_counted():
    assert repeated([1, 2, 3], run=8) == 0.0
    assert repeated(list(range(30)), run=8) == 0.0
    assert repeated([1] * 30, run=8) == pytest.approx(22 / 23)


@pytest.mark.parametrize(
    "options", [{"tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"count": 0}, {"top_k": -2}]
)
def test_values_that_cannot_be_are_refused(run, refused, options):
    refused("bad-value", lambda: gw.generate(run, "the", **options))
