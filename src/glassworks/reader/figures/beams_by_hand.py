"""A small tree of answers: what greedy search, beams and the length penalty find in it.

The chances are made up, the search is the installed one. Two of its beams find a likelier answer than greedy
search does; three find one that is likelier still and says nothing. The penalty is what corrects that.
The first thing to change: `TREE`.
"""

import html
from typing import Any

import torch
from torch import Tensor

from glassworks.blocks.beam_search import State, Written, length_penalty, write
from glassworks.reader.draw import columns, note, table
from glassworks.reader.figure import Figure, Slider

END = "end"
TREE: dict[tuple[str, ...], dict[str, float]] = {
    (): {"the": 0.40, "a": 0.36, "yes": 0.24},
    ("the",): {"dog": 0.45, "cat": 0.35, END: 0.20},
    ("a",): {"cat": 0.80, "bird": 0.20},
    ("yes",): {END: 0.95, "sir": 0.05},
    ("the", "dog"): {"barks": 0.52, "runs": 0.48},
    ("the", "cat"): {"sleeps": 0.90, END: 0.10},
    ("a", "cat"): {"sleeps": 0.75, END: 0.25},
    ("a", "bird"): {"sings": 1.0},
}
WORDS = ("<start>", END, *dict.fromkeys(word for ways in TREE.values() for word in ways if word != END))
BEGINNINGS: list[tuple[str, ...]] = [()]
for _said, _ways in TREE.items():
    BEGINNINGS += [(*_said, word) for word in _ways if word != END]


class Tree:
    """The tree as a model that writes. The state is the number of the beginning, (rows, 1)."""

    def begin(self, source: Tensor, lengths: Tensor | None) -> State:
        return State((), (torch.zeros(len(source), 1, dtype=torch.long),))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        scores, numbers = torch.zeros(len(tokens), len(WORDS)), []
        for row, (token, number) in enumerate(zip(tokens.tolist(), state.moving[0][:, 0].tolist())):
            said = BEGINNINGS[number] if token == 0 else (*BEGINNINGS[number], WORDS[token])
            said = said if said in BEGINNINGS else ()  # a place that only dead beams reach
            for word, chance in TREE.get(said, {END: 1.0}).items():
                scores[row, WORDS.index(word)] = chance
            numbers.append(BEGINNINGS.index(said))
        return scores.log(), State((), (torch.tensor(numbers)[:, None],))


def found(beams: int, penalty: float) -> Written:
    """What the installed search finds."""
    source = torch.zeros(1, 1, dtype=torch.long)
    return write(Tree(), source, None, start=0, end=1, most=4, beams=beams, penalty=penalty)[0]


def in_words(written: Written) -> str:
    return " ".join(WORDS[token] for token in written.tokens)


def complete() -> list[tuple[str, float, int]]:
    """All answers with an end: (words, probability, tokens with the end)."""
    rows = []
    for said in BEGINNINGS[1:]:
        last = TREE.get(said, {END: 1.0}).get(END, 0.0)
        if last:
            rows.append((" ".join(said), chance_of(said) * last, len(said) + 1))
    return sorted(rows, key=lambda row: -row[1])


def chance_of(said: tuple[str, ...]) -> float:
    """The probability of a beginning."""
    chance = 1.0
    for place, word in enumerate(said):
        chance *= TREE[said[:place]][word]
    return chance


def kept(beams: int) -> set[tuple[str, ...]]:
    """The beginnings that a search of so many beams goes on from."""
    now: list[tuple[str, ...]] = [()]
    all_kept: set[tuple[str, ...]] = set()
    while now:
        more = [(*said, word) for said in now for word in TREE.get(said, {}) if word != END]
        now = sorted(more, key=lambda said: -chance_of(said))[:beams]
        all_kept |= set(now)
    return all_kept


