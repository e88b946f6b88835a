"""Words as points of a plane: their vectors flattened, by PCA or t-SNE, and drawn with their names.

PCA keeps the two directions along which the words differ most, so that straight lines and parallels stay
what they are. t-SNE keeps neighbours together and lets go of everything else: distances between its clumps
mean nothing.

Sources: Pearson 1901 (PCA); van der Maaten & Hinton 2008, "Visualizing data using t-SNE".
The first thing to change: `PERPLEXITY`, about how many neighbours t-SNE looks at.

Axes: words, width.
"""

import html
from collections.abc import Sequence

import numpy as np

from glassworks.core.charts import CLASSES

WIDTH, HEIGHT, EDGE = 1000, 640, 36
LETTER = 6.6  # pixels of a letter, about
PERPLEXITY = 12


def by_pca(vectors: np.ndarray) -> np.ndarray:
    """(words, width) -> (words, 2): the two directions of largest variance."""
    middle = vectors - vectors.mean(0)
    _, _, directions = np.linalg.svd(middle, full_matrices=False)
    flat = middle @ directions[:2].T
    return flat if flat.shape[1] == 2 else np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def by_tsne(vectors: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(words, width) -> (words, 2), by cosine distance; with fewer than 8 words by PCA."""
    if len(vectors) < 8:
        return by_pca(vectors)
    from sklearn.manifold import TSNE

    made = TSNE(
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3), metric="cosine", init="pca", random_state=seed
    )
    return made.fit_transform(vectors.astype(np.float64))


def drawn(
    words: Sequence[str],
    places: np.ndarray,
    *,
    groups: Sequence[str] = (),
    lines: Sequence[tuple[int, int]] = (),
    height: int = HEIGHT,
) -> str:
    """A map as SVG: a dot for each word, with its name where there is room.

    places: (words, 2); groups: of each word, which decides its colour; lines: pairs of words to join
    """
    at = _scaled(places, height)
    names = list(dict.fromkeys(groups))
    parts = []
    for first, second in lines:
        (x1, y1), (x2, y2) = at[first], at[second]
        parts.append(f'<path class="dash" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>')
    names_drawn, taken = [], [(x - 4, y - 4, x + 4, y + 4) for x, y in at]
    for number, (word, (x, y)) in enumerate(zip(words, at, strict=True)):
        style = CLASSES[names.index(groups[number]) % len(CLASSES)] if groups else CLASSES[0]
        told = html.escape(word + (f" ({groups[number]})" if groups else ""))
        parts.append(
            f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{told}</title></circle>'
        )
        for left, line in _beside(word, x, y):
            box = (left, line - 9, left + LETTER * len(word), line + 3)
            if box[0] >= 0 and box[2] <= WIDTH and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                names_drawn.append(
                    f'<text class="{style}" style="fill:var(--pen)" x="{left:.1f}" y="{line:.1f}">'
                    f"{html.escape(word)}</text>"
                )
                break
    parts += names_drawn
    told = f"a map of {len(words)} words" + (f" in {len(names)} groups" if groups else "")
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" style="min-width:640px"'
    label = f'role="img" aria-label="{html.escape(told, quote=True)}"'
    return f'<div class="scroll"><svg class="chart" {size} {label}>{"".join(parts)}</svg></div>'


def _beside(word: str, x: float, y: float) -> list[tuple[float, float]]:
    """Where a name may begin: right of its dot, left of it, above, below."""
    long = LETTER * len(word)
    return [(x + 6, y + 4), (x - 6 - long, y + 4), (x - long / 2, y - 7), (x - long / 2, y + 15)]


def _scaled(places: np.ndarray, height: int) -> np.ndarray:
    """Pixels of each place: the whole map fills the drawing, each axis by its own scale."""
    low, high = places.min(0), places.max(0)
    share = (places - low) / np.maximum(high - low, 1e-12)
    room = np.array([WIDTH - 2 * EDGE - 60, height - 2 * EDGE])
    return EDGE + np.stack([share[:, 0], 1 - share[:, 1]], 1) * room


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
