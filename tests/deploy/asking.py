"""Ask an application in this process, through the same ASGI calls as a real server makes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from glassworks.deploy.server import Settings, application
from tests.deploy import serving

ADDRESS = "http://127.0.0.1:8000"


def asking(
    scene: Callable[[httpx.AsyncClient], Awaitable[Any]], app: Any = None, *, ready: bool = True
) -> Any:
    """Run an async scene(client) against a started application (by default the small CNN's)."""
    app = app or application(serving.service(), Settings())

    async def play() -> Any:
        async with app.state.serving.running():
            for _ in range(2000 if ready else 0):
                if app.state.serving.state != "warming":
                    break
                await asyncio.sleep(0.01)
            transport = httpx.ASGITransport(app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
                return await scene(client)

    return asyncio.run(play())
