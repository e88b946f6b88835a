"""Training beside a busy neighbour: threads that wait asleep (PASSIVE), that wait spinning (ACTIVE), and one.

    python benchmarks/neighbour.py [--quick]

Here wall time is what matters: a spinning thread that lost its core makes all others wait. The neighbour is
one process that multiplies without end. Each measurement is a fresh process of a few hundred steps.
"""

import json
import multiprocessing
import time

import common

SETTINGS = {
    "as it comes": ({}, 0),
    "PASSIVE, all cores": ({"OMP_WAIT_POLICY": "PASSIVE"}, 0),
    "ACTIVE, all cores": ({"OMP_WAIT_POLICY": "ACTIVE"}, 0),
    "one thread": ({"OMP_NUM_THREADS": "1"}, 1),
}


def busy() -> None:
    """The neighbour: one core's worth of work until it is ended."""
    number = 1
    while True:
        number = number * 31 % 1_000_003


def run_side(threads: int, steps: int) -> dict[str, float]:
    """Wall and processor seconds of `steps` training steps of the small CNN in bf16."""
    import torch

    from glassworks.models.vision import cnn
    from glassworks.training.optimizer import adamw
    from glassworks.training.runtime import start

    runtime = start("cpu", "bf16", threads)
    torch.manual_seed(0)
    config = cnn.CNNConfig(height=28, width=28, channels=1, hidden=128, batch_norm=True, pool_first=True)
    model = cnn.build(config).to(memory_format=torch.channels_last)
    optimizer = adamw(model, learning_rate=1e-3, weight_decay=0.05)
    inputs, targets = torch.randn(256, 1, 28, 28), torch.randint(0, 10, (256,))

    def step() -> None:
        with runtime.autocast():
            loss = torch.nn.functional.cross_entropy(model(inputs).float(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in range(5):
        step()
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return {
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "threads": runtime.threads,
    }


def main() -> None:
    flags = common.arguments(__doc__, threads={"type": int, "default": -1}, steps={"type": int, "default": 0})
    if flags.threads >= 0:
        print(json.dumps(run_side(flags.threads, flags.steps)))
        return
    steps, rounds = (20, 1) if flags.quick else (150, 5)
    found: dict[str, dict[str, list]] = {name: {"quiet": [], "beside": []} for name in SETTINGS}
    for _ in range(rounds):
        for name, (environment, threads) in SETTINGS.items():
            for place in ("quiet", "beside"):
                neighbour = multiprocessing.get_context("spawn").Process(target=busy, daemon=True)
                if place == "beside":
                    neighbour.start()
                    time.sleep(0.5)
                try:
                    counts = ("--threads", str(threads), "--steps", str(steps))
                    figure = common.in_own_process("neighbour.py", *counts, environment=environment)
                finally:
                    if place == "beside":
                        neighbour.terminate()
                        neighbour.join()
                found[name][place].append(figure)
    best = common.Spread.of([figure["wall"] for figure in found["ACTIVE, all cores"]["quiet"]]).median
    table = []
    for name, places in found.items():
        quiet, beside = ([figure["wall"] for figure in places[place]] for place in ("quiet", "beside"))
        cells = [common.Spread.of([1e3 * wall / steps for wall in walls]) for walls in (quiet, beside)]
        share = best / common.Spread.of(quiet).median
        table.append([name, *map(str, cells), str(common.ratios(beside, quiet)), f"{share:.2f}"])
    head = ["threads", "quiet, ms a step", "beside one, ms", "beside / quiet", "quiet speed of ACTIVE's"]
    common.report("neighbour", head, table, {"steps": steps, "runs": found}, quick=flags.quick)


if __name__ == "__main__":
    main()
