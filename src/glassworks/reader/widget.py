"""What every moving thing on a page is: an anywidget whose looks and manners come from one kit.

Python holds the state and does the computing; the script only shows traits and sends what the reader did. So
a widget is the same in the book, in a notebook elsewhere, and in a static page (which shows its first state),
and a test drives it without a browser.

Source: anywidget's front-end module format (a default export with `render`).
The first thing to change: `kit.css`, how all of them look.
"""

import threading
import weakref
from functools import cache
from importlib.resources import files
from typing import Any

import anywidget
import marimo

from glassworks.core.charts import STYLE as CHARTS
from glassworks.core.page import PALETTE


@cache
def text_of(name: str) -> str:
    """A file that stands beside this module."""
    return files("glassworks.reader").joinpath(name).read_text(encoding="utf-8")


def module(script: str) -> str:
    """A script that defines `render({model, el, kit})` as the front-end module of a widget."""
    return (
        f"{text_of('kit.js')}\n{script}\n"
        "export default { render({ model, el }) { el.classList.add('gw');"
        " return render({ model, el, kit }); } };\n"
    )


def stylesheet(style: str) -> str:
    """The kit's style and a widget's own, in colours that follow the page, light or dark."""
    colours = " ".join(f"--{name}: light-dark({light}, {dark});" for name, (light, dark) in PALETTE.items())
    return f".gw {{ {colours} }}\n{text_of('kit.css')}\n{CHARTS}\n{style}"


class Widget(anywidget.AnyWidget):
    """A widget of the book. A subclass gives `script` and `style`, and traits tagged with `sync=True`.

    script: JavaScript that defines `function render({ model, el, kit })`; it may return a clean-up function
    style:  CSS for what it draws; everything stands inside an element of class "gw"
    """

    script: str = ""
    style: str = ""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "_esm" not in cls.__dict__:  # else one that traitlets made, where it is a trait already
            cls._esm = module(cls.script)
            cls._css = stylesheet(cls.style)

    def __init__(self, **traits: Any):
        super().__init__(**traits)
        if marimo.app_meta().mode == "run":
            _close_with_session(self)
        self.on_msg(lambda widget, content, buffers: self.on_message(content, buffers))

    def on_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """What the script sent with `model.send(content)`; nothing by default."""


_sessions: "weakref.WeakKeyDictionary[threading.Thread, list[Widget]]" = weakref.WeakKeyDictionary()


def _close_with_session(widget: Widget) -> None:
    """Have a widget closed when the thread of its page's kernel ends.

    ipywidgets and marimo know every widget of the process by its id until it is closed, and with it all that
    the page has computed; a reload would cost megabytes for good.
    """
    kernel = threading.current_thread()
    if kernel not in _sessions:
        _sessions[kernel] = []
        given = (kernel, _sessions[kernel])
        threading.Thread(target=_close_all, args=given, daemon=True, name="widgets of a page").start()
    _sessions[kernel].append(widget)


def _close_all(kernel: threading.Thread, widgets: list[Widget]) -> None:
    from marimo._plugins.ui._impl.from_anywidget import _cache

    kernel.join()
    for widget in widgets:
        widget.layout.close()
        widget.close()
        _cache._data.pop(id(widget), None)  # weak by its key, which its own value holds
    widgets.clear()
