"""Pictures that are in a collection twice: the same pixels, or the same picture after small changes.

Exact: a hash of the decoded pixels, so a PNG and a BMP of one picture are the same. Near: grey thumbnails
lose their slow changes of light, which leaves edges; edges of two different pictures hardly correlate even
where both show a face or a digit. Pairs that pass are laid over each other with small crops and compared
tile by tile, so that a caption or a trimmed border does not hide a copy.

Source: the idea of comparing edges, not light, is that of difference hashes (Krawetz 2013, "Kind of Like
That"); the tiles are ours. The first thing to change: `TILES_AGREE`, stricter finds less and errs less.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

SIDE = 48  # pixels of a thumbnail's side
COARSE = 16  # side of the smaller thumbnails that all pairs are compared with
TILE = 8  # pixels of a tile's side
PAIRS_ALIKE = 0.42  # correlation of coarse edges from which a pair is looked at closely
TILES_AGREE = 0.82  # median correlation over tiles from which it is the same picture
SMALL = 48  # a shorter side than this holds few edges: coarse, median and weakest fifth must all agree
SMALL_AGREE = (0.97, 0.96, 0.88)
TINY = 16  # a shorter side than this holds too little: only exact copies are found
FLAT = 0.3  # grey levels of an edge; pictures whose usual edge is weaker are left to the exact search
NEAR_LIMIT = 20_000  # pictures up to which all pairs are compared
CLOSE_LOOKS = 5_000  # pairs that are laid over each other, the most alike first
BLOCK = 1024  # rows of one matrix product


def pixel_hash(image: Image.Image) -> bytes:
    """16 bytes that are equal for equal pixels at native size, whatever the file's format was.

    A colour picture without colour should come as "L", so that it equals its grey twin.
    """
    digest = hashlib.blake2b(f"{image.mode} {image.size}".encode(), digest_size=16)
    digest.update(image.tobytes())
    return digest.digest()


def thumbnail(image: Image.Image) -> np.ndarray:
    """A picture as `near_duplicates` wants it: uint8 (SIDE, SIDE), grey, stretched."""
    # Many pixels are first averaged in whole blocks, which is fast; grey last, on few pixels.
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small.convert("L"))


def exact_duplicates(hashes: Sequence[bytes]) -> list[list[int]]:
    """Groups (of two or more row numbers, ascending) with the same hash."""
    rows: dict[bytes, list[int]] = {}
    for row, found in enumerate(hashes):
        rows.setdefault(found, []).append(row)
    return [group for group in rows.values() if len(group) > 1]


def near_duplicates(thumbnails: np.ndarray, sizes: np.ndarray) -> list[list[int]]:
    """Groups (of two or more row numbers, ascending) that show the same picture after small changes.

    Found: rescaled, compressed again, brighter or darker, trimmed by up to 5 % a side, a small caption,
    mirrored. Exact copies are in the groups too, except of flat and of tiny pictures.
    thumbnails: uint8 (rows, SIDE, SIDE), from `thumbnail`. sizes: (rows, 2) pixels at native size.
    Raises ValueError over NEAR_LIMIT rows.
    """
    if len(thumbnails) > NEAR_LIMIT:
        raise ValueError(f"{len(thumbnails)} pictures are over the {NEAR_LIMIT} that are compared in pairs")
    if len(thumbnails) < 2:
        return []
    shorter = np.asarray(sizes).min(axis=1)
    groups = Groups(len(thumbnails))
    for mirrored in (False, True):
        _join_same(groups, thumbnails, _alike_pairs(thumbnails, shorter, mirrored), shorter, mirrored)
    return groups.of_two_or_more()


class Groups:
    """Row numbers joined pair by pair: after 1-2 and 2-5, 1 and 5 are together."""

    def __init__(self, rows: int):
        self.parent = list(range(rows))

    def root(self, row: int) -> int:
        while self.parent[row] != row:
            self.parent[row] = self.parent[self.parent[row]]
            row = self.parent[row]
        return row

    def join(self, first: int, second: int) -> None:
        self.parent[self.root(second)] = self.root(first)

    def together(self, first: int, second: int) -> bool:
        return self.root(first) == self.root(second)

    def of_two_or_more(self) -> list[list[int]]:
        """The groups, each ascending, in the order of their first rows."""
        groups: dict[int, list[int]] = {}
        for row in range(len(self.parent)):
            groups.setdefault(self.root(row), []).append(row)
        return sorted(group for group in groups.values() if len(group) > 1)


# ---- all pairs, coarsely


def _alike_pairs(thumbnails: np.ndarray, shorter: np.ndarray, mirrored: bool) -> np.ndarray:
    """Pairs (any, 2) whose coarse edges correlate, the most alike first."""
    step = SIDE // COARSE
    light = thumbnails.reshape(-1, COARSE, step, COARSE, step).mean((2, 4), dtype=np.float32)
    edges, strength = _edges(light, 2)
    codes = _unit(edges)
    others = _unit(edges[:, :, ::-1]) if mirrored else codes
    usable = (strength > FLAT) & (shorter >= TINY)
    needed = np.where(shorter < SMALL, SMALL_AGREE[0], PAIRS_ALIKE).astype(np.float32)
    pairs, alike = [], []
    for start in range(0, len(codes), BLOCK):
        block = slice(start, start + BLOCK)
        score = codes[block] @ others[start:].T
        enough = score >= np.maximum(needed[block, None], needed[None, start:])
        enough &= usable[block, None] & usable[None, start:]
        rows, columns = np.nonzero(np.triu(enough, 1))
        pairs.append(np.stack([rows, columns], axis=1) + start)
        alike.append(score[rows, columns])
    scores = np.concatenate(alike)
    order = np.argsort(-scores, kind="stable")
    return np.concatenate(pairs)[order]


def _edges(light: np.ndarray, radius: int, grain: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """What differs from the mean around it, softly limited to -1 … 1, and its median before that.

    The limit keeps one hard edge (a caption) from outweighing all soft ones. float32 (rows, side, side)
    grain: radius within which differences are averaged away, because JPEG changes them
    """
    light = light.astype(np.float32)
    edges = (_box_mean(light, grain) if grain else light) - _box_mean(light, radius)
    size = np.abs(edges)
    usual = np.median(size, axis=(1, 2), keepdims=True)
    return edges / (size + np.maximum(usual, 1e-3)), usual[:, 0, 0]


def _box_mean(light: np.ndarray, radius: int) -> np.ndarray:
    """Mean over (2 radius + 1)² pixels, borders reflected, by running sums along each side."""
    span = 2 * radius + 1
    for axis in (1, 2):
        pad = [(0, 0), (0, 0), (0, 0)]
        pad[axis] = (radius + 1, radius)  # one more, so that a difference of sums is a sum over the span
        sums = np.moveaxis(np.cumsum(np.pad(light, pad, mode="reflect"), axis=axis), axis, 0)
        light = np.moveaxis((sums[span:] - sums[:-span]) / span, 0, axis)
    return light


def _unit(edges: np.ndarray) -> np.ndarray:
    flat = edges.reshape(len(edges), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.sqrt((flat * flat).sum(1, keepdims=True)), 1e-6)


# ---- some pairs, closely


def _join_same(
    groups: Groups, thumbnails: np.ndarray, pairs: np.ndarray, shorter: np.ndarray, mirrored: bool
) -> None:
    """Join those of the pairs (any, 2), the most alike first, that are the same picture."""
    small = np.minimum(shorter[pairs[:, 0]], shorter[pairs[:, 1]]) < SMALL
    looks = CLOSE_LOOKS
    for strict in (True, False):
        # Small pictures differ in fine edges alone; large ones share coarser ones whatever JPEG did.
        chosen, rows = pairs[small == strict], np.unique(pairs[small == strict])
        edges = _edges_of(thumbnails[rows], *((4, 0) if strict else (6, 2)))
        for start in range(0, len(chosen), BLOCK):
            block = chosen[start : start + BLOCK]
            first, second = (edges[np.searchsorted(rows, side)] for side in block.T)
            second = second[:, :, ::-1] if mirrored else second
            middle, weakest = np.quantile(_tiles(first, second), (0.5, 0.2), axis=1)
            same = middle >= TILES_AGREE
            if strict:
                same = (middle >= SMALL_AGREE[1]) & (weakest >= SMALL_AGREE[2])
            for place in np.flatnonzero(same):
                groups.join(*block[place].tolist())
            for place in np.flatnonzero(~same) if not strict else ():
                if looks and not groups.together(*block[place].tolist()):
                    looks -= 1
                    if _same_when_trimmed(first[place], second[place]):
                        groups.join(*block[place].tolist())


def _edges_of(thumbnails: np.ndarray, radius: int, grain: int) -> np.ndarray:
    """Edges of many thumbnails, a block at a time so that memory stays small: float32, as they came."""
    starts = range(0, len(thumbnails), BLOCK)
    parts = [_edges(thumbnails[start : start + BLOCK], radius, grain)[0] for start in starts]
    return np.concatenate(parts) if parts else np.zeros(thumbnails.shape, np.float32)


def _tiles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Correlation of each pair of tiles, (pairs, SIDE, SIDE) twice -> (pairs, tiles)."""
    count = SIDE // TILE

    def cut(edges: np.ndarray) -> np.ndarray:
        tiles = edges.reshape(-1, count, TILE, count, TILE).swapaxes(2, 3).reshape(-1, count**2, TILE**2)
        return tiles - tiles.mean(2, keepdims=True)

    one, two = cut(first), cut(second)
    length = np.sqrt((one * one).sum(2) * (two * two).sum(2))
    return (one * two).sum(2) / np.maximum(length, 1e-3)  # a blank tile agrees with nothing


