"""The chapter "Reading both ways": its numbers are true, and its figures show what they say."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers

import glassworks as gw
from glassworks.api.pretrained_texts import fields_of, given_tokenizer, tensors_of
from glassworks.api.reading import cut_into_passages
from glassworks.data.samples import fetch
from glassworks.models.sequence.bert import APART, BERT, VARIANTS, BERTConfig, build
from glassworks.reader import exercises
from glassworks.reader.exercises.kinds import CodeExercise, NumberExercise
from glassworks.reader.exercises.sequence import reading_both_ways as asked
from glassworks.reader.figures import both_sides, sentence_cosines, small_language, word_pieces
from glassworks.reader.figures.both_sides import ASKED, BothSides, chances, doubt
from glassworks.reader.figures.forgetting import LABELLED, RATES, Forgetting, examples, taught
from glassworks.reader.figures.guesses_learned import GuessesLearned, WordsInPlace
from glassworks.reader.figures.sentence_cosines import JOBS, SENTENCES, SentenceCosines, cosine
from glassworks.reader.figures.small_bert import STOPS, best, guesses, hidden_at, in_place, skill, trained
from glassworks.reader.figures.small_language import GAP, LENGTH, MARKS, possible, sentences
from glassworks.reader.figures.what_is_hidden import SENTENCE, WhatIsHidden, counts
from glassworks.reader.figures.what_learns import METHODS, WhatLearns, parts
from glassworks.reader.figures.word_pieces import WordPieces, pieces_of, steps_of
from glassworks.recipes.bert import PASSAGES
from glassworks.tasks.masked_text import HIDDEN, REPLACED, SHARE
from glassworks.transfer.tuning import begin, tuning_of
from glassworks.weights import published_texts
from glassworks.weights.store import load_into
from tests.reader.chapters.ladder import prose, words

SLUG = "sequence/reading_both_ways"
GRASS = "two cows ate grass in the field ."
MINILM = published_texts.REGISTRY[0]
ROOT = Path(__file__).parents[3]


def solution(word: str) -> dict:
    """The names that an exercise's reference answer defines."""
    found, names = exercises.find(f"reading_both_ways.{word}"), {}
    assert isinstance(found, CodeExercise)
    exec(found.solution, names)  # noqa: S102
    return names


def number(word: str) -> NumberExercise:
    found = exercises.find(f"reading_both_ways.{word}")
    assert isinstance(found, NumberExercise)
    return found


# ---- the small language


def test_the_language_is_as_small_as_the_text_says():
    every, shares = sentences()
    assert len(every) == len(set(every)) == 240 and shares.sum() == pytest.approx(1)
    assert {len(one) for one in every} == {LENGTH} and len(small_language.words()) == 48 == 43 + len(MARKS)
    people = sum(share for one, share in zip(every, shares) if one[2] == "said")
    assert people == pytest.approx(0.5)
    text = prose(SLUG)
    for said, value in (("3.87", math.log(48)), ("10.33", math.log(30_522)), ("9.97", math.exp(2.3))):
        assert f"{value:.2f}" == said and said in text


def test_both_sides_leave_less_open_than_each():
    left, right, both = (chances(f"two {GAP} ate grass in the field .", side) for side in both_sides.SIDES)
    assert len(left) == 5 and set(right) == {"cow", "cows"} and both == {"cows": 1.0}
    assert set(chances(f"two {GAP} ate hay in the field .", "both").values()) == {0.5}
    assert chances(f"the nurse said that {GAP} was late .", "both")["she"] == pytest.approx(0.9)
    for name in ASKED:
        assert (
            doubt(chances(name, "both"))
            <= min(doubt(chances(name, side)) for side in both_sides.SIDES) + 1e-9
        )
    drawn = words(BothSides().drawn)
    assert "words that fit 5 2 1" in drawn and "nats 1.58 0.69 0.00" in drawn


def test_what_a_perfect_reader_guesses():
    every, shares = sentences()
    found = {"left": 0.0, "both": 0.0}
    for one, share in zip(every[::3], shares[::3] / shares[::3].sum()):  # a third: the rest is alike
        for place in range(LENGTH):
            seen = {"left": range(place), "both": [at for at in range(LENGTH) if at != place]}
            for side, places in seen.items():
                found[side] += float(share) / LENGTH * max(possible(one, place, list(places)).values())
    assert found["both"] == pytest.approx(0.781, abs=0.01) and found["left"] == pytest.approx(0.708, abs=0.01)
    assert "78.1 %" in prose(SLUG) and "70.8 %" in prose(SLUG)


