"""Asking a run for words: nearest ones, analogies, its vectors as a file, and a map.

    glassworks predict RUN king                      the nearest words
    glassworks predict RUN "king - man + woman"      words in a direction; the three are no answers
    glassworks predict RUN --out vectors.txt         all vectors: .txt as word2vec writes them, or .npz
    glassworks explain RUN king queen man:woman      a page with maps

The first thing to change: `LEAST`, how many answers are shown at least.
"""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassworks.api.words import space_of
from glassworks.api.words_judge import neighbour_table, pair_map
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.core.files import write_text, writing
from glassworks.core.page import Page
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import SPECIAL, Vocabulary, read_tokenizer
from glassworks.insight.word_map import by_pca, by_tsne, drawn
from glassworks.judging.word_questions import grouped
from glassworks.judging.words import Space

if TYPE_CHECKING:
    from glassworks.api.requests import ExplainRequest, PredictRequest
    from glassworks.api.run import Run

LEAST = 8  # answers
SIGNED = re.compile(r"\s*([+-])\s+|\s+([+-])\s*")  # a sign with space beside it: words may hold hyphens
MAPPED = 250  # words on the map of a model that is explained alone
FORMATS = (".txt", ".npz")


def space_of_run(run: "Run") -> Space:
    """The vectors of a run with their words."""
    return space_of(run.model, _tokenizer(run))  # type: ignore[arg-type]


def predict_words(run: "Run", request: "PredictRequest") -> list[dict]:
    """A dict for what was asked: {"file", "answer", "words": [{"word", "cosine"}, …]}, or {"file", "error"}.

    --out: a .csv for the answers; without anything asked .txt or .npz for all vectors
    """
    space = space_of_run(run)
    if not request.inputs:
        return [_written(run, space, request.out)]
    rows = [_asked(space, asked, max(request.top, LEAST), _tokenizer(run).lower) for asked in request.inputs]
    if request.out:
        write_text(request.out, _as_csv(rows))
    return rows


def parsed(text: str, known: Any) -> list[tuple[float, str]]:
    """The words of "king - man + woman" with their signs, 1.0 or -1.0; one word has the sign 1.0.

    known: says `in` of a word; "a-b" is a word where it is known, and a difference where not
    """
    text = text.strip()
    if text not in known and not SIGNED.search(text):
        text = re.sub(r"(?<=\w)([+-])(?=\w)", r" \1 ", text)
    parts = [part for part in SIGNED.split(text) if part and part.strip()]
    terms, sign = [], 1.0
    for part in parts:
        if part in "+-":
            sign = 1.0 if part == "+" else -1.0
        else:
            terms.append((sign, part.strip()))
            sign = 1.0
    return terms


def _asked(space: Space, asked: str, most: int, lower: bool) -> dict[str, Any]:
    """The answers to one word, or to a sum of words."""
    try:
        terms = parsed(asked.lower() if lower else asked, space.numbers)
        if not terms:
            raise PersonError(
                "nothing-asked", expected='a word, or a sum such as "king - man + woman"', got=f'"{asked}"',
                fix="write the words with spaces around + and -",
            )  # fmt: skip
        numbers = np.array([_number(space, word) for _, word in terms])
    except PersonError as error:
        return {"file": asked} | error.as_json()
    direction = sum(sign * space.vectors[number] for (sign, _), number in zip(terms, numbers))
    near, cosines = space.nearest(np.atleast_2d(direction), numbers[None], most)
    found = [
        {"word": space.words[number], "cosine": round(float(cosine), 4)}
        for number, cosine in zip(near[0], cosines[0])
        if np.isfinite(cosine)
    ]
    said = ", ".join(f"{row['word']} {row['cosine']:.2f}" for row in found)
    return {"file": asked, "answer": said, "words": found}


def _number(space: Space, word: str) -> int:
    if word not in space.numbers:
        raise PersonError(
            "unknown-word", expected="words that the training texts hold often enough", got=f'"{word}"',
            fix=did_you_mean(word, list(space.numbers)),
        )  # fmt: skip
    return space.numbers[word]


def _written(run: "Run", space: Space, out: str | None) -> dict[str, Any]:
    """All vectors, as they are (not made to length 1), in a file."""
    if not out or Path(out).suffix.lower() not in FORMATS:
        raise PersonError(
            "nothing-asked",
            expected="a word, a sum of words, or --out with the ending .txt or .npz for all vectors",
            got=f"--out {out}" if out else "neither", fix='glassworks predict RUN "king - man + woman"',
        )  # fmt: skip
    model: Any = run.model
    vectors = model.vectors.weight.detach().float().cpu().numpy()[len(SPECIAL) :]
    words = space.words[len(SPECIAL) :]
    write_vectors(out, words, vectors)
    told = f"{len(words):,} words with {vectors.shape[1]} numbers each"
    return {"file": out, "answer": told, "n": len(words), "width": vectors.shape[1]}


