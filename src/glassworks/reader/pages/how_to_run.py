"""How to run the book: on this machine, as a notebook elsewhere, where progress is kept, and what is sent
(nothing).

The first thing to change: `COMMANDS`, when the README changes.
"""

from collections.abc import Callable
from pathlib import Path

from glassworks import __version__
from glassworks.reader import hosted
from glassworks.reader.contents import Chapter, Contents, contents
from glassworks.reader.markup import escaped, outside
from glassworks.reader.pages.frame import frame

COMMANDS = "make setup\n. .venv/bin/activate\nglassworks book"
WINDOWS = (
    "py -3.11 -m venv .venv\n.venv\\Scripts\\python -m pip install torch torchvision\n"
    '.venv\\Scripts\\python -m pip install -e ".[samples,weights,export,serve,book]"\n'
    ".venv\\Scripts\\glassworks book"
)


def how_to_run(
    folder: Path | None = None,
    *,
    device: str | None = None,
    address: Callable[[Chapter], str] = hosted.address,
    book: Contents | None = None,
) -> str:
    """The page. folder: where this reader's progress is kept, None on a page that is not served by the book.

    device: one sentence on what computes here, None asks torch; address: of a chapter's notebook at a hosted
    service, "" for none
    """
    book = book or contents()
    notebooks = _elsewhere(book, folder, address)
    body = f"<h1>How to run this</h1>{_here(folder, device)}{notebooks}{_progress(folder)}{_privacy()}"
    return frame("How to run this", body, active="how-to-run")


def _here(folder: Path | None, device: str | None) -> str:
    found = ""
    if folder is not None:
        here = escaped(device or found_device())
        found = f"<p>{here} Everything in the ready chapters also runs without a GPU.</p>"
    return (
        '<section><h2 id="here">On this machine</h2><p>You need Python 3.11 or newer and, for the'
        " installation only, a network. In the folder of Glassworks:</p>"
        f"<pre><code>{escaped(COMMANDS)}</code></pre>"
        "<p><code>glassworks book learning_by_hand</code> opens a chapter directly, <code>--port"
        " 8000</code> chooses the port, <code>--no-browser</code> only prints the address. Ctrl-C stops"
        " the book.</p><p>Without make, in PowerShell on Windows (<code>docs/windows.md</code> has the"
        " rest, also a smaller installation for machines without a"
        f" GPU):</p><pre><code>{escaped(WINDOWS)}</code></pre>{found}</section>"
    )


def found_device() -> str:
    """One sentence on the device that Glassworks chooses here, with its reason."""
    from glassworks.training.runtime import choose_device

    _, reason = choose_device("auto")
    return f"Found here: {reason}."


def _elsewhere(book: Contents, folder: Path | None, address: Callable[[Chapter], str]) -> str:
    rows = "".join(f"<li>{_notebook(chapter, folder, address(chapter))}</li>" for chapter in book.ready)
    listed = f"<ul>{rows}</ul>" if rows else "<p>No chapter is ready yet.</p>"
    how = "Take one of these to a hosted notebook service, such as Colab or Kaggle:"
    return (
        '<section><h2 id="elsewhere">As a hosted notebook</h2><p>Every ready chapter is also a notebook, made'
        f" from the same file. Its first cell installs version {escaped(__version__)} and says which device"
        f" it found. Work there is kept by that service, not by this book.</p><p>{how}</p>{listed}</section>"
    )


def _notebook(chapter: Chapter, folder: Path | None, address: str) -> str:
    """A link to the service by the version's tag; else the file itself, where the book can give it."""
    if address:
        return outside(address, chapter.title)
    if folder is None:
        return f"{escaped(chapter.title)}: <code>colab/{escaped(chapter.slug)}.ipynb</code> of the release"
    return f'<a href="/api/notebook/{escaped(chapter.slug)}.ipynb" download>{escaped(chapter.title)}</a>'


def _progress(folder: Path | None) -> str:
    here = f" Here that is <code>{escaped(folder)}</code>." if folder is not None else ""
    move = ""
    if folder is not None:
        move = (
            '<p><a class="button" href="/api/progress" download>Save my progress as a file</a></p>'
            '<p class="merge" hidden><label for="merge">Take in a file from another machine</label> '
            '<input id="merge" type="file" accept="application/json,.json"> <span role="status"></span></p>'
            "<p>Taking in a file adds to what is here: an exercise passed on either machine stays passed.</p>"
        )
    return (
        '<section><h2 id="progress">Where progress is kept</h2><p>In one file, <code>progress.json</code>,'
        " in a folder of your own; <code>GLASSWORKS_BOOK</code> chooses another"
        f" folder.{here} Answers, places and"
        " training runs are there too. There is no"
        f" account.</p>{move}</section>"
    )


def _privacy() -> str:
    return (
        '<section><h2 id="privacy">What is sent</h2><p>Nothing. The pages come from this machine and load'
        " nothing from another; the browser is told to refuse it. Your pictures, answers and models stay"
        " in your folders. Links to"
        " papers leave the book when you click them.</p>"
        "<p>Code that you type into an exercise runs on this machine with your rights, in a process with"
        " limits on time and memory. Therefore the book answers only to this machine unless you start it"
        " with another address, and then only with its key.</p></section>"
    )
