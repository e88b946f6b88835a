"""Four ways to one gradient: formulas by hand, our tape, torch, and a small step to either side.

First the worked example of the book, one weight with pencil-and-paper numbers. Then a network of two layers
on real digits, its backward pass written out in NumPy, against the tape (`foundations/tape.py`) and torch in
float64 and float32. All three use the chain rule, so they could share a mistake in it; finite differences use
only the loss and are the independent witness. Their error over the step width has the shape of a U: wide
steps meet the curvature, narrow ones the rounding.

Source: Baydin et al. 2018, arXiv 1502.05767, section 2.1 for the U.
Change first: `HIDDEN`, or one sign in `gradients_by_hand`, and see the verdict turn.
Command: glassworks lab manual-equals-tape

Axes: rows are examples; inputs, hidden and classes are the widths of the layers.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch

from glassworks.core.keyed import generator
from glassworks.foundations.by_hand import TwoLayers, one_weight, standardise
from glassworks.foundations.tape import Value, cross_entropy
from glassworks.judging.intervals import wilson
from glassworks.labs.digits import CLASSES, digits
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Table, Verdict

SEEDS, QUICK_SEEDS = tuple(range(10)), (0, 1)
PRECISION = "float64, and float32 where it is said"
HIDDEN, ROWS = (8, 32, 128), (1, 16, 128)  # sizes of the networks; rows of the batch
WIDTHS = tuple(10.0 ** (-power / 2) for power in range(2, 25))  # of the small step: 0.1 to 1e-12
ENTRIES = 40  # weights of a network that finite differences look at
DOUBLE, SINGLE, WITNESS = 1e-10, 1e-5, 1e-6  # the bounds of the rule
RULE = (
    "Relative difference = the largest difference of an entry of a gradient, divided by the largest entry of "
    f'that array. The claim "holds" when every worked fact and every network agree within {DOUBLE:g} in '
    f"float64 and {SINGLE:g} in float32, and finite differences at their best step width, in the median over "
    f'the weights, within {WITNESS:g}. It "does not hold" when one of the first two bounds is broken '
    'anywhere, and is "not shown" when only the finite differences are too far.'
)
Array = np.ndarray
WAYS = ("by hand", "tape", "torch float64", "torch float32")


# ---- the worked example


def step_on_tape(x: float, y: float, weight: float, rate: float) -> tuple[float, float, float]:
    """(loss, gradient, new weight) of one step of prediction = weight * x with the squared error."""
    leaf = Value(weight)
    loss = (leaf * x - y) ** 2
    loss.backward()
    assert leaf.grad is not None
    return float(loss.data), float(leaf.grad), float(weight - rate * leaf.grad)


def step_in_torch(
    x: float, y: float, weight: float, rate: float, dtype: torch.dtype
) -> tuple[float, float, float]:
    """The same in torch."""
    leaf = torch.tensor(weight, dtype=dtype, requires_grad=True)
    loss = (leaf * x - y) ** 2
    loss.backward()
    assert leaf.grad is not None
    return loss.item(), leaf.grad.item(), (leaf.detach() - rate * leaf.grad).item()


def walk(steps: int) -> dict[str, list[tuple[float, float, float]]]:
    """(loss, gradient, new weight) of each step from weight 1 towards 10 = weight * 2, by each way."""
    hand = one_weight(2, 10, 1, 0.01, steps)
    walks = {"by hand": [(float(s.loss), float(s.gradient), float(s.new_weight)) for s in hand]}
    for way in WAYS[1:]:
        weight, walks[way] = 1.0, []
        for _ in range(steps):
            if way == "tape":
                taken = step_on_tape(2, 10, weight, 0.01)
            else:
                taken = step_in_torch(2, 10, weight, 0.01, getattr(torch, way.split()[1]))
            walks[way].append(taken)
            weight = taken[2]
    return walks


def mean_square(numbers: Sequence[float]) -> dict[str, list[float]]:
    """Output, then gradients, of the mean of (x squared plus 5), by each way; by hand they are 2 x / N."""
    x = np.array(numbers)
    answers = {"by hand": [float((x**2 + 5).mean()), *(2 * x / len(x))]}
    leaf = Value(x)
    out = (leaf**2 + 5).mean()
    out.backward()
    assert leaf.grad is not None
    answers["tape"] = [float(out.data), *leaf.grad]
    for way in WAYS[2:]:
        tensor = torch.tensor(numbers, dtype=getattr(torch, way.split()[1]), requires_grad=True)
        mean = (tensor**2 + 5).mean()
        mean.backward()
        assert tensor.grad is not None
        answers[way] = [mean.item(), *tensor.grad.tolist()]
    return {way: [float(number) for number in row] for way, row in answers.items()}


def only_the_leaf_keeps_its_gradient() -> bool:
    """Whether torch gives a moved tensor's gradient to the one it was made from, and None to the copy."""
    leaf = torch.tensor([2.0, 3.0], requires_grad=True)
    moved = leaf.to(torch.float64)  # as to another device: a result, not a leaf
    (moved**2).mean().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of exactly what is asked for here
        return moved.grad is None and leaf.grad is not None


