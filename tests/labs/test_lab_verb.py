"""`glassworks lab`: the list, a page and a result, JSON, and mistakes that are told with exit 2."""

import json
import subprocess
import sys

import pytest

from glassworks import labs
from glassworks.cli import main


@pytest.fixture
def ask(capsys, monkeypatch, tmp_path):
    """ask("list") -> (exit code, output, complaint), in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def say(*words):
        capsys.readouterr()
        code = main(["lab", *map(str, words)])
        return code, *capsys.readouterr()

    return say


QUICK = ("manual-equals-tape", "--quick", "--seeds", 1, "--threads", 1)


def test_the_list_tells_each_claim_its_chapter_and_what_was_recorded(ask):
    code, out, _ = ask("list")
    assert code == 0 and all(name in out for name in labs.names())
    code, out, _ = ask("--json")
    rows = json.loads(out)["labs"]
    assert [row["name"] for row in rows] == labs.names()
    assert all(row["outcome"] == labs.recorded(row["name"]).outcome for row in rows)


def test_the_list_needs_no_torch():
    script = "import sys; from glassworks.cli import main; main(['lab']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "False", done.stderr


def test_a_run_prints_its_verdict_and_leaves_a_page_and_a_result(ask, tmp_path):
    code, out, _ = ask(*QUICK)
    page, facts = (tmp_path / "labs" / f"manual-equals-tape.{kind}" for kind in ("html", "json"))
    assert code == 0 and "The claim holds here." in out and "6 worked facts" in out
    result = labs.result_of(facts.read_bytes(), facts)
    assert result.outcome == "holds" and result.claim in page.read_text("utf-8")


def test_json_is_alone_on_the_output_and_out_names_the_page(ask, tmp_path):
    code, out, complaint = ask(*QUICK, "--json", "--out", tmp_path / "mine" / "tape.html")
    told = json.loads(out)
    assert code == 0 and (told["schema"], told["command"]) == (1, "lab") and "worked facts" in complaint
    assert labs.result_from(told["result"], "here").name == "manual-equals-tape"
    assert (tmp_path / "mine" / "tape.html").is_file() and (tmp_path / "mine" / "tape.json").is_file()


def test_a_foreign_file_is_not_overwritten_and_an_old_result_is(ask, tmp_path):
    (tmp_path / "tape.json").write_text('{"mine": 1}', "utf-8")
    code, _, complaint = ask(*QUICK, "--out", "tape.html")
    assert code == 2 and "not-a-result" in complaint
    assert (tmp_path / "tape.json").read_text("utf-8") == '{"mine": 1}'
    assert [ask(*QUICK, "--out", "other.html")[0] for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["manual-equal-tape"], "unknown-lab", 'did you mean "manual-equals-tape"?'),
        (["manual-equals-tape", "--seed", "3"], "unknown-option", 'did you mean "--seeds"?'),
        (["manual-equals-tape", "--seeds", "0"], "bad-value", "at least 2"),
        (["manual-equals-tape", "--threads", "0"], "bad-value", "one is the fastest"),
        (["manual-equals-tape", "--out", "page"], "bad-value", ".html"),
    ],
)
def test_mistakes_are_told_with_exit_2(words, code, hint, ask):
    exit_code, _, complaint = ask(*words)
    assert exit_code == 2 and code in complaint and hint in complaint
