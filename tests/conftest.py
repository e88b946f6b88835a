"""Shared by all tests: one thread (results must not depend on the machine), own cache, no network."""

import os
import socket

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Tests leave the person's cache alone."""
    before = os.environ.get("GLASSWORKS_CACHE")
    os.environ["GLASSWORKS_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["GLASSWORKS_CACHE"]
    else:
        os.environ["GLASSWORKS_CACHE"] = before


@pytest.fixture(autouse=True)
def no_network(monkeypatch, request):
    """Only loopback may be reached; tests that fetch packages are marked long."""
    if request.node.get_closest_marker("long"):
        return
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
