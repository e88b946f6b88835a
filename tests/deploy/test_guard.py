"""What the door promises: nothing too large, slow or foreign comes in, and nothing of the inside gets out."""

import asyncio
import base64
import hmac
import json
import random
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from glassworks.core.errors import PersonError
from glassworks.deploy.bodies import pictures_in
from glassworks.deploy.guard import Guard, Limits
from glassworks.deploy.refusals import CODES, Refusal
from glassworks.deploy.server import Settings, application
from tests.deploy import serving
from tests.deploy.asking import asking

LIMIT = 200_000
INSIDE = (b"Traceback", b"0xdeadbeef", b"/secret", b"site-packages", b".py", b'File "', b"object at 0x")


def guarded(limits, messages, path="/predict", headers=()):
    """Send messages of a body through a guard; (status, JSON, bytes that got through)."""
    got, answer = [], {}

    async def application(scope, receive, send):
        while True:
            message = await receive()
            got.append(len(message.get("body", b"")))
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def play():
        waiting = list(messages)

        async def receive():
            if not waiting:
                await asyncio.sleep(60)
            pause, body, more = waiting.pop(0)
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": body, "more_body": more}

        async def send(message):
            answer.update(message)

        scope = {"type": "http", "path": path, "headers": [(b"host", b"127.0.0.1:1"), *headers]}
        await Guard(application, limits)(scope, receive, send)

    asyncio.run(play())
    return answer["status"], json.loads(answer["body"]), sum(got)


def test_a_chunked_body_is_cut_when_it_passes_the_limit_and_not_read_to_its_end():
    chunks = [(0, b"x" * 1000, True)] * 1000
    status, answer, got = guarded(Limits(body=10_000), chunks)
    assert status == 413 and answer["error"]["code"] == "body-too-large" and got <= 10_000


def test_an_announced_body_over_the_limit_is_refused_before_a_byte_is_read():
    status, _, got = guarded(Limits(body=10_000), [], headers=[(b"content-length", b"10001")])
    assert status == 413 and got == 0
    assert (
        guarded(Limits(body=10_000), [(0, b"x" * 10_000, False)], headers=[(b"content-length", b"10000")])[0]
        == 200
    )


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"x", b"9" * 40, b""])
def test_a_length_that_is_no_number_is_refused(length):
    assert guarded(Limits(), [], headers=[(b"content-length", length)])[1]["error"]["code"] == "bad-length"


def test_a_body_that_trickles_is_cut_after_the_patience_however_often_it_moves():
    trickle = [(0.05, b"x", True)] * 200
    started = time.monotonic()
    status, answer, got = guarded(Limits(patience=0.4), trickle)
    assert status == 408 and answer["error"]["code"] == "body-too-slow"
    assert 0 < got < 100 and time.monotonic() - started < 8


@pytest.mark.parametrize(
    "headers, code",
    [
        ([], "key-missing"),
        ([(b"x-api-key", b"wrong")], "key-wrong"),
        ([(b"authorization", b"Bearer wrong")], "key-wrong"),
        ([(b"authorization", b"Basic c2VjcmV0")], "key-missing"),
        ([(b"x-api-key", b"")], "key-missing"),
        ([(b"x-api-key", "schlüssel".encode())], None),
        ([(b"authorization", b"bearer " + "schlüssel".encode())], None),
    ],
)
def test_only_the_key_opens_and_it_is_compared_in_constant_time(headers, code, monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(len(a) - len(b)) or real(a, b))
    status, answer, _ = guarded(Limits(key="schlüssel"), [(0, b"", False)], headers=headers)
    assert compared == [0]  # digests: of equal length whatever was sent
    assert (status, answer.get("error", {}).get("code")) == ((200, None) if code is None else (401, code))


@pytest.mark.parametrize(
    "host, origin, code",
    [
        ("127.0.0.1:8000", None, None),
        ("localhost:8000", "http://localhost:8000", None),
        ("evil.example", None, "unknown-host"),
        ("127.0.0.1.evil.example:8000", None, "unknown-host"),
        ("", None, "unknown-host"),
        ("localhost:8000", "http://evil.example", "foreign-origin"),
        ("localhost:8000", "http://localhost:9000", "foreign-origin"),
        ("localhost:8000", "null", "foreign-origin"),
    ],
)
def test_other_names_and_pages_of_other_sites_are_refused(host, origin, code):
    async def scene(client):
        headers = {"host": host} | ({"origin": origin} if origin else {})
        answer = await client.get("/ready", headers=headers)
        assert answer.json().get("error", {}).get("code") == code
        assert "access-control-allow-origin" not in answer.headers

    asking(scene)


