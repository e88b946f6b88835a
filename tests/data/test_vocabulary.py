"""Words, characters and pieces as numbers: what goes in comes out, and a file gives it back."""

import pytest

from glassworks.core.errors import PersonError
from glassworks.data.pieces import Pieces
from glassworks.data.vocabulary import SPECIAL, Tokenizer, Vocabulary, known_share, learn, read_tokenizer

TEXTS = [
    "The cat's friend sat on the mat, and sat on it.",
    "A cat sat; the mat lay (twice) there.",
    "The dog.",
]
SENTENCE = "“Don't!” said the well-known dog (twice), for 3.5 times.\n\nHe left."


@pytest.fixture(params=["word", "character", "piece"])
def tokenizer(request) -> Tokenizer:
    return learn([SENTENCE, *TEXTS] * 2, tokens=request.param, size=400, lower=False)


def test_a_text_of_known_tokens_comes_back_as_it_was(tokenizer):
    assert tokenizer.decode(tokenizer.encode(SENTENCE)) == SENTENCE


def test_each_number_has_its_piece_of_the_text(tokenizer):
    for text in (SENTENCE, "Zebras 日本 and <end>, e\u0301tude", ""):
        assert len(tokenizer.pieces(text)) == len(tokenizer.encode(text))
    assert all(piece in "Zebras <end>" for piece in tokenizer.pieces("Zebras <end>"))


def test_special_numbers_come_first_and_no_text_can_make_them(tokenizer):
    special = ("padding", "unknown", "start", "end", "mask")
    assert [getattr(tokenizer, name) for name in special] == [0, 1, 2, 3, 4]
    made = tokenizer.encode(" ".join(SPECIAL))
    assert not {0, 2, 3, 4} & set(made)
    assert tokenizer.decode([2, *tokenizer.encode("the cat"), 3, 0, 0]) == "the cat"


def test_a_written_tokenizer_is_read_as_the_same(tokenizer, tmp_path):
    tokenizer.write(tmp_path / "tokenizer.json")
    back = read_tokenizer(tmp_path)
    assert (back.kind, back.size, back.lower) == (tokenizer.kind, tokenizer.size, tokenizer.lower)
    assert back.encode(SENTENCE + "unseen ż") == tokenizer.encode(SENTENCE + "unseen ż")


def test_many_texts_are_encoded_as_single_ones_are(tokenizer):
    texts = [SENTENCE, "", TEXTS[0]]
    assert tokenizer.encode_many(texts) == [tokenizer.encode(text) for text in texts]


def test_words_seen_once_share_the_unknown_number():
    words = learn(TEXTS, tokens="word", size=100)
    assert isinstance(words, Vocabulary)
    assert "dog" not in words.numbers and words.tokens[5] == "the", "the most frequent first"
    assert words.encode("the dog sat") == [words.numbers["the"], words.unknown, words.numbers["sat"]]
    assert known_share(words, ["the dog sat", "the sat the"]) == pytest.approx(5 / 6)


def test_the_size_holds_and_the_most_frequent_stay():
    words = learn(["a a a a b b b c c"] * 2, tokens="word", size=7)
    assert words.size == 7 and words.decode([5, 6]) == "a b"
    assert learn(["b a", "a b"], tokens="word").encode("a b") == [5, 6], "ties go by letters, not by order"


def test_lower_makes_capitals_the_same_but_keeps_pieces():
    for tokens in ("word", "character", "piece"):
        found = learn(TEXTS * 2, tokens=tokens, size=400, lower=True)
        assert found.encode("THE Cat") == found.encode("the cat")
        assert "".join(found.pieces("THE Cat")).replace(" ", "") == "THECat"


def test_letters_written_in_two_ways_are_one():
    for tokens in ("word", "character", "piece"):
        found = learn(["caf\u00e9 caf\u00e9"] * 2, tokens=tokens, size=400)
        assert found.encode("cafe\u0301") == found.encode("caf\u00e9")


def test_no_letter_is_unknown_to_pieces():
    pieces = learn(TEXTS, tokens="piece", size=300)
    assert pieces.unknown not in pieces.encode("żółw 日本語 😀 \x00")
    assert pieces.decode(pieces.encode("żółw 日本語 😀")) == "żółw 日本語 😀"


def test_frequent_words_become_one_piece():
    pieces = learn(["the cat sat on the mat"] * 50, tokens="piece", size=400)
    assert pieces.pieces("the cat sat") == ["the", " cat", " sat"]


def test_learning_pieces_twice_gives_the_same(tmp_path):
    for name in ("a", "b"):
        learn(TEXTS * 3, tokens="piece", size=320).write(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_given_tokenizer_keeps_its_own_numbers(tmp_path):
    from tokenizers import Tokenizer as Library
    from tokenizers import models, normalizers, pre_tokenizers

    names = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "play": 5, "##ing": 6, "good": 7}
    library = Library(models.WordPiece(names, unk_token="[UNK]"))
    library.normalizer = normalizers.BertNormalizer()
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.add_special_tokens(list(names)[:5])
    library.enable_truncation(2)
    library.save(str(tmp_path / "tokenizer.json"))
    given = read_tokenizer(tmp_path / "tokenizer.json")
    assert isinstance(given, Pieces) and given.kind == "given" and given.lower
    assert (given.start, given.end, given.mask, given.size) == (2, 3, 4, 8)
    assert given.encode("Good PLAYING zebra") == [7, 5, 6, 1], "what came with it does not cut texts off"
    assert given.pieces("Good PLAYING zebra") == ["Good", "PLAY", "ING", "zebra"]


def test_nothing_to_learn_and_broken_files_are_told(tmp_path):
    for tokens in ("word", "piece"):
        with pytest.raises(PersonError) as caught:
            learn(["", ""], tokens=tokens, size=300)
        assert caught.value.code == "nothing-to-learn"
    words = '{"kind": "word", "lower": true, "tokens": [1]}'
    broken = ["{", "[]", '{"kind": "x"}', words, '{"model": {"type": "BPE"}}', '{"model": 3}']
    for number, content in enumerate(broken):
        (tmp_path / f"{number}.json").write_text(content, encoding="utf-8")
        with pytest.raises(PersonError) as caught:
            read_tokenizer(tmp_path / f"{number}.json")
        assert caught.value.code == "bad-tokenizer"
    with pytest.raises(PersonError):
        read_tokenizer(tmp_path / "missing.json")
