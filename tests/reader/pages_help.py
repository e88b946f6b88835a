"""A strict reader of HTML for the tests of pages: balance, ids, links, and nothing from elsewhere."""

from html.parser import HTMLParser
from pathlib import Path

from glassworks.reader import contents as order

VOID = {"area", "br", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Reading(HTMLParser):
    """Collects what a page holds and what is wrong with it."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.links: list[dict[str, str]] = []
        self.loads: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice: {attrs}")
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given)
        elif "src" in given or (tag == "link" and "href" in given):
            self.loads.append(given.get("src") or given["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> where {self.open[-1:]} is open")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


def doctored(folder: Path, ready: tuple[str, ...] = (), **changes: dict[str, str]) -> order.Contents:
    """The contents of the book with texts replaced, file by file, and with chapters made ready."""
    for name in ("contents", "works", "glossary"):
        text = (order.HERE / f"{name}.toml").read_text(encoding="utf-8")
        for old, new in changes.get(name, {}).items():
            assert old in text, f"{old!r} is not in {name}.toml"
            text = text.replace(old, new)
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    for slug in ready:
        file = folder / "chapters" / f"{slug}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", encoding="utf-8")
    return order.load(folder)
