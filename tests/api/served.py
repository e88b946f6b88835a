"""A run behind the real application, asked in this process."""

import tempfile
from pathlib import Path

from glassworks.api.requests import ServeRequest
from glassworks.api.serve import service_of
from glassworks.deploy.server import Settings, application
from tests.deploy.asking import asking


def served(run, scene, *, engine="eager"):
    """What an async scene(client) returns of a server of `run`."""
    with tempfile.TemporaryDirectory() as folder:
        service = service_of(run, ServeRequest(run=str(run.path), engine=engine), Path(folder))
        return asking(scene, application(service, Settings()))


def said(run, body, kind="application/json", *, engine="eager", query=""):
    """Status and JSON of one request; body: bytes, or what becomes JSON."""

    async def scene(client):
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        reply = await client.post(f"/predict{query}", headers={"Content-Type": kind}, **given)
        return reply.status_code, reply.json()

    return served(run, scene, engine=engine)
