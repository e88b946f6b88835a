"""Pictures with captions on their way into a model: captions become tokens, and batches hold pairs.

A picture may have several captions; each epoch it comes with one of them, drawn by (seed, epoch, picture).
The tokenizer is learned on the captions of the training part, or comes with the weights. Captions that read
the same are one text, pictures with the same pixels one picture: neither is a wrong answer for its copy.

Axes: n rows of the data; m different texts; context = tokens of a text.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from glassworks.api.prepare import OfPictures, as_picture_input, decode, identical, require_enough
from glassworks.core import keyed
from glassworks.core.errors import PersonError
from glassworks.core.rows import PictureInput, PictureTable
from glassworks.data.batches import PictureBatches, measure_input
from glassworks.data.splits import Splits, split
from glassworks.data.store import PictureStore
from glassworks.data.tokens import Tokenizer, learn, read_merges
from glassworks.models.vision.clip import CLIP
from glassworks.recipes.base import Recipe
from glassworks.tasks.image_text import ImageTextMatching
from glassworks.training.runtime import Runtime

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class PairBatch:
    """inputs (batch, …): pictures, or what a resting encoder saw of them; tokens int64 (batch, context);
    pictures, texts int64 (batch,): numbers that are equal where the picture, or the text, is the same."""

    inputs: Tensor
    tokens: Tensor
    pictures: Tensor
    texts: Tensor
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def given(self) -> tuple[Tensor, Tensor]:
        """What the model is given."""
        return self.inputs, self.tokens

    def part(self, start: int, stop: int) -> "PairBatch":
        """Some rows; they are compared with each other only, so a step in parts is an easier task."""
        cut = slice(start, stop)
        return PairBatch(
            self.inputs[cut], self.tokens[cut], self.pictures[cut], self.texts[cut], self.rows[cut]
        )


class PairBatches:
    """Batches of pairs for one part of the data: the interface of PictureBatches.

    pictures: the batches of pictures (or of features) that the texts are put beside
    tokens:   int64 (m, context) of all texts; texts_of: of each row of the data the numbers of its texts
    twins:    int64 (n,), equal for rows with the same pixels
    """

    def __init__(self, pictures: Any, tokens: Tensor, texts_of: Sequence[np.ndarray], twins: np.ndarray):
        self.pictures, self.tokens, self.texts_of, self.twins = pictures, tokens, texts_of, twins
        self.rows, self.seed, self.device = pictures.rows, pictures.seed, pictures.device

    def __len__(self) -> int:
        return len(self.rows)

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> PairBatch:
        """Examples start … stop of an epoch, each picture with one of its captions."""
        batch = self.pictures.training(epoch, start, stop, rank, world)
        draws = keyed.uniform(batch.rows, 1, self.seed, "caption", epoch)[:, 0]
        own = [self.texts_of[row] for row in batch.rows]
        texts = torch.tensor([texts[int(draw * len(texts))] for texts, draw in zip(own, draws)])
        return PairBatch(
            batch.inputs,
            shortened(self.tokens[texts]).to(self.device),
            torch.from_numpy(self.twins[batch.rows]),
            texts,
            batch.rows,
        )


def shortened(tokens: Int[Tensor, "texts context"]) -> Int[Tensor, "texts longest"]:
    """Rows without what fills all of them up after their ends: nothing reads that, and it costs time."""
    filling = (tokens == tokens[:, -1:]).all(0).int()  # every row ends in the token that ends a text
    longest = tokens.shape[1] - int(filling.flip(0).cumprod(0).sum()) + 1
    return tokens[:, : min(longest, tokens.shape[1])]


@dataclass(frozen=True)
class PreparedPairs(OfPictures):
    """Everything about the data that a run needs; as `prepare.Prepared`, with texts.

    texts:    the m different texts, as one of the captions writes each
    tokens:   int64 (m, context)
    texts_of: of each row the numbers of its texts
    twins:    int64 (n,), equal for rows with the same pixels
    notes:    what the person should know of the texts
    """

    store: PictureStore
    splits: Splits
    how: PictureInput
    tokenizer: Tokenizer
    texts: tuple[str, ...]
    tokens: Int[np.ndarray, "m context"]
    texts_of: tuple[np.ndarray, ...]
    twins: Int[np.ndarray, " n"]
    notes: tuple[str, ...] = ()

    task = ImageTextMatching()

    def pictures(self, rows: np.ndarray, **options: Any) -> PictureBatches:
        return PictureBatches(self.store.pixels, self.table.targets, rows, self.how, **options)

    def beside(self, pictures: Any) -> PairBatches:
        """Batches of pictures, or of features, with their texts."""
        return PairBatches(pictures, torch.from_numpy(self.tokens), self.texts_of, self.twins)

    def batches(self, name: str, **options: Any) -> PairBatches:
        return self.beside(self.pictures(self.part(name), **options))

    def fits(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The texts of some rows, each once, int64 (k,), and which row has which, bool (rows, k)."""
        texts = np.unique(np.concatenate([self.texts_of[row] for row in rows]))
        found = np.stack([np.isin(texts, self.texts_of[row]) for row in rows])
        return texts, found


