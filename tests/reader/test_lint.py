"""The rules of chapters: all that are ready keep them, and a chapter that breaks one is told so."""

import re
import shutil
import subprocess
import sys

import pytest

from glassworks.reader import lint
from glassworks.reader.contents import contents
from glassworks.reader.plain import path_of

READY = [chapter.slug for chapter in contents().ready]
SLUG = "foundations/the_training_loop"
IDEA = "@app.cell(hide_code=True)\ndef idea():\n"
HEADER, SUMMARY = "@app.cell(hide_code=True)\ndef header", "@app.cell(hide_code=True)\ndef summary"
SETUP = "    import marimo as mo\n"
TEXT = 'mo.md(r"""\n    ## The loss'
LONG = "    def helper():\n" + "        print()\n" * 15
MANY = "".join(f"@app.cell(hide_code=True)\ndef text_{n}():\n    return\n\n\n" for n in range(20))
DISPLAY, WIDTH = "# [tool.marimo.display]", 'width="medium", '


def in_cell(lines: str, told: str) -> tuple[str, str, str]:
    """Code at the head of the cell `idea`."""
    return IDEA, IDEA + lines, told


def in_setup(line: str, told: str) -> tuple[str, str, str]:
    return SETUP, f"{SETUP}    {line}\n", told


def in_text(words: str, told: str) -> tuple[str, str, str]:
    """A paragraph before a heading of the text."""
    return TEXT, f'mo.md(r"""\n    {words}\n\n    ## The loss', told


# what is wrong -> (what is replaced, by what, what the complaint says)
DOCTORED = {
    "theme": ('# theme = "system"\n', '# theme = "light"\n', "theme"),
    "opengraph": (DISPLAY, f'# [tool.marimo.opengraph]\n# title = "x"\n{DISPLAY}', "opengraph"),
    "title": ('app_title="The training loop"', 'app_title="A loop"', "app_title"),
    "style of one machine": (WIDTH, f'{WIDTH}css_file="my.css", ', "css_file"),
    "head of one machine": (WIDTH, f'{WIDTH}html_head_file="my.html", ', "html_head_file"),
    "class": (HEADER, f"class Model:\n    pass\n\n\n{HEADER}", "a class belongs"),
    "import beside setup": (
        "import marimo\n\n",
        "import marimo\nimport math\n\n",
        "imports stand in app.setup",
    ),
    "import in a cell": in_cell("    import math\n", "imports stand in app.setup"),
    "foreign import": in_setup("import pandas", "got pandas"),
    "foreign import from": in_setup("from os.path import join", "got os.path"),
    "work in setup": in_setup("SEED = 3", "holds imports only"),
    "no header": ("def header():", "def text_header():", "the first cell is `header`"),
    "ends": ("def glossary():", "def text_words():", "the last four cells"),
    "name": ("def text_batches():", "def batches():", "none of the fixed names"),
    "slug": (f'book.summary("{SLUG}")', f'book.summary("{READY[0]}")', "book.summary is called"),
    "cells": (SUMMARY, MANY + SUMMARY, "at most 40"),
    "two names": in_cell("    one = 1\n    two = 2\n", "one public name"),
    "long function": in_cell(LONG, "a function of 16 lines"),
    "text that is computed": (TEXT, 'mo.md("" + r"""\n    ## The loss', "plain literal"),
    "icon in text": in_text("::lucide:home::", "icon service"),
    "picture in text": in_text("![a cat](cat.png)", "pictures belong to figures"),
    "link to nowhere": in_text("[a page](/nowhere)", "leads nowhere"),
    "link to no term": in_text("[a word](/glossary#nonsense)", "leads nowhere"),
    "link to a chapter to come": in_text("[later](/book/image/nothing/)", "leads nowhere"),
    "link to the web": in_text("[there](https://example.org)", "leads nowhere"),
    "address in code": in_cell('    print("https://example.org/data.zip")\n', "web address"),
    "exercise left out": ('book.exercise("the_training_loop.order")', "None", "exercises on the page"),
    "lab left out": ('book.lab("lines-of-the-loop")', "None", "labs on the page"),
    **{name: (IDEA, f"{IDEA}    {name}\n", name) for name in lint.FORBIDDEN},
}


@pytest.mark.parametrize("slug", READY)
def test_a_chapter_that_is_ready_keeps_all_rules(slug):
    assert lint.complaints(slug) == []


@pytest.mark.parametrize("wrong", DOCTORED)
def test_a_chapter_that_breaks_a_rule_is_told_so(wrong, tmp_path):
    old, new, told = DOCTORED[wrong]
    text = path_of(SLUG).read_text(encoding="utf-8")
    assert text.count(old) >= 1, "the chapter has changed: doctor something else"
    path = tmp_path / "chapter.py"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = lint.complaints(SLUG, path)
    assert any(told in one and re.match(r"line \d+: ", one) for one in found), found


def test_a_name_that_two_cells_define_is_told(tmp_path):
    text = path_of(SLUG).read_text(encoding="utf-8").replace(IDEA, IDEA + "    rate = 1\n")
    text = text.replace("def mathematics():\n", "def mathematics():\n    rate = 2\n")
    path = tmp_path / "chapter.py"
    path.write_text(text, encoding="utf-8")
    assert any("`rate` is defined by `idea` already" in one for one in lint.complaints(SLUG, path))


def test_every_rule_that_can_complain_is_doctored_above():
    """As many complaints in the source as were seen: a new rule needs a chapter that breaks it."""
    with open(lint.__file__, encoding="utf-8") as file:  # noqa: PTH123
        written = re.findall(r'yield f?[\'"]line', file.read())
    assert len(written) == 25


def test_marimo_finds_nothing_to_say_about_any_chapter(tmp_path):
    copies = []
    for slug in READY:
        copies.append(tmp_path / f"{slug.replace('/', '_')}.py")
        shutil.copyfile(path_of(slug), copies[-1])
    words = [sys.executable, "-m", "marimo", "check", "--strict", *map(str, copies)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = copies[0].read_text(encoding="utf-8").replace(IDEA, IDEA + "    rate = 1\n    print(rate)\n")
    text = text.replace("def mathematics():\n", "def mathematics():\n    rate = 2\n    print(rate)\n")
    copies[0].write_text(text, encoding="utf-8")
    assert subprocess.run(words, capture_output=True, timeout=120, check=False).returncode != 0  # it can fail
