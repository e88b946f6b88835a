"""Models of the library timm by name, through the same verbs: its body, and a head of our own.

timm holds over a thousand picture models with published weights. Here the body of one (`num_classes=0`) is
wrapped so that it looks like every other system: `.config`, `.features`, `.head`, parts that freeze and thaw.
Weights come from the Hugging Face hub as safetensors and in no other form; nothing is unpickled.

Source: Wightman 2019, "PyTorch image models", github.com/huggingface/pytorch-image-models (Apache-2.0; each
set of weights has a licence of its own).
First thing to change: the name, for example "mobilenetv3_small_100" or "vit_tiny_patch16_224".
"""

import importlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks.pictures import check_pictures
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.transfer.parts import BODY, HEAD
from glassworks.weights.store import read_tensors

HUB_FILE = "model.safetensors"


@dataclass(frozen=True)
class TimmConfig:
    """The shape of a timm model.

    name:          as timm lists it, with or without the weights' tag: "resnet18", "resnet18.a1_in1k"
    height, width: pixels of the picture
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    """

    name: str
    height: int = 224
    width: int = 224
    channels: int = 3
    classes: int = 10

    def __post_init__(self):
        if min(self.height, self.width, self.channels, self.classes) < 1:
            raise ValueError("height, width, channels and classes must be at least 1")


@dataclass(frozen=True)
class TimmInput:
    """How the published weights of a model want their pictures.

    side: pixels; mean, std: of values in 0 … 1
    crop: share of the short side that is kept after scaling; resample: "bicubic", "bilinear", …
    """

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: float
    resample: str


