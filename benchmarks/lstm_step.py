"""A training step of the LSTM: ours fused, ours written out as it is shown, and torch.nn.LSTM.

    python benchmarks/lstm_step.py [--quick]

Forward and backward of 2,048 tokens, 32 sequences of 64. The layer alone, with a state of 256 on 128 numbers
a step and with a state of 64 on 64, and the language model of 2,320,264 parameters around the former (5,000
words). Sequences of equal lengths, and of unequal ones, where torch packs them. Same weights; the largest
difference of the outputs is shown too. GRU and RNN stand beside it.
"""

import copy
from collections.abc import Callable
from functools import partial

import common

BATCH, TIME, WORDS = 32, 64, 5000
LARGE, SMALL = (128, 256), (64, 64)  # numbers a step, of the state
REPEATS = 4


def milliseconds(step: Callable[[], object], repeats: int) -> float:
    """Processor milliseconds of one call, over `repeats` of them."""
    return common.processor_seconds(lambda: [step() for _ in range(repeats)]) / repeats * 1e3


def layers(kind: str, precision: str, size: tuple[int, int] = LARGE) -> tuple:
    """(ours, ours written out, torch's) with the same weights."""
    import torch
    from torch import nn

    from glassworks.models.sequence.gru import GRU
    from glassworks.models.sequence.lstm import LSTM
    from glassworks.models.sequence.rnn import RNN
    from glassworks.weights.names import recurrent

    torch.manual_seed(0)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    theirs = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}[kind](*size, batch_first=True).to(dtype)
    ours = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}[kind](*size).to(dtype)
    ours.load_state_dict(recurrent.to_ours(theirs.state_dict()))
    written = copy.deepcopy(ours)
    written.fused = False
    return ours, written, theirs


def packed(layer, steps, lengths):
    """torch's way with unequal lengths."""
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    own, _ = layer(pack_padded_sequence(steps, lengths, batch_first=True, enforce_sorted=False))
    return pad_packed_sequence(own, batch_first=True, total_length=steps.shape[1])[0]


def layer_sides(
    kind: str, precision: str, size: tuple[int, int], unequal: bool
) -> dict[str, Callable[[], object]]:
    """What each side gives out for the same steps, with a gradient to be asked for."""
    import torch

    ours, written, theirs = layers(kind, precision, size)
    steps = torch.randn(BATCH, TIME, size[0], dtype=next(ours.parameters()).dtype)
    lengths = torch.randint(TIME // 2, TIME + 1, (BATCH,)) if unequal else None
    return {
        "ours": lambda: ours(steps, lengths)[0],
        "written": lambda: written(steps, lengths)[0],
        "torch": lambda: packed(theirs, steps, lengths) if unequal else theirs(steps)[0],
    }


def model_sides(precision: str) -> dict[str, Callable[[], object]]:
    """The language model: an embedding before the layer, scores of all words after it, in one precision."""
    import torch
    from torch import nn

    sides = {}
    words = torch.randint(0, WORDS, (BATCH, TIME))
    torch.manual_seed(1)
    embedding, head = nn.Embedding(WORDS, LARGE[0]), nn.Linear(LARGE[1], WORDS)
    for name, layer in zip(("ours", "written", "torch"), layers("LSTM", "fp32"), strict=True):
        parts = copy.deepcopy(embedding), layer, copy.deepcopy(head)

        def scores(parts=parts):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                return parts[2](parts[1](parts[0](words))[0])

        sides[name] = scores
    return sides


def step(side: Callable[[], object]) -> None:
    side().float().square().mean().backward()  # type: ignore[attr-defined]


def main() -> None:
    flags = common.arguments(__doc__)
    common.one_thread()
    cases = [
        (f"{kind} of {size[1]}{', unequal lengths' if unequal else ''}", precision,
         partial(layer_sides, kind, precision, size, unequal))
        for kind in ("LSTM", "GRU", "RNN") for size in (LARGE, SMALL) for unequal in (False, True)
        for precision in ("fp32", "bf16")
    ]  # fmt: skip
    cases += [
        ("language model", precision, partial(model_sides, precision)) for precision in ("fp32", "bf16")
    ]
    table, facts, loops = [], {}, {}
    for name, precision, make in cases[: 2 if flags.quick else None]:
        sides = make()
        apart = float((sides["ours"]() - sides["torch"]()).detach().abs().max())  # type: ignore[operator, attr-defined]
        timers = {side: partial(milliseconds, partial(step, give), REPEATS) for side, give in sides.items()}
        times = common.in_turn(timers, 2 if flags.quick else 9)
        loops.setdefault(name, times["written"])  # of fp32, which is measured first
        spreads = [str(common.Spread.of(times[side])) for side in ("ours", "torch", "written")]
        others = (times["torch"], times["written"], loops[name])
        against = [common.ratios(other, times["ours"]) for other in others]
        table.append([name, precision, *spreads, *map(str, against), f"{apart:.1e}"])
        facts[f"{name}, {precision}"] = {"milliseconds": times, "largest_difference": apart}
    head = ["what", "precision", "ours, ms", "torch, ms", "written out, ms", "torch / ours", "written / ours",
            "fp32 written / ours", "outputs apart"]  # fmt: skip
    facts["sizes"] = {"batch": BATCH, "time": TIME, "layers": [LARGE, SMALL], "words": WORDS}
    common.report("lstm_step", head, table, facts, quick=flags.quick)


if __name__ == "__main__":
    main()
