"""The doctor for texts: each fault that was put in is found, named with its line, and no other."""

import csv
import json

import pytest

from glassworks.api.examine import check, check_request
from glassworks.api.requests import CheckRequest
from glassworks.cli import main
from glassworks.core.errors import PersonError
from glassworks.data.check_texts import check_data
from glassworks.data.encodings import looks_like, odd_lines, wrongly_read
from glassworks.data.findings_texts import language_of, script_of

GOOD = [(f"this is story {row} that people like to hear and not forget", "ab"[row % 2]) for row in range(60)]


BAD = "<b>bold</b> & <script>alert(1)</script>"


def write(path, rows, head=("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def codes(report) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {
        finding.code: (finding.level, finding.names) for finding in report.findings if finding.code != "note"
    }


def look(tmp_path, *more, head=("text", "label"), rows=GOOD):
    return check_data(str(write(tmp_path / "t.csv", [*rows, *more], head)))


def test_good_texts_have_nothing_to_mend(tmp_path):
    report = look(tmp_path)
    assert codes(report) == {} and report.ok and report.counts == {"a": {"": 30}, "b": {"": 30}}
    assert report.lengths["median"] == 12 and report.suggestion["context"].startswith(
        "32 tokens, which show 60 of"
    )


@pytest.mark.parametrize(
    ("code", "level", "names", "more"),
    [
        ("damaged-texts", "stop", ("line 62",), [("", "a")]),
        ("same-text-other-label", "warn", ("line 2", "line 62"), [(GOOD[0][0], "b")]),
        ("exact-copies", "info", ("line 2", "line 62"), [GOOD[0]]),
        ("near-copies", "info", ("line 2", "line 62"), [(GOOD[0][0].upper().replace(" ", ",  ") + "!", "a")]),
        ("wrongly-read", "warn", ("line 62",), [("the cafÃ© was good", "a")]),
        ("lost-letters", "warn", ("line 62",), [("the caf\ufffd was good", "a")]),
        ("hidden-signs", "info", ("line 62",), [("zero\u200bwidth is here", "a")]),
        ("markup", "warn", ("line 62",), [("<p>It was&nbsp;good</p>", "a")]),
        ("links", "info", ("line 62",), [("see https://example.org/a for more", "a")]),
        ("mail-addresses", "info", ("line 62",), [("write to me@example.org today", "a")]),
        ("no-words", "info", ("line 62",), [("?!, …", "a")]),
        ("long-texts", "info", ("line 62",), [("word " * 600, "a")]),
        ("mixed-scripts", "warn", ("line 62",), [("Это очень хороший фильм", "a")]),
        ("mixed-languages", "info", ("line 62",), [("das ist nicht der Film und auch nicht ein Buch", "a")]),
        ("few-texts", "warn", ("c (1)",), [("one more text of another class", "c")]),
    ],
)
def test_each_fault_is_found_at_its_line(tmp_path, code, level, names, more):
    found = codes(look(tmp_path, *more))
    assert found.pop(code) == (level, names)
    allowed = {"same-text-other-label": {"exact-copies"}, "few-texts": {"uneven-classes"}}.get(code, set())
    assert set(found) <= allowed


def test_copies_across_given_parts_are_a_leak(tmp_path):
    rows = [(text, label, "train" if row < 50 else "test") for row, (text, label) in enumerate(GOOD)]
    report = look(tmp_path, (GOOD[0][0] + " !", "a", "test"), head=("text", "label", "part"), rows=rows)
    assert codes(report)["copies-across-parts"] == ("warn", ("line 2", "line 62"))
    assert "keep the parts" in report.suggestion["split"]


def test_uneven_classes_are_told_with_what_always_one_answer_gets(tmp_path):
    report = look(
        tmp_path, rows=[(text, "rare" if row % 10 == 0 else "much") for row, (text, _) in enumerate(GOOD)]
    )
    sentence = next(finding.sentence for finding in report.findings if finding.code == "uneven-classes")
    assert "9.0 times" in sentence and "90%" in sentence


def test_lines_in_other_encodings_are_named_and_the_rest_is_looked_at(tmp_path):
    path = write(tmp_path / "t.csv", GOOD)
    with path.open("ab") as file:
        file.write("the café was good,a\n".encode("latin-1"))
        file.write("it’s “good” – really,b\n".encode("cp1252"))
        file.write("очень хороший фильм,a\n".encode("cp1251"))
        file.write((GOOD[0][0] + ",a\n").encode())
    report = check_data(str(path))
    assert [(line.number, line.encoding) for line in report.odd["t.csv"]] == [
        (62, "Latin-1"), (63, "Windows-1252"), (64, "Windows-1251"),
    ]  # fmt: skip
    assert "café" in report.odd["t.csv"][0].text
    found = codes(report)
    assert found["wrong-encoding"][0] == "stop" and "exact-copies" in found and len(report.table) == 64
    with pytest.raises(PersonError, match="UTF-8"):
        from glassworks.data.texts import open_texts

        open_texts(path)


def test_a_file_in_utf16_is_one_finding(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "\n".join(f"{text},{label}" for text, label in GOOD), encoding="utf-16")
    report = check_data(str(path))
    assert [line.encoding for line in report.odd["t.csv"]] == ["UTF-16"] and len(report.table) == 60


def test_folders_of_files_are_looked_at_too(tmp_path):
    for row, (text, label) in enumerate(GOOD):
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"{row}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "a" / "bad.txt").write_bytes("très\nbien très".encode("latin-1"))
    report = check_data(str(tmp_path))
    assert [line.number for line in report.odd["a/bad.txt"]] == [1, 2]
    assert codes(report)["damaged-texts"] == ("stop", ("a/bad.txt",)) and report.counts["b"] == {"": 30}


def test_texts_without_labels_and_pairs_are_checked_as_what_they_are(tmp_path):
    report = check_data(
        str(write(tmp_path / "p.csv", [(text, text[::-1]) for text, _ in GOOD], ("en", "de"))), text="en"
    )
    assert report.table.kind == "pairs"
    (tmp_path / "one.txt").write_text("a text\n" * 50, encoding="utf-8")
    assert check_data(str(tmp_path / "one.txt")).table.kind == "none"


def test_a_refused_table_is_a_finding_and_its_texts_are_looked_at(tmp_path):
    report = look(tmp_path, rows=[(text, "same") for text, _ in GOOD])
    assert codes(report)["single-class"][0] == "stop" and len(report.table) == 60 and not report.ok


def test_the_command_prints_json_and_writes_page_and_fixes(tmp_path, capsys):
    path = write(tmp_path / "t.csv", [*GOOD, (BAD, "a"), (BAD, "b"), GOOD[0]])
    page, fixes = tmp_path / "p.html", tmp_path / "f.csv"
    assert main(["check", str(path), "--json", "--page", str(page), "--fixes", str(fixes)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sees"] == "texts" and said["texts"] == 63 and len(said["duplicates"]["exact"]) == 2
    html = page.read_text(encoding="utf-8")
    assert "<script>" not in html and "&lt;script&gt;" in html, "a person's text is no markup of the page"
    assert "line 64,same text as line 2,remove" in fixes.read_text(encoding="utf-8")


def test_check_takes_the_way_that_the_data_ask_for(tmp_path):
    path = write(tmp_path / "t.csv", GOOD)
    assert check(path).as_json()["sees"] == "texts"
    named = check_request(CheckRequest(data=str(path), text="text", target="label"))
    assert "--text text --target label" in named.suggestion["command"]


def test_guesses_about_bytes_and_words():
    assert (
        looks_like("naïve".encode("latin-1")) == "latin-1" and looks_like("“a”".encode("cp1252")) == "cp1252"
    )
    assert looks_like("日本語のテキスト".encode("shift_jis")) == "shift_jis"
    assert wrongly_read("â€™") and not wrongly_read("São Paulo, Ângela, café")
    assert script_of("naïve") == "Latin" and script_of("東京") == "Cjk" and script_of("12 !") == ""
    assert (
        language_of("il était une fois dans une ville et les gens") == "French" and language_of("yes") == ""
    )
    assert list(odd_lines(__import__("pathlib").Path(__file__))) == []