def write_vectors(path: str | Path, words: Sequence[str], vectors: np.ndarray) -> None:
    """Words with their vectors: .txt in word2vec's text format, which gensim reads, else .npz."""
    if str(path).lower().endswith(".txt"):
        lines = [f"{len(words)} {vectors.shape[1]}"]
        lines += [f"{word} {' '.join(f'{x:.6g}' for x in row)}" for word, row in zip(words, vectors.tolist())]
        write_text(path, "\n".join(lines) + "\n")
        return
    with writing(path) as aside, aside.open("wb") as file:
        np.savez_compressed(file, words=np.array(words), vectors=vectors)


def _as_csv(rows: list[dict]) -> str:
    """asked, place, word, cosine, error: a line for each answer."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["asked", "place", "word", "cosine", "error"])
    for row in rows:
        if "error" in row:
            writer.writerow([row["file"], "", "", "", row["error"]["got"]])
        for place, one in enumerate(row.get("words", ()), start=1):
            writer.writerow([row["file"], place, one["word"], one["cosine"], ""])
    return text.getvalue()


# ---- explain


def explain_words(run: "Run", request: "ExplainRequest") -> list[dict]:
    """A page with nearest words and maps: of words that are named, of pairs a:b, or of the model alone."""
    from glassworks.api.explain import PAGE, place_of

    _refuse(request)
    folder = place_of(request, run)
    space, lower = space_of_run(run), _tokenizer(run).lower
    page = Page(
        f"Words of {run.recipe.system}",
        "A vector is where a word stands; what it means follows from what stands near it.",
    )
    rows = _alone(run, space, page) if not request.inputs else _named(space, request.inputs, lower, page)
    folder.mkdir(parents=True, exist_ok=True)
    page.save(folder / PAGE)
    return rows


def _alone(run: "Run", space: Space, page: Page) -> list[dict]:
    """The most frequent words that are not small, twice: neighbours kept together, and straight."""
    words, groups = grouped(space.numbers)
    if len(words) < MAPPED // 5:
        words = [word for word in space.words if len(word) > 3][:MAPPED]  # from the most frequent on
        groups = []
    vectors = space.vectors[[space.numbers[word] for word in words]]
    page.section("Neighbours kept together").text(
        "t-SNE: words that are near each other here are near in the space; how far clumps are apart says "
        "nothing."
    ).html(drawn(words, by_tsne(vectors, seed=run.recipe.seed), groups=groups))
    page.section("Straight").text(
        "PCA: the two directions in which these words differ most; all others are not seen."
    ).html(drawn(words, by_pca(vectors), groups=groups))
    page.section("Nearest words").html(neighbour_table(space, words[:: max(1, len(words) // 40)]))
    return [{"model": str(run.path), "words": len(words)}]


def _named(space: Space, inputs: Sequence[str], lower: bool, page: Page) -> list[dict]:
    """Words with their neighbours on a map, and pairs a:b as steps."""
    rows: list[dict] = []
    singles, pairs = [], []
    for asked in inputs:
        words = [word.strip() for word in (asked.lower() if lower else asked).split(":")]
        try:
            for word in words:
                _number(space, word)
        except PersonError as error:
            rows.append({"file": asked} | error.as_json())
            continue
        if len(words) == 2:
            pairs.append((words[0], words[1], "pairs"))
        singles += [word for word in words if word not in singles]
        rows.append({"file": asked, "answer": _nearest_words(space, words[-1])})
    if singles:
        page.section("Nearest words").text(
            "By the cosine of two vectors: near means used alike, so that opposites may be near too."
        ).html(neighbour_table(space, singles))
        page.section("A map of them").text(
            "Each word with its nearest ones, flattened by t-SNE, which keeps neighbours together."
        ).html(_with_neighbours(space, singles))
    if len(pairs) > 1:
        page.section("Steps").text(
            "Pairs, joined, by PCA. Where a relation is a direction, the lines run the same way."
        ).html(pair_map(space, pairs))
    return rows


def _with_neighbours(space: Space, words: list[str]) -> str:
    own = np.array([space.numbers[word] for word in words])
    near, _ = space.nearest(space.vectors[own], own[:, None], LEAST)
    home = {int(number): word for number, word in zip(own, words)}
    for word, numbers in zip(words, near):
        for number in numbers:
            home.setdefault(int(number), word)
    rows = list(home)
    shown = [space.words[row] for row in rows]
    return drawn(shown, by_tsne(space.vectors[rows]), groups=[f"near {home[row]}" for row in rows])


def _nearest_words(space: Space, word: str) -> str:
    row = np.array([space.numbers[word]])
    near, cosines = space.nearest(space.vectors[row], row[:, None], LEAST)
    return ", ".join(f"{space.words[number]} {cosine:.2f}" for number, cosine in zip(near[0], cosines[0]))


def _refuse(request: "ExplainRequest") -> None:
    asked = {"--methods": bool(request.methods), "--layer": request.layer is not None,
             "--target": request.target is not None}  # fmt: skip
    if wrong := [flag for flag, given in asked.items() if given]:
        raise PersonError(
            "contradiction", expected="words, pairs as man:woman, or nothing", got=", ".join(wrong),
            fix="leave them out: a word vector has no layers and no classes",
        )  # fmt: skip


def _tokenizer(run: "Run") -> Vocabulary:
    found = read_tokenizer(run.path / TOKENIZER)
    assert isinstance(found, Vocabulary)
    return found
