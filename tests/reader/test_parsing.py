"""Parsing beside another thread that parses: it is tried again, and what is wrong is still told."""

import ast

import pytest

from glassworks.reader import parsing


def test_a_fault_of_the_parser_is_tried_again(monkeypatch):
    parse, asked = ast.parse, []

    def flaky(text):
        asked.append(text)
        if len(asked) < 3:
            raise SystemError("AST constructor recursion depth mismatch (before=63, after=65)")
        return parse(text)

    monkeypatch.setattr(parsing.ast, "parse", flaky)
    assert isinstance(parsing.parsed("x = 1").body[0], ast.Assign) and len(asked) == 3


def test_what_never_parses_is_told(monkeypatch):
    with pytest.raises(SyntaxError):
        parsing.parsed("x =")

    def broken(text):
        raise SystemError("always")

    monkeypatch.setattr(parsing.ast, "parse", broken)
    monkeypatch.setattr(parsing, "TRIES", 2)
    with pytest.raises(SystemError):
        parsing.parsed("x = 1")
