"""LoRA for a whole model: adapters on its layers, folded in when it ships, stored as peft stores them.

Every dense layer and ungrouped convolution before the head gets a low-rank addition (`blocks/low_rank.py`);
the head itself learns whole, since its classes are new. The file holds the additions and the head alone, in
the layout of Hugging Face's peft, so that either library reads what the other wrote.
Paper: Hu et al. 2021, arXiv 2106.09685.
First thing to change: `adaptable`, which layers get an adapter.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glassworks.blocks.low_rank import LowRank, can_adapt
from glassworks.core import keyed
from glassworks.core.errors import PersonError
from glassworks.core.files import write_json
from glassworks.transfer.parts import HEAD
from glassworks.weights.store import read_tensors, write_tensors

TENSORS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
PREFIX = "base_model.model."  # before every name in peft's file
HALVES = {"down": "lora_A", "up": "lora_B"}  # our names of the two halves, and peft's
DOWN = ".down.weight"
CANNOT = (
    "use_dora",
    "use_rslora",
    "lora_bias",
    "fan_in_fan_out",
    "rank_pattern",
    "alpha_pattern",
    "use_qalora",
)


def adaptable(model: nn.Module) -> list[str]:
    """Names of the layers before the head that can take an adapter."""
    return [
        name
        for name, layer in model.named_modules()
        if can_adapt(layer) and name.split(".")[0] != HEAD and not isinstance(_parent(model, name), LowRank)
    ]


def adapter_parameters(model: nn.Module) -> set[str]:
    """Full names of what the adapters learn."""
    return {f"{name}.{half}.weight" for name in adapters_of(model) for half in HALVES}


def add_adapters(
    model: nn.Module, rank: int, alpha: float, *, names: Sequence[str] = (), seed: int = 0
) -> list[str]:
    """Put an adapter on each named layer (all of `adaptable` when none is named); returns the names.

    The model's answers do not change. Raises PersonError: "nothing-to-adapt", "bad-tuning" for a rank above
    that of every layer, which would add numbers and nothing that a layer can do.
    """
    chosen = list(names) or adaptable(model)
    if not chosen:
        raise PersonError(
            "nothing-to-adapt",
            expected="a model with dense layers or plain convolutions before its head",
            got=f"{type(model).__name__}, which has none",
            fix="use --tune full or --tune last:N",
        )
    full = max(min(_matrix(model.get_submodule(name))) for name in chosen)
    if rank > full:
        raise PersonError(
            "bad-tuning", expected=f"lora:RANK up to {full}, the rank of the widest layer", got=f"{rank}",
            fix="--tune lora:8 is a good start; --tune full learns everything",
        )  # fmt: skip
    for name in chosen:
        generator = torch.Generator().manual_seed(keyed.seed_for(seed, "adapter", name))
        _replace(model, name, LowRank(model.get_submodule(name), rank, alpha, generator))
    return chosen


def _matrix(layer: nn.Module) -> tuple[int, int]:
    """Rows and columns of a layer's weights, written as a matrix."""
    weight: Tensor = layer.weight  # type: ignore[assignment]
    return weight.shape[0], weight[0].numel()


def merge_adapters(model: nn.Module) -> nn.Module:
    """Fold every adapter into its layer, in place: the names of a plain model again. Returns the model."""
    for name, adapter in adapters_of(model).items():
        _replace(model, name, adapter.merge())
    return model


