"""What the server promises: answers as right together as alone, ready when it is, stopped as it is told."""

import asyncio
import base64
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from glassworks.core.errors import PersonError
from glassworks.deploy.doors import PICTURES
from glassworks.deploy.listen import bind, check_exposure, serve
from glassworks.deploy.loadtest import load, one_by_one, overload
from glassworks.deploy.openapi import completed
from glassworks.deploy.refusals import CODES
from glassworks.deploy.server import Settings, application
from tests.deploy import serving
from tests.deploy.asking import asking

JPEG = {"content-type": "image/jpeg"}
PNG = {"content-type": "image/png"}
ONE = {"content": serving.picture(), "headers": JPEG}


def named(prediction):
    return {answer["class"]: answer["probability"] for answer in prediction["answers"]}


def alone(bodies):
    """What the engine says of each picture by itself."""
    plain = serving.service()
    return [plain.words(plain.engine(plain.decode(body)[None])[0]) for body in bodies]


def same(prediction, expected):
    got, want = named(prediction), named(expected)
    return all(abs(got[name] - want[name]) <= 1e-5 for name in got) and list(got) == list(want)[: len(got)]


# ---- 32: batching


def test_pictures_of_mixed_sizes_get_the_same_answers_together_as_alone():
    kinds = [(32, "JPEG"), (7, "PNG"), (300, "JPEG"), (33, "WEBP"), (64, "PNG"), (128, "GIF"), (32, "BMP")]
    bodies = [serving.picture(seed, side=side, kind=kind) for seed, (side, kind) in enumerate(kinds)]
    expected = alone(bodies)

    async def scene(client):
        body, kind = serving.form(bodies)
        together = (await client.post("/predict?top=10", content=body, headers={"content-type": kind})).json()
        texts = [base64.b64encode(body).decode() for body in bodies]
        as_json = (await client.post("/predict?top=10", json={"pictures": texts})).json()
        for answer in (together, as_json):
            assert all(same(*pair) for pair in zip(answer["predictions"], expected, strict=True))
        single = (await client.post("/predict?top=10", content=bodies[2], headers=JPEG)).json()
        assert same(single["predictions"][0], expected[2])

    asking(scene)


def test_many_clients_at_once_each_get_their_own_answer_and_share_forwards():
    bodies = [serving.picture(number) for number in range(48)]
    expected = alone(bodies)
    made = serving.service("slow", 0.02)
    app = application(made, Settings())

    async def scene(client):
        before = made.calls[0]
        answers = await asyncio.gather(
            *(client.post("/predict?top=10", content=body, headers=JPEG) for body in bodies)
        )
        assert all(
            same(answer.json()["predictions"][0], want)
            for answer, want in zip(answers, expected, strict=True)
        )
        assert made.calls[0] - before <= 16

    asking(scene, app)


def test_one_poisoned_and_one_damaged_picture_fail_alone():
    bodies = [
        serving.picture(0),
        serving.picture(1, kind="PNG", first=serving.POISON),
        b"no picture",
        serving.picture(2),
    ]
    expected = alone([bodies[0], bodies[3]])

    async def scene(client):
        body, kind = serving.form(bodies)
        answer = await client.post("/predict", content=body, headers={"content-type": kind})
        one, poisoned, damaged, other = answer.json()["predictions"]
        assert answer.status_code == 200
        assert same(one, expected[0]) and same(other, expected[1])
        assert poisoned["error"]["code"] == "model-failed" and damaged["error"]["code"] == "damaged-picture"
        assert (await client.post("/predict", content=bodies[2], headers=JPEG)).status_code == 422

    asking(scene)


def test_an_answer_that_is_no_json_is_the_models_failure():
    made = serving.service()
    bad = type(made)(made.name, made.about, made.decode, made.engine,
                     lambda row: {"answers": [{"class": "a", "probability": float("nan")}]})  # fmt: skip

    app = application(bad, Settings())

    async def scene(client):
        assert app.state.serving.state == "failed"  # the warm-up's answer must be one, too
        assert (await client.get("/ready")).json()["error"]["code"] == "not-ready"

    asking(scene, app)


