"""What torch.compile costs and what it gives, and after how many pictures it has paid for itself.

    python benchmarks/compile_opt_in.py [--quick]

One thread, one process, caches of earlier compilations off. The compile is the first two steps' time beyond
two ordinary ones. Glassworks compiles only when asked (`--compile`).
"""

import os
import tempfile

import common

BATCH = 256


def measure(name: str, model, shape: tuple[int, ...], rounds: int) -> dict:
    """Eager and compiled training steps of one network in bf16, in turn."""
    import torch

    from glassworks.training.optimizer import adamw

    torch.manual_seed(0)
    model = model.to(memory_format=torch.channels_last).train()
    inputs = torch.randn(BATCH, *shape).to(memory_format=torch.channels_last)
    targets = torch.randint(0, 10, (BATCH,))
    optimizer = adamw(model, learning_rate=1e-3, weight_decay=0.05)
    compiled = torch.compile(model)

    def step(network) -> float:
        def work() -> None:
            with torch.autocast("cpu", torch.bfloat16):
                loss = torch.nn.functional.cross_entropy(network(inputs).float(), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return common.processor_seconds(work)

    step(model)
    eager = [step(model) for _ in range(2)]
    start = os.times()
    first = [step(compiled) for _ in range(2)]
    end = os.times()  # the compiler's own processes count too
    others = end.children_user + end.children_system - start.children_user - start.children_system
    times = common.in_turn({"eager": lambda: step(model), "compiled": lambda: step(compiled)}, rounds)
    return {"network": name, "compile": sum(first) - sum(eager) + others, **times}


def main() -> None:
    flags = common.arguments(__doc__)
    common.one_thread()
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    from glassworks.api.requests import TrainRequest
    from glassworks.models.vision import cnn

    chosen = {
        "CNN, two stages, 28×28": cnn.CNNConfig(
            height=28, width=28, channels=1, widths=(16, 32), hidden=128, batch_norm=True, pool_first=True
        ),
        "CNN, four stages, 32×32": cnn.CNNConfig(**cnn.VARIANTS["four-layer"]),
    }
    table, facts = [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        for name, config in list(chosen.items())[: 1 if flags.quick else None]:
            shape = (config.channels, config.height, config.width)
            found = measure(name, cnn.build(config), shape, 5 if flags.quick else 30)
            eager, compiled = (
                common.Spread.of([1e3 * s for s in found[side]]) for side in ("eager", "compiled")
            )
            gain = common.ratios(found["eager"], found["compiled"])
            saved = (eager.median - compiled.median) / 1e3
            paid = f"{found['compile'] / saved * BATCH:,.0f}" if saved > 0 else "never"
            table.append([name, str(eager), str(compiled), str(gain), f"{found['compile']:.1f}", paid])
            facts.append(found)
    default = TrainRequest.__dataclass_fields__["compile"].default
    head = ["network", "eager step, ms", "compiled, ms", "gain", "compile, s", "paid after pictures"]
    common.report("compile_opt_in", head, table, {"default": default, "runs": facts}, quick=flags.quick)


if __name__ == "__main__":
    main()
