"""Can the map be believed? Cover what it calls important, and see whether the answer falls sooner.

A small ViT and a small CNN learn digits of 8 x 8 squares. Maps of what they looked at are drawn for test
pictures: the last layer's attention, rollout, Grad-CAM, occlusion, and two that never ask the network, the
ink itself and noise. The hottest squares are covered first (deletion) or shown first (insertion), and the
answer is compared with what the same heat brings when it is laid elsewhere. Each map is then asked of a
network with shuffled weights: one that stays the same says nothing about the network.

Sources: Samek et al. 2015, arXiv 1509.06321; Petsiuk et al. 2018, arXiv 1806.07421; Adebayo et al. 2018,
arXiv 1810.03292. Where this differs: ink and noise stand beside them, as maps that know no network. Change
first: `FILL`, what covers a square. Command: glassworks lab can-the-map-be-believed

Axes: pictures (rows, 1, 8, 8); heat (rows, 8, 8); classes the ten digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.core import keyed
from glassworks.insight.attention import attention_of, drawn_from, rollout
from glassworks.insight.grad_cam import grad_cam
from glassworks.insight.occlusion import occlusion
from glassworks.insight.perturbation import Faithfulness, faithfulness
from glassworks.insight.sanity import randomised, similarity
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import CLASSES, SIDE, deal
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.labs.positions_and_order import answers, learn, scaled, share_right
from glassworks.models.vision.cnn import CNN, CNNConfig
from glassworks.models.vision.vit import ViTConfig, build

SEEDS, QUICK_SEEDS = tuple(range(5)), (0, 1)
PRECISION = "float32"
Network = Literal["ViT", "CNN"]
PATCH = 2  # squares on a side of a patch: 4 x 4 patches and a class token, 17 tokens
STEPS, RATES = {"ViT": 250, "CNN": 150}, {"ViT": 7e-3, "CNN": 5e-3}
QUICK_STEPS, QUICK_PICTURES = 40, 10
PICTURES = 100  # of the test part, that are covered
FILL = 0.0  # the mean of the training pictures, as `glassworks explain` covers
Maps = Float[np.ndarray, "rows 8 8"]
WAYS: dict[Network, tuple[str, ...]] = {
    "ViT": ("attention", "rollout", "grad-cam", "occlusion", "ink", "noise"),
    "CNN": ("grad-cam", "occlusion", "ink", "noise"),
}
ASKED = ("ViT attention", "ViT rollout")  # the maps that decide about the claim
TESTS = ("deletion", "insertion")
RULE = (
    "Deletion gain = mean probability of the answer while squares are covered, the same heat laid "
    "elsewhere minus the map as it is; insertion gain = while squares are shown, the map as it is minus "
    'elsewhere; both in points of 100, seed by seed. The claim "holds" when the intervals of both gains of '
    "both maps of attention, the last layer's and rollout, lie above 0 (95 % for all four at once), \"does "
    'not hold" when one lies below 0, and is "not shown" otherwise. Beside it, without deciding: the same '
    "for the other maps, how far rollout is above a map of the ink, and how alike each map is when the "
    "weights are shuffled."
)


@dataclass(frozen=True)
class Found:
    """One map of one network. check: covered and shown; alike: rank correlation with the maps of the same
    network with shuffled weights, -1 … 1."""

    check: Faithfulness
    alike: float


def start(network: Network, seed: int) -> nn.Module:
    """A network that has learned nothing yet."""
    with torch.random.fork_rng(devices=[]):  # a model's start draws from torch's own dice
        torch.manual_seed(keyed.seed_for(seed, "believed", network))
        if network == "CNN":
            shape = {"widths": (32,), "hidden": 64, "batch_norm": True}
            return CNN(CNNConfig(height=SIDE, width=SIDE, channels=1, classes=CLASSES, **shape))  # type: ignore[arg-type]
        config = ViTConfig(
            height=SIDE, width=SIDE, channels=1, classes=CLASSES, patch=PATCH, dimension=48, depth=3,
            block={"heads": 4, "ratio": 1.0},  # type: ignore[arg-type]
        )  # fmt: skip
        return build(config)


def trained(network: Network, seed: int = 0, *, steps: int | None = None) -> nn.Module:
    """The network after its training, in evaluation mode; the ViT takes three seconds on one core."""
    model = start(network, seed)
    training = scaled(deal(seed))[0]
    learn(model, training, seed, steps=steps or STEPS[network], rate=RATES[network])
    return model.eval()


def map_of(model: nn.Module, pictures: Tensor, said: Tensor, way: str) -> Maps:
    """What one way of looking calls important, at the size of the pictures.

    said: the classes that are explained, (rows,); attention, rollout, ink and noise do not ask for them
    """
    if way == "attention":
        return _enlarged(drawn_from(attention_of(model, pictures)[-1]).mean(1))
    if way == "rollout":
        return _enlarged(rollout(attention_of(model, pictures)))
    if way == "grad-cam":
        return grad_cam(model, pictures, said)
    if way == "occlusion":
        return occlusion(model, pictures, said, patch=PATCH, stride=1)
    if way == "ink":
        return pictures[:, 0].numpy()
    return keyed.generator(0, "noise").random((len(pictures), SIDE, SIDE)).astype(np.float32)


def _enlarged(maps: Float[Tensor, "rows h w"]) -> Maps:
    return F.interpolate(maps[:, None], (SIDE, SIDE), mode="bilinear")[:, 0].numpy()


def looked(model: nn.Module, pictures: Tensor, way: str, seed: int) -> Found:
    """One map for all pictures, covered, shown, and drawn again with shuffled weights."""
    said = answers(model, pictures)
    heat = map_of(model, pictures, said, way)
    check = faithfulness(model, pictures, heat, said, fill=FILL, seed=seed)
    other = map_of(randomised(model, seed, pictures=pictures), pictures, said, way)
    alike = float(np.mean([similarity(one, another) for one, another in zip(heat, other)]))
    return Found(check, alike)


def experiment(bench: Bench) -> Findings:
    """Both networks and all their maps, seed by seed."""
    numbers: Numbers = {}

    def add(name: str, value: float) -> None:
        numbers.setdefault(name, []).append(value)

    for seed in bench.seeds:
        test = scaled(deal(seed))[2]
        pictures = test.pictures[: QUICK_PICTURES if bench.quick else PICTURES]
        for network, ways in WAYS.items():
            model = trained(network, seed, steps=QUICK_STEPS if bench.quick else None)
            add(f"accuracy: {network}", 100 * share_right(answers(model, test.pictures), test.targets))
            for way in ways:
                bench.go_on()
                _note(add, f"{network} {way}", looked(model, pictures, way, seed))
        told = ", ".join(f"{name} {numbers[f'deletion: {name}'][-1]:+.1f}" for name in _names())
        bench.say(f"seed {seed}, deletion gains in points: {told}")
    return Findings(numbers, [_table(numbers)], _charts(numbers), NOTES)


def _note(add: Callable[[str, float], None], name: str, found: Found) -> None:
    """The figures of one map, in points of 100."""
    check = found.check
    for what, value in (
        ("covered", check.area_deletion), ("covered elsewhere", check.area_random),
        ("shown", check.area_insertion), ("shown elsewhere", check.area_random_insertion),
        ("deletion", check.area_random - check.area_deletion),
        ("insertion", check.area_insertion - check.area_random_insertion),
    ):  # fmt: skip
        add(f"{what}: {name}", 100 * value)
    add(f"alike: {name}", found.alike)


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gains = {
        (test, name): mean_interval(numbers[f"{test}: {name}"], comparisons=len(ASKED) * len(TESTS))
        for name in ASKED
        for test in TESTS
    }
    outcome: Outcome = "not shown"
    if all(one.low is not None and one.low > 0 for one in gains.values()):
        outcome = "holds"
    if any(one.high is not None and one.high < 0 for one in gains.values()):
        outcome = "does not hold"
    told = "; ".join(
        f"{name} {', '.join(f'{test} {_words(gains[test, name])}' for test in TESTS)}" for name in ASKED
    )
    means = {name: float(np.mean(values)) for name, values in numbers.items()}
    sentence = (
        f"Over the same heat elsewhere, in points: {told}. Occlusion on the ViT gains "
        f"{means['deletion: ViT occlusion']:.1f} of deletion. Rollout minus a map of the ink, which asks no "
        f"network: {_words(above_ink(numbers, 'deletion'))} of deletion, "
        f"{_words(above_ink(numbers, 'insertion'))} of insertion. With shuffled weights the last block's "
        f"attention is alike to {means['alike: ViT attention']:.2f}, rollout to "
        f"{means['alike: ViT rollout']:.2f}, the ink to {means['alike: ViT ink']:.2f}."
    )
    count = len(numbers[f"deletion: {ASKED[0]}"])
    return Verdict(
        outcome=outcome, sentence=sentence, interval=f"{told}; n = {count} seeds, 95 % for all four at once"
    )


def above_ink(numbers: Numbers, test: str) -> Interval:
    """How far rollout is above a map that is the picture itself, in points."""
    return difference(numbers[f"{test}: ViT rollout"], numbers[f"{test}: ViT ink"])


def _names() -> list[str]:
    return [f"{network} {way}" for network, ways in WAYS.items() for way in ways]


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:+.1f} (one seed, no interval)"
    return f"{one.value:+.1f} ({one.low:+.1f} to {one.high:+.1f})"


def _table(numbers: Numbers) -> Table:
    rows = []
    for name in _names():
        at = {what: f"{np.mean(numbers[f'{what}: {name}']):.1f}" for what in ("covered", "covered elsewhere",
              "shown", "shown elsewhere")}  # fmt: skip
        gains = [_words(mean_interval(numbers[f"{test}: {name}"])) for test in TESTS]
        rows.append((
            name, at["covered"], at["covered elsewhere"], gains[0],
            at["shown"], at["shown elsewhere"], gains[1], f"{np.mean(numbers[f'alike: {name}']):+.2f}",
        ))  # fmt: skip
    head = ("map", "hottest covered first, %", "elsewhere, %", "deletion gain", "hottest shown first, %",
            "elsewhere, %", "insertion gain", "alike with shuffled weights")  # fmt: skip
    right = ", ".join(f"{network} {np.mean(numbers[f'accuracy: {network}']):.1f} %" for network in WAYS)
    title = f"Mean probability of the answer, and gains in points (test accuracy: {right})"
    return Table(title=title, head=head, rows=tuple(rows))


def _charts(numbers: Numbers) -> list[Chart]:
    charts = []
    for test in TESTS:
        spans = []
        for name in _names():
            one = mean_interval(numbers[f"{test}: {name}"])
            low, high = (one.value if end is None else end for end in (one.low, one.high))
            spans.append(Span(name=name, low=low, value=one.value, high=high))
        title = f"{test.capitalize()} gain over the same heat elsewhere, with its 95 % interval"
        charts.append(Chart(title=title, across="points of probability", spans=tuple(spans)))
    return charts


NOTES = (
    "The answer explained is the one that the network gives, right or wrong. Squares are covered with the "
    "mean of the training pictures, one pixel a square; another cover gives other numbers.",
    "A map of the ink is the picture: it is the same for every network, and yet it finds the places that "
    "matter in a digit, because the rest is empty paper. To pass this test is not to explain a network.",
    "Occlusion covers squares to draw its map, so it is close to the test that judges it.",
    "Digits on 4 x 4 patches, three blocks, trained for seconds: nothing here says how the maps of a large "
    "pretrained model fare. Grad-CAM of so small a CNN reads a map of 4 x 4 places.",
)