def _trims(side: int) -> np.ndarray:
    """Matrices (13, side, side) that trim 0 … 10 % off one side of a picture, shared in three ways."""
    matrices = []
    for trim, share in [(0.0, 0.0)] + [(t, s) for t in (0.025, 0.05, 0.075, 0.1) for s in (0, 0.5, 1)]:
        place = (np.arange(side) + 0.5) * (1 - trim) + share * trim * side - 0.5
        place = np.clip(place, 0, side - 1)
        left = np.minimum(place.astype(int), side - 2)
        matrix = np.zeros((side, side), np.float32)
        matrix[np.arange(side), left] = 1 - (place - left)
        matrix[np.arange(side), left + 1] = place - left
        matrices.append(matrix)
    return np.stack(matrices)


TRIMS, HALF_TRIMS = (
    _trims(SIDE),
    _trims(SIDE // 2),
)  # all ways are tried at half size, which is eight times faster


def _same_when_trimmed(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether tiles agree once either picture is trimmed as fits the other best, (SIDE, SIDE) twice."""
    best: tuple[float, np.ndarray, np.ndarray] = (-1.0, first, second)
    for whole, other in ((first, second), (second, first)):
        half, wanted = (each.reshape(SIDE // 2, 2, SIDE // 2, 2).mean((1, 3)) for each in (whole, other))
        rows = HALF_TRIMS @ half  # (13, side, side): trimmed at top and bottom
        ways = (rows[:, None] @ HALF_TRIMS.transpose(0, 2, 1)[None]).reshape(-1, wanted.size)
        score = ways @ wanted.reshape(-1) / np.sqrt((ways * ways).sum(1) * (wanted * wanted).sum() + 1e-6)
        top = int(score.argmax())
        if score[top] > best[0]:
            upright, across = divmod(top, len(TRIMS))
            best = (float(score[top]), TRIMS[upright] @ whole @ TRIMS[across].T, other)
    return bool(np.median(_tiles(best[1][None], best[2][None])) >= TILES_AGREE)
