"""The worker of the book: trains, tunes, judges or exports a model, or runs a lab, in a process of its own.

`python -m glassworks.reader.worker` waits for one job on its standard input (see `runs.worker`). What a job
finds in its folder it goes on from: the same request, given again after a stop, continues the run in the very
same bits.

The first thing to change: JOBS, to let the book run something else.
"""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassworks.api.requests import FinetuneRequest, TrainRequest
from glassworks.core.errors import PersonError, did_you_mean
from glassworks.runs.events import Event
from glassworks.runs.worker import Job, Tell, find, serve

RUN = "run"  # the run folder, inside the folder that the manager keeps for it
EVERY = 0.1  # seconds between two steps that are told; evaluations are told always


class Progress:
    """Tells the training loop's progress as events, as many as a page can show."""

    def __init__(self, tell: Tell):
        self.tell, self.told, self.saving = tell, -EVERY, False

    def say(self, sentence: str) -> None:
        self.tell({"kind": "say", "text": sentence})

    def step(self, facts: Mapping[str, Any]) -> None:
        if self.tell.stopping and not self.saving:
            self.saving = True
            self.tell({"kind": "saving", "step": facts["step"]})
        now = time.monotonic()
        if now - self.told >= EVERY or facts["share"] >= 1:
            self.told = now
            self.tell({"kind": "step"} | dict(facts))

    def evaluated(self, row: Mapping[str, Any]) -> None:
        self.tell({"kind": "evaluated"} | dict(row))


def train(request: dict[str, Any], folder: Path, tell: Tell) -> Event:
    """The fields of a TrainRequest, without those that say where the run stands."""
    from glassworks.api.train import train_request

    if (folder / RUN / "recipe.yaml").is_file():
        asked = TrainRequest(resume=str(folder / RUN))
    else:
        asked = as_request(TrainRequest, request, folder)
    return _finished(train_request(asked, progress=Progress(tell)))


def finetune(request: dict[str, Any], folder: Path, tell: Tell) -> Event:
    """The fields of a FinetuneRequest; a run that has begun knows what it started from."""
    from glassworks.api.train import finetune_request

    if (folder / RUN / "recipe.yaml").is_file():
        return train(request, folder, tell)
    asked = as_request(FinetuneRequest, request, folder)
    return _finished(finetune_request(asked, progress=Progress(tell)))


def studio(request: dict[str, Any], folder: Path, tell: Tell) -> Event:
    """A run of the workbench: {"verb": "train" or "finetune", "out": its folder, and the verb's options}.

    A run that has begun goes on, whoever began it.
    """
    from glassworks.api.train import finetune_request, train_request

    out = Path(request["out"])
    if (out / "recipe.yaml").is_file():
        return _finished(train_request(TrainRequest(resume=str(out)), progress=Progress(tell)))
    fields = {name: value for name, value in request.items() if name not in ("verb", "out")}
    kind = find(REQUESTS, str(request.get("verb")))
    asked = dataclasses.replace(as_request(kind, fields, folder), out=str(out))
    begin = finetune_request if isinstance(asked, FinetuneRequest) else train_request
    return _finished(begin(asked, progress=Progress(tell)))


def judge(request: dict[str, Any], folder: Path, tell: Tell) -> Event:
    """{"run": a folder}: judged on its test part, with a report."""
    from glassworks.api.judge import evaluate_request
    from glassworks.api.requests import EvaluateRequest

    tell({"kind": "say", "text": "asking the model about every held-out example"})
    found = evaluate_request(EvaluateRequest(run=request["run"]))
    return {"verdict": found.judgement.verdict, "looks": found.looks, "report": found.report.name}


def export(request: dict[str, Any], folder: Path, tell: Tell) -> Event:
    """{"run": a folder, "to": formats}: files that are checked against the live model."""
    from glassworks.api.export import export_request
    from glassworks.api.requests import ExportRequest

    tell({"kind": "say", "text": "writing each file, and asking it what the live model was asked"})
    asked = ExportRequest(run=request["run"], to=tuple(request["to"]), overwrite=True)
    facts = export_request(asked)
    checks = {form: one["verified"]["reason"] for form, one in facts["formats"].items()}
    return {"formats": checks}


def lab(request: dict[str, Any], folder: Path, tell: Tell) -> Event:
    """{"name": of a lab, "quick": whether with fewer seeds}. Nothing is kept: resumed, it begins again."""
    from glassworks import labs

    def say(sentence: str) -> None:
        tell({"kind": "say", "text": sentence})

    result = labs.run(
        str(request.get("name")),
        quick=bool(request.get("quick")),
        say=say,
        threads=1,  # faster than two on work this small, and the book stays quick beside it
    )
    return {"result": result.as_json()}


JOBS: dict[str, Job] = {
    "train": train, "finetune": finetune, "studio": studio, "judge": judge, "export": export, "lab": lab,
}  # fmt: skip
REQUESTS = {"train": TrainRequest, "finetune": FinetuneRequest}  # jobs that end in a run folder


def as_request(kind: type, fields: dict[str, Any], folder: Path) -> Any:
    """A request with these fields, for a run inside `folder`.

    Raises PersonError("unknown-setting") for a field that this kind of request does not have.
    """
    known = {field.name for field in dataclasses.fields(kind)} - {"out", "overwrite", "resume"}
    for name in fields:
        if name not in known:
            raise PersonError(
                "unknown-setting", expected=f"settings of {kind.__name__}", got=f'"{name}"',
                fix=did_you_mean(name, sorted(known)),
            )  # fmt: skip
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return kind(**fields | lists, out=str(folder / RUN))


def _finished(run: Any) -> Event:
    """What the page shows of a finished run: figures with their intervals beside the baselines."""
    card = run.card
    return {"run": str(run.path)} | {name: card[name] for name in ("judged", "metrics", "baselines")}


def warm() -> None:
    """Import what takes long: torch, the verbs, and what torch itself loads at the first optimizer."""
    import torch

    import glassworks.api.judge
    import glassworks.api.train  # noqa: F401

    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))]).step()


if __name__ == "__main__":
    serve(JOBS, warm)