# ---- hiding


def test_the_rule_of_the_text_is_that_of_the_task():
    assert (SHARE, HIDDEN, REPLACED) == (0.15, 0.8, 0.1)
    found = counts(0, 10_000)
    whole = 10_000 * len(SENTENCE)
    expected = SHARE + (1 - SHARE) ** len(SENTENCE) / len(SENTENCE)
    assert f"{expected:.1%}" == "18.4%" and found["chosen"] / whole == pytest.approx(expected, abs=0.005)
    assert found["chosen"] == found["hidden"] + found["replaced"] + found["as it was"]
    assert found["hidden"] / found["chosen"] == pytest.approx(0.8, abs=0.01)
    assert "18.4 %" in words(WhatIsHidden().drawn)
    assert WhatIsHidden().set(turn=1) != WhatIsHidden().drawn


def test_exact_counts_of_the_exercise():
    hide = solution("hide")["hide"]
    tokens, ordinary, order, other = asked._text("200 words")
    seen, chosen = hide(tokens, ordinary, order, other, asked.MASK)
    assert int(chosen.sum()) == 30 and int((seen == asked.MASK).sum()) == 24
    assert int((chosen & (seen >= 1000)).sum()) == 3 and int((chosen & (seen == tokens)).sum()) == 3
    assert torch.equal(seen[~chosen], tokens[~chosen]) and not chosen[~ordinary].any()


def test_both_ways_to_score_the_chosen_give_one_number():
    masked_loss = solution("masked_loss")["masked_loss"]
    for name in asked.BATCHES:
        scores, answers, chosen = asked._batch(name)
        picked = F.cross_entropy(scores[chosen], answers[chosen])
        assert masked_loss(scores, answers, chosen).item() == pytest.approx(picked.item(), abs=1e-6)


# ---- the small BERT


def test_the_small_bert_learns_what_both_sides_say():
    runs = trained("both", 0)
    shares = [skill(runs[stop]) for stop in STOPS]
    assert shares[0] < 0.1 and 0.76 <= round(shares[-1], 2) <= 0.78
    found = dict(best(guesses(runs[STOPS[-1]], hidden_at(GRASS, 1))[1], 1))
    assert set(found) == {"cows"}
    nurse = guesses(runs[STOPS[-1]], hidden_at("the nurse said that she was late .", 4))[4]
    (word, chance), *_ = best(nurse, 1)
    assert word == "she" and chance == pytest.approx(0.9, abs=0.08)
    figure = GuessesLearned()
    figure.set(steps="0 steps")
    assert "at best" in words(figure.wait()) and "being trained" not in words(figure.drawn)


def test_the_left_only_reader_sees_no_later_word():
    model = trained("left", 0)[STOPS[-1]]
    one, other = (
        guesses(model, hidden_at(text, 1))[:2] for text in (GRASS, "two cats ate fish in the house .")
    )
    assert torch.equal(one, other)
    assert max(guesses(model, hidden_at(GRASS, 1))[1]) < 0.5


def test_who_was_asked_about_hidden_words_alone_says_little_where_none_is_hidden():
    (rule, alone) = asked.IN_PLACE.values()
    assert round(100 * in_place(trained("both", 0)[STOPS[-1]])) == pytest.approx(rule[0], abs=2)
    assert round(100 * in_place(trained("all hidden", 0)[STOPS[-1]])) == pytest.approx(alone[0], abs=8)
    assert sum(alone) / len(alone) < 50 < 90 < min(rule)
    figure = WordsInPlace()
    figure.set(sentence="two cows ate bones in the field .")
    assert "Of 500 other sentences it says 9" in words(figure.wait())
    wrong = "two cows ate bones in the field ."
    said = guesses(trained("both", 0)[STOPS[-1]], wrong.split())
    assert best(said[3], 1)[0][0] != "bones" or best(said[1], 1)[0][0] != "cows"


# ---- pieces


