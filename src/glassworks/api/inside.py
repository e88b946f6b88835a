"""What the report shows of a model's inside: where it looked in some judged pictures, and its first filters.

Grad-CAM for any model with maps; of a Transformer rollout through its layers, or the attention of its last
layer where there are windows, stands before it.
"""

from collections.abc import Sequence

import numpy as np
from torch import nn

from glassworks.core.errors import PersonError
from glassworks.core.keyed import permutation
from glassworks.core.rows import Answers, PictureInput, PictureTable
from glassworks.data.decode import open_picture
from glassworks.insight.gallery import filters_of, look_inside, methods_for
from glassworks.judging.judgement import Judgement

MISTAKES, RIGHT = 3, 5  # pictures shown
SMALL = 48  # pixels: smaller pictures are enlarged, so that the colours can be told apart

Looked = Sequence[tuple[np.ndarray, str]]  # pictures with captions


def looked_at(
    model: nn.Module,
    how: PictureInput,
    table: PictureTable,
    rows: np.ndarray,
    pixels: np.ndarray,
    judgement: Judgement,
    answers: Answers,
) -> Looked:
    """Overlays of the worst mistakes and of some other judged pictures, then the first layer's filters.

    rows: row numbers of the judged pictures in `table` and `pixels`. Empty for a model without maps.
    """
    worst = [mistake.row for mistake in judgement.worst[:MISTAKES]]
    others = [int(row) for row in permutation(len(rows), "inside") if int(row) not in worst]
    found = []
    try:
        ways = methods_for(model, how)
        attention = next((way for way in ("rollout", "attention") if way in ways), None)
        methods = ("grad-cam",) if attention is None else (attention, "grad-cam")
        for place in [*worst, *others[:RIGHT]]:
            row = int(rows[place])
            full = np.asarray(open_picture(table.sources[row], name=table.names[row]))
            drawings = look_inside(
                model, _large(full), pixels[row], how, methods=methods, classes=table.classes,
                kind=table.kind,
            )  # fmt: skip
            words = f"said {_said(answers, place)}, given {_given(answers, place)}: {table.names[row]}"
            for drawing in drawings:
                found.append((drawing.picture, f"{drawing.name}: {words}" if attention else words))
        filters = filters_of(model)
    except PersonError:  # a model without maps or filters has nothing to show here
        return found
    return [*found, (filters.picture, filters.caption)]


def _large(full: np.ndarray) -> np.ndarray:
    """Pictures of a few pixels enlarged by whole factors."""
    factor = max(1, -(-160 // max(full.shape[:2]))) if max(full.shape[:2]) <= SMALL else 1
    return full.repeat(factor, axis=0).repeat(factor, axis=1)


def _said(answers: Answers, place: int) -> str:
    scores = answers.scores[place]
    if answers.kind == "number":
        return f"{float(scores[0]):.4g}"
    return f"{answers.classes[int(scores.argmax())]} ({float(scores.max()):.0%})"


def _given(answers: Answers, place: int) -> str:
    target = answers.targets[place]
    if answers.kind == "number":
        return f"{float(target):.4g}"
    if answers.kind == "label":
        return answers.classes[int(target)]
    return "; ".join(name for name, true in zip(answers.classes, target, strict=True) if true) or "none"
