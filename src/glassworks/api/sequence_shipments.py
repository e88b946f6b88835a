"""What each kind of reader of sequences ships: its module, held-out inputs, and what a program must know."""

from typing import TYPE_CHECKING, Any

import numpy as np

from glassworks.api.forecast import shortest
from glassworks.api.language import never_guessed
from glassworks.api.sequence_export import Shipment, shipped_model
from glassworks.api.series import filled, series_part
from glassworks.api.texts import TOKENIZER, text_part
from glassworks.api.translation import never_written
from glassworks.api.translation_judge import BEAMS, PENALTY
from glassworks.data.vocabulary import read_tokenizer
from glassworks.deploy import sequences, translators, writers
from glassworks.deploy.formats import ANSWERS, FEATURES

if TYPE_CHECKING:
    from glassworks.api.run import Run

MOST = 256  # series, windows or texts that are compared
LONGEST_CHECK = 64  # tokens of a stretch of text, or of an answer, that is compared
MOST_PAIRS = 32  # whose right answers are compared, a token at a time
MISSING = "take the step before a missing one, as in training"


def number_of(run: "Run") -> tuple[float, float] | None:
    """Mean and spread of the training numbers, for kind "number" alone."""
    number = run.card.get("number")
    return (number["mean"], number["std"]) if number else None


def shipped_of_texts(run: "Run") -> sequences.Shipped:
    return sequences.shipped_texts(
        shipped_model(run), run.card["kind"], text_part(run.recipe).context, number_of(run)
    )


def texts(run: "Run") -> Shipment:
    """A reader of labelled texts, with the tokenizer that it reads by."""
    from glassworks.api.texts_judge import texts_of

    own, how = texts_of(run), text_part(run.recipe)
    rows = [own.sequences[row] for row in (*own.part("val"), *own.part("test"))[:MOST]]
    tokenizer = read_tokenizer(run.path / TOKENIZER)
    inputs, lengths = sequences.padded(rows, tokenizer.padding, length=max(2, *map(len, rows)))
    number = number_of(run)
    return Shipment(
        shipped_of_texts(run), inputs, lengths, "texts", number[1] if number else 1.0,
        {
            "tokenizer": TOKENIZER, "tokens": tokenizer.kind, "lower": tokenizer.lower,
            "context": how.context, "padding": tokenizer.padding, "unknown": tokenizer.unknown,
            "marks": [tokenizer.start, tokenizer.end] if how.tokens == "given" else None,
            "inputs": {
                sequences.TOKENS: ["batch", "time"], sequences.LENGTHS: ["batch"],
                "at_least": "two tokens wide: fill up with padding",
            },
            "outputs": _of_classes(run),
        },
        run.path / TOKENIZER, "texts",
    )  # fmt: skip


def shipped_of_series(run: "Run") -> sequences.Shipped:
    how = series_part(run.recipe)
    return sequences.shipped_series(shipped_model(run), run.card["kind"], how.mean, how.std, number_of(run))


def series(run: "Run") -> Shipment:
    """A reader of labelled series."""
    how, own, number = series_part(run.recipe), run.data(), number_of(run)
    given: Any = own
    rows = [filled(given.table.values[row])[-how.history :] for row in given.part("val")[:MOST]]
    inputs, lengths = sequences.padded([row.astype(np.float32) for row in rows], 0.0)
    return Shipment(
        shipped_of_series(run), inputs, lengths, "series", number[1] if number else 1.0,
        {
            "inputs": {sequences.SERIES: ["batch", "time", how.channels], sequences.LENGTHS: ["batch"]},
            "outputs": _of_classes(run), "channels": run.card["channels"], "longest": how.history,
            "missing": MISSING,
        },
    )  # fmt: skip


def shipped_of_forecaster(run: "Run") -> sequences.Shipped:
    how = series_part(run.recipe)
    return sequences.shipped_forecaster(shipped_model(run), how.history, how.mean, how.std, run.task.wanted)


