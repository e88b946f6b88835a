"""What all widgets share: one kit, and an end together with the page that made them."""

import gc
import threading
import weakref
from types import SimpleNamespace

import pytest
from ipywidgets.widgets import widget as ipywidgets
from marimo._plugins.ui._impl import from_anywidget

from glassworks.reader import widget as module
from glassworks.reader.widget import Widget, stylesheet


class Shown(Widget):
    script = "function render({ el, kit }) { el.append(kit.make('p', {}, 'here')); }"
    style = ".gw p { color: var(--accent); }"


@pytest.fixture
def page(monkeypatch):
    """Runs a function in a thread that stands for the kernel of a page in the book; waits for its end."""
    monkeypatch.setattr(module.marimo, "app_meta", lambda: SimpleNamespace(mode="run"))

    def run(make):
        others = set(threading.enumerate())
        kernel = threading.Thread(target=make)
        kernel.start()
        kernel.join()
        for thread in set(threading.enumerate()) - others:
            thread.join(30)

    return run


def test_a_page_that_is_gone_leaves_no_widget_behind(page):
    """Else each reload costs megabytes: ids of widgets are known to the whole process."""
    made, before = [], len(ipywidgets._instances)

    def make():
        shown = Shown()
        from_anywidget.from_anywidget(shown)  # as marimo does to show it
        made.append(weakref.ref(shown))
        assert len(ipywidgets._instances) > before

    page(make)
    gc.collect()
    assert len(ipywidgets._instances) == before
    assert made[0]() is None


def test_a_page_that_is_open_keeps_its_widgets(page):
    there, go, made = threading.Event(), threading.Event(), []

    def make():
        made.append(Shown())
        there.set()
        go.wait(30)

    kernel = threading.Thread(target=make)
    kernel.start()
    there.wait(30)
    page(lambda: Shown())  # another page comes and goes
    assert made[0].comm is not None and made[0].model_id in ipywidgets._instances
    go.set()
    kernel.join(30)


def test_outside_of_the_book_nothing_is_closed():
    made = []
    thread = threading.Thread(target=lambda: made.append(Shown()))
    thread.start()
    thread.join(30)
    assert made[0].comm is not None
    made[0].close()


def test_a_widget_has_the_kit_before_its_own_script_and_style():
    assert (
        Shown._esm.index("const kit")
        < Shown._esm.index("function render")
        < Shown._esm.index("export default")
    )
    assert "light-dark(" in stylesheet("") and Shown._css.rstrip().endswith(Shown.style)
