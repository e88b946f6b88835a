"""Runs that read texts or series over HTTP: what the server asks of them, in their own words.

The engine is the faster one of PyTorch and onnxruntime on this machine, where both answer alike; a writer and
a translator, which take one step after another, run in PyTorch. Whatever was too long says so in its answer.

The first thing to change: `TOKENS`, how much a writer writes for a request.
"""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from glassworks.api.forecast import shortest
from glassworks.api.predict import in_words
from glassworks.api.sequence_shipments import shipped_of_forecaster, shipped_of_series, shipped_of_texts
from glassworks.api.series import filled, series_part
from glassworks.api.texts import TOKENIZER, numbers_of, text_part
from glassworks.api.texts_predict import cut_of
from glassworks.core.errors import PersonError
from glassworks.data.vocabulary import read_tokenizer
from glassworks.deploy import sequences
from glassworks.deploy.bodies_typed import series_of, text_of
from glassworks.deploy.doors import TEXTS, series_door
from glassworks.deploy.formats import NETWORK
from glassworks.deploy.service import Service
from glassworks.deploy.subject import need
from glassworks.deploy.timing import latencies
from glassworks.insight import unfamiliar

if TYPE_CHECKING:
    from glassworks.api.requests import ServeRequest
    from glassworks.api.run import Run

TOKENS = 200  # that a writer writes for one request
SECONDS = 1.0  # of measuring the engines
APART = 1e-4  # largest difference of an answer that rounding may make
EAGER, ONNX = "eager", "onnxruntime"
Batch = tuple[np.ndarray, np.ndarray]
"""Inputs and lengths, as a shipped reader takes them."""


def of_texts(run: "Run", request: "ServeRequest", folder: Path) -> Service:
    """A reader of labelled texts. folder: for the file of onnxruntime, as long as it is used."""
    how, tokenizer = text_part(run.recipe), read_tokenizer(run.path / TOKENIZER)
    shipped = shipped_of_texts(run)
    join = partial(_joined, padding=tokenizer.padding, least=2)
    sample = [numbers_of([" ".join(["well"] * n)], tokenizer, how)[0][0] for n in (12, 5)]
    ask, why = engine_of(shipped, request, folder, join(sample))
    explaining = threading.Lock()  # hooks on a model serve one text at a time

    def decode(body: bytes) -> tuple[np.ndarray, dict[str, Any]]:
        numbers, lengths = numbers_of([text_of(body)], tokenizer, how)
        return numbers[0], cut_of(int(lengths[0]), how)

    def explain(body: bytes) -> dict[str, Any]:
        from glassworks.api.texts_explain import words_of

        with explaining:
            return words_of(run, text_of(body))

    return Service(
        _name(run), _about(run, why, {"tokens": how.context}), decode, _with_notes(ask, join),
        partial(_class_words, run), explain, TEXTS, list,
    )  # fmt: skip


def of_series(run: "Run", request: "ServeRequest", folder: Path) -> Service:
    """A reader of labelled series."""
    how, channels = series_part(run.recipe), tuple(run.card["channels"])
    shipped, join = shipped_of_series(run), partial(_joined, padding=0.0, least=1)
    sample = [np.zeros((steps, len(channels)), np.float32) for steps in (min(how.history, 100), 5)]
    ask, why = engine_of(shipped, request, folder, join(sample))

    def decode(body: bytes) -> tuple[np.ndarray, dict[str, Any]]:
        return _last_steps(filled(series_of(body, channels)), how.history)

    about = _about(run, why, {"columns": list(channels), "steps": how.history})
    return Service(
        _name(run), about, decode, _with_notes(ask, join), partial(_class_words, run), None,
        series_door(8, len(channels)), list,
    )  # fmt: skip


def of_forecaster(run: "Run", request: "ServeRequest", folder: Path) -> Service:
    """A forecaster: the last steps of a series in, the next ones out."""
    how, facts, task = series_part(run.recipe), run.card["series"], run.task
    channels, least = tuple(facts["channels"]), shortest(series_part(run.recipe))
    shipped, join = shipped_of_forecaster(run), partial(_joined, padding=0.0, least=how.history)
    sample = [np.zeros((steps, len(channels)), np.float32) for steps in (how.history, least)]
    ask, why = engine_of(shipped, request, folder, join(sample))

    def decode(body: bytes) -> tuple[np.ndarray, dict[str, Any]]:
        values = filled(series_of(body, channels))
        if len(values) < least:
            raise PersonError(
                "damaged-series", expected=f"at least {least} steps: the model needs that much of the past",
                got=str(len(values)), fix="send more of the past, the newest step last",
            )  # fmt: skip
        return values[-how.history :], {}  # what lies further back plays no part, in training neither

    def words(row: tuple[tuple[np.ndarray, ...], dict[str, Any]]) -> dict[str, Any]:
        (said,), told = row
        middle = task.quantiles.index(0.5)
        rows = [
            {"ahead": ahead + 1, "channel": channels[channel], "median": short(numbers[middle]),
             "quantiles": {f"{q:g}": short(n) for q, n in zip(task.quantiles, numbers, strict=True)}}
            for channel in range(task.wanted)
            for ahead, numbers in enumerate(said[:, channel])
        ]  # fmt: skip
        return {"forecast": rows} | told

    steps = f"{least} to {how.history}" if least < how.history else f"{least}"
    about = _about(run, why, {"columns": list(channels), "steps": steps, "each": facts["step"]})
    about["forecast"] = {"steps": task.horizon, "columns": list(channels[: task.wanted])}
    return Service(
        _name(run),
        about,
        decode,
        _with_notes(ask, join),
        words,
        None,
        series_door(least, len(channels)),
        list,
    )


