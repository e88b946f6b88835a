"""Exercises of the chapter on writing: lessons, the shift by one, bits, what compares, the tail, copying."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from glassworks.blocks.sampling import Sampling, chances
from glassworks.core.keyed import generator
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
from glassworks.tasks.text_generation import IGNORED

# ---- lessons

LESSONS = NumberExercise(
    id="a_machine_that_writes.lessons",
    question=(
        "A text of 6,401 characters is cut into windows of 64 inputs, and the model is scored at every place "
        "of every window. From how many guesses does it learn in one pass?"
    ),
    target=6400,
    tolerance=0,
    unit="guesses",
    mistakes=(
        Mistake(100, "That is one guess a window: its last place alone. Every place has a next character."),
        Mistake(6401, "Nothing stands before the first character, so nobody guesses it."),
        Mistake(6300, "The last place of a window is guessed as well: its target is the window's neighbour."),
        Mistake(64, "That is one window."),
        Mistake(12800, "Each character is guessed once in a pass, though it is an input once as well."),
    ),
    hints=(
        "How many characters have one before them?",
        "100 windows of 64 inputs, each with a target of its own.",
    ),
    why=(
        "100 windows × 64 guesses = 6,400: all characters but the first. A model that is scored at the last "
        "place alone learns from 100 of them in the same time, a sixty-fourth."
    ),
    further="The windows begin at another place in each pass. What would be missing if they did not?",
    solution="(6,401 - 1) / 64 = 100 windows, and 100 · 64 = 6,400.",
    minutes=3,
)

# ---- a loss that is too good

TOO_GOOD = ChoiceExercise(
    id="a_machine_that_writes.too_good",
    question=(
        "A character model is trained on a novel. In the first pass its loss falls to 0.002 nats, on unread "
        "chapters as on the others. It writes “tttttttt”. What happened?"
    ),
    choices=(
        Choice(
            "The targets were not shifted: each character is its own answer.",
            True,
            "Yes. It learned to repeat what it sees, which is perfect on any text. And what it sees when it "
            "writes is its own last character.",
        ),
        Choice(
            "It has learned the novel by heart.",
            False,
            "Then unread chapters would be hard for it. They are as easy as the others.",
        ),
        Choice(
            "It has learned English very well.",
            False,
            "0.002 nats is certainty, 99.8 % for what comes, even at the first letter of a sentence. No text "
            "that says something can be foretold like that.",
        ),
        Choice(
            "The temperature was 0, so it always takes the likeliest character.",
            False,
            "Temperature is a matter of writing. It does not touch the loss.",
        ),
    ),
    hints=(
        "Which task has a perfect answer on every text, read or unread?",
        "What does a model write that says at each step what it has just seen?",
    ),
    why=(
        "A loss that is too good is a finding. With a memory it is enough that the target stands anywhere "
        "among what was read: shifted the wrong way round, the loss falls to 0 as well."
    ),
    further="Shifted by two instead of one, the loss looks reasonable. How would you notice?",
    minutes=3,
)

# ---- windows

WINDOWS_START = """\
import torch

def windows(stream, context):
    # stream (tokens,): all tokens of a text
    # return inputs and targets, both (count, context):
    # windows without gaps from the beginning, as many as are whole
    # your lines
"""
WINDOWS_SOLUTION = """\
import torch

def windows(stream, context):
    count = (len(stream) - 1) // context
    inputs = stream[: count * context].reshape(count, context)
    targets = stream[1 : count * context + 1].reshape(count, context)
    return inputs, targets