def facts() -> list[tuple[str, list[float], dict[str, list[float]]]]:
    """(what, the numbers on paper, the numbers of each way)."""
    walks = walk(400)
    first = {way: list(steps[0]) for way, steps in walks.items()}
    weights = {way: [step[2] for step in steps[:3]] for way, steps in walks.items()}
    losses = {way: [step[0] for step in steps[:4]] for way, steps in walks.items()}
    ends = {way: [steps[-1][2]] for way, steps in walks.items()}
    return [
        ("one step: loss, gradient, new weight", [64.0, -32.0, 1.32], first),
        ("weights after 1, 2, 3 steps", [1.32, 1.6144, 1.885248], weights),
        ("losses before steps 1 to 4", [64.0, 54.1696, 45.84914944, 38.806720086016], losses),
        ("weight after 400 steps", [5.0], ends),
        ("mean of x² + 5 at 2, 3: output, gradients", [11.5, 2.0, 3.0], mean_square([2, 3])),
        ("the same at 2, 3, 4: gradients 2x/N", [4 / 3, 2.0, 8 / 3],
         {way: row[1:] for way, row in mean_square([2, 3, 4]).items()}),
    ]  # fmt: skip


# ---- a network of two layers


def loss_of(parameters: Sequence[Array], rows: Array, targets: Array) -> float:
    """Mean cross-entropy of the network, in the precision of its parameters."""
    first, first_bias, second, second_bias = parameters
    hidden = np.maximum(rows @ first + first_bias, 0)  # (rows, hidden)
    scores = hidden @ second + second_bias  # (rows, classes)
    scores = scores - scores.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(scores).sum(axis=1))
    return (log_sum - scores[np.arange(len(targets)), targets]).mean()


def gradients_by_hand(parameters: Sequence[Array], rows: Array, targets: Array) -> list[Array]:
    """The backward pass written out, a line for each line of the forward pass, last to first."""
    first, first_bias, second, second_bias = parameters
    before = rows @ first + first_bias
    hidden = np.maximum(before, 0)
    scores = hidden @ second + second_bias
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    by_scores = shares / shares.sum(axis=1, keepdims=True)  # softmax …
    by_scores[np.arange(len(targets)), targets] -= 1  # … minus 1 at the right class
    by_scores /= len(targets)  # (rows, classes)
    by_before = (by_scores @ second.T) * (before > 0)  # (rows, hidden)
    return [rows.T @ by_before, by_before.sum(axis=0), hidden.T @ by_scores, by_scores.sum(axis=0)]


def gradients_on_tape(model: TwoLayers, rows: Array, targets: Array) -> list[Array]:
    """The same by the tape."""
    cross_entropy(model(rows), targets).backward()
    return [np.asarray(parameter.grad) for parameter in model.parameters()]


def gradients_in_torch(
    parameters: Sequence[Array], rows: Array, targets: Array, dtype: torch.dtype
) -> list[Array]:
    """The same by torch, as float64 arrays."""
    leaves = [torch.tensor(array, dtype=dtype, requires_grad=True) for array in parameters]
    first, first_bias, second, second_bias = leaves
    scores = (torch.tensor(rows, dtype=dtype) @ first + first_bias).relu() @ second + second_bias
    torch.nn.functional.cross_entropy(scores, torch.tensor(targets)).backward()
    return [leaf.grad.double().numpy() for leaf in leaves if leaf.grad is not None]


