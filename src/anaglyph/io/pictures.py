"""Pictures and masks from files: PNG, JPEG and WebP, with limits as errors, whatever they hold inside.

The picture that counts is the one a viewer shows: turned as its EXIF says, the first frame of several,
16 bits of grey rounded to 8 (of 16 bits of colour, Pillow keeps the upper 8), palettes and CMYK as RGB.
What is transparent shows white. Metadata and colour profiles are dropped.
"""

from __future__ import annotations

import io
import logging
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from anaglyph.errors import DataError
from anaglyph.io.picture_parts import check_parts, check_scans
from anaglyph.io.png_rows import check_png

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 20 << 20
MAX_PIXELS = 50_000_000
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Pixels = NDArray[np.uint8]
log = logging.getLogger(__name__)


def read_picture(path: Path, *, size: int, gray: bool = False) -> Pixels:
    """Read one picture as (1 or 3, size, size), resized without keeping its proportions.

    Raises:
        DataError: absent, of another format, damaged, or beyond 20 MiB or 50 million pixels.
    """
    mode = "L" if gray else "RGB"
    with _folded(path):
        seen = _on(255, _decoded(path, least=2 * size)).convert(mode)
        pixels = np.asarray(seen.resize((size, size), Image.Resampling.BICUBIC), dtype=np.uint8)
    return pixels[None] if gray else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def read_masked_picture(path: Path, *, mask_path: Path | None = None) -> tuple[Pixels, Pixels]:
    """Read a picture, (H, W, 3), and where in it the object is, (H, W) 0 to 255.

    The mask comes from `mask_path`, else from the picture's transparency, else it is full. A mask file
    of another size is resized to the picture's and the log says so.

    Raises:
        DataError: either file is absent, of another format, damaged or beyond the limits of
            `read_picture`, or the mask lies across a picture that stands (one was turned, one not).
    """
    with _folded(path):
        image = _decoded(path)
        pixels = np.array(_on(255, image), dtype=np.uint8)
        mask = np.array(image.getchannel("A"), dtype=np.uint8)
    if mask_path is None:
        return pixels, mask
    return pixels, _fitted(read_mask(mask_path), mask.shape, mask_path=mask_path, path=path)


def masked_picture(data: bytes, *, name: str, mask: bytes | None = None) -> tuple[Pixels, Pixels]:
    """`read_masked_picture` for files in memory, such as uploads; errors call the picture `name`.

    Raises:
        DataError: as there.
    """
    with _folded(name):
        image = _image(_small_enough(data, name), where=f"'{name}'")
        pixels = np.array(_on(255, image), dtype=np.uint8)
        shown = np.array(image.getchannel("A"), dtype=np.uint8)
    if mask is None:
        return pixels, shown
    with _folded(f"mask of {name}"):
        image = _image(_small_enough(mask, f"mask of {name}"), where=f"the mask of '{name}'")
        given = np.array(_on(0, image).convert("L"), dtype=np.uint8)
    return pixels, _fitted(given, shown.shape, mask_path=f"mask of {name}", path=name)


def read_mask(path: Path) -> Pixels:
    """Read a mask as (H, W), 0 to 255: its brightness; what is transparent is not the object.

    Raises:
        DataError: as `read_picture`.
    """
    with _folded(path):
        return np.array(_on(0, _decoded(path)).convert("L"), dtype=np.uint8)


def opaque(image: Image.Image) -> Image.Image:
    """RGB without regard to transparency, as textures are read; 16 bits of grey rounded to 8."""
    return (_as_rgba(image) if image.mode.startswith("I") else image).convert("RGB")


def _decoded(path: Path, *, least: int | None = None) -> Image.Image:
    """The picture as RGBA, upright; a JPEG may come at a fraction of its size, no side below `least`."""
    return _image(_bytes(path), where=f"'{path}'", least=least)


def _image(data: bytes, *, where: str, least: int | None = None) -> Image.Image:
    """`_decoded` for the bytes of a file; `where` names it in errors."""
    check_parts(data, where=where)
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DataError(f"{where} is {image.width} x {image.height}; at most {MAX_PIXELS} pixels.")
        check_scans(data, pixels=image.width * image.height, where=where)
        check_png(data, where=where)
        if least is not None:
            image.draft("RGB", (least, least))
        image.load()  # before EXIF is asked for: there a PNG's damage would count as damaged metadata
        turn = _TURNS.get(_orientation(image))
        upright = image if turn is None else image.transpose(turn)
        return _as_rgba(upright)


def _bytes(path: Path) -> bytes:
    # Without O_NONBLOCK a pipe without a writer would be waited for at open, before it can be looked at.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise DataError(f"'{path}' is no regular file; name a file.")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(f"'{path}' has {max(about.st_size, len(data))} bytes; at most {MAX_BYTES} are read.")
    return data


def _small_enough(data: bytes, name: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise DataError(f"'{name}' has {len(data)} bytes; at most {MAX_BYTES} are read.")
    return data


def _orientation(image: Image.Image) -> int:
    """EXIF's number for how the camera was held; 1, upright, where there is none that can be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - damaged metadata fails in many ways, and the pixels do not need it
        return 1


def _as_rgba(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image.convert("RGBA")
    # 16 bits of grey: Pillow's own conversion clips at 255.
    deep = np.asarray(image).astype(np.uint32)
    grey = ((deep + 128) // 257).astype(np.uint8)
    clear = image.info.get("transparency")
    opaque = np.full(grey.shape, 255, dtype=np.uint8)
    if isinstance(clear, int):
        opaque[deep == clear] = 0
    return Image.fromarray(np.stack([grey, grey, grey, opaque], axis=-1), "RGBA")


def _on(background: int, image: Image.Image) -> Image.Image:
    """RGB: an RGBA picture laid on one grey."""
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    plain = Image.new("RGBA", image.size, (background, background, background, 255))
    return Image.alpha_composite(plain, image).convert("RGB")


def _fitted(mask: Pixels, shape: tuple[int, ...], *, mask_path: Path | str, path: Path | str) -> Pixels:
    if mask.shape == shape:
        return mask
    if mask.shape == shape[::-1]:
        raise DataError(
            f"the mask '{mask_path}' is {mask.shape[1]} x {mask.shape[0]} and its picture '{path}' "
            f"{shape[1]} x {shape[0]}: one of them is turned. Save both upright, without an EXIF rotation."
        )
    log.warning("the mask '%s' is %d x %d, not %d x %d as its picture '%s': resized",
                mask_path, mask.shape[1], mask.shape[0], shape[1], shape[0], path)  # fmt: skip
    resized = Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.array(resized, dtype=np.uint8)


@contextmanager
def _folded(path: Path | str) -> Iterator[None]:
    """Every failure of a decoder, and Pillow has many kinds, as one DataError with the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata, which is dropped
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"'{path}' has more than {MAX_PIXELS} pixels ({error}).") from error
    except UnidentifiedImageError as error:
        raise DataError(f"'{path}' is not a readable {', '.join(FORMATS)} picture. Replace it.") from error
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"cannot read the picture '{path}': {reason}. Replace it.") from error
