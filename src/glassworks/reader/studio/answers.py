"""What the workbench answers: everything here may load torch, so `routes` imports it when it is first asked.

The first thing to change: `shown`, what a page is told of a run.
"""

import shlex
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from glassworks.core.errors import PersonError
from glassworks.reader import draw
from glassworks.reader.studio import asking, looking
from glassworks.reader.studio.asking import ask, exported, packed
from glassworks.reader.studio.drops import Drop, Drops
from glassworks.reader.studio.looking import folder, look
from glassworks.reader.studio.shelf import CHAPTER, OnShelf, Shelf, id_of
from glassworks.reader.training_story import Story, failed
from glassworks.training.run_folder import CARD, read_json

__all__ = [
    "ask", "command", "drop", "export", "exported", "folder", "inside", "judge", "look", "packed", "resume",
    "shown", "start", "stop", "train",
]  # fmt: skip
LIVE = ("waiting", "running")


def start(shelf: Shelf, drops: Drops) -> dict[str, Any]:
    """All that the page needs to begin with."""
    return {
        "systems": looking.systems(), "samples": looking.ready_samples(), "root": str(shelf.root),
        "drops": [drop(one) for one in drops.all()], "runs": [run.as_json() for run in shelf.runs()],
        "here": str(Path.cwd()),
    }  # fmt: skip


def command(shelf: Shelf, said: dict[str, Any]) -> dict[str, str]:
    """The line that asks for the same in a terminal."""
    return {"command": looking.command(said, shelf)}


def train(shelf: Shelf, said: dict[str, Any]) -> dict[str, Any]:
    """Begin a run, or put it into the queue; {"id"} of it on the shelf."""
    verb, request = looking.request_of(said, shelf)
    out = Path(request.out or "")
    if out.exists():
        raise PersonError(
            "run-exists", expected="a name that is free", got=f"{out.name}, which is a run already",
            fix="choose another name, or leave it empty",
        )  # fmt: skip
    asked = {
        one.name: getattr(request, one.name)
        for one in fields(request)
        if getattr(request, one.name) not in (None, one.default) and one.name not in ("out", "quiet", "json")
    }
    shelf.desk.runs.start(
        "studio", asked | {"verb": verb, "out": str(out)}, chapter=CHAPTER, label=f"{verb} {out.name}"
    )
    return {"id": id_of(out)}


def shown(shelf: Shelf, run: OnShelf) -> dict[str, Any]:
    """One run: where it stands, its curves, and what can be done with it."""
    story = Story()
    events = shelf.events(run)
    story.add(events)
    jobs = {name: _job(shelf, run, name) for name in ("judge", "export")}
    report = run.path / "report.html"
    live = run.state in LIVE
    failure = story.ending() if not live and (story.final or {}).get("kind") == "failed" else ""
    return {
        "run": run.as_json(), "live": live or any(job["live"] for job in jobs.values()), "jobs": jobs,
        "progress": story.progress() if live else "", "saving": story.saving and live,
        "drawn": story.charts(), "ending": failure if run.state != "done" else "",
        "worth": worth(run),
        "said": story.said, "spoken": story.spoken() if live else "",
        "sees": _sees(run), "place": _place(shelf, run),
        "report": report.stat().st_mtime if report.is_file() else 0,
        "exported": (run.path / "export").is_dir() and not jobs["export"]["live"],
        "commands": _commands(run),
    }  # fmt: skip


def worth(run: OnShelf) -> str:
    """What its card says of it: the verdict, and its figures beside the baselines'; "" before it is done."""
    if run.state != "done":
        return ""
    card = read_json(run.path / CARD)
    story = Story()
    told = {name: card.get(name) or {} for name in ("judged", "metrics", "baselines")}
    story.final = {"kind": "done", "run": str(run.path)} | told
    return story.ending()


def stop(shelf: Shelf, run: OnShelf) -> dict[str, Any]:
    """Ask the run to finish its step, save and end."""
    if not run.managed:
        raise PersonError(
            "not-ours", expected="a run that this book trains", got=f"{run.name}, trained elsewhere",
            fix="stop it where it was started: Ctrl-C saves it",
        )  # fmt: skip
    shelf.desk.runs.stop(run.managed)
    return {}