def forecast(run: "Run") -> Shipment:
    """A forecaster, on windows of the validation part, every third cut as short as it may be."""
    how, task, own = series_part(run.recipe), run.task, run.data()
    given: Any = own
    rows = []
    for place, row in enumerate(given.part("val")[:MOST]):
        seen = given.windows.seen(int(row)).astype(np.float32)
        rows.append(seen[-shortest(how) :] if place % 3 == 0 else seen)
    inputs, lengths = sequences.padded(rows, 0.0, length=how.history)
    facts = run.card["series"]
    return Shipment(
        shipped_of_forecaster(run), inputs, lengths, "windows", np.array(how.std)[: task.wanted, None],
        {
            "inputs": {
                sequences.SERIES: ["batch", how.history, how.channels], sequences.LENGTHS: ["batch"]
            },
            "outputs": {
                sequences.QUANTILES: ["batch", task.horizon, task.wanted, len(task.quantiles)]
            },
            "channels": facts["channels"], "step": facts["step"],
            "forecast": facts["channels"][: facts["wanted"]], "quantiles": list(task.quantiles),
            "shortest": shortest(how), "missing": MISSING,
        },
    )  # fmt: skip


def writer(run: "Run") -> Shipment:
    """A writer with its tokenizer, on stretches of the validation part."""
    given: Any = run.data()
    stream, length = given.streams["val"], min(given.how.context, LONGEST_CHECK)
    count = max(1, min(MOST, len(stream) // length))
    inputs = np.resize(stream, (count, length)).astype(np.int64)
    tokenizer, config = read_tokenizer(run.path / TOKENIZER), run.model.config
    layers, width = int(config.layers), int(config.width)  # type: ignore[arg-type, union-attr]
    memory = [layers, "batch", width]
    return Shipment(
        writers.ShippedWriter(writers.WriterAsShipped(shipped_model(run)).eval(), layers, width),
        inputs, np.full(count, length, np.int64), "stretches of text", 1.0,
        {
            "tokenizer": TOKENIZER, "tokens": tokenizer.kind, "lower": tokenizer.lower,
            "unknown": tokenizer.unknown, "start": tokenizer.start, "end": tokenizer.end,
            "never": [*never_guessed(tokenizer), tokenizer.unknown], "memory": [[layers, 1, width]] * 2,
            "inputs": {
                sequences.TOKENS: ["batch", "time"], writers.HIDDEN: memory, writers.CELL: memory,
                "at_first": "hidden and cell of zeros; then what came out",
            },
            "outputs": {
                writers.LOGITS: ["batch", tokenizer.size], writers.HIDDEN + writers.AFTER: memory,
                writers.CELL + writers.AFTER: memory,
            },
        },
        run.path / TOKENIZER, "writer",
    )  # fmt: skip


def translator(run: "Run") -> Shipment:
    """A model that writes one text for another, on pairs of the validation part."""
    given: Any = run.data()
    rows = given.part("val")[:MOST_PAIRS]
    tokenizer, how = given.tokenizer, text_part(run.recipe)
    inputs, lengths = sequences.padded([given.sources[row] for row in rows], tokenizer.padding)
    if inputs.shape[1] < 2:  # sources that are empty
        inputs = np.pad(inputs, ((0, 0), (0, 1)), constant_values=tokenizer.padding)
    answers, _ = sequences.padded([given.answers[row][:LONGEST_CHECK] for row in rows], tokenizer.padding)
    never = [tokenizer.start, *never_written(tokenizer)]
    shipped = translators.TranslatorAsShipped(shipped_model(run)).eval()
    return Shipment(
        translators.ShippedTranslator(shipped, answers, how.context), inputs, lengths, "pairs", 1.0,
        {
            "tokenizer": TOKENIZER, "tokens": tokenizer.kind, "lower": tokenizer.lower,
            "unknown": tokenizer.unknown, "start": tokenizer.start, "end": tokenizer.end, "never": never,
            "context": how.context, "most": int(run.card["longest_answer"]), "beams": BEAMS,
            "penalty": PENALTY,
            "inputs": {
                translators.SAID: ["rows", "said"], translators.AT: ["rows"],
                "state": "what reader.onnx gives for a source that ends with the end token",
            },
            "outputs": {translators.LOGITS: ["rows", tokenizer.size], "state": "what has moved of it"},
        },
        run.path / TOKENIZER, "translator",
    )  # fmt: skip


def _of_classes(run: "Run") -> dict[str, list]:
    return {ANSWERS: ["batch", max(1, len(run.classes))], FEATURES: ["batch", "width"]}
