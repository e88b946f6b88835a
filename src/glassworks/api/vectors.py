"""Texts as vectors of length 1: those of like meaning point the same way, where the weights learned that.

Published weights (`bert:minilm`) and runs that tell classes apart can both be asked; what a run makes of
texts serves its own classes first. A text that is longer than the model sees is cut into passages, none of
them left out. Vectors are computed once and kept in the cache.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float

from glassworks.api.pretrained_texts import given_tokenizer
from glassworks.api.reading import cut_into_passages
from glassworks.api.reading_learner import digest_of, features_of_texts
from glassworks.api.requests import EmbedRequest
from glassworks.api.run import Run, load
from glassworks.api.texts import TOKENIZER, text_part
from glassworks.api.texts_predict import given_texts
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text, writing
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.vocabulary import Tokenizer, read_tokenizer
from glassworks.transfer.feature_cache import kept_features, weights_digest

ENDINGS = (".npz", ".csv", ".jsonl")
SYSTEMS = ("bert",)  # whose features are made for whole texts


@dataclass(frozen=True)
class Passages:
    """Vectors of all passages of some texts.

    vectors: float32 (passages, width), each of length 1; source: of each passage its text's number
    texts:   of the passages, as the model saw them; note: where the vectors came from
    """

    vectors: Float[np.ndarray, "passages width"]
    source: np.ndarray
    texts: tuple[str, ...]
    note: str

    def whole(self) -> np.ndarray:
        """One vector a text: the mean of its passages, of length 1, float32 (texts, width)."""
        count = int(self.source.max(initial=-1)) + 1
        sums = np.zeros((count, self.vectors.shape[1]), np.float32)
        np.add.at(sums, self.source, self.vectors)
        return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class Embedded:
    """names, texts: of what was embedded; vectors: float32 (texts, width); passages: how many they were cut
    into, more than texts where some are long; out: the file that was written, or None"""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: np.ndarray
    passages: int
    note: str
    out: str | None

    def as_json(self) -> dict:
        facts = {"texts": len(self.texts), "passages": self.passages, "width": int(self.vectors.shape[1])}
        rows = [] if self.out else [
            {"name": name, "vector": [round(float(one), 6) for one in vector]}
            for name, vector in zip(self.names, self.vectors)
        ]  # fmt: skip
        return {"schema": 1, "command": "embed", **facts, "out": self.out, "note": self.note, "rows": rows}


def embed(run: str | Path | Run, *inputs: str, **options) -> Embedded:
    """Vectors of texts, files, folders or tables.

    gw.embed("bert:minilm", "reviews.csv", out="vectors.npz"), gw.embed(run, "a text", "another")
    """
    name = str(run.path) if isinstance(run, Run) else str(run)
    request = EmbedRequest(run=name, inputs=inputs, **options)
    return embed_request(request, run if isinstance(run, Run) else None)


def embed_request(request: EmbedRequest, run: Run | None = None) -> Embedded:
    """The same, from a whole request. Raises PersonError for a run of another kind, or an unknown --out."""
    if request.out and not request.out.lower().endswith(ENDINGS):
        raise PersonError(
            "bad-value", expected=f"--out with one of the endings {', '.join(ENDINGS)}", got=request.out,
            fix="name vectors.npz, vectors.csv or vectors.jsonl",
        )  # fmt: skip
    named = given_texts(request.inputs, request.text)
    names, texts = tuple(name for name, _ in named), tuple(text for _, text in named)
    run = run or load(request.run, device=request.device)
    require_reader("embed", run)
    found = passages_of(run, texts)
    vectors = found.whole()
    if request.out:
        write_vectors(request.out, names, texts, vectors)
    return Embedded(names, texts, vectors, len(found.texts), found.note, request.out)


def write_vectors(path: str, names: Sequence[str], texts: Sequence[str], vectors: np.ndarray) -> None:
    """Vectors as .npz (names, texts, vectors), .csv (name, then numbers) or .jsonl (name, text, vector)."""
    if path.lower().endswith(".npz"):
        with writing(path) as aside, aside.open("wb") as file:
            np.savez_compressed(file, names=np.array(names), texts=np.array(texts), vectors=vectors)
        return
    if path.lower().endswith(".jsonl"):
        rows = zip(names, texts, vectors)
        lines = [
            json.dumps({"name": n, "text": t, "vector": v.tolist()}, ensure_ascii=False) for n, t, v in rows
        ]
        write_text(path, "\n".join(lines) + "\n")
        return
    import csv
    import io

    held = io.StringIO()
    table = csv.writer(held, lineterminator="\n")
    table.writerow(["name", *(f"v{place}" for place in range(vectors.shape[1]))])
    table.writerows([name, *(f"{one:.6g}" for one in vector)] for name, vector in zip(names, vectors))
    write_text(path, held.getvalue())


def passages_of(run: Run, texts: Sequence[str]) -> Passages:
    """Vectors of every passage of some texts, from the cache or computed now."""
    tokenizer, how = tokenizer_for(run), text_part(run.recipe)
    numbers, source = cut_into_passages(texts, tokenizer, how.context)
    rows = np.arange(len(numbers))
    batches = SequenceBatches(
        numbers, np.zeros(len(numbers), np.int64), rows, padding=tokenizer.padding, device=run.runtime.device
    )
    body = weights_digest(run.model, besides=("head.",))
    key = f"vectors {digest_of(batches)} {body} {run.runtime.precision}"

    def compute() -> torch.Tensor:
        return F.normalize(features_of_texts(run.model, batches, run.runtime), dim=1)

    vectors, note = kept_features(key, len(rows), compute, of="passages")
    counts = np.bincount(source, minlength=len(texts))
    said = tuple(
        texts[text].strip() if counts[text] == 1 else tokenizer.decode(row).strip()
        for row, text in zip(numbers, source)
    )
    return Passages(vectors.numpy(), source, said, note)


def tokenizer_for(run: Run) -> Tokenizer:
    """The tokenizer of a run, or of published weights."""
    if run.published:
        found = given_tokenizer(run.recipe.system, run.recipe.start_from)
        assert found is not None, "published weights bring theirs"
        return found
    return read_tokenizer(run.path / TOKENIZER)


def require_reader(verb: str, run: Run) -> None:
    """Refuse what gives no vector for a whole text. Raises PersonError("other-task")."""
    if run.recipe.system not in SYSTEMS:
        raise PersonError(
            "other-task", expected=f"for `{verb}` of texts weights that read, such as bert:minilm",
            got=f"{run.path}, a run of {run.recipe.system}", fix=f"glassworks {verb} bert:minilm …",
        )  # fmt: skip
