"""Decoding: every damaged file is named with its reason, every unusual but good one is read right."""

import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from glassworks.core.errors import PersonError
from glassworks.data.decode import (
    damage_of,
    is_picture_name,
    open_picture,
    open_with_facts,
    picture_size,
    read_picture,
)
from tests.data import spoiled


def saved(folder: Path, name: str, body: bytes) -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("reason", spoiled.REASONS)
def test_each_way_of_damage_gets_its_word(tmp_path, reason):
    for number in range(1 if reason == "too-large" else 24):
        ending, body = spoiled.damaged(reason, number)
        path = saved(tmp_path, f"{number}{ending}", body)
        found = damage_of(path)
        assert found is not None and found.reason == reason, (number, path.name, found)
        with pytest.raises(PersonError) as error:
            open_picture(path)
        assert error.value.code == "damaged-picture"
        assert path.name in error.value.got and reason in error.value.got


def test_unusual_but_good_pictures_are_no_damage_and_look_the_same(tmp_path):
    for number in range(48):
        ending, body, kind = spoiled.unusual(number)
        path = saved(tmp_path, f"{number}{ending}", body)
        assert damage_of(path) is None, kind
        image = open_picture(path)
        assert image.mode in ("L", "RGB"), kind
        if kind in ("alpha", "grey with alpha", "EXIF-rotated", "one pixel high", "1-bit"):
            continue  # looked at by tests of their own
        truth = Image.fromarray(spoiled.crop(number, seed=2)).convert("L")
        seen = np.asarray(image.convert("L")).astype(int)
        assert np.abs(seen - np.asarray(truth)).mean() < 7, kind


@pytest.mark.parametrize("orientation", range(1, 9))
def test_phone_rotation_is_undone(tmp_path, orientation):
    upright = Image.fromarray(spoiled.photographs()[1][:200, :300])
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transposes that make the camera's view
    camera = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    small_truth = np.asarray(upright.resize((60, 40), Image.Resampling.BILINEAR))
    for ending, kind in ((".jpg", "JPEG"), (".png", "PNG"), (".tif", "TIFF"), (".webp", "WEBP")):
        path = saved(tmp_path, f"turned{ending}", spoiled.encoded(camera, kind, exif=exif))
        assert picture_size(path) == (300, 200), kind
        image, facts = open_with_facts(path)
        assert image.size == (facts.width, facts.height) == (300, 200), kind
        assert np.abs(np.asarray(image).astype(int) - np.asarray(upright)).mean() < 8, kind
        small = read_picture(path, 40, 60, 3).astype(int)
        assert np.abs(small - small_truth).mean() < 6, kind


