"""Jobs without torch: they count, fail, break, vanish, or do not listen."""

import os
import signal
import time

from glassworks.core.errors import PersonError
from glassworks.runs.worker import serve


def count(request, folder, tell):
    """Tell `to` numbers, one each `pause` seconds; go on where an earlier attempt stopped."""
    kept = folder / "count.txt"
    first = int(kept.read_text()) if kept.exists() else 0
    for number in range(first, request["to"]):
        kept.write_text(str(number))
        tell({"kind": "step", "step": number})
        time.sleep(request.get("pause", 0))
    return {"counted": request["to"]}


def fail(request, folder, tell):
    raise PersonError("no-data", expected="some data", got="none", fix="bring some")


def fault(request, folder, tell):
    print("a library prints")
    return {"secret": 1 / 0}


def vanish(request, folder, tell):
    tell({"kind": "step", "step": 0})
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve({"count": count, "fail": fail, "fault": fault, "vanish": vanish})
