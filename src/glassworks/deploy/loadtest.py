"""How much a server bears: its capacity, and what it does with ten times as much.

The first measurement keeps a few connections busy and counts answers (closed loop: a new request when the
last is answered). The second sends at a fixed rate whatever comes back (open loop), as real visitors do: a
server without a queue that ends grows slower and slower there, one that refuses early keeps its pace. The
generator speaks HTTP over bare sockets so that it takes little of the processor it shares with the server.

Source: open against closed loops: Schroeder et al. 2006; the figures of an overload: docs/trust.md, 27.
The first thing to change: `times` in `overload`.
Command: glassworks serve RUN --load-test SECONDS
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from glassworks.core.errors import PersonError

TICK = 0.004  # seconds between two bursts of an open loop
MOST_CONNECTIONS = 512
SETTLE = 35.0  # seconds for the last answers to arrive: a little over the server's own deadline
END = b"\r\n\r\n"


@dataclass
class Tally:
    """What came back. Times in seconds."""

    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    without_retry: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    sent: int = 0
    unsent: int = 0
    health: list[float] = field(default_factory=list)
    clients: list["Client"] = field(default_factory=list)

    def close(self) -> None:
        for client in self.clients:
            client.busy = False
            client.transport.abort()

    def note(self, status: int, seconds: float, head: bytes) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 200:
            self.served.append(seconds)
        elif status == 429:
            self.refused.append(seconds)
            self.without_retry += b"retry-after:" not in head.lower()


class Client(asyncio.Protocol):
    """One kept connection; `free` is called when it can take the next request."""

    def __init__(self, tally: Tally, free: Callable[["Client"], None]):
        self.tally, self.free = tally, free
        self.buffer, self.started, self.busy = bytearray(), 0.0, False
        self.transport: Any = None
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> None:
        self.busy, self.started = True, time.perf_counter()
        self.tally.sent += 1
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        split = self.buffer.find(END)
        if split < 0:
            return
        head = bytes(self.buffer[:split])
        place = head.lower().find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(self.buffer) < split + len(END) + length:
            return
        del self.buffer[: split + len(END) + length]
        self.busy = False
        self.tally.note(int(head[9:12]), time.perf_counter() - self.started, head)
        self.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self.tally.lost += self.busy


def request_bytes(
    url: str,
    picture: bytes,
    *,
    key: str | None = None,
    kind: str = "image/jpeg",
    path: str = "/predict?top=1",
) -> bytes:
    """One POST as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(picture)}",
        *([f"X-API-Key: {key}"] if key else []),
    ]
    return "\r\n".join(lines).encode() + END + picture


def load(
    url: str,
    seconds: float,
    picture: bytes,
    *,
    connections: int = 64,
    rate: float | None = None,
    key: str | None = None,
    kind: str = "image/jpeg",
    path: str = "/predict?top=1",
) -> dict[str, Any]:
    """Send a picture again and again and tell what came back.

    rate: requests a second, whatever comes back (open loop); None: `connections` that each wait for their
    answer (closed loop). Returns counts, answers a second, and percentiles in seconds. Raises
    PersonError("no-server") when nothing listens there.
    """
    request = request_bytes(url, picture, key=key, kind=kind, path=path)
    started = time.process_time()
    tally, took, within = asyncio.run(_load(url, seconds, request, connections, rate))
    return _summary(tally, took, time.process_time() - started, within)


def overload(
    url: str,
    seconds: float,
    picture: bytes,
    *,
    times: float = 10.0,
    key: str | None = None,
    kind: str = "image/jpeg",
    path: str = "/predict?top=1",
) -> dict[str, Any]:
    """Capacity, then `times` as much for `seconds`, then 100 requests one after another.

    Returns {"capacity": …, "overload": …, "afterwards": …, "served_share": of the capacity}.
    """
    how: dict[str, Any] = {"key": key, "kind": kind, "path": path}
    capacity = load(url, min(10.0, max(2.0, seconds / 3)), picture, **how)
    per_second = max(1.0, capacity["served_per_second"])
    flood = load(url, seconds, picture, rate=times * per_second, **how)
    afterwards = one_by_one(url, 100, picture, **how)
    share = flood["served_per_second"] / per_second
    return {"capacity": capacity, "overload": flood, "afterwards": afterwards, "served_share": share}


