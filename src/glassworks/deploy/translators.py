"""Models that write one text for another, as two files: one reads the source, one gives the next token.

The source is read once. Then the answer grows by a token a step: a recurrent writer takes the token before
and its state, a Transformer takes all that it has said so far, so that nothing need be kept between steps.
Both give scores of the next token. What is checked are the right answers of held-out pairs, step by step.

The first thing to change: `Steps.forward`, what a step is given.

Axes: rows; source, said = tokens; vocabulary; state tensors have rows first.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.export import Dim

from glassworks.blocks.beam_search import State
from glassworks.deploy.sequences import LENGTHS, Ask, session_of, write_network
from glassworks.models.sequence.transformer import Transformer, hidden_after

SOURCE, SAID, AT, LOGITS = "source", "said", "at", "logits"
READER = "reader.onnx"


class Reads(nn.Module):
    """The source in, the state of the answer's beginning out."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, source: Int[Tensor, "rows source"], lengths: Int[Tensor, "rows"]) -> tuple[Tensor, ...]:
        model: Any = self.model
        if isinstance(model, Transformer):
            memory = model.encode(source, lengths)
            return memory, hidden_after(lengths, source.shape[1], memory)  # type: ignore[return-value]
        state = model.begin(source, lengths)
        return (*state.fixed, *state.moving)


class Steps(nn.Module):
    """What was said and the state in; logits and what of the state has moved out."""

    def __init__(self, model: nn.Module, fixed: int):
        super().__init__()
        self.model, self.fixed = model, fixed

    def forward(
        self, said: Int[Tensor, "rows said"], at: Int[Tensor, "rows"], *state: Tensor
    ) -> tuple[Float[Tensor, "rows vocabulary"], *tuple[Tensor, ...]]:
        """at: place of the last token in what was said; what stands behind it is filling"""
        model: Any = self.model
        if isinstance(model, Transformer):
            memory, bias = state
            seen = model.decode(said, memory, bias)  # (rows, said, width)
            last = seen.gather(1, at[:, None, None].expand(-1, 1, seen.shape[2]))
            return (model.head(last[:, 0]).float(),)
        before = State(state[: self.fixed], state[self.fixed :])
        logits, after = model.step(said.gather(1, at[:, None])[:, 0], before)
        return logits.float(), *after.moving


class TranslatorAsShipped(nn.Module):
    """Both halves of one model."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        given = torch.ones(1, 2, dtype=torch.long)
        with torch.no_grad():
            begun: State = model.begin(given)  # type: ignore[operator]
        self.fixed, self.moving = len(begun.fixed), len(begun.moving)
        if isinstance(model, Transformer):
            self.fixed, self.moving = 2, 0  # the encoded source, and what hides its filling

    def halves(self) -> tuple[Reads, Steps]:
        return Reads(self.model).eval(), Steps(self.model, self.fixed).eval()


@dataclass(frozen=True)
class ShippedTranslator:
    """A translator as it is shipped, and the right answers that it is checked on.

    answers: of the held-out sources, from the start token on, (pairs, said); context: longest source
    """

    module: TranslatorAsShipped
    answers: np.ndarray
    context: int

    def to_onnx(self, path: str | Path) -> Path:
        """Write the step to `path` and what reads the source beside it, as READER."""
        reads, steps = self.module.halves()
        rows = Dim("rows", min=1, max=65536)
        long = {0: rows, 1: Dim("source", min=2, max=self.context)}
        source, lengths = torch.ones(2, min(5, self.context), dtype=torch.long), torch.tensor([2, 2])
        with torch.no_grad():
            state = reads(source, lengths)
        names = self.names
        write_network(
            reads, (source, lengths), Path(path).with_name(READER), inputs=(SOURCE, LENGTHS), outputs=names,
            sizes=(long, {0: rows}),
        )  # fmt: skip
        # Of a source's own length: keys, values and memory along their tokens, the bias along its last axis.
        axes: list[dict[int, Any]] = [{0: rows} for _ in state]
        for one, own in zip(state[: self.module.fixed], axes):
            own[3 if one.ndim == 4 else 1] = Dim.DYNAMIC
        said = torch.ones(2, 3, dtype=torch.long)
        return write_network(
            steps, (said, torch.tensor([1, 2]), *state), path, inputs=(SAID, AT, *names),
            outputs=(LOGITS, *(f"{name}_after" for name in names[self.module.fixed :])),
            sizes=({0: rows, 1: Dim("said", min=2, max=self.context + 1)}, {0: rows}, tuple(axes)),
        )  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """What the tensors of the state are called, those that stay before those that move."""
        stay = [f"fixed_{n}" for n in range(self.module.fixed)]
        return (*stay, *(f"moving_{n}" for n in range(self.module.moving)))

    def live(self) -> Ask:
        """The probabilities of each token of the right answers, (pairs, said, vocabulary), all at once."""

        def ask(source: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
            model: Any = self.module.model
            given = torch.from_numpy(source), torch.from_numpy(lengths), torch.from_numpy(self.answers)
            with torch.inference_mode():
                return (model(*given).float().softmax(-1).numpy(),)

        return ask

    def predictor(self, path: str | Path) -> Ask:
        """The same by the two files, step by step."""
        reader, stepper = session_of(Path(path).with_name(READER)), session_of(path)
        fixed = self.module.fixed

        def ask(source: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
            state = reader.run(None, {SOURCE: source, LENGTHS: lengths})
            found = []
            for length in range(1, self.answers.shape[1] + 1):
                given = {SAID: at_least_two(self.answers[:, :length]), AT: np.full(len(source), length - 1)}
                logits, *moved = stepper.run(None, given | dict(zip(self.names, state, strict=True)))
                state = [*state[:fixed], *moved]
                shares = np.exp(logits - logits.max(-1, keepdims=True))
                found.append(shares / shares.sum(-1, keepdims=True))
            return (np.stack(found, 1),)

        return ask


def at_least_two(said: np.ndarray) -> np.ndarray:
    """What was said, filled up to two tokens: one alone would be another graph."""
    return said if said.shape[1] > 1 else np.repeat(said, 2, axis=1)
