"""The same network in three loops: the textbook's, fastai's and ours, at equal epochs.

    python benchmarks/same_network.py [--quick] [--seeds 3]

Two convolutions of 16 and 32 filters, batch norm before ReLU, dropout 0.25, 512 hidden numbers, 10 classes,
on Fashion-MNIST. Each loop keeps its own batch, schedule, optimiser and precision: they are what is compared.
"""

import json

import common
import ours
import peers

EPOCHS = 5  # as many as the textbook's script trains


def run_side(side: str, seed: int, epochs: int, rows: int) -> peers.Look:
    common.one_thread()
    training, test = common.fashion_mnist()
    training = (training[0][:rows], training[1][:rows])
    if side == "ours":
        return ours.train(training, test, ours.same_network(epochs), seed=seed)[-1]
    if side == "textbook":
        return list(peers.textbook(training, test, epochs=epochs, seed=seed))[-1]
    return peers.fastai(training, test, epochs=epochs, seed=seed)


def main() -> None:
    flags = common.arguments(
        __doc__, seeds={"type": int, "default": 3}, side={"default": ""}, seed={"type": int, "default": 0},
        epochs={"type": int, "default": EPOCHS}, rows={"type": int, "default": 60_000},
    )  # fmt: skip
    if flags.side:
        print(json.dumps(run_side(flags.side, flags.seed, flags.epochs, flags.rows)))
        return
    sides = ["textbook", "ours", *(["fastai"] if common.has_fastai() else [])]
    epochs, rows = (1, 6000) if flags.quick else (flags.epochs, flags.rows)
    looks: dict[str, list[peers.Look]] = {side: [] for side in sides}
    for seed in range(1 if flags.quick else flags.seeds):
        for side in sides:
            flags_of_side = [
                "--side",
                side,
                "--seed",
                str(seed),
                "--epochs",
                str(epochs),
                "--rows",
                str(rows),
            ]
            looks[side].append(
                common.in_own_process("same_network.py", *flags_of_side, environment=common.ALONE)
            )
    table = []
    for side in sides:
        speed = common.Spread.of([rows * epochs / seconds for seconds, _ in looks[side]])
        right = common.Spread.of([100 * share for _, share in looks[side]])
        times = common.ratios([s for s, _ in looks["textbook"]], [s for s, _ in looks[side]])
        points = right.median - common.Spread.of([100 * share for _, share in looks["textbook"]]).median
        table.append(
            [
                side,
                str(speed),
                f"{right.median:.2f} ({right.low:.2f}–{right.high:.2f})",
                str(times),
                f"{points:+.2f}",
            ]
        )
    head = ["loop", "pictures/s", "accuracy %", "times the textbook", "points"]
    facts = {"epochs": epochs, "rows": rows, "looks": looks, "ours": vars(ours.same_network(epochs))}
    common.report("same_network", head, table, facts, quick=flags.quick)


if __name__ == "__main__":
    main()
