"""Exercises on data hunger: matrices, moves, fields, shuffles, what is given, gaps, and a plan."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from glassworks.core.keyed import seed_for
from glassworks.reader.draw import columns, line_chart, note, table
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


def _drawn(layer: nn.Conv2d, dice: torch.Generator) -> nn.Conv2d:
    """A filter with weights and offsets from these dice."""
    with torch.no_grad():
        for weights in layer.parameters():
            weights.normal_(generator=dice)
    return layer


# ---- a layer as a matrix

MATRIX_START = '''\
import torch

def matrix_of(layer, height, width):
    """layer: takes pictures (batch, 1, height, width), gives (batch, ...).
    Returns its matrix (outputs, height * width)."""
    pixels = height * width
    # a batch of pictures in which one pixel is 1 and all others are 0
'''
MATRIX_SOLUTION = """\
import torch

def matrix_of(layer, height, width):
    pixels = height * width
    units = torch.eye(pixels).reshape(pixels, 1, height, width)
    with torch.no_grad():
        answers = layer(units) - layer(torch.zeros(1, 1, height, width))
    return answers.flatten(1).T
"""
OFFSET = (
    "The layer's offset (bias) was added to every column. It is what the layer says to a picture of zeros; "
    "take it off."
)
MIXED = (
    "The pixels are in another order. They are counted row by row: reshape to `(pixels, 1, height, width)`."
)


def check_matrix(matrix_of: Callable) -> Iterator[Row]:
    """Shape, then the columns of a filter, of one with offset, and of patches, on pictures of unequal "
    "sides."""
    dice = torch.Generator().manual_seed(seed_for("data hunger", "matrix"))
    height, width = 4, 6
    plain = _drawn(nn.Conv2d(1, 1, 3, padding=1, bias=False), dice)
    patches = _drawn(nn.Conv2d(1, 5, 2, stride=2, bias=False), dice)
    offset = _drawn(nn.Conv2d(1, 2, 3, padding=1), dice)
    got = matrix_of(patches, height, width)
    shape: tuple[int, ...] = tuple(got.shape) if isinstance(got, Tensor) else ()
    wanted = (5 * 2 * 3, height * width)
    told: dict[tuple[int, ...], str] = {
        wanted: "A row for each of the 30 outputs, a column for each of the 24 pixels.",
        wanted[::-1]: "It is transposed. Each answer to a unit picture is a *column*: outputs come first.",
    }
    reason = told.get(shape, f"Expected {wanted}; got {shape}. `flatten(1)` keeps the axis of the batch.")
    yield Row("outputs by inputs", shape == wanted, reason)
    for name, layer in (("a column for each pixel", plain), ("patches", patches), ("no offset", offset)):
        found = matrix_of(layer, height, width)
        with torch.no_grad():
            empty = layer(torch.zeros(1, 1, height, width)).flatten(1).T
            right = layer(torch.eye(height * width).reshape(-1, 1, height, width)).flatten(1).T - empty
            mixed = layer(torch.eye(height * width).reshape(-1, 1, width, height)).flatten(1).T
        usual = [(right + empty, OFFSET), (right.T, "It is transposed: outputs come first.")]
        if mixed.shape == right.shape:
            usual.append((mixed, MIXED))
        yield same(name, found, right, usual=usual)


MATRIX = CodeExercise(
    id="data_hunger.matrix",
    question=(
        "Write `matrix_of(layer, height, width)`: the matrix of a layer, found by asking it. Hand in one "
        "picture for each pixel, in which that pixel is 1 and all others are 0. What the layer says to it is "
        "one column. An offset of the layer does not belong to the matrix."
    ),
    start=MATRIX_START,
    name="matrix_of",
    check=check_matrix,
    solution=MATRIX_SOLUTION,
    wrong=(
        Wrong(MATRIX_SOLUTION.replace(".flatten(1).T", ".flatten(1)"), "outputs by inputs"),
        Wrong(MATRIX_SOLUTION.replace(" - layer(torch.zeros(1, 1, height, width))", ""), "no offset"),
        Wrong(
            MATRIX_SOLUTION.replace("(pixels, 1, height, width)", "(pixels, 1, width, height)").replace(
                "zeros(1, 1, height, width)", "zeros(1, 1, width, height)"
            ),
            "a column for each pixel",
        ),
    ),
    hints=(
        "`torch.eye(n)` has a 1 in each row, each time at another place. Its rows can be reshaped to "
        "pictures.",
        "The answers come as (pixels, ...). Flatten all but the first axis, then turn the matrix round.",
    ),
    why=(
        "A convolution is no other kind of thing than a dense layer. It is a dense layer with zeros that it "
        "can never change, and with weights that must be equal. What is fixed need not be learned."
    ),
    further=(
        'Hand in `torch.nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")`. Its matrix has blocks in '
        "which each row is the row above, moved along (circulant). The Fourier transform in two dimensions "
        "makes it diagonal."
    ),
    minutes=7,
)

