"""A folder of real photographs with known damage planted in it, for the tests of decoding and checking."""

import functools
import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

REASONS = (
    "empty",
    "text",
    "truncated-header",
    "truncated-body",
    "zero-size",
    "web-page",
    "unreadable",
    "too-large",
)


@functools.cache
def photographs() -> tuple[np.ndarray, ...]:
    """Real colour pictures that come with scikit-image and scikit-learn."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    ours = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.retina()[::2, ::2]]
    ours += [data.immunohistochemistry(), data.hubble_deep_field()]
    return tuple(ours) + tuple(load_sample_images().images)


def crop(number: int, side: int = 96, seed: int = 0) -> np.ndarray:
    """A crop that holds something, different for each number: uint8 (side, side, 3)."""
    chance = random.Random(f"{seed}/{number}")
    while True:
        photo = chance.choice(photographs())
        top, left = chance.randrange(photo.shape[0] - side), chance.randrange(photo.shape[1] - side)
        found = photo[top : top + side, left : left + side]
        if found.std() > 12:
            return np.ascontiguousarray(found)


def encoded(picture: np.ndarray | Image.Image, kind: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A true grey PNG of that many black pixels, made a row at a time: small on disk, large when unpacked."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer, row, parts = zlib.compressobj(9), bytes(width + 1), []
    for _ in range(height):
        parts.append(packer.compress(row))
    body = b"".join(parts) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@functools.cache
def bomb() -> bytes:
    return png_of(20_000, 20_000)


def damaged(reason: str, number: int) -> tuple[str, bytes]:
    """(ending, bytes) of a file that is damaged in one way; the number varies how."""
    picture = crop(number, seed=1)
    kind, ending = [("JPEG", ".jpg"), ("PNG", ".png"), ("GIF", ".gif"), ("BMP", ".bmp"), ("TIFF", ".tif"),
                    ("WEBP", ".webp")][number % 6]  # fmt: skip
    whole = encoded(picture, kind)
    if reason == "empty":
        return ending, b""
    if reason == "text":
        texts = ["not found\n", "Überschrift: kein Bild", "path,label\na.jpg,cat\n" * 300]
        texts.append("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
        return ending, texts[number % 4].encode()
    if reason == "truncated-header":
        return ending, whole[: (4, 10, 12, 8)[number // 6 % 4]]
    if reason == "truncated-body":
        if number % 6 == 0 and number % 4 == 0:  # written with its length, never filled
            half = len(whole) // 2
            return ending, whole[:half] + bytes(len(whole) - half)
        if number % 7 == 3:
            whole, ending = encoded(picture, "JPEG", progressive=True), ".jpg"
        return ending, whole[: len(whole) * (50 + number % 45) // 100]
    if reason == "zero-size":
        if number % 2:
            return ".png", png_of(0, 8)
        return ".png", png_of(8, 0)
    if reason == "web-page":
        texts = ["<!DOCTYPE html><html><body>404</body></html>", "\n\n <html><head><title>Sign in</title>"]
        texts.append('<?xml version="1.0"?>\n<html xmlns="x">' + "<p>text</p>" * 600)
        return ending, texts[number % 3].encode()
    if reason == "unreadable":
        noise = np.random.default_rng(number).integers(128, 255, 3000, np.uint8).tobytes()
        return ending, [b"PK\x03\x04" + noise, b"%PDF-1.7\n\xe2\xe3" + noise, noise, bytes(3000)][number % 4]
    if reason == "too-large":
        return ".png", bomb()
    raise ValueError(reason)


def unusual(number: int) -> tuple[str, bytes, str]:
    """(ending, bytes, kind) of a file that is rare but good."""
    picture = Image.fromarray(crop(number, seed=2))
    turned = Image.Exif()
    turned[0x0112] = 3 + number % 6
    deep = (np.asarray(picture.convert("L")).astype(np.uint16)) * 257
    alpha = picture.copy()
    alpha.putalpha(picture.convert("L"))
    makers = {
        "CMYK": lambda: (".jpg", encoded(picture.convert("CMYK"))),
        "16-bit": lambda: (".png", encoded(Image.fromarray(deep), "PNG")),
        "16-bit TIFF": lambda: (".tif", encoded(Image.fromarray(deep), "TIFF")),
        "palette": lambda: (".png", encoded(picture.quantize(32), "PNG")),
        "animated": lambda: (
            ".gif",
            encoded(picture, "GIF", save_all=True, append_images=[picture.rotate(9)]),
        ),
        "EXIF-rotated": lambda: (".jpg", encoded(picture, exif=turned)),
        "alpha": lambda: (".png", encoded(alpha, "PNG")),
        "grey with alpha": lambda: (".png", encoded(alpha.convert("LA"), "PNG")),
        "1-bit": lambda: (".png", encoded(picture.convert("1"), "PNG")),
        "grey": lambda: (".jpg", encoded(picture.convert("L"))),
        "progressive": lambda: (".jpg", encoded(picture, progressive=True)),
        "wrong extension": lambda: (".jpg", encoded(picture, "PNG")),
        "capital extension": lambda: (".JPEG", encoded(picture)),
        "one pixel high": lambda: (".png", encoded(picture.crop((0, 20, 96, 21)), "PNG")),
        "broken EXIF": lambda: (".jpg", encoded(picture, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")),
        "bytes after the end": lambda: (".jpg", encoded(picture) + bytes(200)),
    }
    kind = list(makers)[number % len(makers)]
    return (*makers[kind](), kind)


def plant(
    folder: Path, good: int, bad: int, rare: int, *, side: int = 96
) -> tuple[dict[str, str], dict[str, str]]:
    """Write class folders of good, damaged and rare pictures; return {name: reason}, {name: kind}."""
    reasons: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for number in range(good + bad + rare):
        label = ("café au lait", "dog", "bird")[number % 3]
        if number < good:
            ending, body = ".jpg", encoded(crop(number, side), quality=88)
        elif number < good + bad:
            which = number - good
            ending, body = damaged(REASONS[which % 8], which // 8 + which)
        else:
            ending, body, kind = unusual(number - good - bad)
        name = f"{label}/{number:05d}{ending}"
        if good <= number < good + bad:
            reasons[name] = REASONS[(number - good) % 8]
        elif number >= good + bad:
            kinds[name] = kind
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return reasons, kinds
