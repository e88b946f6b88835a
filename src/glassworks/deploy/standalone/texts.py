"""Predict with the model beside this file: python predict.py "A TEXT" [FILE.txt …]

It needs numpy and onnxruntime alone, and the package tokenizers where the model reads pieces of words. It
prints one line of JSON a text: its answer and the probability of each class (or the value, for a number), and
how many tokens at its end the model could not see. An argument that is a file is read as UTF-8 text.
It exits with 0 when all were read, 1 when one was not, and 2 when the model is damaged."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

from glassworks.deploy.standalone.bundle import HERE, in_words, load
from glassworks.deploy.standalone.tokens import Read, tokenizer_of


def asked(text: str, read: Read, facts: dict, session: onnxruntime.InferenceSession) -> dict:
    """The answer for one text as a person reads it."""
    marks = facts["marks"] or []
    room, numbers = facts["context"] - len(marks), read(text)
    kept = numbers[:room] or [facts["unknown"]]
    tokens = [*marks[:1], *kept, *marks[1:]]
    wide = [*tokens, *[facts["padding"]] * (2 - len(tokens))]
    given = {"tokens": np.array([wide], np.int64), "lengths": np.array([len(tokens)], np.int64)}
    told = in_words(session.run(["answers"], given)[0][0], facts)
    return told | ({"cut": len(numbers) - room} if len(numbers) > room else {})


def main(given: list[str]) -> int:
    (facts, session), failed = load(), 0
    read, _ = tokenizer_of(facts, HERE)
    for one in given:
        try:
            file = Path(one) if len(one) < 1000 and Path(one).is_file() else None
            told = asked(file.read_text(encoding="utf-8-sig") if file else one, read, facts, session)
        except (OSError, ValueError) as error:
            told, failed = {"error": f"no text that can be read: {error}"}, 1
        print(json.dumps({"text": one} | told, ensure_ascii=False))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