class TimmModel(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: TimmConfig, body: nn.Module, width: int):
        super().__init__()
        self.config = config
        self.body = body
        self.head = nn.Linear(width, config.classes)

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch features"]:
        """What the head sees of each picture."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        return self.body(pictures)

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.features(pictures))


def build(config: TimmConfig) -> TimmModel:
    """The model of a config with random weights.

    Raises PersonError: "no-such-model", "missing-extra", "bad-picture-size" for a size it cannot take.
    """
    known(config.name)
    picture = torch.zeros(1, config.channels, config.height, config.width)
    try:
        body = _create(config, num_classes=0).eval()
        with torch.no_grad():
            said = body(picture)  # the only sure way to learn its width, and that it takes this size
    except (AssertionError, ValueError, RuntimeError, TypeError) as error:
        raise _bad_size(config, str(error).splitlines()[0]) from error
    patch = getattr(getattr(body, "patch_embed", None), "patch_size", None) or (1, 1)
    if config.height % patch[0] or config.width % patch[1]:  # timm would pass over what is left at the edges
        raise _bad_size(config, f"sides must be multiples of {patch[0]} and {patch[1]}")
    if said.ndim != 2:
        raise PersonError(
            "not-a-classifier",
            expected="a model that gives one row of numbers a picture",
            got=f"{config.name}, which gives {tuple(said.shape)}",
            fix="choose another model of timm",
        )
    return TimmModel(config, body, said.shape[1]).train()


def known(name: str) -> str:
    """The name, if timm has it. Raises PersonError("no-such-model") with the nearest name."""
    timm = _timm()
    plain, _, tag = name.partition(".")
    if not timm.is_model(plain):
        raise _unknown(f'timm has no model "{plain}"', did_you_mean(plain, timm.list_models()))
    tagged = timm.list_pretrained(f"{plain}.*")
    if tag and name not in tagged:
        raise _unknown(f'"{plain}" has no weights "{tag}"', did_you_mean(name, tagged))
    return name


def timm_input(name: str) -> TimmInput:
    """How the published weights want their pictures; asks no network."""
    found = _pretrained_cfg(name)
    return TimmInput(
        side=int(found.input_size[-1]),
        mean=tuple(float(value) for value in found.mean),
        std=tuple(float(value) for value in found.std),
        crop=float(found.crop_pct or 1.0),
        resample=str(found.interpolation),
    )


def pretrained_tensors(config: TimmConfig) -> dict[str, Tensor]:
    """The published weights of a model by our names, for this picture size and number of channels.

    The head is the published one, usually of 1,000 classes. Fetched from the hub as safetensors, or found
    where the hub's client keeps its files. Raises PersonError("weights-missing").
    """
    found = _pretrained_cfg(config.name)
    if not found.hf_hub_id:
        raise _missing(config.name, "no published weights on the hub", "choose another model or tag")
    return tensors_from(_fetched(config.name, found), config)


def tensors_from(file: Path, config: TimmConfig) -> dict[str, Tensor]:
    """A safetensors file in timm's layout by our names.

    timm itself fits them to the config: a first layer for other channels, positions for another size.
    """
    found = _pretrained_cfg(config.name)
    published = {"state_dict": read_tensors(file)}
    whole = _create(config, num_classes=found.num_classes, pretrained=True, pretrained_cfg_overlay=published)
    heads = found.classifier or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    tensors = {}
    for name, tensor in whole.state_dict().items():
        layer, _, leaf = name.rpartition(".")
        if layer not in heads:
            tensors[f"{BODY}.{name}"] = tensor
        elif layer == heads[0]:  # a second head, of distilled models, has no place here
            tensors[f"{HEAD}.{leaf}"] = tensor
    return tensors


def resized(tensors: dict[str, Tensor], before: TimmConfig, after: TimmConfig) -> dict[str, Tensor]:
    """Tensors of a timm model, by our names, for pictures of another size: timm itself fits its tables."""
    body = {name.removeprefix(BODY + "."): tensor for name, tensor in tensors.items() if _of_body(name)}
    overlay = {"state_dict": body, "num_classes": 0, "classifier": None}
    fitted = _create(after, num_classes=0, pretrained=True, pretrained_cfg_overlay=overlay).state_dict()
    heads = {name: tensor for name, tensor in tensors.items() if not _of_body(name)}
    return {f"{BODY}.{name}": tensor for name, tensor in fitted.items()} | heads


def _of_body(name: str) -> bool:
    return name.startswith(BODY + ".")


def _create(config: TimmConfig, **options: Any) -> nn.Module:
    """timm's model; only models whose weights depend on the picture's size are told it."""
    if _pretrained_cfg(config.name).fixed_input_size:
        options["img_size"] = (config.height, config.width)
    return _timm().create_model(config.name, in_chans=config.channels, **options)


def _pretrained_cfg(name: str) -> Any:
    known(name)
    found = _timm().get_pretrained_cfg(name)
    if found is None:
        raise _missing(name, "no description of its weights", "choose another model")
    return found


def _fetched(name: str, found: Any) -> Path:
    """The file with the published weights; the hub's client keeps it for the next time."""
    hub = importlib.import_module("huggingface_hub")
    file = _safe_name(found.hf_hub_filename or HUB_FILE)
    try:
        return Path(hub.hf_hub_download(found.hf_hub_id, file))
    except hub.errors.LocalEntryNotFoundError as error:
        raise _missing(name, "no network and no copy here", "connect once, then it works offline") from error
    except (hub.errors.HfHubHTTPError, OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _missing(name, reason, "choose another model or tag, or try again later") from error


def _safe_name(file: str) -> str:
    """The safetensors beside a file that may be named as a pickle."""
    path = PurePosixPath(file)
    if path.suffix == ".safetensors":
        return file
    return str(path.with_name(path.stem.replace("pytorch_model", "model") + ".safetensors"))


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise PersonError(
            "missing-extra",
            expected="the package timm, for models named timm:…",
            got="it is not installed",
            fix='pip install "glassworks[timm]"',
        ) from error


def _bad_size(config: TimmConfig, reason: str) -> PersonError:
    return PersonError(
        "bad-picture-size",
        expected=f"a picture size that {config.name} takes",
        got=f"{config.height}x{config.width}x{config.channels}: {reason}",
        fix=f"use its own size, --side {timm_input(config.name).side}",
    )


def _unknown(got: str, fix: str) -> PersonError:
    return PersonError("no-such-model", expected="a model that timm knows", got=got, fix=fix)


def _missing(name: str, reason: str, fix: str) -> PersonError:
    return PersonError(
        "weights-missing",
        expected=f"the published weights of {name} as safetensors",
        got=reason,
        fix=f"{fix}; or train from random weights, without --from",
    )