# ---- a picture that moves


def _moved() -> str:
    from glassworks.reader.figures.moved_picture import LAYERS, NAMES, difference

    name = "a cat" if "a cat" in NAMES else NAMES[0]
    rows = [
        [layer.name, *(f"{difference(name, place, shift):.3f}" for shift in (3, 8))]
        for place, layer in enumerate(LAYERS)
    ]
    head = ["layer, random start", "moved by 3 pixels", "moved by 8 pixels"]
    return table(head, rows) + note(
        "0 means: the same numbers in another place. After two blocks even a move by a whole patch changes "
        "them: each token was told its place, and has looked at what came in at the border."
    )


MOVED = PredictExercise(
    id="data_hunger.moved",
    question=(
        "A ViT cuts pictures into patches of 8 × 8 pixels and turns each into a vector; no block has worked "
        "yet. The picture moves to the left, first by 3 pixels, then by 8. Look at the inside, away from the "
        "border. Are the old vectors still there, in other places?"
    ),
    choices=(
        Choice(
            "Yes, both times: all patches are read with the same weights.",
            False,
            "The weights are the same, but what lies under them is not. After 3 pixels each patch holds "
            "parts of two old ones.",
        ),
        Choice(
            "By 8 pixels yes, one place further on. By 3 pixels no.",
            True,
            "Yes. The cut has a step of 8 pixels. A move by whole steps gives the same patches in other "
            "places, any other move gives new patches.",
        ),
        Choice(
            "No, in neither case: a ViT knows nothing about pictures that move.",
            False,
            "The cut itself does: all patches are read in the same way, so a move by a whole patch is only a "
            "change of places.",
        ),
        Choice(
            "By 3 pixels yes, because the change is small. By 8 pixels no.",
            False,
            "How far it moves does not count, but whether the cuts fall in the same places of the picture.",
        ),
    ),
    reveal=_moved,
    hints=(
        "Cut a row of letters into threes: ABC DEF GHI. Take one letter away in front. Which threes remain?",
        "And which remain if you take away three letters?",
    ),
    why=(
        "Reading all patches with the same weights is an assumption about pictures, and a ViT makes it. It "
        "is the assumption of a convolution with a step of 8 pixels, and so it holds for moves by 8."
    ),
    further="With a step smaller than the patch more moves are covered, at the price of more tokens.",
)

# ---- does a layer move along

MOVES_START = '''\
import torch

def moves_along(layer, picture, shift):
    """picture: (1, channels, height, width); shift: columns to the right.
    Returns the largest difference between the two ways, as a float."""
    moved = torch.roll(picture, shift, dims=3)
    # your lines
'''
MOVES_SOLUTION = """\
import torch

def moves_along(layer, picture, shift):
    moved = torch.roll(picture, shift, dims=3)
    with torch.no_grad():
        first = layer(moved)
        last = torch.roll(layer(picture), shift, dims=3)
    return (first - last).abs().max().item()
"""
UNMOVED = (
    "You compared with the answer to the unmoved picture. That asks whether nothing changes (invariance). "
    "The question is whether the answer moves along (equivariance): move it too."
)


class _Places(nn.Module):
    """Adds a number of its own to each place, as positions do."""

    def __init__(self, table: Tensor):
        super().__init__()
        self.table = table

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures + self.table


