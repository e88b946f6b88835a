"""Masked autoencoder: hide three quarters of a picture and draw what is hidden. No labels are needed.

The encoder, a Vision Transformer, sees only the patches that are left, so it has a quarter of the work. A
small decoder gets its tokens back in their places, one and the same mask token everywhere else, and guesses
the pixels of the hidden patches. To guess them something of what pictures show must be known; afterwards the
decoder is thrown away, and the encoder begins a classifier.

Paper: He et al. 2021, "Masked autoencoders are scalable vision learners", arXiv 2111.06377 (Meta).
Where this differs: how many patches stay is counted from the hidden ones, rounded, and never 0; any grid of
whole patches goes; positions may be learned, and the class token may be left out.
First thing to change: `hidden`, the share of patches that is hidden.
Command: glassworks train mae --data photos/

Axes: batch, channels, height, width (pixels); tokens = patches of a picture; dimension = numbers a token;
numbers = patch * patch * channels, the pixels of one patch.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassworks.blocks.encoder_block import BlockConfig, EncoderBlock
from glassworks.blocks.patches import cut, grid_of, joined
from glassworks.blocks.positions import resize_positions, sine_cosine
from glassworks.models.vision.vit import ViT, ViTConfig, start

EPSILON = 1e-6  # added to a patch's variance before its root is taken
ENCODER = "encoder."  # how the names of the encoder's tensors begin; what follows is a ViT's name


@dataclass(frozen=True)
class DecoderShape:
    """The decoder, which is needed while training alone. dimension: numbers a token; depth: blocks."""

    dimension: int = 512
    depth: int = 8
    block: BlockConfig = field(default_factory=lambda: BlockConfig(heads=16))

    def __post_init__(self):
        if isinstance(self.block, dict):
            object.__setattr__(self, "block", BlockConfig(**self.block))
        if min(self.dimension, self.depth) < 1 or self.dimension % self.block.heads:
            raise ValueError(
                f"a decoder has a depth of 1 or more, and {self.block.heads} heads that share its "
                f"{self.dimension} numbers evenly"
            )


@dataclass(frozen=True)
class MAEConfig:
    """The shape of a masked autoencoder.

    height, width: pixels of the picture, whole multiples of the patch
    channels:      1 for grey pictures, 3 for colour
    patch:         pixels on a side of a square
    dimension:     numbers a token of the encoder
    depth:         blocks of the encoder
    pooling:       "class" the encoder has a class token, or "mean" it has none
    positions:     "sine" fixed waves, or "learned"
    hidden:        share of the patches that is hidden, above 0 and below 1
    normalised:    whether a patch is to be guessed after its own mean and spread are taken out
    block:         how the encoder's blocks are made
    decoder:       the small network that draws
    """

    height: int = 224
    width: int = 224
    channels: int = 3
    patch: int = 16
    dimension: int = 768
    depth: int = 12
    pooling: Literal["class", "mean"] = "class"
    positions: Literal["sine", "learned"] = "sine"
    hidden: float = 0.75
    normalised: bool = True
    block: BlockConfig = field(default_factory=BlockConfig)
    decoder: DecoderShape = field(default_factory=DecoderShape)

    def __post_init__(self):
        if isinstance(self.decoder, dict):  # as recipes and VARIANTS write it
            object.__setattr__(self, "decoder", DecoderShape(**self.decoder))
        if self.positions not in ("sine", "learned"):
            raise ValueError(f'positions are "sine" or "learned", got "{self.positions}"')
        body = self.body()  # refuses what a ViT cannot be
        object.__setattr__(self, "block", body.block)
        if not 0.0 < self.hidden < 1.0:
            raise ValueError(f"hidden is a share above 0 and below 1, got {self.hidden}")
        if kept(self.tokens, self.hidden) == self.tokens:
            raise ValueError(
                f"{self.hidden} of {self.tokens} patches hides none; use smaller patches or hide more"
            )

    def body(self) -> ViTConfig:
        """The encoder as a Vision Transformer; it has no head, so `classes` says nothing."""
        names = ("height", "width", "channels", "patch", "dimension", "depth", "pooling", "positions")
        return ViTConfig(**{name: getattr(self, name) for name in names}, classes=1, block=self.block)

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
        """Patches of a picture."""
        return self.grid[0] * self.grid[1]

    @property
    def numbers(self) -> int:
        """Pixel values of one patch."""
        return self.patch**2 * self.channels


def _shape(dimension: int, depth: int, heads: int) -> dict[str, Any]:
    return {"patch": 16, "dimension": dimension, "depth": depth, "block": {"heads": heads}}


# The encoders are the ViT's of the same name; the paper has B and L, both with the decoder above.
VARIANTS: dict[str, dict[str, Any]] = {
    "b16": _shape(768, 12, 12),
    "l16": _shape(1024, 24, 16),
    "s16": _shape(384, 12, 6) | {"decoder": {"dimension": 256, "depth": 4, "block": {"heads": 8}}},
    "ti16": _shape(192, 12, 3) | {"decoder": {"dimension": 128, "depth": 2, "block": {"heads": 4}}},
}


def kept(tokens: int, hidden: float) -> int:
    """How many of the tokens stay when a share is hidden: the hidden ones are rounded, and one stays."""
    return max(1, tokens - round(tokens * hidden))


class Masking(NamedTuple):
    """visible: the tokens that stay, in a random order; mask: 1 where a token is hidden, else 0;
    restore: the place of each token among the shuffled ones, visible first."""

    visible: Float[Tensor, "batch kept dimension"]
    mask: Float[Tensor, "batch tokens"]
    restore: Int[Tensor, "batch tokens"]


def random_masking(
    tokens: Float[Tensor, "batch tokens dimension"],
    hidden: float,
    *,
    noise: Float[Tensor, "batch tokens"] | None = None,
    generator: torch.Generator | None = None,
) -> Masking:
    """Hide a share of the tokens, others in each picture: those with the largest noise.

    noise: what decides; left out, it is drawn, from `generator` where there is one. A generator may live on
    another device than the tokens: the same one hides the same patches everywhere.
    """
    batch, count, dimension = tokens.shape
    if noise is None:
        where = tokens.device if generator is None else generator.device
        noise = torch.rand(batch, count, generator=generator, device=where)
    noise = noise.to(tokens.device)
    stay = kept(count, hidden)
    shuffled = noise.argsort(dim=1)  # (batch, tokens): which token stands at each shuffled place
    restore = shuffled.argsort(dim=1)  # its inverse
    visible = tokens.gather(1, shuffled[:, :stay, None].expand(-1, -1, dimension))  # (batch, kept, dimension)
    return Masking(visible, (restore >= stay).to(tokens.dtype), restore)


class Decoder(nn.Module):
    """Visible tokens and mask tokens, each told its place, through a few blocks of their own.

    forward: encoded (batch, prefix + kept, encoder's dimension), restore (batch, tokens)
    -> (batch, tokens, decoder's dimension)
    """

    def __init__(self, config: MAEConfig):
        super().__init__()
        shape, self.prefix = config.decoder, config.prefix
        self.mask_token = nn.Parameter(torch.zeros(1, 1, shape.dimension))
        if config.positions == "learned":
            self.positions = nn.Parameter(torch.zeros(1, self.prefix + config.tokens, shape.dimension))
        else:
            waves = sine_cosine(config.grid, shape.dimension, prefix=self.prefix)
            self.register_buffer("positions", waves[None], persistent=False)
        self.embedding = nn.Linear(config.dimension, shape.dimension)
        self.blocks = nn.ModuleList(EncoderBlock(shape.dimension, shape.block) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.dimension, eps=shape.block.epsilon)

    def forward(self, encoded: Tensor, restore: Tensor) -> Tensor:
        tokens = self.embedding(encoded)  # (batch, prefix + kept, dimension)
        first, visible = tokens[:, : self.prefix], tokens[:, self.prefix :]
        masks = self.mask_token.to(tokens.dtype).expand(
            len(tokens), restore.shape[1] - visible.shape[1], -1
        )  # (batch, hidden, dimension)
        shuffled = torch.cat([visible, masks], dim=1)  # (batch, tokens, dimension)
        places = restore[..., None].expand(-1, -1, tokens.shape[2])
        tokens = torch.cat([first, shuffled.gather(1, places)], dim=1) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)[:, self.prefix :]


class Guess(NamedTuple):
    """What was guessed of each patch, what is right, and 1 where the patch was hidden."""

    prediction: Float[Tensor, "batch tokens numbers"]
    target: Float[Tensor, "batch tokens numbers"]
    mask: Float[Tensor, "batch tokens"]


class MAE(nn.Module):
    """Pictures (batch, channels, height, width) -> a guess of every patch from a few; see `Guess`."""

    def __init__(self, config: MAEConfig):
        super().__init__()
        self.config = config
        self.encoder = ViT(config.body())
        self.encoder.head = nn.Identity()  # type: ignore[assignment]  # nothing is classified here
        self.decoder = Decoder(config)
        self.head = nn.Linear(config.decoder.dimension, config.numbers)

    def encode(self, pictures: Tensor, **masking: Any) -> tuple[Tensor, Masking]:
        """The encoder on visible patches alone: (batch, prefix + kept, dimension), and what was hidden.

        masking: `noise` or `generator` of `random_masking`
        """
        prefix = self.config.prefix
        tokens = self.encoder.embed(pictures)  # every patch is told its place before any is hidden
        masked = random_masking(tokens[:, prefix:], self.config.hidden, **masking)
        return self.encoder.encode(torch.cat([tokens[:, :prefix], masked.visible], dim=1)), masked

    def forward(
        self,
        pictures: Float[Tensor, "batch channels height width"],
        noise: Float[Tensor, "batch tokens"] | None = None,
    ) -> Guess:
        """noise: which patches are hidden, see `random_masking`; left out, it is drawn."""
        encoded, masked = self.encode(pictures, noise=noise)
        prediction = self.head(self.decoder(encoded, masked.restore))  # (batch, tokens, numbers)
        return Guess(prediction, target_of(pictures, self.config), masked.mask)

    def features(
        self, pictures: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch dimension"]:
        """What a classifier that begins with this encoder sees of whole pictures."""
        return self.encoder.features(pictures)

    def reconstruct(
        self, pictures: Tensor, *, noise: Tensor | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """(pictures with hidden patches at 0, pictures with hidden patches guessed), as the model sees them.

        Visible patches are the picture's own. A normalised guess lacks mean and spread, and takes those of
        the true hidden patch: good for looking at what was understood, not a proof that brightness was.
        """
        encoded, masked = self.encode(pictures, noise=noise, generator=generator)
        guess = self.head(self.decoder(encoded, masked.restore)).to(pictures.dtype)
        truth, mask = cut(pictures, self.config.patch), masked.mask[..., None].to(pictures.dtype)
        if self.config.normalised:
            mean, spread = statistics(truth)
            guess = guess * spread + mean
        seen, drawn = truth * (1 - mask), truth * (1 - mask) + guess * mask
        return tuple(joined(one, self.config.patch, self.config.grid) for one in (seen, drawn))  # type: ignore[return-value]


def statistics(patches: Float[Tensor, "batch tokens numbers"]) -> tuple[Tensor, Tensor]:
    """Mean and spread of each patch, (batch, tokens, 1) each; the variance divides by numbers - 1."""
    variance = patches.var(-1, keepdim=True, correction=1 if patches.shape[-1] > 1 else 0)
    return patches.mean(-1, keepdim=True), (variance + EPSILON).sqrt()


def target_of(pictures: Tensor, config: MAEConfig) -> Float[Tensor, "batch tokens numbers"]:
    """What is to be guessed of each patch: its pixels, or these with its own mean and spread taken out."""
    patches = cut(pictures, config.patch)
    if not config.normalised:
        return patches
    mean, spread = statistics(patches)
    return (patches - mean) / spread


def errors(prediction: Tensor, target: Tensor, mask: Float[Tensor, "batch tokens"]) -> Tensor:
    """Mean squared error over the hidden patches of each picture, (batch,); visible ones do not count."""
    each = ((prediction.to(target.dtype) - target) ** 2).mean(-1)  # (batch, tokens)
    return (each * mask).sum(1) / mask.sum(1)


def build(config: MAEConfig) -> MAE:
    """The model of a config with the paper's random start."""
    model = MAE(config)
    start(model)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    projection = model.encoder.patches.projection.weight
    nn.init.xavier_uniform_(projection.flatten(1))  # a view: the projection is the linear map it is
    return model


def resized(tensors: dict[str, Tensor], before: MAEConfig, after: MAEConfig, **how: Any) -> dict[str, Tensor]:
    """Tensors for pictures of another size: learned positions of both halves become those of the new grid.

    how: `mode` and `align_corners` of `resize_positions`
    """
    names = [name for name in ("encoder.positions", "decoder.positions") if name in tensors]
    grids = before.grid, after.grid
    return tensors | {
        name: resize_positions(tensors[name], *grids, prefix=before.prefix, **how) for name in names
    }