class BeamsByHand(Figure):
    title = "Beams in a small tree"
    says = (
        "Greedy search takes 'the', the likeliest first word, and ends at 9 percent. Two beams keep 'a' as "
        "well and find an answer of 22 percent. Three find 'yes', 23 percent: short answers win, unless a "
        "penalty makes up for length."
    )
    controls = (
        Slider("beams", "beams (1 is greedy)", 1, 4, step=1, value=1),
        Slider("penalty", "length penalty", 0, 1, step=0.1, value=0),
    )

    def draw(self, beams: float, penalty: float, **_: Any) -> str:
        written = found(int(beams), float(penalty))
        answer = in_words(written)
        rows = []
        for words, chance, tokens in complete()[:7]:
            score = float(torch.tensor(chance).log()) / length_penalty(tokens, float(penalty))
            tone = "good" if words == answer else ""
            rows.append([(words, tone), f"{chance:.3f}", str(tokens), f"{score:.3f}"])
        head = ["answer", "probability", "tokens", "score"]
        told = f'Found: "{answer}". Filled boxes are beginnings that were kept; the others never went on.'
        return columns(_drawing(int(beams), answer), table(head, rows)) + note(told)


def _drawing(beams: int, answer: str) -> str:
    """The tree from left to right; a row for each leaf."""
    places, alive = _places(), kept(beams) | {()}
    parts = []
    for said, (x, y) in places.items():
        if said:
            from_x, from_y = places[said[:-1]]
            pen = "var(--accent)" if said in alive else "var(--line)"
            start = from_x + (0 if len(said) == 1 else 78)
            parts.append(
                f'<path d="M{start} {from_y}C{start + 12} {from_y} {x - 12} {y} {x} {y}" '
                f'style="fill:none;stroke:{pen};stroke-width:{2.5 if said in alive else 1.5}"/>'
            )
    for said, (x, y) in places.items():
        if said:
            parts.append(_box(said, x, y, said in alive, " ".join(said) == answer))
    high = max(y for _, y in places.values()) + 22
    told = html.escape(f"a tree of words; with {beams} beams the answer is {answer}", quote=True)
    return (
        f'<svg class="chart" viewBox="0 0 318 {high}" width="318" role="img" aria-label="{told}">'
        f"{''.join(parts)}</svg>"
    )


def _box(said: tuple[str, ...], x: float, y: float, alive: bool, answer: bool) -> str:
    share = 40 if answer else 18  # the words on it stay readable in both themes
    fill = f"color-mix(in srgb, var(--accent) {share}%, var(--card))" if alive or answer else "var(--card)"
    pen = "var(--accent)" if alive else "var(--line)"
    chance = f"{TREE[said[:-1]][said[-1]]:.2f}".removeprefix("0")
    return (
        f'<rect x="{x}" y="{y - 11}" width="78" height="22" rx="6" style="fill:{fill};stroke:{pen}"/>'
        f'<text x="{x + 6}" y="{y + 4}" style="fill:var(--ink)">{html.escape(said[-1])}</text>'
        f'<text x="{x + 73}" y="{y + 4}" text-anchor="end" style="fill:var(--ink)">{chance}</text>'
    )


def _places() -> dict[tuple[str, ...], tuple[float, float]]:
    """Left and middle of each beginning."""
    leaves = [said for said in _in_order() if said not in TREE]
    places: dict[tuple[str, ...], tuple[float, float]] = {
        said: (16 + 100 * (len(said) - 1), 16 + 30 * row) for row, said in enumerate(leaves)
    }
    for said in sorted((one for one in TREE), key=len, reverse=True):
        below = [places[one] for one in places if one[:-1] == said and len(one) == len(said) + 1]
        places[said] = (max(2, 16 + 100 * (len(said) - 1)), sum(y for _, y in below) / len(below))
    return places


def _in_order(said: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [said] if said else []
    for word in TREE.get(said, {}):
        if word != END:
            found += _in_order((*said, word))
    return found
