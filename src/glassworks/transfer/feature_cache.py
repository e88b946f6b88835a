"""Features computed once: when only the head learns, the frozen body says the same of a picture every epoch.

So the body runs once over every picture instead of once an epoch, and the head trains on what it said: the
whole training takes about as long as one pass. This holds only while nothing random touches the picture, so
augmentation must be off. What took noticeable time is kept in the cache under a digest of all that it
depends on.
First thing to change: `NOTICEABLE`, the time from which the result is worth keeping.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.core.cache import cache_folder, keep_within_limit, touch
from glassworks.core.errors import PersonError
from glassworks.core.keyed import permutation
from glassworks.data.augment import NOTHING
from glassworks.data.batches import Batch, PictureBatches
from glassworks.weights.store import read_tensors, write_tensors

NOTICEABLE = 0.5  # seconds of computing from which features are kept in the cache
SIZE = 64  # pictures that the body takes at once
FORMAT = "1"  # part of the key: raise it when the computation changes

Body = Callable[[Tensor], Tensor]


class FeatureBatches:
    """Batches of features instead of pictures, for one part of the data: the interface of PictureBatches.

    features: float32 (rows of this part, width), in the order of `rows`
    targets:  of all rows of the data
    note:     one sentence on where the features came from
    """

    def __init__(self, features: Tensor, targets: Tensor, rows: np.ndarray, *, seed: int, note: str = ""):
        self.features, self.targets, self.rows, self.seed, self.note = features, targets, rows, seed, note
        self.device = features.device
        self._place = np.full(int(rows.max(initial=-1)) + 1, -1)  # of each row among the features
        self._place[rows] = np.arange(len(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def order(self, epoch: int) -> np.ndarray:
        """The rows of this part in the order of an epoch, as PictureBatches with the same seed gives them."""
        return self.rows[permutation(len(self.rows), self.seed, "order", epoch)]

    def training(self, epoch: int, start: int, stop: int, rank: int = 0, world: int = 1) -> Batch:
        """Examples start … stop of an epoch; each of `world` processes takes every world-th."""
        return self._batch(self.order(epoch)[start:stop][rank::world])

    def plain(self, size: int) -> Iterator[Batch]:
        """All examples in the data's order, `size` at a time."""
        for start in range(0, len(self.rows), size):
            yield self._batch(self.rows[start : start + size])

    def load(self, rows: np.ndarray) -> Tensor:
        """Features (batch, width) of some rows of this part."""
        return self.features[torch.from_numpy(self._place[rows]).to(self.device)]

    def _batch(self, rows: np.ndarray) -> Batch:
        return Batch(self.load(rows), self.targets[rows].to(self.device), rows)


def cached_features(
    batches: PictureBatches,
    body: Body,
    *,
    key: str,
    autocast: Callable[[], AbstractContextManager] = contextlib.nullcontext,
) -> FeatureBatches:
    """What `body` says of every picture of `batches`, from the cache or computed now.

    body:     (batch, channels, height, width) -> (batch, width); a module or a module's method runs in
              evaluation mode and is left in the mode it had
    key:      names all that decides the features besides the rows: the data's digest, the weights' digest
              (`weights_digest`), the input and the precision
    autocast: makes the context of a reduced precision
    Raises ValueError when the batches are augmented.
    """
    if batches.augment != NOTHING:
        raise ValueError("features are computed once, so nothing random may touch the pictures")
    rows = batches.rows
    features, note = kept_features(
        _digest_of_key(key, rows), len(rows), lambda: _computed(batches, body, autocast), of="pictures"
    )
    return FeatureBatches(features.to(batches.device), batches.targets, rows, seed=batches.seed, note=note)


def kept_features(key: str, rows: int, compute: Callable[[], Tensor], *, of: str) -> tuple[Tensor, str]:
    """Features (rows, width) from the cache, or computed now and kept; and a sentence on which it was.

    key: names all that decides them; of: what they are of, in the plural
    """
    entry = cache_folder() / "features" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"
    features, note = _read(entry, rows), f"features of {rows:,} {of} read from the cache"
    if features is None:
        begun = time.monotonic()
        features = compute()
        seconds = time.monotonic() - begun
        note = f"features of {rows:,} {of} computed in {seconds:.1f} s"
        if seconds > NOTICEABLE:
            note += _keep(entry, features)
    return features, note


def weights_digest(model: nn.Module, *, besides: tuple[str, ...] = ()) -> str:
    """SHA-256 over the names, types, shapes and bytes of a model's tensors, 64 hexadecimal digits.

    besides: beginnings of names to leave out, such as ("head.",)
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if not name.startswith(besides):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(_bytes_of(tensor))
    return digest.hexdigest()


@contextlib.contextmanager
def evaluating(body: Body) -> Iterator[None]:
    """Evaluation mode for the module behind a function while the block runs, then each layer's own again."""
    owner = getattr(body, "__self__", body)
    layers = list(owner.modules()) if isinstance(owner, nn.Module) else []
    modes = [layer.training for layer in layers]
    for layer in layers:
        layer.training = False
    try:
        yield
    finally:
        for layer, mode in zip(layers, modes, strict=True):
            layer.training = mode


def _computed(batches: PictureBatches, body: Body, autocast: Callable[[], AbstractContextManager]) -> Tensor:
    """Run the body over every picture, `SIZE` at a time."""
    # Made outside inference mode: the head's gradient may not be taken through inference tensors.
    features, done = torch.empty(0, device=batches.device), 0
    with evaluating(body):
        for batch in batches.plain(SIZE):
            with torch.inference_mode(), autocast():
                said = body(batch.inputs.contiguous(memory_format=torch.channels_last)).float()
            if not done:
                features = torch.empty(len(batches), said.shape[1], device=batches.device)
            features[done : done + len(batch)] = said
            done += len(batch)
    return features


def _read(entry: Path, rows: int) -> Tensor | None:
    """The features of an entry, or None when there is none or someone has changed it."""
    if not entry.is_file():
        return None
    try:
        tensors = read_tensors(entry)
        features = tensors["features"]
        whole = features.shape[0] == rows and bytes(tensors["sha256"].tolist()) == _sha256(features)
    except (PersonError, OSError, KeyError, IndexError, ValueError):
        whole = False
    if not whole:
        entry.unlink(missing_ok=True)  # made again by the caller
        return None
    touch(entry)
    return features


def _keep(entry: Path, features: Tensor) -> str:
    """Write an entry; returns the end of the note. Without it the features are here all the same."""
    digest = torch.tensor(list(_sha256(features)), dtype=torch.uint8)
    try:
        write_tensors(entry, {"features": features, "sha256": digest})
        keep_within_limit(besides=entry)
    except (OSError, PersonError) as error:
        return f"; they were not kept in the cache: {error}"
    return " and kept in the cache"


def _digest_of_key(key: str, rows: np.ndarray) -> str:
    digest = hashlib.sha256(f"{FORMAT}\n{key}\n".encode())
    digest.update(np.ascontiguousarray(rows, dtype="<i8").tobytes())
    return digest.hexdigest()[:32]


def _sha256(tensor: Tensor) -> bytes:
    return hashlib.sha256(_bytes_of(tensor)).digest()


def _bytes_of(tensor: Tensor) -> bytes:
    plain = tensor.detach().cpu().contiguous().reshape(-1)
    return plain.view(torch.uint8).numpy().tobytes()
