"""Fashion-MNIST by the clock on the wall: our recipes on all cores of a quiet machine.

    python benchmarks/fashion_wall.py [--quick] [--seeds 3]

Wall seconds from the pictures in memory to the end of training, the looks at the test part after each epoch
included. Quote it from a quiet machine only; `fashion_mnist.py` compares with peers in processor seconds.
"""

import dataclasses
import json
import os
import time

import common
import ours


def run_side(goal: float, seed: int, rows: int) -> tuple[float, float]:
    """Wall seconds and accuracy of one run."""
    training, test = common.fashion_mnist()
    settings = dataclasses.replace(ours.FASHION[goal], threads=os.cpu_count() or 1)
    begun = time.perf_counter()
    looks = ours.train((training[0][:rows], training[1][:rows]), test, settings, seed=seed)
    return time.perf_counter() - begun, looks[-1][1]


def main() -> None:
    flags = common.arguments(
        __doc__, seeds={"type": int, "default": 3}, goal={"type": float, "default": 0.0},
        seed={"type": int, "default": 0}, rows={"type": int, "default": 60_000},
    )  # fmt: skip
    if flags.goal:
        print(json.dumps(run_side(flags.goal, flags.seed, flags.rows)))
        return
    runs: dict[float, list[tuple[float, float]]] = {goal: [] for goal in ours.FASHION}
    rows = 6000 if flags.quick else flags.rows
    for seed in range(1 if flags.quick else flags.seeds):
        for goal in runs:
            words = ("--goal", str(goal), "--seed", str(seed), "--rows", str(rows))
            runs[goal].append(common.in_own_process("fashion_wall.py", *words))
    table = []
    for goal, looks in runs.items():
        seconds = common.Spread.of([wall for wall, _ in looks])
        right = common.Spread.of([100 * share for _, share in looks])
        table.append([f"{goal:.0%}", str(seconds), f"{right.median:.2f} ({right.low:.2f}–{right.high:.2f})"])
    facts = {"runs": {str(goal): looks for goal, looks in runs.items()}, "unit": "wall seconds, all cores"}
    common.report("fashion_wall", ["goal", "wall s", "reached %"], table, facts, quick=flags.quick)


if __name__ == "__main__":
    main()