def test_the_pieces_are_those_of_the_library_tokenizers():
    order = {piece: place for place, piece in enumerate(word_pieces.PIECES)}
    assert len(order) == len(word_pieces.PIECES)
    theirs = Tokenizer(models.WordPiece(order, unk_token="[UNK]"))
    theirs.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    for text in (*word_pieces.TEXTS, "the replayed glass is reread ."):
        assert pieces_of(text)[1:-1] == theirs.encode(text).tokens, text
    assert len(pieces_of("the replayed glass is reread .")) == number("pieces").target
    assert steps_of("übel") == [("übel", "[UNK]")]
    assert "[UNK]" in words(WordPieces().set(words="the bank is übel .", word=4))


def test_the_passages_of_the_exercise_are_those_of_the_library():
    class Given:
        start, end, unknown = 1, 2, 0

        def encode_many(self, texts):
            return [list(range(3, 1027)) for _ in texts]

    passages, _ = cut_into_passages(["x"], Given(), 256)
    assert len(passages) == number("passages").target and {len(one) - 2 for one in passages} == {204, 205}
    assert sum(len(one) - 2 for one in passages) == 1_024


# ---- the network


def test_padding_is_kept_out_of_attention_and_mean():
    """E11: a text reads the same alone and beside a longer one."""
    shape = {"width": 32, "depth": 2, "vocabulary": 50, "context": 12, "pooling": "mean", "head": "none"}
    model = build(BERTConfig(**shape, block={"heads": 2, "norm": "post", "dropout": 0.0})).eval()
    alone = torch.randint(5, 50, (1, 6), generator=torch.Generator().manual_seed(0))
    filled = F.pad(alone, (0, 6))
    with torch.no_grad():
        wanted, lengths = model(alone), torch.tensor([6])
        assert torch.allclose(model(filled, lengths), wanted, atol=1e-5)
        assert not torch.allclose(model(filled), wanted, atol=1e-2)
    assert math.exp(APART) == 0.0


def test_minilm_is_as_large_as_the_text_says():
    assert MINILM.context == 256 and MINILM.vocabulary == 30_522 and round(MINILM.size / 1e6) == 84
    with torch.device("meta"):
        body = BERT(BERTConfig(**VARIANTS["minilm"] | {"context": 256, "head": "none"}))
    count = sum(one.numel() for one in body.parameters())
    tables = sum(one.numel() for one in body.embedding.parameters())
    assert f"{count / 1e6:.1f}" == "22.5" and f"{tables / 1e6:.1f}" == "11.8"
    assert PASSAGES["small"] == 400_000 and "400,000" in prose(SLUG)


def test_the_figure_counts_what_a_run_would_teach():
    for name, method in METHODS.items():
        with torch.device("meta"):
            shape = VARIANTS["minilm"] | {"context": 256, "head": "classes", "classes": 2}
            groups = begin(BERT(BERTConfig(**shape)), tuning_of(method, layer_decay=0.9))
        mine = parts(method, 0.9)
        assert [one.name for one in mine] == [one.part for one in groups]
        assert [one.learning for one in mine] == [one.learning for one in groups], name
        assert [one.scale for one in mine] == [one.scale for one in groups]
        if method != "lora":  # there the library counts what is added as well
            assert [one.count for one in mine] == [one.count for one in groups]
    assert "770 numbers learn" in words(WhatLearns().set(method="head: the head alone"))


# ---- cosines


def test_the_recorded_cosines_are_a_table_of_cosines_and_those_of_the_text():
    table = np.array(sentence_cosines.THOUSANDTHS)
    assert (
        table.shape == (len(SENTENCES),) * 2 and (table == table.T).all() and (np.diag(table) == 1000).all()
    )
    text = prose(SLUG)
    told = ((0, 2), (4, 5), (9, 10), (9, 11), (7, 8), (6, 7))
    for one, other in ((SENTENCES[left], SENTENCES[right]) for left, right in told):
        assert f"{cosine(one, other):.3f}" in text, (one, other)
    assert cosine(SENTENCES[0], SENTENCES[1]) == 0.689 and cosine(SENTENCES[0], SENTENCES[3]) == 0.6
    for job, said in (("nurse", "0.077"), ("carpenter", "0.072")):
        woman, man = JOBS[job]
        assert f"{abs(woman - man) / 1000:.3f}" == said and said in text
    assert JOBS["nurse"][0] > JOBS["nurse"][1] and JOBS["carpenter"][0] < JOBS["carpenter"][1]
    figure = SentenceCosines()
    assert words(figure.drawn).index(SENTENCES[2]) < words(figure.drawn).index(SENTENCES[1])
    assert "+0.077" in words(figure.set(asked=sentence_cosines.WHO))


