"""Exercises of the chapter on pictures and words: encoders, shares, the loss, scale, joins, labels."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.models.vision.clip import FIRST_SCALE, contrastive_loss
from glassworks.reader.draw import line_chart, note, table
from glassworks.reader.exercises.compare import same
from glassworks.reader.exercises.kinds import (
    Choice,
    ChoiceExercise,
    CodeExercise,
    Mistake,
    NumberExercise,
    PredictExercise,
    Row,
    Wrong,
)

# ---- two encoders

ENCODERS = ChoiceExercise(
    id="pictures_and_words.two_encoders",
    question=(
        "A folder of 10,000 pictures was made ready for search: each has its vector. Now five people each "
        "type a question. How often do the encoders of a CLIP have to run for the five answers?"
    ),
    choices=(
        Choice(
            "The text encoder 5 times, the picture encoder not at all.",
            True,
            "Yes. No encoder sees the input of the other, so a picture's vector is the same for every "
            "question. What is left are 5 times 10,000 products of vectors, which takes milliseconds.",
        ),
        Choice(
            "Both encoders 50,000 times: each question has to be read together with each picture.",
            False,
            "So it is in a model that joins the two by cross-attention. CLIP has none: the two meet only in "
            "the last product.",
        ),
        Choice(
            "The picture encoder 10,000 times for each question, the text encoder once.",
            False,
            "A picture's vector does not depend on the question, so it was computed once and kept.",
        ),
        Choice(
            "Once each: both encoders take all inputs at the same time.",
            False,
            "Texts can be encoded in one batch, but each is work of its own. And the pictures are known "
            "already.",
        ),
    ),
    hints=(
        "On what does the vector of a picture depend?",
        "Is there any place in the model where words and patches look at each other?",
    ),
    why=(
        "Two separate encoders are what makes search over millions of pictures cheap. They are also the "
        "limit: nothing in the model can look for a word in a part of the picture."
    ),
    further=(
        "Models that answer questions about a picture do join the two, by cross-attention or by one long "
        "sequence. They rank the first hundred answers of a CLIP, when that is worth the time."
    ),
    minutes=2,
)

# ---- shares

SHARES = NumberExercise(
    id="pictures_and_words.shares",
    question=(
        "A picture has the cosines 0.85, 0.80 and 0.75 with three texts. They are multiplied by the scale "
        "100 and go through softmax. Which share does the first text get? (four decimals)"
    ),
    target=0.993262,
    tolerance=0.0006,
    mistakes=(
        Mistake(0.350132, "That is the share at scale 1. Multiply the cosines by 100 first."),
        Mistake(
            0.354167,
            "That is 0.85 / 2.40, a plain division by the sum. Softmax takes e to the power of each.",
        ),
        Mistake(0.85, "That is the cosine. It is no share: the three do not sum to 1."),
        Mistake(1.0, "Nearly, but the second text is only 5 below after scaling, and e^-5 is not 0."),
        Mistake(0.006693, "That is the share of the second text."),
    ),
    hints=(
        "After scaling the three are 85, 80 and 75. Take 85 away from each: softmax does not notice.",
        "1 / (1 + e^-5 + e^-10)",
    ),
    why=(
        "Softmax sees differences alone: 0, -5 and -10. So 0.25, 0.20 and 0.15 give the same shares. A share "
        "of 0.993 does not say that the text fits well, only that it fits better than the other two."
    ),
    further="At scale 1 the same cosines give 0.350, 0.333 and 0.317: nearly no decision at all.",
    solution="1 / (1 + e^-5 + e^-10) = 1 / (1 + 0.006738 + 0.000045) = 0.993262.",
    minutes=3,
)

# ---- the loss

LOSS_START = '''\
import torch
import torch.nn.functional as F

def clip_loss(pictures, texts, scale):
    """pictures, texts (pairs, dimension), of any length.

    Row n of one belongs to row n of the other.
    Returns the mean of the losses of both directions.
    """
    # your lines
    return torch.tensor(0.0)
'''
LOSS_SOLUTION = """\
import torch
import torch.nn.functional as F

