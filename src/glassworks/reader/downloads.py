"""Files that the book hands over to its reader: for now, models that learned from own pictures.

Nothing of a path comes from the browser: an id is looked for among the sets that there are. The guard stands
in front of these routes as of all others.

The first thing to change: `routes`, when the book has another file to give.
"""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from glassworks.reader.desk import Desk
from glassworks.reader.own_set import ID, MODEL, PLACE, all_sets

ADDRESS = f"/api/{PLACE}/{{id}}/{MODEL}"


def routes(desk: Desk) -> list[Route]:
    """GET /api/own-data/ID/model.zip: the model of that set, 404 where there is none."""
    return [Route(ADDRESS, model(desk), methods=["GET"])]


def model(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    """The zip file of one set of own pictures."""

    async def answer(request: Request) -> Response:
        id = request.path_params["id"]
        found = [own for own in all_sets(desk.folder) if ID.fullmatch(id) and own.id == id]
        if not found or not (found[0].folder / MODEL).is_file():
            raise HTTPException(404, "there is no such model; it may have been deleted")
        return FileResponse(
            found[0].folder / MODEL,
            media_type="application/zip",
            filename=f"{id}-model.zip",
            headers={"cache-control": "no-store"},
        )

    return answer