def network(hidden: int, rows: int, seed: int) -> tuple[TwoLayers, Array, Array]:
    """A network with a random start, and as many random digits: (rows, 64), standardised, and targets."""
    everything, dice = digits(), generator(seed, "manual equals tape", hidden, rows)
    pictures = everything.pictures.numpy().reshape(len(everything.targets), -1).astype(np.float64)
    chosen = dice.permutation(len(pictures))[:rows]
    scaled = standardise(pictures[chosen], pictures.mean(), pictures.std())
    return TwoLayers(scaled.shape[1], hidden, CLASSES, dice), scaled, everything.targets.numpy()[chosen]


def relative(gradients: Sequence[Array], truth: Sequence[Array]) -> float:
    """The largest difference of an entry, in units of the largest entry of its array."""
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(gradients, truth, strict=True))


def finite_differences(seed: int, dtype: type[np.floating], *, one_sided: bool = False) -> list[float]:
    """For each of WIDTHS the median relative error over ENTRIES weights of a network of 32 hidden units."""
    model, rows, targets = network(32, 16, seed)
    exact = gradients_by_hand([p.data for p in model.parameters()], rows, targets)
    parameters = [parameter.data.astype(dtype) for parameter in model.parameters()]
    rows = rows.astype(dtype)
    dice = generator(seed, "entries")
    places = [(array, dice.integers(parameters[array].size)) for array in dice.integers(4, size=ENTRIES)]
    errors = np.zeros((len(WIDTHS), ENTRIES))
    for line, width in enumerate(WIDTHS):
        for column, (array, place) in enumerate(places):
            flat = parameters[array].reshape(-1)  # a view: what is written here the network sees
            kept = flat[place]
            flat[place] = high = dtype(kept + width)
            above = loss_of(parameters, rows, targets)
            flat[place] = low = kept if one_sided else dtype(kept - width)
            below = loss_of(parameters, rows, targets)
            flat[place] = kept
            # The width that was taken, not the one that was meant: rounding moves both ends.
            slope = 0.0 if high == low else float(above - below) / float(high - low)
            truth = exact[array].reshape(-1)[place]
            errors[line, column] = abs(slope - truth) / np.abs(exact[array]).max()
    return [float(value) for value in np.median(errors, axis=1)]


# ---- the lab

DRAWN = (("central, float64", np.float64, False), ("central, float32", np.float32, False),
         ("one side, float64", np.float64, True))  # fmt: skip


def experiment(bench: Bench) -> Findings:
    """The worked example, then every size of network with every seed, then the U."""
    paper = facts()
    bench.say(f"{len(paper)} worked facts by {len(WAYS)} ways")
    numbers: Numbers = {
        f"facts: {way}": [
            float(relative([np.array(ways[way])], [np.array(right)])) for _, right, ways in paper
        ]
        for way in WAYS
    }
    numbers["only the leaf keeps its gradient"] = [float(only_the_leaf_keeps_its_gradient())]
    sizes = [(hidden, rows) for hidden in HIDDEN for rows in ROWS]
    far: dict[tuple[int, int], list[list[float]]] = {}
    for hidden, rows in sizes:
        bench.go_on()
        far[hidden, rows] = [_distances(*network(hidden, rows, seed)) for seed in bench.seeds]
        worst = np.max(far[hidden, rows], axis=0)
        bench.say(
            f"{hidden} hidden units, batch of {rows}: tape {worst[0]:.1g}, torch {worst[1]:.1g} from by hand"
        )
    for place, way in enumerate(WAYS[1:]):
        numbers[f"networks: {way}"] = [row[place] for size in sizes for row in far[size]]
    errors = {}
    for name, dtype, one_sided in DRAWN:
        bench.go_on()
        runs = [finite_differences(seed, dtype, one_sided=one_sided) for seed in bench.seeds]
        errors[name] = np.exp(np.mean(np.log(np.maximum(runs, 1e-18)), axis=0))
        bench.say(f"finite differences, {name}: best {errors[name].min():.1g}")
        numbers[f"finite differences: {name}"] = [min(run) for run in runs]
    charts = [_u_chart(errors), _size_chart(far)]
    return Findings(numbers, [_fact_table(paper), _size_table(far), _width_table(errors)], charts, NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    double = max(max(numbers[f"networks: {way}"]) for way in WAYS[1:3])
    single = max(numbers["networks: torch float32"])
    facts_double = max(max(numbers[f"facts: {way}"]) for way in WAYS[:3])
    facts_single = max(numbers["facts: torch float32"])
    witness = max(numbers["finite differences: central, float64"])
    leaf = numbers["only the leaf keeps its gradient"] == [1.0]
    outcome: Outcome = "holds" if witness <= WITNESS else "not shown"
    if max(double, facts_double) > DOUBLE or max(single, facts_single) > SINGLE or not leaf:
        outcome = "does not hold"
    count = len(numbers["networks: tape"])
    broken = sum(
        max(one) > DOUBLE or other > SINGLE
        for *one, other in zip(*(numbers[f"networks: {way}"] for way in WAYS[1:]))
    )
    low, high = wilson(broken, count)
    sentence = (
        f"In {count} networks the tape and torch differ from the formulas by at most {double:.1g} of the "
        f"largest gradient in float64, and by {single:.1g} in float32, which is rounding. Finite "
        f"differences, which know nothing of the chain rule, come to {witness:.1g} at their best step width. "
        f"The worked example differs from paper by {facts_double:.1g} and {facts_single:.1g}"
        f"{'.' if leaf else ', and a copy kept the gradient of its leaf.'}"
    )
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        interval=f"{broken} of {count} networks beyond a bound: {100 * low:.1f} to {100 * high:.1f} % of "
        "such networks (95 %, Wilson)",
    )


