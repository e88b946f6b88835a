"""Exercises of the chapter on attention: what passes, a soft lookup, masks, what a map shows, and writing."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from glassworks.reader.exercises.chance import normal
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

_normal = partial(normal, "attention")


# ---- the bottleneck


def _by_length() -> str:
    from glassworks import labs  # not in the child that checks code
    from glassworks.labs.drawing import drawn

    result = labs.recorded("bottleneck")
    assert result is not None
    return drawn(result.charts[0])


BOTTLENECK = PredictExercise(
    id="attention.bottleneck",
    question=(
        "Two networks learn to write letters from behind, from 700 batches with 2 to 16 random letters. One "
        "looks back at the reader's states. The other gets one state of 48 numbers; so does a third, with "
        "twice the state and twice the training. How many fresh texts of 16 letters come out without a "
        "mistake?"
    ),
    choices=(
        Choice(
            "Nearly all with attention, hardly any without it, also with twice the state.",
            True,
            "Yes. In three runs attention gets all of them right, one state none, and the doubled one 5 %.",
        ),
        Choice(
            "Nearly all with attention; about half without it, since 48 numbers are more than 16 letters.",
            False,
            "48 numbers could hold 16 letters. But the network must learn to write each into its own place, "
            "and to take it out again. In this time it does not.",
        ),
        Choice(
            "With twice the state and twice the training the third network does as well as attention.",
            False,
            "It does as well up to 8 letters, and for 16 it gets 5 % right. A larger state moves the limit; "
            "it does not take it away.",
        ),
        Choice(
            "All three fail: 16 letters at random cannot be learned.",
            False,
            "Nothing in them can be guessed, but they need not be: with attention each letter is looked up.",
        ),
    ),
    reveal=_by_length,
    hints=(
        "What must be kept in the state after the last letter was read?",
        "Whoever may look back keeps nothing: it only has to find the place.",
    ),
    why=(
        "Random letters are the hardest text for one state: nothing can be left out, nothing be guessed. A "
        "look back asks for something else: to know the place, and the place is one step before the last one."
    ),
    further="And 20 letters, more than either has ever seen? The last column of the lab says it.",
    minutes=3,
)

# ---- a lookup by hand

LOOKUP = NumberExercise(
    id="attention.lookup",
    question=(
        "Three places of a source offer the values 10, 2 and 100. Their scores are 0, ln 3 and 0. The third "
        "place is filling and is masked. What does the lookup give? (e to the power ln 3 is 3.)"
    ),
    target=4,
    tolerance=0.01,
    mistakes=(
        Mistake(23.2, "There the filling took part, with a share of 1/5. Its score is to be minus infinity."),
        Mistake(
            3.2,
            "There the filling's share was set to 0 after softmax: the others sum to 4/5. They must sum "
            "to 1.",
        ),
        Mistake(
            6, "That is the plain mean of both values. The second fits three times as well as the first."
        ),
        Mistake(8, "The shares are exchanged: the first place has 1/4, the second 3/4."),
        Mistake(2, "That takes the best place alone. A soft lookup takes the others along, too."),
        Mistake(
            2.197, "The scores themselves were taken as shares. Softmax comes first: e to the power of each."
        ),
    ),
    hints=(
        "e to the power of the scores: 1, 3, and for the masked place 0.",
        "The shares are 1/4 and 3/4.",
    ),
    why="1/4 · 10 + 3/4 · 2 = 2.5 + 1.5 = 4. What stands at the masked place could be any number.",
    further="What comes out when every place is masked? Softmax then divides 0 by 0.",
    solution="e⁰ = 1 and e^(ln 3) = 3 give the shares 1/4 and 3/4; 0.25 · 10 + 0.75 · 2 = 4.",
    minutes=4,
)

# ---- masked additive attention

LOOK_START = """\
import torch

def look(state, memory, real, W, b, U, v):
    # state (batch, hidden): asks; memory (batch, source, seen): is asked
    # real (batch, source): True for tokens, False for filling
    # W (hidden, hidden), b (hidden,), U (hidden, seen), v (hidden,)
    # score of a place: v . tanh(W state + b + U memory)
    # return what is found (batch, seen), and the shares (batch, source)
    # your lines
"""
LOOK_SOLUTION = """\
import torch

