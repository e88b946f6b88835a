"""A frozen body and a new head, five epochs: the body in every epoch, once, and once as we run it.

    python benchmarks/cached_features.py [--quick]

The textbook freezes a network, gives it a new last layer, and still sends every picture through all of it in
every epoch, in fp32 and channels first. "Caching alone" changes one thing: each picture goes through once.
Ours is what `finetune --tune head` does: `cached_features` with channels last, in fp32 and in bf16, and the
step of `train` on its batches. All learn from the same decoded pictures (188 photographs of the sample
"stamps", or a part of Fashion-MNIST enlarged where it is not here), in the same order, with AdamW from the
same start, so that the heads must come out equal; how far they lie apart is shown (of bf16 the probabilities
say more: AdamW makes whole steps of gradients near nothing). Five epochs can gain 5 times by caching, and
hardly more. The body of ResNet-18 is
random, but for its norms' statistics; EfficientNet-Lite0 has its published weights.
"""

import copy
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import common

EPOCHS, BATCH, RATE, DECAY = 5, 32, 1e-3, 0.05
FEWER = 376  # pictures of Fashion-MNIST
TURNS = itertools.count()  # every turn computes its features anew

Body = Callable[[Any], Any]


def pictures(side: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Pixels uint8 (rows, side, side, 3), targets and where they are from."""
    from PIL import Image

    from glassworks.data.samples import is_here, sample_table
    from glassworks.data.store import open_store

    if is_here("stamps"):
        store = open_store(sample_table("stamps"), height=side, width=side, channels=3)
        return np.asarray(store.pixels), store.table.targets, f"stamps, {side}×{side}"
    (grey, targets), _ = common.fashion_mnist()
    large = [np.asarray(Image.fromarray(one).convert("RGB").resize((96, 96))) for one in grey[:FEWER]]
    return np.stack(large), targets[:FEWER], "Fashion-MNIST, 96×96"


def batches_of(pixels: np.ndarray, targets: np.ndarray) -> Any:
    from glassworks.core.rows import PictureInput
    from glassworks.data.batches import PictureBatches

    how = PictureInput(pixels.shape[1], pixels.shape[2], 3, (0.5,) * 3, (0.5,) * 3)
    return PictureBatches(pixels, targets, np.arange(len(pixels)), how)


def networks(side: int, examples: Any) -> Iterator[tuple[str, Any, Any]]:
    """(name, our model, the textbook's body): the same weights in both."""
    import torch
    import torchvision

    from glassworks.models.vision import efficientnet, resnet
    from glassworks.weights import published
    from glassworks.weights.names.resnet import to_ours
    from glassworks.weights.store import load_into

    torch.manual_seed(0)
    theirs = torchvision.models.resnet18()
    with torch.no_grad():  # statistics of real maps: random filters make numbers of any size
        theirs.train()(next(examples.plain(55)).inputs)
    ours = resnet.build(resnet.ResNetConfig(height=side, width=side, **resnet.VARIANTS["18"]))
    ours.load_state_dict(to_ours(theirs.state_dict()))
    theirs.fc = torch.nn.Identity()
    yield "ResNet-18", ours, theirs
    config = efficientnet.EfficientNetConfig(height=side, width=side, **efficientnet.VARIANTS["lite0"])
    lite = efficientnet.build(config)
    row = published.find("efficientnet", "lite0", "imagenet")
    load_into(lite, published.tensors_of(row), source="imagenet")
    yield "EfficientNet-Lite0", lite, None


def frozen(body: Any) -> Any:
    """As the textbook freezes it: no gradients; evaluation mode, or its features would drift."""
    for parameter in body.parameters():
        parameter.requires_grad_(False)
    return body.eval()


def new_head(width: int, classes: int) -> Any:
    import torch

    head = torch.nn.Linear(width, classes)
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    return head


def textbook(said_of: Body, examples: Any, head: Any) -> Any:
    """A plain loop; said_of gives what the head sees of a batch's inputs."""
    import torch

    from glassworks.training.optimizer import adamw

    optimizer = adamw(head, learning_rate=RATE, weight_decay=DECAY)
    for epoch in range(EPOCHS):
        for start in range(0, len(examples), BATCH):
            batch = examples.training(epoch, start, min(start + BATCH, len(examples)))
            loss = torch.nn.functional.cross_entropy(head(said_of(batch.inputs)), batch.targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head


def cached(body: Body, examples: Any, head: Any) -> Any:
    """The same with each picture through the body once, and nothing else changed."""
    import torch

    from glassworks.transfer.feature_cache import FeatureBatches

    with torch.no_grad():
        said = torch.cat([body(batch.inputs.contiguous()) for batch in examples.plain(BATCH)])
    return textbook(lambda features: features, FeatureBatches(said, examples.targets, examples.rows, seed=0),
                    head)  # fmt: skip


def ours(model: Any, precision: str, examples: Any, head: Any) -> Any:
    """`cached_features` and the step of `train` on the head."""
    import torch

    from glassworks.tasks.image import ImageClassification
    from glassworks.training.optimizer import adamw
    from glassworks.training.runtime import Runtime
    from glassworks.training.state import new_state
    from glassworks.training.step import supervised
    from glassworks.transfer.feature_cache import cached_features

    runtime = Runtime(torch.device("cpu"), precision, 1)
    found = cached_features(examples, model.features, key=f"turn {next(TURNS)}", autocast=runtime.autocast)
    learning = Runtime(torch.device("cpu"), "fp32", 1)  # so small that only its exactness matters
    state = new_state(head, adamw(head, learning_rate=RATE, weight_decay=DECAY), averaged=False, micro=0)
    step = supervised(ImageClassification(head.out_features), head, learning, seed=0, clip=0.0, average=0.0)
    for epoch in range(EPOCHS):
        for start in range(0, len(found), BATCH):
            batch = found.training(epoch, start, min(start + BATCH, len(found)))
            step(state, batch, len(batch))
            state.step += 1
    return head


def timed(way: Callable[[Any, Any], Any], examples: Any, width: int, kept: dict, name: str) -> float:
    """Processor seconds of one way to learn the head, which is kept."""
    from glassworks.transfer.feature_cache import evaluating

    head = new_head(width, int(examples.targets.max()) + 1)
    with evaluating(head):
        return common.processor_seconds(lambda: kept.__setitem__(name, way(examples, head)))


def compare(model: Any, plain: Any, examples: Any, rounds: int) -> tuple[dict, dict]:
    """(processor seconds by way, how far its head lies from the textbook's by way)."""
    import torch

    plain = frozen(plain if plain is not None else copy.deepcopy(model))
    body = plain.features if hasattr(plain, "config") else plain
    model = frozen(model).to(memory_format=torch.channels_last)
    ways = {
        "textbook: every picture in every epoch": partial(textbook, lambda inputs: body(inputs.contiguous())),
        "caching alone": partial(cached, body),
        "ours, fp32": partial(ours, model, "fp32"),
        "ours, bf16": partial(ours, model, "bf16"),
    }
    for way in (body, model.features):  # the first call of each prepares memory
        way(examples.load(np.arange(2)).contiguous())
    heads: dict[str, Any] = {}
    width = model.config.features
    timers = {name: partial(timed, way, examples, width, heads, name) for name, way in ways.items()}
    seconds = common.in_turn(timers, rounds, warm=False)
    first = heads[next(iter(ways))]
    with torch.inference_mode():
        said = torch.cat([body(batch.inputs.contiguous()) for batch in examples.plain(BATCH)])
        return seconds, {way: apart(head, first, said) for way, head in heads.items()}


def apart(one: Any, other: Any, said: Any) -> dict[str, float]:
    """Largest differences of two heads: of weights by the largest weight, and of probabilities; and how many
    pictures they answer alike."""
    told, meant = one(said).softmax(1), other(said).softmax(1)
    return {
        "weights": float((one.weight - other.weight).abs().max() / other.weight.abs().max()),
        "probabilities": float((told - meant).abs().max()),
        "alike": float((told.argmax(1) == meant.argmax(1)).float().mean()),
    }


def main() -> None:
    flags = common.arguments(__doc__)
    common.one_thread()
    pixels, targets, what = pictures(224)
    if flags.quick:
        drawn = np.random.default_rng(0).permutation(len(pixels))[:48]
        pixels, targets = pixels[drawn], targets[drawn]
    examples, rounds = batches_of(pixels, targets), 1 if flags.quick else 5
    table, facts = [], {"pictures": what, "rows": len(pixels), "epochs": EPOCHS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GLASSWORKS_CACHE"] = folder  # features of a measurement are of no use to anyone
        for name, model, plain in networks(pixels.shape[1], examples):
            seconds, distances = compare(model, plain, examples, rounds)
            first, *_ = seconds
            for way, times in seconds.items():
                far = distances[way]
                table.append([
                    name, way, str(common.Spread.of(times)), str(common.ratios(seconds[first], times)),
                    f"{far['weights']:.1e}", f"{far['probabilities']:.1e}", f"{far['alike']:.1%}",
                ])  # fmt: skip
            facts[name] = {"seconds": seconds, "heads_apart": distances}
    head = ["body", "way", "processor s", "times the textbook", "heads apart", "probabilities apart",
            "answered alike"]  # fmt: skip
    common.report("cached_features", head, table, facts, quick=flags.quick)


if __name__ == "__main__":
    main()
