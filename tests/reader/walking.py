"""What the tests in a browser share: a page that is watched, and eyes that see into shadow roots.

A widget of a chapter stands in a shadow root, which `document.querySelectorAll` and `innerText` do not enter:
a test that forgets this passes on a page that is cut in half. So all looking is done by one script,
`walking.js`, which goes through the flat tree. Nothing here is timed: machines that run tests are busy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from glassworks.reader.contents import Chapter

WAIT = 120_000  # milliseconds that a busy machine may take for anything
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SIZES = {"1280": WIDE, "390": PHONE}
SCHEMES = ("light", "dark")
NAMED = {"button", "link", "textbox", "searchbox", "slider", "spinbutton", "checkbox", "radio", "combobox",
         "listbox", "switch", "tab", "menuitem", "image", "DisclosureTriangle", "dialog"}  # fmt: skip

LOOK = Path(__file__).with_name("walking.js").read_text(encoding="utf-8")


class Watched:
    """A page with all that went wrong on it. faults: requests elsewhere, console errors, exceptions."""

    def __init__(self, page: Page, book: str):
        self.page, self.book, self.faults = page, book, list[str]()
        self.asked = 0
        home = urlsplit(book).netloc
        for event in ("request", "websocket"):
            page.on(event, lambda one: self._asks(one.url, home))  # type: ignore[call-overload]
        page.on("console", self._says)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))

    def _says(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.faults.append(f"console: {said.text}")

    def _asks(self, url: str, home: str) -> None:
        self.asked += 1
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != home:
            self.faults.append(f"request elsewhere: {url[:200]}")

    def clean(self) -> list[str]:
        """What went wrong so far, violations of the policy included."""
        return self.faults + [f"policy: {one}" for one in self.look("violations")]

    def look(self, what: str) -> Any:
        """The value of `look.WHAT`, called when it is a function."""
        return self.page.evaluate(
            f"(async () => {{ const it = look.{what}; return it instanceof Function ? await it() : it }})()"
        )

    def open(self, address: str) -> None:
        """Go to a page of the book."""
        self.page.goto(self.book + address, wait_until="load", timeout=WAIT)

    def chapter(self, chapter: Chapter, more: str = "") -> None:
        """Open a chapter and wait until each of its widgets is drawn."""
        self.open(chapter.address + more)
        self.ready()

    def ready(self) -> None:
        self.until("look.ready()")

    def until(self, happened: str) -> None:
        """Wait until an expression is true; Playwright's own way needs `eval`, which the policy forbids."""
        self.page.evaluate(f"look.after(() => {{}}, () => {happened}, {happened!r}, {WAIT})")

    def faces(self) -> Iterator[tuple[str, str]]:
        """Give the page both sizes and both themes, one after the other: (width, scheme)."""
        for name, size in SIZES.items():
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                self.page.evaluate(
                    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
                )
                yield name, scheme

    def misshapen(self, width: str, scheme: str) -> list[str]:
        """What cannot be seen, read or hit with a finger, at the present size and theme."""
        found = [("overflow", one) for one in self.look("overflowing")]
        found += [("contrast", one) for one in self.look("pale")]
        if width == "390":
            found += [("target", one) for one in self.look("smallTargets")]
        return [f"{width} {scheme}, {kind}: {one}" for kind, one in found]

    def nameless(self) -> list[str]:
        """Controls and pictures without a name, as a screen reader sees the page, shadow roots included."""
        session = self.page.context.new_cdp_session(self.page)
        tree = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        wanted = [node for node in tree if not node["ignored"] and node["role"]["value"] in NAMED]
        assert wanted, "no control was found: this test would say nothing"
        return [
            f"{node['role']['value']} without a name: {self._tag(node)}"
            for node in wanted
            if not node.get("name", {}).get("value", "").strip()
        ]

    def _tag(self, node: dict[str, Any]) -> str:
        session = self.page.context.new_cdp_session(self.page)
        try:
            given = session.send("DOM.getOuterHTML", {"backendNodeId": node["backendDOMNodeId"]})
            return str(given["outerHTML"])[:150]
        finally:
            session.detach()

    def box(self, title: str):
        """The box of a figure, exercise or panel by its heading, or a part of it."""
        return self.page.locator("section.box").filter(has_text=title)

    def exercise(self, words: str):
        """The box of an exercise by words of its question."""
        return self.page.locator("section.box.exercise").filter(has_text=words)


@contextmanager
def watched(browser: Browser, book: str, **settings: Any) -> Iterator[Watched]:
    """A page in a context of its own, as wide as a desk unless `settings` say otherwise."""
    with context(browser, **settings) as opened:
        yield watch(opened, book)


@contextmanager
def context(browser: Browser, **settings: Any) -> Iterator[BrowserContext]:
    """A reader without a past."""
    opened = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce", **settings})
    opened.set_default_timeout(WAIT)
    opened.add_init_script(LOOK)
    try:
        yield opened
    finally:
        opened.close()


def watch(opened: BrowserContext, book: str) -> Watched:
    """One more page of this reader."""
    return Watched(opened.new_page(), book)


expect.set_options(timeout=WAIT)
