"""Byte-pair encoding: what it joins, that nothing is lost, and that it agrees with CLIP's own tokenizer."""

import json

import pytest

from glassworks.core.errors import PersonError
from glassworks.data.tokens import ALPHABET, END_OF_WORD, FIRST_JOIN, Tokenizer, learn, read_merges, words_of

TEXTS = ["a red flower", "a red rose", "the reddest flower of all", "two flowers", "A RED bird."]
STRANGE = [
    "Zoë's 35 cats!!",
    "naïve_x",
    "日本語 テスト",
    "🎈 up",
    "they're 2nd-hand; it's",
    "  two \t spaces\n",
]


def test_the_most_frequent_pair_is_joined_first():
    """The paper's words: "er" ends nine of them, "lo" begins seven; of equals the first by letters."""
    texts = ["low "] * 5 + ["lowest "] * 2 + ["newer "] * 6 + ["wider "] * 3
    tokenizer = learn(texts, FIRST_JOIN + 2 + 3)
    assert tokenizer.merges == (("e", "r</w>"), ("l", "o"), ("e", "w"))
    assert tokenizer.pieces("newer") == ["n", "ew", "er "]
    assert learn(list(reversed(texts)), FIRST_JOIN + 2 + 3).merges == tokenizer.merges


def test_pairs_that_overlap_are_counted_as_they_are_joined():
    assert learn(["aaaa"] * 2, 600).merges[0] == ("a", "a")
    assert learn(["aaaa"] * 2, 600).pieces("aaaaa") == ["aa", "aa", "a "]


@pytest.mark.parametrize("text", [*TEXTS, *STRANGE])
def test_no_letter_is_unknown_and_none_is_lost(text):
    tokenizer = learn(TEXTS, 700)
    numbers = tokenizer.encode(text)
    assert numbers[0] == tokenizer.start and numbers[-1] == tokenizer.end and max(numbers) < tokenizer.size
    assert tokenizer.decode(numbers) == " ".join(words_of(text))


def test_what_is_learned_is_shorter_than_bytes_and_stops_where_nothing_repeats():
    tokenizer = learn(TEXTS, 5_000)
    assert len(tokenizer.encode("a red flower")) == 2 + 3
    assert len(tokenizer.merges) < 100 and tokenizer.size == 5_000
    assert (tokenizer.start, tokenizer.end) == (4_998, 4_999)
    assert len(learn(["xyz"], 600).merges) == 0  # a pair that was seen once says nothing


def test_rows_of_equal_length_and_long_texts_are_counted():
    tokenizer = learn(TEXTS, 700)
    rows, long = tokenizer.table(["a red flower", "flower " * 20], 8)
    assert rows.shape == (2, 8) and long == [1]
    assert rows[0, 4:].tolist() == [tokenizer.end] * 4 and rows[1, -1] == tokenizer.end
    assert rows[1, :7].tolist() == tokenizer.encode("flower " * 20)[:7]


def test_written_and_read_again(tmp_path):
    tokenizer = learn([*TEXTS, *STRANGE], 700)
    tokenizer.write(tmp_path / "tokenizer.json")
    again = Tokenizer.read(tmp_path / "tokenizer.json")
    assert (again.merges, again.size) == (tokenizer.merges, tokenizer.size)
    assert [again.encode(text) for text in STRANGE] == [tokenizer.encode(text) for text in STRANGE]


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"kind": "other", "merges": [], "size": 600}',
     '{"kind": "byte-pair", "merges": ["a b c"], "size": 600}',
     '{"kind": "byte-pair", "merges": ["a b"], "size": 3}',
     '{"kind": "byte-pair", "merges": ["\\u4e00 b"], "size": 600}'],
)  # fmt: skip
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(PersonError) as caught:
        Tokenizer.read(tmp_path / "tokenizer.json")
    assert caught.value.code == "bad-tokenizer"


def written_as_published(folder):
    """merges.txt and vocab.json as they lie beside published weights."""
    tokenizer = Tokenizer(learn(TEXTS, 600).merges)
    vocabulary = dict(tokenizer.numbers)
    vocabulary |= {"<|startoftext|>": tokenizer.start, "<|endoftext|>": tokenizer.end}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in tokenizer.merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tokenizer


def test_parity_with_the_tokenizer_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    written_as_published(tmp_path)
    ours = read_merges(tmp_path / "merges.txt")
    theirs = transformers.CLIPTokenizer(
        vocab=str(tmp_path / "vocab.json"), merges=str(tmp_path / "merges.txt")
    )
    for text in [*TEXTS, *STRANGE, "ÀÉ café ＡＢ", "I'll won't 1234"]:
        assert ours.encode(text) == theirs(text)["input_ids"], text


def test_published_files_that_disagree_are_refused(tmp_path):
    tokenizer = written_as_published(tmp_path)
    assert read_merges(tmp_path / "merges.txt").merges == tokenizer.merges
    (tmp_path / "vocab.json").write_text('{"!": 0, "a": 7}', encoding="utf-8")
    with pytest.raises(PersonError, match="other numbers"):
        read_merges(tmp_path / "merges.txt")


def test_every_byte_has_a_letter_of_its_own():
    assert len(set(ALPHABET)) == 256 and not any(letter.isspace() for letter in ALPHABET)
    assert Tokenizer(()).numbers["!"] == 0 and Tokenizer(()).numbers["!" + END_OF_WORD] == 256  # as published