def test_sixteen_bits_become_eight_by_their_own_range(tmp_path):
    ramp = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(4, 256)
    wanted = np.round(ramp / 257).astype(np.uint8)
    for ending, kind in ((".png", "PNG"), (".tif", "TIFF")):
        path = saved(tmp_path, f"deep{ending}", spoiled.encoded(Image.fromarray(ramp), kind))
        assert np.array_equal(np.asarray(open_picture(path)), wanted)
    big_endian = saved(tmp_path, "deep.pgm", b"P5 256 4 65535\n" + ramp.astype(">u2").tobytes())
    assert np.array_equal(np.asarray(open_picture(big_endian)), wanted)
    assert np.array_equal(np.asarray(open_picture(ramp)), wanted)
    assert np.array_equal(np.asarray(open_picture(Image.fromarray(ramp.astype(np.int32)).copy)), wanted)
    dark = Image.fromarray((ramp // 16).astype(np.uint16))  # 12 bits used of 16: stays as dark as it was
    assert np.asarray(open_picture(saved(tmp_path, "dark.png", spoiled.encoded(dark, "PNG")))).max() == 16


def test_transparency_is_laid_on_white(tmp_path):
    clear = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    clear.putpixel((0, 0), (200, 0, 0, 255))
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([9, 9, 9, 200, 0, 0])
    for image, options in ((clear, {}), (clear.convert("LA"), {}), (palette, {"transparency": 1})):
        seen = open_picture(saved(tmp_path, "clear.png", spoiled.encoded(image, "PNG", **options)))
        assert np.asarray(seen)[3, 3].min() == 255
    assert open_picture(saved(tmp_path, "a.png", spoiled.encoded(clear, "PNG"))).getpixel((0, 0)) == (
        200,
        0,
        0,
    )


def test_the_first_frame_of_a_film_is_used(tmp_path):
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    body = spoiled.encoded(red, "GIF", save_all=True, append_images=[blue])
    image, facts = open_with_facts(saved(tmp_path, "film.gif", body))
    assert facts.frames == 2 and image.getpixel((0, 0)) == (255, 0, 0)


BOMB = """
import resource, sys, time
from pathlib import Path
from glassworks.core.errors import PersonError
from glassworks.data.decode import open_picture, picture_size
import PIL.PngImagePlugin
UNIT = 1024 if sys.platform == "linux" else 1024**2
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT
open_picture(Path(sys.argv[1]))
before, began = peak(), time.process_time()
for path in sys.argv[2:]:
    for read in (open_picture, picture_size):
        try:
            read(Path(path))
            print("was read", path)
        except PersonError as error:
            assert "too-large" in error.got, error.got
print(peak() - before, time.process_time() - began)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module measures memory elsewhere")
def test_decompression_bombs_are_refused_from_the_header(tmp_path):
    """A small PNG of 400 million pixels and one of 169 million: refused, under 100 MB and 1 s, no warning."""
    small = saved(tmp_path, "small.png", spoiled.encoded(spoiled.crop(0), "PNG"))
    giant = saved(tmp_path, "bomb.png", spoiled.bomb())
    large = saved(tmp_path, "large.png", spoiled.png_of(13_000, 13_000))
    assert giant.stat().st_size < 400_000
    # A child begins with the largest size that its parent ever had: a shell in between has a small one.
    command = ["sh", "-c", '"$0" "$@"; exit $?', sys.executable, "-W", "always", "-c", BOMB]
    done = subprocess.run([*command, small, giant, large], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    grown, seconds = map(float, done.stdout.split())
    assert grown < 100 and seconds < 1


def test_the_limit_is_a_parameter_and_pillows_own_is_left_alone(tmp_path):
    path = saved(tmp_path, "a.png", spoiled.encoded(np.zeros((100, 100), np.uint8), "PNG"))
    theirs = Image.MAX_IMAGE_PIXELS
    assert damage_of(path, limit=9_999).reason == "too-large"
    assert damage_of(path, limit=10_000) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert damage_of(saved(tmp_path, "b.png", spoiled.png_of(10_000, 9_500))).reason == "too-large"
    assert theirs == Image.MAX_IMAGE_PIXELS and ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_folders_missing_files_and_closed_files_are_told_politely(tmp_path):
    assert damage_of(tmp_path).reason == "is-a-folder"
    assert damage_of(tmp_path / "nothing.png").reason == "missing"
    closed = saved(tmp_path, "closed.png", spoiled.encoded(spoiled.crop(1), "PNG"))
    closed.chmod(0)
    if os.name == "posix" and os.geteuid() != 0:  # root may read everything
        assert damage_of(closed).reason == "no-permission"


def test_no_format_that_runs_another_program_is_opened(tmp_path):
    script = saved(tmp_path, "a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n\xff%%EndComments\n")
    assert damage_of(script).reason == "unreadable"


def test_a_size_that_fits_keeps_its_pixels():
    picture = spoiled.crop(3, 64)
    assert np.array_equal(read_picture(picture, 64, 64, 3), picture)
    assert np.array_equal(read_picture(lambda: Image.fromarray(picture), 64, 64, 3, "crop"), picture)
    grey = read_picture(picture, 64, 64, 1)
    assert grey.shape == (64, 64, 1)
    assert np.array_equal(grey[..., 0], np.asarray(Image.fromarray(picture).convert("L")))


def test_stretch_crop_and_pad_place_the_picture():
    wide = np.zeros((50, 100, 3), np.uint8)
    wide[:, 25:75] = 255  # the middle square
    assert read_picture(wide, 20, 20, 3, "crop").min() > 200
    padded = read_picture(wide, 20, 20, 3, "pad")
    assert padded[:4].max() == 0 and padded[10, 10].min() == 255 and padded[10, 1].max() == 0
    assert read_picture(wide, 20, 20, 3)[:, 7:13].min() == 255


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_scaled_jpeg_decoding_agrees_with_the_slow_way(tmp_path, fit):
    photo = Image.fromarray(spoiled.photographs()[-1]).resize((1600, 1100))
    path = saved(tmp_path, "large.jpg", spoiled.encoded(photo, quality=92))
    fast = read_picture(path, 96, 128, 3, fit).astype(int)
    slow = read_picture(np.asarray(Image.open(path)), 96, 128, 3, fit).astype(int)
    assert np.abs(fast - slow).mean() < 2.0
    grey = read_picture(path, 96, 128, 1, fit)[..., 0].astype(int)
    assert np.abs(grey - np.asarray(Image.fromarray(slow.astype(np.uint8)).convert("L"))).mean() < 2.0


def test_arrays_of_every_kind_become_pictures():
    ramp = np.linspace(0, 1, 64).reshape(8, 8)
    assert np.asarray(open_picture(ramp))[-1, -1] == 255
    assert np.asarray(open_picture(ramp * 255))[-1, -1] == 255
    assert np.asarray(open_picture(ramp > 0.5)).max() == 255
    assert open_picture(np.dstack([ramp] * 3).astype(np.float32)).mode == "RGB"
    assert np.asarray(open_picture((ramp * 200).astype(np.int64))).max() == 200
    with pytest.raises(PersonError, match=r"row 7.*NaN"):
        open_picture(np.full((8, 8), np.nan), name="row 7")
    with pytest.raises(PersonError, match="shape"):
        open_picture(np.zeros((8, 8, 5), np.uint8))


def test_a_function_that_cannot_make_its_picture_is_told_by_name():
    broken = Image.open(io.BytesIO(spoiled.encoded(spoiled.crop(0))[:2000]))
    for source in (lambda: Image.open(io.BytesIO(b"no picture")), lambda: broken):
        with pytest.raises(PersonError, match="train/00017") as error:
            read_picture(source, 8, 8, 3, name="train/00017")
        assert error.value.code == "damaged-picture"


def test_names_of_pictures():
    assert is_picture_name("a/Ünïcode name.JPG") and is_picture_name(Path("a.webp"))
    assert not is_picture_name("labels.csv") and not is_picture_name("README")


def test_random_bytes_and_cut_files_never_raise_anything_else(tmp_path):
    chance = np.random.default_rng(0)
    for number in range(150):
        kind = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "JPEG2000")[number % 9]
        body = bytearray(spoiled.encoded(spoiled.crop(number, 32), kind))
        for place in chance.integers(0, len(body), 12):
            body[place] = chance.integers(256)
        path = saved(tmp_path, "x.bin", bytes(body[: int(chance.integers(1, len(body)))]))
        damage_of(path)  # good or damaged, but never another exception
    assert damage_of(saved(tmp_path, "y", io.BytesIO(b"\x00" * 50).getvalue())).reason == "unreadable"


def as_weights_were_trained(image, side, share):
    """Pillow alone, in the words of model cards: resize the shorter side to side / share, cut the middle."""
    short = round(side / share)
    scale = short / min(image.size)
    larger = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    left, top = (larger.width - side) / 2, (larger.height - side) / 2
    return np.asarray(larger.crop((int(left), int(top), int(left) + side, int(top) + side))).astype(int)


@pytest.mark.parametrize("across", [(600, 400), (400, 600), (512, 512), (640, 427)])
def test_crop_and_bicubic_are_the_preprocessing_of_published_weights(tmp_path, across):
    """Resize to 256, cut out 224: to 1 of 255 from an array and from a JPEG, far nearer than other ways."""
    from sklearn.datasets import load_sample_images

    picture = Image.fromarray(load_sample_images().images[1]).resize(across, Image.Resampling.BICUBIC)
    path = tmp_path / "photo.jpg"
    picture.save(path, quality=95)
    decoded = open_picture(path)
    wanted = as_weights_were_trained(decoded, 224, 0.875)

    def away(source, **options):
        seen = read_picture(
            source, 224, 224, 3, **{"fit": "crop", "crop": 0.875, "resample": "bicubic"} | options
        )
        return float(np.abs(seen - wanted).mean())

    assert away(path) < 1 and away(np.asarray(decoded)) < 1
    assert away(path, crop=1.0) > 10
    assert away(path, fit="stretch", crop=1.0) > 10
    assert away(np.asarray(decoded), resample="bilinear") > away(np.asarray(decoded)) + 0.3


def test_torchvision_agrees_where_no_size_is_rounded(tmp_path):
    transforms = pytest.importorskip("torchvision").models.EfficientNet_B0_Weights.IMAGENET1K_V1.transforms()
    picture = Image.fromarray(spoiled.photographs()[0]).resize((600, 400))
    theirs = transforms(picture)  # normalised, (3, 224, 224)
    mean, std = (np.array(values)[:, None, None] for values in (transforms.mean, transforms.std))
    theirs = (theirs.numpy() * std + mean).transpose(1, 2, 0) * 255
    ours = read_picture(np.asarray(picture), 224, 224, 3, "crop", resample="bicubic", crop=0.875)
    assert np.abs(ours - theirs).mean() < 0.1


def test_a_large_jpeg_is_still_unpacked_large_enough_for_the_crop(tmp_path):
    """A JPEG is unpacked near to 256, not to 224, so that the cut-out middle stays sharp."""
    picture = Image.fromarray(spoiled.photographs()[0]).resize((1792, 1792), Image.Resampling.LANCZOS)
    path = tmp_path / "large.jpg"
    picture.save(path, quality=95)
    whole = read_picture(np.asarray(open_picture(path)), 224, 224, 3, "crop", crop=0.5, resample="bicubic")
    seen = read_picture(path, 224, 224, 3, "crop", crop=0.5, resample="bicubic")
    assert np.abs(seen.astype(int) - whole).mean() < 1.5


def test_a_picture_of_the_right_size_is_cut_as_well_where_a_share_is_asked_for():
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    assert read_picture(pixels, 32, 32, 3, "crop") is pixels
    assert read_picture(pixels, 32, 32, 3, "stretch", crop=0.5) is pixels  # a share of what is cropped only
    cut = read_picture(pixels, 32, 32, 3, "crop", crop=0.5)
    middle = Image.fromarray(pixels).resize((32, 32), Image.Resampling.BILINEAR, box=(8, 8, 24, 24))
    assert np.array_equal(cut, np.asarray(middle))


@pytest.mark.parametrize("wrong", [{"crop": 0.0}, {"crop": 1.1}, {"resample": "nearest"}])
def test_a_share_or_a_word_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="crop is a share"):
        read_picture(np.zeros((4, 4), np.uint8), 2, 2, 1, **wrong)
