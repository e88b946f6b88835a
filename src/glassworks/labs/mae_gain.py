"""What pretraining without labels brings: a small Transformer that guessed hidden patches, and one without.

A masked autoencoder learns from 1,000 digits whose labels nobody reads. Then few labels are given, and three
classifiers are compared on the same test part: the same network from scratch, a linear probe on the encoder
as it is, and the encoder tuned as a whole from there, in a third of the steps. Beside it the clock: how much
faster the encoder gets when patches are hidden, and how much the whole step, decoder included.

Source: He et al. 2021, arXiv 2111.06377, who report an encoder that is about four times as fast or more.
Change first: `LABELS`, pictures a class that have a label.
Command: glassworks lab mae-gain

Axes: rows are pictures of 32 x 32 grey pixels in 64 patches; classes are the ten digits.
"""

import math
import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.blocks.encoder_block import BlockConfig
from glassworks.core.keyed import permutation, seed_for
from glassworks.data.samples import sample_table
from glassworks.judging.intervals import Interval
from glassworks.labs.digits import batches
from glassworks.labs.lab import Bench, Chart, Findings, Numbers, Outcome, Span, Table, Verdict
from glassworks.labs.paired import difference, mean_interval
from glassworks.models.vision import mae, vit
from glassworks.weights.names.mae import to_vit, vit_fields

SEEDS, QUICK_SEEDS = (0, 1, 2), (0,)
PRECISION = "float32"
LABELS, QUICK_LABELS = (2, 5, 20), (5,)  # pictures a class that have a label
UNLABELLED, TEST = (
    1_000,
    500,
)  # pictures to pretrain on, labelled ones among them; to judge with
PRETRAIN, SCRATCH, TUNE = 800, 300, 100  # steps
QUICK_PRETRAIN, QUICK_SCRATCH, QUICK_TUNE = 150, 60, 20
BATCH, WARMUP = 32, 0.1
PRETRAIN_RATE, SCRATCH_RATE, TUNE_RATE = 3e-3, 1e-3, 1e-4
DECAY, PROBE_DECAY = 0.05, 1e-3
SHAPE = mae.MAEConfig(
    height=32, width=32, channels=1, patch=4, dimension=64, depth=4, pooling="mean",
    block=BlockConfig(heads=4), decoder=mae.DecoderShape(dimension=32, depth=1, block=BlockConfig(heads=4)),
)  # fmt: skip
SHARES, CLOCKED = (0.5, 0.75, 0.9), "ti16"  # hidden shares whose speed is measured, and on what encoder
PICTURES, ROUNDS, QUICK_ROUNDS = 4, 5, 2  # of 224 x 224 pixels a step; repetitions of which the median counts
RULE = (
    "Gain = test accuracy of the pretrained encoder tuned as a whole minus that of the same network from "
    "scratch, which gets the same labels and three times the steps, in points of 100, averaged over the "
    'numbers of labels. The claim "holds" when the 95 % interval of the mean over the seeds lies above 0, '
    '"does not hold" when it lies below 0, and is "not shown" otherwise. Beside it, without deciding: the '
    "probe, and the clock."
)
WAYS = ("from scratch", "probe", "tuned as a whole")
GAIN, PROBE = "gain: tuned as a whole", "gain: probe"


@lru_cache(maxsize=1)
def _digits() -> tuple[Tensor, Tensor]:
    """All digits, float32 (rows, 1, 32, 32) with ink from 0 to 1, and their classes."""
    table = sample_table("digits")
    pictures = np.stack([np.asarray(picture, np.float32) for picture in table.sources])[:, None] / 255
    return torch.from_numpy(pictures), torch.from_numpy(np.asarray(table.targets))


def parts(seed: int) -> tuple[Tensor, Tensor]:
    """Row numbers to learn from and to judge with: disjoint, and the same for the same seed."""
    order = torch.from_numpy(permutation(len(_digits()[1]), seed, "mae gain"))
    return order[TEST : TEST + UNLABELLED], order[:TEST]


def labelled(rows: Tensor, count: int) -> Tensor:
    """The first `count` rows of each class."""
    targets = _digits()[1][rows]
    return torch.cat([rows[targets == label][:count] for label in range(10)])


