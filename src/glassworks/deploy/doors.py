"""The kinds of inputs that a server takes: how they arrive, are asked for on the page, and are described.

The first thing to change: `TEXTS`, whose form of JSON another program may expect otherwise.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from glassworks.deploy.bodies import pictures_in
from glassworks.deploy.bodies_typed import series_in, texts_in
from glassworks.deploy.server_page_pictures import page as page_of_pictures
from glassworks.deploy.server_page_typed import page_of_series, page_of_texts


@dataclass(frozen=True)
class Door:
    """How inputs come in.

    things:   what they are called
    items_in: body, Content-Type, most -> the bytes of each; raises Refusal
    sample:   bytes of one that is read without fail: the model is warmed up with it; kind: its Content-Type
    page:     name, explains=, keyed=, limit= -> the page for people, HTML
    content:  most -> how the body is described in OpenAPI
    codes:    refusals that only these inputs know
    """

    things: str
    items_in: Callable[[bytes, str, int], list[bytes]]
    sample: Callable[[], bytes]
    kind: str
    page: Callable[..., str]
    content: Callable[[int], dict[str, Any]]
    codes: tuple[str, ...]


def _any_picture() -> bytes:
    """A small picture that every decoder reads."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def _one_or_many(one: str, many: str, schema: dict[str, Any], most: int) -> dict[str, Any]:
    """An object with one input, or with a list of them."""
    array = {"type": "array", "items": schema, "minItems": 1, "maxItems": most}
    return {
        "oneOf": [
            {"type": "object", "required": [one], "properties": {one: schema}},
            {"type": "object", "required": [many], "properties": {many: array}},
        ]
    }


def _form(most: int) -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    return {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "array", "items": file, "maxItems": most}},
        }
    }


def _content_of_pictures(most: int) -> dict[str, Any]:
    schema = _one_or_many("picture", "pictures", {"type": "string", "contentEncoding": "base64"}, most)
    return {
        "multipart/form-data": _form(most),
        "application/json": {"schema": schema, "example": {"picture": "/9j/4AAQSkZJRg…"}},
        "image/*": {"schema": {"type": "string", "format": "binary"}},
    }


def _content_of_texts(most: int) -> dict[str, Any]:
    schema = _one_or_many("text", "texts", {"type": "string"}, most)
    return {
        "application/json": {"schema": schema, "example": {"text": "well worth seeing"}},
        "text/plain": {"schema": {"type": "string"}},
        "multipart/form-data": _form(most),
    }


def _content_of_series(most: int) -> dict[str, Any]:
    number = {"type": ["number", "null"]}
    values = {"type": "array", "items": {"oneOf": [number, {"type": "array", "items": number}]}}
    return {
        "application/json": {
            "schema": _one_or_many("values", "series", values, most),
            "example": {"values": [[1.5], [1.7]]},
        },
        "text/csv": {"schema": {"type": "string"}},
        "multipart/form-data": _form(most),
    }


PICTURES = Door(
    "pictures", pictures_in, _any_picture, "image/jpeg", page_of_pictures, _content_of_pictures,
    ("no-picture", "bad-base64", "too-many-pictures", "damaged-picture"),
)  # fmt: skip
TEXTS = Door(
    "texts", texts_in, lambda: b"well worth seeing", "text/plain", page_of_texts, _content_of_texts,
    ("no-text", "too-many-texts", "damaged-text"),
)  # fmt: skip


def series_door(steps: int, channels: int) -> Door:
    """The door of series that are `steps` long and `channels` wide."""
    rows = (",".join(f"{(step + channel) % 7}" for channel in range(channels)) for step in range(steps))
    sample = "\n".join(rows).encode()
    return replace(SERIES, sample=lambda: sample)


SERIES = Door(
    "series", series_in, lambda: b"0\n1", "text/csv", page_of_series, _content_of_series,
    ("no-series", "too-many-series", "damaged-series", "damaged-text"),
)  # fmt: skip