def clip_loss(pictures, texts, scale):
    pictures = F.normalize(pictures, dim=-1)
    texts = F.normalize(texts, dim=-1)
    scores = scale * pictures @ texts.T
    right = torch.arange(len(scores))
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2
"""
ONE_WAY = (
    "Only one direction is asked: pictures for captions, or captions for pictures. The other needs the "
    "cross-entropy of `scores.T`."
)
LENGTHS = "The vectors keep their lengths. `F.normalize(…, dim=-1)` first, so that only directions count."
SUMMED = "That is the sum of both directions. CLIP takes their mean, so that guessing costs ln N."
COLUMN = "The vectors were normalised over the batch (`dim=0`). Each vector is a row: `dim=-1`."
DIVIDED = "The cosines were divided by the scale. The scale is one by temperature: multiply."


def _parts(pictures: Tensor, texts: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """The losses of the two directions, whatever the lengths of the vectors."""
    scores, right = scale * pictures @ texts.T, torch.arange(len(pictures))
    return F.cross_entropy(scores, right), F.cross_entropy(scores.T, right)


def _usual(pictures: Tensor, texts: Tensor, scale: float) -> list[tuple[Tensor, str]]:
    seen, said = F.normalize(pictures, dim=-1), F.normalize(texts, dim=-1)
    rows, across = _parts(seen, said, scale)
    plain = torch.stack(_parts(pictures, texts, scale)).mean()
    over_batch = torch.stack(_parts(F.normalize(pictures, dim=0), F.normalize(texts, dim=0), scale)).mean()
    divided = torch.stack(_parts(seen, said, 1 / scale)).mean()
    return [
        (rows, ONE_WAY), (across, ONE_WAY), (plain, LENGTHS), (rows + across, SUMMED),
        (over_batch, COLUMN), (divided, DIVIDED),
    ]  # fmt: skip


def check_loss(clip_loss: Callable) -> list[Row]:
    """Three random batches against the library, vectors that are longer, and a guess."""
    rows = []
    for number, (pairs, dimension, scale) in enumerate(((4, 8, 14.0), (7, 3, 5.0), (2, 16, 100.0))):
        dice = torch.Generator().manual_seed(number)
        pictures, texts = (3 * torch.randn(pairs, dimension, generator=dice) for _ in range(2))
        seen, said = F.normalize(pictures, dim=-1), F.normalize(texts, dim=-1)
        wanted = contrastive_loss(scale * seen @ said.T)
        got = clip_loss(pictures.clone(), texts.clone(), scale)
        rows.append(
            same(
                f"a batch of {pairs} pairs", got, wanted, usual=_usual(pictures, texts, scale), tolerance=1e-4
            )
        )
    alike = torch.ones(8, 5)
    rows.append(
        same("all alike: ln 8", clip_loss(alike, alike.clone(), 20.0), torch.tensor(8.0).log(),
             usual=[(2 * torch.tensor(8.0).log(), SUMMED)])
    )  # fmt: skip
    return rows


LOSS = CodeExercise(
    id="pictures_and_words.loss",
    question=(
        "Write the loss of CLIP. Make the vectors 1 long, compare all pictures with all texts, multiply by "
        "the scale, and take the mean of two cross-entropies: each picture over all texts, each text over "
        "all pictures."
    ),
    start=LOSS_START,
    name="clip_loss",
    check=check_loss,
    solution=LOSS_SOLUTION,
    wrong=(
        Wrong(
            LOSS_SOLUTION.replace(
                "(F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2",
                "F.cross_entropy(scores, right)",
            ),
            "a batch of 4 pairs",
        ),
        Wrong(LOSS_SOLUTION.replace("F.normalize(pictures, dim=-1)", "pictures").replace(
            "F.normalize(texts, dim=-1)", "texts"), "a batch of 4 pairs"),
        Wrong(LOSS_SOLUTION.replace(" / 2", ""), "all alike: ln 8"),
        Wrong(LOSS_SOLUTION.replace("dim=-1", "dim=0"), "a batch of 7 pairs"),
        Wrong(LOSS_SOLUTION.replace("scale * pictures @ texts.T", "pictures @ texts.T / scale"),
              "a batch of 4 pairs"),
    ),
    hints=(
        "`pictures @ texts.T` compares all with all: (pairs, pairs). The right answer of row n is n.",
        "`F.cross_entropy(scores, torch.arange(len(scores)))` is one direction; the other takes `scores.T`.",
    ),
    why=(
        "Both directions use one table of scores, once by rows and once by columns. They differ: a caption "
        "that fits every picture a little ruins the columns of others, not its own row."
    ),
    further=(
        "`contrastive_loss` takes `fits` besides, a table of what belongs together, because a batch may hold "
        "the same caption twice. Then the right answer is shared, and the loss cannot reach 0."
    ),
    minutes=8,
)  # fmt: skip

# ---- the level of guessing

GUESSING = NumberExercise(
    id="pictures_and_words.guessing",
    question=(
        "You train with batches of 64 pairs. For 200 steps the loss stands still at one number. You suspect "
        "that all vectors are alike and nothing is learned. Which number would that be? (two decimals)"
    ),
    target=4.158883,
    tolerance=0.011,
    mistakes=(
        Mistake(8.317766, "That is the sum of both directions, or ln 64². The loss is their mean: ln 64."),
        Mistake(2.079442, "Each direction costs ln 64, and the mean of two equal numbers is that number."),
        Mistake(1.806180, "That is the logarithm to the base 10. Cross-entropy here is in nats, base e."),
        Mistake(4.143135, "That is ln 63. The right caption is one of the 64 that are chosen from."),
        Mistake(6.0, "That is the logarithm to the base 2. Cross-entropy here is in nats, base e."),
        Mistake(0.693147, "That is ln 2, for two to choose from. Here each picture chooses among 64."),
    ),
    hints=(
        "With equal scores, which share does each of the 64 captions get?",
        "The loss is minus the logarithm of the right caption's share.",
    ),
    why=(
        "Equal scores give each caption 1/64, and -ln(1/64) = ln 64 = 4.158883, in both directions and so in "
        "their mean. The level depends on the batch: losses of different batch sizes cannot be compared."
    ),
    further="The batch of the paper held 32,768 pairs. Guessing costs ln 32,768 = 10.4 there.",
    solution="-ln(1/64) = ln 64 = 4.158883, whatever the scale is.",
    minutes=2,
)

# ---- why there is a scale


def lowest(pairs: int, scale: float, others: float = 0.0) -> float:
    """The loss when every pair has the cosine 1 and all others a cosine of `others`."""
    scores = scale * torch.full((pairs, pairs), others, dtype=torch.float64).fill_diagonal_(1.0)
    return float(contrastive_loss(scores))


def _with_scales() -> str:
    at = [100 ** (step / 40) for step in range(41)]
    chart = line_chart(
        {"8 pairs, perfect": [(scale, lowest(8, scale)) for scale in at]},
        points={"8 pairs, perfect": [(1.0, lowest(8, 1.0))]},
        across="scale", up="loss", logarithmic="x", y=(0, 2.2), width=420, height=220,
    )  # fmt: skip
    first = float(torch.tensor(FIRST_SCALE).exp())
    rows = [[f"{scale:.1f}", f"{lowest(8, scale):.6f}"] for scale in (1.0, 5.0, first, 100.0)]
    return chart + table(["scale", "loss of a perfect model"], rows) + note("Guessing: ln 8 = 2.079442.")


SCALE = PredictExercise(
    id="pictures_and_words.scale",
    question=(
        "Somebody forgets the scale, so it is 1. The model is perfect: all 8 pairs of the batch have the "
        "cosine 1, and everything else has the cosine 0. Guessing costs ln 8 = 2.08. What is the loss?"
    ),
    choices=(
        Choice(
            "0: nothing is left to learn.",
            False,
            "It would be nearly 0 if the scores were far apart. But e^1 against seven times e^0 is 2.7 to 7.",
        ),
        Choice(
            "About 1.27, more than half of what guessing costs.",
            True,
            "Yes: ln(1 + 7/e) = 1.274. The right caption gets a share of 0.28. Cosines end at 1, so without "
            "a scale the loss can never come near 0.",
        ),
        Choice(
            "About 0.01: softmax is nearly sure.",
            False,
            "Softmax is sure when scores lie several units apart. Here they lie 1 apart.",
        ),
        Choice(
            "2.08, as with guessing: without a scale nothing can be learned.",
            False,
            "It is below the guess, so there is a slope to follow. But it stops far above 0.",
        ),
    ),
    reveal=_with_scales,
    hints=(
        "The right caption has the score 1, the seven others have 0. What does softmax make of that?",
        "The share is e / (e + 7).",
    ),
    why=(
        "A softmax over numbers between -1 and 1 stays soft. CLIP learns the scale together with the "
        "weights, starts it at 1/0.07 = 14.3 and caps it at 100, because above that training became unstable."
    ),
    further=(
        "What is learned is its logarithm, from ln(1/0.07) = 2.659260, so that a step multiplies the scale "
        "and it can never be negative. The cap is ln 100 = 4.605170."
    ),
    minutes=3,
)

# ---- joins

JOINS = ChoiceExercise(
    id="pictures_and_words.joins",
    question=(
        "A byte-pair tokenizer learned its joins on English captions of animals. Which number does it give "
        "the word `xylophone`, which stood in none of them?"
    ),
    choices=(
        Choice(
            "One number that is kept for unknown words.",
            False,
            "There is no such number, and none is needed: any text is bytes, and all 256 bytes are tokens.",
        ),
        Choice(
            "None: the text is refused.",
            False,
            "Nothing is refused. Where no join fits, the bytes stand for themselves.",
        ),
        Choice(
            "Several: pieces that were joined in other words, and single bytes for the rest.",
            True,
            "Yes. It always has tokens. Whether the text encoder has learned what these pieces mean together "
            "is another matter.",
        ),
        Choice(
            "The number of the known word that is most like it.",
            False,
            "The tokenizer knows no meanings. It joins neighbours by frequency and nothing else.",
        ),
    ),
    hints=(
        "In the figure, choose a sentence in another language and look at its pieces.",
        "What is the smallest piece, and can there be a text that is not made of it?",
    ),
    why=(
        "Bytes at the bottom mean that no text is unknown; joins on top mean that frequent words are short. "
        "A word that can be written in tokens is not yet a word that was understood."
    ),
    further="CLIP's own vocabulary has 49,408 tokens: 512 for bytes, 48,894 joins, a start and an end.",
    minutes=2,
)

# ---- labels as texts

LABELS_START = '''\
import torch
import torch.nn.functional as F

def zero_shot(picture, texts, scale):
    """picture (dimension,), texts (labels, dimension), of any length.

    Returns the shares of the labels, (labels,).
    """
    # your lines
    return torch.ones(len(texts))
'''
LABELS_SOLUTION = """\
import torch
import torch.nn.functional as F

