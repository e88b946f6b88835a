"""Exercises of the chapter on BERT: looking ahead, hiding, scoring, pieces, cosines, forgetting."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glassworks.core.keyed import generator
from glassworks.reader.draw import note, table
from glassworks.reader.exercises.compare import same, unchanged
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
from glassworks.reader.figures.sentence_cosines import SENTENCES, cosine

# ---- who may look both ways

BOTH_WAYS = ChoiceExercise(
    id="reading_both_ways.both_ways",
    question=(
        "Someone lets each token of a network attend to all others and trains it on whole texts to give, at "
        "every place, the next word. The loss falls to nearly 0 within minutes. What has the network learned?"
    ),
    choices=(
        Choice(
            "To write very well: a low loss means good guesses.",
            False,
            "A loss says how well the question was answered. Here the question contained its answer.",
        ),
        Choice(
            "Nothing: attention in both directions cannot be trained.",
            False,
            "It can. BERT is trained so, with a question whose answer was taken out of the input.",
        ),
        Choice(
            "To fetch the next word from its input, where it stands.",
            True,
            "Yes. At place 5 the answer is word 6, and word 6 is in the input. When it shall write there is "
            "no word 6 yet, and it has nothing to fetch.",
        ),
        Choice(
            "The same as a network that sees only the past, faster.",
            False,
            "One that sees only the past has to guess. This one looks the answer up.",
        ),
    ),
    hints=("Which word is asked for at place 5?", "Which words can place 5 attend to?"),
    why=(
        "Information about the answer that reaches the input is leakage. A writer avoids it by a mask that "
        "hides the future at every place; a reader avoids it by hiding the word itself."
    ),
    further="Would it help to mask only the direct way from place 5 to place 6? Think of two layers.",
    minutes=3,
)

# ---- the rule

HIDE_START = """\
import torch

def hide(tokens, ordinary, order, other, mask):
    # tokens (length,): the text as numbers
    # ordinary (length,): False at [CLS], [SEP] and padding
    # order (length,): all places, shuffled
    # other (length,): a random word for each place
    # return what the model sees (length,)
    #        and the places that are asked, bool (length,)
    # your lines
"""
HIDE_SOLUTION = """\
import torch

def hide(tokens, ordinary, order, other, mask):
    places = order[ordinary[order]]
    count = max(1, round(0.15 * len(places)))
    chosen = places[:count]
    hidden, replaced = round(0.8 * count), round(0.1 * count)
    seen = tokens.clone()
    seen[chosen[:hidden]] = mask
    swapped = chosen[hidden:hidden + replaced]
    seen[swapped] = other[swapped]
    asked = torch.zeros_like(ordinary)
    asked[chosen] = True
    return seen, asked
"""
MASK = 4
TEXTS = {"200 words": (200, 0), "a short text of 7 words": (7, 0), "64 words, and padding": (64, 20)}


def _text(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(tokens, ordinary, order, other) of a text between its marks."""
    words, padding = TEXTS[name]
    dice = generator("reading-both-ways", "text", name)
    tokens = np.concatenate([[2], dice.integers(5, 1000, words), [3], np.zeros(padding, np.int64)])
    other = dice.integers(1000, 2000, len(tokens))  # words of their own, so that a swap can be seen
    order = dice.permutation(len(tokens))
    found = [torch.from_numpy(np.asarray(one, np.int64)) for one in (tokens, order, other)]
    return found[0], found[0] > MASK, found[1], found[2]


def _ruled(
    tokens: Tensor, places: Tensor, other: Tensor, share: float = 0.15, hide: float = 0.8, swap: float = 0.1
) -> tuple[Tensor, Tensor]:
    """The rule on places in their order, with shares that may be wrong."""
    count = max(1, round(share * len(places)))
    hidden, replaced = round(hide * count), round(swap * count)
    seen, asked = tokens.clone(), torch.zeros(len(tokens), dtype=torch.bool)
    seen[places[:hidden]] = MASK
    swapped = places[hidden : min(count, hidden + replaced)]
    seen[swapped] = other[swapped]
    asked[places[:count]] = True
    return seen, asked