def check_moves(moves_along: Callable) -> Iterator[Row]:
    """Nothing on a ring, something at a border of zeros, something where places are told apart."""
    dice = torch.Generator().manual_seed(seed_for("data hunger", "moves"))
    picture = torch.randn(1, 2, 5, 8, generator=dice)
    ring = _drawn(nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), dice)
    border = _drawn(nn.Conv2d(2, 3, 3, padding=1), dice)
    places = _Places(torch.randn(1, 2, 5, 8, generator=dice))
    cases = {"a filter on a ring": ring, "a border of zeros": border, "places that are told apart": places}
    for name, layer in cases.items():
        for shift in (1, 3):
            with torch.no_grad():
                here, there = layer(picture), layer(torch.roll(picture, shift, dims=3))
            apart = there - torch.roll(here, shift, dims=3)
            wanted = apart.abs().max().item()
            usual = [
                ((there - here).abs().max().item(), UNMOVED),
                (apart.abs().mean().item(), "That is the mean. One place is enough: take the largest."),
                (apart.max().item(), "Take the size of each difference before the largest: `.abs().max()`."),
                ((there - torch.roll(here, -shift, dims=3)).abs().max().item(),
                 "The answer was moved the other way. Both are moved by the same `shift`."),
            ]  # fmt: skip
            row = same(name, moves_along(layer, picture, shift), wanted, usual=usual)
            if not row.passed or shift == 3:
                yield row
                break


MOVES = CodeExercise(
    id="data_hunger.moves",
    question=(
        "Write `moves_along(layer, picture, shift)`: move the picture by `shift` columns and ask the layer; "
        "ask the layer first and move its answer. Return the largest size of the difference between the two. "
        "It is 0 for a layer that moves along (*equivariance*)."
    ),
    start=MOVES_START,
    name="moves_along",
    check=check_moves,
    solution=MOVES_SOLUTION,
    wrong=(
        Wrong(
            MOVES_SOLUTION.replace("torch.roll(layer(picture), shift, dims=3)", "layer(picture)"),
            "a filter on a ring",
        ),
        Wrong(
            MOVES_SOLUTION.replace("layer(picture), shift", "layer(picture), -shift"), "a filter on a ring"
        ),
        Wrong(MOVES_SOLUTION.replace(".abs().max()", ".abs().mean()"), "a border of zeros"),
        Wrong(MOVES_SOLUTION.replace("dims=3", "dims=2"), "places that are told apart"),
    ),
    hints=(
        "Two ways lead to the same corner: first move, then ask; or first ask, then move.",
        "`torch.roll(x, shift, dims=3)` works on the layer's answer just as on the picture.",
    ),
    why=(
        "Here `torch.roll` makes the picture a ring, so that there is no border. On a ring a convolution "
        "moves along exactly. At a border of zeros it does not: the zeros tell it where the picture ends. "
        "Positions tell every place, and that is what they are for."
    ),
    further=(
        "Equivariant means: the answer moves along. Invariant means: the answer stays. A classifier wants "
        "the second, and gets some of it by averaging over all places at the end."
    ),
    minutes=7,
)

# ---- how far does it see

FIELD = NumberExercise(
    id="data_hunger.field",
    question=(
        "A picture goes through five layers: a filter of 5 × 5, pooling of 2 × 2, a filter of 3 × 3, pooling "
        "of 2 × 2, a filter of 3 × 3. Filters have a step of one pixel, pooling halves the map. How many "
        "pixels on a side does one number at the end see?"
    ),
    target=20,
    tolerance=0,
    unit="pixels",
    mistakes=(
        Mistake(3, "That is the last filter's size. What it looks at has itself looked at something."),
        Mistake(5, "That is the largest filter. Fields grow from layer to layer."),
        Mistake(9, "That is right without pooling. After each pooling a step is twice as many pixels."),
        Mistake(11, "Each layer adds its size less one, 4 + 1 + 2 + 1 + 2, but times the step there."),
        Mistake(12, "That is what is seen after the second pooling. One more filter follows."),
        Mistake(17, "Pooling makes the later steps larger, but it also sees two numbers itself."),
        Mistake(4, "That is the step between two neighbouring numbers, not what one of them sees."),
    ),
    hints=(
        "Keep two numbers: what is seen (at first 1) and the step in pixels (at first 1). A layer of side k "
        "adds (k - 1) × step. Pooling then doubles the step.",
        "After the first two layers: 1 + 4 × 1 = 5, then 5 + 1 × 1 = 6, and the step is 2.",
    ),
    why=(
        "The receptive field is no property of a filter but of all that lies before it. Three small filters "
        "with pooling see 20 pixels on a side."
    ),
    further="`insight/cost.py` does this sum for any network, and `glassworks info cnn` prints it.",
    solution="1 + 4 = 5, 5 + 1 = 6 (step 2), 6 + 2 × 2 = 10, 10 + 2 = 12 (step 4), 12 + 2 × 4 = 20.",
    minutes=4,
)