def resume(shelf: Shelf, run: OnShelf) -> dict[str, Any]:
    """Go on with a run that was stopped, whoever began it."""
    if run.state in ("done", "elsewhere", *LIVE):
        raise PersonError(
            "not-resumable", expected="a run that was stopped", got=f"{run.name}, which is {run.state}",
            fix="train another one",
        )  # fmt: skip
    manager = shelf.desk.runs
    if run.managed and manager.state(run.managed) in ("stopped", "interrupted", "failed"):
        manager.resume(run.managed)
    else:
        asked = {"verb": "train", "out": str(run.path), "system": run.system}
        manager.start("studio", asked, chapter=CHAPTER, label=f"resume {run.name}")
    return {}


def judge(shelf: Shelf, run: OnShelf) -> dict[str, Any]:
    """Judge the run on its test part, in a process of its own."""
    return _begin(shelf, run, "judge", {})


def export(shelf: Shelf, run: OnShelf) -> dict[str, Any]:
    """Write the run as files for other programs, in a process of its own."""
    return _begin(shelf, run, "export", {"to": ["onnx", "safetensors"]})


def _begin(shelf: Shelf, run: OnShelf, job: str, more: dict[str, Any]) -> dict[str, Any]:
    if run.state != "done":
        raise PersonError(
            "not-done", expected="a run that is done", got=f"{run.name}, which is {run.state}",
            fix="wait until it is done, or let it go on",
        )  # fmt: skip
    if not _job(shelf, run, job)["live"]:
        asked = {"run": str(run.path)} | more
        shelf.desk.runs.start(job, asked, chapter=f"{CHAPTER}#{run.id}#{job}", label=f"{job} {run.name}")
    return {}


def _job(shelf: Shelf, run: OnShelf, job: str) -> dict[str, Any]:
    """Where judging or exporting stands: {"live", "html"}."""
    id = shelf.desk.runs.latest(f"{CHAPTER}#{run.id}#{job}")
    if id is None:
        return {"live": False, "html": ""}
    state, events = shelf.desk.runs.state(id), shelf.desk.runs.events(id)
    final = next((event for event in reversed(events) if event["kind"] in ("done", "failed")), None)
    if state in LIVE:
        said = [event["text"] for event in events if event["kind"] == "say"]
        return {"live": True, "html": draw.note(said[-1] if said else "It waits for its turn.")}
    if final is None or final["kind"] == "failed":
        return {"live": False, "html": failed(final).replace("The run", "It") if final else ""}
    if job == "judge":
        return {"live": False, "html": ""}  # what it found stands in the card
    told = "".join(draw.note(f"{form}: {reason}") for form, reason in final["formats"].items())
    return {"live": False, "html": told}


def _sees(run: OnShelf) -> str:
    return next((row["sees"] for row in looking.systems() if row["name"] == run.system), "pictures")


def _place(shelf: Shelf, run: OnShelf) -> int | None:
    """In the queue, from 1."""
    return shelf.desk.runs.facts(run.managed)["place"] if run.managed else None


def _commands(run: OnShelf) -> list[str]:
    """The lines that do the same in a terminal."""
    path = shlex.quote(str(run.path))
    if run.state != "done":
        return [f"glassworks train --resume {path}"]
    example = {"texts": '"a text"', "series": "series.csv"}.get(_sees(run), "picture.jpg")
    return [
        f"glassworks evaluate {path}", f"glassworks predict {path} {example}",
        f"glassworks explain {path} {example}", f"glassworks export {path}", f"glassworks serve {path}",
    ]  # fmt: skip


def inside(run: OnShelf, body: bytes, name: str) -> dict[str, Any]:
    """What the model looked at, with addresses for the page."""
    found = asking.inside(run, body, name)
    address = f"/api/studio/runs/{run.id}/files/"
    return {
        "page": address + found["page"],
        "drawings": [one | {"file": address + one["file"]} for one in found["drawings"]],
    }


def drop(one: Drop) -> dict[str, Any]:
    """One set of dropped files."""
    return asdict(one) | {"where": str(one.where)}
