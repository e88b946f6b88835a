"""Writing with a run: a prompt goes in, tokens come out one at a time, each read back before the next.

What is written follows from the run, the prompt and the seed. Anything writes that gives logits and a state
from tokens and a state: `model(tokens, state=state)`, or `model.next` where it spares the logits in between.
The first thing to change: `Sampling`, how bold it is (`blocks/sampling.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glassworks.api.families import family_of
from glassworks.api.language import never_guessed
from glassworks.api.requests import GenerateRequest
from glassworks.api.run import Run, load
from glassworks.blocks.sampling import Sampling, drawn
from glassworks.core.errors import PersonError
from glassworks.core.files import write_text
from glassworks.core.keyed import generator
from glassworks.data.vocabulary import FILE as TOKENIZER
from glassworks.data.vocabulary import Tokenizer, read_tokenizer
from glassworks.training.runtime import Runtime

MOST = 100_000  # tokens of one text
RUN = 8  # tokens of a run that may be a repetition
CIRCLES = 0.5  # share of repeated runs from which it is told
BROKEN = "\ufffd"  # how a letter looks of which some bytes are still to come


@dataclass(frozen=True)
class Request:
    """prompt: what is continued, "" for a new text; tokens: at most; how: tokens are chosen; stop: texts
    before which it ends; seed, number: of the text, so that several differ."""

    prompt: str = ""
    tokens: int = 200
    how: Sampling = field(default_factory=Sampling)
    stop: tuple[str, ...] = ()
    seed: int = 0
    number: int = 0


def generate(run: str | Path | Run, prompt: str = "", **options: Any) -> list[dict]:
    """Texts that a run writes after a prompt; the keywords are the options of `glassworks generate --help`.

        gw.generate("runs/austen", "It is a truth", tokens=300, temperature=0.8)

    Returns one dict a text: {"prompt", "text" (without the prompt), "tokens", "ended": "end", "stop" or
    "length", "repeated": share, "seed", and where there is something to tell "note"}.
    """
    name = str(run.path) if isinstance(run, Run) else str(run)
    return generate_request(
        GenerateRequest(run=name, prompt=prompt, **options), run if isinstance(run, Run) else None
    )


def generate_request(
    request: GenerateRequest, run: Run | None = None, hear: Callable[[int, str], None] | None = None
) -> list[dict]:
    """The same, from a whole request. hear: called with a text's number and what was written, piece by piece.

    Raises PersonError for values that cannot be, and for a run that does not write.
    """
    how = _checked(request)
    run = run or load(request.run, device=request.device)
    if not hasattr(family_of(run.recipe.system), "writes"):
        raise PersonError(
            "other-task", expected="a run that continues texts, such as one of text_lstm",
            got=f"{run.path}, a run of {run.recipe.system}",
            fix="glassworks train text_lstm --data TEXTS makes one; this one answers to glassworks predict",
        )  # fmt: skip
    tokenizer = read_tokenizer(run.path / TOKENIZER)
    rows = []
    for number in range(request.count):
        asked = Request(request.prompt or "", request.tokens, how, request.stop, request.seed, number)
        rows.append(_one(run, tokenizer, asked, hear))
    if request.out:
        write_text(request.out, "\n\n".join(f"{row['prompt']}{row['text']}" for row in rows) + "\n")
    return rows


def _one(run: Run, tokenizer: Tokenizer, asked: Request, hear: Callable[[int, str], None] | None) -> dict:
    said = Said(tokenizer, tokenizer.encode(asked.prompt), asked.stop)
    for token in tokens_of(run.model, tokenizer, asked, run.runtime):
        fresh = said.add(token)
        if hear and fresh:
            hear(asked.number, fresh)
        if said.ended:
            break
    if hear and (rest := said.rest()):
        hear(asked.number, rest)
    share = repeated(said.numbers)
    row = {
        "prompt": asked.prompt, "text": said.text, "tokens": len(said.numbers),
        "ended": said.ended or "length", "repeated": round(share, 3), "seed": asked.seed,
    }  # fmt: skip
    notes = []
    unknown = tokenizer.encode(asked.prompt).count(tokenizer.unknown)
    if unknown:
        notes.append(f"{unknown} token(s) of the prompt are not in the vocabulary and were read as unknown")
    if share > CIRCLES:
        notes.append(
            f"it goes in circles: {share:.0%} of its runs of {RUN} tokens occurred before; a higher "
            "--temperature helps, or --top-p 0.95 with temperature 1"
        )
    return row | ({"note": "; ".join(notes)} if notes else {})


def write(model: nn.Module, tokenizer: Tokenizer, asked: Request, runtime: Runtime) -> tuple[list[int], str]:
    """Tokens and text after a prompt, at once."""
    said = Said(tokenizer, tokenizer.encode(asked.prompt), asked.stop)
    for token in tokens_of(model, tokenizer, asked, runtime):
        said.add(token)
        if said.ended:
            break
    said.rest()
    return said.numbers, said.text


def tokens_of(model: nn.Module, tokenizer: Tokenizer, asked: Request, runtime: Runtime) -> Iterator[int]:
    """Token after token; the last one may be the end of the text."""
    unwanted = torch.tensor([*never_guessed(tokenizer), tokenizer.unknown], device=runtime.device)
    chance = generator(asked.seed, "writing", asked.number)
    read: Sequence[int] = [tokenizer.start, *tokenizer.encode(asked.prompt)]
    state, was_training = None, model.training
    model.eval()
    try:
        for _ in range(asked.tokens):
            with torch.inference_mode():
                tokens = torch.tensor([list(read)], device=runtime.device)
                logits, state = _next(model, tokens, state)
                logits = logits.float().index_fill(1, unwanted, -torch.inf)
                number = torch.tensor([chance.random()], device=runtime.device, dtype=torch.float64)
                token = int(drawn(logits, asked.how, number))
            yield token
            if token == tokenizer.end:
                return
            read = [token]
    finally:
        model.train(was_training)


def _next(model: Any, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
    if hasattr(model, "next"):
        return model.next(tokens, state)
    logits, state = model(tokens, state=state)
    return logits[:, -1], state


class Said:
    """What has been written: tokens become text as soon as no later one can change it.

    numbers: tokens without the end; text: what is certain; ended: "", "end" or "stop"
    """

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int], stop: tuple[str, ...] = ()):
        self.tokenizer, self.stop, self.ended = tokenizer, tuple(filter(None, stop)), ""
        self.numbers: list[int] = []
        self.text, self._given = "", ""
        # Words are joined by what stands before them; other tokens are text by themselves.
        self._joins = tokenizer.kind in ("word", "given")
        self._before = list(prompt) if self._joins else []
        self._known = len(tokenizer.decode(self._before))
        self._pending: list[int] = []

    def add(self, token: int) -> str:
        """One token more; returns the text that is new and certain."""
        if token == self.tokenizer.end:
            self.ended = "end"
            return self.rest()
        self.numbers.append(token)
        if self._joins:
            self.text = self.tokenizer.decode([*self._before, *self.numbers])[self._known :]
        else:
            self._pending.append(token)
            piece = self.tokenizer.decode(self._pending)
            if piece.endswith(BROKEN) and len(self._pending) < RUN:
                return ""
            self.text, self._pending = self.text + piece, []
        places = [self.text.find(mark) for mark in self.stop]
        if any(place >= 0 for place in places):
            self.text = self.text[: min(place for place in places if place >= 0)]
            self.ended = "stop"
            return self.rest()
        return self._fresh(max((len(mark) - 1 for mark in self.stop), default=0))

    def rest(self) -> str:
        """What was held back."""
        if self._pending:
            self.text, self._pending = self.text + self.tokenizer.decode(self._pending), []
        return self._fresh(0)

    def _fresh(self, held: int) -> str:
        certain = self.text[: len(self.text) - held] if held else self.text
        fresh = certain[len(self._given) :]
        self._given += fresh
        return fresh


def repeated(numbers: Sequence[int], run: int = RUN) -> float:
    """The share of a text's runs of tokens that occurred before in it, 0 … 1.

    >>> repeated([1, 2, 3, 4] * 5, run=4), repeated(list(range(20)), run=4)
    (0.7647058823529411, 0.0)
    """
    runs = [tuple(numbers[at : at + run]) for at in range(len(numbers) - run + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _checked(request: GenerateRequest) -> Sampling:
    if not (1 <= request.tokens <= MOST and 1 <= request.count <= 1_000):
        raise PersonError(
            "bad-value", expected=f"--tokens from 1 to {MOST:,} and --count from 1 to 1,000",
            got=f"{request.tokens} and {request.count}", fix="leave them out for 200 tokens of one text",
        )  # fmt: skip
    if request.out and Path(request.out).exists() and not request.overwrite:
        raise PersonError(
            "file-exists", expected="a new file for the texts", got=f"{request.out} exists",
            fix="choose another --out, or add --overwrite",
        )  # fmt: skip
    try:
        return Sampling(request.temperature, request.top_k, request.top_p)
    except ValueError as error:
        raise PersonError(
            "bad-value", expected="a way to choose tokens that can be", got=str(error),
            fix="for example --temperature 0.8 --top-p 0.95",
        ) from error  # fmt: skip