# ---- shuffled


def _shuffled() -> str:
    from glassworks import labs

    found = labs.recorded("shuffled-pixels")
    if found is None:
        return note("This was not recorded: run `glassworks lab shuffled-pixels`.")
    return table(found.tables[0].head, found.tables[0].rows) + note(
        f"Recorded with {len(found.seeds)} seeds. For the MLP there is a proof as well: put the columns of "
        "its first layer into the same order, and all answers are the same numbers as before."
    )


SHUFFLED = PredictExercise(
    id="data_hunger.shuffled",
    question=(
        "One order of the 64 squares is drawn, and all digits, those to learn from and those of the test, "
        "are shuffled in it. An MLP of dense layers, a CNN and a ViT with patches of 2 × 2 each learn from "
        "them anew, from a random start. Which of them *cannot* lose anything by it, whatever the pictures "
        "are?"
    ),
    choices=(
        Choice(
            "All three: the shuffle can be undone, so nothing is lost.",
            False,
            "No information is lost. But a network does not undo it by itself: filters count on neighbours "
            "that belong together, and these are gone.",
        ),
        Choice(
            "None: nobody can read a shuffled digit.",
            False,
            "You cannot, because you count on neighbours. A dense layer does not know which squares touch.",
        ),
        Choice(
            "The MLP alone.",
            True,
            "Yes. For a dense layer a picture is a list, in no order: shuffle its random columns along, and "
            "it is an equally likely start. It has nothing to lose, because it was given nothing.",
        ),
        Choice(
            "The MLP and the ViT: a ViT has no knowledge of pictures built in.",
            False,
            "It has little, but the cut into patches is some: the four squares of a patch are read together, "
            "and all patches alike. After the shuffle each patch holds four squares from anywhere.",
        ),
    ),
    reveal=_shuffled,
    hints=(
        "Which network would notice if you numbered the pixels in another way from the start?",
        "Look at the figure above: what changes for squares that lie side by side?",
    ),
    why=(
        "What a network can lose by such a shuffle is what it had known about pictures before it saw one. It "
        "is a test for built-in knowledge that needs no theory, only a measurement, and enough seeds."
    ),
    further=(
        "With patches of a single square and learned positions a ViT cannot lose anything either: shuffle "
        "the rows of its table of positions along, and all answers are as before."
    ),
)

# ---- what is given

GIVEN = ChoiceExercise(
    id="data_hunger.given",
    question=(
        "A plain ViT with patches of 16 × 16 and learned positions has a random start. Which of these does "
        "it know before the first picture?"
    ),
    choices=(
        Choice(
            "That pixels which lie in one patch belong together, and that all patches are to be read alike.",
            True,
            "Yes. The cut into patches says both. It is much less than a convolution says, and it is not "
            "nothing.",
        ),
        Choice(
            "Nothing at all: a Transformer has no inductive bias.",
            False,
            "This is often said, and too strong. A dense network has a weight of its own for every pixel. A "
            "ViT cuts neighbours together and reads all patches with the same weights.",
        ),
        Choice(
            "Which patches touch each other, because each patch has a position.",
            False,
            "Learned positions begin as random vectors. That the 15th patch lies beneath the first must be "
            "learned.",
        ),
        Choice(
            "That a thing remains the same when it moves by a few pixels.",
            False,
            "After such a move each patch holds other pixels, and nothing tells the model that this is the "
            "old thing.",
        ),
    ),
    hints=(
        "What is done to the pixels before the first weight that can be learned?",
        "Learned positions are a table with random rows. What does such a table say about neighbours?",
    ),
    why=(
        "A CNN is told that near pixels belong together at every scale, and that every place is to be "
        "treated alike. A ViT is told this inside a patch, and of patches as wholes. The rest must come from "
        "pictures."
    ),
    further=(
        "Sine-cosine positions tell a little more: near places get similar vectors. Windows, as in Swin, "
        "tell much more. Both come in other chapters."
    ),
    minutes=3,
)

# ---- the gap


