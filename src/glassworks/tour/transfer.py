"""The tour's third part: a model that has seen a million photographs, and what it is worth for yours."""

from pathlib import Path

import numpy as np
from PIL import Image

from glassworks.api.curve import learning_curve
from glassworks.api.judge import evaluate
from glassworks.api.predict import predict
from glassworks.api.train import finetune
from glassworks.core.page import Page
from glassworks.data.samples import photographs
from glassworks.tour.parts import judged, say, sentence, station

PRETRAINED = "efficientnet:imagenet"
NAMES = ("temple", "flower")  # of the photographs, as files


def knows_already(folder: Path, page: Page) -> dict:
    """Ask published weights about two photographs, before anything is trained."""
    say("7. A model that somebody else has trained")
    files = []
    for name, photograph in zip(NAMES, photographs(), strict=True):
        path = folder / f"{name}.jpg"
        Image.fromarray(photograph).save(path, quality=92)
        files.append(path)
    answers = predict(PRETRAINED, *files, top=5)
    page.section("8. A model that somebody else has trained").code(
        f"glassworks predict {PRETRAINED} {files[0]}"
    )
    page.text(
        "EfficientNet-Lite0 has learned from 1.3 million photographs of 1,000 kinds (ImageNet). Its weights "
        "come with a package, and it answers without any training here. Whatever a network has learned there "
        "about edges, textures and shapes is of use for other pictures: that is what the next step lives on."
    )
    shown = []
    for photograph, row in zip(photographs(), answers, strict=True):
        said = "\n".join(f"{a['class']} {a['probability']:.0%}" for a in row["answers"])
        shown.append((photograph, said))
        print(f"{Path(row['file']).name}: {row['answer']} ({row['answers'][0]['probability']:.0%})")
    page.figures(shown, side=320)
    return {"name": "published weights", "answers": [row["answer"] for row in answers]}


def few_pictures(folder: Path, page: Page) -> dict:
    """Fine-tune on the photographs of the second part, and draw scratch against transfer."""
    say("8. Your own pictures again, on its shoulders")
    run = finetune(
        "efficientnet", data=str(folder / "photos"), size="tiny", out=str(folder / "tuned"), precision="auto"
    )
    result = evaluate(run.path)
    judged(page, "9. Your own pictures on its shoulders", result, run, command=(
        f"glassworks finetune efficientnet --data {folder / 'photos'}\n"
    ))  # fmt: skip
    page.text(
        "Only the last layer is new, and only it learns: every picture goes through the frozen rest once, "
        f"and the training took {run.folder.seconds():.0f} s. All else stays as it was, to the last bit."
    )
    say("9. What are ten pictures worth?")
    curve = learning_curve(
        "efficientnet", data=str(folder / "photos"), against="cnn", sizes=("5", "20"), seeds=2,
        out=str(folder / "curve"),
    )  # fmt: skip
    page.section("10. What are ten pictures worth?").code(
        f"glassworks learning-curve efficientnet --against cnn --data {folder / 'photos'} --sizes 5 20"
    )
    page.text(sentence(curve.verdict))
    page.table(*curve.as_table())
    page.html('<p><a href="curve/learning-curve.html">The curve as a page</a></p>')
    return station("tuned", run, result) | {"curve": [np.mean(p["figures"]) for p in curve.points]}
