"""The texts or the series in the body of a request: as plain text, as JSON, or as a form with files.

A text is UTF-8. A series is rows of numbers, one row a step: as JSON (null where one is missing) or as CSV,
with or without a line of names. Names of files, addresses and paths in a body are never looked at.

Source: RFC 8259 (JSON), RFC 4180 (CSV), RFC 7578 (multipart/form-data).
The first thing to change: `LONGEST`, the characters a text may have.
"""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassworks.core.errors import PersonError
from glassworks.deploy.bodies import from_form
from glassworks.deploy.refusals import Refusal

LONGEST = 200_000  # characters of one text; longer ones belong in several requests


def texts_in(body: bytes, content_type: str, most: int) -> list[bytes]:
    """The bytes of each text in a body, at least one. most: texts a request may hold.

    Raises Refusal with no-text, bad-json, bad-multipart, too-many-texts or unsupported-body.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/"):
        found = [body]
    elif kind == "application/json":
        content = _object(body, 'an object {"text": "…"} or {"texts": ["…", …]}', ("text", "texts"))
        texts = content["texts"] if "texts" in content else [content["text"]]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise Refusal(
                "bad-json", expected="texts as JSON strings", got="something else", fix='{"text": "…"}'
            )
        found = [text.encode("utf-8", "surrogatepass") for text in texts]
    elif kind == "multipart/form-data":
        found = from_form(body, content_type)
    else:
        raise _unsupported(kind, "text/plain, application/json or multipart/form-data", "TEXT")
    if not found or not all(text.strip() for text in found):
        raise Refusal(
            "no-text", expected="at least one text, and none of nothing but space", got="nothing",
            fix='send it as {"text": "…"}, or as the body itself with Content-Type: text/plain',
        )  # fmt: skip
    return _at_most(found, most, "texts")


def series_in(body: bytes, content_type: str, most: int) -> list[bytes]:
    """Each series of a body as bytes that `series_of` reads, at least one.

    Raises Refusal with no-series, bad-json, bad-multipart, too-many-series or unsupported-body.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/"):
        found = [body]
    elif kind == "application/json":
        wanted = 'an object {"values": [[numbers of a step], …]} or {"series": [values, …]}'
        content = _object(body, wanted, ("values", "series"))
        many = content["series"] if "series" in content else [content["values"]]
        if not isinstance(many, list) or not all(isinstance(values, list) for values in many):
            raise Refusal("bad-json", expected=wanted, got="other JSON", fix="send lists of numbers")
        found = [json.dumps(values).encode() for values in many]
    elif kind == "multipart/form-data":
        found = from_form(body, content_type)
    else:
        raise _unsupported(kind, "text/csv, application/json or multipart/form-data", "SERIES.csv")
    if not found or not all(series.strip(b" \r\n\t[]") for series in found):
        raise Refusal(
            "no-series", expected="at least one series, and none without a step", got="nothing",
            fix='send it as {"values": [[1.5], [1.7]]}, or as CSV with Content-Type: text/csv',
        )  # fmt: skip
    return _at_most(found, most, "series")


def text_of(body: bytes) -> str:
    """The text. Raises PersonError("damaged-text") for what is no UTF-8, or too long."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _damaged("text", "UTF-8", "other bytes", "save the text as UTF-8") from None
    if len(text) > LONGEST:
        raise _damaged(
            "text", f"at most {LONGEST:,} characters", f"{len(text):,}", "send it in several requests"
        )
    return text


def series_of(body: bytes, channels: Sequence[str]) -> np.ndarray:
    """Values float32 (steps, channels), not a number where one is missing. channels: their names in training.

    Raises PersonError("damaged-series") for words, other widths, and columns without any value.
    """
    text = text_of(body)
    rows: Any = _of_json(text) if text.lstrip().startswith("[") else _of_csv(text, channels)
    try:
        values = np.array([row if isinstance(row, list) else [row] for row in rows], np.float32)
    except (ValueError, TypeError):
        raise _wrong_numbers("something else than numbers, or steps of unequal width") from None
    if values.ndim != 2 or values.shape[1] != len(channels):
        width = values.shape[1] if values.ndim == 2 else 0
        names = ", ".join(channels)
        raise _damaged(
            "series", f"{len(channels)} number{'s' * (len(channels) > 1)} a step ({names})", f"{width}",
            "send the columns of training, in their order",
        )  # fmt: skip
    if np.isinf(values).any() or np.isnan(values).all(0).any():
        raise _wrong_numbers("an infinite value, or a column without any")
    return values


def _of_json(text: str) -> Any:
    try:
        return [
            [float("nan") if one is None else one for one in row] if isinstance(row, list)
            else (float("nan") if row is None else row)
            for row in json.loads(text)
        ]  # fmt: skip
    except (ValueError, RecursionError):
        raise _wrong_numbers("JSON that cannot be read") from None


def _of_csv(text: str, channels: Sequence[str]) -> list[list[float]]:
    """Rows of numbers; a line of names chooses and orders the columns."""
    lines = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    places = list(range(len(lines[0]))) if lines else []
    names = [cell.strip() for cell in lines[0]] if lines else []
    if set(channels) <= set(names):
        places, lines = [names.index(channel) for channel in channels], lines[1:]
    try:
        return [
            [float(row[place]) if row[place].strip() else float("nan") for place in places] for row in lines
        ]
    except (ValueError, IndexError):
        raise _wrong_numbers("words, or rows of unequal length") from None


def _object(body: bytes, wanted: str, keys: tuple[str, str]) -> dict[str, Any]:
    """A JSON object with exactly one of two keys."""
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(
            "bad-json", expected=wanted, got="a body that is not JSON", fix=f"send {wanted}"
        ) from None
    if not isinstance(content, dict) or sum(key in content for key in keys) != 1:
        raise Refusal("bad-json", expected=wanted, got="other JSON", fix=f"send {wanted}")
    return content


def _at_most(found: list[bytes], most: int, things: str) -> list[bytes]:
    if len(found) > most:
        raise Refusal(
            f"too-many-{things}", expected=f"at most {most} {things} a request", got=str(len(found)),
            fix="send them in several requests",
        )  # fmt: skip
    return found


def _unsupported(kind: str, expected: str, example: str) -> Refusal:
    return Refusal(
        "unsupported-body", expected=expected,
        got="another Content-Type" if kind else "no Content-Type",
        fix=f"for example: curl -H 'Content-Type: text/plain' --data-binary @{example} URL/predict",
    )  # fmt: skip


def _wrong_numbers(got: str) -> PersonError:
    return _damaged(
        "series", "rows of numbers, one row a step", got, "send numbers; leave a missing one empty"
    )


def _damaged(thing: str, expected: str, got: str, fix: str) -> PersonError:
    return PersonError(f"damaged-{thing}", expected=expected, got=got, fix=fix)
