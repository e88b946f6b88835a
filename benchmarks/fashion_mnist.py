"""Fashion-MNIST to 90, 92, 93 and 94 %: this library's recipes against the textbook's loop and fastai.

    python benchmarks/fashion_mnist.py [--quick] [--goals 0.9 0.92] [--seeds 3] [--again ours]

Every run has a process and a thread of its own, sides in turn, three seeds; counted are processor seconds of
training (reading pictures, scaling, augmentation, steps), not the looks at the test part. The textbook looks
after each of 12 epochs and keeps its first success; we and fastai choose the number of epochs beforehand.
--again measures one side anew and keeps the other sides' runs of the recorded result, with both dates.
"""

import json
import statistics
from typing import Any

import common
import ours
import peers

TEXTBOOK_EPOCHS = 12
FASTAI_EPOCHS = (1, 2, 4)


def run_side(side: str, seed: int, goal: float, epochs: int, rows: int) -> list[peers.Look]:
    """One run of one side: its looks."""
    common.one_thread()
    training, test = common.fashion_mnist()
    training = (training[0][:rows], training[1][:rows])
    if side == "ours":
        return ours.train(training, test, ours.FASHION[goal], seed=seed)
    if side == "textbook":
        return list(peers.textbook(training, test, epochs=epochs, seed=seed))
    return [peers.fastai(training, test, epochs=epochs, seed=seed)]


def measure(
    goals: list[float], seeds: list[int], *, quick: bool, only: str = ""
) -> dict[str, dict[str, list]]:
    """Looks of every run: side -> variant -> one list of looks for each seed. `only`: one side."""
    rows = 6000 if quick else 60_000
    plan: list[tuple[str, str, list[str]]] = [
        ("textbook", "textbook", ["--epochs", str(1 if quick else TEXTBOOK_EPOCHS)])
    ]
    plan += [("ours", f"{goal:g}", ["--goal", f"{goal:g}"]) for goal in goals]
    if common.has_fastai():
        plan += [
            ("fastai", f"{n}", ["--epochs", f"{n}"]) for n in (FASTAI_EPOCHS[:1] if quick else FASTAI_EPOCHS)
        ]
    plan = [row for row in plan if only in ("", row[0])]
    found: dict[str, dict[str, list]] = {}
    for seed in seeds:
        for side, variant, flags in plan:
            looks = common.in_own_process(
                "fashion_mnist.py", "--side", side, "--seed", str(seed), "--rows", str(rows), *flags,
                environment=common.ALONE,
            )  # fmt: skip
            found.setdefault(side, {}).setdefault(variant, []).append(looks)
            print(f"seed {seed} {side} {variant}: {looks[-1][1]:.4f} after {looks[-1][0]:.1f} s", flush=True)
    return found


def first_success(looks: list[peers.Look], goal: float) -> float | None:
    """Seconds of the first look that reached the goal."""
    return next((seconds for seconds, right in looks if right >= goal), None)


def row_for(goal: float, found: dict[str, dict[str, list]]) -> list[Any]:
    """One line of the table: ours, the textbook and fastai to one goal."""
    epoch = statistics.median(run[-1][0] / len(run) for run in found["textbook"]["textbook"])
    runs = found["ours"][f"{goal:g}"]
    seconds = common.Spread.of([run[-1][0] for run in runs])
    right = common.Spread.of([100 * run[-1][1] for run in runs])
    cells = [f"{goal:.0%}", str(seconds), f"{right.median:.2f} ({right.low:.2f}–{right.high:.2f})"]
    cells.append(f"{seconds.median / epoch:.2f}")
    textbook = [first_success(run, goal) for run in found["textbook"]["textbook"]]
    cells.append(told(textbook))
    variants = [
        [run[0][0] if run[0][1] >= goal else None for run in runs]
        for runs in found.get("fastai", {}).values()
    ]
    best = next((seconds for seconds in variants if None not in seconds), None)
    return [*cells, told(best) if best else "not reached" if variants else "not installed"]


def told(seconds: list[float | None]) -> str:
    """Seconds to the goal over the seeds, or how many seeds reached it."""
    reached = [number for number in seconds if number is not None]
    if not reached:
        return "not reached"
    return str(common.Spread.of(reached)) + (
        "" if len(reached) == len(seconds) else f" in {len(reached)}/{len(seconds)}"
    )


def main() -> None:
    flags = common.arguments(
        __doc__, goals={"nargs": "*", "type": float, "default": list(ours.FASHION)},
        seeds={"type": int, "default": 3}, side={"default": ""}, again={"default": ""},
        seed={"type": int, "default": 0}, goal={"type": float, "default": 0.9},
        epochs={"type": int, "default": 1}, rows={"type": int, "default": 60_000},
    )  # fmt: skip
    if flags.side:
        print(json.dumps(run_side(flags.side, flags.seed, flags.goal, flags.epochs, flags.rows)))
        return
    goals = flags.goals[:1] if flags.quick else flags.goals
    seeds = [0] if flags.quick else list(range(flags.seeds))
    found = measure(goals, seeds, quick=flags.quick, only=flags.again)
    dates = dict.fromkeys(found, common.now())
    if flags.again:
        recorded = json.loads((common.RESULTS / "fashion_mnist.json").read_text(encoding="utf-8"))
        found = recorded["facts"]["looks"] | found
        dates = dict.fromkeys(found, recorded["date"]) | recorded["facts"].get("dates", {}) | dates
    head = ["goal", "ours, s", "reached %", "textbook epochs", "textbook, s", "fastai, s"]
    recipes = {f"{goal:g}": vars(ours.FASHION[goal]) for goal in goals}
    facts = {"recipes": recipes, "looks": found, "unit": "processor seconds of one thread", "dates": dates}
    common.report("fashion_mnist", head, [row_for(goal, found) for goal in goals], facts, quick=flags.quick)


if __name__ == "__main__":
    main()
