"""The README's own code, run as a new user would type it; and its table, printed from the catalogue."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.S)


def glassworks(words, folder):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "glassworks", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """A folder with what the README takes for granted: photos/, new.jpg, more-photos/, and own texts."""
    from PIL import Image

    from glassworks.data.samples import write_folders

    folder = tmp_path_factory.mktemp("desk")
    photos = write_folders("faces", folder / "photos")
    (folder / "more-photos").mkdir()
    for number, path in enumerate(sorted(photos.rglob("*.png"))[:3]):
        Image.open(path).save(folder / "more-photos" / f"{number}.png")
        Image.open(path).save(folder / "new.jpg")
    _write_texts(folder)
    return folder


def _write_texts(folder):
    """reviews.csv, sales.csv and books/."""
    words = {
        "good": ("a fine film", "bright and warm", "I liked it"),
        "bad": ("a poor film", "dull", "too long"),
    }
    rows = [f"{said} number {row},{label}" for row in range(40) for label in words for said in words[label]]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    sales = [f"{2000 + m // 12}-{m % 12 + 1:02d}-01,{100 + m + 20 * (m % 12 in (5, 6))}" for m in range(144)]
    (folder / "sales.csv").write_text("\n".join(["month,sales", *sales]) + "\n", encoding="utf-8")
    (folder / "books").mkdir()
    for page in ("ARCHITECTURE", "CONTRIBUTING", "CHANGELOG"):
        text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
        (folder / "books" / f"{page}.txt").write_text(text, encoding="utf-8")


@pytest.mark.timeout(1800)
def test_the_commands_of_the_readme_work_in_their_order(desk):
    commands = [
        shlex.split(line, comments=True)[1:]
        for kind, text in BLOCKS
        if kind == "sh"
        for line in text.splitlines()
        if line.startswith("glassworks ") and not line.startswith("glassworks book")  # served in tests/reader
    ]
    assert [words[0] for words in commands] == [
        "check", "finetune", "evaluate", "predict", "explain", "export", "cross-validate", "train", "samples",
        "train", "finetune", "train", "samples", "search", "check", "train", "evaluate", "predict", "explain",
        "train", "predict", "train", "generate", "export", "train", "lab",
    ]  # fmt: skip
    for words in commands:
        words = ["photos-again" if word == "photos" else word for word in words]
        done = glassworks(words, desk)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    assert (desk / "runs" / "mine" / "report.html").is_file()


def test_the_python_of_the_readme_works(desk, tmp_path, monkeypatch):
    code = next(text for kind, text in BLOCKS if kind == "python").replace(
        "runs/faces", str(tmp_path / "faces")
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=desk, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "baseline" in done.stdout and "probability" in done.stdout


def test_the_table_of_systems_is_the_catalogues():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "make_readme.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_tables_of_the_benchmarks_are_the_recorded_results():
    script = ROOT / "benchmarks" / "tables.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "page",
    [
        p.relative_to(ROOT).as_posix()
        for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]
    ],
)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not link.startswith(("http:", "https:")):
            assert (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"