def look(state, memory, real, W, b, U, v):
    query = state @ W.T + b
    keys = memory @ U.T
    scores = torch.tanh(query[:, None] + keys) @ v
    scores = scores.masked_fill(~real, float("-inf"))
    shares = torch.softmax(scores, dim=1)
    return (shares[:, :, None] * memory).sum(dim=1), shares
"""


@torch.no_grad()
def check_look(look: Callable) -> list[Row]:
    """Against the library's `Additive`; and filling must not matter."""
    rows: list[Row] = []
    for name, lengths, hidden, seen in (
        ("one source without filling", (4,), 3, 6),
        ("a batch with filling", (5, 2, 1), 4, 8),
    ):
        given, wanted, usual = _case(name, lengths, hidden, seen)
        got = look(*(one.clone() for one in given))
        if not (isinstance(got, tuple) and len(got) == 2):
            told = "Two things come back, as a pair: what is found, and the shares."
            return [Row(f"{name}: what is found", False, told)]
        rows.append(same(f"{name}: the shares", got[1], wanted[1], usual=usual[1]))
        rows.append(same(f"{name}: what is found", got[0], wanted[0], usual=usual[0]))
    given, wanted, _ = _case("a batch with filling", (5, 2, 1), 4, 8)
    loud = [*given]
    loud[1] = torch.where(given[2][..., None], given[1], torch.tensor(1000.0))
    told = "With 1000 in the filling the answer is another one: the filling is looked at."
    got = look(*(one.clone() for one in loud))[0]
    still = (
        isinstance(got, Tensor) and got.shape == wanted[0].shape and torch.allclose(got, wanted[0], atol=1e-4)
    )
    rows.append(Row("what stands in the filling does not matter", still, "It does not." if still else told))
    return rows


def _case(name: str, lengths: tuple[int, ...], hidden: int, seen: int) -> tuple[list[Tensor], tuple, tuple]:
    """What is given; (found, shares) of the library; and what the usual mistakes give of both."""
    from glassworks.models.sequence.seq2seq import Additive

    batch, source = len(lengths), max(lengths)
    state, memory = _normal((batch, hidden), name, "state"), _normal((batch, source, seen), name, "memory")
    real = torch.arange(source) < torch.tensor(lengths)[:, None]
    W, U = _normal((hidden, hidden), name, "W"), _normal((hidden, seen), name, "U")
    b, v = _normal((hidden,), name, "b"), 2 * _normal((hidden,), name, "v")
    module = Additive(hidden, seen)
    module.load_state_dict({"query.weight": W, "query.bias": b, "keys.weight": U, "score.weight": v[None]})
    bias = torch.zeros(real.shape).masked_fill(~real, float("-inf"))[:, None, None]
    kept: list[Tensor] = []
    hook = module.maps.register_forward_hook(lambda _module, _given, shares: kept.append(shares[:, 0, 0]))
    found = module(state[:, None], module.keys(memory), memory, bias)[:, 0]
    hook.remove()
    inner = (state @ W.T + b)[:, None] + memory @ U.T
    scores = inner.tanh() @ v
    hidden_away = torch.full((), float("-inf"))
    slips = [
        (scores.softmax(1), "The filling got a share of its own: the mask is not used."),
        (
            (scores * real).softmax(1),
            "The filling's score is 0, and e⁰ = 1: it still gets a share. Minus infinity gives 0.",
        ),
        (
            scores.softmax(1) * real,
            "The filling was taken out after softmax: the shares of a row no longer sum to 1. Mask before.",
        ),
        (
            torch.where(real, inner @ v, hidden_away).softmax(1),
            "tanh is missing between the sum and v. Without it the state adds the same to every score.",
        ),
        (
            torch.where(real, (inner - b).tanh() @ v, hidden_away).softmax(1),
            "The bias b is missing.",
        ),
        (
            torch.where(real, scores, hidden_away).softmax(0).nan_to_num(),
            "Softmax ran over the batch. The shares of one source sum to 1: dimension 1.",
        ),
        (
            torch.where(~real, scores, hidden_away).softmax(1),
            "The mask is turned round: the tokens were hidden and the filling asked.",
        ),
        (torch.where(real, scores, hidden_away), "Those are the scores. Softmax makes shares of them."),
    ]
    by_shares = [((one[..., None] * memory).sum(1), told) for one, told in slips[:-1]]
    by_shares.append(((kept[0][..., None] * memory).mean(1), "That is a mean over places; the shares are "
                                                             "weights "
                      "already: take the sum."))  # fmt: skip
    return [state, memory, real, W, b, U, v], (found, kept[0]), (by_shares, slips)


