"""Words to numbers: a vocabulary learned from some texts, and what it makes of texts it has not seen.

The texts are the explanations of this book's own glossary, one text each. The vocabulary is the installed
one: the most frequent word first, and no word that occurs once alone.
The first thing to change: `ASKED`.
"""

from functools import lru_cache

from glassworks.core.keyed import permutation
from glassworks.data.vocabulary import Tokenizer, known_share, learn
from glassworks.reader.contents import contents
from glassworks.reader.draw import columns, line_chart, note, table
from glassworks.reader.figure import Choose, Figure, Slider, Toggle

ASKED = {
    "a loss of the model": "a loss of the model",
    "The model, the MODEL!": "The model, the MODEL!",
    "a thrilling film": "a thrilling film",
}
HELD, FEWEST, STEP = 40, 10, 10
MOST = 120  # texts to learn from


@lru_cache(maxsize=1)
def texts() -> tuple[list[str], list[str]]:
    """(to learn from, to judge on): explanations of the glossary in a fixed shuffled order."""
    terms = contents().terms
    found = [terms[key].meaning for key in sorted(terms)]
    mixed = [found[int(row)] for row in permutation(len(found), "words to numbers")]
    return mixed[HELD : HELD + MOST], mixed[:HELD]


@lru_cache(maxsize=64)
def learned(count: int, peeked: bool) -> tuple[Tokenizer, float]:
    """The vocabulary of the first texts, with those to judge on if `peeked`; the share it lacks of these."""
    training, held = texts()
    tokenizer = learn([*training[:count], *(held if peeked else [])])
    return tokenizer, 1 - known_share(tokenizer, held)


class WordsToNumbers(Figure):
    title = "A vocabulary meets new texts"
    says = (
        "Words that the training texts do not hold twice all share the number 1, unknown. More texts make it "
        "rarer. Let the vocabulary see the texts that judge, and the share falls: the figure no longer "
        "says what a stranger's text will meet."
    )
    controls = (
        Slider("count", "texts to learn from", FEWEST, MOST, step=STEP, value=60),
        Toggle("peeked", "learn from the texts that judge, too"),
        Choose("text", "a text", ASKED),
    )

    def draw(self, count: float, peeked: bool, text: str) -> str:
        tokenizer, lacking = learned(int(count), peeked)
        numbers = tokenizer.encode(text)
        rows = [
            [piece, (str(number), "bad" if number == tokenizer.unknown else "")]
            for piece, number in zip(tokenizer.pieces(text), numbers)
        ]
        curve = [(n, 100 * learned(n, peeked)[1]) for n in range(FEWEST, int(count) + 1, STEP)]
        name = "unknown in other texts"
        chart = line_chart(
            {name: curve}, points={name: curve[-1:]}, across="texts to learn from", up="% of the words",
            x=(0, MOST), y=(0, 60), width=360, height=220,
        )  # fmt: skip
        told = note(
            f"{tokenizer.size:,} numbers, 5 of them special: 0 padding, 1 unknown, 2 start, 3 end, 4 mask. "
            f"Of the words and signs of {HELD} texts, {lacking:.1%} are unknown."
        )
        return columns(table(["word or sign", "its number"], rows), chart) + told
