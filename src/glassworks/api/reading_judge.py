"""Judging a run that guesses hidden words: answers beside counts, examples, card and report."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from glassworks.api.judge import REPORT, Evaluation, file_card, first_card, write_card, write_page
from glassworks.api.reading import PreparedReading, cut_into_passages, in_blocks, prepare_reading
from glassworks.api.texts import TOKENIZER
from glassworks.core.text_rows import TextTable
from glassworks.data.sequence_batches import SequenceBatches
from glassworks.data.vocabulary import Tokenizer, read_tokenizer
from glassworks.judging import card as cards
from glassworks.judging.judgement import Judgement
from glassworks.judging.masked_text import (
    BASELINES,
    RIGHT,
    Counts,
    Guesses,
    Questions,
    judge_words,
)
from glassworks.recipes.base import DataPart
from glassworks.tasks.masked_text import MaskedTexts, fixed_noise
from glassworks.training.run_folder import SPLITS, RunFolder, read_json
from glassworks.training.runtime import Runtime
from glassworks.training.state import TrainingState
from glassworks.weights.store import load_into

if TYPE_CHECKING:
    from glassworks.api.learner import Learner
    from glassworks.api.requests import EvaluateRequest
    from glassworks.api.run import Run

SIZE = 64  # passages that a forward pass takes at once
QUICK = 400  # passages by which a model in training is judged; the rest are asked at its end
SHOWN = 12  # hidden words that the report shows
AROUND = 9  # tokens shown on each side of one
TOP = 3  # guesses shown


@dataclass(frozen=True)
class Heard:
    """What a model said of hidden words. best: the likeliest tokens (questions, TOP) and their
    probabilities; seen: of each question its passage and its place there, int64 (questions, 2)."""

    asked: Questions
    guesses: Guesses
    best: np.ndarray
    chances: np.ndarray
    seen: np.ndarray


def heard(
    model: nn.Module, task: MaskedTexts, batches: SequenceBatches, block_of: np.ndarray, runtime: Runtime
) -> Heard:
    """The answers to the words that each passage's own numbers hide; the model's mode is put back."""
    was_training, found = model.training, []
    model.eval()
    try:
        with torch.inference_mode():
            for batch in batches.plain(SIZE):
                noise = fixed_noise([batches.sequences[row] for row in batch.rows], batch.inputs.shape[1])
                asked = task.ask(batch.inputs, batch.lengths, noise)
                with runtime.autocast():
                    scores = model(asked.tokens, batch.lengths, asked.chosen)
                found.append(_answers(asked, scores.float().log_softmax(1), batch, block_of))
    finally:
        model.train(was_training)
    columns = [np.concatenate(column) for column in zip(*found)]
    answers, left, right, block, loss, best, chances, seen = columns
    return Heard(
        Questions(answers, left, right, block), Guesses(loss, best[:, 0] == answers), best, chances, seen
    )


def _answers(asked: Any, scores: Tensor, batch: Any, block_of: np.ndarray) -> tuple[np.ndarray, ...]:
    """Columns of one batch, in the order of `Heard` and `Questions`."""
    rows, places = (index.cpu().numpy() for index in asked.chosen.nonzero(as_tuple=True))
    # A baseline sees what the model sees: a neighbour that is asked for as well says nothing.
    said = asked.tokens.masked_fill(asked.chosen, -1).cpu().numpy()
    said = np.pad(said, ((0, 0), (1, 1)), constant_values=-1)
    top = scores.topk(min(TOP, scores.shape[1]), dim=1)
    loss = -scores.gather(1, asked.answers[:, None])[:, 0]
    return (
        asked.answers.cpu().numpy(), said[rows, places], said[rows, places + 2], block_of[batch.rows[rows]],
        loss.double().cpu().numpy(), top.indices.cpu().numpy(), top.values.exp().cpu().numpy(),
        np.stack([batch.rows[rows], places], axis=1),
    )  # fmt: skip


def quick(learner: "Learner", judged: nn.Module) -> dict[str, float]:
    """Loss and accuracy on some passages of the validation part."""
    own: PreparedReading = learner.prepared  # type: ignore[assignment]
    rows = own.passages_of("val")
    some = rows[np.linspace(0, len(rows) - 1, min(QUICK, len(rows))).round().astype(int)]
    batches = SequenceBatches(
        own.passages, np.zeros(len(own.passages), np.int64), some, padding=own.tokenizer.padding,
        device=learner.runtime.device,
    )  # fmt: skip
    found = heard(judged, own.task, batches, own.block_of, learner.runtime).guesses
    return {"loss": float(found.loss.mean()), RIGHT: float(found.right.mean())}


def finish(folder: RunFolder, learner: "Learner", state: TrainingState, choices: list[str]) -> None:
    """At the end of training: judge the validation part, write tokenizer, card and report."""
    assert state.best_model is not None
    own: PreparedReading = learner.prepared  # type: ignore[assignment]
    load_into(state.model, state.best_model, source="the best model")
    own.tokenizer.write(folder.path / TOKENIZER)
    batches = own.batches("val", device=learner.runtime.device)
    found = heard(state.model, own.task, batches, own.block_of, learner.runtime)
    judgement = judged(own, own.table, own.tokenizer, found)
    card = first_card(folder, learner, judgement, [*choices, *own.notes])
    write_card(folder.path, card)
    write_page(
        folder.path / REPORT, folder, learner.recipe, card, judgement, None,
        sections=[_examples(own.passages, own.tokenizer, found)], baselines=BASELINES,
    )  # fmt: skip


def evaluate(run: "Run", request: "EvaluateRequest") -> Evaluation:
    """Judge a run on a part of its own texts, or on other texts."""
    from glassworks.api.families import family_of

    family = family_of(run.recipe.system)
    own = reading_of(run)
    part: str = request.part
    table, passages, block_of = own.table, own.passages, own.block_of
    batches = own.batches(part, device=run.runtime.device)
    if request.data is not None:
        part = request.data
        data = DataPart(where=part, text=request.text, group=request.group, labels="none")
        table = in_blocks(family.open_data(data))
        passages, block_of = cut_into_passages(table.texts, own.tokenizer, own.how.context)
        batches = SequenceBatches(
            passages, np.zeros(len(passages), np.int64), np.arange(len(passages)),
            padding=own.tokenizer.padding, device=run.runtime.device,
        )  # fmt: skip
    found = heard(run.model, own.task, batches, block_of, run.runtime)
    judgement = judged(own, table, own.tokenizer, found)
    card = cards.with_judgement(run.card, judgement, part=part)
    report = file_card(run, card, part)
    write_page(
        report, run.folder, run.recipe, card, judgement, None,
        sections=[_examples(passages, own.tokenizer, found)], baselines=BASELINES,
    )  # fmt: skip
    return Evaluation(run.path, part, judgement, card["test_looks"], report)


def reading_of(run: "Run") -> PreparedReading:
    """The run's own texts, divided as recorded and read with its own tokenizer."""
    from glassworks.api.families import family_of

    if run.published:
        run.data()  # refuses, with what to do
    table = family_of(run.recipe.system).open_data(run.recipe.data)
    return prepare_reading(
        run.recipe, table, splits=read_json(run.path / SPLITS), tokenizer=read_tokenizer(run.path / TOKENIZER)
    )


