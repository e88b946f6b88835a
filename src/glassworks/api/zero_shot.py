"""Classes that a person writes down: labels become texts, and the text that fits best is the answer.

The model never learned these classes. Its probabilities say which of the given texts fits best, and nothing
about whether any of them fits: a picture of something else gets one of them all the same.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from glassworks.api.pairs import TOKENIZER, features_of_pictures, features_of_tokens, scores_of
from glassworks.api.pairs_judge import TEMPLATE
from glassworks.core.errors import PersonError
from glassworks.data.batches import PictureBatches
from glassworks.data.decode import read_picture
from glassworks.data.tokens import Tokenizer
from glassworks.models.vision.clip import CLIP, ZeroShot

if TYPE_CHECKING:
    from glassworks.api.requests import PredictRequest
    from glassworks.api.run import Run


def answers_for_files(run: "Run", request: "PredictRequest", files: list[Path]) -> list[dict]:
    """One dict a picture: the labels with their probabilities, most probable first, and how it was asked."""
    labels = labels_of(run, request.labels)
    prompts = prompts_for(labels, request.template)
    said = text_features(run, prompts)
    rows = []
    for file in files:
        try:
            pixels = decoded(run, file)
        except PersonError as error:
            rows.append({"file": str(file)} | error.as_json())
            continue
        scores = scores_of(run.model, picture_features(run, pixels), said)[0]  # type: ignore[arg-type]
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        order = np.argsort(-chances, kind="stable")
        answers = [
            {"class": labels[n], "text": prompts[n], "probability": round(float(chances[n]), 6)}
            for n in order
        ]
        note = f'labels were asked as texts: "{prompts[0]}", …; one of them is said of any picture'
        rows.append({"file": str(file), "answer": labels[order[0]], "answers": answers, "note": note})
    return rows


def labels_of(run: "Run", asked: str | None) -> list[str]:
    """The labels between commas, or the classes that the data named. Raises PersonError("no-labels")."""
    labels = [label.strip() for label in (asked or "").split(",")] if asked else list(run.classes)
    labels = list(dict.fromkeys(label for label in labels if label))
    if len(labels) < 2:
        raise PersonError(
            "no-labels", expected="two labels or more to choose from: this run learned captions, not classes",
            got=f"--labels {asked}" if asked else "no --labels",
            fix='write them with commas: --labels "a bird,a flower,a car"',
        )  # fmt: skip
    return labels


def prompts_for(labels: list[str], template: str | None) -> list[str]:
    """Labels as texts. A label of several words is a text already, unless a template is given."""
    if template is not None and "{}" not in template:
        raise PersonError(
            "bad-value", expected="--template with {} where the label goes", got=f"--template {template}",
            fix='for example --template "a photo of a {}"',
        )  # fmt: skip
    if template is not None:
        return [template.replace("{}", label) for label in labels]
    return [label if " " in label else TEMPLATE.format(label) for label in labels]


def text_features(run: "Run", texts: list[str]) -> torch.Tensor:
    """Vectors of length 1 (texts, dimension). Raises PersonError("text-too-long") instead of cutting."""
    model: CLIP = run.model  # type: ignore[assignment]
    tokens, long = Tokenizer.read(run.path / TOKENIZER).table(texts, model.config.context)
    if long:
        raise PersonError(
            "text-too-long", expected=f"a text of at most {model.config.context} tokens",
            got=f'"{texts[long[0]][:80]}", which has more', fix="say it in fewer words",
        )  # fmt: skip
    return features_of_tokens(model, tokens, run.runtime)


def picture_features(run: "Run", pixels: np.ndarray) -> torch.Tensor:
    """Vectors of length 1 (n, dimension) of decoded pictures uint8 (n, height, width, channels)."""
    rows = np.arange(len(pixels))
    batches = PictureBatches(pixels, np.zeros(len(pixels)), rows, run.input, device=run.runtime.device)
    return features_of_pictures(run.model, batches, run.runtime)  # type: ignore[arg-type]


def decoded(run: "Run", file: Path) -> np.ndarray:
    """A picture as the run's model wants it, uint8 (1, height, width, channels)."""
    how = run.input
    pixels = read_picture(
        file, how.height, how.width, how.channels, how.fit, resample=how.resample, crop=how.crop
    )
    return np.stack([pixels])


def classifier(run: "Run", labels: list[str], template: str | None = None) -> ZeroShot:
    """A run with labels written down as a plain classifier: pictures in, scores of the labels out."""
    model: CLIP = run.model  # type: ignore[assignment]
    texts = text_features(run, prompts_for(labels, template)).to(run.runtime.device)
    return ZeroShot(model, texts).eval()
