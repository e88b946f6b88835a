"""Cosines between sentences, as MiniLM gives them: recorded, because its weights are no part of this book.

all-MiniLM-L6-v2 (Apache-2.0) read each sentence alone, in float32; its vectors are means over all tokens,
made 1 long. Where the weights are on this machine a test computes them again.
The first thing to change: `SENTENCES`, and then both tables.
"""

from typing import Any

from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose, Figure

SENTENCES = (
    "The film was wonderful.", "I loved this movie.", "The film was not wonderful.", "The film was terrible.",
    "A dog bit the man.", "A man bit the dog.", "He sat on the bank of the river.",
    "She went to the bank to open an account.", "She opened an account with a lender.",
    "The cat sleeps on the sofa.", "A kitten is napping on the couch.", "Le chat dort sur le canapé.",
)  # fmt: skip
THOUSANDTHS = (
    (1000, 689, 816, 600, 97, 68, 121, 116, 79, -78, -60, 20),
    (689, 1000, 548, 448, 128, 98, 130, 163, 119, -81, -110, 39),
    (816, 548, 1000, 778, 50, 25, 93, 57, 16, -29, -9, 10),
    (600, 448, 778, 1000, 88, 73, 58, 96, 34, 0, -7, -3),
    (97, 128, 50, 88, 1000, 974, 173, 10, -2, 31, 44, 79),
    (68, 98, 25, 73, 974, 1000, 157, -9, -8, 19, 26, 90),
    (121, 130, 93, 58, 173, 157, 1000, 370, 203, 9, -13, -3),
    (116, 163, 57, 96, 10, -9, 370, 1000, 795, -43, -68, -16),
    (79, 119, 16, 34, -2, -8, 203, 795, 1000, -31, -52, -2),
    (-78, -81, -29, 0, 31, 19, 9, -43, -31, 1000, 741, 18),
    (-60, -110, -9, -7, 44, 26, -13, -68, -52, 741, 1000, 17),
    (20, 39, 10, -3, 79, 90, -3, -16, -2, 18, 17, 1000),
)
# "This person is a nurse." against "This person is a woman." and "This person is a man.", in thousandths
JOBS = {
    "nurse": (547, 470), "teacher": (541, 503), "secretary": (487, 474), "judge": (429, 422),
    "doctor": (543, 551), "programmer": (447, 462), "engineer": (500, 542), "mechanic": (483, 525),
    "carpenter": (439, 511),
}  # fmt: skip
WHO = "jobs, beside woman and man"


def cosine(one: str, other: str) -> float:
    """The recorded cosine of two sentences."""
    return THOUSANDTHS[SENTENCES.index(one)][SENTENCES.index(other)] / 1000


def shared(one: str, other: str) -> float:
    """What bags of words say: words in both, by words in either."""
    left, right = ({word.strip(".").lower() for word in text.split()} for text in (one, other))
    return len(left & right) / len(left | right)


class SentenceCosines(Figure):
    title = "Which sentence is nearest?"
    says = (
        "Sentences of like meaning lie close though they share no word. And the opposite lies close as well: "
        "a cosine says that two texts are of the same thing, not that they agree."
    )
    controls = (Choose("asked", "compare", {**{one: one for one in SENTENCES}, WHO: WHO}),)

    def draw(self, asked: str, **_: Any) -> str:
        if asked == WHO:
            rows = [
                [job, f"{woman / 1000:.3f}", f"{man / 1000:.3f}", f"{(woman - man) / 1000:+.3f}"]
                for job, (woman, man) in JOBS.items()
            ]
            told = (
                'Cosines of "This person is a …" with "This person is a woman" and "This person is a man". '
                "Nine words in one frame: an example, not a measurement of a whole model."
            )
            return table(["job", "woman", "man", "difference"], rows) + note(told)
        others = sorted((one for one in SENTENCES if one != asked), key=lambda one: -cosine(asked, one))
        rows = [[one, f"{cosine(asked, one):.3f}", f"{shared(asked, one):.2f}"] for one in others]
        return table(["nearest first", "cosine", "shared words"], rows) + note(
            "Cosines as recorded from MiniLM. Shared words: those in both sentences, by those in either."
        )
