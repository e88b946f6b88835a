"""Words for gaps: what a run that guesses hidden words says of "It was a ___ morning"."""

from typing import TYPE_CHECKING

import torch

from glassworks.api.texts import TOKENIZER, text_part
from glassworks.api.texts_predict import given_texts
from glassworks.core.errors import PersonError
from glassworks.core.files import write_json
from glassworks.data.vocabulary import read_tokenizer

if TYPE_CHECKING:
    from glassworks.api.requests import PredictRequest
    from glassworks.api.run import Run

GAP = "___"
ALSO = ("[MASK]", "<mask>", "▢")  # other ways to write one
Guess = tuple[str, float]  # a word and its probability


def predict_words(run: "Run", request: "PredictRequest") -> list[dict]:
    """{"file", "text", "answer", "guesses"} a text with gaps; --out names a JSON file for all of them."""
    rows = []
    for name, text in given_texts(request.inputs, request.text):
        guesses = guessed_words(run, text, max(1, request.top))
        said = "; ".join(", ".join(f"{word} {chance:.3f}" for word, chance in gap) for gap in guesses)
        rows.append({"file": name, "text": text, "answer": said, "guesses": guesses})
    if request.out:
        if not request.out.lower().endswith(".json"):
            raise PersonError(
                "bad-value", expected="--out GUESSES.json for a run that guesses words",
                got=f"--out {request.out}", fix="name a .json file",
            )  # fmt: skip
        write_json(request.out, {"schema": 1, "answers": rows})
    return rows


def guessed_words(run: "Run", text: str, top: int) -> list[list[Guess]]:
    """The likeliest words for each gap of a text, with their probabilities.

    Raises PersonError for a text without a gap, or with more tokens than the model sees.
    """
    tokenizer, how = read_tokenizer(run.path / TOKENIZER), text_part(run.recipe)
    mask = int(tokenizer.mask or 0)
    pieces = split_at_gaps(text)
    if len(pieces) < 2:
        raise PersonError(
            "no-gap", expected=f"a text with a gap, {GAP}, for each word to guess", got=f'"{text[:60]}"',
            fix='for example glassworks predict RUN "it was a ___ morning"',
        )  # fmt: skip
    numbers = [tokenizer.start]
    for place, piece in enumerate(pieces):
        numbers += ([mask] if place else []) + tokenizer.encode(piece)
    numbers.append(tokenizer.end)
    if len(numbers) > how.context:
        raise PersonError(
            "too-long", expected=f"a text of at most {how.context - 2} tokens", got=f"{len(numbers) - 2}",
            fix="ask with the sentence around the gap alone",
        )  # fmt: skip
    tokens = torch.tensor([numbers], device=run.runtime.device)
    with torch.inference_mode(), run.runtime.autocast():
        scores = run.model(tokens, None, tokens == mask).float()  # (gaps, vocabulary)
    best = scores.softmax(1).topk(min(top, scores.shape[1]), dim=1)
    return [
        [(tokenizer.decode([number]).strip() or "(space)", round(chance, 6)) for number, chance in zip(*gap)]
        for gap in zip(best.indices.tolist(), best.values.tolist())
    ]


def split_at_gaps(text: str) -> list[str]:
    """A text cut where words are hidden, one piece more than gaps; the space before a gap belongs to it.

    >>> split_at_gaps("a ___ day, a [MASK] night")
    ['a', ' day, a', ' night']
    """
    for gap in ALSO:
        text = text.replace(gap, GAP)
    pieces = text.split(GAP)
    return [*(piece.rstrip(" ") for piece in pieces[:-1]), pieces[-1]]
