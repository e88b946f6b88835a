"""A worker that tells a training of twelve epochs without training: its events look like those of a CNN."""

import time

from glassworks.core.errors import PersonError
from glassworks.runs.worker import serve

EPOCHS, STEPS = 12, 5


def figure(value):
    return {"value": value, "low": value - 0.05, "high": value + 0.04, "n": 200}


def train(request, folder, tell):
    """Five steps an epoch; slower where 30 epochs are asked for; goes on where it was stopped."""
    if request.get("data") == "nowhere":
        raise PersonError("no-data", expected="data", got="no such <data>", fix="bring some")
    kept = folder / "epoch.txt"
    tell({"kind": "say", "text": "cnn with <b>bold</b> words"})
    for epoch in range(int(kept.read_text()) if kept.exists() else 0, EPOCHS):
        kept.write_text(str(epoch))
        for number in range(1, STEPS + 1):
            at = epoch + number / STEPS
            facts = {"step": epoch * STEPS + number, "epoch": at, "epochs": EPOCHS, "share": at / EPOCHS}
            speed = {"examples_per_second": 1250.0, "seconds_left": EPOCHS - at, "loss": 2 / (1 + at)}
            tell({"kind": "step"} | facts | speed)
            time.sleep(0.03 if request.get("epochs") == 30 else 0.012)
        row = {"step": (epoch + 1) * STEPS, "epoch": epoch + 1, "primary": "val_accuracy", "better": True}
        tell({"kind": "evaluated"} | row | {"val_loss": 2 / (2 + epoch), "val_accuracy": 0.8 + epoch / 91.7})
    verdict = "better than the best baseline (majority class): <b> is a class"
    return {
        "run": str(folder / "run"), "judged": {"part": "val", "n": 200, "verdict": verdict},
        "metrics": {"accuracy": figure(0.9), "log_loss": figure(0.3)},
        "baselines": {"majority class": {"accuracy": figure(0.1)}},
    }  # fmt: skip


if __name__ == "__main__":
    serve({"train": train})
