"""CLIP: a picture and its caption are brought to the same place, and all other captions elsewhere.

Two encoders that never see each other's input, one for pictures and one for text, each end in a vector of
length 1. A batch of N pairs holds N right answers and N x N - N wrong ones; the loss asks each picture for
its caption and each caption for its picture. Whoever can write a label down has a classifier then: the text
of the label is the class, and nothing is trained for it.

Papers: Radford et al. 2021, "Learning transferable visual models from natural language supervision", arXiv
2103.00020; with a picture encoder that is trained already and stays as it is: Zhai et al. 2021, "LiT", arXiv
2111.07991.
Where this differs: pairs that are known to fit although they stand in different rows (the same caption twice)
share the answer instead of being told apart. With `tower="lite0"` pictures are read by an EfficientNet-Lite0.
The pairs need not become identical: only nearer to each other than to the rest of the batch.
First thing to change: `dimension`, numbers in which pictures and texts meet.
Command: glassworks train clip

Axes: batch, channels, height, width (pixels); pictures, texts (of a batch); context = tokens of a text;
width = numbers a token; dimension = numbers of a picture or a text where the two meet.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassworks.blocks.dropout import Dropout
from glassworks.blocks.encoder_block import BlockConfig, EncoderBlock
from glassworks.models.vision.efficientnet import EfficientNet, EfficientNetConfig
from glassworks.models.vision.vit import ViT, ViTConfig
from glassworks.models.vision.vit import resized as resized_vit

EPSILON = 1e-5  # of all layer norms, as published
FIRST_SCALE = math.log(1 / 0.07)  # 2.659260: the temperature 0.07 at the start, as a logarithm of its inverse
MOST_SCALE = math.log(100)  # 4.605170: beyond, a batch's wrong pairs have no say, and training fails


@dataclass(frozen=True)
class Stack:
    """How large an encoder is: numbers a token, blocks, heads of attention (they divide the width)."""

    width: int
    depth: int
    heads: int

    def __post_init__(self):
        if min(self.width, self.depth, self.heads) < 1 or self.width % self.heads:
            raise ValueError(f"{self.heads} heads cannot share {self.width} numbers in {self.depth} blocks")


@dataclass(frozen=True)
class CLIPConfig:
    """The shape of a CLIP.

    height, width: pixels of the picture, whole multiples of the patch
    channels:      1 for grey pictures, 3 for colour
    patch:         pixels on a side of a square
    picture:       size of the picture encoder
    tower:         what reads pictures: "vit", or "lite0", EfficientNet-Lite0 (patch and picture play no part)
    vocabulary:    token numbers; the last of them, vocabulary - 1, ends a text
    context:       tokens of a text at most, its start and end included
    text:          size of the text encoder
    dimension:     numbers in which pictures and texts meet
    activation:    of both encoders; published weights say "quick-gelu" or "gelu"
    dropout:       share of numbers that the encoders silence while training, 0 to below 1
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    patch: int = 32
    picture: Stack = field(default_factory=lambda: Stack(768, 12, 12))
    tower: Literal["vit", "lite0"] = "vit"
    vocabulary: int = 49_408
    context: int = 77
    text: Stack = field(default_factory=lambda: Stack(512, 12, 8))
    dimension: int = 512
    activation: Literal["gelu", "gelu-tanh", "quick-gelu", "relu"] = "quick-gelu"
    dropout: float = 0.0

    def __post_init__(self):
        for name in ("picture", "text"):  # as recipes and VARIANTS write them
            if isinstance(getattr(self, name), dict):
                object.__setattr__(self, name, Stack(**getattr(self, name)))
        if self.tower not in ("vit", "lite0"):
            raise ValueError(f'tower is "vit" or "lite0", got "{self.tower}"')
        if self.vocabulary < 3 or self.context < 3 or self.dimension < 1:
            raise ValueError("vocabulary and context are at least 3 (start, word, end), dimension at least 1")
        self.block(self.text)
        _ = self.tower_config

    def block(self, stack: Stack) -> BlockConfig:
        """How the blocks of an encoder are made."""
        return BlockConfig(
            heads=stack.heads, activation=self.activation, epsilon=EPSILON, dropout=self.dropout
        )

    @property
    def end(self) -> int:
        """The token that ends a text; its place is where the text is read."""
        return self.vocabulary - 1

    @property
    def tower_config(self) -> ViTConfig | EfficientNetConfig:
        """The picture encoder by its own config."""
        seen: dict[str, Any] = {"height": self.height, "width": self.width, "channels": self.channels}
        seen["classes"] = 1  # a head that the towers do without
        if self.tower == "lite0":
            return EfficientNetConfig(**seen, dropout=self.dropout, drop_path=0.0)
        return ViTConfig(
            **seen, patch=self.patch, dimension=self.picture.width, depth=self.picture.depth,
            block=self.block(self.picture),
        )  # fmt: skip


