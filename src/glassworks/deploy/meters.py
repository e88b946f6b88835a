"""What /metrics shows: counts, times and the queue, never an input, a path that was made up, or a client.

Source: Prometheus' naming rules (base units, _total for counters).
The first thing to change: `SECONDS`, the edges of the latency histogram.
"""

import functools
from typing import TYPE_CHECKING, Any

from glassworks.core.errors import PersonError

if TYPE_CHECKING:
    from glassworks.deploy.batcher import Batcher

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)
PATHS = frozenset(("/", "/predict", "/health", "/ready", "/about", "/metrics", "/openapi.json"))


class Meters:
    """The meters of one server, in a registry of their own."""

    def __init__(self, batcher: "Batcher"):
        try:
            from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
        except ImportError as error:
            raise PersonError(
                "missing-extra", expected="prometheus-client", got="an installation without it",
                fix='pip install "glassworks[serve]"',
            ) from error  # fmt: skip
        self.kind, self.registry = CONTENT_TYPE_LATEST, CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter(
            "glassworks_requests",
            "answers by address and status; 499: the client left",
            ["path", "status"],
            **own,
        )
        self.seconds = Histogram(
            "glassworks_request_seconds", "seconds to answer /predict", buckets=SECONDS, **own
        )
        self.items = Histogram("glassworks_batch_items", "pictures in a forward", buckets=ITEMS, **own)
        self.batch_seconds = Histogram(
            "glassworks_batch_seconds", "seconds of a batch: decode, forward, words", buckets=SECONDS, **own
        )
        waiting = Gauge("glassworks_waiting", "pictures that wait now", **own)
        waiting.set_function(lambda: len(batcher.waiting))
        for name in ("served", "failed", "refused", "expired", "abandoned", "wasted", "restarts"):
            gauge = Gauge(f"glassworks_{name}", f"pictures {name} since the start", **own)
            gauge.set_function(functools.partial(_count, batcher, name))
        self._children: dict[tuple[str, int], Counter] = {}

    def request(self, path: str, status: int, seconds: float) -> None:
        """One answer. status 0: the client left before."""
        label = (path if path in PATHS else "other", status or 499)
        child = self._children.get(label)
        if child is None:
            child = self._children[label] = self.requests.labels(label[0], str(label[1]))
        child.inc()
        if path == "/predict":
            self.seconds.observe(seconds)

    def batch(self, items: int, seconds: float) -> None:
        self.items.observe(items)
        self.batch_seconds.observe(seconds)

    def text(self) -> bytes:
        from prometheus_client import generate_latest

        return generate_latest(self.registry)


def _count(batcher: "Batcher", name: str) -> float:
    return getattr(batcher.counts, name)
