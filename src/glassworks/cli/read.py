"""The verb `book`: open it, list it, write it out."""

from pathlib import Path

from glassworks.api.requests import BookRequest
from glassworks.cli.show import print_json, print_table
from glassworks.core.errors import PersonError


def book(request: BookRequest) -> int:
    """Serve the book until it is stopped, or do what the first word says."""
    from glassworks.reader.launch import address_of, launch, require_extra

    require_extra()
    if request.chapter == "list":
        return _list(request)
    if request.chapter in ("export", "notebooks"):
        return _write(request)
    return launch(
        address_of(request.chapter),
        host=request.host,
        port=request.port,
        browser=not request.no_browser,
        key=request.key,
        code=request.code,
        folder=_folder(request),
    )


def _folder(request: BookRequest) -> Path:
    from glassworks.reader.progress import workspace

    return Path(request.folder).expanduser().resolve() if request.folder else workspace()


def _list(request: BookRequest) -> int:
    from glassworks.reader.contents import contents
    from glassworks.reader.progress import Progress

    progress = Progress(_folder(request))
    rows = [
        {
            "chapter": chapter.slug,
            "title": chapter.title,
            "minutes": chapter.minutes,
            "ready": chapter.ready,
            "exercises": len(chapter.exercises),
            "passed": sum(progress.passed(one) for one in chapter.exercises),
        }
        for chapter in contents().chapters
    ]
    if request.json:
        print_json({"schema": 1, "command": "book list", "chapters": rows})
        return 0
    shown: list[list[str]] = [
        [
            str(row["chapter"]),
            str(row["title"]),
            f"{row['minutes']} min",
            f"{row['passed']} of {row['exercises']}" if row["ready"] else "to come",
        ]
        for row in rows
    ]
    print_table(["chapter", "title", "time", "exercises passed"], shown)
    return 0


def _write(request: BookRequest) -> int:
    """A static site, or notebooks for hosted services, from the same chapters."""
    from glassworks.reader import hosted, static_site

    if not request.to:
        raise PersonError(
            "no-place",
            expected="a folder to write into",
            got="no --to",
            fix=f"glassworks book {request.chapter} --to FOLDER",
        )
    write = static_site.write if request.chapter == "export" else hosted.write
    for line in write(Path(request.to)):
        print(line)
    return 0
