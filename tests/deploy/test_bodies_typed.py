"""Texts and series as they arrive over HTTP: every form that is taken, and the codes of what is refused."""

import json

import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.deploy.bodies_typed import LONGEST, series_in, series_of, text_of, texts_in
from glassworks.deploy.doors import PICTURES, TEXTS, series_door
from glassworks.deploy.refusals import CODES
from tests.deploy.serving import form

JSON = "application/json; charset=utf-8"


def code(call):
    with pytest.raises(PersonError) as error:
        call()
    assert error.value.code in CODES and error.value.fix
    return error.value.code


def test_texts_come_alone_in_lists_and_in_files():
    assert texts_in("für dich".encode(), "text/plain", 4) == ["für dich".encode()]
    assert texts_in(json.dumps({"text": "a"}).encode(), JSON, 4) == [b"a"]
    assert texts_in(json.dumps({"texts": ["a", "b"]}).encode(), JSON, 4) == [b"a", b"b"]
    assert texts_in(*form([b"one", b"two"]), 4) == [b"one", b"two"]
    assert text_of("\ufeffwell".encode()) == "well"


@pytest.mark.parametrize(
    ("body", "kind", "refusal"),
    [
        (b"", "text/plain", "no-text"),
        (b" \n ", "text/plain", "no-text"),
        (b'{"texts": []}', JSON, "no-text"),
        (b'{"texts": ["a", " "]}', JSON, "no-text"),
        (b'{"text": 3}', JSON, "bad-json"),
        (b'{"text": "a", "texts": ["b"]}', JSON, "bad-json"),
        (b"[" * 100_000, JSON, "bad-json"),
        (b"{", JSON, "bad-json"),
        (b'{"texts": ["a", "b", "c"]}', JSON, "too-many-texts"),
        (b"a", "image/png", "unsupported-body"),
        (b"a", "", "unsupported-body"),
        (b"--x", "multipart/form-data; boundary=x", "bad-multipart"),
    ],
)
def test_what_is_no_text_is_refused(body, kind, refusal):
    assert code(lambda: texts_in(body, kind, 2)) == refusal


def test_a_text_is_whole_utf8_of_bounded_length():
    assert code(lambda: text_of(b"\xff\xfe\x00")) == "damaged-text"
    assert code(lambda: text_of(b"a" * (LONGEST + 1))) == "damaged-text"
    lone = texts_in(b'{"text": "\\ud800"}', JSON, 1)[0]  # half of a pair, which JSON can say
    assert code(lambda: text_of(lone)) == "damaged-text"


def test_series_come_as_json_and_as_csv_with_or_without_names():
    expected = np.array([[1, 2], [3, np.nan]], np.float32)
    values = {"values": [[1, 2], [3, None]]}
    (one,) = series_in(json.dumps(values).encode(), JSON, 4)
    for body in (one, b"1,2\n3,\n", b"b,time,a\n2,x,1\n,y,3\n", b"1, 2\r\n\r\n3, nan\r\n"):
        np.testing.assert_array_equal(series_of(body, ("a", "b")), expected)
    many = series_in(json.dumps({"series": [[1, 2], [[3], [4], [5]]]}).encode(), JSON, 4)
    assert [series_of(one, ("a",)).shape for one in many] == [(2, 1), (3, 1)]
    assert series_in(b"1\n2\n", "text/csv", 1) == [b"1\n2\n"]


@pytest.mark.parametrize(
    ("body", "kind", "refusal"),
    [
        (b"", "text/csv", "no-series"),
        (b'{"values": []}', JSON, "no-series"),
        (b'{"values": 3}', JSON, "bad-json"),
        (b'{"series": [[1], [2], [3]]}', JSON, "too-many-series"),
        (b'{"numbers": [1]}', JSON, "bad-json"),
    ],
)
def test_what_is_no_series_is_refused(body, kind, refusal):
    assert code(lambda: series_in(body, kind, 2)) == refusal


@pytest.mark.parametrize(
    "body",
    [b"a\nb", b"1,2\n3", b"[1, [2, 3]]", b'["x"]', b"[[[1]]]", b"[{}]", b"1\ninf", b"nan\nnan", b"1,2,3",
     b"[" * 100_000, b"[1", b"\xff", b"[1e999]"],
)  # fmt: skip
def test_what_does_not_fit_the_model_s_columns_is_damaged(body):
    assert code(lambda: series_of(body, ("a",))).startswith("damaged-")


def test_the_sample_of_a_door_is_read_by_it():
    assert text_of(texts_in(TEXTS.sample(), TEXTS.kind, 1)[0])
    door = series_door(5, 3)
    assert series_of(door.items_in(door.sample(), door.kind, 1)[0], ("a", "b", "c")).shape == (5, 3)
    assert all(one in CODES for door in (PICTURES, TEXTS, door) for one in door.codes)