def _distances(model: TwoLayers, rows: Array, targets: Array) -> list[float]:
    """How far each way of WAYS[1:] is from the formulas."""
    parameters = [parameter.data for parameter in model.parameters()]
    truth = gradients_by_hand(parameters, rows, targets)
    return [
        relative(gradients_on_tape(model, rows, targets), truth),
        relative(gradients_in_torch(parameters, rows, targets, torch.float64), truth),
        relative(gradients_in_torch(parameters, rows, targets, torch.float32), truth),
    ]


def _fact_table(paper: list[tuple[str, list[float], dict[str, list[float]]]]) -> Table:
    def shown(row: Sequence[float]) -> str:
        return ", ".join(f"{number:.9g}" for number in row)

    rows = [(what, shown(right), *(shown(ways[way]) for way in WAYS)) for what, right, ways in paper]
    head = ("worked example", "on paper", *WAYS)
    return Table(title="The worked example", head=head, rows=tuple(rows))


def _size_table(far: dict[tuple[int, int], list[list[float]]]) -> Table:
    rows = [
        (str(hidden), str(rows), *(f"{worst:.1e}" for worst in np.max(distances, axis=0)))
        for (hidden, rows), distances in far.items()
    ]
    head = ("hidden units", "batch", *WAYS[1:])
    return Table(title="Largest relative difference from the formulas", head=head, rows=tuple(rows))


def _width_table(errors: dict[str, Array]) -> Table:
    rows = [(name, f"{WIDTHS[int(row.argmin())]:.0e}", f"{row.min():.1e}") for name, row in errors.items()]
    head = ("finite differences", "best step width", "relative error there")
    return Table(title="The small step", head=head, rows=tuple(rows))


def _u_chart(errors: dict[str, Array]) -> Chart:
    curves = {
        name: tuple((width, float(error)) for width, error in zip(WIDTHS, row))
        for name, row in errors.items()
    }
    return Chart(title="Small steps: too wide, or too narrow", across="step width", up="relative error",
                 curves=curves, logarithmic="xy")  # fmt: skip


def _size_chart(far: dict[tuple[int, int], list[list[float]]]) -> Chart:
    curves = {
        way: tuple(
            (hidden, max(float(row[place]) for rows in ROWS for row in far[hidden, rows]))
            for hidden in HIDDEN
        )
        for place, way in enumerate(WAYS[1:])
    }
    return Chart(title="Distance from the formulas", across="hidden units", up="relative difference",
                 curves=curves, logarithmic="xy")  # fmt: skip


NOTES = (
    "1.32 in float64 is 1.31999993 in float32: compare floating-point numbers with a tolerance.",
    "Two numbers make the gradient of the mean of squares equal to its input by chance (2x/N with N = 2); "
    "with three numbers it is not.",
    "A tensor that was moved or converted is a result, not a leaf: torch leaves its gradient empty. The tape "
    "keeps the gradient of every value, because it is there to be looked at.",
    f"The curves of the finite differences: median over {ENTRIES} weights, geometric mean over the seeds.",
)
