"""Write with the model beside this file: python predict.py "A BEGINNING" [MORE …] [--tokens 200]

It needs numpy and onnxruntime alone, and the package tokenizers where the model writes pieces of words. It
prints one line of JSON a beginning: what was written after it, how many tokens that took, and whether the
text came to its end. The same seed writes the same text; --temperature 0 takes the likeliest token always.
It exits with 0, and with 2 when the model is damaged or a number makes no sense."""

import argparse
import json
import sys
from collections.abc import Sequence

import numpy as np
import onnxruntime

from glassworks.deploy.standalone.bundle import HERE, load
from glassworks.deploy.standalone.tokens import tokenizer_of


def chances(logits: np.ndarray, temperature: float, top_k: int, top_p: float) -> np.ndarray:
    """The probability that each token is drawn with: sharpened, its tail cut off."""
    logits = (logits - logits.max()) / temperature
    if 0 < top_k < len(logits):
        logits = np.where(logits < np.partition(logits, -top_k)[-top_k], -np.inf, logits)
    shares = np.exp(logits)
    shares /= shares.sum()
    if top_p < 1:
        order = np.argsort(-shares, kind="stable")
        likelier = np.cumsum(shares[order]) - shares[order]
        shares[order[likelier >= top_p]] = 0.0
    return shares / shares.sum()


def written(
    session: onnxruntime.InferenceSession, facts: dict, read: Sequence[int], how: argparse.Namespace
) -> tuple[list[int], bool]:
    """The tokens after those that were read, and whether the text came to its end."""
    dice, never, said = np.random.default_rng(how.seed), [*facts["never"]], list[int]()
    memory = [np.zeros(shape, np.float32) for shape in facts["memory"]]
    tokens = [facts["start"], *read]
    while len(said) < how.tokens:
        given = dict(zip(("tokens", "hidden", "cell"), (np.array([tokens], np.int64), *memory)))
        logits, *memory = session.run(None, given)
        scores = logits[0].astype(np.float64)
        scores[never] = -np.inf
        if how.temperature == 0:
            token = int(scores.argmax())
        else:
            token = int(dice.choice(len(scores), p=chances(scores, how.temperature, how.top_k, how.top_p)))
        if token == facts["end"]:
            return said, True
        said.append(token)
        tokens = [token]
    return said, False


def main(given: list[str]) -> int:
    about, _, more = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("beginnings", nargs="+", metavar="BEGINNING", help='"" for a new text')
    parser.add_argument("--tokens", type=int, default=200, help="at most (default 200)")
    parser.add_argument("--temperature", type=float, default=1.0, help="below 1 the likely grow likelier")
    parser.add_argument("--top-k", type=int, default=0, help="tokens that may be drawn, 0 for all")
    parser.add_argument("--top-p", type=float, default=1.0, help="share of the probability to draw from")
    parser.add_argument("--seed", type=int, default=0)
    how = parser.parse_args(given)
    if how.tokens < 1 or not how.temperature >= 0 or how.top_k < 0 or not 0 < how.top_p <= 1 or how.seed < 0:
        parser.error("--tokens from 1, --temperature, --top-k and --seed from 0, --top-p above 0 and up to 1")
    facts, session = load()
    read, write = tokenizer_of(facts, HERE)
    for beginning in how.beginnings:
        before = read(beginning)
        said, ended = written(session, facts, before, how)
        whole = write([*before, *said])  # words are joined by what stands before them
        text = whole[len(write(before)) :] if facts["tokens"] in ("word", "given") else write(said)
        row = {"prompt": beginning, "text": text, "tokens": len(said), "ended": "end" if ended else "length"}
        print(json.dumps(row | {"seed": how.seed}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