def zero_shot(picture, texts, scale):
    picture = F.normalize(picture, dim=-1)
    texts = F.normalize(texts, dim=-1)
    return (scale * texts @ picture).softmax(dim=0)
"""


def check_labels(zero_shot: Callable) -> list[Row]:
    """The cosines of the text, and two random pictures against plain cosine similarity."""
    rows = []
    axes, cosines = torch.eye(4), torch.tensor([0.25, 0.20, 0.15])
    rest = (1 - cosines.square().sum()).sqrt()  # a fourth number, so that the picture is 1 long
    picture = torch.cat([cosines, rest[None]])
    wanted = torch.tensor([0.993262, 0.006693, 0.000045])
    got = zero_shot(picture.clone(), axes[:3].clone(), 100.0)
    soft = torch.tensor([0.350132, 0.333056, 0.316812])
    rows.append(
        same("cosines 0.25, 0.20, 0.15 at scale 100", got, wanted, tolerance=1e-5,
             usual=[(soft, "Those are the shares at scale 1: the scale is missing.")])
    )  # fmt: skip
    for number, (labels, dimension) in enumerate(((3, 512), (6, 5))):
        dice = torch.Generator().manual_seed(number)
        picture, texts = (
            4 * torch.randn(dimension, generator=dice),
            torch.randn(labels, dimension, generator=dice),
        )
        cosines = F.cosine_similarity(texts, picture[None], dim=-1)
        usual = [
            (10 * cosines, "Those are scaled cosines. Softmax over the labels makes shares of them."),
            ((10 * texts @ picture).softmax(0), LENGTHS),
            ((10 * texts @ F.normalize(picture, dim=0)).softmax(0), "The texts keep their lengths."),
            ((10 * F.normalize(texts, dim=-1) @ picture).softmax(0), "The picture keeps its length."),
            ((cosines / 10).softmax(0), DIVIDED),
        ]
        got = zero_shot(picture.clone(), texts.clone(), 10.0)
        rows.append(
            same(f"{labels} labels, {dimension} numbers", got, (10 * cosines).softmax(0), usual=usual)
        )
    return rows


LABELS = CodeExercise(
    id="pictures_and_words.labels",
    question=(
        "Write the classifier that needs no training: the vector of one picture, the vectors of some labels "
        "written as texts, and a scale. Return the share of each label."
    ),
    start=LABELS_START,
    name="zero_shot",
    check=check_labels,
    solution=LABELS_SOLUTION,
    wrong=(
        Wrong(LABELS_SOLUTION.replace("scale * ", ""), "cosines 0.25, 0.20, 0.15 at scale 100"),
        Wrong(
            LABELS_SOLUTION.replace("texts = F.normalize(texts, dim=-1)\n    ", ""), "3 labels, 512 numbers"
        ),
        Wrong(
            LABELS_SOLUTION.replace("picture = F.normalize(picture, dim=-1)\n    ", ""), "6 labels, 5 numbers"
        ),
        Wrong(LABELS_SOLUTION.replace(".softmax(dim=0)", ""), "3 labels, 512 numbers"),
    ),
    hints=(
        "Three moves: make all vectors 1 long, `texts @ picture` gives a cosine for each label, softmax.",
        "`F.normalize(texts, dim=-1)` makes each row 1 long.",
    ),
    why=(
        "The texts' vectors are the weights of a linear classifier that nobody trained. `ZeroShot` in the "
        "workbench does exactly this: it puts them into the head and leaves the text encoder behind."
    ),
    further="Several wordings of a label can share it: average their vectors, and make the average 1 long.",
    minutes=6,
)

# ---- what an answer says

ANSWER = ChoiceExercise(
    id="pictures_and_words.answer",
    question=(
        'A picture is classified with the labels "a cat" and "a dog". The answer is "a cat", with a share of '
        "0.97. What follows?"
    ),
    choices=(
        Choice(
            "There is a cat in the picture, with a probability of 97 %.",
            False,
            "The share compares two texts with each other. A picture of a car gets a cat or a dog as well.",
        ),
        Choice(
            "Of these two texts the first fits better; whether any of them fits is not said.",
            True,
            "Yes. At scale 100, a share of 0.97 is a difference of 0.035 between two cosines, and both may "
            "be low.",
        ),
        Choice(
            "The cosine of the picture with the text is 0.97.",
            False,
            "Shares are made of differences of scaled cosines. The cosines themselves may be 0.235 and "
            "0.200.",
        ),
        Choice(
            "The vectors of this picture and of the text are nearly identical.",
            False,
            "They need not be: the loss only asks that a pair is nearer than the rest. Between the pictures "
            "and the texts of a trained CLIP there is usually a gap.",
        ),
    ),
    hints=(
        "What would be the answer to a picture of a car?",
        "Softmax sums to 1 over the labels that were written down, and over nothing else.",
    ),
    why=(
        'A list of labels is a question with given answers. Add "something else" and the shares change, '
        "although the picture and the model are the same. So a share must be checked on pictures like yours."
    ),
    further="ln(0.97 / 0.03) = 3.48 between the scaled cosines, so 0.0348 between the cosines at scale 100.",
    minutes=3,
)

EXERCISES = (ENCODERS, SHARES, LOSS, GUESSING, SCALE, JOINS, LABELS, ANSWER)