def task_of(run: "Run") -> MaskedTexts:
    """What the run was asked for."""
    tokenizer = read_tokenizer(run.path / TOKENIZER)
    return MaskedTexts(int(tokenizer.mask or 0), tokenizer.size, ())


def judged(own: PreparedReading, table: TextTable, tokenizer: Tokenizer, found: Heard) -> Judgement:
    """The judgement beside counts of the run's training part."""
    counts = Counts([own.passages[row] for row in own.passages_of("train")], tokenizer.size)
    baselines = {
        "most frequent token": counts.frequencies(found.asked),
        "counts of both neighbours": counts.neighbours(found.asked),
    }
    words = [tokenizer.decode([number]).strip() or "(space)" for number in found.asked.answers]
    return judge_words(found.guesses, baselines, found.asked, table.names, words)


def _examples(passages: Sequence[np.ndarray], tokenizer: Tokenizer, found: Heard) -> tuple[str, str, str]:
    """A section of the report: some hidden words in their sentences, and what the model made of them."""
    some = np.linspace(0, len(found.seen) - 1, min(SHOWN, len(found.seen))).round().astype(int)
    lines = []
    for number in np.unique(some):
        passage, place = found.seen[number]
        numbers = passages[passage]
        before = html.escape(tokenizer.decode(numbers[max(1, place - AROUND) : place]))
        after = html.escape(tokenizer.decode(numbers[place + 1 : min(len(numbers) - 1, place + 1 + AROUND)]))
        said = ", ".join(
            f"{html.escape(tokenizer.decode([token]).strip() or '(space)')} {chance:.2f}"
            for token, chance in zip(found.best[number], found.chances[number])
        )
        truth = html.escape(tokenizer.decode([found.asked.answers[number]]).strip() or "(space)")
        tone = "good" if found.guesses.right[number] else ""
        lines.append(
            f"<tr><td>{before} <strong>▢</strong> {after}</td><td>{truth}</td>"
            f'<td class="{tone}">{said}</td></tr>'
        )
    head = "<thead><tr><th>text</th><th>hidden</th><th>guesses and their probabilities</th></tr></thead>"
    table = f'<div class="scroll"><table>{head}<tbody>{"".join(lines)}</tbody></table></div>'
    words = (
        "Single words out of the judged texts. Other words of the same sentence may have been hidden too; "
        "here they are shown."
    )
    return "What it makes of hidden words", words, table