LOOK = CodeExercise(
    id="attention.look",
    question=(
        "Write additive attention with a mask: score every place of the source, hide the filling, make "
        "shares, and take the average of the memory. It must equal the library's `Additive`."
    ),
    start=LOOK_START,
    name="look",
    check=check_look,
    solution=LOOK_SOLUTION,
    wrong=(
        Wrong(LOOK_SOLUTION.replace('    scores = scores.masked_fill(~real, float("-inf"))\n', ""),
              "a batch with filling: the shares"),
        Wrong(LOOK_SOLUTION.replace('scores.masked_fill(~real, float("-inf"))', "scores * real"),
              "a batch with filling: the shares"),
        Wrong(LOOK_SOLUTION.replace('    scores = scores.masked_fill(~real, float("-inf"))\n', "").replace(
            "dim=1)\n    return", "dim=1) * real\n    return"), "a batch with filling: the shares"),
        Wrong(LOOK_SOLUTION.replace("torch.tanh(query[:, None] + keys) @ v", "(query[:, None] + keys) @ v"),
              "one source without filling: the shares"),
        Wrong(LOOK_SOLUTION.replace("dim=1)\n    return", "dim=0)\n    return"),
              "one source without filling: the shares"),
        Wrong(LOOK_SOLUTION.replace(".sum(dim=1), shares", ".mean(dim=1), shares"),
              "one source without filling: what is found"),
        Wrong(LOOK_SOLUTION.replace("(shares[:, :, None] * memory).sum(dim=1), shares",
                                    "(shares[:, :, None] * memory).sum(dim=1)"),
              "one source without filling: what is found"),
    ),
    hints=(
        "`query[:, None]` has the shape (batch, 1, hidden) and is added to the keys of all places.",
        'Hide with `scores.masked_fill(~real, float("-inf"))` before softmax over the places.',
    ),
    why=(
        "Five lines, and the sentence may have any length. U memory does not change while a translation is "
        "written, so the library computes it once a source and hands it in as `keys`."
    ),
    further="Leave out tanh on purpose: why does the state then have no influence on the shares at all?",
    minutes=9,
)  # fmt: skip

# ---- what a map shows

MAP = ChoiceExercise(
    id="attention.map",
    question=(
        "While a model writes the 3 of a month, 0.9 of its attention stands on the token March. The reader "
        "goes both ways. What is certain?"
    ),
    choices=(
        Choice(
            "0.9 of the average came from the reader's state at March; what that state holds is another "
            "question.",
            True,
            "Yes. The state there has read its neighbours from both sides. And the writer has its own state "
            "beside the average.",
        ),
        Choice(
            "The token March is the reason for the 3.",
            False,
            "Perhaps; test it: leave March out or put May there, and look at the answer. The weight alone "
            "does not say.",
        ),
        Choice(
            "All the tokens of the answer together gave March 0.9.",
            False,
            "Each row sums to 1, not each column. A token of the source may be looked at by several rows, or "
            "by none.",
        ),
        Choice(
            "A second model that gives the same answers looks there as well.",
            False,
            "Two starts of the same model can give the same dates with other maps: the figure below lets "
            "you see.",
        ),
    ),
    hints=(
        "What is averaged by the weights: words, or states of the reader?",
        "A state of a reader that goes both ways knows more than its own token.",
    ),
    why=(
        "A weight says where numbers came from. What follows from them is decided by what is in them, and by "
        "all layers behind. To find a cause, change something and look."
    ),
    further="`glassworks explain` leaves each token out once, and prints how well that agrees with the map.",
    minutes=3,
)

# ---- a slip