"""


def check_windows(windows: Callable) -> list[Row]:
    """Against the shift by one, on streams with and without a rest."""
    rows = []
    for name, tokens, context in (
        ("21 tokens, windows of 5", 21, 5),
        ("20 tokens, windows of 5", 20, 5),
        ("30 tokens, windows of 7", 30, 7),
    ):
        dice = generator("a-machine-that-writes", name)
        stream = torch.from_numpy(dice.permutation(np.arange(100, 100 + tokens)))
        count = (tokens - 1) // context
        inputs, targets = (
            stream[first : first + count * context].reshape(count, context) for first in (0, 1)
        )
        got = windows(stream.clone(), context)
        if not (isinstance(got, (tuple, list)) and len(got) == 2):
            told = "Two things come back, as a pair: inputs and targets."
            rows.append(Row(f"{name}: inputs", False, told))
            continue
        rows.append(same(f"{name}: inputs", got[0], inputs, usual=[
            (targets, "The two are the wrong way round: targets come one later than inputs."),
        ]))  # fmt: skip
        rows.append(same(f"{name}: targets", got[1], targets, usual=[
            (inputs, "The targets are the inputs: the model would learn to repeat what it sees."),
            (inputs.roll(-1, 1), "At the end of a window its own first token is to be guessed. Shift the "
             "stream, then cut it."),
            (stream[2 : 2 + count * context].reshape(count, context)
             if tokens > count * context + 1 else None, "That is a shift by two."),
            (inputs.roll(1), "That is a shift the wrong way: each target is the token before its input."),
        ]))  # fmt: skip
    return rows


WINDOWS = CodeExercise(
    id="a_machine_that_writes.windows",
    question=(
        "Cut a stream of tokens into windows of inputs, and the same one token later as targets. The target "
        "of a window's last place is the first token of the next window."
    ),
    start=WINDOWS_START,
    name="windows",
    check=check_windows,
    solution=WINDOWS_SOLUTION,
    wrong=(
        Wrong(WINDOWS_SOLUTION.replace("stream[1 : count * context + 1]", "stream[: count * context]"),
              "21 tokens, windows of 5: targets"),
        Wrong(WINDOWS_SOLUTION.replace("stream[1 : count * context + 1].reshape(count, context)",
                                       "inputs.roll(-1, 1)"), "21 tokens, windows of 5: targets"),
        Wrong(WINDOWS_SOLUTION.replace("stream[1 : count * context + 1]", "stream[2 : count * context + 2]")
              .replace("(len(stream) - 1)", "(len(stream) - 2)"), "21 tokens, windows of 5: inputs"),
        Wrong(WINDOWS_SOLUTION.replace("(len(stream) - 1) // context", "len(stream) // context"),
              "the code runs"),
        Wrong(WINDOWS_SOLUTION.replace("return inputs, targets", "return targets, inputs"),
              "30 tokens, windows of 7: inputs"),
    ),
    hints=(
        "Shift first, cut after: `stream[1:]` is the stream of targets.",
        "Every input needs a token after it, so there are `(len(stream) - 1) // context` windows.",
    ),
    why=(
        "The shift happens on the stream, not in the window. So no place is lost at a border, and the model "
        "is never asked for a token that it has been given."
    ),
    further="The library lets each pass begin at another place, and joins the stream's end to its start.",
    minutes=7,
)  # fmt: skip

# ---- bits

CONVERT = NumberExercise(
    id="a_machine_that_writes.convert",
    question=(
        "A model of words has a perplexity of 128. A word, with the space behind it, takes 5.6 characters on "
        "average. How many bits a character is that?"
    ),
    target=1.25,
    tolerance=0.005,
    unit="bits",
    mistakes=(
        Mistake(7, "That is bits a word: log₂ 128. A word has 5.6 characters."),
        Mistake(
            0.866, "That is nats a character, by the natural logarithm. Bits take the logarithm to base 2."
        ),
        Mistake(4.852, "That is nats a word."),
        Mistake(
            22.857, "A perplexity is not a sum: take its logarithm before you share it among characters."
        ),
        Mistake(39.2, "7 bits a word are shared among 5.6 characters, so divide."),
        Mistake(4.515, "log₂ of 128 / 5.6: the logarithm comes first, the division after."),
    ),
    hints=(
        "First from perplexity to bits a word: 2 to which power is 128?",
        "7 bits, shared among 5.6 characters.",
    ),
    why=(
        "log₂ 128 = 7 bits a word, and 7 / 5.6 = 1.25 bits a character. Its perplexity a character would be "
        "2 to the power 1.25, which is 2.38."
    ),
    further="A word model of perplexity 128 and a character model of perplexity 2.38 are equally good.",
    solution="log₂ 128 = 7; 7 / 5.6 = 1.25.",
    minutes=3,
)

BITS_START = """\
import math
import torch
import torch.nn.functional as F