def test_cors_is_closed():
    async def scene(client):
        headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
        answer = await client.options("/predict", headers=headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]

    asking(scene)


def test_every_answer_carries_the_security_headers():
    async def scene(client):
        for path in ("/", "/about", "/nope", "/predict"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]

    asking(scene)


def test_a_failure_inside_shows_nothing_of_the_inside(caplog):
    async def scene(client):
        answer = await client.post("/predict", content=serving.picture(first=serving.POISON, kind="PNG"),
                                   headers={"content-type": "image/png"})  # fmt: skip
        assert answer.status_code == 500 and answer.json()["error"]["code"] == "model-failed"
        assert not [word for word in INSIDE if word in answer.content]

    asking(scene)
    assert "poison" in caplog.text  # the log says what the client is not told


def test_an_error_of_the_framework_is_told_in_the_same_form():
    async def scene(client):
        asked = [("GET", "/predict", "wrong-method"), ("POST", "/about", "wrong-method"),
                 ("GET", "/docs", "not-found"), ("GET", "/abuot", "not-found")]  # fmt: skip
        for method, path, code in asked:
            answer = await client.request(method, path)
            assert answer.json()["error"]["code"] == code and answer.status_code == CODES[code][0]
        assert 'did you mean "/about"?' in (await client.get("/abuot")).json()["error"]["fix"]

    asking(scene)


# ---- bodies


def test_three_forms_of_body_hold_the_same_pictures():
    one, two = serving.picture(1), serving.picture(2)
    body, kind = serving.form([one, two])
    texts = [base64.b64encode(picture).decode() for picture in (one, two)]
    assert pictures_in(body, kind, 8) == [one, two]
    assert pictures_in(json.dumps({"pictures": texts}).encode(), "application/json", 8) == [one, two]
    assert pictures_in(json.dumps({"picture": "data:image/jpeg;base64," + texts[0]}).encode(),
                       "Application/JSON; charset=utf-8", 8) == [one]  # fmt: skip
    assert pictures_in(one, "image/jpeg", 8) == [one]


def test_forms_of_other_programs_are_read():
    request = httpx.Request("POST", "http://a", files=[("file", ("ä b.jpg", b"\r\n--one", "image/jpeg")),
                            ("file", ("c", b"two\r\n", "image/png"))], data={"other": "words"})  # fmt: skip
    assert pictures_in(request.read(), request.headers["content-type"], 8) == [b"\r\n--one", b"two\r\n"]


@pytest.mark.parametrize(
    "body, kind, code",
    [
        (b"", "image/jpeg", "no-picture"),
        (b"x", "", "unsupported-body"),
        (b"x", "text/plain", "unsupported-body"),
        (b"{", "application/json", "bad-json"),
        (b"[" * 100_000, "application/json", "bad-json"),
        (b"\xff\xfe", "application/json", "bad-json"),
        (b"[]", "application/json", "bad-json"),
        (b'{"picture": 1}', "application/json", "bad-json"),
        (b'{"picture": "aa", "pictures": []}', "application/json", "bad-json"),
        (b'{"pictures": []}', "application/json", "no-picture"),
        (b'{"pictures": ["", ""]}', "application/json", "no-picture"),
        (b'{"picture": "file:///etc/passwd"}', "application/json", "bad-base64"),
        (b'{"picture": "http://127.0.0.1/a.png"}', "application/json", "bad-base64"),
        ('{"picture": "ä"}'.encode(), "application/json", "bad-base64"),
        (b'{"url": "http://127.0.0.1/"}', "application/json", "bad-json"),
        (json.dumps({"pictures": ["AAAA"] * 9}).encode(), "application/json", "too-many-pictures"),
        (b"x", "multipart/form-data", "bad-multipart"),
        (b"x", "multipart/form-data; boundary=", "bad-multipart"),
        (b"--b\r\n\r\nx", "multipart/form-data; boundary=b", "bad-multipart"),
        (b"--b\r\nno blank line\r\n--b--", "multipart/form-data; boundary=b", "bad-multipart"),
        (b"--b\r\nA: b\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b", "no-picture"),
    ],
)
def test_broken_bodies_are_told_apart(body, kind, code):
    with pytest.raises(Refusal) as refused:
        pictures_in(body, kind, 8)
    assert refused.value.code == code


