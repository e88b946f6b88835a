"""Answer texts with texts by the model beside this file: python predict.py "A TEXT" [FILE.txt …]

It needs numpy and onnxruntime alone, and the package tokenizers where the model reads pieces of words. It
prints one line of JSON a text (of a .txt file one a line of it): the answer, its score, and how many tokens
of the text could not be read. Several beginnings of an answer are kept side by side, and the best one wins.
It exits with 0 when all were read, 1 when one was not, and 2 when the model is damaged."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

from glassworks.deploy.standalone.bundle import HERE, load, opened
from glassworks.deploy.standalone.tokens import Read, Write, tokenizer_of


class Translator:
    """The two networks: one reads a source, one scores the next token of an answer."""

    def __init__(self, facts: dict, stepper: onnxruntime.InferenceSession):
        self.facts, self.stepper, self.reader = facts, stepper, opened(HERE, facts["reader"])
        self.names = [given.name for given in stepper.get_inputs()][2:]  # of the state
        self.fixed = sum(name.startswith("fixed") for name in self.names)

    def best(self, source: list[int]) -> tuple[list[int], float, bool]:
        """The tokens of the best answer, its score, and whether it came to its end."""
        facts, beams = self.facts, self.facts["beams"]
        begun = {"source": np.array([source], np.int64), "lengths": np.array([len(source)], np.int64)}
        state = [np.repeat(one, beams, axis=0) for one in self.reader.run(None, begun)]
        sums = np.full(beams, -np.inf)
        sums[0] = 0.0  # at first all beginnings are the same: one of them is continued
        said = np.full((beams, 1), facts["start"], np.int64)
        best: tuple[list[int], float, bool] = ([], -np.inf, False)
        for length in range(1, facts["most"] + 2):
            chances, state = self.scores(said, state)
            totals = sums[:, None] + chances
            for row, total in enumerate(totals[:, facts["end"]]):  # each may end here
                score = float(total) / ((5 + length) / 6) ** facts["penalty"]
                if score > best[1]:
                    best = (said[row, 1:].tolist(), score, True)
            totals[:, facts["end"]] = -np.inf
            places = np.argsort(-totals, axis=None, kind="stable")[:beams]
            parents, tokens = np.divmod(places, totals.shape[1])
            sums = totals.ravel()[places]
            highest = ((6 + facts["most"]) / 6) ** facts["penalty"]
            if length > facts["most"] or best[1] >= sums[0] / highest:  # nothing can beat what has ended
                break
            said = np.concatenate([said[parents], tokens[:, None]], axis=1)
            state = [*state[: self.fixed], *(one[parents] for one in state[self.fixed :])]
        return best if best[2] else (said[0, 1:].tolist(), float(sums[0]), False)

    def scores(self, said: np.ndarray, state: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Log probabilities of the next token (rows, vocabulary), and the state after this step."""
        wide = said if said.shape[1] > 1 else np.repeat(said, 2, axis=1)
        given = {"said": wide, "at": np.full(len(said), said.shape[1] - 1, np.int64)}
        logits, *moved = self.stepper.run(None, given | dict(zip(self.names, state)))
        logits = logits.astype(np.float64) - logits.max(-1, keepdims=True)
        chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        chances[:, self.facts["never"]] = -np.inf
        return chances, [*state[: self.fixed], *moved]


def asked(text: str, read: Read, write: Write, model: Translator) -> dict:
    """The answer to one text as a person reads it."""
    numbers, room = read(text), model.facts["context"] - 1
    tokens, score, ended = model.best([*numbers[:room], model.facts["end"]])
    told = {"text": text, "answer": write(tokens), "score": round(score, 4), "ended": ended}
    return told | ({"cut": len(numbers) - room} if len(numbers) > room else {})


def texts_in(given: str) -> list[str]:
    """A text, or the lines of a file."""
    file = Path(given) if len(given) < 1000 and Path(given).is_file() else None
    lines = file.read_text(encoding="utf-8-sig").splitlines() if file else [given]
    return [line for line in lines if line.strip()]


def main(given: list[str]) -> int:
    (facts, stepper), failed = load(), 0
    (read, write), model = tokenizer_of(facts, HERE), Translator(facts, stepper)
    for one in given:
        try:
            rows = [asked(text, read, write, model) for text in texts_in(one)]
        except (OSError, ValueError) as error:
            rows, failed = [{"text": one, "error": f"no text that can be read: {error}"}], 1
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