def bits_per_character(logits, targets, characters):
    # logits (batch, time, vocabulary); targets (batch, time),
    # -100 where nothing is to be guessed
    # characters: how many the guessed tokens stand for, all together
    # your lines
"""
BITS_SOLUTION = """\
import math
import torch
import torch.nn.functional as F

def bits_per_character(logits, targets, characters):
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
    return float(nats) / math.log(2) / characters
"""


def check_bits(bits_per_character: Callable) -> list[Row]:
    """Against the sum of surprises, in characters and in larger tokens, with and without padding."""
    rows = []
    for name, batch, time, vocabulary, characters, padded in (
        ("characters", 2, 6, 9, 12, 0),
        ("pieces of words", 3, 5, 20, 43, 0),
        ("pieces, some places not to be guessed", 2, 7, 12, 31, 4),
    ):
        dice = generator("a-machine-that-writes", name)
        logits = torch.from_numpy(2 * dice.standard_normal((batch, time, vocabulary)))
        targets = torch.from_numpy(dice.integers(0, vocabulary, (batch, time)))
        if padded:
            targets[-1, -padded:] = IGNORED
        kept = targets != IGNORED
        nats = -logits.log_softmax(-1)[kept].gather(1, targets[kept][:, None])[:, 0]
        every = -logits.log_softmax(-1).gather(-1, targets.clamp(min=0)[..., None])
        total, count, bit = float(nats.sum()), int(kept.sum()), math.log(2)
        usual = [
            (total / characters, "That is nats a character. A bit is ln 2 = 0.693 nats: divide by it."),
            (total * bit / characters, "Nats become bits by dividing by ln 2, not by multiplying."),
            (total / count / bit, "That is bits a token. Divide the sum by the characters instead."),
            (total / count, "That is the mean loss, in nats a token."),
            (total / count / bit / characters, "The mean over tokens was shared among characters once more. "
             'Take the sum: `reduction="sum"`.'),
            (math.exp(total / count), "That is the perplexity."),
            (float(every.sum()) / bit / characters, "Leave out the places whose target is -100."),
        ]  # fmt: skip
        got = bits_per_character(logits.clone(), targets.clone(), characters)
        rows.append(same(name, got, total / bit / characters, usual=usual))
    return rows


BITS = CodeExercise(
    id="a_machine_that_writes.bits",
    question=(
        "From a model's scores to bits a character, for tokens of any size. Places whose target is -100 are "
        "not to be guessed."
    ),
    start=BITS_START,
    name="bits_per_character",
    check=check_bits,
    solution=BITS_SOLUTION,
    wrong=(
        Wrong(BITS_SOLUTION.replace(" / math.log(2)", ""), "characters"),
        Wrong(BITS_SOLUTION.replace('"sum"', '"mean"'), "characters"),
        Wrong(BITS_SOLUTION.replace(" / characters", " / int((targets != -100).sum())"), "pieces of words"),
        Wrong(BITS_SOLUTION.replace("/ math.log(2)", "* math.log(2)"), "pieces of words"),
        Wrong(BITS_SOLUTION.replace(
            'F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")',
            "-logits.log_softmax(-1).gather(-1, targets.clamp(min=0)[..., None]).sum()"),
            "pieces, some places not to be guessed"),
    ),
    hints=(
        '`F.cross_entropy` wants (places, vocabulary) and (places,), and takes `reduction="sum"`.',
        "The sum in nats, divided by ln 2, divided by the characters.",
    ),
    why=(
        "The sum of surprises belongs to the text, whatever it was cut into. Shared among characters it can "
        "be compared between models of characters, pieces and words."
    ),
    further="What must be added for a word that the vocabulary lacks, before this is fair?",
    minutes=6,
)  # fmt: skip

# ---- fair

FAIR = ChoiceExercise(
    id="a_machine_that_writes.fair",
    question=(
        "Two models are judged on the same chapter, which neither has read. A guesses characters, with a "
        "perplexity of 4.3. B guesses pieces of words, with a perplexity of 67. Which is better?"
    ),
    choices=(
        Choice(
            "That cannot be told before both are turned into bits a character.",
            True,
            "Yes. How many characters a piece of B stands for decides: with 2.9 they are level, with more of "
            "them B is better.",
        ),
        Choice(
            "A: it hesitates between 4.3 instead of 67.",
            False,
            "Between 4.3 characters, and B between 67 pieces. A piece decides several characters at once.",
        ),
        Choice(
            "B: its task is harder.",
            False,
            "It is harder at each guess, and there are fewer guesses. Which weighs more must be worked out.",
        ),
        Choice(
            "A: 4.3 a character is 4.3 to the power 5 a word, much more than 67.",
            False,
            "The right thought, and then it would be B. But a piece is not a word: without the number of "
            "characters in it nothing follows.",
        ),
    ),
    hints=(
        "What is a guess, for A and for B?",
        "Take the chance of the whole chapter by each. How many guesses is it the product of?",
    ),
    why=(
        "Perplexity belongs to a kind of token. It compares models with the same tokens on the same text. "
        "Across tokens, compare what the whole text costs, a character."
    ),
    further="The figure below has this very case, measured.",
    minutes=3,
)

# ---- the tail

TOP_P_START = """\
import torch