# ---- a real server and bare sockets


@pytest.fixture(scope="module")
def address():
    with serving.running(patience=1.0, body_limit=LIMIT) as (url, _):
        place = urlsplit(url)
        yield place.hostname, place.port


def spoken(address, *pieces, pause=0.0, within=30.0):
    """Send pieces over a bare socket with pauses; what came back until the server closed."""
    with socket.create_connection(address, timeout=within) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
                if pause:
                    time.sleep(pause)
        except OSError:
            pass  # it was cut off
        parts = []
        try:
            while part := line.recv(65_536):
                parts.append(part)
        except ConnectionError:
            pass
        return b"".join(parts)


def told(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head[9:12]), json.loads(body)["error"]["code"]


HEAD = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"


def test_slow_headers_are_cut_although_every_second_brings_a_byte(address):
    slow = [b"GET /health HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 100]
    assert told(spoken(address, *slow, pause=0.1)) == (408, "body-too-slow")


def test_a_silent_connection_is_closed(address):
    assert told(spoken(address)) == (408, "body-too-slow")


def test_slow_headers_of_a_second_request_on_the_same_connection_are_cut(address):
    whole = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = spoken(address, whole, *[b"GET /health HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 100], pause=0.1)
    assert answer.startswith(b"HTTP/1.1 200") and answer.count(b"HTTP/1.1 ") == 1


def test_a_slow_body_is_cut(address):
    answer = spoken(
        address, HEAD + b"Content-Length: 1000\r\nConnection: close\r\n\r\n", *[b"x"] * 100, pause=0.1
    )
    assert told(answer) == (408, "body-too-slow")


def test_a_slow_chunked_body_is_cut(address):
    head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert told(spoken(address, head, *[b"1\r\nx\r\n"] * 100, pause=0.1)) == (408, "body-too-slow")


def test_an_endless_chunked_body_is_cut_at_the_limit(address):
    head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (50_000, b"x" * 50_000)
    assert told(spoken(address, head, *[chunk] * 5, pause=0.01)) == (413, "body-too-large")


def test_an_announced_length_over_the_limit_is_refused_without_the_body(address):
    answer = spoken(address, HEAD + b"Content-Length: 99999999\r\nConnection: close\r\n\r\n")
    assert told(answer) == (413, "body-too-large")


def test_headers_without_end_are_cut(address):
    answer = spoken(address, b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"b" * 10_000 + b"\r\n"] * 20)
    assert not answer or told(answer)[1] in ("headers-too-large", "invalid-request")


@pytest.mark.parametrize("words", [b"\x16\x03\x01\x02\x00\x01\x00", b"HELLO"])
def test_what_is_no_http_is_told_so_in_json(address, words):
    assert told(spoken(address, words + b"\r\n\r\n"))[1] == "invalid-request"


def test_a_crowd_of_slow_connections_keeps_nobody_else_from_an_answer(address):
    crowd = [socket.create_connection(address) for _ in range(200)]
    try:
        for line in crowd:
            line.sendall(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        answer = httpx.get(f"http://{address[0]}:{address[1]}/health", timeout=20)
        assert answer.status_code == 200
        crowd[0].settimeout(20)
        assert crowd[0].recv(100).startswith(b"HTTP/1.1 408")
    finally:
        for line in crowd:
            line.close()


# ---- fuzzing


KINDS = (
    "image/png", "application/json", "multipart/form-data; boundary=ééé", "text/html", "\x00",
    "multipart/form-data; boundary=xyz; boundary*0=a", "application/json;charset=x",
)  # fmt: skip
QUERIES = (
    "", "", "", "?top=3", "?top=0", "?top=x", "?top=99999", "?explain=1", "?explain=2", "?%00=%ff", "?a=b",
    "?top=²", "?top=" + "9" * 500, "?explain=true&top=1",
)  # fmt: skip


def noise(rng: random.Random, good: list[tuple[bytes, str]]) -> tuple[str, str, bytes, dict[str, str]]:
    """A request that is broken in some way: (method, path, body, headers)."""
    body, kind = rng.choice(good)
    cut = bytearray(body)
    for _ in range(rng.choice((0, 1, 5, 50))):
        cut[rng.randrange(len(cut))] = rng.randrange(256)
    body = bytes(cut[: rng.randrange(len(cut))] if rng.random() < 0.3 else cut)
    if rng.random() < 0.1:
        body = rng.randbytes(rng.randrange(2000))
    if rng.random() < 0.15:
        kind = rng.choice(KINDS)
    query = rng.choice(QUERIES)
    path = rng.choice(
        ("/predict",) * 12 + ("/", "/../../etc/passwd", "/%00", "/predict/", "/about", "/metrics")
    )
    headers = {"content-type": kind}
    if rng.random() < 0.05:
        headers["expect"] = rng.choice(("100-continue", "x"))
    return rng.choice(("POST",) * 8 + ("GET", "PUT", "HEAD", "OPTIONS")), path + query, body, headers


def fuzzed(url: str, count: int, seed: int) -> dict[int, int]:
    """Statuses of that many broken requests to a real server; each answer is looked at."""
    good = [
        (serving.picture(kind=kind), f"image/{kind.lower()}")
        for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
    ]
    good += [serving.form([serving.picture(1), serving.picture(2)])]
    good += [
        (json.dumps({"picture": base64.b64encode(serving.picture(3)).decode()}).encode(), "application/json")
    ]
    rng, statuses = random.Random(seed), {}
    with httpx.Client(base_url=url, timeout=60) as client:
        for _ in range(count):
            method, path, body, headers = noise(rng, good)
            raw = [(name.encode(), value.encode()) for name, value in headers.items()]
            try:
                answer = client.request(
                    method, path.encode("ascii", "ignore").decode(), content=body, headers=raw
                )
            except (httpx.LocalProtocolError, httpx.InvalidURL):
                continue  # the client itself would not send it
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, (method, path, body[:200], headers, answer.text)
            assert not [word for word in INSIDE if word in answer.content], answer.text
            if answer.status_code >= 400 and method != "HEAD":
                assert CODES[answer.json()["error"]["code"]][0] == answer.status_code
        assert client.get("/ready").status_code == 200
    return statuses


def test_four_hundred_fuzzed_requests_never_get_a_5xx_or_an_inside(address):
    statuses = fuzzed("http://{}:{}".format(*address), 400, seed=1)
    assert sum(statuses.values()) > 300 and {200, 400, 422} <= set(statuses)


@pytest.mark.long
def test_ten_thousand_fuzzed_requests_never_get_a_5xx_or_an_inside():
    with serving.running(body_limit=LIMIT) as (url, process):
        assert sum(fuzzed(url, 10_000, seed=2).values()) > 8000
        assert serving.stop(process) == 143
        assert "Traceback" not in process.stderr.read()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_picture_whose_decoder_raises_something_unheard_of_is_a_damaged_picture():
    """A TIFF whose second frame has no size: Pillow's count of frames raises TypeError."""
    rng, good, told = random.Random(3), serving.picture(kind="TIFF"), []
    for _ in range(600):
        cut = bytearray(good)
        for _ in range(rng.choice((1, 5, 50))):
            cut[rng.randrange(200)] = rng.randrange(256)
        try:
            serving.decode(bytes(cut))
        except PersonError as error:
            told.append(error.got)
            assert error.code == "damaged-picture"
    assert any("the pixels end early or are broken" in one for one in told)


def test_settings_that_make_no_sense_are_refused_without_showing_the_key():
    with pytest.raises(PersonError) as refused:
        Settings(queue=0, key="very secret")
    assert "very secret" not in str(refused.value)


def test_the_page_and_the_probes_need_no_key_and_all_else_does():
    app = application(serving.service(), Settings(key="k"))

    async def scene(client):
        for path in ("/", "/health", "/ready"):
            assert (await client.get(path)).status_code == 200
        for path in ("/about", "/metrics", "/openapi.json"):
            assert (await client.get(path)).status_code == 401
            assert (await client.get(path, headers={"x-api-key": "k"})).status_code == 200

    asking(scene, app)
