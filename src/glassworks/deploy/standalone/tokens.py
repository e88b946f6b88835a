"""Texts to the numbers that a model learned, and numbers back to text, by the tokenizer.json beside it."""

import json
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

WORDS = re.compile(r"\n[^\S\n]*\n\s*|[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+(?:[.,]\d+)*|[^\w\s]|_")
FIRST = 5  # numbers below stand for padding, unknown, start, end, mask
CLOSING, OPENING = set(".,;:!?)]}%…”’"), set("([{“‘$£€#@")  # no space before these, and none after those

Read = Callable[[str], list[int]]
Write = Callable[[Sequence[int]], str]


def tokenizer_of(facts: dict, folder: Path) -> tuple[Read, Write]:
    """What turns a text into numbers, and numbers into a text. Ends the program if its file is damaged."""
    try:
        told = (folder / facts["tokenizer"]).read_text(encoding="utf-8")
        if "model" in json.loads(told):
            from tokenizers import Tokenizer

            library = Tokenizer.from_str(told)
            library.no_truncation()
            library.no_padding()
            library.encode_special_tokens = True  # "<end>" in a text is five characters, no command
            return lambda text: library.encode(text, add_special_tokens=False).ids, library.decode
        listed = json.loads(told)["tokens"]
    except (OSError, ValueError, KeyError, ImportError) as error:
        print(f"the tokenizer cannot be read: {error}", file=sys.stderr)
        sys.exit(2)
    numbers = {token: number for number, token in enumerate(listed, start=FIRST)}
    special = ["", "<unknown>", "", "", "<mask>"]
    shown = [*special, *listed]
    join = "".join if facts["tokens"] == "character" else joined
    return (
        lambda text: [numbers.get(token, facts["unknown"]) for token in cut(text, facts)],
        lambda given: join([shown[number] for number in given if shown[number]]),
    )


def cut(text: str, facts: dict) -> list[str]:
    """The words and signs of a text, or its characters, as in training."""
    text = unicodedata.normalize("NFC", text)
    if facts["tokens"] == "character":
        return [small if facts["lower"] and len(small := c.lower()) == 1 else c for c in text]
    words = ["\n\n" if word[0] == "\n" else word for word in WORDS.findall(text)]
    return [word.lower() for word in words] if facts["lower"] else words


def joined(words: Sequence[str]) -> str:
    """Words with the spaces that English puts between them and signs."""
    text, quoted, glue = "", False, True  # glue: nothing stands between this word and the next
    for word in words:
        quote = word in ('"', "'")
        if not (glue or word in CLOSING or word == "\n\n" or (quote and quoted)):
            text += " "
        text += word
        glue = word in OPENING or word == "\n\n" or (quote and not quoted)
        quoted = quoted != quote
    return text.strip()