def top_p(shares, p):
    # shares (vocabulary,): chances that add up to 1
    # keep the fewest likeliest tokens that together hold at least p
    # return chances (vocabulary,) in their old places, adding up to 1
    # your lines
"""
TOP_P_SOLUTION = """\
import torch

def top_p(shares, p):
    ordered, places = shares.sort(descending=True)
    before = ordered.cumsum(0) - ordered
    kept = torch.where(before < p, ordered, 0.0)
    result = torch.zeros_like(shares)
    result[places] = kept
    return result / result.sum()
"""


def _cut(shares: Tensor, keep: Tensor) -> Tensor:
    kept = torch.where(keep, shares, 0.0)
    return kept / kept.sum()


def check_top_p(top_p: Callable) -> list[Row]:
    """Against the library's sampling."""
    rows = []
    cases = (
        ("five tokens, p = 0.7", torch.tensor([0.08, 0.40, 0.07, 0.25, 0.20], dtype=torch.float64), 0.7),
        ("one token holds more than p", torch.tensor([0.2, 0.7, 0.1], dtype=torch.float64), 0.5),
        ("two hundred tokens, p = 0.9", _spread(200), 0.9),
    )
    for name, shares, p in cases:
        wanted = chances(shares.log()[None], Sampling(top_p=p))[0]
        ordered, places = shares.sort(descending=True)
        before = ordered.cumsum(0) - ordered
        back = places.argsort()
        usual = [
            (torch.where(wanted > 0, shares, 0.0), "The chances that are left do not add up to 1."),
            (_cut(shares, (before + ordered <= p)[back]), "The token that crosses p is missing: without it "
             "the rest holds less than p. Where the first one crosses it, nothing is left."),
            (_cut(ordered, before < p), "These are in the order of their size. Put each back in its place."),
            (_cut(shares, shares >= 1 - p), "Each token was compared with 1 - p by itself. The sum counts."),
            (_cut(shares, shares >= p), "Each token was compared with p by itself. The sum counts."),
            (_cut(shares, (shares.cumsum(0) - shares) < p), "Added up in the order of the vocabulary: sort "
             "by size first."),
            (shares, "Nothing was cut off."),
        ]  # fmt: skip
        rows.append(same(name, top_p(shares.clone(), p), wanted, usual=usual))
    return rows