def _shape(patch: int, picture: tuple[int, int, int], text: tuple[int, int, int], dimension: int) -> dict:
    def stack(width: int, depth: int, heads: int) -> dict[str, int]:
        return {"width": width, "depth": depth, "heads": heads}

    return {"patch": patch, "picture": stack(*picture), "text": stack(*text), "dimension": dimension}


# The published sizes; lite0 reads pictures with EfficientNet-Lite0 and has a text encoder for a laptop.
VARIANTS: dict[str, dict[str, Any]] = {
    "b32": _shape(32, (768, 12, 12), (512, 12, 8), 512),
    "b16": _shape(16, (768, 12, 12), (512, 12, 8), 512),
    "l14": _shape(14, (1024, 24, 16), (768, 12, 12), 768),
    "lite0": {"tower": "lite0", "text": {"width": 128, "depth": 1, "heads": 4}, "dimension": 128},
}


class PictureTower(ViT):
    """CLIP's ViT: no bias in the cut, a norm before the blocks, and no head."""

    def __init__(self, config: ViTConfig):
        super().__init__(config)
        self.patches.projection.register_parameter("bias", None)
        self.first_norm = nn.LayerNorm(config.dimension, eps=config.block.epsilon)
        self.head: nn.Module = nn.Identity()  # type: ignore[assignment]

    def embed(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch tokens dimension"]:
        return self.first_norm(super().embed(pictures))


class TextTower(nn.Module):
    """Tokens (batch, context) -> what stands at the end of each text (batch, width).

    Attention is causal, so the end has seen all words, and whatever fills the row up after it is never seen.
    """

    def __init__(self, config: CLIPConfig):
        super().__init__()
        self.end, self.context = config.end, config.context
        width, block = config.text.width, config.block(config.text)
        self.positions = nn.Parameter(torch.zeros(config.context, width))
        self.token_embedding = nn.Embedding(config.vocabulary, width)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(EncoderBlock(width, block, causal=True) for _ in range(config.text.depth))
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, tokens: Int[Tensor, "batch context"]) -> Float[Tensor, "batch width"]:
        self._check(tokens)
        numbers = self.token_embedding(tokens) + self.positions[: tokens.shape[1]]  # (batch, context, width)
        numbers = self.dropout(numbers)
        for block in self.blocks:
            numbers = block(numbers)
        ends = (tokens == self.end).int().argmax(dim=1)  # the first end of each row
        rows = torch.arange(len(tokens), device=tokens.device)
        return self.norm(numbers[rows, ends])

    def _check(self, tokens: Tensor) -> None:
        """Refuse what is no text, in words. Its contents are not looked at while a model is exported."""
        if tokens.ndim != 2 or tokens.is_floating_point() or not 1 <= tokens.shape[1] <= self.context:
            raise ValueError(
                f"expected tokens as whole numbers (batch, up to {self.context}), "
                f"got {tuple(tokens.shape)} {tokens.dtype}"
            )
        if not torch.compiler.is_compiling() and not bool((tokens == self.end).any(1).all()):
            raise ValueError(f"expected texts that end in token {self.end}, got one without an end")


class CLIP(nn.Module):
    """Pictures (n, channels, height, width) and tokens (m, context) -> scores (n, m)."""

    def __init__(self, config: CLIPConfig):
        super().__init__()
        self.config = config
        tower = config.tower_config
        if isinstance(tower, ViTConfig):
            self.picture: nn.Module = PictureTower(tower)
            width = tower.dimension
        else:
            self.picture = EfficientNet(tower)
            self.picture.head = nn.Identity()  # type: ignore[assignment]
            width = tower.features
        self.text = TextTower(config)
        self.picture_projection = nn.Linear(width, config.dimension, bias=False)
        self.text_projection = nn.Linear(config.text.width, config.dimension, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(FIRST_SCALE))

    @property
    def scale(self) -> Float[Tensor, ""]:
        """What cosines are multiplied by before softmax: learned, 100 at most."""
        beyond = (self.log_scale.detach() - MOST_SCALE).clamp(min=0.0)  # taken off without stopping gradients
        return (self.log_scale - beyond).exp()

    @torch.no_grad()
    def hold_scale(self) -> None:
        """Put a scale that a step brought above 100 back, or it would wander on where nothing changes."""
        self.log_scale.clamp_(max=MOST_SCALE)

    def picture_features(
        self, pictures: Float[Tensor, "pictures channels height width"]
    ) -> Float[Tensor, "pictures dimension"]:
        """Vectors of length 1."""
        return self.projected(self.picture(pictures))

    def projected(self, seen: Float[Tensor, "pictures width"]) -> Float[Tensor, "pictures dimension"]:
        """What the picture encoder saw, as vectors of length 1 beside those of texts."""
        return F.normalize(self.picture_projection(seen), dim=-1)

    def text_features(self, tokens: Int[Tensor, "texts context"]) -> Float[Tensor, "texts dimension"]:
        """Vectors of length 1."""
        return F.normalize(self.text_projection(self.text(tokens)), dim=-1)

    def scores(
        self, pictures: Float[Tensor, "pictures dimension"], texts: Float[Tensor, "texts dimension"]
    ) -> Float[Tensor, "pictures texts"]:
        """Cosines of features times the scale: softmax over texts says which fits a picture best."""
        return self.scale * pictures @ texts.T

    def forward(
        self, pictures: Float[Tensor, "pictures channels height width"], tokens: Int[Tensor, "texts context"]
    ) -> Float[Tensor, "pictures texts"]:
        return self.scores(self.picture_features(pictures), self.text_features(tokens))


