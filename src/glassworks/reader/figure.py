"""A figure: controls that a reader moves, and a Python function that draws what they say.

A figure is one class with `controls` and `draw`; it needs no script of its own. What was moved comes in as
named values, HTML or SVG goes out, and while one drawing is under way only the newest values wait. Because
the drawing is a pure function of the values, a situation can be kept in the page's address and sent.

The first thing to change: write a subclass with one `Slider` and a `draw` of two lines.
"""

import html
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import traitlets

from glassworks.reader.widget import Widget, text_of

log = logging.getLogger("glassworks.book")
JPEG = "data:image/jpeg;base64,"


class Control(Protocol):
    """name: the argument of `draw` that it fills; label: what the reader sees."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def value(self) -> Any: ...

    def clean(self, given: Any) -> Any:
        """The given value if it is one that this control can have, otherwise the nearest one it can."""

    def as_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Slider:
    """A number from low to high in steps."""

    name: str
    label: str
    low: float
    high: float
    step: float = 1
    value: float = 0
    unit: str = ""

    def clean(self, given: Any) -> float:
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
            return self.value
        steps = round((min(max(given, self.low), self.high) - self.low) / self.step)
        number = round(self.low + steps * self.step, 10)
        return int(number) if isinstance(self.step, int) and isinstance(self.low, int) else number

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": "slider",
            "low": self.low,
            "high": self.high,
            "step": self.step,
            "unit": self.unit,
        }


@dataclass(frozen=True)
class Steps:
    """Forward and back through whole numbers, for things that happen one after the other."""

    name: str
    label: str
    low: int
    high: int
    value: int = 0

    def clean(self, given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given):
            return self.value
        return min(max(round(given), self.low), self.high)

    def as_json(self) -> dict[str, Any]:
        return {"kind": "steps", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Choose:
    """One of a few: what is read -> what `draw` gets. The first is chosen unless `value` names another."""

    name: str
    label: str
    options: Mapping[str, Any]
    value: str = ""

    def __post_init__(self):
        object.__setattr__(self, "value", self.value or next(iter(self.options)))

    def clean(self, given: Any) -> str:
        return given if isinstance(given, str) and given in self.options else self.value

    def as_json(self) -> dict[str, Any]:
        return {"kind": "choose", "options": list(self.options)}


@dataclass(frozen=True)
class Toggle:
    """On or off."""

    name: str
    label: str
    value: bool = False

    def clean(self, given: Any) -> bool:
        return given if isinstance(given, bool) else self.value

    def as_json(self) -> dict[str, Any]:
        return {"kind": "toggle"}


@dataclass(frozen=True)
class Button:
    """Counts how often it was pressed: a seed for what is drawn anew."""

    name: str
    label: str
    value: int = 0
    most: int = field(default=10_000, repr=False)

    def clean(self, given: Any) -> int:
        whole = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
        return min(max(int(given), 0), self.most) if whole else self.value

    def as_json(self) -> dict[str, Any]:
        return {"kind": "button"}


@dataclass(frozen=True)
class OwnPicture:
    """A picture of the reader's, made small by the browser: a JPEG as a data address, "" while there is none.

    It is no part of the page's address. `figures/own_picture.py` turns it into pixels.
    side: pixels of its longer side
    """

    name: str = "own"
    label: str = "or a picture of yours; it stays on this machine"
    side: int = 256
    value: str = ""
    most: int = field(default=400_000, repr=False)  # letters

    def clean(self, given: Any) -> str:
        fits = isinstance(given, str) and given.startswith(JPEG) and len(given) <= self.most
        return given if fits else self.value

    def as_json(self) -> dict[str, Any]:
        return {"kind": "picture", "side": self.side}


class Figure(Widget):
    """A subclass gives title, says, controls and `draw(self, **values) -> HTML`.

    An element of the drawing with `data-across` and `data-down`, names of two sliders, moves these when a
    pointer goes down on it or is drawn across it; the sliders do the same from the keyboard.

    title: heading and accessible name; says: the figure's point in one sentence, for who does not touch it
    key:   tells two figures of one class on a page apart
    """

    script = text_of("figure.js")
    title: str = ""
    says: str = ""
    controls: Sequence[Control] = ()

    plan = traitlets.Dict().tag(sync=True)  # title, says, key and the controls, for the script
    values = traitlets.Dict().tag(sync=True)  # what the reader moved, by name
    drawn = traitlets.Unicode().tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)  # counts drawings, so that an equal one is noticed

    def __init__(self, key: str = ""):
        shown = [{"name": c.name, "label": c.label, **c.as_json()} for c in self.controls]
        name = key or type(self).__name__
        start = {control.name: control.value for control in self.controls}
        super().__init__(
            plan={"title": self.title, "says": self.says, "key": name, "controls": shown, "start": start},
            values=start,
            drawn=self.draw(**self.arguments(start)),
        )
        self.observe(self._moved, "values")

    def draw(self, *args: Any, **values: Any) -> str:
        """HTML of the figure for these values; a pure function of at most 50 ms."""
        raise NotImplementedError

    def set(self, **values: Any) -> str:
        """Move controls from Python; returns what is drawn then."""
        self.values = {**self.values, **values}
        return self.drawn

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What `draw` gets for the values of the controls."""
        clean = {control.name: control.clean(values.get(control.name)) for control in self.controls}
        return clean | {c.name: c.options[clean[c.name]] for c in self.controls if isinstance(c, Choose)}

    def _moved(self, change: Any) -> None:
        try:
            drawn = self.draw(**self.arguments(change["new"]))
        except Exception as error:  # a page with one broken figure is still a page
            log.exception("the figure %s failed", type(self).__name__)
            drawn = f'<p class="bad">This figure failed: {html.escape(str(error))[:300]}</p>'
        self.drawn = drawn
        self.answered += 1
