"""Tables in a terminal: whole, and no wider than the terminal where their words allow it."""

from glassworks.cli.show import print_table


def test_a_long_setting_is_wrapped_and_nothing_of_it_is_lost(ask, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, text, _ = ask("info", "transformer")
    settings = text[text.index("settings (") :].splitlines()[1:-2]
    assert code == 0 and max(map(len, settings)) <= 80
    shown = "".join("".join(line[18:54].split()) for line in settings)
    assert "{'heads':4,'ratio':4.0,'norm':'pre','activation':'relu'," in shown
    assert next(line for line in settings if line.startswith("width ")).split() == [
        "width", "128", "numbers", "a", "token",
    ]  # fmt: skip


def test_a_wide_terminal_shows_it_in_one_line(ask, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert "block             {'heads': 4, 'ratio': 4.0, 'norm': 'pre'" in ask("info", "transformer")[1]


def test_what_fits_stays_as_it_is(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    print_table(["a", "b"], [["one two", "a few words of text that need more than a single line here"]])
    assert capsys.readouterr().out.splitlines() == [
        "a        b",
        "-------  -------------------------------------------------",
        "one two  a few words of text that need more than a single",
        "         line here",
    ]


def test_words_are_not_cut_where_a_column_is_narrow(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_table(["name", "value", "meaning"], [["x" * 30, "one " * 12, "short"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("x" * 30 + "  one one") and sum(line.count("one") for line in lines) == 12