def adapters_of(model: nn.Module) -> dict[str, LowRank]:
    """The adapters of a model by the name of the layer they stand for."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LowRank)}


def write_peft(folder: str | Path, model: nn.Module, *, base: str = "") -> None:
    """Write the adapters and the head as peft would. base: what the frozen weights are, for people."""
    folder, adapters = Path(folder), adapters_of(model)
    if not adapters:
        raise ValueError("the model has no adapters")
    one = next(iter(adapters.values()))
    saved = [] if HEAD in adapters else [HEAD]
    tensors: dict[str, Tensor] = {
        f"{PREFIX}{name}.{theirs}.weight": adapter.get_parameter(f"{ours}.weight")
        for name, adapter in adapters.items()
        for ours, theirs in HALVES.items()
    }
    for part in saved:
        own = model.get_submodule(part).state_dict()
        tensors |= {f"{PREFIX}{part}.{name}": tensor for name, tensor in own.items()}
    write_tensors(folder / TENSORS, tensors)
    write_json(folder / CONFIG, _config(one, _targets(model, adapters), saved, base))


def read_peft(folder: str | Path, model: nn.Module) -> list[str]:
    """Put the adapters of a peft folder on a plain model, and its head; returns the layers' names.

    Raises PersonError: "bad-adapter" for kinds that are not plain LoRA, "weights-do-not-fit".
    """
    folder = Path(folder)
    config, tensors = read_config(folder / CONFIG), read_tensors(folder / TENSORS)
    rank, alpha = config["r"], config["lora_alpha"]
    given = {_our_name(name.removeprefix(PREFIX)): tensor for name, tensor in tensors.items()}
    downs = {name.removesuffix(DOWN): given[name] for name in given if name.endswith(DOWN)}
    layers = dict(model.named_modules())
    for name, tensor in downs.items():
        if not can_adapt(layers.get(name, nn.Identity())):
            raise _does_not_fit(folder, f"{name} is no dense layer or plain convolution of this model")
        if tensor.shape[:1] != (rank,):  # before memory is taken for a rank that only the config claims
            raise _does_not_fit(folder, f"rank {rank} and an adapter of {name} of {tuple(tensor.shape)}")
    if not downs:
        raise _does_not_fit(folder, "the file holds no adapters")
    add_adapters(model, rank, alpha, names=list(downs))
    own = model.state_dict()
    wrong = [name for name, tensor in given.items() if name not in own or own[name].shape != tensor.shape]
    wrong += sorted(adapter_parameters(model) - set(given))
    if wrong:
        for name, adapter in adapters_of(model).items():  # the model's layers as they were
            _replace(model, name, adapter.base)
        raise _does_not_fit(folder, f"{wrong[0]}, missing or of another shape")
    with torch.no_grad():
        for name, tensor in given.items():
            own[name].copy_(tensor)
    return list(downs)


def read_config(path: Path) -> dict[str, Any]:
    """peft's description of an adapter, checked. Raises PersonError("bad-adapter")."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _bad(path, f"it cannot be read ({error})") from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise _bad(path, "it describes another kind of adapter")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    sound = isinstance(rank, int) and isinstance(alpha, int | float) and rank >= 1 and 0 < alpha < 1e6
    if not sound:
        raise _bad(path, f"rank {rank}, alpha {alpha}")
    used = [name for name in CANNOT if config.get(name)]
    if config.get("bias", "none") != "none":
        used.append("biases")
    if used:
        raise _bad(path, f"it uses {', '.join(used)}")
    return config


def _config(adapter: LowRank, targets: list[str] | str, saved: list[str], base: str) -> dict[str, Any]:
    whole = float(adapter.alpha).is_integer()
    return {
        "base_model_name_or_path": base or None,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": int(adapter.alpha) if whole else adapter.alpha,
        "lora_dropout": 0.0,
        "modules_to_save": saved or None,
        "peft_type": "LORA",
        "r": adapter.rank,
        "target_modules": targets,
        "task_type": None,
        "use_dora": False,
        "use_rslora": False,
    }


def _targets(model: nn.Module, adapters: dict[str, LowRank]) -> list[str] | str:
    """The names for peft. It takes "conv" to mean "block.conv" too; where that matters, one exact pattern."""
    inside = tuple(f"{name}." for name in adapters)
    others = [n for n, _ in model.named_modules() if n not in adapters and not n.startswith(inside)]
    mistaken = any(other.endswith(f".{name}") for other in others for name in adapters)
    return "|".join(re.escape(name) for name in adapters) if mistaken else sorted(adapters)


def _our_name(theirs: str) -> str:
    """ "dense.lora_A.weight" -> "dense.down.weight"; other names stay."""
    for ours, half in HALVES.items():
        theirs = theirs.replace(f".{half}.weight", f".{ours}.weight")
    return theirs


def _parent(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])


def _replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    setattr(_parent(model, name), name.rpartition(".")[2], layer)


def _bad(path: Path, what: str) -> PersonError:
    return PersonError(
        "bad-adapter",
        expected="a plain LoRA adapter: adapter_config.json beside adapter_model.safetensors",
        got=f"{path}: {what}",
        fix="merge it with peft (merge_and_unload) and save the whole model as safetensors",
    )


def _does_not_fit(folder: Path, what: str) -> PersonError:
    return PersonError(
        "weights-do-not-fit",
        expected="an adapter of this model",
        got=f"{folder}: {what}",
        fix="use the system, variant and classes that the adapter was trained with",
    )
