"""What every program beside a model does: open the bundle, its digest compared first, and say answers."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent


def load(folder: Path = HERE) -> tuple[dict, onnxruntime.InferenceSession]:
    """What model.json says, and the model. Ends the program if the folder is damaged."""
    try:
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return facts, opened(folder, facts)
    except (OSError, ValueError, KeyError) as error:
        print(f"this is not a whole bundle: {error}", file=sys.stderr)
        sys.exit(2)


def opened(folder: Path, about: dict) -> onnxruntime.InferenceSession:
    """The network about["file"], whose digest is compared first. Ends the program if it is another."""
    content = (folder / about["file"]).read_bytes()
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        print(f"{about['file']} is damaged: not the digest of model.json; copy it again", file=sys.stderr)
        sys.exit(2)
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def in_words(answers: np.ndarray, facts: dict) -> dict:
    """One input's answers as a person reads them, most probable first."""
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
