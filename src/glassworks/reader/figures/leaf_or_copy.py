"""Who receives a gradient: the tensor a person made (a leaf), not what was computed from it.

A move to another device or another kind of number is an operation like any other, so its result is not a leaf
and its `grad` stays empty. Whoever gives the moved tensor the old name has lost the leaf. The programs
here run when they are shown; the move is one of dtype, because it makes a copy on every machine.
Change first: add a program to `PROGRAMS`.
"""

import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from glassworks.reader import draw
from glassworks.reader.figure import Choose, Figure
from glassworks.reader.source import STYLE, coloured

Program = Callable[[], dict[str, Tensor]]


def overwritten() -> dict[str, Tensor]:
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    x = x.to(torch.float64)  # the name x now means the copy
    (x**2 + 5).mean().backward()
    return {"x": x}


def leaf_kept() -> dict[str, Tensor]:
    leaf = torch.tensor([2.0, 3.0], requires_grad=True)
    x = leaf.to(torch.float64)  # the leaf keeps a name
    (x**2 + 5).mean().backward()
    return {"leaf": leaf, "x": x}


def created_there() -> dict[str, Tensor]:
    x = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
    (x**2 + 5).mean().backward()
    return {"x": x}


def marked_after() -> dict[str, Tensor]:
    x = torch.tensor([2.0, 3.0]).to(torch.float64)
    x.requires_grad_()  # from here on it is recorded: a leaf
    (x**2 + 5).mean().backward()
    return {"x": x}


def moved_nowhere() -> dict[str, Tensor]:
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    x = x.to(torch.float32)  # it is float32 already: no copy
    (x**2 + 5).mean().backward()
    return {"x": x}


PROGRAMS: dict[str, Program] = {
    "moved, name overwritten": overwritten,
    "moved, leaf kept": leaf_kept,
    "created where it is needed": created_there,
    "moved first, then marked": marked_after,
    "moved to where it is": moved_nowhere,
}
VERDICTS = {
    overwritten: (
        "The gradient went to the leaf, and nobody holds the leaf any more. x.grad is None.",
        "bad",
    ),
    leaf_kept: ("The leaf has the gradient, the copy has none. Read it from the leaf.", "good"),
    created_there: ("One tensor, made in the right place: it is a leaf and has the gradient.", "good"),
    marked_after: ("Nothing was recorded before the mark, so the moved tensor itself is the leaf.", "good"),
    moved_nowhere: (
        "The same tensor came back, still a leaf. This is why the first program seems to work on a machine "
        "without a GPU, and fails on one that has it.",
        "warn",
    ),
}


class LeafOrCopy(Figure):
    title = "Which tensor has the gradient?"
    says = (
        "x.to(…) is an operation, so its result is not a leaf and gets no gradient. Create the tensor where "
        "it is needed, or keep a name for the leaf."
    )
    style = STYLE
    controls = (Choose("program", "program", PROGRAMS),)

    def draw(self, program: Program) -> str:
        words, tone = VERDICTS[program]
        rows = [(name, *_facts(tensor)) for name, tensor in program().items()]
        head = ("name", "made by", "leaf", "kind", "grad")
        return (
            f'<pre class="source" tabindex="0">{_body(program)}</pre>'
            + draw.table(head, rows)
            + draw.text(words, tone)
        )


def _facts(tensor: Tensor) -> tuple[str, ...]:
    made = type(tensor.grad_fn).__name__ if tensor.grad_fn is not None else "you"
    kind = str(tensor.dtype).removeprefix("torch.")
    # torch warns where somebody asks a result for its gradient; the answer is None.
    gradient = tensor.grad if tensor.is_leaf else None
    shown = "None" if gradient is None else str(gradient.tolist())
    return made, "yes" if tensor.is_leaf else "no", kind, shown


def _body(program: Program) -> str:
    """The lines of a program without its `def` and its `return`."""
    lines = inspect.getsource(program).splitlines()[1:-1]
    return coloured("\n".join(line.removeprefix("    ") for line in lines))
