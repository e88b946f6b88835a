"""A command line from a dataclass: each field is written once, with its type, default and help.

Python's own argparse reads it, so `--help` and a mistyped flag answer in a tenth of a second, before
pydantic or torch is loaded. The first thing to know: a field with `None` was not asked for.
"""

import argparse
import dataclasses
import types
import typing
from typing import Any, Literal, NoReturn

from glassworks.core.errors import PersonError, did_you_mean


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are PersonErrors with a suggestion."""

    def error(self, message: str) -> NoReturn:
        raise PersonError(
            "bad-arguments",
            expected=f"arguments of `{self.prog}`",
            got=message,
            fix=f"see `{self.prog} --help`",
        )


def parser_for(request: type, command: str, example: str) -> Parser:
    """The parser of one verb. `example` closes its help."""
    places = [f.name.upper() for f in dataclasses.fields(request) if f.metadata.get("positional")]
    parser = Parser(
        prog=f"glassworks {command}",
        usage=" ".join([f"glassworks {command}", *places, "[options]"]),
        description=request.__doc__,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    hints = typing.get_type_hints(request)
    for field in _positional_first(request):
        _add(parser, field, hints[field.name])
    return parser


def parse(request: type, command: str, example: str, words: list[str]) -> Any:
    """The request that the words of a command line make. Raises PersonError with the nearest flag."""
    parser = parser_for(request, command, example)
    flags = [flag for action in parser._actions for flag in action.option_strings]
    for word in words:
        name = word.split("=")[0]
        if name.startswith("--") and name not in flags and name != "--":
            raise PersonError(
                "unknown-option",
                expected=f"an option of `glassworks {command}`",
                got=name,
                fix=f"{did_you_mean(name, flags)} See `glassworks {command} --help`"
                if len(flags) > 12
                else did_you_mean(name, flags),
            )
    if "" in words or any(word.startswith("--") and word.endswith("=") for word in words):
        raise PersonError(
            "bad-arguments",
            expected=f"words that are not empty for `glassworks {command}`",
            got='an empty one ("")',
            fix="look for a shell variable that is not set",
        )
    # argparse gives an option's neighbour to no list of places: `explain RUN --out X PICTURE` needs this.
    open_list = any(action.nargs == "*" and not action.option_strings for action in parser._actions)
    values = vars(parser.parse_intermixed_args(words) if open_list else parser.parse_args(words))
    return request(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def _positional_first(request: type) -> list[dataclasses.Field]:
    """What is given by place, then the verb's own flags, then those it shares with other verbs."""
    own = request.__annotations__
    fields = dataclasses.fields(request)
    return sorted(fields, key=lambda f: (not f.metadata.get("positional", False), f.name not in own))


def _add(parser: Parser, field: dataclasses.Field, hint: Any) -> None:
    """One field as an argument: True/False becomes a switch, a choice lists its words."""
    kind, choices, many = _understand(hint)
    help_text = field.metadata["help"].replace("%", "%%")
    missing = field.default is dataclasses.MISSING
    extra: dict[str, Any] = {"help": help_text} if missing else {"help": help_text, "default": field.default}
    if kind is bool:
        parser.add_argument(*_flags(field), dest=field.name, action="store_true", **extra)
        return
    extra |= {"type": kind, "choices": choices}
    if not field.metadata.get("positional"):
        if many:
            extra |= {"nargs": "+"}
        if field.default not in (None, ()):
            extra["help"] += f" (default {field.default})"
        name = field.name.upper() if choices is None else None
        parser.add_argument(*_flags(field), dest=field.name, metavar=name, **extra)
        return
    nargs = ("+" if missing else "*") if many else (None if missing else "?")
    parser.add_argument(field.name, nargs=nargs, metavar=field.name.upper(), **extra)


def _flags(field: dataclasses.Field) -> list[str]:
    """The flag, and its second name where it has one."""
    names = [field.metadata.get("flag") or field.name.replace("_", "-"), field.metadata.get("also")]
    return ["--" + name for name in names if name]


def _understand(hint: Any) -> tuple[Any, list[str] | None, bool]:
    """(type to convert with, words to choose from, whether several are taken) of a type hint."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return str, None, True
    if origin is Literal:
        first = inner[0]
        return type(first), list(inner), False
    if origin in (typing.Union, types.UnionType):
        kinds = [kind for kind in inner if kind is not type(None)]
        words = [w for kind in kinds if typing.get_origin(kind) is Literal for w in typing.get_args(kind)]
        plain = [kind for kind in kinds if typing.get_origin(kind) is not Literal]
        if not plain:
            return str, words, False
        return (_or_word(plain[0], words) if words else plain[0]), None, False
    return hint, None, False


def _or_word(kind: type, words: list[str]):
    """A converter that takes some words as they are and everything else as a number."""

    def convert(text: str):
        return text if text in words else kind(text)

    convert.__name__ = f"{kind.__name__} or {' or '.join(words)}"
    return convert
