"""Predict with the model beside this file: python predict.py "A TEXT" [FILE.txt …]

It needs numpy and onnxruntime alone, and the package tokenizers where the model reads pieces of words. It
prints one line of JSON a text: its answer and the probability of each class (or the value, for a number), and
how many tokens at its end the model could not see. An argument that is a file is read as UTF-8 text.
It exits with 0 when all were read, 1 when one was not, and 2 when the model is damaged."""

import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
WORDS = re.compile(r"\n[^\S\n]*\n\s*|[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+(?:[.,]\d+)*|[^\w\s]|_")
FIRST = 5  # numbers below stand for padding, unknown, start, end, mask


def load(folder: Path = HERE) -> tuple[dict, onnxruntime.InferenceSession]:
    """What model.json says, and the model, whose digest is compared first. Ends the program if damaged."""
    try:
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        content = (folder / facts["file"]).read_bytes()
    except (OSError, ValueError, KeyError) as error:
        print(f"this is not a whole bundle: {error}", file=sys.stderr)
        sys.exit(2)
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        print(f"{facts['file']} is damaged: not the digest of model.json; copy it again", file=sys.stderr)
        sys.exit(2)
    return facts, onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def reader_of(facts: dict, folder: Path = HERE) -> Callable[[str], list[int]]:
    """What turns a text into the numbers that the model learned."""
    try:
        told = (folder / facts["tokenizer"]).read_text(encoding="utf-8")
        if "model" in json.loads(told):
            from tokenizers import Tokenizer

            library = Tokenizer.from_str(told)
            library.no_truncation()
            library.no_padding()
            library.encode_special_tokens = True  # "<end>" in a text is five characters, no command
            return lambda text: library.encode(text, add_special_tokens=False).ids
        listed = json.loads(told)["tokens"]
    except (OSError, ValueError, KeyError, ImportError) as error:
        print(f"the tokenizer cannot be read: {error}", file=sys.stderr)
        sys.exit(2)
    numbers = {token: number for number, token in enumerate(listed, start=FIRST)}
    return lambda text: [numbers.get(token, facts["unknown"]) for token in cut(text, facts)]


def cut(text: str, facts: dict) -> list[str]:
    """The words and signs of a text, or its characters, as in training."""
    text = unicodedata.normalize("NFC", text)
    if facts["tokens"] == "character":
        return [small if facts["lower"] and len(small := c.lower()) == 1 else c for c in text]
    words = ["\n\n" if word[0] == "\n" else word for word in WORDS.findall(text)]
    return [word.lower() for word in words] if facts["lower"] else words


def asked(
    text: str, read: Callable[[str], list[int]], facts: dict, session: onnxruntime.InferenceSession
) -> dict:
    """The answer for one text as a person reads it."""
    marks = facts["marks"] or []
    room, numbers = facts["context"] - len(marks), read(text)
    kept = numbers[:room] or [facts["unknown"]]
    tokens = [*marks[:1], *kept, *marks[1:]]
    wide = [*tokens, *[facts["padding"]] * (2 - len(tokens))]
    given = {"tokens": np.array([wide], np.int64), "lengths": np.array([len(tokens)], np.int64)}
    told = in_words(session.run(["answers"], given)[0][0], facts)
    return told | ({"cut": len(numbers) - room} if len(numbers) > room else {})


def in_words(answers: np.ndarray, facts: dict) -> dict:
    """One text's answers as a person reads them, most probable first."""
    if facts["kind"] == "number":
        return {"value": float(answers[0])}
    classes, threshold = facts["classes"], facts.get("threshold")
    order = np.argsort(-answers, kind="stable")
    rows = [{"class": classes[c], "probability": round(float(answers[c]), 6)} for c in order]
    if facts["kind"] == "labels":
        least = np.broadcast_to(np.array(threshold["value"] if threshold else 0.5), answers.shape)
        return {"answer": [classes[c] for c in order if answers[c] >= least[c]], "answers": rows}
    said = classes[int(answers[1] >= threshold["value"])] if threshold else rows[0]["class"]
    return {"answer": said, "answers": rows}


def main(given: list[str]) -> int:
    (facts, session), failed = load(), 0
    read = reader_of(facts)
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
