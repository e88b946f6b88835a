"""The verbs that work with models: `train`, `evaluate`, `predict`, `compare`, `tour`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from glassworks.api.requests import (
    CompareRequest,
    EmbedRequest,
    EvaluateRequest,
    PredictRequest,
    SearchRequest,
    TourRequest,
    TrainRequest,
)
from glassworks.cli.show import print_json, print_table

if TYPE_CHECKING:
    from glassworks.api.run import Run


def train(request: TrainRequest) -> int:
    """Train a system."""
    from glassworks.api.train import train_request

    return trained("train", request, lambda: train_request(request))


def trained(verb: str, request: TrainRequest, make: Callable[[], "Run"]) -> int:
    """Make a run; one that was asked to stop has saved itself and exits with 128 + the signal."""
    from glassworks.training.stopping import Stopped

    try:
        run = make()
    except Stopped as stopped:
        print(f"glassworks: {stopped} and saved; --resume continues", file=sys.stderr)
        return stopped.code
    if run.runtime.rank == 0 and request.json:
        card = run.card
        facts = {"schema": 1, "command": verb, "run": str(run.path), "judged": card["judged"]}
        print_json(facts | {"metrics": card["metrics"], "baselines": card["baselines"]})
    return 0


def evaluate(request: EvaluateRequest) -> int:
    """Judge, print the figures beside the baselines, and say where the report is."""
    from glassworks.api.judge import evaluate_request
    from glassworks.judging.metrics import READABLE

    result = evaluate_request(request)
    if request.json:
        print_json(result.as_json())
        return 0
    judged = result.judgement
    print(f"{judged.verdict}\n")
    names = list(judged.metrics)
    rows = [["this run", *(judged.metrics[n].words(n) for n in names[:4])]]
    for baseline, figures in judged.baselines.items():
        rows.append([baseline, *(figures[n].words(n) if n in figures else "-" for n in names[:4])])
    print_table(["", *(READABLE[name] for name in names[:4])], rows)
    if result.part == "test":
        times = "once" if result.looks == 1 else f"{result.looks} times"
        print(f"\nthe test part was looked at {times}")
    print(f"report: {result.report}")
    return 0


def predict(request: PredictRequest) -> int:
    """Print the answers; exit 2 when a picture could not be read."""
    from glassworks.api.predict import predict_request

    rows = predict_request(request)
    failed = [row for row in rows if "error" in row]
    if request.json:
        print_json({"schema": 1, "command": "predict", "answers": rows})
        return 2 if failed else 0
    shown = [[row["file"], _said(row)] for row in rows if "error" not in row]
    if shown:
        print_table(["file", "answer"], shown)
    for row in failed:
        print(f"{row['file']}: {row['error']['got']}", file=sys.stderr)
    for note in dict.fromkeys(row["note"] for row in rows if "note" in row):
        print(note)
    if request.out:
        print(f"written: {request.out}")
    return 2 if failed else 0


def embed(request: EmbedRequest) -> int:
    """Print how many vectors there are, and the first numbers of each where none are written."""
    from glassworks.api.vectors import embed_request

    found = embed_request(request)
    if request.json:
        print_json(found.as_json())
        return 0
    cut = f" in {found.passages:,} passages" if found.passages > len(found.texts) else ""
    print(f"{len(found.texts):,} text(s){cut}, vectors of {found.vectors.shape[1]} numbers ({found.note})")
    if request.out:
        print(f"written: {request.out}")
        return 0
    rows = [[name, " ".join(f"{one:+.3f}" for one in vector[:6]) + " …"]
            for name, vector in zip(found.names, found.vectors)]  # fmt: skip
    print_table(["text", "vector"], rows)
    return 0


def search(request: SearchRequest) -> int:
    """Print the files that fit best; exit 2 when a picture could not be read."""
    from glassworks.api.search import search_request
    from glassworks.api.text_search import FoundTexts, excerpt

    found = search_request(request)
    if request.json:
        print_json(found.as_json())
        return 2 if found.damaged else 0
    print(f"{found.asked}, in {found.searched:,} {found.what} ({found.note})\n")
    if isinstance(found, FoundTexts):
        rows = [[f"{row['cosine']:.3f}", row["file"], excerpt(row["text"])] for row in found.rows]
        print_table(["cosine", "file", "text"], rows)
    else:
        print_table(["cosine", "file"], [[f"{row['cosine']:.3f}", row["file"]] for row in found.rows])
    for bad in found.damaged:
        print(f"{bad['file']}: {bad['reason']}", file=sys.stderr)
    if request.page:
        print(f"page: {request.page}")
    return 2 if found.damaged else 0


def compare(request: CompareRequest) -> int:
    """Print runs side by side."""
    from glassworks.api.compare import compare as compare_runs

    result = compare_runs(*request.runs)
    if request.json:
        print_json({"schema": 1, "command": "compare"} | result.as_json())
        return 0
    head, *rows = result.as_text()
    print(f"{result.verdict}\n")
    for run in rows:
        print_table(["", run[0]], [[name, cell] for name, cell in zip(head[1:], run[1:])])
        print()
    return 0


def tour(request: TourRequest) -> int:
    """Run the tour and say where its page is."""
    from glassworks.tour import tour as walk

    facts = walk(request.out)
    if request.json:
        print_json(facts)
    return 0


def _said(row: dict) -> str:
    """'cat 0.93, dog 0.05' or a number; and a warning for what is unlike its training data."""
    if not row.get("unlike"):
        return _answer(row)
    return (
        f"{_answer(row)}   perhaps none of these: unlike what it was trained on ({row['unfamiliar']:.2f} > 1)"
    )


def _answer(row: dict) -> str:
    if "value" in row:
        return f"{row['value']:.6g}"
    if "answers" not in row:  # said in words already
        return str(row["answer"])
    answers = ", ".join(f"{a['class']} {a['probability']:.3f}" for a in row["answers"])
    best = row["answers"][0]["class"] if row["answers"] else ""
    said = row["answer"]
    if isinstance(said, list):
        return f"{'; '.join(said) or 'none'}   ({answers})"
    return answers if said == best else f"{said}   ({answers})"
