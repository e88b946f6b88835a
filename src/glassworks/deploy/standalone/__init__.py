"""Programs that go along with a model: one file, without Glassworks and without PyTorch.

Each is written here as a module that may take functions from `bundle` and `tokens` of this folder; `script`
writes all of it into one text.
"""

import ast
import sys
from pathlib import Path

HERE = Path(__file__).parent
OWN = "glassworks.deploy.standalone."


def script(name: str) -> str:
    """The text of a program of this folder, with the modules of this folder that it takes from written in."""
    docstring, imports, bodies = "", set[str](), list[str]()
    waiting = [name]
    while waiting:
        source = (HERE / f"{waiting.pop(0)}.py").read_text(encoding="utf-8")
        first, *rest = ast.parse(source).body
        docstring = docstring or (ast.get_source_segment(source, first) or "")
        head = [node for node in rest if isinstance(node, ast.Import | ast.ImportFrom)]
        for node in head:
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.startswith(OWN):
                waiting.append(module.removeprefix(OWN))
            else:
                imports.add(ast.unparse(node))
        bodies.insert(0, "\n".join(source.splitlines()[head[-1].end_lineno or 0 :]).strip("\n"))
    standard = sorted((one for one in imports if _module(one) in sys.stdlib_module_names), key=_order)
    others = sorted(imports - set(standard), key=_order)
    return "\n".join([docstring, "", *standard, "", *others, "", "\n\n\n".join(bodies), ""])


def _module(statement: str) -> str:
    return statement.split()[1].split(".")[0]


def _order(statement: str) -> tuple[bool, str]:
    return statement.startswith("from"), statement