def test_explain_adds_the_overlay_to_each_picture_and_top_cuts_the_list():
    async def scene(client):
        body, kind = serving.form([serving.picture(0), serving.picture(1)])
        answer = await client.post("/predict?explain=1&top=2", content=body, headers={"content-type": kind})
        for prediction in answer.json()["predictions"]:
            assert (
                prediction["overlay"].startswith("data:image/png;base64,")
                and "looked" in prediction["caption"]
            )
            assert len(prediction["answers"]) == 2
        plain = await client.post("/predict", **ONE)
        assert (
            "overlay" not in plain.json()["predictions"][0]
            and len(plain.json()["predictions"][0]["answers"]) == 5
        )

    asking(scene)


def test_a_model_without_overlays_says_so():
    made = serving.service()
    app = application(type(made)(made.name, made.about, made.decode, made.engine, made.words), Settings())

    async def scene(client):
        answer = await client.post("/predict?explain=1", content=serving.picture(), headers=JPEG)
        assert answer.json()["error"]["code"] == "no-explanation"
        assert (await client.get("/about")).json()["explain"] is False

    asking(scene, app)


# ---- 28: deadlines and clients that leave


def test_a_deadline_is_told_and_costs_no_forward():
    made = serving.service("slow", 0.5)
    app = application(made, Settings(most=1, deadline=0.2))

    async def scene(client):
        calls = made.calls[0]
        answers = await asyncio.gather(*(client.post("/predict", **ONE) for _ in range(6)))
        assert {answer.json()["error"]["code"] for answer in answers} == {"expired"}
        await asyncio.sleep(0.7)
        counts = app.state.serving.batcher.counts
        assert made.calls[0] - calls == 1 and counts.expired == 6 and counts.wasted == 0

    asking(scene, app)


def test_clients_that_leave_while_they_wait_cost_no_forward():
    with serving.running("slow", 3.0, most=1) as (url, _):
        patient = threading.Thread(target=lambda: httpx.post(url + "/predict", **ONE))
        patient.start()
        time.sleep(0.5)
        hasty = httpx.Timeout(5, read=0.05)
        for _ in range(5):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(url + "/predict", **ONE, timeout=hasty)
        patient.join()
        time.sleep(0.2)
        meters = metrics(url)
        assert meters["glassworks_abandoned"] == 5 and meters["glassworks_wasted"] == 0
        assert (
            meters["glassworks_batch_items_sum"] - 2 <= 2
        )  # the warm-ups (two), the patient one; none of the five
        assert meters['glassworks_requests_total{path="/predict",status="499"}'] == 5