def _spread(count: int) -> Tensor:
    logits = generator("a-machine-that-writes", "shares").standard_normal(count) * 2
    return torch.from_numpy(logits).softmax(-1)


TOP_P = CodeExercise(
    id="a_machine_that_writes.top_p",
    question=(
        "Write the filter *top-p*: of the chances, keep the fewest likeliest tokens that hold at least p "
        "together. It must equal the library's."
    ),
    start=TOP_P_START,
    name="top_p",
    check=check_top_p,
    solution=TOP_P_SOLUTION,
    wrong=(
        Wrong(TOP_P_SOLUTION.replace("before < p", "before + ordered <= p"), "five tokens, p = 0.7"),
        Wrong(TOP_P_SOLUTION.replace("result / result.sum()", "result"), "five tokens, p = 0.7"),
        Wrong(TOP_P_SOLUTION.replace("result[places] = kept", "result = kept"), "five tokens, p = 0.7"),
        Wrong(TOP_P_SOLUTION.replace("before < p", "ordered >= 1 - p"),
              "two hundred tokens, p = 0.9"),
        Wrong(TOP_P_SOLUTION.replace("before < p", "before + ordered < p"), "one token holds more than p"),
    ),
    hints=(
        "Sort from the largest, and add up what stands *before* each token. Those with less than p before "
        "them stay.",
        "`sort` gives the places as well as the values: with them each kept chance finds its way back.",
    ),
    why=(
        "The likeliest token always stays, since nothing stands before it. How many stay depends on how sure "
        "the model is: inside a word perhaps one, at its beginning dozens. Top-k keeps the same number "
        "everywhere."
    ),
    further="In the library temperature comes first, then top-k, then top-p. Does the order matter?",
    minutes=7,
)  # fmt: skip

# ---- copied


def _copied() -> str:
    from glassworks.reader.figures.copied_or_new import CopiedOrNew, wrote  # not in the child that checks

    run = (12, 0.5, 0)
    return CopiedOrNew().show({run: wrote(*run)})


COPIED = PredictExercise(
    id="a_machine_that_writes.copied",
    question=(
        "Counted runs of 12 characters, at a temperature of 0.5, write 400 characters. How much of them "
        "stands word for word, in stretches of 20 characters or more, in what was read?"
    ),
    choices=(
        Choice(
            "About two thirds, give or take.",
            True,
            "Yes, though every character was drawn by chance. Most runs of 11 characters were read in one "
            "place only, and only one character followed there.",
        ),
        Choice(
            "About as much as of a chapter that was not read, some 4 %.",
            False,
            "That is what people's texts of one kind share. Counted long runs share far more.",
        ),
        Choice(
            "Nothing: each character is drawn anew.",
            False,
            "Drawn from what followed the last 11 characters. Where that is one character alone, the draw "
            "decides nothing.",
        ),
        Choice(
            "All of it.",
            False,
            "Some runs occur in several places, and shorter runs have a say as well. There it changes from "
            "one sentence to another.",
        ),
    ),
    reveal=_copied,
    hints=(
        "How many different characters can follow a run of 11 in a text of 140,000 characters?",
        "Mostly one.",
    ),
    why=(
        "Copying needs no intention and no memory for sentences: it is what a model does that has seen a "
        "continuation only once. A network copies as well where it has read something often enough."
    ),
    further="In the figure below, choose runs of 3, then a temperature of 1.",
    minutes=4,
)

EXERCISES = (LESSONS, TOO_GOOD, WINDOWS, CONVERT, BITS, FAIR, TOP_P, COPIED)