def of_writer(run: "Run", request: "ServeRequest", folder: Path) -> Service:
    """A model that continues texts: a prompt in, what it writes after it out."""
    from glassworks.api.writing import Request, Sampling, write

    _eager_only(run, request)
    tokenizer = read_tokenizer(run.path / TOKENIZER)

    def engine(prompts: list[str]) -> list[dict[str, Any]]:
        rows = []
        for prompt in prompts:
            asked = Request(prompt, TOKENS, Sampling(temperature=0.8))
            numbers, text = write(run.model, tokenizer, asked, run.runtime)
            rows.append({"text": text, "tokens": len(numbers)})
        return rows

    about = _about(run, "eager: one token after another", {"writes": f"at most {TOKENS} tokens"})
    return Service(_name(run), about, text_of, engine, dict, None, TEXTS, list)


def of_translator(run: "Run", request: "ServeRequest", folder: Path) -> Service:
    """A model that writes one text for another."""
    from glassworks.api.translation import in_words as written_words
    from glassworks.api.translation_answers import answers_of
    from glassworks.api.translation_judge import BEAMS

    _eager_only(run, request)
    tokenizer = read_tokenizer(run.path / TOKENIZER)

    def engine(texts: list[str]) -> list[dict[str, Any]]:
        written, notes = answers_of(run, texts, tokenizer, BEAMS)
        return [
            {"text": said, "score": round(own.score, 4)} | ({"note": note} if note else {})
            for said, own, note in zip(written_words(written, tokenizer), written, notes, strict=True)
        ]

    about = _about(run, "eager: one token after another", {"beams": BEAMS})
    return Service(_name(run), about, text_of, engine, dict, None, TEXTS, list)


# ---- engines


def engine_of(
    shipped: sequences.Shipped, request: "ServeRequest", folder: Path, sample: Batch
) -> tuple[sequences.Ask, str]:
    """The engine that was asked for, or the faster one here; and why, in words.

    Raises PersonError("engine-refused") for engines that only pictures have, and for a file that answers
    otherwise.
    """
    if request.engine in ("bf16", "int8"):
        raise PersonError(
            "engine-refused", expected="--engine eager, onnx or auto for texts and series",
            got=f"--engine {request.engine}", fix="leave it out: it takes the faster one",
        )  # fmt: skip
    live = shipped.live()
    if request.engine == "eager":
        return live, f"{EAGER}: asked for"
    if request.engine == "auto" and not _can_export():
        return live, f"{EAGER}: onnxruntime is not installed"
    need("export", "onnx", "onnxscript", "onnxruntime")
    file = shipped.predictor(shipped.to_onnx(folder / NETWORK))
    first, second = (ask(*sample)[0].astype(np.float64) for ask in (live, file))
    apart = float(np.abs(first - second).max())
    alike = apart <= APART * max(1.0, float(np.abs(first).max()))
    if request.engine == "onnx" and alike:
        return file, f"{ONNX}: asked for"
    if request.engine == "onnx":
        raise PersonError(
            "engine-refused", expected="a file that answers as the live model", got=f"{apart:.2g} apart",
            fix="leave --engine out",
        )  # fmt: skip
    one = (sample[0][:1], sample[1][:1])
    times = latencies({EAGER: lambda _: live(*one), ONNX: lambda _: file(*one)}, one[0], SECONDS)
    quick = {name: 1e3 * latency.median for name, latency in times.items()}
    chosen = ONNX if alike and quick[ONNX] < quick[EAGER] else EAGER
    other = EAGER if chosen == ONNX else ONNX
    why = f"{chosen}: {quick[chosen]:.3g} ms for one input, {other} takes {quick[other]:.3g}"
    return (file if chosen == ONNX else live), why


def _can_export() -> bool:
    import importlib.util

    return all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


def _eager_only(run: "Run", request: "ServeRequest") -> None:
    if request.engine not in ("auto", "eager"):
        raise PersonError(
            "engine-refused", expected=f"--engine eager for {run.recipe.system}, which writes step by step",
            got=f"--engine {request.engine}", fix="leave it out",
        )  # fmt: skip


def _with_notes(ask: sequences.Ask, join: Callable[[list[np.ndarray]], Batch]) -> Callable[[list], list]:
    """Decoded inputs with what is told of each -> a row of outputs and what is told."""

    def engine(given: list[tuple[np.ndarray, dict[str, Any]]]) -> list[tuple]:
        with torch.inference_mode():
            outputs = ask(*join([inputs for inputs, _ in given]))
        return [(tuple(output[place] for output in outputs), told) for place, (_, told) in enumerate(given)]

    return engine


def _joined(rows: list[np.ndarray], padding: float, least: int) -> Batch:
    """Inputs of unlike lengths as one batch, at least `least` wide."""
    return sequences.padded(rows, padding, length=max(least, *map(len, rows)))


def _last_steps(values: np.ndarray, history: int) -> tuple[np.ndarray, dict[str, Any]]:
    if len(values) <= history:
        return values, {}
    note = f"of series longer than {history:,} steps only the last steps are seen"
    return values[-history:], {"cut": len(values) - history, "note": note}


# ---- words


def short(number: float) -> float:
    """A number without the digits that float32 does not have."""
    return float(f"{number:.7g}")


def _class_words(run: "Run", row: tuple[tuple[np.ndarray, ...], dict[str, Any]]) -> dict[str, Any]:
    (answers, features), told = row
    far = unfamiliar.score(run.familiar, features[None])[0] if run.familiar else None
    return in_words(run, answers.astype(np.float64), far) | told


def _name(run: "Run") -> str:
    return f"{run.recipe.system} {run.recipe.variant}"


def _about(run: "Run", why: str, given: dict[str, Any]) -> dict[str, Any]:
    from glassworks.api.serve import facts_of

    return facts_of(run, why) | {"input": given}
