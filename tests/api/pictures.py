"""Small data sets of every kind for the tests of the verbs: colours that a model can tell apart."""

import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"rot": (200, 40, 40), "grün": (40, 180, 60), "blau": (40, 60, 210), "gelb": (225, 205, 40),
           "weiß": (215, 215, 215)}  # fmt: skip
SIDE = 20


def picture(name: str, number: int, side: int = SIDE) -> np.ndarray:
    """A noisy patch of a colour: uint8 (side, side, 3), different for each number."""
    chance = np.random.default_rng([number, len(name), ord(name[0])])
    noise = chance.integers(-35, 36, (side, side, 3))
    return np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def class_folders(root: Path, *, count: int = 14, names=("rot", "grün"), part: str = "") -> Path:
    """PNG and JPEG of several sizes, names with spaces and letters beyond ASCII."""
    for name in names:
        for number in range(count):
            ending = ("png", "jpg")[number % 2]
            save(root / part / name / f"bild {number} ñ.{ending}", picture(name, number, SIDE + number % 5))
    return root


def unusual(folder: Path) -> None:
    """Good pictures that many programs stumble over: CMYK, 16 bits, palette, alpha, EXIF rotation."""
    image = Image.fromarray(picture("rot", 99))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(folder / "deep.png")
    image.convert("P").save(folder / "palette.png")
    clear = image.copy()
    clear.putalpha(200)
    clear.save(folder / "alpha.png")
    image.save(folder / "turned.jpg", exif=exif)


def table(root: Path, kind: str, *, count: int = 30, ending: str = "csv", group: bool = False) -> Path:
    """A CSV or JSONL of "label", "labels" ("a;b") or "number", with its pictures."""
    rows = []
    for number in range(count):
        name = list(COLOURS)[number % 2]
        pixels = picture(name, number)
        target: object = name
        if kind == "labels":
            bright = number % 3 == 0
            pixels = np.clip(pixels.astype(int) + 40 * bright, 0, 255).astype(np.uint8)
            target = ";".join([name, *(["hell"] if bright else [])])
        if kind == "number":
            target = number / count * 10 + 0.5
            pixels = np.full((SIDE, SIDE, 3), 20 + int(number / count * 200), np.uint8)
            pixels[: number % 7 + 1] = 10
        save(root / "bilder" / f"{number}.png", pixels)
        row = {"file": f"bilder/{number}.png", "label": target}
        rows.append(row | ({"patient": f"p{number // 3}"} if group else {}))
    path = root / f"tafel.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    else:
        lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def arrays(count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures (count, 20, 20) that are dark or light, and their classes."""
    labels = np.arange(count) % 2
    chance = np.random.default_rng(0)
    pixels = labels[:, None, None] * 120 + chance.integers(0, 100, (count, SIDE, SIDE))
    return pixels.astype(np.uint8), labels.astype(np.uint8)


def idx(root: Path) -> Path:
    """MNIST's own form: t10k and train, pictures and labels."""
    root.mkdir(parents=True, exist_ok=True)
    pixels, labels = arrays()
    for part, rows in (("train", slice(0, 22)), ("t10k", slice(22, 30))):
        some = pixels[rows]
        head = struct.pack(">IIII", 0x803, *some.shape)
        (root / f"{part}-images-idx3-ubyte").write_bytes(head + some.tobytes())
        (root / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, len(some)) + labels[rows].tobytes()
        )
    return root
