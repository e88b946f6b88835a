"""A writer of characters: how good after 60 seconds and after 5 minutes on two cores, beside counting.

    python benchmarks/characters.py [--quick] [--data FILE]

The text is the first 1,115,394 characters of Jane Austen's novels (sample:austen), as many as the Shakespeare
that such figures are usually told of; Austen is the more regular of the two, so the figures are not those of
Shakespeare, and n-grams of the same characters stand beside them. The last tenth validates. It is `text_lstm`
in bf16 with the loss, optimiser and step of `train`; the rate falls to zero as the budget of *processor*
seconds (120 for a minute of two cores) is used up, because wall time beside a busy neighbour says little.
Wall time is recorded as well.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import common

LETTERS = 1_115_394  # of the Shakespeare file that character models are usually shown on
AIMS = {"60 s on two cores": 120.0, "5 min on two cores": 600.0}  # processor seconds
SHAPES: dict[str, dict[str, Any]] = {
    "60 s on two cores": {"width": 256, "context": 64, "batch": 32, "rate": 4e-3, "dropout": 0.0},
    "5 min on two cores": {"width": 384, "context": 64, "batch": 32, "rate": 3e-3, "dropout": 0.1},
}
WARMUP = 0.03


def streams(path: str | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Training and validation characters as numbers, and how many different ones there are."""
    from glassworks.data.samples import sample_table
    from glassworks.data.vocabulary import learn

    if path:
        text = Path(path).read_text(encoding="utf-8")
    else:
        text = "".join(sample_table("austen").texts)  # type: ignore[union-attr]
    text = text[:LETTERS]
    cut = round(0.9 * len(text))
    tokenizer = learn([text[:cut]], tokens="character", size=256, lower=False)
    return np.array(tokenizer.encode(text[:cut])), np.array(tokenizer.encode(text[cut:])), tokenizer.size


def learned(
    train: np.ndarray, size: int, shape: dict[str, Any], seconds: float, threads: int
) -> dict[str, Any]:
    """Train until the processor seconds are used up. Returns the model, steps, characters and wall time."""
    import torch

    from glassworks.models.sequence.text_lstm import TextLSTMConfig, build
    from glassworks.tasks.text_generation import TextGeneration, Windows
    from glassworks.training.optimizer import adamw
    from glassworks.training.runtime import Runtime
    from glassworks.training.schedule import rate_at
    from glassworks.training.state import new_state
    from glassworks.training.step import supervised

    torch.manual_seed(0)
    model = build(TextLSTMConfig(size, 64, shape["width"], dropout=shape["dropout"]))
    runtime = Runtime(torch.device("cpu"), "bf16", threads)
    state = new_state(model, adamw(model, learning_rate=1.0, weight_decay=0.05), averaged=False, micro=0)
    step = supervised(TextGeneration(), model, runtime, seed=0, clip=1.0, average=0.0)
    windows, batch = Windows(train, shape["context"], seed=0), shape["batch"]
    began, wall = time.process_time(), time.perf_counter()
    while (used := (time.process_time() - began) / seconds) < 1:
        epoch, place = divmod(state.step, len(windows) // batch)
        for group in state.optimizer.param_groups:
            group["lr"] = shape["rate"] * rate_at(used, warmup=WARMUP, shape="cosine")
        step(state, windows.training(epoch, place * batch, place * batch + batch), batch)
        state.step += 1
    return {
        "model": model, "steps": state.step, "characters": state.step * batch * shape["context"],
        "processor_seconds": time.process_time() - began, "wall_seconds": time.perf_counter() - wall,
    }  # fmt: skip


def judged(model: Any, held: np.ndarray, size: int) -> float:
    """Nats a character on the validation part, the memory carried on."""
    import torch

    from glassworks.tasks.text_generation import surprise

    model.eval()
    with torch.inference_mode():
        nats, _ = surprise(
            lambda tokens, state: model(tokens, state=state), held, vocabulary=size, context=256
        )
    return float(nats.mean())


def main() -> None:
    asked = common.arguments(
        __doc__ or "", data={"help": "a text file instead of the sample"},
        threads={"type": int, "default": min(2, os.cpu_count() or 1), "help": "of torch"},
    )  # fmt: skip
    import torch

    from glassworks.judging.ngrams import NGrams

    torch.set_num_threads(asked.threads)
    train, held, size = streams(asked.data)
    began = time.process_time()
    counted = {n: float(nats.mean()) for n, nats in NGrams(train, size, 8).nats(held).items()}
    longest = min(counted, key=counted.__getitem__)
    counting = time.process_time() - began
    rows: list[list[Any]] = [
        [f"{longest}-grams (Kneser-Ney)", "", f"{counting:.0f} s", "", f"{counted[longest]:.3f}",
         f"{counted[longest] / np.log(2):.3f}"]
    ]  # fmt: skip
    facts: dict[str, Any] = {"letters": len(train) + len(held), "threads": asked.threads, "ngrams": counted}
    for name, seconds in AIMS.items():
        found = learned(train, size, SHAPES[name], seconds / 20 if asked.quick else seconds, asked.threads)
        model = found.pop("model")
        nats = judged(model, held, size)
        facts[name] = found | SHAPES[name] | {"nats": nats, "bits": nats / np.log(2)}
        rows.append(
            [f"text_lstm, width {SHAPES[name]['width']}: {name}", f"{found['characters'] / 1e6:.1f} million",
             f"{found['processor_seconds']:.0f} s", f"{found['wall_seconds']:.0f} s", f"{nats:.3f}",
             f"{nats / np.log(2):.3f}"]
        )  # fmt: skip
    head = ["model", "characters read", "processor", "wall", "nats a character", "bits a character"]
    common.report("characters", head, rows, facts, quick=asked.quick)


if __name__ == "__main__":
    main()
