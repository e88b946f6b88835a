"""Predict with the model beside this file: python predict.py PICTURE [PICTURE …]

It needs numpy, Pillow and onnxruntime alone. It prints one line of JSON a picture: its answer and the
probability of each class (or the value, for a number), or the error of a picture that cannot be read.
It exits with 0 when all were read, 1 when one was not, and 2 when the model is damaged."""

import json
import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from glassworks.deploy.standalone.bundle import in_words, load

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # none that starts another program
PIXEL_LIMIT = 50_000_000  # a file that claims more is refused before it is unpacked


def pixels_of(path: Path, facts: dict) -> np.ndarray:
    """A picture as the model was trained on it: uint8 (height, width, channels)."""
    how = facts["input"]
    height, width, channels = how["height"], how["width"], how["channels"]
    crop, mode = how["crop"] if how["fit"] == "crop" else 1.0, "L" if channels == 1 else "RGB"
    Image.init()  # loads the readers of all formats
    with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as file:
        if file.width * file.height > PIXEL_LIMIT:
            raise ValueError(f"{file.width} x {file.height} pixels are more than {PIXEL_LIMIT}")
        size = math.ceil(width / crop), math.ceil(height / crop)
        turned = file.getexif().get(0x0112, 1) >= 5  # the camera was held upright: sides change places
        file.draft(mode if file.mode in ("L", "RGB") else None, size[::-1] if turned else size)
        image = ImageOps.exif_transpose(on_white(file)).convert(mode)
    image = fitted(image, width, height, how["fit"], crop, Image.Resampling[how["resample"].upper()])
    return np.asarray(image).reshape(height, width, channels)


def on_white(image: Image.Image) -> Image.Image:
    """Transparency laid on white, and 16 bits made 8; everything else as it is."""
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    if image.mode not in ("LA", "La", "RGBA", "RGBa", "PA") and "transparency" not in image.info:
        image.load()
        return image
    clear, white = image.convert("RGBA"), Image.new("RGB", image.size, "white")
    white.paste(clear.convert("RGB"), mask=clear.getchannel("A"))
    white.getexif().update(image.getexif())
    return white


def fitted(
    image: Image.Image, width: int, height: int, fit: str, crop: float, resample: Image.Resampling
) -> Image.Image:
    """Resized: "stretch" to the size, "crop" the middle (a share of it), or "pad" the rest with black."""
    if image.size == (width, height) and crop == 1:
        return image
    if fit == "stretch":
        return image.resize((width, height), resample, reducing_gap=2.0)
    if fit == "crop":
        scale = crop * min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        right, bottom = min(left + width * scale, image.width), min(top + height * scale, image.height)
        box = (max(left, 0.0), max(top, 0.0), right, bottom)
        return image.resize((width, height), resample, box=box, reducing_gap=2.0)
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    canvas, place = (
        Image.new(image.mode, (width, height)),
        ((width - inner[0]) // 2, (height - inner[1]) // 2),
    )
    canvas.paste(image.resize(inner, resample, reducing_gap=2.0), place)
    return canvas


def main(names: list[str]) -> int:
    (facts, session), failed = load(), 0
    for name in names:
        try:
            answers = session.run(["answers"], {"pixels": pixels_of(Path(name), facts)[None]})[0][0]
            told = in_words(answers, facts)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            told, failed = {"error": f"no picture that can be read: {error}"}, 1
        print(json.dumps({"file": name} | told, ensure_ascii=False))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
