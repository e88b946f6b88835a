"""The process that serves the book. Started by `launch`, which starts it again should it die.

It ends with 0 when it is asked to, and at once when its keeper is gone.
The first thing to change: nothing.
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from glassworks.reader.application import application
from glassworks.reader.desk import Desk
from glassworks.reader.guard import Door
from glassworks.reader.launch import LOOPBACK, Service

PATIENCE = 2  # seconds that open connections get when the book is closed


def main() -> None:
    """Serve as the one argument says."""
    service = Service(**json.loads(sys.argv[1]))
    hosts = {"127.0.0.1", "localhost", "[::1]"}
    if service.host not in LOOPBACK:
        hosts |= _names_of(service.host)
    desk = Desk(Path(service.folder), code=service.code)
    server = uvicorn.Server(
        uvicorn.Config(
            application(desk, Door(frozenset(hosts), service.key)),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=PATIENCE,
            ws_max_size=64_000_000,  # a person's pictures come through it
        )
    )
    threading.Thread(target=_leave_with_keeper, args=(server,), daemon=True, name="keeper").start()
    server.run(sockets=[_socket(service)])
    sys.stdout.flush()
    os._exit(0)  # kernels of chapters are threads that may still compute; what matters is saved


def _socket(service: Service) -> socket.socket:
    if service.descriptor >= 0:
        return socket.socket(fileno=service.descriptor)
    from glassworks.deploy.listen import bind

    return bind(service.host, service.port)


def _leave_with_keeper(server: uvicorn.Server) -> None:
    """Standard input ends when the keeper does, however it ended."""
    sys.stdin.buffer.read()
    server.should_exit = True


def _names_of(host: str) -> set[str]:
    """The names under which another machine may ask: the address, and this machine's name."""
    names = {host.lower(), socket.gethostname().lower()}
    if host in ("0.0.0.0", "::"):
        names |= {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return names


if __name__ == "__main__":
    main()