def check_hide(hide: Callable) -> list[Row]:
    """Exact counts on three texts, the places in the order given; nothing changes in place."""
    rows: list[Row] = []
    for name in TEXTS:
        tokens, ordinary, order, other = _text(name)
        places = order[ordinary[order]]
        seen, asked = _ruled(tokens, places, other)
        got = hide(tokens.clone(), ordinary.clone(), order.clone(), other.clone(), MASK)
        if not (isinstance(got, tuple) and len(got) == 2):
            told = "Two things come back, as a pair: what the model sees, and the places that are asked."
            return [*rows, Row(f"{name}: asked", False, told)]
        in_line, with_marks = torch.nonzero(ordinary)[:, 0], _ruled(tokens, order, other)
        only = (seen == MASK) & asked
        usual_asked = [
            (with_marks[1], "Marks or padding were chosen. Take ordinary places alone: "
            "`order[ordinary[order]]`."),
            (only, "Only hidden places are asked. The replaced and the unchanged ones are asked as well."),
            (asked & (seen != tokens), "The chosen ones that stay as they are must be asked, too."),
            (_ruled(tokens, in_line, other)[1], "The first places of the text were taken, not the first in "
            "`order`."),
            (~asked, "That is the reverse: True where nothing is asked."),
        ]  # fmt: skip
        usual_seen = [
            (with_marks[0], "Marks or padding were chosen."),
            (_ruled(tokens, places, other, hide=1.0, swap=0.0)[0], "All chosen words are hidden. 80 % are."),
            (_ruled(tokens, places, other, swap=0.0)[0], "No word was replaced by another."),
            (_ruled(tokens, places, other, swap=0.2)[0],
             "All that is not hidden was replaced. Half of it stays as it is."),
            (torch.where(asked & (seen != MASK) & (seen != tokens), other[0], seen),
             "One other word stands at every replaced place. Each place has its own: `other[place]`."),
        ]  # fmt: skip
        rows.append(
            same(
                f"{name}: asked", _plain(got[1]), asked.long(), usual=[(a.long(), b) for a, b in usual_asked]
            )
        )
        rows.append(same(f"{name}: seen", got[0], seen, usual=usual_seen))
    tokens, ordinary, order, other = _text("200 words")
    rows.append(
        unchanged("the text stays", lambda *given: hide(*given, MASK), tokens, ordinary, order, other)
    )
    return rows


def _plain(places: object) -> object:
    """Yes and no as 1 and 0, so that they can be compared."""
    return places.long() if isinstance(places, Tensor) and places.dtype == torch.bool else places


HIDE = CodeExercise(
    id="reading_both_ways.hide",
    question=(
        "Write the rule with exact counts. Of the n ordinary places ask round(0.15 · n), at least one: the "
        "first ones in `order`. Of these k hide the first round(0.8 · k) with `mask`, put `other` in place "
        "of the next round(0.1 · k), and leave the rest as it is."
    ),
    start=HIDE_START,
    name="hide",
    check=check_hide,
    solution=HIDE_SOLUTION,
    wrong=(
        Wrong(HIDE_SOLUTION.replace("order[ordinary[order]]", "order"), "64 words, and padding: asked"),
        Wrong(HIDE_SOLUTION.replace("round(0.8 * count), round(0.1 * count)", "count, 0"), "200 words: seen"),
        Wrong(HIDE_SOLUTION.replace("asked[chosen] = True", "asked[chosen[:hidden]] = True"), "200 words: "
        "asked"),
        Wrong(HIDE_SOLUTION.replace("max(1, round(0.15 * len(places)))", "round(0.14 * len(places))"),
              "64 words, and padding: asked"),
        Wrong(HIDE_SOLUTION.replace("tokens.clone()", "tokens"), "the text stays"),
        Wrong(HIDE_SOLUTION.replace("= other[swapped]", "= other[0]"), "200 words: seen"),
    ),
    hints=(
        "`order[ordinary[order]]` keeps the shuffled order and drops marks and padding.",
        "Cut the chosen places in three: `chosen[:a]`, `chosen[a:a + b]`, and the rest. Work on "
        "`tokens.clone()`.",
    ),
    why=(
        "Exact counts make the batches even; the library throws for each word alone and comes near the same "
        "shares. Either way all the chosen places are asked for, whatever the model sees there."
    ),
    further="`other` may by chance be the very word that stood there. How often, with 30,522 pieces?",
    minutes=8,
)  # fmt: skip

# ---- the loss

