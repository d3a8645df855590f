"""Pictures from files: PNG, JPEG and WebP, with a pixel limit, decoded no larger than needed."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from anaglyph.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 20 << 20
MAX_PIXELS = 50_000_000


def read_picture(path: Path, *, size: int, gray: bool = False) -> NDArray[np.uint8]:
    """Read one picture as (1 or 3, size, size), resized without keeping its proportions.

    Raises:
        DataError: absent, of another format, damaged, or beyond 20 MiB or 50 million pixels.
    """
    mode = "L" if gray else "RGB"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"'{path}' has {path.stat().st_size} bytes; at most {MAX_BYTES} are read.")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(
                        f"'{path}' is {image.width} x {image.height}; at most {MAX_PIXELS} pixels."
                    )
                image.draft(mode, (2 * size, 2 * size))  # JPEG decodes at a fraction of its size
                small = image.convert(mode).resize((size, size), Image.Resampling.BICUBIC)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"'{path}' has more than {MAX_PIXELS} pixels ({error}).") from error
    except UnidentifiedImageError as error:
        raise DataError(f"'{path}' is not a readable {', '.join(FORMATS)} picture. Replace it.") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"cannot read the picture '{path}': {error}. Replace it.") from error
    pixels = np.asarray(small, dtype=np.uint8)
    return pixels[None] if gray else np.ascontiguousarray(pixels.transpose(2, 0, 1))
