"""The machine a run uses: device, precision, threads, processes. Chosen once, with the reason.

Under `torchrun` every process trains on its share of each batch, and DistributedDataParallel averages the
gradients. Nothing else in Glassworks needs to know how many processes there are.
"""

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from glassworks.core.errors import PersonError

MOST_THREADS = torch.get_num_threads()  # as torch, or OMP_NUM_THREADS, says before any run chose


@dataclass
class Runtime:
    """device: where tensors are; precision: "fp32" or "bf16" (weights stay fp32); threads: of one
    process on a CPU; rank, world: this process among all; reasons: one sentence for each choice."""

    device: torch.device
    precision: str
    threads: int
    rank: int = 0
    world: int = 1
    reasons: list[str] = field(default_factory=list)

    @property
    def main(self) -> bool:
        """Whether this process writes files and speaks to the person."""
        return self.rank == 0

    def autocast(self) -> contextlib.AbstractContextManager:
        """Matrix products and convolutions in bf16 where that was chosen."""
        if self.precision != "bf16":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def wrap(self, model: nn.Module, *, some_unused: bool = False) -> nn.Module:
        """The model whose backward averages gradients over all processes.

        some_unused: at times only a part of its parameters learns
        """
        if self.world == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids, find_unused_parameters=some_unused)

    def total(self, *numbers: float) -> list[float]:
        """Each number summed over all processes."""
        if self.world == 1:
            return list(numbers)
        tensor = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return tensor.tolist()

    def share(self, thing):
        """The main process's value, in every process."""
        if self.world == 1:
            return thing
        box = [thing]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def close(self) -> None:
        if self.world > 1 and dist.is_initialized():
            dist.destroy_process_group()


def bare(model: nn.Module) -> nn.Module:
    """The model without what wraps it for several processes or compiles it."""
    for name in ("module", "_orig_mod"):
        model = getattr(model, name, model)
    return model


def start(device: str = "auto", precision: str = "fp32", threads: int = 0) -> Runtime:
    """The machine of a training run, with its process group where torchrun asks for one.

    Raises PersonError for a device that is not there.
    """
    runtime = machine(device, precision, threads)
    runtime.world = int(os.environ.get("WORLD_SIZE", 1))
    if runtime.world > 1:
        dist.init_process_group("nccl" if runtime.device.type == "cuda" else "gloo")
        runtime.reasons.append(f"{runtime.world} processes share each batch")
    return runtime


def machine(device: str = "auto", precision: str = "fp32", threads: int = 0) -> Runtime:
    """Device and threads of this process, working for itself.

    threads: 0 chooses by what is free. precision "auto" stays for the caller to measure.
    """
    name, reason = choose_device(device)
    if name == "cuda":
        name = f"cuda:{int(os.environ.get('LOCAL_RANK', 0)) % torch.cuda.device_count()}"
        torch.cuda.set_device(name)
    reasons = [reason]
    if name == "cpu" and not threads:
        threads, reason = choose_threads(MOST_THREADS)
        reasons.append(reason)
    if threads:
        torch.set_num_threads(threads)
    rank = int(os.environ.get("RANK", 0))
    return Runtime(torch.device(name), precision, torch.get_num_threads(), rank, reasons=reasons)


def choose_threads(most: int) -> tuple[int, str]:
    """As many threads as cores are free now, at least one, and the reason.

    Threads wait for each other after every layer, so one that shares its core with another program holds
    up all the others: beside a busy neighbour two threads were seen to be 20 times slower than one.
    """
    busy = busy_cores()
    threads = max(1, min(most, round(most - busy)))
    if threads < most:
        return (
            threads,
            f"threads {threads}: other programs keep {busy:.1f} of {most} cores busy; --threads overrides",
        )
    return threads, f"threads {threads}: one for each free core"


def busy_cores(seconds: float = 0.15) -> float:
    """Cores that other programs keep busy: watched for a moment on Linux, else the last minute's load."""
    if not Path("/proc/stat").exists():
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    before, begun = _processor_ticks(), time.monotonic()
    time.sleep(seconds)
    ticks = _processor_ticks() - before
    return ticks / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begun)


def _processor_ticks() -> int:
    """Ticks that all processors have worked, without idle and waiting for the disk."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    return sum(int(word) for place, word in enumerate(words[:8]) if place not in (3, 4))


def choose_device(wanted: str) -> tuple[str, str]:
    """The device and the reason: CUDA, then MPS, then CPU, unless the person names one."""
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        name = next(name for name, present in there.items() if present)
        return name, f"device {name}: " + ("the fastest that is here" if name != "cpu" else "no GPU is here")
    if not there.get(wanted, False):
        present = ", ".join(name for name, here in there.items() if here)
        raise PersonError(
            "no-such-device",
            expected=f"a device of this machine ({present})",
            got=f"--device {wanted}",
            fix="leave out --device, or see `glassworks doctor`",
        )
    return wanted, f"device {wanted}: asked for"
