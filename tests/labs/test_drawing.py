"""A lab's figures on a phone: whole within their width, and large enough to be read."""

import re

import pytest

from glassworks import labs
from glassworks.core.charts import LETTER, WIDTH
from glassworks.labs.drawing import LEFT, NARROW, drawn
from glassworks.reader.lab_view import LabView
from glassworks.reader.widget import text_of

PHONE = 390 - 70  # pixels of a page that are left between its margins and those of a box
READABLE = 10  # pixels of the letters on a phone, drawn as 12


def ends(svg: str) -> list[tuple[float, float]]:
    """The left and the right end of each piece of text that is not turned."""
    found = []
    for x, more, said in re.findall(r'<text x="([\d.-]+)"([^>]*)>([^<]*)</text>', svg):
        share = {"end": 1.0, "middle": 0.5}.get(next(iter(re.findall(r'anchor="(\w+)"', more)), ""), 0.0)
        long = LETTER * len(said) * 0.9
        found.append((float(x) - share * long, float(x) + (1 - share) * long))
    return found


@pytest.mark.parametrize("name", labs.names())
def test_every_figure_stays_within_a_phones_width(name):
    result = labs.recorded(name)
    assert result is not None
    for chart in result.charts:
        svg = drawn(chart, width=NARROW)
        assert f'viewBox="0 0 {NARROW} ' in svg
        assert min(left for left, _ in ends(svg)) > -2, chart.title
        assert max(right for _, right in ends(svg)) < NARROW + 2, chart.title
        # On its own page it is drawn as wide as before.
        assert f'viewBox="0 0 {WIDTH} ' in drawn(chart)


def test_a_phone_shrinks_the_letters_a_little_only_and_nothing_is_forced_wider():
    assert 12 * PHONE / NARROW > READABLE
    assert "min-width: 420px" not in text_of("lab_view.css")
    view = LabView("copy-task")
    assert view.drawn.count(f'viewBox="0 0 {NARROW} ') == view.drawn.count("<svg") > 0


def test_names_stand_above_their_dots_where_there_is_no_room_beside_them():
    span = {"name": "a name of some length", "low": -1, "value": 1, "high": 2}
    chart = labs.Chart(title="t", across="points", spans=(span, span | {"name": "another"}))
    wide, narrow = drawn(chart), drawn(chart, width=NARROW)
    assert f'x="{LEFT - 10}"' in wide and 'text-anchor="end">a name' in wide
    assert re.search(r'<text x="4" y="24.0">a name', narrow)
    dots = [float(y) for y in re.findall(r'<circle [^>]*cy="([\d.]+)"', narrow)]
    assert dots == [36, 76]
    assert float(re.findall(r'<circle [^>]*cx="([\d.]+)"', narrow)[0]) > NARROW / 2
