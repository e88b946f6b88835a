"""Vision Transformer: cut the picture into squares, and read them as a sentence.

Each square becomes a vector, is told where it stands, and then looks at all others, block after block. A
class token that belongs to no square gathers what the answer needs (or all squares are averaged). Of the
picture's nature little is built in: neighbours are not known to be neighbours until that is learned, which
takes more pictures, or stronger augmentation, than filters need.

Paper: Dosovitskiy et al. 2020, "An image is worth 16x16 words", arXiv 2010.11929; what it takes to train one
on fewer pictures: Steiner et al. 2021, arXiv 2106.10270.
Where this differs: positions may be learned (theirs), fixed waves, relative or none, and the norm may stand
after the branches, so that these choices can be compared. Any grid of whole patches goes, not squares only.
First thing to change: `patch`. Half of it is four times the tokens and sixteen times the attention maps.
Command: glassworks train vit --variant s16

Axes: batch, channels, height, width (pixels); tokens; dimension = numbers a token; classes.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassworks.blocks import drop_path
from glassworks.blocks.dropout import Dropout
from glassworks.blocks.encoder_block import BlockConfig, EncoderBlock
from glassworks.blocks.patches import Patches, grid_of
from glassworks.blocks.pictures import check_pictures
from glassworks.blocks.positions import RelativePositions, resize_positions, sine_cosine


@dataclass(frozen=True)
class ViTConfig:
    """The shape of a Vision Transformer.

    height, width: pixels of the picture, whole multiples of the patch
    channels:      1 for grey pictures, 3 for colour
    classes:       scores that come out (1 for a number)
    patch:         pixels on a side of a square
    dimension:     numbers a token
    depth:         blocks
    pooling:       the head reads the class token, or the mean of all patches
    positions:     "learned" a vector for each place, "sine" fixed waves, "relative" in each head, or "none"
    dropout:       share of features that are silenced before the head while training, 0 to below 1
    block:         how the blocks are made
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    classes: int = 1000
    patch: int = 16
    dimension: int = 768
    depth: int = 12
    pooling: Literal["class", "mean"] = "class"
    positions: Literal["learned", "sine", "relative", "none"] = "learned"
    dropout: float = 0.0
    block: BlockConfig = field(default_factory=BlockConfig)

    def __post_init__(self):
        if isinstance(self.block, dict):  # as recipes and VARIANTS write it
            object.__setattr__(self, "block", BlockConfig(**self.block))
        grid_of(self.height, self.width, self.patch)
        if min(self.channels, self.classes, self.dimension, self.depth) < 1:
            raise ValueError("channels, classes, dimension and depth are at least 1")
        if self.dimension % self.block.heads:
            raise ValueError(f"{self.block.heads} heads cannot share {self.dimension} numbers evenly")
        if self.pooling not in ("class", "mean"):
            raise ValueError(f'pooling is "class" or "mean", got "{self.pooling}"')
        if self.positions not in ("learned", "sine", "relative", "none"):
            raise ValueError(f'positions are learned, sine, relative or none, got "{self.positions}"')
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is a share from 0 to below 1, got {self.dropout}")

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return grid_of(self.height, self.width, self.patch)

    @property
    def prefix(self) -> int:
        """Tokens before the patches: 1 with a class token."""
        return 1 if self.pooling == "class" else 0

    @property
    def tokens(self) -> int:
        """Tokens in all: 197 for 224 pixels and patches of 16."""
        return self.prefix + self.grid[0] * self.grid[1]


def _shape(patch: int, dimension: int, depth: int, heads: int) -> dict[str, Any]:
    return {"patch": patch, "dimension": dimension, "depth": depth, "block": {"heads": heads}}


# The letters are the papers' sizes: Ti and S from DeiT, B and L from the paper; the number is the patch.
VARIANTS: dict[str, dict[str, Any]] = {
    "ti16": _shape(16, 192, 12, 3),
    "s16": _shape(16, 384, 12, 6),
    "s32": _shape(32, 384, 12, 6),
    "b8": _shape(8, 768, 12, 12),
    "b16": _shape(16, 768, 12, 12),
    "b32": _shape(32, 768, 12, 12),
    "l16": _shape(16, 1024, 24, 16),
}


