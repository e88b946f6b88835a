"""The data doctor: everything that was planted is found, and good data is left in peace."""

import csv
import io
import json
import os
import random
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from glassworks.core.errors import PersonError
from glassworks.core.rows import Damage, PictureTable
from glassworks.data.check import check
from glassworks.data.scan import Look, scan
from tests.data import spoiled


def table_of(folder: Path) -> PictureTable:
    """The rows of a folder of [part/]class/picture, as a reader would make them."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    labels = [name.split("/")[-2] for name in names]
    classes = tuple(sorted(set(labels)))
    parts = tuple(name.split("/")[0] if name.count("/") == 2 else "" for name in names)
    targets = np.array([classes.index(label) for label in labels])
    return PictureTable(
        str(folder), tuple(names), [folder / name for name in names], "label", targets, classes, parts
    )


def of_arrays(pictures, targets, **rest) -> PictureTable:
    classes = (
        rest.pop("classes") if "classes" in rest else tuple(f"class {n}" for n in range(max(targets) + 1))
    )
    names = tuple(f"{n:05d}" for n in range(len(pictures)))
    kind = rest.pop("kind", "label")
    return PictureTable("arrays", names, list(pictures), kind, np.asarray(targets), classes, **rest)


def codes(report) -> set[str]:
    return {finding.code for finding in report.findings}


def finding(report, code):
    return next(found for found in report.findings if found.code == code)


def crops(count: int, side: int = 64, seed: int = 3) -> list[np.ndarray]:
    return [spoiled.crop(n, side, seed=seed) for n in range(count)]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_damaged_file_is_named_with_its_reason_and_no_good_one(tmp_path, workers):
    """Of 200 pictures 24 are damaged in 8 ways and 32 rare but good: 0 missed, 0 false alarms."""
    reasons, rare = spoiled.plant(tmp_path, 144, 24, 32)
    report = check(table_of(tmp_path), workers=workers)
    assert {damage.name: damage.reason for damage in report.damaged} == reasons
    assert not report.ok and finding(report, "damaged-pictures").level == "stop"
    unusual = finding(report, "unusual-pictures")
    assert unusual.level == "info" and set(unusual.names) <= set(rare)
    ordinary = {name for name, kind in rare.items() if kind in ("grey", "progressive", "capital extension",
                "one pixel high", "broken EXIF", "bytes after the end")}  # fmt: skip
    assert set(rare) - set(unusual.names) == ordinary


@pytest.mark.long
def test_a_thousand_pictures_with_fifty_damaged_are_told_apart_in_a_minute_of_work(tmp_path):
    """1,000 pictures, photographs of about 1 Mpx among them, 50 damaged in 8 ways, 40 rare but good."""
    reasons, _ = spoiled.plant(tmp_path, 910, 50, 40)
    photo = Image.fromarray(spoiled.photographs()[-1]).resize((1250, 850))
    for number, path in enumerate(sorted(tmp_path.rglob("*.jpg"))):
        if path.relative_to(tmp_path).as_posix() not in reasons and number < 900:
            turned = np.roll(np.asarray(photo), 37 * number, axis=1)
            path.write_bytes(spoiled.encoded(turned, quality=90))
    began = sum(os.times()[:4])  # of this process and of its workers, whoever else is busy
    report = check(table_of(tmp_path), workers=2)
    assert sum(os.times()[:4]) - began < 60
    assert {damage.name: damage.reason for damage in report.damaged} == reasons


def test_copies_across_parts_are_reported(tmp_path):
    """20 exact copies planted across parts are all found, and at least 18 of 20 near ones."""
    chance = random.Random(1)
    for number in range(120):
        part = ("train", "train", "val", "test")[number % 4]
        place = tmp_path / part / ("cat", "dog")[number % 3 % 2] / f"{number:03d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(spoiled.encoded(spoiled.crop(number, 140, seed=11), quality=92))
    before = check(table_of(tmp_path))
    assert "copies-across-parts" not in codes(before)
    by_chance = {frozenset(group) for group in before.near}  # crops of one photograph that overlap
    train = sorted((tmp_path / "train").rglob("*.jpg"))
    exact, near = set(), set()
    for number, path in enumerate(train[:40]):
        image = Image.open(path)
        name = path.relative_to(tmp_path).as_posix()
        if number < 20:
            other = f"test/{path.parent.name}/copy {number}.png"
            image.save(tmp_path / other)
            exact.add(frozenset((name, other)))
        else:
            other = f"val/{path.parent.name}/near {number}.jpg"
            edge = chance.randrange(2, 7)
            image = image.crop((edge, 2, 140 - chance.randrange(6), 140 - edge))
            image = ImageEnhance.Brightness(image).enhance(chance.choice((0.85, 1.15)))
            image.resize((chance.choice((90, 140, 200)),) * 2).save(tmp_path / other, quality=60)
            near.add((name, other))
    report = check(table_of(tmp_path))
    assert {frozenset(group) for group in report.exact} == exact
    assert finding(report, "copies-across-parts").level == "warn"
    assert set(finding(report, "copies-across-parts").names) == {name for pair in exact for name in pair}
    assert sum(any({*pair} <= set(group) for group in report.near) for pair in near) >= 18
    assert finding(report, "near-copies-across-parts").level == "warn"
    planted = {name for pair in near for name in pair} | {name for pair in exact for name in pair}
    strangers = [g for g in report.near if not set(g) & planted and frozenset(g) not in by_chance]
    assert strangers == []


def test_good_data_has_nothing_to_mend():
    report = check(of_arrays(crops(60), [n % 3 for n in range(60)]))
    assert report.ok and codes(report) <= {"near-copies"}, report.as_text()
    assert report.counts == {f"class {n}": {"": 20} for n in range(3)}
    assert report.formats == {"array": 60} and report.channels == {"colour": 60}


def test_digits_are_seen_as_they_are():
    from sklearn.datasets import load_digits

    digits = load_digits()
    report = check(of_arrays((digits.images * 15.9).astype(np.uint8), digits.target))
    assert report.ok and codes(report) == set(), report.as_text()
    assert report.sizes.median == (8, 8) and report.channels == {"grey": 1797}
    assert "1 channel" in report.suggestion["size"]


def test_uneven_few_and_single_classes_are_told():
    report = check(of_arrays(crops(40), [0] * 32 + [1] * 8))
    assert {"uneven-classes", "few-pictures"} <= codes(report)
    assert finding(report, "few-pictures").names == ("class 1",)
    alone = check(of_arrays(crops(12), [0] * 12))
    assert not alone.ok and finding(alone, "single-class").level == "stop"
    gone = check(of_arrays(crops(12), [0] * 12, classes=("a", "b"), parts=("train",) * 12))
    assert finding(gone, "class-without-pictures").names == ("b",)


def test_one_picture_under_two_labels_is_told():
    pictures = crops(24)
    pictures[20] = pictures[3]
    report = check(of_arrays(pictures, [n % 2 for n in range(20)] + [0] * 4))
    assert report.conflicts == (("00003", "00020"),)
    assert finding(report, "same-picture-different-labels").names == ("00003", "00020")
    several = np.eye(2, dtype=bool)[[n % 2 for n in range(20)] + [0] * 4]
    assert check(of_arrays(pictures, several, kind="labels", classes=("a", "b"))).conflicts
    numbers = check(of_arrays(pictures, np.arange(24.0), kind="number", classes=()))
    assert numbers.conflicts == (("00003", "00020"),)


def test_constant_grey_and_oddly_sized_pictures_are_told():
    pictures = crops(24)
    pictures[0] = np.full((64, 64, 3), 7, np.uint8)
    pictures[1] = np.ascontiguousarray(pictures[1][..., 0])
    pictures[2] = np.dstack([pictures[2][..., 0]] * 3)
    pictures[3] = np.tile(pictures[3], (1, 9, 1))
    pictures[4] = pictures[4][:6, :6]
    report = check(of_arrays(pictures, [n % 2 for n in range(24)]))
    assert finding(report, "constant-pictures").names == ("00000",)
    assert finding(report, "grey-among-colour").names == ("00000", "00001", "00002")
    assert finding(report, "sizes-apart").names == ("00004",)
    assert "shapes-apart" in codes(report)


def test_a_grey_picture_equals_its_twin_in_three_channels():
    grey = np.ascontiguousarray(crops(1)[0][..., 0])
    report = check(of_arrays([grey, np.dstack([grey] * 3), *crops(20)], [0] * 11 + [1] * 11))
    assert report.exact == (("00000", "00001"),)


def test_groups_torn_by_a_split_are_told():
    table = of_arrays(
        crops(24), [n % 2 for n in range(24)], groups=tuple(f"patient {n // 4}" for n in range(24))
    )
    splits = ["train"] * 14 + ["val"] * 6 + ["test"] * 4
    report = check(table, splits=splits)
    assert finding(report, "groups-divided").names == ("patient 3",)
    assert "groups kept whole" in check(table).suggestion["split"]


def test_numbers_that_are_none_are_told():
    pictures = [crop / 255 for crop in crops(20)]
    pictures[7] = pictures[7] * np.nan
    assert check(of_arrays(pictures, [n % 2 for n in range(20)])).damaged[0].name == "00007"
    targets = np.arange(20.0)
    targets[4] = np.nan
    report = check(of_arrays(crops(20), targets, kind="number", classes=()))
    assert finding(report, "target-not-a-number").names == ("00004",)
    still = check(of_arrays(crops(20), np.ones(20), kind="number", classes=()))
    assert "constant-target" in codes(still)


def test_what_the_reader_refused_stops_training():
    problem = PersonError("one-class", expected="two classes or more", got="cats only", fix="add a class")
    table = PictureTable(
        "nothing", (), [], "label", np.zeros(0, int), damaged=(Damage("a.jpg", "empty", "0 bytes"),)
    )
    report = check(table, problems=[problem])
    assert {"one-class", "damaged-pictures", "no-pictures"} <= codes(report) and not report.ok
    assert finding(report, "one-class").mend == "add a class"
    assert "cats only" in report.as_text() and report.page().render()


def test_the_report_speaks_json_text_page_and_fixes(tmp_path):
    pictures = crops(30)
    pictures[22], pictures[9] = pictures[2], np.zeros((64, 64, 3), np.uint8)
    paths = [tmp_path / f"photo {n} ü.png" for n in range(30)]
    for path, picture in zip(paths, pictures):
        path.write_bytes(spoiled.encoded(picture, "PNG"))
    paths[5].write_bytes(b"")
    names = tuple(path.name for path in paths)
    parts = ("train",) * 18 + ("val",) * 6 + ("test",) * 6
    targets = np.array([int(n % 4 > 0) for n in range(30)])
    table = PictureTable(str(tmp_path), names, paths, "label", targets, ("<b>cats</b>", "dogs"), parts)
    before = [path.read_bytes() for path in paths]
    report = check(table, target="label")
    told = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert told["schema"] == 1 and told["command"] == "check" and told["ok"] is False
    assert told["counts"]["dogs"] == {"train": 13, "val": 5, "test": 4}
    assert told["duplicates"]["exact"] == [[names[2], names[22]]]
    assert "glassworks train cnn --data" in told["suggestion"]["command"]
    assert "--target label" in told["suggestion"]["command"]
    assert names[5] in report.as_text() and all(
        len(row) == len(heads) for _, heads, rows in report.tables() for row in rows
    )
    page = report.page().render()
    assert "<b>cats</b>" not in page and "&lt;b&gt;cats" in page and page.count("data:image") >= 14
    assert not re.search(r'(src|href)="(?!data:)', page)
    rows = list(csv.reader(io.StringIO(report.write_fixes(tmp_path / "fixes.csv").read_text("utf-8"))))
    assert rows[0] == ["file", "problem", "suggested action"]
    acts = {row[0]: row for row in rows[1:]}
    assert acts[names[5]][2] == "replace or remove" and "empty" in acts[names[5]][1]
    assert names[22] not in acts and acts[names[2]][2] == "remove or move to the same part"
    assert names[9] in acts
    assert [path.read_bytes() for path in paths] == before  # nothing is ever changed silently


def test_a_picture_that_vanishes_before_the_page_is_left_out(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(spoiled.encoded(crops(1)[0], "PNG"))
    table = PictureTable("t", ("a", "b"), [path, crops(2)[1]], "none", np.zeros(0))
    report = check(table)
    path.unlink()
    assert report.page().render().count("data:image") == 1


def test_scanning_in_processes_gives_what_one_process_gives(tmp_path):
    spoiled.plant(tmp_path, 30, 8, 8)
    table = table_of(tmp_path)
    sources = [*table.sources, crops(1)[0], lambda: Image.new("L", (9, 9))]
    for alone, together in zip(scan(sources), scan(sources, workers=2)):
        assert type(alone) is type(together)
        if isinstance(alone, Look):
            assert alone.hash == together.hash and np.array_equal(alone.small, together.small)
        else:
            assert alone == together
