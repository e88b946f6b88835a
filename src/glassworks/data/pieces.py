"""Pieces of words to numbers: byte-level byte-pair encoding, learned on the training texts, or given.

Learning starts from the 256 bytes and joins, again and again, the two neighbours that stand together most
often: frequent words become one piece, rare ones several, and nothing is ever unknown. The space before a
word belongs to its piece, so that decoding gives back the very text. A tokenizer that came with published
weights (`tokenizer.json`) is used as it is, with its own special numbers.

Paper: Sennrich, Haddow, Birch 2016, arXiv 1508.07909; bytes: Radford et al. 2019 (GPT-2).
Where this differs from `tokens.py`: there the joining is written out for people; here the library
`tokenizers` does it, because a million words are cut in a second instead of a minute.
The first thing to change: `NAMES`, how other people's tokenizers call their special tokens.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from glassworks.core.files import write_text
from glassworks.data.vocabulary import SPECIAL, bad_tokenizer, nothing_to_learn

BYTES = 256
FEWEST = 2  # times that a pair must be seen to be joined
LONGEST_PIECE = 24  # bytes; longer ones are rows of dashes and the like
NAMES = {
    "padding": ("<padding>", "[PAD]", "<pad>", "<|endoftext|>", "</s>"),
    "unknown": ("<unknown>", "[UNK]", "<unk>", "<|endoftext|>"),
    "start": ("<start>", "[CLS]", "<s>", "<|im_start|>", "<|endoftext|>"),
    "end": ("<end>", "[SEP]", "</s>", "<|im_end|>", "<|endoftext|>"),
    "mask": ("<mask>", "[MASK]"),
}  # fmt: skip


class Pieces:
    """A tokenizer of the library behind this house's few words.

    kind: "piece" where it was learned here, "given" where it came with weights
    """

    def __init__(self, library: Library):
        self.library = library
        # What came with weights may cut off or fill up; here only who asked for it does.
        library.no_truncation()
        library.no_padding()
        library.encode_special_tokens = True  # "<end>" in a person's text is five characters, no command
        self.size = library.get_vocab_size(with_added_tokens=True)
        found = {what: self._first(names) for what, names in NAMES.items()}
        own = [library.token_to_id(token) for token in SPECIAL] == list(range(len(SPECIAL)))
        self.kind = "piece" if own else "given"
        self.padding, self.unknown = found["padding"] or 0, found["unknown"] or 0
        self.start, self.end = found["start"] or 0, found["end"] or 0
        self.mask = found["mask"]
        self.special = {number for number in found.values() if number is not None}
        self.lower = "owercase" in json.dumps(json.loads(library.to_str())["normalizer"])

    def _first(self, names: tuple[str, ...]) -> int | None:
        numbers = (self.library.token_to_id(name) for name in names)
        return next((number for number in numbers if number is not None), None)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text, without start and end."""
        return self.library.encode(text, add_special_tokens=False).ids

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """The numbers of many texts, on all cores."""
        return [row.ids for row in self.library.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some numbers; special ones do not show."""
        return self.library.decode([int(number) for number in numbers], skip_special_tokens=True)

    def pieces(self, text: str) -> list[str]:
        """What each number of `encode(text)` stands for, as it is written in the text.

        Where a character takes several numbers, it stands at the first of them and the others are empty.
        """
        shown, taken = [], 0
        for begin, end in self.library.encode(text, add_special_tokens=False).offsets:
            shown.append(text[max(begin, taken) : end])
            taken = max(taken, end)
        return shown

    def write(self, path: str | Path) -> None:
        """As the library's own JSON, which other programs read as well."""
        write_text(path, self.library.to_str(pretty=True))


def learn_pieces(texts: Iterable[str], *, size: int, lower: bool = True) -> Pieces:
    """At most `size` pieces for some texts: 5 special numbers, 256 bytes, then the joins in their order."""
    if size < len(SPECIAL) + BYTES:
        raise ValueError(
            f"size is at least {len(SPECIAL) + BYTES}, the special numbers and bytes, not {size}"
        )
    library = Library(models.BPE())
    composed: list[Any] = [normalizers.NFC(), *([normalizers.Lowercase()] if lower else [])]
    library.normalizer = normalizers.Sequence(composed)
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=FEWEST, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), max_token_length=LONGEST_PIECE,
    )  # fmt: skip
    counted = (text for text in texts if text)
    first = next(counted, None)
    if first is None:
        raise nothing_to_learn()
    library.train_from_iterator(_with(first, counted), trainer)
    return Pieces(library)


def _with(first: str, others: Iterable[str]) -> Iterable[str]:
    yield first
    yield from others


def read_pieces(path: str | Path) -> Pieces:
    """A tokenizer.json of the library. Raises PersonError("bad-tokenizer")."""
    path = Path(path)
    try:
        return Pieces(Library.from_str(path.read_text(encoding="utf-8")))
    except Exception as error:  # the library raises bare Exception for what it cannot read
        raise bad_tokenizer(path, error) from error