@pytest.mark.long
def test_the_recorded_cosines_are_those_of_the_weights():
    tokenizer = given_tokenizer("bert", "minilm")
    assert tokenizer is not None
    config = BERTConfig(**fields_of(MINILM))
    model = build(config)
    load_into(model, tensors_of(MINILM, config), source="minilm")
    frames = [f"This person is a{'n' if job[0] in 'aeiou' else ''} {job}." for job in JOBS]
    texts = [*SENTENCES, *frames, "This person is a woman.", "This person is a man."]
    with torch.no_grad():
        rows = [torch.tensor([[tokenizer.start, *tokenizer.encode(one), tokenizer.end]]) for one in texts]
        vectors = F.normalize(torch.cat([model.eval().features(row) for row in rows]), dim=1)
    mine = (vectors @ vectors.T).numpy() * 1000
    assert np.abs(mine[:12, :12] - np.array(sentence_cosines.THOUSANDTHS)).max() < 1
    assert np.abs(mine[12:-2, -2:] - np.array(list(JOBS.values()))).max() < 1
    said = {
        "tokenization": "token ##ization",
        "embeddings": "em ##bed ##ding ##s",
        "unputdownable": "un ##put ##down ##able",
        "\N{GRINNING FACE}": "[UNK]",
    }
    for text, cut in said.items():
        found = tokenizer.library.encode(text, add_special_tokens=False)  # type: ignore[union-attr]
        assert " ".join(found.tokens) == cut


# ---- what was measured elsewhere


def test_figures_of_fine_tuning_are_those_of_the_log_and_the_benchmark():
    places = ("docs/log.md", "benchmarks/README.md")
    log, bench = ((ROOT / place).read_text(encoding="utf-8") for place in places)
    text = prose(SLUG)
    for said in ("80.9, 83.0, 83.2 %", "72.9 %", "76.6 %", "2,000", "8,072"):
        assert said in text and said in log
    found = " ".join(re.findall(r"^\| (?:fp32|bf16) \| (?:ours|Trainer).*$", bench, re.MULTILINE))
    assert all(one in found for one in ("15.9", "42.1", "2.73", "1.82", "1.69", "1.04"))
    assert "2.73 and 1.82" in text and "1.69 and 1.04" in text


@pytest.mark.long
def test_the_novels_at_tiny_size_lose_to_counting(tmp_path):
    fetch("austen")
    run = gw.train("bert", "sample:austen", size="tiny", out=str(tmp_path / "run"), threads=1, quiet=True)
    loss = {name: row["masked_loss"]["value"] for name, row in run.card["baselines"].items()}
    assert loss["most frequent token"] == pytest.approx(6.27, abs=0.005)
    assert loss["counts of both neighbours"] == pytest.approx(3.60, abs=0.006)
    assert run.card["metrics"]["masked_loss"]["value"] == pytest.approx(5.79, abs=0.05)
    assert run.card["metrics"]["masked_accuracy"]["value"] == pytest.approx(0.126, abs=0.01)


# ---- forgetting


def test_what_is_forgotten_grows_with_the_rate_and_a_start_that_reads_needs_few_labels():
    few = LABELLED["8"]
    found = {rate: taught("read", rate, few, 0) for rate in RATES.values()}
    for (_, said), (_, kept) in zip(asked.AFTER.items(), found.values()):
        assert round(100 * kept) == pytest.approx(said[0], abs=6)
    assert round(100 * skill(trained("both", 0)[STOPS[-1]])) == pytest.approx(asked.SKILL[0], abs=2)
    nothing, _ = taught("nothing", 3e-3, few, 0)
    assert found[0.0][0] >= 0.96 and 0.6 < nothing < 0.9 and found[3e-4][0] >= 0.96
    texts, answers = examples(200, "test")
    assert len(texts) == 200 and 0.35 < answers.double().mean() < 0.65
    figure = Forgetting()
    figure.set(labelled="8", seed=0)
    figure.set(seed=1)
    figure.set(seed=0)
    assert "from nothing" in words(figure.wait(60)) and "…" not in words(figure.drawn)