def contrastive_loss(
    scores: Float[Tensor, "pictures texts"], fits: Bool[Tensor, "pictures texts"] | None = None
) -> Float[Tensor, ""]:
    """Cross-entropy of each picture over all texts and of each text over all pictures, averaged.

    fits: which text is right for which picture; several share the answer. Left out: the n-th for the n-th.
    Raises ValueError for a picture without any text, or the reverse.
    """
    if fits is None:
        fits = torch.eye(*scores.shape, dtype=torch.bool, device=scores.device)
    if not bool(fits.any(0).all() and fits.any(1).all()):
        raise ValueError("every picture needs a text that fits, and every text a picture")
    shares = fits.to(scores.dtype)
    to_text = F.cross_entropy(scores, shares / shares.sum(1, keepdim=True))
    to_picture = F.cross_entropy(scores.T, (shares / shares.sum(0)).T)
    return (to_text + to_picture) / 2


@dataclass(frozen=True)
class Labelled:
    """What a classifier made of labels sees, and how many there are."""

    height: int
    width: int
    channels: int
    classes: int


class ZeroShot(nn.Module):
    """A CLIP with labels written down: a classifier whose head is their texts. Pictures -> (batch, labels).

    The text encoder has done its work and is left behind, so this is exported, explained and taken apart as
    every classifier is.
    """

    def __init__(self, model: CLIP, texts: Float[Tensor, "labels dimension"]):
        super().__init__()
        seen = model.config
        self.config = Labelled(seen.height, seen.width, seen.channels, len(texts))
        self.picture, self.picture_projection = model.picture, model.picture_projection
        self.head = nn.Linear(seen.dimension, len(texts), bias=False)
        self.head.weight = nn.Parameter((model.scale * texts).detach())

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch dimension"]:
        return F.normalize(self.picture_projection(self.picture(pictures)), dim=-1)

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch labels"]:
        return self.head(self.features(pictures))


def described(model: CLIP, classes: int) -> ZeroShot:
    """A stand-in for `info` and `plan`, which count what one picture costs: labels whose texts are random.

    The text encoder is counted among the parameters; its work falls once a label, not once a picture.
    """
    made = ZeroShot(model, F.normalize(torch.randn(classes, model.config.dimension), dim=-1))
    made.text, made.text_projection = model.text, model.text_projection
    return made


def build(config: CLIPConfig) -> CLIP:
    """The model of a config with the paper's random start."""
    model = CLIP(config)
    start(model)
    return model


def resized(
    tensors: dict[str, Tensor], before: CLIPConfig, after: CLIPConfig, **how: Any
) -> dict[str, Tensor]:
    """Tensors of a CLIP for pictures of another size: the positions of its picture encoder are resized.

    how: `mode` and `align_corners` of `resize_positions`.
    """
    old, new = before.tower_config, after.tower_config
    if not isinstance(old, ViTConfig) or not isinstance(new, ViTConfig):
        return tensors
    table = resized_vit({"positions": tensors["picture.positions"]}, old, new, **how)
    return tensors | {"picture.positions": table["positions"]}


def start(model: CLIP) -> None:
    """Normal numbers whose spread falls with the width, and in layers that add to a sum with its length."""
    towers = [model.text] + [model.picture] * isinstance(model.picture, PictureTower)
    for tower in towers:
        for block in tower.blocks:  # type: ignore[union-attr]
            _start_block(block, len(tower.blocks))  # type: ignore[arg-type]
    nn.init.normal_(model.text.token_embedding.weight, std=0.02)
    nn.init.normal_(model.text.positions, std=0.01)
    if isinstance(model.picture, PictureTower):
        for place in (model.picture.class_token, model.picture.positions):
            nn.init.normal_(place, std=model.config.picture.width**-0.5)  # type: ignore[arg-type]
    for projection in (model.picture_projection, model.text_projection):
        nn.init.normal_(projection.weight, std=projection.in_features**-0.5)


def _start_block(block: EncoderBlock, depth: int) -> None:
    """One block of `depth`: what writes into the sum starts smaller, because 2 * depth of them add up."""
    width = block.norm1.normalized_shape[0]
    added = width**-0.5 * (2 * depth) ** -0.5
    for layer, spread in (
        (block.attention.query_key_value, width**-0.5),
        (block.attention.projection, added),
        (block.mlp.widen, (2 * width) ** -0.5),
        (block.mlp.narrow, added),
    ):
        nn.init.normal_(layer.weight, std=spread)
        nn.init.zeros_(layer.bias)
