"""Writers as files: tokens and a memory in, the scores of the next token and the memory after them out.

A text of any length is written with a file of this kind: a beginning is read at once, and each token that is
chosen goes in alone, with the memory that came out before. What is checked is this use: a text that is read
in two halves must be answered as the live model answers the whole.

The first thing to change: `HALF`, where a text is cut for the check.

Axes: batch; time = tokens; vocabulary; layers; width = numbers that a layer holds.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.export import Dim

from glassworks.deploy.sequences import TOKENS, Ask, session_of, write_network

LOGITS, HIDDEN, CELL = "logits", "hidden", "cell"
AFTER = "_after"  # the memory as it comes out
HALF = 0.5
MOST_TOKENS = 1_000_000


class WriterAsShipped(nn.Module):
    """A `models.sequence.text_lstm.TextLSTM`: tokens and its memory in, logits and its memory out."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        hidden: Float[Tensor, "layers batch width"],
        cell: Float[Tensor, "layers batch width"],
    ) -> tuple[Float[Tensor, "batch vocabulary"], Tensor, Tensor]:
        logits, (hidden, cell) = self.model.next(tokens, (hidden, cell))  # type: ignore[operator]
        return logits.float(), hidden, cell


@dataclass(frozen=True)
class ShippedWriter:
    """A writer as it is shipped. layers, width: of its memory."""

    module: nn.Module
    layers: int
    width: int

    def to_onnx(self, path: str | Path) -> Path:
        """Write the whole computation as ONNX. Raises PersonError("missing-extra")."""
        batch = Dim("batch", min=1, max=65536)
        memory = torch.zeros(self.layers, 2, self.width)
        return write_network(
            self.module, (torch.ones(2, 5, dtype=torch.long), memory, memory.clone()), path,
            inputs=(TOKENS, HIDDEN, CELL), outputs=(LOGITS, HIDDEN + AFTER, CELL + AFTER),
            sizes=({0: batch, 1: Dim("time", min=1, max=MOST_TOKENS)}, {1: batch}, {1: batch}),
        )  # fmt: skip

    def live(self) -> Ask:
        """The probabilities of the token after each text, which is read at once; all are equally long."""

        def ask(tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
            memory = torch.zeros(self.layers, len(tokens), self.width)
            with torch.inference_mode():
                logits = self.module(torch.from_numpy(tokens), memory, memory)[0]
            return (logits.softmax(-1).numpy(),)

        return ask

    def predictor(self, path: str | Path) -> Ask:
        """The same by an ONNX file, which reads the first half, and the second one with the memory of it."""
        session = session_of(path)

        def ask(tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
            half = max(1, int(HALF * tokens.shape[1]))
            hidden = cell = np.zeros((self.layers, len(tokens), self.width), np.float32)
            for part in (tokens[:, :half], tokens[:, half:]):
                logits, hidden, cell = session.run(None, {TOKENS: part, HIDDEN: hidden, CELL: cell})
            shares = np.exp(logits - logits.max(-1, keepdims=True))
            return (shares / shares.sum(-1, keepdims=True),)

        return ask
