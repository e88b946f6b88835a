"""GELU against ReLU: one small Vision Transformer, two activations, and the units that fell silent.

The activation between the two layers of every MLP is the only thing that changes; GELU's short form by tanh
runs along. Beside accuracy and loss, units are counted that are off for every patch of every training
picture: with ReLU such a unit has no gradient there and cannot come back by itself.

Source: Hendrycks & Gimpel 2016, "Gaussian error linear units", arXiv 1606.08415, which compares them on other
data; ReLU: Nair & Hinton 2010.
Change first: `ACTIVATIONS`, or `STEPS`.
Command: glassworks lab gelu-against-relu

Axes: units of all MLPs' inner layers; seeds.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.small_vit import Judged, judged, learn, model_of, parts_of, words
from glassworks.models.vision.vit import ViT

SEEDS, QUICK_SEEDS = tuple(range(8)), (0, 1)
PRECISION = "float32"
ACTIVATIONS = ("gelu", "gelu-tanh", "relu")
DEPTH, STEPS, QUICK_STEPS = 4, 300, 6
RULE = (
    'Gain = test accuracy with GELU minus that with ReLU, in points of 100, seed by seed. The claim "holds" '
    'when the 95 % interval of the mean gain lies above 0, "does not hold" when it lies below 0, and is "not '
    'shown" otherwise. Beside it, without deciding: the difference of the test losses, the gain of the short '
    "form by tanh over the exact one, and the share of units that are at or below 0 before the activation "
    "for every patch of every training picture, after training."
)


def train_with(activation: str, seed: int, *, steps: int = STEPS) -> tuple[Judged, float]:
    """One run, and the share of silent units after it; about two seconds on one core."""
    training, test = parts_of(seed)
    model = model_of(DEPTH, seed, activation=activation)
    learn(model, training, seed, steps)
    return judged(model, training, test), silent_units(model, training.pictures)


@torch.no_grad()
def silent_units(model: ViT, pictures: Tensor) -> float:
    """Share of the MLPs' inner units that are at or below 0 for every token of every picture."""
    layers = [part for name, part in model.named_modules() if name.endswith("mlp.widen")]
    with _highest(layers) as highest:
        for rows in pictures.split(256):
            model.eval()(rows)
    return float((torch.cat(list(highest.values())) <= 0).double().mean())


@contextmanager
def _highest(layers: list[nn.Module]) -> Iterator[dict[int, Tensor]]:
    """The highest number of each unit of these layers in all that passes while the block runs."""
    found: dict[int, Tensor] = {}

    def hook(place: int):
        def note(module: nn.Module, given: object, out: Tensor) -> None:
            top = out.flatten(0, -2).amax(0)
            found[place] = torch.maximum(found[place], top) if place in found else top

        return note

    handles = [layer.register_forward_hook(hook(place)) for place, layer in enumerate(layers)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def experiment(bench: Bench) -> Findings:
    """Every activation with every seed, in turn."""
    runs: dict[str, list[Judged]] = {name: [] for name in ACTIVATIONS}
    silent: dict[str, list[float]] = {name: [] for name in ACTIVATIONS}
    for seed in bench.seeds:
        for name in ACTIVATIONS:
            bench.go_on()
            run, share = train_with(name, seed, steps=QUICK_STEPS if bench.quick else STEPS)
            runs[name].append(run)
            silent[name].append(100 * share)
        told = ", ".join(f"{name} {100 * runs[name][-1].accuracy:.1f} %" for name in ACTIVATIONS)
        bench.say(f"seed {seed}: {told}")
    numbers: Numbers = {
        f"accuracy: {name}": [100 * run.accuracy for run in runs[name]] for name in ACTIVATIONS
    }
    numbers |= {f"loss: {name}": [run.loss for run in runs[name]] for name in ACTIVATIONS}
    numbers |= {f"silent: {name}": silent[name] for name in ACTIVATIONS}
    return Findings(numbers, [_table(runs, silent)], _charts(numbers), NOTES)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gain = difference(numbers["accuracy: gelu"], numbers["accuracy: relu"])
    loss = difference(numbers["loss: gelu"], numbers["loss: relu"])
    form = difference(numbers["accuracy: gelu-tanh"], numbers["accuracy: gelu"])
    outcome: Outcome = "not shown"
    if gain.low is not None and gain.low > 0:
        outcome = "holds"
    if gain.high is not None and gain.high < 0:
        outcome = "does not hold"
    silent = {name: float(np.mean(numbers[f"silent: {name}"])) for name in ACTIVATIONS}
    return Verdict(
        outcome=outcome,
        sentence=f"GELU changes test accuracy by {words(gain)} points against ReLU, and test loss by "
        f"{words(loss, 3)} nats; the form by tanh by {words(form)} points against the exact one. After "
        f"training {silent['relu']:.1f} % of the units are silent with ReLU. With GELU "
        f"{silent['gelu']:.1f} % "
        "never get above 0, where its slope is small but seldom 0.",
        interval=f"gain {words(gain)} points; n = {gain.n} seeds, 95 %",
    )


def _table(runs: dict[str, list[Judged]], silent: dict[str, list[float]]) -> Table:
    rows = []
    for name, row in runs.items():
        accuracy = mean_interval([100 * run.accuracy for run in row])
        rows.append((
            name, f"{100 * np.mean([run.learned for run in row]):.1f}",
            words(accuracy).replace("+", ""), f"{np.mean([run.loss for run in row]):.3f}",
            f"{np.mean(silent[name]):.1f}",
        ))  # fmt: skip
    head = ("activation", "training accuracy, %", "test accuracy, % (95 %)", "test loss",
            "units never above 0, %")  # fmt: skip
    return Table(title="One network, three activations", head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    pairs = (("GELU minus ReLU", "gelu", "relu"), ("tanh form minus exact", "gelu-tanh", "gelu"))
    spans = []
    for said, first, second in pairs:
        one = difference(numbers[f"accuracy: {first}"], numbers[f"accuracy: {second}"])
        low, high = (one.value if end is None else end for end in (one.low, one.high))
        spans.append(Span(name=said, low=low, value=one.value, high=high))
    return [Chart(title="Difference in test accuracy", across="points of 100", spans=tuple(spans))]


NOTES = (
    f"Every run takes {STEPS} steps with {DEPTH} blocks, with the same start and the same pictures in the "
    "same order for all activations. One rate was used for all; none was tuned for one of them.",
    "A silent unit is counted on the training pictures: on other data it may wake up.",
    "Small differences on small pictures say little about large models. GELU is the choice of ViT, BERT and "
    "GPT-2; ReLU, SiLU and gated forms are in use in others.",
)