LOSS_START = """\
import torch
import torch.nn.functional as F

def masked_loss(scores, answers, chosen):
    # scores (batch, length, vocabulary)
    # answers (batch, length): what stood there
    # chosen (batch, length): True where the model is asked
    # return the mean over the chosen places of the whole batch
    # your lines
"""
LOSS_SOLUTION = """\
import torch
import torch.nn.functional as F

def masked_loss(scores, answers, chosen):
    targets = answers.masked_fill(~chosen, -100)
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=-100)
"""
BATCHES = {
    "one text": (1, 6, 5, (2,)),
    "texts with unequal counts": (3, 8, 11, (1, 4, 2)),
    "a text of which nothing is asked": (2, 5, 7, (0, 3)),
}


def _batch(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """(scores, answers, chosen) of a batch."""
    rows, length, vocabulary, counts = BATCHES[name]
    dice = generator("reading-both-ways", "batch", name)
    scores = torch.from_numpy(dice.standard_normal((rows, length, vocabulary)).astype(np.float32)) * 2
    answers = torch.from_numpy(dice.integers(0, vocabulary, (rows, length)))
    chosen = torch.zeros(rows, length, dtype=torch.bool)
    for row, count in enumerate(counts):
        chosen[row, torch.from_numpy(dice.permutation(length)[:count])] = True
    answers[chosen] = torch.where(
        torch.arange(int(chosen.sum())) == 0, 0, answers[chosen]
    )  # word 0 counts too
    return scores, answers, chosen


def check_loss(masked_loss: Callable) -> list[Row]:
    """Against torch's cross-entropy with ignored targets; its gradient is 0 where nothing is asked."""
    rows = []
    for name in BATCHES:
        scores, answers, chosen = _batch(name)
        each = F.cross_entropy(scores.flatten(0, 1), answers.flatten(), reduction="none").view(answers.shape)
        wanted = F.cross_entropy(
            scores.flatten(0, 1), answers.masked_fill(~chosen, -100).flatten(), ignore_index=-100
        )
        by_text = (each * chosen).sum(1) / chosen.sum(1)
        usual = [
            (each.mean(), "All places are in it. Only the chosen ones count."),
            ((each * chosen).mean(), "The others were set to 0 and counted all the same: divide by the "
            "chosen ones."),
            ((each * chosen).sum(), "That is the sum. The mean of the chosen places is asked for."),
            (by_text.mean(), "A mean was taken of each text first. Each chosen word counts the same; and a "
            "text "
             "without one divides by zero."),
            (each[~chosen].mean(), "That is the loss of the places that are not asked."),
            (each[chosen & (answers != 0)].mean(), "Word 0 is a word here: it was left out."),
        ]  # fmt: skip
        rows.append(
            same(name, masked_loss(scores.clone(), answers.clone(), chosen.clone()), wanted, usual=usual)
        )
    scores, answers, chosen = _batch("texts with unequal counts")
    scores.requires_grad_()
    with torch.enable_grad():
        loss = masked_loss(scores, answers, chosen)
        if not (isinstance(loss, Tensor) and loss.requires_grad):
            return [
                *rows,
                Row("nothing is learned elsewhere", False, "The loss has no gradient to learn by."),
            ]
        loss.backward()
    assert scores.grad is not None
    silent = not bool(scores.grad[~chosen].any())
    told = (
        "Places that are not asked get no gradient."
        if silent
        else "Places that are not asked get a gradient."
    )
    return [*rows, Row("nothing is learned elsewhere", silent, told)]


LOSS = CodeExercise(
    id="reading_both_ways.masked_loss",
    question=(
        "Write the loss: the mean cross-entropy at the chosen places of the whole batch. Pick them out, or "
        "tell `F.cross_entropy` which targets to ignore."
    ),
    start=LOSS_START,
    name="masked_loss",
    check=check_loss,
    solution=LOSS_SOLUTION,
    wrong=(
        Wrong(LOSS_SOLUTION.replace("answers.masked_fill(~chosen, -100)", "answers"), "one text"),
        Wrong(LOSS_SOLUTION.replace("~chosen, -100", "~chosen, "
        "0").replace("ignore_index=-100", "ignore_index=0"),
              "texts with unequal counts"),
        Wrong(LOSS_SOLUTION.replace("~chosen", "chosen"), "texts with unequal counts"),
        Wrong(
            LOSS_SOLUTION.replace("return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), "
            "ignore_index=-100)",
                "return torch.stack([F.cross_entropy(s, t) for s, t in zip(scores, targets)]).mean()"),
            "a text of which nothing is asked"),
        Wrong(LOSS_SOLUTION.replace("ignore_index=-100)", "ignore_index=-100, reduction='sum') / "
        "chosen.numel()"),
              "one text"),
    ),
    hints=(
        "`scores[chosen]` has shape (chosen places, vocabulary), row by row. `answers[chosen]` fits it.",
        "Or: `answers.masked_fill(~chosen, -100)`, flattened, with `ignore_index=-100`.",
    ),
    why=(
        "Both ways give one number. To pick places out before the head saves work, since the head compares "
        "with the whole vocabulary; the library does that. -100 is used because it is no word: to ignore 0 "
        "would leave out every true word of number 0."
    ),
    further="Compare with the mean of the texts' means. Which words count less there?",
    minutes=6,
)  # fmt: skip

# ---- why some stay

IN_PLACE = {"80 / 10 / 10": (98, 96, 97), "all chosen words hidden": (29, 50, 41)}  # percent, seeds 0 to 2


def _in_place() -> str:
    rows = [[name, *(f"{one} %" for one in found)] for name, found in IN_PLACE.items()]
    return table(["trained with", "seed 0", "seed 1", "seed 2"], rows) + note(
        "Words of 500 sentences, none of them hidden: how often the likeliest word is the one that stands "
        "there."
    )


COPYING = PredictExercise(
    id="reading_both_ways.copying",
    question=(
        "Two small BERTs learn the small language: one by the rule 80 / 10 / 10, one with every chosen word "
        "hidden. Then both get whole sentences without any gap, and are asked all the same what stands at "
        "each place. Both can see it. What does the second one say?"
    ),
    choices=(
        Choice(
            "The word that stands there, like the first one: copying is easy.",
            False,
            "It is easy to learn, for who is asked to. This model was only ever asked where [MASK] stood.",
        ),
        Choice(
            "At more than half of the places on average, something else.",
            True,
            "Yes. It was never asked about a word that it could see, so nothing kept that word in its "
            "answer.",
        ),
        Choice(
            "The word that stands there, even more often: it has guessed harder words.",
            False,
            "It is as good with hidden words. But what it does at other places no loss ever looked at.",
        ),
    ),
    reveal=_in_place,
    hints=(
        "At which places did the loss look?",
        "Does anything reward the second model for keeping a visible word?",
    ),
    why=(
        "The tenth that stays as it is makes a model keep the words that it reads; the tenth that is "
        "replaced makes it check them against their neighbours. What the head says is then a word for every "
        "place, and no place can be neglected, since any may be asked."
    ),
    further="Choose the sentence with bones in the figure below. Which word does the first model doubt, "
    "and why two?",
    minutes=3,
)

# ---- pieces

PIECES = NumberExercise(
    id="reading_both_ways.pieces",
    question=(
        'The vocabulary of the figure holds, among others: "the", "glass", "is", "re", "play", "read", ".", '
        '"##play", "##ed", "##read". The text is "the replayed glass is reread ." How many tokens does BERT '
        "read, its marks included?"
    ),
    target=11,
    tolerance=0,
    unit="tokens",
    mistakes=(
        Mistake(9, "Those are the pieces. [CLS] and [SEP] come on top."),
        Mistake(8, "Those are words and marks. Two of the words are cut into pieces."),
        Mistake(
            6,
            "Those are the words, the full stop among them. Two are cut into pieces, and two marks are "
            "added.",
        ),
        Mistake(
            10, "One mark is missing, or a word was cut once too seldom: re ##play ##ed has three pieces."
        ),
    ),
    hints=(
        "replayed begins with re. What is the longest piece that goes on from there?",
        "re ##play ##ed, re ##read.",
    ),
    why="[CLS] the re ##play ##ed glass is re ##read . [SEP]: 1 + 1 + 3 + 1 + 1 + 2 + 1 + 1 = 11.",
    further='"play" is in the list and cannot be used within "replayed": there only pieces with ## fit.',
    solution="[CLS] the re ##play ##ed glass is re ##read . [SEP] are 11 tokens.",
    minutes=3,
)

# ---- what a cosine says

FILM = SENTENCES[0]


def _negation() -> str:
    others = sorted(SENTENCES[1:4], key=lambda one: -cosine(FILM, one))
    return table([f"beside: {FILM}", "cosine"], [[one, f"{cosine(FILM, one):.3f}"] for one in others])


NEGATION = PredictExercise(
    id="reading_both_ways.negation",
    question=f'MiniLM makes a vector of each sentence. Which is nearest to "{FILM}"?',
    choices=(
        Choice(
            SENTENCES[1],
            False,
            "The meaning is the same, and it is near: 0.689, without a word in common. But another one is "
            "nearer.",
        ),
        Choice(
            SENTENCES[3],
            False,
            "It is at 0.600: the same subject, the reverse opinion. Another one is nearer.",
        ),
        Choice(
            SENTENCES[2],
            True,
            "Yes, at 0.816. The two speak of the same thing in nearly the same words, and one small word "
            "turns it.",
        ),
    ),
    reveal=_negation,
    hints=("What do pairs of sentences that belong together have in common?", "How many words differ?"),
    why=(
        "It was taught that sentences of one conversation belong together, and a statement and its denial "
        "do. So search by meaning finds what is said about a thing, on both sides. To tell the sides apart, "
        "teach labels: that is what fine-tuning is for."
    ),
    further="In the figure, compare the dog and the man. Which question would need these two to be far "
    "apart?",
    minutes=3,
)

# ---- too long

PASSAGES = NumberExercise(
    id="reading_both_ways.passages",
    question=(
        "A model sees 256 tokens, [CLS] and [SEP] among them. A text has 1,024 pieces. Into how many "
        "passages must it be cut so that nothing is left out?"
    ),
    target=5,
    tolerance=0,
    unit="passages",
    mistakes=(
        Mistake(4, "1,024 / 256 = 4 forgets that each passage needs its own two marks: 254 pieces fit."),
        Mistake(1, "That cuts off three quarters of the text. Many programs do it, in silence."),
        Mistake(4.03, "There is no part of a passage: the last few pieces need one more."),
    ),
    hints=("How many pieces fit between [CLS] and [SEP]?", "1,024 / 254 = 4.03."),
    why=(
        "254 pieces fit, 1,024 / 254 = 4.03, so 5 are needed. Our library then makes them about equally "
        "long, 205 pieces each, in place of four full ones and a last one of 8."
    ),
    further="Each passage is read alone. What does that cost a sentence that stands on the cut?",
    solution="1,024 / (256 - 2) = 4.03, rounded up: 5.",
    minutes=3,
)

# ---- forgetting

SKILL = (78, 76, 78)  # percent of hidden words that are guessed after training, seeds 0 to 2
AFTER = {"0 (frozen)": (78, 76, 78), "0.0003": (75, 79, 78), "0.003": (31, 12, 52), "0.03": (6, 10, 7)}


def _forgotten() -> str:
    rows = [[rate, *(f"{one} %" for one in found)] for rate, found in AFTER.items()]
    return table(["rate of the body", "seed 0", "seed 1", "seed 2"], rows) + note(
        "Hidden words of 500 sentences guessed by the old head, after 60 steps on eight labelled "
        "sentences. Before: "
        f"{', '.join(f'{one} %' for one in SKILL)}."
    )


FORGETTING = PredictExercise(
    id="reading_both_ways.forgetting",
    question=(
        "The small BERT guesses 76 to 78 % of hidden words. It is taught eight labelled sentences, 60 steps, "
        "and everything below the new head learns at a rate of 0.003 with Adam. The labels are learned. How "
        "many hidden words does it guess afterwards, with its old head put back?"
    ),
    choices=(
        Choice(
            "About as many: the sentences are of the same language.",
            False,
            "The language is the same, and nothing in the new loss asks for it. At a tenth of this rate you "
            "would have been right.",
        ),
        Choice(
            "More: it has trained longer.",
            False,
            "It has trained on something else. Only the old loss would pull towards the old skill.",
        ),
        Choice(
            "Far fewer: between 12 and 52 %, by the seed.",
            True,
            "Yes. The old head is as it was; what it reads from has moved.",
        ),
        Choice(
            "None at all: the head was exchanged.",
            False,
            "The old head was kept and put back. What has changed is the body below it.",
        ),
    ),
    reveal=_forgotten,
    hints=(
        "What in the new loss holds the old skill in place?",
        "The old head reads numbers that have moved.",
    ),
    why=(
        "Small steps from a good start find a solution nearby, and keep most of what was there; large steps "
        "find some solution. Eight sentences can be told apart in very many ways."
    ),
    further="Mix in some masked sentences while the labels are learned. What would you expect?",
    minutes=4,
)

EXERCISES = (BOTH_WAYS, HIDE, LOSS, COPYING, PIECES, NEGATION, PASSAGES, FORGETTING)
