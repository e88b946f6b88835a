"""The pictures in the body of a request: raw bytes, JSON with base64, or a form with files.

A form is cut at its boundary in memory (the guard has bounded it), because going through temporary files, as
general form parsers do, costs more than the model. Names of files, addresses and paths in a body are never
looked at.

Source: RFC 7578 (multipart/form-data), RFC 2046 section 5.1 (boundaries), RFC 4648 (base64).
The first thing to change: `FIELDS`, to let a form call its files otherwise.
"""

import base64
import binascii
import json
from email.message import Message
from typing import Any

from glassworks.deploy.refusals import Refusal

FIELDS = (b"file", b"files", b"picture", b"pictures", b"text", b"series")
RAW = "application/octet-stream"


def pictures_in(body: bytes, content_type: str, most: int) -> list[bytes]:
    """The bytes of each picture in a body, at least one. most: pictures a request may hold.

    Raises Refusal with no-picture, bad-json, bad-base64, bad-multipart, too-many-pictures or
    unsupported-body.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("image/") or kind == RAW:
        found = [body]
    elif kind == "application/json":
        found = _from_json(body, most)
    elif kind == "multipart/form-data":
        found = from_form(body, content_type)
    else:
        raise Refusal(
            "unsupported-body",
            expected="image/…, multipart/form-data or application/json",
            got="another Content-Type" if kind else "no Content-Type",
            fix="for example: curl -F file=@picture.jpg URL/predict",
        )
    if not found or not all(found):
        raise Refusal(
            "no-picture", expected="at least one picture, and none of 0 bytes", got="nothing",
            fix='send it as the field "file" of a form, as {"picture": base64}, or as the body itself',
        )  # fmt: skip
    if len(found) > most:
        raise _too_many(most, len(found))
    return found


def _too_many(most: int, got: int) -> Refusal:
    return Refusal(
        "too-many-pictures", expected=f"at most {most} pictures a request", got=str(got),
        fix="send them in several requests",
    )  # fmt: skip


def _from_json(body: bytes, most: int) -> list[bytes]:
    wanted = 'an object {"picture": base64} or {"pictures": [base64, …]}'
    fix = "encode each picture's bytes as base64 text"
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise Refusal("bad-json", expected=wanted, got="a body that is not JSON", fix=fix) from None
    if not isinstance(content, dict) or ("picture" in content) == ("pictures" in content):
        raise Refusal("bad-json", expected=wanted, got="other JSON", fix=fix)
    texts = content["pictures"] if "pictures" in content else [content["picture"]]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refusal("bad-json", expected=wanted, got="something else than text", fix=fix)
    if len(texts) > most:
        raise _too_many(most, len(texts))
    return [_from_base64(text) for text in texts]


def _from_base64(text: str) -> bytes:
    """A data URI is taken too: browsers make them."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(
            "bad-base64", expected="base64 of the picture's bytes, no line breaks", got="other text",
            fix="encode with base64 -w0 FILE; addresses and file names are not followed",
        ) from None  # fmt: skip


def from_form(body: bytes, content_type: str) -> list[bytes]:
    """The contents of the files of a form. Raises Refusal("bad-multipart")."""
    boundary = _boundary(content_type)
    if not boundary:
        raise _broken("a boundary in the Content-Type", "none")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise _broken("parts between boundaries, closed by the last", "a form that ends early")
    found = []
    for part in parts[1:-1]:
        head, blank, content = part.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            raise _broken("an empty line between a part's headers and its content", "none")
        if _field(head) in FIELDS:
            found.append(content)
    return found


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type
    found = header.get_param("boundary")
    return found.encode("latin-1", "ignore") if isinstance(found, str) and len(found) <= 200 else b""


def _field(head: bytes) -> bytes:
    """The name of a part, b"" where it has none."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            for parameter in value.split(b";")[1:]:
                key, _, word = parameter.partition(b"=")
                if key.strip().lower() == b"name":
                    return word.strip().strip(b'"')
    return b""


def _broken(expected: str, got: str) -> Refusal:
    return Refusal(
        "bad-multipart", expected=expected, got=got,
        fix="let your HTTP library build the form, as curl -F does",
    )  # fmt: skip