class ViT(nn.Module):
    """Pictures (batch, channels, height, width) -> scores before softmax (batch, classes)."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.config = config
        dimension = config.dimension
        self.class_token = nn.Parameter(torch.zeros(1, 1, dimension)) if config.prefix else None
        if config.positions == "learned":
            self.positions = nn.Parameter(torch.zeros(1, config.tokens, dimension))
        elif config.positions == "sine":
            waves = sine_cosine(config.grid, dimension, prefix=config.prefix)
            self.register_buffer("positions", waves[None], persistent=False)
        self.patches = Patches(config.channels, config.patch, dimension)
        if config.positions == "relative":
            self.relative = RelativePositions(config.grid, config.block.heads, prefix=config.prefix)
        self.embedding_dropout = Dropout(config.block.dropout)
        shares = drop_path.shares(config.block.drop_path, config.depth)
        self.blocks = nn.ModuleList(
            EncoderBlock(dimension, config.block, drop_path=share) for share in shares
        )
        # Pre-norm hands on a sum that nothing has scaled yet; post-norm has done it in the last block.
        last = config.block.norm == "pre"
        self.norm = nn.LayerNorm(dimension, eps=config.block.epsilon) if last else nn.Identity()
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(dimension, config.classes)

    def first_tokens(self) -> list[Tensor]:
        """What stands before the patches, (1, 1, dimension) each: the class token, if there is one."""
        return [] if self.class_token is None else [self.class_token]

    def embed(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch tokens dimension"]:
        """The first tokens and the patches, each told its place."""
        check_pictures(pictures, self.config.channels, self.config.height, self.config.width)
        patches = self.patches(pictures)  # (batch, rows * columns, dimension)
        first = [token.expand(patches.shape[0], -1, -1).to(patches.dtype) for token in self.first_tokens()]
        tokens = torch.cat([*first, patches], dim=1)  # (batch, prefix + rows * columns, dimension)
        if self.config.positions in ("learned", "sine"):
            tokens = tokens + self.positions
        return self.embedding_dropout(tokens)

    def encode(
        self, tokens: Float[Tensor, "batch tokens dimension"]
    ) -> Float[Tensor, "batch tokens dimension"]:
        """All blocks and the last norm."""
        bias = self.relative() if self.config.positions == "relative" else None
        for block in self.blocks:
            tokens = block(tokens, bias)
        return self.norm(tokens)

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch dimension"]:
        """What the head sees: the class token, or the mean of all patches."""
        tokens = self.encode(self.embed(pictures))
        return tokens[:, 0] if self.config.pooling == "class" else tokens.mean(1)

    def forward(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        return self.head(self.dropout(self.features(pictures)))


def build(config: ViTConfig) -> ViT:
    """The model of a config with the paper's random start."""
    model = ViT(config)
    start(model)
    return model


def start(model: nn.Module) -> None:
    """The paper's: maps keep the spread of what goes through them (Xavier), tokens and positions are small.

    With the 0.02 of later code a narrow model starts nearly blind: at 64 numbers a token, six passes over
    1,258 digits gave 48 instead of 80 percent. The head is small, so that the first answers are even.
    """
    for name, parameter in model.named_parameters():
        if name.endswith(("token", "positions")):
            nn.init.trunc_normal_(parameter, std=0.02)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight.flatten(1))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if name == "head" and isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)


def resized(tensors: dict[str, Tensor], before: ViTConfig, after: ViTConfig, **how: Any) -> dict[str, Tensor]:
    """Tensors of a ViT for pictures of another size: its learned positions become those of the new grid.

    how: `mode` and `align_corners` of `resize_positions`. Raises ValueError where the grid does not decide
    it: relative positions know offsets that the other grid lacks, another patch has other filters.
    """
    if before.grid == after.grid or before.positions in ("sine", "none"):
        return tensors
    if before.positions == "relative":
        raise ValueError("relative positions belong to one grid; train at the other size from the start")
    table = resize_positions(tensors["positions"], before.grid, after.grid, prefix=before.prefix, **how)
    return tensors | {"positions": table}