def metrics(url):
    lines = [line for line in httpx.get(url + "/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


# ---- 30: ready, live, drain


def test_ready_only_after_a_picture_went_all_the_way_through():
    gate = threading.Event()
    made = serving.service()

    def engine(pixels):
        assert gate.wait(20)
        return made.engine(pixels)

    app = application(type(made)(made.name, made.about, made.decode, engine, made.words), Settings())

    async def scene(client):
        assert (await client.get("/health")).status_code == 200
        for answer in (
            await client.get("/ready"),
            await client.post("/predict", **ONE),
        ):
            assert answer.status_code == 503 and answer.json()["error"]["code"] == "not-ready"
            assert int(answer.headers["retry-after"]) >= 1
        gate.set()
        for _ in range(500):
            if (await client.get("/ready")).status_code == 200:
                break
            await asyncio.sleep(0.02)
        assert (await client.post("/predict", **ONE)).status_code == 200

    asking(scene, app, ready=False)


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_finishes_what_is_in_and_ends_with_its_code(number, code):
    with serving.running("slow", 1.0) as (url, process):
        answers = []
        asking_now = threading.Thread(
            target=lambda: answers.append(httpx.post(url + "/predict", **ONE, timeout=20))
        )
        asking_now.start()
        time.sleep(0.4)
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = listed.read_text() if listed.is_file() else ""
        assert serving.stop(process, number, within=12) == code
        asking_now.join()
        assert answers[0].status_code == 200 and children == ""
        with pytest.raises(httpx.ConnectError):
            httpx.get(url + "/health")


def test_a_model_that_hangs_ends_the_process_with_1_and_tells_who_waits():
    with serving.running("hang", hang=1.0) as (url, process):
        poisoned = serving.picture(kind="PNG", first=serving.POISON)
        answer = httpx.post(url + "/predict", content=poisoned, headers=PNG, timeout=20)
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "not-ready"
        assert process.wait(5) == 1
        assert "no sign of life" in process.stderr.read()


def test_a_model_thread_that_dies_is_replaced():
    with serving.running("die") as (url, _):
        poisoned = serving.picture(kind="PNG", first=serving.POISON)
        assert httpx.post(url + "/predict", content=poisoned, headers=PNG, timeout=20).status_code == 500
        assert httpx.post(url + "/predict", **ONE, timeout=5).status_code == 200
        assert metrics(url)["glassworks_restarts"] == 1


def test_a_model_that_cannot_warm_up_ends_the_process_with_1(capfd):
    made = serving.service("no-warm-up")
    assert serve(made, Settings(port=0), say=lambda line: pytest.fail(line)) == 1
    assert "the warm-up failed" in capfd.readouterr().err


# ---- 31: exposure


def test_it_binds_to_this_machine_alone_and_others_need_a_key():
    check_exposure(Settings())
    check_exposure(Settings(host="0.0.0.0", key="k"))
    for host in ("0.0.0.0", "::", "192.168.1.5"):
        with pytest.raises(PersonError) as refused:
            serve(serving.service(), Settings(host=host))
        assert refused.value.code == "key-needed"
    with bind("127.0.0.1", 0) as taken:
        assert taken.getsockname()[0] == "127.0.0.1"


def test_a_port_in_use_is_told_and_so_is_an_address_of_another_machine():
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(PersonError) as refused:
            bind("127.0.0.1", taken.getsockname()[1])
        assert refused.value.code == "port-in-use" and "--port" in refused.value.fix
    with pytest.raises(PersonError) as refused:
        bind("203.0.113.7", 0)
    assert refused.value.code == "bad-address"


def test_connections_do_not_wait_for_more_to_send():
    """Without TCP_NODELAY each answer, head and body, waits 40 ms for the client's acknowledgement."""

    async def accepted():
        made = asyncio.get_running_loop().create_future()

        class Caught(asyncio.Protocol):
            def connection_made(self, transport):
                line = transport.get_extra_info("socket")
                made.set_result(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        listening = bind("127.0.0.1", 0)
        async with await asyncio.get_running_loop().create_server(Caught, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            assert await made
            writer.close()

    asyncio.run(accepted())


def test_metrics_count_without_inputs():
    async def scene(client):
        await client.post("/predict", content=b"very secret words", headers=JPEG)
        await client.get("/very/secret/path")
        text = (await client.get("/metrics")).text
        assert "secret" not in text
        assert 'glassworks_requests_total{path="other",status="404"} 1.0' in text
        assert 'glassworks_requests_total{path="/predict",status="422"} 1.0' in text
        assert "glassworks_waiting 0.0" in text and "glassworks_batch_items_bucket" in text

    asking(scene)


def test_openapi_lists_every_address_body_and_error_and_shows_no_script():
    async def scene(client):
        document = (await client.get("/openapi.json")).json()
        assert set(document["paths"]) >= {"/", "/predict", "/health", "/ready", "/about", "/metrics"}
        predict = document["paths"]["/predict"]["post"]
        assert set(predict["requestBody"]["content"]) == {
            "multipart/form-data",
            "application/json",
            "image/*",
        }
        told = " ".join(answer["description"] for answer in predict["responses"].values())
        assert all(
            code in told
            for code, (status, _) in CODES.items()
            if status in (408, 413, 415, 422, 429, 503, 504)
            and code not in ("damaged-text", "damaged-series")
        )
        assert "Retry-After" in predict["responses"]["429"]["headers"]
        assert (await client.get("/docs")).status_code == (await client.get("/redoc")).status_code == 404

    asking(scene)
    keyed = completed({"paths": {"/about": {"get": {}}}}, PICTURES, keyed=True, most=4)
    assert (
        keyed["paths"]["/about"]["get"]["security"] and "401" in keyed["paths"]["/about"]["get"]["responses"]
    )


def test_the_page_needs_nothing_from_outside_and_its_policy_names_what_it_runs():
    async def scene(client):
        answer = await client.get("/")
        text = answer.text
        assert (
            "small cnn" in text
            and "http://" not in text.replace("http://www.w3.org", "")
            and "https://" not in text
        )
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].count("sha256-") == 2

    asking(scene)
    hostile = serving.service()
    object.__setattr__(hostile, "name", "</script><script>alert(1)")

    async def escaped(client):
        assert "<script>alert" not in (await client.get("/")).text

    asking(escaped, application(hostile, Settings()))


# ---- 27: overload; 33: soak


def resident(pid):
    """Resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_a_flood_is_refused_with_retry_after_and_nothing_is_lost():
    with serving.running("slow", 0.2, queue=8, most=4) as (url, process):
        picture = serving.picture()
        flood = load(url, 2.0, picture, connections=32, rate=200)
        assert flood["refused"] > flood["served"] > 0 and flood["refused_without_retry_after"] == 0
        assert set(flood["statuses"]) == {"200", "429"} and flood["lost"] == flood["unanswered"] == 0
        assert metrics(url)["glassworks_refused"] == flood["refused"]
        assert one_by_one(url, 10, picture)["statuses"] == {"200": 10}
        assert serving.stop(process) == 143


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_times_the_capacity_for_thirty_seconds():
    with serving.running("slow", 0.1, most=16) as (url, process):
        picture = serving.picture()
        load(url, 3, picture)  # the allocator's own growth
        before = resident(process.pid)
        told = overload(url, 30.0, picture, times=10)
        print(json.dumps(told, indent=1))
        flood = told["overload"]
        batch = metrics(url)["glassworks_batch_seconds_sum"] / metrics(url)["glassworks_batch_seconds_count"]
        assert set(flood["statuses"]) == {"200", "429"} and flood["refused_without_retry_after"] == 0
        crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # beside others everyone waits longer
        assert told["served_share"] >= (0.9 if crowd < 1.5 else 0.7)
        assert flood["refused_p99"] < 0.5 * crowd and flood["health_p99"] < 0.2 * crowd
        assert flood["p99"] < 64 * batch + 0.5 * crowd
        assert resident(process.pid) - before < 50
        assert told["afterwards"]["statuses"] == {"200": 100}
        assert metrics(url)["glassworks_wasted"] == 0


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_soak_at_eighty_percent_neither_grows_nor_slows():
    """GLASSWORKS_SOAK=600 for the ten minutes of a release; a minute otherwise."""
    seconds = float(os.environ.get("GLASSWORKS_SOAK", "60"))
    with serving.running("slow", 0.02) as (url, process):
        picture = serving.picture()
        capacity = load(url, 5, picture)["served_per_second"]
        load(
            url, 30, picture, rate=0.8 * capacity
        )  # half a minute fills pools and caches: 25 MB, then nothing
        parts = []
        for _ in range(12):
            part = load(url, seconds / 12, picture, rate=0.8 * capacity)
            parts.append((part["p99"], resident(process.pid), part["statuses"]))
        late = parts[2:]
        minutes = np.arange(len(late)) * seconds / 12 / 60
        slope = float(np.polyfit(minutes, [memory for _, memory, _ in late], 1)[0])
        # A neighbour only ever adds to a delay, so the least of each half is the server's own.
        drift = min(p for p, _, _ in late[5:]) / min(p for p, _, _ in late[:5]) - 1
        print(
            f"soak {seconds:g} s at {0.8 * capacity:.0f}/s: {slope:.2f} MB a minute, p99 drift {drift:+.1%}"
        )
        growth = late[-1][1] - late[0][1]
        # Memory comes from the system in blocks of megabytes, so a minute shows no slope, only a flood.
        assert slope < 1 if seconds >= 600 else growth < 10
        crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        assert drift < 0.2 * crowd
        assert all(set(statuses) <= {"200", "429"} for _, _, statuses in parts)