SLIP = ChoiceExercise(
    id="attention.slip",
    question=(
        "A translator of dates was trained with the right beginning at every place. Now it writes 1987-03-12 "
        "by itself, and somebody replaces its second token: it reads 14 in the place of 19. What will it "
        "write?"
    ),
    choices=(
        Choice(
            "87-03-12: the wrong digit stays, and the rest is as it would have been.",
            True,
            "Yes, in 99 % of the held-out dates. It never learned from a wrong beginning; but it looks each "
            "token up in the source, and the source is as it was.",
        ),
        Choice(
            "Nothing sensible: a beginning like this did not occur in training.",
            False,
            "That is the fear behind the word exposure bias. Here it is not what happens: years such as 1487 "
            "did not occur, and the rest comes out right.",
        ),
        Choice(
            "It says the 9 again, so that the year is repaired.",
            False,
            "What is written stays. The state after 14 stands behind the second digit, so the third one "
            "comes.",
        ),
        Choice(
            "The date before it that begins with 14 in the training data.",
            False,
            "None does: all years lie between 1900 and 2029. And it is no list of dates, it looks into "
            "the source.",
        ),
    ),
    hints=(
        "Where does the third token come from: from the second, or from the source?",
        "How does the writer know how far it is?",
    ),
    why=(
        "What was said tells the writer how *far* it is; what comes next it looks up. Not all is well: after "
        "a wrong first digit of the year or of the month the rest is right in two thirds of the dates only, "
        "and a dash that comes too early says that the year is done."
    ),
    further="In the figure below put in a dash at place 4. Which digit of the year is lost, and what is not?",
    minutes=3,
)

# ---- length in beams

PENALTY = NumberExercise(
    id="attention.penalty",
    question=(
        "A search holds two finished answers: one of 1 token and its end, with a sum of log probabilities of "
        "-1.4, and one of 6 tokens and its end, with -2.0. Sums are divided by ((5 + n) / 6) to the power 1, "
        "with n the tokens and the end. What is the score of the answer that wins?"
    ),
    target=-1.0,
    tolerance=0.01,
    mistakes=(
        Mistake(-1.2, "That is the score of the short one, -1.4 / (7/6). Compute the other: -1 is larger."),
        Mistake(-2, "That is the sum. Divide it by (5 + 7) / 6 = 2."),
        Mistake(-1.4, "By plain sums the short one wins. Here both are divided by their penalty first."),
        Mistake(-0.2857, "That is the mean of a token, -2 / 7. This penalty divides by (5 + n) / 6."),
        Mistake(-4, "Divide by the penalty; a product makes long answers worse still."),
        Mistake(-1.0909, "The end counts as a token: n is 7, not 6."),
    ),
    hints=(
        "n is 2 for the short answer and 7 for the long one.",
        "-1.4 / (7/6) = -1.2, and -2.0 / (12/6) = ?",
    ),
    why=(
        "-2.0 / 2 = -1.0, which is more than -1.2. By plain sums the short answer would have won with -1.4: "
        "each further token can only lower a sum."
    ),
    further="At a power of 0 sums stay as they are. How large a power does it take here for the long one "
    "to win?",
    solution="Short: -1.4 / (7/6) = -1.2. Long: -2.0 / (12/6) = -1.0. The larger one wins: -1.0.",
    minutes=4,
)

# ---- clipped counts

CLIPPED_START = """\
def clipped(said, known, order):
    # said, known: lists of words; order: how many words a run has
    # return (runs of `said` that count, all runs of `said`)
    # a run counts at most as often as it stands in `known`
    # your lines
"""
CLIPPED_SOLUTION = """\
from collections import Counter

def clipped(said, known, order):
    def runs(words):
        return Counter(tuple(words[n : n + order]) for n in range(len(words) - order + 1))

    ours, theirs = runs(said), runs(known)
    counting = sum(min(count, theirs[run]) for run, count in ours.items())
    return counting, sum(ours.values())
"""
CASES = (
    ("the the the", "the the the the the the the", "the cat is on the mat", 1),
    ("runs of two", "a cat is on the mat on the mat", "the cat is on the mat", 2),
    ("words in another order", "mat the on is cat the", "the cat is on the mat", 2),
    ("shorter than a run", "the cat", "the cat is on the mat", 3),
)