def _gap() -> str:
    from glassworks.reader.figures.hunger_curves import curve

    rows = {name: curve("digits", kind) for name, kind in (("CNN", "cnn"), ("ViT", "vit"))}
    if not rows["CNN"]:
        return note("This was not recorded: run `glassworks lab cnn-against-vit`.")
    wrong = {name: [(n, 100 - value) for n, value in row] for name, row in rows.items()}
    across = "digits to learn from"
    both = (
        line_chart(
            rows, points=rows, across=across, up="accuracy, %", logarithmic="x", width=340, height=230
        ),
        line_chart(
            wrong, points=wrong, across=across, up="errors, %", logarithmic="xy", width=340, height=230
        ),
    )
    return columns(*both) + note(
        "The same numbers twice. On the left the curves come together. On the right, where each line of the "
        "scale means ten times fewer errors, they do not."
    )


GAP = PredictExercise(
    id="data_hunger.gap",
    question=(
        "A CNN and a ViT of equal cost learn from 50 digits. The CNN answers 86 % of the test pictures "
        "rightly, the ViT 55 %: a gap of 31 points. Both then learn from 1,297 digits, with the same number "
        "of steps. What becomes of the gap?"
    ),
    choices=(
        Choice(
            "It stays at about 30 points: the CNN is simply the better network.",
            False,
            "The more pictures there are, the less it matters what was known before: the ViT learns it from "
            "them.",
        ),
        Choice(
            "It shrinks to a few points, but the CNN still makes far fewer errors.",
            True,
            "Yes. Points near 100 % come close by themselves. Counted in errors, the CNN is ahead as clearly "
            "as before.",
        ),
        Choice(
            "It is gone: from a thousand pictures on both are equally good.",
            False,
            "Not within what was measured. A thousand small pictures are still few.",
        ),
        Choice(
            "It turns round: with many pictures a ViT always wins.",
            False,
            "That was seen with hundreds of millions of photographs and large models. It is not seen here, "
            "and it is no law.",
        ),
    ),
    reveal=_gap,
    hints=(
        "The CNN stands at 86 % already. How many points can it still gain? And how many the ViT?",
        "Think of errors of each: which share of them can more pictures take away?",
    ),
    why=(
        "More pictures shrink the gap in points. Part of that is only the ceiling of 100 %. So look at "
        "errors beside accuracy before you say that two models have come together."
    ),
    further=(
        "Read the curve across instead of up: how many pictures does the ViT need for what the CNN does with "
        "50? The figure below tells it."
    ),
    minutes=4,
)

# ---- which model

THREE_HUNDRED = ChoiceExercise(
    id="data_hunger.three_hundred",
    question=(
        "Somebody has 300 photographs of four kinds of mushrooms and wants to tell them apart. Which plan "
        "would you try first?"
    ),
    choices=(
        Choice(
            "A ViT from a random start, with strong augmentation and very long training.",
            False,
            "Augmentation helps, and on 100 digits it helped a lot. But changed copies of 300 photographs do "
            "not show what a million other photographs show.",
        ),
        Choice(
            "A small CNN from a random start, because a CNN needs fewer pictures.",
            False,
            "The better one of two starts from nothing. It must still learn edges, colours and textures from "
            "300 photographs.",
        ),
        Choice(
            "A network that was trained on many photographs, with a new head, then fine-tuned: a CNN or a "
            "ViT.",
            True,
            "Yes. Then the question of this chapter has been answered by somebody else's million pictures. "
            "Which of the two is better is decided by your validation part.",
        ),
        Choice(
            "None: collect 10,000 photographs first.",
            False,
            "More photographs do help. But start with what there is: a curve over 75, 150 and 300 tells "
            "whether collecting more is worth it.",
        ),
    ),
    hints=(
        "How much of what tells mushrooms apart is special to mushrooms?",
        "Where else could a network have learned what edges, colours and textures are?",
    ),
    why=(
        "Hunger for data is a matter of training from nothing. Steiner and others (2021) tried both on small "
        "sets of photographs: to transfer a trained model cost less and gave better results. The further "
        "your pictures are from photographs, the less it brings: measure it."
    ),
    further=(
        "`glassworks finetune` does this; the chapter *Standing on shoulders* measures what it is worth with "
        "five pictures a class."
    ),
    minutes=3,
)

EXERCISES = (MATRIX, MOVED, MOVES, FIELD, SHUFFLED, GIVEN, GAP, THREE_HUNDRED)