def prepare_pairs(recipe: Recipe, table: PictureTable, *, splits: dict | None = None) -> PreparedPairs:
    """Decode, divide, measure, and turn captions into tokens. `splits`: as recorded in a run, or None."""
    store = decode(recipe.pictures, table, workers=recipe.hardware.workers, bad=recipe.data.bad)
    table, same = store.table, identical(store.pixels)
    if splits is None:
        parts = split(table, seed=recipe.seed, val=recipe.data.val, test=recipe.data.test, same=same)
        require_enough(table, parts)
    else:
        parts = Splits.from_json(table, splits)
    how = as_picture_input(recipe.pictures)
    if not how.mean:
        measured = measure_input(store.pixels, parts.train, recipe.pictures.fit)
        how = replace(how, mean=measured.mean, std=measured.std)
    size = int(recipe.model["vocabulary"])
    learned = [text for row in parts.train for text in captions_of(table)[row]]
    tokenizer = given_tokenizer(recipe.start_from) or learn(learned, size)
    if tokenizer.size != size:
        raise PersonError(
            "contradiction", expected=f"model.vocabulary={tokenizer.size}, as the tokenizer has numbers",
            got=f"model.vocabulary={size}", fix="leave model.vocabulary out, or begin without --from",
        )  # fmt: skip
    return with_tokens(store, parts, how, tokenizer, int(recipe.model["context"]))


def with_tokens(
    store: PictureStore, parts: Splits, how: PictureInput, tokenizer: Tokenizer, context: int
) -> PreparedPairs:
    """Decoded pictures with their captions as tokens. Captions that are too long are counted in the notes."""
    said = captions_of(store.table)
    every = [text for texts in said for text in texts]
    rows, long = tokenizer.table(every, context)
    tokens, first, number = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    ends = np.cumsum([len(texts) for texts in said])
    twins = np.arange(len(said))
    for alike in identical(store.pixels):
        twins[list(alike)] = alike[0]
    notes = [
        f"{len(every):,} captions, {len(tokens):,} of them different, in numbers of a vocabulary of "
        f"{tokenizer.size:,} ({len(tokenizer.merges):,} joins)"
    ]
    if long:
        notes.append(
            f"{len(long)} caption(s) are longer than {context} tokens and are read up to there, such as "
            f'"{every[long[0]][:60]}…": --set model.context={2 * context} reads more'
        )
    return PreparedPairs(
        store, parts, how, tokenizer, tuple(every[place] for place in first), tokens,
        tuple(np.split(number.reshape(-1), ends[:-1])), twins, tuple(notes),
    )  # fmt: skip


def captions_of(table: PictureTable) -> tuple[tuple[str, ...], ...]:
    """The captions of each row. Raises ValueError for a table of another kind."""
    if table.texts is None:
        raise ValueError(f'a table of kind "{table.kind}" has no captions')
    return table.texts


def given_tokenizer(start_from: str | None) -> Tokenizer | None:
    """The tokenizer that comes with weights: of a run, or merges.txt beside a published file."""
    if not start_from:
        return None
    path = Path(start_from)
    folder = path if path.is_dir() else path.parent
    if (folder / TOKENIZER).is_file():
        return Tokenizer.read(folder / TOKENIZER)
    if path.exists() and (folder / "merges.txt").is_file():
        return read_merges(folder / "merges.txt")
    if path.exists():
        raise PersonError(
            "no-tokenizer", expected=f"the tokenizer of these weights beside them: {TOKENIZER} or merges.txt",
            got=f"neither in {folder}", fix="copy it there: other numbers for words make the weights useless",
        )  # fmt: skip
    return None


@contextlib.contextmanager
def answering(model: CLIP, runtime: Runtime) -> Iterator[None]:
    """A block in which a model answers and does not learn; the mode it had is put back."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), runtime.autocast():
            yield
    finally:
        model.train(was_training)


def features_of_pictures(
    model: CLIP, pictures: PictureBatches, runtime: Runtime
) -> Float[Tensor, "rows dimension"]:
    """Vectors of length 1, float32 on the CPU."""
    with answering(model, runtime):
        found = [model.picture_features(batch.inputs).float().cpu() for batch in pictures.plain(256)]
    return torch.cat(found)


def features_of_tokens(
    model: CLIP, tokens: Int[np.ndarray, "m context"], runtime: Runtime
) -> Float[Tensor, "m dimension"]:
    """The same of texts."""
    parts = [torch.from_numpy(tokens[start : start + 256]) for start in range(0, len(tokens), 256)]
    with answering(model, runtime):
        found = [model.text_features(shortened(part).to(runtime.device)).float().cpu() for part in parts]
    return torch.cat(found)


def scores_of(model: CLIP, pictures: Tensor, texts: Tensor) -> np.ndarray:
    """Scaled cosines of features, float64 (pictures, texts)."""
    return (float(model.scale.detach()) * pictures.double() @ texts.double().T).numpy()
