"""Every way a request can fail: a stable code, its HTTP status, and what to do, always as the same JSON.

Programs decide by `code`; people read `expected`, `got` and `fix`. Nothing of the server's inside (no trace,
path or address) is ever part of it. The table below is also what the OpenAPI document lists.

The first thing to change: `CODES`, when a new check refuses something.
"""

import json
from collections.abc import Sequence

from glassworks.core.errors import PersonError

CODES: dict[str, tuple[int, str]] = {
    "no-picture": (400, "the body holds no picture"),
    "no-text": (400, "the body holds no text"),
    "no-series": (400, "the body holds no series"),
    "bad-json": (400, "the body is not the JSON that was announced"),
    "bad-base64": (400, "a picture is not base64"),
    "bad-multipart": (400, "the multipart body is broken"),
    "bad-parameter": (400, "a query parameter has no such value"),
    "bad-length": (400, "Content-Length is no number"),
    "no-explanation": (400, "this model gives no explanations"),
    "too-many-pictures": (400, "more pictures than one request may hold"),
    "too-many-texts": (400, "more texts than one request may hold"),
    "too-many-series": (400, "more series than one request may hold"),
    "invalid-request": (400, "this is not HTTP"),
    "key-missing": (401, "the server wants a key and none came"),
    "key-wrong": (401, "the key is another one"),
    "foreign-origin": (403, "a page of another site asked through the browser"),
    "not-found": (404, "there is no such address"),
    "wrong-method": (405, "this address takes another method"),
    "body-too-slow": (408, "the request took too long to arrive"),
    "body-too-large": (413, "the body is over the limit"),
    "unsupported-body": (415, "the Content-Type is none that is read"),
    "unknown-host": (421, "the Host header names another server"),
    "damaged-picture": (422, "the bytes are no whole picture"),
    "damaged-text": (422, "the bytes are no text in UTF-8, or too many"),
    "damaged-series": (422, "the numbers are no series of this model's columns"),
    "busy": (429, "the queue is full; Retry-After says when to come back"),
    "headers-too-large": (431, "the headers are over the limit"),
    "internal": (500, "the server failed; its log says where"),
    "model-failed": (500, "the model failed on this input"),
    "not-ready": (503, "the model is not warm yet, or hangs"),
    "stopping": (503, "the server is being stopped"),
    "expired": (504, "the answer was not there before the deadline"),
}
Header = tuple[bytes, bytes]


class Refusal(PersonError):
    """A request that is answered with an error. retry: seconds for Retry-After, where coming back helps."""

    def __init__(self, code: str, *, expected: str, got: str, fix: str, retry: int | None = None):
        super().__init__(code, expected=expected, got=got, fix=fix)
        self.retry = retry


def status_of(error: PersonError) -> int:
    """The HTTP status of an error; 422 for a mistake that the service itself found in an input."""
    return CODES.get(error.code, (422, ""))[0]


def as_body(error: PersonError) -> bytes:
    return json.dumps(error.as_json(), ensure_ascii=False).encode()


def as_response(error: PersonError, more: Sequence[Header] = ()) -> tuple[int, list[Header], bytes]:
    """(status, headers, body) of an error."""
    status, body = status_of(error), as_body(error)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    if isinstance(error, Refusal) and error.retry is not None:
        headers.append((b"retry-after", str(error.retry).encode()))
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="glassworks"'))
    return status, headers, body


def internal() -> Refusal:
    return Refusal(
        "internal",
        expected="an answer",
        got="a failure inside the server",
        fix="try once more; the server's log says where it failed",
    )