def check_clipped(clipped: Callable) -> list[Row]:
    """Against the library's counts."""
    from glassworks.judging.translation import overlaps

    rows = []
    for name, said, known, order in CASES:
        ours, theirs = said.split(), known.split()
        all_ours, _, both = overlaps(ours, theirs, order)[-3:].tolist()
        own, other = _runs(ours, order), _runs(theirs, order)
        usual = [
            ((sum(count for run, count in own.items() if run in other), all_ours),
             "A run counts more often than it stands in the known answer. Clip: min of both counts."),
            ((len(set(own) & set(other)), all_ours), "Each run counts once only: take the smaller count, "
                                                     "not 1."),
            ((both, sum(other.values())), "Divided by the runs of the known answer, this is recall. BLEU "
                                          "asks "
             "for those that were said."),
            ((both, len(ours)), "Those are the words. Of runs there are `len(said) - order + 1`."),
            ((sum(min(ours.count(word), theirs.count(word)) for word in set(ours)), all_ours),
             "Single words were counted; a run has `order` of them, in their order."),
            ((both, len(ours) - order), "One run too few: the last begins at `len(said) - order`."),
        ]  # fmt: skip
        usual = [(value, told) for value, told in usual if value != (both, all_ours)]
        rows.append(same(name, clipped(list(ours), list(theirs), order), (both, all_ours), usual=usual))
    return rows


def _runs(words: list[str], order: int) -> Counter:
    return Counter(tuple(words[place : place + order]) for place in range(len(words) - order + 1))


CLIPPED = CodeExercise(
    id="attention.clipped",
    question=(
        "Count as BLEU does: how many runs of `order` words of an answer stand in the known answer, each at "
        "most as often as it stands there? The library's counts decide."
    ),
    start=CLIPPED_START,
    name="clipped",
    check=check_clipped,
    solution=CLIPPED_SOLUTION,
    wrong=(
        Wrong(CLIPPED_SOLUTION.replace("min(count, theirs[run]) for", "count for").replace(
            "ours.items())\n", "ours.items() if run in theirs)\n"), "the the the"),
        Wrong(CLIPPED_SOLUTION.replace("min(count, theirs[run])", "int(run in theirs)"), "the the the"),
        Wrong(CLIPPED_SOLUTION.replace("sum(ours.values())", "sum(theirs.values())"), "the the the"),
        Wrong(CLIPPED_SOLUTION.replace("sum(ours.values())", "len(said)"), "runs of two"),
        Wrong(CLIPPED_SOLUTION.replace("words[n : n + order]", "words[n : n + 1]"), "words in another order"),
        Wrong(CLIPPED_SOLUTION.replace("len(words) - order + 1", "len(words) - order"), "the the the"),
    ),
    hints=(
        "`collections.Counter` over tuples of `order` neighbouring words counts all runs of a text.",
        "For each run of the answer: the smaller one of its two counts.",
    ),
    why=(
        "BLEU adds these counts up over all answers for runs of 1 to 4 words, takes the geometric mean of "
        "the four shares, and multiplies by a penalty for answers that are too short, since shares alone "
        "reward saying little."
    ),
    further="`Counter` has an operator for this: what does `ours & theirs` give?",
    minutes=8,
)  # fmt: skip

# ---- queries, keys, values

ONCE = ChoiceExercise(
    id="attention.once",
    question=(
        "A sentence of 30 tokens is translated into one of 25, token by token, with cross-attention. What of "
        "queries, keys and values is computed anew for each token that is written?"
    ),
    choices=(
        Choice(
            "The query alone. Keys and values belong to the source and are computed once.",
            True,
            "Yes: 25 queries, 30 keys and 30 values. The scores, 25 times 30, are made anew, of course.",
        ),
        Choice(
            "All three, for 25 · 30 keys in all.",
            False,
            "That would be right and slow. The source does not change while the answer is written.",
        ),
        Choice(
            "The values alone, since they are what is averaged.",
            False,
            "The values are made from the source. What is new at each step is the question.",
        ),
        Choice(
            "Nothing: all 25 steps ask with the same query.",
            False,
            "Then every token would get the same average. The writer's state asks, and it moves on.",
        ),
    ),
    hints=(
        "Which of them are made from the reader's states?",
        "What of the source changes while the answer is written?",
    ),
    why=(
        "Queries come from whoever writes, keys and values from what is read. In `seq2seq.py` `read` makes "
        "the keys before the first token, and `write` only asks."
    ),
    further="In self-attention all three come from the same tokens. What can then be kept while writing?",
    minutes=3,
)

EXERCISES = (BOTTLENECK, LOOKUP, LOOK, MAP, SLIP, PENALTY, CLIPPED, ONCE)
