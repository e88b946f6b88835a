"""A small BERT that is taught labels, and what is left of its skill with hidden words afterwards.

It has learned the small language by guessing. Then a new head learns to tell animals of the farm from others,
on a few labelled sentences, and the layers below learn with it at a rate of their own. The old head is kept
aside, and is put back to ask the old questions.
The first thing to change: `RATES`.
"""

import copy
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassworks.core.keyed import generator, seed_for
from glassworks.models.sequence.bert import BERT
from glassworks.reader.draw import note, table
from glassworks.reader.figure import Choose, Slider
from glassworks.reader.figures.measured import Measured
from glassworks.reader.figures.small_bert import STOPS, WIDTH, skill, trained
from glassworks.reader.figures.small_language import drawn, words

FARM = ("cow", "horse")
RATES = {"frozen, the head alone": 0.0, "at 0.0003": 3e-4, "at 0.003": 3e-3, "at 0.03": 3e-2}
LABELLED, TEST, STEPS, HEAD_RATE = {"8": 8, "32": 32, "128": 128}, 500, 60, 3e-2


def examples(count: int, *key: int | str) -> tuple[Tensor, Tensor]:
    """Sentences of animals (count, 10), and the answers (count,): 1 for an animal of the farm."""
    order = words()
    of_farm = torch.tensor([word.rstrip("s") in FARM for word in order])
    of_people = order.index("said")
    texts = torch.from_numpy(drawn(4 * count, generator("forgetting", *key)))
    texts = texts[~(texts == of_people).any(1)][:count]
    return texts, of_farm[texts].any(1).long()


@lru_cache(maxsize=32)
def taught(begin: str, rate: float, labelled: int, seed: int) -> tuple[float, float]:
    """(share of new texts that are labelled rightly, share of hidden words guessed by the old head after it).

    begin: "read" begins with what guessing taught, "nothing" with random numbers
    """
    model = copy.deepcopy(trained("both", seed)[STOPS[-1] if begin == "read" else 0])
    head = nn.Linear(WIDTH, 2)
    dice = torch.Generator().manual_seed(seed_for(seed, "forgetting", labelled))
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
    body = [one for name, one in model.named_parameters() if not name.startswith("head.")]
    groups = [{"params": list(head.parameters()), "lr": HEAD_RATE}, {"params": body, "lr": rate}]
    optimizer = torch.optim.Adam(groups)
    texts, answers = examples(labelled, "train", seed)
    with torch.enable_grad():
        for _ in range(STEPS):
            rows = torch.randint(labelled, (min(32, labelled),), generator=dice)
            loss = F.cross_entropy(head(model.encode(texts[rows]).mean(1)), answers[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return _right(model, head), skill(model)


@torch.no_grad()
def _right(model: BERT, head: nn.Module) -> float:
    texts, answers = examples(TEST, "test")
    return float((head(model.encode(texts).mean(1)).argmax(1) == answers).double().mean())


class Forgetting(Measured):
    title = "Teach it labels. What is left of what it knew?"
    says = (
        "A body that begins with what guessing taught needs few labels. How much it forgets of the old task "
        "depends on the rate at which it learns the new one: frozen nothing, at a high rate nearly all."
    )
    controls = (
        Choose("labelled", "labelled sentences", LABELLED),
        Slider("seed", "seed", 0, 2, step=1, value=0),
    )

    def runs(self, labelled: int, seed: int, **_: Any) -> Sequence[tuple]:
        read = [("read", rate, labelled, int(seed)) for rate in RATES.values()]
        return [*read, ("nothing", 3e-3, labelled, int(seed))]

    def measure(self, run: tuple) -> tuple[float, float]:
        return taught(*run)

    def show(self, known: Mapping, labelled: int, seed: int, **_: Any) -> str:
        names = {("read", rate): name for name, rate in RATES.items()}
        names["nothing", 3e-3] = "at 0.003, from nothing"
        rows = []
        for begin, rate, *_rest in self.runs(labelled=labelled, seed=seed):
            new, old = known.get((begin, rate, labelled, int(seed)), (None, None))
            said = ["…", "…"] if new is None else [f"{100 * new:.0f} %", f"{100 * old:.0f} %"]
            rows.append([names[begin, rate], *said])
        told = note(
            f"Right answers on {TEST} sentences with labels, where one constant answer is right for half, "
            "and for 500 hidden words. In so small a language sentences recur."
        )
        return table(["the body", "labels", "hidden words"], rows) + told
