"""What every chapter keeps to, checked on its text: `complaints(slug)` says what is wrong, with the line.

Chapters rot in known ways: a name that reruns half the page, a picture that is found on one machine only, an
address that answers today. A rule here is cheaper than a reader who meets it.

The first thing to change: `MOST_CELLS`, before a chapter becomes a book of its own.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from glassworks.reader.contents import CHAPTERS, Chapter, contents

MOST_CELLS, MOST_LINES = 40, 15
MAY_IMPORT = {"marimo", "torch", "glassworks"}
CELL = re.compile(
    r"(header|idea|mathematics|train|own_data|summary|timeline|glossary|references"
    r"|(figure|code|exercise|text|lab)_[a-z0-9_]+)"
)
ENDS = ("summary", "timeline", "glossary", "references")
FORBIDDEN = {
    "mo.stop": "it raises in a notebook and stops all that follows",
    "mo.icon": "it asks an icon service on the web",
    "mo.ui.plotly": "it asks a host on the web",
    "time.sleep": "a reader waits for nothing",
    "torch.manual_seed": "chapters share one interpreter: use a generator of your own",
    "torch.set_num_threads": "chapters share one interpreter",
    "torch.set_default_dtype": "chapters share one interpreter",
    "torch.set_default_device": "chapters share one interpreter",
    "os.chdir": "chapters share one interpreter",
}
PAGES = ("/", "/glossary", "/timeline", "/references", "/search", "/labs", "/how-to-run")


def complaints(slug: str, path: Path | None = None) -> list[str]:
    """Everything that a chapter does against the rules, as "line N: …"; empty when it keeps them all.

    path: another file to check in its place
    """
    return list(_complaints(path or CHAPTERS / f"{slug}.py", contents().chapter(slug)))


def _complaints(path: Path, chapter: Chapter) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    yield from _file(text, tree, chapter)
    cells = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    yield from _order(cells, chapter)
    names: dict[str, str] = {}
    for cell in cells:
        yield from _cell(cell, names)
    for node in ast.walk(tree):
        yield from _anywhere(node)
    used = [_said(call) for call in _calls(tree, "book.exercise") if _constant(call)]
    if tuple(used) != chapter.exercises:
        yield f"line 1: exercises on the page are {used}; contents.toml says {list(chapter.exercises)}"
    labs = [_said(call) for call in _calls(tree, "book.lab") if _constant(call)]
    if tuple(labs) != chapter.labs:
        yield f"line 1: labs on the page are {labs}; contents.toml says {list(chapter.labs)}"


def _file(text: str, tree: ast.Module, chapter: Chapter) -> Iterator[str]:
    """The head of the file: its theme, its title, and where imports stand."""
    head = re.match(r"# /// script\n(.*?)# ///\n", text, re.DOTALL)
    settings = tomllib.loads(head[1].replace("# ", "").replace("#", "")) if head else {}
    marimo = settings.get("tool", {}).get("marimo", {})
    if marimo.get("display", {}).get("theme") != "system":
        yield 'line 1: the script metadata must set [tool.marimo.display] theme = "system"'
    if "opengraph" in marimo:
        yield "line 1: [tool.marimo.opengraph] prints a warning at each load"
    app = next((call for call in _calls(tree, "marimo.App")), None)
    given = {word.arg: word.value for word in app.keywords} if app else {}
    title = given.get("app_title")
    if not (isinstance(title, ast.Constant) and title.value == chapter.title):
        yield f'line 1: app_title must be "{chapter.title}", as in contents.toml'
    for name in ("css_file", "html_head_file"):
        if name in given:
            yield f"line 1: {name} is found by its place on one machine; styles belong to the book"
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield f"line {node.lineno}: a class belongs to the library"
        if isinstance(node, (ast.Import, ast.ImportFrom)) and ast.unparse(node) != "import marimo":
            yield f"line {node.lineno}: imports stand in app.setup"
        if isinstance(node, ast.With):
            yield from _setup(node)


def _setup(block: ast.With) -> Iterator[str]:
    for node in block.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            yield f"line {node.lineno}: app.setup holds imports only"
            continue
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        for name in names:
            if name.partition(".")[0] not in MAY_IMPORT:
                known = ", ".join(sorted(MAY_IMPORT))
                yield f"line {node.lineno}: a chapter imports {known} only; got {name}"


def _order(cells: list[ast.FunctionDef], chapter: Chapter) -> Iterator[str]:
    """The cells by name: the header first, the four ends last, not too many."""
    names = [cell.name for cell in cells]
    if len(cells) > MOST_CELLS:
        yield f"line 1: {len(cells)} cells; at most {MOST_CELLS}"
    if not names or names[0] != "header":
        yield "line 1: the first cell is `header`"
    if tuple(names[-4:]) != ENDS:
        yield f"line 1: the last four cells are {', '.join(ENDS)}"
    for cell in cells:
        if not CELL.fullmatch(cell.name):
            yield f"line {cell.lineno}: `{cell.name}` is none of the fixed names of cells"
    for call in (c for cell in cells for c in ast.walk(cell) if isinstance(c, ast.Call)):
        called = ast.unparse(call.func)
        first = call.args[0] if call.args else None
        slugged = called in {f"book.{name}" for name in ("header", "training", "own_data", "own_file", *ENDS)}
        if slugged and not (isinstance(first, ast.Constant) and first.value == chapter.slug):
            yield f'line {call.lineno}: {called} is called with "{chapter.slug}"'


def _cell(cell: ast.FunctionDef, names: dict[str, str]) -> Iterator[str]:
    """One public name a cell, no long functions, text as a plain literal."""
    public = set()
    for node in ast.walk(cell):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not node.id.startswith("_"):
            public.add(node.id)
        if isinstance(node, ast.FunctionDef) and node is not cell:
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_LINES:
                yield f"line {node.lineno}: a function of {length} lines; at most {MOST_LINES}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "mo.md":
            yield from _text(node)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield f"line {node.lineno}: imports stand in app.setup"
    if len(public) > 1:
        yield f"line {cell.lineno}: `{cell.name}` defines {', '.join(sorted(public))}; one public name a cell"
    for name in public:
        if name in names:
            yield f"line {cell.lineno}: `{name}` is defined by `{names[name]}` already"
        names[name] = cell.name


def _text(call: ast.Call) -> Iterator[str]:
    if not _constant(call):
        yield f'line {call.lineno}: mo.md takes a plain literal r"""…""", which is read without running'
        return
    said = _said(call)
    if "::" in re.sub(r"`[^`]*`|```.*?```", "", said, flags=re.DOTALL):
        yield f"line {call.lineno}: ::icon:: asks an icon service on the web"
    if re.search(r"!\[[^\]]*\]\(", said):
        yield f"line {call.lineno}: pictures belong to figures"
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", said):
        if not _resolves(target):
            yield f"line {call.lineno}: the link {target} leads nowhere"


def _resolves(target: str) -> bool:
    """Whether a link of the text leads to a page of the book, a term, or a work with that address."""
    page, _, anchor = target.partition("#")
    book = contents()
    if page == "/glossary" and anchor:
        return anchor in book.terms
    if page.startswith("/book/"):
        slug = page.removeprefix("/book/").strip("/")
        return slug in book.by_slug and book.by_slug[slug].ready
    if page.startswith("https://"):
        return page in {work.link for work in book.works.values()}
    return page in PAGES


def _anywhere(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and (said := FORBIDDEN.get(ast.unparse(node))):
        yield f"line {node.lineno}: {ast.unparse(node)}: {said}"
    if isinstance(node, ast.Call) and ast.unparse(node.func) != "mo.md":
        for value in (*node.args, *(word.value for word in node.keywords)):
            web = isinstance(value, ast.Constant) and isinstance(value.value, str) and "://" in value.value
            if web:
                yield f"line {node.lineno}: a web address in code"


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


def _constant(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)


def _said(call: ast.Call) -> str:
    return str(ast.literal_eval(call.args[0]))