def scaled(rows: Tensor, by: Tensor) -> Tensor:
    """Pictures of some rows by mean and spread of the rows `by`."""
    pictures = _digits()[0]
    return (pictures[rows] - pictures[by].mean()) / pictures[by].std()


def pretrain(seed: int, steps: int = PRETRAIN) -> tuple[mae.MAE, float]:
    """An autoencoder of the pictures to learn from, and its mean loss over the last tenth of the steps."""
    rows, _ = parts(seed)
    seen = scaled(rows, rows)
    torch.manual_seed(seed_for(seed, "mae gain start"))
    model, dice = mae.build(SHAPE), torch.Generator().manual_seed(seed_for(seed, "mae gain masks"))
    losses: list[float] = []

    def loss(batch: Tensor) -> Tensor:
        noise = torch.rand(len(batch), SHAPE.tokens, generator=dice)
        value = mae.errors(*model(seen[batch], noise)).mean()
        losses.append(float(value.detach()))
        return value

    _fit(model, loss, len(rows), steps, PRETRAIN_RATE, dice)
    return model, float(np.mean(losses[-max(1, steps // 10) :]))


def classifier(seed: int, body: mae.MAE | None) -> vit.ViT:
    """The ViT of the encoder's shape, with the encoder's weights or, without one, a random start."""
    torch.manual_seed(seed_for(seed, "mae gain head"))
    fields = vit_fields({name: getattr(SHAPE, name) for name in vars(SHAPE)})
    model = vit.build(vit.ViTConfig(**fields, classes=10))
    if body is not None:
        model.load_state_dict(model.state_dict() | to_vit(body.state_dict()))
    return model


def accuracy(model: nn.Module, seen: Tensor, targets: Tensor) -> float:
    """Share of right answers, in points of 100."""
    model.eval()
    with torch.no_grad():
        said = torch.cat([model(part).argmax(1) for part in seen.split(250)])
    return 100 * float((said == targets).float().mean())


def tuned(seed: int, count: int, body: mae.MAE | None, steps: int) -> float:
    """Test accuracy of a classifier that learned from `count` labels a class, all of it.

    With a body its head begins as the probe: a random head would shake the body before it says anything.
    """
    rows, test = parts(seed)
    own, targets = labelled(rows, count), _digits()[1]
    model, seen = classifier(seed, body), scaled(own, rows)
    if body is not None:
        model.head.load_state_dict(probe(body, seen, targets[own]).state_dict())
    dice = torch.Generator().manual_seed(seed_for(seed, "mae gain order", count))

    def loss(batch: Tensor) -> Tensor:
        return F.cross_entropy(model(seen[batch]), targets[own[batch]])

    _fit(model, loss, len(own), steps, SCRATCH_RATE if body is None else TUNE_RATE, dice)
    return accuracy(model, scaled(test, rows), targets[test])


def probed(seed: int, count: int, body: mae.MAE) -> float:
    """Test accuracy of a linear layer on the encoder's features, fitted to `count` labels a class."""
    rows, test = parts(seed)
    own, targets = labelled(rows, count), _digits()[1]
    head = probe(body, scaled(own, rows), targets[own])
    with torch.no_grad():
        judged = body.features(scaled(test, rows))
    return accuracy(head, judged, targets[test])


def probe(body: mae.MAE, seen: Tensor, targets: Tensor) -> nn.Linear:
    """The linear layer on the features of some pictures, fitted to the end, with a little decay.

    It is fitted to features of mean 0 and spread 1, and then put into the features' own units.
    """
    body.eval()
    with torch.no_grad():
        features = body.features(seen)
    mean, spread = features.mean(0), features.std(0).clamp(min=1e-4)
    even = (features - mean) / spread
    head = nn.utils.skip_init(nn.Linear, features.shape[1], 10)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    search = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        search.zero_grad()
        loss = F.cross_entropy(head(even), targets) + PROBE_DECAY * head.weight.square().sum()
        loss.backward()
        return loss

    search.step(closure)
    with torch.no_grad():
        head.weight /= spread
        head.bias -= head.weight @ mean
    return head


def _fit(
    model: nn.Module,
    loss: Callable[[Tensor], Tensor],
    count: int,
    steps: int,
    rate: float,
    dice: torch.Generator,
) -> None:
    """AdamW with a warm-up and a cosine, batches of at most BATCH of `count` rows."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=DECAY)
    for step, batch in zip(range(steps), batches(count, BATCH, dice, full=False)):
        share = (step + 0.5) / steps
        fall = 0.5 + 0.5 * math.cos(math.pi * (share - WARMUP) / (1 - WARMUP))
        now = rate * (share / WARMUP if share < WARMUP else fall)
        for group in optimizer.param_groups:
            group["lr"] = now
        optimizer.zero_grad()
        loss(batch).backward()
        optimizer.step()


# ---- the clock


def speed(rounds: int) -> dict[float, tuple[float, float]]:
    """Hidden share -> how many times faster forward and backward get: of the encoder, and of the whole.

    Seconds of the processor, medians of repetitions that take turns. Compared with an encoder that sees all
    patches, and with the same decoder behind it.
    """
    pictures = torch.zeros(PICTURES, 3, 224, 224).normal_(generator=torch.Generator().manual_seed(0))
    models = {share: mae.build(mae.MAEConfig(hidden=share, **mae.VARIANTS[CLOCKED])) for share in SHARES}
    body = next(iter(models.values()))
    every = body.config.tokens
    restore = torch.arange(every).expand(PICTURES, -1)

    def encoder(model: mae.MAE | None) -> Tensor:
        if model is None:
            return body.encoder.encode(body.encoder.embed(pictures))
        return model.encode(pictures)[0]

    def whole(model: mae.MAE | None) -> Tensor:
        if model is None:
            return body.head(body.decoder(encoder(None), restore))
        return model(pictures).prediction

    ways = [(share, part) for share in (None, *models) for part in (encoder, whole)]
    seconds: dict = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for share, part in ways:
            begun = time.process_time()
            part(None if share is None else models[share]).square().mean().backward()
            if turn:  # the first warms up
                seconds[share, part].append(time.process_time() - begun)
    middle = {way: float(np.median(times)) for way, times in seconds.items()}
    return {
        share: (middle[None, encoder] / middle[share, encoder], middle[None, whole] / middle[share, whole])
        for share in models
    }


# ---- the experiment


def experiment(bench: Bench) -> Findings:
    """The clock, then for every seed one pretraining and every way with every number of labels."""
    counts = QUICK_LABELS if bench.quick else LABELS
    steps = (QUICK_PRETRAIN, QUICK_SCRATCH, QUICK_TUNE) if bench.quick else (PRETRAIN, SCRATCH, TUNE)
    faster = speed(QUICK_ROUNDS if bench.quick else ROUNDS)
    for share, (encoder, whole) in faster.items():
        bench.say(f"{share:.0%} hidden: encoder {encoder:.1f} times as fast, whole {whole:.1f} times")
    found: dict[tuple[str, int], list[float]] = {(way, count): [] for way in WAYS for count in counts}
    for seed in bench.seeds:
        bench.go_on()
        body, loss = pretrain(seed, steps[0])
        bench.say(f"seed {seed}: pretrained, error on hidden patches {loss:.3f}")
        for count in counts:
            bench.go_on()
            found["from scratch", count].append(tuned(seed, count, None, steps[1]))
            found["probe", count].append(probed(seed, count, body))
            found["tuned as a whole", count].append(tuned(seed, count, body, steps[2]))
            told = ", ".join(f"{way} {found[way, count][-1]:.1f}" for way in WAYS)
            bench.say(f"seed {seed}, {count} labels a class: {told} %")
    return Findings(
        _numbers(found, counts, faster), _tables(found, faster), _charts(found, counts, faster), NOTES
    )


def judge(numbers: Numbers) -> Verdict:
    """RULE, applied to the numbers."""
    gain, probe = mean_interval(numbers[GAIN]), mean_interval(numbers[PROBE])
    outcome: Outcome = "not shown"
    if gain.low is not None and gain.high is not None:
        outcome = "holds" if gain.low > 0 else "does not hold" if gain.high < 0 else "not shown"
    encoder, whole = (numbers[f"faster at 75 % hidden: {part}"][0] for part in ("encoder", "whole"))
    return Verdict(
        outcome=outcome,
        sentence=(
            "Where labels are few, the encoder that was pretrained without any and then tuned lies "
            f"{_words(gain)} points of accuracy above the same network from scratch, a linear probe on it "
            f"{_words(probe)} points. With three quarters hidden the encoder is {encoder:.1f} times as fast, "
            f"the whole step with its decoder {whole:.1f} times."
        ),
        interval=f"gain {_words(gain)} points; n = {gain.n} seeds, 95 %",
    )


def _words(one: Interval) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:.1f} (one seed, no interval)"
    return f"{one.value:.1f} ({one.low:.1f} to {one.high:.1f})"


def _numbers(found: dict, counts: tuple[int, ...], faster: dict) -> Numbers:
    seeds = range(len(found[WAYS[0], counts[0]]))

    def gain(way: str) -> list[float]:
        return [
            float(np.mean([found[way, count][seed] - found["from scratch", count][seed] for count in counts]))
            for seed in seeds
        ]

    numbers = {GAIN: gain("tuned as a whole"), PROBE: gain("probe")}
    numbers |= {f"{way}, {count} labels a class": values for (way, count), values in found.items()}
    for share, (encoder, whole) in faster.items():
        numbers |= {f"faster at {share:.0%} hidden: encoder".replace("%", " %"): [encoder]}
        numbers |= {f"faster at {share:.0%} hidden: whole".replace("%", " %"): [whole]}
    return numbers


def _tables(found: dict, faster: dict) -> list[Table]:
    counts = list(dict.fromkeys(count for _, count in found))
    rows = [
        (str(count), *(f"{np.mean(found[way, count]):.1f}" for way in WAYS),
         _words(difference(found["tuned as a whole", count], found["from scratch", count])))
        for count in counts
    ]  # fmt: skip
    return [
        Table(title="Test accuracy, %, mean over the seeds",
              head=("labels a class", *WAYS, "gain of tuning, points"),
              rows=tuple(rows)),
        Table(title="How many times faster a step gets", head=("hidden", "encoder", "whole, with decoder"),
              rows=tuple((f"{s:.0%}", f"{e:.2f}", f"{w:.2f}") for s, (e, w) in faster.items())),
    ]  # fmt: skip


def _charts(found: dict, counts: tuple[int, ...], faster: dict) -> list[Chart]:
    curves = {way: tuple((c, float(np.mean(found[way, c]))) for c in counts) for way in WAYS}
    if len(counts) < 2:
        spans = [(way, mean_interval(found[way, counts[0]])) for way in WAYS]
        return [
            Chart(title=f"{counts[0]} labels a class", across="test accuracy, %", spans=tuple(
                Span(name=way, low=one.low or one.value, value=one.value, high=one.high or one.value)
                for way, one in spans
            ))
        ]  # fmt: skip
    shares = {
        part: tuple((100 * share, values[place]) for share, values in faster.items())
        for place, part in enumerate(("encoder", "whole, with decoder"))
    }
    return [
        Chart(title="Accuracy by labels", across="labels a class", up="test accuracy, %", curves=curves,
              logarithmic="x"),
        Chart(title="Faster by hiding", across="hidden patches, %", up="times as fast", curves=shares),
    ]  # fmt: skip


NOTES = (
    "The labelled pictures are among those that were pretrained on; the test pictures are among neither.",
    "The rates (1e-3 from scratch, 1e-4 tuned) are the best of those tried on seed 0. Pretraining comes on "
    "top, and so does the probe that tuning begins with: the gain is one of labels, not of computing.",
    f"The clock is for the encoder {CLOCKED} and its decoder of {mae.VARIANTS[CLOCKED]['decoder']['depth']} "
    f"blocks, on {PICTURES} pictures of 224 x 224 pixels: forward and backward on one thread, without the "
    "optimizer.",
)
