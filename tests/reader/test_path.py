"""The drawing of the path: every station, once in each form, reachable, filled as far as the reader is."""

import re

import pytest

from glassworks.reader import contents as order
from glassworks.reader.pages import path
from tests.reader.pages_help import Reading, doctored

BOOK = order.contents()


def test_each_step_is_a_station_and_each_branch_follows_its_step():
    stops = path.stations(BOOK, lambda slug: 0.0)
    assert [stop.title for stop in stops if not stop.beside] == [step.title for step in BOOK.steps]
    names = [stop.title for stop in stops]
    assert names.index("Generative models") == names.index("Image") + 1
    assert names.index("Robotics") == names.index("Video") + 1
    assert sum(stop.chapters for stop in stops) == len(BOOK.chapters)


def test_both_drawings_link_every_station_to_its_chapters():
    stops = path.stations(BOOK, lambda slug: 0.0)
    for kind in (path._lying(stops), path._standing(stops)):
        read = Reading(kind)
        assert read.faults == [] and read.ids == []
        assert [link["href"] for link in read.links] == [f"#part-{stop.part}" for stop in stops]
        assert all(link["aria-label"] for link in read.links)


def test_a_ring_is_filled_by_the_share_that_is_done(tmp_path):
    ready = tuple(chapter.slug for chapter in BOOK.of_part("foundations"))
    book = doctored(tmp_path, ready=ready)
    half = path.stations(book, lambda slug: 0.5)[0]
    assert half.open and half.share == pytest.approx(0.5)
    filled = re.findall(r'class="done".*?stroke-dasharray="([\d.]+) ([\d.]+)"', path._ring(half, 0, 0))
    assert float(filled[0][0]) == pytest.approx(float(filled[0][1]) / 2, abs=0.1)
    assert 'class="done"' not in path._ring(path.stations(book, lambda slug: 0.0)[0], 0, 0)


def test_chapters_to_come_count_as_not_done(tmp_path):
    book = doctored(tmp_path, ready=("foundations/what_a_model_is",))
    first = path.stations(book, lambda slug: 1.0)[0]
    assert first.share == pytest.approx(1 / len(book.of_part("foundations")))


def test_no_station_stands_on_another():
    stops = path.stations(BOOK, lambda slug: 0.0)
    for drawn, most in ((path._lying(stops), path.WIDTH), (path._standing(stops), 340)):
        areas = [
            tuple(map(float, area))
            for area in re.findall(
                r'class="area" x="(-?\d+)" y="(-?\d+)" width="(\d+)" height="(\d+)"', drawn
            )
        ]
        assert len(areas) == len(stops)
        for number, (x, y, width, height) in enumerate(areas):
            assert x >= 0 and x + width <= most and height >= 44 and width >= 44
            for left, top, wide, high in areas[:number]:
                apart = x >= left + wide or left >= x + width or y >= top + high or top >= y + height
                assert apart, (areas[number], (left, top, wide, high))
