"""The OpenAPI document of the server: every address, body, answer and error, for programs and their makers.

/predict reads its body by hand (three forms, bounded, no temporary files), so its description is written by
hand too: by the door that the model's inputs come in by. The codes come from the table that the server itself
answers with.

Source: the OpenAPI Specification 3.1.
The first thing to change: `ANSWER`, when a service's words are something else than classes.
"""

from typing import Any

from glassworks.deploy.doors import Door
from glassworks.deploy.refusals import CODES

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "expected", "got", "fix"],
            "properties": {
                "code": {"type": "string", "enum": sorted(CODES)},
                "expected": {"type": "string"},
                "got": {"type": "string"},
                "fix": {"type": "string"},
            },
        }
    },
}
ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answers": {
            "type": "array",
            "description": "classes, the most probable first",
            "items": {
                "type": "object",
                "properties": {
                    "class": {"type": "string"},
                    "probability": {"type": "number", "minimum": 0, "maximum": 1},
                },
            },
        },
        "value": {"type": "number", "description": "the answer, where the model gives a number"},
        "unlike": {"type": "boolean", "description": "the input is unlike what the model learned from"},
        "overlay": {"type": "string", "description": "with explain=1: where the model looked, a data URI"},
        "words": {
            "type": "array",
            "description": "with explain=1: each piece of the text and its share of the score",
            "items": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
        },
        "caption": {"type": "string"},
        "text": {"type": "string", "description": "what was written, where the model writes"},
        "forecast": {
            "type": "array",
            "description": "the steps that follow, where the model forecasts",
            "items": {
                "type": "object",
                "properties": {
                    "ahead": {"type": "integer", "minimum": 1},
                    "channel": {"type": "string"},
                    "median": {"type": "number"},
                    "quantiles": {"type": "object", "additionalProperties": {"type": "number"}},
                },
            },
        },
        "cut": {"type": "integer", "description": "tokens or steps that the model could not see"},
        "note": {"type": "string"},
        "error": ERROR["properties"]["error"],
    },
}
PREDICTIONS = {
    "type": "object",
    "required": ["schema", "model", "predictions"],
    "properties": {
        "schema": {"type": "integer", "const": 1},
        "model": {"type": "string"},
        "milliseconds": {"type": "number", "description": "from the whole body to the answer"},
        "predictions": {
            "type": "array",
            "description": "one for each input, in order; one that failed alone holds an error",
            "items": {"$ref": "#/components/schemas/Prediction"},
        },
    },
}
EXAMPLE = {
    "schema": 1,
    "model": "cnn",
    "milliseconds": 3.1,
    "predictions": [
        {"answers": [{"class": "cat", "probability": 0.93}, {"class": "dog", "probability": 0.07}]}
    ],
}
GENERAL = ("unknown-host", "foreign-origin", "internal")
OF_PREDICT = (
    "bad-json", "bad-multipart", "bad-parameter", "bad-length", "no-explanation", "body-too-slow",
    "body-too-large", "unsupported-body", "busy", "model-failed", "not-ready", "stopping", "expired",
)  # fmt: skip
WITH_KEY = ("key-missing", "key-wrong")


def completed(document: dict[str, Any], door: Door, *, keyed: bool, most: int) -> dict[str, Any]:
    """FastAPI's document with /predict, the errors and the key. most: inputs a request may hold."""
    parts = document.setdefault("components", {})
    parts["schemas"] = {"Error": ERROR, "Prediction": ANSWER, "Predictions": PREDICTIONS}
    document.setdefault("paths", {})["/predict"] = {"post": _predict(door, most)}
    for path, methods in document["paths"].items():
        closed = keyed and path not in ("/", "/health", "/ready")
        codes = (
            *GENERAL,
            *((*OF_PREDICT, *door.codes) if path == "/predict" else ()),
            *(WITH_KEY if closed else ()),
        )
        for operation in methods.values():
            operation["responses"] = operation.get("responses", {}) | _errors(codes)
            if closed:
                operation["security"] = [{"bearer": []}, {"header": []}]
    if keyed:
        parts["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    return document


def _errors(codes: tuple[str, ...]) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(CODES[code][0]), []).append(code)
    return {status: _error(names) for status, names in sorted(by_status.items())}


def _error(names: list[str]) -> dict[str, Any]:
    example = {"error": {"code": names[0], "expected": "…", "got": "…", "fix": "…"}}
    answer: dict[str, Any] = {
        "description": "; ".join(f"{name}: {CODES[name][1]}" for name in names),
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}
        },
    }
    if {"busy", "not-ready", "stopping"} & set(names):
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    return answer


def _predict(door: Door, most: int) -> dict[str, Any]:
    return {
        "summary": f"Answers for one or several {door.things}",
        "operationId": "predict",
        "parameters": [
            {"name": "top", "in": "query", "description": "how many classes to name",
             "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 5}},
            {"name": "explain", "in": "query", "description": "1 adds what made the answer",
             "schema": {"type": "integer", "enum": [0, 1], "default": 0}},
        ],
        "requestBody": {"required": True, "content": door.content(most)},
        "responses": {
            "200": {
                "description": f"an answer for each of the {door.things}",
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/Predictions"},
                        "example": EXAMPLE,
                    }
                },
            }
        },
    }  # fmt: skip
