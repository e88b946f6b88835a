"""DeiT: a Vision Transformer with one more token that listens to a teacher.

A second token stands beside the class token and reads the picture through the same blocks. Two heads answer:
the class token's learns the label, the distillation token's learns what a trained network says of the very
same picture, often a CNN, whose filters know from the start that neighbours belong together. Afterwards the
teacher is gone, and the mean of both scores is the answer.

Paper: Touvron et al. 2020, "Training data-efficient image transformers & distillation through attention",
arXiv 2012.12877. Temperature and soft answers: Hinton, Vinyals, Dean 2015, arXiv 1503.02531.
Where this differs: everything that a ViT may choose (positions, norm, activation) may be chosen here too. The
soft loss is the divergence of a picture's probabilities, mean over the batch, as the paper writes it; the
authors' code divides it by the number of classes once more. The paper adds both heads' probabilities; here,
as in their code, the answer is the mean of the scores.
Without a teacher both heads learn the label, through their mean.
First thing to change: hard or soft answers of the teacher.
Command: glassworks train deit --teacher runs/cnn --distil hard

Axes: batch, channels, height, width (pixels); tokens; dimension = numbers a token; classes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.models.vision import vit

Kind = Literal["hard", "soft"]


@dataclass(frozen=True)
class DeiTConfig(vit.ViTConfig):
    """The shape of a DeiT: that of a ViT whose pooling is "class", with one token more."""

    def __post_init__(self):
        super().__post_init__()
        if self.pooling != "class":
            raise ValueError(f'pooling is "class": two tokens answer, not the patches; got "{self.pooling}"')

    @property
    def prefix(self) -> int:
        """Tokens before the patches: the class token and the distillation token."""
        return 2


# The paper's three sizes; the number is the patch.
VARIANTS: dict[str, dict[str, Any]] = {name: vit.VARIANTS[name] for name in ("ti16", "s16", "b16")}

resized = vit.resized  # positions for another grid: those of both tokens have no place, and stay


class TwoHeads(nn.Module):
    """What both tokens hold, one after the other (batch, 2 * dimension) -> mean scores (batch, classes)."""

    def __init__(self, dimension: int, classes: int):
        super().__init__()
        self.label = nn.Linear(dimension, classes)
        self.teacher = nn.Linear(dimension, classes)

    def apart(
        self, features: Float[Tensor, "batch both"]
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, "batch classes"]]:
        """(scores for the label, scores for the teacher)."""
        label, teacher = features.chunk(2, dim=1)  # (batch, dimension) each
        return self.label(label), self.teacher(teacher)

    def forward(self, features: Float[Tensor, "batch both"]) -> Float[Tensor, "batch classes"]:
        label, teacher = self.apart(features)
        return (label + teacher) / 2


class DeiT(vit.ViT):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: DeiTConfig):
        super().__init__(config)
        self.distillation_token = nn.Parameter(torch.zeros(1, 1, config.dimension))
        self.head: TwoHeads = TwoHeads(config.dimension, config.classes)  # type: ignore[assignment]

    def first_tokens(self) -> list[Tensor]:
        """The class token and the distillation token: with the patches 198 tokens for 224 pixels."""
        return [*super().first_tokens(), self.distillation_token]

    def features(self, pictures: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch both"]:
        """What the heads see: the class token and, after it, the distillation token (2 * dimension)."""
        tokens = self.encode(self.embed(pictures))
        return tokens[:, :2].flatten(1)  # (batch, 2 * dimension)

    def two_answers(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, "batch classes"]]:
        """(scores for the label, scores for the teacher); their mean is what `forward` answers."""
        return self.head.apart(self.dropout(self.features(pictures)))

    def forward(self, pictures: Float[Tensor, "batch channels height width"], *, apart: bool = False) -> Any:
        """The mean of both answers; apart: both, as `two_answers` gives them, for a loss that needs them.

        A model that is wrapped for several processes must be called to average its gradients: hence a flag.
        """
        return self.two_answers(pictures) if apart else super().forward(pictures)


def build(config: DeiTConfig) -> DeiT:
    """The model of a config with the random start of a ViT; both heads are small, so answers start even."""
    model = DeiT(config)
    vit.start(model)
    for head in (model.head.label, model.head.teacher):
        nn.init.trunc_normal_(head.weight, std=0.02)
    return model


# The teacher's share of the loss in the paper, and the temperature of its soft answers.
WEIGHT: dict[Kind, float] = {"hard": 0.5, "soft": 0.1}
TEMPERATURE = 3.0


def distillation_loss(
    label_scores: Float[Tensor, "batch classes"],
    teacher_scores: Float[Tensor, "batch classes"],
    targets: Int[Tensor, "batch"],
    said: Float[Tensor, "batch classes"],
    kind: Kind = "hard",
    *,
    weight: float | None = None,
    temperature: float = TEMPERATURE,
) -> Float[Tensor, ""]:
    """(1 - weight) x the label's loss at one head + weight x the teacher's at the other, in nats.

    label_scores, teacher_scores: as `two_answers` gives them; targets: numbers of the right classes
    said: scores of the frozen teacher for the same pictures; no gradient goes there
    kind: "hard", cross-entropy with the teacher's best class: of its answers only the arg-max is used.
        "soft", T² x KL(teacher || student) of the probabilities at temperature T
    weight: from 0 to 1, left out the paper's for this kind (`WEIGHT`); temperature: above 0, for "soft"
    Source: equations 2 and 3 of the paper.
    """
    share = WEIGHT[kind] if weight is None else weight
    said = said.detach()
    if kind == "hard":
        taught = F.cross_entropy(teacher_scores, said.argmax(1))
    else:
        ours = (teacher_scores / temperature).log_softmax(1)
        theirs = (said / temperature).log_softmax(1)
        taught = temperature**2 * (theirs.exp() * (theirs - ours)).sum(1).mean()
    return (1 - share) * F.cross_entropy(label_scores, targets) + share * taught