def one_by_one(url: str, count: int, picture: bytes, **how: Any) -> dict[str, Any]:
    """`count` requests, each sent when the last is answered; as `load`."""
    tally = Tally()
    started = time.perf_counter(), time.process_time()
    request = request_bytes(url, picture, **how)
    asyncio.run(_one_by_one(urlsplit(url), count, request, tally))
    took = time.perf_counter() - started[0]
    return _summary(tally, took, time.process_time() - started[1], len(tally.served))


def _no_server(url: str) -> PersonError:
    return PersonError(
        "no-server", expected=f"a server at {url}", got="nothing that answers", fix="start it first"
    )


async def _load(
    url: str, seconds: float, request: bytes, connections: int, rate: float | None
) -> tuple[Tally, float, int]:
    """The tally, the seconds in which was sent, and how many were served within them."""
    tally, place, ending = Tally(), urlsplit(url), False
    free: deque[Client] = deque()

    def again(client: Client) -> None:
        if rate is not None:
            free.append(client)
        elif not ending:
            client.ask(request)

    try:
        clients = [await _connect(place, tally, again) for _ in range(connections)]
    except OSError as error:
        raise _no_server(url) from error
    watching = asyncio.create_task(_watch_health(place, tally))
    started = time.perf_counter()
    if rate is None:
        for client in clients:
            client.ask(request)
        await asyncio.sleep(seconds)
    else:
        free.extend(clients)
        await _send_at(rate, seconds, request, free, lambda: _connect(place, tally, again), tally)
    took, within, ending = time.perf_counter() - started, len(tally.served), True
    watching.cancel()
    until = time.perf_counter() + SETTLE
    while tally.sent > sum(tally.statuses.values()) + tally.lost and time.perf_counter() < until:
        await asyncio.sleep(0.02)
    tally.close()
    return tally, took, within


async def _connect(place: SplitResult, tally: Tally, free: Callable[["Client"], None]) -> Client:
    address = (place.hostname or "127.0.0.1", place.port or 80)
    loop = asyncio.get_running_loop()
    client = (await loop.create_connection(lambda: Client(tally, free), *address))[1]
    tally.clients.append(client)
    return client


async def _send_at(
    rate: float,
    seconds: float,
    request: bytes,
    free: "deque[Client]",
    connect: Callable[[], Awaitable["Client"]],
    tally: Tally,
) -> None:
    """Send what is due every few milliseconds; a request that finds no free connection is not sent."""
    started = time.perf_counter()
    due = 0
    while (now := time.perf_counter() - started) < seconds:
        wanted = int(now * rate)
        while due < wanted:
            due += 1
            while free and free[0].closed:
                free.popleft()
            if free:
                free.popleft().ask(request)
            else:
                tally.unsent += 1
                if sum(not client.closed for client in tally.clients) < MOST_CONNECTIONS:
                    free.append(await connect())
        await asyncio.sleep(TICK)


async def _one_by_one(place: SplitResult, count: int, request: bytes, tally: Tally) -> None:
    done = asyncio.Event()

    def again(client: Client) -> None:
        if tally.sent < count:
            client.ask(request)
        else:
            done.set()

    (await _connect(place, tally, again)).ask(request)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), SETTLE)
    tally.close()


async def _watch_health(place: SplitResult, tally: Tally) -> None:
    """How long /health takes meanwhile, twenty times a second."""
    own = Tally()
    back = asyncio.Event()
    client = await _connect(place, own, lambda client: back.set())
    question = f"GET /health HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
    try:
        while not client.closed:
            back.clear()
            client.ask(question)
            await back.wait()
            tally.health.append(own.served[-1] if own.served else float("inf"))
            await asyncio.sleep(0.05)
    finally:
        own.close()


def _summary(tally: Tally, took: float, processor: float, within: int) -> dict[str, Any]:
    return {
        "seconds": took,
        "sent": tally.sent,
        "sent_per_second": tally.sent / took,
        "unsent": tally.unsent,
        "served": len(tally.served),
        "served_per_second": within / took,
        "refused": len(tally.refused),
        "refused_without_retry_after": tally.without_retry,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "lost": tally.lost,
        "unanswered": tally.sent - sum(tally.statuses.values()) - tally.lost,
        "p50": _part(tally.served, 0.5),
        "p99": _part(tally.served, 0.99),
        "refused_p99": _part(tally.refused, 0.99),
        "health_p99": _part(tally.health, 0.99),
        "generator_processor_seconds": processor,
    }


def _part(times: Sequence[float], share: float) -> float | None:
    """The value below which `share` of the times lie."""
    if not times:
        return None
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]
