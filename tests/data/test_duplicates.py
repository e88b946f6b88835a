"""Copies are found after the small changes that people make, and different pictures are left apart."""

import io
import random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from glassworks.data.duplicates import (
    Groups,
    exact_duplicates,
    near_duplicates,
    pixel_hash,
    thumbnail,
)
from tests.data import spoiled


def searched(images: list[Image.Image]) -> list[list[int]]:
    return near_duplicates(np.stack([thumbnail(i) for i in images]), np.array([i.size for i in images]))


def compressed(image: Image.Image, quality: int = 40) -> Image.Image:
    return Image.open(io.BytesIO(spoiled.encoded(image, quality=quality))).convert("RGB")


def captioned(image: Image.Image) -> Image.Image:
    image = image.copy()
    pen, (width, height) = ImageDraw.Draw(image), image.size
    pen.rectangle((0, height - max(12, height // 12), width, height), fill="black")
    pen.text((4, height - 11), "seen in 2021", fill="white")
    return image


def trimmed(image: Image.Image, chance: random.Random, share: float) -> Image.Image:
    width, height = image.size
    left, top, right, bottom = (chance.uniform(0.3, 1) * share for _ in range(4))
    box = (left * width, top * height, width - right * width, height - bottom * height)
    return image.crop(tuple(round(edge) for edge in box))


CHANGES = {
    "smaller": lambda image, chance: image.resize((image.width * 5 // 9, image.height * 5 // 9)),
    "larger and stretched": lambda image, chance: image.resize((image.width * 2, image.height * 3 // 2)),
    "compressed": lambda image, chance: compressed(image),
    "brighter": lambda image, chance: ImageEnhance.Brightness(image).enhance(1.2),
    "darker": lambda image, chance: ImageEnhance.Brightness(image).enhance(0.75),
    "trimmed by 2 %": lambda image, chance: trimmed(image, chance, 0.02),
    "trimmed by 5 %": lambda image, chance: trimmed(image, chance, 0.05),
    "trimmed at the top by 9 %": lambda image, chance: image.crop((0, image.height * 9 // 100, *image.size)),
    "trimmed at the left by 9 %": lambda image, chance: image.crop((image.width * 9 // 100, 0, *image.size)),
    "captioned": lambda image, chance: captioned(image),
    "grey": lambda image, chance: image.convert("L"),
    "mirrored": lambda image, chance: ImageOps.mirror(image),
    "several at once": lambda image, chance: compressed(
        ImageEnhance.Brightness(trimmed(image, chance, 0.03)).enhance(1.1).resize((150, 150)), 60
    ),
}


def test_nearly_all_changed_copies_are_found_and_no_stranger_with_them():
    chance = random.Random(0)
    originals = [Image.fromarray(spoiled.crop(n, 180, seed=7)) for n in range(20)]
    alone = {tuple(group) for group in searched(originals)}  # crops that overlap
    for name, change in CHANGES.items():
        groups = searched(originals + [change(image, chance) for image in originals])
        hits = sum(any({n, n + 20} <= set(group) for group in groups) for n in range(20))
        strangers = [g for g in groups if len({n % 20 for n in g}) > 1]
        assert hits >= 18, (name, hits)
        assert len(strangers) <= len(alone) + 1, (name, strangers)  # trimming may make crops overlap more


def test_different_faces_and_digits_are_not_copies():
    from skimage import data
    from sklearn.datasets import load_digits

    faces = [Image.fromarray((face * 255).astype(np.uint8)) for face in data.lfw_subset()]
    digits = [Image.fromarray((digit * 15.9).astype(np.uint8)) for digit in load_digits().images]
    assert searched(faces) == []
    assert searched(digits) == []
    enlarged = [digit.resize((28, 28), Image.Resampling.BICUBIC) for digit in digits]
    assert len(searched(enlarged)) <= 3
    larger_faces = [face.resize((100, 100), Image.Resampling.BICUBIC) for face in faces]
    # Blurred to a quarter of their size, faces are hard to tell apart: under 1 in 2,000 of the 19,900 pairs.
    assert len(searched(larger_faces)) <= 8


def test_small_pictures_made_brighter_or_larger_are_found():
    from skimage import data

    faces = [Image.fromarray((face * 255).astype(np.uint8)) for face in data.lfw_subset()[:60]]
    for change in (lambda face: face.point(lambda grey: grey * 0.8 + 10), lambda face: face.resize((50, 50))):
        groups = searched(faces + [change(face) for face in faces])
        assert sum([n, n + 60] in groups for n in range(60)) >= 54
        assert all(len(group) == 2 for group in groups)


def test_flat_pictures_are_never_near_copies():
    flat = [Image.new("L", (64, 64), grey) for grey in range(0, 250, 10)]
    ramps = [Image.linear_gradient("L").resize((n, n)) for n in (64, 80, 100)]
    noise = np.random.default_rng(0).normal(128, 0.4, (5, 64, 64)).astype(np.uint8)
    assert searched(flat + ramps + [Image.fromarray(each) for each in noise]) == []


def test_exact_copies_are_found_across_formats():
    picture = Image.fromarray(spoiled.crop(1, 64))
    again = [Image.open(io.BytesIO(spoiled.encoded(picture, kind))) for kind in ("PNG", "BMP", "TIFF")]
    other = picture.copy()
    other.putpixel((5, 5), (0, 0, 0))
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    hashes = [pixel_hash(image.convert("RGB")) for image in [picture, other, *again, turned]]
    assert exact_duplicates(hashes) == [[0, 2, 3, 4]]
    tall, wide = Image.new("L", (2, 8)), Image.new("L", (8, 2))
    assert pixel_hash(tall) != pixel_hash(wide)


def test_pairs_join_into_groups():
    groups = Groups(9)
    for pair in ((1, 2), (5, 2), (7, 8)):
        groups.join(*pair)
    assert groups.of_two_or_more() == [[1, 2, 5], [7, 8]]
    assert groups.together(1, 5) and not groups.together(1, 7)


def test_too_many_pictures_and_too_few_are_handled():
    assert near_duplicates(np.zeros((1, 48, 48), np.uint8), np.array([[9, 9]])) == []
    with pytest.raises(ValueError, match="20001"):
        near_duplicates(np.zeros((20_001, 48, 48), np.uint8), np.ones((20_001, 2)))


@pytest.mark.long
def test_twenty_thousand_pictures_are_compared_in_a_minute():
    import time

    chance = np.random.default_rng(0)
    many = chance.integers(0, 255, (20_000, 48, 48), np.uint8)
    many[19_999] = many[3]
    began = time.process_time()
    assert near_duplicates(many, np.full((20_000, 2), 256)) == [[3, 19_999]]
    assert time.process_time() - began < 60
